/* The operations of applications for research data. */
#include "records/document/documents.h"
#include "records/patient/identity.h"
#include "records/research/research_private.h"
#include "records/work/policy.h"
#include <stdio.h>
#include <string.h>

#define PAGE 100
#define DRAFTS_MAX 50

static void set(char *out, size_t cap, const char *text)
{
    if (text)
        snprintf(out, cap, "%s", text);
}

/* His own, or what was submitted and he may decide. A stranger does not learn that it is there. */
static int open_project(struct op_ctx *ctx, json_t *args, struct project *p)
{
    int rc = project_load(ctx, arg_id(args, "project_id"), p);
    if (rc)
        return rc;
    ctx->audit.object = p->id;
    uint32_t parties = project_parties(ctx, p);
    if (parties & 1u << RP_APPLICANT || (parties & 1u << RP_APPROVER && p->submitted_ms))
        return 0;
    project_clear(p);
    return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such application.");
}

static int answer(struct op_ctx *ctx, struct project *p, json_t **result, int rc)
{
    if (rc == 0)
        *result = project_json(ctx, p, true);
    project_clear(p);
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- reading ---- */

static json_t *field_json(size_t i)
{
    static const char *const roles[] = {"quasi", "sensitive", "events"};
    const struct research_field *f = &research_fields[i];
    return json_pack("{s:s,s:{s:s,s:s},s:{s:s,s:s},s:s,s:i}", "name", f->name, "label", "zh", f->zh, "en", f->en, "form", "zh", f->form_zh, "en", f->form_en, "role", roles[f->role], "sensitivity",
                     f->sensitivity);
}

static int catalogue(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *fields = json_array();
    (void)args;
    for (size_t i = 0; i < RESEARCH_FIELDS; i++)
        json_array_append_new(fields, field_json(i));
    *result = json_pack("{s:o,s:I,s:I,s:I,s:I,s:I}", "fields", fields, "l", (json_int_t)work_policy_int(ctx, "research.l"), "k", (json_int_t)work_policy_int(ctx, "research.k"), "suppress_percent",
                        (json_int_t)work_policy_int(ctx, "research.suppress_percent"), "max_days", (json_int_t)work_policy_int(ctx, "research.max_days"), "needs_consent",
                        (json_int_t)work_policy_int(ctx, "research.needs_consent"));
    return 0;
}

static int list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    bool approver = actor_may(ctx->records, ctx->actor, "research.approve"), waiting = json_is_true(json_object_get(args, "waiting"));
    uint64_t ids[PAGE + 1], after = arg_id(args, "after");
    int64_t before = after ? tx_int(ctx->tx, 0, "SELECT created_ms FROM research_project WHERE id=$1", "i", (int64_t)after) : 0;
    size_t n = 0;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT id FROM research_project WHERE (person_id=$1 OR ($2=1 AND submitted_ms>0)) AND ($3=0 OR state='SUBMITTED') AND ($5=0 OR created_ms<$5 OR (created_ms=$5 AND id<$6)) "
                               "ORDER BY created_ms DESC, id DESC LIMIT $4", "iiiiii",
                               (int64_t)ctx->actor->person.v, (int64_t)approver, (int64_t)waiting, (int64_t)PAGE + 1, before, (int64_t)after);
    while (query_next(q))
        ids[n++] = (uint64_t)query_int(q, "id");
    int rc = query_end(q);
    for (size_t i = 0; i < n && i < PAGE && rc == 0; i++) {
        struct project p;
        rc = project_load(ctx, ids[i], &p);
        if (rc == 0)
            json_array_append_new(items, project_json(ctx, &p, false));
        project_clear(&p);
    }
    *result = json_pack("{s:o,s:o}", "items", items, "next", n > PAGE ? json_id(ids[PAGE - 1]) : json_null());
    return rc;
}

static int get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct project p;
    int rc = open_project(ctx, args, &p);
    return rc ? rc : answer(ctx, &p, result, 0);
}

static int count(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct project p;
    struct cohort c;
    struct found f = {0};
    int rc = open_project(ctx, args, &p);
    if (rc)
        return rc;
    rc = cohort_read(ctx, p.cohort, &c);
    rc = rc ? rc : cohort_find(ctx, &c, &f);
    if (rc == 0)
        *result = cohort_counts(ctx, &f, (uint32_t)work_policy_int(ctx, "research.k"));
    else if (rc == ERR_TOO_LARGE)
        fault_set(ctx->fault, rc, "cohort_too_large", "More persons than one application may have.");
    found_clear(&f);
    project_clear(&p);
    return rc;
}

