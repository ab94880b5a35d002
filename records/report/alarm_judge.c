/* Judging: numbers are counted in a read transaction, what follows from them is written in one that is short. */
#include "records/notify/notify.h"
#include "records/parts.h"
#include "records/report/alarm.h"
#include "records/report/people.h"
#include "records/report/upstream.h"
#include "server/base/log.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 20
#define ROUND_US 100000
#define SYNC_EVERY_MS 3600000ll
#define ZONE_MS (8 * 3600000ll)
#define DAY_MS 86400000ll
#define ORG_NAME_BYTES 241 /* eighty characters */

struct judged {
    struct alarm_rule rule;
    uint64_t org;
    int64_t bad_since_ms, milli;
    enum verdict verdict;
};
struct round {
    struct judged list[BATCH];
    size_t n;
};

static void take(char *out, size_t cap, struct query *q, const char *column)
{
    const char *text = query_text(q, column);
    snprintf(out, cap, "%s", text ? text : "");
}

void alarm_rule_row(struct query *q, struct alarm_rule *out)
{
    *out = (struct alarm_rule){.id = (uint64_t)query_int(q, "r_id"),
                               .org = (uint64_t)query_int(q, "r_org"),
                               .each = query_int(q, "r_each") != 0,
                               .above = strcmp(query_text(q, "r_side"), "above") == 0,
                               .limit_milli = query_int(q, "r_limit"),
                               .least = query_int(q, "r_least"),
                               .for_ms = query_int(q, "r_for") * 60000,
                               .urgent = query_int(q, "r_urgent") != 0,
                               .enabled = query_int(q, "r_enabled") != 0,
                               .version = query_int(q, "r_version")};
    take(out->indicator, sizeof out->indicator, q, "r_indicator");
    take(out->period, sizeof out->period, q, "r_period");
    take(out->role, sizeof out->role, q, "r_role");
}

static int64_t milli_of(const struct figure *f)
{
    return (int64_t)llround(f->value * 1000);
}

enum verdict alarm_verdict(const struct alarm_rule *r, const struct figure *f)
{
    if (!f->known || f->denominator < r->least)
        return VERDICT_NOTHING;
    return (r->above ? milli_of(f) > r->limit_milli : milli_of(f) < r->limit_milli) ? VERDICT_BAD : VERDICT_WELL;
}

/* ---- counting ---- */

static int count(struct tx *tx, const struct indicators *t, int64_t now_ms, struct judged *j)
{
    struct period period;
    struct figure f = {0};
    struct ask ask = {.indicator = indicators_find(t, j->rule.indicator), .org = j->org, .now_ms = now_ms};
    int rc = 0;
    if (ask.indicator && period_of(j->rule.period, now_ms, &period)) { /* an indicator that left the file has nothing to say */
        ask.side = figure_is_root(tx, j->org) ? SIDE_EVERYWHERE : SIDE_EITHER;
        ask.span = period.now;
        rc = figure_of(tx, &ask, &f);
    }
    j->verdict = alarm_verdict(&j->rule, &f);
    j->milli = milli_of(&f);
    return rc;
}

static int count_due(struct records *r, int64_t now_ms, struct round *round)
{
    struct tx *tx;
    size_t n = 0;
    int64_t begun = clock_monotonic_us();
    int rc = tx_begin(records_store(r), TX_READ, &tx);
    if (rc)
        return rc;
    bool fresh = tx_int(tx, 0, "SELECT place FROM report_state WHERE name='walk'", "") < 0 && !upstream_facts_ms(tx, now_ms);
    struct query *q = tx_query(tx, "SELECT " ALARM_RULE_COLUMNS ", w.org_id, w.bad_since_ms FROM alarm_watch w JOIN alarm_rule r ON r.id=w.rule_id WHERE r.enabled=1 AND "
                                   "(w.judged_ms<=$1 OR w.judged_ms>$2) ORDER BY w.judged_ms, w.rule_id, w.org_id LIMIT $3",
                               "iii", now_ms - ALARM_EVERY_MS, now_ms, fresh ? (int64_t)BATCH : (int64_t)0);
    while (n < BATCH && query_next(q)) {
        struct judged *j = &round->list[n++];
        alarm_rule_row(q, &j->rule);
        j->org = (uint64_t)query_int(q, "org_id");
        j->bad_since_ms = query_int(q, "bad_since_ms");
    }
    rc = query_end(q);
    for (round->n = 0; rc == 0 && round->n < n && (round->n == 0 || clock_monotonic_us() - begun < ROUND_US); round->n++)
        rc = count(tx, records_parts(r)->indicators, now_ms, &round->list[round->n]);
    rc = rc ? rc : tx_error(tx);
    tx_rollback(tx);
    return rc;
}

/* ---- what follows ---- */

