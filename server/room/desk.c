#include "server/room/desk_private.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define EMPTY_MS 5000
#define SHOW_EVERY_MS 33

int64_t desk_now_ms(void)
{
    return clock_now_ms(&clock_system);
}

json_t *desk_id(uint64_t id)
{
    char text[ID_TEXT_BYTES];
    id_format(id, text);
    return json_string(text);
}

/* ---- finding ---- */

struct live *desk_room(struct desk *d, uint64_t id)
{
    struct live *l = NULL;
    HASH_FIND(hh, d->rooms, &id, sizeof id, l);
    return l;
}

struct live *desk_room_open(struct desk *d, struct room_id id)
{
    struct live *l = desk_room(d, id.v);
    if (l || !(l = calloc(1, sizeof *l))) return l;
    room_init(&l->room, id);
    l->room.layered = d->config.layered;
    l->desk = d;
    l->begun_ms = desk_now_ms();
    HASH_ADD(hh, d->rooms, room.id.v, sizeof l->room.id.v, l);
    metric_add(d->m_rooms, 1);
    return l;
}

struct link *desk_link(struct live *l, uint64_t seat)
{
    struct link *k = l->links;
    while (k && k->seat != seat)
        k = k->next;
    if (!k) HASH_FIND(hh, l->audience, &seat, sizeof seat, k);
    return k;
}

static struct link *link_new(struct live *l)
{
    struct link *k = calloc(1, sizeof *k);
    if (!k) return NULL;
    k->live = l;
    uplink_init(&k->up, &l->desk->plane, l->room.id);
    downlink_init(&k->down, &l->desk->plane, l->room.id);
    return k;
}

struct link *desk_link_open(struct live *l, uint64_t seat)
{
    struct link *k = desk_link(l, seat);
    if (k || !(k = link_new(l))) return k;
    k->seat = seat;
    k->next = l->links;
    l->links = k;
    metric_add(l->desk->m_seats, 1);
    return k;
}

struct link *desk_audience_open(struct live *l)
{
    struct link *k = link_new(l);
    if (k) k->machine = k->watch = k->audience = true;
    return k;
}

void desk_audience_enter(struct link *k)
{
    k->seat = k->down.peer.v;
    HASH_ADD(hh, k->live->audience, seat, sizeof k->seat, k);
    metric_add(k->live->desk->m_audience, 1);
}

static void link_release(struct link *k)
{
    downlink_free(&k->down);
    watcher_free(&k->watcher);
    free(k->relay);
    json_decref(k->stats);
    free(k->trails);
    free(k);
}

static void audience_free(struct live *l, struct link *k)
{
    if (k->seat) {
        HASH_DELETE(hh, l->audience, k);
        metric_add(l->desk->m_audience, -1);
    }
    relay_ended(k);
    link_release(k);
}

static void seat_free(struct live *l, struct link *k)
{
    struct link **at = &l->links;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    desk_link_client(k, 0);
    media_seat_closed(l, k);
    metric_add(l->desk->m_seats, -1);
    link_release(k);
}

void desk_link_free(struct live *l, struct link *k)
{
    if (k->audience) audience_free(l, k); /* nobody sends to it or gets anything from it */
    else seat_free(l, k);
}

struct link *desk_client(struct desk *d, uint64_t client, struct live **room)
{
    struct link *k = NULL;
    HASH_FIND(hh, d->clients, &client, sizeof client, k);
    if (k) *room = k->live;
    return k;
}

void desk_link_client(struct link *k, uint64_t client)
{
    struct desk *d = k->live->desk;
    if (k->client) HASH_DELETE(hh, d->clients, k);
    k->client = client;
    if (client) HASH_ADD(hh, d->clients, client, sizeof k->client, k);
}

/* ---- telling ---- */

void desk_tell_seat(struct live *l, struct link *k, struct desk_tell t)
{
    if (!k || !k->client) return;
    t.room = &l->room;
    t.to = room_seat(&l->room, k->seat);
    l->desk->config.tell(l->desk->config.ctx, k->client, &t);
}

