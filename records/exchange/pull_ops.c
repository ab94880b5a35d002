/* The administrator's side of pulls: how the last one went, one more now, from the beginning. */
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include <string.h>

json_t *exchange_pull_json(struct op_ctx *ctx, uint64_t source)
{
    json_t *o = NULL;
    struct query *q = tx_query(ctx->tx, "SELECT u.* FROM exchange_pull u JOIN exchange_source s ON s.id=u.source_id WHERE u.source_id=$1 AND s.kind='database'", "i", (int64_t)source);
    if (query_next(q)) {
        int64_t last = query_int(q, "last_ms");
        o = json_pack("{s:s?,s:s?,s:s?,s:s?,s:I,s:o,s:I}", "mark", query_text(q, "mark"), "state", query_text(q, "state"), "reason", query_text(q, "reason"), "detail",
                      query_text(q, "detail"), "failures", (json_int_t)query_int(q, "failures"), "last_ms", last ? json_integer(last) : json_null(), "next_ms",
                      (json_int_t)query_int(q, "next_ms"));
    }
    if (query_end(q) || !o) /* an error sticks to the transaction */
        return json_null();
    return o;
}

/* `from` sets the mark: "" = the whole history once more; rows that came already are known. */
int exchange_pull_now(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "source_id");
    const char *from = arg_text(args, "from");
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_source WHERE id=$1 AND kind='database'", "i", (int64_t)id))
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such source of kind database.");
    tx_exec(ctx->tx, "UPDATE exchange_pull SET next_ms=0, failures=0 WHERE source_id=$1", "i", (int64_t)id);
    if (from)
        tx_exec(ctx->tx, "UPDATE exchange_pull SET mark=$1, state='' WHERE source_id=$2", "ti", from, (int64_t)id);
    ctx->audit.object = id;
    *result = exchange_pull_json(ctx, id);
    return tx_error(ctx->tx);
}
