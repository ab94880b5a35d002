/* The recorder by itself: packets in, chained files out. Whole sessions, in parts, with packets lost, a source that stalls, and nothing that comes. */
#include "tests/lib/recorder_feed.h"

static void a_session(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    int64_t began = now_ms();
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 10000);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    assert_int_equal(told.n, 3);
    assert_int_equal(told.at[2].type, MEDIA_RECORD_DONE);
    assert_int_equal(told.at[2].error, 0);
    for (uint64_t track = SOUND; track <= PICTURE; track++) {
        const struct media_event *file = heard(MEDIA_RECORD_FILE, track);
        struct found f = whole(file);
        assert_int_equal(f.n, 0);
        assert_in_range(f.report.links, 12, 16); /* of 800 ms, or to the next keyframe */
        assert_in_range(file->file.duration_ms, 9950, 10050);
        assert_true(plays(file->file.path));
    }
    assert_in_range(heard(MEDIA_RECORD_FILE, SOUND)->file.started_ms, began, began + 5000);
    empty_dir();
}

/* A long track is a row of files without a hole between them. */
static void in_parts(void **state)
{
    struct recorder *r = begin((struct recorder_config){.part_ms = 3000});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 20000);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    for (uint64_t track = SOUND; track <= PICTURE; track++) {
        int64_t from = 0, until = 0;
        size_t n = 0;
        for (size_t i = 0; i < told.n; i++) {
            const struct media_event *e = &told.at[i];
            if (e->type != MEDIA_RECORD_FILE || e->track.v != track)
                continue;
            assert_int_equal(whole(e).n, 0);
            assert_true(!n || (e->file.started_ms >= until - 2 && e->file.started_ms <= until + 2));
            from = n++ ? from : e->file.started_ms;
            until = e->file.started_ms + e->file.duration_ms;
        }
        assert_int_equal(n, track == SOUND ? 7 : 5); /* a picture waits for its keyframe: every 4 s */
        assert_in_range(until - from, 19950, 20050);
    }
    empty_dir();
}

static void lost_on_the_network(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 3000);
    for (int i = 150; i < 500; i++) {
        bool outage = i >= 250 && i < 300; /* a second of sound; and one packet of a picture, which loses the rest of its group */
        if (!outage)
            sound(in, i);
        if (i % 2 == 0)
            picture(in, i / 2, i != 220, true);
    }
    rest_ms(1000); /* what is missing has been waited for */
    recorder_stop(in, RECORDING);
    recorder_close(r);
    struct found f = whole(heard(MEDIA_RECORD_FILE, SOUND));
    assert_int_equal(f.n, 1);
    assert_int_equal(f.gaps[0].why, REEL_NETWORK);
    assert_in_range(f.gaps[0].begin_ms, 4980, 5020);
    assert_in_range(f.gaps[0].lost_ms, 980, 1020);
    assert_in_range(heard(MEDIA_RECORD_FILE, SOUND)->file.duration_ms, 9950, 10050);
    f = whole(heard(MEDIA_RECORD_FILE, PICTURE));
    assert_int_equal(f.n, 1);
    assert_int_equal(f.gaps[0].why, REEL_NETWORK);
    assert_in_range(f.gaps[0].begin_ms, 4360, 4440); /* frame 110 of 25 a second */
    assert_in_range(f.gaps[0].length_ms, 1560, 1640); /* to the keyframe at 6 s */
    empty_dir();
}

/* A group of pictures that lost its beginning just before the end cannot be shown, and no keyframe comes any more: the file is shorter, and says so. */
static void lost_at_the_end(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 4000);
    for (int i = 200; i < 300; i++) {
        sound(in, i);
        if (i % 2 == 0)
            picture(in, i / 2, i != 210, i != 298); /* one packet of frame 105 is lost; the last frame is on its way still */
    }
    recorder_stop(in, RECORDING);
    recorder_close(r);
    assert_int_equal(whole(heard(MEDIA_RECORD_FILE, SOUND)).n, 0);
    struct found f = whole(heard(MEDIA_RECORD_FILE, PICTURE));
    assert_in_range(heard(MEDIA_RECORD_FILE, PICTURE)->file.duration_ms, 4190, 4210);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.gaps[0].why, REEL_NETWORK);
    assert_in_range(f.gaps[0].begin_ms, 4190, 4210);
    assert_in_range(f.gaps[0].begin_ms + f.gaps[0].length_ms, 5950, 6010);
    assert_int_equal(f.gaps[0].lost_ms, f.gaps[0].length_ms);
    empty_dir();
}

