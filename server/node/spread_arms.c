/* What goes from node to node for members: for each room and edge a peer in each of both media planes, and on it the room's tracks. */
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/node/spread_private.h"
#include "server/sdp/sdp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define CONNECT_MS 4000 /* UDP from the edge to the origin, and DTLS */
#define LINGER_MS 10000 /* a member's page that begins anew finds its arm */
#define UNFIT_MS 60000
#define ALL_LAYERS ((1u << MEDIA_RIDS_MAX) - 1) /* until the media plane says which */

/* ---- commands to an edge ---- */
static void flush(struct spread *s, struct place *p)
{
    struct share *parcel = p->parcel.len ? share_new(p->parcel.bytes, p->parcel.len) : NULL;
    p->parcel.len = 0;
    if (parcel && s->events.send) s->events.send(s->events.link_ctx, p->id, parcel);
    share_unref(parcel);
}

static void flush_all(void *arg)
{
    struct spread *s = arg;
    s->flush_due = false;
    for (struct place *p = s->places; p; p = p->hh.next)
        flush(s, p);
}

int spread_arm_post(struct arm *a, struct media_cmd *c)
{
    struct spread *s = a->room->spread;
    c->room.v = a->there;
    if (c->type == MEDIA_PEER_OPEN) c->peer_open.room = c->room;
    if (!parcel_command(&a->place->parcel, c)) return ERR_UNAVAILABLE;
    if (a->place->parcel.len >= PARCEL_FULL) flush(s, a->place);
    if (!s->flush_due) net_timer_start(s->net, 0, flush_all, s);
    s->flush_due = true;
    return 0;
}

/* An arm whose own peers and feeds are not all there fails soon, and its members come back. */
static void post_there(struct arm *a, struct media_cmd c)
{
    if (spread_arm_post(a, &c)) log_warn("node", "out of memory; an edge is not told everything");
}

static void post_here(struct arm *a, struct media_cmd c)
{
    c.room.v = a->room->id;
    if (media_post(a->room->spread->media, &c)) log_warn("node", "the media plane is busy; something between nodes is not carried");
}

/* ---- lanes ---- */
struct lane *spread_lane_of(const struct spread_track *t, const struct arm *a)
{
    struct lane *l = t->lanes;
    while (l && l->arm != a)
        l = l->next;
    return l;
}

static bool comes_here(const struct spread_track *t, const struct lane *l)
{
    return l->arm->place->id == t->home;
}

static void post_source(const struct spread_track *t, struct lane *l, struct media_cmd c)
{
    if (comes_here(t, l)) post_there(l->arm, c);
    else post_here(l->arm, c);
}

static void post_end(const struct spread_track *t, struct lane *l, struct media_cmd c)
{
    if (comes_here(t, l)) post_here(l->arm, c);
    else post_there(l->arm, c);
}

/* Both ends use the numbers of our own offers; SSRCs are told beforehand, so neither MID nor RID is written. */
static void open_ends(const struct spread_track *t, struct lane *l)
{
    struct sdp_media m;
    struct arm *a = l->arm;
    bool from = comes_here(t, l);
    struct media_cmd end = {.type = MEDIA_TRACK_OPEN};
    struct media_track_params *p = &end.track_open;
    sdp_offer_media(t->kind, "", &m);
    m.extensions.mid = m.extensions.rid = m.extensions.repaired_rid = 0;
    for (size_t i = 0; i < m.n_payloads; i++)
        m.payloads[i].red_payload_type = 0; /* lines between nodes lose little: each voice goes once */
    p->peer = from ? a->peer : a->peer_there;
    p->track.v = t->id;
    p->kind = t->kind;
    p->n_payloads = m.n_payloads;
    memcpy(p->payloads, m.payloads, sizeof p->payloads);
    p->extensions = m.extensions;
    p->n_rids = t->layers > 1 ? t->layers : 0;
    for (size_t i = 0; i < t->layers; i++) {
        snprintf(p->rids[i], sizeof p->rids[i], "%zu", i);
        p->layer_ssrcs[i] = a->next_ssrc++;
        p->layer_rtx_ssrcs[i] = t->kind == MEDIA_VIDEO ? a->next_ssrc++ : 0;
    }
    if (t->layers == 1) {
        p->ssrc = p->layer_ssrcs[0];
        p->rtx_ssrc = p->layer_rtx_ssrcs[0];
    }
    post_end(t, l, end);
    for (size_t i = 0; i < t->layers; i++) {
        struct media_cmd c = {.type = MEDIA_FEED_OPEN};
        l->feeds[i].v = id_new();
        c.feed_open = (struct media_feed_params){.peer = from ? a->peer_there : a->peer, .feed = l->feeds[i], .track.v = t->id, .extensions = m.extensions, .ssrc = p->layer_ssrcs[i],
                                                 .rtx_ssrc = p->layer_rtx_ssrcs[i], .paused = true, .exact = (uint8_t)(i + 1), .n_payloads = m.n_payloads,
                                                 .value = (uint8_t)(MEDIA_RIDS_MAX - i)}; /* on a thin link the small ones go first */
        memcpy(c.feed_open.payloads, m.payloads, sizeof c.feed_open.payloads);
        post_source(t, l, c);
    }
}

