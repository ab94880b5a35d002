/* set - the records of one linkage run in memory: 80 bytes each beside the distinct values in pools. Filled by one thread, then
 * finished, then read by any. Nothing here says who a record's person is: the record's own id is carried along, never compared.
 */
#ifndef YL_RECORDS_MPI_SET_H
#define YL_RECORDS_MPI_SET_H

#include "records/mpi/attribute.h"
#include "records/mpi/pool.h"

/* What a source may say of a person; the words of MAP.json are in mpi_attribute_words. */
enum mpi_attribute {
    MPI_ID,
    MPI_NAME,
    MPI_FAMILY_NAME,
    MPI_GIVEN_NAME,
    MPI_SEX,
    MPI_BIRTH_DATE,
    MPI_ID_NO,
    MPI_PHONE,
    MPI_ADDRESS,
    MPI_POSTCODE,
    MPI_INSURANCE_NO,
    MPI_SOURCE,
    MPI_ATTRIBUTES
};
extern const char *const mpi_attribute_words[MPI_ATTRIBUTES];

struct mpi_raw {
    struct mpi_text text[MPI_ATTRIBUTES]; /* len 0 = not said */
};

enum {
    MPI_UNIDENTIFIED = 1,
    MPI_CARD = 2,      /* the identity number's check character is right */
    MPI_CARD_15 = 4,   /* ... made from 15 digits */
    MPI_CARD_WRONG = 8,
    MPI_CARD_ODD = 16, /* the number says another birth date than the record: somebody else's card */
    MPI_ID_SHARED = 32, /* many different people under one number: it identifies nobody */
    MPI_BIRTH_OF_CARD = 64 /* the record said no birth date: its number's stands in for it */
};

struct mpi_record {
    uint32_t name, family, given; /* pool values; 0 = not said */
    uint32_t id, phone[2], address, postcode, insurance, birth_value;
    uint32_t sound, family_sound, given_sound; /* hashes of the letters; 0 = none */
    struct mpi_date birth, card_birth;
    uint8_t sex, child, child_mark, flags; /* sex: 'm', 'f', 0 */
};

struct mpi_address {
    uint32_t core; /* hash of house number and street; 0 = no number */
    uint8_t n;     /* words */
    uint64_t pairs[4]; /* which pairs of neighbouring characters it has, hashed into 256 bits */
    uint32_t words[];  /* sorted numbers */
};

struct mpi_set {
    const struct mpi_tables *tables;
    struct mpi_record *records;
    uint32_t n, cap;
    struct mpi_pool names, families, givens, ids, phones, addresses, postcodes, insurances, births, words;
    uint64_t *address_bytes; /* struct mpi_address one after the other */
    size_t address_used, address_cap;
    uint32_t *address_at; /* by address value, in 8-byte units */
    uint32_t addresses_read;
    float *word_weight;   /* by word: log2 of how rare it is */
    struct mpi_date_order order; /* for what is added next */
};

void mpi_set_init(struct mpi_set *s, const struct mpi_tables *tables);
void mpi_set_fini(struct mpi_set *s);
/* Adds one record; its number is s->n - 1 afterwards. ERR_INTERNAL when memory ran out. */
YL_CHECKED int mpi_set_add(struct mpi_set *s, const struct mpi_raw *raw);
/* Counts are complete: weighs words, reads addresses, marks numbers that many share. After the last mpi_set_add; once more when some
 * were added later. */
YL_CHECKED int mpi_set_finish(struct mpi_set *s);

/* How many records say the value that most of them say; 0 of an attribute that has no values of its own. Once the set is finished. */
uint32_t mpi_set_most(const struct mpi_set *s, enum mpi_attribute a);

static inline const struct mpi_name *mpi_set_name(const struct mpi_set *s, uint32_t value)
{
    return (const struct mpi_name *)mpi_pool_bytes(&s->names, value);
}
static inline const struct mpi_address *mpi_set_address(const struct mpi_set *s, uint32_t value)
{
    return (const struct mpi_address *)(s->address_bytes + s->address_at[value]);
}
#endif
