/* clean - what the cleaning rules (records/quality/clean.h) look at in a resource of R4. Pure: the resource is read, never changed, and need not be valid.
 *
 * Codes: the standard one is the first coding of a system the rules know (ICD-10 of the insurance, ICD-10, LOINC, ICD-9-CM-3 of the insurance). Times:
 * what began comes first (effective, onset, performed ..); of a date coarser than a day the latest moment that is not in the future, since nobody can say
 * more; times without a zone are China's. A component of an Observation is an entry of its own; its time is the Observation's, judged there once.
 */
#ifndef YL_RECORDS_FHIR_CLEAN_H
#define YL_RECORDS_FHIR_CLEAN_H

#include "records/quality/clean.h"
#include "records/r4/json.h"

#define CLEAN_PARTS_MAX 16

struct clean_part {
    int64_t key;     /* of the part within its resource; 0 = the resource itself */
    const char *display; /* of the coding that data.code is; the concept's own text is the patient's */
    bool refers;     /* data.code is a reference to a Medication, no code of a list */
    bool minute;     /* t_ms is a time of the clock, not a day */
    struct clean_entry data; /* sex, birth_date "", duplicate false: not of the resource */
};
struct clean_resource { /* texts live as long as the doc */
    bool patient; /* himself holds; else parts */
    struct clean_patient himself;
    struct clean_part parts[CLEAN_PARTS_MAX];
    size_t n; /* 0: nothing to judge - another type, or entered in error */
};
/* The code as it came, where its system is nobody's own (SNOMED CT, ATC ...); "" = it is a local one. */
const char *clean_public_code(const struct clean_entry *e);
void clean_resource_read(struct r4_doc *d, const struct r4_node *resource, int64_t now_ms, struct clean_resource *out);
/* The id of the Encounter it was made in (Encounter/ID); false = it does not say. And when an Encounter began, at the earliest; 0 = it does not say. */
bool clean_resource_visit(const struct r4_node *resource, struct r4_str *id);
int64_t clean_visit_begun(const struct r4_node *encounter);
/* Its class (v3-ActCode) as HL7 table 0004; "" = another. */
const char *clean_visit_class(const struct r4_node *encounter);
/* Labelled restricted or very restricted (meta.security R or V of v3-Confidentiality); said not to be so after all (verificationStatus refuted). */
bool clean_restricted(const struct r4_node *resource);
bool clean_refuted(const struct r4_node *resource);
/* Whose data it says it is: the code of an institution (identifier of system urn:yilian:org) among managingOrganization, serviceProvider, performer,
 * recorder, requester, organization; false = it does not say. */
bool clean_resource_org(const struct r4_node *resource, char out[40]);
#endif
