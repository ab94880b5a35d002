/* Lecture seats over WebSocket: text messages say what comes (docs/protocol/http.md "Lectures"), binary ones are pieces of fMP4. */
#include "server/api/watch_private.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAY_WITHIN_MS 10000  /* who one is */
#define WAITING_MAX 8        /* messages not taken: 1.6 s behind; then pieces are passed over until a keyframe */
#define WAITING_AGAIN 1      /* the line is free again */
#define LATER_PIECES 10      /* an edge may have less than the origin had: they are on their way */
#define JOIN_PIECES 5        /* so many later, what was sent at the join must have been taken */

static void tell(struct viewer *v, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (text) (void)net_ws_send(v->ws, text, strlen(text));
    free(text);
}

static void tell_state(struct viewer *v, const char *state)
{
    tell(v, json_pack("{s:s,s:I}", "type", state, "now_ms", (json_int_t)watch_now_ms()));
}

static void refuse(struct viewer *v, const struct fault *f)
{
    tell(v, json_pack("{s:s,s:s,s:s,s:s}", "type", "refused", "code", err_wire(f->code), "reason", f->reason, "text", f->text));
    net_ws_close(v->ws, 4003);
}

/* ---- the crowd before a programme ---- */
static struct crowd *crowd_of(struct watch *w, struct programme *p, bool make)
{
    struct crowd *c = NULL;
    HASH_FIND_PTR(w->crowds, &p, c);
    if (c || !make || !(c = calloc(1, sizeof *c))) return c;
    c->programme = p;
    HASH_ADD_PTR(w->crowds, programme, c);
    return c;
}

static void leave(struct viewer *v)
{
    struct crowd *c = v->programme ? crowd_of(v->watch, v->programme, false) : NULL;
    if (!c) return;
    *v->back = v->next;
    if (v->next) v->next->back = v->back;
    v->programme = NULL;
    c->n--;
}

/* It has the beginning from elsewhere, of the same programme as it is now: only what comes after that. */
static void go_on(struct viewer *v, struct programme *p)
{
    struct programme_now now;
    struct programme_piece k;
    programme_now(p, &now);
    size_t next = programme_next(p), soon = v->watch->config.edge ? next + LATER_PIECES : next;
    if (v->has.on && v->has.epoch_ms == now.epoch_us / 1000 && v->has.generation == now.generation &&
        ((v->has.next >= next && v->has.next <= soon) || programme_piece(p, v->has.next, &k))) {
        v->at = v->has.next;
        v->generation = now.generation;
    }
    v->has.on = false;
}

static void enter(struct viewer *v, struct programme *p)
{
    struct crowd *c = crowd_of(v->watch, p, true);
    if (!c) return;
    v->programme = p;
    v->next = c->first;
    v->back = &c->first;
    if (v->next) v->next->back = &v->next;
    c->first = v;
    c->n++;
    v->at = programme_first(p);
    v->judged_from = programme_next(p) + JOIN_PIECES;
    v->generation = 0;
    go_on(v, p);
    v->skipping = v->ended_told = false;
}

/* ---- sending ---- */
static void tell_init(struct viewer *v, const struct programme_piece *k)
{
    struct programme_now now;
    programme_now(v->programme, &now);
    tell(v, json_pack("{s:s,s:s,s:I,s:i,s:I,s:I,s:I,s:i,s:i}", "type", "init", "codecs", k->codecs, "generation", (json_int_t)k->generation, "bytes",
                      (int)k->init->len, "epoch_ms", (json_int_t)(now.epoch_us / 1000), "end_ms", (json_int_t)(now.end_us / 1000), "now_ms", (json_int_t)watch_now_ms(), "width",
                      (int)k->width, "height", (int)k->height));
    (void)net_ws_send_share(v->ws, k->init);
    v->generation = k->generation;
}

/* One that fell behind goes on at the next piece that a decoder can begin with, when its line is free again. */
static bool passes_over(struct viewer *v, const struct programme_piece *k)
{
    size_t waiting = net_ws_waiting(v->ws);
    if (!v->skipping && waiting >= WAITING_MAX && v->at >= v->judged_from) {
        v->skipping = true;
        metric_add(v->watch->m_skips, 1);
    }
    if (v->skipping && k->key && waiting <= WAITING_AGAIN) {
        v->skipping = false;
        tell_state(v, "skip");
    }
    return v->skipping;
}

