/* net - HTTPS and WebSocket for the rest of the server; hides libwebsockets completely.
 *
 * Threads: one event thread runs net_run; every callback below is called on it, and every function is for it alone, except
 * net_post and net_stop, which any thread may call. Nothing here waits, reads a file (web.root is read by net_open) or runs SQL.
 *
 * HTTP/1.1 only (RFC 9112): Debian's libwebsockets 4.1.6 does not give custom headers over HTTP/2 (docs/decisions/0002).
 * Every request has limits: header 8 KiB, body max_body, time, requests a second and connections per address.
 */
#ifndef YL_SERVER_NET_NET_H
#define YL_SERVER_NET_NET_H

#include "server/base/fault.h"
#include "server/base/share.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net;
struct net_request;
struct net_ws;
struct net_timer;

struct net_config {
    const char *address;      /* "127.0.0.1", "0.0.0.0", "::" */
    uint16_t port;
    const char *certificate, *key; /* PEM files */
    const char *web_root;     /* read into memory by net_open; "" = no pages */
    const char *origins;      /* comma-separated further origins that may open /ws; "" = only our own */
    unsigned connections, connections_per_address;
    unsigned idle_ms;         /* silence allowed inside a request or an answer */
    unsigned requests_per_second; /* per address, on average */
    unsigned ws_messages_per_second; /* per connection, on average; more is closed with 4029 */
    size_t max_body;          /* largest body of a request whose handler gives no own limit */
    /* A connection that begins with a byte of 0 speaks no TLS: it is a short packet with its length before it (RFC 4571), ICE over TCP. It is
     * handed over, descriptor and all. Event thread. NULL: such connections are closed. */
    void (*on_stream)(void *ctx, int fd);
    void *on_stream_ctx;
};

/* Opens the listener and loads web_root. Every mistake of the set-up is a sentence in f->text. */
YL_CHECKED int net_open(struct net **out, const struct net_config *config, struct fault *f);
/* The files of `certificate` and `key`, which certificate_check has passed, are read anew for the connections that come. Event thread. */
YL_CHECKED int net_certificate_anew(struct net *n);
/* Serves until net_stop. */
void net_run(struct net *n);
void net_stop(struct net *n); /* any thread, also from a signal-waiting thread */
/* After net_run: closes every connection (ws on_close is called), takes no more work. Requests that a handler still holds stay
 * valid: a late net_reply_* frees them. */
void net_shut(struct net *n);
/* After every thread that may net_post was joined: runs what is still posted, then frees. */
void net_free(struct net *n);

/* ---- work from other threads, timers ---- */
/* Queues fn(arg) for the event thread. Any thread. ERR_UNAVAILABLE when the queue (16,384) is full. */
YL_CHECKED int net_post(struct net *n, void (*fn)(void *arg), void *arg);
/* As net_post, for an answer that must arrive: waits a little while the queue is full. Pool threads only. */
void net_post_wait(struct net *n, void (*fn)(void *arg), void *arg);
/* Calls fn(arg) once after delay_ms. The timer frees itself after firing; net_timer_cancel frees it before. */
struct net_timer *net_timer_start(struct net *n, unsigned delay_ms, void (*fn)(void *arg), void *arg);
void net_timer_cancel(struct net_timer *t);

/* ---- HTTP requests ---- */
enum net_method { NET_GET = 1, NET_HEAD = 2, NET_POST = 4, NET_PUT = 8, NET_PATCH = 16, NET_DELETE = 32, NET_OPTIONS = 64 };
const char *net_method_name(enum net_method m);

/* Handles one complete request. It must be answered exactly once by a net_reply_* function, now or later on the event thread;
 * until then the request is the handler's to hold, also when the client has gone (the answer is then dropped). */
typedef void (*net_handler)(void *ctx, struct net_request *r);

