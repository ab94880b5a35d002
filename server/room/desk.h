/* desk - the live rooms of this daemon: carries out what room_step says, between connections, media plane and records plane.
 *
 * Event thread only, but desk_media_event, which the media plane calls on its own threads. Seats and rooms are named by ids; a
 * connection is named by a number of the caller's (`client`), so that a late answer for a closed one is a look-up miss.
 * Verbs and events are those of docs/protocol/signaling.md; machines (WHIP, WHEP) sit in seats of their own.
 * Closing: net_shut -> desk_shut -> media_close (its last files go straight to the records plane) -> records_close -> net_free -> desk_free.
 */
#ifndef YL_SERVER_ROOM_DESK_H
#define YL_SERVER_ROOM_DESK_H

#include "media/media.h"
#include "records/records.h"
#include "server/net/net.h"
#include "server/room/downlink.h"
#include "server/room/plane.h"
#include "server/room/room.h"
#include "server/room/uplink.h"
#include "server/room/watcher.h"
#include "server/sdp/sdp_frag.h"

struct desk;
struct programme; /* server/live/programme.h */
struct shelf;

/* ---- what a connection is told ---- */
enum desk_tell_type {
    TELL_ADMITTED,  /* .room: you are in */
    TELL_REFUSED,
    TELL_SEAT,      /* .seat */
    TELL_LEFT,      /* .seat_id, .why */
    TELL_STATE,     /* .room without its seats */
    TELL_SHOW,      /* .room's show */
    TELL_SPEAKING,  /* .speaker, .levels */
    TELL_QUALITY,   /* .room's seats' quality */
    TELL_STREAMS,   /* .streams: the pictures that this seat receives; .line_bps: what its line carries, 0 = not known */
    TELL_WANTED,    /* .source, .layers: which of its layers anybody has use for (bit 0 lowest) */
    TELL_STILL,     /* .seat_id, .source, .text: JPEG as base64 */
    TELL_OFFER,     /* .text: SDP, .down: its map and version */
    TELL_MOVED      /* its connections are to be made anew: they end elsewhere now */
};
struct desk_level {
    uint64_t seat;
    uint8_t level; /* 0..100 */
};
struct desk_tell {
    enum desk_tell_type type;
    const struct room *room;
    const struct room_seat *to; /* whom this goes to: a guest sees less */
    const struct room_seat *seat;
    uint64_t seat_id, speaker;
    enum room_source source;
    const char *why, *text;
    const struct downlink *down;
    size_t n_levels;
    const struct desk_level *levels;
    size_t n_streams;
    const struct room_stream *streams;
    uint32_t line_bps;
    uint8_t layers;
};

struct desk_config {
    struct net *net;
    struct records *records;
    void *ctx;
    bool (*alive)(void *ctx, uint64_t client); /* is the connection still there? */
    void (*tell)(void *ctx, uint64_t client, const struct desk_tell *t); /* borrowed for the call */
    void (*close)(void *ctx, uint64_t client, int code);                 /* 4010 replaced, 1000 bye */
    unsigned layered; /* option room.layered, a bit per source */
};
YL_CHECKED int desk_new(struct desk **out, const struct desk_config *config, struct fault *f);
void desk_media(struct desk *d, struct media *m); /* before the first join */
void desk_away(struct desk *d, const struct plane_away *away); /* members' media may be at other nodes; before the first join */
void desk_away_event(void *desk, const struct media_event *e); /* of such media, or of a room; event thread, borrowed */
void desk_away_moved(void *desk, struct room_id room, uint64_t node); /* there is none of that room any more at that node */
void desk_shut(struct desk *d); /* nothing is asked of the records plane any more; lectures are gone */
void desk_free(struct desk *d);
/* media_config.on_event's target; any thread, ctx is the desk. */
void desk_media_event(void *desk, const struct media_event *event);
/* Something about a case or room changed (the change feed): who may no longer sit in it leaves. */
void desk_recheck(struct desk *d, uint64_t case_or_room);

/* ---- joining ---- */
struct desk_join {
    const char *ticket, *resume, *device; /* resume, device may be "" */
    const char *address;                  /* the connection's: its media may be near to it */
    struct person_id person;              /* signed in on this connection; .v 0 = nobody (guests) */
    uint64_t client;
};
struct desk_joined {
    uint64_t room, seat;
    const char *resume;
    const struct room *state; /* NULL while waiting */
};
typedef void (*desk_join_done)(void *ctx, const struct fault *f, const struct desk_joined *j); /* j NULL on error */
void desk_join(struct desk *d, const struct desk_join *j, desk_join_done done, void *ctx);
/* The connection is gone: its seat, if it has one, waits for it. */
void desk_gone(struct desk *d, uint64_t client);

