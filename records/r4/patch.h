/* patch - FHIRPath Patch (http://hl7.org/fhir/R4/fhirpatch.html): a Parameters resource that says what to add, insert, delete, replace and
 * move, by FHIRPath. Pure; the caller validates the result.
 */
#ifndef YL_RECORDS_R4_PATCH_H
#define YL_RECORDS_R4_PATCH_H

#include "records/r4/r4.h"

/* Changes `resource` in place, in order, taking values from `parameters` (copied into d). On an error some operations may have been done
 * already: patch a copy. 0, ERR_INVALID with the fault naming the operation by number ("parameter[1]") and why, ERR_STORAGE. */
YL_CHECKED int r4_fhirpath_patch(const struct r4 *r, struct r4_doc *d, struct r4_node *resource, const struct r4_node *parameters, struct fault *f);
#endif
