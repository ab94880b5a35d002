#include "media/rtp/far_clock.h"

#define WINDOW_US 10000000
#define SECOND ((int64_t)1 << 32)
#define DRIFT (SECOND / 200)  /* 5 ms in a window: more than any clock drifts, less than a line that is full for a minute could fool us by */
#define SET_BACK SECOND       /* no report of ten seconds is that late: the clock was set */

static void window_over(struct far_clock *c)
{
    int64_t rise = c->least - c->offset;
    if (rise > 0) c->offset += rise > SET_BACK || rise < DRIFT ? rise : DRIFT;
}

void far_clock_hear(struct far_clock *c, uint64_t ntp, uint64_t came_ntp, int64_t now_us)
{
    int64_t offset = (int64_t)(came_ntp - ntp);
    if (!c->known || offset < c->offset) c->offset = offset;
    bool over = c->known && now_us - c->since_us >= WINDOW_US;
    if (over) window_over(c);
    if (over || !c->known) {
        c->since_us = now_us;
        c->least = INT64_MAX;
    }
    c->known = true;
    if (offset < c->least) c->least = offset;
}
