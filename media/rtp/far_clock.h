/* far_clock - how far a sender's clock is from ours, by its sender reports (RFC 3550 6.4.1): the least delayed report says best. What it says is not kept for ever: a clock
 * that runs slower than ours, or is set back, would leave everything made later and later behind. Pure.
 */
#ifndef YL_MEDIA_RTP_FAR_CLOCK_H
#define YL_MEDIA_RTP_FAR_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct far_clock {
    bool known;
    int64_t offset; /* ours minus its, in 2^-32 s */
    int64_t least;  /* of the present window */
    int64_t since_us;
};
/* A report: its time, and our clock when it came (both NTP); now_us by any steady clock. */
void far_clock_hear(struct far_clock *c, uint64_t ntp, uint64_t came_ntp, int64_t now_us);
#endif
