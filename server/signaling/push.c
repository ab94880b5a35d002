/* Push over the WebSocket (push.h). */
#include "server/signaling/push.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_MS 60000 /* a connection whose session ended is told within this time */

enum topic { TOPIC_NOTICE = 1, TOPIC_CASE = 2, TOPIC_SLOT = 4, TOPIC_MESSAGE = 8 };
static const struct {
    const char *name;   /* of the change feed */
    const char *event;  /* on the wire */
    unsigned bit, with; /* subscribed by its own name, or along with this one */
} topics[] = {{"notice", "notice", TOPIC_NOTICE, 0},
              {"case", "case.changed", TOPIC_CASE, 0},
              {"slot", "slot.changed", TOPIC_SLOT, 0},
              {"message", "message", TOPIC_MESSAGE, TOPIC_CASE}};
#define N_TOPICS (sizeof topics / sizeof *topics)

struct peer {
    struct peer *next;
    struct push *push;
    struct net_ws *ws;
    uint64_t id;
    char credential[200];
    char person[ID_TEXT_BYTES]; /* "" = not (yet) known to be signed in */
    unsigned topics;
    unsigned waiting; /* topics asked for before the session was looked up */
    int64_t waiting_id;
    bool asking;
};

struct push {
    struct net *net;
    struct records *records;
    struct peer *peers;
    struct metric *open;
};

static void send_json(struct net_ws *ws, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    if (text && net_ws_send(ws, text, strlen(text)))
        log_debug("push", "a message was dropped: the connection is closing");
    free(text);
    json_decref(message);
}

static void answer(struct peer *p, int64_t id, json_t *result)
{
    send_json(p->ws, json_pack("{s:I,s:b,s:o}", "id", (json_int_t)id, "ok", 1, "result", result));
}

static void refuse(struct peer *p, int64_t id, int code, const char *reason, const char *text)
{
    send_json(p->ws, json_pack("{s:I,s:b,s:{s:s,s:s,s:s,s:[]}}", "id", (json_int_t)id, "ok", 0, "error", "code", err_wire(code), "reason",
                               reason, "text", text, "fields"));
}

static struct peer *find(struct push *push, uint64_t id)
{
    struct peer *p = push->peers;
    while (p && p->id != id)
        p = p->next;
    return p;
}

/* ---- who is there: asked of the records plane, like everybody's request ---- */

struct who {
    struct push *push;
    uint64_t peer;
    int error;
    char person[ID_TEXT_BYTES];
};

static void who_known(void *arg)
{
    struct who *w = arg;
    struct peer *p = find(w->push, w->peer);
    if (p) {
        p->asking = false;
        snprintf(p->person, sizeof p->person, "%s", w->person);
        if (p->waiting_id && w->person[0]) {
            p->topics = p->waiting;
            answer(p, p->waiting_id, json_object());
        } else if (p->waiting_id)
            refuse(p, p->waiting_id, ERR_UNAUTHENTICATED, "no_session", "Sign in first.");
        else if (!w->person[0] && w->error == ERR_UNAUTHENTICATED && p->topics) {
            send_json(p->ws, json_pack("{s:s,s:i,s:{}}", "event", "session.ended", "seq", 0, "data"));
            net_ws_close(p->ws, 4001);
        }
        p->waiting_id = 0;
    }
    free(w);
}

static void who_answered(void *ctx, struct reply *reply)
{
    struct who *w = ctx;
    json_t *me = reply->result;
    const char *stage = json_string_value(json_object_get(me, "stage"));
    const char *id = json_string_value(json_object_get(json_object_get(me, "person"), "id"));
    w->error = reply->error;
    if (stage && id && strcmp(stage, "ready") == 0)
        snprintf(w->person, sizeof w->person, "%s", id);
    reply_clear(reply);
    if (net_post(w->push->net, who_known, w))
        free(w); /* the loop is over */
}

static void ask_who(struct peer *p)
{
    struct who *w = calloc(1, sizeof *w);
    struct call call = {.op = "session.get", .credential = p->credential};
    if (p->asking || !w) {
        free(w);
        return;
    }
    w->push = p->push;
    w->peer = p->id;
    p->asking = true;
    if (records_submit(p->push->records, &call, who_answered, w)) {
        p->asking = false;
        free(w);
    }
}

static void check_all(void *arg)
{
    struct push *push = arg;
    for (struct peer *p = push->peers; p; p = p->next)
        if (p->topics)
            ask_who(p);
    net_timer_start(push->net, CHECK_MS, check_all, push);
}

/* ---- verbs ---- */

