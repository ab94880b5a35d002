/* defs - how the definitions are held in memory. Inside records/r4 only. Read-only after r4_open. */
#ifndef YL_RECORDS_R4_DEFS_H
#define YL_RECORDS_R4_DEFS_H

#include "records/r4/fhirpath.h"
#include "records/r4/r4.h"

enum r4_primitive {
    R4_NOT_PRIMITIVE, R4_BOOLEAN, R4_INTEGER, R4_DECIMAL, R4_BASE64, R4_INSTANT, R4_STRING_T, R4_URI, R4_DATE, R4_DATETIME, R4_TIME, R4_CODE,
    R4_OID, R4_ID, R4_MARKDOWN, R4_UNSIGNED, R4_POSITIVE, R4_URL, R4_CANONICAL, R4_UUID, R4_XHTML
};

#define R4_MANY UINT16_MAX /* max "*" */
#define R4_ELEMENTS_MAX 512 /* of one type, choices spread out */

struct r4_codes { /* a required value set that is an enumeration */
    const char *url;
    struct r4_code {
        const char *code, *system;
        uint32_t hash;
    } *list;
    size_t n;
};

struct r4_invariant {
    const char *key, *expression, *words;
    bool warning;
    struct r4_path *path;
};

struct r4_element {
    const char *name; /* "valueQuantity" for a spread choice, "value" for its head */
    uint32_t hash;
    uint8_t name_len;
    uint8_t primitive; /* enum r4_primitive of `type` */
    bool summary, modifier, head; /* head: the name of a choice in paths; never in JSON */
    uint16_t min, max;
    uint16_t choice;   /* number of the choice within its type, 0 = none */
    uint16_t n_invariants, n_targets;
    const struct r4_type_def *type; /* NULL for a head */
    const struct r4_codes *codes;
    const struct r4_invariant **invariants;
    const struct r4_type **targets; /* Reference: types it may point to, none = any */
};

struct r4_named_param { /* a parameter as one type has it */
    const struct r4_param *param;
    struct r4_path *path; /* NULL: nothing to evaluate */
    uint64_t begins;      /* r4_name_bit of the members its branches begin with; 0 = may yield without any */
    const struct r4_codes *codes; /* of the one element it is, where that is a code of an enumeration */
};

struct r4_type_def {
    struct r4_type pub; /* first: a struct r4_type of ours is one of these */
    uint8_t primitive;
    uint16_t n_elements, n_choices, n_invariants;
    struct r4_element *elements;
    uint16_t *required; /* elements with min > 0; of a choice its head */
    uint16_t n_required;
    uint16_t *slots; /* index + 1 by hash */
    uint32_t slot_mask;
    const struct r4_invariant **invariants;
    struct r4_named_param *params; /* resources: by code */
    const struct r4_param **param_list;
    size_t n_params;
};

struct r4_compartment_row {
    const char *compartment;
    const struct r4_type *type;
    const struct r4_param **params;
    size_t n;
};

struct r4 {
    struct r4_doc *arena; /* everything below */
    struct r4_type_def **types; /* [1..n] */
    size_t n_types;
    uint16_t *type_slots; /* id by hash of the name */
    uint32_t type_mask;
    const struct r4_type **resources;
    size_t n_resources;
    struct r4_codes *codes;
    size_t n_codes;
    struct r4_invariant *invariants;
    size_t n_invariants;
    struct r4_param *params;
    size_t n_params;
    struct r4_compartment_row *compartments;
    size_t n_compartments;
    const struct r4_type_def *extension, *reference, *resource, *string, *boolean; /* met all the time */
};

static inline const struct r4_type_def *r4_def(const struct r4_type *t)
{
    return (const struct r4_type_def *)(const void *)t;
}
/* The element of that name (heads of choices too), NULL when there is none. */
static inline const struct r4_element *r4_element(const struct r4_type_def *t, uint32_t hash, const char *name, size_t n)
{
    if (!t->slots)
        return NULL;
    for (uint32_t i = hash & t->slot_mask; t->slots[i]; i = (i + 1) & t->slot_mask) {
        const struct r4_element *e = &t->elements[t->slots[i] - 1];
        if (e->hash == hash && e->name_len == n && memcmp(e->name, name, n) == 0)
            return e;
    }
    return NULL;
}
/* A set of names in 64 bits that may say yes for a name that is not in it. */
static inline uint64_t r4_name_bit(uint32_t hash)
{
    return (uint64_t)1 << (hash >> 26);
}
/* The system of a code of that set, the first one; NULL, 0 when it is not in it. */
struct r4_str r4_codes_system(const struct r4_codes *c, struct r4_str code);
/* The code of that set; system may be NULL = any. */
const struct r4_codes *r4_codes_find(const struct r4 *r, const char *url); /* of a value set, NULL */
bool r4_codes_has(const struct r4_codes *c, const char *code, size_t n, const char *system, size_t system_n);

/* ---- load_search.c: the last part of r4_open ---- */
YL_CHECKED int r4_load_search(struct r4 *r, const char *data_dir, struct fault *f);

/* ---- tables.c: tab-separated lines, kept in the arena ---- */
#define R4_COLUMNS_MAX 640
struct r4_line {
    unsigned number;
    size_t n;
    char *column[R4_COLUMNS_MAX];
};
/* Calls take for every line; it may keep the columns, which live in the arena. */
YL_CHECKED int r4_table_read(struct r4_doc *arena, const char *dir, const char *name, int (*take)(void *ctx, struct r4_line *line), void *ctx,
                             struct fault *f);
/* Cuts at `separator`, in place. Returns how many; "" gives 0. */
size_t r4_cut(char *text, char separator, char **out, size_t cap);
/* Paths that live in the definitions' arena; r4_path_for: the branches of a union that can hold for one type, NULL when none can. */
YL_CHECKED int r4_keep_path(struct r4 *r, const char *expression, struct r4_path **out, struct fault *f);
struct r4_path *r4_path_for(struct r4 *r, const struct r4_path *all, const struct r4_type *only);
uint64_t r4_path_begins(const struct r4_path *p); /* see r4_named_param */

/* ---- primitive.c ---- */
const char *r4_primitive_check(enum r4_primitive type, const struct r4_node *value); /* NULL: right */
enum r4_primitive r4_primitive_of(const char *name);
#endif
