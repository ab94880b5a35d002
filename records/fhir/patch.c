/* PATCH with JSON Patch (RFC 6902, pointers by RFC 6901), on the tree of a resource. */
#include "records/fhir/fhir_private.h"
#include <stdio.h>

#define STEPS_MAX 32

struct patching {
    struct fhir_work *w;
    struct r4_doc *d;
    struct r4_node *root;
    size_t at; /* which operation */
};

static int wrong(struct patching *p, const char *text)
{
    return fhir_fail_status(p->w, 422, "processing", "Operation %zu of the patch: %s.", p->at, text);
}

/* ---- pointers ---- */

struct place {
    struct r4_node *parent; /* NULL: the root itself */
    struct r4_str key;      /* of the last step, unescaped */
};

static struct r4_str unescape(struct r4_doc *d, const char *p, size_t n)
{
    char *out = r4_doc_alloc(d, n + 1);
    size_t k = 0;
    for (size_t i = 0; out && i < n; i++) {
        bool tilde = p[i] == '~' && i + 1 < n && (p[i + 1] == '0' || p[i + 1] == '1');
        out[k++] = tilde ? (p[i + 1] == '0' ? '~' : '/') : p[i];
        i += tilde;
    }
    return (struct r4_str){out, k};
}

/* -1 = not an index; "-" is the one past the end. */
static int64_t index_of(const struct r4_node *array, struct r4_str key)
{
    int64_t n = 0;
    if (r4_str_is(key, "-"))
        return array->len;
    if (!key.n || key.n > 9 || (key.n > 1 && key.p[0] == '0'))
        return -1;
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] < '0' || key.p[i] > '9')
            return -1;
        n = 10 * n + key.p[i] - '0';
    }
    return n;
}

static struct r4_node *child(struct r4_node *node, struct r4_str key)
{
    if (!node)
        return NULL;
    if (node->kind == R4_OBJECT)
        return r4_get_n(node, key.p, key.n);
    int64_t i = node->kind == R4_ARRAY ? index_of(node, key) : -1;
    return i >= 0 ? r4_item(node, (size_t)i) : NULL;
}

static int find(struct patching *p, struct r4_str pointer, struct place *out)
{
    struct r4_node *node = p->root;
    *out = (struct place){0};
    if (pointer.n && pointer.p[0] != '/')
        return wrong(p, "a path begins with '/'");
    for (size_t at = 0, steps = 0; at < pointer.n; steps++) {
        const char *from = pointer.p + at + 1, *end = pointer.p + pointer.n;
        const char *slash = from < end ? memchr(from, '/', (size_t)(end - from)) : NULL;
        size_t n = slash ? (size_t)(slash - from) : (size_t)(end - from);
        if (steps == STEPS_MAX || !node)
            return wrong(p, "the path leads to nothing");
        *out = (struct place){node, unescape(p->d, from, n)};
        node = child(node, out->key);
        at += n + 1;
    }
    return 0;
}

static struct r4_node *value_at(struct patching *p, const struct place *at)
{
    return at->parent ? child(at->parent, at->key) : p->root;
}

/* ---- operations ---- */

static int put(struct patching *p, const struct place *at, struct r4_node *value)
{
    if (!at->parent) {
        p->root = value;
        return 0;
    }
    if (at->parent->kind == R4_OBJECT) {
        char *key = r4_doc_copy(p->d, at->key.p, at->key.n);
        return key && r4_set(p->d, at->parent, key, value) ? 0 : wrong(p, "out of memory");
    }
    int64_t i = at->parent->kind == R4_ARRAY ? index_of(at->parent, at->key) : -1;
    return i >= 0 && r4_insert(at->parent, (size_t)i, value) ? 0 : wrong(p, "the path is no place for a value");
}

static int take(struct patching *p, const struct place *at)
{
    if (!at->parent || !value_at(p, at))
        return wrong(p, "the path leads to nothing");
    if (at->parent->kind == R4_OBJECT) {
        char *key = r4_doc_copy(p->d, at->key.p, at->key.n);
        return key && r4_unset(at->parent, key) ? 0 : wrong(p, "the path leads to nothing");
    }
    return r4_remove(at->parent, (size_t)index_of(at->parent, at->key)) ? 0 : wrong(p, "the path leads to nothing");
}

static int from_place(struct patching *p, const struct r4_node *op, bool move, struct r4_node **value)
{
    struct place from;
    struct r4_str source = r4_text(r4_get(op, "from")), target = r4_text(r4_get(op, "path"));
    if (!source.p)
        return wrong(p, "\"from\" is missing");
    if (move && target.n > source.n && memcmp(target.p, source.p, source.n) == 0 && target.p[source.n] == '/')
        return wrong(p, "a value cannot be moved into itself");
    int rc = find(p, source, &from);
    struct r4_node *found = rc ? NULL : value_at(p, &from);
    if (rc || !found)
        return rc ? rc : wrong(p, "\"from\" leads to nothing");
    *value = r4_copy(p->d, found);
    return !*value ? wrong(p, "out of memory") : move ? take(p, &from) : 0;
}

static int replace(struct patching *p, const struct place *at, struct r4_node *value)
{
    if (!value_at(p, at))
        return wrong(p, "the path leads to nothing");
    if (at->parent && at->parent->kind == R4_ARRAY) {
        int rc = take(p, at);
        return rc ? rc : put(p, at, value);
    }
    return put(p, at, value);
}

static int run_one(struct patching *p, const struct r4_node *op)
{
    struct r4_str what = r4_text(r4_get(op, "op")), path = r4_text(r4_get(op, "path"));
    struct r4_node *value = r4_get(op, "value");
    bool add = r4_str_is(what, "add"), change = r4_str_is(what, "replace"), test = r4_str_is(what, "test");
    bool move = r4_str_is(what, "move"), copies = r4_str_is(what, "copy");
    struct place at;
    int rc = 0;
    if (!path.p)
        return wrong(p, "\"path\" is missing");
    if ((add || change || test) && !value)
        return wrong(p, "\"value\" is missing");
    if (move || copies)
        rc = from_place(p, op, move, &value);
    else if (add || change)
        value = r4_copy(p->d, value);
    rc = rc ? rc : find(p, path, &at);
    if (rc)
        return rc;
    if (add || move || copies)
        return value ? put(p, &at, value) : wrong(p, "out of memory");
    if (change)
        return value ? replace(p, &at, value) : wrong(p, "out of memory");
    if (r4_str_is(what, "remove"))
        return take(p, &at);
    if (test)
        return value_at(p, &at) && r4_equal(value_at(p, &at), value) ? 0 : wrong(p, "the test fails");
    return wrong(p, "\"op\" is none of add, remove, replace, move, copy, test");
}

int patch_run(struct fhir_work *w, const struct r4_node *patch, struct r4_node **resource)
{
    struct patching p = {w, w->plan->scratch->doc, *resource, 0};
    int rc = 0;
    if (!patch || patch->kind != R4_ARRAY)
        return fhir_fail_status(w, 400, "structure", "A JSON Patch is an array of operations.");
    for (const struct r4_node *op = patch->child; op && rc == 0; op = op->next, p.at++)
        rc = run_one(&p, op);
    *resource = p.root;
    return rc;
}
