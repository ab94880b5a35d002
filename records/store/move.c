/* A whole database from one engine to the other: every table, row by row, then read again on the other side, counted and hashed. */
#include "records/store/store_private.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 64
#define FETCH "1000" /* rows asked of a server at once */

/* Order does not matter to it: a row's hash is added, as a number of 256 bits. */
struct sum {
    int64_t rows;
    uint8_t hash[SHA256_BYTES];
};

struct move {
    struct tx *from, *to;
    struct store_moved *out;
    struct fault *f;
};

/* ---- one row ---- */

static void hash_row(const struct value *values, int n, uint8_t out[SHA256_BYTES])
{
    struct sha256_state s;
    sha256_init(&s);
    for (int i = 0; i < n; i++) {
        const struct value *v = &values[i];
        uint64_t len = v->type == 'n' ? 0 : v->type == 'i' ? 8 : v->len;
        sha256_update(&s, &v->type, 1);
        sha256_update(&s, &len, sizeof len);
        if (len)
            sha256_update(&s, v->type == 'i' ? (const void *)&v->integer : v->data, len);
    }
    sha256_final(&s, out);
}

static void add(struct sum *sum, const uint8_t hash[SHA256_BYTES])
{
    unsigned carry = 0;
    for (int i = SHA256_BYTES - 1; i >= 0; i--) {
        carry += sum->hash[i] + hash[i];
        sum->hash[i] = (uint8_t)carry;
        carry >>= 8;
    }
    sum->rows++;
}

static void read_row(const struct engine *e, struct rows *r, struct value *values, int n)
{
    for (int i = 0; i < n; i++) {
        struct value *v = &values[i];
        *v = (struct value){.type = 'n'};
        switch (e->kind(r, i)) {
        case KIND_NULL:
            break;
        case KIND_INTEGER:
            *v = (struct value){.type = 'i', .integer = e->integer(r, i)};
            break;
        case KIND_TEXT:
            v->type = e->declared_bytes && e->declared_bytes(r, i) ? 'b' : 't'; /* a migration's '' in a column of bytes: a server takes no text there */
            v->data = e->text(r, i);
            v->len = strlen(v->data);
            break;
        case KIND_BYTES:
            v->type = 'b';
            v->data = e->bytes(r, i, &v->len);
            v->data = v->data ? v->data : "";
            break;
        }
    }
}

static int put_row(struct tx *to, const char *insert, const struct value *values, int n)
{
    int rc = to->store->engine->run(to->connection, insert, values, n);
    return rc ? store_fail(to, rc, insert) : 0;
}

/* ---- a table ---- */

static int write_insert(const struct engine *e, const struct rows *r, const char *table, char *sql, size_t cap)
{
    int n = e->columns(r);
    size_t at = (size_t)snprintf(sql, cap, "INSERT INTO %s (", table);
    for (int i = 0; i < n && at < cap; i++)
        at += (size_t)snprintf(sql + at, cap - at, "%s%s", i ? "," : "", e->column(r, i));
    for (int i = 0; i < n && at < cap; i++)
        at += (size_t)snprintf(sql + at, cap - at, "%s$%d", i ? "," : ") VALUES (", i + 1);
    if (at < cap)
        at += (size_t)snprintf(sql + at, cap - at, ")");
    return at < cap && n <= COLUMNS_MAX ? 0 : ERR_INTERNAL;
}

/* All rows of one statement's answer: into `to` (NULL: only summed). *n: how many. */
static int pass_rows(struct tx *from, const char *sql, const char *table, struct tx *to, struct sum *sum, int64_t *n)
{
    const struct engine *e = from->store->engine;
    struct value values[COLUMNS_MAX];
    uint8_t hash[SHA256_BYTES];
    char insert[8192];
    struct rows *r;
    bool row = false;
    int rc = e->start(from->connection, sql, NULL, 0, false, &r);
    if (rc)
        return store_fail(from, rc, sql);
    rc = write_insert(e, r, table, insert, sizeof insert);
    for (*n = 0; rc == 0 && (rc = e->step(r, &row)) == 0 && row; (*n)++) {
        read_row(e, r, values, e->columns(r));
        hash_row(values, e->columns(r), hash);
        add(sum, hash);
        rc = to ? put_row(to, insert, values, e->columns(r)) : 0;
    }
    e->end(r);
    return rc;
}

