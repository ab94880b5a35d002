#include "media/router/producer.h"
#include "media/rtp/bytes.h"
#include <string.h>

/* Keyframe budget: a keyframe costs about ten ordinary frames, so wishes are merged. A new wish right after a keyframe waits
 * until its sender has a chance to have received that one; an unanswered PLI is repeated. */
#define PLI_REPEAT_US 300000
#define KEY_SPACING_US 250000
#define ALIVE_US 1500000
#define METER_US 500000

static size_t layers_of(const struct media_track_params *params)
{
    return params->n_rids ? params->n_rids : 1;
}

int producer_open(struct producer *p, const struct media_track_params *params)
{
    memset(p, 0, sizeof *p);
    p->params = *params;
    p->loudest = 127;
    p->n_layers = layers_of(params);
    for (size_t i = 0; i < p->n_layers; i++)
        if (ring_open(&p->layers[i].ring, params->kind == MEDIA_VIDEO ? 1024 : 128)) {
            producer_close(p);
            return ERR_INTERNAL;
        }
    if (params->ssrc) producer_bind(p, 0, params->ssrc);
    p->layers[0].rtx_ssrc = params->rtx_ssrc;
    return 0;
}

void producer_update(struct producer *p, const struct media_track_params *params)
{
    size_t n = layers_of(params);
    for (size_t i = p->n_layers; i < n; i++)
        if (ring_open(&p->layers[i].ring, 1024)) n = i;
    for (size_t i = n; i < p->n_layers; i++) {
        ring_close(&p->layers[i].ring);
        memset(&p->layers[i], 0, sizeof p->layers[i]);
    }
    p->n_layers = n;
    p->params = *params;
}

void producer_close(struct producer *p)
{
    for (size_t i = 0; i < MEDIA_RIDS_MAX; i++)
        ring_close(&p->layers[i].ring);
}

bool producer_bind(struct producer *p, size_t layer, uint32_t ssrc)
{
    struct layer *l = &p->layers[layer];
    if (l->known && l->ssrc == ssrc) return false;
    bool replaced = l->known;
    struct ring ring = l->ring;
    bool wanted = l->key_wanted || replaced;
    memset(l, 0, sizeof *l);
    l->ring = ring;
    ring_clear(&l->ring);
    l->known = true;
    l->ssrc = ssrc;
    l->key_wanted = wanted;
    return replaced;
}

const struct media_payload *producer_payload(const struct producer *p, uint8_t pt, enum payload_form *form)
{
    for (size_t i = 0; i < p->params.n_payloads; i++) {
        const struct media_payload *row = &p->params.payloads[i];
        bool rtx = row->rtx_payload_type && row->rtx_payload_type == pt, red = row->red_payload_type && row->red_payload_type == pt;
        *form = rtx ? PAYLOAD_RTX : red ? PAYLOAD_RED : PAYLOAD_PLAIN;
        if (rtx || red || row->payload_type == pt) return row;
    }
    return NULL;
}

uint32_t producer_clock(const struct producer *p)
{
    return p->params.kind == MEDIA_AUDIO ? 48000 : 90000;
}

static void count(struct producer *p, struct layer *l, const struct rtp *r, int64_t now_us)
{
    uint32_t arrival = (uint32_t)(now_us * (int64_t)(producer_clock(p) / 1000) / 1000), transit = arrival - r->timestamp;
    if (!l->counting) {
        l->counting = true;
        l->base_seq = l->highest = r->seq;
    } else {
        int32_t d = (int32_t)(transit - l->transit);
        l->jitter_q4 += (uint32_t)(d < 0 ? -d : d) - ((l->jitter_q4 + 8) >> 4);
        if (seq_diff(r->seq, l->highest) > 0) {
            if (r->seq < l->highest) l->cycles += 65536;
            l->highest = r->seq;
        }
    }
    l->transit = transit;
    l->received++;
}

static void read_once(const struct producer *p, size_t layer, struct depend_structure *structure, struct packet *k)
{
    const struct media_extensions *x = &p->params.extensions;
    k->layer = (uint8_t)layer;
    k->key = false;
    k->vp8 = p->layers[layer].codec == MEDIA_VP8 && k->rtp.payload_len;
    payload_frame_parse(p->layers[layer].codec, k->rtp.payload, k->rtp.payload_len, &k->frame);
    k->level.value = rtp_extension(&k->rtp, x->audio_level, &k->level.len);
    k->orientation.value = rtp_extension(&k->rtp, x->orientation, &k->orientation.len);
    k->dependency.value = rtp_extension(&k->rtp, x->dependency_descriptor, &k->dependency.len);
    if (k->dependency.value && !k->frame.header_len && k->rtp.payload_len) payload_frame_depend(structure, k->dependency.value, k->dependency.len, &k->frame);
}

