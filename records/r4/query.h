/* query - reading one name=value of a search. Inside records/r4 only; the surface is search.h. */
#ifndef YL_RECORDS_R4_QUERY_H
#define YL_RECORDS_R4_QUERY_H

#include "records/r4/search.h"

struct r4_reading {
    const struct r4 *r4;
    struct r4_doc *d;
    struct r4_str name, value;
    const char *base_url;
    bool any_case;
    struct fault *f;
    int depth;
    bool quiet; /* an alternative is being tried: no fault */
};
/* Fills the fault: names the parameter. Returns ERR_INVALID. */
int r4_query_wrong(const struct r4_reading *s, const char *why);
/* The comma-separated values of the reading, as the term's parameter and modifier want them. */
YL_CHECKED int r4_query_operands(struct r4_reading *s, struct r4_term *t);
#endif
