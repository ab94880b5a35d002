/* Quality scores by source and day, the findings behind them, the rules (docs/quality.md). */
#include "records/parts.h"
#include "records/patient/identity.h"
#include "records/quality/quality_private.h"
#include <stdio.h>
#include <string.h>

#define DAYS_DEFAULT 14
#define LIST_DEFAULT 50
#define DAY_MS 86400000LL

/* ---- sums ---- */

struct sum {
    int64_t checked, failed, cleaned, resolved;
};

static void sum_add(struct sum *s, const struct sum *more)
{
    s->checked += more->checked;
    s->failed += more->failed;
    s->cleaned += more->cleaned;
    s->resolved += more->resolved;
}

static struct sum sum_from(struct query *rows)
{
    return (struct sum){query_int(rows, "checked"), query_int(rows, "failed"), query_int(rows, "cleaned"), query_int(rows, "resolved")};
}

/* numerator and denominator stand beside the score: nobody has to believe it. */
static json_t *sum_json(const struct sum *s)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "checked", (json_int_t)s->checked, "good", (json_int_t)(s->checked - s->failed + s->resolved), "failed", (json_int_t)s->failed,
                     "cleaned", (json_int_t)s->cleaned, "resolved", (json_int_t)s->resolved);
}

static json_t *dimensions_json(const struct sum sums[DIMENSIONS])
{
    json_t *o = json_object();
    for (size_t i = 0; i < DIMENSIONS; i++)
        json_object_set_new(o, rule_dimensions[i], sum_json(&sums[i]));
    return o;
}

/* ---- scores ---- */

struct gathering { /* of one source, its rows by day and rule in their order */
    const struct rules *rules;
    int64_t source;
    char day[11];
    struct sum all[DIMENSIONS], today[DIMENSIONS], by_rule[RULES_MAX];
    json_t *days, *items;
};

static void end_day(struct gathering *g)
{
    if (!g->day[0])
        return;
    json_array_append_new(g->days, json_pack("{s:s,s:o}", "day", g->day, "dimensions", dimensions_json(g->today)));
    memset(g->today, 0, sizeof g->today);
    g->day[0] = 0;
}

static json_t *rules_json(const struct gathering *g)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rules_count(g->rules); i++) {
        const struct rule *r = rules_at(g->rules, i);
        if (g->by_rule[i].checked == 0 && g->by_rule[i].resolved == 0)
            continue;
        json_t *one = sum_json(&g->by_rule[i]);
        json_object_set_new(one, "rule", json_string(r->id));
        json_object_set_new(one, "dimension", json_string(rule_dimensions[r->dimension]));
        json_array_append_new(list, one);
    }
    return list;
}

static void end_source(struct gathering *g)
{
    end_day(g);
    if (!g->source)
        return;
    json_array_append_new(g->items, json_pack("{s:o,s:o,s:o,s:o}", "id", json_id((uint64_t)g->source), "dimensions", dimensions_json(g->all), "days", g->days, "rules",
                                              rules_json(g)));
    memset(g->all, 0, sizeof g->all);
    memset(g->by_rule, 0, sizeof g->by_rule);
    g->days = NULL;
}

/* A rule that the file has no more still counts nowhere: its dimension is not known. */
static void gather(struct gathering *g, struct query *rows)
{
    const struct rule *r = rules_find(g->rules, query_text(rows, "rule"));
    const char *day = query_text(rows, "day");
    struct sum s = sum_from(rows);
    if (g->source != query_int(rows, "source_id")) {
        end_source(g);
        g->source = query_int(rows, "source_id");
        g->days = json_array();
    }
    if (strcmp(g->day, day) != 0) {
        end_day(g);
        snprintf(g->day, sizeof g->day, "%s", day);
    }
    if (!r)
        return;
    sum_add(&g->all[r->dimension], &s);
    sum_add(&g->today[r->dimension], &s);
    sum_add(&g->by_rule[r - rules_at(g->rules, 0)], &s);
}

