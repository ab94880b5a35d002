/* Messages of other systems on their way through the door: queued, taken in groups by the writer, each with its line in the audit, all of a
 * group durable before any is answered. Questions are answered on a reader; their audit line is written before the answer leaves. */
#include "records/audit/audit.h"
#include "records/call/open.h"
#include "records/exchange/exchange.h"
#include "records/quality/quality.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 1000
#define WAITING_BYTES_MAX (64u << 20)
#define GROUP_MAX 128
#define GROUP_BYTES_MAX (4u << 20)
#define GATHER_US 1000

struct waiting {
    struct waiting *next;
    struct records *r;
    char *bytes;
    size_t len;
    char address[48], certificate[EXCHANGE_CERT_BYTES];
    uint64_t source, file; /* of a row */
    int64_t row;
    bool latest; /* of a row */
    bool too_large, question; /* question: answered, only its audit line is to be written */
    struct hl7_writer answer;
    struct audit_line line;
    struct exchange_told *told; /* of a question that was answered with several patients: each has a line of his own */
    char detail[160];
    int error;
    records_message_done done;
    void *done_ctx;
};

struct exchange_queue {
    pthread_mutex_t lock;
    struct waiting *first, **last;
    size_t n, bytes;
    bool called; /* a job that takes a group is queued */
    struct gather gather;
    struct metric *m_messages, *m_lost, *m_waiting;
};

int exchange_queue_open(struct records *r, struct fault *f)
{
    struct exchange_queue *q = calloc(1, sizeof *q);
    if (!q)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    pthread_mutex_init(&q->lock, NULL);
    gather_open(&q->gather);
    q->last = &q->first;
    q->m_messages = metric_counter("yilian_exchange_messages_total", "Messages of other systems that were answered", NULL);
    q->m_lost = metric_counter("yilian_exchange_lost_total", "Messages not kept because the database could not be written; their senders send again", NULL);
    q->m_waiting = metric_gauge("yilian_exchange_waiting", "Messages that wait for the writer", NULL);
    r->exchange = q;
    return 0;
}

void exchange_queue_close(struct records *r)
{
    if (!r->exchange)
        return;
    gather_close(&r->exchange->gather);
    pthread_mutex_destroy(&r->exchange->lock);
    free(r->exchange);
    r->exchange = NULL;
}

static void waiting_free(struct waiting *w)
{
    if (w->bytes)
        explicit_bzero(w->bytes, w->len);
    free(w->bytes);
    free(w->told);
    hl7_writer_fini(&w->answer);
    free(w);
}

/* `rest`: of its group, told on this thread too. */
static void finish(struct waiting *w, const struct waiting *rest)
{
    struct exchange_queue *q = w->r->exchange;
    metric_add(w->error ? q->m_lost : q->m_messages, 1);
    while (rest && rest->done != w->done)
        rest = rest->next;
    w->done(w->done_ctx, &(struct records_message_answer){w->error, w->answer.bytes ? w->answer.bytes : "", w->error ? 0 : w->answer.len, rest != NULL});
    waiting_free(w);
}

static struct exchange_in in_of(const struct waiting *w, bool careful)
{
    return (struct exchange_in){w->bytes, w->len, w->address, w->certificate, w->too_large, careful, w->source, w->file, w->row, w->latest};
}

/* The line of one message: who sent it is its object's source, what it touched its patient. */
static void line_of(struct waiting *w, const struct op_ctx *ctx, const char *op)
{
    snprintf(w->detail, sizeof w->detail, "%s", ctx->audit.detail);
    w->line = (struct audit_line){.op = op, .outcome = "ok", .patient = ctx->audit.patient, .object = ctx->audit.object, .address = w->address, .detail = w->detail};
}

