/* $expand (R4 valueset-operation-expand.html): the concepts of a value set, and the answer. */
#include "records/term/ts_store.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPANSION_MAX 20000
#define NESTED_MAX 2000 /* larger expansions come flat */

struct row {
    const struct ts_system *s;
    int32_t c;
    const json_t *listed; /* the concept as the set writes it, NULL */
    bool with_version;
};

struct expansion {
    struct ts_asked asked;
    struct row *rows;
    size_t n, cap;
    size_t before; /* rows of earlier includes */
    bool active_only, nested, designations, selectable_only;
    struct ts_words words;
    const char *filter;
};

static int add_row(struct expansion *e, struct row row)
{
    size_t others = row.listed ? e->n : e->before; /* a code system that is walked through gives each of its concepts once */
    for (size_t i = 0; e->n < 2000 && i < others; i++) /* a small set may name a code twice */
        if (e->rows[i].s == row.s && e->rows[i].c == row.c)
            return 0;
    if (e->n == e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 256;
        struct row *more = realloc(e->rows, cap * sizeof *more);
        if (!more)
            return -1;
        e->rows = more;
        e->cap = cap;
    }
    e->rows[e->n++] = row;
    return 0;
}

static int excluded(struct expansion *e, const json_t *compose, const struct ts_system *s, int32_t c)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(compose, "exclude"), i, one) {
        int out = ts_include_fits(&e->asked, one, s, c);
        if (out)
            return out;
    }
    return 0;
}

/* Where concepts come from, and what of it there is to look at for each of them: mostly nothing. */
struct origin {
    const json_t *compose, *include;
    bool active_only, conditions, excludes;
};

static struct origin origin_of(const struct expansion *e, const json_t *compose, const json_t *include)
{
    return (struct origin){compose, include, e->active_only || json_is_false(json_object_get(compose, "inactive")),
                           json_object_get(include, "filter") || json_object_get(include, "valueSet"), json_object_get(compose, "exclude") != NULL};
}

static int consider(struct expansion *e, const struct origin *from, struct row row)
{
    const struct ts_concept *c = &row.s->concepts[row.c];
    if (c->inactive && from->active_only)
        return 0;
    if (e->words.n && !ts_matches(c, &e->words))
        return 0;
    if (e->selectable_only && c->abstract)
        return 0;
    int fits = from->conditions ? ts_filters_fit(&e->asked, from->include, row.s, row.c) : 1;
    fits = fits > 0 && from->conditions ? ts_imports_fit(&e->asked, from->include, row.s, row.c) : fits;
    if (fits <= 0)
        return fits;
    int out = from->excludes ? excluded(e, from->compose, row.s, row.c) : 0;
    return out ? (out < 0 ? -1 : 0) : add_row(e, row);
}

static int expand_set(struct expansion *e, const json_t *set);

static int expand_import(struct expansion *e, const json_t *compose, const json_t *include)
{
    const char *first = json_string_value(json_array_get(json_object_get(include, "valueSet"), 0));
    const json_t *set = ts_set_of(&e->asked, first ? first : "");
    if (!set)
        return -1;
    size_t from = e->n, kept = e->n;
    if (expand_set(e, set) < 0)
        return -1;
    for (size_t i = from; i < e->n; i++) {
        int in = ts_imports_fit(&e->asked, include, e->rows[i].s, e->rows[i].c);
        int out = in > 0 ? excluded(e, compose, e->rows[i].s, e->rows[i].c) : 0;
        if (in < 0 || out < 0)
            return -1;
        if (in && !out)
            e->rows[kept++] = e->rows[i];
    }
    e->n = kept;
    return 0;
}

static int by_concept(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->c < y->c ? -1 : x->c > y->c;
}

/* The next one that may fit, from `at` on; n: none. Few of very many may. */
static size_t next_of(const uint8_t *candidates, size_t at, size_t n)
{
    const uint8_t *found = candidates && at < n ? memchr(candidates + at, 1, n - at) : NULL;
    return !candidates ? at : found ? (size_t)(found - candidates) : n;
}

