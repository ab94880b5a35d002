/* The child process: what is said to it and by it, its work on real streams, its fence, its deaths. */
#include "media/pipe/pipe.h"
#include "media/rtp/bytes.h"
#include "server/base/clock.h"
#include "tests/lib/ivf.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>
#include <cmocka.h>

#define PROGRAM YL_BUILD_DIR "/yilian-pipe"

/* ---- messages ---- */
static void messages_in_any_pieces(void **state)
{
    (void)state;
    uint8_t wire[200];
    struct pipe_message in = {.type = PIPE_FRAME, .flags = PIPE_KEY, .word = PIPE_VP8, .time_us = -5, .bytes = (const uint8_t *)"abcdef", .len = 6}, out;
    for (size_t cut = 0; cut <= 2 * (PIPE_HEAD_BYTES + 6); cut++) {
        struct pipe_reader r = {0};
        size_t whole = 0, got = 0, cap;
        for (int i = 0; i < 2; i++) {
            pipe_head_write(wire + whole, &in);
            memcpy(wire + whole + PIPE_HEAD_BYTES, in.bytes, 6);
            whole += PIPE_HEAD_BYTES + 6;
        }
        for (size_t at = 0; at < whole;) {
            size_t n = at < cut ? cut - at : whole - at;
            memcpy(pipe_reader_room(&r, &cap), wire + at, n);
            pipe_reader_fed(&r, n);
            at += n;
            do {
                assert_int_equal(pipe_reader_next(&r, true, &out), 0);
                if (out.type == PIPE_TYPE_COUNT) break;
                assert_int_equal(out.time_us, -5);
                assert_int_equal(out.flags, PIPE_KEY);
                assert_int_equal(out.len, 6);
                assert_memory_equal(out.bytes, "abcdef", 6);
                got++;
            } while (true);
        }
        assert_int_equal(got, 2);
        pipe_reader_free(&r);
    }
}

