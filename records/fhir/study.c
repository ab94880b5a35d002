#include "records/fhir/study.h"
#include "records/fhir/clean.h"
#include "records/fhir/own.h"
#include "records/patient/identity.h"
#include "records/quality/quality.h"
#include "records/term/icd10.h"
#include "records/term/ts.h"
#include <stdio.h>

#define WHO_ICD10 "http://hl7.org/fhir/sid/icd-10"

struct study {
    struct op_ctx *ctx;
    struct fhir_work w;
    struct clean_resource read;
    uint64_t right_of; /* whose `right` is */
    json_t *right;     /* what was put right of his entries */
};
struct place {
    int64_t pkey, rid;
};
struct places {
    struct place *list;
    size_t n, cap;
};

struct study *study_open(struct op_ctx *ctx)
{
    struct study *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->ctx = ctx;
    s->w = (struct fhir_work){.records = ctx->records, .fhir = records_parts(ctx->records)->fhir, .now_ms = ctx->now_ms, .q = {.host = ""}};
    if (fhir_plan_new(&s->w))
        return s;
    study_close(s);
    return NULL;
}

void study_close(struct study *s)
{
    if (!s)
        return;
    json_decref(s->right);
    free(s->w.answer.body);
    fhir_work_fini(&s->w);
    explicit_bzero(s, sizeof *s);
    free(s);
}

static const struct r4_type *type_of(const struct study *s, const char *name)
{
    return r4_resource(fhir_r4(s->w.fhir), name, strlen(name));
}

/* ---- by the index ---- */

static int add_place(struct places *p, int64_t pkey, int64_t rid)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 256;
        struct place *more = realloc(p->list, cap * sizeof *more);
        if (!more)
            return ERR_UNAVAILABLE;
        p->list = more;
        p->cap = cap;
    }
    p->list[p->n++] = (struct place){pkey, rid};
    return 0;
}

static int with_token(struct study *s, const char *type, const char *param, const char *system, struct r4_str code, struct places *out)
{
    const struct r4_type *t = type_of(s, type);
    const struct r4_param *p = r4_param_find(fhir_r4(s->w.fhir), t, param, strlen(param));
    if (!p)
        return 0;
    int rc = 0;
    struct query *q = tx_query(s->ctx->tx, "SELECT pkey, rid FROM fhir_token WHERE key=$1", "i", key_system_code(s->w.fhir, t, p, str(system), code));
    while (rc == 0 && query_next(q))
        rc = add_place(out, query_int(q, "pkey"), query_int(q, "rid"));
    int ended = query_end(q);
    return rc ? rc : ended;
}

/* Local codes that a person said to be one of these. */
static int with_local_codes(struct study *s, const char *prefix, struct places *out)
{
    struct quality_local *list;
    size_t n;
    int rc = quality_said_to_be(s->ctx->tx, TS_ICD10_NHSA, prefix, &list, &n);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = with_token(s, "Condition", "code", list[i].system, str(list[i].code), out);
    free(list);
    return rc;
}

static int with_code(struct study *s, const char *code, struct places *out)
{
    int rc = with_token(s, "Condition", "code", TS_ICD10_NHSA, str(code), out);
    return rc ? rc : with_token(s, "Condition", "code", WHO_ICD10, str(code), out);
}

/* The list is by code: a category and a subcategory stand before what is below them. */
static int all_codes(struct study *s, const char *prefix, struct places *out)
{
    const struct icd10 *list = records_parts(s->ctx->records)->terms->icd10;
    char last[2][16] = {"", ""}, code[16];
    size_t len = strlen(prefix);
    int rc = with_local_codes(s, prefix, out);
    rc = rc ? rc : with_code(s, prefix, out);
    for (size_t i = 0; i < icd10_count(list) && rc == 0; i++) {
        struct icd10_hit hit;
        icd10_at(list, i, &hit);
        if (hit.code_len < len || hit.code_len >= sizeof code || memcmp(hit.code, prefix, len) != 0)
            continue;
        for (size_t k = 0; k < 2 && rc == 0; k++) { /* I63, I63.9 */
            size_t n = k ? 5 : 3;
            snprintf(code, sizeof code, "%.*s", (int)(n < hit.code_len ? n : hit.code_len), hit.code);
            if (n <= len || n >= hit.code_len || strcmp(code, last[k]) == 0)
                continue;
            memcpy(last[k], code, sizeof code);
            rc = with_code(s, code, out);
        }
        snprintf(code, sizeof code, "%.*s", (int)hit.code_len, hit.code);
        if (rc == 0 && hit.code_len != len)
            rc = with_code(s, code, out);
    }
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->pkey != y->pkey)
        return x->pkey < y->pkey ? -1 : 1;
    return (x->rid > y->rid) - (x->rid < y->rid);
}

