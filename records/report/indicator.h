/* indicator - config/kpi.json: which numbers there are, what each means in words, which facts it is made of, and whose page shows it. Read and
 * checked once at the start: a broken file stops it, with the place and the member. Private to records/report (opened by records/parts.c).
 */
#ifndef YL_RECORDS_REPORT_INDICATOR_H
#define YL_RECORDS_REPORT_INDICATOR_H

#include "records/access/access.h"
#include "records/report/fact.h"
#include <jansson.h>

#define INDICATORS_MAX 64
#define PAGES_MAX 8
#define PAGE_INDICATORS 8 /* a page is eight numbers */
#define SECTIONS_MAX 12
#define SECTION_INDICATORS 12
#define COUNTS_MAX 3

enum figure_kind {
    FIGURE_COUNT,  /* sum of total */
    FIGURE_RATE,   /* good (or those of `counts`) of total, in percent */
    FIGURE_MEDIAN, /* of value; minutes */
    FIGURE_P90,
    FIGURE_MEAN    /* of value; points */
};
enum better { BETTER_UP, BETTER_DOWN, BETTER_NONE };

struct indicator { /* texts borrowed from the file */
    const char *id, *unit;
    int measure;
    enum figure_kind figure;
    enum better better;
    bool has_target;
    double target;
    const char *counts[COUNTS_MAX]; /* words that make the numerator; counts[0] NULL: `good` does */
    const json_t *row;              /* title, definition, numerator, denominator, events */
};
struct page {
    const char *id;
    uint64_t roles; /* who sees it */
    size_t n;
    const struct indicator *indicators[PAGE_INDICATORS];
    const json_t *row;
};
struct section { /* of the month's report */
    const json_t *title;
    size_t n;
    const struct indicator *indicators[SECTION_INDICATORS];
};
struct indicators {
    json_t *file;
    struct fact_terms terms;
    struct indicator list[INDICATORS_MAX];
    struct page pages[PAGES_MAX];
    struct section sections[SECTIONS_MAX]; /* none in the file: the pages */
    size_t n, n_pages, n_sections;
};
YL_CHECKED int indicators_open(struct indicators **out, const char *config_dir, const struct access *roles, struct fault *f);
/* Of a file already read; takes it. */
YL_CHECKED int indicators_load(struct indicators **out, json_t *file, const struct access *roles, struct fault *f);
void indicators_close(struct indicators *t);
const struct indicator *indicators_find(const struct indicators *t, const char *id); /* NULL: none */
const struct fact_terms *indicators_terms(const struct indicators *t);
const json_t *indicators_word(const struct indicators *t, const char *word); /* its label {zh, en}; NULL: none */
#endif
