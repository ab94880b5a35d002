/* export - what the two files of Bulk Data $export share: what of each type is wanted (_typeFilter), and how much of it (_elements). Nobody else includes it. */
#ifndef YL_RECORDS_FHIR_EXPORT_H
#define YL_RECORDS_FHIR_EXPORT_H

#include "records/fhir/search.h"

#define EXPORT_FILTERS_MAX 40
#define EXPORT_MATCHES_MAX 2000000 /* of 16 bytes, while an export is prepared */

struct export_wishes { /* texts lie in the plan's document */
    struct export_filter {
        const struct r4_type *type;
        struct r4_str query; /* behind the question mark */
    } filters[EXPORT_FILTERS_MAX];
    size_t n_filters;
    struct r4_str elements;
    const char *types; /* of _type, "" = all */
};
bool export_listed(const char *list, const char *type);
/* _typeFilter=Type?query,Type?query. A comma parts two of them only where a type and a question mark follow: others are of a query. The error is answered, and
 * names the filter. */
YL_CHECKED int export_take_filters(struct fhir_work *w, struct r4_str value, struct export_wishes *wishes);
/* When it is asked for: can everything be carried out? The error is answered, and names what cannot. */
YL_CHECKED int export_check(struct fhir_work *w, struct tx *tx, const struct export_wishes *wishes);
/* The plan's _elements become those of the type: as body_shape cuts it. "" where nothing is cut. */
YL_CHECKED int export_elements(struct fhir_work *w, const struct export_wishes *wishes, const struct r4_type *type);

struct export_sieve { /* the filters of one type, compiled: one of them must hold */
    struct finder *finders[EXPORT_FILTERS_MAX];
    size_t n; /* 0: all are wanted */
};
YL_CHECKED int sieve_open(struct export_sieve *s, struct fhir_work *w, struct tx *tx, const struct export_wishes *wishes, const struct r4_type *type);
void sieve_close(struct export_sieve *s);
/* Those of the store that match and were there at `snapshot`, in their order. A sieve is used for this or for the next. */
YL_CHECKED int sieve_hits(struct export_sieve *s, int64_t snapshot, struct hits *out);
bool sieve_holds(const struct export_sieve *s, const struct fhir_row *row, bool ours); /* with facts; of the house's own, or the store's */
#endif
