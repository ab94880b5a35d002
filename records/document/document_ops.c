/* Opening, renaming and withdrawing documents. */
#include "records/document/document_row.h"
#include "records/store/sealed.h"
#include "records/work/consultation.h"
#include <stdio.h>
#include <string.h>

/* What a reader gets: the type by content, never the declared one; what is not plainly safe is a download of unknown type. */
static void handle_of(const struct op_ctx *ctx, const struct document_row *row, bool thumbnail, bool download,
                      struct document_handle *h)
{
    const struct file_type *t = thumbnail ? file_type_find("jpeg") : file_type_find(row->type);
    memset(h, 0, sizeof *h);
    h->session = ctx->actor->session;
    h->bytes = row->bytes;
    h->inline_safe = t->safe && !download;
    snprintf(h->address, sizeof h->address, "%s", thumbnail ? row->thumbnail : row->blob);
    snprintf(h->content_type, sizeof h->content_type, "%s", t->content_type);
    snprintf(h->name, sizeof h->name, "%s", row->name);
}

static int open_row(struct op_ctx *ctx, const struct document_row *row, bool thumbnail, bool download, json_t **result)
{
    struct documents *d = records_parts(ctx->records)->documents;
    struct document_handle h;
    struct blob *b;
    char handle[DOCUMENT_HANDLE_BYTES], url[80];
    if (thumbnail && !row->thumbnail[0])
        return fault_set(ctx->fault, ERR_NOT_FOUND, "no_thumbnail", "This document has no thumbnail.");
    handle_of(ctx, row, thumbnail, download, &h);
    if (blob_open(documents_store(d), h.address, &b))
        return fault_set(ctx->fault, ERR_STORAGE, "blob", "The stored file cannot be read; tell the administrator.");
    h.bytes = blob_bytes(b);
    blob_close(b);
    int rc = documents_handle_make(d, &h, ctx->now_ms, handle);
    if (rc)
        return fault_set(ctx->fault, rc, "handles", "Too many documents are open now; try again in a moment.");
    snprintf(url, sizeof url, "/api/v1/blobs/%s", handle);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s", thumbnail ? "thumbnail" : download ? "download" : "view");
    *result = json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:b,s:I}", "handle", handle, "url", url, "bytes", (json_int_t)h.bytes, "content_type",
                        h.content_type, "sha256", thumbnail ? "" : row->sha256, "name", row->name, "inline", h.inline_safe,
                        "expires_ms", (json_int_t)(ctx->now_ms + DOCUMENT_HANDLE_MS));
    return 0;
}

static int document_open_op(struct op_ctx *ctx, json_t *args, json_t **result)
{
    bool thumbnail = json_is_true(json_object_get(args, "thumbnail")), download = json_is_true(json_object_get(args, "download"));
    uint64_t id = arg_id(args, "document_id");
    struct document_row row;
    int rc = document_check_read(ctx, (struct document_id){id});
    rc = rc ? rc : document_load(ctx, id, &row);
    return rc ? rc : open_row(ctx, &row, thumbnail, download, result);
}

/* For the person page: who manages people has no right to read documents, which are health data; this one is not. */
static int signature_open(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t person = arg_id(args, "person_id");
    struct document_row row;
    if (person != ctx->actor->person.v && !actor_may(ctx->records, ctx->actor, "person.manage"))
        return fault_set(ctx->fault, ERR_DENIED, "right", "Your role has no right to do this.");
    uint64_t id = (uint64_t)tx_int(ctx->tx, 0, "SELECT signature_document FROM person WHERE id=$1", "i", (int64_t)person);
    int rc = id ? document_load(ctx, id, &row) : fault_set(ctx->fault, ERR_NOT_FOUND, "no_signature", "There is no signature.");
    ctx->audit.object = person;
    return rc ? rc : open_row(ctx, &row, false, false, result);
}

/* For the printed opinion: the picture it was signed with, for who may read that opinion. */
static int case_signature_open(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "document_id");
    struct document_row row;
    int rc = consultation_check_signature(ctx, (struct case_id){arg_id(args, "case_id")}, id);
    rc = rc ? rc : document_load(ctx, id, &row);
    return rc ? rc : open_row(ctx, &row, false, false, result);
}

static int document_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct document_id id = {arg_id(args, "document_id")};
    int rc = document_check_read(ctx, id);
    if (rc == 0)
        *result = document_object(ctx, id);
    return rc ? rc : tx_error(ctx->tx);
}

/* Changing what it is called, and taking it out of the view: those who brought it in, that is its institution. */
static int check_change(struct op_ctx *ctx, uint64_t id, struct document_row *row)
{
    int rc = document_check_read(ctx, (struct document_id){id});
    rc = rc ? rc : document_load(ctx, id, row);
    if (rc)
        return rc;
    bool ours = row->by_person == ctx->actor->person.v || (row->org_id && row->org_id == ctx->actor->org.v);
    return ours ? 0 : fault_set(ctx->fault, ERR_DENIED, "other_institution", "Only the institution that added it changes it.");
}

