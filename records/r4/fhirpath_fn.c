#include "records/r4/fhirpath_ast.h"
#include <stdlib.h>

/* Functions of FHIRPath on collections, trees and FHIR's own; those on text and numbers are in fhirpath_fn_text.c. */

#define FN(name) static int fn_##name(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)
#define NODES_MAX 200000 /* of repeat and descendants: what goes on longer is a mistake */

FN(empty)
{
    return r4_put_bool(s, out, in->n == 0);
}

/* Keeps the items whose criterion is true. */
FN(where)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++) {
        struct r4_items c = {0};
        rc = r4_run_each(s, n->args[0], &in->list[i], i, &c);
        int truth = rc ? 0 : r4_truth(s, &c);
        if (truth == -2)
            return r4_run_error(s, "a criterion must give one boolean");
        if (truth == 1)
            rc = r4_put(s, out, &in->list[i]);
    }
    return rc;
}

FN(exists)
{
    struct r4_items kept = {0};
    int rc = n->n_args ? fn_where(s, n, in, &kept) : 0;
    return rc ? rc : r4_put_bool(s, out, n->n_args ? kept.n > 0 : in->n > 0);
}

FN(all)
{
    for (size_t i = 0; i < in->n; i++) {
        struct r4_items c = {0};
        int rc = r4_run_each(s, n->args[0], &in->list[i], i, &c);
        if (rc)
            return rc;
        if (r4_truth(s, &c) != 1)
            return r4_put_bool(s, out, false);
    }
    return r4_put_bool(s, out, true);
}

static int quantifier(struct run *s, const struct r4_items *in, struct r4_items *out, bool wanted, bool any)
{
    bool found = !any;
    for (size_t i = 0; i < in->n; i++) {
        struct r4_item v = r4_system_value(&in->list[i]);
        if (v.kind != R4_I_BOOLEAN)
            return r4_run_error(s, "only booleans were expected");
        if ((v.boolean == wanted) == any)
            found = any;
    }
    return r4_put_bool(s, out, found);
}

FN(allTrue)
{
    return quantifier(s, in, out, true, false);
}

FN(anyTrue)
{
    return quantifier(s, in, out, true, true);
}

FN(allFalse)
{
    return quantifier(s, in, out, false, false);
}

FN(anyFalse)
{
    return quantifier(s, in, out, false, true);
}

static bool subset(struct run *s, const struct r4_items *a, const struct r4_items *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (!r4_items_has(s, b, &a->list[i]))
            return false;
    return true;
}

FN(subsetOf)
{
    struct r4_items other = {0};
    int rc = r4_run_arg(s, n->args[0], &other);
    return rc ? rc : r4_put_bool(s, out, subset(s, in, &other));
}

FN(supersetOf)
{
    struct r4_items other = {0};
    int rc = r4_run_arg(s, n->args[0], &other);
    return rc ? rc : r4_put_bool(s, out, subset(s, &other, in));
}

FN(count)
{
    return r4_put_int(s, out, (int64_t)in->n);
}

FN(distinct)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++)
        if (!r4_items_has(s, out, &in->list[i]))
            rc = r4_put(s, out, &in->list[i]);
    return rc;
}

FN(isDistinct)
{
    struct r4_items d = {0};
    int rc = fn_distinct(s, n, in, &d);
    return rc ? rc : r4_put_bool(s, out, d.n == in->n);
}

FN(select)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++)
        rc = r4_run_each(s, n->args[0], &in->list[i], i, out);
    return rc;
}

FN(repeat)
{
    struct r4_items now = *in;
    for (int round = 0; now.n && round < 1000; round++) {
        struct r4_items found = {0}, fresh = {0};
        int rc = fn_select(s, n, &now, &found);
        for (size_t i = 0; !rc && i < found.n; i++)
            if (!r4_items_has(s, out, &found.list[i])) {
                rc = r4_put(s, out, &found.list[i]);
                rc = rc ? rc : r4_put(s, &fresh, &found.list[i]);
            }
        if (rc)
            return rc;
        now = fresh;
    }
    return 0;
}

FN(ofType)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++)
        if (r4_spec_casts(&n->spec, &in->list[i]))
            rc = r4_put(s, out, &in->list[i]);
    return rc;
}

FN(as)
{
    if (in->n > 1 && !s->e->lenient)
        return r4_run_error(s, "a single value was expected, there are %zu", in->n);
    return fn_ofType(s, n, in, out);
}

