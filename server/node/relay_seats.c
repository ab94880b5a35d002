/* Who watches a room of the origin at this edge. As with the rooms of a daemon's own (server/room/desk_machine.c), m-lines are fixed by the
 * player's offer and tracks are bound to them as they come and go; one seat's picture and voice belong together. */
#include "server/base/crypto.h"
#include "server/node/relay_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hash_token(const char *token, uint8_t out[32])
{
    crypto_sha256(token, strlen(token), out);
}

/* ---- what is shown ---- */
static const struct relay_track *choose(const struct relay_room *x, const struct relay_seat *s, enum media_kind kind)
{
    const struct relay_track *best = NULL;
    unsigned most = 0;
    for (size_t i = 0; i < x->n_tracks; i++) {
        const struct relay_track *t = &x->tracks[i];
        unsigned points = t->value + (watcher_seat(&s->down) == t->seat ? 4u : 0);
        if (t->kind != kind || watcher_has(&s->down, t->id) || points <= most) continue;
        most = points;
        best = t;
    }
    return best;
}

static bool alive(const struct relay_room *x, struct track_id id)
{
    for (size_t i = 0; i < x->n_tracks; i++)
        if (x->tracks[i].id.v == id.v) return true;
    return false;
}

static void bind_all(struct relay_room *x, struct relay_seat *s)
{
    for (size_t i = 0; i < s->down.n_slots; i++)
        if (s->down.slots[i].feed.v && !alive(x, s->down.slots[i].want.track)) watcher_unbind(&s->down, &s->down.slots[i]);
    for (int kind = MEDIA_VIDEO; kind >= MEDIA_AUDIO; kind--) /* pictures first: voices follow them */
        for (size_t i = 0; i < s->down.n_slots; i++) {
            struct downlink_slot *slot = &s->down.slots[i];
            const struct relay_track *t = slot->used && !slot->feed.v && (int)slot->kind == kind ? choose(x, s, (enum media_kind)kind) : NULL;
            if (t) watcher_bind(&s->watcher, &s->down, i, &(struct downlink_want){.seat = t->seat, .track = t->id, .layer = 2, .value = t->value > 6 ? 3 : 1});
        }
}

void relay_rebind(struct relay_room *x)
{
    for (struct relay_seat *s = x->seats; s; s = s->hh.next)
        bind_all(x, s);
}

/* ---- coming and going ---- */
void relay_seat_free(struct relay_seat *s)
{
    HASH_DELETE(hh, s->room->seats, s);
    downlink_free(&s->down);
    watcher_free(&s->watcher);
    free(s);
}

int relay_seat_join(struct relay_nodes *r, const struct relay_join *j, struct desk_machine_made *made, char **answer, struct fault *f)
{
    struct sdp *offer;
    int rc = sdp_parse(&offer, j->sdp, strlen(j->sdp), f);
    struct relay_room *x = rc ? NULL : relay_room_get(r, j->room);
    struct relay_seat *s = x ? calloc(1, sizeof *s) : NULL;
    if (rc) return rc;
    *answer = NULL;
    if (!s) {
        sdp_free(offer);
        return fault_set(f, ERR_UNAVAILABLE, "busy", "There are too many rooms here.");
    }
    s->room = x;
    s->until_ms = j->until_ms;
    downlink_init(&s->down, &r->plane, (struct room_id){x->id});
    hash_token(j->token, s->token_hash);
    snprintf(s->word, sizeof s->word, "%s", j->word);
    rc = watcher_offer(&s->watcher, &s->down, offer, answer, f);
    s->id = s->down.peer.v;
    HASH_ADD(hh, x->seats, id, sizeof s->id, s);
    sdp_free(offer);
    if (rc) {
        relay_seat_free(s);
        return rc;
    }
    bind_all(x, s);
    relay_tell_layers(x);
    *made = (struct desk_machine_made){.resource = s->id, .answer = *answer, .ufrag = s->down.ufrag};
    return 0;
}

/* Whoever has another pass learns nothing of the session. */
static struct relay_seat *seat_at(struct relay_nodes *r, const struct desk_machine_at *at, struct fault *f)
{
    uint8_t hash[32];
    struct relay_seat *s = NULL;
    hash_token(at->token, hash);
    for (struct relay_room *x = r->rooms; x && at->watch && !s; x = x->hh.next)
        HASH_FIND(hh, x->seats, &at->resource, sizeof at->resource, s);
    if (s && strcmp(s->word, at->room) == 0 && crypto_equal(hash, s->token_hash, sizeof hash)) return s;
    fault_set(f, ERR_NOT_FOUND, "no_resource", "There is no such session.");
    return NULL;
}

int relay_seat_end(struct relay_nodes *r, const struct desk_machine_at *at, struct fault *f)
{
    struct relay_seat *s = seat_at(r, at, f);
    struct relay_room *x = s ? s->room : NULL;
    if (!s) return ERR_NOT_FOUND;
    relay_seat_free(s);
    relay_tell_layers(x);
    return 0;
}

int relay_seat_ice(struct relay_nodes *r, const struct desk_machine_at *at, struct desk_machine_ice *out, struct fault *f)
{
    const struct relay_seat *s = seat_at(r, at, f);
    if (!s) return ERR_NOT_FOUND;
    snprintf(out->ours, sizeof out->ours, "%s", s->down.ufrag);
    snprintf(out->theirs, sizeof out->theirs, "%s", s->watcher.ufrag);
    return 0;
}

int relay_seat_restart(struct relay_nodes *r, const struct desk_machine_at *at, const struct sdp_frag *theirs, char **fragment, struct fault *f)
{
    struct media_candidate candidates[MEDIA_CANDIDATES_MAX];
    struct relay_seat *s = seat_at(r, at, f);
    *fragment = NULL;
    if (!s) return ERR_NOT_FOUND;
    if (downlink_restart(&s->down)) return fault_set(f, ERR_UNAVAILABLE, "busy", "The media plane is busy; try again.");
    memcpy(s->watcher.ufrag, theirs->ufrag, sizeof theirs->ufrag);
    *fragment = sdp_frag_write(theirs, s->down.ufrag, s->down.password, candidates, plane_candidates(&r->plane, PLANE_HERE, candidates));
    return *fragment ? 0 : fault_set(f, ERR_UNAVAILABLE, "busy", "Out of memory.");
}

int relay_seat_steer(struct relay_nodes *r, const struct desk_machine_at *at, const struct watcher_wish *wish, struct fault *f)
{
    struct relay_seat *s = seat_at(r, at, f);
    return s ? watcher_steer(&s->watcher, &s->down, wish, f) : ERR_NOT_FOUND;
}

/* A pass's end is the end of what it was given for. */
void relay_seats_tick(struct relay_room *x, int64_t now_ms)
{
    struct relay_seat *s, *next;
    bool any = false;
    HASH_ITER(hh, x->seats, s, next)
    {
        if (!s->until_ms || s->until_ms > now_ms) continue;
        relay_seat_free(s);
        any = true;
    }
    if (any) relay_tell_layers(x);
}
