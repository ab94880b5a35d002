/* document_row - helpers shared by the document operations. Private to records/document. */
#ifndef YL_RECORDS_DOCUMENT_DOCUMENT_ROW_H
#define YL_RECORDS_DOCUMENT_DOCUMENT_ROW_H

#include "records/document/detect.h"
#include "records/document/document.h"
#include "records/parts.h"

struct document_row {
    uint64_t id, case_id, patient_id, person_id, org_id, by_person;
    char name[256], category[16], type[24], blob[BLOB_ADDRESS_BYTES], thumbnail[BLOB_ADDRESS_BYTES], sha256[65];
    uint64_t bytes;
    int64_t withdrawn_ms;
};
YL_CHECKED int document_load(struct op_ctx *ctx, uint64_t id, struct document_row *out);

/* A file's name as a person may have typed it: no folders, no control characters, no reserved signs, at most 120 characters; never
 * empty. */
void document_name_clean(const char *name, char out[256]);

/* Tells the change feed that a document is new or changed: {document_id, case_id|null}, nothing of its content. */
YL_CHECKED int document_tell(struct tx *tx, uint64_t id, uint64_t case_id);

/* Inserts the row of a published blob, tells the change feed. */
YL_CHECKED int document_insert(struct op_ctx *ctx, uint64_t id, const struct document_meta *meta, const struct upload_done *done,
                               uint64_t person_target);

/* upload operations (upload_ops.c), listed in document_ops.c */
extern const struct field upload_create_args[], upload_id_args[], upload_finish_args[];
int upload_create(struct op_ctx *ctx, json_t *args, json_t **result);
int upload_status(struct op_ctx *ctx, json_t *args, json_t **result);
int upload_finish(struct op_ctx *ctx, json_t *args, json_t **result);
int upload_cancel(struct op_ctx *ctx, json_t *args, json_t **result);
#endif
