/* pool - distinct byte strings under small numbers, with how often each was seen. A million names are some hundred thousand distinct
 * ones: comparing, hashing and counting is done once for each. One thread writes; afterwards any thread reads.
 */
#ifndef YL_RECORDS_MPI_POOL_H
#define YL_RECORDS_MPI_POOL_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mpi_value {
    uint32_t at;    /* in 4-byte units into bytes */
    uint32_t count; /* times seen */
    uint32_t hash;
    uint32_t len;
};

struct mpi_pool {
    uint8_t *bytes;
    size_t used, cap;
    struct mpi_value *values; /* [0] is never used: 0 means "no value" */
    uint32_t n, values_cap;
    uint32_t *slots; /* open addressing, a power of two */
    uint32_t slots_n;
};

/* The string's number (> 0), counted once more; 0 when memory ran out. A zeroed pool is an empty one. */
uint32_t mpi_pool_put(struct mpi_pool *p, const void *bytes, size_t len);
/* ... without adding or counting: 0 when it is not there. */
uint32_t mpi_pool_find(const struct mpi_pool *p, const void *bytes, size_t len);
static inline const void *mpi_pool_bytes(const struct mpi_pool *p, uint32_t value)
{
    return p->bytes + (size_t)p->values[value].at * 4;
}
void mpi_pool_fini(struct mpi_pool *p);

/* 32 bits of FNV-1a, mixed once more at the end. */
uint32_t mpi_hash(const void *bytes, size_t len, uint32_t seed);
static inline uint32_t mpi_mix(uint32_t a, uint32_t b)
{
    uint64_t x = ((uint64_t)a << 32 | b) * 0x9E3779B97F4A7C15ull;
    x = (x ^ x >> 29) * 0xBF58476D1CE4E5B9ull;
    return (uint32_t)(x >> 32);
}
#endif
