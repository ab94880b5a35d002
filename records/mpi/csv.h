/* csv - tables as hospitals export them: RFC 4180 with a header line, LF or CRLF or CR, UTF-8 (with or without BOM), UTF-16 with BOM,
 * or GB18030 when that reads more of it; comma, or the tab or semicolon when the header has no comma. Blank lines are
 * skipped; a line with fewer fields has empty ones. Errors name file, line and column. Any thread, one at a time per table.
 */
#ifndef YL_RECORDS_MPI_CSV_H
#define YL_RECORDS_MPI_CSV_H

#include "records/mpi/name.h"
#include <stdio.h>

#define CSV_COLUMNS_MAX 512

struct csv {
    char *bytes; /* the whole table, UTF-8; fields point into it */
    size_t len, at;
    char delimiter;
    char name[128];     /* of the file, for errors */
    size_t line;        /* of the record read last, from 1 */
    size_t unreadable, unreadable_line; /* bytes of no character, each U+FFFD now; the line of the first */
    size_t n_columns;
    struct mpi_text column[CSV_COLUMNS_MAX]; /* header, blanks around it left out */
    struct mpi_text field[CSV_COLUMNS_MAX];  /* of the record read last, until the next is read; blanks around are kept */
    size_t next_line;
    size_t first_at, first_line; /* of the first record */
    struct csv_piece *header_pieces, *pieces; /* fields with doubled quotes, until the next record is read */
};

/* Reads the whole file, and the header. ERR_NOT_FOUND, ERR_INVALID, ERR_TOO_LARGE; `f` says which file and why. */
YL_CHECKED int csv_open(struct csv *c, const char *path, struct fault *f);
/* The same for bytes in memory (copied). */
YL_CHECKED int csv_open_bytes(struct csv *c, const char *name, const char *bytes, size_t len, struct fault *f);
void csv_close(struct csv *c);
/* 1: c->field is filled; 0: the end; ERR_INVALID: `f` names line and column. */
YL_CHECKED int csv_next(struct csv *c, struct fault *f);
/* The first record comes next again. */
void csv_rewind(struct csv *c);
/* Without the blanks around it. */
struct mpi_text csv_trim(struct mpi_text field);
/* Column by name, -1 = there is none. */
int csv_column(const struct csv *c, const char *name);
/* Writes one field, quoted where RFC 4180 asks for it. */
void csv_put(FILE *out, struct mpi_text field);
#endif
