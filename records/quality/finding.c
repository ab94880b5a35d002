/* Findings in the store: written, read, closed (quality.h). What was found of a person's data lies sealed. */
#include "records/parts.h"
#include "records/patient/identity.h"
#include "records/quality/quality_private.h"
#include "records/store/sealed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS 86400000LL

bool finding_of_patient(const struct finding *f)
{
    return f->kind[0] == 0;
}

bool finding_of_resource(const struct finding *f)
{
    return f->message == 0;
}

/* ---- the sealed part ---- */

static json_t *judged_json(const struct clean_entry *e)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I}", "value", e->value, "unit", e->unit, "status", e->status, "code", e->code, "system",
                     e->standard_system, "standard", e->standard_code, "t_ms", (json_int_t)e->t_ms, "visit_ms", (json_int_t)e->visit_ms, "leave_ms", (json_int_t)e->leave_ms, "end_ms",
                     (json_int_t)e->end_ms);
}

static char *body_of(const struct clean_finding *f, const struct clean_entry *judged)
{
    json_t *o = json_pack("{s:s,s:s,s:s,s:s}", "raw", f->raw, "raw_unit", f->raw_unit, "clean", f->clean, "unit", f->unit);
    if (judged)
        json_object_set_new(o, "judged", judged_json(judged));
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

static void take(char *out, size_t cap, const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    snprintf(out, cap, "%s", s ? s : "");
}

static const char **text_place(struct finding *f, size_t i)
{
    const char **to[] = {&f->judged.value, &f->judged.unit, &f->judged.status, &f->judged.code, &f->judged.standard_system, &f->judged.standard_code};
    return to[i];
}

void finding_moved(struct finding *f)
{
    for (size_t i = 0; i < sizeof f->text / sizeof *f->text; i++)
        *text_place(f, i) = f->text[i];
    f->judged.kind = f->kind;
    f->what.reason = f->reason;
}

static void take_judged(const json_t *o, struct finding *out)
{
    static const char *const names[] = {"value", "unit", "status", "code", "system", "standard"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        take(out->text[i], sizeof out->text[i], o, names[i]);
    out->judged.system = "";
    out->judged.sex = out->judged.birth_date = "";
    out->judged.t_ms = json_integer_value(json_object_get(o, "t_ms"));
    out->judged.visit_ms = json_integer_value(json_object_get(o, "visit_ms"));
    out->judged.leave_ms = json_integer_value(json_object_get(o, "leave_ms"));
    out->judged.end_ms = json_integer_value(json_object_get(o, "end_ms"));
    finding_moved(out);
}

static json_t *opened(struct query *rows, const char *column, enum sealed_column which, const struct finding *f)
{
    const char *text = query_sealed(rows, column, which, (uint64_t)f->id, (uint64_t)f->patient);
    return text ? json_loads(text, 0, NULL) : NULL;
}

/* ---- reading ---- */

static void take_row(struct query *rows, struct finding *out)
{
    const struct {
        const char *column;
        int64_t *to;
    } numbers[] = {{"id", &out->id}, {"source_id", &out->source}, {"org_id", &out->org}, {"patient_id", &out->patient}, {"message_id", &out->message},
                   {"entry_id", &out->entry}, {"entry_key", &out->key}, {"rule_version", &out->version}, {"due_ms", &out->due_ms}, {"found_ms", &out->found_ms},
                   {"closed_ms", &out->closed_ms}, {"closed_by", &out->closed_by}};
    const struct {
        const char *column;
        char *to;
        size_t cap;
    } texts[] = {{"kind", out->kind, sizeof out->kind}, {"code", out->code, sizeof out->code}, {"rule", out->rule, sizeof out->rule},
                 {"reason", out->reason, sizeof out->reason}, {"day", out->day, sizeof out->day}, {"state", out->state, sizeof out->state}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i].to = query_int(rows, numbers[i].column);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        snprintf(texts[i].to, texts[i].cap, "%s", query_text(rows, texts[i].column));
    out->task = query_int(rows, "task") != 0;
}

void finding_from(const struct quality *q, struct query *rows, struct finding *out)
{
    memset(out, 0, sizeof *out);
    take_row(rows, out);
    json_t *body = opened(rows, "body", SEALED_FINDING_BODY, out), *reply = opened(rows, "reply", SEALED_FINDING_REPLY, out);
    take(out->what.raw, sizeof out->what.raw, body, "raw");
    take(out->what.raw_unit, sizeof out->what.raw_unit, body, "raw_unit");
    take(out->what.clean, sizeof out->what.clean, body, "clean");
    take(out->what.unit, sizeof out->what.unit, body, "unit");
    take(out->value, sizeof out->value, reply, "value");
    take(out->unit, sizeof out->unit, reply, "unit");
    take(out->note, sizeof out->note, reply, "note");
    take_judged(json_object_get(body, "judged"), out);
    out->what.rule = rules_find(q->rules, out->rule);
    json_decref(body);
    json_decref(reply);
}

int finding_load(struct op_ctx *ctx, uint64_t id, struct finding *out)
{
    struct query *rows = tx_query(ctx->tx, "SELECT " FINDING_COLUMNS " FROM quality_finding f WHERE f.id=$1", "i", (int64_t)id);
    bool found = query_next(rows);
    if (found)
        finding_from(records_parts(ctx->records)->quality, rows, out);
    int rc = query_end(rows);
    return rc || found ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such finding.");
}

/* ---- writing ---- */

void quality_tasks_free(struct quality *q)
{
    struct quality_tasks *one, *next;
    HASH_ITER(hh, q->tasks, one, next) {
        HASH_DEL(q->tasks, one);
        free(one);
    }
}

static struct quality_tasks *tasks_of(struct quality *q, uint64_t source)
{
    struct quality_tasks *t;
    HASH_FIND(hh, q->tasks, &source, sizeof source, t);
    if (t || !(t = calloc(1, sizeof *t)))
        return t;
    t->source = source;
    memset(t->open, -1, sizeof t->open);
    HASH_ADD(hh, q->tasks, source, sizeof t->source, t);
    return t;
}

/* Counted once: a source that sends nothing but what fails would else be counted through at each of its messages. */
static bool room_for_task(struct op_ctx *ctx, const struct quality_origin *o, const struct rule *r)
{
    struct quality *q = records_parts(ctx->records)->quality;
    struct quality_tasks *t = tasks_of(q, o->source);
    if (!t)
        return false;
    int32_t *open = &t->open[r - rules_at(q->rules, 0)];
    if (*open < 0)
        *open = (int32_t)tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM (SELECT id FROM quality_finding WHERE source_id=$1 AND rule=$2 AND state='open' AND task=1 LIMIT $3) x", "iti",
                                (int64_t)o->source, r->id, (int64_t)QUALITY_TASKS_MAX);
    bool room = *open < QUALITY_TASKS_MAX;
    *open += room;
    return room;
}

static void count_anew(struct op_ctx *ctx, const struct finding *f)
{
    struct quality *q = records_parts(ctx->records)->quality;
    struct quality_tasks *t = tasks_of(q, (uint64_t)f->source);
    if (t)
        memset(t->open, -1, sizeof t->open);
}

int finding_write(struct op_ctx *ctx, const struct quality_origin *o, const struct quality_entry *e, const struct clean_finding *f)
{
    const struct clean_entry *judged = e ? &e->data : NULL;
    const struct rule *r = f->rule;
    char day[11];
    char *body = body_of(f, judged);
    if (!body)
        return ERR_UNAVAILABLE;
    date_of_ms(ctx->now_ms, 480, day);
    bool task = !f->cleaned && r->task_days && o->org && room_for_task(ctx, o, r);
    int64_t id = (int64_t)id_new();
    tx_exec(ctx->tx,
            "INSERT INTO quality_finding (id, source_id, org_id, patient_id, message_id, entry_id, entry_key, kind, code, rule, rule_version, dimension, reason, day, "
            "found_ms, state, task, due_ms, closed_ms, closed_by, body, reply) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,0,0,$19,NULL)",
            "iiiiiiitttitttitiis", id, (int64_t)o->source, (int64_t)o->org, (int64_t)o->patient, (int64_t)o->message, e ? e->id : (int64_t)0, e ? e->key : (int64_t)0,
            judged ? judged->kind : "", judged ? (*judged->standard_code ? judged->standard_code : judged->code) : "", r->id, r->version, rule_dimensions[r->dimension],
            f->reason, day, ctx->now_ms, f->cleaned ? "cleaned" : "open", (int64_t)task, task ? ctx->now_ms + r->task_days * DAY_MS : (int64_t)0,
            SEALED(FINDING_BODY, id, o->patient, body));
    explicit_bzero(body, strlen(body));
    free(body);
    return tx_error(ctx->tx);
}

/* The day's row may not be written yet when what was found is put right in the same breath. */
int finding_close(struct op_ctx *ctx, const struct finding *f, const char *state)
{
    count_anew(ctx, f);
    tx_exec(ctx->tx, "UPDATE quality_finding SET state=$1, closed_ms=$2, closed_by=$3 WHERE id=$4", "tiii", state, ctx->now_ms, (int64_t)ctx->actor->person.v, f->id);
    tx_exec(ctx->tx, "UPDATE quality_day SET resolved=resolved+1 WHERE source_id=$1 AND day=$2 AND rule=$3", "itt", f->source, f->day, f->rule);
    if (tx_changes(ctx->tx) == 0)
        tx_exec(ctx->tx, "INSERT INTO quality_day (source_id, day, rule, checked, failed, cleaned, resolved) VALUES ($1,$2,$3,0,0,0,1)", "itt", f->source, f->day, f->rule);
    return tx_error(ctx->tx);
}
