/* Lectures, as edges follow them: what each has of a programme, and what it is sent next. */
#include "server/node/origin_private.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/live/programme.h"
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 200    /* messages that the link has not taken: it waits */

static void send_init(struct link *k, struct follow *x, const struct programme_piece *p, int64_t epoch_us)
{
    struct node_message m = {.verb = NODE_INIT, .room = (int64_t)x->room, .generation = p->generation, .epoch_us = epoch_us,
                             .width = p->width, .height = p->height, .bytes = (int64_t)p->init->len};
    memcpy(m.codecs, p->codecs, strnlen(p->codecs, sizeof m.codecs - 1));
    if (!x->generation) link_say(k, &(struct node_message){.verb = NODE_BEGIN, .room = (int64_t)x->room, .number = (int64_t)x->at});
    link_say(k, &m);
    (void)net_ws_send_share(k->ws, p->init);
    x->generation = p->generation;
}

static void send_piece(struct link *k, struct follow *x, const struct programme_piece *p, int64_t epoch_us)
{
    if (x->generation != p->generation) send_init(k, x, p, epoch_us);
    link_say(k, &(struct node_message){.verb = NODE_PIECE, .room = (int64_t)x->room, .generation = p->generation, .epoch_us = epoch_us, .start_us = p->start_us,
                                  .duration_us = p->duration_us, .segment = p->segment, .key = p->key, .bytes = (int64_t)p->bytes->len});
    (void)net_ws_send_share(k->ws, p->bytes);
    metric_add(k->origin->m_pieces, 1);
    metric_add(k->origin->m_sent, (int64_t)p->bytes->len);
}

static void send_news(struct link *k, struct follow *x)
{
    struct programme_now now;
    struct programme_piece p;
    size_t next = programme_next(x->programme);
    programme_now(x->programme, &now);
    if (x->at < next && !programme_piece(x->programme, x->at, &p)) { /* no longer in memory */
        x->at = programme_first(x->programme);
        x->generation = 0;
    }
    for (; x->at < next && net_ws_waiting(k->ws) < WAITING_MAX && programme_piece(x->programme, x->at, &p); x->at++)
        if ((x->generation || p.key) && p.bytes->len <= NODE_PIECE_MAX) send_piece(k, x, &p, now.epoch_us);
    if (programme_ended(x->programme) && x->at == next && !x->ended) {
        x->ended = true;
        link_say(k, &(struct node_message){.verb = NODE_END, .room = (int64_t)x->room});
    }
}

/* ---- following ---- */
/* It had this programme up to there already, before its link broke. */
static bool goes_on(struct programme *p, const struct node_message *had)
{
    struct programme_now now;
    struct programme_piece k;
    programme_now(p, &now);
    return had && had->generation && had->epoch_us == now.epoch_us &&
           ((size_t)had->number == programme_next(p) || programme_piece(p, (size_t)had->number, &k));
}

static void look(struct link *k, struct follow *x, const struct node_message *had)
{
    struct programme *p = desk_programme_wait(k->origin->config.desk, x->room);
    if (!p || (!had && programme_ended(p))) return;
    bool on = goes_on(p, had);
    x->programme = p;
    x->at = on ? (size_t)had->number : programme_first(p);
    x->generation = on ? (uint32_t)had->generation : 0;
    x->ended = false;
    send_news(k, x);
}

void link_want(struct link *k, const struct node_message *m)
{
    struct follow *x = NULL;
    uint64_t room = (uint64_t)m->room;
    HASH_FIND(hh, k->follows, &room, sizeof room, x);
    if (x || !room) return;
    if (HASH_COUNT(k->follows) >= PLACEMENT_ROOMS_MAX || !(x = calloc(1, sizeof *x))) {
        log_warn("node", "edge %s wants more than %d rooms", k->address, PLACEMENT_ROOMS_MAX);
        return;
    }
    x->room = room;
    HASH_ADD(hh, k->follows, room, sizeof x->room, x);
    (void)placement_room(&k->origin->placement, k->id, room, true);
    look(k, x, m);
}

void link_unfollow(struct link *k, struct follow *x)
{
    if (!passed_of(k, x->room)) (void)placement_room(&k->origin->placement, k->id, x->room, false);
    HASH_DEL(k->follows, x);
    free(x);
}

struct follow *followed_of(const struct link *k, uint64_t room)
{
    struct follow *x = NULL;
    HASH_FIND(hh, k->follows, &room, sizeof room, x);
    return x;
}

void link_drop(struct link *k, uint64_t room)
{
    struct follow *x = followed_of(k, room);
    if (x) link_unfollow(k, x);
}

void origin_news(struct origin *o, struct programme *p)
{
    for (struct link *k = o->links; k; k = k->hh.next)
        for (struct follow *x = k->follows; x; x = x->hh.next)
            if (x->programme == p) send_news(k, x);
}

void origin_gone(struct origin *o, struct programme *p)
{
    for (struct link *k = o->links; k; k = k->hh.next)
        for (struct follow *x = k->follows; x; x = x->hh.next)
            if (x->programme == p) {
                x->programme = NULL;
                link_say(k, &(struct node_message){.verb = NODE_GONE, .room = (int64_t)x->room});
            }
}

void link_lectures_tick(struct link *k)
{
    for (struct follow *x = k->follows; x; x = x->hh.next) {
        if (!x->programme) look(k, x, NULL);
        else send_news(k, x);
    }
}
