/* How far an auditor sees (audit_scope.h). */
#include "records/audit/audit_scope.h"

/* The consortium is the institution the site was begun with (yilianctl init): ids grow, and what was put beside it later is not above the others. */
uint64_t audit_scope(struct op_ctx *ctx)
{
    uint64_t org = ctx->actor->org.v;
    if (ctx->actor->system || (org && org == (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM org WHERE parent_id=0 ORDER BY id LIMIT 1", "")))
        return 0;
    return org ? org : UINT64_MAX >> 1; /* who acts for nobody sees nothing */
}

bool audit_scope_has(struct op_ctx *ctx, uint64_t scope, uint64_t org)
{
    return !scope || tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM " AUDIT_BELOW("$1") " s WHERE s.id=$2", "ii", (int64_t)scope, (int64_t)org) > 0;
}

bool audit_scope_keeps(struct op_ctx *ctx, uint64_t scope, uint64_t patient)
{
    return !scope || tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM patient WHERE id=$2 AND org_id IN " AUDIT_BELOW("$1"), "ii", (int64_t)scope, (int64_t)patient) > 0;
}

bool audit_scope_employs(struct op_ctx *ctx, uint64_t scope, uint64_t person)
{
    return !scope || tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM post WHERE person_id=$2 AND org_id IN " AUDIT_BELOW("$1"), "ii", (int64_t)scope, (int64_t)person) > 0;
}
