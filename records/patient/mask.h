/* mask - what of a record is left out for whom: config/masking.json says how sensitive each field and each kind of diagnosis is (levels 1 to 4)
 * and how far a role reaches on which ground. Applied to what leaves the data service, after access was decided (sharing.h); a level that nothing
 * grants is 1. The table is read once and then read-only; any thread.
 */
#ifndef YL_RECORDS_PATIENT_MASK_H
#define YL_RECORDS_PATIENT_MASK_H

#include "records/patient/sharing.h"

struct masking;
YL_CHECKED int masking_open(struct masking **out, const char *config_dir, struct fault *f);
void masking_close(struct masking *m);

/* How far the actor reaches on this ground: 1 to 4. */
int mask_clearance(struct op_ctx *ctx, enum share_basis basis);
/* Masks the members of a *patient* or *patient_line* object that are above `clearance`; `masked` lists their names. */
void mask_patient(struct op_ctx *ctx, json_t *patient, int clearance);
/* A copy of a case's form in which the places above `clearance` are masked; their paths are appended to `masked`. New reference. */
json_t *mask_form(struct op_ctx *ctx, const json_t *form, int clearance, json_t *masked);
/* How far data for research reach: the member "research" of the table; 3 where it has none. */
int mask_research_level(struct op_ctx *ctx);
/* How far the scope of a FHIR client reaches in what other institutions wrote: the member "clients"; 3 where it has none. */
int mask_client_level(struct op_ctx *ctx);
/* Of an entry that is labelled restricted. */
int mask_restricted_level(struct op_ctx *ctx);
/* The level of an entry with this ICD-10 code. */
int mask_code_level(struct op_ctx *ctx, const char *code);
/* The level of an entry with these ICD-10 codes (an array of texts, or NULL). */
int mask_entry_level(struct op_ctx *ctx, const json_t *codes);
#endif
