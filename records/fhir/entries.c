/* What the store keeps of a patient, as entries of his timeline (entries.h).
 *
 * Read when it is asked for, along the key (patient, resource): nothing is kept twice, an amended resource is its newest version, a deleted one is gone.
 */
#include "records/fhir/entries.h"
#include "records/exchange/exchange.h"
#include "records/quality/quality.h"
#include "records/work/staff.h"
#include <stdio.h>

#define READ_MAX 8000 /* resources of one Patient, the newest */
#define HOMES_MAX 64
#define UP_MAX 4 /* a value in a panel in a report */

/* ---- what a code is here ---- */

/* NULL: nothing. Borrowed. */
static json_t *standard_of(struct teller *t, struct coded *c)
{
    struct quality_standard said = {.code = ""};
    const struct clean_entry *e = &c->as.data;
    if (c->settled)
        return c->standard;
    c->settled = true;
    const char *code = fhir_standard_of(t->ctx->tx, c->source, &c->as, &said);
    const char *system = code == said.code ? said.system : code == e->standard_code ? e->standard_system : e->system;
    if (*code)
        c->standard = quality_code_json(records_parts(t->ctx->records)->quality, system, code);
    return c->standard;
}

static bool of_illness(const struct piece *p)
{
    return strcmp(p->kind, "diagnosis") == 0 || strcmp(p->kind, "problem") == 0;
}

static void add_codes(json_t *line, json_t *codes)
{
    json_t *held = json_object_get(line, "codes");
    if (codes && held)
        json_array_extend(held, codes);
    else if (codes)
        json_object_set_new(line, "codes", json_copy(codes));
}

static void settle_code(struct teller *t, struct piece *p)
{
    if (!p->code)
        return;
    const char *raw = p->code->as.data.code;
    json_t *standard = standard_of(t, p->code);
    const char *better = json_string_value(json_object_get(standard, "code")), *name = json_string_value(json_object_get(standard, "name"));
    if (better && strcmp(better, raw) != 0)
        json_object_set(p->line, "standard", standard);
    if (better && strcmp(p->kind, "observation") == 0)
        json_object_set_new(p->line, "item", json_sprintf("%s|%s", json_string_value(json_object_get(standard, "system")), better));
    if (!json_object_get(p->line, "title"))
        json_object_set_new(p->line, "title", json_string(name ? name : *p->code->as.display ? p->code->as.display : raw));
    if (!of_illness(p))
        return;
    json_t *codes = json_pack("[s]", better ? better : raw);
    add_codes(p->line, codes);
    if (p->visit && p->visit->codes)
        json_array_extend(p->visit->codes, codes);
    else if (p->visit)
        p->visit->codes = json_incref(codes);
    json_decref(codes);
}

/* ---- where it is from ---- */

/* A client's institution; of a client of the whole consortium, and of what the system wrote, the one the resource names, else the one that keeps the record. */
static uint64_t org_of(struct teller *t, uint64_t source, const char *named, json_t **client)
{
    struct tx *tx = t->ctx->tx;
    uint64_t org = 0;
    *client = NULL;
    struct query *q = tx_query(tx, "SELECT name, org_id FROM fhir_client WHERE id=$1", "i", (int64_t)source);
    if (query_next(q)) {
        org = (uint64_t)query_int(q, "org_id");
        *client = json_string(query_text(q, "name"));
    }
    if (query_end(q))
        return 0;
    if (!*client && source) /* a person's institution */
        org = (uint64_t)tx_int(tx, 0, "SELECT id FROM org WHERE id=$1", "i", (int64_t)source);
    if (!org && named)
        org = (uint64_t)tx_int(tx, 0, "SELECT id FROM org WHERE code=$1", "t", named);
    return org ? org : (uint64_t)tx_int(tx, 0, "SELECT org_id FROM patient WHERE id=$1", "i", (int64_t)t->patient);
}

static struct origin *origin_of(struct teller *t, const struct piece *p)
{
    struct origin *o = NULL;
    char key[sizeof o->key];
    snprintf(key, sizeof key, "%llx|%.60s", (unsigned long long)p->source, p->org ? p->org : "");
    HASH_FIND_STR(t->origins, key, o);
    if (o || !(o = teller_keep(t, sizeof *o)))
        return o;
    memcpy(o->key, key, sizeof key);
    struct org_id org = {org_of(t, p->source, p->org, &o->name)};
    o->org = org_ref(t->ctx, org);
    o->name = o->name ? o->name : json_string("FHIR");
    o->n_sources = exchange_sources_of(t->ctx, org.v, o->sources, SOURCES_MAX);
    HASH_ADD_STR(t->origins, key, o);
    return o;
}

/* What a message of the institution would call it (records/patient/doors.h). */
static void put_keys(struct teller *t, struct piece *p, const struct origin *o)
{
    json_t *keys = p->numbers[0] && o->n_sources ? json_array() : NULL;
    for (size_t i = 0; keys && i < NUMBERS_MAX && p->numbers[i]; i++)
        for (size_t k = 0; k < o->n_sources; k++)
            json_array_append_new(keys, json_integer(exchange_entry_key(t->ctx, o->sources[k], p->kind, p->numbers[i], "")));
    if (keys)
        json_object_set_new(p->line, "keys", keys);
}

