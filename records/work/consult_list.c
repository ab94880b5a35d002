/* Lists and the board. What a person may list is one SQL condition made from his roles, so that a count and
 * the list it opens can never disagree: both read the same rows. */
#include "records/work/consult.h"
#include "records/work/consultation.h"
#include "records/patient/patient.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

#define PAGE_MAX 200

/* $1 person, $2 institution, $3..$6 role flags (office, dispatcher, head, expert), $7 department, $8 now */
#define MINE                                                                                                 \
    "((applicant_id=$1 AND home_org_id=$2) OR target_org_id=$2 AND EXISTS (SELECT 1 FROM consult_team t WHERE t.case_id=c.id AND t.person_id=$1 AND "  \
    "t.state<=2 "                                                                                            \
    "AND (c.closed_ms=0 OR c.closed_ms+604800000>=$8)))"
#define HOME "($3=1 AND home_org_id=$2 AND applicant_id<>$1 AND submitted_ms>0)"
#define SENT "reached_ms>0"
#define TARGET "(($3=1 OR $4=1) AND target_org_id=$2 AND applicant_id<>$1 AND " SENT ")"
#define DEPT                                                                                                 \
    "($7<>0 AND target_dept_id=$7 AND target_org_id=$2 AND applicant_id<>$1 AND " SENT                       \
    " AND ($5=1 OR ($6=1 AND scope='in_house')))"
#define VISIBLE "(" MINE " OR " HOME " OR " TARGET " OR " DEPT ")"
/* what waits for me: by holder party */
#define INBOX                                                                                                \
    "(closed_ms=0 AND ((holder_party='applicant' AND applicant_id=$1 AND home_org_id=$2) OR (holder_party='home_office' "       \
    "AND " HOME ") OR "                                                                                      \
    "(holder_party='dispatcher' AND (" TARGET " OR " DEPT                                                    \
    ")) OR (holder_party='expert' AND target_org_id=$2 AND EXISTS (SELECT 1 FROM consult_team t "                                 \
    "WHERE t.case_id=c.id AND t.person_id=$1 AND ((c.state='ASSIGNED' AND t.state=0) OR "                    \
    "(c.state<>'ASSIGNED' AND t.state=1)))) OR "                                                             \
    "(review_open=1 AND " HOME ")))"

struct viewer {
    int64_t person, org, dept;
    int64_t office, dispatcher, head, expert;
};

/* A display in the dispatch office sees the board as its dispatchers do, a manager as the office of his house does, and
 * nothing else. */
static struct viewer viewer_of(struct op_ctx *ctx, bool board)
{
    return (struct viewer){.person = (int64_t)ctx->actor->person.v,
                           .org = (int64_t)ctx->actor->org.v,
                           .dept = (int64_t)ctx->actor->dept.v,
                           .office = staff_actor_has(ctx, STAFF_OFFICE) ||
                                     (board && staff_actor_has(ctx, STAFF_MANAGER)),
                           .dispatcher = staff_actor_has(ctx, STAFF_DISPATCHER) ||
                                         (board && staff_actor_has(ctx, STAFF_DISPLAY)),
                           .head = staff_actor_has(ctx, STAFF_HEAD),
                           .expert = staff_actor_has(ctx, STAFF_EXPERT)};
}

