/* Lectures: the programme of a room without a case, packaged by the media plane for all who watch over HTTP (server/live/programme.h).
 *
 * It begins with the room's first picture or voice, so that whoever comes late can wind back to the beginning, goes on after a break of
 * the publisher, ends when nobody has published for a while, and can be wound back for some time after. What is shown: screens before
 * second pictures before cameras, the spotlight before others; whose voice: the one who speaks, else the one who is seen. */
#include "server/base/log.h"
#include "server/live/programme.h"
#include "server/room/desk_private.h"
#include <stdlib.h>
#include <string.h>

#define BREAK_MS 20000        /* without anything new for so long it has ended */
#define UNWATCHED_MS 6000     /* nothing was taken of it for so long: nobody watches */
#define KEPT_MS (15 * 60000)  /* how long an ended one can be wound back */
#define KEPT_MAX 64           /* ended ones; the oldest go first */

struct lecture {
    UT_hash_handle hh; /* desk.lectures, by room */
    uint64_t room;
    uint64_t running;  /* its id in the media plane; 0 = does not run */
    struct programme *programme;
    struct track_id tracks[2]; /* by media_kind */
    int64_t epoch_us, heard_ms, watched_ms;
    uint64_t taken; /* of the programme, when looked at last */
    bool watched;   /* as the media plane knows it */
    uint32_t generations;
    struct programme *aac; /* the rendition with AAC; NULL: nobody has asked for it yet */
    uint64_t aac_taken;
    bool aac_on;           /* as the media plane knows it */
    uint32_t aac_generations;
};

/* ---- what is shown ---- */
/* What needs no change of its codec, where all else is equal. */
static bool passes_through(const struct link *k, int source)
{
    return !k->codec_known[source] || k->codecs[source] == MEDIA_H264;
}

static int score(const struct live *l, const struct room_seat *s, int source)
{
    return 1 + 2 * (l->room.spotlight == s->id) + (s->role == ROLE_MACHINE) + (source == SOURCE_SCREEN ? 8 : source == SOURCE_CAMERA2 ? 4 : 0);
}

/* The present picture stays where another is no better. */
static struct track_id picture_of(struct live *l, struct track_id now, uint64_t *seat)
{
    struct track_id best = {0};
    int most = 0;
    *seat = 0;
    for (const struct link *k = l->links; k; k = k->next) {
        const struct room_seat *s = room_seat(&l->room, k->seat);
        for (int i = SOURCE_CAMERA; s && s->state == SEAT_ADMITTED && i < SOURCE_COUNT; i++) {
            struct track_id t = k->up.tracks[i].id;
            int points = t.v && s->tracks[i].on ? 4 * score(l, s, i) + 2 * passes_through(k, i) + (t.v == now.v) : 0;
            if (points <= most) continue;
            most = points;
            best = t;
            *seat = s->id;
        }
    }
    return best;
}

static struct track_id voice_of_seat(struct live *l, uint64_t seat)
{
    const struct link *k = seat ? desk_link(l, seat) : NULL;
    const struct room_seat *s = k ? room_seat(&l->room, seat) : NULL;
    return s && s->state == SEAT_ADMITTED && s->tracks[SOURCE_MIC].on ? k->up.tracks[SOURCE_MIC].id : (struct track_id){0};
}

static bool still_there(struct live *l, struct track_id t)
{
    for (const struct link *k = l->links; k && t.v; k = k->next)
        if (k->up.tracks[SOURCE_MIC].id.v == t.v) return voice_of_seat(l, k->seat).v == t.v;
    return false;
}

static struct track_id voice_of(struct live *l, struct track_id now, uint64_t seen)
{
    struct track_id t = voice_of_seat(l, l->speaker);
    if (!t.v && still_there(l, now)) return now;
    if (!t.v) t = voice_of_seat(l, seen);
    for (const struct link *k = l->links; k && !t.v; k = k->next)
        t = voice_of_seat(l, k->seat);
    return t;
}

/* ---- running ---- */
static int post(struct live *l, enum media_cmd_type type, struct media_live_params p)
{
    struct media_cmd c = {.type = type, .room = l->room.id, .live = p};
    int rc = plane_post(&l->desk->plane, PLANE_HERE, &c);
    if (rc) log_warn("desk", "the media plane is busy; the lecture is looked at again");
    return rc;
}

#define DARK_US 1500000 /* players begin half a second to a second behind, and cannot go on from sound alone to a picture */

static struct lecture *lecture_find(struct desk *d, uint64_t room)
{
    struct lecture *x = NULL;
    HASH_FIND(hh, d->lectures, &room, sizeof room, x);
    return x;
}

static void forget(struct desk *d, struct programme *p)
{
    if (p && d->watch.gone) d->watch.gone(d->watch.ctx, p);
    programme_free(p);
}

static void lecture_free(struct desk *d, struct lecture *x)
{
    HASH_DEL(d->lectures, x);
    forget(d, x->aac);
    forget(d, x->programme);
    free(x);
}

