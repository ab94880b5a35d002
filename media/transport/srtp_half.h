/* srtp_half - one direction and one use (media or control) of an SRTP context: derived keys and a cipher keyed once. Internal to
 * media/transport: srtp_seal and srtp_reports build packets on it. */
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
    EVP_CIPHER_CTX *cipher; /* keyed once; each packet sets only its IV */
    uint8_t salt[14];
    SHA_CTX inner, outer; /* HMAC-SHA1 with the key blocks already hashed */
};
YL_CHECKED int srtp_half_init(struct srtp_half *h, enum dtls_profile profile, const struct srtp_session_keys *keys, bool open);
void srtp_half_fini(struct srtp_half *h);
/* GCM: the IV is (00 00, ssrc, six bytes of `index`) xor salt, RFC 7714 8.1 and 9.1. */
void srtp_gcm_iv(const uint8_t salt[12], const uint8_t ssrc[4], const uint8_t index[6], uint8_t iv[12]);
bool srtp_gcm_begin(struct srtp_half *h, const uint8_t ssrc[4], const uint8_t index[6]);
/* Counter mode from salt, SSRC and the 48-bit index, RFC 3711 4.1.1. */
bool srtp_cm_begin(struct srtp_half *h, const uint8_t ssrc[4], const uint8_t index[6]);
/* HMAC-SHA1 over the packet and the four bytes that follow it (rollover counter or index), 80 bits of it. */
void srtp_half_hmac(const struct srtp_half *h, const uint8_t *packet, size_t len, const uint8_t suffix[4], uint8_t tag[SRTP_CM80_TAG]);
#endif