static int name_source(struct op_ctx *ctx, json_t *one, int64_t id)
{
    struct query *rows = tx_query(ctx->tx,
                                  "SELECT COALESCE(s.name, c.name, h.name) AS name, o.name AS org_name, x.last_ms FROM (SELECT 1 AS one) y LEFT JOIN exchange_source s ON s.id=$1 "
                                  "LEFT JOIN fhir_client c ON c.id=$1 LEFT JOIN org h ON h.id=$1 LEFT JOIN org o ON o.id=COALESCE(s.org_id, c.org_id, h.id) "
                                  "LEFT JOIN exchange_state x ON x.source_id=$1",
                                  "i", id);
    bool found = query_next(rows);
    json_object_set_new(one, "name", found && query_text(rows, "name") ? json_string(query_text(rows, "name")) : json_null());
    json_object_set_new(one, "org", found && query_text(rows, "org_name") ? json_string(query_text(rows, "org_name")) : json_null());
    json_object_set_new(one, "last_ms", json_integer(found ? query_int(rows, "last_ms") : 0));
    int rc = query_end(rows);
    json_object_set_new(one, "tasks", json_integer(tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM quality_finding WHERE source_id=$1 AND state='open' AND task=1", "i", id)));
    json_object_set_new(one, "overdue",
                        json_integer(tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM quality_finding WHERE source_id=$1 AND state='open' AND task=1 AND due_ms<$2", "ii", id, ctx->now_ms)));
    return rc;
}

static int name_sources(struct op_ctx *ctx, json_t *items)
{
    size_t i;
    json_t *one;
    int rc = 0;
    json_array_foreach(items, i, one) {
        uint64_t id = arg_id(one, "id");
        rc = rc ? rc : name_source(ctx, one, (int64_t)id);
    }
    return rc;
}

int quality_scores(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char from[11], to[11];
    int64_t days = arg_int(args, "days", DAYS_DEFAULT);
    date_of_ms(ctx->now_ms - (days - 1) * DAY_MS, 480, from);
    date_of_ms(ctx->now_ms, 480, to);
    struct gathering g = {.rules = records_parts(ctx->records)->quality->rules, .items = json_array()};
    struct query *rows = tx_query(ctx->tx,
                                  "SELECT source_id, day, rule, checked, failed, cleaned, resolved FROM quality_day WHERE day>=$1 AND day<=$2 AND ($3=0 OR source_id=$3) "
                                  "ORDER BY source_id, day, rule",
                                  "tti", from, to, (int64_t)arg_id(args, "source_id"));
    while (query_next(rows))
        gather(&g, rows);
    end_source(&g);
    int rc = query_end(rows);
    rc = rc ? rc : name_sources(ctx, g.items);
    *result = json_pack("{s:s,s:s,s:o}", "from", from, "to", to, "items", g.items);
    return rc;
}

/* ---- rules ---- */

int quality_rules(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const struct rules *t = records_parts(ctx->records)->quality->rules;
    char today[11];
    json_t *items = json_array();
    (void)args;
    date_of_ms(ctx->now_ms, 480, today);
    uint64_t on = rules_on(t, today);
    for (size_t i = 0; i < rules_count(t); i++) {
        const struct rule *r = rules_at(t, i);
        json_t *kinds = json_object_get(r->row, "kinds");
        json_array_append_new(items, json_pack("{s:s,s:I,s:s,s:s,s:b,s:s,s:{s:s,s:s},s:o,s:I}", "id", r->id, "version", (json_int_t)r->version, "from", r->from, "until", r->until,
                                               "in_effect", (int)(on >> i & 1), "dimension", rule_dimensions[r->dimension], "title", "zh", r->title_zh, "en", r->title_en, "kinds",
                                               kinds ? json_incref(kinds) : json_array(), "task_days", (json_int_t)r->task_days));
    }
    *result = json_pack("{s:o}", "items", items);
    return 0;
}

/* ---- findings ---- */

/* Whoever keeps the data sees what is wrong, not whose it is: numbers of persons only masked. */
static void mask(const struct finding *f, char out[CLEAN_VALUE_BYTES])
{
    char masked[IDENTITY_NUMBER_BYTES];
    snprintf(out, CLEAN_VALUE_BYTES, "%s", f->what.raw);
    if (!f->what.rule || f->what.rule->check != CHECK_IDENTITY || strlen(out) >= IDENTITY_NUMBER_BYTES)
        return;
    identity_mask(out, masked);
    snprintf(out, CLEAN_VALUE_BYTES, "%s", masked);
}

/* What the standard calls the code. NULL = it is none of a standard that is named here. */
static json_t *standard_name(const struct quality *q, const struct finding *f)
{
    struct icd10_hit hit;
    const char *system = f->judged.standard_system;
    const struct item *item = strcmp(system, ITEMS_SYSTEM) == 0 ? items_find(q->items, f->code) : NULL;
    if (item)
        return json_string(item->name);
    return *system && !item && icd10_find(q->icd10, f->code, &hit) ? json_stringn(hit.name, hit.name_len) : NULL;
}

json_t *finding_json(struct op_ctx *ctx, const struct finding *f, bool whole)
{
    char raw[CLEAN_VALUE_BYTES];
    mask(f, raw);
    const struct rule *r = f->what.rule;
    json_t *o = json_pack("{s:o,s:s,s:I,s:s?,s:s,s:s,s:s,s:s,s:I,s:s,s:b,s:I,s:b,s:I,s:s,s:s,s:s,s:s}", "id", json_id((uint64_t)f->id), "rule", f->rule, "version",
                          (json_int_t)f->version, "dimension", r ? rule_dimensions[r->dimension] : NULL, "reason", f->reason, "kind", f->kind, "code", f->code, "day", f->day,
                          "found_ms", (json_int_t)f->found_ms, "state", f->state, "task", f->task, "due_ms", (json_int_t)f->due_ms, "overdue",
                          f->task && strcmp(f->state, FINDING_OPEN) == 0 && f->due_ms < ctx->now_ms, "closed_ms", (json_int_t)f->closed_ms, "raw", whole ? f->what.raw : raw,
                          "raw_unit", f->what.raw_unit, "clean", f->what.clean, "unit", f->what.unit);
    json_t *name = standard_name(records_parts(ctx->records)->quality, f);
    json_object_set_new(o, "code_name", name ? name : json_null()); /* else findings_name asks what its sender calls it */
    json_object_set_new(o, "source_id", json_id((uint64_t)f->source));
    json_object_set_new(o, "message_id", json_id((uint64_t)f->message));
    /* findings_name makes "Type/id" of it */
    json_object_set_new(o, "resource", finding_of_resource(f) ? json_pack("[I,I]", (json_int_t)f->patient, (json_int_t)(f->entry ? f->entry : f->patient)) : json_null());
    json_object_set_new(o, "reply", f->value[0] || f->note[0] ? json_pack("{s:s,s:s,s:s}", "value", f->value, "unit", f->unit, "note", f->note) : json_null());
    return o;
}

static int name_resource(struct op_ctx *ctx, json_t *one)
{
    const json_t *at = json_object_get(one, "resource");
    if (!json_is_array(at))
        return 0;
    struct query *rows = tx_query(ctx->tx, "SELECT type, name FROM fhir_resource WHERE pkey=$1 AND rid=$2", "ii", (int64_t)json_integer_value(json_array_get(at, 0)),
                                  (int64_t)json_integer_value(json_array_get(at, 1)));
    json_t *name = query_next(rows) ? json_sprintf("%s/%s", query_text(rows, "type"), query_text(rows, "name")) : json_null();
    int rc = query_end(rows);
    json_object_set_new(one, "resource", name);
    return rc;
}

/* A code without a standard is known by the name that its sender gave it. */
static int name_code(struct op_ctx *ctx, json_t *one)
{
    const char *code = arg_text(one, "code");
    if (!code || !*code || !json_is_null(json_object_get(one, "code_name")))
        return 0;
    struct query *rows = tx_query(ctx->tx, "SELECT display FROM quality_code WHERE source_id=$1 AND kind=$2 AND code=$3 AND display<>'' ORDER BY id LIMIT 1", "itt",
                                  (int64_t)arg_id(one, "source_id"), arg_text(one, "kind"), code);
    if (query_next(rows))
        json_object_set_new(one, "code_name", json_string(query_text(rows, "display")));
    return query_end(rows);
}

/* Names are looked up when the list's own query is closed. */
int findings_name(struct op_ctx *ctx, json_t *items)
{
    size_t i;
    json_t *one;
    json_array_foreach(items, i, one) {
        int64_t by = (int64_t)arg_id(one, "closed_by");
        struct query *rows = tx_query(ctx->tx,
                                      "SELECT COALESCE(s.name, c.name, h.name) AS name, o.name AS org_name, p.name AS person_name FROM (SELECT 1 AS one) x "
                                      "LEFT JOIN exchange_source s ON s.id=$1 LEFT JOIN fhir_client c ON c.id=$1 LEFT JOIN org h ON h.id=$1 "
                                      "LEFT JOIN org o ON o.id=COALESCE(s.org_id, c.org_id, h.id) LEFT JOIN person p ON p.id=$2",
                                      "ii", (int64_t)arg_id(one, "source_id"), by);
        if (query_next(rows)) {
            const char *source = query_text(rows, "name"), *org = query_text(rows, "org_name"), *person = query_text(rows, "person_name");
            json_object_set_new(one, "source", source ? json_string(source) : json_null());
            json_object_set_new(one, "org", org ? json_string(org) : json_null());
            json_object_set_new(one, "closed_by", by && person ? json_string(person) : json_null());
        }
        int rc = query_end(rows);
        rc = rc ? rc : name_resource(ctx, one);
        rc = rc ? rc : name_code(ctx, one);
        if (rc)
            return rc;
    }
    return 0;
}

int quality_findings(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *rule = arg_text(args, "rule"), *state = arg_text(args, "state"), *day = arg_text(args, "day");
    const json_t *task = json_object_get(args, "task");
    int64_t limit = arg_int(args, "limit", LIST_DEFAULT), before = (int64_t)arg_id(args, "before"), last = 0;
    json_t *items = json_array();
    struct finding f;
    struct query *rows = tx_query(ctx->tx,
                                  "SELECT " FINDING_COLUMNS " FROM quality_finding f WHERE ($1=0 OR f.source_id=$1) AND ($2='' OR f.rule=$2) AND ($3='' OR f.state=$3) AND "
                                  "($4='' OR f.day=$4) AND f.id<$5 AND ($7<0 OR f.task=$7) ORDER BY f.id DESC LIMIT $6",
                                  "itttiii", (int64_t)arg_id(args, "source_id"), rule ? rule : "", state ? state : "", day ? day : "", before ? before : INT64_MAX, limit,
                                  (int64_t)(task ? json_is_true(task) : -1));
    while (query_next(rows)) {
        finding_from(records_parts(ctx->records)->quality, rows, &f);
        last = f.id;
        json_t *one = finding_json(ctx, &f, false);
        json_object_set_new(one, "closed_by", json_id((uint64_t)f.closed_by));
        json_array_append_new(items, one);
    }
    int rc = query_end(rows);
    rc = rc ? rc : findings_name(ctx, items);
    bool more = (int64_t)json_array_size(items) == limit;
    *result = json_pack("{s:o,s:o}", "items", items, "next", more ? json_id((uint64_t)last) : json_null());
    return rc;
}
