/* The packager: what it writes is parsed again box by box, and a whole programme of a real encoder is judged by ffprobe. */
#include "media/mux/clock.h"
#include "media/mux/frames.h"
#include "media/mux/packager.h"
#include "media/rtp/bytes.h"
#include "tests/lib/fragments.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* 640x480, constrained baseline 3.0, and the same with another level: other parameter sets. */
static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x3d, 0xa1, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48};
static const uint8_t pps[] = {0x68, 0xcb, 0x83, 0xcb, 0x20};
static const uint8_t opus[] = {0xfc, 1, 2, 3}; /* 20 ms */

struct seen {
    struct packager_piece piece;
    uint8_t *bytes;
};
static struct seen seen[512];
static size_t n_seen;

static void on_piece(void *ctx, const struct packager_piece *p)
{
    (void)ctx;
    assert_true(n_seen < 512);
    seen[n_seen].piece = *p;
    seen[n_seen].bytes = malloc(p->len);
    memcpy(seen[n_seen++].bytes, p->bytes, p->len);
}

static void forget(void)
{
    while (n_seen)
        free(seen[--n_seen].bytes);
}

static size_t add_nal(uint8_t *out, const uint8_t *nal, size_t n)
{
    put_u32(out, (uint32_t)n);
    memcpy(out + 4, nal, n);
    return n + 4;
}

static void picture(struct packager *p, bool key, uint8_t level, int64_t us)
{
    uint8_t frame[200], set[sizeof sps], slice[40] = {key ? 0x65 : 0x41, (uint8_t)(us / 1000)};
    size_t n = 0;
    memcpy(set, sps, sizeof sps);
    set[3] = level;
    if (key) {
        n += add_nal(frame, set, sizeof set);
        n += add_nal(frame + n, pps, sizeof pps);
    }
    n += add_nal(frame + n, slice, sizeof slice);
    packager_picture(p, frame, n, key, us);
}

static uint64_t picture_at(int64_t ms)
{
    return (uint64_t)ms * 90;
}

static struct packager *fresh(void)
{
    struct packager *p;
    forget();
    assert_int_equal(packager_new(&p, on_piece, NULL), 0);
    return p;
}

/* ---- the tests ---- */
/* AAC in place of Opus: its own sample entry, frames of 1024, and silence where nothing comes, all of it what a decoder takes. */
static void aac_in_place_of_opus(void **state)
{
    (void)state;
    static const uint8_t quiet[] = {0x00, 0xc8, 0x00, 0x80, 0x23, 0x80};
    struct packager *p = fresh();
    char path[] = "/tmp/yl-aac-XXXXXX", command[200], line[200] = "";
    int fd = mkstemp(path);
    uint64_t at = 48000, body;
    packager_aac(p);
    for (int i = 0; i < 150; i++) { /* 6 s; nothing is heard between 2 and 4 s */
        picture(p, i % 50 == 0, 0x1e, 1000000 + i * 40000);
        for (int64_t us = 1000000 + i * 40000, k = us * 3 / 64000; k * 64000 / 3 < us + 40000; k++)
            if (k * 64000 / 3 >= us && (us < 3000000 || us > 5000000)) packager_voice(p, quiet, sizeof quiet, k * 64000 / 3);
        packager_tick(p, 1000000 + i * 40000);
    }
    packager_flush(p);
    assert_string_equal(seen[0].piece.codecs, "avc1.42c01e,mp4a.40.2");
    assert_non_null(memmem(seen[0].bytes, seen[0].piece.len, "esds", 4));
    assert_null(memmem(seen[0].bytes, seen[0].piece.len, "dOps", 4));
    for (size_t i = 0; i < n_seen; i++) {
        struct fragment a;
        assert_true(write(fd, seen[i].bytes, seen[i].piece.len) == (ssize_t)seen[i].piece.len);
        if (i == 0 || !read_fragment(seen[i].bytes + seen[i].piece.picture_len, seen[i].piece.len - seen[i].piece.picture_len, &a)) continue;
        assert_int_equal(a.time, at); /* unbroken */
        at += a.duration;
    }
    body = at - 48000;
    assert_in_range(body, 5.7 * 48000, 6.1 * 48000);
    snprintf(command, sizeof command, "ffprobe -v quiet -select_streams a -count_frames -show_entries stream=codec_name,nb_read_frames -of csv=p=0 %s 2>&1", path);
    FILE *f = popen(command, "r");
    int frames = 0;
    assert_non_null(fgets(line, sizeof line, f));
    if (sscanf(line, "aac,%d", &frames) != 1) fail_msg("ffprobe: %s", line);
    pclose(f);
    assert_in_range(frames, body / 1024 - 3, body / 1024 + 3);
    close(fd);
    unlink(path);
    packager_free(p);
}

