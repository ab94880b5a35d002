/* Reading and searching the three types: what is loaded here first, then what FHIR defines. */
#include "records/r4/json.h"
#include "records/term/ts_defs.h"
#include <stdio.h>
#include <string.h>

#define PAGE 100
#define PAGE_MAX 1000

static const char *const criteria[] = {"_id", "url", "version", "name"};
#define N_CRITERIA (sizeof criteria / sizeof *criteria)

static json_t *loaded(const struct ts *t, const char *type, size_t i)
{
    if (strcmp(type, "CodeSystem") == 0)
        return i < t->n_systems ? t->systems[i].resource : NULL;
    if (strcmp(type, "ConceptMap") == 0)
        return i < t->n_maps ? t->maps[i].resource : NULL;
    return json_array_get(t->sets, i);
}

static const struct ts *bottom(const struct ts *t)
{
    while (t->below)
        t = t->below;
    return t;
}

/* The lists first, then what stands over them. */
static json_t *of_id(const struct ts *t, const struct ts_request *q)
{
    json_t *one = t->below ? of_id(t->below, q) : NULL;
    for (size_t i = 0; !one && loaded(t, q->type, i); i++)
        if (strcmp(ts_member(loaded(t, q->type, i), "id"), q->id) == 0)
            one = loaded(t, q->type, i);
    return one;
}

static int read_one(const struct ts *t, const struct ts_request *q, json_t **out)
{
    const struct ts_def *d;
    json_t *one = of_id(t, q);
    if (one) {
        *out = json_incref(one);
        return 200;
    }
    t = bottom(t);
    for (size_t i = 0; (d = ts_defs_at(t->defs, q->type, i)); i++)
        if (strcmp(d->id, q->id) == 0) {
            *out = ts_defs_resource(t->defs, d);
            return *out ? 200 : ts_fail(out, 500, "exception", NULL, "Out of memory.");
        }
    return ts_fail(out, 404, "not-found", NULL, "There is no %s/%s.", q->type, q->id);
}

/* ---- searching ---- */

struct page {
    const json_t *in;
    json_t *entries;
    long offset, count, total;
};

/* One of the values, which commas part. A name is a string: its beginning, in any case (R4 search.html#string). */
static bool meets(const char *have, const char *want, bool string)
{
    for (; *want; want += *want == ',') {
        size_t n = strcspn(want, ",");
        if (n && (string ? strncasecmp(have, want, n) == 0 : strlen(have) == n && memcmp(have, want, n) == 0))
            return true;
        want += n;
    }
    return false;
}

/* Does it meet the criteria? Then it counts, and is shown where it stands on this page. */
static bool on_page(struct page *p, const char *const have[N_CRITERIA])
{
    for (size_t i = 0; i < N_CRITERIA; i++) {
        const char *want = ts_text(p->in, criteria[i]);
        if (*want && !meets(have[i], want, strcmp(criteria[i], "name") == 0))
            return false;
    }
    long at = p->total++;
    return at >= p->offset && at < p->offset + p->count;
}

/* Takes resource. */
static void show(struct page *p, json_t *resource)
{
    json_array_append_new(p->entries, json_pack("{s:o, s:{s:s}}", "resource", resource, "search", "mode", "match"));
}

static void put_encoded(struct r4_buf *b, const char *text)
{
    for (; *text; text++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *text))
            r4_buf_put(b, text, 1);
        else
            r4_buf_printf(b, "%%%02X", (unsigned char)*text);
}

static json_t *link_to(const struct page *p, const char *type, const char *relation, long offset)
{
    struct r4_buf b = {0};
    r4_buf_printf(&b, "%s?_count=%ld&_offset=%ld", type, p->count, offset);
    for (size_t i = 0; i < N_CRITERIA; i++)
        if (*ts_text(p->in, criteria[i])) {
            r4_buf_printf(&b, "&%s=", criteria[i]);
            put_encoded(&b, ts_text(p->in, criteria[i]));
        }
    json_t *link = json_pack("{s:s, s:s}", "relation", relation, "url", b.p ? b.p : "");
    r4_buf_clear(&b);
    return link;
}

json_t *ts_listed(const struct ts *t, const char *type, size_t i)
{
    size_t n = 0;
    const struct ts_def *d;
    for (json_t *one; (one = loaded(t, type, n)); n++)
        if (n == i)
            return json_incref(one);
    d = ts_defs_at(t->defs, type, i - n);
    return d ? ts_defs_resource(t->defs, d) : NULL;
}

static bool lists(const struct ts *t, const char *type, const char *member, const char *value)
{
    json_t *one;
    const struct ts_def *d;
    bool id = strcmp(member, "id") == 0;
    for (size_t i = 0; (one = loaded(t, type, i)); i++)
        if (strcmp(ts_member(one, member), value) == 0)
            return true;
    for (size_t i = 0; (d = ts_defs_at(t->defs, type, i)); i++)
        if (strcmp(id ? d->id : d->url, value) == 0)
            return true;
    return false;
}

bool ts_lists_id(const struct ts *t, const char *type, const char *id)
{
    return lists(t, type, "id", id);
}

bool ts_lists_url(const struct ts *t, const char *type, const char *url)
{
    return lists(t, type, "url", url);
}

int ts_read(const struct ts *t, const struct ts_request *q, json_t **out)
{
    if (*q->id)
        return read_one(t, q, out);
    long count = ts_number(q->in, "_count", PAGE), offset = ts_number(q->in, "_offset", 0);
    struct page p = {q->in, json_array(), offset > 0 ? offset : 0, count < 0 ? PAGE : count < PAGE_MAX ? count : PAGE_MAX, 0};
    json_t *one, *links = json_array();
    const struct ts_def *d;
    for (const struct ts *level = t; level; level = level->below)
        for (size_t i = 0; (one = loaded(level, q->type, i)); i++)
            if (on_page(&p, (const char *[]){ts_member(one, "id"), ts_member(one, "url"), ts_member(one, "version"), ts_member(one, "name")}))
                show(&p, json_incref(one));
    t = bottom(t);
    for (size_t i = 0; (d = ts_defs_at(t->defs, q->type, i)); i++)
        if (on_page(&p, (const char *[]){d->id, d->url, d->version, d->name}))
            show(&p, ts_defs_resource(t->defs, d));
    json_array_append_new(links, link_to(&p, q->type, "self", p.offset));
    if (p.count && p.offset + p.count < p.total)
        json_array_append_new(links, link_to(&p, q->type, "next", p.offset + p.count));
    *out = json_pack("{s:s, s:s, s:i, s:o, s:o}", "resourceType", "Bundle", "type", "searchset", "total", (int)p.total, "link", links, "entry", p.entries);
    return 200;
}
