/* steer - which worker a datagram belongs to. All workers share one UDP port (SO_REUSEPORT): the kernel gives each remote address to one
 * of their sockets for good, whereas a peer lives with its room. So a worker that is not the owner hands the datagram over.
 *
 * It knows the owner from the ICE user fragment (announced by media_post before the owner hears of the peer), later from the address: the
 * owner tells when a check proved it. Until that arrives a small cache of what checks claimed is believed; it only decides who looks.
 * Everything here belongs to one worker; other workers are reached by mailbox and by the hand-over ring.
 */
#ifndef YL_MEDIA_WORKER_STEER_H
#define YL_MEDIA_WORKER_STEER_H

#include "media/worker/handover.h"
#include "media/worker/table.h"

#define STEER_RECENT 1024
#define WORKERS_MAX 64

struct worker;
struct route { /* tells a worker that another owns a user fragment or an address (both by table_hash) */
    uint64_t key;
    bool address, forget;
    uint8_t owner;
};

struct steer {
    struct table ufrags, addresses; /* foreign ones -> owner's index + 1 */
    struct {
        uint64_t key;
        uint8_t owner;
    } recent[STEER_RECENT];
    struct handover *from[WORKERS_MAX]; /* by producing worker */
    uint64_t to_wake;                   /* bit per worker that was handed something since the last steer_wake */
    unsigned via;                       /* whose socket the present datagram came to */
    int asleep;                         /* atomic */
};

YL_CHECKED int steer_open(struct worker *w);
void steer_close(struct worker *w);
void steer_learn(struct worker *w, const struct route *route);
/* A check for an unknown user fragment, or anything else from an unknown address: true when it was handed to its owner. */
bool steer_check(struct worker *w, uint64_t ufrag, const uint8_t *data, size_t len, const struct address *from);
bool steer_media(struct worker *w, const uint8_t *data, size_t len, const struct address *from);
void steer_wake(struct worker *w); /* after a batch */
/* What others handed over; false = nothing. */
bool steer_take(struct worker *w);
bool steer_anything(const struct worker *w);
/* By the owner: to the worker whose socket the address comes to; to all others. */
void steer_tell_address(struct worker *w, uint64_t address);
void steer_tell_forget(struct worker *w, uint64_t key, bool address);
#endif
