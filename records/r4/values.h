/* values - literals of search, shared by what a resource yields and what a query asks. Inside records/r4 only. */
#ifndef YL_RECORDS_R4_VALUES_H
#define YL_RECORDS_R4_VALUES_H

#include "records/r4/search.h"

/* number, low, high of a decimal literal: 100 covers 99.5..100.5, 1.0 covers 0.95..1.05. false: no number. */
bool r4_number_read(struct r4_str text, struct r4_value *v);
/* ref_type, ref_id, ref_version, url. base_url may be NULL. false: nothing to point to ("#p1", ""). */
bool r4_reference_read(const struct r4 *r, struct r4_str text, const char *base_url, struct r4_value *v);
/* url|version */
void r4_canonical_read(struct r4_str text, struct r4_value *v);
/* `folded` of `string`, made in d. */
void r4_string_fold(struct r4_doc *d, struct r4_value *v);
bool r4_has_chinese(struct r4_str text);
#endif
