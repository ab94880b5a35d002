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

/* ---- reading ---- */
struct chunks { /* a walk over packet status chunks (3.1.3, 3.1.4) */
    const uint8_t *at, *end;
    unsigned left; /* symbols left in this chunk */
    uint16_t word;
};

static int next_symbol(struct chunks *c)
{
    if (!c->left) {
        if (c->end - c->at < 2) return -1;
        c->word = get_u16(c->at);
        c->at += 2;
        c->left = !(c->word & 0x8000) ? c->word & 0x1fff : c->word & 0x4000 ? 7 : 14;
        if (!c->left) return -1;
    }
    c->left--;
    if (!(c->word & 0x8000)) return c->word >> 13 & 3;
    return c->word & 0x4000 ? c->word >> 2 * c->left & 3 : c->word >> c->left & 1;
}

int twcc_reference(const uint8_t *fci, size_t len, uint32_t *reference)
{
    if (len < 8) return ERR_MALFORMED;
    *reference = get_u24(fci + 4);
    return 0;
}

/* Where the deltas begin, and whether they are all there; NULL: they are not. */
static const uint8_t *deltas(const uint8_t *fci, size_t len, uint16_t n)
{
    struct chunks c = {.at = fci + 8, .end = fci + len};
    size_t bytes = 0;
    for (uint16_t i = 0; i < n; i++) {
        int s = next_symbol(&c);
        if (s < 0 || s == 3) return NULL;
        bytes += (size_t)s;
    }
    return bytes <= (size_t)(c.end - c.at) ? c.at : NULL;
}

int twcc_read(const uint8_t *fci, size_t len, twcc_each each, void *ctx)
{
    if (len < 8) return ERR_MALFORMED;
    uint16_t base = get_u16(fci), n = get_u16(fci + 2);
    const uint8_t *delta = deltas(fci, len, n);
    if (!delta) return ERR_MALFORMED;
    struct chunks c = {.at = fci + 8, .end = fci + len};
    int64_t at_us = 0;
    for (uint16_t i = 0; i < n; i++) {
        int s = next_symbol(&c);
        if (s == 1) at_us += *delta++ * 250;
        if (s == 2) at_us += (int16_t)get_u16(delta) * 250, delta += 2;
        each(ctx, (uint16_t)(base + i), s ? at_us : TWCC_LOST);
    }
    return 0;
}
