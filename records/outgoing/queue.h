/* queue - the numbered entries of one subscriber (tables out_subscriber, out_item), as rows: no network, no FHIR. In the caller's transaction.
 */
#ifndef YL_RECORDS_OUTGOING_QUEUE_H
#define YL_RECORDS_OUTGOING_QUEUE_H

#include "records/store/store.h"

struct queue_entry {
    int64_t seq, pkey, rid, t_ms;
    bool own;
    int64_t act, told; /* of a receiver of HL7: er7.h; the number under which he was told the last time */
    char type[48];
};
struct queue_state {
    uint64_t id;
    bool pulled;  /* no address: it is fetched, and asking for what is behind N takes N over */
    bool off;     /* paused or stopped */
    int64_t last_seq, acked_seq, lowest; /* lowest: that is still kept; 0 = none */
};
/* The feed of a FHIR client: the one of that number, or with 0 his only one. ERR_NOT_FOUND; ERR_CONFLICT: he has several. */
YL_CHECKED int queue_find(struct tx *tx, uint64_t client, uint64_t subscriber, struct queue_state *out);
/* Those behind `since`, at most cap, in order; with `waiting` only what was not handed over. */
YL_CHECKED int queue_read(struct tx *tx, uint64_t subscriber, int64_t since, bool waiting, struct queue_entry *list, size_t cap, size_t *n);
/* All up to `seq` are handed over. */
YL_CHECKED int queue_ack(struct tx *tx, uint64_t subscriber, int64_t seq, int64_t now_ms);
/* All from `seq` are to be handed over again; the number of them. */
int64_t queue_replay(struct tx *tx, uint64_t subscriber, int64_t seq);
#endif
