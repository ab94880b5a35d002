/* The mapping desk (对码): a person says what a code is, that it has no counterpart, or takes that back; and the table of operations. */
#include "records/parts.h"
#include "records/quality/quality_private.h"
#include "records/term/fold.h"
#include <stdio.h>
#include <string.h>

#define SAME_MAX 500 /* codes confirmed by one call */

struct decision {
    char state[12], system[128], code[64], display[256], version[64];
};
struct local { /* a row of quality_code */
    uint64_t id;
    char kind[24], code[64], display[256];
    struct decision now;
};

static void take(char *out, size_t cap, struct query *q, const char *column)
{
    snprintf(out, cap, "%s", query_text(q, column));
}

static void local_from(struct query *q, struct local *out)
{
    out->id = (uint64_t)query_int(q, "id");
    take(out->kind, sizeof out->kind, q, "kind");
    take(out->code, sizeof out->code, q, "code");
    take(out->display, sizeof out->display, q, "display");
    take(out->now.state, sizeof out->now.state, q, "state");
    take(out->now.system, sizeof out->now.system, q, "to_system");
    take(out->now.code, sizeof out->now.code, q, "to_code");
    take(out->now.display, sizeof out->now.display, q, "to_display");
    take(out->now.version, sizeof out->now.version, q, "to_version");
}

static int load(struct op_ctx *ctx, uint64_t id, struct local *out)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM quality_code WHERE id=$1 AND code<>''", "i", (int64_t)id);
    bool found = query_next(q);
    if (found)
        local_from(q, out);
    int rc = query_end(q);
    ctx->audit.object = found ? id : 0;
    return rc || found ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such code.");
}

/* ---- deciding ---- */

static int write_decision(struct op_ctx *ctx, uint64_t id, const struct decision *d)
{
    tx_exec(ctx->tx,
            "UPDATE quality_code SET state=$1, to_system=$2, to_code=$3, to_display=$4, to_version=$5, changed_ms=$6, changed_by=$7 WHERE id=$8", "tttttiii",
            d->state, d->system, d->code, d->display, d->version, ctx->now_ms, (int64_t)ctx->actor->person.v, (int64_t)id);
    quality_decided(ctx->tx);
    return tx_error(ctx->tx);
}

/* The act keeps what stood before, so that undoing it brings exactly that back. */
static int decide(struct op_ctx *ctx, const struct local *c, const char *act, const struct decision *d, const char *note)
{
    tx_exec(ctx->tx,
            "INSERT INTO quality_act (id, code_id, act, person_id, t_ms, to_system, to_code, to_display, note, before_state, before_system, before_code, "
            "before_display, before_version, undone_ms, undone_by) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,0,0)",
            "iitiittttttttt", (int64_t)id_new(), (int64_t)c->id, act, (int64_t)ctx->actor->person.v, ctx->now_ms, d->system, d->code, d->display, note, c->now.state,
            c->now.system, c->now.code, c->now.display, c->now.version);
    return write_decision(ctx, c->id, d);
}

static struct decision mapped_to(const struct quality_candidate *to)
{
    struct decision d = {.state = "mapped"};
    snprintf(d.system, sizeof d.system, "%s", to->system);
    snprintf(d.code, sizeof d.code, "%s", to->code);
    snprintf(d.display, sizeof d.display, "%s", to->display);
    snprintf(d.version, sizeof d.version, "%s", to->version);
    return d;
}

static int map_code(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char day[11];
    struct local c;
    struct quality_candidate to = {0};
    struct quality_asking a = quality_asking_of(ctx, day);
    snprintf(to.system, sizeof to.system, "%s", arg_text(args, "system"));
    snprintf(to.code, sizeof to.code, "%s", arg_text(args, "code"));
    snprintf(to.display, sizeof to.display, "%s", arg_text(args, "display") ? arg_text(args, "display") : "");
    int rc = load(ctx, arg_id(args, "code_id"), &c);
    rc = rc ? rc : quality_target_check(&a, &to);
    if (rc)
        return rc;
    struct decision d = mapped_to(&to);
    *result = json_pack("{s:s}", "state", "mapped");
    return decide(ctx, &c, "map", &d, "");
}

static int reject_code(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct local c;
    int rc = load(ctx, arg_id(args, "code_id"), &c);
    if (rc == 0 && strcmp(c.now.state, "rejected") == 0)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "rejected_already", "The code is said to have no counterpart already.");
    if (rc)
        return rc;
    *result = json_pack("{s:s}", "state", "rejected");
    return decide(ctx, &c, "reject", &(struct decision){.state = "rejected"}, arg_text(args, "reason"));
}

