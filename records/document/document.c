/* Document rows: objects, access, and files the daemon made itself. */
#include "records/document/document_row.h"
#include "records/document/thumbnail.h"
#include "records/patient/patient.h"
#include "records/store/sealed.h"
#include "records/patient/mask.h"
#include "records/work/consultation.h"
#include "server/base/text.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int document_load(struct op_ctx *ctx, uint64_t id, struct document_row *out)
{
    memset(out, 0, sizeof *out);
    struct query *q = tx_query(ctx->tx, "SELECT * FROM document WHERE id=$1", "i", (int64_t)id);
    if (query_next(q)) {
        out->id = id;
        out->case_id = (uint64_t)query_int(q, "case_id");
        out->patient_id = (uint64_t)query_int(q, "patient_id");
        out->person_id = (uint64_t)query_int(q, "person_id");
        out->org_id = (uint64_t)query_int(q, "org_id");
        out->by_person = (uint64_t)query_int(q, "by_person");
        out->bytes = (uint64_t)query_int(q, "bytes");
        out->withdrawn_ms = query_int(q, "withdrawn_ms");
        TEXT_COPY(out->name, query_sealed(q, "name", SEALED_DOCUMENT_NAME, id, 0));
        TEXT_COPY(out->category, query_text(q, "category"));
        TEXT_COPY(out->type, query_text(q, "type"));
        TEXT_COPY(out->blob, query_text(q, "blob"));
        TEXT_COPY(out->thumbnail, query_text(q, "thumbnail"));
        TEXT_COPY(out->sha256, query_text(q, "sha256"));
    }
    int rc = query_end(q);
    if (rc)
        return rc;
    return out->id ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such document.");
}

/* ---- objects ---- */

#define DOCUMENT_SELECT                                                                                                     \
    "SELECT d.*, p.name AS by_name, o.name AS org_name FROM document d LEFT JOIN person p ON p.id=d.by_person "            \
    "LEFT JOIN org o ON o.id=d.org_id "

static json_t *ref(uint64_t id, const char *name)
{
    return id ? json_pack("{s:o,s:s?}", "id", json_id(id), "name", name) : json_null();
}

static json_t *row_json(struct query *q)
{
    const struct file_type *t = file_type_find(query_text(q, "type"));
    const char *thumbnail = query_text(q, "thumbnail");
    int64_t taken = query_int(q, "taken_ms");
    return json_pack("{s:o,s:o,s:o,s:s?,s:s?,s:s,s:s,s:s,s:I,s:s?,s:o,s:I,s:o,s:o,s:s?,s:b,s:b}", "id",
                     json_id((uint64_t)query_int(q, "id")), "case_id", json_id((uint64_t)query_int(q, "case_id")), "patient_id",
                     json_id((uint64_t)query_int(q, "patient_id")), "name",
                     query_sealed(q, "name", SEALED_DOCUMENT_NAME, (uint64_t)query_int(q, "id"), 0), "category",
                     query_text(q, "category"), "kind", t->kind, "type", t->name, "content_type", t->content_type, "bytes",
                     (json_int_t)query_int(q, "bytes"), "sha256", query_text(q, "sha256"), "taken_ms",
                     taken ? json_integer(taken) : json_null(), "uploaded_ms", (json_int_t)query_int(q, "uploaded_ms"), "by",
                     ref((uint64_t)query_int(q, "by_person"), query_text(q, "by_name")), "org",
                     ref((uint64_t)query_int(q, "org_id"), query_text(q, "org_name")), "source", query_text(q, "source"),
                     "has_thumbnail", thumbnail && thumbnail[0], "withdrawn", query_int(q, "withdrawn_ms") != 0);
}

json_t *document_object(struct op_ctx *ctx, struct document_id id)
{
    json_t *o = NULL;
    struct query *q = tx_query(ctx->tx, DOCUMENT_SELECT "WHERE d.id=$1", "i", (int64_t)id.v);
    if (query_next(q))
        o = row_json(q);
    return query_end(q) || !o ? json_null() : o;
}

