/* Numbers of a person; PIX (ITI-9, QBP^Q23): which other numbers has this patient. */
#include "records/exchange/query_private.h"
#include "records/patient/index.h"

static int domain_of(struct asking *a, struct hl7_span cx, struct exchange_domain *d)
{
    char name[64], oid[128];
    struct hl7_span authority = hl7_split(a->m, cx, a->m->component, 4);
    hl7_text(a->m, hl7_split(a->m, authority, a->m->sub, 1), name, sizeof name);
    hl7_text(a->m, hl7_split(a->m, authority, a->m->sub, 2), oid, sizeof oid);
    return exchange_domain_find(a->ctx, name, oid, d);
}

int query_read_wanted(struct asking *a, unsigned field)
{
    struct hl7_span all = hl7_field(a->m, a->qpd, field);
    size_t n = hl7_count(a->m, all, a->m->repeat);
    for (unsigned i = 1; i <= n && i <= DOMAINS_MAX; i++) {
        struct exchange_domain d;
        struct hl7_span one = hl7_split(a->m, all, a->m->repeat, i);
        if (!one.len)
            continue;
        if (domain_of(a, one, &d))
            return query_wrong(a, 204, "unknown_domain", field, 0);
        a->wanted[a->n_wanted++] = d.id;
    }
    return 0;
}

static bool wants(const struct asking *a, uint64_t domain)
{
    for (size_t i = 0; i < a->n_wanted; i++)
        if (a->wanted[i] == domain)
            return true;
    return a->n_wanted == 0;
}

bool query_has_live(struct op_ctx *ctx, uint64_t patient)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_identity WHERE patient_id=$1 AND retired_ms=0", "i", (int64_t)patient) > 0;
}

/* Live numbers; of a patient who was merged away (no live one is left) those he had, because they lead to the survivor now. */
void query_list_numbers(struct asking *a, uint64_t patient, struct listed *out)
{
    bool live = query_has_live(a->ctx, patient);
    if (query_hides(a, patient))
        return;
    struct query *q = tx_query(a->ctx->tx, "SELECT domain_id, value, retired_ms FROM exchange_identity WHERE patient_id=$1 ORDER BY domain_id, value", "i",
                               (int64_t)patient);
    while (query_next(q)) {
        struct exchange_domain d;
        if ((live && query_int(q, "retired_ms")) || query_int(q, "retired_ms") < 0 || !wants(a, (uint64_t)query_int(q, "domain_id")) ||
            exchange_domain_load(a->ctx, (uint64_t)query_int(q, "domain_id"), &d))
            continue;
        hl7_puts(&out->text, out->n++ ? "~" : "");
        hl7_put_text(&out->text, query_text(q, "value"));
        hl7_puts(&out->text, "^^^");
        hl7_put_text(&out->text, d.namespace_id);
        hl7_puts(&out->text, d.oid[0] ? "&" : "");
        hl7_put_text(&out->text, d.oid);
        hl7_puts(&out->text, d.oid[0] ? "&ISO^PI" : "^PI");
    }
    if (query_end(q))
        a->n_wanted = 0; /* the error sticks to the transaction */
}

void query_list_person(struct asking *a, uint64_t patient, struct listed *out)
{
    uint64_t members[256], person = patient_index_person(a->ctx, patient);
    size_t n = 0;
    query_list_numbers(a, patient, out);
    struct query *q = tx_query(a->ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 AND patient_id<>$2 ORDER BY patient_id LIMIT 256", "ii",
                               (int64_t)person, (int64_t)patient);
    while (query_next(q))
        members[n++] = (uint64_t)query_int(q, "patient_id");
    if (query_end(q) == 0)
        for (size_t i = 0; i < n; i++)
            query_list_numbers(a, members[i], out);
}

/* ---- PIX ---- */

int query_pix(struct asking *a)
{
    char value[128];
    bool retired;
    struct exchange_domain d;
    struct listed numbers = {{0}, 0};
    struct hl7_span cx = hl7_split(a->m, hl7_field(a->m, a->qpd, 3), a->m->repeat, 1);
    hl7_text(a->m, hl7_split(a->m, cx, a->m->component, 1), value, sizeof value);
    if (!value[0])
        return query_wrong(a, 101, "required", 3, 1);
    if (domain_of(a, cx, &d))
        return query_wrong(a, 204, "unknown_domain", 3, 4);
    uint64_t patient = exchange_identity(a->ctx, d.id, value, &retired);
    if (!patient || retired || query_hides(a, patient))
        return tx_error(a->ctx->tx) ? tx_error(a->ctx->tx) : query_wrong(a, 204, "unknown_number", 3, 1);
    int rc = query_read_wanted(a, 4);
    if (rc)
        return rc;
    a->told = (struct exchange_told){.patient = {patient}, .n = 1}; /* also where he has no number that is wanted */
    query_list_person(a, patient, &numbers);
    if (numbers.n) { /* 3.9.4.2.2.6: no demographics; the name is there because it must be */
        hl7_puts(&a->pids, "PID|||");
        hl7_put(&a->pids, numbers.text.bytes, numbers.text.len);
        hl7_puts(&a->pids, "||~^^^^^^S\r");
        a->n_pids = 1;
    }
    hl7_writer_fini(&numbers.text);
    return tx_error(a->ctx->tx);
}
