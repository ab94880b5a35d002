/* References and links anywhere in a resource, found by walking it along its types. */
#include "records/r4/defs.h"
#include "records/r4/search.h"
#include <string.h>

struct visitor {
    const struct r4 *r4;
    void (*reference)(void *ctx, struct r4_node *reference);
    void (*link)(void *ctx, struct r4_node *text, bool narrative);
    void *ctx;
};

static void visit_text(const struct visitor *v, const struct r4_type_def *type, const struct r4_element *e, const struct r4_node *member, struct r4_node *one)
{
    if (v->reference && type == r4_def(&v->r4->reference->pub) && member->key_len == 9 && memcmp(member->key, "reference", 9) == 0)
        v->reference(v->ctx, one);
    enum r4_primitive p = e ? (enum r4_primitive)e->primitive : R4_NOT_PRIMITIVE;
    if (v->link && (p == R4_URI || p == R4_URL || p == R4_OID || p == R4_UUID || p == R4_XHTML))
        v->link(v->ctx, one, p == R4_XHTML);
}

static void walk(const struct visitor *v, struct r4_node *object, const struct r4_type_def *type)
{
    const struct r4 *r = v->r4;
    for (struct r4_node *m = object->child; m; m = m->next) {
        const struct r4_element *e = type ? r4_element(type, m->key_hash, m->key, m->key_len) : NULL;
        const struct r4_type_def *t = e ? e->type : NULL;
        struct r4_node *one = m->kind == R4_ARRAY ? m->child : m;
        for (; one; one = m->kind == R4_ARRAY ? one->next : NULL) {
            if (one->kind == R4_STRING)
                visit_text(v, type, e, m, one);
            if (one->kind != R4_OBJECT)
                continue;
            struct r4_str name = t == r->resource ? r4_text(r4_get(one, "resourceType")) : (struct r4_str){0};
            const struct r4_type_def *inner = name.p ? r4_def(r4_type_find(r, name.p, name.n)) : m->key[0] == '_' ? r4_def(r->extension->pub.base) : t;
            walk(v, one, inner);
        }
    }
}

static void walk_resource(const struct visitor *v, struct r4_node *resource)
{
    struct r4_str name = r4_text(r4_get(resource, "resourceType"));
    if (name.p && resource->kind == R4_OBJECT)
        walk(v, resource, r4_def(r4_type_find(v->r4, name.p, name.n)));
}

void r4_references(const struct r4 *r, struct r4_node *resource, void (*each)(void *ctx, struct r4_node *reference), void *ctx)
{
    walk_resource(&(struct visitor){.r4 = r, .reference = each, .ctx = ctx}, resource);
}

void r4_links(const struct r4 *r, struct r4_node *resource, void (*each)(void *ctx, struct r4_node *text, bool narrative), void *ctx)
{
    walk_resource(&(struct visitor){.r4 = r, .link = each, .ctx = ctx}, resource);
}
