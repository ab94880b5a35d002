/* Less of a resource than lies there (http://hl7.org/fhir/R4/search.html#summary, #elements), or the same with blanks for people. */
#include "records/fhir/fhir_private.h"
#include <stdio.h>

/* ---- _pretty ---- */

static void indent(struct r4_buf *b, int depth)
{
    r4_buf_puts(b, "\n");
    for (int i = 0; i < depth; i++)
        r4_buf_puts(b, "  ");
}

static void pretty(struct r4_buf *b, const struct r4_node *n, int depth)
{
    bool object = n->kind == R4_OBJECT;
    if ((!object && n->kind != R4_ARRAY) || !n->child) {
        r4_json_write(b, n);
        return;
    }
    r4_buf_puts(b, object ? "{" : "[");
    for (const struct r4_node *c = n->child; c; c = c->next) {
        indent(b, depth + 1);
        if (object) {
            r4_buf_quote(b, c->key, c->key_len);
            r4_buf_puts(b, ": ");
        }
        pretty(b, c, depth + 1);
        if (c->next)
            r4_buf_puts(b, ",");
    }
    indent(b, depth);
    r4_buf_puts(b, object ? "}" : "]");
}

/* ---- _summary, _elements ---- */

static bool listed(struct r4_str list, const char *name, size_t n)
{
    for (const char *p = list.p, *end = p ? p + list.n : p; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t len = comma ? (size_t)(comma - p) : (size_t)(end - p);
        const char *dot = memchr(p, '.', len); /* only whole elements are cut */
        len = dot ? (size_t)(dot - p) : len;
        len -= len > 3 && memcmp(p + len - 3, "[x]", 3) == 0 ? 3 : 0;
        if (len == n && memcmp(p, name, n) == 0)
            return true;
        p = comma ? comma + 1 : end;
    }
    return false;
}

static bool keep(const struct fhir_plan *p, const struct r4 *r4, const struct r4_type *type, struct r4_str key)
{
    if (r4_str_is(key, "resourceType") || r4_str_is(key, "id") || r4_str_is(key, "meta"))
        return true;
    if (p->summary == R4_SUMMARY_DATA)
        return !r4_str_is(key, "text");
    if (r4_is_mandatory(r4, type, key.p, key.n))
        return true;
    if (p->summary == R4_SUMMARY_TEXT)
        return r4_str_is(key, "text");
    if (p->summary == R4_SUMMARY_TRUE)
        return r4_in_summary(r4, type, key.p, key.n);
    struct r4_str head = r4_element_head(type, key.p, key.n); /* value, or value[x], is valueQuantity too */
    return listed(p->elements, key.p, key.n) || (head.n && head.n < key.n && listed(p->elements, head.p, head.n));
}

#define TAG_SYSTEM "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"

static bool is_tagged(const struct r4_node *tags)
{
    for (const struct r4_node *t = tags && tags->kind == R4_ARRAY ? tags->child : NULL; t; t = t->next)
        if (r4_is(r4_get(t, "code"), "SUBSETTED") && r4_is(r4_get(t, "system"), TAG_SYSTEM))
            return true;
    return false;
}

/* A part is never mistaken for the whole: SUBSETTED. */
static bool tag(struct r4_doc *d, struct r4_node *root)
{
    struct r4_node *meta = r4_get(root, "meta"), *tags = r4_get(meta, "tag"), *one;
    if (is_tagged(tags))
        return true;
    one = r4_new(d, R4_OBJECT);
    if (!meta && (meta = r4_new(d, R4_OBJECT)))
        r4_set(d, root, "meta", meta);
    if (!tags && meta && (tags = r4_new(d, R4_ARRAY)))
        r4_set(d, meta, "tag", tags);
    return one && tags && r4_set_string(d, one, "system", TAG_SYSTEM) && r4_set_string(d, one, "code", "SUBSETTED") && r4_append(tags, one);
}

static void cut(const struct fhir_plan *p, const struct r4 *r4, const struct r4_type *type, struct r4_node *object);

/* An element of the summary that has parts of its own gives only those of them that are of the summary, too. */
static void cut_parts(const struct fhir_plan *p, const struct r4 *r4, const struct r4_type *type, struct r4_node *member)
{
    char name[120];
    int n = snprintf(name, sizeof name, "%s.%.*s", type->name, (int)member->key_len, member->key);
    const struct r4_type *part = n < (int)sizeof name ? r4_type_find(r4, name, (size_t)n) : NULL;
    if (!part || part->kind != R4_BACKBONE)
        return;
    if (member->kind == R4_OBJECT)
        cut(p, r4, part, member);
    for (struct r4_node *one = member->kind == R4_ARRAY ? member->child : NULL; one; one = one->next)
        if (one->kind == R4_OBJECT)
            cut(p, r4, part, one);
}

static void cut(const struct fhir_plan *p, const struct r4 *r4, const struct r4_type *type, struct r4_node *object)
{
    for (struct r4_node **at = &object->child; *at;) {
        bool primitive = (*at)->key_len && *(*at)->key == '_'; /* goes with its element */
        if (keep(p, r4, type, (struct r4_str){(*at)->key + primitive, (*at)->key_len - primitive})) {
            if (p->summary == R4_SUMMARY_TRUE)
                cut_parts(p, r4, type, *at);
            at = &(*at)->next;
        } else {
            *at = (*at)->next;
            object->len--;
        }
    }
}

int body_shape(struct fhir_work *w, const struct r4_type *type, struct r4_str body, struct r4_buf *b)
{
    const struct fhir_plan *p = w->plan;
    bool less = p->elements.n || p->summary == R4_SUMMARY_TRUE || p->summary == R4_SUMMARY_TEXT || p->summary == R4_SUMMARY_DATA;
    struct r4_node *root;
    if (!less && !p->pretty) {
        r4_buf_put(b, body.p, body.n);
        return b->failed ? ERR_UNAVAILABLE : 0;
    }
    if (r4_json_parse(p->scratch->doc, body.p, body.n, &root, NULL))
        return ERR_STORAGE;
    if (less) {
        cut(p, fhir_r4(w->fhir), type, root);
        if (!tag(p->scratch->doc, root))
            return ERR_UNAVAILABLE;
    }
    if (p->pretty)
        pretty(b, root, 0);
    else
        r4_json_write(b, root);
    return b->failed ? ERR_UNAVAILABLE : 0;
}
