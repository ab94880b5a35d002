/* month - the report of a month: the numbers of an institution with what they mean, checked, approved, and then never changed again.
 *
 *   drafts (background, the first of the month) -> check -> approve -> publish: the frozen sheet
 *
 * A draft's numbers are counted whenever it is looked at. Whoever checks it takes them: from then on they lie in the row (`sheet`), and it is these that
 * are approved and published; sending it back throws them away. Published, the sheet gets the names of who checked, approved and published, is
 * written once as text, sealed and hashed (SHA-256, also in the audit's chain). It is read back as that text and never counted again; what
 * counting it today would say stands beside it. A mistake is put right by a further version with a reason; the earlier one stays as it was.
 *
 * Who: right report.check or report.approve at the institution or above it in the tree.
 * Threads: as operations; month_background in the background's round alone. Private to records/report.
 */
#ifndef YL_RECORDS_REPORT_MONTH_H
#define YL_RECORDS_REPORT_MONTH_H

#include "records/flow/flow.h"
#include "records/report/show.h"

enum month_state { MONTH_DRAFT, MONTH_CHECKED, MONTH_APPROVED, MONTH_FROZEN };
enum month_event { ME_CHECK, ME_APPROVE, ME_RETURN, ME_PUBLISH, ME_EVENTS };
enum month_party { MP_CHECKER, MP_APPROVER, MP_SYSTEM };
enum month_fact { MF_OWN };
extern const struct flow_def month_flow;

#define MONTH_TEXT 8 /* "2026-10" */
struct month {
    uint64_t id, org, checked_by, approved_by, published_by;
    char month[MONTH_TEXT], reason[501], sha256[65]; /* reason: of a correction */
    int64_t version, rev; /* of the month; of this row: counts its moves */
    enum month_state state;
    int64_t made_ms, checked_ms, approved_ms, frozen_ms;
    json_t *sheet; /* NULL while a draft */
    bool intact;   /* FROZEN: the text is the one that was hashed */
};
/* ERR_NOT_FOUND also for who does not see the institution. The sheet is the caller's: month_clear. */
YL_CHECKED int month_load(struct op_ctx *ctx, uint64_t id, struct month *out);
void month_clear(struct month *m);
/* One more version of an institution's month; sets *out. ERR_CONFLICT: there is one that is not published; a reason is needed when there is one that is. */
YL_CHECKED int month_make(struct op_ctx *ctx, uint64_t org, const char *month, const char *reason, struct month *out);
/* The move, its line of history, its notices. */
YL_CHECKED int month_move(struct op_ctx *ctx, struct month *m, enum month_event event, const char *reason);
/* Keeps a sheet (NULL: throws it away), `final`: hashed, for good. */
YL_CHECKED int month_keep(struct op_ctx *ctx, struct month *m, const json_t *sheet, bool final);
/* One row of a query over report_month, without its sheet. */
void month_row(struct query *q, struct month *out);
#define MONTH_COLUMNS "r.id, r.org_id, r.month, r.version, r.rev, r.state, r.reason, r.made_ms, r.checked_by, r.checked_ms, r.approved_by, r.approved_ms, r.published_by, r.frozen_ms, r.sha256"
json_t *month_json(struct op_ctx *ctx, const struct month *m, bool whole); /* whole: with history */

/* The numbers as they are counted now, new reference (month_sheet.c). */
YL_CHECKED int month_sheet(struct op_ctx *ctx, const struct month *m, json_t **out);
/* Puts `today` {value, numerator, denominator} at each row of a kept sheet whose number is another now; how many. */
YL_CHECKED int month_differences(struct op_ctx *ctx, const struct month *m, json_t *sheet, int *n);
/* Drafts of the month that is over, for each institution; in the background. */
void month_background(struct records *r, int64_t now_ms);
#endif
