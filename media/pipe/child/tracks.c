#include "media/pipe/child/film.h"
#include "media/rtp/bytes.h"
#include <string.h>
#include <unistd.h>

/* How long after the last frame a camera that sends nothing is still shown, and a file's end is not yet one. */
#define LINGER_MS 1000

static void on_picture(struct chain *c, GstBuffer *b)
{
    struct track *t = c->ctx;
    GstVideoInfo info;
    if (!c->caps || !gst_video_info_from_caps(&info, c->caps)) {
        gst_buffer_unref(b);
        return;
    }
    if (t->scaler && !gst_video_info_is_equal(&info, &t->info)) {
        gst_video_converter_free(t->scaler);
        t->scaler = NULL;
    }
    t->info = info;
    t->known = t->fresh = true;
    if (t->picture) gst_buffer_unref(t->picture);
    t->picture = b;
}

static void on_samples(struct chain *c, GstBuffer *b)
{
    GstMapInfo map;
    if (GST_BUFFER_PTS_IS_VALID(b) && gst_buffer_map(b, &map, GST_MAP_READ)) {
        sound_add(c->ctx, (const int16_t *)map.data, map.size / 2, (int64_t)(GST_BUFFER_PTS(b) / 1000));
        gst_buffer_unmap(b, &map);
    }
    gst_buffer_unref(b);
}

static bool libav; /* H.264 for two thirds of what OpenH264 asks, the same to the bit (docs/decisions/0021) */

void tracks_load(void)
{
    libav = child_load_if("libav");
}

void track_open(struct track *t)
{
    static const struct {
        const char *elements, *caps;
    } ways[PIPE_CODEC_COUNT] = {
        /* a voice is one channel; Opus decodes two of them into one by itself (RFC 6716 2.1.2) */
        [PIPE_OPUS] = {"opusdec plc=false", "audio/x-opus,channel-mapping-family=0,channels=1,rate=48000"},
        [PIPE_VP8] = {"vp8dec threads=1 max-errors=-1", "video/x-vp8"},
        [PIPE_VP9] = {"vp9dec threads=1 max-errors=-1", "video/x-vp9"},
        [PIPE_H264] = {"openh264dec max-errors=-1", "video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline"},
        [PIPE_AV1] = {"av1dec max-errors=-1", "video/x-av1,stream-format=obu-stream,alignment=tu"},
    };
    if (!ways[t->codec].elements || t->chain.bin) _exit(3);
    t->sound = t->codec == PIPE_OPUS;
    t->cursor = INT64_MIN;
    t->chain.ctx = t;
    t->chain.on_buffer = t->sound ? on_samples : on_picture;
    g_queue_init(&t->waiting);
    const char *elements = t->codec == PIPE_H264 && libav ? "avdec_h264 max-threads=1 max-errors=-1" : ways[t->codec].elements;
    chain_open(&t->chain, elements, ways[t->codec].caps);
}

/* Lengths of 4 bytes become start codes, as long (Annex B). */
static void start_codes(uint8_t *p, size_t len)
{
    for (size_t at = 0; at + 4 < len;) {
        size_t n = get_u32(p + at);
        put_u32(p + at, 1);
        if (n > len - at - 4) return;
        at += 4 + n;
    }
}

void track_frame(struct track *t, const struct cluster_frame *f)
{
    GstBuffer *b = child_buffer(f->bytes, f->len, (GstClockTime)(t->begin_ms + f->time_ms) * GST_MSECOND);
    GstMapInfo map;
    if (f->spare) GST_BUFFER_FLAG_SET(b, GST_BUFFER_FLAG_DROPPABLE);
    if (!f->key && !t->sound) GST_BUFFER_FLAG_SET(b, GST_BUFFER_FLAG_DELTA_UNIT);
    if (t->codec == PIPE_H264 && gst_buffer_map(b, &map, GST_MAP_WRITE)) {
        start_codes(map.data, map.size);
        gst_buffer_unmap(b, &map);
    }
    g_queue_push_tail(&t->waiting, b);
}

/* What a later keyframe makes superfluous. */
static void skip(struct track *t, GstClockTime until)
{
    GList *key = NULL;
    for (GList *l = t->waiting.head; l && GST_BUFFER_PTS((GstBuffer *)l->data) <= until; l = l->next)
        if (!GST_BUFFER_FLAG_IS_SET((GstBuffer *)l->data, GST_BUFFER_FLAG_DELTA_UNIT)) key = l;
    while (key && t->waiting.head != key)
        gst_buffer_unref(g_queue_pop_head(&t->waiting));
}

static void decode(struct track *t, GstBuffer *b, int64_t step_ms)
{
    int64_t at_ms = (int64_t)(GST_BUFFER_PTS(b) / GST_MSECOND);
    if (GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_DROPPABLE) && at_ms - t->decoded_ms < step_ms) {
        gst_buffer_unref(b);
        return;
    }
    t->decoded_ms = at_ms;
    chain_push(&t->chain, b);
}

void track_decode(struct track *t, int64_t until_ms, int64_t step_ms)
{
    GstClockTime until = (GstClockTime)until_ms * GST_MSECOND;
    if (!t->sound) skip(t, until);
    while (t->waiting.head && GST_BUFFER_PTS((GstBuffer *)t->waiting.head->data) <= until)
        decode(t, g_queue_pop_head(&t->waiting), step_ms);
}

static const struct film_gap *gap_at(const struct track *t, int64_t at_ms, bool lost)
{
    for (size_t i = 0; i < t->n_gaps; i++)
        if (t->gaps[i].lost == lost && at_ms >= t->gaps[i].from_ms && at_ms < t->gaps[i].to_ms) return &t->gaps[i];
    return NULL;
}

bool track_missing(const struct track *t, int64_t at_ms)
{
    return gap_at(t, at_ms, true) != NULL;
}

bool track_there(const struct track *t, int64_t at_ms)
{
    const struct film_gap *quiet = gap_at(t, at_ms, false);
    if (track_missing(t, at_ms)) return true;
    return at_ms >= t->begin_ms && at_ms < t->end_ms + LINGER_MS && !(quiet && at_ms >= quiet->from_ms + LINGER_MS);
}
