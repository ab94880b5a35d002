/* The rows of a resource: its name, its newest version, the older ones, the line of changes, and what it is found by. */
#include "records/exchange/exchange.h"
#include "records/fhir/kin.h"
#include "server/base/log.h"
#include <stdio.h>

void fhir_row_clear(struct fhir_row *row)
{
    free(row->body);
    free(row->facts);
    memset(row, 0, sizeof *row);
}

static char *open_column(struct fhir_work *w, struct query *q, const char *column, const uint8_t key[32], const int64_t at[2], size_t *len)
{
    size_t sealed_len;
    const void *sealed = query_blob(q, column, &sealed_len);
    char *plain = body_open(w->fhir, w->plan->scratch, key, at, sealed, sealed_len, len);
    if (!plain)
        log_error("fhir", "a value of fhir_resource.%s does not open: it was changed, moved, or sealed under another key", column);
    return plain;
}

void row_head(struct query *q, const struct r4_type *type, struct fhir_row *row)
{
    row->pkey = query_int(q, "pkey");
    row->rid = query_int(q, "rid");
    row->vid = query_int(q, "vid");
    row->seq = query_int(q, "seq");
    row->born = query_int(q, "born");
    row->t_ms = query_int(q, "t_ms");
    row->deleted = query_int(q, "deleted");
    snprintf(row->name, sizeof row->name, "%s", query_text(q, "name"));
    row->type = type;
    row->found = true;
}

int row_take(struct fhir_work *w, struct query *q, int want, struct fhir_row *row)
{
    const char *type = query_text(q, "type");
    row_head(q, r4_resource(fhir_r4(w->fhir), type, strlen(type)), row);
    const int64_t at[2] = {row->rid, row->vid};
    if (row->deleted)
        return row->type ? 0 : ERR_STORAGE;
    if (want & ROW_BODY)
        row->body = open_column(w, q, "body", w->fhir->body_key, at, &row->body_len);
    if (want & ROW_FACTS)
        row->facts = open_column(w, q, "facts", w->fhir->facts_key, at, &row->facts_len);
    return !row->type || (want & ROW_BODY && !row->body) || (want & ROW_FACTS && !row->facts) ? ERR_STORAGE : 0;
}

static int one_row(struct fhir_work *w, struct query *q, int want, struct fhir_row *row)
{
    int rc = query_next(q) ? row_take(w, q, want, row) : 0;
    int ended = query_end(q);
    return rc ? rc : ended;
}

int row_load(struct fhir_work *w, struct tx *tx, int64_t pkey, int64_t rid, int want, struct fhir_row *row)
{
    memset(row, 0, sizeof *row);
    return one_row(w,
                   tx_query(tx, "SELECT pkey, rid, vid, seq, born, t_ms, deleted, type, name, body, facts FROM fhir_resource "
                                "WHERE pkey=$1 AND rid=$2", "ii", pkey, rid),
                   want, row);
}

int row_find(struct fhir_work *w, struct tx *tx, const struct r4_type *type, struct r4_str name, int want, struct fhir_row *row)
{
    char text[FHIR_ID_BYTES];
    memset(row, 0, sizeof *row);
    if (!name.n || name.n >= sizeof text)
        return 0;
    snprintf(text, sizeof text, "%.*s", (int)name.n, name.p);
    return one_row(w,
                   tx_query(tx, "SELECT pkey, rid, vid, seq, born, t_ms, deleted, type, name, body, facts FROM fhir_resource WHERE type=$1 AND name=$2", "tt", type->name, text),
                   want, row);
}

int row_version(struct fhir_work *w, struct tx *tx, const struct fhir_row *newest, int64_t vid, struct fhir_row *row)
{
    memset(row, 0, sizeof *row);
    if (vid == newest->vid)
        return row_load(w, tx, newest->pkey, newest->rid, ROW_BODY, row);
    return one_row(w,
                   tx_query(tx, "SELECT v.pkey, v.rid, v.vid, v.seq, r.born, v.t_ms, v.deleted, r.type, r.name, v.body, v.body AS facts "
                                "FROM fhir_version v JOIN fhir_resource r ON r.pkey=v.pkey AND r.rid=v.rid WHERE v.pkey=$1 AND v.rid=$2 AND v.vid=$3",
                            "iii", newest->pkey, newest->rid, vid),
                   ROW_BODY, row);
}

/* ---- writing ---- */

void staged_clear(struct staged *s)
{
    fhir_row_clear(&s->old);
    r4_buf_clear(&s->text);
    r4_buf_clear(&s->body);
    r4_buf_clear(&s->packed);
    facts_clear(&s->facts);
}

