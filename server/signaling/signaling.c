#include "server/signaling/signaling.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONG_MAX 10   /* wrong tickets of one connection */
#define CHECK_MS 60000 /* a connection whose session ran out is told within this time; one that was ended, at once */

struct signaling {
    struct signaling_config config;
    struct asker asker;
    struct desk *desk;
    struct connection *connections;
    struct metric *m_open, *m_verbs, *m_refused;
    char *schema; /* signaling_schema, written once */
};

struct net *signaling_net(struct signaling *s)
{
    return s->config.net;
}

struct asker *signaling_asker(struct signaling *s)
{
    return &s->asker;
}

json_t *signaling_ice_servers(const struct signaling *s, const char *who)
{
    const struct relay *r = s->config.relay;
    json_t *servers = json_array(), *urls = json_array();
    struct relay_credential c;
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(urls, json_string(r->urls[i]));
    if (r->n) {
        relay_credential(r, who, clock_now_ms(&clock_system), &c);
        json_array_append_new(servers, json_pack("{s:O,s:s,s:s}", "urls", urls, "username", c.name, "credential", c.password));
    }
    json_decref(urls);
    return servers;
}

struct desk *signaling_desk(struct signaling *s)
{
    return s->desk;
}

void signaling_media(struct signaling *s, struct media *m)
{
    desk_media(s->desk, m);
}

struct connection *signaling_first(struct signaling *s)
{
    return s->connections;
}

struct connection *signaling_find(struct signaling *s, uint64_t id)
{
    struct connection *c = NULL;
    HASH_FIND(hh, s->connections, &id, sizeof id, c);
    return c;
}

/* ---- saying ---- */

void connection_send(struct connection *c, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    if (text && net_ws_send(c->ws, text, strlen(text))) log_debug("signaling", "a message was dropped: the connection is closing");
    free(text);
    json_decref(message);
}

void connection_answer(struct connection *c, int64_t id, json_t *result)
{
    connection_send(c, json_pack("{s:I,s:b,s:o}", "id", (json_int_t)id, "ok", 1, "result", result));
}

void connection_refuse(struct connection *c, int64_t id, const struct fault *f)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < f->n_fields; i++)
        json_array_append_new(fields, json_pack("{s:s,s:s}", "path", f->fields[i].path, "reason", f->fields[i].reason));
    metric_add(c->owner->m_refused, 1);
    connection_send(c, json_pack("{s:I,s:b,s:{s:s,s:s,s:s,s:o}}", "id", (json_int_t)id, "ok", 0, "error", "code", err_wire(f->code), "reason",
                                 f->reason, "text", f->text, "fields", fields));
}

void connection_event(struct connection *c, const char *event, json_t *data)
{
    connection_send(c, json_pack("{s:s,s:I,s:o}", "event", event, "seq", (json_int_t)++c->seq, "data", data));
}

/* ---- wrong tickets ---- */

bool connection_may_ask(struct connection *c, int64_t id)
{
    struct fault f = {0};
    if (guard_check(c->owner->config.guard, c->address, clock_now_ms(&clock_system), &f) == 0) return true;
    connection_refuse(c, id, &f);
    return false;
}

/* A ticket that is only early, or whose room is closed, was a good one. */
void connection_wrong(struct connection *c, const struct fault *f)
{
    if (f->code != ERR_DENIED && f->code != ERR_UNAUTHENTICATED) return;
    guard_wrong(c->owner->config.guard, c->address, clock_now_ms(&clock_system));
    if (++c->wrong >= WRONG_MAX) net_ws_close(c->ws, 4029);
}

/* ---- who is there: asked of the records plane, like everybody's request ---- */

struct identifying {
    struct signaling *owner;
    uint64_t connection;
    int64_t id;
    json_t *args;
    void (*then)(struct connection *c, int64_t id, const json_t *args);
};

static void session_over(struct connection *c)
{
    connection_send(c, json_pack("{s:s,s:i,s:{}}", "event", "session.ended", "seq", 0, "data"));
    net_ws_close(c->ws, 4001);
}

static void identified(void *ctx, struct reply *reply)
{
    struct identifying *w = ctx;
    struct connection *c = signaling_find(w->owner, w->connection);
    const json_t *me = reply->result;
    const char *stage = json_string_value(json_object_get(me, "stage"));
    const char *person = json_string_value(json_object_get(json_object_get(me, "person"), "id"));
    bool known = stage && person && strcmp(stage, "ready") == 0;
    if (c) {
        bool was = c->person[0] != '\0';
        if (known || reply->error == ERR_UNAUTHENTICATED) {
            snprintf(c->person, sizeof c->person, "%s", known ? person : "");
            c->may = known ? push_topics_of(json_object_get(me, "rights")) : 0;
            const char *org = json_string_value(json_object_get(json_object_get(json_object_get(me, "post"), "org"), "id"));
            if (!known || !org || id_parse(org, &c->org)) c->org = 0;
        }
        if (w->then) w->then(c, w->id, w->args);
        else if (was && reply->error == ERR_UNAUTHENTICATED) session_over(c);
    }
    json_decref(w->args);
    free(w);
}

void connection_identify(struct connection *c, int64_t id, const json_t *args, void (*then)(struct connection *c, int64_t id, const json_t *args))
{
    struct identifying *w = malloc(sizeof *w);
    if (!w) abort();
    *w = (struct identifying){c->owner, c->id, id, json_incref((json_t *)args), then};
    ask(&c->owner->asker, "session.get", c->credential, json_object(), identified, w);
}

static void check_all(void *arg)
{
    struct signaling *s = arg;
    for (struct connection *c = s->connections; c; c = c->hh.next)
        if (c->person[0]) connection_identify(c, 0, NULL, NULL);
    net_timer_start(s->config.net, CHECK_MS, check_all, s);
}