json_t *documents_of_case(struct op_ctx *ctx, struct case_id id)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, DOCUMENT_SELECT "WHERE d.case_id=$1 AND d.withdrawn_ms=0 AND d.source<>'recording' "
                               "ORDER BY d.uploaded_ms, d.id",
                               "i", (int64_t)id.v);
    while (query_next(q))
        json_array_append_new(items, row_json(q));
    if (query_end(q))
        json_array_clear(items);
    return items;
}

int64_t documents_count(struct tx *tx, struct case_id id, const char *category)
{
    return tx_int(tx, 0, "SELECT COUNT(*) AS n FROM document WHERE case_id=$1 AND category=$2 AND withdrawn_ms=0", "it",
                  (int64_t)id.v, category);
}

/* ---- access ---- */

/* Open with the patient's record, if the reader's role reaches what kind of disease it is about. */
static int check_through_patient(struct op_ctx *ctx, const struct document_row *row)
{
    enum share_basis basis;
    int rc = patient_check_read(ctx, (struct patient_id){row->patient_id});
    rc = rc ? rc : sharing_basis(ctx, row->patient_id, &basis);
    if (rc || ctx->actor->system)
        return rc;
    json_t *codes = row->case_id ? consultation_codes(ctx, (struct case_id){row->case_id}) : NULL;
    int level = mask_entry_level(ctx, codes);
    json_decref(codes);
    return level <= mask_clearance(ctx, basis) ? 0 : fault_set(ctx->fault, ERR_DENIED, "masked", "Your role does not reach this document on this ground.");
}

/* Through the case it belongs to; else through the patient; a personal file (signature image) is its owner's. */
static int check_row(struct op_ctx *ctx, const struct document_row *row)
{
    int rc = ERR_DENIED;
    if (row->case_id) {
        rc = consultation_check_read(ctx, (struct case_id){row->case_id});
        if (rc != ERR_DENIED || !row->patient_id || strcmp(row->category, "recording") == 0)
            return rc; /* what was said in a session is for those who take part in the case */
        fault_clear(ctx->fault);
    }
    if (row->patient_id)
        return check_through_patient(ctx, row);
    if (row->person_id && row->person_id == ctx->actor->person.v)
        return 0;
    return fault_set(ctx->fault, ERR_DENIED, "not_your_document", "This document is not open to you.");
}

int document_check_read(struct op_ctx *ctx, struct document_id id)
{
    struct document_row row;
    int rc = document_load(ctx, id.v, &row);
    rc = rc ? rc : check_row(ctx, &row);
    ctx->audit.object = id.v;
    if (rc == 0 && row.withdrawn_ms)
        rc = fault_set(ctx->fault, ERR_GONE, "withdrawn", "This document was withdrawn.");
    return rc;
}

/* ---- rows ---- */

int document_tell(struct tx *tx, uint64_t id, uint64_t case_id)
{
    char key[ID_TEXT_BYTES], in[ID_TEXT_BYTES], payload[96];
    id_format(id, key);
    id_format(case_id, in);
    if (case_id)
        snprintf(payload, sizeof payload, "{\"document_id\":\"%s\",\"case_id\":\"%s\"}", key, in);
    else
        snprintf(payload, sizeof payload, "{\"document_id\":\"%s\",\"case_id\":null}", key);
    return tx_feed(tx, "document", key, payload);
}

