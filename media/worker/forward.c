#include "media/router/replay.h"
#include "media/worker/worker.h"
#include "media/rtp/bytes.h"
#include "media/worker/figures.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A frame's packets are held until its last one came, so that they cross the network stack together: nobody can decode it earlier. The
 * more receivers gain by it, the longer, in case the last one is late or lost. */
#define HOLD_FEEDS 8
#define HOLD_US_A_FEED 200
#define HOLD_US_MAX 10000

/* ---- one receiver ---- */
/* How many copies from `at` on can leave as one run, and the length of its segments: all equal, after padding of a few bytes; the last
 * may be shorter. (Browsers split a frame into packets that differ by a byte or so.) */
static size_t run_length(const struct egress *e, const struct copies *c, size_t at, size_t *segment)
{
    size_t n = 1, shortest = c->len[at];
    bool may_pad = c->may_pad[at];
    *segment = c->len[at];
    if (!e->segments || *segment > EGRESS_SEGMENT_MAX) return 1;
    while (at + n < c->n && n < EGRESS_RUN) {
        size_t len = c->len[at + n], longest = len > *segment ? len : *segment;
        if (len > EGRESS_SEGMENT_MAX || (longest != shortest && (!may_pad || longest - shortest > RTP_PAD_MAX))) break;
        n++;
        *segment = longest;
        if (len < longest) { /* inside a run it would have to be padded */
            if (!c->may_pad[at + n - 1] || longest - len > RTP_PAD_MAX) break;
            if (len < shortest) shortest = len;
        }
        may_pad = may_pad && c->may_pad[at + n - 1];
    }
    return n;
}

static size_t seal(struct peer *peer, struct rtp_parts *p, uint8_t *out)
{
    struct srtp_piece pieces[4];
    size_t n = 0;
    if (p->number_at && peer->line) put_u16(p->head + p->number_at, bwe_sent(&peer->line->bwe, rtp_length(p) + peer->tag, peer->worker->now_us));
    if (p->front_len) pieces[n++] = (struct srtp_piece){p->front, p->front_len}; /* most packets are the rest alone */
    if (p->before_len) pieces[n++] = (struct srtp_piece){p->before, p->before_len};
    if (p->rest_len) pieces[n++] = (struct srtp_piece){p->rest, p->rest_len};
    if (p->pad_len) pieces[n++] = (struct srtp_piece){p->pad, p->pad_len};
    memcpy(out, p->head, p->head_len);
    return srtp_seal_packet(peer->seal, out, p->head_len, pieces, n);
}

static void send_run(struct peer *peer, struct copies *c, size_t at, size_t n, size_t segment)
{
    struct worker *w = peer->worker;
    uint8_t *room = egress_room(&w->egress, n * segment);
    size_t bytes = 0;
    for (size_t i = at; i < at + n; i++) {
        if (i + 1 < at + n && c->len[i] < segment) rtp_pad(&c->parts[i], segment - c->len[i]);
        size_t len = seal(peer, &c->parts[i], room + bytes);
        if (!len) return; /* the cipher failed: none of the run leaves */
        bytes += len;
    }
    w->counted.packets_out += n;
    w->counted.bytes_out += bytes;
    peer->down_bytes += bytes;
    peer_put(peer, bytes, segment);
}

void forward_copies(struct peer *peer, struct copies *c)
{
    for (size_t at = 0, n, segment; at < c->n; at += n) {
        n = run_length(&peer->worker->egress, c, at, &segment);
        send_run(peer, c, at, n, segment);
    }
}

void feed_noted(struct feed *f)
{
    int64_t now_us = f->peer->worker->now_us;
    if (f->packet_us && now_us - f->packet_us > 400000) {
        f->gap_us += now_us - f->packet_us;
        f->freezes += !f->stands;
    }
    f->stands = false;
    f->packet_us = now_us;
}

