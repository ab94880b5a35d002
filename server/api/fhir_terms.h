/* fhir_terms - the terminology service in FHIR's own way: /fhir/CodeSystem, /fhir/ValueSet, /fhir/ConceptMap with $lookup, $validate-code,
 * $expand, $subsumes, $translate, $batch-validate-code, reading by id and searching by url (R4, http://hl7.org/fhir/R4/terminology-service.html). GET with the
 * parameters in the query, POST with a Parameters resource. Errors are OperationOutcomes. Session cookie or bearer token, as everywhere.
 * Event thread; maps to the operation term.fhir.
 */
#ifndef YL_SERVER_API_FHIR_TERMS_H
#define YL_SERVER_API_FHIR_TERMS_H

#include "server/api/api.h"

/* Registers the URLs; before net_run. `config` is the caller's, as long as its net. */
YL_CHECKED int fhir_terms_serve(const struct api_config *config);
#endif