static int document_update(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "document_id");
    struct document_row row;
    char name[256];
    int rc = check_change(ctx, id, &row);
    if (rc)
        return rc;
    document_name_clean(arg_text(args, "name") ? arg_text(args, "name") : row.name, name);
    const char *category = arg_text(args, "category") ? arg_text(args, "category") : row.category;
    if (strcmp(row.category, "recording") == 0 && strcmp(category, "recording") != 0)
        return fault_field(ctx->fault, "category", "recording_is_fixed");
    tx_exec(ctx->tx, "UPDATE document SET name=$1, category=$2 WHERE id=$3", "sti", SEALED(DOCUMENT_NAME, id, 0, name), category,
            (int64_t)id);
    if (json_is_integer(json_object_get(args, "taken_ms")))
        tx_exec(ctx->tx, "UPDATE document SET taken_ms=$1 WHERE id=$2", "ii", arg_int(args, "taken_ms", 0), (int64_t)id);
    *result = document_object(ctx, (struct document_id){id});
    return document_tell(ctx->tx, id, row.case_id);
}

static int document_withdraw(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "document_id");
    struct document_row row;
    int rc = check_change(ctx, id, &row);
    if (rc)
        return rc;
    if (strcmp(row.category, "recording") == 0)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "recording", "A sealed recording is not withdrawn.");
    tx_exec(ctx->tx, "UPDATE document SET withdrawn_ms=$1, withdrawn_by=$2, withdrawn_reason=$3 WHERE id=$4", "iisi", ctx->now_ms,
            (int64_t)ctx->actor->person.v, SEALED(DOCUMENT_WITHDRAWN, id, 0, arg_text(args, "reason")), (int64_t)id);
    *result = document_object(ctx, (struct document_id){id});
    return document_tell(ctx->tx, id, row.case_id);
}

static const struct field id_args[] = {{.name = "document_id", .type = FIELD_ID, .required = true, .help = "document"}, {0}};
static const struct field open_args[] = {
    {.name = "document_id", .type = FIELD_ID, .required = true, .help = "document"},
    {.name = "thumbnail", .type = FIELD_BOOL, .help = "the small picture instead"},
    {.name = "download", .type = FIELD_BOOL, .help = "to be saved, not shown"},
    {0},
};
static const struct field person_args[] = {{.name = "person_id", .type = FIELD_ID, .required = true, .help = "person"}, {0}};
static const struct field update_args[] = {
    {.name = "document_id", .type = FIELD_ID, .required = true, .help = "document"},
    {.name = "name", .type = FIELD_TEXT, .min = 1, .max = 250, .help = "file name"},
    {.name = "category", .type = FIELD_ENUM, .choices = DOCUMENT_CATEGORIES, .help = "what it is"},
    {.name = "taken_ms", .type = FIELD_TIME, .help = "when it was taken or written"},
    {0},
};
static const struct field case_signature_args[] = {
    {.name = "case_id", .type = FIELD_ID, .required = true, .help = "case"},
    {.name = "document_id", .type = FIELD_ID, .required = true, .help = "as the opinion names it"},
    {0},
};
static const struct field withdraw_args[] = {
    {.name = "document_id", .type = FIELD_ID, .required = true, .help = "document"},
    {.name = "reason", .type = FIELD_TEXT, .required = true, .min = 2, .max = 200, .help = "why"},
    {0},
};

const struct op document_ops[] = {
    {"upload.create", OP_WRITE, OP_PHI, "self", upload_create_args, upload_create, "Begin a resumable upload"},
    {"upload.status", OP_READ, OP_NO_IDLE, "self", upload_id_args, upload_status, "How many bytes of an upload are held"},
    {"upload.finish", OP_WRITE, OP_PHI, "self", upload_finish_args, upload_finish, "Make a complete upload a document"},
    {"upload.cancel", OP_WRITE, 0, "self", upload_id_args, upload_cancel, "Give an upload up"},
    {"document.get", OP_READ, OP_PHI, "document.read", id_args, document_get, "A document's description"},
    {"document.open", OP_READ, OP_PHI, "document.read", open_args, document_open_op, "A handle to read a document's bytes"},
    {"person.signature_open", OP_READ, OP_PHI, "self", person_args, signature_open, "A handle to see the image of a signature"},
    {"case.signature_open", OP_READ, OP_PHI, "case.read", case_signature_args, case_signature_open,
     "A handle to see the picture an opinion was signed with"},
    {"document.update", OP_WRITE, OP_PHI, "document.write", update_args, document_update, "Rename or re-sort a document"},
    {"document.withdraw", OP_WRITE, OP_PHI, "document.write", withdraw_args, document_withdraw, "Take a document out of the view"},
    {0},
};
