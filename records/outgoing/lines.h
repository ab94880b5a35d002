/* lines - MLLP lines to receivers of HL7: one each, with a thread of its own that waits for the answer, so that a slow one holds up nobody. A line stays open
 * between messages and is given up, thread and all, after LINES_IDLE_MS without one. Over records/exchange/mllp_client.h: in the clear or over TLS.
 *
 * Each receiver has one message under way at most. A line that stood idle may have been closed by the other side: the message goes once more at once, over a new one.
 * Threads: one user, who gives messages and collects what became of them; `wake` is called on a line's thread.
 */
#ifndef YL_RECORDS_OUTGOING_LINES_H
#define YL_RECORDS_OUTGOING_LINES_H

#include "records/hl7/hl7.h"

#define LINES_IDLE_MS 30000
#define LINES_CONNECT_MS 5000
#define LINES_ANSWER_MS 20000

struct lines_config {
    const char *trust, *certificate, *key; /* as of mllp_client.h; copied */
    int connect_ms, answer_ms;             /* 0 = as above */
    void (*wake)(void *ctx);               /* something was answered; NULL = nobody waits elsewhere */
    void *ctx;
};
enum line_outcome { LINE_TAKEN, LINE_REFUSED, LINE_LATER, LINE_SILENT }; /* er7_verdict's words; LINE_SILENT: no answer to this message */
struct line_result {
    enum line_outcome outcome;
    char error[240];
};
struct line_order {
    uint64_t receiver;
    const char *address, *control;  /* borrowed until `done` */
    const struct hl7_writer *text;
    void (*done)(void *ctx, const struct line_result *r); /* by lines_collect */
    void *ctx;
};

struct lines;
struct lines *lines_open_all(const struct lines_config *config); /* NULL: out of memory */
/* ERR_UNAVAILABLE: no memory, no thread, or one is under way already; `done` is then not called. */
YL_CHECKED int lines_send(struct lines *l, const struct line_order *order);
void lines_wait(struct lines *l, int ms); /* until something was answered, at most so long */
void lines_collect(struct lines *l);      /* calls `done` of what was answered; ends idle lines */
void lines_close_all(struct lines *l);    /* breaks off what is under way, `done` is not called; NULL is fine */
#endif
