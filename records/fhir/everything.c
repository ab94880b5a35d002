/* Patient/$everything (http://hl7.org/fhir/R4/patient-operation-everything.html): what lies in a patient's record, and what supports it - the
 * practitioners, organisations, places, medicines it refers to, that are in no patient's record. */
#include "records/fhir/kin.h"
#include "records/r4/search.h"
#include <stdio.h>

#define SUPPORT_MAX 1000 /* of one page */

struct all {
    int64_t since_ms, at, after; /* where the page before ended: in whose record, behind which resource */
    int64_t start_ms, end_ms;    /* of care, [start, end) */
    size_t want, n; /* those of the house come beside n */
    struct r4_str types, since, start, end; /* as they were asked */
    bool more;
    struct r4_buf b;
    struct supporting { /* what the page refers to */
        const struct r4_type *type;
        char name[FHIR_ID_BYTES];
    } *support;
    size_t n_support;
};

/* ---- what is asked ---- */

/* "record.resource", of what he may see anyway. */
static bool take_place(struct r4_str value, struct all *a)
{
    char text[48], *dot, *end;
    snprintf(text, sizeof text, "%.*s", value.p && value.n < sizeof text ? (int)value.n : 0, value.p ? value.p : "");
    a->at = strtoll(text, &dot, 10);
    a->after = *dot == '.' ? strtoll(dot + 1, &end, 10) : -1;
    return a->at > 0 && a->after >= 0 && !*end;
}

static bool take_date(struct r4_str value, bool upper, int64_t *out, struct r4_str *as_asked)
{
    int64_t low, high;
    if (!value.n || !r4_date_interval(value.p, value.n, FHIR_ZONE_MIN, &low, &high))
        return false;
    *out = upper ? high : low;
    *as_asked = value;
    return true;
}

/* _type may come more than once. */
static bool take_types(struct fhir_work *w, struct r4_str value, struct all *a)
{
    struct r4_doc *d = w->plan->scratch->doc;
    for (const char *p = value.p, *end = p + value.n; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p)), *to = comma ? comma : end;
        if (!r4_resource(fhir_r4(w->fhir), p, (size_t)(to - p)))
            return false;
        p = to + 1;
    }
    char *all = r4_doc_alloc(d, a->types.n + value.n + 2);
    if (!all || !value.n)
        return false;
    int n = sprintf(all, "%.*s%s%.*s", (int)a->types.n, a->types.n ? a->types.p : "", a->types.n ? "," : "", (int)value.n, value.p);
    a->types = (struct r4_str){all, (size_t)n};
    return true;
}

static bool take_one(struct fhir_work *w, struct r4_str name, struct r4_str value, struct all *a)
{
    int64_t n;
    if (r4_str_is(name, "_count")) {
        if (!text_to_version(value.p ? value.p : "", value.n, &n))
            return false;
        a->want = n > FHIR_PAGE_MAX ? FHIR_PAGE_MAX : (size_t)n;
        return true;
    }
    return r4_str_is(name, "_since")  ? take_date(value, false, &a->since_ms, &a->since)
           : r4_str_is(name, "start") ? take_date(value, false, &a->start_ms, &a->start)
           : r4_str_is(name, "end")   ? take_date(value, true, &a->end_ms, &a->end)
           : r4_str_is(name, "_type") ? take_types(w, value, a)
                                      : r4_str_is(name, "_page") && take_place(value, a);
}

static int no_such_parameter(struct fhir_work *w, struct r4_str name)
{
    return fhir_fail_status(w, 400, "not-supported", "$everything has no such parameter or value: %.*s.", (int)(name.n < 80 ? name.n : 80), name.p ? name.p : "");
}

