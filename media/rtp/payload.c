#include "media/rtp/payload.h"
#include "media/rtp/bytes.h"
#include <string.h>

void payload_vp8_parse(const uint8_t *p, size_t len, struct payload_vp8 *out)
{
    memset(out, 0, sizeof *out);
    if (len < 2) return;
    size_t at = 1;
    if (p[0] & 0x80) {
        uint8_t x = p[1];
        at = 2;
        if (x & 0x80) {
            if (at >= len) return;
            out->picture_id_at = at;
            out->picture_id_long = p[at] >> 7;
            at += out->picture_id_long ? 2 : 1;
        }
        if (x & 0x40) out->tl0_at = at++;
        if ((x & 0x20) && at < len) {
            out->has_tid = true;
            out->tid = p[at] >> 6;
            out->sync = p[at] >> 5 & 1;
        }
        if (x & 0x30) at++;
    }
    if (at >= len) return;
    out->starts_frame = (p[0] & 0x10) && (p[0] & 7) == 0;
    out->header_len = at;
}

static size_t vp9_structure(const uint8_t *p, size_t len, size_t at)
{
    if (at >= len) return 0;
    uint8_t v = p[at++];
    size_t layers = (v >> 5) + 1u;
    if (v & 0x10) at += 4 * layers;
    if (v & 0x08) {
        if (at >= len) return 0;
        for (size_t n = p[at++]; n; n--) {
            if (at >= len) return 0;
            at += 1 + ((p[at] >> 2) & 3u);
        }
    }
    return at;
}

size_t payload_vp9_header(const uint8_t *p, size_t len, bool *starts, bool *inter, bool *ends)
{
    if (len < 2) return 0;
    uint8_t f = p[0];
    size_t at = 1;
    *starts = f & 0x08;
    *ends = f & 0x04;
    *inter = f & 0x40;
    if (f & 0x80) at += p[at] & 0x80 ? 2 : 1;
    if (f & 0x20) at += f & 0x10 ? 1 : 2; /* layer indices, TL0PICIDX without flexible mode */
    if ((f & 0x10) && (f & 0x40)) {
        bool more = true;
        for (int i = 0; i < 3 && more; i++) {
            if (at >= len) return 0;
            more = p[at++] & 1;
        }
    }
    if (f & 0x02) at = vp9_structure(p, len, at);
    return at && at < len ? at : 0;
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
    bool starts, inter, ends;
    struct payload_vp8 v;
    switch (codec) {
    case MEDIA_VP8:
        payload_vp8_parse(p, len, &v);
        return v.header_len && v.starts_frame && !(p[v.header_len] & 1);
    case MEDIA_VP9: /* the lowest spatial layer of a picture that needs no other */
        return payload_vp9_header(p, len, &starts, &inter, &ends) && starts && !inter &&
               (!(p[0] & 0x20) || ((p[p[0] & 0x80 ? (p[1] & 0x80 ? 3 : 2) : 1] >> 1) & 7) == 0);
    case MEDIA_H264:
        return h264_key(p, len);
    case MEDIA_AV1: /* N: first packet of a new coded video sequence */
        return len > 1 && (p[0] & 0x08) && !(p[0] & 0x80);
    default:
        return true;
    }
}
