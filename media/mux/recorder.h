/* recorder - per-track pass-through recording on a writer thread.
 *
 * One thread (the worker) feeds it through a single-producer ring without lock or allocation; when the disk is too slow packets are
 * dropped (and counted), never waited for. Files grow in `dir` as <recording>-<track>-<n>.<ext>.part, in clusters closed every
 * second; a finished file loses the suffix, is fsynced, hashed and told by MEDIA_RECORD_FILE. Files left by a killed process, and
 * finished ones that were not taken away, are finished the same way when the recorder opens, and told with MEDIA_RECORD_FILE, then
 * MEDIA_RECORD_DONE with ERR_UNAVAILABLE.
 */
#ifndef YL_MEDIA_MUX_RECORDER_H
#define YL_MEDIA_MUX_RECORDER_H

#include "media/media.h"

struct recorder;
YL_CHECKED int recorder_open(struct recorder **out, const char *dir,
                             void (*on_event)(void *ctx, const struct media_event *event), void *ctx, struct fault *f);
/* Finishes every file, joins the thread. */
void recorder_close(struct recorder *r);

/* The producer side; one thread. */
void recorder_start(struct recorder *r, struct room_id room, uint64_t recording);
void recorder_packet(struct recorder *r, uint64_t recording, struct track_id track, enum media_codec codec,
                     const uint8_t *rtp, size_t len);
void recorder_track_end(struct recorder *r, uint64_t recording, struct track_id track);
void recorder_stop(struct recorder *r, uint64_t recording);
#endif
