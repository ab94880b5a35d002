#include "records/mpi/cluster.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 2500 /* of two groups that are looked at; larger groups are no persons */

#define LINES 3          /* times the line is drawn anew: what was put together above it may look otherwise then */
#define HIGHEST 3.0f     /* the line is not drawn higher, 0.95: beyond, far more is lost than saved */
#define FEW_WRONG 8      /* pairs that cannot be told from none: a set in which no more may be wrong is too small to draw a line by */

struct joined { /* two groups that became one: their odds, and how many pairs of records that is */
    float odds;
    double pairs;
};

struct groups {
    const struct mpi_link *link;
    uint32_t *head, *next, *size; /* head by record; members of a head in a ring */
    struct joined *joined;
    size_t n_joined;
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

/* *odds: of the two groups as wholes. */
static bool fit(const struct groups *g, uint32_t a, uint32_t b, float *odds)
{
    struct mpi_match all;
    if ((uint64_t)g->size[a] * g->size[b] > PAIRS_MAX || !have_in_common(g, a, b, &all))
        return false;
    *odds = mpi_model_odds(&g->link->model, &all);
    return *odds > g->link->options.odds;
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

/* All over from the beginning, at the line of l->options. */
static void group(struct groups *g, struct mpi_link *l, const struct mpi_edge *edges, size_t n)
{
    l->clusters = l->set->n;
    g->n_joined = 0;
    for (uint32_t i = 0; i < l->set->n; i++) {
        g->head[i] = g->next[i] = i;
        g->size[i] = 1;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t a = g->head[edges[i].a], b = g->head[edges[i].b];
        float odds;
        if (a != b && fit(g, a, b, &odds)) {
            g->joined[g->n_joined++] = (struct joined){odds, (double)g->size[a] * g->size[b]};
            join(g, a, b);
            l->clusters--;
        }
    }
}

static int by_doubt(const void *a, const void *b)
{
    const struct joined *x = a, *y = b;
    if (x->odds != y->odds)
        return x->odds > y->odds ? -1 : 1;
    return (x->pairs > y->pairs) - (x->pairs < y->pairs);
}

/* From which odds on not more than `wrong` of the pairs put together are expected to be two persons; at least the line there is. */
static float line_for(struct groups *g, double wrong, float line)
{
    double pairs = 0, doubted = 0;
    float good = HIGHEST;
    qsort(g->joined, g->n_joined, sizeof *g->joined, by_doubt);
    for (size_t i = 0; i < g->n_joined; i++) {
        pairs += g->joined[i].pairs;
        doubted += g->joined[i].pairs / (1 + exp((double)g->joined[i].odds));
        if (doubted <= wrong * pairs + FEW_WRONG)
            good = i + 1 < g->n_joined ? g->joined[i + 1].odds : line;
    }
    if (pairs * wrong < FEW_WRONG)
        return line;
    return good < line ? line : good < HIGHEST ? good : HIGHEST;
}

int mpi_cluster(struct mpi_link *l, struct mpi_edge *edges, size_t n)
{
    size_t records = l->set->n;
    struct groups g = {.link = l,
                       .head = malloc((records + 1) * sizeof *g.head),
                       .next = malloc((records + 1) * sizeof *g.next),
                       .size = malloc((records + 1) * sizeof *g.size),
                       .joined = malloc((records + 1) * sizeof *g.joined)};
    bool ok = g.head && g.next && g.size && g.joined;
    if (ok) {
        qsort(edges, n, sizeof *edges, by_odds);
        group(&g, l, edges, n);
    }
    for (int i = 0; ok && l->options.wrong > 0 && i < LINES; i++) {
        float line = line_for(&g, l->options.wrong, l->options.odds);
        if (line <= l->options.odds)
            break;
        l->options.odds = line;
        group(&g, l, edges, n);
    }
    free(g.joined);
    free(g.next);
    free(g.size);
    l->cluster = g.head;
    return ok ? 0 : ERR_INTERNAL;
}
