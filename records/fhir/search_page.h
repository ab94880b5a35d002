/* search_page - one page of a search on its way: what the files of the search interaction share. Nobody else includes it. */
#ifndef YL_RECORDS_FHIR_SEARCH_PAGE_H
#define YL_RECORDS_FHIR_SEARCH_PAGE_H

#include "records/fhir/own.h"

struct page_token { /* what the next link carries, signed */
    int64_t snapshot, pkey, rid;
    int64_t low; /* where a walk along a range is; sorted in memory, the version of the last one shown */
    uint32_t at;
    uint32_t phase; /* sorted: PHASE_; else who leads (finder.led_by) and one */
};

enum { PHASE_WALK, PHASE_WITHOUT /* those that have no value */, PHASE_MEMORY };

struct entry { /* on the page */
    struct fhir_row row; /* with body */
    bool included;
};

struct sort_key {
    struct hit hit;
    size_t own;          /* of our own: its place in page.own, from 1; 0 = of the store */
    bool missing[R4_SORTS_MAX];
    int64_t number[R4_SORTS_MAX];
    char *text[R4_SORTS_MAX];
};
void sort_key_clear(struct sort_key *k);

struct page {
    struct fhir_work *w;
    struct tx *tx;
    struct r4_query query;
    struct finder finder;
    size_t want;
    bool facts;          /* includes need them */
    struct entry *list;
    size_t n, cap, matches;
    bool more, failed;
    struct page_token token, next;
    int64_t total;       /* -1 = not known */
    int error;
    struct own_rows own; /* those of the house; a row that was taken has no body any more */
    size_t own_at;       /* so many of them lie on this page or on pages before */
    /* sorted in memory */
    struct sort_key *keys;
    size_t n_keys, cap_keys;
    bool over;
};

/* ---- search.c ---- */
struct page *page_new(struct fhir_work *w, struct tx *tx);
void page_close(struct page *p);
/* Answers the error. `strict`: also of a parameter that is unknown. */
YL_CHECKED int page_parse(struct fhir_work *w, const struct r4_type *type, struct r4_pair *pairs, size_t n, bool strict, struct r4_query *out);
YL_CHECKED int page_take_token(struct page *p);
/* What matches, from p->token on, behind what lies on the page. */
YL_CHECKED int page_run_matches(struct page *p);
YL_CHECKED int page_count(struct page *p); /* p->total, where it is asked for or known */
void page_write(struct page *p);
struct entry *page_add_entry(struct page *p); /* cleared; NULL: p->failed */
bool page_take_own(struct page *p, struct fhir_row *row);
/* Our own come first, by their number; in a sorted walk before the first of the store that lies behind them (`behind` at `low`). false: the
 * page is full. */
bool page_show_own(struct page *p, bool (*behind)(const struct page *p, int64_t low), int64_t low);
bool page_found_match(void *ctx, struct found *found); /* for finder_run */
void page_cut(struct page *p); /* after finder_run: a walk that looked at too many ends the page */

/* ---- search_sort.c ---- */
YL_CHECKED int page_run_sorted(struct page *p);

/* ---- search_include.c: what comes with the matches ---- */
YL_CHECKED int page_run_includes(struct page *p);
#endif
