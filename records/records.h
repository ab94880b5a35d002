/* records - the domain plane's whole surface, as the server sees it: one door for operations, one for bytes, one feed.
 *
 * Straight-line code on pool threads: one writer, several readers (group commit). No function here blocks the event thread:
 * `*_submit` queues, and the completion runs on a pool thread - the server's callback only puts into its mailbox.
 */
#ifndef YL_RECORDS_RECORDS_H
#define YL_RECORDS_RECORDS_H

#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/id.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct records;

#define CHANGE_ORGS_MAX 24
struct records_change { /* one entry of the change feed after its commit */
    int64_t seq;
    char topic[24], key[32];
    char payload[512]; /* JSON, no health data */
    /* Topics "case", "message", "document": whose business it is. The institutions of the case - the one that is asked from when it has reached it - or of the
     * patient, and those above them. That there is a case is nobody else's to know. */
    bool of_houses;
    uint64_t orgs[CHANGE_ORGS_MAX];
    size_t n_orgs;
};

struct records_config {
    const char *data_dir;   /* yilian.db, blobs/, uploads/, keys/ (0700; master key made by `yilianctl init`) */
    const char *database;   /* postgresql://.. (libpq URI); NULL or "" = the file yilian.db of data_dir */
    const char *config_dir; /* roles, deadlines, forms: the read-only tables under config/ */
    const struct clock *clock;
    bool alone;      /* nobody else may have data_dir for himself: the daemon, and what must not run beside it */
    bool as_it_is;   /* a database of an older version is refused, not brought up: what may run beside a daemon of that version */
    const char *archive_dir; /* for the way back to a point in time (records/store/archive.h; only of the file) and the copies of files (records/document/mirror.h); NULL or "" = none */
    int archive_every_ms, archive_keep_days;
    int64_t archive_base_ms;
    const char *record_dir; /* where the media plane leaves finished recordings; NULL or "" = none are taken */
    const char *drop_dir;   /* folders in which other systems leave tables (records/exchange/drop.h); NULL or "" = none. Looked into when readers > 0 */
    int drop_settle_ms, drop_keep_days;
    size_t drop_max_bytes;
    const char *odbc_ini, *odbc_program; /* data sources that are asked for rows (records/exchange/pull.h); NULL or "" = none */
    int odbc_rows, odbc_time_ms;
    const char *outgoing_allow; /* origins our own objects may be sent to (records/outgoing/outgoing.h); NULL or "" = none */
    const char *notify_trust, *notify_certificate, *notify_key; /* PEM: of systems that are notified over MLLP/TLS (records/exchange/mllp_client.h); NULL or "" */
    const char *composer;   /* the program yilian-pipe, which makes films of recordings; NULL or "" = none are made */
    int composers;          /* how many at a time; 0 = none */
    const char *public_address; /* site.address as it was configured: whom a token is asked of is told by it, not by the request (records/fhir/token.c); NULL or "" = not configured */
    const char *version;    /* of the program, for who looks after the machine; NULL = not said */
    const char *certificate; /* PEM file of the server's own, for the same; NULL or "" */
    int media_workers;      /* the same */
    const char *base_url;   /* "https://host:port", for links that leave the system; NULL or "" = messages go without a link */
    int readers;            /* reader threads, >= 1; 0 = no pool (yilianctl, stories: only records_call) */
    void (*on_change)(void *ctx, const struct records_change *change); /* on the writer thread, after commit, in order */
    void *on_change_ctx;
};

/* false: nothing can be committed just now (disk full, read-only), though what is there is read. Any thread. */
bool records_writable(struct records *r);
YL_CHECKED int records_open(struct records **out, const struct records_config *config, struct fault *f);
void records_close(struct records *r); /* finishes what was queued, then joins the pool */

