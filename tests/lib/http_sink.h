/* http_sink - an HTTP server in the test's own process that takes whatever is sent to it and keeps it: what subscribers' doors are in tests.
 * Everything behind the door's lock. */
#ifndef YL_TESTS_LIB_HTTP_SINK_H
#define YL_TESTS_LIB_HTTP_SINK_H

#include "tests/lib/sink_door.h"
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SINK_MAX 4000

struct sunk { /* one request */
    char method[8], path[200], head[2400];
    char *body;
    size_t len;
    int status; /* it was answered with */
};
struct sink {
    struct sink_door door;
    struct sunk list[SINK_MAX];
    size_t n;
    int status;                 /* the next answers */
    const char *refuse;         /* bodies or heads that hold this are answered 422 */
    int delay_ms;
};

static inline void sink_head(const struct sunk *s, const char *name, char *out, size_t cap)
{
    char want[80];
    snprintf(want, sizeof want, "\r\n%s: ", name);
    const char *at = strcasestr(s->head, want);
    snprintf(out, cap, "%.*s", at ? (int)strcspn(at + strlen(want), "\r") : 0, at ? at + strlen(want) : "");
}

static inline int sink_keep(struct sink *k, const char *bytes, size_t head, size_t len)
{
    pthread_mutex_lock(&k->door.lock);
    struct sunk *s = &k->list[k->n < SINK_MAX ? k->n : SINK_MAX - 1];
    sscanf(bytes, "%7s %199s", s->method, s->path);
    snprintf(s->head, sizeof s->head, "%.*s", (int)head, bytes);
    s->body = calloc(1, len + 1);
    memcpy(s->body, bytes + head, len);
    s->len = len;
    s->status = k->refuse && (strstr(s->body, k->refuse) || strstr(s->head, k->refuse)) ? 422 : k->status;
    int status = s->status;
    k->n += k->n < SINK_MAX;
    pthread_mutex_unlock(&k->door.lock);
    return status;
}

static inline void sink_serve(struct sink_line *l)
{
    struct sink *k = l->owner;
    size_t cap = 10u << 20, n = 0;
    char *text = malloc(cap + 1);
    for (;;) {
        text[n] = 0;
        const char *end = strstr(text, "\r\n\r\n"), *length = end ? strcasestr(text, "\r\ncontent-length:") : NULL;
        size_t head = end ? (size_t)(end + 4 - text) : 0, body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        if (end && n >= head + body) {
            char answer[120];
            int status = sink_keep(k, text, head, body);
            if (k->delay_ms) usleep((useconds_t)k->delay_ms * 1000);
            int m = snprintf(answer, sizeof answer, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", status);
            if (!sink_line_send(l, answer, (size_t)m)) break;
            memmove(text, text + head + body, n - head - body);
            n -= head + body;
            continue;
        }
        ssize_t got = n < cap ? sink_line_read(l, text + n, cap - n) : 0;
        if (got <= 0) break;
        n += (size_t)got;
    }
    free(text);
}

static inline void sink_open(struct sink *k)
{
    memset(k, 0, sizeof *k);
    k->status = 200;
    sink_door_open(&k->door, k, sink_serve);
}

static inline void sink_close(struct sink *k)
{
    sink_door_close(&k->door);
    pthread_mutex_lock(&k->door.lock);
    for (size_t i = 0; i < k->n; i++) free(k->list[i].body);
    k->n = 0;
    pthread_mutex_unlock(&k->door.lock);
}

static inline size_t sink_count(struct sink *k)
{
    pthread_mutex_lock(&k->door.lock);
    size_t n = k->n;
    pthread_mutex_unlock(&k->door.lock);
    return n;
}

/* Waits until so many have come; how many there are. */
static inline size_t sink_wait(struct sink *k, size_t n, int limit_ms)
{
    for (int i = 0; i < limit_ms / 10 && sink_count(k) < n; i++) usleep(10000);
    return sink_count(k);
}
#endif
