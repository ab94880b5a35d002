/* r4 - the definitions of FHIR R4 (4.0.1): types with their elements, required value sets, invariants, search parameters, compartments.
 *
 * Hides: the tables' format and the compiled expressions. Read from config/data/r4_*.tsv (made by make_tables.mjs); about 4 MB, so it is
 * opened only where the FHIR service is on. Read-only once open: any thread.
 *
 * r4_types.tsv       T name kind(r resource, c complex, p primitive, b backbone; a abstract) base invariants
 *                    E name min max flags(s summary, m modifier) types(Reference(targets),...) required-value-set invariants
 * r4_codes.tsv       V value-set / S system code code ...
 * r4_invariants.tsv  key severity expression words
 * r4_search.tsv      id code type bases targets expression [component-id expression]...
 * r4_compartments.tsv compartment resource-type search-parameter ...
 */
#ifndef YL_RECORDS_R4_R4_H
#define YL_RECORDS_R4_R4_H

#include "records/r4/json.h"
#include "server/base/fault.h"

struct r4;

/* data_dir is config/data. The fault names the file and line that is wrong. */
YL_CHECKED int r4_open(struct r4 **out, const char *data_dir, struct fault *f);
void r4_close(struct r4 *r);

/* ---- types ---- */
enum r4_type_kind { R4_RESOURCE = 1, R4_COMPLEX, R4_PRIMITIVE, R4_BACKBONE };

struct r4_type {
    const char *name; /* "Patient", "HumanName", "dateTime", "Patient.contact" */
    const struct r4_type *base;
    uint8_t kind;
    bool abstract;
    uint16_t id; /* 1.. */
};
const struct r4_type *r4_type_find(const struct r4 *r, const char *name, size_t n); /* NULL: no such type */
/* A resource type that can be stored (not Resource, DomainResource). */
const struct r4_type *r4_resource(const struct r4 *r, const char *name, size_t n);
/* All of them, by name. */
size_t r4_resources(const struct r4 *r, const struct r4_type *const **list);
bool r4_type_is(const struct r4_type *type, const struct r4_type *base); /* itself or derived */
/* Whether the element counts to the summary (_summary=true), by dotted name from the resource: "name" of Patient. */
bool r4_in_summary(const struct r4 *r, const struct r4_type *type, const char *element, size_t n);
bool r4_is_mandatory(const struct r4 *r, const struct r4_type *type, const char *element, size_t n); /* min 1: _elements keeps it */
/* The element as the definition calls it: "value" for valueQuantity of Observation, and for value. {NULL} where the type has none of this name. */
struct r4_str r4_element_head(const struct r4_type *type, const char *element, size_t n);

/* ---- search parameters ---- */
enum r4_param_type { R4_P_NUMBER = 1, R4_P_DATE, R4_P_STRING, R4_P_TOKEN, R4_P_REFERENCE, R4_P_COMPOSITE, R4_P_QUANTITY, R4_P_URI, R4_P_SPECIAL };
const char *r4_param_type_name(enum r4_param_type type); /* "number", ... */

#define R4_COMPONENTS_MAX 3
struct r4_path; /* a compiled expression: fhirpath.h */
struct r4_param {
    const char *id;         /* "Patient-birthdate": the last part of its canonical url http://hl7.org/fhir/SearchParameter/... */
    const char *code;       /* the name in a search: "birthdate" */
    const char *expression; /* as published; NULL for _text, _content and the like */
    const struct r4_type *const *targets; /* reference: the types it may point to; none = any */
    size_t n_targets;
    struct {
        const struct r4_param *param; /* its type decides how the value is read */
        const char *expression;
        const struct r4_path *path;
    } components[R4_COMPONENTS_MAX];  /* composite */
    size_t n_components;
    uint8_t contact; /* it finds ContactPoints by their value: of any kind, or of those of this ContactPoint.system */
#define R4_CONTACT_ANY 1
#define R4_CONTACT_PHONE 2
#define R4_CONTACT_EMAIL 3
    uint16_t number; /* 1.. stable for these tables' version: the order of r4_search.tsv; for index rows use id or code, not this */
    uint8_t type;    /* enum r4_param_type */
};
/* The parameter of that name for a type, those of Resource and DomainResource included (_id, _lastUpdated, _tag ...). */
const struct r4_param *r4_param_find(const struct r4 *r, const struct r4_type *type, const char *code, size_t n);
/* The system that goes without saying with a code of this parameter: status=final is of http://hl7.org/fhir/observation-status, phone=1 of phone. NULL, 0 when the
 * parameter is more than one element of this type, or that is no code of an enumeration. */
struct r4_str r4_param_system(const struct r4_type *type, const struct r4_param *param, struct r4_str code);
/* All parameters of a type, by code. */
size_t r4_params(const struct r4 *r, const struct r4_type *type, const struct r4_param *const **list);

/* ---- compartments (http://hl7.org/fhir/R4/compartmentdefinition.html) ---- */
/* The search parameters that put a resource of `type` into a compartment ("Patient", "Encounter", "Practitioner", "RelatedPerson", "Device");
 * 0 when resources of that type are in no such compartment. The resource named by the compartment is in it by its own id. */
size_t r4_compartment(const struct r4 *r, const char *compartment, const struct r4_type *type, const struct r4_param *const **list);
#endif
