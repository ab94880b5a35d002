#include "records/standard/elements.h"
#include "records/config_table.h"
#include "records/patient/identity.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX 5000
#define COLUMNS 12

struct elements {
    char *text; /* the file, cut into strings */
    struct element *list;
    size_t n;
};

static const char *const columns[COLUMNS] = {"id", "version", "from", "until", "zh", "en", "definition zh", "definition en", "format", "domain", "hl7", "fhir"};

/* ---- one row ---- */

static bool shaped(const char *text, const char *shape) /* 9 = a digit, A = a capital letter */
{
    for (; *shape; shape++, text++)
        if (*shape == '9' ? !isdigit((unsigned char)*text) : *shape == 'A' ? !isupper((unsigned char)*text) : *text != *shape)
            return false;
    return *text == 0;
}

static bool id_valid(const char *id)
{
    return shaped(id, "DE99.99.999.99") || shaped(id, "YL.A99.999");
}

static bool day_valid(const char *day)
{
    int y, m, d;
    return strlen(day) == 10 && date_parse(day, &y, &m, &d) == 0;
}

static const char *digits(const char *at)
{
    const char *end = at + strspn(at, "0123456789");
    return end == at ? NULL : end;
}

/* A, AN or N, as many places or up to so many, N with decimals too. */
static bool written(const char *at, const char *letters, bool decimals)
{
    if (strncmp(at, letters, strlen(letters)) != 0)
        return false;
    at += strlen(letters);
    at += strncmp(at, "..", 2) == 0 ? 2 : 0;
    at = digits(at);
    if (at && *at == ',' && decimals)
        at = digits(at + 1);
    return at && !*at;
}

bool elements_format_valid(const char *format)
{
    static const struct { const char *kind, *letters; bool decimals; } kinds[] = {{"S1 ", "AN", false}, {"S1 ", "A", false}, {"S2 ", "A", false}, {"S2 ", "AN", false}, {"S2 ", "N", false},
        {"S3 ", "AN", false}, {"S3 ", "A", false}, {"S3 ", "N", false}, {"N ", "N", true}};
    static const char *const whole[] = {"G", "L T/F", "D D8", "T T6", "DT DT15"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(format, whole[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(format, kinds[i].kind, strlen(kinds[i].kind)) == 0 && written(format + strlen(kinds[i].kind), kinds[i].letters, kinds[i].decimals))
            return true;
    return false;
}

/* The column that is wrong, or -1. */
static int wrong_column(char *const f[COLUMNS], int version)
{
    if (!id_valid(f[0]))
        return 0;
    if (version < 1 || version > 9999 || !digits(f[1]) || *digits(f[1]))
        return 1;
    if (!day_valid(f[2]))
        return 2;
    if (*f[3] && (!day_valid(f[3]) || strcmp(f[3], f[2]) < 0))
        return 3;
    for (int i = 4; i < 8; i++)
        if (!*f[i])
            return i;
    return elements_format_valid(f[8]) ? -1 : 8;
}

static int read_line(struct elements *t, char *line, int number, struct fault *fault)
{
    char *f[COLUMNS];
    if (!*line || *line == '#')
        return 0;
    for (size_t i = 0; i < COLUMNS; i++)
        f[i] = line ? strsep(&line, "\t") : (char *)"";
    if (line || t->n == ELEMENTS_MAX)
        return fault_set(fault, ERR_INVALID, "elements", "elements.tsv, line %d: %s.", number, line ? "more than 12 columns" : "more than 5000 rows");
    int version = atoi(f[1]), wrong = wrong_column(f, version);
    if (wrong >= 0)
        return fault_set(fault, ERR_INVALID, "elements", "elements.tsv, line %d: \"%s\" cannot be used.", number, columns[wrong]);
    t->list[t->n++] = (struct element){f[0], version, f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11]};
    return 0;
}

/* ---- the table ---- */

static int by_id(const void *a, const void *b)
{
    const struct element *x = a, *y = b;
    int d = strcmp(x->id, y->id);
    return d ? d : x->version - y->version;
}

/* The next version is of a later day. */
static int check_versions(const struct elements *t, struct fault *f)
{
    for (size_t i = 1; i < t->n; i++) {
        const struct element *a = &t->list[i - 1], *b = &t->list[i];
        if (strcmp(a->id, b->id) == 0 && (a->version == b->version || strcmp(a->from, b->from) >= 0))
            return fault_set(f, ERR_INVALID, "elements", "elements.tsv: %s has version %d twice, or the later one begins no later.", b->id, b->version);
    }
    return 0;
}

int elements_open(struct elements **out, const char *config_dir, struct fault *f)
{
    char path[600];
    struct elements *t = calloc(1, sizeof *t);
    int number = 0, rc = 0;
    *out = NULL;
    if (!t || !(t->list = calloc(ELEMENTS_MAX, sizeof *t->list))) {
        free(t);
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    }
    snprintf(path, sizeof path, "%s/quality/elements.tsv", config_dir);
    if (!(t->text = config_text(path)))
        rc = fault_set(f, ERR_INVALID, "elements", "The catalogue of data elements %.300s cannot be read.", path);
    for (char *at = t->text, *line; !rc && (line = strsep(&at, "\n"));)
        rc = read_line(t, line, ++number, f);
    qsort(t->list, t->n, sizeof *t->list, by_id);
    rc = rc ? rc : check_versions(t, f);
    if (rc)
        elements_close(t);
    else
        *out = t;
    return rc;
}

void elements_close(struct elements *t)
{
    if (!t)
        return;
    free(t->list);
    free(t->text);
    free(t);
}

size_t elements_count(const struct elements *t)
{
    return t->n;
}

const struct element *elements_at(const struct elements *t, size_t i)
{
    return &t->list[i];
}

const struct element *elements_find(const struct elements *t, const char *id, const char *day)
{
    const struct element *found = NULL;
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->list[i].id, id) == 0 && strcmp(t->list[i].from, day) <= 0)
            found = &t->list[i];
    return found && (!*found->until || strcmp(day, found->until) <= 0) ? found : NULL;
}

bool elements_in_effect(const struct elements *t, const struct element *e, const char *day)
{
    return elements_find(t, e->id, day) == e;
}
