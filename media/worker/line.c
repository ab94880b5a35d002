#include "media/worker/line.h"
#include "media/router/allocator.h"
#include "media/rtp/bytes.h"
#include "media/worker/worker.h"
#include <stdlib.h>
#include <string.h>

#define ALLOT_US 200000
#define DWELL_US 2000000     /* no rise so soon after a fall */
#define LONG_KEY_MS 600
#define STILL_BYTES_MAX 300000
#define STILL_PACKETS_MAX 400
#define STILL_US_MIN (ALLOCATOR_STILL_MS_MIN * 1000) /* each costs everybody who watches it a keyframe */
#define STILL_US_MAX (2 * STILL_US_MIN)
#define SPREAD_US 20000000   /* a line that a burst has filled is treated gently for so long */
#define BURST_QUEUE_US 60000
#define BURST_BYTES 12000
#define LONG_QUEUE_US 300000
#define BUSY_EVERY_US 5000
#define PADDING_BYTES 240
#define REST_US 6000000      /* a layer that nobody wanted for so long may rest */
#define LAZY_US 3000000      /* a layer asked for and not come by then cannot be had */
#define NODE_START_BPS 8000000 /* towards another node, until it is measured: lines between machines are wide */
#define SOUND_BPS 45000      /* of a voice that was not heard yet */
#define RED_ON 0.03
#define RED_OFF 0.01
#define RED_OFF_US 5000000       /* so long under that: what is over was perhaps only the moment */
#define RED_WAIT_US 5000000      /* not again so soon after a queue, which it may have made; doubled each time ... */
#define RED_WAIT_US_MAX 80000000
#define RED_GOOD_US 20000000     /* ... until it went well for so long */
#define RED_LEAST_BPS 150000 /* on a thinner line a voice sent twice would be in the picture's way */

/* ---- lives ---- */
void line_feed(struct feed *f)
{
    struct peer *peer = f->peer;
    if (peer->line || !f->consumer.params.extensions.transport_cc || !(peer->line = calloc(1, sizeof *peer->line))) return;
    peer->line->peer = peer;
    bwe_init(&peer->line->bwe, f->consumer.params.exact ? NODE_START_BPS : BWE_START_BPS, peer->worker->now_us);
    peer->line->due = true;
    peer_enliven(peer);
}

/* A keyframe that takes seconds to leave: longer than the rings keep it. */
struct line_still {
    struct feed *feed;
    uint32_t timestamp;
    uint8_t layer;
    size_t n, at, used; /* packets in it, sent of it; bytes */
    struct {
        uint32_t from;
        uint16_t len;
        bool key;
    } packets[STILL_PACKETS_MAX];
    uint8_t bytes[STILL_BYTES_MAX];
};

static bool still_waits(const struct line *l)
{
    return l->still && l->still->at < l->still->n;
}

bool line_still_free(const struct feed *f, const struct packet *k)
{
    const struct line *l = f->peer->line;
    if (!l || !l->still) return false;
    return !still_waits(l) || (k && l->still->feed == f && l->still->timestamp == k->rtp.timestamp);
}

static void still_forget(struct line *l, const struct feed *f)
{
    if (l->still && l->still->feed == f) l->still->n = l->still->at = 0;
}

static void still_put(struct line *l, struct feed *f, const struct packet *k)
{
    struct line_still *s = l->still;
    if (s->feed != f || s->timestamp != k->rtp.timestamp) {
        s->n = s->at = s->used = 0;
        s->feed = f;
        s->timestamp = k->rtp.timestamp;
        s->layer = k->layer;
    }
    if (s->n == STILL_PACKETS_MAX || k->rtp.len > STILL_BYTES_MAX - s->used) return;
    s->packets[s->n].from = (uint32_t)s->used;
    s->packets[s->n].len = (uint16_t)k->rtp.len;
    s->packets[s->n++].key = k->key;
    memcpy(s->bytes + s->used, k->rtp.bytes, k->rtp.len);
    s->used += k->rtp.len;
}

static void purge(struct line *l, const struct feed *f)
{
    for (unsigned i = l->tail; i != l->head; i++)
        if (l->queue[i % LINE_QUEUE].feed == f) l->queue[i % LINE_QUEUE].feed = NULL;
}

