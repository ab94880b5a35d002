/* The patient operations and who may do them. */
#include "records/audit/audit.h"
#include "records/patient/index.h"
#include "records/patient/mask.h"
#include "records/fhir/attachment.h"
#include "records/patient/timeline.h"
#include "records/quality/quality.h"
#include "records/store/sealed.h"
#include "records/work/consultation.h"
#include <stdio.h>
#include <string.h>

/* ---- access (functions.md 4.2) ----
 * The institution that keeps the record sees it; others through a case they take part in, as long as the case lets them, and on the grounds
 * of sharing.h. Whether the actor's role may read patients at all was decided by the operation's right. */

static int not_open(struct op_ctx *ctx)
{
    return fault_set(ctx->fault, ERR_DENIED, "not_your_patient", "This patient's record is not open to you.");
}

int patient_check_case(struct op_ctx *ctx, struct patient_id patient)
{
    ctx->audit.patient = patient.v;
    int64_t org = tx_int(ctx->tx, 0, "SELECT org_id FROM patient WHERE id=$1", "i", (int64_t)patient.v);
    if (tx_error(ctx->tx))
        return tx_error(ctx->tx);
    if (!org)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such patient.");
    if (ctx->actor->system || (uint64_t)org == ctx->actor->org.v || consultation_grants_patient(ctx, patient))
        return 0;
    return not_open(ctx);
}

int patient_check_read(struct op_ctx *ctx, struct patient_id patient)
{
    enum share_basis basis;
    int rc = patient_check_case(ctx, patient);
    if (rc != ERR_DENIED)
        return rc;
    fault_clear(ctx->fault);
    rc = sharing_basis(ctx, patient.v, &basis); /* by another record of the same person */
    return rc ? rc : basis != SHARE_NONE ? 0 : not_open(ctx);
}

int patient_check_write(struct op_ctx *ctx, struct patient_id patient)
{
    int rc = patient_check_case(ctx, patient);
    if (rc || ctx->actor->system)
        return rc;
    int64_t org = tx_int(ctx->tx, 0, "SELECT org_id FROM patient WHERE id=$1", "i", (int64_t)patient.v);
    return (uint64_t)org == ctx->actor->org.v
               ? 0
               : fault_set(ctx->fault, ERR_DENIED, "other_institution", "Only the institution that keeps the record changes it.");
}

json_t *patient_object(struct op_ctx *ctx, struct patient_id patient)
{
    struct patient_row row;
    json_t *o = patient_load(ctx, patient.v, &row) ? json_null() : patient_row_json(ctx, &row);
    patient_row_wipe(&row);
    return o;
}

json_t *patient_brief(struct op_ctx *ctx, struct patient_id patient)
{
    char today[11], zh[32], en[32];
    json_t *o = NULL;
    date_of_ms(ctx->now_ms, PATIENT_ZONE_MIN, today);
    struct query *q = tx_query(ctx->tx, "SELECT name, sex, birth_date FROM patient WHERE id=$1", "i", (int64_t)patient.v);
    if (query_next(q)) {
        const char *birth = query_text(q, "birth_date");
        age_text(birth ? birth : "", today, 0, zh);
        age_text(birth ? birth : "", today, 1, en);
        o = json_pack("{s:o,s:s?,s:s?,s:s,s:s}", "id", json_id(patient.v), "name", query_text(q, "name"), "sex",
                      query_text(q, "sex"), "age_text", zh, "age_text_en", en);
        audit_shown(ctx, patient.v);
    }
    return query_end(q) || !o ? json_null() : o;
}

/* ---- operations ---- */

static int answer(struct op_ctx *ctx, struct patient_row *row, json_t **result)
{
    *result = patient_row_json(ctx, row);
    patient_row_wipe(row);
    if (tx_error(ctx->tx))
        return tx_error(ctx->tx);
    return *result ? 0 : fault_set(ctx->fault, ERR_INTERNAL, "", "Out of memory.");
}

static int exists_already(struct op_ctx *ctx, uint64_t other)
{
    char id[ID_TEXT_BYTES];
    id_format(other, id);
    fault_field(ctx->fault, "patient_id", "%s", id);
    ctx->audit.patient = other;
    return fault_set(ctx->fault, ERR_CONFLICT, "patient_exists", "A patient with this identity number is on file.");
}

/* P (T: temporary) + date + number of the day at this institution: short enough for a wristband and the phone. One that somebody gave by
 * hand is passed over. */
