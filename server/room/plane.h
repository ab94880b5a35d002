/* plane - where the media of a room's seats is: in this daemon's media plane, or in that of an edge near to the member (server/node/spread.c).
 * What seats send and receive (uplink, downlink, watcher) speaks to it, and a room's own commands go through it, so that it knows every track and
 * who is fed with it. Event thread. Without `away` everything is here.
 */
#ifndef YL_SERVER_ROOM_PLANE_H
#define YL_SERVER_ROOM_PLANE_H

#include "media/media.h"
#include "server/sdp/sdp.h"

#define PLANE_HERE 0 /* else a number of an edge's link: never used again */

struct plane_face { /* what a description says of a media plane */
    char fingerprint[112]; /* "sha-256 AA:BB:.." */
    size_t n_candidates;
    struct media_candidate candidates[MEDIA_CANDIDATES_MAX];
};
struct plane_away {
    void *ctx;
    uint64_t (*near)(void *ctx, const char *address);                 /* where the media of a member at that address is to be */
    const struct plane_face *(*face)(void *ctx, uint64_t node);       /* NULL: it is gone */
    int (*post)(void *ctx, uint64_t node, const struct media_cmd *c); /* as media_post; ERR_UNAVAILABLE: it is gone */
    void (*opened)(void *ctx, const struct media_cmd *c);             /* a track that the media plane here opened by itself */
    bool (*took)(void *ctx, const struct media_event *e);             /* an event of the media plane here; true: it is none of the rooms' */
};
struct plane {
    struct media *media; /* here */
    struct plane_away away;
};

uint64_t plane_near(const struct plane *p, const char *address);
YL_CHECKED int plane_post(const struct plane *p, uint64_t node, const struct media_cmd *c);
void plane_opened(const struct plane *p, const struct media_cmd *c);
bool plane_took(const struct plane *p, const struct media_event *e);
size_t plane_candidates(const struct plane *p, uint64_t node, struct media_candidate out[MEDIA_CANDIDATES_MAX]);
/* What every description of ours says about our side of the transport. */
void plane_describe(const struct plane *p, uint64_t node, const char *ufrag, const char *password, struct sdp *out);
#endif
