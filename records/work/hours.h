/* hours - working hours of institutions as rows; read by the deadlines. Runs inside operations. */
#ifndef YL_RECORDS_WORK_HOURS_H
#define YL_RECORDS_WORK_HOURS_H

#include "records/flow/calendar.h"
#include "records/ops/op.h"

extern const struct op hours_ops[]; /* hours.list, hours.set: GET /calendars, PUT /calendars/{org_id} */

/* {week, holidays, makeups} of docs/protocol/http.md; ERR_INVALID with the member's name in *wrong. Pure. */
YL_CHECKED int hours_read(const json_t *body, struct calendar *out, const char **wrong);
/* Of the institution, of the nearest one above it, or the default. */
void hours_calendar(struct op_ctx *ctx, struct org_id org, struct calendar *out);
#endif
