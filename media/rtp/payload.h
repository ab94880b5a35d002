/* payload - what an RTP payload says about its frame, codec by codec: RFC 7741 (VP8), RFC 6184 (H.264), RFC 9628 (VP9), AV1 RTP. Pure. */
#ifndef YL_MEDIA_RTP_PAYLOAD_H
#define YL_MEDIA_RTP_PAYLOAD_H

#include "media/media.h"
#include "media/rtp/depend.h"

/* True when this packet begins a frame that a decoder can start with. Audio: always true. */
bool payload_starts_keyframe(enum media_codec codec, const uint8_t *payload, size_t len);

/* What a packet says of the frame it is part of and of the layers that it is in. VP8: RFC 7741 4.2; VP9: RFC 9628 4.2; others: the
 * dependency descriptor. */
struct payload_frame {
    uint16_t header_len;   /* of the descriptor in the payload */
    bool starts, ends;     /* the first, the last packet of this layer's frame (VP8 says only the first) */
    bool layered;          /* sid and tid are said */
    uint8_t sid, tid;      /* spatial and temporal layer, 0 lowest */
    bool inter;            /* VP9: pictures before are needed */
    bool enters;           /* nothing before of this temporal layer is needed: with this frame it can begin (VP8 Y) */
    uint16_t opens;        /* bit sid * 3 + tid: who is sent this can be sent everything up to these layers from here on (VP9 U) */
    uint8_t spatial;       /* spatial layers that there are from here on, 0 = not said */
    uint16_t number, number_mask; /* of the picture, with all its layers (VP8, VP9) or of the frame; mask 0 = none */
    uint8_t picture_id_at; /* offset, 0 = none */
    bool picture_id_long;  /* 15 bits */
    uint8_t tl0_at;        /* offset of TL0PICIDX, 0 = none */
    uint8_t front_len;     /* bytes from the beginning that hold both */
};
/* All 0 for a malformed descriptor, and for a codec without one. */
void payload_frame_parse(enum media_codec codec, const uint8_t *payload, size_t len, struct payload_frame *out);
/* The same from a dependency descriptor; all 0 when it is malformed or `s` is of another keyframe. */
void payload_frame_depend(struct depend_structure *s, const uint8_t *value, size_t len, struct payload_frame *out);
#endif
