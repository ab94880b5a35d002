#include "records/config_table.h"
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX (4 << 20)

int config_table(json_t **out, const char *dir, const char *name, struct fault *f)
{
    char path[1024];
    json_error_t e;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    *out = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    return *out ? 0 : fault_set(f, ERR_INVALID, "config_invalid", "%.150s, line %d: %.80s", path, e.line, e.text);
}

char *config_text(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = in ? calloc(1, TEXT_MAX) : NULL;
    size_t n = text ? fread(text, 1, TEXT_MAX - 1, in) : 0;
    if (in)
        fclose(in);
    if (n == 0 || n == TEXT_MAX - 1) {
        free(text);
        return NULL;
    }
    return text;
}