static int expand_include(struct expansion *e, const json_t *compose, const json_t *include)
{
    if (!json_object_get(include, "system"))
        return expand_import(e, compose, include);
    const struct ts_system *s = ts_system_of(&e->asked, include);
    json_t *one, *concepts = json_object_get(include, "concept");
    size_t i;
    if (!s)
        return -1;
    struct origin from = origin_of(e, compose, include);
    if (concepts) {
        size_t first = e->n;
        json_array_foreach(concepts, i, one) {
            int32_t c = ts_concept(s, ts_member(one, "code"));
            if (c >= 0 && consider(e, &from, (struct row){s, c, one, false}))
                return -1;
        }
        if (e->n > first) /* in the order of the code system */
            qsort(e->rows + first, e->n - first, sizeof *e->rows, by_concept);
        e->nested = false;
        return 0;
    }
    uint8_t *candidates = e->words.n ? ts_candidates(s, &e->words) : NULL;
    int rc = 0;
    e->before = e->n;
    for (size_t c = next_of(candidates, 0, s->n); c < s->n && !rc; c = next_of(candidates, c + 1, s->n))
        rc = consider(e, &from, (struct row){s, (int32_t)c, NULL, false});
    free(candidates);
    return rc ? -1 : 0;
}

static int expand_set(struct expansion *e, const json_t *set)
{
    const json_t *compose = json_object_get(set, "compose");
    json_t *one;
    size_t i;
    int rc = 0;
    if (ts_deeper(&e->asked, set))
        return -1;
    json_array_foreach(json_object_get(compose, "include"), i, one)
        if ((rc = expand_include(e, compose, one)) < 0)
            break;
    e->asked.depth--;
    return rc;
}

/* ---- the answer ---- */

static void add_designations(json_t *out, const struct row *row)
{
    json_t *list = json_array(), *one;
    size_t i;
    const json_t *sources[] = {json_object_get(row->listed, "designation"), json_object_get(row->s->concepts[row->c].source, "designation")};
    for (size_t k = 0; k < 2; k++)
        json_array_foreach(sources[k], i, one)
            json_array_append(list, one);
    if (json_array_size(list))
        json_object_set(out, "designation", list);
    json_decref(list);
}

static void add_properties(struct expansion *e, json_t *out, const struct row *row)
{
    json_t *list = json_array(), *one, *p;
    const struct ts_concept *c = &row->s->concepts[row->c];
    size_t i, k;
    json_array_foreach(json_object_get(e->asked.in, "parameter"), i, one) {
        if (strcmp(ts_member(one, "name"), "property"))
            continue;
        const char *name = *ts_member(one, "valueString") ? ts_member(one, "valueString") : ts_member(one, "valueCode");
        if (strcmp(name, "definition") == 0 && *ts_member(c->source, "definition"))
            json_array_append_new(list, json_pack("{s:s, s:s}", "code", "definition", "valueString", ts_member(c->source, "definition")));
        json_array_foreach(json_object_get(c->source, "property"), k, p)
            if (strcmp(ts_member(p, "code"), name) == 0)
                json_array_append(list, p);
    }
    if (c->status && *c->status)
        if (c->inactive || strcmp(c->status, "active"))
            json_array_append_new(list, json_pack("{s:s, s:s}", "code", "status", "valueCode", c->status));
    if (json_array_size(list))
        json_object_set(out, "property", list);
    json_decref(list);
}

