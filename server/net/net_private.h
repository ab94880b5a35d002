/* net_private - what the files of server/net share; nobody else includes it. Event thread only unless said otherwise. */
#ifndef YL_SERVER_NET_NET_PRIVATE_H
#define YL_SERVER_NET_NET_PRIVATE_H

#include "server/base/mailbox.h"
#include "server/base/metrics.h"
#include "server/net/net.h"
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>

#define ADDRESS_BYTES 48
#define HEADERS 20
#define ROUTES_MAX 64
#define WS_PLACES_MAX 4
#define RAW_PLACES_MAX 4
#define PEER_BUCKETS 1024
#define REPLY_HEADERS_BYTES 2048
#define STYLE_SOURCE_BYTES 60 /* " 'sha256-<44 characters>'" */
#define CHUNK_BYTES (64 * 1024)       /* one write */
#define WANT_BYTES (256 * 1024)       /* one read asked of a source */
#define BODIES_MAX_BYTES (96u << 20)  /* request bodies held at once, all clients together */
#define WS_MESSAGE_MAX (256 * 1024)
#define DIAL_MESSAGE_MAX (4 * 1024 * 1024)
#define WS_QUEUE_BYTES (1024 * 1024)
#define WS_QUEUE_MESSAGES 500

/* One client address: its open connections and its request budget. */
struct peer {
    struct peer *next;
    char address[ADDRESS_BYTES];
    unsigned connections;
    int64_t tokens_milli, refilled_ms;
};

/* A token bucket that holds `burst` and refills `rate` a second; 1 when one token could be taken. */
int bucket_take(int64_t *tokens_milli, int64_t *refilled_ms, int64_t now_ms, unsigned rate, unsigned burst);

struct asset { /* one file of web.root with its compressed siblings */
    char *path;    /* "/assets/app-1a2b3c4d.js" */
    const char *content_type;
    bool immutable; /* the name carries a hash */
    char style_source[STYLE_SOURCE_BYTES]; /* a page with a style of its own: what its Content-Security-Policy adds to style-src */
    struct asset_form {
        uint8_t *data;
        size_t len;
        char etag[28];
    } plain, br, gz;
};
struct assets {
    struct asset *items; /* sorted by path */
    size_t n;
};
YL_CHECKED int assets_load(struct assets *a, const char *root, struct fault *f);
void assets_free(struct assets *a);
const struct asset *assets_find(const struct assets *a, const char *path);

struct net {
    struct net_config config;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct mailbox *posts;
    pthread_mutex_t wake_lock; /* no thread pokes a context that is being destroyed */
    atomic_bool stopping, woken;
    bool shut;
    struct net_route routes[ROUTES_MAX];
    size_t n_routes;
    struct ws_place {
        const char *path;
        struct net_ws_events events;
    } ws[WS_PLACES_MAX];
    size_t n_ws;
    struct raw_place {
        struct net *net;
        struct net_raw_config config;
        unsigned open;
    } raw[RAW_PLACES_MAX];
    size_t n_raw;
    struct assets assets;
    struct peer *peers[PEER_BUCKETS];
    unsigned n_connections;
    size_t bodies_bytes;
    struct net_dialer *dialers;
    struct net_timer *sweeper, *timers; /* every armed timer, so that net_shut can free them */
    char *own_origins;
    struct net_request *asked, **asked_last; /* complete in this round, not yet with their handlers */
    struct conn *ready;                      /* their answers are to be written at the end of this round */
    struct conn *idle, **idle_last;          /* answered and not yet asking again, the longest silent first */
    struct net_timer *idle_timer;            /* runs while there is one */
    struct net_request *spare;               /* freed requests, for the next ones; linked by `next` */
    unsigned n_spare;
    struct ahead *ahead;                     /* connections whose bytes lie read and not taken */
    uint64_t ahead_taken;                    /* how often some were taken */
    struct metric *m_requests[6], *m_latency, *m_connections, *m_sockets, *m_refused;
};

/* What a libwebsockets connection points to (its opaque user data). */
struct conn {
    struct net *net;
    struct lws *wsi;
    struct peer *peer;
    struct net_request *request;
    struct net_ws *ws;
    struct conn *ready_next, **ready_back; /* ready_back NULL = not in net->ready */
    struct conn *idle_next, **idle_back;   /* likewise of net->idle */
    int64_t idle_since_ms;
    struct dialled *dialled; /* we called: dial.c */
    struct ahead *ahead;     /* NULL, or what is read ahead of it: ahead.c */
};

