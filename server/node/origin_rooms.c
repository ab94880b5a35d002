/* Rooms whose tracks edges are sent as they come: the desk's offers go out, their answers come back. */
#include "server/node/origin_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct passed *passed_of(const struct link *k, uint64_t room)
{
    struct passed *x = NULL;
    HASH_FIND(hh, k->passes, &room, sizeof room, x);
    return x;
}

void link_unpass(struct link *k, struct passed *x)
{
    uint64_t room = x->room, relay = x->relay;
    HASH_DEL(k->passes, x);
    free(x);
    if (!followed_of(k, room)) (void)placement_room(&k->origin->placement, k->id, room, false);
    desk_relay_close(k->origin->config.desk, room, relay);
}

/* Asked again, it begins anew: the edge has lost it. */
void link_pass(struct link *k, uint64_t room)
{
    struct passed *x = passed_of(k, room);
    if (x) link_unpass(k, x);
    if (HASH_COUNT(k->passes) >= PLACEMENT_ROOMS_MAX || !room || !(x = calloc(1, sizeof *x))) return;
    x->room = room;
    x->relay = desk_relay_open(k->origin->config.desk, room);
    if (!x->relay) {
        free(x);
        link_say(k, &(struct node_message){.verb = NODE_LOST, .room = (int64_t)room});
        return;
    }
    HASH_ADD(hh, k->passes, room, sizeof x->room, x);
    (void)placement_room(&k->origin->placement, k->id, room, true);
}

static struct passed *passed_by(struct origin *o, uint64_t room, uint64_t relay, struct link **by)
{
    for (struct link *k = o->links; k; k = k->hh.next) {
        struct passed *x = passed_of(k, room);
        *by = k;
        if (x && x->relay == relay) return x;
    }
    return NULL;
}

void origin_relay_offer(void *ctx, const struct desk_relay_offer *f)
{
    struct link *k;
    struct share *sdp = passed_by(ctx, f->room, f->relay, &k) ? share_new(f->sdp, strlen(f->sdp)) : NULL;
    struct node_message m = {.verb = NODE_OFFER, .room = (int64_t)f->room, .number = f->version, .bytes = sdp ? (int64_t)sdp->len : 0};
    if (!sdp) return;
    for (size_t i = 0; i < f->n; i++) {
        const struct desk_relay_line *x = &f->lines[i];
        link_say(k, &(struct node_message){.verb = NODE_LINE, .room = (int64_t)f->room, .line = x->line, .track = (int64_t)x->track, .seat = (int64_t)x->seat,
                                      .layer = x->layer, .layers = x->layers, .value = x->value});
    }
    snprintf(m.address, sizeof m.address, "%s", f->addresses);
    link_say(k, &m);
    (void)net_ws_send_share(k->ws, sdp);
    share_unref(sdp);
}

void origin_relay_ended(void *ctx, uint64_t room, uint64_t relay)
{
    struct link *k;
    struct passed *x = passed_by(ctx, room, relay, &k);
    if (!x) return; /* it was us */
    HASH_DEL(k->passes, x);
    free(x);
    link_say(k, &(struct node_message){.verb = NODE_LOST, .room = (int64_t)room});
}

void link_layers(struct link *k, const struct node_message *m)
{
    const struct passed *x = passed_of(k, (uint64_t)m->room);
    if (x) desk_relay_layers(k->origin->config.desk, x->room, x->relay, (uint64_t)m->track, (unsigned)m->layers);
}
