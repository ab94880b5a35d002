#include "records/report/indicator.h"
#include "records/config_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000ll
#define DAY_MS 86400000ll

static const char *const figures[] = {"count", "rate", "median", "p90", "mean"}, *const units[] = {"cases", "percent", "minutes", "minutes", "points"};
static const char *const betters[] = {"up", "down", "none"};

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static int place(const char *word, const char *const *list, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(list[i], word) == 0)
            return i;
    return -1;
}

static bool both(const json_t *label)
{
    return *text(label, "zh") && *text(label, "en");
}

static bool take_counts(struct indicator *one)
{
    const json_t *counts = json_object_get(one->row, "counts");
    size_t i;
    json_t *word;
    if (!counts)
        return true;
    if (one->figure != FIGURE_RATE || json_array_size(counts) < 1 || json_array_size(counts) > COUNTS_MAX)
        return false;
    json_array_foreach((json_t *)counts, i, word)
        if (!(one->counts[i] = json_string_value(word)) || !*one->counts[i])
            return false;
    return true;
}

/* The member that is wrong, NULL = none. */
static const char *take_indicator(struct indicators *t, const json_t *row)
{
    static const char *const labels[] = {"title", "definition", "numerator"};
    const json_t *target = json_object_get(row, "target");
    int figure = place(text(row, "figure"), figures, 5), better = place(text(row, "better"), betters, 3);
    bool times = figure == FIGURE_COUNT && strcmp(text(row, "unit"), "times") == 0; /* acts are counted, not cases */
    struct indicator *one = &t->list[t->n];
    *one = (struct indicator){.id = text(row, "id"), .unit = figure < 0 ? "" : times ? "times" : units[figure], .measure = measure_find(text(row, "measure")), .row = row,
                              .has_target = json_is_number(target), .target = json_number_value(target)};
    if (!*one->id || strlen(one->id) > 40 || indicators_find(t, one->id))
        return "id";
    if (json_object_get(row, "unit") && !times)
        return "unit";
    if (!one->measure || figure < 0 || better < 0)
        return !one->measure ? "measure" : figure < 0 ? "figure" : "better";
    if (target && !json_is_null(target) && (!one->has_target || one->target < 0 || (figure == FIGURE_RATE && one->target > 100)))
        return "target";
    one->figure = (enum figure_kind)figure;
    one->better = (enum better)better;
    for (size_t i = 0; i < 3; i++)
        if (!both(json_object_get(row, labels[i])))
            return labels[i];
    if (figure == FIGURE_RATE && !both(json_object_get(row, "denominator")))
        return "denominator";
    if (!json_array_size(json_object_get(row, "events")) || !take_counts(one))
        return json_array_size(json_object_get(row, "events")) ? "counts" : "events";
    t->n++;
    return NULL;
}

static const char *take_roles(struct page *p, const json_t *row, const struct access *roles)
{
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(row, "roles"), i, word) {
        int role = access_role(roles, json_string_value(word) ? json_string_value(word) : "");
        if (role < 0)
            return "roles";
        p->roles |= 1ull << role;
    }
    return p->roles ? NULL : "roles";
}

static const char *take_page(struct indicators *t, const json_t *row, const struct access *roles)
{
    const json_t *list = json_object_get(row, "indicators");
    struct page *p = &t->pages[t->n_pages];
    size_t i;
    json_t *id;
    *p = (struct page){.id = text(row, "id"), .row = row};
    if (!*p->id || strlen(p->id) > 20)
        return "id";
    for (i = 0; i < t->n_pages; i++)
        if (strcmp(t->pages[i].id, p->id) == 0)
            return "id";
    if (!both(json_object_get(row, "title")))
        return "title";
    if (json_array_size(list) < 1 || json_array_size(list) > PAGE_INDICATORS)
        return "indicators";
    json_array_foreach((json_t *)list, i, id)
        if (!(p->indicators[p->n++] = indicators_find(t, json_string_value(id) ? json_string_value(id) : "")))
            return "indicators";
    t->n_pages++;
    return take_roles(p, row, roles);
}

