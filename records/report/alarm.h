/* alarm - rules on numbers: too high or too low for so long at an institution opens an alarm for a role; it closes by itself when the number is well.
 *
 *   alarm_rule  ->  alarm_watch (rule, institution)  -> judged in turn ->  alarm (one open for each) -> notices
 *
 * A pair of rule and institution is judged every five minutes, a bounded number a round, the longest waiting first. While facts are not up to date
 * nothing is judged: an old number opens and closes nothing. An alarm that closed less than an hour ago opens again as the same one, and nobody is told
 * twice. A rule that is changed closes what it opened. A notice says which number of which institution it is, its limit, and since when.
 *
 * Who: right alarm.read at the institution or above it sees; whoever has the rule's role too, or alarm.manage, takes and acknowledges.
 * Threads: as operations; alarm_background in the background's round alone. Private to records/report.
 */
#ifndef YL_RECORDS_REPORT_ALARM_H
#define YL_RECORDS_REPORT_ALARM_H

#include "records/report/show.h"

#define ALARM_PERIODS "yesterday|7d|30d|month"
#define ALARM_RULES_MAX 200
#define ALARM_EVERY_MS (5 * 60000ll)
#define ALARM_AGAIN_MS (60 * 60000ll)

struct alarm_rule {
    uint64_t id, org;
    bool each; /* each institution at or below org, instead of org as a whole */
    char indicator[41], period[12], role[32];
    bool above; /* bad when above the limit, else when below */
    int64_t limit_milli, least, for_ms, version; /* thousandths of the unit; fewer things than `least` are not judged */
    bool urgent, enabled;
};
void alarm_rule_row(struct query *q, struct alarm_rule *out); /* columns of alarm_rule as r_* : ALARM_RULE_COLUMNS */
#define ALARM_RULE_COLUMNS                                                                                                                          \
    "r.id AS r_id, r.org_id AS r_org, r.each_org AS r_each, r.indicator AS r_indicator, r.period AS r_period, r.side AS r_side, r.limit_milli AS r_limit, r.least AS r_least, " \
    "r.for_minutes AS r_for, r.role AS r_role, r.urgent AS r_urgent, r.enabled AS r_enabled, r.version AS r_version"

/* What the number says (alarm_judge.c), pure. */
enum verdict { VERDICT_WELL, VERDICT_BAD, VERDICT_NOTHING };
enum verdict alarm_verdict(const struct alarm_rule *r, const struct figure *f);

/* Pairs of a rule: those that are missing come, those of institutions that are no more go. */
YL_CHECKED int alarm_watch_fill(struct tx *tx, const struct alarm_rule *r);
YL_CHECKED int alarm_close_all(struct op_ctx *ctx, uint64_t rule); /* because the rule changed */
void alarm_background(struct records *r, int64_t now_ms);
#endif
