/* _typeFilter and _elements of $export (http://hl7.org/fhir/uv/bulkdata/export.html#query-parameters). */
#include "records/fhir/export.h"
#include "records/fhir/search_page.h"
#include <stdio.h>

bool export_listed(const char *list, const char *type)
{
    size_t n = strlen(type);
    for (const char *p = list; *p;) {
        size_t len = strcspn(p, ",");
        if (len == n && memcmp(p, type, n) == 0)
            return true;
        p += len + (p[len] == ',');
    }
    return !*list;
}

/* ---- _typeFilter ---- */

static const struct r4_type *type_before_mark(struct fhir_work *w, const char *p, const char *end)
{
    const char *mark = memchr(p, '?', (size_t)(end - p));
    return mark ? r4_resource(fhir_r4(w->fhir), p, (size_t)(mark - p)) : NULL;
}

/* Where the filter that begins at p ends: before the next one. */
static const char *filter_end(struct fhir_work *w, const char *p, const char *end)
{
    for (const char *c = p; (c = memchr(c, ',', (size_t)(end - c))); c++)
        if (type_before_mark(w, c + 1, end))
            return c;
    return end;
}

static int bad_filter(struct fhir_work *w, struct r4_str filter, const char *why)
{
    return fhir_fail_status(w, 400, "invalid", "_typeFilter %.*s: %s", (int)(filter.n < 90 ? filter.n : 90), filter.p, why);
}

int export_take_filters(struct fhir_work *w, struct r4_str value, struct export_wishes *wishes)
{
    for (const char *p = value.p, *end = p + value.n, *to; p < end; p = to + 1) {
        to = filter_end(w, p, end);
        struct r4_str whole = {p, (size_t)(to - p)};
        const struct r4_type *type = type_before_mark(w, p, to);
        if (!type)
            return bad_filter(w, whole, "a type of resource, a question mark and a search are expected, as in Observation?status=final.");
        if (wishes->n_filters == EXPORT_FILTERS_MAX)
            return fhir_fail_status(w, 400, "too-costly", "_typeFilter has more than %d filters.", EXPORT_FILTERS_MAX);
        size_t head = strlen(type->name) + 1;
        wishes->filters[wishes->n_filters++] = (struct export_filter){type, {p + head, whole.n - head}};
    }
    return 0;
}

/* What says how an answer is to look, not what is looked for. */
static const char *no_condition(struct fhir_work *w, struct r4_str query)
{
    static const char *const names[] = {"_sort", "_count", "_include", "_revinclude", "_summary", "_elements", "_total", "_contained", "_containedType", "_format", "_pretty"};
    struct r4_pair pairs[40];
    size_t n = 0;
    if (r4_query_split(w->plan->scratch->doc, query.p, query.n, pairs, 40, &n))
        return "it is not UTF-8, has a bad escape or too many parameters.";
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            size_t len = strlen(names[k]);
            if (pairs[i].name.n >= len && memcmp(pairs[i].name.p, names[k], len) == 0 && (pairs[i].name.n == len || pairs[i].name.p[len] == ':'))
                return "a filter has conditions alone: no _sort, _count, _include, _revinclude, _summary, _elements.";
        }
    return n ? NULL : "it has no condition.";
}

static int check_filter(struct fhir_work *w, struct tx *tx, const struct export_wishes *wishes, const struct export_filter *f)
{
    char why[200];
    struct r4_str whole = {f->query.p - strlen(f->type->name) - 1, f->query.n + strlen(f->type->name) + 1};
    if (!export_listed(wishes->types, f->type->name))
        return bad_filter(w, whole, "this type is not among those of _type.");
    const char *wrong = no_condition(w, f->query);
    if (wrong)
        return bad_filter(w, whole, wrong);
    if (search_understood(w, f->type, f->query, why, sizeof why))
        return bad_filter(w, whole, why);
    struct export_wishes one = {.filters = {*f}, .n_filters = 1};
    struct export_sieve sieve;
    int rc = sieve_open(&sieve, w, tx, &one, f->type), status = w->answer.status;
    sieve_close(&sieve);
    return rc && status == 400 ? bad_filter(w, whole, w->fault.text[0] ? w->fault.text : "a parameter or its value is not offered here.") : rc;
}

/* ---- _elements ---- */

/* "Patient.name" of Patient, "name" of all: the part that is of the type; {NULL} where it is of another. */
static struct r4_str of_type(struct r4_str one, const struct r4_type *type)
{
    const char *dot = memchr(one.p, '.', one.n);
    size_t n = dot ? (size_t)(dot - one.p) : 0;
    if (!dot)
        return one;
    return strlen(type->name) == n && memcmp(one.p, type->name, n) == 0 ? (struct r4_str){dot + 1, one.n - n - 1} : (struct r4_str){NULL, 0};
}

static struct r4_str next_element(const char **p, const char *end)
{
    const char *comma = memchr(*p, ',', (size_t)(end - *p));
    struct r4_str one = {*p, (size_t)((comma ? comma : end) - *p)};
    *p = comma ? comma + 1 : end;
    return one;
}

/* Some type of those that are asked for has it, at its root. */
static bool element_known(struct fhir_work *w, const char *types, struct r4_str one)
{
    const struct r4_type *const *all;
    size_t n = r4_resources(fhir_r4(w->fhir), &all);
    for (size_t i = 0; i < n; i++) {
        struct r4_str name = of_type(one, all[i]);
        if (name.n > 3 && memcmp(name.p + name.n - 3, "[x]", 3) == 0)
            name.n -= 3;
        if (name.n && export_listed(types, all[i]->name) && r4_element_head(all[i], name.p, name.n).p)
            return true;
    }
    return false;
}

