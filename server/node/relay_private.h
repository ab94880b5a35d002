/* relay_private - shared by relay.c (rooms and their tracks) and relay_seats.c (who watches). */
#ifndef YL_SERVER_NODE_RELAY_PRIVATE_H
#define YL_SERVER_NODE_RELAY_PRIVATE_H

#include "server/base/metrics.h"
#include "server/node/relay.h"
#include "server/room/watcher.h"
#include <uthash.h>

struct relay_track {
    uint64_t origin, seat; /* the origin's ids */
    struct track_id id;    /* here */
    enum media_kind kind;
    uint8_t layers, value;
    uint8_t of_use; /* layers, or sizes inside its one stream, as the media plane says */
    uint8_t told;   /* as the origin knows it */
    uint8_t line;   /* m-line of its lowest layer */
    bool named, fresh; /* in the offer at hand; its streams are not those of before */
    uint32_t ssrcs[MEDIA_RIDS_MAX], rtx_ssrcs[MEDIA_RIDS_MAX];
};

struct relay_seat {
    UT_hash_handle hh; /* room.seats, by id */
    uint64_t id;       /* its media peer's */
    struct relay_room *room;
    struct downlink down;
    struct watcher watcher;
    uint8_t token_hash[32];
    char word[80];
    int64_t until_ms;
};

struct relay_room {
    UT_hash_handle hh; /* nodes.rooms, by id */
    uint64_t id;
    struct relay_nodes *nodes;
    bool asked;           /* the origin knows that it is wanted */
    uint64_t session;     /* of its offers; another one is another transport */
    struct peer_id peer;  /* .v 0: none */
    bool connected;       /* DTLS is over */
    char ufrag[16], password[32];
    size_t n_tracks, n_lines;
    struct relay_track tracks[DESK_RELAY_TRACKS];
    struct desk_relay_line lines[DESK_RELAY_LINES]; /* of the offer that is coming */
    struct relay_seat *seats;
    int64_t watched_ms, asked_ms, opened_ms;
};

struct relay_nodes {
    struct net *net;
    struct plane plane; /* all of it is here */
    bool shut;
    struct relay_link link;
    struct relay_room *rooms;
    struct metric *m_rooms, *m_viewers;
};

/* relay.c */
int64_t relay_now_ms(void);
struct relay_room *relay_room_get(struct relay_nodes *r, uint64_t id); /* asks the origin for it where need be; NULL: out of memory, or too many */
void relay_tell_layers(struct relay_room *x); /* after a bind or unbind */
int relay_post(struct relay_room *x, struct media_cmd *c);

/* relay_seats.c */
void relay_rebind(struct relay_room *x); /* its tracks have changed */
void relay_seat_free(struct relay_seat *s);
void relay_seats_tick(struct relay_room *x, int64_t now_ms);
#endif
