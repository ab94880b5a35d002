/* pattern - regular expressions of the FHIR world (PCRE as FHIRPath and value set filters write it), on POSIX ones.
 *
 * Hides: the translation of \d \w \s, of escapes in brackets, of (?: ). No backtracking: time is linear in the text. Counted repeats are
 * bounded, because the library unrolls them.
 */
#ifndef YL_RECORDS_R4_PATTERN_H
#define YL_RECORDS_R4_PATTERN_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

/* true: *re is to be freed with regfree. false: it cannot be read, or would grow too large. whole: all of the text must match. */
bool r4_pattern_compile(const char *pattern, size_t n, bool whole, regex_t *re);
#endif
