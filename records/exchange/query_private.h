/* query_private - one question on its way from QPD to the reply; for the files query*.c alone. Inside a read transaction.
 *
 * query.c admits the asker and writes the reply; query_pix.c knows numbers and answers ITI-9; query_pdq.c finds persons by what is said of them (ITI-21);
 * query_visit.c finds their visits (ITI-22).
 */
#ifndef YL_RECORDS_EXCHANGE_QUERY_PRIVATE_H
#define YL_RECORDS_EXCHANGE_QUERY_PRIVATE_H

#include "records/exchange/exchange_private.h"

#define CANDIDATES_MAX 5000
#define PARAMETERS_MAX 24
#define DOMAINS_MAX 16
#define ANSWERS_MAX EXCHANGE_TOLD_MAX

struct parameter {
    bool visit;      /* of PV1; else of PID */
    unsigned field, component, sub;
    char value[200], raw[200]; /* folded; as it was written */
    bool prefix;     /* "value*" */
};
enum question { ASK_PIX, ASK_PDQ, ASK_VISITS, ASK_CANCEL };
struct listed {
    struct hl7_writer text; /* joined by ~ */
    size_t n;
};
struct asking {
    struct op_ctx *ctx;
    struct actor asker; /* the institution whose system asks */
    struct hl7_message *m;
    const struct hl7_segment *qpd;
    struct exchange_flaw flaw;
    enum question kind;
    uint64_t wanted[DOMAINS_MAX]; /* domains whose numbers are asked for; none = all */
    size_t n_wanted;
    struct parameter parameters[PARAMETERS_MAX];
    size_t n_parameters;
    uint64_t found[CANDIDATES_MAX];
    size_t n_found;
    struct hl7_writer pids; /* the answer's segments: PID, and of a visit PV1 */
    size_t n_pids, from, limit, remaining; /* one is a person, of ASK_VISITS a visit */
    struct exchange_told told; /* whom they are about */
};

/* He refused that the asker's institution shares in this record (records/patient/sharing.h): it is not told of, nor that it is there. */
bool query_hides(const struct asking *a, uint64_t patient);
/* One more is in the answer. */
void query_told(struct asking *a, uint64_t patient);
/* A flaw at QPD-field.component; ERR_INVALID. query.c */
int query_wrong(struct asking *a, int code, const char *reason, unsigned field, unsigned component);

/* query_pix.c */
YL_CHECKED int query_pix(struct asking *a);
YL_CHECKED int query_read_wanted(struct asking *a, unsigned field); /* QPD-4 of PIX, QPD-8 of PDQ: domains whose numbers are wanted */
bool query_has_live(struct op_ctx *ctx, uint64_t patient);
void query_list_numbers(struct asking *a, uint64_t patient, struct listed *out); /* of one record, in the domains wanted */
void query_list_person(struct asking *a, uint64_t patient, struct listed *out);  /* his own first, then those of everyone who is the same person */

/* query_pdq.c */
YL_CHECKED int query_pdq(struct asking *a);
YL_CHECKED int query_read_parameters(struct asking *a);
YL_CHECKED int query_read_paging(struct asking *a); /* RCP-2, DSC-1 */
const struct parameter *query_said(const struct asking *a, bool visit, unsigned field, unsigned component, unsigned sub);
YL_CHECKED int query_find(struct asking *a); /* a->found: records that what is said of PID fits */
void query_put_pid(struct asking *a, uint64_t patient, const struct listed *numbers);
bool query_fits_field(const struct parameter *p, struct hl7_message *m, const char *segment, unsigned field);

/* query_visit.c */
YL_CHECKED int query_visits(struct asking *a);
#endif
