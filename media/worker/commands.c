#include "media/worker/worker.h"
#include "media/worker/dial.h"
#include "media/worker/figures.h"
#include "server/base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rooms ---- */
static struct room *room_get(struct worker *w, struct room_id id)
{
    struct room *r = table_get(&w->rooms, id.v);
    if (r || !(r = calloc(1, sizeof *r))) return r;
    r->id = id;
    if (table_put(&w->rooms, id.v, r)) {
        free(r);
        return NULL;
    }
    return r;
}

static void room_maybe_free(struct worker *w, struct room *r)
{
    if (r->peers.used || r->recording || r->lecture) return;
    survey_forget(w, r);
    table_remove(&w->rooms, r->id.v);
    table_free(&r->peers);
    free(r);
}

/* ---- peers ---- */
static uint64_t ufrag_key(const char *ufrag)
{
    return table_hash(ufrag, strlen(ufrag));
}

static void credentials(const struct media_peer_params *p, struct ice_credentials *out)
{
    snprintf(out->ufrag, sizeof out->ufrag, "%s", p->local_ufrag);
    snprintf(out->password, sizeof out->password, "%s", p->local_password);
}

static void open_inside(struct worker *w, struct peer *peer)
{
    if (table_put(&w->peers, peer->id.v, peer) == 0 && table_put(&peer->room->peers, peer->id.v, peer) == 0) return;
    peer_event(peer, MEDIA_PEER_FAILED);
    peer_close(peer, false);
}

static void peer_open(struct worker *w, const struct media_peer_params *p)
{
    if (table_get(&w->peers, p->peer.v)) return;
    struct peer *peer = calloc(1, sizeof *peer);
    struct room *room = peer ? room_get(w, p->room) : NULL;
    struct ice_credentials c;
    if (!room) {
        free(peer);
        return;
    }
    peer->worker = w;
    peer->room = room;
    peer->id = p->peer;
    peer->born_us = w->now_us;
    peer->inside = p->inside;
    if (p->inside) {
        open_inside(w, peer);
        return;
    }
    credentials(p, &c);
    ice_init(&peer->ice, &c, w->now_us);
    struct handshake_peer h = {.peer = p->peer, .client = p->dtls_client};
    snprintf(h.fingerprint, sizeof h.fingerprint, "%s", p->remote_fingerprint);
    if (p->n_dial && dial_open(peer, p, &h)) {
        peer_event(peer, MEDIA_PEER_FAILED);
        peer_close(peer, false);
        return;
    }
    if (worker_handshake(w, &h) || table_put(&w->peers, p->peer.v, peer) || table_put(&room->peers, p->peer.v, peer) ||
        table_put(&w->by_ufrag, ufrag_key(c.ufrag), peer)) {
        log_error("media", "peer %016" PRIx64 " could not be opened", p->peer.v);
        peer_event(peer, MEDIA_PEER_FAILED);
        peer_close(peer, false);
    }
}

static void forget_ufrag(struct peer *peer, const char *ufrag)
{
    uint64_t key = ufrag_key(ufrag);
    if (table_get(&peer->worker->by_ufrag, key) == peer) table_remove(&peer->worker->by_ufrag, key);
    steer_tell_forget(peer->worker, key, false);
}

static void peer_restart(struct worker *w, const struct media_peer_params *p)
{
    struct peer *peer = table_get(&w->peers, p->peer.v);
    if (!peer) return;
    struct ice_credentials c;
    credentials(p, &c);
    if (strcmp(c.ufrag, peer->ice.local.ufrag) == 0) return;
    /* The former ufrag stays in the table (ice refuses it once the new one was used) until the next restart or the end. */
    if (peer->ice.former.ufrag[0]) forget_ufrag(peer, peer->ice.former.ufrag);
    if (table_put(&w->by_ufrag, ufrag_key(c.ufrag), peer)) return;
    ice_restart(&peer->ice, &c);
}

void peer_forget_address(struct peer *peer, const struct address *address)
{
    uint64_t key = table_hash(address, sizeof *address);
    if (table_get(&peer->worker->by_tuple, key) != peer) return;
    table_remove(&peer->worker->by_tuple, key);
    steer_tell_forget(peer->worker, key, true);
}

