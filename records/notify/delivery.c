/* The queue: who gets a delivery, when it is due, what becomes of it. */
#include "records/notify/delivery.h"
#include "records/notify/notify.h"
#include "records/store/seal.h"
#include "records/work/policy.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <string.h>

#define ZONE_MIN 480
#define CLAIM_MS 60000

/* The first gateway, in order of priority and after `after_priority`, that takes this kind of notice. */
static int64_t next_gateway(struct tx *tx, struct delivery_kind kind, int64_t after_priority)
{
    return tx_int(tx, 0,
                  "SELECT id FROM gateway WHERE enabled=1 AND priority>$1 AND ((takes_urgent=1 AND $2=1) OR "
                  "(takes_task=1 AND $3=1) OR (takes_info=1 AND $3=0)) ORDER BY priority LIMIT 1",
                  "iii", after_priority, (int64_t)kind.urgent, (int64_t)kind.task);
}

static void queue_on(struct tx *tx, uint64_t notice, int64_t gateway, int64_t now_ms, int64_t due_ms)
{
    tx_exec(tx,
            "INSERT INTO delivery (id, notice_id, gateway_id, state, tries, next_ms, error, created_ms, changed_ms) "
            "VALUES ($1,$2,$3,'queued',0,$4,NULL,$5,$5)",
            "iiiii", (int64_t)id_new(), (int64_t)notice, gateway, due_ms, now_ms);
}

void delivery_queue(struct op_ctx *ctx, uint64_t notice, struct delivery_kind kind)
{
    int64_t gateway = next_gateway(ctx->tx, kind, -1);
    if (!gateway)
        return;
    int from = (int)work_policy_int(ctx, "notify.quiet_from_min"), to = (int)work_policy_int(ctx, "notify.quiet_to_min");
    queue_on(ctx->tx, notice, gateway, ctx->now_ms, delivery_earliest_ms(ctx->now_ms, kind.urgent, from, to));
}

/* A notice read in the application needs no message any more; one that went out was read. */
void delivery_read(struct tx *tx, struct person_id person, uint64_t notice, int64_t now_ms)
{
    tx_exec(tx,
            "UPDATE delivery SET state='read', changed_ms=$1 WHERE state IN ('queued','sent','delivered') AND notice_id IN "
            "(SELECT id FROM notice WHERE person_id=$2 AND read_ms=0 AND ($3=0 OR id=$3))",
            "iii", now_ms, (int64_t)person.v, (int64_t)notice);
}

/* ---- claim ---- */

static void body_of(struct query *q, const struct delivery_keys *keys, struct gateway_message *m)
{
    static const struct notify_template test = {"gateway.test", "医联平台网关测试消息", "Test message of the Yilian gateway", false};
    const char *name = query_text(q, "template");
    const struct notify_template *t = name && strcmp(name, test.id) == 0 ? &test : notify_template_find(name);
    struct notify_figure figure;
    json_t *borrowed = notify_figure_open(query_text(q, "figure"), &figure);
    struct notify_about about = {{(uint64_t)query_int(q, "case_id")}, query_text(q, "case_number"), query_text(q, "act"), query_int(q, "due_ms"), query_int(q, "urgent") != 0,
                                 borrowed ? &figure : NULL};
    char zh[NOTIFY_TEXT_BYTES] = "", en[NOTIFY_TEXT_BYTES] = "", id[ID_TEXT_BYTES], link[300] = "", case_text[ID_TEXT_BYTES] = "", page[NOTIFY_PAGE_BYTES];
    if (t) {
        notify_text(t, &about, "zh", ZONE_MIN, zh);
        notify_text(t, &about, "en", ZONE_MIN, en);
    }
    json_decref(borrowed);
    id_format(m->delivery, id);
    const char *at = t ? notify_page(t, about.case_id, page) : NULL;
    if (about.case_id.v)
        id_format(about.case_id.v, case_text);
    if (keys->base_url[0] && at)
        snprintf(link, sizeof link, "%s%s", keys->base_url, at);
    else if (keys->base_url[0] && about.case_id.v)
        snprintf(link, sizeof link, "%s/cases/%s", keys->base_url, case_text);
    json_t *o = json_pack("{s:s,s:o,s:s?,s:{s:s,s:s},s:s?,s:b,s:s}", "delivery_id", id, "person_id",
                          json_id((uint64_t)query_int(q, "person_id")), "login", query_text(q, "login"), "text", "zh", zh,
                          "en", en, "case_number", about.case_number, "urgent", about.urgent, "link", link);
    size_t n = o ? json_dumpb(o, m->body, sizeof m->body - 1, JSON_COMPACT) : 0;
    m->body[n < sizeof m->body ? n : 0] = 0;
    json_decref(o);
}

