/* room - the live room as a pure machine: who sits where, who waits, who may do what to whom, and what follows from it.
 *
 * room_step takes one event and the time, changes the state, and states what must be done about it as effects; the desk (desk.h) carries
 * them out. No I/O, no memory, no thread, no SDP, no JSON: docs/protocol/signaling.md is the wire side of it.
 *
 * Rules (functions.md 3.8): whoever is host of the room, or has a host's seat, comes in by himself; everybody else waits until a host
 * admits him. A lost line keeps the seat for ROOM_AWAY_MS. Recording needs the patient's consent on the form and the agreement of every
 * admitted person; one refusal or withdrawal ends it, and a newcomer is asked before anything of him is recorded: until he has answered,
 * recording rests. A machine's seat (WHIP/WHEP) is not asked: its token was given for the purpose.
 */
#ifndef YL_SERVER_ROOM_ROOM_H
#define YL_SERVER_ROOM_ROOM_H

#include "server/base/fault.h"
#include "server/base/id.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROOM_SEATS_MAX 64
#define ROOM_AWAY_MS 60000      /* how long a lost seat is kept */
#define ROOM_ASKING_MS 60000    /* how long recording waits for everyone's answer */
#define ROOM_INTERRUPTED_MS 20000 /* one side gone for this long: the consultation is interrupted */

enum room_source { SOURCE_MIC, SOURCE_CAMERA, SOURCE_SCREEN, SOURCE_CAMERA2, SOURCE_COUNT };
enum seat_role { ROLE_HOST, ROLE_EXPERT, ROLE_MEMBER, ROLE_GUEST, ROLE_MACHINE };
enum seat_state { SEAT_WAITING, SEAT_ADMITTED, SEAT_AWAY };
enum room_state { ROOM_OPEN, ROOM_LIVE, ROOM_INTERRUPTED, ROOM_ENDED };
enum record_state { RECORD_OFF, RECORD_ASKING, RECORD_ON };
enum record_trouble {
    TROUBLE_NONE,
    TROUBLE_LOSING, /* on, and the disk does not take all of it: what is missing is in the recording's gaps */
    TROUBLE_SPACE,  /* ended: the disk has no room */
    TROUBLE_FAILED  /* ended, or never begun: something else */
};
enum consent { CONSENT_NONE, CONSENT_NO, CONSENT_YES };
enum room_grade { GRADE_GOOD, GRADE_FAIR, GRADE_POOR, GRADE_LOST };
enum room_mode { MODE_FULL, MODE_STILLS, MODE_AUDIO_ONLY };

struct room_track {
    uint64_t id; /* on the wire; the same for as long as seat and source are; 0 = never published */
    bool on, muted;
};

struct room_quality {
    enum room_grade grade;
    uint32_t up_bps, down_bps, loss_permille, rtt_ms;
};

struct room_person { /* as the records plane said at the join */
    struct person_id id; /* .v 0: a guest or a machine */
    struct org_id org_id;
    char name[64], title[64], org[96];
};

struct room_seat {
    uint64_t id;
    struct room_person person;
    enum seat_role role;
    enum seat_state state;
    bool admitted_before, hand, muted_by_host;
    enum consent consent;
    struct room_track tracks[SOURCE_COUNT];
    struct room_quality quality;
    int64_t away_ms;
    const char *device; /* a device's: how its stream is, a static word; NULL = no device. The desk's */
};

struct room_show { /* fractions of the page; zoom 1 = whole page */
    uint64_t document;
    int page;
    double zoom, x, y, pointer_x, pointer_y;
    bool pointer;
};

struct room {
    struct room_id id;
    struct case_id case_id;  /* .v 0: a room without a case */
    char title[64];          /* a case number or a room's name; never health data */
    struct person_id host;   /* whose room it is; .v 0 = of whoever has a host's seat */
    bool patient_consent;    /* to recording, on the form */
    enum room_state state;
    size_t n_seats;
    struct room_seat seats[ROOM_SEATS_MAX];
    enum record_state record;
    int64_t record_ms;       /* asked, or began */
    enum record_trouble trouble; /* until somebody asks again */
    uint64_t spotlight;      /* seat, 0 = none */
    uint64_t show_by;        /* seat, 0 = nothing is shown */
    struct room_show show;
    unsigned layered;        /* bit: source whose pictures may come with their sizes in one stream (VP9): everybody here can receive it. Told by the desk */
    int64_t one_sided_ms;    /* since when one side is gone in a live room; 0 = both are here */
};

