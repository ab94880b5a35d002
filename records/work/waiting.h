/* waiting - the line of cases that wait for a free time of an expert (functions.md 3.5). Inside an operation's transaction or a deadline's. */
#ifndef YL_RECORDS_WORK_WAITING_H
#define YL_RECORDS_WORK_WAITING_H

#include "records/work/consult.h"

/* Offers every free time of this expert to those in line; call it where a time became free. */
YL_CHECKED int waiting_offer(struct op_ctx *ctx, uint64_t expert);
/* The case waits no longer (booked, cancelled, another expert): what was kept for it goes to the next. 0 also when it did not wait. */
YL_CHECKED int waiting_drop(struct op_ctx *ctx, struct case_id id);
/* This time is withdrawn or becomes another one: who was offered it keeps the place in line. waiting_offer follows. */
YL_CHECKED int waiting_slot_gone(struct op_ctx *ctx, uint64_t slot);
/* Offers that nobody answered go on; INT64_MAX = none is running. */
YL_CHECKED int waiting_tick(struct op_ctx *ctx);
int64_t waiting_next_ms(struct tx *tx);
/* {waits, may, place, since_ms, offer}; null where the viewer could not wait. */
json_t *waiting_view(struct op_ctx *ctx, const struct consult *c, uint32_t parties);
#endif
