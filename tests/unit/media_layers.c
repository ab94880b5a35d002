/* Spatial and temporal layers inside one stream: descriptors, and what a receiver of fewer layers is sent, over loss and reordering. */
#include "media/mux/dimensions.h"
#include "media/mux/frames.h"
#include "media/router/replay.h"
#include "media/rtp/bytes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- VP9 payload descriptors, RFC 9628 4.2 ---- */
static struct payload_frame vp9(const char *hex)
{
    struct payload_frame f;
    uint8_t b[64];
    size_t n = 0;
    for (unsigned v; sscanf(hex, "%2x", &v) == 1; hex += hex[2] == ' ' ? 3 : 2)
        b[n++] = (uint8_t)v;
    uint8_t *exact = malloc(n); /* so that a sanitizer sees a byte read too far */
    memcpy(exact, b, n);
    payload_frame_parse(MEDIA_VP9, exact, n, &f);
    free(exact);
    return f;
}

static void descriptors_are_read(void **state)
{
    /* the first packet of a keyframe with three sizes: I L B V, picture 0x1234, TL0PICIDX 9, structure with sizes and one picture in its pattern */
    struct payload_frame f = vp9("aa 9234 10 09 58 0140 00b4 0280 0168 0500 02d0 01 04 01 82 49");
    assert_true(f.layered && f.starts && !f.ends && !f.inter && f.opens && f.sid == 0 && f.tid == 0 && f.spatial == 3);
    assert_true(f.header_len == 21 && f.picture_id_at == 1 && f.picture_id_long && f.tl0_at == 4 && f.front_len == 5);
    f = vp9("fc 05 57 02 aa"); /* flexible: I P L F B E, short id, layers 2/3 needing the one below; one reference */
    assert_true(f.layered && f.inter && f.starts && f.ends && f.tid == 2 && f.opens && f.sid == 3 && !f.picture_id_long && !f.tl0_at && f.header_len == 4);
    f = vp9("fc 05 57 03 05 06 aa"); /* three references */
    assert_int_equal(f.header_len, 6);
    f = vp9("08 82"); /* neither id nor layers */
    assert_true(f.starts && !f.layered && f.header_len == 1);
}

static void malformed_descriptors_say_nothing(void **state)
{
    static const char *const bad[] = {"", "80", "80 81", "a0 05 10", "a0 05", "fc 05 57 03 05 07 aa", "fc 05 57 03", "0a 58 00", "0a 08", "0a 08 02 0c 01", "08"};
    static const struct payload_frame none;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct payload_frame f = vp9(bad[i]);
        assert_memory_equal(&f, &none, sizeof f);
    }
}

/* ---- dependency descriptors ---- */
/* Chromium's for L1T3, as its first packet had it; then of a frame of each layer, 3 bytes as nearly always. */
static void dependency_descriptors_are_read(void **state)
{
    static const uint8_t first[] = {0x80, 0x00, 0x25, 0x80, 0x02, 0x14, 0xea, 0xa8, 0x60, 0x41, 0x4d, 0x14, 0x10, 0x20, 0x84, 0x27, 0x02, 0x7f, 0x01, 0x67};
    struct depend_structure s = {0};
    struct depend d;
    assert_false(depend_read(&s, (const uint8_t[]){0xc1, 0, 2}, 3, &d)); /* nothing known yet */
    for (size_t cut = 0; cut < sizeof first; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, first, cut);
        assert_false(depend_read(&s, exact, cut, &d));
        free(exact);
    }
    assert_true(depend_read(&s, first, sizeof first, &d));
    assert_true(d.starts && d.has_structure && d.sid == 0 && d.tid == 0);
    assert_true(s.spatial == 1 && s.n_targets == 3 && s.n_chains == 1);
    for (unsigned tid = 0; tid < 3; tid++)
        assert_true(d.opens >> tid & 1); /* a keyframe opens everything */
    for (unsigned i = 0; i < s.n_templates; i++) {
        uint8_t b[] = {(uint8_t)(0xc0 | ((s.offset + i) & 63)), 0, (uint8_t)i};
        assert_true(depend_read(&s, b, 3, &d) && d.starts && d.ends && d.tid == s.templates[i].tid);
    }
    assert_false(depend_read(&s, (const uint8_t[]){(uint8_t)(0xc0 | ((s.offset + s.n_templates) & 63)), 0, 2}, 3, &d)); /* no such template */
}