/* Filters, $9.. : an empty filter compares a column with itself. */
#define FILTER                                                                                               \
    " AND ($9='' OR state=$9) AND ($10='' OR urgency=$10) AND ($11='' OR kind=$11) AND ($12='' OR "          \
    "scope=$12) AND "                                                                                        \
    "($13=0 OR holder_person_id=$13 OR ($13=holder_org_id AND holder_person_id=0)) AND ($14=0 OR "           \
    "home_org_id=$14 OR "                                                                                    \
    "target_org_id=$14) AND ($15=0 OR patient_id=$15) AND ($16=0 OR created_ms>=$16) AND ($17=0 OR "         \
    "created_ms<$17) AND "                                                                                   \
    "($18=0 OR (due_ms>0 AND paused=0 AND due_ms<=$8)) AND ($19='' OR (number>=$19 AND number<$19 || '~'))"

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static struct query *ask(struct op_ctx *ctx, json_t *args, const char *sql, const struct viewer *v,
                         const int64_t last[2])
{
    return tx_query(ctx->tx, sql,
                    "iiiiiiii"
                    "tttt"
                    "iiiiii"
                    "tii",
                    v->person, v->org, v->office, v->dispatcher, v->head, v->expert, v->dept, ctx->now_ms,
                    or_empty(arg_text(args, "state")), or_empty(arg_text(args, "urgency")),
                    or_empty(arg_text(args, "kind")), or_empty(arg_text(args, "scope")),
                    (int64_t)arg_id(args, "holder_id"), (int64_t)arg_id(args, "org_id"),
                    (int64_t)arg_id(args, "patient_id"), arg_int(args, "from_ms", 0),
                    arg_int(args, "to_ms", 0), (int64_t)json_is_true(json_object_get(args, "overdue")),
                    or_empty(arg_text(args, "q")), last[0], last[1]);
}

#define COLUMNS                                                                                              \
    "SELECT id, number, kind, scope, template, urgency, state, patient_id, applicant_id, home_org_id, "      \
    "target_org_id, "                                                                                        \
    "target_dept_id, expert_id, holder_party, holder_person_id, holder_org_id, due_ms, paused, start_ms, "   \
    "created_ms, "                                                                                           \
    "changed_ms, version FROM consult c WHERE "
#define BY_DEADLINE " ORDER BY CASE WHEN due_ms=0 THEN 1 ELSE 0 END, due_ms, id LIMIT $20 OFFSET $21"
#define BY_CHANGE " ORDER BY changed_ms DESC, id LIMIT $20 OFFSET $21"

static const char *sql_of(const char *view)
{
    if (strcmp(view, "inbox") == 0)
        return COLUMNS INBOX FILTER BY_DEADLINE;
    if (strcmp(view, "mine") == 0)
        return COLUMNS MINE
            " AND $2+$3+$4+$5+$6+$7>=0" FILTER BY_CHANGE; /* every parameter has its place in every view */
    return COLUMNS VISIBLE FILTER BY_CHANGE;
}

struct held_row { /* a row copied out, because making the line asks further queries */
    struct consult_line_row row;
    char texts[7][32];
};

static void hold(struct query *q, struct held_row *h)
{
    static const char *const names[] = {"number",  "kind",  "scope",       "template",
                                        "urgency", "state", "holder_party"};
    for (int i = 0; i < 7; i++)
        snprintf(h->texts[i], sizeof h->texts[i], "%s", or_empty(query_text(q, names[i])));
    h->row = (struct consult_line_row){.id = (uint64_t)query_int(q, "id"),
                                       .patient = (uint64_t)query_int(q, "patient_id"),
                                       .applicant = (uint64_t)query_int(q, "applicant_id"),
                                       .home_org = (uint64_t)query_int(q, "home_org_id"),
                                       .target_org = (uint64_t)query_int(q, "target_org_id"),
                                       .target_dept = (uint64_t)query_int(q, "target_dept_id"),
                                       .expert = (uint64_t)query_int(q, "expert_id"),
                                       .holder_person = (uint64_t)query_int(q, "holder_person_id"),
                                       .holder_org = (uint64_t)query_int(q, "holder_org_id"),
                                       .due_ms = query_int(q, "due_ms"),
                                       .paused = query_int(q, "paused"),
                                       .start_ms = query_int(q, "start_ms"),
                                       .created_ms = query_int(q, "created_ms"),
                                       .changed_ms = query_int(q, "changed_ms"),
                                       .version = query_int(q, "version")};
}

