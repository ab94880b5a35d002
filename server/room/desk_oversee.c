/* The live rooms as the machine's administrators see them: a number, seats and institutions, figures. Nobody's name, no case, nothing shown. */
#include "server/room/desk_private.h"
#include "server/room/grade.h"
#include <stdlib.h>
#include <string.h>

#define WAITS_MAX 32
#define WAIT_MS 2000

struct survey_wait {
    struct survey_wait *next;
    uint64_t id, room, seat;
    int64_t until_ms;
    desk_survey_done done;
    void *ctx;
};

/* ---- grades over time ---- */
void trail_add(struct trail *t, char grade)
{
    t->grades[t->n++ % TRAIL_MAX] = grade;
}

static json_t *trail_json(const struct trail *t)
{
    char text[TRAIL_MAX];
    unsigned n = t ? t->n < TRAIL_MAX ? t->n : TRAIL_MAX : 0;
    for (unsigned i = 0; i < n; i++)
        text[i] = t->grades[(t->n - n + i) % TRAIL_MAX];
    return json_stringn(text, n);
}

struct trail *stream_trail(struct link *k, uint64_t seat, enum room_source source)
{
    if (k->audience || (!k->trails && !(k->trails = calloc(MEDIA_STREAMS_MAX, sizeof *k->trails)))) return NULL;
    for (size_t i = 0; i < k->n_trails; i++)
        if (k->trails[i].seat == seat && k->trails[i].source == source) return &k->trails[i].trail;
    struct stream_trail *t = &k->trails[k->n_trails < MEDIA_STREAMS_MAX ? k->n_trails++ : 0]; /* so many at once a page never shows */
    *t = (struct stream_trail){.seat = seat, .source = source};
    return &t->trail;
}

/* ---- the list ---- */
static json_t *word(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static void add_once(json_t *names, const char *name)
{
    size_t i;
    json_t *one;
    if (!*name) return;
    json_array_foreach(names, i, one)
        if (strcmp(json_string_value(one), name) == 0) return;
    json_array_append_new(names, json_string(name));
}

static json_t *head_json(const struct live *l)
{
    static const char *const states[] = {"open", "live", "interrupted", "ended"};
    size_t in = 0, waiting = 0;
    int worst = -1;
    json_t *orgs = json_array();
    for (size_t i = 0; i < l->room.n_seats; i++) {
        const struct room_seat *s = &l->room.seats[i];
        if (s->state == SEAT_WAITING) waiting++;
        else in++;
        if (s->state == SEAT_ADMITTED && (s->quality.up_bps || s->quality.down_bps) && (int)s->quality.grade > worst) worst = (int)s->quality.grade;
        add_once(orgs, s->person.org);
    }
    return json_pack("{s:o,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:b,s:o,s:o}", "id", desk_id(l->room.id.v), "number", l->room.title, "kind", l->room.case_id.v ? "consultation" : "lecture",
                     "state", states[l->room.state], "since_ms", (json_int_t)l->begun_ms, "seats", (json_int_t)in, "waiting", (json_int_t)waiting, "audience",
                     (json_int_t)HASH_COUNT(l->audience), "recording", l->room.record == RECORD_ON, "orgs", orgs, "grade",
                     worst < 0 ? json_null() : json_string(room_grade_name((enum room_grade)worst)));
}

json_t *desk_rooms(const struct desk *d)
{
    json_t *items = json_array();
    for (const struct live *l = d->rooms; l; l = l->hh.next)
        json_array_append_new(items, head_json(l));
    return json_pack("{s:o,s:I}", "items", items, "now_ms", (json_int_t)desk_now_ms());
}

/* ---- one room ---- */
static const char *codec_name(enum media_codec c)
{
    static const char *const names[] = {"Opus", "VP8", "VP9", "H.264", "AV1"};
    return names[c];
}

static json_t *way_json(const struct media_survey *s, struct peer_id peer, const struct media_quality *q, bool down)
{
    static const char *const ways[] = {"none", "udp", "tcp", "inside"};
    for (size_t i = 0; peer.v && i < s->n_peers; i++) {
        const struct media_survey_peer *p = &s->peers[i];
        if (p->peer.v != peer.v) continue;
        return json_pack("{s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:I}", "way", ways[p->way], "ip", p->way == MEDIA_WAY_UDP || p->way == MEDIA_WAY_TCP ? p->ipv6 ? 6 : 4 : 0, "rtt_ms",
                         (json_int_t)q->rtt_ms, "bps", (json_int_t)(down ? q->down_bps : q->up_bps), "loss_permille",
                         (json_int_t)(down ? q->down_loss_permille : q->up_loss_permille), "jitter_ms", (json_int_t)(down ? q->down_jitter_ms : q->up_jitter_ms), "line_bps",
                         (json_int_t)(down ? q->line_bps : 0), "queue_ms", (json_int_t)(down ? q->line_queue_ms : 0));
    }
    return json_null();
}

static json_t *sent_json(const struct link *k, const struct media_survey *s)
{
    json_t *list = json_array();
    for (size_t i = 0; k->up.peer.v && i < s->n_sent; i++) {
        const struct media_survey_sent *t = &s->sent[i];
        enum room_source source = t->peer.v == k->up.peer.v ? uplink_source_of(&k->up, t->track) : SOURCE_COUNT;
        if (source == SOURCE_COUNT) continue;
        json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:i,s:b,s:b,s:i,s:i,s:I,s:i,s:I,s:I,s:I,s:I}", "source", room_source_name(source), "codec", t->bps || t->nacks || t->alive ? codec_name(t->codec) : "",
                                              "layer", t->layer, "layers", t->layers, "alive", t->alive, "rests", t->rests, "width", t->width, "height", t->height, "bps",
                                              (json_int_t)t->bps, "loss_permille", t->loss_permille, "jitter_ms", (json_int_t)t->jitter_ms, "nacks", (json_int_t)t->nacks, "restored",
                                              (json_int_t)t->restored, "keyframe_requests", (json_int_t)t->keyframe_requests));
    }
    return list;
}

