/* Bench: ViewDefinitions. How many of the tests of SQL on FHIR v2 (its files tests/FILE.json, given as words) are answered as written, by file; and
 * how many rows a CPU second one thread makes.
 *
 *   bench_records_flat FILE.json...
 *
 * A test has its resources, a view, and the rows expected (in any order), the columns in their order, or that it must be refused.
 */
#include "records/r4/flat.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct r4 *r4;
static struct r4_doc *doc;
static struct fault f;

static char *load(const char *path, size_t *n)
{
    FILE *in = fopen(path, "r");
    char *text = malloc(16 << 20);
    *n = in && text ? fread(text, 1, 16 << 20, in) : 0;
    if (in)
        fclose(in);
    return text;
}

static bool same(const struct r4_node *a, const struct r4_node *b)
{
    if (!a || !b || a->kind != b->kind)
        return false;
    if (a->kind == R4_NUMBER)
        return strtod(a->text, NULL) == strtod(b->text, NULL);
    if (a->kind == R4_STRING)
        return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
    if (a->kind != R4_OBJECT && a->kind != R4_ARRAY)
        return true;
    if (a->len != b->len)
        return false;
    const struct r4_node *y = b->child;
    for (const struct r4_node *x = a->child; x; x = x->next, y = y->next)
        if (!same(x, a->kind == R4_OBJECT ? r4_get_n(b, x->key, x->key_len) : y))
            return false;
    return true;
}

static bool same_rows(const struct r4_node *want, struct r4_node *have)
{
    if (want->len != have->len)
        return false;
    for (const struct r4_node *w = want->child; w; w = w->next) {
        size_t k = 0;
        const struct r4_node *h = have->child;
        for (; h && !same(w, h); h = h->next)
            k++;
        if (!h || !r4_remove(have, k))
            return false;
    }
    return true;
}

static bool same_columns(const struct r4_node *want, const struct r4_flat *v)
{
    const struct r4_flat_column *list;
    size_t n = r4_flat_columns(v, &list), i = 0;
    for (const struct r4_node *w = want ? want->child : NULL; w; w = w->next, i++)
        if (i >= n || !r4_is(w, list[i].name))
            return false;
    return !want || i == n;
}

static bool passes(const struct r4_node *resources, const struct r4_node *test)
{
    struct r4_flat *v;
    struct r4_node *rows = r4_new(doc, R4_ARRAY);
    const struct r4_node *error = r4_get(test, "expectError"), *want = r4_get(test, "expect");
    fault_clear(&f);
    int rc = r4_flat_compile(r4, r4_get(test, "view"), &v, &f);
    for (const struct r4_node *one = resources->child; !rc && one; one = one->next)
        rc = r4_flat_run(v, doc, one, 1795826520000, rows, &f);
    bool ok = error && error->kind == R4_TRUE ? rc != 0 : rc == 0 && same_columns(r4_get(test, "expectColumns"), v);
    if (ok && !rc && want) {
        struct r4_buf b = {0};
        r4_json_write(&b, rows);
        ok = same_rows(want, rows);
        if (!ok)
            printf("  %s\n", b.p);
        r4_buf_clear(&b);
    }
    r4_flat_free(v);
    return ok;
}

static void file(const char *path, size_t *passed, size_t *all)
{
    size_t n, ok = 0, count = 0;
    char *text = load(path, &n);
    struct r4_node *root;
    r4_doc_reset(doc);
    if (r4_json_parse(doc, text, n, &root, NULL))
        exit(1);
    for (const struct r4_node *t = r4_get(root, "tests")->child; t; t = t->next, count++) {
        bool one = passes(r4_get(root, "resources"), t);
        struct r4_str title = r4_text(r4_get(t, "title"));
        if (!one)
            printf("NOT %s: %.*s: %s\n", path, (int)title.n, title.p, f.text);
        ok += one;
    }
    printf("{\"file\":\"%s\",\"passed\":%zu,\"of\":%zu}\n", strrchr(path, '/') ? strrchr(path, '/') + 1 : path, ok, count);
    *passed += ok;
    *all += count;
    free(text);
}

static void speed(void)
{
    static const char view[] = "{\"resource\":\"Patient\",\"select\":[{\"column\":[{\"name\":\"id\",\"path\":\"getResourceKey()\"},{\"name\":\"born\",\"path\":\"birthDate\"}]},"
                               "{\"forEach\":\"name\",\"column\":[{\"name\":\"family\",\"path\":\"family\"},{\"name\":\"given\",\"path\":\"given.join(' ')\"}]}]}";
    static const char patient[] = "{\"resourceType\":\"Patient\",\"id\":\"p\",\"birthDate\":\"1970-01-01\",\"name\":[{\"family\":\"A\",\"given\":[\"B\",\"C\"]},{\"family\":\"D\"}]}";
    struct r4_node *definition, *resource;
    struct r4_flat *v;
    r4_doc_reset(doc);
    if (r4_json_parse(doc, view, sizeof view - 1, &definition, NULL) || r4_flat_compile(r4, definition, &v, &f))
        exit(1);
    clock_t from = clock();
    size_t rows = 0;
    for (; clock() - from < CLOCKS_PER_SEC; rows += 2) {
        r4_doc_reset(doc);
        struct r4_node *out = r4_new(doc, R4_ARRAY);
        if (r4_json_parse(doc, patient, sizeof patient - 1, &resource, NULL) || r4_flat_run(v, doc, resource, 0, out, &f) || out->len != 2)
            exit(1);
    }
    printf("{\"part\":\"speed\",\"rows_per_cpu_s\":%.0f}\n", (double)rows / ((double)(clock() - from) / CLOCKS_PER_SEC));
    r4_flat_free(v);
}

int main(int argc, char **argv)
{
    size_t passed = 0, all = 0;
    fault_clear(&f);
    if (r4_open(&r4, YL_SOURCE_DIR "/config/data", &f) || !(doc = r4_doc_new()))
        return 1;
    for (int i = 1; i < argc; i++)
        file(argv[i], &passed, &all);
    printf("{\"part\":\"views\",\"passed\":%zu,\"of\":%zu}\n", passed, all);
    speed();
    r4_doc_free(doc);
    r4_close(r4);
    return 0;
}
