/* patient - local patients of an institution: their record, their numbers at rest, finding them, and who may see them.
 *
 * Every institution has its own record of a person (the MPI links them, clinical rows never move). Identity number, phone, insurance
 * number, address and guardian lie in one sealed column; blind indexes find the exact numbers, folded keys find local number,
 * name, pinyin and initials by exact and range scans. No full number leaves but by patient.reveal and, recorded alike, by patient_contact.
 * functions.md 33 (MPI preconditions), 4.2 (who sees a patient). Runs inside operations.
 */
#ifndef YL_RECORDS_PATIENT_PATIENT_H
#define YL_RECORDS_PATIENT_PATIENT_H

#include "records/ops/op.h"

extern const struct op patient_ops[]; /* patient.search create get update reveal timeline */

/* May the actor see this patient's record now? 0, ERR_NOT_FOUND, or ERR_DENIED with ctx->fault filled. Sets ctx->audit.patient. */
YL_CHECKED int patient_check_read(struct op_ctx *ctx, struct patient_id patient);
/* May he begin a case with it? As above, but not on the strength of another record of the person: a case would outlive that ground. */
YL_CHECKED int patient_check_case(struct op_ctx *ctx, struct patient_id patient);
/* And change it: only the institution that keeps it. */
YL_CHECKED int patient_check_write(struct op_ctx *ctx, struct patient_id patient);

/* {id, name, sex, age_text} for case lines; new reference, JSON null when there is no such patient. No access check: for callers
 * who have decided already. */
json_t *patient_brief(struct op_ctx *ctx, struct patient_id patient);
/* The *patient* object of docs/protocol/http.md, masked. As above. */
json_t *patient_object(struct op_ctx *ctx, struct patient_id patient);
/* The number under which a patient of the actor's own institution, or else the guardian, is called: a new reference, NULL when none is known or
 * another institution keeps the record. Kept in patient_reveal and said by the audit line (reveal=phone): it stands in full in what is made of it. */
YL_CHECKED int patient_contact(struct op_ctx *ctx, struct patient_id patient, json_t **phone);
#endif
