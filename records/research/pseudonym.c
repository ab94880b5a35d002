/* Names that lead nowhere, and codes that say less. Pure. */
#include "records/research/research_private.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <string.h>

void pseudonym(const uint8_t key[32], uint64_t person, char out[PSEUDONYM_BYTES])
{
    static const char digits[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"; /* without I, O, 0, 1 */
    uint8_t mac[SHA256_BYTES];
    crypto_hmac_sha256(key, 32, &person, sizeof person, mac);
    for (size_t i = 0; i < PSEUDONYM_BYTES - 1; i++) { /* 80 bits */
        size_t bit = 5 * i;
        unsigned pair = (unsigned)mac[bit / 8] << 8 | mac[bit / 8 + 1];
        out[i] = digits[pair >> (11 - bit % 8) & 31];
    }
    out[PSEUDONYM_BYTES - 1] = 0;
}

void condition_parent(const char *code, char out[16])
{
    size_t n = strlen(code), keep = n > 5 ? 5 : n > 3 ? 3 : 0;
    snprintf(out, 16, "%.*s", (int)keep, code);
}