static void forget_names(struct peer *peer)
{
    for (size_t i = 0; i < peer->ice.n_tuples; i++)
        peer_forget_address(peer, &peer->ice.tuples[i].address);
    forget_ufrag(peer, peer->ice.local.ufrag);
    if (peer->ice.former.ufrag[0]) forget_ufrag(peer, peer->ice.former.ufrag);
}

void peer_close(struct peer *peer, bool goodbye)
{
    struct worker *w = peer->worker;
    while (peer->n_feeds)
        feed_close(peer->feeds[0]);
    while (peer->n_tracks)
        track_close(peer->tracks[0]);
    if (!peer->inside) {
        handshake_end(w->handshake, peer->id, goodbye && peer->ice.has_selected ? &peer->ice.selected : NULL, peer->srtp);
        forget_names(peer);
    }
    dial_close(peer);
    table_remove(&w->peers, peer->id.v);
    table_remove(&peer->room->peers, peer->id.v);
    room_maybe_free(w, peer->room);
    free(peer->feeds);
    free(peer->up);
    line_free(peer);
    peer_calm(peer);
    explicit_bzero(peer, sizeof *peer);
    free(peer);
}

/* ---- tracks and feeds ---- */
static void track_announced(struct track *t)
{
    const struct media_track_params *p = &t->producer.params;
    if (p->ssrc) peer_bind(t->peer, p->ssrc, t, 0, false);
    if (p->rtx_ssrc) peer_bind(t->peer, p->rtx_ssrc, t, 0, true);
    for (size_t i = 0; i < p->n_rids; i++) {
        if (p->layer_ssrcs[i]) peer_bind(t->peer, p->layer_ssrcs[i], t, i, false);
        if (p->layer_rtx_ssrcs[i]) peer_bind(t->peer, p->layer_rtx_ssrcs[i], t, i, true);
    }
}

static void track_open(struct worker *w, const struct media_track_params *p)
{
    struct track *t = table_get(&w->tracks, p->track.v);
    if (t) {
        forward_flush(t); /* a ring may go away */
        producer_update(&t->producer, p);
        track_announced(t);
        for (size_t i = 0; i < t->n_feeds; i++)
            consumer_update(&t->feeds[i]->consumer, &t->producer);
        if (t->tap) {
            t->tap->params.n_payloads = p->n_payloads;
            memcpy(t->tap->params.payloads, p->payloads, sizeof p->payloads);
            consumer_update(t->tap, &t->producer);
        }
        lecture_update(t);
        return;
    }
    struct peer *peer = table_get(&w->peers, p->peer.v);
    if (!peer || peer->n_tracks == PEER_TRACKS_MAX || (!peer->up && !(peer->up = calloc(1, sizeof *peer->up))) || !(t = calloc(1, sizeof *t))) return;
    t->turn = 1;
    if (producer_open(&t->producer, p) || table_put(&w->tracks, p->track.v, t)) {
        producer_close(&t->producer);
        free(t);
        return;
    }
    t->peer = peer;
    t->room = peer->room;
    peer->tracks[peer->n_tracks++] = t;
    peer_enliven(peer);
    if (p->kind == MEDIA_VIDEO) {
        t->next_picture = t->room->pictures;
        t->room->pictures = t;
    }
    track_announced(t);
    peer->report_us = 0; /* REMB with the new stream in it */
    if (t->room->recording) track_record(t, true);
    lecture_tap(t);
}

static bool reserve(struct feed ***list, size_t n, size_t *cap)
{
    if (n < *cap) return true;
    size_t bigger = *cap ? *cap * 2 : 8;
    struct feed **grown = realloc(*list, bigger * sizeof **list);
    if (!grown) return false;
    *list = grown;
    *cap = bigger;
    return true;
}

