/* The device test: a room of one whose tracks come straight back (signaling.md, test.echo). */
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/room/desk_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ECHO_MS 60000
#define ECHOS_MAX 64

static int post(struct desk *d, const struct echo *e, struct media_cmd *c)
{
    c->room = e->room;
    return media_post(d->plane.media, c); /* nobody else is in that room */
}

static void end(struct desk *d, struct echo **at)
{
    struct echo *e = *at;
    struct media_cmd c = {.type = MEDIA_ROOM_CLOSE};
    *at = e->next;
    if (post(d, e, &c)) log_warn("desk", "the media plane is busy; an echo ends by itself");
    free(e);
}

/* By its connection, or by its peer. */
void echo_gone(struct desk *d, uint64_t client, struct peer_id peer)
{
    for (struct echo **at = &d->echos; *at;) {
        struct echo *e = *at;
        if ((client && e->client == client) || (peer.v && e->peer.v == peer.v)) end(d, at);
        else at = &e->next;
    }
}

void echo_tick(struct desk *d, int64_t now_ms)
{
    for (struct echo **at = &d->echos; *at;)
        if ((*at)->until_ms <= now_ms) end(d, at);
        else at = &(*at)->next;
}

static int open_peer(struct desk *d, const struct echo *e, const struct sdp *offer, struct sdp *answer)
{
    struct media_cmd c = {.type = MEDIA_PEER_OPEN};
    char ufrag[16], password[32];
    media_ice_credentials(ufrag, password);
    plane_describe(&d->plane, PLANE_HERE, ufrag, password, answer);
    if (offer->setup == SDP_PASSIVE) answer->setup = SDP_ACTIVE;
    answer->session_id = e->peer.v >> 2;
    answer->version = 1;
    sdp_to_peer(offer, &c.peer_open);
    c.peer_open.peer = e->peer;
    c.peer_open.room = e->room;
    memcpy(c.peer_open.local_ufrag, ufrag, sizeof ufrag);
    memcpy(c.peer_open.local_password, password, sizeof password);
    return post(d, e, &c);
}

static int open_loop(struct desk *d, const struct echo *e, const struct sdp_media *offered, struct sdp_media *out)
{
    struct media_cmd track = {.type = MEDIA_TRACK_OPEN}, feed = {.type = MEDIA_FEED_OPEN};
    sdp_answer_media(offered, SDP_SENDRECV, out);
    if (out->rejected || out->direction != SDP_SENDRECV) return 0;
    crypto_random(&out->ssrc, sizeof out->ssrc);
    out->rtx_ssrc = out->kind == MEDIA_VIDEO ? out->ssrc + 1 : 0;
    snprintf(out->stream, sizeof out->stream, "echo");
    snprintf(out->track, sizeof out->track, "echo-%.15s", out->mid);
    sdp_to_track(offered, out, &track.track_open);
    track.track_open.peer = e->peer;
    track.track_open.track.v = id_new();
    int rc = post(d, e, &track);
    if (rc || !sdp_to_feed(out, offered, &feed.feed_open)) return rc;
    feed.feed_open.peer = e->peer;
    feed.feed_open.feed.v = id_new();
    feed.feed_open.track = track.track_open.track;
    return post(d, e, &feed);
}

static int open_echo(struct desk *d, const struct echo *e, const struct sdp *offer, char **answer)
{
    struct sdp *out = sdp_new();
    int rc = out ? open_peer(d, e, offer, out) : ERR_UNAVAILABLE;
    for (size_t i = 0; i < offer->n_media && !rc; i++)
        rc = open_loop(d, e, &offer->media[i], &out->media[i]);
    if (!rc) {
        out->n_media = offer->n_media;
        *answer = sdp_write(out);
        rc = *answer ? 0 : ERR_UNAVAILABLE;
    }
    sdp_free(out);
    return rc;
}

int desk_echo(struct desk *d, uint64_t client, const char *text, char **answer, struct fault *f)
{
    struct sdp *offer;
    size_t n = 0;
    *answer = NULL;
    echo_gone(d, client, (struct peer_id){0}); /* one a connection */
    for (const struct echo *e = d->echos; e; e = e->next)
        n++;
    if (n >= ECHOS_MAX) return fault_set(f, ERR_UNAVAILABLE, "busy", "Too many tests at once; try again in a minute.");
    int rc = sdp_parse(&offer, text, strlen(text), f);
    if (rc) return rc;
    struct echo *e = malloc(sizeof *e);
    if (!e) abort();
    *e = (struct echo){d->echos, client, {id_new()}, {id_new()}, desk_now_ms() + ECHO_MS};
    d->echos = e;
    rc = open_echo(d, e, offer, answer);
    sdp_free(offer);
    if (!rc) return 0;
    end(d, &d->echos);
    return fault_set(f, rc, "busy", "The media plane is busy; try again.");
}
