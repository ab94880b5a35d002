/* audit_list - the lines of the audit as JSON, and the auditor's list of them. Private to records/audit. */
#ifndef YL_RECORDS_AUDIT_AUDIT_LIST_H
#define YL_RECORDS_AUDIT_AUDIT_LIST_H

#include "records/ops/op.h"

#define AUDIT_LIST_MAX 200 /* lines of a page */
int64_t audit_page_before(const json_t *args); /* member `after`: lines of a smaller number; INT64_MAX = all */
int64_t audit_page_limit(const json_t *args);
/* {items, next} of these lines, in this order; `next` 0 = nothing is older. Errors stick to the transaction. New reference. */
json_t *audit_page(struct tx *tx, const int64_t *seqs, size_t n, int64_t next);

int audit_list(struct op_ctx *ctx, json_t *args, json_t **result); /* audit_list.c */
#endif
