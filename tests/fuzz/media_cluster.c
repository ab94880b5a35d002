/* Content of a recorded file's Tracks and Cluster elements: frames lie inside what was given, in times that are not negative. */
#include "media/pipe/cluster.h"
#include <stdlib.h>

struct given {
    const uint8_t *bytes;
    size_t len;
};

static void on_frame(void *ctx, const struct cluster_frame *f)
{
    const struct given *g = ctx;
    if (f->bytes < g->bytes || f->len > g->len || (size_t)(f->bytes - g->bytes) > g->len - f->len || !f->len || f->time_ms < 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct given g = {data, size};
    enum pipe_codec codec;
    if (cluster_codec(data, size, &codec) == 0 && codec >= PIPE_CODEC_COUNT) abort();
    cluster_frames(data, size, on_frame, &g);
    return 0;
}
