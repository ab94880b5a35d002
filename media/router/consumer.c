#include "media/router/replay.h"
#include "media/rtp/bytes.h"
#include <string.h>

/* The receiver's row for a source row: the same codec; among several (H.264 profiles) the one with equal fmtp. */
static const struct media_payload *match(const struct media_feed_params *f, const struct media_payload *source)
{
    const struct media_payload *found = NULL;
    for (size_t i = 0; i < f->n_payloads; i++) {
        const struct media_payload *row = &f->payloads[i];
        if (row->codec != source->codec) continue;
        if (strcmp(row->fmtp, source->fmtp) == 0) return row;
        if (!found) found = row;
    }
    return found;
}

void consumer_update(struct consumer *c, const struct producer *p)
{
    c->audio = p->params.kind == MEDIA_AUDIO;
    c->mid_len = (uint8_t)strnlen(c->params.mid, sizeof c->params.mid);
    consumer_forget(c);
    memset(c->pt, 0, sizeof c->pt);
    memset(c->rtx_pt, 0, sizeof c->rtx_pt);
    c->takes = false;
    for (size_t i = 0; i < p->params.n_payloads; i++) {
        const struct media_payload *row = match(&c->params, &p->params.payloads[i]);
        if (!row) continue;
        c->takes = true;
        c->pt[p->params.payloads[i].payload_type & 127] = row->payload_type;
        c->rtx_pt[p->params.payloads[i].payload_type & 127] = c->params.rtx_ssrc ? row->rtx_payload_type : 0;
    }
}

void consumer_init(struct consumer *c, const struct media_feed_params *params, const struct producer *p)
{
    memset(c, 0, sizeof *c);
    c->params = *params;
    c->layer = -1;
    c->wanted = c->cap = params->exact ? (uint8_t)(params->exact - 1) : MEDIA_RIDS_MAX - 1;
    c->tid = c->tid_cap = LAYER_TIDS - 1;
    c->last_seq = (uint16_t)(params->ssrc * 2654435761u >> 18); /* a start below 2^14: no early wrap */
    c->rtx_seq = (uint16_t)(c->last_seq ^ 0x1555);
    c->last_ts = params->ssrc * 40503u;
    consumer_update(c, p);
}

int consumer_target(const struct consumer *c, const struct producer *p, int64_t now_us)
{
    if (p->n_layers == 1) return 0;
    if (c->params.exact) return c->params.exact <= p->n_layers && layer_alive(&p->layers[c->params.exact - 1], now_us) ? c->params.exact - 1 : -1;
    int top = c->wanted < c->cap ? c->wanted : c->cap, n = (int)p->n_layers;
    for (int i = top < n ? top : n - 1; i >= 0; i--)
        if (layer_alive(&p->layers[i], now_us)) return i;
    for (int i = top + 1; i < n; i++)
        if (layer_alive(&p->layers[i], now_us)) return i;
    return -1;
}

bool consumer_needs_key(const struct consumer *c, const struct producer *p, int64_t now_us, size_t *layer)
{
    if (c->params.paused || c->held || !c->takes || p->params.kind == MEDIA_AUDIO) return false;
    int target = consumer_target(c, p, now_us);
    if (target < 0 || target == c->layer) return false;
    *layer = (size_t)target;
    return true;
}

/* ---- copies ---- */
static void add_extension(struct rtp_edit *e, uint8_t id, const uint8_t *value, size_t len)
{
    if (!id || !value || len > 255) return;
    e->extensions[e->n_extensions].id = id;
    e->extensions[e->n_extensions].len = (uint8_t)len;
    e->extensions[e->n_extensions++].value = value;
}

/* The transport-wide number differs each time, so it goes only where a copy is never sent again under the same SRTP index: with RTX, or
 * where nothing is sent again at all (audio). */
static bool numbered(const struct consumer *c, const struct packet *k)
{
    return c->params.extensions.transport_cc && (c->audio || c->rtx_pt[k->rtp.payload_type]);
}

static bool copy(const struct consumer *c, const struct packet *k, struct rtp_edit *e, struct rtp_parts *out)
{
    const struct media_extensions *to = &c->params.extensions;
    e->n_extensions = 0;
    e->number_id = numbered(c, k) ? to->transport_cc : 0;
    add_extension(e, to->mid, (const uint8_t *)c->params.mid, c->mid_len);
    add_extension(e, to->audio_level, k->level.value, k->level.len);
    add_extension(e, to->orientation, k->orientation.value, k->orientation.len);
    add_extension(e, to->dependency_descriptor, k->dependency.value, k->dependency.len);
    return rtp_split(&k->rtp, e, out);
}