static void add_copies(struct feed *f, const struct track *t, struct copies *c)
{
    struct peer *peer = f->peer;
    size_t before = c->n;
    for (size_t i = 0; i < t->n_fresh; i++) {
        if (f->consumer.held && (!line_still_free(f, &t->fresh[i]) || !consumer_takes(&f->consumer, &t->fresh[i], peer->worker->now_us))) continue;
        if (replay_holds(&f->consumer, &t->fresh[i])) continue; /* it comes in its turn: queued too, it would go twice under one SRTP index */
        if (peer->line && line_spreads(f, &t->fresh[i])) continue;
        if (!consumer_forward(&f->consumer, &t->producer, &t->fresh[i], peer->worker->now_us, &c->parts[c->n])) continue;
        c->may_pad[c->n] = !c->parts[c->n].pad_len && consumer_may_pad(&f->consumer, &t->fresh[i]);
        c->len[c->n] = rtp_length(&c->parts[c->n]) + peer->tag;
        c->n++;
    }
    if (c->n > before) feed_noted(f);
}

static bool reachable(const struct peer *peer)
{
    return peer->seal && peer->ice.has_selected;
}

static void forward_to(struct feed *f, const struct track *t, struct copies *c)
{
    if (!reachable(f->peer)) return;
    c->n = 0;
    add_copies(f, t, c);
    forward_copies(f->peer, c);
}

/* The receiver's copies of the picture, and of the voice behind them where it has both. */
static void forward_both(size_t i, const struct track *picture, const struct track *voice, struct copies *c)
{
    struct feed *f = picture->feeds[i], *along;
    if (!reachable(f->peer)) return;
    c->n = 0;
    add_copies(f, picture, c);
    if (c->n && (along = ride_feed(voice, i, f->peer))) {
        along->rode = voice->turn;
        add_copies(along, voice, c);
    }
    forward_copies(f->peer, c);
}

void forward_one(struct peer *peer, struct rtp_parts *parts)
{
    struct worker *w = peer->worker;
    size_t len = rtp_length(parts) + peer->tag;
    len = seal(peer, parts, egress_room(&w->egress, len));
    if (!len) return;
    w->counted.packets_out++;
    w->counted.bytes_out += len;
    peer->down_bytes += len;
    peer_put(peer, len, len);
}

/* ---- packets ---- */
static void record(struct track *t, const struct packet *k)
{
    struct worker *w = t->peer->worker;
    struct rtp_parts parts;
    uint8_t whole[DATAGRAM_MAX];
    if (w->ending && w->came_us > w->ending->posted_us) return; /* over the line of another node, whose packets are not told apart by time */
    if (!consumer_forward(t->tap, &t->producer, k, w->now_us, &parts)) return;
    size_t n = rtp_join(&parts, whole, sizeof whole);
    recorder_packet(w->recorder, t->room->recording, t->producer.params.track, t->producer.layers[k->layer].codec, whole, n);
}

static void keep(struct track *t, const struct packet *k)
{
    if (t->tap) record(t, k);
    if (t->live) lecture_packet(t, k);
}

static void fall_silent(struct voice *voice)
{
    struct track *t = (struct track *)((char *)voice - offsetof(struct track, voice));
    forward_flush(t); /* what it said before is heard */
    for (size_t i = 0; i < t->n_feeds; i++) {
        if (t->feeds[i]->consumer.params.every) continue;
        consumer_break(&t->feeds[i]->consumer);
        t->feeds[i]->packet_us = 0;
    }
}

/* Recordings and programmes have every voice; receivers have those that are loudest. What the origin sends an edge was chosen there among all. */
static bool heard(struct track *t, const struct packet *k)
{
    const struct worker *w = t->peer->worker;
    struct voice *out;
    if (t->producer.params.kind != MEDIA_AUDIO || t->peer->dial) return true;
    uint8_t level = k->level.value && k->level.len ? k->level.value[0] & 127 : VOICE_UNSAID;
    bool yes = voices_take(&t->room->voices, w->config.voices, &t->voice, level, w->now_us, &out);
    if (out) fall_silent(out);
    return yes;
}

