/* A long day of the pure engines in accelerated time: numbers, times and rollover counters wrap again and again, sound cards go wrong, publishers
 * begin anew, lines stay what they are. YL_SOAK_HOURS (1): how long a day is; 24 takes some minutes. */
#include "media/mux/clock.h"
#include "media/mux/packager.h"
#include "media/router/consumer.h"
#include "media/rtp/bytes.h"
#include "media/transport/dtls.h"
#include "media/transport/srtp_box.h"
#include "tests/lib/line_sim.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HOUR_US 3600000000ll
#define FRAME_TICKS 3000 /* 30 a second at 90 kHz */
#define PARTS 4
#define LENGTH 60
#define ANEW_US (40 * 60000000ll) /* how often a publisher begins anew: numbers go round more than once in between */

static int64_t day_us(void)
{
    const char *hours = getenv("YL_SOAK_HOURS");
    return (int64_t)((hours ? atof(hours) : 1) * (double)HOUR_US);
}

static uint64_t dice = 88172645463325252u;
static unsigned rnd(unsigned n)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (unsigned)(dice >> 33) % n;
}

/* ---- forwarding: publisher, lossy way, producer, consumer, SRTP, receiver ---- */

struct receiver {
    struct consumer c;
    struct srtp_box *ours, *theirs;
    bool any;
    uint16_t high;
    uint32_t high_ts, frame; /* newest frame */
    uint64_t got, late, resent, wraps;
};

struct forwarding {
    struct producer p;
    struct receiver still, restless; /* one watches all day, one looks elsewhere now and then */
    uint32_t ssrc, ts;
    uint16_t seq;
    int64_t now, frames;
};

static size_t write_packet(const struct forwarding *f, int part, uint8_t *b)
{
    memset(b, 0, LENGTH);
    b[0] = 0x80;
    b[1] = (uint8_t)(96 | (part + 1 == PARTS ? 0x80 : 0));
    put_u16(b + 2, f->seq);
    put_u32(b + 4, f->ts);
    put_u32(b + 8, f->ssrc);
    b[12] = 0x7c; /* FU-A of an IDR or another slice */
    b[13] = (uint8_t)((f->frames % 60 == 0 ? 5 : 1) | (part == 0 ? 0x80 : 0) | (part + 1 == PARTS ? 0x40 : 0));
    put_u32(b + 14, (uint32_t)f->frames);
    b[18] = (uint8_t)part;
    return LENGTH;
}

/* Sealed for him, opened by him with libsrtp: numbers and rollover counters are what he makes of them. Every packet says which of which frame it is. */
static void receive(struct receiver *v, const struct rtp_parts *parts)
{
    uint8_t b[200];
    struct rtp r;
    const struct srtp_piece pieces[] = {{parts->front, parts->front_len}, {parts->rest, parts->rest_len}, {parts->pad, parts->pad_len}};
    memcpy(b, parts->head, parts->head_len);
    size_t len = srtp_seal_packet(srtp_box_seal(v->ours), b, parts->head_len, pieces, 3);
    assert_true(len > 0);
    assert_int_equal(srtp_box_open(v->theirs, b, &len, false), 0);
    assert_int_equal(rtp_parse(b, len, &r), 0);
    v->got++;
    if (r.ssrc == 701) { /* under that number, what stood there the first time: a packet of the last frames */
        assert_int_equal(r.payload_len, LENGTH - 12 + 2);
        assert_true(v->frame - get_u32(r.payload + 4) < 100);
        assert_true(seq_diff(v->high, get_u16(r.payload)) >= 0);
        v->resent++;
        return;
    }
    bool late = v->any && seq_diff(r.seq, v->high) < 0;
    v->late += late;
    if (late)
        return;
    if (v->any) {
        assert_true((int32_t)(r.timestamp - v->high_ts) >= 0);
        v->wraps += r.seq < v->high;
    }
    v->any = true;
    v->high = r.seq;
    v->high_ts = r.timestamp;
    v->frame = get_u32(r.payload + 2);
}

