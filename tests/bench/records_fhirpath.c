/* Bench: FHIRPath. How many of HL7's tests of FHIRPath (tests-fhir-r4.xml of fhir-test-cases, the first word; its resources lie in the folder
 * that is the second) are answered as written, by group, with the name of each that is not; and how many expressions a CPU second one thread runs.
 *
 *   bench_records_fhirpath TESTS.xml INPUT-FOLDER
 *
 * A test has an expression, the resource it is asked of (XML or JSON), and what comes out: values with their types, or that it is refused
 * (invalid). `predicate`: whether anything comes out. Tests whose resource is missing are left out.
 */
#include "records/r4/fhirpath_ast.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct r4 *r4;
static struct r4_doc *doc; /* the tests and what an expression makes of them */
static struct fault f;

static char *load(const char *path)
{
    FILE *in = fopen(path, "r");
    size_t cap = 4 << 20, n;
    char *text = in ? malloc(cap) : NULL;
    if (!in || !text)
        return NULL;
    n = fread(text, 1, cap - 1, in);
    text[n] = 0;
    fclose(in);
    return text;
}

/* ---- XML, as far as these files need it ---- */

#define ATTRIBUTES_MAX 8
struct xml {
    struct r4_str name, text; /* text: what stands before the first child; entities are resolved */
    struct {
        struct r4_str name, value;
    } attributes[ATTRIBUTES_MAX];
    size_t n_attributes;
    const char *from, *to; /* of its own in the file */
    struct xml *child, *next;
};

static void fatal(const char *what, const char *at)
{
    fprintf(stderr, "%s: %.40s\n", what, at);
    exit(1);
}

