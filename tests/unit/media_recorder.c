/* The recorder by itself: packets in, chained files out. Killed at random moments, with a disk that fails or is slow, with packets lost; what
 * an earlier life left; and what a changed file looks like to who reads its chain. */
#include "media/mux/recorder.h"
#include "media/mux/webm.h"
#include "server/base/reel.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SOUND 0xb1
#define PICTURE 0xb2
#define RECORDING 0xa1

static struct {
    pthread_mutex_t lock;
    struct media_event at[32];
    size_t n;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};
static char dir[64], base[40];
static struct fault fault;

static void hear(void *ctx, const struct media_event *e)
{
    (void)ctx;
    pthread_mutex_lock(&told.lock);
    if (told.n < 32)
        told.at[told.n] = *e;
    told.n++;
    pthread_mutex_unlock(&told.lock);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void rest_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000l}, NULL);
}

static struct recorder *begin(struct recorder_config c)
{
    struct recorder *r;
    c.dir = dir;
    c.n_inlets = 1;
    c.on_event = hear;
    told.n = 0;
    assert_int_equal(recorder_open(&r, &c, &fault), 0);
    return r;
}

static const struct media_event *heard(enum media_event_type type, uint64_t track)
{
    const struct media_event *found = NULL;
    pthread_mutex_lock(&told.lock); /* the recorder may still be telling */
    for (size_t i = 0; i < told.n && i < 32 && !found; i++)
        if (told.at[i].type == type && (!track || told.at[i].track.v == track))
            found = &told.at[i];
    pthread_mutex_unlock(&told.lock);
    return found;
}

/* ---- a publisher ---- */
static size_t header(uint8_t *p, uint16_t seq, uint32_t timestamp, bool marker)
{
    memset(p, 0, 12);
    p[0] = 0x80;
    p[1] = (uint8_t)(96 | (marker ? 0x80 : 0));
    p[2] = (uint8_t)(seq >> 8);
    p[3] = (uint8_t)seq;
    for (int i = 0; i < 4; i++)
        p[4 + i] = (uint8_t)(timestamp >> 8 * (3 - i));
    return 12;
}

static void sound(struct recorder_inlet *in, int i)
{
    uint8_t p[80];
    size_t n = header(p, (uint16_t)(65500 + i), (uint32_t)i * 960, true);
    memset(p + n, 0xfe, 60);
    memcpy(p + n, "\xf8\xff\xfe", 3);
    recorder_packet(in, RECORDING, (struct track_id){SOUND}, MEDIA_OPUS, p, n + 60);
}

/* A frame of VP8 at 25 a second, 640x480, in two packets; a keyframe every 2 s. */
static void picture(struct recorder_inlet *in, int i, bool first, bool second)
{
    static const uint8_t key[] = {0x10, 0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01}, inter[] = {0x10, 0x11, 0x00, 0x00};
    uint8_t p[600];
    bool is_key = i % 50 == 0;
    size_t n = header(p, (uint16_t)(2 * i), (uint32_t)i * 3600, false);
    memset(p + n, i, sizeof p - n);
    memcpy(p + n, is_key ? key : inter, is_key ? sizeof key : sizeof inter);
    if (first)
        recorder_packet(in, RECORDING, (struct track_id){PICTURE}, MEDIA_VP8, p, 500);
    n = header(p, (uint16_t)(2 * i + 1), (uint32_t)i * 3600, true);
    p[n] = 0;
    if (second)
        recorder_packet(in, RECORDING, (struct track_id){PICTURE}, MEDIA_VP8, p, 400);
}

/* As if the clocks were known: media may then come faster than it would have been made. */
static void refer(struct recorder_inlet *in, int64_t utc_ms)
{
    recorder_refer(in, RECORDING, (struct track_id){SOUND}, 0, utc_ms * 1000);
    recorder_refer(in, RECORDING, (struct track_id){PICTURE}, 0, utc_ms * 1000);
}

static void play(struct recorder_inlet *in, int from_ms, int to_ms)
{
    for (int ms = from_ms; ms < to_ms; ms += 20) {
        sound(in, ms / 20);
        if (ms % 40 == 0)
            picture(in, ms / 40, true, true);
        if (ms == 0)
            refer(in, now_ms());
    }
}

