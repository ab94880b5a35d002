/* The administrator's side: which machine clients there are. */
#include "records/fhir/client.h"
#include <stdio.h>

static json_t *client_json(struct query *q)
{
    int64_t last = query_int(q, "last_ms");
    return json_pack("{s:o,s:s,s:o,s:s?,s:s,s:b,s:I,s:o,s:s?}", "id", json_id((uint64_t)query_int(q, "id")), "name", query_text(q, "name"), "org_id",
                     json_id((uint64_t)query_int(q, "org_id")), "org", query_text(q, "org"), "scopes", query_text(q, "scopes"), "active", (int)query_int(q, "active"), "created_ms",
                     (json_int_t)query_int(q, "created_ms"), "last_ms", last ? json_integer(last) : json_null(), "last_type", query_text(q, "last_type"));
}

static int client_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    (void)args;
    struct query *q = tx_query(ctx->tx, "SELECT c.id, c.name, c.org_id, o.name AS org, c.scopes, c.active, c.created_ms, t.last_ms, t.last_type FROM fhir_client c "
                                        "LEFT JOIN org o ON o.id=c.org_id LEFT JOIN exchange_state t ON t.source_id=c.id ORDER BY c.id", "");
    while (query_next(q))
        json_array_append_new(items, client_json(q));
    *result = json_pack("{s:o}", "items", items);
    return query_end(q);
}

static int client_add(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *scopes = arg_text(args, "scopes"), *wrong = scopes_wrong(scopes);
    uint64_t id = id_new(), org = arg_id(args, "org_id");
    const json_t *jwks = json_object_get(args, "jwks");
    if (wrong)
        return fault_field(ctx->fault, "scopes", "unknown:%.*s", (int)strcspn(wrong, " "), wrong);
    if (jwks_check(jwks, ctx->fault))
        return ERR_INVALID;
    if (org && !tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM org WHERE id=$1", "i", (int64_t)org))
        return fault_field(ctx->fault, "org_id", "not_found");
    char *text = json_dumps(jwks, JSON_COMPACT);
    int rc = text ? tx_exec(ctx->tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES ($1,$2,$3,$4,$5,1,$6,$7)",
                            "itittii", (int64_t)id, arg_text(args, "name"), (int64_t)org, scopes, text, ctx->now_ms, (int64_t)ctx->actor->person.v)
                  : ERR_UNAVAILABLE;
    free(text);
    ctx->audit.object = id;
    *result = json_pack("{s:o,s:s}", "id", json_id(id), "scopes", scopes);
    return rc;
}

static int client_remove(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "client_id");
    (void)result;
    ctx->audit.object = id;
    int rc = tx_exec(ctx->tx, "UPDATE fhir_client SET active=0 WHERE id=$1", "i", (int64_t)id);
    return rc ? rc : tx_changes(ctx->tx) ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "client", "There is no such client.");
}

static const struct field add_fields[] = {{.name = "name", .type = FIELD_TEXT, .required = true, .min = 1, .max = 80, .help = "who it is"},
                                          {.name = "org_id", .type = FIELD_ID, .help = "the institution it speaks for"},
                                          {.name = "scopes", .type = FIELD_TEXT, .required = true, .min = 1, .max = 500,
                                           .help = "what it may: system/*.read system/Patient.write .."},
                                          {.name = "jwks", .type = FIELD_ANY, .required = true, .help = "its public keys, a JSON Web Key Set"},
                                          {0}};
static const struct field remove_fields[] = {{.name = "client_id", .type = FIELD_ID, .required = true}, {0}};
static const struct field no_fields[] = {{0}};

const struct op fhir_ops[] = {
    {"client.list", OP_READ, 0, "client.manage", no_fields, client_list, "Machine clients of the FHIR service", NULL},
    {"client.add", OP_WRITE, 0, "client.manage", add_fields, client_add, "Registers a machine client by its public keys", NULL},
    {"client.remove", OP_WRITE, 0, "client.manage", remove_fields, client_remove, "Closes a machine client; its tokens end at once", NULL},
    {0}};
