#include "server/node/origin_private.h"
#include "server/base/clock.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/site_address.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAY_WITHIN_MS 3000 /* who one is */
#define SILENT_MS 1500
#define TICK_MS 250
#define FORGET_TICKS 40    /* 10 s: a room where nobody arrived is not carried */

static int64_t now_ms(void)
{
    return clock_now_ms(&clock_system);
}

void link_say(struct link *k, const struct node_message *m)
{
    char *text = node_message_write(m);
    if (text) (void)net_ws_send(k->ws, text, strlen(text));
    free(text);
}

size_t origin_choose(struct origin *o, uint64_t room, const char *out[PLACEMENT_LIST_MAX])
{
    return placement_choose(&o->placement, room, out);
}

/* ---- members' media ---- */
static void send_commands(void *ctx, uint64_t node, struct share *parcel)
{
    struct origin *o = ctx;
    struct link *k = NULL;
    HASH_FIND(hh, o->links, &node, sizeof node, k);
    if (!k || k->stage != WELCOMED) return;
    link_say(k, &(struct node_message){.verb = NODE_COMMANDS, .bytes = (int64_t)parcel->len});
    (void)net_ws_send_share(k->ws, parcel);
}

/* ---- who it is ---- */
static void refuse(struct link *k, const char *text)
{
    struct node_message m = {.verb = NODE_REFUSED};
    snprintf(m.text, sizeof m.text, "%s", text);
    link_say(k, &m);
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
    link_say(k, &answer);
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
    link_say(k, &(struct node_message){.verb = NODE_WELCOME});
    log_info("node", "edge %s is there, for %u viewers", k->address, k->viewers_max);
}

/* ---- coming and going ---- */
static bool welcomed(struct link *k, const struct node_message *m)
{
    switch (m->verb) {
    case NODE_LOAD:
        placement_report(&k->origin->placement, k->id, (unsigned)m->viewers);
        link_say(k, &(struct node_message){.verb = NODE_OK});
        return true;
    case NODE_WANT: link_want(k, m); return true;
    case NODE_DROP: link_drop(k, (uint64_t)m->room); return true;
    case NODE_RELAY: link_pass(k, (uint64_t)m->room); return true;
    case NODE_UNRELAY: if (passed_of(k, (uint64_t)m->room)) link_unpass(k, passed_of(k, (uint64_t)m->room)); return true;
    case NODE_LAYERS: link_layers(k, m); return true;
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
    HASH_ITER(hh, k->follows, x, next) link_unfollow(k, x);
    struct passed *y, *after;
    HASH_ITER(hh, k->passes, y, after) link_unpass(k, y);
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
        link_lectures_tick(k);
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
    desk_relay_serve(config->desk, &(struct desk_relay_events){o, origin_relay_offer, origin_relay_ended});
    spread_tell(config->spread, &(struct spread_events){o, send_commands, config->desk, desk_away_event, desk_away_moved});
    net_timer_start(config->net, TICK_MS, tick, o);
    return 0;
}

void origin_free(struct origin *o)
{
    free(o);
}
