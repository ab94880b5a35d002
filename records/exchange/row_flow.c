#include "records/exchange/row_flow.h"
#include "records/records.h"
#include "server/base/clock.h"
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ON_WAY_MAX 256
#define WAIT_MS 20

void row_flow_init(struct row_flow *w, struct records *r)
{
    w->records = r;
    pthread_mutex_init(&w->lock, NULL);
    clock_condition(&w->moved);
}

void row_flow_fini(struct row_flow *w)
{
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->moved);
}

bool row_flow_stopped(const struct row_flow *w)
{
    return atomic_load(&w->stop) || (w->under && atomic_load(&w->under->stop));
}

void row_flow_stop(struct row_flow *w)
{
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->stop, true);
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
}

bool row_flow_rest(struct row_flow *w, int ms)
{
    struct timespec until = clock_until(ms);
    pthread_mutex_lock(&w->lock);
    if (!atomic_load(&w->stop))
        pthread_cond_timedwait(&w->moved, &w->lock, &until);
    pthread_mutex_unlock(&w->lock);
    return !atomic_load(&w->stop);
}

void row_flow_begin(struct row_flow *w)
{
    pthread_mutex_lock(&w->lock);
    w->trouble = false;
    pthread_mutex_unlock(&w->lock);
}

static void row_done(void *ctx, const struct records_message_answer *a)
{
    struct row_flow *w = ctx;
    pthread_mutex_lock(&w->lock);
    w->on_way--;
    w->trouble = w->trouble || a->error || (a->len == 5 && memcmp(a->bytes, "stale", 5) == 0);
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
}

/* Until fewer than `max` are on their way. False: no more should go. */
static bool wait_below(struct row_flow *w, unsigned max)
{
    pthread_mutex_lock(&w->lock);
    while (w->on_way >= max)
        pthread_cond_wait(&w->moved, &w->lock);
    bool go_on = !w->trouble && !row_flow_stopped(w);
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static void count(struct row_flow *w, int n)
{
    pthread_mutex_lock(&w->lock);
    w->on_way = (unsigned)((int)w->on_way + n);
    pthread_mutex_unlock(&w->lock);
}

int row_flow_send(struct row_flow *w, uint64_t source, uint64_t file, int64_t row, const char *body, bool latest)
{
    struct records_message m = {.bytes = body, .len = strlen(body), .address = "", .certificate = "", .source = source, .file = file, .row = row, .latest = latest};
    if (!wait_below(w, ON_WAY_MAX))
        return ERR_NOT_ALLOWED_NOW;
    count(w, 1);
    while (records_message_submit(w->records, &m, row_done, w)) {
        if (row_flow_stopped(w)) {
            count(w, -1);
            return ERR_NOT_ALLOWED_NOW;
        }
        usleep(WAIT_MS * 1000); /* the writer has enough before it */
    }
    return 0;
}

bool row_flow_end(struct row_flow *w)
{
    return wait_below(w, 1);
}
