/* caster - packages lectures: one picture and one voice of a room become CMAF chunks (packager.h) for all who watch over HTTP.
 *
 * A thread of its own, `caster`. Each worker feeds it through an inlet (inlet.h); a lecture uses one inlet for all its life. Pieces are told
 * with MEDIA_LIVE_PIECE on that thread, their bytes counted: the receiver of the event takes a reference if it keeps them. What is no H.264, or must
 * become AAC, goes through child processes (media/pipe) of this thread, while somebody watches.
 */
#ifndef YL_MEDIA_MUX_CASTER_H
#define YL_MEDIA_MUX_CASTER_H

#include "media/media.h"

struct caster;
struct caster_inlet;
YL_CHECKED int caster_open(struct caster **out, const struct media_config *config, size_t n_inlets);
/* Ends every lecture, joins the thread. Nobody may feed an inlet any more. */
void caster_close(struct caster *l);
struct caster_inlet *caster_inlet(struct caster *l, size_t i);

/* The producer side of an inlet; one thread each. */
void caster_start(struct caster_inlet *in, struct room_id room, const struct media_live_params *p);
/* From now on the picture or the voice comes from another track; what it numbered before has no meaning any more. */
void caster_switch(struct caster_inlet *in, uint64_t lecture, enum media_kind kind);
void caster_off(struct caster_inlet *in, uint64_t lecture); /* there is no picture any more */
void caster_packet(struct caster_inlet *in, uint64_t lecture, enum media_codec codec, const uint8_t *rtp, size_t len);
/* At that RTP time of the picture or voice our clock showed utc_us. */
void caster_refer(struct caster_inlet *in, uint64_t lecture, enum media_kind kind, uint32_t timestamp, int64_t utc_us);
/* Whether anybody watches, and needs AAC; generations of that rendition that were told before. While nobody watches, pieces may come in portions. */
void caster_watched(struct caster_inlet *in, uint64_t lecture, const struct media_live_params *p);
void caster_stop(struct caster_inlet *in, uint64_t lecture);
#endif
