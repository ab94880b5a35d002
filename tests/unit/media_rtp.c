/* Packet arithmetic: headers, extensions, RTX, RTCP, feedback, NACK lists, and a consumer across switches and wraps. */
#include "media/router/consumer.h"
#include "media/rtp/bytes.h"
#include "media/rtp/far_clock.h"
#include "media/rtp/payload.h"
#include "media/rtp/twcc.h"
#include "media/worker/placement.h"
#include "media/worker/table.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static size_t vp8(uint8_t *out, uint16_t seq, uint32_t ts, uint32_t ssrc, bool key, uint16_t pid)
{
    uint8_t head[] = {0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x40, 'x', 0, 0};
    memcpy(out, head, sizeof head);
    out[1] |= 0x80;
    put_u16(out + 2, seq);
    put_u32(out + 4, ts);
    put_u32(out + 8, ssrc);
    uint8_t *p = out + sizeof head;
    p[0] = 0x90;
    p[1] = 0x80;
    put_u16(p + 2, 0x8000 | pid);
    p[4] = key ? 0 : 1;
    memset(p + 5, 7, 20);
    return sizeof head + 25;
}

static void header_and_extensions(void **state)
{
    uint8_t b[200], out[200];
    struct rtp r;
    struct rtp_parts parts;
    size_t n = vp8(b, 65535, 5, 9, true, 1), len;
    assert_int_equal(rtp_parse(b, n, &r), 0);
    assert_true(r.marker && r.seq == 65535 && r.payload_type == 96);
    assert_memory_equal(rtp_extension(&r, 4, &len), "x", 1);
    assert_null(rtp_extension(&r, 5, &len));
    for (size_t cut = 0; cut < 20; cut++)
        assert_int_not_equal(rtp_parse(b, cut, &r), 0);
    assert_int_equal(rtp_parse(b, n, &r), 0);
    uint8_t big[40] = {1};
    struct rtp_edit e = {.payload_type = 100, .seq = 3, .timestamp = 4, .ssrc = 5, .rtx = true, .rtx_osn = 77, .n_extensions = 2};
    e.extensions[0].id = 1, e.extensions[0].len = 2, e.extensions[0].value = (const uint8_t *)"m0";
    e.extensions[1].id = 3, e.extensions[1].len = 40, e.extensions[1].value = big; /* forces the two-byte form */
    assert_true(rtp_split(&r, &e, &parts));
    size_t w = rtp_join(&parts, out, sizeof out);
    struct rtp back;
    assert_int_equal(w, rtp_length(&parts));
    assert_int_equal(rtp_join(&parts, out, w - 1), 0);
    for (size_t pad = 1; pad <= RTP_PAD_MAX; pad += 5) { /* padding is invisible to who reads it */
        struct rtp_parts padded = parts;
        rtp_pad(&padded, pad);
        assert_int_equal(rtp_join(&padded, out, sizeof out), w + pad);
        assert_int_equal(rtp_parse(out, w + pad, &back), 0);
        assert_int_equal(back.payload_len, r.payload_len + 2);
    }
    rtp_join(&parts, out, sizeof out);
    assert_int_equal(rtp_parse(out, w, &back), 0);
    assert_memory_equal(rtp_extension(&back, 1, &len), "m0", 2);
    assert_non_null(rtp_extension(&back, 3, &len));
    assert_int_equal(len, 40);
    assert_true(rtp_unwrap_rtx(out, &w, 42, 96));
    assert_int_equal(rtp_parse(out, w, &back), 0);
    assert_true(back.seq == 77 && back.ssrc == 42 && back.payload_type == 96 && back.payload_len == r.payload_len);
    assert_memory_equal(back.payload, r.payload, r.payload_len);
}

static int nacked, keyed;
static uint16_t nack_seqs[40];
static uint64_t remb_bps;
static struct rtcp_report last_report;
static void got_nack(void *c, uint32_t s, uint16_t q) { nack_seqs[nacked++] = q; }
static void got_key(void *c, uint32_t s) { keyed++; }
static void got_remb(void *c, uint64_t bps) { remb_bps = bps; }
static void got_report(void *c, const struct rtcp_report *r) { last_report = *r; }