static void lane_open(struct spread_track *t, struct arm *a)
{
    struct lane *l = calloc(1, sizeof *l);
    if (!l) return;
    l->arm = a;
    l->of_use = ALL_LAYERS;
    l->size = MEDIA_RIDS_MAX - 1;
    LL_PREPEND(t->lanes, l);
    open_ends(t, l);
}

/* Of a track there is a lane to or from each arm, though most rest: so whoever begins to be fed with it finds it in its media plane. */
void spread_lanes_open(struct spread_track *t)
{
    for (struct arm *a = t->room->arms; a; a = a->next) /* where it comes from first: those from here to others need it here */
        if (a->place->id == t->home) lane_open(t, a);
    for (struct arm *a = t->room->arms; a; a = a->next)
        if (a->place->id != t->home) lane_open(t, a);
    spread_look(t);
}

static void lane_free(struct spread_track *t, struct lane *l)
{
    if (l->flows) metric_add(t->room->spread->m_lanes, -1);
    LL_DELETE(t->lanes, l);
    free(l);
}

void spread_lanes_close(struct spread_track *t)
{
    while (t->lanes) {
        post_end(t, t->lanes, (struct media_cmd){.type = MEDIA_TRACK_CLOSE, .track = {{t->id}, false}}); /* its feeds end with it where it comes from */
        lane_free(t, t->lanes);
    }
}

static uint8_t largest(uint8_t layers)
{
    uint8_t i = 0;
    while (layers >>= 1)
        i++;
    return i;
}

/* Of streams of one size those of use flow; of one that has its sizes inside (VP9), up to the largest of use. */
static void set_flow(struct spread_track *t, struct lane *l, bool needed)
{
    uint8_t now = !needed ? 0 : t->layers == 1 ? 1 : l->of_use & (uint8_t)((1u << t->layers) - 1), size = largest(l->of_use);
    if (t->layers == 1 && size != l->size) post_source(t, l, (struct media_cmd){.type = MEDIA_FEED_LAYER, .feed = {.feed = l->feeds[0], .layer = l->size = size}});
    for (size_t i = 0; i < t->layers; i++)
        if ((l->flows ^ now) >> i & 1)
            post_source(t, l, (struct media_cmd){.type = MEDIA_FEED_PAUSE, .feed = {.feed = l->feeds[i], .on = !(now >> i & 1)}});
    metric_add(t->room->spread->m_lanes, (now != 0) - (l->flows != 0));
    l->flows = now;
}

/* Of an edge's voices come those that are the loudest there, unless we keep this one. */
static void set_every(struct spread_track *t, struct lane *l, bool kept)
{
    if (t->kind != MEDIA_AUDIO || l->every == kept) return;
    l->every = kept;
    post_source(t, l, (struct media_cmd){.type = MEDIA_FEED_EVERY, .feed = {.feed = l->feeds[0], .on = kept}});
}

void spread_look(struct spread_track *t)
{
    bool kept = t->room->recorded || t->room->shown[t->kind] == t->id, here = t->fed || kept;
    for (struct lane *l = t->lanes; l; l = l->next) {
        if (comes_here(t, l)) continue;
        set_flow(t, l, l->fed);
        here = here || l->flows;
    }
    for (struct lane *l = t->lanes; l; l = l->next)
        if (comes_here(t, l)) {
            set_every(t, l, kept);
            set_flow(t, l, here);
        }
}

void spread_look_all(struct spread_room *r)
{
    for (struct spread_track *t = r->tracks; t; t = t->next)
        spread_look(t);
}

/* ---- arms ---- */
struct arm *spread_arm_of(struct spread_room *r, struct place *p)
{
    struct arm *a = r->arms;
    while (a && a->place != p)
        a = a->next;
    return a;
}

static const char *print_of(const char *fingerprint)
{
    const char *space = strchr(fingerprint, ' ');
    return space ? space + 1 : fingerprint;
}

