/* WebSocket connections (RFC 6455): whole text messages in, a bounded queue out, pings, and an end for whoever is too slow. */
#include "server/net/net_private.h"
#include "server/base/log.h"
#include <stdlib.h>
#include <string.h>

#define PING_US (10 * LWS_US_PER_SEC)
#define DEAD_MS 25000
#define CLOSE_GRACE_S 2

struct out {
    struct out *next;
    struct share *share; /* a binary message, or NULL */
    size_t len;
    uint8_t bytes[]; /* LWS_PRE, then the text */
};
_Static_assert(SHARE_FRONT >= LWS_PRE, "a frame's header must fit before shared bytes");

struct net_ws {
    struct conn *conn;
    const struct net_ws_events *events;
    void *user;
    size_t message_max;
    struct out *first, **last;
    size_t queued_bytes, queued_messages;
    char *in;
    size_t in_len, in_capacity;
    bool trusted; /* its messages are not counted */
    int64_t tokens_milli, refilled_ms, heard_ms;
    bool ping_due;
    int close_code; /* != 0: say no more, then close with it */
};

/* A page of another site must not drive a session: browsers send Origin, machines do not (RFC 6455 10.2). */
static bool origin_allowed(struct net *n, const char *origin, const char *host)
{
    char own[300];
    if (!origin || !*origin) return true;
    snprintf(own, sizeof own, "https://%s", host ? host : "");
    if (host && strcasecmp(own, origin) == 0) return true;
    for (const char *at = n->config.origins; *at;) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        if (len && strlen(origin) == len && strncasecmp(at, origin, len) == 0) return true;
        at += len;
    }
    return false;
}

#define PATH_BYTES 256

static const struct net_ws_events *place_of(struct net *n, struct lws *wsi, char path[PATH_BYTES])
{
    path[0] = '\0';
    if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) >= PATH_BYTES || lws_hdr_copy(wsi, path, PATH_BYTES, WSI_TOKEN_GET_URI) <= 0) return NULL;
    for (size_t i = 0; i < n->n_ws; i++) {
        const char *at = n->ws[i].path;
        size_t len = strlen(at);
        if (at[len - 1] == '/' ? strncmp(path, at, len) == 0 : strcmp(path, at) == 0) return &n->ws[i].events;
    }
    return NULL;
}

int socket_filter(struct net *n, struct lws *wsi)
{
    char path[PATH_BYTES];
    char *origin = header_copy(wsi, "origin"), *host = header_copy(wsi, "host");
    bool allowed = place_of(n, wsi, path) && !n->stopping && origin_allowed(n, origin, host);
    free(origin);
    free(host);
    if (!allowed) metric_add(n->m_refused, 1);
    return allowed ? 0 : -1;
}

static struct net_ws *ws_new(struct conn *c, const struct net_ws_events *events)
{
    struct net_ws *ws = calloc(1, sizeof *ws);
    if (!ws) return NULL;
    ws->conn = c;
    ws->events = events;
    ws->last = &ws->first;
    ws->heard_ms = ws->refilled_ms = net_now_ms();
    ws->tokens_milli = (int64_t)c->net->config.ws_messages_per_second * 5000;
    ws->message_max = c->dialled ? DIAL_MESSAGE_MAX : WS_MESSAGE_MAX;
    c->ws = ws;
    metric_add(c->net->m_sockets, 1);
    lws_set_timer_usecs(c->wsi, PING_US);
    return ws;
}

int socket_made(struct conn *c, const struct net_ws_events *events, const char *path)
{
    struct net_ws *ws = ws_new(c, events);
    struct net_ws_info info = {.path = path, .address = "", .user_agent = "", .credential = ""};
    if (!ws) return -1;
    ws->user = events->on_open(events->ctx, ws, &info);
    if (!ws->user) net_ws_close(ws, 1000);
    return 0;
}

int socket_open(struct conn *c)
{
    char path[PATH_BYTES];
    conn_not_idle(c); /* it asked for pages before */
    struct net_ws *ws = ws_new(c, place_of(c->net, c->wsi, path));
    if (!ws) return -1;
    char *cookie = header_copy(c->wsi, "cookie"), *authorization = header_copy(c->wsi, "authorization");
    char *agent = header_copy(c->wsi, "user-agent");
    struct net_ws_info info = {.path = path, .address = c->peer ? c->peer->address : "", .user_agent = agent ? agent : ""};
    char *credential = credential_of(cookie, authorization, &info.by_cookie);
    info.credential = credential ? credential : "";
    ws->user = ws->events ? ws->events->on_open(ws->events->ctx, ws, &info) : NULL;
    if (!ws->user) net_ws_close(ws, 4003);
    free(credential);
    free(cookie);
    free(authorization);
    free(agent);
    return 0;
}

static int say_goodbye(struct net_ws *ws, int code)
{
    ws->close_code = code;
    lws_close_reason(ws->conn->wsi, (enum lws_close_status)code, NULL, 0);
    return -1;
}

static int in_append(struct net_ws *ws, const void *data, size_t len)
{
    size_t need = ws->in_len + len + 1;
    if (need > ws->message_max + 1) return ERR_TOO_LARGE;
    if (need > ws->in_capacity) {
        size_t capacity = need < 4096 ? 4096 : need * 2 < ws->message_max + 1 ? need * 2 : ws->message_max + 1;
        char *grown = realloc(ws->in, capacity);
        if (!grown) return ERR_UNAVAILABLE;
        ws->in = grown;
        ws->in_capacity = capacity;
    }
    memcpy(ws->in + ws->in_len, data, len);
    ws->in_len += len;
    ws->in[ws->in_len] = '\0';
    return 0;
}

