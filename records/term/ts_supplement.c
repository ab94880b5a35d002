/* Supplements (R4 codesystem.html#supplements): a request that names some is answered over code systems in which they are already merged, so
 * that nothing else needs to know of them. */
#include "records/term/ts_store.h"
#include <stdio.h>
#include <string.h>

#define SUPPLEMENT "http://hl7.org/fhir/StructureDefinition/valueset-supplement"

static const struct ts_system *supplement_of(const struct ts *t, const char *canonical)
{
    char url[400];
    const char *version = ts_canonical(canonical, url, sizeof url);
    const struct ts_system *best = NULL;
    for (; t && !best; t = t->below)
        for (size_t i = 0; i < t->n_systems; i++) {
            const struct ts_system *s = &t->systems[i];
            if (s->content != TS_SUPPLEMENT || strcmp(s->url, url) || (*version && !ts_version_fits(s->version, version)))
                continue;
            if (!best || ts_version_compare(s->version, best->version) > 0)
                best = s;
        }
    return best;
}

const struct ts_system *ts_supplement(const struct ts *t, const char *url)
{
    return supplement_of(t, url);
}

/* What the supplement says of a concept goes behind what the code system says; designations remember whose they are. */
static void add_members(json_t *concept, const json_t *more, const char *canonical)
{
    static const char *const lists[] = {"designation", "property", "extension"};
    for (size_t k = 0; k < 3; k++) {
        json_t *one, *list = json_object_get(concept, lists[k]);
        size_t i;
        if (!list && json_array_size(json_object_get(more, lists[k]))) {
            list = json_array();
            json_object_set_new(concept, lists[k], list);
        }
        json_array_foreach(json_object_get(more, lists[k]), i, one) {
            json_t *copy = json_deep_copy(one);
            if (k == 0)
                json_object_set_new(copy, TS_FROM_SUPPLEMENT, json_string(canonical));
            json_array_append_new(list, copy);
        }
    }
}

static void add_concepts(json_t *concepts, const struct ts_system *supplement, const char *canonical)
{
    json_t *one;
    size_t i;
    json_array_foreach(concepts, i, one) {
        int32_t at = ts_concept(supplement, ts_member(one, "code"));
        if (at >= 0)
            add_members(one, supplement->concepts[at].source, canonical);
        add_concepts(json_object_get(one, "concept"), supplement, canonical);
    }
}

/* The code system as it is with the supplement, over the one it was made of. */
static int merge(struct ts *own, const struct ts_system *supplement)
{
    char url[400], canonical[600];
    const char *version = ts_canonical(ts_member(supplement->resource, "supplements"), url, sizeof url);
    const struct ts_system *base = ts_system(own, url, version);
    if (!base || !json_object_get(base->resource, "concept"))
        return 0;
    json_t *copy = json_deep_copy(base->resource), *properties = json_object_get(copy, "property");
    snprintf(canonical, sizeof canonical, "%s%s%s", supplement->url, *supplement->version ? "|" : "", supplement->version);
    add_concepts(json_object_get(copy, "concept"), supplement, canonical);
    json_t *declared = json_object_get(supplement->resource, "property"), *one;
    size_t i;
    if (declared && !properties)
        json_object_set_new(copy, "property", properties = json_array());
    json_array_foreach(declared, i, one)
        json_array_append(properties, one);
    json_t *used = json_object_get(copy, TS_FROM_SUPPLEMENT);
    if (!used)
        json_object_set_new(copy, TS_FROM_SUPPLEMENT, used = json_array());
    json_array_append_new(used, json_string(canonical));
    int rc = ts_add(own, copy);
    json_decref(copy);
    return rc;
}

static int missing(json_t **out, const char *canonical)
{
    char text[600];
    snprintf(text, sizeof text, "Required supplement not found: %s", canonical);
    *out = ts_outcome();
    ts_issue(*out, &(struct ts_issue){"error", "not-found", "not-found", "VALUESET_SUPPLEMENT_MISSING", NULL, text});
    return 404;
}

static int use(const struct ts *t, const char *canonical, struct ts **own, json_t **out)
{
    const struct ts_system *s = supplement_of(t, canonical);
    if (!s)
        return missing(out, canonical);
    if (!*own) {
        if (ts_open(own, NULL, NULL))
            return ts_fail(out, 500, "exception", NULL, "Out of memory.");
        (*own)->below = t;
    }
    return merge(*own, s) ? ts_fail(out, 500, "exception", NULL, "Out of memory.") : 0;
}

int ts_with_supplements(const struct ts *t, const json_t *in, const json_t *set, struct ts **own, json_t **out)
{
    json_t *one;
    size_t i;
    int status = 0;
    *own = NULL;
    json_array_foreach(json_object_get(in, "parameter"), i, one)
        if (!status && strcmp(ts_member(one, "name"), "useSupplement") == 0)
            status = use(t, ts_value_text(one), own, out);
    json_array_foreach(json_object_get(set, "extension"), i, one)
        if (!status && strcmp(ts_member(one, "url"), SUPPLEMENT) == 0)
            status = use(t, ts_value_text(one), own, out);
    if (status) {
        ts_close(*own);
        *own = NULL;
    }
    return status;
}
