/* What the rooms command, sent to where it belongs, and what is known by it: who is where, and who is fed with what. */
#include "server/node/spread.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/node/spread_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TICK_MS 250

int64_t spread_now_ms(void)
{
    return clock_now_ms(&clock_system);
}

/* ---- finding ---- */
struct spread_room *spread_room_of(struct spread *s, uint64_t id)
{
    struct spread_room *r = NULL;
    HASH_FIND(hh, s->rooms, &id, sizeof id, r);
    return r;
}

static struct spread_room *room_get(struct spread *s, uint64_t id)
{
    struct spread_room *r = spread_room_of(s, id);
    if (r || !(r = calloc(1, sizeof *r))) return r;
    r->id = id;
    r->spread = s;
    HASH_ADD(hh, s->rooms, id, sizeof r->id, r);
    return r;
}

/* finder(s, id): of what `table` holds by that id; NULL: nothing. */
#define FINDS(finder, kind, table)                                  \
    static struct kind *finder(const struct spread *s, uint64_t id) \
    {                                                               \
        struct kind *found = NULL;                                  \
        HASH_FIND(hh, s->table, &id, sizeof id, found);             \
        return found;                                               \
    }
FINDS(place_of, place, places)
FINDS(track_of, spread_track, tracks)
FINDS(peer_of, spread_peer, peers)
FINDS(feed_of, spread_feed, feeds)

/* ---- who is fed with what ---- */
static void count(struct spread *s, const struct spread_feed *f, int by)
{
    struct spread_track *t = track_of(s, f->track);
    if (!t || f->paused || t->home == f->node) return; /* within one node nothing has to be carried */
    struct place *p = f->node ? place_of(s, f->node) : NULL;
    struct arm *a = p ? spread_arm_of(t->room, p) : NULL;
    struct lane *l = a ? spread_lane_of(t, a) : NULL;
    if (l) l->fed += (unsigned)by;
    else if (!f->node) t->fed += (unsigned)by;
    spread_look(t);
}

static void feed_free(struct spread_feed *f)
{
    struct spread *s = f->peer->room->spread;
    count(s, f, -1);
    HASH_DEL(s->feeds, f);
    LL_DELETE(f->peer->feeds, f);
    free(f);
}

static void feed_opened(struct spread *s, uint64_t node, const struct media_feed_params *p)
{
    struct spread_peer *peer = peer_of(s, p->peer.v);
    struct spread_feed *f = feed_of(s, p->feed.v);
    if (f) feed_free(f); /* renegotiated */
    if (!peer || !(f = calloc(1, sizeof *f))) return;
    *f = (struct spread_feed){.id = p->feed.v, .track = p->track.v, .node = node, .peer = peer, .paused = p->paused};
    HASH_ADD(hh, s->feeds, id, sizeof f->id, f);
    LL_PREPEND(peer->feeds, f);
    count(s, f, 1);
}

static void feed_paused(struct spread *s, uint64_t id, bool on)
{
    struct spread_feed *f = feed_of(s, id);
    if (!f || f->paused == on) return;
    count(s, f, -1);
    f->paused = on;
    count(s, f, 1);
}

/* ---- peers and tracks ---- */
void spread_track_free(struct spread_track *t)
{
    HASH_DEL(t->room->spread->tracks, t);
    LL_DELETE(t->room->tracks, t);
    free(t);
}

static void track_closed(struct spread_track *t)
{
    spread_lanes_close(t);
    spread_track_free(t);
}

static void track_opened(struct spread *s, uint64_t room, uint64_t node, const struct media_track_params *p)
{
    struct spread_room *r = room_get(s, room);
    struct spread_track *t = track_of(s, p->track.v);
    if (t || !r || !(t = calloc(1, sizeof *t))) return; /* renegotiated: its layers are the same */
    *t = (struct spread_track){.id = p->track.v, .peer = p->peer.v, .home = node, .room = r, .kind = p->kind, .layers = (uint8_t)(p->n_rids ? p->n_rids : 1)};
    HASH_ADD(hh, s->tracks, id, sizeof t->id, t);
    LL_PREPEND(r->tracks, t);
    spread_lanes_open(t);
}

void spread_peer_free(struct spread_peer *p)
{
    while (p->feeds)
        feed_free(p->feeds);
    HASH_DEL(p->room->spread->peers, p);
    DL_DELETE(p->room->peers, p);
    free(p);
}

static void peer_closed(struct spread *s, uint64_t room, uint64_t id)
{
    struct spread_room *r = spread_room_of(s, room);
    struct spread_peer *p = peer_of(s, id);
    struct place *place = p && p->node ? place_of(s, p->node) : NULL;
    struct arm *a = place ? spread_arm_of(p->room, place) : NULL;
    for (struct spread_track *t = r ? r->tracks : NULL, *next; t; t = next) {
        next = t->next;
        if (t->peer == id) track_closed(t);
    }
    if (p) spread_peer_free(p);
    if (a && --a->members == 0) a->empty_ms = spread_now_ms();
    if (a) metric_add(s->m_members, -1);
}

