/* The mbedtls 2.28 engine: AES_CM_128_HMAC_SHA1_80 only, and it needs the ClientHello shim (hello.h). */
#include "media/transport/dtls_engine.h"
#include "media/transport/hello.h"
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>

struct identity {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context rng;
    mbedtls_pk_context key;
    mbedtls_x509_crt cert;
};

static void fingerprint_of(const uint8_t *der, size_t len, char out[DTLS_FINGERPRINT_TEXT])
{
    uint8_t hash[32];
    mbedtls_sha256_ret(der, len, hash, 0);
    dtls_fingerprint_text(hash, out);
}

static int make_certificate(struct identity *id, char fingerprint[DTLS_FINGERPRINT_TEXT])
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
        fingerprint_of(start, (size_t)n, fingerprint);
        n = mbedtls_x509_crt_parse_der(&id->cert, start, (size_t)n);
    } else if (n == 0) {
        n = -1;
    }
    mbedtls_mpi_free(&serial);
    mbedtls_x509write_crt_free(&w);
    return n;
}

static void identity_free(void *identity)
{
    struct identity *id = identity;
    mbedtls_x509_crt_free(&id->cert);
    mbedtls_pk_free(&id->key);
    mbedtls_ctr_drbg_free(&id->rng);
    mbedtls_entropy_free(&id->entropy);
    free(id);
}

static int identity_new(void **out, char fingerprint[DTLS_FINGERPRINT_TEXT])
{
    struct identity *id = calloc(1, sizeof *id);
    if (!id) return ERR_INTERNAL;
    mbedtls_entropy_init(&id->entropy);
    mbedtls_ctr_drbg_init(&id->rng);
    mbedtls_pk_init(&id->key);
    mbedtls_x509_crt_init(&id->cert);
    int err = mbedtls_ctr_drbg_seed(&id->rng, mbedtls_entropy_func, &id->entropy, (const uint8_t *)"yilian-dtls", 11);
    if (err == 0) err = mbedtls_pk_setup(&id->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (err == 0)
        err = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(id->key), mbedtls_ctr_drbg_random, &id->rng);
    if (err == 0) err = make_certificate(id, fingerprint);
    if (err) {
        identity_free(id);
        return ERR_INTERNAL;
    }
    *out = id;
    return 0;
}

struct session {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf; /* one per connection: the key export callback's context lives in it */
    const struct dtls_link *link;
    struct hello *hello; /* server only, freed when connected */
    int64_t intermediate_us, final_us; /* final_us 0 = no timer */
    const uint8_t *pending;
    size_t pending_len;
    uint8_t master[48], randoms[64];
    mbedtls_tls_prf_types prf;
};

static int bio_send(void *ctx, const uint8_t *data, size_t len)
{
    struct session *s = ctx;
    s->link->send(s->link->ctx, data, len);
    return (int)len;
}

static int bio_receive(void *ctx, uint8_t *out, size_t cap)
{
    struct session *s = ctx;
    if (!s->pending_len) return MBEDTLS_ERR_SSL_WANT_READ;
    size_t n = s->pending_len < cap ? s->pending_len : cap;
    memcpy(out, s->pending, n);
    s->pending_len = 0;
    return (int)n;
}

static void timer_set(void *ctx, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct session *s = ctx;
    s->intermediate_us = s->link->now_us + (int64_t)intermediate_ms * 1000;
    s->final_us = final_ms ? s->link->now_us + (int64_t)final_ms * 1000 : 0;
}

static int timer_get(void *ctx)
{
    const struct session *s = ctx;
    if (!s->final_us) return -1;
    return s->link->now_us >= s->final_us ? 2 : s->link->now_us >= s->intermediate_us ? 1 : 0;
}

static int keys_exported(void *ctx, const uint8_t *master, const uint8_t *block, size_t mac_len, size_t key_len,
                         size_t iv_len, const uint8_t client_random[32], const uint8_t server_random[32],
                         mbedtls_tls_prf_types prf) /* mbedtls' signature, hence nine parameters */
{
    struct session *s = ctx;
    memcpy(s->master, master, sizeof s->master);
    memcpy(s->randoms, client_random, 32);
    memcpy(s->randoms + 32, server_random, 32);
    s->prf = prf;
    return 0;
}