/* A voice that is not among the loudest, to another node that keeps it. What it said before has left (fall_silent). */
static void forward_unheard(struct track *t, const struct packet *k)
{
    struct copies copies;
    t->fresh[0] = *k;
    t->n_fresh = 1;
    for (size_t i = 0; i < t->n_feeds; i++)
        if (t->feeds[i]->consumer.params.every) forward_to(t->feeds[i], t, &copies);
    t->n_fresh = 0;
    keep(t, k);
}

void forward_packet(struct track *t, const struct packet *k)
{
    struct worker *w = t->peer->worker;
    if (t->producer.paused) return;
    if (!heard(t, k)) {
        forward_unheard(t, k);
        return;
    }
    if (!t->n_fresh) {
        t->fresh_us = w->now_us;
        if (t->producer.params.kind == MEDIA_AUDIO) t->until_us = ride_until_us(t);
        t->next_fresh = w->fresh;
        w->fresh = t;
    }
    if (k->rtp.marker) t->whole_us = w->came_us;
    t->fresh[t->n_fresh++] = *k;
    if (t->n_fresh == FRESH_MAX) forward_flush(t);
}

/* ---- with hundreds of receivers none is in the cache: their memory is asked for while those before are served ---- */
static void fetch(const void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64)
        __builtin_prefetch((const char *)from + i);
    __builtin_prefetch((const char *)from + bytes - 1);
}

static void fetch_feed(const struct feed *f)
{
    fetch(f, offsetof(struct feed, consumer.params.payloads));
}

static void fetch_ahead(const struct track *t, size_t i)
{
    struct feed **f = t->feeds + i;
    size_t left = t->n_feeds - i;
    if (left > 8) fetch(f[8], 1);
    if (left > 5) {
        fetch_feed(f[5]);
        fetch(f[5]->peer, offsetof(struct peer, ice));
        fetch(&f[5]->peer->ice.has_selected, 1 + sizeof f[5]->peer->ice.selected);
    }
    if (left > 3 && f[3]->peer->seal) fetch(f[3]->peer->seal, SRTP_SEAL_HEAD);
    if (left > 1 && f[1]->peer->seal) srtp_seal_near(f[1]->peer->seal);
}

static void fetch_along(const struct track *voice, size_t i)
{
    if (i + 6 < voice->n_feeds) fetch(voice->feeds[i + 6], 1);
    if (i + 4 < voice->n_feeds) fetch_feed(voice->feeds[i + 4]);
}

static void take_off(struct track *t)
{
    struct track **at = &t->peer->worker->fresh;
    while (*at != t)
        at = &(*at)->next_fresh;
    *at = t->next_fresh;
}

static void sent(struct track *t)
{
    for (size_t i = 0; i < t->n_fresh; i++)
        keep(t, &t->fresh[i]);
    survey_leaves(t->peer->worker, t->room, t->fresh_us);
    t->n_fresh = 0;
    t->turn++;
}

/* `voice` (may be NULL) goes along where a receiver has both, and to the others by itself. */
static void send_fresh(struct track *t, struct track *voice)
{
    struct copies copies;
    for (size_t i = 0; i < t->n_feeds; i++) {
        fetch_ahead(t, i);
        if (voice) fetch_along(voice, i);
        if (voice) forward_both(i, t, voice, &copies);
        else forward_to(t->feeds[i], t, &copies);
    }
    for (size_t i = 0; voice && i < voice->n_feeds; i++)
        if (voice->feeds[i]->rode != voice->turn) forward_to(voice->feeds[i], voice, &copies);
    if (t->producer.params.kind == MEDIA_VIDEO) ride_rhythm(t);
    if (voice) sent(voice);
    sent(t);
}