/* Whose record it goes to: the first patient it names. http://hl7.org/fhir/R4/compartmentdefinition-patient.html, the two parameters every
 * clinical type has. */
static void find_patient(struct staged *s)
{
    static const char *const codes[] = {"patient", "subject", "beneficiary", "individual"};
    s->patient[0] = 0;
    if (strcmp(s->type->name, "Patient") == 0)
        return;
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++)
        for (size_t i = 0; i < s->facts.n; i++) {
            const struct r4_value *v = &s->facts.values[i];
            if (v->type != R4_P_REFERENCE || strcmp(v->param->code, codes[c]) || !r4_str_is(v->ref_type, "Patient") || v->ref_id.n >= FHIR_ID_BYTES)
                continue;
            snprintf(s->patient, sizeof s->patient, "%.*s", (int)v->ref_id.n, v->ref_id.p);
            return;
        }
}

/* 0 = it has no key yet. */
static int64_t patient_key(struct tx *tx, const char *name)
{
    return tx_int(tx, 0, "SELECT pkey FROM fhir_name WHERE type='Patient' AND name=$1", "t", name);
}

static int set_meta(struct r4_doc *d, struct staged *s)
{
    char vid[24], at[R4_INSTANT_BYTES];
    struct r4_node *id = r4_new_string(d, s->name, strlen(s->name)), *meta = r4_get(s->resource, "meta");
    snprintf(vid, sizeof vid, "%lld", (long long)s->vid);
    r4_instant(s->t_ms, at);
    if (!meta || meta->kind != R4_OBJECT)
        meta = r4_new(d, R4_OBJECT);
    bool ok = id && meta && r4_set_after(d, s->resource, "resourceType", "id", id) && r4_set_after(d, s->resource, "id", "meta", meta);
    ok = ok && r4_set_string(d, meta, "versionId", vid) && r4_set_string(d, meta, "lastUpdated", at);
    return ok ? 0 : ERR_UNAVAILABLE;
}

int staged_draft(struct fhir_work *w, struct scratch *sc, struct tx *tx, struct staged *s)
{
    char base[300];
    int64_t at[2] = {s->rid, s->vid};
    struct r4_buf plain = {0};
    r4_buf_clear(&s->text);
    r4_buf_clear(&s->body);
    r4_buf_clear(&s->packed);
    facts_clear(&s->facts);
    s->drafted = true;
    if (s->act == ACT_DELETE)
        return 0;
    fhir_base(w, base);
    if (strcmp(s->type->name, "Patient") == 0)
        kin_strip(s->resource);
    int rc = set_meta(sc->doc, s);
    rc = rc ? rc : facts_of(w->fhir, sc, s->resource, base, &s->facts);
    if (rc)
        return rc;
    find_patient(s);
    if (strcmp(s->type->name, "Patient") == 0)
        s->pkey = s->act == ACT_CREATE ? s->rid : s->old.pkey;
    else if (s->patient[0] && !s->pkey && !(s->pkey = bundle_patient(w->plan->bundle, s->patient)))
        s->pkey = patient_key(tx, s->patient); /* 0: the writer makes one */
    facts_rows(w->fhir, s->type, &s->facts);
    r4_json_write(&s->text, s->resource);
    facts_write(&s->facts, s->type, &plain);
    rc = s->text.failed || plain.failed || s->facts.failed ? ERR_UNAVAILABLE : 0;
    rc = rc ? rc : body_seal(w->fhir, sc, w->fhir->body_key, at, (struct r4_str){s->text.p, s->text.n}, &s->body);
    rc = rc ? rc : body_seal(w->fhir, sc, w->fhir->facts_key, at, (struct r4_str){plain.p, plain.n}, &s->packed);
    r4_buf_clear(&plain);
    return rc;
}

/* A name that is spoken of before it is there keeps its place: what names an unknown patient lies where he will lie. */
static int reserve_patient(struct tx *tx, struct staged *s)
{
    if (!s->patient[0] || s->pkey)
        return 0;
    s->pkey = patient_key(tx, s->patient);
    if (s->pkey || tx_error(tx))
        return tx_error(tx);
    s->pkey = (int64_t)id_new();
    return tx_exec(tx, "INSERT INTO fhir_name (type, name, rid, pkey) VALUES ('Patient',$1,$2,$3)", "tii", s->patient, s->pkey, s->pkey);
}

/* Both kinds of rows are nothing but int64_t, in the order of their columns. */
static void insert_index(struct tx *tx, const struct index_row *rows, size_t n, const struct index_range *ranges, size_t n_ranges)
{
    tx_insert_numbers(tx, "fhir_token", "key, pkey, rid", 3, (const int64_t *)rows, n);
    tx_insert_numbers(tx, "fhir_range", "param, low, pkey, rid, high", 5, (const int64_t *)ranges, n_ranges);
}

