#include "server/session/ask.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 1000
#define TRIES 600

struct question {
    struct asker *a;
    char op[40];
    char credential[200];
    json_t *args;
    ask_done done;
    void *ctx;
    int tries_left;
    struct reply reply;
};

static void submit(void *arg);

static bool worth_another_try(int error)
{
    return error == ERR_UNAVAILABLE || error == ERR_STORAGE || error == ERR_TIMEOUT;
}

static void answered(void *arg)
{
    struct question *q = arg;
    if (!q->a->closed && worth_another_try(q->reply.error) && q->tries_left-- > 0) {
        reply_clear(&q->reply);
        memset(&q->reply, 0, sizeof q->reply);
        net_timer_start(q->a->net, AGAIN_MS, submit, q);
        return;
    }
    if (q->reply.error && !q->done) log_warn("ask", "%s: %s (%s)", q->op, err_wire(q->reply.error), q->reply.fault.reason);
    if (q->done) q->done(q->ctx, &q->reply);
    reply_clear(&q->reply);
    json_decref(q->args);
    explicit_bzero(q->credential, sizeof q->credential);
    free(q);
}

/* On a pool thread: what the reply owns moves over. */
static void completed(void *ctx, struct reply *reply)
{
    struct question *q = ctx;
    reply_move(&q->reply, reply);
    net_post_wait(q->a->net, answered, q);
}

static void submit(void *arg)
{
    struct question *q = arg;
    if (q->a->closed) {
        q->reply.error = ERR_UNAVAILABLE;
        answered(q);
        return;
    }
    struct call call = {.op = q->op, .credential = q->credential[0] ? q->credential : NULL, .args = q->args};
    int rc = records_submit(q->a->records, &call, completed, q);
    if (rc == 0) return;
    q->reply.error = rc;
    fault_set(&q->reply.fault, rc, "busy", "The server is busy; try again.");
    net_post_wait(q->a->net, answered, q);
}

static void start(struct asker *a, const struct question *want)
{
    struct question *q = malloc(sizeof *q);
    if (!q) abort(); /* as the rest of the process: there is no sensible way on */
    *q = *want;
    q->a = a;
    submit(q);
}

static struct question question(const char *op, const char *credential, json_t *args, ask_done done, void *ctx)
{
    struct question q = {.args = args, .done = done, .ctx = ctx};
    snprintf(q.op, sizeof q.op, "%s", op);
    snprintf(q.credential, sizeof q.credential, "%s", credential);
    return q;
}

void ask(struct asker *a, const char *op, const char *credential, json_t *args, ask_done done, void *ctx)
{
    struct question q = question(op, credential, args, done, ctx);
    start(a, &q);
}

void ask_system(struct asker *a, const char *op, json_t *args, ask_done done, void *ctx)
{
    ask(a, op, records_system_credential(a->records), args, done, ctx);
}

void ask_surely(struct asker *a, const char *op, json_t *args, ask_done done, void *ctx)
{
    struct question q = question(op, records_system_credential(a->records), args, done, ctx);
    q.tries_left = TRIES;
    start(a, &q);
}
