/* likeness - how alike two names are: the share of neighbouring pairs of characters they have in common (Dice), of folded text (fold.h).
 * Pure; any thread; allocates nothing. */
#ifndef YL_RECORDS_TERM_LIKENESS_H
#define YL_RECORDS_TERM_LIKENESS_H

#include <stddef.h>
#include <stdint.h>

#define LIKENESS_PAIRS 64 /* what follows is left alone */

struct likeness {
    uint64_t pairs[LIKENESS_PAIRS], mask; /* mask: a bit by hash of each pair, so that most are refused at once */
    size_t n;
};

/* The pairs of a folded name; its beginning counts as a character, so that a name of one character has a pair. */
void likeness_of(const char *folded, struct likeness *out);
/* 0..100. */
int likeness_with(const struct likeness *a, const char *folded);
#endif