static void forward(struct forwarding *f, struct receiver *v, const struct packet *k)
{
    struct rtp_parts parts;
    if (consumer_forward(&v->c, &f->p, k, f->now, &parts)) receive(v, &parts);
}

static void deliver(struct forwarding *f, const uint8_t *bytes, size_t len)
{
    struct rtp r;
    struct packet k;
    assert_int_equal(rtp_parse(bytes, len, &r), 0);
    if (!producer_input(&f->p, 0, &r, f->now, &k)) return;
    forward(f, &f->still, &k);
    forward(f, &f->restless, &k);
}

static void ask_again(struct forwarding *f, struct receiver *v)
{
    struct rtp_parts parts;
    if (v->any && rnd(30) == 0 && consumer_resend(&v->c, &f->p, (uint16_t)(v->high - rnd(100)), f->now, &parts)) receive(v, &parts);
}

static void watch(struct receiver *v, const struct producer *p)
{
    struct dtls_keys a = {.profile = DTLS_PROFILE_GCM128}, b;
    struct media_feed_params feed = {.n_payloads = 1, .payloads = {{MEDIA_H264, 120, 121, ""}}, .ssrc = 700, .rtx_ssrc = 701};
    memset(a.send, 7, sizeof a.send);
    memset(a.receive, 9, sizeof a.receive);
    b = a;
    memcpy(b.send, a.receive, sizeof b.send);
    memcpy(b.receive, a.send, sizeof b.receive);
    assert_int_equal(srtp_box_new(&v->ours, &a), 0);
    assert_int_equal(srtp_box_new(&v->theirs, &b), 0);
    consumer_init(&v->c, &feed, p);
}

static void leave(struct receiver *v)
{
    srtp_box_free(v->ours);
    srtp_box_free(v->theirs);
}

/* The publisher lost his line and comes again as another stream: other numbers, another time. */
static void begin_anew(struct forwarding *f)
{
    f->ssrc++;
    f->seq = (uint16_t)(65530 - rnd(2000));
    f->ts = 0u - 90000u * rnd(600); /* the time wraps too */
    f->frames = (f->frames + 59) / 60 * 60;
    if (!producer_bind(&f->p, 0, f->ssrc)) return;
    consumer_break(&f->still.c);
    consumer_forget(&f->still.c);
    consumer_break(&f->restless.c);
    consumer_forget(&f->restless.c);
}

static void one_frame(struct forwarding *f)
{
    uint8_t late[PARTS][LENGTH];
    size_t n_late = 0;
    for (int part = 0; part < PARTS; part++, f->seq++) {
        unsigned luck = rnd(1000);
        uint8_t b[LENGTH];
        write_packet(f, part, b);
        if (luck < 10)
            memcpy(late[n_late++], b, LENGTH); /* asked for again */
        else
            deliver(f, b, LENGTH);
    }
    while (n_late)
        deliver(f, late[--n_late], LENGTH);
    ask_again(f, &f->still);
    ask_again(f, &f->restless);
    f->ts += FRAME_TICKS;
    f->frames++;
    f->now += 33333;
}

