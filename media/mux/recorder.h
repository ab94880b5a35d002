/* recorder - per-track pass-through recording.
 *
 * Each worker feeds it through an inlet of its own, a single-producer ring without lock or allocation; nobody who feeds ever waits. A
 * recording uses one inlet for all its life (a room lives on one worker). Three threads: `recorder` makes frames and fragments, `recorder-disk`
 * writes and syncs them (spool.h), `recorder-finish` finishes, hashes and tells closed files (finisher.h). Files grow in `dir` as
 * <recording>-<track>-<room>-<started>.<ext>.part, in chained fragments (server/base/reel.h) of at most WEBM_FRAGMENT_MS; a finished one
 * loses the suffix and is told by MEDIA_RECORD_FILE. What is lost is in the file: on the network, by the disk, by a kill.
 * When nothing fits any more (min_free_bytes) every recording is ended whole, MEDIA_RECORD_DONE with ERR_STORAGE, and none begins.
 */
#ifndef YL_MEDIA_MUX_RECORDER_H
#define YL_MEDIA_MUX_RECORDER_H

#include "media/media.h"
#include <sys/types.h>

struct recorder;
struct recorder_inlet;
struct recorder_config {
    const char *dir;
    size_t n_inlets;
    void (*on_event)(void *ctx, const struct media_event *event);
    void *ctx;
    size_t queue_bytes;      /* the most that waits for the disk; 0 = 64 MiB */
    int64_t part_ms;         /* a track's file ends, and its next begins, at the first keyframe after this; 0 = 5 minutes */
    uint64_t min_free_bytes; /* 0 = records until nothing fits */
    ssize_t (*pwrite)(int fd, const void *bytes, size_t n, off_t at); /* the disk of a test; NULL = the system's */
};
YL_CHECKED int recorder_open(struct recorder **out, const struct recorder_config *config, struct fault *f);
/* Finishes every file, joins the threads. Nobody may feed an inlet any more. */
void recorder_close(struct recorder *r);
struct recorder_inlet *recorder_inlet(struct recorder *r, size_t i);
struct recorder_load {
    size_t waiting_bytes, worst_bytes; /* for the disk: now, and the most so far */
};
void recorder_load(const struct recorder *r, struct recorder_load *out); /* any thread */

/* The producer side of an inlet; one thread each. */
void recorder_start(struct recorder_inlet *in, struct room_id room, uint64_t recording);
void recorder_packet(struct recorder_inlet *in, uint64_t recording, struct track_id track, enum media_codec codec,
                     const uint8_t *rtp, size_t len);
/* By the publisher's sender reports: at that RTP time of the track our clock showed utc_us. */
void recorder_refer(struct recorder_inlet *in, uint64_t recording, struct track_id track, uint32_t timestamp, int64_t utc_us);
/* line_dead: its publisher had not been heard for a while. */
void recorder_track_end(struct recorder_inlet *in, uint64_t recording, struct track_id track, bool line_dead);
void recorder_stop(struct recorder_inlet *in, uint64_t recording);
uint64_t recorder_dropped(struct recorder_inlet *in); /* packets since the last question */
#endif
