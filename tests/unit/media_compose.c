/* What a composed film is made by: where pictures stand, frames out of files, what the daemon says. Pure; the child itself: records_export.c. */
#include "media/mux/frames.h"
#include "media/mux/webm.h"
#include "media/pipe/cluster.h"
#include "media/pipe/layout.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define N_MAX 40

static void inside_and_apart(const struct layout_rect *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!r[i].w) continue;
        assert_int_equal((r[i].x | r[i].y | r[i].w | r[i].h) & 1, 0);
        assert_true(r[i].x + r[i].w <= COMPOSE_WIDTH && r[i].y + r[i].h <= COMPOSE_HEIGHT && r[i].h > 0);
        for (size_t k = i + 1; k < n; k++)
            assert_true(!r[k].w || r[i].x + r[i].w <= r[k].x || r[k].x + r[k].w <= r[i].x || r[i].y + r[i].h <= r[k].y || r[k].y + r[k].h <= r[i].y);
    }
}

static void nobody_stands_on_another(void **state)
{
    (void)state;
    struct layout_member m[N_MAX];
    struct layout_rect r[N_MAX];
    srand(7);
    for (int layout = 0; layout < COMPOSE_LAYOUTS; layout++)
        for (size_t n = 0; n <= N_MAX; n++) {
            size_t shown = 0, speaker = n ? (size_t)rand() % n : 0;
            for (size_t i = 0; i < n; i++)
                m[i] = (struct layout_member){rand() % 3 == 0, i == speaker};
            layout_place((enum compose_layout)layout, COMPOSE_WIDTH, COMPOSE_HEIGHT, m, n, r);
            inside_and_apart(r, n);
            for (size_t i = 0; i < n; i++)
                shown += r[i].w != 0;
            size_t most = layout == COMPOSE_GRID ? LAYOUT_GRID_MAX : LAYOUT_SIDE_MAX + 1;
            assert_int_equal(shown, n < most ? n : most);
            if (n && layout != COMPOSE_GRID) assert_true(r[speaker].w > 0);
        }
}

static void who_is_large(void **state)
{
    (void)state;
    struct layout_member m[] = {{false, false}, {true, false}, {false, true}};
    struct layout_rect r[3];
    layout_place(COMPOSE_SPEAKER, COMPOSE_WIDTH, COMPOSE_HEIGHT, m, 3, r);
    assert_true(r[2].w == 1024 && r[0].w == 256 && r[1].w == 256);
    layout_place(COMPOSE_SLIDES, COMPOSE_WIDTH, COMPOSE_HEIGHT, m, 3, r);
    assert_true(r[1].w == 1024 && r[2].x == 1024 && r[2].y == 0 && r[0].y == 144); /* who speaks first */
    m[1].screen = false;
    layout_place(COMPOSE_SLIDES, COMPOSE_WIDTH, COMPOSE_HEIGHT, m, 3, r);
    assert_int_equal(r[2].w, 1024); /* no screen: as the speaker view */
    layout_place(COMPOSE_SPEAKER, COMPOSE_WIDTH, COMPOSE_HEIGHT, m, 1, r);
    assert_int_equal(r[0].w, COMPOSE_WIDTH);
    layout_place(COMPOSE_GRID, COMPOSE_WIDTH, COMPOSE_HEIGHT, m, 3, r);
    assert_true(r[0].w == 640 && r[2].x == 320 && r[2].y == 360); /* the last row in the middle */
}

static void shapes_are_kept(void **state)
{
    (void)state;
    struct layout_rect in = {640, 0, 640, 360}, r = layout_fit(in, 480, 640);
    assert_true(r.h == 360 && r.w == 270 && r.x == 640 + 184 && r.y == 0);
    r = layout_fit(in, 2560, 720);
    assert_true(r.w == 640 && r.h == 180 && r.y == 90);
    assert_int_equal(layout_fit(in, 0, 0).w, 0);
    assert_true(layout_fit(in, 16383, 1).h >= 2);
}

