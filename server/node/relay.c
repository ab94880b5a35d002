#include "server/node/relay.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/node/placement.h"
#include "server/node/relay_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 500
#define UNWATCHED_MS 10000
#define AGAIN_MS 1000   /* a relay that failed is asked for again */
#define CONNECT_MS 5000 /* UDP to the origin, and DTLS */

int64_t relay_now_ms(void)
{
    return clock_now_ms(&clock_system);
}

int relay_post(struct relay_room *x, struct media_cmd *c)
{
    c->room.v = x->id;
    return media_post(x->nodes->plane.media, c);
}

/* What mends itself: a peer or track that is not closed falls silent and ends with its room. */
static void post_lightly(struct relay_room *x, struct media_cmd c)
{
    if (relay_post(x, &c)) log_debug("node", "the media plane is busy");
}

static void say(struct relay_room *x, const struct node_message *m, const char *bytes)
{
    if (x->nodes->link.say) x->nodes->link.say(x->nodes->link.ctx, m, bytes);
}

/* ---- rooms ---- */
static struct relay_room *room_of(const struct relay_nodes *r, uint64_t id)
{
    struct relay_room *x = NULL;
    HASH_FIND(hh, r->rooms, &id, sizeof id, x);
    return x;
}

static void ask(struct relay_room *x)
{
    x->asked = true;
    x->asked_ms = relay_now_ms();
    say(x, &(struct node_message){.verb = NODE_RELAY, .room = (int64_t)x->id}, NULL);
}

struct relay_room *relay_room_get(struct relay_nodes *r, uint64_t id)
{
    struct relay_room *x = room_of(r, id);
    if (x || HASH_COUNT(r->rooms) >= PLACEMENT_ROOMS_MAX || !(x = calloc(1, sizeof *x))) return x;
    x->id = id;
    x->nodes = r;
    x->watched_ms = relay_now_ms();
    HASH_ADD(hh, r->rooms, id, sizeof x->id, x);
    metric_set(r->m_rooms, HASH_COUNT(r->rooms));
    ask(x);
    return x;
}

/* The tracks end with the peer; the viewers' m-lines are free for what comes. */
static void close_peer(struct relay_room *x)
{
    if (x->peer.v) post_lightly(x, (struct media_cmd){.type = MEDIA_PEER_CLOSE, .peer = x->peer});
    x->peer.v = x->session = 0;
    x->n_tracks = x->n_lines = 0;
    relay_rebind(x);
}

static void room_free(struct relay_room *x)
{
    struct relay_nodes *r = x->nodes;
    while (x->seats)
        relay_seat_free(x->seats);
    close_peer(x);
    post_lightly(x, (struct media_cmd){.type = MEDIA_ROOM_CLOSE});
    HASH_DEL(r->rooms, x);
    metric_set(r->m_rooms, HASH_COUNT(r->rooms));
    free(x);
}

/* ---- layers ---- */
#define ALL_LAYERS ((1u << MEDIA_RIDS_MAX) - 1) /* until the media plane says which */

static bool watched(const struct relay_room *x, const struct relay_track *t)
{
    for (const struct relay_seat *s = x->seats; s; s = s->hh.next)
        if (watcher_has(&s->down, t->id)) return true;
    return false;
}

void relay_tell_layers(struct relay_room *x)
{
    for (size_t i = 0; i < x->n_tracks; i++) {
        struct relay_track *t = &x->tracks[i];
        uint8_t now = watched(x, t) ? t->of_use : 0;
        if (now == t->told) continue;
        t->told = now;
        say(x, &(struct node_message){.verb = NODE_LAYERS, .room = (int64_t)x->id, .track = (int64_t)t->origin, .layers = now}, NULL);
    }
}

