/* Bulk Data $export (http://hl7.org/fhir/uv/bulkdata, 1.0): asked for, prepared, fetched file by file.
 *
 * Nothing is written to disk in the clear: a file is a stretch of the index, cut so that it holds about FILE_BYTES, and is made when it is
 * fetched. What is in it was there when the export was asked for; what changed since comes as it is now, what was deleted does not come, nor what meets no
 * _typeFilter any more. */
#include "records/fhir/export.h"
#include "records/fhir/own.h"
#include <stdio.h>

#define FILE_BYTES (4 << 20)  /* of sealed bodies: about four times that as text */
#define FILE_ROWS 50000
#define FILES_MAX 20000
#define PARAMETERS_MAX 120
#define OWN_PKEY (-1)         /* a stretch of the house's own: numbers instead of places in the index */
#define OWN_FILE 500          /* made one by one */
#define KEPT_MS (24 * 3600 * 1000LL)

struct export_plan {
    int64_t id, since_ms, snapshot;
    char types[4000];
    struct export_wishes wishes;
    bool patients;  /* Patient/$export: only what is in a patient's record */
    bool drop;      /* DELETE */
    bool prepared;
    struct stretch {
        const struct r4_type *type;
        int64_t from_pkey, from_rid, to_pkey, to_rid, n;
    } *files;
    size_t n_files, cap;
};

void export_free(struct export_plan *e)
{
    if (e)
        free(e->files);
    free(e);
}

/* ---- asking for it ---- */

static int take_one(struct fhir_work *w, struct r4_str name, struct r4_str value, struct export_plan *e)
{
    int64_t high;
    if (r4_str_is(name, "_since"))
        return r4_date_interval(value.p, value.n, FHIR_ZONE_MIN, &e->since_ms, &high) ? 0 : fhir_fail(w, ERR_INVALID, "since", "_since must be an instant.");
    if (r4_str_is(name, "_type")) { /* may come more than once */
        size_t at = strlen(e->types);
        int n = snprintf(e->types + at, sizeof e->types - at, "%s%.*s", at ? "," : "", (int)value.n, value.p);
        return n < (int)(sizeof e->types - at) ? 0 : fhir_fail_status(w, 400, "too-costly", "_type is too long.");
    }
    if (r4_str_is(name, "_typeFilter"))
        return export_take_filters(w, value, &e->wishes);
    if (r4_str_is(name, "_elements")) {
        e->wishes.elements = value;
        return 0;
    }
    if (!r4_str_is(name, "_outputFormat"))
        return fhir_fail_status(w, 400, "not-supported", "$export has no parameter %.*s here.", (int)(name.n < 80 ? name.n : 80), name.p);
    if (!r4_str_is(value, "application/fhir+ndjson") && !r4_str_is(value, "application/ndjson") && !r4_str_is(value, "ndjson"))
        return fhir_fail_status(w, 400, "not-supported", "_outputFormat: files are written as application/fhir+ndjson alone.");
    return 0;
}

static int take_parameters(struct fhir_work *w, const struct r4_pair *pairs, size_t n, struct export_plan *e)
{
    int rc = 0;
    e->since_ms = INT64_MIN;
    e->types[0] = 0;
    e->wishes = (struct export_wishes){.types = e->types};
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = take_one(w, pairs[i].name, pairs[i].value, e);
    for (const char *t = e->types; rc == 0 && *t; t += strcspn(t, ",") + (t[strcspn(t, ",")] == ','))
        if (!r4_resource(fhir_r4(w->fhir), t, strcspn(t, ",")))
            rc = fhir_fail_status(w, 400, "invalid", "_type names a type that does not exist.");
    return rc;
}

void export_begin(struct fhir_work *w, struct tx *tx, bool patients)
{
    struct export_plan *e = w->plan->export = calloc(1, sizeof *e);
    w->op = "fhir.export";
    if (!e)
        abort();
    if (!strcasestr(w->q.prefer, "respond-async")) {
        (void)!fhir_fail_status(w, 400, "required", "Ask for an export with Prefer: respond-async.");
        return;
    }
    if (fhir_need(w, "*", MAY_READ) || take_parameters(w, w->plan->pairs, w->plan->n_pairs, e) || export_check(w, tx, &e->wishes))
        return;
    e->patients = patients;
    w->plan->kind = K_EXPORT;
    w->to_write = true;
}

