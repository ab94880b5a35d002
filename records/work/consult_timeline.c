/* A patient's cases and signed opinions as entries of his timeline (records/patient/timeline.h), and news of who he is for his open cases. */
#include "records/notify/notify.h"
#include "records/patient/timeline.h"
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/consultation.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

#define CASES_MAX 500

/* Of the diagnoses of a form or an opinion: their words in one line, and their codes. */
static json_t *read_diagnoses(const json_t *list, char *text, size_t cap)
{
    json_t *codes = json_array(), *one;
    size_t i, len = 0;
    text[0] = 0;
    json_array_foreach(list, i, one)
    {
        const char *code = json_string_value(json_object_get(one, "code")), *words = json_string_value(json_object_get(one, "text"));
        if (code)
            json_array_append_new(codes, json_string(code));
        if (words && len + strlen(words) + 4 < cap)
            len += (size_t)snprintf(text + len, cap - len, "%s%s", len ? "; " : "", words);
    }
    return codes;
}

/* Only who takes part opens the case itself. */
static json_t *link_of(struct op_ctx *ctx, const struct consult *c)
{
    return consult_may_read(ctx, c, consult_parties(ctx, c)) ? json_id(c->id.v) : json_null();
}

static json_t *entry_of(struct op_ctx *ctx, const struct consult *c, const char *kind, json_t *list)
{
    char text[400];
    json_t *codes = read_diagnoses(list, text, sizeof text);
    return json_pack("{s:o,s:s,s:s,s:s,s:s,s:s,s:o,s:n,s:o,s:s,s:o,s:s}", "state_label",
                     work_label(&consult_flow.states[c->flow.state].label), "kind", kind, "title", c->number, "case_kind", c->kind, "scope", c->scope, "state",
                     consult_flow.states[c->flow.state].label.word, "case_id", json_id(c->id.v), "document_id", "open", link_of(ctx, c), "source", "consultation",
                     "codes", codes, "summary", text);
}

static int add_opinions(struct op_ctx *ctx, const struct consult *c, json_t *items)
{
    if (!consult_sees_opinion(c, 0))
        return 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT o.id, o.person_id, o.body, o.signed_ms, p.name AS by_name FROM consult_opinion o LEFT JOIN person p ON p.id=o.person_id WHERE "
                               "o.case_id=$1 AND o.kind IN ('member','final') ORDER BY o.version",
                               "i", (int64_t)c->id.v);
    json_t *fresh = json_array(), *entry;
    size_t i;
    while (query_next(q)) {
        uint64_t id = (uint64_t)query_int(q, "id");
        const char *text = query_sealed(q, "body", SEALED_OPINION_BODY, id, c->id.v), *by = query_text(q, "by_name");
        json_t *body = text ? json_loads(text, 0, NULL) : NULL;
        entry = entry_of(ctx, c, "opinion", json_object_get(body, "diagnoses"));
        json_object_set_new(entry, "id", json_id(id));
        json_object_set_new(entry, "t_ms", json_integer(query_int(q, "signed_ms")));
        json_object_set_new(entry, "by", json_string(by ? by : ""));
        json_decref(body);
        json_array_append_new(fresh, entry);
    }
    int rc = query_end(q);
    json_array_foreach(fresh, i, entry) json_object_set_new(entry, "org", org_ref(ctx, c->target_org));
    json_array_extend(items, fresh);
    json_decref(fresh);
    return rc;
}

static int add_case(struct op_ctx *ctx, struct case_id id, json_t *items)
{
    struct consult c;
    int rc = consult_load(ctx, id, &c);
    if (rc)
        return rc;
    json_t *entry = entry_of(ctx, &c, "case", json_object_get(c.form, "diagnoses"));
    json_object_set_new(entry, "id", json_id(c.id.v));
    json_object_set_new(entry, "t_ms", json_integer(c.created_ms));
    json_object_set_new(entry, "org", org_ref(ctx, c.home_org));
    json_array_append_new(items, entry);
    rc = add_opinions(ctx, &c, items);
    consult_clear(&c);
    return rc;
}

int consultation_timeline(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut)
{
    uint64_t ids[CASES_MAX];
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT id FROM consult WHERE patient_id=$1 AND state<>'DRAFT' ORDER BY created_ms DESC LIMIT $2", "ii", (int64_t)patient,
                               (int64_t)CASES_MAX + 1);
    while (n < CASES_MAX && query_next(q))
        ids[n++] = (uint64_t)query_int(q, "id");
    *cut = *cut || (n == CASES_MAX && query_next(q));
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_case(ctx, (struct case_id){ids[i]}, items);
    return rc;
}

json_t *consultation_codes(struct op_ctx *ctx, struct case_id id)
{
    json_t *items = json_array(), *codes = json_array(), *entry;
    size_t i;
    if (add_case(ctx, id, items))
        fault_clear(ctx->fault); /* a case that is gone has none */
    json_array_foreach(items, i, entry) json_array_extend(codes, json_object_get(entry, "codes"));
    json_decref(items);
    return codes;
}

static int tell_case(struct op_ctx *ctx, struct case_id id)
{
    struct consult c;
    struct person_id people[CONSULT_TEAM_MAX + 1];
    int rc = consult_load(ctx, id, &c);
    if (rc)
        return rc;
    struct notify_about about = {.case_id = c.id, .case_number = c.number};
    size_t n = consult_people(ctx, &c, P_APPLICANT, people, 1);
    n += consult_people(ctx, &c, P_EXPERT, people + n, CONSULT_TEAM_MAX);
    rc = notify_people(ctx, people, n, "patient.identity", &about);
    consult_clear(&c);
    return rc;
}

#define CASES_A_STEP 50

/* The open cases with a number above `after`. */
static int open_cases(struct op_ctx *ctx, struct patient_id patient, uint64_t after, uint64_t ids[CASES_A_STEP], size_t *n)
{
    *n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT id FROM consult WHERE patient_id=$1 AND submitted_ms>0 AND closed_ms=0 AND id>$2 ORDER BY id LIMIT $3", "iii", (int64_t)patient.v,
                               (int64_t)after, (int64_t)CASES_A_STEP);
    while (*n < CASES_A_STEP && query_next(q))
        ids[(*n)++] = (uint64_t)query_int(q, "id");
    return query_end(q);
}

/* All of them: nobody treats somebody else for him because his case was the next one. */
int consultation_tell_identity(struct op_ctx *ctx, struct patient_id patient)
{
    uint64_t ids[CASES_A_STEP], last = 0;
    size_t n;
    int rc;
    do {
        rc = open_cases(ctx, patient, last, ids, &n);
        for (size_t i = 0; rc == 0 && i < n; i++)
            rc = tell_case(ctx, (struct case_id){last = ids[i]});
    } while (rc == 0 && n == CASES_A_STEP);
    return rc;
}
