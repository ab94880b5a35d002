/* Reading messages and finding their parts. */
#include "records/hl7/hl7.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hl7_span nothing = {NULL, 0};

/* ---- characters ---- */

/* Bytes of the character at p in GB 18030 (four, two or one); what is broken is one byte. */
static size_t gb_len(const char *p, const char *end)
{
    uint8_t a = (uint8_t)p[0], b = end - p > 1 ? (uint8_t)p[1] : 0;
    if (a < 0x81 || a == 0xff)
        return 1;
    if (b >= 0x40 && b != 0x7f && b != 0xff)
        return 2;
    return b >= 0x30 && b <= 0x39 && end - p >= 4 ? 4 : 1;
}

static size_t step(const struct hl7_message *m, const char *p, const char *end)
{
    return m->charset == HL7_GB18030 && (uint8_t)*p >= 0x80 ? gb_len(p, end) : 1;
}

/* The next delimiter at or after p, or end. */
static const char *find(const struct hl7_message *m, const char *p, const char *end, char delimiter)
{
    if (m->charset != HL7_GB18030) {
        const char *found = memchr(p, delimiter, (size_t)(end - p));
        return found ? found : end;
    }
    while (p < end && *p != delimiter)
        p += step(m, p, end);
    return p < end ? p : end;
}

static bool is_utf8(const char *p, size_t len)
{
    const uint8_t *s = (const uint8_t *)p, *end = s + len;
    while (s < end) {
        int more = *s < 0x80 ? 0 : *s >= 0xc2 && *s < 0xe0 ? 1 : *s >= 0xe0 && *s < 0xf0 ? 2 : *s >= 0xf0 && *s < 0xf5 ? 3 : -1;
        if (more < 0 || end - s <= more)
            return false;
        for (s++; more > 0; more--, s++)
            if ((*s & 0xc0) != 0x80)
                return false;
    }
    return true;
}

/* ---- lines and fields ---- */

struct reader {
    struct hl7_message *m;
    const char *p, *end;
    bool cr; /* CR ends segments, so a bare LF is text */
    struct fault *f;
};

static int complain(struct reader *r, int code, const char *reason, const char *what)
{
    return fault_set(r->f, code, reason, "Segment %zu: %s", r->m->n + 1, what);
}

static bool line_end(const struct reader *r, char c)
{
    return c == '\r' || (c == '\n' && !r->cr);
}

/* Past a segment's end and the blank lines behind it. */
static struct hl7_span take_end(struct reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && (*r->p == '\r' || *r->p == '\n'))
        r->p++;
    return (struct hl7_span){from, (size_t)(r->p - from)};
}

static const char *end_of_line(const struct reader *r)
{
    const char *p = r->p, *end = r->end;
    if (r->m->charset != HL7_GB18030 && r->cr) {
        p = memchr(p, '\r', (size_t)(end - p));
        return p ? p : end;
    }
    while (p < end && !line_end(r, *p))
        p += step(r->m, p, end);
    return p < end ? p : end;
}

static int add_field(struct reader *r, const char *from, const char *to)
{
    struct hl7_message *m = r->m;
    if (m->n_fields == HL7_FIELDS_MAX)
        return complain(r, ERR_TOO_LARGE, "fields", "the message has too many fields.");
    if (m->n_fields == m->cap_fields) {
        size_t cap = m->cap_fields ? 2 * m->cap_fields : 256;
        void *more = realloc(m->fields, cap * sizeof *m->fields);
        if (!more)
            return complain(r, ERR_UNAVAILABLE, "memory", "out of memory.");
        m->fields = more;
        m->cap_fields = cap;
    }
    m->fields[m->n_fields].at = (uint32_t)(from - m->bytes);
    m->fields[m->n_fields++].len = (uint32_t)(to - from);
    return 0;
}

