/* CodeSystem, ValueSet and ConceptMap for machine clients: the terminology service behind a scope (people go by the operation term.fhir). */
#include "records/fhir/fhir_private.h"
#include "records/term/term.h"
#include "records/term/ts.h"
#include <jansson.h>

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

static void make_absolute(json_t *of, const char *name, const char *base, const char *path)
{
    json_object_set_new(of, name, json_sprintf("%s/%s", base, path));
}

/* The service knows no address: links and names of a search are written below this server's. */
static void place(struct fhir_work *w, json_t *bundle)
{
    char base[300], path[200];
    json_t *one;
    size_t i;
    fhir_base(w, base);
    json_array_foreach(json_object_get(bundle, "link"), i, one) {
        char *url = strdup(json_string_value(json_object_get(one, "url")));
        make_absolute(one, "url", base, url ? url : "");
        free(url);
    }
    json_array_foreach(json_object_get(bundle, "entry"), i, one) {
        const char *id = json_string_value(json_object_get(json_object_get(one, "resource"), "id"));
        snprintf(path, sizeof path, "%s/%s", w->plan->type->name, id ? id : "");
        make_absolute(one, "fullUrl", base, path);
    }
}

static void answer(struct fhir_work *w, const struct ts *ts, const char *operation, json_t *in)
{
    struct ts_request q = {w->plan->type->name, w->plan->id, operation, in};
    struct r4_buf b = {0};
    json_t *resource = NULL;
    int status = *operation ? ts_answer_text(ts, &q, &b.p, &b.n) : ts_read(ts, &q, &resource);
    if (!*operation && !w->plan->id[0])
        place(w, resource);
    if (!*operation && (b.p = json_dumps(resource, JSON_COMPACT)))
        b.n = strlen(b.p);
    json_decref(resource);
    b.cap = b.n + 1;
    if (b.p)
        fhir_answer_buf(w, status, &b);
    else
        (void)!fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
}

/* A search that asks for strictness is told of what it may not ask for. */
static int check_search(struct fhir_work *w)
{
    char name[64];
    for (size_t i = 0; i < w->plan->n_pairs && w->plan->strict; i++) {
        struct r4_str n = w->plan->pairs[i].name;
        snprintf(name, sizeof name, "%.*s", (int)n.n, n.p);
        if (!ts_read_knows(name) && strcmp(name, "_summary") && strcmp(name, "_elements"))
            return fhir_fail_status(w, 400, "not-found", "There is no search parameter %s for %s.", name, w->plan->type->name);
    }
    return 0;
}

int rest_terms(struct fhir_work *w, struct r4_str operation)
{
    struct ts *ts;
    bool get = strcmp(w->q.method, "GET") == 0 || strcmp(w->q.method, "HEAD") == 0;
    w->op = "fhir.terms";
    if (!get && !(operation.n && strcmp(w->q.method, "POST") == 0))
        return fhir_fail(w, ERR_METHOD, "method", "The terminology of this site is read and asked, not written.");
    int rc = fhir_need(w, w->plan->type->name, MAY_READ);
    if (rc)
        return rc;
    if (terms_ts(records_parts(w->records)->terms, &ts, &w->fault))
        return fhir_fail(w, ERR_UNAVAILABLE, "terms", "The terminology service is not ready.");
    json_t *list = json_array(), *in = json_pack("{s:s, s:o}", "resourceType", "Parameters", "parameter", list);
    rc = operation.n || w->plan->id[0] ? 0 : check_search(w);
    rc = rc ? rc : read_parameters(w, list);
    if (rc == 0 && operation.n && w->q.languages && *w->q.languages)
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", TS_ACCEPT_LANGUAGE, "valueString", w->q.languages));
    char name[64];
    snprintf(name, sizeof name, "%.*s", operation.n ? (int)operation.n - 1 : 0, operation.n ? operation.p + 1 : ""); /* behind the $ */
    if (rc == 0)
        answer(w, ts, name, in);
    json_decref(in);
    return rc;
}
