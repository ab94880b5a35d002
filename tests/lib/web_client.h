/* web_client - a small HTTPS and WebSocket client for tests of the real daemon: one connection, blocking with a limit, no threads, no check
 * of the certificate. Written from RFC 9112 and 6455 by itself (mbedtls only), so that it does not share libwebsockets' opinions. */
#ifndef YL_TESTS_LIB_WEB_CLIENT_H
#define YL_TESTS_LIB_WEB_CLIENT_H

#include <arpa/inet.h>
#include <jansson.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WEB_LIMIT_MS 20000

struct web {
    mbedtls_net_context net;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    uint8_t *in; /* what came and is not taken yet */
    size_t len, cap;
    bool over;   /* the server has ended the line */
    int status;  /* of the last answer */
    char *head, *body;
    size_t body_len;
    int close_code; /* WebSocket: 0 = open, 1006 = the line broke */
    int64_t id;     /* of the last request over WebSocket */
};

static inline int64_t web_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The address that connections come from; NULL: as the system chooses. */
static const char *web_from;

static inline int web_connect_from(mbedtls_net_context *net, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    inet_pton(AF_INET, web_from, &from.sin_addr);
    net->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return net->fd < 0 || bind(net->fd, (struct sockaddr *)&from, sizeof from) || connect(net->fd, (struct sockaddr *)&to, sizeof to) ? -1 : 0;
}