static int accept_any(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    *flags = 0; /* the fingerprint decides, in dtls.c */
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

static int configure(struct session *s, struct identity *id)
{
    mbedtls_ssl_config *c = &s->conf;
    bool client = s->link->client;
    int err = mbedtls_ssl_config_defaults(c, client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                          MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (err) return err;
    mbedtls_ssl_conf_min_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(c, suites);
    mbedtls_ssl_conf_rng(c, mbedtls_ctr_drbg_random, &id->rng);
    mbedtls_ssl_conf_authmode(c, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_verify(c, accept_any, NULL);
    mbedtls_ssl_conf_handshake_timeout(c, DTLS_TIMER_FIRST_MS, DTLS_TIMER_LAST_MS);
    mbedtls_ssl_conf_export_keys_ext_cb(c, keys_exported, s);
    if (!client) mbedtls_ssl_conf_dtls_cookies(c, NULL, NULL, NULL); /* the ICE check proved the address already */
    err = mbedtls_ssl_conf_own_cert(c, &id->cert, &id->key);
    if (err == 0) err = mbedtls_ssl_conf_dtls_srtp_protection_profiles(c, profiles);
    if (err == 0) err = mbedtls_ssl_setup(&s->ssl, c);
    return err;
}

static void session_close(void *session)
{
    struct session *s = session;
    mbedtls_ssl_free(&s->ssl);
    mbedtls_ssl_config_free(&s->conf);
    free(s->hello);
    explicit_bzero(s, sizeof *s);
    free(s);
}

static int session_open(void **out, void *identity, const struct dtls_link *link)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s) return ERR_INTERNAL;
    s->link = link;
    mbedtls_ssl_init(&s->ssl);
    mbedtls_ssl_config_init(&s->conf);
    if (!link->client) s->hello = calloc(1, sizeof *s->hello);
    if ((!link->client && !s->hello) || configure(s, identity)) {
        session_close(s);
        return ERR_INTERNAL;
    }
    mbedtls_ssl_set_mtu(&s->ssl, DTLS_MTU);
    mbedtls_ssl_set_bio(&s->ssl, s, bio_send, bio_receive, NULL);
    mbedtls_ssl_set_timer_cb(&s->ssl, s, timer_set, timer_get);
    *out = s;
    return 0;
}

static enum dtls_progress handshake(struct session *s, int *error)
{
    int err = mbedtls_ssl_handshake(&s->ssl);
    if (err == MBEDTLS_ERR_SSL_WANT_READ || err == MBEDTLS_ERR_SSL_WANT_WRITE) return DTLS_GOES_ON;
    *error = err;
    if (err) return DTLS_BROKEN;
    free(s->hello);
    s->hello = NULL;
    return DTLS_HANDSHAKE_DONE;
}

static enum dtls_progress step(void *session, const uint8_t *datagram, size_t len, bool connected, int *error)
{
    struct session *s = session;
    if (s->hello && len) {
        enum hello_verdict v = hello_input(s->hello, datagram, len);
        if (v == HELLO_HELD || v == HELLO_BAD) return DTLS_GOES_ON;
        if (v == HELLO_COMPLETE) datagram = hello_record(s->hello, &len);
    }
    s->pending = datagram;
    s->pending_len = len;
    enum dtls_progress p = DTLS_GOES_ON;
    if (connected) { /* a lost last flight is sent again from in here; data is not expected */
        uint8_t scrap[512];
        int n = mbedtls_ssl_read(&s->ssl, scrap, sizeof scrap);
        if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || n == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) p = DTLS_GOODBYE;
    } else {
        p = handshake(s, error);
    }
    s->pending_len = 0;
    return p;
}

static int64_t deadline_us(const void *session)
{
    const struct session *s = session;
    return s->final_us ? s->final_us : INT64_MAX;
}

static bool peer_fingerprint(const void *session, char out[DTLS_FINGERPRINT_TEXT])
{
    const mbedtls_x509_crt *cert = mbedtls_ssl_get_peer_cert(&((const struct session *)session)->ssl);
    if (cert) fingerprint_of(cert->raw.p, cert->raw.len, out);
    return cert != NULL;
}

static int export_keys(void *session, unsigned *profile, uint8_t *out)
{
    struct session *s = session;
    mbedtls_dtls_srtp_info info;
    mbedtls_ssl_get_dtls_srtp_negotiation_result(&s->ssl, &info);
    *profile = info.chosen_dtls_srtp_profile;
    int err = mbedtls_ssl_tls_prf(s->prf, s->master, sizeof s->master, "EXTRACTOR-dtls_srtp", s->randoms, sizeof s->randoms, out,
                                  2 * (DTLS_SRTP_KEY + DTLS_SRTP_SALT));
    explicit_bzero(s->master, sizeof s->master);
    return err;
}

static void refuse(void *session)
{
    struct session *s = session;
    mbedtls_ssl_send_alert_message(&s->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
}

static void goodbye(void *session)
{
    struct session *s = session;
    mbedtls_ssl_close_notify(&s->ssl);
}

const struct dtls_ops dtls_mbedtls = {identity_new, identity_free, session_open,     session_close, step,
                                      deadline_us,  peer_fingerprint, export_keys, refuse,        goodbye};