static void settle_origin(struct teller *t, struct piece *p)
{
    const struct origin *o = origin_of(t, p);
    if (!o)
        return;
    json_object_set(p->line, "org", o->org);
    json_object_set(p->line, "source", o->name);
    put_keys(t, p, o);
}

/* ---- which belong together ---- */

static struct piece *head_of(const struct piece *p)
{
    const struct place *at = p->self ? p->self->part_of : NULL;
    struct piece *head = NULL;
    for (int up = 0; up < UP_MAX && at; up++, at = at->part_of)
        head = at->head ? at->head : head;
    bool of_visit = strcmp(p->kind, "diagnosis") == 0 || strcmp(p->kind, "procedure") == 0;
    return !head && p->visit && of_visit ? p->visit->head : head;
}

/* Values that came without a report stand together when they are of one moment. `before`: the one of the same Patient that was settled last. */
static bool of_one_moment(const struct piece *p, const struct piece *before)
{
    const char *a = json_string_value(json_object_get(p->line, "category")), *b = before ? json_string_value(json_object_get(before->line, "category")) : NULL;
    return before && p->t_ms == before->t_ms && p->source == before->source && strcmp(a ? a : "", b ? b : "") == 0;
}

static void settle_place(struct piece *p, const struct piece **loose)
{
    struct piece *head = head_of(p);
    json_t *codes = p->visit ? p->visit->codes : p->self ? p->self->codes : NULL;
    bool value = strcmp(p->kind, "observation") == 0;
    add_codes(p->line, codes);
    if (head) {
        json_object_set(p->line, "head_id", json_object_get(head->line, "id"));
        json_object_set(p->line, "message_id", json_object_get(p->line, "head_id"));
        if (json_is_true(json_object_get(head->line, "restricted")))
            json_object_set_new(p->line, "restricted", json_true());
    } else if (value && of_one_moment(p, *loose))
        json_object_set(p->line, "message_id", json_object_get((*loose)->line, "message_id"));
    else
        json_object_set(p->line, "message_id", json_object_get(p->line, "id"));
    if (value && !head)
        *loose = p;
}

/* A panel of a report is the report. */
static bool told_already(const struct piece *p)
{
    return strcmp(p->kind, "report") == 0 && head_of(p);
}

/* ---- all of it ---- */

static int each_row(struct teller *t, int64_t pkey, bool *cut)
{
    struct query *q = tx_query(t->ctx->tx,
                               "SELECT pkey, rid, vid, seq, born, t_ms, deleted, type, name, body, source_id FROM fhir_resource WHERE pkey=$1 AND deleted=0 AND type IN (" TYPES
                               ") ORDER BY rid DESC LIMIT $2",
                               "ii", pkey, (int64_t)READ_MAX + 1);
    size_t n = 0;
    int rc = 0;
    while (rc == 0 && query_next(q)) {
        struct fhir_row row = {0};
        if (n++ == READ_MAX) {
            *cut = true;
            break;
        }
        rc = row_take(&t->w, q, ROW_BODY, &row);
        if (rc == 0)
            teller_row(t, &row, (uint64_t)query_int(q, "source_id"));
        fhir_row_clear(&row);
    }
    int ended = query_end(q);
    return rc ? rc : ended ? ended : t->failed ? ERR_UNAVAILABLE : 0;
}

/* A person of the index is called by his first record; who was taken out of another has a name of his own, and is then the first of his records. */
static uint64_t person_called(struct teller *t)
{
    return (uint64_t)tx_int(t->ctx->tx, 0,
                            "SELECT m.person_id FROM mpi_member m WHERE m.patient_id=$1 AND m.person_id<>$1 AND NOT EXISTS (SELECT 1 FROM patient p WHERE p.id=m.person_id) AND "
                            "NOT EXISTS (SELECT 1 FROM mpi_member o WHERE o.person_id=m.person_id AND o.patient_id<m.patient_id)",
                            "i", (int64_t)t->patient);
}

/* Patients who are he; and the person of the index that is called by him. */
static size_t patients_of(struct teller *t, int64_t out[HOMES_MAX])
{
    size_t n = 0;
    char name[FHIR_ID_BYTES], other[FHIR_ID_BYTES] = "";
    uint64_t person = person_called(t);
    own_id(&own_patient, t->patient, name);
    if (person)
        own_id(&own_patient, person, other);
    struct query *q = tx_query(t->ctx->tx,
                               "SELECT pkey FROM fhir_patient WHERE patient_id=$1 UNION SELECT pkey FROM fhir_name WHERE type='Patient' AND name IN ($2,$3) ORDER BY pkey LIMIT $4", "itti",
                               (int64_t)t->patient, name, other, (int64_t)HOMES_MAX);
    while (n < HOMES_MAX && query_next(q))
        out[n++] = query_int(q, "pkey");
    return query_end(q) ? 0 : n; /* the error sticks */
}

