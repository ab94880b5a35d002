/* signaling - the WebSocket at /ws: connections, and the one table of verbs (docs/protocol/signaling.md).
 *
 * A verb is a row: name, the schema of its arguments, its function. The table is checked against on every message and printed as JSON
 * Schema (docs/protocol/signaling.schema.json, compared by a test). Event thread only, but signaling_change, which the records plane
 * calls on its own threads. Connections are named by numbers: a late answer for a closed one is a look-up miss.
 */
#ifndef YL_SERVER_SIGNALING_SIGNALING_H
#define YL_SERVER_SIGNALING_SIGNALING_H

#include "records/ops/op.h"
#include "records/records.h"
#include "server/net/net.h"
#include "server/room/desk.h"
#include "server/session/ask.h"
#include "server/session/guard.h"
#include "server/session/relay.h"
#include <uthash.h>

struct signaling;
struct signaling_config {
    struct net *net;
    struct records *records;
    struct guard *guard; /* of tickets that are not good; the caller's */
    const struct relay *relay; /* the caller's */
    const char *layered;       /* option room.layered */
};
/* Registers itself at net's /ws and makes the desk. Before net_run. */
YL_CHECKED int signaling_new(struct signaling **out, const struct signaling_config *config, struct fault *f);
void signaling_shut(struct signaling *s); /* after net_shut: nothing is asked of the records plane any more */
void signaling_free(struct signaling *s); /* after net_free */
struct desk *signaling_desk(struct signaling *s);
void signaling_media(struct signaling *s, struct media *m); /* before net_run: the media plane tells the desk, so it opens later */
/* One committed change; any thread. */
void signaling_change(struct signaling *s, const struct records_change *change);

/* ---- for the verbs ---- */
struct connection {
    UT_hash_handle hh; /* by id */
    struct signaling *owner;
    struct net_ws *ws;
    uint64_t id;
    char credential[200];
    char person[ID_TEXT_BYTES]; /* "" = not (yet) known to be signed in */
    uint64_t org;               /* for which he acts; 0 = none */
    unsigned topics, may;       /* push.c: asked for; open to the roles of who is signed in */
    bool joined;                /* live.c: had a seat at some time */
    bool joining;               /* live.c: a ticket of it is being looked at */
    unsigned wrong;             /* tickets of it that were not good */
    char address[64];
    int64_t seq;                /* of the events of its seat */
};

struct verb {
    const char *name;
    const struct field *args; /* NULL = none */
    void (*run)(struct connection *c, int64_t id, const json_t *args); /* args were checked */
    const char *summary;
};
unsigned push_topics_of(const json_t *rights); /* push.c: what is open to who has them */
extern const struct verb push_verbs[], live_verbs[], media_verbs[]; /* each ended by a NULL name */
extern const struct verb *const verb_tables[];                      /* all of them, ended by NULL */

/* message.c: one text frame, taken apart and checked against the table. Pure. */
struct message {
    json_t *root;
    int64_t id;
    const struct verb *verb;
    json_t *args; /* of root, or an empty object */
};
/* ERR_MALFORMED: no message at all, nobody can be answered. Else the id is known: ERR_NOT_FOUND no_verb, ERR_INVALID with the members
 * in f. message_clear either way. */
YL_CHECKED int message_read(struct message *out, const char *text, size_t len, struct fault *f);
void message_clear(struct message *m);

static inline const char *verb_text(const json_t *args, const char *name) /* "" when absent */
{
    const char *v = arg_text(args, name);
    return v ? v : "";
}

struct net *signaling_net(struct signaling *s);
struct asker *signaling_asker(struct signaling *s);
json_t *signaling_ice_servers(const struct signaling *s, const char *who); /* RTCIceServer[] of the WebRTC API; new reference */
struct connection *signaling_find(struct signaling *s, uint64_t id); /* NULL: closed */
struct connection *signaling_first(struct signaling *s); /* the others by hh.next */
void connection_answer(struct connection *c, int64_t id, json_t *result); /* takes result */
void connection_refuse(struct connection *c, int64_t id, const struct fault *f);
void connection_event(struct connection *c, const char *event, json_t *data); /* takes data; seq of its seat */
void connection_send(struct connection *c, json_t *message);              /* takes message */
/* Asks who is signed in on it, then goes on with the same request; a closed connection is passed over. c->person tells. */
void connection_identify(struct connection *c, int64_t id, const json_t *args, void (*then)(struct connection *c, int64_t id, const json_t *args));

/* false: too many wrong tickets came of this address, the request was refused. */
YL_CHECKED bool connection_may_ask(struct connection *c, int64_t id);
/* The ticket it showed was not good: counted, and after too many the connection is closed (4029) behind the answer. */
void connection_wrong(struct connection *c, const struct fault *f);

/* push.c */
void push_change(struct signaling *s, const struct records_change *change); /* event thread */
/* live.c: the desk's voice */
bool live_alive(void *ctx, uint64_t client);
void live_tell(void *ctx, uint64_t client, const struct desk_tell *t);
void live_close(void *ctx, uint64_t client, int code);
/* live_json.c; all new references */
json_t *live_room(const struct room *r, const struct room_seat *to, bool seats);
json_t *live_seat(const struct room_seat *s);
json_t *live_quality(const struct room_quality *q);
json_t *live_show(const struct room *r, const struct room_seat *to);
/* schema.c: the whole table as one JSON Schema document; new reference. */
json_t *signaling_schema(void);
#endif
