#include "records/store/seal.h"
#include "server/base/crypto.h"
#include "server/base/nonce.h"
#include <stdlib.h>
#include <string.h>

int seal_text(const uint8_t key[32], uint64_t row, const char *text, uint8_t *out, size_t cap)
{
    size_t len = strlen(text);
    if (cap < len + SEAL_OVERHEAD || len > 1 << 20)
        return ERR_TOO_LARGE;
    crypto_nonce(out);
    int rc = crypto_seal(key, out, &row, sizeof row, text, len, out + AEAD_NONCE_BYTES);
    return rc ? rc : (int)(len + SEAL_OVERHEAD);
}

int seal_open_text(const uint8_t key[32], uint64_t row, const void *sealed, size_t len, char *out, size_t cap)
{
    const uint8_t *p = sealed;
    out[0] = 0;
    if (len == 0)
        return 0;
    if (len < SEAL_OVERHEAD)
        return ERR_STORAGE;
    if (len - SEAL_OVERHEAD >= cap)
        return ERR_TOO_LARGE;
    if (crypto_open(key, p, &row, sizeof row, p + AEAD_NONCE_BYTES, len - AEAD_NONCE_BYTES, (uint8_t *)out)) {
        out[0] = 0;
        return ERR_STORAGE;
    }
    out[len - SEAL_OVERHEAD] = 0;
    return 0;
}

void blind_index(const uint8_t key[32], const char *kind, const char *value, char out[BLIND_BYTES])
{
    uint8_t mac[SHA256_BYTES], first[32];
    /* two steps: the kind makes the key, so no pair (kind, value) can be written in two ways */
    crypto_hmac_sha256(key, 32, kind, strlen(kind), first);
    crypto_hmac_sha256(first, 32, value, strlen(value), mac);
    int n = hex_encode(mac, 16, out, BLIND_BYTES);
    (void)n;
}
