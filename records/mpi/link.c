#include "records/mpi/link.h"
#include "records/mpi/block.h"
#include "records/mpi/cluster.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LEARN_FROM 3000000 /* candidate pairs are enough to learn from */
#define DRAWN 400000       /* pairs drawn by lot */
#define WEAKEST (-4.0f)    /* pairs that may still matter once their groups are looked at as wholes */

/* ---- learning ---- */

struct learning {
    const struct mpi_set *set;
    struct mpi_patterns patterns;
    uint32_t mask; /* of pairs only those whose hash has these bits 0 */
    bool failed;
};

static void learn_pair(void *ctx, uint32_t a, uint32_t b)
{
    struct learning *l = ctx;
    struct mpi_match match;
    if (mpi_mix(a, b) & l->mask)
        return;
    const struct mpi_record *x = &l->set->records[a], *y = &l->set->records[b];
    enum mpi_bar bar = mpi_barred(l->set, x, y);
    if (bar == BAR_UNIDENTIFIED || bar == BAR_MOTHER) /* known to be different, whatever they agree on */
        return;
    mpi_compare(l->set, x, y, &match);
    l->failed = l->failed || !mpi_patterns_add(&l->patterns, mpi_match_pattern(&match), 1);
}

static void draw(struct learning *l)
{
    uint64_t state = 88172645463325252ull;
    uint32_t n = l->set->n, wanted = (uint64_t)n * n < DRAWN ? n * n : DRAWN;
    for (uint32_t i = 0; i < wanted && n > 1 && !l->failed; i++) {
        state ^= state << 13; /* xorshift64: the same lot every time */
        state ^= state >> 7;
        state ^= state << 17;
        uint32_t a = (uint32_t)((state >> 32) % n), b = (uint32_t)((state & 0xFFFFFFFF) % n);
        if (a != b)
            learn_pair(l, a, b);
    }
}

static int learn(struct mpi_link *l)
{
    struct learning candidates = {.set = l->set}, random = {.set = l->set};
    for (uint64_t expected = (uint64_t)l->set->n * 8; expected > LEARN_FROM; expected /= 2)
        candidates.mask = candidates.mask << 1 | 1;
    int rc = mpi_block_pairs(l->set, learn_pair, &candidates);
    draw(&random);
    if (candidates.failed || random.failed)
        rc = ERR_INTERNAL;
    if (rc == 0)
        rc = mpi_model_learn(&l->model, &candidates.patterns, &random.patterns, l->set->n);
    mpi_patterns_fini(&candidates.patterns);
    mpi_patterns_fini(&random.patterns);
    return rc;
}

/* ---- weighing ---- */

struct weighing {
    struct mpi_link *link;
    struct mpi_edge *edges;
    size_t n, cap;
    uint64_t pairs;
    bool failed;
};

static void weigh_pair(void *ctx, uint32_t a, uint32_t b)
{
    struct weighing *w = ctx;
    const struct mpi_set *s = w->link->set;
    struct mpi_match match;
    w->pairs++;
    if (mpi_barred(s, &s->records[a], &s->records[b]))
        return;
    mpi_compare(s, &s->records[a], &s->records[b], &match);
    float odds = mpi_model_odds(&w->link->model, &match);
    if (odds < w->link->options.odds + WEAKEST)
        return;
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 4096;
        struct mpi_edge *grown = realloc(w->edges, cap * sizeof *grown);
        if (!grown) {
            w->failed = true;
            return;
        }
        w->edges = grown;
        w->cap = cap;
    }
    w->edges[w->n++] = (struct mpi_edge){a, b, odds};
}

int mpi_link_run(struct mpi_link *l, const struct mpi_set *set, const struct mpi_link_options *options)
{
    memset(l, 0, sizeof *l);
    l->set = set;
    l->options = *options;
    struct weighing w = {.link = l};
    int rc = learn(l);
    rc = rc ? rc : mpi_block_pairs(set, weigh_pair, &w);
    if (w.failed)
        rc = ERR_INTERNAL;
    l->pairs = w.pairs;
    rc = rc ? rc : mpi_cluster(l, w.edges, w.n);
    free(w.edges);
    return rc;
}

void mpi_link_fini(struct mpi_link *l)
{
    free(l->cluster);
    memset(l, 0, sizeof *l);
}
