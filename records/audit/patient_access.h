/* patient_access - who saw a patient's record (谁看过我的病历): read off the audit, in groups a person understands: who, of which institution, in what role,
 * what, on which ground, when, how often.
 *
 * For the privacy officer by patient; for the patient on paper at the desk that keeps his record, or behind a link with a code (no account): the link is
 * random, stored hashed, dies with its time or after five wrong codes, and each opening is itself in the audit. Covers every certain record of the person.
 * Runs inside operations.
 */
#ifndef YL_RECORDS_AUDIT_PATIENT_ACCESS_H
#define YL_RECORDS_AUDIT_PATIENT_ACCESS_H

#include "records/ops/op.h"

extern const struct op access_ops[]; /* access.find of_patient report link open */
#endif
