/* recorder - per-track pass-through recording on a writer thread.
 *
 * Each worker feeds it through an inlet of its own, a single-producer ring without lock or allocation; when the disk is too slow packets
 * are dropped (and counted), never waited for. A recording uses one inlet for all its life (a room lives on one worker). Files grow in
 * `dir` as <recording>-<track>-<n>.<ext>.part, in clusters closed every second; a finished file loses the suffix, is fsynced, hashed and
 * told by MEDIA_RECORD_FILE. Files left by a killed process, and finished ones that were not taken away, are finished the same way when
 * the recorder opens, and told with MEDIA_RECORD_FILE, then MEDIA_RECORD_DONE with ERR_UNAVAILABLE.
 */
#ifndef YL_MEDIA_MUX_RECORDER_H
#define YL_MEDIA_MUX_RECORDER_H

#include "media/media.h"

struct recorder;
struct recorder_inlet;
YL_CHECKED int recorder_open(struct recorder **out, const char *dir, size_t n_inlets,
                             void (*on_event)(void *ctx, const struct media_event *event), void *ctx, struct fault *f);
/* Finishes every file, joins the thread. Nobody may feed an inlet any more. */
void recorder_close(struct recorder *r);
struct recorder_inlet *recorder_inlet(struct recorder *r, size_t i);

/* The producer side of an inlet; one thread each. */
void recorder_start(struct recorder_inlet *in, struct room_id room, uint64_t recording);
void recorder_packet(struct recorder_inlet *in, uint64_t recording, struct track_id track, enum media_codec codec,
                     const uint8_t *rtp, size_t len);
void recorder_track_end(struct recorder_inlet *in, uint64_t recording, struct track_id track);
void recorder_stop(struct recorder_inlet *in, uint64_t recording);
uint64_t recorder_dropped(struct recorder_inlet *in); /* packets since the last question */
#endif