/* A keyframe may begin several times (H.264: parameter sets, slices): its group begins with the first of these. */
static void note_group(struct layer *l, const struct packet *k)
{
    bool same = l->has_group && k->rtp.timestamp == l->group_ts, earlier = l->has_group && seq_diff(k->rtp.seq, l->group_seq) < 0;
    if (l->has_group && same != earlier) return;
    l->has_group = true;
    l->group_seq = k->rtp.seq;
    l->group_ts = k->rtp.timestamp;
}

static unsigned within(unsigned id, unsigned n)
{
    return id < n ? id : n - 1;
}

static void meter(struct layer *l, const struct packet *k, int64_t now_us)
{
    unsigned sid = within(k->frame.sid, LAYER_SIDS);
    l->meter.bytes[sid][within(k->frame.tid, LAYER_TIDS)] += (uint32_t)k->rtp.len;
    if (!k->frame.layered) return;
    l->spatial_us[sid] = now_us;
    if (k->frame.spatial) l->spatial = (uint8_t)(within(k->frame.spatial - 1u, LAYER_SIDS) + 1);
    else if (sid >= l->spatial) l->spatial = (uint8_t)(sid + 1);
    if (l->spatial > l->sizes) l->sizes = l->spatial;
}

static void note_key(struct producer *p, struct layer *l, struct packet *k, int64_t now_us)
{
    if (p->params.kind != MEDIA_VIDEO || !k->rtp.payload_len || !payload_starts_keyframe(l->codec, k->rtp.payload, k->rtp.payload_len))
        return;
    k->key = true;
    note_group(l, k);
    l->key_us = now_us;
    l->key_timestamp = k->rtp.timestamp;
    memset(l->key_bytes, 0, sizeof l->key_bytes);
    l->key_wanted = false;
    nack_forget_before(&l->nack, k->rtp.seq);
}

static const struct media_payload *plain_row(const struct producer *p, uint8_t pt)
{
    enum payload_form form;
    const struct media_payload *row = producer_payload(p, pt, &form);
    return row && form == PAYLOAD_PLAIN ? row : NULL;
}

static bool keep(struct producer *p, size_t layer, const struct media_payload *row, const struct rtp *r, int64_t now_us, struct packet *out)
{
    struct layer *l = &p->layers[layer];
    if (l->has_group && (uint16_t)(l->highest - l->group_seq) >= l->ring.slots) l->has_group = false; /* gone; and soon its number would be taken for one to come */
    l->heard_us = now_us;
    l->codec = row->codec;
    const uint8_t *kept = ring_put(&l->ring, r->seq, r->bytes, r->len);
    if (!kept || rtp_parse(kept, r->len, &out->rtp)) return false;
    read_once(p, layer, &l->structure, out);
    meter(l, out, now_us);
    if (out->level.value && (out->level.value[0] & 127) < p->loudest) p->loudest = out->level.value[0] & 127;
    note_key(p, l, out, now_us);
    if (l->key_us && out->rtp.timestamp == l->key_timestamp) l->key_bytes[within(out->frame.sid, LAYER_SIDS)] += (uint32_t)out->rtp.len;
    return true;
}

/* The packet itself, late, after its copy: it was not lost. */
static bool came_after_all(struct layer *l, uint16_t seq)
{
    uint64_t bit = 1ull << (seq & 63);
    bool was = l->restored & bit && (uint16_t)(l->highest - seq) < 64;
    l->restored &= ~bit;
    return was;
}

bool producer_input(struct producer *p, size_t layer, const struct rtp *r, int64_t now_us, struct packet *out)
{
    struct layer *l = &p->layers[layer];
    const struct media_payload *row = plain_row(p, r->payload_type);
    if (!row) return false;
    p->bytes += r->len;
    enum nack_verdict v = nack_note(&l->nack, r->seq, now_us);
    bool late = came_after_all(l, r->seq);
    if (v == NACK_NEW) count(p, l, r, now_us);
    else l->received += v == NACK_RECOVERED || late;
    return v != NACK_DUPLICATE && keep(p, layer, row, r, now_us, out);
}

