/* The media plane over real sockets with a C endpoint: connect, forward, loss repair both ways, address change, mute, close. */
#include "media/media.h"
#include "tests/lib/rtc_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static int seen[16];
static void on_event(void *ctx, const struct media_event *e)
{
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

static void until(struct rtc_client *c, const int *value, int at_least)
{
    for (int i = 0; i < 1000 && __atomic_load_n(value, __ATOMIC_SEQ_CST) < at_least; i++)
        rtc_client_poll(c, 10);
    assert_true(__atomic_load_n(value, __ATOMIC_SEQ_CST) >= at_least);
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
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 1, .record_dir = "", .max_bitrate_bps = 1000000, .on_event = on_event};
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
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

static void forwards_and_repairs(void **state)
{
    struct scene *s = *state;
    until(&s->pub, &s->pub.plis_in, 1); /* the new feed asks for a keyframe */
    for (int i = 0; i < 500 && !s->pub.remb_bps; i++)
        rtc_client_poll(&s->pub, 10);
    assert_true(s->pub.remb_bps > 990000 && s->pub.remb_bps <= 1000000);
    for (int i = 0; i < 60; i++) { /* packet 30 is lost on the way up */
        if (i != 30) frame(s, i, i == 0);
        rtc_client_poll(&s->sub, 2);
    }
    until(&s->sub, &seen[MEDIA_TRACK_LIVE], 1);
    until(&s->pub, &s->pub.nacks_in, 1);
    frame(s, 30, false);
    until(&s->sub, &n_got, 60);
    assert_int_equal(n_got, 60);
    frame(s, 30, false); /* a copy does not reach the viewer twice */
    uint8_t nack[64];
    struct rtcp_builder w;
    rtcp_begin(&w, nack, sizeof nack);
    assert_true(rtcp_add_rr(&w, 1, NULL, 0) && rtcp_add_nack(&w, 1, 888, &last_seq, 1));
    rtc_client_send(&s->sub, nack, w.len, true);
    until(&s->sub, &n_rtx, 1); /* comes as RTX with the viewer's number */
    assert_int_equal(last_osn, last_seq);
    assert_int_equal(n_got, 60);
}

static void address_change_keeps_the_peer(void **state)
{
    struct scene *s = *state;
    rtc_client_rebind(&s->pub);
    for (int i = 0; i < 500 && !__atomic_load_n(&seen[MEDIA_PEER_MOVED], __ATOMIC_SEQ_CST); i++) {
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
    for (int i = 0; i < 20; i++)
        rtc_client_poll(&s->sub, 5);
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
    for (int i = 0; i < 500 && dtls_state(s->sub.dtls) != DTLS_CLOSED; i++)
        rtc_client_poll(&s->sub, 10);
    assert_int_equal(dtls_state(s->sub.dtls), DTLS_CLOSED);
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
                                       cmocka_unit_test(mute_stops_everything), cmocka_unit_test(strangers_and_the_end)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
