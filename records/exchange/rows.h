/* rows - tables that come as rows (CSV files, views of a hospital's database): a table of config/exchange says which column is which part of
 * an HL7 v2 message, and from there a row is taken like any message. The format: docs/protocol/rows.md.
 *
 * A row is kept as its *body*: a header line and the row, CSV in UTF-8, of the columns the table names and in the table's order. So the same
 * content is known again whatever the file's columns, order or character set were, and a person can read and correct it.
 *
 * Pure but for reading the table's file; read-only afterwards, any thread.
 */
#ifndef YL_RECORDS_EXCHANGE_ROWS_H
#define YL_RECORDS_EXCHANGE_ROWS_H

#include "records/exchange/map.h"
#include "records/mpi/csv.h"
#include <jansson.h>

#define ROWS_COLUMNS_MAX 96
#define ROWS_NAME_BYTES 96
#define ROWS_BODY_MAX (256 * 1024)

struct exchange_rows;
/* `from` is the table (borrowed). Faults name the member. */
YL_CHECKED int exchange_rows_open(struct exchange_rows **out, const json_t *from, struct fault *f);
void exchange_rows_close(struct exchange_rows *rows);
const char *exchange_rows_name(const struct exchange_rows *rows);
const char *exchange_rows_like(const struct exchange_rows *rows); /* the table of HL7 v2 messages that its messages are read by */

/* A header beside the table: which field of the file each column is, -1 = it has none. ERR_INVALID: column[] names the one that must be there
 * and is not; `unused` (may be NULL) gets the header's names the table does not know, separated by "; ". */
struct exchange_header {
    int at[ROWS_COLUMNS_MAX];
};
YL_CHECKED int exchange_rows_header(const struct exchange_rows *rows, const struct csv *c, struct exchange_header *out, char column[ROWS_NAME_BYTES],
                                    char *unused, size_t cap);
/* The body of the record c has read last; malloc'd, NULL = out of memory. */
char *exchange_rows_body(const struct exchange_rows *rows, const struct csv *c, const struct exchange_header *h);

struct exchange_row_head { /* of the message a row becomes */
    const char *application, *facility, *control;
    int64_t made_ms; /* MSH-7 where no column says it */
};
/* Appends the message. ERR_INVALID: *flaw says why, column[] where ("" = the row as a whole), and `out` holds the message's MSH alone.
 * body NULL: MSH alone. */
YL_CHECKED int exchange_rows_message(const struct exchange_rows *rows, const char *body, const struct exchange_row_head *head, struct hl7_writer *out,
                                     struct exchange_flaw *flaw, char column[ROWS_NAME_BYTES]);
/* The column behind a place of the message, "" = none. */
void exchange_rows_column(const struct exchange_rows *rows, const struct hl7_path *at, char column[ROWS_NAME_BYTES]);

/* A moment as tables write it (2026-11-28 08:30:00, 2026/11/8, 20261128, 2026年11月28日 8时30分, with or without a zone) as HL7 writes it.
 * ERR_INVALID. */
YL_CHECKED int exchange_rows_time(const char *text, char out[32]);
#endif
