/* Around a case: the promise before sending, print copies and their verification, outcomes of advice,
 * specialty fit. */
#include "records/document/capture.h"
#include "records/document/document.h"
#include "records/parts.h"
#include "records/store/sealed.h"
#include "records/work/work_ops.h"
#include "records/work/work_parts.h"
#include "records/work/work_view.h"
#include "server/base/crypto.h"
#include "server/base/site_address.h"
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P(x) CONSULT_BIT(P_##x)

const struct work_parts *work_parts(struct records *r)
{
    return &records_parts(r)->work;
}

json_t *work_attachments(struct op_ctx *ctx, struct case_id id)
{
    return documents_of_case(ctx, id);
}

/* ---- specialty fit ---- */
static bool any_prefix(const json_t *prefixes, const char *code)
{
    size_t i;
    json_t *p;
    json_array_foreach (prefixes, i, p)
        if (code && strncasecmp(code, json_string_value(p), json_string_length(p)) == 0)
            return true;
    return false;
}

static bool any_word(const json_t *words, const char *text)
{
    size_t i;
    json_t *w;
    json_array_foreach (words, i, w)
        if (text && strstr(text, json_string_value(w)))
            return true;
    return false;
}

static int points(const json_t *row, const json_t *form)
{
    int sum = 0;
    size_t i;
    json_t *d;
    json_array_foreach (json_object_get(form, "diagnoses"), i, d)
        if (any_prefix(json_object_get(row, "icd"), json_string_value(json_object_get(d, "code"))))
            sum += json_is_true(json_object_get(d, "main")) ? 60 : 30;
    sum +=
        any_word(json_object_get(row, "words"), json_string_value(form_get(form, "history.chief_complaint")))
            ? 40
            : 0;
    return sum > 100 ? 100 : sum;
}

/* A department without a rule, or a case without a hint, is not judged: score null. */
json_t *consult_fit(struct op_ctx *ctx, const struct consult *c)
{
    const json_t *table = work_parts(ctx->records)->fit;
    json_t *dept = org_ref(ctx, c->target_dept), *suggested = json_array(), *row;
    const char *name = json_string_value(json_object_get(dept, "name"));
    int mine = -1, best = 0;
    size_t i;
    json_array_foreach (table, i, row) {
        int p = points(row, c->form);
        best = p > best ? p : best;
        if (p > 0)
            json_array_append(suggested, json_object_get(row, "specialty"));
        if (any_word(json_object_get(row, "names"), name))
            mine = p > mine ? p : mine;
    }
    json_decref(dept);
    return json_pack("{s:o,s:b,s:o}", "score",
                     mine < 0 || !best ? json_null() : json_integer(mine * 100 / best), "doubtful",
                     mine >= 0 && best >= 40 && mine * 2 < best, "suggested", suggested);
}

/* ---- promise ---- */
static int64_t history(struct op_ctx *ctx, const struct consult *c)
{
    int64_t since = ctx->now_ms - 90 * 86400000ll;
    int64_t n = tx_int(
        ctx->tx, 0,
        "SELECT COUNT(*) FROM consult WHERE target_org_id=$1 AND kind=$2 AND urgency=$3 AND signed_ms>$4",
        "itti", (int64_t)c->target_org.v, c->kind, c->urgency, since);
    if (n < 5)
        return 0;
    return tx_int(ctx->tx, 0,
                  "SELECT signed_ms-submitted_ms AS d FROM consult WHERE target_org_id=$1 AND kind=$2 AND "
                  "urgency=$3 AND "
                  "signed_ms>$4 ORDER BY d LIMIT 1 OFFSET $5",
                  "ittii", (int64_t)c->target_org.v, c->kind, c->urgency, since, n / 2);
}

/* Without a history: half of every limit on the way, which is what people take when they take it seriously.
 */
static int64_t by_terms(struct op_ctx *ctx, const struct consult *c, int64_t *at)
{
    static const uint8_t offline[] = {K_HOME_REVIEW, K_TRIAGE, K_ASSIGN, K_ACCEPT, K_OPINION},
                         live[] = {K_HOME_REVIEW, K_TRIAGE, K_ASSIGN, K_ACCEPT, K_HOLD},
                         inhouse[] = {K_ARRIVE};
    bool house = strcmp(c->scope, "in_house") == 0;
    const uint8_t *path = house ? inhouse : strcmp(c->kind, "interactive") == 0 ? live : offline;
    struct consult_time time;
    int rc = consult_time(ctx, c, S_APPROVED_HOME, &time);
    int64_t due = ctx->now_ms;
    for (size_t i = 0; i < (house ? 1 : 5) && !rc; i++)
        due = calendar_add(&time.calendar, due, time.terms[path[i]].term);
    *at = ctx->now_ms + (due - ctx->now_ms) / 2;
    return rc;
}

static int case_promise(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    struct person_id duty[STAFF_TOLD_MAX];
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    int64_t queue = tx_int(
        ctx->tx, 0,
        "SELECT COUNT(*) FROM consult WHERE target_org_id=$1 AND ($2=0 OR target_dept_id=$2) AND closed_ms=0 "
        "AND signed_ms=0 AND submitted_ms>0 AND id<>$3",
        "iii", (int64_t)c.target_org.v, (int64_t)c.target_dept.v, (int64_t)c.id.v);
    size_t experts = 0, n = staff_with_role(ctx, c.target_org, c.target_dept, STAFF_EXPERT, duty, STAFF_TOLD_MAX);
    for (size_t i = 0; i < n; i++)
        experts += staff_on_roster(ctx, duty[i], ctx->now_ms);
    int64_t span = history(ctx, &c), likely = ctx->now_ms + span;
    if (!span)
        rc = (int)by_terms(ctx, &c, &likely);
    int64_t load = experts ? queue / (int64_t)experts : queue;
    likely += (likely - ctx->now_ms) * (load > 4 ? load - 4 : 0) /
              4; /* four open cases a head is an ordinary day */
    if (!rc)
        *result = json_pack("{s:I,s:I,s:I,s:s}", "likely_ms", (json_int_t)likely, "queue", (json_int_t)queue,
                            "experts_on_duty", (json_int_t)experts, "basis", span ? "history" : "terms");
    consult_clear(&c);
    return rc;
}

/* ---- print ---- */
/* One path for the dark modules; a quiet zone of four modules as ISO/IEC 18004 asks. */
static char *qr_svg_of(const char *text)
{
    QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!qr)
        return NULL;
    size_t cap = (size_t)qr->width * (size_t)qr->width * 18 + 400, n;
    char *svg = malloc(cap);
    if (svg) {
        n = (size_t)snprintf(
            svg, cap,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
            "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"",
            qr->width + 8, qr->width + 8, qr->width + 8, qr->width + 8);
        for (int y = 0; y < qr->width; y++)
            for (int x = 0; x < qr->width; x++)
                if (qr->data[y * qr->width + x] & 1)
                    n += (size_t)snprintf(svg + n, cap - n, "M%d %dh1v1h-1z", x + 4, y + 4);
        snprintf(svg + n, cap - n, "\"/></svg>");
    }
    QRcode_free(qr);
    return svg;
}