FN(is)
{
    if (in->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", in->n);
    return in->n ? r4_put_bool(s, out, r4_spec_holds(&n->spec, &in->list[0])) : 0;
}

FN(single)
{
    if (in->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", in->n);
    return r4_put_all(s, out, in);
}

static int range(struct run *s, const struct r4_items *in, size_t from, size_t to, struct r4_items *out)
{
    int rc = 0;
    for (size_t i = from; !rc && i < to && i < in->n; i++)
        rc = r4_put(s, out, &in->list[i]);
    return rc;
}

FN(first)
{
    return range(s, in, 0, 1, out);
}

FN(last)
{
    return in->n ? range(s, in, in->n - 1, in->n, out) : 0;
}

FN(tail)
{
    return range(s, in, 1, in->n, out);
}

static int count_arg(struct run *s, const struct r4_ast *n, size_t *out)
{
    struct r4_items c = {0};
    int rc = r4_run_arg(s, n->args[0], &c);
    if (rc)
        return rc;
    struct r4_item v = c.n == 1 ? r4_system_value(&c.list[0]) : (struct r4_item){0};
    if (v.kind != R4_I_INTEGER)
        return r4_run_error(s, "a whole number was expected");
    *out = v.number > 0 ? (size_t)v.number : 0;
    return 0;
}

FN(skip)
{
    size_t k = 0;
    int rc = count_arg(s, n, &k);
    return rc ? rc : range(s, in, k, in->n, out);
}

FN(take)
{
    size_t k = 0;
    int rc = count_arg(s, n, &k);
    return rc ? rc : range(s, in, 0, k, out);
}

static int both(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out, bool wanted)
{
    struct r4_items other = {0};
    int rc = r4_run_arg(s, n->args[0], &other);
    for (size_t i = 0; !rc && i < in->n; i++)
        if (r4_items_has(s, &other, &in->list[i]) == wanted && !(wanted && r4_items_has(s, out, &in->list[i])))
            rc = r4_put(s, out, &in->list[i]);
    return rc;
}

FN(intersect)
{
    return both(s, n, in, out, true);
}

FN(exclude)
{
    return both(s, n, in, out, false);
}

FN(union)
{
    struct r4_items all = {0};
    int rc = r4_put_all(s, &all, in);
    rc = rc ? rc : r4_run_arg(s, n->args[0], &all);
    return rc ? rc : fn_distinct(s, n, &all, out);
}

FN(combine)
{
    int rc = r4_put_all(s, out, in);
    return rc ? rc : r4_run_arg(s, n->args[0], out);
}

FN(iif)
{
    struct r4_items c = {0};
    if (in->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", in->n);
    struct r4_item here = in->n ? in->list[0] : s->this_item;
    int rc = in->n ? r4_run_each(s, n->args[0], &here, s->index, &c) : r4_run(s, n->args[0], in, &c);
    if (rc)
        return rc;
    int truth = r4_truth(s, &c);
    if (truth == -2 || (c.n && r4_system_value(&c.list[0]).kind != R4_I_BOOLEAN))
        return r4_run_error(s, "a criterion must give one boolean");
    const struct r4_ast *branch = truth == 1 ? n->args[1] : n->n_args > 2 ? n->args[2] : NULL;
    if (!branch)
        return 0;
    return in->n ? r4_run_each(s, branch, &here, s->index, out) : r4_run(s, branch, in, out);
}

FN(children)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++)
        rc = r4_children(s, &in->list[i], NULL, 0, 0, out);
    return rc;
}

FN(descendants)
{
    int rc = fn_children(s, n, in, out);
    for (size_t i = 0; !rc && i < out->n; i++) {
        struct r4_item one = out->list[i];
        rc = out->n > NODES_MAX ? r4_run_error(s, "too many descendants") : r4_children(s, &one, NULL, 0, 0, out);
    }
    return rc;
}

FN(trace)
{
    if (n->n_args < 2)
        return r4_put_all(s, out, in);
    struct r4_items dropped = {0};
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++)
        rc = r4_run_each(s, n->args[1], &in->list[i], i, &dropped);
    return rc ? rc : r4_put_all(s, out, in);
}

FN(aggregate)
{
    struct r4_items total = {0}, *kept = s->total;
    int rc = n->n_args > 1 ? r4_run_arg(s, n->args[1], &total) : 0;
    for (size_t i = 0; !rc && i < in->n; i++) {
        struct r4_items next = {0};
        s->total = &total;
        rc = r4_run_each(s, n->args[0], &in->list[i], i, &next);
        total = next;
    }
    s->total = kept;
    return rc ? rc : r4_put_all(s, out, &total);
}

FN(not)
{
    if (!in->n)
        return 0;
    int truth = r4_truth(s, in);
    if (truth == -2)
        return r4_run_error(s, "a single boolean was expected");
    return r4_put_bool(s, out, truth != 1);
}

