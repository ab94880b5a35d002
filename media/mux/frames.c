#include "media/mux/frames.h"
#include "media/rtp/bytes.h"
#include "media/rtp/payload.h"
#include "media/rtp/rtp.h"
#include <stdlib.h>
#include <string.h>

#define SLOTS 1024
#define PATIENCE_MS 800 /* NACK has had its tries by then */
#define FRAME_MAX (8u << 20)
#define LAYERS_MAX 8

struct frames {
    enum media_codec codec;
    void (*on_frame)(void *ctx, const struct frame *f);
    void *ctx;
    struct slot {
        uint8_t *bytes;
        uint16_t len, seq;
        int64_t utc_ms;
    } slots[SLOTS];
    size_t waiting;
    int64_t patience_ms;
    bool started, have_frame, broken, need_key, key, spare, time_started, lost;
    bool marks; /* this sender marks the last packet of each frame */
    bool lost_end;
    uint32_t newest; /* RTP time of the newest packet that came */
    uint16_t next;
    uint32_t timestamp, last_ts;
    int64_t ticks, frame_utc_ms;
    uint8_t *frame;
    size_t len, cap;
    size_t part_at; /* AV1: an OBU that goes on in the next packet begins here */
    size_t layer_at[LAYERS_MAX], layers; /* VP9: where the frames of its spatial layers begin */
};

int frames_new(struct frames **out, enum media_codec codec, void (*on_frame)(void *ctx, const struct frame *f), void *ctx)
{
    struct frames *f = calloc(1, sizeof *f);
    if (!f) return ERR_INTERNAL;
    f->codec = codec;
    f->on_frame = on_frame;
    f->ctx = ctx;
    f->need_key = codec != MEDIA_OPUS;
    f->patience_ms = PATIENCE_MS;
    *out = f;
    return 0;
}

void frames_free(struct frames *f)
{
    if (!f) return;
    for (size_t i = 0; i < SLOTS; i++)
        free(f->slots[i].bytes);
    free(f->frame);
    free(f);
}

void frames_patience(struct frames *f, int64_t ms)
{
    f->patience_ms = ms;
}

static void append(struct frames *f, const void *data, size_t n)
{
    if (f->len + n > FRAME_MAX) {
        f->broken = true;
        return;
    }
    if (f->len + n > f->cap) {
        size_t cap = (f->len + n) * 2;
        uint8_t *grown = realloc(f->frame, cap);
        if (!grown) {
            f->broken = true;
            return;
        }
        f->frame = grown;
        f->cap = cap;
    }
    if (n) memcpy(f->frame + f->len, data, n);
    f->len += n;
}

static void append_nal(struct frames *f, const uint8_t *nal, size_t n)
{
    uint8_t size[4];
    put_u32(size, (uint32_t)n);
    append(f, size, 4);
    append(f, nal, n);
}

static void h264(struct frames *f, const uint8_t *p, size_t n)
{
    uint8_t type = p[0] & 31;
    if (type == 24) {
        for (size_t at = 1; at + 2 < n;) {
            size_t len = get_u16(p + at);
            if (len == 0 || len > n - at - 2) break;
            append_nal(f, p + at + 2, len);
            at += 2 + len;
        }
    } else if (type == 28 && n > 2) {
        if (p[1] & 0x80) {
            uint8_t head = (uint8_t)((p[0] & 0xe0) | (p[1] & 31));
            f->part_at = f->len;
            append_nal(f, &head, 1);
        } else if (!f->len) {
            f->broken = true;
            return;
        }
        append(f, p + 2, n - 2);
        if (!f->broken) put_u32(f->frame + f->part_at, (uint32_t)(f->len - f->part_at - 4));
    } else if (type > 0 && type < 24) {
        append_nal(f, p, n);
    }
}

static size_t leb128(const uint8_t *p, size_t n, size_t *value)
{
    *value = 0;
    for (size_t i = 0; i < 4 && i < n; i++) {
        *value |= (size_t)(p[i] & 127) << (7 * i);
        if (!(p[i] & 128)) return i + 1;
    }
    return 0;
}

