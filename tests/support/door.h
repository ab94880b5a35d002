/* door - calls through the whole door (records_call, records_submit) by the people of tests/story/world.h: with sessions, CSRF tokens
 * and rights. One header, included once per program; after world.h.
 */
#ifndef YL_TESTS_SUPPORT_DOOR_H
#define YL_TESTS_SUPPORT_DOOR_H

#include "records/access/session.h"
#include "tests/story/world.h"
#include <pthread.h>

struct door_session {
    char token[80], csrf[64];
};

/* Signed in and ready at his first post, without a password. `factor_ms`: when the second factor was given, 0 = never. */
__attribute__((unused)) static void door_sign_in(struct world *w, const struct somebody *s, int64_t factor_ms, struct door_session *out)
{
    struct actor actor = {.person = {s->id}};
    struct session_start start = {.person = s->id, .post = s->id, .org = s->org, .dept = s->dept == s->org ? 0 : s->dept,
                                  .stage = "ready", .until_ms = INT64_MAX, .second_factor_ms = factor_ms};
    struct tx *tx;
    uint64_t id;
    if (tx_begin(records_store(w->r), TX_WRITE, &tx))
        abort();
    struct op_ctx ctx = {.records = w->r, .tx = tx, .actor = &actor, .now_ms = w->now_ms, .fault = &w->fault, .set_session = out->token};
    if (session_open(&ctx, &start, &id))
        abort();
    struct query *q = tx_query(tx, "SELECT csrf FROM session WHERE id=$1", "i", (int64_t)id);
    if (query_next(q))
        snprintf(out->csrf, sizeof out->csrf, "%s", query_text(q, "csrf"));
    if (query_end(q) || tx_commit(tx))
        abort();
}

struct door_wait {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    bool done;
    struct reply reply;
};

__attribute__((unused)) static void door_done(void *ctx, struct reply *reply)
{
    struct door_wait *w = ctx;
    pthread_mutex_lock(&w->lock);
    w->reply = *reply;
    w->done = true;
    pthread_cond_signal(&w->filled);
    pthread_mutex_unlock(&w->lock);
}

/* Queues and waits; ERR_UNAVAILABLE in the reply when the queue is full. The reply is the caller's to clear; args are borrowed. */
__attribute__((unused)) static struct reply door_wait(struct records *r, const struct call *call)
{
    struct door_wait w = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};
    int rc = records_submit(r, call, door_done, &w);
    if (rc) {
        w.reply.error = rc;
        return w.reply;
    }
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.filled, &w.lock);
    pthread_mutex_unlock(&w.lock);
    return w.reply;
}
#endif
