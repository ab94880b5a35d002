/* Redundant audio: payloads taken apart and put together, what is not one, a lossy voice made whole at the producer, and a consumer that sends each packet
 * with the one before it. */
#include "media/router/consumer.h"
#include "media/rtp/bytes.h"
#include "media/rtp/red.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define OPUS 111
#define RED 63
#define STEP 960 /* 20 ms */

static void taken_apart(void **state)
{
    static const uint8_t three[] = {0x80 | 111, 960 * 2 >> 6, (960 * 2 & 63) << 2, 2, 0x80 | 111, 960 >> 6, (960 & 63) << 2, 3, 111, 'a', 'b', 'c', 'd', 'e', 'f'};
    struct red red;
    assert_int_equal(red_parse(three, sizeof three, &red), 0);
    assert_int_equal(red.n, 3);
    assert_true(red.blocks[0].payload_type == 111 && red.blocks[0].offset == 1920 && red.blocks[0].len == 2 && !memcmp(red.blocks[0].bytes, "ab", 2));
    assert_true(red.blocks[1].offset == 960 && red.blocks[1].len == 3 && !memcmp(red.blocks[1].bytes, "cde", 3));
    assert_true(red.blocks[2].payload_type == 111 && !red.blocks[2].offset && red.blocks[2].len == 1 && red.blocks[2].bytes[0] == 'f');
    assert_int_equal(red_parse(three, sizeof three - 1, &red), 0); /* a primary of nothing */
    assert_int_equal(red.blocks[2].len, 0);
    for (size_t n = 0; n < sizeof three - 1; n++) {
        uint8_t *cut = malloc(n + 1); /* so that a reader past the end is seen */
        memcpy(cut, three, n);
        assert_int_equal(red_parse(cut + (n == 0), n, &red), ERR_MALFORMED);
        free(cut);
    }
    uint8_t many[17] = {0};
    for (size_t i = 0; i < 4; i++)
        many[4 * i] = 0x80 | 111;
    assert_int_equal(red_parse(many, 17, &red), ERR_MALFORMED); /* one block too many */
    assert_int_equal(red_parse(many + 4, 13, &red), 0);
    assert_int_equal(red.n, 4);
    assert_int_equal(red_parse((const uint8_t[]){111, 9}, 2, &red), 0); /* alone */
    assert_true(red.n == 1 && red.blocks[0].len == 1);
}

static void heads(void **state)
{
    uint8_t head[RED_HEAD_BYTES + RED_BLOCK_BYTES + 1] = {0};
    struct red red;
    static const uint32_t offsets[] = {1, 960, RED_OFFSET_MAX};
    static const size_t lens[] = {1, 80, RED_BLOCK_BYTES};
    for (size_t i = 0; i < 3; i++) {
        assert_true(red_head(head, OPUS, offsets[i], lens[i]));
        assert_int_equal(red_parse(head, RED_HEAD_BYTES + lens[i] + 1, &red), 0);
        assert_true(red.n == 2 && red.blocks[0].offset == offsets[i] && red.blocks[0].len == lens[i] && red.blocks[1].len == 1);
    }
    assert_false(red_head(head, OPUS, 0, 80));
    assert_false(red_head(head, OPUS, RED_OFFSET_MAX + 1, 80)); /* a pause lies between */
    assert_false(red_head(head, OPUS, (uint32_t)-960, 80));
    assert_false(red_head(head, OPUS, 960, RED_BLOCK_BYTES + 1));
    assert_false(red_head(head, OPUS, 960, 0));
}

/* ---- a voice: its number stands in each frame ---- */
static size_t header(uint8_t *out, uint8_t pt, uint16_t seq)
{
    memcpy(out, (const uint8_t[]){0x90, pt, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0xbe, 0xde, 0, 1, 0x10, 30, 0, 0}, 20);
    put_u16(out + 2, seq);
    put_u32(out + 4, 77000u + (uint32_t)((int16_t)seq * STEP)); /* goes on across the wrap of numbers */
    return 20;
}

static size_t frame_len(uint16_t seq)
{
    return 40u + seq % 7;
}

