#include "media/mux/tail.h"

#define WINDOW_US 100000 /* a worker that read late has read the newest in time, so the least of few is enough */
#define WORTH_US 200000  /* lines differ by less from one moment to the next, and what was made just now is on its way */

void tail_init(struct tail *t)
{
    *t = (struct tail){INT64_MAX, INT64_MAX, INT64_MAX, INT64_MIN};
}

void tail_arrived(struct tail *t, int64_t made_us, int64_t arrival_us)
{
    int64_t delay = arrival_us - made_us;
    if (t->window_us == INT64_MIN || arrival_us - t->window_us >= WINDOW_US || arrival_us < t->window_us) {
        t->before_us = t->window_us != INT64_MIN && arrival_us - t->window_us < 2 * WINDOW_US ? t->now_us : INT64_MAX;
        t->now_us = INT64_MAX;
        t->window_us = arrival_us;
    }
    if (delay < t->now_us) t->now_us = delay;
    if (delay < t->usual_us) t->usual_us = delay;
}

int64_t tail_missing_us(const struct tail *t)
{
    if (t->now_us == INT64_MAX) return 0;
    int64_t late = (t->now_us < t->before_us ? t->now_us : t->before_us) - t->usual_us;
    return late >= WORTH_US ? late : 0;
}
