/* The waiting list for an expert's times: who has an accepted case and finds no free time waits for one. A time that is published or
 * given back is offered to the first in line - by urgency, then by when they began - and kept for them for half an hour; whoever lets it go
 * by, or passes it on, goes to the end of the line and the next one is asked. Taking it is the ordinary booking.
 * functions.md 3.5 (WAITLISTED -> OFFERED -> CONFIRMED). */
#include "records/notify/notify.h"
#include "records/work/waiting.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

#define SLOTS_MAX 50

struct waiter {
    uint64_t case_id, expert, asked_by, slot;
    int64_t since_ms, until_ms, rank;
};

static int find(struct op_ctx *ctx, uint64_t case_id, struct waiter *w)
{
    struct query *q = tx_query(ctx->tx, "SELECT expert_id, asked_by, slot_id, since_ms, until_ms, rank FROM slot_waiting WHERE case_id=$1", "i",
                               (int64_t)case_id);
    *w = (struct waiter){0};
    if (query_next(q))
        *w = (struct waiter){case_id, (uint64_t)query_int(q, "expert_id"), (uint64_t)query_int(q, "asked_by"), (uint64_t)query_int(q, "slot_id"),
                             query_int(q, "since_ms"), query_int(q, "until_ms"), query_int(q, "rank")};
    int rc = query_end(q);
    return rc ? rc : w->case_id ? 0 : ERR_NOT_FOUND;
}

/* Pages that show the case or the slot read again. */
static int feed(struct op_ctx *ctx, uint64_t case_id, uint64_t slot)
{
    char key[ID_TEXT_BYTES], payload[80];
    id_format(case_id, key);
    snprintf(payload, sizeof payload, "{\"case_id\":\"%s\"}", key);
    int rc = tx_feed(ctx->tx, "case", key, payload);
    if (rc || !slot)
        return rc;
    id_format(slot, key);
    snprintf(payload, sizeof payload, "{\"slot_id\":\"%s\"}", key);
    return tx_feed(ctx->tx, "slot", key, payload);
}

static int tell(struct op_ctx *ctx, const struct waiter *w, const char *notice, const char *act)
{
    char number[24] = "";
    struct query *q = tx_query(ctx->tx, "SELECT number, urgency FROM consult WHERE id=$1", "i", (int64_t)w->case_id);
    bool urgent = false;
    if (query_next(q)) {
        snprintf(number, sizeof number, "%s", query_text(q, "number"));
        urgent = strcmp(query_text(q, "urgency"), "routine") != 0;
    }
    int rc = query_end(q);
    struct notify_about about = {.case_id = {w->case_id}, .case_number = number, .act = act, .due_ms = act ? w->until_ms : 0, .urgent = urgent};
    return rc ? rc : notify_person(ctx, (struct person_id){w->asked_by}, notice, &about);
}

/* ---- offering ---- */

struct free_slot {
    uint64_t id;
    int64_t start_ms, end_ms;
};

/* Published, nobody's hold, no session over it, no leave: the earliest first. */
static size_t free_slots(struct op_ctx *ctx, uint64_t expert, struct free_slot out[SLOTS_MAX])
{
    size_t n = 0, kept = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT s.id, s.start_ms, s.end_ms FROM slot s WHERE s.person_id=$1 AND s.state='published' AND s.start_ms>$2 AND "
                               "s.held_until_ms<=$2 AND NOT EXISTS (SELECT 1 FROM booking b WHERE b.kind='person' AND b.resource_id=s.person_id "
                               "AND b.live=1 AND b.start_ms<s.end_ms AND b.end_ms>s.start_ms) ORDER BY s.start_ms, s.id LIMIT $3",
                               "iii", (int64_t)expert, ctx->now_ms, (int64_t)SLOTS_MAX);
    while (n < SLOTS_MAX && query_next(q))
        out[n++] = (struct free_slot){(uint64_t)query_int(q, "id"), query_int(q, "start_ms"), query_int(q, "end_ms")};
    if (query_end(q))
        return 0; /* the error sticks to the transaction */
    for (size_t i = 0; i < n; i++)
        if (!staff_on_leave(ctx, (struct person_id){expert}, out[i].start_ms))
            out[kept++] = out[i];
    return kept;
}

/* The first in line who has not passed this very time. */
static int next_in_line(struct op_ctx *ctx, uint64_t expert, uint64_t slot, struct waiter *w)
{
    int64_t id = tx_int(ctx->tx, 0,
                        "SELECT case_id FROM slot_waiting WHERE expert_id=$1 AND slot_id=0 AND passed_slot<>$2 ORDER BY rank, since_ms, "
                        "case_id LIMIT 1",
                        "ii", (int64_t)expert, (int64_t)slot);
    return id ? find(ctx, (uint64_t)id, w) : ERR_NOT_FOUND;
}

