#include "records/r4/defs.h"
#include <ctype.h>
#include <stdlib.h>

static const char *const type_names[] = {"", "number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special"};

const char *r4_param_type_name(enum r4_param_type type)
{
    return type_names[type];
}

static enum r4_param_type type_of(const char *name)
{
    for (size_t i = 1; i < sizeof type_names / sizeof *type_names; i++)
        if (strcmp(type_names[i], name) == 0)
            return (enum r4_param_type)i;
    return 0;
}

/* What a line says and the parameter cannot hold until all lines are read. */
struct pending {
    char *bases, *components[R4_COMPONENTS_MAX];
    struct r4_path *path;
};

struct loading {
    struct r4 *r;
    struct pending *pending;
    size_t cap;
    struct fault *f;
};

static int read_targets(struct r4 *r, struct r4_param *p, char *text)
{
    char *list[200];
    size_t n = r4_cut(text, ',', list, 200);
    const struct r4_type **targets = n ? r4_doc_alloc(r->arena, n * sizeof *targets) : NULL;
    for (size_t i = 0; targets && i < n; i++) {
        const struct r4_type *t = r4_resource(r, list[i], strlen(list[i]));
        if (t)
            targets[p->n_targets++] = t;
    }
    p->targets = targets;
    return 0;
}

/* Patient.telecom.where(system='phone') */
static uint8_t contact_of(const struct r4_param *p)
{
    if (p->type != R4_P_TOKEN || !p->expression || !strstr(p->expression, ".telecom"))
        return 0;
    return strstr(p->expression, "system='phone'") ? R4_CONTACT_PHONE : strstr(p->expression, "system='email'") ? R4_CONTACT_EMAIL : R4_CONTACT_ANY;
}

static int take_param(void *ctx, struct r4_line *line)
{
    struct loading *l = ctx;
    struct r4 *r = l->r;
    if (r->n_params == l->cap)
        return ERR_INVALID;
    struct pending *w = &l->pending[r->n_params];
    struct r4_param *p = &r->params[r->n_params++];
    *p = (struct r4_param){.id = line->column[0],
                           .code = line->column[1],
                           .expression = line->column[5][0] ? line->column[5] : NULL,
                           .number = (uint16_t)r->n_params,
                           .type = (uint8_t)type_of(line->column[2])};
    *w = (struct pending){.bases = line->column[3]};
    p->contact = contact_of(p);
    int rc = p->type ? read_targets(r, p, line->column[4]) : ERR_INVALID;
    if (!rc && p->expression)
        rc = r4_keep_path(r, p->expression, &w->path, l->f);
    for (size_t i = 6; !rc && i + 1 < line->n && p->n_components < R4_COMPONENTS_MAX; i += 2) {
        struct r4_path *path;
        rc = r4_keep_path(r, line->column[i + 1], &path, l->f);
        w->components[p->n_components] = line->column[i];
        p->components[p->n_components].expression = line->column[i + 1];
        p->components[p->n_components++].path = rc ? NULL : path;
    }
    return rc;
}

static const struct r4_param *by_id(const struct r4 *r, const char *id)
{
    for (size_t i = 0; i < r->n_params; i++)
        if (strcmp(r->params[i].id, id) == 0)
            return &r->params[i];
    return NULL;
}

static bool applies(struct r4_type_def *t, const char *bases)
{
    for (const struct r4_type *b = &t->pub; b; b = b->base) {
        size_t n = strlen(b->name);
        for (const char *at = bases; (at = strstr(at, b->name)); at += n)
            if ((at == bases || at[-1] == ',') && (at[n] == 0 || at[n] == ','))
                return true;
    }
    return false;
}

static int by_code(const void *a, const void *b)
{
    const struct r4_named_param *x = a, *y = b;
    int c = strcmp(x->param->code, y->param->code);
    return c ? c : (x->param->number > y->param->number) - (x->param->number < y->param->number);
}

/* "Observation.status", and no other branch of the union speaks of this type. */
static const struct r4_element *one_element(const struct r4_type_def *t, const char *expression)
{
    const char *name = NULL;
    size_t n = strlen(t->pub.name), len;
    for (const char *at = expression; at && (at = strstr(at, t->pub.name)); at += n) {
        bool begins = at == expression || !isalnum((unsigned char)at[-1]);
        if (!begins || isalnum((unsigned char)at[n]))
            continue;
        if (name || at[n] != '.' || (at > expression && at[-1] != ' '))
            return NULL;
        name = at + n + 1;
    }
    for (len = 0; name && isalnum((unsigned char)name[len]); len++)
        ;
    if (!len || (name[len] && strncmp(name + len, " |", 2)))
        return NULL;
    return r4_element(t, r4_hash(name, len), name, len);
}

