/* cluster - frames out of the Matroska files that media/mux/webm.h writes (RFC 9559): one track a file, no lacing. Pure; the bytes are a
 * stranger's.
 */
#ifndef YL_MEDIA_PIPE_CLUSTER_H
#define YL_MEDIA_PIPE_CLUSTER_H

#include "media/pipe/message.h"

/* The codec of the first entry of a Tracks element's content. ERR_INVALID: none that is known. */
YL_CHECKED int cluster_codec(const uint8_t *tracks, size_t len, enum pipe_codec *out);

struct cluster_frame {
    int64_t time_ms; /* of the file */
    bool key, spare; /* spare: nothing is made from it */
    const uint8_t *bytes; /* within the content */
    size_t len;
};
/* Each frame of a Cluster element's content, in order; what is torn or unknown is passed over. */
void cluster_frames(const uint8_t *content, size_t len, void (*each)(void *ctx, const struct cluster_frame *f), void *ctx);
#endif