static const char *take_section(struct indicators *t, const json_t *row)
{
    const json_t *list = json_object_get(row, "indicators");
    struct section *one = &t->sections[t->n_sections];
    size_t i;
    json_t *id;
    *one = (struct section){.title = json_object_get(row, "title")};
    if (!both(one->title))
        return "title";
    if (json_array_size(list) < 1 || json_array_size(list) > SECTION_INDICATORS)
        return "indicators";
    json_array_foreach((json_t *)list, i, id)
        if (!(one->indicators[one->n++] = indicators_find(t, json_string_value(id) ? json_string_value(id) : "")))
            return "indicators";
    t->n_sections++;
    return NULL;
}

/* A file of before has no sections: its pages are the report. */
static void pages_as_sections(struct indicators *t)
{
    for (; t->n_sections < t->n_pages; t->n_sections++) {
        const struct page *p = &t->pages[t->n_sections];
        struct section *one = &t->sections[t->n_sections];
        *one = (struct section){.title = json_object_get(p->row, "title"), .n = p->n};
        memcpy(one->indicators, p->indicators, p->n * sizeof *p->indicators);
    }
}

static const char *take_terms(struct indicators *t)
{
    const json_t *terms = json_object_get(t->file, "terms"), *lanes = json_object_get(terms, "lane_hours");
    for (int i = 0; i < LANES; i++)
        if ((t->terms.lane_ms[i] = (int64_t)json_integer_value(json_object_get(lanes, lane_words[i])) * HOUR_MS) <= 0)
            return lane_words[i];
    t->terms.loop_ms = json_integer_value(json_object_get(terms, "loop_days")) * DAY_MS;
    t->terms.grace_ms = json_integer_value(json_object_get(terms, "follow_up_grace_days")) * DAY_MS;
    return t->terms.loop_ms <= 0 ? "loop_days" : t->terms.grace_ms < 0 ? "follow_up_grace_days" : NULL;
}

static int refuse(struct indicators *t, struct fault *f, const char *list, size_t i, const char *member)
{
    indicators_close(t);
    return fault_set(f, ERR_INVALID, "kpi", "kpi.json, %s %zu: \"%s\" cannot be used.", list, i + 1, member);
}

int indicators_load(struct indicators **out, json_t *file, const struct access *roles, struct fault *f)
{
    struct indicators *t = calloc(1, sizeof *t);
    const char *wrong;
    size_t i;
    json_t *row;
    *out = NULL;
    if (!t) {
        json_decref(file);
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    }
    t->file = file;
    if ((wrong = take_terms(t)))
        return refuse(t, f, "terms", 0, wrong);
    json_array_foreach(json_object_get(file, "indicators"), i, row)
        if ((wrong = t->n == INDICATORS_MAX ? "indicators" : take_indicator(t, row)))
            return refuse(t, f, "indicator", i, wrong);
    json_array_foreach(json_object_get(file, "pages"), i, row)
        if ((wrong = t->n_pages == PAGES_MAX ? "pages" : take_page(t, row, roles)))
            return refuse(t, f, "page", i, wrong);
    if (!t->n_pages)
        return refuse(t, f, "page", 0, "pages");
    json_array_foreach(json_object_get(file, "month"), i, row)
        if ((wrong = t->n_sections == SECTIONS_MAX ? "month" : take_section(t, row)))
            return refuse(t, f, "month", i, wrong);
    if (!t->n_sections)
        pages_as_sections(t);
    *out = t;
    return 0;
}

int indicators_open(struct indicators **out, const char *config_dir, const struct access *roles, struct fault *f)
{
    json_t *file;
    *out = NULL;
    int rc = config_table(&file, config_dir, "kpi.json", f);
    return rc ? rc : indicators_load(out, file, roles, f);
}

void indicators_close(struct indicators *t)
{
    if (!t)
        return;
    json_decref(t->file);
    free(t);
}

const struct indicator *indicators_find(const struct indicators *t, const char *id)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->list[i].id, id) == 0)
            return &t->list[i];
    return NULL;
}

const struct fact_terms *indicators_terms(const struct indicators *t)
{
    return &t->terms;
}

const json_t *indicators_word(const struct indicators *t, const char *word)
{
    return json_object_get(json_object_get(t->file, "words"), word);
}
