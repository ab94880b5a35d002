/* er7_private - segments and data types, shared by the files of er7. Nobody else includes it. */
#ifndef YL_RECORDS_OUTGOING_ER7_PRIVATE_H
#define YL_RECORDS_OUTGOING_ER7_PRIVATE_H

#include "records/outgoing/er7.h"

#define ER7_ZONE_MIN 480
#define ER7_US "YILIAN"       /* MSH-3, assigning authority of our numbers */
#define ER7_CODES "99YILIAN"  /* table 0396: codes of our own */

struct er7_code {
    const char *code, *text, *system;
};

const char *er7_text(const json_t *o, const char *name);   /* a member's string, or "" */
const char *er7_first(const json_t *o, const char *list, const char *name); /* of the list's first object */
bool er7_is(const json_t *o, const char *name, const char *word);
int64_t er7_ms(const char *instant); /* FHIR instant; 0 = none */

/* A field each: its delimiter first. */
void er7_put(struct hl7_writer *w, const char *text);      /* escaped; "" = an empty field */
void er7_skip(struct hl7_writer *w, unsigned fields);      /* that many empty ones */
void er7_put_int(struct hl7_writer *w, int64_t n);
void er7_put_ms(struct hl7_writer *w, int64_t ms);         /* TS; 0 = empty */
void er7_put_code(struct hl7_writer *w, struct er7_code c); /* CE */
void er7_put_ei(struct hl7_writer *w, const char *number); /* EI in our namespace; "" = empty */
void er7_add_person(struct hl7_writer *w, const json_t *reference); /* without the delimiter */
void er7_put_person(struct hl7_writer *w, const json_t *reference); /* XCN of a Reference with identifier and display */
bool er7_is_person(const json_t *reference);

void er7_put_pid(struct hl7_writer *w, const json_t *patient); /* a whole segment; NULL: one that says nothing */
void er7_put_provider(struct hl7_writer *w, struct er7_code role, const json_t *reference); /* PRD; nothing for nobody */
struct er7_code er7_concept(const json_t *concept); /* borrows */
#endif
