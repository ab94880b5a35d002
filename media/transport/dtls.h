/* dtls - DTLS 1.2 for SRTP keys (RFC 6347, 5764), sans-I/O: datagrams and the time in, datagrams and the next deadline out.
 *
 * Hides mbedtls 2.28 and its settings, the ClientHello shim and retransmission. Both roles. The certificate of the peer is
 * checked only by its SHA-256 fingerprint (RFC 8122), which signaling carried. Worker thread; one identity per worker
 * thread (mbedtls' generator is not shared between threads).
 */
#ifndef YL_MEDIA_TRANSPORT_DTLS_H
#define YL_MEDIA_TRANSPORT_DTLS_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_SRTP_KEY 16
#define DTLS_SRTP_SALT 14

struct dtls_identity; /* ECDSA P-256 key, self-signed certificate, random generator */
YL_CHECKED int dtls_identity_new(struct dtls_identity **out);
void dtls_identity_free(struct dtls_identity *id);
const char *dtls_identity_fingerprint(const struct dtls_identity *id); /* "AA:BB:...", SHA-256 */

struct dtls;
struct dtls_params {
    struct dtls_identity *identity; /* borrowed */
    bool client;
    const char *remote_fingerprint; /* copied */
    void (*send)(void *ctx, const uint8_t *datagram, size_t len);
    void *ctx;
};
enum dtls_state { DTLS_HANDSHAKE, DTLS_CONNECTED, DTLS_FAILED, DTLS_CLOSED /* the peer said goodbye */ };

struct dtls_keys { /* SRTP_AES128_CM_HMAC_SHA1_80, key then salt */
    uint8_t send[DTLS_SRTP_KEY + DTLS_SRTP_SALT], receive[DTLS_SRTP_KEY + DTLS_SRTP_SALT];
};

YL_CHECKED int dtls_new(struct dtls **out, const struct dtls_params *params);
void dtls_free(struct dtls *d);
/* Begins the handshake when we are the client (a server waits); call it once the peer's address is known. */
void dtls_start(struct dtls *d, int64_t now_us);
void dtls_input(struct dtls *d, const uint8_t *datagram, size_t len, int64_t now_us);
void dtls_tick(struct dtls *d, int64_t now_us);
int64_t dtls_deadline_us(const struct dtls *d); /* INT64_MAX = none */
enum dtls_state dtls_state(const struct dtls *d);
const char *dtls_why(const struct dtls *d); /* for the log, after DTLS_FAILED; static storage or in d */
void dtls_keys(const struct dtls *d, struct dtls_keys *out); /* only in DTLS_CONNECTED */
void dtls_close(struct dtls *d); /* sends close_notify */
#endif
