/* block - which pairs of records are worth comparing: those that share a key. Several keys, so that an error in one does not lose
 * the pair: numbers, name with year or day of birth, birth date with either part of the name, house with name or year.
 *
 * Each pair comes once or (after a crowded key) a few times, the smaller record number first. Crowds - a name everybody has, the
 * hospital's own phone - are not compared each with each: neighbours in an order by birth date are, and in one by name. Of records that say the
 * very same only the first MPI_REPEATS in a row are compared with anybody: a table pasted a thousand times costs no more than fifty times. So a record is
 * compared with at most 50 others for each of its keys, whatever the records are.
 */
#ifndef YL_RECORDS_MPI_BLOCK_H
#define YL_RECORDS_MPI_BLOCK_H

#include "records/mpi/set.h"

#define MPI_KEYS 25
#define MPI_KEY_ID 0
#define MPI_KEY_INSURANCE 2
#define MPI_KEY_BROAD 19 /* from here on keys mean something only when few records have them */
#define MPI_KEY_NAME 16  /* both parts of the name by sound */
#define MPI_KEY_BIRTH 20 /* the birth date alone */

/* The record's keys; 0 = none. Made from what the record says alone, so that they may be stored and compared later. */
void mpi_block_keys(const struct mpi_set *s, const struct mpi_record *r, uint32_t out[MPI_KEYS]);

#define MPI_REPEATS 50
/* Records in a row before `i` that say the very same; `before`: the answer for i - 1. */
uint32_t mpi_repeats(const struct mpi_set *s, uint32_t i, uint32_t before);

#define MPI_THREADS_MAX 16

typedef void (*mpi_pair)(void *ctx, uint32_t a, uint32_t b);
/* Who wants the pairs. They go to pair(ctx[0] .. ctx[threads - 1]), each ctx on a thread of its own; which pair goes to which does not change from run to run. */
struct mpi_pairs {
    mpi_pair pair;
    void *const *ctx;
    int threads;
    int (*between)(void *const *ctx, int threads); /* after each key, on the calling thread; not 0 ends it with this error. May be NULL */
};
/* Returns when all have been told; *left: pairs that share a key and were not told for it, because it has a crowd. */
YL_CHECKED int mpi_block_pairs(const struct mpi_set *s, const struct mpi_pairs *to, uint64_t *left);
#endif
