/* The administrator's side of deliveries: gateways and the queue. */
#include "records/notify/delivery.h"
#include "records/notify/notify.h"
#include "records/parts.h"
#include "records/store/seal.h"
#include "server/base/log.h"
#include <string.h>

#define DELIVERY_LIST_MAX 200

static const struct field kind_words[] = {{.name = "kind", .type = FIELD_ENUM, .choices = "urgent|task|info"}};

const struct field gateway_set_args[] = {
    {.name = "gateway_id", .type = FIELD_ID, .required = true, .help = "gateway; a new id makes a new gateway"},
    {.name = "name", .type = FIELD_TEXT, .required = true, .min = 1, .max = 64, .help = "what the administrator calls it"},
    {.name = "kind", .type = FIELD_ENUM, .choices = "webhook", .help = "default webhook"},
    {.name = "url", .type = FIELD_TEXT, .required = true, .min = 8, .max = 500, .help = "http:// or https:// address"},
    {.name = "secret", .type = FIELD_TEXT, .min = 16, .max = 100, .help = "key of the signature; absent = keep"},
    {.name = "kinds", .type = FIELD_ARRAY, .required = true, .min = 0, .max = 3, .of = kind_words, .help = "which notices it takes"},
    {.name = "priority", .type = FIELD_INT, .min = 0, .max = 1000, .help = "lower first; the next takes over when one fails"},
    {.name = "enabled", .type = FIELD_BOOL, .required = true, .help = "in use"},
    {0},
};
const struct field gateway_test_args[] = {{.name = "gateway_id", .type = FIELD_ID, .required = true, .help = "gateway"}, {0}};
const struct field delivery_list_args[] = {
    {.name = "state", .type = FIELD_ENUM, .choices = "queued|sent|delivered|read|failed", .help = "only these"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = DELIVERY_LIST_MAX, .help = "default 50"},
    {.name = "after", .type = FIELD_ID, .help = "the `next` of the answer before"},
    {0},
};

static json_t *gateway_json(struct query *q)
{
    json_t *kinds = json_array();
    static const char *const words[] = {"urgent", "task", "info"}, *const columns[] = {"takes_urgent", "takes_task", "takes_info"};
    for (int i = 0; i < 3; i++)
        if (query_int(q, columns[i]))
            json_array_append_new(kinds, json_string(words[i]));
    return json_pack("{s:o,s:s?,s:s?,s:s?,s:o,s:I,s:b,s:b}", "id", json_id((uint64_t)query_int(q, "id")), "name",
                     query_text(q, "name"), "kind", query_text(q, "kind"), "url", query_text(q, "url"), "kinds", kinds,
                     "priority", (json_int_t)query_int(q, "priority"), "enabled", query_int(q, "enabled") != 0, "has_secret",
                     !query_null(q, "secret_sealed"));
}

int gateway_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT * FROM gateway ORDER BY priority, id", "");
    while (query_next(q))
        json_array_append_new(items, gateway_json(q));
    *result = json_pack("{s:o}", "items", items);
    return query_end(q);
}

static int one_json(struct op_ctx *ctx, uint64_t id, json_t **result)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM gateway WHERE id=$1", "i", (int64_t)id);
    if (query_next(q))
        *result = gateway_json(q);
    int rc = query_end(q);
    return rc || *result ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such gateway.");
}

static bool takes(const json_t *args, const char *word)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(args, "kinds"), i, item)
        if (strcmp(json_string_value(item), word) == 0)
            return true;
    return false;
}

static int set_secret(struct op_ctx *ctx, uint64_t id, const char *secret)
{
    uint8_t sealed[160];
    if (!secret) {
        bool held = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM gateway WHERE id=$1 AND secret_sealed IS NOT NULL", "i", (int64_t)id);
        return held ? 0 : fault_field(ctx->fault, "secret", "required");
    }
    int len = seal_text(records_parts(ctx->records)->delivery_keys.seal, id, secret, sealed, sizeof sealed);
    if (len < 0)
        return fault_set(ctx->fault, ERR_INTERNAL, "", "The secret could not be stored.");
    return tx_exec(ctx->tx, "UPDATE gateway SET secret_sealed=$1 WHERE id=$2", "bi", sealed, (size_t)len, (int64_t)id);
}

