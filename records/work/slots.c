/* Published times of experts, and the meeting rooms of institutions (the calendar: slot_calendar.c). */
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include "records/work/waiting.h"
#include <stdio.h>
#include <string.h>

#define WEEK_MS (7 * 86400000ll)
#define REPEAT_MAX 26

/* The expert himself; the office and dispatchers of his institution, the head of his department; the
 * consortium's administrator. */
bool slot_keeps(struct op_ctx *ctx, const struct staff *s)
{
    if (s->id.v == ctx->actor->person.v || staff_actor_has(ctx, STAFF_ADMIN))
        return true;
    if (ctx->actor->org.v != s->org.v)
        return false;
    return staff_actor_has(ctx, STAFF_OFFICE) || staff_actor_has(ctx, STAFF_DISPATCHER) ||
           (s->dept.v && ctx->actor->dept.v == s->dept.v && staff_actor_has(ctx, STAFF_HEAD));
}

static int may_manage(struct op_ctx *ctx, struct person_id person, struct staff *s)
{
    int rc = staff_find(ctx, person, STAFF_EXPERT, s);
    if (rc)
        return fault_field(ctx->fault, "person_id", "not_an_expert");
    if (slot_keeps(ctx, s))
        return 0;
    return fault_set(ctx->fault, ERR_DENIED, "other_institution",
                     "slots are kept by the expert or his institution");
}

static int check_time(struct op_ctx *ctx, uint64_t slot, uint64_t person, int64_t start_ms, int64_t end_ms)
{
    if (end_ms <= start_ms || end_ms - start_ms > 12 * 3600000ll)
        return fault_field(ctx->fault, "end_ms", "not_after_start");
    if (start_ms < ctx->now_ms)
        return fault_field(ctx->fault, "start_ms", "in_the_past");
    if (tx_int(ctx->tx, 0,
               "SELECT COUNT(*) FROM slot WHERE person_id=$1 AND id<>$2 AND state IN "
               "('published','held','booked') AND "
               "start_ms<$3 AND end_ms>$4",
               "iiii", (int64_t)person, (int64_t)slot, end_ms, start_ms))
        return fault_set(ctx->fault, ERR_CONFLICT, "slot_overlap", "another slot of this expert overlaps");
    if (staff_on_leave(ctx, (struct person_id){person}, start_ms))
        return fault_set(ctx->fault, ERR_CONFLICT, "on_leave", "the expert is on leave then");
    return 0;
}

static int feed(struct op_ctx *ctx, uint64_t slot)
{
    char key[ID_TEXT_BYTES], payload[64];
    id_format(slot, key);
    snprintf(payload, sizeof payload, "{\"slot_id\":\"%s\"}", key);
    return tx_feed(ctx->tx, "slot", key, payload);
}

static json_t *slot_view(uint64_t id, uint64_t person, int64_t start_ms, int64_t end_ms, const char *state)
{
    return json_pack("{s:o,s:o,s:I,s:I,s:s}", "slot_id", json_id(id), "person_id", json_id(person),
                     "start_ms", (json_int_t)start_ms, "end_ms", (json_int_t)end_ms, "state", state);
}

static int slot_publish(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct person_id person = {arg_id(args, "person_id")};
    int64_t start = arg_int(args, "start_ms", 0), end = arg_int(args, "end_ms", 0),
            weeks = arg_int(args, "repeat_weeks", 0);
    struct staff s;
    int rc = may_manage(ctx, person, &s);
    json_t *items = json_array();
    for (int64_t w = 0; w <= weeks && !rc; w++) {
        uint64_t id = id_new();
        rc = check_time(ctx, 0, person.v, start + w * WEEK_MS, end + w * WEEK_MS);
        rc = rc ? rc
                : tx_exec(ctx->tx,
                          "INSERT INTO slot (id, person_id, org_id, dept_id, start_ms, end_ms, state, "
                          "case_id, meeting_room_id, own) "
                          "VALUES ($1,$2,$3,$4,$5,$6,'published',0,0,0)",
                          "iiiiii", (int64_t)id, (int64_t)person.v, (int64_t)s.org.v, (int64_t)s.dept.v,
                          start + w * WEEK_MS, end + w * WEEK_MS);
        rc = rc ? rc : feed(ctx, id);
        if (!rc)
            json_array_append_new(
                items, slot_view(id, person.v, start + w * WEEK_MS, end + w * WEEK_MS, "published"));
    }
    rc = rc ? rc : waiting_offer(ctx, person.v);
    if (rc)
        json_decref(items);
    else
        *result = json_pack("{s:o}", "items", items);
    return rc;
}

struct slot_row {
    uint64_t id, person;
    int64_t start_ms, end_ms;
};

