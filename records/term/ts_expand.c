/* Value sets: what their compose says (R4 valueset.html#compositions), membership and $expand. */
#include "records/term/ts_store.h"
#include "server/base/crypto.h"
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH_MAX 12
#define EXPANSION_MAX 20000
#define NESTED_MAX 2000 /* larger expansions come flat */

/* ---- versions ---- */

const char *ts_said_for(const json_t *in, const char *parameter, const char *url)
{
    json_t *one;
    size_t i, len = strlen(url);
    json_array_foreach(json_object_get(in, "parameter"), i, one) {
        if (strcmp(ts_member(one, "name"), parameter))
            continue;
        const char *key;
        json_t *value;
        json_object_foreach(one, key, value) {
            const char *text = json_string_value(value);
            if (strncmp(key, "value", 5) == 0 && text && strncmp(text, url, len) == 0 && text[len] == '|')
                return text + len + 1;
        }
    }
    return "";
}

const char *ts_meant(const struct ts_asked *a, const char *url, const char *said)
{
    const char *forced = ts_said_for(a->in, "force-system-version", url), *checked = ts_said_for(a->in, "check-system-version", url);
    if (*forced)
        return forced;
    if (*said)
        return said;
    const char *given = ts_said_for(a->in, "system-version", url);
    return *given ? given : checked;
}

static void note_used(struct ts_asked *a, const char *name, const char *url, const char *version)
{
    char text[600];
    json_t *one;
    size_t i;
    snprintf(text, sizeof text, *version ? "%s|%s" : "%s", url, version);
    json_array_foreach(a->used, i, one)
        if (strcmp(ts_member(one, "valueUri"), text) == 0 && strcmp(ts_member(one, "name"), name) == 0)
            return;
    if (a->used)
        json_array_append_new(a->used, json_pack("{s:s, s:s}", "name", name, "valueUri", text));
}

const char *ts_standing(const json_t *resource)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(resource, "extension"), i, one)
        if (strstr(ts_member(one, "url"), "structuredefinition-standards-status") &&
            (strcmp(ts_member(one, "valueCode"), "deprecated") == 0 || strcmp(ts_member(one, "valueCode"), "withdrawn") == 0))
            return ts_member(one, "valueCode");
    if (strcmp(ts_member(resource, "resourceType"), "CodeSystem"))
        return "";
    if (strcmp(ts_member(resource, "status"), "draft") == 0)
        return "draft";
    return json_is_true(json_object_get(resource, "experimental")) ? "experimental" : "";
}

/* A draft, experimental, deprecated or withdrawn resource is used, and the answer says so. */
static void note_status(struct ts_asked *a, const json_t *resource, const char *url, const char *version)
{
    char name[60];
    snprintf(name, sizeof name, "warning-%s", ts_standing(resource));
    if (*ts_standing(resource))
        note_used(a, name, url, version);
}

static int failed(struct ts_asked *a, int status, json_t *outcome)
{
    if (a->failure && !*a->failure) {
        *a->failure = outcome;
        *a->status = status;
    } else
        json_decref(outcome);
    return -1;
}

static const struct ts_system *system_of(struct ts_asked *a, const json_t *include)
{
    const char *url = ts_member(include, "system"), *version = ts_meant(a, url, ts_member(include, "version"));
    const struct ts_system *s = ts_system(a->t, url, version);
    char text[900], versions[300];
    if (s) {
        note_used(a, s->content == TS_FRAGMENT ? "used-fragment" : "used-codesystem", s->url, s->version);
        note_status(a, s->resource, s->url, s->version);
        return s;
    }
    ts_versions(a->t, url, versions, sizeof versions);
    if (*versions)
        snprintf(text, sizeof text, "A definition for CodeSystem '%s' version '%s' could not be found, so the value set cannot be expanded. Valid versions: %s",
                 url, version, versions);
    else
        snprintf(text, sizeof text, "A definition for CodeSystem '%s' could not be found, so the value set cannot be expanded", url);
    json_t *outcome = ts_outcome();
    ts_issue(outcome, &(struct ts_issue){"error", "not-found", "not-found", *versions ? "UNKNOWN_CODESYSTEM_VERSION_EXP" : "UNKNOWN_CODESYSTEM_EXP", NULL, text});
    failed(a, 404, outcome);
    return NULL;
}

