/* $expand (R4 valueset-operation-expand.html): the concepts of a value set, and the answer. */
#include "records/term/ts_store.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPANSION_MAX 1000 /* without a count; with one it is paged */
#define NESTED_MAX 2000    /* larger expansions come flat */
#define SORTED_MAX 2000    /* as do large ones in the order of the code system */

struct expansion {
    struct ts_asked asked;
    struct ts_row *rows;
    size_t n, cap;
    size_t before; /* rows of earlier includes */
    bool active_only, nested, selectable_only;
    struct ts_words words;
    const char *filter;
    struct ts_showing showing;
};

static bool same_code(const struct ts_row *a, const struct ts_row *b)
{
    return strcmp(a->s->url, b->s->url) == 0 && strcmp(a->s->concepts[a->c].code, b->s->concepts[b->c].code) == 0;
}

static int add_row(struct expansion *e, struct ts_row row)
{
    size_t others = row.listed ? e->n : e->before; /* a code system that is walked through gives each of its concepts once */
    for (size_t i = 0; e->n < 2000 && i < others; i++) /* a small set may name a code twice */
        if ((e->rows[i].s == row.s && e->rows[i].c == row.c) || (e->asked.versions_match && same_code(&e->rows[i], &row)))
            return 0;
    if (e->n == e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 256;
        struct ts_row *more = realloc(e->rows, cap * sizeof *more);
        if (!more)
            return -1;
        e->rows = more;
        e->cap = cap;
    }
    e->rows[e->n++] = row;
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

static int consider(struct expansion *e, const struct origin *from, struct ts_row row)
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
    int out = from->excludes ? ts_excluded(&e->asked, from->compose, row.s, row.c) : 0;
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
        int out = in > 0 ? ts_excluded(&e->asked, compose, e->rows[i].s, e->rows[i].c) : 0;
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
    const struct ts_row *x = a, *y = b;
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
            if (c >= 0 && consider(e, &from, (struct ts_row){s, c, one, false}))
                return -1;
        }
        if (e->n > first) /* in the order of the code system */
            qsort(e->rows + first, e->n - first, sizeof *e->rows, by_concept);
        return 0;
    }
    uint8_t *candidates = e->words.n ? ts_candidates(s, &e->words) : NULL;
    int rc = 0;
    e->before = e->n;
    for (size_t c = next_of(candidates, 0, s->n); c < s->n && !rc; c = next_of(candidates, c + 1, s->n))
        rc = consider(e, &from, (struct ts_row){s, (int32_t)c, NULL, false});
    free(candidates);
    return rc ? -1 : 0;
}

/* The includes of one system by version, the newest first; those without a version stay where they are, behind. */
static size_t newest_first(const json_t *includes, const json_t **out, size_t cap)
{
    json_t *one;
    size_t i, n = 0;
    json_array_foreach(includes, i, one) {
        const char *version = ts_member(one, "version"), *url = ts_member(one, "system");
        size_t k = n < cap ? n++ : n - 1;
        for (; *version && k > 0 && strcmp(ts_member(out[k - 1], "system"), url) == 0 && *ts_member(out[k - 1], "version") &&
               ts_version_compare(ts_member(out[k - 1], "version"), version) < 0;
             k--)
            out[k] = out[k - 1];
        out[k] = one;
    }
    return n;
}

#define INCLUDES_MAX 500

static int expand_set(struct expansion *e, const json_t *set)
{
    const json_t *compose = json_object_get(set, "compose"), *outer = e->asked.set, *includes[INCLUDES_MAX];
    bool matching = e->asked.versions_match;
    int rc = 0;
    if (ts_deeper(&e->asked, set))
        return -1;
    e->asked.set = set;
    e->asked.versions_match = ts_versions_match(e->asked.in, set);
    if (json_array_size(json_object_get(compose, "include")) > INCLUDES_MAX)
        return -1;
    size_t n = newest_first(json_object_get(compose, "include"), includes, INCLUDES_MAX);
    for (size_t i = 0; i < n && rc >= 0; i++)
        rc = expand_include(e, compose, includes[i]);
    e->asked.set = outer;
    e->asked.versions_match = matching;
    e->asked.depth--;
    return rc;
}

/* One whole system, or filters on it: only then its hierarchy is the set's. */
static bool may_nest(const json_t *set, bool searched)
{
    const json_t *compose = json_object_get(set, "compose"), *include = json_array_get(json_object_get(compose, "include"), 0);
    return json_array_size(json_object_get(compose, "include")) == 1 && !json_object_get(compose, "exclude") && !json_object_get(include, "concept") &&
           !json_object_get(include, "valueSet") && !(searched && !json_object_get(include, "filter"));
}

/* ---- the answer ---- */

