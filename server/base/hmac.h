/* hmac - HMAC-SHA-256 (RFC 2104) of several texts under one key: what depends on the key alone is worked out once. crypto.h has it for a single text. Pure;
 * a prepared one is only read by hmac_of, so that any thread may. It is as secret as its key: whoever holds it wipes it.
 */
#ifndef YL_SERVER_BASE_HMAC_H
#define YL_SERVER_BASE_HMAC_H

#include "server/base/crypto.h"

struct hmac {
    struct sha256_state inner, outer;
};

void hmac_begin(struct hmac *m, const void *key, size_t len);
void hmac_end(struct hmac *m, uint8_t out[SHA256_BYTES]); /* wipes it */
/* Of one text, under the key `prepared` was begun with. */
void hmac_of(const struct hmac *prepared, const void *data, size_t len, uint8_t out[SHA256_BYTES]);
#endif
