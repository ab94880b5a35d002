#include "server/base/steady.h"
#include "server/base/clock.h"
#include <stdatomic.h>

static _Atomic int64_t ahead_us; /* of the monotonic clock; 0 = not asked yet */

static int64_t ahead_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 - clock_monotonic_us();
}

int64_t steady_utc_us(void)
{
    int64_t none = 0;
    if (!ahead_us)
        atomic_compare_exchange_strong(&ahead_us, &none, ahead_now());
    return ahead_us + clock_monotonic_us();
}

void steady_follow(void)
{
    ahead_us = ahead_now();
}
