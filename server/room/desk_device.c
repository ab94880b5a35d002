/* Devices in a room: a host fetches an endoscope's or an ultrasound machine's stream; it has a machine's seat, shown before faces. Which
 * addresses there are, the administrator has entered (records/work/device.c); nothing else is ever fetched. */
#include "server/base/log.h"
#include "server/room/desk_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 4 /* of one room */

static const enum room_source sources[2] = {[MEDIA_AUDIO] = SOURCE_MIC, [MEDIA_VIDEO] = SOURCE_CAMERA2};

/* ---- how it is ---- */
static const char *word_of(const struct media_event *e)
{
    static const char *const whys[] = {"internal", "unreachable", "refused", "not_found", "format", "ended"};
    if (e->intake.state == MEDIA_INTAKE_RUNNING) return "running";
    if (e->intake.state == MEDIA_INTAKE_CONNECTING || (size_t)e->intake.why >= sizeof whys / sizeof *whys) return "connecting";
    return whys[e->intake.why];
}

static void show_tracks(struct live *l, struct link *k, bool running)
{
    for (int i = 0; i < 2; i++) {
        const struct room_seat *s = room_seat(&l->room, k->seat);
        struct room_event e = {.type = ROOM_TRACK, .seat = k->seat, .source = sources[i], .on = running && k->codec_known[sources[i]]};
        if (!s || s->tracks[sources[i]].on == e.on) continue;
        if (desk_step(l, &e, NULL)) return;
        if (e.on) record_track(l, k, sources[i]);
    }
}

void device_event(struct live *l, struct link *k, const struct media_event *e)
{
    struct room_seat *s = room_seat(&l->room, k->seat);
    if (!k->device || !s) return;
    if (e->type == MEDIA_INTAKE) {
        s->device = word_of(e);
        desk_tell_room(l, (struct desk_tell){.type = TELL_SEAT, .seat = s});
        desk_note(l, k->seat, "device", json_pack("{s:s}", "state", s->device));
    }
    show_tracks(l, k, s->device && strcmp(s->device, "running") == 0);
}

void device_close(struct link *k)
{
    if (k->device && k->up.peer.v) media_intake_stop(k->live->desk->plane.media, k->live->room.id, k->up.peer);
    if (k->device) k->up.peer.v = 0;
}

/* ---- a host asks ---- */
struct fetching {
    struct desk *desk;
    uint64_t room, device;
    desk_device_done done;
    void *ctx;
};

static struct link *device_link(struct live *l, uint64_t device)
{
    for (struct link *k = l->links; k; k = k->next)
        if (k->device == device) return k;
    return NULL;
}

static size_t device_count(struct live *l)
{
    size_t n = 0;
    for (struct link *k = l->links; k; k = k->next)
        n += k->device != 0;
    return n;
}

/* The media plane has opened its tracks; whoever passes them on has to know. */
static void tell_plane(struct live *l, const struct media_intake_params *p)
{
    struct media_cmd picture = {.type = MEDIA_TRACK_OPEN, .room = l->room.id, .track_open = {.peer = p->peer, .track = p->picture, .kind = MEDIA_VIDEO}};
    struct media_cmd voice = {.type = MEDIA_TRACK_OPEN, .room = l->room.id, .track_open = {.peer = p->peer, .track = p->voice, .kind = MEDIA_AUDIO}};
    plane_opened(&l->desk->plane, &picture);
    plane_opened(&l->desk->plane, &voice);
}

/* It sits down first, so that whoever is here sees what is being tried. */
static int seat_device(struct live *l, uint64_t device, const char *name, const char *url, struct fault *f)
{
    struct room_event e = {.type = ROOM_JOIN, .seat = id_new(), .join = {.role = ROLE_MACHINE}};
    struct link *k = desk_link_open(l, e.seat);
    if (!k) return fault_set(f, ERR_UNAVAILABLE, "busy", "Out of memory.");
    snprintf(e.join.person.name, sizeof e.join.person.name, "%s", name);
    k->machine = true;
    k->device = device;
    k->until_ms = INT64_MAX;
    if (desk_step(l, &e, f)) { /* the room is full or over */
        desk_link_free(l, k);
        return f->code;
    }
    struct media_intake_params p = {.room = l->room.id, .peer = {id_new()}, .picture = {id_new()}, .voice = {id_new()}, .url = url};
    k->up.peer = p.peer;
    k->up.tracks[SOURCE_CAMERA2].id = p.picture;
    k->up.tracks[SOURCE_MIC].id = p.voice;
    struct room_seat *s = room_seat(&l->room, e.seat);
    if (s) s->device = "connecting";
    if (s) desk_tell_room(l, (struct desk_tell){.type = TELL_SEAT, .seat = s});
    if (media_intake_start(l->desk->plane.media, &p) == 0) {
        tell_plane(l, &p);
        return 0;
    }
    machine_leave(k);
    return fault_set(f, ERR_UNAVAILABLE, "no_intake", "This server cannot fetch devices' streams.");
}

static void opened(void *ctx, struct reply *reply)
{
    struct fetching *w = ctx;
    struct fault f = reply->fault;
    struct live *l = desk_room(w->desk, w->room);
    const char *name = json_string_value(json_object_get(reply->result, "name")), *url = json_string_value(json_object_get(reply->result, "url"));
    if (reply->error) fault_set(&f, reply->error, reply->fault.reason, "%s", reply->fault.text);
    else if (!l || !url) fault_set(&f, ERR_GONE, "room_closed", "This room has ended.");
    else if (!device_link(l, w->device)) (void)!seat_device(l, w->device, name ? name : "", url, &f);
    w->done(w->ctx, f.code ? &f : NULL);
    free(w);
}

static int may(struct desk *d, uint64_t client, struct live **l, const struct room_seat **s, struct fault *f)
{
    const struct link *k = desk_client(d, client, l);
    *s = k ? room_seat(&(*l)->room, k->seat) : NULL;
    if (*s && (*s)->state == SEAT_WAITING) return fault_set(f, ERR_NOT_ALLOWED_NOW, "waiting", "You are not in the room yet.");
    if (!*s || (*s)->state != SEAT_ADMITTED) return fault_set(f, ERR_NOT_ALLOWED_NOW, "not_joined", "Join a room first.");
    return room_is_host(&(*l)->room, *s) ? 0 : fault_set(f, ERR_DENIED, "not_host", "The host does that.");
}

void desk_device(struct desk *d, const struct desk_device_ask *a, desk_device_done done, void *ctx)
{
    struct fault f = {0};
    struct live *l;
    const struct room_seat *s;
    struct link *k = NULL;
    if (may(d, a->client, &l, &s, &f) || (k = device_link(l, a->device)) || !a->on) {
        if (k && !a->on) machine_leave(k);
        done(ctx, f.code ? &f : NULL);
        return;
    }
    if (device_count(l) >= DEVICES_MAX) {
        fault_set(&f, ERR_NOT_ALLOWED_NOW, "too_many_devices", "A room shows four devices at most.");
        done(ctx, &f);
        return;
    }
    struct fetching *w = malloc(sizeof *w);
    if (!w) abort();
    *w = (struct fetching){d, l->room.id.v, a->device, done, ctx};
    ask_system(&d->asker, "device.open", json_pack("{s:o,s:o,s:o}", "device_id", desk_id(a->device), "org_id", desk_id(s->person.org_id.v), "person_id", desk_id(s->person.id.v)), opened, w);
}