void line_forget(struct feed *f)
{
    if (!f->peer->line) return;
    purge(f->peer->line, f);
    still_forget(f->peer->line, f);
}

void line_free(struct peer *peer)
{
    struct line **at = &peer->worker->lines;
    while (*at && *at != peer->line)
        at = &(*at)->next;
    if (*at) *at = peer->line->next;
    if (peer->line) free(peer->line->still);
    free(peer->line);
    peer->line = NULL;
}

/* ---- what each picture gets ---- */
static bool can_be_had(const struct track *t, size_t layer, int64_t now_us)
{
    if (producer_alive(&t->producer, layer, now_us)) return true;
    return producer_layers(&t->producer) > 1 && (!(t->layers & 1u << layer) || now_us - t->asked_us[layer] < LAZY_US);
}

static uint32_t with_headers(uint32_t bps)
{
    return bps + bps / 20; /* IP, UDP, the tag */
}

/* One stream and no other, with all of it that the other node has use for: a picture that has no forms but that. Its row is the lowest, which is the one that is looked at. */
static void describe_exact(const struct feed *f, struct allocator_stream *s)
{
    const struct consumer *c = &f->consumer;
    size_t i = c->params.exact <= f->track->producer.n_layers ? c->params.exact - 1u : 0;
    const struct producer *p = &f->track->producer;
    size_t top = p->n_layers > 1 ? i : p->layers[0].spatial > c->wanted ? c->wanted : p->layers[0].spatial ? p->layers[0].spatial - 1u : 0;
    *s = (struct allocator_stream){.value = c->params.value, .layer = c->held ? -1 : 0, .tid = c->tid_cap, .tids = producer_bps(p, top, 0) < producer_bps(p, top, LAYER_TIDS - 1)};
    s->key_bytes[0] = producer_key_bytes(p, top);
    for (unsigned tid = 0; tid < LAYER_TIDS; tid++)
        s->bps[0][tid] = s->bps[i][tid] = with_headers(producer_bps(p, top, tid));
}

static void describe(const struct feed *f, struct allocator_stream *s, int64_t now_us)
{
    static const uint32_t usual[MEDIA_RIDS_MAX] = {150000, 500000, 1700000};
    const struct consumer *c = &f->consumer;
    const struct track *t = f->track;
    *s = (struct allocator_stream){.value = c->params.value, .layer = c->held ? (int8_t)-1 : (int8_t)c->cap, .tid = c->tid_cap};
    for (size_t i = 0; i < producer_layers(&t->producer); i++) {
        uint32_t all = producer_bps(&t->producer, i, LAYER_TIDS - 1);
        s->key_bytes[i] = producer_key_bytes(&t->producer, i);
        for (unsigned tid = 0; tid < LAYER_TIDS; tid++)
            s->bps[i][tid] = with_headers(all ? producer_bps(&t->producer, i, tid) : t->producer.n_layers > 1 ? usual[i] : 0);
        s->tids = s->tids || producer_bps(&t->producer, i, 0) < all;
        if (i <= c->wanted && can_be_had(t, i, now_us)) s->most = (uint8_t)i;
    }
    s->stills = producer_layers(&t->producer) == 1 && s->key_bytes[0] < STILL_BYTES_MAX;
}

static bool takes_part(const struct feed *f)
{
    return f->track->producer.params.kind == MEDIA_VIDEO && !f->consumer.params.paused && !f->track->producer.paused &&
           f->consumer.params.extensions.transport_cc;
}

static bool is_heard(const struct feed *f)
{
    const struct track *t = f->track;
    return !f->consumer.params.paused && (t->voice.heard || t->peer->dial || f->consumer.params.every || !f->peer->worker->config.voices);
}

static uint32_t sound_bps(const struct peer *peer)
{
    uint32_t bps = 0;
    for (size_t i = 0; i < peer->n_feeds; i++) {
        const struct producer *p = &peer->feeds[i]->track->producer;
        uint32_t measured = producer_bps(p, 0, LAYER_TIDS - 1);
        if (p->params.kind == MEDIA_AUDIO && is_heard(peer->feeds[i]) && layer_alive(&p->layers[0], peer->worker->now_us))
            bps += measured ? measured * 3 / 2 + (peer->feeds[i]->consumer.red ? measured : 0) : SOUND_BPS; /* headers weigh a third of a voice */
    }
    return bps;
}

