/* What a recording has at its end when the worker gets its turn late: everything that had come when it was stopped, or when a publisher left, and nothing that came after. */
#include "media/media.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/lib/plane_peer.h"

#define RECORDING 0xa1
#define STAYS 51 /* track of who stays until the recording is stopped */
#define LEAVES 52

static int stuck, caught, done;
static int64_t began_us;
static int64_t length_ms[64]; /* of the file of each track */

static void on_event(void *ctx, const struct media_event *e)
{
    (void)ctx;
    if (e->type == MEDIA_RECORD_FILE) length_ms[e->track.v] += e->file.duration_ms;
    if (e->type == MEDIA_RECORD_DONE) __atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
    if (e->type == MEDIA_RECORD_FILE || e->type == MEDIA_RECORD_DONE) return; /* another thread */
    while (__atomic_load_n(&stuck, __ATOMIC_SEQ_CST)) { /* events of peers are told on the worker's thread: it stands still */
        __atomic_store_n(&caught, 1, __ATOMIC_SEQ_CST);
        usleep(1000);
    }
}

static void post(struct media *m, struct media_cmd c)
{
    c.room.v = PLANE_ROOM;
    assert_int_equal(media_post(m, &c), 0);
}

static void say(struct rtc_client *c, uint32_t ssrc, int n)
{
    uint8_t p[72] = {0x80, 111};
    put_u16(p + 2, (uint16_t)(100 + n));
    put_u32(p + 4, (uint32_t)n * 960);
    put_u32(p + 8, ssrc);
    memcpy(p + 12, "\xf8\xff\xfe", 3);
    rtc_client_send(c, p, sizeof p, false);
}

/* Packets of 20 ms, of both tracks or of the one that stays. */
static int talk(struct rtc_client *c, int n, int packets, bool both)
{
    for (int end = n + packets; n < end; n++) {
        say(c, 7000 + STAYS, n);
        if (both) say(c, 7000 + LEAVES, n);
        for (int64_t next = began_us + (n + 1) * 20000; clock_monotonic_us() < next; usleep(1000))
            rtc_client_poll(c, 0);
    }
    return n;
}

static void stand(struct rtc_client *c)
{
    __atomic_store_n(&caught, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&stuck, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 1000 && !__atomic_load_n(&caught, __ATOMIC_SEQ_CST); i++) { /* what it measures of its peers is told every two seconds */
        rtc_client_poll(c, 0);
        usleep(10000);
    }
    assert_true(__atomic_load_n(&caught, __ATOMIC_SEQ_CST));
}

static void go_on(void)
{
    __atomic_store_n(&stuck, 0, __ATOMIC_SEQ_CST);
}

static void what_came_before_the_end(void **state)
{
    (void)state;
    char dir[] = "/tmp/yl-record-XXXXXX", command[64];
    assert_non_null(mkdtemp(dir));
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 1, .record_dir = dir, .on_event = on_event};
    struct media *m;
    struct dtls_identity *id;
    struct fault f = {0};
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
    struct rtc_client pub = {0};
    assert_int_equal(media_open(&m, &config, &f), 0);
    assert_int_equal(dtls_identity_new(&id, DTLS_ENGINE_OPENSSL), 0);
    media_candidates(m, cand);
    plane_connect(m, id, cand[0].port, &pub, 1);
    for (uint32_t t = STAYS; t <= LEAVES; t++)
        post(m, (struct media_cmd){.type = MEDIA_TRACK_OPEN, .track_open = {.peer = {1}, .track = {t}, .kind = MEDIA_AUDIO, .n_payloads = 1,
                                   .payloads = {{MEDIA_OPUS, 111, 0, ""}}, .ssrc = 7000 + t}});
    post(m, (struct media_cmd){.type = MEDIA_RECORD_START, .record = {{PLANE_ROOM}, RECORDING, 1}});
    usleep(50000);
    stand(&pub); /* in what it tells every two seconds */
    go_on();
    began_us = clock_monotonic_us();
    int n = talk(&pub, 0, 50, true);
    stand(&pub);
    began_us = clock_monotonic_us() - n * 20000;
    n = talk(&pub, n, 100, true); /* two seconds of sound that nobody reads */
    post(m, (struct media_cmd){.type = MEDIA_TRACK_CLOSE, .track = {.track = {LEAVES}}});
    usleep(5000);
    n = talk(&pub, n, 50, false);
    post(m, (struct media_cmd){.type = MEDIA_RECORD_STOP, .recording = RECORDING});
    usleep(5000);
    talk(&pub, n, 50, false); /* not meant to be kept any more */
    go_on();
    for (int i = 0; i < 1000 && !__atomic_load_n(&done, __ATOMIC_SEQ_CST); i++) {
        rtc_client_poll(&pub, 0);
        usleep(10000);
    }
    print_message("%lld and %lld ms\n", (long long)length_ms[LEAVES], (long long)length_ms[STAYS]);
    assert_in_range(length_ms[LEAVES], 150 * 20 - 30, 150 * 20 + 30);
    assert_in_range(length_ms[STAYS], 200 * 20 - 30, 200 * 20 + 30);
    rtc_client_close(&pub);
    media_close(m);
    dtls_identity_free(id);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_came_before_the_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