static void each_once(struct places *p)
{
    size_t n = 0;
    if (p->n)
        qsort(p->list, p->n, sizeof *p->list, by_place);
    for (size_t i = 0; i < p->n; i++)
        if (n == 0 || by_place(&p->list[n - 1], &p->list[i]) != 0)
            p->list[n++] = p->list[i];
    p->n = n;
}

/* ---- one resource ---- */

/* The client who wrote it last. */
static uint64_t source_of(struct study *s, const struct fhir_row *row)
{
    return (uint64_t)tx_int(s->ctx->tx, 0, "SELECT source_id AS n FROM fhir_resource WHERE pkey=$1 AND rid=$2", "ii", row->pkey, row->rid);
}

/* Parsed in the row's doc; NULL when it is not there, or not for research. */
static const struct r4_node *parsed(struct study *s, const struct fhir_row *row)
{
    struct r4_node *root;
    r4_doc_reset(s->w.plan->scratch->doc);
    if (!row->body || r4_json_parse(s->w.plan->scratch->doc, row->body, row->body_len, &root, NULL) || clean_restricted(root))
        return NULL;
    return clean_refuted(root) ? NULL : root;
}

/* As a rule or a person put it right: a number in the item's unit. */
static void put_right(struct study *s, int64_t rid, const struct clean_part *p, struct study_entry *e)
{
    char key[60], id[ID_TEXT_BYTES];
    id_format((uint64_t)rid, id);
    snprintf(key, sizeof key, p->key ? "%s.%lld" : "%s", id, (long long)p->key);
    const json_t *better = json_object_get(s->right, key);
    const char *value = json_string_value(json_object_get(better, "value")), *unit = json_string_value(json_object_get(better, "unit"));
    const char *rule = json_string_value(json_object_get(better, "rule"));
    bool of_value = rule && (strncmp(rule, "unit.", 5) == 0 || strncmp(rule, "range.", 6) == 0 || strncmp(rule, "value.", 6) == 0);
    if (!of_value || strcmp(e->kind, "observation") != 0)
        return;
    e->value = value;
    e->unit = unit;
}

static int tell(struct study *s, const struct fhir_row *row, study_each each, void *to)
{
    const struct r4_node *root = parsed(s, row);
    struct clean_resource *r = &s->read;
    int rc = 0;
    r->n = 0;
    if (root)
        clean_resource_read(s->w.plan->scratch->doc, root, s->ctx->now_ms, r);
    uint64_t org = root && r->n ? fhir_org_named(s->ctx->tx, root) : 0, source = root && r->n ? source_of(s, row) : 0;
    for (size_t i = 0; i < r->n && rc == 0; i++) {
        const struct clean_entry *d = &r->parts[i].data;
        struct quality_standard said;
        struct study_entry e = {(uint64_t)row->pkey, strcmp(d->kind, "problem") == 0 ? "diagnosis" : d->kind, fhir_standard_of(s->ctx->tx, source, &r->parts[i], &said), d->value, d->unit, d->status, r->parts[0].data.t_ms, org};
        if (strcmp(d->kind, "encounter") == 0)
            e.code = clean_visit_class(root);
        put_right(s, row->rid, &r->parts[i], &e);
        rc = each(to, &e);
    }
    return rc ? rc : tx_error(s->ctx->tx);
}

static int load(struct study *s, const struct place *at, struct fhir_row *row)
{
    return row_load(&s->w, s->ctx->tx, at->pkey, at->rid, ROW_BODY, row);
}

static int take_right(struct study *s, uint64_t patient)
{
    if (s->right && s->right_of == patient)
        return 0;
    json_decref(s->right);
    s->right = quality_put_right(s->ctx, patient);
    s->right_of = patient;
    return tx_error(s->ctx->tx);
}

static int tell_places(struct study *s, const struct places *p, study_each each, void *to)
{
    int rc = 0;
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        struct fhir_row row = {0};
        rc = take_right(s, (uint64_t)p->list[i].pkey);
        rc = rc ? rc : load(s, &p->list[i], &row);
        rc = rc || row.deleted ? rc : tell(s, &row, each, to);
        fhir_row_clear(&row);
    }
    return rc;
}

int study_diagnoses(struct study *s, const char *code, study_each each, void *to)
{
    struct places p = {0};
    int rc = all_codes(s, code, &p);
    each_once(&p);
    rc = rc ? rc : tell_places(s, &p, each, to);
    free(p.list);
    return rc;
}

