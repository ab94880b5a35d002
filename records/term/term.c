/* The terms the daemon holds, and the operations that look into them. */
#include "records/term/term.h"
#include "records/parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int terms_open(struct terms **out, const char *config_dir, struct fault *f)
{
    struct terms *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    pthread_mutex_init(&t->lock, NULL);
    pthread_mutex_init(&t->site_lock, NULL);
    atomic_init(&t->empty, -1);
    snprintf(t->dir, sizeof t->dir, "%s/data", config_dir);
    if (pinyin_open(&t->pinyin, t->dir) || icd10_open(&t->icd10, t->dir, t->pinyin)) {
        terms_close(t);
        return fault_set(f, ERR_STORAGE, "terms", "The term tables in %s/data cannot be read.", config_dir);
    }
    *out = t;
    return 0;
}

void terms_close(struct terms *t)
{
    if (!t)
        return;
    terms_view_close(t, &(struct terms_view){.site = t->site}); /* the last who holds it */
    ts_close(t->ts);
    dx_close(t->dx);
    icd10_close(t->icd10);
    pinyin_close(t->pinyin);
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->site_lock);
    free(t);
}

static int unreadable(const struct terms *t, struct fault *f)
{
    return fault_set(f, ERR_STORAGE, "terms", "The term tables in %s cannot be read.", t->dir);
}

int terms_dx(struct terms *t, const struct dx **out, struct fault *f)
{
    pthread_mutex_lock(&t->lock);
    int rc = t->dx ? 0 : dx_open(&t->dx, t->dir, t->icd10);
    *out = t->dx;
    pthread_mutex_unlock(&t->lock);
    return rc ? unreadable(t, f) : 0;
}

int terms_ts(struct terms *t, struct ts **out, struct fault *f)
{
    pthread_mutex_lock(&t->lock);
    int rc = t->ts ? 0 : ts_open(&t->ts, t->dir, t->pinyin);
    *out = t->ts;
    pthread_mutex_unlock(&t->lock);
    return rc ? unreadable(t, f) : 0;
}

static int icd10_op(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct icd10_hit hits[ICD10_LIMIT_MAX];
    size_t n = icd10_search(records_parts(ctx->records)->terms->icd10, arg_text(args, "q"),
                            (size_t)arg_int(args, "limit", 20), hits);
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, json_pack("{s:s%,s:s%,s:s%}", "code", hits[i].code, hits[i].code_len, "text", hits[i].name,
                                               hits[i].name_len, "pinyin", hits[i].initials, hits[i].initials_len));
    *result = json_pack("{s:o}", "items", items);
    return 0;
}

/* ---- the normal form ---- */

static json_t *candidates_json(const struct dx *x, const struct dx_diagnosis *d, size_t limit)
{
    struct icd10_hit hits[ICD10_LIMIT_MAX];
    size_t n = dx_candidates(x, d, hits, limit);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s%,s:s%}", "code", hits[i].code, hits[i].code_len, "text", hits[i].name, hits[i].name_len));
    return list;
}

static int dx_op(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const struct dx *x;
    if (terms_dx(records_parts(ctx->records)->terms, &x, ctx->fault))
        return ctx->fault->code;
    const char *text = arg_text(args, "text");
    struct dx_result *r = malloc(sizeof *r);
    char *json = malloc(256 << 10);
    json_t *list = NULL, *one;
    size_t i;
    if (r && json) {
        dx_normalise(x, text, strlen(text), r);
        list = json_loadb(json, dx_json(r, true, json, 256 << 10), 0, NULL);
        json_array_foreach(list, i, one)
            json_object_set_new(one, "candidates", candidates_json(x, &r->diagnoses[i], (size_t)arg_int(args, "limit", 5)));
    }
    free(r);
    free(json);
    if (!list)
        return fault_set(ctx->fault, ERR_INTERNAL, "", "Out of memory.");
    *result = json_pack("{s:s,s:o}", "text", text, "diagnoses", list);
    return 0;
}

/* ---- FHIR ---- */

static int fhir_text(const struct ts *ts, const struct ts_request *q, struct op_ctx *ctx, json_t **result)
{
    char *text;
    size_t len;
    int status = ts_answer_text(ts, q, &text, &len);
    if (!text)
        return fault_set(ctx->fault, ERR_INTERNAL, "", "Out of memory.");
    *result = json_pack("{s:i,s:o}", "status", status, "text", json_stringn_nocheck(text, len)); /* made of texts that were checked */
    free(text);
    return 0;
}

static int fhir_ask(const struct ts *ts, struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *id = arg_text(args, "id"), *operation = arg_text(args, "operation");
    struct ts_request q = {arg_text(args, "type"), id ? id : "", operation ? operation : "", json_object_get(args, "parameters")};
    json_t *resource = NULL;
    if (arg_text(args, "language"))
        json_array_append_new(json_object_get(json_object_get(args, "parameters"), "parameter"),
                              json_pack("{s:s, s:s}", "name", TS_ACCEPT_LANGUAGE, "valueString", arg_text(args, "language")));
    if (*q.operation && json_is_true(json_object_get(args, "text")))
        return fhir_text(ts, &q, ctx, result);
    int status = *q.operation ? ts_answer(ts, &q, &resource) : ts_read(ts, &q, &resource);
    *result = json_pack("{s:i,s:o}", "status", status, "resource", resource);
    return 0;
}

static int fhir_op(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct terms *t = records_parts(ctx->records)->terms;
    struct terms_view view;
    if (terms_view_open(t, ctx->tx, &view, ctx->fault))
        return ctx->fault->code;
    int rc = fhir_ask(view.ts, ctx, args, result);
    terms_view_close(t, &view);
    return rc;
}

static const struct field icd10_args[] = {
    {.name = "q", .type = FIELD_TEXT, .required = true, .min = 1, .max = 100, .help = "code, Chinese, pinyin initials or pinyin"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = ICD10_LIMIT_MAX, .help = "default 20"},
    {0},
};

static const struct field dx_args[] = {
    {.name = "text", .type = FIELD_TEXT, .required = true, .min = 1, .max = 2000, .help = "the doctor's words"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = 20, .help = "ICD-10 candidates of each diagnosis, default 5"},
    {0},
};

static const struct field fhir_args[] = {
    {.name = "type", .type = FIELD_ENUM, .required = true, .choices = "CodeSystem|ValueSet|ConceptMap"},
    {.name = "id", .type = FIELD_TEXT, .max = 64},
    {.name = "operation", .type = FIELD_TEXT, .max = 40, .help = "lookup, validate-code, expand, subsumes, translate, batch-validate-code; none: read or search"},
    {.name = "parameters", .type = FIELD_ANY, .help = "a Parameters resource"},
    {.name = "language", .type = FIELD_TEXT, .max = 200, .help = "Accept-Language of an operation: asked for where neither the parameters nor the set say any"},
    {.name = "text", .type = FIELD_BOOL, .help = "of an operation: the resource comes as a text, as it goes out"},
    {0},
};

const struct op term_ops[] = {
    {"term.icd10", OP_READ, OP_QUICK, "self", icd10_args, icd10_op, "Search the insurance edition of ICD-10"},
    {"term.dx", OP_READ, 0, "self", dx_args, dx_op, "The normal form of a diagnosis, with ICD-10 candidates"},
    {"term.fhir", OP_READ, OP_QUICK, "self", fhir_args, fhir_op, "The terminology service: FHIR operations on code systems, value sets, maps"},
    {0},
};
