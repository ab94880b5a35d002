/* The patient table: sealing, keys, and the objects of the interface. */
#include "records/audit/audit.h"
#include "records/patient/patient_row.h"
#include "records/r4/json.h"
#include "records/store/key_list.h"
#include "records/store/seal.h"
#include "records/term/fold.h"
#include "server/base/text.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PRIVATE_MAX 8192 /* every byte may need six in JSON */

void patient_row_wipe(struct patient_row *row)
{
    explicit_bzero(&row->secret, sizeof row->secret);
}

/* ---- the sealed column ---- */

struct member {
    const char *name;
    size_t offset, cap;
};
#define MEMBER(name) {#name, offsetof(struct patient_private, name), sizeof((struct patient_private *)0)->name}
static const struct member members[] = {
    MEMBER(id_no),           MEMBER(phone),           MEMBER(insurance_no),      MEMBER(address),
    MEMBER(guardian_name),   MEMBER(guardian_relation), MEMBER(guardian_phone), MEMBER(allergy_detail),
};
#define N_MEMBERS (sizeof members / sizeof *members)

static int seal_private(struct op_ctx *ctx, const struct patient_row *row, uint8_t *out, size_t cap)
{
    char text[PRIVATE_MAX];
    json_t *o = json_object();
    for (size_t i = 0; i < N_MEMBERS; i++) {
        const char *value = (const char *)&row->secret + members[i].offset;
        if (*value)
            json_object_set_new(o, members[i].name, json_string(value));
    }
    size_t n = json_dumpb(o, text, sizeof text - 1, JSON_COMPACT);
    json_decref(o);
    if (n >= sizeof text)
        return ERR_TOO_LARGE;
    text[n] = 0;
    int len = seal_text(records_parts(ctx->records)->patient_keys.seal, row->id, text, out, cap);
    explicit_bzero(text, sizeof text);
    return len;
}

/* Parsed by FHIR's reader: a registration opens a dozen of those it may be. */
static int read_private(const char *text, struct patient_row *row)
{
    struct r4_doc *d = r4_doc_new();
    struct r4_node *o = NULL;
    int rc = d ? r4_json_parse(d, text, strlen(text), &o, NULL) : ERR_STORAGE;
    for (size_t i = 0; rc == 0 && i < N_MEMBERS; i++) {
        struct r4_str value = r4_text(r4_get(o, members[i].name));
        char *to = (char *)&row->secret + members[i].offset;
        size_t n = value.n < members[i].cap ? value.n : members[i].cap - 1;
        if (n)
            memcpy(to, value.p, n);
        to[n] = 0;
    }
    r4_doc_free(d);
    return rc;
}

static int open_private(struct op_ctx *ctx, struct query *q, struct patient_row *row)
{
    char text[PRIVATE_MAX];
    size_t len;
    const void *sealed = query_blob(q, "private", &len);
    int rc = seal_open_text(records_parts(ctx->records)->patient_keys.seal, row->id, sealed, len, text, sizeof text);
    if (rc == 0 && text[0])
        rc = read_private(text, row);
    explicit_bzero(text, strlen(text));
    return rc ? fault_set(ctx->fault, ERR_STORAGE, "sealed", "A patient's record does not open: wrong key or damage.") : 0;
}

int patient_from_query(struct op_ctx *ctx, struct query *q, struct patient_row *row)
{
    memset(row, 0, sizeof *row);
    row->id = (uint64_t)query_int(q, "id");
    row->org_id = (uint64_t)query_int(q, "org_id");
    row->created_by = (uint64_t)query_int(q, "created_by");
    TEXT_COPY(row->local_number, query_text(q, "local_number"));
    TEXT_COPY(row->name, query_text(q, "name"));
    TEXT_COPY(row->pinyin, query_text(q, "pinyin"));
    TEXT_COPY(row->birth_date, query_text(q, "birth_date"));
    TEXT_COPY(row->sex, query_text(q, "sex"));
    TEXT_COPY(row->id_type, query_text(q, "id_type"));
    TEXT_COPY(row->nationality, query_text(q, "nationality"));
    TEXT_COPY(row->insurance_type, query_text(q, "insurance_type"));
    TEXT_COPY(row->allergy_state, query_text(q, "allergy_state"));
    row->temporary = query_int(q, "temporary") != 0;
    row->birth_estimated = query_int(q, "birth_estimated") != 0;
    row->version = query_int(q, "version");
    row->created_ms = query_int(q, "created_ms");
    return open_private(ctx, q, row);
}