static int verify_code(struct op_ctx *ctx, const struct consult *c, const char *what, char out[32])
{
    struct query *q =
        tx_query(ctx->tx, "SELECT code FROM consult_print WHERE case_id=$1 AND what=$2 ORDER BY copy LIMIT 1",
                 "it", (int64_t)c->id.v, what);
    bool found = query_next(q);
    if (found)
        snprintf(out, 32, "%s", query_text(q, "code"));
    int rc = query_end(q);
    if (rc || found)
        return rc;
    uint8_t random[12];
    crypto_random(random, sizeof random);
    return base64url_encode(random, sizeof random, out, 32) < 0 ? ERR_INTERNAL : 0;
}

static const char *print_mark(const struct consult *c, const char *what, int64_t copy)
{
    if (c->flow.state == S_CANCELLED || c->flow.state == S_EXPIRED || c->flow.state == S_MERGED ||
        c->flow.state == S_DECLINED)
        return "cancelled";
    bool draft = strcmp(what, "application") != 0 ? !c->signed_ms
                                              : c->flow.state == S_DRAFT || c->flow.state == S_RETURNED;
    return draft ? "draft" : copy > 1 ? "reprint" : "";
}

static int case_print(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    char code[32], url[320];
    const char *what = arg_text(args, "what"), *origin = arg_text(args, "origin");
    const char *base = origin ? origin : records_parts(ctx->records)->delivery_keys.base_url;
    if (origin && !site_address_ok(origin))
        return fault_field(ctx->fault, "origin", "not_an_origin");
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    rc = consult_takes_part(ctx, parties);
    if (!rc && strcmp(what, "minutes") == 0 && strcmp(c.scope, "mdt") != 0)
        rc = fault_field(ctx->fault, "what", "not_for_this_case");
    if (!rc && strcmp(what, "application") != 0 && !consult_sees_opinion(&c, parties))
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_signed", "the opinion is not signed yet");
    int64_t copy =
        1 + tx_int(ctx->tx, 0,
                   "SELECT COUNT(*) FROM consult_print WHERE case_id=$1 AND what=$2 AND mark<>'draft'", "it",
                   (int64_t)c.id.v, what);
    const char *mark = print_mark(&c, what, copy);
    rc = rc ? rc : verify_code(ctx, &c, what, code);
    rc = rc ? rc
            : tx_exec(ctx->tx,
                      "INSERT INTO consult_print (id, case_id, what, copy, mark, code, person_id, t_ms) "
                      "VALUES ($1,$2,$3,$4,$5,$6,$7,$8)",
                      "iititt"
                      "ii",
                      (int64_t)id_new(), (int64_t)c.id.v, what, copy, mark, code,
                      (int64_t)ctx->actor->person.v, ctx->now_ms);
    if (!rc) {
        snprintf(url, sizeof url, "%s/verify/%s", base, code);
        snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "print %s copy=%lld", what, (long long)copy);
        char *svg = qr_svg_of(url);
        *result = json_pack("{s:o,s:s,s:I,s:s,s:o,s:I,s:s,s:s?}", "case", consult_view(ctx, &c, parties),
                            "number", c.number, "copy", (json_int_t)copy, "mark", mark, "printed_by",
                            staff_ref(ctx, ctx->actor->person), "printed_ms", (json_int_t)ctx->now_ms,
                            "verify_url", url, "qr_svg", svg);
        free(svg);
    }
    consult_clear(&c);
    return rc;
}

