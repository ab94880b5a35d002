/* origin - the side of the node that has records and rooms: edge nodes open a link to it (WSS /node), and it sends each of them one copy of
 * every programme that somebody watches there, and sends viewers of lectures to them. docs/decisions/0030, docs/protocol/nodes.md. Event thread.
 *
 * An edge that is silent for 1.5 s gets no more viewers. Limits: 256 links, 64 rooms a link; a link that takes its pieces too slowly waits for
 * them, and one that fell out of memory begins anew at a keyframe.
 */
#ifndef YL_SERVER_NODE_ORIGIN_H
#define YL_SERVER_NODE_ORIGIN_H

#include "server/net/net.h"
#include "server/node/placement.h"
#include "server/node/spread.h"
#include "server/room/desk.h"
#include "server/session/guard.h"

struct origin;
struct origin_config {
    struct net *net;
    struct desk *desk;
    struct spread *spread; /* members' media at edges */
    struct guard *guard; /* of wrong proofs */
    const char *secret;  /* node.secret; borrowed */
};
/* Registers /node; before net_run. */
YL_CHECKED int origin_new(struct origin **out, const struct origin_config *config, struct fault *f);
void origin_free(struct origin *o); /* after net_free */
void origin_news(struct origin *o, struct programme *p);
void origin_gone(struct origin *o, struct programme *p);
/* Where a viewer of that room goes, first choice first; 0: stays here. The addresses are good until the next call. */
size_t origin_choose(struct origin *o, uint64_t room, const char *out[PLACEMENT_LIST_MAX]);
#endif