/* VP8 picture ids go on without a jump across a switch (RFC 7741 4.2): the descriptor of the copy, changed when its span needs it. */
static void patch_vp8(const struct consumer_span *span, const struct packet *k, struct rtp_parts *out)
{
    const struct payload_vp8 *v = &k->vp8_header;
    if (!k->vp8 || !v->header_len || (!span->pid_offset && !span->tl0_offset)) return;
    uint8_t *d = rtp_take_front(out, v->header_len);
    if (!d) return;
    if (v->picture_id_at) {
        uint8_t *at = d + v->picture_id_at;
        if (v->picture_id_long) put_u16(at, (uint16_t)(0x8000 | ((get_u16(at) - span->pid_offset) & 0x7fff)));
        else at[0] = (uint8_t)((at[0] - span->pid_offset) & 0x7f);
    }
    if (v->tl0_at) d[v->tl0_at] = (uint8_t)(d[v->tl0_at] - span->tl0_offset);
}

/* ---- numbering ---- */
static void begin_span(struct consumer *c, uint16_t first)
{
    c->now.first = first;
    c->spans[c->n_spans++ % CONSUMER_SPANS] = c->now;
}

static const struct consumer_span *span_of(const struct consumer *c, uint16_t seq)
{
    for (size_t i = 0; i < c->n_spans && i < CONSUMER_SPANS; i++) {
        const struct consumer_span *s = &c->spans[(c->n_spans - 1 - i) % CONSUMER_SPANS];
        if (seq_diff(seq, s->first) >= 0) return s;
    }
    return NULL;
}

/* By the source's number; NULL: from before the last switch, or left out. */
static const struct consumer_span *span_of_source(const struct consumer *c, uint16_t seq)
{
    const struct consumer_span *next = NULL;
    for (size_t i = 0; i < c->n_spans && i < CONSUMER_SPANS; i++) {
        const struct consumer_span *s = &c->spans[(c->n_spans - 1 - i) % CONSUMER_SPANS];
        if (s->layer != c->now.layer) return NULL;
        if (seq_diff(seq, (uint16_t)(s->first + s->seq_offset)) >= 0)
            return next && seq_diff((uint16_t)(seq - s->seq_offset), next->first) >= 0 ? NULL : s;
        next = s;
    }
    return NULL;
}

void consumer_forget(struct consumer *c)
{
    c->n_spans = 0;
    c->gap.on = false;
    if (c->sent_any && c->layer >= 0) begin_span(c, (uint16_t)(c->last_seq + 1));
}

void consumer_go_on(struct consumer *c, uint16_t last_seq)
{
    consumer_break(c);
    c->last_seq = last_seq;
    c->n_spans = 0;
}

void consumer_rtx_go_on(struct consumer *c, uint16_t last_seq)
{
    c->rtx_seq = (uint16_t)(last_seq + 1);
}

static uint16_t picture_id(const struct packet *k, uint16_t *mask)
{
    const uint8_t *at = k->rtp.payload + k->vp8_header.picture_id_at;
    *mask = k->vp8_header.picture_id_long ? 0x7fff : 0x7f;
    return (k->vp8_header.picture_id_long ? get_u16(at) : at[0]) & *mask;
}

/* The first packet after a start, switch or break: numbers go on by one, the time by what has passed. */
static void rebase(struct consumer *c, const struct producer *p, const struct packet *k, int64_t now_us)
{
    uint32_t step = producer_clock(p) / 30;
    uint16_t mask;
    if (c->sent_any) {
        int64_t passed = (now_us - c->last_us) * (int64_t)(producer_clock(p) / 1000) / 1000;
        if (passed > step) step = (uint32_t)passed;
    }
    c->layer = k->layer;
    c->replay.on = c->replay.stepping;
    c->first_seq = k->rtp.seq;
    c->high_seq = (uint16_t)(k->rtp.seq - 1);
    c->gap.on = false;
    c->now = (struct consumer_span){.layer = k->layer,
                                    .seq_offset = (uint16_t)(k->rtp.seq - (uint16_t)(c->last_seq + 1)),
                                    .ts_offset = k->rtp.timestamp - (c->last_ts + step)};
    if (c->replay.on) replay_squeeze(&c->now, &p->layers[k->layer], k->rtp.timestamp);
    if (k->vp8 && c->sent_any && k->vp8_header.picture_id_at)
        c->now.pid_offset = (uint16_t)(picture_id(k, &mask) - (c->last_pid + 1));
    if (k->vp8 && c->sent_any && k->vp8_header.tl0_at)
        c->now.tl0_offset = (uint8_t)(k->rtp.payload[k->vp8_header.tl0_at] - (c->last_tl0 + 1));
    begin_span(c, (uint16_t)(c->last_seq + 1));
}