static int number_of(struct op_ctx *ctx, char out[24])
{
    int64_t midnight = (ctx->now_ms + ZONE_MS) / DAY_MS * DAY_MS - ZONE_MS;
    char month[PERIOD_MONTH];
    period_month_text(ctx->now_ms, 0, month);
    struct span first, before;
    int64_t day = period_month(month, &first, &before) ? (midnight - first.from_ms) / DAY_MS + 1 : 0;
    int64_t n = tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM alarm WHERE opened_ms>=$1", "i", midnight);
    snprintf(out, 24, "BJ%.4s%.2s%02d-%03d", month, month + 5, (int)day, (int)(n + 1));
    return tx_error(ctx->tx);
}

/* What the notice says of it. An indicator that left the file is called by its id. */
static struct notify_figure figure_told(struct op_ctx *ctx, const struct judged *j, int64_t since_ms, char org[ORG_NAME_BYTES])
{
    const struct indicator *i = indicators_find(records_parts(ctx->records)->indicators, j->rule.indicator);
    const json_t *title = i ? json_object_get(i->row, "title") : NULL;
    struct query *q = tx_query(ctx->tx, "SELECT name FROM org WHERE id=$1", "i", (int64_t)j->org);
    org[0] = 0;
    if (query_next(q))
        take(org, ORG_NAME_BYTES, q, "name");
    int sticky = query_end(q);
    (void)sticky;
    return (struct notify_figure){.zh = i ? json_string_value(json_object_get(title, "zh")) : j->rule.indicator, .en = i ? json_string_value(json_object_get(title, "en")) : j->rule.indicator,
                                  .org = org, .period = j->rule.period, .unit = i ? i->unit : "", .above = j->rule.above, .milli = j->milli, .limit_milli = j->rule.limit_milli,
                                  .since_ms = since_ms};
}

static int tell(struct op_ctx *ctx, const struct judged *j, const char *number, int64_t since_ms)
{
    char org[ORG_NAME_BYTES];
    struct person_id people[PEOPLE_MAX];
    struct notify_figure figure = figure_told(ctx, j, since_ms, org);
    int role = access_role(records_parts(ctx->records)->access, j->rule.role);
    size_t n = role < 0 ? 0 : people_with_role(ctx, j->org, role, people);
    return notify_people(ctx, people, n, "alarm.opened", &(struct notify_about){.case_number = number, .urgent = j->rule.urgent, .figure = &figure});
}

static int open_one(struct op_ctx *ctx, const struct judged *j, int64_t since_ms)
{
    char number[24];
    tx_exec(ctx->tx,
            "UPDATE alarm SET closed_ms=0, closed_why='', again=again+1, last_milli=$3, last_ms=$4 WHERE id=(SELECT MAX(id) FROM alarm WHERE rule_id=$1 AND org_id=$2 AND closed_ms>$5 AND "
            "closed_why<>'rule')",
            "iiiii", (int64_t)j->rule.id, (int64_t)j->org, j->milli, ctx->now_ms, ctx->now_ms - ALARM_AGAIN_MS);
    if (tx_error(ctx->tx) || tx_changes(ctx->tx))
        return tx_error(ctx->tx);
    int rc = number_of(ctx, number);
    tx_exec(ctx->tx,
            "INSERT INTO alarm (id, number, rule_id, org_id, indicator, period, side, limit_milli, role, urgent, opened_ms, opened_milli, last_milli, last_ms) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$12,$11)",
            "itiitttitiii", (int64_t)id_new(), number, (int64_t)j->rule.id, (int64_t)j->org, j->rule.indicator, j->rule.period, j->rule.above ? "above" : "below", j->rule.limit_milli,
            j->rule.role, (int64_t)j->rule.urgent, ctx->now_ms, j->milli);
    return rc ? rc : tell(ctx, j, number, since_ms);
}

/* The owner learns that it is over; without one nobody had begun. */
static int close_one(struct op_ctx *ctx, const struct judged *j, uint64_t alarm, const char *why)
{
    char number[40] = "", org[ORG_NAME_BYTES];
    struct person_id owner = {0};
    struct query *q = tx_query(ctx->tx, "SELECT number, owner_id FROM alarm WHERE id=$1", "i", (int64_t)alarm);
    if (query_next(q)) {
        take(number, sizeof number, q, "number");
        owner.v = (uint64_t)query_int(q, "owner_id");
    }
    int rc = query_end(q);
    tx_exec(ctx->tx, "UPDATE alarm SET closed_ms=$2, closed_why=$3 WHERE id=$1", "iit", (int64_t)alarm, ctx->now_ms, why);
    struct notify_figure figure = figure_told(ctx, j, 0, org);
    return rc ? rc : strcmp(why, "well") == 0 ? notify_person(ctx, owner, "alarm.closed", &(struct notify_about){.case_number = number, .figure = &figure}) : tx_error(ctx->tx);
}

