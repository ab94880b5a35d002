#include "media/transport/dtls.h"
#include "media/transport/hello.h"
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FINGERPRINT_TEXT 96

struct dtls_identity {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context rng;
    mbedtls_pk_context key;
    mbedtls_x509_crt cert;
    char fingerprint[FINGERPRINT_TEXT];
};

static void fingerprint_text(const uint8_t *der, size_t len, char out[FINGERPRINT_TEXT])
{
    uint8_t hash[32];
    mbedtls_sha256_ret(der, len, hash, 0);
    for (int i = 0; i < 32; i++)
        snprintf(out + 3 * i, 4, i < 31 ? "%02X:" : "%02X", hash[i]);
}

static int make_certificate(struct dtls_identity *id)
{
    uint8_t der[1024], serial_bytes[8];
    mbedtls_x509write_cert w;
    mbedtls_mpi serial;
    mbedtls_x509write_crt_init(&w);
    mbedtls_mpi_init(&serial);
    mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&w, &id->key);
    mbedtls_x509write_crt_set_issuer_key(&w, &id->key);
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    int n = mbedtls_ctr_drbg_random(&id->rng, serial_bytes, sizeof serial_bytes);
    serial_bytes[0] &= 0x7f;
    if (n == 0) n = mbedtls_mpi_read_binary(&serial, serial_bytes, sizeof serial_bytes);
    if (n == 0) n = mbedtls_x509write_crt_set_serial(&w, &serial);
    if (n == 0) n = mbedtls_x509write_crt_set_subject_name(&w, "CN=yilian");
    if (n == 0) n = mbedtls_x509write_crt_set_issuer_name(&w, "CN=yilian");
    /* Only the fingerprint is looked at; the dates are wide so that a wrong clock on either side does no harm. */
    if (n == 0) n = mbedtls_x509write_crt_set_validity(&w, "20200101000000", "20491231235959");
    if (n == 0) n = mbedtls_x509write_crt_der(&w, der, sizeof der, mbedtls_ctr_drbg_random, &id->rng);
    if (n > 0) {
        const uint8_t *start = der + sizeof der - n; /* mbedtls writes at the end of the buffer */
        fingerprint_text(start, (size_t)n, id->fingerprint);
        n = mbedtls_x509_crt_parse_der(&id->cert, start, (size_t)n);
    } else if (n == 0) {
        n = -1;
    }
    mbedtls_mpi_free(&serial);
    mbedtls_x509write_crt_free(&w);
    return n;
}

int dtls_identity_new(struct dtls_identity **out)
{
    struct dtls_identity *id = calloc(1, sizeof *id);
    if (!id) return ERR_INTERNAL;
    mbedtls_entropy_init(&id->entropy);
    mbedtls_ctr_drbg_init(&id->rng);
    mbedtls_pk_init(&id->key);
    mbedtls_x509_crt_init(&id->cert);
    int err = mbedtls_ctr_drbg_seed(&id->rng, mbedtls_entropy_func, &id->entropy, (const uint8_t *)"yilian-dtls", 11);
    if (err == 0) err = mbedtls_pk_setup(&id->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (err == 0)
        err = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(id->key), mbedtls_ctr_drbg_random, &id->rng);
    if (err == 0) err = make_certificate(id);
    if (err) {
        dtls_identity_free(id);
        return ERR_INTERNAL;
    }
    *out = id;
    return 0;
}

void dtls_identity_free(struct dtls_identity *id)
{
    if (!id) return;
    mbedtls_x509_crt_free(&id->cert);
    mbedtls_pk_free(&id->key);
    mbedtls_ctr_drbg_free(&id->rng);
    mbedtls_entropy_free(&id->entropy);
    free(id);
}

const char *dtls_identity_fingerprint(const struct dtls_identity *id)
{
    return id->fingerprint;
}

struct dtls {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf; /* one per connection: the key export callback's context lives in it */
    struct hello *hello;     /* server only, freed when connected */
    bool client, started;
    enum dtls_state state;
    char remote_fingerprint[FINGERPRINT_TEXT];
    void (*send)(void *ctx, const uint8_t *datagram, size_t len);
    void *ctx;
    int64_t now_us, intermediate_us, final_us; /* final_us 0 = no timer */
    const uint8_t *pending;
    size_t pending_len;
    uint8_t master[48], randoms[64];
    mbedtls_tls_prf_types prf;
    struct dtls_keys keys;
    char why[96];
};

