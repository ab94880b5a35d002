/* sizes - a picture in three sizes inside one stream of VP9 (L3T1_KEY), one packet each, of a length that tells which. */
#ifndef YL_TESTS_LIB_SIZES_H
#define YL_TESTS_LIB_SIZES_H

#include "media/rtp/bytes.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const size_t sizes_lengths[] = {200, 500, 900}; /* of the payloads */

/* RFC 9628 4.2: picture id, layer indices, and with a keyframe how many sizes there are. The largest size's packet has the marker. */
static inline void sizes_payload(uint8_t *p, int size, uint16_t picture, bool key)
{
    memset(p, 0x55, sizes_lengths[size]);
    p[0] = (uint8_t)(0x80 | (key ? 0 : 0x40) | 0x20 | 0x08 | 0x04 | (key && !size ? 0x02 : 0));
    put_u16(p + 1, (uint16_t)(0x8000 | (picture & 0x7fff)));
    p[3] = (uint8_t)(size << 1 | (key && size));
    p[4] = (uint8_t)picture;
    if (key && !size) p[5] = 2 << 5;
}
#endif