/* An SSRC that this peer already had in an earlier feed goes on behind its last number: an SRTP index is used once. */
static void go_on(struct feed *f)
{
    uint16_t last;
    struct srtp_seal *s = f->peer->seal;
    if (!s) return;
    if (srtp_seal_last(s, f->consumer.params.ssrc, &last)) consumer_go_on(&f->consumer, last);
    if (srtp_seal_last(s, f->consumer.params.rtx_ssrc, &last)) consumer_rtx_go_on(&f->consumer, last);
}

static void feed_open(struct worker *w, const struct media_feed_params *p)
{
    struct feed *f = table_get(&w->feeds, p->feed.v);
    if (f) { /* renegotiated */
        bool other = f->consumer.params.ssrc != p->ssrc || f->consumer.params.rtx_ssrc != p->rtx_ssrc;
        f->consumer.params = *p;
        consumer_update(&f->consumer, &f->track->producer);
        if (other) go_on(f);
        line_feed(f);
        return;
    }
    struct peer *peer = table_get(&w->peers, p->peer.v);
    struct track *t = table_get(&w->tracks, p->track.v);
    if (!peer || !t || !reserve(&peer->feeds, peer->n_feeds, &peer->cap_feeds) ||
        !reserve(&t->feeds, t->n_feeds, &t->cap_feeds) || !(f = calloc(1, sizeof *f)))
        return;
    if (table_put(&w->feeds, p->feed.v, f)) {
        free(f);
        return;
    }
    f->peer = peer;
    f->track = t;
    consumer_init(&f->consumer, p, &t->producer);
    go_on(f);
    peer->feeds[peer->n_feeds++] = f;
    t->feeds[t->n_feeds++] = f;
    line_feed(f);
    if (peer->line) peer->line->due = true;
    forward_wish_key(f);
}

static void feed_pause(struct worker *w, struct feed_id id, bool on)
{
    struct feed *f = table_get(&w->feeds, id.v);
    if (!f || f->consumer.params.paused == on) return;
    f->consumer.params.paused = on;
    consumer_break(&f->consumer);
    if (f->peer->line) f->peer->line->due = true;
    forward_wish_key(f);
}

static void feed_layer(struct worker *w, struct feed_id id, uint8_t layer)
{
    struct feed *f = table_get(&w->feeds, id.v);
    if (!f) return;
    f->consumer.wanted = layer < MEDIA_RIDS_MAX ? layer : MEDIA_RIDS_MAX - 1;
    if (f->peer->line) f->peer->line->due = true;
    forward_wish_key(f);
}

static void feed_value(struct worker *w, struct feed_id id, uint8_t value)
{
    struct feed *f = table_get(&w->feeds, id.v);
    if (!f) return;
    f->consumer.params.value = value;
    if (f->peer->line) f->peer->line->due = true;
}

static void track_pause(struct worker *w, struct track_id id, bool on)
{
    struct track *t = table_get(&w->tracks, id.v);
    if (!t || t->producer.paused == on) return;
    forward_flush(t);
    t->producer.paused = on;
    producer_forget_groups(&t->producer); /* what came while nobody was to see it stays unseen */
    for (size_t i = 0; i < t->n_feeds; i++)
        consumer_break(&t->feeds[i]->consumer);
    if (t->tap) consumer_break(t->tap);
    if (t->live) consumer_break(t->live);
    forward_wish_keys(t);
}

static void keyframe(struct worker *w, struct track_id id)
{
    struct track *t = table_get(&w->tracks, id.v);
    for (size_t i = 0; t && i < t->producer.n_layers; i++)
        producer_want_key(&t->producer, i);
}

/* ---- recordings ---- */
static void record_all(struct room *room, bool on)
{
    struct peer *peer;
    for (size_t i = 0; (peer = table_next(&room->peers, &i));)
        for (size_t k = 0; k < peer->n_tracks; k++)
            track_record(peer->tracks[k], on);
}

static void record_stop(struct worker *w, struct room *room)
{
    uint64_t recording = room->recording;
    if (!recording) return;
    record_all(room, false);
    room->recording = 0;
    recorder_stop(w->recorder, recording);
    room_maybe_free(w, room);
}

