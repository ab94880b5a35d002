#include "records/r4/fhirpath_ast.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RUN_DEPTH_MAX 200

int r4_run_error(struct run *s, const char *fmt, ...)
{
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return fault_set(s->f, ERR_INVALID, "expression", "%s", text);
}

/* ---- collections ---- */

int r4_put(struct run *s, struct r4_items *c, const struct r4_item *item)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 4;
        struct r4_item *list = r4_doc_alloc(s->doc, cap * sizeof *list);
        if (!list)
            return ERR_STORAGE;
        if (c->n)
            memcpy(list, c->list, c->n * sizeof *list);
        c->list = list;
        c->cap = cap;
    }
    c->list[c->n++] = *item;
    return 0;
}

int r4_put_all(struct run *s, struct r4_items *c, const struct r4_items *more)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < more->n; i++)
        rc = r4_put(s, c, &more->list[i]);
    return rc;
}

int r4_put_bool(struct run *s, struct r4_items *c, bool value)
{
    return r4_put(s, c, &(struct r4_item){.kind = R4_I_BOOLEAN, .boolean = value});
}

int r4_put_text(struct run *s, struct r4_items *c, enum r4_item_kind kind, const char *text, size_t n)
{
    char *copy = r4_doc_copy(s->doc, text, n);
    return copy ? r4_put(s, c, &(struct r4_item){.kind = (uint8_t)kind, .text = {copy, n}}) : ERR_STORAGE;
}

int r4_put_int(struct run *s, struct r4_items *c, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)value);
    int rc = r4_put_text(s, c, R4_I_INTEGER, text, (size_t)n);
    if (!rc)
        c->list[c->n - 1].number = (double)value;
    return rc;
}

/* Fifteen digits are what a double holds for certain; trailing noise is cut so that 0.1 + 0.2 is 0.3. */
int r4_put_decimal(struct run *s, struct r4_items *c, double value)
{
    char text[400];
    if (!isfinite(value))
        return 0;
    int n = snprintf(text, sizeof text, "%.15g", value);
    if (strpbrk(text, "eE"))
        n = snprintf(text, sizeof text, "%.8f", value);
    int rc = r4_put_text(s, c, R4_I_DECIMAL, text, (size_t)n);
    if (!rc)
        c->list[c->n - 1].number = strtod(text, NULL);
    return rc;
}

/* ---- going down ---- */

static const struct r4_type *type_of_node(const struct r4 *r4, const struct r4_element *e, const struct r4_node *node)
{
    if (e->type != r4->resource)
        return e->type ? &e->type->pub : NULL;
    struct r4_str name = r4_text(r4_get(node, "resourceType"));
    return name.p ? r4_type_find(r4, name.p, name.n) : NULL;
}

struct step {
    struct run *s;
    const struct r4_node *parent;
    const struct r4_element *e; /* NULL: unknown type */
    struct r4_items *out;
};

static int put_node(const struct step *t, const struct r4_node *node, const struct r4_node *companion)
{
    if (companion && companion->kind == R4_NULL)
        companion = NULL;
    if (node && node->kind == R4_NULL)
        node = NULL;
    if (!node && !companion)
        return 0;
    struct r4_item item = {.kind = R4_I_NODE, .node = node, .companion = companion, .element = t->e, .parent = t->parent};
    item.type = t->e ? type_of_node(t->s->r4, t->e, node) : NULL;
    return r4_put(t->s, t->out, &item);
}

/* The values of one member, with its companion beside it. */
static int put_member(const struct step *t, const struct r4_node *member, const struct r4_node *companion)
{
    if (!(member && member->kind == R4_ARRAY) && !(companion && companion->kind == R4_ARRAY))
        return put_node(t, member, companion);
    const struct r4_node *a = member && member->kind == R4_ARRAY ? member->child : NULL;
    const struct r4_node *b = companion && companion->kind == R4_ARRAY ? companion->child : NULL;
    int rc = 0;
    while (!rc && (a || b)) {
        rc = put_node(t, a, b);
        a = a ? a->next : NULL;
        b = b ? b->next : NULL;
    }
    return rc;
}

