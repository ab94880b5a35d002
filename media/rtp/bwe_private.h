/* bwe_private - shared by bwe.c (delay and loss), bwe_probe.c (when and how the line is asked) and bwe_answer.c (what it said). */
#ifndef YL_MEDIA_RTP_BWE_PRIVATE_H
#define YL_MEDIA_RTP_BWE_PRIVATE_H

#include "media/rtp/bwe.h"

#define KEEP 0.92 /* of what the line carries: the rest drains the queue */

enum { SENT_OUT = 1, SENT_ARRIVED, SENT_LOST };

static inline int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
struct bwe_sent *bwe_entry(struct bwe *b, uint16_t seq); /* NULL: not known (any more) */
static inline int64_t bwe_sent_us(const struct bwe_sent *s, int64_t now_us)
{
    return now_us - (int64_t)((uint32_t)now_us - s->at_us);
}
/* Bits per second of `bytes` in `us`, within what an estimate may be. */
uint32_t bwe_rate(double bytes, int64_t us);
void bwe_set(struct bwe *b, double bps);
/* Nothing was sent for a while: no queue stands any more, and what was being tried has no answer. */
void bwe_rest(struct bwe *b, int64_t now_us);

/* bwe_answer.c */
struct bwe_answer {
    double low_bps, high_bps; /* what explains it about as well as the best */
    bool passed;              /* the line's end was not found: however wide, it would explain it */
};
/* `lost_weigh`: the share of what was lost that went over the line, and was lost behind. */
struct bwe_answer bwe_answer(struct bwe *b, double lost_weigh, int64_t now_us);
/* So long before and after a probe the line is looked at. */
int64_t bwe_around_us(const struct bwe *b);

/* bwe_probe.c */
void probe_sent(struct bwe *b, struct bwe_sent *s, uint16_t seq);
/* After a feedback or by time: is it decided? True if so, and what queue there is was the probe's. */
bool probe_look(struct bwe *b, int64_t now_us);
void probe_stop(struct bwe *b, int64_t now_us);
#endif