int patient_load(struct op_ctx *ctx, uint64_t id, struct patient_row *out)
{
    memset(out, 0, sizeof *out);
    struct query *q = tx_query(ctx->tx, "SELECT * FROM patient WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    int rc = found ? patient_from_query(ctx, q, out) : 0;
    int end = query_end(q);
    if (rc || end)
        return rc ? rc : end;
    return found ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such patient.");
}

int patient_load_to_match(struct op_ctx *ctx, uint64_t id, struct patient_row *out)
{
    memset(out, 0, sizeof *out);
    struct query *q = tx_query(ctx->tx, "SELECT name, birth_date, birth_estimated, sex, private FROM patient WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    int rc = 0;
    if (found) {
        out->id = id;
        TEXT_COPY(out->name, query_text(q, "name"));
        TEXT_COPY(out->birth_date, query_text(q, "birth_date"));
        out->birth_estimated = query_int(q, "birth_estimated") != 0;
        TEXT_COPY(out->sex, query_text(q, "sex"));
        rc = open_private(ctx, q, out);
    }
    int end = query_end(q);
    if (rc || end)
        return rc ? rc : end;
    return found ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such patient.");
}

/* ---- storing ---- */

static void add_blind(struct op_ctx *ctx, struct key_list *k, const char *kind, const char *value)
{
    char key[BLIND_BYTES];
    if (!value[0])
        return;
    blind_index(records_parts(ctx->records)->patient_keys.index, kind, value, key);
    key_list_add(k, kind, key);
}

static void keys_of(struct op_ctx *ctx, const struct patient_row *row, struct key_list *k)
{
    char folded[256];
    struct pinyin_name readings[2];
    k->n = 0;
    add_blind(ctx, k, "id", row->secret.id_no);
    add_blind(ctx, k, "phone", row->secret.phone);
    add_blind(ctx, k, "phone", row->secret.guardian_phone);
    add_blind(ctx, k, "insurance", row->secret.insurance_no);
    text_fold(row->local_number, strlen(row->local_number), folded, sizeof folded);
    key_list_add(k, "local", folded);
    text_fold(row->name, strlen(row->name), folded, sizeof folded);
    key_list_add(k, "name", folded);
    int n = pinyin_name(records_parts(ctx->records)->terms->pinyin, row->name, readings);
    for (int i = 0; i < n; i++) {
        key_list_add(k, "pinyin", readings[i].full);
        key_list_add(k, "initials", readings[i].initials);
    }
}

static void add_key_row(struct op_ctx *ctx, const struct patient_row *row, const char *kind, const char *key)
{
    tx_upsert(ctx->tx, "patient_key", NULL, "org_id,kind,key,patient_id", "itti", (int64_t)row->org_id, kind, key, (int64_t)row->id);
}

static void remove_key_row(struct op_ctx *ctx, const struct patient_row *row, const char *kind, const char *key)
{
    struct late_key late;
    late_text(&late, LATE_PATIENT, row->org_id, kind, key, false);
    tx_exec(ctx->tx, "DELETE FROM patient_key WHERE org_id=$1 AND kind=$2 AND key=$3 AND patient_id=$4", "itti", (int64_t)row->org_id, kind, key, (int64_t)row->id);
    late_remove(ctx->tx, row->id, &late);
}

/* Of somebody new: they wait for their tree. */
static void write_keys(struct op_ctx *ctx, const struct patient_row *row)
{
    struct late_rows rows;
    rows.n = 0;
    struct key_list k;
    keys_of(ctx, row, &k);
    for (size_t i = 0; i < k.n; i++)
        late_text(&rows.keys[rows.n++], LATE_PATIENT, row->org_id, k.list[i].kind, k.list[i].key, false);
    late_add(ctx->tx, row->id, &rows);
}

/* Those he had are made anew from how he was; those that stay are let be. */
static void change_keys(struct op_ctx *ctx, const struct patient_row *row, const struct patient_row *before)
{
    struct key_list now, old;
    bool same_org = row->org_id == before->org_id;
    keys_of(ctx, row, &now);
    keys_of(ctx, before, &old);
    for (size_t i = 0; i < old.n; i++)
        if (!same_org || !key_list_has(&now, old.list[i].kind, old.list[i].key))
            remove_key_row(ctx, before, old.list[i].kind, old.list[i].key);
    for (size_t i = 0; i < now.n; i++)
        if (!same_org || !key_list_has(&old, now.list[i].kind, now.list[i].key))
            add_key_row(ctx, row, now.list[i].kind, now.list[i].key);
}

static bool found_alike(const struct patient_row *a, const struct patient_row *b)
{
    return a->org_id == b->org_id && strcmp(a->local_number, b->local_number) == 0 && strcmp(a->name, b->name) == 0 && strcmp(a->secret.id_no, b->secret.id_no) == 0 &&
           strcmp(a->secret.phone, b->secret.phone) == 0 && strcmp(a->secret.guardian_phone, b->secret.guardian_phone) == 0 &&
           strcmp(a->secret.insurance_no, b->secret.insurance_no) == 0;
}

/* Of what lies open in the row. */
static bool open_alike(const struct patient_row *a, const struct patient_row *b)
{
    return a->org_id == b->org_id && strcmp(a->local_number, b->local_number) == 0 && strcmp(a->name, b->name) == 0 && strcmp(a->pinyin, b->pinyin) == 0 && strcmp(a->sex, b->sex) == 0 &&
           strcmp(a->birth_date, b->birth_date) == 0 && a->birth_estimated == b->birth_estimated && strcmp(a->id_type, b->id_type) == 0 && strcmp(a->nationality, b->nationality) == 0 &&
           strcmp(a->insurance_type, b->insurance_type) == 0 && strcmp(a->allergy_state, b->allergy_state) == 0 && a->temporary == b->temporary && a->created_by == b->created_by &&
           a->created_ms == b->created_ms;
}

/* Which numbers are known, for counts (records/audit/inventory_tables.c). */
static int64_t held(const struct patient_row *row)
{
    const struct patient_private *s = &row->secret;
    return (s->id_no[0] ? 1 : 0) | (s->phone[0] || s->guardian_phone[0] ? 2 : 0) | (s->insurance_no[0] ? 4 : 0);
}

/* Most changes are of an address or a phone: the row's places in the indexes are then left as they are. */
static int write_row(struct op_ctx *ctx, const struct patient_row *row, const struct patient_row *before, const uint8_t *sealed, size_t len)
{
    if (before && open_alike(row, before))
        return tx_exec(ctx->tx, "UPDATE patient SET version=$1, changed_ms=$2, private=$3, held=$4 WHERE id=$5", "iibii", row->version, ctx->now_ms, sealed, len, held(row),
                       (int64_t)row->id);
    return tx_upsert(ctx->tx, "patient", "id",
                     "id,org_id,local_number,name,pinyin,sex,birth_date,birth_estimated,id_type,nationality,insurance_type,"
                     "allergy_state,temporary,version,created_by,created_ms,changed_ms,private,held",
                     "iittttti" "tttt" "iiiii" "bi", (int64_t)row->id, (int64_t)row->org_id, row->local_number, row->name, row->pinyin,
                     row->sex, row->birth_date, (int64_t)row->birth_estimated, row->id_type, row->nationality,
                     row->insurance_type, row->allergy_state, (int64_t)row->temporary, row->version,
                     (int64_t)row->created_by, row->created_ms, ctx->now_ms, sealed, len, held(row));
}

static int check_number(struct op_ctx *ctx, const struct patient_row *row)
{
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM patient WHERE org_id=$1 AND local_number=$2 AND id<>$3", "iti", (int64_t)row->org_id, row->local_number, (int64_t)row->id))
        return tx_error(ctx->tx);
    fault_field(ctx->fault, "local_number", "taken");
    return fault_set(ctx->fault, ERR_CONFLICT, "local_number_taken", "Another patient has this local number.");
}

int patient_store(struct op_ctx *ctx, const struct patient_row *row, const struct patient_row *before)
{
    uint8_t sealed[PRIVATE_MAX + SEAL_OVERHEAD];
    bool found = before && found_alike(row, before);
    int rc = found ? 0 : check_number(ctx, row);
    if (rc)
        return rc;
    int len = seal_private(ctx, row, sealed, sizeof sealed);
    if (len < 0)
        return fault_set(ctx->fault, ERR_INTERNAL, "", "A patient's record could not be sealed.");
    rc = write_row(ctx, row, before, sealed, (size_t)len);
    if (!before)
        write_keys(ctx, row);
    else if (!found)
        change_keys(ctx, row, before);
    char key[ID_TEXT_BYTES], payload[64];
    id_format(row->id, key);
    snprintf(payload, sizeof payload, "{\"version\":%lld}", (long long)row->version);
    tx_feed(ctx->tx, "patient", key, payload);
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- objects ---- */

static json_t *org_ref(struct op_ctx *ctx, uint64_t id)
{
    json_t *ref = NULL;
    struct query *q = tx_query(ctx->tx, "SELECT id, name FROM org WHERE id=$1", "i", (int64_t)id);
    if (query_next(q))
        ref = json_pack("{s:o,s:s?}", "id", json_id(id), "name", query_text(q, "name"));
    int rc = query_end(q);
    return rc || !ref ? json_pack("{s:o,s:s}", "id", json_id(id), "name", "") : ref;
}

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static void ages_of(struct op_ctx *ctx, const struct patient_row *row, json_t *o)
{
    char today[11], zh[32], en[32];
    date_of_ms(ctx->now_ms, PATIENT_ZONE_MIN, today);
    age_text(row->birth_date, today, 0, zh);
    age_text(row->birth_date, today, 1, en);
    json_object_set_new(o, "age_text", json_string(zh));
    json_object_set_new(o, "age_text_en", json_string(en));
}

json_t *patient_line_json(struct op_ctx *ctx, const struct patient_row *row)
{
    char id_mask[IDENTITY_NUMBER_BYTES], phone[24];
    identity_mask(row->secret.id_no, id_mask);
    phone_mask(row->secret.phone, phone);
    json_t *o = json_pack("{s:o,s:s,s:s,s:s,s:s,s:o,s:s,s:o,s:o,s:b,s:o,s:I}", "id", json_id(row->id), "local_number",
                          row->local_number, "name", row->name, "pinyin", row->pinyin, "sex", row->sex, "birth_date",
                          text_or_null(row->birth_date), "id_type", row->id_type, "id_no_masked", text_or_null(id_mask),
                          "phone_masked", text_or_null(phone), "temporary", row->temporary, "org", org_ref(ctx, row->org_id),
                          "version", (json_int_t)row->version);
    if (o)
        ages_of(ctx, row, o);
    audit_shown(ctx, row->id);
    return o;
}

json_t *patient_row_json(struct op_ctx *ctx, const struct patient_row *row)
{
    const struct patient_private *s = &row->secret;
    char insurance[IDENTITY_NUMBER_BYTES], guardian_phone[24];
    json_t *o = patient_line_json(ctx, row);
    identity_mask(s->insurance_no, insurance);
    phone_mask(s->guardian_phone, guardian_phone);
    json_t *guardian = s->guardian_name[0] ? json_pack("{s:s,s:s,s:s}", "name", s->guardian_name, "relation",
                                                       s->guardian_relation, "phone", guardian_phone)
                                           : json_null();
    json_t *more = json_pack("{s:o,s:o,s:o,s:o,s:o,s:{s:s,s:s},s:b,s:I}", "nationality", text_or_null(row->nationality),
                             "insurance_type", text_or_null(row->insurance_type), "insurance_no_masked", text_or_null(insurance),
                             "address", text_or_null(s->address), "guardian", guardian, "allergy", "state", row->allergy_state,
                             "detail", s->allergy_detail, "birth_estimated", row->birth_estimated, "created_ms",
                             (json_int_t)row->created_ms);
    if (o && more)
        json_object_update(o, more);
    json_decref(more);
    return o;
}