static void give(struct feed *f, const struct allocator_stream *s, bool congested, uint32_t bps, int64_t still_us)
{
    struct consumer *c = &f->consumer;
    struct line *l = f->peer->line;
    bool less = s->layer < (c->held ? -1 : (int)c->cap) || (s->layer == c->cap && s->tid < c->tid_cap), same = !less && s->layer == (c->held ? -1 : (int)c->cap);
    if (less && c->allotted) l->fell_us = f->peer->worker->now_us; /* what it begins with is no fall */
    /* A picture that is too large stops at once, or goes on with a quarter of its frames until the smaller one begins. */
    bool stops = congested && c->layer > s->layer && !(s->tids && s->bps[c->layer][0] < bps);
    if (stops || (s->layer < 0 && !c->held)) purge(l, f);
    if (s->layer >= 0) still_forget(l, f);
    if (still_us && !l->still && !(l->still = calloc(1, sizeof *l->still))) still_us = 0;
    consumer_allot(c, s->layer, s->tid, stops);
    if (s->layer < 0) consumer_stills(c, still_us);
    if (!same || consumer_still_due(c, f->peer->worker->now_us)) forward_wish_key(f);
}

/* While a long queue drains, what is shown goes on with its fewest frames, the smallest of it when the queue is very long. */
static void thin_out(const struct line *l, struct allocator_stream *s, size_t n, int64_t now_us)
{
    uint32_t estimate = bwe_estimate_bps(&l->bwe), target = bwe_target_bps(&l->bwe, now_us);
    if (target >= estimate / 10 * 6) return;
    for (size_t i = 0; i < n; i++) {
        if (s[i].layer > 0 && l->bwe.queue_us > LONG_QUEUE_US) s[i].layer = 0;
        if (s[i].layer >= 0 && s[i].tids) s[i].tid = 0;
    }
}

/* How often a picture is sent as a still, at most (the one before must have left): as often as what the line has for it brings one in two thirds of the time. All feeds have one of two beats, so that one keyframe does
 * for many; 0 = not at all. */
static int64_t still_every_us(const struct allocator_stream *s, uint32_t left_bps)
{
    if (s->layer >= 0 || !s->stills) return 0;
    return (uint64_t)s->key_bytes[0] * 8000 * 3 / 2 < (uint64_t)left_bps * ALLOCATOR_STILL_MS_MIN ? STILL_US_MIN : STILL_US_MAX;
}

/* A feed on whose retransmission stream padding can go. */
static struct feed *padder(const struct peer *peer, uint8_t *pt)
{
    for (size_t i = 0; i < peer->n_feeds; i++) {
        const struct media_feed_params *p = &peer->feeds[i]->consumer.params;
        for (size_t k = 0; p->rtx_ssrc && p->extensions.transport_cc && k < p->n_payloads; k++)
            if ((*pt = p->payloads[k].rtx_payload_type)) return peer->feeds[i];
    }
    return NULL;
}

/* Voices go twice over a line that loses by itself, while it has room: loss that comes of a full line would only grow by it. The receiver's reports do not say that:
 * they count also what never came to us. Without pictures nothing probes, so that the estimate is only what the voices took: there a queue says that it is too much. */
static bool twice(struct peer *peer, bool congested)
{
    struct line *l = peer->line;
    int64_t now = peer->worker->now_us;
    double loss = bwe_own_loss(&l->bwe);
    uint8_t pt;
    if (l->twice.on && congested) {
        l->twice.full_us = now;
        l->twice.wait_us = !l->twice.wait_us ? RED_WAIT_US : l->twice.wait_us < RED_WAIT_US_MAX ? l->twice.wait_us * 2 : RED_WAIT_US_MAX;
    }
    if (now - l->twice.full_us > l->twice.wait_us + RED_GOOD_US) l->twice.wait_us = 0;
    if (loss >= RED_OFF) l->twice.lost_us = now;
    l->twice.loses = loss >= RED_ON || (l->twice.loses && now - l->twice.lost_us < RED_OFF_US);
    if (!l->twice.loses || congested || now - l->twice.full_us < l->twice.wait_us) return false;
    return bwe_estimate_bps(&l->bwe) >= RED_LEAST_BPS || !padder(peer, &pt);
}

