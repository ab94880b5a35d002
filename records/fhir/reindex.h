/* reindex - what the two files that make index rows anew share. Nobody else includes it. */
#ifndef YL_RECORDS_FHIR_REINDEX_H
#define YL_RECORDS_FHIR_REINDEX_H

#include "records/fhir/fhir_private.h"

#define REDO_STRETCH 2000

struct redo {
    struct fhir *x;
    struct scratch *s;
    struct tx *tx;
    int state;
    int64_t pkey, rid; /* behind this one */
    int64_t damaged;
    struct index_batch rows;
};
/* The next stretch; *all: it was the last one. */
YL_CHECKED int redo_contacts(struct redo *r, bool *all);
#endif
