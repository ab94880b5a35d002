/* Fix-it tasks (数据更正): what the rules found in a clinic's data comes back to the clinic, which puts it right or says that it is right. The
 * patient's own data are put right by the normal edit (quality_patient_edited), an entry by its right value beside the raw one, either by the
 * source sending it anew. Every answer can be given back by the data steward. */
#include "records/fhir/fhir.h"
#include "records/parts.h"
#include "records/patient/identity.h"
#include "records/patient/patient.h"
#include "records/quality/quality_private.h"
#include "records/store/sealed.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 50
#define ZONE_MIN 480
#define MINUTE_MS 60000LL

/* ---- the clinic's list ---- */

/* edit: in the patient's record; correct: by a value; confirm: it is as the rule says. Of a Patient of the FHIR store there is no record here to edit: his
 * own system sends him right. */
static json_t *actions_of(const struct finding *f)
{
    enum rule_check check = f->what.rule ? f->what.rule->check : CHECKS;
    if (strcmp(f->state, FINDING_OPEN) != 0)
        return json_array();
    if (finding_of_patient(f) && finding_of_resource(f))
        return json_pack("[s]", "as_is");
    if (finding_of_patient(f))
        return json_pack("[s,s]", "edit", "as_is");
    if ((check == CHECK_SEX || check == CHECK_BIRTH) && !finding_of_resource(f))
        return json_pack("[s,s,s]", "edit", "correct", "as_is");
    return json_pack("[s,s]", check == CHECK_DUPLICATE ? "confirm" : "correct", "as_is");
}

/* What its sender called it: a clinic knows its own words better than codes. NULL = of the patient, of a resource, or gone. */
static json_t *title_of(struct op_ctx *ctx, uint64_t entry, uint64_t patient)
{
    json_t *title = NULL;
    struct query *q = tx_query(ctx->tx, "SELECT body FROM exchange_entry WHERE id=$1", "i", (int64_t)entry);
    if (query_next(q)) {
        const char *body = query_sealed(q, "body", SEALED_EXCHANGE_ENTRY, entry, patient);
        json_t *o = body ? json_loads(body, 0, NULL) : NULL;
        title = json_incref(json_object_get(o, "text"));
        json_decref(o);
    }
    (void)query_end(q);
    return title ? title : json_null();
}

static json_t *fix_json(struct op_ctx *ctx, const struct finding *f)
{
    const struct item *item = strcmp(f->judged.standard_system, ITEMS_SYSTEM) == 0 ? items_find(records_parts(ctx->records)->quality->items, f->code) : NULL;
    json_t *o = finding_json(ctx, f, true);
    json_object_set_new(o, "closed_by", json_id((uint64_t)f->closed_by));
    json_object_set_new(o, "patient_id", json_id((uint64_t)f->patient));
    json_object_set_new(o, "actions", actions_of(f));
    json_object_set_new(o, "entry", finding_of_resource(f) ? json_null() : json_integer(f->entry));
    json_object_set_new(o, "item", item ? json_pack("{s:s,s:s,s:f,s:f}", "name", item->name, "unit", item->unit, "low", item->low, "high", item->high) : json_null());
    return o;
}

/* After the list was read: one question at a time. */
static int name_patients(struct op_ctx *ctx, json_t *items)
{
    size_t i;
    json_t *one;
    json_array_foreach(items, i, one) {
        struct patient_id id = {arg_id(one, "patient_id")};
        uint64_t entry = (uint64_t)json_integer_value(json_object_get(one, "entry"));
        json_object_set_new(one, "title", entry ? title_of(ctx, entry, id.v) : json_null());
        json_object_del(one, "entry");
        json_object_set_new(one, "patient", json_is_null(json_object_get(one, "resource")) ? patient_brief(ctx, id) : fhir_patient_brief(ctx, id.v));
        json_object_del(one, "patient_id");
    }
    return tx_error(ctx->tx);
}

