#include "media/transport/dtls_engine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct dtls_identity {
    const struct dtls_ops *ops;
    void *own; /* the engine's */
    char fingerprint[DTLS_FINGERPRINT_TEXT];
};

struct dtls {
    const struct dtls_ops *ops;
    void *session;
    struct dtls_link link;
    bool started;
    enum dtls_state state;
    char remote_fingerprint[DTLS_FINGERPRINT_TEXT];
    struct dtls_keys keys;
    char why[96];
};

void dtls_fingerprint_text(const uint8_t hash[32], char out[DTLS_FINGERPRINT_TEXT])
{
    for (int i = 0; i < 32; i++)
        snprintf(out + 3 * i, 4, i < 31 ? "%02X:" : "%02X", hash[i]);
}

int dtls_identity_new(struct dtls_identity **out, enum dtls_engine engine)
{
    struct dtls_identity *id = calloc(1, sizeof *id);
    if (!id) return ERR_INTERNAL;
    id->ops = engine == DTLS_ENGINE_MBEDTLS ? &dtls_mbedtls : &dtls_openssl;
    if (id->ops->identity_new(&id->own, id->fingerprint)) {
        free(id);
        return ERR_INTERNAL;
    }
    *out = id;
    return 0;
}

void dtls_identity_free(struct dtls_identity *id)
{
    if (!id) return;
    id->ops->identity_free(id->own);
    free(id);
}

const char *dtls_identity_fingerprint(const struct dtls_identity *id)
{
    return id->fingerprint;
}

int dtls_new(struct dtls **out, const struct dtls_params *params)
{
    struct dtls *d = calloc(1, sizeof *d);
    if (!d) return ERR_INTERNAL;
    d->ops = params->identity->ops;
    d->link = (struct dtls_link){.client = params->client, .send = params->send, .ctx = params->ctx};
    snprintf(d->remote_fingerprint, sizeof d->remote_fingerprint, "%s", params->remote_fingerprint);
    if (d->ops->open(&d->session, params->identity->own, &d->link)) {
        free(d);
        return ERR_INTERNAL;
    }
    *out = d;
    return 0;
}

void dtls_free(struct dtls *d)
{
    if (!d) return;
    d->ops->close(d->session);
    explicit_bzero(d, sizeof *d);
    free(d);
}

static void fail(struct dtls *d, const char *what, int err)
{
    d->state = DTLS_FAILED;
    snprintf(d->why, sizeof d->why, "%s (%s0x%04x)", what, err < 0 ? "-" : "", (unsigned)(err < 0 ? -err : err));
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
static void order_keys(struct dtls *d, const uint8_t *all)
{
    size_t salt = dtls_salt_bytes(d->keys.profile);
    uint8_t *client = d->link.client ? d->keys.send : d->keys.receive, *server = d->link.client ? d->keys.receive : d->keys.send;
    memcpy(client, all, DTLS_SRTP_KEY);
    memcpy(server, all + DTLS_SRTP_KEY, DTLS_SRTP_KEY);
    memcpy(client + DTLS_SRTP_KEY, all + 2 * DTLS_SRTP_KEY, salt);
    memcpy(server + DTLS_SRTP_KEY, all + 2 * DTLS_SRTP_KEY + salt, salt);
}

/* The handshake is over: is it the peer that signaling named, and did it agree on SRTP? */
static void finish(struct dtls *d)
{
    char seen[DTLS_FINGERPRINT_TEXT] = "";
    uint8_t all[2 * (DTLS_SRTP_KEY + DTLS_SRTP_SALT)];
    unsigned profile = 0;
    if (!d->ops->peer_fingerprint(d->session, seen) || strcasecmp(seen, d->remote_fingerprint) != 0) {
        d->ops->refuse(d->session);
        fail(d, "certificate fingerprint differs", 0);
        return;
    }
    int err = d->ops->export_keys(d->session, &profile, all);
    if (err) {
        fail(d, "key export", err);
    } else if (profile != DTLS_PROFILE_CM80 && profile != DTLS_PROFILE_GCM128) {
        fail(d, "no common SRTP profile", 0);
    } else {
        d->keys.profile = (enum dtls_profile)profile;
        order_keys(d, all);
        d->state = DTLS_CONNECTED;
    }
    explicit_bzero(all, sizeof all);
}

static void step(struct dtls *d, const uint8_t *datagram, size_t len, int64_t now_us)
{
    int error = 0;
    d->link.now_us = now_us;
    switch (d->ops->step(d->session, datagram, len, d->state == DTLS_CONNECTED, &error)) {
    case DTLS_GOES_ON: break;
    case DTLS_HANDSHAKE_DONE: finish(d); break;
    case DTLS_GOODBYE: d->state = DTLS_CLOSED; break;
    case DTLS_BROKEN: fail(d, "handshake", error); break;
    }
}

void dtls_start(struct dtls *d, int64_t now_us)
{
    if (d->started || !d->link.client) return;
    d->started = true;
    step(d, NULL, 0, now_us);
}

void dtls_input(struct dtls *d, const uint8_t *datagram, size_t len, int64_t now_us)
{
    if (d->state == DTLS_FAILED || d->state == DTLS_CLOSED || !len) return;
    d->started = true;
    step(d, datagram, len, now_us);
}

void dtls_tick(struct dtls *d, int64_t now_us)
{
    if (now_us >= dtls_deadline_us(d)) step(d, NULL, 0, now_us);
}

int64_t dtls_deadline_us(const struct dtls *d)
{
    return d->state == DTLS_HANDSHAKE && d->started ? d->ops->deadline_us(d->session) : INT64_MAX;
}

enum dtls_state dtls_state(const struct dtls *d)
{
    return d->state;
}

const char *dtls_why(const struct dtls *d)
{
    return d->why;
}

void dtls_keys(const struct dtls *d, struct dtls_keys *out)
{
    *out = d->keys;
}

void dtls_retire(struct dtls *d)
{
    if (d->state == DTLS_CONNECTED && d->ops->retire) d->ops->retire(d->session);
}

void dtls_close(struct dtls *d)
{
    if (d->state == DTLS_CONNECTED || (d->state == DTLS_HANDSHAKE && d->started)) d->ops->goodbye(d->session);
    d->state = DTLS_CLOSED;
}
