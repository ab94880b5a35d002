/* late_key - what the bytes of a waiting row's key say: in their order the rows of a tree stand as in the tree itself, and its columns are read out of them again. */
#ifndef YL_RECORDS_STORE_LATE_KEY_H
#define YL_RECORDS_STORE_LATE_KEY_H

#include "records/store/late.h"

#define LATE_CELLS_MAX 4

/* The last column where it is a text, NULL of a number. */
const char *late_key_text(const uint8_t *bytes);
/* The row of its tree, in the order of late_tree's columns: how many cells. They point into `bytes` and to `kind`. */
size_t late_key_cells(const uint8_t *bytes, size_t n, uint64_t patient, char kind[LATE_KIND_MAX], struct cell *out);
/* Is it `k`, or does it begin with what `k` is searched by? Those that do stand together. */
bool late_key_begins(const uint8_t *bytes, size_t n, const struct late_key *k);
/* Of those that begin so, is it one of k's own columns? */
bool late_key_meant(const uint8_t *bytes, size_t n, const struct late_key *k);
#endif
