/* The search interaction: the query, one page of results, what comes with them, the links. */
#include "records/fhir/own.h"
#include <stdio.h>

#define SORTED_MAX 20000  /* results sorted in memory */
#define FEW 4000          /* so few that sorting them beats walking an ordered index */
#define INCLUDED_MAX 1000

struct page_token { /* what the next link carries, signed */
    int64_t snapshot, pkey, rid, low;
    uint32_t at;
    uint32_t phase;
};
#define TOKEN_TEXT 120

struct entry { /* on the page */
    struct fhir_row row; /* with body */
    bool included;
};

struct sort_key {
    struct hit hit;
    size_t own;          /* of our own: its place in page.own, from 1; 0 = of the store */
    bool missing[2];
    int64_t number[2];
    char *text[2];
};

struct page {
    struct fhir_work *w;
    struct tx *tx;
    struct r4_query query;
    struct finder finder;
    size_t want;
    bool facts;          /* includes need them */
    struct entry *list;
    size_t n, cap, matches;
    bool more, failed;
    struct page_token token, next;
    int64_t total;       /* -1 = not known */
    int error;
    struct own_rows own; /* those of the house; a row that was taken has no body any more */
    size_t own_at;       /* so many of them lie on this page or on pages before */
    /* sorted in memory */
    struct sort_key *keys;
    size_t n_keys, cap_keys;
    bool over;
};

static struct r4_str str(const char *text)
{
    return (struct r4_str){text, strlen(text)};
}

/* ---- the query ---- */

static bool is_page(struct r4_str name)
{
    return r4_str_is(name, "_page");
}

static int parse(struct fhir_work *w, const struct r4_type *type, struct r4_pair *pairs, size_t n, bool strict, struct r4_query *out)
{
    struct r4_doc *d = w->plan->scratch->doc;
    struct r4_pair *mine = r4_doc_alloc(d, (n + 1) * sizeof *mine);
    size_t kept = 0;
    if (!mine)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    for (size_t i = 0; i < n; i++)
        if (!is_page(pairs[i].name))
            mine[kept++] = pairs[i];
    fault_clear(&w->fault);
    if (r4_query_parse(fhir_r4(w->fhir), d, type, mine, kept, out, &w->fault)) {
        char text[256];
        snprintf(text, sizeof text, "%s", w->fault.text[0] ? w->fault.text : "The search cannot be understood.");
        return fhir_fail(w, ERR_INVALID, "search", "%s", text);
    }
    if (strict && out->n_unknown)
        return fhir_fail_status(w, 400, "not-found", "There is no search parameter %.*s for %s.", (int)out->unknown[0].n, out->unknown[0].p, type->name);
    return 0;
}

static bool is_unknown(const struct r4_query *q, struct r4_str name)
{
    for (size_t i = 0; i < q->n_unknown; i++)
        if (q->unknown[i].n == name.n && memcmp(q->unknown[i].p, name.p, name.n) == 0)
            return true;
    return false;
}