/* Does the row still say what was signed: its texts open, the hash fits the signed text, and the columns fit the text. */
static bool row_intact(struct query *q, uint64_t case_id)
{
    const char *picture = query_text(q, "picture");
    uint64_t id = (uint64_t)query_int(q, "id");
    if (!query_sealed_opens(q, "body", SEALED_OPINION_BODY, id, case_id) ||
        !query_sealed_opens(q, "signed_text", SEALED_OPINION_TEXT, id, case_id))
        return false;
    const char *shown = query_sealed(q, "body", SEALED_OPINION_BODY, id, case_id),
               *text = query_sealed(q, "signed_text", SEALED_OPINION_TEXT, id, case_id);
    if (!text || !shown)
        return false;
    uint8_t sum[SHA256_BYTES];
    char hash[2 * SHA256_BYTES + 1], person[ID_TEXT_BYTES];
    crypto_sha256(text, strlen(text), sum);
    if (hex_encode(sum, sizeof sum, hash, sizeof hash) < 0 || strcmp(hash, query_text(q, "sha256")) != 0)
        return false;
    json_t *said = json_loads(text, 0, NULL), *body = json_loads(shown, 0, NULL);
    const char *by = json_string_value(json_object_get(said, "person")),
               *licence = json_string_value(json_object_get(said, "licence")),
               *signed_picture = json_string_value(json_object_get(said, "picture"));
    id_format((uint64_t)query_int(q, "person_id"), person);
    bool good = json_equal(json_object_get(said, "body"), body) && by && strcmp(by, person) == 0 && licence &&
                strcmp(licence, query_text(q, "licence_no")) == 0 &&
                json_integer_value(json_object_get(said, "signed_ms")) == query_int(q, "signed_ms") &&
                json_integer_value(json_object_get(said, "version")) == query_int(q, "version") &&
                strcmp(signed_picture ? signed_picture : "", picture ? picture : "") == 0;
    json_decref(said);
    json_decref(body);
    return good;
}

static bool opinion_intact(struct op_ctx *ctx, uint64_t case_id)
{
    bool good = true;
    struct query *q =
        tx_query(ctx->tx,
                 "SELECT o.id, o.person_id, o.version, o.body, o.signed_text, o.signed_ms, o.sha256, o.licence_no, "
                 "d.sha256 AS picture FROM consult_opinion o LEFT JOIN document d ON d.id=o.signature_document "
                 "WHERE o.case_id=$1",
                 "i", (int64_t)case_id);
    while (query_next(q))
        good = row_intact(q, case_id) && good;
    return !query_end(q) && good;
}

static int case_verify(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint64_t id = (uint64_t)tx_int(ctx->tx, 0, "SELECT case_id FROM consult_print WHERE code=$1", "t",
                                   arg_text(args, "code"));
    if (!id)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "code", "no document has this code");
    int rc = consult_load(ctx, (struct case_id){id}, &c);
    if (rc)
        return rc;
    ctx->audit.object = id;
    const struct flow_label *state = &consult_flow.states[c.flow.state].label;
    *result = json_pack("{s:s,s:s,s:s,s:{s:s,s:s},s:o,s:[o,o],s:b}", "number", c.number, "kind", c.kind, "state", state->word,
                        "state_label", "zh", state->zh, "en", state->en, "signed_ms", work_time(c.signed_ms),
                        "orgs", org_ref(ctx, c.home_org), org_ref(ctx, c.target_org), "valid",
                        c.signed_ms != 0 && c.flow.state != S_CANCELLED && opinion_intact(ctx, id));
    consult_clear(&c);
    return 0;
}

