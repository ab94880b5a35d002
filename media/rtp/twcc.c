#include "media/rtp/twcc.h"
#include "media/rtp/bytes.h"
#include <string.h>

void twcc_note(struct twcc *t, uint16_t seq, int64_t now_us)
{
    if (!t->started) {
        t->started = true;
        t->base = t->end = seq;
    }
    if (seq_diff(seq, t->base) < 0) return; /* reported as lost already */
    if ((uint16_t)(seq - t->base) >= TWCC_WINDOW) { /* a jump: begin anew */
        memset(t->at_us, 0, sizeof t->at_us);
        t->base = t->end = seq;
    }
    if (!t->at_us[seq % TWCC_WINDOW]) t->at_us[seq % TWCC_WINDOW] = now_us;
    if (seq_diff((uint16_t)(seq + 1), t->end) > 0) t->end = (uint16_t)(seq + 1);
}

/* Symbols: 0 not received, 1 small delta, 2 large delta; delta in units of 250 us. */
static unsigned symbol(int64_t delta)
{
    return delta >= 0 && delta <= 255 ? 1 : 2;
}

bool twcc_add_feedback(struct twcc *t, struct rtcp_builder *b, uint32_t sender, uint32_t media)
{
    uint16_t n = (uint16_t)(t->end - t->base);
    if (!t->started || n == 0) return false;
    uint16_t first = t->base; /* the reference time is that of the first one that arrived */
    while (first != t->end && !t->at_us[first % TWCC_WINDOW])
        first++;
    if (first == t->end || b->cap - b->len < 20u + 2 * ((n + 6u) / 7) + 2u * n + 4) return false;
    uint8_t *p = b->bytes + b->len, *chunk = p + 20, *delta = chunk + 2 * ((n + 6u) / 7);
    int64_t reference = t->at_us[first % TWCC_WINDOW] / 64000, clock = reference * 256;
    memset(chunk, 0, 2 * ((n + 6u) / 7));
    for (uint16_t i = 0; i < n; i++) {
        int64_t *at = &t->at_us[(uint16_t)(t->base + i) % TWCC_WINDOW];
        uint8_t *c = chunk + 2 * (i / 7u);
        put_u16(c, (uint16_t)(get_u16(c) | 0xc000));
        if (!*at) continue;
        int64_t d = *at / 250 - clock;
        if (d > 32767) d = 32767;
        if (d < -32768) d = -32768;
        clock += d;
        unsigned s = symbol(d);
        put_u16(c, (uint16_t)(get_u16(c) | s << (12 - 2 * (i % 7u))));
        if (s == 2) {
            put_u16(delta, (uint16_t)(int16_t)d);
            delta += 2;
        } else {
            *delta++ = (uint8_t)d;
        }
        *at = 0;
    }
    while ((delta - p) % 4)
        *delta++ = 0;
    p[0] = 0x8f;
    p[1] = 205;
    put_u16(p + 2, (uint16_t)((delta - p) / 4 - 1));
    put_u32(p + 4, sender);
    put_u32(p + 8, media);
    put_u16(p + 12, t->base);
    put_u16(p + 14, n);
    put_u24(p + 16, (uint32_t)(reference & 0xffffff));
    p[19] = t->count++;
    b->len += (size_t)(delta - p);
    t->base = t->end;
    return true;
}
