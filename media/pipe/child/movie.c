/* The file: H.264 (constrained baseline) and AAC, a second of each in turn, the tables behind (media/mux/fmp4.h). */
#include "media/mux/fmp4.h"
#include "media/pipe/child/film.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_MS 1000
#define TIMESCALE 90000

struct lane { /* one track of the file */
    struct fmp4_out chunk; /* what is not written yet */
    uint32_t in_chunk;
    GArray *samples, *chunks;
};
static struct lane picture_lane, sound_lane;
static struct chain encoder, voice;
static struct dimensions size;
static uint64_t written;
static int64_t chunk_ms, last_ms = -1;

static void put(const void *bytes, size_t len)
{
    film_write(bytes, len);
    written += len;
}

static void put_chunk(struct lane *l)
{
    struct fmp4_out head = {0};
    struct fmp4_index_chunk c = {written + 8, l->in_chunk};
    if (!l->in_chunk) return;
    fmp4_data(&head, l->chunk.len);
    put(head.bytes, head.len);
    put(l->chunk.bytes, l->chunk.len);
    g_array_append_val(l->chunks, c);
    l->in_chunk = 0;
    l->chunk.len = 0;
    fmp4_out_free(&head);
}

static void add(struct lane *l, const uint8_t *bytes, size_t len, uint32_t duration, bool key)
{
    struct fmp4_index_sample s = {duration, (uint32_t)len, key};
    fmp4_bytes(&l->chunk, bytes, len);
    if (l->chunk.failed) _exit(3);
    g_array_append_val(l->samples, s);
    l->in_chunk++;
}

static void on_picture(struct chain *c, GstBuffer *b)
{
    GstMapInfo map;
    int64_t at_ms = (int64_t)(GST_BUFFER_PTS(b) / GST_MSECOND);
    bool key = !GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_DELTA_UNIT);
    if (gst_buffer_map(b, &map, GST_MAP_READ)) {
        size_t len = 0;
        uint8_t *units = child_with_lengths(map.data, map.size, &len);
        if (key && !size.config_len && dimensions_of(MEDIA_H264, units, len, &size)) _exit(3);
        GArray *s = picture_lane.samples;
        if (s->len) g_array_index(s, struct fmp4_index_sample, s->len - 1).duration = (uint32_t)(at_ms - last_ms) * (TIMESCALE / 1000);
        if (len) add(&picture_lane, units, len, 0, key);
        last_ms = at_ms;
        free(units);
        gst_buffer_unmap(b, &map);
    }
    gst_buffer_unref(b);
}

static void on_voice(struct chain *c, GstBuffer *b)
{
    GstMapInfo map;
    if (gst_buffer_map(b, &map, GST_MAP_READ)) {
        if (map.size) add(&sound_lane, map.data, map.size, 1024, false);
        gst_buffer_unmap(b, &map);
    }
    gst_buffer_unref(b);
}

static void lane_init(struct lane *l)
{
    l->samples = g_array_new(FALSE, FALSE, sizeof(struct fmp4_index_sample));
    l->chunks = g_array_new(FALSE, FALSE, sizeof(struct fmp4_index_chunk));
}

void movie_begin(int fps)
{
    char caps[160];
    struct fmp4_out head = {0};
    lane_init(&picture_lane);
    lane_init(&sound_lane);
    encoder.on_buffer = on_picture;
    voice.on_buffer = on_voice;
    snprintf(caps, sizeof caps, "video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1,pixel-aspect-ratio=1/1", COMPOSE_WIDTH, COMPOSE_HEIGHT, fps);
    chain_open(&encoder, "openh264enc complexity=low rate-control=bitrate multi-thread=1 gop-size=60 enable-frame-skip=false background-detection=false adaptive-quantization=false scene-change-detection=false bitrate=1500000", caps);
    chain_open(&voice, "voaacenc bitrate=64000 ! capsfilter caps=audio/mpeg,stream-format=raw", "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1");
    fmp4_file_type(&head);
    put(head.bytes, head.len);
    fmp4_out_free(&head);
}

void movie_picture(struct canvas *c, int64_t at_ms)
{
    GstBuffer *b = canvas_buffer(c);
    GST_BUFFER_PTS(b) = (GstClockTime)at_ms * GST_MSECOND;
    chain_push(&encoder, b);
    if (at_ms - chunk_ms < CHUNK_MS) return;
    put_chunk(&picture_lane);
    put_chunk(&sound_lane);
    chunk_ms = at_ms;
}

void movie_sound(const int16_t samples[1024])
{
    static uint64_t at;
    GstBuffer *b = child_buffer((const uint8_t *)samples, 2048, gst_util_uint64_scale(at, GST_SECOND, 48000));
    GST_BUFFER_DURATION(b) = gst_util_uint64_scale(1024, GST_SECOND, 48000);
    at += 1024;
    chain_push(&voice, b);
}

static struct fmp4_index index_of(const struct lane *l)
{
    return (struct fmp4_index){l->samples->len, l->chunks->len, (const void *)l->samples->data, (const void *)l->chunks->data};
}

void movie_end(int64_t length_ms)
{
    struct fmp4_out movie = {0};
    chain_drain(&encoder);
    chain_drain(&voice);
    put_chunk(&picture_lane);
    put_chunk(&sound_lane);
    GArray *s = picture_lane.samples;
    if (!s->len || !size.config_len) _exit(3);
    g_array_index(s, struct fmp4_index_sample, s->len - 1).duration = (uint32_t)(length_ms > last_ms ? length_ms - last_ms : 1) * (TIMESCALE / 1000);
    struct fmp4_index picture = index_of(&picture_lane), sound = index_of(&sound_lane);
    struct fmp4_track tracks[] = {{.id = 1, .timescale = TIMESCALE, .picture = &size, .index = &picture}, {.id = 2, .timescale = 48000, .aac = true, .index = &sound}};
    fmp4_movie(&movie, tracks, sound.n_samples ? 2 : 1);
    if (movie.failed) _exit(3);
    put(movie.bytes, movie.len);
}
