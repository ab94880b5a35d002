/* The group of pictures for a newcomer: what a receiver sees of it, and when there is none to send. */
#include "media/router/replay.h"
#include "media/rtp/bytes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST 768
#define FRAME 3000 /* ticks */
#define PACKETS 3  /* of a frame */

static struct producer p;
static struct consumer c;
static struct track_got {
    size_t n;
    uint16_t seq[3000], rtx_seq;
    uint32_t ts[3000];
    uint8_t first[3000]; /* of the payload, behind VP8's descriptor */
} got;
static int64_t now;
static uint16_t seq;
static uint32_t ts;

static void open_all(enum media_codec codec, bool rtx)
{
    struct media_track_params t = {.kind = MEDIA_VIDEO, .ssrc = 5, .n_payloads = 1, .payloads = {{codec, 96, 97, ""}}};
    struct media_feed_params f = {.n_payloads = 1, .payloads = {{codec, 120, rtx ? 121 : 0, ""}}, .ssrc = 700, .rtx_ssrc = rtx ? 701 : 0};
    assert_int_equal(producer_open(&p, &t), 0);
    consumer_init(&c, &f, &p);
    memset(&got, 0, sizeof got);
    now = 1000000;
    seq = 65500; /* the group runs over the wrap */
    ts = 0xfffff000;
}

static void note(const struct rtp_parts *parts)
{
    uint8_t b[1500];
    struct rtp r;
    size_t n = rtp_join(parts, b, sizeof b);
    assert_int_equal(rtp_parse(b, n, &r), 0);
    got.seq[got.n] = r.seq;
    got.ts[got.n] = r.timestamp;
    got.first[got.n++] = r.payload[4];
}

/* One packet comes; it is passed on as a live one. `lost`: it never comes. */
static void arrive(uint16_t s, uint32_t t, const uint8_t *payload, size_t len, bool marker, bool lost)
{
    uint8_t b[200] = {0x80, (uint8_t)(96 | (marker ? 0x80 : 0))};
    struct rtp r;
    struct packet k;
    struct rtp_parts parts;
    put_u16(b + 2, s);
    put_u32(b + 4, t);
    put_u32(b + 8, 5);
    memcpy(b + 12, payload, len);
    if (lost) return;
    assert_int_equal(rtp_parse(b, 12 + len, &r), 0);
    if (producer_input(&p, 0, &r, now, &k) && consumer_forward(&c, &p, &k, now, &parts)) note(&parts);
}

static void frame(bool key, int lost)
{
    for (int i = 0; i < PACKETS; i++) {
        uint8_t payload[30] = {(uint8_t)(0x80 | (i ? 0 : 0x10)), 0x80, 0x80, (uint8_t)(ts / FRAME), (uint8_t)(key ? 0 : 1)};
        arrive(seq++, ts, payload, sizeof payload, i == PACKETS - 1, i == lost);
    }
    ts += FRAME;
    now += 33333;
}

/* `n` packets of the replay go out. */
static size_t step(size_t n)
{
    struct packet k;
    struct rtp_parts parts;
    size_t sent = 0;
    while (sent < n && replay_next(&c, &p, &k)) {
        if (replay_forward(&c, &p, &k, now, &parts)) note(&parts);
        sent++;
    }
    return sent;
}

static void numbers_are_unbroken(void)
{
    for (size_t i = 1; i < got.n; i++)
        assert_int_equal((uint16_t)(got.seq[i] - got.seq[i - 1]), 1);
}

static void a_newcomer_catches_up(void **state)
{
    open_all(MEDIA_VP8, true);
    c.params.paused = true; /* not there yet */
    frame(true, -1);
    for (int i = 0; i < 59; i++)
        frame(false, -1);
    c.params.paused = false;
    assert_true(replay_begin(&c, &p, MOST, now));
    assert_false(replay_begin(&c, &p, MOST, now));
    assert_int_equal(step(50), 50);
    frame(false, -1); /* comes while he catches up: it waits in the ring */
    assert_int_equal(got.n, 50);
    assert_int_equal(got.first[0], 0); /* the keyframe is first */
    assert_int_equal(step(1000), 61 * PACKETS - 50);
    assert_false(c.replay.on);
    size_t replayed = got.n;
    for (int i = 0; i < 10; i++)
        frame(false, -1);
    assert_int_equal(got.n, replayed + 10 * PACKETS);
    numbers_are_unbroken();
    for (size_t i = PACKETS; i < got.n; i++) { /* each frame has its own time, later than the one before it */
        uint32_t d = got.ts[i] - got.ts[i - PACKETS];
        if (i / PACKETS <= 59) assert_in_range(d, FRAME / 64, FRAME / 64 + 1);
        else assert_int_equal(d, FRAME);
        assert_int_equal(got.ts[i], got.ts[i - i % PACKETS]);
    }
    producer_close(&p);
}

/* Asked for again, a packet of the replay is the same one. */
static void what_is_sent_again_is_the_same(void **state)
{
    struct rtp_parts parts;
    uint8_t b[1500];
    struct rtp r;
    open_all(MEDIA_VP8, false);
    c.params.paused = true;
    for (int i = 0; i < 40; i++)
        frame(i == 0, -1);
    c.params.paused = false;
    assert_true(replay_begin(&c, &p, MOST, now));
    step(1000);
    frame(false, -1);
    for (size_t i = 0; i < got.n; i += 7) {
        assert_true(consumer_resend(&c, &p, got.seq[i], now + 1000000, &parts));
        assert_int_equal(rtp_parse(b, rtp_join(&parts, b, sizeof b), &r), 0);
        assert_int_equal(r.seq, got.seq[i]);
        assert_int_equal(r.timestamp, got.ts[i]);
    }
    producer_close(&p);
}

