/* An expert falls out (illness, a changed roster): what he was to do, and all of it moved at once. Each case takes the way of the
 * rule table - a substitute, another time, or back to the desk - so everyone is told and every clock runs as after a single act; the
 * whole is one transaction: all of it or nothing, and what is wrong is named by its item. functions.md 4.1 (mass reschedule). */
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

#define P(x) CONSULT_BIT(P_##x)
#define CASES_MAX 100

/* Cases in which he is asked or has accepted, before the signature; booked ones within the span, and those without a time. */
static size_t cases_of(struct op_ctx *ctx, json_t *args, struct case_id out[CASES_MAX])
{
    size_t n = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT c.id FROM consult_team t JOIN consult c ON c.id=t.case_id WHERE t.person_id=$1 AND t.state IN "
                               "(0,1) AND c.closed_ms=0 AND c.signed_ms=0 AND c.target_org_id=$2 AND (c.start_ms=0 OR "
                               "(c.start_ms>=$3 AND c.start_ms<$4)) ORDER BY c.start_ms, c.id LIMIT $5",
                               "iiiii", (int64_t)arg_id(args, "person_id"), (int64_t)ctx->actor->org.v, arg_int(args, "from_ms", 0),
                               arg_int(args, "to_ms", INT64_C(9007199254740991)), (int64_t)CASES_MAX);
    while (n < CASES_MAX && query_next(q))
        out[n++].v = (uint64_t)query_int(q, "id");
    return query_end(q) ? 0 : n; /* an error sticks to the transaction */
}

/* One line with what may be done; NULL where the viewer has no say. */
static json_t *line_of(struct op_ctx *ctx, struct case_id id)
{
    static const enum consult_event ways[] = {E_SUBSTITUTE, E_RESCHEDULE, E_RELEASE_EXPERT};
    struct consult c;
    json_t *v = NULL;
    if (consult_load(ctx, id, &c))
        return NULL;
    uint32_t parties = consult_parties(ctx, &c), facts = consult_facts(ctx, &c, parties);
    if (parties & (P(DISPATCH) | P(TARGET))) {
        json_t *may = json_array();
        enum flow_refusal why;
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
            if (flow_find(&consult_flow, &c.flow, ways[i], parties, facts, &why))
                json_array_append_new(may, json_string(consult_flow.events[ways[i]].label.word));
        v = consult_case_line(ctx, &c);
        json_object_set_new(v, "end_ms", work_time(c.end_ms));
        json_object_set_new(v, "meeting_room", meeting_room_ref(ctx, c.meeting_room));
        json_object_set_new(v, "may", may);
    }
    consult_clear(&c);
    return v;
}

static int case_of_expert(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id ids[CASES_MAX];
    size_t n = cases_of(ctx, args, ids);
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *line = line_of(ctx, ids[i]);
        if (line && json_array_size(json_object_get(line, "may")))
            json_array_append_new(items, line);
        else
            json_decref(line);
    }
    *result = json_pack("{s:o,s:b}", "items", items, "truncated", n == CASES_MAX);
    return tx_error(ctx->tx);
}

static enum consult_event way_of(const json_t *item)
{
    if (arg_id(item, "person_id"))
        return E_SUBSTITUTE;
    return arg_id(item, "slot_id") || arg_int(item, "start_ms", 0) ? E_RESCHEDULE : E_RELEASE_EXPERT;
}

/* The arguments of the single act. */
static json_t *act_args(json_t *args, json_t *item, enum consult_event way)
{
    json_t *one = json_copy(item);
    json_object_set(one, "reason", json_object_get(args, "reason"));
    if (way == E_SUBSTITUTE)
        json_object_set(one, "instead_of", json_object_get(args, "person_id"));
    else
        json_object_set(one, "person_id", json_object_get(args, "person_id"));
    return one;
}

/* What was refused is refused for this item: its paths say so. */
static int blame(struct fault *f, size_t i, int rc)
{
    char path[sizeof f->fields->path];
    for (size_t k = 0; k < f->n_fields; k++) {
        snprintf(path, sizeof path, "items[%zu].%.60s", i, f->fields[k].path);
        snprintf(f->fields[k].path, sizeof f->fields[k].path, "%s", path);
    }
    if (!f->n_fields) {
        snprintf(path, sizeof path, "items[%zu]", i);
        rc = fault_field(f, path, "%s", f->reason[0] ? f->reason : err_wire(rc));
    }
    return rc;
}

static int move_one(struct op_ctx *ctx, json_t *args, json_t *item, json_t *moved)
{
    enum consult_event way = way_of(item);
    json_t *one = act_args(args, item, way), *c = NULL;
    int rc = consult_act_run(ctx, one, &c, way);
    if (!rc)
        json_array_append_new(moved, json_pack("{s:O,s:O,s:O}", "case_id", json_object_get(item, "case_id"), "number",
                                               json_object_get(c, "number"), "state", json_object_get(c, "state")));
    json_decref(c);
    json_decref(one);
    return rc;
}

static int case_move_expert(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_object_get(args, "items"), *item, *moved = json_array();
    size_t i;
    int rc = 0;
    json_array_foreach (items, i, item) {
        rc = move_one(ctx, args, item, moved);
        if (rc) {
            rc = blame(ctx->fault, i, rc);
            break;
        }
    }
    ctx->audit.object = arg_id(args, "person_id");
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "expert falls out, cases=%d", (int)i);
    if (rc)
        json_decref(moved);
    else
        *result = json_pack("{s:o}", "items", moved);
    return rc;
}

static const struct field of_expert_args[] = {{"person_id", FIELD_ID, true, .help = "the expert"},
                                              {"from_ms", FIELD_TIME, .help = "sessions that begin from here on"},
                                              {"to_ms", FIELD_TIME, .help = "and before"},
                                              {0}};
static const struct field move_item[] = {
    {"case_id", FIELD_ID, true},
    {"version", FIELD_INT, true, 1, INT64_C(9007199254740991), .help = "the version the page shows"},
    {"person_id", FIELD_ID, .help = "a substitute; the time below is kept for him"},
    {"slot_id", FIELD_ID},
    {"start_ms", FIELD_TIME, .help = "without a substitute: another time of the same expert"},
    {"end_ms", FIELD_TIME},
    {"meeting_room_id", FIELD_ID},
    {0}};
static const struct field move_of[] = {{"", FIELD_OBJECT, .of = move_item}};
static const struct field move_expert_args[] = {{"person_id", FIELD_ID, true, .help = "the expert who falls out"},
                                                {"reason", FIELD_TEXT, true, 1, 1000, .help = "why, for every case"},
                                                {"items", FIELD_ARRAY, true, 1, CASES_MAX, .of = move_of,
                                                 .help = "neither substitute nor time: back to the desk"},
                                                {0}};
const struct op case_move_ops[] = {
    {"case.of_expert", OP_READ, OP_PHI, "case.dispatch", of_expert_args, case_of_expert, "open cases that wait for an expert"},
    {"case.move_expert", OP_WRITE, OP_PHI, "case.dispatch", move_expert_args, case_move_expert,
     "an expert falls out: all his cases moved or given back at once"},
    {0}};