static int open_slot(struct op_ctx *ctx, json_t *args, struct slot_row *s)
{
    bool found, published = false;
    struct staff who;
    s->id = arg_id(args, "slot_id");
    struct query *q = tx_query(ctx->tx, "SELECT person_id, start_ms, end_ms, state FROM slot WHERE id=$1",
                               "i", (int64_t)s->id);
    if ((found = query_next(q))) {
        s->person = (uint64_t)query_int(q, "person_id");
        s->start_ms = query_int(q, "start_ms");
        s->end_ms = query_int(q, "end_ms");
        published = strcmp(query_text(q, "state"), "published") == 0;
    }
    int rc = query_end(q);
    if (!rc && !found)
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "slot", "no such slot");
    rc = rc ? rc : may_manage(ctx, (struct person_id){s->person}, &who);
    if (!rc && !published)
        rc = fault_set(ctx->fault, ERR_CONFLICT, "slot_taken",
                       "a booked slot is moved by rescheduling its case");
    return rc;
}

static int slot_move(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct slot_row s;
    int rc = open_slot(ctx, args, &s);
    if (rc)
        return rc;
    int64_t start = arg_int(args, "start_ms", s.start_ms),
            end = arg_int(args, "end_ms", start + s.end_ms - s.start_ms);
    rc = check_time(ctx, s.id, s.person, start, end);
    rc = rc ? rc
            : tx_exec(ctx->tx, "UPDATE slot SET start_ms=$2, end_ms=$3 WHERE id=$1", "iii", (int64_t)s.id,
                      start, end);
    rc = rc ? rc : waiting_slot_gone(ctx, s.id);
    rc = rc ? rc : waiting_offer(ctx, s.person);
    rc = rc ? rc : feed(ctx, s.id);
    if (!rc)
        *result = slot_view(s.id, s.person, start, end, "published");
    return rc;
}

static int slot_withdraw(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct slot_row s;
    int rc = open_slot(ctx, args, &s);
    rc = rc ? rc : tx_exec(ctx->tx, "UPDATE slot SET state='cancelled' WHERE id=$1", "i", (int64_t)s.id);
    rc = rc ? rc : waiting_slot_gone(ctx, s.id);
    rc = rc ? rc : waiting_offer(ctx, s.person);
    return rc ? rc : feed(ctx, s.id);
}

/* A time of one's own choosing was booked over this slot. */
static bool booked_meanwhile(struct op_ctx *ctx, uint64_t slot)
{
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) FROM slot s JOIN booking b ON b.kind='person' AND b.resource_id=s.person_id AND b.live=1 "
                  "AND b.start_ms<s.end_ms AND b.end_ms>s.start_ms WHERE s.id=$1",
                  "i", (int64_t)slot) > 0;
}

/* Two minutes for the one who is filling in the booking; a hold is a courtesy, the booking itself decides. */
static int slot_hold(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "slot_id");
    int64_t until = ctx->now_ms + 2 * 60000;
    int rc = tx_exec(ctx->tx,
                     "UPDATE slot SET held_by=$2, held_until_ms=CASE WHEN held_by=$2 AND held_until_ms>$3 THEN held_until_ms ELSE $3 END WHERE id=$1 AND "
                     "state='published' AND "
                     "(held_until_ms<=$4 OR held_by=$2)",
                     "iiii", (int64_t)id, (int64_t)ctx->actor->person.v, until, ctx->now_ms);
    if (!rc && (tx_changes(ctx->tx) == 0 || booked_meanwhile(ctx, id)))
        rc = fault_set(ctx->fault, ERR_CONFLICT, "slot_taken", "this slot is taken or held");
    rc = rc ? rc : feed(ctx, id);
    if (!rc)
        *result = json_pack("{s:o,s:I}", "slot_id", json_id(id), "held_until_ms", (json_int_t)until);
    return rc;
}

/* The booking was given up: others need not wait for the two minutes to pass. */
static int slot_release(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "slot_id");
    (void)result;
    int rc = tx_exec(ctx->tx, "UPDATE slot SET held_by=0, held_until_ms=0 WHERE id=$1 AND held_by=$2 AND state='published' "
                     "AND NOT EXISTS (SELECT 1 FROM slot_waiting w WHERE w.slot_id=$1)", /* an offer stands until it is answered */
                     "ii", (int64_t)id, (int64_t)ctx->actor->person.v);
    if (rc || tx_changes(ctx->tx) == 0)
        return rc;
    rc = feed(ctx, id);
    return rc ? rc : waiting_offer(ctx, (uint64_t)tx_int(ctx->tx, 0, "SELECT person_id FROM slot WHERE id=$1", "i", (int64_t)id));
}

/* ---- meeting rooms ---- */
static int meeting_room_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    *result = json_pack("{s:o}", "items", meeting_rooms_of(ctx, arg_id(args, "org_id")));
    return tx_error(ctx->tx);
}

