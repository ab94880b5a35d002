/* Visits (ITI-22, QBP^ZV1): who fits this description and lies in this ward, came by this doctor, has this visit number. A bedside monitor asks
 * so. PV1 is answered as its source said it last: it is read anew from the message that brought it. */
#include "records/exchange/person.h"
#include "records/exchange/query_private.h"
#include "records/patient/index.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VISITS_OF_ONE 100 /* the newest of a person */
#define VISITS_MAX 2000   /* the newest of the house, where nothing is said of PID */

struct visit {
    uint64_t patient, message;
};

/* A visit that was called off: A11, A27, A38, and A23 (the whole visit was a mistake). */
static bool called_off(const char *status)
{
    static const char *const events[] = {"A11", "A23", "A27", "A38"};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (status && strcmp(status, events[i]) == 0)
            return true;
    return false;
}

static size_t collect(struct query *q, struct visit *out, size_t cap)
{
    size_t n = 0;
    while (n < cap && query_next(q))
        if (!called_off(query_text(q, "status")))
            out[n++] = (struct visit){(uint64_t)query_int(q, "patient_id"), (uint64_t)query_int(q, "message_id")};
    return query_end(q) ? 0 : n; /* an error sticks to the transaction */
}

/* ---- which visits ---- */

static size_t of_person(struct op_ctx *ctx, uint64_t person, struct visit *out)
{
    return collect(tx_query(ctx->tx,
                            "SELECT e.patient_id, e.message_id, e.status FROM mpi_member m JOIN exchange_entry e ON e.patient_id=m.patient_id "
                            "WHERE m.person_id=$1 AND e.kind='encounter' AND e.replaced_by=0 ORDER BY e.t_ms DESC LIMIT $2",
                            "ii", (int64_t)person, (int64_t)VISITS_OF_ONE),
                   out, VISITS_OF_ONE);
}

/* A visit number is unique at its source: it is looked for at each. */
static size_t of_number(struct op_ctx *ctx, const char *number, struct visit *out)
{
    int64_t sources[256];
    size_t n_sources = 0, n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT id FROM exchange_source WHERE enabled=1 ORDER BY id LIMIT 256", "");
    while (n_sources < 256 && query_next(q))
        sources[n_sources++] = query_int(q, "id");
    if (query_end(q))
        return 0;
    for (size_t i = 0; i < n_sources && n < VISITS_MAX; i++)
        n += collect(tx_query(ctx->tx, "SELECT patient_id, message_id, status FROM exchange_entry WHERE key=$1 AND key<>0 AND kind='encounter' AND replaced_by=0 LIMIT $2", "ii",
                              exchange_entry_key(ctx, (uint64_t)sources[i], "encounter", number, ""), (int64_t)(VISITS_MAX - n)),
                     out + n, VISITS_MAX - n);
    return n;
}

static size_t newest(struct op_ctx *ctx, struct visit *out)
{
    return collect(tx_query(ctx->tx, "SELECT patient_id, message_id, status FROM exchange_entry WHERE kind='encounter' AND replaced_by=0 ORDER BY id DESC LIMIT $1", "i",
                            (int64_t)VISITS_MAX),
                   out, VISITS_MAX);
}

/* ---- one visit ---- */

/* The message as HL7, NUL-terminated, malloc'd: as it came, as it was corrected, or as its row becomes one. */
static char *message_of(struct op_ctx *ctx, uint64_t message)
{
    char hash[33] = "";
    struct exchange_source source;
    uint64_t of = 0;
    int64_t received = 0;
    bool row = false;
    struct query *q = tx_query(ctx->tx,
                               "SELECT m.source_id, m.file_id, m.received_ms, COALESCE(d.fixed_hash, m.hash) AS body FROM exchange_message m "
                               "LEFT JOIN exchange_dead d ON d.message_id=m.id WHERE m.id=$1",
                               "i", (int64_t)message);
    if (query_next(q)) {
        snprintf(hash, sizeof hash, "%s", query_text(q, "body"));
        of = (uint64_t)query_int(q, "source_id");
        row = query_int(q, "file_id") != 0;
        received = query_int(q, "received_ms");
    }
    char *body = query_end(q) || !hash[0] ? NULL : exchange_body(ctx, hash);
    if (!body || !row)
        return body;
    struct hl7_writer w = {0};
    struct exchange_taking t = {.ctx = ctx, .source = &source};
    bool read = exchange_source_load(ctx, of, &source) == 0 && source.rows && exchange_row_message(&t, body, "0", received, &w) == 0;
    free(body);
    if (!read)
        hl7_writer_fini(&w);
    return w.bytes;
}

