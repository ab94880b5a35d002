/* The seats' connections and media, and the audience's: made, found, ended. */
#include "server/room/desk_private.h"
#include "server/base/metrics.h"
#include <stdlib.h>

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

void desk_link_free_quietly(struct live *l, struct link *k)
{
    k->down.open = false;
    if (k->audience) HASH_DELETE(hh, l->audience, k);
    else l->links = k->next;
    link_release(k);
}
