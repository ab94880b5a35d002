#include "records/mpi/edges.h"
#include <stdbool.h>
#include <stdlib.h>

int mpi_edge_order(const void *a, const void *b)
{
    const struct mpi_edge *x = a, *y = b;
    if (x->odds != y->odds)
        return x->odds > y->odds ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

static uint32_t top(uint32_t *up, uint32_t i)
{
    for (; up[i] != i; i = up[i])
        up[i] = up[up[i]];
    return i;
}

static bool join(uint32_t *up, uint32_t a, uint32_t b)
{
    uint32_t x = top(up, a), y = top(up, b);
    up[x > y ? x : y] = x < y ? x : y;
    return x != y;
}

int mpi_edges_trim(struct mpi_edge *edges, size_t *n, uint32_t records, uint64_t *cut)
{
    uint32_t *up = malloc(((size_t)records + 1) * sizeof *up), *held = calloc((size_t)records + 1, sizeof *held);
    size_t kept = 0;
    if (!up || !held) {
        free(up);
        free(held);
        return ERR_INTERNAL;
    }
    for (uint32_t i = 0; i < records; i++)
        up[i] = i;
    qsort(edges, *n, sizeof *edges, mpi_edge_order);
    for (size_t i = 0; i < *n; i++) {
        struct mpi_edge e = edges[i];
        if (kept && edges[kept - 1].a == e.a && edges[kept - 1].b == e.b)
            continue;
        bool joins = join(up, e.a, e.b);
        if (!joins && held[e.a] >= MPI_EDGES_EACH && held[e.b] >= MPI_EDGES_EACH) {
            ++*cut;
            continue;
        }
        held[e.a] += !joins;
        held[e.b] += !joins;
        edges[kept++] = e;
    }
    *n = kept;
    free(up);
    free(held);
    return 0;
}