FN(hasValue)
{
    bool has = in->n == 1 && (in->list[0].kind != R4_I_NODE || (in->list[0].node && in->list[0].node->kind != R4_OBJECT && in->list[0].node->kind != R4_ARRAY));
    return r4_put_bool(s, out, has);
}

FN(getValue)
{
    struct r4_items has = {0};
    int rc = fn_hasValue(s, n, in, &has);
    if (rc || !has.list[0].boolean)
        return rc;
    struct r4_item v = r4_system_value(&in->list[0]);
    return r4_put(s, out, &v);
}

static int text_arg(struct run *s, const struct r4_ast *arg, struct r4_str *out)
{
    struct r4_items c = {0};
    int rc = r4_run_arg(s, arg, &c);
    *out = (struct r4_str){NULL, 0};
    if (!rc && c.n == 1)
        *out = r4_system_value(&c.list[0]).text;
    return rc;
}

FN(extension)
{
    struct r4_str url;
    int rc = text_arg(s, n->args[0], &url);
    struct r4_items all = {0};
    for (size_t i = 0; !rc && url.p && i < in->n; i++)
        rc = r4_children(s, &in->list[i], "extension", 9, r4_hash("extension", 9), &all);
    for (size_t i = 0; !rc && i < all.n; i++) {
        struct r4_str have = r4_text(r4_get(all.list[i].node, "url"));
        if (have.p && have.n == url.n && memcmp(have.p, url.p, url.n) == 0)
            rc = r4_put(s, out, &all.list[i]);
    }
    return rc;
}

FN(hasExtension)
{
    struct r4_items found = {0};
    int rc = fn_extension(s, n, in, &found);
    return rc ? rc : r4_put_bool(s, out, found.n > 0);
}

static const struct r4_node *contained(const struct r4_node *container, struct r4_str id)
{
    const struct r4_node *list = r4_get(container, "contained");
    for (const struct r4_node *c = list && list->kind == R4_ARRAY ? list->child : NULL; c; c = c->next) {
        struct r4_str have = r4_text(r4_get(c, "id"));
        if (have.p && have.n == id.n && memcmp(have.p, id.p, id.n) == 0)
            return c;
    }
    return NULL;
}

/* The type a reference names: [http://...]Type/id[/_history/v]. NULL when it names none. */
static const struct r4_type *named_type(const struct run *s, struct r4_str ref)
{
    for (const char *p = ref.p, *end = p ? p + ref.n : p; p < end;) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        if (!slash)
            return NULL;
        const struct r4_type *t = r4_resource(s->r4, p, (size_t)(slash - p));
        if (t)
            return t;
        p = slash + 1;
    }
    return NULL;
}

/* Without a store: contained resources, and entries of the Bundle around are found; of others only the type is known, which is what
 * `resolve() is Patient` asks. */
FN(resolve)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++) {
        const struct r4_item *item = &in->list[i];
        const struct r4_node *reference = item->node && item->node->kind == R4_OBJECT ? r4_get(item->node, "reference") : item->node;
        struct r4_str text = r4_text(reference), type = r4_text(r4_get(item->node, "type"));
        struct r4_item found = {.kind = R4_I_NODE};
        if (text.n && text.p[0] == '#') {
            found.node = text.n == 1 ? s->e->root : contained(s->e->root_resource ? s->e->root_resource : s->e->root, (struct r4_str){text.p + 1, text.n - 1});
            type = r4_text(r4_get(found.node, "resourceType"));
            text.p = NULL;
        }
        found.type = text.p ? named_type(s, text) : NULL;
        if (!found.type && type.p)
            found.type = r4_type_find(s->r4, type.p, type.n);
        if (found.type)
            rc = r4_put(s, out, &found);
    }
    return rc;
}

/* txt-1, txt-2 are checked by the validator itself. */
FN(htmlChecks)
{
    return r4_put_bool(s, out, true);
}

FN(type)
{
    static const char *const names[] = {"", "", "Boolean", "Integer", "Decimal", "String", "Date", "DateTime", "Time", "Quantity", ""};
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++) {
        const struct r4_item *v = &in->list[i];
        struct r4_node *info = r4_new(s->doc, R4_OBJECT);
        const char *name = v->kind != R4_I_NODE ? names[v->kind] : v->type ? v->type->name : "Element";
        if (!info || !r4_set_string(s->doc, info, "namespace", v->kind == R4_I_NODE ? "FHIR" : "System") || !r4_set_string(s->doc, info, "name", name))
            return ERR_STORAGE;
        rc = r4_put(s, out, &(struct r4_item){.kind = R4_I_NODE, .node = info, .type = NULL});
    }
    return rc;
}