/* ---- a publisher, a network that loses and reorders, a receiver ---- */
#define PICTURES 600
#define PARTS 3
#define SIZES 3
#define PACKETS (PICTURES * SIZES * PARTS)
#define FRAME(picture, sid) ((picture) * SIZES + (sid))

enum shape { FULL, KEY_ONLY }; /* which pictures of a larger size need the smaller one: every one, or keyframes alone */

static struct sim {
    unsigned sizes, tids, loss_percent, late_percent;
    enum shape shape;
    enum media_codec codec;
    bool flexible;
    struct producer p;
    struct consumer c;
    uint16_t seq;
    int sent; /* the time: ten a packet */
    int64_t now;
    int picture, key_wanted_at, last_base[SIZES], last_mid[SIZES];
    unsigned pending;
    struct flying {
        uint8_t bytes[200];
        size_t len;
        int due, frame, part;
    } flying[512];
    struct model_frame {
        int deps[2];
        unsigned parts, arrived, forwarded; /* bits */
        uint8_t sid, tid;
        bool key;
    } frames[PICTURES * SIZES];
    int fewer_since, changed_at; /* pictures at which less, anything was asked for */
    uint8_t sid_cap, tid_cap;
    /* the receiver */
    bool any;
    uint16_t first, high;
    uint8_t got[65536]; /* by number: 1 came, 2 came empty */
    int ends[PICTURES], top_seq[PICTURES];
    bool broken_off[PICTURES];
    unsigned never, resent, empty, rises, falls;
} s;

static unsigned rnd(unsigned n)
{
    return (unsigned)rand() % n;
}

static size_t write_vp9(const struct model_frame *f, int part, uint8_t *out)
{
    size_t n = 0;
    bool first = part == 0, last = part + 1 == (int)f->parts;
    bool structure = f->key && f->sid == 0 && first;
    out[n++] = (uint8_t)(0xa0 | (f->key ? 0 : 0x40) | (s.flexible ? 0x10 : 0) | (first ? 8 : 0) | (last ? 4 : 0) | (structure ? 2 : 0));
    put_u16(out + n, (uint16_t)(0x8000 | ((32700 + s.picture) & 0x7fff)));
    n += 2;
    out[n++] = (uint8_t)(f->tid << 5 | 0x10 | f->sid << 1 | (f->deps[1] >= 0));
    if (!s.flexible) out[n++] = (uint8_t)(s.picture / 4);
    if (s.flexible && !f->key) out[n++] = (uint8_t)((s.picture - f->deps[0] / SIZES) << 1);
    if (structure) out[n++] = (uint8_t)((s.sizes - 1) << 5);
    return n;
}

/* ---- the dependency descriptor, written as its specification says ---- */
struct writer {
    uint8_t *out;
    size_t at;
};

static void put(struct writer *w, uint32_t v, unsigned n)
{
    while (n--) {
        if (w->at % 8 == 0) w->out[w->at / 8] = 0;
        w->out[w->at / 8] |= (uint8_t)((v >> n & 1) << (7 - w->at % 8));
        w->at++;
    }
}

static void put_below(struct writer *w, uint32_t v, uint32_t n)
{
    unsigned bits = 0;
    for (uint32_t x = n; x; x >>= 1)
        bits++;
    uint32_t m = (1u << bits) - n;
    if (v < m) put(w, v, bits - 1);
    else put(w, v + m, bits);
}

/* What a frame is to a target: nothing, may be dropped, one may switch with it, needed. */
static unsigned indication(const struct model_frame *f, unsigned sid, unsigned tid, bool key)
{
    if (f->sid > sid || f->tid > tid) return 0;
    if (f->sid < sid) return key ? 2 : s.shape == FULL ? 3 : 0;
    return f->tid && f->tid == tid ? 1 : 2;
}

