/* A voice over lines that lose, over real sockets: what is lost on the way up is had again from the next packet (RED), so that receivers without RED get all
 * of it; a receiver whose line loses is sent each packet with the one before it, while the line has room, and plain packets again when it is over. */
#include "media/media.h"
#include "media/rtp/red.h"
#include "media/rtp/twcc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/lib/plane_peer.h"

#define STEP 960
#define FRAME 60
#define ROUNDS 8

static struct scene {
    struct media *m;
    struct dtls_identity *id;
    uint16_t port;
    struct rtc_client pub, sub;
    uint32_t next; /* frame */
} s;

static struct {
    unsigned permille; /* lost by the receiver's line */
    int64_t delay_us;  /* and more with each packet: a queue that grows */
    int64_t slower_us;
    uint32_t dice;
    struct twcc twcc;
    int64_t feedback_us;
    /* what the listener has */
    unsigned plain, redundant, wrong;
    uint8_t has[1 << 16]; /* by frame */
} line;

static void on_event(void *ctx, const struct media_event *e)
{
    plane_heard(e);
}

static bool loses(void)
{
    line.dice = line.dice * 1664525u + 1013904223u;
    return (line.dice >> 8) % 1000 < line.permille;
}

static void hear(const uint8_t *frame, size_t len)
{
    line.wrong += len != FRAME;
    if (len == FRAME) line.has[get_u16(frame + 1)]++;
}

static void on_rtp(void *ctx, const struct rtp *r)
{
    size_t n;
    struct red red;
    const uint8_t *number = rtp_extension(r, 3, &n);
    if (loses()) return;
    line.delay_us += line.slower_us;
    if (number) twcc_note(&line.twcc, get_u16(number), s.sub.came_us + line.delay_us);
    line.plain += r->payload_type == 109;
    line.redundant += r->payload_type == 62;
    if (r->payload_type == 109) {
        hear(r->payload, r->payload_len);
    } else if (r->payload_type == 62 && !red_parse(r->payload, r->payload_len, &red)) {
        for (size_t i = 0; i < red.n; i++)
            hear(red.blocks[i].bytes, red.blocks[i].len);
    } else {
        line.wrong++;
    }
}

static void feed_back(void)
{
    int64_t now = clock_monotonic_us();
    uint8_t bytes[1200];
    struct rtcp_builder b;
    rtcp_begin(&b, bytes, sizeof bytes);
    if (now - line.feedback_us >= 50000 && twcc_add_feedback(&line.twcc, &b, 1, 9)) {
        line.feedback_us = now;
        rtc_client_send(&s.sub, bytes, b.len, true);
    }
}

static void frame(uint8_t *out, uint32_t n)
{
    memset(out, 0x78, FRAME);
    put_u16(out + 1, (uint16_t)n);
}

/* As a browser sends it that was answered with RED first; what is lost is not sent. */
static void speak(bool lost)
{
    uint8_t b[300] = {0x80, 63, 0, 0, 0, 0, 0, 0, 0, 0, 0, 77};
    size_t at = 12;
    put_u16(b + 2, (uint16_t)(65400 + s.next));
    put_u32(b + 4, 5000 + s.next * STEP);
    if (s.next) {
        assert_true(red_head(b + at, 111, STEP, FRAME));
        frame(b + at + RED_HEAD_BYTES, s.next - 1);
        at += RED_HEAD_BYTES + FRAME;
    } else {
        b[at++] = 111;
    }
    frame(b + at, s.next++);
    if (!lost) rtc_client_send(&s.pub, b, at + FRAME, false);
}

static void poll_all(int ms)
{
    rtc_client_poll(&s.sub, ms);
    rtc_client_poll(&s.pub, 0);
    feed_back();
}

/* One of `every` is lost on the way up, 0 = none; the last is not. Until all that was said has come, or was lost by the line; a busy machine is given a second. */
static void speak_for(uint32_t frames, uint32_t every)
{
    static int64_t checked;
    int all = s.sub.rtp_in + (int)frames;
    line.plain = line.redundant = 0;
    for (uint32_t i = 0; i < frames; i++) {
        speak(every && i % every == every / 2);
        for (int64_t next = clock_monotonic_us() + 20000; clock_monotonic_us() < next;)
            poll_all(2);
        if (clock_monotonic_us() - checked < 1000000) continue;
        checked = clock_monotonic_us();
        rtc_client_check(&s.pub);
        rtc_client_check(&s.sub);
    }
    for (int64_t end = clock_monotonic_us() + 1000000; s.sub.rtp_in < all && clock_monotonic_us() < end;)
        poll_all(2);
}

