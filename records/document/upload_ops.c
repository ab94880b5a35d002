/* Uploads: who may begin one, where it stands, and its end as a document. The bytes themselves come by records/document/bytes.c. */
#include "records/document/capture.h"
#include "records/document/document_row.h"
#include "records/health/health.h"
#include "records/patient/patient.h"
#include "records/store/sealed.h"
#include "records/work/consultation.h"
#include "server/base/text.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PERSONAL_BYTES_MAX (1 << 20)

struct upload_row {
    uint64_t id, by_person, org_id, case_id, patient_id, person_id, document_id;
    int64_t taken_ms;
    char name[256], category[16], sha256[65], source[16];
};

/* Own uploads only: an id alone gives nothing. */
static int upload_load(struct op_ctx *ctx, uint64_t id, struct upload_row *out)
{
    memset(out, 0, sizeof *out);
    struct query *q = tx_query(ctx->tx, "SELECT * FROM upload WHERE id=$1 AND by_person=$2", "ii", (int64_t)id,
                               (int64_t)ctx->actor->person.v);
    if (query_next(q)) {
        out->id = id;
        out->by_person = (uint64_t)query_int(q, "by_person");
        out->org_id = (uint64_t)query_int(q, "org_id");
        out->case_id = (uint64_t)query_int(q, "case_id");
        out->patient_id = (uint64_t)query_int(q, "patient_id");
        out->person_id = (uint64_t)query_int(q, "person_id");
        out->document_id = (uint64_t)query_int(q, "document_id");
        out->taken_ms = query_int(q, "taken_ms");
        TEXT_COPY(out->name, query_sealed(q, "name", SEALED_UPLOAD_NAME, id, 0));
        TEXT_COPY(out->category, query_text(q, "category"));
        TEXT_COPY(out->sha256, query_text(q, "sha256"));
        TEXT_COPY(out->source, query_text(q, "source"));
    }
    int rc = query_end(q);
    if (rc)
        return rc;
    return out->id ? 0 : fault_set(ctx->fault, ERR_GONE, "upload_gone", "This upload is over or not yours; begin again.");
}

/* The picture of a signature: from its owner, or from who manages people. It is no health data. */
static int check_personal(struct op_ctx *ctx, const json_t *args, uint64_t person)
{
    if (person != ctx->actor->person.v && !actor_may(ctx->records, ctx->actor, "person.manage"))
        return fault_set(ctx->fault, ERR_DENIED, "not_yourself", "Personal files are uploaded by their owner.");
    if (strcmp(arg_text(args, "category"), "signature"))
        return fault_field(ctx->fault, "category", "only_a_signature");
    return arg_int(args, "bytes", 0) > PERSONAL_BYTES_MAX ? fault_field(ctx->fault, "bytes", "too_large:%d", PERSONAL_BYTES_MAX) : 0;
}

static int check_target(struct op_ctx *ctx, const json_t *args)
{
    uint64_t to_case = arg_id(args, "case_id"), patient = arg_id(args, "patient_id"), person = arg_id(args, "person_id");
    struct case_id bound;
    int rc = capture_case(ctx, &bound);
    if (rc)
        return rc;
    if (bound.v && bound.v != to_case)
        return fault_set(ctx->fault, ERR_DENIED, "other_case", "This phone may only add to the case of its code.");
    if (!!to_case + !!patient + !!person != 1)
        return fault_field(ctx->fault, "case_id", "exactly_one_of:case_id,patient_id,person_id");
    if (person)
        return check_personal(ctx, args, person);
    if (!actor_may(ctx->records, ctx->actor, "document.write"))
        return fault_set(ctx->fault, ERR_DENIED, "right", "Your role has no right to do this.");
    if (to_case)
        return consultation_check_write(ctx, (struct case_id){to_case});
    return patient_check_write(ctx, (struct patient_id){patient});
}