static int offer_one(struct op_ctx *ctx, struct waiter *w, const struct free_slot *s)
{
    int64_t until = ctx->now_ms + work_policy_int(ctx, "consult.offer_min") * 60000;
    w->until_ms = until < s->start_ms ? until : s->start_ms;
    int rc = tx_exec(ctx->tx, "UPDATE slot SET held_by=$2, held_until_ms=$3 WHERE id=$1", "iii", (int64_t)s->id, (int64_t)w->asked_by, w->until_ms);
    rc = rc ? rc
            : tx_exec(ctx->tx, "UPDATE slot_waiting SET slot_id=$2, until_ms=$3 WHERE case_id=$1", "iii", (int64_t)w->case_id, (int64_t)s->id,
                      w->until_ms);
    rc = rc ? rc : tell(ctx, w, "slot.offered", "schedule");
    return rc ? rc : feed(ctx, w->case_id, s->id);
}

int waiting_offer(struct op_ctx *ctx, uint64_t expert)
{
    struct free_slot slots[SLOTS_MAX];
    struct waiter w;
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM slot_waiting WHERE expert_id=$1 AND slot_id=0", "i", (int64_t)expert))
        return tx_error(ctx->tx);
    size_t n = free_slots(ctx, expert, slots);
    for (size_t i = 0; i < n; i++) {
        int rc = next_in_line(ctx, expert, slots[i].id, &w);
        if (rc == ERR_NOT_FOUND)
            continue;
        rc = rc ? rc : offer_one(ctx, &w, &slots[i]);
        if (rc)
            return rc;
    }
    return tx_error(ctx->tx);
}

static int unhold(struct op_ctx *ctx, const struct waiter *w)
{
    return tx_exec(ctx->tx, "UPDATE slot SET held_by=0, held_until_ms=0 WHERE id=$1 AND held_by=$2 AND state='published'", "ii", (int64_t)w->slot,
                   (int64_t)w->asked_by);
}

/* To the end of the line; this time is not offered to them again. */
static int pass(struct op_ctx *ctx, const struct waiter *w)
{
    int rc = unhold(ctx, w);
    rc = rc ? rc
            : tx_exec(ctx->tx, "UPDATE slot_waiting SET slot_id=0, until_ms=0, passed_slot=$2, since_ms=$3 WHERE case_id=$1", "iii",
                      (int64_t)w->case_id, (int64_t)w->slot, ctx->now_ms);
    rc = rc ? rc : feed(ctx, w->case_id, w->slot);
    return rc ? rc : waiting_offer(ctx, w->expert);
}

int waiting_drop(struct op_ctx *ctx, struct case_id id)
{
    struct waiter w;
    int rc = find(ctx, id.v, &w);
    if (rc)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    rc = w.slot ? unhold(ctx, &w) : 0;
    rc = rc ? rc : tx_exec(ctx->tx, "DELETE FROM slot_waiting WHERE case_id=$1", "i", (int64_t)id.v);
    return rc ? rc : waiting_offer(ctx, w.expert);
}

int waiting_slot_gone(struct op_ctx *ctx, uint64_t slot)
{
    struct waiter w;
    int64_t id = tx_int(ctx->tx, 0, "SELECT case_id FROM slot_waiting WHERE slot_id=$1", "i", (int64_t)slot);
    if (!id)
        return tx_error(ctx->tx);
    int rc = find(ctx, (uint64_t)id, &w);
    rc = rc ? rc : unhold(ctx, &w);
    rc = rc ? rc : tx_exec(ctx->tx, "UPDATE slot_waiting SET slot_id=0, until_ms=0 WHERE case_id=$1", "i", id);
    return rc ? rc : feed(ctx, (uint64_t)id, 0);
}

/* ---- time ---- */

static size_t ids_of(struct query *q, uint64_t out[SLOTS_MAX])
{
    size_t n = 0;
    while (n < SLOTS_MAX && query_next(q))
        out[n++] = (uint64_t)query_int(q, "id");
    return query_end(q) ? 0 : n;
}

int waiting_tick(struct op_ctx *ctx)
{
    uint64_t ids[SLOTS_MAX];
    struct waiter w;
    int rc = 0;
    size_t n = ids_of(tx_query(ctx->tx, "SELECT case_id AS id FROM slot_waiting WHERE slot_id<>0 AND until_ms<=$1 ORDER BY until_ms LIMIT 50", "i",
                               ctx->now_ms),
                      ids);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = find(ctx, ids[i], &w);
        rc = rc ? rc : tell(ctx, &w, "slot.offer_over", NULL);
        rc = rc ? rc : pass(ctx, &w);
    }
    n = rc ? 0 : ids_of(tx_query(ctx->tx, "SELECT DISTINCT expert_id AS id FROM slot_waiting WHERE slot_id=0 LIMIT 50", ""), ids);
    for (size_t i = 0; i < n && !rc; i++)
        rc = waiting_offer(ctx, ids[i]);
    return rc ? rc : tx_error(ctx->tx);
}

int64_t waiting_next_ms(struct tx *tx)
{
    return tx_int(tx, INT64_MAX, "SELECT MIN(until_ms) FROM slot_waiting WHERE slot_id<>0", "");
}