static const json_t *set_of(struct ts_asked *a, const char *canonical)
{
    char url[400], text[600];
    const char *version = ts_canonical(canonical, url, sizeof url);
    if (!*version)
        version = ts_said_for(a->in, "default-valueset-version", url);
    const json_t *set = ts_set(a->t, url, version);
    if (set) {
        note_used(a, "used-valueset", url, ts_member(set, "version"));
        note_status(a, set, url, ts_member(set, "version"));
        return set;
    }
    snprintf(text, sizeof text, "A definition for the value Set '%s' could not be found", canonical);
    json_t *outcome = ts_outcome();
    ts_issue(outcome, &(struct ts_issue){"error", "not-found", "not-found", "Unable_to_resolve_value_Set_", NULL, text});
    failed(a, 404, outcome);
    return NULL;
}

/* ---- filters ---- */

static const json_t *property_of(const struct ts_concept *c, const char *code)
{
    json_t *p;
    size_t i;
    json_array_foreach(json_object_get(c->source, "property"), i, p)
        if (strcmp(ts_member(p, "code"), code) == 0)
            return p;
    return NULL;
}

static void value_text(const json_t *p, char *out, size_t cap)
{
    const char *key;
    json_t *value;
    out[0] = 0;
    json_object_foreach((json_t *)p, key, value) {
        if (strncmp(key, "value", 5))
            continue;
        if (json_is_string(value))
            snprintf(out, cap, "%s", json_string_value(value));
        else if (json_is_boolean(value))
            snprintf(out, cap, "%s", json_is_true(value) ? "true" : "false");
        else if (json_is_integer(value))
            snprintf(out, cap, "%lld", (long long)json_integer_value(value));
        else if (json_is_object(value))
            snprintf(out, cap, "%s", ts_member(value, "code"));
    }
}

/* 1, 0, or -1 for a pattern that is none. The whole value must match (R4: regex). Bounded: no pattern longer than 200, no backtracking. */
static int regex_fits(const char *pattern, const char *text)
{
    regex_t compiled;
    char whole[220];
    if (strlen(pattern) > 200 || strchr(pattern, '{')) /* counted repeats within each other grow without end */
        return -1;
    snprintf(whole, sizeof whole, "^(%s)$", pattern);
    if (regcomp(&compiled, whole, REG_EXTENDED | REG_NOSUB))
        return -1;
    int rc = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return rc;
}

static bool in_list(const char *list, const char *text)
{
    size_t len = strlen(text);
    for (const char *p = list; len && (p = strstr(p, text)); p += len)
        if ((p == list || p[-1] == ',') && (p[len] == 0 || p[len] == ','))
            return true;
    return false;
}

static int filter_on_code(const struct ts_system *s, int32_t c, const char *op, const char *value)
{
    int32_t v = ts_concept(s, value);
    if (strcmp(op, "is-a") == 0)
        return v >= 0 && ts_is_a(s, c, v);
    if (strcmp(op, "descendent-of") == 0)
        return v >= 0 && c != v && ts_is_a(s, c, v);
    if (strcmp(op, "is-not-a") == 0)
        return v < 0 || !ts_is_a(s, c, v);
    if (strcmp(op, "generalizes") == 0)
        return v >= 0 && ts_is_a(s, v, c);
    if (strcmp(op, "child-of") == 0)
        return v >= 0 && s->concepts[c].parent == v;
    if (strcmp(op, "descendent-leaf") == 0) {
        if (v < 0 || c == v || !ts_is_a(s, c, v))
            return 0;
        for (size_t i = 0; i < s->n; i++)
            if (s->concepts[i].parent == c)
                return 0;
        return 1;
    }
    if (strcmp(op, "=") == 0)
        return c == v;
    if (strcmp(op, "in") == 0)
        return in_list(value, s->concepts[c].code);
    if (strcmp(op, "not-in") == 0)
        return !in_list(value, s->concepts[c].code);
    return strcmp(op, "regex") == 0 ? regex_fits(value, s->concepts[c].code) : -1;
}