/* ---- the advice ledger: what came of it after 7 and 30 days ---- */
static int put_outcome(struct op_ctx *ctx, const struct consult *c, int64_t day, size_t i, const json_t *item)
{
    int rc = tx_exec(
        ctx->tx,
        day == 7 ? "UPDATE consult_advice SET outcome7=$3, outcome7_ms=$4 WHERE case_id=$1 AND n=$2"
                 : "UPDATE consult_advice SET outcome30=$3, outcome30_ms=$4 WHERE case_id=$1 AND n=$2",
        "iiti", (int64_t)c->id.v, arg_int(item, "n", 0), arg_text(item, "outcome"), ctx->now_ms);
    if (!rc && tx_changes(ctx->tx) == 0)
        rc = fault_field(ctx->fault, "items", "no_such_recommendation:%zu", i + 1);
    return rc;
}

static json_t *ledger_view(struct op_ctx *ctx, const struct consult *c)
{
    json_t *list = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT n, type, text, urgency, decision, reason, outcome7, outcome30 FROM "
                               "consult_advice WHERE case_id=$1 "
                               "ORDER BY n",
                               "i", (int64_t)c->id.v);
    while (query_next(q))
        json_array_append_new(
            list, json_pack("{s:I,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?}", "n", (json_int_t)query_int(q, "n"),
                            "type", query_text(q, "type"), "text",
                            query_sealed(q, "text", SEALED_ADVICE_TEXT, c->id.v, (uint64_t)query_int(q, "n")), "urgency",
                            query_text(q, "urgency"), "decision", query_text(q, "decision"), "reason",
                            query_sealed(q, "reason", SEALED_ADVICE_REASON, c->id.v, (uint64_t)query_int(q, "n")),
                            "outcome_7d", query_text(q, "outcome7"), "outcome_30d",
                            query_text(q, "outcome30")));
    return work_list_end(q, list);
}

static int case_outcome(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    json_t *items = json_object_get(args, "items"), *item;
    size_t i;
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    if (json_array_size(items) && !(parties & P(APPLICANT)))
        rc =
            fault_set(ctx->fault, ERR_DENIED, "not_your_act", "outcomes are recorded by the treating doctor");
    json_array_foreach (items, i, item)
        rc = rc ? rc : put_outcome(ctx, &c, arg_int(args, "day", 7), i, item);
    if (!rc && !c.signed_ms)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_signed", "there is no advice yet");
    if (!rc && json_array_size(items))
        rc = consult_save_quiet(ctx, &c); /* news of the case */
    if (!rc)
        *result = json_pack("{s:o}", "items", ledger_view(ctx, &c));
    consult_clear(&c);
    return rc;
}

#define CASE_ID                                                                                              \
    {                                                                                                        \
        "case_id", FIELD_ID, true                                                                            \
    }
static const struct field case_args[] = {CASE_ID, {0}};
static const struct field print_args[] = {
    CASE_ID,
    {"what", FIELD_ENUM, true, .choices = "application|opinion|minutes"},
    {"origin", FIELD_TEXT, .max = 220, .help = "the page's own origin, so that the code holds a whole address"},
    {0}};
static const struct field verify_args[] = {{"code", FIELD_TEXT, true, 8, 40}, {0}};
static const struct field outcome_item[] = {
    {"n", FIELD_INT, true, 1, 1000},
    {"outcome", FIELD_ENUM, true, .choices = "effective|partly|no_effect|worse|not_done|lost"},
    {0}};
static const struct field outcome_of[] = {{"", FIELD_OBJECT, .of = outcome_item}};
static const struct field outcome_args[] = {
    CASE_ID, {"day", FIELD_INT, false, 7, 30}, {"items", FIELD_ARRAY, false, 0, 50, .of = outcome_of}, {0}};
const struct op case_desk_ops[] = {
    {"case.promise", OP_READ, OP_PHI, "case.read", case_args, case_promise,
     "likely answer time from live queues"},
    {"case.print", OP_WRITE, OP_PHI, "case.read", print_args, case_print, "a numbered print copy; audited"},
    {"case.verify", OP_READ, OP_ANONYMOUS, NULL, verify_args, case_verify,
     "check the code of a printed document; no health data"},
    {"case.outcome", OP_WRITE, OP_PHI, "case.read", outcome_args, case_outcome,
     "the advice ledger; record outcomes at 7 and 30 days"},
    {0}};
