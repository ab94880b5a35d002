/* WebSockets that we open to another server: TLS with the certificate checked, then the same connection as any other (socket.c). */
#include "server/net/net_private.h"
#include "server/base/log.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_BYTES 256

struct net_dialer {
    struct net_dialer *next;
    struct net *net;
    struct lws_vhost *vhost; /* one that listens nowhere: whom it believes */
    char host[HOST_BYTES], address[ADDRESS_BYTES];
    int port;
    struct conn *beginning; /* while libwebsockets is asked for a connection */
};

struct dialled {
    struct net_dialer *dialer;
    struct net_ws_events events;
    void (*failed)(void *ctx, const char *why);
    char path[64];
    bool settled; /* it stood, or its failure was told */
};

static int split(struct net_dialer *d, const struct net_dialer_config *config, struct fault *f)
{
    const char *host = config->url + strlen("https://");
    bool v6 = strncmp(config->url, "https://[", 9) == 0;
    size_t n = v6 ? strcspn(host, "]") : strcspn(host, ":");
    if (strncmp(config->url, "https://", 8) != 0 || n >= HOST_BYTES) return fault_set(f, ERR_INVALID, "config_invalid", "%.40s: write https://HOST:PORT.", config->option);
    snprintf(d->host, sizeof d->host, "%.*s", (int)(n - v6), host + v6);
    const char *port = host + n + v6;
    d->port = *port == ':' ? atoi(port + 1) : 443;
    return 0;
}

static int resolve(struct net_dialer *d, const char *option, struct fault *f)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    int rc = getaddrinfo(d->host, NULL, &hints, &found);
    if (!rc) rc = getnameinfo(found->ai_addr, found->ai_addrlen, d->address, sizeof d->address, NULL, 0, NI_NUMERICHOST);
    if (found) freeaddrinfo(found);
    return rc ? fault_set(f, ERR_INVALID, "config_invalid", "%.40s: %.100s is not known: %s.", option, d->host, gai_strerror(rc)) : 0;
}

/* libwebsockets takes a file it cannot use for none. */
static int check_authorities(const struct net_dialer_config *config, struct fault *f)
{
    SSL_CTX *ctx = *config->authorities ? SSL_CTX_new(TLS_client_method()) : NULL;
    int good = !ctx || SSL_CTX_load_verify_locations(ctx, config->authorities, NULL) == 1;
    SSL_CTX_free(ctx);
    return good ? 0 : fault_set(f, ERR_INVALID, "config_invalid", "%.40s_certificate: %.150s is no PEM file of certificates that can be read.", config->option, config->authorities);
}

static struct lws_vhost *make_vhost(struct net *n, const char *authorities)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = net_protocols,
        .vhost_name = "yilian-out",
        .user = n,
        .gid = -1,
        .uid = -1,
        .client_ssl_ca_filepath = *authorities ? authorities : NULL,
        .ssl_client_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_COMPRESSION,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | (*authorities ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
        .timeout_secs = 3,
    };
    return lws_create_vhost(n->context, &info);
}

int net_dialer_open(struct net *n, const struct net_dialer_config *config, struct net_dialer **out, struct fault *f)
{
    struct net_dialer *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    int rc = split(d, config, f);
    rc = rc ? rc : resolve(d, config->option, f);
    rc = rc ? rc : check_authorities(config, f);
    if (!rc && !(d->vhost = make_vhost(n, config->authorities))) rc = fault_set(f, ERR_INTERNAL, "net", "%.40s: TLS could not be set up.", config->option);
    if (rc) {
        free(d);
        return rc;
    }
    d->net = n;
    d->next = n->dialers;
    n->dialers = *out = d;
    return 0;
}

void dialers_free(struct net *n)
{
    for (struct net_dialer *d = n->dialers, *next; d; d = next) {
        next = d->next;
        free(d);
    }
}

static void tell_failed(struct conn *c, const char *why)
{
    struct dialled *x = c->dialled;
    if (x->settled) return;
    x->settled = true;
    if (!c->net->shut && !atomic_load(&c->net->stopping)) x->failed(x->events.ctx, why);
}

void net_dial(struct net_dialer *d, const char *path, const struct net_ws_events *events, void (*failed)(void *ctx, const char *why))
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c || !(c->dialled = calloc(1, sizeof *c->dialled))) abort();
    c->net = d->net;
    *c->dialled = (struct dialled){.dialer = d, .events = *events, .failed = failed};
    snprintf(c->dialled->path, sizeof c->dialled->path, "%s", path);
    d->beginning = c;
    struct lws_client_connect_info info = {
        .context = d->net->context,
        .vhost = d->vhost,
        .address = d->address,
        .port = d->port,
        .ssl_connection = LCCSCF_USE_SSL, /* chain, dates and name are checked */
        .path = c->dialled->path,
        .host = d->host,
        .origin = NULL,
        .protocol = NULL,
        .local_protocol_name = "yilian",
        .alpn = "http/1.1",
        .opaque_user_data = c,
    };
    bool made = lws_client_connect_via_info(&info) != NULL;
    if (!made && d->beginning == c) { /* it was refused before it was a connection at all */
        tell_failed(c, "it could not be begun");
        free(c->dialled);
        free(c);
    }
    d->beginning = NULL;
}

static int established(struct lws *wsi, struct conn *c)
{
    c->wsi = wsi;
    c->dialled->settled = true;
    return socket_made(c, &c->dialled->events, c->dialled->path);
}

int dial_event(struct lws *wsi, struct conn *c, enum lws_callback_reasons reason, void *in, size_t len)
{
    char why[160];
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        snprintf(why, sizeof why, "%.*s", in ? (int)(len < 150 ? len : 150) : 0, in ? (const char *)in : "");
        tell_failed(c, why);
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED: return established(wsi, c);
    case LWS_CALLBACK_CLIENT_RECEIVE: return socket_receive(c, in, len);
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG: socket_heard(c); return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE: return socket_write(c);
    case LWS_CALLBACK_TIMER: return socket_tick(c);
    case LWS_CALLBACK_CLIENT_CLOSED: socket_gone(c); return 0;
    default: return 0;
    }
}

void dial_gone(struct conn *c)
{
    if (!c->dialled) return;
    if (c->dialled->dialer->beginning == c) c->dialled->dialer->beginning = NULL;
    tell_failed(c, "it broke before it stood");
    free(c->dialled);
    c->dialled = NULL;
}
