/* Who comes with a ticket, who loses his connection, and who may still be here: the records plane is asked, the room told. */
#include "server/room/desk_private.h"
#include <stdlib.h>
#include <string.h>

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
    desk_step_quietly(l, (struct room_event){.type = ROOM_LOST, .seat = k->seat});
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
        if (!l->room.patient_consent && l->room.record != RECORD_OFF) desk_step_quietly(l, (struct room_event){.type = ROOM_RECORD_FAILED});
        json_array_foreach(json_object_get(reply->result, "gone"), i, seat)
        {
            uint64_t id;
            if (id_parse(json_string_value(seat) ? json_string_value(seat) : "", &id) == 0 && room_seat(&l->room, id))
                desk_step_quietly(l, (struct room_event){.type = ROOM_EXPELLED, .seat = id});
        }
        if (json_is_true(json_object_get(reply->result, "ended")) && l->room.state != ROOM_ENDED)
            desk_step_quietly(l, (struct room_event){.type = ROOM_CLOSED});
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
