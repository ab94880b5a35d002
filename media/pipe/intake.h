/* intake - fetches devices' streams: a child process each (pipe.h), whose RTP goes on to the room's worker as packets of a peer inside.
 *
 * A thread of its own, `intake`; nothing of a device is known to it but its URL, which lives in memory only and is never logged. What it has
 * to say it says through two callbacks on that thread.
 */
#ifndef YL_MEDIA_PIPE_INTAKE_H
#define YL_MEDIA_PIPE_INTAKE_H

#include "media/media.h"

struct intake;
struct intake_config {
    const char *program; /* kept borrowed */
    /* Takes the reference. */
    void (*on_packets)(void *ctx, struct room_id room, struct peer_id peer, struct share *packets);
    void (*on_event)(void *ctx, const struct media_event *event);
    void *packets_ctx, *event_ctx;
};
YL_CHECKED int intake_open(struct intake **out, const struct intake_config *config);
void intake_close(struct intake *in); /* ends every child, joins the thread */
/* Any thread. */
YL_CHECKED int intake_start(struct intake *in, const struct media_intake_params *p);
void intake_stop(struct intake *in, struct peer_id peer);
#endif