static void location(struct fhir_work *w, int64_t id)
{
    char base[300], text[ID_TEXT_BYTES];
    fhir_base(w, base);
    id_format((uint64_t)id, text);
    snprintf(w->answer.location, sizeof w->answer.location, "%s/export/%s", base, text);
}

/* A filter may name somebody: what was asked for lies sealed. It is text, as the column is. */
static char *seal_request(struct fhir_work *w, int64_t id)
{
    char base[300];
    struct r4_buf url = {0}, sealed = {0};
    fhir_base(w, base);
    r4_buf_printf(&url, "%s%s%s%s", base, w->q.path, *w->q.query ? "?" : "", w->q.query);
    int rc = url.failed ? ERR_UNAVAILABLE : body_seal(w->fhir, w->plan->scratch, w->fhir->body_key, (const int64_t[2]){id, 0}, (struct r4_str){url.p, url.n}, &sealed);
    size_t cap = sealed.n / 3 * 4 + 8;
    char *text = rc ? NULL : r4_doc_alloc(w->plan->scratch->doc, cap);
    if (text && base64url_encode(sealed.p, sealed.n, text, cap) < 0)
        text = NULL;
    r4_buf_clear(&url);
    r4_buf_clear(&sealed);
    return text;
}

/* NULL: it does not open. Exports asked for before December 2026 say it openly; they are kept a day. */
static char *open_request(struct fhir_work *w, int64_t id, const char *text)
{
    struct r4_doc *d = w->plan->scratch->doc;
    size_t cap = strlen(text), len;
    if (strncmp(text, "https://", 8) == 0)
        return r4_doc_copy(d, text, cap);
    uint8_t *sealed = r4_doc_alloc(d, cap + 1);
    int n = sealed ? base64url_decode(text, sealed, cap) : -1;
    char *plain = n > 0 ? body_open(w->fhir, w->plan->scratch, w->fhir->body_key, (const int64_t[2]){id, 0}, sealed, (size_t)n, &len) : NULL;
    char *copy = plain ? r4_doc_copy(d, plain, len) : NULL;
    free(plain);
    return copy;
}

static int ask(struct fhir_work *w, struct tx *tx, struct export_plan *e)
{
    e->id = (int64_t)id_new();
    e->snapshot = tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM fhir_change", "");
    tx_exec(tx, "DELETE FROM fhir_export_file WHERE export_id IN (SELECT id FROM fhir_export WHERE t_ms<$1)", "i", w->now_ms - KEPT_MS);
    tx_exec(tx, "DELETE FROM fhir_export WHERE t_ms<$1", "i", w->now_ms - KEPT_MS);
    char *request = seal_request(w, e->id);
    if (!request)
        return ERR_UNAVAILABLE;
    int rc = tx_exec(tx, "INSERT INTO fhir_export (id, client_id, person_id, t_ms, request, types, since_ms, snapshot, patients, ready) VALUES "
                         "($1,$2,$3,$4,$5,$6,$7,$8,$9,0)", "iiiittiii", e->id, (int64_t)w->actor.client, (int64_t)w->actor.person, w->now_ms, request, e->types,
                     e->since_ms, e->snapshot, (int64_t)e->patients);
    w->answer.status = 202;
    w->answer.content_type = FHIR_JSON;
    location(w, e->id);
    fhir_note(w, "fhir.export", 0, (uint64_t)e->id, "asked for");
    return rc;
}

/* ---- preparing: on the reader that is asked how far it is ---- */

static struct stretch *next_file(struct export_plan *e, const struct r4_type *type)
{
    if (e->n_files == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 64;
        struct stretch *more = cap > 2 * FILES_MAX ? NULL : realloc(e->files, cap * sizeof *more);
        if (!more)
            return NULL;
        e->files = more;
        e->cap = cap;
    }
    e->files[e->n_files] = (struct stretch){.type = type};
    return &e->files[e->n_files++];
}

