/* The operations of alarms: those there are, and the rules they come from. */
#include "records/parts.h"
#include "records/report/alarm.h"
#include "records/store/sealed.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 50
#define LIST_MAX 200
#define LIMIT_MAX 1e9

#define BELOW "WITH RECURSIVE below(id) AS (SELECT id FROM org WHERE id=$1 UNION ALL SELECT o.id FROM org o JOIN below b ON o.parent_id=b.id) "

static const struct indicators *table_of(struct op_ctx *ctx)
{
    return records_parts(ctx->records)->indicators;
}

static json_t *role_json(struct op_ctx *ctx, const char *word)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(access_table(records_parts(ctx->records)->access), "roles"), i, row)
        if (strcmp(json_string_value(json_object_get(row, "id")), word) == 0)
            return json_pack("{s:s,s:O}", "id", word, "label", json_object_get(row, "label"));
    return json_pack("{s:s,s:n}", "id", word, "label");
}

/* An indicator that left the file keeps its id. */
static json_t *indicator_json(struct op_ctx *ctx, const char *id)
{
    const struct indicator *i = indicators_find(table_of(ctx), id);
    return i ? show_meaning(i) : json_pack("{s:s,s:n}", "id", id, "title");
}

static json_t *milli_json(int64_t milli)
{
    return json_real((double)milli / 1000);
}

/* ---- alarms ---- */

struct held { /* copied out, because telling what it is asks further queries */
    uint64_t id, rule, org, owner, ack_by;
    char number[24], indicator[41], period[12], side[8], role[32], why[12], *note;
    int64_t limit, opened_ms, opened, last, last_ms, taken_ms, ack_ms, closed_ms, again, urgent;
};

static void take(char *out, size_t cap, struct query *q, const char *column)
{
    const char *text = query_text(q, column);
    snprintf(out, cap, "%s", text ? text : "");
}

static void hold(struct query *q, struct held *h)
{
    *h = (struct held){.id = (uint64_t)query_int(q, "id"), .rule = (uint64_t)query_int(q, "rule_id"), .org = (uint64_t)query_int(q, "org_id"), .owner = (uint64_t)query_int(q, "owner_id"),
                       .ack_by = (uint64_t)query_int(q, "ack_by"), .limit = query_int(q, "limit_milli"), .opened_ms = query_int(q, "opened_ms"), .opened = query_int(q, "opened_milli"),
                       .last = query_int(q, "last_milli"), .last_ms = query_int(q, "last_ms"), .taken_ms = query_int(q, "taken_ms"), .ack_ms = query_int(q, "ack_ms"),
                       .closed_ms = query_int(q, "closed_ms"), .again = query_int(q, "again"), .urgent = query_int(q, "urgent")};
    take(h->number, sizeof h->number, q, "number");
    take(h->indicator, sizeof h->indicator, q, "indicator");
    take(h->period, sizeof h->period, q, "period");
    take(h->side, sizeof h->side, q, "side");
    take(h->role, sizeof h->role, q, "role");
    take(h->why, sizeof h->why, q, "closed_why");
    const char *note = query_null(q, "note") ? NULL : query_sealed(q, "note", SEALED_ALARM_NOTE, h->id, h->rule);
    h->note = note ? strdup(note) : NULL;
}

static bool handles(struct op_ctx *ctx, const struct held *h)
{
    int role = access_role(records_parts(ctx->records)->access, h->role);
    return (role >= 0 && ctx->actor->roles & 1ull << role) || actor_may(ctx->records, ctx->actor, "alarm.manage");
}

static json_t *actions_json(struct op_ctx *ctx, const struct held *h)
{
    json_t *out = json_array();
    uint64_t me = ctx->actor->person.v;
    if (h->closed_ms || !handles(ctx, h))
        return out;
    if (h->owner != me)
        json_array_append_new(out, json_string("take"));
    if (!h->ack_ms && (!h->owner || h->owner == me))
        json_array_append_new(out, json_string("acknowledge"));
    return out;
}

static json_t *time_or_null(int64_t ms)
{
    return ms ? json_integer(ms) : json_null();
}

