/* exchange - messages of other systems: who may send, what was sent, what became of it.
 *
 * A *source* is another system that an administrator registered: the institution it speaks for, its MSH-3 and MSH-4, from where it may
 * connect, its table (map.h), and the identifier domains (assigning authorities) it gives numbers in. A message of a source is taken in
 * one transaction: its bytes (content-addressed, sealed), its patient (registered in the patient index in the same transaction), its
 * entries, its place in the counts; then it is answered. So an answer means: it is on disk, and nothing of it was done twice.
 *
 * Known again by source, MSH-10 and content: a repeat gets the answer that stands now and changes nothing. The same MSH-10 with other
 * content is a message of its own, and the answer says so. What cannot be taken in whole is kept, answered AE with its place, and listed
 * as a dead letter that a person corrects and replays; the next message is not kept waiting.
 * For every source and day: received = stored + refused + dead + repeated.
 *
 * Threads: exchange_take and the operations run inside a transaction (writer or reader); the table of sources has a lock of its own.
 * IHE ITI TF-2: ITI-8 patient identity feed, ITI-9 PIX query, ITI-21 PDQ; HL7 v2.8 chapters 2, 3, 5.
 */
#ifndef YL_RECORDS_EXCHANGE_EXCHANGE_H
#define YL_RECORDS_EXCHANGE_EXCHANGE_H

#include "records/exchange/map.h"
#include "records/exchange/rows.h"
#include "records/ops/op.h"
#include "records/store/store.h"

#define EXCHANGE_ZONE_MIN 480
#define EXCHANGE_CERT_BYTES 65 /* SHA-256 of a client certificate, hex */

struct exchange;
/* Reads config_dir/exchange; `key` (32 bytes) addresses contents. */
YL_CHECKED int exchange_open(struct exchange **out, const char *config_dir, const uint8_t key[32], struct fault *f);
void exchange_close(struct exchange *x);
const struct exchange_map *exchange_map_find(const struct exchange *x, const char *name); /* NULL */
const struct exchange_rows *exchange_rows_find(const struct exchange *x, const char *name); /* NULL */

/* ---- sources ---- */
enum exchange_kind { KIND_HL7, KIND_FOLDER, KIND_DATABASE }; /* it sends messages; leaves files in a folder; is asked for rows */
enum exchange_assume { ASSUME_NONE, ASSUME_MISSING, ASSUME_ANY }; /* whose a number is when PID-3.4 is silent, or whatever it says */
struct exchange_source {
    uint64_t id, org_id, domain; /* domain: the first it assigns; 0 = it assigns none */
    char name[80], application[96], facility[96], address[48], certificate[EXCHANGE_CERT_BYTES], map_name[64];
    char folder[48]; /* of KIND_FOLDER: under exchange.drop_dir */
    enum exchange_kind kind;
    enum exchange_assume assume;
    bool may_ask;     /* PIX and PDQ */
    bool accept_dead; /* answers AA to what became a dead letter: for senders that stop at an AE */
    const struct exchange_map *map;
    const struct exchange_rows *rows; /* how its rows become messages; NULL = it sends messages */
};
struct exchange_domain {
    uint64_t id, source_id; /* source_id 0: nobody here assigns in it (a national number) */
    uint64_t org_id;        /* the institution that source speaks for */
    char namespace_id[64], oid[128];
};
/* The source that sends as this application and facility from there; 0, ERR_NOT_FOUND (nobody is called so) or ERR_DENIED (not from
 * there). Copies. */
YL_CHECKED int exchange_source_find(struct op_ctx *ctx, const char *application, const char *facility, const char *address, const char *certificate,
                                    struct exchange_source *out);
YL_CHECKED int exchange_source_load(struct op_ctx *ctx, uint64_t id, struct exchange_source *out);
/* By namespace or object identifier, whichever is said; ERR_NOT_FOUND. */
YL_CHECKED int exchange_domain_find(struct op_ctx *ctx, const char *namespace_id, const char *oid, struct exchange_domain *out);
YL_CHECKED int exchange_domain_load(struct op_ctx *ctx, uint64_t id, struct exchange_domain *out);
/* A source that is none of ours (a FHIR client) wrote something of this type: when it did so last, to the minute. */
YL_CHECKED int exchange_heard(struct tx *tx, uint64_t source, const char *type, int64_t now_ms);
void exchange_sources_changed(struct exchange *x); /* the table in memory is read anew */

