#include "server/room/desk_private.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
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

/* ---- rooms ---- */

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
    seat_quality_note(l, k);
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

void desk_step_quietly(struct live *l, struct room_event e)
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
        if (room_next_ms(&l->room) <= now_ms) desk_step_quietly(l, (struct room_event){.type = ROOM_TICK});
        seat_quality_tick(l, now_ms);
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

void desk_free(struct desk *d)
{
    if (!d) return;
    HASH_CLEAR(hh, d->clients);
    struct live *l, *next;
    HASH_ITER(hh, d->rooms, l, next)
    {
        HASH_DEL(d->rooms, l);
        for (struct link *k; (k = l->links) || (k = l->audience); desk_link_free_quietly(l, k)) {}
        free(l);
    }
    while (d->echos) {
        struct echo *e = d->echos;
        d->echos = e->next;
        free(e);
    }
    free(d);
}
