/* The CapabilityStatement and Patient/$everything. What the statement says is made from the tables the code runs by. */
#include "records/fhir/kin.h"
#include "records/r4/search.h"
#include "records/r4/validate.h"
#include <stdio.h>

/* ---- metadata ---- */

static void write_params(struct r4_buf *b, const struct r4 *r4, const struct r4_type *type)
{
    const struct r4_param *const *list;
    size_t n = r4_params(r4, type, &list), shown = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i]->type != R4_P_SPECIAL && list[i]->expression)
            r4_buf_printf(b, "%s{\"name\":\"%s\",\"definition\":\"http://hl7.org/fhir/SearchParameter/%s\",\"type\":\"%s\"}", shown++ ? "," : ",\"searchParam\":[",
                          list[i]->code, list[i]->id, r4_param_type_name(list[i]->type));
    if (shown)
        r4_buf_puts(b, "]");
    shown = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i]->type == R4_P_REFERENCE)
            r4_buf_printf(b, "%s\"%s:%s\"", shown++ ? "," : ",\"searchInclude\":[", type->name, list[i]->code);
    if (shown)
        r4_buf_puts(b, "]");
}

/* What the terminology service does over its three types (records/fhir/terms.c). */
static void write_terms(struct r4_buf *b, const char *type)
{
    static const struct {
        const char *type, *operation, *definition;
    } operations[] = {{"CodeSystem", "lookup", "CodeSystem-lookup"}, {"CodeSystem", "validate-code", "CodeSystem-validate-code"},
                      {"CodeSystem", "subsumes", "CodeSystem-subsumes"}, {"ValueSet", "expand", "ValueSet-expand"},
                      {"ValueSet", "validate-code", "ValueSet-validate-code"}, {"ValueSet", "batch-validate-code", "ValueSet-batch-validate-code"}, {"ConceptMap", "translate", "ConceptMap-translate"}};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].type, type) == 0)
            r4_buf_printf(b, ",{\"name\":\"%s\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/%s\"}", operations[i].operation, operations[i].definition);
}

static void write_type(struct r4_buf *b, const struct r4 *r4, const struct r4_type *type)
{
    static const char *const interactions[] = {"read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"};
    const struct own_kind *own = own_kind_of(type->name);
    r4_buf_printf(b, "{\"type\":\"%s\",", type->name);
    if (own)
        r4_buf_printf(b, "\"documentation\":\"Those whose id begins with %s are the house's own: read, found by search, in $everything and $export; of their versions the newest is kept (ETag, If-None-Match, vread), their instance history says%s when they changed; a write to them is refused.\",", own->prefix, own->past ? "" : " only");
    if (strcmp(type->name, "Subscription") == 0)
        r4_buf_puts(b, "\"documentation\":\"Channel rest-hook: payload application/fhir+json (PUT endpoint/Type/id) or none (POST endpoint). Criteria: a search of one type. Sent only to endpoints the site allows; until then a Subscription stays requested. At most 10 of a client, under its scopes.\",");
    if (terms_type(type->name))
        r4_buf_puts(b, "\"documentation\":\"Beside what clients write stands what is loaded here and what FHIR itself defines: read, found by search and used by the operations, written by nobody (409). A resource is changed by the institution that wrote it alone, and a url is one institution's.\",");
    r4_buf_puts(b, "\"interaction\":[");
    for (size_t i = 0; i < sizeof interactions / sizeof *interactions; i++)
        r4_buf_printf(b, "%s{\"code\":\"%s\"}", i ? "," : "", interactions[i]);
    r4_buf_puts(b, "],\"versioning\":\"versioned-update\",\"readHistory\":true,\"updateCreate\":true,\"conditionalCreate\":true,\"conditionalRead\":\"full-support\","
                   "\"conditionalUpdate\":true,\"conditionalDelete\":\"single\"");
    write_params(b, r4, type);
    static const char validate[] = "{\"name\":\"validate\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/Resource-validate\"}";
    if (strcmp(type->name, "Patient") != 0) {
        r4_buf_printf(b, ",\"operation\":[%s", validate);
        write_terms(b, type->name);
        r4_buf_puts(b, "]");
    } else
        r4_buf_printf(b, ",\"operation\":[%s,{\"name\":\"everything\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/Patient-everything\"},{\"name\":\"export\",\"definition\":\"http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export\"},"
                        "{\"name\":\"match\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/Patient-match\"},"
                        "{\"name\":\"ihe-pix\",\"definition\":\"https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix\"}]", validate);
    r4_buf_puts(b, "}");
}

