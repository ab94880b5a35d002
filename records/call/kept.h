/* kept - the answers of writes with an Idempotency-Key: who sends the same request again gets the same answer, and nothing is done twice. Sealed, because
 * they may hold health data, and with whom they are about: who gets one again has read it again, the audit says of whom - and what it is about must still be
 * open to him. Private to records/call; on the writer, in the write's transaction. */
#ifndef YL_RECORDS_CALL_KEPT_H
#define YL_RECORDS_CALL_KEPT_H

#include "records/call/call.h"

/* Keyed: arguments may hold a password, a number, a short text - all of them could be guessed from a plain hash. */
YL_CHECKED int kept_args_hash(const struct item *it, char out[65]);
/* *found: the answer is in item->reply, its patient and object in the item. ERR_CONFLICT: the key was of another request (idempotency_mismatch), or
 * what it is about is no longer open to who asks (done_before; item->hidden says why, patient and object are set, the answer is not). */
YL_CHECKED int kept_find(struct item *it, struct tx *tx, const char *hash, bool *found);
YL_CHECKED int kept_add(struct item *it, struct tx *tx, const char *hash);
#endif