static int last_act(struct op_ctx *ctx, uint64_t code, int64_t *act, struct decision *before)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM quality_act WHERE code_id=$1 AND undone_ms=0 ORDER BY id DESC LIMIT 1", "i", (int64_t)code);
    bool found = query_next(q);
    if (found) {
        *act = query_int(q, "id");
        take(before->state, sizeof before->state, q, "before_state");
        take(before->system, sizeof before->system, q, "before_system");
        take(before->code, sizeof before->code, q, "before_code");
        take(before->display, sizeof before->display, q, "before_display");
        take(before->version, sizeof before->version, q, "before_version");
    }
    int rc = query_end(q);
    return rc || found ? rc : fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "nothing_to_undo", "Nothing was decided of this code.");
}

static int undo(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct decision before;
    struct local c;
    int64_t act = 0;
    int rc = load(ctx, arg_id(args, "code_id"), &c);
    rc = rc ? rc : last_act(ctx, c.id, &act, &before);
    if (rc)
        return rc;
    tx_exec(ctx->tx, "UPDATE quality_act SET undone_ms=$1, undone_by=$2 WHERE id=$3", "iii", ctx->now_ms, (int64_t)ctx->actor->person.v, act);
    *result = json_pack("{s:s}", "state", before.state);
    return write_decision(ctx, c.id, &before);
}

/* ---- what needs no thought: the code and the name are those of the list ---- */

static bool same_name(const char *a, const char *b)
{
    char x[512], y[512];
    text_fold(a, strlen(a), x, sizeof x);
    text_fold(b, strlen(b), y, sizeof y);
    return x[0] && strcmp(x, y) == 0;
}

static int confirm_same(struct op_ctx *ctx, const struct quality_asking *a, const struct local *c, int64_t *done)
{
    struct quality_candidate to = {0};
    struct fault ignored = {0};
    struct quality_asking quiet = *a;
    quiet.fault = &ignored;
    snprintf(to.system, sizeof to.system, "%s", quality_kind_find(c->kind)->target);
    snprintf(to.code, sizeof to.code, "%s", c->code);
    if (quality_target_check(&quiet, &to) || !same_name(to.display, c->display))
        return 0;
    struct decision d = mapped_to(&to);
    ++*done;
    return decide(ctx, c, "map", &d, "");
}

/* Rows are read a page at a time, and written when the page's query is closed. */
static int map_same(struct op_ctx *ctx, json_t *args, json_t **result)
{
    static const size_t page = 100;
    struct local list[100];
    char day[11];
    struct quality_asking a = quality_asking_of(ctx, day);
    int64_t done = 0, after = 0, source = (int64_t)arg_id(args, "source_id");
    size_t n = page;
    int rc = 0;
    while (rc == 0 && n == page && done < SAME_MAX) {
        n = 0;
        struct query *q = tx_query(ctx->tx,
                                   "SELECT * FROM quality_code WHERE source_id=$1 AND state='open' AND given_code='' AND code<>'' AND display<>'' AND id>$2 "
                                   "ORDER BY id LIMIT $3",
                                   "iii", source, after, (int64_t)page);
        while (query_next(q))
            local_from(q, &list[n++]);
        rc = query_end(q);
        for (size_t i = 0; i < n && rc == 0; i++) {
            after = (int64_t)list[i].id;
            rc = *quality_kind_find(list[i].kind)->target ? confirm_same(ctx, &a, &list[i], &done) : 0;
        }
    }
    ctx->audit.object = (uint64_t)source;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "codes=%lld", (long long)done);
    *result = json_pack("{s:I}", "mapped", (json_int_t)done);
    return rc;
}

/* ---- the table ---- */

static const struct field no_args[] = {{0}};
static const struct field list_args[] = {
    {.name = "source_id", .type = FIELD_ID, .help = "only of this source"},
    {.name = "kind", .type = FIELD_TEXT, .max = 24, .help = "only of this kind: diagnosis, observation, ..."},
    {.name = "state", .type = FIELD_ENUM, .choices = "open|given|mapped|rejected", .help = "given: the source's table makes a standard code of it"},
    {.name = "q", .type = FIELD_TEXT, .max = 200, .help = "in the code or the display"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = 200, .help = "default 50"},
    {.name = "before", .type = FIELD_ID, .help = "the `next` of the answer before"},
    {0},
};
static const struct field code_args[] = {{.name = "code_id", .type = FIELD_ID, .required = true, .help = "local code"}, {0}};
static const struct field find_args[] = {
    {.name = "kind", .type = FIELD_TEXT, .required = true, .min = 1, .max = 24, .help = "diagnosis, observation, ..."},
    {.name = "q", .type = FIELD_TEXT, .required = true, .min = 1, .max = 100, .help = "Chinese, pinyin initials, or a code"},
    {0},
};
static const struct field map_args[] = {
    {.name = "code_id", .type = FIELD_ID, .required = true, .help = "local code"},
    {.name = "system", .type = FIELD_TEXT, .required = true, .min = 3, .max = 120, .help = "URI of the code system"},
    {.name = "code", .type = FIELD_TEXT, .required = true, .min = 1, .max = 60, .help = "the standard code"},
    {.name = "display", .type = FIELD_TEXT, .max = 80, .help = "its name; the list's own is taken where it is held"},
    {0},
};
static const struct field reject_args[] = {
    {.name = "code_id", .type = FIELD_ID, .required = true, .help = "local code"},
    {.name = "reason", .type = FIELD_TEXT, .required = true, .min = 2, .max = 200, .help = "why it has no counterpart"},
    {0},
};
static const struct field source_args[] = {{.name = "source_id", .type = FIELD_ID, .required = true, .help = "source"}, {0}};

