/* term - the code systems and readings the daemon holds in memory. Loaded once at start, read-only: any thread. */
#ifndef YL_RECORDS_TERM_TERM_H
#define YL_RECORDS_TERM_TERM_H

#include "records/ops/op.h"
#include "records/term/dx.h"
#include "records/term/icd10.h"
#include "records/term/pinyin.h"
#include "records/term/ts.h"

struct terms {
    struct pinyin *pinyin;
    struct icd10 *icd10;
    struct dx *dx;
    struct ts *ts;
};

/* Reads config_dir/data. */
YL_CHECKED int terms_open(struct terms **out, const char *config_dir, struct fault *f);
void terms_close(struct terms *t);

extern const struct op term_ops[]; /* term.icd10, term.dx, term.fhir */
#endif
