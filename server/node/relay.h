/* relay - rooms of the origin that are watched at this edge by WHEP: their tracks come over one RTP peer per room (DTLS-SRTP, ICE begun here),
 * each layer once and only while somebody has use for it, into rings like those of a local room. docs/decisions/0030, docs/protocol/nodes.md.
 *
 * Hides offers and answers of that peer, which layers are of use, who watches and what each is shown. Everything is told over the link between
 * the nodes (edge.c); packets never pass the event thread. Event thread, but relay_media_event. A room that nobody watches for 10 s is let go.
 */
#ifndef YL_SERVER_NODE_RELAY_H
#define YL_SERVER_NODE_RELAY_H

#include "media/media.h"
#include "server/net/net.h"
#include "server/node/message.h"
#include "server/room/desk.h"
#include "server/room/watcher.h"

struct relay_nodes;
struct relay_link { /* to the origin; what is said while there is none is lost, and said again in relay_linked */
    void *ctx;
    void (*say)(void *ctx, const struct node_message *m, const char *bytes); /* bytes: m->bytes of them, or NULL */
};

YL_CHECKED int relay_nodes_new(struct relay_nodes **out, struct net *net, struct fault *f);
void relay_nodes_media(struct relay_nodes *r, struct media *m); /* before net_run */
void relay_nodes_link(struct relay_nodes *r, const struct relay_link *link);
void relay_nodes_shut(struct relay_nodes *r); /* nothing is asked of the media plane any more. NULL is allowed */
void relay_nodes_free(struct relay_nodes *r); /* after net_free and media_close */

/* ---- from the link ---- */
void relay_linked(struct relay_nodes *r);
void relay_line(struct relay_nodes *r, const struct node_message *m);
/* The offer that the lines before belong to. The fault is the origin's mistake. */
YL_CHECKED int relay_offered(struct relay_nodes *r, const struct node_message *m, const char *sdp, struct fault *f);
void relay_lost(struct relay_nodes *r, uint64_t room);
void relay_send_away(struct relay_nodes *r); /* there is no origin any more */
size_t relay_viewers(const struct relay_nodes *r);
/* media_config.on_event's target; any thread. */
void relay_media_event(void *relay, const struct media_event *e);

/* ---- who watches (WHEP); sessions are named as in desk.h, `token` is the pass ---- */
struct relay_join {
    uint64_t room;
    int64_t until_ms;
    const char *token, *word, *sdp; /* word: the room as in the URL */
};
/* made->answer is malloc'd. */
YL_CHECKED int relay_seat_join(struct relay_nodes *r, const struct relay_join *j, struct desk_machine_made *made, char **answer, struct fault *f);
YL_CHECKED int relay_seat_end(struct relay_nodes *r, const struct desk_machine_at *at, struct fault *f);
YL_CHECKED int relay_seat_ice(struct relay_nodes *r, const struct desk_machine_at *at, struct desk_machine_ice *out, struct fault *f);
YL_CHECKED int relay_seat_restart(struct relay_nodes *r, const struct desk_machine_at *at, const struct sdp_frag *theirs, char **fragment, struct fault *f);
YL_CHECKED int relay_seat_steer(struct relay_nodes *r, const struct desk_machine_at *at, const struct watcher_wish *wish, struct fault *f);
#endif
