/* uplink - what one seat sends: its offers (SDP) <-> one media peer with a track per source. docs/protocol/signaling.md "up".
 *
 * Event thread. Caller's memory. The first offer, one whose o= session id is another, and one after uplink_renew open a new transport
 * and close the former; an offer with new ICE credentials is an ICE restart of the same transport.
 */
#ifndef YL_SERVER_ROOM_UPLINK_H
#define YL_SERVER_ROOM_UPLINK_H

#include "server/room/plane.h"
#include "server/room/room.h"
#include "server/sdp/sdp.h"

struct uplink_track {
    struct track_id id; /* in the media plane; new with every transport, and when its layers are others. .v 0 = not sent */
    char mid[16];
    size_t layers; /* simulcast; 1 where there are none */
};
struct uplink {
    const struct plane *plane;
    uint64_t node, near; /* where the transport is, and where the next one will be */
    struct room_id room;
    struct peer_id peer; /* .v 0 = no transport */
    bool renew;
    bool h264; /* asked for before other codecs: packaging then costs no transcode */
    uint64_t remote_session, session, version;
    char remote_ufrag[260], ufrag[16], password[32];
    struct uplink_track tracks[SOURCE_COUNT];
};
struct uplink_source { /* which m-line is what */
    const char *mid;
    enum room_source source;
};

void uplink_init(struct uplink *u, const struct plane *plane, struct room_id room);
/* *answer is malloc'd SDP. On error (f names the member) nothing has changed, or the transport is closed and the next offer begins anew. */
YL_CHECKED int uplink_offer(struct uplink *u, const struct sdp *offer, const struct uplink_source *sources, size_t n, char **answer,
                            struct fault *f);
/* The next offer opens a new transport (RFC 8829 knows no way to reuse one across pages). */
void uplink_renew(struct uplink *u);
void uplink_pause(struct uplink *u, enum room_source source, bool on);
void uplink_close(struct uplink *u);
/* ICE restart without an offer (WHIP, RFC 9725 4.5): fresh local credentials. */
YL_CHECKED int uplink_restart(struct uplink *u);
/* SOURCE_COUNT = not ours. */
enum room_source uplink_source_of(const struct uplink *u, struct track_id id);
#endif
