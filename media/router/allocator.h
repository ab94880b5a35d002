/* allocator - shares one receiver's line among the pictures he wants: which simulcast layer and which temporal layers of each, and which not
 * at all; of one that has no smaller form, such as a screen, a still now and then. Pure.
 *
 * Sound is not shared out: it goes first and is taken off what there is. Then every picture gets its least form, the most valuable first, so
 * that what does not fit at all is what matters least; then the most valuable ones are raised as far as they go, then the next. Raising is
 * granted only with room to spare, so that pictures do not go up and down with the measurement.
 */
#ifndef YL_MEDIA_ROUTER_ALLOCATOR_H
#define YL_MEDIA_ROUTER_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALLOCATOR_LAYERS 3
#define ALLOCATOR_TIDS 3
#define ALLOCATOR_STREAMS 64
#define ALLOCATOR_STILL_MS_MIN 4000 /* and has as much as brings one in so long, before others are more than their least */
#define ALLOCATOR_STILL_MS 12000 /* a still is granted where the line brings one in so long */

struct allocator_stream {
    uint8_t value; /* higher first */
    uint8_t most;  /* highest layer that is of use to the page and can be had */
    bool tids;     /* it has temporal layers */
    bool sure;     /* it has its least form, whatever the line is taken to carry */
    bool stills;   /* in: a keyframe now and then is of use where nothing else fits; out: so it is (layer is -1 then) */
    uint32_t key_bytes[ALLOCATOR_LAYERS]; /* what a keyframe costs, with which a layer begins */
    uint32_t bps[ALLOCATOR_LAYERS][ALLOCATOR_TIDS]; /* of a layer, up to a temporal layer; without them only the last column counts */
    /* in: as it is now; out: as it shall be. layer -1 = nothing */
    int8_t layer;
    uint8_t tid;
};

struct allocator_result {
    uint32_t used_bps;
    uint32_t wanted_bps; /* for all that is of use, with the room to spare */
    uint32_t left_bps;
};
/* `may_rise`: false holds everything at most where it is (just after the line shrank). */
struct allocator_result allocate(struct allocator_stream *s, size_t n, uint32_t bps, bool may_rise);
#endif
