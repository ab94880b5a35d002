/* patient_row - one row of the patient table in memory, opened and sealed. Private to records/patient. */
#ifndef YL_RECORDS_PATIENT_PATIENT_ROW_H
#define YL_RECORDS_PATIENT_PATIENT_ROW_H

#include "records/parts.h"
#include "records/patient/identity.h"
#include "records/patient/patient.h"

#define PATIENT_ZONE_MIN 480
#define SEARCH_LIMIT 50

/* What nobody but its reader sees: written only into the sealed column. Wiped by patient_row_wipe. */
struct patient_private {
    char id_no[IDENTITY_NUMBER_BYTES], phone[24], insurance_no[IDENTITY_NUMBER_BYTES];
    char address[488];
    char guardian_name[168], guardian_relation[88], guardian_phone[24];
    char allergy_detail[488];
};

struct patient_row {
    uint64_t id, org_id, created_by;
    char local_number[168], name[168], pinyin[128], birth_date[11]; /* four bytes for each character the schema lets in */
    char sex[8], id_type[20], nationality[88], insurance_type[88], allergy_state[8];
    bool temporary, birth_estimated;
    int64_t version, created_ms;
    struct patient_private secret;
};

/* ERR_NOT_FOUND when there is none; ERR_STORAGE when the sealed column does not open. */
YL_CHECKED int patient_load(struct op_ctx *ctx, uint64_t id, struct patient_row *out);
/* Only what the index compares. */
YL_CHECKED int patient_load_to_match(struct op_ctx *ctx, uint64_t id, struct patient_row *out);
/* From the current row of a query over "SELECT p.* FROM patient p". */
YL_CHECKED int patient_from_query(struct op_ctx *ctx, struct query *q, struct patient_row *out);
/* Inserts the row and its keys, or changes them from `before`, which is how they stand (NULL = they do not). version is written as it is. */
YL_CHECKED int patient_store(struct op_ctx *ctx, const struct patient_row *row, const struct patient_row *before);
void patient_row_wipe(struct patient_row *row);

/* The *patient* object, the shorter line of lists; masked; new references. */
json_t *patient_row_json(struct op_ctx *ctx, const struct patient_row *row);
json_t *patient_line_json(struct op_ctx *ctx, const struct patient_row *row);

/* Takes the members that are present into *row, checking each; faults name the field. `fresh`: a new patient, so the mandatory ones
 * must be there. */
YL_CHECKED int patient_apply(struct op_ctx *ctx, const json_t *args, bool fresh, struct patient_row *row);

/* Gives one number in full and keeps who saw it and why; the caller has decided that he may. */
YL_CHECKED int patient_reveal_number(struct op_ctx *ctx, uint64_t id, const char *what, const char *reason, json_t **result);
extern const struct field patient_reveal_args[]; /* of the operations that call it */
/* Patients by what was typed into one box, of one institution or (org 0) of all; how many. Errors stick to the transaction. */
size_t patient_look_up(struct op_ctx *ctx, uint64_t org, const char *typed, uint64_t *ids, size_t limit);

/* Patients by a row of patient_key: the newest first, those of a beginning in the order of their keys. org 0 = of all institutions. Errors stick to the transaction. */
struct patient_key_asked {
    int64_t org;
    const char *kind, *key;
    bool beginning;
};
size_t patient_key_find(struct tx *tx, const struct patient_key_asked *asked, uint64_t *out, size_t cap);

/* operations in patient_find.c */
int patient_search(struct op_ctx *ctx, json_t *args, json_t **result);
/* Patients of this institution with the same identity number: its id, 0 = none. */
uint64_t patient_same_identity(struct op_ctx *ctx, uint64_t org, const char *id_no, uint64_t except);
/* ... with the same name, sex and birth date but another record; appended as lines. */
int patient_similar(struct op_ctx *ctx, const struct patient_row *row, json_t *lines);
#endif
