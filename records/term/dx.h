/* dx - diagnosis normal form (词汇标化): one line of a doctor's Chinese words -> what disease, of which part, which tissue, where it
 * has spread, at what stage, said how surely, and its ICD-10 category. Pure after dx_open: any thread, no allocation, no locks.
 *
 * Hides a lexicon (config/data/dx_*.tsv and the names of the insurance edition of ICD-10) held as one automaton, a grammar of
 * attributes around heads, the rules of what belongs to what, and a likeness of character pairs for names the lexicon lacks.
 * The words themselves are never changed: a result says which bytes of the line each decision was read from.
 * Denied, suspected and relatives' diseases are reported, marked 否定, 疑似, 家族史; they are never the patient's disease.
 */
#ifndef YL_RECORDS_TERM_DX_H
#define YL_RECORDS_TERM_DX_H

#include "records/term/icd10.h"
#include <stdio.h>

#define DX_LINE_MAX 2000     /* characters of a line that are read; what follows is left alone */
#define DX_DIAGNOSES_MAX 24
#define DX_LIST_MAX 10       /* metastases, modifiers */
#define DX_STEPS_MAX 160

struct dx;

struct dx_diagnosis { /* every text is NUL-terminated and never NULL; it lives in the lexicon or in the result */
    const char *diagnosis, *location_type, *pathology, *lesion, *stage;
    const char *metastasis[DX_LIST_MAX], *modifiers[DX_LIST_MAX];
    size_t n_metastasis, n_modifiers;
    char icd10[4]; /* three-character category, "" when none was found */
};

enum dx_slot { DX_SLOT_DIAGNOSIS, DX_SLOT_TYPE, DX_SLOT_PATHOLOGY, DX_SLOT_LESION, DX_SLOT_METASTASIS, DX_SLOT_STAGE, DX_SLOT_MODIFIER };

struct dx_step { /* one decision: these bytes of the line were read as this value of this slot, by this rule */
    uint16_t from, to;
    uint8_t diagnosis;
    enum dx_slot slot;
    const char *rule; /* a word of dx_rules in docs/protocol/http.md: lexicon, icd10, likeness, implied, inherited, parted */
    const char *value;
};

struct dx_result {
    struct dx_diagnosis diagnoses[DX_DIAGNOSES_MAX];
    size_t n;
    struct dx_step steps[DX_STEPS_MAX];
    size_t n_steps;
    char text[8192]; /* composed values */
    size_t text_len;
};

/* Reads dx_sites.tsv, dx_words.tsv, dx_diseases.tsv, hant.tsv and icd10_category.tsv in `data_dir`. x is borrowed and must live as long. */
YL_CHECKED int dx_open(struct dx **out, const char *data_dir, const struct icd10 *x);
void dx_close(struct dx *d);
/* Never fails: any bytes give a result, an empty line none. */
void dx_normalise(const struct dx *d, const char *line, size_t len, struct dx_result *out);
/* ICD-10 entries to offer for one diagnosis of a result, best first: those of its category before others. Returns how many. */
size_t dx_candidates(const struct dx *d, const struct dx_diagnosis *diagnosis, struct icd10_hit *hits, size_t limit);
/* The diagnoses as a JSON array, members in a fixed order; `explain` adds the steps of each as "why". Returns the length, or 0 when
 * `cap` is too short. Not NUL-terminated. */
size_t dx_json(const struct dx_result *r, bool explain, char *out, size_t cap);
#endif
