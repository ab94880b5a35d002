/* finisher - makes proper files of recorded ones, hashes and tells them (MEDIA_RECORD_FILE, MEDIA_RECORD_DONE), on a thread of its own: an
 * hour's file takes seconds, in which others are still being written.
 *
 * DIR/<recording>-<track>-<room>-<started>.<ext>[.part], all ids in hex: a file tells what it is even when everything else is lost. What lies
 * there at the opening is of an earlier life: unfinished ones are read by their links, cut behind the last that holds, and get one more link
 * that says that they were killed; finished ones that nobody took are told again. Then MEDIA_RECORD_DONE with ERR_UNAVAILABLE closes each
 * such recording.
 */
#ifndef YL_MEDIA_MUX_FINISHER_H
#define YL_MEDIA_MUX_FINISHER_H

#include "media/media.h"

struct finisher;
YL_CHECKED int finisher_open(struct finisher **out, const char *dir, void (*on_event)(void *ctx, const struct media_event *event), void *ctx);
void finisher_close(struct finisher *f); /* after everything that was asked for */
/* Any one thread at a time; carried out and told in this order. */
void finisher_file(struct finisher *f, const char *path);
void finisher_done(struct finisher *f, uint64_t recording, uint64_t room, int error);
#endif
