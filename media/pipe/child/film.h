/* film - what `yilian-pipe compose` makes of tracks (server/base/compose.h), in parts: tracks that are decoded, the picture of a moment, the sound,
 * the file. One thread; the program ends when its work does, so nothing is given back.
 */
#ifndef YL_MEDIA_PIPE_CHILD_FILM_H
#define YL_MEDIA_PIPE_CHILD_FILM_H

#include "media/pipe/child/chain.h"
#include "media/pipe/cluster.h"
#include "media/pipe/layout.h"
#include <gst/video/video.h>

#define FILM_GAPS_MAX 500

struct film_gap {
    int64_t from_ms, to_ms;
    bool lost; /* else: nothing was sent */
};
struct track {
    bool used, sound, screen;
    uint64_t who;
    int64_t begin_ms, end_ms;
    enum pipe_codec codec;
    struct chain chain;
    int64_t decoded_ms; /* the newest frame that was */
    GQueue waiting; /* coded frames that are not decoded yet; a buffer's time is the recording's */
    size_t n_gaps;
    struct film_gap gaps[FILM_GAPS_MAX];
    /* picture */
    GstBuffer *picture; /* the newest */
    GstVideoInfo info;
    GstVideoConverter *scaler;
    bool known, fresh, hatched; /* info is set; picture is newer than what the canvas shows; what it shows is that something is missing */
    struct layout_rect place, fitted;
    /* sound */
    int64_t cursor; /* sample behind the last that was mixed in; INT64_MIN = none yet */
    unsigned level; /* how loud it was lately */
};

/* tracks.c */
void tracks_load(void);                                  /* before the fence: what decodes better than what must be here, where it is */
void track_open(struct track *t);                        /* its codec is known */
void track_frame(struct track *t, const struct cluster_frame *f);
/* Frames up to and with that time. Of those that nothing is made from, what comes sooner than step_ms behind the one before is left out. */
void track_decode(struct track *t, int64_t until_ms, int64_t step_ms);
bool track_there(const struct track *t, int64_t at_ms);  /* has something to show or tell of */
bool track_missing(const struct track *t, int64_t at_ms);

/* canvas.c: I420 of COMPOSE_WIDTH x COMPOSE_HEIGHT. */
struct canvas {
    GstVideoInfo info;
    uint8_t *bytes;
    size_t n_places;
    uint64_t arrangement; /* which tracks stand where */
};
void canvas_init(struct canvas *c, unsigned width, unsigned height);
/* Draws what is new at that time; false: nothing is. *shown: pictures in it. */
bool canvas_draw(struct canvas *c, struct track *tracks, enum compose_layout layout, int64_t at_ms, uint64_t speaker, size_t *shown);
GstBuffer *canvas_buffer(const struct canvas *c); /* borrows the bytes: to be pushed and done with before they change */
void canvas_copy(const struct canvas *from, struct canvas *to, struct layout_rect where);

/* sound.c */
void sound_add(struct track *t, const int16_t *samples, size_t n, int64_t time_us);
/* Whose voice it is now; 0 = nobody's. */
uint64_t sound_speaker(struct track *tracks, int64_t at_ms);
/* The mixed samples up to that time go to `each`, 1024 at a time. */
void sound_take(int64_t until_ms, void (*each)(const int16_t samples[1024]));

/* movie.c */
void movie_begin(int fps);
void movie_picture(struct canvas *c, int64_t at_ms);
void movie_sound(const int16_t samples[1024]);
void movie_end(int64_t length_ms);
/* compose.c: whole, to standard output; the process ends when nobody reads. */
void film_write(const void *bytes, size_t len);
#endif