static json_t *contains(struct expansion *e, const struct row *row)
{
    const struct ts_concept *c = &row->s->concepts[row->c];
    const char *display = *ts_member(row->listed, "display") ? ts_member(row->listed, "display") : c->display;
    json_t *out = json_pack("{s:s}", "system", row->s->url);
    if (c->abstract)
        json_object_set_new(out, "abstract", json_true());
    if (c->inactive)
        json_object_set_new(out, "inactive", json_true());
    if (row->with_version)
        json_object_set_new(out, "version", json_string(row->s->version));
    json_object_set_new(out, "code", json_string(c->code));
    if (*display)
        json_object_set_new(out, "display", json_string(display));
    if (e->designations)
        add_designations(out, row);
    add_properties(e, out, row);
    return out;
}

/* Under its nearest ancestor that is in the expansion. */
static json_t *place_for(struct expansion *e, json_t **made, json_t *top, size_t i)
{
    const struct row *row = &e->rows[i];
    for (int32_t p = row->s->concepts[row->c].parent; e->nested && e->n <= NESTED_MAX && p >= 0; p = row->s->concepts[p].parent)
        for (size_t k = i; k-- > 0;)
            if (e->rows[k].s == row->s && e->rows[k].c == p) {
                if (!json_object_get(made[k], "contains"))
                    json_object_set_new(made[k], "contains", json_array());
                return json_object_get(made[k], "contains");
            }
    return top;
}

static bool of_one_system(const struct expansion *e)
{
    size_t i = 1;
    while (i < e->n && e->rows[i].s == e->rows[0].s)
        i++;
    return i >= e->n;
}

static void mark_versions(struct expansion *e)
{
    if (of_one_system(e))
        return;
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; !e->rows[i].with_version && k < e->n; k++)
            if (e->rows[k].s != e->rows[i].s && strcmp(e->rows[k].s->url, e->rows[i].s->url) == 0)
                e->rows[i].with_version = true;
}

static json_t *echoed(struct expansion *e)
{
    static const char *const names[] = {"excludeNested", "activeOnly", "includeDesignations", "includeDefinition", "displayLanguage", "count",
                                        "offset", "filter", "excludeNotForUI", "check-system-version", "force-system-version",
                                        "default-valueset-version", "designation"};
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(e->asked.in, "parameter"), i, one)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (strcmp(ts_member(one, "name"), names[k]) == 0) {
                json_t *copy = json_deep_copy(one);
                if (json_is_string(json_object_get(copy, "valueCanonical"))) {
                    json_object_set(copy, "valueUri", json_object_get(copy, "valueCanonical"));
                    json_object_del(copy, "valueCanonical");
                }
                json_array_append_new(list, copy);
            }
    json_array_extend(list, e->asked.used);
    return list;
}

/* What the asked-for properties are: those of the code systems that were read. */
static json_t *declared(struct expansion *e)
{
    json_t *list = json_array(), *one, *p;
    size_t i, k;
    json_array_foreach(json_object_get(e->asked.in, "parameter"), i, one) {
        const char *name = *ts_member(one, "valueString") ? ts_member(one, "valueString") : ts_member(one, "valueCode");
        if (strcmp(ts_member(one, "name"), "property") || !e->n)
            continue;
        if (strcmp(name, "definition") == 0)
            json_array_append_new(list, json_pack("{s:s, s:s}", "code", name, "uri", "http://hl7.org/fhir/concept-properties#definition"));
        json_array_foreach(json_object_get(e->rows[0].s->resource, "property"), k, p)
            if (strcmp(ts_member(p, "code"), name) == 0)
                json_array_append_new(list, json_pack("{s:s, s:s}", "code", name, "uri", ts_member(p, "uri")));
    }
    return list;
}

