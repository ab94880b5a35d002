#include "media/router/consumer.h"
#include "media/rtp/bytes.h"
#include "media/rtp/payload.h"
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
    memset(c->pt, 0, sizeof c->pt);
    memset(c->rtx_pt, 0, sizeof c->rtx_pt);
    for (size_t i = 0; i < p->params.n_payloads; i++) {
        const struct media_payload *row = match(&c->params, &p->params.payloads[i]);
        if (!row) continue;
        c->pt[p->params.payloads[i].payload_type & 127] = row->payload_type;
        c->rtx_pt[p->params.payloads[i].payload_type & 127] = c->params.rtx_ssrc ? row->rtx_payload_type : 0;
    }
}

void consumer_init(struct consumer *c, const struct media_feed_params *params, const struct producer *p)
{
    memset(c, 0, sizeof *c);
    c->params = *params;
    c->layer = -1;
    c->wanted = c->cap = MEDIA_RIDS_MAX - 1;
    c->last_seq = (uint16_t)(params->ssrc * 2654435761u >> 18); /* a start below 2^14: no early wrap */
    c->rtx_seq = (uint16_t)(c->last_seq ^ 0x1555);
    c->last_ts = params->ssrc * 40503u;
    consumer_update(c, p);
}

int consumer_target(const struct consumer *c, const struct producer *p, int64_t now_us)
{
    if (p->n_layers == 1) return 0;
    int top = c->wanted < c->cap ? c->wanted : c->cap, n = (int)p->n_layers;
    for (int i = top < n ? top : n - 1; i >= 0; i--)
        if (layer_alive(&p->layers[i], now_us)) return i;
    for (int i = top + 1; i < n; i++)
        if (layer_alive(&p->layers[i], now_us)) return i;
    return -1;
}

bool consumer_needs_key(const struct consumer *c, const struct producer *p, int64_t now_us, size_t *layer)
{
    if (c->params.paused || p->params.kind == MEDIA_AUDIO) return false;
    int target = consumer_target(c, p, now_us);
    if (target < 0 || target == c->layer) return false;
    *layer = (size_t)target;
    return true;
}

/* VP8 picture ids must go on without a jump across a switch (RFC 7741 4.2). */
static void patch_vp8(struct consumer *c, uint8_t *payload, size_t len, bool first, bool resend)
{
    struct payload_vp8 v;
    payload_vp8_parse(payload, len, &v);
    if (!v.header_len) return;
    if (v.picture_id_at) {
        uint8_t *at = payload + v.picture_id_at;
        uint16_t mask = v.picture_id_long ? 0x7fff : 0x7f, id = (v.picture_id_long ? get_u16(at) : at[0]) & mask;
        if (first) c->pid_offset = (uint16_t)(id - (c->sent_any ? c->last_pid + 1 : id));
        id = (uint16_t)(id - c->pid_offset) & mask;
        if (v.picture_id_long) put_u16(at, 0x8000 | id);
        else at[0] = (uint8_t)id;
        if (!resend) c->last_pid = id;
    }
    if (v.tl0_at) {
        uint8_t tl0 = payload[v.tl0_at];
        if (first) c->tl0_offset = (uint8_t)(tl0 - (c->sent_any ? c->last_tl0 + 1 : tl0));
        payload[v.tl0_at] = tl0 = (uint8_t)(tl0 - c->tl0_offset);
        if (!resend) c->last_tl0 = tl0;
    }
}

static void copy_extension(struct rtp_edit *e, const struct rtp *r, uint8_t from, uint8_t to)
{
    size_t n;
    const uint8_t *v = to ? rtp_extension(r, from, &n) : NULL;
    if (!v || n > 255) return;
    e->extensions[e->n_extensions].id = to;
    e->extensions[e->n_extensions].len = (uint8_t)n;
    e->extensions[e->n_extensions++].value = v;
}

static void extensions(const struct consumer *c, const struct producer *p, const struct rtp *r, struct rtp_edit *e)
{
    const struct media_extensions *from = &p->params.extensions, *to = &c->params.extensions;
    if (to->mid) {
        e->extensions[0].id = to->mid;
        e->extensions[0].len = (uint8_t)strlen(c->params.mid);
        e->extensions[0].value = (const uint8_t *)c->params.mid;
        e->n_extensions = 1;
    }
    copy_extension(e, r, from->audio_level, to->audio_level);
    copy_extension(e, r, from->orientation, to->orientation);
    copy_extension(e, r, from->dependency_descriptor, to->dependency_descriptor);
}