static json_t *alarm_json(struct op_ctx *ctx, const struct held *h)
{
    static const char person[] = "SELECT name FROM person WHERE id=$1";
    const char *state = h->closed_ms ? "closed" : h->ack_ms ? "acknowledged" : h->owner ? "taken" : "open";
    json_t *o = json_pack("{s:o,s:s,s:s,s:o,s:o,s:s,s:s,s:o,s:o,s:b,s:I,s:o,s:o,s:I,s:o}", "id", json_id(h->id), "number", h->number, "state", state, "org",
                          show_ref(ctx, "SELECT name FROM org WHERE id=$1", h->org), "indicator", indicator_json(ctx, h->indicator), "period", h->period, "side", h->side, "limit",
                          milli_json(h->limit), "role", role_json(ctx, h->role), "urgent", h->urgent != 0, "opened_ms", (json_int_t)h->opened_ms, "opened", milli_json(h->opened), "last",
                          milli_json(h->last), "last_ms", (json_int_t)h->last_ms, "actions", actions_json(ctx, h));
    json_t *more = json_pack("{s:o,s:o,s:o,s:o,s:s?,s:o,s:s,s:I}", "owner", show_ref(ctx, person, h->owner), "taken_ms", time_or_null(h->taken_ms), "acknowledged_by",
                             show_ref(ctx, person, h->ack_by), "acknowledged_ms", time_or_null(h->ack_ms), "note", h->note, "closed_ms", time_or_null(h->closed_ms), "closed_why", h->why,
                             "again", (json_int_t)h->again);
    json_object_update(o, more);
    json_decref(more);
    return o;
}

static int list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *state = arg_text(args, "state");
    bool closed = state && strcmp(state, "closed") == 0, all = state && strcmp(state, "all") == 0;
    int64_t limit = arg_int(args, "limit", LIST_DEFAULT), n = 0;
    struct held *rows = calloc((size_t)limit, sizeof *rows);
    json_t *items = json_array();
    if (!rows)
        abort();
    struct query *q = tx_query(ctx->tx,
                               BELOW "SELECT a.* FROM alarm a WHERE a.org_id IN (SELECT id FROM below) AND ($2=2 OR ($2=1 AND a.closed_ms>0) OR ($2=0 AND a.closed_ms=0)) AND "
                                     "($3=0 OR a.org_id=$3) AND ($4=0 OR a.id<$4) ORDER BY a.id DESC LIMIT $5",
                               "iiiii", (int64_t)ctx->actor->org.v, (int64_t)(all ? 2 : closed), (int64_t)arg_id(args, "org_id"), (int64_t)arg_id(args, "after"), limit);
    while (n < limit && query_next(q))
        hold(q, &rows[n++]);
    int rc = query_end(q);
    uint64_t last = n ? rows[n - 1].id : 0;
    for (int64_t i = 0; i < n; i++) {
        if (rc == 0)
            json_array_append_new(items, alarm_json(ctx, &rows[i]));
        free(rows[i].note);
    }
    free(rows);
    int64_t open = tx_int(ctx->tx, 0, BELOW "SELECT COUNT(*) FROM alarm a WHERE a.closed_ms=0 AND a.org_id IN (SELECT id FROM below)", "i", (int64_t)ctx->actor->org.v);
    *result = json_pack("{s:o,s:I,s:o}", "items", items, "open", (json_int_t)open, "next", n == limit ? json_id(last) : json_null());
    return rc ? rc : tx_error(ctx->tx);
}

/* One that is open and the actor's to handle; `h->note` is the caller's. */
static int find(struct op_ctx *ctx, uint64_t id, struct held *h)
{
    *h = (struct held){0};
    ctx->audit.object = id;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM alarm WHERE id=$1", "i", (int64_t)id);
    if (query_next(q))
        hold(q, h);
    int rc = query_end(q);
    if (rc)
        return rc;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "number=%s", h->number);
    if (!h->id || !figure_sees(ctx->tx, ctx->actor->org.v, h->org))
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such alarm.");
    if (!handles(ctx, h))
        return fault_set(ctx->fault, ERR_DENIED, "not_yours", "This alarm is for another role.");
    return h->closed_ms ? fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "alarm_closed", "The number is well again; the alarm is closed.") : 0;
}

static int answer(struct op_ctx *ctx, struct held *h, json_t **result, int rc)
{
    free(h->note);
    h->note = NULL;
    if (rc)
        return rc;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM alarm WHERE id=$1", "i", (int64_t)h->id);
    if (query_next(q))
        hold(q, h);
    rc = query_end(q);
    *result = rc ? NULL : alarm_json(ctx, h);
    free(h->note);
    return rc ? rc : tx_error(ctx->tx);
}

