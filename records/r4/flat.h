/* flat - SQL on FHIR v2: a ViewDefinition makes rows of resources (http://sql-on-fhir.org/ig/StructureDefinition-ViewDefinition.html).
 *
 * Hides: how selects, forEach, repeat and unionAll are put together, the constants, what is wrong with a definition. A compiled definition is
 * read-only: any thread. Pure; the rows are made in the doc of the run.
 */
#ifndef YL_RECORDS_R4_FLAT_H
#define YL_RECORDS_R4_FLAT_H

#include "records/r4/fhirpath.h"

struct r4_flat;

#define R4_FLAT_COLUMNS_MAX 500
#define R4_FLAT_ROWS_MAX 20000 /* of one resource: what gives more is a mistake */

/* ERR_INVALID names the place, "ViewDefinition.select[0].column[1].path". The definition may be freed afterwards. */
YL_CHECKED int r4_flat_compile(const struct r4 *r, const struct r4_node *definition, struct r4_flat **out, struct fault *f);
void r4_flat_free(struct r4_flat *v);

struct r4_flat_column {
    const char *name, *type; /* type "" = not said */
    bool collection;
};
/* In the order of the rows' members. */
size_t r4_flat_columns(const struct r4_flat *v, const struct r4_flat_column **list);

/* The rows of one resource: objects added to the array `rows`, every column a member, null where it has no value. A resource of another type
 * gives none. ERR_INVALID: a path or a condition gives what it must not. */
YL_CHECKED int r4_flat_run(const struct r4_flat *v, struct r4_doc *doc, const struct r4_node *resource, int64_t now_ms, struct r4_node *rows, struct fault *f);
#endif
