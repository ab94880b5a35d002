/* The history interactions, newest first (http://hl7.org/fhir/R4/http.html#history). A page ends at a number of the line of changes, and
 * the next one begins below it: what is written meanwhile comes above and moves nothing. */
#include "records/fhir/own.h"
#include <stdio.h>

#define TOKEN_TEXT 60

struct past {
    struct fhir_work *w;
    struct tx *tx;
    size_t want, n;
    int64_t since_ms, below; /* seq */
    int64_t at_low, at_high; /* _at: only what was current then; at_high INT64_MAX = not asked */
    int64_t last_seq, patient;
    bool more;
    struct r4_buf b;
};

/* ---- what is asked ---- */

static void token_mac(const struct past *h, int64_t seq, uint8_t out[SHA256_BYTES])
{
    char text[400];
    int n = snprintf(text, sizeof text, "history %lld %s %llu %llu", (long long)seq, h->w->q.path, (unsigned long long)h->w->actor.client,
                     (unsigned long long)h->w->actor.person);
    crypto_hmac_sha256(h->w->fhir->page_key, 32, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1, out);
}

static int take_page(struct past *h, struct r4_str text)
{
    uint8_t bytes[24], mac[SHA256_BYTES];
    char copy[TOKEN_TEXT];
    snprintf(copy, sizeof copy, "%.*s", (int)text.n, text.p);
    if (text.n < sizeof copy && base64url_decode(copy, bytes, sizeof bytes) == (int)sizeof bytes) {
        memcpy(&h->below, bytes, 8);
        token_mac(h, h->below, mac);
        if (crypto_equal(mac, bytes + 8, 16))
            return 0;
    }
    return fhir_fail(h->w, ERR_INVALID, "page", "This page belongs to another history.");
}

static int take_parameters(struct past *h)
{
    const struct fhir_plan *p = h->w->plan;
    h->want = FHIR_PAGE;
    h->below = INT64_MAX;
    h->since_ms = INT64_MIN;
    h->at_high = INT64_MAX;
    for (size_t i = 0; i < p->n_pairs; i++) {
        struct r4_str name = p->pairs[i].name, value = p->pairs[i].value;
        int64_t n, high;
        if (r4_str_is(name, "_count")) {
            if (!text_to_version(value.p ? value.p : "", value.n, &n))
                return fhir_fail(h->w, ERR_INVALID, "count", "_count must be a number from 1.");
            h->want = n > FHIR_PAGE_MAX ? FHIR_PAGE_MAX : (size_t)n;
        } else if (r4_str_is(name, "_since")) {
            if (!r4_date_interval(value.p, value.n, FHIR_ZONE_MIN, &h->since_ms, &high))
                return fhir_fail(h->w, ERR_INVALID, "since", "_since must be an instant.");
        } else if (r4_str_is(name, "_at")) {
            if (!r4_date_interval(value.p, value.n, FHIR_ZONE_MIN, &h->at_low, &h->at_high))
                return fhir_fail(h->w, ERR_INVALID, "at", "_at must be a date, a time or an instant.");
        } else if (r4_str_is(name, "_page")) {
            int rc = take_page(h, value);
            if (rc)
                return rc;
        } else if (p->strict && !r4_str_is(name, "_summary") && !r4_str_is(name, "_elements"))
            return fhir_fail_status(h->w, 400, "not-supported", "History has no parameter %.*s.", (int)name.n, name.p);
    }
    return 0;
}

/* ---- entries ---- */

static const char *status_of(const struct fhir_row *row)
{
    return row->deleted ? "204 No Content" : row->vid == 1 ? "201 Created" : "200 OK";
}

/* A name of our own making came from a POST. */
static const char *method_of(const struct fhir_row *row)
{
    char own[ID_TEXT_BYTES];
    id_format((uint64_t)row->rid, own);
    return row->deleted ? "DELETE" : row->vid == 1 && strcmp(own, row->name) == 0 ? "POST" : "PUT";
}

static int write_entry(struct past *h, const struct fhir_row *row)
{
    char base[300], at[R4_INSTANT_BYTES];
    const char *method = method_of(row);
    int rc = 0;
    fhir_base(h->w, base);
    r4_instant(row->t_ms, at);
    r4_buf_printf(&h->b, "%s{\"fullUrl\":\"%s/%s/%s\"", h->n ? "," : ",\"entry\":[", base, row->type->name, row->name);
    if (!row->deleted) {
        r4_buf_puts(&h->b, ",\"resource\":");
        rc = body_shape(h->w, row->type, (struct r4_str){row->body, row->body_len}, &h->b);
    }
    r4_buf_printf(&h->b, ",\"request\":{\"method\":\"%s\",\"url\":\"%s%s%s\"},\"response\":{\"status\":\"%s\",\"etag\":\"W/\\\"%lld\\\"\",\"lastModified\":\"%s\"}}",
                  method, row->type->name, strcmp(method, "POST") ? "/" : "", strcmp(method, "POST") ? row->name : "", status_of(row), (long long)row->vid, at);
    if (row->pkey && row->pkey != h->patient) {
        char detail[80];
        snprintf(detail, sizeof detail, "%s", row->type->name);
        fhir_note(h->w, "fhir.history", (uint64_t)row->pkey, (uint64_t)row->rid, detail);
        h->patient = row->pkey;
    }
    h->n++;
    return rc;
}

