/* bundle - a batch or transaction in the making. Inside records/fhir only (bundle.c, bundle_names.c). */
#ifndef YL_RECORDS_FHIR_BUNDLE_PRIVATE_H
#define YL_RECORDS_FHIR_BUNDLE_PRIVATE_H

#include "records/fhir/fhir_private.h"

struct entry {
    struct fhir_work work;
    struct r4_str full_url;
    struct r4_node *resource;
    const struct r4_type *type;
    char name[FHIR_ID_BYTES]; /* known before it is written */
    int64_t rid;
    bool exists;              /* conditional create: was there already */
    const char *condition;    /* of a conditional create or update that met nothing; NULL */
    int rank;                 /* order of a transaction */
};

struct bundle {
    bool transaction;
    const struct r4_node *message; /* the header of a patient feed, which is carried out as a transaction; NULL = none */
    struct entry *list;
    size_t n;
    uint32_t *table; /* by full url, by Patient name, by condition: entry + 1 */
    size_t mask;
    struct index_batch rows;
};

size_t bundle_slot(const struct bundle *b, const char *text, size_t n);
void bundle_remember(struct bundle *b, const char *text, size_t n, size_t entry);
struct entry *bundle_by_url(const struct bundle *b, const char *text, size_t n);
/* The entry as a request of its own. */
YL_CHECKED int bundle_open_entry(struct fhir_work *w, struct entry *e);
/* The whole fails as this entry did, whose place is told. */
int bundle_fail_as(struct fhir_work *w, struct entry *e, size_t i);
/* Names for all that a transaction writes, and its references put right; no resource is written twice. The error is answered. */
YL_CHECKED int bundle_name_all(struct fhir_work *w, struct tx *tx);
#endif
