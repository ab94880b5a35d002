/* Everything periodic: loss repair, reports both ways, consent, levels, quality. Runs every 10 ms while peers exist;
 * who only receives and gives no feedback about his line is looked after every 100 ms. */
#include "media/rtp/bytes.h"
#include "media/worker/worker.h"
#include "media/worker/dial.h"
#include "media/worker/figures.h"
#include "server/base/steady.h"
#include <stdlib.h>
#include <string.h>

#define SILENT_US 5000000
#define GONE_US 60000000
#define STALLED_US 3000000
#define WISH_US_A_FEED 200 /* a thousand receivers are looked through every 200 ms; who begins to wait is looked at at once */
#define IDLE_TICKS 10
#define LIP_SYNC_US 5000000 /* until a receiver knows by two reports each how sound and picture belong together; clocks drift slowly */
#define REST_ASKED_US 10000000 /* a layer that was asked for and has not come by then does not come */

uint64_t worker_ntp(void)
{
    uint64_t us = (uint64_t)steady_utc_us();
    return (us / 1000000 + 2208988800u) << 32 | (us % 1000000 << 32) / 1000000;
}

static void ask_again(struct peer *peer, struct track *t)
{
    for (size_t i = 0; i < t->producer.n_layers; i++) {
        struct layer *l = &t->producer.layers[i];
        bool rtx = false;
        for (size_t k = 0; k < t->producer.params.n_payloads; k++)
            rtx = rtx || t->producer.params.payloads[k].rtx_payload_type;
        uint16_t seqs[32];
        size_t n = l->known ? nack_due(&l->nack, peer->worker->now_us, peer->rtt_ms, seqs, 32) : 0;
        if (!n || t->producer.paused || (t->producer.params.kind == MEDIA_AUDIO && !rtx)) continue;
        struct rtcp_builder b;
        peer_begin_rtcp(peer, &b);
        rtcp_add_rr(&b, 1, NULL, 0);
        rtcp_add_nack(&b, 1, l->ssrc, seqs, n);
        metric_add(figures.nacks_sent, (int64_t)n);
        l->told.nacks += (uint32_t)n;
        peer_send_rtcp(peer, &b);
    }
}

static void watch_track(struct peer *peer, struct track *t)
{
    int64_t now = peer->worker->now_us, last = 0;
    for (size_t i = 0; i < t->producer.n_layers; i++)
        if (t->producer.layers[i].heard_us > last) last = t->producer.layers[i].heard_us;
    if (!t->producer.live || t->producer.paused || t->producer.stalled || now - last < STALLED_US) return;
    t->producer.stalled = true;
    struct media_event e = {.type = MEDIA_TRACK_STALLED, .room = peer->room->id, .peer = peer->id,
                            .track = t->producer.params.track};
    worker_event(peer->worker, &e);
}

/* RR with a block per stream, and the bitrate allowed (REMB), once a second. */
static void report_up(struct peer *peer)
{
    struct rtcp_report blocks[24];
    uint32_t ssrcs[24];
    size_t n = 0, streams = 0;
    for (size_t i = 0; i < peer->n_tracks; i++)
        for (size_t k = 0; k < peer->tracks[i]->producer.n_layers; k++) {
            struct layer *l = &peer->tracks[i]->producer.layers[k];
            if (!l->known) continue;
            if (streams < 24) ssrcs[streams++] = l->ssrc;
            if (l->counting && n < 24) producer_report(&peer->tracks[i]->producer, k, peer->worker->now_us, &blocks[n++]);
        }
    if (!peer->n_tracks) return;
    struct rtcp_builder b;
    peer_begin_rtcp(peer, &b);
    rtcp_add_rr(&b, 1, blocks, n);
    rtcp_add_sdes(&b, 1, "yilian");
    if (peer->worker->config.max_bitrate_bps) rtcp_add_remb(&b, 1, peer->worker->config.max_bitrate_bps, ssrcs, streams);
    peer_send_rtcp(peer, &b);
}

