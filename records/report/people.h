/* people - whom a notice of management reaches: at an institution, or where nobody is, at the nearest above it. Private to records/report. */
#ifndef YL_RECORDS_REPORT_PEOPLE_H
#define YL_RECORDS_REPORT_PEOPLE_H

#include "records/ops/op.h"

#define PEOPLE_MAX 2000 /* at any institution: all who check reports are told of a month */
#define PEOPLE_LEVELS 8
/* Active people who have the role (its bit), or a role with the right; how many. org 0: at any institution. */
size_t people_with_role(struct op_ctx *ctx, uint64_t org, int role, struct person_id out[PEOPLE_MAX]);
size_t people_with_right(struct op_ctx *ctx, uint64_t org, const char *right, struct person_id out[PEOPLE_MAX]);
#endif
