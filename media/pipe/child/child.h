/* child - the program `yilian-pipe`: one job of the daemon's (media/pipe/message.h) done with GStreamer, behind a fence.
 *
 * Its main thread reads what the daemon says; GStreamer's threads write what comes out. Only the plugins that a job names are ever loaded:
 * no registry is scanned or kept. The program ends when the daemon's socket closes.
 */
#ifndef YL_MEDIA_PIPE_CHILD_CHILD_H
#define YL_MEDIA_PIPE_CHILD_CHILD_H

#include "media/pipe/message.h"
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#define CHILD_FD 3

struct child_job {
    const char *const *plugins; /* libgst<name>.so, ended by NULL */
    /* Builds and starts the pipeline; false: it cannot be built here. The message is borrowed. */
    bool (*start)(const struct pipe_message *job);
    void (*frame)(const struct pipe_message *m); /* NULL: takes none */
    void (*force_key)(void);
};
extern const struct child_job job_picture, job_voice, job_ingest;

/* main.c: whole messages, in order, from any thread; ends the process when the daemon is gone. */
void child_send(const struct pipe_message *m);
_Noreturn void child_fault(enum pipe_fault fault); /* tells and ends */
int64_t child_now_us(void);
/* Parses a pipeline's description; the process ends with a fault when it cannot. */
GstElement *child_pipeline(const char *description);
GstElement *child_element(GstElement *pipeline, const char *name);
/* Behind the fence from here on (network: fence.c); ends with a fault when it cannot be. */
void child_play(GstElement *pipeline, bool network);
/* A buffer of a copy, at that time; GST_CLOCK_TIME_NONE = none. */
GstBuffer *child_buffer(const uint8_t *bytes, size_t len, GstClockTime pts);
/* A whole frame of H.264 whose units stand behind start codes (Annex B), with lengths of 4 bytes instead; malloc'ed. */
uint8_t *child_with_lengths(const uint8_t *p, size_t len, size_t *out_len);

/* compose.c: the whole program when it was begun as `yilian-pipe compose`. */
_Noreturn void child_compose(void);
void child_load(const char *const *plugins); /* main.c: as struct child_job's; ends the process when one is not here */
bool child_load_if(const char *name); /* false: the machine has no such plugin */

/* fence.c: from now on no file, no program and no rarer system call; `network`: sockets to other machines and what names need stay. */
bool child_fence(bool network);
#endif
