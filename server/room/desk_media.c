/* What seats send and receive, and what the media plane tells of it. */
#include "server/room/desk_private.h"
#include <stdlib.h>
#include <string.h>

#define STILL_MS 2000
#define STILL_BYTES 61440
#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
#define SPEECH 20      /* level from which a seat counts as speaking */
#define SPEAKER_VOTES 2 /* rounds of levels (250 ms) the loudest must hold before the picture changes */

/* ---- what there is to receive ---- */

/* What a thin line carries first: what is shown (text, ultrasound), then the face that speaks or is looked at large, then the others. */
static uint8_t value_of(const struct live *l, const struct downlink_want *w, bool large)
{
    if (w->source == SOURCE_SCREEN || w->source == SOURCE_CAMERA2) return 3;
    return large || w->seat == l->room.spotlight || w->seat == l->speaker ? 2 : 1;
}

static void steer_want(const struct live *l, const struct link *k, struct downlink_want *w)
{
    bool large = false;
    w->layer = 2;
    w->paused = k->mode != MODE_FULL && w->source != SOURCE_MIC;
    for (size_t i = 0; i < k->n_steers; i++)
        if (k->steers[i].track == w->wire) {
            w->layer = k->steers[i].layer;
            w->paused |= k->steers[i].paused;
            large = w->layer == 2;
        }
    for (size_t i = 0; i < k->n_wishes; i++)
        if (k->wishes[i].track == w->wire && k->wishes[i].max_height) {
            uint8_t most = k->wishes[i].max_height <= 180 ? 0 : k->wishes[i].max_height <= 360 ? 1 : 2;
            if (most < w->layer) w->layer = most;
        }
    w->value = value_of(l, w, large);
}

static bool wished(const struct link *k, uint64_t wire)
{
    if (k->all) return true;
    for (size_t i = 0; i < k->n_wishes; i++)
        if (k->wishes[i].track == wire) return true;
    return false;
}

static size_t add_wants_of(struct live *l, const struct room_seat *s, const struct link *k, struct downlink_want *out, size_t cap)
{
    const struct link *from = desk_link(l, s->id);
    size_t n = 0;
    for (int i = 0; from && i < SOURCE_COUNT; i++) {
        const struct room_track *t = &s->tracks[i];
        if (!t->on || !from->up.tracks[i].id.v || !wished(k, t->id) || n == cap) continue;
        out[n] = (struct downlink_want){.wire = t->id, .seat = s->id, .source = (enum room_source)i, .track = from->up.tracks[i].id};
        steer_want(l, k, &out[n++]);
    }
    return n;
}

static size_t wants_of(struct live *l, const struct link *k, struct downlink_want out[SDP_MEDIA_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < l->room.n_seats; i++) {
        const struct room_seat *s = &l->room.seats[i];
        if (s->id != k->seat && s->state != SEAT_WAITING) n += add_wants_of(l, s, k, out + n, SDP_MEDIA_MAX - n);
    }
    return n;
}

static void offer(struct live *l, struct link *k)
{
    char *text = downlink_offer(&k->down);
    if (text) desk_tell_seat(l, k, (struct desk_tell){.type = TELL_OFFER, .text = text, .down = &k->down});
    free(text);
}

static void look(struct live *l, struct link *k)
{
    struct downlink_want wants[SDP_MEDIA_MAX];
    if (k->machine) machine_rebind(l, k);
    else if (k->subscribed && downlink_want(&k->down, wants, wants_of(l, k, wants))) offer(l, k);
}

/* However many changes one turn of the loop brings (a join has several), each seat gets one offer. */
static void offer_all(void *arg)
{
    struct desk *d = arg;
    for (struct live *l = d->rooms; l; l = l->hh.next) {
        if (!l->offers_due) continue;
        l->offers_due = false;
        lecture_look(l);
        for (struct link *k = l->links; k; k = k->next)
            look(l, k);
        for (struct link *k = l->audience; k; k = k->hh.next)
            if (k->relay) relay_look(l, k);
            else machine_rebind(l, k);
    }
}

void media_tracks_changed(struct live *l)
{
    if (!l->offers_due) net_timer_start(l->desk->config.net, 0, offer_all, l->desk);
    l->offers_due = true;
}

void media_seat_closed(struct live *l, struct link *k)
{
    device_close(k);
    uplink_close(&k->up);
    downlink_close(&k->down);
    media_tracks_changed(l);
}

