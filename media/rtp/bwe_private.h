/* bwe_private - shared by bwe.c (delay and loss) and bwe_probe.c. */
#ifndef YL_MEDIA_RTP_BWE_PRIVATE_H
#define YL_MEDIA_RTP_BWE_PRIVATE_H

#include "media/rtp/bwe.h"

enum { SENT_OUT = 1, SENT_ARRIVED, SENT_LOST };

static inline int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
/* Bits per second of `bytes` in `us`, within what an estimate may be. */
uint32_t bwe_rate(double bytes, int64_t us);
void bwe_set(struct bwe *b, double bps);
/* Nothing was sent for a while: no queue stands any more, and what was being tried has no answer. */
void bwe_rest(struct bwe *b, int64_t now_us);

/* bwe_probe.c */
void probe_sent(struct bwe *b, struct bwe_sent *s, uint16_t seq);
void probe_arrived(struct bwe *b, const struct bwe_sent *s, int64_t sent_us, int64_t queue_us);
void probe_lost(struct bwe *b, const struct bwe_sent *s, bool lost);
void probe_look(struct bwe *b, int64_t now_us); /* after a feedback or by time: is it decided? */
void probe_stop(struct bwe *b, int64_t now_us);
#endif
