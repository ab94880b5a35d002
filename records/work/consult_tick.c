/* Time passing, and the news of the room: events nobody pressed a button for. */
#include "records/notify/notify.h"
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/consultation.h"
#include "records/work/waiting.h"
#include "server/base/log.h"
#include <stdio.h>
#include <string.h>

#define P(x) CONSULT_BIT(P_##x)

static const char *act_of_clock(uint8_t clock)
{
    static const char *const acts[K_COUNT] = {[K_RESUBMIT] = "resubmit",
                                              [K_HOME_REVIEW] = "approve_home",
                                              [K_POST_REVIEW] = "approve_home",
                                              [K_TRIAGE] = "triage",
                                              [K_ASSIGN] = "assign",
                                              [K_MATERIAL] = "supply_material",
                                              [K_ACCEPT] = "accept",
                                              [K_HOLD] = "schedule",
                                              [K_INTERRUPTION] = "resume",
                                              [K_ARRIVE] = "begin_review",
                                              [K_INHOUSE] = "sign_opinion",
                                              [K_OPINION] = "sign_opinion",
                                              [K_OPINION_HARD] = "sign_opinion",
                                              [K_REPORT] = "sign_opinion",
                                              [K_VERBAL] = "sign_opinion",
                                              [K_READ] = "acknowledge",
                                              [K_AUTO_CLOSE] = "evaluate"};
    return acts[clock];
}

static int note_overdue(struct op_ctx *ctx, const struct consult *c, const struct flow_effect *e)
{
    char reason[64];
    snprintf(reason, sizeof reason, "%s L%d", consult_flow.clocks[e->clock].label.word, (int)e->what);
    return consult_note(ctx, c,
                        &(struct consult_note){.event = "overdue",
                                               .role = "system",
                                               .reason = reason,
                                               .from = c->flow.state,
                                               .to = c->flow.state});
}

/* Where an overdue clock opens a way out, that way is offered by name. */
static int offer(struct op_ctx *ctx, const struct consult *c, const struct flow_effect *e)
{
    if (e->clock == K_INTERRUPTION && e->what == 1) {
        int rc = consult_tell(ctx, c, P_APPLICANT, "case.offline_offered", NULL);
        return rc ? rc : consult_tell(ctx, c, P_DISPATCH, "case.offline_offered", NULL);
    }
    if (e->clock == K_MATERIAL && e->what == 1)
        return consult_tell(ctx, c, P_DISPATCH, "case.cancel_offered", NULL);
    return 0;
}

static int escalate(struct op_ctx *ctx, const struct consult *c, const struct flow_effect *e)
{
    int rc = consult_tell(ctx, c, e->party, e->notice, act_of_clock(e->clock));
    rc = rc ? rc : offer(ctx, c, e);
    return rc ? rc : note_overdue(ctx, c, e);
}

/* Reminders of a session go to everyone who is invited; the call at T+3 min only to an expert who is not
 * there. */
static int remind(struct op_ctx *ctx, const struct consult *c, const struct flow_effect *e)
{
    static const uint8_t invited[] = {P_APPLICANT, P_EXPERT, P_SECRETARY};
    if (e->clock == K_LATE_CALL)
        return c->expert_present || c->flow.state != S_WAITING
                   ? 0
                   : consult_tell(ctx, c, P_EXPERT, e->notice, NULL);
    int rc = 0;
    for (size_t i = 0; i < 3 && !rc; i++)
        rc = consult_tell(ctx, c, invited[i], e->notice, NULL);
    return rc;
}

static int carry(struct op_ctx *ctx, struct consult *c, const struct flow_effect *e)
{
    switch (e->kind) {
    case FLOW_ESCALATE:
        return escalate(ctx, c, e);
    case FLOW_REMIND:
        return remind(ctx, c, e);
    default:
        return 0;
    }
}

static int fire_quietly(struct op_ctx *ctx, struct consult *c, uint8_t event)
{
    int rc = consult_fire(ctx, c, (enum consult_event)event);
    if (rc == ERR_NOT_ALLOWED_NOW ||
        rc == ERR_DENIED) { /* the case moved on; the clock has said so and is done */
        fault_clear(ctx->fault);
        return 0;
    }
    return rc;
}

static int tick_case(struct op_ctx *ctx, struct case_id id)
{
    struct consult c;
    struct consult_time time;
    struct flow_effects fx;
    uint8_t fires[FLOW_CLOCKS_MAX];
    size_t n_fires = 0;
    int rc = consult_load(ctx, id, &c);
    if (rc)
        return rc;
    rc = consult_time(ctx, &c, c.flow.state, &time);
    if (!rc) {
        struct flow_ask now = {
            .now_ms = ctx->now_ms, .anchor_ms = c.start_ms, .calendar = &time.calendar, .terms = time.terms};
        flow_tick(&consult_flow, &c.flow, &now, &fx);
        for (size_t i = 0; i < fx.n && !rc; i++)
            if (fx.list[i].kind == FLOW_FIRE && n_fires < FLOW_CLOCKS_MAX)
                fires[n_fires++] = fx.list[i].what;
            else
                rc = carry(ctx, &c, &fx.list[i]);
    }
    if (!rc)
        rc = consult_save_quiet(ctx, &c);
    for (size_t i = 0; i < n_fires && !rc; i++)
        rc = fire_quietly(ctx, &c, fires[i]);
    consult_clear(&c);
    return rc;
}

