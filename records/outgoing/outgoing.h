/* outgoing - our own objects go out: to a neighbour's HIS, a data centre, a research platform, and to FHIR Subscriptions.
 *
 * The outbox is the change feed (store.h) and the FHIR store's line of changes: both are written in the transaction of the change itself.
 * For each subscriber they are read from where he stands (his two marks), what concerns him gets the next of his own numbers - 1, 2, 3, no
 * gaps - and is kept in out_item until it is handed over; the marks and the numbers move in one transaction, so a kill at any point loses
 * nothing and numbers nothing twice. A new subscriber first gets everything there is (the export), then what changed since he was registered.
 *
 * What is sent is the thing as it is now, as this subscriber may see it (records/fhir/view.h), never as it was: who receives number 7 twice
 * may take either. Each subscriber has one request under way at most and his own waiting time: a slow or dead one holds up nobody else.
 * A subscriber with an mllp:// or mllps:// address gets HL7 v2 messages (er7.h) instead of FHIR, one at a time, numbered only when there is news in them (told.c).
 * Failures: nobody answered - the whole line waits and tries again without end, 2 s .. 10 min apart. An answer other than 2xx - counted;
 * after OUT_TRIES the entry is a dead letter and the next one goes; after OUT_DEAD_IN_A_ROW of these the subscriber is stopped ("error").
 * Of HL7: AA, CA taken; AE, CE a dead letter at once, it is the message; AR, CR counted; anything else nobody answered.
 * Every hand-over leaves an audit line, durable before the first byte goes out.
 *
 * Addresses: only those whose origin is on the list outgoing.allow (https://, http://, mllps://, mllp://); redirects are not followed.
 * Threads: one of its own (outgoing_start); stories call outgoing_round instead. Operations run where all operations do.
 */
#ifndef YL_RECORDS_OUTGOING_OUTGOING_H
#define YL_RECORDS_OUTGOING_OUTGOING_H

#include "records/ops/op.h"
#include "records/outgoing/lines.h"
#include "server/base/fault.h"

#define OUT_TRIES 6
#define OUT_DEAD_IN_A_ROW 3
#define OUT_WINDOW 1000      /* entries numbered ahead; what comes later waits in the outbox */
#define OUT_BATCH_MAX 50
#define OUT_KEEP_DAYS 30     /* handed over, and may still be asked for again */
#define OUT_SUBSCRIBERS_MAX 64

struct outgoing;
struct records;
/* `allow`: origins in a list "https://his.example:8443, http://127.0.0.1:9000"; a fault names the one that is none. */
YL_CHECKED int outgoing_open(struct outgoing **out, struct records *records, const char *allow, struct fault *f);
/* How MLLP lines are brought up, before it starts; without it with the machine's authorities. `wake` is set here. */
YL_CHECKED int outgoing_lines(struct outgoing *o, const struct lines_config *config, struct fault *f);
YL_CHECKED int outgoing_start(struct outgoing *o, struct fault *f);
void outgoing_close(struct outgoing *o); /* breaks off what is under way: it is sent again */
/* Numbers what is new and sends what is due, for at most wait_ms at a time, until nothing is due any more. For stories. */
void outgoing_round(struct outgoing *o, int wait_ms);
/* May messages go to this address? */
bool outgoing_allowed(const struct outgoing *o, const char *url);
const char *outgoing_allow_list(const struct outgoing *o); /* as it was given */

/* ms to wait before try n (1..): 2 s, 10 s, 30 s, 2 min, 10 min. */
int64_t outgoing_backoff_ms(int tries);

extern const struct op outgoing_ops[]; /* out.list out.set out.remove out.pause out.replay out.export out.dead out.retry out.drop */
#endif
