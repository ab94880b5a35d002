/* Emergency access: a doctor of either house who takes no part in a case opens it for a day, saying why.
 * Medical affairs is told at once and judges it within three working days. functions.md 3.8 (record access).
 */
#include "records/notify/notify.h"
#include "records/store/sealed.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

#define P(x) CONSULT_BIT(P_##x)
#define OVERRIDE_MS 86400000ll

bool override_active(struct op_ctx *ctx, struct case_id id)
{
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) FROM consult_override WHERE case_id=$1 AND person_id=$2 AND org_id=$3 AND until_ms>$4",
                  "iiii", (int64_t)id.v, (int64_t)ctx->actor->person.v, (int64_t)ctx->actor->org.v, ctx->now_ms) > 0;
}

static int tell_office(struct op_ctx *ctx, const struct consult *c)
{
    struct consult_time time;
    struct person_id people[STAFF_TOLD_MAX];
    bool home = ctx->actor->org.v == c->home_org.v;
    int rc = consult_time(ctx, c, home ? S_SUBMITTED : S_TRIAGED, &time);
    if (rc)
        return rc;
    struct notify_about about = {
        .case_id = c->id,
        .case_number = c->number,
        .urgent = true,
        .due_ms = calendar_add(&time.calendar, ctx->now_ms, (struct duration){3, UNIT_WORK_DAY})};
    size_t n = consult_people(ctx, c, home ? P_HOME : P_TARGET, people, STAFF_TOLD_MAX);
    return n ? notify_people(ctx, people, n, "access.override", &about) : 0;
}

bool override_possible(struct op_ctx *ctx, const struct consult *c)
{
    bool here = (c->submitted_ms && ctx->actor->org.v == c->home_org.v) ||
                (c->reached_ms && ctx->actor->org.v == c->target_org.v);
    return here && (staff_actor_has(ctx, STAFF_APPLICANT) || staff_actor_has(ctx, STAFF_EXPERT));
}

static int open_override(struct op_ctx *ctx, struct consult *c, const char *reason)
{
    if (!override_possible(ctx, c))
        return fault_set(ctx->fault, ERR_DENIED, "not_your_case",
                         "emergency access is for doctors of the two houses");
    uint64_t id = id_new();
    int rc = tx_exec(
        ctx->tx,
        "INSERT INTO consult_override (id, case_id, person_id, org_id, t_ms, until_ms, reason, reviewed_ms) "
        "VALUES ($1,$2,$3,$4,$5,$6,$7,0)",
        "iiiiiis", (int64_t)id, (int64_t)c->id.v, (int64_t)ctx->actor->person.v,
        (int64_t)ctx->actor->org.v, ctx->now_ms, ctx->now_ms + OVERRIDE_MS,
        SEALED(OVERRIDE_REASON, id, c->id.v, reason));
    rc = rc ? rc : tell_office(ctx, c);
    return rc ? rc
              : consult_note(ctx, c,
                             &(struct consult_note){.event = "override",
                                                    .role = "onlooker",
                                                    .reason = reason,
                                                    .from = c->flow.state,
                                                    .to = c->flow.state});
}

static int case_override(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    int rc = consult_load(ctx, (struct case_id){arg_id(args, "case_id")}, &c);
    if (rc)
        return rc;
    ctx->audit.object = c.id.v;
    ctx->audit.patient = c.patient.v;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "emergency access");
    uint32_t parties = consult_parties(ctx, &c);
    if (!consult_may_read(ctx, &c, parties))
        rc = open_override(ctx, &c, arg_text(args, "reason"));
    if (!rc)
        *result = consult_view(ctx, &c, parties);
    consult_clear(&c);
    return rc;
}

