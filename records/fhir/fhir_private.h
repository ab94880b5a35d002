/* fhir_private - what the files of records/fhir share. Nobody else includes it. */
#ifndef YL_RECORDS_FHIR_FHIR_PRIVATE_H
#define YL_RECORDS_FHIR_FHIR_PRIVATE_H

#include "records/fhir/fhir.h"
#include "records/parts.h"
#include "records/r4/r4.h"
#include "records/r4/search.h"
#include "records/r4/validate.h"
#include "server/base/crypto.h"
#include "server/base/id.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FHIR_ZONE_MIN 480 /* dates without a zone are Chinese */
#define FHIR_ID_BYTES 65
#define FHIR_PAGE 50
#define FHIR_PAGE_MAX 1000
#define FHIR_JSON "application/fhir+json; charset=utf-8"

static inline struct r4_str str(const char *text)
{
    return (struct r4_str){text, strlen(text)};
}

struct scratch { /* what one request works with; kept for the next one */
    struct scratch *next;
    struct r4_doc *doc, *rows; /* rows: of one row of a search, emptied for the next */
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
};

struct terms_facts;
struct fhir {
    char data_dir[600];   /* config/data */
    char public_address[256]; /* "" = whatever the request names */
    uint8_t body_key[32], facts_key[32], hash_key[16], page_key[32], bearer_key[32];
    ZSTD_CDict *pack;
    ZSTD_DDict *unpack;
    pthread_mutex_t lock; /* of the two below */
    struct scratch *free;
    struct r4 *r4;        /* opened by the first request */
    const struct r4 *_Atomic ready; /* the same, read without the lock */
    _Atomic(struct terms_facts *) listed[3]; /* terms_search.c: of the catalogue, by type; made by the first search */
    struct fhir_known_patient *patients; /* clean.c; the writer's alone */
    struct fhir_known_visit *visits;     /* the same */
    int64_t newest_patient; /* the same: the last change of any patient, as this transaction sees it; 0 = not asked yet */
    bool broken;          /* its tables cannot be read: said once */
};

/* ---- fhir.c ---- */
const struct r4 *fhir_r4(struct fhir *x); /* NULL: cannot be opened */
struct scratch *scratch_take(struct fhir *x);
void scratch_give(struct fhir *x, struct scratch *s);
void fhir_base(const struct fhir_work *w, char out[300]);                 /* "https://host/fhir" */

/* ---- fhir_answer.c ---- */
/* Fills fault and answer with an OperationOutcome; returns code. */
int fhir_fail(struct fhir_work *w, int code, const char *reason, const char *fmt, ...) YL_PRINTF(4, 5);
int fhir_fail_status(struct fhir_work *w, int status, const char *issue, const char *fmt, ...) YL_PRINTF(4, 5);
int fhir_fail_issues(struct fhir_work *w, int status, const struct r4_issues *issues);
void fhir_answer_buf(struct fhir_work *w, int status, struct r4_buf *b); /* takes b's text */

/* ---- body.c: what lies in the columns body and facts; format byte, nonce, AES-256-GCM of a zstd frame ---- */
/* Appends to b. `key` says which column. The row and version are part of the seal. */
YL_CHECKED int body_seal(struct fhir *x, struct scratch *s, const uint8_t key[32], const int64_t at[2], struct r4_str plain, struct r4_buf *b);
/* malloc'd, NUL-terminated; NULL when it does not open. */
char *body_open(struct fhir *x, struct scratch *s, const uint8_t key[32], const int64_t at[2], const void *sealed, size_t len, size_t *out_len);

void terms_facts_free(struct terms_facts *f); /* terms_search.c */

/* ---- facts.c: what is found by search ---- */
struct token_row {
    int64_t key;
};
struct range_row {
    int64_t param, low, high;
};
struct facts {
    struct r4_value *values;
    size_t n, cap;
    struct token_row *tokens;
    size_t n_tokens, cap_tokens;
    struct range_row *ranges;
    size_t n_ranges, cap_ranges;
    bool failed;
};
void facts_clear(struct facts *f);
/* Extracts the values of a resource; texts live in s->doc. */
YL_CHECKED int facts_of(struct fhir *x, struct scratch *s, const struct r4_node *resource, const char *base, struct facts *f);
void facts_write(const struct facts *f, const struct r4_type *type, struct r4_buf *b);
/* Reads back; texts point into the bytes. false: damaged. */
bool facts_read(struct fhir *x, struct r4_doc *d, const struct r4_type *type, const char *bytes, size_t len, struct facts *f);
/* The index rows of these values; sorted, each once. */
void facts_rows(struct fhir *x, const struct r4_type *type, struct facts *f);
void facts_numbers(struct fhir *x, const struct r4_type *type, struct facts *f); /* those of numbers and quantities alone */

