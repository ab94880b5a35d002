#include "media/router/replay.h"
#include "media/rtp/bytes.h"

#define STOOD_MOST_US 20000000 /* after more than 10 s a browser's clock begins anew by itself */

bool replay_begin(struct consumer *c, const struct producer *p, size_t most, int64_t now_us)
{
    size_t layer;
    uint16_t first, last;
    if (c->layer >= 0 || c->replay.on || !consumer_needs_key(c, p, now_us, &layer) || !producer_group(p, layer, &first, &last)) return false;
    if ((uint16_t)(last - first) >= most) return false;
    c->replay.on = true;
    c->replay.layer = (uint8_t)layer;
    c->replay.next = first;
    return true;
}

bool replay_next(struct consumer *c, const struct producer *p, struct packet *out)
{
    const struct layer *l = &p->layers[c->replay.layer];
    for (uint16_t seq = c->replay.next; c->replay.on && seq_diff(seq, l->highest) <= 0; seq++) /* what never came is passed over */
        if (producer_again(p, c->replay.layer, seq, out)) {
            out->key = c->layer < 0;
            return true;
        }
    c->replay.on = false;
    return false;
}

bool replay_forward(struct consumer *c, const struct producer *p, const struct packet *k, int64_t now_us, struct rtp_parts *out)
{
    c->replay.stepping = true;
    bool sent = consumer_forward(c, p, k, now_us, out);
    c->replay.stepping = false;
    c->replay.next = (uint16_t)(k->rtp.seq + 1);
    if (c->layer != (int)c->replay.layer) c->replay.on = false; /* it does not take this */
    return sent;
}

void replay_squeeze(struct consumer_span *span, const struct layer *l, uint32_t first, int64_t now_us)
{
    size_t len;
    int64_t stood_us = now_us - l->heard_us;
    if (stood_us > STOOD_MOST_US) stood_us = 0;
    const uint8_t *newest = ring_get(&l->ring, l->highest, &len);
    if (!newest) return;
    span->squeezed = true;
    span->squeeze_end = get_u32(newest + 4) + (uint32_t)(stood_us * 9 / 100); /* of pictures' 90 kHz */
    span->ts_offset += (span->squeeze_end - first) - (span->squeeze_end - first) / 64; /* the first keeps its place */
}
