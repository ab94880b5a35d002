/* The application as a row; who is what in it; its moves. */
#include "records/notify/notify.h"
#include "records/research/research_private.h"
#include "records/work/policy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(char *out, size_t cap, struct query *q, const char *column)
{
    const char *text = query_text(q, column);
    snprintf(out, cap, "%s", text ? text : "");
}

static uint32_t bits_of(const char *list)
{
    uint32_t bits = 0;
    json_t *names = json_loads(list ? list : "[]", 0, NULL);
    if (names && research_fields_read(names, &bits, NULL))
        bits = 0; /* a field that a later version no longer has: nothing is given out that was not asked for */
    json_decref(names);
    return bits;
}

static void from_query(struct query *q, struct project *out)
{
    out->id = (uint64_t)query_int(q, "id");
    out->person = (uint64_t)query_int(q, "person_id");
    out->org = (uint64_t)query_int(q, "org_id");
    out->decided_by = (uint64_t)query_int(q, "decided_by");
    take(out->number, sizeof out->number, q, "number");
    take(out->title, sizeof out->title, q, "title");
    take(out->purpose, sizeof out->purpose, q, "purpose");
    take(out->ethics_no, sizeof out->ethics_no, q, "ethics_no");
    take(out->ethics_date, sizeof out->ethics_date, q, "ethics_date");
    take(out->blob, sizeof out->blob, q, "blob");
    take(out->sha256, sizeof out->sha256, q, "sha256");
    take(out->error, sizeof out->error, q, "error");
    int state = flow_state_find(&research_flow, query_text(q, "state"));
    out->state = state < 0 ? R_REVOKED : (enum research_state)state;
    out->version = query_int(q, "version");
    out->until_ms = query_int(q, "until_ms");
    out->created_ms = query_int(q, "created_ms");
    out->submitted_ms = query_int(q, "submitted_ms");
    out->decided_ms = query_int(q, "decided_ms");
    out->done_ms = query_int(q, "done_ms");
    out->bytes = query_int(q, "bytes");
    out->tries = query_int(q, "tries");
    out->downloads = query_int(q, "downloads");
    out->fields = bits_of(query_text(q, "fields"));
    out->cohort = json_loads(query_text(q, "cohort"), 0, NULL);
    out->report = query_text(q, "report")[0] ? json_loads(query_text(q, "report"), 0, NULL) : NULL;
}

int project_load(struct op_ctx *ctx, uint64_t id, struct project *out)
{
    memset(out, 0, sizeof *out);
    struct query *q = tx_query(ctx->tx, "SELECT * FROM research_project WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    if (found)
        from_query(q, out);
    int rc = query_end(q);
    return rc ? rc : found ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such application.");
}

void project_clear(struct project *p)
{
    json_decref(p->cohort);
    json_decref(p->report);
    memset(p, 0, sizeof *p);
}

int project_store(struct op_ctx *ctx, const struct project *p)
{
    json_t *names = research_fields_json(p->fields);
    char *fields = json_dumps(names, JSON_COMPACT), *cohort = json_dumps(p->cohort, JSON_COMPACT);
    int rc = !fields || !cohort ? ERR_UNAVAILABLE
                                : tx_upsert(ctx->tx, "research_project", "id",
                                            "id,number,state,person_id,org_id,title,purpose,ethics_no,ethics_date,cohort,fields,until_ms,created_ms,version", "ittiittttttiii",
                                            (int64_t)p->id, p->number, research_flow.states[p->state].label.word, (int64_t)p->person, (int64_t)p->org, p->title, p->purpose,
                                            p->ethics_no, p->ethics_date, cohort, fields, p->until_ms, p->created_ms, p->version);
    json_decref(names);
    free(fields);
    free(cohort);
    return rc;
}

/* ---- who ---- */

uint32_t project_parties(struct op_ctx *ctx, const struct project *p)
{
    return (p->person == ctx->actor->person.v ? 1u << RP_APPLICANT : 0) | (actor_may(ctx->records, ctx->actor, "research.approve") ? 1u << RP_APPROVER : 0);
}

uint32_t project_facts(struct op_ctx *ctx, const struct project *p)
{
    return p->person == ctx->actor->person.v ? 1u << RF_OWN : 0;
}

#define APPROVERS_MAX 50

/* Whoever has a role with the right, but not the applicant: he cannot decide it. */
static size_t approvers(struct op_ctx *ctx, const struct project *p, struct person_id out[APPROVERS_MAX])
{
    const struct access *a = records_parts(ctx->records)->access;
    size_t n = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT DISTINCT t.person_id, r.role FROM post t JOIN post_role r ON r.post_id=t.id JOIN person e ON e.id=t.person_id WHERE e.active=1 AND "
                               "t.person_id<>$1 ORDER BY t.person_id",
                               "i", (int64_t)p->person);
    while (n < APPROVERS_MAX && query_next(q)) {
        int role = access_role(a, query_text(q, "role"));
        uint64_t person = (uint64_t)query_int(q, "person_id");
        if (role >= 0 && access_roles_may(a, 1ull << role, "research.approve") && (n == 0 || out[n - 1].v != person))
            out[n++].v = person;
    }
    (void)!query_end(q);
    return n;
}