/* ---- verbs ---- */

static struct link *seated(struct desk *d, uint64_t client, struct live **l, struct fault *f)
{
    struct link *k = desk_client(d, client, l);
    const struct room_seat *s = k ? room_seat(&(*l)->room, k->seat) : NULL;
    if (s && s->state == SEAT_ADMITTED) return k;
    if (s) fault_set(f, ERR_NOT_ALLOWED_NOW, "waiting", "You are not in the room yet.");
    else fault_set(f, ERR_NOT_ALLOWED_NOW, "not_joined", "Join a room first.");
    return NULL;
}

int desk_seated(struct desk *d, uint64_t client, struct fault *f)
{
    struct live *l;
    return seated(d, client, &l, f) ? 0 : ERR_NOT_ALLOWED_NOW;
}

static void tell_tracks(struct live *l, struct link *k, const struct uplink_track before[SOURCE_COUNT])
{
    uint64_t seat = k->seat;
    for (int i = 0; i < SOURCE_COUNT; i++) {
        const struct room_seat *s = room_seat(&l->room, seat);
        struct room_event e = {.type = ROOM_TRACK, .seat = seat, .source = (enum room_source)i, .on = k->up.tracks[i].id.v != 0};
        if (!s || (before[i].id.v == k->up.tracks[i].id.v && s->tracks[i].on == e.on)) continue;
        if (desk_step(l, &e, NULL)) return;
        if (e.on && room_seat(&l->room, seat)->tracks[i].muted && room_seat(&l->room, seat)->muted_by_host)
            uplink_pause(&k->up, e.source, true);
        if (e.on) record_track(l, k, e.source);
    }
}

int desk_publish(struct desk *d, uint64_t client, const char *text, const struct uplink_source *sources, size_t n, char **answer,
                 struct fault *f)
{
    struct live *l;
    struct sdp *offered;
    struct link *k = seated(d, client, &l, f);
    if (!k) return ERR_NOT_ALLOWED_NOW;
    int rc = sdp_parse(&offered, text, strlen(text), f);
    if (rc) return rc;
    struct uplink_track before[SOURCE_COUNT];
    memcpy(before, k->up.tracks, sizeof before);
    rc = uplink_offer(&k->up, offered, sources, n, answer, f);
    sdp_free(offered);
    tell_tracks(l, k, before);
    return rc;
}

int desk_subscribe(struct desk *d, uint64_t client, const struct desk_wish *wishes, int n_wishes, bool fresh, struct fault *f)
{
    struct live *l;
    struct link *k = seated(d, client, &l, f);
    if (!k) return ERR_NOT_ALLOWED_NOW;
    if (n_wishes > WISHES_MAX) return fault_field(f, "wants", "too_many");
    if ((fresh || !k->subscribed || !k->down.peer.v) && downlink_renew(&k->down)) return fault_set(f, ERR_UNAVAILABLE, "busy", "Out of memory.");
    k->subscribed = true;
    k->all = n_wishes < 0;
    k->n_wishes = n_wishes > 0 ? (size_t)n_wishes : 0;
    memcpy(k->wishes, wishes, k->n_wishes * sizeof *wishes);
    look(l, k);
    return 0;
}

int desk_answer(struct desk *d, uint64_t client, const char *text, int version, struct fault *f)
{
    struct live *l;
    struct sdp *answer;
    struct link *k = seated(d, client, &l, f);
    if (!k) return ERR_NOT_ALLOWED_NOW;
    int rc = sdp_parse(&answer, text, strlen(text), f);
    if (rc) return rc;
    rc = downlink_answer(&k->down, answer, version, f);
    sdp_free(answer);
    if (k->down.no_vp9) streams_layered(l);
    return rc;
}

int desk_restart_down(struct desk *d, uint64_t client, struct fault *f)
{
    struct live *l;
    struct link *k = seated(d, client, &l, f);
    if (!k) return ERR_NOT_ALLOWED_NOW;
    if (!k->down.peer.v) return fault_set(f, ERR_NOT_ALLOWED_NOW, "not_subscribed", "Subscribe first.");
    if (downlink_restart(&k->down)) return fault_set(f, ERR_UNAVAILABLE, "busy", "The media plane is busy; try again.");
    offer(l, k);
    return 0;
}