static void percent(struct r4_buf *b, struct r4_str t)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < t.n; i++) {
        uint8_t c = (uint8_t)t.p[i];
        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("-._~:,$|/", c)))
            r4_buf_put(b, &t.p[i], 1);
        else
            r4_buf_put(b, (char[3]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
}

/* The URL as it was understood: what was ignored is not in it. */
static void write_url(struct page *p, struct r4_buf *b, bool first)
{
    char base[300];
    const char *sign = "?";
    fhir_base(p->w, base);
    if (p->w->plan->compartment)
        r4_buf_printf(b, "%s/%s/%s/%s", base, p->w->plan->compartment, p->w->plan->id, p->w->plan->type->name);
    else
        r4_buf_printf(b, "%s/%s", base, p->w->plan->type->name);
    for (size_t i = 0; i < p->w->plan->n_pairs; i++) {
        const struct r4_pair *pair = &p->w->plan->pairs[i];
        if ((first && is_page(pair->name)) || is_unknown(&p->query, pair->name))
            continue;
        r4_buf_puts(b, sign);
        percent(b, pair->name);
        r4_buf_puts(b, "=");
        percent(b, pair->value);
        sign = "&";
    }
}

/* ---- page tokens: of this search, for this client ---- */

static void token_mac(struct page *p, const struct page_token *t, uint8_t out[SHA256_BYTES])
{
    struct r4_buf b = {0};
    write_url(p, &b, true);
    r4_buf_put(&b, (const char *)t, sizeof *t);
    r4_buf_put(&b, (const char *)&p->w->actor.client, sizeof p->w->actor.client);
    r4_buf_put(&b, (const char *)&p->w->actor.person, sizeof p->w->actor.person);
    crypto_hmac_sha256(p->w->fhir->page_key, 32, b.p ? b.p : "", b.n, out);
    r4_buf_clear(&b);
}

static void token_text(struct page *p, const struct page_token *t, char out[TOKEN_TEXT])
{
    uint8_t bytes[sizeof *t + 16], mac[SHA256_BYTES];
    token_mac(p, t, mac);
    memcpy(bytes, t, sizeof *t);
    memcpy(bytes + sizeof *t, mac, 16);
    if (base64url_encode(bytes, sizeof bytes, out, TOKEN_TEXT) < 0)
        abort(); /* the buffer is made for it */
}

static int take_token(struct page *p)
{
    struct r4_str text = {0};
    char copy[TOKEN_TEXT];
    uint8_t bytes[sizeof p->token + 16], mac[SHA256_BYTES];
    for (size_t i = 0; i < p->w->plan->n_pairs; i++)
        if (is_page(p->w->plan->pairs[i].name))
            text = p->w->plan->pairs[i].value;
    if (!text.p) {
        p->token.snapshot = tx_int(p->tx, 0, "SELECT MAX(seq) AS seq FROM fhir_change", "");
        return 0;
    }
    snprintf(copy, sizeof copy, "%.*s", (int)text.n, text.p);
    if (text.n < sizeof copy && base64url_decode(copy, bytes, sizeof bytes) == (int)sizeof bytes) {
        memcpy(&p->token, bytes, sizeof p->token);
        token_mac(p, &p->token, mac);
        if (crypto_equal(mac, bytes + sizeof p->token, 16))
            return 0;
    }
    return fhir_fail(p->w, ERR_INVALID, "page", "This page belongs to another search.");
}

/* ---- collecting ---- */

static struct entry *add_entry(struct page *p)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        struct entry *more = realloc(p->list, cap * sizeof *more);
        if (!more) {
            p->failed = true;
            return NULL;
        }
        p->list = more;
        p->cap = cap;
    }
    memset(&p->list[p->n], 0, sizeof *p->list);
    return &p->list[p->n++];
}

static bool open_body(struct page *p, struct query *q, struct fhir_row *row)
{
    size_t len;
    const void *sealed = query_blob(q, "body", &len);
    row->body = body_open(p->w->fhir, p->w->plan->scratch, p->w->fhir->body_key, (const int64_t[2]){row->rid, row->vid}, sealed, len, &row->body_len);
    return row->body != NULL;
}

static bool take_own(struct page *p, struct fhir_row *row)
{
    struct entry *e = add_entry(p);
    if (!e)
        return false;
    e->row = *row;
    row->body = row->facts = NULL; /* taken */
    p->matches++;
    return true;
}

/* Our own come first, by their number; in a sorted walk before the first of the store that lies behind them. */
static bool show_own(struct page *p, bool (*behind)(const struct page *p, int64_t low), int64_t low)
{
    while (p->own_at < p->own.n && !(behind && behind(p, low))) {
        size_t at = p->n_keys ? p->keys[p->own_at].own - 1 : p->own_at;
        if (p->matches == p->want) {
            p->more = true;
            return false;
        }
        if (!take_own(p, &p->own.list[at]))
            return false;
        p->next.at = (uint32_t)++p->own_at;
    }
    return true;
}

