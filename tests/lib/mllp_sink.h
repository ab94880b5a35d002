/* mllp_sink - a hospital's system in the test's own process that takes HL7 v2 messages over MLLP, keeps and answers them. Everything
 * behind the door's lock. */
#ifndef YL_TESTS_LIB_MLLP_SINK_H
#define YL_TESTS_LIB_MLLP_SINK_H

#include "tests/lib/sink_door.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MLLP_SINK_MAX 4000

enum mllp_manner { MLLP_ANSWERS, MLLP_SILENT, MLLP_HANGS_UP /* instead of answering */, MLLP_TWICE /* CA, then AA */ };
struct mllp_sunk {
    char control[40], type[40]; /* MSH-10, MSH-9 */
    char *text;                 /* CR as it came */
    size_t len;
};
struct mllp_sink {
    struct sink_door door;
    struct mllp_sunk list[MLLP_SINK_MAX];
    size_t n;            /* messages */
    enum mllp_manner manner;
    const char *code;    /* of the next answers: "AA" */
    const char *refuse;  /* messages that hold this are answered with `refusal` */
    const char *refusal; /* what follows MSH: "MSA|AE|%s|words\rERR|..\r", %s = MSH-10 */
    int delay_ms;
};
static inline void mllp_sink_field(const char *text, int n, char *out, size_t cap)
{
    for (; n > 1 && *text; n--) text += strcspn(text, "|") + 1; /* MSH-1 is the first "|" */
    snprintf(out, cap, "%.*s", (int)strcspn(text, "|\r"), text);
}

/* False: the line ends. */
static inline bool mllp_sink_take(struct mllp_sink *k, struct sink_line *l, const char *text, size_t len)
{
    char answer[900], body[600];
    pthread_mutex_lock(&k->door.lock);
    struct mllp_sunk *s = &k->list[k->n < MLLP_SINK_MAX ? k->n : MLLP_SINK_MAX - 1];
    mllp_sink_field(text, 10, s->control, sizeof s->control);
    mllp_sink_field(text, 9, s->type, sizeof s->type);
    s->text = calloc(1, len + 1);
    memcpy(s->text, text, len);
    s->len = len;
    k->n += k->n < MLLP_SINK_MAX;
    enum mllp_manner manner = k->manner;
    int delay_ms = k->delay_ms;
    if (k->refuse && memmem(text, len, k->refuse, strlen(k->refuse)))
        snprintf(body, sizeof body, k->refusal, s->control);
    else
        snprintf(body, sizeof body, "MSA|%s|%s\r", manner == MLLP_TWICE ? "CA" : k->code, s->control);
    int n = snprintf(answer, sizeof answer, "\013MSH|^~\\&|HIS|H|YILIAN|YILIAN|20261128||ACK|x|P|2.5.1||||||UNICODE UTF-8\r%s\034\r", body);
    if (manner == MLLP_TWICE)
        n += snprintf(answer + n, sizeof answer - (size_t)n, "\013MSH|^~\\&|HIS|H|YILIAN|YILIAN|20261128||ACK|x|P|2.5.1\rMSA|AA|%s\r\034\r", s->control);
    pthread_mutex_unlock(&k->door.lock);
    if (delay_ms) usleep((useconds_t)delay_ms * 1000);
    if (manner == MLLP_HANGS_UP) return false;
    return manner == MLLP_SILENT || sink_line_send(l, answer, (size_t)n);
}

static inline void mllp_sink_serve(struct sink_line *l)
{
    struct mllp_sink *k = l->owner;
    size_t cap = 1u << 20, n = 0;
    char *text = malloc(cap), *end;
    for (bool open = true; open;) {
        ssize_t got = n < cap ? sink_line_read(l, text + n, cap - n) : 0;
        if (got <= 0) break;
        n += (size_t)got;
        while (open && (end = memmem(text, n, "\034\r", 2))) {
            open = mllp_sink_take(k, l, text + 1, (size_t)(end - text) - 1);
            n -= (size_t)(end + 2 - text);
            memmove(text, end + 2, n);
        }
    }
    free(text);
}

static inline void mllp_sink_open(struct mllp_sink *k)
{
    memset(k, 0, sizeof *k);
    k->code = "AA";
    sink_door_open(&k->door, k, mllp_sink_serve);
}

static inline void mllp_sink_close(struct mllp_sink *k)
{
    sink_door_close(&k->door);
    pthread_mutex_lock(&k->door.lock);
    for (size_t i = 0; i < k->n; i++) free(k->list[i].text);
    k->n = 0;
    pthread_mutex_unlock(&k->door.lock);
}

static inline void mllp_sink_be(struct mllp_sink *k, enum mllp_manner manner, const char *code)
{
    pthread_mutex_lock(&k->door.lock);
    k->manner = manner;
    k->code = code;
    pthread_mutex_unlock(&k->door.lock);
}

static inline void mllp_sink_refuse(struct mllp_sink *k, const char *what, const char *with)
{
    pthread_mutex_lock(&k->door.lock);
    k->refuse = what;
    k->refusal = with;
    pthread_mutex_unlock(&k->door.lock);
}

static inline size_t mllp_sink_count(struct mllp_sink *k)
{
    pthread_mutex_lock(&k->door.lock);
    size_t n = k->n;
    pthread_mutex_unlock(&k->door.lock);
    return n;
}

static inline size_t mllp_sink_wait(struct mllp_sink *k, size_t n, int limit_ms)
{
    for (int i = 0; i < limit_ms / 10 && mllp_sink_count(k) < n; i++) usleep(10000);
    return mllp_sink_count(k);
}
#endif