/* By time, so that those of one moment follow each other. */
static int by_moment(const void *a, const void *b)
{
    const struct piece *x = *(struct piece *const *)a, *y = *(struct piece *const *)b;
    if (x->t_ms != y->t_ms)
        return x->t_ms < y->t_ms ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    const char *c = json_string_value(json_object_get(x->line, "category")), *d = json_string_value(json_object_get(y->line, "category"));
    int of = strcmp(c ? c : "", d ? d : "");
    return of ? of : strcmp(json_string_value(json_object_get(x->line, "id")), json_string_value(json_object_get(y->line, "id")));
}

static void settle(struct teller *t)
{
    const struct piece *loose = NULL;
    for (size_t i = 0; i < t->n; i++) {
        struct piece *p = t->pieces[i];
        settle_origin(t, p);
        settle_code(t, p);
        if (p->self && (strcmp(p->kind, "report") == 0 || strcmp(p->kind, "encounter") == 0))
            p->self->head = p;
    }
    if (t->n)
        qsort(t->pieces, t->n, sizeof *t->pieces, by_moment);
    for (size_t i = 0; i < t->n; i++)
        settle_place(t->pieces[i], &loose);
}

/* Of a component the rule's key is its number without a nought before it. */
static void put_right(json_t *line, const json_t *right)
{
    char key[60], *dot;
    snprintf(key, sizeof key, "%s", json_string_value(json_object_get(line, "id")));
    if ((dot = strchr(key, '.')))
        snprintf(dot, (size_t)(key + sizeof key - dot), ".%d", atoi(dot + 1));
    json_t *better = json_object_get(right, key);
    if (better)
        json_object_set(line, "put_right", better);
}

static void hand_over(struct teller *t, json_t *items, const json_t *right, bool own_only)
{
    char own[ID_TEXT_BYTES];
    id_format(t->ctx->actor->org.v, own);
    for (size_t i = 0; i < t->n; i++) {
        struct piece *p = t->pieces[i];
        const char *org = json_string_value(json_object_get(json_object_get(p->line, "org"), "id"));
        if (told_already(p) || (own_only && (!org || strcmp(org, own) != 0)))
            continue;
        if (json_object_size(right))
            put_right(p->line, right);
        json_array_append(items, p->line);
    }
}

static void forget_pieces(struct teller *t)
{
    struct place *p, *next;
    for (size_t i = 0; i < t->n; i++)
        json_decref(t->pieces[i]->line);
    t->n = 0;
    HASH_ITER(hh, t->places, p, next)
    {
        json_decref(p->codes);
        HASH_DEL(t->places, p);
    }
}

static int tell_patient(struct teller *t, int64_t pkey, json_t *items, bool own_only, bool *cut)
{
    int rc = each_row(t, pkey, cut);
    json_t *right = rc || !t->n ? NULL : quality_put_right(t->ctx, (uint64_t)pkey);
    if (rc == 0) {
        settle(t);
        rc = t->failed ? ERR_UNAVAILABLE : tx_error(t->ctx->tx);
    }
    if (rc == 0)
        hand_over(t, items, right, own_only);
    json_decref(right);
    forget_pieces(t);
    return rc;
}

static void teller_fini(struct teller *t)
{
    struct coded *c, *next_code;
    struct origin *o, *next_origin;
    HASH_ITER(hh, t->codes, c, next_code)
    {
        json_decref(c->standard);
        HASH_DEL(t->codes, c);
    }
    HASH_ITER(hh, t->origins, o, next_origin)
    {
        json_decref(o->org);
        json_decref(o->name);
        HASH_DEL(t->origins, o);
    }
    free(t->pieces);
    free(t->w.answer.body);
    fhir_work_fini(&t->w);
}

static int tell(struct op_ctx *ctx, uint64_t patient, json_t *items, bool own_only, bool *cut)
{
    int64_t pkeys[HOMES_MAX];
    struct teller *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_UNAVAILABLE;
    t->ctx = ctx;
    t->patient = patient;
    size_t n = patients_of(t, pkeys);
    int rc = tx_error(ctx->tx);
    if (n && rc == 0) {
        t->w = (struct fhir_work){.records = ctx->records, .fhir = records_parts(ctx->records)->fhir, .now_ms = ctx->now_ms, .q = {.host = ""}};
        rc = fhir_plan_new(&t->w) ? 0 : fault_set(ctx->fault, ERR_UNAVAILABLE, "", "The FHIR service is not ready.");
        t->texts = rc ? NULL : t->w.plan->scratch->doc;
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = tell_patient(t, pkeys[i], items, own_only, cut);
        teller_fini(t);
    }
    free(t);
    return rc;
}

int fhir_timeline(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut)
{
    return tell(ctx, patient, items, false, cut);
}

int fhir_timeline_own(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut)
{
    return tell(ctx, patient, items, true, cut);
}