int64_t key_type(const struct fhir *x, const struct r4_type *type); /* every resource of the type */
int64_t key_code(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str code);
int64_t key_system_code(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str system, struct r4_str code);
int64_t key_reference(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str ref_type, struct r4_str id);
int64_t key_uri(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str uri);
#define CONTAINED R4_STR("#") /* the uri under which all stand whose reference leads to what they contain */
/* Key of the longest indexed prefix of a folded text; *whole: it says all. */
int64_t key_prefix(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str folded);
/* Turns it into base units where it can be; the kind it is of. */
int16_t range_kind(struct r4_value *quantity);
int64_t range_in_kind(int16_t kind, double v); /* those of a kind stand together, in their order */
int64_t range_param(const struct fhir *x, const struct r4_type *type, const struct r4_param *p);
int64_t range_param_before(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, char letter); /* of a number before reindex.c */
int64_t range_number(double v); /* keeps the order */
/* What a row says. A date or number: where it begins and ends. A quantity: where it stands among those of its kind, in the base units of UCUM (as it is written where its unit is none
 * of these), by which it is found in any unit and sorted; and the number as it is written, for who asks without a unit. */
struct span {
    int64_t low, high;
};
size_t range_rows(const struct r4_value *v, struct span rows[2]); /* how many: a Range has one for each of its ends */

/* ---- alike.c: which parameters share index rows ---- */
const char *alike_reference(const struct r4_type *type, const struct r4_param *p); /* under whose code p's rows are */
const char *alike_range(const struct r4_type *type, const struct r4_param *p);
/* The parameters whose rows say what p says; how many. */
size_t alike_tokens(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, const struct r4_param *of[2]);

/* ---- rows.c ---- */
struct fhir_row { /* the newest version of a resource */
    const struct r4_type *type;
    char name[FHIR_ID_BYTES];
    int64_t pkey, rid, vid, seq, born, t_ms;
    bool deleted, found; /* found: it exists, or did */
    char *body, *facts;  /* opened, malloc'd; NULL when not asked for or deleted */
    size_t body_len, facts_len;
};
void fhir_row_clear(struct fhir_row *row);
enum { ROW_BODY = 1, ROW_FACTS = 2 };
/* From the current row of a query: all but what is sealed. */
void row_head(struct query *q, const struct r4_type *type, struct fhir_row *row);
/* From the current row of a query of all its columns, of body and facts those that are wanted; *row is zero before. */
YL_CHECKED int row_take(struct fhir_work *w, struct query *q, int want, struct fhir_row *row);
/* Errors are the transaction's; row->found says whether. */
YL_CHECKED int row_find(struct fhir_work *w, struct tx *tx, const struct r4_type *type, struct r4_str name, int want, struct fhir_row *row);
YL_CHECKED int row_load(struct fhir_work *w, struct tx *tx, int64_t pkey, int64_t rid, int want, struct fhir_row *row);
/* An older version, or the newest. */
YL_CHECKED int row_version(struct fhir_work *w, struct tx *tx, const struct fhir_row *newest, int64_t vid, struct fhir_row *row);

enum act { ACT_CREATE = 1, ACT_UPDATE, ACT_DELETE };
struct staged { /* one resource on its way into the store */
    struct staged *next;
    enum act act;
    const struct r4_type *type;
    char name[FHIR_ID_BYTES];
    struct r4_node *resource; /* with id and meta; NULL for a deletion */
    int64_t rid, pkey, vid, t_ms;
    char patient[FHIR_ID_BYTES]; /* of the Patient whose key pkey is; "" = pkey is known */
    struct fhir_row old;  /* what it replaces, with facts */
    struct r4_buf text, body, packed; /* as JSON; sealed */
    struct facts facts;
    bool drafted;
};
void staged_clear(struct staged *s);
/* Sets id and meta, writes the JSON, finds, packs and seals: all that needs no write transaction. s->act, type, name, resource, rid, vid,
 * old are filled by the caller; pkey and patient here. */
YL_CHECKED int staged_draft(struct fhir_work *w, struct scratch *sc, struct tx *tx, struct staged *s);
/* Index rows of many resources, to be written in the order of their keys: the tree's pages are then touched one after the other, not
 * at random. Many times faster than as they come. And the number of the last change, which nobody else raises meanwhile. */
struct index_batch {
    struct index_row {
        int64_t key, pkey, rid;
    } *rows;
    size_t n, cap;
    struct index_range {
        int64_t param, low, pkey, rid, high;
    } *ranges;
    size_t n_ranges, cap_ranges;
    int64_t seq; /* 0 = not looked at yet */
};
/* `batch` NULL = at once; of a transaction all with the same one. */
YL_CHECKED int staged_store(struct fhir_work *w, struct tx *tx, struct staged *s, struct index_batch *batch);
YL_CHECKED int index_batch_add(struct index_batch *batch, int64_t pkey, int64_t rid, const struct facts *f);
YL_CHECKED int index_batch_write(struct tx *tx, struct index_batch *batch); /* and empties it */
void index_batch_free(struct index_batch *batch);

