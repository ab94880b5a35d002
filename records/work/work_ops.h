/* work_ops - shared by the operation files of records/work. */
#ifndef YL_RECORDS_WORK_OPS_H
#define YL_RECORDS_WORK_OPS_H

#include "records/work/consult.h"
#include "records/work/consultation.h"

/* Opens args.case_id for the actor: loaded case and parties, or not found / denied. consult_clear it. */
/* ERR_DENIED for who only looks on (emergency access): reading is all it gives. */
YL_CHECKED int consult_takes_part(struct op_ctx *ctx, uint32_t parties);
bool slot_keeps(struct op_ctx *ctx, const struct staff *s); /* may the actor publish and withdraw times of this expert */
YL_CHECKED int slot_calendar(struct op_ctx *ctx, json_t *args, json_t **result); /* the operation calendar.get */
/* One act as its operation runs it: opened, rights and version checked, run; *result is the case as the actor sees it then. */
YL_CHECKED int consult_act_run(struct op_ctx *ctx, json_t *args, json_t **result, enum consult_event event);
YL_CHECKED int consult_open(struct op_ctx *ctx, json_t *args, struct consult *c, uint32_t *parties);
#endif
