/* pull - rows fetched from views of hospitals' databases over ODBC, at intervals, from a high-water mark on.
 *
 * A source of kind database names a data source of the file exchange.odbc_ini (where the machine's administrator keeps driver, address and a reading
 * account: none of that is in our database), a view, a column whose value only grows (a change time, a number) and a table of columns. A
 * round asks for SELECT * FROM view WHERE column >= mark ORDER BY column, so many rows at a time; without a mark from the beginning: the history is
 * loaded the same way. Rows at the mark, and for times those of the last OVERLAP_S before it (transactions that ended late), come again and
 * are known by their content; they are not counted. The mark moves on in the transaction that ends the batch, after all of its rows: after a
 * kill the batch is asked for again. A mark that is a time goes no further than now. NULL marks are in no batch, but counted; a row that goes from the view stays in the record.
 *
 * Drivers are foreign code: each batch runs in a child process (yilian-odbc) with limits on time, processor, memory and output, killed with its
 * group when they are over. A source that fails is asked again after one minute, doubled up to an hour; one that hangs
 * holds a lane of its own (lanes.h) until its time is over: its neighbours keep their turns.
 *
 * Threads: one that looks for what is due, and lanes, each for one source at a time.
 */
#ifndef YL_RECORDS_EXCHANGE_PULL_H
#define YL_RECORDS_EXCHANGE_PULL_H

#include "server/base/fault.h"
#include <stdbool.h>

struct records;
struct exchange_pull;
struct exchange_pull_config {
    struct records *records; /* outlives it */
    const char *program;     /* yilian-odbc, absolute */
    const char *odbc_ini;
    int rows, time_ms;       /* of one batch */
};
YL_CHECKED int exchange_pull_open(struct exchange_pull **out, const struct exchange_pull_config *config, struct fault *f);
YL_CHECKED int exchange_pull_start(struct exchange_pull *p, struct fault *f);
void exchange_pull_round(struct exchange_pull *p); /* every source that is due and finds a lane; comes back when they are done */
void exchange_pull_close(struct exchange_pull *p); /* kills the children on their way; NULL is fine */
/* What may stand in SQL as it is: letters, digits, _ $ # and, between names, dots; of any script. */
bool exchange_pull_name_ok(const char *name);
#endif
