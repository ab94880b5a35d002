/* Clinical entries: what the map made of a message, written to the patient's record; and read for his timeline. */
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/quality/quality.h"
#include "records/r4/json.h"
#include "records/store/sealed.h"
#include "server/base/crypto.h"
#include "server/base/text_put.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMELINE_MAX 2000 /* the newest of one patient */

int64_t exchange_entry_key(struct op_ctx *ctx, uint64_t source, const char *kind, const char *name, const char *code)
{
    uint8_t mac[SHA256_BYTES];
    char text[400], id[ID_TEXT_BYTES], *at = text, *end = text + sizeof text - 1;
    const char *const parts[] = {id, "|", kind, "|", name, "|", code};
    int64_t key;
    if (!name[0])
        return 0;
    id_format(source, id);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        at = text_add(at, end, parts[i]);
    crypto_hmac_sha256(records_parts(ctx->records)->exchange->key, 32, text, (size_t)(at - text), mac);
    memcpy(&key, mac, sizeof key);
    return key;
}

static int64_t key_of(const struct exchange_taking *t, const struct exchange_entry *e)
{
    return exchange_entry_key(t->ctx, t->source->id, e->kind, e->key, strcmp(e->kind, "observation") == 0 ? e->code : "");
}

/* A JSON object, written at once: five texts at most, for every value of every report. */
static void put_body(struct r4_buf *b, const struct exchange_entry *e)
{
    const struct {
        const char *head, *text;
    } members[] = {{"\"text\":", e->text}, {"\"value\":", e->value}, {"\"range\":", e->range}, {"\"flag\":", e->flag}, {"\"who\":", e->who}};
    const char *between = "{";
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!members[i].text[0])
            continue;
        r4_buf_puts(b, between);
        r4_buf_puts(b, members[i].head);
        r4_buf_quote(b, members[i].text, strlen(members[i].text));
        between = ",";
    }
    r4_buf_puts(b, *between == '{' ? "{}" : "}");
}

struct written { /* an entry in the store */
    int64_t id, key;
    bool replaced;
    struct quality_standard standard;
};

static struct quality_code code_of(const struct exchange_taking *t, const struct exchange_entry *e)
{
    return (struct quality_code){t->source->id, e->kind, e->at.segment, e->system, e->code, e->text, e->standard_system, e->standard_code};
}

static int write_entry(struct exchange_taking *t, const struct exchange_entry *e, struct written *out)
{
    struct tx *tx = t->ctx->tx;
    struct quality_code code = code_of(t, e);
    struct quality_standard *standard = &out->standard;
    int64_t id = (int64_t)id_new(), key = key_of(t, e);
    struct r4_buf body = {0};
    put_body(&body, e);
    if (body.failed) {
        r4_buf_clear(&body);
        return ERR_UNAVAILABLE;
    }
    quality_standard_of(records_parts(t->ctx->records)->quality, tx, &code, standard);
    if (key) /* of an earlier message: lines of one message stand side by side */
        tx_exec(tx, "UPDATE exchange_entry SET replaced_by=$1 WHERE patient_id=$3 AND key=$2 AND replaced_by=0 AND message_id<>$4", "iiii", id, key,
                (int64_t)t->patient, (int64_t)t->message);
    out->id = id;
    out->key = key;
    out->replaced = key && tx_changes(tx) > 0;
    tx_exec(tx,
            "INSERT INTO exchange_entry (id, patient_id, source_id, message_id, kind, code, system, standard_code, standard_system, unit, status, t_ms, key, "
            "replaced_by, body) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,0,$14)",
            "iiiitttttttiis", id, (int64_t)t->patient, (int64_t)t->source->id, (int64_t)t->message, e->kind, e->code, e->system, standard->code,
            standard->system, e->unit, e->status ? e->status : e->raw_status, e->t_ms, key, SEALED(EXCHANGE_ENTRY, id, t->patient, body.p));
    explicit_bzero(body.p, body.n);
    r4_buf_clear(&body);
    return tx_error(tx);
}

/* PV1-44 and PV1-45: from when to when the visit was that the message tells of. */
static int64_t visit_time(struct exchange_taking *t, const char *path)
{
    int64_t ms;
    int digits;
    return hl7_time(hl7_at(t->m, path), EXCHANGE_ZONE_MIN, &ms, &digits) || digits < 8 ? 0 : ms;
}

