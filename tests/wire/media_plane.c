/* The media plane over real sockets with a C endpoint: connect, forward, loss repair both ways, address change, mute, close; as it is, with
 * several workers (most datagrams then come to another worker's socket than their room's), from IPv6 to IPv4, and with the other DTLS engine, one by one. */
#include "media/media.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/lib/plane_peer.h"

static struct media_config config;
static int seen[MEDIA_SURVEYED + 1];
static int stuck; /* events are told on a media thread: who does not come back stops it */

static void on_event(void *ctx, const struct media_event *e)
{
    while (__atomic_load_n(&stuck, __ATOMIC_SEQ_CST))
        usleep(1000);
    plane_heard(e);
    __atomic_add_fetch(&seen[e->type], 1, __ATOMIC_SEQ_CST);
}

struct scene {
    struct media *m;
    struct dtls_identity *id;
    uint16_t port;
    struct rtc_client pub, sub;
    uint64_t pub_id, sub_id;
};

static void post(struct scene *s, struct media_cmd c)
{
    c.room.v = 5;
    assert_int_equal(media_post(s->m, &c), 0);
}

static void connect_peer(struct scene *s, struct rtc_client *c, uint64_t peer)
{
    c->ipv6 = peer == 1 && strchr(config.bind_address, ':');
    c->passive = peer == 1 && config.workers > 1;
    plane_connect(s->m, s->id, s->port, c, peer);
}

static int frame_next[8], frame_sizes_wrong;
static uint32_t again_seq;
static int again_got, again_backwards;
static int n_got, n_rtx;
static uint16_t last_seq, last_osn;
static void on_rtp(void *ctx, const struct rtp *r)
{
    if (r->payload_type == 121) {
        n_rtx++;
        last_osn = get_u16(r->payload);
        return;
    }
    if (!n_got || seq_diff(r->seq, last_seq) > 0) last_seq = r->seq;
    n_got++;
}

#define PATIENCE_US 30000000 /* a busy machine's; what is waited for comes at once on a quiet one */

#define until(c, value, at_least) until_at(c, value, at_least, __LINE__)
static void until_at(struct rtc_client *c, const int *value, int at_least, int line)
{
    for (int64_t end = clock_monotonic_us() + PATIENCE_US; clock_monotonic_us() < end && __atomic_load_n(value, __ATOMIC_SEQ_CST) < at_least;)
        rtc_client_poll(c, 10);
    if (__atomic_load_n(value, __ATOMIC_SEQ_CST) < at_least) fail_msg("line %d: %d, not %d", line, __atomic_load_n(value, __ATOMIC_SEQ_CST), at_least);
}

static void frame(struct scene *s, int n, bool key)
{
    uint8_t p[1200];
    rtc_client_send(&s->pub, p, rtc_client_vp8(p, (uint16_t)(1000 + n), 777, key, 600), false);
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    struct fault f = {0};
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
    memset(seen, 0, sizeof seen);
    memset(frame_next, 0, sizeof frame_next);
    n_got = n_rtx = again_got = again_backwards = 0;
    again_seq = 70000;
    if (media_open(&s->m, &config, &f) || dtls_identity_new(&s->id, DTLS_ENGINE_OPENSSL)) return -1;
    media_candidates(s->m, cand);
    s->port = cand[0].port;
    connect_peer(s, &s->pub, s->pub_id = 1);
    connect_peer(s, &s->sub, s->sub_id = 2);
    s->sub.on_rtp = on_rtp;
    post(s, (struct media_cmd){.type = MEDIA_TRACK_OPEN,
                               .track_open = {.peer = {1}, .track = {50}, .kind = MEDIA_VIDEO, .mid = "0", .n_payloads = 1,
                                              .payloads = {{MEDIA_VP8, 96, 97, ""}}, .ssrc = 777}});
    post(s, (struct media_cmd){.type = MEDIA_FEED_OPEN,
                               .feed_open = {.peer = {2}, .feed = {60}, .track = {50}, .mid = "0", .n_payloads = 1,
                                             .payloads = {{MEDIA_VP8, 120, 121, ""}}, .ssrc = 888, .rtx_ssrc = 889}});
    *state = s;
    return 0;
}

static int next_frame;

