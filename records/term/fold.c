#include "records/term/fold.h"
#include <stdio.h>
#include <string.h>

uint32_t utf8_next(const char **p, const char *end)
{
    const unsigned char *s = (const unsigned char *)*p;
    size_t left = (size_t)(end - *p), n = 0;
    if (left == 0)
        return 0;
    uint32_t c = s[0];
    if (c < 0x80) {
        (*p)++;
        return c;
    }
    if (c >= 0xC2 && c <= 0xDF)
        n = 1, c &= 0x1F;
    else if (c >= 0xE0 && c <= 0xEF)
        n = 2, c &= 0x0F;
    else if (c >= 0xF0 && c <= 0xF4)
        n = 3, c &= 0x07;
    if (n == 0 || n >= left)
        goto wrong;
    for (size_t i = 1; i <= n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            goto wrong;
        c = c << 6 | (s[i] & 0x3F);
    }
    if ((n == 2 && c < 0x800) || (n == 3 && c < 0x10000) || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        goto wrong;
    *p += n + 1;
    return c;
wrong:
    (*p)++;
    return 0xFFFD;
}

size_t utf8_put(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* One character folded to at most 4 ASCII characters or itself; "" drops it. */
static const char *fold_one(uint32_t c, char buffer[8])
{
    static const char *const roman[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"};
    static const uint32_t dropped[] = {' ', '\t', '\n', '\r', 0xA0, 0x3000, 0xB7, 0x2022, 0x2027, 0x30FB, 0x2219, 0x22C5,
                                       0x200B, 0xFEFF, 0x16EB, 0x0387};
    if (c >= 0xFF01 && c <= 0xFF5E)
        c = c - 0xFF01 + '!';
    if (c >= 0x2160 && c <= 0x216B)
        return roman[c - 0x2160];
    if (c >= 0x2170 && c <= 0x217B)
        return roman[c - 0x2170];
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (c == dropped[i])
            return "";
    if (c >= 'A' && c <= 'Z')
        c += 32;
    buffer[utf8_put(c, buffer)] = 0;
    return buffer;
}

size_t text_fold(const char *text, size_t len, char *out, size_t cap)
{
    const char *p = text, *end = text + len;
    char buffer[8];
    size_t n = 0;
    while (p < end) {
        const char *one = fold_one(utf8_next(&p, end), buffer);
        size_t m = strlen(one);
        if (n + m + 1 > cap)
            break;
        memcpy(out + n, one, m);
        n += m;
    }
    if (cap)
        out[n] = 0;
    return n;
}

void text_prefix_end(const char *prefix, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "%s", prefix);
    if (n >= cap)
        n = cap - 1;
    /* comparison is by bytes (collation C); UTF-8 never uses 0xFF, so raising the last byte is enough */
    while (n && (unsigned char)out[n - 1] == 0xFF)
        n--;
    if (n)
        out[n - 1]++;
    out[n] = 0;
}