static void send_news(struct viewer *v)
{
    struct programme_piece k;
    size_t next = programme_next(v->programme);
    if (v->at < next && !programme_piece(v->programme, v->at, &k)) v->at = programme_first(v->programme);
    for (; v->at < next && programme_piece(v->programme, v->at, &k); v->at++) {
        if (!v->generation && !k.key) continue;
        if (passes_over(v, &k)) continue;
        if (v->generation != k.generation) tell_init(v, &k);
        (void)net_ws_send_share(v->ws, k.bytes);
        metric_add(v->watch->m_pieces, 1);
    }
    if (programme_ended(v->programme) && !v->ended_told) {
        v->ended_told = true;
        tell_state(v, "ended");
    }
}

void push_now(struct watch *w, struct net_request *r, const struct desk_watch_made *made, const char *pass)
{
    struct programme *p = desk_programme_wait(w->config.desk, made->room);
    struct programme_now now = {0};
    struct programme_piece k;
    struct fault f = {0};
    if (p) programme_now(p, &now);
    size_t first = p ? programme_first(p) : 0, next = p ? programme_next(p) : 0, len = 0;
    net_reply_header(r, "Cache-Control", "no-store");
    for (size_t n = first; n < next && programme_piece(p, n, &k); n++)
        len += k.bytes->len + (n == first ? k.init->len : 0);
    json_t *nodes = len ? watch_nodes(w, made->room) : NULL;
    json_t *line = json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "name", made->name ? made->name : "", "pass", pass, "codecs", now.codecs ? now.codecs : "", "now_ms", (json_int_t)watch_now_ms(), "epoch_ms",
                             (json_int_t)(now.epoch_us / 1000), "end_ms", (json_int_t)(now.end_us / 1000), "generation", (json_int_t)now.generation, "next", (json_int_t)next);
    if (nodes) json_object_set_new(line, "nodes", nodes);
    char *text = json_dumps(line, JSON_COMPACT);
    size_t at = text ? strlen(text) : 0;
    struct share *s = len && text ? share_blank(at + 1 + len) : NULL;
    if (s) {
        memcpy(s->bytes, text, at);
        s->bytes[at++] = '\n';
        for (size_t n = first; n < next && programme_piece(p, n, &k); n++) {
            if (n == first) memcpy(s->bytes + at, k.init->bytes, k.init->len);
            if (n == first) at += k.init->len;
            memcpy(s->bytes + at, k.bytes->bytes, k.bytes->len);
            at += k.bytes->len;
        }
        net_reply_share(r, 200, "application/octet-stream", s);
        share_unref(s);
    } else {
        fault_set(&f, ERR_NOT_FOUND, "not_begun", "Nothing is shown here yet.");
        net_reply_fault(r, &f);
    }
    free(text);
    json_decref(line);
}

void push_news(struct watch *w, struct programme *p)
{
    struct crowd *c = crowd_of(w, p, false);
    for (struct viewer *v = c ? c->first : NULL, *next; v; v = next) {
        next = v->next;
        send_news(v);
    }
}

/* A new programme may follow at the same place: its viewers wait for it. */
void push_gone(struct watch *w, struct programme *p)
{
    struct crowd *c = crowd_of(w, p, false);
    if (!c) return;
    while (c->first) {
        struct viewer *v = c->first;
        leave(v);
        if (!v->ended_told) tell_state(v, "ended");
    }
    HASH_DEL(w->crowds, c);
    free(c);
}

/* ---- coming and going ---- */
static struct viewer *viewer_of(struct watch *w, uint64_t id)
{
    struct viewer *v = NULL;
    HASH_FIND(hh, w->viewers, &id, sizeof id, v);
    return v;
}

struct admission {
    struct watch *watch;
    uint64_t viewer;
};

