/* The administrator's side: sources and identifier domains. */
#include "records/exchange/exchange_private.h"
#include "records/exchange/drop.h"
#include "records/exchange/mllp_client.h"
#include "records/exchange/notice.h"
#include "records/exchange/pull.h"
#include "records/parts.h"
#include <string.h>

static json_t *domains_of(struct op_ctx *ctx, uint64_t source)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT * FROM exchange_domain WHERE source_id=$1 ORDER BY id", "i", (int64_t)source);
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:o,s:s?,s:s?}", "id", json_id((uint64_t)query_int(q, "id")), "namespace_id", query_text(q, "namespace_id"),
                                               "oid", query_text(q, "oid")));
    if (query_end(q))
        return items; /* sticky: the operation looks once */
    return items;
}

static json_t *source_json(struct query *q)
{
    json_t *o;
    int64_t last = query_int(q, "last_ms"), made = query_int(q, "made_ms");
    o = json_pack("{s:o,s:s?,s:{s:o,s:s?},s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:b,s:b,s:b,s:o,s:s?,s:o,s:I,s:I,s:I,s:I,s:I,s:I}", "id", json_id((uint64_t)query_int(q, "id")),
                     "name", query_text(q, "name"), "org", "id", json_id((uint64_t)query_int(q, "org_id")), "name", query_text(q, "org_name"), "application",
                     query_text(q, "application"), "facility", query_text(q, "facility"), "address", query_text(q, "address"), "certificate",
                     query_text(q, "certificate"), "map", query_text(q, "map"), "assume", query_text(q, "assume"), "accept_dead",
                     query_int(q, "accept_dead") != 0, "may_ask", query_int(q, "may_ask") != 0, "enabled", query_int(q, "enabled") != 0, "last_ms", last ? json_integer(last) : json_null(), "last_type",
                     query_text(q, "last_type"), "lag_ms", made ? json_integer(last > made ? last - made : 0) : json_null(), "received",
                     (json_int_t)query_int(q, "received"), "stored", (json_int_t)query_int(q, "stored"), "refused", (json_int_t)query_int(q, "refused"), "dead",
                     (json_int_t)query_int(q, "dead"), "repeated", (json_int_t)query_int(q, "repeated"), "open", (json_int_t)query_int(q, "open"));
    json_object_set_new(o, "kind", json_string(query_text(q, "kind")));
    json_object_set_new(o, "folder", json_string(query_text(q, "folder")));
    json_object_set_new(o, "dsn", json_string(query_text(q, "dsn")));
    json_object_set_new(o, "view", json_string(query_text(q, "db_view")));
    json_object_set_new(o, "mark_column", json_string(query_text(q, "db_mark")));
    json_object_set_new(o, "every_s", json_integer(query_int(q, "every_s")));
    json_object_set_new(o, "notify", json_string(query_text(q, "notify")));
    return o;
}

/* Today's counts beside each source; `id` 0 = all. */
static int list(struct op_ctx *ctx, uint64_t id, json_t *items)
{
    char day[11];
    size_t i;
    json_t *item;
    exchange_day_of(ctx->now_ms, day);
    struct query *q = tx_query(ctx->tx,
                               "SELECT s.*, o.name AS org_name, t.last_ms, t.last_type, t.made_ms, d.received, d.stored, d.refused, d.dead, d.repeated, "
                               "(SELECT COUNT(*) FROM exchange_dead x WHERE x.source_id=s.id AND x.state='open') AS open "
                               "FROM exchange_source s LEFT JOIN org o ON o.id=s.org_id LEFT JOIN exchange_state t ON t.source_id=s.id "
                               "LEFT JOIN exchange_day d ON d.source_id=s.id AND d.day=$1 WHERE ($2=0 OR s.id=$2) ORDER BY s.id",
                               "ti", day, (int64_t)id);
    while (query_next(q))
        json_array_append_new(items, source_json(q));
    int rc = query_end(q);
    json_array_foreach(items, i, item)
    {
        uint64_t one = arg_id(item, "id");
        json_object_set_new(item, "domains", domains_of(ctx, one));
        json_object_set_new(item, "pull", exchange_pull_json(ctx, one));
        json_object_set_new(item, "notified", exchange_notice_json(ctx, one));
    }
    return rc ? rc : tx_error(ctx->tx);
}

int exchange_source_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char day[11];
    json_t *items = json_array(), *maps = json_array(), *row_maps = json_array();
    const struct exchange *x = records_parts(ctx->records)->exchange;
    int rc = list(ctx, 0, items);
    exchange_day_of(ctx->now_ms, day);
    for (size_t i = 0; i < x->n_maps; i++)
        json_array_append_new(maps, json_string(exchange_map_name(x->maps[i])));
    for (size_t i = 0; i < x->n_rows; i++)
        json_array_append_new(row_maps, json_string(exchange_rows_name(x->rows[i])));
    *result = json_pack("{s:o,s:o,s:o,s:s,s:b,s:I}", "items", items, "maps", maps, "row_maps", row_maps, "drop_dir", records_parts(ctx->records)->drop_dir, "odbc", (int)records_parts(ctx->records)->odbc, "unknown_today",
                        (json_int_t)tx_int(ctx->tx, 0, "SELECT refused FROM exchange_day WHERE source_id=0 AND day=$1", "t", day));
    return rc ? rc : tx_error(ctx->tx);
}

