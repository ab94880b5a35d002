/* validate - is this JSON a FHIR R4 resource? (http://hl7.org/fhir/R4/validation.html, against the base definitions)
 *
 * Checks structure (unknown and repeated members, wrong JSON kinds, cardinality, choice types, `_name` companions and null padding,
 * empty objects and arrays), primitive values by their regexes and real ranges, ids, required value sets that are enumerations, targets
 * of literal references, contained resources, extensions, narrative, and the invariants of the base definitions.
 * Pure; any thread.
 */
#ifndef YL_RECORDS_R4_VALIDATE_H
#define YL_RECORDS_R4_VALIDATE_H

#include "records/r4/r4.h"

enum r4_severity { R4_FATAL = 1, R4_ERROR, R4_WARNING, R4_INFORMATION };

struct r4_issue {
    enum r4_severity severity;
    const char *code;       /* OperationOutcome issue-type: structure required value invariant code-invalid invalid not-found duplicate ... */
    const char *expression; /* FHIRPath of the place: "Patient.contact[0].gender" */
    const char *details;    /* plain words; names values only where they are codes or names of the definitions, never a person's data */
};
#define R4_ISSUES_MAX 64 /* more are not recorded */
struct r4_issues {
    size_t n, n_errors; /* n_errors counts those not recorded too */
    struct r4_issue list[R4_ISSUES_MAX];
};

enum r4_validate_flags {
    R4_WARNINGS = 1,  /* also best-practice warnings (dom-6, name rules) */
    R4_NO_INVARIANTS = 2, /* structure and values only */
};
/* Texts of the issues are made in d. `type` NULL = whatever resourceType says. Returns out->n_errors: 0 = valid. */
size_t r4_validate(const struct r4 *r, struct r4_doc *d, const struct r4_node *resource, const struct r4_type *type, int flags,
                   struct r4_issues *out);
/* Adds one. severity, code and location as in struct r4_issue; the text is made in d. */
void r4_issue_add(struct r4_doc *d, struct r4_issues *out, const struct r4_issue *issue);
/* An OperationOutcome; with no issues an "informational" one that says all is well. */
void r4_outcome_write(struct r4_buf *b, const struct r4_issues *issues);
struct r4_node *r4_outcome(struct r4_doc *d, const struct r4_issues *issues);

/* One primitive literal against its type ("dateTime"), as JSON. NULL when it is right, else why not (static). */
const char *r4_primitive_wrong(const char *type, const struct r4_node *value);
/* A resource id: [A-Za-z0-9\-\.]{1,64}. */
bool r4_id_ok(const char *id, size_t n);
#endif
