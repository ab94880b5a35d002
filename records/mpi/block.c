#include "records/mpi/block.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CROWD 50 /* records under one key that are compared each with each */
#define FEW 12   /* the same for keys that mean something only when they are rare */
#define WINDOW 8 /* neighbours compared in a crowd */

static uint32_t key2(uint32_t kind, uint32_t a, uint32_t b)
{
    uint32_t k = a && b ? mpi_mix(mpi_mix(a, b), kind) : 0;
    return a && b && !k ? 1 : k;
}

static uint32_t date_number(struct mpi_date d)
{
    return d.month ? (uint32_t)d.year << 9 | (uint32_t)d.month << 5 | (uint32_t)d.day : 0;
}

static uint32_t hash_of(const struct mpi_pool *p, uint32_t value)
{
    return value ? p->values[value].hash | 1 : 0;
}

void mpi_block_keys(const struct mpi_set *s, const struct mpi_record *r, uint32_t out[MPI_KEYS])
{
    bool own = !(r->flags & (MPI_CARD_ODD | MPI_ID_SHARED));
    uint32_t birth = date_number(r->birth), card = own ? date_number(r->card_birth) : 0;
    uint32_t core = r->address ? mpi_set_address(s, r->address)->core : 0;
    uint32_t day = r->birth.month ? (uint32_t)(r->birth.month << 5 | r->birth.day) : 0;
    uint32_t postcode = hash_of(&s->postcodes, r->postcode);
    card = card == birth ? 0 : card;
    out[0] = r->flags & MPI_ID_SHARED ? 0 : key2(1, hash_of(&s->ids, r->id), 1);
    out[1] = key2(2, core, r->sound);
    out[2] = own ? key2(3, hash_of(&s->insurances, r->insurance), 1) : 0;
    out[3] = key2(4, core, r->given_sound);
    out[4] = key2(5, hash_of(&s->phones, r->phone[0]), 1);
    out[5] = key2(5, hash_of(&s->phones, r->phone[1]), 1);
    out[6] = key2(6, r->sound, (uint32_t)r->birth.year);
    out[7] = key2(6, r->sound, card ? (uint32_t)r->card_birth.year : 0);
    out[8] = key2(7, birth, r->family_sound);
    out[9] = key2(7, card, r->family_sound);
    out[10] = key2(8, birth, r->given_sound);
    out[11] = key2(8, card, r->given_sound);
    out[12] = key2(9, r->sound, day);
    out[13] = key2(10, core, r->family_sound);
    out[14] = key2(11, core, (uint32_t)r->birth.year);
    out[15] = key2(12, birth, postcode);
    out[16] = key2(13, r->family_sound, r->given_sound);
    out[17] = key2(14, postcode, r->family_sound);
    out[18] = key2(15, postcode, r->given_sound);
    /* broad ones, for small sets and rare values */
    out[19] = key2(16, r->sound, 1);
    out[20] = key2(17, birth, 1);
    out[21] = key2(18, r->family_sound, (uint32_t)r->birth.year);
    out[22] = key2(19, r->given_sound, (uint32_t)r->birth.year);
    out[23] = key2(20, r->family_sound, 1);
    out[24] = key2(21, r->given_sound, 1);
}

static bool crosswise(int key)
{
    return key >= 4 && key < 12;
}

static bool only_when_rare(int key)
{
    return key >= MPI_KEY_BROAD;
}

/* ---- grouping ---- */

struct entry {
    uint32_t key, record;
};

struct work {
    const struct mpi_set *set;
    uint32_t (*keys)[MPI_KEYS];
    struct entry *entries, *spare;
    size_t n;
    const struct mpi_pairs *to;
};

/* One thread's part of a key: every threads-th group. */
struct share {
    struct work *work;
    void *ctx;
    int key, number, threads;
    bool failed;
    uint64_t left;
    pthread_t thread;
};

/* Radix sort by key, 11 bits a pass. */
static void sort_entries(struct work *w)
{
    for (int shift = 0; shift < 33; shift += 11) {
        size_t start[2048] = {0}, sum = 0;
        for (size_t i = 0; i < w->n; i++)
            start[w->entries[i].key >> shift & 2047]++;
        for (size_t b = 0; b < 2048; b++) {
            size_t count = start[b];
            start[b] = sum;
            sum += count;
        }
        for (size_t i = 0; i < w->n; i++)
            w->spare[start[w->entries[i].key >> shift & 2047]++] = w->entries[i];
        struct entry *swap = w->entries;
        w->entries = w->spare;
        w->spare = swap;
    }
}

/* Did an earlier key bring the two together? Keys 4..11 come in twos that meet crosswise. */
static bool met_before(const struct work *w, uint32_t a, uint32_t b, int before)
{
    const uint32_t *x = w->keys[a], *y = w->keys[b];
    for (int k = 0; k < before; k++) {
        if (x[k] && x[k] == y[k])
            return true;
        if (crosswise(k) && x[k] && x[k] == y[k ^ 1])
            return true;
    }
    return false;
}

