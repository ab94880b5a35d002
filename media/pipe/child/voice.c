/* Opus to AAC (ISO/IEC 14496-3, low complexity, one channel at 48 kHz), for players that know no Opus in MP4. */
#include "media/pipe/child/child.h"

static const char *const plugins[] = {"coreelements", "app", "opus", "audioconvert", "voaacenc", NULL};
static GstAppSrc *in;
static int64_t base_us = INT64_MIN;

static GstFlowReturn on_sample(GstAppSink *sink, gpointer ctx)
{
    GstSample *s = gst_app_sink_pull_sample(sink);
    GstBuffer *b = s ? gst_sample_get_buffer(s) : NULL;
    GstMapInfo map;
    if (b && gst_buffer_map(b, &map, GST_MAP_READ)) {
        if (map.size && GST_BUFFER_PTS_IS_VALID(b))
            child_send(&(struct pipe_message){.type = PIPE_FRAME, .flags = PIPE_KEY, .word = PIPE_AAC, .time_us = base_us + (int64_t)(GST_BUFFER_PTS(b) / 1000), .bytes = map.data, .len = map.size});
        gst_buffer_unmap(b, &map);
    }
    if (s) gst_sample_unref(s);
    return GST_FLOW_OK;
}

static bool start(const struct pipe_message *job)
{
    GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    if (job->flags != PIPE_OPUS) return false;
    GstElement *p = child_pipeline("appsrc name=in is-live=true format=time max-bytes=262144 caps=audio/x-opus,channel-mapping-family=0,channels=2,rate=48000"
                                   " ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! voaacenc bitrate=64000"
                                   " ! audio/mpeg,stream-format=raw ! appsink name=out sync=false");
    in = GST_APP_SRC(child_element(p, "in"));
    gst_app_sink_set_callbacks(GST_APP_SINK(child_element(p, "out")), &callbacks, NULL, NULL);
    child_play(p, false);
    return true;
}

static void frame(const struct pipe_message *m)
{
    if (base_us == INT64_MIN) base_us = m->time_us;
    if (m->time_us < base_us) return;
    gst_app_src_push_buffer(in, child_buffer(m->bytes, m->len, (GstClockTime)(m->time_us - base_us) * 1000));
}

const struct child_job job_voice = {plugins, start, frame, NULL};
