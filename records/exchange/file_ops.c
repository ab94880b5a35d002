/* Files that sources left in their folders, and what became of them. */
#include "records/exchange/exchange_private.h"

static json_t *file_json(struct query *q)
{
    int64_t done = query_int(q, "done_ms");
    return json_pack("{s:o,s:{s:o,s:s?},s:s?,s:I,s:s?,s:s?,s:s?,s:s?,s:s?,s:I,s:I,s:I,s:I,s:I,s:o}", "id", json_id((uint64_t)query_int(q, "id")), "source", "id",
                     json_id((uint64_t)query_int(q, "source_id")), "name", query_text(q, "source_name"), "name", query_text(q, "name"), "size",
                     (json_int_t)query_int(q, "size"), "state", query_text(q, "state"), "reason", query_text(q, "reason"), "column", query_text(q, "place"), "charset",
                     query_text(q, "charset"), "unused_columns", query_text(q, "unused"), "rows", (json_int_t)query_int(q, "rows"), "stored",
                     (json_int_t)query_int(q, "stored"), "dead", (json_int_t)query_int(q, "dead"), "repeated", (json_int_t)query_int(q, "repeated"), "begun_ms",
                     (json_int_t)query_int(q, "begun_ms"), "done_ms", done ? json_integer(done) : json_null());
}

int exchange_file_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int64_t limit = arg_int(args, "limit", 30), source = (int64_t)arg_id(args, "source_id"), before = (int64_t)arg_id(args, "before");
    uint64_t last = 0;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT f.*, s.name AS source_name FROM exchange_file f LEFT JOIN exchange_source s ON s.id=f.source_id "
                               "WHERE ($1=0 OR f.source_id=$1) AND f.id<$2 ORDER BY f.id DESC LIMIT $3",
                               "iii", source, before ? before : INT64_MAX, limit);
    while (query_next(q)) {
        last = (uint64_t)query_int(q, "id");
        json_array_append_new(items, file_json(q));
    }
    bool more = (int64_t)json_array_size(items) == limit;
    *result = json_pack("{s:o,s:o}", "items", items, "next", more ? json_id(last) : json_null());
    return query_end(q);
}
