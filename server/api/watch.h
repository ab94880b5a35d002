/* watch - lecture seats: /live/{room}, watched by any number without a place in the room. docs/protocol/http.md is the contract.
 *
 *   /live/{room}                     the page
 *   /live/{room}/ws                  WebSocket: fMP4 pieces as they are made; the first message says who one is
 *   /live/{room}/index.m3u8          low-latency HLS; its media playlists, parts and segments stand below a pass that the playlist names
 *
 * Everybody is sent the same bytes (server/live/programme.h): a viewer is a number of the next piece. One who does not take them fast
 * enough skips to a keyframe. Event thread.
 *
 * With edge nodes (server/node) the origin tells viewers where to go on; an edge serves only /live/{room}/ws, to who has a pass of the origin.
 */
#ifndef YL_SERVER_API_WATCH_H
#define YL_SERVER_API_WATCH_H

#include "server/api/whip.h"
#include "server/live/shelf.h"
#include "server/net/net.h"
#include "server/node/edge.h"
#include "server/node/origin.h"
#include "server/room/desk.h"
#include "server/session/guard.h"

struct watch;
struct watch_config {
    struct net *net;
    struct desk *desk;   /* NULL on an edge */
    struct guard *guard; /* of tokens that are not good */
    struct shelf *shelf;
    struct origin *origin; /* NULL: there are no other nodes */
    struct edge *edge;     /* NULL: we have the programmes ourselves */
    struct relay_nodes *relay; /* an edge's; NULL: likewise */
    const char *node_secret; /* passes are good on all nodes that know it; "" = there are no others */
};
/* Registers the URLs and asks the desk for lectures; before net_run. */
YL_CHECKED int watch_new(struct watch **out, const struct watch_config *config, struct fault *f);
/* desk_machine.elsewhere; ctx is the watch. */
bool watch_elsewhere(void *ctx, const struct desk_machine *m, uint64_t room, int64_t until_ms, char out[DESK_URL_BYTES]);
/* On an edge: WHEP of the origin's rooms, by passes. `relay` outlives the net. */
struct whip_seats watch_edge_seats(struct watch *w);
void watch_free(struct watch *w); /* after net_free and before desk_free */
#endif
