#include "server/node/parcel.h"
#include <stdlib.h>
#include <string.h>

#define ONE_MAX (64 << 10) /* a survey of a full room */

struct tape { /* one thing, being written or read */
    uint8_t *to;         /* NULL: it is read */
    const uint8_t *from;
    size_t at, end;
    bool wrong;
};

/* ---- what all are made of ---- */
static uint64_t number(struct tape *t, uint64_t v, unsigned bytes, uint64_t max)
{
    if (t->wrong || t->end - t->at < bytes) {
        t->wrong = true;
        return 0;
    }
    if (!t->to) v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        if (t->to) t->to[t->at + i] = (uint8_t)(v >> 8 * i);
        else v |= (uint64_t)t->from[t->at + i] << 8 * i;
    }
    t->at += bytes;
    if (v > max) t->wrong = true;
    return t->wrong ? 0 : v;
}

#define U8(x) ((x) = (uint8_t)number(t, (x), 1, UINT8_MAX))
#define U16(x) ((x) = (uint16_t)number(t, (x), 2, UINT16_MAX))
#define U32(x) ((x) = (uint32_t)number(t, (x), 4, UINT32_MAX))
#define U64(x) ((x) = number(t, (x), 8, UINT64_MAX))
#define FLAG(x) ((x) = number(t, (x), 1, 1) != 0)
#define WORD(x, type, last) ((x) = (type)number(t, (uint64_t)(x), 1, (uint64_t)(last)))
#define COUNT(x, max) ((x) = (size_t)number(t, (x), 2, (max)))

static void text(struct tape *t, char *s, size_t cap)
{
    size_t n = t->to ? strnlen(s, cap - 1) : 0;
    n = (size_t)number(t, n, 2, cap - 1);
    if (t->wrong || t->end - t->at < n) {
        t->wrong = true;
        return;
    }
    if (t->to) {
        memcpy(t->to + t->at, s, n);
    } else {
        memcpy(s, t->from + t->at, n);
        s[n] = 0;
        t->wrong = strlen(s) != n;
    }
    t->at += n;
}
#define TEXT(x) text(t, (x), sizeof(x))

/* ---- commands ---- */
static void peer_open(struct tape *t, struct media_peer_params *p)
{
    U64(p->peer.v);
    TEXT(p->local_ufrag);
    TEXT(p->local_password);
    TEXT(p->remote_ufrag);
    TEXT(p->remote_password);
    TEXT(p->remote_fingerprint);
    FLAG(p->dtls_client);
    COUNT(p->n_dial, MEDIA_DIAL_MAX);
    for (size_t i = 0; i < p->n_dial && !t->wrong; i++) {
        TEXT(p->dial[i].ip);
        U16(p->dial[i].port);
    }
}

static void payloads(struct tape *t, size_t *n, struct media_payload *p)
{
    COUNT(*n, MEDIA_CODECS_MAX);
    for (size_t i = 0; i < *n && !t->wrong; i++) {
        WORD(p[i].codec, enum media_codec, MEDIA_CODEC_COUNT - 1);
        U8(p[i].payload_type);
        U8(p[i].rtx_payload_type);
        TEXT(p[i].fmtp);
        U8(p[i].red_payload_type);
    }
}

static void extensions(struct tape *t, struct media_extensions *x)
{
    U8(x->mid);
    U8(x->rid);
    U8(x->repaired_rid);
    U8(x->audio_level);
    U8(x->transport_cc);
    U8(x->abs_send_time);
    U8(x->dependency_descriptor);
    U8(x->orientation);
}

static void track_open(struct tape *t, struct media_track_params *p)
{
    U64(p->peer.v);
    U64(p->track.v);
    WORD(p->kind, enum media_kind, MEDIA_VIDEO);
    TEXT(p->mid);
    payloads(t, &p->n_payloads, p->payloads);
    extensions(t, &p->extensions);
    U32(p->ssrc);
    U32(p->rtx_ssrc);
    COUNT(p->n_rids, MEDIA_RIDS_MAX);
    for (size_t i = 0; i < p->n_rids && !t->wrong; i++) {
        TEXT(p->rids[i]);
        U32(p->layer_ssrcs[i]);
        U32(p->layer_rtx_ssrcs[i]);
    }
}

