/* Batch and transaction (http://hl7.org/fhir/R4/http.html#transaction): every entry is a request of its own, carried out as any other; a
 * transaction's entries know each other first: names are given, references put right, and one failure undoes all. */
#include "records/fhir/bundle_private.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <time.h>

#define ENTRIES_MAX 20000

void bundle_free(struct bundle *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++) {
        free(b->list[i].work.answer.body);
        if (b->list[i].work.plan)
            b->list[i].work.plan->scratch = NULL; /* the request's */
        fhir_work_fini(&b->list[i].work);
    }
    index_batch_free(&b->rows);
    free(b->list);
    free(b->table);
    free(b);
}

struct index_batch *bundle_rows(struct bundle *b)
{
    return b && b->transaction ? &b->rows : NULL;
}

/* ---- who is meant ---- */

size_t bundle_slot(const struct bundle *b, const char *text, size_t n)
{
    return r4_hash(text, n) * 2654435761u & b->mask;
}

void bundle_remember(struct bundle *b, const char *text, size_t n, size_t entry)
{
    size_t at = bundle_slot(b, text, n);
    while (b->table[at])
        at = (at + 1) & b->mask;
    b->table[at] = (uint32_t)entry + 1;
}

struct entry *bundle_by_url(const struct bundle *b, const char *text, size_t n)
{
    for (size_t at = bundle_slot(b, text, n); b->table[at]; at = (at + 1) & b->mask) {
        struct entry *e = &b->list[b->table[at] - 1];
        if (e->full_url.n == n && memcmp(e->full_url.p, text, n) == 0)
            return e;
    }
    return NULL;
}

int64_t bundle_patient(const struct bundle *b, const char *name)
{
    size_t n = strlen(name);
    if (!b || !b->transaction)
        return 0;
    for (size_t at = bundle_slot(b, name, n); b->table[at]; at = (at + 1) & b->mask) {
        const struct entry *e = &b->list[b->table[at] - 1];
        if (e->rid && e->type && strcmp(e->type->name, "Patient") == 0 && strcmp(e->name, name) == 0)
            return e->rid;
    }
    return 0;
}

/* ---- reading the bundle ---- */

static const char *copy_text(struct fhir_work *w, struct r4_str t)
{
    const char *copy = t.p ? r4_doc_copy(w->plan->scratch->doc, t.p, t.n) : NULL;
    return copy ? copy : "";
}

/* "Patient/1?x=y", also with our base in front. */
static void take_url(struct fhir_work *w, struct entry *e, struct r4_str url)
{
    char base[300];
    fhir_base(w, base);
    size_t n = strlen(base);
    if (url.n > n && memcmp(url.p, base, n) == 0 && url.p[n] == '/')
        url = (struct r4_str){url.p + n, url.n - n};
    const char *mark = url.n ? memchr(url.p, '?', url.n) : NULL;
    struct r4_str path = {url.p, mark ? (size_t)(mark - url.p) : url.n}, query = {mark ? mark + 1 : NULL, mark ? url.n - path.n - 1 : 0};
    char *slashed = r4_doc_alloc(w->plan->scratch->doc, path.n + 2);
    if (!slashed)
        abort();
    char *to = slashed;
    if (!path.n || path.p[0] != '/')
        *to++ = '/';
    if (path.n)
        memcpy(to, path.p, path.n);
    to[path.n] = 0;
    e->work.q.path = slashed;
    e->work.q.query = copy_text(w, query);
}

static int rank_of(const char *method)
{
    static const char *const order[] = {"DELETE", "POST", "PUT", "PATCH", "GET", "HEAD"};
    for (int i = 0; i < 6; i++)
        if (strcmp(method, order[i]) == 0)
            return i;
    return -1;
}

/* A JSON Patch is no resource: it comes as a Binary (http://hl7.org/fhir/R4/http.html#patch). */
static int unwrap_patch(struct fhir_work *w, struct entry *e, size_t i)
{
    struct r4_str data = r4_text(r4_get(e->resource, "data")), type = r4_text(r4_get(e->resource, "contentType"));
    if (strcmp(e->work.q.method, "PATCH") || !r4_is(r4_get(e->resource, "resourceType"), "Binary"))
        return 0;
    uint8_t *text = r4_doc_alloc(w->plan->scratch->doc, data.n + 1);
    int n = text && data.n && r4_str_is(type, "application/json-patch+json") ? base64_decode(data.p, data.n, text, data.n) : -1;
    if (n <= 0 || r4_json_parse(w->plan->scratch->doc, (const char *)text, (size_t)n, &e->resource, NULL))
        return fhir_fail_status(w, 400, "invalid", "Bundle.entry[%zu]: a Binary of a PATCH holds a JSON Patch (contentType application/json-patch+json).", i);
    e->work.q.body = (const char *)text;
    e->work.q.len = (size_t)n;
    return 0;
}

