/* Seats whose media is at an edge (server/node/spread.c). When it can no longer be there, the seat stays as it is and its page is told to make its
 * connections anew, which then end here; it goes elsewhere again when it joins the next time. */
#include "server/base/log.h"
#include "server/room/desk_private.h"
#include <stdlib.h>

#define CONNECT_MS 4000 /* of a page to an edge; a network that lets nobody through to it is not waited for longer */

static bool away(const struct link *k)
{
    return (k->up.peer.v && k->up.node) || (k->down.peer.v && k->down.node);
}

static void come_here(struct live *l, struct link *k)
{
    k->up.near = k->down.near = PLANE_HERE;
    k->away_ms = 0;
    if (!away(k)) return;
    uplink_renew(&k->up);
    desk_tell_seat(l, k, (struct desk_tell){.type = TELL_MOVED});
}

bool away_event(struct live *l, struct link *k, const struct media_event *e)
{
    bool up = k->up.peer.v == e->peer.v;
    if (!(up ? k->up.node : k->down.node)) return false;
    if (e->type == MEDIA_PEER_CONNECTED) *(up ? &k->up_there : &k->down_there) = e->peer.v;
    if (e->type != MEDIA_PEER_SILENT && e->type != MEDIA_PEER_FAILED) return false;
    if (!k->client) return false; /* its page is gone, or its whole network */
    log_info("desk", "a member does not reach an edge any more; its media comes here");
    come_here(l, k);
    return e->type == MEDIA_PEER_SILENT;
}

/* A page makes both connections at once, so one that stays behind cannot be made. */
static bool waits(const struct link *k)
{
    return (k->up.peer.v && k->up.node && k->up_there != k->up.peer.v) || (k->down.open && k->down.node && k->down_there != k->down.peer.v);
}

void away_tick(struct live *l, int64_t now_ms)
{
    for (struct link *k = l->links; k; k = k->next) {
        if (!k->client || !waits(k)) k->away_ms = 0;
        else if (!k->away_ms) k->away_ms = now_ms;
        else if (now_ms - k->away_ms >= CONNECT_MS) {
            log_info("desk", "a member does not reach an edge; its media comes here");
            come_here(l, k);
        }
    }
}

void desk_away_event(void *desk, const struct media_event *e)
{
    struct desk *d = desk;
    if (d->asker.closed) return;
    if (e->type == MEDIA_SURVEYED) surveyed(d, e->survey);
    else media_event_here(d, e);
}

void desk_away_moved(void *desk, struct room_id room, uint64_t node)
{
    struct desk *d = desk;
    struct live *l = d->asker.closed ? NULL : desk_room(d, room.v);
    for (struct link *k = l ? l->links : NULL; k; k = k->next)
        if (k->up.near == node || k->up.node == node || k->down.node == node) come_here(l, k);
}
