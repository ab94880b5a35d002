/* name - a person's name read into its parts, and how two names agree. Pure; any thread.
 *
 * Chinese names: annotations in brackets dropped, 之子/之女 kept as "child of" (the name is the mother's), middle dots and blanks
 * dropped, traditional and full-width forms folded. Two or three characters begin with the surname (or a double one); longer
 * names (minority names) are one part. Latin names: family and given, or the words of one column, the first as family; accents,
 * hyphens and apostrophes dropped.
 */
#ifndef YL_RECORDS_MPI_NAME_H
#define YL_RECORDS_MPI_NAME_H

#include "records/mpi/tables.h"

#define MPI_NAME_MAX 40

struct mpi_name {
    uint8_t n, n_family; /* characters in all, of them the family name at the beginning */
    bool han;
    bool unidentified;  /* 无名氏, 三无人员, unknown ...: stands for nobody in particular; n is 0 */
    uint8_t child;      /* 0, or 's' son of, 'd' daughter of, 'c' child of the person named */
    uint8_t child_mark; /* 0, or which of several: 大 小 一 二 ... as a small number */
    uint16_t c[MPI_NAME_MAX];
};

/* One column, or family and given (either may be NULL when `whole` is given; texts need no NUL). */
struct mpi_text {
    const char *p;
    size_t len;
};
static inline const char *mpi_text_end(struct mpi_text t)
{
    return t.p ? t.p + t.len : NULL; /* C17 6.5.6: nothing is added to NULL, not even 0 */
}
void mpi_name_read(const struct mpi_tables *t, struct mpi_text whole, struct mpi_text family, struct mpi_text given,
                   struct mpi_name *out);

/* How the parts agree. The order is from best to worst; MPI_MISSING says nothing. */
enum {
    NAME_EXACT,   /* the same */
    NAME_SOUND,   /* the same reading; Latin: one letter */
    NAME_NEAR,    /* look-alike, one character left out or two exchanged; Latin: two letters, or a short form */
    NAME_PARTLY,  /* one of several characters */
    NAME_DIFFERS, /* */
    NAME_LEVELS,
    MPI_MISSING = 7
};
struct mpi_name_match {
    uint8_t family, given;
};
struct mpi_name_match mpi_name_compare(const struct mpi_tables *t, const struct mpi_name *a, const struct mpi_name *b);

/* Letters of the family and the given name: Latin as they are, Chinese by reading. NUL-terminated, cut at cap. */
void mpi_name_letters(const struct mpi_tables *t, const struct mpi_name *n, char *family, char *given, size_t cap);
/* How two Latin words agree: the levels above without NAME_PARTLY. */
uint8_t mpi_word_compare(const char *a, size_t na, const char *b, size_t nb);
/* Edits (insert, delete, replace, exchange of neighbours) between two texts of at most 64 bytes, cut at `limit` + 1. */
int mpi_edits(const char *a, size_t na, const char *b, size_t nb, int limit);
#endif
