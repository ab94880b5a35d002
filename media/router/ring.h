/* ring - the last packets of one incoming stream, plain text, by sequence number: retransmission reads from it.
 * Memory is taken once at open; put and get never allocate. Worker thread. */
#ifndef YL_MEDIA_ROUTER_RING_H
#define YL_MEDIA_ROUTER_RING_H

#include "media/rtp/rtp.h"

struct ring {
    uint16_t slots; /* power of two; 0 = not open */
    struct ring_slot {
        uint16_t seq, len;
    } *index;
    uint8_t *bytes;
};
YL_CHECKED int ring_open(struct ring *r, uint16_t slots);
void ring_close(struct ring *r);
void ring_clear(struct ring *r);
/* The stored copy; it stays until 1 ring's length of later packets came. NULL: longer than any network carries. */
const uint8_t *ring_put(struct ring *r, uint16_t seq, const uint8_t *packet, size_t len);
const uint8_t *ring_get(const struct ring *r, uint16_t seq, size_t *len); /* NULL = gone or never seen */
#endif