/* ---- writing ---- */

static int number_of(struct op_ctx *ctx, char out[24])
{
    char day[11];
    date_of_ms(ctx->now_ms, RESEARCH_ZONE_MIN, day);
    snprintf(out, 24, "KY%.4s%.2s%.2s-", day, day + 5, day + 8);
    char end[24];
    snprintf(end, sizeof end, "%.10s.", out); /* '.' comes after '-' */
    int64_t n = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM research_project WHERE number>=$1 AND number<$2", "tt", out, end);
    snprintf(out + 11, 13, "%03d", (int)(n + 1));
    return tx_error(ctx->tx);
}

static int apply(struct op_ctx *ctx, json_t *args, struct project *p)
{
    const json_t *fields = json_object_get(args, "fields"), *cohort = json_object_get(args, "cohort");
    set(p->title, sizeof p->title, arg_text(args, "title"));
    set(p->purpose, sizeof p->purpose, arg_text(args, "purpose"));
    set(p->ethics_no, sizeof p->ethics_no, arg_text(args, "ethics_no"));
    if (json_is_null(json_object_get(args, "ethics_date")))
        p->ethics_date[0] = 0; /* cleared; an absent one stays */
    set(p->ethics_date, sizeof p->ethics_date, arg_text(args, "ethics_date"));
    p->until_ms = arg_int(args, "until_ms", p->until_ms);
    if (cohort) {
        json_decref(p->cohort);
        p->cohort = json_deep_copy(cohort);
    }
    return fields ? research_fields_read(fields, &p->fields, ctx->fault) : 0;
}

static int create(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct project p = {.id = id_new(), .person = ctx->actor->person.v, .org = ctx->actor->org.v, .created_ms = ctx->now_ms, .version = 1, .cohort = json_object()};
    int64_t drafts = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM research_project WHERE person_id=$1 AND state='DRAFT'", "i", (int64_t)p.person);
    int rc = drafts >= DRAFTS_MAX ? fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "too_many_drafts", "Finish or withdraw some of your drafts first.") : number_of(ctx, p.number);
    rc = rc ? rc : apply(ctx, args, &p);
    rc = rc ? rc : project_store(ctx, &p);
    rc = rc ? rc : project_note(ctx, p.id, "created", NULL);
    ctx->audit.object = p.id;
    return answer(ctx, &p, result, rc);
}

static int update(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct project p;
    int rc = open_project(ctx, args, &p);
    if (rc)
        return rc;
    if (p.person != ctx->actor->person.v)
        rc = fault_set(ctx->fault, ERR_DENIED, "not_yours", "Only the applicant changes it.");
    else if (p.state != R_DRAFT && p.state != R_RETURNED)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "state", "What was submitted is not changed.");
    else if (arg_int(args, "version", p.version) != p.version)
        rc = fault_set(ctx->fault, ERR_CONFLICT, "version", "It was changed meanwhile.");
    rc = rc ? rc : apply(ctx, args, &p);
    p.version++;
    rc = rc ? rc : project_store(ctx, &p);
    return answer(ctx, &p, result, rc);
}

/* ---- moves ---- */

static void need(struct fault *f, const char *name, const char *text)
{
    if (!*text)
        fault_field(f, name, "required");
}

static int whole(struct op_ctx *ctx, const struct project *p)
{
    struct cohort c;
    char today[11];
    int64_t most = ctx->now_ms + work_policy_int(ctx, "research.max_days") * DAY_MS;
    date_of_ms(ctx->now_ms, RESEARCH_ZONE_MIN, today);
    int rc = cohort_read(ctx, p->cohort, &c);
    if (rc && !ctx->fault->n_fields)
        return rc;
    need(ctx->fault, "title", p->title);
    need(ctx->fault, "purpose", p->purpose);
    need(ctx->fault, "ethics_no", p->ethics_no);
    need(ctx->fault, "ethics_date", p->ethics_date);
    if (strcmp(p->ethics_date, today) > 0)
        fault_field(ctx->fault, "ethics_date", "in_the_future");
    if (!p->fields)
        fault_field(ctx->fault, "fields", "required");
    if (!p->until_ms)
        fault_field(ctx->fault, "until_ms", "required");
    else if (p->until_ms <= ctx->now_ms)
        fault_field(ctx->fault, "until_ms", "in_the_past");
    else if (p->until_ms > most)
        fault_field(ctx->fault, "until_ms", "too_far");
    return ctx->fault->n_fields ? fault_set(ctx->fault, ERR_INVALID, "", "The application is not complete.") : 0;
}

