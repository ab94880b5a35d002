/* downlink - what one seat receives: our offers (SDP), its answers -> one media peer with a feed per track. signaling.md "down".
 *
 * Event thread. Slots (m-lines) are made as tracks come, fall silent when a track goes, and are used again for the next of that kind, so
 * a long session does not grow without end. A newer offer replaces an unanswered one; an answer to an old one is passed over.
 */
#ifndef YL_SERVER_ROOM_DOWNLINK_H
#define YL_SERVER_ROOM_DOWNLINK_H

#include "server/room/plane.h"
#include "server/room/room.h"
#include "server/sdp/sdp.h"

struct downlink_want { /* one track that the seat is to receive */
    uint64_t wire;         /* the track's id on the wire */
    uint64_t seat;
    enum room_source source;
    struct track_id track; /* in the media plane */
    bool paused;           /* sent nothing for now */
    uint8_t layer;         /* 0..2, the highest of use; `exact`: of the sizes inside that stream */
    uint8_t exact;         /* n: the stream n - 1 and no other, for a node */
    uint8_t value;         /* where the line is too thin for all: higher first */
};

struct downlink_slot {
    char mid[16];
    enum media_kind kind;
    bool used;
    struct downlink_want want;
    struct feed_id feed; /* .v 0 = not open */
    uint32_t ssrc, rtx_ssrc;
    int offered; /* version of the first offer that has this use of the slot; a feed opens by an answer to it or to a later one */
};

struct downlink {
    const struct plane *plane;
    uint64_t node, near; /* where the transport is, and where the next one will be */
    struct room_id room;
    struct peer_id peer; /* .v 0 = no transport */
    bool open;           /* the media plane knows the peer */
    bool no_vp9;         /* an answer took VP8 for a picture, but not VP9 */
    uint64_t session;
    char ufrag[16], password[32];
    int version, answered;
    uint32_t next_ssrc;
    size_t n_slots;
    struct downlink_slot *slots; /* SDP_MEDIA_MAX, made with the first */
};

void downlink_init(struct downlink *d, const struct plane *plane, struct room_id room);
/* A new transport: the former is closed, everything is offered again. */
YL_CHECKED int downlink_renew(struct downlink *d);
/* Takes what is wanted now. true: the m-lines changed, an offer is due. Pauses and layers are carried out at once. */
bool downlink_want(struct downlink *d, const struct downlink_want *wants, size_t n);
/* The offer as malloc'd SDP with the next version; slots in use are its map. NULL: out of memory. */
char *downlink_offer(struct downlink *d);
/* The answer to `version`. ERR_INVALID when it does not answer our offer. */
YL_CHECKED int downlink_answer(struct downlink *d, const struct sdp *answer, int version, struct fault *f);
/* Fresh ICE credentials; an offer is due. */
YL_CHECKED int downlink_restart(struct downlink *d);
void downlink_close(struct downlink *d);
/* Keeps what their answer about one feed says of VP9. */
void downlink_note(struct downlink *d, const struct media_feed_params *feed);
void downlink_free(struct downlink *d);
#endif