void desk_tell_room(struct live *l, struct desk_tell t)
{
    for (struct link *k = l->links; k; k = k->next) {
        const struct room_seat *s = room_seat(&l->room, k->seat);
        if (s && s->state == SEAT_ADMITTED) desk_tell_seat(l, k, t);
    }
}

/* ---- the records plane hears ---- */

static void remember(struct live *l, uint64_t seat, const char *event)
{
    const struct link *k = desk_link(l, seat);
    if (k && k->machine) return; /* a machine has a token, no ticket */
    ask_surely(&l->desk->asker, "room.seat",
               json_pack("{s:o,s:o,s:s}", "room_id", desk_id(l->room.id.v), "seat_id", desk_id(seat), "event", event), NULL, NULL);
}

static void news(struct live *l, enum room_news what)
{
    static const char *const words[] = {"interrupted", "resumed", "ended"};
    if (!l->room.case_id.v && what != NEWS_ENDED) return;
    ask_surely(&l->desk->asker, "room.news", json_pack("{s:o,s:s}", "room_id", desk_id(l->room.id.v), "what", words[what]), NULL, NULL);
}

void desk_note(struct live *l, uint64_t seat, const char *kind, json_t *detail)
{
    const struct link *k = desk_link(l, seat);
    json_t *args = json_pack("{s:o,s:s}", "room_id", desk_id(l->room.id.v), "kind", kind);
    char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
    if (seat && !(k && k->machine)) json_object_set_new(args, "seat_id", desk_id(seat));
    if (text) json_object_set_new(args, "detail", json_string(text));
    free(text);
    json_decref(detail);
    ask_system(&l->desk->asker, "room.note", args, NULL, NULL);
}

static json_t *note_detail(const struct live *l, const char *kind)
{
    if (strcmp(kind, "shown")) return NULL;
    return json_pack("{s:o,s:i}", "document_id", desk_id(l->room.show.document), "page", l->room.show.page);
}

/* ---- effects ---- */

static void seat_left(struct live *l, uint64_t seat, const char *why)
{
    struct link *k = desk_link(l, seat);
    struct desk_tell t = {.type = TELL_LEFT, .seat_id = seat, .why = why};
    desk_tell_room(l, t);
    if (!k) return;
    uint64_t client = k->client;
    desk_tell_seat(l, k, t);
    media_quality_note(l, k);
    desk_link_free(l, k);
    if (client) l->desk->config.close(l->desk->config.ctx, client, 1000);
}

/* A pointer moves faster than anyone sees: the newest place goes out at most 30 times a second. */
static void show_now(void *arg)
{
    struct desk *d = arg;
    for (struct live *l = d->rooms; l; l = l->hh.next) {
        if (!l->show_due) continue;
        l->show_due = false;
        l->show_ms = desk_now_ms();
        desk_tell_room(l, (struct desk_tell){.type = TELL_SHOW});
    }
}

static void show_soon(struct live *l)
{
    int64_t wait_ms = l->show_ms + SHOW_EVERY_MS - desk_now_ms();
    if (l->show_due) return;
    l->show_due = true;
    if (wait_ms <= 0) show_now(l->desk);
    else net_timer_start(l->desk->config.net, (unsigned)wait_ms, show_now, l->desk);
}