static void frame(uint8_t *out, uint16_t seq)
{
    memset(out, 0x78, frame_len(seq));
    put_u16(out + 1, seq);
}

static size_t plain(uint8_t *out, uint16_t seq)
{
    size_t n = header(out, OPUS, seq);
    frame(out + n, seq);
    return n + frame_len(seq);
}

static size_t redundant(uint8_t *out, uint16_t seq, uint16_t back)
{
    size_t n = header(out, RED, seq);
    out[1] |= 0x80;
    assert_true(red_head(out + n, OPUS, STEP * back, frame_len((uint16_t)(seq - back))));
    n += RED_HEAD_BYTES;
    frame(out + n, (uint16_t)(seq - back));
    n += frame_len((uint16_t)(seq - back));
    frame(out + n, seq);
    return n + frame_len(seq);
}

static void unwrapped(void **state)
{
    uint8_t in[300], want[300], lost[300];
    struct rtp r;
    struct red red;
    size_t n = redundant(in, 65535, 1), m = plain(want, 65535);
    in[0] |= 0x20; /* and padding behind it */
    memcpy(in + n, (const uint8_t[]){0, 0, 3}, 3);
    n += 3;
    want[1] |= 0x80;
    assert_int_equal(rtp_parse(in, n, &r), 0);
    assert_int_equal(red_parse(r.payload, r.payload_len, &red), 0);
    size_t k = red_restore(&r, &red.blocks[0], 65534, lost, sizeof lost);
    assert_true(k == 12 + frame_len(65534) && get_u16(lost + 2) == 65534 && get_u32(lost + 4) == 77000u - 2 * STEP && get_u32(lost + 8) == 50 && lost[1] == OPUS);
    assert_int_equal(red_restore(&r, &red.blocks[0], 65534, lost, k - 1), 0);
    assert_int_equal(red_restore(&r, &(struct red_block){.payload_type = OPUS, .offset = 960}, 65534, lost, sizeof lost), 0); /* nothing in it */
    red_unwrap(in, &n, &r, &red);
    assert_int_equal(n, m);
    assert_memory_equal(in, want, m);
}

static const struct media_track_params voice = {.kind = MEDIA_AUDIO, .n_payloads = 1, .payloads = {{MEDIA_OPUS, OPUS, 0, "", .red_payload_type = RED}},
                                                .extensions = {.audio_level = 1}, .ssrc = 50};

/* As track_input does it; how many packets came of it. */
static int take(struct producer *p, uint8_t *in, size_t n, uint16_t *got)
{
    struct rtp r, lost;
    struct red red;
    struct packet k;
    uint8_t whole[12 + RED_BLOCK_BYTES];
    int taken = 0;
    assert_int_equal(rtp_parse(in, n, &r), 0);
    if (r.payload_type == RED) {
        assert_int_equal(red_parse(r.payload, r.payload_len, &red), 0);
        for (size_t i = 0; i + 1 < red.n; i++) {
            assert_int_equal(rtp_parse(whole, red_restore(&r, &red.blocks[i], producer_before(p, 0, r.seq, (unsigned)(red.n - 1 - i)), whole, sizeof whole), &lost), 0);
            if (producer_restore(p, 0, &lost, 1000000, &k)) got[taken++] = get_u16(k.rtp.payload + 1);
        }
        red_unwrap(in, &n, &r, &red);
        assert_int_equal(rtp_parse(in, n, &r), 0);
    }
    if (producer_input(p, 0, &r, 1000000, &k)) got[taken++] = get_u16(k.rtp.payload + 1);
    return taken;
}

