/* report - the cockpits: a few numbers for each role of management, each with its definition, what it was before, and the very things it counts.
 *
 *   events, forms, rooms, findings  ->  facts (fact.h)  ->  numbers (figure.h), lists
 *
 * What happened is turned into *facts* in the background, about a second behind: one small row for each thing that can be counted, with its time,
 * institutions, numerator and denominator; no patient, no words of a person. A number is the sum (or the middle) of the facts of its span, a list is
 * the same rows one by one: they cannot disagree. Facts of a thing are made anew whenever the thing changes, always from what is stored, so throwing
 * them all away changes no number. Which numbers there are, what they mean and who sees them on which page is config/kpi.json (indicator.h).
 *
 * Whoever opens a page sees his own institution and those below it in the tree of organisations.
 *
 * Threads: facts are made in the background's round alone; operations as every operation.
 */
#ifndef YL_RECORDS_REPORT_REPORT_H
#define YL_RECORDS_REPORT_REPORT_H

#include "records/ops/op.h"

extern const struct op report_ops[]; /* report.cockpit, report.list */
extern const struct op month_ops[];  /* month.*: the reports of months (month.h) */
extern const struct op alarm_ops[];  /* alarm.*: rules on numbers, alarms (alarm.h) */

struct indicators; /* config/kpi.json; member of struct records_parts */
/* One round: what changed since, about 200 ms of it; the month's drafts; about 100 ms of judging rules. */
void report_background(struct records *r, int64_t now_ms);
#endif