static void rtcp_round_trip(void **state)
{
    uint8_t b[600];
    struct rtcp_builder w;
    uint16_t seqs[] = {65534, 65535, 3, 14, 15, 40};
    uint32_t ssrcs[] = {1, 2};
    struct rtcp_report rr = {7, 12, -3, 100, 5, 6, 8};
    rtcp_begin(&w, b, sizeof b);
    assert_true(rtcp_add_rr(&w, 1, &rr, 1) && rtcp_add_sdes(&w, 1, "abc") && rtcp_add_nack(&w, 1, 9, seqs, 6) &&
                rtcp_add_pli(&w, 1, 9) && rtcp_add_remb(&w, 1, 2500000, ssrcs, 2));
    struct rtcp_handler h = {.report = got_report, .nack = got_nack, .keyframe = got_key, .remb = got_remb};
    assert_int_equal(rtcp_parse(b, w.len, &h), 0);
    assert_int_equal(nacked, 6);
    assert_memory_equal(nack_seqs, seqs, sizeof seqs);
    assert_int_equal(keyed, 1);
    assert_true(remb_bps > 2490000 && remb_bps <= 2500000);
    assert_int_equal(last_report.lost, -3);
    for (size_t cut = 1; cut < w.len; cut++)
        nacked = 0, (void)!rtcp_parse(b, cut, &h);
}

static void nack_retries_then_gives_up(void **state)
{
    struct nack n = {0};
    uint16_t out[8];
    assert_int_equal(nack_note(&n, 65534, 0), NACK_NEW);
    assert_int_equal(nack_note(&n, 1, 0), NACK_NEW); /* 65535 and 0 are missing */
    assert_int_equal(nack_due(&n, 0, 0, out, 8), 0);
    assert_int_equal(nack_due(&n, 10000, 0, out, 8), 2);
    assert_int_equal(out[0], 65535);
    assert_int_equal(nack_note(&n, 0, 11000), NACK_RECOVERED);
    assert_int_equal(nack_note(&n, 0, 11000), NACK_DUPLICATE);
    int asked = 1;
    for (int64_t t = 20000; t < 2000000; t += 10000)
        asked += (int)nack_due(&n, t, 0, out, 8);
    assert_int_equal(asked, NACK_TRIES);
    assert_true(n.wants_keyframe && n.n == 0);
}

static void twcc_reports_arrivals(void **state)
{
    struct twcc t = {0};
    uint8_t b[200];
    struct rtcp_builder w;
    twcc_note(&t, 65535, 1000000);
    twcc_note(&t, 1, 1001000); /* 0 lost */
    twcc_note(&t, 2, 1200000); /* a large delta */
    rtcp_begin(&w, b, sizeof b);
    assert_true(twcc_add_feedback(&t, &w, 1, 2));
    assert_int_equal(get_u16(b + 12), 65535);
    assert_int_equal(get_u16(b + 14), 4);
    assert_int_equal(get_u24(b + 16), 15);              /* 1 s = 15.6 x 64 ms */
    assert_int_equal(get_u16(b + 20), 0xc000 | 1 << 12 | 0 << 10 | 1 << 8 | 2 << 6);
    assert_int_equal(b[22], 160);                       /* 40 ms after the reference, in 250 us */
    assert_int_equal(b[23], 4);
    assert_int_equal(get_u16(b + 24), 796);
    assert_int_equal(w.len % 4, 0);
    assert_false(twcc_add_feedback(&t, &w, 1, 2));
}

