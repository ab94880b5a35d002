/* The OpenSSL 3 engine: AEAD_AES_128_GCM first, then AES_CM_128_HMAC_SHA1_80. It puts a split ClientHello together itself. */
#include "media/rtp/bytes.h"
#include "media/transport/dtls_engine.h"
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/* What is left of a session once the peer has proved that it finished: enough for a goodbye in each direction. */
struct rest {
    uint8_t farewell[80]; /* our close_notify, sealed in advance */
    size_t farewell_len;
    uint8_t key[16], salt[4]; /* the peer's, AES-128-GCM (RFC 5288) */
};

struct session {
    SSL *ssl; /* NULL: only `rest` is left */
    struct rest *rest;
    bool keep; /* what would be sent goes to rest->farewell */
    const struct dtls_link *link;
    const uint8_t *pending;
    size_t pending_len;
    int64_t deadline_us;
};

/* ---- the wire: one BIO, one call = one datagram ---- */
static int wire_write(BIO *bio, const char *data, int len)
{
    struct session *s = BIO_get_data(bio);
    if (!s->keep) {
        s->link->send(s->link->ctx, (const uint8_t *)data, (size_t)len);
    } else if ((size_t)len <= sizeof s->rest->farewell) {
        memcpy(s->rest->farewell, data, (size_t)len);
        s->rest->farewell_len = (size_t)len;
    }
    return len;
}

static int wire_read(BIO *bio, char *out, int cap)
{
    struct session *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!s->pending_len) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = s->pending_len < (size_t)cap ? s->pending_len : (size_t)cap;
    memcpy(out, s->pending, n);
    s->pending_len = 0;
    return (int)n;
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static pthread_once_t wire_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *wire;
static void make_wire(void)
{
    wire = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    if (!wire) return;
    BIO_meth_set_write(wire, wire_write);
    BIO_meth_set_read(wire, wire_read);
    BIO_meth_set_ctrl(wire, wire_ctrl);
}

/* ---- identity: an SSL_CTX with a fresh certificate ---- */
static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    uint8_t serial[8];
    if (!x) return NULL;
    X509_NAME *name = X509_get_subject_name(x);
    BIGNUM *n = RAND_bytes(serial, sizeof serial) == 1 ? BN_bin2bn(serial, sizeof serial, NULL) : NULL;
    /* Only the fingerprint is looked at; the dates are wide so that a wrong clock on either side does no harm. */
    bool ok = n && X509_set_version(x, X509_VERSION_3) && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) &&
              ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20200101000000Z") &&
              ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20491231235959Z") &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"yilian", -1, -1, 0) &&
              X509_set_issuer_name(x, name) && X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256());
    BN_free(n);
    if (ok) return x;
    X509_free(x);
    return NULL;
}

static bool fingerprint_of(const X509 *x, char out[DTLS_FINGERPRINT_TEXT])
{
    uint8_t hash[32];
    if (!x || X509_digest(x, EVP_sha256(), hash, NULL) != 1) return false;
    dtls_fingerprint_text(hash, out);
    return true;
}

static int accept_any(X509_STORE_CTX *store, void *arg)
{
    return 1; /* the fingerprint decides, in dtls.c */
}

static bool configure(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
    SSL_CTX_set_max_send_fragment(ctx, DTLS_MTU); /* sizes the write buffer, else 16 KB for each peer */
    return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) && SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                                        "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA") &&
           SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") &&
           /* As the server our order decides (RFC 5764 4.1.1 leaves it to us); returns 0 when it is content. */
           SSL_CTX_set_tlsext_use_srtp(ctx, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0;
}

static int identity_new(void **out, char fingerprint[DTLS_FINGERPRINT_TEXT])
{
    pthread_once(&wire_once, make_wire);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = key ? make_certificate(key) : NULL;
    SSL_CTX *ctx = SSL_CTX_new(DTLS_method());
    bool ok = wire && x && ctx && configure(ctx) && SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
              fingerprint_of(x, fingerprint);
    X509_free(x);
    EVP_PKEY_free(key);
    if (!ok) {
        SSL_CTX_free(ctx);
        return ERR_INTERNAL;
    }
    *out = ctx;
    return 0;
}