/* A server is asked for some rows at a time; a file gives them one by one anyway. */
static int pass_table(struct tx *from, const char *columns, const char *table, struct tx *to, struct sum *sum)
{
    char sql[8192];
    int64_t n = 0;
    if (store_is_file(from->store)) {
        snprintf(sql, sizeof sql, "SELECT %s FROM %s", columns, table);
        return pass_rows(from, sql, table, to, sum, &n);
    }
    snprintf(sql, sizeof sql, "DECLARE moving CURSOR FOR SELECT %s FROM %s", columns, table);
    int rc = tx_exec(from, sql, "");
    do
        rc = rc ? rc : pass_rows(from, "FETCH " FETCH " FROM moving", table, to, sum, &n);
    while (rc == 0 && n > 0);
    return rc ? rc : tx_exec(from, "CLOSE moving", "");
}

static int columns_of(struct tx *tx, const char *table, char *out, size_t cap)
{
    const struct engine *e = tx->store->engine;
    struct rows *r;
    size_t at = 0;
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE 1=0", table);
    int rc = e->start(tx->connection, sql, NULL, 0, false, &r);
    if (rc)
        return store_fail(tx, rc, sql);
    for (int i = 0; i < e->columns(r) && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? "," : "", e->column(r, i));
    e->end(r);
    return at < cap ? 0 : ERR_INTERNAL;
}

static int move_table(struct move *m, const char *table)
{
    struct sum sent = {0}, kept = {0};
    char columns[4096], empty[200];
    snprintf(empty, sizeof empty, "DELETE FROM %s", table); /* what the steps to this shape put in */
    int rc = columns_of(m->from, table, columns, sizeof columns);
    rc = rc ? rc : tx_exec(m->to, empty, "");
    rc = rc ? rc : pass_table(m->from, columns, table, m->to, &sent);
    rc = rc ? rc : pass_table(m->to, columns, table, NULL, &kept);
    if (rc)
        return fault_set(m->f, rc, table, "Table %s cannot be moved.", table);
    if (sent.rows != kept.rows || memcmp(sent.hash, kept.hash, sizeof sent.hash))
        return fault_set(m->f, ERR_STORAGE, table, "Table %s came out otherwise than it went in: %lld rows, %lld there.", table, (long long)sent.rows,
                         (long long)kept.rows);
    if (!store_is_file(m->to->store)) { /* its plans are made of what it knows of the tables */
        char analyse[200];
        snprintf(analyse, sizeof analyse, "ANALYZE %s", table);
        if ((rc = tx_exec(m->to, analyse, "")))
            return fault_set(m->f, rc, table, "Table %s cannot be analysed.", table);
    }
    m->out->tables++;
    m->out->rows += sent.rows;
    for (int i = 0; i < SHA256_BYTES; i++)
        m->out->hash[i] ^= sent.hash[i];
    return 0;
}

/* ---- the whole ---- */

static int move_tables(struct move *m)
{
    const char *list = store_is_file(m->from->store) ? "SELECT name FROM sqlite_master WHERE type='table' AND name<>'sqlite_sequence' ORDER BY name"
                                                     : "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname=current_schema() "
                                                       "AND tablename<>'store_version' ORDER BY name";
    struct query *q = tx_query(m->from, list, "");
    int rc = 0;
    while (rc == 0 && query_next(q))
        rc = move_table(m, query_text(q, "name"));
    int ended = query_end(q);
    return rc ? rc : ended;
}

int store_move_into(struct store *from, struct store *to, struct store_moved *out, struct fault *f)
{
    struct move m = {.out = out, .f = f};
    *out = (struct store_moved){0};
    int rc = tx_begin(from, TX_WRITE, &m.from); /* nobody writes meanwhile, the daemon neither */
    if (rc == 0 && (rc = tx_begin(to, TX_WRITE, &m.to)))
        tx_rollback(m.from);
    if (rc)
        return fault_set(f, rc, "", "The databases cannot be opened for writing.");
    rc = move_tables(&m);
    tx_rollback(m.from);
    if (rc)
        tx_rollback(m.to);
    else if ((rc = tx_commit(m.to)))
        fault_set(f, rc, "to", "The copy cannot be made durable.");
    return rc;
}

int store_move(struct store *from, struct store *to, struct store_moved *out, struct fault *f)
{
    if (store_version(to) != 0)
        return fault_set(f, ERR_CONFLICT, "to", "The database to move to is not empty.");
    int rc = store_migrate(to, f);
    return rc ? rc : store_move_into(from, to, out, f);
}
