/* $lookup, $subsumes, $translate; and the way of a request to its operation. */
#include "records/term/ts.h"
#include "records/r4/json.h"
#include "records/term/ts_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int no_system(const struct ts *t, const char *url, const char *version, json_t **out)
{
    char versions[300];
    ts_versions(t, url, versions, sizeof versions);
    if (*versions)
        return ts_fail(out, 404, "not-found", "not-found", "A definition for CodeSystem '%s' version '%s' could not be found. Valid versions: %s", url, version,
                       versions);
    return ts_fail(out, 404, "not-found", "not-found", "A definition for CodeSystem '%s' could not be found", url);
}

/* ---- $lookup: the operation asked most often is written as text at once, without a tree of objects in between ---- */

struct lookup {
    struct r4_buf text;
    const json_t *in;
    bool named; /* the request names properties; else only `inactive` is told */
    struct ts_languages languages;
};

static void put_text(struct r4_buf *b, const char *text)
{
    r4_buf_quote(b, text, strlen(text));
}

/* {"name":N,"valueT":"..."} */
static void put_named(struct r4_buf *b, const char *name, const char *type, const char *value)
{
    r4_buf_puts(b, "{\"name\":\"");
    r4_buf_puts(b, name);
    r4_buf_puts(b, "\",\"");
    r4_buf_puts(b, type);
    r4_buf_puts(b, "\":");
    put_text(b, value);
    r4_buf_put(b, "}", 1);
}

static void put_one(struct lookup *l, const char *name, const char *type, const char *value)
{
    r4_buf_put(&l->text, ",", 1);
    put_named(&l->text, name, type, value);
}

/* A value of a resource, as it stands there. */
static void put_json(struct r4_buf *b, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    r4_buf_puts(b, text ? text : "null");
    free(text);
}

/* The value follows, and end_property. */
static void begin_property(struct lookup *l, const char *code, const char *description)
{
    r4_buf_puts(&l->text, ",{\"name\":\"property\",\"part\":[");
    put_named(&l->text, "code", "valueCode", code);
    if (description && *description)
        put_one(l, "description", "valueString", description);
}

static void end_property(struct lookup *l)
{
    r4_buf_puts(&l->text, "]}");
}

static void put_property(struct lookup *l, const char *code, const char *type, const char *value, const char *description)
{
    begin_property(l, code, description);
    put_one(l, "value", type, value);
    end_property(l);
}

static void put_value(struct lookup *l, const char *code, const char *type, const json_t *value)
{
    begin_property(l, code, NULL);
    r4_buf_puts(&l->text, ",{\"name\":\"value\",\"");
    r4_buf_puts(&l->text, type);
    r4_buf_puts(&l->text, "\":");
    put_json(&l->text, value);
    r4_buf_put(&l->text, "}", 1);
    end_property(l);
}

static bool wants(const struct lookup *l, const char *code)
{
    json_t *one;
    size_t i;
    if (!l->named)
        return strcmp(code, "inactive") == 0;
    json_array_foreach(json_object_get(l->in, "parameter"), i, one) {
        const char *value = ts_value_text(one);
        if (strcmp(ts_member(one, "name"), "property") == 0 && (strcmp(value, code) == 0 || strcmp(value, "*") == 0))
            return true;
    }
    return false;
}

static void put_designations(struct lookup *l, const struct ts_system *s, const struct ts_concept *c)
{
    json_t *one;
    size_t i;
    if (c->source && *ts_member(s->resource, "language") && *c->display) { /* the display, with the language it is in */
        json_t *own = ts_own_name(s, c->display);
        r4_buf_puts(&l->text, ",{\"name\":\"designation\",\"part\":[");
        put_named(&l->text, "language", "valueCode", ts_member(own, "language"));
        r4_buf_puts(&l->text, ",{\"name\":\"use\",\"valueCoding\":");
        put_json(&l->text, json_object_get(own, "use"));
        r4_buf_puts(&l->text, "},");
        put_named(&l->text, "value", "valueString", c->display);
        r4_buf_puts(&l->text, "]}");
        json_decref(own);
    }
    json_array_foreach(json_object_get(c->source, "designation"), i, one) {
        r4_buf_puts(&l->text, ",{\"name\":\"designation\",\"part\":[");
        if (*ts_member(one, TS_FROM_SUPPLEMENT)) {
            put_named(&l->text, "source", "valueCanonical", ts_member(one, TS_FROM_SUPPLEMENT));
            r4_buf_put(&l->text, ",", 1);
        }
        if (*ts_member(one, "language")) {
            put_named(&l->text, "language", "valueCode", ts_member(one, "language"));
            r4_buf_put(&l->text, ",", 1);
        }
        if (json_object_get(one, "use")) {
            r4_buf_puts(&l->text, "{\"name\":\"use\",\"valueCoding\":");
            put_json(&l->text, json_object_get(one, "use"));
            r4_buf_puts(&l->text, "},");
        }
        put_named(&l->text, "value", "valueString", ts_member(one, "value"));
        r4_buf_puts(&l->text, "]}");
    }
}