static void chunks_and_segments(void **state)
{
    (void)state;
    struct packager *p = fresh();
    for (int i = 0; i < 100; i++) { /* 4 s of 25 pictures a second, a keyframe every 2 s */
        picture(p, i % 50 == 0, 0x1e, 1000000 + i * 40000);
        packager_voice(p, opus, sizeof opus, 1000000 + i * 40000);
        packager_voice(p, opus, sizeof opus, 1000000 + i * 40000 + 20000);
    }
    packager_flush(p);
    assert_true(seen[0].piece.init);
    assert_string_equal(seen[0].piece.codecs, "avc1.42c01e,opus");
    assert_int_equal(seen[0].piece.width, 640);
    assert_int_equal(n_seen, 21);
    uint64_t picture_at = 90000, voice_at = 48000;
    size_t body, keys = 0;
    assert_non_null(box(seen[0].bytes, seen[0].piece.len, "ftyp", &body));
    assert_non_null(box(seen[0].bytes, seen[0].piece.len, "moov", &body));
    for (size_t i = 1; i < n_seen; i++) {
        struct packager_piece *c = &seen[i].piece;
        struct fragment v, a;
        assert_true(read_fragment(seen[i].bytes, c->picture_len, &v));
        assert_true(read_fragment(seen[i].bytes + c->picture_len, c->len - c->picture_len, &a));
        assert_int_equal(v.track, 1);
        assert_int_equal(a.track, 2);
        assert_int_equal(v.time, picture_at); /* nothing missing, nothing twice */
        assert_int_equal(a.time, voice_at);
        picture_at += v.duration;
        voice_at += a.duration;
        assert_int_equal(v.n, 5);
        assert_false(v.has_parameter_sets);
        assert_int_equal(c->duration_us, 200000);
        assert_int_equal(c->key, v.first_key);
        assert_int_equal(c->segment, v.first_key);
        assert_int_equal(c->start_us, 1000000 + (int64_t)(i - 1) * 200000);
        keys += c->key;
    }
    assert_int_equal(keys, 2);
    assert_int_equal(picture_at, 90000 * 5);
    assert_int_equal(voice_at, 48000 * 5);
    packager_free(p);
}

static void other_parameter_sets(void **state)
{
    (void)state;
    struct packager *p = fresh();
    for (int i = 0; i < 20; i++)
        picture(p, i == 0 || i == 10, i < 10 ? 0x1e : 0x1f, 1000000 + i * 40000);
    packager_flush(p);
    size_t inits = 0;
    for (size_t i = 0; i < n_seen; i++) {
        struct fragment v;
        inits += seen[i].piece.init;
        if (inits == 2 && seen[i].piece.init) {
            assert_string_equal(seen[i].piece.codecs, "avc1.42c01f,opus");
            assert_true(seen[i + 1].piece.key && seen[i + 1].piece.segment);
            assert_true(read_fragment(seen[i + 1].bytes, seen[i + 1].piece.picture_len, &v));
            assert_true(v.first_key);
            assert_int_equal(v.time, 90000 + 10 * 3600);
            assert_true(read_fragment(seen[i - 1].bytes, seen[i - 1].piece.picture_len, &v));
            assert_int_equal(v.time + v.duration, 90000 + 10 * 3600);
            assert_int_equal(seen[i - 1].piece.generation, 1);
        }
    }
    assert_int_equal(inits, 2);
    packager_free(p);
}

