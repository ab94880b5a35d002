#include "media/router/replay.h"
#include "media/rtp/bytes.h"
#include "media/rtp/red.h"
#include <string.h>

#define SQUEEZE_LONG_AGO (1 << 30) /* of 90 kHz: three hours */
#define RED_PACKET_MAX 1200

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

static const struct consumer_row *row_of(const struct consumer *c, uint8_t source)
{
    for (size_t i = 0; i < c->n_rows; i++)
        if (c->rows[i].source == source) return &c->rows[i];
    return NULL;
}

void consumer_update(struct consumer *c, const struct producer *p)
{
    c->audio = p->params.kind == MEDIA_AUDIO;
    c->mid_len = (uint8_t)strnlen(c->params.mid, sizeof c->params.mid);
    consumer_forget(c);
    c->n_rows = 0;
    for (size_t i = 0; i < p->params.n_payloads; i++) {
        const struct media_payload *row = match(&c->params, &p->params.payloads[i]);
        uint8_t rtx = c->params.rtx_ssrc && row ? row->rtx_payload_type : 0;
        uint8_t red = c->params.extensions.transport_cc && row ? row->red_payload_type : 0; /* never sent again: it would be plain then, under the same number */
        if (row) c->rows[c->n_rows++] = (struct consumer_row){p->params.payloads[i].payload_type & 127, row->payload_type, rtx, red};
    }
}