/* ?mode=terminology: what $expand takes (records/term/ts_expand.c). */
static void write_terminology(struct fhir_work *w, const char *base)
{
    static const char *const parameters[] = {"activeOnly", "check-system-version", "count", "default-valueset-version", "designation", "displayLanguage", "excludeNested",
                                             "excludeNotForUI", "filter", "force-system-version", "includeDefinition", "includeDesignations", "offset", "property",
                                             "system-version", "tx-resource", "useSupplement"};
    struct r4_buf b = {0};
    r4_buf_printf(&b, "{\"resourceType\":\"TerminologyCapabilities\",\"url\":\"%s/metadata?mode=terminology\",\"version\":\"1.0.0\",\"name\":\"YilianTerminology\",\"title\":\"Yilian terminology service\","
                      "\"status\":\"active\",\"date\":\"2026-11-28\",\"kind\":\"instance\",\"software\":{\"name\":\"Yilian\"},\"implementation\":{\"description\":\"Yilian\",\"url\":\"%s\"},"
                      "\"lockedDate\":false,\"expansion\":{\"hierarchical\":true,\"paging\":true,\"incomplete\":false,\"parameter\":[", base, base);
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        r4_buf_printf(&b, "%s{\"name\":\"%s\"}", i ? "," : "", parameters[i]);
    r4_buf_puts(&b, "],\"textFilter\":\"Words: Chinese (traditional or simplified), pinyin initials, the beginning of a code.\"},\"codeSearch\":\"all\",\"validateCode\":{\"translations\":true},\"translation\":{\"needsMap\":true}}");
    fhir_answer_buf(w, 200, &b);
}

void rest_metadata(struct fhir_work *w)
{
    const struct r4 *r4 = fhir_r4(w->fhir);
    const struct r4_type *const *types;
    size_t n = r4_resources(r4, &types);
    char base[300];
    struct r4_buf b = {0};
    fhir_base(w, base);
    for (size_t i = 0; i < w->plan->n_pairs; i++)
        if (r4_str_is(w->plan->pairs[i].name, "mode") && r4_str_is(w->plan->pairs[i].value, "terminology")) {
            write_terminology(w, base);
            return;
        }
    r4_buf_printf(&b, "{\"resourceType\":\"CapabilityStatement\",\"url\":\"%s/metadata\",\"version\":\"1.0.0\",\"name\":\"Yilian\",\"title\":\"Yilian FHIR service\",\"instantiates\":[\"http://hl7.org/fhir/CapabilityStatement/terminology-server\"],\"status\":\"active\",\"date\":\"2026-11-28\",\"kind\":\"instance\",\"fhirVersion\":\"4.0.1\","
                      "\"format\":[\"application/fhir+json\",\"json\"],\"software\":{\"name\":\"Yilian\"},\"implementation\":{\"description\":\"Yilian\",\"url\":\"%s\"},"
                      "\"rest\":[{\"mode\":\"server\",\"security\":{\"service\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/restful-security-service\","
                      "\"code\":\"SMART-on-FHIR\"}]}],\"extension\":[{\"url\":\"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris\","
                      "\"extension\":[{\"url\":\"token\",\"valueUri\":\"%s/auth/token\"}]}]},\"resource\":[", base, base, base);
    for (size_t i = 0; i < n; i++) {
        if (i)
            r4_buf_puts(&b, ",");
        write_type(&b, r4, types[i]);
    }
    r4_buf_puts(&b, "],\"interaction\":[{\"code\":\"batch\"},{\"code\":\"transaction\"},{\"code\":\"history-system\"},{\"code\":\"search-system\"}],\"operation\":[{\"name\":\"export\",\"definition\":\"http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export\"},{\"name\":\"process-message\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message\"}]}]}");
    fhir_answer_buf(w, 200, &b);
}

