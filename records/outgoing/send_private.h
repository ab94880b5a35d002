/* send_private - one message on its way, shared by send.c (what becomes of it, FHIR over HTTP) and send_er7.c (HL7 over MLLP). Nobody else includes it. */
#ifndef YL_RECORDS_OUTGOING_SEND_PRIVATE_H
#define YL_RECORDS_OUTGOING_SEND_PRIVATE_H

#include "records/outgoing/outgoing_private.h"
#include "records/r4/json.h"

struct entry {
    int64_t seq, t_ms, act, told;
    struct fhir_thing thing;
    uint64_t patient;
    bool found;
};
struct transfer {
    struct transfer *next;
    struct outgoing *o;
    struct subscriber s;
    struct entry entries[OUT_BATCH_MAX];
    size_t n;
    char id[100], url[POST_URL_BYTES + 120], headers[1400];
    struct r4_buf body;
    struct hl7_writer text; /* of a receiver of HL7 */
    bool stopped; /* he has refused too much */
};

/* What the other side made of it. */
enum verdict { SEND_TAKEN, SEND_SILENT /* the line waits */, SEND_REFUSED /* after OUT_TRIES a dead letter */, SEND_DEAD /* at once */ };
void transfer_answered(struct transfer *t, enum verdict verdict, const char *error); /* frees it */

/* Of the one entry of t. The error is the transaction's, or ERR_UNAVAILABLE. No text: there is nothing to say any more. */
YL_CHECKED int er7_render(struct transfer *t, struct fhir_view *view, struct tx *tx);
YL_CHECKED int er7_start(struct transfer *t);
#endif
