/* The operations on one case: create, edit, read, every act. */
#include "records/patient/patient.h"
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/consultation.h"
#include "records/work/work_ops.h"
#include "records/work/work_parts.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P(x) CONSULT_BIT(P_##x)
#define KINDS "offline|interactive"
#define SCOPES "clinical|specialist|mdt|in_house"
#define TEMPLATES "stroke|chest_pain|neonatal|obstetric"
#define PAUSES "waiting_for_materials|patient_unreachable" /* the only reasons that stop a clock */
#define URGENCIES "routine|urgent|emergency"

static void set(char *out, size_t cap, const char *text)
{
    if (text)
        snprintf(out, cap, "%s", text);
}

/* Loads, decides what the actor is, refuses strangers; the denial is audited by the call with the object
 * named. */
static int open_case(struct op_ctx *ctx, struct case_id id, struct consult *c, uint32_t *parties)
{
    int rc = consult_load(ctx, id, c);
    if (rc)
        return rc;
    ctx->audit.object = id.v;
    ctx->audit.patient = c->patient.v;
    *parties = consult_parties(ctx, c);
    if (consult_may_read(ctx, c, *parties))
        return 0;
    bool possible = override_possible(ctx, c); /* told, so that the page offers emergency access to those alone who can have it */
    consult_clear(c);
    return possible ? fault_set(ctx->fault, ERR_DENIED, "emergency_only", "you take no part in this case; a doctor of the two houses may open it in an emergency")
                    : fault_set(ctx->fault, ERR_DENIED, "not_your_case", "you take no part in this case");
}

int consult_open(struct op_ctx *ctx, json_t *args, struct consult *c, uint32_t *parties)
{
    return open_case(ctx, (struct case_id){arg_id(args, "case_id")}, c, parties);
}

int consult_takes_part(struct op_ctx *ctx, uint32_t parties)
{
    if (parties & ~P(ADMIN))
        return 0;
    return fault_set(ctx->fault, ERR_DENIED, "only_looking", "emergency access is for reading");
}

/* ---- create and edit ---- */
static int read_header(struct op_ctx *ctx, json_t *args, struct consult *c)
{
    set(c->kind, sizeof c->kind, arg_text(args, "kind"));
    set(c->scope, sizeof c->scope, arg_text(args, "scope"));
    set(c->urgency, sizeof c->urgency, arg_text(args, "urgency"));
    if (json_object_get(args, "template"))
        set(c->template_, sizeof c->template_, arg_text(args, "template") ? arg_text(args, "template") : "");
    if (strcmp(c->scope, "specialist") != 0)
        c->template_[0] = 0;
    if (json_object_get(args, "target_org_id"))
        c->target_org.v = arg_id(args, "target_org_id");
    if (json_object_get(args, "target_dept_id"))
        c->target_dept.v = arg_id(args, "target_dept_id");
    if (json_object_get(args, "expert_id"))
        c->wanted_expert.v = arg_id(args, "expert_id");
    if (strcmp(c->scope, "in_house") == 0)
        c->target_org = c->home_org;
    if (c->target_org.v && staff_institution(ctx, c->target_org).v != c->target_org.v)
        return fault_field(ctx->fault, "target_org_id", "not_an_institution");
    if (c->target_dept.v && !c->target_org.v)
        c->target_org = staff_institution(ctx, c->target_dept);
    if (c->target_dept.v && !staff_is_department(ctx, c->target_dept, c->target_org))
        return fault_field(ctx->fault, "target_dept_id", "not_a_department");
    return 0;
}

static int read_form(struct op_ctx *ctx, json_t *args, struct consult *c)
{
    json_t *form = json_object_get(args, "form");
    struct form_context fc = consult_form_context(c);
    if (!form)
        return 0;
    int rc = form_check(forms_find(work_parts(ctx->records)->forms, "consultation"), &fc, form, "form",
                        ctx->fault);
    if (rc)
        return fault_set(ctx->fault, rc, "form", "the form has wrong members");
    json_decref(c->form);
    c->form = json_incref(form);
    return 0;
}

static int check_previous(struct op_ctx *ctx, json_t *args, struct consult *c)
{
    struct consult old;
    uint32_t parties;
    c->previous.v = arg_id(args, "previous_case_id");
    if (!c->previous.v)
        return 0;
    uint64_t patient = ctx->audit.patient, object = ctx->audit.object;
    int rc = open_case(ctx, c->previous, &old, &parties);
    if (rc)
        return rc;
    if (old.patient.v != c->patient.v)
        rc = fault_field(ctx->fault, "previous_case_id", "other_patient");
    consult_clear(&old);
    ctx->audit.patient = patient;
    ctx->audit.object = object;
    return rc;
}