static int index_rows(struct tx *tx, const struct staged *s, const struct facts *old, bool moved)
{
    size_t i = 0, k = 0;
    const struct facts *now = &s->facts;
    while (i < now->n_tokens || k < old->n_tokens) {
        int64_t a = i < now->n_tokens ? now->tokens[i].key : INT64_MAX, b = k < old->n_tokens ? old->tokens[k].key : INT64_MAX;
        bool both = i < now->n_tokens && k < old->n_tokens && a == b;
        if (k < old->n_tokens && (moved || (!both && b <= a)))
            tx_exec(tx, "DELETE FROM fhir_token WHERE key=$1 AND pkey=$2 AND rid=$3", "iii", b, s->old.pkey, s->rid);
        if (i < now->n_tokens && (moved || (!both && a <= b)))
            tx_exec(tx, "INSERT INTO fhir_token (key, pkey, rid) VALUES ($1,$2,$3)", "iii", a, s->pkey, s->rid);
        if (moved) {
            i += i < now->n_tokens;
            k += k < old->n_tokens;
        } else {
            bool take_a = i < now->n_tokens && a <= b, take_b = k < old->n_tokens && b <= a;
            i += take_a;
            k += take_b;
        }
    }
    for (k = 0; k < old->n_ranges; k++)
        tx_exec(tx, "DELETE FROM fhir_range WHERE param=$1 AND low=$2 AND pkey=$3 AND rid=$4 AND high=$5", "iiiii", old->ranges[k].param,
                old->ranges[k].low, s->old.pkey, s->rid, old->ranges[k].high);
    for (i = 0; i < now->n_ranges; i++)
        insert_index(tx, NULL, 0, &(struct index_range){now->ranges[i].param, now->ranges[i].low, s->pkey, s->rid, now->ranges[i].high}, 1);
    return tx_error(tx);
}

/* Room for n more elements. */
static bool more_room(void **list, size_t n, size_t *cap, size_t size)
{
    if (n <= *cap)
        return true;
    void *grown = realloc(*list, 2 * n * size);
    if (!grown)
        return false;
    *list = grown;
    *cap = 2 * n;
    return true;
}

int index_batch_add(struct index_batch *b, int64_t pkey, int64_t rid, const struct facts *f)
{
    if (!more_room((void **)&b->rows, b->n + f->n_tokens, &b->cap, sizeof *b->rows) ||
        !more_room((void **)&b->ranges, b->n_ranges + f->n_ranges, &b->cap_ranges, sizeof *b->ranges))
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < f->n_tokens; i++)
        b->rows[b->n++] = (struct index_row){f->tokens[i].key, pkey, rid};
    for (size_t i = 0; i < f->n_ranges; i++)
        b->ranges[b->n_ranges++] = (struct index_range){f->ranges[i].param, f->ranges[i].low, pkey, rid, f->ranges[i].high};
    return 0;
}

/* Both kinds of rows are nothing but int64_t, the first the most significant. */
static int by_numbers(const int64_t *x, const int64_t *y, size_t n)
{
    size_t i = 0;
    while (i + 1 < n && x[i] == y[i])
        i++;
    return x[i] < y[i] ? -1 : x[i] > y[i];
}

static int by_row(const void *a, const void *b)
{
    return by_numbers(a, b, sizeof(struct index_row) / sizeof(int64_t));
}

static int by_range(const void *a, const void *b)
{
    return by_numbers(a, b, sizeof(struct index_range) / sizeof(int64_t));
}

int index_batch_write(struct tx *tx, struct index_batch *b)
{
    if (b->n)
        qsort(b->rows, b->n, sizeof *b->rows, by_row);
    if (b->n_ranges)
        qsort(b->ranges, b->n_ranges, sizeof *b->ranges, by_range);
    insert_index(tx, b->rows, b->n, b->ranges, b->n_ranges);
    index_batch_free(b);
    return tx_error(tx);
}

void index_batch_free(struct index_batch *b)
{
    free(b->rows);
    free(b->ranges);
    memset(b, 0, sizeof *b);
}

static int old_facts(struct fhir_work *w, struct staged *s, struct facts *old)
{
    if (s->old.deleted || !s->old.facts)
        return 0;
    if (!facts_read(w->fhir, w->plan->scratch->doc, s->type, s->old.facts, s->old.facts_len, old))
        return ERR_STORAGE;
    facts_rows(w->fhir, s->type, old);
    return old->failed ? ERR_UNAVAILABLE : 0;
}

