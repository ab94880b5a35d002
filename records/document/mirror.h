/* mirror - a second copy of every finished blob (what people attached, what was recorded) in a folder on another disk, seconds behind.
 *
 * Copies are byte for byte, so sealed as the originals are and worthless without keys/master.key, which is never copied. Each is read back from the disk before it
 * has its name. A blob that is removed because it must not be kept leaves the copies too, also when they could not be reached then (blob_remove's note). A blob that
 * is merely missing does not: that is what the copy is for.
 *
 * Layout: DIR/files/ab/cd/ADDRESS, as under data.dir/blobs. All is compared when the daemon starts, once a day, and after a failure; what is published in between is
 * told by the store (blob_store_tell). A failure (folder gone, full) is told once, and tried again every ten seconds.
 *
 * Threads: one of its own, at low priority; opened after the store and before whoever writes to it, closed after them.
 */
#ifndef YL_RECORDS_DOCUMENT_MIRROR_H
#define YL_RECORDS_DOCUMENT_MIRROR_H

#include "records/document/blob.h"
#include "server/base/clock.h"
#include "server/base/fault.h"

struct blob_mirror;
struct blob_mirror_config {
    struct blob_store *store;
    const char *data_dir, *dir;
    const struct clock *clock;
    int retry_ms, compare_ms; /* 0: ten seconds, a day */
};
YL_CHECKED int blob_mirror_open(struct blob_mirror **out, const struct blob_mirror_config *config, struct fault *f);
void blob_mirror_close(struct blob_mirror *m); /* does not wait for what is not copied yet; NULL is fine */

struct blob_mirror_state {
    int64_t files, bytes;  /* in the copy, as last compared and since */
    int64_t waiting;       /* published and not copied yet, as far as known */
    int64_t since_ms;      /* the oldest of them waits since then, UTC; 0 = none waits */
    int64_t compared_ms;   /* all was compared, the last time; 0 = not since the start */
    const char *fault;     /* why it does not go on, a word: folder, room, copy, unwritable; "" = it does */
    char wrong[160];       /* ... in the log's words */
};
void blob_mirror_look(struct blob_mirror *m, struct blob_mirror_state *out); /* any thread */

struct blob_mirror_restored {
    int64_t files, bytes;
};
/* Lays the copies of DIR into TO/blobs, which is not there yet. ERR_NOT_FOUND: DIR has none. */
YL_CHECKED int blob_mirror_restore(const char *dir, const char *to, struct blob_mirror_restored *out, struct fault *f);
#endif
