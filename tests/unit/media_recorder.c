/* What a killed process left in the recorder's folder is told of when it opens: torn files finished, finished ones as they are. */
#include "media/mux/recorder.h"
#include "media/mux/webm.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct {
    pthread_mutex_t lock;
    struct media_event at[8];
    size_t n;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};
static char dir[64];

static void hear(void *ctx, const struct media_event *e)
{
    (void)ctx;
    pthread_mutex_lock(&told.lock);
    if (told.n < 8)
        told.at[told.n] = *e;
    told.n++;
    pthread_mutex_unlock(&told.lock);
}

/* Opens and closes the recorder: closing waits for the recovery. */
static void run_once(void)
{
    struct fault f = {0};
    struct recorder *r;
    told.n = 0;
    assert_int_equal(recorder_open(&r, dir, 1, hear, NULL, &f), 0);
    recorder_close(r);
}

/* Two seconds of sound in 20 ms frames. */
static void write_sound(const char *path)
{
    static const uint8_t silence[] = {0xf8, 0xff, 0xfe};
    struct webm *w;
    assert_int_equal(webm_open(&w, path, MEDIA_OPUS, NULL, 0), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(webm_frame(w, silence, sizeof silence, i * 20, true), 0);
        if (i % 50 == 49)
            assert_int_equal(webm_flush(w), 0);
    }
    webm_close(w);
}

static void left_behind(void **state)
{
    char torn[160], path[160], first_hash[65];
    (void)state;
    snprintf(torn, sizeof torn, "%s/00000000000000a1-00000000000000b1-00000000000000c1-1795500000000.weba.part", dir);
    write_sound(torn);
    FILE *f = fopen(torn, "ab");
    fputs("\x1f\x43\xb6\x75torn cluster", f);
    fclose(f);
    snprintf(path, sizeof path, "%s/notes.txt", dir);
    f = fopen(path, "w");
    fclose(f);

    run_once();
    assert_int_equal(told.n, 2);
    assert_int_equal(told.at[0].type, MEDIA_RECORD_FILE);
    assert_int_equal(told.at[0].recording, 0xa1);
    assert_int_equal(told.at[0].track.v, 0xb1);
    assert_int_equal(told.at[0].room.v, 0xc1);
    assert_int_equal(told.at[0].file.started_ms, 1795500000000);
    assert_in_range(told.at[0].file.duration_ms, 1980, 2020);
    assert_string_equal(told.at[0].file.content_type, "audio/webm");
    assert_int_equal(access(told.at[0].file.path, F_OK), 0);
    assert_int_equal(access(torn, F_OK), -1);
    assert_int_equal(told.at[1].type, MEDIA_RECORD_DONE);
    assert_int_equal(told.at[1].error, ERR_UNAVAILABLE);
    strcpy(first_hash, told.at[0].file.sha256);

    run_once(); /* nobody took it: told again, the same bytes */
    assert_int_equal(told.n, 2);
    assert_string_equal(told.at[0].file.sha256, first_hash);
    assert_in_range(told.at[0].file.duration_ms, 1980, 2020);
    assert_int_equal(told.at[1].type, MEDIA_RECORD_DONE);

    assert_int_equal(unlink(told.at[0].file.path), 0); /* taken */
    run_once();
    assert_int_equal(told.n, 0);
}

int main(void)
{
    char command[96];
    strcpy(dir, "/tmp/yl-recorder-XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(left_behind)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) || failed;
}
