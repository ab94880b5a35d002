/* rtcp - compound RTCP: walk what came, build what goes (RFC 3550, 4585, 5104; REMB; transport-wide feedback). Pure. */
#ifndef YL_MEDIA_RTP_RTCP_H
#define YL_MEDIA_RTP_RTCP_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rtcp_report { /* one report block */
    uint32_t ssrc;
    uint8_t fraction_lost; /* of 256 */
    int32_t lost;
    uint32_t highest_seq, jitter, last_sr, delay_since_sr;
};
struct rtcp_sender_info {
    uint32_t ssrc;
    uint64_t ntp;
    uint32_t rtp, packets, octets;
};

/* What a compound packet said; any may be NULL. Calls come in the order of the bytes. */
struct rtcp_handler {
    void (*sender)(void *ctx, const struct rtcp_sender_info *info);
    void (*report)(void *ctx, const struct rtcp_report *report);
    void (*nack)(void *ctx, uint32_t media_ssrc, uint16_t seq); /* once per missing packet */
    void (*keyframe)(void *ctx, uint32_t media_ssrc);           /* PLI or FIR */
    void (*remb)(void *ctx, uint64_t bps);
    void (*bye)(void *ctx, uint32_t ssrc);
    void (*arrivals)(void *ctx, const uint8_t *fci, size_t len); /* transport-wide feedback, for twcc_read */
    void *ctx;
};
/* ERR_MALFORMED when the chain of lengths is broken; what came before was delivered. */
YL_CHECKED int rtcp_parse(const uint8_t *data, size_t len, const struct rtcp_handler *h);

struct rtcp_builder {
    uint8_t *bytes;
    size_t cap, len;
};
void rtcp_begin(struct rtcp_builder *b, uint8_t *bytes, size_t cap);
/* Each appends one packet and returns false, appending nothing, when it does not fit. */
bool rtcp_add_sr(struct rtcp_builder *b, const struct rtcp_sender_info *info);
bool rtcp_add_rr(struct rtcp_builder *b, uint32_t sender, const struct rtcp_report *reports, size_t n); /* n <= 31 */
bool rtcp_add_sdes(struct rtcp_builder *b, uint32_t ssrc, const char *cname);
bool rtcp_add_pli(struct rtcp_builder *b, uint32_t sender, uint32_t media);
bool rtcp_add_nack(struct rtcp_builder *b, uint32_t sender, uint32_t media, const uint16_t *seqs, size_t n); /* ascending */
bool rtcp_add_remb(struct rtcp_builder *b, uint32_t sender, uint64_t bps, const uint32_t *ssrcs, size_t n);
bool rtcp_add_bye(struct rtcp_builder *b, uint32_t ssrc);
#endif