/* ---- what a page shows ---- */

static json_t *offer_view(struct op_ctx *ctx, const struct waiter *w)
{
    json_t *v = NULL;
    if (!w->slot)
        return json_null();
    struct query *q = tx_query(ctx->tx, "SELECT start_ms, end_ms FROM slot WHERE id=$1", "i", (int64_t)w->slot);
    if (query_next(q))
        v = json_pack("{s:o,s:I,s:I,s:I,s:b}", "slot_id", json_id(w->slot), "start_ms", (json_int_t)query_int(q, "start_ms"), "end_ms",
                      (json_int_t)query_int(q, "end_ms"), "until_ms", (json_int_t)w->until_ms, "mine", w->asked_by == ctx->actor->person.v);
    return query_end(q) || !v ? json_null() : v;
}

static bool may_wait(struct op_ctx *ctx, const struct consult *c, uint32_t parties)
{
    enum flow_refusal why;
    return strcmp(c->scope, "mdt") != 0 &&
           flow_find(&consult_flow, &c->flow, E_SCHEDULE, parties, consult_facts(ctx, c, parties), &why) != NULL;
}

json_t *waiting_view(struct op_ctx *ctx, const struct consult *c, uint32_t parties)
{
    struct waiter w;
    bool may = may_wait(ctx, c, parties);
    if (find(ctx, c->id.v, &w))
        return may ? json_pack("{s:b,s:b}", "waits", 0, "may", 1) : json_null();
    int64_t before = tx_int(ctx->tx, 0,
                            "SELECT COUNT(*) FROM slot_waiting WHERE expert_id=$1 AND (rank<$2 OR (rank=$2 AND (since_ms<$3 OR (since_ms=$3 AND "
                            "case_id<$4))))",
                            "iiii", (int64_t)w.expert, w.rank, w.since_ms, (int64_t)w.case_id);
    return json_pack("{s:b,s:b,s:I,s:I,s:o}", "waits", 1, "may", may, "place", (json_int_t)before + 1, "since_ms", (json_int_t)w.since_ms, "offer",
                     offer_view(ctx, &w));
}

/* ---- operations ---- */

static int open_waiter(struct op_ctx *ctx, json_t *args, struct consult *c, uint32_t *parties)
{
    int rc = consult_open(ctx, args, c, parties);
    if (!rc && !may_wait(ctx, c, *parties)) {
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_for_this_case", "only an accepted case of one expert waits for a time");
        consult_clear(c);
    }
    return rc;
}

static int case_wait(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    int rc = open_waiter(ctx, args, &c, &parties);
    if (rc)
        return rc;
    int64_t rank = strcmp(c.urgency, "emergency") == 0 ? 0 : strcmp(c.urgency, "urgent") == 0 ? 1 : 2;
    struct person_id expert = consult_lead(&c);
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM slot_waiting WHERE case_id=$1", "i", (int64_t)c.id.v))
        rc = tx_exec(ctx->tx,
                     "INSERT INTO slot_waiting (case_id, expert_id, asked_by, rank, since_ms, slot_id, until_ms, passed_slot) VALUES "
                     "($1,$2,$3,$4,$5,0,0,0)",
                     "iiiii", (int64_t)c.id.v, (int64_t)expert.v, (int64_t)ctx->actor->person.v, rank, ctx->now_ms);
    rc = rc ? rc : waiting_offer(ctx, expert.v);
    rc = rc ? rc : feed(ctx, c.id.v, 0);
    if (!rc)
        *result = consult_view(ctx, &c, parties);
    consult_clear(&c);
    return rc;
}

static int case_unwait(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    struct waiter w;
    uint32_t parties;
    int rc = open_waiter(ctx, args, &c, &parties);
    if (rc)
        return rc;
    rc = find(ctx, c.id.v, &w);
    if (rc == ERR_NOT_FOUND)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_waiting", "this case waits for no time");
    if (!rc && json_is_true(json_object_get(args, "pass")))
        rc = w.slot ? pass(ctx, &w) : fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "no_offer", "no time is offered now");
    else
        rc = rc ? rc : waiting_drop(ctx, c.id);
    rc = rc ? rc : feed(ctx, c.id.v, 0);
    if (!rc)
        *result = consult_view(ctx, &c, parties);
    consult_clear(&c);
    return rc;
}

static const struct field wait_args[] = {{"case_id", FIELD_ID, true}, {0}};
static const struct field unwait_args[] = {
    {"case_id", FIELD_ID, true}, {"pass", FIELD_BOOL, .help = "keep waiting, but let the next one have the time that is offered"}, {0}};
const struct op waiting_ops[] = {
    {"case.wait", OP_WRITE, OP_PHI, "case.read", wait_args, case_wait, "wait for a time of the expert"},
    {"case.unwait", OP_WRITE, OP_PHI, "case.read", unwait_args, case_unwait, "leave the line, or pass the offered time on"},
    {0}};