static int peer_opened(struct spread *s, uint64_t node, const struct media_cmd *c)
{
    struct spread_room *r = room_get(s, c->room.v);
    struct place *place = node ? place_of(s, node) : NULL;
    struct arm *a = r && place ? spread_arm_of(r, place) : NULL;
    struct spread_peer *p = r ? calloc(1, sizeof *p) : NULL;
    if (p && place && !a) a = spread_arm_open(r, place);
    if (!p || (node && !a)) {
        free(p);
        return ERR_UNAVAILABLE;
    }
    *p = (struct spread_peer){.id = c->peer_open.peer.v, .node = node, .room = r};
    HASH_ADD(hh, s->peers, id, sizeof p->id, p);
    DL_PREPEND(r->peers, p);
    if (a) a->members++;
    if (a) metric_add(s->m_members, 1);
    return 0;
}

static void room_forget(struct spread_room *r, bool media_gone)
{
    struct spread *s = r->spread;
    while (r->tracks) {
        if (media_gone) {
            for (struct lane *l = r->tracks->lanes, *next; l; l = next) {
                next = l->next;
                free(l);
            }
            r->tracks->lanes = NULL;
        } else {
            spread_lanes_close(r->tracks);
        }
        spread_track_free(r->tracks);
    }
    while (r->peers)
        spread_peer_free(r->peers);
    while (r->arms) {
        metric_add(s->m_members, -(int64_t)r->arms->members);
        r->arms->members = 0; /* nobody is left to be told */
        spread_arm_close(r->arms, media_gone);
    }
    HASH_DEL(s->rooms, r);
    free(r);
}

/* ---- the rooms' commands ---- */
static int forward(struct spread *s, uint64_t node, const struct media_cmd *c)
{
    if (!node) return media_post(s->media, c);
    struct spread_room *r = spread_room_of(s, c->room.v);
    struct place *p = place_of(s, node);
    struct arm *a = r && p ? spread_arm_of(r, p) : NULL;
    struct media_cmd there = *c;
    return a ? spread_arm_post(a, &there) : ERR_UNAVAILABLE;
}

static void learn(struct spread *s, uint64_t node, const struct media_cmd *c)
{
    struct spread_room *r;
    struct spread_track *t;
    struct spread_feed *f;
    switch (c->type) {
    case MEDIA_PEER_CLOSE: peer_closed(s, c->room.v, c->peer.v); break;
    case MEDIA_TRACK_OPEN: track_opened(s, c->room.v, node, &c->track_open); break;
    case MEDIA_TRACK_CLOSE: if ((t = track_of(s, c->track.track.v))) track_closed(t); break;
    case MEDIA_FEED_OPEN: feed_opened(s, node, &c->feed_open); break;
    case MEDIA_FEED_CLOSE: if ((f = feed_of(s, c->feed.feed.v))) feed_free(f); break;
    case MEDIA_FEED_PAUSE: feed_paused(s, c->feed.feed.v, c->feed.on); break;
    case MEDIA_RECORD_START:
    case MEDIA_RECORD_STOP:
        if (!(r = room_get(s, c->room.v))) break;
        r->recorded = c->type == MEDIA_RECORD_START;
        spread_look_all(r);
        break;
    case MEDIA_LIVE_TRACK:
        if (!(r = room_get(s, c->room.v))) break;
        r->shown[c->live.kind] = c->live.track.v;
        spread_look_all(r);
        break;
    case MEDIA_LIVE_STOP:
        if (!(r = spread_room_of(s, c->room.v))) break;
        r->shown[MEDIA_AUDIO] = r->shown[MEDIA_VIDEO] = 0;
        spread_look_all(r);
        break;
    default: break;
    }
}

static int post(void *ctx, uint64_t node, const struct media_cmd *c)
{
    struct spread *s = ctx;
    struct spread_room *r;
    int rc = 0;
    if (c->type == MEDIA_PEER_OPEN) rc = peer_opened(s, node, c);
    if (c->type == MEDIA_ROOM_CLOSE && (r = spread_room_of(s, c->room.v))) room_forget(r, false);
    if (c->type == MEDIA_SURVEY && (r = spread_room_of(s, c->room.v)) && r->arms) return spread_survey(r, c);
    rc = rc ? rc : forward(s, node, c);
    if (rc && c->type == MEDIA_PEER_OPEN) peer_closed(s, c->room.v, c->peer_open.peer.v);
    bool ends = c->type == MEDIA_PEER_CLOSE || c->type == MEDIA_TRACK_CLOSE || c->type == MEDIA_FEED_CLOSE; /* for the rooms it is over in any case */
    if (!rc || ends) learn(s, node, c);
    return rc;
}

