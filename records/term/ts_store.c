/* Code systems, value sets and maps in memory: made of resources, found by URL, version and code. */
#include "records/term/ts_store.h"
#include "records/term/fold.h"
#include "records/term/ts_defs.h"
#include "records/term/ts_pairs.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- codes ---- */

static uint32_t code_hash(const char *code)
{
    uint32_t h = 2166136261u;
    for (; *code; code++) /* letters alike: a system that tells them apart compares once more */
        h = (h ^ (uint32_t)(*code >= 'A' && *code <= 'Z' ? *code + 32 : *code)) * 16777619u;
    return h;
}

static bool same_code(const struct ts_system *s, const char *a, const char *b)
{
    return s->case_sensitive ? strcmp(a, b) == 0 : strcasecmp(a, b) == 0;
}

int ts_build_hash(struct ts_system *s)
{
    s->n_hash = 16;
    while (s->n_hash < s->n * 2)
        s->n_hash *= 2;
    s->hash = calloc(s->n_hash, sizeof *s->hash);
    if (!s->hash)
        return ERR_INTERNAL;
    for (size_t i = 0; i < s->n; i++) {
        size_t at = code_hash(s->concepts[i].code) & (s->n_hash - 1);
        while (s->hash[at])
            at = (at + 1) & (s->n_hash - 1);
        s->hash[at] = (uint32_t)i + 1;
    }
    return 0;
}

int32_t ts_concept(const struct ts_system *s, const char *code)
{
    size_t at = s->n_hash ? code_hash(code) & (s->n_hash - 1) : 0;
    for (; s->n_hash && s->hash[at]; at = (at + 1) & (s->n_hash - 1))
        if (same_code(s, s->concepts[s->hash[at] - 1].code, code))
            return (int32_t)s->hash[at] - 1;
    return -1;
}

bool ts_is_a(const struct ts_system *s, int32_t child, int32_t ancestor)
{
    while (child >= 0 && child != ancestor)
        child = s->concepts[child].parent;
    return child == ancestor;
}

struct ts_concept *ts_new_concept(struct ts_system *s)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct ts_concept *more = realloc(s->concepts, cap * sizeof *more);
        if (!more)
            return NULL;
        s->concepts = more;
        s->cap = cap;
    }
    s->concepts[s->n] = (struct ts_concept){.parent = -1, .display = ""};
    return &s->concepts[s->n++];
}

/* ---- versions ---- */

int ts_version_compare(const char *a, const char *b)
{
    while (*a && *b) {
        long x = strtol(a, (char **)&a, 10), y = strtol(b, (char **)&b, 10);
        if (x != y)
            return x < y ? -1 : 1;
        if (*a != *b)
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        a += *a != 0;
        b += *b != 0;
    }
    return *a ? 1 : *b ? -1 : 0;
}

/* 1.x, 1.0.x, 1.*: a wildcard ends the comparison at its place; "1" is the version "1", no pattern. */
bool ts_version_fits(const char *have, const char *want)
{
    if (strcmp(have, want) == 0)
        return true;
    for (; *want; want++, have++) {
        if (*want == 'x' || *want == '*') {
            while (*have && *have != '.')
                have++;
            if (!want[1])
                return true;
            have--;
            continue;
        }
        if (*want != *have)
            return false;
    }
    return *have == 0;
}

static const struct ts_defs *defs_of(const struct ts *t)
{
    while (t->below)
        t = t->below;
    return t->defs;
}

const struct ts_system *ts_system(const struct ts *t, const char *url, const char *version)
{
    const struct ts_system *best = NULL;
    for (const struct ts *level = t; level && !best; level = level->below)
        for (size_t i = 0; i < level->n_systems; i++) {
            const struct ts_system *s = &level->systems[i];
            if (s->content == TS_SUPPLEMENT || strcmp(s->url, url) || (*version && !ts_version_fits(s->version, version)))
                continue;
            if (!best || ts_version_compare(s->version, best->version) > 0)
                best = s;
        }
    return best ? best : ts_defs_system(defs_of(t), url, version);
}

const struct ts_system *ts_system_of_id(const struct ts *t, const char *id)
{
    for (const struct ts *level = t; level; level = level->below)
        for (size_t i = 0; i < level->n_systems; i++)
            if (strcmp(level->systems[i].id, id) == 0)
                return &level->systems[i];
    return ts_defs_system_of_id(defs_of(t), id);
}

#define VERSIONS_MAX 16

static size_t add_version(const char **list, size_t n, const char *version)
{
    size_t k = n;
    for (; k > 0 && ts_version_compare(list[k - 1], version) > 0; k--)
        list[k] = list[k - 1];
    list[k] = version;
    return n + 1;
}

