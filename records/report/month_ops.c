/* The operations of monthly reports, and the drafts that the system prepares. */
#include "records/notify/notify.h"
#include "records/parts.h"
#include "records/report/month.h"
#include "records/report/people.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 300
#define REPORT_MONTHS 24

static bool filling(struct tx *tx)
{
    return tx_int(tx, 0, "SELECT place FROM report_state WHERE name='walk'", "") >= 0;
}

/* ---- reading ---- */

#define BELOW "WITH RECURSIVE below(id) AS (SELECT id FROM org WHERE id=$1 UNION ALL SELECT o.id FROM org o JOIN below b ON o.parent_id=b.id) "

/* What of the months one sees there is, the newest first. */
static json_t *months_json(struct op_ctx *ctx)
{
    json_t *out = json_array();
    struct query *q = tx_query(ctx->tx, BELOW "SELECT DISTINCT r.month AS month FROM report_month r WHERE r.org_id IN (SELECT id FROM below) ORDER BY r.month DESC LIMIT $2", "ii",
                               (int64_t)ctx->actor->org.v, (int64_t)REPORT_MONTHS);
    while (query_next(q))
        json_array_append_new(out, json_string(query_text(q, "month")));
    int sticky = query_end(q);
    (void)sticky;
    return out;
}

static json_t *orgs_json(struct op_ctx *ctx)
{
    json_t *out = json_array();
    struct query *q = figure_orgs(ctx->tx, ctx->actor->org.v);
    while (query_next(q))
        json_array_append_new(out, json_pack("{s:o,s:s}", "id", json_id((uint64_t)query_int(q, "id")), "name", query_text(q, "name")));
    int sticky = query_end(q);
    (void)sticky;
    return out;
}

static int list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct month *all = calloc(LIST_MAX, sizeof *all);
    const char *month = arg_text(args, "month");
    size_t n = 0;
    json_t *items = json_array();
    if (!all)
        abort();
    struct query *q = tx_query(ctx->tx,
                               BELOW "SELECT " MONTH_COLUMNS " FROM report_month r JOIN org o ON o.id=r.org_id WHERE r.org_id IN (SELECT id FROM below) AND ($2='' OR r.month=$2) AND "
                                     "($3=0 OR r.org_id=$3) AND ($4=0 OR r.state<>'FROZEN') ORDER BY r.month DESC, CASE WHEN o.parent_id=0 THEN 0 ELSE 1 END, o.code, r.version DESC LIMIT $5",
                               "itiii", (int64_t)ctx->actor->org.v, month ? month : "", (int64_t)arg_id(args, "org_id"), (int64_t)json_is_true(json_object_get(args, "open")),
                               (int64_t)LIST_MAX);
    while (n < LIST_MAX && query_next(q))
        month_row(q, &all[n++]);
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++)
        json_array_append_new(items, month_json(ctx, &all[i], false));
    free(all);
    *result = json_pack("{s:o,s:o,s:o,s:b}", "items", items, "months", months_json(ctx), "orgs", orgs_json(ctx), "filling", (int)filling(ctx->tx));
    return rc ? rc : tx_error(ctx->tx);
}

/* The answer of every operation on one report. Takes m. */
static int answer(struct op_ctx *ctx, struct month *m, json_t **result, int rc)
{
    int different = 0;
    json_t *sheet = rc ? NULL : json_incref(m->sheet);
    if (rc == 0 && m->state == MONTH_DRAFT)
        rc = month_sheet(ctx, m, &sheet);
    else if (rc == 0 && m->state == MONTH_FROZEN && m->intact)
        rc = month_differences(ctx, m, sheet, &different);
    if (rc == 0) {
        *result = month_json(ctx, m, true);
        json_object_set_new(*result, "sheet", sheet ? json_incref(sheet) : json_null());
        json_object_set_new(*result, "intact", json_boolean(m->state != MONTH_FROZEN || m->intact));
        json_object_set_new(*result, "different", json_integer(different));
        json_object_set_new(*result, "filling", json_boolean(filling(ctx->tx)));
    }
    json_decref(sheet);
    month_clear(m);
    return rc ? rc : tx_error(ctx->tx);
}

static int get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct month m;
    int rc = month_load(ctx, arg_id(args, "report_id"), &m);
    return rc ? rc : answer(ctx, &m, result, 0);
}

/* ---- writing ---- */

static int make(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct month m;
    uint64_t org = arg_id(args, "org_id");
    if (!figure_sees(ctx->tx, ctx->actor->org.v, org))
        return fault_set(ctx->fault, ERR_DENIED, "other_institution", "This report is that of another institution.");
    int rc = month_make(ctx, org, arg_text(args, "month"), arg_text(args, "reason"), &m);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "month=%s version=%lld", m.month, (long long)m.version);
    return answer(ctx, &m, result, rc);
}

