/* ContactPoints were found by their value alone until December 2026: facts that do not say of which kind it is learn it from the resource. */
#include "records/fhir/reindex.h"

struct change { /* of one resource; carried out when the stretch is read */
    int64_t pkey, rid;
    struct r4_buf facts; /* sealed */
    struct facts before, after; /* index rows */
};

static bool says_no_kind(const struct r4_value *v)
{
    return v->param->contact && v->code.p && !v->system.p;
}

static bool is_to_do(const struct facts *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (says_no_kind(&f->values[i]))
            return true;
    return false;
}

static int add(struct facts *f, const struct r4_value *v)
{
    if (f->n == f->cap) {
        struct r4_value *more = realloc(f->values, (f->cap = 2 * f->cap + 32) * sizeof *more);
        if (!more)
            return ERR_UNAVAILABLE;
        f->values = more;
    }
    f->values[f->n++] = *v;
    return 0;
}

/* The old facts, the contacts of each parameter as `fresh` has them. Of all else the old ones stay: what they call their own address was known then. */
static int merge(const struct facts *old, const struct facts *fresh, struct facts *out)
{
    int rc = 0;
    const struct r4_param *told[8];
    size_t n_told = 0;
    for (size_t i = 0; i < old->n && rc == 0; i++) {
        const struct r4_param *p = old->values[i].param;
        bool is_told = false;
        for (size_t k = 0; k < n_told; k++)
            is_told = is_told || told[k] == p;
        if (!p->contact)
            rc = add(out, &old->values[i]);
        for (size_t k = 0; p->contact && !is_told && k < fresh->n && rc == 0; k++)
            if (fresh->values[k].param == p)
                rc = add(out, &fresh->values[k]);
        if (p->contact && !is_told && n_told < sizeof told / sizeof *told)
            told[n_told++] = p;
    }
    return rc;
}

static int make(struct redo *r, const struct r4_type *type, struct facts *old, const char *body, size_t len, int64_t vid, struct change *c)
{
    struct facts fresh = {0}, now = {0};
    struct r4_buf plain = {0};
    struct r4_node *root;
    char *copy = r4_doc_copy(r->s->doc, body, len);
    int rc = copy && r4_json_parse(r->s->doc, copy, len, &root, NULL) == 0 ? facts_of(r->x, r->s, root, NULL, &fresh) : ERR_STORAGE;
    rc = rc ? rc : merge(old, &fresh, &now);
    if (rc == 0) {
        facts_write(&now, type, &plain);
        facts_rows(r->x, type, old);
        facts_rows(r->x, type, &now);
        rc = plain.failed || old->failed || now.failed ? ERR_UNAVAILABLE : body_seal(r->x, r->s, r->x->facts_key, (const int64_t[]){r->rid, vid}, (struct r4_str){plain.p, plain.n}, &c->facts);
    }
    c->pkey = r->pkey;
    c->rid = r->rid;
    c->before = (struct facts){.tokens = old->tokens, .n_tokens = old->n_tokens};
    c->after = (struct facts){.tokens = now.tokens, .n_tokens = now.n_tokens};
    old->tokens = now.tokens = NULL;
    facts_clear(&fresh);
    facts_clear(&now);
    r4_buf_clear(&plain);
    return rc;
}

static char *open_column(struct redo *r, struct query *q, const char *column, const uint8_t key[32], size_t *len)
{
    size_t sealed_len;
    const void *sealed = query_blob(q, column, &sealed_len);
    return body_open(r->x, r->s, key, (const int64_t[]){r->rid, query_int(q, "vid")}, sealed, sealed_len, len);
}

/* *made: there is something to change. What does not open is counted, and stays. */
static int look_at(struct redo *r, struct query *q, struct change *c, bool *made)
{
    struct facts old = {0};
    size_t len, body_len;
    const char *name = query_text(q, "type");
    const struct r4_type *type = r4_resource(fhir_r4(r->x), name, strlen(name));
    r4_doc_reset(r->s->rows);
    r4_doc_reset(r->s->doc);
    char *plain = open_column(r, q, "facts", r->x->facts_key, &len), *body = NULL;
    bool read = type && plain && facts_read(r->x, r->s->rows, type, plain, len, &old);
    int rc = 0;
    *made = read && is_to_do(&old);
    if (*made)
        body = open_column(r, q, "body", r->x->body_key, &body_len);
    if (!read || (*made && !body)) {
        r->damaged++;
        *made = false;
    } else if (*made)
        rc = make(r, type, &old, body, body_len, query_int(q, "vid"), c);
    facts_clear(&old);
    free(plain);
    free(body);
    return rc;
}

static bool has(const struct facts *f, int64_t key)
{
    for (size_t i = 0; i < f->n_tokens; i++)
        if (f->tokens[i].key == key)
            return true;
    return false;
}

static int carry_out(struct redo *r, const struct change *c)
{
    tx_exec(r->tx, "UPDATE fhir_resource SET facts=$3 WHERE pkey=$1 AND rid=$2", "iib", c->pkey, c->rid, c->facts.p, c->facts.n);
    for (size_t i = 0; i < c->before.n_tokens; i++)
        if (!has(&c->after, c->before.tokens[i].key))
            tx_exec(r->tx, "DELETE FROM fhir_token WHERE key=$1 AND pkey=$2 AND rid=$3", "iii", c->before.tokens[i].key, c->pkey, c->rid);
    for (size_t i = 0; i < c->after.n_tokens; i++)
        if (!has(&c->before, c->after.tokens[i].key))
            tx_exec(r->tx, "INSERT INTO fhir_token (key, pkey, rid) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING", "iii", c->after.tokens[i].key, c->pkey, c->rid);
    return tx_error(r->tx);
}

int redo_contacts(struct redo *r, bool *all)
{
    struct change *list = calloc(REDO_STRETCH, sizeof *list);
    size_t n = 0, seen = 0;
    int rc = list ? 0 : ERR_UNAVAILABLE;
    struct query *q = tx_query(r->tx, "SELECT pkey, rid, vid, type, facts, body FROM fhir_resource WHERE (pkey,rid)>($1,$2) AND deleted=0 AND type IN "
                                      "('Patient','Person','Practitioner','PractitionerRole','RelatedPerson','OrganizationAffiliation','NamingSystem') ORDER BY pkey, rid LIMIT $3", "iii",
                               r->pkey, r->rid, (int64_t)REDO_STRETCH);
    for (; rc == 0 && query_next(q); seen++) {
        bool made;
        r->pkey = query_int(q, "pkey");
        r->rid = query_int(q, "rid");
        rc = look_at(r, q, &list[n], &made);
        n += rc == 0 && made;
    }
    int ended = query_end(q);
    rc = rc ? rc : ended;
    for (size_t i = 0; list && i <= n && i < REDO_STRETCH; i++) { /* the last one may have been half made */
        rc = rc || i == n ? rc : carry_out(r, &list[i]);
        facts_clear(&list[i].before);
        facts_clear(&list[i].after);
        r4_buf_clear(&list[i].facts);
    }
    free(list);
    *all = seen < REDO_STRETCH;
    return rc;
}
