/* icd10 - search in the insurance edition of ICD-10 (医保版, 33,304 codes) as a doctor types: code, Chinese, pinyin initials, pinyin.
 * Loaded once, then read-only: any thread. The list itself is a mapped file; beside it lie the folded names and the initials
 * (about 2.3 MB in all). A search is one pass over them, under 5 ms.
 */
#ifndef YL_RECORDS_TERM_ICD10_H
#define YL_RECORDS_TERM_ICD10_H

#include "records/term/pinyin.h"
#include <stddef.h>

#define ICD10_LIMIT_MAX 50

struct icd10;

struct icd10_hit { /* borrowed from the index, not NUL-terminated */
    const char *code, *name, *initials;
    size_t code_len, name_len, initials_len;
};

/* Reads icd10_nhsa.tsv in `data_dir`; p must live as long. */
YL_CHECKED int icd10_open(struct icd10 **out, const char *data_dir, const struct pinyin *p);
void icd10_close(struct icd10 *x);
size_t icd10_count(const struct icd10 *x);
/* Best hits first: exact before beginning before inside, short names before long, then by code. Words divided by blanks must all
 * match. At most ICD10_LIMIT_MAX. Returns how many; 0 for an empty query. */
size_t icd10_search(const struct icd10 *x, const char *query, size_t limit, struct icd10_hit *hits);
/* The i-th entry by code, i < icd10_count. */
void icd10_at(const struct icd10 *x, size_t i, struct icd10_hit *hit);
/* The entry of exactly this code: 1 or 0. */
int icd10_find(const struct icd10 *x, const char *code, struct icd10_hit *hit);
#endif
