/* One event on one case: ask the engine, carry out its effects, write the lines. */
#include "records/notify/notify.h"
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/waiting.h"
#include <string.h>

#define F(x) CONSULT_BIT(F_##x)

int consult_refuse(struct op_ctx *ctx, const struct consult *c, enum flow_refusal why)
{
    const char *state = consult_flow.states[c->flow.state].label.word;
    if (why == FLOW_NOT_YOURS)
        return fault_set(ctx->fault, ERR_DENIED, "not_your_act",
                         "this act belongs to another party of the case");
    if (why == FLOW_UNCHECKED)
        return fault_set(ctx->fault, ERR_INTERNAL, "unchecked",
                         "an act reached the engine without its checks");
    return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, why == FLOW_FACT ? "not_for_this_case" : "wrong_state",
                     "the case is %s", state);
}

int consult_tell(struct op_ctx *ctx, const struct consult *c, uint8_t party, const char *notice,
                 const char *act)
{
    struct person_id people[STAFF_TOLD_MAX];
    size_t n = consult_people(ctx, c, party, people, STAFF_TOLD_MAX);
    const struct flow_run *shown = flow_shown(&consult_flow, &c->flow);
    bool booked = strcmp(notice, "case.scheduled") == 0 || strcmp(notice, "case.rescheduled") == 0 ||
                  strcmp(notice, "case.reminder") == 0;
    struct notify_about about = {.case_id = c->id,
                                 .case_number = c->number,
                                 .act = act,
                                 .due_ms = booked         ? c->start_ms
                                           : act && shown ? shown->due_ms
                                                          : 0,
                                 .urgent = strcmp(c->urgency, "routine") != 0};
    return n ? notify_people(ctx, people, n, notice, &about) : 0;
}

static int drop_expert(struct op_ctx *ctx, struct consult *c)
{
    for (size_t i = 0; i < c->n_team; i++)
        if (c->team[i].state == MEMBER_ASKED)
            c->team[i].state = ctx->actor->system                            ? MEMBER_SILENT
                               : c->team[i].person.v == ctx->actor->person.v ? MEMBER_DECLINED
                                                                             : c->team[i].state;
    return 0;
}

static int record_follow_up(struct op_ctx *ctx, const struct consult *c)
{
    struct query *q =
        tx_query(ctx->tx,
                 "SELECT id, body FROM consult_opinion WHERE case_id=$1 AND kind='final' ORDER BY version DESC "
                 "LIMIT 1",
                 "i", (int64_t)c->id.v);
    const char *text =
        query_next(q) ? query_sealed(q, "body", SEALED_OPINION_BODY, (uint64_t)query_int(q, "id"), c->id.v) : NULL;
    json_t *body = text ? json_loads(text, 0, NULL) : NULL;
    int rc = query_end(q);
    int64_t days = json_integer_value(json_object_get(body, "follow_up_days"));
    bool transfer = json_is_true(form_get(body, "transfer.advised"));
    json_decref(body);
    int64_t asked = tx_int(ctx->tx, -1, "SELECT days FROM follow_up WHERE case_id=$1", "i", (int64_t)c->id.v);
    days = asked >= 0 ? asked : days > 0 ? days : 30;
    return rc ? rc
              : tx_upsert(ctx->tx, "follow_up", "case_id",
                          "case_id,patient_id,org_id,person_id,days,due_ms,referral_advised,state,made_ms",
                          "iiiiiiiti", (int64_t)c->id.v, (int64_t)c->patient.v, (int64_t)c->home_org.v,
                          (int64_t)c->applicant.v, days, ctx->now_ms + days * 86400000, (int64_t)transfer,
                          "due", ctx->now_ms);
}

