/* A WebSocket message from its text through the schema of its verb into the verb's function, against a desk that only looks at what it was
 * given. The functions below stand in for signaling.c, desk*.c and ask.c: nothing of a network or a database is linked. */
#include "server/signaling/signaling.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int answers; /* of the message that is run */

/* ---- signaling.c ---- */
struct net *signaling_net(struct signaling *s) { return NULL; }
struct asker *signaling_asker(struct signaling *s) { return NULL; }
struct connection *signaling_find(struct signaling *s, uint64_t id) { return NULL; }
struct connection *signaling_first(struct signaling *s) { return NULL; }
struct desk *signaling_desk(struct signaling *s) { return NULL; }
json_t *signaling_ice_servers(const struct signaling *s, const char *who) { return json_array(); }
bool connection_may_ask(struct connection *c, int64_t id) { return true; }
void connection_wrong(struct connection *c, const struct fault *f) {}

void connection_answer(struct connection *c, int64_t id, json_t *result)
{
    if (!result) abort();
    answers++;
    json_decref(result);
}

void connection_refuse(struct connection *c, int64_t id, const struct fault *f)
{
    if (!f->code) abort(); /* a refusal says why */
    answers++;
}

void connection_event(struct connection *c, const char *event, json_t *data)
{
    json_decref(data);
}

void connection_send(struct connection *c, json_t *message)
{
    json_decref(message);
}

void connection_identify(struct connection *c, int64_t id, const json_t *args, void (*then)(struct connection *c, int64_t id, const json_t *args))
{
    then(c, id, args);
}

/* ---- the desk ---- */
static int refuse(struct fault *f)
{
    return fault_set(f, ERR_NOT_ALLOWED_NOW, "not_joined", "Join a room first.");
}

static void text(const char *t)
{
    if (!t || strlen(t) > SDP_TEXT_MAX) abort();
}

static int description(const char *t, struct fault *f)
{
    struct sdp *s;
    text(t);
    int rc = sdp_parse(&s, t, strlen(t), f);
    if (rc == 0) sdp_free(s);
    return rc ? rc : refuse(f);
}

void desk_join(struct desk *d, const struct desk_join *j, desk_join_done done, void *ctx)
{
    struct fault f = {0};
    text(j->ticket);
    text(j->resume);
    text(j->device);
    answers++;
    fault_set(&f, ERR_DENIED, "ticket_unknown", "unknown");
    done(ctx, &f, NULL);
}

int desk_act(struct desk *d, uint64_t client, const struct room_event *e, struct fault *f)
{
    if (e->source >= SOURCE_COUNT || e->type > ROOM_TICK || e->seat) abort(); /* the desk fills the seat in */
    if (e->type == ROOM_SHOW && e->on && (!(e->show.zoom >= 0 && e->show.zoom <= 100) || e->show.page < 1)) abort();
    return e->on ? 0 : refuse(f);
}

int desk_publish(struct desk *d, uint64_t client, const char *sdp, const struct uplink_source *sources, size_t n, char **answer, struct fault *f)
{
    for (size_t i = 0; i < n; i++)
        if (sources[i].source >= SOURCE_COUNT || !sources[i].mid[0] || strlen(sources[i].mid) > 15 * 4) abort();
    return description(sdp, f);
}

int desk_subscribe(struct desk *d, uint64_t client, const struct desk_wish *wishes, int n_wishes, bool fresh, struct fault *f)
{
    for (int i = 0; i < n_wishes; i++)
        if (wishes[i].max_height < 0 || wishes[i].max_height > 8192) abort();
    return n_wishes > 64 ? (abort(), 1) : 0;
}

int desk_answer(struct desk *d, uint64_t client, const char *sdp, int version, struct fault *f)
{
    if (version < 1) abort();
    return description(sdp, f);
}

int desk_steer(struct desk *d, uint64_t client, uint64_t track, int layer, int pause, struct fault *f)
{
    if (layer < -1 || layer > 2 || pause < -1 || pause > 1) abort();
    return 0;
}

int desk_still(struct desk *d, uint64_t client, enum room_source source, const char *base64, struct fault *f)
{
    text(base64);
    return source < SOURCE_COUNT ? 0 : (abort(), 1);
}

int desk_seated(struct desk *d, uint64_t client, struct fault *f) { return refuse(f); }
int desk_restart_down(struct desk *d, uint64_t client, struct fault *f) { return refuse(f); }
int desk_mode(struct desk *d, uint64_t client, enum room_mode mode, struct fault *f) { return mode <= MODE_AUDIO_ONLY ? 0 : (abort(), 1); }
int desk_stats(struct desk *d, uint64_t client, const json_t *stats, struct fault *f) { return 0; }
void desk_device(struct desk *d, const struct desk_device_ask *a, desk_device_done done, void *ctx) { done(ctx, NULL); }
int desk_echo(struct desk *d, uint64_t client, const char *sdp, char **answer, struct fault *f) { return description(sdp, f); }

void ask_system(struct asker *a, const char *op, json_t *args, ask_done done, void *ctx)
{
    struct reply reply = {.error = ERR_DENIED};
    answers++;
    json_decref(args);
    done(ctx, &reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct connection c = {.id = 1};
    struct message m;
    struct fault f = {0};
    int rc = message_read(&m, (const char *)data, size, &f);
    if ((rc != 0) != (f.code != 0)) abort();
    answers = 0;
    if (size && (data[0] & 1)) snprintf(c.person, sizeof c.person, "00000000000000ab");
    if (rc == 0) {
        m.verb->run(&c, m.id, m.args);
        if (answers != 1) abort(); /* every request has one answer */
    }
    message_clear(&m);
    return 0;
}
