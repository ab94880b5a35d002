/* The report of a month as a row: who is what in it, its moves, its sheet. */
#include "records/notify/notify.h"
#include "records/parts.h"
#include "records/report/month.h"
#include "records/report/people.h"
#include "records/store/sealed.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(char *out, size_t cap, struct query *q, const char *column)
{
    const char *text = query_text(q, column);
    snprintf(out, cap, "%s", text ? text : "");
}

void month_row(struct query *q, struct month *out)
{
    int state = flow_state_find(&month_flow, query_text(q, "state"));
    *out = (struct month){.id = (uint64_t)query_int(q, "id"),
                          .org = (uint64_t)query_int(q, "org_id"),
                          .checked_by = (uint64_t)query_int(q, "checked_by"),
                          .approved_by = (uint64_t)query_int(q, "approved_by"),
                          .published_by = (uint64_t)query_int(q, "published_by"),
                          .version = query_int(q, "version"),
                          .rev = query_int(q, "rev"),
                          .state = state < 0 ? MONTH_FROZEN : (enum month_state)state,
                          .made_ms = query_int(q, "made_ms"),
                          .checked_ms = query_int(q, "checked_ms"),
                          .approved_ms = query_int(q, "approved_ms"),
                          .frozen_ms = query_int(q, "frozen_ms")};
    take(out->month, sizeof out->month, q, "month");
    take(out->reason, sizeof out->reason, q, "reason");
    take(out->sha256, sizeof out->sha256, q, "sha256");
}

static void hash_of(const char *text, char out[65])
{
    uint8_t hash[SHA256_BYTES];
    crypto_sha256(text, strlen(text), hash);
    if (hex_encode(hash, sizeof hash, out, 65) < 0)
        out[0] = 0;
}

static void take_sheet(struct query *q, struct month *m)
{
    char hash[65];
    const char *text = query_null(q, "sheet") ? NULL : query_sealed(q, "sheet", SEALED_MONTH_SHEET, m->id, 0);
    if (!text)
        return;
    hash_of(text, hash);
    m->intact = strcmp(hash, m->sha256) == 0;
    m->sheet = json_loads(text, 0, NULL);
}

int month_load(struct op_ctx *ctx, uint64_t id, struct month *out)
{
    *out = (struct month){0};
    struct query *q = tx_query(ctx->tx, "SELECT " MONTH_COLUMNS ", r.sheet FROM report_month r WHERE r.id=$1", "i", (int64_t)id);
    if (query_next(q)) {
        month_row(q, out);
        take_sheet(q, out);
    }
    int rc = query_end(q);
    ctx->audit.object = id;
    if (rc == 0 && out->id && figure_sees(ctx->tx, ctx->actor->org.v, out->org))
        return 0;
    month_clear(out);
    return rc ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such report.");
}

void month_clear(struct month *m)
{
    json_decref(m->sheet);
    *m = (struct month){0};
}

static int note(struct op_ctx *ctx, uint64_t report, const char *event, const char *reason)
{
    return tx_exec(ctx->tx, "INSERT INTO report_month_event (id, report_id, t_ms, event, person_id, reason) VALUES ($1,$2,$3,$4,$5,$6)", "iiitit", (int64_t)id_new(), (int64_t)report,
                   ctx->now_ms, event, (int64_t)ctx->actor->person.v, reason ? reason : "");
}

/* ---- a further version ---- */

