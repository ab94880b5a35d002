/* own - what the house itself keeps, shown as FHIR resources beside those of the store: persons of the patient index as Patient, cases as
 * ServiceRequest and Task, their signed opinions as DiagnosticReport, their sessions as Appointment, their chat as Communication, the experts' times
 * as Schedule and Slot.
 *
 * They are made when they are asked for, from the rows as they are, for the one who asks: nothing is kept twice, and what a masking table, a
 * consent or an unsigned opinion hides is not in them at all. Ids have a prefix of their kind ("mpi-", "case-" ...) and are read-only: a
 * write to one is refused with its place. Search is that of the store: the same terms, judged on the same facts (search.h). What a kind cannot
 * find by an index is looked for among its newest OWN_LOOK, and the page says so.
 */
#ifndef YL_RECORDS_FHIR_OWN_H
#define YL_RECORDS_FHIR_OWN_H

#include "records/fhir/search.h"
#include "records/patient/patient_row.h"
#include <jansson.h>

#define OWN_LOOK 1000

struct own { /* the view of one request */
    struct fhir_work *w;
    struct actor actor;
    struct fault fault;
    struct op_ctx ctx; /* borrows the two above: an own is not copied */
    char base[300];
    struct scratch *scratch; /* of one resource at a time */
};
/* false: out of memory, answered. */
bool own_open(struct own *o, struct fhir_work *w, struct tx *tx);
void own_close(struct own *o);
/* Who speaks for no institution - a client of the whole consortium, the system - sees every institution's. */
bool own_is_of(const struct own *o, uint64_t org);

struct own_ids { /* candidates */
    uint64_t list[OWN_LOOK];
    size_t n;
    bool cut; /* there are more than were looked at */
};
void own_ids_add(struct own_ids *ids, uint64_t id); /* each once */

struct own_made {
    json_t *shown;    /* the resource; NULL = there is none, or not for him */
    json_t *searched; /* what it is found by, where that is more than is shown; NULL = the same */
    uint64_t patient; /* for the audit */
    int64_t t_ms;     /* last changed; 0 = nobody knows */
    int64_t number;   /* of the house's own version; 0 = it counts none */
};
struct own_kind {
    const char *type, *prefix;
    /* Those that may meet the terms. Errors are the transaction's. */
    int (*look)(struct own *o, const struct finder *f, struct own_ids *ids);
    int (*make)(struct own *o, uint64_t id, struct own_made *out);
    size_t (*walk)(struct own *o, uint64_t after, uint64_t *out, size_t cap); /* those that may be his to see, by number, above `after` */
    size_t (*past)(struct own *o, uint64_t id, int64_t *t_ms, size_t cap);    /* when it changed, the oldest first; NULL: nobody kept that */
};
extern const struct own_kind own_patient, own_request, own_task, own_report, own_appointment, own_message, own_slot, own_schedule;
const struct own_kind *own_kind_of(const char *type); /* NULL: all of this type lie in the store */
/* Is this the name of one of ours? Its number. */
bool own_name(const char *type, const char *name, uint64_t *id);
void own_id(const struct own_kind *k, uint64_t id, char out[FHIR_ID_BYTES]);

/* One as a row like those of the store: body and facts filled, pkey the patient, rid the number. row->found says whether. */
YL_CHECKED int own_row(struct own *o, const struct own_kind *k, uint64_t id, struct fhir_row *row);
/* What a version of ours is called: "7.5f0c1a2b3c4d", the case's own version and a keyed hash of what he who asks sees of it. Both are there because what is
 * seen also hangs on other rows: who the person is in the index, what somebody is called, how far one's rights reach. Older ones are not kept. */
#define OWN_VERSION_BYTES 40
YL_CHECKED int own_row_version(struct own *o, const struct own_kind *k, uint64_t id, struct fhir_row *row, char version[OWN_VERSION_BYTES]);
/* Answers a read, or a read of a version, of one of ours; false: it is none. */
bool own_read(struct fhir_work *w, struct tx *tx, const char *version);
/* Answers a write to one of ours. */
int own_refuse(struct fhir_work *w, const struct r4_type *type);

struct own_rows { /* what a search finds, by number */
    struct fhir_row *list;
    size_t n, cap;
    bool cut;
};
/* `f` opened, not yet planned. */
YL_CHECKED int own_search(struct finder *f, struct own_rows *out);
/* Ours of a type whose parameter names "Type/id". */
YL_CHECKED int own_that_refer(struct fhir_work *w, struct tx *tx, const struct r4_type *type, const char *param, const char *reference, struct own_rows *out);
void own_rows_clear(struct own_rows *rows);
/* The catalogue of the terminology service, its part of own_search: bodies are left out (terms_search.c). */
YL_CHECKED int terms_search(struct finder *f, struct own_rows *out);
bool terms_body(struct fhir_work *w, struct fhir_row *row); /* fills it in; false: without memory */
bool own_has_id(const struct r4_term *t, const char *name); /* t: a plain _id */
bool own_meets(const struct finder *f, const struct fhir_row *row, const struct facts *facts);
YL_CHECKED int own_keep(struct own_rows *rows, struct fhir_row *row); /* takes what it owns */

/* ---- for the kinds ---- */
/* The first term of this parameter whose operands are plain values; NULL. */
const struct r4_term *own_term(const struct finder *f, const char *code);
/* Patients of the house whom a term on patient, subject or a compartment names; false: none does. */
bool own_patients_named(struct own *o, const struct finder *f, struct own_ids *ids);
/* Numbers of our own of `kind` that a term on a reference names (focus=ServiceRequest/case-..); false: none does. */
bool own_referred(const struct finder *f, const char *code, const struct own_kind *kind, struct own_ids *ids);
json_t *own_instant(int64_t ms);
json_t *own_org(struct own *o, uint64_t org);          /* a Reference by identifier and name; JSON null for 0 */
json_t *own_patient_ref(struct own *o, uint64_t patient); /* to the person in the index */
json_t *own_domain_system(const char *oid, const char *namespace_id);
#define OWN_ID_NO "urn:oid:2.16.156.10011.1.3" /* resident identity number (WS/T 500) */
#define OWN_ORG "urn:yilian:org"
#define OWN_PERSON "urn:yilian:person"
#define OWN_LOCAL "urn:yilian:patients:" /* + the institution's code: its local numbers */

/* match.c: POST Patient/$match; GET Patient/$ihe-pix (IHE PIXm, ITI-83). */
void rest_match(struct fhir_work *w, struct tx *tx);
void rest_pix(struct fhir_work *w, struct tx *tx);
/* What of a Patient, of whatever shape, the index compares; *row is cleared before. */
void match_record(const struct r4_node *patient, struct patient_row *row);
/* Of a system: an identifier domain, or the local numbers of an institution. */
struct authority {
    uint64_t domain, org; /* one of the two */
    uint64_t giver;       /* of a domain: the institution that gives the numbers, 0 = nobody here */
    char system[200];
};
bool own_authority(struct op_ctx *ctx, struct r4_str system, struct authority *a); /* false: nobody here knows it */
uint64_t own_patient_under(struct op_ctx *ctx, const struct authority *a, const char *value); /* 0 = none */
/* "system|value"; false when one of the two is missing. */
bool pix_split(struct r4_str text, struct r4_str *system, char *value, size_t cap);
#endif
