/* The search for the cut (kanon.h). Rows that are alike are counted once; cuts are looked at in the order of what they lose at the least, so
 * that the search ends when no later one can be better. */
#include "records/research/kanon.h"
#include <stdlib.h>
#include <string.h>

struct group { /* rows that are alike on rung 0 */
    uint32_t first, n; /* a row; how many */
};
struct node {
    uint8_t rung[KANON_COLUMNS];
    double loss; /* of coarsening, 0..1 */
};
struct bucket {
    uint64_t key;
    uint32_t rows, stamp;
};
struct search {
    const struct kanon_table *t;
    uint32_t k;
    struct group *groups;
    uint32_t n_groups, *group_of; /* of each row */
    struct node *nodes;
    uint32_t n_nodes;
    struct bucket *table;
    uint32_t mask, stamp;
};

static const uint32_t *row_of(const struct kanon_table *t, uint32_t row)
{
    return t->cells + (size_t)row * t->n_columns;
}

/* A row's class as one number: exact, because the columns' values multiply to less than 2^64. */
static uint64_t key_of(const struct kanon_table *t, const uint8_t *rung, uint32_t row)
{
    const uint32_t *cells = row_of(t, row);
    uint64_t key = 0;
    for (size_t i = 0; i < t->n_columns; i++)
        key = key * t->columns[i].n_values + kanon_value(&t->columns[i], rung[i], cells[i]);
    return key;
}

static struct bucket *bucket_of(struct search *s, uint64_t key)
{
    uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32) & s->mask;
    while (s->table[at].stamp == s->stamp && s->table[at].key != key)
        at = (at + 1) & s->mask;
    if (s->table[at].stamp != s->stamp)
        s->table[at] = (struct bucket){key, 0, s->stamp};
    return &s->table[at];
}

static void count_classes(struct search *s, const uint8_t *rung)
{
    s->stamp++;
    for (uint32_t g = 0; g < s->n_groups; g++)
        bucket_of(s, key_of(s->t, rung, s->groups[g].first))->rows += s->groups[g].n;
}

static uint32_t rows_dropped(struct search *s, const uint8_t *rung)
{
    uint32_t dropped = 0;
    count_classes(s, rung);
    for (uint32_t g = 0; g < s->n_groups; g++)
        if (bucket_of(s, key_of(s->t, rung, s->groups[g].first))->rows < s->k)
            dropped += s->groups[g].n;
    return dropped;
}

static bool multiply_fits(const struct kanon_table *t)
{
    uint64_t all = 1;
    for (size_t i = 0; i < t->n_columns; i++)
        if (__builtin_mul_overflow(all, (uint64_t)t->columns[i].n_values, &all))
            return false;
    return true;
}

static int group_rows(struct search *s)
{
    const uint8_t finest[KANON_COLUMNS] = {0};
    uint32_t n = s->t->n_rows, size = 16;
    while (size < 2 * (uint64_t)n && size < 1u << 31)
        size *= 2;
    s->mask = size - 1;
    s->table = calloc(size, sizeof *s->table);
    s->groups = calloc(n, sizeof *s->groups);
    s->group_of = calloc(n, sizeof *s->group_of);
    if (!s->table || !s->groups || !s->group_of)
        return ERR_UNAVAILABLE;
    s->stamp = 1;
    for (uint32_t row = 0; row < n; row++) {
        struct bucket *b = bucket_of(s, key_of(s->t, finest, row));
        if (b->rows == 0) {
            s->groups[s->n_groups].first = row;
            b->rows = ++s->n_groups; /* here: its group, from 1 */
        }
        s->group_of[row] = b->rows - 1;
        s->groups[b->rows - 1].n++;
    }
    return 0;
}

static int by_loss(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    return x->loss != y->loss ? (x->loss < y->loss ? -1 : 1) : memcmp(x->rung, y->rung, sizeof x->rung);
}

static int list_nodes(struct search *s)
{
    const struct kanon_table *t = s->t;
    uint32_t n = 1;
    for (size_t i = 0; i < t->n_columns; i++)
        n *= t->columns[i].rungs;
    s->nodes = calloc(n, sizeof *s->nodes);
    if (!s->nodes)
        return ERR_UNAVAILABLE;
    for (uint32_t at = 0; at < n; at++) {
        struct node *node = &s->nodes[at];
        uint32_t rest = at;
        for (size_t i = 0; i < t->n_columns; i++) {
            uint8_t rungs = t->columns[i].rungs;
            node->rung[i] = (uint8_t)(rest % rungs);
            rest /= rungs;
            node->loss += rungs > 1 ? (double)node->rung[i] / (rungs - 1) / (double)t->n_columns : 0;
        }
    }
    s->n_nodes = n;
    qsort(s->nodes, n, sizeof *s->nodes, by_loss);
    return 0;
}

/* A dropped row is lost altogether, a kept one as far as it is coarse. */
static double loss_of(const struct node *node, uint32_t dropped, uint32_t rows)
{
    double share = (double)dropped / rows;
    return share + (1 - share) * node->loss;
}

static const struct node *best_node(struct search *s, uint32_t drop_percent, uint32_t *looked)
{
    const struct node *best = NULL;
    double least = 2;
    uint32_t limit = (uint32_t)((uint64_t)s->t->n_rows * drop_percent / 100);
    for (uint32_t i = 0; i < s->n_nodes && s->nodes[i].loss < least; i++) {
        uint32_t dropped = rows_dropped(s, s->nodes[i].rung);
        ++*looked;
        if (dropped > limit || dropped == s->t->n_rows || loss_of(&s->nodes[i], dropped, s->t->n_rows) >= least)
            continue;
        least = loss_of(&s->nodes[i], dropped, s->t->n_rows);
        best = &s->nodes[i];
    }
    return best;
}

