/* post - one HTTP request with a body to another system's door, by libcurl: the only place that speaks HTTP as a client.
 *
 * Hides: libcurl, the signature, what an answer's status means. Nothing is followed: no redirect, no proxy of the environment, http and
 * https only; a certificate that does not verify is an error. At most 4 s to connect and 10 s in all; of the answer the first 4 KiB are kept.
 * Headers of every request: X-Yilian-Delivery (the id), X-Yilian-Timestamp (ms) and, with a secret, X-Yilian-Signature: "sha256=" + hex
 * HMAC-SHA-256(secret, timestamp "." body).
 * Threads: a request or a line belongs to one thread; any thread may have its own.
 */
#ifndef YL_RECORDS_NOTIFY_POST_H
#define YL_RECORDS_NOTIFY_POST_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POST_URL_BYTES 600
#define POST_ANSWER_MAX 4096

struct post_request {
    const char *method, *url;        /* POST or PUT */
    const char *content_type;        /* NULL = none */
    const char *agent, *id, *secret; /* secret "" = not signed */
    const char *headers;             /* further ones, each ended by a newline; NULL = none */
    const char *body;                /* borrowed until the request has ended */
    size_t len;
    int64_t now_ms;
};
enum post_outcome { POST_TAKEN, POST_AGAIN, POST_REFUSED }; /* 2xx; no answer, 408, 425, 429, 5xx; everything else */
struct post_result {
    enum post_outcome outcome;
    long status;    /* 0 = nobody answered */
    char error[96]; /* for the administrator: status or the library's words, never the answer's body */
    char answer[POST_ANSWER_MAX + 1];
    size_t answer_len;
};

/* Is this an http or https address of at most POST_URL_BYTES - 1 visible ASCII characters? */
bool post_url_ok(const char *url);
/* "https://host:port" of it, in small letters, the port only when it is said and not the scheme's own; false: none, or with a name and password in it. */
bool post_origin(const char *url, char *out, size_t cap);

/* Waits for the answer. */
void post_now(const struct post_request *q, struct post_result *r);

/* Many at once on one thread. */
struct post_line;
struct post_line *post_line_new(void); /* NULL: out of memory */
void post_line_free(struct post_line *line); /* those under way are broken off, `done` is not called */
/* `done` is called by post_line_wait. ERR_UNAVAILABLE: out of memory, it is then not called. */
YL_CHECKED int post_line_add(struct post_line *line, const struct post_request *q, void (*done)(void *ctx, const struct post_result *r), void *ctx);
/* Works for at most so long; returns early when something happened. */
void post_line_wait(struct post_line *line, int ms);
void post_line_wake(struct post_line *line); /* any thread: the wait ends, or the next one does */
bool post_line_idle(const struct post_line *line); /* nothing is under way */
#endif
