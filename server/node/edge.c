#include "server/node/edge.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"
#include "server/node/message.h"
#include "server/node/placement.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define TICK_MS 250
#define LOAD_MS 500       /* how often the origin hears of us */
#define SILENT_MS 3000    /* there is no other origin: a busy one is waited for */
#define AGAIN_MS 500
#define ALONE_MS 1000     /* without a link for so long, viewers are sent away */
#define UNWATCHED_MS 10000

struct lecture { /* a room that is watched here */
    UT_hash_handle hh; /* edge.lectures, by room */
    uint64_t room;
    struct programme *programme;
    uint32_t generation; /* of the newest beginning it has */
    int64_t watched_ms;
};

struct edge {
    struct edge_config config;
    struct edge_events events;
    struct net_dialer *dialer;
    struct net_ws *ws; /* NULL: no link */
    enum { OFF, DIALLING, SAID_HELLO, SAID_PROOF, LINKED } stage;
    char nonce[NODE_NONCE_BYTES], complaint[200];
    int64_t heard_ms, told_ms, dial_ms, off_ms, looked_ms;
    bool sent_away;
    const struct media *media;
    struct node_message waits; /* its bytes come next */
    bool waiting;
    struct lecture *lectures;
    struct metric *m_linked, *m_pieces;
};

static int64_t now_ms(void)
{
    return clock_now_ms(&clock_system);
}

static void say(struct edge *e, const struct node_message *m)
{
    char *text = e->ws ? node_message_write(m) : NULL;
    if (text) (void)net_ws_send(e->ws, text, strlen(text));
    free(text);
}

static void relay_says(void *ctx, const struct node_message *m, const char *bytes)
{
    struct edge *e = ctx;
    struct share *s = bytes && e->stage == LINKED ? share_new(bytes, (size_t)m->bytes) : NULL;
    if (e->stage != LINKED || (bytes && !s)) return;
    say(e, m);
    if (s) (void)net_ws_send_share(e->ws, s);
    share_unref(s);
}

static void host_says(void *ctx, struct share *events)
{
    struct edge *e = ctx;
    if (e->stage != LINKED) return;
    say(e, &(struct node_message){.verb = NODE_EVENTS, .bytes = (int64_t)events->len});
    (void)net_ws_send_share(e->ws, events);
}

/* The same complaint every half second would hide everything else in the log. */
static void complain(struct edge *e, const char *why)
{
    if (strncmp(e->complaint, why, sizeof e->complaint - 1) == 0) return;
    TEXT_COPY(e->complaint, why);
    log_warn("node", "no link to the origin %s: %s", e->config.peer, why);
}

/* ---- lectures ---- */
static struct lecture *lecture_of(const struct edge *e, int64_t room)
{
    struct lecture *x = NULL;
    uint64_t key = (uint64_t)room;
    HASH_FIND(hh, e->lectures, &key, sizeof key, x);
    return x;
}

static void want(struct edge *e, const struct lecture *x)
{
    struct programme_now now;
    programme_now(x->programme, &now);
    bool has = now.generation && !programme_ended(x->programme);
    say(e, &(struct node_message){.verb = NODE_WANT, .room = (int64_t)x->room, .epoch_us = has ? now.epoch_us : 0, .generation = has ? now.generation : 0,
                                  .number = has ? (int64_t)programme_next(x->programme) : 0});
}

static void lecture_free(struct edge *e, struct lecture *x)
{
    HASH_DEL(e->lectures, x);
    if (e->events.gone) e->events.gone(e->events.ctx, x->programme);
    programme_free(x->programme);
    free(x);
}

