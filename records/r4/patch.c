#include "records/r4/patch.h"
#include "records/r4/defs.h"
#include <stdio.h>
#include <stdlib.h>

struct patching {
    const struct r4 *r4;
    struct r4_doc *d;
    struct r4_node *root;
    const struct r4_node *operation;
    size_t number;
    struct fault *f;
};

static int wrong(const struct patching *p, const char *why)
{
    char path[40];
    snprintf(path, sizeof path, "parameter[%zu]", p->number);
    fault_set(p->f, ERR_INVALID, "patch", "operation %zu of the patch: %s", p->number, why);
    fault_field(p->f, path, "%.90s", why);
    return ERR_INVALID;
}

/* ---- the parts of an operation ---- */

static const struct r4_node *part(const struct r4_node *parameter, const char *name)
{
    const struct r4_node *list = r4_get(parameter, "part");
    for (const struct r4_node *one = list && list->kind == R4_ARRAY ? list->child : NULL; one; one = one->next)
        if (r4_is(r4_get(one, "name"), name))
            return one;
    return NULL;
}

/* The value[x] member of a parameter, NULL when it has parts instead. */
static const struct r4_node *value_member(const struct r4_node *parameter)
{
    for (const struct r4_node *m = parameter && parameter->kind == R4_OBJECT ? parameter->child : NULL; m; m = m->next)
        if (m->key_len > 5 && memcmp(m->key, "value", 5) == 0)
            return m;
    return NULL;
}

static struct r4_str text_part(const struct patching *p, const char *name)
{
    return r4_text(value_member(part(p->operation, name)));
}

static int index_part(const struct patching *p, const char *name, size_t *out)
{
    struct r4_str t = text_part(p, name);
    char *stop, copy[16];
    snprintf(copy, sizeof copy, "%.*s", (int)t.n, t.p ? t.p : "");
    unsigned long v = strtoul(copy, &stop, 10);
    if (!t.n || *stop || t.p[0] == '-')
        return wrong(p, "an index is a whole number, 0 or more");
    *out = v;
    return 0;
}

/* ---- values ---- */

/* What a member is called in JSON: "value" with a valueQuantity becomes "valueQuantity". */
static int member_name(const struct patching *p, const struct r4_type_def *type, struct r4_str name, const struct r4_node *value, char out[140],
                       const struct r4_element **e)
{
    *e = type ? r4_element(type, r4_hash(name.p, name.n), name.p, name.n) : NULL;
    if (!*e || name.n > 60)
        return wrong(p, "there is no element of that name");
    snprintf(out, 140, "%.*s", (int)name.n, name.p);
    if (!(*e)->head)
        return 0;
    if (!value)
        return wrong(p, "the type of the value must be given");
    snprintf(out + name.n, 140 - name.n, "%.*s", (int)value->key_len - 5, value->key + 5);
    *e = r4_element(type, r4_hash(out, strlen(out)), out, strlen(out));
    return *e ? 0 : wrong(p, "a value of that type is not allowed there");
}

static int build(const struct patching *p, const struct r4_node *parameter, const struct r4_type_def *type, struct r4_node **out);

/* Adds a built value under its name: to the list when there may be many. */
static int put_member(const struct patching *p, struct r4_node *object, const struct r4_type_def *type, struct r4_str name, const struct r4_node *parameter)
{
    char key[140];
    const struct r4_element *e;
    struct r4_node *value;
    int rc = member_name(p, type, name, value_member(parameter), key, &e);
    rc = rc ? rc : build(p, parameter, e->type, &value);
    if (rc)
        return rc;
    struct r4_node *there = r4_get(object, key);
    if (e->max == 1)
        return there ? wrong(p, "the element is there already") : r4_set(p->d, object, key, value) ? 0 : ERR_STORAGE;
    if (!there && !(there = r4_set(p->d, object, key, r4_new(p->d, R4_ARRAY))))
        return ERR_STORAGE;
    value->key = NULL;
    return there->kind == R4_ARRAY && r4_append(there, value) ? 0 : wrong(p, "the element is not a list");
}

