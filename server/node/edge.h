/* edge - a node without records: it keeps one copy of every lecture that is watched here, fetched over one link from the origin, for the viewers that
 * the origin sends. docs/decisions/0030, docs/protocol/nodes.md. Event thread.
 *
 * Hides: the link, its being made again (every 0.5 s), and going on behind the last piece then. When the origin was not heard for 3 s, or the link broke, and no
 * new one stands within a second, viewers are sent away: others may still reach it.
 */
#ifndef YL_SERVER_NODE_EDGE_H
#define YL_SERVER_NODE_EDGE_H

#include "server/live/programme.h"
#include "server/net/net.h"
#include "server/node/host.h"
#include "server/node/relay.h"

struct edge;
struct edge_events { /* to those who show the programmes */
    void *ctx;
    void (*news)(void *ctx, struct programme *p);
    void (*gone)(void *ctx, struct programme *p); /* it is freed now */
    bool (*watched)(void *ctx, struct programme *p);
    unsigned (*viewers)(void *ctx);
    void (*send_away)(void *ctx); /* all of them: the origin cannot be reached */
};
struct edge_config {
    struct net *net;
    struct relay_nodes *relay; /* rooms as they come, for WHEP */
    struct host *host;         /* members of rooms */
    const char *peer, *peer_certificate, *secret, *address, *serves; /* node.*; borrowed */
    unsigned viewers_max;
};
/* Before net_run; its name is looked up now. The link begins with net_run. */
YL_CHECKED int edge_new(struct edge **out, const struct edge_config *config, struct fault *f);
void edge_media(struct edge *e, const struct media *m); /* before net_run: the origin is told where it is reached */
void edge_serve(struct edge *e, const struct edge_events *events); /* before net_run */
void edge_free(struct edge *e); /* after net_free */
/* Asks the origin for it where need be. NULL: out of memory, or too many rooms. */
struct programme *edge_programme(struct edge *e, uint64_t room);
/* Why no viewer is let in: "full", "no_origin"; NULL: one is. */
const char *edge_refusal(const struct edge *e);
const char *edge_origin(const struct edge *e); /* its address */
#endif
