/* The administrator's side: who gets what, where each stands, what he refused. */
#include "records/outgoing/outgoing_private.h"
#include "records/outgoing/queue.h"
#include "records/store/seal.h"
#include <stdio.h>
#include <string.h>

#define DEAD_LIST_MAX 200

static const char *const kind_names[] = {"patient", "consultation", "report", "appointment"};

/* ---- list ---- */

static json_t *kinds_json(int64_t kinds)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; i++)
        if (kinds >> i & 1)
            json_array_append_new(list, json_string(kind_names[i]));
    return list;
}

static json_t *named(uint64_t id, const char *name)
{
    return id ? json_pack("{s:o,s:s?}", "id", json_id(id), "name", name) : json_null();
}

static json_t *ms_or_null(int64_t ms)
{
    return ms ? json_integer(ms) : json_null();
}

static const char *form_of(struct query *q)
{
    return query_int(q, "hook") ? "subscription" : mllp_address_ok(query_text(q, "url")) ? "hl7" : "feed";
}

static json_t *subscriber_json(struct query *q, int64_t now_ms)
{
    int64_t oldest = query_int(q, "oldest_ms");
    return json_pack("{s:o,s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:b,s:I,s:s,s:I,s:I,s:I,s:b,s:b,s:I,s:o,s:s,s:o,s:o,s:I,s:o,s:s,s:s,s:s}", "id", json_id((uint64_t)query_int(q, "id")),
                     "form", form_of(q), "name", query_text(q, "name"),
                     "client", named((uint64_t)query_int(q, "client_id"), query_text(q, "client_name")),
                     "org", named((uint64_t)query_int(q, "org_id"), query_text(q, "org_name")), "kinds", kinds_json(query_int(q, "kinds")),
                     "type", query_text(q, "type"), "url", query_text(q, "url"), "has_secret", (int)!query_null(q, "secret_sealed"), "batch",
                     (json_int_t)query_int(q, "batch"), "state", query_text(q, "state"), "last_seq", (json_int_t)query_int(q, "last_seq"), "acked_seq",
                     (json_int_t)query_int(q, "acked_seq"), "waiting", (json_int_t)query_int(q, "waiting"), "more",
                     query_int(q, "export_stage") >= 2 && query_int(q, "newest") > query_int(q, "feed_seq"), "exporting", query_int(q, "export_stage") < 2, "dead",
                     (json_int_t)query_int(q, "dead"), "lag_ms", oldest ? json_integer(now_ms > oldest ? now_ms - oldest : 0) : json_null(), "error",
                     query_text(q, "error"), "next_ms", ms_or_null(query_int(q, "next_ms")), "last_ok_ms", ms_or_null(query_int(q, "last_ok_ms")), "tries",
                     (json_int_t)query_int(q, "tries"), "until_ms", ms_or_null(query_int(q, "until_ms")), "application", query_text(q, "application"), "facility", query_text(q, "facility"), "charset",
                     query_text(q, "charset"));
}

#define LIST_SQL                                                                                                                                                    \
    "SELECT s.*, c.name AS client_name, o.name AS org_name, (SELECT MAX(f.seq) FROM feed f) AS newest, "                                                         \
    "(SELECT COUNT(*) FROM out_item i WHERE i.subscriber_id=s.id AND i.state=0) AS waiting, "                                                                    \
    "(SELECT COUNT(*) FROM out_item i WHERE i.subscriber_id=s.id AND i.state=2) AS dead, "                                                                       \
    "(SELECT i.t_ms FROM out_item i WHERE i.subscriber_id=s.id AND i.state=0 ORDER BY i.seq LIMIT 1) AS oldest_ms "                                               \
    "FROM out_subscriber s LEFT JOIN fhir_client c ON c.id=s.client_id LEFT JOIN org o ON o.id=s.org_id "

static int out_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, LIST_SQL "ORDER BY s.hook, s.id", "");
    while (query_next(q))
        json_array_append_new(items, subscriber_json(q, ctx->now_ms));
    *result = json_pack("{s:o,s:s}", "items", items, "allow", outgoing_allow_list(records_parts(ctx->records)->outgoing));
    return query_end(q);
}

