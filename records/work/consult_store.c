/* Rows of a case. One UPDATE, the clocks and the team are replaced: a transition costs a handful of
 * statements. */
#include "records/parts.h"
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/work_view.h"
#include "server/base/crypto.h"
#include "server/base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t id_of(struct query *q, const char *column)
{
    return (uint64_t)query_int(q, column);
}

static void read_row(struct query *q, struct consult *c)
{
    TEXT_COPY(c->number, query_text(q, "number"));
    TEXT_COPY(c->kind, query_text(q, "kind"));
    TEXT_COPY(c->scope, query_text(q, "scope"));
    TEXT_COPY(c->template_, query_text(q, "template"));
    TEXT_COPY(c->urgency, query_text(q, "urgency"));
    c->patient.v = id_of(q, "patient_id");
    c->applicant.v = id_of(q, "applicant_id");
    c->wanted_expert.v = id_of(q, "wanted_expert_id");
    c->home_org.v = id_of(q, "home_org_id");
    c->home_dept.v = id_of(q, "home_dept_id");
    c->target_org.v = id_of(q, "target_org_id");
    c->target_dept.v = id_of(q, "target_dept_id");
    c->version = query_int(q, "version");
    c->created_ms = query_int(q, "created_ms");
    c->changed_ms = query_int(q, "changed_ms");
    c->submitted_ms = query_int(q, "submitted_ms");
    c->reached_ms = query_int(q, "reached_ms");
    c->signed_ms = query_int(q, "signed_ms");
    c->closed_ms = query_int(q, "closed_ms");
    c->start_ms = query_int(q, "start_ms");
    c->end_ms = query_int(q, "end_ms");
    c->slot = id_of(q, "slot_id");
    c->meeting_room = id_of(q, "meeting_room_id");
    c->reschedules = (int)query_int(q, "reschedules");
    c->offline_gear = query_int(q, "offline_gear");
    c->review_open = query_int(q, "review_open");
    c->expert_present = query_int(q, "expert_present");
    c->room_open = query_int(q, "room_open");
    c->previous.v = id_of(q, "previous_case_id");
    c->merged_into.v = id_of(q, "merged_into");
    int state = flow_state_find(&consult_flow, query_text(q, "state"));
    int back = query_text(q, "back") ? flow_state_find(&consult_flow, query_text(q, "back")) : -1;
    c->flow.state = (uint8_t)(state < 0 ? S_EXPIRED : state);
    c->flow.back = (uint8_t)(back < 0 ? 0 : back);
}

static void read_texts(struct query *q, struct consult *c)
{
    const char *form = query_sealed(q, "form", SEALED_CONSULT_FORM, c->id.v, 0),
               *adoption = query_sealed(q, "adoption", SEALED_CONSULT_ADOPTION, c->id.v, 0);
    c->form = form ? json_loads(form, 0, NULL) : NULL;
    c->adoption = adoption ? strdup(adoption) : NULL;
}

static int load_clocks(struct op_ctx *ctx, struct consult *c)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT clock, level, started_ms, due_ms, next_ms, paused_ms, left_ms "
                               "FROM consult_clock WHERE case_id=$1 ORDER BY due_ms, clock",
                               "i", (int64_t)c->id.v);
    while (query_next(q)) {
        int clock = flow_clock_find(&consult_flow, query_text(q, "clock"));
        if (clock < 0 || c->flow.n_runs == FLOW_CLOCKS_MAX)
            continue;
        c->flow.runs[c->flow.n_runs++] = (struct flow_run){.clock = (uint8_t)clock,
                                                           .level = (uint8_t)query_int(q, "level"),
                                                           .started_ms = query_int(q, "started_ms"),
                                                           .due_ms = query_int(q, "due_ms"),
                                                           .next_ms = query_int(q, "next_ms"),
                                                           .paused_ms = query_int(q, "paused_ms"),
                                                           .left_ms = query_int(q, "left_ms")};
    }
    return query_end(q);
}

static int load_team(struct op_ctx *ctx, struct consult *c)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT person_id, part, state, asked_ms, signed_ms FROM consult_team "
                               "WHERE case_id=$1 ORDER BY n",
                               "i", (int64_t)c->id.v);
    while (query_next(q) && c->n_team < CONSULT_TEAM_MAX)
        c->team[c->n_team++] =
            (struct consult_member){.person = {id_of(q, "person_id")},
                                    .part = (enum consult_part)query_int(q, "part"),
                                    .state = (enum consult_member_state)query_int(q, "state"),
                                    .asked_ms = query_int(q, "asked_ms"),
                                    .signed_ms = query_int(q, "signed_ms")};
    return query_end(q);
}

