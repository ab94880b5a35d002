/* search - finding resources by fixed plans (http://hl7.org/fhir/R4/search.html; docs/decisions/0020-fhir-search-plans.md).
 *
 * One term of the query leads: the one whose index rows are fewest, counted up to a bound. Its rows are walked in the order of their key;
 * up to three other terms are looked up in the same index row by row, the rest are checked on the resource's facts. No plan is left to the
 * engine: every statement is one index walk with look-ups by key. Results come ordered by (patient, resource) unless sorted, so a page ends
 * at a key and the next one begins behind it.
 */
#ifndef YL_RECORDS_FHIR_SEARCH_H
#define YL_RECORDS_FHIR_SEARCH_H

#include "records/fhir/fhir_private.h"

#define NEEDS_MAX 24
#define HITS_MAX 50000   /* resources held in memory by one search: a chain's targets, a sorted result */
enum { RANGE_CHOOSE = -2, RANGE_NONE = -1 };
#define ALSO_MAX 3       /* terms looked up beside the leading one */
#define TOGETHER 8       /* keys, or hits, in one statement: to a server each is a journey */

struct hit {
    int64_t pkey, rid;
};
struct hits {
    struct hit *list;
    size_t n, cap;
    bool failed, over; /* no memory; more than HITS_MAX */
};
void hits_add(struct hits *h, int64_t pkey, int64_t rid);
void hits_sort(struct hits *h); /* and each once */
bool hits_have(const struct hits *h, int64_t pkey, int64_t rid);

struct need { /* one term */
    const struct r4_term *term;
    int64_t *keys;   /* it has one of these index keys; in the scratch's doc, sorted */
    size_t n_keys;
    bool keyed;      /* keys are to be used: n_keys 0 = nothing can match */
    bool exact;      /* the keys alone decide */
    bool by_codes;   /* the keys are those of a set of codes: also judged on facts */
    bool by_hits;
    struct hits hits;
    int64_t estimate;
    bool done;       /* leads, or is looked up beside */
};

struct range_bounds { /* rows of a range: low between from and to, high between high and high_to. A little wide: the facts decide */
    int64_t from, to, high, high_to;
};

struct cursor {
    bool set;
    int64_t pkey, rid, low;
};
struct finder {
    struct fhir_work *w;
    struct tx *tx;
    const struct r4_type *type;
    struct need needs[NEEDS_MAX];
    size_t n_needs;
    bool nothing;        /* cannot match */
    bool scoped;         /* all in one patient's record: */
    int64_t pkey;
    int64_t snapshot;    /* resources born later are not seen */
    /* the leading term */
    enum { LEAD_KEY = 1, LEAD_HITS, LEAD_RANGE } lead;
    int64_t key;
    const struct need *leader;
    struct hits hits;    /* LEAD_HITS */
    int64_t range;       /* LEAD_RANGE: in this order */
    struct hits members; /* LEAD_RANGE: of one of the terms looked up beside, in their order; none = each row is looked up */
    bool descending;
    int range_need; /* who may lead by its range where keys could lead too: RANGE_CHOOSE, RANGE_NONE, or the number of a need */
    int led_by;     /* who does, or RANGE_NONE */
    const struct r4_param *range_by;
    struct range_bounds bounds;
    int64_t also[ALSO_MAX];
    size_t n_also;
    bool compartment;    /* one need is a compartment's */
    bool residual;       /* facts must be looked at */
    bool want_facts;     /* the caller wants them anyway */
    bool no_body;        /* what is looked for is not shown: counted, or the way to another */
    bool bare;           /* the row at hand came without its body, because few of those before it matched */
    size_t page;         /* so many matches are enough; 0 = all are wanted */
    size_t looked, look_max; /* facts opened; a walk ends when they are so many (0 = never) and says where: */
    struct cursor cut;
    bool one_each; /* one of each record is enough: where a key leads, its other rows there are passed over */
};

struct found { /* one resource that matches; valid until the callback returns, what it takes it sets NULL */
    struct fhir_row row; /* facts opened when they were needed, never the body */
    struct facts *facts; /* read, or NULL */
    struct query *q;     /* its column body, unless it is bare, and facts where they are looked at */
    int64_t low;         /* LEAD_RANGE */
};

/* Compiles the terms. Answers the error. */
YL_CHECKED int finder_open(struct finder *f, struct fhir_work *w, struct tx *tx, const struct r4_type *type, const struct r4_term *terms);
/* A further condition: in the compartment of Patient `name` and the like. */
YL_CHECKED int finder_compartment(struct finder *f, const char *compartment, const char *name);
void finder_plan(struct finder *f);
/* In the order of a date or number parameter. */
void finder_plan_range(struct finder *f, const struct r4_param *p, bool descending);
void finder_take_members(struct finder *f); /* behind finder_plan_range */
void finder_close(struct finder *f);
/* Calls each for every match behind `after`; stops when it returns false. The error is the transaction's. */
YL_CHECKED int finder_run(struct finder *f, const struct cursor *after, bool (*each)(void *ctx, struct found *found), void *ctx);
/* Does this resource, by its facts, meet the term? */
bool term_holds(const struct finder *f, const struct need *n, const struct fhir_row *row, const struct facts *facts);

/* Would the index alone count them? */
bool finder_counts_rows(const struct finder *f);
/* How many match. Straight from the index where no facts are needed. */
YL_CHECKED int finder_count(struct finder *f, int64_t *out);

/* Types whose patient is one, named by `patient` or `subject`: whose record they lie in. */
bool of_one_patient(const char *type);

/* search_range.c. false: no rows tell of this term. */
bool range_bounds(const struct r4_term *t, struct range_bounds *b);
/* Of all conditions on this parameter; of the first one where two rows may meet two of them. */
struct range_bounds range_bounds_on(const struct finder *f, const struct r4_param *p);
/* Of several values the first one that is walked over shows the resource; the row of another parameter that shares the walk (alike_range) does not. */
bool range_first(const struct finder *f, const struct facts *facts, int64_t low);

/* search_need.c */
YL_CHECKED int need_compile(struct finder *f, const struct r4_term *term, struct need *n);
#endif
