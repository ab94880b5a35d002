/* What all kinds of our own resources share (own.h). */
#include "records/fhir/own.h"
#include "records/patient/index.h"
#include <stdio.h>

static const struct own_kind *const kinds[] = {&own_patient, &own_request, &own_task, &own_report, &own_appointment, &own_message, &own_slot, &own_schedule};


/* ---- one request's view ---- */

bool own_open(struct own *o, struct fhir_work *w, struct tx *tx)
{
    memset(o, 0, sizeof *o);
    o->w = w;
    o->actor = (struct actor){.person = {w->actor.person}, .org = {w->actor.org}, .dept = {w->actor.dept}, .session = w->actor.session,
                              .roles = w->actor.roles, .system = w->actor.system};
    o->ctx = (struct op_ctx){.records = w->records, .tx = tx, .actor = &o->actor, .now_ms = w->now_ms, .fault = &o->fault,
                             .client_address = w->q.client_address, .user_agent = ""};
    fhir_base(w, o->base);
    o->scratch = scratch_take(w->fhir);
    return o->scratch || !fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
}

void own_close(struct own *o)
{
    scratch_give(o->w->fhir, o->scratch);
    o->scratch = NULL;
}

bool own_is_of(const struct own *o, uint64_t org)
{
    return !o->actor.org.v || o->actor.org.v == org;
}

void own_ids_add(struct own_ids *ids, uint64_t id)
{
    for (size_t i = 0; i < ids->n; i++)
        if (ids->list[i] == id)
            return;
    if (ids->n < OWN_LOOK)
        ids->list[ids->n++] = id;
    else
        ids->cut = true;
}

/* ---- names ---- */

const struct own_kind *own_kind_of(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->type, type) == 0)
            return kinds[i];
    return NULL;
}

bool own_name(const char *type, const char *name, uint64_t *id)
{
    const struct own_kind *k = own_kind_of(type);
    size_t n = k ? strlen(k->prefix) : 0;
    return k && strncmp(name, k->prefix, n) == 0 && id_parse(name + n, id) == 0 && *id;
}

void own_id(const struct own_kind *k, uint64_t id, char out[FHIR_ID_BYTES])
{
    char hex[ID_TEXT_BYTES];
    id_format(id, hex);
    snprintf(out, FHIR_ID_BYTES, "%s%s", k->prefix, hex);
}

/* ---- pieces of resources ---- */

json_t *own_instant(int64_t ms)
{
    char text[R4_INSTANT_BYTES];
    r4_instant(ms, text);
    return json_string(text);
}

/* What every resource begins with, then the rest; takes it. */
static json_t *with_head(const struct own_kind *k, uint64_t id, int64_t t_ms, json_t *rest)
{
    char name[FHIR_ID_BYTES];
    own_id(k, id, name);
    json_t *whole = json_pack("{s:s,s:s,s:{s:s}}", "resourceType", k->type, "id", name, "meta", "source", "urn:yilian:house");
    if (t_ms)
        json_object_set_new(json_object_get(whole, "meta"), "lastUpdated", own_instant(t_ms));
    json_object_update_missing(json_object_get(whole, "meta"), json_object_get(rest, "meta")); /* a label */
    json_object_update_missing(whole, rest);
    json_decref(rest);
    return whole;
}

json_t *own_org(struct own *o, uint64_t org)
{
    json_t *ref = NULL;
    struct query *q = tx_query(o->ctx.tx, "SELECT code, name FROM org WHERE id=$1", "i", (int64_t)org);
    if (org && query_next(q))
        ref = json_pack("{s:s,s:{s:s,s:s},s:s}", "type", "Organization", "identifier", "system", OWN_ORG, "value", query_text(q, "code"), "display",
                        query_text(q, "name"));
    return query_end(q) || !ref ? json_null() : ref;
}

json_t *own_patient_ref(struct own *o, uint64_t patient)
{
    char name[FHIR_ID_BYTES], ref[FHIR_ID_BYTES + 10];
    uint64_t person = patient_index_person(&o->ctx, patient);
    own_id(&own_patient, person ? person : patient, name);
    snprintf(ref, sizeof ref, "Patient/%s", name);
    return json_pack("{s:s}", "reference", ref);
}

json_t *own_domain_system(const char *oid, const char *namespace_id)
{
    return oid[0] ? json_sprintf("urn:oid:%s", oid) : json_sprintf("urn:yilian:domain:%s", namespace_id);
}

/* ---- rows ---- */

