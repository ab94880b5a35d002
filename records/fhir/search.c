/* The search interaction: the query, one page of results, what comes with them, the links. */
#include "records/fhir/search_page.h"
#include <stdio.h>

#define TOKEN_TEXT 120
#define LOOK_MAX 8000 /* resources a page may look into: a third of a second of a reader's time */

/* ---- the query ---- */

static bool is_page(struct r4_str name)
{
    return r4_str_is(name, "_page");
}

int page_parse(struct fhir_work *w, const struct r4_type *type, struct r4_pair *pairs, size_t n, bool strict, struct r4_query *out)
{
    struct r4_doc *d = w->plan->scratch->doc;
    struct r4_pair *mine = r4_doc_alloc(d, (n + 1) * sizeof *mine);
    size_t kept = 0;
    char base[300];
    if (!mine)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    fhir_base(w, base);
    out->base_url = base;
    for (size_t i = 0; i < n; i++)
        if (!is_page(pairs[i].name) && !(w->plan->system && r4_str_is(pairs[i].name, "_type")))
            mine[kept++] = pairs[i];
    fault_clear(&w->fault);
    int rc = r4_query_parse(fhir_r4(w->fhir), d, type, mine, kept, out, &w->fault);
    out->base_url = NULL;
    if (rc) {
        char text[256];
        snprintf(text, sizeof text, "%s", w->fault.text[0] ? w->fault.text : "The search cannot be understood.");
        return fhir_fail(w, ERR_INVALID, "search", "%s", text);
    }
    if (out->includes && out->summary == R4_SUMMARY_TEXT) /* search.html#summary */
        return fhir_fail_status(w, 400, "not-supported", "_include and _revinclude cannot be asked for together with _summary=text.");
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

void fhir_percent(struct r4_buf *b, struct r4_str t)
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
    else if (p->w->plan->system)
        r4_buf_puts(b, base);
    else
        r4_buf_printf(b, "%s/%s", base, p->w->plan->type->name);
    for (size_t i = 0; i < p->w->plan->n_pairs; i++) {
        const struct r4_pair *pair = &p->w->plan->pairs[i];
        if ((first && is_page(pair->name)) || is_unknown(&p->query, pair->name))
            continue;
        r4_buf_puts(b, sign);
        fhir_percent(b, pair->name);
        r4_buf_puts(b, "=");
        fhir_percent(b, pair->value);
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

int page_take_token(struct page *p)
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

struct entry *page_add_entry(struct page *p)
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
    if (p->finder.bare) {
        struct fhir_row whole;
        int rc = row_load(p->w, p->tx, row->pkey, row->rid, ROW_BODY, &whole);
        row->body = whole.body;
        row->body_len = whole.body_len;
        return rc == 0 && row->body;
    }
    const void *sealed = query_blob(q, "body", &len);
    row->body = body_open(p->w->fhir, p->w->plan->scratch, p->w->fhir->body_key, (const int64_t[2]){row->rid, row->vid}, sealed, len, &row->body_len);
    return row->body != NULL;
}

bool page_take_own(struct page *p, struct fhir_row *row)
{
    struct entry *e = page_add_entry(p);
    if (!e)
        return false;
    e->row = *row;
    row->body = row->facts = NULL; /* taken */
    p->matches++;
    p->failed = p->failed || (!e->row.body && !terms_body(p->w, &e->row)); /* of the catalogue only what is shown has one */
    return !p->failed;
}

bool page_show_own(struct page *p, bool (*behind)(const struct page *p, int64_t low), int64_t low)
{
    while (p->own_at < p->own.n && !(behind && behind(p, low))) {
        size_t at = p->n_keys ? p->keys[p->own_at].own - 1 : p->own_at;
        if (p->matches == p->want) {
            p->more = true;
            return false;
        }
        if (!page_take_own(p, &p->own.list[at]))
            return false;
        p->next.at = (uint32_t)++p->own_at;
    }
    return true;
}

bool page_found_match(void *ctx, struct found *found)
{
    struct page *p = ctx;
    if (p->matches == p->want) {
        p->more = true;
        return false;
    }
    struct entry *e = page_add_entry(p);
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

/* So many were looked at without filling the page: it ends here, and the next one goes on behind the last of them. */
void page_cut(struct page *p)
{
    const struct cursor *at = &p->finder.cut;
    if (!at->set || p->more)
        return;
    p->more = true;
    p->next = (struct page_token){p->token.snapshot, at->pkey, at->rid, at->low, (uint32_t)p->own_at, p->token.phase};
}

static int run_plain(struct page *p)
{
    struct cursor after = {p->token.rid != 0, p->token.pkey, p->token.rid, p->token.low};
    int rc = page_show_own(p, NULL, 0) ? finder_run(&p->finder, &after, page_found_match, p) : 0;
    page_cut(p);
    return rc ? rc : p->error;
}

/* ---- the bundle ---- */

int page_count(struct page *p)
{
    bool must = p->query.total == R4_TOTAL_ACCURATE || p->query.summary == R4_SUMMARY_COUNT;
    if (p->total < 0 && !must && !p->more && !p->token.rid && !p->token.at)
        p->total = (int64_t)p->matches;
    if (p->total >= 0 || (!must && p->query.total != R4_TOTAL_ESTIMATE))
        return 0;
    p->finder.look_max = 0;
    finder_plan(&p->finder);
    if (!must && !finder_counts_rows(&p->finder)) /* an estimate is not worth a walk through all of them */
        return 0;
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
    snprintf(detail, sizeof detail, "%s %zu", p->w->plan->system ? "*" : p->w->plan->type->name, p->n);
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].row.pkey && p->list[i].row.pkey != last) {
            last = p->list[i].row.pkey;
            fhir_note(p->w, what, (uint64_t)last, 0, detail);
        }
    if (!last)
        fhir_note(p->w, what, 0, 0, detail);
}