int socket_receive(struct conn *c, const void *data, size_t len)
{
    struct net_ws *ws = c->ws;
    unsigned rate = c->net->config.ws_messages_per_second;
    if (!ws || ws->close_code) return 0; /* it has been told to go */
    ws->heard_ms = net_now_ms();
    bool binary = lws_frame_is_binary(c->wsi);
    if (binary && !ws->events->on_bytes) return say_goodbye(ws, 4000);
    if (in_append(ws, data, len)) return say_goodbye(ws, 1009);
    if (lws_remaining_packet_payload(c->wsi) || !lws_is_final_fragment(c->wsi)) return 0;
    if (!c->dialled && !ws->trusted && !bucket_take(&ws->tokens_milli, &ws->refilled_ms, ws->heard_ms, rate, rate * 5)) return say_goodbye(ws, 4029);
    char *text = ws->in;
    size_t text_len = ws->in_len;
    ws->in = NULL; /* the message may close us */
    ws->in_len = ws->in_capacity = 0;
    if (binary) ws->events->on_bytes(ws->events->ctx, ws, ws->user, text ? text : "", text_len);
    else ws->events->on_message(ws->events->ctx, ws, ws->user, text ? text : "", text_len);
    free(text);
    return 0;
}

static int has_room(struct net_ws *ws, size_t len)
{
    if (ws->close_code) return ERR_UNAVAILABLE;
    if (ws->queued_bytes + len <= WS_QUEUE_BYTES && ws->queued_messages < WS_QUEUE_MESSAGES) return 0;
    net_ws_close(ws, 4008);
    return ERR_UNAVAILABLE;
}

static void enqueue(struct net_ws *ws, struct out *o, size_t len)
{
    o->next = NULL;
    o->len = len;
    *ws->last = o;
    ws->last = &o->next;
    if (!o->share) ws->queued_bytes += len;
    ws->queued_messages++;
    lws_callback_on_writable(ws->conn->wsi);
}

int net_ws_send(struct net_ws *ws, const char *text, size_t len)
{
    struct out *o = has_room(ws, len) ? NULL : malloc(sizeof *o + LWS_PRE + len);
    if (!o) return ERR_UNAVAILABLE;
    o->share = NULL;
    memcpy(o->bytes + LWS_PRE, text, len);
    enqueue(ws, o, len);
    return 0;
}

int net_ws_send_share(struct net_ws *ws, struct share *s)
{
    /* Its bytes are in memory for others too, so only the number of messages counts. */
    struct out *o = has_room(ws, 0) ? NULL : malloc(sizeof *o);
    if (!o) return ERR_UNAVAILABLE;
    o->share = share_ref(s);
    enqueue(ws, o, s->len);
    return 0;
}

void net_ws_trust(struct net_ws *ws)
{
    ws->trusted = true;
}

size_t net_ws_waiting(const struct net_ws *ws)
{
    return ws->queued_messages;
}

/* A peer that takes nothing would never let us say goodbye, so the line is cut after the grace. */
void net_ws_close(struct net_ws *ws, int code)
{
    if (ws->close_code) return;
    ws->close_code = code;
    lws_set_timeout(ws->conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, CLOSE_GRACE_S);
    lws_callback_on_writable(ws->conn->wsi);
}

static void drop_first(struct net_ws *ws)
{
    struct out *o = ws->first;
    ws->first = o->next;
    if (!ws->first) ws->last = &ws->first;
    if (!o->share) ws->queued_bytes -= o->len;
    ws->queued_messages--;
    share_unref(o->share);
    free(o);
}

int socket_write(struct conn *c)
{
    struct net_ws *ws = c->ws;
    uint8_t ping[LWS_PRE + 1] = {[LWS_PRE] = 'p'}; /* libwebsockets 4.1 does not tell of a pong that is empty */
    if (!ws) return 0;
    if (ws->close_code == 4008) return say_goodbye(ws, 4008); /* too slow: what waits is not sent any more */
    if (ws->ping_due && !ws->close_code) {
        ws->ping_due = false;
        if (lws_write(c->wsi, ping + LWS_PRE, 1, LWS_WRITE_PING) < 0) return -1;
    } else if (ws->first) {
        size_t len = ws->first->len;
        struct share *s = ws->first->share;
        int rc = lws_write(c->wsi, s ? s->bytes : ws->first->bytes + LWS_PRE, len, s ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
        drop_first(ws);
        if (rc < (int)len) return -1;
    } else if (ws->close_code) {
        return say_goodbye(ws, ws->close_code);
    }
    if (ws->first || ws->close_code || ws->ping_due) lws_callback_on_writable(c->wsi);
    return 0;
}

int socket_tick(struct conn *c)
{
    struct net_ws *ws = c->ws;
    if (!ws) return 0;
    int64_t silent_ms = net_now_ms() - ws->heard_ms;
    if (silent_ms > DEAD_MS) return -1;
    /* Not later than DEAD_MS: the third look comes when the time is just over. */
    lws_set_timer_usecs(c->wsi, silent_ms + 10000 > DEAD_MS ? (DEAD_MS - silent_ms + 100) * LWS_US_PER_MS : PING_US);
    ws->ping_due = true;
    lws_callback_on_writable(c->wsi);
    return 0;
}

void socket_heard(struct conn *c)
{
    if (c->ws) c->ws->heard_ms = net_now_ms();
}

void socket_gone(struct conn *c)
{
    struct net_ws *ws = c->ws;
    if (!ws) return;
    c->ws = NULL;
    metric_add(c->net->m_sockets, -1);
    if (ws->user) ws->events->on_close(ws->events->ctx, ws, ws->user, ws->close_code ? ws->close_code : 1006);
    while (ws->first)
        drop_first(ws);
    free(ws->in);
    free(ws);
}