/* Whom to call is known where the institution keeps the record: it need not be typed again. */
static int known_contact(struct op_ctx *ctx, struct consult *c)
{
    json_t *phone = NULL;
    if (json_object_get(c->form, "contact"))
        return 0;
    int rc = patient_contact(ctx, c->patient, &phone);
    if (phone)
        json_object_set_new(c->form, "contact", json_pack("{s:o}", "phone", phone));
    return rc;
}

static int case_create(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c = {.patient = {arg_id(args, "patient_id")},
                        .applicant = ctx->actor->person,
                        .home_org = ctx->actor->org,
                        .home_dept = ctx->actor->dept,
                        .created_ms = ctx->now_ms,
                        .form = json_object()};
    struct consult_time time;
    int rc = patient_check_case(ctx, c.patient);
    ctx->audit.patient = c.patient.v;
    rc = rc ? rc : read_header(ctx, args, &c);
    rc = rc ? rc : read_form(ctx, args, &c);
    rc = rc ? rc : known_contact(ctx, &c);
    rc = rc ? rc : check_previous(ctx, args, &c);
    rc = rc ? rc : consult_next_number(ctx, c.number);
    c.id.v = id_new();
    ctx->audit.object = c.id.v;
    rc = rc ? rc : consult_time(ctx, &c, S_DRAFT, &time);
    if (!rc) {
        struct flow_ask ask = {.now_ms = ctx->now_ms, .calendar = &time.calendar, .terms = time.terms};
        flow_start_clock(&consult_flow, &c.flow, K_DRAFT, &ask);
        rc = consult_insert(ctx, &c);
    }
    rc = rc ? rc : consult_note(ctx, &c, &(struct consult_note){.event = "create", .role = "applicant"});
    if (!rc)
        *result = consult_view(ctx, &c, consult_parties(ctx, &c));
    consult_clear(&c);
    return rc;
}

static int stale(struct op_ctx *ctx, json_t *args, const struct consult *c)
{
    int64_t version = arg_int(args, "version", -1);
    if (version == c->version)
        return 0;
    return fault_set(ctx->fault, ERR_CONFLICT, "stale_version", "the case is at version %lld",
                     (long long)c->version);
}

static int save_form(struct op_ctx *ctx, const struct consult *c)
{
    char *text = json_dumps(c->form, JSON_COMPACT);
    int rc = text ? tx_exec(ctx->tx, "UPDATE consult SET form=$2 WHERE id=$1", "is", (int64_t)c->id.v,
                            SEALED(CONSULT_FORM, c->id.v, 0, text))
                  : ERR_INTERNAL;
    free(text);
    return rc;
}

static int case_update(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    if (!(parties & P(APPLICANT)))
        rc = fault_set(ctx->fault, ERR_DENIED, "not_your_act", "only the applicant edits the application");
    else if (c.flow.state != S_DRAFT && c.flow.state != S_RETURNED)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "wrong_state", "the application was sent");
    rc = rc ? rc : stale(ctx, args, &c);
    rc = rc ? rc : read_header(ctx, args, &c);
    rc = rc ? rc : read_form(ctx, args, &c);
    rc = rc ? rc : save_form(ctx, &c);
    rc = rc ? rc : consult_save(ctx, &c);
    if (!rc)
        *result = json_pack("{s:I,s:o,s:o}", "version", (json_int_t)c.version, "completeness",
                            consult_completeness(ctx, &c), "fit", consult_fit(ctx, &c));
    consult_clear(&c);
    return rc;
}

static int case_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    *result = consult_view(ctx, &c, parties);
    consult_clear(&c);
    return tx_error(ctx->tx);
}

/* ---- acts ---- */
int consult_act_run(struct op_ctx *ctx, json_t *args, json_t **result, enum consult_event event)
{
    struct consult c;
    uint32_t parties;
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    if (event != E_SAVE_OPINION && event != E_WRITE_MINUTES) /* one's own draft has nothing to be stale against, minutes have base_ms */
        rc = stale(ctx, args, &c);
    struct consult_act a = {.ctx = ctx,
                            .args = args,
                            .c = &c,
                            .event = event,
                            .parties = parties,
                            .facts = consult_facts(ctx, &c, parties)};
    rc = rc ? rc : consult_run(&a);
    if (!rc)
        *result = consult_view(ctx, &c, consult_parties(ctx, &c));
    consult_clear(&c);
    return rc ? rc : tx_error(ctx->tx);
}