static int filter_on_property(const struct ts_system *s, int32_t c, const json_t *filter)
{
    const struct ts_concept *k = &s->concepts[c];
    const char *name = ts_member(filter, "property"), *op = ts_member(filter, "op"), *value = ts_member(filter, "value");
    char have[512];
    const json_t *p = property_of(k, name);
    value_text(p, have, sizeof have);
    if (strcmp(name, "display") == 0)
        snprintf(have, sizeof have, "%s", k->display);
    else if (!p && strcmp(name, "parent") == 0)
        snprintf(have, sizeof have, "%s", k->parent >= 0 ? s->concepts[k->parent].code : "");
    else if (!p && (strcmp(name, "inactive") == 0 || strcmp(name, "notSelectable") == 0))
        snprintf(have, sizeof have, "%s", name[0] == 'i' ? k->inactive ? "true" : "false" : k->abstract ? "true" : "");
    if (strcmp(op, "=") == 0)
        return strcmp(have, value) == 0;
    if (strcmp(op, "exists") == 0)
        return (have[0] != 0) == (strcmp(value, "false") != 0);
    if (strcmp(op, "in") == 0)
        return have[0] && in_list(value, have);
    if (strcmp(op, "not-in") == 0)
        return !in_list(value, have);
    return strcmp(op, "regex") == 0 ? (have[0] ? regex_fits(value, have) : 0) : -1;
}

static int filter_fails(struct ts_asked *a, const struct ts_system *s, const json_t *filter)
{
    char text[700];
    const char *name = ts_member(filter, "property"), *op = ts_member(filter, "op");
    json_t *outcome = ts_outcome();
    snprintf(text, sizeof text, "The filter \"%s %s %s\" from the value set cannot be used with the system %s", name, op, ts_member(filter, "value"), s->url);
    ts_issue(outcome, &(struct ts_issue){"error", "invalid", "vs-invalid", NULL, NULL, text});
    return failed(a, 422, outcome);
}

static int filters_fit(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c)
{
    json_t *filter;
    size_t i;
    json_array_foreach(json_object_get(include, "filter"), i, filter) {
        const char *name = ts_member(filter, "property"), *op = ts_member(filter, "op"), *value = ts_member(filter, "value");
        if (!*value) {
            char text[700];
            json_t *outcome = ts_outcome();
            snprintf(text, sizeof text, "The system %s filter with property = %s, op = %s has no value", s->url, name, op);
            ts_issue(outcome, &(struct ts_issue){"error", "invalid", "vs-invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE", NULL, text});
            return failed(a, 422, outcome);
        }
        int fits = strcmp(name, "concept") == 0 || strcmp(name, "code") == 0 ? filter_on_code(s, c, op, value) : filter_on_property(s, c, filter);
        if (fits < 0)
            return filter_fails(a, s, filter);
        if (!fits)
            return 0;
    }
    return 1;
}

/* ---- membership ---- */

static const json_t *listed(const json_t *include, const struct ts_system *s, int32_t c)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(include, "concept"), i, one)
        if (ts_concept(s, ts_member(one, "code")) == c)
            return one;
    return NULL;
}

/* Are all imported sets agreed? */
static int imports_fit(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(include, "valueSet"), i, one) {
        const json_t *set = set_of(a, json_string_value(one) ? json_string_value(one) : "");
        if (!set)
            return -1;
        int in = ts_in_set(a, set, s, c);
        if (in <= 0)
            return in;
    }
    return 1;
}

static int include_fits(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c)
{
    if (json_object_get(include, "system")) {
        if (strcmp(ts_member(include, "system"), s->url))
            return 0;
        const struct ts_system *mine = system_of(a, include);
        if (!mine)
            return -1;
        const char *meant = ts_meant(a, s->url, ts_member(include, "version"));
        if (mine != s && !(*meant && ts_version_fits(s->version, meant)))
            return 0;
        if (json_object_get(include, "concept") && !listed(include, s, c))
            return 0;
        int fits = filters_fit(a, include, s, c);
        if (fits <= 0)
            return fits;
    }
    return imports_fit(a, include, s, c);
}

int ts_in_set(struct ts_asked *a, const json_t *set, const struct ts_system *s, int32_t c)
{
    const json_t *compose = json_object_get(set, "compose");
    json_t *one;
    size_t i;
    int in = 0;
    if (++a->depth > DEPTH_MAX) {
        char text[700];
        json_t *outcome = ts_outcome();
        snprintf(text, sizeof text, "Cyclic reference detected when expanding the value set %s|%s", ts_member(set, "url"), ts_member(set, "version"));
        ts_issue(outcome, &(struct ts_issue){"error", "processing", "vs-invalid", "VALUESET_CIRCULAR_REFERENCE", NULL, text});
        a->depth--;
        return failed(a, 422, outcome);
    }
    if (json_is_false(json_object_get(compose, "inactive")) && s->concepts[c].inactive) {
        a->depth--;
        return 0;
    }
    json_array_foreach(json_object_get(compose, "include"), i, one) {
        in = include_fits(a, one, s, c);
        if (in)
            break;
    }
    if (in > 0)
        json_array_foreach(json_object_get(compose, "exclude"), i, one) {
            int out = include_fits(a, one, s, c);
            if (out) {
                in = out < 0 ? out : 0;
                break;
            }
        }
    a->depth--;
    return in;
}

