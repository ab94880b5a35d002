/* A viewer on a thin line, over real sockets: the line is the viewer's own doing (it takes packets as late as the line would bring them and
 * says so in its transport-wide feedback). What matters least is left out, no queue stands, and what was left out comes back. Nobody's picture stands because
 * the first guess of his line was too low. */
#include "media/media.h"
#include "media/rtp/twcc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/lib/plane_peer.h"

static struct media_stream told[2]; /* of tracks 51 and 52 */
static struct media_quality quality;
static int n_told;

static void on_event(void *ctx, const struct media_event *e)
{
    if (e->type == MEDIA_QUALITY && e->peer.v == 2) quality = e->quality;
    for (size_t i = 0; e->type == MEDIA_STREAMS && i < e->streams.n; i++) {
        told[e->streams.at[i].track.v - 51] = e->streams.at[i];
        __atomic_add_fetch(&n_told, 1, __ATOMIC_SEQ_CST);
    }
}

struct scene {
    struct media *m;
    struct dtls_identity *id;
    uint16_t port;
    struct rtc_client pub, sub;
    unsigned streams, rate;
};
#define SOURCE_AT 20 /* in a payload: the number that its publisher gave it */

static void post(struct scene *s, struct media_cmd c)
{
    c.room.v = 5;
    assert_int_equal(media_post(s->m, &c), 0);
}

/* ---- the viewer's line ---- */
static struct {
    double bps;
    int64_t free_us, queue_most_us;
    struct {
        int64_t at_us;
        uint16_t seq;
    } flight[8192];
    unsigned head, tail;
    struct twcc twcc;
    int64_t feedback_us;
    unsigned got[2], padding, unnumbered, keys, holes;
    uint16_t seq; /* of the first stream, as it came last */
    bool silent; /* it gives no feedback */
    uint16_t newest;
    unsigned jump; /* the most source packets left out between two that came */
} line;

static void note_source(uint16_t number)
{
    int step = line.got[0] > 1 ? seq_diff(number, line.newest) : 1;
    if (step > 0) line.newest = number;
    if (step > (int)line.jump + 1) line.jump = (unsigned)step - 1;
}

static void on_rtp(void *ctx, const struct rtp *r)
{
    size_t n;
    const uint8_t *number = rtp_extension(r, 3, &n);
    int64_t now = clock_monotonic_us();
    if (r->ssrc == 1001 || r->ssrc == 1002) line.got[r->ssrc - 1001]++;
    if (r->ssrc == 1001) {
        line.keys += !(r->payload[r->payload_len > 4 && r->payload[0] & 0x80 ? 4 : 1] & 1);
        line.holes += line.got[0] > 1 && r->seq != (uint16_t)(line.seq + 1);
        line.seq = r->seq;
    }
    if (r->ssrc == 1001) note_source(get_u16(r->payload + SOURCE_AT));
    else line.padding += r->payload_len == 0;
    if (!number) {
        line.unnumbered++;
        return;
    }
    if (line.free_us < now) line.free_us = now;
    if (line.free_us - now > line.queue_most_us) line.queue_most_us = line.free_us - now;
    line.free_us += (int64_t)((double)(r->len + 44) * 8e6 / line.bps);
    line.flight[line.head % 8192].at_us = line.free_us;
    line.flight[line.head++ % 8192].seq = get_u16(number);
}

static void feed_back(struct scene *s)
{
    int64_t now = clock_monotonic_us();
    for (; line.tail != line.head && line.flight[line.tail % 8192].at_us <= now; line.tail++)
        twcc_note(&line.twcc, line.flight[line.tail % 8192].seq, line.flight[line.tail % 8192].at_us);
    if (line.silent || now - line.feedback_us < 50000) return;
    line.feedback_us = now;
    uint8_t bytes[1200];
    struct rtcp_builder b;
    rtcp_begin(&b, bytes, sizeof bytes);
    if (twcc_add_feedback(&line.twcc, &b, 1, 1001)) rtc_client_send(&s->sub, bytes, b.len, true);
}

