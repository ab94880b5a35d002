#include "server/node/origin.h"
#include "server/base/clock.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/site_address.h"
#include "server/live/programme.h"
#include "server/node/message.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define SAY_WITHIN_MS 3000 /* who one is */
#define SILENT_MS 1500
#define TICK_MS 250
#define FORGET_TICKS 40    /* 10 s: a room where nobody arrived is not carried */
#define WAITING_MAX 200    /* messages that the link has not taken: it waits */

struct follow { /* a room that an edge wants */
    UT_hash_handle hh; /* link.follows, by room */
    uint64_t room;
    struct programme *programme; /* NULL: none now; looked for again */
    size_t at;                   /* next piece */
    uint32_t generation;         /* that it has the beginning of; 0 = none */
    bool ended;                  /* and told so */
};

struct passed { /* a room whose tracks an edge is sent as they come */
    UT_hash_handle hh; /* link.passes, by room */
    uint64_t room, relay; /* relay: the desk's id of it */
};

struct link {
    UT_hash_handle hh; /* origin.links, by id */
    uint64_t id;
    struct origin *origin;
    struct net_ws *ws;
    enum { SAYS_HELLO, SAYS_PROOF, WELCOMED, OVER } stage;
    char address[NODE_ADDRESS_BYTES], from[48], edge_nonce[NODE_NONCE_BYTES], nonce[NODE_NONCE_BYTES];
    unsigned viewers_max;
    int64_t heard_ms;
    struct follow *follows;
    struct passed *passes;
    struct node_message waits; /* its bytes come next */
    bool waiting;
    struct node_message *hello; /* until it has proved who it is */
};

struct origin {
    struct origin_config config;
    struct link *links;
    struct placement placement;
    uint64_t last_id;
    unsigned ticks;
    int64_t looked_ms; /* when it was seen last who is silent */
    struct metric *m_nodes, *m_viewers, *m_pieces, *m_sent;
};

static int64_t now_ms(void)
{
    return clock_now_ms(&clock_system);
}

static void say(struct link *k, const struct node_message *m)
{
    char *text = node_message_write(m);
    if (text) (void)net_ws_send(k->ws, text, strlen(text));
    free(text);
}

/* ---- what an edge is sent ---- */
static void send_init(struct link *k, struct follow *x, const struct programme_piece *p, int64_t epoch_us)
{
    struct node_message m = {.verb = NODE_INIT, .room = (int64_t)x->room, .generation = p->generation, .epoch_us = epoch_us,
                             .width = p->width, .height = p->height, .bytes = (int64_t)p->init->len};
    memcpy(m.codecs, p->codecs, strnlen(p->codecs, sizeof m.codecs - 1));
    if (!x->generation) say(k, &(struct node_message){.verb = NODE_BEGIN, .room = (int64_t)x->room, .number = (int64_t)x->at});
    say(k, &m);
    (void)net_ws_send_share(k->ws, p->init);
    x->generation = p->generation;
}