/* POST: Parameters, each with its name and one value. */
static int take_body(struct fhir_work *w, struct all *a)
{
    struct r4_json_error e;
    struct r4_node *root;
    if (!w->q.len || strcmp(w->q.method, "POST"))
        return 0;
    if (!fhir_speaks(w->q.content_type))
        return fhir_fail(w, ERR_MEDIA_TYPE, "not_json", "The body must be application/fhir+json.");
    if (r4_json_parse(w->plan->scratch->doc, w->q.body, w->q.len, &root, &e) || !r4_is(r4_get(root, "resourceType"), "Parameters"))
        return fhir_fail_status(w, 400, "invalid", "The body of $everything is a Parameters resource.");
    const struct r4_node *list = r4_get(root, "parameter");
    for (const struct r4_node *one = list && list->kind == R4_ARRAY ? list->child : NULL; one; one = one->next) {
        struct r4_str name = r4_text(r4_get(one, "name")), value = {0};
        for (const struct r4_node *m = one->child; m; m = m->next)
            if (m->key_len > 5 && memcmp(m->key, "value", 5) == 0)
                value = r4_text(m);
        if (!name.n || !take_one(w, name, value, a))
            return no_such_parameter(w, name);
    }
    return 0;
}

static int take_parameters(struct fhir_work *w, struct all *a)
{
    const struct fhir_plan *p = w->plan;
    a->want = FHIR_PAGE_MAX;
    a->since_ms = a->at = a->after = a->start_ms = INT64_MIN;
    a->end_ms = INT64_MAX;
    for (size_t i = 0; i < p->n_pairs; i++)
        if (!take_one(w, p->pairs[i].name, p->pairs[i].value, a))
            return no_such_parameter(w, p->pairs[i].name);
    int rc = take_body(w, a);
    if (rc == 0 && a->start_ms >= a->end_ms)
        rc = fhir_fail_status(w, 400, "invalid", "$everything: start lies behind end.");
    return rc;
}

/* ---- dates of care ---- */

