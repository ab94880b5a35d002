#include "media/rtp/bytes.h"
#include "media/rtp/red.h"
#include "media/worker/worker.h"
#include "media/worker/figures.h"
#include <stdlib.h>
#include <string.h>

/* ---- which stream is this ---- */
struct ssrc_slot *peer_ssrc(struct peer *peer, uint32_t ssrc)
{
    if (!peer->up) return NULL;
    for (size_t i = ssrc * 2654435761u >> 25, n = 0; n < PEER_SSRCS; n++, i = (i + 1) % PEER_SSRCS) {
        if (!peer->up->ssrcs[i].track) return NULL;
        if (peer->up->ssrcs[i].ssrc == ssrc) return &peer->up->ssrcs[i];
    }
    return NULL;
}

static void insert(struct peer *peer, struct ssrc_slot slot)
{
    for (size_t i = slot.ssrc * 2654435761u >> 25, n = 0; n < PEER_SSRCS - 1; n++, i = (i + 1) % PEER_SSRCS)
        if (!peer->up->ssrcs[i].track || peer->up->ssrcs[i].ssrc == slot.ssrc) {
            peer->up->ssrcs[i] = slot;
            return;
        }
}

/* Rebuilds the table without what `drop` names: a track, or one stream of it. */
static void rebuild(struct peer *peer, const struct track *track, int layer, bool rtx)
{
    struct ssrc_slot old[PEER_SSRCS];
    memcpy(old, peer->up->ssrcs, sizeof old);
    memset(peer->up->ssrcs, 0, sizeof peer->up->ssrcs);
    for (size_t i = 0; i < PEER_SSRCS; i++)
        if (old[i].track && !(old[i].track == track && (layer < 0 || (old[i].layer == layer && old[i].rtx == rtx))))
            insert(peer, old[i]);
}

void peer_forget_track(struct peer *peer, const struct track *track)
{
    rebuild(peer, track, -1, false);
}

void peer_bind(struct peer *peer, uint32_t ssrc, struct track *track, size_t layer, bool rtx)
{
    if (rtx) {
        rebuild(peer, track, (int)layer, true);
        track->producer.layers[layer].rtx_ssrc = ssrc;
    } else if (!track->producer.layers[layer].known || track->producer.layers[layer].ssrc != ssrc) {
        rebuild(peer, track, (int)layer, false);
        forward_flush(track);
        if (producer_bind(&track->producer, layer, ssrc)) { /* the publisher began a new stream */
            for (size_t i = 0; i < track->n_feeds; i++) {
                if (track->feeds[i]->consumer.layer == (int)layer) consumer_break(&track->feeds[i]->consumer);
                consumer_forget(&track->feeds[i]->consumer);
            }
            if (track->tap && track->tap->layer == (int)layer) consumer_break(track->tap);
            if (track->live && track->live->layer == (int)layer) consumer_break(track->live);
        }
    }
    insert(peer, (struct ssrc_slot){ssrc, (uint8_t)layer, rtx, track});
}

static bool text_is(const uint8_t *v, size_t n, const char *text)
{
    return v && strlen(text) == n && memcmp(v, text, n) == 0;
}

static int rid_layer(const struct track *t, const uint8_t *v, size_t n)
{
    for (size_t i = 0; i < t->producer.params.n_rids; i++)
        if (text_is(v, n, t->producer.params.rids[i])) return (int)i;
    return -1;
}

static bool try_track(struct peer *peer, struct track *t, const struct rtp *r, bool alone)
{
    const struct media_track_params *p = &t->producer.params;
    enum payload_form form;
    if (!producer_payload(&t->producer, r->payload_type, &form)) return false;
    bool rtx = form == PAYLOAD_RTX;
    size_t mid_n = 0, rid_n = 0, rrid_n = 0;
    const uint8_t *mid = rtp_extension(r, p->extensions.mid, &mid_n), *rid = rtp_extension(r, p->extensions.rid, &rid_n),
                  *rrid = rtp_extension(r, p->extensions.repaired_rid, &rrid_n);
    if (mid ? !text_is(mid, mid_n, p->mid) : !alone) return false;
    int layer = 0;
    if (p->n_rids) layer = rtx ? rid_layer(t, rrid, rrid_n) : rid_layer(t, rid, rid_n);
    if (layer < 0) return false;
    peer_bind(peer, r->ssrc, t, (size_t)layer, rtx);
    return true;
}

/* An unknown stream: by MID (+RID); without a MID only when one single track takes its payload type (encoders that send none). */
static struct ssrc_slot *learn(struct peer *peer, const struct rtp *r)
{
    size_t takers = 0, free_slots = 0;
    enum payload_form form;
    if (!peer->up) return NULL;
    for (size_t i = 0; i < PEER_SSRCS; i++)
        free_slots += !peer->up->ssrcs[i].track;
    if (free_slots < PEER_SSRCS / 2) return NULL; /* a peer cannot fill the table with invented streams */
    for (size_t i = 0; i < peer->n_tracks; i++)
        takers += producer_payload(&peer->tracks[i]->producer, r->payload_type, &form) != NULL;
    for (size_t i = 0; i < peer->n_tracks; i++)
        if (try_track(peer, peer->tracks[i], r, takers == 1)) return peer_ssrc(peer, r->ssrc);
    return NULL;
}

