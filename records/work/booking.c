/* Taking a time: every doctor of the team and the meeting room, all or nothing, in the one write transaction
 * - so of any number of simultaneous attempts exactly one finds the time free. A buffer lies between two
 * sessions of one person or room. */
#include "records/work/consult.h"
#include "records/work/waiting.h"
#include <stdio.h>
#include <string.h>

#define C(x) CONSULT_BIT(C_##x)

static int64_t buffer_ms(struct op_ctx *ctx)
{
    return work_policy_int(ctx, "consult.session_buffer_min") * 60000;
}

static bool busy(struct op_ctx *ctx, const char *kind, uint64_t resource, int64_t start_ms, int64_t end_ms,
                 int64_t gap)
{
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) FROM booking WHERE kind=$1 AND resource_id=$2 AND live=1 AND start_ms<$3 "
                  "AND end_ms>$4",
                  "tiii", kind, (int64_t)resource, end_ms + gap, start_ms - gap) > 0;
}

static int take(struct op_ctx *ctx, const struct consult *c, const char *kind, uint64_t resource,
                int64_t start_ms, int64_t end_ms)
{
    if (busy(ctx, kind, resource, start_ms, end_ms, buffer_ms(ctx)))
        return fault_set(ctx->fault, ERR_CONFLICT,
                         strcmp(kind, "person") == 0 ? "slot_taken" : "meeting_room_taken",
                         "this time is taken");
    return tx_exec(ctx->tx,
                   "INSERT INTO booking (id, case_id, kind, resource_id, start_ms, end_ms, live) VALUES "
                   "($1,$2,$3,$4,$5,$6,1)",
                   "iitiii", (int64_t)id_new(), (int64_t)c->id.v, kind, (int64_t)resource, start_ms, end_ms);
}

struct wish {
    struct person_id person;
    uint64_t slot;
    int64_t start_ms, end_ms;
};

static int slot_wish(struct consult_act *a, struct wish *w)
{
    struct query *q =
        tx_query(a->ctx->tx, "SELECT person_id, start_ms, end_ms, state, held_by, held_until_ms FROM slot WHERE id=$1",
                 "i", (int64_t)w->slot);
    bool found = query_next(q), free_ = false;
    if (found) {
        w->person.v = (uint64_t)query_int(q, "person_id");
        w->start_ms = query_int(q, "start_ms");
        w->end_ms = query_int(q, "end_ms");
        bool held = query_int(q, "held_until_ms") > a->ctx->now_ms &&
                    (uint64_t)query_int(q, "held_by") != a->ctx->actor->person.v;
        free_ = strcmp(query_text(q, "state"), "published") == 0 && !held;
    }
    int rc = query_end(q);
    if (!rc && !found)
        rc = fault_field(a->ctx->fault, "slot_id", "not_found");
    if (!rc && !free_)
        rc = fault_set(a->ctx->fault, ERR_CONFLICT, "slot_taken", "this slot is taken");
    return rc;
}

/* A time of one's own choosing: the published slot of just this time is used up by it, and nobody takes what another is
 * holding at this moment. */
static int own_time(struct consult_act *a, struct wish *w)
{
    struct op_ctx *ctx = a->ctx;
    if (tx_int(ctx->tx, 0,
               "SELECT COUNT(*) FROM slot WHERE person_id=$1 AND state='published' AND held_until_ms>$2 AND held_by<>$3 AND "
               "start_ms<$4 AND end_ms>$5",
               "iiiii", (int64_t)w->person.v, ctx->now_ms, (int64_t)ctx->actor->person.v, w->end_ms, w->start_ms))
        return fault_set(ctx->fault, ERR_CONFLICT, "slot_taken", "somebody is booking this time just now");
    w->slot = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM slot WHERE person_id=$1 AND state='published' AND start_ms=$2 AND end_ms=$3",
                               "iii", (int64_t)w->person.v, w->start_ms, w->end_ms);
    return 0;
}

static int read_wish(struct consult_act *a, struct wish *w)
{
    *w = (struct wish){.person = {arg_id(a->args, "person_id")},
                       .slot = arg_id(a->args, "slot_id"),
                       .start_ms = arg_int(a->args, "start_ms", 0),
                       .end_ms = arg_int(a->args, "end_ms", 0)};
    int rc = w->slot ? slot_wish(a, w) : 0;
    if (rc)
        return rc;
    if (!w->person.v)
        w->person = consult_lead(a->c);
    if (!w->start_ms)
        return fault_field(a->ctx->fault, "start_ms", "required");
    if (!w->end_ms)
        w->end_ms = w->start_ms + 30 * 60000;
    if (w->end_ms <= w->start_ms || w->end_ms - w->start_ms > 8 * 3600000ll)
        return fault_field(a->ctx->fault, "end_ms", "not_after_start");
    if (w->start_ms < a->ctx->now_ms)
        return fault_field(a->ctx->fault, "start_ms", "in_the_past");
    struct consult_member *m = consult_member_active(a->c, w->person);
    if (!m || m->part == PART_SECRETARY)
        return fault_field(a->ctx->fault, w->slot ? "slot_id" : "person_id", "not_on_the_team");
    return w->slot ? 0 : own_time(a, w);
}