static int decided(struct op_ctx *ctx, struct project *p)
{
    p->decided_by = ctx->actor->person.v;
    p->decided_ms = ctx->now_ms;
    return tx_exec(ctx->tx, "UPDATE research_project SET decided_by=$2, decided_ms=$3, tries=0 WHERE id=$1", "iii", (int64_t)p->id, (int64_t)p->decided_by, ctx->now_ms);
}

static int in_time(struct op_ctx *ctx, const struct project *p)
{
    return p->until_ms > ctx->now_ms ? 0 : fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "expired", "The date of expiry has passed; the applicant must set another.");
}

static int submit_row(struct op_ctx *ctx, struct project *p)
{
    p->submitted_ms = ctx->now_ms;
    return tx_exec(ctx->tx, "UPDATE research_project SET submitted_ms=$2 WHERE id=$1", "ii", (int64_t)p->id, ctx->now_ms);
}

static int act(struct op_ctx *ctx, json_t *args, json_t **result, enum research_event event)
{
    struct project p;
    int rc = open_project(ctx, args, &p);
    if (rc)
        return rc;
    rc = project_move(ctx, &p, event, project_parties(ctx, &p), arg_text(args, "reason"));
    if (rc == 0 && event == RE_SUBMIT) {
        rc = whole(ctx, &p);
        rc = rc ? rc : submit_row(ctx, &p);
    } else if (rc == 0 && (event == RE_APPROVE || event == RE_RETRY)) {
        rc = in_time(ctx, &p);
        rc = rc ? rc : event == RE_APPROVE ? decided(ctx, &p) : tx_exec(ctx->tx, "UPDATE research_project SET tries=0, error='' WHERE id=$1", "i", (int64_t)p.id);
    } else if (rc == 0 && (event == RE_REFUSE || event == RE_RETURN))
        rc = decided(ctx, &p);
    return answer(ctx, &p, result, rc);
}

#define ACT(name, event)                                                   \
    static int name(struct op_ctx *ctx, json_t *args, json_t **result)     \
    {                                                                      \
        return act(ctx, args, result, event);                              \
    }
ACT(submit, RE_SUBMIT)
ACT(withdraw, RE_WITHDRAW)
ACT(retry, RE_RETRY)
ACT(approve, RE_APPROVE)
ACT(give_back, RE_RETURN)
ACT(refuse, RE_REFUSE)
ACT(revoke, RE_REVOKE)

/* ---- fetching it ---- */

static int download(struct op_ctx *ctx, const struct project *p, json_t **result)
{
    struct document_handle h = {.session = ctx->actor->session, .bytes = (uint64_t)p->bytes, .content_type = "application/zip"};
    char handle[DOCUMENT_HANDLE_BYTES], url[80];
    snprintf(h.address, sizeof h.address, "%s", p->blob);
    snprintf(h.name, sizeof h.name, "%s.zip", p->number);
    int rc = documents_handle_make(records_parts(ctx->records)->documents, &h, ctx->now_ms, handle);
    if (rc)
        return fault_set(ctx->fault, rc, "handles", "Too many documents are open now; try again in a moment.");
    snprintf(url, sizeof url, "/api/v1/blobs/%s", handle);
    *result = json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:b,s:I}", "handle", handle, "url", url, "bytes", (json_int_t)p->bytes, "content_type", h.content_type, "sha256", p->sha256, "name",
                        h.name, "inline", 0, "expires_ms", (json_int_t)(ctx->now_ms + DOCUMENT_HANDLE_MS));
    tx_exec(ctx->tx, "UPDATE research_project SET downloads=downloads+1 WHERE id=$1", "i", (int64_t)p->id);
    return project_note(ctx, p->id, "downloaded", NULL);
}

static int open_file(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct project p;
    int rc = open_project(ctx, args, &p);
    if (rc)
        return rc;
    if (p.person != ctx->actor->person.v)
        rc = fault_set(ctx->fault, ERR_DENIED, "not_yours", "Only the applicant fetches it.");
    else if (p.state == R_EXPIRED || p.state == R_REVOKED || p.state == R_WITHDRAWN || (p.state == R_READY && p.until_ms <= ctx->now_ms))
        rc = fault_set(ctx->fault, ERR_GONE, "expired", "The data set is no longer there.");
    else if (p.state != R_READY)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "state", "The data set is not made yet.");
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s", p.number);
    rc = rc ? rc : download(ctx, &p, result);
    project_clear(&p);
    return rc;
}