static int may_make(struct op_ctx *ctx, uint64_t org, const char *month, const char *reason)
{
    struct span now, before;
    if (!period_month(month, &now, &before))
        return fault_field(ctx->fault, "month", "bad_format");
    if (now.to_ms > ctx->now_ms)
        return fault_field(ctx->fault, "month", "not_over");
    if (tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM report_month WHERE org_id=$1 AND month=$2 AND state<>'FROZEN'", "it", (int64_t)org, month))
        return fault_set(ctx->fault, ERR_CONFLICT, "month_open", "A version of this report is not published yet.");
    bool frozen = tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM report_month WHERE org_id=$1 AND month=$2", "it", (int64_t)org, month) > 0;
    return frozen && (!reason || !*reason) ? fault_field(ctx->fault, "reason", "required") : tx_error(ctx->tx);
}

int month_make(struct op_ctx *ctx, uint64_t org, const char *month, const char *reason, struct month *out)
{
    *out = (struct month){.id = id_new(), .org = org, .made_ms = ctx->now_ms, .rev = 1};
    int rc = may_make(ctx, org, month, reason);
    if (rc)
        return rc;
    snprintf(out->month, sizeof out->month, "%s", month);
    out->version = 1 + tx_int(ctx->tx, 0, "SELECT MAX(version) FROM report_month WHERE org_id=$1 AND month=$2", "it", (int64_t)org, month);
    snprintf(out->reason, sizeof out->reason, "%s", out->version > 1 ? reason : "");
    tx_exec(ctx->tx, "INSERT INTO report_month (id, org_id, month, version, rev, state, reason, made_ms) VALUES ($1,$2,$3,$4,1,$5,$6,$7)", "iititti", (int64_t)out->id, (int64_t)org,
            out->month, out->version, month_flow.states[MONTH_DRAFT].label.word, out->reason, ctx->now_ms);
    ctx->audit.object = out->id;
    rc = note(ctx, out->id, out->version > 1 ? "corrected" : "made", out->reason);
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- moves ---- */

static uint32_t parties_of(struct op_ctx *ctx)
{
    return (actor_may(ctx->records, ctx->actor, "report.check") ? 1u << MP_CHECKER : 0) | (actor_may(ctx->records, ctx->actor, "report.approve") ? 1u << MP_APPROVER : 0);
}

static uint32_t facts_of(struct op_ctx *ctx, const struct month *m)
{
    return m->checked_by == ctx->actor->person.v ? 1u << MF_OWN : 0;
}

static size_t told(struct op_ctx *ctx, const struct month *m, uint8_t party, struct person_id out[PEOPLE_MAX])
{
    if (party == MP_APPROVER)
        return people_with_right(ctx, m->org, "report.approve", out);
    out[0].v = m->checked_by;
    return 1;
}

static int tell(struct op_ctx *ctx, const struct month *m, const struct flow_effects *fx)
{
    int rc = 0;
    struct person_id people[PEOPLE_MAX];
    struct notify_about about = {.case_number = m->month};
    for (size_t i = 0; i < fx->n && rc == 0; i++)
        if (fx->list[i].kind == FLOW_TELL)
            rc = notify_people(ctx, people, told(ctx, m, fx->list[i].party, people), fx->list[i].notice, &about);
    return rc;
}

/* Who did it stands in the row; what was sent back is as if nobody had. */
static void sign(struct op_ctx *ctx, struct month *m, enum month_event event)
{
    uint64_t me = ctx->actor->person.v;
    if (event == ME_CHECK) {
        m->checked_by = me;
        m->checked_ms = ctx->now_ms;
    } else if (event == ME_APPROVE) {
        m->approved_by = me;
        m->approved_ms = ctx->now_ms;
    } else if (event == ME_PUBLISH) {
        m->published_by = me;
        m->frozen_ms = ctx->now_ms;
    } else {
        m->checked_by = m->approved_by = 0;
        m->checked_ms = m->approved_ms = 0;
    }
}

int month_move(struct op_ctx *ctx, struct month *m, enum month_event event, const char *reason)
{
    struct flow_case c = {.state = (uint8_t)m->state};
    struct flow_ask ask = {.event = (uint8_t)event, .parties = parties_of(ctx), .facts = facts_of(ctx, m), .now_ms = ctx->now_ms};
    struct flow_effects fx;
    struct month before = *m; /* sent back, it is for who checked it */
    enum flow_refusal no = flow_step(&month_flow, &c, &ask, &fx);
    if (no == FLOW_FACT)
        return fault_set(ctx->fault, ERR_DENIED, "own_check", "Nobody approves what he checked.");
    if (no == FLOW_NOT_YOURS)
        return fault_set(ctx->fault, ERR_DENIED, "not_yours", "This is not yours to do.");
    if (no)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "state", "The report is not at that point.");
    m->state = (enum month_state)c.state;
    m->rev++;
    sign(ctx, m, event);
    tx_exec(ctx->tx, "UPDATE report_month SET state=$2, rev=$3, checked_by=$4, checked_ms=$5, approved_by=$6, approved_ms=$7, published_by=$8, frozen_ms=$9 WHERE id=$1", "itiiiiiii",
            (int64_t)m->id, month_flow.states[m->state].label.word, m->rev, (int64_t)m->checked_by, m->checked_ms, (int64_t)m->approved_by, m->approved_ms, (int64_t)m->published_by,
            m->frozen_ms);
    int rc = note(ctx, m->id, month_flow.events[event].label.word, reason);
    return rc ? rc : tell(ctx, event == ME_RETURN ? &before : m, &fx);
}

int month_keep(struct op_ctx *ctx, struct month *m, const json_t *sheet, bool final)
{
    char *text = sheet ? json_dumps(sheet, JSON_COMPACT) : NULL;
    if (sheet && !text)
        return fault_set(ctx->fault, ERR_UNAVAILABLE, "", "Out of memory.");
    if (final)
        hash_of(text, m->sha256);
    m->intact = final;
    int rc = tx_exec(ctx->tx, "UPDATE report_month SET sheet=$2, sha256=$3 WHERE id=$1", "ist", (int64_t)m->id, SEALED(MONTH_SHEET, m->id, 0, text), m->sha256);
    free(text);
    if (m->sheet != sheet) {
        json_decref(m->sheet);
        m->sheet = json_incref((json_t *)sheet);
    }
    return rc;
}

/* ---- as it is shown ---- */

static json_t *label_json(const struct flow_label *l)
{
    return json_pack("{s:s,s:s}", "zh", l->zh, "en", l->en);
}

static json_t *actions_json(struct op_ctx *ctx, const struct month *m)
{
    uint8_t events[ME_EVENTS];
    struct flow_case c = {.state = (uint8_t)m->state};
    json_t *out = json_array();
    size_t n = flow_allowed(&month_flow, &c, parties_of(ctx), facts_of(ctx, m), events, ME_EVENTS);
    for (size_t i = 0; i < n; i++) {
        const struct flow_event *e = &month_flow.events[events[i]];
        json_array_append_new(out, json_pack("{s:s,s:o,s:s,s:b}", "act", e->label.word, "label", label_json(&e->label), "style", e->style, "reason", strcmp(e->needs, "reason") == 0));
    }
    return out;
}

#define HISTORY_SHOWN 200

/* The newest, the oldest of them first. */
static json_t *history_json(struct op_ctx *ctx, uint64_t id, bool *cut)
{
    json_t *out = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT e.t_ms, e.event, e.reason, p.name FROM report_month_event e LEFT JOIN person p ON p.id=e.person_id WHERE e.report_id=$1 ORDER BY e.id DESC LIMIT $2", "ii",
                               (int64_t)id, (int64_t)HISTORY_SHOWN + 1);
    while (query_next(q))
        json_array_insert_new(out, 0, json_pack("{s:I,s:s,s:s,s:s?}", "t_ms", (json_int_t)query_int(q, "t_ms"), "event", query_text(q, "event"), "reason", query_text(q, "reason"), "person",
                                             query_text(q, "name")));
    (void)!query_end(q);
    if ((*cut = json_array_size(out) > HISTORY_SHOWN))
        json_array_remove(out, 0);
    return out;
}

