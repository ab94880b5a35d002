/* tell - sends what waits in the outbox of notice.h to the systems it is for, over MLLP or MLLP/TLS (mllp_client.h).
 *
 * One message at a time to each, in order, the next when the last was answered AA or CA; the outcome and a line of the audit in one transaction. After a kill
 * a message may come twice (under the same MSH-10), never not at all. A system that cannot be reached, does not answer or refuses is tried again after ten seconds,
 * doubled up to an hour; it holds a lane of its own (lanes.h) meanwhile, nobody else waits.
 *
 * Threads: one that looks for what is due, and lanes.
 */
#ifndef YL_RECORDS_EXCHANGE_TELL_H
#define YL_RECORDS_EXCHANGE_TELL_H

#include "server/base/fault.h"

struct records;
struct exchange_tell;
struct exchange_tell_config {
    struct records *records;                /* outlives it */
    const char *trust, *certificate, *key;  /* as of mllp_client.h; copied */
    int connect_ms, answer_ms;              /* 0 = 5 s, 20 s */
};
YL_CHECKED int exchange_tell_open(struct exchange_tell **out, const struct exchange_tell_config *config, struct fault *f);
YL_CHECKED int exchange_tell_start(struct exchange_tell *t, struct fault *f);
void exchange_tell_round(struct exchange_tell *t); /* everybody who is due; comes back when they are done */
void exchange_tell_close(struct exchange_tell *t); /* NULL is fine */
#endif
