/* One message on its way: what is in it, the audit line before it goes, what its answer means. */
#include "records/audit/audit.h"
#include "records/outgoing/queue.h"
#include "records/outgoing/send_private.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (8u << 20) /* a message is cut before it gets larger, unless one thing alone is */

int64_t outgoing_backoff_ms(int tries)
{
    static const int64_t waits_ms[] = {2000, 10000, 30000, 120000, 600000};
    int last = (int)(sizeof waits_ms / sizeof *waits_ms) - 1;
    return waits_ms[tries < 1 ? 0 : tries - 1 > last ? last : tries - 1];
}

bool outgoing_busy(const struct outgoing *o, uint64_t subscriber)
{
    for (const struct transfer *t = o->under_way; t; t = t->next)
        if (t->s.id == subscriber)
            return true;
    return false;
}

static void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    r4_buf_clear(&t->body);
    if (t->text.bytes)
        explicit_bzero(t->text.bytes, t->text.len);
    hl7_writer_fini(&t->text);
    explicit_bzero(t, sizeof *t);
    free(t);
}

static void take_off(struct transfer *t)
{
    struct transfer **at = &t->o->under_way;
    while (*at && *at != t)
        at = &(*at)->next;
    if (*at)
        *at = t->next;
}

void outgoing_forget_all(struct outgoing *o)
{
    while (o->under_way) {
        struct transfer *t = o->under_way;
        o->under_way = t->next;
        transfer_free(t);
    }
}

/* ---- what is in it ---- */

static int take_entries(struct transfer *t, struct tx *tx)
{
    struct records *r = t->o->records;
    int64_t limit = t->s.er7 || t->s.tries || t->s.batch < 1 ? 1 : t->s.batch > OUT_BATCH_MAX ? OUT_BATCH_MAX : t->s.batch; /* after a failure: one alone, it may be the one */
    struct queue_entry list[OUT_BATCH_MAX];
    size_t n = 0;
    int rc = queue_read(tx, t->s.id, 0, true, list, (size_t)limit, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct entry *e = &t->entries[t->n++];
        *e = (struct entry){.seq = list[i].seq, .t_ms = list[i].t_ms, .act = list[i].act, .told = list[i].told, .thing = {out_type(r, list[i].type), list[i].own, list[i].pkey, list[i].rid}};
        rc = e->thing.type ? 0 : ERR_INTERNAL;
    }
    return rc;
}

/* The message of a Subscription: a PUT of the resource to its place below the endpoint, or a POST of nothing. */
static void write_hook(struct transfer *t, const struct entry *e, const struct fhir_seen *seen)
{
    if (!t->s.payload) {
        snprintf(t->url, sizeof t->url, "%s", t->s.url);
        return;
    }
    size_t n = strlen(t->s.url);
    snprintf(t->url, sizeof t->url, "%.*s/%s/%s", (int)(n && t->s.url[n - 1] == '/' ? n - 1 : n), t->s.url, e->thing.type, seen->name);
    r4_buf_put(&t->body, seen->body, seen->len);
}

static int render(struct transfer *t, struct fhir_view *view)
{
    char base[300];
    size_t kept = 0;
    fhir_view_base(view, base);
    if (!t->s.hook)
        r4_buf_puts(&t->body, "{\"resourceType\":\"Bundle\",\"type\":\"history\",\"entry\":[");
    for (size_t i = 0; i < t->n && (i == 0 || t->body.n < BODY_MAX); i++, kept++) {
        struct entry *e = &t->entries[i];
        struct fhir_seen seen;
        int rc = fhir_view_read(view, &e->thing, &seen);
        if (rc)
            return rc;
        e->found = seen.found;
        e->patient = seen.patient;
        if (!t->s.hook) {
            if (i)
                r4_buf_puts(&t->body, ",");
            fhir_entry_write(&t->body, base, &e->thing, &seen, &(struct fhir_entry_place){e->seq, e->t_ms});
        } else if (seen.found)
            write_hook(t, e, &seen);
        fhir_seen_clear(&seen);
    }
    t->n = kept;
    if (!t->s.hook)
        r4_buf_puts(&t->body, "]}");
    return t->body.failed ? ERR_UNAVAILABLE : 0;
}