static void verb_ping(struct peer *p, int64_t id, const json_t *args)
{
    (void)args;
    answer(p, id, json_object());
}

static void verb_subscribe(struct peer *p, int64_t id, const json_t *args)
{
    json_t *one, *list = json_object_get(args, "topics");
    unsigned wanted = 0;
    size_t i;
    if (!json_is_array(list)) {
        refuse(p, id, ERR_INVALID, "topics", "topics: a list of names.");
        return;
    }
    json_array_foreach(list, i, one) for (size_t t = 0; t < N_TOPICS; t++)
        if (json_is_string(one) && strcmp(json_string_value(one), topics[t].name) == 0)
            wanted |= topics[t].bit;
    if (p->waiting_id) {
        refuse(p, id, ERR_RATE, "busy", "The subscription before is not answered yet.");
        return;
    }
    p->waiting = wanted;
    p->waiting_id = id;
    ask_who(p);
}

static const struct {
    const char *name;
    void (*run)(struct peer *p, int64_t id, const json_t *args);
} verbs[] = {{"ping", verb_ping}, {"push.subscribe", verb_subscribe}};

static void on_message(void *ctx, struct net_ws *ws, void *user, const char *text, size_t len)
{
    struct peer *p = user;
    json_t *m = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    int64_t id = json_integer_value(json_object_get(m, "id"));
    const char *verb = json_string_value(json_object_get(m, "verb"));
    (void)ctx;
    if (id <= 0 || !verb)
        net_ws_close(ws, 4000);
    else {
        size_t i = 0;
        while (i < sizeof verbs / sizeof *verbs && strcmp(verbs[i].name, verb))
            i++;
        if (i < sizeof verbs / sizeof *verbs)
            verbs[i].run(p, id, json_object_get(m, "args"));
        else
            refuse(p, id, ERR_NOT_FOUND, "no_verb", "There is no such verb.");
    }
    json_decref(m);
}

static void *on_open(void *ctx, struct net_ws *ws, const struct net_ws_info *info)
{
    struct push *push = ctx;
    struct peer *p = calloc(1, sizeof *p);
    if (!p || strlen(info->credential) >= sizeof p->credential)
        return free(p), NULL;
    p->push = push;
    p->ws = ws;
    p->id = id_new();
    snprintf(p->credential, sizeof p->credential, "%s", info->credential);
    p->next = push->peers;
    push->peers = p;
    metric_add(push->open, 1);
    return p;
}

static void on_close(void *ctx, struct net_ws *ws, void *user, int code)
{
    struct push *push = ctx;
    struct peer **at = &push->peers, *p = user;
    (void)ws;
    (void)code;
    while (*at && *at != p)
        at = &(*at)->next;
    if (*at)
        *at = p->next;
    metric_add(push->open, -1);
    explicit_bzero(p->credential, sizeof p->credential);
    free(p);
}

/* ---- changes ---- */

struct news {
    struct push *push;
    struct records_change change;
};

static void tell(void *arg)
{
    struct news *n = arg;
    size_t t = 0;
    while (t < N_TOPICS && strcmp(topics[t].name, n->change.topic))
        t++;
    json_t *data = t < N_TOPICS ? json_loads(n->change.payload, 0, NULL) : NULL;
    bool personal = t < N_TOPICS && topics[t].bit == TOPIC_NOTICE;
    for (struct peer *p = data ? n->push->peers : NULL; p; p = p->next)
        if (p->topics & (topics[t].bit | topics[t].with) && p->person[0] && (!personal || strcmp(p->person, n->change.key) == 0))
            send_json(p->ws, json_pack("{s:s,s:I,s:O}", "event", topics[t].event, "seq", (json_int_t)n->change.seq, "data", data));
    json_decref(data);
    free(n);
}

void push_change(struct push *p, const struct records_change *change)
{
    struct news *n = malloc(sizeof *n);
    if (!n)
        return;
    n->push = p;
    n->change = *change;
    if (net_post(p->net, tell, n))
        free(n); /* the loop is over */
}

int push_new(struct push **out, const struct push_config *config, struct fault *f)
{
    struct push *p = calloc(1, sizeof *p);
    *out = p;
    if (!p)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    p->net = config->net;
    p->records = config->records;
    p->open = metric_gauge("yilian_signaling_connections", "open WebSocket connections", NULL);
    struct net_ws_events events = {.ctx = p, .on_open = on_open, .on_message = on_message, .on_close = on_close};
    net_ws_serve(p->net, &events);
    net_timer_start(p->net, CHECK_MS, check_all, p);
    return 0;
}

void push_free(struct push *p)
{
    free(p);
}