static void numbers_go_on_all_day(void **state)
{
    (void)state;
    static struct forwarding f;
    const struct media_track_params track = {.kind = MEDIA_VIDEO, .ssrc = 5, .n_payloads = 1, .payloads = {{MEDIA_H264, 96, 97, ""}}};
    f.ssrc = 5;
    f.seq = 65000;
    f.ts = 0u - 90000u * 60;
    f.now = 1000000;
    assert_int_equal(producer_open(&f.p, &track), 0);
    watch(&f.still, &f.p);
    watch(&f.restless, &f.p);
    int64_t end = f.now + day_us(), anew_us = f.now + ANEW_US, looked_us = f.now + 60000000;
    size_t held = 0;
    uint64_t before = 0;
    while (f.now < end) {
        one_frame(&f);
        if (f.frames % 30 == 0) producer_measure(&f.p, f.now);
        if (f.now >= looked_us) { /* a minute of 120 a second: all but what a publisher who begins anew takes with him */
            assert_true(f.still.got - before > 7000);
            before = f.still.got;
            looked_us += 60000000;
        }
        if (f.now >= anew_us) {
            anew_us += ANEW_US;
            begin_anew(&f);
            struct mallinfo2 m = mallinfo2();
            assert_true(!held || m.uordblks <= held); /* nothing piles up */
            held = m.uordblks + 65536;
        }
        if (rnd(9000) == 0) consumer_break(&f.restless.c);
    }
    assert_true(f.still.got >= f.restless.got);
    assert_true(f.restless.got > (uint64_t)(day_us() / 33333 * PARTS) * 9 / 10);
    assert_true(f.still.wraps >= f.still.got / 65536 - 1);
    assert_true(f.still.resent > 100 && f.still.late > 1000);
    producer_close(&f.p);
    leave(&f.still);
    leave(&f.restless);
}

/* ---- a lecture: a sound card that is fast, a camera's clock that is slow, a programme that keeps the time ---- */

struct programme {
    int64_t next_us, worst_us;
    uint64_t next_tfdt[3], pieces;
    double skew_s; /* the most that picture and voice of one piece begin apart */
};

static void on_piece(void *ctx, const struct packager_piece *piece)
{
    struct programme *g = ctx;
    double begins[3] = {0};
    if (piece->init)
        return;
    assert_true(g->next_us == 0 || llabs(piece->start_us - g->next_us) <= 1);
    g->next_us = piece->start_us + piece->duration_us;
    g->pieces++;
    const uint8_t *p = piece->bytes, *end = p + piece->len;
    while ((p = memmem(p, (size_t)(end - p), "tfhd", 4))) {
        unsigned track = get_u32(p + 8);
        const uint8_t *time = memmem(p, (size_t)(end - p), "tfdt", 4), *run = memmem(p, (size_t)(end - p), "trun", 4);
        assert_true(track <= 2 && time && run);
        uint64_t at = get_u64(time + 8), length = 0;
        for (uint32_t i = 0, n = get_u32(run + 8); i < n; i++)
            length += get_u32(run + 16 + 12 * i);
        assert_true(g->next_tfdt[track] == 0 || g->next_tfdt[track] == at); /* each track without a hole */
        g->next_tfdt[track] = at + length;
        begins[track] = (double)at / (track == 1 ? 90000 : 48000);
        p = run;
    }
    double skew = begins[1] && begins[2] ? begins[1] - begins[2] : 0;
    if (skew < 0) skew = -skew;
    if (skew > g->skew_s) g->skew_s = skew;
}

struct source {
    struct rtp_clock clock;
    double rate;    /* ticks a second, by the card's own idea */
    double faster;  /* of what it says, in a million */
    int64_t every_us, made_us, jitter_us;
};

static uint32_t ticks_at(const struct source *s, int64_t us)
{
    return (uint32_t)(uint64_t)((double)us * 1e-6 * s->rate * (1 + s->faster * 1e-6) + 4294000000.0);
}

/* The next sample's time as the programme gets it; the publisher's report comes every five seconds. */
static int64_t next_time(struct source *s, int64_t start)
{
    if ((s->made_us - start) / 5000000 != (s->made_us - start + s->every_us) / 5000000)
        rtp_clock_refer(&s->clock, ticks_at(s, s->made_us - start), s->made_us);
    return rtp_clock_map(&s->clock, ticks_at(s, s->made_us - start), s->made_us + 10000 + rnd((unsigned)s->jitter_us));
}