static int make_local_number(struct op_ctx *ctx, struct patient_row *row)
{
    char day[11], compact[9];
    date_of_ms(ctx->now_ms, PATIENT_ZONE_MIN, day);
    snprintf(compact, sizeof compact, "%.4s%.2s%.2s", day, day + 5, day + 8);
    int64_t org = (int64_t)row->org_id, taken = 1;
    int64_t n = tx_int(ctx->tx, 0, "SELECT n FROM patient_counter WHERE org_id=$1 AND day=$2", "it", org, compact);
    while (taken > 0) {
        snprintf(row->local_number, sizeof row->local_number, "%s%s-%04lld", row->temporary ? "T" : "P", compact, (long long)++n);
        taken = tx_int(ctx->tx, -1, "SELECT COUNT(*) FROM patient WHERE org_id=$1 AND local_number=$2", "it", org, row->local_number);
    }
    return tx_upsert(ctx->tx, "patient_counter", "org_id,day", "org_id,day,n", "iti", org, compact, n);
}

static int patient_create(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct patient_row row = {.id = id_new(), .org_id = ctx->actor->org.v, .created_by = ctx->actor->person.v, .version = 1,
                              .created_ms = ctx->now_ms, .id_type = "none", .allergy_state = "unknown"};
    if (!row.org_id)
        return fault_set(ctx->fault, ERR_DENIED, "no_institution", "Choose the acting institution first.");
    int rc = patient_apply(ctx, args, true, &row);
    uint64_t other = rc ? 0 : patient_same_identity(ctx, row.org_id, row.secret.id_no, row.id);
    if (other)
        rc = exists_already(ctx, other);
    if (rc == 0 && !row.local_number[0])
        rc = make_local_number(ctx, &row);
    const char *outcome = "new";
    rc = rc ? rc : patient_store(ctx, &row, NULL);
    rc = rc ? rc : patient_index_put(ctx, &row, NULL, &outcome);
    json_t *similar = json_array();
    if (rc == 0 && !row.temporary)
        rc = patient_similar(ctx, &row, similar);
    if (rc) {
        json_decref(similar);
        patient_row_wipe(&row);
        return rc;
    }
    ctx->audit.patient = row.id;
    rc = answer(ctx, &row, result);
    if (rc == 0) {
        json_object_set(*result, "similar", similar);
        json_object_set_new(*result, "index", json_string(outcome));
    }
    json_decref(similar);
    return rc;
}

static int patient_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "patient_id");
    struct patient_row row;
    enum share_basis basis = SHARE_OWN;
    int rc = patient_check_read(ctx, (struct patient_id){id});
    rc = rc ? rc : sharing_basis(ctx, id, &basis);
    rc = rc ? rc : patient_load(ctx, id, &row);
    rc = rc ? rc : answer(ctx, &row, result);
    if (rc == 0) {
        mask_patient(ctx, *result, mask_clearance(ctx, basis));
        json_object_set_new(*result, "basis", json_string(share_basis_word(basis)));
        snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "basis=%s", share_basis_word(basis));
    }
    return rc;
}

static int patient_update(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "patient_id"), other;
    struct patient_row row, before;
    int rc = patient_check_write(ctx, (struct patient_id){id});
    rc = rc ? rc : patient_load(ctx, id, &row);
    if (rc)
        return rc;
    before = row;
    if (arg_int(args, "version", row.version) != row.version)
        rc = fault_set(ctx->fault, ERR_CONFLICT, "stale_version", "Somebody changed this record; read it again.");
    rc = rc ? rc : patient_apply(ctx, args, false, &row);
    /* A feed may have brought the same person under two local numbers: that stands in the way of another number, not of a name or a phone. */
    if (rc == 0 && strcmp(row.secret.id_no, before.secret.id_no) != 0 && (other = patient_same_identity(ctx, row.org_id, row.secret.id_no, row.id)))
        rc = exists_already(ctx, other);
    row.version++;
    const char *outcome;
    rc = rc ? rc : patient_store(ctx, &row, &before);
    rc = rc ? rc : patient_index_put(ctx, &row, &before, &outcome);
    rc = rc ? rc : quality_patient_edited(ctx, &row);
    patient_row_wipe(&before);
    if (rc) {
        patient_row_wipe(&row);
        return rc;
    }
    return answer(ctx, &row, result);
}