static void put_properties(struct lookup *l, const struct ts_system *s, int32_t at)
{
    const struct ts_concept *c = &s->concepts[at];
    json_t *one;
    size_t i;
    if (wants(l, "child")) /* children stand behind their parent; a list's codes behind all categories */
        for (size_t k = (size_t)at + 1; k < s->n; k++)
            if (s->concepts[k].parent == at)
                put_property(l, "child", "valueCode", s->concepts[k].code, s->concepts[k].display);
    if (wants(l, "inactive"))
        put_value(l, "inactive", "valueBoolean", c->inactive ? json_true() : json_false());
    if (wants(l, "parent") && c->parent >= 0)
        put_property(l, "parent", "valueCode", s->concepts[c->parent].code, s->concepts[c->parent].display);
    if (wants(l, "pinyin") && c->initials && *c->initials)
        put_property(l, "pinyin", "valueString", c->initials, NULL);
    json_array_foreach(json_object_get(c->source, "property"), i, one) {
        const char *key;
        json_t *value;
        json_object_foreach(one, key, value)
            if (strncmp(key, "value", 5) == 0 && wants(l, ts_member(one, "code")))
                put_value(l, ts_member(one, "code"), key, value);
    }
}

static void put_concept(struct lookup *l, const struct ts_system *s, int32_t at)
{
    const struct ts_concept *c = &s->concepts[at];
    r4_buf_puts(&l->text, "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"abstract\",\"valueBoolean\":");
    r4_buf_puts(&l->text, c->abstract ? "true}" : "false}");
    put_one(l, "code", "valueCode", c->code);
    if (*ts_member(c->source, "definition"))
        put_one(l, "definition", "valueString", ts_member(c->source, "definition"));
    const json_t *from;
    const char *shown = ts_display_in(s, c, &l->languages, &from);
    put_designations(l, s, c);
    put_one(l, "display", "valueString", shown ? shown : c->display);
    put_one(l, "name", "valueString", *s->name ? s->name : *s->title ? s->title : s->url);
    put_properties(l, s, at);
    put_one(l, "system", "valueUri", s->url);
    json_t *used;
    size_t i;
    json_array_foreach(json_object_get(s->resource, TS_FROM_SUPPLEMENT), i, used)
        put_one(l, "used-supplement", "valueCanonical", json_string_value(used));
    if (*s->version)
        put_one(l, "version", "valueString", s->version);
    r4_buf_puts(&l->text, "]}");
}

/* 200 with *text (malloc'd), or the status with the OperationOutcome in *out. */
static int lookup_plain(const struct ts *t, const struct ts_request *q, char **text, size_t *len, json_t **out)
{
    const json_t *coding = json_object_get(ts_param(q->in, "coding"), "valueCoding");
    const char *url = coding ? ts_member(coding, "system") : ts_text(q->in, "system"), *code = coding ? ts_member(coding, "code") : ts_text(q->in, "code");
    const char *version = coding ? ts_member(coding, "version") : ts_text(q->in, "version");
    if (!*code)
        return ts_fail(out, 400, "required", NULL, "Parameter 'code' (with 'system') or 'coding' is required.");
    const struct ts_system *s = *q->id ? ts_system_of_id(t, q->id) : ts_system(t, url, version);
    if (!s)
        return no_system(t, url, version, out);
    int32_t at = ts_concept(s, code);
    if (at < 0)
        return ts_fail(out, 404, "not-found", "invalid-code", "Unknown code '%s' in the CodeSystem '%s' version '%s'", code, s->url, s->version);
    struct lookup l = {.in = q->in, .named = ts_param(q->in, "property") != NULL};
    const char *language = *ts_text(q->in, "displayLanguage") ? ts_text(q->in, "displayLanguage") : ts_text(q->in, TS_ACCEPT_LANGUAGE);
    if (!ts_languages(language, &l.languages))
        return ts_fail(out, 400, "processing", "invalid-display", "Invalid displayLanguage: '%s'", language);
    put_concept(&l, s, at);
    if (l.text.failed) {
        r4_buf_clear(&l.text);
        return ts_fail(out, 500, "exception", NULL, "Out of memory.");
    }
    *text = l.text.p;
    *len = l.text.n;
    return 200;
}

