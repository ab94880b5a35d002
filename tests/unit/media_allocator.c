/* Who gets what of a thin line, and what leaving out temporal layers makes of the numbers. */
#include "media/router/allocator.h"
#include "media/router/consumer.h"
#include "media/rtp/bytes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- the allocator ---- */
static struct allocator_stream face(uint8_t value)
{
    return (struct allocator_stream){.value = value, .most = 2, .tids = true, .layer = 2, .tid = 2,
                                     .bps = {{60000, 90000, 150000}, {200000, 300000, 500000}, {700000, 1000000, 1700000}}};
}

static struct allocator_stream screen(uint32_t bps)
{
    return (struct allocator_stream){.value = 3, .most = 0, .tids = true, .layer = 0, .tid = 2, .bps = {{bps * 2 / 5, bps * 3 / 5, bps}}};
}

static void all_fits_all_is_given(void **state)
{
    struct allocator_stream s[] = {face(1), screen(1000000), face(2)};
    struct allocator_result r = allocate(s, 3, 5000000, true);
    assert_true(s[0].layer == 2 && s[0].tid == 2 && s[1].layer == 0 && s[1].tid == 2 && s[2].layer == 2);
    assert_int_equal(r.used_bps, 4400000);
    assert_int_equal(r.wanted_bps, 5500000);
}

static void findings_and_text_before_faces(void **state)
{
    struct allocator_stream s[] = {face(1), screen(1000000), face(2)};
    allocate(s, 3, 1150000, true);
    assert_int_equal(s[1].tid, 2); /* whole */
    assert_int_equal(s[2].layer, 0);
    assert_int_equal(s[0].layer, 0); /* faces are there, small and slow */
    allocate(s, 3, 480000, true);
    assert_true(s[1].layer == 0 && s[1].tid == 0); /* sharp, not smooth */
    assert_int_equal(s[2].layer, 0);
    assert_int_equal(s[0].layer, -1); /* what matters least goes first */
    allocate(s, 3, 100000, true);
    assert_int_equal(s[1].layer, -1);
    assert_true(s[2].layer == 0); /* what does not fit does not keep out what fits */
}

/* A screen that does not fit in its slowest form is shown as stills, before faces are; when it moves no more it comes back, though its keyframe takes the line for two seconds. */
static void a_screen_becomes_stills(void **state)
{
    struct allocator_stream s[] = {face(1), screen(2500000)};
    s[1].key_bytes[0] = 150000; /* 100 kbit/s as stills */
    s[1].stills = true;
    struct allocator_result r = allocate(s, 2, 400000, true);
    assert_true(s[1].layer == -1 && s[1].stills);
    assert_true(s[0].layer == 0 && s[0].tid == 1); /* a still every four seconds, 300 kbit/s, before a face is more than its least */
    assert_int_equal(r.left_bps, 10000);
    s[1].stills = true;
    allocate(s, 2, 130000, true);
    assert_true(s[1].stills && s[0].layer == -1); /* text before a face */
    s[1].stills = true;
    allocate(s, 2, 90000, true);
    assert_true(!s[1].stills && s[0].layer == 0); /* not even that */
    for (int tid = 0; tid < 3; tid++)
        s[1].bps[0][tid] = 20000; /* it stands */
    s[1].stills = true;
    allocate(s, 2, 350000, true);
    assert_true(s[1].stills && s[1].layer == -1);
    s[1].stills = true;
    allocate(s, 2, 450000, true);
    assert_true(!s[1].stills && s[1].layer == 0);
}

static void the_speaker_before_the_others(void **state)
{
    struct allocator_stream s[] = {face(1), face(2), face(1)};
    allocate(s, 3, 1000000, true);
    assert_true(s[1].layer == 1 && s[1].tid == 2 && s[0].layer >= 0 && s[2].layer >= 0);
    allocate(s, 3, 2600000, true);
    assert_true(s[1].layer == 2 && s[1].tid == 2);
    assert_true(s[0].layer == s[2].layer || s[0].layer == 1); /* equals share alike, as far as forms allow */
}

static void no_up_and_down(void **state)
{
    int changes = 0;
    struct allocator_stream s[] = {face(1)};
    s[0].layer = 1;
    for (uint32_t bps = 500000; bps < 2100000; bps += 1000) {
        int8_t layer = s[0].layer;
        uint8_t tid = s[0].tid;
        allocate(s, 1, bps + (rand() % 11 - 5) * (bps / 100), true); /* five per cent of doubt */
        changes += s[0].layer != layer || s[0].tid != tid;
    }
    assert_int_equal(s[0].layer, 2);
    assert_in_range(changes, 2, 2);
    allocate(s, 1, 1000000, true);
    assert_int_equal(s[0].layer, 2); /* its slow form still fits */
    allocate(s, 1, 600000, true);
    assert_int_equal(s[0].layer, 1);
    allocate(s, 1, 5000000, false); /* just fallen */
    assert_int_equal(s[0].layer, 1);
}

