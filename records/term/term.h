/* term - the code systems and readings the daemon holds in memory, read-only: any thread. Names, codes and readings are loaded at start; the
 * normal form's lexicon and the terminology service when they are asked for first, so that a start costs what every site needs. */
#ifndef YL_RECORDS_TERM_TERM_H
#define YL_RECORDS_TERM_TERM_H

#include "records/ops/op.h"
#include "records/term/dx.h"
#include "records/term/icd10.h"
#include "records/term/pinyin.h"
#include "records/term/ts.h"
#include <pthread.h>

struct terms {
    struct pinyin *pinyin;
    struct icd10 *icd10;
    char dir[600];
    pthread_mutex_t lock; /* of the two below, while they are loaded */
    struct dx *dx;
    struct ts *ts;
};

/* Reads config_dir/data. */
YL_CHECKED int terms_open(struct terms **out, const char *config_dir, struct fault *f);
void terms_close(struct terms *t);
/* Loaded by the first who asks; ERR_STORAGE. */
YL_CHECKED int terms_dx(struct terms *t, const struct dx **out, struct fault *f);
YL_CHECKED int terms_ts(struct terms *t, struct ts **out, struct fault *f);

extern const struct op term_ops[]; /* term.icd10, term.dx, term.fhir */
#endif
