/* fhirpath_ast - the compiled form of a path and the run over it. Inside records/r4 only. */
#ifndef YL_RECORDS_R4_FHIRPATH_AST_H
#define YL_RECORDS_R4_FHIRPATH_AST_H

#include "records/r4/defs.h"

enum r4_op {
    OP_LITERAL, OP_EMPTY, OP_THIS, OP_INDEX, OP_TOTAL, OP_VARIABLE, OP_MEMBER, OP_DOT, OP_AT, OP_CALL, OP_IS, OP_AS, OP_UNION, OP_NEGATE, OP_POSITIVE,
    OP_MULTIPLY, OP_DIVIDE, OP_DIV, OP_MOD, OP_ADD, OP_SUBTRACT, OP_CONCAT, OP_LESS, OP_LESS_EQUAL, OP_GREATER, OP_GREATER_EQUAL, OP_EQUAL,
    OP_NOT_EQUAL, OP_LIKE, OP_NOT_LIKE, OP_IN, OP_CONTAINS, OP_AND, OP_OR, OP_XOR, OP_IMPLIES
};

enum r4_system { SYS_NONE, SYS_BOOLEAN, SYS_INTEGER, SYS_DECIMAL, SYS_STRING, SYS_DATE, SYS_DATETIME, SYS_TIME, SYS_QUANTITY, SYS_ANY };

struct r4_type_spec { /* of is, as, ofType: a FHIR type, a System type, or one that does not exist */
    const struct r4_type *fhir;
    enum r4_system system;
};

struct r4_function;

struct r4_ast {
    uint8_t op;
    bool leading;  /* OP_MEMBER that begins a path: may be the type's own name */
    uint8_t n_args;
    struct r4_ast *left, *right;
    struct r4_ast **args;
    const struct r4_function *function;
    const char *name; /* of a member or variable */
    size_t name_len;
    uint32_t hash;
    const struct r4_type *root; /* leading: the type of that name */
    struct r4_item *literal;
    struct r4_type_spec spec;
};

struct r4_path {
    struct r4_doc *own; /* what r4_path_free frees; NULL: lives in the definitions' arena */
    struct r4_ast *root;
};

struct run {
    const struct r4 *r4;
    struct r4_eval *e;
    struct r4_doc *doc;
    struct fault *f;
    struct r4_item this_item;
    struct r4_items *total;
    size_t index;
    int depth;
    const struct r4_variable *variables; /* of defineVariable(), the last first; what an operand or argument defines ends with it */
};

#define CALL_ARGS_MAX 4
struct r4_function {
    const char *name;
    uint8_t min, max; /* arguments */
    /* in: the collection the function is called on; n: the call with its arguments. Appends to out. */
    int (*run)(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out);
};
const struct r4_function *r4_function_find(const char *name, size_t n);
const struct r4_function *r4_text_function_find(const char *name, size_t n); /* fhirpath_fn_text.c */
const struct r4_function *r4_value_function_find(const char *name, size_t n); /* fhirpath_fn_value.c */
const struct r4_function *r4_more_function_find(const char *name, size_t n); /* fhirpath_fn_more.c */
bool r4_takes_type_or_none(const struct r4_function *fn); /* getReferenceKey: the argument, if there is one, is a type */
bool r4_function_takes_type(const struct r4_function *fn); /* is, as, ofType: the argument is a type */
bool r4_function_casts(const struct r4_function *fn);      /* as, ofType: what comes out is of it */

/* ---- running ---- */
int r4_run(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out);
/* An argument, evaluated where the path stands ($this). */
bool r4_variable_of_language(struct r4_str name);
int r4_run_arg(struct run *s, const struct r4_ast *n, struct r4_items *out);
/* Argument i of call n as one System value: 1 there is one, 0 none, < 0 error. */
int r4_arg(struct run *s, const struct r4_ast *n, size_t i, struct r4_item *out);
/* A criterion or projection with $this = item, $index = i. */
int r4_run_each(struct run *s, const struct r4_ast *n, const struct r4_item *item, size_t i, struct r4_items *out);
int r4_run_error(struct run *s, const char *fmt, ...) YL_PRINTF(2, 3);

/* ---- operators (fhirpath_op.c) ---- */
/* The one item of c, which is not empty, as a System value; more are an error. */
int r4_singleton(struct run *s, const struct r4_items *c, struct r4_item *out);
int r4_run_logic(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out);
int r4_run_binary(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out);
int r4_run_negate(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out);
int r4_run_type_test(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out);

int r4_put(struct run *s, struct r4_items *c, const struct r4_item *item);
int r4_put_all(struct run *s, struct r4_items *c, const struct r4_items *more);
int r4_put_bool(struct run *s, struct r4_items *c, bool value);
int r4_put_int(struct run *s, struct r4_items *c, int64_t value);
int r4_put_decimal(struct run *s, struct r4_items *c, double value);
int r4_put_text(struct run *s, struct r4_items *c, enum r4_item_kind kind, const char *text, size_t n); /* copied */
/* Children of one item by name ("value" finds valueQuantity), or all of them (name NULL). */
int r4_children(struct run *s, const struct r4_item *item, const char *name, size_t n, uint32_t hash, struct r4_items *out);
/* A FHIR primitive or Quantity as its System value; others unchanged. */
struct r4_item r4_system_value(const struct r4_item *item);
bool r4_spec_holds(const struct r4_type_spec *spec, const struct r4_item *item); /* is */
bool r4_spec_casts(const struct r4_type_spec *spec, const struct r4_item *item); /* as, ofType: a code is no string */
/* Truth of a collection: 1, 0, -1 empty, -2 not a boolean. A single item that is no boolean counts as true. */
int r4_truth(struct run *s, const struct r4_items *c);
/* ---- comparing: 1 yes, 0 no, -1 empty (unknown precision), -2 cannot be compared ---- */
int r4_items_equal(struct run *s, const struct r4_items *a, const struct r4_items *b);
int r4_item_equal(struct run *s, const struct r4_item *a, const struct r4_item *b);
bool r4_item_like(struct run *s, const struct r4_item *a, const struct r4_item *b);
bool r4_items_like(struct run *s, const struct r4_items *a, const struct r4_items *b);
/* Both quantities or numbers in one unit; false: they have none in common. */
bool r4_common_unit(const struct r4_item *a, const struct r4_item *b, double *x, double *y);
/* <0, 0, >0 in *order; returns 0, -1 empty, -2 not comparable. */
int r4_item_order(struct run *s, const struct r4_item *a, const struct r4_item *b, int *order);
int r4_date_add(struct run *s, const struct r4_item *date, double amount, struct r4_str unit, struct r4_items *out);
bool r4_items_has(struct run *s, const struct r4_items *c, const struct r4_item *item);
#endif