/* The picture stands still for 1.2 s: chunks of sound go on, its last frame is long enough, nobody waits for a keyframe after. */
static void hole_in_the_picture(void **state)
{
    (void)state;
    struct packager *p = fresh();
    uint64_t voice_at = 48000, last_picture = 0, last_duration = 0;
    for (int ms = 0; ms < 3000; ms += 20) {
        int64_t us = 1000000 + ms * 1000;
        if (ms % 40 == 0 && (ms < 1000 || ms >= 2200)) picture(p, ms == 0, 0x1e, us);
        packager_voice(p, opus, sizeof opus, us);
        packager_tick(p, us + 20000);
    }
    bool without = false;
    for (size_t i = 1; i < n_seen; i++) {
        struct fragment f;
        if (read_fragment(seen[i].bytes, seen[i].piece.picture_len, &f)) {
            assert_true(f.time >= last_picture);
            if (last_picture) assert_true(f.time - last_picture <= 2 * last_duration); /* MSE's limit for going on without a keyframe */
            last_picture = f.time + f.duration - f.last_duration;
            last_duration = f.last_duration;
        } else {
            without = true;
        }
        assert_true(read_fragment(seen[i].bytes + seen[i].piece.picture_len, seen[i].piece.len - seen[i].piece.picture_len, &f));
        assert_int_equal(f.time, voice_at);
        voice_at += f.duration;
    }
    assert_true(without);
    packager_free(p);
}

/* No microphone at all, then one that begins late: the voice is unbroken all the same. */
static void silence_where_nothing_is_said(void **state)
{
    (void)state;
    struct packager *p = fresh();
    uint64_t voice_at = 48000;
    for (int i = 0; i < 100; i++) {
        picture(p, i % 50 == 0, 0x1e, 1000000 + i * 40000);
        for (int k = 0; i >= 60 && k < 2; k++)
            packager_voice(p, opus, sizeof opus, 1007000 + i * 40000 + k * 20000);
    }
    packager_flush(p);
    for (size_t i = 1; i < n_seen; i++) {
        struct fragment f;
        if (!read_fragment(seen[i].bytes + seen[i].piece.picture_len, seen[i].piece.len - seen[i].piece.picture_len, &f)) continue;
        assert_int_equal(f.time, voice_at);
        voice_at += f.duration;
    }
    assert_in_range(voice_at, 48000 * 49 / 10, 48000 * 51 / 10);
    packager_free(p);
}

static void sound_alone_then_a_picture(void **state)
{
    (void)state;
    struct packager *p = fresh();
    for (int ms = 0; ms < 8000; ms += 20) {
        packager_voice(p, opus, sizeof opus, 1000000 + ms * 1000);
        if (ms >= 3000 && ms < 4000 && ms % 40 == 0) picture(p, ms == 3000, 0x1e, 1000000 + ms * 1000);
        if (ms == 4000) packager_picture_off(p);
        packager_tick(p, 1000000 + ms * 1000 + 10000);
    }
    size_t inits = 0;
    static const char *const names[] = {"avc1.42c01f,opus", "avc1.42c01e,opus", "avc1.42c01f,opus"};
    for (size_t i = 0; i < n_seen; i++)
        if (seen[i].piece.init) {
            assert_true(inits < 3);
            assert_string_equal(seen[i].piece.codecs, names[inits]);
            assert_int_equal(seen[i].piece.picture, inits == 1);
            assert_int_equal(seen[i].piece.width != 0, inits == 1);
            inits++;
        }
    assert_int_equal(inits, 3);
    uint64_t next = 0;
    for (size_t i = 0; i < n_seen; i++) { /* sound alone is black: from the beginning to the end there are both, without a hole that no player was told of */
        struct fragment f;
        if (seen[i].piece.init) continue;
        assert_true(read_fragment(seen[i].bytes, seen[i].piece.len, &f));
        if (f.track != 1) continue; /* the second after the picture is switched off: it stands */
        assert_true(!next || f.time <= next);
        assert_true(f.first_key || seen[i].piece.picture);
        next = f.time + f.duration;
    }
    assert_true(next > 90000 * 8);
    packager_free(p);
}

/* A slide that stands still for ten seconds: what the tracks promised goes on, each repeated frame can be begun with. */
static void a_picture_that_stands_still(void **state)
{
    (void)state;
    struct packager *p = fresh();
    uint64_t end = 0;
    size_t inits = 0, keys = 0;
    for (int ms = 0; ms < 12000; ms += 20) {
        if (ms < 1000 && ms % 40 == 0) picture(p, ms == 0, 0x1e, 1000000 + ms * 1000);
        packager_voice(p, opus, sizeof opus, 1000000 + ms * 1000);
        packager_tick(p, 1000000 + ms * 1000 + 20000);
    }
    for (size_t i = 0; i < n_seen; i++) {
        struct fragment f;
        inits += seen[i].piece.init;
        if (seen[i].piece.init || !read_fragment(seen[i].bytes, seen[i].piece.picture_len, &f)) continue;
        if (end) assert_true(f.time <= end); /* no moment without a picture */
        end = f.time + f.duration;
        keys += f.first_key;
        if (f.first_key) assert_true(seen[i].piece.segment);
        assert_false(f.has_parameter_sets);
    }
    assert_int_equal(inits, 1);
    assert_in_range(keys, 4, 6);
    assert_true(end > 90 * 12800);
    packager_free(p);
}

