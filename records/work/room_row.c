/* Rows of rooms and tickets, secrets, and the question whether somebody may sit in a room (room_row.h). */
#include "records/work/room_row.h"
#include "records/store/sealed.h"
#include "server/base/crypto.h"
#include "server/base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- secrets ---- */
void room_secret_hash(const char *secret, char hash[ROOM_HASH_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    crypto_sha256(secret, strlen(secret), digest);
    if (hex_encode(digest, sizeof digest, hash, ROOM_HASH_BYTES) < 0)
        abort(); /* the buffer is made for it */
}

void room_secret(char secret[ROOM_SECRET_BYTES], char hash[ROOM_HASH_BYTES])
{
    uint8_t random[32];
    crypto_random(random, sizeof random);
    if (base64url_encode(random, sizeof random, secret, ROOM_SECRET_BYTES) < 0)
        abort();
    explicit_bzero(random, sizeof random);
    room_secret_hash(secret, hash);
}

/* ---- rooms ---- */
static bool room_take(struct query *q, struct room_row *out)
{
    memset(out, 0, sizeof *out);
    if (!query_next(q))
        return false;
    out->id.v = (uint64_t)query_int(q, "id");
    out->case_id.v = (uint64_t)query_int(q, "case_id");
    TEXT_COPY(out->name, query_text(q, "name"));
    out->started_ms = query_int(q, "started_ms");
    out->ended_ms = query_int(q, "ended_ms");
    out->log_lines = query_int(q, "log_lines");
    return true;
}

int room_load(struct op_ctx *ctx, uint64_t id, struct room_row *out)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM room WHERE id=$1", "i", (int64_t)id);
    bool found = room_take(q, out);
    int rc = query_end(q);
    return rc ? rc : found ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "room", "There is no such room.");
}

int room_by_word(struct op_ctx *ctx, const char *word, struct room_row *out, bool *found)
{
    uint64_t id = 0;
    bool is_id = id_parse(word, &id) == 0;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM room WHERE name=$1 OR id=$2 ORDER BY id LIMIT 1", "ti", word,
                               (int64_t)(is_id ? id : 0));
    *found = room_take(q, out);
    return query_end(q);
}

struct room_id room_of_case(struct tx *tx, struct case_id id)
{
    return (struct room_id){
        (uint64_t)tx_int(tx, 0, "SELECT MAX(id) FROM room WHERE case_id=$1 AND ended_ms=0", "i", (int64_t)id.v)};
}

int room_insert(struct op_ctx *ctx, struct case_id case_id, const char *name, struct room_row *out)
{
    *out = (struct room_row){.id = {id_new()}, .case_id = case_id};
    TEXT_COPY(out->name, name);
    return tx_exec(ctx->tx,
                   "INSERT INTO room (id, case_id, name, created_ms, started_ms, ended_ms, log_lines) "
                   "VALUES ($1,$2,$3,$4,0,0,0)",
                   "iiti", (int64_t)out->id.v, (int64_t)case_id.v, out->name, ctx->now_ms);
}