/* The other versions of the same month, the first one first. */
static json_t *versions_json(struct op_ctx *ctx, const struct month *m)
{
    json_t *out = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT r.id, r.version, r.state, r.frozen_ms FROM report_month r WHERE r.org_id=$1 AND r.month=$2 ORDER BY r.version LIMIT 100", "it",
                               (int64_t)m->org, m->month);
    while (query_next(q))
        json_array_append_new(out, json_pack("{s:o,s:I,s:s,s:I}", "id", json_id((uint64_t)query_int(q, "id")), "version", (json_int_t)query_int(q, "version"), "state",
                                             query_text(q, "state"), "frozen_ms", (json_int_t)query_int(q, "frozen_ms")));
    int sticky = query_end(q);
    (void)sticky;
    return out;
}

static json_t *time_or_null(int64_t ms)
{
    return ms ? json_integer(ms) : json_null();
}

json_t *month_json(struct op_ctx *ctx, const struct month *m, bool whole)
{
    static const char person[] = "SELECT name FROM person WHERE id=$1";
    const struct flow_state *state = &month_flow.states[m->state];
    json_t *o = json_pack("{s:o,s:o,s:s,s:I,s:I,s:s,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:s,s:o}", "id", json_id(m->id), "org", show_ref(ctx, "SELECT name FROM org WHERE id=$1", m->org),
                          "month", m->month, "version", (json_int_t)m->version, "rev", (json_int_t)m->rev, "state", state->label.word, "state_label", label_json(&state->label), "reason",
                          m->reason, "checked_by", show_ref(ctx, person, m->checked_by), "checked_ms", time_or_null(m->checked_ms), "approved_by", show_ref(ctx, person, m->approved_by),
                          "approved_ms", time_or_null(m->approved_ms), "published_by", show_ref(ctx, person, m->published_by), "frozen_ms", time_or_null(m->frozen_ms), "made_ms",
                          (json_int_t)m->made_ms, "sha256", m->sha256, "actions", actions_json(ctx, m));
    if (whole) {
        bool cut;
        json_object_set_new(o, "history", history_json(ctx, m->id, &cut));
        json_object_set_new(o, "history_truncated", json_boolean(cut));
        json_object_set_new(o, "versions", versions_json(ctx, m));
    }
    return o;
}
