/* Layers inside a stream: what descriptors and their extension say, and the receivers who are sent a part of it. */
#include "media/router/replay.h"
#include "media/rtp/bytes.h"
#include <stdlib.h>
#include <string.h>

#define RECEIVERS 3

static struct producer p;
static struct consumer c[RECEIVERS];

static void wish(uint8_t op)
{
    struct consumer *one = &c[op % RECEIVERS];
    if (op & 8) one->wanted = op >> 4 & 3;
    else consumer_allot(one, (op >> 4 & 3) - 1, op >> 6 & 3, op & 4);
}

static void check(const struct rtp_parts *parts, uint8_t codec)
{
    uint8_t out[1500];
    struct rtp r;
    struct payload_frame f;
    size_t n = rtp_join(parts, out, sizeof out);
    if (!n || rtp_parse(out, n, &r)) __builtin_trap();
    payload_frame_parse((enum media_codec)codec, r.payload, r.payload_len, &f);
    if (f.header_len >= r.payload_len && f.header_len) __builtin_trap();
    if (f.front_len > f.header_len || f.picture_id_at >= f.header_len + !f.header_len || f.tl0_at >= f.header_len + !f.header_len) __builtin_trap();
}

static void packet(uint8_t codec, uint16_t seq, uint32_t ts, const uint8_t *more, size_t n)
{
    uint8_t b[600] = {0x90, 96};
    struct rtp r;
    struct packet k;
    struct rtp_parts parts;
    size_t ext = n ? more[0] & 63u : 0, padded = (2 + ext + 3) / 4 * 4, layer;
    if (ext + 1 > n) return;
    put_u16(b + 2, seq);
    put_u32(b + 4, ts);
    put_u32(b + 8, 5);
    put_u16(b + 12, 0x1000);
    put_u16(b + 14, (uint16_t)(padded / 4));
    b[16] = 7;
    b[17] = (uint8_t)ext;
    memcpy(b + 18, more + 1, ext);
    memcpy(b + 16 + padded, more + 1 + ext, n - 1 - ext);
    size_t len = 16 + padded + n - 1 - ext;
    uint8_t *exact = malloc(len);
    memcpy(exact, b, len);
    if (rtp_parse(exact, len, &r) == 0 && producer_input(&p, 0, &r, seq * 10000, &k))
        for (int i = 0; i < RECEIVERS; i++) {
            (void)consumer_needs_key(&c[i], &p, seq * 10000, &layer);
            if (consumer_forward(&c[i], &p, &k, seq * 10000, &parts)) check(&parts, codec);
        }
    free(exact);
}

/* A codec; then a row of: kind and step of the number, length, bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t codecs[] = {MEDIA_VP8, MEDIA_VP9, MEDIA_AV1, MEDIA_H264};
    if (size < 2 || size > 4000) return 0;
    uint8_t codec = codecs[data[0] % 4];
    struct media_track_params t = {.kind = MEDIA_VIDEO, .ssrc = 5, .n_payloads = 1, .payloads = {{codec, 96, 97, ""}}, .extensions = {.dependency_descriptor = 7}};
    struct media_feed_params f = {.n_payloads = 1, .payloads = {{codec, 120, 121, ""}}, .rtx_ssrc = 701, .extensions = {.dependency_descriptor = 9}};
    static bool open; /* its ring is large: taken once, cleared by a new stream */
    static uint32_t streams;
    t.ssrc = ++streams;
    if (!open && producer_open(&p, &t)) return 0;
    open = true;
    producer_update(&p, &t);
    producer_bind(&p, 0, t.ssrc);
    for (int i = 0; i < RECEIVERS; i++) {
        f.ssrc = 700u + (unsigned)i;
        consumer_init(&c[i], &f, &p);
    }
    uint16_t seq = 65500;
    for (size_t at = 1; at + 2 < size;) {
        uint8_t op = data[at++];
        if (op >= 0xc0) {
            wish(op);
            continue;
        }
        size_t n = data[at++];
        if (n > size - at) n = size - at;
        seq = (uint16_t)(seq + (int8_t)(op << 5) / 32 + 1);
        packet(codec, seq, (uint32_t)(op >> 3) * 3000, data + at, n);
        at += n;
        producer_measure(&p, seq * 10000);
    }
    for (int i = 0; i < RECEIVERS; i++)
        for (uint16_t back = 0; back < 40; back++) {
            struct rtp_parts parts;
            uint8_t out[1500];
            if (consumer_resend(&c[i], &p, (uint16_t)(c[i].last - back), 1000000000, &parts) && !rtp_join(&parts, out, sizeof out)) __builtin_trap();
        }
    return 0;
}
