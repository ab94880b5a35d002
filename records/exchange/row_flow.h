/* row_flow - rows on their way to the writer: so many ahead and no more, and whether all were taken. For the threads that read files and databases.
 *
 * One sender (its thread), answers from the writer. A row that was not taken (a database error, a source switched off) stops the flow: those behind
 * it are refused by their number (exchange_take_row), so none is left out.
 */
#ifndef YL_RECORDS_EXCHANGE_ROW_FLOW_H
#define YL_RECORDS_EXCHANGE_ROW_FLOW_H

#include "server/base/err.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct records;
struct row_flow {
    struct records *records;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    unsigned on_way; /* rows submitted, unanswered */
    bool trouble;    /* one of them was not taken */
    atomic_bool stop;
    const struct row_flow *under; /* stops when that one does; NULL = none */
};
void row_flow_init(struct row_flow *w, struct records *r);
void row_flow_fini(struct row_flow *w);
bool row_flow_stopped(const struct row_flow *w);
void row_flow_stop(struct row_flow *w);                    /* any thread: the sender comes back soon */
bool row_flow_rest(struct row_flow *w, int ms);            /* waits; false = stopped */
void row_flow_begin(struct row_flow *w);                   /* the trouble of the file before is forgotten */
/* Copies the body. ERR_NOT_ALLOWED_NOW: stopped, or there is trouble. */
YL_CHECKED int row_flow_send(struct row_flow *w, uint64_t source, uint64_t file, int64_t row, const char *body, bool latest); /* latest: records_message */
bool row_flow_end(struct row_flow *w); /* waits for all; true = all were taken and nobody stopped it */
#endif