/* Facts are made of what it is found by, in the doc of one resource. */
static int write_facts(struct own *o, const struct r4_type *type, const json_t *resource, struct fhir_row *row)
{
    struct facts facts = {0};
    struct r4_buf b = {0};
    struct r4_node *root;
    char *text = json_dumps(resource, JSON_COMPACT);
    r4_doc_reset(o->scratch->doc);
    int rc = text ? 0 : ERR_UNAVAILABLE;
    rc = rc ? rc : r4_json_parse(o->scratch->doc, text, strlen(text), &root, NULL);
    rc = rc ? rc : facts_of(o->w->fhir, o->scratch, root, o->base, &facts);
    if (rc == 0)
        facts_write(&facts, type, &b);
    facts_clear(&facts);
    free(text);
    row->facts = b.p;
    row->facts_len = b.n;
    return rc ? rc : b.failed ? ERR_UNAVAILABLE : 0;
}

/* Named by its content: the same number and the same hash is the same resource, byte for byte. */
static int name_version(struct own *o, const struct own_made *made, char version[OWN_VERSION_BYTES])
{
    uint8_t mac[SHA256_BYTES];
    char hex[13], *text = json_dumps(made->shown, JSON_COMPACT);
    if (!text)
        return ERR_UNAVAILABLE;
    crypto_hmac_sha256(o->w->fhir->page_key, 32, text, strlen(text), mac);
    free(text);
    if (hex_encode(mac, 6, hex, sizeof hex) < 0)
        return ERR_UNAVAILABLE;
    snprintf(version, OWN_VERSION_BYTES, "%lld.%s", (long long)made->number, hex);
    json_object_set_new(json_object_get(made->shown, "meta"), "versionId", json_string(version));
    return 0;
}

int own_row_version(struct own *o, const struct own_kind *k, uint64_t id, struct fhir_row *row, char version[OWN_VERSION_BYTES])
{
    struct own_made made = {0};
    memset(row, 0, sizeof *row);
    int rc = k->make(o, id, &made);
    rc = rc ? rc : tx_error(o->ctx.tx);
    if (rc == 0 && made.shown) {
        made.shown = with_head(k, id, made.t_ms, made.shown);
        if (made.searched)
            made.searched = with_head(k, id, made.t_ms, made.searched);
        rc = name_version(o, &made, version);
        *row = (struct fhir_row){.type = r4_resource(fhir_r4(o->w->fhir), k->type, strlen(k->type)), .pkey = (int64_t)made.patient, .rid = (int64_t)id,
                                 .vid = 1, .t_ms = made.t_ms, .found = true};
        own_id(k, id, row->name);
        row->body = json_dumps(made.shown, JSON_COMPACT);
        row->body_len = row->body ? strlen(row->body) : 0;
        rc = rc ? rc : row->body ? write_facts(o, row->type, made.searched ? made.searched : made.shown, row) : ERR_UNAVAILABLE;
    }
    json_decref(made.shown);
    json_decref(made.searched);
    if (rc)
        fhir_row_clear(row);
    return rc;
}

int own_row(struct own *o, const struct own_kind *k, uint64_t id, struct fhir_row *row)
{
    char version[OWN_VERSION_BYTES];
    return own_row_version(o, k, id, row, version);
}

/* If-None-Match: W/"..", "..", a list of them, or *; a date says too little here (names change without one). */
static bool has_it(const char *if_none_match, const char *version)
{
    char quoted[OWN_VERSION_BYTES + 2];
    snprintf(quoted, sizeof quoted, "\"%s\"", version);
    return strcmp(if_none_match, "*") == 0 || strstr(if_none_match, quoted);
}

static void answer_own(struct fhir_work *w, struct fhir_row *row, const char *version)
{
    struct r4_buf b = {0};
    char detail[80];
    snprintf(detail, sizeof detail, "%s %s", row->type->name, row->name);
    fhir_note(w, "fhir.read", (uint64_t)row->pkey, (uint64_t)row->rid, detail);
    snprintf(w->answer.etag, sizeof w->answer.etag, "W/\"%s\"", version);
    w->answer.modified_ms = row->t_ms;
    if (has_it(w->q.if_none_match, version))
        w->answer.status = 304;
    else if (body_shape(w, row->type, (struct r4_str){row->body, row->body_len}, &b)) {
        r4_buf_clear(&b);
        (void)!fhir_fail(w, ERR_UNAVAILABLE, "", "The resource cannot be read.");
    } else
        fhir_answer_buf(w, 200, &b);
}