static int open_for(struct op_ctx *ctx, json_t *args, enum month_event event, const char *reason, struct month *m)
{
    int rc = month_load(ctx, arg_id(args, "report_id"), m);
    if (rc)
        return rc;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "month=%s version=%lld", m->month, (long long)m->version);
    rc = arg_int(args, "rev", 0) == m->rev ? month_move(ctx, m, event, reason) : fault_set(ctx->fault, ERR_CONFLICT, "version", "It was changed meanwhile.");
    if (rc)
        month_clear(m);
    return rc;
}

/* Whoever checks takes the numbers as they are at this moment: what he saw a minute ago may be older, what is kept is shown to him at once. */
static int check(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct month m;
    json_t *sheet = NULL;
    const char *note = arg_text(args, "note");
    int rc = filling(ctx->tx) ? fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "filling", "History is still being counted.") : open_for(ctx, args, ME_CHECK, NULL, &m);
    if (rc)
        return rc;
    rc = month_sheet(ctx, &m, &sheet);
    if (rc == 0)
        json_object_set_new(sheet, "note", json_string(note ? note : ""));
    rc = rc ? rc : month_keep(ctx, &m, sheet, false);
    json_decref(sheet);
    return answer(ctx, &m, result, rc);
}

/* What was checked must be there for whoever acts on it. */
static int readable(struct op_ctx *ctx, struct month *m)
{
    if (m->sheet)
        return 0;
    month_clear(m);
    return fault_set(ctx->fault, ERR_STORAGE, "sheet", "The checked numbers cannot be read: send the report back and have it checked again.");
}

static bool stands_still(const json_t *sheet)
{
    const json_t *u = json_object_get(sheet, "upstream");
    return json_is_integer(json_object_get(u, "facts_ms")) || json_array_size(json_object_get(u, "sources")) > 0;
}

static int approve(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct month m;
    const char *reason = arg_text(args, "reason");
    int rc = open_for(ctx, args, ME_APPROVE, reason, &m);
    rc = rc ? rc : readable(ctx, &m);
    if (rc)
        return rc;
    if (stands_still(m.sheet) && (!reason || !*reason)) {
        month_clear(&m);
        fault_field(ctx->fault, "reason", "required");
        return fault_set(ctx->fault, ERR_INVALID, "data_stands_still", "Data of this month had not arrived: say why it is approved all the same.");
    }
    json_object_set_new(m.sheet, "approval", json_string(reason ? reason : ""));
    return answer(ctx, &m, result, month_keep(ctx, &m, m.sheet, false));
}

static int give_back(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct month m;
    int rc = open_for(ctx, args, ME_RETURN, arg_text(args, "reason"), &m);
    return rc ? rc : answer(ctx, &m, result, month_keep(ctx, &m, NULL, false));
}

static json_t *signature(struct op_ctx *ctx, uint64_t person, int64_t t_ms)
{
    return json_pack("{s:o,s:I}", "by", show_ref(ctx, "SELECT name FROM person WHERE id=$1", person), "t_ms", (json_int_t)t_ms);
}

static int publish(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct month m;
    int rc = open_for(ctx, args, ME_PUBLISH, NULL, &m);
    rc = rc ? rc : readable(ctx, &m);
    if (rc)
        return rc;
    json_object_set_new(m.sheet, "signed", json_pack("{s:o,s:o,s:o}", "checked", signature(ctx, m.checked_by, m.checked_ms), "approved", signature(ctx, m.approved_by, m.approved_ms),
                                                     "published", signature(ctx, m.published_by, m.frozen_ms)));
    rc = month_keep(ctx, &m, m.sheet, true);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "month=%s version=%lld sha256=%s", m.month, (long long)m.version, m.sha256);
    return answer(ctx, &m, result, rc);
}

static const struct field list_args[] = {{"month", FIELD_TEXT, false, 7, 7, .help = "2026-10; absent: all"}, {"org_id", FIELD_ID}, {"open", FIELD_BOOL, .help = "only what is not published"}, {0}};
static const struct field one_args[] = {{"report_id", FIELD_ID, true}, {0}};
static const struct field make_args[] = {{"org_id", FIELD_ID, true, .help = "an institution at or below one's own"},
                                         {"month", FIELD_TEXT, true, 7, 7, .help = "2026-10, a month that is over"},
                                         {"reason", FIELD_TEXT, false, 0, 500, .help = "of a correction: needed when a version is published"},
                                         {0}};
