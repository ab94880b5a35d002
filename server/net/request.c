/* A request from its header to its handler. */
#include "server/net/net_private.h"
#include "server/base/clock.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX 4096
#define SPARE_MAX 64
#define DISCARD_MAX (16u << 20)
#define BODY_BYTES_PER_MS 4 /* slower than 4 kB/s on the whole is not a network, it is a hold-up */

static const struct {
    const char *name;
    int token; /* -1: libwebsockets knows it only by name */
} header_table[HEADERS] = {
    {"accept", WSI_TOKEN_HTTP_ACCEPT},
    {"accept-encoding", WSI_TOKEN_HTTP_ACCEPT_ENCODING},
    {"authorization", WSI_TOKEN_HTTP_AUTHORIZATION},
    {"content-type", WSI_TOKEN_HTTP_CONTENT_TYPE},
    {"cookie", WSI_TOKEN_HTTP_COOKIE},
    {"host", WSI_TOKEN_HOST},
    {"idempotency-key", -1},
    {"if-match", WSI_TOKEN_HTTP_IF_MATCH},
    {"if-none-match", WSI_TOKEN_HTTP_IF_NONE_MATCH},
    {"if-range", WSI_TOKEN_HTTP_IF_RANGE},
    {"origin", WSI_TOKEN_ORIGIN},
    {"range", WSI_TOKEN_HTTP_RANGE},
    {"upload-offset", -1},
    {"user-agent", WSI_TOKEN_HTTP_USER_AGENT},
    {"x-csrf-token", -1},
    {"transfer-encoding", WSI_TOKEN_HTTP_TRANSFER_ENCODING},
    {"if-modified-since", WSI_TOKEN_HTTP_IF_MODIFIED_SINCE},
    {"prefer", -1},
    {"if-none-exist", -1},
    {"accept-language", WSI_TOKEN_HTTP_ACCEPT_LANGUAGE},
};

static int header_index(const char *name)
{
    for (int i = 0; i < HEADERS; i++)
        if (header_table[i].name[0] == name[0] && strcmp(header_table[i].name, name) == 0) return i;
    return -1;
}

static char *known_header(struct lws *wsi, int token)
{
    int len = lws_hdr_total_length(wsi, token);
    if (len <= 0 || len > HEADER_MAX) return NULL;
    char *text = malloc((size_t)len + 2);
    if (text && lws_hdr_copy(wsi, text, len + 1, token) < 0) text[0] = '\0';
    return text;
}

static char *named_header(struct lws *wsi, const char *name)
{
    char key[40];
    int key_len = (int)strlen(name);
    memcpy(key, name, (size_t)key_len);
    key[key_len++] = ':';
    int len = lws_hdr_custom_length(wsi, key, key_len);
    if (len <= 0 || len > HEADER_MAX) return NULL;
    char *text = malloc((size_t)len + 2);
    if (text && lws_hdr_custom_copy(wsi, text, len + 1, key, key_len) < 0) text[0] = '\0';
    return text;
}

static char *header_copy_at(struct lws *wsi, int i)
{
    char *text = header_table[i].token >= 0 ? known_header(wsi, header_table[i].token) : named_header(wsi, header_table[i].name);
    for (char *p = text; p && *p; p++) /* nothing that could break a line, an audit field or JSON */
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    return text;
}

char *header_copy(struct lws *wsi, const char *name)
{
    return header_copy_at(wsi, header_index(name));
}

