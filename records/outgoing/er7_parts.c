/* Data types and the segments several messages have. */
#include "records/outgoing/er7_private.h"
#include "records/r4/search.h"
#include "records/term/ts.h"
#include <stdio.h>
#include <string.h>

/* ---- resources ---- */

const char *er7_text(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

const char *er7_first(const json_t *o, const char *list, const char *name)
{
    return er7_text(json_array_get(json_object_get(o, list), 0), name);
}

bool er7_is(const json_t *o, const char *name, const char *word)
{
    return strcmp(er7_text(o, name), word) == 0;
}

int64_t er7_ms(const char *instant)
{
    int64_t low, high;
    return instant[0] && r4_date_interval(instant, strlen(instant), ER7_ZONE_MIN, &low, &high) ? low : 0;
}

struct er7_code er7_concept(const json_t *concept)
{
    const json_t *coding = json_array_get(json_object_get(concept, "coding"), 0);
    const char *text = er7_text(concept, "text"), *code = er7_text(coding, "code"), *system = er7_text(coding, "system");
    return (struct er7_code){code, text[0] ? text : er7_text(coding, "display"), !code[0] ? "" : strcmp(system, TS_ICD10_NHSA) == 0 ? "I10" : ER7_CODES};
}

/* ---- fields ---- */

void er7_put(struct hl7_writer *w, const char *text)
{
    hl7_puts(w, "|");
    hl7_put_text(w, text);
}

void er7_skip(struct hl7_writer *w, unsigned fields)
{
    while (fields-- > 0)
        hl7_puts(w, "|");
}

void er7_put_int(struct hl7_writer *w, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    er7_put(w, text);
}

void er7_put_ms(struct hl7_writer *w, int64_t ms)
{
    hl7_puts(w, "|");
    if (ms)
        hl7_put_time(w, ms, ER7_ZONE_MIN);
}

static void components(struct hl7_writer *w, const char *const *parts, size_t n)
{
    while (n > 0 && !parts[n - 1][0])
        n--; /* what is empty at the end is not written (2.6) */
    for (size_t i = 0; i < n; i++) {
        if (i)
            hl7_puts(w, "^");
        hl7_put_text(w, parts[i]);
    }
}

void er7_put_code(struct hl7_writer *w, struct er7_code c)
{
    const char *parts[] = {c.code, c.text, c.code[0] ? c.system : ""};
    hl7_puts(w, "|");
    components(w, parts, 3);
}

void er7_put_ei(struct hl7_writer *w, const char *number)
{
    const char *parts[] = {number, number[0] ? ER7_US : ""};
    hl7_puts(w, "|");
    components(w, parts, 2);
}

bool er7_is_person(const json_t *reference)
{
    return er7_is(reference, "type", "Practitioner");
}

/* XCN: our number of the person, the name whole as it is written (family name first, no blank: nobody here knows where it ends). */
void er7_add_person(struct hl7_writer *w, const json_t *reference)
{
    const char *number = er7_text(json_object_get(reference, "identifier"), "value"), *name = er7_text(reference, "display");
    const char *parts[] = {number, name, "", "", "", "", "", "", number[0] ? ER7_US : ""};
    components(w, parts, 9);
}

void er7_put_person(struct hl7_writer *w, const json_t *reference)
{
    hl7_puts(w, "|");
    er7_add_person(w, reference);
}

/* ---- PRD ---- */

/* An institution has no XPN: it is the place, PL.4 its code, PL.9 its name. */
void er7_put_provider(struct hl7_writer *w, struct er7_code role, const json_t *reference)
{
    const char *number = er7_text(json_object_get(reference, "identifier"), "value"), *name = er7_text(reference, "display");
    const char *place[] = {"", "", "", number, "", "", "", "", name}, *id[] = {number, ER7_CODES};
    if (!number[0] && !name[0])
        return;
    hl7_puts(w, "PRD");
    er7_put_code(w, role);
    er7_put(w, er7_is_person(reference) ? name : "");
    er7_skip(w, 2);
    if (!er7_is_person(reference))
        components(w, place, 9);
    if (er7_is_person(reference)) {
        er7_skip(w, 3);
        components(w, id, 2);
    }
    hl7_puts(w, "\r");
}

/* ---- PID ---- */

/* CX: an object identifier stands in CX.4.2 with ISO, a name in CX.4.1. */
static void put_number(struct hl7_writer *w, const json_t *identifier)
{
    const char *system = er7_text(identifier, "system"), *colon = strrchr(system, ':');
    bool oid = strncmp(system, "urn:oid:", 8) == 0;
    hl7_put_text(w, er7_text(identifier, "value"));
    hl7_puts(w, "^^^");
    if (oid)
        hl7_puts(w, "&");
    hl7_put_text(w, colon ? colon + 1 : system);
    hl7_puts(w, oid ? "&ISO^" : "^");
    hl7_put_text(w, er7_first(json_object_get(identifier, "type"), "coding", "code"));
}

/* Our own number first, then those by which others know the person. One of which only the fact is shown (a masked number) is left out. */
static void put_numbers(struct hl7_writer *w, const json_t *patient)
{
    size_t i;
    json_t *one;
    hl7_put_text(w, er7_text(patient, "id"));
    hl7_puts(w, "^^^" ER7_US "^PI");
    json_array_foreach(json_object_get(patient, "identifier"), i, one)
    {
        if (!er7_text(one, "value")[0])
            continue;
        hl7_puts(w, "~");
        put_number(w, one);
    }
}

/* XPN: type L (legal), representation I (ideographic). */
static void put_name(struct hl7_writer *w, const json_t *patient)
{
    const json_t *name = json_array_get(json_object_get(patient, "name"), 0);
    const char *given = json_string_value(json_array_get(json_object_get(name, "given"), 0)), *family = er7_text(name, "family");
    const char *parts[] = {family[0] ? family : er7_text(name, "text"), family[0] && given ? given : "", "", "", "", "", "L", "I"};
    hl7_puts(w, "|");
    if (parts[0][0])
        components(w, parts, 8);
}

/* 1980-05-06, or its beginning, without the dashes. */
static void put_birth(struct hl7_writer *w, const char *date)
{
    hl7_puts(w, "|");
    for (; *date; date++)
        if (*date >= '0' && *date <= '9')
            hl7_put(w, date, 1);
}

static const char *sex_of(const json_t *patient)
{
    return er7_is(patient, "gender", "male") ? "M" : er7_is(patient, "gender", "female") ? "F" : er7_is(patient, "gender", "other") ? "O" : "U";
}

void er7_put_pid(struct hl7_writer *w, const json_t *patient)
{
    hl7_puts(w, "PID|1||");
    if (patient)
        put_numbers(w, patient);
    er7_skip(w, 1);
    put_name(w, patient);
    er7_skip(w, 1);
    put_birth(w, er7_text(patient, "birthDate"));
    er7_put(w, sex_of(patient));
    er7_skip(w, 2);
    er7_put(w, er7_first(patient, "address", "text"));
    hl7_puts(w, "\r");
}