struct programme *edge_programme(struct edge *e, uint64_t room)
{
    struct lecture *x = lecture_of(e, (int64_t)room);
    if (!x) {
        if (HASH_COUNT(e->lectures) >= PLACEMENT_ROOMS_MAX || !(x = calloc(1, sizeof *x))) return NULL;
        x->room = room;
        if (!(x->programme = programme_new(NULL))) {
            free(x);
            return NULL;
        }
        HASH_ADD(hh, e->lectures, room, sizeof x->room, x);
        if (e->stage == LINKED) want(e, x);
    }
    x->watched_ms = now_ms();
    return x->programme;
}

/* Another programme takes its place; its viewers look for it within a second (watch_push.c), or stay where it had shown nothing. */
static void anew(struct edge *e, struct lecture *x)
{
    struct programme *fresh = programme_new(NULL);
    if (!fresh) abort();
    if (e->events.gone) e->events.gone(e->events.ctx, x->programme);
    programme_free(x->programme);
    x->programme = fresh;
    x->generation = 0;
}

static void begin(struct edge *e, struct lecture *x, size_t number)
{
    if (programme_next(x->programme) || programme_ended(x->programme)) anew(e, x);
    programme_begin_at(x->programme, number);
}

static void take(struct edge *e, struct lecture *x, const struct node_message *m, const void *bytes)
{
    bool init = m->verb == NODE_INIT;
    if (!init && (uint32_t)m->generation != x->generation) return; /* its beginning never came */
    struct share *s = share_new(bytes, (size_t)m->bytes);
    if (!s) return; /* out of memory: the next keyframe mends it */
    struct media_piece piece = {.bytes = s, .init = init, .segment = m->segment, .key = m->key, .generation = (uint32_t)m->generation, .width = (uint16_t)m->width,
                                .height = (uint16_t)m->height, .start_us = m->start_us, .duration_us = m->duration_us, .epoch_us = m->epoch_us};
    memcpy(piece.codecs, m->codecs, sizeof piece.codecs);
    programme_add(x->programme, &piece);
    share_unref(s);
    if (init) x->generation = (uint32_t)m->generation;
    metric_add(e->m_pieces, !init);
    if (e->events.news) e->events.news(e->events.ctx, x->programme);
}

/* ---- the link ---- */
static void broken(struct edge *e, const char *why)
{
    if (e->stage == LINKED) log_warn("node", "the link to the origin broke: %s", why);
    else complain(e, why);
    if (e->stage == LINKED) e->off_ms = now_ms();
    host_unlinked(e->config.host); /* the origin takes the members back */
    e->stage = OFF;
    e->ws = NULL;
    e->waiting = false;
    metric_set(e->m_linked, 0);
}

static void hang_up(struct edge *e, const char *why)
{
    complain(e, why);
    net_ws_close(e->ws, 1000);
}

static void prove(struct edge *e, const struct node_message *m)
{
    struct node_message answer = {.verb = NODE_PROOF};
    char expected[NODE_PROOF_BYTES];
    node_proof(e->config.secret, "origin", e->nonce, m->nonce, expected);
    if (!node_proof_equal(expected, m->proof)) {
        hang_up(e, "node.secret is not the same there as here.");
        return;
    }
    node_proof(e->config.secret, "edge", e->nonce, m->nonce, answer.proof);
    say(e, &answer);
    e->stage = SAID_PROOF;
}

static void linked(struct edge *e)
{
    e->stage = LINKED;
    e->complaint[0] = 0;
    e->sent_away = false;
    metric_set(e->m_linked, 1);
    log_info("node", "linked to the origin %s", e->config.peer);
    for (struct lecture *x = e->lectures; x; x = x->hh.next)
        want(e, x);
    relay_linked(e->config.relay);
}

static void about_room(struct edge *e, const struct node_message *m)
{
    struct lecture *x = lecture_of(e, m->room);
    if (!x) return; /* dropped meanwhile */
    if (m->verb == NODE_BEGIN) {
        begin(e, x, (size_t)m->number);
    } else if (m->verb == NODE_END) {
        programme_end(x->programme);
        if (e->events.news) e->events.news(e->events.ctx, x->programme);
    } else if (programme_next(x->programme)) { /* NODE_GONE */
        anew(e, x);
    }
}