/* value[x] copied, or an object of parts (elements that have no type of their own). */
static int build(const struct patching *p, const struct r4_node *parameter, const struct r4_type_def *type, struct r4_node **out)
{
    const struct r4_node *value = value_member(parameter), *parts = r4_get(parameter, "part"), *resource = r4_get(parameter, "resource");
    if (value || resource) {
        *out = r4_copy(p->d, value ? value : resource);
        return *out ? 0 : ERR_STORAGE;
    }
    if (!parts || parts->kind != R4_ARRAY)
        return wrong(p, "a value must be given");
    if (!(*out = r4_new(p->d, R4_OBJECT)))
        return ERR_STORAGE;
    int rc = 0;
    for (const struct r4_node *one = parts->child; !rc && one; one = one->next) {
        struct r4_str name = r4_text(r4_get(one, "name"));
        rc = name.n ? put_member(p, *out, type, name, one) : wrong(p, "a part lacks its name");
    }
    return rc;
}

/* ---- places ---- */

static int find(struct patching *p, struct r4_items *out)
{
    struct r4_str path = text_part(p, "path");
    struct r4_path *compiled;
    const char *text = path.n ? r4_doc_copy(p->d, path.p, path.n) : NULL;
    struct fault inner;
    fault_clear(&inner);
    if (!text)
        return wrong(p, "the path must be given");
    if (r4_path_compile(p->r4, text, &compiled, &inner))
        return wrong(p, inner.text);
    struct r4_eval e = {.r4 = p->r4, .doc = p->d, .root = p->root};
    int rc = r4_path_run(compiled, &e, p->root, NULL, out, &inner);
    r4_path_free(compiled);
    return rc ? wrong(p, inner.text) : 0;
}

/* Where an item stands: the member of its parent, and the index in the member's list, -1 when the member is the item. */
struct place {
    struct r4_node *parent, *member;
    long index;
};

static int place_of(const struct patching *p, const struct r4_item *item, struct place *out)
{
    struct r4_node *parent = (struct r4_node *)(uintptr_t)item->parent;
    if (item->kind != R4_I_NODE || !item->node || !parent)
        return wrong(p, "the path gives no element of the resource");
    for (struct r4_node *m = parent->child; m; m = m->next) {
        if (m == item->node) {
            *out = (struct place){parent, m, -1};
            return 0;
        }
        long i = 0;
        for (struct r4_node *one = m->kind == R4_ARRAY ? m->child : NULL; one; one = one->next, i++)
            if (one == item->node) {
                *out = (struct place){parent, m, i};
                return 0;
            }
    }
    return wrong(p, "the path gives no element of the resource");
}

static int single(struct patching *p, struct r4_item *out, struct place *where)
{
    struct r4_items items = {0};
    int rc = find(p, &items);
    if (rc)
        return rc;
    if (items.n != 1)
        return wrong(p, items.n ? "the path gives more than one element" : "the path gives no element");
    *out = items.list[0];
    return where ? place_of(p, out, where) : 0;
}

static const char *key_of(const struct patching *p, const struct r4_node *member)
{
    return r4_doc_copy(p->d, member->key, member->key_len);
}

/* The list that all items of the path are in. */
static int list_of(struct patching *p, struct place *out)
{
    struct r4_items items = {0};
    int rc = find(p, &items);
    if (rc)
        return rc;
    if (!items.n)
        return wrong(p, "the path gives no list");
    rc = place_of(p, &items.list[0], out);
    return rc ? rc : out->index < 0 ? wrong(p, "the path gives no list") : 0;
}

/* ---- operations ---- */

static int add(struct patching *p)
{
    struct r4_item at;
    struct r4_str name = text_part(p, "name");
    int rc = single(p, &at, NULL);
    if (rc)
        return rc;
    if (!name.n)
        return wrong(p, "the name must be given");
    if (at.kind != R4_I_NODE || !at.node || at.node->kind != R4_OBJECT || !at.type)
        return wrong(p, "nothing can be added to that element");
    return put_member(p, (struct r4_node *)(uintptr_t)at.node, r4_def(at.type), name, part(p->operation, "value"));
}

static const struct r4_type_def *element_type(const struct r4_item *item)
{
    return item->element ? item->element->type : NULL;
}