int document_insert(struct op_ctx *ctx, uint64_t id, const struct document_meta *meta, const struct upload_done *done,
                    uint64_t person_target)
{
    char name[256], sha[2 * SHA256_BYTES + 1];
    uint64_t patient = meta->patient.v;
    bool picture = thumbnail_possible(file_type_find(done->type), done->bytes);
    document_name_clean(meta->name, name);
    if (hex_encode(done->sha256, SHA256_BYTES, sha, sizeof sha) < 0)
        return ERR_INTERNAL;
    if (!patient && meta->case_id.v)
        patient = consultation_patient(ctx->tx, meta->case_id).v;
    tx_exec(ctx->tx,
            "INSERT INTO document (id, case_id, patient_id, person_id, org_id, by_person, name, category, type, bytes, sha256, blob, "
            "thumb_state, taken_ms, uploaded_ms, source, withdrawn_ms, study_uid) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,0,$17)",
            "iiiiiisttittiiitt", (int64_t)id, (int64_t)meta->case_id.v, (int64_t)patient, (int64_t)person_target,
            (int64_t)meta->org.v, (int64_t)meta->by.v, SEALED(DOCUMENT_NAME, id, 0, name), meta->category, done->type, (int64_t)done->bytes, sha, done->address,
            (int64_t)(picture ? 0 : 2), meta->taken_ms, ctx->now_ms, meta->source, done->study_uid);
    ctx->audit.object = id;
    ctx->audit.patient = patient;
    return document_tell(ctx->tx, id, meta->case_id.v);
}

/* ---- files the daemon made ---- */

int document_stage_begin(struct documents *d, const char *path, struct document_staging *s)
{
    struct stat st;
    uint64_t id = id_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = ERR_STORAGE;
    memset(s, 0, sizeof *s);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        rc = documents_upload_create(d, id, (uint64_t)st.st_size);
    if (rc == 0)
        *s = (struct document_staging){id, (uint64_t)st.st_size, 0, fd};
    else if (fd >= 0)
        close(fd);
    return rc;
}

int document_stage_step(struct documents *d, struct document_staging *s, size_t limit, bool *whole)
{
    uint64_t until = s->held + limit;
    uint8_t *data = malloc(UPLOAD_CHUNK_BYTES);
    int rc = data ? 0 : ERR_UNAVAILABLE;
    while (rc == 0 && s->held < s->bytes && s->held < until) {
        ssize_t n = pread(s->fd, data, UPLOAD_CHUNK_BYTES, (off_t)s->held);
        /* a file that shrinks or grows while it is staged was not finished */
        rc = n <= 0 ? ERR_STORAGE : documents_upload_append(d, s->id, s->held, data, (size_t)n, &s->held);
    }
    free(data);
    *whole = s->held == s->bytes;
    return rc;
}

int document_stage_sha256(struct documents *d, const struct document_staging *s, char out[65])
{
    struct upload_done done;
    int rc = documents_upload_done(d, s->id, false, &done);
    return rc ? rc : hex_encode(done.sha256, SHA256_BYTES, out, 65) < 0 ? ERR_INTERNAL : 0;
}

int document_stage_make(struct documents *d, struct document_staging *s)
{
    *s = (struct document_staging){.id = id_new(), .fd = -1};
    int rc = documents_upload_create(d, s->id, UPLOAD_BYTES_MAX);
    if (rc)
        s->id = 0;
    return rc;
}

int document_stage_add(struct documents *d, struct document_staging *s, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    int rc = 0;
    while (rc == 0 && len) {
        size_t n = len < UPLOAD_CHUNK_BYTES ? len : UPLOAD_CHUNK_BYTES;
        rc = documents_upload_append(d, s->id, s->held, p, n, &s->held);
        p += n;
        len -= n;
    }
    return rc;
}

int document_stage_seal(struct documents *d, struct document_staging *s)
{
    s->bytes = s->held;
    return documents_upload_seal(d, s->id);
}

void document_stage_drop(struct documents *d, struct document_staging *s)
{
    if (!s->id)
        return;
    if (s->fd >= 0)
        close(s->fd);
    documents_upload_drop(d, s->id);
    memset(s, 0, sizeof *s);
}

int document_staged_type(struct op_ctx *ctx, uint64_t staged, const struct file_type **out)
{
    struct upload_done done;
    int rc = documents_upload_done(records_parts(ctx->records)->documents, staged, false, &done);
    *out = file_type_find(rc ? NULL : done.type);
    return rc ? fault_set(ctx->fault, rc, "staged", "The staged file cannot be taken.") : 0;
}

