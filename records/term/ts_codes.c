/* Whole sets of codes for those who compare many: the codes of a value set, those below or above one code. */
#include "records/term/ts_store.h"
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

/* Every system's concepts are asked for one by one: an include may take them by a filter or by another set. */
static int of_set(const struct ts *t, const json_t *set, struct ts_codes *out)
{
    struct adding adding = {out, 0};
    int status = 200, rc = 0;
    json_t *failure = NULL, *nothing = json_object();
    struct ts_asked asked = {t, nothing, 0, &failure, &status, json_array()};
    for (const struct ts *level = t; level && rc == 0; level = level->below)
        for (size_t s = 0; s < level->n_systems && rc == 0; s++)
            for (size_t c = 0; c < level->systems[s].n && rc == 0; c++) {
                int in = ts_in_set(&asked, set, &level->systems[s], (int32_t)c);
                rc = in < 0 ? ERR_INVALID : in ? add(&adding, level->systems[s].url, level->systems[s].concepts[c].code) : 0;
            }
    json_decref(asked.used);
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