static void look_in(struct viewer *v)
{
    struct programme *p = watch_programme(v->watch, v->room);
    if (!p) return;
    enter(v, p);
    if (!programme_segments(p)) tell_state(v, "waiting");
    send_news(v);
}

/* To the edge nodes, where there are any with a free place. */
static bool sent_on(struct viewer *v, const struct desk_watch_made *made)
{
    char pass[PASS_BYTES];
    json_t *nodes = v->stays ? NULL : watch_nodes(v->watch, made->room);
    if (!nodes) return false;
    watch_pass(v->watch, made->room, made->until_ms, pass);
    tell(v, json_pack("{s:s,s:s*,s:s,s:o}", "type", "elsewhere", "name", made->name, "pass", pass, "nodes", nodes));
    net_ws_close(v->ws, 4010);
    return true;
}

/* An edge that is full, or cannot reach the origin. */
static bool turned_away(struct viewer *v)
{
    struct fault f = {0};
    const char *why = v->watch->config.edge ? edge_refusal(v->watch->config.edge) : NULL;
    if (!why) return false;
    fault_set(&f, ERR_UNAVAILABLE, why, "This node takes nobody now; go to another.");
    refuse(v, &f);
    return true;
}

static void let_in(struct viewer *v, const struct desk_watch_made *made)
{
    if (turned_away(v) || sent_on(v, made)) return;
    v->room = made->room;
    v->until_ms = made->until_ms;
    tell(v, json_pack("{s:s,s:s*,s:I,s:I}", "type", "hello", "name", made->name, "now_ms", (json_int_t)watch_now_ms(), "until_ms",
                      (json_int_t)made->until_ms));
    look_in(v);
}

static void admitted(void *ctx, const struct fault *f, const struct desk_watch_made *made)
{
    struct admission a = *(struct admission *)ctx;
    struct viewer *v = viewer_of(a.watch, a.viewer);
    free(ctx);
    if (!v) return;
    if (f) {
        if (f->code == ERR_UNAUTHENTICATED) guard_wrong(a.watch->config.guard, v->address, watch_now_ms());
        refuse(v, f);
        return;
    }
    let_in(v, made);
}

static void ask(struct viewer *v, const char *token)
{
    struct fault f = {0};
    struct admission *a;
    if (guard_check(v->watch->config.guard, v->address, watch_now_ms(), &f)) {
        refuse(v, &f);
        return;
    }
    if (!(a = malloc(sizeof *a))) abort();
    *a = (struct admission){v->watch, v->id};
    v->asked = true;
    struct desk_watch_ask w = {.room = v->word, .credential = token ? token : v->credential, .by_session = !token && v->by_session};
    desk_watch(v->watch->config.desk, &w, admitted, a);
}

/* By the pass that GET /live/ROOM/now gave: who asked there was let in already. */
static void ask_by_pass(struct viewer *v, const char *pass)
{
    struct desk_watch_made made = {0};
    struct fault f = {0};
    v->asked = true;
    int rc = guard_check(v->watch->config.guard, v->address, watch_now_ms(), &f);
    if (!rc && (rc = watch_pass_check(v->watch, pass, strlen(pass), &made, &f))) guard_wrong(v->watch->config.guard, v->address, watch_now_ms());
    if (rc) refuse(v, &f);
    else let_in(v, &made);
}

/* What GET /live/ROOM/now told: `next`, `generation` and `epoch_ms` of its first line. */
static void note_has(struct viewer *v, const json_t *m)
{
    const json_t *next = json_object_get(m, "next"), *generation = json_object_get(m, "generation"), *epoch = json_object_get(m, "epoch_ms");
    v->has.on = json_is_integer(next) && json_is_integer(generation) && json_is_integer(epoch) && json_integer_value(next) >= 0;
    v->has.next = (size_t)json_integer_value(next);
    v->has.generation = (uint32_t)json_integer_value(generation);
    v->has.epoch_ms = json_integer_value(epoch);
}

