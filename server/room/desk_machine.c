/* Machines in a room: WHIP publishes (RFC 9725), WHEP watches. A machine has a seat that everybody sees; it is let in by its token.
 *
 * Who watches a room that has no case (a lecture) is no seat but audience: thousands may, and nobody is told of each.
 * A watching machine's m-lines are fixed by its own offer, so tracks are bound to them as they come and go: one seat's picture and voice
 * belong together where there are both; what is shown to all (screen, second picture) goes before faces. */
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/room/desk_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIENCE_MAX 10000 /* of one room */

struct arriving {
    struct desk *desk;
    desk_machine_done done;
    void *ctx;
    char *sdp, word[80];
    bool watch;
    uint8_t token_hash[32];
    bool (*elsewhere)(void *ctx, const struct desk_machine *m, uint64_t room, int64_t until_ms, char out[DESK_URL_BYTES]);
    void *elsewhere_ctx;
};

static void hash_token(const char *token, uint8_t out[32])
{
    crypto_sha256(token, strlen(token), out);
}

/* ---- WHIP ---- */

static int publish(struct link *k, const struct sdp *offer, char **answer, struct fault *f)
{
    static const enum room_source pictures[] = {SOURCE_CAMERA, SOURCE_SCREEN, SOURCE_CAMERA2};
    struct uplink_source sources[SOURCE_COUNT];
    size_t n = 0, n_pictures = 0, on = 0;
    bool voice = false;
    k->up.h264 = !k->live->room.case_id.v; /* a lecture is packaged as it comes */
    for (size_t i = 0; i < offer->n_media && n < SOURCE_COUNT; i++) {
        const struct sdp_media *m = &offer->media[i];
        if (m->rejected || !(m->direction & SDP_SENDONLY)) continue;
        if (m->kind == MEDIA_AUDIO && !voice) sources[n++] = (struct uplink_source){m->mid, SOURCE_MIC};
        else if (m->kind == MEDIA_VIDEO && n_pictures < 3) sources[n++] = (struct uplink_source){m->mid, pictures[n_pictures++]};
        voice |= m->kind == MEDIA_AUDIO;
    }
    if (!n) return fault_field(f, "sdp", "nothing_sent");
    int rc = uplink_offer(&k->up, offer, sources, n, answer, f);
    for (int s = 0; s < SOURCE_COUNT; s++)
        on += k->up.tracks[s].id.v != 0;
    return rc || on ? rc : fault_field(f, "sdp", "no_common_codec");
}

static void tell_published(struct live *l, struct link *k)
{
    for (int s = 0; s < SOURCE_COUNT; s++) {
        struct room_event e = {.type = ROOM_TRACK, .seat = k->seat, .source = (enum room_source)s, .on = true};
        if (!k->up.tracks[s].id.v) continue;
        if (desk_step(l, &e, NULL)) return;
        record_track(l, k, e.source);
    }
}

/* ---- WHEP ---- */

struct choice {
    uint64_t seat;
    enum room_source source;
    struct track_id track;
    int score;
};

static int score(const struct live *l, const struct link *k, const struct room_seat *s, enum room_source source)
{
    int points = 1 + (s->role == ROLE_MACHINE) + 2 * (l->room.spotlight == s->id) + 4 * (watcher_seat(&k->down) == s->id);
    return points + (source == SOURCE_SCREEN ? 8 : source == SOURCE_CAMERA2 ? 6 : 0);
}

static struct choice choose(struct live *l, const struct link *k, enum media_kind kind)
{
    struct choice best = {0};
    for (const struct link *o = l->links; o; o = o->next) {
        const struct room_seat *s = room_seat(&l->room, o->seat);
        for (int i = 0; s && o != k && i < SOURCE_COUNT; i++) {
            struct choice c = {s->id, (enum room_source)i, o->up.tracks[i].id, score(l, k, s, (enum room_source)i)};
            if ((kind == MEDIA_AUDIO) != (i == SOURCE_MIC) || !s->tracks[i].on || !c.track.v || watcher_has(&k->down, c.track)) continue;
            if (c.score > best.score) best = c;
        }
    }
    return best;
}

static bool track_alive(struct live *l, const struct downlink_slot *s)
{
    const struct link *o = desk_link(l, s->want.seat);
    return o && o->up.tracks[s->want.source].id.v == s->want.track.v;
}

static void bind(struct live *l, struct link *k, size_t i)
{
    struct choice c = choose(l, k, k->down.slots[i].kind);
    uint8_t value = c.source == SOURCE_SCREEN || c.source == SOURCE_CAMERA2 ? 3 : 1;
    if (!c.track.v) return;
    watcher_bind(&k->watcher, &k->down, i, &(struct downlink_want){.seat = c.seat, .source = c.source, .track = c.track, .layer = 2, .value = value});
}