void forward_flush(struct track *t)
{
    if (!t->n_fresh) return;
    take_off(t);
    send_fresh(t, NULL);
}

static int64_t hold_until_us(const struct track *t) /* 0: not at all */
{
    if (t->producer.params.kind == MEDIA_AUDIO) return t->until_us;
    if (t->fresh[t->n_fresh - 1].rtp.marker || t->n_feeds < HOLD_FEEDS) return 0;
    int64_t hold = (int64_t)t->n_feeds * HOLD_US_A_FEED;
    return t->fresh_us + (hold < HOLD_US_MAX ? hold : HOLD_US_MAX);
}

int64_t forward_due(struct worker *w)
{
    int64_t next = INT64_MAX;
    for (struct track **at = &w->fresh; *at;) {
        struct track *t = *at, *voice;
        int64_t until = hold_until_us(t);
        if (until > w->now_us) {
            if (until < next) next = until;
            at = &t->next_fresh;
            continue;
        }
        take_off(t);
        if ((voice = ride_along(t))) take_off(voice);
        send_fresh(t, voice);
        at = &w->fresh; /* two may be gone */
    }
    return next;
}

/* ---- keyframes ---- */
void forward_send_pli(struct track *t, size_t layer)
{
    if (!t->peer->srtp) return;
    struct rtcp_builder b;
    peer_begin_rtcp(t->peer, &b);
    rtcp_add_rr(&b, 1, NULL, 0);
    rtcp_add_pli(&b, 1, t->producer.layers[layer].ssrc);
    metric_add(figures.keyframe_requests, 1);
    t->producer.layers[layer].told.plis++;
    peer_send_rtcp(t->peer, &b);
}

static void send_plis(struct track *t)
{
    for (size_t i = 0; i < t->producer.n_layers; i++)
        if (t->peer->srtp && producer_pli_due(&t->producer, i, t->peer->worker->now_us)) forward_send_pli(t, i);
}

static void wish(struct feed *f)
{
    size_t layer;
    if (f->peer->srtp && consumer_still_due(&f->consumer, f->peer->worker->now_us) && line_still_free(f, NULL)) producer_want_key(&f->track->producer, 0);
    if (f->peer->srtp && consumer_needs_key(&f->consumer, &f->track->producer, f->peer->worker->now_us, &layer) && !catchup_begin(f))
        producer_want_key(&f->track->producer, layer);
}

void forward_wish_key(struct feed *f)
{
    wish(f);
    send_plis(f->track);
}

void forward_wish_keys(struct track *t)
{
    int64_t now = t->peer->worker->now_us;
    size_t layer;
    t->wished_us = now;
    for (size_t i = 0; i < t->n_feeds; i++)
        wish(t->feeds[i]);
    if (t->tap && consumer_needs_key(t->tap, &t->producer, now, &layer)) producer_want_key(&t->producer, layer);
    if (t->tap && t->tap->layer >= 0 && now - t->tap_key_us > 5000000) { /* so that a recording can be searched */
        t->tap_key_us = now;
        producer_want_key(&t->producer, (size_t)t->tap->layer);
    }
    lecture_wish_key(t);
    send_plis(t);
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
    uint64_t waited = (uint64_t)(peer->worker->now_us - peer->worker->came_us) * 4294967296 / 1000000;
    far_clock_hear(&peer->clock, info->ntp, worker_ntp() - waited, peer->worker->now_us);
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
    struct copies c;
    if (f) f->nacks++;
    if (!f || !peer->ice.has_selected || !consumer_resend(&f->consumer, &f->track->producer, seq, peer->worker->now_us, &c.parts[0]))
        return;
    c.n = 1;
    c.may_pad[0] = false;
    c.len[0] = rtp_length(&c.parts[0]) + peer->tag;
    metric_add(figures.resent, 1);
    f->resent++;
    forward_copies(peer, &c);
}

