/* The live room's verbs, and what the desk tells its seats. */
#include "server/room/grade.h"
#include "server/signaling/signaling.h"
#include <stdlib.h>
#include <string.h>

static double number_arg(const json_t *args, const char *name, double otherwise)
{
    const json_t *v = json_object_get(args, name);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

/* ---- joining ---- */

struct joining {
    struct signaling *owner;
    uint64_t connection;
    int64_t id;
};

static void joined(void *ctx, const struct fault *f, const struct desk_joined *j)
{
    struct joining *w = ctx;
    struct connection *c = signaling_find(w->owner, w->connection);
    if (c) c->joining = false;
    if (c && f) {
        connection_refuse(c, w->id, f);
        connection_wrong(c, f);
    }
    if (c && j) {
        char seat[ID_TEXT_BYTES];
        id_format(j->seat, seat);
        c->joined = true;
        const struct room_seat *to = j->state ? room_seat((struct room *)j->state, j->seat) : NULL;
        connection_answer(c, w->id,
                          json_pack("{s:s,s:s,s:s,s:o,s:I,s:o}", "seat", seat, "resume", j->resume, "state", j->state ? "admitted" : "waiting", "room",
                                    j->state ? live_room(j->state, to, true) : json_null(), "server_ms", (json_int_t)clock_now_ms(&clock_system), "ice_servers",
                                    signaling_ice_servers(c->owner, seat)));
    }
    free(w);
}

/* A signed-in person's ticket is good on a connection of his own only; who is not signed in comes with a guest's. */
static void enter(struct connection *c, int64_t id, const json_t *args)
{
    struct joining *w = malloc(sizeof *w);
    struct desk_join j = {.ticket = verb_text(args, "ticket"), .resume = verb_text(args, "resume"), .client = c->id,
                          .device = verb_text(json_object_get(args, "device"), "name"), .address = c->address};
    if (!w) abort();
    *w = (struct joining){c->owner, c->id, id};
    if (c->person[0] && id_parse(c->person, &j.person.v)) j.person.v = 0;
    desk_join(signaling_desk(c->owner), &j, joined, w);
}

static void join(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    if (c->joining) {
        fault_set(&f, ERR_NOT_ALLOWED_NOW, "joining", "The ticket before is still being looked at.");
        connection_refuse(c, id, &f);
        return;
    }
    if (!connection_may_ask(c, id)) return;
    c->joining = true;
    if (c->credential[0] && !c->person[0]) connection_identify(c, id, args, enter);
    else enter(c, id, args); /* known since the upgrade; a session that ended since is noticed within CHECK_MS, as for everybody */
}

/* ---- verbs that are one event of the room ---- */

static void act(struct connection *c, int64_t id, struct room_event e)
{
    struct fault f = {0};
    if (desk_act(signaling_desk(c->owner), c->id, &e, &f)) connection_refuse(c, id, &f);
    else connection_answer(c, id, json_object());
}

static struct room_event event_of(enum room_event_type type, const json_t *args)
{
    int source = room_source_parse(verb_text(args, "source"));
    return (struct room_event){.type = type, .target = arg_id(args, "seat"), .source = source < 0 ? SOURCE_MIC : (enum room_source)source};
}

#define SEAT_VERB(name, type)                                                  \
    static void name(struct connection *c, int64_t id, const json_t *args)     \
    {                                                                          \
        act(c, id, event_of(type, args));                                      \
    }
SEAT_VERB(admit, ROOM_ADMIT)
SEAT_VERB(refuse, ROOM_REFUSE)
SEAT_VERB(remove_seat, ROOM_REMOVE)
SEAT_VERB(mute, ROOM_MUTE)
SEAT_VERB(lower_hand, ROOM_LOWER_HAND)
SEAT_VERB(spotlight, ROOM_SPOTLIGHT)
SEAT_VERB(end, ROOM_END)
SEAT_VERB(leave, ROOM_LEAVE)

#define SWITCH_VERB(name, type, member)                                        \
    static void name(struct connection *c, int64_t id, const json_t *args)     \
    {                                                                          \
        struct room_event e = event_of(type, args);                            \
        e.on = json_is_true(json_object_get(args, member));                    \
        act(c, id, e);                                                         \
    }
SWITCH_VERB(hand, ROOM_HAND, "up")
SWITCH_VERB(mute_self, ROOM_MUTE_SELF, "muted")
SWITCH_VERB(record, ROOM_RECORD, "on")
SWITCH_VERB(consent, ROOM_CONSENT, "agree")

static void show(struct connection *c, int64_t id, const json_t *args)
{
    const json_t *o = json_object_get(args, "show"), *pointer = json_object_get(o, "pointer");
    struct room_event e = {.type = ROOM_SHOW, .on = json_is_object(o)};
    e.show = (struct room_show){.document = arg_id(o, "document_id"), .page = (int)number_arg(o, "page", 1), .zoom = number_arg(o, "zoom", 1),
                                .x = number_arg(o, "x", 0.5), .y = number_arg(o, "y", 0.5), .pointer = json_is_object(pointer),
                                .pointer_x = number_arg(pointer, "x", 0), .pointer_y = number_arg(pointer, "y", 0)};
    act(c, id, e);
}

/* ---- the desk's voice ---- */

bool live_alive(void *ctx, uint64_t client)
{
    return signaling_find(ctx, client) != NULL;
}

struct closing {
    struct signaling *owner;
    uint64_t connection;
    int code;
};

static void close_now(void *arg)
{
    struct closing *w = arg;
    struct connection *c = signaling_find(w->owner, w->connection);
    if (c) net_ws_close(c->ws, w->code);
    free(w);
}

/* At the next turn of the loop: a verb that ends its own seat is answered first. */
void live_close(void *ctx, uint64_t client, int code)
{
    struct closing *w = malloc(sizeof *w);
    if (!w) abort();
    *w = (struct closing){ctx, client, code};
    net_timer_start(signaling_net(ctx), 0, close_now, w);
}

static json_t *speaking(const struct desk_tell *t)
{
    json_t *levels = json_object(), *speaker = json_null();
    char id[ID_TEXT_BYTES];
    for (size_t i = 0; i < t->n_levels; i++) {
        id_format(t->levels[i].seat, id);
        json_object_set_new(levels, id, json_integer(t->levels[i].level));
    }
    if (t->speaker) {
        id_format(t->speaker, id);
        speaker = json_string(id);
    }
    return json_pack("{s:o,s:o}", "seat", speaker, "levels", levels);
}

static json_t *qualities(const struct room *r)
{
    json_t *all = json_object();
    char id[ID_TEXT_BYTES];
    for (size_t i = 0; i < r->n_seats; i++) {
        if (r->seats[i].state == SEAT_WAITING) continue;
        id_format(r->seats[i].id, id);
        json_object_set_new(all, id, live_quality(&r->seats[i].quality));
    }
    return all;
}

static json_t *offer(const struct desk_tell *t)
{
    json_t *map = json_array();
    for (size_t i = 0; i < t->down->n_slots; i++) {
        const struct downlink_slot *s = &t->down->slots[i];
        char seat[ID_TEXT_BYTES], track[ID_TEXT_BYTES];
        if (!s->used) continue;
        id_format(s->want.seat, seat);
        id_format(s->want.wire, track);
        json_array_append_new(map, json_pack("{s:s,s:s,s:s,s:s}", "mid", s->mid, "seat", seat, "track", track, "source",
                                             room_source_name(s->want.source)));
    }
    return json_pack("{s:s,s:o,s:i}", "sdp", t->text, "map", map, "version", t->down->version);
}

static json_t *streams(const struct desk_tell *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n_streams; i++) {
        const struct room_stream *s = &t->streams[i];
        char track[ID_TEXT_BYTES], grade[2] = {s->grade, 0};
        id_format(s->track, track);
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:I,s:f,s:I,s:I}", "track", track, "grade", grade, "by", s->by, "reduced",
                                              stream_reduced_name((enum media_reduced)s->reduced), "bps", (json_int_t)s->bps, "loss",
                                              s->loss_permille / 1000.0, "delay_ms", (json_int_t)s->delay_ms, "frozen_ms", (json_int_t)s->frozen_ms));
    }
    return json_pack("{s:o,s:I}", "streams", list, "line_bps", (json_int_t)t->line_bps);
}