#define EVERY_S 300 /* between two pulls, when nothing is said */

static bool is_kind(json_t *args, const char *wanted)
{
    const char *kind = arg_text(args, "kind");
    return strcmp(kind ? kind : "hl7", wanted) == 0;
}

/* The columns of one kind, "" for sources of another. */
static const char *of_kind(json_t *args, const char *kind, const char *name)
{
    return is_kind(args, kind) && arg_text(args, name) ? arg_text(args, name) : "";
}

static void check_folder(struct op_ctx *ctx, json_t *args, uint64_t id)
{
    const char *folder = of_kind(args, "folder", "folder");
    if (!exchange_drop_name_ok(folder))
        fault_field(ctx->fault, "folder", folder[0] ? "not_a_folder" : "required");
    else if (tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_source WHERE kind='folder' AND folder=$1 AND id<>$2", "ti", folder, (int64_t)id))
        fault_field(ctx->fault, "folder", "taken");
}

static void check_database(struct op_ctx *ctx, json_t *args)
{
    static const char *const names[] = {"dsn", "view", "mark_column"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *said = of_kind(args, "database", names[i]);
        bool good = i == 0 ? exchange_drop_name_ok(said) : exchange_pull_name_ok(said);
        if (!good)
            fault_field(ctx->fault, names[i], said[0] ? "not_a_name" : "required");
    }
}

/* Rows need a table of columns, messages one of paths; a folder is one source's. What stands in SQL as it is may be a name and nothing else. */
static void check_kind(struct op_ctx *ctx, json_t *args, uint64_t id)
{
    const struct exchange *x = records_parts(ctx->records)->exchange;
    const char *map = arg_text(args, "map");
    if (is_kind(args, "hl7")) {
        if (map && !exchange_map_find(x, map))
            fault_field(ctx->fault, "map", "no_such_table");
        return;
    }
    if (!map || !exchange_rows_find(x, map))
        fault_field(ctx->fault, "map", map ? "no_such_table" : "required");
    if (is_kind(args, "folder"))
        check_folder(ctx, args, id);
    else
        check_database(ctx, args);
}

static int check(struct op_ctx *ctx, json_t *args, uint64_t id)
{
    const char *certificate = arg_text(args, "certificate") ? arg_text(args, "certificate") : "", *facility = arg_text(args, "facility") ? arg_text(args, "facility") : "";
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM org WHERE id=$1", "i", (int64_t)arg_id(args, "org_id")))
        fault_field(ctx->fault, "org_id", "no_such_institution");
    if (certificate[0] && (strlen(certificate) != 64 || strspn(certificate, "0123456789abcdefABCDEF") != 64))
        fault_field(ctx->fault, "certificate", "not_a_fingerprint");
    if (arg_text(args, "notify") && arg_text(args, "notify")[0] && !mllp_address_ok(arg_text(args, "notify")))
        fault_field(ctx->fault, "notify", "not_mllp");
    check_kind(ctx, args, id);
    if (tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_source WHERE application=$1 AND facility=$2 AND id<>$3", "tti", arg_text(args, "application"), facility,
               (int64_t)id))
        fault_field(ctx->fault, "application", "taken");
    return ctx->fault->n_fields ? fault_set(ctx->fault, ERR_INVALID, "", "Some members of the source are wrong.") : 0;
}

/* A domain belongs to one source; taking one that another source assigns would mix numbers. One that is left out becomes nobody's: its
 * numbers stay what they are. */
static int set_domains(struct op_ctx *ctx, json_t *args, uint64_t source)
{
    size_t i;
    json_t *d;
    tx_exec(ctx->tx, "UPDATE exchange_domain SET source_id=0 WHERE source_id=$1", "i", (int64_t)source);
    json_array_foreach(json_object_get(args, "domains"), i, d)
    {
        char path[48];
        const char *name = arg_text(d, "namespace_id") ? arg_text(d, "namespace_id") : "", *oid = arg_text(d, "oid") ? arg_text(d, "oid") : "";
        snprintf(path, sizeof path, "domains[%zu].namespace_id", i);
        if (!name[0] && !oid[0])
            return fault_field(ctx->fault, path, "required");
        int64_t there = tx_int(ctx->tx, 0, "SELECT MIN(id) AS id FROM exchange_domain WHERE ($1<>'' AND namespace_id=$1) OR ($2<>'' AND oid=$2)", "tt", name, oid);
        int64_t owner = there ? tx_int(ctx->tx, 0, "SELECT source_id FROM exchange_domain WHERE id=$1", "i", there) : 0;
        if (owner)
            return fault_field(ctx->fault, path, "assigned_by_another");
        tx_upsert(ctx->tx, "exchange_domain", "id", "id,namespace_id,oid,source_id,created_ms", "ittii", there ? there : (int64_t)id_new(), name, oid, (int64_t)source,
                  ctx->now_ms);
    }
    return tx_error(ctx->tx);
}

