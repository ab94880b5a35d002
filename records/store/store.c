/* SQLite behind store.h: connections, transactions, statements, rows. */
#include "records/store/store.h"
#include "server/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHED 96        /* prepared statements a connection keeps */
#define BUSY_MS 5000     /* another process (yilianctl) may be writing */
#define BUSY_STEP_US 500

struct cached {
    char *sql;
    sqlite3_stmt *statement;
    bool busy; /* a row loop is on it */
    uint64_t used;
};

struct connection {
    struct connection *next; /* in its free list */
    enum tx_mode mode;
    sqlite3 *db;
    struct cached cache[CACHED];
    uint64_t stamp;
};

struct store {
    char path[600];
    pthread_mutex_t lock; /* the free lists */
    struct connection *free[2];
    pthread_mutex_t writer; /* one write transaction at a time; held from begin to end */
};

struct query {
    struct tx *tx;
    sqlite3_stmt *statement;
    struct cached *cached; /* NULL: a statement of its own */
};

struct tx {
    struct store *store;
    struct connection *connection;
    int error;
    int64_t changes;
};

/* ---- errors ---- */

static int code_of(int rc)
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
static int fail(struct tx *tx, int rc, const char *sql)
{
    int code = code_of(rc);
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
        return code_of(rc);
    }
    *out = c;
    return 0;
}

static int take_connection(struct store *s, enum tx_mode mode, struct connection **out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->free[mode];
    if (*out)
        s->free[mode] = (*out)->next;
    pthread_mutex_unlock(&s->lock);
    return *out ? 0 : open_connection(s, mode, out);
}

