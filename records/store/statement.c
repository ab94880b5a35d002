/* Statements and rows of store.h, over whichever engine. */
#include "records/store/sealed.h"
#include "records/store/store_private.h"
#include "server/base/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 64
#define UPSERT_TRIES 4

/* What a statement is given: the values, and the sealed ones among them, which are this function's own. */
struct values {
    struct value list[VALUES_MAX];
    void *sealed[VALUES_MAX];
    int n;
};

static void free_values(struct values *v)
{
    for (int i = 0; i < v->n; i++)
        free(v->sealed[i]);
}

static int seal(struct tx *tx, const struct sealed *s, struct values *v)
{
    struct value *to = &v->list[v->n];
    *to = (struct value){.type = 'b'};
    if (!s->text)
        return 0;
    void *value = v->sealed[v->n] = sealed_make(tx->store, s, &to->len);
    if (!value) {
        log_error("store", "a value of %s.%s cannot be sealed", sealed_places[s->column].table, sealed_places[s->column].column);
        return ERR_INTERNAL;
    }
    to->data = value;
    return 0;
}

static int read_values(struct tx *tx, const char *types, va_list args, struct values *v)
{
    int rc = 0;
    v->n = 0;
    for (const char *t = types; t && *t && rc == 0; t++, v->n++) {
        struct value *to = &v->list[v->n];
        if (v->n == VALUES_MAX)
            return ERR_INTERNAL;
        v->sealed[v->n] = NULL;
        *to = (struct value){.type = 'n'};
        if (*t == 'i')
            *to = (struct value){.type = 'i', .integer = va_arg(args, int64_t)};
        else if (*t == 't') {
            const char *text = va_arg(args, const char *);
            *to = (struct value){.type = 't', .data = text, .len = text ? strlen(text) : 0};
        } else if (*t == 'b') {
            const void *data = va_arg(args, const void *);
            *to = (struct value){.type = 'b', .data = data ? data : "", .len = va_arg(args, size_t)};
        } else if (*t == 's')
            rc = seal(tx, va_arg(args, const struct sealed *), v);
        else if (*t != 'n')
            rc = ERR_INTERNAL;
    }
    return rc;
}

static int told(struct tx *tx, int rc, const char *sql)
{
    if (rc != ERR_MALFORMED)
        return store_fail(tx, rc, sql);
    log_error("store", "parameters do not fit the statement: %.300s", sql);
    return tx->error = ERR_INTERNAL;
}

/* v is the caller's to free: after the rows' end when `held`. */
static int start(struct tx *tx, const char *sql, struct values *v, bool held, struct rows **out)
{
    *out = NULL;
    int rc = tx->store->engine->start(tx->connection, sql, v->list, v->n, held, out);
    return rc ? told(tx, rc, sql) : 0;
}

static int values_of(struct tx *tx, const char *sql, const char *types, va_list args, struct values *v)
{
    v->n = 0;
    if (tx->error)
        return tx->error;
    int rc = read_values(tx, types, args, v);
    return rc ? store_fail(tx, rc, sql) : 0;
}

static int run(struct tx *tx, const char *sql, const char *types, va_list args)
{
    struct values v;
    tx->written++;
    if (values_of(tx, sql, types, args, &v) == 0) {
        int rc = tx->store->engine->run(tx->connection, sql, v.list, v.n);
        (void)!(rc ? told(tx, rc, sql) : 0);
    }
    free_values(&v);
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

int64_t tx_changes(struct tx *tx)
{
    int64_t n = 0;
    int rc = tx->error ? 0 : tx->store->engine->settle(tx->connection, &n);
    if (rc)
        store_fail(tx, rc, "before this");
    return tx->error ? 0 : n;
}

int tx_check(struct tx *tx)
{
    (void)tx_changes(tx);
    return tx->error;
}

/* An engine without better takes them row by row. */
static int one_by_one(struct tx *tx, const char *sql, int width, const int64_t *rows, size_t n)
{
    struct value values[NUMBERS_MAX];
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        for (int k = 0; k < width; k++)
            values[k] = (struct value){.type = 'i', .integer = rows[i * (size_t)width + (size_t)k]};
        rc = tx->store->engine->run(tx->connection, sql, values, width);
    }
    return rc;
}

