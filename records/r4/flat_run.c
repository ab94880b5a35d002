/* The rows of one resource. A row in the making is a list of values by column; NULL stands for null. */
#include "records/r4/flat_private.h"

struct run {
    const struct r4_flat *v;
    struct r4_eval e;
    struct r4_doc *d;
    struct fault *f;
    struct r4_variable row_index; /* %rowIndex: before the constants */
    struct r4_item index_item;
    size_t made; /* rows, over all selects: the limit */
};

struct rows {
    const struct r4_node ***list; /* each of `width` values */
    size_t n, cap;
};

static const struct r4_item nothing = {.kind = R4_I_NODE}; /* forEachOrNull without a value: every path on it is empty */

static int add_row(struct run *s, struct rows *out, const struct r4_node **row)
{
    if (++s->made > R4_FLAT_ROWS_MAX)
        return fault_set(s->f, ERR_INVALID, "definition", "One resource gives more than %d rows.", R4_FLAT_ROWS_MAX);
    if (out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 8;
        const struct r4_node ***list = r4_doc_alloc(s->d, cap * sizeof *list);
        if (!list)
            return ERR_STORAGE;
        if (out->n)
            memcpy(list, out->list, out->n * sizeof *list);
        out->list = list;
        out->cap = cap;
    }
    out->list[out->n++] = row;
    return 0;
}

static int evaluate(struct run *s, const struct r4_path *path, const struct r4_item *focus, struct r4_items *out)
{
    return r4_path_run_item(path, &s->e, focus, out, s->f);
}

/* ---- values ---- */

static const struct r4_node *value_node(struct run *s, const struct r4_item *item)
{
    if (item->kind == R4_I_NODE)
        return item->node;
    struct r4_node *made = NULL;
    if (item->kind == R4_I_BOOLEAN)
        return r4_new(s->d, item->boolean ? R4_TRUE : R4_FALSE);
    if (item->kind == R4_I_INTEGER || item->kind == R4_I_DECIMAL) {
        made = r4_new_number(s->d, 0);
        if (made) {
            made->text = item->text.p;
            made->len = (uint32_t)item->text.n;
        }
        return made;
    }
    return r4_new_string(s->d, item->text.p ? item->text.p : "", item->text.n);
}

static int column_value(struct run *s, const struct flat_column *c, const struct r4_item *focus, const struct r4_node **out)
{
    struct r4_items found = {0};
    int rc = evaluate(s, c->path, focus, &found);
    *out = NULL;
    if (rc)
        return rc;
    if (!c->pub.collection) {
        if (found.n > 1)
            return fault_set(s->f, ERR_INVALID, "definition", "The column %s has %zu values and is no collection.", c->pub.name, found.n);
        *out = found.n ? value_node(s, &found.list[0]) : NULL;
        return 0;
    }
    struct r4_node *list = r4_new(s->d, R4_ARRAY);
    for (size_t i = 0; list && i < found.n; i++) {
        const struct r4_node *one = value_node(s, &found.list[i]);
        struct r4_node *copy = one ? r4_copy(s->d, one) : NULL;
        if (copy)
            r4_append(list, copy);
    }
    *out = list;
    return list ? 0 : ERR_STORAGE;
}

/* ---- selects ---- */

static int run_select(struct run *s, const struct flat_select *sel, const struct r4_item *focus, struct rows *out);

/* Every row of `all` with every row of `more`, whose values go to column `at`. */
static int combine(struct run *s, struct rows *all, const struct rows *more, size_t at, size_t width, size_t total)
{
    struct rows both = {0};
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < more->n; k++) {
            const struct r4_node **row = r4_doc_alloc(s->d, (total + 1) * sizeof *row);
            if (!row)
                return ERR_STORAGE;
            memcpy(row, all->list[i], total * sizeof *row);
            memcpy(row + at, more->list[k], width * sizeof *row);
            int rc = add_row(s, &both, row);
            if (rc)
                return rc;
        }
    *all = both;
    return 0;
}

/* On one focus: the columns, then the selects side by side, then the branches of the union. */
static int run_focus(struct run *s, const struct flat_select *sel, const struct r4_item *focus, struct rows *out)
{
    struct rows all = {0};
    const struct r4_node **row = r4_doc_alloc(s->d, (sel->width + 1) * sizeof *row);
    if (!row)
        return ERR_STORAGE;
    memset(row, 0, (sel->width + 1) * sizeof *row);
    int rc = 0;
    for (size_t i = 0; !rc && i < sel->n_columns; i++)
        rc = column_value(s, &sel->columns[i], focus, &row[i]);
    rc = rc ? rc : add_row(s, &all, row);
    size_t at = sel->n_columns;
    for (size_t i = 0; !rc && i < sel->n_selects; i++) {
        struct rows part = {0};
        rc = run_select(s, &sel->selects[i], focus, &part);
        rc = rc ? rc : combine(s, &all, &part, at, sel->selects[i].width, sel->width);
        at += sel->selects[i].width;
    }
    if (!rc && sel->n_unions) {
        struct rows part = {0};
        for (size_t i = 0; !rc && i < sel->n_unions; i++)
            rc = run_select(s, &sel->unions[i], focus, &part);
        rc = rc ? rc : combine(s, &all, &part, at, sel->unions[0].width, sel->width);
    }
    for (size_t i = 0; !rc && i < all.n; i++)
        rc = add_row(s, out, all.list[i]);
    return rc;
}

