/* consumer - one outgoing copy of a track: which layer it shows and how numbers, times and ids are rewritten, so that the receiver
 * sees one unbroken stream across layer switches, pauses and restarted publishers. Worker thread; sans-I/O; no allocation.
 */
#ifndef YL_MEDIA_ROUTER_CONSUMER_H
#define YL_MEDIA_ROUTER_CONSUMER_H

#include "media/router/producer.h"

#define CONSUMER_HISTORY 1024

struct consumer {
    struct media_feed_params params;
    uint8_t pt[128], rtx_pt[128]; /* source payload type -> ours; 0 = this receiver does not take it */
    int layer;                    /* shown now, -1 = waits for a keyframe */
    uint8_t wanted;               /* highest layer wished */
    uint8_t cap;                  /* highest layer that the receiver's line carries, from its loss reports */
    bool sent_any;
    uint16_t first_seq;  /* source number at the last switch: older ones belong to what was shown before */
    uint16_t seq_offset; /* ours = source - offset */
    uint32_t ts_offset;
    uint16_t last_seq, rtx_seq;
    uint32_t last_ts;
    int64_t last_us;
    uint16_t pid_offset, last_pid; /* VP8 */
    uint8_t tl0_offset, last_tl0;
    struct {
        uint16_t seq, source, pid_offset;
        uint8_t layer, tl0_offset;
        uint32_t timestamp;
        int64_t resent_us;
    } history[CONSUMER_HISTORY]; /* by our number */
    uint32_t packets, octets;
    uint64_t bytes;
    uint8_t fraction_lost;
    uint32_t jitter;
    int64_t good_since_us;
};

void consumer_init(struct consumer *c, const struct media_feed_params *params, const struct producer *p);
void consumer_update(struct consumer *c, const struct producer *p); /* the track was renegotiated */
/* The layer that should be shown: the highest that is alive and wished; -1 when none is. */
int consumer_target(const struct consumer *c, const struct producer *p, int64_t now_us);
/* True when a keyframe of layer *layer is needed before anything (more) can be shown. */
bool consumer_needs_key(const struct consumer *c, const struct producer *p, int64_t now_us, size_t *layer);
/* The copy of one packet for this receiver; 0 = nothing to send. */
size_t consumer_forward(struct consumer *c, const struct producer *p, size_t layer, const struct rtp *packet, bool key,
                        int64_t now_us, uint8_t *out, size_t cap);
/* The packet with our number `seq` again (as RTX when negotiated); 0 = gone, or it was sent again just now. */
size_t consumer_resend(struct consumer *c, const struct producer *p, uint16_t seq, int64_t now_us, uint8_t *out,
                       size_t cap);
void consumer_break(struct consumer *c); /* what comes next does not continue what was sent: wait for a keyframe */
/* A reception report about this feed: moves the layer cap. */
void consumer_report(struct consumer *c, const struct producer *p, const struct rtcp_report *r, int64_t now_us);
/* Our sender report at UTC-NTP `ntp`; `offset` = our clock minus the publisher's. False: nothing sent yet. */
bool consumer_sender_info(const struct consumer *c, const struct producer *p, uint64_t ntp, int64_t offset,
                          int64_t now_us, struct rtcp_sender_info *out);
#endif