/* ---- operations ---- */
struct call {
    const char *op;          /* "case.submit"; see docs/protocol/ */
    const char *credential;  /* session token from the cookie or bearer token; NULL = anonymous */
    json_t *args;            /* borrowed: object of path, query and body members merged by the API */
    bool args_given;         /* records_submit, when it queues the call, keeps the caller's reference, the only one, instead of a copy */
    const char *idempotency_key; /* NULL or 8..80 characters: the same key by the same actor gives the first answer again */
    const char *client_address, *user_agent; /* for the audit line; may be NULL */
    const char *csrf;        /* X-CSRF-Token header; required for WRITE ops when the credential came by cookie */
    bool by_cookie;
    const char *device;      /* what reply.set_device gave this browser; NULL = none */
};

struct reply {
    int error;       /* 0 or enum err */
    json_t *result;  /* owned by the reply; NULL on error */
    /* set by session ops: the server turns them into a cookie */
    char set_session[80]; /* new token, "-" = clear, "" = leave */
    char set_device[64];  /* the word this browser is known by from now on, "" = leave */
    struct fault fault;   /* last: only as many of its fields as there are is worth a copy */
};
/* Moves what `from` owns and says into `to`, whatever is there. */
static inline void reply_move(struct reply *to, struct reply *from)
{
    memcpy(to, from, offsetof(struct reply, fault.fields) + from->fault.n_fields * sizeof *from->fault.fields);
    from->result = NULL;
}
void reply_clear(struct reply *reply);

/* The credential of the daemon itself (records_system_credential): actor.system is set, audited as "system". Random, made at
 * records_open, never leaves the process. */
const char *records_system_credential(const struct records *r);

/* Runs the eight steps (actor, policy, decode, begin, run, audit, outbox, commit) on the calling thread. */
void records_call(struct records *r, const struct call *call, struct reply *reply);

/* Copies the call with its args, queues it on the writer or a reader.
 * `done` runs on the pool thread and takes `reply`'s content by calling reply_clear later or stealing result.
 * ERR_UNAVAILABLE when the queue is full (bounded, 1,000): `done` is then not called. */
typedef void (*records_done)(void *ctx, struct reply *reply);
YL_CHECKED int records_submit(struct records *r, const struct call *call, records_done done, void *ctx);

/* ---- administration from the machine itself (yilianctl); calling thread ---- */
/* The first institution and its administrator; ERR_CONFLICT when there are people already. */
YL_CHECKED int records_bootstrap(struct records *r, const char *org, const char *login, const char *name, const char *password,
                                 struct fault *f);
YL_CHECKED int records_person_find(struct records *r, const char *login, struct person_id *out); /* ERR_NOT_FOUND */
int records_version(struct records *r);                                                         /* of the database */
/* The whole database into another, empty one (a libpq URI, or the path of a file): what of it arrived, in words, for the administrator. */
YL_CHECKED int records_move(struct records *r, const char *to, char told[200], struct fault *f);
/* Back to a point in time: the database of that moment, out of the archive (records_config.archive_dir), into a file that is not there yet; needs no open records. */
struct records_moment {
    int64_t from_ms, at_ms, pieces; /* the first moment the archive can restore; the one it became; pieces of the log that were laid on the copy */
    int64_t sound_ms;               /* of a damaged one: the last moment before it that a sound copy leads to; 0 = none */
};
YL_CHECKED int records_restore(const char *archive_dir, int64_t at_ms, const char *to_path, struct records_moment *out, struct fault *f);
/* The copies of attachments and recordings of the same folder, into TO_DIR/blobs, which is not there yet. ERR_NOT_FOUND: there are none. */
YL_CHECKED int records_restore_files(const char *archive_dir, const char *to_dir, int64_t *files, int64_t *bytes, struct fault *f);
/* Consistent, while others write, and read back. Of whatever version the database is: no records are opened. */
YL_CHECKED int records_backup(const struct records_config *config, const char *to_path, struct fault *f);
/* *first_bad 0 = the chain of `*lines` lines is whole; else `what` (80 bytes) says what is wrong there. */
YL_CHECKED int records_audit_verify(struct records *r, int64_t *lines, int64_t *first_bad, char what[80]);
#define RECORDS_TOKEN_BYTES 64
struct records_room_token {
    const char *room; /* name or id; a new name makes a room */
    bool publish, watch;
    int minutes; /* 1..10080 */
};
/* A machine's token for a room (WHIP, WHEP). */
YL_CHECKED int records_room_token(struct records *r, const struct records_room_token *want, char token[RECORDS_TOKEN_BYTES],
                                  struct fault *f);
