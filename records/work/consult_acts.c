/* What the acts of the paper way must bring and what they change: submission, review, triage, material,
 * refusal, ends. */
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/work_parts.h"
#include <stdlib.h>
#include <string.h>

#define C(x) CONSULT_BIT(C_##x)
#define P(x) CONSULT_BIT(P_##x)

struct form_context consult_form_context(const struct consult *c)
{
    return (struct form_context){
        .scope = c->scope, .template_ = c->template_, .kind = c->kind, .urgency = c->urgency};
}

json_t *consult_completeness(struct op_ctx *ctx, const struct consult *c)
{
    struct form_context fc = consult_form_context(c);
    return form_completeness(forms_find(work_parts(ctx->records)->forms, "consultation"), &fc, c->form,
                             (int)work_policy_int(ctx, "consult.completeness_threshold"));
}

static bool blank(const char *s)
{
    return !s || !s[strspn(s, " \t\r\n")];
}

static int want_text(struct consult_act *a, const char *name, uint32_t check)
{
    if (blank(arg_text(a->args, name)))
        return fault_field(a->ctx->fault, name, "required");
    a->passed |= check;
    return 0;
}

static int want_reason(struct consult_act *a)
{
    a->reason = arg_text(a->args, "reason");
    return want_text(a, "reason", C(REASON));
}

/* Coded reasons: the list is short on purpose, so that the reasons can be counted. */
static int want_code(struct consult_act *a, const char *codes)
{
    const char *code = arg_text(a->args, "code");
    size_t n = code ? strlen(code) : 0;
    if (!n)
        return fault_field(a->ctx->fault, "code", "required");
    for (const char *p = codes; *p; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == n && strncmp(p, code, n) == 0) {
            a->passed |= C(CODE);
            return 0;
        }
    return fault_field(a->ctx->fault, "code", "not_a_choice");
}

/* One sealed line of what was asked or refused; kind return, need, or the word of a refusing event. */
static int put_item(struct consult_act *a, const char *kind, const json_t *items)
{
    char *text = json_dumps(items, JSON_COMPACT);
    uint64_t id = id_new();
    int rc = tx_exec(a->ctx->tx,
                     "INSERT INTO consult_item (id, case_id, kind, t_ms, person_id, items, code, done) VALUES "
                     "($1,$2,$3,$4,$5,$6,$7,0)",
                     "iitiist", (int64_t)id, (int64_t)a->c->id.v, kind, a->ctx->now_ms,
                     (int64_t)a->ctx->actor->person.v, SEALED(ITEM_ITEMS, id, a->c->id.v, text),
                     arg_text(a->args, "code"));
    free(text);
    return rc;
}

/* Reason lists of "return" ({path?, reason}) and "need_material" (texts). */
static int store_items(struct consult_act *a, const char *kind, const char *member)
{
    json_t *items = json_object_get(a->args, "items"), *item;
    size_t i;
    if (!json_array_size(items))
        return fault_field(a->ctx->fault, "items", "required");
    json_array_foreach (items, i, item) {
        const char *text =
            member ? json_string_value(json_object_get(item, member)) : json_string_value(item);
        if (blank(text))
            return fault_field(a->ctx->fault, "items", "required:%zu", i + 1);
    }
    a->passed |= C(ITEMS);
    return put_item(a, kind, items);
}

static int prepare_submit(struct consult_act *a)
{
    struct consult *c = a->c;
    struct form_context fc = consult_form_context(c);
    const json_t *def = forms_find(work_parts(a->ctx->records)->forms, "consultation");
    struct fault *f = a->ctx->fault;
    int rc = form_check(def, &fc, c->form, "form", f);
    int missing = form_require(def, &fc, c->form, "form", f);
    rc = rc ? rc : missing;
    if (!c->target_org.v)
        rc = fault_field(f, "target_org_id", "required");
    if (strcmp(c->scope, "in_house") == 0 && !c->target_dept.v)
        rc = fault_field(f, "target_dept_id", "required");
    if (strcmp(c->scope, "in_house") == 0 && c->target_org.v != c->home_org.v)
        rc = fault_field(f, "target_org_id", "not_this_institution");
    if (strcmp(c->scope, "in_house") != 0 && c->target_org.v && c->target_org.v == c->home_org.v)
        rc = fault_field(f, "target_org_id", "same_institution");
    if (strcmp(c->scope, "specialist") == 0 && !*c->template_)
        rc = fault_field(f, "template", "required");
    if (rc)
        return fault_set(f, rc, "incomplete", "the application is not complete");
    json_t *done = consult_completeness(a->ctx, c);
    bool ready = json_is_true(json_object_get(done, "ready")) || strcmp(c->urgency, "emergency") == 0;
    json_decref(done);
    if (!ready)
        return fault_set(f, ERR_INVALID, "below_threshold", "the completeness score is below the threshold");
    c->submitted_ms = c->submitted_ms ? c->submitted_ms : a->ctx->now_ms;
    a->passed |= C(FORM);
    return 0;
}