/* ---- what is in a file ---- */
struct found {
    struct reel_report report;
    struct reel_gap gaps[64];
    size_t n;
};

static void on_gap(void *ctx, const struct reel_gap *gap)
{
    struct found *f = ctx;
    assert_true(f->n < 64);
    f->gaps[f->n++] = *gap;
}

static struct found look(const char *path)
{
    struct found f = {.n = 0};
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(reel_read_fd(fd, true, on_gap, &f, &f.report), 0);
    close(fd);
    return f;
}

static struct found whole(const struct media_event *file)
{
    assert_non_null(file);
    struct found f = look(file->file.path);
    if (f.report.wrong)
        fail_msg("%s at %llu", f.report.wrong, (unsigned long long)f.report.wrong_at);
    assert_true(f.report.chained);
    assert_int_equal(f.report.recording, RECORDING);
    assert_int_equal(f.report.track, file->track.v);
    return f;
}

static bool plays(const char *path)
{
    char command[700];
    if (access("/usr/bin/ffprobe", X_OK))
        return true;
    snprintf(command, sizeof command, "test -n \"$(ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 %s 2>&1 | grep -E '^[1-9][0-9]*$')\"", path);
    return system(command) == 0;
}

static void empty_dir(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s/*", dir);
    assert_int_equal(system(command), 0);
}

/* ---- the tests ---- */
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

/* ---- a disk that is full for a while, and one that stands still ---- */
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

static void wait_written(struct recorder *r)
{
    struct recorder_load load = {1, 0};
    for (int i = 0; i < 1000 && load.waiting_bytes; i++, rest_ms(5))
        recorder_load(r, &load);
    rest_ms(50);
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

/* ---- killed ---- */
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
    assert_in_range(told.at[0].file.duration_ms, 3100, 4000);
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

/* ---- a changed file ---- */
static uint8_t *bytes_of(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *b = malloc(*n);
    assert_int_equal(fread(b, 1, *n, f), *n);
    fclose(f);
    return b;
}

struct memory {
    const uint8_t *bytes;
    size_t n;
};

static int64_t read_memory(void *ctx, uint64_t at, void *out, size_t n)
{
    const struct memory *m = ctx;
    size_t k = at >= m->n ? 0 : m->n - at < n ? (size_t)(m->n - at) : n;
    memcpy(out, m->bytes + at, k);
    return (int64_t)k;
}

static struct reel_report read_bytes(const uint8_t *bytes, size_t n)
{
    struct memory m = {bytes, n};
    struct reel_reader r = {{read_memory, &m, n}, true, NULL, NULL};
    struct reel_report out;
    assert_int_equal(reel_read(&r, &out), 0);
    return out;
}

static size_t find(const uint8_t *b, size_t n, size_t from, const char *what, size_t len)
{
    for (size_t i = from; i + len <= n; i++)
        if (memcmp(b + i, what, len) == 0)
            return i;
    return n;
}

static void changed(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 4000);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    size_t n;
    uint8_t *b = bytes_of(heard(MEDIA_RECORD_FILE, SOUND)->file.path, &n);
    assert_null(read_bytes(b, n).wrong);
    size_t tracks = find(b, n, find(b, n, 0, "yilian", 6), "\x16\x54\xae\x6b", 4), one = find(b, n, 0, "\x1f\x43\xb6\x75", 4), /* behind the seek head */
           two = find(b, n, one + 4, "\x1f\x43\xb6\x75", 4), cues = find(b, n, two, "\x1c\x53\xbb\x6b", 4);
    assert_true(tracks < one && one < two && two < cues && cues < n);
    for (size_t i = tracks; i < cues; i += 7) { /* no bit of it can be turned */
        b[i] ^= 4;
        struct reel_report turned = read_bytes(b, n);
        assert_true(turned.wrong || !turned.chained);
        b[i] ^= 4;
    }
    uint8_t *without = malloc(n);
    memcpy(without, b, one);
    memcpy(without + one, b + two, n - two);
    assert_string_equal(read_bytes(without, n - (two - one)).wrong, "links are missing or out of order");
    struct reel_report whole_one = read_bytes(b, n), cut_off = read_bytes(b, two);
    assert_null(cut_off.wrong); /* a file that ends early is whole as far as it goes: the seal of the recording names the last link */
    assert_true(cut_off.links < whole_one.links && memcmp(cut_off.last.last, whole_one.last.last, SHA256_BYTES) != 0);
    free(without);
    free(b);
    empty_dir();
}

static void gaps_come_together(void **state)
{
    struct reel_gaps g = {0};
    (void)state;
    for (int i = 0; i < 100; i++)
        reel_gaps_add(&g, &(struct reel_gap){i * 1000, 20, 20, REEL_NETWORK});
    assert_int_equal(g.n, 1);
    assert_int_equal(g.at[0].length_ms, 99020);
    assert_int_equal(g.at[0].lost_ms, 2000);
    for (int i = 0; i < 100; i++)
        reel_gaps_add(&g, &(struct reel_gap){200000 + i * 10000, 20, 20, REEL_DISK});
    assert_int_equal(g.n, REEL_GAPS_MAX);
    assert_int_equal(g.at[REEL_GAPS_MAX - 1].begin_ms + g.at[REEL_GAPS_MAX - 1].length_ms, 200000 + 99 * 10000 + 20);
}

/* Times that no recording has, as a damaged disk or somebody else leaves them: neither is reckoned with. */
static void times_that_are_none(void **state)
{
    static const struct {
        uint64_t begin_ms;
        bool good;
    } links[] = {{REEL_MS_MAX, true}, {INT64_MAX, false}, {UINT64_MAX, false}};
    static const uint8_t head[] = "\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x80";
    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        uint8_t b[sizeof head + REEL_LINK_MAX];
        struct reel_gaps gaps = {1, {{(int64_t)links[i].begin_ms, 20, 20, REEL_DISK}}};
        size_t n = sizeof head - 1, tracks = n - 5;
        memcpy(b, head, n);
        n += reel_link(&(struct reel_chain){0}, b + tracks, 5, &gaps, 0, b + n);
        struct reel_report r = read_bytes(b, n);
        if ((r.wrong == NULL) != links[i].good)
            fail_msg("%llx: %s", (unsigned long long)links[i].begin_ms, r.wrong ? r.wrong : "taken");
    }
    /* what machines left of two files (tests/fuzz/media_webm.c); the first byte is the fuzzer's */
    static const char *const files[] = {"file", "file_no_time", "file_back_in_time"};
    for (size_t i = 0; i < 3; i++) {
        char path[300], text[4000];
        int64_t ms;
        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/media_webm/%s", YL_SOURCE_DIR, files[i]);
        FILE *from = fopen(path, "rb");
        size_t n = fread(text, 1, sizeof text, from);
        fclose(from);
        snprintf(path, sizeof path, "%s/left.webm", dir);
        FILE *to = fopen(path, "wb");
        assert_int_equal(fwrite(text + 1, 1, n - 1, to), n - 1);
        fclose(to);
        assert_int_equal(webm_finish(path, &ms), i ? ERR_NOT_FOUND : 0);
        unlink(path);
    }
}

int main(void)
{
    char command[128];
    strcpy(base, access("/dev/shm", W_OK) ? "/tmp/yl-recorder-XXXXXX" : "/dev/shm/yl-recorder-XXXXXX"); /* hundreds of syncs */
    if (!mkdtemp(base))
        return 1;
    strcpy(dir, base);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session),     cmocka_unit_test(in_parts),             cmocka_unit_test(lost_on_the_network), cmocka_unit_test(lost_at_the_end),
        cmocka_unit_test(stopped_within_a_frame), cmocka_unit_test(the_source_stalls), cmocka_unit_test(the_source_stalls_before_the_end), cmocka_unit_test(nothing_comes_before_the_end), cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_disk_that_stands), cmocka_unit_test(no_room),        cmocka_unit_test(killed_anywhere),
        cmocka_unit_test(left_behind),   cmocka_unit_test(changed),             cmocka_unit_test(gaps_come_together),
        cmocka_unit_test(times_that_are_none),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command) || failed;
}