static void loss_is_made_good_at_the_door(void **state)
{
    struct producer p;
    struct rtcp_report report;
    enum payload_form form;
    uint8_t in[300];
    uint16_t got[4], next = 65500;
    assert_int_equal(producer_open(&p, &voice), 0);
    assert_true(producer_payload(&p, RED, &form) == &p.params.payloads[0] && form == PAYLOAD_RED);
    assert_true(producer_payload(&p, OPUS, &form) && form == PAYLOAD_PLAIN);
    int lost = 0, whole = 0;
    for (uint32_t i = 0; i < 200; i++) { /* across the wrap */
        uint16_t seq = (uint16_t)(65500 + i);
        if (i % 5 == 3) {
            lost++;
            continue;
        }
        int n = take(&p, in, redundant(in, seq, 1), got);
        for (int k = 0; k < n; k++, whole++)
            assert_int_equal(got[k], next++);
    }
    assert_true(whole == 200 && lost == 40); /* 198 was lost, 199 brought it */
    producer_report(&p, 0, 1000000, &report);
    assert_int_equal(report.lost, lost); /* of the line, whatever was made of it */
    assert_int_equal(report.fraction_lost, lost * 256 / 200);
    producer_close(&p);
}

/* Padding has numbers too: the copy is of the last packet that carried something. */
static void padding_between(void **state)
{
    struct producer p;
    uint8_t in[300];
    uint16_t got[4];
    assert_int_equal(producer_open(&p, &voice), 0);
    assert_int_equal(take(&p, in, plain(in, 100), got), 1);
    for (uint16_t seq = 102; seq < 105; seq++) { /* 101 was lost, its copy comes in 105 */
        struct rtp r;
        struct packet k;
        size_t n = header(in, OPUS, seq);
        in[0] |= 0x20;
        in[n] = 1;
        assert_int_equal(rtp_parse(in, n + 1, &r), 0);
        assert_true(producer_input(&p, 0, &r, 1000000, &k));
    }
    assert_int_equal(producer_before(&p, 0, 105, 1), 101);
    assert_int_equal(producer_before(&p, 0, 105, 2), 100);
    assert_int_equal(take(&p, in, redundant(in, 105, 4), got), 2);
    assert_true(got[0] == 101 && got[1] == 105);
    assert_int_equal(take(&p, in, redundant(in, 109, 4), got), 1); /* padding was lost, and not what it seems to stand for */
    producer_close(&p);
}

static void odd_copies(void **state)
{
    struct producer p;
    struct rtcp_report report;
    uint8_t in[300];
    uint16_t got[4];
    assert_int_equal(producer_open(&p, &voice), 0);
    assert_int_equal(take(&p, in, redundant(in, 100, 1), got), 1); /* what was sent before the first one is no loss */
    assert_int_equal(take(&p, in, plain(in, 101), got), 1);
    assert_int_equal(take(&p, in, redundant(in, 103, 1), got), 2);
    assert_int_equal(take(&p, in, redundant(in, 103, 1), got), 0);
    assert_int_equal(take(&p, in, plain(in, 102), got), 0); /* late, not lost */
    assert_int_equal(take(&p, in, plain(in, 102), got), 0);
    producer_report(&p, 0, 1000000, &report);
    assert_int_equal(report.lost, 0);
    assert_int_equal(take(&p, in, redundant(in, 105, 2), got), 1); /* at distance 2: it would be taken for 104, but is 103 */
    assert_int_equal(take(&p, in, plain(in, 104), got), 1);
    producer_report(&p, 0, 1000000, &report);
    assert_int_equal(report.lost, 0);
    producer_close(&p);
}

/* ---- down ---- */
struct scene {
    struct producer p;
    struct consumer c;
    uint16_t source, sent; /* next number, last one sent */
    uint16_t said;         /* last frame sent */
};
static struct scene s;

static void begin(bool numbered, uint8_t red)
{
    struct media_feed_params fp = {.n_payloads = 1, .payloads = {{MEDIA_OPUS, 109, 0, "", .red_payload_type = red}}, .extensions = {.transport_cc = numbered ? 3 : 0}, .ssrc = 9};
    memset(&s, 0, sizeof s);
    s.source = 65530;
    assert_int_equal(producer_open(&s.p, &voice), 0);
    consumer_init(&s.c, &fp, &s.p);
}