static json_t *count_json(struct op_ctx *ctx)
{
    int64_t org = (int64_t)ctx->actor->org.v;
    return json_pack("{s:I,s:I}", "open", (json_int_t)tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM quality_finding WHERE org_id=$1 AND state='open' AND task=1", "i", org),
                     "overdue", (json_int_t)tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM quality_finding WHERE org_id=$1 AND state='open' AND task=1 AND due_ms<$2", "ii", org, ctx->now_ms));
}

int quality_fix_count(struct op_ctx *ctx, json_t *args, json_t **result)
{
    (void)args;
    *result = count_json(ctx);
    return tx_error(ctx->tx);
}

/* Open ones oldest first, as they fall due; closed ones newest first. */
int quality_fixes(struct op_ctx *ctx, json_t *args, json_t **result)
{
    bool open = !arg_text(args, "state") || strcmp(arg_text(args, "state"), "open") == 0;
    int64_t limit = arg_int(args, "limit", LIST_DEFAULT), after = (int64_t)arg_id(args, "after"), org = (int64_t)ctx->actor->org.v, last = 0;
    json_t *items = json_array();
    struct finding f;
    struct query *rows =
        open ? tx_query(ctx->tx, "SELECT " FINDING_COLUMNS " FROM quality_finding f WHERE f.org_id=$1 AND f.task=1 AND f.state='open' AND f.id>$2 ORDER BY f.id LIMIT $3", "iii",
                        org, after, limit)
             : tx_query(ctx->tx,
                        "SELECT " FINDING_COLUMNS " FROM quality_finding f WHERE f.org_id=$1 AND f.task=1 AND f.state IN ('corrected','as_is','source') AND f.id<$2 "
                        "ORDER BY f.id DESC LIMIT $3", "iii", org, after ? after : INT64_MAX, limit);
    while (query_next(rows)) {
        finding_from(records_parts(ctx->records)->quality, rows, &f);
        last = f.id;
        json_array_append_new(items, fix_json(ctx, &f));
    }
    int rc = query_end(rows);
    rc = rc ? rc : findings_name(ctx, items);
    rc = rc ? rc : name_patients(ctx, items);
    bool more = (int64_t)json_array_size(items) == limit;
    *result = json_pack("{s:o,s:o,s:o}", "items", items, "count", count_json(ctx), "next", more ? json_id((uint64_t)last) : json_null());
    return rc;
}

/* ---- answering ---- */

/* "2026-11-24", "2026-11-24 14:00". */
static bool time_of(const char *text, int64_t *ms)
{
    int y, m, d, hour = 0, minute = 0, used = 0;
    char day[11];
    snprintf(day, sizeof day, "%.10s", text);
    if (date_parse(day, &y, &m, &d))
        return false;
    if (text[10] && (sscanf(text + 10, " %2d:%2d%n", &hour, &minute, &used) != 2 || text[10 + used] || hour > 23 || minute > 59 || hour < 0 || minute < 0))
        return false;
    *ms = (date_days(y, m, d) * 1440 + hour * 60 + minute - ZONE_MIN) * MINUTE_MS;
    return true;
}

/* The entry as it would be with what is said. False: it cannot be read. */
static bool put_value(struct finding *f, const char *value, const char *unit)
{
    switch (f->what.rule->check) {
    case CHECK_SEX:
    case CHECK_CODE_SET:
        f->judged.standard_code = value;
        return true;
    case CHECK_FUTURE:
    case CHECK_BIRTH:
    case CHECK_VISIT: return time_of(value, &f->judged.t_ms);
    case CHECK_LEAVE: return time_of(value, &f->judged.leave_ms);
    case CHECK_ORDER: return time_of(value, &f->judged.end_ms);
    default:
        f->judged.value = value;
        f->judged.unit = unit;
        return true;
    }
}

static int field_wrong(struct op_ctx *ctx, const char *field, const char *reason)
{
    fault_field(ctx->fault, field, "%s", reason);
    return fault_set(ctx->fault, ERR_INVALID, "", "This cannot be the right value.");
}

static int load_sex_and_birth(struct op_ctx *ctx, const struct finding *f, char sex[12], char birth[11])
{
    sex[0] = birth[0] = 0;
    if (finding_of_resource(f))
        return fhir_patient_sex_and_birth(ctx, (uint64_t)f->patient, sex, birth);
    struct query *rows = tx_query(ctx->tx, "SELECT sex, birth_date, birth_estimated FROM patient WHERE id=$1", "i", f->patient);
    if (query_next(rows)) {
        snprintf(sex, 12, "%s", query_text(rows, "sex") ? query_text(rows, "sex") : "");
        snprintf(birth, 11, "%s", query_text(rows, "birth_date") && !query_int(rows, "birth_estimated") ? query_text(rows, "birth_date") : "");
    }
    return query_end(rows);
}

/* What is said to be right must pass the rule that found the other wrong; what the rules make of its unit is kept. */
static int judge_reply(struct op_ctx *ctx, struct finding *f, const char *value, const char *unit)
{
    char today[11], sex[12], birth[11], number_sign[4];
    struct clean_result now;
    double number;
    int rc = load_sex_and_birth(ctx, f, sex, birth);
    if (rc)
        return rc;
    f->judged.sex = sex;
    f->judged.birth_date = birth;
    bool number_wanted = f->what.rule->check == CHECK_UNIT || f->what.rule->check == CHECK_RANGE;
    if (number_wanted && !clean_number(value, &number, number_sign))
        return field_wrong(ctx, "value", "not_a_number");
    if (!put_value(f, value, unit))
        return field_wrong(ctx, "value", "not_a_time");
    date_of_ms(ctx->now_ms, ZONE_MIN, today);
    struct clean_with w = quality_with(records_parts(ctx->records)->quality, today, ctx->now_ms);
    clean_entry(&w, &f->judged, &now);
    for (size_t i = 0; i < now.n; i++)
        if (!now.findings[i].cleaned && (strcmp(now.findings[i].rule->id, f->rule) == 0 || (number_wanted && now.findings[i].rule->check == CHECK_UNIT)))
            return field_wrong(ctx, now.findings[i].rule->check == CHECK_UNIT ? "unit" : "value", now.findings[i].reason);
    for (size_t i = 0; i < now.n; i++)
        if (now.findings[i].cleaned) { /* kept in the item's unit */
            snprintf(f->value, sizeof f->value, "%s", now.findings[i].clean);
            snprintf(f->unit, sizeof f->unit, "%s", now.findings[i].unit);
        }
    return 0;
}

static int write_reply(struct op_ctx *ctx, const struct finding *f, const char *note)
{
    json_t *o = json_pack("{s:s,s:s,s:s}", "value", f->value, "unit", f->unit, "note", note);
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (!text)
        return ERR_UNAVAILABLE;
    tx_exec(ctx->tx, "UPDATE quality_finding SET reply=$1 WHERE id=$2", "si", SEALED(FINDING_REPLY, f->id, f->patient, text), f->id);
    explicit_bzero(text, strlen(text));
    free(text);
    return tx_error(ctx->tx);
}

static int load_own(struct op_ctx *ctx, json_t *args, struct finding *f)
{
    int rc = finding_load(ctx, arg_id(args, "finding_id"), f);
    if (rc)
        return rc;
    ctx->audit.patient = (uint64_t)f->patient;
    ctx->audit.object = (uint64_t)f->id;
    if (f->org != (int64_t)ctx->actor->org.v)
        return fault_set(ctx->fault, ERR_DENIED, "not_your_finding", "It is another institution's data.");
    if (strcmp(f->state, FINDING_OPEN) != 0)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "closed_already", "It is closed already.");
    return 0;
}

