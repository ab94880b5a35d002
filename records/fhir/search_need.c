/* One term of a query: which index keys say that it holds, and whether a resource's facts do. */
#include "records/fhir/own.h"
#include <ctype.h>
#include <stdio.h>

/* ---- sets of resources ---- */

void hits_add(struct hits *h, int64_t pkey, int64_t rid)
{
    if (h->n == HITS_MAX) {
        h->over = true;
        return;
    }
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 64;
        struct hit *more = realloc(h->list, cap * sizeof *more);
        if (!more) {
            h->failed = true;
            return;
        }
        h->list = more;
        h->cap = cap;
    }
    h->list[h->n++] = (struct hit){pkey, rid};
}

static int by_place(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    return x->pkey != y->pkey ? (x->pkey < y->pkey ? -1 : 1) : x->rid < y->rid ? -1 : x->rid > y->rid;
}

void hits_sort(struct hits *h)
{
    size_t kept = 0;
    if (h->n)
        qsort(h->list, h->n, sizeof *h->list, by_place);
    for (size_t i = 0; i < h->n; i++)
        if (!kept || by_place(&h->list[kept - 1], &h->list[i]))
            h->list[kept++] = h->list[i];
    h->n = kept;
}

bool hits_have(const struct hits *h, int64_t pkey, int64_t rid)
{
    const struct hit want = {pkey, rid};
    return h->n && bsearch(&want, h->list, h->n, sizeof want, by_place);
}

/* ---- keys of operands ---- */

struct keys {
    struct r4_doc *d;
    int64_t *list;
    size_t n, cap;
    bool failed;
};

static void add_key(struct keys *k, int64_t key)
{
    if (k->n == k->cap) {
        size_t cap = k->cap ? 4 * k->cap : 8;
        int64_t *more = r4_doc_alloc(k->d, cap * sizeof *more);
        if (!more) {
            k->failed = true;
            return;
        }
        if (k->n)
            memcpy(more, k->list, k->n * sizeof *more);
        k->list = more;
        k->cap = cap;
    }
    k->list[k->n++] = key;
}

static void code_keys(struct finder *f, const struct r4_param *p, const struct r4_value *v, struct r4_str code, struct keys *k)
{
    const struct r4_param *of[2];
    for (size_t i = 0, n = alike_tokens(f->w->fhir, f->type, p, of); i < n; i++)
        add_key(k, v->system.p ? key_system_code(f->w->fhir, f->type, of[i], v->system.n ? v->system : (struct r4_str){0}, code)
                               : key_code(f->w->fhir, f->type, of[i], code));
}

/* The code in small or in large letters, where that is another. */
static void other_case_keys(struct finder *f, const struct r4_param *p, const struct r4_value *v, int (*as)(int c), struct keys *k)
{
    char *text = r4_doc_copy(k->d, v->code.p, v->code.n);
    k->failed = k->failed || !text;
    for (size_t i = 0; text && i < v->code.n; i++)
        text[i] = (char)as((unsigned char)text[i]);
    if (text && memcmp(text, v->code.p, v->code.n))
        code_keys(f, p, v, (struct r4_str){text, v->code.n}, k);
}

/* false: no key says this. A code is looked for as it was written, in small and in large letters (search.html#token: when in doubt, case does
 * not count); most often one of these keys has rows, and leads alone. */
static bool token_keys(struct finder *f, const struct r4_param *p, const struct r4_value *v, struct keys *k)
{
    if (!v->code.p || !v->code.n)
        return false;
    code_keys(f, p, v, v->code, k);
    if (v->any_case) {
        other_case_keys(f, p, v, tolower, k);
        other_case_keys(f, p, v, toupper, k);
    }
    return true;
}