#define MOVED {"report_id", FIELD_ID, true}, {"rev", FIELD_INT, true, 1, INT64_MAX, .help = "of the report that was looked at"}
static const struct field check_args[] = {MOVED, {"note", FIELD_TEXT, false, 0, 1000, .help = "printed under the numbers"}, {0}};
static const struct field maybe_args[] = {MOVED, {"reason", FIELD_TEXT, false, 0, 500, .help = "needed when data had not arrived"}, {0}};
static const struct field reason_args[] = {MOVED, {"reason", FIELD_TEXT, true, 1, 500}, {0}};
static const struct field moved_args[] = {MOVED, {0}};

const struct op month_ops[] = {
    {"month.list", OP_READ, 0, "report.read", list_args, list, "monthly reports of one's institution and those below it, the newest first"},
    {"month.get", OP_READ, 0, "report.read", one_args, get, "one report: its numbers, who did what, and of a published one what counting today would say"},
    {"month.make", OP_WRITE, 0, "report.check", make_args, make, "begin a month's report, or a correction of a published one"},
    {"month.check", OP_WRITE, 0, "report.check", check_args, check, "take the numbers as checked and submit them"},
    {"month.approve", OP_WRITE, 0, "report.approve", maybe_args, approve, "approve what somebody else checked"},
    {"month.return", OP_WRITE, 0, "report.approve", reason_args, give_back, "send it back to be checked anew"},
    {"month.publish", OP_WRITE, 0, "report.read", moved_args, publish, "publish: frozen, sealed and hashed; never counted again"},
    {0}};

/* ---- drafts ---- */

/* Is there a month that is over, has something in it, and has no drafts yet? Its text then. */
static bool due(struct tx *tx, int64_t now_ms, char month[PERIOD_MONTH])
{
    struct span now, before;
    char key[24];
    period_month_text(now_ms, 1, month);
    snprintf(key, sizeof key, "month %s", month);
    if (filling(tx) || tx_int(tx, 0, "SELECT COUNT(*) FROM report_state WHERE name=$1", "t", key) > 0 || !period_month(month, &now, &before))
        return false;
    return tx_int(tx, INT64_MAX, "SELECT MIN(t_ms) FROM report_fact WHERE measure=$1", "i", (int64_t)MEASURE_SENT) < now.to_ms;
}

static size_t institutions(struct tx *tx, uint64_t *out, size_t cap)
{
    size_t n = 0;
    struct query *q = tx_query(tx, "SELECT id FROM org WHERE kind='institution' AND active=1 ORDER BY id LIMIT $1", "i", (int64_t)cap);
    while (n < cap && query_next(q))
        out[n++] = (uint64_t)query_int(q, "id");
    int sticky = query_end(q);
    (void)sticky;
    return n;
}

#define INSTITUTIONS_MAX 20000 /* village clinics too */

/* One notice for everybody who checks, however many institutions his are. */
static int prepare(struct op_ctx *ctx, const char *month)
{
    static uint64_t orgs[INSTITUTIONS_MAX]; /* of the background's round alone */
    struct person_id people[PEOPLE_MAX];
    char key[24];
    int rc = 0;
    size_t n = institutions(ctx->tx, orgs, INSTITUTIONS_MAX);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct month m;
        if (tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM report_month WHERE org_id=$1 AND month=$2", "it", (int64_t)orgs[i], month) == 0)
            rc = month_make(ctx, orgs[i], month, NULL, &m);
    }
    snprintf(key, sizeof key, "month %s", month);
    tx_upsert(ctx->tx, "report_state", "name", "name,place", "ti", key, ctx->now_ms);
    rc = rc ? rc : notify_people(ctx, people, people_with_right(ctx, 0, "report.check", people), "month.made", &(struct notify_about){.case_number = month});
    return rc ? rc : tx_error(ctx->tx);
}

void month_background(struct records *r, int64_t now_ms)
{
    struct actor system = {.system = true, .name = "system"};
    struct fault fault = {0};
    char month[PERIOD_MONTH];
    struct tx *tx;
    if (tx_begin(records_store(r), TX_READ, &tx))
        return;
    bool any = due(tx, now_ms, month);
    tx_rollback(tx);
    if (!any || tx_begin(records_store(r), TX_WRITE, &tx))
        return;
    struct op_ctx ctx = {.records = r, .tx = tx, .actor = &system, .now_ms = now_ms, .fault = &fault};
    int rc = prepare(&ctx, month);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc)
        log_error("report", "the month's reports could not be prepared: %s", err_wire(rc));
}
