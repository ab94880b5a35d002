/* RTP and RTCP from a peer: headers, extensions, payload descriptors, RTX, feedback, frames for the recorder. */
#include "media/mux/dimensions.h"
#include "media/mux/frames.h"
#include "media/rtp/payload.h"
#include "media/rtp/rtcp.h"
#include "media/rtp/rtp.h"
#include "media/rtp/bwe.h"
#include "media/rtp/twcc.h"
#include <string.h>

static void on_sender(void *c, const struct rtcp_sender_info *i)
{
}
static void on_report(void *c, const struct rtcp_report *r)
{
}
static void on_nack(void *c, uint32_t s, uint16_t q)
{
}
static void on_u32(void *c, uint32_t s)
{
}
static void on_remb(void *c, uint64_t b)
{
}
static void on_arrival(void *c, uint16_t s, int64_t at)
{
}
static struct bwe line; /* what a viewer says must never lead it out of its bounds */
static void on_arrivals(void *c, const uint8_t *fci, size_t len)
{
    static int64_t now = 1000000;
    (void)!twcc_read(fci, len, on_arrival, c);
    if (!line.born_us) bwe_init(&line, 300000, now);
    for (int i = 0; i < 8; i++)
        (void)bwe_sent(&line, 1000, now += 1000);
    bwe_feedback(&line, fci, len, now += 20000);
    (void)bwe_padding(&line, 5000000, now);
    if (bwe_estimate_bps(&line) < BWE_MIN_BPS || bwe_estimate_bps(&line) > BWE_MAX_BPS) __builtin_trap();
}
static void on_frame(void *c, const struct frame *f)
{
    struct dimensions d;
    (void)!dimensions_of(*(enum media_codec *)c, f->bytes, f->len, &d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4000) return 0;
    struct rtcp_handler h = {on_sender, on_report, on_nack, on_u32, on_remb, on_u32, on_arrivals, NULL};
    (void)!rtcp_parse(data + 1, size - 1, &h);
    enum media_codec codec = (enum media_codec)(data[0] % MEDIA_CODEC_COUNT);
    struct frames *f;
    if (frames_new(&f, codec, on_frame, &codec)) return 0;
    /* the rest is a row of packets: length, bytes */
    for (size_t at = 1; at + 1 < size;) {
        size_t n = data[at];
        if (n > size - at - 1) n = size - at - 1;
        struct rtp r;
        uint8_t copy[256], out[600];
        size_t len = n, ext;
        memcpy(copy, data + at + 1, n);
        if (rtp_parse(copy, n, &r) == 0) {
            for (uint8_t id = 1; id < 16; id++)
                (void)rtp_extension(&r, id, &ext);
            struct rtp_edit e = {.payload_type = 1, .n_extensions = 1};
            e.extensions[0].id = 1, e.extensions[0].len = 1, e.extensions[0].value = copy;
            struct rtp_parts parts;
            if (rtp_split(&r, &e, &parts)) {
                (void)rtp_take_front(&parts, data[0] % RTP_FRONT_MAX);
                (void)rtp_join(&parts, out, sizeof out);
            }
            payload_starts_keyframe(codec, r.payload, r.payload_len);
            frames_input(f, copy, n, (int64_t)at);
            (void)rtp_unwrap_rtx(copy, &len, 1, 2);
        }
        at += 1 + n;
    }
    frames_flush(f, 100000, true);
    frames_free(f);
    return 0;
}