static const struct r4_node *companion_of(const struct r4_node *object, const char *name, size_t n)
{
    char key[132];
    if (n > 128)
        return NULL;
    key[0] = '_';
    memcpy(key + 1, name, n);
    return r4_get_n(object, key, n + 1);
}

/* "value": whichever member of the choice is there. */
static int choice_children(struct step *t, const struct r4_type_def *type, const struct r4_element *head, const struct r4_node *object)
{
    for (const struct r4_node *m = object->child; m; m = m->next) {
        bool companion = m->key_len > 1 && m->key[0] == '_';
        const char *name = m->key + companion;
        size_t n = m->key_len - (size_t)companion;
        if (n <= head->name_len || memcmp(name, head->name, head->name_len) != 0)
            continue;
        const struct r4_element *e = r4_element(type, companion ? r4_hash(name, n) : m->key_hash, name, n);
        if (!e || e->choice != head->choice || e->head)
            continue;
        t->e = e;
        if (!companion)
            return put_member(t, m, e->primitive ? companion_of(object, name, n) : NULL);
        if (!r4_get_n(object, name, n))
            return put_member(t, NULL, m);
    }
    return 0;
}

static int every_child(struct step *t, const struct r4_type_def *type, const struct r4_node *object)
{
    int rc = 0;
    for (const struct r4_node *m = object->child; !rc && m; m = m->next) {
        bool companion = m->key_len > 1 && m->key[0] == '_';
        const char *name = m->key + companion;
        size_t n = m->key_len - (size_t)companion;
        t->e = type ? r4_element(type, r4_hash(name, n), name, n) : NULL;
        if (type && !t->e) /* resourceType and what is unknown */
            continue;
        if (!companion)
            rc = put_member(t, m, t->e && t->e->primitive ? companion_of(object, name, n) : NULL);
        else if (!r4_get_n(object, name, n))
            rc = put_member(t, NULL, m);
    }
    return rc;
}

int r4_children(struct run *s, const struct r4_item *item, const char *name, size_t n, uint32_t hash, struct r4_items *out)
{
    if (item->kind != R4_I_NODE)
        return 0;
    const struct r4_node *object = item->node && item->node->kind == R4_OBJECT ? item->node : item->companion;
    if (!object)
        return 0;
    const struct r4_type_def *type = item->type ? r4_def(item->type) : NULL;
    if (type && type->primitive) /* id and extension of a primitive are in its companion */
        type = r4_def(s->r4->extension->pub.base);
    struct step t = {s, object, NULL, out};
    if (!name)
        return every_child(&t, type, object);
    if (!type)
        return put_member(&t, r4_get_hash(object, hash, name, n), NULL);
    const struct r4_element *e = r4_element(type, hash, name, n);
    if (!e || (e->choice && !e->head))
        return 0;
    if (e->head)
        return choice_children(&t, type, e, object);
    t.e = e;
    const struct r4_node *member = r4_get_hash(object, hash, name, n);
    return put_member(&t, member, e->primitive ? companion_of(object, name, n) : NULL);
}

static int run_member(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++) {
        const struct r4_item *item = &in->list[i];
        if (n->root && item->kind == R4_I_NODE && r4_type_is(item->type, n->root))
            rc = r4_put(s, out, item);
        else
            rc = r4_children(s, item, n->name, n->name_len, n->hash, out);
    }
    return rc;
}

/* ---- values and types ---- */

static enum r4_item_kind kind_of(const struct r4_type *type, const struct r4_node *node)
{
    switch (type ? r4_def(type)->primitive : R4_NOT_PRIMITIVE) {
    case R4_BOOLEAN:
        return R4_I_BOOLEAN;
    case R4_INTEGER:
    case R4_UNSIGNED:
    case R4_POSITIVE:
        return R4_I_INTEGER;
    case R4_DECIMAL:
        return R4_I_DECIMAL;
    case R4_DATE:
        return R4_I_DATE;
    case R4_DATETIME:
    case R4_INSTANT:
        return R4_I_DATETIME;
    case R4_TIME:
        return R4_I_TIME;
    default:
        break;
    }
    if (node->kind == R4_TRUE || node->kind == R4_FALSE)
        return R4_I_BOOLEAN;
    if (node->kind == R4_NUMBER)
        return memchr(node->text, '.', node->len) ? R4_I_DECIMAL : R4_I_INTEGER;
    return R4_I_STRING;
}