static int do_work(struct consult_act *a, uint8_t work)
{
    struct consult *c = a->c;
    switch ((enum consult_work)work) {
    case W_RELEASE_BOOKING: /* not the time that a substitution has just taken */
        return a->event == E_SUBSTITUTE && a->passed & CONSULT_BIT(C_SLOT) ? 0
                                                                           : booking_release(a->ctx, c, "cancelled");
    case W_OPEN_ROOM:
        c->room_open = true;
        return 0;
    case W_END_ROOM:
        c->room_open = false;
        return 0;
    case W_DROP_EXPERT:
        return drop_expert(a->ctx, c);
    case W_SEAL_OPINION:
        c->signed_ms = a->ctx->now_ms;
        return 0;
    case W_FOLLOW_UP:
        return record_follow_up(a->ctx, c);
    case W_SKIP_HOME_REVIEW:
        c->review_open = true;
        return 0;
    default:
        return 0;
    }
}

static int carry_out(struct consult_act *a, const struct flow_effects *fx)
{
    int rc = 0;
    for (size_t i = 0; i < fx->n && !rc; i++)
        if (fx->list[i].kind == FLOW_WORK)
            rc = do_work(a, fx->list[i].what);
    if (consult_flow.states[a->c->flow.state].flags & FLOW_TERMINAL && !a->c->closed_ms)
        a->c->closed_ms = a->ctx->now_ms;
    if (!rc && a->ctx->actor->person.v)
        rc = notify_settle(a->ctx, a->ctx->actor->person, a->c->id);
    for (size_t i = 0; i < fx->n && !rc; i++)
        if (fx->list[i].kind == FLOW_TELL)
            rc = consult_tell(a->ctx, a->c, fx->list[i].party, fx->list[i].notice, fx->list[i].act);
    return rc;
}

int consult_run(struct consult_act *a)
{
    struct consult_time time;
    struct flow_effects fx;
    enum flow_refusal why;
    const struct flow_rule *rule =
        flow_find(&consult_flow, &a->c->flow, a->event, a->parties, a->facts, &why);
    if (!rule)
        return consult_refuse(a->ctx, a->c, why);
    uint8_t to = rule->to == FLOW_SAME   ? a->c->flow.state
                 : rule->to == FLOW_BACK ? a->c->flow.back
                                         : rule->to;
    int rc = consult_prepare(a);
    rc = rc ? rc
            : consult_time(a->ctx, a->c, to,
                           &time); /* new clocks run by the calendar of whoever holds it next */
    if (rc)
        return rc;
    struct flow_ask ask = {.event = (uint8_t)a->event,
                           .parties = a->parties,
                           .facts = a->facts,
                           .passed = a->passed,
                           .now_ms = a->ctx->now_ms,
                           .anchor_ms = a->c->start_ms,
                           .calendar = &time.calendar,
                           .terms = time.terms};
    why = flow_step(&consult_flow, &a->c->flow, &ask, &fx);
    if (why)
        return consult_refuse(a->ctx, a->c, why);
    bool home = fx.to == S_DRAFT || fx.to == S_SUBMITTED || fx.to == S_RETURNED;
    if (!a->c->reached_ms && !home && !(consult_flow.states[fx.to].flags & FLOW_TERMINAL))
        a->c->reached_ms = a->ctx->now_ms;
    rc = carry_out(a, &fx);
    if (!rc && fx.from == S_ACCEPTED && fx.to != S_ACCEPTED)
        rc = waiting_drop(a->ctx, a->c->id);
    bool autosave = (a->event == E_SAVE_OPINION || a->event == E_WRITE_MINUTES) && fx.from == fx.to; /* every keystroke pause is no news */
    struct consult_note note = {.event = consult_flow.events[a->event].label.word,
                                .role = consult_party_word(a->parties),
                                .reason = a->reason,
                                .from = fx.from,
                                .to = fx.to,
                                .payload = a->args};
    if (!rc && !autosave)
        rc = consult_note(a->ctx, a->c, &note);
    return rc ? rc : autosave ? consult_save_quiet(a->ctx, a->c) : consult_save(a->ctx, a->c);
}

int consult_fire(struct op_ctx *ctx, struct consult *c, enum consult_event event)
{
    uint32_t parties = CONSULT_BIT(P_SYSTEM);
    struct consult_act a = {
        .ctx = ctx, .c = c, .event = event, .parties = parties, .facts = consult_facts(ctx, c, parties)};
    if (event == E_NEXT_EXPERT && consult_has_next_expert(ctx, c))
        a.facts |= F(NEXT_EXPERT);
    return consult_run(&a);
}