#define PADDING_MOST 64 /* in a row */

/* What came with this number; false: nothing. */
static bool came(const struct layer *l, uint16_t seq, struct rtp *out)
{
    size_t len;
    const uint8_t *bytes = ring_get(&l->ring, seq, &len);
    return bytes && rtp_parse(bytes, len, out) == 0;
}

uint16_t producer_before(const struct producer *p, size_t layer, uint16_t seq, unsigned back)
{
    struct rtp r;
    for (unsigned i = 0; i < PADDING_MOST; i++)
        if (!(came(&p->layers[layer], --seq, &r) && !r.payload_len) && !--back) break;
    return seq;
}

/* It is a copy of the last one before it that came: what is missing between them was padding, or who sends repeats at another distance. */
static bool came_before(const struct layer *l, const struct rtp *r)
{
    struct rtp before;
    for (uint16_t i = 1; i < PADDING_MOST; i++)
        if (came(l, (uint16_t)(r->seq - i), &before) && before.payload_len) return (int32_t)(r->timestamp - before.timestamp) <= 0;
    return false;
}

bool producer_restore(struct producer *p, size_t layer, const struct rtp *r, int64_t now_us, struct packet *out)
{
    struct layer *l = &p->layers[layer];
    const struct media_payload *row = plain_row(p, r->payload_type);
    if (!row || !l->nack.started || came_before(l, r)) return false; /* what was sent before the first one is no loss */
    if (nack_note(&l->nack, r->seq, now_us) == NACK_DUPLICATE) return false;
    l->restored |= 1ull << (r->seq & 63);
    return keep(p, layer, row, r, now_us, out);
}

bool producer_again(const struct producer *p, size_t layer, uint16_t seq, struct packet *out)
{
    size_t len;
    const uint8_t *bytes = ring_get(&p->layers[layer].ring, seq, &len);
    return bytes && producer_reread(p, layer, bytes, len, out);
}

bool producer_reread(const struct producer *p, size_t layer, const uint8_t *bytes, size_t len, struct packet *out)
{
    if (rtp_parse(bytes, len, &out->rtp)) return false;
    struct depend_structure kept = p->layers[layer].structure; /* an older one must not come back */
    read_once(p, layer, &kept, out);
    return true;
}

bool producer_group(const struct producer *p, size_t layer, uint16_t *first, uint16_t *last)
{
    const struct layer *l = &p->layers[layer];
    size_t len;
    *first = l->group_seq;
    *last = l->highest;
    return l->has_group && !p->paused && (uint16_t)(*last - *first) < l->ring.slots - 64 && ring_get(&l->ring, *first, &len);
}

void producer_forget_groups(struct producer *p)
{
    for (size_t i = 0; i < p->n_layers; i++)
        p->layers[i].has_group = false;
}

void producer_sender_report(struct producer *p, size_t layer, const struct rtcp_sender_info *info, int64_t now_us)
{
    struct layer *l = &p->layers[layer];
    l->has_sr = true;
    l->sr_ntp = info->ntp;
    l->sr_rtp = info->rtp;
    l->sr_us = now_us;
}

void producer_report(struct producer *p, size_t layer, int64_t now_us, struct rtcp_report *out)
{
    struct layer *l = &p->layers[layer];
    uint32_t highest = l->cycles + l->highest, expected = highest - l->base_seq + 1;
    int64_t lost = (int64_t)expected - l->received;
    uint32_t expected_now = expected - l->expected_prior, received_now = l->received - l->received_prior;
    int64_t lost_now = (int64_t)expected_now - received_now;
    l->expected_prior = expected;
    l->received_prior = l->received;
    p->expected_period += expected_now;
    p->lost_period += lost_now > 0 ? (uint64_t)lost_now : 0;
    *out = (struct rtcp_report){.ssrc = l->ssrc, .highest_seq = highest, .jitter = l->jitter_q4 >> 4};
    out->fraction_lost = expected_now && lost_now > 0 ? (uint8_t)((lost_now << 8) / expected_now > 255 ? 255 : (lost_now << 8) / expected_now) : 0;
    out->lost = (int32_t)(lost < 0 ? 0 : lost > 0x7fffff ? 0x7fffff : lost);
    if (l->has_sr) {
        out->last_sr = (uint32_t)(l->sr_ntp >> 16);
        out->delay_since_sr = (uint32_t)((now_us - l->sr_us) * 65536 / 1000000);
    }
}

