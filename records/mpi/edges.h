/* edges - weighed pairs of records, strongest first, and how many of them a run keeps. */
#ifndef YL_RECORDS_MPI_EDGES_H
#define YL_RECORDS_MPI_EDGES_H

#include "server/base/err.h"
#include <stddef.h>
#include <stdint.h>

struct mpi_edge {
    uint32_t a, b; /* a < b */
    float odds;
};

/* For qsort: the strongest first, then by number. */
int mpi_edge_order(const void *a, const void *b);

#define MPI_EDGES_EACH 16 /* beside those that a record hangs together by with others */

/* Sorts them, drops what stands twice, and of a record with many those that are weaker than its MPI_EDGES_EACH strongest on both sides - but never one by
 * which two groups first hang together. So at most 17 for each of the `records` are left; *cut: grows by how many went. ERR_INTERNAL when memory ran out. */
YL_CHECKED int mpi_edges_trim(struct mpi_edge *edges, size_t *n, uint32_t records, uint64_t *cut);
#endif
