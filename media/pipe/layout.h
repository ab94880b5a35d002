/* layout - where each picture of a composed film stands. Pure.
 *
 * All numbers are even: a picture in 4:2:0 has a colour sample for two by two pixels.
 */
#ifndef YL_MEDIA_PIPE_LAYOUT_H
#define YL_MEDIA_PIPE_LAYOUT_H

#include "server/base/compose.h"

#define LAYOUT_GRID_MAX 25 /* pictures at a time; more are not shown */
#define LAYOUT_SIDE_MAX 5  /* beside the large one */

struct layout_member {
    bool screen;   /* a shared screen or a second camera, not a face */
    bool speaking; /* at most one */
};
struct layout_rect {
    unsigned x, y, w, h; /* w 0: not shown */
};
/* One rectangle for each of n members, in their order, none overlapping another, all inside width x height. */
void layout_place(enum compose_layout layout, unsigned width, unsigned height, const struct layout_member *members, size_t n, struct layout_rect *out);
/* The largest rectangle of that shape within `in`, in its middle. */
struct layout_rect layout_fit(struct layout_rect in, unsigned width, unsigned height);
#endif