static int add_segment(struct reader *r, struct hl7_segment **out)
{
    struct hl7_message *m = r->m;
    if (m->n == HL7_SEGMENTS_MAX)
        return complain(r, ERR_TOO_LARGE, "segments", "the message has too many segments.");
    if (m->n == m->cap_segments) {
        size_t cap = m->cap_segments ? 2 * m->cap_segments : 32;
        void *more = realloc(m->segments, cap * sizeof *m->segments);
        if (!more)
            return complain(r, ERR_UNAVAILABLE, "memory", "out of memory.");
        m->segments = more;
        m->cap_segments = cap;
    }
    *out = &m->segments[m->n];
    **out = (struct hl7_segment){.name = {r->p, 3}, .first = (uint32_t)m->n_fields};
    return 0;
}

static bool name_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool names_segment(const struct reader *r, const char *to)
{
    const char *p = r->p;
    return to - p >= 3 && p[0] >= 'A' && p[0] <= 'Z' && name_byte(p[1]) && name_byte(p[2]) && (to - p == 3 || p[3] == r->m->field);
}

static bool is_header(const char *name)
{
    return memcmp(name, "MSH", 3) == 0 || memcmp(name, "FHS", 3) == 0 || memcmp(name, "BHS", 3) == 0;
}

static int read_segment(struct reader *r)
{
    struct hl7_message *m = r->m;
    const char *to = end_of_line(r), *from = r->p + 4;
    struct hl7_segment *s = NULL;
    if (!names_segment(r, to))
        return complain(r, ERR_MALFORMED, "segment", "the line is no segment.");
    int rc = add_segment(r, &s);
    bool header = is_header(r->p);
    for (bool first = true; rc == 0 && from <= to; first = false) {
        /* MSH-2 holds the other delimiters themselves, so it is looked at byte by byte */
        const char *stop = header && first ? memchr(from, m->field, (size_t)(to - from)) : find(m, from, to, m->field);
        stop = stop ? stop : to;
        rc = add_field(r, from, stop);
        from = stop + 1;
    }
    if (rc)
        return rc;
    s->n = (uint32_t)(m->n_fields - s->first);
    r->p = to;
    s->end = take_end(r);
    m->n++;
    return 0;
}

/* 2.5.4: MSH-1 is the byte behind the name, MSH-2 the others in their order; those at its end may be missing. */
static int read_delimiters(struct reader *r)
{
    struct hl7_message *m = r->m;
    char *const places[] = {&m->component, &m->repeat, &m->escape, &m->sub};
    const char *p = r->p;
    if (r->end - p < 4 || !is_header(p))
        return fault_set(r->f, ERR_MALFORMED, "no_header", "The message does not begin with MSH.");
    m->field = p[3];
    if (name_byte(m->field) || m->field == '\r' || m->field == '\n' || (uint8_t)m->field >= 0x80 || !m->field)
        return complain(r, ERR_MALFORMED, "delimiters", "the byte behind MSH cannot be a delimiter.");
    p += 4;
    for (size_t i = 0; i < 4 && p < r->end && *p != m->field && !(*p == '\r' || *p == '\n'); i++, p++) {
        if (i == 3 && *p == m->escape && p + 1 < r->end) /* written twice by senders who escape what they should not */
            p++;
        *places[i] = *p;
        if (*p == m->field || (uint8_t)*p >= 0x80 || name_byte(*p) || !*p || (memchr(r->p + 3, *p, (size_t)(p - r->p - 3))))
            return complain(r, ERR_MALFORMED, "delimiters", "two delimiters are the same, or one cannot be.");
    }
    return m->component ? 0 : complain(r, ERR_MALFORMED, "delimiters", "MSH-2 is empty.");
}

/* The first line says how segments end: by CR, or by LF and CRLF. */
static bool uses_cr(const char *p, const char *end)
{
    while (p < end && *p != '\r' && *p != '\n')
        p++;
    return p < end && *p == '\r' && !(p + 1 < end && p[1] == '\n');
}

static int read_all(struct hl7_message *m, struct fault *f)
{
    struct reader r = {.m = m, .p = m->bytes, .end = m->bytes + m->len, .f = f};
    m->n = m->n_fields = 0;
    m->field = m->component = m->repeat = m->escape = m->sub = 0;
    if (m->len >= 3 && memcmp(r.p, "\xef\xbb\xbf", 3) == 0)
        r.p += 3;
    while (r.p < r.end && (*r.p == '\r' || *r.p == '\n' || *r.p == ' '))
        r.p++;
    m->lead = (struct hl7_span){m->bytes, (size_t)(r.p - m->bytes)};
    int rc = read_delimiters(&r);
    r.cr = uses_cr(r.p, r.end);
    while (rc == 0 && r.p < r.end)
        rc = read_segment(&r);
    return rc;
}

