#include "server/node/host.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/node/parcel.h"
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define ROOMS_MAX 4096
#define PARCEL_MS 10 /* what is told meanwhile goes together */

struct host_room {
    UT_hash_handle hh; /* host.rooms, by id */
    uint64_t id;
};

struct host {
    struct net *net;
    struct media *media;
    struct host_link link;
    struct host_room *rooms;
    struct parcel parcel;
    bool flush_due, shut;
    int any; /* atomic: there are such rooms */
    struct metric *m_rooms;
};

static struct host_room *room_of(const struct host *h, uint64_t id)
{
    struct host_room *r = NULL;
    HASH_FIND(hh, h->rooms, &id, sizeof id, r);
    return r;
}

/* ---- events ---- */
static void flush(void *arg)
{
    struct host *h = arg;
    struct share *s = h->parcel.len ? share_new(h->parcel.bytes, h->parcel.len) : NULL;
    h->flush_due = false;
    h->parcel.len = 0;
    if (s && h->link.say) h->link.say(h->link.ctx, s);
    share_unref(s);
}

static void tell(struct host *h, const struct media_event *e)
{
    if (!parcel_event(&h->parcel, e)) return;
    if (h->parcel.len >= PARCEL_FULL) flush(h);
    if (!h->flush_due) net_timer_start(h->net, PARCEL_MS, flush, h);
    h->flush_due = true;
}

struct told {
    struct host *host;
    struct media_event event;
};

static void told_here(void *arg)
{
    struct told *t = arg;
    if (!t->host->shut && room_of(t->host, t->event.room.v)) tell(t->host, &t->event);
    if (t->event.type == MEDIA_SURVEYED) free(t->event.survey);
    free(t);
}

static bool travels(enum media_event_type type)
{
    return type <= MEDIA_STREAMS || type == MEDIA_SURVEYED;
}

void host_media_event(void *host, const struct media_event *e)
{
    struct host *h = host;
    bool ours = travels(e->type) && __atomic_load_n(&h->any, __ATOMIC_RELAXED);
    struct told *t = ours ? malloc(sizeof *t) : NULL;
    struct media_survey *copy = t && e->type == MEDIA_SURVEYED ? malloc(sizeof *copy) : NULL;
    if (!t) return;
    *t = (struct told){h, *e};
    if (e->type == MEDIA_SURVEYED) {
        t->event.survey = copy;
        if (copy) *copy = *e->survey;
    }
    bool surely = e->type == MEDIA_PEER_FAILED || e->type == MEDIA_PEER_CONNECTED || e->type == MEDIA_TRACK_LAYERS || e->type == MEDIA_TRACK_LIVE;
    if (e->type == MEDIA_SURVEYED && !copy) free(t);
    else if (surely) net_post_wait(h->net, told_here, t);
    else if (net_post(h->net, told_here, t)) { /* a level or a figure more or less */
        free(copy);
        free(t);
    }
}

/* ---- commands ---- */
/* What could not be begun is told as a peer that failed: the origin begins it anew, elsewhere. */
static void failed(struct host *h, const struct media_cmd *c)
{
    struct peer_id peer = c->type == MEDIA_PEER_OPEN ? c->peer_open.peer : c->type == MEDIA_TRACK_OPEN ? c->track_open.peer : c->feed_open.peer;
    struct media_cmd end = {.type = MEDIA_PEER_CLOSE, .room = c->room, .peer = peer};
    if (c->type != MEDIA_PEER_OPEN && c->type != MEDIA_TRACK_OPEN && c->type != MEDIA_FEED_OPEN) return;
    tell(h, &(struct media_event){.type = MEDIA_PEER_FAILED, .room = c->room, .peer = peer});
    if (media_post(h->media, &end)) log_debug("node", "the media plane is busy");
}

static void counted(struct host *h)
{
    __atomic_store_n(&h->any, h->rooms != NULL, __ATOMIC_RELAXED);
    metric_set(h->m_rooms, HASH_COUNT(h->rooms));
}

static bool room_known(struct host *h, const struct media_cmd *c)
{
    struct host_room *r = room_of(h, c->room.v);
    if (r || c->type != MEDIA_PEER_OPEN) return r != NULL;
    if (HASH_COUNT(h->rooms) >= ROOMS_MAX || !(r = calloc(1, sizeof *r))) return false;
    r->id = c->room.v;
    HASH_ADD(hh, h->rooms, id, sizeof r->id, r);
    counted(h);
    return true;
}

static void room_end(struct host *h, struct host_room *r)
{
    struct media_cmd end = {.type = MEDIA_ROOM_CLOSE, .room.v = r->id};
    if (!h->shut && media_post(h->media, &end)) log_warn("node", "the media plane is busy; a room ends by itself");
    HASH_DEL(h->rooms, r);
    counted(h);
    free(r);
}

static void carry_out(struct host *h, const struct media_cmd *c)
{
    struct host_room *r;
    if (!room_known(h, c)) {
        failed(h, c);
    } else if (c->type == MEDIA_ROOM_CLOSE) {
        if ((r = room_of(h, c->room.v))) room_end(h, r);
    } else if (media_post(h->media, c)) {
        failed(h, c);
    }
}

int host_commanded(struct host *h, const void *bytes, size_t len, struct fault *f)
{
    struct parcel_reader r = {bytes, len};
    struct media_cmd c;
    enum parcel_read got;
    while ((got = parcel_next_command(&r, &c)) == PARCEL_ONE)
        if (!h->shut) carry_out(h, &c);
    return got == PARCEL_END ? 0 : fault_set(f, ERR_MALFORMED, "commands", "The origin's commands cannot be read.");
}

void host_unlinked(struct host *h)
{
    struct host_room *r, *next;
    HASH_ITER(hh, h->rooms, r, next) room_end(h, r);
    h->parcel.len = 0;
}

/* ---- life ---- */
int host_new(struct host **out, struct net *net, struct fault *f)
{
    struct host *h = *out = calloc(1, sizeof *h);
    if (!h) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    h->net = net;
    h->m_rooms = metric_gauge("yilian_node_hosted_rooms", "Rooms of the origin with members whose media is here", NULL);
    return 0;
}

void host_media(struct host *h, struct media *m)
{
    h->media = m;
}

void host_link(struct host *h, const struct host_link *link)
{
    h->link = *link;
}

void host_shut(struct host *h)
{
    if (h) h->shut = true;
}

void host_free(struct host *h)
{
    if (!h) return;
    h->shut = true;
    host_unlinked(h);
    parcel_clear(&h->parcel);
    free(h);
}
