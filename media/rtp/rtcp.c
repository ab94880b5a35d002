#include "media/rtp/rtcp.h"
#include "media/rtp/bytes.h"
#include <string.h>

enum { SR = 200, RR = 201, SDES = 202, BYE = 203, RTPFB = 205, PSFB = 206 };

static void reports(const uint8_t *p, size_t n, size_t count, const struct rtcp_handler *h)
{
    for (size_t i = 0; i < count && n >= 24 * (i + 1) && h->report; i++) {
        const uint8_t *r = p + 24 * i;
        int32_t lost = (int32_t)get_u24(r + 5);
        if (lost & 0x800000) lost -= 0x1000000;
        struct rtcp_report out = {get_u32(r),      r[4],           lost, get_u32(r + 8), get_u32(r + 12),
                                  get_u32(r + 16), get_u32(r + 20)};
        h->report(h->ctx, &out);
    }
}

static void nacks(const uint8_t *p, size_t n, uint32_t media, const struct rtcp_handler *h)
{
    for (; n >= 4 && h->nack; p += 4, n -= 4) {
        uint16_t pid = get_u16(p), mask = get_u16(p + 2);
        h->nack(h->ctx, media, pid);
        for (int bit = 0; bit < 16; bit++)
            if (mask & (1u << bit)) h->nack(h->ctx, media, (uint16_t)(pid + 1 + bit));
    }
}

static void feedback(const uint8_t *p, size_t n, unsigned format, const struct rtcp_handler *h)
{
    uint32_t media = get_u32(p + 8);
    if (format == 1 && h->keyframe) {
        h->keyframe(h->ctx, media);
    } else if (format == 4 && h->keyframe) { /* FIR (RFC 5104 4.3.1): the targets are in the entries */
        for (size_t at = 12; at + 8 <= n; at += 8)
            h->keyframe(h->ctx, get_u32(p + at));
    } else if (format == 15 && h->remb && n >= 20 && memcmp(p + 12, "REMB", 4) == 0) {
        uint64_t mantissa = get_u24(p + 17) & 0x3ffff;
        h->remb(h->ctx, mantissa << (p[17] >> 2));
    }
}

static void one(const uint8_t *p, size_t n, const struct rtcp_handler *h)
{
    unsigned count = p[0] & 31;
    switch (p[1]) {
    case SR:
        if (n < 28) return;
        if (h->sender) {
            struct rtcp_sender_info s = {get_u32(p + 4), get_u64(p + 8), get_u32(p + 16), get_u32(p + 20),
                                         get_u32(p + 24)};
            h->sender(h->ctx, &s);
        }
        reports(p + 28, n - 28, count, h);
        break;
    case RR:
        if (n >= 8) reports(p + 8, n - 8, count, h);
        break;
    case BYE:
        for (size_t i = 0; i < count && n >= 8 + 4 * i && h->bye; i++)
            h->bye(h->ctx, get_u32(p + 4 + 4 * i));
        break;
    case RTPFB:
        if (n >= 12 && count == 1) nacks(p + 12, n - 12, get_u32(p + 8), h);
        if (n >= 20 && count == 15 && h->arrivals) h->arrivals(h->ctx, p + 12, n - 12);
        break;
    case PSFB:
        if (n >= 12) feedback(p, n, count, h);
        break;
    }
}

int rtcp_parse(const uint8_t *d, size_t len, const struct rtcp_handler *h)
{
    for (size_t at = 0; at < len;) {
        if (len - at < 4 || d[at] >> 6 != 2) return ERR_MALFORMED;
        size_t n = 4u * (get_u16(d + at + 2) + 1u);
        if (n > len - at) return ERR_MALFORMED;
        one(d + at, n, h);
        at += n;
    }
    return 0;
}

void rtcp_begin(struct rtcp_builder *b, uint8_t *bytes, size_t cap)
{
    *b = (struct rtcp_builder){bytes, cap, 0};
}