static void double_voices(struct peer *peer, bool congested)
{
    peer->line->twice.on = twice(peer, congested);
    for (size_t i = 0; i < peer->n_feeds; i++)
        peer->feeds[i]->consumer.red = peer->line->twice.on;
}

static void allot(struct peer *peer)
{
    struct line *l = peer->line;
    int64_t now = peer->worker->now_us;
    struct allocator_stream s[ALLOCATOR_STREAMS];
    struct feed *of[ALLOCATOR_STREAMS];
    size_t n = 0;
    uint32_t sound = sound_bps(peer), bps = bwe_estimate_bps(&l->bwe), before = 0;
    for (size_t i = 0; i < peer->n_feeds && n < ALLOCATOR_STREAMS; i++) {
        if (!takes_part(peer->feeds[i])) continue;
        of[n] = peer->feeds[i];
        if (of[n]->consumer.params.exact) describe_exact(of[n], &s[n]);
        else describe(of[n], &s[n], now);
        s[n].sure = bwe_guessed(&l->bwe); /* a guess leaves out nothing that has no smaller form */
        int shown = of[n]->consumer.params.exact ? of[n]->consumer.layer : consumer_layer(&of[n]->consumer, &of[n]->track->producer);
        if (shown >= 0) before += s[n].bps[shown][of[n]->consumer.tid];
        n++;
    }
    l->due = false;
    l->allotted_us = now;
    bool congested = bwe_congested(&l->bwe);
    if (congested) l->fell_us = now;
    double_voices(peer, congested);
    struct allocator_result r = allocate(s, n, bps > sound ? bps - sound : 0, now - l->fell_us > DWELL_US);
    l->wanted_bps = r.wanted_bps + sound;
    l->sound_bps = sound;
    l->stills = false;
    thin_out(l, s, n, now);
    uint32_t stills = 0;
    for (size_t i = 0; i < n; i++)
        stills += s[i].layer < 0 && s[i].stills;
    bool at_once = congested || before + sound > bps + bps / 5;
    for (size_t i = 0; i < n; i++) {
        if (s[i].layer >= 0 && of[i]->consumer.params.exact) s[i].layer = (int8_t)(of[i]->consumer.params.exact - 1);
        int64_t still_us = still_every_us(&s[i], stills ? (bps > sound + r.used_bps ? bps - sound - r.used_bps : 0) / stills : 0);
        /* A keyframe that takes the line for more than a moment is spread, whatever the line did before. */
        bool back = s[i].layer >= 0 && of[i]->consumer.held && (uint64_t)s[i].key_bytes[s[i].layer] * 8 * 1000 / LONG_KEY_MS > bps;
        if (still_us || back) l->spread_until_us = now + SPREAD_US;
        l->stills = l->stills || still_us;
        give(of[i], &s[i], at_once, bps, still_us);
    }
    if (l->stills || still_waits(l)) return;
    free(l->still);
    l->still = NULL;
}

void line_heard(struct peer *peer, const uint8_t *fci, size_t len)
{
    struct line *l = peer->line;
    if (!l) return;
    uint32_t before = bwe_estimate_bps(&l->bwe);
    bool was = bwe_congested(&l->bwe);
    bwe_feedback(&l->bwe, fci, len, peer->worker->now_us);
    uint32_t now = bwe_estimate_bps(&l->bwe);
    if (l->bwe.tail_us > BURST_QUEUE_US || bwe_congested(&l->bwe)) l->spread_until_us = peer->worker->now_us + SPREAD_US;
    if (now < before - before / 20 || now > before + before / 10 || was != bwe_congested(&l->bwe)) l->due = true;
}

/* ---- bursts ---- */
static void busy(struct line *l)
{
    struct worker *w = l->peer->worker;
    if (l->busy) return;
    l->busy = true;
    l->next = w->lines;
    w->lines = l;
    if (w->lines_us < w->now_us) w->lines_us = w->now_us + BUSY_EVERY_US;
    if (w->lines_us < w->wake_us) w->wake_us = w->lines_us;
}

