/* fair_clock - the clock for what is promised in time ("within three seconds"): milliseconds, without those in which something that could run here had no
 * processor, so that a machine with other work is not taken for a slow daemon. On a quiet machine it goes as any clock does. By the kernel's pressure
 * stall information (/proc/pressure/cpu, Documentation/accounting/psi.rst); the monotonic clock where there is none. What is waited for without a promise
 * has PATIENCE_MS: it ends at once when it comes, and is only long when it never does. */
#ifndef YL_TESTS_LIB_FAIR_CLOCK_H
#define YL_TESTS_LIB_FAIR_CLOCK_H

#include "server/base/clock.h"
#include <stdint.h>
#include <stdio.h>

#define PATIENCE_MS 30000

static inline int64_t fair_now_ms(void)
{
    long long stalled_us = 0;
    FILE *f = fopen("/proc/pressure/cpu", "r");
    if (f && fscanf(f, "some avg10=%*f avg60=%*f avg300=%*f total=%lld", &stalled_us) != 1) stalled_us = 0;
    if (f) fclose(f);
    return (clock_monotonic_us() - stalled_us) / 1000;
}
#endif
