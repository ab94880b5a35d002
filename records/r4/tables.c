#include "records/r4/defs.h"
#include <stdio.h>
#include <stdlib.h>

static char *slurp(struct r4_doc *arena, const char *path)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return NULL;
    char *text = NULL;
    if (fseek(in, 0, SEEK_END) == 0) {
        long size = ftell(in);
        rewind(in);
        if (size >= 0 && (text = r4_doc_alloc(arena, (size_t)size + 1))) {
            size_t n = fread(text, 1, (size_t)size, in);
            text[n] = 0;
            if (n != (size_t)size)
                text = NULL;
        }
    }
    fclose(in);
    return text;
}

size_t r4_cut(char *text, char separator, char **out, size_t cap)
{
    size_t n = 0;
    if (!*text)
        return 0;
    for (;;) {
        char *end = strchr(text, separator);
        if (n < cap)
            out[n++] = text;
        if (!end)
            return n;
        *end = 0;
        text = end + 1;
    }
}

int r4_table_read(struct r4_doc *arena, const char *dir, const char *name, int (*take)(void *ctx, struct r4_line *line), void *ctx,
                  struct fault *f)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    char *text = slurp(arena, path);
    if (!text)
        return fault_set(f, ERR_STORAGE, "unreadable", "cannot read %s", path);
    struct r4_line *line = malloc(sizeof *line);
    int rc = line ? 0 : ERR_INTERNAL;
    for (unsigned number = 1; !rc && *text; number++) {
        char *end = text + strcspn(text, "\n");
        char *next = *end ? end + 1 : end;
        *end = 0;
        line->number = number;
        line->n = r4_cut(text, '\t', line->column, R4_COLUMNS_MAX);
        static char nothing[1];
        for (size_t i = line->n; i < 10; i++)
            line->column[i] = nothing;
        rc = line->n ? take(ctx, line) : 0;
        if (rc)
            fault_set(f, rc, "wrong_table", "%s line %u is wrong", path, number);
        text = next;
    }
    free(line);
    return rc;
}
