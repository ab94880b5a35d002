/* fold - one spelling for comparing text: full-width ASCII becomes ASCII, letters small, Roman numeral signs digits (Ⅱ型 and 2型
 * are written alike in charts), blanks and middle dots of minority names dropped. Chinese characters stay. Pure; any thread.
 */
#ifndef YL_RECORDS_TERM_FOLD_H
#define YL_RECORDS_TERM_FOLD_H

#include <stddef.h>
#include <stdint.h>

/* Decodes one UTF-8 character, *p moves on; 0 at the end, 0xFFFD (and one byte on) for a wrong byte. */
uint32_t utf8_next(const char **p, const char *end);
/* Writes up to 4 bytes, returns how many. */
size_t utf8_put(uint32_t c, char *out);
/* Folds `len` bytes; out is NUL-terminated and cut at a whole character when cap is short. Returns the length. */
size_t text_fold(const char *text, size_t len, char *out, size_t cap);
/* The least text that is greater than every text beginning with `prefix`: the upper bound of a range scan. "" when there is none. */
void text_prefix_end(const char *prefix, char *out, size_t cap);
#endif
