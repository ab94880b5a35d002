/* dx_gold - compares the normal form of lines with what they should be: a JSON line each, {"text", "gold": [...]}. */
#ifndef YL_TESTS_SUPPORT_DX_GOLD_H
#define YL_TESTS_SUPPORT_DX_GOLD_H

#include "records/term/dx.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct dx_score {
    size_t lines, exact, right, wanted, given; /* right, wanted, given: values of slots, for micro-F1 */
};

static const char *const dx_gold_lists[] = {"metastasis", "modifiers"};
static const char *const dx_gold_texts[] = {"location_type", "pathology", "lesion", "stage", "icd10"};

static inline void dx_gold_item(json_t *counts, const char *name, const char *slot, const char *value)
{
    char key[512];
    if (!*value)
        return;
    snprintf(key, sizeof key, "%s|%s|%s", name, slot, value);
    json_object_set_new(counts, key, json_integer(json_integer_value(json_object_get(counts, key)) + 1));
}

/* The values of a list of diagnoses, each with its diagnosis: {"肺癌|stage|Ⅳ期": 1, ...} */
static inline json_t *dx_gold_items(json_t *diagnoses)
{
    json_t *counts = json_object(), *d, *v;
    size_t i, k;
    json_array_foreach(diagnoses, i, d) {
        const char *name = json_string_value(json_object_get(d, "diagnosis"));
        dx_gold_item(counts, name, "diagnosis", name);
        for (size_t t = 0; t < sizeof dx_gold_texts / sizeof *dx_gold_texts; t++)
            dx_gold_item(counts, name, dx_gold_texts[t], json_string_value(json_object_get(d, dx_gold_texts[t])));
        for (size_t t = 0; t < sizeof dx_gold_lists / sizeof *dx_gold_lists; t++)
            json_array_foreach(json_object_get(d, dx_gold_lists[t]), k, v)
                dx_gold_item(counts, name, dx_gold_lists[t], json_string_value(v));
    }
    return counts;
}

/* Adds one line to the score; 1 when every value is as wanted and none is left over. */
static inline int dx_gold_line(const struct dx *dx, json_t *line, struct dx_score *s)
{
    static struct dx_result r;
    static char json[65536];
    const char *text = json_string_value(json_object_get(line, "text")), *key;
    dx_normalise(dx, text, strlen(text), &r);
    size_t n = dx_json(&r, false, json, sizeof json), right = 0, wanted = 0, given = 0;
    json_t *mine = json_loadb(json, n, 0, NULL), *a = dx_gold_items(json_object_get(line, "gold")), *b = dx_gold_items(mine), *v;
    json_object_foreach(a, key, v) {
        json_int_t x = json_integer_value(v), y = json_integer_value(json_object_get(b, key));
        wanted += (size_t)x;
        right += (size_t)(x < y ? x : y);
    }
    json_object_foreach(b, key, v)
        given += (size_t)json_integer_value(v);
    int exact = right == wanted && right == given && json_array_size(mine) == json_array_size(json_object_get(line, "gold"));
    s->lines++;
    s->exact += (size_t)exact;
    s->right += right;
    s->wanted += wanted;
    s->given += given;
    json_decref(mine);
    json_decref(a);
    json_decref(b);
    return exact;
}
struct dx_names {
    size_t names, own;
};

/* Reads every name of a list (code, tab, name) as a line: how many give, first, a disease of their own three-character category. */
static inline struct dx_names dx_own_names(const struct dx *dx, const char *path)
{
    static struct dx_result r;
    struct dx_names n = {0};
    char *line = NULL;
    size_t cap = 0;
    FILE *in = fopen(path, "r");
    while (in && getline(&line, &cap, in) > 0) {
        line[strcspn(line, "\r\n")] = 0;
        const char *name = strchr(line, '\t');
        if (!name)
            continue;
        dx_normalise(dx, name + 1, strlen(name + 1), &r);
        n.names++;
        n.own += r.n > 0 && strncmp(r.diagnoses[0].icd10, line, 3) == 0;
    }
    free(line);
    if (in)
        fclose(in);
    return n;
}
#endif