static double number_of(struct r4_str text)
{
    char copy[64];
    size_t n = text.n < sizeof copy ? text.n : sizeof copy - 1;
    memcpy(copy, text.p, n);
    copy[n] = 0;
    return strtod(copy, NULL);
}

static bool quantity_value(const struct r4_item *item, struct r4_item *out)
{
    struct r4_str value = r4_text(r4_get(item->node, "value"));
    if (!value.p)
        return false;
    struct r4_str unit = r4_text(r4_get(item->node, "code"));
    if (!unit.p)
        unit = r4_text(r4_get(item->node, "unit"));
    *out = (struct r4_item){.kind = R4_I_QUANTITY, .text = unit.p ? unit : (struct r4_str){"1", 1}, .number = number_of(value)};
    return true;
}

struct r4_item r4_system_value(const struct r4 *r4, const struct r4_item *item)
{
    struct r4_item v = *item;
    const struct r4_node *node = item->node;
    if (item->kind != R4_I_NODE || !node)
        return v;
    if (node->kind == R4_OBJECT) {
        bool quantity = item->type && (strcmp(item->type->name, "Quantity") == 0 || (item->type->base && strcmp(item->type->base->name, "Quantity") == 0));
        struct r4_item q;
        return quantity && quantity_value(item, &q) ? q : v;
    }
    if (node->kind == R4_ARRAY)
        return v;
    v = (struct r4_item){.kind = (uint8_t)kind_of(item->type, node), .boolean = node->kind == R4_TRUE, .text = r4_text(node)};
    if (v.kind == R4_I_INTEGER || v.kind == R4_I_DECIMAL)
        v.number = v.text.p ? number_of(v.text) : 0;
    return v;
}

static enum r4_system system_of(const struct r4_item *item)
{
    static const enum r4_system map[] = {SYS_NONE, SYS_NONE, SYS_BOOLEAN, SYS_INTEGER, SYS_DECIMAL, SYS_STRING, SYS_DATE, SYS_DATETIME, SYS_TIME, SYS_QUANTITY, SYS_NONE};
    return map[item->kind];
}

bool r4_spec_holds(const struct r4_type_spec *spec, const struct r4_item *item)
{
    if (item->kind == R4_I_NODE)
        return spec->fhir && r4_type_is(item->type, spec->fhir);
    return spec->system && (spec->system == SYS_ANY || system_of(item) == spec->system);
}

bool r4_spec_casts(const struct r4_type_spec *spec, const struct r4_item *item)
{
    bool primitive = item->kind == R4_I_NODE && spec->fhir && r4_def(spec->fhir)->primitive;
    return primitive ? item->type == spec->fhir : r4_spec_holds(spec, item);
}

int r4_truth(struct run *s, const struct r4_items *c)
{
    if (c->n == 0)
        return -1;
    if (c->n > 1)
        return -2;
    struct r4_item v = r4_system_value(s->r4, &c->list[0]);
    return v.kind == R4_I_BOOLEAN ? v.boolean : 1;
}

/* ---- operators ---- */

int r4_run_arg(struct run *s, const struct r4_ast *n, struct r4_items *out)
{
    struct r4_items in = {&s->this_item, 1, 1};
    return r4_run(s, n, &in, out);
}

int r4_run_each(struct run *s, const struct r4_ast *n, const struct r4_item *item, size_t i, struct r4_items *out)
{
    struct r4_item kept = s->this_item;
    size_t kept_index = s->index;
    s->this_item = *item;
    s->index = i;
    struct r4_items in = {&s->this_item, 1, 1};
    struct r4_item here = *item;
    in.list = &here;
    int rc = r4_run(s, n, &in, out);
    s->this_item = kept;
    s->index = kept_index;
    return rc;
}

