/* ts_find - looking for a code that means what somebody else's code means, in the code systems the terminology service holds: by the code
 * itself, by dated map, by words as a person types them, by likeness of names. Read-only: any thread. Texts of hits are borrowed. */
#ifndef YL_RECORDS_TERM_TS_FIND_H
#define YL_RECORDS_TERM_TS_FIND_H

#include "records/term/ts.h"
#include <stdbool.h>

#define TS_FIND_MAX 20

struct ts_hit {
    const char *code, *display;
    int alike; /* 0..100, to the name asked for; 0 where none was */
};

/* Is the system of this url held? Its newest version goes to *version. */
bool ts_find_system(const struct ts *t, const char *url, const char **version);
bool ts_find_code(const struct ts *t, const char *url, const char *code, struct ts_hit *out);
/* The code of system `url` that a map in force on `day` ("2026-11-28") gives for `code`; NULL. */
const char *ts_find_mapped(const struct ts *t, const char *url, const char *code, const char *day);
/* Best first, at most `limit` <= TS_FIND_MAX. Words as typed: Chinese, traditional, pinyin initials, the beginning of a code; all must match. */
size_t ts_find_words(const struct ts *t, const char *url, const char *typed, size_t limit, struct ts_hit *hits);
/* Names that are like `name`, not less than `least` in 100. */
size_t ts_find_alike(const struct ts *t, const char *url, const char *name, int least, size_t limit, struct ts_hit *hits);
/* A name as it is compared: simplified and folded. */
void ts_find_folded(const struct ts *t, const char *name, char *out, size_t cap);
#endif