static bool found_match(void *ctx, struct found *found)
{
    struct page *p = ctx;
    if (p->matches == p->want) {
        p->more = true;
        return false;
    }
    struct entry *e = add_entry(p);
    if (!e)
        return false;
    e->row = found->row;
    found->row.facts = NULL; /* taken */
    p->matches++;
    p->next = (struct page_token){p->token.snapshot, found->row.pkey, found->row.rid, found->low, (uint32_t)p->own_at, p->token.phase};
    if (open_body(p, found->q, &e->row))
        return true;
    p->error = ERR_STORAGE;
    return false;
}

static int run_plain(struct page *p)
{
    struct cursor after = {p->token.rid != 0, p->token.pkey, p->token.rid, p->token.low};
    int rc = show_own(p, NULL, 0) ? finder_run(&p->finder, &after, found_match, p) : 0;
    return rc ? rc : p->error;
}

/* ---- sorting ---- */

static bool greater(const struct r4_value *v, bool descending, const struct sort_key *k, size_t i)
{
    if (v->type == R4_P_DATE || v->type == R4_P_NUMBER || v->type == R4_P_QUANTITY) {
        int64_t n = v->type == R4_P_DATE ? v->low_ms : range_number(v->number);
        return descending ? n > k->number[i] : n < k->number[i];
    }
    return false;
}

static struct r4_str sort_text(const struct r4_value *v)
{
    return v->folded.p ? v->folded : v->code.p ? v->code : v->string.p ? v->string : v->ref_id.p ? v->ref_id : v->url;
}

/* The least of several values, or the greatest when sorted down. */
static void key_part(struct page *p, const struct facts *facts, size_t i, struct sort_key *k)
{
    const struct r4_sort *s = &p->query.sorts[i];
    k->missing[i] = true;
    for (size_t n = 0; n < facts->n; n++) {
        const struct r4_value *v = &facts->values[n];
        if (v->param != s->param)
            continue;
        bool number = v->type == R4_P_DATE || v->type == R4_P_NUMBER || v->type == R4_P_QUANTITY;
        struct r4_str text = number ? (struct r4_str){0} : sort_text(v);
        if (number && (k->missing[i] || greater(v, s->descending, k, i)))
            k->number[i] = v->type == R4_P_DATE ? v->low_ms : range_number(v->number);
        if (!number) {
            char *copy = text.p ? strndup(text.p, text.n) : NULL;
            bool better = copy && (!k->text[i] || (s->descending ? strcmp(copy, k->text[i]) > 0 : strcmp(copy, k->text[i]) < 0));
            free(better ? k->text[i] : copy);
            if (better)
                k->text[i] = copy;
        }
        k->missing[i] = false;
    }
}

static struct sort_key *add_key(struct page *p)
{
    if (p->n_keys == p->cap_keys) {
        size_t cap = p->cap_keys ? 2 * p->cap_keys : 256;
        struct sort_key *more = realloc(p->keys, cap * sizeof *more);
        if (!more) {
            p->failed = true;
            return NULL;
        }
        p->keys = more;
        p->cap_keys = cap;
    }
    memset(&p->keys[p->n_keys], 0, sizeof *p->keys);
    return &p->keys[p->n_keys++];
}

static bool found_sortable(void *ctx, struct found *found)
{
    struct page *p = ctx;
    if (p->n_keys == SORTED_MAX) {
        p->over = true;
        return false;
    }
    struct sort_key *k = add_key(p);
    if (!k)
        return false;
    k->hit = (struct hit){found->row.pkey, found->row.rid};
    for (size_t i = 0; i < p->query.n_sorts && i < 2 && found->facts; i++)
        key_part(p, found->facts, i, k);
    return true;
}

static int sort_own(struct page *p)
{
    int rc = 0;
    for (size_t i = 0; i < p->own.n && rc == 0; i++) {
        struct facts facts = {0};
        struct fhir_row *row = &p->own.list[i];
        struct sort_key *k = add_key(p);
        if (!k || !facts_read(p->w->fhir, p->w->plan->scratch->doc, row->type, row->facts, row->facts_len, &facts))
            rc = ERR_UNAVAILABLE;
        for (size_t s = 0; s < p->query.n_sorts && s < 2 && rc == 0; s++)
            key_part(p, &facts, s, k);
        if (k) {
            k->hit = (struct hit){row->pkey, row->rid};
            k->own = i + 1;
        }
        facts_clear(&facts);
    }
    return rc;
}

