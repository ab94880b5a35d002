/* Is this session a phone's, bound to one case? Asked by every upload. */
#include "records/document/capture.h"

int capture_case(struct op_ctx *ctx, struct case_id *out)
{
    out->v = 0;
    int64_t expires_ms = 0;
    struct query *q = tx_query(ctx->tx, "SELECT case_id, expires_ms FROM capture_session WHERE session_id=$1", "i",
                               (int64_t)ctx->actor->session);
    if (query_next(q)) {
        out->v = (uint64_t)query_int(q, "case_id");
        expires_ms = query_int(q, "expires_ms");
    }
    int rc = query_end(q);
    if (rc || !out->v || expires_ms > ctx->now_ms)
        return rc;
    return fault_set(ctx->fault, ERR_GONE, "capture_over", "The time for photos is over; show a new code.");
}
