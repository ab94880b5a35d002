/* model - what agreements are worth, learned from the pairs themselves without any label.
 *
 * Fellegi and Sunter (JASA 64, 1969) with expectation-maximisation, except that pairs of different people are not taken as agreeing
 * by chance alone: they agree for a reason - one household, twins, one name and birth date, one card lent - and each reason is a
 * class of its own with its own frequency. In such a class only the parts the reason explains are learned; the other parts keep the
 * probabilities of two records drawn at random. Exact agreement on a rare value counts more (term frequency).
 */
#ifndef YL_RECORDS_MPI_MODEL_H
#define YL_RECORDS_MPI_MODEL_H

#include "records/mpi/compare.h"
#include <stdio.h>

enum mpi_class {
    CLASS_PERSON, /* the same person */
    CLASS_CHANCE,
    CLASS_HOUSEHOLD,
    CLASS_TWINS,
    CLASS_NAMESAKE,
    CLASS_CARD,        /* a borrowed card */
    CLASS_BIRTH_FAMILY, /* met by birth date and family name */
    CLASS_BIRTH_GIVEN,
    CLASS_NAME,         /* met by name alone */
    CLASS_BIRTH,        /* met by birth date alone */
    CLASS_PLACE_FAMILY, /* of one street or postcode, and one family name */
    CLASS_PLACE_GIVEN,
    CLASS_PLACE_BIRTH,
    MPI_CLASSES
};

struct mpi_patterns { /* distinct patterns with their number */
    uint32_t *pattern;
    double *count;
    uint32_t n, cap;
    uint32_t *slots, slots_n;
};
/* false when memory ran out. */
bool mpi_patterns_add(struct mpi_patterns *p, uint32_t pattern, double count);
void mpi_patterns_fini(struct mpi_patterns *p);

struct mpi_model {
    float prior[MPI_CLASSES];                       /* natural logarithms, all of them */
    float p[MPI_CLASSES][MPI_PARTS][MPI_LEVELS];    /* of a level, given the class; 0 for MPI_MISSING */
    double candidates, persons;                     /* pairs learned from, and how many of them are one person */
};

/* `candidates`: pairs met by a blocking key; `random`: pairs drawn by lot from a set of `records`. */
YL_CHECKED int mpi_model_learn(struct mpi_model *m, const struct mpi_patterns *candidates, const struct mpi_patterns *random,
                               double records);
/* Natural logarithm of the odds that the pair is one person: 0 = as likely as not. */
float mpi_model_odds(const struct mpi_model *m, const struct mpi_match *match);
/* What one part alone adds, against the class of different people that explains the pair best. For explanations. */
float mpi_model_part(const struct mpi_model *m, const struct mpi_match *match, enum mpi_part part, enum mpi_class against);
/* The class of different people that explains the pair best. */
enum mpi_class mpi_model_rival(const struct mpi_model *m, const struct mpi_match *match);
/* As text, a line for each class and each of its parts, to look at and to keep. */
bool mpi_model_write(const struct mpi_model *m, FILE *out);
YL_CHECKED int mpi_model_read(struct mpi_model *m, FILE *in); /* ERR_INVALID when it is not whole */
#endif