/* The parameters that say when care was given. Not here: dates of birth and death, of what a resource is valid for or expires. */
static bool of_care(const char *code)
{
    static const char *const codes[] = {"abatement-date", "authored", "authored-on", "authoredon", "collected", "created", "date", "datetime", "datewritten", "effective",
                                        "effective-time", "event-date", "identified", "occurrence", "onset-date", "period", "received", "recorded-date", "sent", "start-date",
                                        "started", "whenhandedover", "whenprepared"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

/* Is one of its dates of care between start and end? What has none is never out of the way: nobody can say that it is not of that time. */
static bool in_time(const struct all *a, const struct facts *facts)
{
    bool dated = false;
    for (size_t i = 0; i < facts->n; i++) {
        const struct r4_value *v = &facts->values[i];
        if (v->type != R4_P_DATE || !of_care(v->param->code))
            continue;
        if (v->low_ms < a->end_ms && v->high_ms > a->start_ms)
            return true;
        dated = true;
    }
    return !dated;
}

static bool timed(const struct all *a)
{
    return a->start.n || a->end.n;
}

/* `plain`: opened facts. */
static bool of_that_time(struct fhir_work *w, const struct all *a, const struct r4_type *type, const char *plain, size_t len)
{
    struct facts facts = {0};
    struct r4_doc *d = w->plan->scratch->rows;
    r4_doc_reset(d);
    bool in = facts_read(w->fhir, d, type, plain, len, &facts) && in_time(a, &facts);
    facts_clear(&facts);
    return in;
}

/* ---- what is there ---- */

static bool listed(struct r4_str list, const char *type)
{
    size_t n = strlen(type);
    for (const char *p = list.p, *end = p ? p + list.n : p; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t len = comma ? (size_t)(comma - p) : (size_t)(end - p);
        if (len == n && memcmp(p, type, n) == 0)
            return true;
        p += len + 1;
    }
    return !list.n;
}

static bool wanted(const struct fhir_work *w, const struct all *a, const char *type, int64_t t_ms)
{
    return t_ms >= a->since_ms && listed(a->types, type) && fhir_may(w, type, MAY_READ);
}

struct referring {
    struct fhir_work *w;
    struct all *a;
};

/* What lies in patients' records is told of by itself. */
static bool of_records(const struct fhir_work *w, const struct r4_type *type)
{
    const struct r4_param *const *params;
    return strcmp(type->name, "Patient") == 0 || r4_compartment(fhir_r4(w->fhir), "Patient", type, &params) > 0;
}

/* "Practitioner/7", each once. */
static void note_reference(void *ctx, struct r4_node *reference)
{
    struct referring *r = ctx;
    struct all *a = r->a;
    struct r4_str text = r4_text(reference);
    const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL, *end = slash ? text.p + text.n : NULL;
    const struct r4_type *type = slash ? r4_resource(fhir_r4(r->w->fhir), text.p, (size_t)(slash - text.p)) : NULL;
    const char *stop = type ? memchr(slash + 1, '/', (size_t)(end - slash - 1)) : NULL; /* /_history/3 */
    size_t n = type ? (size_t)((stop ? stop : end) - slash - 1) : 0;
    if (!n || n >= FHIR_ID_BYTES || !r4_id_ok(slash + 1, n) || a->n_support == SUPPORT_MAX || of_records(r->w, type))
        return;
    for (size_t i = 0; i < a->n_support; i++)
        if (a->support[i].type == type && strncmp(a->support[i].name, slash + 1, n) == 0 && !a->support[i].name[n])
            return;
    struct supporting *one = &a->support[a->n_support++];
    one->type = type;
    memcpy(one->name, slash + 1, n);
    one->name[n] = 0;
}

static void note_references(struct fhir_work *w, struct r4_str body, struct all *a)
{
    struct r4_doc *d = w->plan->scratch->doc;
    struct r4_mark mark = r4_doc_mark(d);
    struct r4_node *resource;
    if (a->support && r4_json_parse(d, body.p, body.n, &resource, NULL) == 0)
        r4_references(fhir_r4(w->fhir), resource, note_reference, &(struct referring){w, a});
    r4_doc_rewind(d, mark);
}

static int put_entry(struct fhir_work *w, const struct r4_type *type, const char *name, struct r4_str body, const char *mode, struct all *a)
{
    char base[300];
    fhir_base(w, base);
    r4_buf_printf(&a->b, "%s{\"fullUrl\":\"%s/%s/%s\",\"resource\":", a->b.n ? "," : ",\"entry\":[", base, type->name, name);
    int rc = body_shape(w, type, body, &a->b);
    r4_buf_printf(&a->b, ",\"search\":{\"mode\":\"%s\"}}", mode);
    return rc;
}

/* false: the page is full. */
static bool add_one(struct fhir_work *w, const struct r4_type *type, const char *name, struct r4_str body, struct all *a, int *rc)
{
    a->more = a->n == a->want;
    if (a->more)
        return false;
    a->n++;
    *rc = put_entry(w, type, name, body, "match", a);
    note_references(w, body, a);
    return true;
}

/* What is referred to and lies in nobody's record. */
static int add_support(struct fhir_work *w, struct tx *tx, struct all *a)
{
    int rc = 0;
    for (size_t i = 0; i < a->n_support && rc == 0; i++) {
        const struct supporting *s = &a->support[i];
        struct fhir_row row = {0};
        if (!listed(a->types, s->type->name) || !fhir_may(w, s->type->name, MAY_READ))
            continue;
        rc = row_find(w, tx, s->type, str(s->name), ROW_BODY, &row);
        if (rc == 0 && row.found && !row.deleted && !row.pkey)
            rc = put_entry(w, row.type, row.name, (struct r4_str){row.body, row.body_len}, "include", a);
        fhir_row_clear(&row);
    }
    return rc;
}

/* The Patient of a record, before all else: other rows are asked for his links (kin.h). */
static int add_patient(struct fhir_work *w, struct tx *tx, int64_t pkey, struct all *a)
{
    struct fhir_row row = {0};
    bool linked;
    int rc = row_load(w, tx, pkey, pkey, ROW_BODY, &row);
    if (rc == 0 && row.found && !row.deleted && wanted(w, a, row.type->name, row.t_ms) && !fhir_closed(w, tx, row.pkey, row.rid)) {
        rc = kin_link(w, tx, &row, &linked);
        if (rc == 0)
            (void)add_one(w, row.type, row.name, (struct r4_str){row.body, row.body_len}, a, &rc);
    }
    fhir_row_clear(&row);
    return rc;
}

static bool row_of_that_time(struct fhir_work *w, const struct all *a, struct query *q)
{
    const char *name = query_text(q, "type");
    const struct r4_type *type = r4_resource(fhir_r4(w->fhir), name, strlen(name));
    size_t sealed_len, len;
    const void *sealed = query_blob(q, "facts", &sealed_len);
    char *facts = body_open(w->fhir, w->plan->scratch, w->fhir->facts_key, (const int64_t[2]){query_int(q, "rid"), query_int(q, "vid")}, sealed, sealed_len, &len);
    bool in = type && facts && of_that_time(w, a, type, facts, len);
    free(facts);
    return in;
}

#define ROWS(more) "SELECT rid, type, name, vid, t_ms, body" more " FROM fhir_resource WHERE pkey=$1 AND rid>$2 AND rid<>$1 AND deleted=0 ORDER BY rid"

static int add_rows(struct fhir_work *w, struct tx *tx, int64_t pkey, struct all *a)
{
    int64_t last = pkey == a->at ? a->after : INT64_MIN;
    int rc = 0;
    if (pkey < a->at || a->more)
        return 0;
    if (last == INT64_MIN && (rc = add_patient(w, tx, pkey, a)))
        return rc;
    if (a->more) /* the page before was full to the last place: this record is the next one's */
        return 0;
    last = last == INT64_MIN ? 0 : last;
    struct query *q = tx_query(tx, timed(a) ? ROWS(", facts") : ROWS(""), "ii", pkey, last);
    while (rc == 0 && !a->more && query_next(q)) {
        const char *type = query_text(q, "type");
        size_t sealed_len, len;
        if (!wanted(w, a, type, query_int(q, "t_ms")) || fhir_closed(w, tx, pkey, query_int(q, "rid")) || (timed(a) && !row_of_that_time(w, a, q)))
            continue;
        const void *sealed = query_blob(q, "body", &sealed_len);
        char *body = body_open(w->fhir, w->plan->scratch, w->fhir->body_key, (const int64_t[2]){query_int(q, "rid"), query_int(q, "vid")}, sealed, sealed_len, &len);
        if (!body)
            rc = ERR_STORAGE;
        else if (add_one(w, r4_resource(fhir_r4(w->fhir), type, strlen(type)), query_text(q, "name"), (struct r4_str){body, len}, a, &rc))
            last = query_int(q, "rid");
        free(body);
    }
    a->at = pkey;
    a->after = last;
    int ended = query_end(q);
    return rc ? rc : ended;
}

static int add_own_row(struct fhir_work *w, const struct fhir_row *row, struct all *a)
{
    if (row->t_ms < a->since_ms || !listed(a->types, row->type->name) || !fhir_may(w, row->type->name, MAY_READ))
        return 0;
    if (timed(a) && !of_that_time(w, a, row->type, row->facts, row->facts_len))
        return 0;
    return put_entry(w, row->type, row->name, (struct r4_str){row->body, row->body_len}, "match", a);
}

/* A person of the index: he himself and what the house keeps of him, all on the first page; what lies in the store of him follows.
 * patient->pkey is where; 0 = nothing does. */
static int add_own(struct fhir_work *w, struct tx *tx, uint64_t person, struct fhir_row *patient, struct all *a)
{
    static const char *const types[] = {"ServiceRequest", "Task", "DiagnosticReport", "Appointment", "Communication"};
    char reference[FHIR_ID_BYTES + 10];
    struct own o;
    if (!own_open(&o, w, tx))
        return ERR_UNAVAILABLE;
    int rc = own_row(&o, own_kind_of("Patient"), person, patient);
    own_close(&o);
    if (rc == 0 && !patient->found)
        return fhir_fail(w, ERR_NOT_FOUND, "no_resource", "There is no such resource.");
    rc = rc || a->after != INT64_MIN ? rc : add_own_row(w, patient, a);
    snprintf(reference, sizeof reference, "Patient/%s", patient->name);
    for (size_t i = 0; i < sizeof types / sizeof *types && rc == 0 && a->after == INT64_MIN; i++) {
        struct own_rows rows = {0};
        rc = own_that_refer(w, tx, r4_resource(fhir_r4(w->fhir), types[i], strlen(types[i])), "patient", reference, &rows);
        for (size_t k = 0; k < rows.n && rc == 0; k++)
            rc = add_own_row(w, &rows.list[k], a);
        own_rows_clear(&rows);
    }
    return rc;
}

/* What lies in the store of him: under the name he has here, and in the records of the Patients who are he. */
static int add_kin(struct fhir_work *w, struct tx *tx, uint64_t person, struct all *a)
{
    struct kin kin[KIN_MAX];
    int64_t kept = tx_int(tx, 0, "SELECT pkey FROM fhir_name WHERE type='Patient' AND name=$1", "t", w->plan->id);
    struct own o;
    if (!own_open(&o, w, tx))
        return ERR_UNAVAILABLE;
    size_t n = kin_of_person(&o, person, kin);
    own_close(&o);
    int rc = tx_error(tx);
    bool told = !kept;
    for (size_t i = 0; i <= n && rc == 0; i++) { /* by their keys: the place of a page is one of them */
        if (!told && (i == n || kept < kin[i].pkey)) {
            told = true;
            rc = add_rows(w, tx, kept, a);
        }
        if (i < n && rc == 0 && kin[i].pkey >= a->at && !a->more) {
            fhir_note(w, "fhir.everything", kin[i].patient, (uint64_t)kin[i].pkey, "");
            rc = add_rows(w, tx, kin[i].pkey, a);
        }
    }
    return rc;
}

static void write_wish(struct r4_buf *out, const char *name, struct r4_str value)
{
    if (!value.n)
        return;
    r4_buf_printf(out, "&%s=", name);
    for (size_t i = 0; i < value.n; i++) /* a date: the sign of its zone is all that needs it */
        r4_buf_printf(out, value.p[i] == '+' || value.p[i] == ' ' ? "%%2B" : "%c", value.p[i]);
}

static void write_next(struct fhir_work *w, const struct all *a, const char *base, struct r4_buf *out)
{
    r4_buf_printf(out, ",\"link\":[{\"relation\":\"next\",\"url\":\"%s/Patient/%s/$everything?_count=%zu", base, w->plan->id, a->want);
    write_wish(out, "_type", a->types);
    write_wish(out, "_since", a->since);
    write_wish(out, "start", a->start);
    write_wish(out, "end", a->end);
    r4_buf_printf(out, "&_page=%lld.%lld\"}]", (long long)a->at, (long long)a->after);
}

void rest_everything(struct fhir_work *w, struct tx *tx)
{
    struct all a = {0};
    struct fhir_row patient = {0};
    uint64_t person;
    struct r4_buf out = {0};
    char base[300];
    w->op = "fhir.everything";
    if (fhir_need(w, "Patient", MAY_READ | MAY_SEARCH) || take_parameters(w, &a))
        return;
    if (!w->plan->id[0]) {
        (void)!fhir_fail_status(w, 400, "not-supported", "$everything is asked of one patient.");
        return;
    }
    int rc;
    a.support = calloc(SUPPORT_MAX, sizeof *a.support);
    if (own_name("Patient", w->plan->id, &person)) {
        rc = add_own(w, tx, person, &patient, &a);
        rc = rc ? rc : add_kin(w, tx, person, &a);
    } else {
        rc = row_find(w, tx, w->plan->type, (struct r4_str){w->plan->id, strlen(w->plan->id)}, 0, &patient);
        if (rc == 0 && (!patient.found || patient.deleted))
            rc = fhir_fail(w, ERR_NOT_FOUND, "no_resource", "There is no such resource.");
        rc = rc ? rc : fhir_not_closed(w, tx, &patient);
        rc = rc ? rc : add_rows(w, tx, patient.pkey, &a);
    }
    rc = rc ? rc : add_support(w, tx, &a);
    free(a.support);
    if (rc) {
        fhir_row_clear(&patient);
        if (!w->answer.status)
            (void)!fhir_fail(w, rc, "", "The record cannot be read.");
        r4_buf_clear(&a.b);
        return;
    }
    fhir_base(w, base);
    r4_buf_puts(&out, "{\"resourceType\":\"Bundle\",\"type\":\"searchset\"");
    if (a.more)
        write_next(w, &a, base, &out);
    if (a.b.n) {
        r4_buf_put(&out, a.b.p, a.b.n);
        r4_buf_puts(&out, "]");
    }
    r4_buf_puts(&out, "}");
    r4_buf_clear(&a.b);
    fhir_note(w, "fhir.everything", (uint64_t)patient.pkey, (uint64_t)patient.rid, "");
    fhir_row_clear(&patient);
    fhir_answer_buf(w, 200, &out);
}
