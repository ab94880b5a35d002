/* Everything but SHA-256 itself, AES-256-GCM (aead.c) and passwords (crypto_password.c): randomness, HMAC, HKDF, TOTP. */
#include "server/base/crypto.h"
#include "server/base/hmac.h"
#include <errno.h>
#include <mbedtls/base64.h>
#include <mbedtls/md.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void crypto_random(void *out, size_t len)
{
    uint8_t *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort(); /* nothing after this could be trusted */
        p += n;
        len -= (size_t)n;
    }
}

int crypto_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t differs = 0;
    for (size_t i = 0; i < len; i++)
        differs |= x[i] ^ y[i];
    return differs == 0;
}

/* ---- HMAC (RFC 2104) and HKDF (RFC 5869) ---- */

void hmac_begin(struct hmac *m, const void *key, size_t len)
{
    uint8_t block[64] = {0}, pad[64];
    if (len > sizeof block)
        crypto_sha256(key, len, block);
    else if (len)
        memcpy(block, key, len);
    for (size_t i = 0; i < 64; i++)
        pad[i] = block[i] ^ 0x36;
    sha256_init(&m->inner);
    sha256_update(&m->inner, pad, 64);
    for (size_t i = 0; i < 64; i++)
        pad[i] = block[i] ^ 0x5c;
    sha256_init(&m->outer);
    sha256_update(&m->outer, pad, 64);
    explicit_bzero(block, sizeof block);
    explicit_bzero(pad, sizeof pad);
}

void hmac_end(struct hmac *m, uint8_t out[SHA256_BYTES])
{
    sha256_final(&m->inner, out);
    sha256_update(&m->outer, out, SHA256_BYTES);
    sha256_final(&m->outer, out);
    explicit_bzero(m, sizeof *m);
}

void hmac_of(const struct hmac *prepared, const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
    struct hmac m = *prepared;
    sha256_update(&m.inner, data, len);
    hmac_end(&m, out);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
    struct hmac m;
    hmac_begin(&m, key, key_len);
    sha256_update(&m.inner, data, len);
    hmac_end(&m, out);
}

void crypto_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA1_BYTES])
{
    if (mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA1), key, key_len, data, len, out)) abort();
}

void base64_encode(const void *data, size_t len, char *out, size_t cap)
{
    size_t n = 0;
    if (cap == 0 || mbedtls_base64_encode((unsigned char *)out, cap, &n, data, len)) abort();
    out[n] = '\0'; /* of no bytes mbedtls writes nothing, no end either */
}

void crypto_derive(const uint8_t key[32], const char *label, uint8_t *out, size_t out_len)
{
    static const uint8_t no_salt[SHA256_BYTES];
    uint8_t prk[SHA256_BYTES], t[SHA256_BYTES];
    size_t t_len = 0;
    if (out_len > 255 * SHA256_BYTES)
        abort(); /* RFC 5869, 2.3: a programmer's error */
    crypto_hmac_sha256(no_salt, sizeof no_salt, key, 32, prk);
    for (uint8_t i = 1; out_len; i++) {
        struct hmac m;
        size_t n = out_len < SHA256_BYTES ? out_len : SHA256_BYTES;
        hmac_begin(&m, prk, sizeof prk);
        sha256_update(&m.inner, t, t_len);
        sha256_update(&m.inner, label, strlen(label));
        sha256_update(&m.inner, &i, 1);
        hmac_end(&m, t);
        memcpy(out, t, n);
        t_len = sizeof t;
        out += n;
        out_len -= n;
    }
    explicit_bzero(prk, sizeof prk);
    explicit_bzero(t, sizeof t);
}

/* ---- one-time codes ---- */

/* RFC 4226, 5.3: dynamic truncation. */
static int hotp(const uint8_t *secret, size_t secret_len, uint64_t counter)
{
    uint8_t message[8], mac[20];
    for (int i = 0; i < 8; i++)
        message[i] = (uint8_t)(counter >> (56 - 8 * i));
    if (mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA1), secret, secret_len, message, sizeof message, mac))
        return -1;
    const uint8_t *p = mac + (mac[19] & 0x0F);
    return (int)(((uint32_t)(p[0] & 0x7F) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) % 1000000);
}

int64_t crypto_totp_verify(const uint8_t *secret, size_t secret_len, const char *code, int64_t now_ms)
{
    int64_t step = now_ms / 30000, found = -1;
    char want[16];
    if (!code || strlen(code) != 6 || now_ms < 0)
        return -1;
    for (int64_t s = step - 1; s <= step + 1; s++) {
        int value = s < 0 ? -1 : hotp(secret, secret_len, (uint64_t)s);
        if (value < 0)
            continue;
        snprintf(want, sizeof want, "%06d", value);
        if (crypto_equal(want, code, 6))
            found = s;
    }
    return found;
}
