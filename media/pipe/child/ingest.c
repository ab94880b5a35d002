/* A device's stream, fetched over RTSP, RTMP or SRT and told as RTP: H.264 as it comes (only packed anew for browsers: RFC 6184, parameter
 * sets before each keyframe), Opus as it comes, the telephone's codecs as Opus. Sound in other codecs is left out, a picture in another one
 * is an error. Only the address that was given is asked. */
#include "media/pipe/child/child.h"
#include <gst/rtsp/rtsp.h>
#include <string.h>

#define QUIET_S 10 /* nothing has come for so long: it is over */

static const char *const plugins[] = {"coreelements", "app", "typefindfunctions", "rtp", "rtpmanager", "rtsp", "udp", "tcp", "rtmp", "flv", "srt", "mpegtsdemux", "videoparsersbad",
                                      "opus", "opusparse", "alaw", "mulaw", "audioconvert", "audioresample", NULL};
static GstElement *pipeline;
static char host[256];
static bool has_picture, has_sound; /* atomic */
static gint heard;                  /* atomic: packets in the last second */

/* ---- out ---- */
static GstFlowReturn on_rtp(GstAppSink *sink, gpointer codec)
{
    GstSample *s = gst_app_sink_pull_sample(sink);
    GstBufferList *list = s ? gst_sample_get_buffer_list(s) : NULL;
    GstBuffer *one = s ? gst_sample_get_buffer(s) : NULL;
    guint n = list ? gst_buffer_list_length(list) : one ? 1 : 0;
    for (guint i = 0; i < n; i++) {
        GstMapInfo map;
        if (!gst_buffer_map(list ? gst_buffer_list_get(list, i) : one, &map, GST_MAP_READ)) continue;
        if (map.size >= 12 && map.size <= 1500) child_send(&(struct pipe_message){.type = PIPE_RTP, .word = (uint16_t)GPOINTER_TO_UINT(codec), .bytes = map.data, .len = map.size});
        gst_buffer_unmap(list ? gst_buffer_list_get(list, i) : one, &map);
    }
    g_atomic_int_add(&heard, (gint)n);
    if (s) gst_sample_unref(s);
    return GST_FLOW_OK;
}

#define TO_H264 "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au ! rtph264pay pt=96 mtu=1200 config-interval=-1 aggregate-mode=zero-latency ! appsink name=out sync=false async=false"
#define TO_OPUS "audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=1 ! opusenc bitrate=48000 frame-size=20 ! rtpopuspay pt=111 mtu=1200 ! appsink name=out sync=false async=false"

/* What becomes of a stream; the first of its kind is taken. NULL: nothing. */
static const char *way_of(const GstStructure *s, enum pipe_codec *codec)
{
    const char *name = gst_structure_get_name(s), *media = gst_structure_get_string(s, "media"), *encoding = gst_structure_get_string(s, "encoding-name");
    bool rtp = strcmp(name, "application/x-rtp") == 0, video = rtp ? g_strcmp0(media, "video") == 0 : g_str_has_prefix(name, "video/");
    *codec = video ? PIPE_H264 : PIPE_OPUS;
    if (rtp && video) return g_strcmp0(encoding, "H264") == 0 ? "rtph264depay ! " TO_H264 : NULL;
    if (video) return strcmp(name, "video/x-h264") == 0 ? TO_H264 : NULL;
    if (rtp && g_strcmp0(encoding, "OPUS") == 0) return "rtpopusdepay ! opusparse ! rtpopuspay pt=111 mtu=1200 ! appsink name=out sync=false async=false";
    if (rtp && g_strcmp0(encoding, "PCMA") == 0) return "rtppcmadepay ! alawdec ! " TO_OPUS;
    if (rtp && g_strcmp0(encoding, "PCMU") == 0) return "rtppcmudepay ! mulawdec ! " TO_OPUS;
    if (strcmp(name, "audio/x-opus") == 0) return "opusparse ! rtpopuspay pt=111 mtu=1200 ! appsink name=out sync=false async=false";
    return NULL;
}

/* ---- in ---- */
static void discard(GstPad *pad)
{
    GstElement *sink = gst_element_factory_make("fakesink", NULL);
    g_object_set(sink, "sync", FALSE, "async", FALSE, NULL);
    gst_bin_add(GST_BIN(pipeline), sink);
    gst_element_sync_state_with_parent(sink);
    GstPad *in = gst_element_get_static_pad(sink, "sink");
    gst_pad_link(pad, in);
    gst_object_unref(in);
}

static void on_pad(GstElement *source, GstPad *pad, gpointer ctx)
{
    GstCaps *caps = gst_pad_get_current_caps(pad);
    if (!caps) caps = gst_pad_query_caps(pad, NULL);
    const GstStructure *s = caps && gst_caps_get_size(caps) ? gst_caps_get_structure(caps, 0) : NULL;
    enum pipe_codec codec = PIPE_H264;
    const char *way = s ? way_of(s, &codec) : NULL;
    bool *taken = codec == PIPE_H264 ? &has_picture : &has_sound;
    if (caps) gst_caps_unref(caps);
    if (!way && codec == PIPE_H264 && !has_picture) child_fault(PIPE_FAULT_FORMAT);
    if (!way || __atomic_exchange_n(taken, true, __ATOMIC_RELAXED)) {
        discard(pad);
        return;
    }
    GError *error = NULL;
    GstElement *bin = gst_parse_bin_from_description(way, TRUE, &error);
    if (!bin || error) child_fault(PIPE_FAULT_INTERNAL);
    GstAppSinkCallbacks callbacks = {.new_sample = on_rtp};
    GstElement *out = gst_bin_get_by_name(GST_BIN(bin), "out");
    g_object_set(out, "buffer-list", TRUE, NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(out), &callbacks, GUINT_TO_POINTER(codec), NULL);
    gst_object_unref(out);
    gst_bin_add(GST_BIN(pipeline), bin);
    gst_element_sync_state_with_parent(bin);
    GstPad *in = gst_element_get_static_pad(bin, "sink");
    if (gst_pad_link(pad, in) != GST_PAD_LINK_OK) child_fault(PIPE_FAULT_FORMAT);
    gst_object_unref(in);
}