static void write_lines(struct audit_run *run, const struct waiting *w, int64_t now_ms)
{
    audit_add(run, now_ms, &w->line);
    for (size_t i = 0; w->told && i < w->told->n; i++) {
        struct audit_line line = w->line;
        line.patient = w->told->patient[i];
        audit_add(run, now_ms, &line);
    }
}

static int take_one(struct waiting *w, struct tx *tx, int64_t now_ms, bool careful)
{
    struct fault fault = {0};
    struct actor system = {.system = true, .name = "exchange"};
    struct op_ctx ctx = {.records = w->r, .tx = tx, .actor = &system, .now_ms = now_ms, .fault = &fault};
    struct exchange_in in = in_of(w, careful);
    int rc = w->question ? 0 : w->source ? exchange_take_row(&ctx, &in, &w->answer) : exchange_take(&ctx, &in, &w->answer);
    if (rc && (careful || rc != ERR_CONFLICT))
        log_error("exchange", "a message could not be kept: %s %s", err_wire(rc), fault.reason);
    if (!w->question)
        line_of(w, &ctx, "exchange.receive");
    return rc;
}

static int take_all(struct records *r, struct waiting *group, bool careful)
{
    struct tx *tx;
    int rc = tx_begin(r->store, TX_WRITE, &tx);
    if (rc)
        return rc;
    int64_t now_ms = clock_now_ms(r->clock);
    struct audit_run run;
    exchange_group_begin(r->parts.exchange);
    quality_arrivals_begin(r->parts.quality);
    audit_begin(&run, tx, r->parts.audit_key);
    for (struct waiting *w = group; w && rc == 0; w = w->next) {
        rc = take_one(w, tx, now_ms, careful);
        if (rc == 0)
            write_lines(&run, w, now_ms);
    }
    rc = rc ? rc : exchange_group_end(r->parts.exchange, tx);
    rc = rc ? rc : quality_arrivals_end(r->parts.quality, tx, now_ms);
    rc = rc ? rc : audit_end(&run);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    return rc;
}

/* Most messages are as they should be. When one is not, and something was done for it already, all of the group is undone and taken once
 * more, each message behind a savepoint of its own. */
static int take_group(struct records *r, struct waiting *group)
{
    int rc = take_all(r, group, false);
    if (rc != ERR_CONFLICT)
        return rc;
    for (struct waiting *w = group; w; w = w->next)
        if (!w->question)
            hl7_writer_fini(&w->answer);
    return take_all(r, group, true);
}

static struct waiting *next_group(struct exchange_queue *q)
{
    struct waiting *group = q->first, **at = &q->first;
    size_t bytes = 0, waiting = q->n;
    for (size_t n = 0; *at && n < GROUP_MAX && (n == 0 || bytes + (*at)->len <= GROUP_BYTES_MAX); n++) {
        bytes += (*at)->len;
        q->bytes -= (*at)->len;
        q->n--;
        at = &(*at)->next;
    }
    q->first = *at;
    if (!q->first)
        q->last = &q->first;
    *at = NULL;
    gather_took(&q->gather, waiting - q->n);
    return group;
}

static void take_waiting(void *ctx);

/* Under the lock. One job stands for all that wait, and lets others in between two groups. */
static int call_writer(struct records *r)
{
    struct exchange_queue *q = r->exchange;
    if (q->called)
        return 0;
    q->called = true;
    int rc = records_writer_run(r, take_waiting, r);
    q->called = rc == 0;
    return rc;
}

static void take_waiting(void *ctx)
{
    struct records *r = ctx;
    struct exchange_queue *q = r->exchange;
    bool stay = true;
    while (stay) {
        pthread_mutex_lock(&q->lock);
        if (r->has_writer)
            gather_wait(&q->gather, &q->lock, &q->n, GATHER_US);
        struct waiting *group = next_group(q);
        q->called = false;
        stay = q->first && call_writer(r); /* the pool's queue is full or closing: nobody else will come for them */
        metric_set(q->m_waiting, (int64_t)q->n);
        pthread_mutex_unlock(&q->lock);
        int rc = group ? take_group(r, group) : 0;
        while (group) {
            struct waiting *w = group;
            group = w->next;
            w->error = rc;
            finish(w, group);
        }
        if (rc == 0) /* who sent it waits for nothing but the disk */
            records_feed_tell(r);
    }
}

