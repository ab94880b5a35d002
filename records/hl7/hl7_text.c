/* Text of fields: escapes, character sets, times. */
#include "records/hl7/hl7.h"
#include "server/base/clock.h"
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_CONVERTER ((iconv_t)-1)

static const char *iconv_name(enum hl7_charset c)
{
    return c == HL7_GB18030 ? "GB18030" : c == HL7_LATIN1 ? "ISO-8859-1" : "UTF-8";
}

const char *hl7_charset_word(enum hl7_charset c)
{
    return c == HL7_GB18030 ? "GB 18030-2000" : c == HL7_LATIN1 ? "8859/1" : "UNICODE UTF-8";
}

void hl7_fini_converter(struct hl7_message *m);
void hl7_fini_converter(struct hl7_message *m)
{
    if (m->converter)
        iconv_close((iconv_t)m->converter);
    m->converter = NULL;
}

/* ---- bytes to UTF-8 ---- */

static size_t utf8_len(const uint8_t *s, size_t left)
{
    size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

struct sink {
    char *out;
    size_t len, cap; /* cap without the NUL */
    bool full;
};

static void sink_add(struct sink *s, const char *bytes, size_t len)
{
    if (s->full || s->len + len > s->cap) {
        s->full = true;
        return;
    }
    memcpy(s->out + s->len, bytes, len);
    s->len += len;
}

static void add_utf8(struct sink *s, const char *bytes, size_t len)
{
    while (len > 0 && !s->full) {
        size_t n = utf8_len((const uint8_t *)bytes, len);
        if (n)
            sink_add(s, bytes, n);
        else
            sink_add(s, "\xef\xbf\xbd", 3);
        bytes += n ? n : 1;
        len -= n ? n : 1;
    }
}

static void add_converted(struct hl7_message *m, struct sink *s, char *bytes, size_t len)
{
    if (!m->converter) {
        iconv_t made = iconv_open("UTF-8", iconv_name(m->charset));
        if (made == NO_CONVERTER)
            return add_utf8(s, bytes, len);
        m->converter = made;
    }
    while (len > 0 && !s->full) {
        char piece[256], *to = piece;
        size_t room = sizeof piece;
        size_t rc = iconv((iconv_t)m->converter, &bytes, &len, &to, &room);
        add_utf8(s, piece, (size_t)(to - piece));
        if (rc == (size_t)-1 && errno != E2BIG) { /* no text: one byte is passed over */
            sink_add(s, "\xef\xbf\xbd", 3);
            bytes++;
            len--;
        }
    }
    iconv((iconv_t)m->converter, NULL, NULL, NULL, NULL);
}

static void add_bytes(struct hl7_message *m, struct sink *s, const char *bytes, size_t len)
{
    bool plain = m->charset == HL7_UTF8;
    if (!plain) { /* most text is ASCII */
        size_t i = 0;
        while (i < len && (uint8_t)bytes[i] < 0x80)
            i++;
        plain = i == len;
    }
    if (plain)
        add_utf8(s, bytes, len);
    else
        add_converted(m, s, (char *)bytes, len);
}

/* ---- escapes (2.7) ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \X4D61..\: bytes of the message's own character set; false = not hexadecimal. */
static bool add_hex(struct hl7_message *m, struct sink *s, const char *digits, size_t n)
{
    char bytes[512];
    if (n % 2 || n == 0 || n / 2 > sizeof bytes)
        return false;
    for (size_t i = 0; i < n; i += 2) {
        int a = hex(digits[i]), b = hex(digits[i + 1]);
        if (a < 0 || b < 0)
            return false;
        bytes[i / 2] = (char)(a * 16 + b);
        if (!bytes[i / 2])
            bytes[i / 2] = ' ';
    }
    add_bytes(m, s, bytes, n / 2);
    return true;
}

/* What stands between two escape characters; false = unknown, it stays as it is. */
static bool add_escape(struct hl7_message *m, struct sink *s, const char *in, size_t n)
{
    char own = n == 1 ? (in[0] == 'F' ? m->field : in[0] == 'S' ? m->component : in[0] == 'T' ? m->sub : in[0] == 'R' ? m->repeat : in[0] == 'E' ? m->escape : 0) : 0;
    if (own) {
        sink_add(s, &own, 1);
        return true;
    }
    if (n == 1 && (*in == 'H' || *in == 'N')) /* highlighting on, off */
        return true;
    if (n == 1 && *in == 'P') {
        sink_add(s, "#", 1); /* the truncation character's default (2.5.5.2) */
        return true;
    }
    if (n > 1 && *in == 'X')
        return add_hex(m, s, in + 1, n - 1);
    if (n > 1 && *in == '.') { /* formatting of 2.7.6: line breaks stay, layout goes */
        if (n >= 3 && (memcmp(in, ".br", 3) == 0 || memcmp(in, ".sp", 3) == 0 || memcmp(in, ".ce", 3) == 0))
            sink_add(s, "\n", 1);
        return n <= 8;
    }
    return n > 1 && n <= 7 && (*in == 'C' || *in == 'M' || *in == 'Z'); /* shifts of ISO 2022, local ones: nothing to show */
}

size_t hl7_text(struct hl7_message *m, struct hl7_span span, char *out, size_t cap)
{
    struct sink s = {out, 0, cap - 1, false};
    const char *p = span.at, *end = span.len ? span.at + span.len : span.at;
    while (p < end && !hl7_null(span)) {
        struct hl7_span rest = {p, (size_t)(end - p)}, plain = hl7_split(m, rest, m->escape, 1);
        add_bytes(m, &s, plain.at, plain.len);
        p += plain.len;
        if (p == end)
            break;
        struct hl7_span inner = hl7_split(m, rest, m->escape, 2);
        bool closed = inner.at && inner.at + inner.len < end;
        if (closed && add_escape(m, &s, inner.at, inner.len))
            p = inner.at + inner.len + 1;
        else
            sink_add(&s, p++, 1);
    }
    out[s.len] = 0;
    return s.len;
}

size_t hl7_text_at(struct hl7_message *m, const char *path, char *out, size_t cap)
{
    return hl7_text(m, hl7_at(m, path), out, cap);
}

/* ---- times ---- */

static int64_t days_of(int y, int m, int d) /* since 1970-01-01, proleptic Gregorian */
{
    y -= m <= 2;
    int era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return (int64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool digits_of(struct hl7_span s, size_t at, size_t n, int *out)
{
    int v = 0;
    for (size_t i = at; i < at + n; i++) {
        if (i >= s.len || s.at[i] < '0' || s.at[i] > '9')
            return false;
        v = v * 10 + (s.at[i] - '0');
    }
    *out = v;
    return true;
}

static int month_days(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)) ? 29 : days[m - 1];
}

/* +ZZZZ at the end; false = there is something else. */
static bool zone_of(struct hl7_span s, size_t at, int *zone_min)
{
    int h, m;
    if (at == s.len)
        return true;
    if ((s.at[at] != '+' && s.at[at] != '-') || s.len - at != 5 || !digits_of(s, at + 1, 2, &h) || !digits_of(s, at + 3, 2, &m) || h > 14 || m > 59)
        return false;
    *zone_min = (s.at[at] == '-' ? -1 : 1) * (h * 60 + m);
    return true;
}

int hl7_time(struct hl7_span s, int zone_min, int64_t *ms, int *digits)
{
    int part[6] = {0, 1, 1, 0, 0, 0}, fraction = 0;
    size_t at = 0, n = 0;
    while (n < 6 && digits_of(s, at, n ? 2 : 4, &part[n]))
        at += n++ ? 2 : 4;
    *digits = (int)at;
    if (n == 6 && at < s.len && s.at[at] == '.') {
        int scale = 100, one;
        for (at++; digits_of(s, at, 1, &one); at++, scale /= 10)
            fraction += one * scale;
    }
    if (n == 0 || !zone_of(s, at, &zone_min) || part[0] < 1800 || part[0] > 2199 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
        part[2] > month_days(part[0], part[1]) || part[3] > 23 || part[4] > 59 || part[5] > 60)
        return ERR_INVALID;
    int64_t minutes = days_of(part[0], part[1], part[2]) * 1440 + part[3] * 60 + part[4] - zone_min;
    *ms = (minutes * 60 + part[5]) * 1000 + fraction;
    return 0;
}
