/* sqlite_rows - rows in memory as a table that SQLite reads (sqlite.org/vtab.html, eponymous; sqlite.org/bindptr.html).
 *
 *   INSERT INTO t (a,b) SELECT c0,c1 FROM held_rows($1)
 *
 * A statement for each row costs several times the row: its cursors, registers and end. Only who binds a pointer (ROWS_POINTER) has rows there; texts of
 * anybody's cannot reach memory by it.
 */
#ifndef YL_RECORDS_STORE_SQLITE_ROWS_H
#define YL_RECORDS_STORE_SQLITE_ROWS_H

#include "records/store/store.h"
#include <sqlite3.h>

#define ROWS_POINTER "yilian-rows"
#define ROWS_WIDTH 8 /* columns at most: c0.. */

/* Borrowed until the statement is reset. Either numbers or cells. */
struct held_rows {
    int width;
    size_t n;
    const int64_t *numbers;
    const struct cell *cells;
};
int sqlite_rows_open(sqlite3 *db); /* SQLite's code */
#endif
