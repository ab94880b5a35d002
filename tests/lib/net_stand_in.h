/* net_stand_in - in place of server/net for programs that bring handlers requests and messages without a socket: a request is freed with its
 * answer, as the real one is, so that a handler that still holds it is found out. The including program says what it thinks of each answer. */
#ifndef YL_TESTS_LIB_NET_STAND_IN_H
#define YL_TESTS_LIB_NET_STAND_IN_H

#include "server/net/net.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct net_request {
    enum net_method method;
    char *path, *query, *body;
    size_t body_len;
    const char *credential, *content_type, *if_match; /* borrowed until the answer: "" = none */
    bool known; /* the includer's: who asks may have what is answered */
};
struct net_ws {
    void *user;
    bool closed, known;
};

static unsigned stand_in_waiting; /* requests without an answer */
static struct net_route stand_in_routes[4];
static size_t stand_in_n_routes;
static struct net_ws_events stand_in_ws;
static void (*stand_in_tick)(void *arg);
static void *stand_in_tick_arg;

/* The includer's. */
static void answered(const struct net_request *r, int status, const void *body, size_t len);
static void sent(const struct net_ws *ws, const struct share *s, const char *text, size_t len);

static inline char *stand_in_copy(const char *text, size_t len)
{
    char *out = malloc(len + 1); /* of its own size: a reader past the end is seen */
    if (!out) abort();
    if (len) memcpy(out, text, len);
    out[len] = '\0';
    return out;
}

/* `target`: path, perhaps with '?' and a query. */
static inline struct net_request *stand_in_request(enum net_method method, const char *target)
{
    struct net_request *r = calloc(1, sizeof *r);
    size_t path = strcspn(target, "?");
    if (!r) abort();
    r->method = method;
    r->path = stand_in_copy(target, path);
    target += path + (target[path] == '?');
    r->query = stand_in_copy(target, strlen(target));
    r->body = stand_in_copy("", 0);
    r->credential = r->content_type = r->if_match = "";
    stand_in_waiting++;
    return r;
}

static inline void stand_in_free(struct net_request *r)
{
    free(r->path);
    free(r->query);
    free(r->body);
    free(r);
}

/* As net.c finds the handler; without one it is answered by nobody. */
static inline void stand_in_ask(struct net_request *r)
{
    for (size_t i = 0; i < stand_in_n_routes; i++) {
        const struct net_route *route = &stand_in_routes[i];
        if (strncmp(r->path, route->prefix, strlen(route->prefix)) != 0 || !(route->methods & r->method)) continue;
        route->handler(route->ctx, r);
        return;
    }
    stand_in_waiting--;
    stand_in_free(r);
}

static inline void stand_in_answer(struct net_request *r, int status, const void *body, size_t len)
{
    if (status < 200 || status > 599) abort();
    answered(r, status, body, len);
    stand_in_waiting--;
    stand_in_free(r);
}

/* ---- net.h ---- */
int net_route_add(struct net *n, const struct net_route *route)
{
    if (stand_in_n_routes == sizeof stand_in_routes / sizeof stand_in_routes[0]) abort();
    stand_in_routes[stand_in_n_routes++] = *route;
    return 0;
}
int net_ws_serve(struct net *n, const char *path, const struct net_ws_events *events)
{
    stand_in_ws = *events;
    return 0;
}
struct net_timer *net_timer_start(struct net *n, unsigned delay_ms, void (*fn)(void *arg), void *arg)
{
    stand_in_tick = fn;
    stand_in_tick_arg = arg;
    return NULL;
}
enum net_method net_request_method(const struct net_request *r) { return r->method; }
const char *net_request_path(const struct net_request *r) { return r->path; }
const char *net_request_query(const struct net_request *r) { return r->query; }
const char *net_request_address(const struct net_request *r) { return "192.0.2.1"; }
unsigned net_request_rtt_ms(const struct net_request *r) { return 20; }
const char *net_request_header(const struct net_request *r, const char *name)
{
    return strcmp(name, "content-type") == 0 ? r->content_type : strcmp(name, "if-match") == 0 ? r->if_match : "";
}
const void *net_request_body(const struct net_request *r, size_t *len)
{
    *len = r->body_len;
    return r->body;
}
const char *net_request_credential(const struct net_request *r, bool *by_cookie)
{
    *by_cookie = false;
    return r->credential;
}
void net_reply_header(struct net_request *r, const char *name, const char *value)
{
    if (!r->path || strlen(name) + strlen(value) > 1000) abort();
}
void net_reply_bytes(struct net_request *r, int status, const char *type, const void *data, size_t len) { stand_in_answer(r, status, data, len); }
void net_reply_empty(struct net_request *r, int status) { stand_in_answer(r, status, "", 0); }
void net_reply_share(struct net_request *r, int status, const char *type, struct share *s) { stand_in_answer(r, status, s->bytes, s->len); }
void net_reply_page(struct net_request *r) { stand_in_answer(r, 200, "", 0); }
void net_reply_taken(struct net_request *r, int status, const char *type, char *data, size_t len)
{
    stand_in_answer(r, status, data, len);
    free(data);
}
void net_reply_fault(struct net_request *r, const struct fault *f)
{
    if (!f->code) abort(); /* a refusal says why */
    stand_in_answer(r, err_http(f->code), "", 0);
}
int net_ws_send(struct net_ws *ws, const char *text, size_t len)
{
    if (ws->closed) return ERR_UNAVAILABLE;
    sent(ws, NULL, text, len);
    return 0;
}
int net_ws_send_share(struct net_ws *ws, struct share *s)
{
    if (ws->closed) return ERR_UNAVAILABLE;
    sent(ws, s, NULL, 0);
    return 0;
}
size_t net_ws_waiting(const struct net_ws *ws) { return 0; }
void net_ws_close(struct net_ws *ws, int code) { ws->closed = true; }
#endif