/* A frame whose end had not come when it was stopped is not missing. */
static void stopped_within_a_frame(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 4000);
    picture(in, 100, true, false);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    assert_int_equal(whole(heard(MEDIA_RECORD_FILE, PICTURE)).n, 0);
    assert_in_range(heard(MEDIA_RECORD_FILE, PICTURE)->file.duration_ms, 3990, 4010);
    empty_dir();
}

/* A machine that stands still for moments makes fewer samples than time passes, and RTP counts samples: its reports tell. Every five seconds, as browsers send them. */
static void the_source_stalls(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    int64_t t0 = now_ms();
    int made = 0;
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    for (int ms = 0; ms < 30000; ms += 20) {
        if (ms && ms % 5000 == 0)
            recorder_refer(in, RECORDING, (struct track_id){SOUND}, (uint32_t)made * 960, (t0 + ms) * 1000);
        if (ms % 2500 < 2000) /* a fifth of it is lost */
            sound(in, made++);
        if (ms == 0)
            recorder_refer(in, RECORDING, (struct track_id){SOUND}, 0, t0 * 1000);
    }
    recorder_refer(in, RECORDING, (struct track_id){SOUND}, (uint32_t)made * 960, (t0 + 30000) * 1000);
    for (int i = 0; i < 50; i++)
        sound(in, made++);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    const struct media_event *file = heard(MEDIA_RECORD_FILE, SOUND);
    struct found f = whole(file);
    uint32_t lost = 0;
    assert_in_range(file->file.duration_ms, 30900, 31100);
    assert_true(f.n > 0);
    for (size_t i = 0; i < f.n; i++) {
        assert_int_equal(f.gaps[i].why, REEL_SOURCE);
        lost += f.gaps[i].lost_ms;
    }
    assert_in_range(lost, 5800, 6200);
    empty_dir();
}

static void at_ms(int64_t when)
{
    int64_t left = when - now_ms();
    if (left > 0) rest_ms((int)left);
}

/* The same since the last report, and the next never comes: what came last came later than usual, and so much of it is not there. */
static void the_source_stalls_before_the_end(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    int64_t t0 = now_ms();
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    for (int i = 0; i < 75; i++) {
        at_ms(t0 + i * 20 + (i < 50 ? 0 : 700)); /* a second, 0.7 s of nothing, half a second */
        sound(in, i);
        if (i % 2 == 0) picture(in, i / 2, true, true); /* its RTP time is of a clock: late is late, nothing is missing */
        if (i == 0) refer(in, t0);
    }
    recorder_track_end(in, RECORDING, (struct track_id){SOUND}, false);
    recorder_track_end(in, RECORDING, (struct track_id){PICTURE}, false);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    struct found f = whole(heard(MEDIA_RECORD_FILE, SOUND));
    assert_int_equal(f.n, 1);
    assert_int_equal(f.gaps[0].why, REEL_SOURCE);
    assert_in_range(f.gaps[0].begin_ms, 1490, 1510);
    assert_in_range(f.gaps[0].lost_ms, 600, 900);
    assert_int_equal(f.gaps[0].lost_ms, f.gaps[0].length_ms);
    assert_int_equal(whole(heard(MEDIA_RECORD_FILE, PICTURE)).n, 0);
    empty_dir();
}

/* Nothing came for long before the end: muted, or a line that was dead by then. */
static void nothing_comes_before_the_end(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 400);
    rest_ms(3300);
    recorder_track_end(in, RECORDING, (struct track_id){SOUND}, false);
    recorder_track_end(in, RECORDING, (struct track_id){PICTURE}, true);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    struct found f = whole(heard(MEDIA_RECORD_FILE, SOUND));
    assert_int_equal(f.n, 1);
    assert_int_equal(f.gaps[0].why, REEL_QUIET);
    assert_int_equal(f.gaps[0].lost_ms, 0);
    assert_in_range(f.gaps[0].length_ms, 3200, 4200);
    f = whole(heard(MEDIA_RECORD_FILE, PICTURE));
    assert_int_equal(f.n, 1);
    assert_int_equal(f.gaps[0].why, REEL_NETWORK);
    assert_int_equal(f.gaps[0].lost_ms, f.gaps[0].length_ms);
    empty_dir();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session),
        cmocka_unit_test(in_parts),
        cmocka_unit_test(lost_on_the_network),
        cmocka_unit_test(lost_at_the_end),
        cmocka_unit_test(stopped_within_a_frame),
        cmocka_unit_test(the_source_stalls),
        cmocka_unit_test(the_source_stalls_before_the_end),
        cmocka_unit_test(nothing_comes_before_the_end),
    };
    return cmocka_run_group_tests(tests, feed_begin, feed_end);
}
