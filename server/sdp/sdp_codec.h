/* sdp_codec - the tables of what we carry: codecs with the fmtp parameters that matter, and header extensions. Inside server/sdp only. */
#ifndef YL_SERVER_SDP_SDP_CODEC_H
#define YL_SERVER_SDP_SDP_CODEC_H

#include "media/media.h"

/* "opus/48000/2" as in a=rtpmap. */
const char *sdp_codec_rtpmap(enum media_codec codec);
enum media_kind sdp_codec_kind(enum media_codec codec);
/* RFC 2198, of a voice: "red/48000/2". */
extern const char sdp_red_rtpmap[];
/* The codec of an a=rtpmap value (names compare without case, RFC 8866 6.6). */
bool sdp_codec_find(const char *rtpmap, enum media_kind kind, enum media_codec *out);

/* The parameters that tell variants of a codec apart, always in the same order and case, so that equal variants are equal text. `fmtp` may
 * be NULL. false = a variant that not every receiver decodes: H.264 other than packetization-mode 1 with a baseline profile (RFC 6184
 * 8.1), VP9 and AV1 other than profile 0. */
bool sdp_codec_fmtp(enum media_codec codec, const char *fmtp, char out[128]);

struct sdp_extension {
    const char *uri;
    uint8_t ours;       /* number in our offers (Chromium's), the same on every m-line as BUNDLE demands (RFC 9143 9.2) */
    bool audio, video;  /* offered by us on m-lines of that kind: rids are never ours to send */
};
#define SDP_EXTENSIONS 8
extern const struct sdp_extension sdp_extensions[SDP_EXTENSIONS];
/* Where number i of the table is kept. */
uint8_t *sdp_extension_slot(struct media_extensions *x, size_t i);
#endif