/* Nine frames, one of them lost on the way up and sent when it is asked for. False: the plane had given it up by then and asks for a keyframe, as it does with who answers late. */
static bool repairs(struct scene *s, int from)
{
    int got = n_got, nacks = s->pub.nacks_in, plis = s->pub.plis_in;
    next_frame = from + 9;
    for (int i = 0; i < 9; i++)
        if (i != 4) frame(s, from + i, i == 0);
    until(&s->pub, &s->pub.nacks_in, nacks + 1);
    frame(s, from + 4, false);
    for (int64_t end = clock_monotonic_us() + PATIENCE_US; n_got < got + 9 && s->pub.plis_in == plis && clock_monotonic_us() < end;) {
        rtc_client_poll(&s->sub, 5);
        rtc_client_poll(&s->pub, 0);
    }
    return n_got == got + 9;
}

static void forwards_and_repairs(void **state)
{
    struct scene *s = *state;
    until(&s->pub, &s->pub.plis_in, 1); /* the new feed asks for a keyframe */
    for (int64_t end = clock_monotonic_us() + PATIENCE_US; clock_monotonic_us() < end && !s->pub.remb_bps;)
        rtc_client_poll(&s->pub, 10);
    assert_true(s->pub.remb_bps > 990000 && s->pub.remb_bps <= 1000000);
    frame(s, 0, true);
    until(&s->sub, &n_got, 1);
    until(&s->sub, &seen[MEDIA_TRACK_LIVE], 1);
    bool all = false;
    for (int round = 0; round < 6 && !all; round++)
        all = repairs(s, 1 + 9 * round);
    assert_true(all);
    int lost = next_frame - 9 + 4, before = n_got;
    frame(s, lost, false); /* a copy does not reach the viewer twice */
    uint8_t nack[64];
    struct rtcp_builder w;
    rtcp_begin(&w, nack, sizeof nack);
    assert_true(rtcp_add_rr(&w, 1, NULL, 0) && rtcp_add_nack(&w, 1, 888, &last_seq, 1));
    rtc_client_send(&s->sub, nack, w.len, true);
    until(&s->sub, &n_rtx, 1); /* comes as RTX with the viewer's number */
    assert_int_equal(last_osn, last_seq);
    assert_int_equal(n_got, before);
}

static void address_change_keeps_the_peer(void **state)
{
    struct scene *s = *state;
    rtc_client_rebind(&s->pub);
    for (int64_t end = clock_monotonic_us() + PATIENCE_US; clock_monotonic_us() < end && !__atomic_load_n(&seen[MEDIA_PEER_MOVED], __ATOMIC_SEQ_CST);) {
        rtc_client_check(&s->pub);
        usleep(10000); /* the answer comes at once; the old address must first be quiet for 1.5 s */
        rtc_client_poll(&s->pub, 0);
    }
    assert_int_equal(seen[MEDIA_PEER_MOVED], 1);
    n_got = 0;
    for (int i = 60; i < 70; i++)
        frame(s, i, i == 60);
    until(&s->sub, &n_got, 10);
}

static void mute_stops_everything(void **state)
{
    struct scene *s = *state;
    struct media_cmd mute = {.type = MEDIA_TRACK_PAUSE, .track = {.track = {50}, .on = true}};
    struct media_cmd key = {.type = MEDIA_KEYFRAME, .track = {.track = {50}}};
    n_got = 0;
    post(s, mute);
    plane_settle(s->m);
    rtc_client_poll(&s->sub, 0);
    for (int i = 70; i < 80; i++)
        frame(s, i, i == 70);
    for (int i = 0; i < 20; i++)
        rtc_client_poll(&s->sub, 5);
    assert_int_equal(n_got, 0);
    mute.track.on = false;
    rtc_client_poll(&s->pub, 0);
    int plis = s->pub.plis_in;
    post(s, mute);
    post(s, key);
    until(&s->pub, &s->pub.plis_in, plis + 1);
    frame(s, 80, true);
    until(&s->sub, &n_got, 1);
    assert_int_equal(n_got, 1);
}

/* A frame of several packets to many receivers leaves in runs (padded by a byte where sizes differ): all arrive, whole and in order. */
static const size_t frame_sizes[] = {600, 600, 601, 612, 300};
static void on_frame_rtp(void *ctx, const struct rtp *r)
{
    if (r->ssrc < 2000 || r->ssrc > 2007) return;
    int *at = &frame_next[r->ssrc - 2000];
    frame_sizes_wrong += r->payload_len != frame_sizes[*at % 5] - 12 || r->marker != (*at % 5 == 4);
    ++*at;
}