static void put_structure(struct writer *w)
{
    put(w, 60, 6); /* numbers of templates wrap */
    put(w, s.sizes * s.tids - 1, 5);
    for (unsigned i = 0; i < s.sizes * s.tids; i++)
        put(w, i + 1 == s.sizes * s.tids ? 3 : (i + 1) % s.tids ? 1 : 2, 2);
    for (unsigned i = 0; i < s.sizes * s.tids; i++)
        for (unsigned t = 0; t < s.sizes * s.tids; t++) {
            struct model_frame f = {.sid = (uint8_t)(i / s.tids), .tid = (uint8_t)(i % s.tids)};
            put(w, indication(&f, t / s.tids, t % s.tids, false), 2);
        }
    for (unsigned i = 0; i < s.sizes * s.tids; i++) { /* one difference each, but of the first */
        if (i) put(w, 1u << 4 | 2, 5);
        put(w, 0, 1);
    }
    put_below(w, s.sizes, s.sizes * s.tids + 1);
    for (unsigned t = 0; t < s.sizes * s.tids; t++)
        put_below(w, t / s.tids, s.sizes);
    for (unsigned i = 0; i < s.sizes * s.tids * s.sizes; i++)
        put(w, 1, 4);
    put(w, 1, 1);
    for (unsigned i = 0; i < s.sizes; i++)
        put(w, (319u << i) << 16 | 179u << i, 32);
}

static size_t write_depend(const struct model_frame *f, int part, uint8_t *out)
{
    struct writer w = {out, 0};
    bool structure = f->key && f->sid == 0 && part == 0;
    put(&w, part == 0, 1);
    put(&w, part + 1 == (int)f->parts, 1);
    put(&w, (60 + f->sid * s.tids + f->tid) % 64, 6);
    put(&w, (uint32_t)(65500 + s.picture * (int)s.sizes + f->sid) & 0xffff, 16);
    if (!f->key) return 3;
    put(&w, structure, 1);
    put(&w, 0, 1);
    put(&w, 1, 1); /* its own indications */
    put(&w, 0, 2);
    if (structure) put_structure(&w);
    for (unsigned t = 0; t < s.sizes * s.tids; t++)
        put(&w, indication(f, t / s.tids, t % s.tids, true), 2);
    return (w.at + 7) / 8;
}

/* Header extension and payload, as far as the frame's number. */
static size_t write_av1(const struct model_frame *f, int part, uint8_t *b)
{
    uint8_t value[100];
    size_t n = write_depend(f, part, value), padded = (2 + n + 3) / 4 * 4;
    b[0] |= 0x10;
    put_u16(b + 12, 0x1000);
    put_u16(b + 14, (uint16_t)(padded / 4));
    b[16] = 7;
    b[17] = (uint8_t)n;
    memcpy(b + 18, value, n);
    b[16 + padded] = (uint8_t)(0x10 | (f->key && f->sid == 0 && part == 0 ? 8 : 0));
    return 16 + padded + 1;
}

static void send_frame(int picture, uint8_t sid, uint8_t tid, bool key)
{
    struct model_frame *f = &s.frames[FRAME(picture, sid)];
    int before = tid == 2 && s.last_mid[sid] > s.last_base[sid] ? s.last_mid[sid] : s.last_base[sid];
    *f = (struct model_frame){.deps = {key ? -1 : before, sid && (key || s.shape == FULL) ? FRAME(picture, sid - 1) : -1},
                              .parts = 1 + rnd(PARTS), .sid = sid, .tid = tid, .key = key};
    if (tid == 0) s.last_base[sid] = FRAME(picture, sid);
    if (tid == 1) s.last_mid[sid] = FRAME(picture, sid);
    for (int part = 0; part < (int)f->parts; part++) {
        struct flying *y = &s.flying[s.pending];
        uint8_t *b = y->bytes;
        memset(b, 0, sizeof y->bytes);
        b[0] = 0x80;
        b[1] = (uint8_t)(96 | (sid + 1u == s.sizes && part + 1 == (int)f->parts ? 0x80 : 0));
        put_u16(b + 2, s.seq);
        put_u32(b + 4, (uint32_t)picture * 3000);
        put_u32(b + 8, 5);
        size_t n = s.codec == MEDIA_AV1 ? write_av1(f, part, b) : 12 + write_vp9(f, part, b + 12);
        put_u16(b + n, (uint16_t)FRAME(picture, sid));
        b[n + 2] = (uint8_t)part;
        y->len = n + 3;
        y->frame = FRAME(picture, sid);
        y->part = part;
        y->due = s.sent++ * 10;
        s.seq++;
        if (rnd(100) < s.loss_percent) {
            if (rnd(5) == 0) {
                s.never++;
                continue; /* for ever */
            }
            y->due += 100 + (int)rnd(400); /* asked for again */
        } else if (rnd(100) < s.late_percent) {
            y->due += (int)rnd(60);
        }
        assert_true(++s.pending < 512);
    }
}