static int one_json(struct op_ctx *ctx, uint64_t id, json_t **result)
{
    struct query *q = tx_query(ctx->tx, LIST_SQL "WHERE s.id=$1", "i", (int64_t)id);
    if (query_next(q))
        *result = subscriber_json(q, ctx->now_ms);
    int rc = query_end(q);
    return rc || *result ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "subscriber", "There is no such subscriber.");
}

/* ---- set ---- */

static const char *text_or(const json_t *args, const char *name, const char *otherwise)
{
    const char *text = arg_text(args, name);
    return text ? text : otherwise;
}

static int64_t kinds_of(const json_t *args)
{
    int64_t kinds = 0;
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(args, "kinds"), i, word)
        for (size_t k = 0; k < sizeof kind_names / sizeof *kind_names; k++)
            if (strcmp(json_string_value(word), kind_names[k]) == 0)
                kinds |= 1 << k;
    return kinds;
}

static bool there(struct op_ctx *ctx, const char *sql, uint64_t id)
{
    return !id || tx_int(ctx->tx, 0, sql, "i", (int64_t)id) > 0;
}

/* What belongs to the one way and not to the other. A receiver stays what he is: his numbers mean other things there. */
static int check_way(struct op_ctx *ctx, const json_t *args, uint64_t id, bool mllp)
{
    static const char *const of_http[] = {"secret", "batch"}, *const of_mllp[] = {"application", "facility", "charset"};
    bool is_new = !tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE id=$1", "i", (int64_t)id);
    bool was = !is_new && tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE id=$1 AND charset<>''", "i", (int64_t)id);
    for (size_t i = 0; i < sizeof of_http / sizeof *of_http && mllp; i++)
        if (json_object_get(args, of_http[i]))
            return fault_field(ctx->fault, of_http[i], "not_for_mllp");
    for (size_t i = 0; i < sizeof of_mllp / sizeof *of_mllp && !mllp; i++)
        if (json_object_get(args, of_mllp[i]))
            return fault_field(ctx->fault, of_mllp[i], "only_for_mllp");
    return is_new || was == mllp ? 0 : fault_field(ctx->fault, "url", "other_way");
}