static int prepare_triage(struct consult_act *a)
{
    struct org_id dept = {arg_id(a->args, "dept_id")};
    if (!dept.v && a->c->target_dept.v)
        dept = a->c->target_dept;
    if (!dept.v)
        return fault_field(a->ctx->fault, "dept_id", "required");
    if (!staff_is_department(a->ctx, dept, a->c->target_org))
        return fault_field(a->ctx->fault, "dept_id", "not_a_department");
    a->c->target_dept = dept;
    a->reason = arg_text(a->args, "comment");
    a->passed |= C(DEPT);
    return 0;
}

static int prepare_redirect(struct consult_act *a)
{
    struct org_id org = {arg_id(a->args, "org_id")}, dept = {arg_id(a->args, "dept_id")};
    if (!org.v || staff_institution(a->ctx, org).v != org.v)
        return fault_field(a->ctx->fault, "org_id", org.v ? "not_an_institution" : "required");
    if (org.v == a->c->target_org.v || org.v == a->c->home_org.v)
        return fault_field(a->ctx->fault, "org_id", "same_institution");
    if (dept.v && !staff_is_department(a->ctx, dept, org))
        return fault_field(a->ctx->fault, "dept_id", "not_a_department");
    int rc = want_reason(a);
    if (rc)
        return rc;
    a->c->target_org = org;
    a->c->target_dept = dept;
    for (size_t i = 0; i < a->c->n_team; i++) /* the former house's people let go */
        if (a->c->team[i].state < MEMBER_DECLINED)
            a->c->team[i].state = MEMBER_REPLACED;
    return 0;
}

static int prepare_supply(struct consult_act *a)
{
    a->reason = arg_text(a->args, "comment");
    return tx_exec(a->ctx->tx, "UPDATE consult_item SET done=1 WHERE case_id=$1 AND kind='need'", "i",
                   (int64_t)a->c->id.v);
}

/* Why it ends or was refused: the coded reason, the words, what the refusing side suggests instead; kept with the case. */
int consult_prepare_refusal(struct consult_act *a, const char *codes)
{
    const char *suggestion = arg_text(a->args, "suggestion");
    int rc = want_code(a, codes);
    rc = rc ? rc : want_reason(a);
    if (rc)
        return rc;
    json_t *why = json_pack("{s:s,s:s?}", "reason", a->reason, "suggestion", suggestion);
    rc = put_item(a, consult_flow.events[a->event].label.word, why);
    json_decref(why);
    return rc;
}

static bool open_state(const struct consult *c)
{
    return !(consult_flow.states[c->flow.state].flags & FLOW_TERMINAL);
}

static int prepare_merge(struct consult_act *a)
{
    struct consult other;
    struct case_id into = {arg_id(a->args, "into_case_id")};
    int rc = want_reason(a);
    if (!rc && (!into.v || into.v == a->c->id.v))
        rc = fault_field(a->ctx->fault, "into_case_id", into.v ? "same_case" : "required");
    rc = rc ? rc : consult_load(a->ctx, into, &other);
    if (rc)
        return rc;
    bool fits = other.patient.v == a->c->patient.v && open_state(&other) &&
                consult_may_read(a->ctx, &other, consult_parties(a->ctx, &other));
    consult_clear(&other);
    if (!fits)
        return fault_field(a->ctx->fault, "into_case_id", "not_an_open_case_of_this_patient");
    a->c->merged_into = into;
    a->passed |= C(DUPLICATE);
    return 0;
}

int consult_prepare(struct consult_act *a)
{
    switch (a->event) {
    case E_SUBMIT:
        return prepare_submit(a);
    case E_RETURN:
        return store_items(a, "return", "reason");
    case E_APPROVE_HOME:
        a->reason = arg_text(a->args, "comment");
        return 0;
    case E_POST_REVIEW:
        a->c->review_open = false;
        a->reason = arg_text(a->args, "comment");
        return 0;
    case E_TRIAGE:
        return prepare_triage(a);
    case E_REDIRECT:
        return prepare_redirect(a);
    case E_NEED_MATERIAL:
        return store_items(a, "need", NULL);
    case E_SUPPLY_MATERIAL:
        return prepare_supply(a);
    case E_DECLINE: {
        int rc = want_text(a, "suggestion", 0);
        return rc ? rc
                  : consult_prepare_refusal(
                        a, "beyond_scope|no_expert|material_insufficient|not_indicated|duplicate|other");
    }
    case E_CANCEL:
        return consult_prepare_refusal(a, "patient_refused|patient_left|patient_died|condition_changed|transferred|"
                                          "material_missing|duplicate|entered_in_error|other");
    case E_MERGE:
        return prepare_merge(a);
    case E_WRITE_MINUTES:
        return consult_prepare_minutes(a);
    case E_ADDENDUM:
    case E_SAVE_OPINION:
    case E_VERBAL_NOTE:
    case E_SIGN_OPINION:
        return consult_prepare_opinion(a);
    case E_ACKNOWLEDGE:
    case E_EVALUATE:
    case E_CLOSE:
        return consult_prepare_after(a);
    case E_ASSIGN:
    case E_ACCEPT:
    case E_EXPERT_DECLINE:
    case E_SUBSTITUTE:
    case E_RELEASE_EXPERT:
    case E_NEXT_EXPERT:
        return consult_prepare_team(a);
    default:
        return consult_prepare_session(a);
    }
}