/* A packet as the receiver gets it. */
static void receive(const struct rtp_parts *parts, bool again)
{
    uint8_t b[300];
    struct rtp r;
    struct payload_frame f = {.header_len = 1};
    assert_int_equal(rtp_parse(b, rtp_join(parts, b, sizeof b), &r), 0);
    uint16_t seq = r.seq;
    const uint8_t *p = r.payload;
    size_t n = r.payload_len;
    if (again) {
        seq = get_u16(p);
        p += 2;
        n -= 2;
    }
    assert_int_equal(s.got[seq], 0);
    s.got[seq] = n ? 1 : 2;
    if (!s.any) s.first = s.high = seq;
    s.any = true;
    if (seq_diff(seq, s.high) > 0) s.high = seq;
    if (!n) {
        s.empty++;
        return;
    }
    if (s.codec == MEDIA_VP9) payload_frame_parse(MEDIA_VP9, p, n, &f);
    assert_int_not_equal(f.header_len, 0);
    int id = get_u16(p + f.header_len), part = p[f.header_len + 2], picture = id / SIZES;
    struct model_frame *m = &s.frames[id];
    assert_true((s.codec == MEDIA_AV1 || (f.sid == m->sid && f.tid == m->tid)) && !(m->forwarded & 1u << part));
    m->forwarded |= 1u << part;
    if (picture > s.fewer_since + 8) assert_true(m->sid <= s.sid_cap && m->tid <= s.tid_cap);
    if (r.marker) {
        assert_int_equal(s.ends[picture], -1);
        s.ends[picture] = seq;
    }
    if (s.top_seq[picture] < 0 || seq_diff(seq, (uint16_t)s.top_seq[picture]) > 0) s.top_seq[picture] = seq;
}

static void deliver(const struct flying *y)
{
    struct rtp r;
    struct packet k;
    struct rtp_parts parts;
    uint8_t sid = s.c.sid;
    assert_int_equal(rtp_parse(y->bytes, y->len, &r), 0);
    if (!producer_input(&s.p, 0, &r, s.now, &k)) { /* given up already */
        s.never++;
        return;
    }
    s.frames[y->frame].arrived |= 1u << y->part;
    if (consumer_forward(&s.c, &s.p, &k, s.now, &parts)) receive(&parts, false);
    if (s.c.sid > sid) {
        assert_true(k.key);
        s.rises++;
    }
    s.falls += s.c.sid < sid;
}

/* Everything that is due, in its order; then the receiver asks for what he misses, and for a keyframe where one is needed. */
static void turn(int until)
{
    for (;;) {
        unsigned best = s.pending;
        for (unsigned i = 0; i < s.pending; i++)
            if (s.flying[i].due <= until && (best == s.pending || s.flying[i].due < s.flying[best].due)) best = i;
        if (best == s.pending) break;
        deliver(&s.flying[best]);
        s.flying[best] = s.flying[--s.pending];
    }
    struct rtp_parts parts;
    size_t layer;
    for (uint16_t q = (uint16_t)(s.high - 60); s.any && q != s.high; q++) {
        if (seq_diff(q, s.first) < 0 || s.got[q] || !consumer_resend(&s.c, &s.p, q, s.now, &parts)) continue;
        receive(&parts, true);
        s.resent++;
    }
    uint16_t missing[32];
    (void)nack_due(&s.p.layers[0].nack, s.now, 0, missing, 32);
    if (consumer_needs_key(&s.c, &s.p, s.now, &layer)) producer_want_key(&s.p, layer);
    if (s.key_wanted_at < 0 && producer_pli_due(&s.p, 0, s.now)) s.key_wanted_at = s.picture + 3;
}

