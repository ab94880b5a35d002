/* text - a formatted text where a test needs one in passing. Once per test program. */
#ifndef YL_TESTS_SUPPORT_TEXT_H
#define YL_TESTS_SUPPORT_TEXT_H

#include <stdarg.h>
#include <stdio.h>

/* Into a fresh static buffer: eight may be in use at once. */
static inline const char *desk_text(const char *fmt, ...)
{
    static char texts[8][4096];
    static int next;
    va_list args;
    char *out = texts[next++ % 8];
    va_start(args, fmt);
    vsnprintf(out, sizeof texts[0], fmt, args);
    va_end(args);
    return out;
}
#endif