/* ---- the table ---- */

static const struct field code_of[] = {{"", FIELD_TEXT, true, 3, 12}, {0}};
static const struct field id_of[] = {{"", FIELD_ID, true}, {0}};
static const struct field name_of[] = {{"", FIELD_TEXT, true, 1, 30}, {0}};
static const struct field cohort_args[] = {
    {"codes", FIELD_ARRAY, false, 0, COHORT_CODES, .of = code_of, .help = "ICD-10; each with all below it: I63 is I63.0 to I63.9 too"},
    {"from", FIELD_DATE, .help = "first day of the diagnosis"},
    {"to", FIELD_DATE, .help = "last day"},
    {"org_ids", FIELD_ARRAY, false, 0, COHORT_ORGS, .of = id_of, .help = "institutions; absent: all"},
    {"sex", FIELD_ENUM, .choices = "any|male|female"},
    {"age_min", FIELD_INT, false, 0, 150},
    {"age_max", FIELD_INT, false, 0, 150},
    {"before_days", FIELD_INT, false, 0, COHORT_WINDOW_DAYS, .help = "events up to so many days before the first diagnosis; absent: 365"},
    {"after_days", FIELD_INT, false, 0, COHORT_WINDOW_DAYS, .help = "and after it"},
    {0}};
#define CONTENT                                                                                                     \
    {"title", FIELD_TEXT, false, 0, 100}, {"purpose", FIELD_TEXT, false, 0, 1000},                                   \
        {"ethics_no", FIELD_TEXT, false, 0, 50, .help = "number of the ethics committee's approval"}, {"ethics_date", FIELD_DATE}, \
        {"cohort", FIELD_OBJECT, .of = cohort_args}, {"fields", FIELD_ARRAY, false, 0, RESEARCH_FIELDS, .of = name_of, .help = "names of the catalogue"}, \
        {"until_ms", FIELD_TIME, .help = "the data set is deleted then"}
static const struct field create_args[] = {CONTENT, {0}};
static const struct field update_args[] = {{"project_id", FIELD_ID, true}, {"version", FIELD_INT, .max = INT64_MAX}, CONTENT, {0}};
static const struct field one_args[] = {{"project_id", FIELD_ID, true}, {0}};
static const struct field reason_args[] = {{"project_id", FIELD_ID, true}, {"reason", FIELD_TEXT, true, 1, 500}, {0}};
static const struct field maybe_args[] = {{"project_id", FIELD_ID, true}, {"reason", FIELD_TEXT, false, 0, 500}, {0}};
static const struct field list_args[] = {{"waiting", FIELD_BOOL, .help = "only what waits for approval"}, {"after", FIELD_ID, .help = "next of the page before"}, {0}};
static const struct field none[] = {{0}};

const struct op research_ops[] = {
    {"research.catalogue", OP_READ, 0, "research.read", none, catalogue, "Fields that data for research may have, and the rules"},
    {"research.list", OP_READ, 0, "research.read", list_args, list, "Applications for research data: one's own, and for approvers all that were submitted"},
    {"research.get", OP_READ, OP_NO_IDLE, "research.read", one_args, get, "One application with its history and what may be done"},
    {"research.count", OP_READ, OP_PHI, "research.read", one_args, count, "How many persons its cohort has, in steps of k"},
    {"research.create", OP_WRITE, 0, "research.apply", create_args, create, "Begin an application for research data"},
    {"research.update", OP_WRITE, 0, "research.apply", update_args, update, "Change a draft or what was returned"},
    {"research.submit", OP_WRITE, 0, "research.apply", one_args, submit, "Submit it for approval"},
    {"research.withdraw", OP_WRITE, 0, "research.apply", maybe_args, withdraw, "Withdraw it; a data set is deleted"},
    {"research.retry", OP_WRITE, 0, "research.apply", one_args, retry, "Make again what could not be made"},
    {"research.open", OP_WRITE, OP_PHI, "research.apply", one_args, open_file, "A handle to fetch one's data set"},
    {"research.approve", OP_WRITE, 0, "research.approve", maybe_args, approve, "Approve an application of somebody else"},
    {"research.return", OP_WRITE, 0, "research.approve", reason_args, give_back, "Return it for correction"},
    {"research.refuse", OP_WRITE, 0, "research.approve", reason_args, refuse, "Refuse it"},
    {"research.revoke", OP_WRITE, 0, "research.approve", reason_args, revoke, "Revoke an approval; the data set is deleted"},
    {0},
};
