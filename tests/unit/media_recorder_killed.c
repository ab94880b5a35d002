/* The recorder killed at random moments, and what an earlier life left: at most a second is lost, and what nobody took is told again. */
#include "tests/lib/recorder_feed.h"
#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define KILLS 24

struct life { /* shared with the child */
    _Atomic int64_t fed_ms; /* of media, when it was fed last */
};

/* In real time, until it is killed. */
static void live(struct life *l)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    int64_t t0 = now_ms();
    for (int ms = 0;; ms += 20) {
        while (now_ms() - t0 < ms)
            rest_ms(2);
        play(in, ms, ms + 20);
        l->fed_ms = ms + 20;
    }
}

static void killed_anywhere(void **state)
{
    struct life *lives = mmap(NULL, KILLS * sizeof *lives, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[KILLS];
    int after_ms[KILLS], worst = 0, files = 0;
    (void)state;
    srand((unsigned)now_ms());
    for (int i = 0; i < KILLS; i++) {
        after_ms[i] = 900 + rand() % 2600;
        snprintf(dir, sizeof dir, "%s/k%d", base, i);
        if (!(pids[i] = fork())) {
            live(&lives[i]);
            _exit(1);
        }
    }
    int64_t t0 = now_ms();
    for (int alive = KILLS; alive; rest_ms(1))
        for (int i = 0; i < KILLS; i++)
            if (pids[i] && now_ms() - t0 >= after_ms[i]) {
                kill(pids[i], SIGKILL);
                waitpid(pids[i], NULL, 0);
                pids[i] = 0;
                alive--;
            }
    for (int i = 0; i < KILLS; i++) {
        snprintf(dir, sizeof dir, "%s/k%d", base, i);
        recorder_close(begin((struct recorder_config){0}));
        for (size_t k = 0; k < told.n; k++) {
            if (told.at[k].type != MEDIA_RECORD_FILE)
                continue;
            struct found f = whole(&told.at[k]);
            int lost = (int)(lives[i].fed_ms - told.at[k].file.duration_ms);
            worst = lost > worst ? lost : worst;
            files++;
            assert_true(f.n > 0 && f.gaps[f.n - 1].why == REEL_KILLED);
            assert_int_equal(f.gaps[f.n - 1].begin_ms, told.at[k].file.duration_ms);
            assert_true(i % 6 || plays(told.at[k].file.path));
        }
        assert_int_equal(told.at[told.n - 1].type, MEDIA_RECORD_DONE);
        assert_int_equal(told.at[told.n - 1].error, ERR_UNAVAILABLE);
    }
    printf("%d kills, %d files, at most %d ms lost\n", KILLS, files, worst);
    strcpy(dir, base);
    assert_true(files >= 2 * KILLS - 4); /* killed in its first second, one may have kept nothing */
    assert_true(worst <= 1000);
    munmap(lives, KILLS * sizeof *lives);
    empty_dir();
}

/* What nobody took is told again, the same; a torn end is cut off; what is not ours is left alone. */
static void left_behind(void **state)
{
    char path[700], torn[700], first_hash[65];
    (void)state;
    pid_t pid = fork();
    if (!pid) {
        struct recorder *r = begin((struct recorder_config){0});
        recorder_start(recorder_inlet(r, 0), (struct room_id){0xc1}, RECORDING);
        play(recorder_inlet(r, 0), 0, 4000);
        rest_ms(150);
        wait_written(r);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    DIR *d = opendir(dir);
    for (const struct dirent *e; (e = readdir(d));) {
        if (!strstr(e->d_name, ".part"))
            continue;
        snprintf(torn, sizeof torn, "%s/%s", dir, e->d_name);
        FILE *f = fopen(torn, "ab");
        fputs("\x1f\x43\xb6\x75torn cluster", f);
        fclose(f);
    }
    closedir(d);
    snprintf(path, sizeof path, "%s/notes.txt", dir);
    fclose(fopen(path, "w"));
    recorder_close(begin((struct recorder_config){0}));
    assert_int_equal(told.n, 3);
    assert_int_equal(told.at[0].type, MEDIA_RECORD_FILE);
    assert_int_equal(told.at[0].recording, RECORDING);
    assert_int_equal(told.at[0].track.v, SOUND);
    assert_int_equal(told.at[0].room.v, 0xc1);
    assert_in_range(told.at[0].file.duration_ms, 3100, 4000 + 20); /* at most a second is lost; a late writer had all of it, to the end of the last frame */
    assert_string_equal(told.at[0].file.content_type, "audio/webm");
    whole(&told.at[0]);
    assert_int_equal(told.at[2].type, MEDIA_RECORD_DONE);
    assert_int_equal(told.at[2].error, ERR_UNAVAILABLE);
    strcpy(first_hash, told.at[0].file.sha256);
    assert_int_equal(access(torn, F_OK), -1);

    recorder_close(begin((struct recorder_config){0})); /* nobody took it: told again, the same bytes */
    assert_int_equal(told.n, 3);
    assert_string_equal(told.at[0].file.sha256, first_hash);
    assert_int_equal(unlink(told.at[0].file.path), 0); /* taken */
    assert_int_equal(unlink(told.at[1].file.path), 0);
    recorder_close(begin((struct recorder_config){0}));
    assert_int_equal(told.n, 0);
    assert_int_equal(access(path, F_OK), 0);
    empty_dir();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_anywhere),
        cmocka_unit_test(left_behind),
    };
    return cmocka_run_group_tests(tests, feed_begin, feed_end);
}