static int bio_send(void *ctx, const uint8_t *data, size_t len)
{
    struct dtls *d = ctx;
    d->send(d->ctx, data, len);
    return (int)len;
}

static int bio_receive(void *ctx, uint8_t *out, size_t cap)
{
    struct dtls *d = ctx;
    if (!d->pending_len) return MBEDTLS_ERR_SSL_WANT_READ;
    size_t n = d->pending_len < cap ? d->pending_len : cap;
    memcpy(out, d->pending, n);
    d->pending_len = 0;
    return (int)n;
}

static void timer_set(void *ctx, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct dtls *d = ctx;
    d->intermediate_us = d->now_us + (int64_t)intermediate_ms * 1000;
    d->final_us = final_ms ? d->now_us + (int64_t)final_ms * 1000 : 0;
}

static int timer_get(void *ctx)
{
    const struct dtls *d = ctx;
    if (!d->final_us) return -1;
    return d->now_us >= d->final_us ? 2 : d->now_us >= d->intermediate_us ? 1 : 0;
}

static int keys_exported(void *ctx, const uint8_t *master, const uint8_t *block, size_t mac_len, size_t key_len,
                         size_t iv_len, const uint8_t client_random[32], const uint8_t server_random[32],
                         mbedtls_tls_prf_types prf) /* mbedtls' signature, hence nine parameters */
{
    struct dtls *d = ctx;
    memcpy(d->master, master, sizeof d->master);
    memcpy(d->randoms, client_random, 32);
    memcpy(d->randoms + 32, server_random, 32);
    d->prf = prf;
    return 0;
}

static int accept_any(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    *flags = 0; /* the fingerprint decides, in finish() */
    return 0;
}

static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
                             0};
/* mbedtls 2.28 knows no GCM profile (0x0007): naming it would complete the handshake without SRTP. */
static const mbedtls_ssl_srtp_profile profiles[] = {MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80,
                                                    MBEDTLS_TLS_SRTP_UNSET};

