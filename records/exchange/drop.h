/* drop - folders in which other systems leave tables (CSV): each file is taken in whole, row by row, and moved away with a report.
 *
 * ROOT/FOLDER is a source's; .csv, .txt and .tsv in it are read, the rest is left alone, so is what begins with a dot. A file is read when its size and
 * time stood still for settle_ms and nobody has it open for writing (a lease of the kernel, where the file system has them); a writer that
 * renames a finished .part file loses no time but that. It ends in done/DAY/ or, when it is no table of the source's kind, in failed/DAY/,
 * with NAME.report.json: counts, and for each row that became a dead letter its number, column and reason - no values.
 *
 * How far a file has been read is written with each row's own transaction (exchange_file.rows): after a kill it goes on at the next row.
 * Files in done/ older than keep_days are deleted: they lie in the clear.
 *
 * Threads: one of its own, because disks and shares may hang; it waits for the writer by a counter of rows on their way. Names of files may
 * say whom they are about: they are never logged.
 */
#ifndef YL_RECORDS_EXCHANGE_DROP_H
#define YL_RECORDS_EXCHANGE_DROP_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct records;
struct exchange_drop;
struct exchange_drop_config {
    struct records *records; /* outlives it */
    const char *root;        /* made when it is not there */
    int settle_ms, keep_days; /* keep_days 0 = for ever */
    size_t max_bytes;        /* of one file */
};
YL_CHECKED int exchange_drop_open(struct exchange_drop **out, const struct exchange_drop_config *config, struct fault *f);
YL_CHECKED int exchange_drop_start(struct exchange_drop *d, struct fault *f); /* its thread; without it, _round by hand */
void exchange_drop_round(struct exchange_drop *d);                             /* looks once into every folder */
void exchange_drop_close(struct exchange_drop *d);                             /* waits for the row on its way, not for the file; NULL is fine */
bool exchange_drop_name_ok(const char *folder); /* letters, digits, - and _ */
#endif