int records_document_import(struct op_ctx *ctx, uint64_t staged, const struct document_meta *meta, struct document_id *out)
{
    struct upload_done done;
    uint64_t id = id_new();
    int rc = documents_upload_done(records_parts(ctx->records)->documents, staged, true, &done);
    if (rc)
        return fault_set(ctx->fault, rc, "staged", "The staged file cannot be taken.");
    rc = document_insert(ctx, id, meta, &done, 0);
    out->v = id;
    return rc;
}

/* ---- background ---- */

int document_thumbnails_due(struct tx *tx, struct thumbnail_batch *batch)
{
    batch->n = 0;
    struct query *q = tx_query(tx, "SELECT id, blob, type FROM document WHERE thumb_state=0 ORDER BY id LIMIT 4", "");
    while (batch->n < 4 && query_next(q)) {
        memset(&batch->items[batch->n], 0, sizeof batch->items[0]);
        batch->items[batch->n].document = (uint64_t)query_int(q, "id");
        TEXT_COPY(batch->items[batch->n].address, query_text(q, "blob"));
        TEXT_COPY(batch->items[batch->n].type, query_text(q, "type"));
        batch->n++;
    }
    return query_end(q);
}

void document_thumbnails_make(struct documents *d, struct thumbnail_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        int rc = thumbnail_make(documents_store(d), batch->items[i].address, file_type_find(batch->items[i].type),
                                batch->items[i].thumbnail);
        if (rc)
            batch->items[i].thumbnail[0] = 0;
        batch->items[i].later = rc == ERR_NOT_FOUND || rc == ERR_UNAVAILABLE;
    }
}

int document_thumbnails_record(struct tx *tx, const struct thumbnail_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        int64_t document = (int64_t)batch->items[i].document;
        const char *thumbnail = batch->items[i].thumbnail;
        /* 1 = made, 2 = cannot be, 3 = the tool was missing: asked again after a restart */
        tx_exec(tx, "UPDATE document SET thumbnail=$1, thumb_state=$2 WHERE id=$3", "tii", thumbnail[0] ? thumbnail : NULL,
                (int64_t)(thumbnail[0] ? 1 : batch->items[i].later ? 3 : 2), document);
        uint64_t in = thumbnail[0] ? (uint64_t)tx_int(tx, 0, "SELECT case_id FROM document WHERE id=$1", "i", document) : 0;
        int rc = thumbnail[0] ? document_tell(tx, (uint64_t)document, in) : 0;
        if (rc)
            return rc;
    }
    return tx_error(tx);
}

struct sweep {
    struct tx *tx;
    struct documents *documents;
    int64_t now_ms;
};

/* An upload file is kept while its row waits for more bytes; a finished one's bytes live on under the blob's name. */
static void sweep_one(void *ctx, uint64_t id, int64_t written_ms)
{
    struct sweep *s = ctx;
    int64_t finished = tx_int(s->tx, -1, "SELECT CASE WHEN document_id<>0 THEN 1 ELSE 0 END AS f FROM upload WHERE id=$1", "i", (int64_t)id);
    if (tx_error(s->tx))
        return;
    if (finished == 1 || s->now_ms - written_ms > UPLOAD_IDLE_MS) {
        documents_upload_drop(s->documents, id);
        if (finished == 0)
            tx_exec(s->tx, "DELETE FROM upload WHERE id=$1", "i", (int64_t)id);
    }
}

int document_sweep(struct tx *tx, struct documents *d, int64_t now_ms)
{
    struct sweep s = {tx, d, now_ms};
    blob_files_list(documents_store(d), sweep_one, &s);
    tx_exec(tx, "DELETE FROM upload WHERE document_id<>0 AND created_ms<$1", "i", now_ms - 7 * 24 * 3600000ll);
    return tx_error(tx);
}