/* ---- clean.c ---- */
/* What was stored is judged by the cleaning rules. In a transaction when all its entries are stored: the patient may come behind. */
YL_CHECKED int fhir_clean(struct fhir_work *w, struct tx *tx, struct staged *s);

/* ---- join.c ---- */
/* A Patient who was stored is found or registered in the patient index. When all of a transaction is stored. */
YL_CHECKED int fhir_join(struct fhir_work *w, struct tx *tx, const struct staged *s);

struct clean_part;
struct quality_code;
/* A part's code as `source` sent it, for the mapping desk; texts are the part's. */
void fhir_code_of(uint64_t source, const struct clean_part *p, struct quality_code *out);
struct quality_standard;
/* The standard code of a part: what a person said of it, else what came. */
const char *fhir_standard_of(struct tx *tx, uint64_t source, const struct clean_part *p, struct quality_standard *said);

/* ---- access.c ---- */
/* Fills w->actor from the credential; the error is answered. */
YL_CHECKED int fhir_who(struct fhir_work *w, struct tx *tx);
enum { MAY_READ = 1, MAY_SEARCH = 2, MAY_CREATE = 4, MAY_UPDATE = 8, MAY_DELETE = 16, MAY_ALL = 31 };
bool fhir_may(const struct fhir_work *w, const char *type, int what);
void rest_validate(struct fhir_work *w); /* check.c */
/* message.c: the entries of a patient feed as those of a transaction, and the answer to it. 0, or refused. */
YL_CHECKED int message_entries(struct fhir_work *w, const struct r4_node *root, const struct r4_node **header, struct r4_node **entries);
void message_answer(struct fhir_work *w, const struct r4_node *header);
/* terms.c: CodeSystem, ValueSet, ConceptMap. Those that clients write lie in the store; beside them stands the catalogue of the terminology
 * service, what is loaded from the lists, which is read and found with them and written by nobody. */
bool terms_type(const char *type);
int rest_terms(struct fhir_work *w, struct tx *tx, struct r4_str operation); /* "$expand" */
bool terms_read(struct fhir_work *w); /* answers a read of one of the catalogue; false: it is none */
bool terms_listed(struct fhir_work *w, const char *type, const char *name); /* is this the id of one of the catalogue? */
int terms_refuse(struct fhir_work *w, const struct r4_type *type); /* answers a write to one */
/* terms_write.c: on the writer, before s is stored or deleted: whose it is, and whose its url is. The error is answered. */
YL_CHECKED int terms_check(struct fhir_work *w, struct tx *tx, const struct staged *s);
YL_CHECKED int fhir_need(struct fhir_work *w, const char *type, int what);
/* POST /auth/token: fhir_begin's and fhir_finish's part. */
void token_begin(struct fhir_work *w, struct tx *tx);
YL_CHECKED int token_finish(struct fhir_work *w, struct tx *tx);
void smart_configuration(struct fhir_work *w);

/* ---- join.c ---- */
/* The institution whose client or person sent the whole of the newest version; 0 = of no institution. And whose the resource itself says it is (clean_resource_org); 0 = it does not. */
uint64_t fhir_writer(struct tx *tx, int64_t pkey, int64_t rid);
uint64_t fhir_org_named(struct tx *tx, const struct r4_node *resource);

/* ---- closed.c ---- */
struct fhir_row;
/* Is a resource (its newest version) closed to the institution of who asks? Another one wrote it, and the patient refused that this one shares in his record, or it is above the reach
 * of a scope: a diagnosis of a sensitive kind in it, or a label R or V. To who speaks for no institution nothing is. */
bool fhir_closed(struct fhir_work *w, struct tx *tx, int64_t pkey, int64_t rid);
/* Of a request of its name: 0 when the row is open - or is emptied, as if there were nothing, where a DELETE or a PATCH asks; else answers it: 404, or 403 where
 * it would be written. The audit tells a refusal. */
YL_CHECKED int fhir_not_closed(struct fhir_work *w, struct tx *tx, struct fhir_row *row);