static int compare_keys(const void *a, const void *b, void *ctx)
{
    const struct sort_key *x = a, *y = b;
    const struct page *p = ctx;
    for (size_t i = 0; i < p->query.n_sorts && i < 2; i++) {
        int c = 0;
        if (x->missing[i] != y->missing[i])
            return x->missing[i] ? 1 : -1; /* without a value: last */
        if (!x->missing[i])
            c = x->text[i] && y->text[i] ? strcmp(x->text[i], y->text[i]) : x->number[i] < y->number[i] ? -1 : x->number[i] > y->number[i];
        if (c)
            return p->query.sorts[i].descending ? -c : c;
    }
    return x->hit.pkey != y->hit.pkey ? (x->hit.pkey < y->hit.pkey ? -1 : 1) : x->hit.rid < y->hit.rid ? -1 : x->hit.rid > y->hit.rid;
}

static size_t sorted_start(const struct page *p)
{
    if (!p->token.rid)
        return 0;
    for (size_t i = 0; i < p->n_keys; i++)
        if (p->keys[i].hit.pkey == p->token.pkey && p->keys[i].hit.rid == p->token.rid)
            return i + 1;
    return p->token.at < p->n_keys ? p->token.at : p->n_keys; /* the last one shown is gone */
}

static int show_sorted(struct page *p)
{
    int rc = 0;
    p->total = (int64_t)p->n_keys;
    qsort_r(p->keys, p->n_keys, sizeof *p->keys, compare_keys, p);
    size_t at = sorted_start(p);
    for (; at < p->n_keys && p->matches < p->want && rc == 0; at++) {
        if (p->keys[at].own) {
            if (!take_own(p, &p->own.list[p->keys[at].own - 1]))
                break;
        } else {
            struct entry *e = add_entry(p);
            if (!e)
                break;
            rc = row_load(p->w, p->tx, p->keys[at].hit.pkey, p->keys[at].hit.rid, ROW_BODY | ROW_FACTS, &e->row);
            p->matches++;
        }
        p->next = (struct page_token){p->token.snapshot, p->keys[at].hit.pkey, p->keys[at].hit.rid, 0, (uint32_t)at + 1, 0};
    }
    p->more = at < p->n_keys;
    return rc;
}

static bool ordered_index(const struct r4_query *q)
{
    int type = q->sorts[0].param->type;
    return q->n_sorts == 1 && (type == R4_P_DATE || type == R4_P_NUMBER || type == R4_P_QUANTITY);
}

static bool lacks(const struct facts *facts, const struct r4_param *p)
{
    for (size_t i = 0; facts && i < facts->n; i++)
        if (facts->values[i].param == p)
            return false;
    return true;
}

static bool found_without(void *ctx, struct found *found)
{
    struct page *p = ctx;
    return lacks(found->facts, p->query.sorts[0].param) ? found_match(ctx, found) : true;
}

static bool own_behind(const struct page *p, int64_t low)
{
    const struct sort_key *k = &p->keys[p->own_at];
    return k->missing[0] || (p->query.sorts[0].descending ? k->number[0] < low : k->number[0] > low);
}

static bool found_ordered(void *ctx, struct found *found)
{
    return show_own(ctx, own_behind, found->low) && found_match(ctx, found);
}

/* In the order of the index; those without a value follow, in the order of their keys. */
static int run_ordered(struct page *p)
{
    struct cursor after = {p->token.rid != 0, p->token.pkey, p->token.rid, p->token.low};
    int rc = sort_own(p);
    if (rc)
        return rc;
    if (p->n_keys)
        qsort_r(p->keys, p->n_keys, sizeof *p->keys, compare_keys, p);
    if (p->token.phase == 0) {
        finder_plan_range(&p->finder, p->query.sorts[0].param, p->query.sorts[0].descending);
        rc = finder_run(&p->finder, &after, found_ordered, p);
        if (rc == 0 && !p->more)
            (void)!show_own(p, NULL, 0);
        if (rc || p->more || p->error)
            return rc ? rc : p->error;
        after.set = false;
        p->token.phase = 1;
    }
    finder_plan(&p->finder);
    p->finder.residual = p->finder.want_facts = true;
    rc = finder_run(&p->finder, &after, found_without, p);
    return rc ? rc : p->error;
}

