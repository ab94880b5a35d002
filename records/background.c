#include "records/background.h"
#include "records/audit/audit_blocks.h"
#include "records/audit/system_access.h"
#include "records/document/document.h"
#include "records/fhir/fhir.h"
#include "records/health/health.h"
#include "records/quality/quality.h"
#include "records/report/report.h"
#include "records/research/research.h"
#include "records/work/recording.h"
#include "server/base/log.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_EVERY_MS 600000
#define CLOCK_BACK_MS 60000
#define KEPT_MS (7 * 86400000ll) /* an answer for who sends his request again; a browser that was away for longer begins anew */
#define KEPT_A_SWEEP 5000

/* A batch holds secrets and bodies: heap, wiped after use. */
static void deliveries(struct records *r, int64_t now_ms)
{
    struct delivery_batch *batch = calloc(1, sizeof *batch);
    struct tx *tx;
    if (!batch || tx_begin(records_store(r), TX_READ, &tx))
        goto out;
    int64_t due = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM delivery WHERE state='queued' AND next_ms<=$1", "i", now_ms);
    tx_rollback(tx);
    if (!due || tx_begin(records_store(r), TX_WRITE, &tx))
        goto out;
    int rc = delivery_claim(tx, &records_parts(r)->delivery_keys, now_ms, batch);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc || batch->n == 0)
        goto out;
    delivery_send(batch);
    if (tx_begin(records_store(r), TX_WRITE, &tx))
        goto out; /* given back after a minute: a message may come twice, never not at all */
    rc = delivery_record(tx, batch, clock_now_ms(records_clock(r)));
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc)
        log_error("notify", "the outcome of deliveries could not be recorded: %s", err_wire(rc));
out:
    if (batch)
        explicit_bzero(batch, sizeof *batch);
    free(batch);
}

static void thumbnails(struct records *r)
{
    struct thumbnail_batch batch;
    struct tx *tx;
    if (tx_begin(records_store(r), TX_READ, &tx))
        return;
    int rc = document_thumbnails_due(tx, &batch);
    tx_rollback(tx);
    if (rc || batch.n == 0)
        return;
    document_thumbnails_make(records_parts(r)->documents, &batch);
    if (tx_begin(records_store(r), TX_WRITE, &tx))
        return;
    rc = document_thumbnails_record(tx, &batch);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc)
        log_error("document", "thumbnails could not be recorded: %s", err_wire(rc));
}

static void sweep(struct records *r, int64_t now_ms)
{
    struct tx *tx;
    if (tx_begin(records_store(r), TX_WRITE, &tx))
        return;
    int rc = document_sweep(tx, records_parts(r)->documents, now_ms);
    if (rc == 0) /* they hold health data: no longer than they are of use */
        rc = tx_exec(tx, "DELETE FROM idempotent WHERE (person_id, key) IN (SELECT person_id, key FROM idempotent WHERE t_ms<$1 ORDER BY t_ms LIMIT $2)", "ii", now_ms - KEPT_MS,
                     (int64_t)KEPT_A_SWEEP);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc)
        log_error("records", "old uploads and kept answers could not be swept: %s", err_wire(rc));
}

/* The machine's clock was ahead and was set back: what was put off by the wrong one would wait until it is that late again, and sessions be fresh until then. */
static void forget_the_future(struct records *r, int64_t now_ms)
{
    static const char *const put_off[] = {"UPDATE delivery SET next_ms=$1 WHERE state='queued' AND next_ms>$1", "UPDATE exchange_pull SET next_ms=$1 WHERE next_ms>$1",
                                          "UPDATE exchange_tell SET next_ms=$1 WHERE next_ms>$1", "UPDATE out_subscriber SET next_ms=$1 WHERE next_ms>$1",
                                          "UPDATE session SET seen_ms=$1 WHERE seen_ms>$1 AND ended_ms=0"};
    struct tx *tx;
    if (tx_begin(records_store(r), TX_WRITE, &tx))
        return;
    for (size_t i = 0; i < sizeof put_off / sizeof *put_off; i++)
        (void)!tx_exec(tx, put_off[i], "i", now_ms);
    if (tx_commit(tx))
        log_error("records", "what was put off while the clock was ahead could not be brought forward");
}

void records_background(struct records *r)
{
    struct records_parts *p = records_parts(r);
    int64_t now_ms = clock_now_ms(records_clock(r));
    if (atomic_flag_test_and_set(&p->background_busy))
        return;
    health_tick(p->health);
    if (now_ms < p->looked_ms - CLOCK_BACK_MS)
        forget_the_future(r, now_ms);
    p->looked_ms = now_ms;
    recording_intake_kick(p->intake);
    deliveries(r, now_ms);
    thumbnails(r);
    quality_background(r, now_ms);
    fhir_background(r, now_ms);
    research_background(r, now_ms);
    report_background(r, now_ms);
    system_access_background(r);
    audit_blocks_background(r);
    if (now_ms - p->swept_ms >= SWEEP_EVERY_MS || now_ms < p->swept_ms) {
        sweep(r, now_ms);
        p->swept_ms = now_ms;
    }
    atomic_flag_clear(&p->background_busy);
}
