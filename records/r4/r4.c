#include "records/r4/defs.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- looking ---- */

const struct r4_type *r4_type_find(const struct r4 *r, const char *name, size_t n)
{
    uint32_t hash = r4_hash(name, n);
    for (uint32_t i = hash & r->type_mask; r->type_slots[i]; i = (i + 1) & r->type_mask) {
        const struct r4_type *t = &r->types[r->type_slots[i]]->pub;
        if (strlen(t->name) == n && memcmp(t->name, name, n) == 0)
            return t;
    }
    return NULL;
}

const struct r4_type *r4_resource(const struct r4 *r, const char *name, size_t n)
{
    const struct r4_type *t = r4_type_find(r, name, n);
    return t && t->kind == R4_RESOURCE && !t->abstract ? t : NULL;
}

size_t r4_resources(const struct r4 *r, const struct r4_type *const **list)
{
    *list = r->resources;
    return r->n_resources;
}

bool r4_type_is(const struct r4_type *type, const struct r4_type *base)
{
    for (; type; type = type->base)
        if (type == base)
            return true;
    return false;
}

static const struct r4_element *element_or_spread(const struct r4_type *type, const char *name, size_t n)
{
    return r4_element(r4_def(type), r4_hash(name, n), name, n);
}

bool r4_in_summary(const struct r4 *r, const struct r4_type *type, const char *element, size_t n)
{
    const struct r4_element *e = element_or_spread(type, element, n);
    return e && e->summary;
}

bool r4_is_mandatory(const struct r4 *r, const struct r4_type *type, const char *element, size_t n)
{
    const struct r4_element *e = element_or_spread(type, element, n);
    return e && e->min > 0;
}

struct r4_str r4_element_head(const struct r4_type *type, const char *element, size_t n)
{
    const struct r4_element *e = element_or_spread(type, element, n);
    while (e && e->choice && !e->head) /* the head stands before the spread elements */
        e--;
    return e ? (struct r4_str){e->name, e->name_len} : (struct r4_str){NULL, 0};
}

bool r4_codes_has(const struct r4_codes *c, const char *code, size_t n, const char *system, size_t system_n)
{
    uint32_t hash = r4_hash(code, n);
    for (size_t i = 0; i < c->n; i++) {
        const struct r4_code *one = &c->list[i];
        if (one->hash == hash && strlen(one->code) == n && memcmp(one->code, code, n) == 0 &&
            (!system || (strlen(one->system) == system_n && memcmp(one->system, system, system_n) == 0)))
            return true;
    }
    return false;
}

size_t r4_compartment(const struct r4 *r, const char *compartment, const struct r4_type *type, const struct r4_param *const **list)
{
    for (size_t i = 0; i < r->n_compartments; i++) {
        const struct r4_compartment_row *row = &r->compartments[i];
        if (row->type == type && strcmp(row->compartment, compartment) == 0) {
            *list = row->params;
            return row->n;
        }
    }
    *list = NULL;
    return 0;
}

/* ---- codes and invariants ---- */

static int take_codes(void *ctx, struct r4_line *line)
{
    struct r4 *r = ctx;
    if (line->column[0][0] == 'V') {
        if (r->n_codes == 400)
            return ERR_INVALID;
        r->codes[r->n_codes++] = (struct r4_codes){.url = line->column[1]};
        return 0;
    }
    if (!r->n_codes || line->n < 2)
        return ERR_INVALID;
    struct r4_codes *c = &r->codes[r->n_codes - 1];
    struct r4_code *list = r4_doc_alloc(r->arena, (c->n + line->n - 2) * sizeof *list);
    if (!list)
        return ERR_INTERNAL;
    if (c->n)
        memcpy(list, c->list, c->n * sizeof *list);
    for (size_t i = 2; i < line->n; i++)
        list[c->n++] = (struct r4_code){line->column[i], line->column[1], r4_hash(line->column[i], strlen(line->column[i]))};
    c->list = list;
    return 0;
}