/* An instant, as the header would say it; "" where it is none. */
static const char *http_date(struct fhir_work *w, struct r4_str instant)
{
    char text[40];
    int64_t low, high;
    struct tm tm;
    if (!instant.n || !r4_date_interval(instant.p, instant.n, FHIR_ZONE_MIN, &low, &high))
        return "";
    time_t t = (time_t)(low / 1000);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
    return copy_text(w, str(text));
}

static int take_entry(struct fhir_work *w, struct r4_node *node, struct entry *e, size_t i)
{
    const struct r4_node *request = r4_get(node, "request");
    struct r4_str url = r4_text(r4_get(request, "url"));
    e->work = (struct fhir_work){.records = w->records, .fhir = w->fhir, .q = w->q, .actor = w->actor, .now_ms = w->now_ms};
    e->work.q.method = copy_text(w, r4_text(r4_get(request, "method")));
    e->work.q.if_match = copy_text(w, r4_text(r4_get(request, "ifMatch")));
    e->work.q.if_none_match = copy_text(w, r4_text(r4_get(request, "ifNoneMatch")));
    e->work.q.if_none_exist = copy_text(w, r4_text(r4_get(request, "ifNoneExist")));
    e->work.q.if_modified_since = http_date(w, r4_text(r4_get(request, "ifModifiedSince")));
    e->work.q.accept = "";
    e->work.q.content_type = "application/fhir+json";
    e->full_url = r4_text(r4_get(node, "fullUrl"));
    e->resource = r4_get(node, "resource");
    e->rank = rank_of(e->work.q.method);
    if (e->rank < 0 || !url.n)
        return fhir_fail_status(w, 400, "required", "Bundle.entry[%zu].request needs a method and a url.", i);
    take_url(w, e, url);
    if (!strcasestr(w->q.prefer, "return=") && w->plan->bundle->transaction)
        e->work.q.prefer = "return=minimal";
    if (strspn(e->work.q.path, "/") == strlen(e->work.q.path))
        return fhir_fail_status(w, 400, "not-supported", "Bundle.entry[%zu]: a bundle in a bundle is not taken.", i);
    if (e->resource) {
        e->work.q.body = w->q.body + e->resource->at;
        e->work.q.len = e->resource->end - e->resource->at;
    } else
        e->work.q.len = 0;
    return unwrap_patch(w, e, i);
}

