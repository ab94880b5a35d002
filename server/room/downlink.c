#include "server/room/downlink.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void downlink_init(struct downlink *d, const struct plane *plane, struct room_id room)
{
    *d = (struct downlink){.plane = plane, .room = room};
}

static int post(struct downlink *d, struct media_cmd *c)
{
    c->room = d->room;
    return plane_post(d->plane, d->node, c);
}

/* Commands whose loss mends itself: a peer or feed that is not closed falls silent and ends with its room. */
static void post_lightly(struct downlink *d, struct media_cmd c)
{
    if (post(d, &c)) return;
}

void downlink_close(struct downlink *d)
{
    if (d->open) post_lightly(d, (struct media_cmd){.type = MEDIA_PEER_CLOSE, .peer = d->peer});
    d->peer.v = 0;
    d->open = d->no_vp9 = false;
    d->n_slots = 0;
}

void downlink_note(struct downlink *d, const struct media_feed_params *feed)
{
    bool vp8 = false, vp9 = false;
    for (size_t i = 0; i < feed->n_payloads; i++) {
        vp8 |= feed->payloads[i].codec == MEDIA_VP8;
        vp9 |= feed->payloads[i].codec == MEDIA_VP9;
    }
    d->no_vp9 |= vp8 && !vp9;
}

void downlink_free(struct downlink *d)
{
    downlink_close(d);
    free(d->slots);
    d->slots = NULL;
}

int downlink_renew(struct downlink *d)
{
    downlink_close(d);
    if (!d->slots && !(d->slots = calloc(SDP_MEDIA_MAX, sizeof *d->slots))) return ERR_UNAVAILABLE;
    d->node = d->near;
    d->peer.v = id_new();
    d->session = id_new() >> 2;
    d->answered = d->version; /* versions go on: an answer to the former transport's offer is an old one */
    crypto_random(&d->next_ssrc, sizeof d->next_ssrc);
    media_ice_credentials(d->ufrag, d->password);
    return 0;
}

int downlink_restart(struct downlink *d)
{
    struct media_cmd c = {.type = MEDIA_PEER_RESTART};
    media_ice_credentials(d->ufrag, d->password);
    if (!d->open) return 0;
    c.peer_open.peer = d->peer;
    c.peer_open.room = d->room;
    memcpy(c.peer_open.local_ufrag, d->ufrag, sizeof d->ufrag);
    memcpy(c.peer_open.local_password, d->password, sizeof d->password);
    return post(d, &c);
}

/* ---- slots ---- */

static void release(struct downlink *d, struct downlink_slot *s)
{
    if (s->feed.v) post_lightly(d, (struct media_cmd){.type = MEDIA_FEED_CLOSE, .feed = {.feed = s->feed}});
    s->feed.v = 0;
    s->used = false;
}

static const struct downlink_want *wanted(const struct downlink_want *wants, size_t n, uint64_t wire)
{
    for (size_t i = 0; i < n; i++)
        if (wants[i].wire == wire) return &wants[i];
    return NULL;
}

static bool release_unwanted(struct downlink *d, const struct downlink_want *wants, size_t n)
{
    bool changed = false;
    for (size_t i = 0; i < d->n_slots; i++) {
        struct downlink_slot *s = &d->slots[i];
        const struct downlink_want *w = s->used ? wanted(wants, n, s->want.wire) : NULL;
        if (!s->used || (w && w->track.v == s->want.track.v)) continue;
        release(d, s);
        changed = true;
    }
    return changed;
}

static struct downlink_slot *slot_of(struct downlink *d, uint64_t wire)
{
    for (size_t i = 0; i < d->n_slots; i++)
        if (d->slots[i].used && d->slots[i].want.wire == wire) return &d->slots[i];
    return NULL;
}

/* The slot that carried the same track before (its publisher came back), else any free one of the kind, else a new one. */
static struct downlink_slot *free_slot(struct downlink *d, enum media_kind kind, uint64_t wire)
{
    struct downlink_slot *best = NULL;
    for (size_t i = 0; i < d->n_slots; i++) {
        struct downlink_slot *s = &d->slots[i];
        if (s->used || s->kind != kind) continue;
        if (!best || s->want.wire == wire) best = s;
    }
    if (best || d->n_slots == SDP_MEDIA_MAX) return best;
    best = &d->slots[d->n_slots];
    *best = (struct downlink_slot){.kind = kind};
    snprintf(best->mid, sizeof best->mid, "%zu", d->n_slots++);
    return best;
}

static void steer(struct downlink *d, struct downlink_slot *s, const struct downlink_want *w)
{
    bool pause = s->want.paused != w->paused, layer = s->want.layer != w->layer, value = s->want.value != w->value;
    s->want.paused = w->paused;
    s->want.layer = w->layer;
    s->want.value = w->value;
    if (!s->feed.v) return;
    if (pause) post_lightly(d, (struct media_cmd){.type = MEDIA_FEED_PAUSE, .feed = {.feed = s->feed, .on = w->paused}});
    if (layer) post_lightly(d, (struct media_cmd){.type = MEDIA_FEED_LAYER, .feed = {.feed = s->feed, .layer = w->layer}});
    if (value) post_lightly(d, (struct media_cmd){.type = MEDIA_FEED_VALUE, .feed = {.feed = s->feed, .value = w->value}});
}