static int take_invariant(void *ctx, struct r4_line *line)
{
    struct r4 *r = ctx;
    if (r->n_invariants == 400 || line->n < 4)
        return ERR_INVALID;
    r->invariants[r->n_invariants++] =
        (struct r4_invariant){line->column[0], line->column[2], line->column[3], strcmp(line->column[1], "warning") == 0, NULL};
    return 0;
}

const struct r4_codes *r4_codes_find(const struct r4 *r, const char *url)
{
    for (size_t i = 0; *url && i < r->n_codes; i++)
        if (strcmp(r->codes[i].url, url) == 0)
            return &r->codes[i];
    return NULL;
}

static const struct r4_invariant **invariants_of(struct r4 *r, char *keys, uint16_t *n)
{
    char *list[32];
    size_t found = r4_cut(keys, ',', list, 32);
    const struct r4_invariant **out = found ? r4_doc_alloc(r->arena, found * sizeof *out) : NULL;
    *n = 0;
    for (size_t i = 0; out && i < found; i++)
        for (size_t k = 0; k < r->n_invariants; k++)
            if (strcmp(r->invariants[k].key, list[i]) == 0)
                out[(*n)++] = &r->invariants[k];
    return out;
}

/* ---- types: names first, then their elements, because elements name types ---- */

#define TYPES_MAX 2048

struct rows { /* one pass over r4_types.tsv kept as lines */
    struct r4 *r;
    struct row {
        char *column[8];
    } *list;
    size_t n, cap;
};

static int take_row(void *ctx, struct r4_line *line)
{
    struct rows *rows = ctx;
    if (rows->n == rows->cap) {
        size_t cap = rows->cap ? rows->cap * 2 : 8192;
        struct row *grown = realloc(rows->list, cap * sizeof *grown);
        if (!grown)
            return ERR_INTERNAL;
        rows->list = grown;
        rows->cap = cap;
    }
    memcpy(rows->list[rows->n++].column, line->column, sizeof rows->list->column);
    return line->n > 1 && (line->column[0][0] == 'T' || line->column[0][0] == 'E') ? 0 : ERR_INVALID;
}

static int add_type(struct r4 *r, const struct row *row)
{
    struct r4_type_def *t = r4_doc_alloc(r->arena, sizeof *t);
    if (!t || r->n_types == TYPES_MAX - 1)
        return ERR_INTERNAL;
    const char *kind = row->column[2];
    *t = (struct r4_type_def){.pub = {.name = row->column[1],
                                      .kind = kind[0] == 'r'   ? R4_RESOURCE
                                              : kind[0] == 'p' ? R4_PRIMITIVE
                                              : kind[0] == 'b' ? R4_BACKBONE
                                                               : R4_COMPLEX,
                                      .abstract = kind[1] == 'a',
                                      .id = (uint16_t)++r->n_types}};
    t->primitive = kind[0] == 'p' ? (uint8_t)r4_primitive_of(t->pub.name) : R4_NOT_PRIMITIVE;
    r->types[r->n_types] = t;
    uint32_t i = r4_hash(t->pub.name, strlen(t->pub.name)) & r->type_mask;
    while (r->type_slots[i])
        i = (i + 1) & r->type_mask;
    r->type_slots[i] = t->pub.id;
    if (t->pub.kind == R4_RESOURCE && !t->pub.abstract)
        r->resources[r->n_resources++] = &t->pub;
    return 0;
}

static struct r4_type_def *type_def(const struct r4 *r, const char *name)
{
    return (struct r4_type_def *)(void *)r4_type_find(r, name, strlen(name));
}

/* "Reference(Patient|Group)": the type, and its targets ("Resource" alone = any). */
static int read_type(struct r4 *r, char *text, struct r4_element *e)
{
    char *targets = strchr(text, '('), *list[160];
    if (targets) {
        *targets++ = 0;
        targets[strcspn(targets, ")")] = 0;
        size_t n = r4_cut(targets, '|', list, 160);
        e->targets = r4_doc_alloc(r->arena, n * sizeof *e->targets);
        for (size_t i = 0; e->targets && i < n; i++) {
            const struct r4_type *t = r4_type_find(r, list[i], strlen(list[i]));
            if (t && !t->abstract)
                e->targets[e->n_targets++] = t;
        }
    }
    e->type = type_def(r, text);
    if (!e->type)
        return ERR_INVALID;
    e->primitive = e->type->primitive;
    return 0;
}