/* A sender report for each feed: each second at first, then every other. To hundreds they are hundreds of datagrams of their own. */
static void report_down(struct peer *peer)
{
    struct rtcp_builder b;
    peer_begin_rtcp(peer, &b);
    for (size_t i = 0; i < peer->n_feeds; i++) {
        struct feed *f = peer->feeds[i];
        struct rtcp_sender_info info;
        if (!consumer_sender_info(&f->consumer, &f->track->producer, worker_ntp(), f->track->peer->clock.offset,
                                  peer->worker->now_us, &info))
            continue;
        if (b.cap - b.len < 60) {
            peer_send_rtcp(peer, &b);
            peer_begin_rtcp(peer, &b);
        }
        rtcp_add_sr(&b, &info);
        rtcp_add_sdes(&b, info.ssrc, "yilian");
    }
    if (b.len) peer_send_rtcp(peer, &b);
}

static void feedback(struct peer *peer)
{
    struct rtcp_builder b;
    peer_begin_rtcp(peer, &b);
    uint32_t media = peer->n_tracks ? peer->tracks[0]->producer.layers[0].ssrc : 0;
    while (twcc_add_feedback(&peer->up->twcc, &b, 1, media) && b.len) {
        peer_send_rtcp(peer, &b);
        peer_begin_rtcp(peer, &b);
    }
}

static uint32_t to_ms(uint32_t units, uint32_t clock)
{
    return (uint32_t)((uint64_t)units * 1000 / clock);
}

enum media_reduced feed_reduced(const struct feed *f)
{
    const struct consumer *c = &f->consumer;
    int64_t now = f->peer->worker->now_us;
    size_t top = producer_layers(&f->track->producer) - 1;
    int best = c->wanted < top ? c->wanted : (int)top;
    while (best > 0 && !producer_alive(&f->track->producer, (size_t)best, now) && f->track->layers & 1u << best)
        best--; /* the publisher does not send it: no fault of this line */
    if (c->held) return c->still.every_us ? MEDIA_STILLS : MEDIA_HELD;
    if (c->allotted && !c->params.exact && c->cap < best) return MEDIA_SMALLER;
    return c->allotted && c->tid_cap < LAYER_TIDS - 1 ? MEDIA_FEWER_FRAMES : MEDIA_WHOLE;
}

static bool wanted_rests(const struct feed *f)
{
    const struct track *t = f->track;
    const struct producer *p = &t->producer;
    int64_t now = f->peer->worker->now_us;
    size_t top = producer_layers(p) - 1, wanted = f->consumer.wanted < top ? f->consumer.wanted : top;
    if (!top || !t->layers_us) return false;
    if (!(t->layers & 1u << wanted)) return true;
    return !producer_alive(p, wanted, now) && p->layers[p->n_layers > 1 ? wanted : 0].heard_us && now - t->asked_us[wanted] < REST_ASKED_US;
}

static void stream(struct feed *f, int64_t period_us, struct media_stream *out)
{
    struct consumer *c = &f->consumer;
    struct peer *peer = f->peer;
    int64_t now = peer->worker->now_us;
    int shown = consumer_layer(c, &f->track->producer);
    if (f->packet_us && now - f->packet_us > 400000 && !c->held) { /* still standing */
        f->gap_us += now - f->packet_us;
        f->packet_us = now;
        f->freezes += !f->stands;
        f->stands = true;
    }
    *out = (struct media_stream){.track = f->track->producer.params.track, .reduced = feed_reduced(f), .rests = wanted_rests(f), .layer = (uint8_t)(shown < 0 ? 0 : shown),
                                 .loss_permille = (uint16_t)(c->fraction_lost * 1000u / 256), .bps = (uint32_t)((c->bytes - f->bytes_prior) * 8000000 / (uint64_t)period_us),
                                 .frozen_ms = (uint16_t)((f->gap_us < period_us ? f->gap_us : period_us) / 1000), .delay_ms = peer->rtt_ms / 2};
    if (peer->line) out->delay_ms += (uint32_t)(peer->line->bwe.queue_us / 1000);
    f->bytes_prior = c->bytes;
    f->gap_us = 0;
}

