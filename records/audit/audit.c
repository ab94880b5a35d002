/* The chain (audit.h). */
#include "records/audit/audit_private.h"
#include "server/base/text_put.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

void audit_line_hash(const char *previous, int64_t seq, int64_t t_ms, const struct audit_line *line, char out[HASH_TEXT])
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
    if (line->shown[0]) /* what showed nobody reads as it did before there was this member */
        feed_text(&s, line->shown);
    sha256_final(&s, digest);
    (void)!hex_encode(digest, sizeof digest, out, HASH_TEXT);
}

void audit_head_seal(const uint8_t key[32], int64_t seq, const char *hash, char out[HASH_TEXT])
{
    char text[100];
    uint8_t mac[SHA256_BYTES];
    int n = snprintf(text, sizeof text, "%" PRId64 " %s", seq, hash);
    crypto_hmac_sha256(key, 32, text, (size_t)n, mac);
    (void)!hex_encode(mac, sizeof mac, out, HASH_TEXT);
}

int audit_head_read(struct tx *tx, struct audit_head *h)
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

void audit_shown_hash_begin(struct audit_shown_hash *h)
{
    h->any = false;
    sha256_init(&h->state);
}

void audit_shown_hash_row(struct audit_shown_hash *h, struct query *q)
{
    static const char *const columns[] = {"patient_id", "day", "person_id", "org_id", "t_ms"};
    h->any = true;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        feed_number(&h->state, (uint64_t)query_int(q, columns[i]));
}

void audit_shown_hash_end(struct audit_shown_hash *h, char out[HASH_TEXT])
{
    uint8_t digest[SHA256_BYTES];
    out[0] = 0;
    if (!h->any)
        return;
    sha256_final(&h->state, digest);
    (void)!hex_encode(digest, sizeof digest, out, HASH_TEXT);
}

void audit_begin(struct audit_run *a, struct tx *tx, const uint8_t key[32])
{
    struct audit_head h;
    *a = (struct audit_run){.tx = tx, .key = key};
    if (audit_head_read(tx, &h))
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
    whole.shown = line->shown ? line->shown : "";
    a->seq++;
    a->any = true;
    audit_line_hash(a->hash, a->seq, now_ms, &whole, hash);
    memcpy(a->hash, hash, HASH_TEXT);
    tx_exec(a->tx,
            "INSERT INTO audit (seq, t_ms, op, outcome, person_id, org_id, session_id, patient_id, object_id, address, detail, hash, shown) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)",
            "iittiiiiitttt", a->seq, now_ms, whole.op, whole.outcome, (int64_t)whole.person, (int64_t)whole.org, (int64_t)whole.session,
            (int64_t)whole.patient, (int64_t)whole.object, whole.address, whole.detail, hash, whole.shown);
}

int audit_end(struct audit_run *a)
{
    char seal[HASH_TEXT];
    if (!a->any || tx_error(a->tx))
        return tx_error(a->tx);
    audit_head_seal(a->key, a->seq, a->hash, seal);
    return tx_upsert(a->tx, "audit_head", "id", "id,seq,hash,seal", "iitt", (int64_t)1, a->seq, a->hash, seal);
}

int audit_append(struct tx *tx, const uint8_t key[32], int64_t now_ms, const struct audit_line *line)
{
    struct audit_run a;
    audit_begin(&a, tx, key);
    audit_add(&a, now_ms, line);
    return audit_end(&a);
}
