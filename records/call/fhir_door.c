/* The door for FHIR: the same steps as call.h - actor, policy, decode, begin, run, audit, outbox, commit - for bytes. Reads run on a
 * reader and are answered when their audit line is durable; writes are prepared on a reader and carried out on the writer. Both wait
 * in one line and are committed in groups; a group's audit lines share one head. */
#include "records/audit/audit.h"
#include "records/call/open.h"
#include "records/fhir/fhir.h"
#include "server/base/log.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FHIR_GROUP_MAX 128
#define FHIR_MANY 4       /* so many at once: they come from many clients */
#define FHIR_GATHER_US 700 /* then a moment is waited for more: one sync of the disk for all of them */

struct fhir_job {
    struct fhir_job *next;
    struct fhir_work work;
    records_fhir_done done;
    void *ctx;
    struct records_fhir_answer *into; /* of a caller who waits */
};

static struct fhir_job *job_new(struct records *r, const struct records_fhir *q)
{
    struct fhir_job *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->work = (struct fhir_work){.records = r, .fhir = r->parts.fhir, .q = *q, .now_ms = clock_now_ms(r->clock)};
    return j;
}

static void job_done(struct fhir_job *j)
{
    if (j->into) {
        *j->into = j->work.answer;
        j->work.answer.body = NULL;
    } else
        j->done(j->ctx, &j->work.answer);
    free(j->work.answer.body);
    j->work.answer.body = NULL;
    fhir_work_fini(&j->work);
    free(j);
}

/* ---- on the writer ---- */

/* A savepoint costs a copy of every page that is changed behind it. */
static int carry_out_fresh(struct fhir_job *j, struct tx *tx)
{
    uint64_t before = tx_written(tx);
    int rc = fhir_finish(&j->work, tx);
    return rc && (tx_error(tx) || tx_written(tx) != before) ? rc : 0;
}

/* Notes of an act that was undone are not of what happened: one line says that it was refused. */
static int carry_out(struct fhir_job *j, struct tx *tx)
{
    if (!j->work.to_write)
        return 0;
    if (j->work.own_savepoints)
        return fhir_finish(&j->work, tx);
    if (j->work.fresh)
        return carry_out_fresh(j, tx);
    int rc = tx_savepoint(tx);
    if (rc)
        return rc;
    rc = fhir_finish(&j->work, tx);
    if (rc == ERR_STORAGE)
        return rc;
    return rc ? tx_savepoint_rollback(tx) : tx_savepoint_release(tx);
}

static void write_lines(struct fhir_job *j, struct audit_run *run)
{
    struct fhir_work *w = &j->work;
    int status = w->answer.status;
    bool refused = status == 401 || status == 403;
    for (size_t i = 0; i < w->n_notes; i++) {
        const struct fhir_note *n = &w->notes[i];
        struct audit_line line = {.op = n->what, .outcome = "ok", .person = w->actor.person, .org = w->actor.org,
                                  .session = w->actor.client ? w->actor.client : w->actor.session, .patient = n->patient,
                                  .object = n->object, .address = w->q.client_address, .detail = n->detail};
        audit_add(run, w->now_ms, &line);
    }
    if (refused && w->op && (w->actor.client || w->actor.person)) {
        struct audit_line line = {.op = w->op, .outcome = status == 401 ? "unauthenticated" : "denied", .person = w->actor.person, .org = w->actor.org,
                                  .session = w->actor.client ? w->actor.client : w->actor.session, .address = w->q.client_address,
                                  .detail = w->fault.reason};
        audit_add(run, w->now_ms, &line);
    }
}

static int run_group(struct records *r, struct fhir_job *first)
{
    struct tx *tx;
    struct audit_run run;
    int rc = tx_begin(r->store, TX_WRITE, &tx);
    if (rc)
        return rc;
    for (struct fhir_job *j = first; j && rc == 0; j = j->next)
        rc = carry_out(j, tx);
    audit_begin(&run, tx, r->parts.audit_key);
    for (struct fhir_job *j = first; j && rc == 0; j = j->next)
        write_lines(j, &run);
    rc = rc ? rc : audit_end(&run);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc == 0)
        records_feed_tell(r);
    return rc;
}