static inline int web_open(struct web *w, uint16_t port)
{
    char text[8];
    memset(w, 0, sizeof *w);
    mbedtls_net_init(&w->net);
    mbedtls_ssl_init(&w->ssl);
    mbedtls_ssl_config_init(&w->config);
    mbedtls_entropy_init(&w->entropy);
    mbedtls_ctr_drbg_init(&w->random);
    snprintf(text, sizeof text, "%u", port);
    mbedtls_ctr_drbg_seed(&w->random, mbedtls_entropy_func, &w->entropy, NULL, 0);
    mbedtls_ssl_config_defaults(&w->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_authmode(&w->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&w->config, mbedtls_ctr_drbg_random, &w->random);
    mbedtls_ssl_setup(&w->ssl, &w->config);
    mbedtls_ssl_set_bio(&w->ssl, &w->net, mbedtls_net_send, mbedtls_net_recv, NULL);
    int rc = web_from ? web_connect_from(&w->net, port) : mbedtls_net_connect(&w->net, "127.0.0.1", text, MBEDTLS_NET_PROTO_TCP);
    int one = 1;
    if (rc == 0) setsockopt(w->net.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return rc ? rc : mbedtls_ssl_handshake(&w->ssl);
}

static inline void web_close(struct web *w)
{
    free(w->in);
    free(w->head);
    free(w->body);
    mbedtls_net_free(&w->net);
    mbedtls_ssl_free(&w->ssl);
    mbedtls_ssl_config_free(&w->config);
    mbedtls_ctr_drbg_free(&w->random);
    mbedtls_entropy_free(&w->entropy);
    memset(w, 0, sizeof *w);
}

static inline int web_send(struct web *w, const void *data, size_t len)
{
    for (const uint8_t *p = data; len;) {
        int n = mbedtls_ssl_write(&w->ssl, p, len);
        if (n <= 0) return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Waits until `want` bytes are held: 0, or -1 when the line is over or the time is. */
static inline int web_fill(struct web *w, size_t want, int64_t until_ms)
{
    while (w->len < want && !w->over) {
        int64_t left = until_ms - web_now_ms();
        struct pollfd p = {w->net.fd, POLLIN, 0};
        if (!mbedtls_ssl_get_bytes_avail(&w->ssl) && poll(&p, 1, left > 0 ? (int)left : 0) <= 0) return -1;
        if (w->cap < w->len + 65536) w->in = realloc(w->in, w->cap = (w->len + 65536) * 2);
        int n = mbedtls_ssl_read(&w->ssl, w->in + w->len, w->cap - w->len - 1);
        if (n > 0) w->len += (size_t)n;
        else w->over = true;
    }
    return w->len < want ? -1 : 0;
}

static inline void web_drop(struct web *w, size_t n)
{
    w->len -= n;
    memmove(w->in, w->in + n, w->len);
}

/* "" = absent; a buffer of the thread. */
static inline const char *web_header(const struct web *w, const char *name)
{
    static _Thread_local char value[1000];
    char want[80];
    snprintf(want, sizeof want, "\r\n%s:", name);
    const char *at = strcasestr(w->head ? w->head : "", want);
    if (!at) return "";
    at += strlen(want);
    at += strspn(at, " ");
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static inline int web_head(struct web *w)
{
    int64_t until = web_now_ms() + WEB_LIMIT_MS;
    char *end = NULL;
    for (size_t want = 1; !end; want = w->len + 1) {
        if (web_fill(w, want, until)) return -1;
        w->in[w->len] = 0;
        end = strstr((char *)w->in, "\r\n\r\n");
    }
    size_t n = (size_t)(end - (char *)w->in) + 4;
    free(w->head);
    w->head = strndup((char *)w->in, n);
    web_drop(w, n);
    w->status = atoi(w->head + 9);
    return 0;
}

/* Sends a question. `headers`: lines with CRLF, or "". `body` NULL: none. */
static inline int web_question(struct web *w, const char *method, const char *path, const char *headers, const char *body)
{
    char *text;
    int n;
    if (body) n = asprintf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s", method, path, headers, strlen(body), body);
    else n = asprintf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, path, headers);
    int rc = n < 0 ? -1 : web_send(w, text, (size_t)n);
    free(text);
    return rc;
}

/* Takes the answer. Returns the status, -1 when the line broke; the answer's body ends with a NUL. */
static inline int web_answer(struct web *w, const char *method)
{
    if (web_head(w)) return -1;
    if (w->status == 101) return 101;
    w->body_len = strcmp(method, "HEAD") && w->status != 204 ? strtoul(web_header(w, "Content-Length"), NULL, 10) : 0;
    if (web_fill(w, w->body_len, web_now_ms() + WEB_LIMIT_MS)) return -1;
    free(w->body);
    w->body = malloc(w->body_len + 1);
    memcpy(w->body, w->in ? w->in : (uint8_t *)"", w->body_len);
    w->body[w->body_len] = 0;
    web_drop(w, w->body_len);
    return w->status;
}

static inline int web_ask(struct web *w, const char *method, const char *path, const char *headers, const char *body)
{
    return web_question(w, method, path, headers, body) ? -1 : web_answer(w, method);
}

/* A connection of its own for one request. */
static inline int web_once(struct web *w, uint16_t port, const char *method, const char *path, const char *headers, const char *body)
{
    return web_open(w, port) ? -1 : web_ask(w, method, path, headers, body);
}

/* A question on a connection of its own, in place of the one before; its status. */
static inline int web_anew(struct web *w, uint16_t port, const char *method, const char *path, const char *headers, const char *body)
{
    web_close(w);
    return web_once(w, port, method, path, headers, body);
}

/* ---- WebSocket (RFC 6455) ---- */

static inline int web_socket_at(struct web *w, uint16_t port, const char *path, const char *headers)
{
    char all[1000];
    snprintf(all, sizeof all, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s",
             headers);
    return web_once(w, port, "GET", path, all, NULL);
}

static inline int web_socket(struct web *w, uint16_t port, const char *headers)
{
    return web_socket_at(w, port, "/ws", headers);
}

static inline int web_frame(struct web *w, int opcode, const void *data, size_t len)
{
    uint8_t head[14] = {(uint8_t)(0x80 | opcode), len < 126 ? (uint8_t)(0x80 | len) : 0xff}; /* and a mask of zeros */
    for (int i = 0; len >= 126 && i < 8; i++)
        head[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
    return web_send(w, head, len < 126 ? 6 : 14) || web_send(w, data, len);
}

static inline int web_say(struct web *w, const char *text)
{
    return web_frame(w, 1, text, strlen(text));
}

/* Length of the whole frame at the start of what is held, 0 = not there yet. */
static inline size_t web_frame_held(const struct web *w, size_t *head, size_t *payload)
{
    if (w->len < 2) return 0;
    size_t n = w->in[1] & 0x7f;
    *head = n == 126 ? 4 : n == 127 ? 10 : 2;
    if (w->len < *head) return 0;
    for (size_t i = 2, whole = 0; i < *head; i++)
        n = whole = whole << 8 | w->in[i];
    *payload = n;
    return w->len >= *head + n ? *head + n : 0;
}

/* The next message, NULL when none came in time or the server closed (close_code says so). Pings are answered on the way. */
static inline json_t *web_take(struct web *w, int limit_ms)
{
    int64_t until = web_now_ms() + limit_ms;
    while (!w->close_code) {
        size_t head, n, whole = web_frame_held(w, &head, &n);
        if (!whole) {
            if (web_fill(w, w->len + 1, until) == 0) continue;
            if (w->over) w->close_code = 1006;
            return NULL;
        }
        int opcode = w->in[0] & 15;
        json_t *m = opcode == 1 ? json_loadb((char *)w->in + head, n, 0, NULL) : NULL;
        if (opcode == 8) w->close_code = n >= 2 ? w->in[head] << 8 | w->in[head + 1] : 1005;
        if (opcode == 9) (void)web_frame(w, 10, w->in + head, n);
        web_drop(w, whole);
        if (m) return m;
    }
    return NULL;
}

/* The next message as it is: 1 text, 2 binary, 0 none in time or closed. Borrowed until the next call: pings are answered on the way. */
static inline int web_message(struct web *w, int limit_ms, const uint8_t **bytes, size_t *len)
{
    static _Thread_local uint8_t *kept;
    int64_t until = web_now_ms() + limit_ms;
    while (!w->close_code) {
        size_t head, n, whole = web_frame_held(w, &head, &n);
        if (!whole) {
            if (web_fill(w, w->len + 1, until) == 0) continue;
            if (w->over) w->close_code = 1006;
            return 0;
        }
        int opcode = w->in[0] & 15;
        if (opcode == 8) w->close_code = n >= 2 ? w->in[head] << 8 | w->in[head + 1] : 1005;
        if (opcode == 9) (void)web_frame(w, 10, w->in + head, n);
        if (opcode == 1 || opcode == 2) {
            free(kept);
            kept = malloc(n + 1);
            memcpy(kept, w->in + head, n);
            kept[n] = 0;
            *bytes = kept;
            *len = n;
        }
        web_drop(w, whole);
        if (opcode == 1 || opcode == 2) return opcode;
    }
    return 0;
}

/* The next text of that "type" (a lecture's), passing over the rest; NULL = none in time. */
static inline json_t *web_told(struct web *w, const char *type, int limit_ms)
{
    const uint8_t *bytes;
    size_t len;
    int64_t until = web_now_ms() + limit_ms;
    for (int kind; (kind = web_message(w, (int)(until - web_now_ms()), &bytes, &len));) {
        json_t *m = kind == 1 ? json_loadb((const char *)bytes, len, 0, NULL) : NULL;
        const char *is = json_string_value(json_object_get(m, "type"));
        if (is && strcmp(is, type) == 0) return m;
        json_decref(m);
    }
    return NULL;
}

/* The close code, after passing over what comes before it; 0 = still open after the time. */
static inline int web_drain(struct web *w, int limit_ms)
{
    int64_t until = web_now_ms() + limit_ms;
    while (!w->close_code && web_now_ms() < until)
        json_decref(web_take(w, (int)(until - web_now_ms())));
    return w->close_code;
}

/* Waits for an event of that name, passing over everything else; its data, or NULL. */
static inline json_t *web_event(struct web *w, const char *name, int limit_ms)
{
    int64_t until = web_now_ms() + limit_ms;
    for (json_t *m; (m = web_take(w, (int)(until - web_now_ms()))); json_decref(m)) {
        const char *event = json_string_value(json_object_get(m, "event"));
        if (!event || strcmp(event, name) != 0) continue;
        json_t *data = json_incref(json_object_get(m, "data"));
        json_decref(m);
        return data;
    }
    return NULL;
}

/* Asks a verb and waits for its answer, passing over events: {"ok":..}; NULL when the line is over. `args` is taken. */
static inline json_t *web_verb(struct web *w, const char *verb, json_t *args)
{
    json_t *q = json_pack("{s:I,s:s,s:o}", "id", (json_int_t)++w->id, "verb", verb, "args", args ? args : json_object());
    char *text = json_dumps(q, JSON_COMPACT);
    json_decref(q);
    int rc = web_say(w, text);
    free(text);
    for (json_t *m; rc == 0 && (m = web_take(w, WEB_LIMIT_MS)); json_decref(m))
        if (json_integer_value(json_object_get(m, "id")) == w->id) return m;
    return NULL;
}
#endif
