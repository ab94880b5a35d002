/* Statements and rows of store.h. Each connection keeps its prepared statements. */
#include "records/store/sealed.h"
#include "records/store/store_private.h"
#include "server/base/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a: only to tell texts apart quickly, the texts themselves are compared too. */
static uint64_t hash_of(const char *sql)
{
    uint64_t h = 14695981039346656037u;
    for (; *sql; sql++)
        h = (h ^ (uint8_t)*sql) * 1099511628211u;
    return h;
}

static bool is(const struct cached *k, const char *sql, uint64_t hash)
{
    return k->sql && k->hash == hash && strcmp(k->sql, sql) == 0;
}

/* The cached statement of this text, or room for it: free, or idle the longest. NULL when the text's own is in a row loop. */
static struct cached *cache_slot(struct connection *c, const char *sql, uint64_t hash)
{
    struct cached *room = NULL;
    for (int i = 0; i < CACHED; i++) {
        struct cached *k = &c->cache[i];
        if (is(k, sql, hash))
            return k->busy ? NULL : k;
        if (!k->busy && (!room || k->used < room->used))
            room = k;
    }
    return room;
}

static int prepare(struct tx *tx, const char *sql, struct query *q)
{
    struct connection *c = tx->connection;
    uint64_t hash = hash_of(sql);
    struct cached *k = cache_slot(c, sql, hash);
    if (k && is(k, sql, hash))
        q->statement = k->statement;
    else {
        unsigned flags = k ? SQLITE_PREPARE_PERSISTENT : 0;
        int rc = sqlite3_prepare_v3(c->db, sql, -1, flags, &q->statement, NULL);
        if (rc != SQLITE_OK || !q->statement)
            return store_fail(tx, rc == SQLITE_OK ? SQLITE_MISUSE : rc, sql);
        if (k) {
            sqlite3_finalize(k->statement);
            free(k->sql);
            k->statement = q->statement;
            k->hash = hash;
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
    query_opened_free(q);
    if (q->cached) {
        sqlite3_reset(q->statement);
        sqlite3_clear_bindings(q->statement);
        q->cached->busy = false;
    } else
        sqlite3_finalize(q->statement);
    q->statement = NULL;
}

static int bind_sealed(struct tx *tx, sqlite3_stmt *st, int at, const struct sealed *v)
{
    size_t len;
    if (!v->text)
        return sqlite3_bind_null(st, at);
    void *value = sealed_make(tx->store, v, &len);
    if (!value)
        log_error("store", "a value of %s.%s cannot be sealed", sealed_places[v->column].table, sealed_places[v->column].column);
    return value ? sqlite3_bind_blob64(st, at, value, len, free) : SQLITE_MISUSE;
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
        } else if (*t == 's')
            rc = bind_sealed(tx, st, at, va_arg(args, const struct sealed *));
        else
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
        store_fail(tx, rc, sql);
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
        store_fail(tx, got, sql);
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
    query_opened_free(q);
    if (!q->statement || q->tx->error)
        return false;
    int rc = sqlite3_step(q->statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        store_fail(q->tx, rc, sqlite3_sql(q->statement));
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

/* Columns are mostly asked for in their order, so the search goes on where the last one ended. A column that is not there is a
 * programmer's error, found by the first run of any test. */
static int column(struct query *q, const char *name)
{
    int n = sqlite3_column_count(q->statement), i = q->at;
    for (int k = 0; k < n; k++, i++) {
        i = i >= n ? 0 : i;
        if (strcmp(sqlite3_column_name(q->statement, i), name) == 0) {
            q->at = i + 1;
            return i;
        }
    }
    log_error("store", "no column %s in: %.300s", name, sqlite3_sql(q->statement));
    abort();
}

int64_t query_int(struct query *q, const char *name)
{
    return sqlite3_column_int64(q->statement, column(q, name));
}

/* Bytes read as text are a programmer's error too: most likely a sealed column that is not opened (query_sealed). */
const char *query_text(struct query *q, const char *name)
{
    int i = column(q, name);
    if (sqlite3_column_type(q->statement, i) == SQLITE_BLOB) {
        log_error("store", "column %s holds no text in: %.300s", name, sqlite3_sql(q->statement));
        abort();
    }
    return (const char *)sqlite3_column_text(q->statement, i);
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