static void point(struct held_row *h)
{
    h->row.number = h->texts[0];
    h->row.kind = h->texts[1];
    h->row.scope = h->texts[2];
    h->row.template_ = h->texts[3];
    h->row.urgency = h->texts[4];
    h->row.state = h->texts[5];
    h->row.holder_party = h->texts[6];
}

static int case_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    static _Thread_local struct held_row rows[PAGE_MAX + 1];
    const char *view = arg_text(args, "view");
    int64_t limit = arg_int(args, "limit", 50), offset = arg_int(args, "after", 0);
    size_t n = 0;
    struct viewer v = viewer_of(ctx, false);
    struct query *q = ask(ctx, args, sql_of(view ? view : "all"), &v, (int64_t[]){limit + 1, offset});
    while (n <= PAGE_MAX && query_next(q))
        hold(q, &rows[n++]);
    int rc = query_end(q);
    if (rc)
        return rc;
    bool more = n > (size_t)limit;
    json_t *items = json_array();
    for (size_t i = 0; i < n - more; i++) {
        point(&rows[i]);
        json_array_append_new(items, consult_line(ctx, &rows[i].row));
    }
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "view=%s lines=%zu", view ? view : "all", n - more);
    *result = json_pack("{s:o,s:o}", "items", items, "next",
                        more ? json_sprintf("%lld", (long long)(offset + limit)) : json_null());
    return tx_error(ctx->tx);
}

/* ---- whether cases open a patient ---- */

/* A draft opens nothing, and what is over is over a week later for everybody. */
#define RUNNING "(submitted_ms>0 AND (closed_ms=0 OR closed_ms+604800000>=$8))"
#define OVERRIDDEN "EXISTS (SELECT 1 FROM consult_override o WHERE o.case_id=c.id AND o.person_id=$1 AND o.org_id=$2 AND o.until_ms>$8)"
#define ANY(condition) "SELECT COUNT(*) AS n FROM (SELECT id FROM consult c WHERE patient_id=$9 AND $1=$1 AND $2=$2 AND $3+$4+$5+$6>=0 AND $7=$7 AND $8=$8 AND " condition " LIMIT 1) one"

/* The same conditions as a list's: who may open a case of his, and who sees it, can never disagree. */
static bool any_case(struct op_ctx *ctx, const char *sql, struct patient_id patient)
{
    struct viewer v = viewer_of(ctx, false);
    return tx_int(ctx->tx, 0, sql, "iiiiiiiii", v.person, v.org, v.office, v.dispatcher, v.head, v.expert, v.dept, ctx->now_ms, (int64_t)patient.v) > 0;
}

bool consultation_grants_patient(struct op_ctx *ctx, struct patient_id patient)
{
    if (ctx->actor->system)
        return any_case(ctx, ANY("id<>0"), patient);
    return ctx->actor->person.v && any_case(ctx, ANY("(" VISIBLE " OR " OVERRIDDEN ")"), patient);
}

/* An emergency look at one case opens no other record. */
bool consultation_opens_person(struct op_ctx *ctx, struct patient_id patient)
{
    if (ctx->actor->system)
        return any_case(ctx, ANY(RUNNING), patient);
    return ctx->actor->person.v && any_case(ctx, ANY(RUNNING " AND " VISIBLE), patient);
}

/* ---- the board ---- */
#define COUNTS                                                                                               \
    "COUNT(*) AS n, SUM(CASE WHEN due_ms>0 AND paused=0 AND due_ms<=$8 AND closed_ms=0 THEN 1 ELSE 0 END) "  \
    "AS late FROM consult c WHERE "
/* the consortium administrator sees the numbers of all, not the cases */
#define COUNTED "(" VISIBLE " OR ($20=1 AND submitted_ms>0))"
#define BOARD_PARTS " AND $21>=0 "

static struct query *ask_board(struct op_ctx *ctx, json_t *args, const char *sql)
{
    struct viewer v = viewer_of(ctx, true);
    return ask(ctx, args, sql, &v, (int64_t[]){staff_actor_has(ctx, STAFF_ADMIN), 0});
}

