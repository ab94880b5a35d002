#include "records/exchange/lanes.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum place_state { PLACE_FREE, PLACE_WAITING, PLACE_TAKEN };
struct place {
    enum place_state state;
    uint64_t key;
    bool ailing;
    void (*run)(void *job);
    void *job;
};

struct lanes {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct place places[LANES_MAX];
    size_t n, ailing; /* places; of these for the ailing */
    pthread_t threads[LANES_MAX];
    size_t n_threads;
    bool closing;
};

struct lanes *lanes_open(size_t places, size_t ailing)
{
    assert(places <= LANES_MAX && ailing <= places);
    struct lanes *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->moved, NULL);
    l->n = places;
    l->ailing = ailing;
    return l;
}

static struct place *waiting(struct lanes *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->places[i].state == PLACE_WAITING)
            return &l->places[i];
    return NULL;
}

static void *work(void *arg)
{
    struct lanes *l = arg;
    struct place *p;
    pthread_mutex_lock(&l->lock);
    while ((p = waiting(l)) || !l->closing) {
        if (!p) {
            pthread_cond_wait(&l->moved, &l->lock);
            continue;
        }
        p->state = PLACE_TAKEN;
        pthread_mutex_unlock(&l->lock);
        p->run(p->job);
        pthread_mutex_lock(&l->lock);
        p->state = PLACE_FREE;
        pthread_cond_broadcast(&l->moved);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Under the lock: a free place for this key, NULL = it is under way or there is none. */
static struct place *place_for(struct lanes *l, uint64_t key, bool ailing)
{
    struct place *found = NULL;
    size_t n_ailing = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct place *p = &l->places[i];
        if (p->state == PLACE_FREE)
            found = p;
        else if (p->key == key)
            return NULL;
        else
            n_ailing += p->ailing;
    }
    return ailing && n_ailing >= l->ailing ? NULL : found;
}

static size_t under_way(const struct lanes *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += l->places[i].state != PLACE_FREE;
    return n;
}

bool lanes_begin(struct lanes *l, uint64_t key, bool ailing, void (*run)(void *job), void *job)
{
    pthread_mutex_lock(&l->lock);
    struct place *p = l->closing ? NULL : place_for(l, key, ailing);
    if (p && under_way(l) == l->n_threads) { /* all of them have work */
        bool begun = pthread_create(&l->threads[l->n_threads], NULL, work, l) == 0;
        l->n_threads += begun;
        p = begun ? p : NULL;
    }
    if (p)
        *p = (struct place){PLACE_WAITING, key, ailing, run, job};
    pthread_cond_broadcast(&l->moved);
    pthread_mutex_unlock(&l->lock);
    return p != NULL;
}

void lanes_wait(struct lanes *l)
{
    pthread_mutex_lock(&l->lock);
    while (under_way(l))
        pthread_cond_wait(&l->moved, &l->lock);
    pthread_mutex_unlock(&l->lock);
}

void lanes_close(struct lanes *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_cond_broadcast(&l->moved);
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < l->n_threads; i++)
        pthread_join(l->threads[i], NULL);
    pthread_cond_destroy(&l->moved);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
