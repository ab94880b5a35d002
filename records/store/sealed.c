/* Sealed columns (sealed.h) and the step that sealed those written before. */
#include "records/store/sealed.h"
#include "records/store/store_private.h"
#include "server/base/crypto.h"
#include "server/base/nonce.h"
#include "server/base/log.h"
#include "server/base/text_put.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1
#define OVERHEAD (1 + AEAD_NONCE_BYTES + AEAD_TAG_BYTES)

const struct sealed_place sealed_places[SEALED_COUNT] = {
#define X(name, table, column, row, part) {table, column, row, part},
    SEALED_COLUMNS(X)
#undef X
};

void store_unlock(struct store *s, const uint8_t master[32])
{
    uint8_t key[32];
    char label[80];
    crypto_derive(master, "sealed columns", key, sizeof key);
    for (int i = 0; i < SEALED_COUNT; i++) {
        snprintf(label, sizeof label, "%s.%s", sealed_places[i].table, sealed_places[i].column);
        crypto_derive(key, label, s->keys[i], sizeof s->keys[i]);
    }
    explicit_bzero(key, sizeof key);
    s->has_keys = true;
}

static char *add_number(char *at, char *end, int64_t v)
{
    char digits[TEXT_DECIMAL_BYTES];
    return text_add(v < 0 ? text_add(at, end, "-") : at, end, text_decimal(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, digits));
}

/* "table.column/row/part" */
static size_t place_of(enum sealed_column column, int64_t row, int64_t part, char out[128])
{
    const struct sealed_place *p = &sealed_places[column];
    char *end = out + 127, *at = text_add(text_add(text_add(out, end, p->table), end, "."), end, p->column);
    at = add_number(text_add(at, end, "/"), end, row);
    return (size_t)(add_number(text_add(at, end, "/"), end, part) - out);
}

void *sealed_make(const struct store *s, const struct sealed *v, size_t *len)
{
    char place[128];
    size_t n = strlen(v->text), at = place_of(v->column, v->row, v->part, place);
    uint8_t *out = s->has_keys ? malloc(n + OVERHEAD) : NULL;
    if (!out)
        return NULL;
    out[0] = FORMAT;
    crypto_nonce(out + 1);
    if (crypto_seal(s->keys[v->column], out + 1, place, at, v->text, n, out + 1 + AEAD_NONCE_BYTES)) {
        free(out);
        return NULL;
    }
    *len = n + OVERHEAD;
    return out;
}

/* NULL: it does not open. malloc'd. */
static char *open_value(const struct store *s, const struct sealed *at, const uint8_t *value, size_t len)
{
    char place[128];
    size_t n = place_of(at->column, at->row, at->part, place);
    if (!s->has_keys || len < OVERHEAD || value[0] != FORMAT)
        return NULL;
    char *text = malloc(len - OVERHEAD + 1);
    if (text && crypto_open(s->keys[at->column], value + 1, place, n, value + 1 + AEAD_NONCE_BYTES, len - 1 - AEAD_NONCE_BYTES,
                            (uint8_t *)text)) {
        free(text);
        return NULL;
    }
    if (text)
        text[len - OVERHEAD] = 0;
    return text;
}

struct opened {
    struct opened *next;
    char *text;
};

void query_opened_free(struct query *q)
{
    while (q->opened) {
        struct opened *o = q->opened;
        q->opened = o->next;
        explicit_bzero(o->text, strlen(o->text));
        free(o->text);
        free(o);
    }
}

static char *open_of(struct query *q, const char *column, const struct sealed *at)
{
    size_t len;
    const void *value = query_blob(q, column, &len);
    return open_value(q->tx->store, at, value, len);
}

const char *query_sealed(struct query *q, const char *column, enum sealed_column which, uint64_t row, uint64_t part)
{
    const struct sealed at = {which, (int64_t)row, (int64_t)part, NULL};
    if (q->tx->error || query_null(q, column))
        return NULL;
    char *text = open_of(q, column, &at);
    struct opened *o = text ? malloc(sizeof *o) : NULL;
    if (!o) {
        log_error("store", "a value of %s.%s does not open: it was changed, moved, or sealed under another key",
                  sealed_places[which].table, sealed_places[which].column);
        free(text);
        q->tx->error = ERR_STORAGE;
        return NULL;
    }
    *o = (struct opened){q->opened, text};
    q->opened = o;
    return text;
}

bool query_sealed_opens(struct query *q, const char *column, enum sealed_column which, uint64_t row, uint64_t part)
{
    const struct sealed at = {which, (int64_t)row, (int64_t)part, NULL};
    char *text = q->tx->error || query_null(q, column) ? NULL : open_of(q, column, &at);
    if (!text)
        return false;
    explicit_bzero(text, strlen(text));
    free(text);
    return true;
}

