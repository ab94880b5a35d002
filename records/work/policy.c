/* Policies: what an administrator may change while the system runs. Defaults are configuration files; a
 * changed value is a row. */
#include "records/flow/calendar.h"
#include "records/work/work_ops.h"
#include "records/work/work_parts.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE "deadline."

/* "deadline.<clock>.<urgency>" -> the default of config/deadlines.json; NULL when there is no such. */
static const char *deadline_default(const struct work_parts *p, const char *id)
{
    char clock[40];
    if (strncmp(id, DEADLINE, strlen(DEADLINE)) != 0)
        return NULL;
    const char *dot = strrchr(id, '.'), *start = id + strlen(DEADLINE);
    if (dot <= start || (size_t)(dot - start) >= sizeof clock)
        return NULL;
    memcpy(clock, start, (size_t)(dot - start));
    clock[dot - start] = 0;
    const json_t *terms = json_object_get(json_object_get(p->deadlines, "clocks"), clock);
    return json_string_value(json_object_get(terms, dot + 1));
}

static const json_t *policy_row(const struct work_parts *p, const char *id)
{
    size_t i;
    json_t *row;
    json_array_foreach (p->policies, i, row)
        if (strcmp(json_string_value(json_object_get(row, "id")), id) == 0)
            return row;
    return NULL;
}

static bool stored(struct op_ctx *ctx, const char *id, char *out, size_t cap)
{
    struct query *q = tx_query(ctx->tx, "SELECT value FROM policy WHERE id=$1", "t", id);
    bool found = query_next(q);
    if (found)
        snprintf(out, cap, "%s", query_text(q, "value"));
    return !query_end(q) && found;
}

int work_policy_text(struct op_ctx *ctx, const char *id, char *out, size_t cap)
{
    const struct work_parts *p = work_parts(ctx->records);
    if (stored(ctx, id, out, cap))
        return 0;
    const char *deadline = deadline_default(p, id);
    const json_t *row = deadline ? NULL : policy_row(p, id);
    if (deadline)
        snprintf(out, cap, "%s", deadline);
    else if (row)
        snprintf(out, cap, "%lld", (long long)json_integer_value(json_object_get(row, "default")));
    else
        return fault_set(ctx->fault, ERR_INTERNAL, "policy", "no policy %s", id);
    return tx_error(ctx->tx);
}

int64_t work_policy_int(struct op_ctx *ctx, const char *id)
{
    char text[32];
    return work_policy_text(ctx, id, text, sizeof text) ? 0 : strtoll(text, NULL, 10);
}

static void add_deadlines(struct op_ctx *ctx, json_t *items)
{
    const struct work_parts *p = work_parts(ctx->records);
    static const struct flow_label urgencies[] = {
        {"routine", "常规", "routine"}, {"urgent", "紧急", "urgent"}, {"emergency", "特急", "emergency"}};
    for (int k = 0; k < K_COUNT; k++)
        for (size_t u = 0; u < 3; u++) {
            char id[64], value[32];
            const struct flow_label *l = &consult_flow.clocks[k].label;
            snprintf(id, sizeof id, DEADLINE "%s.%s", l->word, urgencies[u].word);
            if (work_policy_text(ctx, id, value, sizeof value))
                continue;
            json_array_append_new(items, json_pack("{s:s,s:s,s:s,s:s?,s:s,s:{s:o,s:o}}", "id", id, "type",
                                                   "duration", "value", value, "default",
                                                   deadline_default(p, id), "unit", "min h d wh wd", "label",
                                                   "zh", json_sprintf("%s(%s)", l->zh, urgencies[u].zh), "en",
                                                   json_sprintf("%s (%s)", l->en, urgencies[u].en)));
        }
}

static int policy_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array(), *row;
    size_t i;
    json_array_foreach (work_parts(ctx->records)->policies, i, row) {
        json_t *copy = json_deep_copy(row);
        json_object_set_new(
            copy, "value", json_integer(work_policy_int(ctx, json_string_value(json_object_get(row, "id")))));
        json_array_append_new(items, copy);
    }
    add_deadlines(ctx, items);
    *result = json_pack("{s:o}", "items", items);
    return tx_error(ctx->tx);
}