/* A frame of each of the streams. */
static void send_frames(struct scene *s)
{
    static uint16_t seq;
    uint8_t b[1100];
    for (uint32_t ssrc = 100; ssrc <= 100 * s->streams; ssrc += 100) {
        size_t n = rtc_client_vp8(b, seq, ssrc, seq % 25 == 0, 1000);
        put_u16(b + 12 + SOURCE_AT, seq);
        rtc_client_send(&s->pub, b, n, false);
    }
    seq++;
}

/* Streams of `s->rate` times 400 kbit/s; one frame in 25 is a keyframe. */
static void send_for(struct scene *s, int ms)
{
    int64_t end = clock_monotonic_us() + ms * 1000, next = 0;
    line.got[0] = line.got[1] = line.padding = line.keys = line.holes = 0;
    line.queue_most_us = 0;
    while (clock_monotonic_us() < end) {
        if (clock_monotonic_us() >= next) {
            next = clock_monotonic_us() + 20000;
            for (unsigned i = 0; i < s->rate; i++)
                send_frames(s);
        }
        rtc_client_poll(&s->pub, 1);
        if (s->sub.dtls) rtc_client_poll(&s->sub, 1);
        feed_back(s);
        static int64_t checked;
        if (clock_monotonic_us() - checked > 1000000) { /* consent */
            checked = clock_monotonic_us();
            rtc_client_check(&s->pub);
            if (s->sub.dtls) rtc_client_check(&s->sub);
        }
    }
}

static void open_track(struct scene *s, uint32_t i)
{
    struct media_cmd t = {.type = MEDIA_TRACK_OPEN, .track_open = {.kind = MEDIA_VIDEO, .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}}};
    t.track_open.peer.v = 1;
    t.track_open.track.v = 51 + i;
    t.track_open.ssrc = 100 + 100 * i;
    post(s, t);
}

static void open_feed(struct scene *s, uint32_t i)
{
    struct media_cmd f = {.type = MEDIA_FEED_OPEN, .feed_open = {.n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}, .extensions = {.transport_cc = 3}}};
    f.feed_open.peer.v = 2;
    f.feed_open.track.v = 51 + i;
    f.feed_open.feed.v = 61 + i;
    f.feed_open.ssrc = 1001 + i;
    f.feed_open.rtx_ssrc = 2001 + i;
    f.feed_open.value = i ? 1 : 3;
    post(s, f);
}

static void open_scene(struct scene *s, unsigned streams, unsigned rate)
{
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 1, .record_dir = "", .on_event = on_event};
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
    struct fault f = {0};
    *s = (struct scene){.streams = streams, .rate = rate};
    memset(&line, 0, sizeof line);
    assert_int_equal(media_open(&s->m, &config, &f), 0);
    media_candidates(s->m, cand);
    s->port = cand[0].port;
    assert_int_equal(dtls_identity_new(&s->id, DTLS_ENGINE_OPENSSL), 0);
    plane_connect(s->m, s->id, s->port, &s->pub, 1);
    for (uint32_t i = 0; i < streams; i++)
        open_track(s, i);
}

static void let_in(struct scene *s) /* the viewer */
{
    plane_connect(s->m, s->id, s->port, &s->sub, 2);
    s->sub.on_rtp = on_rtp;
    for (uint32_t i = 0; i < s->streams; i++)
        open_feed(s, i);
}

static void close_scene(struct scene *s)
{
    rtc_client_close(&s->pub);
    rtc_client_close(&s->sub);
    dtls_identity_free(s->id);
    media_close(s->m);
}