static void on_keyframe(void *ctx, uint32_t ssrc)
{
    struct feed *f = feed_by_ssrc(ctx, ssrc);
    if (f) f->keyframe_requests++;
    if (f && (f->consumer.replay.on || f->consumer.held)) return; /* what it asks for is on its way, or comes in its turn */
    if (f && f->consumer.layer >= 0) producer_want_key(&f->track->producer, (size_t)f->consumer.layer);
    if (f) forward_wish_keys(f->track);
}

static void on_arrivals(void *ctx, const uint8_t *fci, size_t len)
{
    line_heard(ctx, fci, len);
}

void peer_rtcp(struct peer *peer, const uint8_t *data, size_t len)
{
    struct rtcp_handler h = {on_sender, on_report, on_nack, on_keyframe, NULL, NULL, on_arrivals, peer};
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
    catchup_end(f);
    line_forget(f);
    take_out(f->track->feeds, &f->track->n_feeds, f);
    take_out(f->peer->feeds, &f->peer->n_feeds, f);
    table_remove(&w->feeds, f->consumer.params.feed.v);
    free(f);
}

bool track_clock(const struct track *t, struct consumer *copy, uint32_t *timestamp, int64_t *utc_us)
{
    struct rtcp_sender_info info;
    uint64_t ntp = worker_ntp();
    if (copy->layer < 0 || !t->producer.layers[copy->layer].has_sr) return false;
    if (!consumer_sender_info(copy, &t->producer, ntp, t->peer->clock.offset, t->peer->worker->now_us, &info)) return false;
    *timestamp = info.rtp;
    *utc_us = (int64_t)((ntp >> 32) - 2208988800u) * 1000000 + (int64_t)(((ntp & 0xffffffff) * 1000000) >> 32);
    return true;
}

void track_record_refer(struct track *t)
{
    struct worker *w = t->peer->worker;
    uint32_t timestamp;
    int64_t utc_us;
    if (!t->tap || w->now_us - t->tap_refer_us < 1000000 || !track_clock(t, t->tap, &timestamp, &utc_us)) return;
    t->tap_refer_us = w->now_us;
    recorder_refer(w->recorder, t->room->recording, t->producer.params.track, timestamp, utc_us);
}

void track_record(struct track *t, bool on)
{
    struct worker *w = t->peer->worker;
    forward_flush(t); /* what came belongs to before */
    if (!on) {
        if (t->tap) recorder_track_end(w->recorder, t->room->recording, t->producer.params.track, t->peer->silent);
        free(t->tap);
        t->tap = NULL;
        return;
    }
    if (t->tap || !(t->tap = calloc(1, sizeof *t->tap))) return;
    struct media_feed_params p = {.n_payloads = t->producer.params.n_payloads, .ssrc = 1};
    memcpy(p.payloads, t->producer.params.payloads, sizeof p.payloads);
    consumer_init(t->tap, &p, &t->producer);
    t->tap_key_us = w->now_us;
    t->tap_refer_us = 0;
    forward_wish_keys(t);
}

void track_close(struct track *t)
{
    struct worker *w = t->peer->worker;
    forward_flush(t);
    while (t->n_feeds)
        feed_close(t->feeds[0]);
    track_record(t, false);
    lecture_untap(t);
    voices_leave(&t->room->voices, &t->voice);
    peer_forget_track(t->peer, t);
    for (struct track **at = &t->room->pictures; *at; at = &(*at)->next_picture)
        if (*at == t) {
            *at = t->next_picture;
            break;
        }
    for (size_t i = 0; i < t->peer->n_tracks; i++)
        if (t->peer->tracks[i] == t) t->peer->tracks[i] = t->peer->tracks[--t->peer->n_tracks];
    table_remove(&w->tracks, t->producer.params.track.v);
    producer_close(&t->producer);
    free(t->feeds);
    free(t);
}
