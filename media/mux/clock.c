#include "media/mux/clock.h"
#include <string.h>

/* Clocks drift by a millisecond in five seconds, and two reports differ by some tens: more than this is time that the source lost (a sound card or a machine that
 * stood still makes no samples, and its RTP time counts samples), or another clock altogether. */
#define LEAP_US 100000

void rtp_clock_init(struct rtp_clock *c, uint32_t rate)
{
    *c = (struct rtp_clock){.rate = rate};
}

static int64_t us_of(const struct rtp_clock *c, int64_t ticks)
{
    return ticks * 1000 / (c->rate / 1000);
}

int64_t rtp_clock_refer(struct rtp_clock *c, uint32_t timestamp, int64_t utc_us)
{
    if (!c->started) return 0;
    int64_t target = utc_us - us_of(c, c->ticks + (int32_t)(timestamp - c->timestamp)), off = target - c->offset_us;
    bool first = !c->referred, leaps = off > LEAP_US || off < -LEAP_US;
    /* The first report moves it all the way; later ones only tell of drift and the noise of one more measurement. */
    c->offset_us += first || leaps ? off : off / 8;
    c->referred = true;
    return leaps && (!first || off > 0) ? off : 0; /* the first sample came after it was made: what it was taken for can only have been too late */
}

int64_t rtp_clock_map(struct rtp_clock *c, uint32_t timestamp, int64_t arrival_us)
{
    if (!c->started) {
        c->started = true;
        c->timestamp = timestamp;
        c->offset_us = c->last_us = arrival_us;
        return arrival_us;
    }
    int32_t step = (int32_t)(timestamp - c->timestamp);
    c->ticks += step;
    c->timestamp = timestamp;
    int64_t at = us_of(c, c->ticks) + c->offset_us, least = c->last_us + us_of(c, step > 0 ? step : 0) * 3 / 4;
    if (!c->referred && at > arrival_us) c->offset_us += arrival_us - at, at = arrival_us; /* nothing comes before it is made */
    if (at < least) at = least;
    c->last_us = at;
    return at;
}
