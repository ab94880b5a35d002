/* webm - one track as WebM (VP8, VP9, AV1, Opus) or Matroska (H.264), RFC 9559, in fragments.
 *
 * Writing is pure: the head, then clusters, each complete with its size, come out as bytes; the caller appends each to the file with a link
 * behind it (server/base/reel.h). Whatever the moment of a kill, the file is then a chain of whole fragments and perhaps a torn last one.
 * webm_finish makes a proper file of either: cuts the torn end, adds cues, patches duration, seek head and sizes. It reads and writes the
 * file and waits for the disk: not for a thread that has other work.
 */
#ifndef YL_MEDIA_MUX_WEBM_H
#define YL_MEDIA_MUX_WEBM_H

#include "media/media.h"

/* A fragment ends before a keyframe, or before the first frame that is this far behind its first; the caller cuts by its own clock too. It
 * does not wait for a keyframe, so not every fragment begins with one; the cues name those that do. */
#define WEBM_FRAGMENT_MS 800

struct webm;
struct webm_part {
    uint8_t *bytes; /* malloc'ed, the caller's, with room for REEL_LINK_MAX more behind len */
    size_t len;     /* 0: nothing */
    size_t tracks_at; /* of a head: where Tracks begins, which the first link covers */
    bool key;         /* of a fragment: a decoder can begin with it */
    int64_t begin_ms;
};
/* `key` is the first frame of a video (dimensions and decoder configuration come from it), NULL for audio. ERR_INVALID: they are not in it. */
YL_CHECKED int webm_new(struct webm **out, enum media_codec codec, const uint8_t *key, size_t len, struct webm_part *head);
/* This frame begins a new fragment: cut the one before. */
bool webm_due(const struct webm *w, int64_t time_ms, bool key);
enum webm_kind { WEBM_DELTA, WEBM_KEY, WEBM_SPARE }; /* SPARE: nothing is made from it, a player may leave it out (RFC 9559 10.2, discardable) */
/* time_ms counts from 0 at the first frame and never falls. */
YL_CHECKED int webm_frame(struct webm *w, const uint8_t *frame, size_t len, int64_t time_ms, enum webm_kind kind);
YL_CHECKED int webm_cut(struct webm *w, struct webm_part *out);
void webm_free(struct webm *w);
/* Not synced: the caller syncs many at once. ERR_NOT_FOUND: not one complete cluster in it. */
YL_CHECKED int webm_finish(const char *path, int64_t *duration_ms);
#endif