static int run_logic(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items left = {0}, right = {0};
    int rc = r4_run(s, n->left, in, &left);
    if (rc)
        return rc;
    int a = r4_truth(s, &left);
    if (a == -2)
        return r4_run_error(s, "a single boolean was expected");
    if ((n->op == OP_AND && a == 0) || (n->op == OP_OR && a == 1) || (n->op == OP_IMPLIES && a == 0))
        return r4_put_bool(s, out, n->op != OP_AND);
    rc = r4_run(s, n->right, in, &right);
    if (rc)
        return rc;
    int b = r4_truth(s, &right);
    if (b == -2)
        return r4_run_error(s, "a single boolean was expected");
    if (n->op == OP_AND)
        return b == 0 ? r4_put_bool(s, out, false) : a == 1 && b == 1 ? r4_put_bool(s, out, true) : 0;
    if (n->op == OP_OR)
        return b == 1 ? r4_put_bool(s, out, true) : a == 0 && b == 0 ? r4_put_bool(s, out, false) : 0;
    if (n->op == OP_IMPLIES)
        return b == 1 ? r4_put_bool(s, out, true) : a == 1 && b == 0 ? r4_put_bool(s, out, false) : 0;
    return a < 0 || b < 0 ? 0 : r4_put_bool(s, out, a != b);
}

