/* yilianctl fhir: ViewDefinitions and FHIRPath over whole files, without a site. */
#include "server/ctl/ctl.h"
#include <stdlib.h>
#include <string.h>

#define VIEW_BYTES (4 << 20)

struct words {
    const char *view, *expression;
    bool csv;
};

static bool read_words(struct ctl *c, struct words *w)
{
    bool rows = c->argc > 0 && strcmp(c->argv[0], "rows") == 0, path = c->argc > 0 && strcmp(c->argv[0], "path") == 0;
    for (int i = 1; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (strcmp(c->argv[i], "--csv") == 0 && rows)
            w->csv = true;
        else if (strcmp(c->argv[i], "--view") == 0 && rows && more)
            w->view = c->argv[++i];
        else if ((strcmp(c->argv[i], "--data") == 0 || strcmp(c->argv[i], "--config") == 0) && more)
            i++;
        else if (path && !w->expression)
            w->expression = c->argv[i];
        else
            return fprintf(stderr, "yilianctl: %s is not understood here\n", c->argv[i]), false;
    }
    return (rows && w->view) || (path && w->expression);
}

static char *read_file(const char *path, size_t *len, struct fault *f)
{
    FILE *in = fopen(path, "r");
    char *text = in ? malloc(VIEW_BYTES) : NULL;
    *len = text ? fread(text, 1, VIEW_BYTES, in) : 0;
    if (in)
        fclose(in);
    if (text && *len < VIEW_BYTES)
        return text;
    free(text);
    fault_set(f, ERR_INVALID, "view", "%s cannot be read.", path);
    return NULL;
}

/* What is wrong with one line is told with its number, and ends the run. */
static int each_line(struct records_flat *v, bool csv, struct fault *f)
{
    char *line = NULL;
    size_t cap = 0, number = 0;
    int rc = 0;
    for (ssize_t n; !rc && (n = getline(&line, &cap, stdin)) >= 0;) {
        struct records_text out;
        number++;
        if (strspn(line, " \t\r\n") == (size_t)n)
            continue;
        rc = records_flat_take(v, line, (size_t)n, csv, &out, f);
        if (!rc)
            fwrite(out.p, 1, out.len, stdout);
    }
    if (rc)
        fprintf(stderr, "yilianctl: line %zu\n", number);
    free(line);
    return rc ? ctl_complain(f) : 0;
}

int ctl_fhir(struct ctl *c)
{
    char data[PATH_MAX];
    struct words w = {0};
    struct fault f = {0};
    struct records_flat *v = NULL;
    if (!read_words(c, &w))
        return fprintf(stderr, "usage: yilianctl fhir rows --view VIEW.json [--csv] | path EXPRESSION  [--data DIR] <RESOURCES\n"), 2;
    struct records_flat_of of = {.expression = w.expression};
    char *view = w.view ? read_file(w.view, &of.view_len, &f) : NULL;
    of.view = view;
    int code = 1;
    if ((w.view && !view) || ctl_find_data(c, data, &f) || records_flat_open(&v, data, &of, &f))
        code = ctl_complain(&f);
    else {
        size_t len = 0;
        const char *header = w.csv ? records_flat_header(v, &len) : "";
        fwrite(header, 1, len, stdout);
        code = each_line(v, w.csv, &f);
    }
    records_flat_close(v);
    free(view);
    return code;
}