/* The first packet after a start, switch or break: numbers go on by one, the time by what has passed. */
static void rebase(struct consumer *c, const struct producer *p, const struct rtp *r, int64_t now_us)
{
    uint32_t step = producer_clock(p) / 30;
    if (c->sent_any) {
        int64_t passed = (now_us - c->last_us) * (int64_t)(producer_clock(p) / 1000) / 1000;
        if (passed > step) step = (uint32_t)passed;
    }
    c->first_seq = r->seq;
    c->seq_offset = (uint16_t)(r->seq - (uint16_t)(c->last_seq + 1));
    c->ts_offset = r->timestamp - (c->last_ts + step);
}

size_t consumer_forward(struct consumer *c, const struct producer *p, size_t layer, const struct rtp *r, bool key,
                        int64_t now_us, uint8_t *out, size_t cap)
{
    if (c->params.paused || !c->pt[r->payload_type]) return 0;
    bool audio = p->params.kind == MEDIA_AUDIO, first = false;
    if (c->layer != (int)layer) {
        bool begin = audio || (key && consumer_target(c, p, now_us) == (int)layer);
        if (!begin) return 0;
        rebase(c, p, r, now_us);
        c->layer = (int)layer;
        first = true;
    }
    if (seq_diff(r->seq, c->first_seq) < 0) return 0;
    struct rtp_edit e = {.payload_type = c->pt[r->payload_type],
                         .seq = (uint16_t)(r->seq - c->seq_offset),
                         .timestamp = r->timestamp - c->ts_offset,
                         .ssrc = c->params.ssrc};
    extensions(c, p, r, &e);
    size_t payload_at, n = rtp_write(r, &e, out, cap, &payload_at);
    if (!n) return 0;
    if (p->layers[layer].codec == MEDIA_VP8 && r->payload_len) patch_vp8(c, out + payload_at, n - payload_at, first, false);
    size_t h = e.seq % CONSUMER_HISTORY;
    c->history[h].seq = e.seq;
    c->history[h].source = r->seq;
    c->history[h].layer = (uint8_t)layer;
    c->history[h].timestamp = e.timestamp;
    c->history[h].pid_offset = c->pid_offset;
    c->history[h].tl0_offset = c->tl0_offset;
    c->history[h].resent_us = 0;
    if (!c->sent_any || seq_diff(e.seq, c->last_seq) > 0) {
        c->last_seq = e.seq;
        c->last_ts = e.timestamp;
        c->last_us = now_us;
    }
    c->sent_any = true;
    c->packets++;
    c->octets += (uint32_t)r->payload_len;
    c->bytes += n;
    return n;
}

size_t consumer_resend(struct consumer *c, const struct producer *p, uint16_t seq, int64_t now_us, uint8_t *out, size_t cap)
{
    size_t h = seq % CONSUMER_HISTORY, len;
    if (!c->sent_any || c->history[h].seq != seq || c->history[h].layer >= p->n_layers) return 0;
    if (c->history[h].resent_us && now_us - c->history[h].resent_us < 20000) return 0; /* bounds amplification */
    const uint8_t *bytes = ring_get(&p->layers[c->history[h].layer].ring, c->history[h].source, &len);
    struct rtp r;
    if (!bytes || rtp_parse(bytes, len, &r) || !c->pt[r.payload_type]) return 0;
    uint8_t rtx = c->rtx_pt[r.payload_type];
    struct rtp_edit e = {.payload_type = rtx ? rtx : c->pt[r.payload_type],
                         .seq = rtx ? c->rtx_seq : seq,
                         .timestamp = c->history[h].timestamp,
                         .ssrc = rtx ? c->params.rtx_ssrc : c->params.ssrc,
                         .rtx = rtx != 0,
                         .rtx_osn = seq};
    extensions(c, p, &r, &e);
    size_t at, n = rtp_write(&r, &e, out, cap, &at);
    if (!n) return 0;
    if (rtx) c->rtx_seq++;
    if (p->layers[c->history[h].layer].codec == MEDIA_VP8 && r.payload_len) {
        uint16_t pid = c->pid_offset;
        uint8_t tl0 = c->tl0_offset;
        c->pid_offset = c->history[h].pid_offset;
        c->tl0_offset = c->history[h].tl0_offset;
        patch_vp8(c, out + at, n - at, false, true);
        c->pid_offset = pid;
        c->tl0_offset = tl0;
    }
    c->history[h].resent_us = now_us;
    c->bytes += n;
    return n;
}

void consumer_break(struct consumer *c)
{
    c->layer = -1;
}

void consumer_report(struct consumer *c, const struct producer *p, const struct rtcp_report *r, int64_t now_us)
{
    c->fraction_lost = r->fraction_lost;
    c->jitter = r->jitter;
    if (p->n_layers < 2) return;
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
        rtp = l->sr_rtp + (uint32_t)(int64_t)((double)since * producer_clock(p) / 4294967296.0) - c->ts_offset;
    }
    *out = (struct rtcp_sender_info){c->params.ssrc, ntp, rtp, c->packets, c->octets};
    return true;
}
