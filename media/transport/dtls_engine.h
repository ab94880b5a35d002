/* dtls_engine - what a DTLS library must be able to do for dtls.c: one table per library. Internal to media/transport.
 *
 * An engine moves bytes; dtls.c decides (fingerprint, which profile is good enough, key order, states).
 */
#ifndef YL_MEDIA_TRANSPORT_DTLS_ENGINE_H
#define YL_MEDIA_TRANSPORT_DTLS_ENGINE_H

#include "media/transport/dtls.h"

#define DTLS_FINGERPRINT_TEXT 96
#define DTLS_MTU 1200
#define DTLS_TIMER_FIRST_MS 200 /* the libraries' own 1 s makes a lossy join take seconds */
#define DTLS_TIMER_LAST_MS 4000

struct dtls_link { /* what a session may use of its connection; outlives it */
    bool client;
    int64_t now_us; /* kept up to date before every call */
    void (*send)(void *ctx, const uint8_t *datagram, size_t len);
    void *ctx;
};

enum dtls_progress { DTLS_GOES_ON, DTLS_HANDSHAKE_DONE, DTLS_GOODBYE, DTLS_BROKEN };

struct dtls_ops {
    int (*identity_new)(void **identity, char fingerprint[DTLS_FINGERPRINT_TEXT]);
    void (*identity_free)(void *identity);
    int (*open)(void **session, void *identity, const struct dtls_link *link);
    void (*close)(void *session);
    /* One datagram (len 0: none, look at the timers). *error: the library's number after DTLS_BROKEN. */
    enum dtls_progress (*step)(void *session, const uint8_t *datagram, size_t len, bool connected, int *error);
    int64_t (*deadline_us)(const void *session);
    /* False when the peer showed none. */
    bool (*peer_fingerprint)(const void *session, char out[DTLS_FINGERPRINT_TEXT]);
    /* 0 and *profile = 0: no SRTP was agreed on. `out` has 60 bytes; 2 * (key + salt of the profile) of them are filled. */
    int (*export_keys)(void *session, unsigned *profile, uint8_t *out);
    void (*refuse)(void *session);  /* fatal alert: bad certificate */
    void (*goodbye)(void *session); /* close_notify */
    void (*retire)(void *session);  /* dtls_retire; NULL: cannot */
};

extern const struct dtls_ops dtls_openssl, dtls_mbedtls;
/* "AA:BB:..." of a SHA-256. */
void dtls_fingerprint_text(const uint8_t hash[32], char out[DTLS_FINGERPRINT_TEXT]);
#endif
