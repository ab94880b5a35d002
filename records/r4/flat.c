/* Reading a ViewDefinition: every fault is found here, before the first row. */
#include "records/r4/flat_private.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CONSTANTS_MAX 100
#define DEPTH_MAX 20

struct reader {
    const struct r4 *r4;
    struct r4_doc *d;
    struct fault *f;
    const char *known[CONSTANTS_MAX + 2]; /* names a path may use */
    size_t n_known;
    struct r4_path *paths[4 * R4_FLAT_COLUMNS_MAX]; /* what is to be freed when it fails */
    size_t n_paths;
    int depth;
};

static int wrong(struct reader *r, const char *place, const char *member, const char *fmt, ...) YL_PRINTF(4, 5);
static int wrong(struct reader *r, const char *place, const char *member, const char *fmt, ...)
{
    char at[200], why[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    snprintf(at, sizeof at, "%s%s%s", place, *member ? "." : "", member);
    fault_set(r->f, ERR_INVALID, "definition", "%s: %s", at, why);
    return fault_field(r->f, at, "%s", why);
}

static bool good_name(struct r4_str name)
{
    bool ok = name.n > 0 && name.n < 120 && isalpha((unsigned char)*name.p);
    for (size_t i = 0; ok && i < name.n; i++)
        ok = isalnum((unsigned char)name.p[i]) || name.p[i] == '_';
    return ok;
}

static int read_path(struct reader *r, const struct r4_node *node, const char *place, const char *member, struct r4_path **out)
{
    if (!node || node->kind != R4_STRING || !node->len)
        return wrong(r, place, member, "a FHIRPath expression is required");
    if (r->n_paths == sizeof r->paths / sizeof *r->paths)
        return wrong(r, place, member, "too many expressions");
    char *text = r4_doc_copy(r->d, node->text, node->len);
    struct fault why;
    fault_clear(&why);
    if (!text || r4_path_compile(r->r4, text, out, &why))
        return wrong(r, place, member, "%s", text ? why.text : "no memory");
    r->paths[r->n_paths++] = *out;
    struct r4_str unknown = r4_path_unknown_variable(*out, r->known);
    return unknown.p ? wrong(r, place, member, "there is no constant %%%.*s", (int)unknown.n, unknown.p) : 0;
}

static size_t items(const struct r4_node *list)
{
    return list && list->kind == R4_ARRAY ? list->len : 0;
}

/* ---- constants ---- */

static int constant_kind(const char *type, size_t n, enum r4_item_kind *out)
{
    static const struct {
        const char *name;
        enum r4_item_kind kind;
    } types[] = {{"Base64Binary", R4_I_STRING}, {"Boolean", R4_I_BOOLEAN}, {"Canonical", R4_I_STRING}, {"Code", R4_I_STRING}, {"Date", R4_I_DATE}, {"DateTime", R4_I_DATETIME},
                 {"Decimal", R4_I_DECIMAL}, {"Id", R4_I_STRING}, {"Instant", R4_I_DATETIME}, {"Integer", R4_I_INTEGER}, {"Integer64", R4_I_INTEGER}, {"Markdown", R4_I_STRING},
                 {"Oid", R4_I_STRING}, {"String", R4_I_STRING}, {"PositiveInt", R4_I_INTEGER}, {"Time", R4_I_TIME}, {"UnsignedInt", R4_I_INTEGER}, {"Uri", R4_I_STRING},
                 {"Url", R4_I_STRING}, {"Uuid", R4_I_STRING}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].name) == n && memcmp(types[i].name, type, n) == 0) {
            *out = types[i].kind;
            return 0;
        }
    return -1;
}