static bool few(const struct finder *f)
{
    if (f->nothing || f->lead == LEAD_HITS)
        return true;
    for (size_t i = 0; i < f->n_needs; i++)
        if ((f->needs[i].keyed || f->needs[i].by_hits) && f->needs[i].estimate < 2000)
            return true;
    return f->scoped;
}

static int run_sorted(struct page *p)
{
    if (ordered_index(&p->query) && !few(&p->finder))
        return run_ordered(p);
    p->finder.want_facts = true;
    int rc = sort_own(p);
    rc = rc ? rc : finder_run(&p->finder, &(struct cursor){0}, found_sortable, p);
    if (rc == 0 && p->over)
        return fhir_fail(p->w, ERR_TOO_LARGE, "too_costly", "More than %d resources would have to be sorted: add a condition, or sort by a date.", SORTED_MAX);
    return rc ? rc : show_sorted(p);
}

/* ---- what comes with the matches ---- */

/* Ours of several types are made of one row. */
static bool on_page(const struct page *p, const struct r4_type *type, int64_t pkey, int64_t rid)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].row.rid == rid && p->list[i].row.pkey == pkey && p->list[i].row.type == type)
            return true;
    return false;
}

static size_t included(const struct page *p)
{
    return p->n - p->matches;
}

static int include_row(struct page *p, struct fhir_row *row)
{
    bool take = row->found && !row->deleted && included(p) < INCLUDED_MAX && !on_page(p, row->type, row->pkey, row->rid);
    struct entry *e = take ? add_entry(p) : NULL;
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
        !fhir_may(p->w, type->name, MAY_READ))
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

