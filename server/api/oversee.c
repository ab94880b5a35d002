#include "server/api/oversee.h"
#include "server/base/clock.h"
#include "server/base/crypto.h"
#include "server/room/desk.h"
#include <stdlib.h>
#include <string.h>

#define GRANTS_MAX 64
#define GRANT_MS 60000

struct grant {
    uint8_t credential[SHA256_BYTES];
    uint64_t room; /* 0 = the list */
    int64_t until_ms;
};
struct oversee {
    struct desk *desk;
    struct grant grants[GRANTS_MAX];
    unsigned next;
};

struct oversee *oversee_new(struct desk *desk)
{
    struct oversee *o = calloc(1, sizeof *o);
    if (o) o->desk = desk;
    return o;
}

void oversee_free(struct oversee *o)
{
    free(o);
}

bool oversee_serves(const char *op)
{
    return strcmp(op, "room.live") == 0 || strcmp(op, "room.live_get") == 0;
}

static uint64_t id_of(const json_t *o, const char *name)
{
    uint64_t id = 0;
    const char *text = json_string_value(json_object_get(o, name));
    return text && id_parse(text, &id) == 0 ? id : 0;
}

static void hash_of(const struct net_request *r, uint8_t out[SHA256_BYTES])
{
    bool by_cookie;
    const char *credential = net_request_credential(r, &by_cookie);
    crypto_sha256(credential, strlen(credential), out);
}

static void surveyed(void *ctx, const struct fault *f, json_t *room)
{
    struct net_request *r = ctx;
    net_reply_header(r, "Cache-Control", "no-store");
    if (f) {
        net_reply_fault(r, f);
        return;
    }
    char *text = json_dumps(room, JSON_COMPACT);
    json_decref(room);
    if (!text) abort();
    net_reply_taken(r, 200, "application/json", text, strlen(text));
}

static void reply(struct oversee *o, struct net_request *r, uint64_t room, uint64_t seat)
{
    if (room) desk_survey(o->desk, &(struct desk_survey_ask){room, seat}, surveyed, r);
    else surveyed(r, NULL, desk_rooms(o->desk));
}

bool oversee_again(struct oversee *o, struct net_request *r, const char *op, const json_t *args)
{
    uint8_t hash[SHA256_BYTES];
    uint64_t room = id_of(args, "room_id");
    int64_t now_ms = clock_now_ms(&clock_system);
    if ((strcmp(op, "room.live_get") == 0) != (room != 0) || json_object_size(args) != (size_t)(room != 0) + (id_of(args, "seat_id") != 0)) return false;
    hash_of(r, hash);
    for (size_t i = 0; i < GRANTS_MAX; i++) {
        const struct grant *g = &o->grants[i];
        if (g->until_ms <= now_ms || g->room != room || memcmp(g->credential, hash, sizeof hash) != 0) continue;
        reply(o, r, room, id_of(args, "seat_id"));
        return true;
    }
    return false;
}

void oversee_answer(struct oversee *o, struct net_request *r, const char *op, const json_t *result)
{
    uint64_t room = strcmp(op, "room.live_get") == 0 ? id_of(result, "room_id") : 0;
    struct grant *g = &o->grants[o->next++ % GRANTS_MAX];
    hash_of(r, g->credential);
    g->room = room;
    g->until_ms = clock_now_ms(&clock_system) + GRANT_MS;
    reply(o, r, room, id_of(result, "seat_id"));
}