/* ---- the diagnosis normal form without a site: batch runs ---- */
struct records_dx;
enum { RECORDS_DX_EXPLAIN = 1 /* with "why": the rule and the bytes of every value */, RECORDS_DX_TEXT = 2 /* {"text", "diagnoses"} */ };
/* Reads the term tables in data_dir (config/data of the source tree). ~0.2 s, 30 MB. */
YL_CHECKED int records_dx_open(struct records_dx **out, const char *data_dir, struct fault *f);
void records_dx_close(struct records_dx *d);
/* One line of a doctor's words as JSON: an array of diagnoses, or with RECORDS_DX_TEXT the object around it. What is not UTF-8 is read as
 * GB18030 when that reads more of it; bytes of no character become U+FFFD. Returns the length, 0 when cap is too short; not NUL-terminated. One thread at a time. */
size_t records_dx_json(struct records_dx *d, const char *text, size_t len, int flags, char *out, size_t cap);

/* ---- FHIR's languages over files without a site: SQL on FHIR v2 and FHIRPath (records/r4/flat.h, fhirpath.h) ---- */
struct records_flat;
struct records_flat_of {
    const char *view; /* a ViewDefinition as JSON */
    size_t view_len;
    const char *expression; /* or a FHIRPath expression */
};
struct records_text {
    const char *p; /* lives until the next call */
    size_t len;
};
/* The fault names the place in the definition that is wrong. data_dir as above. */
YL_CHECKED int records_flat_open(struct records_flat **out, const char *data_dir, const struct records_flat_of *of, struct fault *f);
void records_flat_close(struct records_flat *v);
const char *records_flat_header(struct records_flat *v, size_t *len); /* the columns as a line of CSV */
/* One resource as JSON, or a Bundle of them: a row a line as JSON or CSV; of an expression a value a line, its type and a tab before it. */
YL_CHECKED int records_flat_take(struct records_flat *v, const char *resource, size_t len, bool csv, struct records_text *out, struct fault *f);

char *records_flow_print(struct records *r); /* the consultation's rule table as Markdown; malloc'd, NULL on error */

/* The patient index over tables (yilianctl mpi link): no site is needed. docs/mpi.md. */
#define RECORDS_MPI_PROBABILITY 0.9
#define RECORDS_MPI_WRONG 0.0011 /* of the pairs put together, how many may be expected to be wrong before the line is drawn higher (mpi_link_options) */
struct records_mpi_link {
    const char *config_dir;  /* config_dir/data holds the tables of characters */
    const json_t *map;       /* borrowed: attribute -> column name or list of column names */
    const char *const *in;   /* CSV files */
    size_t n_in;
    const char *out;         /* rec_id,cluster_id for every record, in the order of the input; NULL = not written */
    const char *model_out;   /* the learned weights as text; NULL = not written */
    const char *explain[2];  /* ids of two records ("id@2" = in the second file), or NULL */
    double probability;      /* 0.01 .. 0.999999 from which records are one person; 0 = RECORDS_MPI_PROBABILITY, or higher where the set asks for it */
};
#define RECORDS_MPI_ALIKE 7
struct records_mpi_figures {
    uint32_t records, clusters, repeated; /* repeated: records whose id an earlier record has too */
    size_t unreadable; /* bytes of no character, left out of what is compared; unreadable_at: file and line of the first */
    char unreadable_at[180];
    uint64_t pairs;
    int64_t load_ms, link_ms;
    struct {
        const char *attribute; /* static */
        uint32_t records;
    } alike[RECORDS_MPI_ALIKE]; /* attributes of which a tenth of the records, and a thousand, say one and the same: it tells nobody from another */
    size_t n_alike;
    uint64_t left_pairs, left_edges, left_groups; /* what was left out because too many records are alike: struct mpi_cut of records/mpi/link.h */
};
/* *explanation is malloc'd Chinese text, NULL when none was asked for. Faults name file, line and column, or the attribute. */
YL_CHECKED int records_mpi_link(const struct records_mpi_link *job, struct records_mpi_figures *figures, char **explanation,
                                struct fault *f);

