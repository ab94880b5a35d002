/* VP8, VP9 or AV1 to H.264 (constrained baseline). When the machine is late there are fewer frames first, then fewer pixels: a slide whose
 * lines are sharp matters more than a smooth hand. What was reduced is told, and tried again after a while. */
#include "media/pipe/child/child.h"
#include <gst/video/video.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_EVERY GST_SECOND * 2
#define LATE_US 250000        /* the least delay of a second is longer: too much work */
#define EASY_US 100000        /* the greatest delay of a second is shorter */
#define JUDGED_US 1000000
#define EASIER_FIRST_S 10     /* seconds without trouble, then more is tried; twice as many after each attempt that failed */
#define EASIER_MOST_S 160
#define BEHIND (GST_SECOND * 3 / 2) /* the decoder itself is late: on from the next keyframe */
#define ARRIVALS 256

static const char *const plugins[] = {"coreelements", "app", "vpx", "aom", "videoconvertscale", "openh264", NULL};
static const struct {
    GstClockTime apart; /* least time between frames */
    unsigned divide;    /* width and height */
} levels[PIPE_REDUCED_COUNT] = {{0, 1}, {GST_SECOND / 16, 1}, {GST_SECOND / 16, 2}, {GST_SECOND / 6, 2}};

static GstAppSrc *in;
static GstElement *size, *encoder;
static GstPad *encoder_pad;
static int64_t base_us = INT64_MIN;
static bool skipping;
static GstClockTime pushed, decoded; /* atomic: the newest of each */
static struct {
    GstClockTime pts;
    int64_t us;
} arrivals[ARRIVALS]; /* atomic: when frames came, by their number */
static unsigned n_arrivals;

/* ---- of the decoder's thread ---- */
static struct {
    unsigned width, height, level;
    GstClockTime shown, key;
    int64_t since_us, least_us, most_us;
    unsigned easy_s, easier_s;
    bool forced;
} now = {.shown = GST_CLOCK_TIME_NONE, .key = GST_CLOCK_TIME_NONE, .easier_s = EASIER_FIRST_S};

static unsigned even(unsigned n)
{
    return n < 16 ? 16 : n & ~1u; /* H.264 in 4:2:0 */
}

static void set_size(void)
{
    unsigned w = even(now.width / levels[now.level].divide), h = even(now.height / levels[now.level].divide);
    uint64_t bps = (uint64_t)w * h * 5 / 3; /* 1.5 Mbit/s at 1280x720 */
    GstCaps *caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, (int)w, "height", G_TYPE_INT, (int)h, "pixel-aspect-ratio",
                                        GST_TYPE_FRACTION, 1, 1, NULL);
    g_object_set(size, "caps", caps, NULL);
    gst_caps_unref(caps);
    g_object_set(encoder, "bitrate", (guint)(bps < 250000 ? 250000 : bps > 3000000 ? 3000000 : bps), NULL);
    uint8_t told[4] = {(uint8_t)(w >> 8), (uint8_t)w, (uint8_t)(h >> 8), (uint8_t)h};
    child_send(&(struct pipe_message){.type = PIPE_STATE, .word = (uint16_t)now.level, .bytes = told, .len = sizeof told});
}

static void set_level(unsigned level)
{
    unsigned before = levels[now.level].divide;
    now.level = level;
    now.easy_s = 0;
    if (levels[level].divide != before) now.key = GST_CLOCK_TIME_NONE; /* the size changes: a keyframe */
    set_size();
}

/* Once a second: is the delay of all frames too long, or of none? */
static void judge(void)
{
    if (now.least_us > LATE_US && now.level + 1 < PIPE_REDUCED_COUNT) {
        if (now.easy_s && now.easier_s < EASIER_MOST_S) now.easier_s *= 2; /* it was tried too early */
        set_level(now.level + 1);
    } else if (now.most_us < EASY_US && now.level && ++now.easy_s >= now.easier_s) {
        set_level(now.level - 1);
        now.easy_s = 1;
    }
}

static int64_t arrival_of(GstClockTime pts)
{
    unsigned n = __atomic_load_n(&n_arrivals, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < ARRIVALS && i < n; i++) {
        unsigned at = (n - 1 - i) % ARRIVALS;
        if (__atomic_load_n(&arrivals[at].pts, __ATOMIC_RELAXED) == pts) return __atomic_load_n(&arrivals[at].us, __ATOMIC_RELAXED);
    }
    return -1;
}

/* Decoder and encoder work on one thread: a frame that is late here was late through the work on those before it. */
static void measure(GstClockTime pts)
{
    int64_t us = child_now_us(), came = arrival_of(pts), late = us - came;
    if (came < 0) return;
    if (!now.since_us) {
        now.since_us = us;
        now.least_us = now.most_us = late;
    }
    if (late < now.least_us) now.least_us = late;
    if (late > now.most_us) now.most_us = late;
    if (us - now.since_us < JUDGED_US) return;
    judge();
    now.since_us = 0;
}

static void ask_key(GstClockTime pts)
{
    now.key = pts;
    GstStructure *s = gst_structure_new("GstForceKeyUnit", "timestamp", G_TYPE_UINT64, pts, "all-headers", G_TYPE_BOOLEAN, TRUE, NULL);
    gst_pad_send_event(encoder_pad, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, s));
}

