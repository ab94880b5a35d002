/* outgoing_private - what the files of records/outgoing share. Nobody else includes it. */
#ifndef YL_RECORDS_OUTGOING_PRIVATE_H
#define YL_RECORDS_OUTGOING_PRIVATE_H

#include "records/exchange/mllp_client.h"
#include "records/fhir/view.h"
#include "records/notify/post.h"
#include "records/outgoing/er7.h"
#include "records/outgoing/lines.h"
#include "records/outgoing/outgoing.h"
#include "records/parts.h"
#include <pthread.h>

/* Kinds of things a feed carries: bits of out_subscriber.kinds. */
enum { OUT_PATIENT = 1, OUT_CONSULTATION = 2, OUT_REPORT = 4, OUT_APPOINTMENT = 8 };
/* out_item.state */
enum { ITEM_WAITING, ITEM_DONE, ITEM_DEAD, ITEM_DROPPED };

struct subscriber {
    uint64_t id, client, org;
    bool hook;           /* a FHIR Subscription; else a feed */
    char status[12];     /* of a hook: what its resource says */
    char name[100], url[POST_URL_BYTES], secret[128], headers[1100], state[12];
    char scopes[600];    /* what he may see now: "" = nothing */
    int64_t kinds, batch, until_ms;
    char type[48], criteria[1100], subscription[VIEW_NAME_BYTES]; /* of a hook */
    bool er7;            /* gets HL7 v2 over MLLP; else FHIR over HTTP */
    struct er7_to to;    /* of er7 */
    bool payload;        /* a hook's: the resource goes with the message */
    int64_t feed_seq, fhir_seq, export_stage, export_after, last_seq, tries, next_ms, dead_in_row;
};

struct found { /* what concerns a subscriber and is to be numbered */
    char type[48];
    bool own, report;
    int64_t pkey, rid;
    uint64_t other; /* of a person: whom the record that changed belongs to now */
    int64_t act, told;
    char mark[33], start[ER7_CONTENT_START];
};

struct transfer;
struct outgoing {
    struct records *records;
    char allow[1200];
    struct post_line *line;
    struct lines *lines;
    struct transfer *under_way; /* one a subscriber */
    int64_t pruned_ms;
    pthread_t thread;
    pthread_mutex_t lock;   /* of stop, with the signal */
    pthread_cond_t wake;
    bool running, stop;
};

/* ---- subscriber.c ---- */
#define SUBSCRIBER_COLUMNS "s.*, c.active AS client_active, c.scopes AS client_scopes, c.org_id AS client_org"
#define SUBSCRIBER_FROM "out_subscriber s LEFT JOIN fhir_client c ON c.id=s.client_id"
/* Of the row q shows (SUBSCRIBER_COLUMNS). ERR_STORAGE: a secret does not open. */
YL_CHECKED int subscriber_take(struct records *r, struct query *q, struct subscriber *s);
/* All that are to be looked after now, in heap. The error is the transaction's. */
YL_CHECKED int subscribers_active(struct records *r, struct tx *tx, struct subscriber **out, size_t *n);
struct fhir_view *subscriber_view(struct records *r, struct tx *tx, const struct subscriber *s);
/* The type of an entry whose kind is one of the house's own: the tables' own string. */
const char *out_type(struct records *r, const char *name);

/* ---- number.c: true = something was numbered ---- */
bool outgoing_number(struct outgoing *o, const struct subscriber *s);
void outgoing_prune(struct outgoing *o, int64_t now_ms);

/* ---- send.c ---- */
/* Starts what is due for this one; true = something goes. */
bool outgoing_send(struct outgoing *o, const struct subscriber *s);
bool outgoing_busy(const struct outgoing *o, uint64_t subscriber);
void outgoing_forget_all(struct outgoing *o); /* after the line is gone */

/* ---- told.c: what a receiver of HL7 was told before ---- */
/* Is this news to him? Fills f->act, told, mark and start. */
bool told_is_news(struct records *r, struct tx *tx, const struct subscriber *s, const struct fhir_seen *seen, struct found *f);
/* It has the number `seq` now. Errors stick. */
void told_remember(struct tx *tx, uint64_t subscriber, const struct found *f, int64_t seq);

/* ---- hook.c: what becomes of the Subscription resource ---- */
/* false: it could not be written; it is tried again. */
bool outgoing_hook_tell(struct records *r, const struct subscriber *s, const char *status, const char *error);
#endif
