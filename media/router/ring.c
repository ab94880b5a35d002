#include "media/router/ring.h"
#include <stdlib.h>
#include <string.h>

int ring_open(struct ring *r, uint16_t slots)
{
    *r = (struct ring){.slots = slots, .index = calloc(slots, sizeof *r->index), .bytes = malloc((size_t)slots * RTP_PACKET_MAX)};
    if (r->index && r->bytes) return 0;
    ring_close(r);
    return ERR_INTERNAL;
}

void ring_close(struct ring *r)
{
    free(r->index);
    free(r->bytes);
    memset(r, 0, sizeof *r);
}

void ring_clear(struct ring *r)
{
    if (r->slots) memset(r->index, 0, r->slots * sizeof *r->index);
}

const uint8_t *ring_put(struct ring *r, uint16_t seq, const uint8_t *packet, size_t len)
{
    if (!r->slots || len > RTP_PACKET_MAX) return NULL;
    size_t at = seq & (r->slots - 1u);
    r->index[at] = (struct ring_slot){seq, (uint16_t)len};
    return memcpy(r->bytes + at * RTP_PACKET_MAX, packet, len);
}

const uint8_t *ring_get(const struct ring *r, uint16_t seq, size_t *len)
{
    if (!r->slots) return NULL;
    size_t at = seq & (r->slots - 1u);
    if (r->index[at].len == 0 || r->index[at].seq != seq) return NULL;
    *len = r->index[at].len;
    return r->bytes + at * RTP_PACKET_MAX;
}
