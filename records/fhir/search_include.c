/* What comes with the matches: _include, _revinclude (http://hl7.org/fhir/R4/search.html#include). */
#include "records/fhir/search_page.h"
#include <stdio.h>

#define INCLUDED_MAX 1000

/* Ours of several types are made of one row. */
static bool on_page(const struct page *p, const struct r4_type *type, int64_t pkey, int64_t rid)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].row.rid == rid && p->list[i].row.pkey == pkey && p->list[i].row.type == type)
            return true;
    return false;
}

/* Most of a page refer to the same ones: they are looked for once. */
static bool named_on_page(const struct page *p, const struct r4_type *type, struct r4_str name)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].row.type == type && r4_str_is(name, p->list[i].row.name))
            return true;
    return false;
}

static size_t included(const struct page *p)
{
    return p->n - p->matches;
}

static int include_row(struct page *p, struct fhir_row *row)
{
    uint64_t own;
    bool take = row->found && !row->deleted && (own_name(row->type->name, row->name, &own) || !fhir_closed(p->w, p->tx, row->pkey, row->rid)) && included(p) < INCLUDED_MAX && !on_page(p, row->type, row->pkey, row->rid);
    struct entry *e = take ? page_add_entry(p) : NULL;
    if (!e) {
        fhir_row_clear(row);
        return 0;
    }
    e->row = *row;
    e->included = true;
    return 0;
}

static int find_row(struct page *p, const struct r4_type *type, struct r4_str name, struct fhir_row *row)
{
    char text[FHIR_ID_BYTES];
    uint64_t id;
    struct own o;
    snprintf(text, sizeof text, "%.*s", name.n < sizeof text ? (int)name.n : 0, name.p);
    if (!own_name(type->name, text, &id))
        return row_find(p->w, p->tx, type, name, ROW_BODY | ROW_FACTS, row);
    if (!own_open(&o, p->w, p->tx))
        return ERR_UNAVAILABLE;
    int rc = own_row(&o, own_kind_of(type->name), id, row);
    own_close(&o);
    return rc;
}

static int include_forward(struct page *p, const struct r4_include *inc, const struct r4_value *v)
{
    struct fhir_row row;
    const struct r4_type *type = v->ref_id.p ? r4_resource(fhir_r4(p->w->fhir), v->ref_type.p ? v->ref_type.p : "", v->ref_type.n) : NULL;
    if (v->type != R4_P_REFERENCE || !type || (inc->param && inc->param != v->param) || (inc->target && inc->target != type) ||
        !fhir_may(p->w, type->name, MAY_READ) || named_on_page(p, type, v->ref_id))
        return 0;
    int rc = find_row(p, type, v->ref_id, &row);
    return rc ? rc : include_row(p, &row);
}

static int include_own(struct page *p, const struct r4_include *inc, const char *type, const char *name)
{
    char reference[FHIR_ID_BYTES + 40];
    struct own_rows rows = {0};
    snprintf(reference, sizeof reference, "%s/%s", type, name);
    int rc = own_that_refer(p->w, p->tx, inc->source, inc->param->code, reference, &rows);
    for (size_t i = 0; i < rows.n && rc == 0; i++) {
        rc = include_row(p, &rows.list[i]);
        memset(&rows.list[i], 0, sizeof rows.list[i]); /* taken */
    }
    own_rows_clear(&rows);
    return rc;
}

static int include_by(struct page *p, const struct r4_include *inc, size_t at)
{
    const struct r4_type *of = p->list[at].row.type;
    int rc = 0;
    char name[FHIR_ID_BYTES]; /* the list grows */
    snprintf(name, sizeof name, "%s", p->list[at].row.name);
    struct query *q = tx_query(p->tx, "SELECT r.pkey AS pkey, r.rid AS rid, r.vid AS vid, r.seq AS seq, r.born AS born, r.t_ms AS t_ms, r.deleted AS deleted, r.type AS type, r.name AS name, "
                                      "r.body AS body, r.facts AS facts FROM fhir_token t CROSS JOIN fhir_resource r WHERE r.pkey=t.pkey AND r.rid=t.rid AND t.key=$1 ORDER BY t.pkey, t.rid LIMIT 1001",
                               "i", key_reference(p->w->fhir, inc->source, inc->param, str(of->name), str(name)));
    while (rc == 0 && included(p) < INCLUDED_MAX && query_next(q)) {
        struct fhir_row row = {0};
        if (query_int(q, "born") > p->token.snapshot || on_page(p, inc->source, query_int(q, "pkey"), query_int(q, "rid")))
            continue;
        rc = row_take(p->w, q, ROW_BODY | ROW_FACTS, &row);
        if (rc)
            fhir_row_clear(&row);
        else
            rc = include_row(p, &row);
    }
    int ended = query_end(q);
    rc = rc ? rc : ended;
    return rc ? rc : include_own(p, inc, of->name, name);
}

/* Type:* is every reference of that type. */
static int include_reverse(struct page *p, const struct r4_include *inc, size_t at)
{
    const struct r4_param *const *params;
    struct r4_include one = *inc;
    int rc = 0;
    if (!inc->source || (inc->target && inc->target != p->list[at].row.type) || !fhir_may(p->w, inc->source->name, MAY_READ))
        return 0;
    if (inc->param)
        return include_by(p, inc, at);
    for (size_t i = 0, n = r4_params(fhir_r4(p->w->fhir), inc->source, &params); i < n && rc == 0; i++)
        if (params[i]->type == R4_P_REFERENCE) {
            one.param = params[i];
            rc = include_by(p, &one, at);
        }
    return rc;
}

static int include_of(struct page *p, size_t at)
{
    int rc = 0;
    struct facts facts = {0};
    const struct r4_type *type = p->list[at].row.type;
    const char *bytes = p->list[at].row.facts;
    if (!bytes || !facts_read(p->w->fhir, p->w->plan->scratch->doc, type, bytes, p->list[at].row.facts_len, &facts))
        return ERR_STORAGE;
    for (const struct r4_include *inc = p->query.includes; inc && rc == 0; inc = inc->next) {
        if (p->list[at].included && !inc->iterate)
            continue;
        if (inc->reverse)
            rc = include_reverse(p, inc, at);
        else if (!inc->source || inc->source == type)
            for (size_t i = 0; i < facts.n && rc == 0; i++)
                rc = include_forward(p, inc, &facts.values[i]);
    }
    facts_clear(&facts);
    return rc;
}

int page_run_includes(struct page *p)
{
    int rc = 0;
    for (size_t i = 0; i < p->n && rc == 0 && p->query.includes; i++) /* the list grows while it is walked: :iterate */
        rc = include_of(p, i);
    return rc;
}