static void what_may_not_be_said(void **state)
{
    (void)state;
    struct { struct pipe_message m; bool from_child, good; } cases[] = {
        {{.type = PIPE_JOB, .word = PIPE_JOB_PICTURE}, false, true},
        {{.type = PIPE_JOB, .word = PIPE_JOB_PICTURE}, true, false},            /* a child gives no orders */
        {{.type = PIPE_JOB, .word = PIPE_JOB_INGEST}, false, false},            /* without an address */
        {{.type = PIPE_JOB, .word = PIPE_JOB_INGEST, .len = 1501}, false, false},
        {{.type = PIPE_JOB, .word = PIPE_JOB_COUNT}, false, false},
        {{.type = PIPE_FRAME, .word = PIPE_CODEC_COUNT, .len = 5}, true, false},
        {{.type = PIPE_FRAME, .word = PIPE_AAC, .len = 0}, true, false},
        {{.type = PIPE_FRAME, .word = PIPE_AAC, .len = PIPE_PAYLOAD_MAX + 1}, true, false},
        {{.type = PIPE_READY}, true, true},
        {{.type = PIPE_READY}, false, false},
        {{.type = PIPE_STATE, .word = PIPE_REDUCED_COUNT, .len = 4}, true, false},
        {{.type = PIPE_RTP, .len = 11}, true, false},
        {{.type = PIPE_FAULT, .word = PIPE_FAULT_COUNT}, true, false},
        {{.type = PIPE_TYPE_COUNT}, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(pipe_message_good(&cases[i].m, cases[i].from_child), cases[i].good);
}

/* ---- work ---- */
struct got {
    size_t n, keys, with_sets, bytes;
    int64_t first_us, last_us;
    bool backwards;
    unsigned width, height, faults;
};

static void on_message(void *ctx, const struct pipe_message *m)
{
    struct got *g = ctx;
    if (m->type == PIPE_FAULT) g->faults++;
    if (m->type == PIPE_STATE) {
        g->width = get_u16(m->bytes);
        g->height = get_u16(m->bytes + 2);
    }
    if (m->type != PIPE_FRAME) return;
    if (g->n && m->time_us <= g->last_us) g->backwards = true;
    if (!g->n) g->first_us = m->time_us;
    g->last_us = m->time_us;
    g->n++;
    g->keys += m->flags & PIPE_KEY;
    if (m->word == PIPE_H264) g->with_sets += m->len > 5 && (m->bytes[4] & 31) == 7;
    g->bytes += m->len;
}

static struct pipe *begin(enum pipe_job job, enum pipe_codec codec, struct got *g, unsigned deaths_max)
{
    struct pipe_params params = {.program = PROGRAM, .job = job, .codec = codec, .on_message = on_message, .ctx = g, .deaths_max = deaths_max};
    struct pipe *p;
    assert_int_equal(pipe_new(&p, &params), 0);
    return p;
}

static void serve(struct pipe *p, int ms)
{
    for (int64_t end = clock_monotonic_us() + ms * 1000; clock_monotonic_us() < end; usleep(2000))
        pipe_service(p, clock_monotonic_us());
}

static void until(struct pipe *p, enum pipe_phase phase, int ms)
{
    for (int64_t end = clock_monotonic_us() + ms * 1000; pipe_phase(p) != phase && clock_monotonic_us() < end; usleep(2000))
        pipe_service(p, clock_monotonic_us());
    assert_int_equal(pipe_phase(p), phase);
}

static void voice_becomes_aac(void **state)
{
    (void)state;
    static const uint8_t silence[] = {0xf8, 0xff, 0xfe};
    struct got g = {0};
    struct pipe *p = begin(PIPE_JOB_VOICE, PIPE_OPUS, &g, 3);
    until(p, PIPE_RUNNING, 20000);
    for (int i = 0; i < 150; i++)
        assert_true(pipe_frame(p, 7000000 + i * 20000, true, silence, sizeof silence));
    for (int i = 0; i < 50 && g.n < 135; i++)
        serve(p, 100);
    assert_true(g.n >= 135 && g.n <= 142); /* 1024 of 48000 a second: 140.6 in 3 s, some still inside */
    assert_false(g.backwards);
    assert_true(g.first_us >= 6950000 && g.first_us <= 7050000);
    assert_in_range(g.last_us - g.first_us, (int64_t)(g.n - 1) * 21333 - 1000, (int64_t)(g.n - 1) * 21333 + 1000);
    pipe_free(p);
}

static void picture_becomes_h264(const char *encoder, enum pipe_codec codec, const char *size, unsigned width, unsigned height)
{
    struct got g = {0};
    struct ivf v;
    size_t len, n = 0;
    int64_t pts;
    const uint8_t *frame;
    assert_int_equal(ivf_make(&v, encoder, size, 25, 3), 0);
    struct pipe *p = begin(PIPE_JOB_PICTURE, codec, &g, 3);
    until(p, PIPE_RUNNING, 20000);
    while ((frame = ivf_next(&v, &len, &pts))) {
        (void)!pipe_frame(p, 1000000 + pts * 40000, n % 25 == 0, frame, len);
        n++;
        serve(p, 20); /* twice as fast as it was made */
    }
    for (int i = 0; i < 60 && g.n < n - 5; i++)
        serve(p, 100);
    assert_int_equal(n, 75);
    assert_true(g.n >= n / 4); /* all, on a machine with nothing else to do */
    assert_false(g.backwards);
    assert_int_equal(g.first_us, 1000000);
    assert_true(g.keys >= 1);
    assert_int_equal(g.keys, g.with_sets); /* a player can begin at each */
    if (g.n >= n - 5) { /* the machine was never late */
        assert_true(g.keys >= 2);
        assert_int_equal(g.width, width);
        assert_int_equal(g.height, height);
    }
    pipe_free(p);
    free(v.bytes);
}

static void vp8_becomes_h264(void **state)
{
    (void)state;
    picture_becomes_h264("libvpx -deadline realtime -cpu-used 8 -b:v 1M -lag-in-frames 0 -auto-alt-ref 0", PIPE_VP8, "640x360", 640, 360);
    picture_becomes_h264("libvpx -deadline realtime -cpu-used 8 -b:v 1M -lag-in-frames 0 -auto-alt-ref 0", PIPE_VP8, "427x241", 426, 240); /* odd sizes */
}

static void vp9_and_av1_become_h264(void **state)
{
    (void)state;
    picture_becomes_h264("libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1M -lag-in-frames 0 -auto-alt-ref 0", PIPE_VP9, "640x360", 640, 360);
    picture_becomes_h264("libaom-av1 -usage realtime -cpu-used 8 -b:v 1M -lag-in-frames 0", PIPE_AV1, "320x180", 320, 180);
}

static void nonsense_is_survived(void **state)
{
    (void)state;
    struct got g = {0};
    uint8_t noise[3000];
    struct pipe *p = begin(PIPE_JOB_PICTURE, PIPE_VP8, &g, 3);
    until(p, PIPE_RUNNING, 20000);
    srand(7);
    for (int i = 0; i < 100; i++) {
        for (size_t k = 0; k < sizeof noise; k++)
            noise[k] = (uint8_t)rand();
        (void)!pipe_frame(p, i * 40000, true, noise, 1 + (size_t)rand() % sizeof noise);
        serve(p, 2);
    }
    struct got h = {0}; /* another child is none the worse */
    struct pipe *q = begin(PIPE_JOB_VOICE, PIPE_OPUS, &h, 3);
    until(q, PIPE_RUNNING, 20000);
    pipe_free(p);
    pipe_free(q);
}

/* ---- the fence ---- */
static void status_line(pid_t pid, const char *file, const char *name, char out[200])
{
    char path[64], line[300];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    *out = 0;
    while (fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0) snprintf(out, 200, "%.190s", line + strlen(name));
    fclose(f);
}

static void the_fence_stands(void **state)
{
    (void)state;
    char line[200], ours[100] = "", its[100] = "", path[64];
    struct got g = {0};
    struct pipe *p = begin(PIPE_JOB_VOICE, PIPE_OPUS, &g, 3);
    until(p, PIPE_RUNNING, 20000);
    status_line(pipe_pid(p), "status", "Seccomp:", line);
    assert_int_equal(atoi(line), 2);
    status_line(pipe_pid(p), "status", "NoNewPrivs:", line);
    assert_int_equal(atoi(line), 1);
    status_line(pipe_pid(p), "limits", "Max file size", line);
    assert_int_equal(atoi(line), 0);
    status_line(pipe_pid(p), "limits", "Max open files", line);
    assert_int_equal(atoi(line), 64);
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pipe_pid(p));
    assert_true(readlink(path, its, sizeof its - 1) > 0 && readlink("/proc/self/ns/net", ours, sizeof ours - 1) > 0);
    if (geteuid() == 0) assert_string_not_equal(ours, its); /* others only where the kernel lets them; sockets are refused anyway */
    pipe_free(p);
}

/* ---- deaths ---- */
static void a_killed_child_is_begun_again(void **state)
{
    (void)state;
    static const uint8_t silence[] = {0xf8, 0xff, 0xfe};
    struct got g = {0};
    struct pipe *p = begin(PIPE_JOB_VOICE, PIPE_OPUS, &g, 10);
    until(p, PIPE_RUNNING, 20000);
    pid_t first = pipe_pid(p);
    assert_int_equal(kill(first, SIGKILL), 0);
    until(p, PIPE_WAITING, 2000);
    assert_false(pipe_frame(p, 1, true, silence, sizeof silence));
    assert_int_equal(kill(first, 0), -1); /* nothing of it is left, not even its name in the table */
    assert_int_equal(errno, ESRCH);
    until(p, PIPE_RUNNING, 20000);
    assert_true(pipe_pid(p) != first);
    for (int i = 0; i < 50; i++)
        (void)!pipe_frame(p, i * 20000, true, silence, sizeof silence);
    for (int i = 0; i < 50 && g.n < 10; i++)
        serve(p, 100);
    assert_true(g.n >= 10);
    pipe_free(p);
}

static void one_that_always_dies_is_given_up(void **state)
{
    (void)state;
    struct got g = {0};
    struct pipe_params params = {.program = "/bin/false", .job = PIPE_JOB_VOICE, .codec = PIPE_OPUS, .on_message = on_message, .ctx = &g, .deaths_max = 3};
    struct pipe *p;
    int64_t began = clock_monotonic_us();
    assert_int_equal(pipe_new(&p, &params), 0);
    until(p, PIPE_GIVEN_UP, 20000);
    assert_int_equal(pipe_deaths(p), 3);
    assert_true(clock_monotonic_us() - began >= 1500000); /* half a second, then a whole one */
    pipe_free(p);
}

static void a_stopped_child_holds_nobody_up(void **state)
{
    (void)state;
    uint8_t frame[60000] = {0};
    struct got g = {0};
    struct pipe *p = begin(PIPE_JOB_PICTURE, PIPE_VP8, &g, 3);
    size_t refused = 0;
    until(p, PIPE_RUNNING, 20000);
    kill(pipe_pid(p), SIGSTOP);
    int64_t began = clock_monotonic_us();
    for (int i = 0; i < 300; i++) {
        refused += !pipe_frame(p, i * 40000, i % 50 == 0, frame, sizeof frame);
        pipe_service(p, clock_monotonic_us());
    }
    assert_true(refused > 100); /* the queue is bounded */
    assert_true(clock_monotonic_us() - began < 2000000);
    pipe_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_in_any_pieces),   cmocka_unit_test(what_may_not_be_said),          cmocka_unit_test(voice_becomes_aac),
        cmocka_unit_test(vp8_becomes_h264),         cmocka_unit_test(vp9_and_av1_become_h264),       cmocka_unit_test(nonsense_is_survived),
        cmocka_unit_test(the_fence_stands),         cmocka_unit_test(a_killed_child_is_begun_again), cmocka_unit_test(one_that_always_dies_is_given_up),
        cmocka_unit_test(a_stopped_child_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