static void streams(struct peer *peer, int64_t period_us)
{
    struct media_event e = {.type = MEDIA_STREAMS, .room = peer->room->id, .peer = peer->id};
    for (size_t i = 0; i < peer->n_feeds && e.streams.n < MEDIA_STREAMS_MAX; i++) {
        struct feed *f = peer->feeds[i];
        if (f->track->producer.params.kind != MEDIA_VIDEO || f->consumer.params.paused || f->track->producer.paused || !f->track->producer.live) continue;
        stream(f, period_us, &e.streams.at[e.streams.n++]);
    }
    if (e.streams.n) worker_event(peer->worker, &e);
}

static void quality(struct peer *peer)
{
    struct media_event e = {.type = MEDIA_QUALITY, .room = peer->room->id, .peer = peer->id};
    struct media_quality *q = &e.quality;
    uint64_t lost = 0, expected = 0;
    for (size_t i = 0; i < peer->n_tracks; i++) {
        struct producer *p = &peer->tracks[i]->producer;
        p->loss_permille = p->expected_period ? (uint16_t)(p->lost_period * 1000 / p->expected_period) : 0;
        lost += p->lost_period;
        expected += p->expected_period;
        p->lost_period = p->expected_period = 0;
        for (size_t k = 0; k < p->n_layers; k++) {
            uint32_t jitter = to_ms(p->layers[k].jitter_q4 >> 4, producer_clock(p));
            if (layer_alive(&p->layers[k], peer->worker->now_us) && jitter > q->up_jitter_ms) q->up_jitter_ms = jitter;
        }
    }
    q->up_loss_permille = expected ? (uint16_t)(lost * 1000 / expected) : 0;
    for (size_t i = 0; i < peer->n_feeds; i++) { /* the worst feed: that is what the person sees */
        const struct consumer *c = &peer->feeds[i]->consumer;
        uint16_t loss = (uint16_t)(c->fraction_lost * 1000u / 256);
        uint32_t jitter = to_ms(c->jitter, producer_clock(&peer->feeds[i]->track->producer));
        if (loss > q->down_loss_permille) q->down_loss_permille = loss;
        if (jitter > q->down_jitter_ms) q->down_jitter_ms = jitter;
    }
    uint64_t period_us = (uint64_t)(peer->worker->now_us - peer->quality_us);
    q->rtt_ms = peer->rtt_ms;
    if (peer->line && peer->line->bwe.heard) {
        q->line_bps = bwe_estimate_bps(&peer->line->bwe);
        q->line_queue_ms = (uint32_t)(peer->line->bwe.queue_us / 1000);
    }
    q->up_bps = (uint32_t)((peer->up_bytes - peer->up_bytes_prior) * 8000000 / period_us);
    q->down_bps = (uint32_t)((peer->down_bytes - peer->down_bytes_prior) * 8000000 / period_us);
    peer->up_bytes_prior = peer->up_bytes;
    peer->down_bytes_prior = peer->down_bytes;
    worker_event(peer->worker, &e);
    streams(peer, (int64_t)period_us);
}

/* True when the peer is still there. */
static bool consent(struct peer *peer)
{
    if (peer->inside) return true; /* the room's desk ends it */
    int64_t quiet = peer->worker->now_us - peer->ice.heard_us;
    if (quiet > GONE_US) {
        peer_event(peer, MEDIA_PEER_FAILED);
        peer_close(peer, true);
        return false;
    }
    if (quiet > SILENT_US && !peer->silent && peer->srtp) {
        peer->silent = true;
        peer_event(peer, MEDIA_PEER_SILENT);
    }
    return true;
}

/* Peers that came one by one are served together from now on: what is told of them wakes its reader once. */
static int64_t beat(int64_t now_us, int64_t every_us)
{
    return now_us - now_us % every_us;
}