/* A consumer across a layer switch and a sequence wrap: one unbroken stream, also for retransmissions. */
static void consumer_is_unbroken(void **state)
{
    struct media_track_params tp = {.kind = MEDIA_VIDEO, .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}, .n_rids = 2,
                                    .rids = {"q", "f"}};
    struct media_feed_params fp = {.mid = "v0", .n_payloads = 1, .payloads = {{MEDIA_VP8, 120, 121, ""}}, .extensions = {.mid = 9},
                                   .ssrc = 111, .rtx_ssrc = 222};
    struct producer p;
    static struct consumer c;
    assert_int_equal(producer_open(&p, &tp), 0);
    producer_bind(&p, 0, 50);
    producer_bind(&p, 1, 60);
    consumer_init(&c, &fp, &p);
    uint8_t in[200], out[300];
    struct rtp r, o;
    struct packet k, again;
    struct rtp_parts parts;
    bool first = true;
    uint16_t last_seq = 0, last_pid = 0;
    uint32_t last_ts = 0;
    int64_t now = 1000000;
    int sent = 0;
    for (int i = 0; i < 400; i++, now += 33333) {
        if (i == 200) c.wanted = 0;
        for (size_t layer = 0; layer < 2; layer++) {
            size_t n = vp8(in, (uint16_t)(layer ? 65400 + i : 100 + i), (layer ? 7000u : 4000000000u) + 3000u * (unsigned)i, layer ? 60 : 50,
                           i % 50 == 0, (uint16_t)((layer ? 32700 : 5) + i) & 0x7fff);
            assert_int_equal(rtp_parse(in, n, &r), 0);
            assert_true(producer_input(&p, layer, &r, now, &k));
            assert_int_equal(k.key, i % 50 == 0);
            assert_false(producer_input(&p, layer, &r, now, &again) && "a duplicate passed");
            if (!consumer_forward(&c, &p, &k, now, &parts)) continue;
            n = rtp_join(&parts, out, sizeof out);
            assert_int_equal(rtp_parse(out, n, &o), 0);
            uint16_t pid = get_u16(o.payload + 2) & 0x7fff;
            if (!first) {
                assert_int_equal(o.seq, (uint16_t)(last_seq + 1));
                assert_int_equal(pid, (last_pid + 1) & 0x7fff);
                assert_in_range(o.timestamp - last_ts, 2900, 3100);
            }
            first = false;
            last_seq = o.seq, last_ts = o.timestamp, last_pid = pid;
            assert_true(o.ssrc == 111 && o.payload_type == 120);
            sent++;
            assert_true(consumer_resend(&c, &p, (uint16_t)(o.seq - (sent > 3 ? 3 : 0)), now, &parts));
            n = rtp_join(&parts, out, sizeof out);
            assert_int_equal(rtp_parse(out, n, &o), 0);
            assert_true(o.ssrc == 222 && o.payload_type == 121);
            assert_int_equal(get_u16(o.payload), (uint16_t)(last_seq - (sent > 3 ? 3 : 0)));
            assert_int_equal(get_u16(o.payload + 4) & 0x7fff, (last_pid - (sent > 3 ? 3 : 0)) & 0x7fff);
        }
    }
    assert_int_equal(sent, 401); /* the low layer once, until the high one is seen */
    assert_int_equal(c.layer, 0);
    producer_close(&p);
}

static void keyframe_budget(void **state)
{
    struct media_track_params tp = {.kind = MEDIA_VIDEO, .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}, .ssrc = 50};
    struct producer p;
    assert_int_equal(producer_open(&p, &tp), 0);
    int plis = 0;
    for (int64_t now = 1000000; now < 4000000; now += 10000) { /* fifty wishes a second, no answer */
        producer_want_key(&p, 0);
        plis += producer_pli_due(&p, 0, now);
    }
    assert_in_range(plis, 8, 11); /* bounded, but never gives up */
    producer_close(&p);
}

static void table_survives_removals(void **state)
{
    struct table t = {0};
    static int values[3000];
    for (uint64_t k = 1; k < 3000; k++)
        assert_int_equal(table_put(&t, k * 977, &values[k]), 0);
    for (uint64_t k = 1; k < 3000; k += 2)
        table_remove(&t, k * 977);
    for (uint64_t k = 1; k < 3000; k++)
        assert_ptr_equal(table_get(&t, k * 977), k % 2 ? NULL : &values[k]);
    table_free(&t);
}