static json_t *expansion_json(struct expansion *e, long offset, long count)
{
    char stamp[40], id[40];
    time_t now = time(NULL);
    struct tm tm;
    uint8_t random[16];
    crypto_random(random, sizeof random);
    random[6] = (uint8_t)((random[6] & 0x0F) | 0x40), random[8] = (uint8_t)((random[8] & 0x3F) | 0x80);
    snprintf(id, sizeof id, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", random[0], random[1], random[2], random[3], random[4],
             random[5], random[6], random[7], random[8], random[9], random[10], random[11], random[12], random[13], random[14], random[15]);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    char urn[60];
    snprintf(urn, sizeof urn, "urn:uuid:%s", id);
    size_t first = offset > 0 ? (size_t)offset : 0, last = count >= 0 && first + (size_t)count < e->n ? first + (size_t)count : e->n;
    json_t *top = json_array(), *out = json_pack("{s:s, s:s, s:i, s:i, s:o}", "identifier", urn, "timestamp", stamp, "total", (int)e->n, "offset",
                                                 (int)first, "parameter", echoed(e));
    json_t **made = calloc(e->n + 1, sizeof *made);
    for (size_t i = first; made && i < last; i++) {
        made[i] = contains(e, &e->rows[i]);
        json_array_append_new(place_for(e, made, top, i), made[i]);
    }
    free(made);
    for (size_t i = 0; i < e->n; i++)
        if (e->rows[i].s->content == TS_FRAGMENT) {
            char why[500];
            snprintf(why, sizeof why, "This extension is based on a fragment of the code system %s", e->rows[i].s->url);
            json_object_set_new(out, "extension", json_pack("[{s:s, s:b}, {s:s, s:s}]", "url", "http://hl7.org/fhir/StructureDefinition/valueset-unclosed", "valueBoolean", 1,
                                                            "url", "http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason", "valueString", why));
            break;
        }
    json_t *properties = declared(e);
    if (json_array_size(properties))
        json_object_set(out, "property", properties);
    json_decref(properties);
    if (json_array_size(top))
        json_object_set(out, "contains", top);
    json_decref(top);
    return out;
}

static int too_costly(json_t **out, const json_t *set, size_t n)
{
    char text[600];
    *out = ts_outcome();
    snprintf(text, sizeof text, "The value set '%s|%s' expansion has too many codes to display (>%zu)", ts_member(set, "url"), ts_member(set, "version"), n);
    ts_issue(*out, &(struct ts_issue){"error", "too-costly", NULL, "VALUESET_TOO_COSTLY", NULL, text});
    return 422;
}

/* Of the set only what says which it is: the answer is not that resource. */
static json_t *header_of(const json_t *set)
{
    static const char *const names[] = {"language", "url", "identifier", "version", "name", "title", "status", "experimental", "date", "publisher"};
    json_t *out = json_pack("{s:s}", "resourceType", "ValueSet");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_object_get(set, names[i]))
            json_object_set_new(out, names[i], json_deep_copy(json_object_get(set, names[i])));
    return out;
}

int ts_expand(const struct ts *t, const json_t *set, const json_t *in, json_t **out)
{
    int status = 200;
    json_t *failure = NULL;
    struct expansion e = {.asked = {t, in, 0, &failure, &status, json_array()}};
    long count = ts_number(in, "count", -1), offset = ts_number(in, "offset", 0);
    e.active_only = ts_flag(in, "activeOnly", false);
    e.selectable_only = ts_flag(in, "excludeNotForUI", false);
    e.designations = ts_flag(in, "includeDesignations", false);
    e.filter = ts_text(in, "filter");
    ts_words(t, e.filter, &e.words);
    e.nested = !ts_flag(in, "excludeNested", true) && !*e.filter && count < 0 && offset == 0;
    ts_note_status(&e.asked, set, ts_member(set, "url"), ts_member(set, "version"));
    int rc = expand_set(&e, set);
    if (rc == 0 && count < 0 && e.n > EXPANSION_MAX)
        status = too_costly(out, set, EXPANSION_MAX);
    else if (rc == 0) {
        if (e.n < 2000)
            mark_versions(&e);
        *out = header_of(set);
        json_object_set_new(*out, "expansion", expansion_json(&e, offset, count));
    } else if (failure)
        *out = failure;
    else
        status = ts_fail(out, 500, "exception", NULL, "The value set cannot be expanded.");
    json_decref(e.asked.used);
    free(e.rows);
    return status;
}
