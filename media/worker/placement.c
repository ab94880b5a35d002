#include "media/worker/placement.h"

#define ROOM_LOAD 200 /* what a room counts for that has not shown yet what it needs, packets a second */

void placement_init(struct placement *p, unsigned workers)
{
    *p = (struct placement){.n = workers};
    pthread_mutex_init(&p->lock, NULL);
}

void placement_fini(struct placement *p)
{
    table_free(&p->rooms);
    pthread_mutex_destroy(&p->lock);
}

static unsigned least(const struct placement *p, const uint32_t load[], unsigned first)
{
    unsigned best = first;
    for (unsigned k = 1; k < p->n; k++) {
        unsigned i = (first + k) % p->n;
        if (load[i] + (uint64_t)p->held[i] * ROOM_LOAD < load[best] + (uint64_t)p->held[best] * ROOM_LOAD) best = i;
    }
    return best;
}

unsigned placement_of(struct placement *p, struct room_id room, bool begins, const uint32_t load[])
{
    unsigned always = (unsigned)(room.v * 0x9e3779b97f4a7c15u >> 33) % p->n;
    pthread_mutex_lock(&p->lock);
    uintptr_t found = (uintptr_t)table_get(&p->rooms, room.v);
    if (!found && begins) {
        unsigned i = least(p, load, always);
        if (table_put(&p->rooms, room.v, (void *)(uintptr_t)(i + 1)) == 0) {
            found = i + 1u;
            p->held[i]++;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return found ? (unsigned)found - 1 : always;
}

void placement_forget(struct placement *p, struct room_id room)
{
    pthread_mutex_lock(&p->lock);
    uintptr_t found = (uintptr_t)table_get(&p->rooms, room.v);
    if (found) p->held[found - 1]--;
    table_remove(&p->rooms, room.v);
    pthread_mutex_unlock(&p->lock);
}
