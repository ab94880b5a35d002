/* dice - chance that is the same in every run (xorshift64, Marsaglia 2003); each program has its own. `dice` may be set to begin elsewhere, not to 0. */
#ifndef YL_TESTS_SUPPORT_DICE_H
#define YL_TESTS_SUPPORT_DICE_H

#include <stdint.h>
#include <string.h>

static uint64_t dice = 88172645463325252ull;

/* 0 .. n - 1 */
static inline uint32_t roll(uint32_t n)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (uint32_t)(dice >> 33) % n;
}

/* One of the Chinese characters of `from`. */
static inline void roll_character(const char *from, char out[4])
{
    memcpy(out, from + 3 * (size_t)roll((uint32_t)(strlen(from) / 3)), 3);
    out[3] = 0;
}
#endif