static bool reference_keys(struct finder *f, const struct r4_term *t, const struct r4_value *v, struct keys *k)
{
    struct fhir *x = f->w->fhir;
    if (v->url.p && !v->ref_id.p) {
        add_key(k, key_uri(x, f->type, t->param, v->url));
        return true;
    }
    if (!v->ref_id.p)
        return false;
    if (v->ref_type.p)
        add_key(k, key_reference(x, f->type, t->param, v->ref_type, v->ref_id));
    else if (t->modifier_type)
        add_key(k, key_reference(x, f->type, t->param, (struct r4_str){t->modifier_type->name, strlen(t->modifier_type->name)}, v->ref_id));
    else if (t->param->n_targets)
        for (size_t i = 0; i < t->param->n_targets; i++)
            add_key(k, key_reference(x, f->type, t->param, (struct r4_str){t->param->targets[i]->name, strlen(t->param->targets[i]->name)}, v->ref_id));
    else
        return false;
    return true;
}

static bool string_keys(struct finder *f, const struct r4_term *t, const struct r4_value *v, struct keys *k)
{
    if (!v->folded.n)
        return false;
    add_key(k, key_prefix(f->w->fhir, f->type, t->param, v->folded));
    return true;
}

static bool operand_keys(struct finder *f, const struct r4_term *t, const struct r4_operand *o, struct keys *k)
{
    const struct r4_value *v = &o->v;
    switch (t->param->type) {
    case R4_P_TOKEN: return t->modifier == R4_M_NONE && token_keys(f, t->param, v, k);
    case R4_P_REFERENCE: return (t->modifier == R4_M_NONE || t->modifier == R4_M_TYPE) && reference_keys(f, t, v, k);
    case R4_P_STRING: return (t->modifier == R4_M_NONE || t->modifier == R4_M_EXACT) && string_keys(f, t, v, k);
    case R4_P_URI:
        if (t->modifier != R4_M_NONE || !v->string.n)
            return false;
        add_key(k, key_uri(f->w->fhir, f->type, t->param, v->string));
        return true;
    case R4_P_COMPOSITE:
        return t->modifier == R4_M_NONE && v->n_components && v->components[0].type == R4_P_TOKEN &&
               token_keys(f, t->param->components[0].param, &v->components[0], k);
    default: return false;
    }
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int take_keys(struct finder *f, struct keys *k, struct need *n)
{
    size_t kept = 0;
    if (k->failed)
        return fhir_fail(f->w, ERR_UNAVAILABLE, "", "Out of memory.");
    if (k->n)
        qsort(k->list, k->n, sizeof *k->list, by_number);
    for (size_t i = 0; i < k->n; i++)
        if (!kept || k->list[kept - 1] != k->list[i])
            k->list[kept++] = k->list[i];
    n->keys = k->list;
    n->n_keys = kept;
    n->keyed = true;
    return 0;
}

/* ---- _id, chains, _has ---- */

static int too_many(struct finder *f)
{
    return fhir_fail(f->w, ERR_TOO_LARGE, "too_costly", "A condition meets more than %d resources: add a narrower one.", HITS_MAX);
}

static int by_ids(struct finder *f, const struct r4_term *t, struct need *n)
{
    n->by_hits = true;
    for (size_t i = 0; i < t->n_operands; i++) {
        struct r4_str code = t->operands[i].v.code.p ? t->operands[i].v.code : t->operands[i].v.string;
        char name[FHIR_ID_BYTES];
        if (!code.p || code.n >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)code.n, code.p);
        struct query *q = tx_query(f->tx, "SELECT pkey, rid FROM fhir_name WHERE type=$1 AND name=$2", "tt", f->type->name, name);
        if (query_next(q))
            hits_add(&n->hits, query_int(q, "pkey"), query_int(q, "rid"));
        if (query_end(q))
            return fhir_fail(f->w, tx_error(f->tx), "", "The database cannot be read.");
    }
    hits_sort(&n->hits);
    return 0;
}

/* The steps of a chain are searches of their own; what they find leads back. */
struct back {
    struct finder *f;
    const struct r4_term *term;
    const char *type;
    struct keys keys;
    struct hits *hits;
    bool over, bad;
};

