/* index_lookup - who in the index could be a patient: the keys of a registration, the records that share them, those records' persons, and how rare
 * what they share is. Inside the patient index only; a lookup lives as long as one question, on the thread of its transaction.
 */
#ifndef YL_RECORDS_PATIENT_INDEX_LOOKUP_H
#define YL_RECORDS_PATIENT_INDEX_LOOKUP_H

#include "records/mpi/block.h"
#include "records/mpi/cluster.h"
#include "records/parts.h"
#include "records/patient/index.h"
#include "server/base/hmac.h"
#include <string.h>

#define LOOKUP_CROWD 50       /* a key more records have brings no candidates */
#define LOOKUP_FOUND_MAX (MPI_KEYS * LOOKUP_CROWD)
#define LOOKUP_FOUND_SLOTS 4096 /* a power of two, over twice LOOKUP_FOUND_MAX */
#define LOOKUP_GROUP_MAX 160  /* candidates and the other members of their persons */
#define LOOKUP_PERSON_MAX 80  /* records of one person that are looked at */
#define LOOKUP_NEW UINT64_MAX /* the person of record 0 while the index does not know him */
#define LOOKUP_COUNTED 5      /* keys whose values are counted in the whole site: id, insurance, phone, birth date, name */
#define LOOKUP_COUNTS 64      /* remembered for one question */
#define REVIEW_ODDS 0.0f      /* an even chance: a person looks at it */

/* Of a task: it waits. Hidden from the engine, which would walk all tasks that are open instead of the patient's few. */
#define TASK_STATE "COALESCE(t.state,'')"
#define TASK_WAITS TASK_STATE " IN ('open','later')"

struct patient_index {
    struct mpi_tables *tables;
    struct mpi_model model;
    struct hmac key; /* blinds the keys of a record, two dozen at a time */
};

struct lookup {
    struct op_ctx *ctx;
    struct patient_index *x;
    struct mpi_set set; /* record 0 is the patient asked about */
    uint64_t patient[LOOKUP_GROUP_MAX], person[LOOKUP_GROUP_MAX]; /* person 0: not asked for, as of a candidate who is not likely */
    bool likely[LOOKUP_GROUP_MAX]; /* of a candidate: his person is worth being judged as a whole */
    size_t n, candidates;
    bool cut; /* a person has more records than were loaded */
    int64_t keys[MPI_KEYS], old_keys[MPI_KEYS]; /* blinded; 0 = none. Old: as the index holds them */
    int64_t patients;       /* of the site */
    struct {
        bool asked;
        int64_t key[LOOKUP_COUNTED];
    } counted[LOOKUP_GROUP_MAX]; /* by record, when first needed */
    struct {
        int64_t key, holders;
    } counts[LOOKUP_COUNTS];
    size_t n_counts;
    size_t n_found; /* what is in `found` beyond is not set */
    uint16_t slots[LOOKUP_FOUND_SLOTS]; /* by patient: place in found, + 1 */
    struct found {
        uint64_t patient;
        float worth; /* bits: how rare the keys are that he shares */
    } found[LOOKUP_FOUND_MAX];
};

static inline struct mpi_text mpi_text_of(const char *s)
{
    return (struct mpi_text){s, strlen(s)};
}

/* Begins an empty one; ended by lookup_end. */
void lookup_begin(struct lookup *l, struct op_ctx *ctx);
void lookup_end(struct lookup *l);
/* `set` must be begun (mpi_set_init); the caller ends it. */
YL_CHECKED int lookup_add_row(struct mpi_set *set, const struct patient_row *row);
/* A patient and his person (0: not known yet); once, and none past LOOKUP_GROUP_MAX. */
YL_CHECKED int lookup_add_patient(struct lookup *l, uint64_t patient, uint64_t person);
/* All who are this person. */
YL_CHECKED int lookup_add_person(struct lookup *l, uint64_t person);
/* Those whose records wait at the desk beside one of record 0's person. */
YL_CHECKED int lookup_add_waiting(struct lookup *l);
/* `row` becomes record 0: its keys, those it had, its person (LOOKUP_NEW when the index does not know him). */
YL_CHECKED int lookup_ask(struct lookup *l, const struct patient_row *row);
/* Then who shares a key with him, and the persons of the likely ones. */
YL_CHECKED int lookup_candidates(struct lookup *l);
/* How rare what record i and another agree on is in the whole site, not among the few that were loaded. */
void lookup_shares(struct lookup *l, size_t i, struct mpi_match *m);

/* ---- index_weigh.c: persons as wholes ---- */

/* Natural logarithm of the odds that two persons are one, each record of one against each of the other; -INFINITY when two of them can never be. */
float lookup_weigh(struct lookup *l, uint64_t a, uint64_t b);
/* How many of its records were loaded. */
size_t lookup_size(const struct lookup *l, uint64_t person);
/* A person who may be that of record 0. */
struct rival {
    uint64_t person, patient; /* patient: a record of his to show beside record 0 */
    float odds;
};
#define RIVALS_MAX 40
/* All loaded persons but that of record 0 from the odds `least` on, the likeliest first; those a steward keeps apart from him are not among them. */
size_t lookup_rivals(struct lookup *l, float least, struct rival out[RIVALS_MAX]);
/* May the machine by itself put him and record 0's person together? Not when it is less than 99 % likely, when one of the two may as well be a third whom
 * the other cannot be, or when a steward has had a say in it (took such a link back, put the pair off, made a person of several by hand). */
bool lookup_certain(struct lookup *l, const struct rival *r);
#endif