/* libwebsockets hands out the query decoded in pieces; handlers get it back as one escaped text. */
static char *query_copy(struct lws *wsi)
{
    static const char digits[] = "0123456789ABCDEF";
    static char out[3 * 8192 + 1]; /* one event thread */
    char piece[HEADER_MAX], *p = out;
    int len = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
    for (int i = 0; len > 0 && (len = lws_hdr_copy_fragment(wsi, piece, sizeof piece, WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0; i++) {
        const char *equals = memchr(piece, '=', (size_t)len);
        if (p + 3 * len + 2 > out + sizeof out) break;
        if (i) *p++ = '&';
        for (const char *s = piece; s < piece + len; s++) {
            unsigned char c = (unsigned char)*s;
            if (s == equals || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || strchr("-._~", c)) {
                *p++ = (char)c;
            } else {
                *p++ = '%';
                *p++ = digits[c >> 4];
                *p++ = digits[c & 15];
            }
        }
    }
    return strndup(out, (size_t)(p - out));
}

static bool utf8_valid(const unsigned char *s)
{
    while (*s) {
        int more = *s < 0x80 ? 0 : (*s & 0xe0) == 0xc0 && *s >= 0xc2 ? 1 : (*s & 0xf0) == 0xe0 ? 2 : (*s & 0xf8) == 0xf0 && *s < 0xf5 ? 3 : -1;
        if (more < 0) return false;
        for (s++; more > 0; more--, s++)
            if ((*s & 0xc0) != 0x80) return false;
    }
    return true;
}

static enum net_method method_of(struct lws *wsi)
{
    static const struct {
        int token;
        enum net_method method;
    } methods[] = {{WSI_TOKEN_GET_URI, NET_GET},     {WSI_TOKEN_POST_URI, NET_POST},     {WSI_TOKEN_PUT_URI, NET_PUT},
                   {WSI_TOKEN_PATCH_URI, NET_PATCH}, {WSI_TOKEN_DELETE_URI, NET_DELETE}, {WSI_TOKEN_HEAD_URI, NET_HEAD},
                   {WSI_TOKEN_OPTIONS_URI, NET_OPTIONS}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (lws_hdr_total_length(wsi, methods[i].token) > 0) return methods[i].method;
    return 0;
}

char *credential_of(const char *cookie, const char *authorization, bool *by_cookie)
{
    *by_cookie = false;
    for (const char *at = cookie; at && *at;) {
        at += strspn(at, " ;");
        size_t len = strcspn(at, ";");
        if (strncmp(at, "yl_session=", 11) == 0 && len > 11) {
            *by_cookie = true;
            return strndup(at + 11, len - 11);
        }
        at += len;
    }
    if (authorization && strncasecmp(authorization, "Bearer ", 7) == 0)
        return strdup(authorization + 7 + strspn(authorization + 7, " "));
    return strdup("");
}

static const struct net_route *route_find(const struct net *n, const char *path)
{
    const struct net_route *best = NULL;
    for (size_t i = 0; i < n->n_routes; i++) {
        const struct net_route *r = &n->routes[i];
        size_t len = strlen(r->prefix);
        bool hit = r->prefix[len - 1] == '/' ? strncmp(path, r->prefix, len) == 0 : strcmp(path, r->prefix) == 0;
        if (hit && (!best || len > strlen(best->prefix))) best = r;
    }
    return best;
}

static void refuse(struct net_request *r, int code, const char *reason, const char *text)
{
    if (r->refusal) return;
    r->refusal = calloc(1, sizeof *r->refusal);
    if (!r->refusal) abort();
    fault_set(r->refusal, code, reason, "%s", text);
}

/* What can be refused from the header alone. */
static void check_header(struct net_request *r, struct peer *peer)
{
    struct net *n = r->net;
    size_t max = r->route && r->route->max_body ? r->route->max_body : n->config.max_body;
    if (peer && !(r->route && r->route->unmetered) && !bucket_take(&peer->tokens_milli, &peer->refilled_ms, net_now_ms(), n->config.requests_per_second,
                             n->config.requests_per_second * 10))
        refuse(r, ERR_RATE, "too_many_requests", "Too many requests from this address.");
    if (!utf8_valid((const unsigned char *)r->path))
        refuse(r, ERR_MALFORMED, "path_not_utf8", "The path is not UTF-8.");
    if (!r->method || (r->route && !(r->route->methods & r->method)) || (!r->route && !(r->method & (NET_GET | NET_HEAD))))
        refuse(r, ERR_METHOD, "", "This URL has no such method.");
    if (r->headers[15]) {
        refuse(r, ERR_MALFORMED, "length_required", "A request body needs Content-Length.");
        r->close_after = true;
    }
    if (r->body_expected > max)
        refuse(r, ERR_TOO_LARGE, "body_too_large", "The request body is larger than this URL takes.");
    else if (r->body_expected && n->bodies_bytes + r->body_expected > BODIES_MAX_BYTES)
        refuse(r, ERR_UNAVAILABLE, "busy", "Too many uploads at once; try again.");
}

static void handle(struct net_request *r)
{
    if (r->refusal)
        net_reply_fault(r, r->refusal);
    else if (r->route)
        r->route->handler(r->route->ctx, r);
    else
        asset_reply(r);
}

/* Not at once: those that came with the same round go one right after the other, so that the pool is woken once for all of them. From
 * here on the request is valid until it is answered, also when the client goes. */
static void dispatch(struct net_request *r)
{
    struct net *n = r->net;
    lws_set_timeout(r->conn->wsi, NO_PENDING_TIMEOUT, 0); /* now it is our turn to be slow */
    r->dispatched = true;
    r->next = NULL;
    if (!n->asked) n->asked_last = &n->asked;
    *n->asked_last = r;
    n->asked_last = &r->next;
}

void requests_dispatch(struct net *n)
{
    struct net_request *r;
    while ((r = n->asked)) {
        n->asked = r->next; /* before: the handler may answer at once, and the request is gone */
        handle(r);
    }
}

/* A fourth of 2^64 is no length anybody means; a sign or a letter is a smuggling attempt. */
static int content_length(struct lws *wsi, size_t *out)
{
    char text[24] = "";
    *out = 0;
    int len = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    if (len <= 0) return 0;
    if (len > 15 || lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0) return ERR_MALFORMED;
    if (strspn(text, "0123456789") != strlen(text)) return ERR_MALFORMED;
    *out = strtoull(text, NULL, 10);
    return 0;
}

/* Kept ones first: larger than what malloc() gives and takes back quickly. */
static struct net_request *request_room(struct net *n)
{
    struct net_request *r = n->spare;
    if (!r) r = malloc(sizeof *r);
    else {
        n->spare = r->next;
        n->n_spare--;
    }
    if (r) memset(r, 0, offsetof(struct net_request, reply_headers));
    return r;
}

static struct net_request *request_new(struct conn *c, const char *path)
{
    struct net_request *r = request_room(c->net);
    if (!r) return NULL;
    r->net = c->net;
    r->conn = c;
    r->started_us = clock_monotonic_us();
    r->method = method_of(c->wsi);
    r->path = strdup(path);
    r->query = query_copy(c->wsi);
    for (int i = 0; i < HEADERS; i++)
        r->headers[i] = header_copy_at(c->wsi, i);
    snprintf(r->address, sizeof r->address, "%s", c->peer ? c->peer->address : "");
    r->credential = credential_of(net_request_header(r, "cookie"), net_request_header(r, "authorization"), &r->by_cookie);
    if (r->path && r->query && r->credential) return r;
    request_free(r);
    return NULL;
}

int request_begin(struct conn *c, const char *path)
{
    if (c->request) return -1; /* the one before is not answered: libwebsockets does not hand out two */
    conn_not_idle(c);
    ahead_attach(c);
    struct net_request *r = request_new(c, path);
    if (!r) return -1;
    c->request = r;
    r->route = route_find(c->net, r->path);
    if (content_length(c->wsi, &r->body_expected)) {
        refuse(r, ERR_MALFORMED, "bad_length", "Content-Length is not a length.");
        r->close_after = true;
    }
    check_header(r, c->peer);
    if (r->refusal && r->body_expected > DISCARD_MAX) r->close_after = true;
    /* libwebsockets reports the end of an empty body, but only of a POST that says Content-Length: 0. */
    bool length_said = lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0, end_follows = r->method == NET_POST && length_said;
    /* Of these without a length it goes on waiting for a body, and would never read the next request. */
    if (r->method & (NET_POST | NET_PUT | NET_PATCH) && !length_said) r->close_after = true;
    if ((r->body_expected == 0 && !end_follows) || r->close_after) {
        dispatch(r);
        return 0;
    }
    if (r->body_expected == 0) return 0;
    r->discard = r->refusal != NULL;
    r->body_deadline_ms = net_now_ms() + c->net->config.idle_ms + (int64_t)(r->body_expected / BODY_BYTES_PER_MS);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, (int)(c->net->config.idle_ms / 1000));
    if (r->discard) return 0;
    r->body = malloc(r->body_expected + 1);
    if (!r->body) return -1;
    c->net->bodies_bytes += r->body_expected;
    return 0;
}

int request_body(struct conn *c, const void *data, size_t len)
{
    struct net_request *r = c->request;
    if (!r || r->close_after) return r ? 0 : -1;
    if (len == 0) return 0; /* an empty body is announced too */
    if (len > r->body_expected - r->body_len || net_now_ms() > r->body_deadline_ms) return -1;
    if (!r->discard) memcpy(r->body + r->body_len, data, len);
    r->body_len += len;
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, (int)(c->net->config.idle_ms / 1000));
    return 0;
}

int request_body_end(struct conn *c)
{
    struct net_request *r = c->request;
    if (!r || r->dispatched) return 0;
    if (r->body_len != r->body_expected) return -1;
    if (r->body) r->body[r->body_len] = '\0';
    dispatch(r);
    return 0;
}

/* Held by a handler or by a source: whoever holds it frees it with his answer. */
void request_gone(struct conn *c)
{
    struct net_request *r = c->request;
    c->request = NULL;
    if (!r) return;
    r->conn = NULL;
    if (r->dispatched && !r->replied) return;
    if (r->wanting) return;
    stream_over(r);
    request_free(r);
}

void request_free(struct net_request *r)
{
    if (r->body) r->net->bodies_bytes -= r->body_expected;
    for (int i = 0; i < HEADERS; i++)
        free(r->headers[i]);
    for (int i = 0; i < 3; i++)
        free(r->source_text[i]);
    free(r->path);
    free(r->query);
    free(r->credential);
    free(r->body);
    free(r->owned);
    share_unref(r->shared);
    free(r->piece);
    free(r->refusal);
    if (r->net->n_spare == SPARE_MAX) {
        free(r);
        return;
    }
    r->next = r->net->spare;
    r->net->spare = r;
    r->net->n_spare++;
}

void requests_spare_free(struct net *n)
{
    for (struct net_request *r; (r = n->spare);) {
        n->spare = r->next;
        free(r);
    }
    n->n_spare = 0;
}

/* ---- what handlers read ---- */

const char *net_method_name(enum net_method m)
{
    switch (m) {
    case NET_GET: return "GET";
    case NET_HEAD: return "HEAD";
    case NET_POST: return "POST";
    case NET_PUT: return "PUT";
    case NET_PATCH: return "PATCH";
    case NET_DELETE: return "DELETE";
    case NET_OPTIONS: return "OPTIONS";
    }
    return "";
}

enum net_method net_request_method(const struct net_request *r)
{
    return r->method;
}

const char *net_request_path(const struct net_request *r)
{
    return r->path;
}

const char *net_request_query(const struct net_request *r)
{
    return r->query;
}

const char *net_request_address(const struct net_request *r)
{
    return r->address;
}

unsigned net_request_rtt_ms(const struct net_request *r)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (!r->conn || getsockopt(lws_get_socket_fd(r->conn->wsi), IPPROTO_TCP, TCP_INFO, &info, &len)) return 0;
    return (info.tcpi_rtt + 999) / 1000;
}

const char *net_request_header(const struct net_request *r, const char *name)
{
    int i = header_index(name);
    return i >= 0 && r->headers[i] ? r->headers[i] : "";
}

const void *net_request_body(const struct net_request *r, size_t *len)
{
    *len = r->body ? r->body_len : 0;
    return r->body ? r->body : "";
}

const char *net_request_credential(const struct net_request *r, bool *by_cookie)
{
    *by_cookie = r->by_cookie;
    return r->credential;
}