/* Closes the OBU collected since part_at: writes it again with its size field (AV1 5.3), dropping temporal delimiters. */
static void av1_close(struct frames *f)
{
    size_t n = f->len - f->part_at;
    if (f->broken || n == 0) return;
    uint8_t *o = f->frame + f->part_at, type = (o[0] >> 3) & 15;
    size_t head = o[0] & 4 ? 2 : 1;
    if (type == 2 || type == 8 || head > n) {
        f->len = f->part_at;
        return;
    }
    if (!(o[0] & 2)) {
        uint8_t size[4];
        size_t k = 0, body = n - head;
        do
            size[k++] = (uint8_t)((body & 127) | (body > 127 ? 128 : 0));
        while (body >>= 7);
        append(f, size, k); /* makes room */
        if (f->broken) return;
        o = f->frame + f->part_at;
        memmove(o + head + k, o + head, n - head);
        memcpy(o + head, size, k);
        o[0] |= 2;
    }
    f->part_at = f->len;
}

static void av1(struct frames *f, const uint8_t *p, size_t n)
{
    uint8_t aggregation = p[0];
    size_t count = (aggregation >> 4) & 3, at = 1, i = 0;
    if (!(aggregation & 0x80)) f->part_at = f->len;
    while (at < n) {
        size_t len = n - at;
        i++;
        if (count == 0 || i < count) {
            size_t k = leb128(p + at, n - at, &len);
            if (!k || len > n - at - k) {
                f->broken = true;
                return;
            }
            at += k;
        }
        append(f, p + at, len);
        at += len;
        if (at < n || !(aggregation & 0x40)) av1_close(f);
    }
}

static void vp9(struct frames *f, const uint8_t *p, size_t n)
{
    struct payload_frame v;
    payload_frame_parse(MEDIA_VP9, p, n, &v);
    if (!v.header_len) return;
    if (v.starts && f->layers < LAYERS_MAX) f->layer_at[f->layers++] = f->len;
    append(f, p + v.header_len, n - v.header_len);
}

/* Several spatial layers are one superframe: its index (VP9 Annex B), which RTP leaves out, tells a decoder where each of them begins. */
static void vp9_index(struct frames *f)
{
    uint8_t index[2 + 4 * LAYERS_MAX];
    size_t n = 1;
    if (f->layers < 2) return;
    index[0] = (uint8_t)(0xc0 | 3 << 3 | (f->layers - 1)); /* sizes of four bytes */
    for (size_t i = 0; i < f->layers; i++) {
        size_t size = (i + 1 < f->layers ? f->layer_at[i + 1] : f->len) - f->layer_at[i];
        for (int k = 0; k < 4; k++)
            index[n++] = (uint8_t)(size >> (8 * k));
    }
    index[n++] = index[0];
    append(f, index, n);
}

static void give(struct frames *f)
{
    if (f->have_frame && !f->broken) vp9_index(f);
    if (f->have_frame && !f->broken && f->len && (f->key || !f->need_key)) {
        struct frame out = {f->frame, f->len, f->key, f->timestamp, f->ticks, f->frame_utc_ms, f->spare && !f->key, f->lost};
        f->need_key = f->lost = false;
        f->on_frame(f->ctx, &out);
    } else if (f->have_frame && f->broken) {
        f->lost = true;
        f->need_key = f->codec != MEDIA_OPUS;
    }
    f->have_frame = f->broken = f->key = false;
    f->len = f->part_at = f->layers = 0;
}

/* RFC 7741 4.2: N; RFC 6184 1.3: NRI 0, also of what an aggregation or a fragment carries. */
static bool spare(enum media_codec codec, uint8_t first)
{
    return (codec == MEDIA_VP8 && first & 0x20) || (codec == MEDIA_H264 && !(first & 0x60));
}

