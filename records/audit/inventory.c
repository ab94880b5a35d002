/* Counting what is stored (inventory.h). */
#include "records/audit/inventory.h"
#include "records/parts.h"
#include <stdio.h>
#include <string.h>

#define SQL_MAX 2000

/* One statement a table over its newest rows: how many, when the last came, and how many lack each column. */
static void sample_sql(const struct inventory_table *t, char sql[SQL_MAX])
{
    size_t n = (size_t)snprintf(sql, SQL_MAX, "SELECT COUNT(*) AS n, %s%s%s AS last_ms", t->arrived ? "MAX(t." : "0", t->arrived ? t->arrived : "",
                                t->arrived ? ")" : "");
    for (int i = 0; t->columns[i].zh; i++)
        n += (size_t)snprintf(sql + n, SQL_MAX - n, ", COALESCE(SUM(CASE WHEN %s THEN 1 ELSE 0 END), 0) AS e%d", t->columns[i].empty, i);
    snprintf(sql + n, SQL_MAX - n, " FROM (SELECT * FROM %s ORDER BY %s DESC LIMIT $1) t", t->name, t->newest);
}

static json_t *text_pair(const char *zh, const char *en)
{
    return json_pack("{s:s,s:s}", "zh", zh, "en", en);
}

static json_t *columns_of(struct query *q, const struct inventory_table *t)
{
    json_t *out = json_array();
    char name[16];
    for (int i = 0; t->columns[i].zh; i++) {
        snprintf(name, sizeof name, "e%d", i);
        json_array_append_new(out, json_pack("{s:o,s:I}", "label", text_pair(t->columns[i].zh, t->columns[i].en), "empty",
                                             (json_int_t)query_int(q, name)));
    }
    return out;
}

static int count_table(struct tx *tx, const struct inventory_table *t, json_t *list)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", t->name);
    int64_t rows = tx_int(tx, 0, sql, "");
    sample_sql(t, sql);
    struct query *q = tx_query(tx, sql, "i", (int64_t)INVENTORY_SAMPLE);
    if (query_next(q)) {
        int64_t last = query_int(q, "last_ms");
        json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:o,s:o}", "name", t->name, "count", (json_int_t)rows, "sampled",
                                              (json_int_t)query_int(q, "n"), "last_ms", last ? json_integer(last) : json_null(),
                                              "columns", columns_of(q, t)));
    }
    return query_end(q);
}

static json_t *owner_of(struct op_ctx *ctx, const struct inventory_class *c)
{
    const json_t *roles = json_object_get(access_table(records_parts(ctx->records)->access), "roles");
    json_t *role, *label = NULL;
    size_t i;
    json_array_foreach(roles, i, role)
        if (strcmp(json_string_value(json_object_get(role, "id")), c->owner) == 0)
            label = json_object_get(role, "label");
    return json_pack("{s:s,s:O?,s:b}", "role", c->owner, "label", label, "each", (int)c->each);
}

static int count_class(struct op_ctx *ctx, const struct inventory_class *c, json_t *out)
{
    json_t *tables = json_array();
    int rc = 0;
    for (const struct inventory_table *t = inventory_tables; !rc && t->name; t++)
        if (strcmp(t->class_id, c->id) == 0)
            rc = count_table(ctx->tx, t, tables);
    const json_t *first = json_array_get(tables, 0);
    json_array_append_new(out, json_pack("{s:s,s:o,s:s,s:i,s:o,s:O?,s:O?,s:o}", "id", c->id, "label", text_pair(c->zh, c->en), "kind",
                                         c->kind, "level", c->level, "owner", owner_of(ctx, c), "count",
                                         json_object_get(first, "count"), "last_ms", json_object_get(first, "last_ms"), "tables",
                                         tables));
    return rc;
}

static int inventory_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *classes = json_array();
    int rc = 0;
    (void)args;
    for (const struct inventory_class *c = inventory_classes; !rc && c->id; c++)
        rc = count_class(ctx, c, classes);
    *result = json_pack("{s:I,s:i,s:o}", "counted_ms", (json_int_t)ctx->now_ms, "sample", INVENTORY_SAMPLE, "classes", classes);
    return rc;
}

static const struct field no_args[] = {{0}};

const struct op inventory_ops[] = {
    {"inventory.get", OP_READ, OP_PHI, "inventory.read", no_args, inventory_get, "What is stored, by class: how much, what is missing, whose it is"},
    {0},
};