/* ---- of the house's own ---- */

#define OWN_PAST 1000

/* What it was before is not kept, only that and when it changed: an entry without a resource. */
static int write_own(struct past *h, const struct fhir_row *row, const char *version, const int64_t *t_ms, size_t n)
{
    char base[300], at[R4_INSTANT_BYTES];
    int rc = 0;
    fhir_base(h->w, base);
    for (size_t i = n; i > 0 && rc == 0; i--) {
        bool newest = i == n;
        if ((int64_t)i >= h->below)
            continue;
        if (t_ms[i - 1] < h->since_ms)
            break;
        if (h->n == h->want) {
            h->more = true;
            break;
        }
        r4_buf_printf(&h->b, "%s{\"fullUrl\":\"%s/%s/%s\"", h->n++ ? "," : ",\"entry\":[", base, row->type->name, row->name);
        if (newest) {
            r4_buf_puts(&h->b, ",\"resource\":");
            rc = body_shape(h->w, row->type, (struct r4_str){row->body, row->body_len}, &h->b);
        }
        r4_buf_printf(&h->b, ",\"request\":{\"method\":\"PUT\",\"url\":\"%s/%s\"},\"response\":{\"status\":\"%s\"", row->type->name, row->name,
                      i == 1 ? "201 Created" : "200 OK");
        if (newest)
            r4_buf_printf(&h->b, ",\"etag\":\"W/\\\"%s\\\"\"", version);
        if (t_ms[i - 1]) {
            r4_instant(t_ms[i - 1], at);
            r4_buf_printf(&h->b, ",\"lastModified\":\"%s\"", at);
        }
        r4_buf_puts(&h->b, "}}");
        h->last_seq = (int64_t)i;
    }
    return rc;
}

static int own_history(struct past *h, const struct own_kind *k, uint64_t id)
{
    char version[OWN_VERSION_BYTES];
    int64_t *t_ms = calloc(OWN_PAST, sizeof *t_ms);
    struct fhir_row row = {0};
    struct own o;
    if (!t_ms || !own_open(&o, h->w, h->tx)) {
        free(t_ms);
        return ERR_UNAVAILABLE;
    }
    int rc = own_row_version(&o, k, id, &row, version);
    if (rc == 0 && !row.found)
        rc = fhir_fail(h->w, ERR_NOT_FOUND, "no_resource", "There is no such resource.");
    if (rc == 0) {
        size_t n = k->past ? k->past(&o, id, t_ms, OWN_PAST) : 0;
        t_ms[n ? n - 1 : 0] = row.t_ms; /* the newest is as it is now, whatever moved it */
        rc = write_own(h, &row, version, t_ms, n ? n : 1);
        rc = rc ? rc : tx_error(h->tx);
        fhir_note(h->w, "fhir.history", (uint64_t)row.pkey, id, k->type);
    }
    fhir_row_clear(&row);
    own_close(&o);
    free(t_ms);
    return rc;
}

/* Was this version the current one at some moment of _at? `newest` is the resource as it is. */
static int was_current(struct past *h, const struct fhir_row *newest, const struct fhir_row *row, bool *out)
{
    struct fhir_row next = {0};
    int rc = 0;
    *out = h->at_high == INT64_MAX || row->t_ms < h->at_high;
    if (h->at_high == INT64_MAX || !*out || row->vid >= newest->vid)
        return 0;
    rc = row_version(h->w, h->tx, newest, row->vid + 1, &next);
    if (rc == 0 && next.found && next.t_ms <= h->at_low)
        *out = false;
    fhir_row_clear(&next);
    return rc;
}

static int instance_history(struct past *h)
{
    uint64_t own;
    if (own_name(h->w->plan->type->name, h->w->plan->id, &own))
        return own_history(h, own_kind_of(h->w->plan->type->name), own);
    struct fhir_row newest, row;
    int rc = row_find(h->w, h->tx, h->w->plan->type, str(h->w->plan->id), 0, &newest);
    rc = rc ? rc : fhir_not_closed(h->w, h->tx, &newest);
    if (rc || !newest.found)
        return rc ? rc : fhir_fail(h->w, ERR_NOT_FOUND, "no_resource", "There is no such resource.");
    for (int64_t vid = newest.vid; vid > 0 && rc == 0; vid--) {
        rc = row_version(h->w, h->tx, &newest, vid, &row);
        bool show = rc == 0 && row.found && row.seq < h->below, current = true;
        rc = show ? was_current(h, &newest, &row, &current) : rc;
        if (show && row.t_ms < h->since_ms)
            vid = 0;
        else if (show && h->n == h->want) {
            h->more = true;
            vid = 0;
        } else if (show && current && rc == 0) {
            rc = write_entry(h, &row);
            h->last_seq = row.seq;
        }
        fhir_row_clear(&row);
    }
    return rc;
}

