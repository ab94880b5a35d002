#include "media/worker/worker.h"
#include "media/worker/figures.h"
#include <stdlib.h>
#include <string.h>

/* ---- packets ---- */
static void record(struct track *t, size_t layer, const struct rtp *r, bool key)
{
    struct worker *w = t->peer->worker;
    uint8_t copy[DATAGRAM_MAX];
    size_t n = consumer_forward(t->tap, &t->producer, layer, r, key, w->now_us, copy, sizeof copy);
    if (n)
        recorder_packet(w->recorder, t->room->recording, t->producer.params.track, t->producer.layers[layer].codec, copy, n);
}

void forward_packet(struct track *t, size_t layer, const struct rtp *r, bool key)
{
    struct worker *w = t->peer->worker;
    if (t->producer.paused) return;
    for (size_t i = 0; i < t->n_feeds; i++) {
        struct feed *f = t->feeds[i];
        if (!f->peer->srtp) continue;
        uint8_t *slot = out_slot(w);
        size_t n = consumer_forward(&f->consumer, &t->producer, layer, r, key, w->now_us, slot, DATAGRAM_MAX - SRTP_OVERHEAD);
        if (n) peer_send(f->peer, slot, n, false);
    }
    if (t->tap) record(t, layer, r, key);
}

/* ---- keyframes ---- */
void forward_send_pli(struct track *t, size_t layer)
{
    struct worker *w = t->peer->worker;
    if (!t->peer->srtp) return;
    struct rtcp_builder b;
    uint8_t *slot = out_slot(w);
    rtcp_begin(&b, slot, DATAGRAM_MAX - SRTP_OVERHEAD);
    rtcp_add_rr(&b, 1, NULL, 0);
    rtcp_add_pli(&b, 1, t->producer.layers[layer].ssrc);
    metric_add(figures.keyframe_requests, 1);
    peer_send(t->peer, slot, b.len, true);
}

void forward_wish_keys(struct track *t)
{
    int64_t now = t->peer->worker->now_us;
    size_t layer;
    for (size_t i = 0; i < t->n_feeds; i++)
        if (t->feeds[i]->peer->srtp && consumer_needs_key(&t->feeds[i]->consumer, &t->producer, now, &layer))
            producer_want_key(&t->producer, layer);
    if (t->tap && consumer_needs_key(t->tap, &t->producer, now, &layer)) producer_want_key(&t->producer, layer);
    if (t->tap && t->tap->layer >= 0 && now - t->tap_key_us > 5000000) { /* so that a recording can be searched */
        t->tap_key_us = now;
        producer_want_key(&t->producer, (size_t)t->tap->layer);
    }
    for (size_t i = 0; i < t->producer.n_layers; i++)
        if (t->peer->srtp && producer_pli_due(&t->producer, i, now)) forward_send_pli(t, i);
}

/* ---- RTCP from a peer ---- */
static struct feed *feed_by_ssrc(struct peer *peer, uint32_t ssrc)
{
    for (size_t i = 0; i < peer->n_feeds; i++)
        if (peer->feeds[i]->consumer.params.ssrc == ssrc) return peer->feeds[i];
    return NULL;
}

static void on_sender(void *ctx, const struct rtcp_sender_info *info)
{
    struct peer *peer = ctx;
    struct ssrc_slot *s = peer_ssrc(peer, info->ssrc);
    if (!s || s->rtx) return;
    producer_sender_report(&s->track->producer, s->layer, info, peer->worker->now_us);
    int64_t offset = (int64_t)(worker_ntp() - info->ntp);
    if (!peer->has_clock_offset || offset < peer->clock_offset) peer->clock_offset = offset;
    peer->has_clock_offset = true;
}

static void on_report(void *ctx, const struct rtcp_report *r)
{
    struct peer *peer = ctx;
    struct feed *f = feed_by_ssrc(peer, r->ssrc);
    if (!f) return;
    consumer_report(&f->consumer, &f->track->producer, r, peer->worker->now_us);
    if (!r->last_sr) return;
    uint32_t trip = (uint32_t)(worker_ntp() >> 16) - r->last_sr - r->delay_since_sr; /* RFC 3550 6.4.1, 1/65536 s */
    if (trip < 65536 * 10) peer->rtt_ms = (uint32_t)((uint64_t)trip * 1000 / 65536);
    if (peer->rtt_ms == 0) peer->rtt_ms = 1;
}

static void on_nack(void *ctx, uint32_t ssrc, uint16_t seq)
{
    struct peer *peer = ctx;
    struct feed *f = feed_by_ssrc(peer, ssrc);
    if (!f) return;
    uint8_t *slot = out_slot(peer->worker);
    size_t n = consumer_resend(&f->consumer, &f->track->producer, seq, peer->worker->now_us, slot, DATAGRAM_MAX - SRTP_OVERHEAD);
    if (!n) return;
    metric_add(figures.resent, 1);
    peer_send(peer, slot, n, false);
}

static void on_keyframe(void *ctx, uint32_t ssrc)
{
    struct feed *f = feed_by_ssrc(ctx, ssrc);
    if (f && f->consumer.layer >= 0) producer_want_key(&f->track->producer, (size_t)f->consumer.layer);
    if (f) forward_wish_keys(f->track);
}

void peer_rtcp(struct peer *peer, const uint8_t *data, size_t len)
{
    struct rtcp_handler h = {on_sender, on_report, on_nack, on_keyframe, NULL, NULL, peer};
    if (rtcp_parse(data, len, &h)) metric_add(figures.refused, 1);
}

/* ---- lives of tracks and feeds ---- */
static void take_out(struct feed **list, size_t *n, const struct feed *f)
{
    for (size_t i = 0; i < *n; i++)
        if (list[i] == f) {
            list[i] = list[--*n];
            return;
        }
}

void feed_close(struct feed *f)
{
    struct worker *w = f->peer->worker;
    take_out(f->track->feeds, &f->track->n_feeds, f);
    take_out(f->peer->feeds, &f->peer->n_feeds, f);
    table_remove(&w->feeds, f->consumer.params.feed.v);
    metric_set(figures.feeds, (int64_t)w->feeds.used);
    free(f);
}

void track_record(struct track *t, bool on)
{
    struct worker *w = t->peer->worker;
    if (!on) {
        if (t->tap) recorder_track_end(w->recorder, t->room->recording, t->producer.params.track);
        free(t->tap);
        t->tap = NULL;
        return;
    }
    if (t->tap || !(t->tap = calloc(1, sizeof *t->tap))) return;
    struct media_feed_params p = {.n_payloads = t->producer.params.n_payloads, .ssrc = 1};
    memcpy(p.payloads, t->producer.params.payloads, sizeof p.payloads);
    consumer_init(t->tap, &p, &t->producer);
    t->tap_key_us = w->now_us;
    forward_wish_keys(t);
}

void track_close(struct track *t)
{
    struct worker *w = t->peer->worker;
    while (t->n_feeds)
        feed_close(t->feeds[0]);
    track_record(t, false);
    peer_forget_track(t->peer, t);
    for (size_t i = 0; i < t->peer->n_tracks; i++)
        if (t->peer->tracks[i] == t) t->peer->tracks[i] = t->peer->tracks[--t->peer->n_tracks];
    table_remove(&w->tracks, t->producer.params.track.v);
    metric_set(figures.tracks, (int64_t)w->tracks.used);
    producer_close(&t->producer);
    free(t->feeds);
    free(t);
}