/* ---- offers ---- */
void relay_line(struct relay_nodes *r, const struct node_message *m)
{
    struct relay_room *x = room_of(r, (uint64_t)m->room);
    if (!x || x->n_lines == DESK_RELAY_LINES || m->layers < 1 || m->layers > MEDIA_RIDS_MAX || m->layer >= m->layers) return;
    x->lines[x->n_lines++] = (struct desk_relay_line){.track = (uint64_t)m->track, .seat = (uint64_t)m->seat, .line = (uint8_t)m->line, .layer = (uint8_t)m->layer,
                                                      .layers = (uint8_t)m->layers, .value = (uint8_t)m->value};
}

static struct relay_track *track_of(struct relay_room *x, const struct desk_relay_line *l)
{
    for (size_t i = 0; i < x->n_tracks; i++)
        if (x->tracks[i].origin == l->track) return &x->tracks[i];
    if (x->n_tracks == DESK_RELAY_TRACKS) return NULL;
    struct relay_track *t = &x->tracks[x->n_tracks++];
    *t = (struct relay_track){.origin = l->track, .id.v = id_new(), .of_use = ALL_LAYERS};
    return t;
}

static void take_line(struct relay_room *x, const struct desk_relay_line *l, const struct sdp *offer)
{
    const struct sdp_media *m = l->line < offer->n_media ? &offer->media[l->line] : NULL;
    struct relay_track *t = m && m->direction & SDP_SENDONLY ? track_of(x, l) : NULL;
    if (!t) return;
    t->fresh = t->fresh || t->layers != l->layers || t->ssrcs[l->layer] != m->ssrc || t->rtx_ssrcs[l->layer] != m->rtx_ssrc;
    t->named = true;
    t->seat = l->seat;
    t->kind = m->kind;
    t->layers = l->layers;
    t->value = l->value;
    t->ssrcs[l->layer] = m->ssrc;
    t->rtx_ssrcs[l->layer] = m->rtx_ssrc;
    if (l->layer == 0) t->line = l->line;
}

static void take_lines(struct relay_room *x, const struct sdp *offer)
{
    for (size_t i = 0; i < x->n_tracks; i++)
        x->tracks[i].named = x->tracks[i].fresh = false;
    for (size_t i = 0; i < x->n_lines; i++)
        take_line(x, &x->lines[i], offer);
    x->n_lines = 0;
    for (size_t i = 0; i < x->n_tracks;) {
        if (x->tracks[i].named) {
            i++;
            continue;
        }
        post_lightly(x, (struct media_cmd){.type = MEDIA_TRACK_CLOSE, .track = {x->tracks[i].id, false}});
        x->tracks[i] = x->tracks[--x->n_tracks];
    }
}

static void open_track(struct relay_room *x, const struct relay_track *t, const struct sdp *offer, const struct sdp *answer)
{
    struct media_cmd c = {.type = MEDIA_TRACK_OPEN};
    struct media_track_params *p = &c.track_open;
    sdp_to_track(&offer->media[t->line], &answer->media[t->line], p);
    p->peer = x->peer;
    p->track = t->id;
    p->ssrc = t->layers == 1 ? t->ssrcs[0] : 0;
    p->rtx_ssrc = t->layers == 1 ? t->rtx_ssrcs[0] : 0;
    p->n_rids = t->layers == 1 ? 0 : t->layers;
    for (size_t i = 0; i < p->n_rids; i++) {
        snprintf(p->rids[i], sizeof p->rids[i], "%zu", i);
        p->layer_ssrcs[i] = t->ssrcs[i];
        p->layer_rtx_ssrcs[i] = t->rtx_ssrcs[i];
    }
    if (relay_post(x, &c)) log_warn("node", "the media plane is busy; a track of room %016llx is not shown", (unsigned long long)x->id);
}

static size_t read_addresses(const char *text, struct media_dial out[MEDIA_DIAL_MAX])
{
    size_t n = 0;
    for (int used = 0; n < MEDIA_DIAL_MAX && sscanf(text, "%45s %hu%n", out[n].ip, &out[n].port, &used) == 2; text += used)
        n++;
    return n;
}

