/* A transaction before anything is written (http://hl7.org/fhir/R4/http.html#trules): who each entry is about, and what refers to whom. */
#include "records/fhir/bundle_private.h"
#include <stdio.h>

/* The one resource that meets the condition of an entry, as far as who sends it may search; row.found: there is one. The error is answered. */
static int meet_condition(struct fhir_work *w, struct tx *tx, struct entry *e, size_t i, const char *query, struct fhir_row *row)
{
    int found = 0, rc = bundle_open_entry(w, e);
    rc = rc ? rc : fhir_need(&e->work, e->type->name, MAY_SEARCH | MAY_READ);
    rc = rc ? rc : search_one(&e->work, tx, e->type, str(query), &found, row);
    if (rc == 0 && found > 1)
        rc = fhir_fail_status(&e->work, 412, "multiple-matches", "More than one resource meets the condition.");
    if (rc)
        return bundle_fail_as(w, e, i);
    free(e->work.plan);
    e->work.plan = NULL;
    row->found = found == 1;
    return 0;
}

/* "Type?query" as a key that is no url. */
static int condition_key(const struct entry *e, const char *query, char *out, size_t cap)
{
    int n = snprintf(out, cap, "\x02%s?%s", e->type->name, query);
    return n < (int)cap ? n : 0;
}

/* An earlier entry that met nothing by the same condition. */
static const struct entry *same_condition(const struct bundle *b, const struct entry *e, const char *query)
{
    char key[600];
    int n = condition_key(e, query, key, sizeof key);
    for (size_t at = bundle_slot(b, key, (size_t)n); n && b->table[at]; at = (at + 1) & b->mask) {
        const struct entry *o = &b->list[b->table[at] - 1];
        if (o->condition && o->type == e->type && strcmp(o->condition, query) == 0)
            return o;
    }
    return NULL;
}

static void remember_condition(struct bundle *b, struct entry *e, const char *query, size_t i)
{
    char key[600];
    int n = condition_key(e, query, key, sizeof key);
    e->condition = query;
    if (n)
        bundle_remember(b, key, (size_t)n, i);
}

/* Two entries of one condition are about one resource: two creates make it once, two updates are one too many (same_target). */
static bool name_as_before(struct bundle *b, struct entry *e, const char *query, size_t i)
{
    const struct entry *before = same_condition(b, e, query);
    if (!before) {
        remember_condition(b, e, query, i);
        return false;
    }
    e->rid = before->rid;
    memcpy(e->name, before->name, sizeof e->name);
    return true;
}

static void name_new(struct entry *e)
{
    e->rid = (int64_t)id_new();
    id_format((uint64_t)e->rid, e->name);
}

