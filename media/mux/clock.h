/* clock - RTP times of one stream become times of ours: anchored by arrival first, then by the publisher's sender reports (RFC 3550 6.4.1),
 * so that its voice and picture stay in step and no clock of a sound card drifts away. Pure.
 */
#ifndef YL_MEDIA_MUX_CLOCK_H
#define YL_MEDIA_MUX_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct rtp_clock {
    uint32_t rate;
    bool started, referred;
    uint32_t timestamp; /* of the last mapped sample, which is `ticks` since the first */
    int64_t ticks, offset_us, last_us;
};
void rtp_clock_init(struct rtp_clock *c, uint32_t rate);
/* At that RTP time our clock showed utc_us. Returns by how much the times of what comes next leap for it, 0 = they follow gently: above 0
 * the source lost so much time since the report before. */
int64_t rtp_clock_refer(struct rtp_clock *c, uint32_t timestamp, int64_t utc_us);
/* When a sample was made; never earlier than the sample before it by more than a quarter of the way between them. */
int64_t rtp_clock_map(struct rtp_clock *c, uint32_t timestamp, int64_t arrival_us);
#endif