static const struct media_survey_sent *source_of(const struct media_survey *s, const struct media_survey_feed *f)
{
    for (size_t i = 0; i < s->n_sent; i++)
        if (s->sent[i].track.v == f->track.v && s->sent[i].layer == f->layer) return &s->sent[i];
    return NULL;
}

static json_t *received_json(const struct link *k, const struct media_survey *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_feeds; i++) {
        const struct media_survey_feed *f = &s->feeds[i];
        const struct downlink_want *w = streams_want(k, f->track);
        const struct media_survey_sent *from = source_of(s, f);
        if (!w) continue;
        const struct trail *t = NULL;
        for (size_t n = 0; n < k->n_trails; n++)
            if (k->trails[n].seat == w->seat && k->trails[n].source == w->source) t = &k->trails[n].trail;
        json_array_append_new(list, json_pack("{s:o,s:s,s:s,s:i,s:i,s:i,s:s,s:b,s:b,s:I,s:i,s:I,s:I,s:I,s:I,s:I,s:o}", "from", desk_id(w->seat), "source", room_source_name(w->source),
                                              "codec", from && from->alive ? codec_name(from->codec) : "", "layer", f->layer, "width", from ? from->width : 0, "height",
                                              from ? from->height : 0, "reduced", stream_reduced_name(f->reduced), "paused", f->paused, "waits", f->waits, "bps", (json_int_t)f->bps,
                                              "loss_permille", f->loss_permille, "jitter_ms", (json_int_t)f->jitter_ms, "nacks", (json_int_t)f->nacks, "resent", (json_int_t)f->resent,
                                              "keyframe_requests", (json_int_t)f->keyframe_requests, "freezes", (json_int_t)f->freezes, "grades", trail_json(t)));
    }
    return list;
}

static json_t *seat_json(const struct room_seat *s, const struct link *k, const struct media_survey *v)
{
    static const char *const states[] = {"waiting", "admitted", "away"};
    const struct room_quality *q = &s->quality;
    return json_pack("{s:o,s:s,s:s,s:o,s:s?,s:o,s:o,s:o,s:o,s:o,s:o}", "id", desk_id(s->id), "role", room_role_name(s->role), "state", states[s->state], "org", word(s->person.org), "device",
                     s->device, "grade", q->up_bps || q->down_bps ? json_string(room_grade_name(q->grade)) : json_null(), "up", way_json(v, k->up.peer, &k->quality.up, false), "down",
                     way_json(v, k->down.peer, &k->quality.down, true), "sent", sent_json(k, v), "page", k->stats ? json_incref(k->stats) : json_null(), "grades", trail_json(&k->trail));
}