/* ---- verbs of the seat that `client` has; ERR_NOT_ALLOWED_NOW "not_joined" when it has none ---- */
YL_CHECKED int desk_act(struct desk *d, uint64_t client, const struct room_event *e, struct fault *f); /* e->seat is filled in */
YL_CHECKED int desk_publish(struct desk *d, uint64_t client, const char *sdp, const struct uplink_source *sources, size_t n, char **answer,
                            struct fault *f);
struct desk_wish {
    uint64_t track;
    int max_height; /* 0 = any */
};
/* n_wishes < 0: everything. */
YL_CHECKED int desk_subscribe(struct desk *d, uint64_t client, const struct desk_wish *wishes, int n_wishes, bool fresh, struct fault *f);
YL_CHECKED int desk_answer(struct desk *d, uint64_t client, const char *sdp, int version, struct fault *f);
YL_CHECKED int desk_seated(struct desk *d, uint64_t client, struct fault *f); /* 0: is in a room; else as every verb says it */
YL_CHECKED int desk_restart_down(struct desk *d, uint64_t client, struct fault *f);
YL_CHECKED int desk_steer(struct desk *d, uint64_t client, uint64_t track, int layer, int pause, struct fault *f); /* -1 = as it is */
YL_CHECKED int desk_mode(struct desk *d, uint64_t client, enum room_mode mode, struct fault *f);
YL_CHECKED int desk_still(struct desk *d, uint64_t client, enum room_source source, const char *base64, struct fault *f);
/* The page's own figures, an object of numbers; the last is kept with the session. */
YL_CHECKED int desk_stats(struct desk *d, uint64_t client, const json_t *stats, struct fault *f);
/* Device test: what is sent comes back, for 60 s at most. */
YL_CHECKED int desk_echo(struct desk *d, uint64_t client, const char *sdp, char **answer, struct fault *f);

/* ---- devices: RTSP, RTMP, SRT; a host fetches or ends one. Errors: not_joined, not_host, too_many_devices, and those of device.open ---- */
struct desk_device_ask {
    uint64_t client, device;
    bool on;
};
typedef void (*desk_device_done)(void *ctx, const struct fault *f); /* f NULL: done; how the stream is, its seat tells */
void desk_device(struct desk *d, const struct desk_device_ask *a, desk_device_done done, void *ctx);

/* ---- for the machine's administrators: nobody's name, no case. docs/protocol/http.md GET /rooms ---- */
json_t *desk_rooms(const struct desk *d); /* new reference */
struct desk_survey_ask {
    uint64_t room, seat; /* seat: whose received streams are told too; 0 = nobody's */
};
/* room is given to the callee; NULL on error: ERR_NOT_FOUND not_live, ERR_UNAVAILABLE busy. Perhaps from inside. */
typedef void (*desk_survey_done)(void *ctx, const struct fault *f, json_t *room);
void desk_survey(struct desk *d, const struct desk_survey_ask *a, desk_survey_done done, void *ctx);

/* ---- lectures: watched over HTTP, without a seat ---- */
struct desk_watch_ask {
    const char *credential, *room; /* room: name or id, as in the URL */
    bool by_session;               /* a session's credential, else a token with `watch` */
};
struct desk_watch_made {
    uint64_t room;
    int64_t until_ms;
    const char *name;
};
/* May it? Each asking leaves a line in the audit. made NULL on error: ERR_DENIED no_watch, case_room, other_room; ERR_UNAUTHENTICATED .. */
typedef void (*desk_watch_done)(void *ctx, const struct fault *f, const struct desk_watch_made *made);
void desk_watch(struct desk *d, const struct desk_watch_ask *w, desk_watch_done done, void *ctx);
struct programme *desk_programme(struct desk *d, uint64_t room); /* NULL = nothing was shown there lately */
/* A picture is sent there, and nothing of it is shown yet, or too little to begin with. */
bool desk_programme_dark(struct desk *d, uint64_t room);
struct programme *desk_programme_wait(struct desk *d, uint64_t room); /* likewise, but an empty one is made to wait for; NULL = no memory */
/* The rendition with AAC in place of Opus, for phones: it begins when it is first asked for, and is kept as long as the programme. NULL = there
 * is nothing to show, or nobody asked while it went on. */