/* ---- Patient/$everything (http://hl7.org/fhir/R4/patient-operation-everything.html): what lies in a patient's record, and what supports it - the
 * practitioners, organisations, places, medicines it refers to, that are in no patient's record ---- */

#define SUPPORT_MAX 1000 /* of one page */

struct all {
    int64_t since_ms, at, after; /* where the page before ended: in whose record, behind which resource */
    size_t want, n; /* those of the house come beside n */
    struct r4_str types, since; /* as they were asked */
    bool more;
    struct r4_buf b;
    struct supporting { /* what the page refers to */
        const struct r4_type *type;
        char name[FHIR_ID_BYTES];
    } *support;
    size_t n_support;
};

/* "record.resource", of what he may see anyway. */
static bool take_place(struct r4_str value, struct all *a)
{
    char text[48], *dot, *end;
    snprintf(text, sizeof text, "%.*s", value.p && value.n < sizeof text ? (int)value.n : 0, value.p ? value.p : "");
    a->at = strtoll(text, &dot, 10);
    a->after = *dot == '.' ? strtoll(dot + 1, &end, 10) : -1;
    return a->at > 0 && a->after >= 0 && !*end;
}

static int take_parameters(struct fhir_work *w, struct all *a)
{
    const struct fhir_plan *p = w->plan;
    int64_t n;
    a->want = FHIR_PAGE_MAX;
    a->since_ms = a->at = a->after = INT64_MIN;
    for (size_t i = 0; i < p->n_pairs; i++) {
        struct r4_str name = p->pairs[i].name, value = p->pairs[i].value;
        if (r4_str_is(name, "_count") && text_to_version(value.p ? value.p : "", value.n, &n))
            a->want = n > FHIR_PAGE_MAX ? FHIR_PAGE_MAX : (size_t)n;
        else if (r4_str_is(name, "_since") && r4_date_interval(value.p, value.n, FHIR_ZONE_MIN, &a->since_ms, &n))
            a->since = value;
        else if (r4_str_is(name, "_type"))
            a->types = value;
        else if (r4_str_is(name, "_page") && take_place(value, a))
            continue;
        else
            return fhir_fail_status(w, 400, "not-supported", "$everything has no such parameter or value: %.*s.", (int)name.n, name.p);
    }
    return 0;
}

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
    struct query *q = tx_query(tx, "SELECT rid, type, name, vid, t_ms, body FROM fhir_resource WHERE pkey=$1 AND rid>$2 AND rid<>$1 AND deleted=0 ORDER BY rid", "ii", pkey, last);
    while (rc == 0 && !a->more && query_next(q)) {
        const char *type = query_text(q, "type");
        size_t sealed_len, len;
        if (!wanted(w, a, type, query_int(q, "t_ms")) || fhir_closed(w, tx, pkey, query_int(q, "rid")))
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

static void write_next(struct fhir_work *w, const struct all *a, const char *base, struct r4_buf *out)
{
    r4_buf_printf(out, ",\"link\":[{\"relation\":\"next\",\"url\":\"%s/Patient/%s/$everything?_count=%zu%s%.*s", base, w->plan->id, a->want, a->types.n ? "&_type=" : "",
                  (int)a->types.n, a->types.n ? a->types.p : "");
    r4_buf_puts(out, a->since.n ? "&_since=" : "");
    for (size_t i = 0; i < a->since.n; i++) /* a date: the sign of its zone is all that needs it */
        r4_buf_printf(out, a->since.p[i] == '+' || a->since.p[i] == ' ' ? "%%2B" : "%c", a->since.p[i]);
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
