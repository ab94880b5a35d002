/* Blocks of entries under one sorted list of blocks (late_list.h): a place is found by halving twice, and what comes between two moves half a block. */
#include "records/store/late_list.h"
#include "server/base/err.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK 96 /* entries moved by one that comes between them: half of these */

struct entry { /* most comparisons end with the key's first bytes */
    uint64_t head[2];
    struct node *x;
};

struct block {
    size_t n; /* never 0 */
    struct entry entries[BLOCK];
};

struct top { /* of all blocks, in order */
    struct entry first;
    struct block *block;
};

int late_bytes_compare(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
    int d = memcmp(a, b, n < m ? n : m);
    return d ? d : (n > m) - (n < m);
}

static void head_of(const uint8_t *key, size_t n, uint64_t head[2])
{
    uint8_t bytes[16] = {0};
    memcpy(bytes, key, n < 16 ? n : 16);
    for (int i = 0; i < 2; i++) {
        uint64_t u;
        memcpy(&u, bytes + 8 * i, 8);
        head[i] = __builtin_bswap64(u);
    }
}

static int compare(const struct entry *a, const struct entry *b)
{
    for (int i = 0; i < 2; i++)
        if (a->head[i] != b->head[i])
            return a->head[i] < b->head[i] ? -1 : 1;
    int d = late_bytes_compare(a->x->key, a->x->n, b->x->key, b->x->n);
    if (d)
        return d;
    return a->x->patient != b->x->patient ? (a->x->patient > b->x->patient ? 1 : -1) : (a->x->line > b->x->line) - (a->x->line < b->x->line);
}

/* The first that is not less. */
static struct at find(const struct late_list *m, const struct entry *e)
{
    size_t low = 0, high = m->n_tops; /* the first block that begins behind e */
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (compare(&m->tops[mid].first, e) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (!low)
        return (struct at){0, 0};
    const struct block *b = m->tops[low - 1].block;
    size_t from = 0, to = b->n;
    while (from < to) {
        size_t mid = (from + to) / 2;
        if (compare(&b->entries[mid], e) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from < b->n ? (struct at){low - 1, from} : (struct at){low, 0};
}

struct at late_list_find(const struct late_list *m, const uint8_t *key, size_t n)
{
    struct {
        struct node node;
        uint8_t key[LATE_KEY_MAX];
    } x = {.node = {.n = (uint16_t)n}};
    struct entry e = {.x = &x.node};
    memcpy(x.node.key, key, n);
    head_of(key, n, e.head);
    return find(m, &e);
}

struct node *late_list_node(const struct late_list *m, struct at at)
{
    return at.block < m->n_tops ? m->tops[at.block].block->entries[at.i].x : NULL;
}

struct at late_list_next(const struct late_list *m, struct at at)
{
    return ++at.i < m->tops[at.block].block->n ? at : (struct at){at.block + 1, 0};
}

static int add_top(struct late_list *m, size_t place, struct block *b)
{
    if (m->n_tops == m->cap_tops) {
        size_t cap = m->cap_tops ? m->cap_tops * 2 : 64;
        struct top *more = realloc(m->tops, cap * sizeof *more);
        if (!more)
            return ERR_UNAVAILABLE;
        m->tops = more;
        m->cap_tops = cap;
    }
    memmove(m->tops + place + 1, m->tops + place, (m->n_tops++ - place) * sizeof *m->tops);
    m->tops[place] = (struct top){b->entries[0], b};
    return 0;
}

static int new_block(struct late_list *m, size_t place, const struct entry *from, size_t n)
{
    struct block *b = malloc(sizeof *b);
    if (!b)
        return ERR_UNAVAILABLE;
    memcpy(b->entries, from, n * sizeof *from);
    b->n = n;
    int rc = add_top(m, place, b);
    if (rc)
        free(b);
    return rc;
}

static int split(struct late_list *m, size_t block)
{
    struct block *b = m->tops[block].block;
    int rc = new_block(m, block + 1, b->entries + BLOCK / 2, BLOCK - BLOCK / 2);
    b->n = rc ? b->n : BLOCK / 2;
    return rc;
}

int late_list_add(struct late_list *m, struct node *x)
{
    struct entry e = {.x = x};
    head_of(x->key, x->n, e.head);
    if (!m->n_tops)
        return new_block(m, 0, &e, 1);
    struct at at = find(m, &e);
    if (at.i == 0 && at.block > 0) { /* behind the last of the block before */
        at.block--;
        at.i = m->tops[at.block].block->n;
    }
    struct block *b = m->tops[at.block].block;
    if (b->n == BLOCK) {
        int rc = split(m, at.block);
        if (rc)
            return rc;
        if (at.i > BLOCK / 2)
            at = (struct at){at.block + 1, at.i - BLOCK / 2};
        b = m->tops[at.block].block;
    }
    memmove(b->entries + at.i + 1, b->entries + at.i, (b->n++ - at.i) * sizeof e);
    b->entries[at.i] = e;
    m->tops[at.block].first = b->entries[0];
    return 0;
}

void late_list_cut(struct late_list *m, struct at *at)
{
    struct block *b = m->tops[at->block].block;
    free(b->entries[at->i].x);
    memmove(b->entries + at->i, b->entries + at->i + 1, (--b->n - at->i) * sizeof *b->entries);
    if (!b->n) {
        free(b);
        memmove(m->tops + at->block, m->tops + at->block + 1, (--m->n_tops - at->block) * sizeof *m->tops);
        at->i = 0;
        return;
    }
    m->tops[at->block].first = b->entries[0];
    if (at->i == b->n)
        *at = (struct at){at->block + 1, 0};
}

void late_list_drop(struct late_list *m, struct node *x)
{
    struct entry e = {.x = x};
    head_of(x->key, x->n, e.head);
    struct at at = find(m, &e);
    late_list_cut(m, &at);
}

void late_list_clear(struct late_list *m)
{
    for (size_t i = 0; i < m->n_tops; i++) {
        struct block *b = m->tops[i].block;
        for (size_t k = 0; k < b->n; k++)
            free(b->entries[k].x);
        free(b);
    }
    free(m->tops);
    *m = (struct late_list){0};
}
