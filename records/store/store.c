/* Connections and transactions of store.h, over whichever engine. Statements and rows: statement.c; the shape: migrate.c. */
#include "records/store/store_private.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The statement's text holds parameters, never values, and the engine's words hold column names: both may be logged. A broken
 * constraint is an answer for the caller to judge, not a fault of the system. */
int store_fail(struct tx *tx, int code, const char *sql)
{
    if (tx->error)
        return tx->error;
    if (code != ERR_CONFLICT)
        log_error("store", "%s: %.300s", tx->store->engine->message(tx->connection), sql);
    return tx->error = code;
}

/* ---- connections ---- */

void upsert_text_free(struct upsert_text *t)
{
    free(t->table);
    free(t->key);
    free(t->columns);
    free(t->sql);
    memset(t, 0, sizeof *t);
}

static void close_connection(struct connection *c)
{
    c->store->engine->disconnect(c);
    for (int i = 0; i < UPSERTS; i++)
        upsert_text_free(&c->upserts[i]);
    free(c);
}

static int open_connection(struct store *s, enum tx_mode mode, struct connection **out)
{
    struct connection *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return ERR_UNAVAILABLE;
    c->mode = mode;
    c->store = s;
    int rc = s->engine->connect(c);
    if (rc) {
        log_error("store", "cannot open the database: %s", s->engine->message(c));
        close_connection(c);
        return rc;
    }
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
    if (!s->engine->usable(c)) {
        close_connection(c);
        return;
    }
    pthread_mutex_lock(&s->lock);
    c->next = s->free[c->mode];
    s->free[c->mode] = c;
    pthread_mutex_unlock(&s->lock);
}

static bool is_postgres(const char *where)
{
    return strncmp(where, "postgresql://", 13) == 0 || strncmp(where, "postgres://", 11) == 0;
}

/* YL_TEST_DATABASE names a server for tests: each data folder has a schema of its own there. */
int store_locate(const char *database, const char *data_dir, char *out, size_t cap, struct fault *f)
{
    const char *server = getenv("YL_TEST_DATABASE");
    int n;
    if (database && *database)
        n = snprintf(out, cap, "%s", database);
    else if (server && *server) {
        uint8_t digest[32];
        char name[25];
        crypto_sha256(data_dir, strlen(data_dir), digest);
        n = hex_encode(digest, 12, name, sizeof name) < 0 ? -1
            : snprintf(out, cap, "%s%coptions=-csearch_path%%3Dyl_%s", server, strchr(server, '?') ? '&' : '?', name);
    } else
        n = snprintf(out, cap, "%s/yilian.db", data_dir);
    return n >= 0 && (size_t)n < cap ? 0 : fault_set(f, ERR_INVALID, "database", "The database's address is too long.");
}

bool store_is_file(const struct store *s)
{
    return s->engine == &engine_sqlite;
}

