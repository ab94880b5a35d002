/* cluster - from weighed pairs to groups of records that can each be one person. */
#ifndef YL_RECORDS_MPI_CLUSTER_H
#define YL_RECORDS_MPI_CLUSTER_H

#include "records/mpi/link.h"

/* Fills l->cluster and l->clusters. `edges` are sorted in place: strongest first. */
YL_CHECKED int mpi_cluster(struct mpi_link *l, struct mpi_edge *edges, size_t n);
#endif
