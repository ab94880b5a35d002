/* work_ops - shared by the operation files of records/work. */
#ifndef YL_RECORDS_WORK_OPS_H
#define YL_RECORDS_WORK_OPS_H

#include "records/work/consult.h"

/* Opens args.case_id for the actor: loaded case and parties, or not found / denied. consult_clear it. */
YL_CHECKED int consult_open(struct op_ctx *ctx, json_t *args, struct consult *c, uint32_t *parties);

extern const struct op case_list_ops[];  /* case.list, board.get */
extern const struct op case_desk_ops[];  /* promise, print, verify, access, outcome */
extern const struct op slot_ops[], message_ops[], form_ops[], policy_ops[];
#endif