static void record_start(struct worker *w, const struct media_record_params *p)
{
    struct room *room = w->recorder ? room_get(w, p->room) : NULL;
    if (!room || room->recording) {
        struct media_event e = {.type = MEDIA_RECORD_DONE, .room = p->room, .recording = p->recording,
                                .error = room ? ERR_CONFLICT : ERR_UNAVAILABLE};
        worker_event(w, &e);
        return;
    }
    room->recording = p->recording;
    recorder_start(w->recorder, p->room, p->recording);
    record_all(room, true);
}

static void room_close(struct worker *w, struct room_id id)
{
    struct room *room = table_get(&w->rooms, id.v);
    if (!room) return;
    record_stop(w, room);
    if ((room = table_get(&w->rooms, id.v))) lecture_stop(w, room), room_maybe_free(w, room);
    struct peer *peer;
    size_t i = 0;
    while ((room = table_get(&w->rooms, id.v)) && (i = 0, peer = table_next(&room->peers, &i)))
        peer_close(peer, true);
}

static void find_recording_and_stop(struct worker *w, struct room_id id, uint64_t recording)
{
    struct room *room = table_get(&w->rooms, id.v);
    if (room && room->recording == recording) record_stop(w, room);
}

static void lecture(struct worker *w, const struct media_cmd *c)
{
    struct room *room = c->type == MEDIA_LIVE_START ? room_get(w, c->room) : table_get(&w->rooms, c->room.v);
    if (!room) return;
    lecture_command(w, room, c);
    room_maybe_free(w, room);
}

void worker_command(struct worker *w, const struct media_cmd *c)
{
    struct peer *peer;
    struct track *t;
    struct feed *f;
    switch (c->type) {
    case MEDIA_PEER_OPEN: peer_open(w, &c->peer_open); break;
    case MEDIA_PEER_RESTART: peer_restart(w, &c->peer_open); break;
    case MEDIA_PEER_CLOSE: if ((peer = table_get(&w->peers, c->peer.v))) peer_close(peer, true); break;
    case MEDIA_PEER_INPUT:
        peer_inside_input(w, c->input.peer, c->input.packets);
        share_unref(c->input.packets);
        break;
    case MEDIA_TRACK_OPEN: track_open(w, &c->track_open); break;
    case MEDIA_TRACK_CLOSE: if ((t = table_get(&w->tracks, c->track.track.v))) track_close(t); break;
    case MEDIA_TRACK_PAUSE: track_pause(w, c->track.track, c->track.on); break;
    case MEDIA_FEED_OPEN: feed_open(w, &c->feed_open); break;
    case MEDIA_FEED_CLOSE: if ((f = table_get(&w->feeds, c->feed.feed.v))) feed_close(f); break;
    case MEDIA_FEED_PAUSE: feed_pause(w, c->feed.feed, c->feed.on); break;
    case MEDIA_FEED_LAYER: feed_layer(w, c->feed.feed, c->feed.layer); break;
    case MEDIA_FEED_VALUE: feed_value(w, c->feed.feed, c->feed.value); break;
    case MEDIA_FEED_EVERY: if ((f = table_get(&w->feeds, c->feed.feed.v))) f->consumer.params.every = c->feed.on; break;
    case MEDIA_KEYFRAME: keyframe(w, c->track.track); break;
    case MEDIA_RECORD_START: record_start(w, &c->record); break;
    case MEDIA_RECORD_STOP: find_recording_and_stop(w, c->room, c->recording); break;
    case MEDIA_LIVE_START:
    case MEDIA_LIVE_TRACK:
    case MEDIA_LIVE_WATCHED:
    case MEDIA_LIVE_STOP: lecture(w, c); break;
    case MEDIA_ROOM_CLOSE: room_close(w, c->room); break;
    case MEDIA_SURVEY: worker_survey(w, c); break;
    }
}

void worker_close_everything(struct worker *w)
{
    struct room *room;
    size_t i = 0;
    while (i = 0, (room = table_next(&w->rooms, &i)))
        room_close(w, room->id);
    table_free(&w->rooms);
    table_free(&w->peers);
    table_free(&w->tracks);
    table_free(&w->feeds);
    table_free(&w->by_tuple);
    table_free(&w->by_ufrag);
}