#define ACT(name, event)                                                                                     \
    static int case_##name(struct op_ctx *ctx, json_t *args, json_t **result)                                \
    {                                                                                                        \
        return consult_act_run(ctx, args, result, event);                                                                \
    }
ACT(submit, E_SUBMIT)
ACT(return, E_RETURN)
ACT(approve_home, E_APPROVE_HOME)
ACT(post_review, E_POST_REVIEW)
ACT(triage, E_TRIAGE)
ACT(redirect, E_REDIRECT)
ACT(need_material, E_NEED_MATERIAL)
ACT(supply_material, E_SUPPLY_MATERIAL)
ACT(decline, E_DECLINE)
ACT(assign, E_ASSIGN)
ACT(accept, E_ACCEPT)
ACT(expert_decline, E_EXPERT_DECLINE)
ACT(substitute, E_SUBSTITUTE)
ACT(release_expert, E_RELEASE_EXPERT)
ACT(schedule, E_SCHEDULE)
ACT(reschedule, E_RESCHEDULE)
ACT(open_room, E_OPEN_ROOM)
ACT(start, E_START)
ACT(interrupt, E_INTERRUPT)
ACT(resume, E_RESUME)
ACT(continue_offline, E_CONTINUE_OFFLINE)
ACT(end_session, E_END_SESSION)
ACT(begin_review, E_BEGIN_REVIEW)
ACT(save_opinion, E_SAVE_OPINION)
ACT(write_minutes, E_WRITE_MINUTES)
ACT(verbal_note, E_VERBAL_NOTE)
ACT(sign_opinion, E_SIGN_OPINION)
ACT(acknowledge, E_ACKNOWLEDGE)
ACT(evaluate, E_EVALUATE)
ACT(close, E_CLOSE)
ACT(addendum, E_ADDENDUM)
ACT(cancel, E_CANCEL)
ACT(merge, E_MERGE)

#define CASE_ID                                                                                              \
    {                                                                                                        \
        "case_id", FIELD_ID, true, .help = "the case"                                                        \
    }
#define VERSION                                                                                              \
    {                                                                                                        \
        "version", FIELD_INT, true, 1, INT64_C(9007199254740991), .help = "the version the page shows"       \
    }
#define TEXT(name, need, max_, help_)                                                                        \
    {                                                                                                        \
        name, FIELD_TEXT, need, 0, max_, .help = help_                                                       \
    }
#define ARGS(name, ...) static const struct field name[] = {CASE_ID, __VA_ARGS__, {0}}

static const struct field create_args[] = {{"patient_id", FIELD_ID, true},
                                           {"kind", FIELD_ENUM, true, .choices = KINDS},
                                           {"scope", FIELD_ENUM, true, .choices = SCOPES},
                                           {"template", FIELD_ENUM, .choices = TEMPLATES},
                                           {"urgency", FIELD_ENUM, true, .choices = URGENCIES},
                                           {"target_org_id", FIELD_ID},
                                           {"target_dept_id", FIELD_ID},
                                           {"expert_id", FIELD_ID, .help = "wished expert"},
                                           {"form", FIELD_ANY, .help = "application form, see form.get"},
                                           {"previous_case_id", FIELD_ID, .help = "re-consultation"},
                                           {0}};
ARGS(update_args, VERSION, {"kind", FIELD_ENUM, .choices = KINDS}, {"scope", FIELD_ENUM, .choices = SCOPES},
     {"template", FIELD_ENUM, .choices = TEMPLATES}, {"urgency", FIELD_ENUM, .choices = URGENCIES},
     {"target_org_id", FIELD_ID}, {"target_dept_id", FIELD_ID}, {"expert_id", FIELD_ID},
     {"form", FIELD_ANY, .help = "the whole form"});
static const struct field get_args[] = {CASE_ID, {0}};
ARGS(plain_args, VERSION);
ARGS(comment_args, VERSION, TEXT("comment", false, 2000, "remark for the timeline"));
ARGS(reason_args, VERSION, TEXT("reason", false, 1000, "why"));
static const struct field return_item[] = {
    {"path", FIELD_TEXT, false, 0, 120}, {"reason", FIELD_TEXT, true, 1, 500}, {0}};
static const struct field return_of[] = {{"", FIELD_OBJECT, .of = return_item}};
ARGS(return_args, VERSION,
     {"items", FIELD_ARRAY, true, 1, 50, .of = return_of, .help = "what is wrong, item by item"});