static void allow(struct line *l, int64_t now_us)
{
    int64_t passed = now_us - l->allowed_us;
    int64_t pace = bwe_pace_bps(&l->bwe, now_us), estimate = bwe_estimate_bps(&l->bwe), calm = (estimate - l->sound_bps) * 9 / 10;
    if ((l->stills || still_waits(l)) && calm > estimate / 4 && pace > calm) pace = calm;
    int64_t most = pace / 8 / 50; /* 20 ms of it */
    l->allowance_bytes += pace / 8 * (passed < 100000 ? passed : 100000) / 1000000;
    if (most < BURST_BYTES / 4) most = BURST_BYTES / 4;
    if (l->allowance_bytes > most) l->allowance_bytes = most;
    l->allowed_us = now_us;
}

size_t line_burst(const struct peer *peer, size_t packets)
{
    if (!peer->line || !peer->line->bwe.heard) return packets;
    size_t fit = (size_t)bwe_estimate_bps(&peer->line->bwe) / 8 * 4 / 10 / 1100; /* 0.4 s of it */
    return fit < packets ? fit : packets;
}

bool line_spreads(struct feed *f, const struct packet *k)
{
    struct line *l = f->peer->line;
    int64_t now = f->peer->worker->now_us;
    if (!l || f->track->producer.params.kind == MEDIA_AUDIO) return false;
    if (f->consumer.held) {
        still_put(l, f, k);
        busy(l);
        return true;
    }
    if (l->head == l->tail) {
        if (now > l->spread_until_us) return false;
        allow(l, now);
        if (l->allowance_bytes > 0) {
            l->allowance_bytes -= (int64_t)k->rtp.len;
            return false;
        }
    }
    if (!consumer_follows(&f->consumer, &f->track->producer, k->layer, now)) return true;
    if (l->head - l->tail == LINE_QUEUE) return true; /* its gap is asked for again, or the allocator gives less */
    l->queue[l->head % LINE_QUEUE].feed = f;
    l->queue[l->head % LINE_QUEUE].seq = k->rtp.seq;
    l->queue[l->head % LINE_QUEUE].layer = k->layer;
    l->queue[l->head++ % LINE_QUEUE].key = k->key;
    busy(l);
    return true;
}

static void drain(struct peer *peer)
{
    struct line *l = peer->line;
    int64_t now = peer->worker->now_us;
    if (l->head == l->tail && !still_waits(l)) return;
    for (allow(l, now); l->tail != l->head && l->allowance_bytes > 0; l->tail++) {
        struct feed *f = l->queue[l->tail % LINE_QUEUE].feed;
        struct packet k;
        struct rtp_parts parts;
        if (!f || !producer_again(&f->track->producer, l->queue[l->tail % LINE_QUEUE].layer, l->queue[l->tail % LINE_QUEUE].seq, &k)) continue;
        k.key = l->queue[l->tail % LINE_QUEUE].key;
        if (!consumer_forward(&f->consumer, &f->track->producer, &k, now, &parts)) continue;
        l->allowance_bytes -= (int64_t)rtp_length(&parts);
        feed_noted(f);
        forward_one(peer, &parts);
    }
}

/* Behind what moves. */
static void drain_still(struct peer *peer)
{
    struct line *l = peer->line;
    struct line_still *s = l->still;
    for (; still_waits(l) && l->head == l->tail && l->allowance_bytes > 0; s->at++) {
        struct packet k = {.layer = s->layer};
        struct rtp_parts parts;
        if (!producer_reread(&s->feed->track->producer, s->layer, s->bytes + s->packets[s->at].from, s->packets[s->at].len, &k)) continue;
        k.key = s->packets[s->at].key;
        if (!consumer_forward(&s->feed->consumer, &s->feed->track->producer, &k, peer->worker->now_us, &parts)) continue;
        l->allowance_bytes -= (int64_t)rtp_length(&parts);
        feed_noted(s->feed);
        forward_one(peer, &parts);
    }
}

/* ---- probing ---- */
static void pad(struct peer *peer)
{
    struct line *l = peer->line;
    bool waits = l->head != l->tail || still_waits(l);
    size_t due = bwe_padding(&l->bwe, waits ? 0 : l->wanted_bps, peer->worker->now_us);
    uint8_t pt;
    struct feed *f = due ? padder(peer, &pt) : NULL;
    while (f && due) {
        struct rtp_parts parts;
        struct rtp_edit e = {.payload_type = pt, .seq = f->consumer.rtx_seq++, .timestamp = f->consumer.last_ts, .ssrc = f->consumer.params.rtx_ssrc,
                             .number_id = f->consumer.params.extensions.transport_cc};
        size_t len = rtp_padding(&e, due < PADDING_BYTES ? (uint8_t)due : PADDING_BYTES, &parts);
        if (!len) return;
        forward_one(peer, &parts);
        due = due > len ? due - len : 0;
    }
}

