/* The log's pieces gathered, the database's spread (wal_file.h). */
#include "records/store/wal_file.h"
#include "records/store/page_cache.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "yilian-log"
#define STEP (128 << 10)   /* of a database, between two syncs */
#define GATHER (126 << 10) /* the system's VFS writes at most 128 KB at once */

/* SQLite gives the room: this, and behind it the system's own file. */
struct log {
    sqlite3_file file;
    sqlite3_file *own;
    char *bytes; /* malloc'd by the first write: readers have none */
    int n;
    sqlite3_int64 at; /* where bytes begin in the file */
    const char *path; /* SQLite's, as long as the file is open */
};

/* ---- who wants to know that a log begins anew ---- */

#define WATCHERS 8
static struct watcher {
    char path[720];
    void (*before)(void *ctx);
    void *ctx;
} watchers[WATCHERS];
static pthread_mutex_t watching = PTHREAD_MUTEX_INITIALIZER;

void wal_file_watch(const char *path, void (*before)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&watching);
    for (size_t i = 0; i < WATCHERS; i++)
        if (path ? !watchers[i].before : watchers[i].ctx == ctx) {
            watchers[i] = (struct watcher){.before = path ? before : NULL, .ctx = path ? ctx : NULL};
            snprintf(watchers[i].path, sizeof watchers[i].path, "%s", path ? path : "");
            break;
        }
    pthread_mutex_unlock(&watching);
}

/* Rare: a log begins anew every few thousand transactions. */
static void begins_anew(const struct log *l)
{
    pthread_mutex_lock(&watching);
    for (size_t i = 0; i < WATCHERS; i++)
        if (watchers[i].before && l->path && strcmp(watchers[i].path, l->path) == 0)
            watchers[i].before(watchers[i].ctx);
    pthread_mutex_unlock(&watching);
}

static sqlite3_vfs vfs;
static _Thread_local bool paced;
static _Thread_local int unsynced; /* bytes this thread wrote into a database since its last sync */

static const sqlite3_io_methods methods;

static struct log *log_of(sqlite3_file *f)
{
    return (struct log *)f;
}

/* What cannot be written is dropped: the sync fails, the transaction with it, and its place in the log is written again by the next. */
static int flush(struct log *l)
{
    int n = l->n;
    l->n = 0;
    return n ? l->own->pMethods->xWrite(l->own, l->bytes, n, l->at) : SQLITE_OK;
}

static int on_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    struct log *l = log_of(f);
    int rc = l->n && (at != l->at + l->n || l->n + n > GATHER) ? flush(l) : SQLITE_OK;
    if (at == 0)
        begins_anew(l);
    if (rc != SQLITE_OK)
        return rc;
    if (!l->bytes)
        l->bytes = malloc(GATHER);
    if (!l->bytes || n > GATHER)
        return l->own->pMethods->xWrite(l->own, data, n, at);
    if (!l->n)
        l->at = at;
    memcpy(l->bytes + l->n, data, (size_t)n);
    l->n += n;
    return SQLITE_OK;
}

static int on_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
    struct log *l = log_of(f);
    int rc = flush(l);
    return rc == SQLITE_OK ? l->own->pMethods->xRead(l->own, data, n, at) : rc;
}

static int on_sync(sqlite3_file *f, int flags)
{
    struct log *l = log_of(f);
    int rc = flush(l);
    return rc == SQLITE_OK ? l->own->pMethods->xSync(l->own, flags) : rc;
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct log *l = log_of(f);
    int rc = flush(l);
    if (size == 0 && l->file.pMethods == &methods)
        begins_anew(l);
    return rc == SQLITE_OK ? l->own->pMethods->xTruncate(l->own, size) : rc;
}

static int on_size(sqlite3_file *f, sqlite3_int64 *size)
{
    struct log *l = log_of(f);
    int rc = flush(l);
    return rc == SQLITE_OK ? l->own->pMethods->xFileSize(l->own, size) : rc;
}

static int on_close(sqlite3_file *f)
{
    struct log *l = log_of(f);
    int rc = flush(l), closed = l->own->pMethods->xClose(l->own);
    free(l->bytes);
    l->bytes = NULL;
    return rc == SQLITE_OK ? closed : rc;
}