void consumer_init(struct consumer *c, const struct media_feed_params *params, const struct producer *p)
{
    memset(c, 0, sizeof *c);
    c->params = *params;
    c->layer = -1;
    c->wanted = MEDIA_RIDS_MAX - 1;
    c->cap = params->exact ? (uint8_t)(params->exact - 1) : MEDIA_RIDS_MAX - 1;
    c->tid = c->tid_cap = LAYER_TIDS - 1;
    c->last = 0x10000 + (params->ssrc * 2654435761u >> 18); /* a start below 2^14: no early wrap; what is before it has a number too */
    c->rtx_seq = (uint16_t)(c->last ^ 0x1555);
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

int consumer_layer(const struct consumer *c, const struct producer *p)
{
    if (c->layer < 0 || p->n_layers > 1) return c->layer;
    return c->sid < p->layers[0].spatial ? c->sid : p->layers[0].spatial ? p->layers[0].spatial - 1 : 0;
}

/* The highest spatial layer that should be sent of a stream. */
static uint8_t spatial_target(const struct consumer *c, const struct producer *p, size_t layer)
{
    uint8_t most = c->wanted < c->cap ? c->wanted : c->cap, n = p->layers[layer].spatial;
    if (c->params.exact) most = c->wanted < MEDIA_RIDS_MAX - 1 ? c->wanted : LAYER_SIDS - 1; /* the other node says what its own have use for */
    return most < n ? most : n ? (uint8_t)(n - 1) : 0;
}

bool consumer_needs_key(const struct consumer *c, const struct producer *p, int64_t now_us, size_t *layer)
{
    if (c->params.paused || c->held || !c->n_rows || p->params.kind == MEDIA_AUDIO) return false;
    int target = consumer_target(c, p, now_us);
    if (target < 0 || (target == c->layer && c->sid >= spatial_target(c, p, (size_t)target))) return false;
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
static bool numbered(const struct consumer *c, const struct consumer_row *row)
{
    return c->params.extensions.transport_cc && (c->audio || row->rtx);
}

static bool copy(const struct consumer *c, const struct consumer_row *row, const struct packet *k, struct rtp_edit *e, struct rtp_parts *out)
{
    const struct media_extensions *to = &c->params.extensions;
    e->n_extensions = 0;
    e->number_id = numbered(c, row) ? to->transport_cc : 0;
    add_extension(e, to->mid, (const uint8_t *)c->params.mid, c->mid_len);
    add_extension(e, to->audio_level, k->level.value, k->level.len);
    add_extension(e, to->orientation, k->orientation.value, k->orientation.len);
    add_extension(e, to->dependency_descriptor, k->dependency.value, k->dependency.len);
    return rtp_split(&k->rtp, e, out);
}

/* Where its span needs it: picture ids go on without a jump across a switch (RFC 7741 4.2; VP9 refers to them by difference), and the
 * last packet of the highest layer that is sent ends the picture (RFC 9628 4.1). */
static void patch(const struct consumer_span *span, const struct packet *k, struct rtp_parts *out)
{
    const struct payload_frame *v = &k->frame;
    if (v->ends && v->sid == span->sid) out->head[1] |= 0x80;
    if (!span->pid_offset && !span->tl0_offset) return;
    uint8_t *d = rtp_take_front(out, v->front_len);
    if (!d) return;
    if (v->picture_id_at) {
        uint8_t *at = d + v->picture_id_at;
        if (v->picture_id_long) put_u16(at, (uint16_t)(0x8000 | ((get_u16(at) - span->pid_offset) & 0x7fff)));
        else at[0] = (uint8_t)((at[0] - span->pid_offset) & 0x7f);
    }
    if (v->tl0_at) d[v->tl0_at] = (uint8_t)(d[v->tl0_at] - span->tl0_offset);
}

/* ---- numbering ---- */
/* Which of our numbers 16 bits of it mean: the nearest to the last one. */
static uint64_t whole_number(const struct consumer *c, uint16_t seq)
{
    return c->last + (uint64_t)seq_diff(seq, (uint16_t)c->last);
}

static void begin_span(struct consumer *c, uint64_t first)
{
    c->now.first = first;
    c->spans[c->n_spans++ % CONSUMER_SPANS] = c->now;
}

static const struct consumer_span *span_of(const struct consumer *c, uint16_t seq)
{
    uint64_t number = whole_number(c, seq);
    for (size_t i = 0; i < c->n_spans && i < CONSUMER_SPANS; i++) {
        const struct consumer_span *s = &c->spans[(c->n_spans - 1 - i) % CONSUMER_SPANS];
        if (number >= s->first) return s;
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
        uint64_t number = whole_number(c, (uint16_t)(seq - s->seq_offset));
        if (number >= s->first) return next && number >= next->first ? NULL : s;
        next = s;
    }
    return NULL;
}

void consumer_forget(struct consumer *c)
{
    c->n_spans = 0;
    c->gap.on = c->has_said = false;
    if (c->sent_any && c->layer >= 0) begin_span(c, c->last + 1);
}

void consumer_go_on(struct consumer *c, uint16_t last_seq)
{
    consumer_break(c);
    c->last = 0x10000u + last_seq;
    c->n_spans = 0;
}

void consumer_rtx_go_on(struct consumer *c, uint16_t last_seq)
{
    c->rtx_seq = (uint16_t)(last_seq + 1);
}

/* Fewer layers are possible with every picture, more spatial ones with a keyframe, more temporal ones where the stream says so. The
 * packet begins the frame of a layer; with the lowest one the others of its picture are chosen. */
static void choose(struct consumer *c, const struct producer *p, const struct packet *k)
{
    const struct payload_frame *f = &k->frame;
    uint8_t cap = c->allotted && c->layer > c->cap ? 0 : c->tid_cap; /* a stream that the line cannot carry, until the lower one begins */
    uint8_t top = spatial_target(c, p, k->layer);
    if (!f->sid && (k->key || c->sid > top)) c->sid = top;
    if (!f->sid && (k->key || c->tid > cap)) c->tid = cap;
    if (cap <= c->tid || f->sid > c->sid) return; /* a rise begins with a packet that is sent */
    if (f->tid <= c->tid && f->opens >> (c->sid * LAYER_TIDS + cap) & 1) c->tid = cap;
    else if (f->enters && f->tid > c->tid && f->tid <= cap) c->tid = f->tid;
}

/* The first packet after a start, switch or break: numbers go on by one, the time by what has passed. */
static void rebase(struct consumer *c, const struct producer *p, const struct packet *k, int64_t now_us)
{
    uint32_t step = producer_clock(p) / 30;
    if (c->sent_any) {
        int64_t passed = (now_us - c->last_us) * (int64_t)(producer_clock(p) / 1000) / 1000;
        if (passed > step) step = (uint32_t)passed;
    }
    c->layer = k->layer;
    c->replay.on = c->replay.stepping;
    c->high_seq = (uint16_t)(k->rtp.seq - 1);
    c->since = 0;
    c->gap.on = c->has_said = false;
    c->now = (struct consumer_span){.layer = k->layer,
                                    .seq_offset = (uint16_t)(k->rtp.seq - (c->last + 1)),
                                    .ts_offset = k->rtp.timestamp - (c->last_ts + step)};
    if (c->replay.on) replay_squeeze(&c->now, &p->layers[k->layer], k->rtp.timestamp, now_us);
    if (c->sent_any && k->frame.picture_id_at)
        c->now.pid_offset = (uint16_t)(k->frame.number - (c->last_pid + 1));
    if (c->sent_any && k->frame.tl0_at)
        c->now.tl0_offset = (uint8_t)(k->rtp.payload[k->frame.tl0_at] - (c->last_tl0 + 1));
    c->sid = 0;
    choose(c, p, k);
    c->now.sid = c->sid;
    c->now.tid = c->tid;
    begin_span(c, c->last + 1);
}

static void note_sent(struct consumer *c, const struct packet *k, const struct rtp_edit *e, int64_t now_us)
{
    if (!c->sent_any || seq_diff(e->seq, (uint16_t)c->last) > 0) {
        c->last = whole_number(c, e->seq);
        c->last_ts = e->timestamp;
        c->last_us = now_us;
    }
    if (k->rtp.seq == c->high_seq && k->frame.picture_id_at) c->last_pid = (uint16_t)(k->frame.number - c->now.pid_offset) & k->frame.number_mask;
    if (k->rtp.seq == c->high_seq && k->frame.tl0_at) c->last_tl0 = (uint8_t)(k->rtp.payload[k->frame.tl0_at] - c->now.tl0_offset);
    c->sent_any = true;
    c->packets++;
    c->octets += (uint32_t)k->rtp.payload_len;
}

/* ---- what is left out ---- */
static bool above(const struct packet *k, uint8_t sid, uint8_t tid)
{
    return k->frame.tid > tid || k->frame.sid > sid;
}

/* What never came between the last packet left out and this one belongs to what is left out too: to the same picture, whose layers come
 * in their order, or to the end of the one before this. */
static bool next_to_gap(const struct consumer *c, const struct packet *k)
{
    const struct payload_frame *f = &k->frame;
    if (f->number == c->gap.pid_last && f->number_mask) return above(k, c->sid, c->tid);
    return f->number == ((c->gap.pid_last + 1) & f->number_mask) && f->number_mask && f->starts && (!f->sid || !f->picture_id_at);
}

/* The numbers up to `last` are given to nobody. */
static void end_gap(struct consumer *c, const struct packet *k, uint16_t last)
{
    uint64_t first = whole_number(c, (uint16_t)(c->gap.first - c->now.seq_offset));
    uint16_t mask = k->frame.number_mask;
    c->now.seq_offset = (uint16_t)(c->now.seq_offset + (uint16_t)(last - c->gap.first) + 1);
    if (k->vp8 && k->frame.picture_id_at) /* of VP9 they stay: others refer to them by difference, and by their place in a pattern */
        c->now.pid_offset = (uint16_t)((c->now.pid_offset + ((c->gap.pid_last - c->gap.pid_first) & mask) + 1) & mask);
    c->gap.on = false;
    if (c->sid < c->now.sid) c->now.sid = c->sid; /* a rise holds from the next packet sent on, a fall did already */
    if (c->tid < c->now.tid) c->now.tid = c->tid;
    begin_span(c, first);
}

/* `hole`: something before it has not come. It may be of a picture that is sent, so its numbers are kept. */
static void leave_out(struct consumer *c, const struct packet *k, bool hole)
{
    if (c->gap.on && hole && !next_to_gap(c, k)) end_gap(c, k, c->gap.last);
    if (!c->gap.on) {
        c->gap.on = true;
        c->gap.first = k->rtp.seq;
        c->gap.pid_first = k->frame.number;
    }
    c->gap.last = k->rtp.seq;
    c->gap.pid_last = k->frame.number;
}

/* The first packet that is sent behind what was left out. What lies between and never came stays a gap, for it may be of this frame. */
static void close_gap(struct consumer *c, const struct packet *k)
{
    end_gap(c, k, next_to_gap(c, k) ? (uint16_t)(k->rtp.seq - 1) : c->gap.last);
}

/* What was chosen holds for what comes from now on, not for what comes late. */
static void note_choice(struct consumer *c, uint64_t first)
{
    if (c->now.sid == c->sid && c->now.tid == c->tid) return;
    c->now.sid = c->sid;
    c->now.tid = c->tid;
    begin_span(c, first);
}

/* Times go round in 13 hours: one of long after the squeeze must not be taken for one of before it. */
static void end_squeeze(struct consumer *c)
{
    c->now.squeezed = false;
    for (size_t i = 0; i < CONSUMER_SPANS; i++)
        c->spans[i].squeezed = false;
}

/* How this packet is numbered; NULL: it is left out. */
static const struct consumer_span *place(struct consumer *c, const struct producer *p, const struct packet *k)
{
    if (seq_diff(k->rtp.seq, c->high_seq) <= 0) { /* late */
        if (c->gap.on && seq_diff(k->rtp.seq, c->gap.first) >= 0) return NULL;
        return c->n_spans ? span_of_source(c, k->rtp.seq) : &c->now;
    }
    bool hole = k->rtp.seq != (uint16_t)(c->high_seq + 1);
    c->since += (uint16_t)(k->rtp.seq - c->high_seq);
    c->high_seq = k->rtp.seq;
    if (c->now.squeezed && (int32_t)(k->rtp.timestamp - c->now.squeeze_end) > SQUEEZE_LONG_AGO) end_squeeze(c);
    if (!k->frame.layered) return &c->now;
    if (k->frame.starts) choose(c, p, k);
    if (above(k, c->sid, c->tid)) {
        leave_out(c, k, hole);
        return NULL;
    }
    if (c->gap.on) close_gap(c, k);
    note_choice(c, whole_number(c, (uint16_t)(k->rtp.seq - c->now.seq_offset)));
    return &c->now;
}

/* A packet that came too late to be left out without a trace: its number was kept for it. It goes out empty, so that nobody asks for it. */
static const struct packet *emptied(const struct packet *k, const struct consumer_span *span, struct packet *to)
{
    if (!k->frame.layered || !above(k, span->sid, span->tid)) return k;
    *to = (struct packet){.rtp = k->rtp, .layer = k->layer};
    to->rtp.payload_len = 0;
    to->rtp.marker = false;
    return to;
}

bool consumer_follows(const struct consumer *c, const struct producer *p, size_t layer, int64_t now_us)
{
    if (c->params.paused || (c->held && !c->still.any)) return false;
    return c->layer == (int)layer || consumer_target(c, p, now_us) == (int)layer;
}

static bool from_before_the_switch(const struct consumer *c, uint16_t seq)
{
    int late = seq_diff(c->high_seq, seq);
    return late >= 0 && (uint64_t)late >= c->since;
}

/* The packet of the voice that was sent last goes along once more. What came before the feed began, or while the track was muted, was not sent; padding has no words. */
static void repeat_last(struct consumer *c, const struct producer *p, const struct consumer_row *row, const struct packet *k, struct rtp_parts *out)
{
    uint8_t head[RED_HEAD_BYTES];
    struct rtp last;
    size_t len;
    const uint8_t *bytes = c->has_said ? ring_get(&p->layers[k->layer].ring, c->said, &len) : NULL;
    if (!k->rtp.payload_len) return;
    if (!c->has_said || seq_diff(k->rtp.seq, c->said) > 0) c->said = k->rtp.seq;
    c->has_said = true;
    if (!bytes || rtp_parse(bytes, len, &last) || last.payload_type != k->rtp.payload_type) return;
    if (rtp_length(out) + RED_HEAD_BYTES + last.payload_len > RED_PACKET_MAX) return;
    if (!red_head(head, row->ours, k->rtp.timestamp - last.timestamp, last.payload_len) || !rtp_precede(out, head, sizeof head, last.payload, last.payload_len)) return;
    out->head[1] = (uint8_t)((out->head[1] & 0x80) | row->red);
    c->octets += (uint32_t)(out->front_len + out->before_len);
}

bool consumer_forward(struct consumer *c, const struct producer *p, const struct packet *k, int64_t now_us, struct rtp_parts *out)
{
    bool still = c->held && c->still.any && k->rtp.timestamp == c->still.timestamp;
    const struct consumer_row *row = c->params.paused || (c->held && !still) ? NULL : row_of(c, k->rtp.payload_type);
    if (!row || replay_holds(c, k)) return false;
    bool begins = still && !c->still.begun;
    if (c->layer != (int)k->layer || begins) {
        if (p->params.kind != MEDIA_AUDIO && !(k->key && consumer_target(c, p, now_us) == (int)k->layer)) return false;
        rebase(c, p, k, now_us);
        c->still.begun = still;
    }
    if (from_before_the_switch(c, k->rtp.seq)) return false;
    const struct consumer_span *span = place(c, p, k);
    struct packet empty;
    if (!span) return false;
    if (span != &c->now) k = emptied(k, span, &empty);
    struct rtp_edit e; /* its extensions are not worth clearing for every copy */
    e.payload_type = row->ours;
    e.seq = (uint16_t)(k->rtp.seq - span->seq_offset);
    e.timestamp = consumer_time(span, k->rtp.timestamp);
    e.ssrc = c->params.ssrc;
    e.rtx = false;
    if (!copy(c, row, k, &e, out)) return false;
    if (k->frame.header_len || k->frame.layered) patch(span, k, out);
    if (c->red && row->red) repeat_last(c, p, row, k, out);
    else if (c->has_said) c->has_said = false;
    note_sent(c, k, &e, now_us);
    c->bytes += rtp_length(out);
    return true;
}

bool consumer_may_pad(const struct consumer *c, const struct packet *k)
{
    const struct consumer_row *row = row_of(c, k->rtp.payload_type);
    return row && row->rtx && k->rtp.payload_len;
}

bool consumer_resend(struct consumer *c, const struct producer *p, uint16_t seq, int64_t now_us, struct rtp_parts *out)
{
    const struct consumer_span *s = c->sent_any && seq_diff(seq, (uint16_t)c->last) <= 0 ? span_of(c, seq) : NULL;
    struct packet k;
    size_t slot = seq % CONSUMER_RESENDS;
    if (!s || s->layer >= p->n_layers) return false;
    if (c->resent[slot].us && c->resent[slot].seq == seq && now_us - c->resent[slot].us < 20000) return false; /* bounds amplification */
    const struct consumer_row *row = producer_again(p, s->layer, (uint16_t)(seq + s->seq_offset), &k) ? row_of(c, k.rtp.payload_type) : NULL;
    if (!row) return false;
    uint8_t rtx = row->rtx;
    struct rtp_edit e = {.payload_type = rtx ? rtx : row->ours,
                         .seq = rtx ? c->rtx_seq : seq,
                         .timestamp = consumer_time(s, k.rtp.timestamp),
                         .ssrc = rtx ? c->params.rtx_ssrc : c->params.ssrc,
                         .rtx = rtx != 0,
                         .rtx_osn = seq};
    struct packet empty;
    const struct packet *as = emptied(&k, s, &empty);
    if (!rtx && numbered(c, row)) return false;
    if (!copy(c, row, as, &e, out)) return false;
    patch(s, as, out);
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
    if (layer >= 0 && c->held && c->still.any) consumer_break(c); /* what comes next does not continue a still */
    if (layer >= 0 || !c->held) {
        c->still.every_us = 0;
        c->still.any = c->still.begun = false;
    }
    c->held = layer < 0;
    if (layer < 0) return;
    c->cap = (uint8_t)layer;
    if (at_once && c->layer > layer) consumer_break(c);
}

void consumer_stills(struct consumer *c, int64_t every_us)
{
    c->still.every_us = every_us; /* one that was begun is sent whole */
}

bool consumer_still_due(const struct consumer *c, int64_t now_us)
{
    return c->held && c->still.every_us && !c->params.paused && now_us >= c->still.due_us;
}

bool consumer_takes(struct consumer *c, const struct packet *k, int64_t now_us)
{
    if (!c->held) return true;
    if (c->still.any && k->rtp.timestamp == c->still.timestamp) return true;
    if (!k->key || !consumer_still_due(c, now_us)) return false;
    c->still.any = true;
    c->still.begun = false;
    c->still.timestamp = k->rtp.timestamp;
    c->still.due_us = now_us - now_us % c->still.every_us + c->still.every_us; /* for all who need one, the same keyframe does */
    return true;
}

void consumer_report(struct consumer *c, const struct producer *p, const struct rtcp_report *r, int64_t now_us)
{
    c->fraction_lost = r->fraction_lost;
    c->jitter = r->jitter;
    if (producer_layers(p) < 2 || c->allotted) return;
    if (r->fraction_lost > 26) { /* over 10 %: one layer less */
        int target = p->n_layers > 1 ? consumer_target(c, p, now_us) : spatial_target(c, p, 0);
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
