/* What the machine's administrators see of rooms: which there are now, how those of a day were. No name, no case, no health data: a number, seats,
 * institutions, figures. What is live is added by server/api/oversee.c, once the operation here has let the asker in and left its line. */
#include "records/work/room_quality.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdlib.h>
#include <string.h>

#define DAY_MS 86400000ll
#define SPAN_MAX_MS (31 * DAY_MS)
#define LIST_MAX 200

static int room_live(struct op_ctx *ctx, json_t *args, json_t **result)
{
    (void)ctx;
    (void)args;
    *result = json_object();
    return 0;
}

static int room_live_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct room_row room;
    int rc = room_load(ctx, arg_id(args, "room_id"), &room);
    if (rc)
        return rc;
    ctx->audit.object = room.id.v;
    *result = json_pack("{s:o,s:o}", "room_id", json_id(room.id.v), "seat_id", json_id(arg_id(args, "seat_id")));
    return 0;
}

/* ---- those of a day ---- */
struct session {
    struct room_row room;
    json_t *orgs; /* refs, each once */
    struct quality_session sum;
};

static bool has_org(const json_t *orgs, uint64_t org)
{
    char text[ID_TEXT_BYTES];
    size_t i;
    json_t *one;
    id_format(org, text);
    json_array_foreach (orgs, i, one)
        if (strcmp(json_string_value(json_object_get(one, "id")), text) == 0)
            return true;
    return false;
}

static void take_orgs(struct op_ctx *ctx, struct session *s)
{
    s->orgs = json_array();
    for (size_t i = 0; i < s->sum.n_tickets; i++) {
        struct org_id org = s->sum.tickets[i].org;
        if (org.v && !has_org(s->orgs, org.v))
            json_array_append_new(s->orgs, org_ref(ctx, org));
    }
}

static json_t *grade_json(int worst)
{
    return worst < 0 ? json_null() : json_stringn(&"ABCD"[worst], 1);
}

/* Takes s->orgs. */
static json_t *session_view(const struct session *s)
{
    return json_pack("{s:o,s:s,s:s,s:o,s:o,s:o,s:I,s:o}", "room_id", json_id(s->room.id.v), "number", s->room.name, "kind", s->room.case_id.v ? "consultation" : "lecture",
                     "started_ms", work_time(s->room.started_ms), "ended_ms", work_time(s->room.ended_ms), "orgs", s->orgs, "people", (json_int_t)s->sum.n, "grade",
                     grade_json(quality_worst(&s->sum)));
}

static int look_at(struct op_ctx *ctx, uint64_t id, struct session *s)
{
    int rc = room_load(ctx, id, &s->room);
    rc = rc ? rc : quality_of_room(ctx, s->room.id, &s->sum);
    if (rc == 0)
        take_orgs(ctx, s);
    return rc;
}

static bool wanted(const json_t *args, const struct session *s)
{
    const char *grade = arg_text(args, "grade");
    uint64_t org = arg_id(args, "org_id");
    int worst = quality_worst(&s->sum);
    if (org && !has_org(s->orgs, org))
        return false;
    return !grade || (worst >= 0 && "ABCD"[worst] == grade[0]);
}

static int rooms_between(struct op_ctx *ctx, int64_t from_ms, int64_t to_ms, uint64_t ids[LIST_MAX + 1])
{
    int n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT id FROM room WHERE started_ms>=$1 AND started_ms<$2 ORDER BY started_ms DESC, id DESC LIMIT $3", "iii", from_ms, to_ms,
                               (int64_t)LIST_MAX + 1);
    while (n <= LIST_MAX && query_next(q))
        ids[n++] = (uint64_t)query_int(q, "id");
    return query_end(q) ? 0 : n; /* the store's error is found by the operation */
}

static int room_sessions(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int64_t from_ms = arg_int(args, "from_ms", 0), to_ms = arg_int(args, "to_ms", from_ms + DAY_MS);
    uint64_t ids[LIST_MAX + 1];
    if (to_ms <= from_ms || to_ms - from_ms > SPAN_MAX_MS)
        return fault_field(ctx->fault, "to_ms", to_ms <= from_ms ? "not_after_start" : "too_long:31d");
    int n = rooms_between(ctx, from_ms, to_ms, ids), rc = 0;
    struct session *s = malloc(sizeof *s);
    if (!s)
        abort();
    json_t *items = json_array();
    for (int i = 0; i < n && i < LIST_MAX && rc == 0; i++) {
        if ((rc = look_at(ctx, ids[i], s)))
            break;
        if (wanted(args, s))
            json_array_append_new(items, session_view(s));
        else
            json_decref(s->orgs);
    }
    free(s);
    *result = json_pack("{s:o,s:b}", "items", items, "truncated", n > LIST_MAX);
    return rc ? rc : tx_error(ctx->tx);
}

static int room_session_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct session *s = malloc(sizeof *s);
    if (!s)
        abort();
    int rc = look_at(ctx, arg_id(args, "room_id"), s);
    if (rc == 0) {
        ctx->audit.object = s->room.id.v;
        *result = session_view(s);
        json_object_set_new(*result, "seats", quality_people(ctx, &s->sum, false));
    }
    free(s);
    return rc ? rc : tx_error(ctx->tx);
}

static const struct field none[] = {{0}};
static const struct field live_args[] = {{"room_id", FIELD_ID, true, .help = "room"}, {"seat_id", FIELD_ID, .help = "whose received streams are told too"}, {0}};
static const struct field get_args[] = {{"room_id", FIELD_ID, true, .help = "room"}, {0}};
static const struct field list_args[] = {{"from_ms", FIELD_TIME, true, .help = "sessions that began from then on"},
                                         {"to_ms", FIELD_TIME, .help = "and before; absent: 24 hours later"},
                                         {"org_id", FIELD_ID, .help = "somebody of this institution had a seat"},
                                         {"grade", FIELD_ENUM, .choices = "A|B|C|D", .help = "of the worst line or picture"},
                                         {0}};

const struct op room_oversee_ops[] = {
    {"room.live", OP_READ, OP_PHI | OP_NO_IDLE, "room.oversee", none, room_live, "rooms that are live now, without names"},
    {"room.live_get", OP_READ, OP_PHI | OP_NO_IDLE, "room.oversee", live_args, room_live_get, "transports and streams of a live room"},
    {"room.sessions", OP_READ, OP_PHI, "room.oversee", list_args, room_sessions, "how the sessions of a span were, without names"},
    {"room.session_get", OP_READ, OP_PHI, "room.oversee", get_args, room_session_get, "how each line and picture of a session was, without names"},
    {0}};