static size_t entity(const char *p, char *out)
{
    static const char *const names[][2] = {{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}, {"&apos;", "'"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(p, names[i][0], strlen(names[i][0])) == 0) {
            *out = names[i][1][0];
            return strlen(names[i][0]);
        }
    if (p[1] != '#')
        fatal("an entity nobody knows", p);
    *out = (char)strtol(p[2] == 'x' ? p + 3 : p + 2, NULL, p[2] == 'x' ? 16 : 10); /* controls and blanks; nothing above ASCII stands so */
    return strcspn(p, ";") + 1;
}

static struct r4_str resolved(const char *p, const char *end)
{
    char *out = r4_doc_alloc(doc, (size_t)(end - p) + 1);
    size_t n = 0;
    while (p < end)
        if (*p == '&')
            p += entity(p, &out[n++]);
        else
            out[n++] = *p++;
    return (struct r4_str){out, n};
}

/* Comments, declarations and blanks. */
static const char *skip(const char *p)
{
    for (;;) {
        p += strspn(p, " \t\r\n\xEF\xBB\xBF");
        const char *ends = strncmp(p, "<!--", 4) == 0 ? "-->" : p[0] == '<' && (p[1] == '?' || p[1] == '!') ? ">" : NULL;
        if (!ends)
            return p;
        p = strstr(p, ends);
        if (!p)
            fatal("a comment without an end", "");
        p += strlen(ends);
    }
}

static const char *read_attributes(struct xml *x, const char *p)
{
    for (p += strspn(p, " \t\r\n"); *p != '>' && *p != '/'; p += strspn(p, " \t\r\n")) {
        size_t name = strcspn(p, "="), quote = name + 1;
        const char *end = strchr(p + quote + 1, p[quote]);
        if (!end || x->n_attributes == ATTRIBUTES_MAX)
            fatal("an attribute", p);
        x->attributes[x->n_attributes].name = (struct r4_str){p, name};
        x->attributes[x->n_attributes++].value = resolved(p + quote + 1, end);
        p = end + 1;
    }
    return p;
}

/* One element that begins at p; *out is it. Returns what follows it. */
static const char *read_element(const char *p, struct xml **out)
{
    struct xml *x = r4_doc_alloc(doc, sizeof *x), **last = &x->child;
    memset(x, 0, sizeof *x);
    *out = x;
    x->from = p;
    x->name = (struct r4_str){p + 1, strcspn(p + 1, " \t\r\n/>")};
    p = read_attributes(x, x->name.p + x->name.n);
    if (*p == '/')
        return x->to = p + 2;
    const char *text = ++p;
    x->text = resolved(text, text + strcspn(text, "<"));
    for (p = strncmp(p + strcspn(p, "<"), "<!--", 4) ? p + strcspn(p, "<") : skip(p + strcspn(p, "<")); strncmp(p, "</", 2); p = skip(p + strcspn(p, "<"))) {
        if (*p != '<')
            fatal("an element without an end", x->name.p);
        p = read_element(p, last);
        last = &(*last)->next;
    }
    return x->to = p + strcspn(p, ">") + 1;
}

static struct r4_str attribute(const struct xml *x, const char *name)
{
    for (size_t i = 0; x && i < x->n_attributes; i++)
        if (r4_str_is(x->attributes[i].name, name))
            return x->attributes[i].value;
    return (struct r4_str){NULL, 0};
}

/* ---- a resource in XML as JSON (http://hl7.org/fhir/R4/json.html) ---- */

static struct r4_node *object_of(const struct xml *x, const struct r4_type_def *type);

static struct r4_node *primitive_of(const struct xml *x, const struct r4_element *e)
{
    struct r4_str value = attribute(x, "value");
    if (e->primitive == R4_XHTML)
        return r4_new_string(doc, x->from, (size_t)(x->to - x->from));
    if (!value.p)
        return r4_new(doc, R4_NULL);
    if (e->primitive == R4_BOOLEAN)
        return r4_new(doc, r4_str_is(value, "true") ? R4_TRUE : R4_FALSE);
    struct r4_node *node = r4_new_string(doc, value.p, value.n);
    if (e->primitive == R4_INTEGER || e->primitive == R4_DECIMAL || e->primitive == R4_UNSIGNED || e->primitive == R4_POSITIVE)
        node->kind = R4_NUMBER;
    return node;
}

/* A repeated member is a list; the companions of a list's items stand at their places. */
static void put(struct r4_node *object, const struct r4_element *e, const char *key, struct r4_node *value, size_t place)
{
    if (e->max == 1) {
        if (value->kind != R4_NULL)
            r4_set(doc, object, key, value);
        return;
    }
    struct r4_node *list = r4_get(object, key);
    list = list ? list : r4_set(doc, object, key, r4_new(doc, R4_ARRAY));
    while (list->len < place)
        r4_append(list, r4_new(doc, R4_NULL));
    r4_append(list, value);
}

static void put_child(struct r4_node *object, const struct xml *c, const struct r4_type_def *type)
{
    char key[140];
    const struct r4_element *e = r4_element(type, r4_hash(c->name.p, c->name.n), c->name.p, c->name.n);
    if (!e)
        fatal("no such element", c->from);
    snprintf(key, sizeof key, "_%.*s", (int)c->name.n, c->name.p);
    struct r4_node *there = r4_get(object, key + 1);
    size_t place = there && there->kind == R4_ARRAY ? there->len : 0;
    if (e->type == r4->resource)
        put(object, e, key + 1, object_of(c->child, NULL), place);
    else if (!e->primitive)
        put(object, e, key + 1, object_of(c, e->type), place);
    else {
        put(object, e, key + 1, primitive_of(c, e), place);
        if (e->primitive != R4_XHTML && (c->child || attribute(c, "id").p))
            put(object, e, key, object_of(c, r4_def(r4->extension->pub.base)), place);
    }
}

/* type NULL: a resource, by the element's name. */
static struct r4_node *object_of(const struct xml *x, const struct r4_type_def *type)
{
    struct r4_node *object = r4_new(doc, R4_OBJECT);
    if (!type) {
        type = r4_def(r4_resource(r4, x->name.p, x->name.n));
        if (!type)
            fatal("no such resource", x->from);
        r4_set(doc, object, "resourceType", r4_new_string(doc, x->name.p, x->name.n));
    }
    static const char *const names[] = {"id", "url"}; /* members that XML writes as attributes */
    for (size_t i = 0; i < 2; i++) {
        struct r4_str value = attribute(x, names[i]);
        if (value.p)
            r4_set(doc, object, names[i], r4_new_string(doc, value.p, value.n));
    }
    for (const struct xml *c = x->child; c; c = c->next)
        put_child(object, c, type);
    return object;
}

/* ---- the resources ---- */

static const char *folder;
static struct input {
    char name[80];
    char *text;
    struct r4_node *node;
} inputs[32];
static size_t n_inputs;

/* NULL: it is not there. */
static const struct r4_node *input_named(struct r4_str name)
{
    for (size_t i = 0; i < n_inputs; i++)
        if (r4_str_is(name, inputs[i].name))
            return inputs[i].node;
    struct input *one = &inputs[n_inputs++];
    char path[1200];
    snprintf(one->name, sizeof one->name, "%.*s", (int)name.n, name.p);
    snprintf(path, sizeof path, "%s/%s", folder, one->name);
    one->text = load(path);
    if (!one->text)
        return NULL;
    struct xml *x;
    if (strstr(one->name, ".xml")) {
        read_element(skip(one->text), &x);
        one->node = object_of(x, NULL);
    } else if (r4_json_parse(doc, one->text, strlen(one->text), &one->node, NULL))
        fatal("that is no JSON", one->name);
    return one->node;
}

/* ---- a test ---- */

static bool same_number(struct r4_str a, double b)
{
    char text[80];
    snprintf(text, sizeof text, "%.*s", (int)a.n, a.p);
    return strtod(text, NULL) == b;
}

/* Of a value, or of the value of a node, in the language: "string", "date", ... */
static bool is_of(const struct r4_item *item, const struct r4_item *value, struct r4_str type)
{
    static const char *const names[] = {"", "", "boolean", "integer", "decimal", "string", "date", "dateTime", "time", "Quantity", ""};
    return !type.p || r4_str_is(type, names[value->kind]) || (item->kind == R4_I_NODE && item->type && r4_str_is(type, item->type->name));
}

static bool is_value(const struct r4_item *item, const struct xml *output)
{
    struct r4_item value = r4_system_value(item);
    struct r4_str want = output->text;
    if (!is_of(item, &value, attribute(output, "type")))
        return false;
    switch (value.kind) {
    case R4_I_BOOLEAN:
        return r4_str_is(want, value.boolean ? "true" : "false");
    case R4_I_INTEGER:
    case R4_I_DECIMAL:
        return same_number(want, value.number);
    case R4_I_QUANTITY: { /* 1.5 'cm' */
        const char *quote = memchr(want.p, '\'', want.n);
        struct r4_str unit = quote ? (struct r4_str){quote + 1, (size_t)(want.p + want.n - quote - 2)} : (struct r4_str){"", 0};
        return same_number(want, value.number) && unit.n == value.text.n && memcmp(unit.p, value.text.p, unit.n) == 0;
    }
    case R4_I_DATE:
    case R4_I_DATETIME:
    case R4_I_TIME: /* @2020-01-01, @T10:30 */
        while (want.n && (*want.p == '@' || *want.p == 'T'))
            want.p++, want.n--;
        break;
    default:
        break;
    }
    return value.text.p && value.text.n == want.n && memcmp(value.text.p, want.p, want.n) == 0;
}

static bool values_fit(const struct xml *test, const struct r4_items *out)
{
    bool used[64] = {false}, any_order = r4_str_is(attribute(test, "ordered"), "false");
    size_t n = 0;
    for (const struct xml *c = test->child; c; c = c->next) {
        if (!r4_str_is(c->name, "output"))
            continue;
        size_t k = any_order ? 0 : n;
        while (any_order && k < out->n && k < 64 && (used[k] || !is_value(&out->list[k], c)))
            k++;
        if (k >= out->n || k >= 64 || !is_value(&out->list[k], c))
            return false;
        used[k] = true;
        n++;
    }
    return n == out->n;
}

static void print_values(const struct r4_items *out)
{
    for (size_t i = 0; i < out->n; i++) {
        struct r4_item v = r4_system_value(&out->list[i]);
        printf("  gives %.*s%s%s%.10g (kind %d)\n", v.text.p ? (int)v.text.n : 0, v.text.p ? v.text.p : "", v.kind == R4_I_BOOLEAN ? v.boolean ? "true" : "false" : "",
               v.kind == R4_I_QUANTITY ? " " : "", v.number, v.kind);
    }
}

static int run(const char *expression, const struct r4_node *resource, struct r4_items *out)
{
    struct r4_path *path;
    struct r4_eval e = {.r4 = r4, .doc = doc, .root = resource, .now_ms = 1795826520000};
    fault_clear(&f);
    int rc = r4_path_compile(r4, expression, &path, &f);
    if (rc)
        return rc;
    rc = r4_path_run(path, &e, resource, NULL, out, &f);
    r4_path_free(path);
    return rc;
}

static const struct xml *child_named(const struct xml *x, const char *name)
{
    const struct xml *c = x->child;
    while (c && !r4_str_is(c->name, name))
        c = c->next;
    return c;
}

/* 1 as written, 0 not, -1 left out. */
static int run_test(const struct xml *test)
{
    const struct xml *expression = child_named(test, "expression");
    struct r4_str file = attribute(test, "inputfile"), invalid = attribute(expression, "invalid"), name = attribute(test, "name");
    const struct r4_node *resource = input_named(file.p ? file : R4_STR("patient-example.xml"));
    struct r4_items out = {0};
    if (!resource)
        return -1;
    int rc = run(r4_doc_copy(doc, expression->text.p, expression->text.n), resource, &out), ok;
    if (invalid.p)
        ok = rc != 0;
    else if (!rc && r4_str_is(attribute(test, "predicate"), "true"))
        ok = r4_str_is(child_named(test, "output")->text, out.n ? "true" : "false");
    else
        ok = !rc && values_fit(test, &out);
    if (!ok) {
        printf("NOT %.*s: %.*s %s\n", (int)name.n, name.p, (int)expression->text.n, expression->text.p, rc ? f.text : "");
        print_values(&out);
    }
    return ok;
}

static void run_group(const struct xml *group, size_t *passed, size_t *all)
{
    size_t ok = 0, n = 0;
    for (const struct xml *t = group->child; t; t = t->next) {
        int result = r4_str_is(t->name, "test") ? run_test(t) : -1;
        n += result >= 0;
        ok += result > 0;
    }
    struct r4_str name = attribute(group, "name");
    if (n)
        printf("{\"group\":\"%.*s\",\"passed\":%zu,\"of\":%zu}\n", (int)name.n, name.p, ok, n);
    *passed += ok;
    *all += n;
}

static void speed(void)
{
    struct r4_path *path;
    const struct r4_node *resource = input_named(R4_STR("patient-example.xml"));
    if (!resource || r4_path_compile(r4, "name.where(use = 'official').given.first()", &path, &f))
        exit(1);
    struct r4_mark mark = r4_doc_mark(doc);
    size_t n = 0;
    clock_t from = clock();
    for (; clock() - from < CLOCKS_PER_SEC; n++) {
        struct r4_items out = {0};
        struct r4_eval e = {.r4 = r4, .doc = doc, .root = resource};
        if (r4_path_run(path, &e, resource, NULL, &out, &f) || out.n != 1)
            exit(1);
        r4_doc_rewind(doc, mark);
    }
    printf("{\"part\":\"speed\",\"expressions_per_cpu_s\":%.0f}\n", (double)n / ((double)(clock() - from) / CLOCKS_PER_SEC));
    r4_path_free(path);
}

int main(int argc, char **argv)
{
    size_t passed = 0, all = 0;
    struct xml *tests;
    char *text = argc > 2 ? load(argv[1]) : NULL;
    fault_clear(&f);
    if (!text || r4_open(&r4, YL_SOURCE_DIR "/config/data", &f) || !(doc = r4_doc_new()))
        return 1;
    folder = argv[2];
    read_element(skip(text), &tests);
    for (const struct xml *g = tests->child; g; g = g->next)
        run_group(g, &passed, &all);
    printf("{\"part\":\"fhirpath\",\"passed\":%zu,\"of\":%zu}\n", passed, all);
    speed();
    r4_doc_free(doc);
    r4_close(r4);
    for (size_t i = 0; i < n_inputs; i++)
        free(inputs[i].text);
    free(text);
    return 0;
}
