/* `yilian-pipe compose` (server/base/compose.h): the whole program. Clusters come in the order of their times, so that everything before a
 * cluster's time is there when it comes; up to then pictures and sound are made. */
#include "media/pipe/child/film.h"
#include "media/pipe/cluster.h"
#include "server/base/reel.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRID_FPS 15 /* many small faces; a large picture moves as it did */
#define LARGE_FPS 25
#define SOUND_BEHIND_MS 100 /* a voice whose clock runs late is still mixed in */
#define STILL_MS 1000 /* nothing moves: still a picture now and then, to go to */

static const char *const plugins[] = {"coreelements", "vpx", "aom", "openh264", "opus", "voaacenc", "jpeg", NULL};
static struct track tracks[COMPOSE_TRACKS_MAX];
static struct compose_head job;
static struct canvas canvas;
static int64_t ticks, drawn_ms = INT64_MIN; /* pictures so far; the last that was not the same */

void film_write(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len) {
        ssize_t n = write(1, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(1);
        p += n;
        len -= (size_t)n;
    }
}

static void hear(void *out, size_t len)
{
    for (uint8_t *p = out; len;) {
        ssize_t n = read(0, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(1); /* the daemon has given up */
        p += n;
        len -= (size_t)n;
    }
}

/* ---- a film ---- */
static int fps(void)
{
    return job.word >> 8 == COMPOSE_GRID ? GRID_FPS : LARGE_FPS;
}

/* A small picture moves as the grid's do; what nothing is made from, every second frame of a browser's (L1T3), is then not decoded. */
static int64_t step_ms(const struct track *t)
{
    bool small = fps() == GRID_FPS || t->place.w <= COMPOSE_WIDTH / 2;
    return small ? 900 / GRID_FPS : 0; /* a little less: frames come unevenly */
}

/* Of each track the frame nearest to the time: times are whole milliseconds, and one that falls between two would come late, the next never. */
static void movie_until(int64_t there_ms)
{
    size_t shown;
    int64_t half = 500 / fps();
    for (int64_t at_ms; (at_ms = ticks * 1000 / fps()) < job.time_ms && at_ms + half < there_ms; ticks++) {
        for (size_t i = 0; i < COMPOSE_TRACKS_MAX; i++)
            if (tracks[i].used && tracks[i].chain.bin) track_decode(&tracks[i], at_ms + half, step_ms(&tracks[i]));
        sound_take(at_ms - SOUND_BEHIND_MS, movie_sound);
        bool drawn = canvas_draw(&canvas, tracks, (enum compose_layout)(job.word >> 8), at_ms, sound_speaker(tracks, at_ms), &shown);
        if (!drawn && at_ms - drawn_ms < STILL_MS) continue;
        drawn_ms = at_ms;
        movie_picture(&canvas, at_ms);
    }
}

/* ---- pictures: of keyframes alone ---- */
static struct canvas poster, strip;
static size_t most_shown;

static void pictures_until(int64_t there_ms)
{
    size_t shown;
    for (int64_t at_ms; ticks < COMPOSE_STRIP_CELLS && (at_ms = (2 * ticks + 1) * job.time_ms / (2 * COMPOSE_STRIP_CELLS)) < there_ms; ticks++) {
        for (size_t i = 0; i < COMPOSE_TRACKS_MAX; i++)
            if (tracks[i].used && tracks[i].chain.bin && !tracks[i].sound) track_decode(&tracks[i], at_ms, 0);
        canvas_draw(&canvas, tracks, COMPOSE_GRID, at_ms, 0, &shown);
        canvas_copy(&canvas, &strip, (struct layout_rect){(unsigned)ticks * COMPOSE_CELL_WIDTH, 0, COMPOSE_CELL_WIDTH, COMPOSE_CELL_HEIGHT});
        if (shown <= most_shown) continue;
        most_shown = shown;
        canvas_copy(&canvas, &poster, (struct layout_rect){0, 0, COMPOSE_POSTER_WIDTH, COMPOSE_POSTER_HEIGHT});
    }
}

static void on_jpeg(struct chain *c, GstBuffer *b)
{
    GstMapInfo map;
    if (gst_buffer_map(b, &map, GST_MAP_READ)) {
        uint8_t len[4] = {(uint8_t)(map.size >> 24), (uint8_t)(map.size >> 16), (uint8_t)(map.size >> 8), (uint8_t)map.size};
        film_write(len, sizeof len);
        film_write(map.data, map.size);
        gst_buffer_unmap(b, &map);
    }
    gst_buffer_unref(b);
}

static void put_jpeg(const struct canvas *c)
{
    char caps[160];
    struct chain jpeg = {.on_buffer = on_jpeg};
    snprintf(caps, sizeof caps, "video/x-raw,format=I420,width=%d,height=%d,framerate=1/1,pixel-aspect-ratio=1/1", c->info.width, c->info.height);
    chain_open(&jpeg, "jpegenc quality=78", caps);
    GstBuffer *b = canvas_buffer(c);
    GST_BUFFER_PTS(b) = 0;
    chain_push(&jpeg, b);
    chain_close(&jpeg);
}

/* ---- what the daemon says ---- */
/* Everything before that time is there. */
static void make_until(int64_t there_ms)
{
    if ((job.word & 255) == COMPOSE_MOVIE) movie_until(there_ms);
    else pictures_until(there_ms);
}

static void begin(const struct compose_head *h)
{
    job = *h;
    canvas_init(&canvas, COMPOSE_WIDTH, COMPOSE_HEIGHT);
    if ((job.word & 255) == COMPOSE_MOVIE) {
        movie_begin(fps());
        return;
    }
    canvas_init(&poster, COMPOSE_POSTER_WIDTH, COMPOSE_POSTER_HEIGHT);
    canvas_init(&strip, COMPOSE_STRIP_CELLS * COMPOSE_CELL_WIDTH, COMPOSE_CELL_HEIGHT);
}

static _Noreturn void end(void)
{
    make_until(INT64_MAX);
    if ((job.word & 255) == COMPOSE_MOVIE) {
        sound_take(job.time_ms, movie_sound);
        movie_end(job.time_ms);
    } else {
        put_jpeg(&poster);
        put_jpeg(&strip);
    }
    _exit(0);
}

static uint64_t number(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    while (n--)
        v = v << 8 | *p++;
    return v;
}

static void take_track(const struct compose_head *h, const uint8_t *p)
{
    struct track *t = &tracks[h->track];
    t->used = true;
    t->sound = h->word & COMPOSE_SOUND;
    t->screen = h->word & COMPOSE_SCREEN;
    t->begin_ms = h->time_ms;
    t->end_ms = h->time_ms + (int64_t)number(p, 4);
    t->who = number(p + 4, 8);
}

/* Of a gap that is a few packets in a minute the picture tells itself; of a server's death nothing else does. */
static void take_gap(const struct compose_head *h, const uint8_t *p)
{
    struct track *t = &tracks[h->track];
    int64_t length = (int64_t)number(p, 4), lost = (int64_t)number(p + 4, 4);
    bool quiet = h->word == REEL_QUIET;
    if (t->n_gaps == FILM_GAPS_MAX || (!quiet && length && lost < length / 2)) return;
    t->gaps[t->n_gaps++] = (struct film_gap){h->time_ms, length ? h->time_ms + length : job.time_ms, !quiet};
}

static void take_frame(void *ctx, const struct cluster_frame *f)
{
    struct track *t = ctx;
    if ((job.word & 255) == COMPOSE_PICTURES && (t->sound || !f->key)) return;
    track_frame(t, f);
}

static void take(const struct compose_head *h, const uint8_t *payload)
{
    struct track *t = &tracks[h->track];
    if (h->type == COMPOSE_TRACK) take_track(h, payload);
    else if (h->type == COMPOSE_GAP && t->used) take_gap(h, payload);
    else if (h->type == COMPOSE_HEAD && t->used && !t->chain.bin) {
        if (cluster_codec(payload, h->len, &t->codec) || (t->codec == PIPE_OPUS) != t->sound) _exit(4);
        track_open(t);
    } else if (h->type == COMPOSE_CLUSTER && t->chain.bin) {
        make_until(h->time_ms);
        cluster_frames(payload, h->len, take_frame, t);
    } else if (h->type == COMPOSE_END) end();
    else _exit(4);
}

_Noreturn void child_compose(void)
{
    static uint8_t *payload;
    struct compose_head h;
    uint8_t head[COMPOSE_HEAD_BYTES];
    signal(SIGXFSZ, SIG_IGN); /* liborc tries a file for its code first; that is refused, and it takes memory */
    setenv("GST_REGISTRY_DISABLE", "yes", 1);
    setenv("GST_PLUGIN_SYSTEM_PATH_1_0", "", 1);
    gst_registry_fork_set_enabled(FALSE);
    if (!gst_init_check(NULL, NULL, NULL)) _exit(3);
    child_load(plugins);
    tracks_load();
    if (!child_fence(false)) _exit(3);
    for (bool begun = false;; begun = true) {
        hear(head, sizeof head);
        if (compose_head_read(head, &h) || (h.type == COMPOSE_JOB) == begun) _exit(4);
        payload = realloc(payload, h.len + 1);
        if (!payload) _exit(3);
        hear(payload, h.len);
        if (begun) take(&h, payload);
        else begin(&h);
    }
}
