/* The recorder on a disk that is full for a while, one that stands still, and one without room: who feeds it does not wait, and what is missing says why. */
#include "tests/lib/recorder_feed.h"
#include <errno.h>
#include <stdatomic.h>

static atomic_int disk_state; /* 0 works, 1 full, 2 stands */

static ssize_t disk(int fd, const void *bytes, size_t n, off_t at)
{
    while (disk_state == 2)
        rest_ms(5);
    if (disk_state == 1) { /* half of it fits: a torn end to be cut off */
        (void)!pwrite(fd, bytes, n / 2, at);
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, bytes, n, at);
}

static void a_full_disk(void **state)
{
    struct recorder *r = begin((struct recorder_config){.pwrite = disk});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    disk_state = 0;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 4000);
    rest_ms(100);
    wait_written(r);
    disk_state = 1;
    play(in, 4000, 7000);
    rest_ms(100);
    wait_written(r);
    disk_state = 0;
    play(in, 7000, 12000);
    rest_ms(1100);
    assert_non_null(heard(MEDIA_RECORD_TROUBLE, 0));
    assert_int_equal(heard(MEDIA_RECORD_TROUBLE, 0)->error, ERR_STORAGE);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    struct found f = whole(heard(MEDIA_RECORD_FILE, SOUND));
    assert_int_equal(f.n, 1);
    assert_int_equal(f.gaps[0].why, REEL_DISK);
    assert_in_range(f.gaps[0].begin_ms, 3100, 4010);
    assert_in_range(f.gaps[0].lost_ms, 2300, 4200);
    f = whole(heard(MEDIA_RECORD_FILE, PICTURE));
    assert_int_equal(f.gaps[0].why, REEL_DISK);
    assert_in_range(f.gaps[0].begin_ms + f.gaps[0].length_ms, 7998, 8002); /* rounded twice; a picture goes on with a keyframe */
    assert_true(plays(heard(MEDIA_RECORD_FILE, PICTURE)->file.path));
    empty_dir();
}

static void a_disk_that_stands(void **state)
{
    struct recorder *r = begin((struct recorder_config){.pwrite = disk, .queue_bytes = 100000});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    disk_state = 2;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    int64_t before = now_ms();
    play(in, 0, 30000);
    assert_in_range(now_ms() - before, 0, 1000); /* who feeds it does not wait */
    rest_ms(300);
    struct recorder_load load;
    recorder_load(r, &load);
    assert_in_range(load.worst_bytes, 50000, 101000);
    disk_state = 0;
    wait_written(r);
    play(in, 30000, 33000);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    uint32_t lost = 0;
    for (uint64_t track = SOUND; track <= PICTURE; track++) {
        const struct media_event *file = heard(MEDIA_RECORD_FILE, track);
        struct found f = whole(file);
        assert_in_range(file->file.duration_ms, 32900, 33100);
        for (size_t i = 0; i < f.n; i++) {
            assert_int_equal(f.gaps[i].why, REEL_DISK);
            lost += f.gaps[i].lost_ms;
        }
    }
    assert_true(lost > 20000);
    empty_dir();
}

static void no_room(void **state)
{
    struct recorder *r = begin((struct recorder_config){.min_free_bytes = UINT64_MAX});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 2000);
    recorder_close(r);
    assert_int_equal(told.n, 1);
    assert_int_equal(told.at[0].type, MEDIA_RECORD_DONE);
    assert_int_equal(told.at[0].error, ERR_STORAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_disk_that_stands),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, feed_begin, feed_end);
}
