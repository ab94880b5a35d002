/* fhir - the FHIR R4 store and its REST interactions, without HTTP and without threads: a request in bytes, an answer in bytes.
 *
 * Hides: which rows a resource is kept in (store.h), how it is found (search.h), what a client may do (client.h). records/call/fhir_door.c
 * is its only caller: it runs fhir_begin on a reader and, where that asks for it, fhir_finish inside the group's write transaction.
 * http://hl7.org/fhir/R4/http.html. Health data never reaches a log line.
 */
#ifndef YL_RECORDS_FHIR_FHIR_H
#define YL_RECORDS_FHIR_FHIR_H

#include "records/ops/op.h"
#include "records/records.h"
#include "records/store/store.h"
#include "records/term/term.h"
#include "server/base/fault.h"

struct fhir; /* a part of records: keys, dictionaries; read-only, any thread */

YL_CHECKED int fhir_open(struct fhir **out, const char *config_dir, const uint8_t master[32], struct fault *f);
/* "https://host[:port]": where clients ask for tokens, whatever name they came by. "" or never called = the name they came by. Before the first request. */
void fhir_public_address(struct fhir *x, const char *address);
void fhir_close(struct fhir *x);
/* What an older program indexed otherwise; of a database of our own: nothing to do. Before anybody is served; minutes for millions of resources. */
YL_CHECKED int fhir_reindex(struct fhir *x, struct store *store, struct fault *f);

struct fhir_note { /* for one audit line */
    uint64_t patient, object;
    unsigned count; /* further acts that this line stands for */
    const char *what; /* "fhir.read": static */
    char detail[80];  /* ids, codes, counts */
};

struct fhir_actor {
    uint64_t client, person, org, session;
    uint64_t dept, roles; /* of people */
    bool system; /* the daemon and yilianctl */
    char scopes[600]; /* as SMART writes them; of people: by their rights */
};

/* What one read transaction has found out about credentials; worth nothing once it has ended. Of those who only read. */
#define FHIR_KNOWN 8
struct fhir_known {
    struct {
        const char *credential; /* borrowed of the request that asked first */
        struct fhir_actor actor;
    } of[FHIR_KNOWN];
    size_t n;
};

/* One request on its way. Made and freed by the door. */
struct fhir_work {
    struct records *records;
    struct fhir *fhir;
    struct records_fhir q; /* borrowed until done */
    struct records_fhir_answer answer;
    struct fhir_actor actor;
    struct fhir_known *known; /* NULL: nobody else shares the transaction */
    int64_t now_ms;           /* one time for all that share a transaction */
    struct fhir_note *notes;
    size_t n_notes, cap_notes;
    const char *op;     /* "fhir.read" ...: the audit line of a refusal */
    const char *hidden; /* NULL, or why it was refused, where the answer says that there is nothing: the audit tells it as what it was */
    bool own_savepoints; /* fhir_finish undoes its parts by itself: a batch */
    bool fresh;          /* a create: fhir_finish fails before it has written anything, or the transaction is lost. It needs no savepoint */
    bool to_write;      /* fhir_finish is to be called in a write transaction */
    struct fhir_plan *plan; /* what was prepared for it */
    struct fault fault; /* last: its fields are not cleared (fhir_work_init) */
};
/* Is "/Type/id" answered from one row of the store? Not what the house makes of its own, nor terminology: those may take a while. Any thread. */
bool fhir_one_row(const char *path);
/* All else is zero. */
void fhir_work_init(struct fhir_work *w, struct records *r, struct fhir *x);

/* On a reader, in a read transaction: who asks, may he, what is it; reads are done here, writes prepared as far as they can be.
 * The answer is filled unless to_write is set. */
void fhir_begin(struct fhir_work *w, struct tx *tx);
/* On the writer, behind a savepoint: fills the answer. The result is 0 when what was written is to stay; otherwise it is undone (the
 * answer then says why). ERR_STORAGE and the like: the transaction is lost. */
YL_CHECKED int fhir_finish(struct fhir_work *w, struct tx *tx);
/* Whose data it is for the scores of quality: the client, or the institution of a person who wrote; 0 = the system's. */
uint64_t fhir_source(const struct fhir_work *w);
/* What of the terminology clients have written (records/term/term.h). */
struct terms_source fhir_terms_source(struct fhir *x);
/* On the writer: a transaction begins that may write; it, or a part of it, was undone. */
void fhir_clean_begin(struct fhir *x);
void fhir_clean_forget(struct fhir *x);
/* Who the Patient of this key is, for people of the institution his data came from: {id: null, resource: "Patient/x", name, sex, age_text, age_text_en}; JSON
 * null when he is there no more. New reference. */
json_t *fhir_patient_brief(struct op_ctx *ctx, uint64_t pkey);
YL_CHECKED int fhir_patient_sex_and_birth(struct op_ctx *ctx, uint64_t pkey, char sex[12], char birth[11]);
/* Patients who were stored before the index took them in: some, in a transaction of its own. records/background.h */
void fhir_background(struct records *r, int64_t now_ms);
/* What the store keeps of a local patient, as entries of his timeline (records/patient/timeline.h): what was written of the Patients who are he, and of the
 * person of the index that is called by him ("mpi-"). As it is now; not what is entered in error, refuted or deleted. `_own`: only what the actor's
 * institution itself sent. */
YL_CHECKED int fhir_timeline(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut);
YL_CHECKED int fhir_timeline_own(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut);
/* What was prepared is not needed any more; answer, actor and notes stay. */
void fhir_plan_drop(struct fhir_work *w);
void fhir_work_fini(struct fhir_work *w);
/* The answer to what the door itself refuses. */
void fhir_refuse(struct fhir_work *w, int code, const char *reason, const char *text);
/* Another line for the audit. */
void fhir_note(struct fhir_work *w, const char *what, uint64_t patient, uint64_t object, const char *detail);

extern const struct op fhir_ops[]; /* client.list client.add client.remove */
#endif