static void packet(struct frames *f, const uint8_t *bytes, size_t len, int64_t utc_ms)
{
    struct rtp r;
    if (rtp_parse(bytes, len, &r) || r.payload_len == 0) return;
    if (f->have_frame && r.timestamp != f->timestamp) {
        f->broken = f->broken || f->marks; /* its end was never sent: Chromium drops what waits to leave when a keyframe comes, and numbers go on without a hole */
        give(f);
    }
    f->marks = f->marks || r.marker;
    if (!f->have_frame) {
        f->ticks += f->time_started ? (int32_t)(r.timestamp - f->last_ts) : 0;
        f->time_started = true;
        f->last_ts = f->timestamp = r.timestamp;
        f->have_frame = f->spare = true;
        f->frame_utc_ms = utc_ms;
    }
    f->spare = f->spare && spare(f->codec, r.payload[0]);
    f->key = f->key || payload_starts_keyframe(f->codec, r.payload, r.payload_len);
    struct payload_frame v;
    switch (f->codec) {
    case MEDIA_VP8:
        payload_frame_parse(MEDIA_VP8, r.payload, r.payload_len, &v);
        if (v.header_len) append(f, r.payload + v.header_len, r.payload_len - v.header_len);
        break;
    case MEDIA_VP9: vp9(f, r.payload, r.payload_len); break;
    case MEDIA_H264: h264(f, r.payload, r.payload_len); break;
    case MEDIA_AV1: av1(f, r.payload, r.payload_len); break;
    default: append(f, r.payload, r.payload_len);
    }
    if (r.marker || f->codec == MEDIA_OPUS) give(f);
}

static void drain(struct frames *f)
{
    struct slot *s;
    while ((s = &f->slots[f->next % SLOTS])->bytes && s->seq == f->next) {
        packet(f, s->bytes, s->len, s->utc_ms);
        free(s->bytes);
        s->bytes = NULL;
        f->waiting--;
        f->next++;
    }
}

/* The packet at `next` will not come: go on at the next one that did. */
static void skip_hole(struct frames *f)
{
    f->broken = f->have_frame;
    f->lost = true;
    if (f->codec != MEDIA_OPUS) {
        give(f);
        f->need_key = true;
    }
    for (size_t i = 0; i < SLOTS && f->waiting; i++, f->next++)
        if (f->slots[f->next % SLOTS].bytes && f->slots[f->next % SLOTS].seq == f->next) break;
}

void frames_flush(struct frames *f, int64_t utc_ms, bool all)
{
    drain(f);
    while (f->waiting) {
        int64_t oldest = INT64_MAX;
        for (size_t i = 0; i < SLOTS; i++)
            if (f->slots[i].bytes && f->slots[i].utc_ms < oldest) oldest = f->slots[i].utc_ms;
        if (!all && utc_ms - oldest < f->patience_ms) return;
        skip_hole(f);
        drain(f);
    }
    if (!all) return;
    f->lost_end = f->lost || f->broken;
    f->broken = f->broken || f->marks;
    give(f);
    f->lost_end = f->lost_end && f->lost;
}

bool frames_lost_end(const struct frames *f, uint32_t *timestamp)
{
    *timestamp = f->newest;
    return f->lost_end;
}

void frames_input(struct frames *f, const uint8_t *rtp, size_t len, int64_t utc_ms)
{
    if (len < 12) return;
    uint16_t seq = get_u16(rtp + 2);
    if (!f->started) {
        f->started = true;
        f->next = seq;
    }
    int gap = seq_diff(seq, f->next);
    if (gap < 0) return;
    uint32_t timestamp = get_u32(rtp + 4);
    if (!f->waiting || (int32_t)(timestamp - f->newest) > 0) f->newest = timestamp;
    if (gap >= SLOTS) {
        frames_flush(f, utc_ms, true);
        skip_hole(f);
        f->next = seq;
    }
    if (gap == 0 && !f->waiting) { /* nearly always: nothing to keep */
        packet(f, rtp, len, utc_ms);
        f->next++;
        return;
    }
    struct slot *s = &f->slots[seq % SLOTS];
    if (s->bytes) return;
    if (!(s->bytes = malloc(len))) return;
    memcpy(s->bytes, rtp, len);
    s->len = (uint16_t)len;
    s->seq = seq;
    s->utc_ms = utc_ms;
    f->waiting++;
    drain(f);
}