int store_open(struct store **out, const char *where, struct fault *f)
{
    struct store *s = calloc(1, sizeof *s);
    struct connection *first;
    pthread_mutexattr_t attributes;
    *out = NULL;
    if (!s || strlen(where) >= sizeof s->where) {
        free(s);
        return fault_set(f, ERR_STORAGE, "database", "The database's path is too long.");
    }
    strcpy(s->where, where);
    s->engine = is_postgres(where) ? &engine_postgres : &engine_sqlite;
    s->m_stuck = metric_gauge("yilian_store_stuck", "1 = the last transaction that wrote could not be committed: disk full or read-only", NULL);
    s->late = late_open();
    int rc = s->late ? s->engine->create(s, f) : fault_set(f, ERR_UNAVAILABLE, "database", "Out of memory.");
    if (rc) {
        late_close(s->late);
        free(s);
        return rc;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK); /* a write inside a write is found, not waited for */
    pthread_mutex_init(&s->writer, &attributes);
    pthread_mutexattr_destroy(&attributes);
    rc = open_connection(s, TX_WRITE, &first);
    if (rc) {
        store_close(s);
        return fault_set(f, rc, "database", "Cannot use %s as a database.", is_postgres(where) ? "the PostgreSQL server" : where);
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
    fed_free(s->fed.first);
    late_close(s->late);
    free(s);
}

void store_checkpoint_on(struct store *s, int (*due)(void *ctx), void *ctx)
{
    s->checkpoint_due = due;
    s->checkpoint_ctx = ctx;
}

void store_checkpoint(struct store *s)
{
    if (s->engine->checkpoint)
        s->engine->checkpoint(s);
}

int store_look(struct store *s, struct store_facts *out)
{
    struct connection *c;
    memset(out, 0, sizeof *out);
    out->engine = s->engine->name;
    out->damaged = store_damaged();
    int rc = store_take(s, TX_READ, &c);
    if (rc)
        return rc;
    rc = s->engine->look(c, out);
    store_give(s, c);
    return rc;
}

int store_backup(struct store *s, const char *to_path, struct fault *f)
{
    return s->engine->backup(s, to_path, f);
}

/* ---- transactions ---- */

/* A connection that was kept may lead to a server that is gone; then nothing has been asked of it yet, and a new one, perhaps to the server that
 * took its place, is as good. */
static int start(struct tx *tx, enum tx_mode mode)
{
    struct store *s = tx->store;
    int rc;
    bool again;
    do {
        if ((rc = store_take(s, mode, &tx->connection)))
            return rc;
        if ((rc = s->engine->begin(tx->connection)) == 0)
            return 0;
        again = !s->engine->usable(tx->connection);
        store_fail(tx, rc, "BEGIN");
        store_give(s, tx->connection);
        tx->error = 0;
    } while (again && rc == ERR_UNAVAILABLE);
    return rc;
}

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
    int rc = start(tx, mode);
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
    fed_free(tx->lines.first);
    store_give(s, tx->connection);
    if (write)
        pthread_mutex_unlock(&s->writer);
    free(tx);
}

/* Said once each way: what failed says itself what it could not do. */
static void know_if_stuck(struct store *s, bool stuck)
{
    if (atomic_exchange(&s->stuck, stuck) == stuck)
        return;
    metric_set(s->m_stuck, stuck);
    if (stuck)
        log_error("store", "NOTHING CAN BE WRITTEN: whoever writes is told so, other systems keep their messages; it goes on by itself when there is room again");
    else
        log_info("store", "the database can be written again");
}

bool store_is_stuck(const struct store *s)
{
    return s->stuck;
}

void store_try_writing(struct store *s)
{
    struct tx *tx;
    if (!s->stuck || tx_begin(s, TX_WRITE, &tx))
        return;
    (void)!tx_exec(tx, "UPDATE audit_counted SET seq=seq WHERE id=1", "");
    (void)!tx_commit(tx);
}

int tx_commit(struct tx *tx)
{
    const struct engine *e = tx->store->engine;
    int rc = tx->error;
    if (rc == 0 && (rc = e->commit(tx->connection)))
        store_fail(tx, rc, "COMMIT");
    if (rc == ERR_STORAGE || (rc == 0 && tx->written))
        know_if_stuck(tx->store, rc != 0);
    if (rc)
        e->rollback(tx->connection);
    else if (tx->lines.first || tx->lines.cut)
        fed_commit(tx);
    end(tx);
    return rc;
}

void tx_rollback(struct tx *tx)
{
    if (!tx)
        return;
    tx->store->engine->rollback(tx->connection);
    end(tx);
}

/* The words of a part come with every write: prepared, as everything else. */
static int part(struct tx *tx, const char *sql)
{
    if (tx->error)
        return tx->error;
    int rc = tx->store->engine->run(tx->connection, sql, NULL, 0);
    return rc ? store_fail(tx, rc, sql) : 0;
}

int tx_savepoint(struct tx *tx)
{
    return part(tx, "SAVEPOINT part");
}

int tx_savepoint_release(struct tx *tx)
{
    if (tx_check(tx))
        return tx->error;
    return part(tx, "RELEASE part");
}

/* An error grave enough that the engine ended the transaction by itself makes the ROLLBACK TO fail: then all is lost. */
int tx_savepoint_rollback(struct tx *tx)
{
    (void)tx_check(tx);
    tx->error = 0;
    fed_undo(tx);
    tx->late = LATE_UNDONE;
    int rc = tx->store->engine->script(tx->connection, "ROLLBACK TO part; RELEASE part"); /* nothing can be prepared behind a failed statement */
    return rc ? store_fail(tx, rc, "ROLLBACK TO part") : 0;
}

int tx_error(const struct tx *tx)
{
    return tx->error;
}

uint64_t tx_written(const struct tx *tx)
{
    return tx->written;
}
