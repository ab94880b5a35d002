/* text - a text put into an array of the caller's, cut where the array ends; NULL counts as empty. No allocation, any thread. */
#ifndef YL_SERVER_BASE_TEXT_H
#define YL_SERVER_BASE_TEXT_H

#include <string.h>

static inline void text_copy(char *to, size_t cap, const char *from)
{
    to[0] = 0;
    if (from && !memccpy(to, from, 0, cap))
        to[cap - 1] = 0;
}
/* Into an array whose size the compiler knows. */
#define TEXT_COPY(field, text) text_copy(field, sizeof(field), text)
#endif