static int insert(struct patching *p)
{
    struct r4_items items = {0};
    struct place where;
    struct r4_node *value;
    size_t index;
    int rc = index_part(p, "index", &index);
    rc = rc ? rc : list_of(p, &where);
    rc = rc ? rc : find(p, &items);
    rc = rc ? rc : build(p, part(p->operation, "value"), element_type(&items.list[0]), &value);
    if (rc)
        return rc;
    value->key = NULL;
    return r4_insert(where.member, index, value) ? 0 : wrong(p, "the index is behind the end of the list");
}

static void drop(const struct patching *p, const struct place *where)
{
    const char *key = key_of(p, where->member);
    char companion[140];
    snprintf(companion, sizeof companion, "_%s", key ? key : "");
    struct r4_node *beside = r4_get(where->parent, companion);
    if (where->index >= 0 && where->member->len > 1) {
        r4_remove(where->member, (size_t)where->index);
        if (beside && beside->kind == R4_ARRAY)
            r4_remove(beside, (size_t)where->index);
        return;
    }
    r4_unset(where->parent, key);
    r4_unset(where->parent, companion);
}

static int delete(struct patching *p)
{
    struct r4_items items = {0};
    struct place where;
    int rc = find(p, &items);
    if (rc || !items.n) /* what is not there need not be deleted */
        return rc;
    if (items.n > 1)
        return wrong(p, "the path gives more than one element");
    rc = place_of(p, &items.list[0], &where);
    if (!rc)
        drop(p, &where);
    return rc;
}

static int replace(struct patching *p)
{
    struct r4_item at;
    struct place where;
    struct r4_node *value;
    int rc = single(p, &at, &where);
    rc = rc ? rc : build(p, part(p->operation, "value"), element_type(&at), &value);
    if (rc)
        return rc;
    if (where.index >= 0) {
        value->key = NULL;
        r4_remove(where.member, (size_t)where.index);
        return r4_insert(where.member, (size_t)where.index, value) ? 0 : ERR_STORAGE;
    }
    const char *key = key_of(p, where.member);
    const struct r4_node *given = value_member(part(p->operation, "value"));
    char other[140];
    if (at.element && at.element->choice && given) { /* a choice may change its type, and its name with it */
        size_t stem = where.member->key_len - strlen(at.element->type->pub.name);
        snprintf(other, sizeof other, "%.*s%.*s", (int)stem, key, (int)given->key_len - 5, given->key + 5);
        if (strcmp(other, key) != 0) {
            drop(p, &where);
            key = other;
        }
    }
    return r4_set(p->d, where.parent, key, value) ? 0 : ERR_STORAGE;
}

static int move(struct patching *p)
{
    struct place where;
    size_t from, to;
    int rc = index_part(p, "source", &from);
    rc = rc ? rc : index_part(p, "destination", &to);
    rc = rc ? rc : list_of(p, &where);
    if (rc)
        return rc;
    struct r4_node *one = r4_item(where.member, from);
    if (!one || to >= where.member->len)
        return wrong(p, "an index is behind the end of the list");
    r4_remove(where.member, from);
    return r4_insert(where.member, to, one) ? 0 : ERR_STORAGE;
}

static int run(struct patching *p)
{
    static const struct {
        const char *name;
        int (*run)(struct patching *p);
    } operations[] = {{"add", add}, {"insert", insert}, {"delete", delete}, {"replace", replace}, {"move", move}};
    struct r4_str type = text_part(p, "type");
    if (!r4_is(r4_get(p->operation, "name"), "operation"))
        return wrong(p, "the parameter must be named operation");
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (r4_str_is(type, operations[i].name))
            return operations[i].run(p);
    return wrong(p, "the type must be add, insert, delete, replace or move");
}

int r4_fhirpath_patch(const struct r4 *r, struct r4_doc *d, struct r4_node *resource, const struct r4_node *parameters, struct fault *f)
{
    struct patching p = {.r4 = r, .d = d, .root = resource, .f = f};
    const struct r4_node *list = r4_get(parameters, "parameter");
    if (!r4_is(r4_get(parameters, "resourceType"), "Parameters") || !list || list->kind != R4_ARRAY)
        return fault_set(f, ERR_INVALID, "patch", "a FHIRPath patch is a Parameters resource with operations");
    int rc = 0;
    for (const struct r4_node *one = list->child; !rc && one; one = one->next, p.number++) {
        p.operation = one;
        rc = run(&p);
    }
    return rc;
}