int tx_insert_numbers(struct tx *tx, const char *table, const char *columns, int width, const int64_t *rows, size_t n)
{
    const struct engine *e = tx->store->engine;
    char sql[300];
    if (tx->error || !n)
        return tx->error;
    size_t at = (size_t)snprintf(sql, sizeof sql, "INSERT INTO %s (%s) VALUES (", table, columns);
    for (int i = 0; i < width && at < sizeof sql; i++)
        at += (size_t)snprintf(sql + at, sizeof sql - at, "$%d%s", i + 1, i + 1 == width ? ")" : ",");
    tx->written += n;
    bool fits = width <= NUMBERS_MAX && at < sizeof sql;
    int rc = !fits ? ERR_MALFORMED : e->insert_numbers && n > 1 ? e->insert_numbers(tx->connection, table, columns, width, rows, n) : one_by_one(tx, sql, width, rows, n);
    return rc ? told(tx, rc, sql) : 0;
}

static int64_t one_int(struct tx *tx, int64_t fallback, const char *sql, struct values *v)
{
    const struct engine *e = tx->store->engine;
    struct rows *rows;
    bool row;
    int64_t value = fallback;
    if (start(tx, sql, v, true, &rows))
        return fallback;
    int rc = e->step(rows, &row);
    if (rc)
        store_fail(tx, rc, sql);
    else if (row && e->kind(rows, 0) != KIND_NULL)
        value = e->integer(rows, 0);
    e->end(rows);
    return value;
}

int64_t tx_int(struct tx *tx, int64_t fallback, const char *sql, const char *types, ...)
{
    struct values v;
    va_list args;
    va_start(args, types);
    int rc = values_of(tx, sql, types, args, &v);
    va_end(args);
    int64_t value = rc ? fallback : one_int(tx, fallback, sql, &v);
    free_values(&v);
    return value;
}

static char *write_upsert(const char *table, const char *key, const char *columns)
{
    char sql[4096], updates[2048] = "", keys[256];
    size_t n = (size_t)snprintf(sql, sizeof sql, "INSERT INTO %s (%s) VALUES (", table, columns), u = 0;
    int parameters = 0;
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
    return n >= sizeof sql || u >= sizeof updates ? NULL : strdup(sql);
}

/* The text is kept for the next time. Found by the addresses of its words, which are literals; the words are compared all the same. */
static const char *upsert_text(struct tx *tx, const char *table, const char *key, const char *columns)
{
    size_t at = (((uintptr_t)table >> 2) ^ ((uintptr_t)columns >> 4)) % UPSERTS;
    struct upsert_text *t = &tx->connection->upserts[at];
    for (size_t i = 0; i < UPSERT_TRIES; i++) { /* two that want one place stand side by side */
        struct upsert_text *held = &tx->connection->upserts[(at + i) % UPSERTS];
        if (held->sql && strcmp(held->table, table) == 0 && strcmp(held->columns, columns) == 0 && strcmp(held->key, key ? key : "") == 0)
            return held->sql;
        t = t->sql && !held->sql ? held : t;
    }
    upsert_text_free(t);
    *t = (struct upsert_text){strdup(table), strdup(key ? key : ""), strdup(columns), write_upsert(table, key, columns)};
    if (!t->table || !t->key || !t->columns || !t->sql)
        upsert_text_free(t);
    return t->sql;
}

int tx_upsert(struct tx *tx, const char *table, const char *key, const char *columns, const char *types, ...)
{
    va_list args;
    const char *sql = tx->error ? NULL : upsert_text(tx, table, key, columns);
    if (!sql)
        return tx->error = tx->error ? tx->error : ERR_INTERNAL;
    va_start(args, types);
    int rc = run(tx, sql, types, args);
    va_end(args);
    return rc;
}