static int clean(struct exchange_taking *t, const struct exchange_entries *e, const struct written *written)
{
    struct quality_origin from = {t->source->id, t->source->org_id, t->patient, t->message};
    struct quality_entry *list = calloc(e->n ? e->n : 1, sizeof *list);
    int64_t visit = visit_time(t, "PV1-44.1"), leave = visit_time(t, "PV1-45.1");
    bool report = false;
    if (!list)
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < e->n; i++)
        report = report || strcmp(e->items[i].kind, "report") == 0;
    for (size_t i = 0; i < e->n; i++) {
        const struct exchange_entry *x = &e->items[i];
        const struct written *w = &written[i];
        bool of_report = report && strcmp(x->kind, "observation") == 0; /* its time is the report's: one wrong time is found once */
        list[i] = (struct quality_entry){w->id, w->key, w->replaced, {.kind = x->kind, .code = x->code, .system = x->system, .standard_code = w->standard.code,
                                         .standard_system = w->standard.system, .value = x->value, .unit = x->unit, .status = x->status ? x->status : x->raw_status,
                                         .t_ms = of_report ? 0 : x->t_ms, .visit_ms = visit, .leave_ms = leave}};
    }
    int rc = quality_clean_entries(t->ctx, &from, list, e->n);
    free(list);
    return rc;
}

/* A message that no rule speaks of brings nothing to the record; one of ADT is about the registration itself. */
int exchange_write_entries(struct exchange_taking *t)
{
    struct exchange_entries e;
    char type[8];
    int rc = exchange_map_apply(t->source->map, t->m, EXCHANGE_ZONE_MIN, &e, &t->flaw);
    if (rc)
        return rc;
    hl7_text_at(t->m, "MSH-9.1", type, sizeof type);
    if (e.n == 0 && strcmp(type, "ADT") != 0)
        rc = exchange_flaw(&t->flaw, e.ruled ? 101 : 200, "nothing_to_keep", "MSH-9");
    struct written *written = calloc(e.n ? e.n : 1, sizeof *written);
    rc = rc || written ? rc : ERR_UNAVAILABLE;
    for (size_t i = 0; i < e.n && rc == 0; i++)
        rc = write_entry(t, &e.items[i], &written[i]);
    rc = rc ? rc : clean(t, &e, written);
    free(written);
    for (size_t i = 0; i < e.n && rc == 0; i++) {
        struct quality_code code = code_of(t, &e.items[i]);
        quality_count(records_parts(t->ctx->records)->quality, &code);
    }
    t->entries = e.n;
    exchange_entries_fini(&e);
    return rc;
}

/* ---- what came by another door too ---- */

size_t exchange_sources_of(struct op_ctx *ctx, uint64_t org, uint64_t *out, size_t cap)
{
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT id FROM exchange_source WHERE org_id=$1 ORDER BY id LIMIT $2", "ii", (int64_t)org, (int64_t)cap);
    while (n < cap && query_next(q))
        out[n++] = (uint64_t)query_int(q, "id");
    return query_end(q) ? 0 : n; /* the error sticks */
}

/* ---- for patient.timeline ---- */

static bool of_illness(const char *kind)
{
    return strcmp(kind, "diagnosis") == 0 || strcmp(kind, "problem") == 0;
}

/* What a code is here, when it came as another one; and, of an illness, that says how sensitive the entry is. */
static void put_codes(const struct records_parts *p, struct query *q, json_t *line)
{
    const char *standard = query_text(q, "standard_code"), *code = query_text(q, "code");
    if (standard[0] && strcmp(standard, code) != 0)
        json_object_set_new(line, "standard", quality_code_json(p->quality, query_text(q, "standard_system"), standard));
    if (of_illness(query_text(q, "kind")))
        json_object_set_new(line, "codes", json_pack("[s]", standard[0] ? standard : code));
    if (standard[0] && strcmp(query_text(q, "kind"), "observation") == 0)
        json_object_set_new(line, "item", json_sprintf("%s|%s", query_text(q, "standard_system"), standard));
}

/* For doors_join: whose it is, and what he calls a report or a visit. */
static void put_name(struct query *q, json_t *line)
{
    const char *kind = query_text(q, "kind");
    json_object_set_new(line, "from", json_integer(query_int(q, "source_id")));
    if (strcmp(kind, "report") == 0 || strcmp(kind, "encounter") == 0)
        json_object_set_new(line, "key", json_integer(query_int(q, "key")));
}

/* Lines of one message stand side by side: what they say alike is one value, not one each. */
struct alike {
    json_t *kind, *state, *source, *message, *org;
    uint64_t message_id, org_id;
};

static json_t *text_alike(json_t **held, const char *text)
{
    if (!text)
        return json_null();
    if (!*held || strcmp(json_string_value(*held), text) != 0) {
        json_decref(*held);
        *held = json_string(text);
    }
    return *held;
}

static json_t *message_alike(struct alike *a, uint64_t message)
{
    if (!a->message || a->message_id != message) {
        json_decref(a->message);
        a->message = json_id(message);
        a->message_id = message;
    }
    return a->message;
}

static json_t *org_alike(struct alike *a, struct query *q)
{
    uint64_t org = (uint64_t)query_int(q, "org_id");
    if (!a->org || a->org_id != org) {
        json_decref(a->org);
        a->org = json_pack("{s:o,s:s?}", "id", json_id(org), "name", query_text(q, "org_name"));
        a->org_id = org;
    }
    return a->org;
}