int gateway_set(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "gateway_id");
    const char *kind = arg_text(args, "kind") ? arg_text(args, "kind") : "webhook", *url = arg_text(args, "url");
    if (!gateway_driver_find(kind)->url_ok(url))
        return fault_field(ctx->fault, "url", "not_an_http_address");
    tx_upsert(ctx->tx, "gateway", NULL, "id,created_ms", "ii", (int64_t)id, ctx->now_ms);
    tx_exec(ctx->tx,
            "UPDATE gateway SET name=$1, kind=$2, url=$3, takes_urgent=$4, takes_task=$5, takes_info=$6, priority=$7, enabled=$8, "
            "changed_ms=$9 WHERE id=$10",
            "tttiiiiiii", arg_text(args, "name"), kind, url, (int64_t)takes(args, "urgent"), (int64_t)takes(args, "task"),
            (int64_t)takes(args, "info"), arg_int(args, "priority", 100), (int64_t)json_is_true(json_object_get(args, "enabled")),
            ctx->now_ms, (int64_t)id);
    int rc = set_secret(ctx, id, arg_text(args, "secret"));
    ctx->audit.object = id;
    return rc ? rc : one_json(ctx, id, result);
}

/* The test goes the whole way: a notice to the administrator himself, a delivery, the next tick. */
int gateway_test(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "gateway_id"), notice = id_new(), delivery = id_new();
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM gateway WHERE id=$1 AND enabled=1", "i", (int64_t)id))
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such gateway in use.");
    tx_exec(ctx->tx,
            "INSERT INTO notice (id, person_id, template, task, act, case_id, case_number, due_ms, urgent, created_ms, read_ms) "
            "VALUES ($1,$2,'gateway.test',0,NULL,0,NULL,0,1,$3,$3)",
            "iii", (int64_t)notice, (int64_t)ctx->actor->person.v, ctx->now_ms);
    tx_exec(ctx->tx,
            "INSERT INTO delivery (id, notice_id, gateway_id, state, tries, next_ms, error, created_ms, changed_ms) "
            "VALUES ($1,$2,$3,'queued',0,$4,NULL,$4,$4)",
            "iiii", (int64_t)delivery, (int64_t)notice, (int64_t)id, ctx->now_ms);
    *result = json_pack("{s:o}", "delivery_id", json_id(delivery));
    ctx->audit.object = id;
    return tx_error(ctx->tx);
}

int delivery_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *state = arg_text(args, "state");
    int64_t limit = arg_int(args, "limit", 50);
    uint64_t last = 0;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT d.id, d.state, d.tries, d.next_ms, d.error, d.created_ms, d.changed_ms, d.gateway_id, "
                               "g.name AS gateway_name, n.template, n.case_number, n.urgent, n.person_id, p.name AS person_name "
                               "FROM delivery d JOIN gateway g ON g.id=d.gateway_id JOIN notice n ON n.id=d.notice_id "
                               "LEFT JOIN person p ON p.id=n.person_id "
                               "WHERE ($1='' OR d.state=$1) AND ($2=0 OR d.id<$2) ORDER BY d.id DESC LIMIT $3",
                               "tii", state ? state : "", (int64_t)arg_id(args, "after"), limit);
    while (query_next(q)) {
        last = (uint64_t)query_int(q, "id");
        json_array_append_new(
            items, json_pack("{s:o,s:s?,s:I,s:I,s:s?,s:I,s:I,s:{s:o,s:s?},s:s?,s:s?,s:b,s:{s:o,s:s?}}", "id", json_id(last), "state",
                             query_text(q, "state"), "tries", (json_int_t)query_int(q, "tries"), "next_ms",
                             (json_int_t)query_int(q, "next_ms"), "error", query_text(q, "error"), "created_ms",
                             (json_int_t)query_int(q, "created_ms"), "changed_ms", (json_int_t)query_int(q, "changed_ms"), "gateway",
                             "id", json_id((uint64_t)query_int(q, "gateway_id")), "name", query_text(q, "gateway_name"), "template",
                             query_text(q, "template"), "case_number", query_text(q, "case_number"), "urgent",
                             query_int(q, "urgent") != 0, "person", "id", json_id((uint64_t)query_int(q, "person_id")), "name",
                             query_text(q, "person_name")));
    }
    bool more = (int64_t)json_array_size(items) == limit;
    *result = json_pack("{s:o,s:o}", "items", items, "next", more ? json_id(last) : json_null());
    return query_end(q);
}
