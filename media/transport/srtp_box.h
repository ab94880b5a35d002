/* srtp_box - SRTP and SRTCP (RFC 3711, 7714) for one peer, with the profile that DTLS agreed on.
 *
 * srtp_unseal opens media, srtp_reports RTCP, srtp_seal seals what goes out. Not thread-safe: whoever owns the peer owns its box. After the first packet of a stream nothing is allocated.
 */
#ifndef YL_MEDIA_TRANSPORT_SRTP_BOX_H
#define YL_MEDIA_TRANSPORT_SRTP_BOX_H

#include "media/transport/srtp_seal.h"

#define SRTP_OVERHEAD 24 /* room needed behind a packet (tag 16 at most, SRTCP index 4, rounded up) */

struct srtp_box;
YL_CHECKED int srtp_box_new(struct srtp_box **out, const struct dtls_keys *keys);
void srtp_box_free(struct srtp_box *box);
struct srtp_seal *srtp_box_seal(struct srtp_box *box); /* for what leaves; lives as long as the box */
/* In place, updates *len; ERR_INVALID: not authentic, replayed or malformed. */
YL_CHECKED int srtp_box_open(struct srtp_box *box, uint8_t *packet, size_t *len, bool rtcp);
#endif
