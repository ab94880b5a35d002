/* A bad byte costs its own place, not the text: nothing here fails on one. */
#include "records/term/charset.h"
#include "records/term/fold.h"
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#define NO_CHARACTER "\xEF\xBF\xBD"

struct decoded {
    char *text;
    size_t len, bad; /* bad: bytes that are no character */
};

/* Bytes of no meaning are left out one by one, each leaving a mark. */
static bool convert(const char *from, const char *bytes, size_t len, struct decoded *d)
{
    iconv_t cd = iconv_open("UTF-8", from);
    size_t cap = len * 3 + 4, room = cap - 1;
    char *in = (char *)(uintptr_t)bytes, *out = d->text = malloc(cap);
    d->bad = 0;
    if (cd == (iconv_t)-1 || !out) {
        if (cd != (iconv_t)-1)
            iconv_close(cd);
        return false;
    }
    while (len > 0 && iconv(cd, &in, &len, &out, &room) == (size_t)-1 && (errno == EILSEQ || errno == EINVAL)) {
        size_t skip = len >= 2 && strncmp(from, "UTF-16", 6) == 0 ? 2 : 1;
        memcpy(out, NO_CHARACTER, 3);
        out += 3;
        room -= 3;
        in += skip;
        len -= skip;
        d->bad++;
        iconv(cd, NULL, NULL, NULL, NULL);
    }
    iconv_close(cd);
    *out = 0;
    d->len = (size_t)(out - d->text);
    return true;
}

bool charset_utf8(const char *p, size_t len)
{
    const char *end = p + len;
    while (p < end) {
        while (p < end && *p >= 0)
            p++;
        const char *before = p;
        if (p < end && utf8_next(&p, end) == 0xFFFD && !(p - before == 3 && memcmp(before, NO_CHARACTER, 3) == 0))
            return false;
    }
    return true;
}

/* How many characters beyond ASCII were read, without the marks. */
static size_t beyond_ascii(const struct decoded *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->len; i++)
        n += ((unsigned char)d->text[i] & 0xC0) == 0xC0;
    return n - d->bad;
}

/* A NUL is no character of a table. */
static char *without_nuls(struct decoded *d)
{
    size_t nuls = 0;
    for (size_t i = 0; i < d->len; i++)
        nuls += d->text[i] == 0;
    char *out = nuls ? malloc(d->len + 2 * nuls + 1) : d->text, *to = out;
    if (!nuls || !out)
        return out;
    for (size_t i = 0; i < d->len; i++)
        if (d->text[i])
            *to++ = d->text[i];
        else {
            memcpy(to, NO_CHARACTER, 3);
            to += 3;
        }
    *to = 0;
    d->len = (size_t)(to - out);
    free(d->text);
    return out;
}

static bool decode(const char *bytes, size_t len, struct decoded *d, const char **charset)
{
    struct decoded other;
    bool little = len >= 2 && memcmp(bytes, "\xFF\xFE", 2) == 0, big = len >= 2 && memcmp(bytes, "\xFE\xFF", 2) == 0;
    *charset = little || big ? "UTF-16" : "UTF-8";
    if (little || big)
        return convert(little ? "UTF-16LE" : "UTF-16BE", bytes + 2, len - 2, d);
    if (charset_utf8(bytes, len)) {
        d->text = malloc(len + 1);
        if (d->text)
            memcpy(d->text, bytes, len);
        if (d->text)
            d->text[d->len = len] = 0;
        return d->text != NULL;
    }
    if (!convert("UTF-8", bytes, len, d))
        return false;
    if (!convert("GB18030", bytes, len, &other)) {
        free(other.text);
        return true;
    }
    bool better = other.bad < d->bad && beyond_ascii(d) < 2 * d->bad; /* a few broken bytes do not make a text another one */
    free(better ? d->text : other.text);
    if (better) {
        *d = other;
        *charset = "GB18030";
    }
    return true;
}

char *charset_decode(const char *bytes, size_t len, size_t *out_len, const char **charset)
{
    struct decoded d = {0};
    if (!decode(bytes, len, &d, charset)) {
        free(d.text);
        return NULL;
    }
    char *text = without_nuls(&d);
    *out_len = text ? d.len : 0;
    return text;
}