static int singleton(struct run *s, const struct r4_items *c, struct r4_item *out)
{
    if (c->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", c->n);
    *out = r4_system_value(s->r4, &c->list[0]);
    return 0;
}

static bool numeric(const struct r4_item *i)
{
    return i->kind == R4_I_INTEGER || i->kind == R4_I_DECIMAL;
}

static bool temporal(const struct r4_item *i)
{
    return i->kind == R4_I_DATE || i->kind == R4_I_DATETIME || i->kind == R4_I_TIME;
}

static int put_result(struct run *s, struct r4_items *out, double value, bool integer)
{
    if (!integer)
        return r4_put_decimal(s, out, value);
    return fabs(value) > 2147483647.0 ? 0 : r4_put_int(s, out, (int64_t)value);
}

static int run_numbers(struct run *s, enum r4_op op, const struct r4_item *a, const struct r4_item *b, struct r4_items *out)
{
    bool integer = a->kind == R4_I_INTEGER && b->kind == R4_I_INTEGER;
    double x = a->number, y = b->number;
    switch (op) {
    case OP_ADD:
        return put_result(s, out, x + y, integer);
    case OP_SUBTRACT:
        return put_result(s, out, x - y, integer);
    case OP_MULTIPLY:
        return put_result(s, out, x * y, integer);
    case OP_DIVIDE:
        return y == 0 ? 0 : r4_put_decimal(s, out, x / y);
    case OP_DIV:
        return y == 0 ? 0 : put_result(s, out, trunc(x / y), true);
    default:
        return y == 0 ? 0 : put_result(s, out, fmod(x, y), integer);
    }
}

static int run_quantities(struct run *s, enum r4_op op, const struct r4_item *a, const struct r4_item *b, struct r4_items *out)
{
    struct r4_item q = {.kind = R4_I_QUANTITY};
    bool unit_a = a->kind == R4_I_QUANTITY && !r4_str_is(a->text, "1"), unit_b = b->kind == R4_I_QUANTITY && !r4_str_is(b->text, "1");
    bool same = unit_a && unit_b && a->text.n == b->text.n && memcmp(a->text.p, b->text.p, a->text.n) == 0;
    q.text = unit_a ? a->text : unit_b ? b->text : (struct r4_str){"1", 1};
    if (op == OP_ADD || op == OP_SUBTRACT) {
        if (!same && (unit_a || unit_b))
            return 0;
        q.number = op == OP_ADD ? a->number + b->number : a->number - b->number;
        return r4_put(s, out, &q);
    }
    if (op == OP_DIVIDE && b->number != 0 && (same || !unit_b)) {
        q.number = a->number / b->number;
        q.text = same ? (struct r4_str){"1", 1} : a->text;
        return r4_put(s, out, &q);
    }
    if (op != OP_MULTIPLY)
        return 0;
    if (unit_a && unit_b) {
        struct r4_buf unit = {0};
        if (same)
            r4_buf_printf(&unit, "%.*s2", (int)a->text.n, a->text.p);
        else
            r4_buf_printf(&unit, "%.*s.%.*s", (int)a->text.n, a->text.p, (int)b->text.n, b->text.p);
        q.text = (struct r4_str){r4_doc_copy(s->doc, unit.p ? unit.p : "", unit.n), unit.n};
        r4_buf_clear(&unit);
    }
    q.number = a->number * b->number;
    return r4_put(s, out, &q);
}

static int run_concat(struct run *s, const struct r4_str a, const struct r4_str b, struct r4_items *out)
{
    char *text = r4_doc_alloc(s->doc, a.n + b.n + 1);
    if (!text)
        return ERR_STORAGE;
    if (a.n)
        memcpy(text, a.p, a.n);
    if (b.n)
        memcpy(text + a.n, b.p, b.n);
    text[a.n + b.n] = 0;
    return r4_put(s, out, &(struct r4_item){.kind = R4_I_STRING, .text = {text, a.n + b.n}});
}

static int run_arithmetic(struct run *s, const struct r4_ast *n, const struct r4_items *left, const struct r4_items *right, struct r4_items *out)
{
    struct r4_item a = {0}, b = {0};
    if (n->op == OP_CONCAT) {
        if ((left->n && singleton(s, left, &a)) || (right->n && singleton(s, right, &b)))
            return ERR_INVALID;
        return run_concat(s, a.text, b.text, out);
    }
    if (!left->n || !right->n)
        return 0;
    if (singleton(s, left, &a) || singleton(s, right, &b))
        return ERR_INVALID;
    if (numeric(&a) && numeric(&b))
        return run_numbers(s, n->op, &a, &b, out);
    if (a.kind == R4_I_STRING && b.kind == R4_I_STRING && n->op == OP_ADD)
        return run_concat(s, a.text, b.text, out);
    if (temporal(&a) && b.kind == R4_I_QUANTITY && (n->op == OP_ADD || n->op == OP_SUBTRACT))
        return r4_date_add(s, &a, n->op == OP_ADD ? b.number : -b.number, b.text, out);
    if ((a.kind == R4_I_QUANTITY || numeric(&a)) && (b.kind == R4_I_QUANTITY || numeric(&b)))
        return run_quantities(s, n->op, &a, &b, out);
    return r4_run_error(s, "these values cannot be calculated with");
}

static int run_order(struct run *s, const struct r4_ast *n, const struct r4_items *left, const struct r4_items *right, struct r4_items *out)
{
    if (!left->n || !right->n)
        return 0;
    struct r4_item a, b;
    if (singleton(s, left, &a) || singleton(s, right, &b))
        return ERR_INVALID;
    int order = 0, rc = r4_item_order(s, &a, &b, &order);
    if (rc == -1)
        return 0;
    if (rc == -2)
        return r4_run_error(s, "these values cannot be compared");
    return r4_put_bool(s, out, n->op == OP_LESS ? order < 0 : n->op == OP_LESS_EQUAL ? order <= 0 : n->op == OP_GREATER ? order > 0 : order >= 0);
}

static int run_equality(struct run *s, const struct r4_ast *n, const struct r4_items *left, const struct r4_items *right, struct r4_items *out)
{
    if (n->op == OP_LIKE || n->op == OP_NOT_LIKE)
        return r4_put_bool(s, out, r4_items_like(s, left, right) == (n->op == OP_LIKE));
    int same = r4_items_equal(s, left, right);
    return same < 0 ? 0 : r4_put_bool(s, out, same == (n->op == OP_EQUAL));
}

static int run_membership(struct run *s, const struct r4_ast *n, const struct r4_items *left, const struct r4_items *right, struct r4_items *out)
{
    const struct r4_items *one = n->op == OP_IN ? left : right, *set = n->op == OP_IN ? right : left;
    if (!one->n)
        return 0;
    if (one->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", one->n);
    return r4_put_bool(s, out, r4_items_has(s, set, &one->list[0]));
}

static int run_union(struct run *s, const struct r4_items *left, const struct r4_items *right, struct r4_items *out)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < left->n; i++)
        if (!r4_items_has(s, out, &left->list[i]))
            rc = r4_put(s, out, &left->list[i]);
    for (size_t i = 0; !rc && i < right->n; i++)
        if (!r4_items_has(s, out, &right->list[i]))
            rc = r4_put(s, out, &right->list[i]);
    return rc;
}