static void carry_out(struct live *l, const struct room_effect *e)
{
    struct link *k = desk_link(l, e->seat);
    const struct room_seat *s = room_seat(&l->room, e->seat);
    switch (e->type) {
    case FX_SEAT: if (s) desk_tell_room(l, (struct desk_tell){.type = TELL_SEAT, .seat = s}); break;
    case FX_LEFT: seat_left(l, e->seat, e->why); break;
    case FX_STATE: desk_tell_room(l, (struct desk_tell){.type = TELL_STATE}); break;
    case FX_ADMITTED: desk_tell_seat(l, k, (struct desk_tell){.type = TELL_ADMITTED}); break;
    case FX_REFUSED: desk_tell_seat(l, k, (struct desk_tell){.type = TELL_REFUSED, .why = "refused"}); break;
    case FX_SHOW: show_soon(l); break;
    case FX_PAUSE: if (k) uplink_pause(&k->up, e->source, e->on); break;
    case FX_TRACKS: media_tracks_changed(l); break;
    case FX_RECORD_START: record_start(l); break;
    case FX_RECORD_STOP: record_stop(l); break;
    case FX_NEWS: news(l, e->news); break;
    case FX_SEEN: remember(l, e->seat, "entered"); break;
    case FX_REMEMBER: remember(l, e->seat, e->why); break;
    case FX_NOTE: desk_note(l, e->seat, e->why, note_detail(l, e->why)); break;
    }
}

void desk_effects(struct live *l, const struct room_effects *fx)
{
    for (size_t i = 0; i < fx->n; i++)
        carry_out(l, &fx->at[i]);
}

int desk_step(struct live *l, const struct room_event *e, struct fault *f)
{
    struct room_effects fx;
    int rc = room_step(&l->room, e, desk_now_ms(), &fx, f);
    if (rc == 0) desk_effects(l, &fx);
    return rc;
}

/* What the daemon itself does to a room can only miss a seat that has just gone. */
static void step_quietly(struct live *l, struct room_event e)
{
    if (desk_step(l, &e, NULL)) log_debug("desk", "an event for a seat that is gone");
}

int desk_act(struct desk *d, uint64_t client, const struct room_event *e, struct fault *f)
{
    struct live *l;
    const struct link *k = desk_client(d, client, &l);
    if (!k) return fault_set(f, ERR_NOT_ALLOWED_NOW, "not_joined", "Join a room first.");
    struct room_event mine = *e;
    mine.seat = k->seat;
    return desk_step(l, &mine, f);
}

/* ---- joining ---- */

struct joining {
    struct desk *desk;
    uint64_t client;
    desk_join_done done;
    void *ctx;
    char address[64];
};

static const char *text_of(const json_t *o, const char *name)
{
    const char *v = json_string_value(json_object_get(o, name));
    return v ? v : "";
}

static uint64_t id_of(const json_t *o, const char *name)
{
    uint64_t id = 0;
    return id_parse(text_of(o, name), &id) ? 0 : id;
}

static void take_room(struct room *r, const json_t *o)
{
    r->case_id.v = id_of(o, "case_id");
    r->host.v = id_of(o, "host_person_id");
    r->patient_consent = json_is_true(json_object_get(o, "recording_consent"));
    snprintf(r->title, sizeof r->title, "%s", text_of(o, "title"));
}

static void take_person(struct room_person *p, const json_t *o)
{
    const json_t *org = json_object_get(o, "org");
    *p = (struct room_person){.id.v = id_of(o, "id"), .org_id.v = id_of(org, "id")};
    snprintf(p->name, sizeof p->name, "%s", text_of(o, "name"));
    snprintf(p->title, sizeof p->title, "%s", text_of(o, "title"));
    snprintf(p->org, sizeof p->org, "%s", text_of(org, "name"));
}

static enum seat_role role_of(const char *word)
{
    for (enum seat_role r = ROLE_HOST; r <= ROLE_MEMBER; r++)
        if (strcmp(word, room_role_name(r)) == 0) return r;
    return ROLE_GUEST;
}

static void take_client(struct live *l, struct link *k, const struct joining *j)
{
    uint64_t before = k->client, client = j->client;
    desk_link_client(k, client);
    k->up.near = k->down.near = plane_near(&l->desk->plane, j->address);
    k->subscribed = false;
    k->n_wishes = k->n_steers = 0;
    k->mode = MODE_FULL;
    uplink_renew(&k->up);
    if (before && before != client) l->desk->config.close(l->desk->config.ctx, before, 4010);
}

