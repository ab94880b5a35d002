/* What the patient allowed and refused: recorded by the institution that keeps his record, in force until withdrawn or run out. */
#include "records/patient/patient.h"
#include "records/patient/sharing.h"
#include "records/store/sealed.h"
#include <stdio.h>
#include <string.h>

#define LIST_MAX 100

/* Of two alike the newer stands for both, at once the careful one: what was said often takes no more room, and pushes nothing else out. */
static int add_row(struct op_ctx *ctx, struct query *q, struct share_consents *out)
{
    uint64_t source = (uint64_t)query_int(q, "source_org"), target = (uint64_t)query_int(q, "target_org");
    enum share_word word = strcmp(query_text(q, "decision"), "deny") == 0 ? CONSENT_DENY : CONSENT_PERMIT;
    int64_t t = query_int(q, "t_ms");
    size_t i = 0;
    while (i < out->n && (out->row[i].source != source || out->row[i].target != target))
        i++;
    if (i == sizeof out->row / sizeof *out->row)
        return fault_set(ctx->fault, ERR_UNAVAILABLE, "too_many_consents", "More is recorded of what this patient allowed than can be weighed."); /* closed rather than guessed */
    if (i == out->n || t > out->row[i].t_ms || (t == out->row[i].t_ms && word == CONSENT_DENY)) {
        out->n += i == out->n;
        out->row[i].source = source;
        out->row[i].target = target;
        out->row[i].t_ms = t;
        out->row[i].word = word;
    }
    return 0;
}

int consents_load(struct op_ctx *ctx, uint64_t patient, uint64_t target, const char *purpose, struct share_consents *out)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT decision, source_org, target_org, t_ms FROM share_consent WHERE patient_id=$1 AND purpose IN ($2,'any') AND "
                               "withdrawn_ms=0 AND from_ms<=$3 AND (until_ms=0 OR until_ms>$3) AND (target_org=0 OR target_org=$4) ORDER BY id",
                               "itii", (int64_t)patient, purpose, ctx->now_ms, (int64_t)target);
    int rc = 0;
    while (rc == 0 && query_next(q))
        rc = add_row(ctx, q, out);
    int ended = query_end(q);
    return rc ? rc : ended;
}

enum share_word consents_say(const struct share_consents *c, uint64_t source, uint64_t target)
{
    enum share_word word = CONSENT_SILENT;
    int best = -1;
    int64_t best_ms = 0;
    for (size_t i = 0; i < c->n; i++) {
        if ((c->row[i].source && c->row[i].source != source) || (c->row[i].target && c->row[i].target != target))
            continue;
        int exact = (c->row[i].source ? 2 : 0) + (c->row[i].target ? 1 : 0);
        bool newer = c->row[i].t_ms > best_ms || (c->row[i].t_ms == best_ms && c->row[i].word == CONSENT_DENY); /* at once: the careful one */
        if (exact > best || (exact == best && newer)) {
            best = exact;
            best_ms = c->row[i].t_ms;
            word = c->row[i].word;
        }
    }
    return word;
}

/* ---- operations ---- */

static json_t *ref(struct query *q, const char *id, const char *name)
{
    uint64_t v = (uint64_t)query_int(q, id);
    return v ? json_pack("{s:o,s:s}", "id", json_id(v), "name", query_text(q, name) ? query_text(q, name) : "") : json_null();
}

static json_t *time_or_null(int64_t ms)
{
    return ms ? json_integer(ms) : json_null();
}

static const char *state_of(struct query *q, int64_t now_ms)
{
    int64_t until = query_int(q, "until_ms");
    return query_int(q, "withdrawn_ms") ? "withdrawn" : until && until <= now_ms ? "expired" : query_int(q, "from_ms") > now_ms ? "coming" : "in_force";
}

static int list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id");
    int rc = patient_check_read(ctx, (struct patient_id){patient});
    if (rc)
        return rc;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT c.*, s.name AS source_name, t.name AS target_name, p.name AS by_name, o.name AS org_name, w.name AS withdrawn_name "
                               "FROM share_consent c LEFT JOIN org s ON s.id=c.source_org LEFT JOIN org t ON t.id=c.target_org LEFT JOIN person p ON "
                               "p.id=c.person_id LEFT JOIN org o ON o.id=c.org_id LEFT JOIN person w ON w.id=c.withdrawn_by WHERE c.patient_id=$1 "
                               "ORDER BY c.id DESC LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)LIST_MAX + 1);
    while (query_next(q)) {
        uint64_t id = (uint64_t)query_int(q, "id");
        json_array_append_new(
            items, json_pack("{s:o,s:s,s:s,s:s,s:o,s:o,s:I,s:o,s:o,s:o,s:I,s:s,s:s?,s:o,s:o}", "id", json_id(id), "decision", query_text(q, "decision"),
                             "purpose", query_text(q, "purpose"), "state", state_of(q, ctx->now_ms), "source", ref(q, "source_org", "source_name"),
                             "target", ref(q, "target_org", "target_name"), "from_ms", (json_int_t)query_int(q, "from_ms"), "until_ms",
                             time_or_null(query_int(q, "until_ms")), "by", ref(q, "person_id", "by_name"), "org", ref(q, "org_id", "org_name"), "t_ms",
                             (json_int_t)query_int(q, "t_ms"), "given", query_text(q, "given"), "note",
                             query_sealed(q, "note", SEALED_CONSENT_NOTE, id, patient), "withdrawn_ms", time_or_null(query_int(q, "withdrawn_ms")),
                             "withdrawn_by", ref(q, "withdrawn_by", "withdrawn_name")));
    }
    rc = query_end(q);
    *result = json_pack("{s:b,s:o}", "truncated", json_cut(items, LIST_MAX), "items", items);
    return rc;
}