static int name_create(struct fhir_work *w, struct tx *tx, struct entry *e, size_t i, struct fhir_row *row)
{
    const char *condition = e->work.q.if_none_exist;
    int rc = *condition ? meet_condition(w, tx, e, i, condition, row) : 0;
    e->work.q.if_none_exist = "";
    if (rc)
        return rc;
    if (!row->found && *condition && name_as_before(w->plan->bundle, e, condition, i)) {
        e->exists = true;
        e->work.answer.status = 200;
        return 0;
    }
    e->exists = row->found;
    if (!e->exists) {
        name_new(e);
        return 0;
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
        if (!name_as_before(w->plan->bundle, e, e->work.q.query, i))
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

static int name_each(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    int rc = 0;
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        struct entry *e = &b->list[i];
        if (e->rank > 3)
            continue;
        rc = name_entry(w, tx, e, i);
        if (rc == 0 && e->full_url.n) {
            const struct entry *same = bundle_by_url(b, e->full_url.p, e->full_url.n);
            if (same && same != e) /* its condition may lead to itself */
                return fhir_fail_status(w, 400, "duplicate", "Bundle.entry[%zu].fullUrl was used before.", i);
            bundle_remember(b, e->full_url.p, e->full_url.n, i);
        }
        if (rc == 0 && e->rid && strcmp(e->type->name, "Patient") == 0)
            bundle_remember(b, e->name, strlen(e->name), i);
    }
    return rc;
}

struct mending {
    struct fhir_work *w;
    struct tx *tx;
    size_t entry;
    int error;
    struct r4_str base; /* of the entry's fullUrl, where that is a RESTful url: "https://x/fhir/" */
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

/* "https://x/fhir/Patient/1" -> "https://x/fhir/"; none for a urn. */
static struct r4_str base_of(struct r4_str url)
{
    size_t n = url.n, slashes = 0;
    if (n < 8 || memcmp(url.p, "http", 4))
        return (struct r4_str){NULL, 0};
    while (n > 8 && slashes < 2)
        slashes += url.p[--n] == '/';
    return slashes == 2 ? (struct r4_str){url.p, n + 1} : (struct r4_str){NULL, 0};
}

/* By its fullUrl, or relative to the fullUrl of the entry it stands in (http://hl7.org/fhir/R4/bundle.html#references). */
static const struct entry *meant(const struct mending *m, struct r4_str text)
{
    char whole[400];
    const struct entry *e = bundle_by_url(m->w->plan->bundle, text.p, text.n);
    if (e || !m->base.n || memchr(text.p, ':', text.n) || *text.p == '#' || m->base.n + text.n >= sizeof whole)
        return e;
    memcpy(whole, m->base.p, m->base.n);
    memcpy(whole + m->base.n, text.p, text.n);
    return bundle_by_url(m->w->plan->bundle, whole, m->base.n + text.n);
}

static void mend(void *ctx, struct r4_node *node)
{
    struct mending *m = ctx;
    struct r4_str text = r4_text(node);
    const char *mark = text.n ? memchr(text.p, '?', text.n) : NULL;
    if (m->error || !text.n)
        return;
    const struct entry *e = meant(m, text);
    if (e && e->name[0])
        set_reference(m, node, e->type->name, e->name);
    else if (text.n > 4 && memcmp(text.p, "urn:", 4) == 0 && (text.n < 8 || memcmp(text.p, "urn:oid:", 8)))
        m->error = fhir_fail_status(m->w, 400, "not-found", "Bundle.entry[%zu] refers to something that is not in the bundle.", m->entry);
    else if (mark && memchr(text.p, ':', (size_t)(mark - text.p)) == NULL)
        by_condition(m, node, mark);
}

/* http://hl7.org/fhir/R4/http.html#trules: also elements of type uri, url, oid and uuid that are an entry's fullUrl, and links of the narrative. */
static const struct entry *named_by(const struct mending *m, struct r4_str text)
{
    const struct entry *e = text.n ? bundle_by_url(m->w->plan->bundle, text.p, text.n) : NULL;
    return e && e->name[0] ? e : NULL;
}

/* The value of the next href or src in quotes at or behind p; p = NULL: there is none. */
static struct r4_str next_link(const char *p, const char *end)
{
    for (; p + 6 < end; p++) {
        size_t n = memcmp(p, "href=", 5) == 0 ? 5 : memcmp(p, "src=", 4) == 0 ? 4 : 0;
        char quote = n ? p[n] : 0;
        const char *from = p + n + 1, *to = quote == '"' || quote == '\'' ? memchr(from, quote, (size_t)(end - from)) : NULL;
        if (to)
            return (struct r4_str){from, (size_t)(to - from)};
    }
    return (struct r4_str){0};
}

static void mend_narrative(struct mending *m, struct r4_node *node)
{
    struct r4_buf b = {0};
    struct r4_str text = r4_text(node), link;
    const char *done = text.p, *end = text.p + text.n;
    for (const char *p = text.p; (link = next_link(p, end)).p; p = link.p + link.n) {
        const struct entry *e = named_by(m, link);
        if (!e)
            continue;
        r4_buf_put(&b, done, (size_t)(link.p - done));
        r4_buf_printf(&b, "%s/%s", e->type->name, e->name);
        done = link.p + link.n;
    }
    if (done != text.p) {
        r4_buf_put(&b, done, (size_t)(end - done));
        node->text = b.failed ? NULL : r4_doc_copy(m->w->plan->scratch->doc, b.p, b.n);
        node->len = (uint32_t)b.n;
        m->error = node->text ? m->error : ERR_UNAVAILABLE;
    }
    r4_buf_clear(&b);
}

static void mend_link(void *ctx, struct r4_node *node, bool narrative)
{
    struct mending *m = ctx;
    if (m->error)
        return;
    if (narrative) {
        mend_narrative(m, node);
        return;
    }
    const struct entry *e = named_by(m, r4_text(node));
    if (e)
        set_reference(m, node, e->type->name, e->name);
}

static int mend_all(struct fhir_work *w, struct tx *tx)
{
    struct bundle *b = w->plan->bundle;
    struct mending m = {.w = w, .tx = tx};
    for (size_t i = 0; i < b->n && !m.error; i++) {
        m.entry = i;
        m.base = base_of(b->list[i].full_url);
        if (b->list[i].resource && !b->list[i].exists) {
            r4_references(fhir_r4(w->fhir), b->list[i].resource, mend, &m);
            r4_links(fhir_r4(w->fhir), b->list[i].resource, mend_link, &m);
        }
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
        for (size_t at = bundle_slot(b, key, (size_t)n); b->table[at]; at = (at + 1) & b->mask) {
            const struct entry *o = &b->list[b->table[at] - 1];
            if (o != e && o->type == e->type && strcmp(o->name, e->name) == 0 && o->rank <= 3)
                return fhir_fail_status(w, 400, "duplicate", "Bundle.entry[%zu] is about a resource that another entry is about too.", i);
        }
        bundle_remember(b, key, (size_t)n, i);
    }
    return 0;
}

int bundle_name_all(struct fhir_work *w, struct tx *tx)
{
    int rc = name_each(w, tx);
    rc = rc ? rc : same_target(w);
    return rc ? rc : mend_all(w, tx);
}