/* ---- moves ---- */

int project_note(struct op_ctx *ctx, uint64_t project, const char *event, const char *reason)
{
    return tx_exec(ctx->tx, "INSERT INTO research_event (id, project_id, t_ms, event, person_id, reason) VALUES ($1,$2,$3,$4,$5,$6)", "iiitit", (int64_t)id_new(), (int64_t)project,
                   ctx->now_ms, event, (int64_t)ctx->actor->person.v, reason ? reason : "");
}

static int tell(struct op_ctx *ctx, const struct project *p, const struct flow_effects *fx)
{
    int rc = 0;
    struct person_id people[APPROVERS_MAX];
    struct notify_about about = {.case_number = p->number};
    for (size_t i = 0; i < fx->n && rc == 0; i++) {
        if (fx->list[i].kind != FLOW_TELL)
            continue;
        size_t n = 1;
        people[0].v = p->person;
        if (fx->list[i].party == RP_APPROVER)
            n = approvers(ctx, p, people);
        rc = n ? notify_people(ctx, people, n, fx->list[i].notice, &about) : 0;
    }
    return rc;
}

int project_move(struct op_ctx *ctx, struct project *p, enum research_event event, uint32_t parties, const char *reason)
{
    struct flow_case c = {.state = (uint8_t)p->state};
    struct flow_ask ask = {.event = (uint8_t)event, .parties = parties, .facts = project_facts(ctx, p), .now_ms = ctx->now_ms};
    struct flow_effects fx;
    enum flow_refusal no = flow_step(&research_flow, &c, &ask, &fx);
    if (no == FLOW_FACT)
        return fault_set(ctx->fault, ERR_DENIED, "own_request", "Nobody decides on his own application.");
    if (no == FLOW_NOT_YOURS)
        return fault_set(ctx->fault, ERR_DENIED, "not_yours", "This is not yours to do.");
    if (no)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "state", "The application is not at that point.");
    p->state = (enum research_state)c.state;
    p->version++;
    int rc = tx_exec(ctx->tx, "UPDATE research_project SET state=$2, version=$3 WHERE id=$1", "iti", (int64_t)p->id, research_flow.states[p->state].label.word, p->version);
    rc = rc ? rc : project_note(ctx, p->id, research_flow.events[event].label.word, reason);
    return rc ? rc : tell(ctx, p, &fx);
}

/* ---- as it is shown ---- */

static json_t *label_json(const struct flow_label *l)
{
    return json_pack("{s:s,s:s}", "zh", l->zh, "en", l->en);
}

