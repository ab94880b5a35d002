#include "records/r4/validate.h"
#include "records/r4/defs.h"
#include "records/r4/xhtml.h"
#include "records/term/fold.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A walk down the tree beside the definitions. Where we are is a chain of frames on the stack; it is spelled out only for an issue. */

struct frame {
    const struct frame *up;
    const char *name; /* the type for the first */
    size_t n;
    const struct r4_element *e; /* of a choice: the path says value.ofType(Quantity) */
    long index;                 /* in a list, -1 = none */
};

struct check {
    const struct r4 *r4;
    struct r4_doc *d;
    struct r4_issues *out;
    int flags;
    const struct r4_node *resource, *container; /* %resource, %rootResource */
};

/* ---- issues ---- */

static void put_path(struct r4_buf *b, const struct frame *f)
{
    if (f->up) {
        put_path(b, f->up);
        r4_buf_put(b, ".", 1);
    }
    if (f->e && f->e->choice) {
        size_t type = strlen(f->e->type->pub.name);
        r4_buf_printf(b, "%.*s.ofType(%s)", (int)(f->n - type), f->name, f->e->type->pub.name);
    } else {
        r4_buf_put(b, f->name, f->n);
    }
    if (f->index >= 0)
        r4_buf_printf(b, "[%ld]", f->index);
}

/* Names from outside are said back: what is no printable UTF-8 (or was cut within a character) becomes '?'. */
static const char *printable(struct r4_doc *d, const char *text)
{
    size_t n = text ? strlen(text) : 0, len = 0;
    char *out = r4_doc_alloc(d, n + 1);
    for (const char *p = text, *end = text + n; out && p && p < end;) {
        const char *from = p;
        uint32_t c = utf8_next(&p, end);
        if (c < 0x20 || c == 0x7F || (c == 0xFFFD && p == from + 1))
            out[len++] = '?';
        else
            while (from < p)
                out[len++] = *from++;
    }
    if (out)
        out[len] = 0;
    return out;
}

void r4_issue_add(struct r4_doc *d, struct r4_issues *out, const struct r4_issue *issue)
{
    if (issue->severity <= R4_ERROR)
        out->n_errors++;
    if (out->n == R4_ISSUES_MAX)
        return;
    struct r4_issue *i = &out->list[out->n];
    *i = *issue;
    i->expression = printable(d, issue->expression);
    i->details = printable(d, issue->details);
    if (i->expression && i->details)
        out->n++;
}

