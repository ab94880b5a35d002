/* A search of several types, [base]?_type=A,B: one after the other, by parameters they all have (http://hl7.org/fhir/R4/http.html#search). */
#include "records/fhir/search_page.h"

#define PHASE_TYPE 8 /* the type a next link goes on with stands above what phase is else */

static int add_type(struct fhir_work *w, struct r4_str name, const struct r4_type **types, size_t *n)
{
    const struct r4_type *type = r4_resource(fhir_r4(w->fhir), name.p, name.n);
    if (!type)
        return fhir_fail_status(w, 400, "invalid", "_type names a type that cannot be searched here.");
    for (size_t i = 0; i < *n; i++)
        if (types[i] == type)
            return 0;
    types[(*n)++] = type;
    return fhir_need(w, type->name, MAY_SEARCH);
}

/* Those of _type, else all that may be searched. Room for all there are. */
static int take_types(struct fhir_work *w, const struct r4_type **types, size_t *n)
{
    const struct r4_type *const *all;
    size_t n_all = r4_resources(fhir_r4(w->fhir), &all);
    int rc = 0;
    for (size_t i = 0; i < w->plan->n_pairs; i++) {
        struct r4_str value = w->plan->pairs[i].value;
        for (const char *p = value.p, *end = value.p + value.n; r4_str_is(w->plan->pairs[i].name, "_type") && p < end && rc == 0;) {
            const char *comma = memchr(p, ',', (size_t)(end - p)), *to = comma ? comma : end;
            rc = add_type(w, (struct r4_str){p, (size_t)(to - p)}, types, n);
            p = to + 1;
        }
    }
    bool said = *n > 0;
    for (size_t i = 0; i < n_all && rc == 0 && !said; i++)
        if (fhir_may(w, all[i]->name, MAY_SEARCH))
            types[(*n)++] = all[i];
    return rc;
}

/* The query as this type understands it. */
static int turn_to(struct page *p, const struct r4_type *type)
{
    struct fhir_work *w = p->w;
    bool cut = p->own.cut;
    finder_close(&p->finder);
    own_rows_clear(&p->own);
    p->own.cut = cut; /* of any of them */
    memset(&p->finder, 0, sizeof p->finder);
    w->plan->type = type;
    int rc = page_parse(w, type, w->plan->pairs, w->plan->n_pairs, true, &p->query);
    if (rc == 0 && p->query.n_sorts)
        rc = fhir_fail_status(w, 400, "not-supported", "The results of several types come in no order: _sort is not offered.");
    return rc ? rc : finder_open(&p->finder, w, p->tx, type, p->query.terms);
}

static int count_types(struct page *p, const struct r4_type **types, size_t n)
{
    int64_t total = 0;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = turn_to(p, types[i]);
        p->finder.snapshot = p->token.snapshot;
        rc = rc ? rc : own_search(&p->finder, &p->own);
        p->total = -1;
        rc = rc ? rc : page_count(p);
        total += p->total;
    }
    p->total = total;
    return rc;
}

static int run_types(struct page *p, const struct r4_type **types, size_t n)
{
    size_t from = p->token.phase >> PHASE_TYPE;
    bool first = !p->token.rid && !p->token.at && !p->token.phase;
    int rc = 0;
    p->token.phase &= (1u << PHASE_TYPE) - 1;
    for (size_t i = from; i < n && rc == 0 && !p->more; i++) {
        if (i > from)
            p->token = (struct page_token){.snapshot = p->token.snapshot};
        rc = turn_to(p, types[i]);
        rc = rc ? rc : page_run_matches(p);
        p->next.phase |= (uint32_t)i << PHASE_TYPE;
    }
    if (rc == 0 && (p->query.total == R4_TOTAL_ACCURATE || p->query.summary == R4_SUMMARY_COUNT))
        rc = count_types(p, types, n);
    else if (first && !p->more)
        p->total = (int64_t)p->matches;
    rc = rc ? rc : page_run_includes(p);
    return rc ? rc : p->failed ? ERR_UNAVAILABLE : 0;
}

void rest_search_system(struct fhir_work *w, struct tx *tx)
{
    const struct r4_type *const *all;
    size_t n = 0, n_all = r4_resources(fhir_r4(w->fhir), &all);
    const struct r4_type **types = r4_doc_alloc(w->plan->scratch->doc, n_all * sizeof *types);
    struct page *p = page_new(w, tx);
    w->plan->system = true;
    int rc = types ? take_types(w, types, &n) : fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    if (rc == 0 && !n)
        rc = fhir_need(w, "*", MAY_SEARCH);
    rc = rc ? rc : page_take_token(p);
    if (rc == 0 && (rc = run_types(p, types, n)) && !w->answer.status)
        (void)!fhir_fail(w, rc, "", "The search could not be carried out.");
    if (rc == 0)
        page_write(p);
    page_close(p);
}
