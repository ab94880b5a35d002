#include "media/pipe/child/child.h"
#include "server/base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct child_job *const jobs[PIPE_JOB_COUNT] = {[PIPE_JOB_PICTURE] = &job_picture, [PIPE_JOB_VOICE] = &job_voice, [PIPE_JOB_INGEST] = &job_ingest};
static bool composing; /* there is no socket to tell anything */
static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;

int64_t child_now_us(void)
{
    return clock_monotonic_us();
}

void child_send(const struct pipe_message *m)
{
    uint8_t head[PIPE_HEAD_BYTES];
    struct iovec v[2] = {{head, sizeof head}, {(void *)m->bytes, m->len}};
    size_t left = sizeof head + m->len;
    pipe_head_write(head, m);
    pthread_mutex_lock(&sending);
    while (left) {
        ssize_t n = writev(CHILD_FD, v, 2);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(0); /* the daemon has closed */
        left -= (size_t)n;
        for (int i = 0; i < 2; i++) {
            size_t part = (size_t)n < v[i].iov_len ? (size_t)n : v[i].iov_len;
            v[i].iov_base = (uint8_t *)v[i].iov_base + part;
            v[i].iov_len -= part;
            n -= (ssize_t)part;
        }
    }
    pthread_mutex_unlock(&sending);
}

_Noreturn void child_fault(enum pipe_fault fault)
{
    if (composing) _exit(3);
    child_send(&(struct pipe_message){.type = PIPE_FAULT, .word = (uint16_t)fault});
    _exit(1);
}

/* ---- small help with GStreamer ---- */
GstElement *child_pipeline(const char *description)
{
    GError *error = NULL;
    GstElement *p = gst_parse_launch(description, &error);
    if (!p || error) child_fault(PIPE_FAULT_INTERNAL);
    return p;
}

GstElement *child_element(GstElement *pipeline, const char *name)
{
    GstElement *e = gst_bin_get_by_name(GST_BIN(pipeline), name);
    if (!e) child_fault(PIPE_FAULT_INTERNAL);
    return e;
}

void child_play(GstElement *pipeline, bool network)
{
    if (!child_fence(network) || gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) child_fault(PIPE_FAULT_INTERNAL);
}

GstBuffer *child_buffer(const uint8_t *bytes, size_t len, GstClockTime pts)
{
    GstBuffer *b = gst_buffer_new_allocate(NULL, len, NULL);
    if (!b) child_fault(PIPE_FAULT_INTERNAL);
    gst_buffer_fill(b, 0, bytes, len);
    GST_BUFFER_PTS(b) = pts;
    return b;
}

bool child_load_if(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/libgst%s.so", YL_GST_PLUGINS, name);
    GstPlugin *plugin = gst_plugin_load_file(path, NULL);
    if (!plugin) return false;
    gst_registry_add_plugin(gst_registry_get(), plugin);
    gst_object_unref(plugin);
    return true;
}

void child_load(const char *const *names)
{
    for (; *names; names++)
        if (!child_load_if(*names)) child_fault(PIPE_FAULT_INTERNAL);
}

/* ---- what the daemon says ---- */
static struct pipe_reader reader;

static struct pipe_message hear(void)
{
    struct pipe_message m;
    for (;;) {
        if (pipe_reader_next(&reader, false, &m)) _exit(1);
        if (m.type != PIPE_TYPE_COUNT) return m;
        size_t cap;
        uint8_t *room = pipe_reader_room(&reader, &cap);
        ssize_t n = room ? read(CHILD_FD, room, cap) : 0;
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(0);
        pipe_reader_fed(&reader, (size_t)n);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "compose") == 0) {
        composing = true;
        child_compose();
    }
    struct pipe_message m = hear();
    const struct child_job *job = m.type == PIPE_JOB ? jobs[m.word] : NULL;
    if (!job) _exit(2);
    gst_registry_fork_set_enabled(FALSE);
    if (!gst_init_check(NULL, NULL, NULL)) child_fault(PIPE_FAULT_INTERNAL);
    child_load(job->plugins);
    if (!job->start(&m)) child_fault(PIPE_FAULT_INTERNAL);
    if (m.word != PIPE_JOB_INGEST) child_send(&(struct pipe_message){.type = PIPE_READY});
    for (;;) {
        m = hear();
        if (m.type == PIPE_FRAME && job->frame) job->frame(&m);
        else if (m.type == PIPE_FORCE_KEY && job->force_key) job->force_key();
    }
}
