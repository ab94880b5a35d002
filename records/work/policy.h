/* policy - what an administrator may set: rows of config/policies.json, overridden by the policy table. Runs
 * inside operations. */
#ifndef YL_RECORDS_WORK_POLICY_H
#define YL_RECORDS_WORK_POLICY_H

#include "records/ops/op.h"

YL_CHECKED int work_policy_text(struct op_ctx *ctx, const char *id, char *out, size_t cap);
int64_t work_policy_int(struct op_ctx *ctx, const char *id);
#endif
