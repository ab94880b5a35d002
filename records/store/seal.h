/* seal - single columns encrypted at rest, and blind indexes to find them by. Pure; any thread.
 *
 * A sealed value is nonce[12] + AES-256-GCM + tag[16]; the row's id is the AAD, so a value cannot be moved to another row. A blind
 * index is HMAC-SHA-256 of a normalised value under a key of its own, cut to 128 bits, in hex: equal values meet, nothing else is
 * told. Each purpose derives its own keys from the master key by a label.
 */
#ifndef YL_RECORDS_STORE_SEAL_H
#define YL_RECORDS_STORE_SEAL_H

#include "server/base/err.h"
#include <stddef.h>
#include <stdint.h>

#define SEAL_OVERHEAD 28
#define BLIND_BYTES 33 /* 32 hex digits and NUL */

/* Writes strlen(text) + SEAL_OVERHEAD bytes; the length, or ERR_TOO_LARGE when cap is short. */
YL_CHECKED int seal_text(const uint8_t key[32], uint64_t row, const char *text, uint8_t *out, size_t cap);
/* NUL-terminated text; ERR_STORAGE when it does not open, ERR_TOO_LARGE when cap is short. An empty blob opens as "". */
YL_CHECKED int seal_open_text(const uint8_t key[32], uint64_t row, const void *sealed, size_t len, char *out, size_t cap);
/* `kind` keeps equal values of different columns apart. */
void blind_index(const uint8_t key[32], const char *kind, const char *value, char out[BLIND_BYTES]);
#endif
