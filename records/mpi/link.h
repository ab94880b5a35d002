/* link - one linkage run: learn what agreements are worth, weigh the pairs, put records together so that every group can be one
 * person. A group is never closed just because a chain of pairs leads through it: before two groups become one, all their pairs are
 * looked at - none may be barred (mpi_barred), and what the groups have in common as wholes must still speak for one person.
 *
 * Deterministic: the same records in the same order give the same groups. Runs on the calling thread and `threads` - 1 others.
 */
#ifndef YL_RECORDS_MPI_LINK_H
#define YL_RECORDS_MPI_LINK_H

#include "records/mpi/block.h"
#include "records/mpi/edges.h"
#include "records/mpi/model.h"

struct mpi_link_options {
    float odds;   /* natural logarithm of the odds from which two groups are put together; 0 = more likely than not */
    double wrong; /* of all pairs put together, how many may be two persons by the model's own reckoning: if they are more, the line is drawn
                   * higher, up to 0.95; link->options.odds says where it is. 0 = it stays */
    int threads;  /* 1 .. MPI_THREADS_MAX (block.h); 0 = one. The result depends on nothing but the records and `odds` */
};

/* What was left out, so that the time and memory of a run grow with the number of records, however alike they are. In a set of people all of it but
 * `pairs` is 0. */
struct mpi_cut {
    uint64_t pairs;  /* not compared: under a key that more than 50 have they are no neighbours */
    uint64_t edges;  /* weighed, and let go for stronger ones of the same records */
    uint64_t groups; /* times two groups were not looked at as wholes: both have been too often, in vain */
};

struct mpi_link {
    const struct mpi_set *set;
    struct mpi_link_options options;
    struct mpi_model model;
    uint32_t *cluster; /* by record: the smallest record number of its group */
    uint32_t clusters;
    uint64_t pairs;    /* compared */
    uint64_t looked;   /* ... once more, for groups as wholes */
    struct mpi_cut cut;
};

/* `set` is finished and borrowed until mpi_link_fini. */
YL_CHECKED int mpi_link_run(struct mpi_link *l, const struct mpi_set *set, const struct mpi_link_options *options);
void mpi_link_fini(struct mpi_link *l);

/* Why two records are together or apart, in Chinese, for a person; malloc'd, NULL when memory ran out. */
char *mpi_link_explain(const struct mpi_link *l, uint32_t a, uint32_t b);
/* The words of such an explanation in both languages, static. */
struct mpi_words {
    const char *zh, *en;
};
struct mpi_words mpi_part_label(enum mpi_part part);
struct mpi_words mpi_level_label(enum mpi_part part, uint8_t level);
struct mpi_words mpi_bar_label(enum mpi_bar bar); /* "" for BAR_NONE */
struct mpi_words mpi_class_label(enum mpi_class rival);
#endif
