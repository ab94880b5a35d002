#include "records/outgoing/lines.h"
#include "records/exchange/mllp_client.h"
#include "records/outgoing/er7.h"
#include "server/base/clock.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OTHERS_MAX 8 /* answers to earlier messages that are passed over: a receiver in enhanced mode says CA, then AA */

struct line {
    struct line *next;
    struct lines *all;
    uint64_t receiver;
    pthread_t thread;
    pthread_cond_t work;
    enum { LINE_IDLE, LINE_GIVEN, LINE_ANSWERED, LINE_OVER /* its thread has ended */ } state; /* under the lock */
    struct line_order order;
    struct line_result result;
    char address[220];
    struct mllp_peer peer;
    struct mllp_client *client; /* of the thread; NULL = closed */
};
struct lines {
    struct lines_config config;
    char trust[600], certificate[600], key[600];
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct line *list; /* of the user */
};

/* ---- one message, on the line's thread ---- */

static void say(struct line_result *r, enum line_outcome outcome, const char *text)
{
    r->outcome = outcome;
    snprintf(r->error, sizeof r->error, "%s", text);
}

static void hang_up(struct line *l)
{
    mllp_client_close(l->client);
    l->client = NULL;
}

/* False: this answer is not to our message, there may be another behind it. */
static bool understand(struct line *l, const char *answer, size_t len)
{
    struct er7_verdict v;
    er7_judge(answer, len, l->order.control, l->order.text, &v);
    if (v.word == ER7_OTHERS)
        return false;
    say(&l->result, v.word == ER7_TAKEN ? LINE_TAKEN : v.word == ER7_REFUSED ? LINE_REFUSED : v.word == ER7_LATER ? LINE_LATER : LINE_SILENT,
        v.word == ER7_STRANGE ? "the answer is no acknowledgement" : v.text);
    return true;
}

static int ask(struct line *l)
{
    char *answer = NULL;
    size_t len = 0;
    bool ours = false;
    int rc = mllp_client_ask(l->client, l->order.text->bytes, l->order.text->len, &answer, &len);
    for (int i = 0; rc == 0 && !(ours = understand(l, answer, len)) && i < OTHERS_MAX; i++) {
        free(answer);
        rc = mllp_client_hear(l->client, &answer, &len);
    }
    free(answer);
    if (rc)
        say(&l->result, LINE_SILENT, rc == ERR_TIMEOUT ? "no acknowledgement in time" : rc == ERR_MALFORMED ? "the answer is no MLLP block" : "the line broke before the acknowledgement");
    else if (!ours)
        say(&l->result, LINE_SILENT, "the acknowledgement is of another message");
    if (l->result.outcome == LINE_SILENT)
        hang_up(l);
    return rc;
}

static void send_it(struct line *l)
{
    char error[160] = "";
    bool kept = l->client != NULL;
    if (kept && ask(l) != ERR_UNAVAILABLE)
        return;
    if (mllp_client_open(&l->client, &l->peer, error)) {
        say(&l->result, LINE_SILENT, error);
        return;
    }
    (void)ask(l); /* the result says it */
}

static void *run(void *arg)
{
    struct line *l = arg;
    struct lines *all = l->all;
    pthread_mutex_lock(&all->lock);
    for (struct timespec until = clock_until(LINES_IDLE_MS); !atomic_load(&all->stop);) {
        if (l->state != LINE_GIVEN) {
            bool timed_out = pthread_cond_timedwait(&l->work, &all->lock, &until) != 0;
            if (timed_out && l->state == LINE_IDLE)
                break;
            until = timed_out ? clock_until(LINES_IDLE_MS) : until; /* an answer nobody has collected yet */
            continue;
        }
        pthread_mutex_unlock(&all->lock);
        send_it(l);
        pthread_mutex_lock(&all->lock);
        l->state = LINE_ANSWERED;
        until = clock_until(LINES_IDLE_MS);
        pthread_cond_broadcast(&all->answered);
        if (all->config.wake)
            all->config.wake(all->config.ctx);
    }
    hang_up(l);
    if (l->state == LINE_IDLE)
        l->state = LINE_OVER;
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* ---- the user's side ---- */

struct lines *lines_open_all(const struct lines_config *c)
{
    struct lines *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->config = *c;
    l->config.connect_ms = c->connect_ms ? c->connect_ms : LINES_CONNECT_MS;
    l->config.answer_ms = c->answer_ms ? c->answer_ms : LINES_ANSWER_MS;
    snprintf(l->trust, sizeof l->trust, "%s", c->trust ? c->trust : "");
    snprintf(l->certificate, sizeof l->certificate, "%s", c->certificate ? c->certificate : "");
    snprintf(l->key, sizeof l->key, "%s", c->key ? c->key : "");
    pthread_mutex_init(&l->lock, NULL);
    clock_condition(&l->answered);
    return l;
}

static void line_free(struct line *l)
{
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->work);
    free(l);
}

