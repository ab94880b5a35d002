/* What an acknowledgement says, and what of it may be shown: an answer likes to repeat what it complains of, and who looks at the receivers' page reads no
 * health data. So every value that our message said of the patient and his illness, and every long number, is struck out of it. */
#include "records/outgoing/er7_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRUCK "***"
#define DIGITS 5      /* as many in a row are somebody's number */
#define WORD_BYTES 4  /* shorter values are no name: "M", "N", one Chinese character */

/* ---- striking out ---- */

static void strike(char *text, size_t cap, const char *what)
{
    size_t len = strlen(what), size = sizeof STRUCK - 1;
    for (char *at = text; len >= WORD_BYTES && (at = strstr(at, what));) {
        size_t rest = strlen(at + len);
        size = (size_t)(at - text) + sizeof STRUCK - 1 + rest + 1 > cap ? 0 : sizeof STRUCK - 1;
        memmove(at + size, at + len, rest + 1);
        memcpy(at, STRUCK, size);
        at += size;
    }
}

static void strike_digits(char *text)
{
    char *to = text;
    for (const char *at = text; *at;) {
        size_t n = strspn(at, "0123456789");
        if (n >= DIGITS) {
            memcpy(to, STRUCK, sizeof STRUCK - 1);
            to += sizeof STRUCK - 1;
            at += n;
        } else {
            n = n ? n : 1;
            memmove(to, at, n);
            to += n;
            at += n;
        }
    }
    *to = 0;
}

/* A name's family and given together, as people write it. */
static void strike_name(struct hl7_message *m, struct hl7_span one, char *text, size_t cap)
{
    char first[200], second[200], both[402];
    if (hl7_text(m, hl7_split(m, one, m->component, 1), first, sizeof first) == 0 || hl7_text(m, hl7_split(m, one, m->component, 2), second, sizeof second) == 0)
        return;
    snprintf(both, sizeof both, "%s%s", first, second);
    strike(text, cap, both);
    snprintf(both, sizeof both, "%s %s", first, second);
    strike(text, cap, both);
}

static void strike_field(struct hl7_message *m, struct hl7_span field, char *text, size_t cap)
{
    char word[400];
    size_t repetitions = hl7_count(m, field, m->repeat);
    for (unsigned r = 1; r <= repetitions; r++) {
        struct hl7_span one = hl7_split(m, field, m->repeat, r);
        strike_name(m, one, text, cap);
        for (unsigned c = 1; c <= hl7_count(m, one, m->component); c++) {
            hl7_text(m, hl7_split(m, one, m->component, c), word, sizeof word);
            strike(text, cap, word);
        }
    }
}

/* Everything said in segments that speak of the patient, his illness or what was found. */
static void strike_sent(const struct hl7_writer *sent, char *text, size_t cap)
{
    static const char *const names[] = {"PID", "MRG", "DG1", "NTE", "OBX"};
    struct hl7_message m;
    struct fault f = {0};
    if (hl7_parse(&m, sent->bytes, sent->len, HL7_UTF8, &f) == 0)
        for (size_t i = 0; i < m.n; i++)
            for (size_t k = 0; k < sizeof names / sizeof *names; k++)
                for (unsigned field = 1; hl7_is(&m.segments[i], names[k]) && field <= m.segments[i].n; field++)
                    strike_field(&m, hl7_field(&m, &m.segments[i], field), text, cap);
    hl7_fini(&m);
    strike_digits(text);
}

/* ---- what is said ---- */

static void add(char *out, size_t cap, const char *word)
{
    size_t n = strlen(out);
    if (word[0] && n < cap)
        snprintf(out + n, cap - n, "%s%s", n ? " · " : "", word);
}

/* ERR-2 since 2.5, ERR-1 before: SEG^n^field^..., as SEG-field. */
static void add_place(struct hl7_message *m, struct hl7_span place, char *out, size_t cap)
{
    char segment[8], field[8], text[24];
    hl7_text(m, hl7_split(m, place, m->component, 1), segment, sizeof segment);
    hl7_text(m, hl7_split(m, place, m->component, 3), field, sizeof field);
    if (strlen(segment) != 3)
        return;
    snprintf(text, sizeof text, field[0] ? "%s-%s" : "%s", segment, field);
    add(out, cap, text);
}

static void add_code(struct hl7_message *m, struct hl7_span code, char delimiter, char *out, size_t cap)
{
    char number[40], text[100], both[150];
    hl7_text(m, hl7_split(m, code, delimiter, 1), number, sizeof number);
    hl7_text(m, hl7_split(m, code, delimiter, 2), text, sizeof text);
    snprintf(both, sizeof both, number[0] && text[0] ? "%s %s" : "%s%s", number, text);
    add(out, cap, both);
}

static void add_error(struct hl7_message *m, const struct hl7_segment *err, char *out, size_t cap)
{
    char text[200];
    struct hl7_span old = hl7_field(m, err, 1);
    add_place(m, old.len ? old : hl7_field(m, err, 2), out, cap);
    if (old.len)
        add_code(m, hl7_split(m, old, m->component, 4), m->sub, out, cap);
    add_code(m, hl7_field(m, err, 3), m->component, out, cap);
    hl7_text(m, hl7_field(m, err, hl7_field(m, err, 8).len ? 8 : 7), text, sizeof text);
    add(out, cap, text);
}

static enum er7_word word_of(const char *code)
{
    bool known = (code[0] == 'A' || code[0] == 'C') && code[1] && !code[2];
    return !known ? ER7_STRANGE : code[1] == 'A' ? ER7_TAKEN : code[1] == 'E' ? ER7_REFUSED : code[1] == 'R' ? ER7_LATER : ER7_STRANGE;
}

static void explain(struct hl7_message *m, const struct hl7_writer *sent, struct er7_verdict *v)
{
    char whole[1000] = "", text[200];
    const struct hl7_segment *err = hl7_segment(m, "ERR", 0);
    if (err)
        add_error(m, err, whole, sizeof whole);
    hl7_text_at(m, "MSA-3", text, sizeof text);
    if (!strstr(whole, text))
        add(whole, sizeof whole, text);
    strike_sent(sent, whole, sizeof whole);
    size_t n = sizeof v->text - 16; /* room for the code and what stands between */
    if (n < strlen(whole)) {
        while (n > 0 && ((unsigned char)whole[n] & 0xc0) == 0x80)
            n--; /* at a character */
        whole[n] = 0;
    }
    add(v->text, sizeof v->text, whole);
}

void er7_judge(const char *answer, size_t len, const char *control, const struct hl7_writer *sent, struct er7_verdict *v)
{
    struct hl7_message m;
    struct fault f = {0};
    char id[80], code[4];
    *v = (struct er7_verdict){.word = ER7_STRANGE};
    if (hl7_parse(&m, answer, len, HL7_UTF8, &f) == 0) {
        hl7_text_at(&m, "MSA-1", code, sizeof code);
        hl7_text_at(&m, "MSA-2", id, sizeof id);
        v->word = strcmp(id, control) == 0 ? word_of(code) : ER7_OTHERS;
        if (v->word == ER7_REFUSED || v->word == ER7_LATER) {
            snprintf(v->text, sizeof v->text, "%s", code);
            explain(&m, sent, v);
        }
    }
    hl7_fini(&m);
}
