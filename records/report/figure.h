/* figure - numbers and lists out of facts. Both ask with the same condition, so they are about the same rows. Private to records/report. */
#ifndef YL_RECORDS_REPORT_FIGURE_H
#define YL_RECORDS_REPORT_FIGURE_H

#include "records/report/indicator.h"
#include "records/report/period.h"

enum side { SIDE_EVERYWHERE, SIDE_EITHER, SIDE_HOME, SIDE_TARGET };
struct ask { /* which facts */
    const struct indicator *indicator;
    uint64_t org; /* it and what is below it, on that side of a case; nothing when SIDE_EVERYWHERE */
    enum side side;
    struct span span;
    int64_t now_ms;         /* later facts are still open */
    const char *word, *only; /* "" = all; only: "counted", "rest" of a rate */
};
struct figure {
    bool known;    /* there was something to count, or a count of nothing: 0 */
    double value;  /* in the indicator's unit */
    int64_t numerator, denominator; /* of medians and means: 0 and how many */
};
YL_CHECKED int figure_of(struct tx *tx, const struct ask *a, struct figure *out);
/* By word, the most frequent first; n written. */
struct figure_part {
    char word[FACT_WORD];
    struct figure figure;
};
YL_CHECKED int figure_parts(struct tx *tx, const struct ask *a, struct figure_part *out, size_t cap, size_t *n);
/* One row each, the latest first, of times the longest first: f.thing_id case_id t_ms home_org_id target_org_id good total value word counted. */
struct query *figure_rows(struct tx *tx, const struct ask *a, int64_t limit, int64_t offset);

/* The institutions somebody at `org` sees: it and what is below. */
bool figure_sees(struct tx *tx, uint64_t org, uint64_t other);
bool figure_is_root(struct tx *tx, uint64_t org);
struct query *figure_orgs(struct tx *tx, uint64_t org); /* id, name; itself first */
#endif
