/* reel - the chain inside a recorded file: every fragment is followed by a link that holds a hash over everything since the link before it,
 * so that whoever has the file alone can say that nothing was changed, left out or put in between, and what was lost while it was made.
 *
 * Layout (WebM/Matroska, RFC 9559): EBML, Segment { SeekHead|Void, Info, Tracks, link 0, (Cluster, link n)*, Cues? }. A link is a Void element
 * (0xEC, size in 8 bytes, passed over by every player):
 *   "ylchain1"  8 bytes        number    u32  (0, 1, 2 ..)        utc_ms  i64  when the recorder closed the fragment
 *   recording   u64            track     u64                      n       u32  gaps that follow, at most REEL_GAPS_MAX
 *   n times: begin_ms i64, length_ms u32, lost_ms u32, why u32    (times of the file, 0 = its first sample)
 *   link        32 bytes: SHA-256(link before, or 32 zeros || the bytes from the end of the link before, or from the first of Tracks, up to here)
 * Numbers are big endian. What stands before Tracks and the Cues are made when a file is finished, out of the rest: no link covers them.
 * Pure; blocking only in the caller's read. Any thread.
 */
#ifndef YL_SERVER_BASE_REEL_H
#define YL_SERVER_BASE_REEL_H

#include "server/base/crypto.h"
#include <stdbool.h>

#define REEL_GAPS_MAX 16
#define REEL_HEAD_BYTES 9 /* Void's id and size */
#define REEL_GAP_BYTES 20
#define REEL_LINK_MAX (REEL_HEAD_BYTES + 40 + REEL_GAPS_MAX * REEL_GAP_BYTES + SHA256_BYTES)
#define REEL_MERGE_MS 2000 /* gaps of one cause that are nearer than this become one */

enum reel_why {
    REEL_NETWORK = 1, /* packets did not arrive, nor did they when asked for again */
    REEL_DISK,        /* the disk was full, failing, or slower than what was to be written */
    REEL_KILLED,      /* the process or the machine stopped: what came after the last link is not there; length 0 = to the end */
    REEL_BUSY,        /* the recorder itself did not keep up */
    REEL_QUIET,       /* nothing was sent: no loss */
    REEL_SOURCE,      /* the sender's device or machine stood still: what was there to be heard was not taken up by it */
    REEL_WHY_COUNT
};
const char *reel_why_name(enum reel_why why); /* "network" "disk" "killed" "busy" "quiet" "source" */

#define REEL_MS_MAX (INT64_C(1) << 50) /* no recording is so long: a time beyond it is none */

struct reel_gap {
    int64_t begin_ms;
    uint32_t length_ms, lost_ms; /* of its length, really missing */
    enum reel_why why;
};
struct reel_gaps {
    size_t n;
    struct reel_gap at[REEL_GAPS_MAX];
};
/* Never refuses: a gap near one of the same cause lengthens it; when the list is full, the last of that cause, or the last, is lengthened. */
void reel_gaps_add(struct reel_gaps *gaps, const struct reel_gap *gap);

/* ---- writing ---- */
struct reel_chain {
    uint32_t next;
    uint64_t recording, track;
    uint8_t last[SHA256_BYTES];
};
/* Makes the next link over n covered bytes; goes on from it. To give up a link that could not be written, put back a copy of the chain.
 * Returns the link's length. */
size_t reel_link(struct reel_chain *c, const void *covered, size_t n, const struct reel_gaps *gaps, int64_t utc_ms, uint8_t out[REEL_LINK_MAX]);

/* ---- reading ---- */
struct reel_source {
    /* Up to n bytes from `at`; how many, or negative. */
    int64_t (*read)(void *ctx, uint64_t at, void *out, size_t n);
    void *ctx;
    uint64_t size;
};
struct reel_report {
    bool chained;           /* has a link 0: files of before the chain have none */
    uint32_t links;         /* whole ones after link 0 = fragments, and ends that tell of a kill */
    uint64_t recording, track;
    uint64_t end;           /* of the last whole link (that holds, when checked) */
    int64_t utc_ms;         /* of the last link */
    bool killed;            /* a gap of that cause was told */
    struct reel_chain last; /* as it is after the last link: to go on from */
    const char *wrong;      /* NULL: whole; else what is wrong at `wrong_at`, in English */
    uint64_t wrong_at;
};
struct reel_reader {
    struct reel_source source;
    bool check; /* hash everything; else only the links are read */
    void (*on_gap)(void *ctx, const struct reel_gap *gap); /* may be NULL */
    void *ctx;
};
/* Reads the file from its beginning to its end, or to the first wrong byte. 0, or ERR_STORAGE when it cannot be read; whether it is whole is
 * in the report. */
YL_CHECKED int reel_read(const struct reel_reader *r, struct reel_report *out);
/* The same of a file on the disk. */
YL_CHECKED int reel_read_fd(int fd, bool check, void (*on_gap)(void *ctx, const struct reel_gap *gap), void *ctx, struct reel_report *out);

/* An element's head at `at` of an EBML file: id, size, where its content begins. False: there is none. */
bool reel_element(const struct reel_source *s, uint64_t at, uint32_t *id, uint64_t *size, uint64_t *body);
#endif