/* ---- the plan of one request ---- */
enum wish { WISH_REPRESENTATION, WISH_MINIMAL, WISH_OUTCOME };
enum kind { K_NONE, K_TOKEN, K_WRITE, K_BUNDLE, K_EXPORT, K_FEED };
struct fhir_plan {
    enum kind kind;
    struct scratch *scratch;
    struct staged *staged;
    enum wish wish;
    bool strict, pretty;
    struct bundle *bundle;    /* the request is one, or an entry of it (peers) */
    bool owns_bundle;
    struct r4_node *given;    /* an entry of a transaction: its resource, references put right */
    int64_t given_rid;
    struct assertion *assertion;
    struct export_plan *export;
    uint64_t feed;          /* K_FEED: whose */
    int64_t feed_since;
    const struct r4_type *type; /* of the URL */
    char id[FHIR_ID_BYTES], vid[24], operation[40];
    bool system;                /* a search of several types; `type` is the one at hand */
    const char *compartment;    /* a search within it: its type; the id is `id`. NULL = none */
    struct r4_pair *pairs; /* of the query, those of _format and _pretty taken out */
    size_t n_pairs;
    enum r4_summary summary;
    struct r4_str elements;
    int64_t asked_pkey; /* closed.c: whose refusals were looked at last */
    bool asked_closed;
};

/* ---- rest.c, history.c, search.c, bundle.c, metadata.c ---- */
void rest_read(struct fhir_work *w, struct tx *tx);
void rest_vread(struct fhir_work *w, struct tx *tx);
void rest_write_begin(struct fhir_work *w, struct tx *tx);
YL_CHECKED int rest_write_finish(struct fhir_work *w, struct tx *tx);
void rest_history(struct fhir_work *w, struct tx *tx);
void rest_search(struct fhir_work *w, struct tx *tx);
void rest_search_system(struct fhir_work *w, struct tx *tx); /* of all types, or those of _type */
void rest_bundle_begin(struct fhir_work *w, struct tx *tx);
YL_CHECKED int rest_bundle_finish(struct fhir_work *w, struct tx *tx);
void bundle_free(struct bundle *b);
/* The key of a patient who comes with the same bundle; 0 = none. */
struct index_batch *bundle_rows(struct bundle *b); /* NULL: written at once */
int64_t bundle_patient(const struct bundle *b, const char *name);
/* Which interaction it is, carried out as in fhir_begin: entries of bundles. */
void fhir_route(struct fhir_work *w, struct tx *tx);
struct fhir_plan *fhir_plan_new(struct fhir_work *w);
/* Is JSON, of FHIR 4.0, among these media types (Accept, _format; a Content-Type)? */
bool fhir_speaks(const char *types);
YL_CHECKED int fhir_take_wishes(struct fhir_work *w);
void export_begin(struct fhir_work *w, struct tx *tx, bool patients);
void export_poll(struct fhir_work *w, struct tx *tx, const char *id, const char *file);
YL_CHECKED int export_finish(struct fhir_work *w, struct tx *tx);
void export_free(struct export_plan *e);
/* subscription.c: before a Subscription is written - the error is answered - and after it was, in the same transaction. */
YL_CHECKED int subscription_check(struct fhir_work *w, struct tx *tx, const struct staged *s);
YL_CHECKED int subscription_stored(struct fhir_work *w, struct tx *tx, const struct staged *s);
void rest_feed(struct fhir_work *w, struct tx *tx);
YL_CHECKED int rest_feed_finish(struct fhir_work *w, struct tx *tx);
void rest_metadata(struct fhir_work *w);
void rest_everything(struct fhir_work *w, struct tx *tx);

void fhir_percent(struct r4_buf *b, struct r4_str text); /* as it stands in the query of a URL */

/* The one resource a conditional URL means: *n = how many meet the query (2 = more than one). */
YL_CHECKED int search_one(struct fhir_work *w, struct tx *tx, const struct r4_type *type, struct r4_str query, int *n, struct fhir_row *row);
/* Does any resource meet the query, ours or the store's? For conditions that name one by _id. The error is answered. */
YL_CHECKED int search_meets(struct fhir_work *w, struct tx *tx, const struct r4_type *type, struct r4_str query, bool *meets);
/* Is it a search of this type, every parameter known? `why` says what is not; nothing is answered. */
YL_CHECKED int search_understood(struct fhir_work *w, const struct r4_type *type, struct r4_str query, char *why, size_t cap);
/* A resource's body as this request wants it: _summary, _elements, _pretty. Appends to b. */
YL_CHECKED int body_shape(struct fhir_work *w, const struct r4_type *type, struct r4_str body, struct r4_buf *b);
/* Applies a JSON Patch; *resource may become another node. Answers the error. */
YL_CHECKED int patch_run(struct fhir_work *w, const struct r4_node *patch, struct r4_node **resource);
/* Parses If-Match or an ETag: W/"3" -> 3; 0 = none, -1 = not one. */
int64_t etag_version(const char *text);
bool text_to_version(const char *text, size_t n, int64_t *out);
#endif
