#include "server/room/uplink.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void uplink_init(struct uplink *u, const struct plane *plane, struct room_id room)
{
    *u = (struct uplink){.plane = plane, .room = room};
}

void uplink_renew(struct uplink *u)
{
    u->renew = true;
}

static int post(struct uplink *u, struct media_cmd *c)
{
    c->room = u->room;
    return plane_post(u->plane, u->node, c);
}

void uplink_close(struct uplink *u)
{
    struct media_cmd c = {.type = MEDIA_PEER_CLOSE, .peer = u->peer};
    if (u->peer.v && post(u, &c)) { /* its queue is full: the peer falls silent and is closed by time */ }
    u->peer.v = 0;
    memset(u->tracks, 0, sizeof u->tracks);
}

void uplink_pause(struct uplink *u, enum room_source source, bool on)
{
    struct media_cmd c = {.type = MEDIA_TRACK_PAUSE, .track = {u->tracks[source].id, on}};
    if (u->tracks[source].id.v && post(u, &c)) { /* as above; the sender has stopped too */ }
}

enum room_source uplink_source_of(const struct uplink *u, struct track_id id)
{
    enum room_source s = 0;
    while (s < SOURCE_COUNT && !(id.v && u->tracks[s].id.v == id.v))
        s++;
    return s;
}

/* ---- the offer's words ---- */

static const struct sdp_media *section(const struct sdp *s, const char *mid)
{
    for (size_t i = 0; i < s->n_media; i++)
        if (strcmp(s->media[i].mid, mid) == 0) return &s->media[i];
    return NULL;
}

static int check_sources(const struct sdp *offer, const struct uplink_source *sources, size_t n, struct fault *f)
{
    unsigned seen = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sdp_media *m = section(offer, sources[i].mid);
        char path[40];
        snprintf(path, sizeof path, "tracks[%zu].mid", i);
        if (!m) return fault_field(f, path, "not_in_sdp");
        if ((m->kind == MEDIA_AUDIO) != (sources[i].source == SOURCE_MIC)) return fault_field(f, path, "wrong_kind");
        snprintf(path, sizeof path, "tracks[%zu].source", i);
        if (seen & 1u << sources[i].source) return fault_field(f, path, "twice");
        seen |= 1u << sources[i].source;
    }
    return 0;
}

static int source_of(const struct uplink_source *sources, size_t n, const char *mid)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(sources[i].mid, mid) == 0) return (int)sources[i].source;
    return -1;
}

/* ---- the transport ---- */

static int open_peer(struct uplink *u, const struct sdp *offer)
{
    struct media_cmd c = {.type = MEDIA_PEER_OPEN};
    uplink_close(u);
    u->node = u->near;
    u->peer.v = id_new();
    u->session = id_new() >> 2; /* below 2^62, as o= wants it */
    u->version = 0;
    u->renew = false;
    media_ice_credentials(u->ufrag, u->password);
    sdp_to_peer(offer, &c.peer_open);
    c.peer_open.peer = u->peer;
    c.peer_open.room = u->room;
    memcpy(c.peer_open.local_ufrag, u->ufrag, sizeof u->ufrag);
    memcpy(c.peer_open.local_password, u->password, sizeof u->password);
    return post(u, &c);
}

int uplink_restart(struct uplink *u)
{
    struct media_cmd c = {.type = MEDIA_PEER_RESTART};
    media_ice_credentials(u->ufrag, u->password);
    c.peer_open.peer = u->peer;
    c.peer_open.room = u->room;
    memcpy(c.peer_open.local_ufrag, u->ufrag, sizeof u->ufrag);
    memcpy(c.peer_open.local_password, u->password, sizeof u->password);
    return post(u, &c);
}

static int settle_transport(struct uplink *u, const struct sdp *offer)
{
    int rc = 0;
    if (!u->peer.v || u->renew || u->remote_session != offer->session_id) rc = open_peer(u, offer);
    else if (strcmp(u->remote_ufrag, offer->ufrag)) rc = uplink_restart(u);
    u->remote_session = offer->session_id;
    snprintf(u->remote_ufrag, sizeof u->remote_ufrag, "%s", offer->ufrag);
    return rc;
}

