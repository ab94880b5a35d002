/* A room as its worker sees it, told to who looks after the machine. Nothing here is on the way of a packet but survey_leaves (a line in a
 * list) and survey_left (one look at the clock for all that a round sent). */
#include "media/mux/dimensions.h"
#include "media/rtp/bytes.h"
#include "media/worker/figures.h"
#include "media/worker/streams.h"
#include "media/worker/worker.h"
#include "server/base/clock.h"
#include <stdlib.h>
#include <string.h>

#define MINUTE_US 60000000
#define RATE_US 500000   /* a rate is taken over at least so long */
#define SIZE_PACKETS 6   /* a keyframe's parameter sets stand in its first packets */
#define SIZES_PACKETS 64 /* the largest of the sizes in one stream begins within these */
#define PARAMETERS_BYTES 1024

const int64_t media_inside_bounds_us[MEDIA_INSIDE_BUCKETS - 1] = {50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10000, 20000, 50000};

/* ---- how long packets are in here ---- */
static void minute(struct room *room, int64_t now_us)
{
    int64_t age = now_us - room->inside.began_us;
    if (age < MINUTE_US) return;
    if (age < 2 * MINUTE_US) memcpy(room->inside.before, room->inside.now, sizeof room->inside.now);
    else memset(room->inside.before, 0, sizeof room->inside.before);
    memset(room->inside.now, 0, sizeof room->inside.now);
    room->inside.began_us = now_us;
}

void survey_left(struct worker *w)
{
    int64_t now_us = clock_monotonic_us();
    for (size_t i = 0; i < w->n_leaving; i++) {
        struct room *room = w->leaving[i].room;
        int64_t us = now_us - w->leaving[i].came_us;
        size_t b = 0;
        if (!room) continue;
        while (b < MEDIA_INSIDE_BUCKETS - 1 && us > media_inside_bounds_us[b])
            b++;
        minute(room, now_us);
        room->inside.now[b]++;
        metric_observe_us(figures.inside, us);
    }
    w->n_leaving = 0;
}

void survey_leaves(struct worker *w, struct room *room, int64_t came_us)
{
    if (w->n_leaving == LEAVING_MAX) survey_left(w); /* some wait in the arena still: told a little early */
    w->leaving[w->n_leaving].room = room;
    w->leaving[w->n_leaving++].came_us = came_us;
}

void survey_forget(struct worker *w, const struct room *room)
{
    for (size_t i = 0; i < w->n_leaving; i++)
        if (w->leaving[i].room == room) w->leaving[i].room = NULL;
}

/* ---- the size of a picture, from its last keyframe while that stands in the ring ---- */
static void add_nal(uint8_t *out, size_t *at, const uint8_t *nal, size_t n)
{
    unsigned type = n ? nal[0] & 31u : 0;
    if ((type != 7 && type != 8) || *at + 4 + n > PARAMETERS_BYTES) return;
    put_u32(out + *at, (uint32_t)n);
    memcpy(out + *at + 4, nal, n);
    *at += 4 + n;
}

/* Parameter sets among the NAL units of one packet, single or aggregated (RFC 6184 5.6, 5.7.1), with 4-byte lengths. */
static void add_parameters(uint8_t *out, size_t *at, const uint8_t *p, size_t n)
{
    if (n && (p[0] & 31) != 24) add_nal(out, at, p, n);
    for (size_t i = 1, len; n && (p[0] & 31) == 24 && i + 2 < n; i += 2 + len) {
        len = get_u16(p + i);
        if (!len || len > n - i - 2) return;
        add_nal(out, at, p + i + 2, len);
    }
}

static int h264_size(const struct producer *p, size_t layer, uint16_t first, struct dimensions *d)
{
    uint8_t sets[PARAMETERS_BYTES];
    struct packet k;
    size_t n = 0;
    for (unsigned i = 0; i < SIZE_PACKETS; i++)
        if (producer_again(p, layer, (uint16_t)(first + i), &k) && k.rtp.timestamp == p->layers[layer].group_ts)
            add_parameters(sets, &n, k.rtp.payload, k.rtp.payload_len);
    return dimensions_of(MEDIA_H264, sets, n, d);
}

/* Of sizes inside one stream (VP9) the largest that its packets tell. */
static int first_size(const struct producer *p, size_t layer, uint16_t first, struct dimensions *d)
{
    const struct layer *l = &p->layers[layer];
    struct packet k;
    int rc = ERR_NOT_FOUND;
    for (unsigned i = 0; i < (l->spatial > 1 ? SIZES_PACKETS : 1); i++) {
        if (!producer_again(p, layer, (uint16_t)(first + i), &k) || !k.frame.starts || k.rtp.timestamp != l->group_ts) continue;
        struct dimensions one;
        size_t head = k.frame.header_len;
        if (!head || dimensions_of(l->codec, k.rtp.payload + head, k.rtp.payload_len - head, &one)) continue;
        *d = one;
        rc = 0;
    }
    return rc;
}

