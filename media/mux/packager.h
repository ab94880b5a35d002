/* packager - one picture (H.264) and one voice (Opus, or AAC) in, CMAF chunks out: nothing is decoded. Pure: time comes with the calls.
 *
 * A chunk is 200 ms: a fragment of the picture (track 1) and one of the voice (track 2). A segment begins with a keyframe, at least 0.9 s
 * after the one before (a publisher that sends none for 3.3 s gets segments that need the one before). All times are of the programme, in microseconds, and never run backwards; a frame's duration is the way to the
 * next one, so a chunk ends when the first frame of the next comes, or when that is overdue.
 * Holes: the voice is one unbroken stream (silence is put where nothing came), since a player stops where one of its tracks ends; before
 * a hole of the picture its last frame gets a long duration, so that players wait neither for it nor for the next keyframe (Media Source
 * Extensions 3.5.8: a gap of twice the duration makes a frame undecodable), and while nothing comes its last keyframe is told again: what
 * a player was promised, goes on. Sound alone has a black picture (blank.h), so that both tracks are there from the beginning to the end. A picture that is switched
 * off or on, or changes its parameter sets begins a new generation: a new initialisation segment.
 */
#ifndef YL_MEDIA_MUX_PACKAGER_H
#define YL_MEDIA_MUX_PACKAGER_H

#include "media/media.h"

#define PACKAGER_CHUNK_US 200000
#define PACKAGER_CHUNK_MAX_US 223000    /* no chunk is longer while the caller's turns are in time */
#define PACKAGER_CUT_US 190000          /* a frame this far behind the first begins the next chunk: 200 ms of any usual rate, and 85 % of the longest (RFC 8216bis 4.4.3.7) */
#define PACKAGER_SEGMENT_US 900000      /* the shortest, with a picture */
#define PACKAGER_SEGMENT_MAX_US 3300000  /* the longest: cut without a keyframe */
#define PACKAGER_SOUND_SEGMENT_US 2000000
#define PACKAGER_LATE_US 150000         /* a frame this late leaves a hole */
#define PACKAGER_PICTURE_GONE_US 3000000 /* since it was switched off: sound alone */
#define PACKAGER_REPEAT_US 2500000       /* a picture that stands still: its last keyframe again */

struct packager;
struct packager_piece {
    bool init; /* an initialisation segment: the pieces that follow need it */
    bool segment; /* begins one */
    bool key;     /* a decoder can begin with it */
    uint32_t generation;
    const uint8_t *bytes; /* borrowed for the call */
    size_t len, picture_len; /* the first picture_len bytes are the picture's fragment */
    uint32_t hole_at; /* as in struct media_piece */
    int64_t start_us, duration_us;
    bool picture; /* false: black, with sound alone; width and height are then 0 */
    unsigned width, height;
    char codecs[40]; /* RFC 6381: "avc1.42e01f,opus", "avc1.42e01f,mp4a.40.2" */
};
YL_CHECKED int packager_new(struct packager **out, void (*on_piece)(void *ctx, const struct packager_piece *piece), void *ctx);
void packager_free(struct packager *p);
/* Before the first sample: what packager_voice is given, and how much later than usual frames may come (their codec was changed first). */
void packager_aac(struct packager *p);
void packager_patience(struct packager *p, int64_t us);
/* H.264 with 4-byte lengths, parameter sets among the units (frames.h). */
void packager_picture(struct packager *p, const uint8_t *frame, size_t len, bool key, int64_t time_us);
/* Nobody sends a picture any more. */
void packager_picture_off(struct packager *p);
void packager_voice(struct packager *p, const uint8_t *sound, size_t len, int64_t time_us);
/* Closes what is overdue; to be called at least every 20 ms. */
void packager_tick(struct packager *p, int64_t now_us);
void packager_flush(struct packager *p); /* the end: what is held goes out */

/* RFC 6716 3.1: how long an Opus packet plays, in 1/48000 s; 0 = malformed. */
uint32_t opus_duration(const uint8_t *packet, size_t len);
#endif
