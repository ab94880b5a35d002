/* The clocks: due deadlines on the writer, work that waits for the world on a reader. */
#include "records/background.h"
#include "records/call/open.h"
#include "records/work/consultation.h"
#include "server/base/log.h"

#define CASES_A_ROUND 50
#define ROUNDS_MAX 40 /* 2,000 due cases a tick; the rest come a second later */

static bool deadlines(struct records *r)
{
    struct actor system = {.system = true, .name = "system"};
    struct fault fault = {0};
    struct tx *tx;
    bool more = false;
    if (tx_begin(r->store, TX_WRITE, &tx))
        return false;
    struct op_ctx ctx = {.records = r, .tx = tx, .actor = &system, .now_ms = clock_now_ms(r->clock), .fault = &fault};
    int rc = consultation_tick(&ctx, CASES_A_ROUND, &more);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc)
        log_error("records", "due deadlines could not be run: %s %s", err_wire(rc), fault.reason);
    else
        records_feed_tell(r);
    return rc == 0 && more;
}

static bool anything_due(struct records *r)
{
    struct tx *tx;
    if (tx_begin(r->store, TX_READ, &tx))
        return false;
    int64_t next = consultation_next_ms(tx);
    tx_rollback(tx);
    return next <= clock_now_ms(r->clock);
}

static void run_deadlines(void *ctx)
{
    struct records *r = ctx;
    for (int i = 0; i < ROUNDS_MAX && deadlines(r); i++)
        ;
}

/* Asking is a read; the writer is troubled only when something is due. */
static void run_background(void *ctx)
{
    struct records *r = ctx;
    if (anything_due(r) && records_writer_run(r, run_deadlines, r))
        log_warn("records", "the writer is busy: deadlines wait for the next tick");
    records_background(r);
    records_feed_read(r);
}

int records_tick_submit(struct records *r)
{
    return records_pool_run(r, run_background, r);
}

void records_tick(struct records *r)
{
    if (anything_due(r))
        run_deadlines(r);
    records_background(r);
    records_feed_read(r);
}