static int read_constant(struct reader *r, const struct r4_node *node, const char *place, struct r4_variable *out)
{
    struct r4_str name = r4_text(r4_get(node, "name"));
    const struct r4_node *value = NULL;
    enum r4_item_kind kind = R4_I_STRING;
    if (!good_name(name))
        return wrong(r, place, "name", "a name of letters, digits and _ is required");
    for (const struct r4_node *m = node->kind == R4_OBJECT ? node->child : NULL; m; m = m->next) {
        if (m->key_len <= 5 || memcmp(m->key, "value", 5) != 0)
            continue;
        if (value || constant_kind(m->key + 5, m->key_len - 5, &kind))
            return wrong(r, place, "value[x]", "one value of a primitive type is required");
        value = m;
    }
    bool number = kind == R4_I_INTEGER || kind == R4_I_DECIMAL, boolean = kind == R4_I_BOOLEAN;
    if (!value || (number ? value->kind != R4_NUMBER : boolean ? value->kind != R4_TRUE && value->kind != R4_FALSE : value->kind != R4_STRING))
        return wrong(r, place, "value[x]", "one value of a primitive type is required");
    for (size_t i = 0; i < r->n_known; i++)
        if (r4_str_is(name, r->known[i]))
            return wrong(r, place, "name", "%%%.*s is defined already", (int)name.n, name.p);
    struct r4_item *item = r4_doc_alloc(r->d, sizeof *item);
    char *known = r4_doc_copy(r->d, name.p, name.n), *text = boolean ? "" : r4_doc_copy(r->d, value->text, value->len);
    if (!item || !known || !text)
        return wrong(r, place, "", "no memory");
    *item = (struct r4_item){.kind = (uint8_t)kind, .boolean = value->kind == R4_TRUE, .text = {text, boolean ? 0 : value->len}, .number = number ? strtod(text, NULL) : 0};
    r->known[r->n_known++] = known;
    out->name = (struct r4_str){known, name.n};
    out->value = (struct r4_items){item, 1, 1};
    return 0;
}

static int read_constants(struct reader *r, const struct r4_node *list, struct r4_flat *v)
{
    size_t n = items(list), i = 0;
    char place[100];
    if (n > CONSTANTS_MAX)
        return wrong(r, "ViewDefinition.constant", "", "too many");
    struct r4_variable *all = r4_doc_alloc(r->d, (n + 1) * sizeof *all);
    if (!all)
        return wrong(r, "ViewDefinition.constant", "", "no memory");
    memset(all, 0, (n + 1) * sizeof *all);
    for (const struct r4_node *c = n ? list->child : NULL; c; c = c->next, i++) {
        snprintf(place, sizeof place, "ViewDefinition.constant[%zu]", i);
        int rc = read_constant(r, c, place, &all[i]);
        if (rc)
            return rc;
        all[i].next = i + 1 < n ? &all[i + 1] : NULL;
    }
    v->constants = n ? all : NULL;
    return 0;
}

/* ---- selects ---- */

static int read_select(struct reader *r, const struct r4_node *node, const char *place, struct flat_select *out);

static int read_column(struct reader *r, const struct r4_node *node, const char *place, struct flat_column *out)
{
    struct r4_str name = r4_text(r4_get(node, "name")), type = r4_text(r4_get(node, "type"));
    const struct r4_node *collection = r4_get(node, "collection");
    if (!good_name(name))
        return wrong(r, place, "name", "a name of letters, digits and _ is required");
    if (collection && collection->kind != R4_TRUE && collection->kind != R4_FALSE)
        return wrong(r, place, "collection", "true or false is required");
    out->pub = (struct r4_flat_column){r4_doc_copy(r->d, name.p, name.n), type.n ? r4_doc_copy(r->d, type.p, type.n) : "", collection && collection->kind == R4_TRUE};
    return out->pub.name && out->pub.type ? read_path(r, r4_get(node, "path"), place, "path", &out->path) : wrong(r, place, "", "no memory");
}

static int read_columns(struct reader *r, const struct r4_node *list, const char *place, struct flat_select *out)
{
    char at[200];
    size_t i = 0;
    if (list && list->kind != R4_ARRAY)
        return wrong(r, place, "column", "a list is required");
    out->columns = r4_doc_alloc(r->d, (items(list) + 1) * sizeof *out->columns);
    if (!out->columns || items(list) > R4_FLAT_COLUMNS_MAX)
        return wrong(r, place, "column", "too many columns");
    for (const struct r4_node *c = items(list) ? list->child : NULL; c; c = c->next, i++) {
        snprintf(at, sizeof at, "%.150s.column[%zu]", place, i);
        int rc = read_column(r, c, at, &out->columns[i]);
        if (rc)
            return rc;
    }
    out->n_columns = i;
    out->width += i;
    return 0;
}