struct net_route {
    const char *prefix;   /* "/api/v1/", "/whip/": the longest matching prefix wins; without an ending '/' it must match whole */
    unsigned methods;     /* enum net_method bits; another method gets 405 */
    net_handler handler;
    void *ctx;
    size_t max_body;      /* 0 = net_config.max_body */
    bool unmetered;       /* not counted against requests_per_second: the handler knows its callers */
};
/* Before net_run. ERR_CONFLICT when the prefix is taken. `prefix` is copied. */
YL_CHECKED int net_route_add(struct net *n, const struct net_route *route);

enum net_method net_request_method(const struct net_request *r);
const char *net_request_path(const struct net_request *r);    /* percent-decoded, no query, checked UTF-8 */
const char *net_request_query(const struct net_request *r);   /* raw text after '?', "" when none */
const char *net_request_address(const struct net_request *r); /* the client's address */
unsigned net_request_rtt_ms(const struct net_request *r);     /* of the client's line, as the kernel measured it; 0 = not known */
/* One of: accept accept-encoding authorization content-type cookie host idempotency-key if-match if-modified-since if-none-exist
 * if-none-match if-range origin prefer range upload-offset user-agent x-csrf-token. "" when absent. Valid as long as the request. */
const char *net_request_header(const struct net_request *r, const char *name);
const void *net_request_body(const struct net_request *r, size_t *len); /* NUL-terminated behind len */
/* The yl_session cookie or, failing that, the bearer token; "" when neither. *by_cookie says which. */
const char *net_request_credential(const struct net_request *r, bool *by_cookie);
/* Next name=value of a query, percent-decoded, '+' is a space. 1: filled, 0: end, ERR_MALFORMED: bad escape or too long.
 * *at starts as net_request_query(r). */
int net_query_next(const char **at, char *name, size_t name_cap, char *value, size_t value_cap);

/* ---- answers (event thread; each ends the handler's hold) ---- */
/* Adds a header before the answer; name in the usual case, value without CR/LF (else dropped and logged). */
void net_reply_header(struct net_request *r, const char *name, const char *value);
/* The answer is for machines: headers that only guard a page are left out. */
void net_reply_plain(struct net_request *r);
void net_reply_bytes(struct net_request *r, int status, const char *content_type, const void *data, size_t len); /* copies */
void net_reply_taken(struct net_request *r, int status, const char *content_type, char *data, size_t len); /* takes malloc'd data */
void net_reply_empty(struct net_request *r, int status);
void net_reply_share(struct net_request *r, int status, const char *content_type, struct share *body); /* takes a reference of its own */
void net_reply_page(struct net_request *r); /* what the web application has at this path */
/* The error object of docs/protocol/http.md with the status of f->code. */
void net_reply_fault(struct net_request *r, const struct fault *f);

/* A body of known length that comes in pieces (a document from the store). */
struct net_source {
    const char *content_type;
    const char *etag;         /* with quotes; "" = none */
    uint64_t total;           /* bytes of the whole thing; Range and If-Range (RFC 9110 14) are answered here */
    bool attachment;          /* Content-Disposition: attachment */
    const char *name;         /* file name for the disposition, UTF-8; NULL = none */
    /* Asks for bytes [offset, offset+len): the source calls net_stream_give exactly once for it, now or later. */
    void (*want)(void *ctx, struct net_request *r, uint64_t offset, size_t len);
    void (*done)(void *ctx);  /* the request is over: nothing will be wanted any more (called exactly once) */
    void *ctx;
};
/* Takes the source's ctx until done. Strings are copied. */
void net_reply_stream(struct net_request *r, const struct net_source *s);
/* Gives what was wanted (copied); error != 0 or fewer bytes break the connection, since the header is out already. */
void net_stream_give(struct net_request *r, int error, const void *data, size_t len);