static void words_and_heads(void **state)
{
    (void)state;
    static const struct {
        struct compose_head h;
        bool good;
    } cases[] = {
        {{COMPOSE_JOB, 0, COMPOSE_PICTURES | COMPOSE_SLIDES << 8, 60000, 0}, true},
        {{COMPOSE_JOB, 0, COMPOSE_LAYOUTS << 8, 60000, 0}, false},
        {{COMPOSE_JOB, 0, COMPOSE_WANTS, 60000, 0}, false},
        {{COMPOSE_JOB, 0, 0, -1, 0}, false},
        {{COMPOSE_TRACK, 249, 0, 0, COMPOSE_TRACK_BYTES}, true},
        {{COMPOSE_TRACK, 250, 0, 0, COMPOSE_TRACK_BYTES}, false},
        {{COMPOSE_TRACK, 0, 0, 0, COMPOSE_TRACK_BYTES - 1}, false},
        {{COMPOSE_GAP, 0, 1, 0, COMPOSE_GAP_BYTES}, true},
        {{COMPOSE_CLUSTER, 0, 0, 0, 0}, false},
        {{COMPOSE_CLUSTER, 0, 0, 0, COMPOSE_PAYLOAD_MAX + 1}, false},
        {{0, 0, 0, 0, 0}, false},
        {{COMPOSE_END + 1, 0, 0, 0, 0}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t wire[COMPOSE_HEAD_BYTES];
        struct compose_head out;
        compose_head_write(wire, &cases[i].h);
        assert_int_equal(compose_head_read(wire, &out) == 0, cases[i].good);
        assert_true(out.type == cases[i].h.type && out.track == cases[i].h.track && out.word == cases[i].h.word && out.time_ms == cases[i].h.time_ms && out.len == cases[i].h.len);
    }
    enum compose_layout l;
    for (int i = 0; i < COMPOSE_LAYOUTS; i++)
        assert_true(compose_layout_find(compose_layout_name((enum compose_layout)i), &l) && (int)l == i);
    assert_false(compose_layout_find("circle", &l));
    assert_false(compose_layout_find(NULL, &l));
}

/* ---- frames out of what the recorder writes ---- */
struct seen {
    size_t n;
    int64_t last_ms;
    bool keys[8], spares[8];
};

static void on_frame(void *ctx, const struct cluster_frame *f)
{
    struct seen *s = ctx;
    assert_true(s->n < 8);
    assert_int_equal(f->len, 10 + s->n);
    assert_int_equal(f->bytes[3], 0x9d);
    s->spares[s->n] = f->spare;
    s->keys[s->n++] = f->key;
    s->last_ms = f->time_ms;
}

/* The content of the first element with that id. */
static const uint8_t *content(const struct webm_part *p, uint32_t id, size_t *len)
{
    for (size_t at = 0; at + 12 < p->len; at++)
        if (((uint32_t)p->bytes[at] << 24 | p->bytes[at + 1] << 16 | p->bytes[at + 2] << 8 | p->bytes[at + 3]) == id) {
            *len = (size_t)(p->bytes[at + 8] << 24 | p->bytes[at + 9] << 16 | p->bytes[at + 10] << 8 | p->bytes[at + 11]);
            return p->bytes + at + 12;
        }
    return NULL;
}

static void frames_out_of_files(void **state)
{
    (void)state;
    static const uint8_t key[16] = {0, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0};
    struct webm *w;
    struct webm_part head, part;
    enum pipe_codec codec;
    struct seen seen = {0};
    size_t len;
    assert_int_equal(webm_new(&w, MEDIA_VP8, key, 10, &head), 0);
    const uint8_t *tracks = content(&head, 0x1654ae6b, &len);
    assert_int_equal(cluster_codec(tracks, len, &codec), 0);
    assert_int_equal(codec, PIPE_VP8);
    for (size_t cut = 0; cut < len; cut++)
        if (cluster_codec(tracks, cut, &codec) == 0) assert_int_equal(codec, PIPE_VP8); /* never past its end (ASan) */
    for (int i = 0; i < 4; i++)
        assert_int_equal(webm_frame(w, key, 10 + (size_t)i, 5000 + 66 * i, i == 0 ? WEBM_KEY : i == 2 ? WEBM_SPARE : WEBM_DELTA), 0);
    assert_int_equal(webm_cut(w, &part), 0);
    const uint8_t *cluster = content(&part, 0x1f43b675, &len);
    cluster_frames(cluster, len, on_frame, &seen);
    assert_true(seen.n == 4 && seen.last_ms == 5198 && seen.keys[0] && !seen.keys[1]);
    assert_true(!seen.spares[0] && !seen.spares[1] && seen.spares[2] && !seen.spares[3]);
    for (size_t cut = 0; cut < len; cut++) { /* torn anywhere */
        uint8_t *torn = malloc(cut + 1);
        memcpy(torn, cluster, cut);
        seen = (struct seen){0};
        cluster_frames(torn, cut, on_frame, &seen);
        assert_true(seen.n < 4);
        free(torn);
    }
    free(head.bytes);
    free(part.bytes);
    webm_free(w);
}

/* ---- frames that nothing is made from ---- */
static size_t n_given;
static bool given_spare[8];

static void on_given(void *ctx, const struct frame *f)
{
    (void)ctx;
    assert_true(n_given < 8);
    given_spare[n_given++] = f->spare;
}

static void say_packet(struct frames *f, uint16_t seq, bool last, uint8_t first, uint8_t second)
{
    uint8_t rtp[20] = {0x80, (uint8_t)(last ? 0xe0 : 0x60), (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, (uint8_t)(seq / 2 + 1), 0, 0, 0, 1, first, second, 0, 0, 0x9d, 1, 0x2a, 1};
    frames_input(f, rtp, sizeof rtp, 1000 + seq);
}

/* VP8's N and H.264's NRI, of all packets of a frame. */
static void what_nothing_is_made_from(void **state)
{
    (void)state;
    struct frames *f;
    n_given = 0;
    assert_int_equal(frames_new(&f, MEDIA_VP8, on_given, NULL), 0);
    for (uint16_t i = 0; i < 8; i++) { /* two packets a frame: a keyframe, one that is used, one that is not, one that says both */
        static const uint8_t descriptor[8] = {0x10, 0x00, 0x10, 0x00, 0x30, 0x20, 0x30, 0x00};
        say_packet(f, i, i % 2, descriptor[i], i < 2 ? 0x00 : 0x01);
    }
    frames_flush(f, 5000, true);
    frames_free(f);
    assert_int_equal(n_given, 4);
    assert_true(!given_spare[0] && !given_spare[1] && given_spare[2] && !given_spare[3]);
    n_given = 0;
    assert_int_equal(frames_new(&f, MEDIA_H264, on_given, NULL), 0);
    say_packet(f, 0, false, 0x67, 0x42);
    say_packet(f, 1, true, 0x65, 0x88);
    say_packet(f, 2, true, 0x01, 0x9a);
    say_packet(f, 4, true, 0x41, 0x9a);
    frames_flush(f, 9000, true);
    frames_free(f);
    assert_true(n_given >= 2 && !given_spare[0] && given_spare[1]);
    for (size_t i = 2; i < n_given; i++)
        assert_false(given_spare[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_stands_on_another), cmocka_unit_test(who_is_large), cmocka_unit_test(shapes_are_kept),
                                       cmocka_unit_test(words_and_heads), cmocka_unit_test(frames_out_of_files), cmocka_unit_test(what_nothing_is_made_from)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
