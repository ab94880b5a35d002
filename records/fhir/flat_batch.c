/* FHIR's languages over files, without a site: a ViewDefinition's rows, a FHIRPath expression's values. */
#include "records/r4/flat.h"
#include "records/records.h"
#include "server/base/clock.h"
#include <stdio.h>
#include <stdlib.h>

struct records_flat {
    struct r4 *r4;
    struct r4_doc *doc;
    struct r4_flat *view; /* or */
    struct r4_path *path;
    struct r4_buf out;
};

static int read_json(struct r4_doc *d, const char *text, size_t len, struct r4_node **root, struct fault *f)
{
    struct r4_json_error e;
    int rc = r4_json_parse(d, text, len, root, &e);
    return rc ? fault_set(f, rc, "bad_json", "Not JSON at line %u, column %u: %s.", e.line, e.column, e.reason ? e.reason : "no memory") : 0;
}

int records_flat_open(struct records_flat **out, const char *data_dir, const struct records_flat_of *of, struct fault *f)
{
    struct records_flat *v = calloc(1, sizeof *v);
    struct r4_node *definition;
    *out = NULL;
    if (!v || !(v->doc = r4_doc_new())) {
        free(v);
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    }
    int rc = r4_open(&v->r4, data_dir, f);
    if (!rc && of->expression)
        rc = r4_path_compile(v->r4, of->expression, &v->path, f);
    else if (!rc && !(rc = read_json(v->doc, of->view, of->view_len, &definition, f)))
        rc = r4_flat_compile(v->r4, definition, &v->view, f);
    if (rc) {
        records_flat_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

void records_flat_close(struct records_flat *v)
{
    if (!v)
        return;
    r4_flat_free(v->view);
    r4_path_free(v->path);
    r4_doc_free(v->doc);
    r4_close(v->r4);
    r4_buf_clear(&v->out);
    free(v);
}

static void put_csv(struct r4_buf *b, const struct r4_node *value)
{
    struct r4_buf text = {0};
    if (value->kind == R4_STRING)
        r4_buf_put(&text, value->text, value->len);
    else if (value->kind != R4_NULL)
        r4_json_write(&text, value);
    bool quote = text.n && (memchr(text.p, ',', text.n) || memchr(text.p, '"', text.n) || memchr(text.p, '\n', text.n) || memchr(text.p, '\r', text.n));
    r4_buf_puts(b, quote ? "\"" : "");
    for (size_t i = 0; i < text.n; i++)
        r4_buf_put(b, quote && text.p[i] == '"' ? "\"\"" : text.p + i, quote && text.p[i] == '"' ? 2 : 1);
    r4_buf_puts(b, quote ? "\"" : "");
    r4_buf_clear(&text);
}

const char *records_flat_header(struct records_flat *v, size_t *len)
{
    const struct r4_flat_column *list;
    size_t n = v->view ? r4_flat_columns(v->view, &list) : 0;
    v->out.n = 0;
    for (size_t i = 0; i < n; i++)
        r4_buf_printf(&v->out, "%s%s", i ? "," : "", list[i].name);
    r4_buf_puts(&v->out, "\n");
    *len = v->out.n;
    return v->out.p;
}

static int rows(struct records_flat *v, const struct r4_node *resource, bool csv, struct fault *f)
{
    struct r4_node *list = r4_new(v->doc, R4_ARRAY);
    int rc = list ? r4_flat_run(v->view, v->doc, resource, clock_now_ms(&clock_system), list, f) : ERR_STORAGE;
    for (const struct r4_node *row = rc ? NULL : list->child; row; row = row->next) {
        if (csv)
            for (const struct r4_node *m = row->child; m; m = m->next) {
                put_csv(&v->out, m);
                r4_buf_puts(&v->out, m->next ? "," : "");
            }
        else
            r4_json_write(&v->out, row);
        r4_buf_puts(&v->out, "\n");
    }
    return rc;
}

/* A value a line: its type, a tab, the value. */
static int values(struct records_flat *v, const struct r4_node *resource, struct fault *f)
{
    static const char *const kinds[] = {"", "", "Boolean", "Integer", "Decimal", "String", "Date", "DateTime", "Time", "Quantity", "Type"};
    struct r4_items found = {0};
    struct r4_eval e = {.r4 = v->r4, .doc = v->doc, .now_ms = clock_now_ms(&clock_system)};
    int rc = r4_path_run(v->path, &e, resource, NULL, &found, f);
    for (size_t i = 0; !rc && i < found.n; i++) {
        const struct r4_item *one = &found.list[i];
        r4_buf_printf(&v->out, "%s\t", one->kind != R4_I_NODE ? kinds[one->kind] : one->type ? one->type->name : "Element");
        if (one->kind == R4_I_NODE && one->node)
            r4_json_write(&v->out, one->node);
        else if (one->kind == R4_I_BOOLEAN)
            r4_buf_puts(&v->out, one->boolean ? "true" : "false");
        else if (one->kind == R4_I_QUANTITY)
            r4_buf_printf(&v->out, "%.15g %.*s", one->number, (int)one->text.n, one->text.p);
        else if (one->text.p)
            r4_buf_put(&v->out, one->text.p, one->text.n);
        r4_buf_puts(&v->out, "\n");
    }
    return rc;
}

static int each(struct records_flat *v, const struct r4_node *resource, bool csv, struct fault *f)
{
    return v->view ? rows(v, resource, csv, f) : values(v, resource, f);
}

int records_flat_take(struct records_flat *v, const char *resource, size_t len, bool csv, struct records_text *out, struct fault *f)
{
    struct r4_node *root;
    r4_doc_reset(v->doc);
    v->out.n = 0;
    r4_buf_puts(&v->out, "");
    int rc = read_json(v->doc, resource, len, &root, f);
    bool bundle = !rc && v->view && r4_is(r4_get(root, "resourceType"), "Bundle");
    for (const struct r4_node *e = bundle && r4_get(root, "entry") ? r4_get(root, "entry")->child : NULL; !rc && e; e = e->next)
        if (r4_get(e, "resource"))
            rc = each(v, r4_get(e, "resource"), csv, f);
    rc = rc ? rc : each(v, root, csv, f); /* a Bundle itself, too: a view may be one of Bundles */
    if (v->out.failed)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    *out = (struct records_text){v->out.p, v->out.n};
    return rc;
}