struct programme *desk_programme_aac(struct desk *d, uint64_t room);
struct desk_watch_events {
    void *ctx;
    void (*news)(void *ctx, struct programme *p); /* a piece more, or its end */
    void (*gone)(void *ctx, struct programme *p); /* it is freed now */
};
/* Before net_run; the shelf outlives desk_shut. Without it no lecture is packaged. */
void desk_watch_serve(struct desk *d, const struct desk_watch_events *events, struct shelf *shelf);

/* ---- other nodes: what is sent in a room without a case is passed on to a node where it is watched, each layer once ---- */
#define DESK_RELAY_TRACKS 16 /* of one room */
#define DESK_RELAY_LINES (DESK_RELAY_TRACKS * MEDIA_RIDS_MAX)
#define DESK_RELAY_ADDRESS 240
struct desk_relay_line { /* an m-line of the offer */
    uint64_t track, seat;
    uint8_t line, layer, layers, value; /* value: what is shown first */
};
struct desk_relay_offer {
    uint64_t room, relay;
    int version;
    const char *sdp, *addresses; /* "IP PORT IP PORT", where the media plane is reached */
    const struct desk_relay_line *lines;
    size_t n;
};
struct desk_relay_events {
    void *ctx;
    void (*offer)(void *ctx, const struct desk_relay_offer *o); /* borrowed; the newest counts */
    void (*ended)(void *ctx, uint64_t room, uint64_t relay);    /* it or its room is gone; also within desk_relay_close */
};
void desk_relay_serve(struct desk *d, const struct desk_relay_events *events); /* before net_run */
/* The relay's id, 0: it cannot be had (out of memory, or a room with a case). Offers follow while anything is sent there. */
uint64_t desk_relay_open(struct desk *d, uint64_t room);
void desk_relay_close(struct desk *d, uint64_t room, uint64_t relay);
struct desk_relay_said {
    const char *sdp;
    size_t len;
    int version;
};
YL_CHECKED int desk_relay_answer(struct desk *d, uint64_t room, uint64_t relay, const struct desk_relay_said *said, struct fault *f);
/* Bit n: somebody has use for layer n of that track. At first for none. */
void desk_relay_layers(struct desk *d, uint64_t room, uint64_t relay, uint64_t track, unsigned layers);

/* ---- machines: WHIP (RFC 9725) and WHEP ---- */
#define DESK_URL_BYTES 500
struct desk_machine {
    const char *token, *room, *sdp; /* room: name or id, as in the URL */
    bool watch;                     /* WHEP */
    /* Asked before somebody without a seat is let in: true = he goes to the URL in `out` instead. NULL: nobody goes elsewhere. */
    bool (*elsewhere)(void *ctx, const struct desk_machine *m, uint64_t room, int64_t until_ms, char out[DESK_URL_BYTES]);
    void *elsewhere_ctx;
};
struct desk_machine_made {
    uint64_t resource;
    const char *answer, *ufrag;
    const char *elsewhere; /* NULL, or the URL to which he goes: there is nothing else then */
};
typedef void (*desk_machine_done)(void *ctx, const struct fault *f, const struct desk_machine_made *m); /* m NULL on error */
void desk_machine_join(struct desk *d, const struct desk_machine *m, desk_machine_done done, void *ctx);
/* A session as its URL names it. ERR_NOT_FOUND no_resource: gone, of another room or kind, or made with another token. */
struct desk_machine_at {
    const char *token, *room; /* the same words as at the join */
    bool watch;
    uint64_t resource;
};
struct desk_machine_ice {
    char ours[16], theirs[260]; /* user fragments in use */
};
YL_CHECKED int desk_machine_ice(struct desk *d, const struct desk_machine_at *at, struct desk_machine_ice *out, struct fault *f);
YL_CHECKED int desk_machine_end(struct desk *d, const struct desk_machine_at *at, struct fault *f);
/* What is sent of one m-line of a session that watches. */
YL_CHECKED int desk_machine_steer(struct desk *d, const struct desk_machine_at *at, const struct watcher_wish *wish, struct fault *f);
/* ICE restart (RFC 9725 4.3.3): *fragment is ours, malloc'd; On error the session goes on. */
YL_CHECKED int desk_machine_restart(struct desk *d, const struct desk_machine_at *at, const struct sdp_frag *theirs, char **fragment,
                                    struct fault *f);
#endif