static void a_programme_keeps_the_time(void **state)
{
    (void)state;
    static const uint8_t opus[] = {0xfc, 1, 2, 3};
    static const uint8_t sps[] = {0, 0, 0, 23, 0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x3d, 0xa1, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48,
                                  0, 0, 0, 5, 0x68, 0xcb, 0x83, 0xcb, 0x20, 0, 0, 0, 2, 0x65, 1};
    static const uint8_t slice[] = {0, 0, 0, 2, 0x41, 1};
    const int64_t start = 1700000000ll * 1000000, end = start + day_us();
    struct source picture = {.rate = 90000, .faster = -40, .every_us = 33333, .made_us = start, .jitter_us = 20000};
    struct source voice = {.rate = 48000, .faster = 180, .every_us = 19996, .made_us = start, .jitter_us = 20000}; /* a card that is fast makes its 20 ms sooner */
    struct programme g = {0};
    struct packager *p;
    int64_t worst = 0;
    rtp_clock_init(&picture.clock, 90000);
    rtp_clock_init(&voice.clock, 48000);
    assert_int_equal(packager_new(&p, on_piece, &g), 0);
    for (int64_t n = 0; picture.made_us < end; ) {
        struct source *s = picture.made_us <= voice.made_us ? &picture : &voice;
        int64_t at = next_time(s, start), off = llabs(at - s->made_us);
        if (s->made_us > start + 30000000 && off > worst) worst = off;
        if (s == &voice)
            packager_voice(p, opus, sizeof opus, at);
        else {
            bool key = n % 60 == 0;
            packager_picture(p, key ? sps : slice, key ? sizeof sps : sizeof slice, key, at);
            packager_tick(p, s->made_us + 30000);
            n++;
        }
        s->made_us += s->every_us;
    }
    packager_flush(p);
    packager_free(p);
    assert_true(g.pieces > (uint64_t)(day_us() / 200000) * 9 / 10);
    assert_true(g.skew_s < 0.06);   /* picture and voice are cut at their own samples, and no further apart at the end of the day */
    assert_true(worst < 60000);     /* each sample of the day within 60 ms of when it was made */
    assert_true(llabs(g.next_us - end) < 300000);
    print_message("%llu pieces, picture and voice of a piece at most %.0f ms apart, a sample at most %lld ms from when it was made\n", (unsigned long long)g.pieces, g.skew_s * 1000,
                  (long long)worst / 1000);
}

/* ---- a line that stays what it is ---- */

static void a_line_is_used_all_day(void **state)
{
    (void)state;
    static const struct {
        double bps, loss;
        int64_t delay_us;
    } lines[] = {{2000000, 0, 10000}, {1000000, 0.05, 50000}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        static struct sim m;
        struct sim_result r;
        struct sim_setup s = {.seed = 7 + i, .loss = lines[i].loss, .delay_us = lines[i].delay_us, .jitter_us = 8000, .bps = {lines[i].bps, lines[i].bps, lines[i].bps},
                              .step_us = day_us() / SIM_STEPS / 1000 * 1000, .buffer_us = 500000, .feedback_us = 50000};
        sim_run(&m, &s, &r);
        print_message("%.0f kbit/s, %.0f %% loss: estimate %.2f %.2f %.2f of it, longest queue after the first seconds %lld %lld %lld ms, padding %.1f %%\n", lines[i].bps / 1000,
                      lines[i].loss * 100, r.mean[0], r.mean[1], r.mean[2], (long long)r.queue_us[0] / 1000, (long long)r.queue_us[1] / 1000, (long long)r.queue_us[2] / 1000, r.padded * 100);
        for (int k = 0; k < SIM_STEPS; k++) {
            assert_true(r.mean[k] > 0.8 && r.mean[k] < 1.1);
            assert_true(r.queue_us[k] < 500000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_go_on_all_day), cmocka_unit_test(a_programme_keeps_the_time), cmocka_unit_test(a_line_is_used_all_day)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