/* ---- FHIR R4 (docs/protocol/fhir.md): bytes in, bytes out, because JSON objects in between would lose the form of decimals ---- */
struct records_fhir { /* all borrowed until done; absent = "" */
    const char *method, *path /* "/Patient/1": below /fhir, decoded */, *query /* as it came, without '?' */;
    const char *accept, *content_type, *prefer, *if_match, *if_none_match, *if_none_exist, *if_modified_since;
    const char *languages; /* Accept-Language, or NULL: of the terminology service */
    const char *credential, *csrf, *client_address, *host;
    bool by_cookie;
    const char *body; /* NUL-terminated behind len */
    size_t len;
    uint64_t as_client; /* with the system's credential: what this registered client would write; 0 = the system itself */
};
struct records_fhir_answer {
    int status;
    const char *content_type; /* static */
    char *body;               /* malloc'd; whoever takes it sets NULL. NULL = none */
    size_t len;
    char etag[32], location[480], allow[48];
    int64_t modified_ms; /* 0 = not said */
    int retry_s;         /* Retry-After; 0 = not said */
    bool more_to_come;   /* X-Progress: in-progress */
    bool another_follows; /* of the same group, on the same thread, as soon as this callback returns: both may be handed on together */
};
/* On a pool thread; answer and its body are the callback's until it returns. */
typedef void (*records_fhir_done)(void *ctx, struct records_fhir_answer *answer);
/* As records_submit: a read is answered when its audit line is durable, a write when it is. ERR_UNAVAILABLE: the queue is full. */
YL_CHECKED int records_fhir_submit(struct records *r, const struct records_fhir *q, records_fhir_done done, void *ctx);
/* The same on the calling thread; free(answer->body). */
void records_fhir_call(struct records *r, const struct records_fhir *q, struct records_fhir_answer *answer);

/* ---- bytes: uploads and blobs (rights were checked by the op that made the handle) ---- */
/* Resumable upload, the subset of the IETF resumable-upload draft / tus the web uses: create by op "upload.create" ->
 * upload_id; append at offset; finish by op "upload.finish" -> document. */
struct records_append {
    const char *credential;
    uint64_t upload;
    uint64_t offset;       /* must equal the bytes held; else ERR_CONFLICT and *held says where to go on */
    const void *data;      /* borrowed until done */
    size_t len;            /* <= 1 MiB a call */
};
typedef void (*records_append_done)(void *ctx, int error, uint64_t held);
YL_CHECKED int records_append_submit(struct records *r, const struct records_append *a, records_append_done done, void *ctx);

/* A readable document: op "document.open" (audited) returns {"handle": "...", "bytes": n, "content_type": ..}; a handle is
 * random, bound to the session and good for 10 minutes. Reads up to 256 KiB a call. */
typedef void (*records_read_done)(void *ctx, int error, const void *data, size_t len);
YL_CHECKED int records_read_submit(struct records *r, const char *handle, uint64_t offset, size_t len,
                                   records_read_done done, void *ctx);

/* ---- recordings: what the media plane's recorder tells (MEDIA_RECORD_FILE, MEDIA_RECORD_DONE), carried out one after the other in
 * the order it came, in slices on reader threads. `done` may be NULL. What is not carried out (storage, shutting down) leaves the
 * file where it is: the recorder tells of it again at the next start. records/work/room.h. ---- */