/* `only`: those that match, in their order; NULL = all. */
static int cut_rows(struct fhir_work *w, struct tx *tx, struct export_plan *e, const struct r4_type *type, const struct hits *only)
{
    struct stretch *file = NULL;
    const struct hit first = only ? only->list[0] : (struct hit){INT64_MIN, INT64_MIN}, last = only ? only->list[only->n - 1] : (struct hit){INT64_MAX, INT64_MAX};
    int64_t bytes = 0;
    int rc = 0;
    struct query *q = tx_query(tx, "SELECT t.pkey AS pkey, t.rid AS rid, LENGTH(r.body) AS bytes, r.t_ms AS t_ms, r.born AS born FROM fhir_token t CROSS JOIN fhir_resource r "
                                   "WHERE r.pkey=t.pkey AND r.rid=t.rid AND t.key=$1 AND (t.pkey,t.rid)>=($2,$3) AND (t.pkey,t.rid)<=($4,$5) ORDER BY t.pkey, t.rid", "iiiii",
                               key_type(w->fhir, type), first.pkey, first.rid, last.pkey, last.rid);
    while (rc == 0 && query_next(q)) {
        if (query_int(q, "t_ms") < e->since_ms || query_int(q, "born") > e->snapshot || (e->patients && !query_int(q, "pkey")) ||
            (only && !hits_have(only, query_int(q, "pkey"), query_int(q, "rid"))))
            continue;
        if (!file || bytes > FILE_BYTES || file->n == FILE_ROWS) {
            file = next_file(e, type);
            bytes = 0;
            if (!file) {
                rc = ERR_UNAVAILABLE;
                break;
            }
            file->from_pkey = query_int(q, "pkey");
            file->from_rid = query_int(q, "rid");
        }
        file->to_pkey = query_int(q, "pkey");
        file->to_rid = query_int(q, "rid");
        file->n++;
        bytes += query_int(q, "bytes");
    }
    int ended = query_end(q);
    return rc ? rc : ended;
}

static int cut_type(struct fhir_work *w, struct tx *tx, struct export_plan *e, const struct r4_type *type)
{
    struct export_sieve sieve;
    struct hits hits = {0};
    int rc = sieve_open(&sieve, w, tx, &e->wishes, type);
    if (rc == 0 && sieve.n)
        rc = sieve_hits(&sieve, e->snapshot, &hits);
    if (rc == 0 && (!sieve.n || hits.n))
        rc = cut_rows(w, tx, e, type, sieve.n ? &hits : NULL);
    sieve_close(&sieve);
    free(hits.list);
    return rc;
}

/* The house's own: stretches of numbers. How many he sees of them shows when they are made. */
static int cut_own(struct fhir_work *w, struct tx *tx, struct export_plan *e, const struct r4_type *type)
{
    const struct own_kind *k = own_kind_of(type->name);
    uint64_t ids[OWN_FILE], after = 0;
    size_t n = OWN_FILE;
    struct own o;
    if (!k || (e->patients && (k == &own_slot || k == &own_schedule)))
        return 0;
    if (!own_open(&o, w, tx))
        return ERR_UNAVAILABLE;
    while (n == OWN_FILE && (n = k->walk(&o, after, ids, OWN_FILE))) {
        struct stretch *file = next_file(e, type);
        if (!file) {
            own_close(&o);
            return ERR_UNAVAILABLE;
        }
        after = ids[n - 1];
        *file = (struct stretch){type, OWN_PKEY, (int64_t)ids[0], OWN_PKEY, (int64_t)after, 0};
    }
    own_close(&o);
    return tx_error(tx);
}

static int prepare(struct fhir_work *w, struct tx *tx, struct export_plan *e)
{
    const struct r4_type *const *types;
    size_t n = r4_resources(fhir_r4(w->fhir), &types);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        if (export_listed(e->types, types[i]->name)) {
            rc = cut_type(w, tx, e, types[i]);
            rc = rc ? rc : cut_own(w, tx, e, types[i]);
        }
    e->prepared = rc == 0;
    return rc;
}