static bool may(const struct finding *f, const char *action)
{
    size_t i;
    json_t *one, *list = actions_of(f);
    bool found = false;
    json_array_foreach(list, i, one)
        found = found || strcmp(json_string_value(one), action) == 0;
    json_decref(list);
    return found;
}

static int corrected(struct op_ctx *ctx, json_t *args, struct finding *f)
{
    const char *value = arg_text(args, "value"), *unit = arg_text(args, "unit") ? arg_text(args, "unit") : "";
    if (!may(f, "correct"))
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "edit_patient", "The patient's own data are corrected in his record.");
    if (!value || !*value)
        return field_wrong(ctx, "value", "required");
    snprintf(f->value, sizeof f->value, "%s", value);
    snprintf(f->unit, sizeof f->unit, "%s", unit);
    return judge_reply(ctx, f, value, unit);
}

int quality_fix_reply(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct finding f;
    const char *answer = arg_text(args, "answer"), *note = arg_text(args, "note") ? arg_text(args, "note") : "";
    bool as_is = strcmp(answer, "as_is") == 0;
    int rc = load_own(ctx, args, &f);
    if (rc == 0 && as_is && !*note)
        rc = field_wrong(ctx, "note", "required");
    if (rc == 0 && strcmp(answer, "confirm") == 0 && !may(&f, "confirm"))
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "nothing_to_confirm", "This is corrected by a value.");
    if (rc == 0 && strcmp(answer, "correct") == 0)
        rc = corrected(ctx, args, &f);
    rc = rc ? rc : write_reply(ctx, &f, note);
    rc = rc ? rc : finding_close(ctx, &f, as_is ? "as_is" : "corrected");
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "rule=%s answer=%s", f.rule, answer);
    *result = rc ? NULL : count_json(ctx);
    return rc;
}

/* Not convinced: it is the clinic's again, with a new term. */
int quality_fix_return(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct finding f;
    int rc = finding_load(ctx, arg_id(args, "finding_id"), &f);
    if (rc == 0 && strcmp(f.state, "as_is") != 0 && strcmp(f.state, "corrected") != 0)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_answered", "Nobody has answered it.");
    if (rc)
        return rc;
    int64_t days = f.what.rule && f.what.rule->task_days ? f.what.rule->task_days : 1;
    ctx->audit.patient = (uint64_t)f.patient;
    ctx->audit.object = (uint64_t)f.id;
    f.value[0] = f.unit[0] = 0;
    rc = write_reply(ctx, &f, arg_text(args, "note"));
    tx_exec(ctx->tx, "UPDATE quality_finding SET state='open', closed_ms=0, closed_by=0, due_ms=$1 WHERE id=$2", "ii", ctx->now_ms + days * 1440 * MINUTE_MS, f.id);
    tx_exec(ctx->tx, "UPDATE quality_day SET resolved=resolved-1 WHERE source_id=$1 AND day=$2 AND rule=$3", "itt", f.source, f.day, f.rule);
    *result = json_pack("{s:s}", "state", FINDING_OPEN);
    return rc ? rc : tx_error(ctx->tx);
}
