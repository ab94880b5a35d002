/* watcher - what one WHEP session receives: its own offer's m-lines, answered once, and tracks bound to them as these come and go. Used by
 * the rooms of this daemon (desk_machine.c) and by an edge for rooms that are elsewhere (server/node/relay.c).
 *
 * Event thread. Caller's memory: a `struct downlink` for transport and slots, and this for the m-lines.
 */
#ifndef YL_SERVER_ROOM_WATCHER_H
#define YL_SERVER_ROOM_WATCHER_H

#include "server/room/downlink.h"

struct watcher { /* of the two descriptions only the m-lines are kept: a lecture has many who watch */
    size_t n;
    struct sdp_media *theirs, *ours; /* NULL: nothing was offered yet */
    char ufrag[260];                 /* theirs */
    struct {
        uint8_t layer; /* highest of use */
        bool paused;
    } wishes[SDP_MEDIA_MAX]; /* by slot: they hold for whatever is bound there */
};
struct watcher_wish { /* of one m-line */
    const char *mid;
    int layer;  /* 0..2; -1 = as it is */
    int paused; /* likewise */
};

/* Takes the offer: a transport of its own, a slot per m-line. *answer is malloc'd SDP. */
YL_CHECKED int watcher_offer(struct watcher *w, struct downlink *d, const struct sdp *offer, char **answer, struct fault *f);
/* The track in `want` is sent on slot i, which is free, if they can take it. */
void watcher_bind(struct watcher *w, struct downlink *d, size_t i, const struct downlink_want *want);
/* The slot is free again. */
void watcher_unbind(struct downlink *d, struct downlink_slot *s);
YL_CHECKED int watcher_steer(struct watcher *w, struct downlink *d, const struct watcher_wish *wish, struct fault *f);
/* Some slot carries that track. */
bool watcher_has(const struct downlink *d, struct track_id track);
/* Whose picture is bound: its voice goes with it. 0: nobody's. */
uint64_t watcher_seat(const struct downlink *d);
void watcher_free(struct watcher *w);
#endif