struct building {
    struct r4_element list[R4_ELEMENTS_MAX];
    size_t n;
};

static int put(struct building *b, const struct r4_element *e)
{
    if (b->n == R4_ELEMENTS_MAX)
        return ERR_INVALID;
    b->list[b->n] = *e;
    b->list[b->n].name_len = (uint8_t)strlen(e->name);
    b->list[b->n++].hash = r4_hash(e->name, strlen(e->name));
    return 0;
}

/* value[x]: a head "value" and one element a type: "valueQuantity". */
static int put_choice(struct r4 *r, struct building *b, struct r4_element *e, char **types, size_t n)
{
    char name[128];
    size_t stem = strlen(e->name) - 3;
    char *head = r4_doc_copy(r->arena, e->name, stem);
    struct r4_element as_head = *e;
    as_head.name = head;
    as_head.head = true;
    int rc = head ? put(b, &as_head) : ERR_INTERNAL;
    for (size_t i = 0; !rc && i < n; i++) {
        struct r4_element one = *e;
        rc = read_type(r, types[i], &one);
        if (rc)
            break;
        snprintf(name, sizeof name, "%s%s", head, one.type->pub.name);
        if (name[stem] >= 'a' && name[stem] <= 'z')
            name[stem] = (char)(name[stem] - 32);
        one.name = r4_doc_copy(r->arena, name, strlen(name));
        rc = one.name ? put(b, &one) : ERR_INTERNAL;
    }
    return rc;
}

static int add_element(struct r4 *r, struct r4_type_def *t, struct building *b, const struct row *row)
{
    char *types[64];
    struct r4_element e = {.name = row->column[1],
                           .min = (uint16_t)atoi(row->column[2]),
                           .max = row->column[3][0] == '*' ? R4_MANY : (uint16_t)atoi(row->column[3]),
                           .summary = strchr(row->column[4], 's') != NULL,
                           .modifier = strchr(row->column[4], 'm') != NULL,
                           .codes = r4_codes_find(r, row->column[6])};
    e.invariants = invariants_of(r, row->column[7], &e.n_invariants);
    size_t n = r4_cut(row->column[5], ',', types, 64), len = strlen(e.name);
    if (len > 3 && strcmp(e.name + len - 3, "[x]") == 0) {
        e.choice = ++t->n_choices;
        return put_choice(r, b, &e, types, n);
    }
    int rc = n == 1 ? read_type(r, types[0], &e) : ERR_INVALID;
    return rc ? rc : put(b, &e);
}

static int finish_type(struct r4 *r, struct r4_type_def *t, const struct building *b)
{
    uint32_t size = 4;
    while (size < b->n * 2)
        size *= 2;
    t->n_elements = (uint16_t)b->n;
    t->slot_mask = size - 1;
    t->elements = r4_doc_alloc(r->arena, (b->n + 1) * sizeof *t->elements);
    t->slots = r4_doc_alloc(r->arena, size * sizeof *t->slots);
    t->required = r4_doc_alloc(r->arena, (b->n + 1) * sizeof *t->required);
    if (!t->elements || !t->slots || !t->required)
        return ERR_INTERNAL;
    memcpy(t->elements, b->list, b->n * sizeof *t->elements);
    memset(t->slots, 0, size * sizeof *t->slots);
    for (size_t i = 0; i < b->n; i++) {
        uint32_t at = t->elements[i].hash & t->slot_mask;
        while (t->slots[at])
            at = (at + 1) & t->slot_mask;
        t->slots[at] = (uint16_t)(i + 1);
        if (t->elements[i].min && (t->elements[i].head || !t->elements[i].choice))
            t->required[t->n_required++] = (uint16_t)i;
    }
    return 0;
}

