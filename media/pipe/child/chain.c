#include "media/pipe/child/chain.h"
#include <stdlib.h>
#include <unistd.h>

static GstFlowReturn on_out(GstPad *pad, GstObject *parent, GstBuffer *b)
{
    struct chain *c = gst_pad_get_element_private(pad);
    c->on_buffer(c, b);
    return GST_FLOW_OK;
}

static gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *e)
{
    struct chain *c = gst_pad_get_element_private(pad);
    GstCaps *caps;
    if (GST_EVENT_TYPE(e) == GST_EVENT_CAPS) {
        gst_event_parse_caps(e, &caps);
        gst_caps_replace(&c->caps, caps);
    }
    gst_event_unref(e);
    return TRUE;
}

static void join(GstPad *ours, GstElement *bin, const char *name)
{
    GstPad *theirs = gst_element_get_static_pad(bin, name);
    bool source = gst_pad_get_direction(ours) == GST_PAD_SRC;
    if (!theirs || gst_pad_link(source ? ours : theirs, source ? theirs : ours) != GST_PAD_LINK_OK) _exit(3);
    gst_object_unref(theirs);
}

void chain_open(struct chain *c, const char *elements, const char *caps)
{
    GError *error = NULL;
    GstSegment segment;
    GstCaps *in_caps = gst_caps_from_string(caps);
    c->bin = gst_parse_bin_from_description(elements, TRUE, &error);
    if (!c->bin || error || !in_caps) _exit(3);
    gst_object_ref_sink(c->bin);
    c->in = gst_pad_new("in", GST_PAD_SRC);
    c->out = gst_pad_new("out", GST_PAD_SINK);
    gst_pad_set_element_private(c->out, c);
    gst_pad_set_chain_function(c->out, on_out);
    gst_pad_set_event_function(c->out, on_event);
    join(c->in, c->bin, "sink");
    join(c->out, c->bin, "src");
    gst_pad_set_active(c->out, TRUE);
    gst_pad_set_active(c->in, TRUE);
    if (gst_element_set_state(c->bin, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) _exit(3);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(c->in, gst_event_new_stream_start("s"));
    if (!gst_pad_push_event(c->in, gst_event_new_caps(in_caps))) _exit(3);
    gst_pad_push_event(c->in, gst_event_new_segment(&segment));
    gst_caps_unref(in_caps);
}

void chain_push(struct chain *c, GstBuffer *b)
{
    (void)!gst_pad_push(c->in, b);
}

void chain_drain(struct chain *c)
{
    gst_pad_push_event(c->in, gst_event_new_eos());
}

void chain_close(struct chain *c)
{
    if (!c->bin) return;
    gst_element_set_state(c->bin, GST_STATE_NULL);
    gst_pad_set_active(c->in, FALSE);
    gst_pad_set_active(c->out, FALSE);
    gst_object_unref(c->in);
    gst_object_unref(c->out);
    gst_object_unref(c->bin);
    gst_caps_replace(&c->caps, NULL);
    c->bin = NULL;
}
