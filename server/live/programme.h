/* programme - what a room's lecture has shown from its beginning until now: the newest pieces in memory, one copy for all who watch, the
 * rest on the shelf; and the playlists of low-latency HLS about it (RFC 8216bis: parts, blocking reload, delta updates, preload hint).
 *
 * Numbers: pieces count from 0; segments from 0 (the media sequence number); a segment's parts from 0, each of `per_part` pieces, so that
 * a client far away takes longer parts. Event thread.
 */
#ifndef YL_SERVER_LIVE_PROGRAMME_H
#define YL_SERVER_LIVE_PROGRAMME_H

#include "media/media.h"
#include "server/live/shelf.h"

#define PROGRAMME_PER_PART_MAX 5 /* one second */
#define PROGRAMME_MEMORY_US 20000000
#define PROGRAMME_TARGET_S 4     /* no segment is longer */

struct programme;
/* shelf NULL: nothing older than memory holds can be had. */
struct programme *programme_new(struct shelf *shelf);
void programme_free(struct programme *p);
void programme_add(struct programme *p, const struct media_piece *piece);
/* Of one that has shown nothing yet: its first piece has that number, so that a copy on another node counts as the first does. */
void programme_begin_at(struct programme *p, size_t number);
void programme_end(struct programme *p); /* nothing more will come */
bool programme_ended(const struct programme *p);

/* What it is now; epoch_us 0 and codecs "" before its first piece. */
struct programme_now {
    int64_t epoch_us, end_us;  /* UTC of its time 0; its time at the end of the newest piece */
    uint32_t generation;
    int64_t shown_us;          /* how long the newest generation has been shown */
    const char *codecs;
    unsigned width, height;
    uint32_t peak_bps, average_bps;
};
void programme_now(const struct programme *p, struct programme_now *out);

/* ---- for those who are sent everything ---- */
struct programme_piece {
    struct share *bytes; /* borrowed */
    struct share *init;  /* of its generation; borrowed */
    uint32_t generation;
    const char *codecs;
    unsigned width, height;
    bool key, segment; /* a segment begins with it */
    int64_t start_us, duration_us;
};
/* The newest piece that a decoder can begin with; programme_next when there is none, or an old one only: the next will come soon. */
size_t programme_first(const struct programme *p);
size_t programme_next(const struct programme *p);  /* number of the next piece */
bool programme_piece(struct programme *p, size_t n, struct programme_piece *out); /* false: no more in memory, or not yet */

/* ---- HLS ---- */
/* Does the playlist have that part? part < 0: the whole segment. */
bool programme_has(const struct programme *p, uint32_t segment, int part, unsigned per_part);
size_t programme_parts(const struct programme *p, uint32_t segment, unsigned per_part); /* whole ones of a segment that has begun */
uint32_t programme_segments(const struct programme *p); /* begun so far */
/* The media playlist; borrowed until the programme changes. NULL: out of memory. `skip`: the old part left out (_HLS_skip). */
struct share *programme_playlist(struct programme *p, unsigned per_part, bool skip);
struct share *programme_init(const struct programme *p, uint32_t generation); /* borrowed, NULL = none */
enum programme_part { PART_HERE, PART_LATER, PART_NEVER };
/* A new reference in *out with PART_HERE. LATER: it is the next to come. */
enum programme_part programme_part(struct programme *p, uint32_t segment, unsigned part, unsigned per_part, struct share **out);
/* A whole segment: done as shelf_read has it, at once when it is in memory; NULL: there is none. */
void programme_segment(struct programme *p, uint32_t segment, shelf_done done, void *ctx);
/* Grows with everything that was taken of it: whether anybody watches. */
uint64_t programme_taken(const struct programme *p);
/* Up to where the programme has grown since its beginning, for tests and figures. */
uint64_t programme_bytes(const struct programme *p);
#endif