/* ---- messages ---- */

static void on_message(void *ctx, struct net_ws *ws, void *user, const char *text, size_t len)
{
    struct connection *c = user;
    struct message m;
    struct fault f = {0};
    int rc = message_read(&m, text, len, &f);
    if (rc != ERR_MALFORMED) metric_add(c->owner->m_verbs, 1);
    if (rc == ERR_MALFORMED) net_ws_close(ws, 4000);
    else if (rc) connection_refuse(c, m.id, &f);
    else m.verb->run(c, m.id, m.args);
    message_clear(&m);
}

static void *on_open(void *ctx, struct net_ws *ws, const struct net_ws_info *info)
{
    struct signaling *s = ctx;
    struct connection *c = calloc(1, sizeof *c);
    if (!c || strlen(info->credential) >= sizeof c->credential) return free(c), NULL;
    c->owner = s;
    c->ws = ws;
    c->id = id_new();
    snprintf(c->credential, sizeof c->credential, "%s", info->credential);
    snprintf(c->address, sizeof c->address, "%s", info->address);
    HASH_ADD(hh, s->connections, id, sizeof c->id, c);
    metric_add(s->m_open, 1);
    if (c->credential[0]) connection_identify(c, 0, NULL, NULL); /* so that joining need not wait for it */
    return c;
}

static void on_close(void *ctx, struct net_ws *ws, void *user, int code)
{
    struct signaling *s = ctx;
    struct connection *c = user;
    HASH_DEL(s->connections, c);
    desk_gone(s->desk, c->id);
    metric_add(s->m_open, -1);
    explicit_bzero(c->credential, sizeof c->credential);
    free(c);
}

/* ---- changes ---- */

struct news {
    struct signaling *owner;
    struct records_change change;
};

static void recheck(struct signaling *s, const struct records_change *change)
{
    uint64_t id;
    bool about_rooms = strcmp(change->topic, "case") == 0 || strcmp(change->topic, "room") == 0;
    if (about_rooms && id_parse(change->key, &id) == 0) desk_recheck(s->desk, id);
    if (strcmp(change->topic, "session") != 0) return;
    for (struct connection *c = s->connections; c; c = c->hh.next)
        if (strcmp(c->person, change->key) == 0) connection_identify(c, 0, NULL, NULL);
}

static void changed(void *arg)
{
    struct news *n = arg;
    if (!n->owner->asker.closed) {
        push_change(n->owner, &n->change);
        recheck(n->owner, &n->change);
    }
    free(n);
}

void signaling_change(struct signaling *s, const struct records_change *change)
{
    struct news *n = malloc(sizeof *n);
    if (!n) return;
    *n = (struct news){s, *change};
    if (net_post(s->config.net, changed, n)) free(n); /* the loop is over, or far behind: pages read again by themselves */
}

/* ---- the description ---- */

static void on_schema(void *ctx, struct net_request *r)
{
    const struct signaling *s = ctx;
    net_reply_bytes(r, 200, "application/schema+json", s->schema, strlen(s->schema));
}

static int serve_schema(struct signaling *s, struct fault *f)
{
    struct net_route route = {"/api/signaling.schema.json", NET_GET | NET_HEAD, on_schema, s, 0};
    json_t *schema = signaling_schema();
    s->schema = json_dumps(schema, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(schema);
    if (s->schema && net_route_add(s->config.net, &route) == 0) return 0;
    return fault_set(f, ERR_INTERNAL, "schema", "The description of the verbs could not be set up.");
}

/* ---- life ---- */

static int read_layered(const char *text, unsigned *out, struct fault *f)
{
    char words[64], *rest = words;
    snprintf(words, sizeof words, "%s", text ? text : "");
    for (const char *word; (word = strsep(&rest, ", "));) {
        int source = room_source_parse(word);
        if (*word && source != SOURCE_CAMERA2 && source != SOURCE_SCREEN)
            return fault_set(f, ERR_INVALID, "config_invalid", "room.layered: write camera2, screen, both or nothing.");
        if (*word) *out |= 1u << source;
    }
    return 0;
}

int signaling_new(struct signaling **out, const struct signaling_config *config, struct fault *f)
{
    struct signaling *s = *out = calloc(1, sizeof *s);
    if (!s) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    s->config = *config;
    s->asker = (struct asker){config->net, config->records, false};
    s->m_open = metric_gauge("yilian_signaling_connections", "open WebSocket connections", NULL);
    s->m_verbs = metric_counter("yilian_signaling_verbs_total", "verbs asked over WebSocket", NULL);
    s->m_refused = metric_counter("yilian_signaling_refused_total", "verbs refused", NULL);
    struct desk_config desk = {.net = config->net, .records = config->records, .ctx = s,
                               .alive = live_alive, .tell = live_tell, .close = live_close};
    int rc = read_layered(config->layered, &desk.layered, f);
    rc = rc ? rc : desk_new(&s->desk, &desk, f);
    rc = rc ? rc : serve_schema(s, f);
    struct net_ws_events events = {.ctx = s, .on_open = on_open, .on_message = on_message, .on_close = on_close};
    if (rc == 0 && net_ws_serve(config->net, "/ws", &events)) rc = fault_set(f, ERR_INTERNAL, "ws", "The URL /ws is taken.");
    net_timer_start(config->net, CHECK_MS, check_all, s);
    return rc;
}

void signaling_shut(struct signaling *s)
{
    if (!s) return;
    s->asker.closed = true;
    desk_shut(s->desk);
}

void signaling_free(struct signaling *s)
{
    if (!s) return;
    desk_free(s->desk);
    free(s->schema);
    free(s);
}
