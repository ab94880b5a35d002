/* Waiting for a group (gather.h). */
#include "records/call/gather.h"
#include "server/base/clock.h"

#define MANY 4 /* they come from many clients; one who sends a message after the other waits for nobody */

void gather_open(struct gather *g)
{
    clock_condition(&g->came);
    g->many = g->enough = 0;
}

void gather_close(struct gather *g)
{
    pthread_cond_destroy(&g->came);
}

void gather_wait(struct gather *g, pthread_mutex_t *lock, const size_t *waiting, int us)
{
    if (g->many < MANY || *waiting >= g->many)
        return;
    struct timespec limit = clock_until_us(us);
    g->enough = g->many;
    while (*waiting < g->enough && pthread_cond_timedwait(&g->came, lock, &limit) == 0)
        continue;
    g->enough = 0;
}

void gather_came(struct gather *g, size_t waiting)
{
    if (g->enough && waiting >= g->enough)
        pthread_cond_signal(&g->came);
}

void gather_took(struct gather *g, size_t n)
{
    g->many = n > g->many ? n : g->many - (g->many - n + 3) / 4;
}
