/* index_desk - what the files of the index steward's desk share. Private to records/patient. */
#ifndef YL_RECORDS_PATIENT_INDEX_DESK_H
#define YL_RECORDS_PATIENT_INDEX_DESK_H

#include "records/patient/index.h"

#define INDEX_LIST_MAX 100
#define INDEX_STAMP_BYTES 17

struct index_task {
    uint64_t id, patient, other, act, reported_by;
    int64_t odds_milli, created_ms, later_ms;
    char why[16], state[12];
};
/* From the current row of "SELECT t.* FROM mpi_task t". */
void index_task_from(struct query *q, struct index_task *t);

/* What two patients' persons look like now: members, where they belong, the versions of their records. It changes with whatever a steward
 * has seen of them, so that nobody decides on an old picture. */
YL_CHECKED int index_stamp(struct op_ctx *ctx, uint64_t patient, uint64_t other, char out[INDEX_STAMP_BYTES]);

/* After an act: pairs that waited and are one person now need nobody any more. Errors stick to the transaction. */
void index_settle_tasks(struct op_ctx *ctx, const struct index_act *act);
/* ... and whoever works on a case of one of those who moved is told, as are those who follow the feed; `patient`: whom the act is about. */
YL_CHECKED int index_tell(struct op_ctx *ctx, uint64_t act, uint64_t patient);

/* Whether and why an act cannot be undone now: "" or a word of the interface (static). */
const char *index_undo_bar(struct op_ctx *ctx, uint64_t act);

/* operations of index_view.c */
int index_tasks(struct op_ctx *ctx, json_t *args, json_t **result);
int index_pair(struct op_ctx *ctx, json_t *args, json_t **result);
int index_person(struct op_ctx *ctx, json_t *args, json_t **result);
int index_find(struct op_ctx *ctx, json_t *args, json_t **result);
int index_acts(struct op_ctx *ctx, json_t *args, json_t **result);
int index_act(struct op_ctx *ctx, json_t *args, json_t **result);
#endif