static int slowest(void)
{
    int least = frame_next[0];
    for (int i = 1; i < 8; i++)
        if (frame_next[i] < least) least = frame_next[i];
    return least;
}

static void frames_leave_in_runs(void **state)
{
    struct scene *s = *state;
    struct media_cmd mute = {.type = MEDIA_TRACK_PAUSE, .track = {.track = {50}, .on = true}};
    s->sub.on_rtp = on_frame_rtp;
    post(s, mute); /* and on: what came so far is not for the new feeds */
    mute.track.on = false;
    post(s, mute);
    for (uint64_t i = 0; i < 8; i++)
        post(s, (struct media_cmd){.type = MEDIA_FEED_OPEN,
                                   .feed_open = {.peer = {2}, .feed = {200 + i}, .track = {50}, .mid = "0", .n_payloads = 1,
                                                 .payloads = {{MEDIA_VP8, 120, i == 7 ? 0 : 121, ""}}, .ssrc = 2000 + (uint32_t)i, .rtx_ssrc = i == 7 ? 0 : 3000 + (uint32_t)i}});
    plane_settle(s->m);
    for (int f = 0; f < 20; f++) {
        for (int k = 0; k < 5; k++) {
            uint8_t p[1200];
            size_t n = rtc_client_vp8(p, (uint16_t)(1200 + f * 5 + k), 777, f == 0 && k == 0, frame_sizes[k]);
            if (k < 4) p[1] &= 0x7f;
            rtc_client_send(&s->pub, p, n, false);
            if (f % 4 == 3) usleep(700); /* some slower than packets are held */
        }
        for (int64_t end = clock_monotonic_us() + PATIENCE_US; clock_monotonic_us() < end && slowest() < 5 * (f + 1);) /* no faster than a small socket buffer allows */
            rtc_client_poll(&s->sub, 10);
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(frame_next[i], 100);
    assert_int_equal(frame_sizes_wrong, 0);
    for (uint64_t i = 0; i < 8; i++)
        post(s, (struct media_cmd){.type = MEDIA_FEED_CLOSE, .feed = {.feed = {200 + i}}});
    s->sub.on_rtp = on_rtp;
}

/* Voice that comes shortly before a frame is sent along behind it, to each receiver once; voice without a picture is sent all the same. */
static int voice_next, voice_along, voice_wrong;
static uint32_t ssrc_before;
static void on_voice_rtp(void *ctx, const struct rtp *r)
{
    if (r->ssrc >= 2000 && r->ssrc < 2008) frame_next[r->ssrc - 2000]++;
    if (r->ssrc >= 4000 && r->ssrc < 4008) {
        voice_next++;
        voice_along += ssrc_before >= 2000 && ssrc_before < 2008;
        voice_wrong += r->payload_len != 68;
    }
    ssrc_before = r->ssrc;
}

static void send_voice(struct scene *s, int n)
{
    uint8_t p[200];
    size_t len = rtc_client_vp8(p, (uint16_t)(70 + n), 778, false, 80);
    p[1] = 111;
    rtc_client_send(&s->pub, p, len, false);
}

static void voice_goes_along_with_a_picture(void **state)
{
    struct scene *s = *state;
    s->sub.on_rtp = on_voice_rtp;
    memset(frame_next, 0, sizeof frame_next);
    voice_next = voice_along = voice_wrong = 0;
    struct media_cmd mute = {.type = MEDIA_TRACK_PAUSE, .track = {.track = {50}, .on = true}};
    post(s, mute); /* and on: what came so far is not for the new feeds */
    mute.track.on = false;
    post(s, mute);
    post(s, (struct media_cmd){.type = MEDIA_TRACK_OPEN, .track_open = {.peer = {1}, .track = {51}, .kind = MEDIA_AUDIO, .mid = "1", .n_payloads = 1,
                               .payloads = {{MEDIA_OPUS, 111, 0, ""}}, .ssrc = 778}});
    for (uint64_t i = 0; i < 8; i++) {
        post(s, (struct media_cmd){.type = MEDIA_FEED_OPEN, .feed_open = {.peer = {2}, .feed = {200 + i}, .track = {50}, .mid = "0", .n_payloads = 1,
                                   .payloads = {{MEDIA_VP8, 120, 121, ""}}, .ssrc = 2000 + (uint32_t)i, .rtx_ssrc = 3000 + (uint32_t)i}});
        post(s, (struct media_cmd){.type = MEDIA_FEED_OPEN, .feed_open = {.peer = {2}, .feed = {300 + i}, .track = {51}, .mid = "1", .n_payloads = 1,
                                   .payloads = {{MEDIA_OPUS, 109, 0, ""}}, .ssrc = 4000 + (uint32_t)i}});
    }
    plane_settle(s->m);
    for (int f = 0; f < 60; f++) { /* a frame every 5 ms, voice just before each second one */
        if (f % 2) send_voice(s, f / 2);
        frame(s, 350 + f, f == 0);
        for (int64_t next = clock_monotonic_us() + 5000, end = next + PATIENCE_US; clock_monotonic_us() < next || (slowest() <= f && clock_monotonic_us() < end);)
            rtc_client_poll(&s->sub, 1);
    }
    until(&s->sub, &voice_next, 8 * 30);
    for (int i = 0; i < 5; i++) /* alone */
        send_voice(s, 30 + i);
    until(&s->sub, &voice_next, 8 * 35);
    assert_int_equal(voice_next, 8 * 35);
    assert_int_equal(voice_wrong, 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(frame_next[i], 60);
    if (!config.no_segments) assert_in_range(voice_along, 8, 8 * 30);
    for (uint64_t i = 0; i < 8; i++) {
        post(s, (struct media_cmd){.type = MEDIA_FEED_CLOSE, .feed = {.feed = {200 + i}}});
        post(s, (struct media_cmd){.type = MEDIA_FEED_CLOSE, .feed = {.feed = {300 + i}}});
    }
    post(s, (struct media_cmd){.type = MEDIA_TRACK_CLOSE, .track = {.track = {51}}});
    s->sub.on_rtp = on_rtp;
}

/* Four people, of whom two are forwarded: the numbers of each go on without a hole, whoever was left out meanwhile. */
static int heard_n[8], heard_holes; /* the four of a member, the four of another node that keeps all */
static uint16_t heard_seq[8];

static void on_heard(void *ctx, const struct rtp *r)
{
    if (r->ssrc < 7100 || r->ssrc >= 7108) return;
    unsigned who = r->ssrc - 7100;
    heard_holes += heard_n[who] && r->seq != (uint16_t)(heard_seq[who] + 1);
    heard_seq[who] = r->seq;
    heard_n[who]++;
}

static void say(struct scene *s, unsigned who, int n, uint8_t level)
{
    uint8_t p[60] = {0x90, 111};
    put_u16(p + 2, (uint16_t)(100 + n));
    put_u32(p + 4, (uint32_t)n * 960);
    put_u32(p + 8, 7000 + who);
    put_u16(p + 12, 0xbede);
    put_u16(p + 14, 1);
    p[16] = 1 << 4;
    p[17] = level;
    rtc_client_send(&s->pub, p, sizeof p, false);
}

/* From packet `n` on: `levels` of the four, one packet each 20 ms. */
static int talk(struct scene *s, int n, const uint8_t levels[4], int packets)
{
    for (int end = n + packets; n < end; n++) {
        for (unsigned who = 0; who < 4; who++)
            say(s, who, n, levels[who]);
        for (int64_t next = clock_monotonic_us() + 20000, limit = next + PATIENCE_US; clock_monotonic_us() < next || (heard_n[4] <= n && clock_monotonic_us() < limit);)
            rtc_client_poll(&s->sub, 1);
    }
    return n;
}

static void the_loudest_are_forwarded(void **state)
{
    struct scene *s = *state;
    s->sub.on_rtp = on_heard;
    memset(heard_n, 0, sizeof heard_n);
    heard_holes = 0;
    for (uint64_t i = 0; i < 4; i++) {
        post(s, (struct media_cmd){.type = MEDIA_TRACK_OPEN, .track_open = {.peer = {1}, .track = {70 + i}, .kind = MEDIA_AUDIO, .mid = "2", .n_payloads = 1,
                                   .payloads = {{MEDIA_OPUS, 111, 0, ""}}, .extensions = {.audio_level = 1}, .ssrc = 7000 + (uint32_t)i}});
        post(s, (struct media_cmd){.type = MEDIA_FEED_OPEN, .feed_open = {.peer = {2}, .feed = {400 + i}, .track = {70 + i}, .mid = "2", .n_payloads = 1,
                                   .payloads = {{MEDIA_OPUS, 109, 0, ""}}, .ssrc = 7100 + (uint32_t)i}});
        post(s, (struct media_cmd){.type = MEDIA_FEED_OPEN, .feed_open = {.peer = {2}, .feed = {500 + i}, .track = {70 + i}, .mid = "2", .n_payloads = 1,
                                   .payloads = {{MEDIA_OPUS, 109, 0, ""}}, .ssrc = 7104 + (uint32_t)i}});
        post(s, (struct media_cmd){.type = MEDIA_FEED_EVERY, .feed = {.feed = {500 + i}, .on = true}});
    }
    plane_settle(s->m);
    int n = talk(s, 0, (const uint8_t[]){20, 25, 90, 90}, 20);
    until(&s->sub, &heard_n[1], 20);
    assert_true(heard_n[0] == 20 && heard_n[1] == 20 && heard_n[2] == 0 && heard_n[3] == 0);
    n = talk(s, n, (const uint8_t[]){90, 25, 90, 90}, 40); /* the first one is silent: nobody needs his place */
    until(&s->sub, &heard_n[0], 60);
    n = talk(s, n, (const uint8_t[]){90, 25, 90, 22}, 20); /* the last one speaks, and is heard from the first packet on */
    until(&s->sub, &heard_n[3], 20);
    assert_true(heard_n[0] == 61 && heard_n[1] == 80 && heard_n[2] == 0 && heard_n[3] == 20);
    n = talk(s, n, (const uint8_t[]){20, 90, 90, 22}, 60); /* two speak again, the second falls silent */
    until(&s->sub, &heard_n[3], 80);
    assert_in_range(heard_n[0], 61 + 1, 61 + 60); /* after a pause of 0.6 s, which may be over already where the machine stood still; unit/media_voices.c by its own clock */
    assert_int_equal(heard_n[2], 0);
    for (int i = 4; i < 8; i++) {
        until(&s->sub, &heard_n[i], 140);
        assert_int_equal(heard_n[i], 140); /* a recording there has who was not heard too */
    }
    for (uint64_t i = 0; i < 4; i++) /* not any more */
        post(s, (struct media_cmd){.type = MEDIA_FEED_EVERY, .feed = {.feed = {500 + i}, .on = false}});
    plane_settle(s->m);
    talk(s, n, (const uint8_t[]){20, 90, 90, 22}, 10);
    until(&s->sub, &heard_n[7], 150);
    assert_true(heard_n[4] == 150 && heard_n[5] == 140 && heard_n[6] == 140 && heard_n[7] == 150);
    assert_int_equal(heard_holes, 0);
    for (uint64_t i = 0; i < 4; i++)
        post(s, (struct media_cmd){.type = MEDIA_TRACK_CLOSE, .track = {.track = {70 + i}}});
    s->sub.on_rtp = on_rtp;
}

/* A feed that is closed and opened again with the same SSRC goes on behind its last number: an SRTP index is used once. */
static void on_again(void *ctx, const struct rtp *r)
{
    if (r->ssrc != 888) return;
    if (again_seq < 70000 && seq_diff(r->seq, (uint16_t)again_seq) <= 0) again_backwards++;
    again_seq = r->seq;
    again_got++;
}

static void a_feed_again_goes_on(void **state)
{
    struct scene *s = *state;
    s->sub.on_rtp = on_again;
    for (int i = 0; i < 5; i++)
        frame(s, 420 + i, i == 0);
    until(&s->sub, &again_got, 5);
    post(s, (struct media_cmd){.type = MEDIA_FEED_CLOSE, .feed = {.feed = {60}}});
    post(s, (struct media_cmd){.type = MEDIA_FEED_OPEN,
                               .feed_open = {.peer = {2}, .feed = {61}, .track = {50}, .mid = "0", .n_payloads = 1,
                                             .payloads = {{MEDIA_VP8, 120, 121, ""}}, .ssrc = 888, .rtx_ssrc = 889}});
    plane_settle(s->m);
    for (int i = 5; i < 10; i++)
        frame(s, 420 + i, i == 5);
    until(&s->sub, &again_got, 10);
    assert_int_equal(again_backwards, 0);
    s->sub.on_rtp = on_rtp;
}

/* A third peer that has sent media leaves with a DTLS goodbye: it is noticed at once. */
static void a_goodbye_is_heard(void **state)
{
    struct scene *s = *state;
    struct rtc_client third;
    uint8_t p[1200];
    int before = __atomic_load_n(&seen[MEDIA_PEER_FAILED], __ATOMIC_SEQ_CST);
    connect_peer(s, &third, 3);
    rtc_client_send(&third, p, rtc_client_vp8(p, 1, 4711, true, 600), false);
    usleep(100000);
    dtls_close(third.dtls);
    for (int64_t end = clock_monotonic_us() + PATIENCE_US; clock_monotonic_us() < end && __atomic_load_n(&seen[MEDIA_PEER_FAILED], __ATOMIC_SEQ_CST) == before;)
        usleep(10000);
    assert_int_equal(__atomic_load_n(&seen[MEDIA_PEER_FAILED], __ATOMIC_SEQ_CST), before + 1);
    rtc_client_close(&third);
}

static void strangers_and_the_end(void **state)
{
    struct scene *s = *state;
    static const uint8_t junk[3][40] = {{0, 1, 0, 20}, {22, 0xfe, 0xfd}, {0x80, 96}};
    struct rtc_client stranger = s->pub;
    stranger.fd = -1;
    rtc_client_rebind(&stranger);
    for (int i = 0; i < 3; i++)
        rtc_client_out(&stranger, junk[i], 40);
    close(stranger.fd);
    post(s, (struct media_cmd){.type = MEDIA_FEED_CLOSE, .feed = {.feed = {999}}}); /* gone: a miss */
    post(s, (struct media_cmd){.type = MEDIA_ROOM_CLOSE});
    for (int64_t end = clock_monotonic_us() + PATIENCE_US; clock_monotonic_us() < end && dtls_state(s->sub.dtls) != DTLS_CLOSED;)
        rtc_client_poll(&s->sub, 10);
    assert_int_equal(dtls_state(s->sub.dtls), DTLS_CLOSED);
}

static void becomes(struct scene *s, bool answers)
{
    for (int64_t end = clock_monotonic_us() + PATIENCE_US; clock_monotonic_us() < end && media_answers(s->m) != answers;) {
        rtc_client_check(&s->pub);
        usleep(20000);
        rtc_client_poll(&s->pub, 0);
    }
    assert_int_equal(media_answers(s->m), answers);
}

static void a_stuck_plane_is_noticed(void **state)
{
    struct scene *s = *state;
    becomes(s, true);
    __atomic_store_n(&stuck, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 1000 && media_answers(s->m); i++) /* the figures of its peers are told every two seconds */
        usleep(20000);
    bool noticed = !media_answers(s->m);
    __atomic_store_n(&stuck, 0, __ATOMIC_SEQ_CST);
    assert_true(noticed);
    becomes(s, true);
}

static int teardown(void **state)
{
    struct scene *s = *state;
    rtc_client_close(&s->pub);
    rtc_client_close(&s->sub);
    media_close(s->m);
    dtls_identity_free(s->id);
    free(s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forwards_and_repairs), cmocka_unit_test(address_change_keeps_the_peer),
                                       cmocka_unit_test(mute_stops_everything), cmocka_unit_test(frames_leave_in_runs),
                                       cmocka_unit_test(voice_goes_along_with_a_picture), cmocka_unit_test(the_loudest_are_forwarded),
                                       cmocka_unit_test(a_feed_again_goes_on), cmocka_unit_test(a_stuck_plane_is_noticed),
                                       cmocka_unit_test(a_goodbye_is_heard), cmocka_unit_test(strangers_and_the_end)};
    struct media_config usual = {.bind_address = "127.0.0.1", .workers = 1, .voices = 2, .record_dir = "", .max_bitrate_bps = 1000000, .on_event = on_event};
    config = usual;
    int failed = cmocka_run_group_tests_name("one worker", tests, setup, teardown);
    config.workers = 5;
    failed += cmocka_run_group_tests_name("five workers", tests, setup, teardown);
    config = usual;
    config.bind_address = "::";
    failed += cmocka_run_group_tests_name("from IPv6 to IPv4", tests, setup, teardown);
    config = usual;
    config.dtls = MEDIA_DTLS_MBEDTLS;
    config.no_segments = true;
    failed += cmocka_run_group_tests_name("mbedtls, no segmentation", tests, setup, teardown);
    return failed;
}
