/* desk_private - shared by the desk's files. desk.c: rooms, telling, effects. desk_links.c: connections. desk_join.c: coming and going. desk_media.c: offers, subscriptions, media events.
 * desk_quality.c: quality of each line. desk_away.c: media at other nodes. desk_streams.c: quality of each picture. desk_oversee.c: for administrators. desk_record.c: recordings. desk_live.c: lectures. desk_machine.c: WHIP/WHEP. desk_relay.c: other nodes. desk_device.c: RTSP, RTMP, SRT. desk_echo.c: the device test. */
#ifndef YL_SERVER_ROOM_DESK_PRIVATE_H
#define YL_SERVER_ROOM_DESK_PRIVATE_H

#include "server/room/desk.h"
#include "server/room/watcher.h"
#include "server/session/ask.h"
#include <uthash.h>

#define WISHES_MAX 64

struct steer { /* what a page said of one track */
    uint64_t track;
    uint8_t layer;
    bool paused;
};

struct seat_quality { /* of one session, for the record */
    struct media_quality up, down;
    bool up_silent, down_silent;
    uint64_t samples, loss_permille_sum, rtt_ms_sum, up_bps_sum, down_bps_sum;
    uint32_t grades[4]; /* samples of each grade */
};

struct stream_sum { /* of one picture that a session received, since the last line of the log */
    uint64_t seat;
    enum room_source source;
    uint32_t samples, grades[4];
    uint64_t bps, loss_permille, delay_ms, frozen_ms;
};

#define TRAIL_MAX 90 /* the last three minutes */
struct trail { /* a grade every 2 s: A to D */
    unsigned n; /* ever */
    char grades[TRAIL_MAX];
};
struct stream_trail {
    uint64_t seat;
    enum room_source source;
    struct trail trail;
};

struct link { /* a seat's connection and media */
    struct link *next;
    struct live *live;
    UT_hash_handle hh;     /* desk.clients, by client; of the audience: live.audience, by seat */
    uint64_t seat, client; /* client 0: away, or a machine */
    struct uplink up;
    struct downlink down;
    bool codec_known[SOURCE_COUNT]; /* of what it sends: told with the first packet */
    enum media_codec codecs[SOURCE_COUNT];
    bool subscribed, all;
    size_t n_wishes, n_steers;
    struct desk_wish wishes[WISHES_MAX];
    struct steer steers[WISHES_MAX];
    enum room_mode mode;
    int64_t still_ms;
    struct seat_quality quality;
    int64_t away_ms;    /* since when it waits for its connections to another node; 0 = it does not */
    uint64_t up_there, down_there; /* peers at another node that were connected */
    int64_t reduced_ms; /* when its line last made less of a picture */
    size_t n_streams;
    struct stream_sum streams[MEDIA_STREAMS_MAX];
    struct trail trail; /* of its line */
    size_t n_trails;
    struct stream_trail *trails; /* MEDIA_STREAMS_MAX, made with the first picture that it receives */
    json_t *stats;         /* the page's last own figures */
    bool machine, watch, audience; /* audience: no seat, `seat` is its media peer's id */
    uint64_t device;        /* fetched for it; 0 = none */
    char word[80];          /* machines: the room as their URL names it */
    uint8_t token_hash[32];
    int64_t until_ms;
    struct watcher watcher; /* WHEP: its m-lines; slots of `down` */
    struct relay_tap *relay; /* another node, which passes on what comes here; NULL: none */
};

struct live { /* one live room */
    UT_hash_handle hh; /* desk.rooms, by room.id */
    struct desk *desk;
    struct room room;
    struct link *links;
    struct link *audience; /* hash: those who only watch, thousands perhaps; nobody sees them */
    uint64_t recording;     /* 0 = none; the id is known when the records plane has answered */
    bool record_wanted;     /* between RECORD_START and RECORD_STOP */
    bool record_opening;
    uint64_t speaker, speaker_next;
    int speaker_votes;
    int64_t begun_ms, quality_ms, empty_ms;
    bool show_due;
    int64_t show_ms;
    bool offers_due;        /* one round of offers per turn of the loop, however many changes */
};

struct echo {
    struct echo *next;
    uint64_t client;
    struct room_id room;
    struct peer_id peer;
    int64_t until_ms;
};

struct desk {
    struct desk_config config;
    struct plane plane;
    struct asker asker;
    struct live *rooms;   /* hash by id */
    struct link *clients; /* hash of the seats that have a connection */
    struct echo *echos;
    struct survey_wait *waits;
    struct lecture *lectures; /* hash by room */
    struct desk_watch_events watch;
    struct desk_relay_events relays;
    struct shelf *shelf;
    struct metric *m_rooms, *m_seats, *m_audience;
};

