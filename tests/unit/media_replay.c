/* The group of pictures for a newcomer: what a receiver sees of it, when there is none to send, and what hundreds of newcomers cost others. */
#include "media/router/replay.h"
#include "media/rtp/bytes.h"
#include "media/transport/srtp_box.h"
#include "media/worker/figures.h"
#include "media/worker/worker.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
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
        if (i / PACKETS <= 60) assert_in_range(d, FRAME / 64, FRAME / 64 + 1);
        else assert_int_equal(d, FRAME);
        assert_int_equal(got.ts[i], got.ts[i - i % PACKETS]);
    }
    producer_close(&p);
}

/* Who comes while a source stands, or while a node's link rests, is shown what comes next when it comes: to his clock no time has passed
 * between the pictures of before and it. */
static void what_stood_delays_nothing(void **state)
{
    open_all(MEDIA_VP8, true);
    c.params.paused = true;
    for (int i = 0; i < 20; i++)
        frame(i == 0, -1);
    c.params.paused = false;
    now += 5000000;
    ts += 5 * 90000;
    assert_true(replay_begin(&c, &p, MOST, now));
    step(1000);
    size_t replayed = got.n;
    assert_true(got.ts[replayed - 1] - got.ts[0] < FRAME);
    frame(false, -1);
    assert_in_range(got.ts[replayed] - got.ts[0], 1, 6 * 90000 / 64);
    frame(false, -1);
    assert_int_equal(got.ts[replayed + PACKETS] - got.ts[replayed], FRAME);
    numbers_are_unbroken();
    producer_close(&p);
}

/* Times of 32 bits go round in 13 hours, and what is half of it ago looks like what comes: nobody's picture is pressed together then. */
static void a_day_after_it_time_runs_as_always(void **state)
{
    open_all(MEDIA_VP8, true);
    c.params.paused = true;
    for (int i = 0; i < 20; i++)
        frame(i == 0, -1);
    c.params.paused = false;
    assert_true(replay_begin(&c, &p, MOST, now));
    step(1000);
    for (int i = 0; i < 150; i++) { /* a frame in ten minutes */
        frame(false, -1);
        ts += 600u * 90000;
        now += 600000000ll;
        if (i) assert_int_equal(got.ts[got.n - 1] - got.ts[got.n - 1 - PACKETS], 600u * 90000 + FRAME);
    }
    producer_close(&p);
}

/* A source that sends no keyframe for longer than numbers tell apart: its next one begins a group again. */
static void a_group_of_long_ago_is_forgotten(void **state)
{
    open_all(MEDIA_VP8, true);
    uint16_t first, last;
    c.params.paused = true;
    frame(true, -1);
    for (int i = 0; i < 40000 / PACKETS; i++)
        frame(false, -1);
    assert_false(producer_group(&p, 0, &first, &last));
    frame(true, -1);
    assert_true(producer_group(&p, 0, &first, &last));
    assert_int_equal((uint16_t)(last - first), PACKETS - 1);
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

/* ---- many at once: the worker's own loop is the caller here ---- */
#define NEWCOMERS 60
#define GROUP 180 /* packets */

static struct worker w;
static struct room room;
static struct track picture, voice;
static struct peer peers[NEWCOMERS];
static struct feed feeds[NEWCOMERS], *listed[NEWCOMERS];

static void newcomer(size_t i)
{
    struct media_feed_params f = {.n_payloads = 1, .payloads = {{MEDIA_VP8, 120, 121, ""}}, .ssrc = 700, .rtx_ssrc = 701};
    struct srtp_session_keys keys[2] = {{{(uint8_t)i}, {0}, {0}}, {{1}, {0}, {0}}};
    peers[i] = (struct peer){.worker = &w, .room = &room, .ice = {.has_selected = true, .selected = {.ip = {127, 0, 0, 1}, .port = 9}}};
    assert_int_equal(srtp_seal_new(&peers[i].seal, DTLS_PROFILE_GCM128, keys), 0);
    peers[i].tag = srtp_seal_tag(peers[i].seal);
    feeds[i] = (struct feed){.peer = &peers[i], .track = &picture};
    consumer_init(&feeds[i].consumer, &f, &picture.producer);
    listed[i] = &feeds[i];
}

static void open_lecture(void)
{
    struct media_track_params t = {.kind = MEDIA_VIDEO, .ssrc = 5, .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}};
    figures_init();
    w = (struct worker){.now_us = 1000000, .replays_end = &w.replays};
    assert_int_equal(egress_open(&w.egress, socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), AF_INET, true), 0);
    assert_int_equal(producer_open(&picture.producer, &t), 0);
    picture.feeds = listed;
    picture.n_feeds = NEWCOMERS;
    for (uint16_t i = 0; i < GROUP; i++) {
        uint8_t b[40] = {0x80, 96 | 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0x90, 0x80, 0x80, 1, i ? 1 : 0};
        struct rtp r;
        struct packet k;
        put_u16(b + 2, i);
        put_u32(b + 4, i * FRAME);
        assert_int_equal(rtp_parse(b, sizeof b, &r), 0);
        assert_true(producer_input(&picture.producer, 0, &r, w.now_us, &k));
    }
    for (size_t i = 0; i < NEWCOMERS; i++)
        newcomer(i);
}

