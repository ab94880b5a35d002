#include "server/base/mailbox.h"
#include "server/base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    void (*wake)(void *ctx);
    void *wake_ctx;
    size_t capacity, first, n;
    bool closed;
    void *messages[]; /* ring */
};

int mailbox_new(struct mailbox **out, size_t capacity, void (*wake)(void *ctx), void *wake_ctx)
{
    struct mailbox *m = calloc(1, sizeof *m + capacity * sizeof *m->messages);
    *out = m;
    if (!m)
        return ERR_UNAVAILABLE;
    m->capacity = capacity;
    m->wake = wake;
    m->wake_ctx = wake_ctx;
    pthread_mutex_init(&m->lock, NULL);
    clock_condition(&m->filled);
    return 0;
}

int mailbox_put(struct mailbox *m, void *message)
{
    pthread_mutex_lock(&m->lock);
    int rc = m->closed || m->n == m->capacity ? ERR_UNAVAILABLE : 0;
    bool first = m->n == 0;
    if (rc == 0) {
        m->messages[(m->first + m->n++) % m->capacity] = message;
        pthread_cond_signal(&m->filled);
    }
    pthread_mutex_unlock(&m->lock);
    if (rc == 0 && first && m->wake)
        m->wake(m->wake_ctx);
    return rc;
}

static void *oldest(struct mailbox *m)
{
    if (m->n == 0)
        return NULL;
    void *message = m->messages[m->first];
    m->first = (m->first + 1) % m->capacity;
    m->n--;
    return message;
}

void *mailbox_take(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    void *message = oldest(m);
    pthread_mutex_unlock(&m->lock);
    return message;
}

size_t mailbox_take_some(struct mailbox *m, void *out[], size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&m->lock);
    while (n < max && (out[n] = oldest(m)))
        n++;
    pthread_mutex_unlock(&m->lock);
    return n;
}

void *mailbox_wait(struct mailbox *m, int timeout_ms)
{
    struct timespec until = clock_until(timeout_ms > 0 ? timeout_ms : 0);
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    while (m->n == 0 && !m->closed && rc != ETIMEDOUT && timeout_ms != 0)
        rc = timeout_ms < 0 ? pthread_cond_wait(&m->filled, &m->lock) : pthread_cond_timedwait(&m->filled, &m->lock, &until);
    void *message = oldest(m);
    pthread_mutex_unlock(&m->lock);
    return message;
}

void mailbox_close(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    pthread_cond_broadcast(&m->filled);
    pthread_mutex_unlock(&m->lock);
}

void mailbox_free(struct mailbox *m, void (*drop)(void *message))
{
    void *message;
    if (!m)
        return;
    while ((message = oldest(m)))
        if (drop)
            drop(message);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->filled);
    free(m);
}
