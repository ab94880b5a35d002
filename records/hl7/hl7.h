/* hl7 - HL7 v2.3 to v2.8 messages in the ER7 form (HL7 v2.8 chapter 2): read, addressed by path, written back byte for byte.
 *
 * Pure: no I/O, no clock; any thread, one at a time on one object. A message keeps the bytes it was read from and only notes where
 * fields lie in them, so nothing of what came is lost; components are found when they are asked for. The caller keeps the bytes alive.
 *
 * Lenient where senders differ and nothing is lost: a byte-order mark or blank lines before MSH, segments ended by CR, LF or CRLF (a
 * message that uses CR keeps bare LF as text), delimiters of any kind, fields and segments nobody knows. Strict where meaning would be
 * guessed: no MSH, a line that is no segment, two delimiters that are the same, more than the limits below.
 * Character sets (MSH-18, table 0211): ASCII, UTF-8, ISO 8859-1, GB 18030 with GBK and GB 2312 in it. A GB second byte may look like a
 * delimiter: delimiters are looked for between characters, not between bytes.
 */
#ifndef YL_RECORDS_HL7_HL7_H
#define YL_RECORDS_HL7_HL7_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HL7_SEGMENTS_MAX 20000
#define HL7_FIELDS_MAX 400000 /* of a message */

enum hl7_charset { HL7_UTF8, HL7_GB18030, HL7_LATIN1 };

struct hl7_span { /* bytes of the message */
    const char *at;
    size_t len;
};

struct hl7_segment {
    struct hl7_span name; /* "PID" */
    uint32_t first, n;    /* fields; those of MSH, FHS and BHS begin with field 2 (1 is the delimiter itself) */
    struct hl7_span end;  /* what ended it, with blank lines that follow */
};

struct hl7_message {
    const char *bytes;
    size_t len;
    char field, component, repeat, escape, sub; /* 0 = the message has none */
    enum hl7_charset charset;
    struct hl7_span lead; /* before the first segment */
    struct hl7_segment *segments;
    size_t n;
    struct { /* of one field */
        uint32_t at, len;
    } *fields;
    size_t n_fields, cap_fields, cap_segments;
    void *converter; /* iconv_t, opened when needed */
};

/* 0, or ERR_MALFORMED / ERR_TOO_LARGE with *f saying the line (segment number from 1) - never the line's content. `assumed` is the
 * character set of a message whose MSH-18 says nothing; text that is no UTF-8 is then taken for GB 18030. */
YL_CHECKED int hl7_parse(struct hl7_message *m, const void *bytes, size_t len, enum hl7_charset assumed, struct fault *f);
void hl7_fini(struct hl7_message *m); /* also after a failed hl7_parse */

/* The next message of a batch or of a file of messages (2.10.3: FHS, BHS, BTS, FTS are passed over). *at starts at 0. False at the
 * end; what lies before the first MSH and after the last is not a message. */
bool hl7_batch_next(const void *bytes, size_t len, size_t *at, struct hl7_span *message);

/* ---- where: SEG[occurrence]-field(repetition).component.subcomponent, all counted from 1; what is left out of the end is not asked
 * for: "PID-3" is the whole field with its repetitions, "PID-3(2)" one of them, "PID-3(2).4" a component. ---- */
struct hl7_path {
    char segment[4];
    uint16_t occurrence, field, repetition, component, sub; /* 0 = the whole (occurrence 0 = the first) */
};
YL_CHECKED int hl7_path_parse(const char *text, struct hl7_path *out); /* ERR_INVALID */
void hl7_path_print(const struct hl7_path *p, char *out, size_t cap);

/* Number n (from 0) of the segments of this name; NULL = there is none. */
const struct hl7_segment *hl7_segment(const struct hl7_message *m, const char *name, size_t n);
bool hl7_is(const struct hl7_segment *s, const char *name);

/* Parts of a segment as they stand, escapes and all. An absent part is an empty span with at NULL; `""` (delete this) is a value of
 * two quotation marks: hl7_null. `component`/`sub` 0 = the whole above. `repetition` counts from 1; 0 = the whole field. */
struct hl7_span hl7_part(const struct hl7_message *m, const struct hl7_segment *s, const struct hl7_path *p);
struct hl7_span hl7_field(const struct hl7_message *m, const struct hl7_segment *s, unsigned field);
size_t hl7_repetitions(const struct hl7_message *m, const struct hl7_segment *s, unsigned field);
/* The part of a span between delimiter number n-1 and n (n from 1). */
struct hl7_span hl7_split(const struct hl7_message *m, struct hl7_span whole, char delimiter, unsigned n);
size_t hl7_count(const struct hl7_message *m, struct hl7_span whole, char delimiter); /* parts; 0 of an empty span */
struct hl7_span hl7_at(const struct hl7_message *m, const char *path);                /* for constant paths; aborts on a wrong one */
static inline bool hl7_null(struct hl7_span s)
{
    return s.len == 2 && s.at[0] == '"' && s.at[1] == '"';
}
static inline bool hl7_empty(struct hl7_span s)
{
    return s.len == 0;
}

/* ---- text ---- */
/* The span as UTF-8 with its escapes undone (2.7: \F\ \S\ \T\ \R\ \E\ \X..\ \.br\ ...; highlighting is dropped, what nobody knows stays),
 * NUL-terminated, cut at a character to fit cap; `""` gives "". Bytes that are no text become U+FFFD. Returns the length. */
size_t hl7_text(struct hl7_message *m, struct hl7_span span, char *out, size_t cap);
size_t hl7_text_at(struct hl7_message *m, const char *path, char *out, size_t cap);
/* YYYY[MM[DD[HH[MM[SS[.S]]]]]][+-ZZZZ] to milliseconds UTC; digits says how many of YYYYMMDDHHMMSS were there. Without a zone it is
 * local time `zone_min` east of UTC. ERR_INVALID for no such time. */
YL_CHECKED int hl7_time(struct hl7_span span, int zone_min, int64_t *ms, int *digits);

/* ---- writing ---- */
/* The message from its parts, delimiter by delimiter; equals what was read. Returns the length; only counts when cap is short. */
size_t hl7_write(const struct hl7_message *m, char *out, size_t cap);

struct hl7_writer { /* a message that is made; grows; UTF-8, |^~\& */
    char *bytes;
    size_t len, cap;
    bool failed; /* memory ran out: everything after is nothing */
};
void hl7_put(struct hl7_writer *w, const char *bytes, size_t len);   /* as it is */
void hl7_puts(struct hl7_writer *w, const char *text);               /* delimiters and all, "|" between fields is the caller's */
void hl7_put_text(struct hl7_writer *w, const char *text);           /* escaped */
void hl7_put_time(struct hl7_writer *w, int64_t ms, int zone_min);   /* YYYYMMDDHHMMSS.SSS+ZZZZ */
void hl7_writer_fini(struct hl7_writer *w);
/* A UTF-8 message in another character set (for an answer in the asker's); new bytes, NULL = memory ran out. */
char *hl7_encode(enum hl7_charset to, const char *bytes, size_t len, size_t *out_len);
const char *hl7_charset_word(enum hl7_charset c); /* as in MSH-18 */
#endif