ARGS(triage_args, VERSION, {"dept_id", FIELD_ID}, TEXT("comment", false, 2000, "remark"));
ARGS(redirect_args, VERSION, {"org_id", FIELD_ID, true}, {"dept_id", FIELD_ID},
     TEXT("reason", true, 1000, "why"));
static const struct field text_of[] = {{"", FIELD_TEXT, true, 1, 500}};
ARGS(need_args, VERSION, {"items", FIELD_ARRAY, true, 1, 30, .of = text_of, .help = "missing material"},
     {"code", FIELD_ENUM, .choices = PAUSES, .help = "why the clock is paused"});
ARGS(decline_args, VERSION, TEXT("code", true, 40, "coded reason"), TEXT("reason", true, 1000, "why"),
     TEXT("suggestion", false, 2000, "what the requester should do instead"));
ARGS(code_args, VERSION, TEXT("code", true, 40, "coded reason"), TEXT("reason", true, 1000, "why"));
static const struct field member_item[] = {
    {"person_id", FIELD_ID, true}, {"part", FIELD_ENUM, true, .choices = "chair|secretary|member"}, {0}};
static const struct field member_of[] = {{"", FIELD_OBJECT, .of = member_item}};
ARGS(assign_args, VERSION, {"expert_id", FIELD_ID},
     {"team", FIELD_ARRAY, false, 2, CONSULT_TEAM_MAX, .of = member_of},
     TEXT("comment", false, 2000, "remark"));
ARGS(substitute_args, VERSION, {"person_id", FIELD_ID, true}, {"instead_of", FIELD_ID},
     {"slot_id", FIELD_ID, .help = "a time kept for the substitute until he accepts"}, {"start_ms", FIELD_TIME},
     {"end_ms", FIELD_TIME}, {"meeting_room_id", FIELD_ID}, TEXT("reason", true, 1000, "why"));
ARGS(release_args, VERSION, {"person_id", FIELD_ID, .help = "which of a team; absent: the expert or chair"}, TEXT("reason", true, 1000, "why"));
ARGS(schedule_args, VERSION, {"slot_id", FIELD_ID}, {"person_id", FIELD_ID}, {"start_ms", FIELD_TIME},
     {"end_ms", FIELD_TIME}, {"meeting_room_id", FIELD_ID}, TEXT("reason", false, 1000, "why (reschedule)"));
ARGS(start_args, VERSION, {"identity_confirmed", FIELD_BOOL}, {"recording_consent", FIELD_BOOL});
ARGS(save_args, {"version", FIELD_INT, false, 0, INT64_C(9007199254740991)}, {"body", FIELD_ANY, true});
ARGS(minutes_args, {"version", FIELD_INT, false, 0, INT64_C(9007199254740991)}, TEXT("minutes", false, 10000, "what was said"), TEXT("absentees", false, 500, "who was missing"),
     TEXT("dissent", false, 3000, "who thinks otherwise, and why"),
     {"base_ms", FIELD_INT, false, 0, INT64_C(9007199254740991), .help = "minutes.saved_ms of the text this one goes on from; 0 = the first"});
ARGS(sign_args, VERSION, {"body", FIELD_ANY, true}, {"password", FIELD_TEXT, false, 0, 200});
ARGS(text_args, VERSION, TEXT("text", true, 10000, "the text"));
ARGS(addendum_args, VERSION, TEXT("text", true, 10000, "the text"), {"password", FIELD_TEXT, false, 0, 200});
static const struct field adopt_item[] = {
    {"n", FIELD_INT, true, 1, 1000},
    {"decision", FIELD_ENUM, true, .choices = "adopted|modified|not_adopted"},
    {"reason", FIELD_TEXT, false, 0, 1000},
    {0}};
static const struct field adopt_of[] = {{"", FIELD_OBJECT, .of = adopt_item}};
ARGS(acknowledge_args, VERSION, {"items", FIELD_ARRAY, true, 0, 50, .of = adopt_of},
     TEXT("handling", true, 4000, "what was done"));
ARGS(evaluate_args, VERSION, {"scores", FIELD_ANY, true}, TEXT("comment", false, 2000, "comment"));
ARGS(close_args, VERSION, {"follow_up_days", FIELD_INT, false, 0, 730});
ARGS(merge_args, VERSION, {"into_case_id", FIELD_ID, true}, TEXT("reason", true, 1000, "why"));

#define ROW(event, args_, right_, summary_)                                                                  \
    {                                                                                                        \
        "case." #event, OP_WRITE, OP_PHI, right_, args_, case_##event, summary_                              \
    }