void ts_versions(const struct ts *t, const char *url, char *out, size_t cap)
{
    const char *list[VERSIONS_MAX], *defined[VERSIONS_MAX];
    size_t n = 0, at = 0, n_defined = ts_defs_versions(defs_of(t), url, defined, VERSIONS_MAX);
    out[0] = 0;
    for (; t; t = t->below)
        for (size_t i = 0; i < t->n_systems && n < VERSIONS_MAX; i++)
            if (t->systems[i].content != TS_SUPPLEMENT && strcmp(t->systems[i].url, url) == 0)
                n = add_version(list, n, t->systems[i].version);
    for (size_t i = 0; i < n_defined && n < VERSIONS_MAX; i++)
        n = add_version(list, n, defined[i]);
    for (size_t i = 0; i < n && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", list[i]);
}

const json_t *ts_set(const struct ts *t, const char *url, const char *version)
{
    json_t *set, *best = NULL;
    size_t i;
    for (const struct ts *level = t; level && !best; level = level->below)
        json_array_foreach(level->sets, i, set) {
            if (strcmp(ts_member(set, "url"), url) || (*version && strcmp(ts_member(set, "version"), version)))
                continue;
            if (!best || ts_version_compare(ts_member(set, "version"), ts_member(best, "version")) > 0)
                best = set;
        }
    return best ? best : ts_defs_set(defs_of(t), url, version);
}

const json_t *ts_set_of_id(const struct ts *t, const char *id)
{
    json_t *set;
    size_t i;
    for (const struct ts *level = t; level; level = level->below)
        json_array_foreach(level->sets, i, set)
            if (strcmp(ts_member(set, "id"), id) == 0)
                return set;
    return ts_defs_set_of_id(defs_of(t), id);
}

/* ---- resources ---- */

static void read_properties(struct ts_system *s, struct ts_concept *c)
{
    json_t *p;
    size_t i;
    json_array_foreach(json_object_get(c->source, "property"), i, p) {
        const char *code = ts_member(p, "code"), *uri = "";
        json_t *declared;
        size_t k;
        json_array_foreach(json_object_get(s->resource, "property"), k, declared)
            if (strcmp(ts_member(declared, "code"), code) == 0)
                uri = ts_member(declared, "uri");
        bool not_selectable = strstr(uri, "#notSelectable") || (!*uri && (strcmp(code, "notSelectable") == 0 || strcmp(code, "abstract") == 0));
        if (not_selectable)
            c->abstract = json_is_true(json_object_get(p, "valueBoolean"));
        if (strcmp(code, "inactive") == 0 || strstr(uri, "#inactive"))
            c->inactive |= json_is_true(json_object_get(p, "valueBoolean")) || strcmp(ts_member(p, "valueString"), "true") == 0;
        if (strstr(uri, "concept-properties#status") || (!*uri && strcmp(code, "status") == 0)) {
            const char *status = *ts_member(p, "valueCode") ? ts_member(p, "valueCode") : ts_member(p, "valueString");
            c->status = status;
            c->inactive |= strcmp(status, "retired") == 0 || strcmp(status, "inactive") == 0;
        }
    }
}

/* The standards status of a concept stands in an extension. */
static void read_standing(struct ts_concept *c)
{
    const char *status = ts_designation_status(c->source);
    if (*status && !(c->status && *c->status))
        c->status = status;
}

static int add_concepts(struct ts_system *s, const json_t *list, int32_t parent)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        struct ts_concept *c = ts_new_concept(s);
        int32_t self = (int32_t)s->n - 1;
        if (!c)
            return ERR_INTERNAL;
        c->code = ts_member(one, "code");
        c->display = ts_member(one, "display");
        c->parent = parent;
        c->source = one;
        read_properties(s, c);
        read_standing(c);
        if (add_concepts(s, json_object_get(one, "concept"), self))
            return ERR_INTERNAL;
    }
    return 0;
}

struct ts_system *ts_new_system(struct ts *t)
{
    struct ts_system *more = realloc(t->systems, (t->n_systems + 1) * sizeof *more);
    if (!more)
        return NULL;
    t->systems = more;
    memset(&more[t->n_systems], 0, sizeof *more);
    return &more[t->n_systems++];
}

/* Most have few codes: what was taken ahead is given back. */
static void trim(struct ts_system *s)
{
    struct ts_concept *less = s->n && s->n < s->cap ? realloc(s->concepts, s->n * sizeof *less) : NULL;
    if (less) {
        s->concepts = less;
        s->cap = s->n;
    }
}

void ts_system_clear(struct ts_system *s)
{
    free(s->concepts);
    free(s->hash);
    free(s->text);
    free(s->search);
    ts_pairs_free(s->pairs);
}