static void look_at_size(struct producer *p, size_t layer)
{
    struct layer *l = &p->layers[layer];
    struct dimensions d;
    if (!l->has_group || (l->told.width && l->told.size_of == l->group_ts)) return;
    if (l->codec == MEDIA_H264 ? h264_size(p, layer, l->group_seq, &d) : first_size(p, layer, l->group_seq, &d)) return;
    l->told.size_of = l->group_ts;
    l->told.width = (uint16_t)d.width;
    l->told.height = (uint16_t)d.height;
}

/* ---- what is told ---- */
static void tell_peer(const struct peer *peer, struct media_survey *s)
{
    if (s->n_peers == MEDIA_SURVEY_PEERS) return;
    struct media_survey_peer *out = &s->peers[s->n_peers++];
    *out = (struct media_survey_peer){.peer = peer->id, .way = peer->inside ? MEDIA_WAY_INSIDE : MEDIA_WAY_NONE};
    if (!peer->ice.has_selected) return;
    enum streams_family tcp = streams_family(&peer->ice.selected);
    out->way = tcp == STREAMS_NONE ? MEDIA_WAY_UDP : MEDIA_WAY_TCP;
    out->ipv6 = tcp == STREAMS_NONE ? peer->ice.selected.ipv6 : tcp == STREAMS_IPV6;
}

static void tell_layer(struct track *t, size_t layer, struct media_survey *s)
{
    struct producer *p = &t->producer;
    struct layer *l = &p->layers[layer];
    int64_t now_us = t->peer->worker->now_us;
    if (s->n_sent == MEDIA_SURVEY_SENT) return;
    bool alive = layer_alive(l, now_us), video = p->params.kind == MEDIA_VIDEO;
    if (video) look_at_size(p, layer);
    s->sent[s->n_sent++] = (struct media_survey_sent){.peer = t->peer->id, .track = p->params.track, .kind = p->params.kind, .codec = l->codec, .layer = (uint8_t)layer,
                                                      .layers = (uint8_t)p->n_layers, .alive = alive, .rests = p->n_layers > 1 && t->layers_us && !(t->layers & 1u << layer),
                                                      .width = l->told.width, .height = l->told.height, .loss_permille = p->loss_permille,
                                                      .bps = alive ? layer_bps(l, LAYER_TIDS - 1) : 0,
                                                      .jitter_ms = (uint32_t)((uint64_t)(l->jitter_q4 >> 4) * 1000 / producer_clock(p)), .nacks = l->told.nacks,
                                                      .restored = l->told.restored, .keyframe_requests = l->told.plis};
}

static uint32_t rate(struct feed *f, int64_t now_us)
{
    int64_t us = now_us - f->surveyed_us;
    if (us < RATE_US) return f->surveyed_bps;
    f->surveyed_bps = f->surveyed_us ? (uint32_t)((f->consumer.bytes - f->surveyed_bytes) * 8000000 / (uint64_t)us) : 0;
    f->surveyed_bytes = f->consumer.bytes;
    f->surveyed_us = now_us;
    return f->surveyed_bps;
}

static void tell_feed(struct feed *f, struct media_survey *s)
{
    const struct consumer *c = &f->consumer;
    int64_t now_us = f->peer->worker->now_us;
    if (s->n_feeds == MEDIA_SURVEY_FEEDS) return;
    s->feeds[s->n_feeds++] = (struct media_survey_feed){.track = f->track->producer.params.track, .reduced = feed_reduced(f), .layer = (uint8_t)(c->layer < 0 ? 0 : c->layer),
                                                        .paused = c->params.paused || f->track->producer.paused, .waits = c->layer < 0, .loss_permille = (uint16_t)(c->fraction_lost * 1000u / 256),
                                                        .bps = rate(f, now_us), .jitter_ms = (uint32_t)((uint64_t)c->jitter * 1000 / producer_clock(&f->track->producer)),
                                                        .nacks = f->nacks, .resent = f->resent, .keyframe_requests = f->keyframe_requests, .freezes = f->freezes};
}

static void tell_room(struct room *room, struct peer_id whose, struct media_survey *s, int64_t now_us)
{
    struct peer *peer;
    s->here = true;
    for (size_t i = 0; (peer = table_next(&room->peers, &i));) {
        tell_peer(peer, s);
        for (size_t k = 0; k < peer->n_tracks; k++)
            for (size_t layer = 0; layer < peer->tracks[k]->producer.n_layers; layer++)
                tell_layer(peer->tracks[k], layer, s);
        for (size_t k = 0; peer->id.v == whose.v && k < peer->n_feeds; k++)
            tell_feed(peer->feeds[k], s);
    }
    minute(room, now_us);
    for (size_t b = 0; b < MEDIA_INSIDE_BUCKETS; b++)
        s->inside[b] = room->inside.now[b] + room->inside.before[b];
}

void worker_survey(struct worker *w, const struct media_cmd *cmd)
{
    struct media_event e = {.type = MEDIA_SURVEYED, .room = cmd->room, .survey = calloc(1, sizeof *e.survey)};
    struct room *room = table_get(&w->rooms, cmd->room.v);
    if (!e.survey) return; /* the asker has a limit of time */
    e.survey->id = cmd->survey.id;
    if (room) tell_room(room, cmd->survey.peer, e.survey, w->now_us);
    if (w->config.on_event) worker_event(w, &e);
    else free(e.survey);
}
