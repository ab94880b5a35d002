/* text_put - texts put together piece by piece, where a format's price counts. No allocation, any thread. */
#ifndef YL_SERVER_BASE_TEXT_PUT_H
#define YL_SERVER_BASE_TEXT_PUT_H

#include <stdint.h>
#include <string.h>

/* Where the text goes on: text_add(text_add(out, end, "a"), end, "b"). Cut at `end`, the array's last byte; always ends in NUL. */
static inline char *text_add(char *at, char *end, const char *from)
{
    size_t n = strlen(from), room = (size_t)(end - at);
    n = n < room ? n : room;
    memcpy(at, from, n);
    at[n] = 0;
    return at + n;
}
#define TEXT_DECIMAL_BYTES 21
/* The number's digits end where `out` does; the result is where they begin. */
static inline char *text_decimal(uint64_t v, char out[TEXT_DECIMAL_BYTES])
{
    char *at = out + TEXT_DECIMAL_BYTES - 1;
    *at = 0;
    do
        *--at = (char)('0' + v % 10);
    while (v /= 10);
    return at;
}
#endif
