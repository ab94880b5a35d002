/* Buckets of concepts by pairs of characters (ts_pairs.h). Pairs that share a bucket by chance cost a comparison, not an answer. */
#include "records/term/ts_pairs.h"
#include "records/term/fold.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 65536u

struct table {
    uint32_t start[BUCKETS + 1]; /* where a bucket begins in concepts */
    uint32_t concepts[];
};

struct ts_pairs {
    pthread_mutex_t lock; /* while it is made */
    _Atomic(struct table *) table;
};

struct ts_pairs *ts_pairs_new(void)
{
    struct ts_pairs *p = calloc(1, sizeof *p);
    if (p)
        pthread_mutex_init(&p->lock, NULL);
    return p;
}

void ts_pairs_free(struct ts_pairs *p)
{
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p->table);
    free(p);
}

/* ---- characters ---- */

static uint32_t bucket_of(uint32_t first, uint32_t second)
{
    uint64_t h = ((uint64_t)first << 32 | second) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(h >> 48);
}

/* The buckets of a text, one after the other: every pair, and every character beyond ASCII alone (second = 0). */
struct walk {
    const char *at, *end;
    uint32_t before, pending; /* pending: its pair is told, itself not yet */
};

static struct walk walk_of(const char *text)
{
    return (struct walk){.at = text, .end = text + strlen(text)};
}

static bool next_bucket(struct walk *w, uint32_t *out)
{
    while (true) {
        if (w->pending) {
            *out = bucket_of(w->pending, 0);
            w->pending = 0;
            return true;
        }
        uint32_t c = utf8_next(&w->at, w->end), before = w->before;
        if (!c)
            return false;
        c = c >= 'A' && c <= 'Z' ? c + 32 : c; /* of a code; all else is folded */
        w->before = c;
        w->pending = c >= 0x80 ? c : 0;
        if (before) {
            *out = bucket_of(before, c);
            return true;
        }
    }
}

/* ---- making it ---- */

/* Counts (`to` NULL) or writes; at[b] moves on by one for each. */
static void put_text(const char *text, uint32_t concept, uint32_t *at, uint32_t *to)
{
    struct walk w = walk_of(text ? text : "");
    uint32_t b;
    while (next_bucket(&w, &b)) {
        if (to)
            to[at[b]] = concept;
        at[b]++;
    }
}

static void put_all(const struct ts_system *s, uint32_t *at, uint32_t *to)
{
    for (uint32_t i = 0; i < s->n; i++) {
        put_text(s->concepts[i].folded, i, at, to);
        put_text(s->concepts[i].initials, i, at, to);
        put_text(s->concepts[i].code, i, at, to);
    }
}

static struct table *make(const struct ts_system *s)
{
    uint32_t *at = calloc(BUCKETS, sizeof *at), sum = 0;
    if (!at)
        return NULL;
    put_all(s, at, NULL);
    for (uint32_t b = 0; b < BUCKETS; b++)
        sum += at[b];
    struct table *t = malloc(sizeof *t + sum * sizeof *t->concepts);
    if (t) {
        t->start[0] = 0;
        for (uint32_t b = 0; b < BUCKETS; b++) {
            t->start[b + 1] = t->start[b] + at[b];
            at[b] = t->start[b];
        }
        put_all(s, at, t->concepts);
    }
    free(at);
    return t;
}

static const struct table *table_of(struct ts_pairs *p, const struct ts_system *s)
{
    struct table *t = atomic_load_explicit(&p->table, memory_order_acquire);
    if (t)
        return t;
    pthread_mutex_lock(&p->lock);
    t = atomic_load_explicit(&p->table, memory_order_relaxed);
    if (!t) {
        t = make(s);
        atomic_store_explicit(&p->table, t, memory_order_release);
    }
    pthread_mutex_unlock(&p->lock);
    return t;
}

/* ---- asking ---- */

/* The smallest bucket of all words; false where they have none. */
static bool rarest(const struct table *t, const struct ts_words *w, uint32_t *bucket)
{
    bool any = false;
    for (size_t i = 0; i < w->n; i++) {
        struct walk walk = walk_of(w->text[i]);
        for (uint32_t b; next_bucket(&walk, &b);) {
            if (!any || t->start[b + 1] - t->start[b] < t->start[*bucket + 1] - t->start[*bucket])
                *bucket = b;
            any = true;
        }
    }
    return any;
}

bool ts_pairs_mark(struct ts_pairs *p, const struct ts_system *s, const struct ts_words *w, uint8_t *out)
{
    const struct table *t = table_of(p, s);
    uint32_t b = 0;
    if (!t || !rarest(t, w, &b))
        return false;
    for (uint32_t i = t->start[b]; i < t->start[b + 1]; i++)
        out[t->concepts[i]] = 1;
    return true;
}