static int keep_files(struct tx *tx, const struct export_plan *e)
{
    tx_exec(tx, "UPDATE fhir_export SET ready=1 WHERE id=$1", "i", e->id);
    for (size_t i = 0; i < e->n_files; i++) {
        const struct stretch *f = &e->files[i];
        tx_exec(tx, "INSERT INTO fhir_export_file (export_id, n, type, from_pkey, from_rid, to_pkey, to_rid, resources) VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT DO NOTHING",
                "iitiiiii", e->id, (int64_t)i, f->type->name, f->from_pkey, f->from_rid, f->to_pkey, f->to_rid, f->n);
    }
    return tx_error(tx);
}

/* ---- what is there ---- */

struct kept {
    bool found, ready;
    int64_t t_ms;
    char *request;
};

/* What was asked for, read as it was then. */
static int take_request(struct fhir_work *w, struct export_plan *e, const char *url)
{
    struct r4_pair pairs[PARAMETERS_MAX];
    const char *query = strchr(url, '?');
    size_t n = 0;
    if (query && r4_query_split(w->plan->scratch->doc, query + 1, strlen(query + 1), pairs, PARAMETERS_MAX, &n))
        return ERR_STORAGE;
    return take_parameters(w, pairs, n, e);
}

static int load(struct fhir_work *w, struct tx *tx, struct export_plan *e, struct kept *k)
{
    memset(k, 0, sizeof *k);
    struct query *q = tx_query(tx, "SELECT * FROM fhir_export WHERE id=$1 AND client_id=$2 AND person_id=$3", "iii", e->id, (int64_t)w->actor.client,
                               (int64_t)w->actor.person);
    if (query_next(q)) {
        k->found = true;
        k->ready = query_int(q, "ready");
        k->t_ms = query_int(q, "t_ms");
        k->request = open_request(w, e->id, query_text(q, "request"));
        e->snapshot = query_int(q, "snapshot");
        e->patients = query_int(q, "patients");
    }
    int rc = query_end(q);
    return rc || !k->found ? rc : k->request ? take_request(w, e, k->request) : ERR_STORAGE;
}

static int manifest(struct fhir_work *w, struct tx *tx, struct export_plan *e)
{
    struct kept k;
    struct r4_buf b = {0};
    char base[300], at[R4_INSTANT_BYTES], id[ID_TEXT_BYTES];
    int rc = load(w, tx, e, &k), n = 0;
    if (rc || !k.request)
        return rc ? rc : ERR_UNAVAILABLE;
    fhir_base(w, base);
    id_format((uint64_t)e->id, id);
    r4_instant(k.t_ms, at);
    r4_buf_printf(&b, "{\"transactionTime\":\"%s\",\"request\":", at);
    r4_buf_quote(&b, k.request, strlen(k.request));
    r4_buf_puts(&b, ",\"requiresAccessToken\":true,\"output\":[");
    struct query *q = tx_query(tx, "SELECT n, type, from_pkey, resources FROM fhir_export_file WHERE export_id=$1 ORDER BY n", "i", e->id);
    while (query_next(q)) {
        r4_buf_printf(&b, "%s{\"type\":\"%s\",\"url\":\"%s/export/%s/%lld.ndjson\"", n++ ? "," : "", query_text(q, "type"), base, id, (long long)query_int(q, "n"));
        if (query_int(q, "from_pkey") != OWN_PKEY && !w->actor.org) /* what is closed to an institution shows when a file is made */
            r4_buf_printf(&b, ",\"count\":%lld", (long long)query_int(q, "resources"));
        r4_buf_puts(&b, "}");
    }
    rc = query_end(q);
    r4_buf_puts(&b, "],\"error\":[]}");
    fhir_answer_buf(w, 200, &b);
    w->answer.content_type = "application/json";
    return rc;
}

