/* SQLite behind store.h: connections and transactions. Statements and rows: statement.c; the file: store_file.c. */
#include "records/store/store_private.h"
#include "server/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 5000   /* another process (yilianctl) may be writing */
#define BUSY_STEP_US 500
#define LOG_PAGES 1000 /* 4 MB */

/* ---- errors ---- */

int store_code(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_UNAVAILABLE;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_STORAGE;
    default:
        return ERR_INTERNAL;
    }
}

/* The statement's text holds parameters, never values, and SQLite's words hold column names: both may be logged. A broken
 * constraint is an answer for the caller to judge, not a fault of the system. */
int store_fail(struct tx *tx, int rc, const char *sql)
{
    int code = store_code(rc);
    if (tx->error)
        return tx->error;
    if (code != ERR_CONFLICT)
        log_error("store", "%s: %.300s", sqlite3_errmsg(tx->connection->db), sql);
    return tx->error = code;
}

/* ---- connections ---- */

static void close_connection(struct connection *c)
{
    for (int i = 0; i < CACHED; i++) {
        sqlite3_finalize(c->cache[i].statement);
        free(c->cache[i].sql);
    }
    sqlite3_close(c->db);
    free(c);
}

/* Takes the place of SQLite's own automatic checkpoint, which would run on the committing thread. */
static int after_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct store *s = ((struct connection *)ctx)->store;
    (void)db;
    (void)name;
    s->log_pages = pages;
    if (pages >= LOG_PAGES && !atomic_flag_test_and_set(&s->checkpointing) && s->checkpoint_due(s->checkpoint_ctx))
        atomic_flag_clear(&s->checkpointing);
    return SQLITE_OK;
}

void store_checkpoint_on(struct store *s, int (*due)(void *ctx), void *ctx)
{
    s->checkpoint_due = due;
    s->checkpoint_ctx = ctx;
    for (struct connection *c = s->free[TX_WRITE]; c; c = c->next)
        sqlite3_wal_hook(c->db, after_commit, c);
}

/* Two processes write in turns. SQLite's own waiting sleeps ever longer and then never meets the short gap between two transactions of a
 * busy daemon; short steps do. */
static int wait_turn(void *ctx, int tries)
{
    (void)ctx;
    if (tries >= BUSY_MS * 1000 / BUSY_STEP_US)
        return 0;
    usleep(BUSY_STEP_US);
    return 1;
}

static int open_connection(struct store *s, enum tx_mode mode, struct connection **out)
{
    static const char settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                                   "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2000; PRAGMA trusted_schema=OFF;";
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_UNAVAILABLE;
    c->mode = mode;
    c->store = s;
    int rc = sqlite3_open_v2(s->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_handler(c->db, wait_turn, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->db, settings, NULL, NULL, NULL);
    if (rc == SQLITE_OK && mode == TX_READ)
        rc = sqlite3_exec(c->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        log_error("store", "cannot open the database: %s", c->db ? sqlite3_errmsg(c->db) : "out of memory");
        close_connection(c);
        return store_code(rc);
    }
    if (mode == TX_WRITE && s->checkpoint_due)
        sqlite3_wal_hook(c->db, after_commit, c);
    *out = c;
    return 0;
}

int store_take(struct store *s, enum tx_mode mode, struct connection **out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->free[mode];
    if (*out)
        s->free[mode] = (*out)->next;
    pthread_mutex_unlock(&s->lock);
    return *out ? 0 : open_connection(s, mode, out);
}

void store_give(struct store *s, struct connection *c)
{
    pthread_mutex_lock(&s->lock);
    c->next = s->free[c->mode];
    s->free[c->mode] = c;
    pthread_mutex_unlock(&s->lock);
}

int store_open(struct store **out, const char *path, struct fault *f)
{
    struct store *s = calloc(1, sizeof *s);
    struct connection *first;
    pthread_mutexattr_t attributes;
    *out = NULL;
    if (!s || strlen(path) >= sizeof s->path) {
        free(s);
        return fault_set(f, ERR_STORAGE, "database", "The database's path is too long.");
    }
    strcpy(s->path, path);
    /* made here, so that it and what SQLite puts beside it (same mode) are readable by this account alone */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        int rc = fault_set(f, ERR_STORAGE, "database", "Cannot open %s: %s.", path, strerror(errno));
        free(s);
        return rc;
    }
    close(fd);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK); /* a write inside a write is found, not waited for */
    pthread_mutex_init(&s->writer, &attributes);
    pthread_mutexattr_destroy(&attributes);
    int rc = open_connection(s, TX_WRITE, &first);
    if (rc) {
        store_close(s);
        return fault_set(f, rc, "database", "Cannot use %s as a database.", path);
    }
    store_give(s, first);
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (int mode = 0; mode < 2; mode++)
        while (s->free[mode]) {
            struct connection *c = s->free[mode];
            s->free[mode] = c->next;
            close_connection(c);
        }
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->writer);
    explicit_bzero(s->keys, sizeof s->keys);
    free(s);
}