static void what_is_sure_is_never_left_out(void **state)
{
    struct allocator_stream s[] = {face(1), screen(1000000), screen(3000000)};
    for (size_t i = 0; i < 3; i++)
        s[i].sure = true;
    s[2].tids = false;
    s[0].layer = -1; /* not even just after a fall */
    allocate(s, 3, 100000, false);
    assert_true(s[0].layer == 0 && s[0].tid == 0 && s[1].layer == 0 && s[1].tid == 0); /* but not more than that */
    assert_true(s[2].layer == 0 && s[2].tid == 2); /* it has no smaller form */
}

static void never_more_than_there_is(void **state)
{
    for (unsigned seed = 0; seed < 20000; seed++) {
        struct allocator_stream s[8];
        size_t n = 1 + seed % 8;
        srand(seed);
        for (size_t i = 0; i < n; i++) {
            s[i] = rand() % 4 ? face((uint8_t)(1 + rand() % 2)) : screen(200000 + (uint32_t)rand() % 2000000);
            s[i].most = s[i].value == 3 ? 0 : (uint8_t)(rand() % 3);
            s[i].tids = rand() % 2;
            s[i].layer = (int8_t)(rand() % (s[i].most + 2) - 1);
        }
        uint32_t bps = (uint32_t)rand() % 6000000;
        struct allocator_result r = allocate(s, n, bps, rand() % 2);
        assert_true(r.used_bps <= bps + bps / 19); /* what is shown may have swollen by 5 % */
        for (size_t i = 0; i < n; i++) {
            assert_in_range(s[i].layer + 1, 0, s[i].most + 1);
            assert_true(s[i].tids || s[i].layer < 0 || s[i].tid == ALLOCATOR_TIDS - 1);
        }
    }
}

/* ---- temporal layers left out ---- */
struct reader { /* what a receiver sees */
    bool any;
    uint16_t seq, pid;
    unsigned frames, packets;
};

static size_t vp8(uint8_t *out, uint16_t seq, uint32_t frame, int part, bool key, uint8_t tid, bool sync)
{
    uint8_t bytes[] = {0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0x80, 0xe0, 0, 0, 7, 0, 0, 9, 9, 9};
    if (part == 1) bytes[1] |= 0x80;
    if (part == 0) bytes[12] |= 0x10;
    put_u16(bytes + 2, seq);
    put_u32(bytes + 4, frame * 3000);
    put_u16(bytes + 14, (uint16_t)(0x8000 | (frame & 0x7fff)));
    bytes[17] = (uint8_t)(tid << 6 | (sync ? 0x20 : 0));
    bytes[18] = key ? 0 : 1;
    memcpy(out, bytes, sizeof bytes);
    return sizeof bytes;
}

static const struct media_track_params track = {.kind = MEDIA_VIDEO, .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}, .ssrc = 50};
static const struct media_feed_params to = {.n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}, .ssrc = 111, .rtx_ssrc = 222};

/* Pattern of three temporal layers: 0 2 1 2. Two packets a frame; frames `late` come one frame later than sent, `lost` never. */
static void temporal(unsigned lost_each, unsigned late_each)
{
    struct producer p;
    static struct consumer c;
    struct rtp r, o;
    struct packet k;
    struct rtp_parts parts;
    uint8_t in[64], out[128], held[2][64];
    size_t held_n = 0;
    unsigned seen[3] = {0}, gaps = 0, lost = 0, resent = 0;
    bool any = false;
    uint16_t high = 0;
    int64_t now = 1000000;
    assert_int_equal(producer_open(&p, &track), 0);
    consumer_init(&c, &to, &p);
    for (uint32_t frame = 32000; frame < 34000; frame++, now += 33333) {
        uint8_t tid = (uint8_t[]){0, 2, 1, 2}[frame % 4];
        if (frame == 32400) consumer_allot(&c, 0, 1, false);
        if (frame == 32800) consumer_allot(&c, 0, 0, false);
        if (frame == 33200) consumer_allot(&c, 0, 2, false);
        for (int part = 0; part < 2; part++) {
            uint16_t seq = (uint16_t)(frame * 2 + (uint32_t)part);
            size_t n = vp8(in, seq, frame, part, frame == 32000, tid, tid && frame % 8 < 4);
            bool now_late = late_each && seq % late_each == 0, is_lost = lost_each && seq % lost_each == 0 && frame > 32000;
            if (is_lost) lost++;
            if (now_late && held_n < 2) memcpy(held[held_n++], in, n);
            for (size_t turn = 0; turn < (part == 1 ? 1 + held_n : 1); turn++) {
                const uint8_t *bytes = turn ? held[turn - 1] : in;
                if (!turn && (now_late || is_lost)) continue;
                if (rtp_parse(bytes, n, &r) || !producer_input(&p, 0, &r, now, &k)) continue;
                if (!consumer_forward(&c, &p, &k, now, &parts)) continue;
                size_t len = rtp_join(&parts, out, sizeof out);
                assert_int_equal(rtp_parse(out, len, &o), 0);
                int16_t step = any ? seq_diff(o.seq, high) : 1;
                if (step > 1) gaps += (unsigned)(step - 1);
                if (step <= 0 && gaps) gaps--;
                if (!any || step > 0) high = o.seq;
                any = true;
                if (!o.payload_len) continue; /* of a frame left out, whose number was kept */
                seen[o.payload[5] >> 6]++;
                uint16_t pid = get_u16(o.payload + 2) & 0x7fff;
                assert_true(consumer_resend(&c, &p, o.seq, now += 30000, &parts)); /* and again the same */
                len = rtp_join(&parts, out, sizeof out);
                assert_int_equal(rtp_parse(out, len, &o), 0);
                assert_int_equal(get_u16(o.payload + 4) & 0x7fff, pid);
                resent++;
            }
            if (part == 1) held_n = 0;
        }
    }
    assert_true(seen[0] > 900 && seen[1] > 500 && seen[2] > 700 && seen[2] < 1300); /* 32800..33200 without 1, 32400..33200 without 2 */
    assert_true(gaps <= lost);
    if (!lost_each) assert_int_equal(gaps, 0);
    assert_true(resent > 2500);
    producer_close(&p);
}

