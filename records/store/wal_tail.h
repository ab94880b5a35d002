/* wal_tail - follows the write-ahead log of an SQLite file that others write: the pages of what was committed since it was taken last.
 *
 * The log is read as SQLite writes it (sqlite.org/fileformat2.html#walformat), up to the last commit whose checksums hold. Whoever writes the log anew says so before
 * (wal_tail_begins_anew); a log that went on without that, or more pages than are held, is a gap: what was taken is no whole any more, and it is followed from the
 * beginning of the log again, beside a copy of the database.
 *
 * One thread at a time (the caller's lock).
 */
#ifndef YL_RECORDS_STORE_WAL_TAIL_H
#define YL_RECORDS_STORE_WAL_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAL_TAIL_MAX ((size_t)512 << 20) /* bytes of pages held */

struct wal_page {
    uint32_t number, order; /* of the database, from 1; in which it was written */
    uint8_t *bytes;         /* malloc'd */
};

struct wal_tail {
    const char *wal; /* its path; all else is zero at first */
    uint32_t salt[2], sum[2];
    int64_t at;            /* how far the log was taken; 0 = from its beginning */
    bool ended;            /* all of the log that was there was taken, and it begins anew: other salts are expected */
    bool gap;
    uint32_t page_bytes;
    uint32_t size;         /* pages of the database by the last commit */
    struct wal_page *pages; /* taken; whoever uses them takes them away, or wal_tail_forget() */
    size_t n, cap;
};

/* false: there is no log, or not to be read just now. */
bool wal_tail_take(struct wal_tail *t);
void wal_tail_begins_anew(struct wal_tail *t);
void wal_tail_from_the_beginning(struct wal_tail *t);
void wal_tail_forget(struct wal_tail *t); /* the pages; `pages` itself stays */
#endif