static int check(struct op_ctx *ctx, const json_t *args, uint64_t id)
{
    const char *url = arg_text(args, "url");
    if (!there(ctx, "SELECT COUNT(*) AS n FROM fhir_client WHERE id=$1 AND active=1", arg_id(args, "client_id")))
        return fault_field(ctx->fault, "client_id", "not_found");
    if (!there(ctx, "SELECT COUNT(*) AS n FROM org WHERE id=$1", arg_id(args, "org_id")))
        return fault_field(ctx->fault, "org_id", "not_found");
    if (!url[0] && !arg_id(args, "client_id"))
        return fault_field(ctx->fault, "url", "required_without_client");
    if (url[0] && !post_url_ok(url) && !mllp_address_ok(url))
        return fault_field(ctx->fault, "url", strncmp(url, "mllp", 4) == 0 ? "not_an_mllp_address" : "not_an_http_address");
    if (url[0] && !outgoing_allowed(records_parts(ctx->records)->outgoing, url))
        return fault_field(ctx->fault, "url", "not_allowed");
    if (tx_int(ctx->tx, 0, "SELECT hook FROM out_subscriber WHERE id=$1", "i", (int64_t)id))
        return fault_set(ctx->fault, ERR_CONFLICT, "subscription", "A FHIR Subscription is changed by its client, as a resource.");
    if (tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE id<>$1", "i", (int64_t)id) >= OUT_SUBSCRIBERS_MAX)
        return fault_set(ctx->fault, ERR_CONFLICT, "too_many", "There are %d subscribers already.", OUT_SUBSCRIBERS_MAX);
    int rc = check_way(ctx, args, id, mllp_address_ok(url));
    return rc ? rc : tx_error(ctx->tx);
}

static int set_secret(struct op_ctx *ctx, uint64_t id, const char *secret)
{
    uint8_t sealed[160];
    if (!secret)
        return 0;
    int len = seal_text(records_parts(ctx->records)->delivery_keys.seal, id, secret, sealed, sizeof sealed);
    if (len < 0)
        return fault_set(ctx->fault, ERR_INTERNAL, "", "The secret could not be stored.");
    return tx_exec(ctx->tx, "UPDATE out_subscriber SET secret_sealed=$1 WHERE id=$2", "bi", sealed, (size_t)len, (int64_t)id);
}

/* He gets everything there is, unless he is not to; then what changes from now on. */
static void stand_at_now(struct op_ctx *ctx, uint64_t id, bool export)
{
    tx_exec(ctx->tx, "UPDATE out_subscriber SET feed_seq=COALESCE((SELECT MAX(seq) FROM feed), 0), export_stage=$1, export_after=0 WHERE id=$2", "ii",
            (int64_t)(export ? 0 : 2), (int64_t)id);
    if (export) /* to him all of it is new then */
        tx_exec(ctx->tx, "DELETE FROM out_told WHERE subscriber_id=$1", "i", (int64_t)id);
}

static int out_set(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "subscriber_id");
    int rc = check(ctx, args, id);
    if (rc)
        return rc;
    bool is_new = !tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE id=$1", "i", (int64_t)id);
    tx_upsert(ctx->tx, "out_subscriber", NULL, "id,created_ms,created_by", "iii", (int64_t)id, ctx->now_ms, (int64_t)ctx->actor->person.v);
    tx_exec(ctx->tx, "UPDATE out_subscriber SET name=$1, client_id=$2, org_id=$3, kinds=$4, url=$5, batch=$6, changed_ms=$7 WHERE id=$8", "tiiitiii",
            arg_text(args, "name"), (int64_t)arg_id(args, "client_id"), (int64_t)arg_id(args, "org_id"), kinds_of(args), arg_text(args, "url"),
            arg_int(args, "batch", 1), ctx->now_ms, (int64_t)id);
    if (mllp_address_ok(arg_text(args, "url")))
        tx_exec(ctx->tx, "UPDATE out_subscriber SET application=$1, facility=$2, charset=$3 WHERE id=$4", "ttti", text_or(args, "application", ""),
                text_or(args, "facility", ""), text_or(args, "charset", "utf-8"), (int64_t)id);
    rc = set_secret(ctx, id, arg_text(args, "secret"));
    if (is_new)
        stand_at_now(ctx, id, !json_is_false(json_object_get(args, "export")));
    ctx->audit.object = id;
    return rc ? rc : one_json(ctx, id, result);
}

/* ---- acts ---- */

static int must_be(struct op_ctx *ctx, uint64_t id)
{
    ctx->audit.object = id;
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE id=$1", "i", (int64_t)id)
               ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "subscriber", "There is no such subscriber.");
}

static int out_remove(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "subscriber_id");
    int rc = must_be(ctx, id);
    if (rc == 0 && tx_int(ctx->tx, 0, "SELECT hook FROM out_subscriber WHERE id=$1", "i", (int64_t)id))
        return fault_set(ctx->fault, ERR_CONFLICT, "subscription", "A FHIR Subscription is removed by its client, or paused here.");
    if (rc)
        return rc;
    tx_exec(ctx->tx, "DELETE FROM out_item WHERE subscriber_id=$1", "i", (int64_t)id);
    tx_exec(ctx->tx, "DELETE FROM out_told WHERE subscriber_id=$1", "i", (int64_t)id);
    return tx_exec(ctx->tx, "DELETE FROM out_subscriber WHERE id=$1", "i", (int64_t)id);
}

static int out_pause(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "subscriber_id");
    bool paused = json_is_true(json_object_get(args, "paused"));
    int rc = must_be(ctx, id);
    if (rc)
        return rc;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s", paused ? "pause" : "resume");
    tx_exec(ctx->tx, "UPDATE out_subscriber SET state=$1, changed_ms=$2, tries=0, next_ms=0, dead_in_row=0 WHERE id=$3 AND state<>'off'", "tii", paused ? "paused" : "active",
            ctx->now_ms, (int64_t)id);
    if (!tx_error(ctx->tx) && !tx_changes(ctx->tx))
        return fault_set(ctx->fault, ERR_CONFLICT, "off", "This Subscription has ended.");
    return one_json(ctx, id, result);
}