static bool found_target(void *ctx, struct found *found)
{
    struct back *b = ctx;
    struct r4_str type = {b->type, strlen(b->type)}, name = {found->row.name, strlen(found->row.name)};
    if (b->keys.n == HITS_MAX) {
        b->over = true;
        return false;
    }
    add_key(&b->keys, key_reference(b->f->w->fhir, b->f->type, b->term->param, type, name));
    return true;
}

/* A chain may lead to what the house itself keeps, too. */
static int run_own(struct finder *inner, bool (*each)(void *, struct found *), void *ctx)
{
    struct own_rows rows = {0};
    int rc = own_search(inner, &rows);
    for (size_t i = 0; i < rows.n && rc == 0; i++) {
        struct found found = {.row = rows.list[i]};
        if (!each(ctx, &found))
            break;
    }
    own_rows_clear(&rows);
    return rc;
}

static bool found_in_record(void *ctx, struct found *found);

static int run_inner(struct finder *f, const struct r4_type *type, const struct r4_term *terms, bool facts, bool (*each)(void *, struct found *), void *ctx)
{
    struct finder *inner;
    int rc = fhir_need(f->w, type->name, MAY_SEARCH);
    if (rc)
        return rc;
    inner = calloc(1, sizeof *inner);
    if (!inner)
        return fhir_fail(f->w, ERR_UNAVAILABLE, "", "Out of memory.");
    rc = finder_open(inner, f->w, f->tx, type, terms);
    inner->snapshot = f->snapshot;
    inner->want_facts = facts;
    inner->no_body = true;
    inner->one_each = each == found_in_record;
    if (rc == 0) {
        finder_plan(inner);
        rc = finder_run(inner, &(struct cursor){0}, each, ctx);
        rc = rc || each != found_target ? rc : run_own(inner, each, ctx); /* what of ours refers to others is not looked for backwards */
        if (rc)
            (void)!fhir_fail(f->w, rc, "", "The database cannot be read.");
    }
    finder_close(inner);
    free(inner);
    return rc;
}

static struct r4_term only(const struct r4_term *t)
{
    struct r4_term one = *t;
    one.next = NULL;
    return one;
}

/* A chain is followed into what a resource contains, too (http://hl7.org/fhir/R4/search.html#contained): those that contain what they refer to are looked into
 * one by one. Most types have none. */
static bool contains_some(struct finder *f, const struct r4_term *t, struct keys *k)
{
    int64_t key = key_uri(f->w->fhir, f->type, t->param, CONTAINED);
    if (!tx_int(f->tx, 0, "SELECT COUNT(*) AS n FROM (SELECT rid FROM fhir_token WHERE key=$1 LIMIT 1) AS t", "i", key))
        return false;
    add_key(k, key);
    return true;
}

static int by_chain(struct finder *f, const struct r4_term *t, struct need *n)
{
    struct back b = {.f = f, .term = t, .keys = {.d = f->w->plan->scratch->doc}};
    int rc = 0;
    for (const struct r4_term *c = t->chain; c && rc == 0; c = c->next_target) {
        struct r4_term one = only(c);
        one.next_target = NULL;
        b.type = c->base->name;
        rc = run_inner(f, c->base, &one, false, found_target, &b);
    }
    bool inside = rc == 0 && contains_some(f, t, &b.keys);
    rc = rc ? rc : b.over ? too_many(f) : take_keys(f, &b.keys, n);
    n->exact = !inside;
    return rc;
}

/* A patient's own number is that of the record: nothing needs to be opened to say who he is. */
static bool found_in_record(void *ctx, struct found *found)
{
    struct back *b = ctx;
    int64_t patient = found->row.pkey;
    if (patient && (!b->hits->n || b->hits->list[b->hits->n - 1].pkey != patient))
        hits_add(b->hits, patient, patient);
    return !b->hits->over;
}

