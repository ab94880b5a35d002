/* attribute - one spelling for what registration desks write: dates in any common form, identity and other numbers, phones, sex,
 * addresses. Pure; any thread. Placeholders (111111111111111111, 无, 1900-01-01) are read as nothing.
 */
#ifndef YL_RECORDS_MPI_ATTRIBUTE_H
#define YL_RECORDS_MPI_ATTRIBUTE_H

#include "records/mpi/name.h"

/* month and day 0: only the year is known. year 0: nothing is. */
struct mpi_date {
    int16_t year;
    int8_t month, day;
};

/* Which way a column writes 03/04/1970; found by looking at the whole column, 0 = nothing tells: day first. */
struct mpi_date_order {
    uint32_t day_first, month_first; /* how many values allow only this reading */
};
void mpi_date_look(const struct mpi_tables *t, struct mpi_text text, struct mpi_date_order *order);
struct mpi_date mpi_date_read(const struct mpi_tables *t, struct mpi_text text, const struct mpi_date_order *order);
static inline bool mpi_date_full(struct mpi_date d)
{
    return d.year && d.month;
}

/* How two birth dates agree, best first. */
enum {
    BIRTH_EXACT,
    BIRTH_PARTLY, /* the same year, more is not known */
    BIRTH_SLIP,   /* day and month exchanged, one digit, a year or a decade off */
    BIRTH_NEAR,   /* within 45 days */
    BIRTH_DIFFERS,
    BIRTH_LEVELS
};
uint8_t mpi_date_compare(struct mpi_date a, struct mpi_date b); /* MPI_MISSING when one is unknown */

enum mpi_number_kind {
    NUMBER_NONE,
    NUMBER_CARD,       /* resident identity number whose check character is right (GB 11643) */
    NUMBER_CARD_15,    /* the form before 1999 with a possible date, made 18: nothing proves its digits */
    NUMBER_CARD_WRONG, /* as long as one, but mistyped or cut */
    NUMBER_OTHER
};
#define MPI_NUMBER_MAX 40
struct mpi_number {
    enum mpi_number_kind kind;
    uint8_t len;
    char text[MPI_NUMBER_MAX]; /* capitals and digits */
    struct mpi_date birth;     /* said by the number; year 0 = it says nothing */
    char sex;                  /* 'm', 'f', 0 */
};
/* `identity`: the column holds identity numbers, so that the length decides about NUMBER_CARD. */
void mpi_number_read(const struct mpi_tables *t, struct mpi_text text, bool identity, struct mpi_number *out);

enum {
    NUMBER_SAME,
    NUMBER_NEAR,    /* a digit mistyped, two exchanged, the end cut off: at least one of the two cannot be right */
    NUMBER_TWIN,    /* both right, same area and birth date: two people registered together */
    NUMBER_CLASH,   /* both right and different */
    NUMBER_DIFFERS, /* different, nothing proves either */
    NUMBER_LEVELS
};
struct mpi_number_view {
    const char *text;
    size_t len;
    enum mpi_number_kind kind;
};
uint8_t mpi_number_compare(struct mpi_number_view a, struct mpi_number_view b);

/* Digits of up to two phones (a cell may hold "138.. / 0571-.."); an address of another kind (e-mail) is kept as folded text. */
struct mpi_phone {
    uint8_t len;
    char text[MPI_NUMBER_MAX];
};
size_t mpi_phone_read(const struct mpi_tables *t, struct mpi_text text, struct mpi_phone out[2]);

char mpi_sex_read(const struct mpi_tables *t, struct mpi_text text); /* 'm', 'f', 0 */

/* Words of an address, each ended by '\n', cut at cap; the length. 虚构省 / 平川市 / 白塔区 / 人民路 / 203号. */
size_t mpi_address_read(const struct mpi_tables *t, struct mpi_text text, char *out, size_t cap);
#endif
