/* index_lookup - who in the index could be a patient: the keys of a registration, the records that share them, those records' persons, and how rare
 * what they share is. Inside the patient index only; a lookup lives as long as one question, on the thread of its transaction.
 */
#ifndef YL_RECORDS_PATIENT_INDEX_LOOKUP_H
#define YL_RECORDS_PATIENT_INDEX_LOOKUP_H

#include "records/mpi/block.h"
#include "records/mpi/cluster.h"
#include "records/parts.h"
#include "records/patient/index.h"
#include <string.h>

#define LOOKUP_CROWD 50       /* a key more records have brings no candidates */
#define LOOKUP_FOUND_MAX (MPI_KEYS * LOOKUP_CROWD)
#define LOOKUP_FOUND_SLOTS 4096 /* a power of two, over twice LOOKUP_FOUND_MAX */
#define LOOKUP_GROUP_MAX 160  /* candidates and the other members of their persons */

struct patient_index {
    struct mpi_tables *tables;
    struct mpi_model model;
    uint8_t key[32];
};

struct lookup {
    struct op_ctx *ctx;
    struct patient_index *x;
    struct mpi_set set; /* record 0 is the patient asked about */
    uint64_t patient[LOOKUP_GROUP_MAX], person[LOOKUP_GROUP_MAX]; /* person 0: not asked for, as of a candidate who is not likely */
    bool likely[LOOKUP_GROUP_MAX]; /* of a candidate: his person is worth being judged as a whole */
    size_t n, candidates;
    bool fresh; /* the index does not know record 0: nobody has said anything of him */
    int64_t keys[MPI_KEYS], old_keys[MPI_KEYS]; /* blinded; 0 = none. Old: as the index holds them */
    int64_t seen[MPI_KEYS]; /* how many others have it, as far as counted */
    int64_t patients;       /* of the site */
    struct found {
        uint64_t patient;
        float worth; /* bits: how rare the keys are that he shares */
    } found[LOOKUP_FOUND_MAX];
    size_t n_found;
    uint16_t slots[LOOKUP_FOUND_SLOTS]; /* by patient: place in found, + 1 */
};

static inline struct mpi_text mpi_text_of(const char *s)
{
    return (struct mpi_text){s, strlen(s)};
}

/* `set` must be begun (mpi_set_init); the caller ends it. */
YL_CHECKED int lookup_add_row(struct mpi_set *set, const struct patient_row *row);
/* A patient and his person (0: not known yet); once, and none past LOOKUP_GROUP_MAX. */
YL_CHECKED int lookup_add_patient(struct lookup *l, uint64_t patient, uint64_t person);
/* All who are this person. */
YL_CHECKED int lookup_add_person(struct lookup *l, uint64_t person);
/* `row` becomes record 0; its keys, those it had, its person: 0 when the index does not know him. */
YL_CHECKED int lookup_begin(struct lookup *l, const struct patient_row *row);
/* Then who shares a key with him, and the persons of the likely ones. */
YL_CHECKED int lookup_candidates(struct lookup *l);
/* How rare what record 0 and another agree on is in the whole site, not among the few that were loaded. */
void lookup_shares(const struct lookup *l, struct mpi_match *m);
#endif