static void the_least_is_left_out_and_comes_back(void **state)
{
    struct scene s;
    (void)state;
    open_scene(&s, 2, 1);
    let_in(&s);
    line.bps = 3000000;
    send_for(&s, 3000);
    assert_true(line.got[0] > 50 && line.got[1] > 50);
    assert_int_equal(line.unnumbered, 0);
    line.bps = 560000;
    send_for(&s, 4000);
    print_message("on 560 kbit/s: %u and %u packets, queue at most %lld ms", line.got[0], line.got[1], (long long)line.queue_most_us / 1000);
    send_for(&s, 3000);
    print_message("; then %u and %u, at most %lld ms, line said %u kbit/s\n", line.got[0], line.got[1], (long long)line.queue_most_us / 1000,
                  quality.line_bps / 1000);
    assert_true(line.got[0] > 60);
    assert_true(line.got[1] < line.got[0] / 2);
    assert_true(line.queue_most_us < 400000);
    assert_true(quality.line_bps < 700000);
    assert_int_equal(told[0].reduced, MEDIA_WHOLE);
    assert_int_equal(told[1].reduced, MEDIA_STILLS);
    line.bps = 3000000;
    send_for(&s, 6000);
    line.got[1] = 0;
    send_for(&s, 2500);
    print_message("on 3 Mbit/s again: %u and %u\n", line.got[0], line.got[1]);
    assert_true(line.got[0] > 50 && line.got[1] > 50);
    assert_int_equal(told[1].reduced, MEDIA_WHOLE);
    close_scene(&s);
}

/* Two Mbit/s in one size, and a viewer of whose line nothing is known: what the line carries is found out with the picture going on. Counted in packets of the
 * source: a tenth of a second may be lost to a busy machine. */
static void a_guess_holds_no_picture_back(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct scene s;
        open_scene(&s, 1, 5);
        send_for(&s, 1500); /* so that it is known what the picture takes */
        line.bps = 20000000;
        line.silent = silent;
        let_in(&s);
        send_for(&s, 3000);
        print_message("%s: %u packets, at most %u left out\n", silent ? "no feedback" : "a wide line", line.got[0], line.jump);
        assert_true(line.got[0] > 200);
        assert_true(line.jump < 25);
        assert_true(silent || line.padding > 0); /* it asked what more the line carries */
        close_scene(&s);
    }
}

/* Too much for the line: its first queue tells, and the picture is left out until more is carried. */
static void a_thin_line_is_found_out_by_its_first_queue(void **state)
{
    struct scene s;
    (void)state;
    open_scene(&s, 1, 5);
    send_for(&s, 1500);
    line.bps = 700000;
    let_in(&s);
    send_for(&s, 3000);
    print_message("2 Mbit/s on 700 kbit/s: %u packets, queue at most %lld ms, line said %u kbit/s\n", line.got[0], (long long)line.queue_most_us / 1000,
                  quality.line_bps / 1000);
    send_for(&s, 3000);
    print_message("then %u packets, at most %lld ms, line said %u kbit/s\n", line.got[0], (long long)line.queue_most_us / 1000, quality.line_bps / 1000);
    assert_true(line.got[0] < 200);
    assert_int_equal(told[0].reduced, MEDIA_STILLS);
    send_for(&s, 9000); /* a still every four seconds, each a keyframe of one packet, and nothing between them */
    print_message("stills: %u packets, %u of them keyframes, queue at most %lld ms\n", line.got[0], line.keys, (long long)line.queue_most_us / 1000);
    assert_in_range(line.got[0], 2, 3);
    assert_int_equal(line.keys, line.got[0]);
    assert_int_equal(line.holes, 0);
    line.bps = 20000000; /* nothing is sent, so nothing is heard of the line: it is asked nevertheless */
    send_for(&s, 5000);
    send_for(&s, 2000);
    print_message("on 20 Mbit/s: %u packets\n", line.got[0]);
    assert_true(line.got[0] > 300);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_is_left_out_and_comes_back),
        cmocka_unit_test(a_guess_holds_no_picture_back),
        cmocka_unit_test(a_thin_line_is_found_out_by_its_first_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