static int run_binary(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items left = {0}, right = {0};
    int rc = r4_run(s, n->left, in, &left);
    rc = rc ? rc : r4_run(s, n->right, in, &right);
    if (rc)
        return rc;
    switch (n->op) {
    case OP_UNION:
        return run_union(s, &left, &right, out);
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_LIKE:
    case OP_NOT_LIKE:
        return run_equality(s, n, &left, &right, out);
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return run_order(s, n, &left, &right, out);
    case OP_IN:
    case OP_CONTAINS:
        return run_membership(s, n, &left, &right, out);
    default:
        return run_arithmetic(s, n, &left, &right, out);
    }
}

static int run_negate(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items c = {0};
    struct r4_item v;
    int rc = r4_run(s, n->left, in, &c);
    if (rc || !c.n)
        return rc;
    if (singleton(s, &c, &v))
        return ERR_INVALID;
    if (v.kind == R4_I_QUANTITY) {
        v.number = n->op == OP_NEGATE ? -v.number : v.number;
        return r4_put(s, out, &v);
    }
    if (!numeric(&v))
        return r4_run_error(s, "a number was expected behind the sign");
    return n->op == OP_POSITIVE ? r4_put(s, out, &v) : put_result(s, out, -v.number, v.kind == R4_I_INTEGER);
}

static int run_type_test(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items c = {0};
    int rc = r4_run(s, n->left, in, &c);
    if (rc || !c.n)
        return rc;
    if (n->op == OP_IS) {
        if (c.n > 1)
            return r4_run_error(s, "a single value was expected, there are %zu", c.n);
        return r4_put_bool(s, out, r4_spec_holds(&n->spec, &c.list[0]));
    }
    for (size_t i = 0; !rc && i < c.n; i++) /* search parameters cast collections, so more than one is let through */
        if (r4_spec_casts(&n->spec, &c.list[i]))
            rc = r4_put(s, out, &c.list[i]);
    return rc;
}

static int run_variable(struct run *s, const struct r4_ast *n, struct r4_items *out)
{
    static const struct {
        const char *name, *value;
    } urls[] = {{"ucum", "http://unitsofmeasure.org"}, {"sct", "http://snomed.info/sct"}, {"loinc", "http://loinc.org"}};
    struct r4_str name = {n->name, n->name_len};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        if (r4_str_is(name, urls[i].name))
            return r4_put_text(s, out, R4_I_STRING, urls[i].value, strlen(urls[i].value));
    if (name.n > 3 && memcmp(name.p, "vs-", 3) == 0) {
        char url[160];
        int len = snprintf(url, sizeof url, "http://hl7.org/fhir/ValueSet/%.*s", (int)(name.n - 3 < 100 ? name.n - 3 : 100), name.p + 3);
        return r4_put_text(s, out, R4_I_STRING, url, (size_t)len);
    }
    if (name.n > 4 && memcmp(name.p, "ext-", 4) == 0) {
        char url[160];
        int len = snprintf(url, sizeof url, "http://hl7.org/fhir/StructureDefinition/%.*s", (int)(name.n - 4 < 100 ? name.n - 4 : 100), name.p + 4);
        return r4_put_text(s, out, R4_I_STRING, url, (size_t)len);
    }
    if (r4_str_is(name, "context"))
        return r4_put(s, out, &s->e->context);
    const struct r4_node *node = r4_str_is(name, "resource")       ? s->e->root
                                 : r4_str_is(name, "rootResource") ? (s->e->root_resource ? s->e->root_resource : s->e->root)
                                                                   : NULL;
    if (!node)
        return r4_run_error(s, "no such variable: %%%.*s", (int)n->name_len, n->name);
    struct r4_str type = r4_text(r4_get(node, "resourceType"));
    return r4_put(s, out, &(struct r4_item){.kind = R4_I_NODE, .node = node, .type = type.p ? r4_type_find(s->r4, type.p, type.n) : NULL});
}