static int own(struct op_ctx *ctx, const struct held *h)
{
    return tx_exec(ctx->tx, "UPDATE alarm SET owner_id=$2, taken_ms=$3 WHERE id=$1", "iii", (int64_t)h->id, (int64_t)ctx->actor->person.v, ctx->now_ms);
}

static int take_it(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct held h;
    int rc = find(ctx, arg_id(args, "alarm_id"), &h);
    rc = rc || h.owner == ctx->actor->person.v ? rc : own(ctx, &h);
    return answer(ctx, &h, result, rc);
}

/* Its owner's; where nobody has taken it, whoever acknowledges takes it. */
static int acknowledge(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct held h;
    uint64_t me = ctx->actor->person.v;
    int rc = find(ctx, arg_id(args, "alarm_id"), &h);
    if (rc == 0 && h.owner && h.owner != me)
        rc = fault_set(ctx->fault, ERR_DENIED, "alarm_taken", "Somebody else has taken this alarm.");
    if (rc == 0 && h.ack_ms)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "state", "It is acknowledged.");
    if (rc == 0 && !h.owner)
        rc = own(ctx, &h);
    rc = rc ? rc
            : tx_exec(ctx->tx, "UPDATE alarm SET ack_by=$2, ack_ms=$3, note=$4 WHERE id=$1", "iiis", (int64_t)h.id, (int64_t)me, ctx->now_ms,
                      SEALED(ALARM_NOTE, h.id, h.rule, arg_text(args, "note")));
    return answer(ctx, &h, result, rc);
}

/* ---- rules ---- */

static json_t *rule_json(struct op_ctx *ctx, const struct alarm_rule *r)
{
    int64_t open = tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM alarm WHERE rule_id=$1 AND closed_ms=0", "i", (int64_t)r->id);
    return json_pack("{s:o,s:o,s:b,s:o,s:s,s:s,s:o,s:I,s:I,s:o,s:b,s:b,s:I,s:I}", "id", json_id(r->id), "org", show_ref(ctx, "SELECT name FROM org WHERE id=$1", r->org), "each", (int)r->each,
                     "indicator", indicator_json(ctx, r->indicator), "period", r->period, "side", r->above ? "above" : "below", "limit", milli_json(r->limit_milli), "least",
                     (json_int_t)r->least, "for_minutes", (json_int_t)(r->for_ms / 60000), "role", role_json(ctx, r->role), "urgent", (int)r->urgent, "enabled", (int)r->enabled, "version",
                     (json_int_t)r->version, "open", (json_int_t)open);
}

/* What a rule may name: indicators, roles that see alarms, institutions. */
static json_t *choices_json(struct op_ctx *ctx)
{
    const struct indicators *t = table_of(ctx);
    const struct access *a = records_parts(ctx->records)->access;
    json_t *indicators = json_array(), *roles = json_array(), *orgs = json_array(), *row;
    size_t i;
    for (i = 0; i < t->n; i++)
        json_array_append_new(indicators, show_meaning(&t->list[i]));
    json_array_foreach(json_object_get(access_table(a), "roles"), i, row) {
        const char *word = json_string_value(json_object_get(row, "id"));
        int role = access_role(a, word);
        if (role >= 0 && access_roles_may(a, 1ull << role, "alarm.read"))
            json_array_append_new(roles, role_json(ctx, word));
    }
    struct query *q = figure_orgs(ctx->tx, ctx->actor->org.v);
    while (query_next(q))
        json_array_append_new(orgs, json_pack("{s:o,s:s}", "id", json_id((uint64_t)query_int(q, "id")), "name", query_text(q, "name")));
    int sticky = query_end(q);
    (void)sticky;
    return json_pack("{s:o,s:o,s:o}", "indicators", indicators, "roles", roles, "orgs", orgs);
}

static int rules(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct alarm_rule all[ALARM_RULES_MAX];
    size_t n = 0;
    json_t *items = json_array();
    (void)args;
    struct query *q = tx_query(ctx->tx, BELOW "SELECT " ALARM_RULE_COLUMNS " FROM alarm_rule r WHERE r.org_id IN (SELECT id FROM below) ORDER BY r.id LIMIT $2", "ii",
                               (int64_t)ctx->actor->org.v, (int64_t)ALARM_RULES_MAX);
    while (n < ALARM_RULES_MAX && query_next(q))
        alarm_rule_row(q, &all[n++]);
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++)
        json_array_append_new(items, rule_json(ctx, &all[i]));
    *result = json_pack("{s:o,s:o}", "items", items, "choices", choices_json(ctx));
    return rc ? rc : tx_error(ctx->tx);
}

