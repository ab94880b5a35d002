/* srtp_seal - the sending half of SRTP and SRTCP for one peer: AEAD_AES_128_GCM (RFC 7714) and AES_CM_128_HMAC_SHA1_80 (RFC 3711).
 *
 * Forwarding seals one plaintext packet for hundreds of peers, so this path keeps one cipher context per peer for its whole life and
 * encrypts out of place, straight from the shared packet into the send buffer. libsrtp, the reference it is tested against, works in
 * place (a copy more) and its Debian build costs 2 to 5 times as much (docs/decisions/0004).
 * Keeps the rollover counter and the last number of each SSRC, also of streams that ended: an index is never used for two different
 * packets. Not thread-safe. Memory is taken for the first packet of a stream only.
 */
#ifndef YL_MEDIA_TRANSPORT_SRTP_SEAL_H
#define YL_MEDIA_TRANSPORT_SRTP_SEAL_H

#include "media/transport/srtp_half.h"

struct srtp_piece {
    const uint8_t *bytes;
    size_t len;
};

struct srtp_seal;
/* keys[SRTP_MEDIA] and keys[SRTP_CONTROL] */
YL_CHECKED int srtp_seal_new(struct srtp_seal **out, enum dtls_profile profile, const struct srtp_session_keys keys[2]);
void srtp_seal_free(struct srtp_seal *s);
size_t srtp_seal_tag(const struct srtp_seal *s); /* bytes that a packet grows by */
/* `out` begins with the packet's `head_len` bytes of RTP header and extensions; the payload is taken from the pieces, which must not
 * overlap `out`, and lands behind it, then the tag. Returns the whole length, 0 when the cipher failed or memory ran out. */
size_t srtp_seal_packet(struct srtp_seal *s, uint8_t *out, size_t head_len, const struct srtp_piece *pieces, size_t n_pieces);
/* A packet is sealed soon: what that reads comes into the cache. The first SRTP_SEAL_HEAD bytes of *s should be there already. */
#define SRTP_SEAL_HEAD 192
void srtp_seal_near(const struct srtp_seal *s);
/* An RTCP packet, in place; it grows by up to SRTCP_OVERHEAD. 0 = failed. */
#define SRTCP_OVERHEAD 20
size_t srtp_seal_rtcp(struct srtp_seal *s, uint8_t *packet, size_t len);
/* The highest number sealed for this SSRC; false: none yet. Whoever begins this stream again must go on behind it. */
bool srtp_seal_last(const struct srtp_seal *s, uint32_t ssrc, uint16_t *seq);
#endif