static void write_names(struct transfer *t)
{
    char id[ID_TEXT_BYTES], range[48];
    int64_t first = t->entries[0].seq, last = t->entries[t->n - 1].seq;
    id_format(t->s.id, id);
    snprintf(range, sizeof range, t->n > 1 ? "%lld-%lld" : "%lld", (long long)first, (long long)last);
    snprintf(t->id, sizeof t->id, "%s-%s", id, range);
    snprintf(t->headers, sizeof t->headers, "Idempotency-Key: %s\nX-Yilian-Subscriber: %s\nX-Yilian-Sequence: %s\n%s", t->id, id, range, t->s.headers);
    if (!t->s.hook)
        snprintf(t->url, sizeof t->url, "%s", t->s.url);
}

static int prepare(struct transfer *t)
{
    struct tx *tx;
    int rc = tx_begin(records_store(t->o->records), TX_READ, &tx);
    if (rc)
        return rc;
    rc = take_entries(t, tx);
    struct fhir_view *view = rc == 0 && t->n ? subscriber_view(t->o->records, tx, &t->s) : NULL;
    if (view)
        rc = t->s.er7 ? er7_render(t, view, tx) : render(t, view);
    else if (t->n)
        rc = ERR_UNAVAILABLE;
    fhir_view_close(view);
    tx_rollback(tx);
    if (rc == 0 && t->n && !t->s.er7)
        write_names(t);
    return rc;
}

/* ---- rows ---- */

static void audit_lines(struct transfer *t, struct tx *tx, int64_t now_ms)
{
    struct audit_run run;
    char detail[120];
    audit_begin(&run, tx, records_parts(t->o->records)->audit_key);
    for (size_t i = 0; i < t->n; i++) {
        const struct entry *e = &t->entries[i];
        snprintf(detail, sizeof detail, "%s seq=%lld", e->thing.type, (long long)e->seq);
        if (e->found)
            audit_add(&run, now_ms, &(struct audit_line){.op = "out.deliver", .outcome = "ok", .org = t->s.org, .session = t->s.client ? t->s.client : t->s.id,
                                                         .patient = e->patient, .object = (uint64_t)e->thing.rid, .address = "", .detail = detail});
    }
    (void)!audit_end(&run); /* the error sticks */
}

static void set_items(struct transfer *t, struct tx *tx, int state, int64_t now_ms, const char *error)
{
    for (size_t i = 0; i < t->n; i++)
        tx_exec(tx, "UPDATE out_item SET state=$1, done_ms=$2, error=$3 WHERE subscriber_id=$4 AND seq=$5 AND state=0", "iitii", (int64_t)state, now_ms, error,
                (int64_t)t->s.id, t->entries[i].seq);
}

static void handed_over(struct transfer *t, struct tx *tx, int64_t now_ms)
{
    int64_t last = t->entries[t->n - 1].seq;
    set_items(t, tx, ITEM_DONE, now_ms, "");
    tx_exec(tx, "UPDATE out_subscriber SET acked_seq=CASE WHEN acked_seq<$1 THEN $1 ELSE acked_seq END, tries=0, dead_in_row=0, next_ms=0, error='', last_ok_ms=$2 "
                "WHERE id=$3", "iii", last, now_ms, (int64_t)t->s.id);
}

static void wait_longer(struct transfer *t, struct tx *tx, int64_t now_ms, const char *error)
{
    tx_exec(tx, "UPDATE out_subscriber SET tries=tries+1, next_ms=$1, error=$2 WHERE id=$3", "iti", now_ms + outgoing_backoff_ms((int)t->s.tries + 1), error,
            (int64_t)t->s.id);
}

