/* tables - what matching knows about writing: one spelling of a character (full-width, capitals, accents, traditional forms), its
 * reading, its shape, and which surnames have two characters. Loaded once, then read-only: any thread. Reads hant.tsv,
 * glyphs.tsv, surnames.tsv and, through term/pinyin, the readings, in config/data. About 0.6 MB.
 */
#ifndef YL_RECORDS_MPI_TABLES_H
#define YL_RECORDS_MPI_TABLES_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stdint.h>

struct mpi_tables;

YL_CHECKED int mpi_tables_open(struct mpi_tables **out, const char *data_dir, struct fault *f);
void mpi_tables_close(struct mpi_tables *t);

/* The character in its one spelling: small ASCII, simplified, without accents and width. 0 for one that is only filling (zero-width
 * signs), ' ' for every blank, 0xB7 for every middle dot. */
uint32_t mpi_fold(const struct mpi_tables *t, uint32_t c);
bool mpi_is_han(uint32_t c);
/* The reading as a number (0 = none known), and its letters. `family`: the character stands as a surname (单 is shan). */
uint16_t mpi_syllable(const struct mpi_tables *t, uint16_t c, bool family);
const char *mpi_letters(const struct mpi_tables *t, uint16_t syllable);
/* Do two different characters look alike: one phonetic component, or three of four corners (Four Corner code), and nearly as many
 * strokes. */
bool mpi_look_alike(const struct mpi_tables *t, uint16_t a, uint16_t b);
/* Is `first``second` a surname of two characters? */
bool mpi_double_surname(const struct mpi_tables *t, uint16_t first, uint16_t second);
#endif
