#include "records/r4/search.h"
#include "records/term/fold.h"

/* Small letters without accents of U+00C0 to U+017F: two ASCII letters at most, '.' = none. */
static const char latin[][3] = {
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n", "o", "o", "o", "o", "o", "x", "o", "u", "u", "u", "u", "y", "th", "ss",
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n", "o", "o", "o", "o", "o", ".", "o", "u", "u", "u", "u", "y", "th", "y",
    "a", "a", "a", "a", "a", "a", "c", "c", "c", "c", "c", "c", "c", "c", "d", "d", "d", "d", "e", "e", "e", "e", "e", "e", "e", "e", "e", "e", "g", "g", "g", "g",
    "g", "g", "g", "g", "h", "h", "h", "h", "i", "i", "i", "i", "i", "i", "i", "i", "i", "i", "ij", "ij", "j", "j", "k", "k", "k", "l", "l", "l", "l", "l", "l", "l",
    "l", "l", "l", "n", "n", "n", "n", "n", "n", "n", "n", "n", "o", "o", "o", "o", "o", "o", "oe", "oe", "r", "r", "r", "r", "r", "r", "s", "s", "s", "s", "s", "s",
    "s", "s", "t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "w", "w", "y", "y", "y", "z", "z", "z", "z", "z", "z", "s"};

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200B) || c == 0xFEFF;
}

/* Signs that people write or leave out: apostrophe, full stop, comma, hyphen, middle dots of minority names, combining accents. */
static bool is_dropped(uint32_t c)
{
    static const uint32_t signs[] = {'\'', '.', ',', '-', '`', 0xB4, 0xB7, 0x2010, 0x2011, 0x2013, 0x2018, 0x2019, 0x2022, 0x2027, 0x30FB, 0x3001, 0x3002};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i] == c)
            return true;
    return c >= 0x300 && c <= 0x36F;
}

static uint32_t small(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    return c >= 0x400 && c <= 0x40F ? c + 80 : c;
}

static size_t fold_one(uint32_t c, char out[4])
{
    if (c >= 0xFF01 && c <= 0xFF5E)
        c = c - 0xFF01 + '!';
    if (is_dropped(c))
        return 0;
    if (c >= 0xC0 && c <= 0x17F) {
        const char *to = latin[c - 0xC0];
        size_t n = to[0] == '.' ? 0 : strlen(to);
        memcpy(out, to, n);
        return n;
    }
    return utf8_put(small(c), out);
}

size_t r4_fold(const char *text, size_t n, char *out, size_t cap)
{
    const char *p = text, *end = text + n;
    size_t len = 0;
    bool gap = false;
    while (p < end) {
        uint32_t c = utf8_next(&p, end);
        if (is_blank(c)) {
            gap = len > 0;
            continue;
        }
        char one[4];
        size_t m = fold_one(c, one);
        if (!m)
            continue;
        if (len + m + 2 > cap)
            break;
        if (gap)
            out[len++] = ' ';
        gap = false;
        memcpy(out + len, one, m);
        len += m;
    }
    if (cap)
        out[len] = 0;
    return len;
}