static void note_sent(struct consumer *c, const struct packet *k, const struct rtp_edit *e, int64_t now_us)
{
    uint16_t mask;
    if (!c->sent_any || seq_diff(e->seq, c->last_seq) > 0) {
        c->last_seq = e->seq;
        c->last_ts = e->timestamp;
        c->last_us = now_us;
    }
    if (k->rtp.seq == c->high_seq && k->vp8 && k->vp8_header.picture_id_at) {
        uint16_t id = picture_id(k, &mask);
        c->last_pid = (uint16_t)(id - c->now.pid_offset) & mask;
    }
    if (k->rtp.seq == c->high_seq && k->vp8 && k->vp8_header.tl0_at) c->last_tl0 = (uint8_t)(k->rtp.payload[k->vp8_header.tl0_at] - c->now.tl0_offset);
    c->sent_any = true;
    c->packets++;
    c->octets += (uint32_t)k->rtp.payload_len;
}

/* ---- temporal layers (RFC 7741 4.2) ---- */
/* Less is possible at every frame; more where a frame needs none of its own layer. */
static void choose_tid(struct consumer *c, const struct packet *k)
{
    const struct payload_vp8 *v = &k->vp8_header;
    uint8_t cap = c->allotted && c->layer > c->cap ? 0 : c->tid_cap; /* a layer that the line cannot carry, until the lower one begins */
    if (k->key || c->tid > cap) c->tid = cap;
    else if (v->tid > c->tid && v->tid <= cap && v->sync) c->tid = v->tid;
}

static void leave_out(struct consumer *c, const struct packet *k)
{
    uint16_t mask = 0, pid = k->vp8_header.picture_id_at ? picture_id(k, &mask) : 0;
    if (!c->gap.on) {
        c->gap.on = true;
        c->gap.first = k->rtp.seq;
        c->gap.pid_first = pid;
    }
    c->gap.last = k->rtp.seq;
    c->gap.pid_last = pid;
}

/* The first packet that is sent behind what was left out. What lies between and never came stays a gap, for it may be of this frame. */
static void close_gap(struct consumer *c, const struct packet *k)
{
    uint16_t mask = 0x7fff, pid = k->vp8_header.picture_id_at ? picture_id(k, &mask) : 0, last = c->gap.last;
    bool next = k->vp8_header.picture_id_at && k->vp8_header.starts_frame && pid == ((c->gap.pid_last + 1) & mask);
    if (next) last = (uint16_t)(k->rtp.seq - 1);
    uint16_t first = (uint16_t)(c->gap.first - c->now.seq_offset);
    c->now.seq_offset = (uint16_t)(c->now.seq_offset + (uint16_t)(last - c->gap.first) + 1);
    if (k->vp8_header.picture_id_at)
        c->now.pid_offset = (uint16_t)((c->now.pid_offset + ((c->gap.pid_last - c->gap.pid_first) & mask) + 1) & mask);
    c->gap.on = false;
    begin_span(c, first);
}

/* How this packet is numbered; NULL: it is left out. */
static const struct consumer_span *place(struct consumer *c, const struct packet *k)
{
    if (seq_diff(k->rtp.seq, c->high_seq) <= 0) { /* late */
        if (c->gap.on && seq_diff(k->rtp.seq, c->gap.first) >= 0) return NULL;
        return c->n_spans ? span_of_source(c, k->rtp.seq) : &c->now;
    }
    c->high_seq = k->rtp.seq;
    if (!k->vp8 || !k->vp8_header.has_tid) return &c->now;
    if (k->vp8_header.starts_frame) choose_tid(c, k);
    if (k->vp8_header.tid > c->tid) {
        leave_out(c, k);
        return NULL;
    }
    if (c->gap.on) close_gap(c, k);
    return &c->now;
}

bool consumer_follows(const struct consumer *c, const struct producer *p, size_t layer, int64_t now_us)
{
    if (c->params.paused || c->held) return false;
    return c->layer == (int)layer || consumer_target(c, p, now_us) == (int)layer;
}

