/* Tickets: a person's seat in the room of a case, and the family's. */
#include "records/work/room_row.h"
#include "records/store/sealed.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

#define GUESTS_AT_ONCE 10
#define GUESTS_EVER 40 /* of one room */

/* ---- one's own ---- */
static int check_seat(struct op_ctx *ctx, struct case_id id, struct consultation_room *c)
{
    int rc = consultation_room_find(ctx, id, c);
    if (rc == 0 && c->seat == SEAT_NONE)
        rc = fault_set(ctx->fault, ERR_DENIED, "no_seat", "You have no seat in the room of this case.");
    return rc;
}

static int name_of_actor(struct op_ctx *ctx, struct ticket_row *t)
{
    struct query *q = tx_query(ctx->tx, "SELECT name, title FROM person WHERE id=$1", "i", (int64_t)ctx->actor->person.v);
    if (query_next(q)) {
        snprintf(t->name, sizeof t->name, "%s", query_text(q, "name"));
        snprintf(t->title, sizeof t->title, "%s", query_text(q, "title"));
    }
    return query_end(q);
}

/* Asking again gives a new secret for the same seat; who was shown the door gets another seat, which waits. */
static int renew(struct op_ctx *ctx, const struct ticket_row *old, const struct ticket_row *now, const char *hash)
{
    bool fresh = old->revoked_ms != 0;
    return tx_exec(ctx->tx,
                   "UPDATE room_ticket SET token_hash=$2, role=$3, name=$4, title=$5, org_id=$6, dept_id=$7, seat_id=$8, "
                   "resume_hash=$9, admitted=$10, created_ms=$11, expires_ms=$12, revoked_ms=0 WHERE id=$1",
                   "ittss" "iiitiii", (int64_t)old->id, hash, now->role, SEALED(TICKET_NAME, old->id, old->room.v, now->name),
                   SEALED(TICKET_TITLE, old->id, old->room.v, now->title), (int64_t)now->org.v,
                   (int64_t)now->dept.v, (int64_t)(fresh ? now->seat : old->seat), fresh ? "" : old->resume_hash,
                   (int64_t)(fresh ? 0 : old->admitted), ctx->now_ms, now->expires_ms);
}

static int room_ticket(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    char secret[ROOM_SECRET_BYTES], hash[ROOM_HASH_BYTES];
    struct consultation_room c;
    struct room_row room;
    struct ticket_row old;
    int rc = check_seat(ctx, id, &c);
    if (rc == 0 && !c.open)
        rc = room_not_open(ctx, &c);
    rc = rc ? rc : room_of_case_make(ctx, id, c.number, &room);
    rc = rc ? rc : ticket_by_person(ctx->tx, room.id, ctx->actor->person, &old);
    if (rc)
        return rc;
    struct ticket_row t = {.id = id_new(),
                           .seat = id_new(),
                           .room = room.id,
                           .case_id = id,
                           .person = ctx->actor->person,
                           .org = ctx->actor->org,
                           .dept = ctx->actor->dept,
                           .expires_ms = ticket_until(&c, ctx->now_ms)};
    snprintf(t.role, sizeof t.role, "%s", seat_word(c.seat));
    room_secret(secret, hash);
    rc = name_of_actor(ctx, &t);
    rc = rc ? rc : old.id ? renew(ctx, &old, &t, hash) : ticket_insert(ctx, &t, hash);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s", t.role);
    if (rc == 0)
        *result = json_pack("{s:s,s:o,s:s,s:I}", "ticket", secret, "room_id", json_id(room.id.v), "role", t.role, "expires_ms",
                            (json_int_t)t.expires_ms);
    explicit_bzero(secret, sizeof secret);
    return rc;
}

/* ---- the family's ---- */
static int check_host(struct op_ctx *ctx, struct case_id id, struct consultation_room *c)
{
    int rc = check_seat(ctx, id, c);
    if (rc == 0 && c->seat == SEAT_MEMBER)
        rc = fault_set(ctx->fault, ERR_DENIED, "not_host", "Guests are invited by a host or the expert.");
    return rc;
}

static int check_guests(struct op_ctx *ctx, struct room_id room)
{
    int64_t now = tx_int(ctx->tx, 0,
                         "SELECT COUNT(*) FROM room_ticket WHERE room_id=$1 AND role='guest' AND revoked_ms=0 AND expires_ms>$2",
                         "ii", (int64_t)room.v, ctx->now_ms);
    int64_t ever =
        tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM room_ticket WHERE room_id=$1 AND role='guest'", "i", (int64_t)room.v);
    if (now < GUESTS_AT_ONCE && ever < GUESTS_EVER)
        return 0;
    return fault_set(ctx->fault, ERR_RATE, "too_many_guests", "This room has enough guests; withdraw an invitation first.");
}