static int load(struct op_ctx *ctx, struct case_id id, bool texts, struct consult *out)
{
    memset(out, 0, sizeof *out);
    out->id = id;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM consult WHERE id=$1", "i", (int64_t)id.v);
    bool found = query_next(q);
    if (found)
        read_row(q, out);
    if (found && texts)
        read_texts(q, out);
    int rc = query_end(q);
    if (!rc && !found)
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "case", "no such case");
    rc = rc ? rc : load_clocks(ctx, out);
    rc = rc ? rc : load_team(ctx, out);
    if (!rc && !out->form)
        out->form = json_object();
    if (rc)
        consult_clear(out);
    return rc;
}

int consult_load(struct op_ctx *ctx, struct case_id id, struct consult *out)
{
    return load(ctx, id, true, out);
}

int consult_load_head(struct op_ctx *ctx, struct case_id id, struct consult *out)
{
    return load(ctx, id, false, out);
}

void consult_clear(struct consult *c)
{
    json_decref(c->form);
    free(c->adoption);
    c->form = NULL;
    c->adoption = NULL;
}

/* HZ + year month day + four digits of the day: what people read to each other on the phone. */
int consult_next_number(struct op_ctx *ctx, char out[24])
{
    time_t t = (time_t)(ctx->now_ms / 1000 + 8 * 3600);
    struct tm tm;
    char day[16];
    gmtime_r(&t, &tm);
    strftime(day, sizeof day, "%Y%m%d", &tm);
    int64_t n = tx_int(ctx->tx, 0, "SELECT n FROM consult_counter WHERE day=$1", "t", day) + 1;
    snprintf(out, 24, "HZ%.8s-%04u", day, (unsigned)n);
    return tx_upsert(ctx->tx, "consult_counter", "day", "day,n", "ti", day, n);
}

static int save_clocks(struct op_ctx *ctx, const struct consult *c)
{
    int rc = tx_exec(ctx->tx, "DELETE FROM consult_clock WHERE case_id=$1", "i", (int64_t)c->id.v);
    for (uint8_t i = 0; i < c->flow.n_runs && !rc; i++) {
        const struct flow_run *r = &c->flow.runs[i];
        rc = tx_exec(ctx->tx,
                     "INSERT INTO consult_clock (case_id, clock, level, started_ms, due_ms, next_ms, "
                     "paused_ms, left_ms) "
                     "VALUES ($1,$2,$3,$4,$5,$6,$7,$8)",
                     "itiiiiii", (int64_t)c->id.v, consult_flow.clocks[r->clock].label.word,
                     (int64_t)r->level, r->started_ms, r->due_ms, r->next_ms, r->paused_ms, r->left_ms);
    }
    return rc;
}

static int save_team(struct op_ctx *ctx, const struct consult *c)
{
    int rc = tx_exec(ctx->tx, "DELETE FROM consult_team WHERE case_id=$1", "i", (int64_t)c->id.v);
    for (size_t i = 0; i < c->n_team && !rc; i++) {
        const struct consult_member *m = &c->team[i];
        rc = tx_exec(ctx->tx,
                     "INSERT INTO consult_team (case_id, n, person_id, part, state, asked_ms, signed_ms) "
                     "VALUES ($1,$2,$3,$4,$5,$6,$7)",
                     "iiiiiii", (int64_t)c->id.v, (int64_t)i, (int64_t)m->person.v, (int64_t)m->part,
                     (int64_t)m->state, m->asked_ms, m->signed_ms);
    }
    return rc;
}

/* Who holds the case: a named person where there is one, else an institution's desk. */
struct person_id consult_holder_person(const struct consult *c, uint8_t party)
{
    if (party == P_APPLICANT)
        return c->applicant;
    if (party != P_EXPERT)
        return (struct person_id){0};
    for (size_t i = 0; i < c->n_team; i++) /* the one who is waited for */
        if ((c->flow.state == S_ASSIGNED && c->team[i].state == MEMBER_ASKED) ||
            (c->flow.state == S_OPINION_DRAFT && c->team[i].state == MEMBER_ACCEPTED &&
             c->team[i].part == PART_MEMBER))
            return c->team[i].person;
    return consult_lead(c);
}