static void identity_free(void *identity)
{
    SSL_CTX_free(identity);
}

/* ---- session ---- */
static unsigned next_timer(SSL *ssl, unsigned last_us) /* microseconds; last_us 0: the first */
{
    unsigned next = last_us ? last_us * 2 : DTLS_TIMER_FIRST_MS * 1000;
    return next < DTLS_TIMER_LAST_MS * 1000 ? next : DTLS_TIMER_LAST_MS * 1000;
}

static int session_open(void **out, void *identity, const struct dtls_link *link)
{
    struct session *s = calloc(1, sizeof *s);
    BIO *bio = s ? BIO_new(wire) : NULL;
    SSL *ssl = bio ? SSL_new(identity) : NULL;
    if (!ssl) {
        BIO_free(bio);
        free(s);
        return ERR_INTERNAL;
    }
    s->link = link;
    s->ssl = ssl;
    s->deadline_us = INT64_MAX;
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio); /* takes the one reference for both directions */
    SSL_set_mtu(ssl, DTLS_MTU);
    DTLS_set_timer_cb(ssl, next_timer);
    if (link->client) SSL_set_connect_state(ssl);
    else SSL_set_accept_state(ssl);
    *out = s;
    return 0;
}

static void session_close(void *session)
{
    struct session *s = session;
    SSL_free(s->ssl);
    if (s->rest) explicit_bzero(s->rest, sizeof *s->rest);
    free(s->rest);
    free(s);
}

static enum dtls_progress handshake(struct session *s, int *error)
{
    int n = SSL_do_handshake(s->ssl), why = SSL_get_error(s->ssl, n);
    if (n == 1) return DTLS_HANDSHAKE_DONE;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return DTLS_GOES_ON;
    *error = (int)ERR_GET_REASON(ERR_peek_last_error());
    return DTLS_BROKEN;
}

/* ---- the long rest of a call ---- */
/* The record keys of the peer (RFC 5246 6.3): from the master secret, for AEAD ciphers client key, server key, client salt, server salt. */
static bool peer_keys(SSL *ssl, bool client, struct rest *r)
{
    uint8_t master[48], randoms[64], block[40];
    const SSL_SESSION *session = SSL_get_session(ssl);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM p[] = {OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t)"SHA256", 0), OSSL_PARAM_construct_octet_string("secret", master, sizeof master),
                      OSSL_PARAM_construct_octet_string("seed", (char *)(uintptr_t)"key expansion", 13),
                      OSSL_PARAM_construct_octet_string("seed", randoms, sizeof randoms), OSSL_PARAM_construct_end()};
    bool ok = c && SSL_SESSION_get_master_key(session, master, sizeof master) == sizeof master &&
              SSL_get_server_random(ssl, randoms, 32) == 32 && SSL_get_client_random(ssl, randoms + 32, 32) == 32 &&
              EVP_KDF_derive(c, block, sizeof block, p) == 1;
    memcpy(r->key, block + (client ? 16 : 0), 16);
    memcpy(r->salt, block + (client ? 36 : 32), 4);
    explicit_bzero(master, sizeof master);
    explicit_bzero(block, sizeof block);
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(kdf);
    return ok;
}

static void retire(void *session)
{
    struct session *s = session;
    const SSL_CIPHER *cipher = s->ssl ? SSL_get_current_cipher(s->ssl) : NULL;
    if (!cipher || SSL_CIPHER_get_cipher_nid(cipher) != NID_aes_128_gcm || s->rest || !(s->rest = calloc(1, sizeof *s->rest))) return;
    if (!peer_keys(s->ssl, s->link->client, s->rest)) return;
    s->keep = true;
    SSL_shutdown(s->ssl);
    s->keep = false;
    SSL_free(s->ssl);
    s->ssl = NULL;
    s->deadline_us = INT64_MAX;
}