/* Mostly none is asked for. */
static int lookup_text(const struct ts *t, const struct ts_request *q, char **text, size_t *len, json_t **out)
{
    struct ts *own;
    if (!ts_param(q->in, "useSupplement"))
        return lookup_plain(t, q, text, len, out);
    int status = ts_with_supplements(t, q->in, NULL, &own, out);
    status = status ? status : lookup_plain(own ? own : t, q, text, len, out);
    ts_close(own);
    return status;
}

int ts_lookup(const struct ts *t, const struct ts_request *q, json_t **out)
{
    char *text = NULL;
    size_t len;
    int status = lookup_text(t, q, &text, &len, out);
    if (text)
        *out = json_loadb(text, len, 0, NULL);
    free(text);
    return status;
}

/* ---- $subsumes ---- */

int ts_subsumes(const struct ts *t, const struct ts_request *q, json_t **out)
{
    const json_t *ca = json_object_get(ts_param(q->in, "codingA"), "valueCoding"), *cb = json_object_get(ts_param(q->in, "codingB"), "valueCoding");
    const char *url = ca ? ts_member(ca, "system") : ts_text(q->in, "system"), *version = ca ? ts_member(ca, "version") : ts_text(q->in, "version");
    const char *a = ca ? ts_member(ca, "code") : ts_text(q->in, "codeA"), *b = cb ? ts_member(cb, "code") : ts_text(q->in, "codeB");
    if (!*a || !*b)
        return ts_fail(out, 400, "required", NULL, "Parameters 'codeA' and 'codeB' (with 'system'), or 'codingA' and 'codingB', are required.");
    if (cb && ca && strcmp(ts_member(cb, "system"), url))
        return ts_fail(out, 400, "invalid", NULL, "codingA and codingB must be of one code system.");
    const struct ts_system *s = *q->id ? ts_system_of_id(t, q->id) : ts_system(t, url, version);
    if (!s)
        return no_system(t, url, version, out);
    int32_t x = ts_concept(s, a), y = ts_concept(s, b);
    if (x < 0 || y < 0)
        return ts_fail(out, 404, "not-found", "invalid-code", "Unknown code '%s' in the CodeSystem '%s' version '%s'", x < 0 ? a : b, s->url, s->version);
    *out = ts_parameters();
    ts_put(*out, "outcome", "valueCode",
           json_string(x == y ? "equivalent" : ts_is_a(s, y, x) ? "subsumes" : ts_is_a(s, x, y) ? "subsumed-by" : "not-subsumed"));
    return 200;
}

/* ---- $translate ---- */

static const char *first_of(const json_t *in, const char *a, const char *b)
{
    return *ts_text(in, a) ? ts_text(in, a) : ts_text(in, b);
}

struct wanted {
    const char *system, *code, *target, *url, *date;
    bool reverse;
    bool by_target; /* R5 asks the way back by naming the target, and is answered with it as the concept, the source beside it */
};

