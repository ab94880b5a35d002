/* srtp_box - SRTP and SRTCP (RFC 3711) for one peer, with the profile that DTLS agreed on: seal what we send, open what came, in place.
 * Hides libsrtp. Not thread-safe: a worker owns its boxes. After the first packet of a stream nothing is allocated.
 */
#ifndef YL_MEDIA_TRANSPORT_SRTP_BOX_H
#define YL_MEDIA_TRANSPORT_SRTP_BOX_H

#include "media/transport/dtls.h"

#define SRTP_OVERHEAD 24 /* room that seal needs behind the packet (tag 16 at most, SRTCP index 4, rounded up) */

struct srtp_box;
YL_CHECKED int srtp_box_new(struct srtp_box **out, const struct dtls_keys *keys);
void srtp_box_free(struct srtp_box *box);
/* All four work in place and update *len; ERR_INVALID: not authentic, replayed or malformed. */
YL_CHECKED int srtp_box_seal(struct srtp_box *box, uint8_t *packet, size_t *len, bool rtcp);
YL_CHECKED int srtp_box_open(struct srtp_box *box, uint8_t *packet, size_t *len, bool rtcp);
#endif