static int upsert_each(struct tx *tx, const char *sql, int width, const struct cell *cells, size_t n)
{
    struct value values[NUMBERS_MAX];
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++, cells += width) {
        for (int k = 0; k < width; k++)
            values[k] = (struct value){cells[k].text ? 't' : 'i', cells[k].integer, cells[k].text, cells[k].text ? strlen(cells[k].text) : 0};
        rc = tx->store->engine->run(tx->connection, sql, values, width);
    }
    return rc;
}

int tx_add_rows(struct tx *tx, const char *table, const char *columns, int width, const struct cell *cells, size_t n)
{
    const struct engine *e = tx->store->engine;
    const char *sql = tx->error || !n ? NULL : upsert_text(tx, table, NULL, columns);
    if (!sql)
        return tx->error = tx->error || !n ? tx->error : ERR_INTERNAL;
    tx->written += n;
    int rc = width > NUMBERS_MAX ? ERR_MALFORMED : e->add_rows && n > 1 ? e->add_rows(tx->connection, table, columns, width, cells, n) : upsert_each(tx, sql, width, cells, n);
    return rc ? told(tx, rc, sql) : 0;
}

/* ---- rows ---- */

struct query *tx_query(struct tx *tx, const char *sql, const char *types, ...)
{
    struct query *q = calloc(1, sizeof *q);
    va_list args;
    if (!q)
        abort(); /* callers rely on an object; a few bytes cannot be had: nothing else would work either */
    struct values v;
    q->tx = tx;
    va_start(args, types);
    if (values_of(tx, sql, types, args, &v) == 0)
        (void)!start(tx, sql, &v, false, &q->rows);
    va_end(args);
    free_values(&v);
    return q;
}

bool query_next(struct query *q)
{
    bool row = false;
    query_opened_free(q);
    if (!q->rows || q->tx->error)
        return false;
    int rc = q->tx->store->engine->step(q->rows, &row);
    if (rc)
        store_fail(q->tx, rc, "a row");
    return rc == 0 && row;
}

int query_end(struct query *q)
{
    int rc = q->tx->error;
    query_opened_free(q);
    if (q->rows)
        q->tx->store->engine->end(q->rows);
    free(q);
    return rc;
}

/* Columns are asked for by the same words row after row, mostly in their order: by where the word was found before, then on from where the last one
 * was; the words are compared all the same. A column that is not there is a programmer's error, found by the first run of any test. */
static int column(struct query *q, const char *name)
{
    const struct engine *e = q->tx->store->engine;
    size_t slot = ((uintptr_t)name ^ (uintptr_t)name >> 4) % QUERY_FOUND;
    int n = e->columns(q->rows), i = q->found[slot].name == name ? q->found[slot].at : q->at;
    for (int k = 0; k < n; k++, i++) {
        i = i >= n ? 0 : i;
        if (strcmp(e->column(q->rows, i), name) == 0) {
            q->found[slot].name = name;
            q->found[slot].at = i;
            q->at = i + 1;
            return i;
        }
    }
    log_error("store", "no column %s in a statement of %d columns", name, n);
    abort();
}

int64_t query_int(struct query *q, const char *name)
{
    return q->tx->store->engine->integer(q->rows, column(q, name));
}

/* Bytes read as text are a programmer's error too: most likely a sealed column that is not opened (query_sealed). */
const char *query_text(struct query *q, const char *name)
{
    int i = column(q, name);
    if (q->tx->store->engine->kind(q->rows, i) == KIND_BYTES) {
        log_error("store", "column %s holds no text", name);
        abort();
    }
    return q->tx->store->engine->text(q->rows, i);
}

const void *query_blob(struct query *q, const char *name, size_t *len)
{
    return q->tx->store->engine->bytes(q->rows, column(q, name), len);
}

bool query_null(struct query *q, const char *name)
{
    return q->tx->store->engine->kind(q->rows, column(q, name)) == KIND_NULL;
}
