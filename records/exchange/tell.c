#include "records/exchange/tell.h"
#include "records/audit/audit.h"
#include "records/exchange/exchange_private.h"
#include "records/exchange/lanes.h"
#include "records/exchange/mllp_client.h"
#include "records/exchange/notice.h"
#include "records/exchange/row_flow.h"
#include "records/parts.h"
#include "records/records.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_MS 1000
#define SOURCES_MAX 64
#define PLACES 6
#define AILING 3
#define TURN_MAX 500 /* messages of one turn */
#define FAILED_MS 10000
#define FAILED_MAX_MS 3600000

struct exchange_tell {
    struct records *records;
    char trust[600], certificate[600], key[600];
    int connect_ms, answer_ms;
    pthread_t thread;
    bool running;
    struct row_flow flow; /* its rest and its stop */
    struct lanes *lanes;
};

struct telling { /* one system in one turn */
    struct exchange_tell *t;
    uint64_t source;
    char address[220];
    int64_t failures;
    struct mllp_peer peer;
    struct mllp_client *line; /* NULL = not yet */
    const char *reason;
    char detail[160];
};

/* ---- transactions of its own ---- */

struct own_tx {
    struct op_ctx ctx;
    struct fault fault;
    struct actor actor;
};

static int begin_tx(const struct telling *g, enum tx_mode mode, struct own_tx *o)
{
    struct records *r = g->t->records;
    struct tx *tx;
    memset(o, 0, sizeof *o);
    int rc = tx_begin(records_store(r), mode, &tx);
    o->actor = (struct actor){.system = true, .name = "exchange"};
    o->ctx = (struct op_ctx){.records = r, .tx = rc ? NULL : tx, .actor = &o->actor, .now_ms = clock_now_ms(records_clock(r)), .fault = &o->fault};
    return rc;
}

static int end_tx(struct own_tx *o, int rc)
{
    rc = rc ? rc : tx_error(o->ctx.tx);
    if (rc)
        tx_rollback(o->ctx.tx);
    return rc ? rc : tx_commit(o->ctx.tx);
}

static int next(const struct telling *g, struct exchange_notice *n)
{
    struct own_tx o;
    int rc = begin_tx(g, TX_READ, &o);
    if (rc) {
        *n = (struct exchange_notice){0};
        return rc;
    }
    rc = exchange_notice_next(&o.ctx, g->source, n);
    tx_rollback(o.ctx.tx);
    return rc;
}

static int record_sent(const struct telling *g, const struct exchange_notice *n)
{
    struct own_tx o;
    struct audit_line line = {.op = "exchange.notify", .outcome = "ok", .patient = n->patient, .object = n->source, .address = "", .detail = ""};
    int rc = begin_tx(g, TX_WRITE, &o);
    if (rc)
        return rc;
    rc = exchange_notice_done(&o.ctx, n);
    if (rc == 0 && n->text.len) {
        tx_exec(o.ctx.tx, "UPDATE exchange_tell SET state='ok', reason='', detail='', failures=0, sent=sent+1, last_ms=$1 WHERE source_id=$2", "ii", o.ctx.now_ms, (int64_t)g->source);
        rc = audit_append(o.ctx.tx, records_parts(g->t->records)->audit_key, o.ctx.now_ms, &line);
    }
    return end_tx(&o, rc);
}

static void record_failure(const struct telling *g, const struct exchange_notice *n)
{
    struct own_tx o;
    int64_t wait = FAILED_MS;
    for (int64_t i = 0; i < g->failures && wait < FAILED_MAX_MS; i++)
        wait *= 2;
    int rc = begin_tx(g, TX_WRITE, &o);
    if (rc == 0) {
        rc = strcmp(g->reason, "refused") == 0 ? exchange_notice_refused(&o.ctx, n) : 0;
        tx_exec(o.ctx.tx, "UPDATE exchange_tell SET state='failed', reason=$1, detail=$2, failures=failures+1, next_ms=$3 WHERE source_id=$4", "ttii", g->reason, g->detail,
                o.ctx.now_ms + (wait < FAILED_MAX_MS ? wait : FAILED_MAX_MS), (int64_t)g->source);
        rc = end_tx(&o, rc);
    }
    log_warn("exchange", "source %016llx could not be notified: %s", (unsigned long long)g->source, rc ? err_wire(rc) : g->reason);
}

/* ---- one message ---- */

static int failed(struct telling *g, const char *reason, const char *detail)
{
    g->reason = reason;
    if (detail != g->detail)
        snprintf(g->detail, sizeof g->detail, "%s", detail);
    return ERR_INVALID;
}

/* AA or CA to this message. The answer's words are not kept: they may speak of the patient. */
static int judge(struct telling *g, const struct exchange_notice *n, const char *answer, size_t len)
{
    struct hl7_message m;
    struct fault f = {0};
    char code[4] = "", control[40] = "";
    if (hl7_parse(&m, answer, len, HL7_UTF8, &f) == 0) {
        hl7_text_at(&m, "MSA-1", code, sizeof code);
        hl7_text_at(&m, "MSA-2", control, sizeof control);
    }
    hl7_fini(&m);
    if (strcmp(control, n->control) != 0)
        return failed(g, "answer", "");
    if (strcmp(code, "AA") == 0 || strcmp(code, "CA") == 0)
        return 0;
    return strchr("AC", code[0]) && code[0] && (code[1] == 'E' || code[1] == 'R') ? failed(g, "refused", code) : failed(g, "answer", code);
}

