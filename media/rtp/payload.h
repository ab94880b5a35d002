/* payload - what an RTP payload says about its frame, codec by codec: RFC 7741 (VP8), RFC 6184 (H.264), RFC 9628 (VP9), AV1 RTP. Pure. */
#ifndef YL_MEDIA_RTP_PAYLOAD_H
#define YL_MEDIA_RTP_PAYLOAD_H

#include "media/media.h"

/* True when this packet begins a frame that a decoder can start with. Audio: always true. */
bool payload_starts_keyframe(enum media_codec codec, const uint8_t *payload, size_t len);

struct payload_vp8 {
    size_t header_len; /* 0 = malformed */
    bool starts_frame; /* S and partition 0 */
    size_t picture_id_at; /* offset, 0 = none */
    bool picture_id_long; /* 15 bits */
    size_t tl0_at;        /* offset of TL0PICIDX, 0 = none */
    bool has_tid, sync;   /* sync: of this temporal layer nothing before is needed (Y) */
    uint8_t tid;          /* temporal layer, 0 lowest */
};
void payload_vp8_parse(const uint8_t *payload, size_t len, struct payload_vp8 *out);
/* Descriptor length of VP9, 0 = malformed. *starts: B bit, *inter: P bit, *ends: E bit. */
size_t payload_vp9_header(const uint8_t *payload, size_t len, bool *starts, bool *inter, bool *ends);
#endif