static void YL_PRINTF(5, 6) issue(struct check *c, const struct frame *f, enum r4_severity severity, const char *code, const char *fmt, ...)
{
    if (severity >= R4_WARNING && !(c->flags & R4_WARNINGS))
        return;
    struct r4_buf path = {0};
    char details[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(details, sizeof details, fmt, args);
    va_end(args);
    put_path(&path, f);
    r4_issue_add(c->d, c->out, &(struct r4_issue){severity, code, path.p, details});
    r4_buf_clear(&path);
}

#define WRONG(c, f, code, ...) issue(c, f, R4_ERROR, code, __VA_ARGS__)

/* ---- invariants ---- */

static void check_invariants(struct check *c, const struct frame *f, const struct r4_invariant *const *list, size_t n, const struct r4_item *item)
{
    for (size_t i = 0; i < n; i++) {
        const struct r4_invariant *v = list[i];
        if ((c->flags & R4_NO_INVARIANTS) || (v->warning && !(c->flags & R4_WARNINGS)))
            continue;
        struct r4_eval e = {.r4 = c->r4, .doc = c->d, .root = c->resource, .root_resource = c->container, .lenient = true};
        struct r4_items result = {0};
        struct fault fault;
        fault_clear(&fault);
        struct r4_mark mark = r4_doc_mark(c->d);
        bool failed = r4_path_run_item(v->path, &e, item, &result, &fault) != 0;
        /* nothing at all (a comparison with an absent value) is no breach; the published examples count on that */
        bool breach = !failed && result.n == 1 && result.list[0].kind == R4_I_BOOLEAN && !result.list[0].boolean;
        r4_doc_rewind(c->d, mark);
        if (breach)
            issue(c, f, v->warning ? R4_WARNING : R4_ERROR, "invariant", "%s: %s", v->key, v->words);
    }
}

/* ---- values ---- */

static void check_codes(struct check *c, const struct frame *f, const struct r4_codes *codes, const struct r4_node *code, const struct r4_node *system)
{
    struct r4_str text = r4_text(code), where = r4_text(system);
    if (text.p && !r4_codes_has(codes, text.p, text.n, where.p, where.n))
        WRONG(c, f, "code-invalid", "'%.*s' is not a code of the required value set %s", (int)(text.n < 60 ? text.n : 60), text.p, codes->url);
}

/* Of a CodeableConcept one coding must be of the set; text alone is no code. */
static void check_concept(struct check *c, const struct frame *f, const struct r4_codes *codes, const struct r4_node *concept)
{
    const struct r4_node *codings = r4_get(concept, "coding");
    if (!codings || codings->kind != R4_ARRAY)
        return;
    for (const struct r4_node *one = codings->child; one; one = one->next) {
        struct r4_str code = r4_text(r4_get(one, "code")), system = r4_text(r4_get(one, "system"));
        if (code.p && r4_codes_has(codes, code.p, code.n, system.p ? system.p : "", system.n))
            return;
    }
    WRONG(c, f, "code-invalid", "none of the codings is of the required value set %s", codes->url);
}

static void check_binding(struct check *c, const struct frame *f, const struct r4_element *e, const struct r4_node *value)
{
    if (!e->codes)
        return;
    if (e->primitive)
        check_codes(c, f, e->codes, value, NULL);
    else if (strcmp(e->type->pub.name, "CodeableConcept") == 0)
        check_concept(c, f, e->codes, value);
    else
        check_codes(c, f, e->codes, r4_get(value, "code"), r4_get(value, "system"));
}

static bool has_contained(const struct r4_node *container, const char *id, size_t n)
{
    const struct r4_node *list = r4_get(container, "contained");
    for (const struct r4_node *one = list && list->kind == R4_ARRAY ? list->child : NULL; one; one = one->next) {
        struct r4_str have = r4_text(r4_get(one, "id"));
        if (have.p && have.n == n && memcmp(have.p, id, n) == 0)
            return true;
    }
    return false;
}

static bool is_target(const struct r4_element *e, const struct r4_type *t)
{
    for (size_t i = 0; i < e->n_targets; i++)
        if (e->targets[i] == t)
            return true;
    return e->n_targets == 0;
}

/* Type/id at the beginning of a relative reference; n = its bytes, 0 when it is something else (urn:, a query, a full URL). */
static size_t relative_type(struct r4_str ref)
{
    const char *slash = memchr(ref.p, '/', ref.n);
    size_t n = slash ? (size_t)(slash - ref.p) : 0;
    for (size_t i = 0; i < n; i++)
        if (!((ref.p[i] >= 'A' && ref.p[i] <= 'Z') || (ref.p[i] >= 'a' && ref.p[i] <= 'z')))
            return 0;
    return n;
}

static void check_reference(struct check *c, const struct frame *f, const struct r4_element *e, const struct r4_node *value)
{
    struct r4_str ref = r4_text(r4_get(value, "reference"));
    if (!ref.n)
        return;
    if (ref.p[0] == '#') {
        bool inside = ref.n == 1 ? c->resource != c->container : has_contained(c->container, ref.p + 1, ref.n - 1);
        if (!inside)
            WRONG(c, f, "not-found", "ref-1: the resource contained here has no resource '%.*s'", (int)(ref.n < 66 ? ref.n : 66), ref.p);
        return;
    }
    size_t n = relative_type(ref);
    if (!n)
        return;
    const struct r4_type *t = r4_resource(c->r4, ref.p, n);
    if (!t)
        WRONG(c, f, "value", "'%.*s' is not a type of resource", (int)(n < 40 ? n : 40), ref.p);
    else if (!is_target(e, t)) /* two of the published examples do it, and servers take it: told, not refused */
        issue(c, f, R4_WARNING, "value", "a reference to a %s is not foreseen here", t->name);
}

/* ---- structure ---- */

static void check_object(struct check *c, const struct frame *f, const struct r4_node *object, const struct r4_type_def *type);
static void check_resource(struct check *c, struct frame *f, const struct r4_node *node, bool contained);

static bool within_contained(const struct frame *f)
{
    return f->n == 9 && memcmp(f->name, "contained", 9) == 0;
}

static void check_complex(struct check *c, struct frame *f, const struct r4_element *e, const struct r4_node *value)
{
    if (value->kind != R4_OBJECT) {
        WRONG(c, f, "structure", "must be a JSON object");
        return;
    }
    if (e->type == c->r4->resource) {
        check_resource(c, f, value, within_contained(f));
        return;
    }
    check_object(c, f, value, e->type);
    check_binding(c, f, e, value);
    if (e->type == c->r4->reference)
        check_reference(c, f, e, value);
    if (e->n_invariants)
        check_invariants(c, f, e->invariants, e->n_invariants,
                         &(struct r4_item){.kind = R4_I_NODE, .node = value, .type = &e->type->pub});
}

/* One value: index -1 when it does not stand in a list. companion: its `_name` object or NULL. */
static void check_value(struct check *c, const struct frame *up, const struct r4_element *e, const struct r4_node *value, const struct r4_node *companion,
                        long index)
{
    struct frame f = {up, e->name, e->name_len, e, index};
    if (value && value->kind == R4_NULL) {
        if (index < 0 || !companion)
            WRONG(c, &f, "structure", "null stands only in a list of primitive values, beside an extension");
        value = NULL;
    }
    if (value && !e->primitive) {
        check_complex(c, &f, e, value);
        return;
    }
    if (value) {
        const char *why = r4_primitive_check((enum r4_primitive)e->primitive, value);
        if (why)
            WRONG(c, &f, "value", "%s (%s)", why, e->type->pub.name);
        else if (e->codes)
            check_binding(c, &f, e, value);
        if (!why && e->primitive == R4_XHTML && !r4_xhtml_has_content(value->text, value->len))
            issue(c, &f, R4_WARNING, "invariant", "txt-2: the narrative has no content");
        if (e->n_invariants && !why)
            check_invariants(c, &f, e->invariants, e->n_invariants, &(struct r4_item){.kind = R4_I_NODE, .node = value, .type = &e->type->pub});
    }
    if (companion)
        check_object(c, &f, companion, r4_def(c->r4->extension->pub.base));
}

static const struct r4_node *next_of(const struct r4_node *n)
{
    return n ? n->next : NULL;
}

static void check_list(struct check *c, const struct frame *up, const struct r4_element *e, const struct r4_node *member, const struct r4_node *companion)
{
    const struct frame f = {up, e->name, e->name_len, e, -1};
    const struct r4_node *a = member ? member->child : NULL, *b = companion ? companion->child : NULL;
    if (!a && !b)
        WRONG(c, &f, "structure", "a list must not be empty");
    if (member && companion && member->len != companion->len)
        WRONG(c, &f, "structure", "%s and _%s must have the same number of items; fill up with null", e->name, e->name);
    if (e->max != R4_MANY && ((member && member->len > e->max) || (companion && companion->len > e->max)))
        WRONG(c, &f, "structure", "at most %u may be given", e->max);
    bool any = false;
    for (long i = 0; a || b; i++, a = next_of(a), b = next_of(b)) {
        const struct r4_node *beside = b && b->kind != R4_NULL ? b : NULL;
        any |= beside || (a && a->kind != R4_NULL);
        check_value(c, up, e, a, beside, i);
    }
    if (!any && (member ? member : companion)->len)
        WRONG(c, &f, "structure", "a list of nothing but null");
}

/* A member with its companion; either may be NULL, not both. */
static void check_member(struct check *c, const struct frame *up, const struct r4_element *e, const struct r4_node *member, const struct r4_node *companion)
{
    const struct frame f = {up, e->name, e->name_len, e, -1};
    bool many = e->max > 1, list = (member && member->kind == R4_ARRAY) || (companion && companion->kind == R4_ARRAY);
    bool single = (member && member->kind != R4_ARRAY) || (companion && companion->kind != R4_ARRAY);
    if (many ? single : list)
        WRONG(c, &f, "structure", many ? "must be a JSON array, even for one value" : "must not be a JSON array: there is one at most");
    else if (many)
        check_list(c, up, e, member, companion);
    else
        check_value(c, up, e, member, companion, -1);
}

#define SEEN_WORDS (R4_ELEMENTS_MAX / 64)

struct seen {
    uint64_t bits[SEEN_WORDS]; /* elements met; of a choice its head too */
    uint64_t companions[SEEN_WORDS];
};

static bool mark(uint64_t *bits, size_t i)
{
    bool was = bits[i / 64] >> (i % 64) & 1;
    bits[i / 64] |= (uint64_t)1 << (i % 64);
    return was;
}

static bool marked(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

/* The head stands right before the spread elements of its choice. */
static size_t head_of(const struct r4_type_def *type, size_t i)
{
    while (!type->elements[i].head)
        i--;
    return i;
}

static void note_choice(struct check *c, const struct frame *f, const struct r4_type_def *type, size_t i, struct seen *seen)
{
    size_t head = head_of(type, i);
    bool other = mark(seen->bits, head);
    if (!other)
        return;
    struct frame at = {f, type->elements[head].name, type->elements[head].name_len, NULL, -1};
    WRONG(c, &at, "structure", "only one %s[x] may be given", type->elements[head].name);
}

static const struct r4_node *partner(const struct r4_node *object, const struct r4_node *member, bool companion)
{
    char key[132];
    if (companion)
        return r4_get_n(object, member->key + 1, member->key_len - 1u);
    if (member->key_len > 128)
        return NULL;
    key[0] = '_';
    memcpy(key + 1, member->key, member->key_len);
    return r4_get_n(object, key, member->key_len + 1u);
}

static void unknown(struct check *c, const struct frame *up, const struct r4_node *m, const struct r4_type_def *type)
{
    struct frame f = {up, m->key, m->key_len < 80 ? m->key_len : 80, NULL, -1};
    WRONG(c, &f, "structure", "%s has no element of that name", type->pub.name);
}

static void check_one(struct check *c, const struct frame *f, const struct r4_node *object, const struct r4_type_def *type, const struct r4_node *m,
                      struct seen *seen)
{
    bool companion = m->key_len > 1 && m->key[0] == '_';
    const char *name = m->key + companion;
    size_t n = m->key_len - (size_t)companion;
    const struct r4_element *e = r4_element(type, companion ? r4_hash(name, n) : m->key_hash, name, n);
    if (!e || e->head || (companion && !e->primitive)) {
        unknown(c, f, m, type);
        return;
    }
    size_t i = (size_t)(e - type->elements);
    if (mark(companion ? seen->companions : seen->bits, i)) {
        struct frame at = {f, m->key, m->key_len, NULL, -1};
        WRONG(c, &at, "duplicate", "this member is written twice");
        return;
    }
    /* a value without companion is checked when met, one with a companion together with it */
    const struct r4_node *other = e->primitive ? partner(object, m, companion) : NULL;
    if (companion && other)
        return;
    if (e->choice)
        note_choice(c, f, type, i, seen);
    check_member(c, f, e, companion ? NULL : m, companion ? m : other);
}

static void check_required(struct check *c, const struct frame *f, const struct r4_type_def *type, const struct seen *seen)
{
    for (size_t k = 0; k < type->n_required; k++) {
        size_t i = type->required[k];
        const struct r4_element *e = &type->elements[i];
        if (marked(seen->bits, i) || marked(seen->companions, i))
            continue;
        struct frame at = {f, e->name, e->name_len, NULL, -1};
        WRONG(c, &at, "required", "%s%s must be given", e->name, e->head ? "[x]" : "");
    }
}

/* ext-1, and what every extension is. */
static void check_extension(struct check *c, const struct frame *f, const struct r4_node *object, const struct r4_type_def *type, const struct seen *seen)
{
    const struct r4_element *nested = r4_element(type, r4_hash("extension", 9), "extension", 9), *value = r4_element(type, r4_hash("value", 5), "value", 5);
    bool has_nested = marked(seen->bits, (size_t)(nested - type->elements)), has_value = marked(seen->bits, (size_t)(value - type->elements));
    if (has_nested == has_value)
        WRONG(c, f, "invariant", "ext-1: an extension has either extensions or value[x], not both and not neither");
}

static void check_object(struct check *c, const struct frame *f, const struct r4_node *object, const struct r4_type_def *type)
{
    struct seen seen;
    memset(&seen, 0, sizeof seen);
    if (object->kind != R4_OBJECT) {
        WRONG(c, f, "structure", "must be a JSON object");
        return;
    }
    bool resource = type->pub.kind == R4_RESOURCE;
    if (object->len == 0)
        WRONG(c, f, "structure", "ele-1: an object must not be empty");
    size_t types = 0;
    for (const struct r4_node *m = object->child; m; m = m->next)
        if (!(resource && m->key_len == 12 && memcmp(m->key, "resourceType", 12) == 0))
            check_one(c, f, object, type, m, &seen);
        else if (++types == 2)
            WRONG(c, f, "duplicate", "resourceType is written twice");
    check_required(c, f, type, &seen);
    if (type == c->r4->extension)
        check_extension(c, f, object, type, &seen);
    if (type->n_invariants)
        check_invariants(c, f, type->invariants, type->n_invariants, &(struct r4_item){.kind = R4_I_NODE, .node = object, .type = &type->pub});
}

/* ---- contained resources: dom-2 to dom-5 ---- */

static bool mentions(const struct r4_node *node, const struct r4_node *but_not, const char *id, size_t n)
{
    if (node == but_not)
        return false;
    if (node->kind == R4_STRING)
        return node->len == n + 1 && node->text[0] == '#' && memcmp(node->text + 1, id, n) == 0;
    if (node->kind != R4_OBJECT && node->kind != R4_ARRAY)
        return false;
    for (const struct r4_node *one = node->child; one; one = one->next)
        if (mentions(one, but_not, id, n))
            return true;
    return false;
}

static void check_contained(struct check *c, const struct frame *f, const struct r4_node *resource, const struct r4_node *container)
{
    const struct r4_node *meta = r4_get(resource, "meta");
    struct r4_str id = r4_text(r4_get(resource, "id"));
    if (r4_get(resource, "contained"))
        WRONG(c, f, "invariant", "dom-2: a contained resource must not contain resources");
    if (r4_get(meta, "versionId") || r4_get(meta, "lastUpdated"))
        WRONG(c, f, "invariant", "dom-4: a contained resource has no meta.versionId and no meta.lastUpdated");
    if (r4_get(meta, "security"))
        WRONG(c, f, "invariant", "dom-5: a contained resource has no security label");
    bool to_container = mentions(resource, NULL, "", 0);
    if (!to_container && (!id.p || !mentions(container, resource, id.p, id.n)))
        WRONG(c, f, "invariant", "dom-3: nothing here refers to this contained resource");
}

static void check_resource(struct check *c, struct frame *f, const struct r4_node *node, bool contained)
{
    struct r4_str name = r4_text(r4_get(node, "resourceType"));
    const struct r4_type *type = name.p ? r4_resource(c->r4, name.p, name.n) : NULL;
    if (!type) {
        WRONG(c, f, name.p ? "not-supported" : "required", name.p ? "there is no such type of resource" : "resourceType must be given");
        return;
    }
    const struct r4_node *resource = c->resource, *container = c->container;
    c->resource = node;
    if (!contained)
        c->container = node;
    check_object(c, f, node, r4_def(type));
    if (contained && !(c->flags & R4_NO_INVARIANTS))
        check_contained(c, f, node, container);
    if (!contained && strcmp(type->base->name, "DomainResource") == 0 && !r4_at(node, "text.div"))
        issue(c, f, R4_WARNING, "invariant", "dom-6: a resource should have a narrative");
    c->resource = resource;
    c->container = container;
}

size_t r4_validate(const struct r4 *r, struct r4_doc *d, const struct r4_node *resource, const struct r4_type *type, int flags, struct r4_issues *out)
{
    out->n = out->n_errors = 0;
    struct check c = {.r4 = r, .d = d, .out = out, .flags = flags, .resource = resource, .container = resource};
    struct r4_str name = r4_text(r4_get(resource, "resourceType"));
    const struct r4_type *said = name.p ? r4_resource(r, name.p, name.n) : NULL;
    const char *root = said ? said->name : type ? type->name : "Resource";
    struct frame f = {.name = root, .n = strlen(root), .index = -1};
    if (resource->kind != R4_OBJECT)
        WRONG(&c, &f, "structure", "a resource is a JSON object");
    else if (type && said && type != said)
        WRONG(&c, &f, "invalid", "a %s was expected", type->name);
    else
        check_resource(&c, &f, resource, false);
    return out->n_errors;
}

/* ---- OperationOutcome ---- */

static const char *const severities[] = {"", "fatal", "error", "warning", "information"};

void r4_outcome_write(struct r4_buf *b, const struct r4_issues *issues)
{
    r4_buf_puts(b, "{\"resourceType\":\"OperationOutcome\",\"issue\":[");
    if (!issues->n)
        r4_buf_puts(b, "{\"severity\":\"information\",\"code\":\"informational\",\"diagnostics\":\"All OK\"}");
    for (size_t i = 0; i < issues->n; i++) {
        const struct r4_issue *one = &issues->list[i];
        r4_buf_printf(b, "%s{\"severity\":\"%s\",\"code\":\"%s\",\"diagnostics\":", i ? "," : "", severities[one->severity], one->code);
        r4_buf_quote(b, one->details, strlen(one->details));
        if (*one->expression) {
            r4_buf_puts(b, ",\"expression\":[");
            r4_buf_quote(b, one->expression, strlen(one->expression));
            r4_buf_puts(b, "]");
        }
        r4_buf_puts(b, "}");
    }
    r4_buf_puts(b, "]}");
}

struct r4_node *r4_outcome(struct r4_doc *d, const struct r4_issues *issues)
{
    struct r4_buf b = {0};
    struct r4_node *root = NULL;
    r4_outcome_write(&b, issues);
    const char *text = b.failed ? NULL : r4_doc_copy(d, b.p, b.n);
    if (text && r4_json_parse(d, text, b.n, &root, NULL))
        root = NULL;
    r4_buf_clear(&b);
    return root;
}