static bool names_record(const struct finder *f, const struct r4_term *t)
{
    return strcmp(f->type->name, "Patient") == 0 && of_one_patient(t->chain->base->name) &&
           (strcmp(t->param->code, "patient") == 0 || strcmp(t->param->code, "subject") == 0);
}

static bool found_source(void *ctx, struct found *found)
{
    struct back *b = ctx;
    for (size_t i = 0; found->facts && i < found->facts->n; i++) {
        const struct r4_value *v = &found->facts->values[i];
        char name[FHIR_ID_BYTES];
        if (v->param != b->term->param || !v->ref_id.p || v->ref_id.n >= sizeof name || !r4_str_is(v->ref_type, b->f->type->name))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)v->ref_id.n, v->ref_id.p);
        struct query *q = tx_query(b->f->tx, "SELECT pkey, rid FROM fhir_name WHERE type=$1 AND name=$2", "tt", b->f->type->name, name);
        if (query_next(q))
            hits_add(b->hits, query_int(q, "pkey"), query_int(q, "rid"));
        b->bad = query_end(q) != 0;
    }
    if (b->hits->n > HITS_MAX / 2) /* many results of few patients */
        hits_sort(b->hits);
    return !b->hits->over && !b->bad;
}

static int by_reverse(struct finder *f, const struct r4_term *t, struct need *n)
{
    struct back b = {.f = f, .term = t, .hits = &n->hits};
    struct r4_term one = only(t->chain);
    n->by_hits = true;
    bool record = names_record(f, t);
    int rc = run_inner(f, t->chain->base, &one, !record, record ? found_in_record : found_source, &b);
    rc = rc ? rc : b.hits->over ? too_many(f) : b.hits->failed ? fhir_fail(f->w, ERR_UNAVAILABLE, "", "Out of memory.") : 0;
    hits_sort(&n->hits);
    return rc;
}

/* ---- :in, :not-in, :above, :below of tokens: sets of codes of the terminology service ---- */

#define KEYS_LED 5000 /* so many keys lead a search; of more the facts decide */

static bool needs_terminology(const struct r4_term *t)
{
    bool subsumes = (t->modifier == R4_M_ABOVE || t->modifier == R4_M_BELOW) && t->param->type == R4_P_TOKEN;
    return subsumes || t->modifier == R4_M_IN || t->modifier == R4_M_NOT_IN;
}

static int no_codes(struct finder *f, const struct r4_term *t, int rc, const char *what)
{
    const char *why = rc == ERR_NOT_FOUND ? "is not known to the terminology service here" : rc == ERR_TOO_LARGE ? "has too many codes" : "cannot be read here";
    fault_clear(&f->w->fault);
    (void)!fault_field(&f->w->fault, t->param->code, rc == ERR_NOT_FOUND ? "not_found" : rc == ERR_TOO_LARGE ? "too_many" : "unreadable");
    return fhir_fail(f->w, ERR_INVALID, "terminology", "%.160s %s.", what, why);
}

static int codes_of(struct finder *f, const struct ts *ts, const struct r4_term *t, const struct r4_value *v, struct ts_codes *out)
{
    char system[400], code[200];
    bool set = t->modifier == R4_M_IN || t->modifier == R4_M_NOT_IN;
    struct r4_str first = set ? v->string : v->system;
    snprintf(system, sizeof system, "%.*s", first.p && first.n < sizeof system ? (int)first.n : 0, first.p ? first.p : "");
    snprintf(code, sizeof code, "%.*s", v->code.p && v->code.n < sizeof code ? (int)v->code.n : 0, v->code.p ? v->code.p : "");
    if (!system[0] || (!set && !code[0]))
        return no_codes(f, t, ERR_NOT_FOUND, set ? "The value set" : "A code without its system (system|code)");
    int rc = set ? ts_codes_of_set(ts, system, out) : t->modifier == R4_M_BELOW ? ts_codes_below(ts, system, code, out) : ts_codes_above(ts, system, code, out);
    return rc ? no_codes(f, t, rc, set || rc != ERR_NOT_FOUND ? system : code) : 0;
}

