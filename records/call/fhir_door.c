/* The door for FHIR: the same steps as call.h - actor, policy, decode, begin, run, audit, outbox, commit - for bytes. Reads run on a
 * reader and are answered when their audit line is durable; writes are prepared on a reader and carried out on the writer. Both wait in
 * one line and are committed in groups; a group's audit lines share one head. A quick read waits for the writer in any case: of a file
 * he reads it himself, in the transaction of its line, from pages that stay in his cache where a reader's are void after each commit. Of a
 * server, whose every statement is a journey, quick reads run on the readers, together (turn.h). */
#include "records/audit/audit.h"
#include "records/call/open.h"
#include "records/fhir/fhir.h"
#include "records/quality/quality.h"
#include "server/base/log.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FHIR_GROUP_MAX 128
#define FHIR_SPARE_MAX 128
#define SHORT_BODY 8192
#define FHIR_GATHER_US 700
#define FHIR_GATHER_READS_US 300 /* lines of audit alone are soon written: a longer moment would be most of what a reader waits for */

struct fhir_job {
    struct turn_entry turn; /* while it waits for a reader */
    struct fhir_job *next;  /* while it waits for the writer */
    bool unread;            /* a quick read that he has still to do */
    records_fhir_done done;
    void *ctx;
    struct records_fhir_answer *into; /* of a caller who waits */
    struct fhir_work work;
};

/* Kept ones first: a job is larger than what malloc() gives and takes back quickly, and another thread gives it back. */
static struct fhir_job *job_room(struct records *r)
{
    pthread_mutex_lock(&r->waiting_lock);
    struct fhir_job *j = r->fhir_spare;
    if (j) {
        r->fhir_spare = j->next;
        r->n_fhir_spare--;
    }
    pthread_mutex_unlock(&r->waiting_lock);
    return j ? j : malloc(sizeof *j);
}

static void job_free(struct records *r, struct fhir_job *j)
{
    pthread_mutex_lock(&r->waiting_lock);
    bool keep = r->n_fhir_spare < FHIR_SPARE_MAX;
    if (keep) {
        j->next = r->fhir_spare;
        r->fhir_spare = j;
        r->n_fhir_spare++;
    }
    pthread_mutex_unlock(&r->waiting_lock);
    if (!keep)
        free(j);
}

void fhir_spare_free(struct records *r)
{
    for (struct fhir_job *j; (j = r->fhir_spare);) {
        r->fhir_spare = j->next;
        free(j);
    }
}

static struct fhir_job *job_new(struct records *r, const struct records_fhir *q)
{
    struct fhir_job *j = job_room(r);
    if (!j)
        return NULL;
    memset(j, 0, offsetof(struct fhir_job, work));
    fhir_work_init(&j->work, r, r->parts.fhir);
    j->work.q = *q;
    j->work.now_ms = clock_now_ms(r->clock);
    return j;
}

static void job_done(struct fhir_job *j)
{
    struct records *r = j->work.records;
    if (j->into) {
        *j->into = j->work.answer;
        j->work.answer.body = NULL;
    } else
        j->done(j->ctx, &j->work.answer);
    free(j->work.answer.body);
    j->work.answer.body = NULL;
    fhir_work_fini(&j->work);
    job_free(r, j);
}

/* A failed transaction answers nobody else: the next one begins another. */
static void begin_in(struct fhir_job *j, enum tx_mode mode, struct tx **tx)
{
    if (!*tx && tx_begin(j->work.records->store, mode, tx)) {
        fhir_refuse(&j->work, ERR_UNAVAILABLE, "", "The database cannot be read.");
        return;
    }
    fhir_begin(&j->work, *tx);
    if (!j->work.to_write)
        fhir_plan_drop(&j->work);
    if (!tx_error(*tx))
        return;
    tx_rollback(*tx);
    *tx = NULL;
    if (j->work.known)
        j->work.known->n = 0;
}

/* Of those that share a transaction. */
static void begin_known(struct fhir_job *j, struct fhir_known *known, int64_t now_ms, enum tx_mode mode, struct tx **tx)
{
    j->work.known = known;
    j->work.now_ms = now_ms;
    begin_in(j, mode, tx);
    j->work.known = NULL;
}

