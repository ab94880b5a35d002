/* Pages in order: sorted in memory, or walked along an ordered index (http://hl7.org/fhir/R4/search.html#sort). */
#include "records/fhir/search_page.h"

#define SORTED_MAX 20000  /* results sorted in memory */

static struct r4_str sort_text(const struct r4_value *v)
{
    return v->folded.p ? v->folded : v->code.p ? v->code : v->string.p ? v->string : v->ref_id.p ? v->ref_id : v->url;
}

static bool is_number(const struct r4_param *p)
{
    return p->type == R4_P_DATE || p->type == R4_P_NUMBER || p->type == R4_P_QUANTITY;
}

/* The least of several values, or the greatest when sorted down. */
static void key_number(const struct r4_value *v, bool descending, size_t i, struct sort_key *k)
{
    struct span rows[2];
    for (size_t r = 0, n = range_rows(v, rows); r < n; r++) {
        if (k->missing[i] || (descending ? rows[r].low > k->number[i] : rows[r].low < k->number[i]))
            k->number[i] = rows[r].low;
        k->missing[i] = false;
    }
}

static void key_text(const struct r4_value *v, bool descending, size_t i, struct sort_key *k)
{
    struct r4_str text = sort_text(v);
    char *copy = text.p ? strndup(text.p, text.n) : NULL;
    bool better = copy && (!k->text[i] || (descending ? strcmp(copy, k->text[i]) > 0 : strcmp(copy, k->text[i]) < 0));
    free(better ? k->text[i] : copy);
    if (better)
        k->text[i] = copy;
}

static void key_part(struct page *p, const struct facts *facts, size_t i, struct sort_key *k)
{
    const struct r4_sort *s = &p->query.sorts[i];
    k->missing[i] = true;
    for (size_t n = 0; n < facts->n; n++) {
        if (facts->values[n].param != s->param)
            continue;
        (is_number(s->param) ? key_number : key_text)(&facts->values[n], s->descending, i, k);
        k->missing[i] = !is_number(s->param) && !k->text[i];
    }
}

void sort_key_clear(struct sort_key *k)
{
    for (size_t i = 0; i < R4_SORTS_MAX; i++)
        free(k->text[i]);
}

static struct sort_key *add_key(struct page *p)
{
    if (p->n_keys == p->cap_keys) {
        size_t cap = p->cap_keys ? 2 * p->cap_keys : 256;
        struct sort_key *more = realloc(p->keys, cap * sizeof *more);
        if (!more) {
            p->failed = true;
            return NULL;
        }
        p->keys = more;
        p->cap_keys = cap;
    }
    memset(&p->keys[p->n_keys], 0, sizeof *p->keys);
    return &p->keys[p->n_keys++];
}

static bool found_sortable(void *ctx, struct found *found)
{
    struct page *p = ctx;
    if (p->n_keys == SORTED_MAX) {
        p->over = true;
        return false;
    }
    struct sort_key *k = add_key(p);
    if (!k)
        return false;
    k->hit = (struct hit){found->row.pkey, found->row.rid};
    for (size_t i = 0; i < p->query.n_sorts && found->facts; i++)
        key_part(p, found->facts, i, k);
    return true;
}

static int sort_own(struct page *p)
{
    int rc = 0;
    for (size_t i = 0; i < p->own.n && rc == 0; i++) {
        struct facts facts = {0};
        struct fhir_row *row = &p->own.list[i];
        struct sort_key *k = add_key(p);
        if (!k || !facts_read(p->w->fhir, p->w->plan->scratch->doc, row->type, row->facts, row->facts_len, &facts))
            rc = ERR_UNAVAILABLE;
        for (size_t s = 0; s < p->query.n_sorts && rc == 0; s++)
            key_part(p, &facts, s, k);
        if (k) {
            k->hit = (struct hit){row->pkey, row->rid};
            k->own = i + 1;
        }
        facts_clear(&facts);
    }
    return rc;
}

static int compare_keys(const void *a, const void *b, void *ctx)
{
    const struct sort_key *x = a, *y = b;
    const struct page *p = ctx;
    for (size_t i = 0; i < p->query.n_sorts; i++) {
        int c = 0;
        if (x->missing[i] != y->missing[i])
            return x->missing[i] ? 1 : -1; /* without a value: last */
        if (!x->missing[i])
            c = x->text[i] && y->text[i] ? strcmp(x->text[i], y->text[i]) : x->number[i] < y->number[i] ? -1 : x->number[i] > y->number[i];
        if (c)
            return p->query.sorts[i].descending ? -c : c;
    }
    return x->hit.pkey != y->hit.pkey ? (x->hit.pkey < y->hit.pkey ? -1 : 1) : x->hit.rid < y->hit.rid ? -1 : x->hit.rid > y->hit.rid;
}

/* Where the last page ended: behind the resource it showed last as it was then, whether or not it is there still, or is another now. */
static bool shown_last(struct page *p, struct sort_key *k)
{
    struct fhir_row newest, shown = {0};
    struct facts facts = {0};
    struct r4_node *root;
    char base[300];
    *k = (struct sort_key){.hit = {p->token.pkey, p->token.rid}};
    fhir_base(p->w, base);
    bool ok = p->token.low && row_load(p->w, p->tx, p->token.pkey, p->token.rid, 0, &newest) == 0 && newest.found &&
              row_version(p->w, p->tx, &newest, p->token.low, &shown) == 0 && shown.body &&
              r4_json_parse(p->w->plan->scratch->doc, shown.body, shown.body_len, &root, NULL) == 0 && facts_of(p->w->fhir, p->w->plan->scratch, root, base, &facts) == 0;
    for (size_t i = 0; ok && i < p->query.n_sorts; i++)
        key_part(p, &facts, i, k);
    facts_clear(&facts);
    fhir_row_clear(&shown);
    return ok;
}