static void on_message(void *ctx, struct net_ws *ws, void *user, const char *text, size_t len)
{
    struct edge *e = user;
    struct node_message m;
    struct fault f = {0};
    e->heard_ms = now_ms();
    if (node_message_read(text, len, &m, &f)) hang_up(e, f.text);
    else if (m.verb == NODE_REFUSED) hang_up(e, m.text);
    else if (e->stage == SAID_HELLO && m.verb == NODE_CHALLENGE) prove(e, &m);
    else if (e->stage == SAID_PROOF && m.verb == NODE_WELCOME) linked(e);
    else if (e->stage != LINKED || e->waiting) hang_up(e, "The origin said what has no place here.");
    else if (m.verb == NODE_INIT || m.verb == NODE_PIECE || m.verb == NODE_OFFER || m.verb == NODE_COMMANDS) {
        e->waits = m;
        e->waiting = true;
    } else if (m.verb == NODE_BEGIN || m.verb == NODE_END || m.verb == NODE_GONE) about_room(e, &m);
    else if (m.verb == NODE_LINE) relay_line(e->config.relay, &m);
    else if (m.verb == NODE_LOST) relay_lost(e->config.relay, (uint64_t)m.room);
}

static void on_bytes(void *ctx, struct net_ws *ws, void *user, const void *bytes, size_t len)
{
    struct edge *e = user;
    e->heard_ms = now_ms();
    if (!e->waiting || (size_t)e->waits.bytes != len) {
        hang_up(e, "The origin sent bytes that it had not told of.");
        return;
    }
    struct fault f = {0};
    struct lecture *x = lecture_of(e, e->waits.room);
    e->waiting = false;
    if (e->waits.verb == NODE_OFFER) {
        if (relay_offered(e->config.relay, &e->waits, bytes, &f)) hang_up(e, f.text[0] ? f.text : "The origin's offer is none.");
        return;
    }
    if (e->waits.verb == NODE_COMMANDS) {
        if (host_commanded(e->config.host, bytes, len, &f)) hang_up(e, f.text);
        return;
    }
    if (x) take(e, x, &e->waits, bytes);
}

