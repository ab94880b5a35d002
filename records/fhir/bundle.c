/* Batch and transaction (http://hl7.org/fhir/R4/http.html#transaction): every entry is a request of its own, carried out as any other; a
 * transaction's entries know each other first: names are given, references put right, and one failure undoes all. */
#include "records/fhir/fhir_private.h"
#include <stdio.h>

#define ENTRIES_MAX 20000

struct entry {
    struct fhir_work work;
    struct r4_str full_url;
    struct r4_node *resource;
    const struct r4_type *type;
    char name[FHIR_ID_BYTES]; /* known before it is written */
    int64_t rid;
    bool exists;              /* conditional create: was there already */
    int rank;                 /* order of a transaction */
};

struct bundle {
    bool transaction;
    const struct r4_node *message; /* the header of a patient feed, which is carried out as a transaction; NULL = none */
    struct entry *list;
    size_t n;
    uint32_t *table; /* by full url and by Patient name: entry + 1 */
    size_t mask;
    struct index_batch rows;
};

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

static size_t slot(const struct bundle *b, const char *text, size_t n)
{
    return r4_hash(text, n) * 2654435761u & b->mask;
}

static void remember(struct bundle *b, const char *text, size_t n, size_t entry)
{
    size_t at = slot(b, text, n);
    while (b->table[at])
        at = (at + 1) & b->mask;
    b->table[at] = (uint32_t)entry + 1;
}