/* ERR_NOT_FOUND: there is none, or not one of the actor's tree. */
static int rule_find(struct op_ctx *ctx, uint64_t id, struct alarm_rule *out)
{
    *out = (struct alarm_rule){0};
    struct query *q = tx_query(ctx->tx, "SELECT " ALARM_RULE_COLUMNS " FROM alarm_rule r WHERE r.id=$1", "i", (int64_t)id);
    if (query_next(q))
        alarm_rule_row(q, out);
    int rc = query_end(q);
    return rc ? rc : out->id && figure_sees(ctx->tx, ctx->actor->org.v, out->org) ? 0 : ERR_NOT_FOUND;
}

static int read_rule(struct op_ctx *ctx, const json_t *args, struct alarm_rule *r)
{
    const struct access *a = records_parts(ctx->records)->access;
    double limit = json_number_value(json_object_get(args, "limit"));
    int role = access_role(a, arg_text(args, "role"));
    r->org = arg_id(args, "org_id");
    r->each = json_is_true(json_object_get(args, "each"));
    r->above = strcmp(arg_text(args, "side"), "above") == 0;
    r->limit_milli = (int64_t)llround(limit * 1000);
    r->least = arg_int(args, "least", 0);
    r->for_ms = arg_int(args, "for_minutes", 0) * 60000;
    r->urgent = json_is_true(json_object_get(args, "urgent"));
    r->enabled = !json_is_false(json_object_get(args, "enabled"));
    snprintf(r->indicator, sizeof r->indicator, "%s", arg_text(args, "indicator"));
    snprintf(r->period, sizeof r->period, "%s", arg_text(args, "period"));
    snprintf(r->role, sizeof r->role, "%s", arg_text(args, "role"));
    const struct indicator *i = indicators_find(table_of(ctx), r->indicator);
    if (!i)
        fault_field(ctx->fault, "indicator", "not_a_choice");
    else if (i->figure == FIGURE_RATE && limit > 100)
        fault_field(ctx->fault, "limit", "out_of_range:0..100");
    if (role < 0 || !access_roles_may(a, 1ull << role, "alarm.read"))
        fault_field(ctx->fault, "role", "not_a_choice");
    if (!figure_sees(ctx->tx, ctx->actor->org.v, r->org))
        fault_field(ctx->fault, "org_id", "not_a_choice");
    return ctx->fault->n_fields ? fault_set(ctx->fault, ERR_INVALID, "", "The rule cannot be used like this.") : 0;
}

static int rule_store(struct op_ctx *ctx, const struct alarm_rule *r, int64_t created_ms)
{
    tx_upsert(ctx->tx, "alarm_rule", "id", "id,org_id,each_org,indicator,period,side,limit_milli,least,for_minutes,role,urgent,enabled,version,created_ms,changed_ms,changed_by",
              "iiitttiiitiiiiii", (int64_t)r->id, (int64_t)r->org, (int64_t)r->each, r->indicator, r->period, r->above ? "above" : "below", r->limit_milli, r->least, r->for_ms / 60000,
              r->role, (int64_t)r->urgent, (int64_t)r->enabled, r->version, created_ms, ctx->now_ms, (int64_t)ctx->actor->person.v);
    tx_exec(ctx->tx, "DELETE FROM alarm_watch WHERE rule_id=$1", "i", (int64_t)r->id); /* how long it was bad belongs to the rule as it was */
    int rc = alarm_watch_fill(ctx->tx, r);
    return rc ? rc : alarm_close_all(ctx, r->id);
}