static json_t *count_by(struct op_ctx *ctx, json_t *args, const char *sql, const char *name)
{
    json_t *list = json_array();
    struct query *q = ask_board(ctx, args, sql);
    while (query_next(q)) {
        const char *word = query_text(q, "word");
        int state = strcmp(name, "state") == 0 ? flow_state_find(&consult_flow, word) : -1;
        json_t *item = json_pack("{s:s,s:I,s:I}", name, word, "count", (json_int_t)query_int(q, "n"),
                                 "overdue", (json_int_t)query_int(q, "late"));
        if (state >= 0)
            json_object_set_new(item, "label", work_label(&consult_flow.states[state].label));
        json_array_append_new(list, item);
    }
    return work_list_end(q, list);
}

/* A case's way from first to last, whatever the states are called. */
static json_t *by_workflow(json_t *states)
{
    json_t *list = json_array(), *item;
    size_t i;
    for (int s = 0; s < consult_flow.n_states; s++)
        json_array_foreach (states, i, item)
            if (strcmp(json_string_value(json_object_get(item, "state")), consult_flow.states[s].label.word) == 0)
                json_array_append(list, item);
    json_decref(states);
    return list;
}

static json_t *holder_ref(struct op_ctx *ctx, struct query *q)
{
    uint64_t person = (uint64_t)query_int(q, "holder_person_id"), org = (uint64_t)query_int(q, "holder_org_id");
    return person ? staff_ref(ctx, (struct person_id){person}) : org_ref(ctx, (struct org_id){org});
}

static json_t *count_holders(struct op_ctx *ctx, json_t *args)
{
    json_t *list = json_array();
    struct query *q =
        ask_board(ctx, args,
                  "SELECT holder_party, holder_person_id, holder_org_id, " COUNTS COUNTED FILTER BOARD_PARTS
                  "AND holder_party<>'' GROUP BY holder_party, holder_person_id, holder_org_id ORDER BY late DESC, "
                  "n DESC");
    while (query_next(q)) {
        json_array_append_new(list, json_pack("{s:o,s:s,s:I,s:I}", "holder", holder_ref(ctx, q),
                                              "role", query_text(q, "holder_party"), "count",
                                              (json_int_t)query_int(q, "n"), "overdue",
                                              (json_int_t)query_int(q, "late")));
    }
    return work_list_end(q, list);
}

static int board_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int64_t total = 0, late = 0;
    size_t i;
    json_t *states = by_workflow(count_by(ctx, args,
                                          "SELECT state AS word, " COUNTS COUNTED FILTER BOARD_PARTS
                                          "GROUP BY state",
                                          "state")),
           *item;
    json_t *urgencies = count_by(ctx, args,
                                 "SELECT urgency AS word, " COUNTS COUNTED FILTER BOARD_PARTS
                                 "AND closed_ms=0 GROUP BY urgency ORDER BY CASE urgency WHEN 'emergency' "
                                 "THEN 0 WHEN 'urgent' THEN 1 ELSE 2 END",
                                 "urgency");
    json_array_foreach (states, i, item) {
        total += json_integer_value(json_object_get(item, "count"));
        late += json_integer_value(json_object_get(item, "overdue"));
    }
    *result = json_pack("{s:o,s:o,s:o,s:I,s:I}", "states", states, "urgencies", urgencies, "holders",
                        count_holders(ctx, args), "total", (json_int_t)total, "overdue", (json_int_t)late);
    return tx_error(ctx->tx);
}

/* What a screen on the wall shows: the counts, and the cases in the order of their deadlines - no patient, so that who
 * passes by reads nothing that is not his. */
