/* show - numbers and what they mean as JSON: the same on a page of the cockpit and in the month's report. Private to records/report. */
#ifndef YL_RECORDS_REPORT_SHOW_H
#define YL_RECORDS_REPORT_SHOW_H

#include "records/report/figure.h"

/* {id, measure, unit, better, target, title, definition, numerator_text, denominator_text, events}: words that stay with the number. */
json_t *show_meaning(const struct indicator *i);
json_t *show_figure(const struct figure *f);             /* {value, numerator, denominator}; value null: nothing to count */
json_t *show_met(const struct indicator *i, const struct figure *f); /* true, false; null: no target, or nothing to count */
json_t *show_span(const struct span *s);
/* The label of a word of a fact; null: there is none. */
json_t *show_word(struct op_ctx *ctx, const struct indicator *i, const char *word);
/* `parts` of *out: [{word, label, value, numerator, denominator}], the most frequent first. */
YL_CHECKED int show_parts(struct op_ctx *ctx, const struct ask *ask, json_t *out);
/* {id, name} of a row with a name; null: there is none. */
json_t *show_ref(struct op_ctx *ctx, const char *sql, uint64_t id);
#endif
