#include "records/r4/json.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- looking ---- */

struct r4_node *r4_get_hash(const struct r4_node *object, uint32_t hash, const char *key, size_t n)
{
    if (!object || object->kind != R4_OBJECT)
        return NULL;
    for (struct r4_node *m = object->child; m; m = m->next)
        if (m->key_hash == hash && m->key_len == n && memcmp(m->key, key, n) == 0)
            return m;
    return NULL;
}

struct r4_node *r4_get_n(const struct r4_node *object, const char *key, size_t n)
{
    return r4_get_hash(object, r4_hash(key, n), key, n);
}

struct r4_node *r4_get(const struct r4_node *object, const char *key)
{
    return r4_get_n(object, key, strlen(key));
}

struct r4_node *r4_item(const struct r4_node *array, size_t i)
{
    if (!array || array->kind != R4_ARRAY)
        return NULL;
    struct r4_node *n = array->child;
    while (n && i--)
        n = n->next;
    return n;
}

struct r4_node *r4_at(const struct r4_node *node, const char *path)
{
    while (node && *path) {
        size_t n = strcspn(path, ".");
        node = node->kind == R4_ARRAY ? r4_item(node, strtoul(path, NULL, 10)) : r4_get_n(node, path, n);
        path += n + (path[n] == '.');
    }
    return (struct r4_node *)node;
}

struct r4_str r4_text(const struct r4_node *node)
{
    if (!node || (node->kind != R4_STRING && node->kind != R4_NUMBER))
        return (struct r4_str){NULL, 0};
    return (struct r4_str){node->text, node->len};
}

bool r4_is(const struct r4_node *node, const char *text)
{
    return node && node->kind == R4_STRING && node->len == strlen(text) && memcmp(node->text, text, node->len) == 0;
}

/* ---- editing ---- */

struct r4_node *r4_new(struct r4_doc *d, enum r4_kind kind)
{
    struct r4_node *n = r4_doc_alloc(d, sizeof *n);
    if (n)
        *n = (struct r4_node){.kind = (uint8_t)kind};
    return n;
}

struct r4_node *r4_new_string(struct r4_doc *d, const char *text, size_t n)
{
    struct r4_node *node = r4_new(d, R4_STRING);
    if (!node || !(node->text = r4_doc_copy(d, text, n)))
        return NULL;
    node->len = (uint32_t)n;
    return node;
}

struct r4_node *r4_new_number(struct r4_doc *d, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)value);
    struct r4_node *node = r4_new_string(d, text, (size_t)n);
    if (node)
        node->kind = R4_NUMBER;
    return node;
}

struct r4_node *r4_copy(struct r4_doc *d, const struct r4_node *node)
{
    struct r4_node *copy = node ? r4_doc_alloc(d, sizeof *copy) : NULL;
    if (!copy)
        return NULL;
    *copy = *node;
    copy->next = NULL;
    if (node->kind != R4_OBJECT && node->kind != R4_ARRAY)
        return copy;
    struct r4_node **tail = &copy->child;
    for (const struct r4_node *one = node->child; one; one = one->next) {
        if (!(*tail = r4_copy(d, one)))
            return NULL;
        tail = &(*tail)->next;
    }
    *tail = NULL;
    return copy;
}

static bool name_it(struct r4_doc *d, struct r4_node *value, const char *key)
{
    size_t n = strlen(key);
    value->key = r4_doc_copy(d, key, n);
    value->key_len = (uint16_t)n;
    value->key_hash = r4_hash(key, n);
    return value->key != NULL;
}

static struct r4_node **place_of(struct r4_node *object, const char *key)
{
    size_t n = strlen(key);
    struct r4_node **p = &object->child;
    while (*p && !((*p)->key_len == n && memcmp((*p)->key, key, n) == 0))
        p = &(*p)->next;
    return p;
}

static void put_at(struct r4_node *list, struct r4_node **place, struct r4_node *value)
{
    value->next = *place;
    *place = value;
    list->len++;
}

struct r4_node *r4_set(struct r4_doc *d, struct r4_node *object, const char *key, struct r4_node *value)
{
    if (!object || !value || !name_it(d, value, key))
        return NULL;
    struct r4_node **place = place_of(object, key);
    if (*place) {
        value->next = (*place)->next;
        *place = value;
    } else {
        put_at(object, place, value);
    }
    return value;
}

struct r4_node *r4_set_string(struct r4_doc *d, struct r4_node *object, const char *key, const char *text)
{
    return r4_set(d, object, key, r4_new_string(d, text, strlen(text)));
}

struct r4_node *r4_set_after(struct r4_doc *d, struct r4_node *object, const char *after, const char *key, struct r4_node *value)
{
    if (!object || !value)
        return NULL;
    if (r4_get(object, key))
        return r4_set(d, object, key, value);
    if (!name_it(d, value, key))
        return NULL;
    struct r4_node *before = after ? r4_get(object, after) : NULL;
    put_at(object, before ? &before->next : &object->child, value);
    return value;
}

bool r4_unset(struct r4_node *object, const char *key)
{
    struct r4_node **place = place_of(object, key);
    if (!*place)
        return false;
    *place = (*place)->next;
    object->len--;
    return true;
}

bool r4_insert(struct r4_node *array, size_t i, struct r4_node *value)
{
    if (!array || !value || i > array->len)
        return false;
    struct r4_node **place = &array->child;
    while (i--)
        place = &(*place)->next;
    put_at(array, place, value);
    return true;
}

struct r4_node *r4_append(struct r4_node *array, struct r4_node *value)
{
    return array && r4_insert(array, array->len, value) ? value : NULL;
}

bool r4_remove(struct r4_node *array, size_t i)
{
    if (!array || i >= array->len)
        return false;
    struct r4_node **place = &array->child;
    while (i--)
        place = &(*place)->next;
    *place = (*place)->next;
    array->len--;
    return true;
}

static bool same_members(const struct r4_node *a, const struct r4_node *b)
{
    const struct r4_node *beside = b->child; /* most often the order is the same, and repeated names have only that */
    for (const struct r4_node *m = a->child; m; m = m->next) {
        bool here = beside && beside->key_hash == m->key_hash && beside->key_len == m->key_len && memcmp(beside->key, m->key, m->key_len) == 0;
        if (!r4_equal(m, here ? beside : r4_get_hash(b, m->key_hash, m->key, m->key_len)))
            return false;
        beside = beside ? beside->next : NULL;
    }
    return true;
}

bool r4_equal(const struct r4_node *a, const struct r4_node *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->len != b->len)
        return false;
    if (a->kind == R4_STRING || a->kind == R4_NUMBER)
        return memcmp(a->text, b->text, a->len) == 0;
    if (a->kind == R4_OBJECT)
        return same_members(a, b);
    if (a->kind != R4_ARRAY)
        return true;
    const struct r4_node *x = a->child, *y = b->child;
    for (; x && y; x = x->next, y = y->next)
        if (!r4_equal(x, y))
            return false;
    return x == y;
}