static int rule_set(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct alarm_rule r;
    uint64_t id = arg_id(args, "rule_id");
    int rc = rule_find(ctx, id, &r);
    bool fresh = rc == ERR_NOT_FOUND && !r.id;
    ctx->audit.object = id;
    if (rc && !fresh)
        return rc == ERR_NOT_FOUND ? fault_set(ctx->fault, rc, "", "No such rule.") : rc;
    if (arg_int(args, "version", 0) != r.version)
        return fault_set(ctx->fault, ERR_CONFLICT, "version", "It was changed meanwhile.");
    if (fresh && tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM alarm_rule", "") >= ALARM_RULES_MAX)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "too_many", "There are too many rules.");
    int64_t created = fresh ? ctx->now_ms : tx_int(ctx->tx, ctx->now_ms, "SELECT created_ms FROM alarm_rule WHERE id=$1", "i", (int64_t)id);
    rc = read_rule(ctx, args, &r);
    r.id = id;
    r.version++;
    rc = rc ? rc : rule_store(ctx, &r, created);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "indicator=%s enabled=%d", rc ? "?" : r.indicator, (int)r.enabled);
    *result = rc ? NULL : rule_json(ctx, &r);
    return rc ? rc : tx_error(ctx->tx);
}

static int rule_remove(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct alarm_rule r;
    uint64_t id = arg_id(args, "rule_id");
    int rc = rule_find(ctx, id, &r);
    (void)result;
    if (rc)
        return rc == ERR_NOT_FOUND ? fault_set(ctx->fault, rc, "", "No such rule.") : rc;
    ctx->audit.object = id;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "indicator=%s removed", r.indicator);
    rc = alarm_close_all(ctx, id);
    tx_exec(ctx->tx, "DELETE FROM alarm_watch WHERE rule_id=$1", "i", (int64_t)id);
    tx_exec(ctx->tx, "DELETE FROM alarm_rule WHERE id=$1", "i", (int64_t)id);
    return rc ? rc : tx_error(ctx->tx);
}

static const struct field list_args[] = {{"state", FIELD_ENUM, .choices = "open|closed|all", .help = "absent: open"},
                                         {"org_id", FIELD_ID},
                                         {"limit", FIELD_INT, false, 1, LIST_MAX, .help = "50"},
                                         {"after", FIELD_ID, .help = "the answer's next"},
                                         {0}};
static const struct field one_args[] = {{"alarm_id", FIELD_ID, true}, {0}};
static const struct field ack_args[] = {{"alarm_id", FIELD_ID, true}, {"note", FIELD_TEXT, true, 1, 500, .help = "what is done about it"}, {0}};
static const struct field none[] = {{0}};
static const struct field rule_args[] = {{"rule_id", FIELD_ID, true, .help = "made by who saves it"},
                                         {"version", FIELD_INT, false, 0, INT64_MAX, .help = "0 or absent: a new one"},
                                         {"org_id", FIELD_ID, true},
                                         {"each", FIELD_BOOL, .help = "each institution at or below it, instead of it as a whole"},
                                         {"indicator", FIELD_TEXT, true, 1, 40, .help = "id of config/kpi.json"},
                                         {"period", FIELD_ENUM, true, .choices = ALARM_PERIODS, .help = "the span the number is counted over"},
                                         {"side", FIELD_ENUM, true, .choices = "above|below"},
                                         {"limit", FIELD_NUMBER, true, 0, (int64_t)LIMIT_MAX, .help = "in the indicator's unit: cases, percent, minutes, points"},
                                         {"least", FIELD_INT, false, 0, 100000, .help = "fewer things than this are not judged"},
                                         {"for_minutes", FIELD_INT, false, 0, 43200, .help = "so long before it is an alarm"},
                                         {"role", FIELD_TEXT, true, 1, 31},
                                         {"urgent", FIELD_BOOL},
                                         {"enabled", FIELD_BOOL},
                                         {0}};
static const struct field removed_args[] = {{"rule_id", FIELD_ID, true}, {0}};

const struct op alarm_ops[] = {
    {"alarm.list", OP_READ, OP_NO_IDLE, "alarm.read", list_args, list, "alarms of one's institution and those below it, the newest first"},
    {"alarm.take", OP_WRITE, 0, "alarm.read", one_args, take_it, "take an alarm of one's role: its owner from then on"},
    {"alarm.acknowledge", OP_WRITE, 0, "alarm.read", ack_args, acknowledge, "say what is done about it"},
    {"alarm.rules", OP_READ, 0, "alarm.read", none, rules, "the rules, and what a rule may name"},
    {"alarm.rule_set", OP_WRITE, 0, "alarm.manage", rule_args, rule_set, "make or change a rule; what it opened is closed"},
    {"alarm.rule_remove", OP_WRITE, 0, "alarm.manage", removed_args, rule_remove, "take a rule away; what it opened is closed"},
    {0}};