static void alike_fini(struct alike *a)
{
    json_decref(a->kind);
    json_decref(a->state);
    json_decref(a->source);
    json_decref(a->message);
    json_decref(a->org);
}

static json_t *entry_json(const struct records_parts *p, struct query *q, struct alike *a)
{
    uint64_t id = (uint64_t)query_int(q, "id");
    const char *body = query_sealed(q, "body", SEALED_EXCHANGE_ENTRY, id, (uint64_t)query_int(q, "patient_id"));
    json_t *o = body ? json_loads(body, 0, NULL) : NULL;
    if (!o)
        return NULL;
    const char *text = json_string_value(json_object_get(o, "text")), *code = query_text(q, "code");
    json_t *line = json_pack("{s:I,s:O,s:s?,s:s?,s:s?,s:O,s:o,s:O,s:O,s:O}", "t_ms", (json_int_t)query_int(q, "t_ms"), "kind", text_alike(&a->kind, query_text(q, "kind")), "title",
                             text ? text : code, "code", code, "unit", query_text(q, "unit"), "state", text_alike(&a->state, query_text(q, "status")), "id", json_id(id), "org",
                             org_alike(a, q), "source", text_alike(&a->source, query_text(q, "source_name")), "message_id", message_alike(a, (uint64_t)query_int(q, "message_id")));
    static const char *const more[] = {"value", "range", "flag", "who"};
    for (size_t i = 0; line && i < sizeof more / sizeof *more; i++)
        if (json_object_get(o, more[i]))
            json_object_set(line, more[i], json_object_get(o, more[i]));
    json_decref(o);
    if (line) {
        put_codes(p, q, line);
        put_name(q, line);
    }
    return line;
}

/* What came stays as it is; what a rule or a person made of it stands beside it. */
static int add_put_right(struct op_ctx *ctx, uint64_t patient, json_t *items, size_t first)
{
    json_t *right = quality_put_right(ctx, patient);
    for (size_t i = first; i < json_array_size(items); i++) {
        json_t *line = json_array_get(items, i), *better = json_object_get(right, json_string_value(json_object_get(line, "id")));
        if (better)
            json_object_set(line, "put_right", better);
    }
    json_decref(right);
    return tx_error(ctx->tx);
}

/* A value stands in the report, a diagnosis or procedure in the visit that its message told before it: entries are numbered as they stand in it. */
struct told {
    uint64_t message, id;
    const char *kind;
    json_t *line;
};

static int by_message(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    if (x->message != y->message)
        return x->message < y->message ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void put_heads(struct told *list, size_t n)
{
    const struct told *report = NULL, *visit = NULL;
    if (n)
        qsort(list, n, sizeof *list, by_message);
    for (size_t i = 0; i < n; i++) {
        const struct told *t = &list[i], *head = NULL;
        if (i == 0 || t->message != t[-1].message)
            report = visit = NULL;
        if (strcmp(t->kind, "report") == 0)
            report = t;
        else if (strcmp(t->kind, "encounter") == 0)
            visit = t;
        else if (strcmp(t->kind, "observation") == 0)
            head = report;
        else if (strcmp(t->kind, "diagnosis") == 0 || strcmp(t->kind, "procedure") == 0)
            head = visit;
        if (head)
            json_object_set(t->line, "head_id", json_object_get(head->line, "id"));
    }
}

int exchange_timeline(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut)
{
    struct told *list = calloc(TIMELINE_MAX, sizeof *list);
    size_t n = 0, read = 0;
    if (!list)
        return ERR_UNAVAILABLE;
    struct query *q = tx_query(ctx->tx,
                               "SELECT e.id, e.patient_id, e.message_id, e.kind, e.code, e.standard_code, e.standard_system, e.unit, e.status, e.t_ms, e.key, e.source_id, e.body, s.name AS source_name, s.org_id, "
                               "o.name AS org_name FROM exchange_entry e LEFT JOIN exchange_source s ON s.id=e.source_id LEFT JOIN org o ON o.id=s.org_id "
                               "WHERE e.patient_id=$1 AND e.replaced_by=0 ORDER BY e.t_ms DESC LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)TIMELINE_MAX + 1);
    size_t first = json_array_size(items);
    struct alike alike = {0};
    while (query_next(q)) {
        if (read++ == TIMELINE_MAX) {
            *cut = true;
            break;
        }
        json_t *line = entry_json(records_parts(ctx->records), q, &alike);
        if (line) {
            json_array_append_new(items, line);
            list[n++] = (struct told){(uint64_t)query_int(q, "message_id"), (uint64_t)query_int(q, "id"), json_string_value(json_object_get(line, "kind")), line};
        }
    }
    int rc = query_end(q);
    alike_fini(&alike);
    put_heads(list, n);
    free(list);
    return rc || json_array_size(items) == first ? rc : add_put_right(ctx, patient, items, first);
}