static int by_codes(struct finder *f, const struct r4_term *t, struct need *n)
{
    struct keys k = {.d = f->w->plan->scratch->doc};
    struct fault unused = {0};
    struct terms *terms = records_parts(f->w->records)->terms;
    struct terms_view view;
    int rc = terms_view_open(terms, f->tx, &view, &unused);
    if (rc)
        return fhir_fail(f->w, ERR_UNAVAILABLE, "", "The terminology service is not ready.");
    for (size_t i = 0; i < t->n_operands && rc == 0; i++) {
        struct ts_codes codes = {0};
        rc = codes_of(f, view.ts, t, &t->operands[i].v, &codes);
        for (size_t c = 0; c < codes.n && rc == 0; c++)
            token_keys(f, t->param, &(struct r4_value){.system = str(codes.list[c].system), .code = str(codes.list[c].code)}, &k);
        ts_codes_free(&codes);
    }
    terms_view_close(terms, &view);
    rc = rc ? rc : take_keys(f, &k, n);
    n->by_codes = true;
    n->exact = n->keyed = t->modifier != R4_M_NOT_IN && n->n_keys <= KEYS_LED;
    return rc;
}

/* ---- a term ---- */

/* near, _text, _content, _query, _filter: why, and what to ask instead (docs/protocol/fhir.md, "Search"). */
static int not_offered(struct finder *f, const char *code)
{
    bool words = strcmp(code, "_text") == 0 || strcmp(code, "_content") == 0, filter = strcmp(code, "_filter") == 0;
    return fhir_fail_status(f->w, 400, "not-supported", "The parameter %s is not offered here%s.", code,
                            words    ? ": texts lie sealed and their words are in no index. Ask by code, name, identifier or date"
                            : filter ? ": write its conditions as parameters, alternatives with commas or as entries of a batch"
                                     : "");
}

int need_compile(struct finder *f, const struct r4_term *t, struct need *n)
{
    struct keys k = {.d = f->w->plan->scratch->doc};
    *n = (struct need){.term = t};
    if (t->reverse)
        return by_reverse(f, t, n);
    if (t->chain)
        return by_chain(f, t, n);
    if (needs_terminology(t))
        return by_codes(f, t, n);
    if (strcmp(t->param->code, "_id") == 0 && t->modifier == R4_M_NONE)
        return by_ids(f, t, n);
    if (t->param->type == R4_P_SPECIAL || !t->param->expression)
        return not_offered(f, t->param->code);
    for (size_t i = 0; i < t->n_operands; i++)
        if (!operand_keys(f, t, &t->operands[i], &k))
            return 0; /* the facts alone decide */
    n->exact = t->param->type == R4_P_TOKEN || t->param->type == R4_P_URI || (t->param->type == R4_P_REFERENCE && !k.failed);
    for (size_t i = 0; i < t->n_operands; i++)
        n->exact = n->exact && !t->operands[i].v.ref_version.p;
    return take_keys(f, &k, n);
}

/* ---- on facts ---- */

static bool some_value(const struct r4_term *t, const struct facts *facts)
{
    for (size_t i = 0; i < facts->n; i++)
        for (size_t o = 0; facts->values[i].param == t->param && o < t->n_operands; o++)
            if (r4_value_matches(t, &t->operands[o], &facts->values[i]))
                return true;
    return false;
}

static bool any_value(const struct r4_term *t, const struct facts *facts)
{
    for (size_t i = 0; i < facts->n; i++)
        if (facts->values[i].param == t->param)
            return true;
    return false;
}