static void tick_connected(struct peer *peer)
{
    int64_t now = peer->worker->now_us;
    for (size_t i = 0; i < peer->n_tracks; i++) {
        producer_measure(&peer->tracks[i]->producer, now);
        line_wants(peer->tracks[i]);
        ask_again(peer, peer->tracks[i]);
        if (now - peer->tracks[i]->wished_us >= (int64_t)peer->tracks[i]->n_feeds * WISH_US_A_FEED) forward_wish_keys(peer->tracks[i]);
        watch_track(peer, peer->tracks[i]);
        lecture_refer(peer->tracks[i]);
        track_record_refer(peer->tracks[i]);
    }
    line_tick(peer);
    if (peer->up && peer->up->twcc_used && now - peer->up->twcc_us >= 50000) {
        peer->up->twcc_us = now;
        feedback(peer);
    }
    if (now - peer->report_us >= 1000000) {
        peer->report_us = beat(now, 50000);
        report_up(peer);
        if (!peer->reported || now - peer->born_us < LIP_SYNC_US) report_down(peer);
        peer->reported = !peer->reported;
    }
    if (!peer->quality_us) peer->quality_us = now;
    if (now - beat(peer->quality_us, 1000000) >= 2000000) {
        quality(peer);
        peer->quality_us = now;
    }
}

void peer_enliven(struct peer *peer)
{
    if (peer->lively) return;
    peer->lively = true;
    peer->next_lively = peer->worker->lively;
    peer->worker->lively = peer;
}

void peer_calm(struct peer *peer)
{
    struct peer **at = &peer->worker->lively;
    if (!peer->lively) return;
    while (*at != peer)
        at = &(*at)->next_lively;
    *at = peer->next_lively;
    peer->lively = false;
}

static void levels(struct worker *w, struct room *room)
{
    if (w->now_us - room->levels_us < 250000) return;
    room->levels_us = w->now_us;
    struct media_event e = {.type = MEDIA_LEVELS, .room = room->id};
    bool anyone = false;
    struct peer *peer;
    for (size_t i = 0; (peer = table_next(&room->peers, &i));)
        for (size_t k = 0; k < peer->n_tracks; k++) {
            struct producer *p = &peer->tracks[k]->producer;
            if (p->params.kind != MEDIA_AUDIO) continue;
            uint8_t level = p->paused ? 127 : p->loudest;
            p->loudest = 127;
            anyone = anyone || level < 60;
            if (e.levels.n == MEDIA_LEVELS_MAX || (!p->live)) continue;
            e.levels.at[e.levels.n].track = p->params.track;
            e.levels.at[e.levels.n++].level_dbov = level;
        }
    if (e.levels.n && (anyone || room->speaking)) worker_event(w, &e); /* once more when it falls silent */
    room->speaking = anyone;
}

static void serve(struct peer *peer)
{
    if (consent(peer) && (peer->srtp || peer->inside)) tick_connected(peer);
}

/* The many who only receive: a tenth of them each tick. In portions, because a peer may close in its turn and the table must not change
 * under the walk; who is moved by that is met again within 100 ms. */
static void serve_calm(struct worker *w)
{
    struct peer *peer, *list[64];
    size_t slots = w->peers.slots, i = slots * (w->ticks % IDLE_TICKS) / IDLE_TICKS, end = slots * (w->ticks % IDLE_TICKS + 1) / IDLE_TICKS, n;
    do {
        for (n = 0; n < 64 && i < end && (peer = table_next(&w->peers, &i));)
            if (!peer->lively) list[n++] = peer;
        for (size_t k = 0; k < n; k++)
            serve(list[k]);
    } while (n == 64);
}

void worker_tick(struct worker *w)
{
    for (struct peer *peer = w->lively, *next; peer; peer = next) {
        next = peer->next_lively;
        serve(peer);
    }
    serve_calm(w);
    dial_tick(w);
    w->ticks++;
    struct room *room;
    for (size_t i = 0; (room = table_next(&w->rooms, &i));)
        levels(w, room);
}
