/* Bulk Data $export (http://hl7.org/fhir/uv/bulkdata, 1.0): asked for, prepared, fetched file by file.
 *
 * Nothing is written to disk in the clear: a file is a stretch of the index, cut so that it holds about FILE_BYTES, and is made when it is
 * fetched. What is in it was there when the export was asked for; what changed since comes as it is now, what was deleted does not come. */
#include "records/fhir/own.h"
#include <stdio.h>

#define FILE_BYTES (4 << 20)  /* of sealed bodies: about four times that as text */
#define FILE_ROWS 50000
#define FILES_MAX 20000
#define OWN_PKEY (-1)         /* a stretch of the house's own: numbers instead of places in the index */
#define OWN_FILE 500          /* made one by one */
#define KEPT_MS (24 * 3600 * 1000LL)

struct export_plan {
    int64_t id, since_ms, snapshot;
    char types[1000];
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

static bool listed(const char *list, const char *type)
{
    size_t n = strlen(type);
    for (const char *p = list; *p;) {
        size_t len = strcspn(p, ",");
        if (len == n && memcmp(p, type, n) == 0)
            return true;
        p += len + (p[len] == ',');
    }
    return !*list;
}

/* ---- asking for it ---- */

static int take_parameters(struct fhir_work *w, struct export_plan *e)
{
    const struct fhir_plan *p = w->plan;
    int64_t high;
    e->since_ms = INT64_MIN;
    for (size_t i = 0; i < p->n_pairs; i++) {
        struct r4_str name = p->pairs[i].name, value = p->pairs[i].value;
        if (r4_str_is(name, "_since")) {
            if (!r4_date_interval(value.p, value.n, FHIR_ZONE_MIN, &e->since_ms, &high))
                return fhir_fail(w, ERR_INVALID, "since", "_since must be an instant.");
        } else if (r4_str_is(name, "_type"))
            snprintf(e->types, sizeof e->types, "%.*s", (int)value.n, value.p);
        else if (r4_str_is(name, "_outputFormat")) {
            if (!r4_str_is(value, "application/fhir+ndjson") && !r4_str_is(value, "application/ndjson") && !r4_str_is(value, "ndjson"))
                return fhir_fail_status(w, 400, "not-supported", "_outputFormat: files are written as application/fhir+ndjson alone.");
        } else
            return fhir_fail_status(w, 400, "not-supported", "$export has no parameter %.*s here.", (int)name.n, name.p);
    }
    for (const char *t = e->types; *t; t += strcspn(t, ",") + (t[strcspn(t, ",")] == ','))
        if (!r4_resource(fhir_r4(w->fhir), t, strcspn(t, ",")))
            return fhir_fail_status(w, 400, "invalid", "_type names a type that does not exist.");
    return 0;
}

void export_begin(struct fhir_work *w, bool patients)
{
    struct export_plan *e = w->plan->export = calloc(1, sizeof *e);
    w->op = "fhir.export";
    if (!e)
        abort();
    if (!strcasestr(w->q.prefer, "respond-async")) {
        (void)!fhir_fail_status(w, 400, "required", "Ask for an export with Prefer: respond-async.");
        return;
    }
    if (fhir_need(w, "*", MAY_READ) || take_parameters(w, e))
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

static int ask(struct fhir_work *w, struct tx *tx, struct export_plan *e)
{
    char base[300];
    fhir_base(w, base);
    e->id = (int64_t)id_new();
    e->snapshot = tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM fhir_change", "");
    tx_exec(tx, "DELETE FROM fhir_export_file WHERE export_id IN (SELECT id FROM fhir_export WHERE t_ms<$1)", "i", w->now_ms - KEPT_MS);
    tx_exec(tx, "DELETE FROM fhir_export WHERE t_ms<$1", "i", w->now_ms - KEPT_MS);
    char *request = r4_doc_alloc(w->plan->scratch->doc, strlen(base) + strlen(w->q.path) + strlen(w->q.query) + 2);
    if (!request)
        return ERR_UNAVAILABLE;
    sprintf(request, "%s%s%s%s", base, w->q.path, *w->q.query ? "?" : "", w->q.query);
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

static int cut_type(struct fhir_work *w, struct tx *tx, struct export_plan *e, const struct r4_type *type)
{
    struct stretch *file = NULL;
    int64_t bytes = 0;
    int rc = 0;
    struct query *q = tx_query(tx, "SELECT t.pkey AS pkey, t.rid AS rid, LENGTH(r.body) AS bytes, r.t_ms AS t_ms, r.born AS born FROM fhir_token t CROSS JOIN fhir_resource r "
                                   "WHERE r.pkey=t.pkey AND r.rid=t.rid AND t.key=$1 ORDER BY t.pkey, t.rid", "i", key_type(w->fhir, type));
    while (rc == 0 && query_next(q)) {
        if (query_int(q, "t_ms") < e->since_ms || query_int(q, "born") > e->snapshot || (e->patients && !query_int(q, "pkey")))
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
        if (listed(e->types, types[i]->name)) {
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

static int load(struct fhir_work *w, struct tx *tx, struct export_plan *e, struct kept *k)
{
    memset(k, 0, sizeof *k);
    struct query *q = tx_query(tx, "SELECT * FROM fhir_export WHERE id=$1 AND client_id=$2 AND person_id=$3", "iii", e->id, (int64_t)w->actor.client,
                               (int64_t)w->actor.person);
    if (query_next(q)) {
        k->found = true;
        k->ready = query_int(q, "ready");
        k->t_ms = query_int(q, "t_ms");
        k->request = r4_doc_copy(w->plan->scratch->doc, query_text(q, "request"), strlen(query_text(q, "request")));
        e->since_ms = query_int(q, "since_ms");
        e->snapshot = query_int(q, "snapshot");
        e->patients = query_int(q, "patients");
        snprintf(e->types, sizeof e->types, "%s", query_text(q, "types"));
    }
    return query_end(q);
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

/* Those of the stretch that he who asks may see, as they are now. */
static int add_own(struct fhir_work *w, struct tx *tx, const struct export_plan *e, const struct stretch *f, struct r4_buf *b)
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
        if (rc == 0 && row.found && (!row.t_ms || row.t_ms >= e->since_ms)) {
            r4_buf_put(b, row.body, row.body_len);
            r4_buf_puts(b, "\n");
            fhir_note(w, "fhir.export", (uint64_t)row.pkey, ids[i], detail);
        }
        if (rc == 0)
            fhir_row_clear(&row);
    }
    own_close(&o);
    return rc;
}

/* One file, made now. */
static int send_file(struct fhir_work *w, struct tx *tx, struct export_plan *e, int64_t n)
{
    struct stretch f = {0};
    struct r4_buf b = {0};
    char detail[80];
    int64_t last = 0;
    int rc = 0;
    struct query *q = tx_query(tx, "SELECT * FROM fhir_export_file WHERE export_id=$1 AND n=$2", "ii", e->id, n);
    if (query_next(q)) {
        const char *type = query_text(q, "type");
        f = (struct stretch){r4_resource(fhir_r4(w->fhir), type, strlen(type)), query_int(q, "from_pkey"), query_int(q, "from_rid"), query_int(q, "to_pkey"),
                             query_int(q, "to_rid"), 0};
    }
    if (query_end(q) || !f.type)
        return fhir_fail(w, ERR_NOT_FOUND, "file", "There is no such file.");
    snprintf(detail, sizeof detail, "%s file %lld", f.type->name, (long long)n);
    if (f.from_pkey == OWN_PKEY)
        rc = add_own(w, tx, e, &f, &b);
    q = tx_query(tx, "SELECT r.pkey AS pkey, r.rid AS rid, r.vid AS vid, r.t_ms AS t_ms, r.born AS born, r.body AS body FROM fhir_token t CROSS JOIN fhir_resource r WHERE r.pkey=t.pkey "
                     "AND r.rid=t.rid AND t.key=$1 AND (t.pkey,t.rid)>=($2,$3) AND (t.pkey,t.rid)<=($4,$5) ORDER BY t.pkey, t.rid", "iiiii",
                 key_type(w->fhir, f.type), f.from_pkey, f.from_rid, f.to_pkey, f.from_pkey == OWN_PKEY ? INT64_MIN : f.to_rid); /* of ours nothing lies there */
    while (rc == 0 && query_next(q)) {
        size_t sealed_len, len;
        if (query_int(q, "t_ms") < e->since_ms || query_int(q, "born") > e->snapshot || (e->patients && !query_int(q, "pkey")) ||
            fhir_closed(w, tx, query_int(q, "pkey"), query_int(q, "rid")))
            continue;
        const void *sealed = query_blob(q, "body", &sealed_len);
        char *body = body_open(w->fhir, w->plan->scratch, w->fhir->body_key, (const int64_t[2]){query_int(q, "rid"), query_int(q, "vid")}, sealed, sealed_len, &len);
        rc = body ? 0 : ERR_STORAGE;
        if (body) {
            r4_buf_put(&b, body, len);
            r4_buf_puts(&b, "\n");
        }
        free(body);
        if (query_int(q, "pkey") != last)
            fhir_note(w, "fhir.export", (uint64_t)(last = query_int(q, "pkey")), 0, detail);
    }
    int ended = query_end(q);
    rc = rc ? rc : ended ? ended : b.failed ? ERR_UNAVAILABLE : 0;
    if (rc) {
        r4_buf_clear(&b);
        return fhir_fail(w, rc, "", "The file cannot be read.");
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
    if (!e->drop && !k.ready && prepare(w, tx, e)) {
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