static void feed_open(struct tape *t, struct media_feed_params *p)
{
    U64(p->peer.v);
    U64(p->feed.v);
    U64(p->track.v);
    TEXT(p->mid);
    extensions(t, &p->extensions);
    U32(p->ssrc);
    U32(p->rtx_ssrc);
    FLAG(p->paused);
    U8(p->value);
    p->exact = (uint8_t)number(t, p->exact, 1, MEDIA_RIDS_MAX);
    payloads(t, &p->n_payloads, p->payloads);
}

static void command(struct tape *t, struct media_cmd *c)
{
    WORD(c->type, enum media_cmd_type, MEDIA_SURVEY);
    U64(c->room.v);
    switch (t->wrong ? MEDIA_PEER_INPUT : c->type) {
    case MEDIA_PEER_OPEN:
    case MEDIA_PEER_RESTART: peer_open(t, &c->peer_open); break;
    case MEDIA_PEER_CLOSE: U64(c->peer.v); break;
    case MEDIA_TRACK_OPEN: track_open(t, &c->track_open); break;
    case MEDIA_TRACK_CLOSE:
    case MEDIA_TRACK_PAUSE:
    case MEDIA_KEYFRAME:
        U64(c->track.track.v);
        FLAG(c->track.on);
        break;
    case MEDIA_FEED_OPEN: feed_open(t, &c->feed_open); break;
    case MEDIA_FEED_CLOSE:
    case MEDIA_FEED_PAUSE:
    case MEDIA_FEED_LAYER:
    case MEDIA_FEED_VALUE:
    case MEDIA_FEED_EVERY:
        U64(c->feed.feed.v);
        FLAG(c->feed.on);
        c->feed.layer = (uint8_t)number(t, c->feed.layer, 1, MEDIA_RIDS_MAX - 1);
        U8(c->feed.value);
        break;
    case MEDIA_ROOM_CLOSE: break;
    case MEDIA_SURVEY:
        U64(c->survey.id);
        U64(c->survey.peer.v);
        break;
    default: t->wrong = true;
    }
    if (!t->to && (c->type == MEDIA_PEER_OPEN || c->type == MEDIA_PEER_RESTART)) c->peer_open.room = c->room;
}

/* ---- events ---- */
static void quality(struct tape *t, struct media_quality *q)
{
    U32(q->rtt_ms);
    U32(q->up_bps);
    U32(q->down_bps);
    U16(q->up_loss_permille);
    U16(q->down_loss_permille);
    U32(q->up_jitter_ms);
    U32(q->down_jitter_ms);
    U32(q->line_bps);
    U32(q->line_queue_ms);
}

static void stream(struct tape *t, struct media_stream *s)
{
    U64(s->track.v);
    WORD(s->reduced, enum media_reduced, MEDIA_HELD);
    U8(s->layer);
    FLAG(s->rests);
    U16(s->loss_permille);
    U16(s->frozen_ms);
    U32(s->bps);
    U32(s->delay_ms);
}

static void survey_sent(struct tape *t, struct media_survey_sent *s)
{
    U64(s->peer.v);
    U64(s->track.v);
    WORD(s->kind, enum media_kind, MEDIA_VIDEO);
    WORD(s->codec, enum media_codec, MEDIA_CODEC_COUNT - 1);
    U8(s->layer);
    U8(s->layers);
    FLAG(s->alive);
    FLAG(s->rests);
    U16(s->width);
    U16(s->height);
    U16(s->loss_permille);
    U32(s->bps);
    U32(s->jitter_ms);
    U32(s->nacks);
    U32(s->restored);
    U32(s->keyframe_requests);
}

static void survey_feed(struct tape *t, struct media_survey_feed *s)
{
    U64(s->track.v);
    WORD(s->reduced, enum media_reduced, MEDIA_HELD);
    U8(s->layer);
    FLAG(s->paused);
    FLAG(s->waits);
    U16(s->loss_permille);
    U32(s->bps);
    U32(s->jitter_ms);
    U32(s->nacks);
    U32(s->resent);
    U32(s->keyframe_requests);
    U32(s->freezes);
}

