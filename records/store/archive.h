/* archive - the way back to a point in time of the SQLite file: what was committed is copied, a few seconds behind, into a folder on another disk.
 *
 * A folder of it (a generation) is a whole copy (base.db) and one file of pieces (log): each piece holds the pages that commits changed since the piece before,
 * as they were at a moment, packed and with a hash. Base and the pieces up to a moment are the database of that moment. A generation begins when the daemon
 * starts, once a day, and whenever the log went on without being seen (another process brought it home): so there is never a gap within one.
 * Of generations that another followed within minutes, as a daemon leaves them that dies again and again, the last eight are kept: each is as large as the database.
 * Each base is read back: one that is no sound database (a damaged page came along) does not take the place of one that is, which is followed further.
 *
 * Generations and pieces count in the order they were made in; their times are the machine's clock's, which may be set back and forth. A moment that the clock
 * showed twice is the second one.
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
#include <stdbool.h>

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

struct store_archive_state { /* moments: ms UTC, 0 = none yet */
    int64_t from_ms, reached_ms; /* the first and the last it can go back to */
    int64_t base_ms;             /* the newest whole copy was begun */
    int64_t checked_ms;          /* a copy was read back and found sound, the last time */
    int64_t base_bytes, bytes;   /* of that copy; of the whole folder */
    int copies;
    bool follows;    /* what is committed is being taken */
    bool damaged;    /* the copy read back last is no sound database */
    const char *fault; /* why it does not go on, a word: behind, folder, room, copy, damaged, unwritable; "" = it does */
    char wrong[160];   /* ... in the log's words */
};
void store_archive_look(struct store_archive *a, struct store_archive_state *out); /* reads the folder; any thread */

bool store_is_sound(const char *path); /* reads all of a database file that nobody uses */

struct store_moment {
    int64_t from_ms; /* the first moment that the folder can restore; 0 = none */
    int64_t at_ms;   /* whose database it became: the last one not after the moment asked for at which there was something new */
    int64_t pieces;
    int64_t sound_ms; /* what was copied then is damaged: the last moment before that of which a sound copy was read back; 0 = none */
};
/* Writes the database of that moment into a file that is not there yet, and checks it. ERR_NOT_FOUND: the folder does not reach back so far. */
YL_CHECKED int store_archive_restore(const char *dir, int64_t at_ms, const char *to_path, struct store_moment *out, struct fault *f);
#endif