static int apply(struct op_ctx *ctx, const struct judged *j)
{
    int64_t bad_since = j->verdict != VERDICT_BAD ? 0 : j->bad_since_ms ? j->bad_since_ms : ctx->now_ms;
    int64_t open = tx_int(ctx->tx, 0, "SELECT id FROM alarm WHERE rule_id=$1 AND org_id=$2 AND closed_ms=0", "ii", (int64_t)j->rule.id, (int64_t)j->org);
    /* a rule that was changed or taken away between counting and now is not judged by what it said before */
    tx_exec(ctx->tx, "UPDATE alarm_watch SET judged_ms=$3, bad_since_ms=$4 WHERE rule_id=$1 AND org_id=$2 AND EXISTS (SELECT 1 FROM alarm_rule r WHERE r.id=$1 AND r.version=$5 AND r.enabled=1)",
            "iiiii", (int64_t)j->rule.id, (int64_t)j->org, ctx->now_ms, bad_since, j->rule.version);
    if (tx_error(ctx->tx) || !tx_changes(ctx->tx))
        return tx_error(ctx->tx);
    if (open && j->verdict != VERDICT_NOTHING)
        tx_exec(ctx->tx, "UPDATE alarm SET last_milli=$2, last_ms=$3 WHERE id=$1", "iii", open, j->milli, ctx->now_ms);
    if (open && j->verdict != VERDICT_BAD)
        return close_one(ctx, j, (uint64_t)open, j->verdict == VERDICT_WELL ? "well" : "nothing");
    return !open && bad_since && ctx->now_ms - bad_since >= j->rule.for_ms ? open_one(ctx, j, bad_since) : tx_error(ctx->tx);
}

int alarm_close_all(struct op_ctx *ctx, uint64_t rule)
{
    return tx_exec(ctx->tx, "UPDATE alarm SET closed_ms=$2, closed_why='rule' WHERE rule_id=$1 AND closed_ms=0", "ii", (int64_t)rule, ctx->now_ms);
}

/* ---- which pairs ---- */

#define BELOW "WITH RECURSIVE below(id) AS (SELECT id FROM org WHERE id=$1 UNION ALL SELECT o.id FROM org o JOIN below b ON o.parent_id=b.id) "
#define WATCHED                                                                                                                                 \
    BELOW "SELECT o.id AS id FROM org o JOIN below b ON b.id=o.id WHERE o.kind='institution' AND o.active=1 AND ($2=1 OR o.id=$1) AND NOT EXISTS " \
          "(SELECT 1 FROM alarm_watch w WHERE w.rule_id=$3 AND w.org_id=o.id) ORDER BY o.id LIMIT 1000"

int alarm_watch_fill(struct tx *tx, const struct alarm_rule *r)
{
    uint64_t orgs[1000];
    size_t n = 0;
    struct query *q = tx_query(tx, WATCHED, "iii", (int64_t)r->org, (int64_t)r->each, (int64_t)r->id);
    while (n < sizeof orgs / sizeof *orgs && query_next(q))
        orgs[n++] = (uint64_t)query_int(q, "id");
    int rc = query_end(q);
    for (size_t i = 0; i < n; i++)
        tx_exec(tx, "INSERT INTO alarm_watch (rule_id, org_id, judged_ms, bad_since_ms) VALUES ($1,$2,0,0)", "ii", (int64_t)r->id, (int64_t)orgs[i]);
    tx_exec(tx, "DELETE FROM alarm_watch WHERE rule_id=$1 AND org_id IN (SELECT id FROM org WHERE active=0)", "i", (int64_t)r->id);
    return rc ? rc : tx_error(tx);
}

static bool sync_due(struct records *r, int64_t now_ms)
{
    struct tx *tx;
    if (tx_begin(records_store(r), TX_READ, &tx))
        return false;
    int64_t last = tx_int(tx, 0, "SELECT place FROM report_state WHERE name='watch'", "");
    bool any = (now_ms - last >= SYNC_EVERY_MS || now_ms < last) && tx_int(tx, 0, "SELECT COUNT(*) FROM alarm_rule", "") > 0;
    tx_rollback(tx);
    return any;
}

/* Institutions that came since a rule was made. */
static int sync(struct op_ctx *ctx)
{
    struct alarm_rule rules[ALARM_RULES_MAX];
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT " ALARM_RULE_COLUMNS " FROM alarm_rule r ORDER BY r.id LIMIT $1", "i", (int64_t)ALARM_RULES_MAX);
    while (n < ALARM_RULES_MAX && query_next(q))
        alarm_rule_row(q, &rules[n++]);
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = alarm_watch_fill(ctx->tx, &rules[i]);
    tx_upsert(ctx->tx, "report_state", "name", "name,place", "ti", "watch", ctx->now_ms);
    return rc ? rc : tx_error(ctx->tx);
}

void alarm_background(struct records *r, int64_t now_ms)
{
    struct actor system = {.system = true, .name = "system"};
    struct fault fault = {0};
    struct round round = {.n = 0};
    struct tx *tx;
    bool also = sync_due(r, now_ms);
    int rc = count_due(r, now_ms, &round);
    if (rc || (!round.n && !also) || tx_begin(records_store(r), TX_WRITE, &tx))
        return;
    struct op_ctx ctx = {.records = r, .tx = tx, .actor = &system, .now_ms = now_ms, .fault = &fault};
    rc = also ? sync(&ctx) : 0;
    for (size_t i = 0; rc == 0 && i < round.n; i++)
        rc = apply(&ctx, &round.list[i]);
    rc = rc ? rc : tx_error(tx);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc)
        log_error("report", "alarms could not be judged: %s", err_wire(rc));
}