static int run_indexed(struct run *s, const struct flat_select *sel, const struct r4_item *focus, size_t index, struct rows *out)
{
    struct r4_item kept = s->index_item;
    struct r4_str text = r4_text(r4_new_number(s->d, (int64_t)index));
    s->index_item = (struct r4_item){.kind = R4_I_INTEGER, .text = text, .number = (double)index};
    int rc = text.p ? run_focus(s, sel, focus, out) : ERR_STORAGE;
    s->index_item = kept;
    return rc;
}

#define REPEAT_DEPTH_MAX 100

/* repeat: what a path finds, and below each what the paths find there. */
static int run_repeat(struct run *s, const struct flat_select *sel, const struct r4_item *focus, size_t *index, int depth, struct rows *out)
{
    int rc = 0;
    if (depth > REPEAT_DEPTH_MAX)
        return fault_set(s->f, ERR_INVALID, "definition", "repeat goes on below %d levels.", REPEAT_DEPTH_MAX);
    for (size_t p = 0; !rc && p < sel->n_paths; p++) {
        struct r4_items found = {0};
        rc = evaluate(s, sel->paths[p], focus, &found);
        for (size_t i = 0; !rc && i < found.n; i++) {
            rc = run_indexed(s, sel, &found.list[i], (*index)++, out);
            rc = rc ? rc : run_repeat(s, sel, &found.list[i], index, depth + 1, out);
        }
    }
    return rc;
}

static int run_select(struct run *s, const struct flat_select *sel, const struct r4_item *focus, struct rows *out)
{
    size_t index = 0;
    if (sel->walk == FLAT_HERE)
        return run_focus(s, sel, focus, out);
    if (sel->walk == FLAT_REPEAT)
        return run_repeat(s, sel, focus, &index, 0, out);
    struct r4_items found = {0};
    int rc = evaluate(s, sel->paths[0], focus, &found);
    for (size_t i = 0; !rc && i < found.n; i++)
        rc = run_indexed(s, sel, &found.list[i], i, out);
    if (!rc && !found.n && sel->walk == FLAT_EACH_OR_NULL)
        rc = run_indexed(s, sel, &nothing, 0, out);
    return rc;
}

/* ---- the resource ---- */

/* Do all conditions hold? An empty one does not. */
static int fits(struct run *s, const struct r4_item *root, bool *out)
{
    *out = true;
    for (size_t i = 0; *out && i < s->v->n_where; i++) {
        struct r4_items c = {0};
        int rc = evaluate(s, s->v->where[i], root, &c);
        if (rc)
            return rc;
        const struct r4_item *v = c.n ? &c.list[0] : NULL;
        bool yes = v && (v->kind == R4_I_BOOLEAN ? v->boolean : v->node && v->node->kind == R4_TRUE);
        bool boolean = !v || v->kind == R4_I_BOOLEAN || (v->node && (v->node->kind == R4_TRUE || v->node->kind == R4_FALSE));
        if (c.n > 1 || !boolean)
            return fault_set(s->f, ERR_INVALID, "definition", "ViewDefinition.where[%zu].path gives no boolean.", i);
        *out = yes;
    }
    return 0;
}

static int put_row(struct run *s, const struct r4_node **row, struct r4_node *rows)
{
    struct r4_node *object = r4_new(s->d, R4_OBJECT);
    for (size_t i = 0; object && i < s->v->n_columns; i++) {
        struct r4_node *value = row[i] ? r4_copy(s->d, row[i]) : r4_new(s->d, R4_NULL);
        if (!value || !r4_set(s->d, object, s->v->columns[i].name, value))
            return ERR_STORAGE;
    }
    return object && r4_append(rows, object) ? 0 : ERR_STORAGE;
}

int r4_flat_run(const struct r4_flat *v, struct r4_doc *doc, const struct r4_node *resource, int64_t now_ms, struct r4_node *rows, struct fault *f)
{
    struct r4_str type = r4_text(r4_get(resource, "resourceType"));
    if (!r4_str_is(type, v->resource->name))
        return 0;
    struct run s = {.v = v, .d = doc, .f = f, .index_item = {.kind = R4_I_INTEGER, .text = {"0", 1}}};
    s.row_index = (struct r4_variable){.name = R4_STR("rowIndex"), .value = {&s.index_item, 1, 1}, .next = v->constants};
    s.e = (struct r4_eval){.r4 = v->r4, .doc = doc, .root = resource, .now_ms = now_ms, .variables = &s.row_index, .lenient = true};
    struct r4_item root = {.kind = R4_I_NODE, .node = resource, .type = v->resource};
    struct rows all = {0};
    bool in;
    int rc = fits(&s, &root, &in);
    if (rc || !in)
        return rc;
    rc = run_focus(&s, &v->root, &root, &all);
    for (size_t i = 0; !rc && i < all.n; i++)
        rc = put_row(&s, all.list[i], rows);
    return rc;
}