/* Under its nearest ancestor that is in the expansion. */
static json_t *place_for(struct expansion *e, json_t **made, json_t *top, size_t i)
{
    const struct ts_row *row = &e->rows[i];
    for (int32_t p = row->s->concepts[row->c].parent; e->nested && e->n <= NESTED_MAX && p >= 0; p = row->s->concepts[p].parent)
        for (size_t k = i; k-- > 0;)
            if (e->rows[k].s == row->s && e->rows[k].c == p) {
                if (!json_object_get(made[k], "contains"))
                    json_object_set_new(made[k], "contains", json_array());
                return json_object_get(made[k], "contains");
            }
    return top;
}

/* Does the set itself name more than one version of this system? */
static bool names_several(const json_t *set, const char *url)
{
    static const char *const parts[] = {"include", "exclude"};
    const char *first = NULL;
    json_t *one;
    size_t i;
    for (size_t p = 0; p < 2; p++)
        json_array_foreach(json_object_get(json_object_get(set, "compose"), parts[p]), i, one) {
            if (strcmp(ts_member(one, "system"), url))
                continue;
            if (first && strcmp(first, ts_member(one, "version")))
                return true;
            first = ts_member(one, "version");
        }
    return false;
}

/* Where more than one version of a system plays a part, each concept says which it is of. Few systems stand in one expansion. */
static void mark_versions(struct expansion *e, const json_t *set)
{
    const struct ts_system *seen[32];
    bool several[32];
    size_t n = 0;
    for (size_t i = 0; i < e->n && n < 32; i++) {
        size_t k = 0;
        while (k < n && seen[k] != e->rows[i].s)
            k++;
        if (k == n)
            seen[n++] = e->rows[i].s;
    }
    for (size_t i = 0; i < n; i++) {
        several[i] = names_several(set, seen[i]->url);
        for (size_t k = 0; k < n; k++)
            several[i] |= k != i && strcmp(seen[k]->url, seen[i]->url) == 0;
    }
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; k < n; k++)
            if (seen[k] == e->rows[i].s)
                e->rows[i].with_version = several[k];
}

/* de,*; q=0 is written with a blank behind each comma where a weight is given. */
static json_t *as_echoed(const json_t *parameter)
{
    json_t *copy = json_deep_copy(parameter);
    const char *text = json_string_value(json_object_get(copy, "valueCode"));
    if (json_is_string(json_object_get(copy, "valueCanonical"))) {
        json_object_set(copy, "valueUri", json_object_get(copy, "valueCanonical"));
        json_object_del(copy, "valueCanonical");
    }
    if (strcmp(ts_member(copy, "name"), "versionsMatch") == 0) {
        json_object_clear(copy);
        json_object_set_new(copy, "name", json_string("versionsMatch"));
        json_object_set_new(copy, "valueBoolean", json_true());
    }
    if (text && strcmp(ts_member(copy, "name"), "displayLanguage") == 0 && strchr(text, ';')) {
        char out[200];
        size_t n = 0;
        for (; *text && n < sizeof out - 2; text++) {
            out[n++] = *text;
            if (*text == ',' && text[1] != ' ')
                out[n++] = ' ';
        }
        out[n] = 0;
        json_object_set_new(copy, "valueCode", json_string(out));
    }
    return copy;
}

static json_t *echoed(struct expansion *e, const json_t *set)
{
    static const char *const names[] = {"excludeNested", "activeOnly", "includeDesignations", "includeDefinition", "displayLanguage", "count",
                                        "offset", "filter", "excludeNotForUI", "force-system-version", "default-valueset-version", "designation"};
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(e->asked.in, "parameter"), i, one)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (strcmp(ts_member(one, "name"), names[k]) == 0)
                json_array_append_new(list, as_echoed(one));
    if (ts_versions_match(e->asked.in, set))
        json_array_append_new(list, json_pack("{s:s, s:b}", "name", "versionsMatch", "valueBoolean", 1));
    json_array_extend(list, e->asked.used);
    return list;
}

static int by_code(const void *a, const void *b)
{
    const struct ts_row *x = a, *y = b;
    return strcmp(x->s->concepts[x->c].code, y->s->concepts[y->c].code);
}

/* A page is shown by code; stable, so that versions of one code stay as they were found. Lists are in that order, and no page of theirs is sorted. */
static void sort_page(struct ts_row *rows, size_t n)
{
    for (size_t i = 1; i < n && n <= SORTED_MAX && rows[0].s->concepts[rows[0].c].source; i++)
        for (size_t k = i; k > 0 && by_code(&rows[k - 1], &rows[k]) > 0; k--) {
            struct ts_row swap = rows[k];
            rows[k] = rows[k - 1];
            rows[k - 1] = swap;
        }
}

static void sort_nested(json_t *list)
{
    size_t n = json_array_size(list);
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0; k--) {
            json_t *a = json_array_get(list, k - 1), *b = json_array_get(list, k);
            if (strcmp(ts_member(a, "code"), ts_member(b, "code")) <= 0)
                break;
            json_incref(a);
            json_array_set(list, k - 1, b);
            json_array_set_new(list, k, a);
        }
    for (size_t i = 0; i < n; i++)
        sort_nested(json_object_get(json_array_get(list, i), "contains"));
}

