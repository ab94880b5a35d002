/* load - tables of records into a set, by a map from attribute to columns. Single thread.
 *
 * An attribute may name several columns: parts of a name or an address are joined with a blank, parts of a date with '-', phones stand
 * beside each other, and of several numbers, sexes or ids the first that is filled in counts. Several tables may have different
 * columns; a column must stand in at least one of them, an id column in each.
 */
#ifndef YL_RECORDS_MPI_LOAD_H
#define YL_RECORDS_MPI_LOAD_H

#include "records/mpi/csv.h"
#include "records/mpi/set.h"

#define MPI_MAP_COLUMNS 16
#define MPI_FILES_MAX 64

struct mpi_map {
    struct {
        const char *column[MPI_MAP_COLUMNS]; /* borrowed */
        size_t n;
    } of[MPI_ATTRIBUTES];
};

struct mpi_load {
    struct mpi_set *set;
    const struct mpi_map *map;
    bool met[MPI_ATTRIBUTES][MPI_MAP_COLUMNS]; /* the column stood in a table */
    size_t files;
    uint32_t first[MPI_FILES_MAX + 1]; /* row each table begins with; [files] is the end */
    uint32_t *row; /* by row of the input: its record. Records stand in the order of what they say, so that nothing depends on the rows' */
    size_t unreadable;      /* bytes of no character in all tables */
    char unreadable_at[180]; /* table and line of the first */
    char *ids;                         /* the records' own ids, each with its NUL */
    size_t ids_len, ids_cap;
    size_t *id_at;                     /* by record */
    size_t id_at_cap;
};

void mpi_load_init(struct mpi_load *l, struct mpi_set *set, const struct mpi_map *map); /* both borrowed */
void mpi_load_fini(struct mpi_load *l);
/* Adds the table's records; a record without id is called by its line number. Faults name file, line and column. */
YL_CHECKED int mpi_load_table(struct mpi_load *l, struct csv *c, struct fault *f);
/* After the last table: are all columns of the map met? The fault names the attribute. Then finishes the set and gives the records
 * their numbers. */
YL_CHECKED int mpi_load_finish(struct mpi_load *l, struct fault *f);
static inline const char *mpi_load_id(const struct mpi_load *l, uint32_t record)
{
    return l->ids + l->id_at[record];
}
#endif