static int check_limits(struct op_ctx *ctx, const json_t *args)
{
    int64_t open = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM upload WHERE by_person=$1 AND document_id=0 AND created_ms>$2", "ii",
                          (int64_t)ctx->actor->person.v, ctx->now_ms - UPLOAD_IDLE_MS);
    const char *sha = arg_text(args, "sha256");
    if (open >= UPLOADS_PER_PERSON)
        return fault_set(ctx->fault, ERR_RATE, "too_many_uploads", "Finish or cancel other uploads first.");
    if (sha && (strlen(sha) != 64 || strspn(sha, "0123456789abcdefABCDEF") != 64))
        return fault_field(ctx->fault, "sha256", "not_64_hex_digits");
    return tx_error(ctx->tx);
}

/* Where it came from, kept with the document for good. */
static const char *source_of(struct op_ctx *ctx)
{
    struct case_id bound;
    return capture_case(ctx, &bound) == 0 && bound.v ? "capture" : "upload";
}

int upload_create(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct documents *d = records_parts(ctx->records)->documents;
    uint64_t id = id_new();
    int64_t bytes = arg_int(args, "bytes", 0);
    char name[256];
    int rc = check_target(ctx, args);
    rc = rc ? rc : check_limits(ctx, args);
    if (rc)
        return rc;
    if (health_is_full(records_parts(ctx->records)->health))
        return fault_set(ctx->fault, ERR_STORAGE, "disk_full", "The server's disk is nearly full: no files are taken until there is room again.");
    document_name_clean(arg_text(args, "name"), name);
    rc = documents_upload_create(d, id, (uint64_t)bytes);
    if (rc)
        return fault_set(ctx->fault, rc, "upload", rc == ERR_TOO_LARGE ? "The file is too large." : "The store takes no upload now.");
    tx_exec(ctx->tx,
            "INSERT INTO upload (id, by_person, org_id, case_id, patient_id, person_id, name, category, declared_type, bytes, taken_ms, "
            "sha256, source, created_ms, document_id) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,0)",
            "iiiiiisttiitti", (int64_t)id, (int64_t)ctx->actor->person.v, (int64_t)ctx->actor->org.v,
            (int64_t)arg_id(args, "case_id"), (int64_t)arg_id(args, "patient_id"), (int64_t)arg_id(args, "person_id"),
            SEALED(UPLOAD_NAME, id, 0, name),
            arg_text(args, "category"), arg_text(args, "content_type"), bytes, arg_int(args, "taken_ms", 0),
            arg_text(args, "sha256"), source_of(ctx), ctx->now_ms);
    ctx->audit.object = id;
    *result = json_pack("{s:o,s:I,s:I,s:I}", "upload_id", json_id(id), "offset", (json_int_t)0, "bytes", (json_int_t)bytes,
                        "chunk_bytes", (json_int_t)UPLOAD_CHUNK_BYTES);
    if (tx_error(ctx->tx))
        documents_upload_drop(d, id);
    return tx_error(ctx->tx);
}

int upload_status(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct upload_row row;
    uint64_t held = 0;
    int rc = upload_load(ctx, arg_id(args, "upload_id"), &row);
    if (rc)
        return rc;
    rc = row.document_id ? 0 : documents_upload_held(records_parts(ctx->records)->documents, row.id, &held);
    if (row.document_id)
        held = (uint64_t)tx_int(ctx->tx, 0, "SELECT bytes FROM upload WHERE id=$1", "i", (int64_t)row.id);
    if (rc)
        return fault_set(ctx->fault, rc, "upload_gone", "This upload is over; begin again.");
    *result = json_pack("{s:o,s:I,s:o}", "upload_id", json_id(row.id), "offset", (json_int_t)held, "document_id",
                        json_id(row.document_id));
    return 0;
}

/* The hash the sender computed, given at the beginning or at the end, must be the one that arrived. */
static int check_hash(struct op_ctx *ctx, const char *claimed, const struct upload_done *done)
{
    char sha[2 * SHA256_BYTES + 1];
    if (!claimed || !claimed[0])
        return 0;
    if (hex_encode(done->sha256, SHA256_BYTES, sha, sizeof sha) < 0)
        return ERR_INTERNAL;
    return strcasecmp(claimed, sha) == 0 ? 0 : fault_field(ctx->fault, "sha256", "differs:%s", sha);
}