static int configure(struct dtls *d, struct dtls_identity *id)
{
    mbedtls_ssl_config *c = &d->conf;
    int err = mbedtls_ssl_config_defaults(c, d->client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                          MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (err) return err;
    mbedtls_ssl_conf_min_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(c, suites);
    mbedtls_ssl_conf_rng(c, mbedtls_ctr_drbg_random, &id->rng);
    mbedtls_ssl_conf_authmode(c, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_verify(c, accept_any, NULL);
    mbedtls_ssl_conf_handshake_timeout(c, 200, 4000);
    mbedtls_ssl_conf_export_keys_ext_cb(c, keys_exported, d);
    if (!d->client) mbedtls_ssl_conf_dtls_cookies(c, NULL, NULL, NULL); /* the ICE check proved the address already */
    err = mbedtls_ssl_conf_own_cert(c, &id->cert, &id->key);
    if (err == 0) err = mbedtls_ssl_conf_dtls_srtp_protection_profiles(c, profiles);
    if (err == 0) err = mbedtls_ssl_setup(&d->ssl, c);
    return err;
}

int dtls_new(struct dtls **out, const struct dtls_params *params)
{
    struct dtls *d = calloc(1, sizeof *d);
    if (!d) return ERR_INTERNAL;
    d->client = params->client;
    d->send = params->send;
    d->ctx = params->ctx;
    snprintf(d->remote_fingerprint, sizeof d->remote_fingerprint, "%s", params->remote_fingerprint);
    mbedtls_ssl_init(&d->ssl);
    mbedtls_ssl_config_init(&d->conf);
    if (!d->client) d->hello = calloc(1, sizeof *d->hello);
    if ((!d->client && !d->hello) || configure(d, params->identity)) {
        dtls_free(d);
        return ERR_INTERNAL;
    }
    mbedtls_ssl_set_mtu(&d->ssl, 1200);
    mbedtls_ssl_set_bio(&d->ssl, d, bio_send, bio_receive, NULL);
    mbedtls_ssl_set_timer_cb(&d->ssl, d, timer_set, timer_get);
    *out = d;
    return 0;
}

void dtls_free(struct dtls *d)
{
    if (!d) return;
    mbedtls_ssl_free(&d->ssl);
    mbedtls_ssl_config_free(&d->conf);
    free(d->hello);
    explicit_bzero(d, sizeof *d);
    free(d);
}

static void fail(struct dtls *d, const char *what, int err)
{
    d->state = DTLS_FAILED;
    d->final_us = 0;
    snprintf(d->why, sizeof d->why, "%s (%s0x%04x)", what, err < 0 ? "-" : "", (unsigned)(err < 0 ? -err : err));
}

/* The handshake is over: is it the peer that signaling named, and did it agree on SRTP? */
static void finish(struct dtls *d)
{
    const mbedtls_x509_crt *cert = mbedtls_ssl_get_peer_cert(&d->ssl);
    char seen[FINGERPRINT_TEXT] = "";
    if (cert) fingerprint_text(cert->raw.p, cert->raw.len, seen);
    mbedtls_dtls_srtp_info info;
    mbedtls_ssl_get_dtls_srtp_negotiation_result(&d->ssl, &info);
    uint8_t out[2 * (DTLS_SRTP_KEY + DTLS_SRTP_SALT)];
    if (!cert || strcasecmp(seen, d->remote_fingerprint) != 0) {
        mbedtls_ssl_send_alert_message(&d->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
        fail(d, "certificate fingerprint differs", 0);
        return;
    }
    if (info.chosen_dtls_srtp_profile != MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80) {
        fail(d, "no common SRTP profile", 0);
        return;
    }
    int err = mbedtls_ssl_tls_prf(d->prf, d->master, sizeof d->master, "EXTRACTOR-dtls_srtp", d->randoms,
                                  sizeof d->randoms, out, sizeof out);
    if (err) {
        fail(d, "key export", err);
        return;
    }
    /* RFC 5764 4.2: client key, server key, client salt, server salt. */
    uint8_t *mine = d->client ? d->keys.send : d->keys.receive, *theirs = d->client ? d->keys.receive : d->keys.send;
    memcpy(mine, out, DTLS_SRTP_KEY);
    memcpy(theirs, out + DTLS_SRTP_KEY, DTLS_SRTP_KEY);
    memcpy(mine + DTLS_SRTP_KEY, out + 2 * DTLS_SRTP_KEY, DTLS_SRTP_SALT);
    memcpy(theirs + DTLS_SRTP_KEY, out + 2 * DTLS_SRTP_KEY + DTLS_SRTP_SALT, DTLS_SRTP_SALT);
    explicit_bzero(d->master, sizeof d->master);
    explicit_bzero(out, sizeof out);
    free(d->hello);
    d->hello = NULL;
    d->state = DTLS_CONNECTED;
}

static void step(struct dtls *d)
{
    if (d->state == DTLS_HANDSHAKE) {
        int err = mbedtls_ssl_handshake(&d->ssl);
        if (err == 0)
            finish(d);
        else if (err != MBEDTLS_ERR_SSL_WANT_READ && err != MBEDTLS_ERR_SSL_WANT_WRITE)
            fail(d, "handshake", err);
    } else if (d->state == DTLS_CONNECTED) { /* a lost last flight is sent again from in here; data is not expected */
        uint8_t scrap[512];
        int n = mbedtls_ssl_read(&d->ssl, scrap, sizeof scrap);
        if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || n == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) d->state = DTLS_CLOSED;
    }
}

void dtls_start(struct dtls *d, int64_t now_us)
{
    if (d->started || !d->client) return;
    d->started = true;
    d->now_us = now_us;
    step(d);
}

void dtls_input(struct dtls *d, const uint8_t *datagram, size_t len, int64_t now_us)
{
    if (d->state == DTLS_FAILED || d->state == DTLS_CLOSED) return;
    d->now_us = now_us;
    d->started = true;
    if (d->hello) {
        enum hello_verdict v = hello_input(d->hello, datagram, len);
        if (v == HELLO_HELD || v == HELLO_BAD) return;
        if (v == HELLO_COMPLETE) datagram = hello_record(d->hello, &len);
    }
    d->pending = datagram;
    d->pending_len = len;
    step(d);
    d->pending_len = 0;
}

void dtls_tick(struct dtls *d, int64_t now_us)
{
    if (d->state != DTLS_HANDSHAKE || !d->final_us || now_us < d->final_us) return;
    d->now_us = now_us;
    step(d);
}

int64_t dtls_deadline_us(const struct dtls *d)
{
    return d->state == DTLS_HANDSHAKE && d->final_us ? d->final_us : INT64_MAX;
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

void dtls_close(struct dtls *d)
{
    if (d->state == DTLS_CONNECTED || (d->state == DTLS_HANDSHAKE && d->started)) mbedtls_ssl_close_notify(&d->ssl);
    d->state = DTLS_CLOSED;
}
