/* What came, as it came: sealed, and of equal contents once. */
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/store/sealed.h"
#include "server/base/crypto.h"
#include <stdlib.h>
#include <string.h>

/* The row a content lies in is its own keyed hash: equal content lies there once, and tells nothing to who has no key. */
static int64_t row_of(const char *hash)
{
    uint8_t bytes[16];
    int64_t row = 0;
    if (hex_decode(hash, bytes, sizeof bytes) > 0)
        memcpy(&row, bytes, sizeof row);
    return row;
}

void exchange_hash(const struct exchange *x, const char *bytes, size_t len, char out[33])
{
    uint8_t mac[SHA256_BYTES];
    crypto_hmac_sha256(x->key, sizeof x->key, bytes, len, mac);
    (void)!hex_encode(mac, 16, out, 33);
}

int exchange_body_keep(struct op_ctx *ctx, const char *hash, const char *bytes, size_t len)
{
    return tx_upsert(ctx->tx, "exchange_body", NULL, "hash,row_id,body,size,t_ms", "tisii", hash, row_of(hash),
                     SEALED(EXCHANGE_BODY, row_of(hash), 0, bytes), (int64_t)len, ctx->now_ms);
}

int exchange_body_put(struct op_ctx *ctx, const char *bytes, size_t len, char hash[33])
{
    exchange_hash(records_parts(ctx->records)->exchange, bytes, len, hash);
    return exchange_body_keep(ctx, hash, bytes, len);
}

char *exchange_body(struct op_ctx *ctx, const char *hash)
{
    char *out = NULL;
    struct query *q = tx_query(ctx->tx, "SELECT body FROM exchange_body WHERE hash=$1", "t", hash);
    if (query_next(q)) {
        const char *text = query_sealed(q, "body", SEALED_EXCHANGE_BODY, (uint64_t)row_of(hash), 0);
        out = text ? strdup(text) : NULL;
    }
    int rc = query_end(q);
    if (rc || !out)
        fault_set(ctx->fault, rc ? rc : ERR_NOT_FOUND, "", "The message's bytes are not there.");
    return out;
}
