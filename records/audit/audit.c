/* The chain (audit.h). */
#include "records/audit/audit.h"
#include "server/base/crypto.h"
#include "server/base/text_put.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_TEXT 65

/* One line as bytes: every member by its length, so that no two lines read the same. */
static void feed_bytes(struct sha256_state *s, const char *text, size_t len)
{
    char digits[TEXT_DECIMAL_BYTES], *head = text_decimal(len, digits);
    digits[TEXT_DECIMAL_BYTES - 1] = ':';
    sha256_update(s, head, (size_t)(digits + TEXT_DECIMAL_BYTES - head));
    sha256_update(s, text, len);
}

static void feed_text(struct sha256_state *s, const char *text)
{
    feed_bytes(s, text, strlen(text));
}

/* Digits by hand: seven numbers a line, and a line for every read of health data. */
static void feed_number(struct sha256_state *s, uint64_t v)
{
    char digits[TEXT_DECIMAL_BYTES];
    feed_text(s, text_decimal(v, digits));
}

static void line_hash(const char *previous, int64_t seq, int64_t t_ms, const struct audit_line *line, char out[HASH_TEXT])
{
    struct sha256_state s;
    uint8_t digest[SHA256_BYTES];
    const uint64_t numbers[] = {(uint64_t)seq, (uint64_t)t_ms, line->person, line->org, line->session, line->patient, line->object};
    sha256_init(&s);
    feed_text(&s, previous);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        feed_number(&s, numbers[i]);
    feed_text(&s, line->op);
    feed_text(&s, line->outcome);
    feed_text(&s, line->address);
    feed_text(&s, line->detail);
    sha256_final(&s, digest);
    (void)!hex_encode(digest, sizeof digest, out, HASH_TEXT);
}

static void head_seal(const uint8_t key[32], int64_t seq, const char *hash, char out[HASH_TEXT])
{
    char text[100];
    uint8_t mac[SHA256_BYTES];
    int n = snprintf(text, sizeof text, "%" PRId64 " %s", seq, hash);
    crypto_hmac_sha256(key, 32, text, (size_t)n, mac);
    (void)!hex_encode(mac, sizeof mac, out, HASH_TEXT);
}

struct head {
    int64_t seq;
    char hash[HASH_TEXT], seal[HASH_TEXT];
    bool found;
};

static int read_head(struct tx *tx, struct head *h)
{
    memset(h, 0, sizeof *h);
    struct query *q = tx_query(tx, "SELECT seq, hash, seal FROM audit_head WHERE id=1", "");
    if ((h->found = query_next(q))) {
        h->seq = query_int(q, "seq");
        snprintf(h->hash, sizeof h->hash, "%s", query_text(q, "hash"));
        snprintf(h->seal, sizeof h->seal, "%s", query_text(q, "seal"));
    }
    return query_end(q);
}

void audit_begin(struct audit_run *a, struct tx *tx, const uint8_t key[32])
{
    struct head h;
    *a = (struct audit_run){.tx = tx, .key = key};
    if (read_head(tx, &h))
        return; /* sticks */
    a->seq = h.seq;
    memcpy(a->hash, h.hash, HASH_TEXT);
}

void audit_add(struct audit_run *a, int64_t now_ms, const struct audit_line *line)
{
    char hash[HASH_TEXT];
    struct audit_line whole = *line;
    whole.address = line->address ? line->address : "";
    whole.detail = line->detail ? line->detail : "";
    a->seq++;
    a->any = true;
    line_hash(a->hash, a->seq, now_ms, &whole, hash);
    memcpy(a->hash, hash, HASH_TEXT);
    tx_exec(a->tx,
            "INSERT INTO audit (seq, t_ms, op, outcome, person_id, org_id, session_id, patient_id, object_id, address, detail, hash) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)",
            "iittiiiiittt", a->seq, now_ms, whole.op, whole.outcome, (int64_t)whole.person, (int64_t)whole.org, (int64_t)whole.session,
            (int64_t)whole.patient, (int64_t)whole.object, whole.address, whole.detail, hash);
}