static struct entry *by_url(const struct bundle *b, const char *text, size_t n)
{
    for (size_t at = slot(b, text, n); b->table[at]; at = (at + 1) & b->mask) {
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
    for (size_t at = slot(b, name, n); b->table[at]; at = (at + 1) & b->mask) {
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

static int take_entry(struct fhir_work *w, struct r4_node *node, struct entry *e, size_t i)
{
    const struct r4_node *request = r4_get(node, "request");
    struct r4_str url = r4_text(r4_get(request, "url"));
    e->work = (struct fhir_work){.records = w->records, .fhir = w->fhir, .q = w->q, .actor = w->actor, .now_ms = w->now_ms};
    e->work.q.method = copy_text(w, r4_text(r4_get(request, "method")));
    e->work.q.if_match = copy_text(w, r4_text(r4_get(request, "ifMatch")));
    e->work.q.if_none_match = copy_text(w, r4_text(r4_get(request, "ifNoneMatch")));
    e->work.q.if_none_exist = copy_text(w, r4_text(r4_get(request, "ifNoneExist")));
    e->work.q.if_modified_since = "";
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
    return 0;
}

static int take_bundle(struct fhir_work *w)
{
    struct r4_json_error e;
    struct r4_node *root, *entries, *one;
    struct bundle *b = w->plan->bundle;
    if (!strcasestr(w->q.content_type, "json"))
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

static int open_entry(struct fhir_work *w, struct entry *e)
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
    if (open_entry(w, e) == 0)
        fhir_route(&e->work, tx);
    else if (!e->work.answer.status)
        fhir_refuse(&e->work, ERR_UNAVAILABLE, "", "Out of memory.");
}

/* ---- transactions: names and references ---- */

static int fail_as(struct fhir_work *w, struct entry *e, size_t i)
{
    struct fhir_work *s = &e->work;
    struct r4_node *root;
    w->answer = s->answer;
    s->answer.body = NULL;
    w->fault = s->fault;
    w->op = s->op;
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

/* The one resource that meets the condition of an entry, as far as who sends it may search; row.found: there is one. The error is answered. */
static int meet_condition(struct fhir_work *w, struct tx *tx, struct entry *e, size_t i, const char *query, struct fhir_row *row)
{
    int found = 0, rc = open_entry(w, e);
    rc = rc ? rc : fhir_need(&e->work, e->type->name, MAY_SEARCH | MAY_READ);
    rc = rc ? rc : search_one(&e->work, tx, e->type, str(query), &found, row);
    if (rc == 0 && found > 1)
        rc = fhir_fail_status(&e->work, 412, "multiple-matches", "More than one resource meets the condition.");
    if (rc)
        return fail_as(w, e, i);
    free(e->work.plan);
    e->work.plan = NULL;
    row->found = found == 1;
    return 0;
}

static void name_new(struct entry *e)
{
    e->rid = (int64_t)id_new();
    id_format((uint64_t)e->rid, e->name);
}

static int name_create(struct fhir_work *w, struct tx *tx, struct entry *e, size_t i, struct fhir_row *row)
{
    int rc = *e->work.q.if_none_exist ? meet_condition(w, tx, e, i, e->work.q.if_none_exist, row) : 0;
    e->work.q.if_none_exist = "";
    e->exists = row->found;
    if (rc || !e->exists) {
        name_new(e);
        return rc;
    }
    e->rid = row->rid;
    snprintf(e->name, sizeof e->name, "%s", row->name);
    snprintf(e->work.answer.etag, sizeof e->work.answer.etag, "W/\"%lld\"", (long long)row->vid);
    e->work.answer.modified_ms = row->t_ms;
    e->work.answer.status = 200;
    return 0;
}

/* PUT Type?query: others of the bundle may refer to what it will be about, so a new one gets its name here. */
static int name_conditional(struct fhir_work *w, struct tx *tx, struct entry *e, size_t i, struct fhir_row *row)
{
    struct r4_str id = r4_text(r4_get(e->resource, "id"));
    int rc = meet_condition(w, tx, e, i, e->work.q.query, row);
    if (rc)
        return rc;
    if (row->found) {
        e->rid = row->rid;
        snprintf(e->name, sizeof e->name, "%s", row->name);
    } else if (id.n)
        snprintf(e->name, sizeof e->name, "%.*s", (int)id.n, id.p);
    else {
        name_new(e);
        r4_set_string(w->plan->scratch->doc, e->resource, "id", e->name);
    }
    return 0;
}

/* The type and id an entry writes to. */
static int name_entry(struct fhir_work *w, struct tx *tx, struct entry *e, size_t i)
{
    const char *path = e->work.q.path + 1, *slash = strchr(path, '/');
    struct fhir_row row = {0};
    size_t n = slash ? (size_t)(slash - path) : strlen(path);
    int rc = 0;
    e->type = r4_resource(fhir_r4(w->fhir), path, n);
    if (!e->type)
        return fhir_fail_status(w, 400, "not-supported", "Bundle.entry[%zu].request.url names no resource type.", i);
    if (e->rank == 1 && !slash && e->resource)
        rc = name_create(w, tx, e, i, &row);
    else if (e->rank == 2 && !slash && e->resource && *e->work.q.query)
        rc = name_conditional(w, tx, e, i, &row);
    else if (slash) {
        snprintf(e->name, sizeof e->name, "%.*s", (int)strcspn(slash + 1, "/"), slash + 1);
        if (e->rank == 2 && strcmp(e->type->name, "Patient") == 0) {
            e->rid = tx_int(tx, 0, "SELECT rid FROM fhir_name WHERE type='Patient' AND name=$1", "t", e->name);
            e->rid = e->rid ? e->rid : (int64_t)id_new();
        }
    }
    fhir_row_clear(&row);
    return rc;
}

static int name_all(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    int rc = 0;
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        struct entry *e = &b->list[i];
        if (e->rank > 3)
            continue;
        rc = name_entry(w, tx, e, i);
        if (rc == 0 && e->full_url.n) {
            if (by_url(b, e->full_url.p, e->full_url.n))
                return fhir_fail_status(w, 400, "duplicate", "Bundle.entry[%zu].fullUrl was used before.", i);
            remember(b, e->full_url.p, e->full_url.n, i);
        }
        if (rc == 0 && e->rid && strcmp(e->type->name, "Patient") == 0)
            remember(b, e->name, strlen(e->name), i);
    }
    return rc;
}

struct mending {
    struct fhir_work *w;
    struct tx *tx;
    size_t entry;
    int error;
};

static void set_reference(struct mending *m, struct r4_node *node, const char *type, const char *name)
{
    size_t n = strlen(type) + strlen(name) + 1;
    char *text = r4_doc_alloc(m->w->plan->scratch->doc, n + 1);
    if (!text) {
        m->error = ERR_UNAVAILABLE;
        return;
    }
    snprintf(text, n + 1, "%s/%s", type, name);
    node->text = text;
    node->len = (uint32_t)n;
}

/* "Practitioner?identifier=x": http://hl7.org/fhir/R4/http.html#trules, conditional references. */
static void by_condition(struct mending *m, struct r4_node *node, const char *mark)
{
    struct r4_str text = r4_text(node), query = {mark + 1, text.n - (size_t)(mark + 1 - text.p)};
    const struct r4_type *type = r4_resource(fhir_r4(m->w->fhir), text.p, (size_t)(mark - text.p));
    struct fhir_row row = {0};
    int n = 0;
    if (!type)
        return;
    m->error = fhir_need(m->w, type->name, MAY_SEARCH);
    m->error = m->error ? m->error : search_one(m->w, m->tx, type, query, &n, &row);
    if (!m->error && n != 1)
        m->error = fhir_fail_status(m->w, 412, n ? "multiple-matches" : "not-found", "A conditional reference of Bundle.entry[%zu] meets %s.", m->entry,
                                    n ? "more than one resource" : "no resource");
    if (!m->error)
        set_reference(m, node, type->name, row.name);
    fhir_row_clear(&row);
}

static void mend(void *ctx, struct r4_node *node)
{
    struct mending *m = ctx;
    struct r4_str text = r4_text(node);
    const char *mark = text.n ? memchr(text.p, '?', text.n) : NULL;
    if (m->error || !text.n)
        return;
    const struct entry *e = by_url(m->w->plan->bundle, text.p, text.n);
    if (e && e->name[0])
        set_reference(m, node, e->type->name, e->name);
    else if (text.n > 4 && memcmp(text.p, "urn:", 4) == 0 && (text.n < 8 || memcmp(text.p, "urn:oid:", 8)))
        m->error = fhir_fail_status(m->w, 400, "not-found", "Bundle.entry[%zu] refers to something that is not in the bundle.", m->entry);
    else if (mark && memchr(text.p, ':', (size_t)(mark - text.p)) == NULL)
        by_condition(m, node, mark);
}

static int mend_all(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    struct mending m = {w, tx, 0, 0};
    for (size_t i = 0; i < b->n && !m.error; i++) {
        m.entry = i;
        if (b->list[i].resource && !b->list[i].exists)
            r4_references(fhir_r4(w->fhir), b->list[i].resource, mend, &m);
    }
    return m.error;
}

static int same_target(struct fhir_work *w)
{
    struct bundle *b = w->plan->bundle;
    for (size_t i = 0; i < b->n; i++) {
        struct entry *e = &b->list[i];
        char key[FHIR_ID_BYTES + 60];
        if (!e->name[0] || e->exists || e->rank == 1 || e->rank > 3)
            continue;
        int n = snprintf(key, sizeof key, "\x01%s/%s", e->type->name, e->name);
        for (size_t at = slot(b, key, (size_t)n); b->table[at]; at = (at + 1) & b->mask) {
            const struct entry *o = &b->list[b->table[at] - 1];
            if (o != e && o->type == e->type && strcmp(o->name, e->name) == 0 && o->rank <= 3)
                return fhir_fail_status(w, 400, "duplicate", "Bundle.entry[%zu] is about a resource that another entry is about too.", i);
        }
        remember(b, key, (size_t)n, i);
    }
    return 0;
}

static int begin_transaction(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    int rc = name_all(w, tx);
    rc = rc ? rc : same_target(w);
    rc = rc ? rc : mend_all(w, tx);
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        struct entry *e = &b->list[i];
        if (e->rank > 3 || e->exists)
            continue;
        if (open_entry(w, e) == 0) {
            e->work.plan->given = e->resource;
            e->work.plan->given_rid = e->rid;
            fhir_route(&e->work, tx);
        }
        if (e->work.answer.status >= 400)
            rc = fail_as(w, e, i);
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
                return fail_as(w, e, i);
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