static void tell(const struct share *s, uint32_t a, uint32_t b)
{
    if (a != b && !met_before(s->work, a, b, s->key))
        s->work->to->pair(s->ctx, a < b ? a : b, a < b ? b : a);
}

struct place {
    uint32_t order, record;
};

static int by_order(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return (x->record > y->record) - (x->record < y->record);
}

static uint64_t pairs_of(uint64_t n)
{
    return n * (n - 1) / 2;
}

/* A crowd: neighbours by birth date, then by name. Its key no longer says that the two have been compared; only this thread has the
 * group, and nobody asks for the key before the next one. */
static bool tell_crowd(struct share *s, const struct entry *e, size_t n)
{
    struct work *w = s->work;
    struct place *places = malloc(n * sizeof *places);
    if (!places)
        return false;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < n; i++)
            places[i] = (struct place){turn ? w->set->records[e[i].record].sound : date_number(w->set->records[e[i].record].birth), e[i].record};
        qsort(places, n, sizeof *places, by_order);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n && j <= i + WINDOW; j++)
                tell(s, places[i].record, places[j].record);
    }
    s->left += pairs_of(n) - 2 * (pairs_of(n) - pairs_of(n - WINDOW));
    for (size_t i = 0; i < n; i++)
        for (int k = s->key; k <= s->key + 1; k++)
            if (w->keys[e[i].record][k] == e[i].key)
                w->keys[e[i].record][k] = 0;
    free(places);
    return true;
}

static void *tell_groups(void *arg)
{
    struct share *s = arg;
    struct work *w = s->work;
    bool rare = only_when_rare(s->key);
    for (size_t from = 0, to; from < w->n && !s->failed; from = to) {
        for (to = from + 1; to < w->n && w->entries[to].key == w->entries[from].key;)
            to++;
        if ((int)(w->entries[from].key % (uint32_t)s->threads) != s->number)
            continue;
        if (to - from > (rare ? FEW : CROWD)) {
            s->failed = !rare && !tell_crowd(s, w->entries + from, to - from);
            continue;
        }
        for (size_t i = from; i < to; i++)
            for (size_t j = i + 1; j < to; j++)
                tell(s, w->entries[i].record, w->entries[j].record);
    }
    return NULL;
}

/* All groups of one key, on all threads; this thread is one of them. */
static bool tell_key(struct work *w, int key, uint64_t *left)
{
    struct share shares[MPI_THREADS_MAX];
    int threads = w->to->threads;
    bool ok = true;
    for (int i = 0; i < threads; i++)
        shares[i] = (struct share){.work = w, .ctx = w->to->ctx[i], .key = key, .number = i, .threads = threads};
    bool alone[MPI_THREADS_MAX] = {0};
    for (int i = 1; i < threads; i++)
        alone[i] = pthread_create(&shares[i].thread, NULL, tell_groups, &shares[i]) != 0;
    tell_groups(&shares[0]);
    for (int i = 1; i < threads; i++) {
        if (alone[i]) /* no thread to be had: its part is done here */
            tell_groups(&shares[i]);
        else
            pthread_join(shares[i].thread, NULL);
    }
    for (int i = 0; i < threads; i++) {
        ok = ok && !shares[i].failed;
        *left += shares[i].left;
    }
    return ok;
}

static int run(struct work *w, uint64_t *left)
{
    int rc = 0;
    for (int key = 0; rc == 0 && key < MPI_KEYS; key += 1 + crosswise(key)) {
        w->n = 0;
        for (uint32_t i = 0; i < w->set->n; i++)
            for (int k = key; k <= key + crosswise(key); k++)
                if (w->keys[i][k])
                    w->entries[w->n++] = (struct entry){w->keys[i][k], i};
        sort_entries(w);
        rc = tell_key(w, key, left) ? 0 : ERR_INTERNAL;
        if (rc == 0 && w->to->between)
            rc = w->to->between(w->to->ctx, w->to->threads);
    }
    return rc;
}

uint32_t mpi_repeats(const struct mpi_set *s, uint32_t i, uint32_t before)
{
    return i && memcmp(&s->records[i], &s->records[i - 1], sizeof s->records[i]) == 0 ? before + 1 : 0; /* no padding in it */
}

int mpi_block_pairs(const struct mpi_set *s, const struct mpi_pairs *to, uint64_t *left)
{
    struct work w = {.set = s, .to = to};
    *left = 0;
    w.keys = malloc(((size_t)s->n + 1) * sizeof *w.keys);
    w.entries = malloc(((size_t)s->n * 2 + 1) * sizeof *w.entries);
    w.spare = malloc(((size_t)s->n * 2 + 1) * sizeof *w.spare);
    int rc = w.keys && w.entries && w.spare ? 0 : ERR_INTERNAL;
    for (uint32_t i = 0, repeats = 0; rc == 0 && i < s->n; i++) {
        repeats = mpi_repeats(s, i, repeats);
        if (repeats < MPI_REPEATS)
            mpi_block_keys(s, &s->records[i], w.keys[i]);
        else
            memset(w.keys[i], 0, sizeof w.keys[i]);
    }
    rc = rc ? rc : run(&w, left);
    free(w.keys);
    free(w.entries);
    free(w.spare);
    return rc;
}
