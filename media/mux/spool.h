/* spool - writes fragments of recordings to the disk on a thread of its own, so that no disk, however slow, is waited for by anybody else.
 *
 * What waits to be written is bounded: a fragment too many is given up and told as a gap. So is one that the disk refuses (full, failing): the
 * file is cut back to its last link and goes on when the disk takes bytes again, a picture with its next keyframe. Each fragment is written
 * with its link (server/base/reel.h) in one piece, and everything written is synced within SPOOL_SYNC_MS.
 * One producer (the recorder's thread); on_end and on_done run on the disk thread, in the order in which they were asked for.
 */
#ifndef YL_MEDIA_MUX_SPOOL_H
#define YL_MEDIA_MUX_SPOOL_H

#include "media/mux/webm.h"
#include "server/base/reel.h"
#include <sys/types.h>

#define SPOOL_SYNC_MS 500

struct spool;
struct spool_file;
struct spool_config {
    const char *dir;         /* on the disk whose free space is looked at */
    size_t queue_bytes;      /* the most that waits */
    uint64_t min_free_bytes; /* below it spool_low says so; 0 = never */
    ssize_t (*pwrite)(int fd, const void *bytes, size_t n, off_t at); /* the disk; NULL = the system's */
    void (*on_end)(void *ctx, const char *path); /* closed; everything is in it, nothing is synced that was not told above */
    void (*on_done)(void *ctx, uint64_t recording, uint64_t room, int error);
    void *ctx;
};
YL_CHECKED int spool_open(struct spool **out, const struct spool_config *config);
/* Writes everything that waits, joins the thread. Files that were not ended are left as they are. */
void spool_close(struct spool *s);

struct spool_new {
    uint64_t recording, track;
    int64_t started_ms;
    bool picture;
    const char *path; /* copied */
    struct webm_part head; /* taken */
};
/* NULL: out of memory. */
struct spool_file *spool_begin(struct spool *s, const struct spool_new *file);
struct spool_fragment {
    struct webm_part part; /* taken */
    int64_t end_ms;
    struct reel_gaps gaps;
};
/* Taken, or given up and counted. */
void spool_put(struct spool_file *f, struct spool_fragment *fragment);
/* The last call for a file; gaps: what was lost at its end. */
void spool_end(struct spool_file *f, const struct reel_gaps *gaps);
/* on_done comes after the on_end of everything ended before. */
void spool_done(struct spool *s, uint64_t recording, uint64_t room, int error);

/* Any thread. */
unsigned spool_lost(const struct spool_file *f); /* fragments given up so far; the producer's until spool_end */
bool spool_low(const struct spool *s);
size_t spool_waiting(const struct spool *s);     /* bytes */
size_t spool_worst(const struct spool *s);       /* the most that waited at once, bytes */
#endif
