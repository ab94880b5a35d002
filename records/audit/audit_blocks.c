/* Blocks of the audit (audit_blocks.h). */
#include "records/audit/audit_blocks.h"
#include "records/audit/audit.h"
#include "records/parts.h"
#include "server/base/log.h"
#include <stdlib.h>
#include <string.h>

#define LISTED_ID 2         /* in audit_counted */
#define ROWS_A_WRITE 1000   /* of one transaction: other writers wait so long at most */
#define BLOCKS (AUDIT_STRETCH / AUDIT_BLOCK)
#define ROUND_MS 40         /* of a second, while there is an older audit to list */

bool audit_of_machines(const char *op)
{
    return strncmp(op, "fhir.", 5) == 0 || strcmp(op, "exchange.receive") == 0;
}

/* FNV-1a; two acts of one number only mean that a block is read in vain. */
int64_t audit_block_act(const char *op)
{
    uint64_t h = 14695981039346656037ull;
    for (; *op; op++)
        h = (h ^ (uint8_t)*op) * 1099511628211ull;
    return (int64_t)(h >> 1);
}

int64_t audit_blocks_listed(struct tx *tx)
{
    return tx_int(tx, 0, "SELECT seq FROM audit_counted WHERE id=$1", "i", (int64_t)LISTED_ID);
}

void audit_blocks_window(struct tx *tx, int64_t from_ms, int64_t before_ms, int64_t *low, int64_t *high)
{
    int64_t listed = audit_blocks_listed(tx);
    *low = 1;
    *high = INT64_MAX;
    if (from_ms > 0)
        *low = tx_int(tx, listed + 1, "SELECT first FROM audit_block WHERE high_ms>=$1 ORDER BY first LIMIT 1", "i", from_ms);
    if (before_ms == INT64_MAX)
        return;
    *high = 1 + tx_int(tx, 0, "SELECT MAX(seq) AS n FROM audit WHERE seq>$1 AND t_ms<$2", "ii", listed, before_ms);
    if (*high == 1)
        *high = AUDIT_BLOCK + tx_int(tx, -AUDIT_BLOCK, "SELECT first FROM audit_block WHERE low_ms<$1 ORDER BY first DESC LIMIT 1", "i", before_ms);
}

/* ---- listing ---- */

struct mark {
    int64_t kind, key, first;
};
struct stretch {
    int64_t after; /* the lines behind this one */
    int64_t low_ms[BLOCKS], high_ms[BLOCKS];
    struct mark *marks;
    size_t n, cap;
};

static void add_mark(struct stretch *s, int64_t kind, int64_t key, int64_t first)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 4096;
        struct mark *more = realloc(s->marks, cap * sizeof *more);
        if (!more)
            abort();
        s->marks = more;
        s->cap = cap;
    }
    s->marks[s->n++] = (struct mark){kind, key, first};
}

static void note_line(struct stretch *s, struct query *q, int64_t first, int64_t *org)
{
    int b = (int)((first - s->after) / AUDIT_BLOCK);
    int64_t t = query_int(q, "t_ms"), of = query_int(q, "org_id"), patient = query_int(q, "patient_id");
    const char *op = query_text(q, "op");
    s->low_ms[b] = t < s->low_ms[b] ? t : s->low_ms[b];
    s->high_ms[b] = t > s->high_ms[b] ? t : s->high_ms[b];
    if (of && of != *org)
        add_mark(s, AUDIT_BLOCK_ORG, *org = of, first);
    if (patient && !query_int(q, "person_id"))
        add_mark(s, AUDIT_BLOCK_RECORD, patient, first);
    if (audit_of_machines(op))
        add_mark(s, AUDIT_BLOCK_ACT, audit_block_act(op), first);
}

/* A block at a time: a server sends all that is asked for before the first row is read. */
static int read_block(struct tx *tx, struct stretch *s, int b)
{
    int64_t first = s->after + 1 + (int64_t)b * AUDIT_BLOCK, org = 0;
    s->low_ms[b] = INT64_MAX;
    struct query *q = tx_query(tx, "SELECT t_ms, op, person_id, org_id, patient_id FROM audit WHERE seq>=$1 AND seq<$2", "ii", first, first + AUDIT_BLOCK);
    while (query_next(q))
        note_line(s, q, first, &org);
    return query_end(q);
}

static int by_tree(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

static void sort_out(struct stretch *s)
{
    size_t n = 0;
    if (s->n)
        qsort(s->marks, s->n, sizeof *s->marks, by_tree);
    for (size_t i = 0; i < s->n; i++)
        if (!n || by_tree(&s->marks[n - 1], &s->marks[i]) != 0)
            s->marks[n++] = s->marks[i];
    s->n = n;
}

/* 1, or 0: not so many lines yet. */
static int read_stretch(struct store *store, struct stretch *s)
{
    struct tx *tx;
    int rc = tx_begin(store, TX_READ, &tx);
    if (rc)
        return -1;
    s->after = audit_blocks_listed(tx);
    bool due = tx_int(tx, 0, "SELECT MAX(seq) AS n FROM audit", "") - s->after >= AUDIT_STRETCH;
    rc = tx_error(tx);
    for (int b = 0; due && b < BLOCKS && rc == 0; b++)
        rc = read_block(tx, s, b);
    tx_rollback(tx);
    sort_out(s);
    return rc ? -1 : due;
}

/* Some of the rows may be there, of a stretch that was broken off: it is listed when it is whole, and until then its lines are read one by one. */
static int write_marks(struct store *store, const struct mark *marks, size_t n)
{
    struct cell cells[ROWS_A_WRITE * 3];
    struct tx *tx;
    int rc = tx_begin(store, TX_WRITE, &tx);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        cells[3 * i] = (struct cell){.integer = marks[i].kind};
        cells[3 * i + 1] = (struct cell){.integer = marks[i].key};
        cells[3 * i + 2] = (struct cell){.integer = marks[i].first};
    }
    tx_add_rows(tx, "audit_block_of", "kind,key,first", 3, cells, n);
    return tx_commit(tx);
}

static int write_end(struct store *store, const struct stretch *s)
{
    struct tx *tx;
    int rc = tx_begin(store, TX_WRITE, &tx);
    if (rc)
        return rc;
    for (int b = 0; b < BLOCKS; b++)
        tx_upsert(tx, "audit_block", "first", "first,low_ms,high_ms", "iii", s->after + 1 + (int64_t)b * AUDIT_BLOCK, s->low_ms[b], s->high_ms[b]);
    tx_exec(tx, "UPDATE audit_counted SET seq=$1 WHERE id=$2", "ii", s->after + AUDIT_STRETCH, (int64_t)LISTED_ID);
    return tx_commit(tx);
}

int audit_blocks_list(struct store *store)
{
    struct stretch s = {.n = 0};
    int did = read_stretch(store, &s), rc = 0;
    for (size_t i = 0; did > 0 && i < s.n && rc == 0; i += ROWS_A_WRITE)
        rc = write_marks(store, s.marks + i, s.n - i < ROWS_A_WRITE ? s.n - i : ROWS_A_WRITE);
    if (did > 0 && rc == 0)
        rc = write_end(store, &s);
    free(s.marks);
    return rc ? -1 : did;
}

void audit_blocks_background(struct records *r)
{
    int64_t end_us = clock_monotonic_us() + ROUND_MS * 1000;
    int did = 1;
    while (did > 0 && clock_monotonic_us() < end_us)
        did = audit_blocks_list(records_store(r));
    if (did < 0)
        log_error("audit", "lines could not be listed by blocks, they are a second later");
}