static int insert_row(struct tx *tx, const struct staged *s, int64_t seq, int64_t source)
{
    /* The name may be there, reserved for just this; where somebody was quicker with another, the row is refused. */
    tx_exec(tx, "INSERT INTO fhir_name (type, name, rid, pkey) VALUES ($1,$2,$3,$4) ON CONFLICT (type, name) DO UPDATE SET "
                "rid=CASE WHEN fhir_name.rid=excluded.rid THEN excluded.rid END", "ttii", s->type->name, s->name, s->rid, s->pkey);
    return tx_exec(tx, "INSERT INTO fhir_resource (pkey, rid, type, name, vid, seq, born, t_ms, deleted, body, facts, source_id) VALUES "
                       "($1,$2,$3,$4,$5,$6,$6,$7,0,$8,$9,$10)", "iittiiibbi", s->pkey, s->rid, s->type->name, s->name, s->vid, seq, s->t_ms, s->body.p, s->body.n,
                   s->packed.p, s->packed.n, source);
}

/* source -1: whose it was. Who mends a place of what another wrote has not written it (decisions/0035). */
static int replace_row(struct tx *tx, struct staged *s, int64_t seq, int64_t source)
{
    const struct fhir_row *o = &s->old;
    if (s->act == ACT_DELETE)
        s->pkey = o->pkey;
    tx_exec(tx, "INSERT INTO fhir_version (pkey, rid, vid, seq, t_ms, deleted, body) SELECT pkey, rid, vid, seq, t_ms, deleted, body "
                "FROM fhir_resource WHERE pkey=$1 AND rid=$2", "ii", o->pkey, o->rid);
    if (o->pkey != s->pkey) {
        tx_exec(tx, "UPDATE fhir_version SET pkey=$3 WHERE pkey=$1 AND rid=$2", "iii", o->pkey, o->rid, s->pkey);
        tx_exec(tx, "UPDATE fhir_change SET pkey=$2 WHERE seq IN (SELECT seq FROM fhir_version WHERE pkey=$2 AND rid=$1)", "ii", o->rid, s->pkey);
        tx_exec(tx, "UPDATE fhir_name SET pkey=$3 WHERE type=$1 AND name=$2", "tti", s->type->name, s->name, s->pkey);
    }
    return tx_exec(tx, "UPDATE fhir_resource SET pkey=$3, vid=$4, seq=$5, t_ms=$6, deleted=$7, body=$8, facts=$9, source_id=CASE WHEN $10<0 THEN source_id ELSE $10 END "
                       "WHERE pkey=$1 AND rid=$2", "iiiiiiibbi", o->pkey, o->rid, s->pkey, s->vid, seq, s->t_ms, (int64_t)(s->act == ACT_DELETE), s->body.p, s->body.n, s->packed.p,
                   s->packed.n, source);
}

/* The number of this change: the greatest and one. */
static int64_t next_change(struct tx *tx, struct index_batch *batch)
{
    int64_t seq = batch && batch->seq ? batch->seq : tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM fhir_change", "");
    if (batch)
        batch->seq = seq + 1;
    return seq + 1;
}

int staged_store(struct fhir_work *w, struct tx *tx, struct staged *s, struct index_batch *batch)
{
    struct facts old = {0};
    struct index_batch alone = {0};
    bool first = !batch || !batch->seq; /* of its transaction */
    int rc = old_facts(w, s, &old);
    rc = rc ? rc : reserve_patient(tx, s);
    if (rc == 0) {
        int64_t seq = next_change(tx, batch), source = strcmp(w->q.method, "PATCH") == 0 ? -1 : (int64_t)fhir_source(w);
        rc = s->act == ACT_CREATE ? insert_row(tx, s, seq, source) : replace_row(tx, s, seq, source);
        if (strcmp(s->type->name, "Patient") == 0)
            w->fhir->newest_patient = seq;
        if (terms_type(s->type->name))
            terms_touch(records_parts(w->records)->terms);
        tx_exec(tx, "INSERT INTO fhir_change (seq, type, pkey, rid, vid, t_ms, act) VALUES ($1,$2,$3,$4,$5,$6,$7)", "itiiiii", seq, s->type->name, s->pkey,
                s->rid, s->vid, s->t_ms, (int64_t)s->act);
        rc = rc ? rc : s->act == ACT_CREATE ? index_batch_add(batch ? batch : &alone, s->pkey, s->rid, &s->facts) : index_rows(tx, s, &old, s->act == ACT_UPDATE && s->old.pkey != s->pkey);
        rc = rc ? rc : index_batch_write(tx, &alone);
    }
    index_batch_free(&alone);
    facts_clear(&old);
    return rc == 0 && first && w->actor.client ? exchange_heard(tx, w->actor.client, s->type->name, w->now_ms) : rc;
}