/* ---- expansion ---- */

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
    bool active_only, nested, designations, selectable_only;
    struct ts_words words;
    const char *filter;
};

static int add_row(struct expansion *e, struct row row)
{
    for (size_t i = 0; e->n < 2000 && i < e->n; i++) /* a small set may name a code twice; a whole list does not */
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
        int out = include_fits(&e->asked, one, s, c);
        if (out)
            return out;
    }
    return 0;
}

static int consider(struct expansion *e, const json_t *compose, const json_t *include, struct row row)
{
    const struct ts_concept *c = &row.s->concepts[row.c];
    if (c->inactive && (e->active_only || json_is_false(json_object_get(compose, "inactive"))))
        return 0;
    if (e->words.n && !ts_matches(c, &e->words))
        return 0;
    if (e->selectable_only && c->abstract)
        return 0;
    int fits = filters_fit(&e->asked, include, row.s, row.c);
    fits = fits > 0 ? imports_fit(&e->asked, include, row.s, row.c) : fits;
    if (fits <= 0)
        return fits;
    int out = excluded(e, compose, row.s, row.c);
    return out ? (out < 0 ? -1 : 0) : add_row(e, row);
}

static int expand_set(struct expansion *e, const json_t *set);

static int expand_import(struct expansion *e, const json_t *compose, const json_t *include)
{
    const char *first = json_string_value(json_array_get(json_object_get(include, "valueSet"), 0));
    const json_t *set = set_of(&e->asked, first ? first : "");
    if (!set)
        return -1;
    size_t from = e->n, kept = e->n;
    if (expand_set(e, set) < 0)
        return -1;
    for (size_t i = from; i < e->n; i++) {
        int in = imports_fit(&e->asked, include, e->rows[i].s, e->rows[i].c);
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

static int expand_include(struct expansion *e, const json_t *compose, const json_t *include)
{
    if (!json_object_get(include, "system"))
        return expand_import(e, compose, include);
    const struct ts_system *s = system_of(&e->asked, include);
    json_t *one, *concepts = json_object_get(include, "concept");
    size_t i;
    if (!s)
        return -1;
    if (concepts) {
        size_t first = e->n;
        json_array_foreach(concepts, i, one) {
            int32_t c = ts_concept(s, ts_member(one, "code"));
            if (c >= 0 && consider(e, compose, include, (struct row){s, c, one, false}))
                return -1;
        }
        if (e->n > first) /* in the order of the code system */
            qsort(e->rows + first, e->n - first, sizeof *e->rows, by_concept);
        e->nested = false;
        return 0;
    }
    uint8_t *candidates = e->words.n ? ts_candidates(s, &e->words) : NULL;
    int rc = 0;
    for (size_t c = 0; c < s->n && !rc; c++)
        if (!candidates || candidates[c])
            rc = consider(e, compose, include, (struct row){s, (int32_t)c, NULL, false});
    free(candidates);
    return rc ? -1 : 0;
}

static int expand_set(struct expansion *e, const json_t *set)
{
    const json_t *compose = json_object_get(set, "compose");
    json_t *one;
    size_t i;
    int rc = 0;
    if (++e->asked.depth > DEPTH_MAX) {
        char text[700];
        json_t *outcome = ts_outcome();
        snprintf(text, sizeof text, "Cyclic reference detected when expanding the value set %s|%s", ts_member(set, "url"), ts_member(set, "version"));
        ts_issue(outcome, &(struct ts_issue){"error", "processing", "vs-invalid", "VALUESET_CIRCULAR_REFERENCE", NULL, text});
        return failed(&e->asked, 422, outcome);
    }
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

static void mark_versions(struct expansion *e)
{
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
    note_status(&e.asked, set, ts_member(set, "url"), ts_member(set, "version"));
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
