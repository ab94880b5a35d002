/* er7 - our own objects as HL7 v2.5.1 messages, for receivers that speak MLLP. docs/protocol/hl7-out.md says which segment and field holds what.
 *
 * | object                                   | first told    | told again                          | over        |
 * | Patient (a person of the index)          | ADT^A28       | ADT^A31                             | ADT^A40     |
 * | ServiceRequest (a consultation asked for)| REF^I12       | REF^I13                             | REF^I14     |
 * | Task (how far it is)                     | RRI^I12       | RRI^I12                             | RRI^I12     |
 * | Task, the opinion that was signed        | MDM^T02       | MDM^T10                             |             |
 * | Appointment                              | SIU^S12       | SIU^S14, other time: SIU^S13        | SIU^S15     |
 *
 * A message is made of the resources as this receiver may see them (records/fhir/view.h), so that masks and scopes hold here as there.
 * Pure: no rows, no clock; any thread.
 */
#ifndef YL_RECORDS_OUTGOING_ER7_H
#define YL_RECORDS_OUTGOING_ER7_H

#include "records/hl7/hl7.h"
#include <jansson.h>

#define ER7_CONTROL_BYTES 21 /* MSH-10 is an ST of 20 */
#define ER7_CONTENT_START 32
#define ER7_NAME_BYTES 100

/* How an entry stands to what this receiver was told before; kept with its number (out_item.act), so that a repeat is the same event. */
enum er7_act { ER7_NEW = 1, ER7_CHANGED, ER7_MOVED, ER7_JOINED /* a person is part of another now */, ER7_ENDED /* nobody meets any more */ };

struct er7_to { /* the receiver */
    char application[ER7_NAME_BYTES], facility[ER7_NAME_BYTES]; /* MSH-5.1, MSH-6.1 */
    enum hl7_charset charset;
};
struct er7_thing {
    const char *type;       /* "Patient", ... */
    bool report;            /* of a Task: the opinion */
    enum er7_act act;
    const char *control;    /* MSH-10 */
    const char *name;       /* the resource's id; of ER7_JOINED the number that is no more */
    int64_t seq, before;    /* under which it goes, under which it went the last time (0 = never) */
    int64_t now_ms;
    const json_t *body;     /* the resource; of a person that was joined: the one he is part of */
    const json_t *patient;  /* whom it is about, NULL = not for this receiver */
};
/* In the receiver's character set. ERR_INTERNAL: no message is made of this type; ERR_UNAVAILABLE: out of memory. The caller ends *out, also then. */
YL_CHECKED int er7_compose(const struct er7_thing *thing, const struct er7_to *to, struct hl7_writer *out);

/* What a message about this resource would say, as text to be compared: without version, time of change and what another message carries. malloc'd, NULL =
 * there is nothing to say (a Task without an opinion). `start`: when an appointment begins, "" of anything else. */
char *er7_content(const char *type, bool report, const char *body, char start[ER7_CONTENT_START]);
/* Was it called off? A receiver who was never told of it need not hear. */
bool er7_is_over(const char *type, const char *body);

/* MSH-10 of a receiver's number: the same in every try; no longer than the standard allows, no two receivers have the same. */
void er7_control(uint64_t receiver, int64_t seq, char out[ER7_CONTROL_BYTES]);

/* ---- what the receiver said (2.9.2, 2.9.3) ---- */
enum er7_word {
    ER7_TAKEN,   /* AA, CA */
    ER7_REFUSED, /* AE, CE: what is in the message; a person has to look */
    ER7_LATER,   /* AR, CR: not because of what is in it; the same message may be taken another time */
    ER7_OTHERS,  /* an answer to another message */
    ER7_STRANGE  /* none that can be read */
};
struct er7_verdict {
    enum er7_word word;
    char text[240]; /* the code, ERR's place and code, the other side's words, without what was the patient's; UTF-8 */
};
void er7_judge(const char *answer, size_t len, const char *control, const struct hl7_writer *sent, struct er7_verdict *out);
#endif
