/* compare - how two records agree, attribute by attribute, as small levels that the model weighs. Pure; any thread, once the set is
 * finished. About 150 ns a pair.
 */
#ifndef YL_RECORDS_MPI_COMPARE_H
#define YL_RECORDS_MPI_COMPARE_H

#include "records/mpi/set.h"

enum mpi_part {
    PART_FAMILY,
    PART_GIVEN,
    PART_BIRTH,
    PART_SEX,
    PART_ID,
    PART_PHONE,
    PART_ADDRESS,
    PART_POSTCODE,
    PART_INSURANCE,
    MPI_PARTS
};
#define MPI_LEVELS 8 /* 0 .. 6 and MPI_MISSING */

enum { SEX_SAME, SEX_DIFFERS };
enum { PHONE_SAME, PHONE_NEAR, PHONE_DIFFERS };
enum { POSTCODE_SAME, POSTCODE_NEAR, POSTCODE_DIFFERS };
enum { ADDRESS_SAME, ADDRESS_SHORTER, ADDRESS_CLOSE, ADDRESS_PARTLY, ADDRESS_DIFFERS };

struct mpi_match {
    uint8_t level[MPI_PARTS];
    float share[MPI_PARTS]; /* of an exact agreement: the part of all records that have this very value */
};

void mpi_compare(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b, struct mpi_match *out);
/* Levels packed, three bits each. */
uint32_t mpi_match_pattern(const struct mpi_match *m);
/* Reasons why two records can never be one person, whatever the weights say. */
enum mpi_bar {
    BAR_NONE,
    BAR_UNIDENTIFIED, /* two unidentified patients */
    BAR_CARDS,        /* two right identity numbers */
    BAR_SIBLINGS,     /* children of one mother told apart (大 小) or of different sex */
    BAR_MOTHER        /* a newborn under the mother's name, and the mother */
};
enum mpi_bar mpi_barred(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b);
#endif
