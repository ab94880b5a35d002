/* handover - datagrams from the worker whose socket they came to, to the worker that owns their peer: a bounded ring of one producer and
 * one consumer, without a lock. When it is full a datagram is dropped, as a network would. Datagrams are used where they stand.
 */
#ifndef YL_MEDIA_WORKER_HANDOVER_H
#define YL_MEDIA_WORKER_HANDOVER_H

#include "media/worker/ingress.h"
#include <stdbool.h>

#define HANDOVER_SLOTS 256

struct handover {
    _Alignas(64) size_t head; /* written by the producer; both only grow */
    _Alignas(64) size_t tail; /* written by the consumer */
    _Alignas(64) struct handover_slot {
        struct address from;
        int64_t came_us;
        size_t len;
        uint8_t bytes[DATAGRAM_MAX];
    } slots[HANDOVER_SLOTS];
};

/* Zeroed memory, page aligned. */
struct handover *handover_new(void); /* NULL: out of memory */
void handover_free(struct handover *h);
/* Producer. False = full or too long. `came_us`: when the kernel had it. */
bool handover_put(struct handover *h, const uint8_t *data, size_t len, const struct address *from, int64_t came_us);
/* Consumer: the oldest one, or NULL; handover_done gives its place back. */
struct handover_slot *handover_first(struct handover *h);
void handover_done(struct handover *h);
#endif