static void give_connection(struct store *s, struct connection *c)
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
    give_connection(s, first);
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
    int rc = take_connection(s, mode, &tx->connection);
    if (rc == 0) {
        const char *begin = mode == TX_WRITE ? "BEGIN IMMEDIATE" : "BEGIN";
        int got = sqlite3_exec(tx->connection->db, begin, NULL, NULL, NULL);
        if (got != SQLITE_OK) {
            rc = fail(tx, got, begin);
            give_connection(s, tx->connection);
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
    give_connection(s, tx->connection);
    if (write)
        pthread_mutex_unlock(&s->writer);
    free(tx);
}

int tx_commit(struct tx *tx)
{
    int rc = tx->error;
    if (rc == 0) {
        int got = sqlite3_exec(tx->connection->db, "COMMIT", NULL, NULL, NULL);
        rc = got == SQLITE_OK ? 0 : fail(tx, got, "COMMIT");
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
    return got == SQLITE_OK ? 0 : fail(tx, got, sql);
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

/* ---- statements ---- */

/* The cached statement of this text, or room for it: free, or idle the longest. NULL when the text's own is in a row loop. */
static struct cached *cache_slot(struct connection *c, const char *sql)
{
    struct cached *room = NULL;
    for (int i = 0; i < CACHED; i++) {
        struct cached *k = &c->cache[i];
        if (k->sql && strcmp(k->sql, sql) == 0)
            return k->busy ? NULL : k;
        if (!k->busy && (!room || k->used < room->used))
            room = k;
    }
    return room;
}

static int prepare(struct tx *tx, const char *sql, struct query *q)
{
    struct connection *c = tx->connection;
    struct cached *k = cache_slot(c, sql);
    if (k && k->sql && strcmp(k->sql, sql) == 0)
        q->statement = k->statement;
    else {
        unsigned flags = k ? SQLITE_PREPARE_PERSISTENT : 0;
        int rc = sqlite3_prepare_v3(c->db, sql, -1, flags, &q->statement, NULL);
        if (rc != SQLITE_OK || !q->statement)
            return fail(tx, rc == SQLITE_OK ? SQLITE_MISUSE : rc, sql);
        if (k) {
            sqlite3_finalize(k->statement);
            free(k->sql);
            k->statement = q->statement;
            k->sql = strdup(sql); /* NULL: found by nobody, replaced soon */
        }
    }
    q->cached = k;
    if (k) {
        k->busy = true;
        k->used = ++c->stamp;
    }
    return 0;
}

static void release(struct query *q)
{
    if (q->cached) {
        sqlite3_reset(q->statement);
        sqlite3_clear_bindings(q->statement);
        q->cached->busy = false;
    } else
        sqlite3_finalize(q->statement);
    q->statement = NULL;
}

/* "$1" is a name to SQLite, so its place is asked for (the second $1 of a text shares it). */
static int bind(struct tx *tx, struct query *q, const char *sql, const char *types, va_list args)
{
    sqlite3_stmt *st = q->statement;
    int n = 0, rc = SQLITE_OK;
    for (const char *t = types; t && *t && rc == SQLITE_OK; t++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", ++n);
        int at = sqlite3_bind_parameter_index(st, name);
        if (*t == 'i')
            rc = sqlite3_bind_int64(st, at, va_arg(args, int64_t));
        else if (*t == 't') {
            const char *text = va_arg(args, const char *);
            rc = text ? sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT) : sqlite3_bind_null(st, at);
        } else if (*t == 'b') {
            const void *data = va_arg(args, const void *);
            size_t len = va_arg(args, size_t);
            rc = sqlite3_bind_blob64(st, at, data ? data : "", len, SQLITE_TRANSIENT);
        } else
            rc = *t == 'n' ? sqlite3_bind_null(st, at) : SQLITE_MISUSE;
    }
    if (rc == SQLITE_OK && sqlite3_bind_parameter_count(st) == n)
        return 0;
    log_error("store", "parameters do not fit the statement: %.300s", sql);
    return tx->error = ERR_INTERNAL;
}

static int start(struct tx *tx, struct query *q, const char *sql, const char *types, va_list args)
{
    *q = (struct query){.tx = tx};
    int rc = tx->error ? tx->error : prepare(tx, sql, q);
    if (rc == 0 && (rc = bind(tx, q, sql, types, args)))
        release(q);
    return rc;
}

static int run(struct tx *tx, const char *sql, const char *types, va_list args)
{
    struct query q;
    if (start(tx, &q, sql, types, args))
        return tx->error;
    int rc = sqlite3_step(q.statement);
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(q.statement);
    if (rc != SQLITE_DONE)
        fail(tx, rc, sql);
    tx->changes = sqlite3_changes64(tx->connection->db);
    release(&q);
    return tx->error;
}

int tx_exec(struct tx *tx, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int rc = run(tx, sql, types, args);
    va_end(args);
    return rc;
}

int64_t tx_int(struct tx *tx, int64_t fallback, const char *sql, const char *types, ...)
{
    struct query q;
    va_list args;
    va_start(args, types);
    int rc = start(tx, &q, sql, types, args);
    va_end(args);
    if (rc)
        return fallback;
    int got = sqlite3_step(q.statement);
    int64_t value = fallback;
    if (got == SQLITE_ROW && sqlite3_column_type(q.statement, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(q.statement, 0);
    else if (got != SQLITE_ROW && got != SQLITE_DONE)
        fail(tx, got, sql);
    release(&q);
    return value;
}

int tx_upsert(struct tx *tx, const char *table, const char *key, const char *columns, const char *types, ...)
{
    char sql[4096], updates[2048] = "", keys[256];
    size_t n = (size_t)snprintf(sql, sizeof sql, "INSERT INTO %s (%s) VALUES (", table, columns), u = 0;
    int parameters = 0;
    va_list args;
    snprintf(keys, sizeof keys, ",%s,", key ? key : "");
    for (const char *c = columns; *c && n < sizeof sql; parameters++) {
        size_t len = strcspn(c, ",");
        char name[80];
        n += (size_t)snprintf(sql + n, sizeof sql - n, "%s$%d", parameters ? "," : "", parameters + 1);
        snprintf(name, sizeof name, ",%.*s,", (int)len, c);
        if (key && !strstr(keys, name) && u < sizeof updates)
            u += (size_t)snprintf(updates + u, sizeof updates - u, "%s%.*s=excluded.%.*s", u ? "," : "", (int)len, c, (int)len, c);
        c += len + (c[len] == ',');
    }
    if (n < sizeof sql)
        n += (size_t)(u ? snprintf(sql + n, sizeof sql - n, ") ON CONFLICT (%s) DO UPDATE SET %s", key, updates)
                        : snprintf(sql + n, sizeof sql - n, ") ON CONFLICT DO NOTHING"));
    if (n >= sizeof sql || u >= sizeof updates)
        return tx->error = tx->error ? tx->error : ERR_INTERNAL;
    va_start(args, types);
    int rc = run(tx, sql, types, args);
    va_end(args);
    return rc;
}

/* ---- rows ---- */

struct query *tx_query(struct tx *tx, const char *sql, const char *types, ...)
{
    struct query *q = calloc(1, sizeof *q);
    va_list args;
    if (!q)
        abort(); /* callers rely on an object; a few bytes cannot be had: nothing else would work either */
    va_start(args, types);
    if (start(tx, q, sql, types, args))
        q->statement = NULL;
    va_end(args);
    return q;
}

bool query_next(struct query *q)
{
    if (!q->statement || q->tx->error)
        return false;
    int rc = sqlite3_step(q->statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        fail(q->tx, rc, sqlite3_sql(q->statement));
    return rc == SQLITE_ROW;
}

int query_end(struct query *q)
{
    int rc = q->tx->error;
    if (q->statement)
        release(q);
    free(q);
    return rc;
}

/* A column that is not there is a programmer's error, found by the first run of any test. */
static int column(struct query *q, const char *name)
{
    int n = sqlite3_column_count(q->statement);
    for (int i = 0; i < n; i++)
        if (strcmp(sqlite3_column_name(q->statement, i), name) == 0)
            return i;
    log_error("store", "no column %s in: %.300s", name, sqlite3_sql(q->statement));
    abort();
}

int64_t query_int(struct query *q, const char *name)
{
    return sqlite3_column_int64(q->statement, column(q, name));
}

const char *query_text(struct query *q, const char *name)
{
    return (const char *)sqlite3_column_text(q->statement, column(q, name));
}

const void *query_blob(struct query *q, const char *name, size_t *len)
{
    int i = column(q, name);
    const void *data = sqlite3_column_blob(q->statement, i);
    *len = (size_t)sqlite3_column_bytes(q->statement, i);
    return data;
}

bool query_null(struct query *q, const char *name)
{
    return sqlite3_column_type(q->statement, column(q, name)) == SQLITE_NULL;
}

/* ---- feed ---- */

/* One writer at a time: the next number is the greatest and one; what is rolled back leaves no gap. */
int tx_feed(struct tx *tx, const char *topic, const char *key, const char *payload_json)
{
    int64_t seq = tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM feed", "") + 1;
    return tx_exec(tx, "INSERT INTO feed (seq, t_ms, topic, key, payload) VALUES ($1,$2,$3,$4,$5)", "iittt", seq,
                   clock_now_ms(&clock_system), topic, key, payload_json);
}

/* ---- migrations and backup ---- */

static int raw_exec(struct connection *c, const char *sql, struct fault *f, const char *what)
{
    char *why = NULL;
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, &why);
    if (rc == SQLITE_OK)
        return 0;
    int code = fault_set(f, code_of(rc) == ERR_CONFLICT ? ERR_STORAGE : code_of(rc), "migration", "%s: %s", what, why ? why : "");
    sqlite3_free(why);
    return code;
}

int store_version(struct store *s)
{
    struct tx *tx;
    if (tx_begin(s, TX_READ, &tx))
        return -1;
    int64_t version = tx_int(tx, -1, "PRAGMA user_version", "");
    tx_rollback(tx);
    return (int)version;
}

static int migrate_one(struct connection *c, const struct migration *m, struct fault *f)
{
    char set[64];
    snprintf(set, sizeof set, "PRAGMA user_version=%d", m->version);
    int rc = raw_exec(c, "BEGIN IMMEDIATE", f, m->what);
    rc = rc ? rc : raw_exec(c, m->sql, f, m->what);
    rc = rc ? rc : raw_exec(c, set, f, m->what);
    rc = rc ? rc : raw_exec(c, "COMMIT", f, m->what);
    if (rc && !sqlite3_get_autocommit(c->db))
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

int store_migrate(struct store *s, struct fault *f)
{
    struct connection *c;
    int have = store_version(s), newest = 0;
    for (const struct migration *m = store_migrations; m->sql; m++)
        newest = m->version;
    if (have < 0)
        return fault_set(f, ERR_STORAGE, "database", "The database cannot be read.");
    if (have > newest)
        return fault_set(f, ERR_STORAGE, "newer_database", "The database is of version %d, this program knows %d.", have, newest);
    pthread_mutex_lock(&s->writer);
    int rc = take_connection(s, TX_WRITE, &c);
    for (const struct migration *m = store_migrations; rc == 0 && m->sql; m++)
        if (m->version > have)
            rc = migrate_one(c, m, f);
    if (c)
        give_connection(s, c);
    pthread_mutex_unlock(&s->writer);
    return rc;
}

int store_backup(struct store *s, const char *to_path, struct fault *f)
{
    struct connection *c;
    sqlite3 *to = NULL;
    int fd = open(to_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(f, ERR_STORAGE, "backup", "Cannot make %s: %s.", to_path, strerror(errno));
    close(fd);
    int code = take_connection(s, TX_READ, &c);
    if (code)
        return fault_set(f, code, "backup", "The database cannot be read.");
    int rc = sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE, NULL);
    sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", c->db, "main") : NULL;
    while (b && ((rc = sqlite3_backup_step(b, 512)) == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED))
        if (rc != SQLITE_OK)
            sqlite3_sleep(20);
    if (b && sqlite3_backup_finish(b) != SQLITE_OK)
        rc = SQLITE_IOERR;
    sqlite3_close(to);
    give_connection(s, c);
    if (b && rc == SQLITE_DONE)
        return 0;
    unlink(to_path);
    return fault_set(f, ERR_STORAGE, "backup", "The copy failed; %s was removed.", to_path);
}