static int check_value(struct op_ctx *ctx, const char *id, const json_t *value, char out[32])
{
    const struct work_parts *p = work_parts(ctx->records);
    struct duration d;
    const char *old = deadline_default(p, id);
    const json_t *row = policy_row(p, id);
    if (old) {
        if (!json_is_string(value) || duration_parse(json_string_value(value), &d))
            return fault_field(ctx->fault, "value", "not_a_duration");
        if ((d.amount < 0) != (*old == '-'))
            return fault_field(ctx->fault, "value", *old == '-' ? "must_be_before" : "must_not_be_negative");
        snprintf(out, 32, "%s", json_string_value(value));
        return 0;
    }
    if (!row)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "policy", "no such policy");
    int64_t n = json_integer_value(value), min = json_integer_value(json_object_get(row, "min")),
            max = json_integer_value(json_object_get(row, "max"));
    if (!json_is_integer(value) || n < min || n > max)
        return fault_field(ctx->fault, "value", "out_of_range:%lld..%lld", (long long)min, (long long)max);
    snprintf(out, 32, "%lld", (long long)n);
    return 0;
}

/* The row goes, so that a default that changes with a new version is followed. */
static int policy_default(struct op_ctx *ctx, const char *id, json_t **result)
{
    char value[32];
    const struct work_parts *p = work_parts(ctx->records);
    if (!deadline_default(p, id) && !policy_row(p, id))
        return fault_set(ctx->fault, ERR_NOT_FOUND, "policy", "no such policy");
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%.60s=default", id);
    int rc = tx_exec(ctx->tx, "DELETE FROM policy WHERE id=$1", "t", id);
    rc = rc ? rc : work_policy_text(ctx, id, value, sizeof value);
    if (!rc)
        *result = json_pack("{s:s,s:s}", "id", id, "value", value);
    return rc;
}

static int policy_set(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char value[32];
    const char *id = arg_text(args, "policy_id");
    const json_t *given = json_object_get(args, "value");
    if (!given)
        return fault_field(ctx->fault, "value", "required");
    if (json_is_null(given))
        return policy_default(ctx, id, result);
    int rc = check_value(ctx, id, json_object_get(args, "value"), value);
    rc = rc ? rc
            : tx_upsert(ctx->tx, "policy", "id", "id,value,changed_ms,changed_by", "ttii", id, value,
                        ctx->now_ms, (int64_t)ctx->actor->person.v);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%.60s=%.31s", id, rc ? "?" : value);
    if (!rc)
        *result = json_pack("{s:s,s:s}", "id", id, "value", value);
    return rc;
}

static const struct field set_args[] = {
    {"policy_id", FIELD_TEXT, true, 1, 64},
    {"value", FIELD_ANY, .help = "an integer, or a duration such as \"4wh\"; null: the default again"},
    {0}};
static const struct field no_args[] = {{0}};
const struct op policy_ops[] = {
    {"policy.list", OP_READ, 0, "policy.read", no_args, policy_list,
     "deadlines, thresholds and limits with their defaults"},
    {"policy.set", OP_WRITE, 0, "policy.set", set_args, policy_set, "change one policy"},
    {0}};

/* ---- forms ---- */
static int form_get_op(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const json_t *def = forms_find(work_parts(ctx->records)->forms, arg_text(args, "form_id"));
    struct form_context fc = {.scope = arg_text(args, "scope"),
                              .template_ = arg_text(args, "template"),
                              .kind = arg_text(args, "kind"),
                              .urgency = arg_text(args, "urgency")};
    if (!def)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "form", "no such form");
    *result = form_view(def, &fc);
    return 0;
}

static const struct field form_args[] = {
    {"form_id", FIELD_TEXT, true, 1, 40},
    {"scope", FIELD_TEXT, false, 0, 24},
    {"template", FIELD_TEXT, false, 0, 24},
    {"kind", FIELD_TEXT, false, 0, 24, .help = "offline, interactive; evaluation: applicant, expert"},
    {"urgency", FIELD_TEXT, false, 0, 24},
    {0}};
const struct op form_ops[] = {{"form.get", OP_READ, 0, "self", form_args, form_get_op,
                               "a form's sections and fields as this context sees them"},
                              {0}};