static void seat_taken(struct joining *j, const json_t *answer, struct fault *f)
{
    struct desk *d = j->desk;
    const json_t *room = json_object_get(answer, "room");
    struct live *l = desk_room_open(d, (struct room_id){id_of(room, "id")});
    struct room_event e = {.type = ROOM_JOIN, .seat = id_of(answer, "seat_id")};
    struct room_effects fx;
    struct live *other;
    const struct link *held = desk_client(d, j->client, &other);
    if (held && held->seat != e.seat) {
        fault_set(f, ERR_NOT_ALLOWED_NOW, "has_seat", "This connection has a seat already; use another connection.");
        return;
    }
    if (!l) {
        fault_set(f, ERR_UNAVAILABLE, "busy", "Out of memory.");
        return;
    }
    take_room(&l->room, room);
    take_person(&e.join.person, json_object_get(answer, "person"));
    e.join.role = role_of(text_of(answer, "role"));
    e.join.admitted_before = json_is_true(json_object_get(answer, "admitted"));
    if (room_step(&l->room, &e, desk_now_ms(), &fx, f)) return;
    struct link *k = desk_link_open(l, e.seat);
    if (!k) abort();
    take_client(l, k, j);
    bool in = room_seat(&l->room, e.seat)->state == SEAT_ADMITTED;
    struct desk_joined joined = {l->room.id.v, e.seat, text_of(answer, "resume"), in ? &l->room : NULL};
    j->done(j->ctx, NULL, &joined);
    desk_effects(l, &fx);
}

static void entered(void *ctx, struct reply *reply)
{
    struct joining *j = ctx;
    struct desk *d = j->desk;
    struct fault f = reply->fault;
    if (reply->error) fault_set(&f, reply->error, reply->fault.reason, "%s", reply->fault.text);
    if (d->config.alive(d->config.ctx, j->client)) {
        if (!reply->error) seat_taken(j, reply->result, &f);
        if (f.code) j->done(j->ctx, &f, NULL);
    }
    free(j);
}

void desk_join(struct desk *d, const struct desk_join *j, desk_join_done done, void *ctx)
{
    struct joining *p = malloc(sizeof *p);
    if (!p) abort();
    *p = (struct joining){d, j->client, done, ctx, ""};
    snprintf(p->address, sizeof p->address, "%s", j->address);
    json_t *args = json_pack("{s:s}", "ticket", j->ticket);
    if (j->person.v) json_object_set_new(args, "person_id", desk_id(j->person.v));
    if (*j->resume) json_object_set_new(args, "resume", json_string(j->resume));
    if (*j->device) json_object_set_new(args, "device", json_string(j->device));
    ask_system(&d->asker, "room.enter", args, entered, p);
}

void desk_gone(struct desk *d, uint64_t client)
{
    struct live *l;
    struct link *k = desk_client(d, client, &l);
    echo_gone(d, client, (struct peer_id){0});
    if (!k) return;
    desk_link_client(k, 0);
    step_quietly(l, (struct room_event){.type = ROOM_LOST, .seat = k->seat});
}

/* ---- who may still be here ---- */

struct checking {
    struct desk *desk;
    uint64_t room;
};

static void checked(void *ctx, struct reply *reply)
{
    struct checking *c = ctx;
    struct live *l = desk_room(c->desk, c->room);
    size_t i;
    json_t *seat;
    if (l && !reply->error) {
        take_room(&l->room, reply->result);
        if (!l->room.patient_consent && l->room.record != RECORD_OFF) step_quietly(l, (struct room_event){.type = ROOM_RECORD_FAILED});
        json_array_foreach(json_object_get(reply->result, "gone"), i, seat)
        {
            uint64_t id;
            if (id_parse(json_string_value(seat) ? json_string_value(seat) : "", &id) == 0 && room_seat(&l->room, id))
                step_quietly(l, (struct room_event){.type = ROOM_EXPELLED, .seat = id});
        }
        if (json_is_true(json_object_get(reply->result, "ended")) && l->room.state != ROOM_ENDED)
            step_quietly(l, (struct room_event){.type = ROOM_CLOSED});
    }
    free(c);
}

