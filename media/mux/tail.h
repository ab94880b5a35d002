/* tail - how much later than usual what comes of one stream is by now: at its end that much of it is missing, without a hole before it. Its sender's machine stood still
 * since its last report (RTP time counts samples), or its line had not brought it yet; which of both nobody can know then. Pure.
 */
#ifndef YL_MEDIA_MUX_TAIL_H
#define YL_MEDIA_MUX_TAIL_H

#include <stdint.h>

struct tail {
    int64_t usual_us;           /* least delay so far, arrival over the time it was made at */
    int64_t now_us, before_us;  /* the same within the window at hand and the one before */
    int64_t window_us;          /* when the one at hand began */
};
/* Also when times made were reckoned anew and what was known of delays is void: the first report, or another clock. */
void tail_init(struct tail *t);
/* A packet that came at arrival_us was made at made_us. */
void tail_arrived(struct tail *t, int64_t made_us, int64_t arrival_us);
/* 0: nothing worth telling. */
int64_t tail_missing_us(const struct tail *t);
#endif