/* ---- on the writer ---- */

/* Before anything is written: a read that breaks the transaction takes nothing with it but itself. */
static void read_quick(struct records *r, struct fhir_job *first, struct tx **tx)
{
    struct fhir_known known = {.n = 0};
    int64_t now_ms = clock_now_ms(r->clock);
    for (struct fhir_job *j = first; j; j = j->next)
        if (j->unread)
            begin_known(j, &known, now_ms, TX_WRITE, tx);
}

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
    if (j->work.own_savepoints)
        return fhir_finish(&j->work, tx);
    if (j->work.fresh)
        return carry_out_fresh(j, tx);
    int rc = tx_savepoint(tx);
    if (rc)
        return rc;
    rc = fhir_finish(&j->work, tx);
    if (rc == 0 && (rc = tx_check(tx))) /* told late */
        fhir_refuse(&j->work, rc, "", "The resource cannot be written.");
    if (rc == ERR_STORAGE)
        return rc;
    return rc ? tx_savepoint_rollback(tx) : tx_savepoint_release(tx);
}

/* What the cleaning rules judged of it counts when it stays. */
static int carry_out_counted(struct fhir_job *j, struct tx *tx)
{
    struct quality *quality = j->work.records->parts.quality;
    quality_message_begin(quality, j->work.now_ms);
    int rc = carry_out(j, tx);
    if (rc == 0 && j->work.answer.status < 400)
        quality_message_end(quality, fhir_source(&j->work));
    else
        fhir_clean_forget(j->work.fhir);
    return rc;
}

static void write_lines(struct fhir_job *j, struct audit_run *run)
{
    struct fhir_work *w = &j->work;
    int status = w->answer.status;
    bool refused = status == 401 || status == 403 || w->hidden;
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
                                  .detail = w->hidden ? w->hidden : w->fault.reason};
        audit_add(run, w->now_ms, &line);
    }
}

static int run_group(struct records *r, struct fhir_job *first)
{
    struct tx *tx = NULL;
    struct audit_run run;
    read_quick(r, first, &tx);
    int rc = tx ? 0 : tx_begin(r->store, TX_WRITE, &tx);
    if (rc)
        return rc;
    bool wrote = false; /* else nothing new is in the feed */
    quality_arrivals_begin(r->parts.quality);
    fhir_clean_begin(r->parts.fhir);
    for (struct fhir_job *j = first; j && rc == 0; j = j->next) {
        wrote = wrote || j->work.to_write;
        rc = j->work.to_write ? carry_out_counted(j, tx) : 0;
    }
    if (rc == 0 && wrote)
        rc = quality_arrivals_end(r->parts.quality, tx, clock_now_ms(r->clock));
    audit_begin(&run, tx, r->parts.audit_key);
    for (struct fhir_job *j = first; j && rc == 0; j = j->next)
        write_lines(j, &run);
    rc = rc ? rc : audit_end(&run);
    terms_settle(r->parts.terms, tx);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    terms_ended(r->parts.terms, rc == 0);
    if (rc)
        fhir_clean_forget(r->parts.fhir);
    if (rc == 0 && wrote)
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
        j->work.answer.another_follows = next != NULL;
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
    if (r->has_writer)
        gather_wait(&r->fhir_gather, &r->waiting_lock, &r->n_fhir_waiting, r->fhir_wrote ? FHIR_GATHER_US : FHIR_GATHER_READS_US);
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
    gather_took(&r->fhir_gather, first ? n : 0);
    *more = r->fhir_waiting && call_writer(r);
    pthread_mutex_unlock(&r->waiting_lock);
    return first;
}

static void write_waiting(void *ctx)
{
    struct records *r = ctx;
    bool more = true;
    while (more) {
        struct fhir_job *first = take_group(r, &more);
        r->fhir_wrote = false;
        for (const struct fhir_job *j = first; j; j = j->next)
            r->fhir_wrote = r->fhir_wrote || j->work.to_write;
        finish_group(r, first);
    }
}