static int send(struct telling *g, const struct exchange_notice *n)
{
    char *answer = NULL;
    size_t len = 0;
    int rc = g->line ? 0 : mllp_client_open(&g->line, &g->peer, g->detail);
    if (rc)
        return failed(g, rc == ERR_TIMEOUT ? "timeout" : "connect", g->detail);
    rc = mllp_client_ask(g->line, n->text.bytes, n->text.len, &answer, &len);
    if (rc == 0)
        rc = judge(g, n, answer, len);
    else
        rc = failed(g, rc == ERR_TIMEOUT ? "timeout" : rc == ERR_MALFORMED ? "answer" : "broken", "");
    free(answer);
    return rc;
}

/* ---- one system, all systems ---- */

/* False: nothing more in this turn. */
static bool tell_next(struct telling *g)
{
    struct exchange_notice n;
    int rc = next(g, &n);
    bool more = rc == 0 && n.id;
    if (more && n.text.len) {
        rc = send(g, &n);
        if (rc && !row_flow_stopped(&g->t->flow))
            record_failure(g, &n);
        more = rc == 0;
    }
    if (more && (rc = record_sent(g, &n))) /* it will be sent again under the same MSH-10 */
        more = false;
    if (rc && rc != ERR_INVALID)
        log_error("exchange", "source %016llx: a notification could not be recorded: %s", (unsigned long long)g->source, err_wire(rc));
    exchange_notice_fini(&n);
    return more;
}

static bool load(struct telling *g)
{
    struct own_tx o;
    if (begin_tx(g, TX_READ, &o))
        return false;
    struct query *q = tx_query(o.ctx.tx, "SELECT s.notify, t.failures FROM exchange_source s JOIN exchange_tell t ON t.source_id=s.id WHERE s.id=$1 AND s.enabled=1 AND t.next_ms<=$2", "ii",
                               (int64_t)g->source, o.ctx.now_ms);
    bool found = query_next(q);
    if (found) {
        snprintf(g->address, sizeof g->address, "%s", query_text(q, "notify"));
        g->failures = query_int(q, "failures");
    }
    found = query_end(q) == 0 && found && mllp_address_ok(g->address);
    tx_rollback(o.ctx.tx);
    return found;
}

static void tell_one(void *job)
{
    struct telling *g = job;
    struct exchange_tell *t = g->t;
    g->peer = (struct mllp_peer){g->address, t->trust, t->certificate, t->key, t->connect_ms, t->answer_ms, &t->flow.stop};
    if (load(g))
        for (int i = 0; i < TURN_MAX && !row_flow_stopped(&t->flow) && tell_next(g); i++)
            ;
    mllp_client_close(g->line);
    free(g);
}

static void begin(struct exchange_tell *t, uint64_t source, bool ailing)
{
    struct telling *g = calloc(1, sizeof *g);
    if (!g)
        return;
    g->t = t;
    g->source = source;
    if (!lanes_begin(t->lanes, source, ailing, tell_one, g))
        free(g); /* under way, or all places taken: it stays due */
}

static void begin_due(struct exchange_tell *t)
{
    struct tx *tx;
    uint64_t due[SOURCES_MAX];
    bool ailing[SOURCES_MAX];
    size_t n = 0;
    if (tx_begin(records_store(t->records), TX_READ, &tx))
        return;
    struct query *q = tx_query(tx,
                               "SELECT s.id, t.failures FROM exchange_source s JOIN exchange_tell t ON t.source_id=s.id WHERE s.enabled=1 AND s.notify<>'' AND t.next_ms<=$1 "
                               "AND EXISTS (SELECT 1 FROM exchange_notice n WHERE n.source_id=s.id AND n.state='waiting') ORDER BY t.next_ms, s.id LIMIT $2",
                               "ii", clock_now_ms(records_clock(t->records)), (int64_t)SOURCES_MAX);
    while (n < SOURCES_MAX && query_next(q)) {
        due[n] = (uint64_t)query_int(q, "id");
        ailing[n++] = query_int(q, "failures") > 0;
    }
    if (query_end(q))
        n = 0;
    tx_rollback(tx);
    for (size_t i = 0; i < n && !row_flow_stopped(&t->flow); i++)
        begin(t, due[i], ailing[i]);
}

void exchange_tell_round(struct exchange_tell *t)
{
    begin_due(t);
    lanes_wait(t->lanes);
}

static void *run(void *arg)
{
    struct exchange_tell *t = arg;
    do
        begin_due(t);
    while (row_flow_rest(&t->flow, ROUND_MS));
    return NULL;
}

int exchange_tell_open(struct exchange_tell **out, const struct exchange_tell_config *c, struct fault *f)
{
    struct exchange_tell *t = *out = calloc(1, sizeof *t);
    struct lanes *lanes = t ? lanes_open(PLACES, AILING) : NULL;
    if (!lanes) {
        free(t);
        *out = NULL;
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    }
    t->lanes = lanes;
    t->records = c->records;
    t->connect_ms = c->connect_ms ? c->connect_ms : 5000;
    t->answer_ms = c->answer_ms ? c->answer_ms : 20000;
    snprintf(t->trust, sizeof t->trust, "%s", c->trust ? c->trust : "");
    snprintf(t->certificate, sizeof t->certificate, "%s", c->certificate ? c->certificate : "");
    snprintf(t->key, sizeof t->key, "%s", c->key ? c->key : "");
    row_flow_init(&t->flow, c->records);
    return 0;
}

int exchange_tell_start(struct exchange_tell *t, struct fault *f)
{
    t->running = pthread_create(&t->thread, NULL, run, t) == 0;
    return t->running ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "The thread that notifies other systems cannot be started.");
}

void exchange_tell_close(struct exchange_tell *t)
{
    if (!t)
        return;
    row_flow_stop(&t->flow);
    if (t->running)
        pthread_join(t->thread, NULL);
    lanes_close(t->lanes);
    row_flow_fini(&t->flow);
    free(t);
}
