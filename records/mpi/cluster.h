/* cluster - from weighed pairs to groups of records that can each be one person. */
#ifndef YL_RECORDS_MPI_CLUSTER_H
#define YL_RECORDS_MPI_CLUSTER_H

#include "records/mpi/link.h"

/* Fills l->cluster and l->clusters. `edges` are sorted in place: strongest first. */
YL_CHECKED int mpi_cluster(struct mpi_link *l, struct mpi_edge *edges, size_t n);
/* What two groups have in common, gathered pair by pair: how often each level was met, part by part. Begin with {0}. */
struct mpi_tally {
    uint32_t n[MPI_PARTS][MPI_LEVELS];
    float share[MPI_PARTS];
};
void mpi_tally_add(struct mpi_tally *t, const struct mpi_match *pair);
void mpi_tally_settle(const struct mpi_tally *t, struct mpi_match *all);
#endif
