#include "records/mpi/cluster.h"
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 2500 /* of two groups that are looked at; larger groups are no persons */

struct groups {
    const struct mpi_link *link;
    uint32_t *head, *next, *size; /* head by record; members of a head in a ring */
};

static int by_odds(const void *a, const void *b)
{
    const struct mpi_edge *x = a, *y = b;
    if (x->odds != y->odds)
        return x->odds > y->odds ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

void mpi_tally_add(struct mpi_tally *t, const struct mpi_match *pair)
{
    for (int part = 0; part < MPI_PARTS; part++) {
        t->n[part][pair->level[part]]++;
        if (pair->level[part] == 0 && (t->share[part] == 0 || pair->share[part] < t->share[part]))
            t->share[part] = pair->share[part];
    }
}

/* What the groups have in common as wholes: of all pairs that say something, the level a quarter of the way from the best. People
 * move, change phones and are mistyped, so the best pair counts more than the average - but one lucky pair among many does not. */
void mpi_tally_settle(const struct mpi_tally *t, struct mpi_match *all)
{
    for (int part = 0; part < MPI_PARTS; part++) {
        uint32_t said = 0, seen = 0;
        uint8_t level = 0;
        for (int i = 0; i < MPI_MISSING; i++)
            said += t->n[part][i];
        while (said && level < MPI_MISSING && (seen += t->n[part][level]) <= (said - 1) / 4)
            level++;
        all->level[part] = said ? level : MPI_MISSING;
        all->share[part] = all->level[part] == 0 ? t->share[part] : 0;
    }
}

/* false when a pair is barred. */
static bool have_in_common(const struct groups *g, uint32_t a, uint32_t b, struct mpi_match *all)
{
    const struct mpi_set *s = g->link->set;
    struct mpi_tally tally = {0};
    uint32_t i = a;
    do {
        uint32_t j = b;
        do {
            struct mpi_match pair;
            if (mpi_barred(s, &s->records[i], &s->records[j]))
                return false;
            mpi_compare(s, &s->records[i], &s->records[j], &pair);
            mpi_tally_add(&tally, &pair);
            j = g->next[j];
        } while (j != b);
        i = g->next[i];
    } while (i != a);
    mpi_tally_settle(&tally, all);
    return true;
}

static bool fit(const struct groups *g, uint32_t a, uint32_t b)
{
    struct mpi_match all;
    if ((uint64_t)g->size[a] * g->size[b] > PAIRS_MAX || !have_in_common(g, a, b, &all))
        return false;
    return mpi_model_odds(&g->link->model, &all) > g->link->options.odds;
}

static void join(struct groups *g, uint32_t a, uint32_t b)
{
    uint32_t keep = a < b ? a : b, lose = a < b ? b : a, i = lose;
    do {
        g->head[i] = keep;
        i = g->next[i];
    } while (i != lose);
    uint32_t after = g->next[keep];
    g->next[keep] = g->next[lose];
    g->next[lose] = after;
    g->size[keep] += g->size[lose];
}

int mpi_cluster(struct mpi_link *l, struct mpi_edge *edges, size_t n)
{
    uint32_t records = l->set->n;
    struct groups g = {.link = l,
                       .head = malloc(((size_t)records + 1) * sizeof *g.head),
                       .next = malloc(((size_t)records + 1) * sizeof *g.next),
                       .size = malloc(((size_t)records + 1) * sizeof *g.size)};
    bool ok = g.head && g.next && g.size;
    for (uint32_t i = 0; ok && i < records; i++) {
        g.head[i] = g.next[i] = i;
        g.size[i] = 1;
    }
    l->clusters = records;
    if (ok)
        qsort(edges, n, sizeof *edges, by_odds);
    for (size_t i = 0; ok && i < n; i++) {
        uint32_t a = g.head[edges[i].a], b = g.head[edges[i].b];
        if (a != b && fit(&g, a, b)) {
            join(&g, a, b);
            l->clusters--;
        }
    }
    free(g.next);
    free(g.size);
    l->cluster = g.head;
    return ok ? 0 : ERR_INTERNAL;
}