static int out_replay(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "subscriber_id");
    int64_t from = arg_int(args, "from", 1);
    int rc = must_be(ctx, id);
    if (rc)
        return rc;
    int64_t lowest = tx_int(ctx->tx, 0, "SELECT MIN(seq) AS seq FROM out_item WHERE subscriber_id=$1", "i", (int64_t)id);
    int64_t last = tx_int(ctx->tx, 0, "SELECT last_seq FROM out_subscriber WHERE id=$1", "i", (int64_t)id);
    if (!lowest || from < lowest || from > last)
        return lowest ? fault_field(ctx->fault, "from", "range:%lld..%lld", (long long)lowest, (long long)last) : fault_field(ctx->fault, "from", "nothing_kept");
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "replay from=%lld", (long long)from);
    *result = json_pack("{s:I}", "entries", (json_int_t)queue_replay(ctx->tx, id, from));
    return tx_error(ctx->tx);
}

static int out_export(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "subscriber_id");
    int rc = must_be(ctx, id);
    if (rc == 0 && tx_int(ctx->tx, 0, "SELECT hook FROM out_subscriber WHERE id=$1", "i", (int64_t)id))
        return fault_set(ctx->fault, ERR_CONFLICT, "subscription", "A FHIR Subscription tells of changes only.");
    if (rc)
        return rc;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "export");
    stand_at_now(ctx, id, true);
    return one_json(ctx, id, result);
}

/* ---- dead letters ---- */

static json_t *dead_json(struct query *q)
{
    char name[VIEW_NAME_BYTES] = "";
    if (query_int(q, "own"))
        fhir_view_name(query_text(q, "type"), (uint64_t)query_int(q, "rid"), name);
    return json_pack("{s:I,s:s,s:s,s:I,s:I,s:s}", "seq", (json_int_t)query_int(q, "seq"), "type", query_text(q, "type"), "name", name, "t_ms",
                     (json_int_t)query_int(q, "t_ms"), "done_ms", (json_int_t)query_int(q, "done_ms"), "error", query_text(q, "error"));
}

static int out_dead(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "subscriber_id");
    int rc = must_be(ctx, id);
    if (rc)
        return rc;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT seq, type, own, rid, t_ms, done_ms, error FROM out_item WHERE subscriber_id=$1 AND state=2 ORDER BY seq LIMIT $2", "ii",
                               (int64_t)id, (int64_t)DEAD_LIST_MAX + 1);
    while (query_next(q))
        json_array_append_new(items, dead_json(q));
    *result = json_pack("{s:b,s:o}", "truncated", json_cut(items, DEAD_LIST_MAX), "items", items);
    return query_end(q);
}

static int settle_dead(struct op_ctx *ctx, json_t *args, int state)
{
    uint64_t id = arg_id(args, "subscriber_id");
    int64_t seq = arg_int(args, "seq", 0);
    int rc = must_be(ctx, id);
    if (rc)
        return rc;
    tx_exec(ctx->tx, "UPDATE out_item SET state=$1, tries=0, error='' WHERE subscriber_id=$2 AND state=2 AND ($3=0 OR seq=$3)", "iii", (int64_t)state, (int64_t)id, seq);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "seq=%lld n=%lld", (long long)seq, (long long)tx_changes(ctx->tx));
    if (tx_error(ctx->tx) || tx_changes(ctx->tx))
        return tx_error(ctx->tx);
    return fault_set(ctx->fault, ERR_NOT_FOUND, "dead", "There is no such dead letter.");
}

static int out_retry(struct op_ctx *ctx, json_t *args, json_t **result)
{
    return settle_dead(ctx, args, ITEM_WAITING);
}

static int out_drop(struct op_ctx *ctx, json_t *args, json_t **result)
{
    return settle_dead(ctx, args, ITEM_DROPPED);
}

/* ---- the table ---- */