static int settle_track(struct uplink *u, enum room_source source, const struct sdp_media *offered, const struct sdp_media *answer)
{
    struct uplink_track *t = &u->tracks[source];
    bool on = !answer->rejected && answer->direction & SDP_RECVONLY;
    struct media_cmd c = {.type = MEDIA_TRACK_OPEN};
    if (!on) {
        c = (struct media_cmd){.type = MEDIA_TRACK_CLOSE, .track = {t->id, false}};
        int rc = t->id.v ? post(u, &c) : 0;
        t->id.v = 0;
        return rc;
    }
    sdp_to_track(offered, answer, &c.track_open);
    size_t layers = c.track_open.n_rids ? c.track_open.n_rids : 1;
    struct media_cmd former = {.type = MEDIA_TRACK_CLOSE, .track = {t->id, false}};
    if (t->id.v && t->layers != layers) { /* whoever passes it on knows it by its layers */
        int rc = post(u, &former);
        if (rc) return rc;
        t->id.v = 0;
    }
    if (!t->id.v) t->id.v = id_new();
    memcpy(t->mid, offered->mid, sizeof t->mid);
    t->layers = layers;
    c.track_open.peer = u->peer;
    c.track_open.track = t->id;
    return post(u, &c);
}

/* Sources that the offer no longer names end. */
static int settle_missing(struct uplink *u, const struct sdp *offer, const struct uplink_source *sources, size_t n)
{
    int rc = 0;
    for (int s = 0; s < SOURCE_COUNT && !rc; s++) {
        bool named = false;
        for (size_t i = 0; i < n; i++)
            named |= (int)sources[i].source == s && section(offer, sources[i].mid);
        struct media_cmd c = {.type = MEDIA_TRACK_CLOSE, .track = {u->tracks[s].id, false}};
        if (named || !u->tracks[s].id.v) continue;
        rc = post(u, &c);
        u->tracks[s].id.v = 0;
    }
    return rc;
}

static int answer_all(struct uplink *u, const struct sdp *offer, const struct uplink_source *sources, size_t n, struct sdp *out)
{
    int rc = settle_missing(u, offer, sources, n);
    for (size_t i = 0; i < offer->n_media && !rc; i++) {
        const struct sdp_media *m = &offer->media[i];
        int source = source_of(sources, n, m->mid);
        sdp_answer_media(m, source >= 0 ? SDP_RECVONLY : SDP_INACTIVE, &out->media[i]);
        if (u->h264) sdp_prefer(&out->media[i], MEDIA_H264);
        if (source >= 0) rc = settle_track(u, (enum room_source)source, m, &out->media[i]);
    }
    out->n_media = offer->n_media;
    return rc;
}

int uplink_offer(struct uplink *u, const struct sdp *offer, const struct uplink_source *sources, size_t n, char **answer, struct fault *f)
{
    *answer = NULL;
    int rc = check_sources(offer, sources, n, f);
    if (rc) return rc;
    struct sdp *out = sdp_new();
    rc = out ? settle_transport(u, offer) : ERR_UNAVAILABLE;
    if (!rc) {
        plane_describe(u->plane, u->node, u->ufrag, u->password, out);
        if (offer->setup == SDP_PASSIVE) out->setup = SDP_ACTIVE;
        out->mixed = offer->mixed;
        out->session_id = u->session;
        out->version = ++u->version;
        rc = answer_all(u, offer, sources, n, out);
    }
    if (!rc && !(*answer = sdp_write(out))) rc = ERR_UNAVAILABLE;
    sdp_free(out);
    if (!rc) return 0;
    uplink_close(u);
    return fault_set(f, ERR_UNAVAILABLE, "busy", "The media plane is busy; try again.");
}
