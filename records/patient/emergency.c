/* Emergency access to the other records of one's own patient (functions.md 3.8): with a reason, for a few hours; medical affairs is told at once
 * and judges it within three working days. That of a case is records/work/override.c. */
#include "records/audit/audit.h"
#include "records/notify/notify.h"
#include "records/patient/patient.h"
#include "records/patient/sharing.h"
#include "records/store/sealed.h"
#include "records/work/policy.h"
#include "records/work/staff.h"
#include <stdio.h>
#include <string.h>

#define LIST_MAX 100

bool emergency_active(struct op_ctx *ctx, uint64_t patient)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM share_override WHERE patient_id=$1 AND person_id=$2 AND org_id=$3 AND until_ms>$4", "iiii", (int64_t)patient,
                  (int64_t)ctx->actor->person.v, (int64_t)ctx->actor->org.v, ctx->now_ms) > 0;
}

static int tell_office(struct op_ctx *ctx)
{
    struct person_id people[STAFF_TOLD_MAX];
    struct calendar calendar;
    staff_calendar(ctx, ctx->actor->org, &calendar);
    struct notify_about about = {.urgent = true, .due_ms = calendar_add(&calendar, ctx->now_ms, (struct duration){3, UNIT_WORK_DAY})};
    size_t n = staff_with_role(ctx, ctx->actor->org, (struct org_id){0}, STAFF_OFFICE, people, STAFF_TOLD_MAX);
    return n ? notify_people(ctx, people, n, "access.override_patient", &about) : 0;
}

static int override(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id"), id = id_new();
    int rc = patient_check_write(ctx, (struct patient_id){patient}); /* the patient stands before us: he is registered here */
    if (rc)
        return rc;
    int64_t until = ctx->now_ms + work_policy_int(ctx, "sharing.emergency_h") * 3600000;
    tx_exec(ctx->tx, "INSERT INTO share_override (id, patient_id, person_id, org_id, t_ms, until_ms, reason, reviewed_ms, reviewed_by) VALUES ($1,$2,$3,$4,$5,$6,$7,0,0)",
            "iiiiiis", (int64_t)id, (int64_t)patient, (int64_t)ctx->actor->person.v, (int64_t)ctx->actor->org.v, ctx->now_ms, until,
            SEALED(SHARE_REASON, id, patient, arg_text(args, "reason")));
    ctx->audit.object = id;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "emergency access");
    rc = tell_office(ctx);
    *result = json_pack("{s:o,s:I}", "id", json_id(id), "until_ms", (json_int_t)until);
    return rc ? rc : tx_error(ctx->tx);
}

static json_t *line_of(struct op_ctx *ctx, struct query *q)
{
    uint64_t id = (uint64_t)query_int(q, "id"), patient = (uint64_t)query_int(q, "patient_id");
    const char *who = query_text(q, "by_name");
    return json_pack("{s:o,s:o,s:s?,s:{s:o,s:s},s:I,s:I,s:s?,s:I,s:s?}", "id", json_id(id), "patient_id", json_id(patient), "patient_name",
                     query_text(q, "patient_name"), "person", "id", json_id((uint64_t)query_int(q, "person_id")), "name", who ? who : "", "t_ms",
                     (json_int_t)query_int(q, "t_ms"), "until_ms", (json_int_t)query_int(q, "until_ms"), "reason",
                     query_sealed(q, "reason", SEALED_SHARE_REASON, id, patient), "reviewed_ms", (json_int_t)query_int(q, "reviewed_ms"), "verdict",
                     query_text(q, "verdict"));
}

static int overrides(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT o.*, p.name AS by_name, t.name AS patient_name FROM share_override o LEFT JOIN person p ON p.id=o.person_id LEFT JOIN patient t ON "
                               "t.id=o.patient_id WHERE o.org_id=$1 AND ($2=1 OR o.reviewed_ms=0) ORDER BY o.id DESC LIMIT $3",
                               "iii", (int64_t)ctx->actor->org.v, (int64_t)json_is_true(json_object_get(args, "all")), (int64_t)LIST_MAX + 1);
    while (query_next(q)) {
        audit_shown(ctx, (uint64_t)query_int(q, "patient_id"));
        json_array_append_new(items, line_of(ctx, q));
    }
    int rc = query_end(q);
    *result = json_pack("{s:b,s:o}", "truncated", json_cut(items, LIST_MAX), "items", items);
    return rc;
}

static int review(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "override_id");
    const char *comment = arg_text(args, "comment");
    int64_t patient = tx_int(ctx->tx, 0, "SELECT patient_id FROM share_override WHERE id=$1", "i", (int64_t)id);
    ctx->audit.patient = (uint64_t)patient;
    ctx->audit.object = id;
    tx_exec(ctx->tx,
            "UPDATE share_override SET reviewed_ms=$1, reviewed_by=$2, verdict=$3, comment=$4 WHERE id=$5 AND reviewed_ms=0 AND org_id=$6 AND person_id<>$2",
            "iitsii", ctx->now_ms, (int64_t)ctx->actor->person.v, arg_text(args, "verdict"), SEALED(SHARE_COMMENT, id, patient, comment ? comment : ""), (int64_t)id,
            (int64_t)ctx->actor->org.v);
    if (tx_error(ctx->tx) == 0 && tx_changes(ctx->tx) == 0)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "override", "There is no open emergency access of your house that is yours to judge.");
    *result = json_pack("{s:o}", "id", json_id(id));
    return tx_error(ctx->tx);
}

static const struct field override_args[] = {
    {"patient_id", FIELD_ID, true}, {"reason", FIELD_TEXT, true, 4, 500, .help = "why it cannot wait"}, {0}};
static const struct field list_args[] = {{"all", FIELD_BOOL, .help = "judged ones too"}, {0}};
static const struct field review_args[] = {{"override_id", FIELD_ID, true},
                                           {"verdict", FIELD_ENUM, true, .choices = "justified|not_justified"},
                                           {"comment", FIELD_TEXT, false, 0, 1000},
                                           {0}};
const struct op emergency_ops[] = {
    {"patient.override", OP_WRITE, OP_PHI, "case.override", override_args, override, "Open a patient's records of other institutions in an emergency"},
    {"patient.overrides", OP_READ, OP_PHI, "case.override_review", list_args, overrides, "Emergency accesses of one's house that wait for a verdict"},
    {"patient.override_review", OP_WRITE, OP_PHI, "case.override_review", review_args, review, "Medical affairs judges an emergency access"},
    {0},
};