static struct steer *steer_of(struct link *k, uint64_t track)
{
    for (size_t i = 0; i < k->n_steers; i++)
        if (k->steers[i].track == track) return &k->steers[i];
    if (k->n_steers == WISHES_MAX) { /* tracks that are long gone make room */
        memmove(k->steers, k->steers + 1, sizeof k->steers - sizeof *k->steers);
        k->n_steers--;
    }
    k->steers[k->n_steers] = (struct steer){track, 2, false};
    return &k->steers[k->n_steers++];
}

int desk_steer(struct desk *d, uint64_t client, uint64_t track, int layer, int pause, struct fault *f)
{
    struct live *l;
    struct link *k = seated(d, client, &l, f);
    if (!k) return ERR_NOT_ALLOWED_NOW;
    struct steer *s = steer_of(k, track);
    if (layer >= 0) s->layer = (uint8_t)layer;
    if (pause >= 0) s->paused = pause;
    look(l, k);
    return 0;
}

int desk_mode(struct desk *d, uint64_t client, enum room_mode mode, struct fault *f)
{
    struct live *l;
    struct link *k = seated(d, client, &l, f);
    if (!k) return ERR_NOT_ALLOWED_NOW;
    k->mode = mode;
    look(l, k);
    return 0;
}

/* A page that sends one a little early loses it: the next comes in three seconds. */
int desk_still(struct desk *d, uint64_t client, enum room_source source, const char *base64, struct fault *f)
{
    struct live *l;
    struct link *k = seated(d, client, &l, f);
    int64_t now_ms = desk_now_ms();
    if (!k) return ERR_NOT_ALLOWED_NOW;
    if (strlen(base64) > STILL_BYTES) return fault_field(f, "jpeg_base64", "too_long:%d", STILL_BYTES);
    if (strspn(base64, BASE64) != strlen(base64)) return fault_field(f, "jpeg_base64", "not_base64");
    if (now_ms - k->still_ms < STILL_MS) return fault_set(f, ERR_RATE, "still", "One picture in two seconds.");
    k->still_ms = now_ms;
    for (struct link *o = l->links; o; o = o->next) {
        const struct room_seat *s = room_seat(&l->room, o->seat);
        if (o != k && s && s->state == SEAT_ADMITTED && o->mode != MODE_AUDIO_ONLY)
            desk_tell_seat(l, o, (struct desk_tell){.type = TELL_STILL, .seat_id = k->seat, .source = source, .text = base64});
    }
    return 0;
}

int desk_stats(struct desk *d, uint64_t client, const json_t *stats, struct fault *f)
{
    struct live *l;
    struct link *k = seated(d, client, &l, f);
    if (!k) return ERR_NOT_ALLOWED_NOW;
    json_decref(k->stats);
    k->stats = json_deep_copy(stats);
    return 0;
}

/* ---- who speaks ---- */

static uint64_t seat_of_track(struct live *l, struct track_id track)
{
    for (const struct link *k = l->links; k; k = k->next)
        if (uplink_source_of(&k->up, track) != SOURCE_COUNT) return k->seat;
    return 0;
}

static void vote(struct live *l, uint64_t loudest)
{
    if (loudest != l->speaker_next) {
        l->speaker_next = loudest;
        l->speaker_votes = 0;
    }
    if (++l->speaker_votes >= SPEAKER_VOTES) l->speaker = loudest;
}

static void levels(struct live *l, const struct media_event *e)
{
    struct desk_level out[MEDIA_LEVELS_MAX];
    size_t n = 0, top = 0;
    for (size_t i = 0; i < e->levels.n; i++) {
        int dbov = e->levels.at[i].level_dbov, level = dbov <= 10 ? 100 : dbov >= 70 ? 0 : (70 - dbov) * 100 / 60;
        uint64_t seat = seat_of_track(l, e->levels.at[i].track);
        if (!seat) continue;
        out[n] = (struct desk_level){seat, (uint8_t)level};
        if (out[n].level > out[top].level) top = n;
        n++;
    }
    uint64_t before = l->speaker;
    vote(l, n && out[top].level >= SPEECH ? out[top].seat : 0);
    if (l->speaker != before) lecture_look(l);
    if (l->speaker && l->speaker != before) media_tracks_changed(l); /* thin lines carry him first now */
    desk_tell_room(l, (struct desk_tell){.type = TELL_SPEAKING, .speaker = l->speaker, .n_levels = n, .levels = out});
}

