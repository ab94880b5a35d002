/* wal_file - hides how SQLite's write-ahead log reaches the disk: SQLite writes each page of a commit in two small pieces (a head of 24 bytes,
 * 4096 of the page), here they are gathered and written in one piece, at the latest when SQLite asks for the sync. A VFS (sqlite.org/vfs.html)
 * that stands before the system's own. On its way home into the database the log goes in small pieces, each synced (wal_file_pace).
 *
 * Nothing is less durable: with synchronous=FULL a commit is told to other connections, and to the caller, only after the log was synced, and
 * a sync writes first what was gathered. What the writer itself reads back, asks the size of or cuts off is written first too.
 *
 * Threads: as SQLite's own. */
#ifndef YL_RECORDS_STORE_WAL_FILE_H
#define YL_RECORDS_STORE_WAL_FILE_H

#include <stdbool.h>

/* For sqlite3_open_v2; made by the first call. NULL: the system's own is used. */
const char *wal_file_vfs(void);
/* What this thread writes into databases is synced every 32 pages: a checkpoint's thousands of pages in one sync would stand before the syncs of
 * those who commit meanwhile. */
void wal_file_pace(bool on);
/* Called on the thread that writes the log of this path anew, or cuts it, before it does; one watcher at a time, known by ctx. path NULL: no more. */
void wal_file_watch(const char *path, void (*before)(void *ctx), void *ctx);

#endif
