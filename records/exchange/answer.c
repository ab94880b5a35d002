/* Acknowledgements: MSH, MSA, ERR (HL7 v2.8 2.9, 2.14). */
#include "records/exchange/exchange.h"
#include "server/base/id.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *exchange_code_text(int code)
{
    switch (code) {
    case 100: return "Segment sequence error";
    case 101: return "Required field missing";
    case 102: return "Data type error";
    case 103: return "Table value not found";
    case 200: return "Unsupported message type";
    case 201: return "Unsupported event code";
    case 203: return "Unsupported version id";
    case 204: return "Unknown key identifier";
    case 205: return "Duplicate key identifier";
    default: return "Application internal error";
    }
}

static void put_field(struct hl7_writer *w, struct hl7_message *m, const char *path)
{
    char text[256];
    hl7_puts(w, "|");
    struct hl7_span field = hl7_at(m, path);
    size_t n = hl7_count(m, field, m->component);
    while (n > 1 && !hl7_split(m, field, m->component, (unsigned)n).len)
        n--; /* "APP^^" is APP */
    for (unsigned i = 1; i <= n; i++) {
        if (i > 1)
            hl7_puts(w, "^");
        hl7_text(m, hl7_split(m, field, m->component, i), text, sizeof text);
        hl7_put_text(w, text);
    }
}

/* The asker's own delimiters do not bind an answer; its version and character set do. */
void exchange_put_header(struct hl7_writer *w, struct hl7_message *m, const char *type, int64_t now_ms)
{
    char id[ID_TEXT_BYTES];
    id_format(id_new(), id);
    hl7_puts(w, "MSH|^~\\&");
    put_field(w, m, "MSH-5");
    put_field(w, m, "MSH-6");
    put_field(w, m, "MSH-3");
    put_field(w, m, "MSH-4");
    hl7_puts(w, "|");
    hl7_put_time(w, now_ms, EXCHANGE_ZONE_MIN);
    hl7_puts(w, "||");
    hl7_puts(w, type);
    hl7_puts(w, "|");
    hl7_puts(w, id);
    put_field(w, m, "MSH-11");
    put_field(w, m, "MSH-12");
    if (m->charset != HL7_UTF8 || hl7_at(m, "MSH-18").len) {
        hl7_puts(w, "||||||");
        hl7_puts(w, hl7_charset_word(m->charset));
    }
    hl7_puts(w, "\r");
}

/* ERR-2 is a location of its own since 2.5; before, ERR-1 held place and code in one. */
static bool old_err(struct hl7_message *m)
{
    char version[16];
    hl7_text_at(m, "MSH-12.1", version, sizeof version);
    return version[0] && strcmp(version, "2.5") < 0;
}

static void put_place(struct hl7_writer *w, const struct hl7_path *at, bool old)
{
    char text[80];
    unsigned occurrence = at->occurrence ? at->occurrence : 1, repetition = at->repetition ? at->repetition : 1;
    if (!at->segment[0])
        return;
    int n = snprintf(text, sizeof text, "%s^%u", at->segment, occurrence);
    if (at->field)
        n += snprintf(text + n, sizeof text - (size_t)n, "^%u", at->field);
    if (at->field && !old && at->component)
        n += snprintf(text + n, sizeof text - (size_t)n, "^%u^%u", repetition, at->component);
    if (at->field && !old && at->component && at->sub)
        snprintf(text + n, sizeof text - (size_t)n, "^%u", at->sub);
    hl7_puts(w, text);
}

static void put_err(struct hl7_writer *w, struct hl7_message *m, const struct exchange_flaw *flaw)
{
    char text[40];
    bool old = old_err(m);
    hl7_puts(w, old ? "ERR|" : "ERR||");
    put_place(w, &flaw->at, old);
    if (old) {
        for (int i = flaw->at.segment[0] ? (flaw->at.field ? 2 : 1) : 0; i < 3; i++)
            hl7_puts(w, "^");
        snprintf(text, sizeof text, "%d&", flaw->code);
        hl7_puts(w, text);
        hl7_put_text(w, exchange_code_text(flaw->code));
        hl7_puts(w, "&HL70357\r");
        return;
    }
    snprintf(text, sizeof text, "|%d^", flaw->code);
    hl7_puts(w, text);
    hl7_put_text(w, exchange_code_text(flaw->code));
    hl7_puts(w, "^HL70357|E|||");
    hl7_put_text(w, flaw->reason);
    hl7_puts(w, "\r");
}

void exchange_put_msa(struct hl7_writer *w, struct hl7_message *m, const struct exchange_ack *ack)
{
    char control[220];
    hl7_puts(w, "MSA|");
    hl7_puts(w, ack->code);
    hl7_puts(w, "|");
    hl7_text_at(m, "MSH-10", control, sizeof control);
    hl7_put_text(w, control);
    if (ack->text[0]) {
        hl7_puts(w, "|");
        hl7_put_text(w, ack->text);
    }
    hl7_puts(w, "\r");
    if (ack->flaw)
        put_err(w, m, ack->flaw);
}

/* In the asker's character set. */
void exchange_put_ack(struct hl7_writer *w, struct hl7_message *m, const struct exchange_ack *ack, int64_t now_ms)
{
    char type[64], event[40];
    hl7_text_at(m, "MSH-9.2", event, sizeof event);
    snprintf(type, sizeof type, "ACK%s%s", event[0] ? "^" : "", event);
    struct hl7_path triple;
    if (hl7_path_parse("MSH-9.3", &triple) == 0 && hl7_part(m, hl7_segment(m, "MSH", 0), &triple).len && !old_err(m))
        strcat(type, "^ACK");
    size_t from = w->len;
    exchange_put_header(w, m, type, now_ms);
    exchange_put_msa(w, m, ack);
    if (m->charset != HL7_UTF8 && !w->failed) {
        size_t len;
        char *bytes = hl7_encode(m->charset, w->bytes + from, w->len - from, &len);
        w->len = from;
        w->failed = !bytes;
        if (bytes)
            hl7_put(w, bytes, len);
        free(bytes);
    }
}
