/* timeline - what happened to a person, from every institution whose record is open to the actor (sharing.h), newest first.
 *
 * Made from a list of providers, each of which knows one kind of record by local patients: a new kind is one row of timeline_providers.
 * Runs inside operations.
 */
#ifndef YL_RECORDS_PATIENT_TIMELINE_H
#define YL_RECORDS_PATIENT_TIMELINE_H

#include "records/ops/op.h"

#define TIMELINE_MAX 2000 /* of one kind and local patient, the newest */

/* Appends what one local patient has: {id (text, of its own), t_ms, kind, title, org:{id,name}, source, case_id?, document_id?, summary?,
 * codes?: ICD-10 codes that say how sensitive it is, restricted?: labelled so by who sent it} - and whatever the kind needs beside. Whether the actor may see the patient was decided.
 * *cut becomes true when there is older still than what fits; it is never set to false. */
typedef int (*timeline_list)(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut);
struct timeline_provider {
    const char *name; /* for the reader of the table */
    timeline_list list;
    timeline_list own; /* of a record that is not open: what the actor's own institution sent into it. NULL: nothing of this kind */
};
extern const struct timeline_provider timeline_providers[]; /* ends with {0} */

/* The whole of it, nothing left out but what the reader may not see: entries as they leave, with `clearance` and what else the page takes away; and the sources, each of which says whether it is whole (`cut`). New references.
 * Denied and audited as patient.timeline: ctx->audit.patient and .detail are set. */
YL_CHECKED int timeline_load(struct op_ctx *ctx, uint64_t patient, json_t **items, json_t **sources);
json_t *timeline_org(struct query *q); /* of columns org_id and org_name: {id, name} */
int patient_timeline(struct op_ctx *ctx, json_t *args, json_t **result); /* timeline_page.c */
int patient_attachment(struct op_ctx *ctx, json_t *args, json_t **result); /* attachment.c */
int patient_report_link(struct op_ctx *ctx, json_t *args, json_t **result);
#endif
