/* twcc - transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): the receiver notes when
 * each transport sequence number arrived and reports in batches, so that the publisher's own estimator works; and the same read when a
 * viewer reports what we sent. Pure. */
#ifndef YL_MEDIA_RTP_TWCC_H
#define YL_MEDIA_RTP_TWCC_H

#include "media/rtp/rtcp.h"

#define TWCC_WINDOW 512

struct twcc {
    bool started;
    uint16_t base; /* first number not reported yet */
    uint16_t end;  /* one after the highest seen */
    uint8_t count; /* of feedback packets */
    int64_t at_us[TWCC_WINDOW]; /* by number modulo window; 0 = not arrived */
};
void twcc_note(struct twcc *t, uint16_t seq, int64_t now_us);
/* Appends one feedback packet and forgets what it reported; false when there is nothing to say. */
bool twcc_add_feedback(struct twcc *t, struct rtcp_builder *b, uint32_t sender, uint32_t media);

/* Reads one feedback packet from its base sequence number on (RTPFB, format 15, behind the two SSRCs). `each` hears of every number in turn:
 * the time of its arrival in microseconds behind *reference, the sender's clock in units of 64 ms (24 bits, wraps); TWCC_LOST = not arrived.
 * ERR_MALFORMED: nothing was told. */
#define TWCC_LOST INT64_MIN
typedef void (*twcc_each)(void *ctx, uint16_t seq, int64_t at_us);
YL_CHECKED int twcc_reference(const uint8_t *fci, size_t len, uint32_t *reference);
YL_CHECKED int twcc_read(const uint8_t *fci, size_t len, twcc_each each, void *ctx);
#endif