const struct op consult_ops[] = {
    {"case.create", OP_WRITE, OP_PHI, "case.create", create_args, case_create, "open a consultation draft"},
    {"case.update", OP_WRITE, OP_PHI, "case.create", update_args, case_update,
     "save the draft of an application"},
    {"case.get", OP_READ, OP_PHI, "case.read", get_args, case_get, "one case as the viewer may see it"},
    ROW(submit, plain_args, "case.create", "send the application"),
    ROW(return, return_args, "case.approve", "home review returns it with itemised reasons"),
    ROW(approve_home, comment_args, "case.approve", "home review approves"),
    ROW(post_review, comment_args, "case.approve", "home review after an emergency"),
    ROW(triage, triage_args, "case.dispatch", "confirm the department"),
    ROW(redirect, redirect_args, "case.dispatch", "send on to another institution"),
    ROW(need_material, need_args, "case.read", "ask for missing material; the clock pauses"),
    ROW(supply_material, comment_args, "case.create", "the material is there"),
    ROW(decline, decline_args, "case.dispatch", "decline with a coded reason"),
    ROW(assign, assign_args, "case.dispatch", "assign an expert or a team"),
    ROW(accept, plain_args, "case.consult", "the expert accepts"),
    ROW(expert_decline, code_args, "case.consult", "the expert cannot"),
    ROW(substitute, substitute_args, "case.read", "another expert instead"),
    ROW(release_expert, release_args, "case.dispatch", "take an expert who falls out off the case; the desk finds another"),
    ROW(schedule, schedule_args, "case.read", "book a time for all"),
    ROW(reschedule, schedule_args, "case.read", "move the session"),
    ROW(open_room, plain_args, "case.read", "open the waiting room"),
    ROW(start, start_args, "case.read", "begin the session"),
    ROW(interrupt, reason_args, "case.read", "the session broke off"),
    ROW(resume, reason_args, "case.read", "the session goes on"),
    ROW(continue_offline, reason_args, "case.read", "finish without meeting"),
    ROW(end_session, reason_args, "case.read", "end the session; the opinion's clock starts"),
    ROW(begin_review, plain_args, "case.consult", "the expert begins to read"),
    ROW(save_opinion, save_args, "case.read", "autosave of the opinion's draft"),
    ROW(write_minutes, minutes_args, "case.read", "autosave of the minutes of a team"),
    ROW(verbal_note, text_args, "case.consult", "record spoken advice of an emergency"),
    {"case.sign_opinion", OP_WRITE, OP_PHI | OP_SECOND, "case.consult", sign_args, case_sign_opinion,
     "sign the opinion"},
    ROW(acknowledge, acknowledge_args, "case.create", "register what is done with each recommendation"),
    ROW(evaluate, evaluate_args, "case.read", "score the other side"),
    ROW(close, close_args, "case.read", "close the case"),
    {"case.addendum", OP_WRITE, OP_PHI | OP_SECOND, "case.consult", addendum_args, case_addendum,
     "add to a signed opinion"},
    ROW(cancel, code_args, "case.read", "cancel with a coded reason"),
    ROW(merge, merge_args, "case.approve", "close a duplicate, pointing to the other"),
    {0}};

/* ---- what other modules ask (consultation.h) ---- */
int consultation_check_read(struct op_ctx *ctx, struct case_id id)
{
    struct consult c;
    uint32_t parties;
    int rc = open_case(ctx, id, &c, &parties);
    if (!rc)
        consult_clear(&c);
    return rc;
}

int consultation_check_signature(struct op_ctx *ctx, struct case_id id, uint64_t document)
{
    struct consult c;
    uint32_t parties;
    int rc = open_case(ctx, id, &c, &parties);
    if (rc)
        return rc;
    bool shown = consult_sees_opinion(&c, parties) &&
                 tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM consult_opinion WHERE case_id=$1 AND signature_document=$2", "ii",
                        (int64_t)id.v, (int64_t)document) > 0;
    consult_clear(&c);
    return shown ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "no_signature", "There is no signature.");
}

int consultation_check_write(struct op_ctx *ctx, struct case_id id)
{
    struct consult c;
    uint32_t parties;
    int rc = open_case(ctx, id, &c, &parties);
    if (rc)
        return rc;
    rc = consult_takes_part(ctx, parties);
    if (!rc && (consult_flow.states[c.flow.state].flags & FLOW_TERMINAL))
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "wrong_state", "the case has ended");
    consult_clear(&c);
    return rc;
}

struct patient_id consultation_patient(struct tx *tx, struct case_id id)
{
    return (struct patient_id){
        (uint64_t)tx_int(tx, 0, "SELECT patient_id FROM consult WHERE id=$1", "i", (int64_t)id.v)};
}