/* Without a code where nothing corresponds: that is said, and is no translation. */
static void put_match(json_t *answer, const struct ts_map *m, const char *equivalence, const char *system, const char *code, const char *display)
{
    char map[500];
    json_t *parts = json_pack("[{s:s,s:s}]", "name", "equivalence", "valueCode", equivalence);
    json_t *concept = *code ? json_pack("{s:s, s:s}", "system", system, "code", code) : NULL;
    if (concept && *display)
        json_object_set_new(concept, "display", json_string(display));
    if (concept)
        json_array_append_new(parts, json_pack("{s:s,s:o}", "name", "concept", "valueCoding", concept));
    snprintf(map, sizeof map, "%s%s%s", m->url, *m->version ? "|" : "", m->version);
    json_array_append_new(parts, json_pack("{s:s,s:s}", "name", "originMap", "valueCanonical", map));
    json_array_append_new(parts, json_pack("{s:s,s:s}", "name", "relationship", "valueCode", equivalence));
    ts_put(answer, "match", "part", parts);
}

/* R4: the result is true only where at least one match is neither unmatched nor disjoint. */
static bool translates(const char *equivalence)
{
    return strcmp(equivalence, "unmatched") && strcmp(equivalence, "disjoint") && strcmp(equivalence, "not-related-to");
}

static void put_source(json_t *answer, const struct ts_map *m, const char *equivalence, const json_t *group, const json_t *element, const json_t *target)
{
    put_match(answer, m, equivalence, ts_member(group, "target"), ts_member(target, "code"), ts_member(target, "display"));
    json_t *list = json_object_get(answer, "parameter"), *source = json_pack("{s:s, s:s}", "system", ts_member(group, "source"), "code", ts_member(element, "code"));
    if (*ts_member(element, "display"))
        json_object_set(source, "display", json_object_get(element, "display"));
    json_array_append_new(json_object_get(json_array_get(list, json_array_size(list) - 1), "part"), json_pack("{s:s, s:o}", "name", "source", "valueCoding", source));
}

static size_t match_group(json_t *answer, const struct ts_map *m, const json_t *group, const struct wanted *w)
{
    json_t *element, *target;
    size_t i, k, n = 0;
    const char *from = ts_member(group, "source"), *to = ts_member(group, "target");
    const char *here = w->reverse ? to : from, *there = w->reverse ? from : to;
    if ((*w->system && strcmp(here, w->system)) || (*w->target && strcmp(there, w->target)))
        return 0;
    json_array_foreach(json_object_get(group, "element"), i, element)
        json_array_foreach(json_object_get(element, "target"), k, target) {
            const char *code = w->reverse ? ts_member(target, "code") : ts_member(element, "code");
            const json_t *found = w->reverse ? element : target;
            const char *equivalence = *ts_member(target, "equivalence") ? ts_member(target, "equivalence") : ts_member(target, "relationship");
            if (strcmp(code, w->code))
                continue;
            equivalence = *equivalence ? equivalence : "relatedto";
            if (w->by_target)
                put_source(answer, m, equivalence, group, element, target);
            else
                put_match(answer, m, equivalence, there, ts_member(found, "code"), ts_member(found, "display"));
            n += translates(equivalence);
        }
    return n;
}

static const char *display_of(const struct ts *t, const char *system, const char *code)
{
    const struct ts_system *s = ts_system(t, system, "");
    int32_t c = s ? ts_concept(s, code) : -1;
    return c >= 0 ? s->concepts[c].display : "";
}

/* A list's map holds only what changes: a code it lacks is itself in the other edition, if that has it. */
static size_t match_list(json_t *answer, const struct ts *t, const struct ts_map *m, const struct wanted *w)
{
    const char *here = w->reverse ? m->target : m->source, *there = w->reverse ? m->source : m->target;
    size_t n = 0;
    bool moved = false;
    if ((*w->system && strcmp(here, w->system)) || (*w->target && strcmp(there, w->target)))
        return 0;
    for (size_t i = 0; i < m->n; i++) {
        const char *have = w->reverse ? m->pairs[i].to : m->pairs[i].from, *other = w->reverse ? m->pairs[i].from : m->pairs[i].to;
        moved |= w->reverse && strcmp(other, w->code) == 0; /* as a code of the other edition it now means something else */
        if (strcmp(have, w->code))
            continue;
        put_match(answer, m, "equivalent", there, other, display_of(t, there, other));
        n++;
    }
    const struct ts_system *target = ts_system(t, m->target, "");
    if (n == 0 && !moved && target && ts_concept(target, w->code) >= 0) {
        put_match(answer, m, "equal", there, w->code, display_of(t, m->target, w->code));
        n++;
    }
    return n;
}

