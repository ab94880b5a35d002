/* Whom lists showed (audit.h): gathered by an operation, kept with its line, and the line's hash of them. */
#include "records/audit/audit_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void audit_shown(struct op_ctx *ctx, uint64_t patient)
{
    struct op_shown *s = ctx->shown;
    if (!s || !patient || ctx->actor->system)
        return;
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 32;
        uint64_t *more = realloc(s->ids, cap * sizeof *more);
        if (!more)
            abort(); /* what cannot be noted must not be shown */
        s->ids = more;
        s->cap = cap;
    }
    s->ids[s->n++] = patient;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool among(const uint64_t *list, size_t n, uint64_t id)
{
    while (n && list[n - 1] != id)
        n--;
    return n > 0;
}

/* In the order of the table. */
static size_t sort_out(struct op_shown *s, const uint64_t *but, size_t n_but)
{
    size_t n = 0;
    qsort(s->ids, s->n, sizeof *s->ids, by_number);
    for (size_t i = 0; i < s->n; i++)
        if ((!n || s->ids[n - 1] != s->ids[i]) && !among(but, n_but, s->ids[i]))
            s->ids[n++] = s->ids[i];
    return s->n = n;
}

static int add_rows(struct tx *tx, int64_t seq, int64_t now_ms, const struct actor *a, const struct op_shown *s)
{
    enum { WIDTH = 6 };
    struct cell *cells = malloc(s->n * WIDTH * sizeof *cells);
    if (!cells)
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < s->n; i++) {
        const int64_t row[WIDTH] = {(int64_t)s->ids[i], (now_ms + AUDIT_ZONE_MS) / AUDIT_DAY_MS, (int64_t)a->person.v, (int64_t)a->org.v, now_ms, seq};
        for (int k = 0; k < WIDTH; k++)
            cells[i * WIDTH + (size_t)k] = (struct cell){.integer = row[k]};
    }
    int rc = tx_add_rows(tx, "audit_shown", "patient_id,day,person_id,org_id,t_ms,seq", WIDTH, cells, s->n);
    free(cells);
    return rc;
}

/* Who was shown the same day already has his row, with the hash of another line: those of this one are read back. */
static int hash_of_line(struct tx *tx, int64_t seq, char hash[HASH_TEXT])
{
    struct audit_shown_hash h;
    struct query *q = tx_query(tx, "SELECT " AUDIT_SHOWN_COLUMNS " FROM audit_shown WHERE seq=$1 ORDER BY " AUDIT_SHOWN_ORDER, "i", seq);
    audit_shown_hash_begin(&h);
    while (query_next(q))
        audit_shown_hash_row(&h, q);
    audit_shown_hash_end(&h, hash);
    return query_end(q);
}

int audit_keep_shown(struct audit_run *run, int64_t now_ms, const struct actor *a, struct op_shown *s, const uint64_t *but, size_t n_but, char hash[AUDIT_HASH_BYTES])
{
    hash[0] = 0;
    if (!s->n || !sort_out(s, but, n_but))
        return 0;
    int rc = add_rows(run->tx, run->seq + 1, now_ms, a, s);
    return rc ? rc : hash_of_line(run->tx, run->seq + 1, hash);
}

/* ---- rows of an older program ---- */

#define ADOPTED "audit.shown"

static int adopt_day(struct audit_run *run, int64_t day, int64_t now_ms)
{
    char hash[HASH_TEXT], detail[40];
    struct audit_line line = {.op = ADOPTED, .outcome = "ok", .detail = detail, .shown = hash};
    snprintf(detail, sizeof detail, "day=%lld", (long long)day);
    tx_exec(run->tx, "UPDATE audit_shown SET seq=$1 WHERE seq=0 AND day=$2", "ii", run->seq + 1, day);
    int rc = hash_of_line(run->tx, run->seq + 1, hash);
    if (rc == 0)
        audit_add(run, now_ms, &line);
    return rc;
}

static int adopt_all(struct tx *tx, const uint8_t key[32], int64_t now_ms)
{
    struct audit_run run;
    int rc = 0;
    /* Once: what is put there afterwards is not the older program's, and the check shall say so. */
    if (tx_int(tx, 0, "SELECT seq FROM audit WHERE op=$1 ORDER BY seq LIMIT 1", "t", ADOPTED))
        return tx_error(tx);
    audit_begin(&run, tx, key);
    for (int64_t day; rc == 0 && (day = tx_int(tx, -1, "SELECT MIN(day) AS day FROM audit_shown WHERE seq=0", "")) >= 0;)
        rc = adopt_day(&run, day, now_ms);
    return rc ? rc : audit_end(&run);
}

int audit_adopt_shown(struct store *s, const uint8_t key[32], int64_t now_ms)
{
    struct tx *tx;
    int rc = tx_begin(s, TX_READ, &tx);
    if (rc)
        return rc;
    bool any = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM (SELECT seq FROM audit_shown WHERE seq=0 LIMIT 1) t", "") > 0;
    rc = tx_error(tx);
    tx_rollback(tx);
    if (rc || !any)
        return rc;
    rc = tx_begin(s, TX_WRITE, &tx);
    if (rc)
        return rc;
    rc = adopt_all(tx, key, now_ms);
    if (rc)
        tx_rollback(tx);
    return rc ? rc : tx_commit(tx);
}
