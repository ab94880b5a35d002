/* dtls - DTLS 1.2 for SRTP keys (RFC 6347, 5764, 7714), sans-I/O: datagrams and the time in, datagrams and the next deadline out.
 *
 * Hides which library does it. Two engines: OpenSSL 3 (AES-GCM and AES-CM for SRTP) and mbedtls 2.28 (AES-CM only: it knows no GCM
 * profile). Both roles, retransmission from 200 ms to 4 s. The certificate of the peer is checked only by its SHA-256 fingerprint
 * (RFC 8122), which signaling carried. One thread per identity and its connections.
 * The times given must be those of the monotonic clock: OpenSSL's retransmission timer reads the clock itself and lets nobody in.
 */
#ifndef YL_MEDIA_TRANSPORT_DTLS_H
#define YL_MEDIA_TRANSPORT_DTLS_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_SRTP_KEY 16
#define DTLS_SRTP_SALT 14 /* the longest; GCM has 12 */

enum dtls_engine { DTLS_ENGINE_OPENSSL, DTLS_ENGINE_MBEDTLS };
enum dtls_profile { /* the numbers of use_srtp: RFC 5764 4.1.2, RFC 7714 14.2 */
    DTLS_PROFILE_CM80 = 0x0001,  /* SRTP_AES128_CM_HMAC_SHA1_80 */
    DTLS_PROFILE_GCM128 = 0x0007 /* SRTP_AEAD_AES_128_GCM, preferred */
};

struct dtls_identity; /* ECDSA P-256 key, self-signed certificate, the engine's settings */
YL_CHECKED int dtls_identity_new(struct dtls_identity **out, enum dtls_engine engine);
void dtls_identity_free(struct dtls_identity *id);
const char *dtls_identity_fingerprint(const struct dtls_identity *id); /* "AA:BB:...", SHA-256 */

struct dtls;
struct dtls_params {
    struct dtls_identity *identity; /* borrowed; names the engine */
    bool client;
    const char *remote_fingerprint; /* copied */
    void (*send)(void *ctx, const uint8_t *datagram, size_t len);
    void *ctx;
};
enum dtls_state { DTLS_HANDSHAKE, DTLS_CONNECTED, DTLS_FAILED, DTLS_CLOSED /* the peer said goodbye */ };

struct dtls_keys { /* master key then master salt (14 bytes for CM80, 12 for GCM128) */
    enum dtls_profile profile;
    uint8_t send[DTLS_SRTP_KEY + DTLS_SRTP_SALT], receive[DTLS_SRTP_KEY + DTLS_SRTP_SALT];
};
static inline size_t dtls_salt_bytes(enum dtls_profile profile)
{
    return profile == DTLS_PROFILE_GCM128 ? 12 : DTLS_SRTP_SALT;
}

YL_CHECKED int dtls_new(struct dtls **out, const struct dtls_params *params);
void dtls_free(struct dtls *d);
/* Begins the handshake when we are the client (a server waits); call it once the peer's address is known. */
void dtls_start(struct dtls *d, int64_t now_us);
void dtls_input(struct dtls *d, const uint8_t *datagram, size_t len, int64_t now_us);
void dtls_tick(struct dtls *d, int64_t now_us);
int64_t dtls_deadline_us(const struct dtls *d); /* INT64_MAX = none */
enum dtls_state dtls_state(const struct dtls *d);
const char *dtls_why(const struct dtls *d); /* for the log, after DTLS_FAILED; in d */
void dtls_keys(const struct dtls *d, struct dtls_keys *out); /* only in DTLS_CONNECTED */
/* The peer proved that it finished too (its SRTP came): gives back most of the memory, where the engine can. Goodbyes still work. */
void dtls_retire(struct dtls *d);
void dtls_close(struct dtls *d); /* sends close_notify */
#endif
