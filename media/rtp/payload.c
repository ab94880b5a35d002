#include "media/rtp/payload.h"
#include "media/rtp/bytes.h"
#include <string.h>

/* M and the 7 or 15 bits behind it, which VP8 and VP9 write alike; returns what follows, 0 = cut off. */
static size_t picture_id(const uint8_t *p, size_t len, size_t at, struct payload_frame *out)
{
    if (at >= len) return 0;
    out->picture_id_at = (uint8_t)at;
    out->picture_id_long = p[at] >> 7;
    if (at + out->picture_id_long >= len) return 0;
    out->number_mask = out->picture_id_long ? 0x7fff : 0x7f;
    out->number = (out->picture_id_long ? get_u16(p + at) : p[at]) & out->number_mask;
    return at + 1 + out->picture_id_long;
}

/* These return the length of the descriptor, 0 = malformed. */
static size_t vp8(const uint8_t *p, size_t len, struct payload_frame *out)
{
    if (len < 2) return 0;
    size_t at = 1;
    if (p[0] & 0x80) {
        uint8_t x = p[1];
        at = 2;
        if ((x & 0x80) && !(at = picture_id(p, len, at, out))) return 0;
        if (x & 0x40) out->tl0_at = (uint8_t)at++;
        if ((x & 0x20) && at < len) {
            out->layered = true;
            out->tid = p[at] >> 6;
            out->enters = p[at] >> 5 & 1;
        }
        if (x & 0x30) at++;
    }
    out->starts = (p[0] & 0x10) && (p[0] & 7) == 0;
    out->front_len = (uint8_t)at;
    return at < len ? at : 0;
}

/* Scalability structure, 4.2.1: returns what follows, 0 = cut off. */
static size_t vp9_structure(const uint8_t *p, size_t len, size_t at, struct payload_frame *out)
{
    if (at >= len) return 0;
    uint8_t v = p[at++];
    out->spatial = (uint8_t)((v >> 5) + 1u);
    if (v & 0x10) at += 4u * out->spatial;
    if (v & 0x08) {
        if (at >= len) return 0;
        for (size_t n = p[at++]; n; n--) {
            if (at >= len) return 0;
            at += 1 + ((p[at] >> 2) & 3u);
        }
    }
    return at;
}

static size_t vp9_layers(const uint8_t *p, size_t len, size_t at, struct payload_frame *out)
{
    bool flexible = p[0] & 0x10;
    if (at + !flexible >= len) return 0;
    out->layered = true;
    out->tid = p[at] >> 5;
    out->opens = p[at] & 0x10 ? UINT16_MAX : 0;
    out->sid = p[at] >> 1 & 7;
    if (flexible) return at + 1;
    out->tl0_at = (uint8_t)(at + 1);
    return at + 2;
}

static size_t vp9_references(const uint8_t *p, size_t len, size_t at)
{
    for (int i = 0; i < 3; i++) {
        if (at >= len) return 0;
        if (!(p[at++] & 1)) return at;
    }
    return p[at - 1] & 1 ? 0 : at; /* three at most */
}

static size_t vp9(const uint8_t *p, size_t len, struct payload_frame *out)
{
    if (len < 2) return 0;
    uint8_t f = p[0];
    size_t at = 1;
    if ((f & 0x80) && !(at = picture_id(p, len, at, out))) return 0;
    if ((f & 0x20) && !(at = vp9_layers(p, len, at, out))) return 0;
    out->front_len = (uint8_t)at;
    if ((f & 0x10) && (f & 0x40) && !(at = vp9_references(p, len, at))) return 0;
    if ((f & 0x02) && !(at = vp9_structure(p, len, at, out))) return 0;
    out->inter = f & 0x40;
    out->starts = f & 0x08;
    out->ends = f & 0x04;
    return at < len ? at : 0;
}

void payload_frame_parse(enum media_codec codec, const uint8_t *p, size_t len, struct payload_frame *out)
{
    memset(out, 0, sizeof *out);
    size_t n = codec == MEDIA_VP8 ? vp8(p, len, out) : codec == MEDIA_VP9 ? vp9(p, len, out) : 0;
    if (n) out->header_len = (uint16_t)n;
    else if (codec == MEDIA_VP8 || codec == MEDIA_VP9) memset(out, 0, sizeof *out);
}

void payload_frame_depend(struct depend_structure *s, const uint8_t *value, size_t len, struct payload_frame *out)
{
    struct depend d;
    memset(out, 0, sizeof *out);
    if (!depend_read(s, value, len, &d)) return;
    *out = (struct payload_frame){.starts = d.starts, .ends = d.ends, .layered = true, .sid = d.sid, .tid = d.tid, .opens = d.opens,
                                  .spatial = d.has_structure ? s->spatial : 0, .number = d.number, .number_mask = UINT16_MAX};
}

static bool h264_key(const uint8_t *p, size_t len)
{
    if (len < 2) return false;
    uint8_t type = p[0] & 31;
    if (type == 7 || type == 5) return true;
    if (type == 28) return (p[1] & 0x80) && ((p[1] & 31) == 5 || (p[1] & 31) == 7);
    if (type != 24) return false;
    for (size_t at = 1; at + 2 < len;) { /* STAP-A */
        size_t n = get_u16(p + at);
        uint8_t inner = p[at + 2] & 31;
        if (inner == 5 || inner == 7) return true;
        at += 2 + n;
    }
    return false;
}

bool payload_starts_keyframe(enum media_codec codec, const uint8_t *p, size_t len)
{
    struct payload_frame f;
    switch (codec) {
    case MEDIA_VP8:
        payload_frame_parse(codec, p, len, &f);
        return f.header_len && f.starts && !(p[f.header_len] & 1);
    case MEDIA_VP9: /* the lowest spatial layer of a picture that needs no other */
        payload_frame_parse(codec, p, len, &f);
        return f.header_len && f.starts && !f.inter && f.sid == 0;
    case MEDIA_H264:
        return h264_key(p, len);
    case MEDIA_AV1: /* N: first packet of a new coded video sequence */
        return len > 1 && (p[0] & 0x08) && !(p[0] & 0x80);
    default:
        return true;
    }
}