void machine_rebind(struct live *l, struct link *k)
{
    if (!k->watcher.ours) return;
    for (size_t i = 0; i < k->down.n_slots; i++)
        if (k->down.slots[i].feed.v && !track_alive(l, &k->down.slots[i])) watcher_unbind(&k->down, &k->down.slots[i]);
    for (int kind = MEDIA_VIDEO; kind >= MEDIA_AUDIO; kind--) /* pictures first: voices follow them */
        for (size_t i = 0; i < k->down.n_slots; i++)
            if (k->down.slots[i].used && !k->down.slots[i].feed.v && k->down.slots[i].kind == (enum media_kind)kind) bind(l, k, i);
}

/* ---- arriving ---- */

static void identify(struct link *k, const struct arriving *a, const json_t *token)
{
    k->machine = true;
    k->watch = a->watch;
    k->until_ms = json_integer_value(json_object_get(token, "expires_ms"));
    memcpy(k->token_hash, a->token_hash, sizeof k->token_hash);
    memcpy(k->word, a->word, sizeof k->word);
}

void machine_leave(struct link *k)
{
    struct room_event e = {.type = ROOM_LEAVE, .seat = k->seat};
    if (k->audience) desk_link_free(k->live, k);
    else if (desk_step(k->live, &e, NULL)) log_debug("desk", "a machine's seat was gone already");
}

static struct link *admit_audience(struct live *l, struct link *k, const struct sdp *offer, char **answer, struct fault *f)
{
    if (HASH_COUNT(l->audience) >= AUDIENCE_MAX) fault_set(f, ERR_UNAVAILABLE, "room_full", "The room is full.");
    else if (watcher_offer(&k->watcher, &k->down, offer, answer, f) == 0) {
        desk_audience_enter(k);
        return k;
    }
    desk_link_free(l, k);
    return NULL;
}

static struct link *admit_seat(struct live *l, struct link *k, const struct sdp *offer, char **answer, struct fault *f)
{
    struct room_event e = {.type = ROOM_JOIN, .seat = k->seat, .join = {.role = ROLE_MACHINE}};
    snprintf(e.join.person.name, sizeof e.join.person.name, k->watch ? "WHEP" : "WHIP");
    if (desk_step(l, &e, f)) { /* the room is full or over: nobody has seen it */
        desk_link_free(l, k);
        return NULL;
    }
    if ((k->watch ? watcher_offer(&k->watcher, &k->down, offer, answer, f) : publish(k, offer, answer, f)) == 0) return k;
    machine_leave(k);
    return NULL;
}

static int admit(struct live *l, struct arriving *a, const json_t *token, struct desk_machine_made *made, char **answer, struct fault *f)
{
    struct sdp *offer;
    int rc = sdp_parse(&offer, a->sdp, strlen(a->sdp), f);
    if (rc) return rc;
    bool audience = a->watch && !l->room.case_id.v;
    struct link *k = audience ? desk_audience_open(l) : desk_link_open(l, id_new());
    if (!k) abort();
    identify(k, a, token);
    k = audience ? admit_audience(l, k, offer, answer, f) : admit_seat(l, k, offer, answer, f);
    sdp_free(offer);
    if (!k) return f->code;
    made->resource = k->seat;
    made->ufrag = a->watch ? k->down.ufrag : k->up.ufrag;
    if (a->watch) machine_rebind(l, k);
    else tell_published(l, k);
    return 0;
}

static struct live *room_of(struct desk *d, const json_t *token)
{
    uint64_t id = 0, case_id = 0;
    const char *room = json_string_value(json_object_get(token, "room_id")), *in = json_string_value(json_object_get(token, "case_id"));
    struct live *l = room && id_parse(room, &id) == 0 ? desk_room_open(d, (struct room_id){id}) : NULL;
    if (!l || l->room.n_seats) return l;
    if (in && id_parse(in, &case_id) == 0) l->room.case_id.v = case_id;
    const char *name = json_string_value(json_object_get(token, "name"));
    snprintf(l->room.title, sizeof l->room.title, "%s", name ? name : "");
    if (case_id) desk_recheck(d, id); /* whose room it is, and the patient's consent */
    return l;
}

/* Who watches a room without a case may do so at another node. */
static bool goes_elsewhere(const struct arriving *a, const json_t *token, char out[DESK_URL_BYTES])
{
    const char *room = json_string_value(json_object_get(token, "room_id"));
    uint64_t id;
    struct desk_machine m = {.room = a->word, .watch = a->watch};
    if (!a->watch || !a->elsewhere || json_is_string(json_object_get(token, "case_id")) || !room || id_parse(room, &id)) return false;
    return a->elsewhere(a->elsewhere_ctx, &m, id, json_integer_value(json_object_get(token, "expires_ms")), out);
}

