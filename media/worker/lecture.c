/* A room's programme: the one picture and the one voice that are packaged for all who watch over HTTP (media/mux/caster.h). Each has a tap,
 * a consumer like any receiver's, so that layers, pauses and restarted publishers are told apart as for everybody. */
#include "media/worker/worker.h"
#include <stdlib.h>
#include <string.h>

#define KEY_EVERY_US 2000000     /* a segment of the programme */
#define KEY_SELDOM_US 20000000 /* while nobody watches: a keyframe costs every receiver of the room, and is asked of the publisher's line */
#define REFER_EVERY_US 500000

static uint64_t lecture_of(const struct track *t)
{
    return t->room->lecture;
}

void lecture_packet(struct track *t, const struct packet *k)
{
    struct worker *w = t->peer->worker;
    struct rtp_parts parts;
    uint8_t whole[DATAGRAM_MAX];
    if (!t->live || !consumer_forward(t->live, &t->producer, k, w->now_us, &parts)) return;
    size_t n = rtp_join(&parts, whole, sizeof whole);
    caster_packet(w->caster, lecture_of(t), t->producer.layers[k->layer].codec, whole, n);
}

void lecture_wish_key(struct track *t)
{
    int64_t now = t->peer->worker->now_us;
    size_t layer;
    if (!t->live) return;
    if (consumer_needs_key(t->live, &t->producer, now, &layer)) producer_want_key(&t->producer, layer);
    if (t->live->layer < 0 || t->producer.params.kind != MEDIA_VIDEO) return;
    if (t->producer.layers[t->live->layer].key_us > t->live_key_us) t->live_key_us = t->producer.layers[t->live->layer].key_us;
    if (now - t->live_key_us < (t->room->watched ? KEY_EVERY_US : KEY_SELDOM_US)) return;
    t->live_key_us = now;
    producer_want_key(&t->producer, (size_t)t->live->layer);
}

/* What time it is in the stream, by the publisher's sender reports: receivers of a feed are told the same. */
void lecture_refer(struct track *t)
{
    struct worker *w = t->peer->worker;
    uint32_t timestamp;
    int64_t utc_us;
    if (!t->live || w->now_us - t->live_refer_us < REFER_EVERY_US) return;
    if (!track_clock(t, t->live, &timestamp, &utc_us)) return;
    t->live_refer_us = w->now_us;
    caster_refer(w->caster, lecture_of(t), t->producer.params.kind, timestamp, utc_us);
}

void lecture_untap(struct track *t)
{
    free(t->live);
    t->live = NULL;
}

/* Taps the track when it is the one that was chosen, also when it comes after the choice. */
void lecture_tap(struct track *t)
{
    struct worker *w = t->peer->worker;
    enum media_kind kind = t->producer.params.kind;
    if (!lecture_of(t) || t->live || t->room->programme[kind].v != t->producer.params.track.v) return;
    forward_flush(t); /* what came belongs to before */
    if (!(t->live = calloc(1, sizeof *t->live))) return;
    struct media_feed_params p = {.n_payloads = t->producer.params.n_payloads, .ssrc = 1};
    memcpy(p.payloads, t->producer.params.payloads, sizeof p.payloads);
    consumer_init(t->live, &p, &t->producer);
    caster_switch(w->caster, lecture_of(t), kind);
    t->live_key_us = w->now_us;
    t->live_refer_us = 0;
    forward_wish_keys(t);
}

void lecture_update(struct track *t)
{
    if (!t->live) return;
    t->live->params.n_payloads = t->producer.params.n_payloads;
    memcpy(t->live->params.payloads, t->producer.params.payloads, sizeof t->producer.params.payloads);
    consumer_update(t->live, &t->producer);
}

/* Begins with a keyframe, and soon: a child that changes its codec, a rendition that was not there. */
static void hurry(struct track *t)
{
    if (t->live && t->live->layer >= 0) producer_want_key(&t->producer, (size_t)t->live->layer);
    forward_wish_keys(t);
}

static void retap(struct worker *w, struct room *room, enum media_kind kind, struct track_id chosen)
{
    struct track *old = table_get(&w->tracks, room->programme[kind].v), *t = table_get(&w->tracks, chosen.v);
    if (old && room->programme[kind].v != chosen.v) lecture_untap(old);
    room->programme[kind] = chosen;
    if (kind == MEDIA_VIDEO && !chosen.v) caster_off(w->caster, room->lecture);
    if (t && t->room == room && t->producer.params.kind == kind) lecture_tap(t);
}

void lecture_command(struct worker *w, struct room *room, const struct media_cmd *c)
{
    const struct media_live_params *p = &c->live;
    if (c->type == MEDIA_LIVE_START && !room->lecture) {
        room->lecture = p->lecture;
        caster_start(w->caster, room->id, p);
    } else if (c->type == MEDIA_LIVE_TRACK && room->lecture == p->lecture) {
        retap(w, room, p->kind, p->track);
    } else if (c->type == MEDIA_LIVE_WATCHED && room->lecture == p->lecture) {
        struct track *t = table_get(&w->tracks, room->programme[MEDIA_VIDEO].v);
        caster_watched(w->caster, room->lecture, p);
        room->watched = p->watched;
        if (t && room->watched) hurry(t); /* who comes first does not wait for the end of a long group */
    } else if (c->type == MEDIA_LIVE_STOP && room->lecture == p->lecture) {
        lecture_stop(w, room);
    }
}

void lecture_stop(struct worker *w, struct room *room)
{
    if (!room->lecture) return;
    for (int kind = 0; kind < 2; kind++)
        retap(w, room, (enum media_kind)kind, (struct track_id){0});
    caster_stop(w->caster, room->lecture);
    room->lecture = 0;
    room->watched = false;
}
