/* elements - the catalogue of data elements (数据元目录, after WS/T 303): what each piece of data is, how it is written, which values it has, where it
 * stands in messages and resources. A row is one version, in effect from a day on; fields of forms name their element themselves (records/form).
 * Read once from config/quality/elements.tsv; then read-only: any thread. */
#ifndef YL_RECORDS_STANDARD_ELEMENTS_H
#define YL_RECORDS_STANDARD_ELEMENTS_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stddef.h>

struct elements;
struct element { /* texts live as long as the table; "" = nothing is said */
    const char *id;
    int version;
    const char *from, *until;          /* days; until "" = until the next version */
    const char *zh, *en, *says_zh, *says_en;
    const char *format, *domain;       /* docs/quality.md */
    const char *hl7, *fhir;            /* places, divided by spaces */
};

/* ERR_INVALID names the line and the column. */
YL_CHECKED int elements_open(struct elements **out, const char *config_dir, struct fault *f);
void elements_close(struct elements *t);
size_t elements_count(const struct elements *t);
const struct element *elements_at(const struct elements *t, size_t i); /* by id, then version */
const struct element *elements_find(const struct elements *t, const char *id, const char *day); /* the version in effect that day; NULL */
/* Is it the newest one in effect that day? */
bool elements_in_effect(const struct elements *t, const struct element *e, const char *day);
/* "S1 AN..50" and so on. */
bool elements_format_valid(const char *format);
#endif
