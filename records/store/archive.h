/* archive - the way back to a point in time of the SQLite file: what was committed is copied, a few seconds behind, into a folder on another disk.
 *
 * A folder of it (a generation) is a whole copy (base.db) and one file of pieces (log): each piece holds the pages that commits changed since the piece before,
 * as they were at a moment, packed and with a hash. Base and the pieces up to a moment are the database of that moment. A generation begins when the daemon
 * starts, once a day, and whenever the log went on without being seen (another process brought it home): so there is never a gap within one.
 *
 * The write-ahead log is read as SQLite writes it (sqlite.org/fileformat2.html#walformat), only up to the last commit whose checksums hold; before SQLite
 * writes it anew what is left of it is taken (wal_file_watch). A commit does not wait for the archive; the writer does where the log begins anew, for the copying of
 * a second's pages in memory. Files are private; they hold health data as the database does.
 *
 * Threads: one of its own; opened after the store and closed before it. PostgreSQL has its own archive of its log.
 */
#ifndef YL_RECORDS_STORE_ARCHIVE_H
#define YL_RECORDS_STORE_ARCHIVE_H

#include "server/base/clock.h"
#include "server/base/fault.h"

struct store_archive;
struct store_archive_config {
    const char *database; /* the file */
    const char *dir;      /* made when it is not there */
    int every_ms;         /* how far the archive is behind at most */
    int64_t base_ms;      /* a new generation after so long */
    int keep_days;        /* back to any moment of so many days */
    const struct clock *clock;
};
YL_CHECKED int store_archive_open(struct store_archive **out, const struct store_archive_config *config, struct fault *f);
void store_archive_close(struct store_archive *a); /* takes what is left; NULL is fine */

struct store_moment {
    int64_t from_ms; /* the first moment that the folder can restore; 0 = none */
    int64_t at_ms;   /* whose database it became: the last one not after the moment asked for at which there was something new */
    int64_t pieces;
};
/* Writes the database of that moment into a file that is not there yet, and checks it. ERR_NOT_FOUND: the folder does not reach back so far. */
YL_CHECKED int store_archive_restore(const char *dir, int64_t at_ms, const char *to_path, struct store_moment *out, struct fault *f);
#endif
