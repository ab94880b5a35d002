#include "records/mpi/link.h"
#include "records/mpi/cluster.h"
#include <stdlib.h>
#include <string.h>

#define LEARNING_PARTS 2   /* threads that learn */
#define LEARN_FROM 1000000 /* candidate pairs are enough to learn from */
#define LARGE 100000
#define DRAWN 400000       /* pairs drawn by lot */
#define MANY_EDGES 20000   /* fewer are no burden */
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

/* Adds what the other threads saw, in their order. */
static bool gather(struct mpi_patterns *into, const struct mpi_patterns *from)
{
    for (uint32_t i = 0; i < from->n; i++)
        if (!mpi_patterns_add(into, from->pattern[i], from->count[i]))
            return false;
    return true;
}

/* As many parts in every run, so that the last digits of the sums do not depend on the number of threads. */
static int learn(struct mpi_link *l)
{
    struct learning part[LEARNING_PARTS] = {0}, random = {.set = l->set};
    void *ctx[LEARNING_PARTS];
    uint32_t mask = 0;
    for (uint64_t expected = (uint64_t)l->set->n * 8; expected > LEARN_FROM; expected /= 2)
        mask = mask << 1 | 1;
    for (int i = 0; i < LEARNING_PARTS; i++) {
        part[i].set = l->set;
        part[i].mask = mask;
        ctx[i] = &part[i];
    }
    uint64_t left;
    int rc = mpi_block_pairs(l->set, &(struct mpi_pairs){.pair = learn_pair, .ctx = ctx, .threads = LEARNING_PARTS}, &left);
    draw(&random);
    for (int i = 0; i < LEARNING_PARTS; i++)
        if (part[i].failed || random.failed || (i && !gather(&part[0].patterns, &part[i].patterns)))
            rc = ERR_INTERNAL;
    if (rc == 0)
        rc = mpi_model_learn(&l->model, &part[0].patterns, &random.patterns, l->set->n);
    for (int i = 0; i < LEARNING_PARTS; i++)
        mpi_patterns_fini(&part[i].patterns);
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

static bool same(uint32_t a, uint32_t b)
{
    return a && a == b;
}

static bool other_birth(struct mpi_date a, struct mpi_date b)
{
    return mpi_date_compare(a, b) >= BIRTH_DIFFERS;
}

/* Another birth date and not one number, phone, house or postcode in common: a name alone hardly ever makes one person. In a large set
 * most pairs end here; a small one can afford to look at them. */
static bool hopeless(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b)
{
    if (s->n < LARGE || !mpi_date_full(a->birth) || !mpi_date_full(b->birth) || !other_birth(a->birth, b->birth) ||
        !other_birth(a->card_birth, b->birth) || !other_birth(a->birth, b->card_birth))
        return false;
    if (same(a->id, b->id) || same(a->insurance, b->insurance) || same(a->address, b->address) || same(a->postcode, b->postcode) ||
        same(a->phone[0], b->phone[0]) || same(a->phone[0], b->phone[1]) || same(a->phone[1], b->phone[0]))
        return false;
    return !a->address || !b->address || !same(mpi_set_address(s, a->address)->core, mpi_set_address(s, b->address)->core);
}

static void weigh_pair(void *ctx, uint32_t a, uint32_t b)
{
    struct weighing *w = ctx;
    const struct mpi_set *s = w->link->set;
    struct mpi_match match;
    w->pairs++;
    if (hopeless(s, &s->records[a], &s->records[b]) || mpi_barred(s, &s->records[a], &s->records[b]))
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

/* All threads' edges behind those of the first. */
static bool collect(struct weighing *first, const struct weighing *other)
{
    struct mpi_edge *grown = realloc(first->edges, (first->n + other->n + 1) * sizeof *grown);
    if (!grown)
        return false;
    first->edges = grown;
    first->cap = first->n + other->n + 1;
    if (other->n)
        memcpy(grown + first->n, other->edges, other->n * sizeof *grown);
    first->n += other->n;
    first->pairs += other->pairs;
    return true;
}

/* All threads' edges to the first, when there are so many that memory would not hold what the next keys bring: in any order the same are left. */
static int keep_strongest(void *const *ctx, int threads)
{
    struct weighing *first = ctx[0];
    uint32_t records = first->link->set->n;
    uint64_t n = 0;
    for (int i = 0; i < threads; i++)
        n += ((struct weighing *)ctx[i])->n;
    if (n < MANY_EDGES || n / (2 * MPI_EDGES_EACH) < records)
        return 0;
    for (int i = 1; i < threads; i++) {
        struct weighing *other = ctx[i];
        if (!collect(first, other))
            return ERR_INTERNAL;
        free(other->edges);
        *other = (struct weighing){.link = other->link, .failed = other->failed};
    }
    return mpi_edges_trim(first->edges, &first->n, records, &first->link->cut.edges);
}

static int weigh(struct mpi_link *l)
{
    struct weighing part[MPI_THREADS_MAX] = {0};
    void *ctx[MPI_THREADS_MAX];
    int threads = l->options.threads < 1 ? 1 : l->options.threads < MPI_THREADS_MAX ? l->options.threads : MPI_THREADS_MAX;
    for (int i = 0; i < threads; i++) {
        part[i].link = l;
        ctx[i] = &part[i];
    }
    int rc = mpi_block_pairs(l->set, &(struct mpi_pairs){weigh_pair, ctx, threads, keep_strongest}, &l->cut.pairs);
    for (int i = 0; i < threads; i++)
        if (part[i].failed || (i && !collect(&part[0], &part[i])))
            rc = ERR_INTERNAL;
    l->pairs = part[0].pairs;
    rc = rc ? rc : mpi_cluster(l, part[0].edges, part[0].n);
    for (int i = 0; i < threads; i++)
        free(part[i].edges);
    return rc;
}

/* Records that say the very same as fifty others go where those are, if they alone are reason enough. */
static void settle_repeats(struct mpi_link *l)
{
    const struct mpi_set *s = l->set;
    for (uint32_t i = 0, repeats = 0; i < s->n; i++) {
        struct mpi_match match;
        repeats = mpi_repeats(s, i, repeats);
        if (repeats < MPI_REPEATS || mpi_barred(s, &s->records[i], &s->records[i - 1]))
            continue;
        mpi_compare(s, &s->records[i], &s->records[i - 1], &match);
        if (mpi_model_odds(&l->model, &match) > l->options.odds) {
            l->cluster[i] = l->cluster[i - 1];
            l->clusters--;
        }
    }
}

int mpi_link_run(struct mpi_link *l, const struct mpi_set *set, const struct mpi_link_options *options)
{
    memset(l, 0, sizeof *l);
    l->set = set;
    l->options = *options;
    int rc = learn(l);
    rc = rc ? rc : weigh(l);
    if (rc == 0)
        settle_repeats(l);
    return rc;
}

void mpi_link_fini(struct mpi_link *l)
{
    free(l->cluster);
    memset(l, 0, sizeof *l);
}
