/* index - the patient index of a running site: every registration is matched at once, in its own transaction.
 *
 * A person is a set of local patients (mpi_member). Clinical rows stay with the local patient; only membership moves, and every
 * move is kept with what was before (mpi_act, mpi_move), so that it can be taken back exactly. Blocking keys (mpi_key) are
 * keyed hashes: they tell nothing without the site's key. Three outcomes: one person for certain, the review desk, a new person.
 * Then the index looks back: persons whom the record ties are joined, or their pair goes to the desk (docs/mpi.md).
 * The engine is records/mpi; its weights come from config/data/mpi_model.tsv.
 */
#ifndef YL_RECORDS_PATIENT_INDEX_H
#define YL_RECORDS_PATIENT_INDEX_H

#include "records/patient/patient_row.h"

struct patient_index;

/* Reads config_dir/data; `key` (32 bytes) blinds the blocking keys. */
YL_CHECKED int patient_index_open(struct patient_index **out, const char *config_dir, const uint8_t key[32], struct fault *f);
void patient_index_close(struct patient_index *x);

/* Matches a row that was just stored, writes its membership and keys, joins whom it ties. `before`: as it stood when the index saw it last, NULL = all of it is
 * to be looked at. *outcome, of a new one: "linked", "review" or "new" (static). */
YL_CHECKED int patient_index_put(struct op_ctx *ctx, const struct patient_row *row, const struct patient_row *before, const char **outcome);

/* How likely two stored patients are one person, as natural logarithm of the odds, with all records of both their persons and with how often their values
 * stand in the site now; of two that are one already the two records alone. The one number the desk shows. */
float patient_index_odds(struct op_ctx *ctx, uint64_t a, uint64_t b);
/* How they agree, as the review desk shows it; new reference: {probability, odds: patient_index_odds; records_probability: of the two records alone;
 * prior, rival, barred, parts:[{part, label, level, text, weight, one_in}] of the two records}; rival, barred (or null), label and text are {zh, en}.
 * NULL: ctx->fault says why. */
json_t *patient_index_compare(struct op_ctx *ctx, uint64_t a, uint64_t b);
/* Why two whole persons can never be one: "" when nothing forbids it (static, English), NULL: ctx->fault is filled. */
const char *patient_index_bar(struct op_ctx *ctx, uint64_t person_a, uint64_t person_b);
/* Has somebody said of a record of one and a record of the other that they are two people? */
bool patient_index_apart(struct op_ctx *ctx, uint64_t person_a, uint64_t person_b);

/* One act of the index: what it moves is kept. `how` is the way members came ("auto", "steward"). */
struct index_act {
    uint64_t id, task, patient, other;
    const char *kind; /* "auto" "link" "apart" "merge" "split" "confirm" "later" */
    const char *note; /* a person's words, or NULL */
};
void patient_index_begin(struct op_ctx *ctx, struct index_act *act);
/* Moves one patient, or every member of a person, to another person. */
YL_CHECKED int patient_index_move(struct op_ctx *ctx, const struct index_act *act, uint64_t patient, uint64_t to);
YL_CHECKED int patient_index_join(struct op_ctx *ctx, const struct index_act *act, uint64_t from, uint64_t to);
uint64_t patient_index_person(struct op_ctx *ctx, uint64_t patient); /* 0 = not in the index */

/* Who in the index may be this patient? Nothing is written; `row` need not be stored (id 0). The likeliest first, those under an odds of one
 * in a hundred left out. */
struct index_candidate {
    uint64_t person;
    double probability;
    bool certain, likely; /* certain: would be linked at once; likely: would go to the review desk */
};
YL_CHECKED int patient_index_score(struct op_ctx *ctx, const struct patient_row *row, struct index_candidate *out, size_t cap, size_t *n);
/* A name in its two parts, as they stand in it; both "" when it has no such parts. */
void patient_index_name(struct op_ctx *ctx, const char *name, char family[168], char given[168]);
/* Of each field the value most members have and where it is from; `members`: patient objects. New reference. */
json_t *patient_index_golden(const json_t *members);

extern const struct op index_ops[]; /* index_desk.c */
#endif