static struct line *begin(struct lines *all, const struct line_order *order)
{
    struct line *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    *l = (struct line){.next = all->list, .all = all, .receiver = order->receiver};
    l->peer = (struct mllp_peer){l->address, all->trust, all->certificate, all->key, all->config.connect_ms, all->config.answer_ms, &all->stop};
    snprintf(l->address, sizeof l->address, "%s", order->address);
    clock_condition(&l->work);
    if (pthread_create(&l->thread, NULL, run, l)) {
        pthread_cond_destroy(&l->work);
        free(l);
        return NULL;
    }
    return all->list = l;
}

/* Ends those nobody needs: idle for long, or at an address the receiver has no more. Collected before, none of them holds an answer. */
static void sweep(struct lines *all, uint64_t receiver, const char *address)
{
    for (struct line **at = &all->list; *at;) {
        struct line *l = *at;
        pthread_mutex_lock(&all->lock);
        bool over = l->state == LINE_OVER;
        pthread_mutex_unlock(&all->lock);
        if (!over && l->receiver == receiver && strcmp(l->address, address) != 0)
            l->receiver = 0; /* nobody's now; it ends by itself */
        if (over) {
            *at = l->next;
            line_free(l);
        } else
            at = &l->next;
    }
}

int lines_send(struct lines *all, const struct line_order *order)
{
    sweep(all, order->receiver, order->address);
    struct line *l = all->list;
    while (l && l->receiver != order->receiver)
        l = l->next;
    if (!l && !(l = begin(all, order)))
        return ERR_UNAVAILABLE;
    pthread_mutex_lock(&all->lock);
    bool free_now = l->state == LINE_IDLE;
    if (free_now) {
        l->order = *order;
        l->state = LINE_GIVEN;
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&all->lock);
    return free_now ? 0 : ERR_UNAVAILABLE;
}

static bool any_answered(const struct lines *all)
{
    for (const struct line *l = all->list; l; l = l->next)
        if (l->state == LINE_ANSWERED)
            return true;
    return false;
}

void lines_wait(struct lines *all, int ms)
{
    struct timespec until = clock_until(ms);
    pthread_mutex_lock(&all->lock);
    while (!any_answered(all) && pthread_cond_timedwait(&all->answered, &all->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&all->lock);
}

void lines_collect(struct lines *all)
{
    for (struct line *l = all->list; l; l = l->next) {
        struct line_order order;
        struct line_result result;
        pthread_mutex_lock(&all->lock);
        bool answered = l->state == LINE_ANSWERED; /* else they are the line's thread's */
        if (answered) {
            order = l->order;
            result = l->result;
            l->state = LINE_IDLE;
        }
        pthread_mutex_unlock(&all->lock);
        if (answered)
            order.done(order.ctx, &result);
    }
    sweep(all, 0, "");
}

void lines_close_all(struct lines *all)
{
    if (!all)
        return;
    atomic_store(&all->stop, true);
    pthread_mutex_lock(&all->lock);
    for (struct line *l = all->list; l; l = l->next)
        pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&all->lock);
    while (all->list) {
        struct line *l = all->list;
        all->list = l->next;
        line_free(l);
    }
    pthread_cond_destroy(&all->answered);
    pthread_mutex_destroy(&all->lock);
    free(all);
}
