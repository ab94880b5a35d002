/* Index rows of numbers as an older program made them are made anew, once, before anybody is served: what they are made of is sealed, so no statement of a migration
 * can do it. A stretch of resources is a transaction, and with it goes how far it came (fhir_index): whoever is killed goes on there. */
#include "records/fhir/fhir_private.h"
#include "server/base/log.h"
#include <stdio.h>

#define STRETCH 2000
enum { UNDER_WAY = 2, DONE = 3 }; /* fhir_index.done; 0 and 1: of programs of before, which are nothing to go on from */

struct redo {
    struct fhir *x;
    struct scratch *s;
    struct tx *tx;
    int64_t pkey, rid; /* behind this one */
    int64_t damaged;
    bool all;
    struct index_batch rows;
};

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
    return tx_exec(r->tx, "UPDATE fhir_index SET done=$1, pkey=$2, rid=$3 WHERE id=1", "iii", (int64_t)(r->all ? DONE : UNDER_WAY), r->pkey, r->rid);
}

/* From where it was broken off, else from the beginning: of nothing, all is done. */
static int find_place(struct redo *r, bool *anew)
{
    struct query *q = tx_query(r->tx, "SELECT pkey, rid, done FROM fhir_index WHERE id=1", "");
    int64_t state = query_next(q) ? query_int(q, "done") : DONE;
    *anew = state != UNDER_WAY;
    r->pkey = *anew ? INT64_MIN : query_int(q, "pkey");
    r->rid = *anew ? 0 : query_int(q, "rid");
    r->all = state == DONE;
    int rc = query_end(q);
    if (rc || r->all || !*anew || tx_int(r->tx, 0, "SELECT COUNT(*) AS n FROM (SELECT rid FROM fhir_resource LIMIT 1) AS r", ""))
        return rc ? rc : tx_error(r->tx);
    r->all = true;
    return note(r);
}

static int redo_stretch(struct redo *r)
{
    bool anew;
    int rc = find_place(r, &anew);
    if (rc || r->all)
        return rc;
    if (!fhir_r4(r->x))
        return ERR_UNAVAILABLE;
    if (anew)
        delete_rows(r);
    int64_t seen = 0;
    struct query *q = tx_query(r->tx, "SELECT pkey, rid, vid, type, facts FROM fhir_resource WHERE (pkey,rid)>($1,$2) AND deleted=0 ORDER BY pkey, rid LIMIT $3", "iii", r->pkey, r->rid,
                               (int64_t)STRETCH);
    for (; rc == 0 && query_next(q); seen++) {
        r->pkey = query_int(q, "pkey");
        r->rid = query_int(q, "rid");
        rc = add_rows(r, q);
    }
    int ended = query_end(q);
    rc = rc ? rc : ended ? ended : index_batch_write(r->tx, &r->rows);
    r->all = seen < STRETCH;
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
    for (int64_t n = 0; rc == 0 && !r.all; n += STRETCH) {
        if (n && n % 100000 == 0)
            log_info("fhir", "the index rows of numbers are made anew: %lld resources so far", (long long)n);
        rc = in_transaction(&r, store);
    }
    if (r.damaged)
        log_error("fhir", "the facts of %lld resources do not open: no number in them is found", (long long)r.damaged);
    index_batch_free(&r.rows);
    scratch_give(x, r.s);
    return rc ? fault_set(f, rc, "fhir_index", "The index of numbers in FHIR resources cannot be made anew.") : 0;
}
