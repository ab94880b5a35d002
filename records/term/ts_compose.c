/* What the compose of a value set says (R4 valueset.html#compositions): which systems and versions, filters, membership. */
#include "records/term/ts_store.h"
#include "records/r4/pattern.h"
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 12

#define EXPANSION_PARAMETER "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"

/* ---- what is asked ---- */

json_t *ts_asked_in(const json_t *in, const json_t *set)
{
    json_t *list = json_array(), *one, *value;
    const char *key;
    size_t i;
    json_array_extend(list, json_object_get(in, "parameter"));
    json_array_foreach(json_object_get(json_object_get(set, "compose"), "extension"), i, one) {
        const char *name = ts_value_text(ts_extension(one, "name"));
        if (strcmp(ts_member(one, "url"), EXPANSION_PARAMETER) || !*name || ts_param(in, name))
            continue;
        json_object_foreach((json_t *)ts_extension(one, "value"), key, value)
            if (strncmp(key, "value", 5) == 0)
                json_array_append_new(list, json_pack("{s:s, s:O}", "name", name, key, value));
    }
    json_t *out = json_pack("{s:s, s:o}", "resourceType", "Parameters", "parameter", list);
    const char *header = ts_text(out, TS_ACCEPT_LANGUAGE), *own = ts_member(set, "language"), *language = *header ? header : own;
    if (*language && !ts_param(out, "displayLanguage"))
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", "displayLanguage", "valueCode", language));
    return out;
}

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

void ts_note_status(struct ts_asked *a, const json_t *resource, const char *url, const char *version)
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

static int system_missing(struct ts_asked *a, const char *url, const char *version)
{
    char text[900], versions[300];
    ts_versions(a->t, url, versions, sizeof versions);
    if (*versions)
        snprintf(text, sizeof text, "A definition for CodeSystem '%s' version '%s' could not be found, so the value set cannot be expanded. Valid versions: %s",
                 url, version, versions);
    else
        snprintf(text, sizeof text, "A definition for CodeSystem '%s' could not be found, so the value set cannot be expanded", url);
    json_t *outcome = ts_outcome();
    ts_issue(outcome, &(struct ts_issue){"error", "not-found", "not-found", *versions ? "UNKNOWN_CODESYSTEM_VERSION_EXP" : "UNKNOWN_CODESYSTEM_EXP", NULL, text});
    return failed(a, 404, outcome);
}

/* check-system-version: an expansion over another version is refused. */
static int version_refused(struct ts_asked *a, const struct ts_system *s)
{
    const char *wanted = ts_said_for(a->in, "check-system-version", s->url);
    char text[700];
    if (!a->expanding || !*wanted || ts_version_fits(s->version, wanted))
        return 0;
    json_t *outcome = ts_outcome();
    snprintf(text, sizeof text, "The version '%s' is not allowed for system '%s': required to be '%s' by a version-check parameter", s->version, s->url, wanted);
    ts_issue(outcome, &(struct ts_issue){"error", "exception", "version-error", "VALUESET_VERSION_CHECK", NULL, text});
    return failed(a, 422, outcome);
}

const struct ts_system *ts_system_of(struct ts_asked *a, const json_t *include)
{
    const char *url = ts_member(include, "system"), *version = ts_meant(a, url, ts_member(include, "version"));
    const struct ts_system *s = ts_system(a->t, url, version);
    json_t *one;
    size_t i;
    if (!s || (s->content == TS_NOT_PRESENT && !s->n)) {
        system_missing(a, url, version);
        return NULL;
    }
    if (version_refused(a, s))
        return NULL;
    note_used(a, "used-codesystem", s->url, s->version);
    if (s->content == TS_FRAGMENT)
        note_used(a, "used-fragment", s->url, s->version);
    json_array_foreach(json_object_get(s->resource, TS_FROM_SUPPLEMENT), i, one)
        note_used(a, "used-supplement", json_string_value(one), "");
    static const char *const deciding[] = {"system-version", "check-system-version"}; /* what chose the version of an include that says none */
    for (i = 0; a->used && *version && !*ts_member(include, "version") && i < 2; i++)
        if (strcmp(ts_said_for(a->in, deciding[i], url), version) == 0) {
            note_used(a, deciding[i], url, version);
            break;
        }
    ts_note_status(a, s->resource, s->url, s->version);
    return s;
}