struct net_request {
    struct net_request *next; /* in net->asked */
    struct net *net;
    struct conn *conn; /* NULL: the client has gone */
    enum net_method method;
    const struct net_route *route; /* NULL = static files */
    char *path, *query;
    char *headers[HEADERS]; /* in the order of request.c's table; NULL = absent */
    char address[ADDRESS_BYTES];
    char *credential;
    bool by_cookie;
    char *body;
    size_t body_len, body_expected;
    int64_t started_us, body_deadline_ms;
    bool discard;    /* the body is refused: read it away, then answer */
    struct fault *refusal;
    bool dispatched, replied, close_after;

    /* the answer */
    int status;
    const char *content_type;
    const char *style_source; /* NULL, or what style-src allows beside 'self' */
    size_t reply_headers_len;
    char *owned;            /* freed with the request */
    struct share *shared;   /* likewise given back */
    const uint8_t *data;    /* owned, or an asset's memory */
    uint64_t length, sent;  /* of the body */
    bool header_sent, no_body, plain;
    struct net_source source;
    bool has_source, wanting;
    char *source_text[3];
    uint64_t source_at;     /* absolute offset of the next byte to ask for */
    uint8_t *piece;
    size_t piece_len, piece_sent;
    char reply_headers[REPLY_HEADERS_BYTES]; /* last: what a new request is not cleared of */
};

/* ---- peer.c ---- */
struct peer *peer_enter(struct net *n, const char *address); /* counts one connection; NULL = too many */
void peer_leave(struct net *n, struct peer *p);
bool peer_may_connect(struct net *n, const char *address);
void peers_sweep(struct net *n);
void peers_free(struct net *n);

/* ---- request.c ---- */
int request_begin(struct conn *c, const char *path); /* callbacks' result: 0 or -1 = close */
int request_body(struct conn *c, const void *data, size_t len);
int request_body_end(struct conn *c);
void request_gone(struct conn *c); /* the connection closed */
void requests_dispatch(struct net *n); /* those that became complete in this round go to their handlers */
void request_free(struct net_request *r);
void requests_spare_free(struct net *n);
char *header_copy(struct lws *wsi, const char *name); /* malloc'd or NULL */
char *credential_of(const char *cookie, const char *authorization, bool *by_cookie); /* malloc'd, "" when none */

/* ---- reply.c, stream.c, asset.c ---- */
int reply_write(struct conn *c); /* HTTP_WRITEABLE */
void replies_write(struct net *n); /* answers that were given in this round */
void reply_unready(struct conn *c);
void reply_begin(struct net_request *r, int status, const char *content_type);
void reply_go(struct net_request *r);
void reply_memory(struct net_request *r, int status, const char *content_type, const uint8_t *data, size_t len);
int stream_write(struct conn *c, struct net_request *r);
void stream_over(struct net_request *r);
void asset_reply(struct net_request *r);
void asset_reply_form(struct net_request *r, const struct asset *item);
/* RFC 9110 14.1.2: 1 = one satisfiable range, 0 = none or not to be honoured (send all), ERR_RANGE. */
int range_parse(const char *text, uint64_t total, uint64_t *first, uint64_t *last);
/* RFC 9110 13.1.2: 1 when the list has the tag (weak comparison) or "*". */
int etag_listed(const char *list, const char *etag);

/* ---- net.c ---- */
void conn_idle(struct conn *c);     /* its answer is written: it may ask again, or is closed after a while */
void conn_not_idle(struct conn *c);
extern const struct lws_protocols net_protocols[];
void net_address_of(int fd, char out[ADDRESS_BYTES]);
int net_port_check(const char *address, uint16_t port, const char *option, struct fault *f);

/* ---- ahead.c ---- */
void ahead_attach(struct conn *c); /* its handshake is over; once */
void ahead_gone(struct conn *c);
bool ahead_read(struct net *n);    /* reads on those who have bytes left; false: nobody took any */

/* ---- socket.c ---- */
int socket_filter(struct net *n, struct lws *wsi); /* before the upgrade: path, origin */
int socket_open(struct conn *c);
int socket_receive(struct conn *c, const void *data, size_t len);
int socket_write(struct conn *c);
int socket_tick(struct conn *c);
void socket_heard(struct conn *c);
void socket_gone(struct conn *c);

/* A connection of ours stands: its life from here on is that of any other. */
int socket_made(struct conn *c, const struct net_ws_events *events, const char *path);

/* ---- dial.c ---- */
int dial_event(struct lws *wsi, struct conn *c, enum lws_callback_reasons reason, void *in, size_t len);
void dial_gone(struct conn *c);
void dialers_free(struct net *n);

static inline int64_t net_now_ms(void)
{
    return (int64_t)(lws_now_usecs() / 1000);
}
#endif