static bool fits(const struct asking *a, struct hl7_message *m)
{
    for (size_t i = 0; i < a->n_parameters; i++)
        if (a->parameters[i].visit && !query_fits_field(&a->parameters[i], m, "PV1", a->parameters[i].field))
            return false;
    return true;
}

static void answer(struct asking *a, const struct visit *v, struct hl7_message *m)
{
    struct listed numbers = {{0}, 0};
    if (query_hides(a, v->patient))
        return;
    query_list_person(a, v->patient, &numbers);
    char *pv1 = numbers.n && a->from == 0 && a->n_pids < a->limit ? exchange_canonical(m, hl7_segment(m, "PV1", 0), 60) : NULL;
    if (pv1) {
        query_put_pid(a, v->patient, &numbers);
        hl7_puts(&a->pids, pv1);
        hl7_puts(&a->pids, "\r");
        query_told(a, v->patient);
    } else if (numbers.n && a->from)
        a->from--;
    else if (numbers.n)
        a->remaining++;
    free(pv1);
    hl7_writer_fini(&numbers.text);
}

static void consider(struct asking *a, const struct visit *v)
{
    struct hl7_message m;
    struct fault f = {0};
    char *text = message_of(a->ctx, v->message);
    if (!text)
        return;
    if (hl7_parse(&m, text, strlen(text), HL7_UTF8, &f) == 0 && hl7_segment(&m, "PV1", 0) && fits(a, &m))
        answer(a, v, &m);
    hl7_fini(&m);
    explicit_bzero(text, strlen(text));
    free(text);
}

/* ---- all of them ---- */

static bool says_who(const struct asking *a)
{
    for (size_t i = 0; i < a->n_parameters; i++)
        if (!a->parameters[i].visit)
            return true;
    return false;
}

static int visits_of_found(struct asking *a, struct visit *list)
{
    uint64_t persons[CANDIDATES_MAX];
    size_t n = 0;
    int rc = query_find(a);
    for (size_t i = 0; i < a->n_found && rc == 0; i++) {
        uint64_t person = patient_index_person(a->ctx, a->found[i]);
        bool again = false;
        for (size_t k = 0; k < n && !again; k++)
            again = persons[k] == person;
        if (again)
            continue;
        persons[n++] = person;
        size_t visits = of_person(a->ctx, person, list);
        for (size_t k = 0; k < visits; k++)
            consider(a, &list[k]);
    }
    return rc;
}

int query_visits(struct asking *a)
{
    int rc = query_read_paging(a);
    size_t start = a->from;
    rc = rc ? rc : query_read_parameters(a);
    struct visit *list = rc ? NULL : calloc(VISITS_MAX, sizeof *list);
    if (!list)
        return rc ? rc : ERR_UNAVAILABLE;
    const struct parameter *number = query_said(a, true, 19, 1, 0) ? query_said(a, true, 19, 1, 0) : query_said(a, true, 19, 0, 0);
    if (says_who(a))
        rc = visits_of_found(a, list);
    else {
        size_t n = number && !number->prefix ? of_number(a->ctx, number->raw, list) : newest(a->ctx, list);
        for (size_t i = 0; i < n; i++)
            consider(a, &list[i]);
    }
    free(list);
    a->from = start;
    return rc ? rc : tx_error(a->ctx->tx);
}