/* The link may go out as soon as the session is booked; it opens the door only while the room is open. */
static int room_guest(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    char secret[ROOM_SECRET_BYTES], hash[ROOM_HASH_BYTES], url[80];
    struct consultation_room c;
    struct room_row room;
    int rc = check_host(ctx, id, &c);
    if (rc == 0 && !c.open && c.end_ms + ROOM_LATE_MS <= ctx->now_ms)
        rc = room_not_open(ctx, &c);
    rc = rc ? rc : room_of_case_make(ctx, id, c.number, &room);
    rc = rc ? rc : check_guests(ctx, room.id);
    if (rc)
        return rc;
    struct ticket_row t = {.id = id_new(),
                           .seat = id_new(),
                           .room = room.id,
                           .case_id = id,
                           .role = "guest",
                           .expires_ms = ticket_until(&c, ctx->now_ms)};
    snprintf(t.name, sizeof t.name, "%s", arg_text(args, "name"));
    snprintf(t.title, sizeof t.title, "%s", arg_text(args, "relation"));
    room_secret(secret, hash);
    rc = ticket_insert(ctx, &t, hash);
    snprintf(url, sizeof url, "/guest#%s", secret);
    if (rc == 0)
        *result = json_pack("{s:s,s:o,s:I}", "url", url, "guest_id", json_id(t.id), "expires_ms", (json_int_t)t.expires_ms);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(url, sizeof url);
    return rc;
}

static int room_guest_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    struct consultation_room c;
    int rc = check_host(ctx, id, &c);
    if (rc)
        return rc;
    json_t *items = json_array();
    uint64_t room = room_of_case(ctx->tx, id).v;
    struct query *q = tx_query(ctx->tx,
                               "SELECT id, name, title, expires_ms, admitted FROM room_ticket WHERE room_id=$1 AND role='guest' "
                               "AND revoked_ms=0 AND expires_ms>$2 ORDER BY id",
                               "ii", (int64_t)room, ctx->now_ms);
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:o,s:s?,s:s?,s:I,s:b}", "guest_id", json_id((uint64_t)query_int(q, "id")), "name",
                                               query_sealed(q, "name", SEALED_TICKET_NAME, (uint64_t)query_int(q, "id"), room), "relation",
                                               query_sealed(q, "title", SEALED_TICKET_TITLE, (uint64_t)query_int(q, "id"), room), "expires_ms",
                                               (json_int_t)query_int(q, "expires_ms"), "admitted", (int)query_int(q, "admitted")));
    *result = json_pack("{s:o}", "items", work_list_end(q, items));
    return tx_error(ctx->tx);
}

static int room_guest_revoke(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    uint64_t guest = arg_id(args, "guest_id");
    struct consultation_room c;
    int rc = check_host(ctx, id, &c);
    if (rc)
        return rc;
    struct room_id room = {0};
    uint64_t seat = 0;
    struct query *q = tx_query(ctx->tx, "SELECT room_id, seat_id FROM room_ticket WHERE id=$1 AND case_id=$2 AND role='guest'", "ii",
                               (int64_t)guest, (int64_t)id.v);
    if (query_next(q)) {
        room.v = (uint64_t)query_int(q, "room_id");
        seat = (uint64_t)query_int(q, "seat_id");
    }
    if ((rc = query_end(q)))
        return rc;
    if (!seat)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "guest", "There is no such guest of this case.");
    tx_exec(ctx->tx, "UPDATE room_ticket SET revoked_ms=$2 WHERE id=$1 AND revoked_ms=0", "ii", (int64_t)guest, ctx->now_ms);
    *result = json_pack("{s:b}", "revoked", 1);
    return room_tell_revoked(ctx, room, seat);
}

static const struct field case_args[] = {{"case_id", FIELD_ID, true, .help = "case"}, {0}};
static const struct field guest_args[] = {{"case_id", FIELD_ID, true, .help = "case"},
                                          {"name", FIELD_TEXT, true, 1, 40, .help = "how the guest is called in the room"},
                                          {"relation", FIELD_TEXT, true, 1, 40, .help = "to the patient"},
                                          {0}};
static const struct field revoke_args[] = {
    {"case_id", FIELD_ID, true, .help = "case"}, {"guest_id", FIELD_ID, true, .help = "invitation"}, {0}};

const struct op room_ops[] = {
    {"room.ticket", OP_WRITE, OP_PHI, "room.join", case_args, room_ticket, "a personal ticket into the open room of a case"},
    {"room.guest", OP_WRITE, OP_PHI, "room.join", guest_args, room_guest, "a link for a member of the family; sees no record"},
    {"room.guest_list", OP_READ, OP_PHI, "room.join", case_args, room_guest_list, "links that are good now"},
    {"room.guest_revoke", OP_WRITE, OP_PHI, "room.join", revoke_args, room_guest_revoke, "take a guest's link back"},
    {"room.watch", OP_READ, OP_PHI, "room.join", room_watch_args, room_watch, "may one watch the lecture in this room"},
    {"room.quality", OP_READ, OP_PHI, "case.read", case_args, room_quality, "how the lines of a case's sessions were"},
    {0}};