/* Rooms go where there is least to do, stay there, and are placed anew after they were closed. */
static void rooms_are_spread(void **state)
{
    struct placement p;
    uint32_t load[3] = {0};
    unsigned rooms[3] = {0}, first;
    placement_init(&p, 3);
    for (uint64_t r = 1; r <= 30; r++)
        rooms[placement_of(&p, (struct room_id){r}, true, load)]++;
    assert_true(rooms[0] == 10 && rooms[1] == 10 && rooms[2] == 10);
    load[0] = load[2] = 100000;
    for (uint64_t r = 31; r <= 35; r++)
        assert_int_equal(placement_of(&p, (struct room_id){r}, true, load), 1);
    first = placement_of(&p, (struct room_id){7}, true, load);
    assert_int_equal(placement_of(&p, (struct room_id){7}, false, NULL), first); /* however busy it is */
    for (uint64_t r = 1; r <= 35; r++)
        placement_forget(&p, (struct room_id){r});
    load[1] = 300000;
    load[2] = 0;
    assert_int_equal(placement_of(&p, (struct room_id){7}, true, load), 2);
    first = placement_of(&p, (struct room_id){99}, false, NULL); /* not begun: somewhere, always the same */
    assert_int_equal(placement_of(&p, (struct room_id){99}, false, NULL), first);
    placement_fini(&p);
}

/* For another node: one layer and no other, whatever is alive or wished, and nothing while that one rests. */
static void consumer_of_one_layer(void **state)
{
    struct media_track_params tp = {.kind = MEDIA_VIDEO, .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}, .n_rids = 2, .rids = {"q", "f"}};
    struct media_feed_params fp = {.n_payloads = 1, .payloads = {{MEDIA_VP8, 120, 121, ""}}, .ssrc = 111, .rtx_ssrc = 222, .exact = 1};
    struct producer p;
    static struct consumer low, high;
    uint8_t in[200];
    struct rtp r;
    struct packet k;
    struct rtp_parts parts;
    int lows = 0, highs = 0;
    int64_t now = 1000000;
    size_t layer;
    assert_int_equal(producer_open(&p, &tp), 0);
    producer_bind(&p, 0, 50);
    producer_bind(&p, 1, 60);
    consumer_init(&low, &fp, &p);
    fp.exact = 2;
    consumer_init(&high, &fp, &p);
    for (int i = 0; i < 200; i++, now += 33333)
        for (size_t l = 0; l < (i < 100 ? 2 : 1); l++) { /* then the upper one rests */
            size_t n = vp8(in, (uint16_t)i, 3000u * (unsigned)i, l ? 60 : 50, i % 50 == 0, (uint16_t)i);
            assert_int_equal(rtp_parse(in, n, &r), 0);
            assert_true(producer_input(&p, l, &r, now, &k));
            lows += consumer_forward(&low, &p, &k, now, &parts);
            highs += consumer_forward(&high, &p, &k, now, &parts);
        }
    assert_int_equal(lows, 200);
    assert_int_equal(highs, 100);
    assert_int_equal(consumer_target(&low, &p, now), 0);
    assert_int_equal(consumer_target(&high, &p, now), -1);
    assert_false(consumer_needs_key(&high, &p, now, &layer));
    fp.exact = 3; /* there is no such layer any more */
    consumer_init(&high, &fp, &p);
    assert_int_equal(consumer_target(&high, &p, now), -1);
    producer_close(&p);
}

