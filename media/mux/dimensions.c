#include "media/mux/dimensions.h"
#include "media/rtp/bytes.h"
#include <string.h>

struct bits {
    const uint8_t *p;
    size_t len, at; /* at: in bits */
};

static unsigned bits(struct bits *b, unsigned n)
{
    unsigned v = 0;
    while (n--) {
        v = v << 1 | (b->at / 8 < b->len ? (b->p[b->at / 8] >> (7 - b->at % 8)) & 1u : 0);
        b->at++;
    }
    return v;
}

static unsigned golomb(struct bits *b)
{
    unsigned zeros = 0;
    while (zeros < 31 && b->at < b->len * 8 && !bits(b, 1))
        zeros++;
    return (1u << zeros) - 1 + bits(b, zeros);
}

static int signed_golomb(struct bits *b)
{
    unsigned v = golomb(b);
    return v & 1 ? (int)(v / 2 + 1) : -(int)(v / 2);
}

static void skip_scaling(struct bits *b, unsigned lists)
{
    for (unsigned i = 0; i < lists; i++) {
        if (!bits(b, 1)) continue;
        int last = 8, next = 8;
        for (unsigned k = 0; k < (i < 6 ? 16u : 64u); k++) {
            if (next) next = (last + signed_golomb(b) + 256) % 256;
            last = next ? next : last;
        }
    }
}

/* Sequence parameter set, ITU-T H.264 7.3.2.1.1, as far as the cropping rectangle. */
static void h264_size(const uint8_t *sps, size_t len, struct dimensions *out)
{
    uint8_t plain[256];
    size_t n = 0;
    for (size_t i = 1; i < len && n < sizeof plain; i++)
        if (!(i > 3 && sps[i] == 3 && sps[i - 1] == 0 && sps[i - 2] == 0)) plain[n++] = sps[i];
    struct bits b = {plain, n, 24};
    unsigned profile = n ? plain[0] : 0, chroma = 1;
    golomb(&b);
    if (profile == 100 || profile == 110 || profile == 122 || profile == 244 || profile == 44) {
        chroma = golomb(&b);
        if (chroma == 3) bits(&b, 1);
        golomb(&b);
        golomb(&b);
        bits(&b, 1);
        if (bits(&b, 1)) skip_scaling(&b, chroma == 3 ? 12 : 8);
    }
    golomb(&b);
    unsigned order = golomb(&b);
    if (order == 0) {
        golomb(&b);
    } else if (order == 1) {
        bits(&b, 1);
        signed_golomb(&b);
        signed_golomb(&b);
        for (unsigned i = golomb(&b); i && b.at < b.len * 8; i--)
            signed_golomb(&b);
    }
    golomb(&b);
    bits(&b, 1);
    unsigned w = (golomb(&b) + 1) * 16, h = (golomb(&b) + 1) * 16, frame_only = bits(&b, 1);
    if (!frame_only) h *= 2, bits(&b, 1);
    bits(&b, 1);
    if (bits(&b, 1)) {
        unsigned x = chroma == 1 || chroma == 2 ? 2 : 1, y = (chroma == 1 ? 2 : 1) * (2 - frame_only);
        w -= x * golomb(&b);
        w -= x * golomb(&b);
        h -= y * golomb(&b);
        h -= y * golomb(&b);
    }
    out->width = w;
    out->height = h;
}

static int h264(const uint8_t *f, size_t len, struct dimensions *out)
{
    const uint8_t *sps = NULL, *pps = NULL;
    size_t sps_len = 0, pps_len = 0;
    for (size_t at = 0; at + 5 <= len;) {
        size_t n = get_u32(f + at);
        if (n == 0 || n > len - at - 4) break;
        if ((f[at + 4] & 31) == 7) sps = f + at + 4, sps_len = n;
        if ((f[at + 4] & 31) == 8) pps = f + at + 4, pps_len = n;
        at += 4 + n;
    }
    if (!sps || !pps || sps_len < 4 || sps_len + pps_len + 11 > sizeof out->config) return ERR_INVALID;
    h264_size(sps, sps_len, out);
    uint8_t *c = out->config; /* ISO/IEC 14496-15 5.3.3.1 */
    c[0] = 1;
    memcpy(c + 1, sps + 1, 3);
    c[4] = 0xff;
    c[5] = 0xe1;
    put_u16(c + 6, (uint16_t)sps_len);
    memcpy(c + 8, sps, sps_len);
    c[8 + sps_len] = 1;
    put_u16(c + 9 + sps_len, (uint16_t)pps_len);
    memcpy(c + 11 + sps_len, pps, pps_len);
    out->config_len = 11 + sps_len + pps_len;
    return 0;
}

static int vp8(const uint8_t *f, size_t len, struct dimensions *out)
{
    if (len < 10 || (f[0] & 1) || f[3] != 0x9d || f[4] != 1 || f[5] != 0x2a) return ERR_INVALID;
    out->width = (f[6] | f[7] << 8) & 0x3fff;
    out->height = (f[8] | f[9] << 8) & 0x3fff;
    return 0;
}