static void token_checked(void *ctx, struct reply *reply)
{
    struct arriving *a = ctx;
    struct fault f = reply->fault;
    struct desk_machine_made made = {0};
    char *answer = NULL, url[DESK_URL_BYTES];
    struct live *l = NULL;
    if (reply->error) fault_set(&f, reply->error, reply->fault.reason, "%s", reply->fault.text);
    else if (!json_is_true(json_object_get(reply->result, a->watch ? "watch" : "publish")))
        fault_set(&f, ERR_DENIED, a->watch ? "no_watch" : "no_publish", "The token does not allow this.");
    else if (goes_elsewhere(a, reply->result, url)) made.elsewhere = url;
    else if (!(l = room_of(a->desk, reply->result)))
        fault_set(&f, ERR_UNAVAILABLE, "busy", "Out of memory.");
    if (made.elsewhere) a->done(a->ctx, NULL, &made);
    else if (l && admit(l, a, reply->result, &made, &answer, &f) == 0) {
        made.answer = answer;
        a->done(a->ctx, NULL, &made);
    } else {
        a->done(a->ctx, &f, NULL);
    }
    free(answer);
    free(a->sdp);
    free(a);
}

void desk_machine_join(struct desk *d, const struct desk_machine *m, desk_machine_done done, void *ctx)
{
    struct arriving *a = malloc(sizeof *a);
    if (!a) abort();
    *a = (struct arriving){.desk = d, .done = done, .ctx = ctx, .sdp = strdup(m->sdp), .watch = m->watch, .elsewhere = m->elsewhere, .elsewhere_ctx = m->elsewhere_ctx};
    if (!a->sdp) abort();
    snprintf(a->word, sizeof a->word, "%s", m->room);
    hash_token(m->token, a->token_hash);
    ask_system(&d->asker, "room.token_check", json_pack("{s:s,s:s}", "token", m->token, "room", m->room), token_checked, a);
}

/* ---- afterwards ---- */

/* Whoever has another token learns nothing of the resource. */
static struct link *resource_of(struct desk *d, const struct desk_machine_at *at, struct live **room, struct fault *f)
{
    uint8_t hash[32];
    hash_token(at->token, hash);
    for (struct live *l = d->rooms; l; l = l->hh.next) {
        struct link *k = desk_link(l, at->resource);
        if (!k || !k->machine || !crypto_equal(hash, k->token_hash, sizeof hash)) continue;
        if (k->watch != at->watch || strcmp(k->word, at->room) != 0) continue;
        *room = l;
        return k;
    }
    fault_set(f, ERR_NOT_FOUND, "no_resource", "There is no such session.");
    return NULL;
}

int desk_machine_end(struct desk *d, const struct desk_machine_at *at, struct fault *f)
{
    struct live *l;
    struct link *k = resource_of(d, at, &l, f);
    if (!k) return ERR_NOT_FOUND;
    machine_leave(k);
    return 0;
}

static char *remote_ufrag(struct link *k)
{
    return k->watch ? k->watcher.ufrag : k->up.remote_ufrag;
}

int desk_machine_ice(struct desk *d, const struct desk_machine_at *at, struct desk_machine_ice *out, struct fault *f)
{
    struct live *l;
    struct link *k = resource_of(d, at, &l, f);
    if (!k) return ERR_NOT_FOUND;
    snprintf(out->ours, sizeof out->ours, "%s", k->watch ? k->down.ufrag : k->up.ufrag);
    snprintf(out->theirs, sizeof out->theirs, "%s", remote_ufrag(k));
    return 0;
}

int desk_machine_steer(struct desk *d, const struct desk_machine_at *at, const struct watcher_wish *wish, struct fault *f)
{
    struct live *l;
    struct link *k = resource_of(d, at, &l, f);
    if (!k) return ERR_NOT_FOUND;
    if (!k->watch) return fault_set(f, ERR_METHOD, "", "Who publishes has nothing to choose.");
    return watcher_steer(&k->watcher, &k->down, wish, f);
}

int desk_machine_restart(struct desk *d, const struct desk_machine_at *at, const struct sdp_frag *theirs, char **fragment, struct fault *f)
{
    struct media_candidate candidates[MEDIA_CANDIDATES_MAX];
    struct live *l;
    struct link *k = resource_of(d, at, &l, f);
    *fragment = NULL;
    if (!k) return ERR_NOT_FOUND;
    if (k->watch ? downlink_restart(&k->down) : uplink_restart(&k->up))
        return fault_set(f, ERR_UNAVAILABLE, "busy", "The media plane is busy; try again.");
    memcpy(remote_ufrag(k), theirs->ufrag, sizeof theirs->ufrag);
    *fragment = sdp_frag_write(theirs, k->watch ? k->down.ufrag : k->up.ufrag, k->watch ? k->down.password : k->up.password, candidates,
                               plane_candidates(&d->plane, k->watch ? k->down.node : k->up.node, candidates));
    return *fragment ? 0 : fault_set(f, ERR_UNAVAILABLE, "busy", "Out of memory.");
}

static bool over(const struct link *k, int64_t now_ms)
{
    return k->machine && k->until_ms && k->until_ms <= now_ms;
}

/* A token's end is the end of what it was given for. */
void machine_tick(struct live *l, int64_t now_ms)
{
    for (struct link *k = l->links, *next; k; k = next) {
        next = k->next;
        if (over(k, now_ms)) machine_leave(k);
    }
    struct link *k, *next;
    HASH_ITER(hh, l->audience, k, next)
        if (over(k, now_ms)) machine_leave(k);
}
