#include "records/mpi/cluster.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 2500 /* of two groups that are looked at; larger groups are no persons */
#define PATIENCE 100   /* pairs of records that may be looked at in vain, for each record: where a thousand are alike, all their groups would try each other */
#define REFUSALS_MAX (1u << 20)

#define LINES 3          /* times the line is drawn anew: what was put together above it may look otherwise then */
#define HIGHEST 3.0f     /* the line is not drawn higher, 0.95: beyond, far more is lost than saved */
#define FEW_WRONG 8      /* pairs that cannot be told from none: a set in which no more may be wrong is too small to draw a line by */

struct joined { /* two groups that became one: their odds, and how many pairs of records that is */
    float odds;
    double pairs;
};

/* Two groups that did not become one. A head of one size is always the same group, so the answer stands until one of them grows. */
struct refusal {
    uint32_t a, b, size_a, size_b;
};

struct groups {
    const struct mpi_link *link;
    uint32_t *head, *next, *size; /* head by record; members of a head in a ring */
    uint32_t *patience;           /* by head: pairs it may still be looked at in vain */
    struct refusal *refused;      /* by hash of the two, the last one stands; a power of two */
    uint32_t refused_n;
    uint64_t looked, unlooked;
    struct joined *joined;
    size_t n_joined;
};

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
    if (!have_in_common(g, a, b, &all))
        return false;
    *odds = mpi_model_odds(&g->link->model, &all);
    return *odds > g->link->options.odds;
}

static struct refusal *refusal_of(const struct groups *g, uint32_t a, uint32_t b)
{
    return &g->refused[mpi_mix(a < b ? a : b, a < b ? b : a) & (g->refused_n - 1)];
}

static struct refusal refusal_now(const struct groups *g, uint32_t a, uint32_t b)
{
    uint32_t x = a < b ? a : b, y = a < b ? b : a;
    return (struct refusal){x, y, g->size[x], g->size[y]};
}

static void tire(struct groups *g, uint32_t head, uint32_t pairs)
{
    g->patience[head] -= g->patience[head] < pairs ? g->patience[head] : pairs;
}

/* Looks at two groups if they may be one and have not been looked at as they are. Who looks in vain tires, and the larger of the two bears all the
 * pairs: so all that is looked at in vain is a multiple of the number of records. What becomes one costs as many pairs as there are in it. */
static bool try_to_fit(struct groups *g, uint32_t a, uint32_t b, float *odds)
{
    uint64_t pairs = (uint64_t)g->size[a] * g->size[b];
    struct refusal now = refusal_now(g, a, b), *before = refusal_of(g, a, b);
    if (pairs > PAIRS_MAX || memcmp(before, &now, sizeof now) == 0)
        return false;
    if (!g->patience[a] || !g->patience[b]) {
        g->unlooked++;
        return false;
    }
    g->looked += pairs;
    if (fit(g, a, b, odds))
        return true;
    *before = now;
    tire(g, a, (uint32_t)pairs);
    tire(g, b, (uint32_t)pairs);
    return false;
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
    g->patience[keep] += g->patience[lose];
}

/* All over from the beginning, at the line of l->options. */
static void group(struct groups *g, struct mpi_link *l, const struct mpi_edge *edges, size_t n)
{
    l->clusters = l->set->n;
    g->n_joined = 0;
    g->unlooked = 0;
    memset(g->refused, 0, g->refused_n * sizeof *g->refused);
    for (uint32_t i = 0; i < l->set->n; i++) {
        g->head[i] = g->next[i] = i;
        g->size[i] = 1;
        g->patience[i] = PATIENCE;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t a = g->head[edges[i].a], b = g->head[edges[i].b];
        float odds;
        if (a != b && try_to_fit(g, a, b, &odds)) {
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
                       .patience = malloc((records + 1) * sizeof *g.patience),
                       .refused_n = 1024,
                       .joined = malloc((records + 1) * sizeof *g.joined)};
    while (g.refused_n < records && g.refused_n < REFUSALS_MAX)
        g.refused_n *= 2;
    g.refused = malloc(g.refused_n * sizeof *g.refused);
    bool ok = g.head && g.next && g.size && g.patience && g.refused && g.joined;
    if (ok) {
        qsort(edges, n, sizeof *edges, mpi_edge_order);
        group(&g, l, edges, n);
    }
    for (int i = 0; ok && l->options.wrong > 0 && i < LINES; i++) {
        float line = line_for(&g, l->options.wrong, l->options.odds);
        if (line <= l->options.odds)
            break;
        l->options.odds = line;
        group(&g, l, edges, n);
    }
    l->looked = g.looked;
    l->cut.groups = g.unlooked;
    free(g.joined);
    free(g.next);
    free(g.size);
    free(g.patience);
    free(g.refused);
    l->cluster = g.head;
    return ok ? 0 : ERR_INTERNAL;
}