static int open_peer(struct relay_room *x, const struct node_message *m, const struct sdp *offer, struct fault *f)
{
    struct media_cmd c = {.type = MEDIA_PEER_OPEN};
    sdp_to_peer(offer, &c.peer_open);
    close_peer(x);
    x->peer.v = id_new();
    x->session = offer->session_id;
    x->connected = false;
    x->opened_ms = relay_now_ms();
    media_ice_credentials(x->ufrag, x->password);
    c.peer_open.peer = x->peer;
    c.peer_open.room.v = x->id;
    c.peer_open.dtls_client = true;
    memcpy(c.peer_open.local_ufrag, x->ufrag, sizeof x->ufrag);
    memcpy(c.peer_open.local_password, x->password, sizeof x->password);
    c.peer_open.n_dial = read_addresses(m->address, c.peer_open.dial);
    if (!c.peer_open.n_dial) return fault_set(f, ERR_MALFORMED, "address", "The origin's media plane has no address.");
    return relay_post(x, &c) ? fault_set(f, ERR_UNAVAILABLE, "busy", "The media plane is busy.") : 0;
}

static void answer(struct relay_room *x, const struct node_message *m, const struct sdp *offer, struct sdp *out)
{
    plane_describe(&x->nodes->plane, PLANE_HERE, x->ufrag, x->password, out);
    out->ice_lite = false; /* of two lite sides the one that dials checks */
    out->setup = SDP_ACTIVE;
    out->session_id = id_new() >> 2;
    out->version = (uint64_t)m->number;
    out->n_media = offer->n_media;
    for (size_t i = 0; i < offer->n_media; i++) {
        sdp_answer_media(&offer->media[i], SDP_RECVONLY, &out->media[i]);
        out->media[i].extensions.dependency_descriptor = offer->media[i].extensions.dependency_descriptor; /* only AV1 has one */
    }
    for (size_t i = 0; i < x->n_tracks; i++)
        if (x->tracks[i].fresh) open_track(x, &x->tracks[i], offer, out);
    char *text = sdp_write(out);
    if (text) say(x, &(struct node_message){.verb = NODE_ANSWER, .room = m->room, .number = m->number, .bytes = (int64_t)strlen(text)}, text);
    free(text);
}

int relay_offered(struct relay_nodes *r, const struct node_message *m, const char *sdp, struct fault *f)
{
    struct relay_room *x = room_of(r, (uint64_t)m->room);
    struct sdp *offer, *out;
    if (!x) return 0; /* let go meanwhile */
    int rc = sdp_parse(&offer, sdp, (size_t)m->bytes, f);
    if (rc) return rc;
    size_t lines = x->n_lines;
    if (offer->session_id != x->session || !x->peer.v) rc = open_peer(x, m, offer, f);
    x->n_lines = lines; /* these belong to the new one */
    if (!rc && (out = sdp_new())) {
        take_lines(x, offer);
        answer(x, m, offer, out);
        sdp_free(out);
        relay_rebind(x);
        relay_tell_layers(x);
    }
    sdp_free(offer);
    return rc;
}

/* ---- the link ---- */
void relay_linked(struct relay_nodes *r)
{
    for (struct relay_room *x = r->rooms; x; x = x->hh.next)
        ask(x); /* its offer is another session: what was there ends then */
}

void relay_lost(struct relay_nodes *r, uint64_t room)
{
    struct relay_room *x = room_of(r, room);
    if (!x) return;
    close_peer(x);
    x->asked = false;
}

void relay_send_away(struct relay_nodes *r)
{
    struct relay_room *x, *next;
    HASH_ITER(hh, r->rooms, x, next) room_free(x);
}

size_t relay_viewers(const struct relay_nodes *r)
{
    size_t n = 0;
    for (const struct relay_room *x = r->rooms; x; x = x->hh.next)
        n += HASH_COUNT(x->seats);
    return n;
}

static void give_up(struct relay_room *x)
{
    log_warn("node", "room %016llx does not come from the origin (UDP to its media.port); it is asked for again", (unsigned long long)x->id);
    relay_lost(x->nodes, x->id);
}

