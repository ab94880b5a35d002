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
struct bucket { /* a class */
    uint64_t key;
    uint32_t rows, stamp, distinct; /* distinct: up to l */
    uint32_t seen[KANON_DIVERSITY];
};
struct said { /* a sensitive value that rows of a group have */
    uint32_t group, value;
};
struct search {
    const struct kanon_table *t;
    uint32_t k;
    struct group *groups;
    uint32_t n_groups, *group_of; /* of each row */
    struct said *said;            /* each once; none when nothing is enforced */
    uint32_t n_said;
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
        s->table[at] = (struct bucket){.key = key, .stamp = s->stamp};
    return &s->table[at];
}

static void see(struct bucket *b, uint32_t value, uint32_t l)
{
    uint32_t i = 0;
    while (i < b->distinct && b->seen[i] != value)
        i++;
    if (i == b->distinct && i < l)
        b->seen[b->distinct++] = value;
}

static void count_classes(struct search *s, const uint8_t *rung)
{
    s->stamp++;
    for (uint32_t g = 0; g < s->n_groups; g++)
        bucket_of(s, key_of(s->t, rung, s->groups[g].first))->rows += s->groups[g].n;
    for (uint32_t i = 0; i < s->n_said; i++)
        see(bucket_of(s, key_of(s->t, rung, s->groups[s->said[i].group].first)), s->said[i].value, s->t->l);
}

static bool good(const struct search *s, const struct bucket *b)
{
    return b->rows >= s->k && (!s->t->sensitive || b->distinct >= s->t->l);
}

static uint32_t rows_dropped(struct search *s, const uint8_t *rung)
{
    uint32_t dropped = 0;
    count_classes(s, rung);
    for (uint32_t g = 0; g < s->n_groups; g++)
        if (!good(s, bucket_of(s, key_of(s->t, rung, s->groups[g].first))))
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

static int by_said(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static int list_said(struct search *s)
{
    uint32_t n = 0;
    if (!s->t->sensitive || !s->t->l)
        return 0;
    s->said = calloc(s->t->n_rows, sizeof *s->said);
    if (!s->said)
        return ERR_UNAVAILABLE;
    for (uint32_t row = 0; row < s->t->n_rows; row++)
        if (s->t->sensitive[row] != KANON_NONE)
            s->said[n++] = (struct said){s->group_of[row], s->t->sensitive[row]};
    if (n)
        qsort(s->said, n, sizeof *s->said, by_said);
    for (uint32_t i = 0; i < n; i++)
        if (s->n_said == 0 || by_said(&s->said[s->n_said - 1], &s->said[i]) != 0)
            s->said[s->n_said++] = s->said[i];
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
        const struct bucket *b = bucket_of(s, key_of(s->t, out->rung, s->groups[s->group_of[row]].first));
        out->drop[row] = !good(s, b);
        out->dropped += out->drop[row];
        if (!out->drop[row] && b->rows < out->smallest)
            out->smallest = b->rows;
    }
    out->kept = s->t->n_rows - out->dropped;
    for (uint32_t i = 0; i <= s->mask; i++)
        out->classes += s->table[i].stamp == s->stamp && good(s, &s->table[i]);
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

/* The rows kept, by class and value. malloc'd; NULL: no memory. */
static struct pair *pairs_of(const struct kanon_table *t, const struct kanon_cut *cut)
{
    struct pair *pairs = calloc((size_t)cut->kept + 1, sizeof *pairs);
    uint32_t n = 0;
    for (uint32_t row = 0; pairs && row < t->n_rows; row++)
        if (!cut->drop[row])
            pairs[n++] = (struct pair){key_of(t, cut->rung, row), t->sensitive[row]};
    if (n)
        qsort(pairs, n, sizeof *pairs, by_pair);
    return pairs;
}

/* Of the class that begins at `from`: where the next begins, and how many values are said in it. */
static uint32_t class_end(const struct pair *pairs, uint32_t n, uint32_t from, uint32_t *distinct)
{
    uint32_t i = from;
    for (*distinct = 0; i < n && pairs[i].key == pairs[from].key; i++)
        *distinct += pairs[i].value != KANON_NONE && (i == from || pairs[i - 1].value != pairs[i].value);
    return i;
}

static int measure_diversity(const struct kanon_table *t, struct kanon_cut *out)
{
    struct pair *pairs = pairs_of(t, out);
    uint32_t distinct;
    if (!pairs)
        return ERR_UNAVAILABLE;
    out->diversity = out->kept;
    out->classes = 0;
    out->smallest = t->n_rows;
    for (uint32_t i = 0, end; i < out->kept; i = end) {
        end = class_end(pairs, out->kept, i, &distinct);
        out->diversity = distinct < out->diversity ? distinct : out->diversity;
        out->smallest = end - i < out->smallest ? end - i : out->smallest;
        out->classes++;
    }
    free(pairs);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int kanon_drop_uniform(const struct kanon_table *t, struct kanon_cut *cut, uint32_t *dropped)
{
    struct pair *pairs = pairs_of(t, cut);
    uint64_t *bad = calloc((size_t)cut->kept + 1, sizeof *bad);
    uint32_t n_bad = 0, distinct;
    *dropped = 0;
    for (uint32_t i = 0, end; pairs && bad && i < cut->kept; i = end) {
        end = class_end(pairs, cut->kept, i, &distinct);
        if (distinct < t->l)
            bad[n_bad++] = pairs[i].key; /* rising */
    }
    for (uint32_t row = 0; n_bad && row < t->n_rows; row++) {
        uint64_t key = key_of(t, cut->rung, row);
        if (cut->drop[row] || !bsearch(&key, bad, n_bad, sizeof key, by_key))
            continue;
        cut->drop[row] = true;
        ++*dropped;
    }
    cut->kept -= *dropped;
    cut->dropped += *dropped;
    int rc = !pairs || !bad ? ERR_UNAVAILABLE : cut->kept == 0 ? ERR_INVALID : measure_diversity(t, cut);
    free(pairs);
    free(bad);
    return rc;
}

int kanon_search(const struct kanon_table *t, uint32_t k, uint32_t drop_percent, struct kanon_cut *out)
{
    struct search s = {.t = t, .k = k ? k : 1};
    memset(out, 0, sizeof *out);
    if (t->n_rows < s.k || t->n_rows == 0 || !multiply_fits(t))
        return ERR_INVALID;
    int rc = group_rows(&s);
    rc = rc ? rc : list_said(&s);
    rc = rc ? rc : list_nodes(&s);
    const struct node *best = rc ? NULL : best_node(&s, drop_percent, &out->looked);
    if (rc == 0 && best) /* the coarsest cut is one class of all rows: there is a best unless all of them have fewer than l values */
        memcpy(out->rung, best->rung, sizeof out->rung);
    rc = rc ? rc : !best ? ERR_INVALID : carry_out(&s, out);
    if (rc == 0 && t->sensitive)
        rc = measure_diversity(t, out);
    free(s.said);
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
