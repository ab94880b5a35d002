/* recorder_feed - a recorder (media/mux/recorder.h) in a folder of its own, a publisher of one sound and one picture, and what is in the files. For tests of
 * what a recording keeps; one program, one folder. */
#ifndef YL_TESTS_LIB_RECORDER_FEED_H
#define YL_TESTS_LIB_RECORDER_FEED_H

#include "media/mux/recorder.h"
#include "server/base/reel.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static inline void hear(void *ctx, const struct media_event *e)
{
    (void)ctx;
    pthread_mutex_lock(&told.lock);
    if (told.n < 32)
        told.at[told.n] = *e;
    told.n++;
    pthread_mutex_unlock(&told.lock);
}

static inline int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void rest_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000l}, NULL);
}

static inline struct recorder *begin(struct recorder_config c)
{
    struct recorder *r;
    c.dir = dir;
    c.n_inlets = 1;
    c.on_event = hear;
    told.n = 0;
    assert_int_equal(recorder_open(&r, &c, &fault), 0);
    return r;
}

static inline const struct media_event *heard(enum media_event_type type, uint64_t track)
{
    const struct media_event *found = NULL;
    pthread_mutex_lock(&told.lock); /* the recorder may still be telling */
    for (size_t i = 0; i < told.n && i < 32 && !found; i++)
        if (told.at[i].type == type && (!track || told.at[i].track.v == track))
            found = &told.at[i];
    pthread_mutex_unlock(&told.lock);
    return found;
}

/* Until all that was fed is on the disk. */
static inline void wait_written(struct recorder *r)
{
    struct recorder_load load = {1, 0};
    for (int i = 0; i < 1000 && load.waiting_bytes; i++, rest_ms(5))
        recorder_load(r, &load);
    rest_ms(50);
}

/* ---- a publisher ---- */
static inline size_t header(uint8_t *p, uint16_t seq, uint32_t timestamp, bool marker)
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

static inline void sound(struct recorder_inlet *in, int i)
{
    uint8_t p[80];
    size_t n = header(p, (uint16_t)(65500 + i), (uint32_t)i * 960, true);
    memset(p + n, 0xfe, 60);
    memcpy(p + n, "\xf8\xff\xfe", 3);
    recorder_packet(in, RECORDING, (struct track_id){SOUND}, MEDIA_OPUS, p, n + 60);
}

/* A frame of VP8 at 25 a second, 640x480, in two packets; a keyframe every 2 s. */
static inline void picture(struct recorder_inlet *in, int i, bool first, bool second)
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
static inline void refer(struct recorder_inlet *in, int64_t utc_ms)
{
    recorder_refer(in, RECORDING, (struct track_id){SOUND}, 0, utc_ms * 1000);
    recorder_refer(in, RECORDING, (struct track_id){PICTURE}, 0, utc_ms * 1000);
}

static inline void play(struct recorder_inlet *in, int from_ms, int to_ms)
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

static inline void on_gap(void *ctx, const struct reel_gap *gap)
{
    struct found *f = ctx;
    assert_true(f->n < 64);
    f->gaps[f->n++] = *gap;
}

static inline struct found look(const char *path)
{
    struct found f = {.n = 0};
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(reel_read_fd(fd, true, on_gap, &f, &f.report), 0);
    close(fd);
    return f;
}

static inline struct found whole(const struct media_event *file)
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

static inline bool plays(const char *path)
{
    char command[700];
    if (access("/usr/bin/ffprobe", X_OK))
        return true;
    snprintf(command, sizeof command, "test -n \"$(ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 %s 2>&1 | grep -E '^[1-9][0-9]*$')\"", path);
    return system(command) == 0;
}

static inline void empty_dir(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s/*", dir);
    assert_int_equal(system(command), 0);
}

/* ---- the folder ---- */
static inline int feed_begin(void **state)
{
    (void)state;
    strcpy(base, access("/dev/shm", W_OK) ? "/tmp/yl-recorder-XXXXXX" : "/dev/shm/yl-recorder-XXXXXX"); /* hundreds of syncs */
    if (!mkdtemp(base))
        return 1;
    strcpy(dir, base);
    return 0;
}

static inline int feed_end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command);
}
#endif
