/* audit_scope - how far an auditor sees. Who acts for the consortium sees the whole audit; who acts for an institution the lines of those who acted for it or for one below it in the tree
 * (departments and branches), the sign-ins of its people, and all lines about a patient whose record it keeps.
 */
#ifndef YL_RECORDS_AUDIT_AUDIT_SCOPE_H
#define YL_RECORDS_AUDIT_AUDIT_SCOPE_H

#include "records/ops/op.h"

/* The ids of an institution and of those below it, as a table to select from; `org` a parameter. */
#define AUDIT_BELOW(org) "(WITH RECURSIVE below(id) AS (SELECT id FROM org WHERE id=" org " UNION ALL SELECT o.id FROM org o JOIN below b ON o.parent_id=b.id) SELECT id FROM below)"

uint64_t audit_scope(struct op_ctx *ctx); /* the institution he is bound to; 0 = he sees all */
bool audit_scope_has(struct op_ctx *ctx, uint64_t scope, uint64_t org);
bool audit_scope_keeps(struct op_ctx *ctx, uint64_t scope, uint64_t patient);   /* his record is kept there */
bool audit_scope_employs(struct op_ctx *ctx, uint64_t scope, uint64_t person); /* he has a post there */
#endif