static bool says(struct hl7_span s, const char *word)
{
    return s.len >= strlen(word) && memcmp(s.at, word, strlen(word)) == 0;
}

/* -1: MSH-18 says nothing that is known. Its first repetition is the one that counts. */
static int said_charset(const struct hl7_message *m)
{
    struct hl7_span s = m->n ? hl7_split(m, hl7_field(m, &m->segments[0], 18), m->repeat, 1) : nothing;
    if (says(s, "GB"))
        return HL7_GB18030;
    if (says(s, "UNICODE") || says(s, "UTF"))
        return HL7_UTF8;
    if (says(s, "8859/") || says(s, "ISO"))
        return HL7_LATIN1;
    return says(s, "ASCII") ? HL7_UTF8 : -1; /* more than ASCII in it: as if it had said nothing worse */
}

int hl7_parse(struct hl7_message *m, const void *bytes, size_t len, enum hl7_charset assumed, struct fault *f)
{
    memset(m, 0, sizeof *m);
    m->bytes = bytes;
    m->len = len;
    m->charset = is_utf8(bytes, len) ? HL7_UTF8 : HL7_GB18030;
    if (len > UINT32_MAX / 2)
        return fault_set(f, ERR_TOO_LARGE, "bytes", "The message is too long.");
    if (len && memchr(bytes, 0, len))
        return fault_set(f, ERR_MALFORMED, "nul", "The message holds a NUL byte.");
    int rc = read_all(m, f);
    int said = rc ? -1 : said_charset(m);
    enum hl7_charset c = said >= 0 ? (enum hl7_charset)said : m->charset == HL7_UTF8 ? HL7_UTF8 : assumed == HL7_UTF8 ? HL7_GB18030 : assumed;
    if (said == HL7_UTF8 && m->charset != HL7_UTF8)
        c = HL7_GB18030; /* it says UTF-8 and is not: the usual other one */
    if (rc || c == m->charset)
        return rc;
    bool again = c == HL7_GB18030 || m->charset == HL7_GB18030; /* delimiters may lie elsewhere */
    m->charset = c;
    return again ? read_all(m, f) : 0;
}