static int take_bundle(struct fhir_work *w)
{
    struct r4_json_error e;
    struct r4_node *root, *entries, *one;
    struct bundle *b = w->plan->bundle;
    if (!fhir_speaks(w->q.content_type))
        return fhir_fail(w, ERR_MEDIA_TYPE, "not_json", "The body must be application/fhir+json.");
    if (r4_json_parse(w->plan->scratch->doc, w->q.body, w->q.len, &root, &e))
        return fhir_fail(w, ERR_MALFORMED, "bad_json", "The body is not JSON: line %u, column %u: %s.", e.line, e.column, e.reason ? e.reason : "");
    bool message = r4_is(r4_get(root, "resourceType"), "Bundle") && r4_is(r4_get(root, "type"), "message");
    b->transaction = message || r4_is(r4_get(root, "type"), "transaction");
    if (!r4_is(r4_get(root, "resourceType"), "Bundle") || (!b->transaction && !r4_is(r4_get(root, "type"), "batch")))
        return fhir_fail_status(w, 400, "invalid", "Send a Bundle of type batch or transaction here.");
    entries = r4_get(root, "entry");
    if (message && message_entries(w, root, &b->message, &entries))
        return ERR_INVALID;
    size_t n = entries && entries->kind == R4_ARRAY ? entries->len : 0, i = 0;
    if (n > ENTRIES_MAX)
        return fhir_fail(w, ERR_TOO_LARGE, "too_many_entries", "A bundle has at most %d entries.", ENTRIES_MAX);
    for (b->mask = 64; b->mask < 4 * n; b->mask *= 2)
        ;
    b->list = calloc(n ? n : 1, sizeof *b->list);
    b->table = calloc(b->mask, sizeof *b->table);
    if (!b->list || !b->table)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    b->mask--;
    for (one = n ? entries->child : NULL; one; one = one->next, i++) {
        b->n = i + 1;
        int rc = take_entry(w, one, &b->list[i], i);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- an entry as a request ---- */

int bundle_open_entry(struct fhir_work *w, struct entry *e)
{
    e->work.plan = calloc(1, sizeof *e->work.plan);
    if (!e->work.plan)
        return ERR_UNAVAILABLE;
    e->work.plan->scratch = w->plan->scratch;
    e->work.plan->bundle = w->plan->bundle;
    return fhir_take_wishes(&e->work);
}

static void begin_entry(struct fhir_work *w, struct entry *e, struct tx *tx)
{
    if (bundle_open_entry(w, e) == 0)
        fhir_route(&e->work, tx);
    else if (!e->work.answer.status)
        fhir_refuse(&e->work, ERR_UNAVAILABLE, "", "Out of memory.");
}

/* ---- transactions ---- */

int bundle_fail_as(struct fhir_work *w, struct entry *e, size_t i)
{
    struct fhir_work *s = &e->work;
    struct r4_node *root;
    w->answer = s->answer;
    s->answer.body = NULL;
    w->fault = s->fault;
    w->op = s->op;
    w->hidden = s->hidden;
    w->n_notes = 0;
    w->answer.etag[0] = w->answer.location[0] = 0;
    /* where in the bundle it was */
    if (w->answer.body && r4_json_parse(w->plan->scratch->doc, w->answer.body, w->answer.len, &root, NULL) == 0) {
        struct r4_buf b = {0};
        char at[60];
        snprintf(at, sizeof at, "Bundle.entry[%zu]", i);
        struct r4_node *issue = r4_at(root, "issue.0"), *list = issue && !r4_get(issue, "expression") ? r4_new(w->plan->scratch->doc, R4_ARRAY) : NULL;
        if (list && r4_append(list, r4_new_string(w->plan->scratch->doc, at, strlen(at))))
            r4_set(w->plan->scratch->doc, issue, "expression", list);
        else if (issue)
            r4_set_string(w->plan->scratch->doc, issue, "diagnostics", at);
        char *old = w->answer.body;
        r4_json_write(&b, root);
        w->answer.body = b.p;
        w->answer.len = b.n;
        free(old);
    }
    return s->fault.code ? s->fault.code : ERR_INVALID;
}

static int begin_transaction(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    int rc = bundle_name_all(w, tx);
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        struct entry *e = &b->list[i];
        if (e->rank > 3 || e->exists)
            continue;
        if (bundle_open_entry(w, e) == 0) {
            e->work.plan->given = e->resource;
            e->work.plan->given_rid = e->rid;
            fhir_route(&e->work, tx);
        }
        if (e->work.answer.status >= 400)
            rc = bundle_fail_as(w, e, i);
    }
    return rc;
}

/* ---- the interaction ---- */

void rest_bundle_begin(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle = calloc(1, sizeof *b);
    w->op = "fhir.bundle";
    if (!b)
        abort();
    w->plan->owns_bundle = true;
    if (take_bundle(w))
        return;
    if (b->transaction) {
        if (begin_transaction(w, tx))
            return;
    } else
        for (size_t i = 0; i < b->n; i++)
            begin_entry(w, &b->list[i], tx);
    w->plan->kind = K_BUNDLE;
    w->own_savepoints = !b->transaction;
    w->to_write = true; /* also when it only reads: the notes of all of it are written down */
}

/* A line for each patient and kind of act, not for each of thousands of entries. */
static void merge_notes(struct fhir_work *w, const struct fhir_work *of)
{
    if (of->hidden || of->answer.status == 403) /* and one that something was refused */
        w->hidden = of->hidden ? of->hidden : "entry";
    for (size_t i = 0; i < of->n_notes; i++) {
        const struct fhir_note *n = &of->notes[i];
        size_t k = w->n_notes > 64 ? w->n_notes - 64 : 0;
        while (k < w->n_notes && (w->notes[k].patient != n->patient || strcmp(w->notes[k].what, n->what)))
            k++;
        if (k == w->n_notes)
            fhir_note(w, n->what, n->patient, n->object, n->detail);
        else {
            w->notes[k].object = 0;
            w->notes[k].count++;
            snprintf(w->notes[k].detail, sizeof w->notes[k].detail, "bundle of %u", w->notes[k].count + 1);
        }
    }
}

static int finish_batch(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    int rc = 0;
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        struct entry *e = &b->list[i];
        if (e->work.to_write) {
            rc = tx_savepoint(tx);
            if (rc)
                break;
            int failed = fhir_finish(&e->work, tx);
            if (!failed && (failed = tx_check(tx))) /* told late */
                fhir_refuse(&e->work, failed, "", "The resource cannot be written.");
            if (failed)
                fhir_clean_forget(w->fhir);
            rc = failed == ERR_STORAGE ? failed : failed ? tx_savepoint_rollback(tx) : tx_savepoint_release(tx);
        }
        merge_notes(w, &e->work);
    }
    return rc;
}