bool own_read(struct fhir_work *w, struct tx *tx, const char *version)
{
    struct own o;
    struct fhir_row row = {0};
    uint64_t id;
    char now[OWN_VERSION_BYTES] = "";
    if (!own_name(w->plan->type->name, w->plan->id, &id))
        return false;
    if (!own_open(&o, w, tx))
        return true;
    int rc = own_row_version(&o, own_kind_of(w->plan->type->name), id, &row, now);
    if (rc)
        (void)!fhir_fail(w, rc, "", "The resource cannot be read.");
    else if (!row.found)
        (void)!fhir_fail(w, ERR_NOT_FOUND, "no_resource", "There is no such resource.");
    else if (version && strcmp(version, now) != 0)
        (void)!fhir_fail(w, ERR_NOT_FOUND, "version_not_kept", "Of the house's own resources only the newest version is kept.");
    else
        answer_own(w, &row, now);
    fhir_row_clear(&row);
    own_close(&o);
    return true;
}

int own_refuse(struct fhir_work *w, const struct r4_type *type)
{
    char path[60];
    snprintf(path, sizeof path, "%s.id", type->name);
    fault_clear(&w->fault);
    (void)!fault_field(&w->fault, path, "read_only");
    snprintf(w->answer.allow, sizeof w->answer.allow, "GET, HEAD");
    return fhir_fail(w, ERR_METHOD, "read_only", "This resource is kept by the house itself: it is changed there, not over FHIR.");
}

/* ---- search ---- */

const struct r4_term *own_term(const struct finder *f, const char *code)
{
    for (size_t i = 0; i < f->n_needs; i++) {
        const struct r4_term *t = f->needs[i].term;
        bool plain = t && !t->chain && !t->reverse && (t->modifier == R4_M_NONE || t->modifier == R4_M_EXACT || t->modifier == R4_M_TYPE);
        if (plain && t->n_operands && strcmp(t->param->code, code) == 0)
            return t;
    }
    return NULL;
}

static void add_members(struct own *o, uint64_t person, struct own_ids *ids)
{
    struct query *q = tx_query(o->ctx.tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT 200", "i", (int64_t)person);
    while (query_next(q))
        own_ids_add(ids, (uint64_t)query_int(q, "patient_id"));
    (void)!query_end(q); /* the error sticks */
}

bool own_referred(const struct finder *f, const char *code, const struct own_kind *kind, struct own_ids *ids)
{
    const struct r4_term *t = own_term(f, code);
    char name[FHIR_ID_BYTES];
    uint64_t id;
    for (size_t i = 0; t && i < t->n_operands; i++) {
        struct r4_str s = t->operands[i].v.ref_id;
        snprintf(name, sizeof name, "%.*s", s.p && s.n < sizeof name ? (int)s.n : 0, s.p ? s.p : "");
        if (own_name(kind->type, name, &id))
            own_ids_add(ids, id);
    }
    return t != NULL;
}

bool own_patients_named(struct own *o, const struct finder *f, struct own_ids *ids)
{
    static const char *const codes[] = {"patient", "subject"};
    struct own_ids *persons;
    uint64_t person;
    if (o->w->plan->compartment) {
        if (strcmp(o->w->plan->compartment, "Patient") == 0 && own_name("Patient", o->w->plan->id, &person))
            add_members(o, person, ids);
        return true;
    }
    if (!own_term(f, codes[0]) && !own_term(f, codes[1]))
        return false;
    persons = calloc(1, sizeof *persons);
    if (!persons)
        abort();
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++)
        (void)own_referred(f, codes[c], &own_patient, persons);
    for (size_t i = 0; i < persons->n; i++)
        add_members(o, persons->list[i], ids);
    free(persons);
    return true;
}

static bool in_compartment(const struct need *n, const struct facts *facts)
{
    for (size_t k = 0; k < facts->n_tokens; k++)
        for (size_t j = 0; j < n->n_keys; j++)
            if (facts->tokens[k].key == n->keys[j])
                return true;
    return false;
}

bool own_has_id(const struct r4_term *t, const char *name)
{
    for (size_t i = 0; i < t->n_operands; i++)
        if (r4_str_is(t->operands[i].v.code.p ? t->operands[i].v.code : t->operands[i].v.string, name))
            return true;
    return false;
}

/* _has: what lies in the store and speaks of one of ours has given its name keys. */
static bool spoken_of(const struct finder *f, const struct need *n, const struct fhir_row *row)
{
    bool found = false;
    struct query *q = n->hits.n ? tx_query(f->tx, "SELECT pkey, rid FROM fhir_name WHERE type=$1 AND name=$2", "tt", f->type->name, row->name) : NULL;
    if (!q)
        return false;
    if (query_next(q))
        found = hits_have(&n->hits, query_int(q, "pkey"), query_int(q, "rid"));
    return query_end(q) == 0 && found;
}