static int finish_new(struct op_ctx *ctx, const json_t *args, const struct upload_row *row, uint64_t id)
{
    struct documents *d = records_parts(ctx->records)->documents;
    struct upload_done done;
    int rc = documents_upload_done(d, row->id, false, &done);
    if (rc == ERR_NOT_ALLOWED_NOW)
        return fault_set(ctx->fault, rc, "bytes_missing", "Not all bytes have arrived.");
    if (rc)
        return fault_set(ctx->fault, rc, "upload_gone", "This upload is over; begin again.");
    rc = check_hash(ctx, row->sha256, &done);
    rc = rc ? rc : check_hash(ctx, arg_text(args, "sha256"), &done);
    if (rc == 0 && documents_upload_done(d, row->id, true, &done))
        rc = fault_set(ctx->fault, ERR_STORAGE, "publish", "The file could not be stored.");
    struct document_meta meta = {{row->case_id}, {row->patient_id}, ctx->actor->person, {row->org_id}, row->name, row->category,
                                 row->source, row->taken_ms};
    rc = rc ? rc : document_insert(ctx, id, &meta, &done, row->person_id);
    if (rc)
        return rc;
    return tx_exec(ctx->tx, "UPDATE upload SET document_id=$1 WHERE id=$2", "ii", (int64_t)id, (int64_t)row->id);
}

/* Since it was begun the case may have been closed, the role taken away. */
static int check_still(struct op_ctx *ctx, const struct upload_row *row)
{
    if (row->person_id)
        return 0;
    if (!actor_may(ctx->records, ctx->actor, "document.write"))
        return fault_set(ctx->fault, ERR_DENIED, "right", "Your role has no right to do this.");
    return row->case_id ? consultation_check_write(ctx, (struct case_id){row->case_id}) : patient_check_write(ctx, (struct patient_id){row->patient_id});
}

/* Finishing twice gives the same document: the answer may have been lost on the way. */
int upload_finish(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct upload_row row;
    int rc = upload_load(ctx, arg_id(args, "upload_id"), &row);
    if (rc)
        return rc;
    uint64_t id = row.document_id ? row.document_id : id_new();
    if (!row.document_id) {
        rc = check_still(ctx, &row);
        rc = rc ? rc : finish_new(ctx, args, &row, id);
    }
    if (rc)
        return rc;
    *result = document_object(ctx, (struct document_id){id});
    return tx_error(ctx->tx);
}

int upload_cancel(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct upload_row row;
    int rc = upload_load(ctx, arg_id(args, "upload_id"), &row);
    if (rc)
        return rc;
    if (row.document_id)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "finished", "This upload is a document already; withdraw that.");
    tx_exec(ctx->tx, "DELETE FROM upload WHERE id=$1", "i", (int64_t)row.id);
    if (tx_error(ctx->tx) == 0)
        documents_upload_drop(records_parts(ctx->records)->documents, row.id);
    return tx_error(ctx->tx);
}

const struct field upload_create_args[] = {
    {.name = "case_id", .type = FIELD_ID, .help = "belongs to this case, or ..."},
    {.name = "patient_id", .type = FIELD_ID, .help = "to this patient, or ..."},
    {.name = "person_id", .type = FIELD_ID, .help = "to a person (signature image): oneself, or any for who manages people"},
    {.name = "name", .type = FIELD_TEXT, .required = true, .min = 1, .max = 250, .help = "file name"},
    {.name = "bytes", .type = FIELD_INT, .required = true, .min = 1, .max = (int64_t)UPLOAD_BYTES_MAX, .help = "length"},
    {.name = "content_type", .type = FIELD_TEXT, .max = 120, .help = "as the browser says; not believed"},
    {.name = "category", .type = FIELD_ENUM, .required = true, .choices = DOCUMENT_CATEGORIES, .help = "what it is"},
    {.name = "taken_ms", .type = FIELD_TIME, .help = "when it was taken or written"},
    {.name = "sha256", .type = FIELD_TEXT, .max = 64, .help = "hash of the whole file, if known"},
    {0},
};
const struct field upload_id_args[] = {{.name = "upload_id", .type = FIELD_ID, .required = true, .help = "upload"}, {0}};
const struct field upload_finish_args[] = {
    {.name = "upload_id", .type = FIELD_ID, .required = true, .help = "upload"},
    {.name = "sha256", .type = FIELD_TEXT, .max = 64, .help = "hash of the whole file; checked"},
    {0},
};
