#include "records/r4/values.h"
#include "records/term/fold.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#define TEN_MAX 400 /* beyond what a double holds: of 0e999 nobody knows how exact it is */

bool r4_number_read(struct r4_str text, struct r4_value *v)
{
    char copy[64], *stop;
    if (!text.p || text.n == 0 || text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    if (strspn(copy, "0123456789+-.eE") != text.n)
        return false;
    v->number = strtod(copy, &stop);
    if (*stop || !isfinite(v->number))
        return false;
    const char *e = strpbrk(copy, "eE"), *dot = strchr(copy, '.');
    long ten = e ? strtol(e + 1, NULL, 10) : 0, places = dot ? (e ? e : copy + text.n) - dot - 1 : 0;
    if (ten > TEN_MAX || ten < -TEN_MAX)
        return false;
    if (e)
        places -= ten - !dot; /* search.html#number: 1e2 means 95 to 105 */
    double half = 0.5 * pow(10, (double)-places);
    v->string = text;
    v->low = v->number - half;
    v->high = v->number + half;
    return true;
}

static size_t segment(struct r4_str t, size_t from)
{
    size_t i = from;
    while (i < t.n && t.p[i] != '/')
        i++;
    return i;
}

/* Type/id[/_history/version], the whole text. */
static bool read_relative(const struct r4 *r, struct r4_str t, struct r4_value *v)
{
    size_t a = segment(t, 0);
    const struct r4_type *type = r4_resource(r, t.p, a);
    if (!type || a + 1 >= t.n)
        return false;
    size_t b = segment(t, a + 1);
    struct r4_str id = {t.p + a + 1, b - a - 1}, version = {NULL, 0};
    if (b < t.n) {
        size_t c = segment(t, b + 1);
        if (c - b - 1 != 8 || memcmp(t.p + b + 1, "_history", 8) != 0 || c + 1 >= t.n)
            return false;
        version = (struct r4_str){t.p + c + 1, t.n - c - 1};
    }
    if (memchr(id.p, '?', id.n) || memchr(id.p, '#', id.n) || id.n == 0)
        return false;
    v->ref_type = (struct r4_str){type->name, strlen(type->name)};
    v->ref_id = id;
    v->ref_version = version;
    return true;
}

bool r4_reference_read(const struct r4 *r, struct r4_str text, const char *base_url, struct r4_value *v)
{
    if (!text.n || text.p[0] == '#')
        return false;
    if (read_relative(r, text, v))
        return true;
    v->url = text;
    size_t base = base_url ? strlen(base_url) : 0;
    if (base && text.n > base + 1 && memcmp(text.p, base_url, base) == 0 && text.p[base] == '/')
        read_relative(r, (struct r4_str){text.p + base + 1, text.n - base - 1}, v);
    return true;
}

void r4_canonical_read(struct r4_str text, struct r4_value *v)
{
    const char *bar = text.n ? memchr(text.p, '|', text.n) : NULL;
    v->url = bar ? (struct r4_str){text.p, (size_t)(bar - text.p)} : text;
    if (bar)
        v->ref_version = (struct r4_str){bar + 1, (size_t)(text.p + text.n - bar - 1)};
}

void r4_string_fold(struct r4_doc *d, struct r4_value *v)
{
    size_t cap = v->string.n * 2 + 8;
    char *out = r4_doc_alloc(d, cap);
    if (out)
        v->folded = (struct r4_str){out, r4_fold(v->string.p, v->string.n, out, cap)};
}

bool r4_has_chinese(struct r4_str text)
{
    for (const char *p = text.p, *end = p ? p + text.n : p; p < end;) {
        if ((unsigned char)*p < 0xE2) { /* nothing below U+2000 */
            p++;
            continue;
        }
        uint32_t c = utf8_next(&p, end);
        if ((c >= 0x3400 && c <= 0x9FFF) || (c >= 0x20000 && c <= 0x3FFFF))
            return true;
    }
    return false;
}