static void wish(void)
{
    uint8_t sid = (uint8_t)rnd(s.sizes), tid = (uint8_t)rnd(s.tids);
    if (sid < s.sid_cap || tid < s.tid_cap) s.fewer_since = s.picture;
    s.changed_at = s.picture;
    s.sid_cap = sid;
    s.tid_cap = tid;
    if (rnd(2)) {
        s.c.wanted = sid;
        consumer_allot(&s.c, 2, tid, false);
    } else {
        s.c.wanted = 2;
        consumer_allot(&s.c, sid, tid, rnd(2));
    }
    if (rnd(6)) return;
    s.c.params.paused = true;
    consumer_break(&s.c);
    for (int i = s.picture < 30 ? 0 : s.picture - 30; i <= s.picture; i++)
        s.broken_off[i] = true; /* what is on its way has nobody to go to */
}

static void begin(enum media_codec codec, unsigned seed)
{
    struct media_track_params t = {.kind = MEDIA_VIDEO, .ssrc = 5, .n_payloads = 1, .payloads = {{codec, 96, 97, ""}}, .extensions = {.dependency_descriptor = 7}};
    struct media_feed_params f = {.n_payloads = 1, .payloads = {{codec, 120, 121, ""}}, .ssrc = 700, .rtx_ssrc = 701, .extensions = {.dependency_descriptor = 9}};
    srand(seed);
    memset(&s, 0, sizeof s);
    s.codec = codec;
    s.sizes = 1 + seed % 3;
    s.tids = 1 + seed / 3 % 3;
    s.shape = seed / 9 % 2 ? KEY_ONLY : FULL;
    s.flexible = seed / 18 % 2;
    s.loss_percent = seed % 4 == 0 ? 0 : rnd(12);
    s.late_percent = seed % 4 == 0 ? 0 : rnd(30);
    s.seq = (uint16_t)(65000 + rnd(500));
    s.now = 1000000;
    s.key_wanted_at = -1;
    s.sid_cap = s.tid_cap = 2;
    for (int i = 0; i < PICTURES; i++)
        s.ends[i] = s.top_seq[i] = -1;
    assert_int_equal(producer_open(&s.p, &t), 0);
    consumer_init(&s.c, &f, &s.p);
}

static void play(void)
{
    static const uint8_t patterns[3][4] = {{0, 0, 0, 0}, {0, 1, 0, 1}, {0, 2, 1, 2}};
    int phase = 0;
    for (s.picture = 0; s.picture < PICTURES; s.picture++, s.now += 33333) {
        bool key = s.picture == 0 || (s.key_wanted_at >= 0 && s.picture >= s.key_wanted_at);
        if (key) phase = 0, s.key_wanted_at = -1;
        for (uint8_t sid = 0; sid < s.sizes; sid++)
            send_frame(s.picture, sid, patterns[s.tids - 1][phase % 4], key);
        phase++;
        producer_measure(&s.p, s.now);
        turn(s.sent * 10);
        if (s.c.params.paused && rnd(10) == 0) s.c.params.paused = false;
        if (s.picture < PICTURES - 80 && rnd(25) == 0) wish();
        if (s.picture >= PICTURES - 80) s.c.params.paused = false;
    }
    turn(INT32_MAX);
}

/* Whatever was sent on can be decoded as far as its parts ever came: of each frame that it needs, everything that came was sent on too. */
static void needs_were_met(void)
{
    for (int id = 0; id < PICTURES * SIZES; id++) {
        const struct model_frame *m = &s.frames[id];
        if (!m->forwarded || s.broken_off[id / SIZES]) continue;
        assert_int_equal(m->forwarded, m->arrived);
        for (int d = 0; d < 2; d++)
            if (m->deps[d] >= 0) assert_int_equal(s.frames[m->deps[d]].forwarded, s.frames[m->deps[d]].arrived);
    }
}

