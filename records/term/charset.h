/* charset - the character sets of what hospitals hand over as bytes: UTF-16 by its mark, UTF-8, or GB18030 when that reads more of it.
 * Any thread. */
#ifndef YL_RECORDS_TERM_CHARSET_H
#define YL_RECORDS_TERM_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

/* Is every byte part of a character of UTF-8? */
bool charset_utf8(const char *bytes, size_t len);
/* The bytes as UTF-8. What is no character becomes U+FFFD. malloc'd and NUL-terminated; NULL = out of memory. *charset: "UTF-8", "UTF-16",
 * "GB18030". */
char *charset_decode(const char *bytes, size_t len, size_t *out_len, const char **charset);
#endif
