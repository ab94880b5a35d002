/* ts_pairs - which concepts of a list may have a word in their names, initials or code: for every two characters that stand beside each
 * other, and for every Chinese character, the concepts that have them. Whatever holds a word holds each of its pairs, so the rarest of them
 * leaves few to compare. Up to two dozen numbers a concept; made by the first search, so that a site nobody searches at pays nothing.
 * Any thread. Inside records/term only.
 */
#ifndef YL_RECORDS_TERM_TS_PAIRS_H
#define YL_RECORDS_TERM_TS_PAIRS_H

#include "records/term/ts_store.h"

struct ts_pairs;

struct ts_pairs *ts_pairs_new(void); /* NULL without memory */
void ts_pairs_free(struct ts_pairs *p);
/* Sets out[c] of every concept of s that may answer to all words, and of some that do not. false: these words do not say enough (one
 * letter, no memory), nothing is set. */
bool ts_pairs_mark(struct ts_pairs *p, const struct ts_system *s, const struct ts_words *w, uint8_t *out);
#endif