static int enqueue(struct waiting *w)
{
    struct exchange_queue *q = w->r->exchange;
    bool direct = !w->r->has_writer;
    pthread_mutex_lock(&q->lock);
    int rc = q->n >= WAITING_MAX || (q->n && q->bytes + w->len > WAITING_BYTES_MAX) ? ERR_UNAVAILABLE : 0;
    if (rc == 0) {
        *q->last = w;
        q->last = &w->next;
        q->n++;
        q->bytes += w->len;
        gather_came(&q->gather, q->n);
        rc = direct ? 0 : call_writer(w->r);
        if (rc) { /* it is the last: taken back */
            struct waiting **at = &q->first;
            while (*at != w)
                at = &(*at)->next;
            *at = NULL;
            q->last = at;
            q->n--;
            q->bytes -= w->len;
        }
    }
    pthread_mutex_unlock(&q->lock);
    if (rc == 0 && direct)
        take_waiting(w->r);
    return rc;
}

/* ---- questions ---- */

static void answer_one(void *ctx)
{
    struct waiting *w = ctx;
    struct fault fault = {0};
    struct actor system = {.system = true, .name = "exchange"};
    struct tx *tx;
    struct exchange_in in = in_of(w, true);
    w->told = calloc(1, sizeof *w->told);
    w->error = w->told ? tx_begin(w->r->store, TX_READ, &tx) : ERR_UNAVAILABLE;
    if (w->error == 0) {
        struct op_ctx ctx_ = {.records = w->r, .tx = tx, .actor = &system, .now_ms = clock_now_ms(w->r->clock), .fault = &fault};
        w->error = exchange_answer_query(&ctx_, &in, &w->answer, w->told);
        if (w->told->n == 1) {
            ctx_.audit.patient = w->told->patient[0];
            w->told->n = 0;
        }
        line_of(w, &ctx_, "exchange.query");
        tx_rollback(tx);
    }
    bool unreadable = w->error == ERR_MALFORMED || w->error == ERR_TOO_LARGE;
    w->question = !unreadable; /* one that cannot be read is refused like any message */
    if (unreadable)
        hl7_writer_fini(&w->answer);
    else if (w->error) {
        finish(w, NULL);
        return;
    }
    int rc = enqueue(w); /* what cannot be audited is not told; on 0 it is no longer ours */
    if (rc) {
        w->error = rc;
        finish(w, NULL);
    }
}

bool records_message_asks(const void *bytes, size_t len)
{
    return exchange_is_query(bytes, len);
}

int records_message_submit(struct records *r, const struct records_message *m, records_message_done done, void *ctx)
{
    struct waiting *w = calloc(1, sizeof *w);
    char *bytes = w ? malloc(m->len + 1) : NULL;
    if (!bytes) {
        free(w);
        return ERR_UNAVAILABLE;
    }
    memcpy(bytes, m->bytes, m->len);
    bytes[m->len] = 0;
    *w = (struct waiting){.r = r, .bytes = bytes, .len = m->len, .too_large = m->too_large, .source = m->source, .file = m->file, .row = m->row, .latest = m->latest, .done = done, .done_ctx = ctx};
    snprintf(w->address, sizeof w->address, "%s", m->address ? m->address : "");
    snprintf(w->certificate, sizeof w->certificate, "%s", m->certificate ? m->certificate : "");
    int rc = !w->too_large && !w->source && exchange_is_query(w->bytes, w->len) ? records_pool_run(r, answer_one, w) : enqueue(w);
    if (rc)
        waiting_free(w);
    return rc;
}