static void close_lecture(void)
{
    egress_flush(&w.egress);
    close(w.egress.socket);
    egress_close(&w.egress);
    producer_close(&picture.producer);
    for (size_t i = 0; i < NEWCOMERS; i++)
        srtp_seal_free(peers[i].seal);
}

/* All come in the same moment: what comes for others is looked at again and again in between, and nobody is forgotten. */
static void many_newcomers_are_served_in_turns(void **state)
{
    int64_t next;
    open_lecture();
    for (size_t i = 0; i < NEWCOMERS; i++)
        assert_true(catchup_begin(&feeds[i]));
    assert_int_equal(w.counted.packets_out, 0);
    int turns = 0;
    for (uint64_t before = 0; (next = catchup_due(&w)) <= w.now_us; before = w.counted.packets_out, turns++)
        assert_in_range(w.counted.packets_out - before, 1, 300);
    assert_true(turns >= 4);
    for (size_t i = 0; i < NEWCOMERS; i++)
        assert_int_equal(feeds[i].consumer.packets, 24); /* the keyframe and what follows, to each */
    catchup_end(&feeds[0]);
    catchup_end(&feeds[NEWCOMERS - 1]); /* two leave */
    for (; next != INT64_MAX; next = catchup_due(&w))
        w.now_us = next;
    for (size_t i = 1; i < NEWCOMERS - 1; i++)
        assert_int_equal(feeds[i].consumer.packets, GROUP);
    assert_int_equal(feeds[0].consumer.packets, 24);
    assert_int_equal(feeds[NEWCOMERS - 1].consumer.packets, 24);
    assert_null(w.replays);
    close_lecture();
}

/* A voice packet every 20 ms, a picture always about to come in 12 ms. How long the last of them may wait; 0: it leaves alone. */
static int64_t speak(int n, size_t viewers)
{
    int64_t until = 0;
    picture.n_feeds = voice.n_feeds = viewers;
    for (; n--; w.now_us += 20000) {
        voice.fresh_us = w.now_us;
        picture.gap_us = 33000;
        picture.frame_us = w.now_us - 21000;
        until = ride_until_us(&voice);
        if (until) until -= w.now_us;
    }
    return until;
}

static void joins_delay_no_voice(void **state)
{
    w = (struct worker){.now_us = 1000000, .egress = {.segments = true}};
    peers[0] = (struct peer){.worker = &w, .room = &room};
    voice = (struct track){.peer = &peers[0], .room = &room, .producer.params.kind = MEDIA_AUDIO};
    picture = (struct track){.peer = &peers[0], .room = &room, .producer.params.kind = MEDIA_VIDEO};
    room.pictures = &picture;
    assert_int_equal(speak(500, 50), 0);
    assert_int_equal(voice.ride_us, 5000);
    assert_int_equal(speak(50, 350), 0); /* 300 came: a second later */
    assert_in_range(voice.ride_us, 7900, 8000);
    assert_in_range(speak(500, 350), 12000, 20000); /* and long after */
    assert_int_equal(voice.ride_us, 20000);
    assert_int_equal(speak(1, 50), 0); /* they have gone */
    assert_int_equal(voice.ride_us, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_newcomers_are_served_in_turns), cmocka_unit_test(joins_delay_no_voice), cmocka_unit_test(a_newcomer_catches_up), cmocka_unit_test(what_stood_delays_nothing),
        cmocka_unit_test(what_is_sent_again_is_the_same), cmocka_unit_test(a_day_after_it_time_runs_as_always), cmocka_unit_test(a_group_of_long_ago_is_forgotten), cmocka_unit_test(a_hole_stays_a_hole),
        cmocka_unit_test(h264_begins_with_its_parameters), cmocka_unit_test(sometimes_only_a_keyframe_helps), cmocka_unit_test(a_pause_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
