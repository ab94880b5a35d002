/* replay - the group of pictures that is being sent, again for one receiver who has just come: he sees a picture at once, and nobody has to
 * make a keyframe, which would cost all others (RFC 4585 6.3.1 lets a middlebox answer a PLI itself).
 *
 * The packets come from the producer's ring, as fast as the caller takes them, until the receiver has caught up; until then what is new
 * waits in the ring too. Numbers go on as always. Times are pressed together, to a 64th: the frames are past, the receiver's clock
 * begins with the first of them, and as they were he would show everything that follows as much later as the group is long.
 * Worker thread; sans-I/O; no allocation.
 */
#ifndef YL_MEDIA_ROUTER_REPLAY_H
#define YL_MEDIA_ROUTER_REPLAY_H

#include "media/router/consumer.h"
#include "media/rtp/bytes.h"

/* Begins when the consumer waits for a keyframe and the group is whole and not longer than `most` packets. False: it needs a keyframe. */
bool replay_begin(struct consumer *c, const struct producer *p, size_t most, int64_t now_us);
/* The next packet as it stands in the ring, to go through replay_forward; false: caught up, the replay is over. */
bool replay_next(struct consumer *c, const struct producer *p, struct packet *out);
/* consumer_forward for a packet of replay_next; the replay moves on behind it. */
bool replay_forward(struct consumer *c, const struct producer *p, const struct packet *packet, int64_t now_us, struct rtp_parts *out);

/* For consumer.c: true when a new packet waits because the replay will come to it. */
static inline bool replay_holds(const struct consumer *c, const struct packet *k)
{
    return c->replay.on && !c->replay.stepping && c->replay.layer == k->layer && seq_diff(k->rtp.seq, c->replay.next) >= 0;
}
/* The span that begins with source time `first`: all that came so far, and the time since, is pressed together; what follows goes on behind it. (That a source
 * stood, or a link rested, must not make what comes next so much later.) */
void replay_squeeze(struct consumer_span *span, const struct layer *l, uint32_t first, int64_t now_us);
#endif
