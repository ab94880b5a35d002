/* Whole sets of codes for those who compare many: the codes of a value set, those below or above one code. */
#include "records/term/ts_defs.h"
#include <stdlib.h>
#include <string.h>

struct adding {
    struct ts_codes *out;
    size_t cap;
};

static int add(struct adding *a, const char *system, const char *code)
{
    struct ts_codes *o = a->out;
    if (o->n == TS_CODES_MAX)
        return ERR_TOO_LARGE;
    if (o->n == a->cap) {
        size_t cap = a->cap ? 2 * a->cap : 64;
        struct ts_code *more = realloc(o->list, cap * sizeof *more);
        if (!more)
            return ERR_UNAVAILABLE;
        o->list = more;
        a->cap = cap;
    }
    o->list[o->n++] = (struct ts_code){system, code};
    return 0;
}

void ts_codes_free(struct ts_codes *codes)
{
    free(codes->list);
    *codes = (struct ts_codes){0};
}

static int end(struct ts_codes *codes, int rc)
{
    if (rc)
        ts_codes_free(codes);
    return rc;
}

/* ---- value sets ---- */

static int whole(const struct ts_system *s, struct ts_codes *out)
{
    struct adding a = {out, 0};
    int rc = 0;
    for (size_t i = 0; i < s->n && rc == 0; i++)
        rc = add(&a, s->url, s->concepts[i].code);
    return rc;
}

#define SYSTEMS_MAX 64

struct reading { /* a set, and the code systems its codes may be of */
    struct ts_asked asked;
    const json_t *set;
    struct adding adding;
    const char *systems[SYSTEMS_MAX];
    size_t n_systems;
};

/* Those it includes by name, and those of the sets it imports, which name each other in no circle. False: too many. */
static bool name_systems(struct reading *r, const json_t *set)
{
    json_t *include, *import;
    size_t i, k, at;
    json_array_foreach(json_object_get(json_object_get(set, "compose"), "include"), i, include) {
        const char *url = ts_member(include, "system");
        for (at = 0; at < r->n_systems && strcmp(r->systems[at], url); at++)
            ;
        if (*url && at == SYSTEMS_MAX)
            return false;
        if (*url && at == r->n_systems)
            r->systems[r->n_systems++] = url;
        json_array_foreach(json_object_get(include, "valueSet"), k, import) {
            char name[400];
            const char *version = ts_canonical(json_string_value(import) ? json_string_value(import) : "", name, sizeof name);
            const json_t *next = ts_set(r->asked.t, name, version);
            if (next && !name_systems(r, next))
                return false;
        }
    }
    return true;
}

/* Its concepts are asked for one by one: an include may take them by a filter or by another set. */
static int of_system(struct reading *r, const struct ts_system *s)
{
    int rc = 0;
    for (size_t c = 0; s && c < s->n && rc == 0; c++) {
        int in = ts_in_set(&r->asked, r->set, s, (int32_t)c);
        rc = in < 0 ? ERR_INVALID : in ? add(&r->adding, s->url, s->concepts[c].code) : 0;
    }
    return rc;
}

static int of_versions(struct reading *r, const char *url)
{
    const char *defined[16];
    const struct ts *bottom = r->asked.t;
    int rc = 0;
    for (const struct ts *level = r->asked.t; level && rc == 0; level = level->below) {
        bottom = level;
        for (size_t s = 0; s < level->n_systems && rc == 0; s++)
            rc = strcmp(level->systems[s].url, url) == 0 ? of_system(r, &level->systems[s]) : 0;
    }
    size_t n = ts_defs_versions(bottom->defs, url, defined, sizeof defined / sizeof *defined);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = of_system(r, ts_defs_system(bottom->defs, url, defined[i]));
    return rc;
}

static int of_set(const struct ts *t, const json_t *set, struct ts_codes *out)
{
    int status = 200;
    json_t *failure = NULL, *nothing = json_object();
    struct reading r = {{t, nothing, 0, &failure, &status, json_array()}, set, {out, 0}};
    int rc = ts_no_circle(&r.asked, set) ? ERR_INVALID : name_systems(&r, set) ? 0 : ERR_TOO_LARGE;
    for (size_t i = 0; i < r.n_systems && rc == 0; i++)
        rc = of_versions(&r, r.systems[i]);
    json_decref(r.asked.used);
    json_decref(failure);
    json_decref(nothing);
    return rc;
}

int ts_codes_of_set(const struct ts *t, const char *canonical, struct ts_codes *out)
{
    char url[400];
    const char *version = ts_canonical(canonical, url, sizeof url);
    const json_t *set = ts_set(t, url, version);
    size_t len = strlen(url);
    *out = (struct ts_codes){0};
    if (set)
        return end(out, of_set(t, set, out));
    if (len > 4 && strcmp(url + len - 4, "?vs=") == 0) /* every code system has the value set of all its codes */
        url[len - 4] = 0;
    else if (len > 3 && strcmp(url + len - 3, "?vs") == 0)
        url[len - 3] = 0;
    const struct ts_system *s = ts_system(t, url, version);
    return s ? end(out, whole(s, out)) : ERR_NOT_FOUND;
}

/* ---- hierarchies ---- */

int ts_codes_below(const struct ts *t, const char *system, const char *code, struct ts_codes *out)
{
    const struct ts_system *s = ts_system(t, system, "");
    int32_t top = s ? ts_concept(s, code) : -1;
    struct adding a = {out, 0};
    int rc = 0;
    *out = (struct ts_codes){0};
    if (top < 0)
        return ERR_NOT_FOUND;
    for (size_t i = (size_t)top; i < s->n && rc == 0; i++) /* parents stand before their children */
        if ((int32_t)i == top || ts_is_a(s, (int32_t)i, top))
            rc = add(&a, s->url, s->concepts[i].code);
    return end(out, rc);
}

int ts_codes_above(const struct ts *t, const char *system, const char *code, struct ts_codes *out)
{
    const struct ts_system *s = ts_system(t, system, "");
    struct adding a = {out, 0};
    int rc = 0;
    *out = (struct ts_codes){0};
    int32_t at = s ? ts_concept(s, code) : -1;
    if (at < 0)
        return ERR_NOT_FOUND;
    for (; at >= 0 && rc == 0; at = s->concepts[at].parent)
        rc = add(&a, s->url, s->concepts[at].code);
    return end(out, rc);
}