/* A chain of n. */
static int queue(struct records *r, struct fhir_job *first, struct fhir_job *last, size_t n)
{
    pthread_mutex_lock(&r->waiting_lock);
    int rc = r->n_fhir_waiting + n > POOL_QUEUE ? ERR_UNAVAILABLE : call_writer(r);
    if (rc == 0) {
        if (r->fhir_waiting_last)
            r->fhir_waiting_last->next = first;
        else
            r->fhir_waiting = first;
        r->fhir_waiting_last = last;
        r->n_fhir_waiting += n;
        gather_came(&r->fhir_gather, r->n_fhir_waiting);
    }
    pthread_mutex_unlock(&r->waiting_lock);
    if (rc == 0 && !r->has_writer)
        write_waiting(r);
    return rc;
}

/* ---- on a reader ---- */

static bool to_note(const struct fhir_work *w)
{
    return w->to_write || w->n_notes || w->hidden || ((w->answer.status == 401 || w->answer.status == 403) && (w->actor.client || w->actor.person));
}

/* Answers those that leave no line, and hands on the others. */
static void hand_on(struct records *r, struct fhir_job *all[], size_t n)
{
    struct fhir_job *first = NULL, *last = NULL;
    size_t noted = 0;
    for (size_t i = 0; i < n; i++) {
        if (!to_note(&all[i]->work)) {
            job_done(all[i]);
            continue;
        }
        if (last)
            last->next = all[i];
        else
            first = all[i];
        last = all[i];
        noted++;
    }
    if (!noted || queue(r, first, last, noted) == 0)
        return;
    for (struct fhir_job *j = first, *next; j; j = next) { /* what cannot be audited is not shown */
        next = j->next;
        fhir_refuse(&j->work, ERR_UNAVAILABLE, "busy", "The server is busy; try again.");
        job_done(j);
    }
}

static void begin(void *ctx)
{
    struct fhir_job *j = ctx;
    struct tx *tx = NULL;
    begin_in(j, TX_READ, &tx);
    tx_rollback(tx);
    hand_on(j->work.records, &j, 1);
}

void fhir_read_turn(struct records *r, struct turn_entry *first)
{
    struct fhir_job *all[TURN_MAX];
    struct fhir_known known = {.n = 0};
    struct tx *tx = NULL;
    int64_t now_ms = clock_now_ms(r->clock);
    size_t n = 0;
    for (struct turn_entry *e = first, *next; e; e = next) {
        next = e->next;
        all[n] = (struct fhir_job *)((char *)e - offsetof(struct fhir_job, turn));
        begin_known(all[n++], &known, now_ms, TX_READ, &tx);
    }
    tx_rollback(tx);
    hand_on(r, all, n);
}

/* GET /Patient/1 and nothing else: it takes microseconds, and often many are asked for at once. */
static bool is_quick(const struct records_fhir *q)
{
    return (strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0) && !*q->query && fhir_one_row(q->path);
}

/* POST /Observation with a small body: made ready in tens of microseconds. */
static bool is_short_new(const struct records_fhir *q)
{
    bool type = *q->path == '/' && q->path[1] && !strpbrk(q->path + 1, "/$_");
    return type && !*q->query && q->len <= SHORT_BODY && !*q->if_none_exist && strcmp(q->method, "POST") == 0;
}

/* Where it begins: in the writer's line, in a turn, or by itself. */
static int send_off(struct records *r, struct fhir_job *j)
{
    const struct records_fhir *q = &j->work.q;
    bool quick = is_quick(q);
    j->unread = quick && r->has_writer && store_is_file(r->store);
    if (j->unread)
        return queue(r, j, j, 1);
    if (r->n_readers && (quick || is_short_new(q)))
        return turn_wait(quick ? &r->fhir_turn : &r->fhir_new_turn, &j->turn);
    return records_pool_run(r, begin, j);
}

int records_fhir_submit(struct records *r, const struct records_fhir *q, records_fhir_done done, void *ctx)
{
    struct fhir_job *j = job_new(r, q);
    if (!j)
        return ERR_UNAVAILABLE;
    j->done = done;
    j->ctx = ctx;
    int rc = send_off(r, j);
    if (rc)
        job_free(r, j);
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
