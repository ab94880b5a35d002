/* What media planes tell: each seat's own goes to the rooms as if all were here, what is about arms stays here, voices' levels are put together. */
#include "server/node/spread_private.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LEVELS_EVERY_MS 200 /* each node tells them every 250 ms while somebody speaks */
#define LEVELS_OLD_MS 700
#define SURVEY_MS 500

static void tell(struct spread *s, const struct media_event *e)
{
    if (s->events.event) s->events.event(s->events.desk_ctx, e);
}

static struct spread_track *track_in(const struct spread_room *r, uint64_t id)
{
    struct spread_track *t = NULL;
    HASH_FIND(hh, r->spread->tracks, &id, sizeof id, t);
    return t && t->room == r ? t : NULL;
}

/* ---- arms ---- */
static void layers(struct arm *a, bool here, const struct media_event *e)
{
    struct spread_track *t = track_in(a->room, e->track.v);
    struct lane *l = t ? spread_lane_of(t, a) : NULL;
    if (!l || (t->home == a->place->id) != here) return;
    l->of_use = e->layers;
    spread_look(t);
}

static void about_arm(struct arm *a, bool here, const struct media_event *e)
{
    switch (e->type) {
    case MEDIA_PEER_CONNECTED: a->connected |= here; break;
    case MEDIA_PEER_SILENT:
    case MEDIA_PEER_FAILED: spread_arm_fail(a); break;
    case MEDIA_TRACK_LAYERS: layers(a, here, e); break;
    default: break; /* what it carries, the seats' own peers tell */
    }
}

/* ---- levels ---- */
static void keep_level(struct spread_room *r, uint64_t track, uint8_t level, int64_t now)
{
    size_t i = 0;
    while (i < r->n_levels && r->levels[i].track != track)
        i++;
    if (i == MEDIA_LEVELS_MAX) return;
    if (i == r->n_levels) r->n_levels++;
    r->levels[i].track = track;
    r->levels[i].level = level;
    r->levels[i].ms = now;
}

static void tell_levels(struct spread_room *r, int64_t now)
{
    struct media_event all = {.type = MEDIA_LEVELS, .room.v = r->id};
    r->levels_due = false;
    r->levels_ms = now;
    for (size_t i = 0; i < r->n_levels;) {
        if (now - r->levels[i].ms > LEVELS_OLD_MS || !track_in(r, r->levels[i].track)) {
            r->levels[i] = r->levels[--r->n_levels];
            continue;
        }
        all.levels.at[all.levels.n].track.v = r->levels[i].track;
        all.levels.at[all.levels.n++].level_dbov = r->levels[i++].level;
    }
    if (all.levels.n) tell(r->spread, &all);
}

/* A voice counts as it is heard where it is sent: at other nodes it may rest. */
static void levels(struct spread_room *r, uint64_t node, const struct media_event *e)
{
    int64_t now = spread_now_ms();
    for (size_t i = 0; i < e->levels.n; i++) {
        const struct spread_track *t = track_in(r, e->levels.at[i].track.v);
        if (t && t->home == node) keep_level(r, t->id, e->levels.at[i].level_dbov, now);
    }
    r->levels_due = true;
    if (now - r->levels_ms >= LEVELS_EVERY_MS) tell_levels(r, now);
}

void spread_levels_tick(struct spread *s, int64_t now_ms)
{
    for (struct spread_room *r = s->rooms; r; r = r->hh.next)
        if (r->levels_due && now_ms - r->levels_ms >= LEVELS_EVERY_MS) tell_levels(r, now_ms);
}

/* ---- surveys ---- */
int spread_survey(struct spread_room *r, const struct media_cmd *c)
{
    struct gathering *g = calloc(1, sizeof *g);
    struct media_cmd copy = *c;
    if (!g || !(g->sum = calloc(1, sizeof *g->sum)) || media_post(r->spread->media, c)) {
        if (g) free(g->sum);
        free(g);
        return ERR_UNAVAILABLE;
    }
    g->room.v = r->id;
    g->sum->id = c->survey.id;
    g->left = 1;
    g->until_ms = spread_now_ms() + SURVEY_MS;
    for (struct arm *a = r->arms; a; a = a->next)
        g->left += spread_arm_post(a, &copy) == 0;
    LL_PREPEND(r->spread->gatherings, g);
    return 0;
}

