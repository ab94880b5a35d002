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
    if (companion && companion->kind != R4_OBJECT) /* null pads a list; anything else is no companion */
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

/* Of one certain type that has no such element: the expression is wrong. What may be of several types (choices, contained resources, all
 * descendants, what a reference leads to) is simply without it. */
static bool no_such_element(const struct run *s, const struct r4_ast *n, const struct r4_items *in)
{
    for (size_t i = 0; i < in->n; i++) {
        const struct r4_item *item = &in->list[i];
        const struct r4_type_def *type = item->kind == R4_I_NODE && item->type ? r4_def(item->type) : NULL;
        bool certain = item->element ? !item->element->choice && item->element->type != s->r4->resource : item->node && item->node == s->e->context.node;
        if (!type || type->primitive || !certain || item->type != in->list[0].type || (n->root && r4_type_is(item->type, n->root)))
            return false;
        const struct r4_element *e = r4_element(type, n->hash, n->name, n->name_len);
        if (e && (!e->choice || e->head))
            return false;
    }
    return in->n > 0 && !r4_str_is((struct r4_str){n->name, n->name_len}, "resourceType");
}

static int run_member(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    int rc = 0;
    if (!s->e->lenient && no_such_element(s, n, in))
        return r4_run_error(s, "%s has no element %.*s", in->list[0].type->name, (int)n->name_len, n->name);
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

struct r4_item r4_system_value(const struct r4_item *item)
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
    struct r4_item v = r4_system_value(&c->list[0]);
    return v.kind == R4_I_BOOLEAN ? v.boolean : 1;
}

/* ---- operators ---- */

int r4_run_arg(struct run *s, const struct r4_ast *n, struct r4_items *out)
{
    const struct r4_variable *kept = s->variables;
    struct r4_items in = {&s->this_item, 1, 1};
    int rc = r4_run(s, n, &in, out);
    s->variables = kept;
    return rc;
}

int r4_arg(struct run *s, const struct r4_ast *n, size_t i, struct r4_item *out)
{
    struct r4_items c = {0};
    if (i >= n->n_args)
        return 0;
    int rc = r4_run_arg(s, n->args[i], &c);
    if (rc)
        return rc;
    if (c.n > 1)
        return r4_run_error(s, "a single argument was expected, there are %zu", c.n);
    if (c.n)
        *out = r4_system_value(&c.list[0]);
    return c.n ? 1 : 0;
}

int r4_run_each(struct run *s, const struct r4_ast *n, const struct r4_item *item, size_t i, struct r4_items *out)
{
    struct r4_item kept = s->this_item;
    size_t kept_index = s->index;
    const struct r4_variable *kept_variables = s->variables;
    s->this_item = *item;
    s->index = i;
    struct r4_items in = {&s->this_item, 1, 1};
    struct r4_item here = *item;
    in.list = &here;
    int rc = r4_run(s, n, &in, out);
    s->this_item = kept;
    s->index = kept_index;
    s->variables = kept_variables;
    return rc;
}

bool r4_variable_of_language(struct r4_str name)
{
    static const char *const names[] = {"ucum", "sct", "loinc", "context", "resource", "rootResource"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (r4_str_is(name, names[i]))
            return true;
    return (name.n > 3 && memcmp(name.p, "vs-", 3) == 0) || (name.n > 4 && memcmp(name.p, "ext-", 4) == 0);
}

static const struct r4_variable *variable_named(const struct r4_variable *v, struct r4_str name)
{
    while (v && !(v->name.n == name.n && memcmp(v->name.p, name.p, name.n) == 0))
        v = v->next;
    return v;
}

static int run_variable(struct run *s, const struct r4_ast *n, struct r4_items *out)
{
    static const struct {
        const char *name, *value;
    } urls[] = {{"ucum", "http://unitsofmeasure.org"}, {"sct", "http://snomed.info/sct"}, {"loinc", "http://loinc.org"}};
    struct r4_str name = {n->name, n->name_len};
    const struct r4_variable *own = variable_named(s->variables, name);
    own = own ? own : variable_named(s->e->variables, name);
    if (own)
        return r4_put_all(s, out, &own->value);
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
    if (r4_singleton(s, &index, &v) || v.kind != R4_I_INTEGER)
        return r4_run_error(s, "an index is a whole number");
    return v.number >= 0 && v.number < (double)c.n ? r4_put(s, out, &c.list[(size_t)v.number]) : 0;
}

/* (value as Period).unit, value.ofType(Period).unit: wrong, whatever the value is. The type said, NULL where the step is right or nothing is said. */
static const struct r4_type *said_type_without(const struct r4_ast *n)
{
    const struct r4_ast *step = n->right, *left = n->left->op == OP_DOT ? n->left->right : n->left;
    bool casts = left->op == OP_AS || (left->op == OP_CALL && r4_function_casts(left->function));
    const struct r4_type *type = casts && step->op == OP_MEMBER ? left->spec.fhir : NULL;
    if (!type || type->abstract || r4_def(type)->primitive || r4_element(r4_def(type), step->hash, step->name, step->name_len))
        return NULL;
    return r4_str_is((struct r4_str){step->name, step->name_len}, "resourceType") ? NULL : type;
}

static int run_dot(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
{
    struct r4_items c = {0};
    const struct r4_type *without = s->e->lenient ? NULL : said_type_without(n);
    if (without)
        return r4_run_error(s, "%s has no element %.*s", without->name, (int)n->right->name_len, n->right->name);
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
        return r4_run_type_test(s, n, in, out);
    case OP_NEGATE:
    case OP_POSITIVE:
        return r4_run_negate(s, n, in, out);
    case OP_AND:
    case OP_OR:
    case OP_XOR:
    case OP_IMPLIES:
        return r4_run_logic(s, n, in, out);
    default:
        return r4_run_binary(s, n, in, out);
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