static json_t *wanted_layers(const struct desk_tell *t)
{
    json_t *layers = json_array();
    for (int i = 0; i < MEDIA_RIDS_MAX; i++)
        json_array_append_new(layers, json_boolean(t->layers >> i & 1));
    return json_pack("{s:s,s:o}", "source", room_source_name(t->source), "layers", layers);
}

static json_t *still(const struct desk_tell *t)
{
    char seat[ID_TEXT_BYTES];
    id_format(t->seat_id, seat);
    return json_pack("{s:s,s:s,s:s}", "seat", seat, "source", room_source_name(t->source), "jpeg_base64", t->text);
}

static json_t *left(const struct desk_tell *t)
{
    char seat[ID_TEXT_BYTES];
    id_format(t->seat_id, seat);
    return json_pack("{s:s,s:s}", "seat", seat, "reason", t->why);
}

static json_t *shown(const struct desk_tell *t)
{
    json_t *show = live_show(t->room, t->to), *by = json_object_get(show, "by");
    return json_pack("{s:o,s:o}", "by", by ? json_incref(by) : json_null(), "show", show);
}

void live_tell(void *ctx, uint64_t client, const struct desk_tell *t)
{
    struct connection *c = signaling_find(ctx, client);
    if (!c) return;
    switch (t->type) {
    case TELL_ADMITTED: connection_event(c, "room.admitted", json_pack("{s:o}", "room", live_room(t->room, t->to, true))); break;
    case TELL_REFUSED: connection_event(c, "room.refused", json_pack("{s:s}", "reason", t->why)); break;
    case TELL_SEAT: connection_event(c, "room.seat", live_seat(t->seat)); break;
    case TELL_LEFT: connection_event(c, "room.left", left(t)); break;
    case TELL_STATE: connection_event(c, "room.state", live_room(t->room, t->to, false)); break;
    case TELL_SHOW: if (t->to && t->to->role != ROLE_GUEST) connection_event(c, "room.show", shown(t)); break;
    case TELL_SPEAKING: connection_event(c, "room.speaking", speaking(t)); break;
    case TELL_QUALITY: connection_event(c, "room.quality", qualities(t->room)); break;
    case TELL_STILL: connection_event(c, "room.still", still(t)); break;
    case TELL_STREAMS: connection_event(c, "media.streams", streams(t)); break;
    case TELL_WANTED: connection_event(c, "media.wanted", wanted_layers(t)); break;
    case TELL_OFFER: connection_event(c, "media.offer", offer(t)); break;
    case TELL_MOVED: connection_event(c, "media.moved", json_object()); break;
    }
}

