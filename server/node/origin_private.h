/* origin_private - shared by the origin's files. origin.c: the links, who they are, and members' media. origin_lectures.c: lectures that edges follow. origin_rooms.c: rooms they are sent as they come.
 * Everything runs on the net loop. */
#ifndef YL_SERVER_NODE_ORIGIN_PRIVATE_H
#define YL_SERVER_NODE_ORIGIN_PRIVATE_H

#include "server/node/message.h"
#include "server/node/origin.h"
#include <uthash.h>

struct follow { /* a room that an edge wants */
    UT_hash_handle hh; /* link.follows, by room */
    uint64_t room;
    struct programme *programme; /* NULL: none now; looked for again */
    size_t at;                   /* next piece */
    uint32_t generation;         /* that it has the beginning of; 0 = none */
    bool ended;                  /* and told so */
};

struct passed { /* a room whose tracks an edge is sent as they come */
    UT_hash_handle hh; /* link.passes, by room */
    uint64_t room, relay; /* relay: the desk's id of it */
};

struct link {
    UT_hash_handle hh; /* origin.links, by id */
    uint64_t id;
    struct origin *origin;
    struct net_ws *ws;
    enum { SAYS_HELLO, SAYS_PROOF, WELCOMED, OVER } stage;
    char address[NODE_ADDRESS_BYTES], from[48], edge_nonce[NODE_NONCE_BYTES], nonce[NODE_NONCE_BYTES];
    unsigned viewers_max;
    int64_t heard_ms;
    struct follow *follows;
    struct passed *passes;
    struct node_message waits; /* its bytes come next */
    bool waiting;
    struct node_message *hello; /* until it has proved who it is */
};

struct origin {
    struct origin_config config;
    struct link *links;
    struct placement placement;
    uint64_t last_id;
    unsigned ticks;
    int64_t looked_ms; /* when it was seen last who is silent */
    struct metric *m_nodes, *m_viewers, *m_pieces, *m_sent;
};

/* origin.c */
void link_say(struct link *k, const struct node_message *m);

/* origin_lectures.c */
struct follow *followed_of(const struct link *k, uint64_t room); /* NULL: it does not want it */
void link_want(struct link *k, const struct node_message *m);
void link_drop(struct link *k, uint64_t room);
void link_unfollow(struct link *k, struct follow *x);
void link_lectures_tick(struct link *k); /* what it has not been sent yet; a programme that was not there is looked for again */

/* origin_rooms.c */
struct passed *passed_of(const struct link *k, uint64_t room); /* NULL: it is not passed on */
void link_pass(struct link *k, uint64_t room);
void link_unpass(struct link *k, struct passed *x);
void link_layers(struct link *k, const struct node_message *m);
void origin_relay_offer(void *ctx, const struct desk_relay_offer *f); /* of struct desk_relay_events */
void origin_relay_ended(void *ctx, uint64_t room, uint64_t relay);
#endif