/* ---- one message ---- */
struct exchange_in {
    const char *bytes;
    size_t len;
    const char *address, *certificate; /* of the connection; certificate "" = none */
    bool too_large;                    /* bytes are only its beginning: refused */
    bool careful;                      /* what it does can be undone alone, which costs a savepoint */
    uint64_t source, file;             /* of a row (rows.h): bytes are its body; 0 = a message */
    int64_t row;                       /* its number in the file, from 1 */
    bool latest;                       /* the source's last word, though it said the same before: taken once more where something else took its place */
};
/* Of a row that is known by its hash: does what it brought still stand in the record? */
bool exchange_row_stands(struct tx *tx, uint64_t source, const char *hash);
/* Does the message ask (QBP)? Such are answered by exchange_answer_query in a read transaction. */
bool exchange_is_query(const char *bytes, size_t len);
#define EXCHANGE_TOLD_MAX 500 /* of one answer; more come by continuation */
struct exchange_told { /* patients an answer speaks of, each once */
    uint64_t patient[EXCHANGE_TOLD_MAX];
    size_t n;
};
/* Takes one message. The result is 0 also for what is refused or becomes a dead letter: then `answer` says so. An error is one of the
 * database: nothing was done, nothing must be answered. `answer` gets the acknowledgements, each framed by nothing, ended by NUL when there
 * are two (accept and application); it may stay empty (MSH-15 and MSH-16 want none). Sets ctx->audit. ERR_CONFLICT when not `careful`: it did
 * something that must be undone; all of the transaction is to be taken again, carefully. */
YL_CHECKED int exchange_take(struct op_ctx *ctx, const struct exchange_in *in, struct hl7_writer *answer);
YL_CHECKED int exchange_answer_query(struct op_ctx *ctx, const struct exchange_in *in, struct hl7_writer *answer, struct exchange_told *told);

/* One row of a file, for exchange_take. The answer is a word: "stored", "dead", "repeated"; "stale" when it is not the file's next row or its source is
 * not in use: nothing was done. The file's place and counts (exchange_file) move on in the same transaction. */
YL_CHECKED int exchange_take_row(struct op_ctx *ctx, const struct exchange_in *in, struct hl7_writer *answer);

/* Messages are taken in groups, on the writer: what they add to the counts is written once, by _end, in their transaction. */
void exchange_group_begin(struct exchange *x);
YL_CHECKED int exchange_group_end(struct exchange *x, struct tx *tx);

/* ---- parts of it (for the files of this folder) ---- */
struct exchange_taking { /* one message on its way */
    struct op_ctx *ctx;
    const struct exchange_source *source;
    struct hl7_message *m;
    uint64_t message, patient; /* patient 0 = it speaks of none */
    struct exchange_flaw flaw;
    size_t entries;
    uint64_t file; /* of a row: 0 = a message */
    int64_t row;
    char column[ROWS_NAME_BYTES]; /* of a row: where the flaw is, "" = t->flaw.at says it */
};
/* PID (and MRG) to a local patient: found, registered, changed, merged. t->patient. ERR_INVALID with t->flaw. register.c */
YL_CHECKED int exchange_register(struct exchange_taking *t);
/* Entries of the patient's record. entries.c */
YL_CHECKED int exchange_write_entries(struct exchange_taking *t);
/* The patient under a number of a domain: 0 = none; *retired says that it was merged away. */
uint64_t exchange_identity(struct op_ctx *ctx, uint64_t domain, const char *value, bool *retired);
/* A merge of that moment (A40) was taken back: the number that went with it is found again. */
YL_CHECKED int exchange_merge_undone(struct op_ctx *ctx, uint64_t patient, int64_t t_ms);
/* A number that was not given to anybody yet. */
YL_CHECKED int exchange_identity_add(struct op_ctx *ctx, uint64_t domain, const char *value, uint64_t patient);
/* What an entry is called by its source, so that a later word on it takes the place of the earlier: a corrected result, a moved appointment.
 * 0 = it has no name (`name` is ""), each stands for itself. */
int64_t exchange_entry_key(struct op_ctx *ctx, uint64_t source, const char *kind, const char *name, const char *code);
size_t exchange_sources_of(struct op_ctx *ctx, uint64_t org, uint64_t *out, size_t cap); /* of an institution */
YL_CHECKED int exchange_timeline(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut); /* for patient.timeline */

/* ---- acknowledgements (answer.c) ---- */
struct exchange_ack {
    const char *code; /* AA AE AR CA CE CR */
    const char *text; /* MSA-3, "" = none */
    const struct exchange_flaw *flaw; /* NULL = none */
};
void exchange_put_header(struct hl7_writer *w, struct hl7_message *m, const char *type, int64_t now_ms);
void exchange_put_msa(struct hl7_writer *w, struct hl7_message *m, const struct exchange_ack *ack);
void exchange_put_ack(struct hl7_writer *w, struct hl7_message *m, const struct exchange_ack *ack, int64_t now_ms);
const char *exchange_code_text(int code); /* of table 0357 */

extern const struct op exchange_ops[];
#endif