/* Room for a packet of `words` 32-bit words behind the header; NULL when it does not fit. */
static uint8_t *add(struct rtcp_builder *b, unsigned count, unsigned type, size_t words)
{
    size_t n = 4 * (words + 1);
    if (b->cap - b->len < n) return NULL;
    uint8_t *p = b->bytes + b->len;
    b->len += n;
    memset(p, 0, n);
    p[0] = (uint8_t)(0x80 | count);
    p[1] = (uint8_t)type;
    put_u16(p + 2, (uint16_t)words);
    return p;
}

bool rtcp_add_sr(struct rtcp_builder *b, const struct rtcp_sender_info *s)
{
    uint8_t *p = add(b, 0, SR, 6);
    if (!p) return false;
    put_u32(p + 4, s->ssrc);
    put_u64(p + 8, s->ntp);
    put_u32(p + 16, s->rtp);
    put_u32(p + 20, s->packets);
    put_u32(p + 24, s->octets);
    return true;
}

bool rtcp_add_rr(struct rtcp_builder *b, uint32_t sender, const struct rtcp_report *r, size_t n)
{
    uint8_t *p = add(b, (unsigned)n, RR, 1 + 6 * n);
    if (!p) return false;
    put_u32(p + 4, sender);
    for (size_t i = 0; i < n; i++) {
        uint8_t *q = p + 8 + 24 * i;
        put_u32(q, r[i].ssrc);
        q[4] = r[i].fraction_lost;
        put_u24(q + 5, (uint32_t)r[i].lost & 0xffffff);
        put_u32(q + 8, r[i].highest_seq);
        put_u32(q + 12, r[i].jitter);
        put_u32(q + 16, r[i].last_sr);
        put_u32(q + 20, r[i].delay_since_sr);
    }
    return true;
}

bool rtcp_add_sdes(struct rtcp_builder *b, uint32_t ssrc, const char *cname)
{
    size_t n = strlen(cname);
    uint8_t *p = add(b, 1, SDES, 1 + (2 + n) / 4 + 1);
    if (!p) return false;
    put_u32(p + 4, ssrc);
    p[8] = 1;
    p[9] = (uint8_t)n;
    memcpy(p + 10, cname, n);
    return true;
}

bool rtcp_add_pli(struct rtcp_builder *b, uint32_t sender, uint32_t media)
{
    uint8_t *p = add(b, 1, PSFB, 2);
    if (!p) return false;
    put_u32(p + 4, sender);
    put_u32(p + 8, media);
    return true;
}

bool rtcp_add_nack(struct rtcp_builder *b, uint32_t sender, uint32_t media, const uint16_t *seqs, size_t n)
{
    size_t entries = 0;
    uint16_t pid = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || (uint16_t)(seqs[i] - pid) > 16) entries++, pid = seqs[i];
    uint8_t *p = add(b, 1, RTPFB, 2 + entries);
    if (!p) return false;
    put_u32(p + 4, sender);
    put_u32(p + 8, media);
    uint8_t *e = p + 8;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || (uint16_t)(seqs[i] - pid) > 16) {
            e += 4;
            pid = seqs[i];
            put_u16(e, pid);
        } else if (seqs[i] != pid) {
            put_u16(e + 2, (uint16_t)(get_u16(e + 2) | 1u << (uint16_t)(seqs[i] - pid - 1)));
        }
    }
    return true;
}

bool rtcp_add_remb(struct rtcp_builder *b, uint32_t sender, uint64_t bps, const uint32_t *ssrcs, size_t n)
{
    uint8_t *p = add(b, 15, PSFB, 4 + n);
    if (!p) return false;
    unsigned exponent = 0;
    while (bps > 0x3ffff)
        bps >>= 1, exponent++;
    put_u32(p + 4, sender);
    memcpy(p + 12, "REMB", 4);
    p[16] = (uint8_t)n;
    put_u24(p + 17, (uint32_t)(exponent << 18 | bps));
    for (size_t i = 0; i < n; i++)
        put_u32(p + 20 + 4 * i, ssrcs[i]);
    return true;
}

bool rtcp_add_bye(struct rtcp_builder *b, uint32_t ssrc)
{
    uint8_t *p = add(b, 1, BYE, 1);
    if (p) put_u32(p + 4, ssrc);
    return p != NULL;
}
