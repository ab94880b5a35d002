/* The catalogue of the terminology service among the results of a search: as what the house itself keeps, before what lies in the store. What it is found by is made
 * once, by the first search of its type; a body when it is shown. */
#include "records/fhir/own.h"
#include "records/term/term.h"

struct terms_facts { /* of one type, in the order of ts_listed */
    struct listed {
        char name[FHIR_ID_BYTES];
        char *facts;
        size_t len;
        int64_t *keys; /* of the index, sorted: most are passed over without a look at their facts */
        size_t n_keys;
    } *list;
    size_t n, cap;
};

void terms_facts_free(struct terms_facts *f)
{
    for (size_t i = 0; f && i < f->n; i++) {
        free(f->list[i].facts);
        free(f->list[i].keys);
    }
    free(f ? f->list : NULL);
    free(f);
}

static const struct ts *service(struct fhir_work *w)
{
    struct fault unused = {0};
    struct ts *ts;
    return terms_ts(records_parts(w->records)->terms, &ts, &unused) ? NULL : ts;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int take_keys(struct fhir_work *w, const struct r4_type *type, struct facts *facts, struct listed *out)
{
    facts_rows(w->fhir, type, facts);
    if (facts->failed || !(out->keys = malloc((facts->n_tokens + 1) * sizeof *out->keys)))
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < facts->n_tokens; i++)
        out->keys[i] = facts->tokens[i].key;
    out->n_keys = facts->n_tokens;
    qsort(out->keys, out->n_keys, sizeof *out->keys, by_number);
    return 0;
}

static int write_facts(struct fhir_work *w, struct scratch *s, const struct r4_type *type, const json_t *resource, struct listed *out)
{
    char base[300], *text = json_dumps(resource, JSON_COMPACT);
    struct facts facts = {0};
    struct r4_buf b = {0};
    struct r4_node *root;
    fhir_base(w, base);
    r4_doc_reset(s->doc);
    int rc = text ? r4_json_parse(s->doc, text, strlen(text), &root, NULL) : ERR_UNAVAILABLE;
    rc = rc ? rc : facts_of(w->fhir, s, root, base, &facts);
    if (rc == 0)
        facts_write(&facts, type, &b);
    rc = rc ? rc : take_keys(w, type, &facts, out);
    facts_clear(&facts);
    free(text);
    out->facts = b.p;
    out->len = b.n;
    return rc ? rc : b.failed ? ERR_UNAVAILABLE : 0;
}

static int add_listed(struct fhir_work *w, struct scratch *s, const struct r4_type *type, const json_t *resource, struct terms_facts *f)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 256;
        struct listed *more = realloc(f->list, cap * sizeof *more);
        if (!more)
            return ERR_UNAVAILABLE;
        f->list = more;
        f->cap = cap;
    }
    struct listed *one = &f->list[f->n++];
    const char *id = json_string_value(json_object_get(resource, "id"));
    memset(one, 0, sizeof *one);
    snprintf(one->name, sizeof one->name, "%s", id ? id : "");
    return write_facts(w, s, type, resource, one);
}

static struct terms_facts *make(struct fhir_work *w, const struct ts *ts, const struct r4_type *type)
{
    struct terms_facts *f = calloc(1, sizeof *f);
    struct scratch *s = scratch_take(w->fhir);
    json_t *one;
    int rc = f && s ? 0 : ERR_UNAVAILABLE;
    for (size_t i = 0; rc == 0 && (one = ts_listed(ts, type->name, i)); i++) {
        rc = add_listed(w, s, type, one, f);
        json_decref(one);
    }
    scratch_give(w->fhir, s);
    if (rc == 0)
        return f;
    terms_facts_free(f);
    return NULL;
}

/* Two threads may make the same: the first stays. */
static const struct terms_facts *of_type(struct fhir_work *w, const struct r4_type *type)
{
    _Atomic(struct terms_facts *) *at = &w->fhir->listed[type->name[0] == 'V' ? 0 : type->name[2] == 'd' ? 1 : 2];
    struct terms_facts *have = atomic_load(at), *mine;
    const struct ts *ts = have ? NULL : service(w);
    if (have || !ts || !(mine = make(w, ts, type)))
        return have;
    if (atomic_compare_exchange_strong(at, &have, mine))
        return mine;
    terms_facts_free(mine);
    return have;
}

static bool has_key(const struct listed *one, const struct need *n)
{
    for (size_t i = 0; i < n->n_keys; i++)
        if (bsearch(&n->keys[i], one->keys, one->n_keys, sizeof *one->keys, by_number))
            return true;
    return false;
}

/* As far as its name and its keys tell. */
static bool may_meet(const struct finder *f, const struct listed *one)
{
    for (size_t i = 0; i < f->n_needs; i++) {
        const struct need *n = &f->needs[i];
        bool plain = n->term && !n->term->chain && !n->term->reverse, named = plain && n->term->modifier == R4_M_NONE && strcmp(n->term->param->code, "_id") == 0;
        if (named ? !own_has_id(n->term, one->name) : plain && n->keyed && !has_key(one, n))
            return false;
    }
    return true;
}

static int try_one(struct finder *f, struct scratch *s, const struct listed *one, size_t i, struct own_rows *out)
{
    struct fhir_row row = {.type = f->type, .rid = (int64_t)i + 1, .vid = 1, .found = true, .facts_len = one->len};
    struct facts facts = {0};
    int rc = 0;
    memcpy(row.name, one->name, sizeof row.name);
    r4_doc_reset(s->doc);
    if (!facts_read(f->w->fhir, s->doc, f->type, one->facts, one->len, &facts))
        rc = ERR_UNAVAILABLE;
    else if (own_meets(f, &row, &facts) && !((row.facts = malloc(one->len + 1)) && memcpy(row.facts, one->facts, one->len)))
        rc = ERR_UNAVAILABLE;
    facts_clear(&facts);
    return rc || !row.facts ? rc : own_keep(out, &row);
}

int terms_search(struct finder *f, struct own_rows *out)
{
    const struct terms_facts *all = of_type(f->w, f->type);
    struct scratch *s = all ? scratch_take(f->w->fhir) : NULL;
    int rc = s ? 0 : ERR_UNAVAILABLE;
    for (size_t i = 0; rc == 0 && i < all->n; i++)
        rc = may_meet(f, &all->list[i]) ? try_one(f, s, &all->list[i], i, out) : 0;
    scratch_give(f->w->fhir, s);
    return rc;
}

bool terms_body(struct fhir_work *w, struct fhir_row *row)
{
    const struct ts *ts = service(w);
    json_t *resource = ts ? ts_listed(ts, row->type->name, (size_t)row->rid - 1) : NULL;
    row->body = json_dumps(resource, JSON_COMPACT);
    row->body_len = row->body ? strlen(row->body) : 0;
    json_decref(resource);
    return row->body != NULL;
}