/* One's own institution; the consortium's administrator any. */
static int may_keep_room(struct op_ctx *ctx, uint64_t org)
{
    if (org == ctx->actor->org.v || staff_actor_has(ctx, STAFF_ADMIN))
        return 0;
    return fault_set(ctx->fault, ERR_DENIED, "other_institution", "the room belongs to another institution");
}

static int meeting_room_create(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = id_new(), org = arg_id(args, "org_id");
    const char *equipment = arg_text(args, "equipment");
    org = org ? org : ctx->actor->org.v;
    int rc = may_keep_room(ctx, org);
    if (!rc && staff_institution(ctx, (struct org_id){org}).v != org)
        rc = fault_field(ctx->fault, "org_id", "not_an_institution");
    rc = rc ? rc
            : tx_exec(ctx->tx,
                      "INSERT INTO meeting_room (id, org_id, name, equipment, active) VALUES ($1,$2,$3,$4,1)",
                      "iitt", (int64_t)id, (int64_t)org, arg_text(args, "name"), equipment ? equipment : "");
    if (!rc)
        *result = meeting_room_ref(ctx, id);
    return rc;
}

static int meeting_room_update(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "meeting_room_id");
    const char *name = arg_text(args, "name"), *equipment = arg_text(args, "equipment");
    int64_t org = tx_int(ctx->tx, 0, "SELECT org_id FROM meeting_room WHERE id=$1", "i", (int64_t)id);
    if (!org)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "meeting_room", "no such meeting room");
    int rc = may_keep_room(ctx, (uint64_t)org);
    if (!rc && name)
        rc = tx_exec(ctx->tx, "UPDATE meeting_room SET name=$2 WHERE id=$1", "it", (int64_t)id, name);
    if (!rc && equipment)
        rc = tx_exec(ctx->tx, "UPDATE meeting_room SET equipment=$2 WHERE id=$1", "it", (int64_t)id, equipment);
    if (!rc && json_object_get(args, "active"))
        rc = tx_exec(ctx->tx, "UPDATE meeting_room SET active=$2 WHERE id=$1", "ii", (int64_t)id,
                     (int64_t)json_is_true(json_object_get(args, "active")));
    if (!rc)
        *result = meeting_room_ref(ctx, id);
    return rc;
}

static const struct field calendar_args[] = {
    {"from_ms", FIELD_TIME}, {"to_ms", FIELD_TIME}, {"org_id", FIELD_ID}, {"dept_id", FIELD_ID}, {0}};
static const struct field publish_args[] = {{"person_id", FIELD_ID, true},
                                            {"start_ms", FIELD_TIME, true},
                                            {"end_ms", FIELD_TIME, true},
                                            {"repeat_weeks", FIELD_INT, false, 0, REPEAT_MAX},
                                            {0}};
static const struct field move_args[] = {
    {"slot_id", FIELD_ID, true}, {"start_ms", FIELD_TIME}, {"end_ms", FIELD_TIME}, {0}};
static const struct field slot_args[] = {{"slot_id", FIELD_ID, true}, {0}};
static const struct field rooms_args[] = {{"org_id", FIELD_ID}, {0}};
static const struct field room_args[] = {{"name", FIELD_TEXT, true, 1, 80},
                                         {"equipment", FIELD_TEXT, false, 0, 400},
                                         {"org_id", FIELD_ID, .help = "institution; absent: one's own"},
                                         {0}};
static const struct field room_update_args[] = {{"meeting_room_id", FIELD_ID, true},
                                                {"name", FIELD_TEXT, false, 1, 80},
                                                {"equipment", FIELD_TEXT, false, 0, 400},
                                                {"active", FIELD_BOOL},
                                                {0}};
const struct op slot_ops[] = {
    {"calendar.get", OP_READ, 0, "slot.read", calendar_args, slot_calendar,
     "experts, meeting rooms and their times"},
    {"slot.publish", OP_WRITE, 0, "slot.write", publish_args, slot_publish, "publish free time of an expert"},
    {"slot.move", OP_WRITE, 0, "slot.write", move_args, slot_move, "move a slot that is not booked"},
    {"slot.hold", OP_WRITE, 0, "slot.read", slot_args, slot_hold, "keep a free slot for two minutes while booking"},
    {"slot.release", OP_WRITE, 0, "slot.read", slot_args, slot_release, "give a held slot free again"},
    {"slot.withdraw", OP_WRITE, 0, "slot.write", slot_args, slot_withdraw,
     "withdraw a slot that is not booked"},
    {"meeting_room.list", OP_READ, 0, "slot.read", rooms_args, meeting_room_list, "meeting rooms"},
    {"meeting_room.create", OP_WRITE, 0, "slot.manage", room_args, meeting_room_create,
     "a meeting room of one's own institution"},
    {"meeting_room.update", OP_WRITE, 0, "slot.manage", room_update_args, meeting_room_update,
     "change a meeting room"},
    {0}};