/* ---- the table ---- */

#define SOURCES "mic|camera|screen|camera2"
static const struct field device_args[] = {{"name", FIELD_TEXT, .max = 120}, {0}};
static const struct field join_args[] = {{"ticket", FIELD_TEXT, true, 1, 200, .help = "personal, from POST /cases/{case_id}/room/ticket or a guest's link"},
                                         {"resume", FIELD_TEXT, .max = 200, .help = "the secret of the seat held before"},
                                         {"last_seq", FIELD_INT, .help = "last event seen; the answer has the whole room anyway"},
                                         {"device", FIELD_OBJECT, .of = device_args},
                                         {0}};
static const struct field seat_args[] = {{"seat", FIELD_ID, true}, {0}};
static const struct field refuse_args[] = {{"seat", FIELD_ID, true}, {"reason", FIELD_TEXT, .max = 200}, {0}};
static const struct field spotlight_args[] = {{"seat", FIELD_ID, .help = "null = nobody"}, {0}};
static const struct field mute_args[] = {{"seat", FIELD_ID, true}, {"source", FIELD_ENUM, .choices = SOURCES, .help = "absent = mic"}, {0}};
static const struct field mute_self_args[] = {{"source", FIELD_ENUM, true, .choices = SOURCES}, {"muted", FIELD_BOOL, true}, {0}};
static const struct field hand_args[] = {{"up", FIELD_BOOL, true}, {0}};
static const struct field record_args[] = {{"on", FIELD_BOOL, true}, {0}};
static const struct field consent_args[] = {{"agree", FIELD_BOOL, true}, {0}};
static const struct field pointer_args[] = {{"x", FIELD_NUMBER, true, -1, 2}, {"y", FIELD_NUMBER, true, -1, 2}, {0}};
static const struct field shown_args[] = {{"document_id", FIELD_ID, true},        {"page", FIELD_INT, false, 1, 100000}, {"zoom", FIELD_NUMBER, false, 0, 100},
                                          {"x", FIELD_NUMBER, false, -10, 10},    {"y", FIELD_NUMBER, false, -10, 10},   {"pointer", FIELD_OBJECT, .of = pointer_args},
                                          {"by", FIELD_ID, .help = "passed over"}, {0}};
static const struct field show_args[] = {{"show", FIELD_OBJECT, .of = shown_args, .help = "null = stop showing"}, {0}};

const struct verb live_verbs[] = {
    {"room.join", join_args, join, "take the seat of a ticket"},
    {"room.leave", NULL, leave, "give the seat up"},
    {"room.admit", seat_args, admit, "host: let a waiting seat in"},
    {"room.refuse", refuse_args, refuse, "host: turn a waiting seat away"},
    {"room.remove", refuse_args, remove_seat, "host: send a seat out"},
    {"room.mute", mute_args, mute, "host: pass nothing of it on until its owner unmutes"},
    {"room.lower_hand", seat_args, lower_hand, "host"},
    {"room.spotlight", spotlight_args, spotlight, "host: whose picture everybody sees large"},
    {"room.end", NULL, end, "host: the session is over for all"},
    {"room.hand", hand_args, hand, "raise or lower one's own hand"},
    {"room.mute_self", mute_self_args, mute_self, "tell the others that a source is silent; nothing is sent meanwhile"},
    {"room.record", record_args, record, "host: ask everybody for a recording, or end it"},
    {"room.consent", consent_args, consent, "agree to the recording, refuse, or withdraw"},
    {"room.show", show_args, show, "host, expert: show a document to all; newest wins"},
    {0},
};