/* A booked time without a published slot gets its own row, so that the calendar shows one kind of thing. */
static int mark_slot(struct consult_act *a, const struct wish *w, uint64_t room)
{
    struct consult *c = a->c;
    c->slot = w->slot ? w->slot : id_new();
    if (w->slot)
        return tx_exec(a->ctx->tx,
                       "UPDATE slot SET state='booked', case_id=$2, meeting_room_id=$3, held_by=0, held_until_ms=0 WHERE id=$1", "iii",
                       (int64_t)w->slot, (int64_t)c->id.v, (int64_t)room);
    return tx_exec(a->ctx->tx,
                   "INSERT INTO slot (id, person_id, org_id, dept_id, start_ms, end_ms, state, case_id, "
                   "meeting_room_id, own) "
                   "VALUES ($1,$2,$3,$4,$5,$6,'booked',$7,$8,1)",
                   "iiiiiiii", (int64_t)c->slot, (int64_t)w->person.v, (int64_t)c->target_org.v,
                   (int64_t)c->target_dept.v, w->start_ms, w->end_ms, (int64_t)c->id.v, (int64_t)room);
}

static int feed_slot(struct op_ctx *ctx, uint64_t slot)
{
    char key[ID_TEXT_BYTES], payload[64];
    id_format(slot, key);
    snprintf(payload, sizeof payload, "{\"slot_id\":\"%s\"}", key);
    return tx_feed(ctx->tx, "slot", key, payload);
}

int booking_take(struct consult_act *a)
{
    struct consult *c = a->c;
    struct wish w;
    uint64_t room = arg_id(a->args, "meeting_room_id");
    int rc = read_wish(a, &w);
    if (!rc && room &&
        !tx_int(a->ctx->tx, 0, "SELECT COUNT(*) FROM meeting_room WHERE id=$1 AND active=1", "i",
                (int64_t)room))
        rc = fault_field(a->ctx->fault, "meeting_room_id", "not_found");
    for (size_t i = 0; i < c->n_team && !rc; i++) {
        const struct consult_member *m = &c->team[i];
        if (m->state > MEMBER_SIGNED)
            continue;
        if (m->part != PART_SECRETARY && staff_on_leave(a->ctx, m->person, w.start_ms))
            rc = fault_set(a->ctx->fault, ERR_CONFLICT, "on_leave", "a doctor of the team is on leave then");
        rc = rc ? rc : take(a->ctx, c, "person", m->person.v, w.start_ms, w.end_ms);
    }
    if (!rc && room)
        rc = take(a->ctx, c, "meeting_room", room, w.start_ms, w.end_ms);
    rc = rc ? rc : mark_slot(a, &w, room);
    rc = rc ? rc : feed_slot(a->ctx, c->slot);
    if (rc)
        return rc;
    c->start_ms = w.start_ms;
    c->end_ms = w.end_ms;
    c->meeting_room = room;
    a->passed |= C(SLOT);
    return 0;
}

int booking_release(struct op_ctx *ctx, struct consult *c, const char *slot_state)
{
    if (!c->slot)
        return 0;
    bool done = strcmp(slot_state, "done") == 0 || strcmp(slot_state, "noshow") == 0;
    int rc = tx_exec(ctx->tx, "UPDATE booking SET live=0 WHERE case_id=$1 AND live=1", "i", (int64_t)c->id.v);
    /* a published slot that is given back can be taken by others; a time made for this case is only crossed
     * out */
    rc = rc ? rc
            : tx_exec(ctx->tx,
                      done ? "UPDATE slot SET state=$2 WHERE id=$1 AND state='booked'"
                           : "UPDATE slot SET state=CASE WHEN own=1 THEN 'cancelled' ELSE 'published' END, "
                             "case_id=CASE WHEN own=1 THEN case_id ELSE 0 END, meeting_room_id=0 WHERE id=$1 "
                             "AND state='booked'",
                      done ? "it" : "i", (int64_t)c->slot, slot_state);
    rc = rc ? rc : feed_slot(ctx, c->slot);
    rc = rc || done ? rc : waiting_offer(ctx, (uint64_t)tx_int(ctx->tx, 0, "SELECT person_id FROM slot WHERE id=$1", "i", (int64_t)c->slot));
    c->slot = 0;
    if (!done)
        c->start_ms = c->end_ms = 0, c->meeting_room = 0;
    return rc;
}