enum room_event_type {
    ROOM_JOIN,       /* .join: a new seat, or the same seat from a new connection */
    ROOM_LOST,       /* seat: its connection is gone */
    ROOM_LEAVE,      /* seat: leaves of its own will */
    ROOM_EXPELLED,   /* seat: may no longer sit here (taken off the case, invitation withdrawn) */
    ROOM_CLOSED,     /* the case has moved on: the session is over; no seat acts */
    ROOM_ADMIT,      /* seat acts on .target */
    ROOM_REFUSE,     /* .target */
    ROOM_REMOVE,     /* .target */
    ROOM_MUTE,       /* .target, .source: nothing of it is passed on until its owner unmutes */
    ROOM_LOWER_HAND, /* .target */
    ROOM_SPOTLIGHT,  /* .target, 0 = none */
    ROOM_HAND,       /* .on */
    ROOM_MUTE_SELF,  /* .source, .on */
    ROOM_TRACK,      /* .source, .on: published or ended (told by the desk) */
    ROOM_RECORD,     /* .on */
    ROOM_RECORD_FAILED, /* told by the desk: nothing can be recorded now, .trouble says why; no seat acts */
    ROOM_CONSENT,    /* .on */
    ROOM_SHOW,       /* .show, or .on false = stops */
    ROOM_END,
    ROOM_TICK,       /* only the time */
    ROOM_RECORD_TROUBLE, /* .trouble; told by the desk */
};

struct room_event {
    enum room_event_type type;
    uint64_t seat; /* who acts; 0 with ROOM_TICK and ROOM_CLOSED */
    uint64_t target;
    enum room_source source;
    bool on;
    enum record_trouble trouble;
    struct room_show show;
    struct { struct room_person person; enum seat_role role; bool admitted_before; } join;
};

enum room_effect_type {
    FX_SEAT,         /* tell: .seat is new or changed */
    FX_LEFT,         /* .seat is gone (.why); its media end, its connection is told and closed */
    FX_STATE,        /* tell the room's state */
    FX_ADMITTED,     /* tell .seat that it is in, with the whole room */
    FX_REFUSED,      /* tell .seat; it is gone */
    FX_SHOW,         /* tell what is shown */
    FX_PAUSE,        /* pass nothing of .seat's .source on (.on), or again */
    FX_TRACKS,       /* what there is to receive changed: everybody's subscriptions are looked at again */
    FX_RECORD_START,
    FX_RECORD_STOP,
    FX_NEWS,         /* .news to the case's workflow */
    FX_SEEN,         /* .seat entered: an expert who was seen is no no-show */
    FX_REMEMBER,     /* .seat's ticket: .why says "admitted", "left", "refused" or "removed" */
    FX_NOTE,         /* a line of the room's log: .why is the kind, .seat whom it is about */
};
enum room_news { NEWS_INTERRUPTED, NEWS_RESUMED, NEWS_ENDED };

struct room_effect {
    enum room_effect_type type;
    uint64_t seat;
    enum room_source source;
    enum room_news news;
    bool on;
    const char *why; /* static text */
};
#define ROOM_EFFECTS_MAX (ROOM_SEATS_MAX * 4)
struct room_effects {
    size_t n;
    struct room_effect at[ROOM_EFFECTS_MAX];
};

void room_init(struct room *r, struct room_id id);
/* 0, or what the acting person did wrong (denied, not_found, not_allowed_now) in f, the room unchanged. *out is overwritten. */
YL_CHECKED int room_step(struct room *r, const struct room_event *e, int64_t now_ms, struct room_effects *out, struct fault *f);
/* Earliest time at which ROOM_TICK would do something; INT64_MAX = never. */
int64_t room_next_ms(const struct room *r);

struct room_seat *room_seat(struct room *r, uint64_t id); /* NULL = no such seat */
bool room_is_host(const struct room *r, const struct room_seat *s);
uint64_t room_host_seat(const struct room *r); /* the seat that is shown as host; 0 = nobody */

/* The words of the wire; static. *_parse: -1 = no such word. */
const char *room_source_name(enum room_source s);
int room_source_parse(const char *word);
const char *room_role_name(enum seat_role r);
const char *room_grade_name(enum room_grade g);

/* ---- one picture as it comes to one seat ---- */
struct room_stream {
    uint64_t track; /* on the wire */
    uint64_t seat;  /* whose */
    enum room_source source;
    int reduced;    /* enum media_reduced: what the receiver's own line made of it */
    char grade;     /* 'A' to 'D' */
    const char *by; /* why it is less than the page has use for: "" (it is not), line, sender_line, sender_cpu, rest; static */
    uint32_t bps, loss_permille, delay_ms, frozen_ms; /* frozen: of the last 2 s */
};
#endif
