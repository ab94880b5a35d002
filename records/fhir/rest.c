/* The interactions on one resource: read, vread, create, update, patch, delete and their conditional forms. */
#include "records/fhir/kin.h"
#include "records/r4/patch.h"
#include <stdio.h>
#include <time.h>

/* ---- small things ---- */

bool text_to_version(const char *text, size_t n, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) { /* digits may follow that are not of this text */
        if (n > 15 || text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return *out > 0;
}

int64_t etag_version(const char *text)
{
    int64_t v;
    if (!*text)
        return 0;
    text += strncmp(text, "W/", 2) == 0 ? 2 : 0;
    size_t n = strlen(text);
    return n > 2 && text[0] == '"' && text[n - 1] == '"' && text_to_version(text + 1, n - 2, &v) ? v : -1;
}

/* RFC 9110 5.6.7, the form everybody sends. */
static int64_t http_date(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return end && !*end ? (int64_t)timegm(&tm) * 1000 : -1;
}

static void describe(struct fhir_work *w, int64_t vid, int64_t t_ms)
{
    snprintf(w->answer.etag, sizeof w->answer.etag, "W/\"%lld\"", (long long)vid);
    w->answer.modified_ms = t_ms;
}

static void answer_row(struct fhir_work *w, struct fhir_row *row)
{
    struct r4_buf b = {0};
    describe(w, row->vid, row->t_ms);
    if (!w->plan->summary && !w->plan->elements.n && !w->plan->pretty) {
        b = (struct r4_buf){.p = row->body, .n = row->body_len}; /* as it lies there */
        row->body = NULL;
    } else if (body_shape(w, row->type, (struct r4_str){row->body, row->body_len}, &b)) {
        r4_buf_clear(&b);
        (void)!fhir_fail(w, ERR_STORAGE, "", "The resource cannot be read.");
        return;
    }
    fhir_answer_buf(w, 200, &b);
}

static void note_row(struct fhir_work *w, const char *what, const struct fhir_row *row)
{
    char detail[80];
    snprintf(detail, sizeof detail, "%s v%lld", row->type->name, (long long)row->vid);
    fhir_note(w, what, (uint64_t)row->pkey, (uint64_t)row->rid, detail);
}

static int no_such(struct fhir_work *w)
{
    return fhir_fail(w, ERR_NOT_FOUND, "no_resource", "There is no such resource.");
}

/* Never: what was there is told only to those who may. */
static int gone(struct fhir_work *w, const struct fhir_row *row)
{
    int rc = fhir_fail(w, ERR_GONE, "deleted", "This resource was deleted.");
    describe(w, row->vid, row->t_ms);
    return rc;
}

/* ---- read ---- */

static bool unchanged(const struct fhir_work *w, const struct fhir_row *row)
{
    char quoted[26];
    snprintf(quoted, sizeof quoted, "\"%lld\"", (long long)row->vid);
    if (*w->q.if_none_match) /* one, a list of them, or any (RFC 9110, 13.1.2) */
        return strcmp(w->q.if_none_match, "*") == 0 || strstr(w->q.if_none_match, quoted);
    return *w->q.if_modified_since && row->t_ms / 1000 * 1000 <= http_date(w->q.if_modified_since);
}

void rest_read(struct fhir_work *w, struct tx *tx)
{
    struct fhir_row row;
    bool linked = false; /* what is read hangs on other rows as well: no version says that it is unchanged */
    w->op = "fhir.read";
    if (fhir_need(w, w->plan->type->name, MAY_READ) || own_read(w, tx, NULL) || terms_read(w))
        return;
    int rc = row_find(w, tx, w->plan->type, str(w->plan->id), ROW_BODY, &row);
    if (rc == 0 && fhir_not_closed(w, tx, &row)) {
        fhir_row_clear(&row);
        return;
    }
    if (rc == 0 && row.found && !row.deleted && strcmp(w->plan->type->name, "Patient") == 0)
        rc = kin_link(w, tx, &row, &linked);
    if (rc)
        (void)!fhir_fail(w, rc, "", "The resource cannot be read.");
    else if (!row.found)
        (void)!no_such(w);
    else if (row.deleted)
        (void)!gone(w, &row);
    else if (!linked && unchanged(w, &row)) {
        w->answer.status = 304;
        describe(w, row.vid, row.t_ms);
        note_row(w, "fhir.read", &row);
    } else {
        note_row(w, "fhir.read", &row);
        answer_row(w, &row);
    }
    fhir_row_clear(&row);
}

void rest_vread(struct fhir_work *w, struct tx *tx)
{
    struct fhir_row newest, row = {0};
    int64_t vid;
    w->op = "fhir.vread";
    if (fhir_need(w, w->plan->type->name, MAY_READ) || own_read(w, tx, w->plan->vid))
        return;
    int rc = row_find(w, tx, w->plan->type, str(w->plan->id), 0, &newest);
    if (rc == 0 && fhir_not_closed(w, tx, &newest))
        return;
    if (rc == 0 && newest.found && text_to_version(w->plan->vid, strlen(w->plan->vid), &vid))
        rc = row_version(w, tx, &newest, vid, &row);
    if (rc)
        (void)!fhir_fail(w, rc, "", "The resource cannot be read.");
    else if (!row.found)
        (void)!no_such(w);
    else if (row.deleted)
        (void)!gone(w, &row);
    else {
        note_row(w, "fhir.vread", &row);
        answer_row(w, &row);
    }
    fhir_row_clear(&newest);
    fhir_row_clear(&row);
}

/* ---- writing: what it is about ---- */

static bool is(const struct fhir_work *w, const char *method)
{
    return strcmp(w->q.method, method) == 0;
}

static int parse_body(struct fhir_work *w, struct r4_node **out)
{
    struct r4_json_error e;
    int rc;
    if ((*out = w->plan->given))
        return 0;
    if (!w->q.len)
        return fhir_fail_status(w, 400, "required", "The body is missing.");
    if (!fhir_speaks(w->q.content_type))
        return fhir_fail(w, ERR_MEDIA_TYPE, "not_json", "The body must be application/fhir+json.");
    if ((rc = r4_json_parse(w->plan->scratch->doc, w->q.body, w->q.len, out, &e)))
        return rc == ERR_MALFORMED ? fhir_fail(w, ERR_MALFORMED, "bad_json", "The body is not JSON: line %u, column %u: %s.", e.line, e.column, e.reason)
                                   : fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    return 0;
}

static int check_resource(struct fhir_work *w, struct r4_node *resource, const struct r4_type *type)
{
    struct r4_issues *issues = calloc(1, sizeof *issues);
    if (!issues)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    size_t wrong = r4_validate(fhir_r4(w->fhir), w->plan->scratch->doc, resource, type, 0, issues);
    int rc = wrong ? fhir_fail_issues(w, 422, issues) : 0;
    free(issues);
    return rc;
}

static int named_as_url(struct fhir_work *w, struct r4_node *resource)
{
    struct r4_str id = r4_text(r4_get(resource, "id"));
    if (!r4_is(r4_get(resource, "resourceType"), w->plan->type->name))
        return fhir_fail_status(w, 400, "invalid", "resourceType is not the %s of the URL.", w->plan->type->name);
    if (w->plan->id[0] && is(w, "PUT") && !r4_str_is(id, w->plan->id))
        return fhir_fail_status(w, 400, "invalid", "The resource's id must be the one of the URL.");
    return 0;
}

/* A name that was only spoken of so far has its keys already. */
static void reserved(struct tx *tx, struct staged *s)
{
    struct query *q = tx_query(tx, "SELECT rid FROM fhir_name WHERE type=$1 AND name=$2", "tt", s->type->name, s->name);
    if (query_next(q))
        s->rid = query_int(q, "rid");
    (void)!query_end(q);
}

/* Which version comes next, from what is there. */
static void number(struct fhir_work *w, struct tx *tx, struct staged *s)
{
    if (s->old.found) {
        s->rid = s->old.rid;
        s->vid = s->old.vid + 1;
        s->t_ms = w->now_ms > s->old.t_ms ? w->now_ms : s->old.t_ms + 1;
        if (s->act == ACT_CREATE)
            s->act = ACT_UPDATE;
        return;
    }
    s->act = ACT_CREATE;
    s->vid = 1;
    s->t_ms = w->now_ms;
    s->rid = 0;
    if (!is(w, "POST"))
        reserved(tx, s);
    if (!s->rid)
        s->rid = w->plan->given_rid;
    if (!s->rid)
        s->rid = (int64_t)id_new();
    if (!s->name[0])
        id_format((uint64_t)s->rid, s->name);
}

static int check_match(struct fhir_work *w, const struct fhir_row *row)
{
    bool any = strcmp(w->q.if_match, "*") == 0; /* whichever it is now (RFC 9110 13.1.1) */
    int64_t want = any ? row->vid : etag_version(w->q.if_match);
    if (want < 0)
        return fhir_fail_status(w, 400, "invalid", "If-Match must be an ETag: W/\"1\".");
    if ((any || want) && (!row->found || row->deleted || row->vid != want))
        return fhir_fail(w, ERR_PRECONDITION_FAILED, "version", "The resource has another version now.");
    if (strcmp(w->q.if_none_match, "*") == 0 && row->found && !row->deleted)
        return fhir_fail(w, ERR_PRECONDITION_FAILED, "exists", "The resource is there already.");
    return 0;
}

/* Looks the target up again: on the reader to prepare, on the writer to be sure. */
static int find_target(struct fhir_work *w, struct tx *tx, struct fhir_row *row)
{
    struct fhir_plan *p = w->plan;
    memset(row, 0, sizeof *row);
    int rc = p->id[0] ? row_find(w, tx, p->type, str(p->id), ROW_FACTS | (is(w, "PATCH") ? ROW_BODY : 0), row) : 0;
    return rc || !p->id[0] ? rc : fhir_not_closed(w, tx, row);
}

static void answer_written(struct fhir_work *w, struct staged *s, int status)
{
    char base[300];
    fhir_base(w, base);
    describe(w, s->vid, s->t_ms);
    snprintf(w->answer.location, sizeof w->answer.location, "%s/%s/%s/_history/%lld", base, s->type->name, s->name, (long long)s->vid);
    if (w->plan->wish == WISH_OUTCOME) {
        struct r4_buf b = {0};
        struct r4_issues *none = calloc(1, sizeof *none);
        if (none)
            r4_outcome_write(&b, none);
        free(none);
        fhir_answer_buf(w, status, &b);
    } else if (w->plan->wish == WISH_REPRESENTATION)
        fhir_answer_buf(w, status, &s->text);
    else {
        w->answer.status = status;
        w->answer.content_type = FHIR_JSON;
    }
}

/* ---- create, update, delete ---- */

static int begin_delete(struct fhir_work *w, struct tx *tx, struct staged *s)
{
    s->act = ACT_DELETE;
    int rc = find_target(w, tx, &s->old);
    return rc ? fhir_fail(w, rc, "", "The resource cannot be read.") : check_match(w, &s->old);
}

/* If-None-Exist, PUT and PATCH and DELETE with a query. */
static int begin_conditional(struct fhir_work *w, struct tx *tx, struct r4_str query, struct staged *s, bool *exists)
{
    int n = 0;
    *exists = false;
    if (fhir_need(w, w->plan->type->name, MAY_READ))
        return ERR_DENIED;
    fhir_row_clear(&s->old);
    int rc = search_one(w, tx, w->plan->type, query, &n, &s->old);
    if (rc)
        return rc;
    if (n > 1)
        return fhir_fail_status(w, 412, "multiple-matches", "More than one resource meets the condition.");
    *exists = n == 1;
    if (n == 1)
        snprintf(s->name, sizeof s->name, "%s", s->old.name);
    return 0;
}

/* JSON Patch is an array, FHIRPath Patch a Parameters resource. */
static int run_patch(struct fhir_work *w, const struct r4_node *patch, struct r4_node **resource)
{
    struct fault f = {0};
    if (!r4_is(r4_get(patch, "resourceType"), "Parameters"))
        return patch_run(w, patch, resource);
    int rc = r4_fhirpath_patch(fhir_r4(w->fhir), w->plan->scratch->doc, *resource, patch, &f);
    return rc == 0 ? 0 : rc == ERR_INVALID ? fhir_fail_status(w, 422, "processing", "%s", f.text) : fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
}

/* On what is there now: begin_patch on the reader, and once more on the writer when somebody was quicker. */
static int apply_patch(struct fhir_work *w, struct staged *s)
{
    struct r4_node *patch, *resource;
    char *copy = NULL;
    if (!s->old.found || !s->old.body)
        return s->old.deleted ? gone(w, &s->old) : no_such(w);
    int rc = parse_body(w, &patch);
    copy = rc ? NULL : r4_doc_copy(w->plan->scratch->doc, s->old.body, s->old.body_len);
    if (rc || !copy)
        return rc ? rc : fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    if (r4_json_parse(w->plan->scratch->doc, copy, s->old.body_len, &resource, NULL))
        return fhir_fail(w, ERR_STORAGE, "", "The resource cannot be read.");
    rc = run_patch(w, patch, &resource);
    rc = rc ? rc : check_resource(w, resource, NULL);
    if (rc == 0 && (!r4_is(r4_get(resource, "resourceType"), s->type->name) || !r4_is(r4_get(resource, "id"), s->old.name)))
        rc = fhir_fail_status(w, 422, "processing", "A patch changes neither the type nor the id.");
    s->resource = resource;
    return rc;
}

static bool is_subscription(const struct staged *s)
{
    return strcmp(s->type->name, "Subscription") == 0;
}

static int draft(struct fhir_work *w, struct tx *tx, struct staged *s)
{
    uint64_t own;
    if (own_name(s->type->name, s->name, &own))
        return own_refuse(w, s->type);
    if (terms_listed(w, s->type->name, s->name))
        return terms_refuse(w, s->type);
    number(w, tx, s);
    if (is_subscription(s) && subscription_check(w, tx, s))
        return ERR_INVALID;
    int rc = staged_draft(w, w->plan->scratch, tx, s);
    return rc ? fhir_fail(w, rc, "", "The resource cannot be prepared.") : 0;
}

static int begin_patch(struct fhir_work *w, struct tx *tx, struct staged *s)
{
    bool exists;
    int rc = w->plan->id[0] ? find_target(w, tx, &s->old) : begin_conditional(w, tx, str(w->q.query), s, &exists);
    if (rc)
        return w->answer.status ? rc : fhir_fail(w, rc, "", "The resource cannot be read.");
    rc = check_match(w, &s->old);
    rc = rc ? rc : apply_patch(w, s);
    if (rc)
        return rc;
    snprintf(s->name, sizeof s->name, "%s", s->old.name);
    s->act = ACT_UPDATE;
    return draft(w, tx, s);
}

static int begin_write(struct fhir_work *w, struct tx *tx, struct staged *s)
{
    struct r4_node *resource;
    bool exists = false;
    int rc = parse_body(w, &resource);
    rc = rc ? rc : check_resource(w, resource, NULL);
    rc = rc ? rc : named_as_url(w, resource);
    if (rc)
        return rc;
    s->resource = resource;
    snprintf(s->name, sizeof s->name, "%s", w->plan->id);
    if (is(w, "POST") && *w->q.if_none_exist) {
        rc = begin_conditional(w, tx, str(w->q.if_none_exist), s, &exists);
        s->drafted = exists;
        if (rc || exists)
            return rc;
    } else if (is(w, "PUT") && !w->plan->id[0]) {
        struct r4_str id = r4_text(r4_get(resource, "id"));
        rc = begin_conditional(w, tx, str(w->q.query), s, &exists);
        if (rc == 0 && exists && id.p && !r4_str_is(id, s->name))
            rc = fhir_fail_status(w, 400, "invalid", "The resource's id is not the one that meets the condition.");
        if (rc == 0 && !exists && id.n && id.n < sizeof s->name) { /* http.html#cond-update: no match, an id given: update as create */
            snprintf(s->name, sizeof s->name, "%.*s", (int)id.n, id.p);
            rc = row_find(w, tx, s->type, id, ROW_FACTS, &s->old);
            rc = rc ? rc : fhir_not_closed(w, tx, &s->old);
            if (rc == 0 && s->old.found && !s->old.deleted)
                rc = fhir_fail(w, ERR_CONFLICT, "exists", "The id belongs to a resource that does not meet the condition.");
        }
    } else if (is(w, "PUT"))
        rc = find_target(w, tx, &s->old);
    rc = rc ? rc : check_match(w, &s->old);
    if (rc)
        return rc;
    s->act = s->old.found ? ACT_UPDATE : ACT_CREATE;
    return draft(w, tx, s);
}

void rest_write_begin(struct fhir_work *w, struct tx *tx)
{
    struct fhir_plan *p = w->plan;
    struct staged *s = p->staged = calloc(1, sizeof *s);
    bool exists;
    w->op = is(w, "POST") ? "fhir.create" : is(w, "DELETE") ? "fhir.delete" : "fhir.update";
    if (!s)
        abort();
    if (fhir_need(w, p->type->name, is(w, "POST") ? MAY_CREATE : is(w, "DELETE") ? MAY_DELETE : MAY_UPDATE))
        return;
    s->type = p->type;
    uint64_t own;
    if (own_name(p->type->name, p->id, &own)) {
        (void)!own_refuse(w, p->type);
        return;
    }
    if (terms_listed(w, p->type->name, p->id)) {
        (void)!terms_refuse(w, p->type);
        return;
    }
    if (!p->id[0] && !is(w, "POST") && !p->n_pairs) {
        (void)!fhir_fail_status(w, 400, "required", "A conditional request needs search parameters in its URL.");
        return;
    }
    if (is(w, "DELETE") && !p->id[0]) {
        s->act = ACT_DELETE;
        if (begin_conditional(w, tx, str(w->q.query), s, &exists))
            return;
        snprintf(p->id, sizeof p->id, "%s", s->name);
    } else if (is(w, "DELETE")) {
        if (begin_delete(w, tx, s))
            return;
    } else if (is(w, "PATCH")) {
        if (begin_patch(w, tx, s))
            return;
    } else if (begin_write(w, tx, s))
        return;
    if (is(w, "POST") && s->drafted && s->old.found) { /* If-None-Exist: it is there, nothing to write */
        s->vid = s->old.vid;
        s->t_ms = s->old.t_ms;
        note_row(w, "fhir.read", &s->old);
        p->wish = p->wish == WISH_REPRESENTATION ? WISH_MINIMAL : p->wish;
        answer_written(w, s, 200);
        return;
    }
    p->kind = K_WRITE;
    w->fresh = is(w, "POST"); /* under an id nobody else has */
    w->to_write = true;
}

/* ---- on the writer ---- */

static int finish_delete(struct fhir_work *w, struct tx *tx, struct staged *s)
{
    fhir_row_clear(&s->old);
    w->hidden = NULL; /* what it was on the reader is looked up again */
    int rc = w->plan->id[0] ? row_find(w, tx, s->type, str(w->plan->id), ROW_FACTS, &s->old) : 0;
    if (rc)
        return fhir_fail(w, rc, "", "The resource cannot be read.");
    if (fhir_not_closed(w, tx, &s->old))
        return ERR_DENIED;
    if (check_match(w, &s->old))
        return ERR_PRECONDITION_FAILED;
    w->answer.status = 204;
    if (!s->old.found || s->old.deleted)
        return 0; /* http.html#delete: no matter whether it was there */
    snprintf(s->name, sizeof s->name, "%s", s->old.name);
    if (terms_check(w, tx, s))
        return ERR_DENIED;
    number(w, tx, s);
    s->act = ACT_DELETE;
    rc = staged_draft(w, w->plan->scratch, tx, s);
    rc = rc ? rc : staged_store(w, tx, s, bundle_rows(w->plan->bundle));
    if (rc == 0 && is_subscription(s))
        rc = subscription_stored(w, tx, s);
    rc = rc ? rc : fhir_clean(w, tx, s);
    if (rc)
        return fhir_fail(w, rc, "", "The resource cannot be deleted.");
    describe(w, s->vid, s->t_ms);
    char detail[80];
    snprintf(detail, sizeof detail, "%s v%lld", s->type->name, (long long)s->vid);
    fhir_note(w, "fhir.delete", (uint64_t)s->pkey, (uint64_t)s->rid, detail);
    return 0;
}

/* Has anybody written between preparing and now? Then what was prepared is made anew on what is there. */
static int catch_up(struct fhir_work *w, struct tx *tx, struct staged *s)
{
    struct fhir_row now;
    int n = 0, rc;
    if (is(w, "POST")) {
        if (!*w->q.if_none_exist)
            return 0;
        rc = search_one(w, tx, s->type, str(w->q.if_none_exist), &n, &now);
        bool other = rc == 0 && n;
        if (rc == 0)
            fhir_row_clear(&now);
        return rc ? rc : other ? fhir_fail(w, ERR_CONFLICT, "raced", "Such a resource was created at the same moment; try again.") : 0;
    }
    rc = row_find(w, tx, s->type, str(s->name), ROW_FACTS | (is(w, "PATCH") ? ROW_BODY : 0), &now);
    if (rc)
        return fhir_fail(w, rc, "", "The resource cannot be read.");
    if (now.found == s->old.found && now.vid == s->old.vid) {
        fhir_row_clear(&now);
        return 0;
    }
    fhir_row_clear(&s->old);
    s->old = now;
    if (fhir_not_closed(w, tx, &s->old))
        return ERR_DENIED;
    if (check_match(w, &s->old))
        return ERR_PRECONDITION_FAILED;
    s->pkey = 0;
    rc = is(w, "PATCH") ? apply_patch(w, s) : 0;
    return rc ? rc : draft(w, tx, s);
}

int rest_write_finish(struct fhir_work *w, struct tx *tx)
{
    struct staged *s = w->plan->staged;
    char detail[80];
    if (s->act == ACT_DELETE)
        return finish_delete(w, tx, s);
    int rc = catch_up(w, tx, s);
    rc = rc ? rc : terms_check(w, tx, s);
    if (rc)
        return rc;
    struct index_batch *batch = bundle_rows(w->plan->bundle);
    bool created = s->act == ACT_CREATE || s->old.deleted;
    rc = staged_store(w, tx, s, batch);
    if (rc == 0 && is_subscription(s))
        rc = subscription_stored(w, tx, s);
    if (rc == 0 && !batch)
        rc = fhir_join(w, tx, s);
    if (rc == 0 && !batch)
        rc = fhir_clean(w, tx, s);
    if (rc)
        return fhir_fail(w, rc, "", "The resource cannot be written.");
    snprintf(detail, sizeof detail, "%s v%lld", s->type->name, (long long)s->vid);
    fhir_note(w, created ? "fhir.create" : "fhir.update", (uint64_t)s->pkey, (uint64_t)s->rid, detail);
    answer_written(w, s, created ? 201 : 200);
    return 0;
}
