/* bwe - how much one receiver's line carries, from its transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).
 *
 * Hides how that is found. Three signals, each for what it knows best:
 *   delay  the one-way delay over its own minimum is our queue on the line. While a queue stands, what arrives per second is what the line
 *          carries, so a queue that stands sets the estimate to what arrived (after draft-ietf-rmcat-gcc-02, but measured, not searched);
 *   loss   more than the line has by itself. A line's own loss does not lessen when less is sent: that is tried once, then it is known;
 *   probes short clusters of padding above the estimate, only while more is wanted: the line's answer is its capacity, and whether loss is its own.
 * Until one of them has found the line's end the estimate is a guess (bwe_guessed): it says what to try, not what to leave out.
 * Pure, sans-I/O; no allocation; times in microseconds of one monotonic clock. Bytes are those of a UDP payload.
 */
#ifndef YL_MEDIA_RTP_BWE_H
#define YL_MEDIA_RTP_BWE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BWE_HISTORY 1024 /* packets in flight at most; a power of two */
#define BWE_MIN_BPS 80000u /* a voice */
#define BWE_MAX_BPS 30000000u
#define BWE_START_BPS 800000u

struct bwe_sent {
    uint32_t at_us; /* low bits of the clock */
    uint16_t bytes : 13, state : 2, probe : 1; /* on the wire; of a probe */
    uint16_t queue; /* that it met, in 64 us, from 1; 0 = no one knows */
};

struct bwe_probe {
    enum { PROBE_NONE, PROBE_SENDING, PROBE_WAITING } state;
    bool steep;     /* the last one passed */
    unsigned tries; /* that left the question open */
    uint16_t first_seq, last_seq;
    uint32_t bps, sent_bytes;
    int64_t began_us, ends_us, next_us;
    int64_t may_us; /* when there was use for one last */
};

struct bwe {
    int64_t born_us;
    uint32_t estimate_bps;
    bool measured; /* the line has said what it carries; until then the estimate is a guess */
    /* sent */
    uint16_t next; /* number of the next packet */
    struct bwe_sent sent[BWE_HISTORY];
    /* feedback */
    bool heard;
    uint16_t known; /* one after the highest number that feedback spoke of */
    int64_t heard_us, sent_us, clock_us;
    uint32_t reference, rtt_us, rtt_low_us, every_us; /* every: between two feedbacks */
    uint32_t flight_bytes, feedbacks;
    uint8_t count; /* of the last feedback */
    double deaf;   /* how often one was lost before one that came */
    /* delay */
    int64_t low_us, low_before_us, low_since_us; /* least one-way delay of this and of the last window */
    int64_t queue_us, noise_us;                  /* standing queue; what it is on a quiet line */
    int64_t tail_us;                             /* queue of the newest packets */
    int64_t jitter_us, jitter_sent_us, jitter_at_us;
    int64_t hot_us, mark_us, mark_queue_us, mark_least_us, cut_queue_us, cut_us; /* mark: of the last window, and so far of this one */
    unsigned hot, stuck;
    bool doubted;        /* a queue stood since the line was last seen to carry what the estimate says: less may have been sent than that, and the line shrunk */
    uint32_t proven_bps; /* what a probe has shown since */
    bool tried; /* to send less for a queue that stands but does not grow */
    /* arrivals while a queue stands */
    int64_t busy_us, busy_last_us, busy_sent_us, busy_last_sent_us; /* the same packets as they arrived, as they were sent */
    uint32_t busy_bytes, busy_n;
    uint32_t delivered_bps;
    int64_t last_at_us;
    /* loss */
    int64_t loss_since_us;
    unsigned loss_n, loss_lost; /* of what was no probe */
    uint32_t loss_bytes; /* that arrived */
    double own_loss; /* what the line loses by itself, 0..0.5 */
    double loss;     /* of the last window */
    struct { /* does less loss come of less sent? */
        bool on;
        unsigned rounds, n;
        double loss; /* before it, of n */
        uint32_t bps; /* the estimate before it */
        int64_t next_us;
    } trial;
    struct { /* is it the line's own? A probe is being asked */
        int64_t since_us; /* 0 = no */
        double loss;
        uint32_t carried_bps;
        bool guilty; /* the probe lost more */
    } suspect;
    unsigned own_n; /* windows that own_loss is of */
    bool loss_hot; /* in this window a queue stood: its loss need not be the line's own */
    struct bwe_probe probe;
};

void bwe_init(struct bwe *b, uint32_t start_bps, int64_t now_us);
/* A packet leaves; returns the transport-wide number to write into it. */
uint16_t bwe_sent(struct bwe *b, size_t bytes, int64_t now_us);
/* One feedback packet, as rtcp_parse hands it over. */
void bwe_feedback(struct bwe *b, const uint8_t *fci, size_t len, int64_t now_us);
/* What the line carries. */
uint32_t bwe_estimate_bps(const struct bwe *b);
bool bwe_guessed(const struct bwe *b);
double bwe_own_loss(const struct bwe *b); /* what the line loses whatever is sent, 0 to 0.5 */
/* What should be sent now: less than the estimate while a queue drains or feedback stays away. */
uint32_t bwe_target_bps(const struct bwe *b, int64_t now_us);
/* How fast a burst (a keyframe) may leave. */
uint32_t bwe_pace_bps(const struct bwe *b, int64_t now_us);
/* Bytes of padding to be sent now, 0 = none; asked every 5 ms while a probe runs (bwe_probing), else now and then. `wanted_bps`: as much as there is use for,
 * 0 while media waits to leave. */
size_t bwe_padding(struct bwe *b, uint32_t wanted_bps, int64_t now_us);
bool bwe_probing(const struct bwe *b);
/* True from a standing queue until it is gone: what can wait or be left out should be. */
bool bwe_congested(const struct bwe *b);
#endif
