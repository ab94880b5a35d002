/* Two lists in one order (key_find.h). */
#include "records/store/key_find.h"
#include <stdlib.h>
#include <string.h>

struct key_hit {
    uint64_t patient;
    char *key;
};

void key_find_begin(struct key_find *f, enum key_order order, size_t cap)
{
    *f = (struct key_find){.order = order, .cap = cap};
}

static void add(struct key_find *f, uint64_t patient, const char *key)
{
    if (f->n == f->room) {
        size_t room = f->room ? f->room * 2 : 32;
        struct key_hit *more = realloc(f->hits, room * sizeof *more);
        if (!more) {
            f->failed = true;
            return;
        }
        f->hits = more;
        f->room = room;
    }
    f->hits[f->n++] = (struct key_hit){patient, f->order == KEY_IN_ORDER ? strdup(key ? key : "") : NULL};
}

void key_find_tree(struct key_find *f, struct query *q)
{
    while (query_next(q))
        add(f, (uint64_t)query_int(q, "patient_id"), query_text(q, "key"));
    if (query_end(q))
        f->failed = true;
}

struct waiting {
    struct key_find *find;
    size_t n;
};

/* Those of one beginning come in order; those of one key by patient, so that the youngest are the last. */
static bool take(void *ctx, uint64_t patient, const char *text)
{
    struct waiting *w = ctx;
    add(w->find, patient, text);
    return w->find->order == KEY_NEWEST || ++w->n < w->find->cap;
}

void key_find_waiting(struct key_find *f, struct tx *tx, const struct late_key *key)
{
    struct waiting w = {f, 0};
    if (late_each(tx, key, take, &w))
        f->failed = true;
}

static int by_patient(const void *a, const void *b)
{
    const struct key_hit *x = a, *y = b;
    return (x->patient > y->patient) - (x->patient < y->patient);
}

static int youngest(const void *a, const void *b)
{
    return by_patient(b, a);
}

static int by_key(const void *a, const void *b)
{
    const struct key_hit *x = a, *y = b;
    int d = x->key && y->key ? strcmp(x->key, y->key) : 0;
    return d ? d : by_patient(a, b);
}

size_t key_find_end(struct key_find *f, uint64_t *out)
{
    size_t n = f->failed ? 0 : f->n < f->cap ? f->n : f->cap;
    if (f->n)
        qsort(f->hits, f->n, sizeof *f->hits, f->order == KEY_OLDEST ? by_patient : f->order == KEY_NEWEST ? youngest : by_key);
    for (size_t i = 0; i < n; i++)
        out[i] = f->hits[i].patient;
    for (size_t i = 0; i < f->n; i++)
        free(f->hits[i].key);
    free(f->hits);
    return n;
}
