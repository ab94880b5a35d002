/* CodeSystem, ValueSet and ConceptMap for machine clients: the catalogue and the operations of the terminology service behind a scope (people go
 * by the operation term.fhir). What clients write themselves is the store's, as any resource. */
#include "records/fhir/fhir_private.h"
#include "records/term/term.h"
#include "records/term/ts.h"
#include <jansson.h>
#include <stdio.h>

bool terms_type(const char *type)
{
    return strcmp(type, "CodeSystem") == 0 || strcmp(type, "ValueSet") == 0 || strcmp(type, "ConceptMap") == 0;
}

static bool add_text(json_t *list, struct r4_str name, struct r4_str value)
{
    json_t *one = json_pack("{s:s%, s:s%}", "name", name.p, name.n, "valueString", value.p ? value.p : "", value.n);
    return one && json_array_append_new(list, one) == 0;
}

/* The query, a form, or a Parameters resource: a list of parameters. */
static int read_parameters(struct fhir_work *w, json_t *list)
{
    for (size_t i = 0; i < w->plan->n_pairs; i++)
        if (!add_text(list, w->plan->pairs[i].name, w->plan->pairs[i].value))
            return fhir_fail(w, ERR_MALFORMED, "query_not_utf8", "The query is not UTF-8.");
    if (!w->q.len)
        return 0;
    if (!fhir_speaks(w->q.content_type))
        return fhir_fail(w, ERR_MEDIA_TYPE, "not_json", "The body must be application/fhir+json.");
    json_error_t e;
    json_t *body = json_loadb(w->q.body, w->q.len, JSON_REJECT_DUPLICATES, &e);
    const char *type = json_string_value(json_object_get(body, "resourceType"));
    int rc = 0;
    if (!body)
        rc = fhir_fail(w, ERR_MALFORMED, "bad_json", "The body is not JSON: line %d, column %d.", e.line, e.column);
    else if (!type || strcmp(type, "Parameters") != 0)
        rc = fhir_fail(w, ERR_MALFORMED, "not_parameters", "The body must be a Parameters resource.");
    else
        json_array_extend(list, json_object_get(body, "parameter"));
    json_decref(body);
    return rc;
}

static struct ts *service(struct fhir_work *w)
{
    struct fault unused = {0};
    struct ts *ts;
    return terms_ts(records_parts(w->records)->terms, &ts, &unused) ? NULL : ts;
}

/* ---- the catalogue ---- */

bool terms_listed(struct fhir_work *w, const char *type, const char *name)
{
    const struct ts *ts = name[0] && terms_type(type) ? service(w) : NULL;
    return ts && ts_lists_id(ts, type, name);
}

/* 409: what stands in the way is what is loaded here, not a right that somebody could be given (403), and the URL takes these methods for others (405). */
int terms_refuse(struct fhir_work *w, const struct r4_type *type)
{
    char path[60];
    snprintf(path, sizeof path, "%s.id", type->name);
    fault_clear(&w->fault);
    (void)!fault_field(&w->fault, path, "of_the_catalogue");
    return fhir_fail(w, ERR_CONFLICT, "of_the_catalogue", "This id belongs to the terminology that is loaded here, which is not changed over FHIR: choose another id.");
}

bool terms_read(struct fhir_work *w)
{
    const struct r4_type *type = w->plan->type;
    if (!terms_listed(w, type->name, w->plan->id))
        return false;
    struct ts_request q = {type->name, w->plan->id, "", NULL};
    json_t *resource = NULL;
    struct r4_buf b = {0};
    char *text = ts_read(service(w), &q, &resource) == 200 ? json_dumps(resource, JSON_COMPACT) : NULL;
    if (text && body_shape(w, type, str(text), &b) == 0)
        fhir_answer_buf(w, 200, &b);
    else
        (void)!fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    free(text);
    r4_buf_clear(&b);
    json_decref(resource);
    return true;
}

/* ---- the operations ---- */

static void answer(struct fhir_work *w, const struct ts *ts, const char *operation, json_t *in)
{
    struct ts_request q = {w->plan->type->name, w->plan->id, operation, in};
    struct r4_buf b = {0};
    int status = ts_answer_text(ts, &q, &b.p, &b.n);
    b.cap = b.n + 1;
    if (b.p)
        fhir_answer_buf(w, status, &b);
    else
        (void)!fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
}

int rest_terms(struct fhir_work *w, struct tx *tx, struct r4_str operation)
{
    struct terms *terms = records_parts(w->records)->terms;
    struct terms_view view;
    struct fault unused = {0};
    char name[64];
    w->op = "fhir.terms";
    int rc = fhir_need(w, w->plan->type->name, MAY_READ);
    if (rc)
        return rc;
    if (terms_view_open(terms, tx, &view, &unused))
        return fhir_fail(w, ERR_UNAVAILABLE, "terms", "The terminology service is not ready.");
    json_t *list = json_array(), *in = json_pack("{s:s, s:o}", "resourceType", "Parameters", "parameter", list);
    rc = read_parameters(w, list);
    if (rc == 0 && w->q.languages && *w->q.languages)
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", TS_ACCEPT_LANGUAGE, "valueString", w->q.languages));
    snprintf(name, sizeof name, "%.*s", (int)operation.n - 1, operation.p + 1); /* behind the $ */
    if (rc == 0)
        answer(w, view.ts, name, in);
    terms_view_close(terms, &view);
    json_decref(in);
    return rc;
}
