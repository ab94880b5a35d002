/* The operators of FHIRPath (N1, section 6): logic of three values, arithmetic, order, equality, membership, types. */
#include "records/r4/fhirpath_ast.h"
#include <math.h>

/* What one side defines the other does not see. */
static int operand(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    const struct r4_variable *kept = s->variables;
    int rc = r4_run(s, n, in, out);
    s->variables = kept;
    return rc;
}

int r4_run_logic(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items left = {0}, right = {0};
    int rc = operand(s, n->left, in, &left);
    if (rc)
        return rc;
    int a = r4_truth(s, &left);
    if (a == -2)
        return r4_run_error(s, "a single boolean was expected");
    if ((n->op == OP_AND && a == 0) || (n->op == OP_OR && a == 1) || (n->op == OP_IMPLIES && a == 0))
        return r4_put_bool(s, out, n->op != OP_AND);
    rc = operand(s, n->right, in, &right);
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

int r4_singleton(struct run *s, const struct r4_items *c, struct r4_item *out)
{
    if (c->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", c->n);
    *out = r4_system_value(&c->list[0]);
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

/* m and m make m2, g and m make g.m or g/m; a term behind the stroke is bracketed. */
static int put_unit(struct run *s, struct r4_item *q, const char *between, struct r4_str a, struct r4_str b)
{
    struct r4_buf unit = {0};
    bool brackets = *between == '/' && (memchr(b.p, '.', b.n) || memchr(b.p, '/', b.n));
    if (*between == '.' && a.n == b.n && memcmp(a.p, b.p, a.n) == 0 && !memchr(a.p, '.', a.n) && !memchr(a.p, '/', a.n))
        r4_buf_printf(&unit, "%.*s2", (int)a.n, a.p);
    else
        r4_buf_printf(&unit, "%.*s%s%s%.*s%s", (int)a.n, a.p, between, brackets ? "(" : "", (int)b.n, b.p, brackets ? ")" : "");
    q->text = (struct r4_str){r4_doc_copy(s->doc, unit.p ? unit.p : "", unit.n), unit.n};
    r4_buf_clear(&unit);
    return q->text.p ? 0 : ERR_STORAGE;
}

static int run_quantities(struct run *s, enum r4_op op, const struct r4_item *a, const struct r4_item *b, struct r4_items *out)
{
    static const struct r4_str one = {"1", 1};
    struct r4_item q = {.kind = R4_I_QUANTITY};
    bool unit_a = a->kind == R4_I_QUANTITY && !r4_str_is(a->text, "1"), unit_b = b->kind == R4_I_QUANTITY && !r4_str_is(b->text, "1");
    double x, y;
    bool common = r4_common_unit(a, b, &x, &y);
    q.text = unit_a ? a->text : unit_b ? b->text : one;
    q.boolean = unit_a ? a->boolean : b->boolean;
    if (op == OP_ADD || op == OP_SUBTRACT) { /* in the unit of the left one */
        if (!common)
            return 0;
        struct r4_item single = *a;
        single.number = 1;
        double right = r4_common_unit(&single, b, &x, &y) && x != 1 ? y / x : y;
        q.number = op == OP_ADD ? a->number + right : a->number - right;
        return r4_put(s, out, &q);
    }
    int rc = 0;
    if (op == OP_DIVIDE && b->number != 0) {
        q.number = common ? x / y : a->number / b->number;
        q.text = common ? one : unit_a ? a->text : one;
        q.boolean = !common && unit_a && !unit_b && a->boolean;
        rc = !common && unit_b ? put_unit(s, &q, "/", unit_a ? a->text : one, b->text) : 0;
        return rc ? rc : r4_put(s, out, &q);
    }
    if (op != OP_MULTIPLY)
        return 0;
    q.number = a->number * b->number;
    rc = unit_a && unit_b ? put_unit(s, &q, ".", a->text, b->text) : 0;
    return rc ? rc : r4_put(s, out, &q);
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
        if ((left->n && r4_singleton(s, left, &a)) || (right->n && r4_singleton(s, right, &b)))
            return ERR_INVALID;
        return run_concat(s, a.text, b.text, out);
    }
    if (!left->n || !right->n)
        return 0;
    if (r4_singleton(s, left, &a) || r4_singleton(s, right, &b))
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
    if (r4_singleton(s, left, &a) || r4_singleton(s, right, &b))
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

int r4_run_binary(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items left = {0}, right = {0};
    int rc = operand(s, n->left, in, &left);
    rc = rc ? rc : operand(s, n->right, in, &right);
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

int r4_run_negate(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items c = {0};
    struct r4_item v;
    int rc = r4_run(s, n->left, in, &c);
    if (rc || !c.n)
        return rc;
    if (r4_singleton(s, &c, &v))
        return ERR_INVALID;
    if (v.kind == R4_I_QUANTITY) {
        v.number = n->op == OP_NEGATE ? -v.number : v.number;
        return r4_put(s, out, &v);
    }
    if (!numeric(&v))
        return r4_run_error(s, "a number was expected behind the sign");
    return n->op == OP_POSITIVE ? r4_put(s, out, &v) : put_result(s, out, -v.number, v.kind == R4_I_INTEGER);
}

int r4_run_type_test(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
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
