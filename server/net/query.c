/* Query strings: application/x-www-form-urlencoded (WHATWG URL 5.1). Pure; fuzzed. */
#include "server/net/net.h"
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(const char **at, const char *stops, char *out, size_t cap)
{
    size_t n = 0;
    const char *s = *at;
    for (; *s && !strchr(stops, *s); s++) {
        int c = *s == '+' ? ' ' : (unsigned char)*s;
        if (*s == '%') {
            int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);
            if (low < 0 || (high | low) == 0) return ERR_MALFORMED;
            c = high << 4 | low;
            s += 2;
        }
        if (n + 1 >= cap) return ERR_MALFORMED;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    *at = s;
    return 0;
}

int net_query_next(const char **at, char *name, size_t name_cap, char *value, size_t value_cap)
{
    while (**at == '&')
        (*at)++;
    if (**at == '\0') return 0;
    value[0] = '\0';
    if (decode(at, "=&", name, name_cap)) return ERR_MALFORMED;
    if (**at == '=') {
        (*at)++;
        if (decode(at, "&", value, value_cap)) return ERR_MALFORMED;
    }
    return 1;
}
