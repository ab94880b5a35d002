/* srtp_reports - opens SRTCP (RFC 3711 3.4, RFC 7714 9) of one peer. A viewer sends nothing but reports, and libsrtp would spend 25 KB and,
 * with the first of them, some 60 us of the packet path on it. Keeps a replay window of 64 per SSRC. Not thread-safe. Memory is taken for
 * the first authentic packet of an SSRC only.
 */
#ifndef YL_MEDIA_TRANSPORT_SRTP_REPORTS_H
#define YL_MEDIA_TRANSPORT_SRTP_REPORTS_H

#include "media/transport/srtp_half.h"

struct srtp_reports;
YL_CHECKED int srtp_reports_new(struct srtp_reports **out, enum dtls_profile profile, const struct srtp_session_keys *control);
void srtp_reports_free(struct srtp_reports *r);
/* In place, updates *len. ERR_INVALID: not authentic, not encrypted, replayed, too short, or of too many SSRCs. */
YL_CHECKED int srtp_reports_open(struct srtp_reports *r, uint8_t *packet, size_t *len);
#endif
