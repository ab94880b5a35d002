#include "media/pipe/cluster.h"
#include "server/base/reel.h"
#include <string.h>

enum { ID_ENTRY = 0xae, ID_CODEC = 0x86, ID_TIME = 0xe7, ID_BLOCK = 0xa3 };
static const char *const codecs[PIPE_CODEC_COUNT] = {[PIPE_OPUS] = "A_OPUS", [PIPE_VP8] = "V_VP8", [PIPE_VP9] = "V_VP9", [PIPE_H264] = "V_MPEG4/ISO/AVC", [PIPE_AV1] = "V_AV1"};

struct span {
    const uint8_t *bytes;
    size_t len;
};

static int64_t read_span(void *ctx, uint64_t at, void *out, size_t n)
{
    const struct span *s = ctx;
    if (at > s->len) return -1;
    if (n > s->len - at) n = s->len - (size_t)at;
    memcpy(out, s->bytes + at, n);
    return (int64_t)n;
}

/* The element at *at; *at goes behind it. False: the end, or torn. */
static bool next(struct span *s, size_t *at, uint32_t *id, struct span *content)
{
    struct reel_source source = {read_span, s, s->len};
    uint64_t size, body;
    if (*at >= s->len || !reel_element(&source, *at, id, &size, &body) || body > s->len || size > s->len - body) return false;
    *content = (struct span){s->bytes + body, (size_t)size};
    *at = (size_t)(body + size);
    return true;
}

static int codec_of(struct span entry, enum pipe_codec *out)
{
    struct span field;
    size_t at = 0;
    uint32_t id;
    while (next(&entry, &at, &id, &field))
        for (size_t i = 0; id == ID_CODEC && i < PIPE_CODEC_COUNT; i++)
            if (codecs[i] && strlen(codecs[i]) == field.len && memcmp(codecs[i], field.bytes, field.len) == 0) {
                *out = (enum pipe_codec)i;
                return 0;
            }
    return ERR_INVALID;
}

int cluster_codec(const uint8_t *tracks, size_t len, enum pipe_codec *out)
{
    struct span all = {tracks, len}, entry;
    size_t at = 0;
    uint32_t id;
    while (next(&all, &at, &id, &entry))
        if (id == ID_ENTRY) return codec_of(entry, out);
    return ERR_INVALID;
}

void cluster_frames(const uint8_t *content, size_t len, void (*each)(void *ctx, const struct cluster_frame *f), void *ctx)
{
    struct span all = {content, len}, b;
    size_t at = 0;
    int64_t time = 0;
    uint32_t id;
    while (next(&all, &at, &id, &b)) {
        if (id == ID_TIME && b.len <= 8) {
            uint64_t v = 0;
            for (size_t i = 0; i < b.len; i++)
                v = v << 8 | b.bytes[i];
            time = v < (uint64_t)1 << 40 ? (int64_t)v : 0;
        } else if (id == ID_BLOCK && b.len > 4 && b.bytes[0] & 0x80 && !(b.bytes[3] & 0x06)) { /* a track number of one byte, no lacing */
            struct cluster_frame f = {time + (int16_t)(b.bytes[1] << 8 | b.bytes[2]), b.bytes[3] & 0x80, !(b.bytes[3] & 0x80) && b.bytes[3] & 0x01, b.bytes + 4, b.len - 4};
            if (f.time_ms >= 0) each(ctx, &f);
        }
    }
}