bool downlink_want(struct downlink *d, const struct downlink_want *wants, size_t n)
{
    if (!d->peer.v) return false;
    bool changed = release_unwanted(d, wants, n);
    for (size_t i = 0; i < n; i++) {
        struct downlink_slot *s = slot_of(d, wants[i].wire);
        if (s) {
            steer(d, s, &wants[i]);
            continue;
        }
        s = free_slot(d, wants[i].source == SOURCE_MIC ? MEDIA_AUDIO : MEDIA_VIDEO, wants[i].wire);
        if (!s) break; /* SDP_MEDIA_MAX tracks at once: the rest waits for a free slot */
        s->used = true;
        s->want = wants[i];
        s->offered = d->version + 1;
        /* A new use has a new SSRC: its sequence numbers start anew, and SRTP must not see one SSRC jump (RFC 3711 3.3.1). */
        s->ssrc = d->next_ssrc++;
        s->rtx_ssrc = s->kind == MEDIA_VIDEO ? d->next_ssrc++ : 0;
        changed = true;
    }
    return changed;
}

/* ---- offer and answer ---- */

static void describe_slot(const struct downlink_slot *s, struct sdp_media *out)
{
    sdp_offer_media(s->kind, s->mid, out);
    for (size_t i = 0; s->want.exact && i < out->n_payloads; i++)
        out->payloads[i].red_payload_type = 0; /* lines between nodes lose little: each voice goes once */
    if (!s->used) {
        out->direction = SDP_INACTIVE;
        return;
    }
    out->direction = SDP_SENDONLY;
    out->ssrc = s->ssrc;
    out->rtx_ssrc = s->rtx_ssrc;
    id_format(s->want.seat, out->stream);
    snprintf(out->track, sizeof out->track, "%.16s-%s-%.15s", out->stream, room_source_name(s->want.source), s->mid);
}

/* What one seat sends plays together (lips and words): its microphone and camera share a stream, shared screens do not wait for words. */
static void name_stream(const struct downlink_slot *s, struct sdp_media *out)
{
    if (s->used && (s->want.source == SOURCE_SCREEN || s->want.source == SOURCE_CAMERA2))
        snprintf(out->stream, sizeof out->stream, "%.40s-%s", out->track, "alone");
}

char *downlink_offer(struct downlink *d)
{
    struct sdp *o = sdp_new();
    if (!o) return NULL;
    plane_describe(d->plane, d->node, d->ufrag, d->password, o);
    o->setup = SDP_ACTPASS;
    o->mixed = true; /* a dependency descriptor with its structure is too long for one-byte extensions */
    o->session_id = d->session;
    o->version = (uint64_t)++d->version;
    o->n_media = d->n_slots;
    for (size_t i = 0; i < d->n_slots; i++) {
        describe_slot(&d->slots[i], &o->media[i]);
        name_stream(&d->slots[i], &o->media[i]);
    }
    char *text = sdp_write(o);
    sdp_free(o);
    return text;
}

static int open_peer(struct downlink *d, const struct sdp *answer)
{
    struct media_cmd c = {.type = MEDIA_PEER_OPEN};
    sdp_to_peer(answer, &c.peer_open);
    c.peer_open.peer = d->peer;
    c.peer_open.room = d->room;
    memcpy(c.peer_open.local_ufrag, d->ufrag, sizeof d->ufrag);
    memcpy(c.peer_open.local_password, d->password, sizeof d->password);
    int rc = post(d, &c);
    d->open = rc == 0;
    return rc;
}

static int open_feed(struct downlink *d, struct downlink_slot *s, const struct sdp_media *theirs)
{
    struct sdp_media ours;
    struct media_cmd c = {.type = MEDIA_FEED_OPEN};
    describe_slot(s, &ours);
    if (!sdp_to_feed(&ours, theirs, &c.feed_open)) return 0; /* they take nothing on it */
    downlink_note(d, &c.feed_open);
    c.feed_open.peer = d->peer;
    c.feed_open.feed.v = id_new();
    c.feed_open.track = s->want.track;
    c.feed_open.paused = s->want.paused;
    c.feed_open.value = s->want.value;
    c.feed_open.exact = s->want.exact;
    int rc = post(d, &c);
    if (rc) return rc;
    s->feed = c.feed_open.feed;
    if (s->want.layer < MEDIA_RIDS_MAX - 1)
        post_lightly(d, (struct media_cmd){.type = MEDIA_FEED_LAYER, .feed = {.feed = s->feed, .layer = s->want.layer}});
    return 0;
}

int downlink_answer(struct downlink *d, const struct sdp *answer, int version, struct fault *f)
{
    if (version > d->version) return fault_field(f, "version", "not_offered");
    if (version <= d->answered || !d->peer.v) return 0; /* an old one */
    if (answer->n_media > d->n_slots) return fault_field(f, "sdp", "m_lines");
    int rc = d->open ? 0 : open_peer(d, answer);
    for (size_t i = 0; i < answer->n_media && !rc; i++) {
        struct downlink_slot *s = &d->slots[i];
        if (s->used && !s->feed.v && s->offered <= version) rc = open_feed(d, s, &answer->media[i]);
    }
    if (rc) return fault_set(f, rc, "busy", "The media plane is busy; try again."); /* the same answer again goes on from here */
    d->answered = version;
    return 0;
}
