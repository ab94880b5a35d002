/* dimensions - size and decoder configuration of a video from its first keyframe. Pure. */
#ifndef YL_MEDIA_MUX_DIMENSIONS_H
#define YL_MEDIA_MUX_DIMENSIONS_H

#include "media/media.h"

struct dimensions {
    unsigned width, height;
    uint8_t config[512]; /* H.264: avcC; AV1: av1C */
    size_t config_len;
};
/* `frame` as struct frame holds it. ERR_INVALID when it is no keyframe with a readable header. */
YL_CHECKED int dimensions_of(enum media_codec codec, const uint8_t *frame, size_t len, struct dimensions *out);
#endif