static void opened(void *ctx, const struct media_cmd *c)
{
    track_opened(ctx, c->room.v, PLANE_HERE, &c->track_open);
}

/* ---- nodes ---- */
static uint64_t near(void *ctx, const char *address)
{
    const struct spread *s = ctx;
    int64_t now = spread_now_ms();
    uint64_t best = PLANE_HERE;
    int most = -1;
    for (const struct place *p = s->places; p; p = p->hh.next) {
        int bits = now < p->unfit_until_ms ? -1 : serves_match(&p->serves, address);
        if (bits <= most) continue;
        most = bits;
        best = p->id;
    }
    return best;
}

static const struct plane_face *face(void *ctx, uint64_t node)
{
    const struct place *p = place_of(ctx, node);
    return p ? &p->face : NULL;
}

/* "IP PORT PRIORITY udp IP PORT PRIORITY tcp", as edge.c writes it. */
static size_t read_candidates(const char *text, struct media_candidate out[MEDIA_CANDIDATES_MAX])
{
    size_t n = 0;
    char proto[4];
    for (int used = 0; n < MEDIA_CANDIDATES_MAX && sscanf(text, "%45[0-9a-fA-F.:] %hu %u %3[udtcp]%n", out[n].address, &out[n].port, &out[n].priority, proto, &used) == 4; text += used) {
        out[n++].tcp = strcmp(proto, "tcp") == 0;
        text += text[used] == ' ';
    }
    return n;
}

int spread_node(struct spread *s, uint64_t node, const struct node_message *hello, struct fault *f)
{
    struct place *p = calloc(1, sizeof *p);
    if (!p) return fault_set(f, ERR_UNAVAILABLE, "busy", "Out of memory.");
    p->id = node;
    memcpy(p->face.fingerprint, hello->fingerprint, sizeof p->face.fingerprint);
    p->face.n_candidates = read_candidates(hello->candidates, p->face.candidates);
    bool print = strspn(p->face.fingerprint, "sha-256 0123456789ABCDEF:") == strlen(p->face.fingerprint) && strncmp(p->face.fingerprint, "sha-256 ", 8) == 0;
    if (!print || !p->face.n_candidates || !serves_parse(hello->serves, &p->serves)) {
        free(p);
        return fault_set(f, ERR_MALFORMED, "hello", "What the edge says of its media plane cannot be read.");
    }
    HASH_ADD(hh, s->places, id, sizeof p->id, p);
    return 0;
}

void spread_node_gone(struct spread *s, uint64_t node)
{
    struct place *p = place_of(s, node);
    if (!p) return;
    HASH_DEL(s->places, p); /* first: nobody is given to it any more */
    struct arm *a, *next;
    HASH_ITER(hh, s->arms, a, next)
        if (a->place == p) spread_arm_close(a, true);
    parcel_clear(&p->parcel);
    free(p);
}

/* ---- life ---- */
static void tick(void *arg)
{
    struct spread *s = arg;
    spread_arms_tick(s);
    spread_levels_tick(s, spread_now_ms());
    spread_survey_tick(s, spread_now_ms());
    net_timer_start(s->net, TICK_MS, tick, s);
}

int spread_new(struct spread **out, struct net *net, struct fault *f)
{
    struct spread *s = *out = calloc(1, sizeof *s);
    if (!s) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    s->net = net;
    s->m_arms = metric_gauge("yilian_node_arms", "Rooms whose tracks go to and from an edge, once for each edge with members of them", NULL);
    s->m_members = metric_gauge("yilian_node_member_peers", "Media peers of members that are at edges; a member has two", NULL);
    s->m_lanes = metric_gauge("yilian_node_lanes", "Tracks that flow between this node and edges, for members, now", NULL);
    net_timer_start(net, TICK_MS, tick, s);
    return 0;
}

void spread_tell(struct spread *s, const struct spread_events *events)
{
    s->events = *events;
}

void spread_media(struct spread *s, struct media *m)
{
    s->media = m;
}

struct plane_away spread_away(struct spread *s)
{
    return (struct plane_away){.ctx = s, .near = near, .face = face, .post = post, .opened = opened, .took = spread_took};
}

void spread_free(struct spread *s)
{
    struct spread_room *r, *next;
    struct place *p, *after;
    if (!s) return;
    s->events = (struct spread_events){0};
    HASH_ITER(hh, s->rooms, r, next) room_forget(r, true);
    HASH_ITER(hh, s->places, p, after)
    {
        HASH_DEL(s->places, p);
        parcel_clear(&p->parcel);
        free(p);
    }
    spread_survey_tick(s, INT64_MAX);
    free(s);
}