static GstPadProbeReturn on_decoded(GstPad *pad, GstPadProbeInfo *info, gpointer ctx)
{
    if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
        GstVideoInfo v;
        GstCaps *caps = NULL;
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_CAPS) gst_event_parse_caps(GST_PAD_PROBE_INFO_EVENT(info), &caps);
        if (!caps || !gst_video_info_from_caps(&v, caps)) return GST_PAD_PROBE_OK;
        now.width = (unsigned)v.width;
        now.height = (unsigned)v.height;
        now.key = GST_CLOCK_TIME_NONE;
        set_size();
        return GST_PAD_PROBE_OK;
    }
    GstClockTime pts = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
    if (!GST_CLOCK_TIME_IS_VALID(pts)) return GST_PAD_PROBE_DROP;
    __atomic_store_n(&decoded, pts, __ATOMIC_RELAXED);
    measure(pts);
    if (GST_CLOCK_TIME_IS_VALID(now.shown) && pts < now.shown + levels[now.level].apart) return GST_PAD_PROBE_DROP;
    now.shown = pts;
    bool wanted = __atomic_exchange_n(&now.forced, false, __ATOMIC_RELAXED);
    if (wanted || !GST_CLOCK_TIME_IS_VALID(now.key) || pts >= now.key + KEY_EVERY) ask_key(pts);
    return GST_PAD_PROBE_OK;
}

/* ---- out ---- */
uint8_t *child_with_lengths(const uint8_t *p, size_t len, size_t *out_len)
{
    uint8_t *out = malloc(len + len / 3 + 8);
    size_t at = 0, begin = 0;
    bool inside = false;
    for (size_t i = 0; out && i <= len; i++) {
        bool code = i + 3 <= len && p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1;
        if (!code && i < len) continue;
        size_t end = i;
        while (inside && end > begin && p[end - 1] == 0)
            end--; /* trailing zeros belong to the next start code */
        if (inside && end > begin) {
            size_t n = end - begin;
            for (int k = 0; k < 4; k++)
                out[at++] = (uint8_t)(n >> (24 - 8 * k));
            memcpy(out + at, p + begin, n);
            at += n;
        }
        inside = true;
        begin = i + 3;
        i += code ? 2 : 0;
    }
    *out_len = at;
    return out;
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer ctx)
{
    GstSample *s = gst_app_sink_pull_sample(sink);
    GstBuffer *b = s ? gst_sample_get_buffer(s) : NULL;
    GstMapInfo map;
    if (b && GST_BUFFER_PTS_IS_VALID(b) && gst_buffer_map(b, &map, GST_MAP_READ)) {
        size_t len = 0;
        uint8_t *units = child_with_lengths(map.data, map.size, &len);
        bool key = !GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_DELTA_UNIT);
        if (len)
            child_send(&(struct pipe_message){.type = PIPE_FRAME, .flags = key ? PIPE_KEY : 0, .word = PIPE_H264, .time_us = base_us + (int64_t)(GST_BUFFER_PTS(b) / 1000), .bytes = units, .len = len});
        free(units);
        gst_buffer_unmap(b, &map);
    }
    if (s) gst_sample_unref(s);
    return GST_FLOW_OK;
}

/* ---- the job ---- */
static const char *decoder_of(uint8_t codec)
{
    switch (codec) {
    case PIPE_VP8: return "video/x-vp8 ! vp8dec name=decoder threads=1";
    case PIPE_VP9: return "video/x-vp9 ! vp9dec name=decoder threads=1";
    case PIPE_AV1: return "video/x-av1,stream-format=obu-stream,alignment=tu ! av1dec name=decoder";
    default: return NULL;
    }
}

static bool start(const struct pipe_message *job)
{
    char description[800];
    const char *decoder = decoder_of(job->flags);
    GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    if (!decoder) return false;
    snprintf(description, sizeof description,
             "appsrc name=in is-live=true format=time max-bytes=16777216 caps=%s ! videoconvertscale n-threads=1 ! capsfilter name=size"
             " ! openh264enc name=encoder complexity=low rate-control=bitrate multi-thread=1 gop-size=0 enable-frame-skip=false bitrate=1500000"
             " ! appsink name=out sync=false", decoder);
    GstElement *p = child_pipeline(description);
    in = GST_APP_SRC(child_element(p, "in"));
    size = child_element(p, "size");
    encoder = child_element(p, "encoder");
    encoder_pad = gst_element_get_static_pad(encoder, "sink");
    GstPad *pad = gst_element_get_static_pad(child_element(p, "decoder"), "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_decoded, NULL, NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(child_element(p, "out")), &callbacks, NULL, NULL);
    child_play(p, false);
    return true;
}

static void frame(const struct pipe_message *m)
{
    if (base_us == INT64_MIN) base_us = m->time_us;
    if (m->time_us < base_us) return;
    GstClockTime pts = (GstClockTime)(m->time_us - base_us) * 1000, done = __atomic_load_n(&decoded, __ATOMIC_RELAXED);
    bool key = m->flags & PIPE_KEY;
    if (pushed > done && pushed - done > BEHIND) skipping = true;
    if (skipping && (!key || pushed > done + BEHIND / 4)) return;
    skipping = false;
    unsigned at = n_arrivals % ARRIVALS;
    __atomic_store_n(&arrivals[at].pts, pts, __ATOMIC_RELAXED);
    __atomic_store_n(&arrivals[at].us, child_now_us(), __ATOMIC_RELAXED);
    __atomic_store_n(&n_arrivals, n_arrivals + 1, __ATOMIC_RELEASE);
    pushed = pts;
    gst_app_src_push_buffer(in, child_buffer(m->bytes, m->len, pts));
}

static void force_key(void)
{
    __atomic_store_n(&now.forced, true, __ATOMIC_RELAXED);
}

const struct child_job job_picture = {plugins, start, frame, force_key};
