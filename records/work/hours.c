/* Working hours, holidays and make-up days of institutions: what the deadlines in working hours and days run
 * by. A house without its own hours has those of the house above it; without any, Monday to Friday
 * 08:00-12:00 and 14:00-17:30. */
#include "records/patient/identity.h"
#include "records/work/hours.h"
#include "records/work/work_ops.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int minutes_of(const json_t *text)
{
    int h, m, used = 0;
    const char *s = json_string_value(text);
    if (!s || sscanf(s, "%2d:%2d%n", &h, &m, &used) != 2 || s[used] || strlen(s) != 5 || h < 0 || h > 24 ||
        m < 0 || m > 59 || h * 60 + m > 1440)
        return -1;
    return h * 60 + m;
}

static int read_spans(const json_t *day, struct calendar_span out[CALENDAR_SPANS])
{
    size_t i;
    json_t *span;
    int last = -1;
    if (!json_is_array(day) || json_array_size(day) > CALENDAR_SPANS)
        return ERR_INVALID;
    json_array_foreach (day, i, span) {
        int start = minutes_of(json_object_get(span, "start")),
            end = minutes_of(json_object_get(span, "end"));
        if (start < 0 || end <= start || start < last)
            return ERR_INVALID;
        out[i] = (struct calendar_span){(int16_t)start, (int16_t)end};
        last = end;
    }
    return 0;
}

static int read_days(const json_t *list, int32_t out[CALENDAR_DAYS_MAX], int *n)
{
    size_t i;
    json_t *item;
    *n = 0;
    if (json_array_size(list) > CALENDAR_DAYS_MAX)
        return ERR_INVALID;
    json_array_foreach (list, i, item) {
        int y, m, d;
        if (!json_is_string(item) || date_parse(json_string_value(item), &y, &m, &d))
            return ERR_INVALID;
        out[(*n)++] = (int32_t)date_days(y, m, d);
    }
    return 0;
}

int hours_read(const json_t *body, struct calendar *out, const char **wrong)
{
    const json_t *week = json_object_get(body, "week"), *day;
    size_t i;
    *out = (struct calendar){.zone_min = 480};
    *wrong = "week";
    if (!json_is_array(week) || json_array_size(week) != 7)
        return ERR_INVALID;
    json_array_foreach (week, i, day)
        if (read_spans(day, out->week[i]))
            return ERR_INVALID;
    *wrong = "holidays";
    if (read_days(json_object_get(body, "holidays"), out->holidays, &out->n_holidays))
        return ERR_INVALID;
    *wrong = "makeups";
    return read_days(json_object_get(body, "makeups"), out->makeups, &out->n_makeups);
}

static json_t *body_of(struct op_ctx *ctx, struct org_id org)
{
    json_t *body = NULL;
    struct query *q =
        tx_query(ctx->tx, "SELECT body FROM working_hours WHERE org_id=$1", "i", (int64_t)org.v);
    if (query_next(q))
        body = json_loads(query_text(q, "body"), 0, NULL);
    if (query_end(q)) {
        json_decref(body);
        return NULL;
    }
    return body;
}

void hours_calendar(struct op_ctx *ctx, struct org_id org, struct calendar *out)
{
    const char *wrong;
    for (int depth = 0; org.v && depth < 8; depth++) {
        json_t *body = body_of(ctx, org);
        int rc = body ? hours_read(body, out, &wrong) : ERR_NOT_FOUND;
        json_decref(body);
        if (!rc)
            return;
        org.v = (uint64_t)tx_int(ctx->tx, 0, "SELECT parent_id FROM org WHERE id=$1", "i", (int64_t)org.v);
    }
    calendar_default(out);
}

static json_t *clock_json(int minutes)
{
    char text[16];
    snprintf(text, sizeof text, "%02d:%02d", minutes / 60, minutes % 60);
    return json_string(text);
}

