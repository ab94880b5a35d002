/* fhirpath_token - hides how the text of a FHIRPath expression (N1, appendix A) falls into tokens: names, literals, signs; comments and blanks are
 * left out, escapes are resolved. Inside records/r4 only. One reader is one thread's; texts of tokens live in reader.d. */
#ifndef YL_RECORDS_R4_FHIRPATH_TOKEN_H
#define YL_RECORDS_R4_FHIRPATH_TOKEN_H

#include "records/r4/defs.h"

enum token_kind { T_END, T_NAME, T_QUOTED_NAME, T_STRING, T_NUMBER, T_DATE, T_VARIABLE, T_DOLLAR, T_SIGN, T_WRONG };

struct token {
    enum token_kind kind;
    const char *p; /* where it stands in the expression */
    size_t n;
    struct r4_str text; /* unescaped for strings and names */
};

struct reader {
    const struct r4 *r4;
    struct r4_doc *d;
    const char *text, *p, *end;
    struct token now;
    const char *why, *where;
    int depth;
};

/* Keeps the first complaint and where it belongs; NULL, so that a parser can return it. */
void *token_wrong(struct reader *s, const char *why);
/* The next token becomes s->now. */
void token_next(struct reader *s);
bool token_is_sign(const struct reader *s, const char *sign);
bool token_is_word(const struct reader *s, const char *word);
/* Goes on behind the sign if it stands here. */
bool token_take(struct reader *s, const char *sign);

#endif