static void a_hole_stays_a_hole(void **state)
{
    open_all(MEDIA_VP8, true);
    c.params.paused = true;
    frame(true, -1);
    uint16_t missing = (uint16_t)(seq + 1);
    uint32_t missing_ts = ts;
    frame(false, 1);
    frame(false, -1);
    c.params.paused = false;
    assert_true(replay_begin(&c, &p, MOST, now));
    step(1000);
    assert_int_equal(got.n, 3 * PACKETS - 1);
    assert_int_equal((uint16_t)(got.seq[4] - got.seq[3]), 2);
    uint8_t payload[30] = {0x80, 0x80, 0x80, 9, 9};
    arrive(missing, missing_ts, payload, sizeof payload, false, false); /* repaired: passed on at once, in its place */
    assert_int_equal(got.n, 3 * PACKETS);
    assert_int_equal((uint16_t)(got.seq[got.n - 1] - got.seq[3]), 1);
    assert_int_equal(got.ts[got.n - 1], got.ts[3]);
    producer_close(&p);
}

/* H.264 begins a keyframe with parameter sets, each of which looks like a beginning. */
static void h264_begins_with_its_parameters(void **state)
{
    static const uint8_t sps[5] = {0x67, 1, 2, 3, 0x67}, pps[5] = {0x68, 1, 2, 3, 0x68}, idr[5] = {0x65, 1, 2, 3, 0x65}, p_slice[5] = {0x41, 1, 2, 3, 0x41};
    open_all(MEDIA_H264, true);
    c.params.paused = true;
    for (int i = 0; i < 3; i++) {
        arrive(seq++, ts, sps, 5, false, false);
        arrive(seq++, ts, pps, 5, false, false);
        arrive(seq++, ts, idr, 5, true, false);
        ts += FRAME;
        arrive(seq++, ts, p_slice, 5, true, false);
        ts += FRAME;
    }
    c.params.paused = false;
    assert_true(replay_begin(&c, &p, MOST, now));
    assert_int_equal(step(1000), 4);
    assert_int_equal(got.first[0], 0x67);
    numbers_are_unbroken();
    producer_close(&p);
}

static void sometimes_only_a_keyframe_helps(void **state)
{
    size_t layer;
    open_all(MEDIA_VP8, true);
    assert_false(replay_begin(&c, &p, MOST, now)); /* nothing came yet */
    c.params.paused = true;
    frame(true, -1);
    for (int i = 0; i < 20; i++)
        frame(false, -1);
    assert_false(replay_begin(&c, &p, MOST, now)); /* he wants nothing now */
    c.params.paused = false;
    assert_false(replay_begin(&c, &p, 20, now)); /* too long for this caller */
    producer_forget_groups(&p); /* it was paused: what came meanwhile is seen by nobody */
    assert_false(replay_begin(&c, &p, MOST, now));
    assert_true(consumer_needs_key(&c, &p, now, &layer));
    c.params.paused = true;
    frame(true, -1);
    for (int i = 0; i < 400; i++)
        frame(false, -1); /* longer than the ring */
    c.params.paused = false;
    assert_false(replay_begin(&c, &p, 60000, now));
    frame(true, -1); /* the keyframe ends the waiting: a live one, nothing is pressed together */
    frame(false, -1);
    assert_int_equal(got.n, 2 * PACKETS);
    assert_int_equal(got.ts[PACKETS] - got.ts[0], FRAME);
    struct media_feed_params other = {.n_payloads = 1, .payloads = {{MEDIA_H264, 120, 0, ""}}, .ssrc = 700};
    consumer_init(&c, &other, &p); /* a receiver without the codec neither gets a group nor asks for keyframes */
    assert_false(replay_begin(&c, &p, MOST, now));
    assert_false(consumer_needs_key(&c, &p, now, &layer));
    producer_close(&p);
}

/* Pausing in the middle ends it; going on begins anew, behind what was sent. */
static void a_pause_ends_it(void **state)
{
    open_all(MEDIA_VP8, true);
    c.params.paused = true;
    for (int i = 0; i < 30; i++)
        frame(i == 0, -1);
    c.params.paused = false;
    assert_true(replay_begin(&c, &p, MOST, now));
    step(10);
    consumer_break(&c);
    assert_false(c.replay.on);
    now += 500000;
    assert_true(replay_begin(&c, &p, MOST, now));
    step(1000);
    numbers_are_unbroken();
    assert_int_equal(got.n, 10 + 30 * PACKETS);
    assert_int_equal(got.ts[10] - got.ts[9], 45000); /* half a second has passed */
    producer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newcomer_catches_up), cmocka_unit_test(what_is_sent_again_is_the_same), cmocka_unit_test(a_hole_stays_a_hole),
        cmocka_unit_test(h264_begins_with_its_parameters), cmocka_unit_test(sometimes_only_a_keyframe_helps), cmocka_unit_test(a_pause_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