static void send_piece(struct link *k, struct follow *x, const struct programme_piece *p, int64_t epoch_us)
{
    if (x->generation != p->generation) send_init(k, x, p, epoch_us);
    say(k, &(struct node_message){.verb = NODE_PIECE, .room = (int64_t)x->room, .generation = p->generation, .epoch_us = epoch_us, .start_us = p->start_us,
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
        say(k, &(struct node_message){.verb = NODE_END, .room = (int64_t)x->room});
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

static void want(struct link *k, const struct node_message *m)
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

static struct passed *passed_of(const struct link *k, uint64_t room);

static void unfollow(struct link *k, struct follow *x)
{
    if (!passed_of(k, x->room)) (void)placement_room(&k->origin->placement, k->id, x->room, false);
    HASH_DEL(k->follows, x);
    free(x);
}

static struct follow *lookup(const struct link *k, uint64_t room)
{
    struct follow *x = NULL;
    HASH_FIND(hh, k->follows, &room, sizeof room, x);
    return x;
}

static void drop(struct link *k, uint64_t room)
{
    struct follow *x = lookup(k, room);
    if (x) unfollow(k, x);
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
                say(k, &(struct node_message){.verb = NODE_GONE, .room = (int64_t)x->room});
            }
}

size_t origin_choose(struct origin *o, uint64_t room, const char *out[PLACEMENT_LIST_MAX])
{
    return placement_choose(&o->placement, room, out);
}

/* ---- rooms as they come ---- */
static struct passed *passed_of(const struct link *k, uint64_t room)
{
    struct passed *x = NULL;
    HASH_FIND(hh, k->passes, &room, sizeof room, x);
    return x;
}

static void unpass(struct link *k, struct passed *x)
{
    uint64_t room = x->room, relay = x->relay;
    HASH_DEL(k->passes, x);
    free(x);
    if (!lookup(k, room)) (void)placement_room(&k->origin->placement, k->id, room, false);
    desk_relay_close(k->origin->config.desk, room, relay);
}

/* Asked again, it begins anew: the edge has lost it. */
static void pass(struct link *k, uint64_t room)
{
    struct passed *x = passed_of(k, room);
    if (x) unpass(k, x);
    if (HASH_COUNT(k->passes) >= PLACEMENT_ROOMS_MAX || !room || !(x = calloc(1, sizeof *x))) return;
    x->room = room;
    x->relay = desk_relay_open(k->origin->config.desk, room);
    if (!x->relay) {
        free(x);
        say(k, &(struct node_message){.verb = NODE_LOST, .room = (int64_t)room});
        return;
    }
    HASH_ADD(hh, k->passes, room, sizeof x->room, x);
    (void)placement_room(&k->origin->placement, k->id, room, true);
}

static struct passed *passed_by(struct origin *o, uint64_t room, uint64_t relay, struct link **by)
{
    for (struct link *k = o->links; k; k = k->hh.next) {
        struct passed *x = passed_of(k, room);
        *by = k;
        if (x && x->relay == relay) return x;
    }
    return NULL;
}

static void relay_offer(void *ctx, const struct desk_relay_offer *f)
{
    struct link *k;
    struct share *sdp = passed_by(ctx, f->room, f->relay, &k) ? share_new(f->sdp, strlen(f->sdp)) : NULL;
    struct node_message m = {.verb = NODE_OFFER, .room = (int64_t)f->room, .number = f->version, .bytes = sdp ? (int64_t)sdp->len : 0};
    if (!sdp) return;
    for (size_t i = 0; i < f->n; i++) {
        const struct desk_relay_line *x = &f->lines[i];
        say(k, &(struct node_message){.verb = NODE_LINE, .room = (int64_t)f->room, .line = x->line, .track = (int64_t)x->track, .seat = (int64_t)x->seat,
                                      .layer = x->layer, .layers = x->layers, .value = x->value});
    }
    snprintf(m.address, sizeof m.address, "%s", f->addresses);
    say(k, &m);
    (void)net_ws_send_share(k->ws, sdp);
    share_unref(sdp);
}

static void relay_ended(void *ctx, uint64_t room, uint64_t relay)
{
    struct link *k;
    struct passed *x = passed_by(ctx, room, relay, &k);
    if (!x) return; /* it was us */
    HASH_DEL(k->passes, x);
    free(x);
    say(k, &(struct node_message){.verb = NODE_LOST, .room = (int64_t)room});
}

static void layers(struct link *k, const struct node_message *m)
{
    const struct passed *x = passed_of(k, (uint64_t)m->room);
    if (x) desk_relay_layers(k->origin->config.desk, x->room, x->relay, (uint64_t)m->track, (unsigned)m->layers);
}

/* ---- members' media ---- */
static void send_commands(void *ctx, uint64_t node, struct share *parcel)
{
    struct origin *o = ctx;
    struct link *k = NULL;
    HASH_FIND(hh, o->links, &node, sizeof node, k);
    if (!k || k->stage != WELCOMED) return;
    say(k, &(struct node_message){.verb = NODE_COMMANDS, .bytes = (int64_t)parcel->len});
    (void)net_ws_send_share(k->ws, parcel);
}

/* ---- who it is ---- */
static void refuse(struct link *k, const char *text)
{
    struct node_message m = {.verb = NODE_REFUSED};
    snprintf(m.text, sizeof m.text, "%s", text);
    say(k, &m);
    net_ws_close(k->ws, 4003);
    k->stage = OVER;
    log_warn("node", "an edge at %s was refused: %s", k->from, text);
}

static void hello(struct link *k, const struct node_message *m)
{
    struct node_message answer = {.verb = NODE_CHALLENGE};
    if (m->version != NODE_VERSION || strncmp(m->address, "https://", 8) != 0 || !site_address_ok(m->address)) {
        refuse(k, m->version != NODE_VERSION ? "The edge runs another version; install the same on all nodes." : "node.address of the edge is not https://HOST:PORT.");
        return;
    }
    memcpy(k->address, m->address, sizeof k->address);
    memcpy(k->edge_nonce, m->nonce, sizeof k->edge_nonce);
    k->viewers_max = (unsigned)m->viewers_max;
    if (!(k->hello = malloc(sizeof *k->hello))) abort();
    *k->hello = *m;
    node_nonce(k->nonce);
    memcpy(answer.nonce, k->nonce, sizeof answer.nonce);
    node_proof(k->origin->config.secret, "origin", k->edge_nonce, k->nonce, answer.proof);
    say(k, &answer);
    k->stage = SAYS_PROOF;
}

/* The same edge, begun again before its old link was missed. */
static void replace_older(struct link *k)
{
    for (struct link *other = k->origin->links; other; other = other->hh.next)
        if (other != k && other->stage == WELCOMED && strcmp(other->address, k->address) == 0) {
            placement_remove(&k->origin->placement, other->id);
            spread_node_gone(k->origin->config.spread, other->id);
            other->stage = OVER;
            net_ws_close(other->ws, 4009);
        }
}

static void proof(struct link *k, const struct node_message *m)
{
    struct origin *o = k->origin;
    char expected[NODE_PROOF_BYTES];
    struct fault f = {0};
    node_proof(o->config.secret, "edge", k->edge_nonce, k->nonce, expected);
    if (!node_proof_equal(expected, m->proof)) {
        guard_wrong(o->config.guard, k->from, now_ms());
        refuse(k, "node.secret is not the same as here.");
        return;
    }
    replace_older(k);
    if (!placement_add(&o->placement, k->id, k->address, k->viewers_max)) {
        refuse(k, "There are too many nodes.");
        return;
    }
    if (spread_node(o->config.spread, k->id, k->hello, &f)) {
        placement_remove(&o->placement, k->id);
        refuse(k, f.text);
        return;
    }
    free(k->hello);
    k->hello = NULL;
    k->stage = WELCOMED;
    net_ws_trust(k->ws);
    metric_set(o->m_nodes, (int64_t)placement_nodes(&o->placement));
    say(k, &(struct node_message){.verb = NODE_WELCOME});
    log_info("node", "edge %s is there, for %u viewers", k->address, k->viewers_max);
}

/* ---- coming and going ---- */
static bool welcomed(struct link *k, const struct node_message *m)
{
    switch (m->verb) {
    case NODE_LOAD:
        placement_report(&k->origin->placement, k->id, (unsigned)m->viewers);
        say(k, &(struct node_message){.verb = NODE_OK});
        return true;
    case NODE_WANT: want(k, m); return true;
    case NODE_DROP: drop(k, (uint64_t)m->room); return true;
    case NODE_RELAY: pass(k, (uint64_t)m->room); return true;
    case NODE_UNRELAY: if (passed_of(k, (uint64_t)m->room)) unpass(k, passed_of(k, (uint64_t)m->room)); return true;
    case NODE_LAYERS: layers(k, m); return true;
    case NODE_ANSWER:
    case NODE_EVENTS:
        k->waits = *m;
        k->waiting = m->bytes <= SDP_TEXT_MAX;
        return k->waiting;
    default: return false;
    }
}

static void on_message(void *ctx, struct net_ws *ws, void *user, const char *text, size_t len)
{
    struct link *k = user;
    struct node_message m;
    struct fault f = {0};
    k->heard_ms = now_ms();
    if (k->stage == OVER) return;
    if (node_message_read(text, len, &m, &f)) refuse(k, f.text);
    else if (k->waiting) refuse(k, "The bytes that were told of have to come.");
    else if (k->stage == SAYS_HELLO && m.verb == NODE_HELLO) hello(k, &m);
    else if (k->stage == SAYS_PROOF && m.verb == NODE_PROOF) proof(k, &m);
    else if (k->stage != WELCOMED || !welcomed(k, &m)) refuse(k, "This message has no place here.");
}

/* The answer to an offer, or what its media plane tells: the only bytes that an edge sends. */
static void on_bytes(void *ctx, struct net_ws *ws, void *user, const void *bytes, size_t len)
{
    struct link *k = user;
    struct fault f = {0};
    k->heard_ms = now_ms();
    if (k->stage == OVER) return;
    if (!k->waiting || (size_t)k->waits.bytes != len) {
        refuse(k, "These bytes were not told of.");
        return;
    }
    const struct passed *x = passed_of(k, (uint64_t)k->waits.room);
    struct desk_relay_said said = {bytes, len, (int)k->waits.number};
    k->waiting = false;
    if (k->waits.verb == NODE_EVENTS) {
        if (spread_told(k->origin->config.spread, k->id, bytes, len, &f)) refuse(k, f.text);
        return;
    }
    if (x && desk_relay_answer(k->origin->config.desk, x->room, x->relay, &said, &f)) refuse(k, f.text[0] ? f.text : "The answer answers nothing.");
}

static void *on_open(void *ctx, struct net_ws *ws, const struct net_ws_info *info)
{
    struct origin *o = ctx;
    struct fault f = {0};
    bool full = HASH_COUNT(o->links) >= PLACEMENT_NODES_MAX;
    struct link *k = full || guard_check(o->config.guard, info->address, now_ms(), &f) ? NULL : calloc(1, sizeof *k);
    if (!k) return NULL;
    k->id = ++o->last_id;
    k->origin = o;
    k->ws = ws;
    k->heard_ms = now_ms();
    snprintf(k->from, sizeof k->from, "%s", info->address);
    HASH_ADD(hh, o->links, id, sizeof k->id, k);
    return k;
}

static void on_close(void *ctx, struct net_ws *ws, void *user, int code)
{
    struct origin *o = ctx;
    struct link *k = user;
    if (k->stage == WELCOMED) log_warn("node", "edge %s is gone (%d)", k->address, code);
    placement_remove(&o->placement, k->id);
    spread_node_gone(o->config.spread, k->id);
    metric_set(o->m_nodes, (int64_t)placement_nodes(&o->placement));
    struct follow *x, *next;
    HASH_ITER(hh, k->follows, x, next) unfollow(k, x);
    struct passed *y, *after;
    HASH_ITER(hh, k->passes, y, after) unpass(k, y);
    HASH_DEL(o->links, k);
    free(k->hello);
    free(k);
}

/* Viewers were sent to an edge for a room and none arrived: then it does not have it. */
static void forget_rooms(struct link *k)
{
    struct placement *p = &k->origin->placement;
    for (size_t i = 0; i < p->n; i++)
        if (p->nodes[i].id == k->id) p->nodes[i].n_rooms = 0;
    for (struct follow *x = k->follows; x; x = x->hh.next)
        (void)placement_room(p, k->id, x->room, true);
    for (struct passed *x = k->passes; x; x = x->hh.next)
        (void)placement_room(p, k->id, x->room, true);
}

static void show_figures(struct origin *o)
{
    int64_t viewers = 0;
    for (size_t i = 0; i < o->placement.n; i++)
        viewers += o->placement.nodes[i].viewers;
    metric_set(o->m_viewers, viewers);
    metric_set(o->m_nodes, (int64_t)placement_nodes(&o->placement));
}

static void tick(void *arg)
{
    struct origin *o = arg;
    int64_t now = now_ms();
    bool stood = now - o->looked_ms > 3 * TICK_MS; /* we were silent ourselves: what they said meanwhile is not read yet */
    o->looked_ms = now;
    o->ticks++;
    for (struct link *k = o->links, *next; k; k = next) {
        next = k->hh.next;
        int64_t silent = now - k->heard_ms;
        if (!stood && k->stage != OVER && silent > (k->stage == WELCOMED ? SILENT_MS : SAY_WITHIN_MS)) {
            if (k->stage == WELCOMED) log_warn("node", "edge %s is silent", k->address);
            placement_remove(&o->placement, k->id);
            spread_node_gone(o->config.spread, k->id);
            k->stage = OVER;
            net_ws_close(k->ws, 4000);
        }
        if (k->stage != WELCOMED) continue;
        for (struct follow *x = k->follows; x; x = x->hh.next) {
            if (!x->programme) look(k, x, NULL);
            else send_news(k, x);
        }
        if (o->ticks % FORGET_TICKS == 0) forget_rooms(k);
    }
    show_figures(o);
    net_timer_start(o->config.net, TICK_MS, tick, o);
}

int origin_new(struct origin **out, const struct origin_config *config, struct fault *f)
{
    struct origin *o = *out = calloc(1, sizeof *o);
    if (!o) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    o->config = *config;
    crypto_random(&o->placement.dice, sizeof o->placement.dice);
    o->m_nodes = metric_gauge("yilian_node_edges", "Edge nodes that viewers are sent to", NULL);
    o->m_viewers = metric_gauge("yilian_node_viewers", "Viewers at edge nodes, as these said last", NULL);
    o->m_pieces = metric_counter("yilian_node_pieces_total", "Pieces of lectures sent to edge nodes", NULL);
    o->m_sent = metric_counter("yilian_node_bytes_total", "Bytes of them", NULL);
    struct net_ws_events events = {.ctx = o, .on_open = on_open, .on_message = on_message, .on_close = on_close, .on_bytes = on_bytes};
    if (net_ws_serve(config->net, "/node", &events)) {
        free(o);
        *out = NULL;
        return fault_set(f, ERR_INTERNAL, "node", "The URL /node is taken.");
    }
    desk_relay_serve(config->desk, &(struct desk_relay_events){o, relay_offer, relay_ended});
    spread_tell(config->spread, &(struct spread_events){o, send_commands, config->desk, desk_away_event, desk_away_moved});
    net_timer_start(config->net, TICK_MS, tick, o);
    return 0;
}

void origin_free(struct origin *o)
{
    free(o);
}
