#include "records/mpi/pool.h"
#include <stdlib.h>
#include <string.h>

/* A registration compares a few records and has ten pools: what is never looked at is not made. */
#define SLOTS_FIRST 32
#define BYTES_FIRST 256

uint32_t mpi_hash(const void *bytes, size_t len, uint32_t seed)
{
    const uint8_t *p = bytes;
    uint32_t h = 2166136261u ^ seed;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 16777619u;
    h ^= h >> 16;
    h *= 0x7FEB352Du;
    return h ^ h >> 15;
}

static uint32_t *slot_of(const struct mpi_pool *p, const void *bytes, size_t len, uint32_t hash)
{
    uint32_t i = hash & (p->slots_n - 1);
    for (; p->slots[i]; i = (i + 1) & (p->slots_n - 1)) {
        const struct mpi_value *v = &p->values[p->slots[i]];
        if (v->hash == hash && v->len == len && memcmp(mpi_pool_bytes(p, p->slots[i]), bytes, len) == 0)
            break;
    }
    return &p->slots[i];
}

static bool grow_slots(struct mpi_pool *p)
{
    uint32_t n = p->slots_n ? p->slots_n * 2 : SLOTS_FIRST;
    uint32_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t v = 1; v < p->n; v++) {
        uint32_t i = p->values[v].hash & (n - 1);
        while (slots[i])
            i = (i + 1) & (n - 1);
        slots[i] = v;
    }
    free(p->slots);
    p->slots = slots;
    p->slots_n = n;
    return true;
}

static bool room_for(struct mpi_pool *p, size_t len)
{
    if (p->n == 0)
        p->n = 1;
    if (p->n >= p->values_cap) {
        uint32_t cap = p->values_cap ? p->values_cap * 2 : SLOTS_FIRST / 2;
        struct mpi_value *values = realloc(p->values, cap * sizeof *values);
        if (!values)
            return false;
        p->values = values;
        p->values_cap = cap;
    }
    if (p->used + len + 4 > p->cap) {
        size_t cap = (p->cap ? p->cap * 2 : BYTES_FIRST) + len;
        uint8_t *bytes = realloc(p->bytes, cap);
        if (!bytes)
            return false;
        p->bytes = bytes;
        p->cap = cap;
    }
    return (uint64_t)p->n * 2 < p->slots_n || grow_slots(p);
}

uint32_t mpi_pool_put(struct mpi_pool *p, const void *bytes, size_t len)
{
    uint32_t hash = mpi_hash(bytes, len, 0);
    if (!room_for(p, len))
        return 0;
    uint32_t *slot = slot_of(p, bytes, len, hash);
    if (*slot) {
        p->values[*slot].count++;
        return *slot;
    }
    *slot = p->n;
    p->values[p->n] = (struct mpi_value){.at = (uint32_t)(p->used / 4), .count = 1, .hash = hash, .len = (uint32_t)len};
    if (len)
        memcpy(p->bytes + p->used, bytes, len);
    p->used += (len + 3) & ~(size_t)3;
    return p->n++;
}

uint32_t mpi_pool_find(const struct mpi_pool *p, const void *bytes, size_t len)
{
    return p->slots_n ? *slot_of(p, bytes, len, mpi_hash(bytes, len, 0)) : 0;
}

void mpi_pool_fini(struct mpi_pool *p)
{
    free(p->bytes);
    free(p->values);
    free(p->slots);
    memset(p, 0, sizeof *p);
}