static const json_t *contained_set(const struct ts_asked *a, const char *id)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(a->container, "contained"), i, one)
        if (strcmp(ts_member(one, "resourceType"), "ValueSet") == 0 && strcmp(ts_member(one, "id"), id) == 0)
            return one;
    return NULL;
}

/* Quietly: the set of this name, NULL; its version as it was asked for in `named`. */
static const json_t *set_named(const struct ts_asked *a, const char *canonical, char *named, size_t cap)
{
    char url[400];
    if (*canonical == '#') {
        snprintf(named, cap, "%s", canonical);
        return contained_set(a, canonical + 1);
    }
    const char *version = ts_canonical(canonical, url, sizeof url);
    if (!*version)
        version = ts_said_for(a->in, "default-valueset-version", url);
    snprintf(named, cap, "%s%s%s", url, *version ? "|" : "", version);
    return ts_set(a->t, url, version);
}

const json_t *ts_set_of(struct ts_asked *a, const char *canonical)
{
    char named[520], text[600];
    const json_t *set = set_named(a, canonical, named, sizeof named);
    if (set && *canonical == '#')
        return set;
    if (set) {
        note_used(a, "used-valueset", ts_member(set, "url"), ts_member(set, "version"));
        ts_note_status(a, set, ts_member(set, "url"), ts_member(set, "version"));
        return set;
    }
    const char *bar = strchr(named, '|');
    if (bar && !strchr(canonical, '|')) /* the request chose the version */
        snprintf(text, sizeof text, "Unable to find included value set '%.*s' version '%s'", (int)(bar - named), named, bar + 1);
    else
        snprintf(text, sizeof text, "A definition for the value Set '%s' could not be found", named);
    json_t *outcome = ts_outcome();
    ts_issue(outcome, &(struct ts_issue){"error", "not-found", "not-found", "Unable_to_resolve_value_Set_", NULL, text});
    failed(a, 404, outcome);
    return NULL;
}

/* ---- circles ---- */

struct trail {
    const json_t *set;
    const struct trail *before;
    int depth;
};

static int circle_found(struct ts_asked *a, const json_t *set)
{
    char text[700];
    json_t *outcome = ts_outcome();
    snprintf(text, sizeof text, "Cyclic reference detected when expanding the value set %s|%s", ts_member(set, "url"), ts_member(set, "version"));
    ts_issue(outcome, &(struct ts_issue){"error", "processing", "vs-invalid", "VALUESET_CIRCULAR_REFERENCE", NULL, text});
    return failed(a, 422, outcome);
}

static int walk(struct ts_asked *a, const struct trail *here)
{
    static const char *const parts[] = {"include", "exclude"};
    json_t *one, *name;
    size_t i, k;
    for (const struct trail *t = here->before; t; t = t->before)
        if (t->set == here->set)
            return circle_found(a, here->set);
    if (here->depth > DEPTH_MAX || ++a->steps > TS_STEPS_MAX)
        return circle_found(a, here->set);
    for (size_t p = 0; p < 2; p++)
        json_array_foreach(json_object_get(json_object_get(here->set, "compose"), parts[p]), i, one)
            json_array_foreach(json_object_get(one, "valueSet"), k, name) {
                char named[520];
                const json_t *next = set_named(a, json_string_value(name) ? json_string_value(name) : "", named, sizeof named);
                if (next && walk(a, &(struct trail){next, here, here->depth + 1}))
                    return -1;
            }
    return 0;
}