int consultation_tick(struct op_ctx *ctx, int limit, bool *more)
{
    uint64_t ids[200];
    int n = 0, rc;
    limit = limit < 200 ? limit : 200;
    struct query *q =
        tx_query(ctx->tx, "SELECT id FROM consult WHERE next_ms<=$1 ORDER BY next_ms, id LIMIT $2", "ii",
                 ctx->now_ms, (int64_t)limit);
    while (n < limit && query_next(q))
        ids[n++] = (uint64_t)query_int(q, "id");
    rc = query_end(q);
    for (int i = 0; i < n && !rc; i++) {
        rc = tick_case(ctx, (struct case_id){ids[i]});
        if (rc &&
            !tx_error(ctx->tx)) { /* one case that cannot go on must not stop the clocks of the others */
            log_error("consult", "clock of case %016llx: %s %s", (unsigned long long)ids[i], err_wire(rc),
                      ctx->fault->reason);
            fault_clear(ctx->fault);
            rc = tx_exec(ctx->tx, "UPDATE consult SET next_ms=$2 WHERE id=$1", "ii", (int64_t)ids[i],
                         ctx->now_ms + 600000);
        }
    }
    *more = n == limit;
    return rc ? rc : waiting_tick(ctx);
}

int64_t consultation_next_ms(struct tx *tx)
{
    int64_t cases = tx_int(tx, INT64_MAX, "SELECT MIN(next_ms) FROM consult", ""), offers = waiting_next_ms(tx);
    return cases < offers ? cases : offers;
}

/* ---- the room ---- */
int64_t consult_room_opens(const struct consult *c)
{
    for (uint8_t i = 0; i < c->flow.n_runs; i++)
        if (c->flow.runs[i].clock == K_ROOM_OPENS)
            return c->flow.runs[i].due_ms;
    return c->start_ms ? c->start_ms - CONSULT_ROOM_EARLY_MS : 0;
}

/* The patient may change his mind between the form and the session: what was ticked at its start counts. */
static bool recording_consent(struct op_ctx *ctx, const struct consult *c)
{
    bool agreed = json_is_true(form_get(c->form, "consent.recording.agreed"));
    struct query *q = tx_query(ctx->tx,
                               "SELECT id, reason FROM consult_event WHERE case_id=$1 AND event='start' ORDER BY t_ms DESC, id DESC "
                               "LIMIT 1",
                               "i", (int64_t)c->id.v);
    const char *reason =
        query_next(q) ? query_sealed(q, "reason", SEALED_EVENT_REASON, (uint64_t)query_int(q, "id"), c->id.v) : NULL;
    if (reason)
        agreed = strcmp(reason, "recording_agreed") == 0;
    return query_end(q) == 0 && agreed;
}

int consultation_room_find(struct op_ctx *ctx, struct case_id id, struct consultation_room *out)
{
    struct consult c;
    int rc = consultation_check_read(ctx, id);
    rc = rc ? rc : consult_load(ctx, id, &c);
    if (rc)
        return rc;
    uint32_t parties = consult_parties(ctx, &c);
    struct consult_member *me = consult_member_active(&c, ctx->actor->person);
    struct person_id lead = consult_lead(&c);
    *out = (struct consultation_room){
        .open = c.room_open,
        .start_ms = c.start_ms,
        .end_ms = c.end_ms,
        .opens_ms = consult_room_opens(&c),
        .host = lead.v ? lead : c.applicant,
        .recording_consent = recording_consent(ctx, &c),
        .family_attends = json_is_true(form_get(c.form, "wish.family_attends"))};
    if (parties & P(APPLICANT))
        out->seat = SEAT_HOST; /* the inviting side brings the patient */
    else if (me)
        out->seat = me->part == PART_SECRETARY ? SEAT_HOST
                    : me->part == PART_MEMBER  ? SEAT_MEMBER
                                               : SEAT_EXPERT;
    else if (parties & (P(DISPATCH) | P(TARGET) | P(HOME)))
        out->seat = SEAT_HOST; /* functions.md 4.2: the offices and dispatchers of both sides may host */
    snprintf(out->number, sizeof out->number, "%s", c.number);
    snprintf(out->state, sizeof out->state, "%s", consult_flow.states[c.flow.state].label.word);
    consult_clear(&c);
    return 0;
}

static int room_event(struct op_ctx *ctx, struct case_id id, enum consult_event event)
{
    struct consult c;
    int rc = consult_load(ctx, id, &c);
    if (rc)
        return rc == ERR_NOT_FOUND ? (fault_clear(ctx->fault), 0) : rc;
    rc = fire_quietly(ctx, &c, (uint8_t)event);
    consult_clear(&c);
    return rc;
}

int consultation_room_seen(struct op_ctx *ctx, struct case_id id, struct person_id person)
{
    struct consult c;
    int rc = consult_load(ctx, id, &c);
    if (rc)
        return rc == ERR_NOT_FOUND ? (fault_clear(ctx->fault), 0) : rc;
    struct consult_member *m = consult_member_active(&c, person);
    if (m && m->part != PART_SECRETARY && !c.expert_present)
        rc = tx_exec(ctx->tx, "UPDATE consult SET expert_present=1 WHERE id=$1", "i", (int64_t)id.v);
    consult_clear(&c);
    return rc;
}

int consultation_room_interrupted(struct op_ctx *ctx, struct case_id id)
{
    return room_event(ctx, id, E_INTERRUPT);
}

int consultation_room_resumed(struct op_ctx *ctx, struct case_id id)
{
    return room_event(ctx, id, E_RESUME);
}

int consultation_room_ended(struct op_ctx *ctx, struct case_id id)
{
    return room_event(ctx, id, E_END_SESSION);
}