static void tick(void *arg)
{
    struct relay_nodes *r = arg;
    int64_t now = relay_now_ms();
    struct relay_room *x, *next;
    HASH_ITER(hh, r->rooms, x, next)
    {
        relay_seats_tick(x, now);
        if (x->seats) x->watched_ms = now;
        if (x->peer.v && !x->connected && now - x->opened_ms > CONNECT_MS) give_up(x);
        if (!x->asked && now - x->asked_ms >= AGAIN_MS) ask(x);
        if (now - x->watched_ms <= UNWATCHED_MS) continue;
        say(x, &(struct node_message){.verb = NODE_UNRELAY, .room = (int64_t)x->id}, NULL);
        room_free(x);
    }
    metric_set(r->m_viewers, (int64_t)relay_viewers(r));
    net_timer_start(r->net, TICK_MS, tick, r);
}

/* ---- the media plane's events ---- */
struct told {
    struct relay_nodes *nodes;
    enum media_event_type type;
    struct room_id room;
    struct peer_id peer;
    struct track_id track;
    uint8_t layers;
};

static void layers_changed(struct relay_room *x, const struct told *t)
{
    for (size_t i = 0; i < x->n_tracks; i++)
        if (x->tracks[i].id.v == t->track.v) x->tracks[i].of_use = t->layers;
    relay_tell_layers(x);
}

static void told_here(void *arg)
{
    struct told *t = arg;
    struct relay_room *x = t->nodes->shut ? NULL : room_of(t->nodes, t->room.v);
    struct relay_seat *s = NULL;
    if (x && t->type == MEDIA_TRACK_LAYERS) {
        layers_changed(x, t);
    } else if (x && t->peer.v == x->peer.v && t->type == MEDIA_PEER_CONNECTED) {
        x->connected = true;
    } else if (x && t->peer.v == x->peer.v) { /* failed or silent */
        give_up(x);
    } else if (x && t->type == MEDIA_PEER_FAILED) {
        HASH_FIND(hh, x->seats, &t->peer.v, sizeof t->peer.v, s);
        if (s) relay_seat_free(s);
        relay_tell_layers(x);
    }
    free(t);
}

void relay_media_event(void *relay, const struct media_event *e)
{
    struct relay_nodes *r = relay;
    struct told *t;
    if (e->type != MEDIA_TRACK_LAYERS && e->type != MEDIA_PEER_CONNECTED && e->type != MEDIA_PEER_FAILED && e->type != MEDIA_PEER_SILENT) return;
    if (!(t = malloc(sizeof *t))) return;
    *t = (struct told){r, e->type, e->room, e->peer, e->track, e->layers};
    net_post_wait(r->net, told_here, t);
}

/* ---- life ---- */
int relay_nodes_new(struct relay_nodes **out, struct net *net, struct fault *f)
{
    struct relay_nodes *r = *out = calloc(1, sizeof *r);
    if (!r) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    r->net = net;
    r->m_rooms = metric_gauge("yilian_node_rooms", "Rooms of the origin that come here as they are, for WHEP", NULL);
    r->m_viewers = metric_gauge("yilian_node_room_viewers", "Who watches such rooms here", NULL);
    net_timer_start(net, TICK_MS, tick, r);
    return 0;
}

void relay_nodes_media(struct relay_nodes *r, struct media *m)
{
    r->plane.media = m;
}

void relay_nodes_link(struct relay_nodes *r, const struct relay_link *link)
{
    r->link = *link;
}

void relay_nodes_shut(struct relay_nodes *r)
{
    if (r) r->shut = true;
}

void relay_nodes_free(struct relay_nodes *r)
{
    struct relay_room *x, *next;
    if (!r) return;
    HASH_ITER(hh, r->rooms, x, next)
    {
        HASH_DEL(r->rooms, x);
        for (struct relay_seat *s; (s = x->seats);) {
            s->down.open = false; /* the media plane is gone */
            relay_seat_free(s);
        }
        free(x);
    }
    free(r);
}
