/* What may be written of CodeSystem, ValueSet and ConceptMap. They are no health data: whoever has the scope reads them. But many rely on them, so only the house that
 * wrote one changes it, and a canonical url is one house's: else another's resource would mean something else from one day to the next to all who name the url. */
#include "records/fhir/fhir_private.h"
#include "records/term/term.h"
#include <stdio.h>

/* Who speaks for no institution speaks for all. */
static bool is_of(const struct fhir_work *w, struct tx *tx, int64_t pkey, int64_t rid)
{
    return !w->actor.org || fhir_writer(tx, pkey, rid) == w->actor.org;
}

static int taken(struct fhir_work *w, const struct staged *s, const char *reason, const char *text)
{
    char path[60];
    snprintf(path, sizeof path, "%s.url", s->type->name);
    fault_clear(&w->fault);
    (void)!fault_field(&w->fault, path, reason);
    return fhir_fail(w, ERR_CONFLICT, reason, "%s", text);
}

static bool has_version(struct fhir_work *w, const struct fhir_row *row, const struct r4_node *version)
{
    struct r4_doc *d = w->plan->scratch->doc;
    struct r4_mark mark = r4_doc_mark(d);
    struct r4_node *root;
    struct r4_str want = r4_text(version), have = {0};
    if (r4_json_parse(d, row->body, row->body_len, &root, NULL) == 0)
        have = r4_text(r4_get(root, "version"));
    bool same = have.n == want.n && (!have.n || memcmp(have.p, want.p, have.n) == 0);
    r4_doc_rewind(d, mark);
    return same;
}

/* Another resource of the same url. */
static int check_other(struct fhir_work *w, struct tx *tx, const struct staged *s, int64_t pkey, int64_t rid)
{
    struct fhir_row row = {0};
    if (rid == s->rid)
        return 0;
    if (!is_of(w, tx, pkey, rid))
        return taken(w, s, "of_another_house", "Another institution has written a resource of this url.");
    int rc = row_load(w, tx, pkey, rid, ROW_BODY, &row);
    if (rc == 0 && row.body && has_version(w, &row, r4_get(s->resource, "version")))
        rc = taken(w, s, "duplicate", "There is a resource of this url and version already.");
    fhir_row_clear(&row);
    return rc;
}

struct others {
    int64_t pkey[100], rid[100];
    size_t n;
};

/* Those of the store, and those of the same transaction, whose index rows are not written yet. */
static void find_others(struct fhir_work *w, struct tx *tx, int64_t key, struct others *o)
{
    const size_t cap = sizeof o->rid / sizeof *o->rid;
    const struct index_batch *batch = bundle_rows(w->plan->bundle);
    struct query *q = tx_query(tx, "SELECT pkey, rid FROM fhir_token WHERE key=$1 LIMIT $2", "ii", key, (int64_t)cap);
    o->n = 0;
    while (query_next(q)) {
        o->pkey[o->n] = query_int(q, "pkey");
        o->rid[o->n++] = query_int(q, "rid");
    }
    (void)!query_end(q); /* the error sticks */
    for (size_t i = 0; batch && i < batch->n && o->n < cap; i++)
        if (batch->rows[i].key == key) {
            o->pkey[o->n] = batch->rows[i].pkey;
            o->rid[o->n++] = batch->rows[i].rid;
        }
}

static int check_url(struct fhir_work *w, struct tx *tx, const struct staged *s, struct r4_str url)
{
    const struct r4_param *p = r4_param_find(fhir_r4(w->fhir), s->type, "url", 3);
    struct fault unused = {0};
    struct others o;
    struct ts *ts;
    char text[1000];
    snprintf(text, sizeof text, "%.*s", url.n < sizeof text ? (int)url.n : 0, url.p);
    if (terms_ts(records_parts(w->records)->terms, &ts, &unused))
        return fhir_fail(w, ERR_UNAVAILABLE, "terms", "The terminology service is not ready.");
    if (ts_lists_url(ts, s->type->name, text))
        return taken(w, s, "of_the_catalogue", "This url belongs to the terminology that is loaded here, which is not changed over FHIR.");
    find_others(w, tx, p ? key_uri(w->fhir, s->type, p, url) : 0, &o);
    int rc = tx_error(tx);
    for (size_t i = 0; i < o.n && rc == 0; i++)
        rc = check_other(w, tx, s, o.pkey[i], o.rid[i]);
    return rc;
}

int terms_check(struct fhir_work *w, struct tx *tx, const struct staged *s)
{
    if (!terms_type(s->type->name))
        return 0;
    if (s->old.found && !is_of(w, tx, s->old.pkey, s->old.rid))
        return fhir_fail(w, ERR_DENIED, "of_another_house", "Another institution wrote this resource: only it changes it.");
    struct r4_str url = s->act == ACT_DELETE ? (struct r4_str){0} : r4_text(r4_get(s->resource, "url"));
    int rc = url.n ? check_url(w, tx, s, url) : 0;
    if (rc == 0 && s->act != ACT_DELETE && !terms_room(records_parts(w->records)->terms, tx, !s->old.found || s->old.deleted, s->text.n))
        rc = fhir_fail_status(w, 422, "too-costly", "Of code systems, value sets and maps at most %d, and %u MB of them, are kept here.", TERMS_SITE_MAX, TERMS_SITE_BYTES >> 20);
    return rc;
}

/* ---- what the operations stand on (records/term/site.c) ---- */

static int64_t last_change(void *ctx, struct tx *tx)
{
    (void)ctx;
    return tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM fhir_change", "");
}

struct giving {
    struct fhir_work w; /* rows are opened for it; nobody asks */
    bool (*take)(void *to, const char *text, size_t len);
    void *to;
};

static int give_type(struct giving *g, struct tx *tx, const char *name, bool *more)
{
    int rc = 0;
    struct query *q = tx_query(tx, "SELECT pkey, rid, vid, seq, born, t_ms, deleted, type, name, body FROM fhir_resource WHERE type=$1 AND deleted=0 ORDER BY name", "t", name);
    while (rc == 0 && *more && query_next(q)) {
        struct fhir_row row = {0};
        rc = row_take(&g->w, q, ROW_BODY, &row);
        *more = rc == 0 && (!row.body || g->take(g->to, row.body, row.body_len));
        fhir_row_clear(&row);
    }
    int ended = query_end(q);
    return rc ? rc : ended;
}

static int each(void *ctx, struct tx *tx, bool (*take)(void *to, const char *text, size_t len), void *to)
{
    static const char *const types[] = {"CodeSystem", "ValueSet", "ConceptMap"};
    struct giving *g = calloc(1, sizeof *g);
    bool more = true;
    if (!g)
        return ERR_UNAVAILABLE;
    g->w.fhir = ctx;
    g->w.q.host = "";
    g->take = take;
    g->to = to;
    int rc = fhir_plan_new(&g->w) ? 0 : ERR_UNAVAILABLE;
    for (size_t i = 0; i < sizeof types / sizeof *types && rc == 0 && more; i++)
        rc = give_type(g, tx, types[i], &more);
    free(g->w.answer.body);
    fhir_work_fini(&g->w);
    free(g);
    return rc;
}

struct terms_source fhir_terms_source(struct fhir *x)
{
    return (struct terms_source){.last = last_change, .each = each, .ctx = x};
}
