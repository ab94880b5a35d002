/* study - what research reads of the FHIR store: diagnoses by code, who a Patient is, what he has. Structured elements only, as the cleaning rules and
 * the clinic put them right; what is entered in error, refuted or labelled restricted (meta.security R or V of v3-Confidentiality) is not read.
 *
 * Inside one transaction, on its thread. Codes are looked for by the index, which knows whole codes alone: those of the insurance's ICD-10 that begin
 * with what is asked for, and their categories and subcategories, and local codes of a client that a person said to be one of them
 * (records/quality). A code that is in no list is not found.
 */
#ifndef YL_RECORDS_FHIR_STUDY_H
#define YL_RECORDS_FHIR_STUDY_H

#include "records/ops/op.h"

struct study;
/* NULL: out of memory, or the service is not ready. */
struct study *study_open(struct op_ctx *ctx);
void study_close(struct study *s);

struct study_entry { /* texts live during the call */
    uint64_t patient;  /* the Patient's key */
    const char *kind;  /* diagnosis observation procedure medication encounter report */
    const char *code;  /* standard; of an encounter a letter of HL7 table 0004; "" = none */
    const char *value, *unit, *status;
    int64_t t_ms;      /* 0 = not said */
    uint64_t org;      /* whose it says it is; 0 = it does not */
};
typedef int (*study_each)(void *to, const struct study_entry *e);
/* Conditions whose code begins with `code` ("I63"). */
YL_CHECKED int study_diagnoses(struct study *s, const char *code, study_each each, void *to);
YL_CHECKED int study_entries(struct study *s, uint64_t patient, study_each each, void *to);

struct study_patient {
    bool found;
    char sex[12], birth_date[11], id_no[33]; /* "" = not said; id_no normalised */
    uint64_t org;
};
YL_CHECKED int study_patient(struct study *s, uint64_t patient, struct study_patient *out);
/* Patients with this resident identity number. How many. */
size_t study_by_id_no(struct study *s, const char *id_no, uint64_t *out, size_t cap);
/* Patients whose Consent for research (active, in its period) says `permit`, else deny. */
YL_CHECKED int study_consents(struct study *s, bool permit, int (*each)(void *to, uint64_t patient), void *to);
#endif