int exchange_source_set(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "source_id");
    int64_t created = tx_int(ctx->tx, ctx->now_ms, "SELECT created_ms FROM exchange_source WHERE id=$1", "i", (int64_t)id);
    const char *facility = arg_text(args, "facility"), *address = arg_text(args, "address"), *certificate = arg_text(args, "certificate");
    int rc = check(ctx, args, id);
    if (rc)
        return rc;
    tx_upsert(ctx->tx, "exchange_source", "id", "id,org_id,name,application,facility,address,certificate,map,assume,accept_dead,may_ask,enabled,created_ms,changed_ms,kind,folder,dsn,db_view,db_mark,every_s,notify",
              "iitttttttiiiiitttttit", (int64_t)id, (int64_t)arg_id(args, "org_id"), arg_text(args, "name"), arg_text(args, "application"), facility ? facility : "",
              address ? address : "", certificate ? certificate : "", arg_text(args, "map") ? arg_text(args, "map") : "hl7v2",
              arg_text(args, "assume") ? arg_text(args, "assume") : "none", (int64_t)json_is_true(json_object_get(args, "accept_dead")), (int64_t)json_is_true(json_object_get(args, "may_ask")),
              (int64_t)json_is_true(json_object_get(args, "enabled")), created, ctx->now_ms, arg_text(args, "kind") ? arg_text(args, "kind") : "hl7",
              of_kind(args, "folder", "folder"), of_kind(args, "database", "dsn"), of_kind(args, "database", "view"), of_kind(args, "database", "mark_column"),
              arg_int(args, "every_s", EVERY_S), arg_text(args, "notify") ? arg_text(args, "notify") : "");
    if (is_kind(args, "database")) /* asked at once, from where it was */
        tx_upsert(ctx->tx, "exchange_pull", NULL, "source_id,mark,state,reason,detail,failures,last_ms,next_ms", "ittttiii", (int64_t)id, "", "", "", "", (int64_t)0, (int64_t)0,
                  (int64_t)0);
    tx_exec(ctx->tx, "UPDATE exchange_pull SET next_ms=0 WHERE source_id=$1", "i", (int64_t)id);
    rc = exchange_notice_address(ctx, id, arg_text(args, "notify") ? arg_text(args, "notify") : "");
    rc = rc ? rc : set_domains(ctx, args, id);
    exchange_sources_changed(records_parts(ctx->records)->exchange);
    ctx->audit.object = id;
    json_t *items = json_array();
    rc = rc ? rc : list(ctx, id, items);
    if (rc == 0)
        *result = json_incref(json_array_get(items, 0));
    json_decref(items);
    return rc;
}

int exchange_domain_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT d.*, s.name AS source_name, (SELECT COUNT(*) FROM exchange_identity i WHERE i.domain_id=d.id) AS numbers FROM exchange_domain d "
                               "LEFT JOIN exchange_source s ON s.id=d.source_id ORDER BY d.id",
                               "");
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:o,s:s?,s:s?,s:o,s:s?,s:I}", "id", json_id((uint64_t)query_int(q, "id")), "namespace_id",
                                               query_text(q, "namespace_id"), "oid", query_text(q, "oid"), "source_id", json_id((uint64_t)query_int(q, "source_id")),
                                               "source_name", query_text(q, "source_name"), "numbers", (json_int_t)query_int(q, "numbers")));
    *result = json_pack("{s:o}", "items", items);
    return query_end(q);
}

/* One that no source here assigns: a national or regional number. */
int exchange_domain_set(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *name = arg_text(args, "namespace_id"), *oid = arg_text(args, "oid") ? arg_text(args, "oid") : "";
    int64_t id = (int64_t)arg_id(args, "domain_id");
    if (tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_domain WHERE id<>$1 AND (namespace_id=$2 OR ($3<>'' AND oid=$3))", "itt", id, name, oid))
        return fault_field(ctx->fault, "namespace_id", "taken");
    int64_t source = tx_int(ctx->tx, 0, "SELECT source_id FROM exchange_domain WHERE id=$1", "i", id);
    tx_upsert(ctx->tx, "exchange_domain", "id", "id,namespace_id,oid,source_id,created_ms", "ittii", id, name, oid, source, ctx->now_ms);
    exchange_sources_changed(records_parts(ctx->records)->exchange);
    ctx->audit.object = (uint64_t)id;
    *result = json_pack("{s:o}", "id", json_id((uint64_t)id));
    return tx_error(ctx->tx);
}