/* Is this an authentic alert that ends the connection? RFC 6347 4.1.2.1, RFC 5288 3, RFC 5246 7.2. */
static bool is_goodbye(const struct rest *r, const uint8_t *d, size_t len)
{
    static const size_t head = 13, nonce_len = 8, tag_len = 16, alert = 2;
    if (len != head + nonce_len + alert + tag_len || d[0] != 21 || get_u16(d + 3) != 1 || get_u16(d + 11) != len - head) return false;
    uint8_t nonce[12], aad[13], plain[2];
    int n;
    memcpy(nonce, r->salt, 4);
    memcpy(nonce + 4, d + head, nonce_len);
    memcpy(aad, d + 3, 8); /* epoch and sequence number, then type, version, length */
    memcpy(aad + 8, d, 3);
    aad[11] = 0;
    aad[12] = (uint8_t)alert;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), NULL, r->key, nonce) && EVP_DecryptUpdate(c, NULL, &n, aad, sizeof aad) &&
              EVP_DecryptUpdate(c, plain, &n, d + head + nonce_len, (int)alert) &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, (void *)(uintptr_t)(d + len - tag_len)) &&
              EVP_DecryptFinal_ex(c, plain + alert, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok && (plain[0] == 2 || plain[1] == 0); /* fatal, or close_notify */
}

static enum dtls_progress step(void *session, const uint8_t *datagram, size_t len, bool connected, int *error)
{
    struct session *s = session;
    enum dtls_progress p = DTLS_GOES_ON;
    if (!s->ssl) return is_goodbye(s->rest, datagram, len) ? DTLS_GOODBYE : DTLS_GOES_ON;
    ERR_clear_error();
    s->pending = datagram;
    s->pending_len = len;
    if (connected) { /* a lost last flight is sent again from in here; data is not expected */
        uint8_t scrap[512];
        int n = SSL_read(s->ssl, scrap, sizeof scrap), why = SSL_get_error(s->ssl, n);
        if (n <= 0 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) p = DTLS_GOODBYE;
    } else if (!len && SSL_get_state(s->ssl) != TLS_ST_BEFORE) {
        if (DTLSv1_handle_timeout(s->ssl) < 0) {
            *error = (int)ERR_GET_REASON(ERR_peek_last_error());
            p = DTLS_BROKEN;
        }
    } else {
        p = handshake(s, error);
    }
    s->pending_len = 0;
    struct timeval left;
    s->deadline_us = DTLSv1_get_timeout(s->ssl, &left) ? s->link->now_us + (int64_t)left.tv_sec * 1000000 + left.tv_usec : INT64_MAX;
    return p;
}

static int64_t deadline_us(const void *session)
{
    return ((const struct session *)session)->deadline_us;
}

static bool peer_fingerprint(const void *session, char out[DTLS_FINGERPRINT_TEXT])
{
    return fingerprint_of(SSL_get0_peer_certificate(((const struct session *)session)->ssl), out);
}

static int export_keys(void *session, unsigned *profile, uint8_t *out)
{
    struct session *s = session;
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(s->ssl);
    *profile = chosen ? (unsigned)chosen->id : 0;
    size_t n = 2 * (DTLS_SRTP_KEY + dtls_salt_bytes((enum dtls_profile)*profile));
    return SSL_export_keying_material(s->ssl, out, n, "EXTRACTOR-dtls_srtp", strlen("EXTRACTOR-dtls_srtp"), NULL, 0, 0) == 1 ? 0 : -1;
}

static void refuse(void *session)
{
    SSL_shutdown(((struct session *)session)->ssl); /* OpenSSL sends no alert on request: the peer sees the end, and why is in our log */
}

static void goodbye(void *session)
{
    struct session *s = session;
    if (s->ssl) SSL_shutdown(s->ssl);
    else s->link->send(s->link->ctx, s->rest->farewell, s->rest->farewell_len);
}

const struct dtls_ops dtls_openssl = {identity_new, identity_free, session_open,     session_close, step,
                                      deadline_us,  peer_fingerprint, export_keys, refuse,        goodbye, retire};