static void numbers_close_up(void **state)
{
    temporal(0, 0);
}
/* What comes late of a frame that was left out goes out empty, so that its number is not asked for. */
static void numbers_close_up_over_late_packets(void **state)
{
    temporal(0, 7);
}
static void numbers_close_up_over_lost_packets(void **state)
{
    temporal(13, 0);
}

static void picture_ids_close_up(void **state)
{
    struct producer p;
    static struct consumer c;
    struct rtp r, o;
    struct packet k;
    struct rtp_parts parts;
    uint8_t in[64], out[128];
    int last = -1;
    unsigned frames = 0;
    assert_int_equal(producer_open(&p, &track), 0);
    consumer_init(&c, &to, &p);
    consumer_allot(&c, 0, 0, false);
    for (uint32_t frame = 32700; frame < 32900; frame++)
        for (int part = 0; part < 2; part++) {
            size_t n = vp8(in, (uint16_t)(frame * 2 + (uint32_t)part), frame, part, frame == 32700, (uint8_t[]){0, 2, 1, 2}[frame % 4], false);
            assert_int_equal(rtp_parse(in, n, &r), 0);
            assert_true(producer_input(&p, 0, &r, 1000000 + frame * 33333, &k));
            if (!consumer_forward(&c, &p, &k, 1000000 + frame * 33333, &parts)) continue;
            n = rtp_join(&parts, out, sizeof out);
            assert_int_equal(rtp_parse(out, n, &o), 0);
            int pid = get_u16(o.payload + 2) & 0x7fff;
            if (part == 0 && last >= 0) assert_int_equal(pid, (last + 1) & 0x7fff);
            if (part == 1) assert_int_equal(pid, last);
            last = pid;
            frames += part == 0;
        }
    assert_int_equal(frames, 50);
    producer_close(&p);
}

static void what_is_held_is_silent(void **state)
{
    struct producer p;
    static struct consumer c;
    struct rtp r;
    struct packet k;
    struct rtp_parts parts;
    uint8_t in[64];
    size_t layer;
    assert_int_equal(producer_open(&p, &track), 0);
    consumer_init(&c, &to, &p);
    size_t n = vp8(in, 1, 1, 0, true, 0, false);
    assert_int_equal(rtp_parse(in, n, &r), 0);
    assert_true(producer_input(&p, 0, &r, 1000000, &k));
    assert_true(consumer_forward(&c, &p, &k, 1000000, &parts));
    consumer_allot(&c, -1, 0, false);
    assert_false(consumer_forward(&c, &p, &k, 1000000, &parts));
    assert_false(consumer_needs_key(&c, &p, 1000000, &layer));
    consumer_allot(&c, 0, 2, false);
    assert_true(consumer_needs_key(&c, &p, 1000000, &layer));
    producer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fits_all_is_given),
        cmocka_unit_test(findings_and_text_before_faces), cmocka_unit_test(a_screen_becomes_stills),
        cmocka_unit_test(the_speaker_before_the_others),
        cmocka_unit_test(no_up_and_down),
        cmocka_unit_test(what_is_sure_is_never_left_out),
        cmocka_unit_test(never_more_than_there_is),
        cmocka_unit_test(numbers_close_up),
        cmocka_unit_test(numbers_close_up_over_late_packets),
        cmocka_unit_test(numbers_close_up_over_lost_packets),
        cmocka_unit_test(picture_ids_close_up),
        cmocka_unit_test(what_is_held_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