/* ---- what a peer sends ---- */
static void note_twcc(struct peer *peer, const struct track *t, const struct rtp *r)
{
    size_t n;
    const uint8_t *v = rtp_extension(r, t->producer.params.extensions.transport_cc, &n);
    if (!v || n != 2) return;
    peer->up->twcc_used = true;
    twcc_note(&peer->up->twcc, get_u16(v), peer->worker->came_us);
}

static uint8_t media_payload_type(const struct track *t, uint8_t rtx_pt)
{
    enum payload_form form;
    const struct media_payload *row = producer_payload(&t->producer, rtx_pt, &form);
    return row && form == PAYLOAD_RTX ? row->payload_type : 0;
}

static void forward_input(struct track *t, size_t layer, const struct packet *packet, bool restored)
{
    struct peer *peer = t->peer;
    if (!t->producer.live) {
        t->producer.live = true;
        struct media_event e = {.type = MEDIA_TRACK_LIVE, .room = peer->room->id, .peer = peer->id,
                                .track = t->producer.params.track, .codec = t->producer.layers[layer].codec};
        worker_event(peer->worker, &e);
    }
    t->producer.stalled = false;
    if (restored) t->producer.layers[layer].told.restored++;
    forward_packet(t, packet);
}

/* The row of a voice that came as RED, else NULL. */
static const struct media_payload *red_row(const struct track *t, uint8_t pt)
{
    enum payload_form form;
    const struct media_payload *row = t->producer.params.kind == MEDIA_AUDIO ? producer_payload(&t->producer, pt, &form) : NULL;
    return row && form == PAYLOAD_RED ? row : NULL;
}

/* What was lost and stands in this packet once more goes in first; then it is as if it had come plain. So ring, receivers and recordings know nothing of
 * RED, and each hop repairs its own loss. */
static bool undo_red(struct track *t, size_t layer, uint8_t *data, size_t *len, struct rtp *r, uint8_t plain)
{
    struct red red;
    if (!r->payload_len) { /* padding, by which the publisher tries his line: it has its place among the numbers */
        data[1] = (uint8_t)((data[1] & 0x80) | plain);
        return rtp_parse(data, *len, r) == 0;
    }
    if (red_parse(r->payload, r->payload_len, &red)) return false;
    for (size_t i = 0; i + 1 < red.n; i++) {
        struct rtp lost;
        struct packet packet;
        uint8_t whole[12 + RED_BLOCK_BYTES];
        size_t n = red_restore(r, &red.blocks[i], producer_before(&t->producer, layer, r->seq, (unsigned)(red.n - 1 - i)), whole, sizeof whole);
        if (n && rtp_parse(whole, n, &lost) == 0 && producer_restore(&t->producer, layer, &lost, t->peer->worker->now_us, &packet))
            forward_input(t, layer, &packet, true);
    }
    red_unwrap(data, len, r, &red);
    return rtp_parse(data, *len, r) == 0;
}

static void track_input(struct peer *peer, uint8_t *data, size_t len)
{
    struct rtp r;
    if (rtp_parse(data, len, &r)) return;
    struct ssrc_slot *slot = peer_ssrc(peer, r.ssrc);
    if (!slot) slot = learn(peer, &r);
    if (!slot) return;
    struct track *t = slot->track;
    size_t layer = slot->layer;
    note_twcc(peer, t, &r);
    if (slot->rtx) {
        uint8_t pt = media_payload_type(t, r.payload_type);
        if (!t->producer.layers[layer].known || !pt ||
            !rtp_unwrap_rtx(data, &len, t->producer.layers[layer].ssrc, pt) || rtp_parse(data, len, &r))
            return;
    }
    const struct media_payload *red = red_row(t, r.payload_type);
    if (red && !undo_red(t, layer, data, &len, &r, red->payload_type)) return;
    struct packet packet;
    if (producer_input(&t->producer, layer, &r, peer->worker->now_us, &packet)) forward_input(t, layer, &packet, slot->rtx);
}

void peer_inside_input(struct worker *w, struct peer_id id, const struct share *packets)
{
    w->came_us = w->now_us;
    struct peer *peer = table_get(&w->peers, id.v);
    for (size_t at = 0; peer && peer->inside && at + 2 <= packets->len;) {
        uint8_t packet[DATAGRAM_MAX];
        size_t n = get_u16(packets->bytes + at);
        at += 2;
        if (n > packets->len - at || n > sizeof packet) return;
        memcpy(packet, packets->bytes + at, n);
        at += n;
        peer->up_bytes += n;
        track_input(peer, packet, n);
    }
}