struct change {
    int64_t seq, pkey, rid, vid;
};

/* The resources of a page: the numbers first, then each version by its key. */
static int line_history(struct past *h)
{
    const struct r4_type *type = h->w->plan->type;
    struct change *list = calloc(h->want + 1, sizeof *list);
    size_t n = 0;
    int64_t most = (int64_t)h->want + 1;
    if (!list)
        return ERR_UNAVAILABLE;
    struct query *q = type ? tx_query(h->tx, "SELECT seq, pkey, rid, vid, t_ms FROM fhir_change WHERE type=$1 AND seq<$2 ORDER BY seq DESC LIMIT $3", "tii", type->name, h->below, most)
                           : tx_query(h->tx, "SELECT seq, pkey, rid, vid, t_ms FROM fhir_change WHERE seq<$1 ORDER BY seq DESC LIMIT $2", "ii", h->below, most);
    while (n <= h->want && query_next(q) && query_int(q, "t_ms") >= h->since_ms)
        list[n++] = (struct change){query_int(q, "seq"), query_int(q, "pkey"), query_int(q, "rid"), query_int(q, "vid")};
    int rc = query_end(q);
    h->more = n > h->want;
    for (size_t i = 0; i < n && i < h->want && rc == 0; i++) {
        struct fhir_row newest, row;
        rc = row_load(h->w, h->tx, list[i].pkey, list[i].rid, 0, &newest);
        rc = rc ? rc : row_version(h->w, h->tx, &newest, list[i].vid, &row);
        bool current = true;
        if (rc == 0 && row.found)
            rc = was_current(h, &newest, &row, &current);
        if (rc == 0 && row.found && current && fhir_may(h->w, row.type->name, MAY_READ) && !fhir_closed(h->w, h->tx, row.pkey, row.rid))
            rc = write_entry(h, &row);
        h->last_seq = list[i].seq;
        if (rc == 0)
            fhir_row_clear(&row);
        fhir_row_clear(&newest);
    }
    free(list);
    return rc;
}

/* Asked as it was, but for the page: _since and _at hold on every page. */
static char write_url(const struct past *h, struct r4_buf *b)
{
    const struct fhir_plan *p = h->w->plan;
    char base[300], sign = '?';
    fhir_base(h->w, base);
    r4_buf_printf(b, "%s%s", base, h->w->q.path);
    for (size_t i = 0; i < p->n_pairs; i++)
        if (!r4_str_is(p->pairs[i].name, "_page")) {
            r4_buf_put(b, &sign, 1);
            fhir_percent(b, p->pairs[i].name);
            r4_buf_puts(b, "=");
            fhir_percent(b, p->pairs[i].value);
            sign = '&';
        }
    return sign;
}

static void write_links(struct past *h, struct r4_buf *b)
{
    char token[TOKEN_TEXT];
    uint8_t bytes[24], mac[SHA256_BYTES];
    r4_buf_puts(b, ",\"link\":[{\"relation\":\"self\",\"url\":\"");
    (void)write_url(h, b);
    r4_buf_puts(b, "\"}");
    if (h->more) {
        token_mac(h, h->last_seq, mac);
        memcpy(bytes, &h->last_seq, 8);
        memcpy(bytes + 8, mac, 16);
        if (base64url_encode(bytes, sizeof bytes, token, sizeof token) < 0)
            abort(); /* the buffer is made for it */
        r4_buf_puts(b, ",{\"relation\":\"next\",\"url\":\"");
        r4_buf_printf(b, "%c_page=%s\"}", write_url(h, b), token);
    }
    r4_buf_puts(b, "]");
}

void rest_history(struct fhir_work *w, struct tx *tx)
{
    struct past h = {.w = w, .tx = tx};
    struct r4_buf b = {0};
    w->op = "fhir.history";
    if (fhir_need(w, w->plan->type ? w->plan->type->name : "*", MAY_READ) || take_parameters(&h))
        return;
    int rc = w->plan->id[0] ? instance_history(&h) : line_history(&h);
    if (rc == 0) {
        r4_buf_puts(&b, "{\"resourceType\":\"Bundle\",\"type\":\"history\"");
        if (!h.more && h.below == INT64_MAX)
            r4_buf_printf(&b, ",\"total\":%zu", h.n);
        write_links(&h, &b);
        if (h.n) {
            r4_buf_put(&b, h.b.p, h.b.n);
            r4_buf_puts(&b, "]");
        }
        r4_buf_puts(&b, "}");
        if (!w->n_notes)
            fhir_note(w, "fhir.history", 0, 0, w->plan->type ? w->plan->type->name : "*");
        fhir_answer_buf(w, 200, &b);
    } else if (!w->answer.status)
        (void)!fhir_fail(w, rc, "", "The history cannot be read.");
    r4_buf_clear(&h.b);
}