static int clean_all(struct bundle *b, struct tx *tx)
{
    int rc = 0;
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        struct fhir_work *e = &b->list[i].work;
        struct staged *s = e->to_write && e->plan ? e->plan->staged : NULL;
        if (s && s->resource && s->act != ACT_DELETE) {
            rc = fhir_join(e, tx, s);
            rc = rc ? rc : fhir_clean(e, tx, s);
        }
    }
    return rc;
}

static int finish_transaction(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    int rc = 0;
    for (int rank = 0; rank <= 5 && rc == 0; rank++) {
        if (rank == 4) {
            rc = index_batch_write(tx, &b->rows);
            rc = rc ? rc : clean_all(b, tx);
        }
        for (size_t i = 0; i < b->n && rc == 0; i++) {
            struct entry *e = &b->list[i];
            if (e->rank != rank || e->exists)
                continue;
            if (rank > 3)
                begin_entry(w, e, tx);
            else if (e->work.to_write && fhir_finish(&e->work, tx) && e->work.answer.status < 400)
                fhir_refuse(&e->work, ERR_INTERNAL, "", "Something went wrong here.");
            if (e->work.answer.status >= 400 && rank <= 3)
                return bundle_fail_as(w, e, i);
            merge_notes(w, &e->work);
        }
    }
    return rc ? fhir_fail(w, rc, "", "The transaction cannot be written.") : 0;
}

static const char *status_words(int status)
{
    switch (status) {
    case 200: return "200 OK";
    case 201: return "201 Created";
    case 204: return "204 No Content";
    case 304: return "304 Not Modified";
    case 400: return "400 Bad Request";
    case 401: return "401 Unauthorized";
    case 403: return "403 Forbidden";
    case 404: return "404 Not Found";
    case 405: return "405 Method Not Allowed";
    case 409: return "409 Conflict";
    case 410: return "410 Gone";
    case 412: return "412 Precondition Failed";
    case 422: return "422 Unprocessable Entity";
    default: return status < 500 ? "400 Bad Request" : "500 Internal Server Error";
    }
}

static void write_entry(struct fhir_work *w, struct r4_buf *b, const struct entry *e, size_t i)
{
    const struct records_fhir_answer *a = &e->work.answer;
    char at[R4_INSTANT_BYTES], base[300];
    bool failed = a->status >= 400;
    r4_buf_puts(b, i ? ",{" : ",\"entry\":[{");
    if (a->body && !failed) {
        r4_buf_puts(b, "\"resource\":");
        r4_buf_put(b, a->body, a->len);
        r4_buf_puts(b, ",");
    }
    r4_buf_printf(b, "\"response\":{\"status\":\"%s\"", status_words(a->status));
    if (a->location[0])
        r4_buf_printf(b, ",\"location\":\"%s\"", a->location);
    else if (e->exists) {
        fhir_base(w, base);
        r4_buf_printf(b, ",\"location\":\"%s/%s/%s\"", base, e->type->name, e->name);
    }
    if (a->etag[0]) {
        r4_buf_puts(b, ",\"etag\":");
        r4_buf_quote(b, a->etag, strlen(a->etag));
    }
    if (a->modified_ms) {
        r4_instant(a->modified_ms, at);
        r4_buf_printf(b, ",\"lastModified\":\"%s\"", at);
    }
    if (a->body && failed) {
        r4_buf_puts(b, ",\"outcome\":");
        r4_buf_put(b, a->body, a->len);
    }
    r4_buf_puts(b, "}}");
}

int rest_bundle_finish(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    struct r4_buf out = {0};
    int rc = b->transaction ? finish_transaction(w, tx) : finish_batch(w, tx);
    if (rc)
        return rc;
    if (b->message) {
        message_answer(w, b->message);
        return 0;
    }
    r4_buf_printf(&out, "{\"resourceType\":\"Bundle\",\"type\":\"%s-response\"", b->transaction ? "transaction" : "batch");
    for (size_t i = 0; i < b->n; i++)
        write_entry(w, &out, &b->list[i], i);
    r4_buf_puts(&out, b->n ? "]}" : "}");
    if (out.failed) {
        r4_buf_clear(&out);
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    }
    fhir_answer_buf(w, 200, &out);
    return 0;
}
