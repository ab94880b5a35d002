/* clock - where time comes from. Engines take the time as a parameter; shells ask a clock, so that tests can jump. */
#ifndef YL_SERVER_BASE_CLOCK_H
#define YL_SERVER_BASE_CLOCK_H

#include <pthread.h>
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
/* Waits end by the clock that nobody sets: with the machine's, one set back an hour would make a wait of a second an hour long. A condition that is
 * waited on with a limit is made here, and the limit is so many milliseconds from now. */
void clock_condition(pthread_cond_t *c);
struct timespec clock_until(int ms);
struct timespec clock_until_us(int64_t us); /* of a wait shorter than that */
#endif