static unsigned heard(uint32_t from, uint32_t to)
{
    unsigned n = 0;
    for (uint32_t i = from; i < to; i++)
        n += line.has[i] > 0;
    return n;
}

/* ---- the scene ---- */
static void post(struct media_cmd c)
{
    c.room.v = 5;
    assert_int_equal(media_post(s.m, &c), 0);
}

static int setup(void **state)
{
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 1, .record_dir = "", .on_event = on_event};
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
    struct fault f = {0};
    memset(&s, 0, sizeof s);
    memset(&line, 0, sizeof line);
    line.dice = 7;
    assert_int_equal(media_open(&s.m, &config, &f), 0);
    media_candidates(s.m, cand);
    s.port = cand[0].port;
    assert_int_equal(dtls_identity_new(&s.id, DTLS_ENGINE_OPENSSL), 0);
    plane_connect(s.m, s.id, s.port, &s.pub, 1);
    plane_connect(s.m, s.id, s.port, &s.sub, 2);
    s.sub.on_rtp = on_rtp;
    post((struct media_cmd){.type = MEDIA_TRACK_OPEN, .track_open = {.peer = {1}, .track = {51}, .kind = MEDIA_AUDIO, .n_payloads = 1, .ssrc = 77,
                                                                    .payloads = {{MEDIA_OPUS, 111, 0, "", .red_payload_type = 63}}}});
    return 0;
}

static int teardown(void **state)
{
    rtc_client_close(&s.pub);
    rtc_client_close(&s.sub);
    dtls_identity_free(s.id);
    media_close(s.m);
    return 0;
}

static void listen_in(uint8_t red)
{
    post((struct media_cmd){.type = MEDIA_FEED_OPEN, .feed_open = {.peer = {2}, .feed = {61}, .track = {51}, .ssrc = 9, .n_payloads = 1, .extensions = {.transport_cc = 3},
                                                                  .payloads = {{MEDIA_OPUS, 109, 0, "", .red_payload_type = red}}}});
    plane_settle(s.m);
}

/* ---- cases ---- */
static void lost_on_the_way_up(void **state)
{
    listen_in(0); /* knows nothing of RED, and its line loses too */
    speak_for(300, 6);
    speak_for(1, 0);
    line.permille = 100;
    uint32_t from = s.next;
    assert_true(line.redundant == 0 && line.wrong == 0);
    assert_int_equal(heard(0, from), 301);
    for (uint32_t i = 0; i < 301; i++)
        assert_int_equal(line.has[i], 1);
    speak_for(150, 0);
    assert_true(line.redundant == 0 && line.wrong == 0 && heard(from, s.next) < 148);
}

static void lost_on_the_way_down(void **state)
{
    listen_in(62);
    speak_for(60, 0);
    assert_true(line.redundant == 0 && line.plain == 60);
    line.permille = 100;
    speak_for(350, 0);
    assert_true(line.redundant > 50);
    unsigned n = 0;
    for (int round = 0; round < ROUNDS && (!n || line.plain > 4); round++) { /* a machine that stands still is a queue, over which voices go once, for a while */
        uint32_t from = s.next;
        speak_for(400, 0);
        n = heard(from, s.next);
        printf("10 %% lost: %u packets of 400 came, %u frames\n", line.redundant + line.plain, n);
    }
    assert_true(line.plain <= 4 && line.redundant < 380 && n >= 390 && line.wrong == 0);
    line.permille = 0;
    int64_t over = clock_monotonic_us();
    do
        speak_for(10, 0);
    while (line.redundant && clock_monotonic_us() - over < 60000000);
    assert_true(line.redundant == 0 && line.plain >= 9);
    assert_true(clock_monotonic_us() - over > 5000000); /* perhaps it was over only for the moment */
    speak_for(50, 0);
    assert_true(line.redundant == 0 && line.plain >= 49);
}

/* Loss that comes of a queue is not met with more bytes. */
static void a_full_line(void **state)
{
    listen_in(62);
    line.permille = 100;
    line.slower_us = 6000;
    speak_for(150, 0);
    speak_for(150, 0);
    printf("a queue that grows: %u of %u packets twice\n", line.redundant, line.redundant + line.plain);
    assert_int_equal(line.redundant, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(lost_on_the_way_up, setup, teardown), cmocka_unit_test_setup_teardown(lost_on_the_way_down, setup, teardown),
                                       cmocka_unit_test_setup_teardown(a_full_line, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
