/* parts - what domain modules keep for the daemon's life, in one place: made by records_open (records/call), handed out by
 * records_parts(), gone with records_close. Read-only after opening except what each module guards itself.
 */
#ifndef YL_RECORDS_PARTS_H
#define YL_RECORDS_PARTS_H

#include "records/access/access.h"
#include "records/notify/delivery.h"
#include "records/store/store.h"
#include "records/term/term.h"
#include "records/work/work_parts.h"
#include "server/base/fault.h"
#include <stdatomic.h>

struct records;
struct documents;
struct patient_index;
struct fhir;
struct exchange;
struct quality;
struct outgoing;
struct research;
struct indicators;
struct elements;
struct recording_intake;
struct recording_exporter;
struct masking;
struct health;

struct patient_keys {
    uint8_t seal[32], index[32];
};

struct records_parts {
    struct terms *terms;
    struct patient_keys patient_keys;
    struct patient_index *patient_index;
    struct fhir *fhir;
    struct exchange *exchange; /* messages of other systems */
    struct quality *quality;   /* what their codes mean here */
    struct elements *elements; /* what data there are */
    struct outgoing *outgoing; /* our own objects go out; opened and closed by records/call */
    struct research *research; /* data for research that is being made */
    struct delivery_keys delivery_keys;
    struct access *access;
    struct indicators *indicators; /* what the cockpits show */
    struct masking *masking; /* what is left out for whom */
    uint8_t audit_key[32], answer_key[32], totp_key[32];
    uint8_t device_key[32];  /* passwords of devices */
    uint8_t request_key[32]; /* keyed hashes of what was asked */
    struct documents *documents;
    struct work_parts work; /* forms, deadlines, policies */
    struct recording_intake *intake; /* opened and closed by records/call, with the pool */
    struct recording_exporter *exporter; /* the same; NULL = no films are made */
    char record_dir[512];            /* "" = no recordings are taken in */
    char drop_dir[512];              /* "" = no folders are looked into */
    struct health *health;           /* how the machine is; opened and closed by records/call */
    bool odbc;                       /* databases are asked for rows */
    atomic_flag background_busy; /* one round of records_background at a time */
    int64_t swept_ms, looked_ms; /* by that round only */
};

/* `master` is the data folder's master key; every part derives its own. On error *p is closed again. */
YL_CHECKED int records_parts_open(struct records_parts *p, const char *data_dir, const char *config_dir,
                                  const uint8_t master[32], struct fault *f);
void records_parts_close(struct records_parts *p);

/* ---- defined by records/call, for the domain modules ---- */
struct records_parts *records_parts(struct records *r);
struct store *records_store(struct records *r);
const struct clock *records_clock(struct records *r);
/* Queues `run` on a reader thread of the pool. ERR_UNAVAILABLE when the queue is full or closing: it is then not called. */
YL_CHECKED int records_pool_run(struct records *r, void (*run)(void *ctx), void *ctx);
/* Who a credential is, looked up in a read transaction of its own; may be kept for a few seconds. ERR_UNAUTHENTICATED. */
YL_CHECKED int records_actor(struct records *r, const char *credential, struct actor *out);
/* Does the acting session have this right ("document.write") of the role table? */
bool actor_may(struct records *r, const struct actor *actor, const char *right);

/* ---- defined by records/access ---- */
/* Opens a session for `person` at `org` that has the one role of that name and ends at until_ms; its token goes to
 * ctx->set_session, its id to *session. For capture by phone: role "capture" has the right document.write alone. */
YL_CHECKED int session_open_limited(struct op_ctx *ctx, const struct actor *as, const char *role, int64_t until_ms,
                                    uint64_t *session);
#endif
