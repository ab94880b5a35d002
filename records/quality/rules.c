#include "records/quality/rules.h"
#include "records/config_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 32

const char *const rule_dimensions[DIMENSIONS] = {"completeness", "validity", "consistency", "timeliness"};
static const char *const checks[CHECKS] = {"required", "identity", "identity_birth", "identity_sex", "born", "coded", "valued", "code_set", "unit",
                                           "range", "future", "birth", "visit", "leave", "order", "sex", "duplicate", "late"};

struct rules {
    json_t *file;
    struct rule rules[RULES_MAX];
    size_t n, n_kinds;
    const char *kinds[KINDS_MAX];
};

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static int64_t whole(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static int place(const char *word, const char *const *list, int n)
{
    int i = 0;
    while (i < n && strcmp(word, list[i]) != 0)
        i++;
    return i;
}

uint32_t rules_kind(const struct rules *t, const char *kind)
{
    int i = place(kind, t->kinds, (int)t->n_kinds);
    return i < (int)t->n_kinds ? 1u << i : 0;
}

static bool take_kinds(struct rules *t, struct rule *r)
{
    size_t i;
    json_t *kind;
    json_array_foreach(json_object_get(r->row, "kinds"), i, kind) {
        const char *word = json_string_value(kind);
        if (!word || (t->n_kinds == KINDS_MAX && !rules_kind(t, word)))
            return false;
        if (!rules_kind(t, word))
            t->kinds[t->n_kinds++] = word;
        r->kinds |= rules_kind(t, word);
    }
    return true;
}

/* The member that is wrong, NULL = none. */
static const char *take_row(struct rules *t, const json_t *row)
{
    const json_t *title = json_object_get(row, "title");
    struct rule *r = &t->rules[t->n];
    int check = place(text(row, "check"), checks, CHECKS), dimension = place(text(row, "dimension"), rule_dimensions, DIMENSIONS);
    *r = (struct rule){.id = text(row, "id"), .from = text(row, "from"), .until = text(row, "until"), .member = text(row, "member"),
                       .title_zh = text(title, "zh"), .title_en = text(title, "en"), .version = whole(row, "version"), .task_days = whole(row, "task_days"),
                       .hours = whole(row, "hours"), .minutes = whole(row, "minutes"), .history_days = whole(row, "history_days"),
                       .years = whole(row, "years"), .row = row};
    if (!*r->id || strlen(r->id) > 40)
        return "id";
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rules[i].id, r->id) == 0 && (t->rules[i].version >= r->version || strcmp(t->rules[i].from, r->from) >= 0))
            return "version"; /* in their order, each from a later day */
    if (r->version < 1 || check == CHECKS || dimension == DIMENSIONS)
        return r->version < 1 ? "version" : check == CHECKS ? "check" : "dimension";
    if (strlen(r->from) != 10 || (*r->until && strlen(r->until) != 10))
        return strlen(r->from) != 10 ? "from" : "until";
    if (!*r->title_zh || !*r->title_en)
        return "title";
    r->check = (enum rule_check)check;
    r->dimension = (enum rule_dimension)dimension;
    if (!take_kinds(t, r) || (r->check < CHECK_CODED) != (r->kinds == 0))
        return "kinds";
    t->n++;
    return NULL;
}

int rules_load(struct rules **out, json_t *file, struct fault *f)
{
    struct rules *t = calloc(1, sizeof *t);
    size_t i;
    json_t *row;
    *out = NULL;
    if (!t) {
        json_decref(file);
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    }
    t->file = file;
    const char *wrong = json_array_size(json_object_get(file, "rules")) ? NULL : "rules";
    json_array_foreach(json_object_get(file, "rules"), i, row) {
        wrong = wrong ? wrong : t->n == RULES_MAX ? "rules" : take_row(t, row);
        if (wrong)
            break;
    }
    if (wrong) {
        int rc = fault_set(f, ERR_INVALID, "rules", "quality/rules.json, rule %zu: \"%s\" cannot be used.", i + 1, wrong);
        rules_close(t);
        return rc;
    }
    *out = t;
    return 0;
}

int rules_open(struct rules **out, const char *config_dir, struct fault *f)
{
    json_t *file;
    *out = NULL;
    int rc = config_table(&file, config_dir, "quality/rules.json", f);
    return rc ? rc : rules_load(out, file, f);
}

void rules_close(struct rules *t)
{
    if (!t)
        return;
    json_decref(t->file);
    free(t);
}

size_t rules_count(const struct rules *t)
{
    return t->n;
}

const struct rule *rules_at(const struct rules *t, size_t i)
{
    return &t->rules[i];
}

const struct rule *rules_find(const struct rules *t, const char *id)
{
    for (size_t i = t->n; i--;)
        if (strcmp(t->rules[i].id, id) == 0)
            return &t->rules[i];
    return NULL;
}

uint64_t rules_on(const struct rules *t, const char *day)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct rule *r = &t->rules[i];
        if (strcmp(r->from, day) > 0)
            continue;
        for (size_t before = 0; before < i; before++)
            if (strcmp(t->rules[before].id, r->id) == 0)
                bits &= ~(1ull << before);
        if (!*r->until || strcmp(r->until, day) >= 0)
            bits |= 1ull << i;
    }
    return bits;
}

const char *rules_unit(const struct rules *t, const char *written)
{
    return json_string_value(json_object_get(json_object_get(t->file, "units"), written));
}

bool rules_conversion(const struct rules *t, const char *item, const char *unit, double *factor, double *offset)
{
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(t->file, "conversions"), i, c)
        if (strcmp(text(c, "item"), item) == 0 && strcmp(text(c, "from"), unit) == 0) {
            *factor = json_number_value(json_object_get(c, "factor"));
            *offset = json_number_value(json_object_get(c, "offset"));
            return true;
        }
    return false;
}