/* desk.c */
int64_t desk_now_ms(void);
struct live *desk_room(struct desk *d, uint64_t id);
struct live *desk_room_open(struct desk *d, struct room_id id);
/* Runs one event and carries out its effects. */
YL_CHECKED int desk_step(struct live *l, const struct room_event *e, struct fault *f);
void desk_step_quietly(struct live *l, struct room_event e); /* of the daemon itself: it can only miss a seat that has just gone */
void desk_effects(struct live *l, const struct room_effects *fx);
void desk_tell_seat(struct live *l, struct link *k, struct desk_tell t);
void desk_tell_room(struct live *l, struct desk_tell t);
json_t *desk_id(uint64_t id); /* hex string */
void desk_note(struct live *l, uint64_t seat, const char *kind, json_t *detail); /* takes detail, may be NULL */

/* desk_links.c */
struct link *desk_link(struct live *l, uint64_t seat);
struct link *desk_link_open(struct live *l, uint64_t seat);
/* A link that is not in the room yet; desk_audience_enter takes it in, desk_link_free ends it either way. */
struct link *desk_audience_open(struct live *l);
void desk_audience_enter(struct link *k);
void desk_link_free(struct live *l, struct link *k);
void desk_link_free_quietly(struct live *l, struct link *k); /* the media plane is gone */
void desk_link_client(struct link *k, uint64_t client); /* 0 = away */
struct link *desk_client(struct desk *d, uint64_t client, struct live **room);

/* desk_media.c */
void media_tracks_changed(struct live *l);   /* everybody's subscriptions are looked at again, soon */
void media_seat_closed(struct live *l, struct link *k);
void media_event_here(struct desk *d, const struct media_event *e);

/* desk_quality.c: how well each seat sends and receives */
void seat_quality_note(struct live *l, struct link *k); /* a line of the session's quality record */
void seat_quality_tick(struct live *l, int64_t now_ms);

/* desk_away.c: seats whose media is at other nodes */
bool away_event(struct live *l, struct link *k, const struct media_event *e); /* true: its media comes here now, nothing else is to be done */
void away_tick(struct live *l, int64_t now_ms);

/* desk_streams.c: the quality of each picture that a seat receives, and what of its own is wanted */
void streams_event(struct live *l, struct link *k, const struct media_event *e);
/* Pictures with their sizes in one stream are asked for only where everybody can receive them; tells the room when that changes. */
void streams_layered(struct live *l);
void streams_wanted(struct live *l, struct link *k, const struct media_event *e);
const struct downlink_want *streams_want(const struct link *k, struct track_id track); /* what a feed of it is; NULL = nothing of ours */
json_t *streams_note(struct link *k); /* for the session's quality record; begins anew. NULL: nothing came */

/* desk_oversee.c: the rooms as the machine's administrators see them */
void trail_add(struct trail *t, char grade);
struct trail *stream_trail(struct link *k, uint64_t seat, enum room_source source); /* NULL: not kept */
void surveyed(struct desk *d, const struct media_survey *v);
void survey_tick(struct desk *d, int64_t now_ms); /* INT64_MAX: all that wait are refused */

/* desk_record.c */
void record_start(struct live *l);
void record_stop(struct live *l);
void record_track(struct live *l, struct link *k, enum room_source source);
void record_done(struct live *l, const struct media_event *e);
void record_trouble(struct live *l, const struct media_event *e);
void record_keep(struct desk *d, const struct media_event *e); /* any thread: a finished file, or the end of a recording */

/* desk_live.c */
void lecture_look(struct live *l); /* who sends what, or who speaks, has changed */
void lecture_room_closed(struct live *l);
void lecture_codec(struct live *l, const struct media_event *e);
void lecture_piece(struct desk *d, const struct media_event *e);
void lecture_tick(struct desk *d, int64_t now_ms);
void lecture_free_all(struct desk *d);

/* desk_machine.c */
void machine_rebind(struct live *l, struct link *k);
void machine_tick(struct live *l, int64_t now_ms);
void machine_leave(struct link *k); /* its session is over; k is gone */

/* desk_relay.c: other nodes */
void relay_look(struct live *l, struct link *k);
void relay_ended(struct link *k); /* before it is freed; any link */

/* desk_device.c */
void device_event(struct live *l, struct link *k, const struct media_event *e);
void device_close(struct link *k); /* before its uplink closes */

/* desk_echo.c */
void echo_gone(struct desk *d, uint64_t client, struct peer_id peer);
void echo_tick(struct desk *d, int64_t now_ms);
#endif