/* What was told again is where a decoder is then: frames that need what came after it are left out until the next keyframe. */
static void nothing_goes_on_from_what_was_told_again(void **state)
{
    (void)state;
    struct packager *p = fresh();
    uint64_t resumed = picture_at(6400), keyed = picture_at(7000), stood = picture_at(2000);
    size_t again = 0, after = 0;
    for (int ms = 0; ms < 8000; ms += 20) {
        bool stands = ms >= 1000 && ms < 5400;
        if (ms % 40 == 0 && !stands) picture(p, ms == 0 || ms == 6000, 0x1e, 1000000 + ms * 1000);
        packager_voice(p, opus, sizeof opus, 1000000 + ms * 1000);
        packager_tick(p, 1000000 + ms * 1000 + 20000);
    }
    for (size_t i = 0; i < n_seen; i++) {
        struct fragment f;
        if (seen[i].piece.init || !read_fragment(seen[i].bytes, seen[i].piece.picture_len, &f)) continue;
        if (f.time < stood) continue;
        if (f.time >= resumed && f.time < keyed) assert_true(f.first_key);
        again += f.time < resumed && f.first_key;
        after += f.time >= keyed;
    }
    assert_true(again >= 1 && after >= 3);
    packager_free(p);
}

/* Six pictures a second, as a busy machine makes them: no part is longer than players were promised, and nothing is missing between. */
static void few_frames_make_no_long_chunk(void **state)
{
    (void)state;
    for (int every = 120; every <= 340; every += 20) {
        struct packager *p = fresh();
        uint64_t at = 0;
        int64_t end_us = 0;
        for (int ms = 0; ms < 6000; ms += 20) {
            if (ms % every == 0) picture(p, ms % (every * 10) == 0, 0x1e, 1000000 + ms * 1000);
            packager_voice(p, opus, sizeof opus, 1000000 + ms * 1000);
            packager_tick(p, 1000000 + ms * 1000 + 10000);
        }
        for (size_t i = 0; i < n_seen; i++) {
            struct fragment f;
            const struct packager_piece *c = &seen[i].piece;
            if (c->init) continue;
            assert_in_range(c->duration_us, 1, PACKAGER_CHUNK_MAX_US);
            if (end_us) assert_int_equal(c->start_us, end_us);
            end_us = c->start_us + c->duration_us;
            if (!read_fragment(seen[i].bytes, c->picture_len, &f)) continue;
            if (at && every <= 220) assert_int_equal(f.time, at);
            if (at) assert_true(f.time <= at); /* one that was overdue: its last frame was shown for long */
            at = f.time + f.duration;
        }
        packager_free(p);
    }
}

/* A keyframe that comes so late that its chunk is told already begins a segment all the same, and every chunk has a length. */
static void every_chunk_has_a_length(void **state)
{
    (void)state;
    struct packager *p = fresh();
    int64_t end_us = 0;
    size_t segments = 0;
    for (int ms = 0; ms < 6000; ms += 20) {
        int64_t late_ms = ms >= 1000 && ms % 1000 < 400 ? 360 - ms % 1000 / 40 * 40 : 0; /* at each full second, what comes is up to 0.36 s late and comes at once */
        for (int made = ms - 360; late_ms == 40 && made < ms; made += 40)
            picture(p, made % 1000 == 40, 0x1e, 1000000 + made * 1000);
        if (ms % 40 == 0 && !late_ms) picture(p, ms == 0, 0x1e, 1000000 + ms * 1000);
        packager_voice(p, opus, sizeof opus, 1000000 + ms * 1000);
        packager_tick(p, 1000000 + ms * 1000 + 20000);
    }
    for (size_t i = 0; i < n_seen; i++) {
        const struct packager_piece *c = &seen[i].piece;
        if (c->init) continue;
        assert_true(c->duration_us >= 1000);
        if (end_us) assert_int_equal(c->start_us, end_us);
        end_us = c->start_us + c->duration_us;
        segments += c->segment;
    }
    assert_int_equal(segments, 6);
    packager_free(p);
}

