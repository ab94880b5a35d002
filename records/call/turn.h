/* turn - short reads that share a reader's turn: those that wait together are answered inside one read transaction, by one thread that is
 * woken once. What the transaction has found out about a credential holds for the rest of it and no longer, so nobody's end, and no
 * change of his rights, is overlooked: the next turn is a new transaction.
 *
 * For reads that take microseconds only: one that takes long holds up those behind it. Any thread. Private to records/call.
 */
#ifndef YL_RECORDS_CALL_TURN_H
#define YL_RECORDS_CALL_TURN_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>

#define TURN_MAX 32

struct records;
struct turn_entry { /* member of what waits */
    struct turn_entry *next;
};
struct turn_line { /* one for each kind of read; guarded by records.waiting_lock */
    struct records *records;
    /* Answers a list of up to TURN_MAX entries, oldest first. On a reader. */
    void (*run)(struct records *r, struct turn_entry *first);
    struct turn_entry *first, *last;
    size_t n;
    bool called; /* a job that takes a turn is queued */
};
/* Queues; ERR_UNAVAILABLE when too many wait. Not without a pool. */
YL_CHECKED int turn_wait(struct turn_line *line, struct turn_entry *e);
#endif