static void survey(struct tape *t, struct media_survey *s)
{
    U64(s->id);
    FLAG(s->here);
    COUNT(s->n_peers, MEDIA_SURVEY_PEERS);
    for (size_t i = 0; i < s->n_peers && !t->wrong; i++) {
        U64(s->peers[i].peer.v);
        WORD(s->peers[i].way, enum media_way, MEDIA_WAY_INSIDE);
        FLAG(s->peers[i].ipv6);
    }
    COUNT(s->n_sent, MEDIA_SURVEY_SENT);
    for (size_t i = 0; i < s->n_sent && !t->wrong; i++)
        survey_sent(t, &s->sent[i]);
    COUNT(s->n_feeds, MEDIA_SURVEY_FEEDS);
    for (size_t i = 0; i < s->n_feeds && !t->wrong; i++)
        survey_feed(t, &s->feeds[i]);
    for (size_t i = 0; i < MEDIA_INSIDE_BUCKETS; i++)
        U32(s->inside[i]);
}

static void event(struct tape *t, struct media_event *e)
{
    WORD(e->type, enum media_event_type, MEDIA_SURVEYED);
    U64(e->room.v);
    U64(e->peer.v);
    U64(e->track.v);
    switch (t->wrong ? MEDIA_INTAKE : e->type) {
    case MEDIA_PEER_CONNECTED:
    case MEDIA_PEER_MOVED:
    case MEDIA_PEER_SILENT:
    case MEDIA_PEER_BACK:
    case MEDIA_PEER_FAILED:
    case MEDIA_TRACK_STALLED: break;
    case MEDIA_TRACK_LIVE: WORD(e->codec, enum media_codec, MEDIA_CODEC_COUNT - 1); break;
    case MEDIA_TRACK_LAYERS: U8(e->layers); break;
    case MEDIA_LEVELS:
        COUNT(e->levels.n, MEDIA_LEVELS_MAX);
        for (size_t i = 0; i < e->levels.n && !t->wrong; i++) {
            U64(e->levels.at[i].track.v);
            U8(e->levels.at[i].level_dbov);
        }
        break;
    case MEDIA_QUALITY: quality(t, &e->quality); break;
    case MEDIA_STREAMS:
        COUNT(e->streams.n, MEDIA_STREAMS_MAX);
        for (size_t i = 0; i < e->streams.n && !t->wrong; i++)
            stream(t, &e->streams.at[i]);
        break;
    case MEDIA_SURVEYED:
        if (!t->to && !(e->survey = calloc(1, sizeof *e->survey))) t->wrong = true;
        else survey(t, e->survey);
        break;
    default: t->wrong = true;
    }
}

/* ---- parcels ---- */
static bool reserve(struct parcel *p)
{
    if (p->cap - p->len >= ONE_MAX) return true;
    uint8_t *more = realloc(p->bytes, p->len + 2 * ONE_MAX);
    if (!more) return false;
    p->bytes = more;
    p->cap = p->len + 2 * ONE_MAX;
    return true;
}

bool parcel_command(struct parcel *p, const struct media_cmd *c)
{
    struct media_cmd copy = *c;
    if (!reserve(p)) return false;
    struct tape t = {.to = p->bytes, .at = p->len, .end = p->cap};
    command(&t, &copy);
    if (!t.wrong) p->len = t.at;
    return !t.wrong;
}

bool parcel_event(struct parcel *p, const struct media_event *e)
{
    struct media_event copy = *e;
    if (!reserve(p)) return false;
    struct tape t = {.to = p->bytes, .at = p->len, .end = p->cap};
    event(&t, &copy);
    if (!t.wrong) p->len = t.at;
    return !t.wrong;
}

void parcel_clear(struct parcel *p)
{
    free(p->bytes);
    *p = (struct parcel){0};
}

static enum parcel_read went_on(struct parcel_reader *r, const struct tape *t)
{
    r->at += t->at;
    r->left -= t->at;
    return t->wrong ? PARCEL_WRONG : PARCEL_ONE;
}

enum parcel_read parcel_next_command(struct parcel_reader *r, struct media_cmd *out)
{
    struct tape t = {.from = r->at, .end = r->left};
    if (!r->left) return PARCEL_END;
    memset(out, 0, sizeof *out);
    command(&t, out);
    return went_on(r, &t);
}

enum parcel_read parcel_next_event(struct parcel_reader *r, struct media_event *out)
{
    struct tape t = {.from = r->at, .end = r->left};
    if (!r->left) return PARCEL_END;
    memset(out, 0, sizeof *out);
    event(&t, out);
    if (t.wrong) {
        free(out->survey);
        out->survey = NULL;
    }
    return went_on(r, &t);
}
