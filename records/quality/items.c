#include "records/quality/items.h"
#include "records/config_table.h"
#include "records/term/fold.h"
#include "records/term/likeness.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 5000

struct items {
    char *text; /* the file, cut into strings */
    const char *version;
    struct item *items; /* by code */
    size_t n;
};

static int by_code(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->code, ((const struct item *)b)->code);
}

/* One line; false when it is wrong. */
static bool read_line(struct items *t, char *line)
{
    char *f[8];
    if (strncmp(line, "# version\t", 10) == 0)
        t->version = line + 10;
    if (!*line || *line == '#')
        return true;
    for (size_t i = 0; i < 8; i++)
        f[i] = line ? strsep(&line, "\t") : (char *)"";
    if (t->n == ITEMS_MAX || !items_code_valid(f[0]) || !*f[1])
        return false;
    t->items[t->n++] = (struct item){f[0], f[1], f[2], f[3], strtod(f[4], NULL), strtod(f[5], NULL), strtod(f[6], NULL), strtod(f[7], NULL)};
    return true;
}

int items_open(struct items **out, const char *config_dir, struct fault *f)
{
    char path[600];
    struct items *t = calloc(1, sizeof *t);
    int number = 0;
    *out = NULL;
    if (!t)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    snprintf(path, sizeof path, "%s/quality/items.tsv", config_dir);
    t->text = config_text(path);
    t->items = calloc(ITEMS_MAX, sizeof *t->items);
    t->version = "";
    bool good = t->text && t->items;
    for (char *at = t->text, *line; good && (line = strsep(&at, "\n")); number++)
        good = read_line(t, line);
    if (!good) {
        items_close(t);
        return fault_set(f, ERR_INVALID, "items", "The table of items %.300s cannot be used, line %d.", path, number);
    }
    qsort(t->items, t->n, sizeof *t->items, by_code);
    *out = t;
    return 0;
}

void items_close(struct items *t)
{
    if (!t)
        return;
    free(t->items);
    free(t->text);
    free(t);
}

const char *items_version(const struct items *t)
{
    return t->version;
}

size_t items_count(const struct items *t)
{
    return t->n;
}

const struct item *items_at(const struct items *t, size_t i)
{
    return &t->items[i];
}

const struct item *items_find(const struct items *t, const char *code)
{
    struct item key = {.code = code};
    return bsearch(&key, t->items, t->n, sizeof key, by_code);
}

/* Digits from the right: the 1st, 3rd, .. doubled as one number's digits. */
bool items_code_valid(const char *code)
{
    size_t n = strspn(code, "0123456789");
    int sum = 0;
    if (n == 0 || n > 7 || code[n] != '-' || !isdigit((unsigned char)code[n + 1]) || code[n + 2])
        return false;
    for (size_t i = 0; i < n; i++) {
        int d = code[n - 1 - i] - '0';
        sum += i % 2 ? d : d * 2 / 10 + d * 2 % 10;
    }
    return (10 - sum % 10) % 10 == code[n + 1] - '0';
}

static int alike_one(const struct likeness *l, const char *name, size_t len)
{
    char folded[200];
    text_fold(name, len, folded, sizeof folded);
    return likeness_with(l, folded);
}

int items_alike(const struct item *item, const char *folded)
{
    struct likeness l;
    likeness_of(folded, &l);
    int best = alike_one(&l, item->name, strlen(item->name));
    for (const char *p = item->aliases; *p;) {
        size_t n = strcspn(p, "|");
        int one = alike_one(&l, p, n);
        best = one > best ? one : best;
        p += n + (p[n] == '|');
    }
    return best;
}
