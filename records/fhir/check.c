/* $validate: a resource judged by the base definitions, nothing stored (http://hl7.org/fhir/R4/resource-operation-validate.html). */
#include "records/fhir/fhir_private.h"

#define BASE "http://hl7.org/fhir/StructureDefinition/"

struct asked {
    const struct r4_node *resource;
    struct r4_str mode, profile;
};

static struct r4_str value_of(const struct r4_node *parameter)
{
    for (const struct r4_node *m = parameter->child; m; m = m->next)
        if (m->key_len > 5 && memcmp(m->key, "value", 5) == 0)
            return r4_text(m);
    return (struct r4_str){0};
}

static int read_asked(struct fhir_work *w, struct asked *a)
{
    struct r4_json_error e;
    struct r4_node *root;
    for (size_t i = 0; i < w->plan->n_pairs; i++) {
        a->mode = r4_str_is(w->plan->pairs[i].name, "mode") ? w->plan->pairs[i].value : a->mode;
        a->profile = r4_str_is(w->plan->pairs[i].name, "profile") ? w->plan->pairs[i].value : a->profile;
    }
    if (!w->q.len)
        return fhir_fail_status(w, 400, "required", "The body is missing: the resource, or Parameters with one.");
    if (!fhir_speaks(w->q.content_type))
        return fhir_fail(w, ERR_MEDIA_TYPE, "not_json", "The body must be application/fhir+json.");
    if (r4_json_parse(w->plan->scratch->doc, w->q.body, w->q.len, &root, &e))
        return fhir_fail(w, ERR_MALFORMED, "bad_json", "The body is not JSON: line %u, column %u: %s.", e.line, e.column, e.reason ? e.reason : "no memory");
    a->resource = root;
    if (!r4_is(r4_get(root, "resourceType"), "Parameters") || strcmp(w->plan->type->name, "Parameters") == 0)
        return 0;
    const struct r4_node *list = r4_get(root, "parameter");
    a->resource = NULL;
    for (const struct r4_node *one = list && list->kind == R4_ARRAY ? list->child : NULL; one; one = one->next) {
        if (r4_is(r4_get(one, "name"), "resource"))
            a->resource = r4_get(one, "resource");
        if (r4_is(r4_get(one, "name"), "mode"))
            a->mode = value_of(one);
        if (r4_is(r4_get(one, "name"), "profile"))
            a->profile = value_of(one);
    }
    return 0;
}

static void judge(struct fhir_work *w, const struct asked *a, struct r4_issues *out)
{
    struct r4_doc *d = w->plan->scratch->doc;
    const struct r4_type *type = w->plan->type;
    if (r4_is(r4_get(a->resource, "resourceType"), type->name))
        (void)r4_validate(fhir_r4(w->fhir), d, a->resource, type, R4_WARNINGS, out);
    else
        r4_issue_add(d, out, &(struct r4_issue){R4_ERROR, "invalid", "resourceType", "the resourceType is not the one of the URL"});
    struct r4_str id = r4_text(r4_get(a->resource, "id"));
    if (r4_str_is(a->mode, "update") && w->plan->id[0] && !r4_str_is(id, w->plan->id))
        r4_issue_add(d, out, &(struct r4_issue){R4_ERROR, "invalid", "id", "the id must be the one of the URL"});
    bool base = a->profile.n > sizeof BASE - 1 && memcmp(a->profile.p, BASE, sizeof BASE - 1) == 0 &&
                r4_str_is((struct r4_str){a->profile.p + sizeof BASE - 1, a->profile.n - (sizeof BASE - 1)}, type->name);
    if (a->profile.n && !base)
        r4_issue_add(d, out, &(struct r4_issue){R4_ERROR, "not-supported", "", "that profile is not known here: only the base definitions are"});
}

void rest_validate(struct fhir_work *w)
{
    struct asked a = {0};
    w->op = "fhir.validate";
    if (fhir_need(w, w->plan->type->name, MAY_READ) || read_asked(w, &a))
        return;
    struct r4_issues *issues = calloc(1, sizeof *issues);
    if (!issues || (!a.resource && !r4_str_is(a.mode, "delete")))
        (void)!(issues ? fhir_fail_status(w, 400, "required", "The parameter resource is missing.") : fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory."));
    else {
        struct r4_buf b = {0};
        if (a.resource)
            judge(w, &a, issues);
        r4_outcome_write(&b, issues);
        fhir_answer_buf(w, 200, &b);
    }
    free(issues);
}