/* The size of a frame that refers to others (VP9 6.2, 7.2): said where it differs from theirs. */
static int vp9_inter(struct bits *b, struct dimensions *out)
{
    bool shown = bits(b, 1), resilient = bits(b, 1), intra = !shown && bits(b, 1);
    if (!resilient) bits(b, 2);
    if (intra) return ERR_INVALID; /* browsers send none */
    bits(b, 8);
    bits(b, 12); /* three references */
    for (int i = 0; i < 3; i++)
        if (bits(b, 1)) return ERR_INVALID; /* that of a reference */
    out->width = bits(b, 16) + 1;
    out->height = bits(b, 16) + 1;
    return 0;
}

static int vp9_frame(const uint8_t *f, size_t len, struct dimensions *out)
{
    struct bits b = {f, len, 0};
    if (bits(&b, 2) != 2) return ERR_INVALID;
    unsigned profile = bits(&b, 1);
    profile |= bits(&b, 1) << 1;
    if (profile == 3) bits(&b, 1);
    if (bits(&b, 1)) return ERR_INVALID; /* show_existing_frame */
    if (bits(&b, 1)) return vp9_inter(&b, out);
    bits(&b, 2);
    if (bits(&b, 24) != 0x498342) return ERR_INVALID;
    if (profile >= 2) bits(&b, 1);
    if (bits(&b, 3) != 7) {
        bits(&b, 1);
        if (profile & 1) bits(&b, 3);
    } else if (profile & 1) {
        bits(&b, 1);
    }
    out->width = bits(&b, 16) + 1;
    out->height = bits(&b, 16) + 1;
    return 0;
}

/* The last frame of a superframe (Annex B) is the largest. */
static size_t vp9_last(const uint8_t *f, size_t len)
{
    uint8_t marker = f[len - 1];
    size_t bytes = (marker >> 3 & 3u) + 1, n = (marker & 7u) + 1, index = 2 + bytes * n, at = 0;
    if ((marker & 0xe0) != 0xc0 || index > len || f[len - index] != marker) return 0;
    for (size_t i = 0; i + 1 < n; i++)
        for (size_t k = 0; k < bytes; k++)
            at += (size_t)f[len - index + 1 + i * bytes + k] << (8 * k);
    return at < len - index ? at : 0;
}

static int vp9(const uint8_t *f, size_t len, struct dimensions *out)
{
    size_t last = len ? vp9_last(f, len) : 0;
    int r = vp9_frame(f, len, out);
    struct dimensions larger = {0};
    if (!r && last && vp9_frame(f + last, len - last, &larger) == 0) *out = larger;
    return r;
}

/* Sequence header OBU, AV1 5.5.1, for streams without timing info and with one operating point (what browsers send). */
static int av1_sequence(const uint8_t *obu, size_t len, const uint8_t *body, size_t body_len, struct dimensions *out)
{
    struct bits b = {body, body_len, 0};
    unsigned profile = bits(&b, 3), level = 0, tier = 0;
    bits(&b, 1);
    if (bits(&b, 1)) {
        level = bits(&b, 5);
    } else {
        if (bits(&b, 1)) return ERR_INVALID;
        bits(&b, 1);
        for (unsigned i = bits(&b, 5) + 1; i; i--) {
            bits(&b, 12);
            level = bits(&b, 5);
            if (level > 7) tier = bits(&b, 1);
        }
    }
    unsigned wn = bits(&b, 4) + 1, hn = bits(&b, 4) + 1;
    out->width = bits(&b, wn) + 1;
    out->height = bits(&b, hn) + 1;
    if (len + 4 > sizeof out->config) return ERR_INVALID;
    out->config[0] = 0x81;
    out->config[1] = (uint8_t)(profile << 5 | level);
    out->config[2] = (uint8_t)(tier << 7 | 0x0c); /* 4:2:0, 8 bits */
    out->config[3] = 0;
    memcpy(out->config + 4, obu, len);
    out->config_len = 4 + len;
    return 0;
}

static int av1(const uint8_t *f, size_t len, struct dimensions *out)
{
    for (size_t at = 0; at < len;) {
        size_t head = f[at] & 4 ? 2 : 1, n = 0, k = 0, start = at;
        do {
            if (at + head + k >= len || k > 3) return ERR_INVALID;
            n |= (size_t)(f[at + head + k] & 127) << (7 * k);
        } while (f[at + head + k++] & 128);
        at += head + k;
        if (n > len - at) return ERR_INVALID;
        if (((f[start] >> 3) & 15) == 1) return av1_sequence(f + start, at + n - start, f + at, n, out);
        at += n;
    }
    return ERR_INVALID;
}

int dimensions_of(enum media_codec codec, const uint8_t *frame, size_t len, struct dimensions *out)
{
    memset(out, 0, sizeof *out);
    switch (codec) {
    case MEDIA_VP8: return vp8(frame, len, out);
    case MEDIA_VP9: return vp9(frame, len, out);
    case MEDIA_H264: return h264(frame, len, out);
    case MEDIA_AV1: return av1(frame, len, out);
    default: return ERR_INVALID;
    }
}
