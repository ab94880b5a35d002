/* push - the signed-in side of /ws: news of cases, slots, messages and notices the moment they are committed
 * (docs/protocol/signaling.md, "Push"). No health data goes out: pages read the object again, with their own rights.
 *
 * Event thread only, but push_change, which the records plane calls on its own threads. Owns its connections' state; the
 * WebSocket itself is net's.
 */
#ifndef YL_SERVER_SIGNALING_PUSH_H
#define YL_SERVER_SIGNALING_PUSH_H

#include "records/records.h"
#include "server/net/net.h"

struct push;
struct push_config {
    struct net *net;
    struct records *records;
};
/* Registers itself at net's /ws. Before net_run. */
YL_CHECKED int push_new(struct push **out, const struct push_config *config, struct fault *f);
void push_free(struct push *p); /* after net_free */
/* One committed change; any thread. */
void push_change(struct push *p, const struct records_change *change);
#endif
