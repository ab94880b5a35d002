#include "records/work/recording_source.h"
#include "server/base/compose.h"

enum { ID_TRACKS = 0x1654ae6b, ID_CLUSTER = 0x1f43b675, ID_TIME = 0xe7 };

static int64_t read_blob(void *ctx, uint64_t at, void *out, size_t n)
{
    size_t got;
    return blob_read(ctx, at, out, n, &got) ? -1 : (int64_t)got;
}

static int64_t cluster_time(struct recording_source *s)
{
    uint8_t bytes[8];
    uint32_t id;
    uint64_t size, body, v = 0;
    if (!reel_element(&s->reel, s->cluster, &id, &size, &body) || id != ID_TIME || size > sizeof bytes ||
        s->reel.read(s->reel.ctx, body, bytes, (size_t)size) != (int64_t)size)
        return -1;
    for (size_t i = 0; i < size; i++)
        v = v << 8 | bytes[i];
    return v < (uint64_t)1 << 40 ? (int64_t)v : -1;
}

void recording_source_next(struct recording_source *s)
{
    uint32_t id;
    uint64_t size, body;
    s->time_ms = INT64_MAX;
    while (s->next < s->reel.size && reel_element(&s->reel, s->next, &id, &size, &body) && size <= s->reel.size && body <= s->reel.size - size) {
        s->next = body + size;
        if (id == ID_TRACKS && size <= COMPOSE_PAYLOAD_MAX) {
            s->tracks = body;
            s->tracks_bytes = size;
        }
        if (id != ID_CLUSTER || !s->tracks || size > COMPOSE_PAYLOAD_MAX)
            continue;
        s->cluster = body;
        s->cluster_bytes = size;
        int64_t t = cluster_time(s);
        if (t < 0)
            continue;
        s->time_ms = s->begin_ms + t;
        return;
    }
}

void recording_source_begin(struct recording_source *s)
{
    uint32_t id;
    uint64_t size, body;
    s->reel = (struct reel_source){read_blob, s->blob, blob_bytes(s->blob)};
    s->time_ms = INT64_MAX;
    if (!reel_element(&s->reel, 0, &id, &size, &body) || size > s->reel.size || !reel_element(&s->reel, body + size, &id, &size, &s->next))
        return;
    recording_source_next(s);
}
