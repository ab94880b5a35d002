/* After the opinion: what was done with each piece of advice, both sides' evaluation, closing. */
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/work_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define C(x) CONSULT_BIT(C_##x)
#define P(x) CONSULT_BIT(P_##x)

static bool blank(const char *s)
{
    return !s || !s[strspn(s, " \t\r\n")];
}

static int decide(struct consult_act *a, size_t i, const json_t *item)
{
    int64_t n = json_integer_value(json_object_get(item, "n"));
    const char *decision = arg_text(item, "decision"), *reason = arg_text(item, "reason");
    char path[48];
    if (decision && strcmp(decision, "adopted") != 0 && blank(reason)) {
        snprintf(path, sizeof path, "items[%zu].reason", i);
        return fault_field(a->ctx->fault, path, "required");
    }
    int rc =
        tx_exec(a->ctx->tx,
                "UPDATE consult_advice SET decision=$3, reason=$4, decided_ms=$5 WHERE case_id=$1 AND n=$2 "
                "AND decision IS NULL",
                "iitsi", (int64_t)a->c->id.v, n, decision, SEALED(ADVICE_REASON, a->c->id.v, n, reason ? reason : ""),
                a->ctx->now_ms);
    snprintf(path, sizeof path, "items[%zu].n", i);
    if (!rc && tx_changes(a->ctx->tx) == 0)
        rc = fault_field(a->ctx->fault, path, "no_such_recommendation");
    return rc;
}

static int acknowledge(struct consult_act *a)
{
    json_t *items = json_object_get(a->args, "items"), *item;
    size_t i;
    int rc = 0;
    if (blank(arg_text(a->args, "handling")))
        rc = fault_field(a->ctx->fault, "handling", "required");
    json_array_foreach (items, i, item) {
        int e = decide(a, i, item);
        rc = rc ? rc : e;
    }
    struct query *q =
        tx_query(a->ctx->tx, "SELECT n FROM consult_advice WHERE case_id=$1 AND decision IS NULL ORDER BY n",
                 "i", (int64_t)a->c->id.v);
    while (query_next(q))
        rc = fault_field(a->ctx->fault, "items", "required:%lld", (long long)query_int(q, "n"));
    int e = query_end(q);
    if (rc || e)
        return rc ? rc : e;
    json_t *by = staff_ref(a->ctx, a->ctx->actor->person), *said = json_deep_copy(items);
    json_array_foreach (said, i, item)
        if (!json_object_get(item, "reason"))
            json_object_set_new(item, "reason", json_string(""));
    json_t *adoption = json_pack("{s:o,s:s,s:o,s:I}", "items", said, "handling",
                                 arg_text(a->args, "handling"), "by", by, "t_ms", (json_int_t)a->ctx->now_ms);
    free(a->c->adoption);
    a->c->adoption = json_dumps(adoption, JSON_COMPACT);
    json_decref(adoption);
    a->passed |= C(ADOPTION);
    return a->c->adoption ? 0 : ERR_INTERNAL;
}

static int evaluate(struct consult_act *a)
{
    const char *side = a->parties & P(APPLICANT) ? "applicant" : "expert",
               *comment = arg_text(a->args, "comment");
    json_t *scores = json_object_get(a->args, "scores");
    struct form_context fc = {.scope = a->c->scope, .kind = side};
    const json_t *def = forms_find(work_parts(a->ctx->records)->forms, "evaluation");
    int rc = form_check(def, &fc, scores, "scores", a->ctx->fault);
    rc = rc ? rc : form_require(def, &fc, scores, "scores", a->ctx->fault);
    if (rc)
        return rc;
    char *text = json_dumps(scores, JSON_COMPACT);
    rc = tx_exec(a->ctx->tx,
                 "INSERT INTO consult_evaluation (case_id, side, person_id, scores, comment, t_ms) VALUES "
                 "($1,$2,$3,$4,$5,$6)",
                 "ititsi", (int64_t)a->c->id.v, side, (int64_t)a->ctx->actor->person.v, text,
                 SEALED(EVALUATION_COMMENT, a->c->id.v, a->ctx->actor->person.v, comment ? comment : ""),
                 a->ctx->now_ms);
    free(text);
    a->passed |= C(SCORES);
    return rc;
}

static int close_case(struct consult_act *a)
{
    int64_t days = arg_int(a->args, "follow_up_days", -1);
    if (days < 0)
        return 0;
    return tx_upsert(
        a->ctx->tx, "follow_up", "case_id", "case_id,patient_id,org_id,person_id,days,due_ms,state,made_ms",
        "iiiiiiti", (int64_t)a->c->id.v, (int64_t)a->c->patient.v, (int64_t)a->c->home_org.v,
        (int64_t)a->c->applicant.v, days, a->ctx->now_ms + days * 86400000, "due", a->ctx->now_ms);
}

int consult_prepare_after(struct consult_act *a)
{
    return a->event == E_ACKNOWLEDGE ? acknowledge(a) : a->event == E_EVALUATE ? evaluate(a) : close_case(a);
}
