/* spread - members of the origin's rooms whose media is at edges near to them. docs/decisions/0030, docs/protocol/nodes.md.
 *
 * A room's state is wholly here; of a member only the media peers may be at an edge, in whose media plane they are made by commands that travel over the
 * link between the nodes. Hides which node has what: for each room and edge there is one peer between both media planes (an arm), on which every track
 * of the room goes once, each layer by itself (a lane), towards where it was not sent, and only while somebody there has use for it. Track ids are
 * the same everywhere. So an edge knows nothing of rooms, and everything that is to be known after its death is here.
 *
 * Event thread. An arm that is not there within 4 s, or fails, gives its members back; the edge gets no new ones for a minute.
 */
#ifndef YL_SERVER_NODE_SPREAD_H
#define YL_SERVER_NODE_SPREAD_H

#include "server/net/net.h"
#include "server/node/message.h"
#include "server/room/plane.h"

struct spread;
struct spread_events {
    void *link_ctx;
    void (*send)(void *link_ctx, uint64_t node, struct share *parcel); /* commands; the share is borrowed */
    void *desk_ctx;
    void (*event)(void *desk_ctx, const struct media_event *e);           /* of a seat's peer, or of a room; borrowed */
    void (*moved)(void *desk_ctx, struct room_id room, uint64_t node);    /* the seats whose media is there in that room have none there any more */
};
YL_CHECKED int spread_new(struct spread **out, struct net *net, struct fault *f);
void spread_tell(struct spread *s, const struct spread_events *events); /* before net_run */
void spread_media(struct spread *s, struct media *m);                   /* before net_run */
struct plane_away spread_away(struct spread *s);
void spread_free(struct spread *s); /* after net_free and media_close. NULL is allowed */

/* ---- from the link; nodes are numbered by it, each number once ---- */
/* An edge has proved who it is. ERR_MALFORMED: its hello says of its media plane what cannot be read. */
YL_CHECKED int spread_node(struct spread *s, uint64_t node, const struct node_message *hello, struct fault *f);
void spread_node_gone(struct spread *s, uint64_t node); /* also one that was never there */
/* Events of its media plane; those about what is not there are passed over. */
YL_CHECKED int spread_told(struct spread *s, uint64_t node, const void *bytes, size_t len, struct fault *f);
#endif
