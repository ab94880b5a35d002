/* Machine tokens: an encoder or a player gets into one room, for some minutes (WHIP and WHEP, yilianctl token). */
#include "records/parts.h"
#include "records/records.h"
#include "records/work/room_row.h"
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 64

static bool name_ok(const char *name)
{
    size_t n = strlen(name);
    return n >= 1 && n <= NAME_MAX_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-") == n;
}

/* The room of that name or id; a new name makes a room of its own. Such a room opens again after its end, a case's does not. */
static int room_for_token(struct op_ctx *ctx, const char *word, struct room_row *room)
{
    uint64_t id;
    bool found;
    int rc = room_by_word(ctx, word, room, &found);
    if (rc)
        return rc;
    if (found && room->ended_ms && room->case_id.v)
        return fault_set(ctx->fault, ERR_GONE, "room_closed", "This room has ended.");
    if (found && room->ended_ms)
        return tx_exec(ctx->tx, "UPDATE room SET ended_ms=0 WHERE id=$1", "i", (int64_t)room->id.v);
    if (found)
        return 0;
    if (id_parse(word, &id) == 0)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "room", "There is no room with this id.");
    if (!name_ok(word))
        return fault_field(ctx->fault, "room", "characters:A-Za-z0-9._~-");
    return room_insert(ctx, (struct case_id){0}, word, room);
}

int room_token(struct op_ctx *ctx, json_t *args, json_t **result)
{
    bool publish = json_is_true(json_object_get(args, "publish")), watch = json_is_true(json_object_get(args, "watch"));
    char secret[ROOM_SECRET_BYTES], hash[ROOM_HASH_BYTES];
    int64_t until = ctx->now_ms + arg_int(args, "minutes", 60) * 60000;
    struct room_row room;
    if (!publish && !watch)
        return fault_field(ctx->fault, "publish", "publish_or_watch");
    int rc = room_for_token(ctx, arg_text(args, "room"), &room);
    if (rc)
        return rc;
    room_secret(secret, hash);
    rc = tx_exec(ctx->tx,
                 "INSERT INTO room_token (id, token_hash, room_id, publish, watch, created_ms, expires_ms) "
                 "VALUES ($1,$2,$3,$4,$5,$6,$7)",
                 "itiiiii", (int64_t)id_new(), hash, (int64_t)room.id.v, (int64_t)publish, (int64_t)watch, ctx->now_ms, until);
    ctx->audit.object = room.case_id.v ? room.case_id.v : room.id.v;
    ctx->audit.patient = room.case_id.v ? consultation_patient(ctx->tx, room.case_id).v : 0;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s%s", publish ? "publish " : "", watch ? "watch" : "");
    if (rc == 0)
        *result = json_pack("{s:s,s:o,s:s,s:I}", "token", secret, "room_id", json_id(room.id.v), "name", room.name, "expires_ms",
                            (json_int_t)until);
    explicit_bzero(secret, sizeof secret);
    return rc;
}

struct token_row {
    uint64_t room;
    bool publish, watch;
    int64_t expires_ms;
};

static int find_token(struct op_ctx *ctx, const char *token, struct token_row *out)
{
    char hash[ROOM_HASH_BYTES];
    memset(out, 0, sizeof *out);
    room_secret_hash(token, hash);
    struct query *q =
        tx_query(ctx->tx, "SELECT room_id, publish, watch, expires_ms FROM room_token WHERE token_hash=$1", "t", hash);
    if (query_next(q))
        *out = (struct token_row){(uint64_t)query_int(q, "room_id"), query_int(q, "publish"), query_int(q, "watch"),
                                  query_int(q, "expires_ms")};
    int rc = query_end(q);
    if (rc == 0 && !out->room)
        rc = fault_set(ctx->fault, ERR_UNAUTHENTICATED, "token_unknown", "This token is not known.");
    if (rc == 0 && out->expires_ms <= ctx->now_ms)
        rc = fault_set(ctx->fault, ERR_UNAUTHENTICATED, "token_expired", "This token is over.");
    return rc;
}

int room_token_check(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *word = arg_text(args, "room");
    struct token_row t;
    struct room_row room;
    uint64_t id = 0;
    int rc = find_token(ctx, arg_text(args, "token"), &t);
    rc = rc ? rc : room_load(ctx, t.room, &room);
    if (rc)
        return rc;
    ctx->audit.object = room.case_id.v ? room.case_id.v : room.id.v;
    if (word && strcmp(word, room.name) != 0 && (id_parse(word, &id) || id != room.id.v))
        return fault_set(ctx->fault, ERR_DENIED, "other_room", "This token is for another room.");
    if (room.ended_ms)
        return fault_set(ctx->fault, ERR_GONE, "room_closed", "This room has ended.");
    *result = json_pack("{s:o,s:o,s:s,s:b,s:b,s:I}", "room_id", json_id(room.id.v), "case_id", json_id(room.case_id.v), "name",
                        room.name, "publish", t.publish, "watch", t.watch, "expires_ms", (json_int_t)t.expires_ms);
    return 0;
}

/* Staff watch a lecture room by their session. A room of a case is entered with a seat, where everybody sees who is there. */
int room_watch(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct room_row room;
    bool found;
    int rc = room_by_word(ctx, arg_text(args, "room"), &room, &found);
    if (rc == 0 && !found)
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "room", "There is no room of this name.");
    if (rc)
        return rc;
    ctx->audit.object = room.case_id.v ? room.case_id.v : room.id.v;
    if (room.case_id.v)
        return fault_set(ctx->fault, ERR_DENIED, "case_room", "A consultation is no lecture; it is entered with a seat.");
    if (room.ended_ms)
        return fault_set(ctx->fault, ERR_GONE, "room_closed", "This room has ended.");
    *result = json_pack("{s:o,s:s,s:b,s:I}", "room_id", json_id(room.id.v), "name", room.name, "watch", 1, "expires_ms",
                        (json_int_t)(ctx->now_ms + ROOM_TICKET_MS));
    return 0;
}

const struct field room_watch_args[] = {{"room", FIELD_TEXT, true, 1, 64, .help = "name or id"}, {0}};
const struct field room_token_args[] = {{"room", FIELD_TEXT, true, 1, 64, .help = "name or id; a new name makes a room"},
                                        {"publish", FIELD_BOOL, .help = "may send (WHIP)"},
                                        {"watch", FIELD_BOOL, .help = "may receive (WHEP)"},
                                        {"minutes", FIELD_INT, false, 1, 10080, .help = "how long it is good"},
                                        {0}};
const struct field room_token_check_args[] = {{"token", FIELD_TEXT, true, 1, 100, .help = "as issued"},
                                              {"room", FIELD_TEXT, false, 1, 64, .help = "name or id it is used for"},
                                              {0}};

int records_room_token(struct records *r, const struct records_room_token *want, char token[RECORDS_TOKEN_BYTES], struct fault *f)
{
    json_t *args = json_pack("{s:s,s:b,s:b,s:i}", "room", want->room, "publish", want->publish, "watch", want->watch, "minutes",
                             want->minutes);
    struct call call = {.op = "room.token", .credential = records_system_credential(r), .args = args};
    struct reply reply;
    if (!args)
        return fault_field(f, "room", "not_utf8");
    records_call(r, &call, &reply);
    json_decref(args);
    int rc = reply.error;
    if (rc == 0)
        snprintf(token, RECORDS_TOKEN_BYTES, "%s", json_string_value(json_object_get(reply.result, "token")));
    else if (f)
        *f = reply.fault;
    reply_clear(&reply);
    return rc;
}