static struct lecture *lecture_make(struct desk *d, uint64_t room)
{
    struct lecture *x = lecture_find(d, room);
    if (x && programme_ended(x->programme)) {
        lecture_free(d, x);
        x = NULL;
    }
    if (x || !(x = calloc(1, sizeof *x))) return x;
    *x = (struct lecture){.room = room, .programme = programme_new(d->shelf), .heard_ms = desk_now_ms()};
    if (!x->programme) {
        free(x);
        return NULL;
    }
    HASH_ADD(hh, d->lectures, room, sizeof x->room, x);
    return x;
}

static void choose(struct live *l, struct lecture *x, enum media_kind kind, struct track_id t)
{
    if (t.v == x->tracks[kind].v) return;
    if (post(l, MEDIA_LIVE_TRACK, (struct media_live_params){.lecture = x->running, .kind = kind, .track = t}) == 0) x->tracks[kind] = t;
}

/* Tells the media plane whether anybody watches. */
static void note_watched(struct desk *d, struct lecture *x, int64_t now_ms)
{
    struct live *l = x->running ? desk_room(d, x->room) : NULL;
    bool aac = x->aac && !programme_ended(x->aac), watched = x->watched_ms && now_ms - x->watched_ms < UNWATCHED_MS;
    if (!l || (watched == x->watched && aac == x->aac_on)) return;
    struct media_live_params p = {.lecture = x->running, .watched = watched, .aac = aac, .generations = x->aac_generations};
    if (post(l, MEDIA_LIVE_WATCHED, p)) return;
    x->watched = watched;
    x->aac_on = aac;
}

static struct programme *taken_up(struct desk *d, struct lecture *x)
{
    if (!x) return NULL;
    x->watched_ms = desk_now_ms();
    note_watched(d, x, x->watched_ms);
    return x->programme;
}

void lecture_look(struct live *l)
{
    uint64_t seen;
    if (l->room.case_id.v || !l->desk->watch.news) return;
    struct lecture *x = lecture_find(l->desk, l->room.id.v);
    struct track_id none = {0}, picture = picture_of(l, x ? x->tracks[MEDIA_VIDEO] : none, &seen);
    struct track_id voice = voice_of(l, x ? x->tracks[MEDIA_AUDIO] : none, seen);
    bool any = picture.v || voice.v;
    if (any && (!x || !x->running)) {
        if (!(x = lecture_make(l->desk, l->room.id.v))) return;
        uint64_t id = id_new();
        if (post(l, MEDIA_LIVE_START, (struct media_live_params){.lecture = id, .epoch_us = x->epoch_us, .generations = x->generations})) return;
        x->running = id;
        x->watched = x->aac_on = false;
        x->tracks[MEDIA_VIDEO] = x->tracks[MEDIA_AUDIO] = none;
    }
    if (!x || !x->running) return;
    choose(l, x, MEDIA_VIDEO, picture);
    choose(l, x, MEDIA_AUDIO, voice);
}

void lecture_room_closed(struct live *l)
{
    struct lecture *x = lecture_find(l->desk, l->room.id.v);
    if (x) x->running = 0; /* MEDIA_ROOM_CLOSE ends it there */
}

void lecture_codec(struct live *l, const struct media_event *e)
{
    for (struct link *k = l->links; k; k = k->next) {
        enum room_source s = uplink_source_of(&k->up, e->track);
        if (s == SOURCE_COUNT) continue;
        k->codecs[s] = e->codec;
        k->codec_known[s] = true;
        lecture_look(l);
    }
}

static void aac_piece(struct desk *d, struct lecture *x, const struct media_piece *piece)
{
    if (!x->aac) return;
    x->aac_generations = piece->generation;
    programme_add(x->aac, piece);
    if (d->watch.news) d->watch.news(d->watch.ctx, x->aac);
}

/* Begins when it is first asked for and ends with the lecture: a phone that was locked for a while goes on where it was, and can wind back. */
static void aac_tick(struct desk *d, struct lecture *x, int64_t now_ms)
{
    if (!x->aac) return;
    if (programme_taken(x->aac) != x->aac_taken) x->watched_ms = now_ms;
    x->aac_taken = programme_taken(x->aac);
    if (!programme_ended(x->programme) || programme_ended(x->aac)) return;
    programme_end(x->aac);
    if (d->watch.news) d->watch.news(d->watch.ctx, x->aac);
}

void lecture_piece(struct desk *d, const struct media_event *e)
{
    struct lecture *x = lecture_find(d, e->room.v);
    if (!x || x->running != e->piece.lecture) return;
    if (e->piece.aac) {
        aac_piece(d, x, &e->piece);
        return;
    }
    x->epoch_us = e->piece.epoch_us;
    x->generations = e->piece.generation;
    x->heard_ms = desk_now_ms();
    programme_add(x->programme, &e->piece);
    if (d->watch.news) d->watch.news(d->watch.ctx, x->programme);
}