/* ---- frames ---- */
struct given {
    struct frames *frames;
    size_t n, bytes[8];
    bool keys[8];
    uint16_t seq;
};

static void on_frame(void *ctx, const struct frame *f)
{
    struct given *g = ctx;
    assert_true(g->n < 8);
    g->bytes[g->n] = f->len;
    g->keys[g->n++] = f->key;
}

static void send_fragment(struct given *g, uint32_t timestamp, uint8_t type, bool first, bool last, bool marker)
{
    uint8_t b[12 + 102] = {0x80, (uint8_t)((marker ? 0x80 : 0) | 96)};
    put_u16(b + 2, g->seq++);
    put_u32(b + 4, timestamp);
    b[12] = 0x60 | 28;
    b[13] = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0) | type);
    frames_input(g->frames, b, sizeof b, g->seq);
}

static void send_frame(struct given *g, uint32_t timestamp, bool key, bool marks)
{
    send_fragment(g, timestamp, key ? 5 : 1, true, false, false);
    send_fragment(g, timestamp, key ? 5 : 1, false, true, marks);
}

/* Chromium drops what waits to leave when a keyframe comes and counts on without a hole: half a frame is not given to a decoder, which would give up. */
static void a_frame_whose_end_was_never_sent(void **state)
{
    (void)state;
    for (int marks = 0; marks < 2; marks++) {
        struct given g = {0};
        assert_int_equal(frames_new(&g.frames, MEDIA_H264, on_frame, &g), 0);
        send_frame(&g, 0, true, marks);
        send_frame(&g, 3000, false, marks);
        if (marks) send_fragment(&g, 6000, 1, true, false, false);
        send_frame(&g, 9000, true, marks);
        send_frame(&g, 12000, false, marks);
        if (marks) send_fragment(&g, 15000, 1, true, false, false);
        frames_flush(g.frames, 0, true);
        assert_int_equal(g.n, 4); /* who marks no ends is told apart by times alone */
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(g.bytes[i], 4 + 1 + 200);
            assert_int_equal(g.keys[i], i % 2 == 0);
        }
        frames_free(g.frames);
    }
}

static void clocks(void **state)
{
    (void)state;
    struct rtp_clock v, a;
    int64_t at, last = 0;
    rtp_clock_init(&v, 90000);
    rtp_clock_init(&a, 48000);
    /* The picture reaches us 80 ms after it was made, the voice 10 ms; the sound card runs 0.02 % too fast. Reports say the truth. */
    uint32_t v0 = 0xfffff000, a0 = 77;
    int64_t apart = 0;
    for (int i = 0; i < 3000; i++) { /* two minutes */
        int64_t made = 1000000000 + i * 40000;
        uint32_t v_ts = v0 + (uint32_t)(i * 3600), a_ts = a0 + (uint32_t)(i * 1920.384);
        at = rtp_clock_map(&v, v_ts, made + 80000);
        assert_true(at > last);
        last = at;
        apart = at - rtp_clock_map(&a, a_ts, made + 10000);
        if (i % 25 == 12) {
            rtp_clock_refer(&v, v_ts + 900, made + 10000);
            rtp_clock_refer(&a, a_ts + 480, made + 10000);
        }
    }
    assert_in_range(apart + 5000, 0, 10000);
    assert_in_range(last - (1000000000 + 2999 * 40000) + 3000, 0, 6000);
}

static void opus_lengths(void **state)
{
    (void)state;
    assert_int_equal(opus_duration(opus, sizeof opus), 960);
    assert_int_equal(opus_duration((const uint8_t[]){0xf8}, 1), 960);
    assert_int_equal(opus_duration((const uint8_t[]){0x08}, 1), 960);
    assert_int_equal(opus_duration((const uint8_t[]){0x09}, 1), 1920);
    assert_int_equal(opus_duration((const uint8_t[]){0xfb, 3}, 2), 2880);
    assert_int_equal(opus_duration((const uint8_t[]){0xfb, 63}, 2), 0);
    assert_int_equal(opus_duration((const uint8_t[]){0xfb}, 1), 0);
    assert_int_equal(opus_duration(NULL, 0), 0);
}

