/* table - u64 key -> pointer, open addressing. Lookups never allocate; growth happens in commands only. Key 0 is not allowed. */
#ifndef YL_MEDIA_WORKER_TABLE_H
#define YL_MEDIA_WORKER_TABLE_H

#include "server/base/err.h"
#include <stddef.h>
#include <stdint.h>

struct table {
    size_t slots, used; /* slots: power of two */
    struct table_slot {
        uint64_t key;
        void *value;
    } *at;
};
YL_CHECKED int table_put(struct table *t, uint64_t key, void *value); /* replaces */
void *table_get(const struct table *t, uint64_t key);
void table_remove(struct table *t, uint64_t key);
void table_free(struct table *t);
/* Iteration: table_next(t, &i) until NULL; the entry just returned may be removed only after the walk. */
void *table_next(const struct table *t, size_t *i);
uint64_t table_hash(const void *data, size_t len);
#endif