/* The next packet: how many blocks it left with, 0 = plain. */
static size_t step(bool pause)
{
    uint8_t in[300], out[400];
    struct rtp r;
    struct packet k;
    struct rtp_parts parts;
    struct red red;
    assert_int_equal(rtp_parse(in, plain(in, s.source++), &r), 0);
    assert_true(producer_input(&s.p, 0, &r, 1000000, &k));
    if (pause) return 0;
    uint32_t octets = s.c.octets;
    assert_true(consumer_forward(&s.c, &s.p, &k, 1000000, &parts));
    size_t n = rtp_join(&parts, out, sizeof out);
    assert_int_equal(n, rtp_length(&parts));
    assert_int_equal(rtp_parse(out, n, &r), 0);
    assert_int_equal(s.c.octets - octets, r.payload_len);
    s.sent = r.seq;
    if (r.payload_type == 109) {
        s.said = (uint16_t)(s.source - 1);
        return 0;
    }
    assert_int_equal(r.payload_type, RED);
    assert_int_equal(red_parse(r.payload, r.payload_len, &red), 0);
    assert_true(red.n == 2 && red.blocks[0].payload_type == 109 && red.blocks[1].payload_type == 109);
    assert_int_equal(get_u16(red.blocks[0].bytes + 1), s.said);
    assert_int_equal(get_u16(red.blocks[1].bytes + 1), (uint16_t)(s.source - 1));
    assert_int_equal(red.blocks[0].offset, STEP * (uint16_t)(s.source - 1 - s.said));
    s.said = (uint16_t)(s.source - 1);
    return red.n;
}

static void pad(void)
{
    uint8_t in[24];
    struct rtp r;
    struct packet k;
    struct rtp_parts parts;
    size_t n = header(in, OPUS, s.source++);
    in[0] |= 0x20;
    memcpy(in + n, (const uint8_t[]){0, 0, 0, 4}, 4);
    assert_int_equal(rtp_parse(in, n + 4, &r), 0);
    assert_true(!r.payload_len && producer_input(&s.p, 0, &r, 1000000, &k) && consumer_forward(&s.c, &s.p, &k, 1000000, &parts));
    assert_int_equal(parts.head[1] & 127, 109);
}

static void each_with_the_one_before(void **state)
{
    begin(true, RED);
    for (int i = 0; i < 3; i++)
        assert_int_equal(step(false), 0); /* the line is good */
    s.c.red = true;
    assert_int_equal(step(false), 0); /* the last that was sent is known from here on */
    for (int i = 0; i < 10; i++)
        assert_int_equal(step(false), 2);
    step(true); /* muted: not even as a copy */
    assert_int_equal(step(false), 2); /* of the one before that */
    assert_int_equal(step(false), 2);
    s.source++; /* lost before it came to us */
    assert_int_equal(step(false), 2);
    pad(); /* the publisher tries his line */
    assert_int_equal(step(false), 2);
    s.source = (uint16_t)(s.source + 20); /* a pause: too long ago */
    assert_int_equal(step(false), 0);
    assert_int_equal(step(false), 2);
    consumer_break(&s.c); /* begins anew */
    assert_int_equal(step(false), 0);
    assert_int_equal(step(false), 2);
    producer_close(&s.p);
}

static void not_for_all(void **state)
{
    struct rtp_parts parts;
    begin(true, 0); /* does not know it */
    s.c.red = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(step(false), 0);
    producer_close(&s.p);
    begin(false, RED); /* could ask for a packet again, which then would be another one under the same SRTP index */
    s.c.red = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(step(false), 0);
    assert_true(consumer_resend(&s.c, &s.p, s.sent, 2000000, &parts));
    producer_close(&s.p);
    begin(true, RED);
    s.c.red = true;
    step(false);
    assert_int_equal(step(false), 2);
    assert_false(consumer_resend(&s.c, &s.p, s.sent, 2000000, &parts));
    producer_close(&s.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_apart), cmocka_unit_test(heads), cmocka_unit_test(unwrapped), cmocka_unit_test(loss_is_made_good_at_the_door), cmocka_unit_test(odd_copies), cmocka_unit_test(padding_between),
        cmocka_unit_test(each_with_the_one_before), cmocka_unit_test(not_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