/* ---- WebSockets: /ws, and further places ---- */
struct net_ws_info {
    const char *path; /* as asked for, without the query */
    const char *address, *user_agent;
    const char *credential; /* yl_session cookie or bearer token, "" when none */
    bool by_cookie;
};
struct net_ws_events {
    void *ctx;
    /* The result is the connection's user pointer; NULL refuses (closed with 4003). */
    void *(*on_open)(void *ctx, struct net_ws *ws, const struct net_ws_info *info);
    /* A whole text message, NUL-terminated behind len, valid UTF-8, at most 256 KiB. */
    void (*on_message)(void *ctx, struct net_ws *ws, void *user, const char *text, size_t len);
    /* Once for every on_open that returned a user; ws is invalid afterwards. code 1006 = the line broke. */
    void (*on_close)(void *ctx, struct net_ws *ws, void *user, int code);
    /* A whole binary message. NULL: who sends one is closed with 4000. */
    void (*on_bytes)(void *ctx, struct net_ws *ws, void *user, const void *bytes, size_t len);
};
/* Before net_run. `path`: "/ws" whole, or "/live/" with an ending '/' for all that begins with it; static text. */
YL_CHECKED int net_ws_serve(struct net *n, const char *path, const struct net_ws_events *events);
/* Copies and queues. A queue over 1 MiB or 500 messages closes the connection with 4008; then, as after net_ws_close, further
 * sends are dropped (ERR_UNAVAILABLE). Never calls on_close from inside. */
int net_ws_send(struct net_ws *ws, const char *text, size_t len);
/* Queues a binary message that is shared with others: a reference is held until it is sent. Limited to 500 messages, as above. */
int net_ws_send_share(struct net_ws *ws, struct share *s);
/* It has proved who it is: its messages are not counted from here on. */
void net_ws_trust(struct net_ws *ws);
size_t net_ws_waiting(const struct net_ws *ws); /* messages that the peer has not taken yet */
/* Sends what is queued first where the peer takes it within 2 s, then closes. */
void net_ws_close(struct net_ws *ws, int code);

/* ---- WebSockets to other servers ---- */
struct net_dialer;
struct net_dialer_config {
    const char *url;         /* "https://HOST:PORT", as site_address_ok has it */
    const char *authorities; /* PEM file of whom to believe the certificate; "" = the system's */
    const char *option;      /* the URL's name in the configuration, for faults */
};
/* Before net_run. Resolves the name now, once: nothing waits for a name server later. Freed with the net. */
YL_CHECKED int net_dialer_open(struct net *n, const struct net_dialer_config *config, struct net_dialer **out, struct fault *f);
/* One connection, TLS with certificate and name checked. on_open (info: only the path) when it stands, then as for those who came to us, but messages may
 * have 4 MiB and are not counted. failed(ctx, why) in place of all of it, perhaps from inside; `why` is for a log line. */
void net_dial(struct net_dialer *d, const char *path, const struct net_ws_events *events, void (*failed)(void *ctx, const char *why));

/* ---- plain TCP, with or without TLS: MLLP ---- */
struct net_raw;
struct net_raw_events {
    void *ctx;
    /* With the first bytes. The result is the connection's user pointer; NULL refuses. `certificate`: SHA-256 of what the client showed, hex, "" = none. That it
     * holds the key is sure; whose it is the caller must know. */
    void *(*on_open)(void *ctx, struct net_raw *c, const char *address, const char *certificate);
    void (*on_data)(void *ctx, struct net_raw *c, void *user, const char *data, size_t len);
    void (*on_close)(void *ctx, struct net_raw *c, void *user); /* once for every on_open that returned a user */
};
struct net_raw_config {
    const char *address;
    uint16_t port;
    bool tls;             /* with the certificate of net_config; asks the client for one too */
    unsigned connections; /* open at once */
    const char *option;   /* the port's name in the configuration, for faults */
    struct net_raw_events events;
};
/* Before net_run. Strings are borrowed for the net's life. Mistakes of the set-up are a sentence in f->text. */
YL_CHECKED int net_raw_serve(struct net *n, const struct net_raw_config *config, struct fault *f);
/* Copies and queues; over 8 MiB waiting the connection is closed. Never calls on_close from inside. */
void net_raw_send(struct net_raw *c, const void *data, size_t len);
void net_raw_hold(struct net_raw *c, bool hold); /* nothing more is read: the peer's window closes */
void net_raw_close(struct net_raw *c);           /* at once; on_close follows */
#endif