static const struct field score_args[] = {
    {.name = "days", .type = FIELD_INT, .min = 1, .max = 366, .help = "until today; default 14"},
    {.name = "source_id", .type = FIELD_ID, .help = "only of this source"},
    {0},
};
static const struct field finding_args[] = {
    {.name = "source_id", .type = FIELD_ID, .help = "only of this source"},
    {.name = "rule", .type = FIELD_TEXT, .max = 40, .help = "only of this rule"},
    {.name = "state", .type = FIELD_ENUM, .choices = "open|cleaned|corrected|as_is|source", .help = "only those that stand so"},
    {.name = "task", .type = FIELD_BOOL, .help = "true: only what somebody has to answer; false: only what is counted and no more"},
    {.name = "day", .type = FIELD_DATE, .help = "only of what arrived on this day"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = 200, .help = "default 50"},
    {.name = "before", .type = FIELD_ID, .help = "the `next` of the answer before"},
    {0},
};
static const struct field fixes_args[] = {
    {.name = "state", .type = FIELD_ENUM, .choices = "open|closed", .help = "default open"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = 200, .help = "default 50"},
    {.name = "after", .type = FIELD_ID, .help = "the `next` of the answer before"},
    {0},
};
static const struct field reply_args[] = {
    {.name = "finding_id", .type = FIELD_ID, .required = true, .help = "finding"},
    {.name = "answer", .type = FIELD_ENUM, .required = true, .choices = "correct|confirm|as_is", .help = "correct: `value` is right; confirm: it is as the rule says; as_is: what came is right"},
    {.name = "value", .type = FIELD_TEXT, .max = 60, .help = "the right value: a number, a code, a time as YYYY-MM-DD HH:MM"},
    {.name = "unit", .type = FIELD_TEXT, .max = 30, .help = "its unit"},
    {.name = "note", .type = FIELD_TEXT, .max = 200, .help = "why; required with as_is"},
    {0},
};
static const struct field return_args[] = {
    {.name = "finding_id", .type = FIELD_ID, .required = true, .help = "finding"},
    {.name = "note", .type = FIELD_TEXT, .required = true, .min = 2, .max = 200, .help = "why it is not settled"},
    {0},
};

const struct op quality_ops[] = {
    {"quality.scores", OP_READ, 0, "quality.read", score_args, quality_scores, "Quality scores by source, day and dimension, with what they are made of"},
    {"quality.rules", OP_READ, 0, "quality.read", no_args, quality_rules, "The cleaning rules with versions and effective dates"},
    {"quality.findings", OP_READ, OP_PHI, "quality.read", finding_args, quality_findings, "What the rules found, newest first"},
    {"quality.fix_return", OP_WRITE, OP_PHI, "quality.manage", return_args, quality_fix_return, "Give an answered finding back to the clinic"},
    {"quality.fix_count", OP_READ, OP_NO_IDLE, "quality.fix", no_args, quality_fix_count, "How many findings wait for the acting institution"},
    {"quality.fixes", OP_READ, OP_PHI, "quality.fix", fixes_args, quality_fixes, "Findings in the acting institution's data that it should put right"},
    {"quality.fix_reply", OP_WRITE, OP_PHI, "quality.fix", reply_args, quality_fix_reply, "Put a finding right, or say that it is right as it came"},
    {"quality.coverage", OP_READ, 0, "quality.read", no_args, quality_coverage, "How much of what arrives has a standard code, by source and kind"},
    {"quality.codes", OP_READ, 0, "quality.read", list_args, quality_codes, "Local codes, most seen first"},
    {"quality.code", OP_READ, 0, "quality.read", code_args, quality_code, "One local code with candidates and history"},
    {"quality.find", OP_READ, 0, "quality.read", find_args, quality_find, "Look for a standard code"},
    {"quality.concept_map", OP_READ, 0, "quality.read", source_args, quality_concept_map, "What was decided of a source's codes, as a ConceptMap"},
    {"quality.map", OP_WRITE, 0, "quality.manage", map_args, map_code, "Say which standard code a local code is"},
    {"quality.reject", OP_WRITE, 0, "quality.manage", reject_args, reject_code, "Say that a local code has no counterpart"},
    {"quality.undo", OP_WRITE, 0, "quality.manage", code_args, undo, "Take the last decision on a code back"},
    {"quality.map_same", OP_WRITE, 0, "quality.manage", source_args, map_same, "Confirm a source's codes that are the list's by code and name"},
    {"quality.remap", OP_WRITE, 0, "quality.manage", no_args, quality_remap, "Bring what is stored to what is decided"},
    {0},
};