int ts_no_circle(struct ts_asked *a, const json_t *set)
{
    return walk(a, &(struct trail){set, NULL, 0});
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

/* 1, 0, or -1 for a pattern that is none. The whole value must match (R4: regex). */
static int regex_fits(const char *pattern, const char *text)
{
    regex_t compiled;
    if (!r4_pattern_compile(pattern, strlen(pattern), true, &compiled))
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

static void place_of(const struct ts_asked *a, const json_t *include, size_t filter, char *out, size_t cap)
{
    static const char *const parts[] = {"include", "exclude"};
    json_t *one;
    size_t i;
    out[0] = 0;
    for (size_t p = 0; p < 2; p++)
        json_array_foreach(json_object_get(json_object_get(a->set, "compose"), parts[p]), i, one)
            if (one == include)
                snprintf(out, cap, "ValueSet.compose.%s[%zu].filter[%zu]", parts[p], i, filter);
}

int ts_filters_fit(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c)
{
    json_t *filter;
    size_t i;
    json_array_foreach(json_object_get(include, "filter"), i, filter) {
        const char *name = ts_member(filter, "property"), *op = ts_member(filter, "op"), *value = ts_member(filter, "value");
        if (!*value) {
            char text[700], place[100];
            json_t *outcome = ts_outcome();
            snprintf(text, sizeof text, "The system %s filter with property = %s, op = %s has no value", s->url, name, op);
            place_of(a, include, i, place, sizeof place);
            ts_issue(outcome, &(struct ts_issue){"error", "invalid", "vs-invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE", place, text});
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

int ts_imports_fit(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(include, "valueSet"), i, one) {
        const json_t *set = ts_set_of(a, json_string_value(one) ? json_string_value(one) : "");
        if (!set)
            return -1;
        int in = ts_in_set(a, set, s, c);
        if (in <= 0)
            return in;
    }
    return 1;
}

int ts_include_fits(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c)
{
    if (json_object_get(include, "system")) {
        if (strcmp(ts_member(include, "system"), s->url))
            return 0;
        const struct ts_system *mine = ts_system_of(a, include);
        if (!mine)
            return -1;
        const char *meant = ts_meant(a, s->url, ts_member(include, "version"));
        if (mine != s && !(*meant && ts_version_fits(s->version, meant)))
            return 0;
        if (json_object_get(include, "concept") && !listed(include, s, c))
            return 0;
        int fits = ts_filters_fit(a, include, s, c);
        if (fits <= 0)
            return fits;
    }
    return ts_imports_fit(a, include, s, c);
}

int ts_deeper(struct ts_asked *a, const json_t *set)
{
    if (a->depth >= DEPTH_MAX)
        return circle_found(a, set);
    a->depth++;
    return 0;
}

static int in_any(struct ts_asked *a, const json_t *list, const struct ts_system *s, int32_t c)
{
    json_t *one;
    size_t i;
    int in = 0;
    json_array_foreach(list, i, one)
        if ((in = ts_include_fits(a, one, s, c)))
            break;
    return in;
}

int ts_excluded(struct ts_asked *a, const json_t *compose, const struct ts_system *s, int32_t c)
{
    int out = in_any(a, json_object_get(compose, "exclude"), s, c);
    json_t *one;
    size_t i;
    if (out || !a->versions_match)
        return out;
    json_array_foreach(json_object_get(compose, "exclude"), i, one) { /* the same code in the version the exclude means */
        if (strcmp(ts_member(one, "system"), s->url))
            continue;
        const struct ts_system *other = ts_system_of(a, one);
        int32_t k = other ? ts_concept(other, s->concepts[c].code) : -1;
        if (!other)
            return -1;
        if (other != s && k >= 0 && (out = ts_include_fits(a, one, other, k)))
            return out;
    }
    return 0;
}

int ts_in_set(struct ts_asked *a, const json_t *set, const struct ts_system *s, int32_t c)
{
    const json_t *compose = json_object_get(set, "compose"), *outer = a->set;
    bool matching = a->versions_match;
    if (ts_deeper(a, set))
        return -1;
    a->set = set;
    a->versions_match = ts_versions_match(a->in, set);
    int in = json_is_false(json_object_get(compose, "inactive")) && s->concepts[c].inactive ? 0 : in_any(a, json_object_get(compose, "include"), s, c);
    if (in > 0) {
        int out = ts_excluded(a, compose, s, c);
        in = out < 0 ? out : !out;
    }
    a->set = outer;
    a->versions_match = matching;
    a->depth--;
    return in;
}

/* Said, or: an exclude names another version of a system than the includes do. */
bool ts_versions_match(const json_t *in, const json_t *set)
{
    const json_t *compose = json_object_get(set, "compose");
    json_t *out, *one;
    size_t i, k;
    if (ts_param(in, "versionsMatch"))
        return ts_flag(in, "versionsMatch", false);
    json_array_foreach(json_object_get(compose, "exclude"), i, out) {
        const char *url = ts_member(out, "system");
        bool same = false, other = false;
        json_array_foreach(json_object_get(compose, "include"), k, one)
            if (*url && strcmp(ts_member(one, "system"), url) == 0) {
                bool alike = strcmp(ts_member(one, "version"), ts_member(out, "version")) == 0;
                same |= alike;
                other |= !alike;
            }
        if (other && !same)
            return true;
    }
    return false;
}