/* "IP PORT PRIORITY udp IP PORT PRIORITY tcp": where members reach our media plane. */
static void say_candidates(const struct media *media, char *out, size_t cap)
{
    struct media_candidate c[MEDIA_CANDIDATES_MAX];
    size_t n = media_candidates(media, c), at = 0;
    for (size_t i = 0; i < n && at + sizeof c[i].address + 32 < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s %u %u %s", i ? " " : "", c[i].address, c[i].port, c[i].priority, c[i].tcp ? "tcp" : "udp");
}

static void *on_open(void *ctx, struct net_ws *ws, const struct net_ws_info *info)
{
    struct edge *e = ctx;
    struct node_message m = {.verb = NODE_HELLO, .version = NODE_VERSION, .viewers_max = e->config.viewers_max};
    e->ws = ws;
    e->stage = SAID_HELLO;
    e->heard_ms = now_ms();
    node_nonce(e->nonce);
    snprintf(m.address, sizeof m.address, "%s", e->config.address);
    snprintf(m.fingerprint, sizeof m.fingerprint, "%s", media_fingerprint(e->media));
    snprintf(m.serves, sizeof m.serves, "%s", e->config.serves);
    say_candidates(e->media, m.candidates, sizeof m.candidates);
    memcpy(m.nonce, e->nonce, sizeof m.nonce);
    say(e, &m);
    return e;
}

static void on_close(void *ctx, struct net_ws *ws, void *user, int code)
{
    broken(user, "the connection was closed");
}

static void failed(void *ctx, const char *why)
{
    broken(ctx, *why ? why : "nobody answers there");
}

static void dial(struct edge *e)
{
    struct net_ws_events events = {.ctx = e, .on_open = on_open, .on_message = on_message, .on_bytes = on_bytes, .on_close = on_close};
    e->stage = DIALLING;
    e->dial_ms = now_ms();
    net_dial(e->dialer, "/node", &events, failed);
}

/* ---- time ---- */
static void let_go(struct edge *e, int64_t now)
{
    struct lecture *x, *next;
    HASH_ITER(hh, e->lectures, x, next)
    {
        if (e->events.watched && e->events.watched(e->events.ctx, x->programme)) x->watched_ms = now;
        if (now - x->watched_ms <= UNWATCHED_MS) continue;
        say(e, &(struct node_message){.verb = NODE_DROP, .room = (int64_t)x->room});
        lecture_free(e, x);
    }
}

static unsigned viewers(const struct edge *e)
{
    unsigned n = (e->events.viewers ? e->events.viewers(e->events.ctx) : 0) + (unsigned)relay_viewers(e->config.relay);
    return n < NODE_VIEWERS_MAX ? n : NODE_VIEWERS_MAX;
}

static void tick(void *arg)
{
    struct edge *e = arg;
    int64_t now = now_ms();
    bool stood = now - e->looked_ms > 3 * TICK_MS; /* we were silent ourselves: what it said meanwhile is not read yet */
    e->looked_ms = now;
    if (e->stage == OFF && now - e->dial_ms >= AGAIN_MS) dial(e);
    if (e->ws && !stood && now - e->heard_ms > SILENT_MS) {
        if (e->stage == LINKED) e->off_ms = now;
        host_unlinked(e->config.host);
        e->stage = SAID_HELLO; /* until it is closed */
        complain(e, "the origin is silent");
        net_ws_close(e->ws, 4000);
    }
    if (e->stage == LINKED && now - e->told_ms >= LOAD_MS) {
        e->told_ms = now;
        say(e, &(struct node_message){.verb = NODE_LOAD, .viewers = viewers(e)});
    }
    if (e->stage != LINKED && !e->sent_away && now - e->off_ms > ALONE_MS) {
        e->sent_away = true;
        if (e->events.send_away) e->events.send_away(e->events.ctx);
        relay_send_away(e->config.relay);
    }
    let_go(e, now);
    net_timer_start(e->config.net, TICK_MS, tick, e);
}

const char *edge_refusal(const struct edge *e)
{
    return e->stage != LINKED ? "no_origin" : viewers(e) > e->config.viewers_max ? "full" : NULL;
}

const char *edge_origin(const struct edge *e)
{
    return e->config.peer;
}

void edge_media(struct edge *e, const struct media *m)
{
    e->media = m;
}

void edge_serve(struct edge *e, const struct edge_events *events)
{
    e->events = *events;
}

int edge_new(struct edge **out, const struct edge_config *config, struct fault *f)
{
    struct edge *e = *out = calloc(1, sizeof *e);
    if (!e) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    e->config = *config;
    struct net_dialer_config dialer = {config->peer, config->peer_certificate, "node.peer"};
    int rc = net_dialer_open(config->net, &dialer, &e->dialer, f);
    if (rc) {
        free(e);
        *out = NULL;
        return rc;
    }
    e->m_linked = metric_gauge("yilian_node_linked", "1 while the link to the origin stands", NULL);
    e->m_pieces = metric_counter("yilian_node_pieces_taken_total", "Pieces of lectures taken from the origin", NULL);
    relay_nodes_link(config->relay, &(struct relay_link){e, relay_says});
    host_link(config->host, &(struct host_link){e, host_says});
    net_timer_start(config->net, TICK_MS, tick, e);
    return 0;
}

void edge_free(struct edge *e)
{
    if (!e) return;
    struct lecture *x, *next;
    e->events = (struct edge_events){0};
    HASH_ITER(hh, e->lectures, x, next) lecture_free(e, x);
    free(e);
}