static size_t sorted_start(struct page *p)
{
    struct sort_key last;
    size_t i = 0;
    if (!p->token.rid)
        return 0;
    if (shown_last(p, &last)) {
        while (i < p->n_keys && compare_keys(&p->keys[i], &last, p) <= 0)
            i++;
        sort_key_clear(&last);
        return i;
    }
    for (; i < p->n_keys; i++) /* of the house's own no version is kept */
        if (p->keys[i].hit.pkey == p->token.pkey && p->keys[i].hit.rid == p->token.rid)
            return i + 1;
    return p->token.at < p->n_keys ? p->token.at : p->n_keys; /* the last one shown is gone */
}

static int show_sorted(struct page *p)
{
    int rc = 0;
    p->total = (int64_t)p->n_keys;
    if (p->n_keys)
        qsort_r(p->keys, p->n_keys, sizeof *p->keys, compare_keys, p);
    size_t at = sorted_start(p);
    for (; at < p->n_keys && p->matches < p->want && rc == 0; at++) {
        int64_t vid = 0;
        if (p->keys[at].own) {
            if (!page_take_own(p, &p->own.list[p->keys[at].own - 1]))
                break;
        } else {
            struct entry *e = page_add_entry(p);
            if (!e)
                break;
            rc = row_load(p->w, p->tx, p->keys[at].hit.pkey, p->keys[at].hit.rid, ROW_BODY | ROW_FACTS, &e->row);
            vid = e->row.vid;
            p->matches++;
        }
        p->next = (struct page_token){p->token.snapshot, p->keys[at].hit.pkey, p->keys[at].hit.rid, vid, (uint32_t)at + 1, PHASE_MEMORY};
    }
    p->more = at < p->n_keys;
    return rc;
}

static bool ordered_index(const struct r4_query *q)
{
    return q->n_sorts == 1 && is_number(q->sorts[0].param);
}

static bool lacks(const struct facts *facts, const struct r4_param *p)
{
    for (size_t i = 0; facts && i < facts->n; i++)
        if (facts->values[i].param == p)
            return false;
    return true;
}

static bool found_without(void *ctx, struct found *found)
{
    struct page *p = ctx;
    return lacks(found->facts, p->query.sorts[0].param) ? page_found_match(ctx, found) : true;
}

static bool own_behind(const struct page *p, int64_t low)
{
    const struct sort_key *k = &p->keys[p->own_at];
    return k->missing[0] || (p->query.sorts[0].descending ? k->number[0] < low : k->number[0] > low);
}

static bool found_ordered(void *ctx, struct found *found)
{
    return page_show_own(ctx, own_behind, found->low) && page_found_match(ctx, found);
}

/* In the order of the index; those without a value follow, in the order of their keys. */
static int run_ordered(struct page *p)
{
    struct cursor after = {p->token.rid != 0, p->token.pkey, p->token.rid, p->token.low};
    int rc = sort_own(p);
    if (rc)
        return rc;
    if (p->n_keys)
        qsort_r(p->keys, p->n_keys, sizeof *p->keys, compare_keys, p);
    if (p->token.phase == PHASE_WALK) {
        finder_plan_range(&p->finder, p->query.sorts[0].param, p->query.sorts[0].descending);
        if (p->query.sorts[0].param->type == R4_P_QUANTITY)
            finder_take_members(&p->finder);
        rc = finder_run(&p->finder, &after, found_ordered, p);
        page_cut(p);
        if (rc == 0 && !p->more)
            (void)!page_show_own(p, NULL, 0);
        if (rc || p->more || p->error)
            return rc ? rc : p->error;
        after.set = false;
        p->token.phase = PHASE_WITHOUT;
    }
    finder_plan(&p->finder);
    p->finder.residual = p->finder.want_facts = true;
    rc = finder_run(&p->finder, &after, found_without, p);
    page_cut(p);
    return rc ? rc : p->error;
}

static bool few(const struct finder *f)
{
    if (f->nothing || f->lead == LEAD_HITS)
        return true;
    for (size_t i = 0; i < f->n_needs; i++)
        if ((f->needs[i].keyed || f->needs[i].by_hits) && f->needs[i].estimate < 2000)
            return true;
    return f->scoped;
}

int page_run_sorted(struct page *p)
{
    bool goes_on = p->token.rid || p->token.at; /* as it began, whatever the counts say now */
    if (goes_on ? p->token.phase != PHASE_MEMORY : ordered_index(&p->query) && !few(&p->finder))
        return run_ordered(p);
    p->finder.want_facts = true;
    p->finder.look_max = 0;
    p->finder.page = 0;
    int rc = sort_own(p);
    rc = rc ? rc : finder_run(&p->finder, &(struct cursor){0}, found_sortable, p);
    if (rc == 0 && p->over)
        return fhir_fail(p->w, ERR_TOO_LARGE, "too_costly", "More than %d resources would have to be sorted: add a condition, or sort by a date.", SORTED_MAX);
    return rc ? rc : show_sorted(p);
}
