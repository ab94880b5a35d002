/* placement - which worker a room lives on: the one with the least to do when its first peer comes, until the room is closed. All peers of a
 * room live on one worker (docs/decisions/0005), so that two lectures must not meet on one while another idles.
 * Any thread; a short lock that no packet ever waits for.
 */
#ifndef YL_MEDIA_WORKER_PLACEMENT_H
#define YL_MEDIA_WORKER_PLACEMENT_H

#include "media/worker/steer.h"
#include "server/base/id.h"
#include <pthread.h>

struct placement {
    pthread_mutex_t lock;
    unsigned n; /* workers */
    struct table rooms; /* -> worker's index + 1 */
    uint32_t held[WORKERS_MAX];
};
void placement_init(struct placement *p, unsigned workers);
void placement_fini(struct placement *p);
/* The room's worker. A room without one gets the worker with the least load (packets a second, by index) when `begins`; otherwise, and when
 * memory is out, the answer is the same for ever. */
unsigned placement_of(struct placement *p, struct room_id room, bool begins, const uint32_t load[]);
void placement_forget(struct placement *p, struct room_id room);
#endif