/* The case's number; its second room (another session) gets "-2". */
int room_of_case_make(struct op_ctx *ctx, struct case_id id, const char *number, struct room_row *out)
{
    struct room_id live = room_of_case(ctx->tx, id);
    char name[72];
    if (live.v)
        return room_load(ctx, live.v, out);
    TEXT_COPY(name, number);
    for (int n = 2; tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM room WHERE name=$1", "t", name) && n < 1000; n++)
        snprintf(name, sizeof name, "%s-%d", number, n);
    return room_insert(ctx, id, name, out);
}

int room_end(struct op_ctx *ctx, const struct room_row *room)
{
    if (room->ended_ms)
        return 0;
    tx_exec(ctx->tx, "UPDATE room SET ended_ms=$2 WHERE id=$1", "ii", (int64_t)room->id.v, ctx->now_ms);
    return tx_exec(ctx->tx, "UPDATE room_ticket SET revoked_ms=$2 WHERE room_id=$1 AND revoked_ms=0", "ii", (int64_t)room->id.v,
                   ctx->now_ms);
}

/* ---- tickets ---- */
static bool ticket_take(struct query *q, struct ticket_row *out)
{
    memset(out, 0, sizeof *out);
    if (!query_next(q))
        return false;
    out->id = (uint64_t)query_int(q, "id");
    out->seat = (uint64_t)query_int(q, "seat_id");
    out->room.v = (uint64_t)query_int(q, "room_id");
    out->case_id.v = (uint64_t)query_int(q, "case_id");
    out->person.v = (uint64_t)query_int(q, "person_id");
    out->org.v = (uint64_t)query_int(q, "org_id");
    out->dept.v = (uint64_t)query_int(q, "dept_id");
    TEXT_COPY(out->role, query_text(q, "role"));
    TEXT_COPY(out->name, query_sealed(q, "name", SEALED_TICKET_NAME, out->id, out->room.v));
    TEXT_COPY(out->title, query_sealed(q, "title", SEALED_TICKET_TITLE, out->id, out->room.v));
    TEXT_COPY(out->resume_hash, query_text(q, "resume_hash"));
    out->admitted = query_int(q, "admitted");
    out->created_ms = query_int(q, "created_ms");
    out->expires_ms = query_int(q, "expires_ms");
    out->revoked_ms = query_int(q, "revoked_ms");
    return true;
}

int ticket_by_hash(struct tx *tx, const char *hash, struct ticket_row *out)
{
    struct query *q = tx_query(tx, "SELECT * FROM room_ticket WHERE token_hash=$1", "t", hash);
    ticket_take(q, out);
    return query_end(q);
}

int ticket_by_person(struct tx *tx, struct room_id room, struct person_id person, struct ticket_row *out)
{
    struct query *q = tx_query(tx, "SELECT * FROM room_ticket WHERE room_id=$1 AND person_id=$2 ORDER BY id LIMIT 1", "ii",
                               (int64_t)room.v, (int64_t)person.v);
    ticket_take(q, out);
    return query_end(q);
}

int ticket_by_seat(struct tx *tx, struct room_id room, uint64_t seat, struct ticket_row *out)
{
    struct query *q =
        tx_query(tx, "SELECT * FROM room_ticket WHERE room_id=$1 AND seat_id=$2", "ii", (int64_t)room.v, (int64_t)seat);
    ticket_take(q, out);
    return query_end(q);
}

int tickets_of_room(struct tx *tx, struct room_id room, struct ticket_row out[ROOM_TICKETS_MAX], size_t *n)
{
    struct query *q = tx_query(tx, "SELECT * FROM room_ticket WHERE room_id=$1 ORDER BY id LIMIT $2", "ii", (int64_t)room.v,
                               (int64_t)ROOM_TICKETS_MAX);
    for (*n = 0; *n < ROOM_TICKETS_MAX && ticket_take(q, &out[*n]);)
        ++*n;
    return query_end(q);
}

int ticket_insert(struct op_ctx *ctx, const struct ticket_row *t, const char *hash)
{
    return tx_exec(ctx->tx,
                   "INSERT INTO room_ticket (id, token_hash, room_id, case_id, person_id, role, name, title, org, seat_id, "
                   "resume_hash, admitted, created_ms, expires_ms, revoked_ms, org_id, dept_id) "
                   "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,'',$9,'',0,$10,$11,0,$12,$13)",
                   "itiiitssiiiii", (int64_t)t->id, hash, (int64_t)t->room.v, (int64_t)t->case_id.v, (int64_t)t->person.v,
                   t->role, SEALED(TICKET_NAME, t->id, t->room.v, t->name), SEALED(TICKET_TITLE, t->id, t->room.v, t->title),
                   (int64_t)t->seat, ctx->now_ms, t->expires_ms, (int64_t)t->org.v,
                   (int64_t)t->dept.v);
}

/* ---- may he sit there? ---- */
static int find_as(struct op_ctx *ctx, const struct actor *as, struct case_id id, struct consultation_room *out)
{
    struct op_ctx asked = *ctx;
    asked.actor = as;
    int rc = consultation_room_find(&asked, id, out);
    ctx->audit.patient = asked.audit.patient;
    ctx->audit.object = id.v;
    return rc;
}

int room_case(struct op_ctx *ctx, struct case_id id, struct consultation_room *out)
{
    struct actor system = {.system = true, .name = "system"};
    return find_as(ctx, &system, id, out);
}

int ticket_case(struct op_ctx *ctx, const struct ticket_row *t, struct consultation_room *out)
{
    struct actor as = {.person = t->person, .org = t->org, .dept = t->dept};
    if (!t->person.v)
        return room_case(ctx, t->case_id, out);
    int rc = find_as(ctx, &as, t->case_id, out);
    if (rc == ERR_DENIED)
        fault_clear(ctx->fault);
    if (rc && rc != ERR_DENIED)
        return rc;
    return rc || out->seat == SEAT_NONE
               ? fault_set(ctx->fault, ERR_DENIED, "no_seat", "This person has no seat in the room of this case.")
               : 0;
}

int room_not_open(struct op_ctx *ctx, const struct consultation_room *c)
{
    bool later = c->opens_ms > ctx->now_ms;
    int rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "room_not_open", "%s",
                       later ? "The room is not open yet." : "The room is not open: no session is waiting or running.");
    if (later)
        fault_field(ctx->fault, "room.opens_ms", "%lld", (long long)c->opens_ms);
    return rc;
}

/* Ten minutes past the booked end; a session nobody booked, or one that runs long, has twelve hours. */
int64_t ticket_until(const struct consultation_room *c, int64_t now_ms)
{
    int64_t booked = c->end_ms ? c->end_ms + ROOM_LATE_MS : 0;
    return booked > now_ms ? booked : now_ms + ROOM_TICKET_MS;
}

const char *seat_word(enum consultation_seat seat)
{
    static const char *const words[] = {"", "host", "expert", "member"};
    return words[seat];
}

/* ---- log and news ---- */
int room_log(struct op_ctx *ctx, struct room_id room, const char *kind, const struct ticket_row *who, const char *detail)
{
    tx_exec(ctx->tx, "UPDATE room SET log_lines=log_lines+1 WHERE id=$1", "i", (int64_t)room.v);
    return tx_exec(ctx->tx, "INSERT INTO room_log (id, room_id, t_ms, kind, seat_id, person_id, detail) VALUES ($1,$2,$3,$4,$5,$6,$7)",
                   "iiitiit", (int64_t)id_new(), (int64_t)room.v, ctx->now_ms, kind, (int64_t)(who ? who->seat : 0),
                   (int64_t)(who ? who->person.v : 0), detail);
}

int room_tell_revoked(struct op_ctx *ctx, struct room_id room, uint64_t seat)
{
    char key[ID_TEXT_BYTES], seat_text[ID_TEXT_BYTES], payload[64];
    id_format(room.v, key);
    id_format(seat, seat_text);
    snprintf(payload, sizeof payload, "{\"revoked\":\"%s\"}", seat_text);
    return tx_feed(ctx->tx, "room", key, payload);
}