/* ---- a real encoder's stream, judged by another's reader ---- */
static uint8_t *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    uint8_t *b = malloc(8 << 20);
    *len = fread(b, 1, 8 << 20, f);
    fclose(f);
    return b;
}

/* Annex B to frames: a new one begins with a parameter set or a slice that is its picture's first (first_mb_in_slice 0). */
static void feed_annexb(struct packager *p, const uint8_t *b, size_t len)
{
    static uint8_t frame[1 << 20];
    size_t n = 0, units = 0;
    int64_t us = 1000000;
    bool key = false, has_slice = false;
    for (size_t at = 0; at + 4 < len;) {
        if (!(b[at] == 0 && b[at + 1] == 0 && b[at + 2] == 1)) {
            at++;
            continue;
        }
        size_t from = at + 3, to = from;
        while (to + 3 < len && !(b[to] == 0 && b[to + 1] == 0 && b[to + 2] <= 1))
            to++;
        if (to + 3 >= len) to = len;
        uint8_t type = b[from] & 31;
        if (has_slice && (type >= 6 || (b[from + 1] & 0x80))) {
            packager_picture(p, frame, n, key, us);
            us += 40000;
            n = 0;
            key = has_slice = false;
        }
        n += add_nal(frame + n, b + from, to - from);
        key |= type == 5;
        has_slice |= type == 1 || type == 5;
        units++;
        at = to;
    }
    if (has_slice) packager_picture(p, frame, n, key, us);
    assert_true(units > 100);
}

static void told_by(const char *command, char *out, size_t cap)
{
    FILE *f = popen(command, "r");
    size_t n = f ? fread(out, 1, cap - 1, f) : 0;
    out[n] = '\0';
    if (f) assert_int_equal(pclose(f), 0);
}

static void judged_by_ffprobe(void **state)
{
    char dir[] = "/tmp/yl-packager-XXXXXX", h264[64], mp4[64], command[400], told[4096];
    size_t len;
    (void)state;
    if (system("command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null")) skip();
    assert_non_null(mkdtemp(dir));
    snprintf(h264, sizeof h264, "%s/a.h264", dir);
    snprintf(mp4, sizeof mp4, "%s/a.mp4", dir);
    snprintf(command, sizeof command,
             "ffmpeg -loglevel error -f lavfi -i testsrc=size=320x240:rate=25 -t 6 -c:v libx264 -profile:v baseline -pix_fmt yuv420p -g 50 %s", h264);
    assert_int_equal(system(command), 0);
    uint8_t *bytes = slurp(h264, &len);
    struct packager *p = fresh();
    feed_annexb(p, bytes, len);
    packager_flush(p);
    free(bytes);
    FILE *f = fopen(mp4, "wb");
    for (size_t i = 0; i < n_seen; i++)
        fwrite(seen[i].bytes, 1, seen[i].piece.len, f);
    fclose(f);
    snprintf(command, sizeof command, "ffprobe -v error -count_frames -show_entries stream=codec_name,width,height,nb_read_frames -of csv=p=0 %s", mp4);
    told_by(command, told, sizeof told);
    assert_non_null(strstr(told, "h264,320,240,150"));
    assert_non_null(strstr(told, "opus"));
    snprintf(command, sizeof command, "ffmpeg -v error -xerror -i %s -f null - 2>&1", mp4); /* decodes it all, picture and silence */
    told_by(command, told, sizeof told);
    assert_string_equal(told, "");
    unlink(h264);
    unlink(mp4);
    rmdir(dir);
    packager_free(p);
    forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(aac_in_place_of_opus), cmocka_unit_test(chunks_and_segments),       cmocka_unit_test(other_parameter_sets),
                                       cmocka_unit_test(hole_in_the_picture),       cmocka_unit_test(silence_where_nothing_is_said),
                                       cmocka_unit_test(sound_alone_then_a_picture), cmocka_unit_test(a_picture_that_stands_still), cmocka_unit_test(nothing_goes_on_from_what_was_told_again),
                                       cmocka_unit_test(few_frames_make_no_long_chunk), cmocka_unit_test(every_chunk_has_a_length), cmocka_unit_test(a_frame_whose_end_was_never_sent), cmocka_unit_test(clocks),
                                       cmocka_unit_test(opus_lengths),              cmocka_unit_test(judged_by_ffprobe)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forget();
    return failed;
}
