/* Index rows as an older program made them are made anew, once, before anybody is served: what they are made of is sealed, so no statement of a migration can do
 * it. First those of numbers, then what finds a ContactPoint by its kind (reindex_contact.c). A stretch of resources is a transaction, and with it goes how far it came
 * (fhir_index): whoever is killed goes on there. */
#include "records/fhir/reindex.h"
#include "server/base/log.h"
#include <stdio.h>

enum { NUMBERS = 2, NUMBERS_DONE, CONTACTS, DONE }; /* fhir_index.done; 0 and 1: of programs of before, which are nothing to go on from */

/* The rows of before: they told a number's precision, and no unit ('n'), or were two for a quantity ('b' and 'w'). */
static void delete_rows(struct redo *r)
{
    const struct r4_type *const *types;
    const struct r4_param *const *params;
    for (size_t t = 0, n = r4_resources(fhir_r4(r->x), &types); t < n; t++)
        for (size_t p = 0, m = r4_params(fhir_r4(r->x), types[t], &params); p < m; p++)
            for (const char *letter = params[p]->type == R4_P_NUMBER || params[p]->type == R4_P_QUANTITY ? "nbw" : ""; *letter; letter++)
                tx_exec(r->tx, "DELETE FROM fhir_range WHERE param=$1", "i", range_param_before(r->x, types[t], params[p], *letter));
}

static int add_rows(struct redo *r, struct query *q)
{
    struct facts facts = {0};
    size_t sealed_len, len;
    const char *name = query_text(q, "type");
    const struct r4_type *type = r4_resource(fhir_r4(r->x), name, strlen(name));
    const void *sealed = query_blob(q, "facts", &sealed_len);
    r4_doc_reset(r->s->rows);
    char *plain = body_open(r->x, r->s, r->x->facts_key, (const int64_t[2]){r->rid, query_int(q, "vid")}, sealed, sealed_len, &len);
    int rc = 0;
    if (!type || !plain || !facts_read(r->x, r->s->rows, type, plain, len, &facts))
        r->damaged++;
    else {
        facts_numbers(r->x, type, &facts);
        rc = facts.failed ? ERR_UNAVAILABLE : index_batch_add(&r->rows, r->pkey, r->rid, &facts);
    }
    facts_clear(&facts);
    free(plain);
    return rc;
}

static int note(struct redo *r)
{
    return tx_exec(r->tx, "UPDATE fhir_index SET done=$1, pkey=$2, rid=$3 WHERE id=1", "iii", (int64_t)r->state, r->pkey, r->rid);
}

static void begin_pass(struct redo *r, int state)
{
    r->state = state;
    r->pkey = INT64_MIN;
    r->rid = 0;
}

/* From where it was broken off, else from the beginning: of nothing, all is done. */
static int find_place(struct redo *r)
{
    struct query *q = tx_query(r->tx, "SELECT pkey, rid, done FROM fhir_index WHERE id=1", "");
    r->state = query_next(q) ? (int)query_int(q, "done") : DONE;
    r->pkey = r->state == DONE ? 0 : query_int(q, "pkey");
    r->rid = r->state == DONE ? 0 : query_int(q, "rid");
    int rc = query_end(q);
    if (rc || r->state == DONE)
        return rc;
    if (!tx_int(r->tx, 0, "SELECT COUNT(*) AS n FROM (SELECT rid FROM fhir_resource LIMIT 1) AS r", "")) {
        r->state = DONE;
        return note(r);
    }
    if (!fhir_r4(r->x))
        return ERR_UNAVAILABLE;
    if (r->state == NUMBERS_DONE)
        begin_pass(r, CONTACTS);
    else if (r->state < NUMBERS) {
        delete_rows(r);
        begin_pass(r, NUMBERS);
    }
    return tx_error(r->tx);
}

static int redo_numbers(struct redo *r)
{
    int64_t seen = 0;
    int rc = 0;
    struct query *q = tx_query(r->tx, "SELECT pkey, rid, vid, type, facts FROM fhir_resource WHERE (pkey,rid)>($1,$2) AND deleted=0 ORDER BY pkey, rid LIMIT $3", "iii", r->pkey, r->rid,
                               (int64_t)REDO_STRETCH);
    for (; rc == 0 && query_next(q); seen++) {
        r->pkey = query_int(q, "pkey");
        r->rid = query_int(q, "rid");
        rc = add_rows(r, q);
    }
    int ended = query_end(q);
    rc = rc ? rc : ended ? ended : index_batch_write(r->tx, &r->rows);
    if (seen < REDO_STRETCH)
        r->state = NUMBERS_DONE;
    return rc;
}

static int redo_stretch(struct redo *r)
{
    bool all = false;
    int rc = find_place(r);
    if (rc || r->state == DONE)
        return rc;
    if (r->state == NUMBERS)
        rc = redo_numbers(r);
    else {
        rc = redo_contacts(r, &all);
        r->state = all ? DONE : CONTACTS;
    }
    return rc ? rc : note(r);
}

static int in_transaction(struct redo *r, struct store *store)
{
    int rc = tx_begin(store, TX_WRITE, &r->tx);
    if (rc)
        return rc;
    rc = redo_stretch(r);
    if (rc == 0)
        return tx_commit(r->tx);
    tx_rollback(r->tx);
    return rc;
}

int fhir_reindex(struct fhir *x, struct store *store, struct fault *f)
{
    struct redo r = {.x = x, .s = scratch_take(x)};
    int rc = r.s ? 0 : ERR_UNAVAILABLE;
    for (int64_t n = 0; rc == 0 && r.state != DONE; n += REDO_STRETCH) {
        if (n && n % 100000 == 0)
            log_info("fhir", "index rows are made anew: %lld resources so far", (long long)n);
        rc = in_transaction(&r, store);
    }
    if (r.damaged)
        log_error("fhir", "%lld resources do not open: what they say now is not found in them", (long long)r.damaged);
    index_batch_free(&r.rows);
    scratch_give(x, r.s);
    return rc ? fault_set(f, rc, "fhir_index", "The index rows of FHIR resources cannot be made anew.") : 0;
}