static json_t *actions_json(struct op_ctx *ctx, const struct project *p)
{
    uint8_t events[RE_EVENTS];
    struct flow_case c = {.state = (uint8_t)p->state};
    json_t *out = json_array();
    size_t n = flow_allowed(&research_flow, &c, project_parties(ctx, p), project_facts(ctx, p), events, RE_EVENTS);
    for (size_t i = 0; i < n; i++) {
        const struct flow_event *e = &research_flow.events[events[i]];
        json_array_append_new(out, json_pack("{s:s,s:o,s:s,s:b}", "act", e->label.word, "label", label_json(&e->label), "style", e->style, "reason", strcmp(e->needs, "reason") == 0));
    }
    if (p->person == ctx->actor->person.v && (p->state == R_DRAFT || p->state == R_RETURNED))
        json_array_append_new(out, json_pack("{s:s,s:{s:s,s:s},s:s,s:b}", "act", "edit", "label", "zh", "修改", "en", "Edit", "style", "normal", "reason", 0));
    if (p->person == ctx->actor->person.v && p->state == R_READY && p->until_ms > ctx->now_ms)
        json_array_append_new(out, json_pack("{s:s,s:{s:s,s:s},s:s,s:b}", "act", "open", "label", "zh", "下载", "en", "Download", "style", "primary", "reason", 0));
    return out;
}

#define HISTORY_SHOWN 200

/* The newest, the oldest of them first. */
static json_t *history_json(struct op_ctx *ctx, uint64_t id, bool *cut)
{
    json_t *out = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT e.t_ms, e.event, e.reason, p.name FROM research_event e LEFT JOIN person p ON p.id=e.person_id WHERE e.project_id=$1 ORDER BY e.id DESC LIMIT $2", "ii",
                               (int64_t)id, (int64_t)HISTORY_SHOWN + 1);
    while (query_next(q))
        json_array_insert_new(out, 0, json_pack("{s:I,s:s,s:s,s:s?}", "t_ms", (json_int_t)query_int(q, "t_ms"), "event", query_text(q, "event"), "reason", query_text(q, "reason"), "person",
                                             query_text(q, "name")));
    (void)!query_end(q);
    if ((*cut = json_array_size(out) > HISTORY_SHOWN))
        json_array_remove(out, 0);
    return out;
}

static json_t *ref(struct op_ctx *ctx, const char *sql, uint64_t id)
{
    struct query *q = tx_query(ctx->tx, sql, "i", (int64_t)id);
    json_t *out = query_next(q) ? json_pack("{s:o,s:s}", "id", json_id(id), "name", query_text(q, "name")) : json_null();
    (void)!query_end(q);
    return out;
}

static json_t *progress_json(struct op_ctx *ctx, const struct project *p)
{
    struct research *s = records_parts(ctx->records)->research;
    bool running = s && s->project == p->id;
    return p->state != R_APPROVED ? json_null() : json_pack("{s:b,s:i,s:i}", "running", running, "done", running ? (int)s->done : 0, "total", running ? (int)s->total : 0);
}

static json_t *time_or_null(int64_t ms)
{
    return ms ? json_integer(ms) : json_null();
}

json_t *project_json(struct op_ctx *ctx, const struct project *p, bool whole)
{
    const struct flow_state *state = &research_flow.states[p->state];
    json_t *o = json_pack("{s:o,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:I}", "id", json_id(p->id), "number", p->number, "title", p->title, "state", state->label.word, "state_label",
                          label_json(&state->label), "applicant", ref(ctx, "SELECT name FROM person WHERE id=$1", p->person), "org", ref(ctx, "SELECT name FROM org WHERE id=$1", p->org),
                          "until_ms", time_or_null(p->until_ms), "created_ms", json_integer(p->created_ms), "submitted_ms", time_or_null(p->submitted_ms), "version", (json_int_t)p->version);
    if (!o || !whole)
        return o;
    bool cut;
    json_t *history = history_json(ctx, p->id, &cut);
    json_t *more = json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:I,s:s,s:s,s:o,s:o}", "purpose", p->purpose, "ethics_no", p->ethics_no, "ethics_date", p->ethics_date, "cohort",
                             p->cohort ? json_incref(p->cohort) : json_object(), "fields", research_fields_json(p->fields), "actions", actions_json(ctx, p), "history_truncated",
                             cut, "history", history, "progress", progress_json(ctx, p), "report", p->report ? json_incref(p->report) : json_null(), "decided_by",
                             ref(ctx, "SELECT name FROM person WHERE id=$1", p->decided_by), "bytes", (json_int_t)p->bytes, "sha256", p->sha256, "error", p->error, "done_ms",
                             time_or_null(p->done_ms), "decided_ms", time_or_null(p->decided_ms));
    json_object_update(o, more);
    json_decref(more);
    return o;
}
