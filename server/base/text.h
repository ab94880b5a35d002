/* text - a text put into an array of the caller's, cut where the array ends; NULL counts as empty. No allocation, any thread. */
#ifndef YL_SERVER_BASE_TEXT_H
#define YL_SERVER_BASE_TEXT_H

#include <stddef.h>
#include <string.h>

static inline void text_copy(char *to, size_t cap, const char *from)
{
    to[0] = 0;
    if (from && !memccpy(to, from, 0, cap))
        to[cap - 1] = 0;
}
/* Takes away what is left of a UTF-8 character that was cut. */
static inline void text_whole(char *text)
{
    size_t n = strlen(text), back = n;
    while (back && ((unsigned char)text[back - 1] & 0xC0) == 0x80)
        back--;
    if (!back)
        return;
    unsigned char lead = (unsigned char)text[back - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (lead >= 0x80 && n - (back - 1) < want)
        text[back - 1] = 0;
}
/* Into an array whose size the compiler knows. */
#define TEXT_COPY(field, text) text_copy(field, sizeof(field), text)
#endif
