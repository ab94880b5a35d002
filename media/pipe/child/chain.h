/* chain - a few elements through which buffers are pushed, one after the other, on the caller's thread: what comes out of one is told before the
 * push returns. No queue and no thread, so a film is made in the order of its times, as fast as the machine can.
 */
#ifndef YL_MEDIA_PIPE_CHILD_CHAIN_H
#define YL_MEDIA_PIPE_CHILD_CHAIN_H

#include "media/pipe/child/child.h"

struct chain {
    GstElement *bin;
    GstPad *in, *out;
    GstCaps *caps; /* of what comes out; NULL = nothing yet */
    /* Takes the buffer. */
    void (*on_buffer)(struct chain *c, GstBuffer *b);
    void *ctx;
};
/* on_buffer and ctx are set before. The process ends with status 3 when it cannot be built. */
void chain_open(struct chain *c, const char *elements, const char *caps);
/* Takes the buffer. What cannot be decoded is left out. */
void chain_push(struct chain *c, GstBuffer *b);
/* Lets out what the elements still hold. */
void chain_drain(struct chain *c);
void chain_close(struct chain *c);
#endif
