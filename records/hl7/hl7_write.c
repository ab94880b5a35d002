/* Writing: what was read, and new messages. */
#include "records/hl7/hl7.h"
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct out {
    char *bytes;
    size_t len, cap;
};

static void add(struct out *o, const char *bytes, size_t len)
{
    if (o->len + len <= o->cap && len)
        memcpy(o->bytes + o->len, bytes, len);
    o->len += len;
}

/* The parts of a part, joined again: repetitions of components of subcomponents. */
static void add_parts(const struct hl7_message *m, struct out *o, struct hl7_span whole, int level)
{
    const char delimiters[] = {m->repeat, m->component, m->sub};
    size_t n = level < 3 ? hl7_count(m, whole, delimiters[level]) : 0;
    if (n == 0)
        add(o, whole.at, whole.len);
    for (unsigned i = 1; i <= n; i++) {
        if (i > 1)
            add(o, &delimiters[level], 1);
        add_parts(m, o, hl7_split(m, whole, delimiters[level], i), level + 1);
    }
}

static void add_segment(const struct hl7_message *m, struct out *o, const struct hl7_segment *s)
{
    bool header = hl7_is(s, "MSH") || hl7_is(s, "FHS") || hl7_is(s, "BHS");
    add(o, s->name.at, 3);
    for (unsigned i = 0; i < s->n; i++) {
        struct hl7_span field = {m->bytes + m->fields[s->first + i].at, m->fields[s->first + i].len};
        add(o, &m->field, 1);
        if (header && i == 0)
            add(o, field.at, field.len);
        else
            add_parts(m, o, field, 0);
    }
    add(o, s->end.at, s->end.len);
}

size_t hl7_write(const struct hl7_message *m, char *out, size_t cap)
{
    struct out o = {out, 0, cap};
    add(&o, m->lead.at, m->lead.len);
    for (size_t i = 0; i < m->n; i++)
        add_segment(m, &o, &m->segments[i]);
    return o.len;
}

/* ---- new messages ---- */

void hl7_put(struct hl7_writer *w, const char *bytes, size_t len)
{
    if (w->failed || len == 0)
        return;
    if (w->len + len + 1 > w->cap) {
        size_t cap = w->cap ? w->cap : 512;
        while (cap < w->len + len + 1)
            cap *= 2;
        char *more = realloc(w->bytes, cap);
        if (!more) {
            w->failed = true;
            return;
        }
        w->bytes = more;
        w->cap = cap;
    }
    memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
    w->bytes[w->len] = 0;
}

void hl7_puts(struct hl7_writer *w, const char *text)
{
    hl7_put(w, text, strlen(text));
}

void hl7_put_text(struct hl7_writer *w, const char *text)
{
    static const char special[] = "|^~\\&\r\n", *const words[] = {"\\F\\", "\\S\\", "\\R\\", "\\E\\", "\\T\\", "\\.br\\", "\\.br\\"};
    while (*text) {
        size_t n = strcspn(text, special);
        hl7_put(w, text, n);
        text += n;
        if (*text)
            hl7_puts(w, words[strchr(special, *text++) - special]);
    }
}

void hl7_put_time(struct hl7_writer *w, int64_t ms, int zone_min)
{
    char text[40];
    struct tm tm;
    time_t local = (time_t)(ms / 1000 + (int64_t)zone_min * 60);
    gmtime_r(&local, &tm);
    snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02d.%03d%c%02d%02d", (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100,
             tm.tm_min % 100, tm.tm_sec % 100, (int)(ms % 1000), zone_min < 0 ? '-' : '+', abs(zone_min) / 60 % 100, abs(zone_min) % 60);
    hl7_puts(w, text);
}

void hl7_writer_fini(struct hl7_writer *w)
{
    free(w->bytes);
    memset(w, 0, sizeof *w);
}

/* UTF-8 and GB 18030 hold every character; in Latin-1 what it lacks becomes '?'. */
char *hl7_encode(enum hl7_charset to, const char *bytes, size_t len, size_t *out_len)
{
    size_t cap = len * 2 + 16, left = len, room = cap - 1;
    char *out = malloc(cap), *in = (char *)bytes, *at = out;
    iconv_t c = out ? iconv_open(to == HL7_GB18030 ? "GB18030" : to == HL7_LATIN1 ? "ISO-8859-1" : "UTF-8", "UTF-8") : (iconv_t)-1;
    if (c == (iconv_t)-1) {
        free(out);
        return NULL;
    }
    while (left > 0 && iconv(c, &in, &left, &at, &room) == (size_t)-1 && room > 0) {
        *at++ = '?';
        room--;
        do {
            in++;
            left--;
        } while (left > 0 && ((uint8_t)*in & 0xc0) == 0x80);
    }
    iconv_close(c);
    *at = 0;
    *out_len = (size_t)(at - out);
    return out;
}