bool consumer_forward(struct consumer *c, const struct producer *p, const struct packet *k, int64_t now_us, struct rtp_parts *out)
{
    if (c->params.paused || c->held || !c->pt[k->rtp.payload_type]) return false;
    if (replay_holds(c, k)) return false;
    if (c->layer != (int)k->layer) {
        if (p->params.kind != MEDIA_AUDIO && !(k->key && consumer_target(c, p, now_us) == (int)k->layer)) return false;
        rebase(c, p, k, now_us);
    }
    if (seq_diff(k->rtp.seq, c->first_seq) < 0) return false;
    const struct consumer_span *span = place(c, k);
    if (!span) return false;
    struct rtp_edit e = {.payload_type = c->pt[k->rtp.payload_type],
                         .seq = (uint16_t)(k->rtp.seq - span->seq_offset),
                         .timestamp = consumer_time(span, k->rtp.timestamp),
                         .ssrc = c->params.ssrc};
    if (!copy(c, k, &e, out)) return false;
    patch_vp8(span, k, out);
    note_sent(c, k, &e, now_us);
    c->bytes += rtp_length(out);
    return true;
}

bool consumer_may_pad(const struct consumer *c, const struct packet *k)
{
    return c->rtx_pt[k->rtp.payload_type] != 0 && k->rtp.payload_len;
}

bool consumer_resend(struct consumer *c, const struct producer *p, uint16_t seq, int64_t now_us, struct rtp_parts *out)
{
    const struct consumer_span *s = c->sent_any && seq_diff(seq, c->last_seq) <= 0 ? span_of(c, seq) : NULL;
    struct packet k;
    size_t slot = seq % CONSUMER_RESENDS;
    if (!s || s->layer >= p->n_layers) return false;
    if (c->resent[slot].us && c->resent[slot].seq == seq && now_us - c->resent[slot].us < 20000) return false; /* bounds amplification */
    if (!producer_again(p, s->layer, (uint16_t)(seq + s->seq_offset), &k) || !c->pt[k.rtp.payload_type]) return false;
    uint8_t rtx = c->rtx_pt[k.rtp.payload_type];
    struct rtp_edit e = {.payload_type = rtx ? rtx : c->pt[k.rtp.payload_type],
                         .seq = rtx ? c->rtx_seq : seq,
                         .timestamp = consumer_time(s, k.rtp.timestamp),
                         .ssrc = rtx ? c->params.rtx_ssrc : c->params.ssrc,
                         .rtx = rtx != 0,
                         .rtx_osn = seq};
    if (!rtx && numbered(c, &k)) return false;
    if (!copy(c, &k, &e, out)) return false;
    patch_vp8(s, &k, out);
    if (rtx) c->rtx_seq++;
    c->resent[slot].seq = seq;
    c->resent[slot].us = now_us;
    c->bytes += rtp_length(out);
    return true;
}

void consumer_break(struct consumer *c)
{
    c->layer = -1;
    c->replay.on = false;
    c->gap.on = false;
}

void consumer_allot(struct consumer *c, int layer, uint8_t tid, bool at_once)
{
    c->allotted = true;
    c->tid_cap = tid;
    if (layer < 0 && !c->held) consumer_break(c);
    c->held = layer < 0;
    if (layer < 0) return;
    c->cap = (uint8_t)layer;
    if (at_once && c->layer > layer) consumer_break(c);
}

void consumer_report(struct consumer *c, const struct producer *p, const struct rtcp_report *r, int64_t now_us)
{
    c->fraction_lost = r->fraction_lost;
    c->jitter = r->jitter;
    if (p->n_layers < 2 || c->allotted) return;
    if (r->fraction_lost > 26) { /* over 10 %: one layer less */
        int target = consumer_target(c, p, now_us);
        if (target > 0) c->cap = (uint8_t)(target - 1);
        c->good_since_us = now_us;
    } else if (r->fraction_lost > 5) {
        c->good_since_us = now_us;
    } else if (c->cap < MEDIA_RIDS_MAX - 1 && now_us - c->good_since_us > 8000000) {
        c->cap++;
        c->good_since_us = now_us;
    }
}

bool consumer_sender_info(const struct consumer *c, const struct producer *p, uint64_t ntp, int64_t offset,
                          int64_t now_us, struct rtcp_sender_info *out)
{
    if (!c->sent_any || c->layer < 0) return false;
    const struct layer *l = &p->layers[c->layer];
    uint32_t rtp = c->last_ts + (uint32_t)((now_us - c->last_us) * (int64_t)(producer_clock(p) / 1000) / 1000);
    if (l->has_sr) { /* on the publisher's own clock, so that its audio and video stay in step */
        int64_t since = (int64_t)(ntp - (uint64_t)offset - l->sr_ntp);
        rtp = l->sr_rtp + (uint32_t)(int64_t)((double)since * producer_clock(p) / 4294967296.0) - c->now.ts_offset;
    }
    *out = (struct rtcp_sender_info){c->params.ssrc, ntp, rtp, c->packets, c->octets};
    return true;
}