static int fill_types(struct r4 *r, const struct rows *rows, struct fault *f)
{
    struct building *b = calloc(1, sizeof *b);
    struct r4_type_def *t = NULL;
    int rc = b ? 0 : ERR_INTERNAL;
    for (size_t i = 0; !rc && i < rows->n; i++) {
        const struct row *row = &rows->list[i];
        if (row->column[0][0] == 'E') {
            rc = t ? add_element(r, t, b, row) : ERR_INVALID;
        } else {
            rc = t && t->pub.kind != R4_PRIMITIVE ? finish_type(r, t, b) : 0;
            b->n = 0;
            t = type_def(r, row->column[1]);
            t->pub.base = r4_type_find(r, row->column[3], strlen(row->column[3]));
            t->invariants = invariants_of(r, row->column[4], &t->n_invariants);
        }
        if (rc)
            fault_set(f, rc, "wrong_table", "r4_types.tsv line %zu is wrong", i + 1);
    }
    rc = rc || !t || t->pub.kind == R4_PRIMITIVE ? rc : finish_type(r, t, b);
    free(b);
    return rc;
}

static int load_types(struct r4 *r, const char *data_dir, struct fault *f)
{
    struct rows rows = {.r = r};
    int rc = r4_table_read(r->arena, data_dir, "r4_types.tsv", take_row, &rows, f);
    for (size_t i = 0; !rc && i < rows.n; i++)
        rc = rows.list[i].column[0][0] == 'T' ? add_type(r, &rows.list[i]) : 0;
    rc = rc ? rc : fill_types(r, &rows, f);
    free(rows.list);
    r->extension = rc ? NULL : type_def(r, "Extension");
    r->reference = rc ? NULL : type_def(r, "Reference");
    r->resource = rc ? NULL : type_def(r, "Resource");
    r->string = rc ? NULL : type_def(r, "string");
    r->boolean = rc ? NULL : type_def(r, "boolean");
    if (!rc && (!r->extension || !r->reference || !r->resource || !r->string || !r->boolean))
        rc = fault_set(f, ERR_INVALID, "wrong_table", "r4_types.tsv lacks a basic type");
    return rc;
}

static int compile_invariants(struct r4 *r, struct fault *f)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < r->n_invariants; i++)
        rc = r4_keep_path(r, r->invariants[i].expression, &r->invariants[i].path, f);
    return rc;
}

static int reserve(struct r4 *r)
{
    r->arena = r4_doc_new();
    if (!r->arena)
        return ERR_INTERNAL;
    r->type_mask = TYPES_MAX * 2 - 1;
    r->types = r4_doc_alloc(r->arena, TYPES_MAX * sizeof *r->types);
    r->resources = r4_doc_alloc(r->arena, 256 * sizeof *r->resources);
    r->type_slots = r4_doc_alloc(r->arena, TYPES_MAX * 2 * sizeof *r->type_slots);
    r->codes = r4_doc_alloc(r->arena, 400 * sizeof *r->codes);
    r->invariants = r4_doc_alloc(r->arena, 400 * sizeof *r->invariants);
    if (!r->types || !r->resources || !r->type_slots || !r->codes || !r->invariants)
        return ERR_INTERNAL;
    memset(r->type_slots, 0, TYPES_MAX * 2 * sizeof *r->type_slots);
    return 0;
}

int r4_open(struct r4 **out, const char *data_dir, struct fault *f)
{
    *out = NULL;
    struct r4 *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_INTERNAL;
    int rc = reserve(r);
    rc = rc ? rc : r4_table_read(r->arena, data_dir, "r4_codes.tsv", take_codes, r, f);
    rc = rc ? rc : r4_table_read(r->arena, data_dir, "r4_invariants.tsv", take_invariant, r, f);
    rc = rc ? rc : load_types(r, data_dir, f);
    rc = rc ? rc : compile_invariants(r, f);
    rc = rc ? rc : r4_load_search(r, data_dir, f);
    if (rc) {
        r4_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

void r4_close(struct r4 *r)
{
    if (!r)
        return;
    r4_doc_free(r->arena);
    free(r);
}