static int include_reverse(struct page *p, const struct r4_include *inc, size_t at)
{
    struct hits hits = {0};
    const struct r4_type *of = p->list[at].row.type;
    int64_t key;
    int rc = 0;
    if (!inc->source || !inc->param || (inc->target && inc->target != of) || !fhir_may(p->w, inc->source->name, MAY_READ))
        return 0;
    key = key_reference(p->w->fhir, inc->source, inc->param, str(of->name), str(p->list[at].row.name));
    struct query *q = tx_query(p->tx, "SELECT pkey, rid FROM fhir_token WHERE key=$1 ORDER BY pkey, rid LIMIT 1001", "i", key);
    while (query_next(q))
        hits_add(&hits, query_int(q, "pkey"), query_int(q, "rid"));
    rc = query_end(q);
    for (size_t i = 0; i < hits.n && rc == 0 && included(p) < INCLUDED_MAX; i++) {
        struct fhir_row row;
        if (on_page(p, inc->source, hits.list[i].pkey, hits.list[i].rid))
            continue;
        rc = row_load(p->w, p->tx, hits.list[i].pkey, hits.list[i].rid, ROW_BODY | ROW_FACTS, &row);
        if (rc == 0 && row.born <= p->token.snapshot)
            rc = include_row(p, &row);
        else
            fhir_row_clear(&row);
    }
    free(hits.list);
    return rc ? rc : include_own(p, inc, of->name, p->list[at].row.name);
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

static int run_includes(struct page *p)
{
    int rc = 0;
    for (size_t i = 0; i < p->n && rc == 0 && p->query.includes; i++) /* the list grows while it is walked: :iterate */
        rc = include_of(p, i);
    return rc;
}

/* ---- the bundle ---- */

static int count_all(struct page *p)
{
    if (p->total >= 0 || (p->query.total != R4_TOTAL_ACCURATE && p->query.summary != R4_SUMMARY_COUNT)) {
        if (p->total < 0 && !p->more && !p->token.rid && !p->token.at)
            p->total = (int64_t)p->matches;
        return 0;
    }
    finder_plan(&p->finder);
    int rc = finder_count(&p->finder, &p->total);
    p->total += (int64_t)p->own.n;
    return rc;
}

static void write_links(struct page *p, struct r4_buf *b)
{
    struct r4_buf url = {0};
    char token[TOKEN_TEXT];
    write_url(p, &url, false);
    r4_buf_puts(b, ",\"link\":[{\"relation\":\"self\",\"url\":");
    r4_buf_quote(b, url.p, url.n);
    if (p->more) {
        r4_buf_clear(&url);
        write_url(p, &url, true);
        token_text(p, &p->next, token);
        r4_buf_printf(&url, "%s_page=%s", memchr(url.p, '?', url.n) ? "&" : "?", token);
        r4_buf_puts(b, "},{\"relation\":\"next\",\"url\":");
        r4_buf_quote(b, url.p, url.n);
    }
    r4_buf_puts(b, "}]");
    r4_buf_clear(&url);
}

static int write_entries(struct page *p, struct r4_buf *b)
{
    char base[300];
    int rc = 0;
    fhir_base(p->w, base);
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        struct entry *e = &p->list[i];
        r4_buf_printf(b, "%s{\"fullUrl\":\"%s/%s/%s\",\"resource\":", i ? "," : ",\"entry\":[", base, e->row.type->name, e->row.name);
        rc = body_shape(p->w, e->row.type, (struct r4_str){e->row.body, e->row.body_len}, b);
        r4_buf_printf(b, ",\"search\":{\"mode\":\"%s\"}}", e->included ? "include" : "match");
    }
    if (p->own.cut)
        r4_buf_printf(b, "%s{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"warning\",\"code\":\"incomplete\",\"details\":{\"text\":"
                         "\"Of what the house itself keeps only %d were looked through: add an identifier, a name, a birth date or a patient.\"}}]},"
                         "\"search\":{\"mode\":\"outcome\"}}", p->n ? "," : ",\"entry\":[", OWN_LOOK);
    if (p->n || p->own.cut)
        r4_buf_puts(b, "]");
    return rc;
}

/* A line for each patient whose data is shown, and one for a search that shows none. */
static void note_page(struct page *p, const char *what)
{
    char detail[80];
    int64_t last = 0;
    snprintf(detail, sizeof detail, "%s %zu", p->w->plan->type->name, p->n);
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].row.pkey && p->list[i].row.pkey != last) {
            last = p->list[i].row.pkey;
            fhir_note(p->w, what, (uint64_t)last, 0, detail);
        }
    if (!last)
        fhir_note(p->w, what, 0, 0, detail);
}

static void write_page(struct page *p)
{
    struct r4_buf b = {0};
    char now[R4_INSTANT_BYTES];
    r4_instant(p->w->now_ms, now);
    r4_buf_printf(&b, "{\"resourceType\":\"Bundle\",\"meta\":{\"lastUpdated\":\"%s\"},\"type\":\"searchset\"", now);
    if (p->total >= 0 && p->query.total != R4_TOTAL_NONE)
        r4_buf_printf(&b, ",\"total\":%lld", (long long)p->total);
    write_links(p, &b);
    int rc = p->query.summary == R4_SUMMARY_COUNT ? 0 : write_entries(p, &b);
    r4_buf_puts(&b, "}");
    if (rc || b.failed) {
        r4_buf_clear(&b);
        (void)!fhir_fail(p->w, rc ? rc : ERR_UNAVAILABLE, "", "The page cannot be written.");
        return;
    }
    note_page(p, "fhir.search");
    fhir_answer_buf(p->w, 200, &b);
}

static void page_close(struct page *p)
{
    for (size_t i = 0; i < p->n; i++)
        fhir_row_clear(&p->list[i].row);
    own_rows_clear(&p->own);
    for (size_t i = 0; i < p->n_keys; i++)
        for (int k = 0; k < 2; k++)
            free(p->keys[i].text[k]);
    free(p->list);
    free(p->keys);
    finder_close(&p->finder);
    free(p);
}

