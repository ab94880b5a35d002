/* The calendar: who and which rooms there are, their slots, sessions and leave within a span of time. No health data:
 * a session shows its case's number and urgency, and those only to who takes part in the case. */
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000ll
#define SPAN_MAX_MS (70 * DAY_MS)
#define SLOT_MAX_MS (12 * 3600000ll) /* no slot is longer, so an index on the start is enough to find what overlaps */
#define LEAVE_MAX_MS (92 * DAY_MS)
#define ITEMS_MAX 5000
#define EXPERTS_MAX 5000

json_t *meeting_room_ref(struct op_ctx *ctx, uint64_t id)
{
    json_t *v = NULL;
    if (!id)
        return json_null();
    struct query *q = tx_query(ctx->tx, "SELECT name FROM meeting_room WHERE id=$1", "i", (int64_t)id);
    if (query_next(q))
        v = json_pack("{s:o,s:s}", "id", json_id(id), "name", query_text(q, "name"));
    return query_end(q) || !v ? json_null() : v;
}

json_t *meeting_rooms_of(struct op_ctx *ctx, uint64_t org)
{
    json_t *list = json_array();
    bool any = staff_actor_has(ctx, STAFF_ADMIN);
    struct query *q = tx_query(ctx->tx,
                               "SELECT id, org_id, name, equipment, active FROM meeting_room WHERE ($1=0 OR "
                               "org_id=$1) ORDER BY org_id, name, id",
                               "i", (int64_t)org);
    while (query_next(q)) {
        struct org_id house = {(uint64_t)query_int(q, "org_id")};
        json_array_append_new(list, json_pack("{s:o,s:s,s:o,s:s,s:b,s:b}", "id", json_id((uint64_t)query_int(q, "id")),
                                              "name", query_text(q, "name"), "org", org_ref(ctx, house), "equipment",
                                              query_text(q, "equipment"), "active", (int)query_int(q, "active"), "mine",
                                              any || house.v == ctx->actor->org.v));
    }
    return work_list_end(q, list);
}

/* The case behind a slot is told to who takes part in it: its doctors, its applicant, the offices of both sides. */
static bool may_know_case(struct op_ctx *ctx, struct query *q, bool desk)
{
    int64_t me = (int64_t)ctx->actor->person.v, org = (int64_t)ctx->actor->org.v;
    return query_int(q, "person_id") == me || query_int(q, "slot_person") == me || query_int(q, "applicant_id") == me ||
           (desk && (org == query_int(q, "target_org_id") || org == query_int(q, "home_org_id")));
}

static json_t *calendar_item(struct op_ctx *ctx, struct query *q, bool desk)
{
    const char *state = query_text(q, "state");
    bool held = query_int(q, "held_until_ms") > ctx->now_ms && strcmp(state, "published") == 0;
    json_t *v = json_pack("{s:o,s:o,s:o,s:I,s:I,s:s}", "slot_id", json_id((uint64_t)query_int(q, "id")), "person_id",
                          json_id((uint64_t)query_int(q, "person_id")), "meeting_room_id",
                          json_id((uint64_t)query_int(q, "meeting_room_id")), "start_ms",
                          (json_int_t)query_int(q, "start_ms"), "end_ms", (json_int_t)query_int(q, "end_ms"), "state",
                          held ? "held" : state);
    if (held) {
        json_object_set_new(v, "held_until_ms", json_integer(query_int(q, "held_until_ms")));
        json_object_set_new(v, "held_by_me", json_boolean(query_int(q, "held_by") == (int64_t)ctx->actor->person.v));
    }
    if (query_int(q, "case_id") && may_know_case(ctx, q, desk)) {
        json_object_set_new(v, "case_id", json_id((uint64_t)query_int(q, "case_id")));
        json_object_set_new(v, "case_number", json_string(query_text(q, "number")));
        json_object_set_new(v, "urgency", json_string(query_text(q, "urgency")));
    }
    return v;
}

struct span {
    int64_t from_ms, to_ms, org, dept;
};

#define COLUMNS                                                                                                        \
    "s.person_id AS slot_person, s.id, s.meeting_room_id, s.start_ms, s.end_ms, s.state, s.held_by, s.held_until_ms, " \
    "s.case_id, c.number, c.urgency, c.target_org_id, c.home_org_id, c.applicant_id "
/* $5: nothing that starts earlier reaches into the span. A room is shown with all it is used for, whoever's slot it is. */
#define WITHIN                                                                                                         \
    "s.start_ms<$2 AND s.end_ms>$1 AND s.start_ms>$5 AND ($3=0 OR s.org_id=$3 OR (s.meeting_room_id<>0 AND "          \
    "s.meeting_room_id IN (SELECT id FROM meeting_room WHERE org_id=$3)))"

static void add_items(struct op_ctx *ctx, const struct span *s, const char *sql, json_t *items)
{
    bool desk = staff_actor_has(ctx, STAFF_OFFICE) || staff_actor_has(ctx, STAFF_DISPATCHER);
    struct query *q = tx_query(ctx->tx, sql, "iiiiii", s->from_ms, s->to_ms, s->org, s->dept, s->from_ms - SLOT_MAX_MS,
                               (int64_t)ITEMS_MAX);
    while (query_next(q))
        json_array_append_new(items, calendar_item(ctx, q, desk));
    (void)work_list_end(q, items);
}