static void dial(const struct spread *s, struct media_peer_params *p)
{
    struct media_candidate c[MEDIA_CANDIDATES_MAX];
    size_t n = media_candidates(s->media, c);
    for (size_t i = 0; i < n && p->n_dial < MEDIA_DIAL_MAX; i++) {
        if (c[i].tcp) continue;
        memcpy(p->dial[p->n_dial].ip, c[i].address, sizeof p->dial->ip);
        p->dial[p->n_dial++].port = c[i].port;
    }
}

/* The edge begins, so that it needs no open port towards us. */
static void open_peers(struct arm *a)
{
    struct media_cmd here = {.type = MEDIA_PEER_OPEN}, there = {.type = MEDIA_PEER_OPEN};
    struct media_peer_params *h = &here.peer_open, *t = &there.peer_open;
    media_ice_credentials(h->local_ufrag, h->local_password);
    media_ice_credentials(t->local_ufrag, t->local_password);
    memcpy(h->remote_ufrag, t->local_ufrag, sizeof t->local_ufrag);
    memcpy(h->remote_password, t->local_password, sizeof t->local_password);
    memcpy(t->remote_ufrag, h->local_ufrag, sizeof h->local_ufrag);
    memcpy(t->remote_password, h->local_password, sizeof h->local_password);
    snprintf(h->remote_fingerprint, sizeof h->remote_fingerprint, "%.99s", print_of(a->place->face.fingerprint));
    snprintf(t->remote_fingerprint, sizeof t->remote_fingerprint, "%.99s", print_of(media_fingerprint(a->room->spread->media)));
    h->peer = a->peer;
    h->room.v = a->room->id;
    t->peer = a->peer_there;
    t->dtls_client = true;
    dial(a->room->spread, t);
    post_here(a, here);
    post_there(a, there);
}

struct arm *spread_arm_open(struct spread_room *r, struct place *p)
{
    struct spread *s = r->spread;
    struct arm *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    *a = (struct arm){.room = r, .place = p, .there = id_new(), .peer = {id_new()}, .peer_there = {id_new()}, .opened_ms = spread_now_ms(), .empty_ms = spread_now_ms()};
    crypto_random(&a->next_ssrc, sizeof a->next_ssrc);
    HASH_ADD(hh, s->arms, there, sizeof a->there, a);
    LL_PREPEND(r->arms, a);
    metric_add(s->m_arms, 1);
    open_peers(a);
    for (struct spread_track *t = r->tracks; t; t = t->next)
        lane_open(t, a);
    return a;
}

/* Whoever sends there is not heard here any more, nor at other edges. */
static void forget_there(struct arm *a)
{
    struct spread_room *r = a->room;
    for (struct spread_track *t = r->tracks, *next; t; t = next) {
        struct lane *l = spread_lane_of(t, a);
        next = t->next;
        if (l) lane_free(t, l);
        if (t->home != a->place->id) {
            spread_look(t);
            continue;
        }
        spread_lanes_close(t);
        spread_track_free(t);
    }
    for (struct spread_peer *p = r->peers, *next; p; p = next) {
        next = p->next;
        if (p->node == a->place->id) spread_peer_free(p);
    }
}

void spread_arm_close(struct arm *a, bool gone)
{
    struct spread_room *r = a->room;
    struct spread *s = r->spread;
    uint64_t node = a->place->id;
    bool any = a->members;
    LL_DELETE(r->arms, a);
    forget_there(a);
    if (s->events.send) { /* else the media plane is gone */
        post_here(a, (struct media_cmd){.type = MEDIA_PEER_CLOSE, .peer = a->peer});
        if (!gone) post_there(a, (struct media_cmd){.type = MEDIA_ROOM_CLOSE});
    }
    HASH_DEL(s->arms, a);
    metric_add(s->m_arms, -1);
    metric_add(s->m_members, -(int64_t)a->members);
    free(a);
    if (any && s->events.moved) s->events.moved(s->events.desk_ctx, (struct room_id){r->id}, node);
}

void spread_arm_fail(struct arm *a)
{
    log_warn("node", "the media of room %016llx does not come from an edge (UDP from there to the media.port here); its members come here", (unsigned long long)a->room->id);
    a->place->unfit_until_ms = spread_now_ms() + UNFIT_MS;
    spread_arm_close(a, false);
}

void spread_arms_tick(struct spread *s)
{
    int64_t now = spread_now_ms();
    struct arm *a, *next;
    HASH_ITER(hh, s->arms, a, next)
    {
        if (!a->connected && now - a->opened_ms > CONNECT_MS) spread_arm_fail(a);
        else if (!a->members && now - a->empty_ms > LINGER_MS) spread_arm_close(a, false);
    }
}
