/* Another node where a room is watched: it is sent every layer of every track that somebody there has use for, each once, by a peer whose
 * feeds are bound to one layer. The room's downlink does the rest: our offers, its answers. */
#include "server/base/log.h"
#include "server/room/desk_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct relay_tap {
    uint64_t wires[DESK_RELAY_LINES]; /* track and layer (or size inside the one stream), that somebody there has use for */
    size_t n;
};

/* Ids grow by one; with their lowest two bits free they name the layers too. */
static uint64_t wire_of(uint64_t track, unsigned layer)
{
    return track << 2 | layer;
}

static bool of_use(const struct relay_tap *t, uint64_t wire)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->wires[i] == wire) return true;
    return false;
}

/* Of one stream with sizes inside, the largest that somebody there has use for; of streams of one size each there is no more to say. */
static uint8_t largest_of_use(const struct relay_tap *tap, const struct uplink_track *t)
{
    unsigned i = MEDIA_RIDS_MAX - 1;
    while (t->layers == 1 && i && !of_use(tap, wire_of(t->id.v, i)))
        i--;
    return (uint8_t)i;
}

/* What a viewer there would be shown first; as desk_machine.c has it, but for the seat whose picture he has already. */
static uint8_t score(const struct live *l, const struct room_seat *s, enum room_source source)
{
    return (uint8_t)(1 + (s->role == ROLE_MACHINE) + 2 * (l->room.spotlight == s->id) + (source == SOURCE_SCREEN ? 8 : source == SOURCE_CAMERA2 ? 6 : 0));
}

struct lines {
    size_t n;
    struct downlink_want wants[DESK_RELAY_LINES];
    struct desk_relay_line lines[DESK_RELAY_LINES];
};

static void add(struct lines *out, const struct live *l, const struct relay_tap *tap, const struct room_seat *s, const struct link *from, int source)
{
    const struct uplink_track *t = &from->up.tracks[source];
    for (unsigned i = 0; i < t->layers && out->n + t->layers - i <= DESK_RELAY_LINES; i++) {
        struct downlink_want *w = &out->wants[out->n];
        uint64_t wire = wire_of(t->id.v, i);
        *w = (struct downlink_want){.wire = wire, .seat = s->id, .source = (enum room_source)source, .track = t->id, .layer = largest_of_use(tap, t), .exact = (uint8_t)(i + 1),
                                    .paused = !of_use(tap, wire), .value = (uint8_t)(MEDIA_RIDS_MAX - i)}; /* on a thin link the small ones go first */
        out->lines[out->n++] = (struct desk_relay_line){.track = t->id.v, .seat = s->id, .layer = (uint8_t)i, .layers = (uint8_t)t->layers,
                                                        .value = score(l, s, (enum room_source)source)};
    }
}

static void lines_of(struct live *l, const struct link *k, struct lines *out)
{
    size_t tracks = 0;
    out->n = 0;
    for (const struct link *from = l->links; from; from = from->next) {
        const struct room_seat *s = room_seat(&l->room, from->seat);
        for (int i = 0; s && s->state == SEAT_ADMITTED && i < SOURCE_COUNT; i++)
            if (s->tracks[i].on && from->up.tracks[i].id.v && tracks++ < DESK_RELAY_TRACKS) add(out, l, k->relay, s, from, i);
    }
}

/* Which m-line of the offer a line is. */
static int slot_of(const struct downlink *d, uint64_t wire)
{
    for (size_t i = 0; i < d->n_slots; i++)
        if (d->slots[i].used && d->slots[i].want.wire == wire) return (int)i;
    return -1;
}

static void addresses(struct desk *d, char *out, size_t cap)
{
    struct media_candidate c[MEDIA_CANDIDATES_MAX];
    size_t n = plane_candidates(&d->plane, PLANE_HERE, c), at = 0;
    out[0] = 0;
    for (size_t i = 0, told = 0; i < n && told < MEDIA_DIAL_MAX; i++)
        if (!c[i].tcp && at + sizeof c[i].address + 8 < cap) {
            at += (size_t)snprintf(out + at, cap - at, "%s%s %u", told ? " " : "", c[i].address, c[i].port);
            told++;
        }
}

static void offer(struct live *l, struct link *k, struct lines *x)
{
    char at[DESK_RELAY_ADDRESS], *text = downlink_offer(&k->down);
    size_t n = 0;
    if (!text) return;
    for (size_t i = 0; i < x->n; i++) {
        int slot = slot_of(&k->down, x->wants[i].wire);
        if (slot < 0) continue;
        x->lines[n] = x->lines[i];
        x->lines[n++].line = (uint8_t)slot;
    }
    addresses(l->desk, at, sizeof at);
    struct desk_relay_offer o = {l->room.id.v, k->seat, k->down.version, text, at, x->lines, n};
    l->desk->relays.offer(l->desk->relays.ctx, &o);
    free(text);
}

void relay_look(struct live *l, struct link *k)
{
    struct lines x;
    lines_of(l, k, &x);
    if (downlink_want(&k->down, x.wants, x.n)) offer(l, k, &x);
}

void relay_ended(struct link *k)
{
    const struct desk *d = k->live->desk;
    if (k->relay && k->seat && d->relays.ended) d->relays.ended(d->relays.ctx, k->live->room.id.v, k->seat);
}

/* ---- for the nodes ---- */
static struct link *relay_of(struct desk *d, uint64_t room, uint64_t relay, struct live **l)
{
    *l = desk_room(d, room);
    struct link *k = *l ? desk_link(*l, relay) : NULL;
    return k && k->relay ? k : NULL;
}

uint64_t desk_relay_open(struct desk *d, uint64_t room)
{
    struct live *l = desk_room_open(d, (struct room_id){room});
    struct link *k = l && !l->room.case_id.v ? desk_audience_open(l) : NULL;
    if (!k) return 0;
    k->relay = calloc(1, sizeof *k->relay);
    if (!k->relay || downlink_renew(&k->down)) {
        desk_link_free(l, k);
        return 0;
    }
    desk_audience_enter(k);
    media_tracks_changed(l); /* its offer comes when the id is known */
    return k->seat;
}

void desk_relay_close(struct desk *d, uint64_t room, uint64_t relay)
{
    struct live *l;
    struct link *k = relay_of(d, room, relay, &l);
    if (k) desk_link_free(l, k);
}

int desk_relay_answer(struct desk *d, uint64_t room, uint64_t relay, const struct desk_relay_said *said, struct fault *f)
{
    struct live *l;
    struct sdp *answer;
    struct link *k = relay_of(d, room, relay, &l);
    if (!k) return 0; /* it ended meanwhile */
    int rc = sdp_parse(&answer, said->sdp, said->len, f);
    if (rc) return rc;
    rc = downlink_answer(&k->down, answer, said->version, f);
    sdp_free(answer);
    return rc;
}

void desk_relay_layers(struct desk *d, uint64_t room, uint64_t relay, uint64_t track, unsigned layers)
{
    struct live *l;
    struct link *k = relay_of(d, room, relay, &l);
    struct relay_tap *t = k ? k->relay : NULL;
    if (!t) return;
    for (size_t i = 0; i < t->n;)
        if (t->wires[i] >> 2 == (track << 2) >> 2) t->wires[i] = t->wires[--t->n];
        else i++;
    for (unsigned i = 0; i < MEDIA_RIDS_MAX && t->n < DESK_RELAY_LINES; i++)
        if (layers & 1u << i) t->wires[t->n++] = wire_of(track, i);
    relay_look(l, k);
}

void desk_relay_serve(struct desk *d, const struct desk_relay_events *events)
{
    d->relays = *events;
}
