/* notice - whom to tell that a patient's numbers changed (IHE ITI-10, PIX update notification), and what.
 *
 * A source with an address to notify is told of every person who has a number in one of its domains (of everyone, when it assigns in none): all numbers of the
 * person as they stand when the message is made. What is kept is only *that* he is to be told of a patient, in the transaction of the change itself: a row
 * (source, patient), so that many changes before it can be sent are one message, and the outbox is never longer than the patients are many. What was told is
 * remembered as a keyed hash: a list that is the same again is not told, nor is a lone number that was never part of more.
 *
 * Threads: inside a transaction.
 */
#ifndef YL_RECORDS_EXCHANGE_NOTICE_H
#define YL_RECORDS_EXCHANGE_NOTICE_H

#include "records/hl7/hl7.h"
#include "records/ops/op.h"

/* Changes. Errors stick to the transaction. */
void exchange_notice_number(struct op_ctx *ctx, uint64_t patient, bool taken_away); /* the patient has a number more, or one less */
void exchange_notice_moved(struct op_ctx *ctx, uint64_t patient, uint64_t from);    /* he belongs to another person now; `from`: the person he left */

struct exchange_notice {
    uint64_t source, patient, person, id; /* id 0 = nothing waits */
    char hash[33], control[ID_TEXT_BYTES]; /* MSH-10: the same when it is sent again */
    struct hl7_writer text;               /* empty: there is nothing new in it, exchange_notice_done without sending */
};
/* The longest waiting notice of a source. Ended by exchange_notice_fini, also after an error. */
YL_CHECKED int exchange_notice_next(struct op_ctx *ctx, uint64_t source, struct exchange_notice *out);
void exchange_notice_fini(struct exchange_notice *n);
/* It was sent and accepted, or there was nothing in it; a change that came meanwhile waits on. */
YL_CHECKED int exchange_notice_done(struct op_ctx *ctx, const struct exchange_notice *n);
/* The other side refused it: behind the others, and put aside after some tries, until the patient's numbers change again. */
YL_CHECKED int exchange_notice_refused(struct op_ctx *ctx, const struct exchange_notice *n);

/* For the source's page: {state, reason, detail, waiting, refused, sent, failures, last_ms, next_ms}, null = it is not notified. */
json_t *exchange_notice_json(struct op_ctx *ctx, uint64_t source);
/* The source's address was set: "" forgets what waits. */
YL_CHECKED int exchange_notice_address(struct op_ctx *ctx, uint64_t source, const char *address);
#endif