/* Of a chain: does the resource refer to one of the targets? */
static bool refers(const struct finder *f, const struct need *n, const struct facts *facts)
{
    for (size_t i = 0; i < facts->n; i++) {
        const struct r4_value *v = &facts->values[i];
        if (v->param != n->term->param || !v->ref_id.p)
            continue;
        int64_t key = key_reference(f->w->fhir, f->type, v->param, v->ref_type, v->ref_id);
        if (n->n_keys && bsearch(&key, n->keys, n->n_keys, sizeof key, by_number))
            return true;
    }
    return false;
}

static bool holds_inside(const struct finder *f, const struct r4_term *t, struct r4_node *contained, const char *base)
{
    struct facts facts = {0};
    const struct need one = {.term = t};
    bool holds = facts_of(f->w->fhir, f->w->plan->scratch, contained, base, &facts) == 0 && term_holds(f, &one, NULL, &facts);
    facts_clear(&facts);
    return holds;
}

/* Of a chain: does something that the resource contains and refers to meet what follows? */
static bool meets_inside(const struct finder *f, const struct r4_term *t, const struct r4_node *list, struct r4_str id, const char *base)
{
    for (struct r4_node *c = list && list->kind == R4_ARRAY ? list->child : NULL; c; c = c->next) {
        struct r4_str own = r4_text(r4_get(c, "id"));
        if (own.n != id.n || memcmp(own.p, id.p, id.n))
            continue;
        for (const struct r4_term *next = t->chain; next; next = next->next_target)
            if (!next->reverse && r4_is(r4_get(c, "resourceType"), next->base->name) && holds_inside(f, next, c, base))
                return true;
    }
    return false;
}

static bool refers_inside(const struct finder *f, const struct need *n, const struct fhir_row *row, const struct facts *facts)
{
    struct r4_doc *d = f->w->plan->scratch->doc;
    struct fhir_row whole = {0};
    struct r4_mark mark = r4_doc_mark(d);
    struct r4_node *root = NULL;
    char base[300];
    bool met = false;
    fhir_base(f->w, base);
    for (size_t i = 0; i < facts->n && !met; i++) {
        const struct r4_value *v = &facts->values[i];
        if (v->param != n->term->param || !v->url.n || v->url.p[0] != '#')
            continue;
        if (!root && (row_load(f->w, f->tx, row->pkey, row->rid, ROW_BODY, &whole) || !whole.body || r4_json_parse(d, whole.body, whole.body_len, &root, NULL)))
            break;
        met = meets_inside(f, n->term, r4_get(root, "contained"), (struct r4_str){v->url.p + 1, v->url.n - 1}, base);
    }
    fhir_row_clear(&whole);
    r4_doc_rewind(d, mark);
    return met;
}

static bool has_code(const struct finder *f, const struct need *n, const struct facts *facts)
{
    const struct r4_param *of[2];
    alike_tokens(f->w->fhir, f->type, n->term->param, of);
    for (size_t i = 0; i < facts->n; i++) {
        const struct r4_value *v = &facts->values[i];
        if (v->param != n->term->param || !v->code.p)
            continue;
        int64_t key = key_system_code(f->w->fhir, f->type, of[0], v->system, v->code);
        if (n->n_keys && bsearch(&key, n->keys, n->n_keys, sizeof key, by_number))
            return true;
    }
    return false;
}

bool term_holds(const struct finder *f, const struct need *n, const struct fhir_row *row, const struct facts *facts)
{
    const struct r4_term *t = n->term;
    if (n->by_hits)
        return hits_have(&n->hits, row->pkey, row->rid);
    if (t->chain)
        return refers(f, n, facts) || (row && !n->exact && refers_inside(f, n, row, facts));
    if (n->by_codes)
        return has_code(f, n, facts) != (t->modifier == R4_M_NOT_IN);
    if (t->modifier == R4_M_MISSING) {
        bool missing = t->n_operands && t->operands[0].v.number != 0;
        return any_value(t, facts) != missing;
    }
    if (t->modifier == R4_M_NOT) {
        struct r4_term plain = *t;
        plain.modifier = R4_M_NONE;
        return !some_value(&plain, facts);
    }
    return some_value(t, facts);
}
