/* spread_private - shared by spread.c (nodes, peers, feeds: what the rooms command), spread_arms.c (what goes from node to node), spread_events.c. */
#ifndef YL_SERVER_NODE_SPREAD_PRIVATE_H
#define YL_SERVER_NODE_SPREAD_PRIVATE_H

#include "server/base/metrics.h"
#include "server/node/parcel.h"
#include "server/node/spread.h"
#include <uthash.h>

struct place { /* an edge */
    UT_hash_handle hh; /* spread.places, by id */
    uint64_t id;
    struct plane_face face;
    struct serves serves;
    int64_t unfit_until_ms;
    struct parcel parcel; /* commands of this turn of the loop */
};

struct arm { /* a room and an edge where members of it are: two peers, one in each media plane */
    UT_hash_handle hh; /* spread.arms, by there */
    struct arm *next;  /* room.arms */
    struct spread_room *room;
    struct place *place;
    uint64_t there;    /* the room's id in the edge's media plane, of this arm alone */
    struct peer_id peer, peer_there;
    uint32_t next_ssrc;
    unsigned members;  /* peers of seats there */
    bool connected;
    int64_t opened_ms, empty_ms;
};

struct lane { /* a track on an arm: towards the edge, or from it if the track is sent there */
    struct lane *next; /* track.lanes */
    struct arm *arm;
    struct feed_id feeds[MEDIA_RIDS_MAX]; /* by layer, where it comes from */
    unsigned fed;                         /* feeds at the edge that are not paused */
    uint8_t of_use;                       /* layers, as the media plane says where it goes to */
    uint8_t flows;                        /* layers that are not paused */
    bool every;                           /* a voice: also while it is not among the loudest there */
    uint8_t size;                         /* of a single stream: the largest that comes in it, if it has sizes */
};

struct spread_track {
    UT_hash_handle hh; /* spread.tracks, by id */
    uint64_t id, peer, home; /* home: the node */
    struct spread_room *room;
    struct spread_track *next; /* room.tracks */
    enum media_kind kind;
    uint8_t layers;
    unsigned fed; /* feeds here that are not paused */
    struct lane *lanes;
};

struct spread_feed {
    UT_hash_handle hh; /* spread.feeds, by id */
    uint64_t id, track, node;
    struct spread_feed *next; /* peer.feeds */
    struct spread_peer *peer;
    bool paused;
};

struct spread_peer { /* of a seat, or of who watches */
    UT_hash_handle hh; /* spread.peers, by id */
    uint64_t id, node;
    struct spread_room *room;
    struct spread_peer *next, *prev; /* room.peers: thousands, where many watch */
    struct spread_feed *feeds;
};

struct spread_room {
    UT_hash_handle hh; /* spread.rooms, by id */
    uint64_t id;
    struct spread *spread;
    struct arm *arms;
    struct spread_track *tracks;
    struct spread_peer *peers;
    bool recorded;
    uint64_t shown[2]; /* the lecture's tracks, by kind */
    struct { uint64_t track; uint8_t level; int64_t ms; } levels[MEDIA_LEVELS_MAX];
    size_t n_levels;
    bool levels_due; /* what came last was too soon after those told before */
    int64_t levels_ms;
};

struct gathering { /* a survey, asked of several media planes */
    struct gathering *next;
    struct room_id room;
    unsigned left;
    int64_t until_ms;
    struct media_survey *sum;
};

struct spread {
    struct net *net;
    struct media *media;
    struct spread_events events;
    struct place *places;
    struct arm *arms;
    struct spread_room *rooms;
    struct spread_peer *peers;
    struct spread_track *tracks;
    struct spread_feed *feeds;
    struct gathering *gatherings;
    bool flush_due;
    struct metric *m_arms, *m_members, *m_lanes;
};

/* spread.c */
int64_t spread_now_ms(void);
struct spread_room *spread_room_of(struct spread *s, uint64_t id);
void spread_track_free(struct spread_track *t); /* its lanes were closed */
void spread_peer_free(struct spread_peer *p);   /* with what is known of its feeds */

/* spread_arms.c */
int spread_arm_post(struct arm *a, struct media_cmd *c); /* c->room is filled in */
struct arm *spread_arm_of(struct spread_room *r, struct place *p);
struct arm *spread_arm_open(struct spread_room *r, struct place *p); /* NULL: out of memory */
/* gone: nothing can be told to the edge. Its members' peers and tracks are forgotten; events.moved is told if there were any. */
void spread_arm_close(struct arm *a, bool gone);
void spread_arm_fail(struct arm *a);
void spread_lanes_open(struct spread_track *t); /* on all arms of its room */
void spread_lanes_close(struct spread_track *t);
struct lane *spread_lane_of(const struct spread_track *t, const struct arm *a);
void spread_look(struct spread_track *t); /* who is fed with it has changed */
void spread_look_all(struct spread_room *r);
void spread_arms_tick(struct spread *s);

/* spread_events.c */
bool spread_took(void *spread, const struct media_event *e);
void spread_levels_tick(struct spread *s, int64_t now_ms);
int spread_survey(struct spread_room *r, const struct media_cmd *c);
void spread_survey_tick(struct spread *s, int64_t now_ms); /* INT64_MAX: all are given up */
#endif