static int check_org(struct op_ctx *ctx, const char *field, uint64_t org)
{
    bool there = !org || tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM org WHERE id=$1 AND kind='institution'", "i", (int64_t)org) > 0;
    return there ? 0 : fault_field(ctx->fault, field, "not_an_institution");
}

static int record(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id"), source = arg_id(args, "source_org_id"), target = arg_id(args, "target_org_id"), id = id_new();
    int64_t from = arg_int(args, "from_ms", ctx->now_ms), until = arg_int(args, "until_ms", 0);
    const char *note = arg_text(args, "note"), *decision = arg_text(args, "decision");
    int rc = patient_check_write(ctx, (struct patient_id){patient});
    rc = rc ? rc : check_org(ctx, "source_org_id", source);
    rc = rc ? rc : check_org(ctx, "target_org_id", target);
    if (rc == 0 && until && (until <= from || until <= ctx->now_ms))
        rc = fault_field(ctx->fault, "until_ms", "in_the_past");
    if (rc)
        return rc;
    tx_exec(ctx->tx,
            "INSERT INTO share_consent (id, patient_id, decision, purpose, source_org, target_org, from_ms, until_ms, person_id, org_id, t_ms, given, note, "
            "withdrawn_ms, withdrawn_by) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,0,0)",
            "iittiiiiiiits", (int64_t)id, (int64_t)patient, decision, arg_text(args, "purpose"), (int64_t)source, (int64_t)target, from, until,
            (int64_t)ctx->actor->person.v, (int64_t)ctx->actor->org.v, ctx->now_ms, arg_text(args, "given"),
            SEALED(CONSENT_NOTE, id, patient, note && *note ? note : NULL));
    ctx->audit.object = id;
    *result = json_pack("{s:o}", "id", json_id(id));
    return tx_error(ctx->tx);
}

static int withdraw(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id"), id = arg_id(args, "consent_id");
    int rc = patient_check_write(ctx, (struct patient_id){patient});
    if (rc)
        return rc;
    ctx->audit.object = id;
    tx_exec(ctx->tx, "UPDATE share_consent SET withdrawn_ms=$1, withdrawn_by=$2 WHERE id=$3 AND patient_id=$4 AND withdrawn_ms=0", "iiii", ctx->now_ms,
            (int64_t)ctx->actor->person.v, (int64_t)id, (int64_t)patient);
    if (tx_error(ctx->tx) == 0 && tx_changes(ctx->tx) == 0)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "consent", "There is no such consent in force.");
    *result = json_pack("{s:o}", "id", json_id(id));
    return tx_error(ctx->tx);
}

static const struct field list_args[] = {{"patient_id", FIELD_ID, true}, {0}};
static const struct field record_args[] = {
    {"patient_id", FIELD_ID, true},
    {"decision", FIELD_ENUM, true, .choices = "permit|deny"},
    {"purpose", FIELD_ENUM, true, .choices = "treatment|research|teaching|any"},
    {"source_org_id", FIELD_ID, .help = "records of this institution; absent: of all"},
    {"target_org_id", FIELD_ID, .help = "for this institution; absent: for all"},
    {"from_ms", FIELD_TIME},
    {"until_ms", FIELD_TIME, .help = "absent: until withdrawn"},
    {"given", FIELD_ENUM, true, .choices = "paper|verbal|guardian", .help = "signed on paper, said before a witness, by the guardian"},
    {"note", FIELD_TEXT, false, 0, 500},
    {0}};
static const struct field withdraw_args[] = {{"patient_id", FIELD_ID, true}, {"consent_id", FIELD_ID, true}, {0}};

const struct op consent_ops[] = {
    {"consent.list", OP_READ, OP_PHI, "patient.read", list_args, list, "What a patient allowed and refused"},
    {"consent.record", OP_WRITE, OP_PHI, "consent.record", record_args, record, "Record what a patient allows or refuses"},
    {"consent.withdraw", OP_WRITE, OP_PHI, "consent.record", withdraw_args, withdraw, "Withdraw a consent or a refusal"},
    {0},
};
