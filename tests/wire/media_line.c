/* A viewer on a thin line, over real sockets: the line is the viewer's own doing (it takes packets as late as the line would bring them and
 * says so in its transport-wide feedback). What matters least is left out, no queue stands, and what was left out comes back. */
#include "media/media.h"
#include "media/rtp/twcc.h"
#include "tests/lib/rtc_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

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
};

static void post(struct scene *s, struct media_cmd c)
{
    c.room.v = 5;
    assert_int_equal(media_post(s->m, &c), 0);
}

static void connect_peer(struct scene *s, struct rtc_client *c, uint64_t peer)
{
    struct media_cmd cmd = {.type = MEDIA_PEER_OPEN};
    struct ice_credentials ice;
    media_ice_credentials(ice.ufrag, ice.password);
    cmd.peer_open.peer.v = peer;
    cmd.peer_open.room.v = 5;
    memcpy(cmd.peer_open.local_ufrag, ice.ufrag, 16);
    memcpy(cmd.peer_open.local_password, ice.password, 32);
    snprintf(cmd.peer_open.remote_fingerprint, 100, "%s", dtls_identity_fingerprint(s->id));
    post(s, cmd);
    assert_int_equal(rtc_client_open(c, s->id, s->port, &ice, media_fingerprint(s->m) + 8), 0);
    assert_true(rtc_client_connect(c, 10000));
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
    unsigned got[2], padding, unnumbered;
} line;

static void on_rtp(void *ctx, const struct rtp *r)
{
    size_t n;
    const uint8_t *number = rtp_extension(r, 3, &n);
    int64_t now = clock_monotonic_us();
    if (r->ssrc == 1001 || r->ssrc == 1002) line.got[r->ssrc - 1001]++;
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
    if (now - line.feedback_us < 50000) return;
    line.feedback_us = now;
    uint8_t bytes[1200];
    struct rtcp_builder b;
    rtcp_begin(&b, bytes, sizeof bytes);
    if (twcc_add_feedback(&line.twcc, &b, 1, 1001)) rtc_client_send(&s->sub, bytes, b.len, true);
}

/* Two streams of 400 kbit/s, a keyframe twice a second. */
static void send_for(struct scene *s, int ms)
{
    static uint16_t seq;
    uint8_t b[1100];
    int64_t end = clock_monotonic_us() + ms * 1000, next = 0;
    line.got[0] = line.got[1] = line.padding = 0;
    line.queue_most_us = 0;
    while (clock_monotonic_us() < end) {
        if (clock_monotonic_us() >= next) {
            next = clock_monotonic_us() + 20000;
            for (uint32_t ssrc = 100; ssrc <= 200; ssrc += 100)
                rtc_client_send(&s->pub, b, rtc_client_vp8(b, seq, ssrc, seq % 25 == 0, 1000), false);
            seq++;
        }
        rtc_client_poll(&s->pub, 1);
        rtc_client_poll(&s->sub, 1);
        feed_back(s);
        static int64_t checked;
        if (clock_monotonic_us() - checked > 1000000) { /* consent */
            checked = clock_monotonic_us();
            rtc_client_check(&s->pub);
            rtc_client_check(&s->sub);
        }
    }
}

static void open_both(struct scene *s)
{
    for (uint64_t i = 0; i < 2; i++) {
        struct media_cmd t = {.type = MEDIA_TRACK_OPEN, .track_open = {.kind = MEDIA_VIDEO, .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}}};
        t.track_open.peer.v = 1;
        t.track_open.track.v = 51 + i;
        t.track_open.ssrc = 100 + 100 * (uint32_t)i;
        post(s, t);
        struct media_cmd f = {.type = MEDIA_FEED_OPEN, .feed_open = {.n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}, .extensions = {.transport_cc = 3}}};
        f.feed_open.peer.v = 2;
        f.feed_open.track.v = 51 + i;
        f.feed_open.feed.v = 61 + i;
        f.feed_open.ssrc = 1001 + (uint32_t)i;
        f.feed_open.rtx_ssrc = 2001 + (uint32_t)i;
        f.feed_open.value = i ? 1 : 3;
        post(s, f);
    }
}

static void the_least_is_left_out_and_comes_back(void **state)
{
    struct scene s = {0};
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 1, .record_dir = "", .on_event = on_event};
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
    struct fault f = {0};
    assert_int_equal(media_open(&s.m, &config, &f), 0);
    media_candidates(s.m, cand);
    s.port = cand[0].port;
    assert_int_equal(dtls_identity_new(&s.id, DTLS_ENGINE_OPENSSL), 0);
    connect_peer(&s, &s.pub, 1);
    connect_peer(&s, &s.sub, 2);
    s.sub.on_rtp = on_rtp;
    open_both(&s);
    line.bps = 3000000;
    send_for(&s, 3000);
    assert_true(line.got[0] > 50 && line.got[1] > 50);
    assert_int_equal(line.unnumbered, 0);
    assert_true(line.padding > 0); /* it asked what more the line carries */
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
    assert_int_equal(told[1].reduced, MEDIA_HELD);
    line.bps = 3000000;
    send_for(&s, 6000);
    line.got[1] = 0;
    send_for(&s, 2500);
    print_message("on 3 Mbit/s again: %u and %u\n", line.got[0], line.got[1]);
    assert_true(line.got[0] > 50 && line.got[1] > 50);
    assert_int_equal(told[1].reduced, MEDIA_WHOLE);
    rtc_client_close(&s.pub);
    rtc_client_close(&s.sub);
    dtls_identity_free(s.id);
    media_close(s.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_least_is_left_out_and_comes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
