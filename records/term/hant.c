#include "records/term/hant.h"
#include "records/term/fold.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 0x4E00
#define LAST 0x9FFF

struct hant {
    uint16_t to[LAST - FIRST + 1]; /* 0 = itself */
};

static int read_line(struct hant *h, const char *line)
{
    const char *p = line, *end = line + strlen(line);
    uint32_t from = utf8_next(&p, end);
    if (from < FIRST || from > LAST || *p++ != '\t')
        return ERR_STORAGE;
    uint32_t to = utf8_next(&p, end);
    if (to < FIRST || to > LAST)
        return ERR_STORAGE;
    h->to[from - FIRST] = (uint16_t)to;
    return 0;
}

int hant_open(struct hant **out, const char *data_dir)
{
    char path[600], line[64];
    int rc = 0;
    *out = NULL;
    snprintf(path, sizeof path, "%s/hant.tsv", data_dir);
    FILE *in = fopen(path, "r");
    struct hant *h = in ? calloc(1, sizeof *h) : NULL;
    if (!h)
        rc = in ? ERR_INTERNAL : ERR_STORAGE;
    while (!rc && fgets(line, sizeof line, in))
        rc = line[0] == '#' ? 0 : read_line(h, line);
    if (in)
        fclose(in);
    if (rc) {
        log_error("term", "cannot read %s", path);
        free(h);
        return rc;
    }
    *out = h;
    return 0;
}

void hant_close(struct hant *h)
{
    free(h);
}

uint32_t hant_simple(const struct hant *h, uint32_t c)
{
    return h && c >= FIRST && c <= LAST && h->to[c - FIRST] ? h->to[c - FIRST] : c;
}

size_t hant_text(const struct hant *h, const char *text, char *out, size_t cap)
{
    const char *p = text, *end = text + strlen(text);
    size_t n = 0;
    while (p < end && n + 5 < cap)
        n += utf8_put(hant_simple(h, utf8_next(&p, end)), out + n);
    if (cap)
        out[n] = 0;
    return n;
}