static int add_line(struct fhir_work *w, const struct r4_type *type, struct r4_str body, struct r4_buf *b)
{
    struct r4_doc *d = w->plan->scratch->doc;
    struct r4_mark mark = r4_doc_mark(d);
    int rc = body_shape(w, type, body, b);
    r4_doc_rewind(d, mark);
    r4_buf_puts(b, "\n");
    return rc;
}

#define STORED(more) "SELECT r.pkey AS pkey, r.rid AS rid, r.vid AS vid, r.seq AS seq, r.t_ms AS t_ms, r.born AS born, r.deleted AS deleted, r.type AS type, r.name AS name, r.body AS body" more " " \
    "FROM fhir_token t CROSS JOIN fhir_resource r WHERE r.pkey=t.pkey AND r.rid=t.rid AND t.key=$1 AND (t.pkey,t.rid)>=($2,$3) AND (t.pkey,t.rid)<=($4,$5) ORDER BY t.pkey, t.rid"

/* Those of the stretch that he who asks may see, as they are now. */
static int add_own(struct fhir_work *w, struct tx *tx, const struct export_plan *e, const struct stretch *f, const struct export_sieve *sieve, struct r4_buf *b)
{
    const struct own_kind *k = own_kind_of(f->type->name);
    uint64_t ids[OWN_FILE];
    char detail[80];
    struct own o;
    if (!own_open(&o, w, tx))
        return ERR_UNAVAILABLE;
    size_t n = k->walk(&o, (uint64_t)f->from_rid - 1, ids, OWN_FILE);
    int rc = tx_error(tx);
    snprintf(detail, sizeof detail, "%s own", f->type->name);
    for (size_t i = 0; i < n && rc == 0 && ids[i] <= (uint64_t)f->to_rid; i++) {
        struct fhir_row row;
        rc = own_row(&o, k, ids[i], &row);
        if (rc == 0 && row.found && (!row.t_ms || row.t_ms >= e->since_ms) && sieve_holds(sieve, &row, true)) {
            rc = add_line(w, f->type, (struct r4_str){row.body, row.body_len}, b);
            fhir_note(w, "fhir.export", (uint64_t)row.pkey, ids[i], detail);
        }
        fhir_row_clear(&row);
    }
    own_close(&o);
    return rc;
}

/* Of the store. In the clear, one by one: a file's worth of facts and bodies is never held together. */
static int add_stored(struct fhir_work *w, struct tx *tx, const struct export_plan *e, const struct stretch *f, const struct export_sieve *sieve, const char *detail, struct r4_buf *b)
{
    int64_t last = 0;
    int rc = 0;
    struct query *q = tx_query(tx, sieve->n ? STORED(", r.facts AS facts") : STORED(""), "iiiii", key_type(w->fhir, f->type), f->from_pkey, f->from_rid, f->to_pkey, f->to_rid);
    while (rc == 0 && query_next(q)) {
        if (query_int(q, "t_ms") < e->since_ms || query_int(q, "born") > e->snapshot || (e->patients && !query_int(q, "pkey")) ||
            fhir_closed(w, tx, query_int(q, "pkey"), query_int(q, "rid")))
            continue;
        struct fhir_row row = {0};
        rc = row_take(w, q, ROW_BODY | (sieve->n ? ROW_FACTS : 0), &row);
        if (rc == 0 && sieve_holds(sieve, &row, false)) {
            rc = add_line(w, f->type, (struct r4_str){row.body, row.body_len}, b);
            if (row.pkey != last)
                fhir_note(w, "fhir.export", (uint64_t)(last = row.pkey), 0, detail);
        }
        fhir_row_clear(&row);
    }
    int ended = query_end(q);
    return rc ? rc : ended;
}

static int find_file(struct fhir_work *w, struct tx *tx, const struct export_plan *e, int64_t n, struct stretch *f)
{
    struct query *q = tx_query(tx, "SELECT * FROM fhir_export_file WHERE export_id=$1 AND n=$2", "ii", e->id, n);
    if (query_next(q)) {
        const char *type = query_text(q, "type");
        *f = (struct stretch){r4_resource(fhir_r4(w->fhir), type, strlen(type)), query_int(q, "from_pkey"), query_int(q, "from_rid"), query_int(q, "to_pkey"),
                              query_int(q, "to_rid"), 0};
    }
    return query_end(q);
}

