/* notify - notices to people: the in-app list, the push through the change feed (topic "notice") and the queue of outgoing
 * deliveries (webhook gateway today; SMS and WeChat behind the same interface).
 *
 * A notice cannot carry health data by construction: it is a template id, a case number, an act word, a deadline, and of an alarm the
 * number it is about (struct notify_figure). They are checked (template and act against tables, the case number against a narrow alphabet),
 * none is free text of a person's; the bilingual text is made when it is read or sent. Notices are written in the caller's transaction: no commit, no notice.
 *
 * Threads: notify_* run inside an operation or a deadline, on its thread. The gateways' HTTP calls run on the pool
 * (notify_deliver_due), never inside a transaction.
 * functions.md 3.8 (notification), 4.1 (no health data outside the system).
 */
#ifndef YL_RECORDS_NOTIFY_NOTIFY_H
#define YL_RECORDS_NOTIFY_NOTIFY_H

#include "records/ops/op.h"
#include "server/base/clock.h"

#define NOTIFY_TEXT_BYTES 800 /* of a notice in one language */
#define NOTIFY_PAGE_BYTES 64

/* A number of an institution against its limit: names of tables (config/kpi.json, org) and amounts, never of one person. Texts are borrowed. */
struct notify_figure {
    const char *zh, *en, *org;        /* the number's name, and whose it is */
    const char *period, *unit;        /* as in config/kpi.json; another word is left out */
    bool above;                       /* bad when above the limit, else when below */
    int64_t milli, limit_milli, since_ms; /* thousandths of the unit; since when it is bad */
};
struct notify_about {
    struct case_id case_id;  /* .v 0 = not about a case */
    const char *case_number; /* [A-Za-z0-9-]{0,40} or NULL */
    const char *act;         /* a word of the act table (notify_act_known) or NULL: what the receiver should do */
    int64_t due_ms;          /* 0 = no deadline */
    bool urgent;             /* shown first, not held back by quiet hours */
    const struct notify_figure *figure; /* NULL = it is about no number */
};

/* One notice to one person. `template_id` is a row of records/notify/templates.c: add a row there for a new occasion.
 * ERR_INVALID (and an error log line) for an unknown template or act or a number outside the alphabet: a programmer's error. */
YL_CHECKED int notify_person(struct op_ctx *ctx, struct person_id person, const char *template_id,
                             const struct notify_about *about);
/* The same to several people; a person who is listed twice, or is 0, gets one or none. The acting person is not skipped. */
YL_CHECKED int notify_people(struct op_ctx *ctx, const struct person_id *people, size_t n, const char *template_id,
                             const struct notify_about *about);
/* Marks every unread notice of this case that asks `person` for something as read (the thing was done). */
YL_CHECKED int notify_settle(struct op_ctx *ctx, struct person_id person, struct case_id case_id);
/* Unread notices of a person: for "me". */
int64_t notify_unread(struct tx *tx, struct person_id person);

/* ---- the tables ---- */
struct notify_template {
    const char *id;
    const char *zh, *en; /* {number} {act} {due}, of a figure {what} {beyond} {limit} {since}; what is in [] is left out when one in it is empty */
    bool task;           /* asks for something (settled by notify_settle); else only tells */
    const char *page;    /* where in the application it is dealt with: "/reports", or "room" below the page of its case; NULL = nowhere in particular, or that page itself */
};
struct notify_act {
    const char *word, *zh, *en;
};
extern const struct notify_template notify_templates[]; /* ends with {0} */
extern const struct notify_act notify_acts[];           /* ends with {0} */
const struct notify_template *notify_template_find(const char *id);
bool notify_act_known(const char *word);
/* Where in the application it is dealt with, from "/" on: NULL = nowhere in particular. `out` may be what is returned. */
const char *notify_page(const struct notify_template *t, struct case_id case_id, char out[NOTIFY_PAGE_BYTES]);
/* Text of a notice in one language ("zh" or "en"), times in the zone offset given (minutes east). Always NUL-terminated. */
void notify_text(const struct notify_template *t, const struct notify_about *about, const char *language, int zone_min, char out[NOTIFY_TEXT_BYTES]);

/* ---- a figure's words and its row (figure_text.c) ---- */
struct notify_figure_words {
    char what[NOTIFY_TEXT_BYTES / 2], limit[48]; /* "institution, last 30 days: its name 8 cases" */
    const char *beyond;
};
void notify_figure_words(const struct notify_figure *f, bool zh, struct notify_figure_words *out);
/* As a column of its notice; the text is the caller's to free, NULL = about no number. And back: what `out` borrows from, NULL = there is none; json_decref. */
char *notify_figure_pack(const struct notify_figure *f);
json_t *notify_figure_open(const char *text, struct notify_figure *out);

extern const struct op notify_ops[];
#endif
