/* clock - where time comes from. Engines take the time as a parameter; shells ask a clock, so that tests can jump. */
#ifndef YL_SERVER_BASE_CLOCK_H
#define YL_SERVER_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

struct clock {
    int64_t (*now_ms)(void *ctx); /* UTC, milliseconds since 1970 */
    void *ctx;
};

/* The machine's UTC clock. */
extern const struct clock clock_system;
static inline int64_t clock_now_ms(const struct clock *c)
{
    return c->now_ms(c->ctx);
}
int64_t clock_monotonic_us(void);
/* So many milliseconds from now, for pthread_cond_timedwait: the condition's clock, CLOCK_REALTIME unless it was made with another. */
struct timespec clock_until(clockid_t clock, int ms);
#endif
