/* Answers: the header with the security headers on every one, then the body in pieces as the peer takes them. */
#include "server/net/net_private.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* blob: is for pictures and recordings the page made itself; 'wasm-unsafe-eval' is not eval: pictures of a PDF (JPEG 2000, JBIG2)
 * are decoded by a WebAssembly module of our own. */
static const char security_before[] = "Content-Security-Policy: default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'";
/* between them: the hash of the page's own style, see asset.c */
static const char security_after[] =
    "; img-src 'self' blob: data:; "
    "media-src 'self' blob:; font-src 'self' data:; connect-src 'self' wss:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"
    "Strict-Transport-Security: max-age=31536000\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), autoplay=(self), "
    "screen-wake-lock=(self), geolocation=(), payment=(), usb=()\r\n";

static const char plain_headers[] = "Strict-Transport-Security: max-age=31536000\r\nX-Content-Type-Options: nosniff\r\n";

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {206, "Partial Content"},
                 {304, "Not Modified"}, {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
                 {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {409, "Conflict"}, {410, "Gone"}, {412, "Precondition Failed"}, {413, "Content Too Large"},
                 {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"}, {422, "Unprocessable Content"}, {423, "Locked"},
                 {428, "Precondition Required"}, {429, "Too Many Requests"}, {500, "Internal Server Error"},
                 {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status) return texts[i].text;
    return "Status";
}

void net_reply_header(struct net_request *r, const char *name, const char *value)
{
    size_t n = strlen(name), v = strcspn(value, "\r\n");
    char *at = r->reply_headers + r->reply_headers_len;
    if (!value[v] && n + v + 4 <= sizeof r->reply_headers - r->reply_headers_len) {
        memcpy(at, name, n);
        memcpy(at + n, ": ", 2);
        memcpy(at + n + 2, value, v);
        memcpy(at + n + 2 + v, "\r\n", 2);
        r->reply_headers_len += n + v + 4;
        return;
    }
    log_error("net", "header %s does not fit and was dropped", name);
}

void net_reply_plain(struct net_request *r)
{
    r->plain = true;
}

void reply_begin(struct net_request *r, int status, const char *content_type)
{
    r->status = status;
    r->content_type = content_type;
    r->no_body = r->method == NET_HEAD || status == 204 || status == 304;
}

/* The answer is complete or its source known: it is written at the end of the round, without asking poll() first whether the peer takes
 * it - nearly always he does, and what he does not take libwebsockets keeps. A gone peer gets nothing. */
void reply_go(struct net_request *r)
{
    struct conn *c = r->conn;
    struct net *n = r->net;
    r->replied = true;
    if (c && !c->ready_back) {
        c->ready_next = n->ready;
        c->ready_back = &n->ready;
        if (n->ready) n->ready->ready_back = &c->ready_next;
        n->ready = c;
    }
    if (c) return;
    stream_over(r);
    request_free(r);
}

void reply_unready(struct conn *c)
{
    if (!c->ready_back) return;
    *c->ready_back = c->ready_next;
    if (c->ready_next) c->ready_next->ready_back = c->ready_back;
    c->ready_back = NULL;
}

/* After an answer libwebsockets does not read the next request before poll() said that the peer takes more: a round of its own for each
 * answer. It took all of this one, so it is told so now. The connection may be closed by it. */
static void read_on(struct net *n, struct lws *wsi)
{
    struct lws_pollfd ready = {.fd = lws_get_socket_fd(wsi), .events = LWS_POLLOUT, .revents = LWS_POLLOUT};
    lws_service_fd(n->context, &ready);
}

/* Outside of libwebsockets' callbacks a connection is not closed by saying so: it is asked to do it. */
void replies_write(struct net *n)
{
    struct conn *c;
    while ((c = n->ready)) {
        struct lws *wsi = c->wsi;
        reply_unready(c);
        if (reply_write(c))
            lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PROXY_CLIENT_CLOSE, LWS_TO_KILL_ASYNC);
        else if (c->idle_back)
            read_on(n, wsi);
    }
}

void reply_memory(struct net_request *r, int status, const char *content_type, const uint8_t *data, size_t len)
{
    reply_begin(r, status, content_type);
    r->data = data;
    r->length = len;
    reply_go(r);
}

void net_reply_taken(struct net_request *r, int status, const char *content_type, char *data, size_t len)
{
    r->owned = data;
    reply_memory(r, status, content_type, (const uint8_t *)data, len);
}

void net_reply_bytes(struct net_request *r, int status, const char *content_type, const void *data, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy) abort();
    memcpy(copy, data, len);
    net_reply_taken(r, status, content_type, copy, len);
}

void net_reply_share(struct net_request *r, int status, const char *content_type, struct share *body)
{
    r->shared = share_ref(body);
    reply_memory(r, status, content_type, body->bytes, body->len);
}

void net_reply_page(struct net_request *r)
{
    const struct asset *index = assets_find(&r->net->assets, "/index.html");
    if (!index) asset_reply(r); /* nothing is built: says so */
    else asset_reply_form(r, index);
}

void net_reply_empty(struct net_request *r, int status)
{
    reply_memory(r, status, NULL, NULL, 0);
}

static json_t *fields_json(const struct fault *f)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < f->n_fields; i++)
        json_array_append_new(fields, json_pack("{s:s, s:s}", "path", f->fields[i].path, "reason", f->fields[i].reason));
    return fields;
}