static int carry_out(struct search *s, struct kanon_cut *out)
{
    out->drop = calloc(s->t->n_rows, sizeof *out->drop);
    if (!out->drop)
        return ERR_UNAVAILABLE;
    count_classes(s, out->rung);
    out->smallest = s->t->n_rows;
    for (uint32_t row = 0; row < s->t->n_rows; row++) {
        uint32_t rows = bucket_of(s, key_of(s->t, out->rung, s->groups[s->group_of[row]].first))->rows;
        out->drop[row] = rows < s->k;
        out->dropped += rows < s->k;
        if (rows >= s->k && rows < out->smallest)
            out->smallest = rows;
    }
    out->kept = s->t->n_rows - out->dropped;
    for (uint32_t i = 0; i <= s->mask; i++)
        out->classes += s->table[i].stamp == s->stamp && s->table[i].rows >= s->k;
    return 0;
}

/* ---- how many different sensitive values a class has ---- */

struct pair {
    uint64_t key;
    uint32_t value;
};

static int by_pair(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static int measure_diversity(struct search *s, struct kanon_cut *out)
{
    struct pair *pairs = calloc(out->kept, sizeof *pairs);
    uint32_t n = 0, distinct = 0;
    if (!pairs)
        return ERR_UNAVAILABLE;
    for (uint32_t row = 0; row < s->t->n_rows; row++)
        if (!out->drop[row])
            pairs[n++] = (struct pair){key_of(s->t, out->rung, row), s->t->sensitive[row]};
    qsort(pairs, n, sizeof *pairs, by_pair);
    out->diversity = n;
    for (uint32_t i = 0; i < n; i++) {
        distinct += i == 0 || by_pair(&pairs[i - 1], &pairs[i]) != 0;
        if (i + 1 < n && pairs[i + 1].key == pairs[i].key)
            continue;
        out->diversity = distinct < out->diversity ? distinct : out->diversity;
        distinct = 0;
    }
    free(pairs);
    return 0;
}

int kanon_search(const struct kanon_table *t, uint32_t k, uint32_t drop_percent, struct kanon_cut *out)
{
    struct search s = {.t = t, .k = k ? k : 1};
    memset(out, 0, sizeof *out);
    if (t->n_rows < s.k || t->n_rows == 0 || !multiply_fits(t))
        return ERR_INVALID;
    int rc = group_rows(&s);
    rc = rc ? rc : list_nodes(&s);
    const struct node *best = rc ? NULL : best_node(&s, drop_percent, &out->looked);
    if (rc == 0 && best) /* the coarsest cut is one class of all rows: there is always a best */
        memcpy(out->rung, best->rung, sizeof out->rung);
    rc = rc ? rc : !best ? ERR_INVALID : carry_out(&s, out);
    if (rc == 0 && t->sensitive)
        rc = measure_diversity(&s, out);
    free(s.groups);
    free(s.group_of);
    free(s.nodes);
    free(s.table);
    if (rc)
        kanon_cut_clear(out);
    return rc;
}

void kanon_cut_clear(struct kanon_cut *cut)
{
    free(cut->drop);
    memset(cut, 0, sizeof *cut);
}

/* ---- codes ---- */

static void count_persons(const struct kanon_codes *c, uint32_t *persons, uint32_t *last)
{
    memset(persons, 0, c->n_codes * sizeof *persons);
    memset(last, 0xff, c->n_codes * sizeof *last);
    for (size_t i = 0; i < c->n_events; i++) {
        uint32_t code = c->code[i];
        if (code != KANON_NONE && last[code] != c->person[i]) {
            last[code] = c->person[i];
            persons[code]++;
        }
    }
}

/* One step up for every rare code at once: what they become together may be frequent enough. True while something changed. */
static bool step_up(struct kanon_codes *c, uint32_t k, const uint32_t *persons, bool *changed)
{
    bool any = false;
    for (size_t i = 0; i < c->n_events; i++) {
        uint32_t code = c->code[i];
        if (code == KANON_NONE || persons[code] >= k)
            continue;
        c->code[i] = c->parent[code] == code ? KANON_NONE : c->parent[code];
        changed[i] = any = true;
    }
    return any;
}

int kanon_codes(struct kanon_codes *c, uint32_t k, struct kanon_codes_done *out)
{
    uint32_t *persons = calloc((size_t)c->n_codes + 1, sizeof *persons), *last = calloc((size_t)c->n_codes + 1, sizeof *last);
    bool *changed = calloc(c->n_events + 1, sizeof *changed);
    int rc = persons && last && changed ? 0 : ERR_UNAVAILABLE;
    memset(out, 0, sizeof *out);
    do {
        if (rc == 0)
            count_persons(c, persons, last);
    } while (rc == 0 && step_up(c, k, persons, changed));
    for (size_t i = 0; rc == 0 && i < c->n_events; i++) {
        out->coarser += changed[i] && c->code[i] != KANON_NONE;
        out->left_out += changed[i] && c->code[i] == KANON_NONE;
    }
    free(persons);
    free(last);
    free(changed);
    return rc;
}