static json_t *default_body(void)
{
    struct calendar c;
    json_t *week = json_array();
    calendar_default(&c);
    for (int d = 0; d < 7; d++) {
        json_t *day = json_array();
        for (int i = 0; i < CALENDAR_SPANS && c.week[d][i].end_min; i++)
            json_array_append_new(day, json_pack("{s:o,s:o}", "start", clock_json(c.week[d][i].start_min),
                                                 "end", clock_json(c.week[d][i].end_min)));
        json_array_append_new(week, day);
    }
    return json_pack("{s:o,s:[],s:[]}", "week", week, "holidays", "makeups");
}

static int hours_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q =
        tx_query(ctx->tx, "SELECT org_id, body, changed_ms FROM working_hours ORDER BY org_id", "");
    while (query_next(q)) {
        json_t *body = json_loads(query_text(q, "body"), 0, NULL);
        json_object_set_new(body, "org", org_ref(ctx, (struct org_id){(uint64_t)query_int(q, "org_id")}));
        json_object_set_new(body, "org_id", json_id((uint64_t)query_int(q, "org_id")));
        json_object_set_new(body, "changed_ms", json_integer(query_int(q, "changed_ms")));
        json_array_append_new(items, body);
    }
    *result = json_pack("{s:o,s:o}", "items", items, "default", default_body());
    return query_end(q);
}

/* The office sets the hours of its own institution, the consortium's administrator those of any. */
static int check_house(struct op_ctx *ctx, struct org_id org)
{
    if (!org.v || staff_institution(ctx, org).v != org.v)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "org", "no such institution");
    if (ctx->actor->system || org.v == ctx->actor->org.v || staff_actor_has(ctx, STAFF_ADMIN))
        return 0;
    return fault_set(ctx->fault, ERR_DENIED, "scope", "Only this institution sets its working hours.");
}

/* Clocks that run keep their instant; the next ones go by the new hours. */
static int hours_set(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct org_id org = {arg_id(args, "org_id")};
    struct calendar c;
    const char *wrong;
    int denied = check_house(ctx, org);
    if (denied)
        return denied;
    if (hours_read(args, &c, &wrong))
        return fault_field(ctx->fault, wrong, "not_valid");
    json_t *body = json_pack("{s:O,s:O,s:O}", "week", json_object_get(args, "week"), "holidays",
                             json_object_get(args, "holidays"), "makeups", json_object_get(args, "makeups"));
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    int rc = text ? tx_upsert(ctx->tx, "working_hours", "org_id", "org_id,body,changed_ms,changed_by", "itii",
                              (int64_t)org.v, text, ctx->now_ms, (int64_t)ctx->actor->person.v)
                  : ERR_INTERNAL;
    free(text);
    ctx->audit.object = org.v;
    if (rc)
        json_decref(body);
    else
        *result = body;
    return rc;
}

/* Back to the hours of the house above. */
static int hours_clear(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct org_id org = {arg_id(args, "org_id")};
    int rc = check_house(ctx, org);
    (void)result;
    ctx->audit.object = org.v;
    return rc ? rc : tx_exec(ctx->tx, "DELETE FROM working_hours WHERE org_id=$1", "i", (int64_t)org.v);
}

static const struct field day_of[] = {{"", FIELD_TEXT, true, 10, 10}};
static const struct field set_args[] = {
    {"org_id", FIELD_ID, true},
    {"week", FIELD_ANY, true,
     .help = "seven days from Monday, each a list of at most three {start:\"08:00\",end:\"12:00\"}"},
    {"holidays", FIELD_ARRAY, true, 0, CALENDAR_DAYS_MAX, .of = day_of, .help = "closed days"},
    {"makeups", FIELD_ARRAY, true, 0, CALENDAR_DAYS_MAX, .of = day_of,
     .help = "days that work like a Monday"},
    {0}};
static const struct field org_args[] = {{"org_id", FIELD_ID, true}, {0}};
static const struct field no_args[] = {{0}};
const struct op hours_ops[] = {
    {"hours.list", OP_READ, 0, "self", no_args, hours_list,
     "working hours, holidays and make-up days of the institutions"},
    {"hours.set", OP_WRITE, 0, "hours.set", set_args, hours_set, "set the working hours of an institution"},
    {"hours.clear", OP_WRITE, 0, "hours.set", org_args, hours_clear,
     "an institution has the hours of the one above again"},
    {0}};
