/* srtp_half - one direction and one use (media or control) of an SRTP context: derived keys and a cipher keyed once. Internal to
 * media/transport: srtp_seal, srtp_unseal and srtp_reports build packets on it. */
#ifndef YL_MEDIA_TRANSPORT_SRTP_HALF_H
#define YL_MEDIA_TRANSPORT_SRTP_HALF_H

#include "media/transport/dtls.h"
#include <openssl/evp.h>
#include <openssl/sha.h>

#define SRTP_GCM_TAG 16
#define SRTP_CM80_TAG 10

struct srtp_session_keys { /* RFC 3711 4.3 */
    uint8_t key[16], salt[14], auth[20];
};
enum srtp_use { SRTP_MEDIA, SRTP_CONTROL };
/* From master key and salt as DTLS gave them. */
YL_CHECKED int srtp_derive(enum dtls_profile profile, const uint8_t *master, enum srtp_use use, struct srtp_session_keys *out);

struct srtp_half {
    struct gcm_fast *fast;  /* GCM where the machine has it; there is no `cipher` then */
    EVP_CIPHER_CTX *cipher; /* keyed once; each packet sets only its IV */
    uint8_t salt[14];
    SHA_CTX inner, outer; /* HMAC-SHA1 with the key blocks already hashed */
};
YL_CHECKED int srtp_half_init(struct srtp_half *h, enum dtls_profile profile, const struct srtp_session_keys *keys, bool open);
void srtp_half_fini(struct srtp_half *h);
void srtp_half_near(const struct srtp_half *h); /* it is used soon: what that reads comes into the cache */
/* A packet of GCM: its IV is (00 00, ssrc, six bytes of `index`) xor salt (RFC 7714 8.1 and 9.1). */
struct srtp_gcm {
    const uint8_t *ssrc, *index, *aad;
    size_t aad_len;
};
/* `len` bytes from `in` to `out` (the same place, or apart), the tag behind them. False: the cipher failed. */
bool srtp_gcm_seal(struct srtp_half *h, const struct srtp_gcm *g, uint8_t *out, const uint8_t *in, size_t len);
/* `len` bytes in place, whose tag stands behind them. False: not authentic, and the bytes are of no use. */
bool srtp_gcm_open(struct srtp_half *h, const struct srtp_gcm *g, uint8_t *bytes, size_t len);
/* Counter mode from salt, SSRC and the 48-bit index, RFC 3711 4.1.1. */
bool srtp_cm_begin(struct srtp_half *h, const uint8_t ssrc[4], const uint8_t index[6]);
/* HMAC-SHA1 over the packet and the four bytes that follow it (rollover counter or index), 80 bits of it. */
void srtp_half_hmac(const struct srtp_half *h, const uint8_t *packet, size_t len, const uint8_t suffix[4], uint8_t tag[SRTP_CM80_TAG]);
#endif
