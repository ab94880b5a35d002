/* crypto - the provider interface: every primitive the product uses outside TLS/DTLS/SRTP goes through here, so that
 * national algorithms (SM2/3/4) can be plugged in one place. Today: mbedtls and libargon2. Any thread.
 */
#ifndef YL_SERVER_BASE_CRYPTO_H
#define YL_SERVER_BASE_CRYPTO_H

#include "server/base/err.h"
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define AEAD_KEY_BYTES 32   /* AES-256-GCM */
#define AEAD_NONCE_BYTES 12
#define AEAD_TAG_BYTES 16

void crypto_random(void *out, size_t len); /* aborts when the system has no randomness */
void crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA256_BYTES]);
/* HKDF-SHA256 (RFC 5869) with a label as info. */
void crypto_derive(const uint8_t key[32], const char *label, uint8_t *out, size_t out_len);
int crypto_equal(const void *a, const void *b, size_t len); /* constant time; 1 when equal */

/* Running hash; serialisable through its plain bytes so that a resumed upload can go on. */
struct sha256_state {
    uint32_t h[8];
    uint64_t total_bytes;
    uint8_t block[64];
};
void sha256_init(struct sha256_state *s);
void sha256_update(struct sha256_state *s, const void *data, size_t len);
void sha256_final(struct sha256_state *s, uint8_t out[SHA256_BYTES]);

/* AES-256-GCM. seal writes len + 16 bytes; open returns ERR_INVALID when the tag does not match. */
YL_CHECKED int crypto_seal(const uint8_t key[32], const uint8_t nonce[12], const void *aad, size_t aad_len,
                           const void *plain, size_t len, uint8_t *out);
YL_CHECKED int crypto_open(const uint8_t key[32], const uint8_t nonce[12], const void *aad, size_t aad_len,
                           const void *sealed, size_t len, uint8_t *out);

/* Argon2id, encoded PHC string. Slow on purpose (about 50 ms): pool threads only. */
YL_CHECKED int crypto_password_hash(const char *password, char out[128]);
/* 1 when it matches. encoded NULL: 0, after the time a hash of crypto_password_hash would have taken. */
int crypto_password_verify(const char *encoded, const char *password);

/* RFC 6238 TOTP (SHA-1, 6 digits, 30 s). Returns the matched time step or -1; accepts one step either side. */
int64_t crypto_totp_verify(const uint8_t *secret, size_t secret_len, const char *code, int64_t now_ms);

/* RFC 2104 with SHA-1, where a protocol of others fixes it (TURN's time-limited credentials). */
#define SHA1_BYTES 20
void crypto_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA1_BYTES]);

/* RFC 4648 4, with padding; cap must hold it: a programmer's matter. */
void base64_encode(const void *data, size_t len, char *out, size_t cap);
/* The same back, with or without padding, white space passed over. Bytes written, or ERR_INVALID, ERR_TOO_LARGE. */
YL_CHECKED int base64_decode(const char *text, size_t len, uint8_t *out, size_t cap);

/* Text forms. base64url has no padding. Return length written (without NUL) or negative error; out is NUL-terminated. */
YL_CHECKED int hex_encode(const void *data, size_t len, char *out, size_t cap);
YL_CHECKED int hex_decode(const char *text, uint8_t *out, size_t cap);
YL_CHECKED int base64url_encode(const void *data, size_t len, char *out, size_t cap);
YL_CHECKED int base64url_decode(const char *text, uint8_t *out, size_t cap);
YL_CHECKED int base32_encode(const void *data, size_t len, char *out, size_t cap);
#endif