static const struct field kind_words[] = {{.name = "kind", .type = FIELD_ENUM, .choices = "patient|consultation|report|appointment"}};
static const struct field no_fields[] = {{0}};
static const struct field id_fields[] = {{.name = "subscriber_id", .type = FIELD_ID, .required = true, .help = "subscriber"}, {0}};
static const struct field set_fields[] = {
    {.name = "subscriber_id", .type = FIELD_ID, .required = true, .help = "subscriber; a new id makes a new one"},
    {.name = "name", .type = FIELD_TEXT, .required = true, .min = 1, .max = 80, .help = "who it is"},
    {.name = "org_id", .type = FIELD_ID, .help = "the institution whose eyes he sees with; absent = the whole consortium"},
    {.name = "client_id", .type = FIELD_ID, .help = "the FHIR client who fetches, whose scopes are the limit"},
    {.name = "kinds", .type = FIELD_ARRAY, .required = true, .min = 1, .max = 4, .of = kind_words, .help = "what he gets"},
    {.name = "url", .type = FIELD_TEXT, .required = true, .min = 0, .max = 500, .help = "where it goes, of an origin in outgoing.allow: http(s) = FHIR, mllp(s) = HL7 v2; empty = he fetches it"},
    {.name = "secret", .type = FIELD_TEXT, .min = 16, .max = 100, .help = "key of the signature; absent = keep"},
    {.name = "batch", .type = FIELD_INT, .min = 1, .max = OUT_BATCH_MAX, .help = "entries in a message at most; default 1"},
    {.name = "application", .type = FIELD_TEXT, .min = 0, .max = 60, .help = "of mllp: MSH-5, who receives"},
    {.name = "facility", .type = FIELD_TEXT, .min = 0, .max = 60, .help = "of mllp: MSH-6"},
    {.name = "charset", .type = FIELD_ENUM, .choices = "utf-8|gb18030", .help = "of mllp: MSH-18; default utf-8"},
    {.name = "export", .type = FIELD_BOOL, .help = "a new one: everything there is first; default yes"},
    {0},
};
static const struct field pause_fields[] = {{.name = "subscriber_id", .type = FIELD_ID, .required = true, .help = "subscriber"},
                                            {.name = "paused", .type = FIELD_BOOL, .required = true, .help = "no = goes on, also after an error"},
                                            {0}};
static const struct field replay_fields[] = {{.name = "subscriber_id", .type = FIELD_ID, .required = true, .help = "subscriber"},
                                             {.name = "from", .type = FIELD_INT, .required = true, .min = 1, .max = INT64_MAX, .help = "his number from which all goes again"},
                                             {0}};
static const struct field dead_fields[] = {{.name = "subscriber_id", .type = FIELD_ID, .required = true, .help = "subscriber"},
                                           {.name = "seq", .type = FIELD_INT, .min = 1, .max = INT64_MAX, .help = "his number; absent = all"},
                                           {0}};

const struct op outgoing_ops[] = {
    {"out.list", OP_READ, 0, "exchange.read", no_fields, out_list, "Subscribers of our own objects, and where each stands", NULL},
    {"out.set", OP_WRITE, 0, "exchange.manage", set_fields, out_set, "Registers or changes a subscriber", NULL},
    {"out.remove", OP_WRITE, 0, "exchange.manage", id_fields, out_remove, "Takes a subscriber out, with what waits for him", NULL},
    {"out.pause", OP_WRITE, 0, "exchange.manage", pause_fields, out_pause, "Holds a subscriber, or lets him go on", NULL},
    {"out.replay", OP_WRITE, 0, "exchange.manage", replay_fields, out_replay, "Hands over again what has this number or a higher one", NULL},
    {"out.export", OP_WRITE, 0, "exchange.manage", id_fields, out_export, "Hands over everything there is once more, under new numbers", NULL},
    {"out.dead", OP_READ, 0, "exchange.read", id_fields, out_dead, "What a subscriber refused", NULL},
    {"out.retry", OP_WRITE, 0, "exchange.manage", dead_fields, out_retry, "Sends a dead letter, or all, once more", NULL},
    {"out.drop", OP_WRITE, 0, "exchange.manage", dead_fields, out_drop, "Gives up a dead letter, or all", NULL},
    {0},
};