static void numbers_are_whole(void)
{
    unsigned holes = 0;
    for (uint16_t q = s.first; q != s.high; q++)
        holes += !s.got[q];
    assert_true(holes <= s.never);
    if (s.late_percent == 0 && s.loss_percent == 0) assert_int_equal(holes + s.empty + s.resent, 0);
}

static void pictures_end_once(void)
{
    for (int i = 0; i < PICTURES; i++) {
        if (s.top_seq[i] >= 0 && s.ends[i] >= 0) assert_int_equal(s.ends[i], s.top_seq[i]);
        if (s.top_seq[i] >= 0 && s.never == 0 && !s.broken_off[i]) assert_true(s.ends[i] >= 0);
    }
}

static void seeds(enum media_codec codec)
{
    unsigned rises = 0, falls = 0, empty = 0, resent = 0;
    for (unsigned seed = 0; seed < 720; seed++) {
        begin(codec, seed);
        play();
        needs_were_met();
        numbers_are_whole();
        pictures_end_once();
        uint8_t top = s.sid_cap < s.sizes ? s.sid_cap : (uint8_t)(s.sizes - 1);
        assert_int_equal(s.c.sid, top); /* what was asked for last is what comes */
        for (int i = PICTURES - 20; s.never == 0 && i < PICTURES; i++)
            if (s.frames[FRAME(i, top)].tid <= s.tid_cap) assert_int_equal(s.frames[FRAME(i, top)].forwarded, (1u << s.frames[FRAME(i, top)].parts) - 1);
        rises += s.rises, falls += s.falls, empty += s.empty, resent += s.resent;
        producer_close(&s.p);
    }
    assert_true(rises > 1000 && falls > 1000 && empty > 100 && resent > 100);
}

static void fewer_layers_stay_whole(void **state)
{
    seeds(MEDIA_VP9);
}
static void fewer_layers_stay_whole_by_dependency_descriptors(void **state)
{
    seeds(MEDIA_AV1);
}

/* Who comes later gets the group from its keyframe on, in the size that he asked for and no more. */
static void a_newcomer_gets_his_layers_of_the_group(void **state)
{
    struct packet k;
    struct rtp_parts parts;
    begin(MEDIA_VP9, 8 + 9); /* three sizes, three temporal layers, no loss: see begin() */
    s.loss_percent = s.late_percent = 0;
    s.sid_cap = s.c.wanted = 1;
    s.tid_cap = 1;
    consumer_allot(&s.c, 2, 1, false);
    s.c.params.paused = true;
    for (; s.picture < 40; s.picture++, s.now += 33333) {
        for (uint8_t sid = 0; sid < s.sizes; sid++)
            send_frame(s.picture, sid, (uint8_t[]){0, 2, 1, 2}[s.picture % 4], s.picture == 0);
        turn(s.sent * 10);
    }
    assert_false(s.any);
    s.c.params.paused = false;
    s.fewer_since = -100;
    assert_true(replay_begin(&s.c, &s.p, 768, s.now));
    while (replay_next(&s.c, &s.p, &k))
        if (replay_forward(&s.c, &s.p, &k, s.now, &parts)) receive(&parts, false);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(s.frames[FRAME(i, 2)].forwarded, 0);
        for (int sid = 0; sid < 2; sid++)
            assert_int_equal(s.frames[FRAME(i, sid)].forwarded, i % 2 ? 0 : s.frames[FRAME(i, sid)].arrived);
    }
    numbers_are_whole();
    pictures_end_once();
    producer_close(&s.p);
}

static void pictures(int n, unsigned sizes)
{
    s.sizes = sizes;
    for (int end = s.picture + n, first = s.picture; s.picture < end; s.picture++, s.now += 33333) {
        for (uint8_t sid = 0; sid < sizes; sid++)
            send_frame(s.picture, sid, (uint8_t[]){0, 2, 1, 2}[s.picture % 4], s.picture == first);
        producer_measure(&s.p, s.now);
        turn(s.sent * 10);
    }
}

