#include "server/room/watcher.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int post(struct downlink *d, struct media_cmd *c)
{
    c->room = d->room;
    return plane_post(d->plane, d->node, c);
}

static struct sdp_media *copy_media(const struct sdp *s)
{
    struct sdp_media *m = malloc((s->n_media ? s->n_media : 1) * sizeof *m);
    if (!m) abort();
    memcpy(m, s->media, s->n_media * sizeof *m);
    return m;
}

static size_t make_slots(struct watcher *w, struct downlink *d, const struct sdp *offer, struct sdp *answer)
{
    size_t n = 0;
    for (size_t i = 0; i < offer->n_media; i++) {
        const struct sdp_media *m = &offer->media[i];
        struct sdp_media *out = &answer->media[i];
        struct downlink_slot *s = &d->slots[i];
        sdp_answer_media(m, SDP_SENDONLY, out);
        *s = (struct downlink_slot){.kind = m->kind};
        w->wishes[i].layer = MEDIA_RIDS_MAX - 1;
        if (out->rejected || out->direction != SDP_SENDONLY) continue;
        out->ssrc = s->ssrc = d->next_ssrc++;
        out->rtx_ssrc = s->rtx_ssrc = m->kind == MEDIA_VIDEO ? d->next_ssrc++ : 0;
        snprintf(out->stream, sizeof out->stream, "room");
        snprintf(out->track, sizeof out->track, "room-%zu", i);
        s->used = true;
        n++;
    }
    d->n_slots = w->n = answer->n_media = offer->n_media;
    w->theirs = copy_media(offer);
    w->ours = copy_media(answer);
    snprintf(w->ufrag, sizeof w->ufrag, "%s", offer->ufrag);
    return n;
}

static int open_peer(struct downlink *d, const struct sdp *offer, struct sdp *answer)
{
    struct media_cmd c = {.type = MEDIA_PEER_OPEN};
    plane_describe(d->plane, d->node, d->ufrag, d->password, answer);
    if (offer->setup == SDP_PASSIVE) answer->setup = SDP_ACTIVE;
    answer->mixed = offer->mixed;
    answer->session_id = d->session;
    answer->version = 1;
    sdp_to_peer(offer, &c.peer_open);
    c.peer_open.peer = d->peer;
    c.peer_open.room = d->room;
    memcpy(c.peer_open.local_ufrag, d->ufrag, sizeof d->ufrag);
    memcpy(c.peer_open.local_password, d->password, sizeof d->password);
    int rc = post(d, &c);
    d->open = rc == 0;
    return rc;
}

int watcher_offer(struct watcher *w, struct downlink *d, const struct sdp *offer, char **answer, struct fault *f)
{
    struct sdp *out = sdp_new();
    int rc = 0;
    if (!out || downlink_renew(d)) rc = fault_set(f, ERR_UNAVAILABLE, "busy", "Out of memory.");
    else if (!make_slots(w, d, offer, out)) rc = fault_field(f, "sdp", "nothing_received");
    else if (open_peer(d, offer, out) || !(*answer = sdp_write(out))) rc = fault_set(f, ERR_UNAVAILABLE, "busy", "The media plane is busy; try again.");
    sdp_free(out);
    return rc;
}

void watcher_bind(struct watcher *w, struct downlink *d, size_t i, const struct downlink_want *want)
{
    struct downlink_slot *s = &d->slots[i];
    struct media_cmd open = {.type = MEDIA_FEED_OPEN};
    struct sdp_media ours = w->ours[i];
    ours.ssrc = s->ssrc;
    ours.rtx_ssrc = s->rtx_ssrc;
    if (!sdp_to_feed(&ours, &w->theirs[i], &open.feed_open)) return;
    downlink_note(d, &open.feed_open);
    open.feed_open.peer = d->peer;
    open.feed_open.value = want->value;
    open.feed_open.feed.v = id_new();
    open.feed_open.track = want->track;
    open.feed_open.paused = w->wishes[i].paused;
    if (post(d, &open)) return;
    s->feed = open.feed_open.feed;
    s->want = *want;
    struct media_cmd layer = {.type = MEDIA_FEED_LAYER, .feed = {.feed = s->feed, .layer = w->wishes[i].layer}};
    if (layer.feed.layer < MEDIA_RIDS_MAX - 1 && post(d, &layer)) log_debug("room", "the media plane is busy; a wish is not carried out");
}

int watcher_steer(struct watcher *w, struct downlink *d, const struct watcher_wish *wish, struct fault *f)
{
    size_t i = 0;
    while (i < w->n && !(d->slots[i].used && strcmp(w->theirs[i].mid, wish->mid) == 0))
        i++;
    if (i == w->n) return fault_field(f, "mid", "not_in_sdp");
    struct media_cmd layer = {.type = MEDIA_FEED_LAYER, .feed = {.feed = d->slots[i].feed, .layer = (uint8_t)wish->layer}};
    struct media_cmd pause = {.type = MEDIA_FEED_PAUSE, .feed = {.feed = d->slots[i].feed, .on = wish->paused}};
    if (wish->layer >= 0) w->wishes[i].layer = (uint8_t)wish->layer;
    if (wish->paused >= 0) w->wishes[i].paused = wish->paused;
    int rc = 0;
    if (d->slots[i].feed.v && wish->layer >= 0) rc = post(d, &layer);
    if (!rc && d->slots[i].feed.v && wish->paused >= 0) rc = post(d, &pause);
    return rc ? fault_set(f, ERR_UNAVAILABLE, "busy", "The media plane is busy; try again.") : 0;
}

void watcher_unbind(struct downlink *d, struct downlink_slot *s)
{
    struct media_cmd c = {.type = MEDIA_FEED_CLOSE, .feed = {.feed = s->feed}};
    if (post(d, &c)) log_debug("room", "a feed ends with its track");
    s->feed.v = 0;
    /* The next track is another stream: an SSRC of its own, found by its MID (RFC 9143 9.2). */
    s->ssrc = d->next_ssrc++;
    if (s->rtx_ssrc) s->rtx_ssrc = d->next_ssrc++;
}

bool watcher_has(const struct downlink *d, struct track_id track)
{
    for (size_t i = 0; i < d->n_slots; i++)
        if (d->slots[i].feed.v && d->slots[i].want.track.v == track.v) return true;
    return false;
}

uint64_t watcher_seat(const struct downlink *d)
{
    for (size_t i = 0; i < d->n_slots; i++)
        if (d->slots[i].kind == MEDIA_VIDEO && d->slots[i].feed.v) return d->slots[i].want.seat;
    return 0;
}

void watcher_free(struct watcher *w)
{
    free(w->theirs);
    free(w->ours);
    *w = (struct watcher){0};
}