/* RFC 9110 15.5.6: a 405 says what there is. */
static void allow_methods(struct net_request *r, unsigned methods)
{
    char text[80] = "";
    for (unsigned m = NET_GET; m <= NET_OPTIONS; m <<= 1)
        if (methods & m) snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", *text ? ", " : "", net_method_name((enum net_method)m));
    net_reply_header(r, "Allow", text);
}

void net_reply_fault(struct net_request *r, const struct fault *f)
{
    json_t *body = json_pack("{s:{s:s, s:s, s:s, s:o}}", "error", "code", err_wire(f->code), "reason", f->reason, "text", f->text,
                             "fields", fields_json(f));
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (!text) text = strdup("{\"error\":{\"code\":\"internal\",\"reason\":\"\",\"text\":\"\",\"fields\":[]}}");
    if (!text) abort();
    if (err_http(f->code) == 405) allow_methods(r, r->route ? r->route->methods : NET_GET | NET_HEAD);
    if (err_http(f->code) == 429) net_reply_header(r, "Retry-After", "1");
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_taken(r, err_http(f->code), "application/json", text, strlen(text));
}

/* ---- writing ---- */

/* RFC 9110 6.6.1. One event thread: the text of this second is made once. */
static const char *date_now(void)
{
    static char text[40];
    static time_t of;
    struct tm tm;
    time_t now = time(NULL);
    if (now != of) strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    of = now;
    return text;
}

struct header {
    char *out;
    size_t len, cap;
};

/* What does not fit is counted and not written. */
static void put(struct header *h, const char *text, size_t len)
{
    if (h->len + len <= h->cap) memcpy(h->out + h->len, text, len);
    h->len += len;
}

static void put_text(struct header *h, const char *text)
{
    put(h, text, strlen(text));
}

static void put_number(struct header *h, uint64_t v)
{
    char text[24], *at = text + sizeof text;
    do *--at = (char)('0' + v % 10);
    while (v /= 10);
    put(h, at, (size_t)(text + sizeof text - at));
}

static void put_line(struct header *h, const char *name, const char *value)
{
    put_text(h, name);
    put_text(h, value);
    put(h, "\r\n", 2);
}

static void put_security(struct header *h, const struct net_request *r)
{
    if (r->plain) {
        put(h, plain_headers, sizeof plain_headers - 1);
        return;
    }
    put(h, security_before, sizeof security_before - 1);
    put_text(h, r->style_source ? r->style_source : "");
    put(h, security_after, sizeof security_after - 1);
}

/* By hand: every answer has one, and formatting it costs more than everything else done here. The length; more than cap: too long. */
static size_t header_print(const struct net_request *r, char *out, size_t cap)
{
    struct header h = {out, 0, cap};
    put_text(&h, "HTTP/1.1 ");
    put_number(&h, (uint64_t)r->status);
    put_line(&h, " ", status_text(r->status));
    put_line(&h, "Date: ", date_now());
    if (r->content_type && r->status != 304) put_line(&h, "Content-Type: ", r->content_type);
    if (r->status != 204 && r->status != 304) {
        put_text(&h, "Content-Length: ");
        put_number(&h, r->length);
        put(&h, "\r\n", 2);
    }
    put(&h, r->reply_headers, r->reply_headers_len);
    put_security(&h, r);
    if (r->close_after) put_text(&h, "Connection: close\r\n");
    put(&h, "\r\n", 2);
    return h.len;
}

static int finish(struct conn *c)
{
    struct net_request *r = c->request;
    bool close = r->close_after;
    struct net *n = c->net;
    metric_add(n->m_requests[r->status / 100 % 6], 1);
    metric_observe_us(n->m_latency, clock_monotonic_us() - r->started_us);
    c->request = NULL;
    r->conn = NULL;
    stream_over(r);
    request_free(r);
    bool slow = lws_partial_buffered(c->wsi); /* he takes it slowly: libwebsockets ends it, and waits for the next request itself */
    if (slow) lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, (int)(n->config.idle_ms / 1000));
    if (close || lws_http_transaction_completed(c->wsi)) return -1;
    if (!slow) conn_idle(c);
    return 0;
}

int reply_write(struct conn *c)
{
    static uint8_t buffer[LWS_PRE + 6144 + CHUNK_BYTES]; /* one event thread */
    struct net_request *r = c->request;
    uint8_t *start = buffer + LWS_PRE;
    size_t len = 0;
    enum lws_write_protocol mode = LWS_WRITE_HTTP;
    if (!r || !r->replied) return 0;
    if (!r->header_sent) {
        len = header_print(r, (char *)start, 6144);
        if (len > 6144) return -1;
        mode = LWS_WRITE_HTTP_HEADERS;
        r->header_sent = true;
    }
    if (!r->no_body && !r->has_source) {
        size_t piece = r->length - r->sent < CHUNK_BYTES ? (size_t)(r->length - r->sent) : CHUNK_BYTES;
        if (piece) memcpy(start + len, r->data + r->sent, piece);
        r->sent += piece;
        len += piece;
    }
    if (len && lws_write(c->wsi, start, len, mode) < (int)len) return -1;
    if (r->no_body || r->sent == r->length) return finish(c);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, (int)(c->net->config.idle_ms / 1000));
    if (r->has_source && mode == LWS_WRITE_HTTP) {
        int rc = stream_write(c, r);
        return rc < 0 ? -1 : r->sent == r->length ? finish(c) : 0;
    }
    lws_callback_on_writable(c->wsi);
    return 0;
}
