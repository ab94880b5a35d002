/* webm - writes one track into a WebM (VP8, VP9, AV1, Opus) or Matroska (H.264) file, RFC 9559.
 *
 * Clusters are written whole, with their size, when they are complete: whatever the moment of a kill, the file is a chain of
 * complete clusters and perhaps a torn last one. webm_finish makes a proper file of either: cuts the torn end, adds cues, patches
 * duration, seek head and sizes. Blocking file I/O: writer thread.
 */
#ifndef YL_MEDIA_MUX_WEBM_H
#define YL_MEDIA_MUX_WEBM_H

#include "media/media.h"

struct webm;
/* `key` is the first frame of a video (dimensions and decoder configuration come from it), NULL for audio. */
YL_CHECKED int webm_open(struct webm **out, const char *path, enum media_codec codec, const uint8_t *key, size_t len);
/* time_ms counts from 0 at the first frame and never falls. ERR_STORAGE when the disk refuses. */
YL_CHECKED int webm_frame(struct webm *w, const uint8_t *frame, size_t len, int64_t time_ms, bool key);
/* Writes the open cluster; called at least once a second of real time. */
YL_CHECKED int webm_flush(struct webm *w);
/* Flushes and closes without finishing. */
void webm_close(struct webm *w);
/* ERR_NOT_FOUND: not one complete cluster in it. */
YL_CHECKED int webm_finish(const char *path, int64_t *duration_ms);
#endif
