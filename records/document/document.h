/* document - attachments: what was uploaded or recorded, to which case or patient it belongs, who may see it.
 *
 * Bytes live in blobs (blob.h) through the documents service (documents.h); this module is the rows and the rules. A document is
 * never changed and never deleted: a withdrawn one leaves the view and stays in the record.
 * functions.md 36 (scan and interface paths end as the same object, with origin), 4.2. Runs inside operations.
 */
#ifndef YL_RECORDS_DOCUMENT_DOCUMENT_H
#define YL_RECORDS_DOCUMENT_DOCUMENT_H

#include "records/document/detect.h"
#include "records/document/documents.h"
#include "records/ops/op.h"

extern const struct op document_ops[]; /* upload.create status finish cancel, document.get open update withdraw */

#define DOCUMENT_CATEGORIES \
    "lab|imaging|ecg|pathology|ultrasound|referral|consent|photo|video|audio|record|signature|recording|other"

/* May the actor read this document now? 0, ERR_NOT_FOUND, ERR_GONE (withdrawn), ERR_DENIED. Sets ctx->audit.patient, .object. */
YL_CHECKED int document_check_read(struct op_ctx *ctx, struct document_id id);
/* The *document* object of docs/protocol/http.md; JSON null when there is none. No access check. */
json_t *document_object(struct op_ctx *ctx, struct document_id id);
/* All of a case that are not withdrawn and no recordings, oldest first; new array. No access check. */
json_t *documents_of_case(struct op_ctx *ctx, struct case_id id);
/* How many of a category a case has (completeness gates, consent files). */
int64_t documents_count(struct tx *tx, struct case_id id, const char *category);

/* ---- files that the daemon made itself (recordings) ----
 * Two parts, so that the writer never waits for the encryption of a long file:
 *   document_stage_*: outside any transaction, on a pool thread: encrypts the plain file at `path` into the store's staging area,
 *   in slices: begin, step until *whole, sha256 (of the plain bytes, hex), and drop after the import or on an error.
 *   records_document_import: inside a write operation: publishes what was staged and writes the row.
 * The caller removes the plain file after the commit. What was staged and never dropped is swept after a day. */
struct document_meta {
    struct case_id case_id;
    struct patient_id patient; /* filled from the case when .v is 0 */
    struct person_id by;       /* .v 0 = the system */
    struct org_id org;
    const char *name, *category, *source; /* source: "recording", "upload", "capture", "dicom" ... */
    int64_t taken_ms;
};
struct document_staging {
    uint64_t id; /* what records_document_import takes; 0 = nothing begun */
    uint64_t bytes, held;
    int fd;
};
YL_CHECKED int document_stage_begin(struct documents *d, const char *path, struct document_staging *s);
YL_CHECKED int document_stage_step(struct documents *d, struct document_staging *s, size_t limit, bool *whole);
YL_CHECKED int document_stage_sha256(struct documents *d, const struct document_staging *s, char out[65]);
/* One that is made and not read from a file: begun empty, added to, sealed. */
YL_CHECKED int document_stage_make(struct documents *d, struct document_staging *s);
YL_CHECKED int document_stage_add(struct documents *d, struct document_staging *s, const void *bytes, size_t len);
YL_CHECKED int document_stage_seal(struct documents *d, struct document_staging *s);
/* Closes and forgets; what was imported stays under its own name. Fine for one that was never begun. */
void document_stage_drop(struct documents *d, struct document_staging *s);
/* What the staged file is, by its content. */
YL_CHECKED int document_staged_type(struct op_ctx *ctx, uint64_t staged, const struct file_type **out);
YL_CHECKED int records_document_import(struct op_ctx *ctx, uint64_t staged, const struct document_meta *meta,
                                       struct document_id *out);

/* ---- background, called by records/background ---- */
struct thumbnail_batch {
    size_t n;
    struct {
        uint64_t document;
        char address[BLOB_ADDRESS_BYTES], type[24], thumbnail[BLOB_ADDRESS_BYTES]; /* thumbnail "" = none could be made */
        bool later; /* try again at the next start: the tool is missing or the disk failed */
    } items[4];
};
YL_CHECKED int document_thumbnails_due(struct tx *tx, struct thumbnail_batch *batch);
void document_thumbnails_make(struct documents *d, struct thumbnail_batch *batch); /* no transaction */
YL_CHECKED int document_thumbnails_record(struct tx *tx, const struct thumbnail_batch *batch);
/* Deletes upload files that are finished or abandoned, and their rows. */
YL_CHECKED int document_sweep(struct tx *tx, struct documents *d, int64_t now_ms);
#endif