FN(conformsTo)
{
    struct r4_str url;
    static const char prefix[] = "http://hl7.org/fhir/StructureDefinition/";
    int rc = text_arg(s, n->args[0], &url);
    if (rc || !in->n)
        return rc;
    if (url.n < sizeof prefix || memcmp(url.p, prefix, sizeof prefix - 1) != 0)
        return r4_run_error(s, "that profile is not known");
    const struct r4_type *t = r4_type_find(s->r4, url.p + sizeof prefix - 1, url.n - sizeof prefix + 1);
    return t ? r4_put_bool(s, out, r4_type_is(in->list[0].type, t)) : r4_run_error(s, "that profile is not known");
}


static bool is_member(const struct r4_codes *codes, const struct r4_item *item)
{
    const struct r4_node *list = r4_get(item->node, "coding");
    if (list && list->kind == R4_ARRAY) {
        for (const struct r4_node *c = list->child; c; c = c->next)
            if (is_member(codes, &(struct r4_item){.kind = R4_I_NODE, .node = c}))
                return true;
        return false;
    }
    bool coding = item->node && item->node->kind == R4_OBJECT;
    struct r4_str code = coding ? r4_text(r4_get(item->node, "code")) : r4_system_value(item).text, system = coding ? r4_text(r4_get(item->node, "system")) : (struct r4_str){0};
    return code.n && r4_codes_has(codes, code.p, code.n, system.p, system.n);
}

/* Of the value sets that the definitions hold: those required somewhere. */
FN(memberOf)
{
    struct r4_str url;
    int rc = text_arg(s, n->args[0], &url);
    if (rc || in->n != 1)
        return rc ? rc : in->n ? r4_run_error(s, "a single value was expected, there are %zu", in->n) : 0;
    const char *bar = url.n ? memchr(url.p, '|', url.n) : NULL;
    char *name = r4_doc_copy(s->doc, url.p ? url.p : "", bar ? (size_t)(bar - url.p) : url.n);
    const struct r4_codes *codes = name ? r4_codes_find(s->r4, name) : NULL;
    return codes ? r4_put_bool(s, out, is_member(codes, &in->list[0])) : r4_run_error(s, "that value set is not known");
}

static const struct r4_function functions[] = {
    {"empty", 0, 0, fn_empty}, {"exists", 0, 1, fn_exists}, {"all", 1, 1, fn_all}, {"allTrue", 0, 0, fn_allTrue}, {"anyTrue", 0, 0, fn_anyTrue},
    {"allFalse", 0, 0, fn_allFalse}, {"anyFalse", 0, 0, fn_anyFalse}, {"subsetOf", 1, 1, fn_subsetOf}, {"supersetOf", 1, 1, fn_supersetOf},
    {"count", 0, 0, fn_count}, {"distinct", 0, 0, fn_distinct}, {"isDistinct", 0, 0, fn_isDistinct}, {"where", 1, 1, fn_where},
    {"select", 1, 1, fn_select}, {"repeat", 1, 1, fn_repeat}, {"ofType", 1, 1, fn_ofType}, {"is", 1, 1, fn_is}, {"as", 1, 1, fn_as},
    {"single", 0, 0, fn_single}, {"first", 0, 0, fn_first}, {"last", 0, 0, fn_last}, {"tail", 0, 0, fn_tail}, {"skip", 1, 1, fn_skip},
    {"take", 1, 1, fn_take}, {"intersect", 1, 1, fn_intersect}, {"exclude", 1, 1, fn_exclude}, {"union", 1, 1, fn_union},
    {"combine", 1, 1, fn_combine}, {"iif", 2, 3, fn_iif}, {"children", 0, 0, fn_children}, {"descendants", 0, 0, fn_descendants},
    {"trace", 1, 2, fn_trace}, {"aggregate", 1, 2, fn_aggregate}, {"not", 0, 0, fn_not}, {"hasValue", 0, 0, fn_hasValue},
    {"getValue", 0, 0, fn_getValue}, {"extension", 1, 1, fn_extension}, {"hasExtension", 1, 1, fn_hasExtension}, {"resolve", 0, 0, fn_resolve},
    {"htmlChecks", 0, 0, fn_htmlChecks}, {"type", 0, 0, fn_type}, {"conformsTo", 1, 1, fn_conformsTo}, {"memberOf", 1, 1, fn_memberOf}};

const struct r4_function *r4_function_find(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == n && memcmp(functions[i].name, name, n) == 0)
            return &functions[i];
    return r4_text_function_find(name, n);
}

bool r4_function_takes_type(const struct r4_function *fn)
{
    return fn->run == fn_ofType || fn->run == fn_is || fn->run == fn_as;
}

bool r4_function_casts(const struct r4_function *fn)
{
    return fn->run == fn_ofType || fn->run == fn_as;
}