static bool take(struct query *q, const struct delivery_keys *keys, int64_t now_ms, struct delivery_batch *batch)
{
    struct gateway_message *m = &batch->items[batch->n].message;
    const struct gateway_driver *driver = gateway_driver_find(query_text(q, "kind"));
    size_t len;
    const void *sealed = query_blob(q, "secret_sealed", &len);
    memset(m, 0, sizeof *m);
    m->delivery = (uint64_t)query_int(q, "id");
    m->now_ms = now_ms;
    snprintf(m->url, sizeof m->url, "%s", query_text(q, "url"));
    if (!driver || seal_open_text(keys->seal, (uint64_t)query_int(q, "gateway_id"), sealed, len, m->secret, sizeof m->secret))
        return false;
    body_of(q, keys, m);
    batch->items[batch->n++].driver = driver;
    return true;
}

int delivery_claim(struct tx *tx, const struct delivery_keys *keys, int64_t now_ms, struct delivery_batch *batch)
{
    batch->n = 0;
    struct query *q = tx_query(tx,
                               "SELECT d.id, d.gateway_id, g.kind, g.url, g.secret_sealed, n.template, n.act, n.case_id, n.case_number, "
                               "n.due_ms, n.urgent, n.figure, n.person_id, p.login FROM delivery d JOIN gateway g ON g.id=d.gateway_id "
                               "JOIN notice n ON n.id=d.notice_id LEFT JOIN person p ON p.id=n.person_id "
                               "WHERE d.state='queued' AND d.next_ms<=$1 AND g.enabled=1 ORDER BY d.next_ms LIMIT $2",
                               "ii", now_ms, (int64_t)DELIVERY_BATCH);
    while (batch->n < DELIVERY_BATCH && query_next(q))
        if (!take(q, keys, now_ms, batch))
            continue;
    int rc = query_end(q);
    for (size_t i = 0; i < batch->n; i++)
        tx_exec(tx, "UPDATE delivery SET next_ms=$1, tries=tries+1 WHERE id=$2", "ii", now_ms + CLAIM_MS,
                (int64_t)batch->items[i].message.delivery);
    return rc ? rc : tx_error(tx);
}

void delivery_send(struct delivery_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        batch->items[i].driver->send(&batch->items[i].message, &batch->items[i].result);
        explicit_bzero(batch->items[i].message.secret, sizeof batch->items[i].message.secret);
    }
}

/* ---- record ---- */

static void set_state(struct tx *tx, uint64_t id, const char *state, const char *error, int64_t now_ms)
{
    tx_exec(tx, "UPDATE delivery SET state=$1, error=$2, changed_ms=$3 WHERE id=$4 AND state='queued'", "ttii", state,
            error && error[0] ? error : NULL, now_ms, (int64_t)id);
}

/* Failed on this gateway: the next one gets the notice, at once (its quiet hours were waited for already). */
static void fail_over(struct tx *tx, uint64_t id, const char *error, int64_t now_ms)
{
    set_state(tx, id, "failed", error, now_ms);
    struct query *q = tx_query(tx,
                               "SELECT n.id, n.task, n.urgent, n.read_ms, g.priority FROM delivery d JOIN notice n ON n.id=d.notice_id "
                               "JOIN gateway g ON g.id=d.gateway_id WHERE d.id=$1 AND n.template<>'gateway.test'",
                               "i", (int64_t)id);
    uint64_t notice = 0;
    int64_t priority = 0;
    struct delivery_kind kind = {0};
    if (query_next(q) && query_int(q, "read_ms") == 0) {
        notice = (uint64_t)query_int(q, "id");
        priority = query_int(q, "priority");
        kind = (struct delivery_kind){query_int(q, "task") != 0, query_int(q, "urgent") != 0};
    }
    int rc = query_end(q);
    int64_t gateway = rc || !notice ? 0 : next_gateway(tx, kind, priority);
    if (gateway)
        queue_on(tx, notice, gateway, now_ms, now_ms);
}

static void try_again(struct tx *tx, uint64_t id, const char *error, int64_t now_ms)
{
    int64_t tries = tx_int(tx, 0, "SELECT tries FROM delivery WHERE id=$1", "i", (int64_t)id);
    if (tries >= DELIVERY_TRIES_MAX)
        fail_over(tx, id, error, now_ms);
    else
        tx_exec(tx, "UPDATE delivery SET next_ms=$1, error=$2, changed_ms=$3 WHERE id=$4 AND state='queued'", "itii",
                now_ms + delivery_backoff_ms((int)tries), error, now_ms, (int64_t)id);
}

int delivery_record(struct tx *tx, const struct delivery_batch *batch, int64_t now_ms)
{
    for (size_t i = 0; i < batch->n; i++) {
        const struct gateway_result *r = &batch->items[i].result;
        uint64_t id = batch->items[i].message.delivery;
        switch (r->outcome) {
        case GATEWAY_ACCEPTED:
            set_state(tx, id, "sent", NULL, now_ms);
            break;
        case GATEWAY_DELIVERED:
            set_state(tx, id, "delivered", NULL, now_ms);
            break;
        case GATEWAY_REFUSED:
            fail_over(tx, id, r->error, now_ms);
            break;
        case GATEWAY_RETRY:
            try_again(tx, id, r->error, now_ms);
            break;
        }
    }
    return tx_error(tx);
}
