/* pipe - one job that needs GStreamer, in a child process of its own (`yilian-pipe`): given frames, it gives frames back; or it fetches a
 * device's stream. The child may die at any time: it is begun again, later and later, until it has died too often in a row.
 *
 * The caller's thread owns it and calls pipe_service every few ms; nothing here waits. The child sees nothing of the daemon: one socket, no
 * file to write, no network unless the job is an ingest, limits on memory, descriptors and processor, the lowest claim to the processor
 * (nice 15), no privileges to gain, a list of system calls it can no longer make, and the end of its parent as its own.
 */
#ifndef YL_MEDIA_PIPE_PIPE_H
#define YL_MEDIA_PIPE_PIPE_H

#include "media/pipe/message.h"
#include <sys/types.h>

enum pipe_phase {
    PIPE_STARTING, /* not ready yet */
    PIPE_RUNNING,
    PIPE_WAITING,  /* it has died; it is begun again after a while */
    PIPE_GIVEN_UP  /* it has died too often; nothing more comes */
};
struct pipe_params {
    const char *program;     /* kept borrowed: the plane's */
    enum pipe_job job;
    enum pipe_codec codec;   /* of what goes in */
    const char *url;         /* PIPE_JOB_INGEST; copied, wiped at the end */
    unsigned deaths_max;     /* in a row, then it is given up; 0 = never */
    /* FRAME, STATE, RTP and FAULT messages of the child; within pipe_service, which must not be left by pipe_free there. */
    void (*on_message)(void *ctx, const struct pipe_message *m);
    void *ctx;
};

struct pipe;
/* The child is begun by the first pipe_service. */
YL_CHECKED int pipe_new(struct pipe **out, const struct pipe_params *p);
void pipe_free(struct pipe *p); /* kills the child; NULL is nothing */
/* A frame for the child, which may still be starting. After one that was not taken (it is too slow, or not there) those up to the next keyframe are not taken either.
 * False: not taken. */
bool pipe_frame(struct pipe *p, int64_t time_us, bool key, const uint8_t *bytes, size_t len);
void pipe_service(struct pipe *p, int64_t now_us);
enum pipe_phase pipe_phase(const struct pipe *p);
pid_t pipe_pid(const struct pipe *p); /* 0 = none now; for tests and figures */
unsigned pipe_deaths(const struct pipe *p); /* in a row */

/* spawn.c: 0 and the child's id with our end of its socket (non-blocking). */
YL_CHECKED int pipe_spawn(const char *program, bool network, pid_t *pid, int *fd);
#endif
