/* blank - a black H.264 keyframe of 192x108 (constrained baseline, level 3.1: "avc1.42c01f"), as struct frame holds it, parameter sets first. What a lecture
 * shows while it has sound alone: players cannot add a picture to what began without one (Media Source Extensions 6.3: all tracks are those of the first
 * initialisation segment; RFC 8216bis 4.4.6.2: CODECS of a variant). Large enough for the decoders of phones, and no camera's size. */
#ifndef YL_MEDIA_MUX_BLANK_H
#define YL_MEDIA_MUX_BLANK_H

#include <stddef.h>
#include <stdint.h>

#define BLANK_WIDTH 192
#define BLANK_HEIGHT 108
struct blank {
    const uint8_t *bytes;
    size_t len;
};
struct blank blank_picture(void);
#endif
