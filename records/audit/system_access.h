/* system_access - which systems read of a patient: lines of the audit that machines left (FHIR clients, PIX and PDQ questions, what subscribers were sent), counted by patient, system,
 * act and day.
 *
 * A line for every read of a machine goes into no index of the audit - that would cost more than the read. They are counted here behind it, in rounds; whoever asks counts the
 * lines since himself. The audit stays the truth, this is a list made of it.
 *
 * Threads: rounds on the background's, asking inside an operation.
 */
#ifndef YL_RECORDS_AUDIT_SYSTEM_ACCESS_H
#define YL_RECORDS_AUDIT_SYSTEM_ACCESS_H

#include "records/ops/op.h"

#define SYSTEM_ACCESS_ROUND 500 /* lines of one transaction */

/* Counts the next lines; how many it looked at, < 0 = an error, which sticks. */
int64_t system_access_count(struct tx *tx);
void system_access_background(struct records *r);

/* Query of {system_id, op, org_id, first_ms, last_ms, n, system_name, org_name} for a patient, or a key of the FHIR store, of the days that begin in [from, before);
 * `each` gets the current row. */
YL_CHECKED int system_access_each(struct op_ctx *ctx, uint64_t patient, int64_t from_ms, int64_t before_ms, void (*each)(struct query *q, void *to), void *to);
#endif
