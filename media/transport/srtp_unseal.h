/* srtp_unseal - opens the media (RFC 3711 3.3, RFC 7714 8) that one peer sends, on the ciphers that seal (srtp_half). libsrtp is the reference
 * that it is tested against; Debian's build spends seven microseconds on each packet, which in a small room is more than forwarding it.
 * Keeps for each SSRC the highest index that was authentic and a replay window of 1024. Not thread-safe. Memory is taken for the first authentic
 * packet of an SSRC only.
 */
#ifndef YL_MEDIA_TRANSPORT_SRTP_UNSEAL_H
#define YL_MEDIA_TRANSPORT_SRTP_UNSEAL_H

#include "media/transport/srtp_half.h"

struct srtp_unseal;
YL_CHECKED int srtp_unseal_new(struct srtp_unseal **out, enum dtls_profile profile, const struct srtp_session_keys *media);
void srtp_unseal_free(struct srtp_unseal *u);
/* In place, updates *len. ERR_INVALID: not authentic, replayed or too old, malformed, or of too many SSRCs. */
YL_CHECKED int srtp_unseal_packet(struct srtp_unseal *u, uint8_t *packet, size_t *len);
#endif