static int on_lock(sqlite3_file *f, int level)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xLock(l->own, level);
}

static int on_unlock(sqlite3_file *f, int level)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xUnlock(l->own, level);
}

static int on_reserved(sqlite3_file *f, int *out)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xCheckReservedLock(l->own, out);
}

static int on_control(sqlite3_file *f, int op, void *arg)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xFileControl(l->own, op, arg);
}

static int on_sector(sqlite3_file *f)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xSectorSize(l->own);
}

static int on_traits(sqlite3_file *f)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xDeviceCharacteristics(l->own);
}

static const sqlite3_io_methods methods = {.iVersion = 1, .xClose = on_close, .xRead = on_read, .xWrite = on_write, .xTruncate = on_truncate, .xSync = on_sync,
                                           .xFileSize = on_size, .xLock = on_lock, .xUnlock = on_unlock, .xCheckReservedLock = on_reserved,
                                           .xFileControl = on_control, .xSectorSize = on_sector, .xDeviceCharacteristics = on_traits};

/* ---- a database: written by checkpoints; all but its writes is the system's own ---- */

static int database_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    struct log *l = log_of(f);
    int rc = l->own->pMethods->xWrite(l->own, data, n, at);
    unsynced = paced ? unsynced + n : 0;
    if (rc != SQLITE_OK || unsynced < STEP)
        return rc;
    unsynced = 0;
    return l->own->pMethods->xSync(l->own, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

static int database_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xShmMap(l->own, page, size, extend, out);
}

static int database_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xShmLock(l->own, offset, n, flags);
}

static void database_barrier(sqlite3_file *f)
{
    struct log *l = log_of(f);
    l->own->pMethods->xShmBarrier(l->own);
}

static int database_unmap(sqlite3_file *f, int remove)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xShmUnmap(l->own, remove);
}

static int database_fetch(sqlite3_file *f, sqlite3_int64 at, int n, void **out)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xFetch(l->own, at, n, out);
}

static int database_unfetch(sqlite3_file *f, sqlite3_int64 at, void *page)
{
    struct log *l = log_of(f);
    return l->own->pMethods->xUnfetch(l->own, at, page);
}

static const sqlite3_io_methods database_methods = {.iVersion = 3, .xClose = on_close, .xRead = on_read, .xWrite = database_write, .xTruncate = on_truncate, .xSync = on_sync,
                                                    .xFileSize = on_size, .xLock = on_lock, .xUnlock = on_unlock, .xCheckReservedLock = on_reserved,
                                                    .xFileControl = on_control, .xSectorSize = on_sector, .xDeviceCharacteristics = on_traits, .xShmMap = database_map,
                                                    .xShmLock = database_shm_lock, .xShmBarrier = database_barrier, .xShmUnmap = database_unmap, .xFetch = database_fetch,
                                                    .xUnfetch = database_unfetch};

void wal_file_pace(bool on)
{
    paced = on;
    unsynced = 0;
}

/* Every other file is the system's, in the same room. */
static int on_open(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *out)
{
    sqlite3_vfs *system = v->pAppData;
    struct log *l = log_of(f);
    bool wal = flags & SQLITE_OPEN_WAL;
    if (!wal && !(flags & SQLITE_OPEN_MAIN_DB))
        return system->xOpen(system, path, f, flags, out);
    *l = (struct log){.own = (sqlite3_file *)(l + 1), .path = path};
    int rc = system->xOpen(system, path, l->own, flags, out);
    l->file.pMethods = rc != SQLITE_OK ? NULL : wal ? &methods : &database_methods; /* NULL: is not closed */
    return rc;
}

/* The system's other functions are used as they are: they do not look at the VFS they are given. */
static void make(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* before anything else: sums that nobody asks for, under a lock of all threads */
    page_cache_install();
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    if (!system)
        return;
    vfs = *system;
    vfs.pNext = NULL;
    vfs.zName = NAME;
    vfs.pAppData = system;
    vfs.szOsFile = (int)sizeof(struct log) + system->szOsFile;
    vfs.xOpen = on_open;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
        vfs.zName = NULL;
}

const char *wal_file_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
    return vfs.zName;
}