static void selected(struct peer *peer, bool first)
{
    handshake_address(peer->worker->handshake, peer->id, &peer->ice.selected);
    if (first) return;
    metric_add(figures.moves, 1);
    peer_event(peer, MEDIA_PEER_MOVED);
}

static void heard(struct peer *peer, const struct address *from)
{
    struct worker *w = peer->worker;
    if (ice_heard(&peer->ice, from, w->now_us)) selected(peer, false);
    if (peer->silent) {
        peer->silent = false;
        peer_event(peer, MEDIA_PEER_BACK);
    }
}

static void srtp_input(struct peer *peer, uint8_t *data, size_t len, const struct address *from)
{
    if (!peer->srtp) return;
    bool rtcp = rtp_is_rtcp(data, len);
    peer->up_bytes += len;
    if (srtp_box_open(peer->srtp, data, &len, rtcp)) {
        metric_add(figures.srtp_errors, 1);
        return;
    }
    heard(peer, from);
    if (!peer->proved) handshake_proved(peer->worker->handshake, peer->id);
    peer->proved = true;
    if (rtcp) peer_rtcp(peer, data, len);
    else track_input(peer, data, len);
}

/* ---- STUN ---- */
static void stun_input(struct worker *w, const uint8_t *data, size_t len, const struct address *from)
{
    struct stun_message m;
    if (stun_parse(data, len, &m) || m.type != STUN_BINDING_REQUEST || !m.username) return;
    const uint8_t *colon = memchr(m.username, ':', m.username_len);
    uint64_t ufrag = colon ? table_hash(m.username, (size_t)(colon - m.username)) : 0, key = table_hash(from, sizeof *from);
    struct peer *peer = table_get(&w->by_ufrag, ufrag);
    if (!peer && steer_check(w, ufrag, data, len, from)) return;
    struct ice_result r;
    uint8_t reply[ICE_REPLY_BYTES];
    bool first = peer && !peer->ice.has_selected;
    if (!peer || ice_input(&peer->ice, &m, from, w->now_us, reply, &r)) {
        metric_add(figures.refused, 1);
        return;
    }
    if (r.dropped_tuple) peer_forget_address(peer, &r.dropped);
    if (r.new_tuple) {
        if (table_put(&w->by_tuple, key, peer)) return;
        steer_tell_address(w, key);
    }
    if (r.reply_len) worker_send(w, reply, r.reply_len, from);
    if (peer->silent) {
        peer->silent = false;
        peer_event(peer, MEDIA_PEER_BACK);
    }
    if (r.selected_changed) selected(peer, first);
}

/* ---- DTLS ---- */
static void failed(struct peer *peer)
{
    peer_event(peer, MEDIA_PEER_FAILED);
    peer_close(peer, false);
}

void peer_handshake(struct worker *w, const struct handshake_answer *a)
{
    struct peer *peer = table_get(&w->peers, a->peer.v);
    if (!peer) {
        srtp_box_free(a->srtp);
    } else if (a->state == DTLS_CONNECTED) {
        metric_add(figures.handshakes, 1);
        peer->srtp = a->srtp;
        peer->seal = srtp_box_seal(a->srtp);
        peer->tag = srtp_seal_tag(peer->seal);
        peer->report_us = 0; /* REMB at once: a publisher that hears nothing stays at 300 kbit/s */
        line_tick(peer); /* what its line has room for first: no picture begins that stops at once */
        for (size_t i = 0; i < peer->n_feeds; i++)
            forward_wish_key(peer->feeds[i]); /* it can show something from now on */
        peer_event(peer, MEDIA_PEER_CONNECTED);
    } else {
        if (a->state == DTLS_FAILED) metric_add(figures.handshake_failures, 1);
        failed(peer);
    }
}

void peer_datagram(struct peer *peer, uint8_t *data, size_t len, const struct address *from)
{
    if (data[0] >= 128 && data[0] < 192) srtp_input(peer, data, len, from);
    else if (data[0] >= 20 && data[0] < 64) handshake_input(peer->worker->handshake, peer->id, from, data, len);
}

void peer_dialled(struct peer *peer, const struct address *from)
{
    bool first = !peer->ice.has_selected;
    if (peer->silent) {
        peer->silent = false;
        peer_event(peer, MEDIA_PEER_BACK);
    }
    if (ice_answered(&peer->ice, from, peer->worker->now_us)) selected(peer, first);
}

void worker_datagram(struct worker *w, uint8_t *data, size_t len, const struct address *from)
{
    w->counted.packets_in++;
    w->counted.bytes_in += len;
    if (len < 2) return;
    if (data[0] < 4) { /* RFC 7983: the first byte tells who is meant */
        stun_input(w, data, len, from);
        return;
    }
    struct peer *peer = table_get(&w->by_tuple, table_hash(from, sizeof *from));
    if (peer) peer_datagram(peer, data, len, from);
    else if (!steer_media(w, data, len, from)) metric_add(figures.refused, 1);
}