void desk_recheck(struct desk *d, uint64_t case_or_room)
{
    for (struct live *l = case_or_room ? d->rooms : NULL; l; l = l->hh.next) {
        if (l->room.case_id.v != case_or_room && l->room.id.v != case_or_room) continue;
        struct checking *c = malloc(sizeof *c);
        if (!c) return;
        *c = (struct checking){d, l->room.id.v};
        ask_system(&d->asker, "room.check", json_pack("{s:o}", "room_id", desk_id(l->room.id.v)), checked, c);
    }
}

/* ---- time ---- */

static void room_close(struct desk *d, struct live *l)
{
    struct media_cmd c = {.type = MEDIA_ROOM_CLOSE, .room = l->room.id};
    HASH_DEL(d->rooms, l);
    while (l->links)
        desk_link_free(l, l->links);
    while (l->audience)
        desk_link_free(l, l->audience);
    lecture_room_closed(l);
    if (plane_post(&d->plane, PLANE_HERE, &c)) log_warn("desk", "the media plane is busy; a room ends by itself");
    metric_add(d->m_rooms, -1);
    free(l);
}

static bool empty_for_long(struct live *l, int64_t now_ms)
{
    if (l->room.n_seats || l->audience || l->record_opening) l->empty_ms = 0;
    else if (!l->empty_ms) l->empty_ms = now_ms;
    return l->empty_ms && now_ms - l->empty_ms >= EMPTY_MS;
}

static void tick(void *arg)
{
    struct desk *d = arg;
    int64_t now_ms = desk_now_ms();
    for (struct live *l = d->rooms, *next; l; l = next) {
        next = l->hh.next;
        if (room_next_ms(&l->room) <= now_ms) step_quietly(l, (struct room_event){.type = ROOM_TICK});
        media_tick(l, now_ms);
        away_tick(l, now_ms);
        machine_tick(l, now_ms);
        if (empty_for_long(l, now_ms)) room_close(d, l);
    }
    echo_tick(d, now_ms);
    survey_tick(d, now_ms);
    lecture_tick(d, now_ms);
    net_timer_start(d->config.net, TICK_MS, tick, d);
}

/* ---- life ---- */

int desk_new(struct desk **out, const struct desk_config *config, struct fault *f)
{
    struct desk *d = *out = calloc(1, sizeof *d);
    if (!d) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    d->config = *config;
    d->asker = (struct asker){config->net, config->records, false};
    d->m_rooms = metric_gauge("yilian_rooms", "live rooms", NULL);
    d->m_seats = metric_gauge("yilian_room_seats", "seats in live rooms", NULL);
    d->m_audience = metric_gauge("yilian_room_audience", "sessions without a seat that watch a live room (WHEP)", NULL);
    net_timer_start(config->net, TICK_MS, tick, d);
    return 0;
}

void desk_media(struct desk *d, struct media *m)
{
    d->plane.media = m;
}

void desk_away(struct desk *d, const struct plane_away *away)
{
    d->plane.away = *away;
}

void desk_shut(struct desk *d)
{
    if (!d) return;
    d->asker.closed = true;
    survey_tick(d, INT64_MAX);
    lecture_free_all(d);
}

static void free_quietly(struct live *l, struct link *k) /* the media plane is gone */
{
    k->down.open = false;
    if (k->audience) HASH_DELETE(hh, l->audience, k);
    else l->links = k->next;
    link_release(k);
}

void desk_free(struct desk *d)
{
    if (!d) return;
    HASH_CLEAR(hh, d->clients);
    struct live *l, *next;
    HASH_ITER(hh, d->rooms, l, next)
    {
        HASH_DEL(d->rooms, l);
        for (struct link *k; (k = l->links) || (k = l->audience); free_quietly(l, k)) {}
        free(l);
    }
    while (d->echos) {
        struct echo *e = d->echos;
        d->echos = e->next;
        free(e);
    }
    free(d);
}
