/* line - the way to one receiver who gives transport-wide feedback: how much it carries, which pictures in which form it is given, bursts
 * spread where it cannot take them. Worker thread; memory is taken when the first such feed opens.
 */
#ifndef YL_MEDIA_WORKER_LINE_H
#define YL_MEDIA_WORKER_LINE_H

#include "media/router/producer.h"
#include "media/rtp/bwe.h"

#define LINE_QUEUE 256 /* a power of two */

struct feed;
struct peer;
struct track;

struct line {
    struct bwe bwe;
    int64_t allotted_us, fell_us; /* fell: the line shrank, or a picture was reduced */
    struct { /* voices sent twice (RED) */
        bool loses, on;
        int64_t lost_us;          /* the line lost something to speak of last */
        int64_t full_us, wait_us; /* it filled while they were, and how long they are not after that */
    } twice;
    uint32_t wanted_bps, sound_bps;
    struct line_still *still; /* NULL = none is sent */
    bool stills; /* some picture is sent as keyframes now and then: they are long, and leave no faster than the line brings them */
    bool due; /* to be allotted anew at once */
    /* bursts: packets that wait, as references into the rings of their tracks */
    struct {
        struct feed *feed; /* NULL = gone */
        uint16_t seq;
        uint8_t layer;
        bool key;
    } queue[LINE_QUEUE];
    unsigned head, tail;
    int64_t spread_until_us, allowed_us;
    int64_t allowance_bytes;
    struct peer *peer;
    struct line *next; /* in worker.lines, while busy: packets wait or a probe runs */
    bool busy;
};

/* A feed opened or was negotiated anew; makes the line when it is the first to have numbers. */
void line_feed(struct feed *feed);
void line_forget(struct feed *feed);
void line_heard(struct peer *peer, const uint8_t *fci, size_t len);
void line_free(struct peer *peer);
void line_tick(struct peer *peer);
/* Serves the busy lines, every 5 ms; returns when it wants to be called again, INT64_MAX = none is busy. */
struct worker;
int64_t line_due(struct worker *w);
/* True when the packet was taken into the queue, or is none for this feed. */
bool line_spreads(struct feed *feed, const struct packet *packet);
/* True when a still of the feed may begin, or goes on with this packet: the one before must have left the line first. */
bool line_still_free(const struct feed *feed, const struct packet *packet);
/* How many of `packets` at once the line takes without a long queue; all while nothing is known of it. */
size_t line_burst(const struct peer *peer, size_t packets);
/* Which layers of a track somebody wants; tells it when that changed. */
void line_wants(struct track *track);
#endif