static json_t *expansion_json(struct expansion *e, const json_t *set, long offset, long count)
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
    json_t *top = json_array(), *out = json_pack("{s:s, s:s, s:i, s:o}", "identifier", urn, "timestamp", stamp, "total", (int)e->n, "parameter", echoed(e, set));
    if (ts_param(e->asked.in, "offset"))
        json_object_set_new(out, "offset", json_integer((json_int_t)first));
    json_t **made = calloc(e->n + 1, sizeof *made);
    if (!e->nested && last > first)
        sort_page(e->rows + first, last - first);
    for (size_t i = first; made && i < last; i++) {
        made[i] = ts_contains(&e->showing, &e->rows[i]);
        json_array_append_new(place_for(e, made, top, i), made[i]);
    }
    free(made);
    if (e->nested)
        sort_nested(top);
    for (size_t i = 0; i < e->n; i++)
        if (e->rows[i].s->content == TS_FRAGMENT) {
            char why[500];
            snprintf(why, sizeof why, "This extension is based on a fragment of the code system %s", e->rows[i].s->url);
            json_object_set_new(out, "extension", json_pack("[{s:s, s:b}, {s:s, s:s}]", "url", "http://hl7.org/fhir/StructureDefinition/valueset-unclosed", "valueBoolean", 1,
                                                            "url", "http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason", "valueString", why));
            break;
        }
    if (json_array_size(e->showing.properties))
        json_object_set(out, "property", e->showing.properties);
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
static json_t *header_of(const json_t *set, bool definition)
{
    static const char *const left_out[] = {"id", "meta", "text", "expansion"};
    static const char *const names[] = {"language", "url", "identifier", "version", "name", "title", "status", "experimental", "date", "publisher"};
    json_t *out = definition ? json_deep_copy(set) : json_pack("{s:s}", "resourceType", "ValueSet");
    for (size_t i = 0; i < 4; i++)
        json_object_del(out, left_out[i]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_object_get(set, names[i]))
            json_object_set_new(out, names[i], json_deep_copy(json_object_get(set, names[i])));
    return out;
}

/* A whole number of 0 or more, or nothing: else which one is wrong. */
static const char *wrong_number(const json_t *in)
{
    static const char *const names[] = {"count", "offset"};
    for (size_t i = 0; i < 2; i++) {
        const char *text = ts_text(in, names[i]);
        if (ts_number(in, names[i], 0) < 0 || text[strspn(text, "0123456789")])
            return names[i];
    }
    return NULL;
}

static int expanded(struct expansion *e, const json_t *set, json_t **out)
{
    const json_t *in = e->asked.in;
    if (wrong_number(in))
        return ts_fail(out, 400, "invalid", NULL, "Parameter '%s' must be a whole number of 0 or more.", wrong_number(in));
    long count = ts_number(in, "count", -1), offset = ts_number(in, "offset", 0);
    int rc = ts_no_circle(&e->asked, set);
    e->active_only = ts_flag(in, "activeOnly", false);
    e->selectable_only = ts_flag(in, "excludeNotForUI", false);
    e->filter = ts_text(in, "filter");
    ts_words(e->asked.t, e->filter, &e->words);
    e->nested = !ts_flag(in, "excludeNested", false) && count < 0 && offset == 0 && may_nest(set, *e->filter != 0);
    e->showing.in = in;
    e->showing.designations = ts_flag(in, "includeDesignations", false);
    if (!ts_languages(ts_text(in, "displayLanguage"), &e->showing.languages))
        return ts_fail(out, 400, "processing", "invalid-display", "Invalid displayLanguage: '%s'", ts_text(in, "displayLanguage"));
    ts_note_status(&e->asked, set, ts_member(set, "url"), ts_member(set, "version"));
    rc = rc ? rc : expand_set(e, set);
    if (rc < 0 && *e->asked.failure) {
        *out = json_incref(*e->asked.failure);
        return *e->asked.status;
    }
    if (rc < 0)
        return ts_fail(out, 500, "exception", NULL, "The value set cannot be expanded.");
    if (count < 0 && e->n > EXPANSION_MAX)
        return too_costly(out, set, EXPANSION_MAX);
    mark_versions(e, set);
    *out = header_of(set, ts_flag(in, "includeDefinition", false));
    json_object_set_new(*out, "expansion", expansion_json(e, set, offset, count));
    return 200;
}

int ts_expand(const struct ts *t, const json_t *set, const json_t *in, json_t **out)
{
    int status = 200;
    struct ts *own;
    json_t *failure = NULL, *asked = ts_asked_in(in, set);
    if ((status = ts_with_supplements(t, asked, set, &own, out))) {
        json_decref(asked);
        return status;
    }
    struct expansion e = {.asked = {.t = own ? own : t, .in = asked, .failure = &failure, .status = &status, .used = json_array(), .container = set, .expanding = true},
                          .showing.properties = json_array()};
    status = expanded(&e, set, out);
    json_decref(failure);
    json_decref(e.asked.used);
    json_decref(e.showing.properties);
    json_decref(asked);
    free(e.rows);
    ts_close(own);
    return status;
}