int audit_end(struct audit_run *a)
{
    char seal[HASH_TEXT];
    if (!a->any || tx_error(a->tx))
        return tx_error(a->tx);
    head_seal(a->key, a->seq, a->hash, seal);
    return tx_upsert(a->tx, "audit_head", "id", "id,seq,hash,seal", "iitt", (int64_t)1, a->seq, a->hash, seal);
}

int audit_append(struct tx *tx, const uint8_t key[32], int64_t now_ms, const struct audit_line *line)
{
    struct audit_run a;
    audit_begin(&a, tx, key);
    audit_add(&a, now_ms, line);
    return audit_end(&a);
}

static int bad(struct audit_verdict *v, int64_t seq, const char *what)
{
    v->first_bad = seq;
    snprintf(v->what, sizeof v->what, "%s", what);
    return 0;
}

static void check_line(struct query *q, char previous[HASH_TEXT], struct audit_verdict *v)
{
    char hash[HASH_TEXT];
    int64_t seq = query_int(q, "seq");
    struct audit_line line = {.op = query_text(q, "op"),
                              .outcome = query_text(q, "outcome"),
                              .person = (uint64_t)query_int(q, "person_id"),
                              .org = (uint64_t)query_int(q, "org_id"),
                              .session = (uint64_t)query_int(q, "session_id"),
                              .patient = (uint64_t)query_int(q, "patient_id"),
                              .object = (uint64_t)query_int(q, "object_id"),
                              .address = query_text(q, "address"),
                              .detail = query_text(q, "detail")};
    line_hash(previous, seq, query_int(q, "t_ms"), &line, hash);
    if (seq != v->lines + 1)
        bad(v, v->lines + 1, "a line is missing");
    else if (strcmp(hash, query_text(q, "hash")))
        bad(v, seq, "the line, or the one before it, was changed");
    else
        v->lines = seq;
    memcpy(previous, hash, HASH_TEXT);
}

int audit_verify(struct tx *tx, const uint8_t key[32], struct audit_verdict *v)
{
    struct head h;
    char previous[HASH_TEXT] = "", seal[HASH_TEXT];
    memset(v, 0, sizeof *v);
    int rc = read_head(tx, &h);
    if (rc)
        return rc;
    struct query *q = tx_query(tx, "SELECT * FROM audit ORDER BY seq", "");
    while (!v->first_bad && query_next(q))
        check_line(q, previous, v);
    rc = query_end(q);
    if (rc || v->first_bad)
        return rc;
    head_seal(key, h.seq, h.hash, seal);
    if (!h.found)
        return v->lines ? bad(v, v->lines, "the sealed head is missing") : 0;
    if (strcmp(seal, h.seal))
        return bad(v, h.seq, "the sealed head was changed");
    return h.seq == v->lines && strcmp(h.hash, previous) == 0 ? 0 : bad(v, v->lines + 1, "lines were cut off at the end");
}

/* ---- whom a list showed ---- */

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

int audit_keep_shown(struct tx *tx, const struct actor *a, int64_t now_ms, struct op_shown *s, const uint64_t *but, size_t n_but)
{
    enum { WIDTH = 5 };
    size_t n = 0;
    struct cell *cells = s->n ? malloc(s->n * WIDTH * sizeof *cells) : NULL;
    if (!s->n)
        return 0;
    if (!cells)
        return ERR_UNAVAILABLE;
    qsort(s->ids, s->n, sizeof *s->ids, by_number); /* in the order of the table */
    for (size_t i = 0; i < s->n; i++) {
        if ((i && s->ids[i] == s->ids[i - 1]) || among(but, n_but, s->ids[i]))
            continue;
        const int64_t row[WIDTH] = {(int64_t)s->ids[i], (now_ms + AUDIT_ZONE_MS) / AUDIT_DAY_MS, (int64_t)a->person.v, (int64_t)a->org.v, now_ms};
        for (int k = 0; k < WIDTH; k++)
            cells[n * WIDTH + (size_t)k] = (struct cell){.integer = row[k]};
        n++;
    }
    int rc = n ? tx_add_rows(tx, "audit_shown", "patient_id,day,person_id,org_id,t_ms", WIDTH, cells, n) : 0;
    free(cells);
    return rc;
}
