/* Plain TCP connections, with or without TLS (net.h): bytes in, bytes out, a bounded queue. */
#include "server/net/net_private.h"
#include "server/base/log.h"
#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX (8u << 20)

struct net_raw {
    struct raw_place *place;
    struct lws *wsi;
    void *user;
    uint8_t *out; /* LWS_PRE, then what waits */
    size_t out_len, out_cap;
    bool closing;
};

static void fingerprint(struct lws *wsi, char out[65])
{
    uint8_t digest[32];
    unsigned len = sizeof digest;
    SSL *ssl = lws_get_ssl(wsi);
    X509 *x = ssl ? SSL_get_peer_certificate(ssl) : NULL;
    out[0] = 0;
    if (x && X509_digest(x, EVP_sha256(), digest, &len))
        for (int i = 0; i < 32; i++)
            snprintf(out + 2 * i, 3, "%02x", digest[i]);
    X509_free(x);
}

static int adopted(struct raw_place *place, struct lws *wsi)
{
    struct net_raw *c = place->open < place->config.connections ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        metric_add(place->net->m_refused, 1);
        return -1;
    }
    c->place = place;
    c->wsi = wsi;
    place->open++;
    lws_set_opaque_user_data(wsi, c);
    return 0;
}

/* Told of with its first bytes: libwebsockets adopts before the handshake, when nobody knows the client's certificate yet. */
static int received(struct net_raw *c, const char *data, size_t len)
{
    const struct net_raw_events *e = &c->place->config.events;
    char address[ADDRESS_BYTES], certificate[65];
    if (!c->user) {
        net_address_of(lws_get_socket_fd(c->wsi), address);
        fingerprint(c->wsi, certificate);
        c->user = e->on_open(e->ctx, c, address, certificate);
    }
    if (c->user && !c->closing)
        e->on_data(e->ctx, c, c->user, data, len);
    return c->user && !c->closing ? 0 : -1;
}

static void gone(struct lws *wsi, struct net_raw *c)
{
    lws_set_opaque_user_data(wsi, NULL);
    if (!c)
        return;
    c->place->open--;
    if (c->user)
        c->place->config.events.on_close(c->place->config.events.ctx, c, c->user);
    free(c->out);
    free(c);
}

static int write_out(struct net_raw *c)
{
    if (c->closing)
        return -1;
    size_t len = c->out_len;
    c->out_len = 0;
    if (len && lws_write(c->wsi, c->out + LWS_PRE, len, LWS_WRITE_RAW) < (int)len) /* a short write is kept by libwebsockets; less is an end */
        return -1;
    return 0;
}

static int on_raw(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct lws_vhost *vhost = wsi ? lws_get_vhost(wsi) : NULL;
    struct raw_place *place = vhost ? lws_get_vhost_user(vhost) : NULL;
    struct net_raw *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    switch ((int)reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION: return place && atomic_load(&place->net->stopping) ? -1 : 0;
    case LWS_CALLBACK_OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION: return 0; /* self-signed ones too: they are known by their fingerprint */
    case LWS_CALLBACK_RAW_ADOPT: return place ? adopted(place, wsi) : -1;
    case LWS_CALLBACK_RAW_RX: return c ? received(c, in, len) : -1;
    case LWS_CALLBACK_RAW_WRITEABLE: return c ? write_out(c) : -1;
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_WSI_DESTROY: gone(wsi, c); return 0;
    default: return 0;
    }
}

static const struct lws_protocols protocols[] = {{.name = "raw", .callback = on_raw, .rx_buffer_size = 65536}, {0}};

int net_raw_serve(struct net *n, const struct net_raw_config *config, struct fault *f)
{
    bool any = strcmp(config->address, "0.0.0.0") == 0 || strcmp(config->address, "::") == 0;
    if (n->n_raw == RAW_PLACES_MAX) return ERR_CONFLICT;
    struct raw_place *place = &n->raw[n->n_raw];
    *place = (struct raw_place){n, *config, 0};
    struct lws_context_creation_info info = {
        .port = config->port,
        .protocols = protocols,
        .iface = any ? NULL : config->address,
        .vhost_name = config->option,
        .user = place,
        .listen_accept_role = "raw-skt",
        .listen_accept_protocol = "raw",
        .ssl_cert_filepath = config->tls ? n->config.certificate : NULL,
        .ssl_private_key_filepath = config->tls ? n->config.key : NULL,
        .ssl_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION,
        .options = LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   (config->tls ? LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT | LWS_SERVER_OPTION_PEER_CERT_NOT_REQUIRED : 0) |
                   (strchr(config->address, ':') ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
        .keepalive_timeout = (int)(n->config.idle_ms / 1000) * 2,
        .timeout_secs = n->config.idle_ms / 1000,
        .ka_time = 60, .ka_probes = 3, .ka_interval = 10,
    };
    int rc = net_port_check(config->address, config->port, config->option, f);
    if (rc) return rc;
    if (!lws_create_vhost(n->context, &info))
        return fault_set(f, ERR_UNAVAILABLE, "listen", "%.40s: the listener on %s port %u could not be opened.", config->option, config->address, config->port);
    n->n_raw++;
    return 0;
}

void net_raw_send(struct net_raw *c, const void *data, size_t len)
{
    if (c->closing || len == 0) return;
    if (c->out_len + len > OUT_MAX) {
        net_raw_close(c);
        return;
    }
    if (LWS_PRE + c->out_len + len > c->out_cap) {
        size_t cap = c->out_cap ? c->out_cap : 4096;
        while (cap < LWS_PRE + c->out_len + len)
            cap *= 2;
        uint8_t *more = realloc(c->out, cap);
        if (!more) {
            net_raw_close(c);
            return;
        }
        c->out = more;
        c->out_cap = cap;
    }
    memcpy(c->out + LWS_PRE + c->out_len, data, len);
    c->out_len += len;
    lws_callback_on_writable(c->wsi);
}

void net_raw_hold(struct net_raw *c, bool hold)
{
    lws_rx_flow_control(c->wsi, hold ? 0 : 1);
}

void net_raw_close(struct net_raw *c)
{
    c->closing = true;
    lws_rx_flow_control(c->wsi, 1);
    lws_callback_on_writable(c->wsi);
}
