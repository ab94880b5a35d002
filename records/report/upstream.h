/* upstream - what the numbers come from, and since when that stands still: old numbers are not shown as new. Private to records/report.
 *
 * All numbers depend on the facts being kept (collect.c); data quality depends on the sources of other systems' data besides. A source stands still
 * when asking it for rows failed or is overdue, or when one that sends - messages, or resources as a FHIR client - has been silent for
 * report.source_late_hours. Its data then reach to its last success, and so do the numbers made of them.
 */
#ifndef YL_RECORDS_REPORT_UPSTREAM_H
#define YL_RECORDS_REPORT_UPSTREAM_H

#include "records/report/indicator.h"

#define UPSTREAM_SOURCES 50
struct upstream {
    int64_t facts_ms;   /* facts are complete up to here; 0 = they are up to date */
    int64_t sources_ms; /* the earliest of the sources that stand still; 0 = none does */
    json_t *sources;    /* [{id, name, since_ms, why: failed, late, silent}] */
};
/* As an institution (root: the consortium) sees it, for numbers up to until_ms: what stood still later does not matter. upstream_clear. */
YL_CHECKED int upstream_of(struct op_ctx *ctx, uint64_t org, int64_t until_ms, struct upstream *out);
void upstream_clear(struct upstream *u);
int64_t upstream_since(const struct upstream *u, const struct indicator *i); /* 0 = the number is up to date */
json_t *upstream_json(const struct upstream *u); /* {facts_ms, sources}; new reference */
/* 0 = facts are up to date, else the moment they are complete up to. */
int64_t upstream_facts_ms(struct tx *tx, int64_t now_ms);
#endif