static bool in_force(const struct ts_map *m, const char *date)
{
    return (!*m->from_date || strcmp(m->from_date, date) <= 0) && (!*m->to_date || strcmp(date, m->to_date) <= 0);
}

static void take_wanted(const struct ts_request *q, const json_t *coding, struct wanted *w)
{
    *w = (struct wanted){coding ? ts_member(coding, "system") : first_of(q->in, "system", "sourceSystem"), coding ? ts_member(coding, "code") : first_of(q->in, "code", "sourceCode"),
                         first_of(q->in, "targetsystem", "targetSystem"), ts_text(q->in, "url"), ts_text(q->in, "date"), ts_flag(q->in, "reverse", false)};
    if (!*w->code && *ts_text(q->in, "targetCode")) { /* R5 asks the way back by naming the target */
        w->code = ts_text(q->in, "targetCode");
        w->system = w->target;
        w->target = ts_text(q->in, "sourceSystem");
        w->reverse = w->by_target = true;
    }
}

/* The maps that are meant; *known: there is one, in force or not. */
static size_t match_maps(json_t *answer, const struct ts *t, const struct ts_request *q, const struct wanted *w, bool *known)
{
    char today[16];
    time_t now = time(NULL);
    struct tm tm;
    size_t n = 0;
    strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&now, &tm));
    for (const struct ts *level = t; level; level = level->below)
        for (size_t i = 0; i < level->n_maps; i++) {
            const struct ts_map *m = &level->maps[i];
            json_t *group;
            size_t k;
            if ((*w->url && strcmp(m->url, w->url)) || (*q->id && strcmp(m->id, q->id)))
                continue;
            *known = true;
            if (!in_force(m, *w->date ? w->date : today))
                continue;
            json_array_foreach(json_object_get(m->resource, "group"), k, group)
                n += match_group(answer, m, group, w);
            if (m->pairs)
                n += match_list(answer, t, m, w);
        }
    return n;
}

static const json_t *parameter_value(const json_t *in, const char *name, const char *older, const char *type)
{
    const json_t *value = json_object_get(ts_param(in, name), type);
    return value ? value : json_object_get(ts_param(in, older), type);
}

int ts_translate(const struct ts *t, const struct ts_request *q, json_t **out)
{
    const json_t *coding = parameter_value(q->in, "coding", "sourceCoding", "valueCoding");
    const json_t *list = json_object_get(parameter_value(q->in, "codeableConcept", "sourceCodeableConcept", "valueCodeableConcept"), "coding");
    struct wanted w;
    bool known = false;
    size_t n = 0, i;
    json_t *one;
    take_wanted(q, coding, &w);
    if (!*w.code && !json_array_size(list))
        return ts_fail(out, 400, "required", NULL, "Parameter 'code' (with 'system'), 'coding' or 'codeableConcept' is required.");
    json_t *answer = ts_parameters();
    if (*w.code)
        n = match_maps(answer, t, q, &w, &known);
    else
        json_array_foreach(list, i, one) {
            take_wanted(q, one, &w);
            n += *w.code ? match_maps(answer, t, q, &w, &known) : 0;
        }
    if (!known && (*w.url || *q->id)) {
        json_decref(answer);
        return ts_fail(out, 404, "not-found", "not-found", "A definition for the ConceptMap '%s' could not be found", *w.url ? w.url : q->id);
    }
    ts_put(answer, "result", "valueBoolean", json_boolean(n > 0));
    if (!n)
        ts_put(answer, "message", "valueString", json_string("No translation was found."));
    *out = answer;
    return 200;
}

/* ---- $expand ---- */

static json_t *whole_system(const struct ts_system *s)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:[{s:s, s:s}]}}", "resourceType", "ValueSet", "url", s->url, "version", s->version, "name", s->name,
                     "status", "active", "compose", "include", "system", s->url, "version", s->version);
}