/* ---- what goes wrong, in the words of the page ---- */
static enum pipe_fault fault_of(const GError *e)
{
    if (e->domain == GST_RESOURCE_ERROR) {
        switch (e->code) {
        case GST_RESOURCE_ERROR_NOT_AUTHORIZED: return PIPE_FAULT_REFUSED;
        case GST_RESOURCE_ERROR_NOT_FOUND: return has_picture ? PIPE_FAULT_ENDED : PIPE_FAULT_NOT_FOUND;
        default: return has_picture ? PIPE_FAULT_ENDED : PIPE_FAULT_UNREACHABLE;
        }
    }
    return e->domain == GST_STREAM_ERROR && !has_picture ? PIPE_FAULT_FORMAT : PIPE_FAULT_ENDED;
}

static GstBusSyncReply on_bus(GstBus *bus, GstMessage *m, gpointer ctx)
{
    GError *error = NULL;
    if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS) child_fault(PIPE_FAULT_ENDED);
    if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(m, &error, NULL);
        child_fault(fault_of(error));
    }
    gst_message_unref(m);
    return GST_BUS_DROP;
}

/* Nothing for a while: the cable is out. Before the first packet that is the time for connecting. */
static gpointer watchdog(gpointer ctx)
{
    for (int quiet = 0; quiet < QUIET_S; g_usleep(G_USEC_PER_SEC))
        quiet = g_atomic_int_and((guint *)&heard, 0) ? 0 : quiet + 1;
    child_fault(has_picture ? PIPE_FAULT_ENDED : PIPE_FAULT_UNREACHABLE);
}

/* rtspsrc follows a redirect; a device must not lead us to another machine. */
static gboolean before_send(GstElement *source, gpointer message, gpointer ctx)
{
    GstRTSPMethod method;
    GstRTSPVersion version;
    const gchar *to = NULL;
    if (gst_rtsp_message_parse_request(message, &method, &to, &version) != GST_RTSP_OK || !to || !g_str_has_prefix(to, "rtsp")) return TRUE;
    GstUri *uri = gst_uri_from_string(to);
    bool same = uri && g_strcmp0(gst_uri_get_host(uri), host) == 0;
    if (uri) gst_uri_unref(uri);
    if (!same) child_fault(PIPE_FAULT_REFUSED);
    return TRUE;
}

static GstElement *make(const char *factory, const char *property, const char *url)
{
    GstElement *e = gst_element_factory_make(factory, NULL);
    if (!e) child_fault(PIPE_FAULT_INTERNAL);
    if (property) g_object_set(e, property, url, NULL);
    gst_bin_add(GST_BIN(pipeline), e);
    return e;
}

static void build(const char *url)
{
    if (g_str_has_prefix(url, "rtsp://") || g_str_has_prefix(url, "rtsps://")) {
        GstElement *source = make("rtspsrc", "location", url);
        /* RTP inside the one TCP connection: nothing has to come in through a hospital's firewall. */
        g_object_set(source, "protocols", 4, "latency", 60, "timeout", (guint64)0, "tcp-timeout", (guint64)8000000, "do-rtsp-keep-alive", TRUE, NULL);
        g_signal_connect(source, "before-send", G_CALLBACK(before_send), NULL);
        g_signal_connect(source, "pad-added", G_CALLBACK(on_pad), NULL);
        return;
    }
    bool rtmp = g_str_has_prefix(url, "rtmp://") || g_str_has_prefix(url, "rtmps://");
    char *location = rtmp ? g_strconcat(url, " live=1", NULL) : g_strdup(url); /* librtmp: no seeking */
    GstElement *source = make(rtmp ? "rtmpsrc" : "srtsrc", rtmp ? "location" : "uri", location), *demux = make(rtmp ? "flvdemux" : "tsdemux", NULL, NULL);
    if (!rtmp) g_object_set(source, "wait-for-connection", FALSE, "auto-reconnect", FALSE, NULL);
    if (!gst_element_link(source, demux)) child_fault(PIPE_FAULT_INTERNAL);
    g_signal_connect(demux, "pad-added", G_CALLBACK(on_pad), NULL);
}

static bool start(const struct pipe_message *job)
{
    char *url = g_strndup((const char *)job->bytes, job->len);
    GstUri *uri = gst_uri_from_string(url);
    if (!uri || !gst_uri_get_host(uri) || strchr(url, ' ')) return false; /* what follows a space would be librtmp's options */
    g_strlcpy(host, gst_uri_get_host(uri), sizeof host);
    gst_uri_unref(uri);
    pipeline = gst_pipeline_new(NULL);
    build(url);
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_bus_set_sync_handler(bus, on_bus, NULL, NULL);
    child_send(&(struct pipe_message){.type = PIPE_READY}); /* connecting may take its time */
    child_play(pipeline, true);
    g_thread_new("watchdog", watchdog, NULL);
    return true;
}

const struct child_job job_ingest = {plugins, start, NULL, NULL};