static int write_row(struct op_ctx *ctx, struct consult *c)
{
    const struct flow_state *s = &consult_flow.states[c->flow.state];
    const struct flow_run *shown = flow_shown(&consult_flow, &c->flow);
    int64_t next = flow_next_ms(&c->flow);
    bool held = s->holder != 255;
    return tx_exec(ctx->tx,
                   "UPDATE consult SET kind=$2, scope=$3, template=$4, urgency=$5, state=$6, back=$7, "
                   "version=$8, target_org_id=$9, "
                   "target_dept_id=$10, wanted_expert_id=$11, expert_id=$12, holder_party=$13, "
                   "holder_person_id=$14, holder_org_id=$15, "
                   "due_ms=$16, paused=$17, next_ms=$18, changed_ms=$19, submitted_ms=$20, signed_ms=$21, "
                   "closed_ms=$22, start_ms=$23, "
                   "end_ms=$24, slot_id=$25, meeting_room_id=$26, reschedules=$27, offline_gear=$28, "
                   "review_open=$29, expert_present=$30, "
                   "room_open=$31, merged_into=$32, adoption=$33, number=$34, reached_ms=$35 WHERE id=$1",
                   "i"
                   "tttttt"
                   "iiiii"
                   "t"
                   "iiiiiiiiiiiiiiiiiii"
                   "sti",
                   (int64_t)c->id.v, c->kind, c->scope, c->template_, c->urgency, s->label.word,
                   consult_flow.states[c->flow.back].label.word, c->version, (int64_t)c->target_org.v,
                   (int64_t)c->target_dept.v, (int64_t)c->wanted_expert.v, (int64_t)consult_lead(c).v,
                   held ? consult_flow.parties[s->holder].word : "",
                   (int64_t)(held ? consult_holder_person(c, s->holder).v : 0),
                   (int64_t)(held ? consult_holder_org(c, s->holder).v : 0), shown ? shown->due_ms : 0,
                   (int64_t)(shown && shown->paused_ms), next, c->changed_ms, c->submitted_ms, c->signed_ms,
                   c->closed_ms, c->start_ms, c->end_ms, (int64_t)c->slot, (int64_t)c->meeting_room,
                   (int64_t)c->reschedules, (int64_t)c->offline_gear, (int64_t)c->review_open,
                   (int64_t)c->expert_present, (int64_t)c->room_open, (int64_t)c->merged_into.v,
                   SEALED(CONSULT_ADOPTION, c->id.v, 0, c->adoption),
                   c->number, c->reached_ms);
}

static int feed(struct op_ctx *ctx, const struct consult *c)
{
    char key[ID_TEXT_BYTES], payload[128];
    id_format(c->id.v, key);
    snprintf(payload, sizeof payload, "{\"case_id\":\"%s\",\"version\":%lld,\"state\":\"%s\"}", key,
             (long long)c->version, consult_flow.states[c->flow.state].label.word);
    return tx_feed(ctx->tx, "case", key, payload);
}

int consult_save(struct op_ctx *ctx, struct consult *c)
{
    c->version++;
    c->changed_ms = ctx->now_ms;
    return consult_save_quiet(ctx, c);
}

int consult_save_quiet(struct op_ctx *ctx, struct consult *c)
{
    int rc = write_row(ctx, c);
    rc = rc ? rc : save_clocks(ctx, c);
    rc = rc ? rc : save_team(ctx, c);
    return rc ? rc : feed(ctx, c);
}

int consult_insert(struct op_ctx *ctx, struct consult *c)
{
    char *form = json_dumps(c->form, JSON_COMPACT);
    int rc = tx_exec(
        ctx->tx,
        "INSERT INTO consult (id, number, patient_id, applicant_id, home_org_id, home_dept_id, created_ms, "
        "previous_case_id, form) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
        "itiiiiiis", (int64_t)c->id.v, c->number, (int64_t)c->patient.v, (int64_t)c->applicant.v,
        (int64_t)c->home_org.v, (int64_t)c->home_dept.v, c->created_ms, (int64_t)c->previous.v,
        SEALED(CONSULT_FORM, c->id.v, 0, form ? form : "{}"));
    free(form);
    c->version = 0;
    return rc ? rc : consult_save(ctx, c);
}

int consult_note(struct op_ctx *ctx, const struct consult *c, const struct consult_note *note)
{
    char hash[2 * SHA256_BYTES + 1] = "";
    uint64_t id = id_new();
    if (note->payload) { /* the line proves what was said without holding it; keyed, because short texts could be guessed */
        uint8_t sum[SHA256_BYTES];
        char *text = json_dumps(note->payload, JSON_COMPACT | JSON_SORT_KEYS);
        crypto_hmac_sha256(records_parts(ctx->records)->request_key, 32, text ? text : "", text ? strlen(text) : 0, sum);
        free(text);
        if (hex_encode(sum, sizeof sum, hash, sizeof hash) < 0)
            return ERR_INTERNAL;
    }
    return tx_exec(
        ctx->tx,
        "INSERT INTO consult_event (id, case_id, t_ms, event, from_state, to_state, person_id, role, org_id, "
        "reason, payload_sha256) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)",
        "iiitttitist", (int64_t)id, (int64_t)c->id.v, ctx->now_ms, note->event,
        consult_flow.states[note->from].label.word, consult_flow.states[note->to].label.word,
        (int64_t)ctx->actor->person.v, note->role, (int64_t)ctx->actor->org.v,
        SEALED(EVENT_REASON, id, c->id.v, note->reason),
        *hash ? hash : NULL);
}