static int read_selects(struct reader *r, const struct r4_node *list, const char *place, const char *member, struct flat_select **out, size_t *n)
{
    char at[200];
    *n = 0;
    if (!list)
        return 0;
    if (list->kind != R4_ARRAY || !list->len)
        return wrong(r, place, member, "a list of selects is required");
    *out = r4_doc_alloc(r->d, list->len * sizeof **out);
    if (!*out)
        return wrong(r, place, member, "no memory");
    memset(*out, 0, list->len * sizeof **out);
    for (const struct r4_node *s = list->child; s; s = s->next, ++*n) {
        snprintf(at, sizeof at, "%.150s.%s[%zu]", place, member, *n);
        int rc = read_select(r, s, at, &(*out)[*n]);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_walk(struct reader *r, const struct r4_node *node, const char *place, struct flat_select *out)
{
    static const char *const names[] = {"", "forEach", "forEachOrNull", "repeat"};
    const struct r4_node *found = NULL, *one;
    for (int i = FLAT_EACH; i <= FLAT_REPEAT; i++)
        if ((one = r4_get(node, names[i]))) {
            if (found)
                return wrong(r, place, names[i], "only one of forEach, forEachOrNull and repeat may be there");
            found = one;
            out->walk = (enum flat_walk)i;
        }
    if (!found)
        return 0;
    bool list = out->walk == FLAT_REPEAT;
    if (list && (found->kind != R4_ARRAY || !found->len))
        return wrong(r, place, "repeat", "a list of FHIRPath expressions is required");
    out->paths = r4_doc_alloc(r->d, (list ? found->len : 1) * sizeof *out->paths);
    if (!out->paths)
        return wrong(r, place, "", "no memory");
    for (one = list ? found->child : found; one; one = list ? one->next : NULL) {
        int rc = read_path(r, one, place, names[out->walk], &out->paths[out->n_paths]);
        if (rc)
            return rc;
        out->n_paths++;
    }
    return 0;
}

/* ---- columns: of a union every branch has the same, in the same order ---- */

static size_t list_columns(const struct flat_select *s, const struct r4_flat_column **out, size_t n)
{
    for (size_t i = 0; i < s->n_columns && n < R4_FLAT_COLUMNS_MAX; i++)
        out[n++] = &s->columns[i].pub;
    for (size_t i = 0; i < s->n_selects; i++)
        n = list_columns(&s->selects[i], out, n);
    return s->n_unions ? list_columns(&s->unions[0], out, n) : n;
}

static int same_branches(struct reader *r, const struct flat_select *s, const char *place)
{
    const struct r4_flat_column *a[R4_FLAT_COLUMNS_MAX], *b[R4_FLAT_COLUMNS_MAX];
    size_t n = list_columns(&s->unions[0], a, 0);
    for (size_t i = 1; i < s->n_unions; i++) {
        size_t m = list_columns(&s->unions[i], b, 0);
        for (size_t k = 0; k < (m > n ? m : n); k++)
            if (k >= n || k >= m || strcmp(a[k]->name, b[k]->name) != 0)
                return wrong(r, place, "unionAll", "branch %zu has not the columns of the first in their order", i);
            else if (a[k]->collection != b[k]->collection || (*a[k]->type && *b[k]->type && strcmp(a[k]->type, b[k]->type) != 0))
                return wrong(r, place, "unionAll", "the column %s is of another type in branch %zu", a[k]->name, i);
    }
    return 0;
}

static int read_select(struct reader *r, const struct r4_node *node, const char *place, struct flat_select *out)
{
    if (node->kind != R4_OBJECT)
        return wrong(r, place, "", "an object is required");
    if (++r->depth > DEPTH_MAX)
        return wrong(r, place, "", "nested too deeply");
    int rc = read_walk(r, node, place, out);
    rc = rc ? rc : read_columns(r, r4_get(node, "column"), place, out);
    rc = rc ? rc : read_selects(r, r4_get(node, "select"), place, "select", &out->selects, &out->n_selects);
    rc = rc ? rc : read_selects(r, r4_get(node, "unionAll"), place, "unionAll", &out->unions, &out->n_unions);
    rc = rc || !out->n_unions ? rc : same_branches(r, out, place);
    for (size_t i = 0; !rc && i < out->n_selects; i++)
        out->width += out->selects[i].width;
    out->width += !rc && out->n_unions ? out->unions[0].width : 0;
    if (!rc && out->width > R4_FLAT_COLUMNS_MAX)
        return wrong(r, place, "", "too many columns");
    if (!rc && !out->width)
        return wrong(r, place, "", "a select needs a column, a select or a unionAll");
    r->depth--;
    return rc;
}

static int read_where(struct reader *r, const struct r4_node *list, struct r4_flat *v)
{
    char place[100];
    if (list && list->kind != R4_ARRAY)
        return wrong(r, "ViewDefinition.where", "", "a list is required");
    v->where = r4_doc_alloc(r->d, (items(list) + 1) * sizeof *v->where);
    if (!v->where)
        return wrong(r, "ViewDefinition.where", "", "no memory");
    for (const struct r4_node *w = items(list) ? list->child : NULL; w; w = w->next) {
        snprintf(place, sizeof place, "ViewDefinition.where[%zu]", v->n_where);
        int rc = read_path(r, r4_get(w, "path"), place, "path", &v->where[v->n_where]);
        if (rc)
            return rc;
        v->n_where++;
    }
    return 0;
}

static int finish_columns(struct reader *r, struct r4_flat *v)
{
    const struct r4_flat_column *list[R4_FLAT_COLUMNS_MAX];
    v->n_columns = list_columns(&v->root, list, 0);
    v->columns = r4_doc_alloc(r->d, (v->n_columns + 1) * sizeof *v->columns);
    if (!v->columns)
        return wrong(r, "ViewDefinition.select", "", "no memory");
    for (size_t i = 0; i < v->n_columns; i++) {
        for (size_t k = 0; k < i; k++)
            if (strcmp(v->columns[k].name, list[i]->name) == 0)
                return wrong(r, "ViewDefinition.select", "", "the column %s is there twice", list[i]->name);
        v->columns[i] = *list[i];
    }
    return 0;
}

static int read_all(struct reader *r, const struct r4_node *definition, struct r4_flat *v)
{
    struct r4_str type = r4_text(r4_get(definition, "resource")), said = r4_text(r4_get(definition, "resourceType"));
    if (said.p && !r4_str_is(said, "ViewDefinition"))
        return wrong(r, "ViewDefinition", "resourceType", "this is a %.*s", (int)(said.n < 60 ? said.n : 60), said.p);
    v->resource = type.n ? r4_resource(r->r4, type.p, type.n) : NULL;
    if (!v->resource)
        return wrong(r, "ViewDefinition", "resource", "the type of the resources is required");
    if (!items(r4_get(definition, "select")))
        return wrong(r, "ViewDefinition", "select", "at least one is required");
    int rc = read_constants(r, r4_get(definition, "constant"), v);
    rc = rc ? rc : read_where(r, r4_get(definition, "where"), v);
    rc = rc ? rc : read_selects(r, r4_get(definition, "select"), "ViewDefinition", "select", &v->root.selects, &v->root.n_selects);
    for (size_t i = 0; !rc && i < v->root.n_selects; i++)
        v->root.width += v->root.selects[i].width;
    if (!rc && v->root.width > R4_FLAT_COLUMNS_MAX)
        return wrong(r, "ViewDefinition", "select", "too many columns");
    return rc ? rc : finish_columns(r, v);
}

int r4_flat_compile(const struct r4 *r4, const struct r4_node *definition, struct r4_flat **out, struct fault *f)
{
    struct reader *r = calloc(1, sizeof *r);
    struct r4_doc *d = r4_doc_new();
    struct r4_flat *v = d ? r4_doc_alloc(d, sizeof *v) : NULL;
    *out = NULL;
    if (!r || !v) {
        free(r);
        r4_doc_free(d);
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    }
    *v = (struct r4_flat){.r4 = r4, .own = d};
    *r = (struct reader){.r4 = r4, .d = d, .f = f, .known = {"rowIndex"}, .n_known = 1};
    int rc = read_all(r, definition, v);
    struct r4_path **paths = rc ? NULL : r4_doc_alloc(d, (r->n_paths + 1) * sizeof *paths);
    if (paths) {
        memcpy(paths, r->paths, r->n_paths * sizeof *paths);
        v->paths = paths;
        v->n_paths = r->n_paths;
        *out = v;
    } else {
        for (size_t i = 0; i < r->n_paths; i++)
            r4_path_free(r->paths[i]);
        r4_doc_free(d);
    }
    free(r);
    return rc || paths ? rc : fault_set(f, ERR_INTERNAL, "", "Out of memory.");
}

void r4_flat_free(struct r4_flat *v)
{
    for (size_t i = 0; v && i < v->n_paths; i++)
        r4_path_free(v->paths[i]);
    if (v)
        r4_doc_free(v->own);
}

size_t r4_flat_columns(const struct r4_flat *v, const struct r4_flat_column **list)
{
    *list = v->columns;
    return v->n_columns;
}
