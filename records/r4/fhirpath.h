/* fhirpath - FHIRPath (http://hl7.org/fhirpath/N1) over resources: search parameters, invariants, FHIRPath Patch, subscriptions.
 *
 * Hides: the parser and the collections. A compiled path is read-only: any thread. Evaluation makes what it needs in a doc.
 */
#ifndef YL_RECORDS_R4_FHIRPATH_H
#define YL_RECORDS_R4_FHIRPATH_H

#include "records/r4/r4.h"

struct r4_path;
struct r4_element; /* defs.h */

/* *why (static or in d of the compiled path) and *at (byte) on ERR_INVALID. */
YL_CHECKED int r4_path_compile(const struct r4 *r, const char *expression, struct r4_path **out, struct fault *f);
void r4_path_free(struct r4_path *p);
/* The first %name that neither the language nor `known` (NULL ends it) nor a defineVariable() of the path says; {NULL, 0}: none. */
struct r4_str r4_path_unknown_variable(const struct r4_path *p, const char *const *known);

enum r4_item_kind { R4_I_NODE = 1, R4_I_BOOLEAN, R4_I_INTEGER, R4_I_DECIMAL, R4_I_STRING, R4_I_DATE, R4_I_DATETIME, R4_I_TIME, R4_I_QUANTITY, R4_I_TYPE };
struct r4_item {
    uint8_t kind;                 /* enum r4_item_kind */
    bool boolean;
    const struct r4_type *type;   /* R4_I_NODE: FHIR type of the value, NULL when unknown */
    const struct r4_node *node;   /* R4_I_NODE: the value (NULL for a primitive with only extensions) */
    const struct r4_node *companion; /* R4_I_NODE: its `_name` object, or NULL */
    const struct r4_element *element; /* R4_I_NODE: what it is in its object, NULL for the root */
    const struct r4_node *parent; /* R4_I_NODE: object that holds it; NULL for the root */
    struct r4_str text;           /* the others: string; decimal, integer, date, time as literal; quantity: its unit */
    double number;                /* integer, decimal, quantity */
};
struct r4_items {
    struct r4_item *list;
    size_t n, cap;
};
struct r4_variable { /* %name */
    struct r4_str name;
    struct r4_items value;
    const struct r4_variable *next;
};
struct r4_eval {
    const struct r4 *r4;
    struct r4_doc *doc;               /* items and texts are made here */
    const struct r4_node *root;       /* %resource: the nearest resource */
    const struct r4_node *root_resource; /* %rootResource: its container; NULL = root */
    int64_t now_ms;                   /* for now(), today() */
    struct r4_item context;           /* %context: set by the run */
    const struct r4_variable *variables; /* more of them; NULL = none */
    bool lenient; /* published expressions (search parameters, invariants): an element the type does not have is empty, as() takes collections */
};
/* Evaluates on one node of that type (NULL: by its resourceType). 0; ERR_INVALID with the fault when it cannot be evaluated (a singleton
 * was needed, unknown function argument). */
YL_CHECKED int r4_path_run(const struct r4_path *p, struct r4_eval *e, const struct r4_node *node, const struct r4_type *type,
                           struct r4_items *out, struct fault *f);
/* The same on an item of an earlier run. */
YL_CHECKED int r4_path_run_item(const struct r4_path *p, struct r4_eval *e, const struct r4_item *item, struct r4_items *out, struct fault *f);
#endif