static json_t *calendar_items(struct op_ctx *ctx, const struct span *s)
{
    json_t *items = json_array();
    add_items(ctx, s,
              "SELECT s.person_id, " COLUMNS "FROM slot s LEFT JOIN consult c ON c.id=s.case_id WHERE " WITHIN
              " AND ($4=0 OR s.dept_id=$4 OR s.meeting_room_id<>0) AND s.state<>'cancelled' ORDER BY s.start_ms, s.id "
              "LIMIT $6",
              items);
    /* the other doctors of a team: the same session, in their lanes */
    add_items(ctx, s,
              "SELECT b.resource_id AS person_id, " COLUMNS "FROM slot s JOIN booking b ON b.case_id=s.case_id AND "
              "b.kind='person' AND b.live=1 AND b.resource_id<>s.person_id LEFT JOIN consult c ON c.id=s.case_id WHERE " WITHIN
              " AND $4>=0 AND s.state='booked' ORDER BY s.start_ms, s.id LIMIT $6",
              items);
    return items;
}

static json_t *calendar_leave(struct op_ctx *ctx, const struct span *s)
{
    json_t *list = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT id, person_id, start_ms, end_ms FROM shift WHERE kind='leave' AND start_ms<$2 AND "
                               "end_ms>$1 AND start_ms>$4 AND ($3=0 OR org_id=$3) ORDER BY start_ms, id",
                               "iiii", s->from_ms, s->to_ms, s->org, s->from_ms - LEAVE_MAX_MS);
    while (query_next(q))
        json_array_append_new(list, json_pack("{s:o,s:o,s:I,s:I}", "shift_id", json_id((uint64_t)query_int(q, "id")),
                                              "person_id", json_id((uint64_t)query_int(q, "person_id")), "start_ms",
                                              (json_int_t)query_int(q, "start_ms"), "end_ms",
                                              (json_int_t)query_int(q, "end_ms")));
    return work_list_end(q, list);
}

/* A house's experts come from few institutions and departments: each of those is looked up once. */
#define REFS 32
struct ref_cache {
    uint64_t ids[REFS];
    json_t *refs[REFS];
};

static json_t *org_ref_once(struct op_ctx *ctx, struct ref_cache *c, struct org_id org)
{
    size_t at = org.v * 0x9e3779b97f4a7c15u >> 59;
    if (!c->refs[at] || c->ids[at] != org.v) {
        json_decref(c->refs[at]);
        c->refs[at] = org_ref(ctx, org);
        c->ids[at] = org.v;
    }
    return json_incref(c->refs[at]);
}

static json_t *calendar_experts(struct op_ctx *ctx, const struct span *span, bool *more)
{
    static _Thread_local struct person_id people[EXPERTS_MAX];
    struct ref_cache cache = {0};
    json_t *list = json_array();
    size_t n = staff_with_role(ctx, (struct org_id){(uint64_t)span->org}, (struct org_id){(uint64_t)span->dept},
                               STAFF_EXPERT, people, EXPERTS_MAX);
    for (size_t i = 0; i < n; i++) {
        struct staff s;
        if (!staff_find(ctx, people[i], STAFF_EXPERT, &s))
            json_array_append_new(list, json_pack("{s:{s:o,s:s},s:o,s:o,s:s,s:b}", "person", "id", json_id(people[i].v), "name", s.name,
                                                  "org", org_ref_once(ctx, &cache, s.org), "dept", org_ref_once(ctx, &cache, s.dept),
                                                  "title", s.title, "mine", slot_keeps(ctx, &s)));
    }
    for (size_t i = 0; i < REFS; i++)
        json_decref(cache.refs[i]);
    *more = n == EXPERTS_MAX;
    return list;
}

int slot_calendar(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct span s = {arg_int(args, "from_ms", ctx->now_ms), 0, (int64_t)arg_id(args, "org_id"), (int64_t)arg_id(args, "dept_id")};
    s.to_ms = arg_int(args, "to_ms", s.from_ms + 7 * DAY_MS);
    if (s.to_ms <= s.from_ms || s.to_ms - s.from_ms > SPAN_MAX_MS)
        return fault_field(ctx->fault, "to_ms", s.to_ms <= s.from_ms ? "not_after_start" : "too_long:70d");
    bool more;
    json_t *items = calendar_items(ctx, &s), *experts = calendar_experts(ctx, &s, &more);
    *result = json_pack("{s:o,s:o,s:b,s:o,s:o,s:I}", "experts", experts, "meeting_rooms",
                        meeting_rooms_of(ctx, (uint64_t)s.org), "truncated", more || json_array_size(items) >= ITEMS_MAX, "items",
                        items, "leave", calendar_leave(ctx, &s), "buffer_ms",
                        (json_int_t)(work_policy_int(ctx, "consult.session_buffer_min") * 60000));
    return tx_error(ctx->tx);
}