struct records_recording_file { /* copied */
    uint64_t recording, track;
    const char *path;   /* directly in record_dir */
    const char *sha256; /* compared while it is taken in */
    uint64_t bytes;
    int64_t started_ms, duration_ms;
};
/* The file becomes a document of the case, then it is deleted. Answer of op "recording.track". */
YL_CHECKED int records_recording_file_submit(struct records *r, const struct records_recording_file *file, records_done done,
                                             void *ctx);
/* All files were told; error as in the event. Answer of op "recording.seal". */
YL_CHECKED int records_recording_end_submit(struct records *r, uint64_t recording, int error, records_done done, void *ctx);

struct records_recording_check { /* of one file of it */
    const char *document, *kind, *source; /* borrowed for the call */
    const char *wrong; /* NULL: its bytes are those that were sealed, and its chain holds */
    bool chained;      /* false: from before there were chains */
    uint32_t links;
    size_t n_gaps;
    int64_t lost_ms;
};
/* Reads every byte of a recording: seal, hash of each file, each link. Not whole: something is not as it was; the check of a
 * file, or seal_holds, says what. ERR_NOT_FOUND. Blocking, long. */
struct records_recording_verdict {
    bool whole, sealed, seal_holds;
};
YL_CHECKED int records_recording_verify(struct records *r, uint64_t recording, void (*each)(void *ctx, const struct records_recording_check *),
                                        void *ctx, struct records_recording_verdict *out);

/* ---- messages of other systems (HL7 v2; records/exchange/exchange.h) ---- */
struct records_message { /* copied */
    const void *bytes;
    size_t len;
    const char *address, *certificate; /* of the connection; certificate: SHA-256 in hex, "" = none shown */
    bool too_large;                    /* the transport's limit was passed: bytes are only its beginning */
    uint64_t source, file;             /* a row of a file (records/exchange/rows.h) in place of a message; 0 = none */
    int64_t row;
    bool latest;                       /* of a row: what its source says last, also where it said the same before and something else meanwhile */
};
struct records_message_answer {
    int error;         /* 0: the message is on disk. Any other: nothing was kept; tell the sender nothing and end the connection, so that it sends again */
    const char *bytes; /* what the sender is told: one acknowledgement, or two with a NUL between them, or none (len 0); borrowed */
    size_t len;
    bool another_follows; /* for the same callback, on the same thread, as soon as it returns: both may be handed on together */
};
/* On a pool thread. */
typedef void (*records_message_done)(void *ctx, const struct records_message_answer *a);
/* ERR_UNAVAILABLE when as much waits as may (1,000 messages, 64 MiB): `done` is then not called; come again later. A sender's next
 * message goes in after the answer to the one before where their order matters; feeds that are submitted one after the other are kept in
 * that order. */
/* Is it a question (QBP)? Any thread, no database. */
bool records_message_asks(const void *bytes, size_t len);
YL_CHECKED int records_message_submit(struct records *r, const struct records_message *m, records_message_done done, void *ctx);

/* A file of HL7 v2 messages - a batch (FHS, BHS; 2.10.3) or one behind the other - each taken as if it had come from `address`, in the file's order, and told of with what
 * its sender would be told. Without a pool (yilianctl). An error ends it: what came before is kept, and the same file may be handed in again, for what is known is not taken twice. */
struct records_filed {
    size_t number;                         /* of the message, from 1 */
    char control_id[64], code[4];          /* MSH-10; MSA-1, "" = it wants no answer */
    char place[64], reason[300];           /* of an error: ERR-2, and in words */
};
YL_CHECKED int records_messages_file(struct records *r, const void *bytes, size_t len, const char *address, void (*each)(void *ctx, const struct records_filed *), void *ctx);

/* ---- clocks and outboxes: called by the server every second; runs due deadlines, reminders, escalations, webhook
 * deliveries that are due (the HTTP call itself is made by a pool thread with a time limit). ---- */
YL_CHECKED int records_tick_submit(struct records *r);
void records_tick(struct records *r); /* same, on the calling thread (stories) */
#endif