/* While a feed is held, whole keyframes go out, every four seconds, numbered without a hole, and nothing of what comes between; a packet of one that comes late goes out too. */
static void stills_are_whole_keyframes(void **state)
{
    struct media_track_params tp = {.kind = MEDIA_VIDEO, .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}};
    struct media_feed_params fp = {.n_payloads = 1, .payloads = {{MEDIA_VP8, 120, 121, ""}}, .ssrc = 111, .rtx_ssrc = 222};
    struct producer p;
    static struct consumer c;
    uint8_t in[200];
    struct rtp r;
    struct packet k;
    struct rtp_parts parts;
    uint32_t first = 0, at[8], n = 0, frames = 0;
    uint16_t first_seq = 0, newest = 0;
    size_t layer;
    (void)state;
    assert_int_equal(producer_open(&p, &tp), 0);
    producer_bind(&p, 0, 50);
    consumer_init(&c, &fp, &p);
    consumer_allot(&c, -1, 0, false);
    consumer_stills(&c, 4000000);
    for (int i = 0; i < 900; i++) { /* three packets a frame, ten frames a second, a keyframe every second; the second packet of each comes behind the next frame's first */
        static const int order[] = {0, 2, 3 + 0, 1};
        int64_t now = 8000000 + i * 100000;
        assert_false(consumer_needs_key(&c, &p, now, &layer));
        if (i % 10 == 0) assert_int_equal(consumer_still_due(&c, now), i % 40 == 0);
        for (int o = 0; o < 4; o++) {
            int frame = i + order[o] / 3, part = order[o] % 3;
            if (o == 2 && i % 10 == 9) continue; /* keyframes begin in their own turn */
            if (o == 0 && i % 10 && i) continue; /* it came before */
            size_t len = vp8(in, (uint16_t)(frame * 3 + part), 9000u * (unsigned)frame, 50, frame % 10 == 0 && part == 0, (uint16_t)frame);
            if (part) in[20] = 0x80; /* goes on */
            if (part < 2) in[1] &= 0x7f;
            assert_int_equal(rtp_parse(in, len, &r), 0);
            if (!producer_input(&p, 0, &r, now, &k) || !consumer_takes(&c, &k, now) || !consumer_forward(&c, &p, &k, now, &parts)) continue;
            uint16_t seq = get_u16(parts.head + 2);
            uint32_t ts = get_u32(parts.head + 4);
            assert_int_equal(frame % 40, 0);
            if (!n++) first_seq = newest = seq, first = ts;
            if (seq_diff(seq, newest) > 0) newest = seq;
            if (frames < 8 && (!frames || at[frames - 1] != ts)) at[frames++] = ts;
        }
    }
    assert_int_equal(n, 23 * 3);
    assert_int_equal((uint16_t)(newest - first_seq), n - 1);
    for (uint32_t i = 0; i < frames; i++)
        assert_in_range(at[i] - first, i * 360000, i * 360000 + 9000); /* as much later as they were made */
    producer_close(&p);
}

/* A publisher's clock: reports are late by anything up to 80 ms, for a minute by 300 ms at least (a full line); it runs 200 ppm slow, and is set back by three seconds. */
static void a_far_clock_is_followed(void **state)
{
    struct far_clock c = {0};
    double worst = 0, worst_full = 0, after_set = 0;
    (void)state;
    srand(1);
    for (int s = 0; s < 7200; s++) {
        bool full = s >= 600 && s < 660, settling = s >= 3000 && s < 3025;
        double ours = s + (full ? 0.3 : 0) + rand() % 80 / 1000.0, its = s * (1 - 200e-6) - (s >= 3000 ? 3 : 0);
        far_clock_hear(&c, (uint64_t)((its + 1000) * 4294967296.0), (uint64_t)((ours + 1000) * 4294967296.0), (int64_t)(ours * 1e6));
        double off = (double)c.offset / 4294967296.0 - (s - its);
        off = off < 0 ? -off : off;
        if (settling) continue;
        if (s >= 3025 && s < 3100 && off > after_set) after_set = off;
        if (s >= 600 && s < 700 && off > worst_full) worst_full = off;
        else if (s > 60 && off > worst) worst = off;
    }
    assert_true(worst < 0.05);      /* two hours at 200 ppm are 1.44 s */
    assert_true(worst_full < 0.06);
    assert_true(after_set < 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_and_extensions), cmocka_unit_test(rtcp_round_trip),  cmocka_unit_test(nack_retries_then_gives_up),
        cmocka_unit_test(twcc_reports_arrivals), cmocka_unit_test(consumer_is_unbroken), cmocka_unit_test(consumer_of_one_layer), cmocka_unit_test(stills_are_whole_keyframes), cmocka_unit_test(keyframe_budget), cmocka_unit_test(rooms_are_spread),
        cmocka_unit_test(table_survives_removals), cmocka_unit_test(a_far_clock_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