static int fill_type(struct loading *l, struct r4_type_def *t)
{
    struct r4 *r = l->r;
    struct r4_named_param list[256];
    size_t n = 0;
    for (size_t i = 0; i < r->n_params; i++) {
        if (!applies(t, l->pending[i].bases))
            continue;
        if (n == 256)
            return ERR_INVALID;
        struct r4_path *path = l->pending[i].path ? r4_path_for(r, l->pending[i].path, &t->pub) : NULL;
        const struct r4_element *e = r->params[i].type == R4_P_TOKEN ? one_element(t, r->params[i].expression) : NULL;
        list[n++] = (struct r4_named_param){&r->params[i], path, r4_path_begins(path), e ? e->codes : NULL};
    }
    qsort(list, n, sizeof *list, by_code);
    t->params = r4_doc_alloc(r->arena, n * sizeof *t->params);
    t->param_list = r4_doc_alloc(r->arena, n * sizeof *t->param_list);
    if (!t->params || !t->param_list)
        return ERR_INTERNAL;
    for (size_t i = 0; i < n; i++) {
        if (t->n_params && strcmp(t->params[t->n_params - 1].param->code, list[i].param->code) == 0)
            continue; /* two definitions of one name: the first */
        t->params[t->n_params] = list[i];
        t->param_list[t->n_params++] = list[i].param;
    }
    return 0;
}

static const struct r4_named_param *named(const struct r4_type *type, const char *code, size_t n)
{
    const struct r4_type_def *t = r4_def(type);
    size_t low = 0, high = t->n_params;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const char *have = t->params[mid].param->code;
        int c = strncmp(have, code, n);
        if (c == 0 && have[n] == 0)
            return &t->params[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct r4_param *r4_param_find(const struct r4 *r, const struct r4_type *type, const char *code, size_t n)
{
    const struct r4_named_param *p = type ? named(type, code, n) : NULL;
    return p ? p->param : NULL;
}

struct r4_str r4_codes_system(const struct r4_codes *c, struct r4_str code)
{
    for (size_t i = 0; c && i < c->n; i++)
        if (strlen(c->list[i].code) == code.n && memcmp(c->list[i].code, code.p, code.n) == 0)
            return (struct r4_str){c->list[i].system, strlen(c->list[i].system)};
    return (struct r4_str){0};
}

struct r4_str r4_param_system(const struct r4_type *type, const struct r4_param *param, struct r4_str code)
{
    static const struct r4_str contacts[] = {{NULL, 0}, {NULL, 0}, {"phone", 5}, {"email", 5}};
    if (param->contact)
        return contacts[param->contact];
    const struct r4_named_param *p = code.n ? named(type, param->code, strlen(param->code)) : NULL;
    return p && p->param == param ? r4_codes_system(p->codes, code) : (struct r4_str){0};
}

size_t r4_params(const struct r4 *r, const struct r4_type *type, const struct r4_param *const **list)
{
    *list = r4_def(type)->param_list;
    return r4_def(type)->n_params;
}

static int take_compartment(void *ctx, struct r4_line *line)
{
    struct r4 *r = ctx;
    struct r4_compartment_row *row = &r->compartments[r->n_compartments];
    if (r->n_compartments == 512 || line->n < 3)
        return ERR_INVALID;
    *row = (struct r4_compartment_row){.compartment = line->column[0], .type = r4_resource(r, line->column[1], strlen(line->column[1]))};
    row->params = r4_doc_alloc(r->arena, line->n * sizeof *row->params);
    if (!row->type || !row->params)
        return ERR_INVALID;
    for (size_t i = 2; i < line->n; i++) {
        const struct r4_param *p = r4_param_find(r, row->type, line->column[i], strlen(line->column[i]));
        if (p) /* "{def}" is the compartment's own resource: by its id, not by a parameter */
            row->params[row->n++] = p;
    }
    r->n_compartments++;
    return 0;
}

int r4_load_search(struct r4 *r, const char *data_dir, struct fault *f)
{
    struct loading l = {.r = r, .cap = 1600, .f = f};
    l.pending = calloc(l.cap, sizeof *l.pending);
    r->params = r4_doc_alloc(r->arena, l.cap * sizeof *r->params);
    r->compartments = r4_doc_alloc(r->arena, 512 * sizeof *r->compartments);
    int rc = l.pending && r->params && r->compartments ? 0 : ERR_INTERNAL;
    rc = rc ? rc : r4_table_read(r->arena, data_dir, "r4_search.tsv", take_param, &l, f);
    for (size_t i = 0; !rc && i < r->n_params; i++)
        for (size_t k = 0; k < r->params[i].n_components; k++)
            if (!(r->params[i].components[k].param = by_id(r, l.pending[i].components[k])))
                rc = fault_set(f, ERR_INVALID, "wrong_table", "r4_search.tsv: no parameter %s", l.pending[i].components[k]);
    for (size_t i = 0; !rc && i < r->n_resources; i++)
        rc = fill_type(&l, (struct r4_type_def *)(void *)(uintptr_t)r->resources[i]);
    rc = rc ? rc : r4_table_read(r->arena, data_dir, "r4_compartments.tsv", take_compartment, r, f);
    free(l.pending);
    return rc;
}