static int check_elements(struct fhir_work *w, const struct export_wishes *wishes)
{
    for (const char *p = wishes->elements.p, *end = p + wishes->elements.n; p < end;) {
        struct r4_str one = next_element(&p, end);
        if (!element_known(w, wishes->types, one))
            return fhir_fail_status(w, 400, "invalid", "_elements: no type that is exported has an element %.*s at its root.", (int)(one.n < 90 ? one.n : 90), one.p);
    }
    return 0;
}

int export_check(struct fhir_work *w, struct tx *tx, const struct export_wishes *wishes)
{
    int rc = wishes->elements.n ? check_elements(w, wishes) : 0;
    for (size_t i = 0; i < wishes->n_filters && rc == 0; i++)
        rc = check_filter(w, tx, wishes, &wishes->filters[i]);
    return rc;
}

int export_elements(struct fhir_work *w, const struct export_wishes *wishes, const struct r4_type *type)
{
    struct fhir_plan *p = w->plan;
    p->summary = R4_SUMMARY_FALSE; /* a file has one resource a line, whole but for _elements */
    p->pretty = false;
    p->elements = (struct r4_str){NULL, 0};
    if (!wishes->elements.n)
        return 0;
    char *list = r4_doc_alloc(p->scratch->doc, wishes->elements.n + 4);
    if (!list)
        return ERR_UNAVAILABLE;
    size_t at = (size_t)sprintf(list, "id");
    for (const char *c = wishes->elements.p, *end = c + wishes->elements.n; c < end;) {
        struct r4_str name = of_type(next_element(&c, end), type);
        if (name.n)
            at += (size_t)sprintf(list + at, ",%.*s", (int)name.n, name.p);
    }
    p->elements = (struct r4_str){list, at};
    return 0;
}

/* ---- the sieve ---- */

static int open_one(struct export_sieve *s, struct fhir_work *w, struct tx *tx, const struct export_filter *filter)
{
    struct r4_pair pairs[40];
    struct r4_query query = {.any_case = true}; /* as a search of this client finds it */
    size_t n = 0;
    struct finder *f = s->finders[s->n] = calloc(1, sizeof *f);
    if (!f)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    s->n++;
    if (r4_query_split(w->plan->scratch->doc, filter->query.p, filter->query.n, pairs, 40, &n))
        return fhir_fail(w, ERR_INVALID, "condition", "The condition cannot be read.");
    int rc = page_parse(w, filter->type, pairs, n, true, &query);
    return rc ? rc : finder_open(f, w, tx, filter->type, query.terms);
}

int sieve_open(struct export_sieve *s, struct fhir_work *w, struct tx *tx, const struct export_wishes *wishes, const struct r4_type *type)
{
    int rc = 0;
    s->n = 0;
    for (size_t i = 0; i < wishes->n_filters && rc == 0; i++)
        if (wishes->filters[i].type == type)
            rc = open_one(s, w, tx, &wishes->filters[i]);
    return rc;
}

void sieve_close(struct export_sieve *s)
{
    for (size_t i = 0; i < s->n; i++) {
        finder_close(s->finders[i]);
        free(s->finders[i]);
    }
    s->n = 0;
}

static bool keep_hit(void *ctx, struct found *found)
{
    struct hits *h = ctx;
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 1024;
        struct hit *more = realloc(h->list, cap * sizeof *more);
        h->failed = !more;
        if (!more)
            return false;
        h->list = more;
        h->cap = cap;
    }
    h->over = h->n == EXPORT_MATCHES_MAX;
    if (!h->over)
        h->list[h->n++] = (struct hit){found->row.pkey, found->row.rid};
    return !h->over;
}

int sieve_hits(struct export_sieve *s, int64_t snapshot, struct hits *out)
{
    int rc = 0;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        struct finder *f = s->finders[i];
        f->snapshot = snapshot;
        f->no_body = true;
        finder_plan(f);
        rc = finder_run(f, &(struct cursor){0}, keep_hit, out);
    }
    hits_sort(out);
    return rc ? rc : out->over ? ERR_TOO_LARGE : out->failed ? ERR_UNAVAILABLE : 0;
}

static bool one_holds(const struct finder *f, const struct fhir_row *row, const struct facts *facts, bool ours)
{
    if (ours)
        return own_meets(f, row, facts);
    for (size_t i = 0; i < f->n_needs; i++)
        if (!term_holds(f, &f->needs[i], row, facts))
            return false;
    return true;
}

bool sieve_holds(const struct export_sieve *s, const struct fhir_row *row, bool ours)
{
    struct facts facts = {0};
    bool holds = !s->n;
    if (holds || !row->facts)
        return holds;
    struct fhir_work *w = s->finders[0]->w;
    r4_doc_reset(w->plan->scratch->rows);
    bool read = facts_read(w->fhir, w->plan->scratch->rows, s->finders[0]->type, row->facts, row->facts_len, &facts);
    for (size_t i = 0; i < s->n && read && !holds; i++)
        holds = one_holds(s->finders[i], row, &facts, ours);
    facts_clear(&facts);
    return holds;
}