const struct field patient_reveal_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"},
    {.name = "what", .type = FIELD_ENUM, .required = true, .choices = "id_no|phone|insurance_no|guardian_phone", .help = "which number"},
    {.name = "reason", .type = FIELD_TEXT, .required = true, .min = 2, .max = 200, .help = "why it is needed"},
    {0},
};

int patient_reveal_number(struct op_ctx *ctx, uint64_t id, const char *what, const char *reason, json_t **result)
{
    struct patient_row row;
    ctx->audit.patient = id;
    int rc = patient_load(ctx, id, &row);
    if (rc)
        return rc;
    const struct patient_private *s = &row.secret;
    const char *value = strcmp(what, "id_no") == 0              ? s->id_no
                        : strcmp(what, "insurance_no") == 0     ? s->insurance_no
                        : strcmp(what, "guardian_phone") == 0   ? s->guardian_phone
                                                                : s->phone;
    *result = json_pack("{s:s}", "value", value);
    /* the reason is written by a person and may name a patient: the audit line keeps what and how long, the table the words */
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "reveal=%s", what);
    uint64_t line = id_new();
    tx_exec(ctx->tx, "INSERT INTO patient_reveal (id, patient_id, person_id, what, reason, t_ms) VALUES ($1,$2,$3,$4,$5,$6)",
            "iiitsi", (int64_t)line, (int64_t)id, (int64_t)ctx->actor->person.v, what, SEALED(REVEAL_REASON, line, id, reason), ctx->now_ms);
    patient_row_wipe(&row);
    return tx_error(ctx->tx);
}

int patient_contact(struct op_ctx *ctx, struct patient_id patient, json_t **phone)
{
    struct patient_row row;
    *phone = NULL;
    int rc = patient_load(ctx, patient.v, &row);
    if (rc)
        return rc;
    const char *what = row.org_id != ctx->actor->org.v ? NULL : row.secret.phone[0] ? "phone" : row.secret.guardian_phone[0] ? "guardian_phone" : NULL;
    patient_row_wipe(&row);
    if (!what)
        return 0;
    json_t *shown = NULL;
    rc = patient_reveal_number(ctx, patient.v, what, "会诊申请的联系电话", &shown);
    *phone = json_incref(json_object_get(shown, "value"));
    json_decref(shown);
    return rc;
}

static int patient_reveal(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "patient_id");
    enum share_basis basis = SHARE_OWN;
    int rc = patient_check_read(ctx, (struct patient_id){id});
    rc = rc ? rc : sharing_basis(ctx, id, &basis);
    if (rc == 0 && basis != SHARE_OWN && mask_clearance(ctx, basis) < 3)
        rc = fault_set(ctx->fault, ERR_DENIED, "masked", "Your role does not reach this number on this ground.");
    return rc ? rc : patient_reveal_number(ctx, id, arg_text(args, "what"), arg_text(args, "reason"), result);
}

/* ---- the table ---- */

static const struct field guardian_fields[] = {
    {.name = "name", .type = FIELD_TEXT, .max = 40, .help = "name"},
    {.name = "relation", .type = FIELD_TEXT, .max = 20, .help = "relation to the patient"},
    {.name = "phone", .type = FIELD_TEXT, .max = 30, .help = "phone"},
    {0},
};
static const struct field allergy_fields[] = {
    {.name = "state", .type = FIELD_ENUM, .required = true, .choices = "none|yes|unknown", .help = "allergies known?"},
    {.name = "detail", .type = FIELD_TEXT, .max = 120, .help = "to what; required when yes"},
    {0},
};