bool hl7_batch_next(const void *bytes, size_t len, size_t *at, struct hl7_span *message)
{
    const char *p = (const char *)bytes + *at, *end = (const char *)bytes + len, *from = NULL;
    if (*at == 0 && len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    for (; p < end; p += p < end) {
        bool header = end - p > 3 && (is_header(p) || memcmp(p, "BTS", 3) == 0 || memcmp(p, "FTS", 3) == 0) && !name_byte(p[3]);
        if (header && from)
            break;
        if (header && *p == 'M')
            from = p;
        while (p < end && *p != '\r' && *p != '\n')
            p++;
    }
    *at = (size_t)(p - (const char *)bytes);
    *message = from ? (struct hl7_span){from, (size_t)(p - from)} : nothing;
    return from != NULL;
}

void hl7_fini_converter(struct hl7_message *m);
void hl7_fini(struct hl7_message *m)
{
    hl7_fini_converter(m);
    free(m->segments);
    free(m->fields);
    memset(m, 0, sizeof *m);
}

/* ---- parts ---- */

bool hl7_is(const struct hl7_segment *s, const char *name)
{
    return memcmp(s->name.at, name, 3) == 0;
}

const struct hl7_segment *hl7_segment(const struct hl7_message *m, const char *name, size_t n)
{
    for (size_t i = 0; i < m->n; i++)
        if (hl7_is(&m->segments[i], name) && n-- == 0)
            return &m->segments[i];
    return NULL;
}

struct hl7_span hl7_field(const struct hl7_message *m, const struct hl7_segment *s, unsigned field)
{
    if (!s || field == 0)
        return nothing;
    if (is_header(s->name.at)) {
        if (field == 1) /* a header again, cut off behind its name, has none */
            return s->name.at + 3 < m->bytes + m->len ? (struct hl7_span){s->name.at + 3, 1} : nothing;
        field--;
    }
    if (field > s->n)
        return nothing;
    return (struct hl7_span){m->bytes + m->fields[s->first + field - 1].at, m->fields[s->first + field - 1].len};
}

struct hl7_span hl7_split(const struct hl7_message *m, struct hl7_span whole, char delimiter, unsigned n)
{
    if (!whole.at || n == 0)
        return nothing;
    const char *p = whole.at, *end = whole.at + whole.len;
    if (!delimiter)
        return n == 1 ? whole : nothing;
    for (;;) {
        const char *stop = find(m, p, end, delimiter);
        if (--n == 0)
            return (struct hl7_span){p, (size_t)(stop - p)};
        if (stop == end)
            return nothing;
        p = stop + 1;
    }
}

size_t hl7_count(const struct hl7_message *m, struct hl7_span whole, char delimiter)
{
    if (!whole.len)
        return 0;
    const char *p = whole.at, *end = whole.at + whole.len;
    size_t n = 1;
    while (delimiter && p < end && (p = find(m, p, end, delimiter)) < end) {
        n++;
        p++;
    }
    return n;
}

size_t hl7_repetitions(const struct hl7_message *m, const struct hl7_segment *s, unsigned field)
{
    return hl7_count(m, hl7_field(m, s, field), m->repeat);
}

struct hl7_span hl7_part(const struct hl7_message *m, const struct hl7_segment *s, const struct hl7_path *p)
{
    struct hl7_span part = hl7_field(m, s, p->field);
    if (p->repetition || p->component)
        part = hl7_split(m, part, m->repeat, p->repetition ? p->repetition : 1);
    if (p->component)
        part = hl7_split(m, part, m->component, p->component);
    return p->sub ? hl7_split(m, part, m->sub, p->sub) : part;
}

struct hl7_span hl7_at(const struct hl7_message *m, const char *path)
{
    struct hl7_path p;
    if (hl7_path_parse(path, &p))
        abort();
    return hl7_part(m, hl7_segment(m, p.segment, p.occurrence ? p.occurrence - 1u : 0), &p);
}

/* ---- paths ---- */

static const char *number(const char *p, uint16_t *out)
{
    unsigned v = 0;
    const char *from = p;
    while (*p >= '0' && *p <= '9' && v < 10000)
        v = v * 10 + (unsigned)(*p++ - '0');
    *out = (uint16_t)v;
    return p > from && v > 0 && v < 10000 ? p : NULL;
}

static const char *bracketed(const char *p, char open, char close, uint16_t *out)
{
    if (*p != open)
        return p;
    p = number(p + 1, out);
    return p && *p == close ? p + 1 : NULL;
}

int hl7_path_parse(const char *text, struct hl7_path *out)
{
    memset(out, 0, sizeof *out);
    if (!(text[0] >= 'A' && text[0] <= 'Z') || !name_byte(text[1]) || !name_byte(text[2]))
        return ERR_INVALID;
    memcpy(out->segment, text, 3);
    const char *p = bracketed(text + 3, '[', ']', &out->occurrence);
    p = p && *p == '-' ? number(p + 1, &out->field) : NULL;
    p = p ? bracketed(p, '(', ')', &out->repetition) : NULL;
    if (p && *p == '.')
        p = number(p + 1, &out->component);
    if (p && *p == '.' && out->component)
        p = number(p + 1, &out->sub);
    return p && !*p ? 0 : ERR_INVALID;
}

void hl7_path_print(const struct hl7_path *p, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%s", p->segment);
    if (p->occurrence > 1)
        n += snprintf(out + n, cap - (size_t)n, "[%u]", p->occurrence);
    if (p->field)
        n += snprintf(out + n, cap - (size_t)n, "-%u", p->field);
    if (p->repetition > 1)
        n += snprintf(out + n, cap - (size_t)n, "(%u)", p->repetition);
    if (p->component)
        n += snprintf(out + n, cap - (size_t)n, ".%u", p->component);
    if (p->sub)
        snprintf(out + n, cap - (size_t)n, ".%u", p->sub);
}