int ts_system_read(struct ts_system *s, json_t *resource)
{
    const char *content = ts_member(resource, "content");
    json_t *sensitive = json_object_get(resource, "caseSensitive");
    s->id = ts_member(resource, "id");
    s->url = ts_member(resource, "url");
    s->version = ts_member(resource, "version");
    s->name = ts_member(resource, "name");
    s->title = ts_member(resource, "title");
    s->resource = resource;
    s->case_sensitive = sensitive == NULL || json_is_true(sensitive);
    s->hierarchy = true;
    s->content = strcmp(content, "fragment") == 0     ? TS_FRAGMENT
                 : strcmp(content, "supplement") == 0 ? TS_SUPPLEMENT
                 : strcmp(content, "not-present") == 0 ? TS_NOT_PRESENT
                                                       : TS_COMPLETE;
    int rc = add_concepts(s, json_object_get(resource, "concept"), -1);
    trim(s);
    return rc ? rc : ts_build_hash(s);
}

static int add_system(struct ts *t, json_t *resource)
{
    struct ts_system *s = ts_new_system(t);
    return s ? ts_system_read(s, resource) : ERR_INTERNAL;
}

struct ts_map *ts_new_map(struct ts *t)
{
    struct ts_map *more = realloc(t->maps, (t->n_maps + 1) * sizeof *more);
    if (!more)
        return NULL;
    t->maps = more;
    memset(&more[t->n_maps], 0, sizeof *more);
    return &more[t->n_maps++];
}

int ts_add(struct ts *t, const json_t *resource)
{
    const char *type = ts_member(resource, "resourceType");
    json_t *copy = json_deep_copy(resource);
    if (!copy || json_array_append_new(t->kept, copy))
        return ERR_INTERNAL;
    if (strcmp(type, "CodeSystem") == 0)
        return add_system(t, copy);
    if (strcmp(type, "ValueSet") == 0)
        return json_array_append(t->sets, copy) ? ERR_INTERNAL : 0;
    if (strcmp(type, "ConceptMap") == 0) {
        struct ts_map *m = ts_new_map(t);
        if (!m)
            return ERR_INTERNAL;
        *m = (struct ts_map){.id = ts_member(copy, "id"), .url = ts_member(copy, "url"), .version = ts_member(copy, "version"),
                             .from_date = "", .to_date = "", .resource = copy};
        return 0;
    }
    return ERR_INVALID;
}

/* ---- search ---- */

void ts_words(const struct ts *t, const char *typed, struct ts_words *w)
{
    memset(w, 0, sizeof *w);
    while (*typed && w->n < 4) {
        typed += strspn(typed, " \t");
        size_t len = strcspn(typed, " \t");
        char one[200], simple[240];
        snprintf(one, sizeof one, "%.*s", (int)len, typed);
        const struct ts *base = t;
        while (base->below)
            base = base->below;
        hant_text(base->hant, one, simple, sizeof simple);
        if (len && text_fold(simple, strlen(simple), w->text[w->n], sizeof w->text[0])) {
            w->latin[w->n] = strspn(w->text[w->n], "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(w->text[w->n]);
            w->n++;
        }
        typed += len;
    }
}

/* One pass over all names, for the first word. */
static void mark_first(const struct ts_system *s, const struct ts_words *w, uint8_t *out)
{
    size_t c = 0, len = strlen(w->text[0]);
    for (const char *at = s->search, *end = s->search + s->search_len; (at = memmem(at, (size_t)(end - at), w->text[0], len)); at += len) {
        while (c + 1 < s->n && s->concepts[c + 1].folded <= at)
            c++;
        out[c] = 1;
    }
    for (size_t i = 0; w->latin[0] && i < s->n; i++)
        if ((s->concepts[i].code[0] | 32) == w->text[0][0] || s->concepts[i].code[0] == w->text[0][0])
            out[i] |= strncasecmp(s->concepts[i].code, w->text[0], len) == 0;
}

uint8_t *ts_candidates(const struct ts_system *s, const struct ts_words *w)
{
    uint8_t *out = s->search ? calloc(s->n + 1, 1) : NULL;
    if (out && !(s->pairs && ts_pairs_mark(s->pairs, s, w, out)))
        mark_first(s, w, out);
    return out;
}

static bool contains_folded(const char *text, const char *word)
{
    char folded[512];
    text_fold(text, strlen(text), folded, sizeof folded);
    return strstr(folded, word) != NULL;
}

bool ts_matches(const struct ts_concept *c, const struct ts_words *w)
{
    for (size_t i = 0; i < w->n; i++) {
        bool found = c->folded ? strstr(c->folded, w->text[i]) != NULL : contains_folded(c->display, w->text[i]);
        if (!found && w->latin[i])
            found = strncasecmp(c->code, w->text[i], strlen(w->text[i])) == 0 || (c->initials && strstr(c->initials, w->text[i]));
        if (!found)
            return false;
    }
    return true;
}