/* ---- the media plane's events ---- */

static struct link *link_of_peer(struct live *l, struct peer_id peer)
{
    struct link *k = l->links;
    while (k && k->up.peer.v != peer.v && k->down.peer.v != peer.v)
        k = k->next;
    if (!k) HASH_FIND(hh, l->audience, &peer.v, sizeof peer.v, k);
    return k;
}

static void peer_failed(struct live *l, struct link *k, struct peer_id peer)
{
    if (k->machine) {
        machine_leave(k);
        return;
    }
    if (k->down.peer.v == peer.v) {
        downlink_close(&k->down); /* the page subscribes again */
        k->subscribed = false;
        return;
    }
    struct uplink_track before[SOURCE_COUNT];
    memcpy(before, k->up.tracks, sizeof before);
    uplink_close(&k->up);
    tell_tracks(l, k, before);
}

static void peer_event(struct live *l, struct link *k, const struct media_event *e)
{
    bool up = k->up.peer.v == e->peer.v;
    if (away_event(l, k, e)) return;
    bool *silent = up ? &k->quality.up_silent : &k->quality.down_silent;
    switch (e->type) {
    case MEDIA_PEER_FAILED: peer_failed(l, k, e->peer); break;
    case MEDIA_PEER_SILENT: *silent = true; break;
    case MEDIA_PEER_CONNECTED:
    case MEDIA_PEER_BACK: *silent = false; break;
    case MEDIA_STREAMS: streams_event(l, k, e); break;
    case MEDIA_INTAKE: device_event(l, k, e); break;
    case MEDIA_TRACK_LAYERS: streams_wanted(l, k, e); break;
    case MEDIA_QUALITY: *(up ? &k->quality.up : &k->quality.down) = e->quality; break;
    default: break;
    }
}

void media_event_here(struct desk *d, const struct media_event *e)
{
    struct live *l = desk_room(d, e->room.v);
    struct link *k = l && e->peer.v ? link_of_peer(l, e->peer) : NULL;
    if (l && e->type == MEDIA_LEVELS) levels(l, e);
    else if (l && e->type == MEDIA_RECORD_DONE) record_done(l, e);
    else if (l && e->type == MEDIA_RECORD_TROUBLE) record_trouble(l, e);
    else if (l && e->type == MEDIA_TRACK_LIVE) {
        lecture_codec(l, e);
        if (k) device_event(l, k, e);
    }
    else if (k) peer_event(l, k, e);
    else if (e->type == MEDIA_PEER_FAILED) echo_gone(d, 0, e->peer);
}

/* ---- from the media threads ---- */

struct told {
    struct desk *desk;
    struct media_event event;
};

static void told_here(void *arg)
{
    struct told *t = arg;
    if (t->event.type == MEDIA_LIVE_PIECE) {
        if (!t->desk->asker.closed) lecture_piece(t->desk, &t->event);
        share_unref(t->event.piece.bytes);
    } else if (t->event.type == MEDIA_SURVEYED) {
        if (!t->desk->asker.closed && !plane_took(&t->desk->plane, &t->event)) surveyed(t->desk, t->event.survey);
        free(t->event.survey);
    } else if (!t->desk->asker.closed && !plane_took(&t->desk->plane, &t->event)) {
        media_event_here(t->desk, &t->event);
    }
    free(t);
}

void desk_media_event(void *desk, const struct media_event *event)
{
    struct told *t;
    if (event->type == MEDIA_RECORD_FILE || event->type == MEDIA_RECORD_DONE) record_keep(desk, event);
    if (event->type == MEDIA_RECORD_FILE || !(t = malloc(sizeof *t))) {
        free(event->type == MEDIA_SURVEYED ? event->survey : NULL);
        return;
    }
    t->desk = desk;
    t->event = *event;
    if (event->type == MEDIA_LIVE_PIECE) share_ref(event->piece.bytes);
    if (event->type == MEDIA_PEER_FAILED || event->type == MEDIA_RECORD_DONE || event->type == MEDIA_LIVE_PIECE || event->type == MEDIA_INTAKE) net_post_wait(t->desk->config.net, told_here, t);
    else if (net_post(t->desk->config.net, told_here, t)) { /* a level or a figure more or less */
        free(event->type == MEDIA_SURVEYED ? event->survey : NULL);
        free(t);
    }
}