static int board_wall(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    int rc = board_get(ctx, args, result);
    struct query *q = ask_board(ctx, args,
                                "SELECT number, urgency, state, home_org_id, target_org_id, holder_party, holder_person_id, "
                                "holder_org_id, due_ms FROM consult c WHERE " COUNTED FILTER BOARD_PARTS
                                "AND closed_ms=0 AND due_ms>0 AND paused=0 ORDER BY due_ms, id LIMIT 60");
    while (query_next(q)) {
        int state = flow_state_find(&consult_flow, query_text(q, "state"));
        int64_t due_ms = query_int(q, "due_ms");
        json_array_append_new(
            items,
            json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:I,s:b}", "number", query_text(q, "number"), "urgency",
                      query_text(q, "urgency"), "state_label",
                      state >= 0 ? work_label(&consult_flow.states[state].label) : json_null(), "home",
                      org_ref(ctx, (struct org_id){(uint64_t)query_int(q, "home_org_id")}), "target",
                      org_ref(ctx, (struct org_id){(uint64_t)query_int(q, "target_org_id")}), "holder",
                      holder_ref(ctx, q), "role", query_text(q, "holder_party"), "due_ms", (json_int_t)due_ms, "overdue",
                      due_ms <= ctx->now_ms));
    }
    rc = rc ? rc : query_end(q);
    if (!rc) {
        json_object_set(*result, "items", items);
        json_object_set_new(*result, "server_ms", json_integer(ctx->now_ms));
    }
    json_decref(items);
    return rc;
}

json_t *consultation_glance(struct op_ctx *ctx, struct case_id id)
{
    struct consult c;
    if (consult_load_head(ctx, id, &c)) {
        fault_clear(ctx->fault); /* a case that is no more is a line without a case */
        return json_null();
    }
    bool mine = consult_may_read(ctx, &c, consult_parties(ctx, &c));
    json_t *v = json_pack("{s:o,s:s,s:s,s:o,s:o}", "id", mine ? json_id(c.id.v) : json_null(), "number", c.number, "urgency", c.urgency, "state_label",
                          work_label(&consult_flow.states[c.flow.state].label), "patient", mine ? patient_brief(ctx, c.patient) : json_null());
    consult_clear(&c);
    return v;
}

#define FILTER_ARGS                                                                                          \
    {"state", FIELD_TEXT, false, 0, 24}, {"urgency", FIELD_ENUM, .choices = "routine|urgent|emergency"},     \
        {"kind", FIELD_ENUM, .choices = "offline|interactive"},                                              \
        {"scope", FIELD_ENUM, .choices = "clinical|specialist|mdt|in_house"},                                \
        {"overdue", FIELD_BOOL, .help = "only overdue ones"},                                                \
        {"holder_id", FIELD_ID, .help = "person or institution who holds it"},                               \
        {"org_id", FIELD_ID, .help = "requesting or target institution"},                                    \
        {"from_ms", FIELD_TIME}, {"to_ms", FIELD_TIME},                                                      \
    {                                                                                                        \
        "q", FIELD_TEXT, false, 0, 40, .help = "case number"                                                 \
    }
static const struct field list_args[] = {{"view", FIELD_ENUM, .choices = "inbox|mine|all"},
                                         FILTER_ARGS,
                                         {"patient_id", FIELD_ID},
                                         {"limit", FIELD_INT, false, 1, PAGE_MAX},
                                         {"after", FIELD_INT, false, 0, 1000000},
                                         {0}};
static const struct field board_args[] = {FILTER_ARGS, {"patient_id", FIELD_ID}, {0}};
static const struct field wall_args[] = {FILTER_ARGS, {0}}; /* by patient it would tell who is ill to who may not read a case */

const struct op case_list_ops[] = {
    {"case.list", OP_READ, OP_PHI, "case.read", list_args, case_list, "cases the viewer takes part in"},
    {"board.get", OP_READ, 0, "case.read", board_args, board_get, "counts by state, urgency and holder"},
    {"board.wall", OP_READ, 0, "board.read", wall_args, board_wall,
     "the board for a screen on the wall: counts and deadlines, no patients"},
    {0}};