static bool nobody_publishes(const struct lecture *x)
{
    return !x->running || (!x->tracks[MEDIA_AUDIO].v && !x->tracks[MEDIA_VIDEO].v);
}

/* A programme that has shown nothing yet waits for its publisher as long as its room is open; an ended one makes way in time. */
void lecture_tick(struct desk *d, int64_t now_ms)
{
    size_t ended = 0;
    struct lecture *x, *next, *oldest = NULL;
    HASH_ITER(hh, d->lectures, x, next)
    {
        if (programme_taken(x->programme) != x->taken) x->watched_ms = now_ms;
        x->taken = programme_taken(x->programme);
        aac_tick(d, x, now_ms);
        note_watched(d, x, now_ms);
        if (programme_ended(x->programme) && now_ms - x->heard_ms > KEPT_MS) {
            lecture_free(d, x);
        } else if (programme_ended(x->programme)) {
            ended++;
            if (!oldest || x->heard_ms < oldest->heard_ms) oldest = x;
        } else if (now_ms - x->heard_ms > BREAK_MS && programme_segments(x->programme) && nobody_publishes(x)) {
            programme_end(x->programme);
            if (x->running && desk_room(d, x->room)) {
                (void)!post(desk_room(d, x->room), MEDIA_LIVE_STOP, (struct media_live_params){.lecture = x->running});
                x->running = 0;
            }
            if (d->watch.news) d->watch.news(d->watch.ctx, x->programme);
        } else if (!programme_segments(x->programme) && !desk_room(d, x->room) && now_ms - x->heard_ms > KEPT_MS) {
            lecture_free(d, x);
        }
    }
    if (ended > KEPT_MAX) lecture_free(d, oldest);
}

void lecture_free_all(struct desk *d)
{
    struct lecture *x, *next;
    HASH_ITER(hh, d->lectures, x, next)
        lecture_free(d, x);
}

/* ---- who watches ---- */
struct asking {
    struct desk *desk;
    desk_watch_done done;
    void *ctx;
};

static void answered(void *ctx, struct reply *reply)
{
    struct asking *a = ctx;
    struct fault f = reply->fault;
    struct desk_watch_made made = {0};
    const char *room = json_string_value(json_object_get(reply->result, "room_id")), *name = json_string_value(json_object_get(reply->result, "name"));
    if (reply->error) fault_set(&f, reply->error, reply->fault.reason, "%s", reply->fault.text);
    else if (!json_is_true(json_object_get(reply->result, "watch"))) fault_set(&f, ERR_DENIED, "no_watch", "The token does not allow this.");
    else if (json_is_string(json_object_get(reply->result, "case_id")))
        fault_set(&f, ERR_DENIED, "case_room", "A consultation is no lecture; it is entered with a seat.");
    else if (!room || id_parse(room, &made.room)) fault_set(&f, ERR_UNAVAILABLE, "busy", "The room is not known now.");
    made.until_ms = json_integer_value(json_object_get(reply->result, "expires_ms"));
    made.name = name ? name : "";
    a->done(a->ctx, f.code ? &f : NULL, f.code ? NULL : &made);
    free(a);
}

void desk_watch(struct desk *d, const struct desk_watch_ask *w, desk_watch_done done, void *ctx)
{
    struct asking *a = malloc(sizeof *a);
    if (!a) abort();
    *a = (struct asking){d, done, ctx};
    if (w->by_session) ask(&d->asker, "room.watch", w->credential, json_pack("{s:s}", "room", w->room), answered, a);
    else ask_system(&d->asker, "room.token_check", json_pack("{s:s,s:s}", "token", w->credential, "room", w->room), answered, a);
}

struct programme *desk_programme(struct desk *d, uint64_t room)
{
    return taken_up(d, lecture_find(d, room));
}

bool desk_programme_dark(struct desk *d, uint64_t room)
{
    struct lecture *x = lecture_find(d, room);
    struct programme_now now = {0};
    if (x) programme_now(x->programme, &now);
    return x && x->running && x->tracks[MEDIA_VIDEO].v && (!now.width || now.shown_us < DARK_US);
}

struct programme *desk_programme_wait(struct desk *d, uint64_t room)
{
    struct lecture *x = lecture_find(d, room);
    return taken_up(d, x ? x : lecture_make(d, room));
}

struct programme *desk_programme_aac(struct desk *d, uint64_t room)
{
    struct lecture *x = lecture_find(d, room);
    if (!x) return NULL;
    if (!x->aac && !programme_ended(x->programme)) x->aac = programme_new(d->shelf);
    (void)taken_up(d, x);
    return x->aac;
}

void desk_watch_serve(struct desk *d, const struct desk_watch_events *events, struct shelf *shelf)
{
    d->watch = *events;
    d->shelf = shelf;
}
