/* host - the edge's side of spread.h: the origin's commands are carried out by the media plane here, and what that tells of them goes back.
 *
 * Hides that both media planes have rooms of their own (WHEP viewers', relay.h): the origin's are named by numbers that nothing here uses. Nothing is known
 * of who the members are or what they may; when the link breaks, all of it is closed. Event thread, but host_media_event.
 */
#ifndef YL_SERVER_NODE_HOST_H
#define YL_SERVER_NODE_HOST_H

#include "media/media.h"
#include "server/net/net.h"

struct host;
struct host_link {
    void *ctx;
    void (*say)(void *ctx, struct share *events); /* borrowed; lost while there is no link */
};
YL_CHECKED int host_new(struct host **out, struct net *net, struct fault *f);
void host_media(struct host *h, struct media *m); /* before net_run */
void host_link(struct host *h, const struct host_link *link);
YL_CHECKED int host_commanded(struct host *h, const void *bytes, size_t len, struct fault *f); /* the fault is the origin's mistake */
void host_unlinked(struct host *h);
void host_shut(struct host *h); /* nothing is asked of the media plane any more. NULL is allowed */
void host_free(struct host *h); /* after net_free and media_close */
/* media_config.on_event's target, for the rooms that are the origin's; any thread. A survey stays the caller's. */
void host_media_event(void *host, const struct media_event *e);
#endif
