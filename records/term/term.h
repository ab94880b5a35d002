/* term - the code systems and readings the daemon holds in memory, read-only: any thread. Names, codes and readings are loaded at start; the
 * normal form's lexicon and the terminology service when they are asked for first, so that a start costs what every site needs. Over the terminology
 * service stands what clients have written of it, made when it is asked for and shared by those who ask (site.c). */
#ifndef YL_RECORDS_TERM_TERM_H
#define YL_RECORDS_TERM_TERM_H

#include "records/ops/op.h"
#include "records/term/dx.h"
#include "records/term/icd10.h"
#include "records/term/pinyin.h"
#include "records/term/ts.h"
#include <pthread.h>
#include <stdatomic.h>

/* Who keeps the code systems, value sets and maps that clients write. Set once, before anybody asks. */
struct terms_source {
    /* The number of the last change this transaction sees. */
    int64_t (*last)(void *ctx, struct tx *tx);
    /* Gives each as JSON, in an order that stays, until take says false. Errors are the transaction's, or ERR_UNAVAILABLE. */
    int (*each)(void *ctx, struct tx *tx, bool (*take)(void *to, const char *text, size_t len), void *to);
    void *ctx;
};
#define TERMS_SITE_MAX 2000              /* so many of them, */
#define TERMS_SITE_BYTES (32u << 20)     /* and so much JSON, are held */

struct terms_site;
struct terms {
    struct pinyin *pinyin;
    struct icd10 *icd10;
    char dir[600];
    pthread_mutex_t lock; /* of the two below, while they are loaded */
    struct dx *dx;
    struct ts *ts;

    /* what clients write, over ts (site.c) */
    struct terms_source source;
    pthread_mutex_t site_lock; /* of `site` and its count; held while one is made */
    struct terms_site *site;   /* the newest */
    _Atomic int64_t changed;   /* the number of the last change of such a resource that was committed; 0 = none since the start */
    _Atomic int64_t empty;     /* up to this change there are none: `ts` alone is asked. -1 = there are some, or nobody has looked */
    /* the writer's alone */
    bool touched;
    int64_t touched_last;
    size_t n, bytes;           /* what is kept, or more */
    bool measured, exact;      /* once since the start; and nothing was written since */
};

/* Reads config_dir/data. */
YL_CHECKED int terms_open(struct terms **out, const char *config_dir, struct fault *f);
void terms_close(struct terms *t);
/* Loaded by the first who asks; ERR_STORAGE. */
YL_CHECKED int terms_dx(struct terms *t, const struct dx **out, struct fault *f);
YL_CHECKED int terms_ts(struct terms *t, struct ts **out, struct fault *f);

/* The terminology service with what clients have written, as this transaction sees it or newer. Where nothing is written that is one comparison beside terms_ts.
 * ERR_STORAGE, ERR_UNAVAILABLE. To be closed on 0; what was found lives until then. Any thread. */
struct terms_view {
    const struct ts *ts;
    struct terms_site *site; /* NULL: none stands over the lists */
};
YL_CHECKED int terms_view_open(struct terms *t, struct tx *tx, struct terms_view *out, struct fault *f);
void terms_view_close(struct terms *t, struct terms_view *v);

/* ---- on the writer ---- */
/* One more (or, `more` 0, another instead of one) of so many bytes: is there room? It is taken. */
bool terms_room(struct terms *t, struct tx *tx, size_t more, size_t bytes);
/* Such a resource is written in this transaction; before it commits; and how it ended. */
void terms_touch(struct terms *t);
void terms_settle(struct terms *t, struct tx *tx);
void terms_ended(struct terms *t, bool committed);

extern const struct op term_ops[]; /* term.icd10, term.dx, term.fhir */
#endif