/* One file, made now. */
static int send_file(struct fhir_work *w, struct tx *tx, struct export_plan *e, int64_t n)
{
    struct stretch f = {0};
    struct r4_buf b = {0};
    struct export_sieve sieve;
    char detail[80];
    if (find_file(w, tx, e, n, &f) || !f.type)
        return fhir_fail(w, ERR_NOT_FOUND, "file", "There is no such file.");
    snprintf(detail, sizeof detail, "%s file %lld", f.type->name, (long long)n);
    int rc = sieve_open(&sieve, w, tx, &e->wishes, f.type);
    rc = rc ? rc : export_elements(w, &e->wishes, f.type);
    if (rc == 0)
        rc = f.from_pkey == OWN_PKEY ? add_own(w, tx, e, &f, &sieve, &b) : add_stored(w, tx, e, &f, &sieve, detail, &b);
    sieve_close(&sieve);
    rc = rc ? rc : b.failed ? ERR_UNAVAILABLE : 0;
    if (rc) {
        r4_buf_clear(&b);
        return w->answer.status ? rc : fhir_fail(w, rc, "", "The file cannot be read.");
    }
    if (!w->n_notes)
        fhir_note(w, "fhir.export", 0, 0, detail);
    fhir_answer_buf(w, 200, &b);
    w->answer.content_type = "application/fhir+ndjson";
    return 0;
}

void export_poll(struct fhir_work *w, struct tx *tx, const char *id, const char *file)
{
    struct export_plan *e = w->plan->export = calloc(1, sizeof *e);
    struct kept k;
    uint64_t v;
    int64_t n = 0;
    char *end = NULL;
    w->op = "fhir.export";
    if (!e)
        abort();
    if (fhir_need(w, "*", MAY_READ))
        return;
    int rc = id_parse(id, &v);
    e->id = rc ? 0 : (int64_t)v;
    rc = rc ? rc : load(w, tx, e, &k);
    if (rc || !k.found) {
        (void)!fhir_fail(w, ERR_NOT_FOUND, "export", "There is no such export of yours.");
        return;
    }
    e->drop = strcmp(w->q.method, "DELETE") == 0;
    if (*file) {
        n = strtoll(file, &end, 10);
        if (e->drop || !k.ready || end == file || strcmp(end, ".ndjson"))
            (void)!fhir_fail(w, ERR_NOT_FOUND, "file", "There is no such file.");
        else
            (void)!send_file(w, tx, e, n);
        return;
    }
    if (!e->drop && !k.ready && (rc = prepare(w, tx, e))) {
        if (rc == ERR_TOO_LARGE)
            (void)!fhir_fail(w, rc, "too_costly", "_typeFilter: the filters of a type meet more than %d resources: ask for several exports.", EXPORT_MATCHES_MAX);
        else if (!w->answer.status)
            (void)!fhir_fail(w, ERR_UNAVAILABLE, "", "The export cannot be prepared.");
        return;
    }
    w->plan->kind = K_EXPORT;
    w->to_write = true;
}

int export_finish(struct fhir_work *w, struct tx *tx)
{
    struct export_plan *e = w->plan->export;
    int rc;
    if (!e->id)
        rc = ask(w, tx, e);
    else if (e->drop) {
        tx_exec(tx, "DELETE FROM fhir_export_file WHERE export_id=$1", "i", e->id);
        rc = tx_exec(tx, "DELETE FROM fhir_export WHERE id=$1", "i", e->id);
        w->answer.status = 202;
        w->answer.content_type = FHIR_JSON;
    } else {
        rc = e->prepared ? keep_files(tx, e) : 0;
        rc = rc ? rc : manifest(w, tx, e);
        fhir_note(w, "fhir.export", 0, (uint64_t)e->id, "listed");
    }
    return rc ? fhir_fail(w, rc, "", "Nothing was saved.") : 0;
}