/* {"token":"..."} or {"pass":"..."}, or {} for who has a session or sent the token as a header. {"type":"ping","t":..} is answered with the time. */
static void on_message(void *ctx, struct net_ws *ws, void *user, const char *text, size_t len)
{
    struct viewer *v = user;
    json_t *m = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *token = json_object_get(m, "token"), *pass = json_object_get(m, "pass");
    struct fault f = {0};
    (void)ctx;
    (void)ws;
    v->stays = v->stays || json_is_true(json_object_get(m, "stay"));
    if (!json_is_object(m) || (token && !json_is_string(token)) || (pass && !json_is_string(pass))) {
        fault_set(&f, ERR_MALFORMED, pass && !json_is_string(pass) ? "pass" : "token", "The first message is {\"token\":\"...\"}, {\"pass\":\"...\"} or {}.");
        refuse(v, &f);
    } else if (!v->asked && pass) {
        note_has(v, m);
        ask_by_pass(v, json_string_value(pass));
    } else if (!v->asked && v->watch->config.edge) {
        fault_set(&f, ERR_UNAUTHENTICATED, "no_pass", "This node lets in who has a pass of the origin.");
        refuse(v, &f);
    } else if (!v->asked && !token && !*v->credential) {
        fault_set(&f, ERR_UNAUTHENTICATED, "no_token", "Sign in, or send a token.");
        refuse(v, &f);
    } else if (!v->asked) {
        note_has(v, m);
        ask(v, json_string_value(token));
    } else if (json_is_number(json_object_get(m, "t"))) {
        tell(v, json_pack("{s:s,s:O,s:I}", "type", "pong", "t", json_object_get(m, "t"), "now_ms", (json_int_t)watch_now_ms()));
    }
    json_decref(m);
}

static void *on_open(void *ctx, struct net_ws *ws, const struct net_ws_info *info)
{
    struct watch *w = ctx;
    char word[WORD_BYTES];
    const char *rest = watch_path(info->path, word);
    struct viewer *v = rest && strcmp(rest, "/ws") == 0 ? calloc(1, sizeof *v) : NULL;
    if (!v) return NULL;
    v->watch = w;
    v->ws = ws;
    v->id = ++w->last_viewer;
    v->opened_ms = watch_now_ms();
    v->by_session = info->by_cookie;
    v->credential = strdup(info->credential);
    memcpy(v->word, word, sizeof word);
    snprintf(v->address, sizeof v->address, "%s", info->address);
    if (!v->credential) abort();
    HASH_ADD(hh, w->viewers, id, sizeof v->id, v);
    metric_add(w->m_viewers, 1);
    return v;
}

static void on_close(void *ctx, struct net_ws *ws, void *user, int code)
{
    struct viewer *v = user;
    (void)ctx;
    (void)ws;
    (void)code;
    leave(v);
    HASH_DEL(v->watch->viewers, v);
    metric_add(v->watch->m_viewers, -1);
    explicit_bzero(v->credential, strlen(v->credential));
    free(v->credential);
    free(v);
}

/* Who says nothing leaves, whose token is over leaves, and who saw an end looks whether there is something new. */
void push_tick(struct watch *w, int64_t now_ms)
{
    struct viewer *v, *next;
    HASH_ITER(hh, w->viewers, v, next)
    {
        if (!v->asked && now_ms - v->opened_ms > SAY_WITHIN_MS) net_ws_close(v->ws, 4000);
        else if (v->room && v->until_ms && v->until_ms <= now_ms) net_ws_close(v->ws, 4001);
        else if (v->room && !v->programme) {
            struct programme *p = w->config.edge ? watch_programme(w, v->room) : desk_programme(w->config.desk, v->room);
            if (p && !programme_ended(p)) look_in(v);
        }
    }
}

bool push_watched(struct watch *w, struct programme *p)
{
    const struct crowd *c = crowd_of(w, p, false);
    return c && c->n;
}

void push_send_away(struct watch *w)
{
    struct viewer *v, *next;
    HASH_ITER(hh, w->viewers, v, next) net_ws_close(v->ws, 4011);
}

int push_serve(struct watch *w)
{
    struct net_ws_events events = {.ctx = w, .on_open = on_open, .on_message = on_message, .on_close = on_close};
    return net_ws_serve(w->config.net, "/live/", &events);
}