void producer_want_key(struct producer *p, size_t layer)
{
    if (p->params.kind == MEDIA_VIDEO && layer < p->n_layers) p->layers[layer].key_wanted = true;
}

bool producer_pli_due(struct producer *p, size_t layer, int64_t now_us)
{
    struct layer *l = &p->layers[layer];
    if (l->nack.wants_keyframe) {
        l->nack.wants_keyframe = false;
        l->key_wanted = p->params.kind == MEDIA_VIDEO;
    }
    if (!l->key_wanted || !l->known || p->paused) return false;
    if (l->pli_us && now_us - l->pli_us < PLI_REPEAT_US) return false;
    if (l->key_us && now_us - l->key_us < KEY_SPACING_US) return false;
    l->pli_us = now_us;
    return true;
}

bool layer_alive(const struct layer *l, int64_t now_us)
{
    return l->known && l->heard_us && now_us - l->heard_us < ALIVE_US;
}

static bool size_came(const struct layer *l, unsigned sid)
{
    uint32_t bytes = 0;
    for (unsigned t = 0; t < LAYER_TIDS; t++)
        bytes += l->meter.bytes[sid][t];
    return bytes > 0;
}

static void measure(struct layer *l, int64_t span_us)
{
    bool came = l->meter.bytes[0][0] && span_us < 2 * METER_US;
    for (unsigned s = 0; s < LAYER_SIDS; s++) {
        bool counted = came && (!s || size_came(l, s));
        for (unsigned t = 0; t < LAYER_TIDS; t++) {
            uint32_t bps = (uint32_t)((uint64_t)l->meter.bytes[s][t] * 8000000 / (uint64_t)span_us), *mean = &l->meter.bps[s][t];
            l->meter.bytes[s][t] = 0;
            if (!counted) continue; /* it rests: what it was is the best guess of what it will be */
            *mean = *mean ? (*mean * 3 + bps) / 4 : bps;
        }
    }
}

void producer_measure(struct producer *p, int64_t now_us)
{
    for (size_t i = 0; i < p->n_layers; i++) {
        struct layer *l = &p->layers[i];
        int64_t span = now_us - l->meter.since_us;
        if (span < METER_US) continue;
        l->meter.since_us = now_us;
        measure(l, span);
        while (l->spatial > 1 && layer_alive(l, now_us) && now_us - l->spatial_us[l->spatial - 1] >= ALIVE_US)
            l->spatial--; /* the publisher left it out: for his line, or because his picture is small */
    }
}

/* ---- layers, however they come ---- */
static bool divided(const struct producer *p)
{
    return p->n_layers == 1 && p->layers[0].sizes > 1;
}

size_t producer_layers(const struct producer *p)
{
    return divided(p) ? p->layers[0].sizes : p->n_layers;
}

static uint32_t bps_up_to(const struct layer *l, size_t sid, unsigned tid)
{
    uint32_t bps = 0;
    for (size_t s = 0; s <= sid && s < LAYER_SIDS; s++)
        for (unsigned t = 0; t <= tid && t < LAYER_TIDS; t++)
            bps += l->meter.bps[s][t];
    return bps;
}

uint32_t layer_bps(const struct layer *l, unsigned tid)
{
    return bps_up_to(l, l->spatial ? l->spatial - 1u : 0, tid);
}

uint32_t producer_bps(const struct producer *p, size_t layer, unsigned tid)
{
    return divided(p) ? bps_up_to(&p->layers[0], layer, tid) : layer_bps(&p->layers[layer], tid);
}

uint32_t producer_key_bytes(const struct producer *p, size_t layer)
{
    const struct layer *l = &p->layers[divided(p) ? 0 : layer];
    size_t top = divided(p) ? layer : LAYER_SIDS - 1;
    uint32_t bytes = 0;
    for (size_t s = 0; s <= top && s < LAYER_SIDS; s++)
        bytes += l->key_bytes[s];
    return bytes;
}

bool producer_alive(const struct producer *p, size_t layer, int64_t now_us)
{
    if (!divided(p)) return layer_alive(&p->layers[layer], now_us);
    return layer < (p->layers[0].spatial ? p->layers[0].spatial : 1u) && layer_alive(&p->layers[0], now_us);
}