static void finish_group(struct records *r, struct fhir_job *first)
{
    int rc = first ? run_group(r, first) : 0;
    if (rc)
        log_error("records", "a group of FHIR requests was lost: %s", err_wire(rc));
    for (struct fhir_job *j = first, *next; j; j = next) {
        next = j->next;
        if (rc)
            fhir_refuse(&j->work, rc == ERR_STORAGE ? rc : ERR_UNAVAILABLE, "", "Nothing was saved: the database cannot be written now.");
        job_done(j);
    }
}

static void write_waiting(void *ctx);

static int call_writer(struct records *r)
{
    if (!r->has_writer || r->fhir_called)
        return 0;
    int rc = records_writer_run(r, write_waiting, r);
    r->fhir_called = rc == 0;
    return rc;
}

static struct fhir_job *take_group(struct records *r, bool *more)
{
    struct fhir_job *first, *last;
    size_t n = 1;
    pthread_mutex_lock(&r->waiting_lock);
    first = last = r->fhir_waiting;
    while (last && last->next && n < FHIR_GROUP_MAX) {
        last = last->next;
        n++;
    }
    r->fhir_waiting = last ? last->next : NULL;
    if (!r->fhir_waiting)
        r->fhir_waiting_last = NULL;
    if (last) {
        last->next = NULL;
        r->n_fhir_waiting -= n;
    }
    r->fhir_called = false;
    *more = r->fhir_waiting && call_writer(r);
    pthread_mutex_unlock(&r->waiting_lock);
    return first;
}

static void write_waiting(void *ctx)
{
    struct records *r = ctx;
    bool more = true;
    while (more) {
        if (r->has_writer && r->fhir_group >= FHIR_MANY)
            usleep(FHIR_GATHER_US);
        struct fhir_job *first = take_group(r, &more);
        r->fhir_group = 0;
        for (const struct fhir_job *j = first; j; j = j->next)
            r->fhir_group++;
        finish_group(r, first);
    }
}

static int queue(struct fhir_job *j)
{
    struct records *r = j->work.records;
    pthread_mutex_lock(&r->waiting_lock);
    int rc = r->n_fhir_waiting >= POOL_QUEUE ? ERR_UNAVAILABLE : call_writer(r);
    if (rc == 0) {
        if (r->fhir_waiting_last)
            r->fhir_waiting_last->next = j;
        else
            r->fhir_waiting = j;
        r->fhir_waiting_last = j;
        r->n_fhir_waiting++;
    }
    pthread_mutex_unlock(&r->waiting_lock);
    if (rc == 0 && !r->has_writer)
        write_waiting(r);
    return rc;
}

/* ---- on a reader ---- */

static bool to_note(const struct fhir_work *w)
{
    return w->to_write || w->n_notes || ((w->answer.status == 401 || w->answer.status == 403) && (w->actor.client || w->actor.person));
}

static void begin(void *ctx)
{
    struct fhir_job *j = ctx;
    struct tx *tx;
    int rc = tx_begin(j->work.records->store, TX_READ, &tx);
    if (rc)
        fhir_refuse(&j->work, ERR_UNAVAILABLE, "", "The database cannot be read.");
    else {
        fhir_begin(&j->work, tx);
        tx_rollback(tx);
    }
    if (!to_note(&j->work)) {
        job_done(j);
        return;
    }
    if (queue(j) == 0)
        return;
    fhir_refuse(&j->work, ERR_UNAVAILABLE, "busy", "The server is busy; try again."); /* what cannot be audited is not shown */
    job_done(j);
}

int records_fhir_submit(struct records *r, const struct records_fhir *q, records_fhir_done done, void *ctx)
{
    struct fhir_job *j = job_new(r, q);
    if (!j)
        return ERR_UNAVAILABLE;
    j->done = done;
    j->ctx = ctx;
    int rc = records_pool_run(r, begin, j);
    if (rc)
        free(j);
    return rc;
}

void records_fhir_call(struct records *r, const struct records_fhir *q, struct records_fhir_answer *answer)
{
    struct fhir_job *j = job_new(r, q);
    struct tx *tx;
    if (!j)
        abort();
    j->into = answer;
    if (tx_begin(r->store, TX_READ, &tx) == 0) {
        fhir_begin(&j->work, tx);
        tx_rollback(tx);
    } else
        fhir_refuse(&j->work, ERR_UNAVAILABLE, "", "The database cannot be read.");
    if (to_note(&j->work))
        finish_group(r, j);
    else
        job_done(j);
}