/* Said no: the first of them is to blame, it was alone or will be. */
static void refused(struct transfer *t, struct tx *tx, int64_t now_ms, bool at_once, const char *error)
{
    int64_t first = t->entries[0].seq;
    int64_t tries = at_once ? OUT_TRIES : t->n > 1 ? 0 : 1 + tx_int(tx, 0, "SELECT tries FROM out_item WHERE subscriber_id=$1 AND seq=$2", "ii", (int64_t)t->s.id, first);
    if (tries < OUT_TRIES) {
        tx_exec(tx, "UPDATE out_item SET tries=$1, error=$2 WHERE subscriber_id=$3 AND seq=$4", "itii", tries, error, (int64_t)t->s.id, first);
        wait_longer(t, tx, now_ms, error);
        return;
    }
    set_items(t, tx, ITEM_DEAD, now_ms, error);
    tx_exec(tx, "UPDATE out_subscriber SET tries=0, next_ms=0, error=$1, dead_in_row=dead_in_row+1 WHERE id=$2", "ti", error, (int64_t)t->s.id);
    t->stopped = t->s.dead_in_row + 1 >= OUT_DEAD_IN_A_ROW;
    if (t->stopped)
        tx_exec(tx, "UPDATE out_subscriber SET state=$1, changed_ms=$2 WHERE id=$3 AND state='active'", "tii", t->s.hook ? "off" : "error", now_ms, (int64_t)t->s.id);
}

struct outcome {
    enum verdict verdict;
    const char *error;
};

/* NULL: it is about to go, the audit's lines. */
static int write_rows(struct transfer *t, const struct outcome *r)
{
    struct tx *tx;
    int64_t now_ms = clock_now_ms(records_clock(t->o->records));
    int rc = tx_begin(records_store(t->o->records), TX_WRITE, &tx);
    if (rc)
        return rc;
    if (!r)
        audit_lines(t, tx, now_ms);
    else if (r->verdict == SEND_TAKEN)
        handed_over(t, tx, now_ms);
    else if (r->verdict != SEND_SILENT)
        refused(t, tx, now_ms, r->verdict == SEND_DEAD, r->error);
    else
        wait_longer(t, tx, now_ms, r->error);
    rc = tx_error(tx);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc)
        log_error("outgoing", "the outcome of a message could not be recorded: %s", err_wire(rc));
    return rc;
}

/* ---- the way ---- */

static void count(enum verdict verdict)
{
    struct metric *sent = metric_counter("yilian_outgoing_messages_total", "Messages to subscribers, by what became of them", "outcome=\"taken\"");
    struct metric *failed = metric_counter("yilian_outgoing_messages_total", "Messages to subscribers, by what became of them", "outcome=\"failed\"");
    metric_add(verdict == SEND_TAKEN ? sent : failed, 1);
}

void transfer_answered(struct transfer *t, enum verdict verdict, const char *error)
{
    count(verdict);
    (void)!write_rows(t, &(struct outcome){verdict, error}); /* not recorded: it goes once more, under the same numbers */
    if (t->s.hook)
        (void)outgoing_hook_tell(t->o->records, &t->s, verdict == SEND_TAKEN ? "active" : t->stopped ? "off" : "error", error);
    take_off(t);
    transfer_free(t);
}

static void answered(void *ctx, const struct post_result *r)
{
    transfer_answered(ctx, r->outcome == POST_TAKEN ? SEND_TAKEN : r->status ? SEND_REFUSED : SEND_SILENT, r->error);
}

/* What is gone, or not for him any more: there is nothing to say to a Subscription or a receiver of HL7. */
static bool is_empty(const struct transfer *t)
{
    return t->n && !t->entries[0].found && (t->s.hook || t->s.er7);
}

static int post(struct transfer *t)
{
    bool payload = t->body.n > 0;
    struct post_request q = {.method = t->s.hook && payload ? "PUT" : "POST", .url = t->url, .content_type = payload ? "application/fhir+json; charset=utf-8" : NULL,
                             .agent = "yilian-outgoing/1", .id = t->id, .secret = t->s.secret, .headers = t->headers, .body = t->body.p, .len = t->body.n,
                             .now_ms = clock_now_ms(records_clock(t->o->records))};
    return post_line_add(t->o->line, &q, answered, t);
}

bool outgoing_send(struct outgoing *o, const struct subscriber *s)
{
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return false;
    t->o = o;
    t->s = *s;
    int rc = prepare(t);
    if (rc == 0 && is_empty(t)) {
        rc = write_rows(t, &(struct outcome){SEND_TAKEN, ""});
        transfer_free(t);
        return rc == 0;
    }
    if (rc == 0)
        rc = t->n ? write_rows(t, NULL) : ERR_NOT_FOUND; /* nothing to send */
    rc = rc ? rc : s->er7 ? er7_start(t) : post(t);
    if (rc) {
        transfer_free(t);
        return false;
    }
    t->next = o->under_way;
    o->under_way = t;
    return true;
}