/* Judged by the office of the overrider's house, never by himself. */
static int judge(struct op_ctx *ctx, json_t *args, const struct consult *c)
{
    const char *comment = arg_text(args, "comment");
    int rc = tx_exec(ctx->tx,
                     "UPDATE consult_override SET reviewed_ms=$3, reviewed_by=$4, verdict=$5, comment=$6 "
                     "WHERE id=$1 AND case_id=$2 AND "
                     "reviewed_ms=0 AND org_id=$7 AND person_id<>$4",
                     "iiiitsi", (int64_t)arg_id(args, "override_id"), (int64_t)c->id.v, ctx->now_ms,
                     (int64_t)ctx->actor->person.v, arg_text(args, "verdict"),
                     SEALED(OVERRIDE_COMMENT, arg_id(args, "override_id"), c->id.v, comment ? comment : ""),
                     (int64_t)ctx->actor->org.v);
    if (!rc && tx_changes(ctx->tx) == 0)
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "override", "no open emergency access of your house");
    rc = rc ? rc : notify_settle(ctx, ctx->actor->person, c->id);
    return rc ? rc
              : consult_note(ctx, c,
                             &(struct consult_note){.event = "override_review",
                                                    .role = "office",
                                                    .reason = arg_text(args, "verdict"),
                                                    .from = c->flow.state,
                                                    .to = c->flow.state});
}

static int case_override_review(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    if (!(parties & (P(HOME) | P(TARGET))))
        rc = fault_set(ctx->fault, ERR_DENIED, "not_your_act",
                       "emergency access is judged by medical affairs");
    rc = rc ? rc : judge(ctx, args, &c);
    if (!rc)
        *result = consult_view(ctx, &c, parties);
    consult_clear(&c);
    return rc;
}

static json_t *override_view(struct op_ctx *ctx, struct query *q, uint64_t case_id)
{
    uint64_t id = (uint64_t)query_int(q, "id"), reviewer = (uint64_t)query_int(q, "reviewed_by");
    const char *comment = query_sealed(q, "comment", SEALED_OVERRIDE_COMMENT, id, case_id);
    json_t *said = comment && *comment ? json_string(comment) : json_null();
    return json_pack("{s:o,s:o,s:I,s:I,s:s?,s:o,s:o,s:s?,s:o}", "id", json_id(id), "person",
                     staff_ref(ctx, (struct person_id){(uint64_t)query_int(q, "person_id")}), "t_ms", (json_int_t)query_int(q, "t_ms"),
                     "until_ms", (json_int_t)query_int(q, "until_ms"), "reason",
                     query_sealed(q, "reason", SEALED_OVERRIDE_REASON, id, case_id), "reviewed_ms", work_time(query_int(q, "reviewed_ms")),
                     "reviewed_by", reviewer ? staff_ref(ctx, (struct person_id){reviewer}) : json_null(), "verdict",
                     query_text(q, "verdict"), "comment", said);
}

/* Medical affairs sees who opened the record in an emergency and how it was judged; nobody else does. */
json_t *overrides_view(struct op_ctx *ctx, const struct consult *c, uint32_t parties)
{
    json_t *list = json_array();
    if (!(parties & (P(HOME) | P(TARGET))))
        return list;
    struct query *q = tx_query(ctx->tx,
                               "SELECT id, person_id, t_ms, until_ms, reason, reviewed_ms, reviewed_by, verdict, comment FROM "
                               "consult_override WHERE case_id=$1 "
                               "ORDER BY t_ms, id",
                               "i", (int64_t)c->id.v);
    while (query_next(q))
        json_array_append_new(list, override_view(ctx, q, c->id.v));
    return work_list_end(q, list);
}

static const struct field override_args[] = {
    {"case_id", FIELD_ID, true}, {"reason", FIELD_TEXT, true, 4, 500, .help = "why it cannot wait"}, {0}};
static const struct field review_args[] = {
    {"case_id", FIELD_ID, true},
    {"override_id", FIELD_ID, true},
    {"verdict", FIELD_ENUM, true, .choices = "justified|not_justified"},
    {"comment", FIELD_TEXT, false, 0, 1000},
    {0}};
const struct op override_ops[] = {{"case.override", OP_WRITE, OP_PHI, "case.override", override_args,
                                   case_override, "open a case in an emergency; medical affairs is told"},
                                  {"case.override_review", OP_WRITE, OP_PHI, "case.override_review", review_args,
                                   case_override_review, "medical affairs judges an emergency access"},
                                  {0}};