/* ---- what was written before this version ---- */

/* The columns as they were when the step landed; a later sealed column is born sealed, as BLOB, and does not belong here. These keep
 * their declared type TEXT: SQLite keeps bytes in them as bytes, and changing the type costs a new site 0.3 s. An engine that is strict about
 * types changes it. */
static const enum sealed_column first_sealed[] = {
    SEALED_CONSULT_FORM,  SEALED_CONSULT_ADOPTION,   SEALED_EVENT_REASON,  SEALED_ITEM_ITEMS,      SEALED_DRAFT_BODY,    SEALED_OPINION_BODY,
    SEALED_OPINION_TEXT,  SEALED_ADVICE_TEXT,        SEALED_ADVICE_REASON, SEALED_EVALUATION_COMMENT, SEALED_MESSAGE_TEXT,
    SEALED_OVERRIDE_REASON, SEALED_OVERRIDE_COMMENT, SEALED_REVEAL_REASON, SEALED_DOCUMENT_NAME,   SEALED_DOCUMENT_WITHDRAWN,
    SEALED_UPLOAD_NAME};

struct places {
    int64_t (*at)[2];
    size_t n, cap;
};

/* All rows first, because a table is not changed under its own scan. */
static int list_rows(struct tx *tx, const struct sealed_place *p, struct places *rows)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT %s AS a, %s AS b FROM %s WHERE %s IS NOT NULL", p->row, p->part, p->table, p->column);
    struct query *q = tx_query(tx, sql, "");
    int rc = 0;
    while (rc == 0 && query_next(q)) {
        if (rows->n == rows->cap) {
            size_t cap = rows->cap ? 2 * rows->cap : 1024;
            void *more = realloc(rows->at, cap * sizeof *rows->at);
            if (!more) {
                rc = ERR_UNAVAILABLE;
                break;
            }
            rows->at = more;
            rows->cap = cap;
        }
        rows->at[rows->n][0] = query_int(q, "a");
        rows->at[rows->n++][1] = query_int(q, "b");
    }
    int ended = query_end(q);
    return rc ? rc : ended;
}

static int seal_row(struct tx *tx, enum sealed_column which, const int64_t at[2])
{
    const struct sealed_place *p = &sealed_places[which];
    char read[256], write[256];
    snprintf(read, sizeof read, "SELECT %s AS v FROM %s WHERE %s=$1 AND %s=$2", p->column, p->table, p->row, p->part);
    snprintf(write, sizeof write, "UPDATE %s SET %s=$3 WHERE %s=$1 AND %s=$2", p->table, p->column, p->row, p->part);
    struct query *q = tx_query(tx, read, "ii", at[0], at[1]);
    char *text = query_next(q) && query_text(q, "v") ? strdup(query_text(q, "v")) : NULL;
    int rc = query_end(q);
    if (rc == 0)
        rc = text ? tx_exec(tx, write, "iis", at[0], at[1], &(struct sealed){which, at[0], at[1], text}) : ERR_UNAVAILABLE;
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    return rc;
}

static int seal_column(struct tx *tx, enum sealed_column which)
{
    struct places rows = {0};
    const struct sealed_place *p = &sealed_places[which];
    const struct engine *e = tx->store->engine;
    if (e->seal_column)
        return e->seal_column(tx->connection, p->table, p->column); /* such a database is younger than this step: no rows yet */
    int rc = list_rows(tx, p, &rows);
    for (size_t i = 0; i < rows.n && rc == 0; i++)
        rc = seal_row(tx, which, rows.at[i]);
    free(rows.at);
    return rc;
}

static int seal_columns(struct tx *tx, const enum sealed_column *list, size_t n)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = seal_column(tx, list[i]);
    return rc;
}

int sealed_migrate(struct tx *tx)
{
    return seal_columns(tx, first_sealed, sizeof first_sealed / sizeof *first_sealed);
}

int sealed_migrate_rooms(struct tx *tx)
{
    static const enum sealed_column rooms[] = {SEALED_TICKET_NAME, SEALED_TICKET_TITLE, SEALED_SOURCE_NAME, SEALED_TRACK_NAME};
    return seal_columns(tx, rooms, sizeof rooms / sizeof *rooms);
}

/* Declared TEXT when they were sealed already. */
int sealed_migrate_answers(struct tx *tx)
{
    const struct engine *e = tx->store->engine;
    return e->seal_column ? e->seal_column(tx->connection, "idempotent", "answer") : 0;
}