static int run_at(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items c = {0}, index = {0};
    struct r4_item v;
    int rc = r4_run(s, n->left, in, &c);
    rc = rc ? rc : r4_run_arg(s, n->right, &index);
    if (rc || !index.n)
        return rc;
    if (singleton(s, &index, &v) || v.kind != R4_I_INTEGER)
        return r4_run_error(s, "an index is a whole number");
    return v.number >= 0 && v.number < (double)c.n ? r4_put(s, out, &c.list[(size_t)v.number]) : 0;
}

static int run_dot(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items c = {0};
    int rc = r4_run(s, n->left, in, &c);
    return rc ? rc : r4_run(s, n->right, &c, out);
}

static int run_one(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    switch (n->op) {
    case OP_LITERAL:
        return r4_put(s, out, n->literal);
    case OP_EMPTY:
        return 0;
    case OP_THIS:
        return r4_put(s, out, &s->this_item);
    case OP_INDEX:
        return r4_put_int(s, out, (int64_t)s->index);
    case OP_TOTAL:
        return s->total ? r4_put_all(s, out, s->total) : 0;
    case OP_VARIABLE:
        return run_variable(s, n, out);
    case OP_MEMBER:
        return run_member(s, n, in, out);
    case OP_DOT:
        return run_dot(s, n, in, out);
    case OP_AT:
        return run_at(s, n, in, out);
    case OP_CALL:
        return n->function->run(s, n, in, out);
    case OP_IS:
    case OP_AS:
        return run_type_test(s, n, in, out);
    case OP_NEGATE:
    case OP_POSITIVE:
        return run_negate(s, n, in, out);
    case OP_AND:
    case OP_OR:
    case OP_XOR:
    case OP_IMPLIES:
        return run_logic(s, n, in, out);
    default:
        return run_binary(s, n, in, out);
    }
}

int r4_run(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    if (++s->depth > RUN_DEPTH_MAX)
        return r4_run_error(s, "nested too deeply");
    struct r4_items fresh = {0}; /* a step looks at what it has given so far: never at what stood there before */
    int rc = run_one(s, n, in, out->n ? &fresh : out);
    rc = rc ? rc : r4_put_all(s, out, &fresh);
    s->depth--;
    return rc;
}

int r4_path_run_item(const struct r4_path *p, struct r4_eval *e, const struct r4_item *item, struct r4_items *out, struct fault *f)
{
    struct run s = {.r4 = e->r4, .e = e, .doc = e->doc, .f = f, .this_item = *item};
    e->context = *item;
    struct r4_items in = {&s.this_item, 1, 1};
    struct r4_item here = *item;
    in.list = &here;
    return r4_run(&s, p->root, &in, out);
}

int r4_path_run(const struct r4_path *p, struct r4_eval *e, const struct r4_node *node, const struct r4_type *type, struct r4_items *out, struct fault *f)
{
    if (!type) {
        struct r4_str name = r4_text(r4_get(node, "resourceType"));
        type = name.p ? r4_type_find(e->r4, name.p, name.n) : NULL;
    }
    if (!e->root)
        e->root = node;
    return r4_path_run_item(p, e, &(struct r4_item){.kind = R4_I_NODE, .node = node, .type = type}, out, f);
}