static int run(struct page *p)
{
    p->want = p->query.count < 0 ? FHIR_PAGE : p->query.count > FHIR_PAGE_MAX ? FHIR_PAGE_MAX : (size_t)p->query.count;
    if (p->query.summary == R4_SUMMARY_COUNT || p->query.count == 0) {
        p->query.summary = R4_SUMMARY_COUNT;
        p->want = 0;
    }
    p->finder.snapshot = p->token.snapshot;
    p->finder.want_facts = p->query.includes != NULL;
    int rc = own_search(&p->finder, &p->own); /* before the plan: it marks terms as done */
    p->next = p->token;
    p->own_at = p->token.at < p->own.n ? p->token.at : p->own.n;
    finder_plan(&p->finder);
    rc = rc ? rc : !p->want ? 0 : p->query.n_sorts ? run_sorted(p) : run_plain(p);
    rc = rc ? rc : count_all(p);
    rc = rc ? rc : run_includes(p);
    if (rc == 0 && p->failed)
        rc = ERR_UNAVAILABLE;
    return rc;
}

void rest_search(struct fhir_work *w, struct tx *tx)
{
    struct page *p = calloc(1, sizeof *p);
    w->op = "fhir.search";
    if (!p)
        abort();
    p->w = w;
    p->tx = tx;
    p->total = -1;
    int rc = fhir_need(w, w->plan->type->name, MAY_SEARCH);
    rc = rc ? rc : parse(w, w->plan->type, w->plan->pairs, w->plan->n_pairs, w->plan->strict, &p->query);
    rc = rc ? rc : take_token(p);
    rc = rc ? rc : finder_open(&p->finder, w, tx, w->plan->type, p->query.terms);
    if (rc == 0 && w->plan->compartment)
        rc = finder_compartment(&p->finder, w->plan->compartment, w->plan->id);
    if (rc == 0 && (rc = run(p)) && !w->answer.status)
        (void)!fhir_fail(w, rc, "", "The search could not be carried out.");
    if (rc == 0)
        write_page(p);
    page_close(p);
}

/* ---- the one a conditional request means ---- */

struct one {
    struct fhir_work *w;
    int n;
    struct hit hit;
};

static bool found_one(void *ctx, struct found *found)
{
    struct one *o = ctx;
    o->hit = (struct hit){found->row.pkey, found->row.rid};
    return ++o->n < 2;
}

int search_one(struct fhir_work *w, struct tx *tx, const struct r4_type *type, struct r4_str query, int *n, struct fhir_row *row)
{
    struct r4_pair pairs[40];
    struct r4_query parsed = {0};
    struct one one = {.w = w};
    size_t n_pairs = 0;
    const char *mark = query.n ? memchr(query.p, '?', query.n) : NULL; /* "Patient?identifier=x" is meant well */
    if (mark)
        query = (struct r4_str){mark + 1, query.n - (size_t)(mark + 1 - query.p)};
    memset(row, 0, sizeof *row);
    if (r4_query_split(w->plan->scratch->doc, query.p, query.n, pairs, 40, &n_pairs))
        return fhir_fail(w, ERR_INVALID, "condition", "The condition cannot be read.");
    int rc = parse(w, type, pairs, n_pairs, true, &parsed);
    if (rc == 0 && !parsed.terms)
        rc = fhir_fail_status(w, 412, "incomplete", "The condition names no search parameter.");
    if (rc)
        return rc;
    struct finder *f = calloc(1, sizeof *f);
    if (!f)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    rc = finder_open(f, w, tx, type, parsed.terms);
    if (rc == 0) {
        finder_plan(f);
        rc = finder_run(f, &(struct cursor){0}, found_one, &one);
        if (rc == 0 && one.n == 1)
            rc = row_load(w, tx, one.hit.pkey, one.hit.rid, ROW_FACTS | ROW_BODY, row);
        if (rc)
            (void)!fhir_fail(w, rc, "", "The search could not be carried out.");
    }
    finder_close(f);
    free(f);
    *n = one.n;
    return rc;
}