static int expand(const struct ts *t, const struct ts_request *q, json_t **out)
{
    char url[400];
    const json_t *set = json_object_get(ts_param(q->in, "valueSet"), "resource");
    json_t *made = NULL;
    const char *text = ts_text(q->in, "url"), *version = ts_canonical(text, url, sizeof url);
    version = *version ? version : ts_text(q->in, "valueSetVersion");
    if (!set && *q->id)
        set = ts_set_of_id(t, q->id);
    if (!set && *url)
        set = ts_set(t, url, version);
    size_t len = strlen(url);
    const struct ts_system *s = NULL;
    if (!set && len > 4 && strcmp(url + len - 4, "?vs=") == 0) /* every code system has the value set of all its codes: URL?vs= */
        url[len - 4] = 0;
    if (!set && (s = *q->id ? ts_system_of_id(t, q->id) : ts_system(t, url, version)))
        set = made = whole_system(s);
    if (!set && !*url && !*q->id)
        return ts_fail(out, 400, "required", NULL, "Parameter 'url' or 'valueSet' is required.");
    if (!set) {
        char message[600];
        *out = ts_outcome();
        snprintf(message, sizeof message, "A definition for the value Set '%s' could not be found", *url ? text : q->id);
        ts_issue(*out, &(struct ts_issue){"error", "not-found", "not-found", "Unable_to_resolve_value_Set_", NULL, message});
        return 404;
    }
    int status = ts_expand(t, set, q->in, out);
    json_decref(made);
    return status;
}

/* ---- the way of a request ---- */

static int dispatch(const struct ts *t, const struct ts_request *q, json_t **out)
{
    bool system = strcmp(q->type, "CodeSystem") == 0, set = strcmp(q->type, "ValueSet") == 0, map = strcmp(q->type, "ConceptMap") == 0;
    if (system && strcmp(q->operation, "lookup") == 0)
        return ts_lookup(t, q, out);
    if (system && strcmp(q->operation, "subsumes") == 0)
        return ts_subsumes(t, q, out);
    if ((system || set) && strcmp(q->operation, "validate-code") == 0)
        return ts_validate(t, q, out);
    if ((system || set) && (strcmp(q->operation, "batch-validate-code") == 0 || strcmp(q->operation, "batch-validate") == 0))
        return ts_batch_validate(t, q, out);
    if (set && strcmp(q->operation, "expand") == 0)
        return expand(t, q, out);
    if (map && strcmp(q->operation, "translate") == 0)
        return ts_translate(t, q, out);
    return ts_fail(out, 404, "not-supported", NULL, "There is no operation $%s on %s.", q->operation, q->type);
}

int ts_open_over(struct ts **out, const struct ts *below)
{
    int rc = ts_open(out, NULL, NULL);
    if (rc == 0)
        (*out)->below = below;
    return rc;
}

/* The request's own resources over the server's; *own NULL where it brings none. 0, or the status. */
static int open_own(const struct ts *t, const struct ts_request *q, struct ts **own, json_t **out)
{
    json_t *one;
    size_t i;
    *own = NULL;
    json_array_foreach(json_object_get(q->in, "parameter"), i, one) {
        const char *name = ts_member(one, "name");
        json_t *resource = json_object_get(one, "resource");
        if (strcmp(name, "tx-resource") || !resource)
            continue;
        if (!*own && ts_open_over(own, t))
            return ts_fail(out, 500, "exception", NULL, "Out of memory.");
        if (ts_add(*own, resource))
            return ts_fail(out, 400, "invalid", NULL, "A tx-resource is a CodeSystem, a ValueSet or a ConceptMap.");
    }
    return 0;
}

int ts_answer(const struct ts *t, const struct ts_request *q, json_t **out)
{
    struct ts *own;
    *out = NULL;
    int status = open_own(t, q, &own, out);
    status = status ? status : dispatch(own ? own : t, q, out);
    ts_close(own);
    return status;
}

int ts_answer_text(const struct ts *t, const struct ts_request *q, char **text, size_t *len)
{
    struct ts *own;
    json_t *out = NULL;
    *text = NULL;
    int status = open_own(t, q, &own, &out);
    if (!status && strcmp(q->type, "CodeSystem") == 0 && strcmp(q->operation, "lookup") == 0)
        status = lookup_text(own ? own : t, q, text, len, &out);
    else if (!status)
        status = dispatch(own ? own : t, q, &out);
    ts_close(own);
    if (!*text && (*text = json_dumps(out, JSON_COMPACT)))
        *len = strlen(*text);
    json_decref(out);
    return status;
}