/* What as many as a part of all took at most, by the bounds of the histogram; 0 = nothing was sent. */
static int64_t quantile_us(const struct media_survey *s, double part)
{
    uint64_t all = 0, so_far = 0;
    for (size_t b = 0; b < MEDIA_INSIDE_BUCKETS; b++)
        all += s->inside[b];
    for (size_t b = 0; b < MEDIA_INSIDE_BUCKETS && all; b++) {
        int64_t low = b ? media_inside_bounds_us[b - 1] : 0, high = b < MEDIA_INSIDE_BUCKETS - 1 ? media_inside_bounds_us[b] : 2 * low;
        double here = part * (double)all - (double)so_far;
        so_far += s->inside[b];
        if ((double)so_far >= part * (double)all) return low + (int64_t)((double)(high - low) * here / s->inside[b]);
    }
    return 0;
}

static json_t *inside_json(const struct media_survey *s)
{
    json_t *counts = json_array(), *bounds = json_array();
    for (size_t b = 0; b < MEDIA_INSIDE_BUCKETS; b++) {
        json_array_append_new(counts, json_integer(s->inside[b]));
        if (b < MEDIA_INSIDE_BUCKETS - 1) json_array_append_new(bounds, json_integer(media_inside_bounds_us[b]));
    }
    return json_pack("{s:I,s:I,s:o,s:o}", "p50_us", (json_int_t)quantile_us(s, 0.5), "p99_us", (json_int_t)quantile_us(s, 0.99), "bounds_us", bounds, "counts", counts);
}

static json_t *room_json(struct live *l, uint64_t seat, const struct media_survey *v)
{
    json_t *o = head_json(l), *people = json_array();
    for (size_t i = 0; i < l->room.n_seats; i++) {
        const struct link *k = desk_link(l, l->room.seats[i].id);
        if (k) json_array_append_new(people, seat_json(&l->room.seats[i], k, v));
    }
    const struct link *chosen = seat ? desk_link(l, seat) : NULL;
    json_object_set_new(o, "people", people);
    json_object_set_new(o, "received", chosen ? received_json(chosen, v) : json_null());
    json_object_set_new(o, "inside", inside_json(v));
    json_object_set_new(o, "now_ms", json_integer(desk_now_ms()));
    return o;
}

/* ---- asking the room's worker ---- */
static void refuse(desk_survey_done done, void *ctx, int code, const char *reason)
{
    struct fault f = {0};
    fault_set(&f, code, reason, code == ERR_NOT_FOUND ? "The room is not live." : "The server is busy; try again.");
    done(ctx, &f, NULL);
}

void desk_survey(struct desk *d, const struct desk_survey_ask *a, desk_survey_done done, void *ctx)
{
    struct live *l = desk_room(d, a->room);
    struct survey_wait *w;
    size_t n = 0;
    for (w = d->waits; w; w = w->next)
        n++;
    const struct link *k = l && a->seat ? desk_link(l, a->seat) : NULL;
    if (!l) {
        refuse(done, ctx, ERR_NOT_FOUND, "not_live");
        return;
    }
    struct media_cmd c = {.type = MEDIA_SURVEY, .room = l->room.id, .survey = {id_new(), k ? k->down.peer : (struct peer_id){0}}};
    if (n >= WAITS_MAX || !(w = malloc(sizeof *w))) {
        refuse(done, ctx, ERR_UNAVAILABLE, "busy");
        return;
    }
    if (plane_post(&d->plane, PLANE_HERE, &c)) {
        free(w);
        refuse(done, ctx, ERR_UNAVAILABLE, "busy");
        return;
    }
    *w = (struct survey_wait){d->waits, c.survey.id, a->room, a->seat, desk_now_ms() + WAIT_MS, done, ctx};
    d->waits = w;
}

void surveyed(struct desk *d, const struct media_survey *v)
{
    for (struct survey_wait **at = &d->waits; *at; at = &(*at)->next) {
        struct survey_wait *w = *at;
        if (w->id != v->id) continue;
        struct live *l = desk_room(d, w->room);
        *at = w->next;
        if (l) w->done(w->ctx, NULL, room_json(l, w->seat, v));
        else refuse(w->done, w->ctx, ERR_NOT_FOUND, "not_live");
        free(w);
        return;
    }
}

void survey_tick(struct desk *d, int64_t now_ms)
{
    for (struct survey_wait **at = &d->waits; *at;) {
        struct survey_wait *w = *at;
        if (w->until_ms > now_ms) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        refuse(w->done, w->ctx, ERR_UNAVAILABLE, "busy");
        free(w);
    }
}