int study_entries(struct study *s, uint64_t patient, study_each each, void *to)
{
    struct places p = {0};
    int rc = 0;
    struct query *q = tx_query(s->ctx->tx,
                               "SELECT pkey, rid FROM fhir_resource WHERE pkey=$1 AND deleted=0 AND type IN ('Condition','Observation','Procedure','MedicationRequest',"
                               "'MedicationStatement','Encounter','DiagnosticReport') ORDER BY rid",
                               "i", (int64_t)patient);
    while (rc == 0 && query_next(q))
        rc = add_place(&p, query_int(q, "pkey"), query_int(q, "rid"));
    int ended = query_end(q);
    rc = rc ? rc : ended;
    rc = rc ? rc : tell_places(s, &p, each, to);
    free(p.list);
    return rc;
}

/* ---- patients ---- */

int study_patient(struct study *s, uint64_t patient, struct study_patient *out)
{
    struct fhir_row row = {0};
    const struct place at = {(int64_t)patient, (int64_t)patient};
    memset(out, 0, sizeof *out);
    int rc = load(s, &at, &row);
    const struct r4_node *root = rc == 0 && !row.deleted ? parsed(s, &row) : NULL;
    if (root)
        clean_resource_read(s->w.plan->scratch->doc, root, s->ctx->now_ms, &s->read);
    if (root && s->read.patient) {
        const struct clean_patient *p = &s->read.himself;
        struct identity id;
        const char *why;
        char today[11];
        date_of_ms(s->ctx->now_ms, FHIR_ZONE_MIN, today);
        out->found = true;
        snprintf(out->sex, sizeof out->sex, "%.11s", p->sex);
        snprintf(out->birth_date, sizeof out->birth_date, "%.10s", p->birth_date);
        out->org = fhir_org_named(s->ctx->tx, root);
        if (strcmp(p->id_type, "id_card") == 0 && identity_check(IDENTITY_CARD, p->id_no, today, &id, &why) == 0 && identity_card_normalise(p->id_no, out->id_no))
            out->id_no[0] = 0;
    }
    fhir_row_clear(&row);
    return rc;
}

size_t study_by_id_no(struct study *s, const char *id_no, uint64_t *out, size_t cap)
{
    struct places p = {0};
    size_t n = 0;
    char small[40];
    int rc = *id_no ? with_token(s, "Patient", "identifier", OWN_ID_NO, str(id_no), &p) : 0;
    snprintf(small, sizeof small, "%s", id_no);
    if (rc == 0 && *small && small[strlen(small) - 1] == 'X') { /* as many write it */
        small[strlen(small) - 1] = 'x';
        rc = with_token(s, "Patient", "identifier", OWN_ID_NO, str(small), &p);
    }
    each_once(&p);
    for (size_t i = 0; rc == 0 && i < p.n && n < cap; i++)
        out[n++] = (uint64_t)p.list[i].pkey;
    free(p.list);
    return n;
}

int study_consents(struct study *s, bool permit, int (*each)(void *to, uint64_t patient), void *to)
{
    struct places p = {0};
    int rc = with_token(s, "Consent", "scope", "http://terminology.hl7.org/CodeSystem/consentscope", R4_STR("research"), &p);
    for (size_t i = 0; i < p.n && rc == 0; i++) {
        struct fhir_row row = {0};
        struct r4_node *root = NULL;
        int64_t low = INT64_MIN, high = INT64_MAX, ignored;
        rc = load(s, &p.list[i], &row);
        r4_doc_reset(s->w.plan->scratch->doc);
        if (rc == 0 && row.body && !row.deleted && r4_json_parse(s->w.plan->scratch->doc, row.body, row.body_len, &root, NULL))
            root = NULL;
        struct r4_str from = r4_text(r4_at(root, "provision.period.start")), until = r4_text(r4_at(root, "provision.period.end"));
        bool dated = (!from.n || r4_date_interval(from.p, from.n, FHIR_ZONE_MIN, &low, &ignored)) && (!until.n || r4_date_interval(until.p, until.n, FHIR_ZONE_MIN, &ignored, &high));
        bool in_force = root && dated && low <= s->ctx->now_ms && s->ctx->now_ms < high && r4_is(r4_get(root, "status"), "active");
        if (in_force && row.pkey && r4_is(r4_at(root, "provision.type"), permit ? "permit" : "deny"))
            rc = each(to, (uint64_t)row.pkey);
        fhir_row_clear(&row);
    }
    free(p.list);
    return rc;
}