/* The publisher leaves the larger sizes out because nobody has use for them: they are not forgotten, nor what they cost, and come with a keyframe. */
static void a_size_that_rests_is_remembered(void **state)
{
    begin(MEDIA_VP9, 8 + 9);
    s.loss_percent = s.late_percent = 0;
    pictures(80, 3);
    uint32_t whole = producer_bps(&s.p, 2, 2), smallest = producer_bps(&s.p, 0, 2);
    assert_int_equal(producer_layers(&s.p), 3);
    assert_int_equal(consumer_layer(&s.c, &s.p), 2);
    pictures(80, 1);
    assert_int_equal(producer_layers(&s.p), 3);
    assert_true(producer_alive(&s.p, 0, s.now) && !producer_alive(&s.p, 1, s.now) && !producer_alive(&s.p, 2, s.now));
    assert_true(producer_bps(&s.p, 2, 2) > whole / 10 * 8 && whole > smallest * 2);
    assert_true(layer_bps(&s.p.layers[0], 2) < smallest * 2); /* what is sent is the smallest alone */
    assert_int_equal(consumer_layer(&s.c, &s.p), 0);
    pictures(20, 3);
    assert_true(producer_alive(&s.p, 2, s.now));
    assert_int_equal(consumer_layer(&s.c, &s.p), 2);
    numbers_are_whole();
    producer_close(&s.p);
}

/* ---- recordings ---- */
static struct taken {
    uint8_t bytes[2000];
    size_t len;
    unsigned n;
} taken;

static void take(void *ctx, const struct frame *f)
{
    assert_true(f->len < sizeof taken.bytes);
    memcpy(taken.bytes, f->bytes, taken.len = f->len);
    taken.n++;
}

/* A picture of two sizes is written as one superframe, whose index says where each begins; its size is that of the larger. */
static void sizes_become_a_superframe(void **state)
{
    /* how Chromium's begin: 320x180 intra; 640x360 from it, its size said because that of what it refers to differs */
    static const uint8_t small[] = {0x83, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x38, 0x13}, large[] = {0x87, 0x02, 0x02, 0x00, 0x04, 0xfe, 0x02, 0xce, 0xb1, 0x31, 0xc1};
    static const struct {
        uint8_t head[8];
        size_t head_len;
        const uint8_t *of;
        size_t from, to;
        bool marker;
    } packets[] = {{{0xae, 0x80, 1, 0x00, 1, 0x20}, 6, small, 0, sizeof small, false},
                   {{0xa8, 0x80, 1, 0x03, 1}, 5, large, 0, 5, false},
                   {{0xa4, 0x80, 1, 0x03, 1}, 5, large, 5, sizeof large, true}};
    struct frames *f;
    struct dimensions d;
    assert_int_equal(frames_new(&f, MEDIA_VP9, take, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        uint8_t b[64] = {0x80, (uint8_t)(packets[i].marker ? 0xe0 : 0x60), 0, (uint8_t)i};
        memcpy(b + 12, packets[i].head, packets[i].head_len);
        memcpy(b + 12 + packets[i].head_len, packets[i].of + packets[i].from, packets[i].to - packets[i].from);
        frames_input(f, b, 12 + packets[i].head_len + packets[i].to - packets[i].from, 5);
    }
    assert_int_equal(taken.n, 1);
    static const uint8_t index[] = {0xd9, sizeof small, 0, 0, 0, sizeof large, 0, 0, 0, 0xd9};
    assert_int_equal(taken.len, sizeof small + sizeof large + sizeof index);
    assert_memory_equal(taken.bytes, small, sizeof small);
    assert_memory_equal(taken.bytes + sizeof small, large, sizeof large);
    assert_memory_equal(taken.bytes + sizeof small + sizeof large, index, sizeof index);
    assert_int_equal(dimensions_of(MEDIA_VP9, taken.bytes, taken.len, &d), 0);
    assert_true(d.width == 640 && d.height == 360);
    frames_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_read),
        cmocka_unit_test(malformed_descriptors_say_nothing),
        cmocka_unit_test(dependency_descriptors_are_read),
        cmocka_unit_test(fewer_layers_stay_whole),
        cmocka_unit_test(fewer_layers_stay_whole_by_dependency_descriptors),
        cmocka_unit_test(a_newcomer_gets_his_layers_of_the_group),
        cmocka_unit_test(a_size_that_rests_is_remembered),
        cmocka_unit_test(sizes_become_a_superframe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