void page_write(struct page *p)
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

void page_close(struct page *p)
{
    for (size_t i = 0; i < p->n; i++)
        fhir_row_clear(&p->list[i].row);
    own_rows_clear(&p->own);
    for (size_t i = 0; i < p->n_keys; i++)
        sort_key_clear(&p->keys[i]);
    free(p->list);
    free(p->keys);
    finder_close(&p->finder);
    free(p);
}

int page_run_matches(struct page *p)
{
    p->want = p->query.count < 0 ? FHIR_PAGE : p->query.count > FHIR_PAGE_MAX ? FHIR_PAGE_MAX : (size_t)p->query.count;
    if (p->query.summary == R4_SUMMARY_COUNT || p->query.count == 0) {
        p->query.summary = R4_SUMMARY_COUNT;
        p->want = 0;
    }
    p->finder.snapshot = p->token.snapshot;
    p->finder.page = p->want + 1;
    p->finder.want_facts = p->query.includes != NULL;
    int rc = own_search(&p->finder, &p->own); /* before the plan: it marks terms as done */
    p->next = p->token;
    p->own_at = p->token.at < p->own.n ? p->token.at : p->own.n;
    p->finder.look_max = LOOK_MAX;
    if (p->query.n_sorts)
        p->finder.range_need = RANGE_NONE;
    else if (p->token.rid)
        p->finder.range_need = (int)p->token.phase - 1;
    finder_plan(&p->finder);
    if (!p->query.n_sorts)
        p->token.phase = (uint32_t)(p->finder.led_by + 1);
    return rc ? rc : !p->want ? 0 : p->query.n_sorts ? page_run_sorted(p) : run_plain(p);
}

static int run(struct page *p)
{
    int rc = page_run_matches(p);
    rc = rc ? rc : page_count(p);
    rc = rc ? rc : page_run_includes(p);
    return rc ? rc : p->failed ? ERR_UNAVAILABLE : 0;
}

struct page *page_new(struct fhir_work *w, struct tx *tx)
{
    struct page *p = calloc(1, sizeof *p);
    w->op = "fhir.search";
    if (!p)
        abort();
    p->w = w;
    p->tx = tx;
    p->total = -1;
    p->query.any_case = true; /* conditional forms take a code as it is written: what they would overwrite must be meant */
    return p;
}

void rest_search(struct fhir_work *w, struct tx *tx)
{
    struct page *p = page_new(w, tx);
    int rc = fhir_need(w, w->plan->type->name, MAY_SEARCH);
    rc = rc ? rc : page_parse(w, w->plan->type, w->plan->pairs, w->plan->n_pairs, w->plan->strict, &p->query);
    rc = rc ? rc : page_take_token(p);
    rc = rc ? rc : finder_open(&p->finder, w, tx, w->plan->type, p->query.terms);
    if (rc == 0 && w->plan->compartment)
        rc = finder_compartment(&p->finder, w->plan->compartment, w->plan->id);
    if (rc == 0 && (rc = run(p)) && !w->answer.status)
        (void)!fhir_fail(w, rc, "", "The search could not be carried out.");
    if (rc == 0)
        page_write(p);
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
    int rc = page_parse(w, type, pairs, n_pairs, true, &parsed);
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

int search_understood(struct fhir_work *w, const struct r4_type *type, struct r4_str query, char *why, size_t cap)
{
    struct r4_pair pairs[40];
    struct r4_query parsed = {0};
    struct fault f = {0};
    size_t n_pairs = 0;
    int rc = r4_query_split(w->plan->scratch->doc, query.p, query.n, pairs, 40, &n_pairs);
    rc = rc ? rc : r4_query_parse(fhir_r4(w->fhir), w->plan->scratch->doc, type, pairs, n_pairs, &parsed, &f);
    if (rc)
        snprintf(why, cap, "%s", f.text[0] ? f.text : "it is not UTF-8, has a bad escape or too many parameters.");
    else if (parsed.n_unknown)
        snprintf(why, cap, "there is no search parameter %.*s.", (int)parsed.unknown[0].n, parsed.unknown[0].p);
    return rc ? rc : parsed.n_unknown ? ERR_INVALID : 0;
}

/* ---- does one resource meet a condition ---- */

static bool found_any(void *ctx, struct found *found)
{
    (void)found;
    *(bool *)ctx = true;
    return false;
}

/* Of ours, then of the store: both are asked for by name. */
static int meets_any(struct finder *f, bool *meets)
{
    struct own_rows own = {0};
    int rc = own_search(f, &own); /* before the plan: it marks terms as done */
    *meets = own.n > 0;
    own_rows_clear(&own);
    if (rc || *meets)
        return rc;
    finder_plan(f);
    return finder_run(f, &(struct cursor){0}, found_any, meets);
}

int search_meets(struct fhir_work *w, struct tx *tx, const struct r4_type *type, struct r4_str query, bool *meets)
{
    struct r4_pair pairs[40];
    struct r4_query parsed = {0};
    size_t n_pairs = 0;
    *meets = false;
    if (r4_query_split(w->plan->scratch->doc, query.p, query.n, pairs, 40, &n_pairs))
        return fhir_fail(w, ERR_INVALID, "condition", "The condition cannot be read.");
    struct finder *f = calloc(1, sizeof *f);
    int rc = f ? page_parse(w, type, pairs, n_pairs, true, &parsed) : fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    if (rc == 0)
        rc = finder_open(f, w, tx, type, parsed.terms);
    rc = rc ? rc : meets_any(f, meets);
    if (f)
        finder_close(f);
    free(f);
    return rc;
}
