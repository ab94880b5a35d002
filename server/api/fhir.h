/* fhir - the URLs under /fhir: a request's bytes to the records plane and its answer back. docs/protocol/fhir.md is the contract.
 * The terminology service's three types have prefixes of their own (fhir_terms.h). Event thread. */
#ifndef YL_SERVER_API_FHIR_H
#define YL_SERVER_API_FHIR_H

#include "server/api/api.h"

/* Adds the routes; config must outlive the net. ERR_CONFLICT as net_route_add. */
/* The handler itself; ctx is the struct api_config. */
void fhir_answer(void *ctx, struct net_request *r);
YL_CHECKED int fhir_serve(const struct api_config *config);
#endif