bool own_meets(const struct finder *f, const struct fhir_row *row, const struct facts *facts)
{
    for (size_t i = 0; i < f->n_needs; i++) {
        const struct need *n = &f->needs[i];
        bool holds = !n->term ? in_compartment(n, facts)
                     : n->term->reverse ? spoken_of(f, n, row)
                     : !n->term->chain && n->term->modifier == R4_M_NONE && strcmp(n->term->param->code, "_id") == 0 ? own_has_id(n->term, row->name)
                                                                                                                     : term_holds(f, n, row, facts);
        if (!holds)
            return false;
    }
    return true;
}

int own_keep(struct own_rows *rows, struct fhir_row *row)
{
    if (rows->n == rows->cap) {
        size_t cap = rows->cap ? 2 * rows->cap : 32;
        struct fhir_row *more = realloc(rows->list, cap * sizeof *more);
        if (!more)
            return ERR_UNAVAILABLE;
        rows->list = more;
        rows->cap = cap;
    }
    rows->list[rows->n++] = *row;
    memset(row, 0, sizeof *row);
    return 0;
}

static int try_one(struct own *o, const struct own_kind *k, const struct finder *f, uint64_t id, struct own_rows *out)
{
    struct fhir_row row;
    struct facts facts = {0};
    int rc = own_row(o, k, id, &row);
    if (rc || !row.found)
        return rc;
    r4_doc_reset(o->scratch->doc);
    if (!facts_read(o->w->fhir, o->scratch->doc, row.type, row.facts, row.facts_len, &facts))
        rc = ERR_UNAVAILABLE;
    if (rc == 0 && f->compartment)
        facts_rows(o->w->fhir, row.type, &facts);
    if (rc == 0 && own_meets(f, &row, &facts))
        rc = own_keep(out, &row);
    facts_clear(&facts);
    fhir_row_clear(&row);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = (uint64_t)((const struct fhir_row *)a)->rid, y = (uint64_t)((const struct fhir_row *)b)->rid;
    return x < y ? -1 : x > y;
}

static void add_named(const struct own_kind *k, const struct r4_term *t, struct own_ids *ids)
{
    char name[FHIR_ID_BYTES];
    uint64_t id;
    for (size_t i = 0; i < t->n_operands; i++) {
        struct r4_str code = t->operands[i].v.code.p ? t->operands[i].v.code : t->operands[i].v.string;
        snprintf(name, sizeof name, "%.*s", code.p && code.n < sizeof name ? (int)code.n : 0, code.p ? code.p : "");
        if (own_name(k->type, name, &id))
            own_ids_add(ids, id);
    }
}

int own_search(struct finder *f, struct own_rows *out)
{
    const struct own_kind *k = own_kind_of(f->type->name);
    struct own_ids *ids = k ? calloc(1, sizeof *ids) : NULL;
    struct own o;
    if (terms_type(f->type->name))
        return terms_search(f, out);
    if (!k)
        return 0;
    if (!ids || !own_open(&o, f->w, f->tx)) {
        free(ids);
        return ERR_UNAVAILABLE;
    }
    const struct r4_term *named = own_term(f, "_id");
    if (named)
        add_named(k, named, ids);
    int rc = named ? 0 : k->look(&o, f, ids);
    rc = rc ? rc : tx_error(f->tx);
    for (size_t i = 0; i < ids->n && rc == 0; i++)
        rc = try_one(&o, k, f, ids->list[i], out);
    out->cut = out->cut || ids->cut;
    if (out->n)
        qsort(out->list, out->n, sizeof *out->list, by_number);
    own_close(&o);
    free(ids);
    return rc;
}

void own_rows_clear(struct own_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        fhir_row_clear(&rows->list[i]);
    free(rows->list);
    memset(rows, 0, sizeof *rows);
}

int own_that_refer(struct fhir_work *w, struct tx *tx, const struct r4_type *type, const char *param, const char *reference, struct own_rows *out)
{
    struct r4_doc *d = w->plan->scratch->doc;
    struct r4_query query = {0};
    struct finder *f = own_kind_of(type->name) ? calloc(1, sizeof *f) : NULL;
    const char *compartment = w->plan->compartment;
    if (!f)
        return 0;
    struct r4_pair pair = {{param, strlen(param)}, {r4_doc_copy(d, reference, strlen(reference)), strlen(reference)}};
    w->plan->compartment = NULL; /* of the request, not of this search */
    fault_clear(&w->fault);
    int rc = pair.value.p ? r4_query_parse(fhir_r4(w->fhir), d, type, &pair, 1, &query, &w->fault) : ERR_UNAVAILABLE;
    rc = rc ? rc : finder_open(f, w, tx, type, query.terms);
    rc = rc ? rc : own_search(f, out);
    w->plan->compartment = compartment;
    finder_close(f);
    free(f);
    return rc;
}