/* ---- transactions ---- */

int tx_begin(struct store *s, enum tx_mode mode, struct tx **out)
{
    struct tx *tx = calloc(1, sizeof *tx);
    *out = NULL;
    if (!tx)
        return ERR_UNAVAILABLE;
    if (mode == TX_WRITE && pthread_mutex_lock(&s->writer)) {
        log_error("store", "a write transaction inside another");
        free(tx);
        return ERR_INTERNAL;
    }
    tx->store = s;
    int rc = store_take(s, mode, &tx->connection);
    if (rc == 0) {
        const char *begin = mode == TX_WRITE ? "BEGIN IMMEDIATE" : "BEGIN";
        int got = sqlite3_exec(tx->connection->db, begin, NULL, NULL, NULL);
        if (got != SQLITE_OK) {
            rc = store_fail(tx, got, begin);
            store_give(s, tx->connection);
        }
    }
    if (rc) {
        if (mode == TX_WRITE)
            pthread_mutex_unlock(&s->writer);
        free(tx);
        return rc;
    }
    *out = tx;
    return 0;
}

static void end(struct tx *tx)
{
    bool write = tx->connection->mode == TX_WRITE;
    struct store *s = tx->store;
    store_give(s, tx->connection);
    if (write)
        pthread_mutex_unlock(&s->writer);
    free(tx);
}

int tx_commit(struct tx *tx)
{
    int rc = tx->error;
    if (rc == 0) {
        int got = sqlite3_exec(tx->connection->db, "COMMIT", NULL, NULL, NULL);
        rc = got == SQLITE_OK ? 0 : store_fail(tx, got, "COMMIT");
    }
    if (rc && !sqlite3_get_autocommit(tx->connection->db))
        sqlite3_exec(tx->connection->db, "ROLLBACK", NULL, NULL, NULL);
    end(tx);
    return rc;
}

void tx_rollback(struct tx *tx)
{
    if (!tx)
        return;
    if (!sqlite3_get_autocommit(tx->connection->db))
        sqlite3_exec(tx->connection->db, "ROLLBACK", NULL, NULL, NULL);
    end(tx);
}

static int savepoint(struct tx *tx, const char *sql)
{
    if (tx->error)
        return tx->error;
    int got = sqlite3_exec(tx->connection->db, sql, NULL, NULL, NULL);
    return got == SQLITE_OK ? 0 : store_fail(tx, got, sql);
}

int tx_savepoint(struct tx *tx)
{
    return savepoint(tx, "SAVEPOINT part");
}

int tx_savepoint_release(struct tx *tx)
{
    return savepoint(tx, "RELEASE part");
}

/* An error grave enough that SQLite ended the transaction by itself makes the ROLLBACK TO fail: then all is lost. */
int tx_savepoint_rollback(struct tx *tx)
{
    tx->error = 0;
    return savepoint(tx, "ROLLBACK TO part; RELEASE part");
}

int tx_error(const struct tx *tx)
{
    return tx->error;
}

int64_t tx_changes(const struct tx *tx)
{
    return tx->error ? 0 : tx->changes;
}
