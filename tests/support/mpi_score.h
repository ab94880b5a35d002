/* mpi_score - pair precision and recall of groups against the truth. */
#ifndef YL_TESTS_SUPPORT_MPI_SCORE_H
#define YL_TESTS_SUPPORT_MPI_SCORE_H

#include <stdint.h>
#include <stdlib.h>

struct cell {
    uint64_t truth;
    uint32_t cluster;
};

static inline int by_truth(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->cluster > y->cluster) - (x->cluster < y->cluster);
}

static inline int by_cluster(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    return (x->cluster > y->cluster) - (x->cluster < y->cluster);
}

static inline double pairs_of(double n)
{
    return n * (n - 1) / 2;
}

struct score {
    double predicted, real, hit;
};

static inline struct score judge(struct cell *cells, size_t n)
{
    struct score s = {0};
    qsort(cells, n, sizeof *cells, by_cluster);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && cells[to].cluster == cells[from].cluster;)
            to++;
        s.predicted += pairs_of((double)(to - from));
    }
    qsort(cells, n, sizeof *cells, by_truth);
    for (size_t from = 0, to; from < n; from = to) {
        size_t run = from;
        for (to = from; to < n && cells[to].truth == cells[from].truth; to++)
            if (cells[to].cluster != cells[run].cluster) {
                s.hit += pairs_of((double)(to - run));
                run = to;
            }
        s.hit += pairs_of((double)(to - run));
        s.real += pairs_of((double)(to - from));
    }
    return s;
}

static inline double score_precision(struct score s)
{
    return s.predicted > 0 ? s.hit / s.predicted : 1;
}

static inline double score_recall(struct score s)
{
    return s.real > 0 ? s.hit / s.real : 1;
}

static inline double score_f1(struct score s)
{
    return s.predicted + s.real > 0 ? 2 * s.hit / (s.predicted + s.real) : 1;
}
#endif