#define PATIENT_MEMBERS                                                                                                     \
    {.name = "local_number", .type = FIELD_TEXT, .max = 40, .help = "number at this institution; made when absent"},       \
        {.name = "name", .type = FIELD_TEXT, .max = 40, .help = "name"},                                                   \
        {.name = "sex", .type = FIELD_ENUM, .choices = "male|female|unknown", .help = "sex"},                              \
        {.name = "birth_date", .type = FIELD_DATE, .help = "birth date"},                                                  \
        {.name = "estimated_age", .type = FIELD_INT, .min = 0, .max = 130, .help = "years, when the birth date is unknown"}, \
        {.name = "id_type", .type = FIELD_ENUM, .choices = IDENTITY_CHOICES, .help = "kind of identity document"},         \
        {.name = "id_no", .type = FIELD_TEXT, .max = 40, .help = "its number, in full"},                                   \
        {.name = "phone", .type = FIELD_TEXT, .max = 30, .help = "phone, in full"},                                        \
        {.name = "nationality", .type = FIELD_TEXT, .max = 20, .help = "ethnic group or nationality"},                     \
        {.name = "insurance_type", .type = FIELD_TEXT, .max = 20, .help = "kind of insurance"},                            \
        {.name = "insurance_no", .type = FIELD_TEXT, .max = 30, .help = "insurance number, in full"},                      \
        {.name = "address", .type = FIELD_TEXT, .max = 120, .help = "address"},                                            \
        {.name = "guardian", .type = FIELD_OBJECT, .of = guardian_fields, .help = "guardian of a child or ward"},          \
        {.name = "allergy", .type = FIELD_OBJECT, .of = allergy_fields, .help = "allergies"},                              \
    {                                                                                                                      \
        .name = "temporary", .type = FIELD_BOOL, .help = "unidentified: sex and an estimated age are enough"              \
    }

static const struct field create_args[] = {PATIENT_MEMBERS, {0}};
static const struct field update_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"},
    {.name = "version", .type = FIELD_INT, .min = 1, .max = INT32_MAX, .required = true, .help = "the version the page shows"},
    PATIENT_MEMBERS,
    {0},
};
static const struct field id_args[] = {{.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"}, {0}};
static const struct field search_args[] = {
    {.name = "q", .type = FIELD_TEXT, .required = true, .min = 1, .max = 60,
     .help = "identity number, phone, local number, name, pinyin or initials"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = SEARCH_LIMIT, .help = "default 20"},
    {0},
};
static const struct field timeline_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "one of the person's records"},
    {.name = "kind", .type = FIELD_TEXT, .max = 24, .help = "only entries of this kind"},
    {.name = "org_id", .type = FIELD_ID, .help = "only entries of this institution"},
    {.name = "from_ms", .type = FIELD_TIME, .help = "only from this time on"},
    {.name = "until_ms", .type = FIELD_TIME, .help = "only before this time"},
    {.name = "q", .type = FIELD_TEXT, .min = 1, .max = 60, .help = "only what says this: in title, value, conclusion, name or code; with the report it stands in"},
    {.name = "abnormal", .type = FIELD_BOOL, .help = "only values that are not normal, with their reports"},
    {.name = "item", .type = FIELD_TEXT, .min = 1, .max = 200, .help = "only values of this item: its `item`, or its title where it has none"},
    {.name = "after", .type = FIELD_TEXT, .max = 48, .help = "next of the page before"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = 500, .help = "default 500"},
    {0},
};
static const struct field attachment_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "as the timeline was asked for"},
    {.name = "attachment_id", .type = FIELD_TEXT, .required = true, .min = 1, .max = ATTACHMENT_ID_BYTES, .help = "as an entry of the timeline names it"},
    {0},
};
static const struct field report_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "the patient"},
    {.name = "other_id", .type = FIELD_ID, .required = true, .help = "the linked record that is somebody else's"},
    {.name = "note", .type = FIELD_TEXT, .required = true, .min = 2, .max = 500, .help = "why"},
    {0},
};

const struct op patient_ops[] = {
    {"patient.search", OP_READ, OP_PHI, "patient.read", search_args, patient_search, "Find patients of the acting institution"},
    {"patient.create", OP_WRITE, OP_PHI, "patient.write", create_args, patient_create, "Register a patient"},
    {"patient.get", OP_READ, OP_PHI, "patient.read", id_args, patient_get, "Read a patient, numbers masked"},
    {"patient.update", OP_WRITE, OP_PHI, "patient.write", update_args, patient_update, "Correct a patient"},
    {"patient.reveal", OP_WRITE, OP_PHI, "patient.read", patient_reveal_args, patient_reveal, "Show one number in full, with a reason"},
    {"patient.timeline", OP_READ, OP_PHI, "patient.read", timeline_args, patient_timeline,
     "What happened to a person, from every institution whose record is open to the actor, newest first"},
    {"patient.attachment", OP_READ, OP_PHI, "patient.read", attachment_args, patient_attachment, "Open what hangs on an entry of the timeline: a report as PDF, a picture, a document as text"},
    {"patient.report_link", OP_WRITE, OP_PHI, "patient.read", report_args, patient_report_link, "A linked record is not this patient's: tell the index steward"},
    {0},
};
