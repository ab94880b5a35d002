/* frames - RTP packets of one track in, whole decodable frames out: reordering, gaps, depacketisation (RFC 7587, 7741, 9628, 6184).
 * After a hole in a video the frames up to the next keyframe are dropped. Writer thread. */
#ifndef YL_MEDIA_MUX_FRAMES_H
#define YL_MEDIA_MUX_FRAMES_H

#include "media/media.h"

struct frames;
struct frame {
    const uint8_t *bytes; /* H.264: NAL units with 4-byte lengths; AV1: OBUs with sizes */
    size_t len;
    bool key;
    uint32_t timestamp; /* as in its packets */
    int64_t ticks;      /* of the RTP clock since the first frame */
    int64_t utc_ms; /* arrival of its first packet */
    bool spare;     /* no other frame is made from it (VP8's N, H.264's NRI 0): a player may leave it out */
    bool lost;      /* something between it and the frame given before did not come, or could not be decoded without what did not */
};
YL_CHECKED int frames_new(struct frames **out, enum media_codec codec, void (*on_frame)(void *ctx, const struct frame *f), void *ctx);
void frames_free(struct frames *f);
/* How long a missing packet is waited for; 800 ms at first, when NACK has had its tries. */
void frames_patience(struct frames *f, int64_t ms);
void frames_input(struct frames *f, const uint8_t *rtp, size_t len, int64_t utc_ms);
/* Gives out what waits for missing packets longer than the limit; `all`: everything (the track ends). */
void frames_flush(struct frames *f, int64_t utc_ms, bool all);
/* After the last flush: true when something behind the frame given last did not come, or could not be decoded for it; *timestamp: of the newest packet. A frame that
 * was still on its way is nothing that was lost. */
bool frames_lost_end(const struct frames *f, uint32_t *timestamp);
#endif
