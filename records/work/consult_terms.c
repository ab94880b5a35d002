/* How long the clocks run: config/deadlines.json, overridden by policies. */
#include "records/work/consult.h"
#include "records/work/work_parts.h"
#include "server/base/log.h"
#include <string.h>

int consult_terms(struct op_ctx *ctx, const char *urgency, struct flow_terms out[K_COUNT])
{
    char prefix[] = "deadline.";
    if (work_default_terms(work_parts(ctx->records)->deadlines, urgency, out))
        return fault_set(ctx->fault, ERR_INTERNAL, "deadline", "no usable deadlines for %s", urgency);
    /* the few that an administrator changed: one read for all clocks */
    struct query *q =
        tx_query(ctx->tx, "SELECT id, value FROM policy WHERE id>=$1 AND id<$2", "tt", prefix, "deadline/");
    while (query_next(q)) {
        const char *id = query_text(q, "id") + strlen(prefix), *dot = strrchr(id, '.');
        for (int k = 0; dot && strcmp(dot + 1, urgency) == 0 && k < K_COUNT; k++) {
            const char *clock = consult_flow.clocks[k].label.word;
            if (strlen(clock) == (size_t)(dot - id) && strncmp(clock, id, strlen(clock)) == 0)
                if (duration_parse(query_text(q, "value"), &out[k].term))
                    log_error("policy", "unusable %s%s", prefix, id);
        }
    }
    return query_end(q);
}

int consult_time(struct op_ctx *ctx, const struct consult *c, uint8_t state, struct consult_time *out)
{
    uint8_t holder = consult_flow.states[state].holder;
    staff_calendar(ctx, consult_holder_org(c, holder), &out->calendar);
    return consult_terms(ctx, c->urgency, out->terms);
}