void line_tick(struct peer *peer)
{
    struct line *l = peer->line;
    if (!l || !peer->seal || !peer->ice.has_selected) return;
    if (l->due || peer->worker->now_us - l->allotted_us > ALLOT_US) allot(peer);
    if (l->busy) return; /* line_due does */
    pad(peer);
    if (bwe_probing(&l->bwe)) busy(l);
}

int64_t line_due(struct worker *w)
{
    if (!w->lines) return INT64_MAX;
    if (w->now_us < w->lines_us) return w->lines_us;
    w->lines_us = w->now_us + BUSY_EVERY_US;
    for (struct line **at = &w->lines; *at;) {
        struct line *l = *at;
        if (l->peer->seal && l->peer->ice.has_selected) {
            drain(l->peer);
            drain_still(l->peer);
            pad(l->peer);
        }
        if (l->head != l->tail || still_waits(l) || bwe_probing(&l->bwe)) {
            at = &l->next;
            continue;
        }
        l->busy = false;
        *at = l->next;
    }
    return w->lines ? w->lines_us : INT64_MAX;
}

/* ---- what a track is wanted for ---- */
static void want(struct track *t, int layer, int64_t now_us)
{
    int top = (int)producer_layers(&t->producer) - 1;
    if (layer >= 0) t->wanted_us[layer < top ? layer : top] = now_us;
}

static void want_what_is_fed(struct track *t, int64_t now_us)
{
    for (size_t i = 0; i < t->n_feeds; i++) {
        const struct consumer *c = &t->feeds[i]->consumer;
        if (c->params.paused || c->held) continue;
        bool told = c->params.exact && t->producer.n_layers == 1; /* another node says what its own have use for, whatever the line to it carries */
        want(t, told || c->wanted < c->cap ? c->wanted : c->cap, now_us);
        want(t, consumer_layer(c, &t->producer), now_us);
    }
    if (t->tap || t->live) want(t, MEDIA_RIDS_MAX - 1, now_us); /* recorded, or a lecture's */
    want(t, 0, now_us); /* whoever comes next has a picture at once */
}

/* The layers (bit 0 lowest) that may not rest. Inside one stream each needs those below; with its largest all are named, since the publisher
 * may be able to send more than we have seen. */
static uint8_t kept_awake(const struct track *t, int64_t now_us)
{
    const struct producer *p = &t->producer;
    size_t n = producer_layers(p);
    uint8_t layers = 0;
    for (size_t i = 0; i < n; i++)
        if (now_us - t->wanted_us[i] < REST_US || (t->layers & 1u << i && !producer_alive(p, i, now_us)))
            layers |= (uint8_t)(1u << i); /* one that does not come by itself needs no rest: it would be asked for again and again */
    if (p->n_layers > 1) return layers;
    if (layers & 1u << (n - 1)) return (1u << MEDIA_RIDS_MAX) - 1;
    return (uint8_t)(layers | layers >> 1);
}

void line_wants(struct track *t)
{
    int64_t now = t->peer->worker->now_us;
    if (producer_layers(&t->producer) < 2 || now - t->layers_us < ALLOT_US) return;
    if (!t->layers_us)
        for (size_t i = 0; i < MEDIA_RIDS_MAX; i++)
            t->wanted_us[i] = t->asked_us[i] = now;
    t->layers_us = now;
    want_what_is_fed(t, now);
    uint8_t layers = kept_awake(t, now);
    uint8_t more = (uint8_t)(layers & ~t->layers);
    for (size_t i = 0; i < MEDIA_RIDS_MAX; i++)
        if (more & 1u << i) t->asked_us[i] = now;
    if (layers == t->layers) return;
    t->layers = layers;
    struct media_event e = {.type = MEDIA_TRACK_LAYERS, .room = t->room->id, .peer = t->peer->id, .track = t->producer.params.track, .layers = layers};
    worker_event(t->peer->worker, &e);
}