static void give(struct spread *s, struct gathering *g)
{
    struct media_event e = {.type = MEDIA_SURVEYED, .room = g->room, .survey = g->sum};
    LL_DELETE(s->gatherings, g);
    tell(s, &e);
    free(g->sum);
    free(g);
}

static bool of_an_arm(const struct spread *s, uint64_t peer)
{
    for (const struct arm *a = s->arms; a; a = a->hh.next)
        if (a->peer.v == peer || a->peer_there.v == peer) return true;
    return false;
}

static void add(struct spread *s, struct media_survey *sum, const struct media_survey *v)
{
    sum->here |= v->here;
    for (size_t i = 0; i < v->n_peers && sum->n_peers < MEDIA_SURVEY_PEERS; i++)
        if (!of_an_arm(s, v->peers[i].peer.v)) sum->peers[sum->n_peers++] = v->peers[i];
    for (size_t i = 0; i < v->n_sent && sum->n_sent < MEDIA_SURVEY_SENT; i++)
        if (!of_an_arm(s, v->sent[i].peer.v)) sum->sent[sum->n_sent++] = v->sent[i];
    for (size_t i = 0; i < v->n_feeds && sum->n_feeds < MEDIA_SURVEY_FEEDS; i++)
        sum->feeds[sum->n_feeds++] = v->feeds[i];
    for (size_t i = 0; i < MEDIA_INSIDE_BUCKETS; i++)
        sum->inside[i] += v->inside[i];
}

static bool surveyed(struct spread *s, const struct media_survey *v)
{
    for (struct gathering *g = s->gatherings; g; g = g->next) {
        if (g->sum->id != v->id) continue;
        add(s, g->sum, v);
        if (--g->left == 0) give(s, g);
        return true;
    }
    return false;
}

/* What an edge did not say in time is left out. */
void spread_survey_tick(struct spread *s, int64_t now_ms)
{
    for (struct gathering *g = s->gatherings, *next; g; g = next) {
        next = g->next;
        if (g->until_ms <= now_ms) give(s, g);
    }
}

/* ---- of the media plane here ---- */
bool spread_took(void *ctx, const struct media_event *e)
{
    struct spread *s = ctx;
    struct spread_room *r = spread_room_of(s, e->room.v);
    if (e->type == MEDIA_SURVEYED) return surveyed(s, e->survey);
    if (!r || !r->arms) return false;
    if (e->type == MEDIA_LEVELS) {
        levels(r, PLANE_HERE, e);
        return true;
    }
    for (struct arm *a = r->arms; a && e->peer.v; a = a->next)
        if (a->peer.v == e->peer.v) {
            about_arm(a, true, e);
            return true;
        }
    return false;
}

/* ---- of an edge: what it says counts for its own only ---- */
static bool of_a_seat_there(const struct arm *a, const struct media_event *e)
{
    struct spread_peer *p = NULL;
    HASH_FIND(hh, a->room->spread->peers, &e->peer.v, sizeof e->peer.v, p);
    return p && p->room == a->room && p->node == a->place->id;
}

static void told(struct spread *s, uint64_t node, struct media_event *e)
{
    struct arm *a = NULL;
    HASH_FIND(hh, s->arms, &e->room.v, sizeof e->room.v, a);
    if (!a || a->place->id != node) return;
    e->room.v = a->room->id;
    if (e->type == MEDIA_SURVEYED) (void)surveyed(s, e->survey);
    else if (e->type == MEDIA_LEVELS) levels(a->room, node, e);
    else if (e->peer.v == a->peer_there.v) about_arm(a, false, e);
    else if (of_a_seat_there(a, e)) tell(s, e);
}

int spread_told(struct spread *s, uint64_t node, const void *bytes, size_t len, struct fault *f)
{
    struct parcel_reader r = {bytes, len};
    struct media_event e;
    enum parcel_read got;
    while ((got = parcel_next_event(&r, &e)) == PARCEL_ONE) {
        told(s, node, &e);
        if (e.type == MEDIA_SURVEYED) free(e.survey);
    }
    return got == PARCEL_END ? 0 : fault_set(f, ERR_MALFORMED, "events", "The edge's events cannot be read.");
}
