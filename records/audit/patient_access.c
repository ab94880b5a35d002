/* Who saw my record (patient_access.h). */
#include "records/audit/patient_access.h"
#include "records/audit/audit.h"
#include "records/audit/system_access.h"
#include "records/document/capture.h"
#include "records/patient/patient.h"
#include "records/patient/patient_row.h"
#include "records/patient/sharing.h"
#include "records/work/policy.h"
#include "server/base/crypto.h"
#include "server/base/site_address.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 3000  /* of one record, the newest */
#define GROUPS_MAX 500
#define WRONG_MAX 5
#define FHIR_KEYS_MAX 16 /* of one record */

/* ---- what a line means to a person: the first row whose beginning fits ---- */

static const struct {
    const char *op, *kind;
} kinds[] = {
    {"patient.reveal", "number"}, {"mpi.reveal", "number"}, {"patient.override_review", "judge"}, {"case.override_review", "judge"}, {"patient.override", "emergency"}, {"case.override", "emergency"}, {"document.open", "document"}, {"patient.attachment", "document"},
    {"case.print", "print"}, {"patient.create", "change"}, {"patient.update", "change"}, {"upload.", "change"}, {"document.update", "change"}, {"fhir.register", "change"},
    {"fhir.create", "change"}, {"fhir.update", "change"}, {"fhir.delete", "change"}, {"out.deliver", "sent"}, {"document.withdraw", "change"}, {"consent.", "consent"}, {"mpi.", "index"}, {"access.find", "audit"}, {"access.of_patient", "audit"}, {"access.", "told"}, {"research.", "research"}, {"audit.", "audit"}, {"room.", "session"},
    {"recording.", "session"}, {"patient.", "read"}, {"document.", "read"}, {"case.get", "read"}, {"case.list", "read"}, {"case.", "care"}, {"", "read"},
};

static const char *kind_of(const char *op, const char *outcome)
{
    size_t i = 0;
    if (strcmp(outcome, "ok") != 0)
        return "denied";
    while (strncmp(op, kinds[i].op, strlen(kinds[i].op)) != 0)
        i++;
    return kinds[i].kind;
}

/* "case" "consent" "emergency" "own" "index" "audit" "research" */
static const char *why_of(const char *kind, const char *detail, bool in_case)
{
    static const char *const bases[] = {"own", "case", "consent", "emergency"};
    if (strcmp(kind, "index") == 0 || strcmp(kind, "audit") == 0 || strcmp(kind, "research") == 0)
        return kind;
    if (strcmp(kind, "judge") == 0)
        return "audit";
    if (strcmp(kind, "emergency") == 0)
        return "emergency";
    size_t n = strncmp(detail, "basis=", 6) == 0 ? strcspn(detail + 6, " ") : 0;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        if (n == strlen(bases[i]) && strncmp(detail + 6, bases[i], n) == 0)
            return bases[i];
    return in_case ? "case" : "own";
}

/* ---- groups: one person, one day, one kind, one ground ---- */

static json_t *roles_of(struct op_ctx *ctx, uint64_t person, uint64_t org)
{
    json_t *roles = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT DISTINCT r.role FROM post t JOIN post_role r ON r.post_id=t.id WHERE t.person_id=$1 AND t.org_id=$2 ORDER BY r.role", "ii",
                               (int64_t)person, (int64_t)org);
    while (query_next(q))
        json_array_append_new(roles, json_string(query_text(q, "role")));
    return query_end(q) ? roles : roles;
}

static json_t *ref(struct query *q, const char *id, const char *name)
{
    const char *text = query_text(q, name);
    return json_pack("{s:o,s:s}", "id", json_id((uint64_t)query_int(q, id)), "name", text ? text : "");
}

struct gathering { /* what was read of one person: all records that are his now */
    struct share_member members[SHARE_MAX];
    size_t n;
    json_t *groups;
};

/* Several records of his that were read at once were read once: the line of the one that was asked for tells it (records/call). */
static bool told_with(const struct gathering *g, const char *detail)
{
    const char *with = strstr(detail, " with=");
    uint64_t asked;
    if (!with || id_parse(with + 6, &asked))
        return false;
    for (size_t i = 0; i < g->n; i++)
        if (g->members[i].patient == asked)
            return true;
    return false;
}

static void add_line(struct query *q, const struct gathering *of)
{
    json_t *groups = of->groups;
    if (told_with(of, query_text(q, "detail")))
        return;
    char key[160], day[11];
    const char *number = query_text(q, "number"), *kind = kind_of(query_text(q, "op"), query_text(q, "outcome")),
               *why = why_of(kind, query_text(q, "detail"), number != NULL);
    int64_t t = query_int(q, "t_ms");
    date_of_ms(t, PATIENT_ZONE_MIN, day);
    snprintf(key, sizeof key, "%s %lld %lld %s %s %s", day, (long long)query_int(q, "person_id"), (long long)query_int(q, "org_id"), kind, why, number ? number : "");
    json_t *g = json_object_get(groups, key);
    if (!g && json_object_size(groups) < GROUPS_MAX) {
        g = json_pack("{s:o,s:o,s:s,s:s,s:s?,s:I,s:I,s:i}", "person", ref(q, "person_id", "person_name"), "org", ref(q, "org_id", "org_name"), "kind", kind, "why", why,
                      "number", number, "first_ms", (json_int_t)t, "last_ms", (json_int_t)t, "count", 0);
        json_object_set_new(groups, key, g);
    }
    if (!g)
        return;
    json_object_set_new(g, "count", json_integer(json_integer_value(json_object_get(g, "count")) + 1));
    if (t < json_integer_value(json_object_get(g, "first_ms")))
        json_object_set_new(g, "first_ms", json_integer(t));
    if (t > json_integer_value(json_object_get(g, "last_ms")))
        json_object_set_new(g, "last_ms", json_integer(t));
}

#define LINES                                                                                                                                     \
    "SELECT a.t_ms, a.op, a.outcome, a.person_id, a.org_id, a.detail, p.name AS person_name, o.name AS org_name, c.number FROM audit a "            \
    "LEFT JOIN person p ON p.id=a.person_id LEFT JOIN org o ON o.id=a.org_id LEFT JOIN document d ON d.id=a.object_id LEFT JOIN consult c ON "      \
    "c.id=CASE WHEN d.case_id IS NULL OR d.case_id=0 THEN a.object_id ELSE d.case_id END "
/* Lines of systems are in system_access.h; a comparison in the index names the second record as the object. */
#define OF_PATIENT LINES "WHERE a.patient_id=$1 AND a.person_id<>0 AND a.outcome IN ('ok','denied') ORDER BY a.seq DESC LIMIT $2"
#define OF_OTHER LINES "WHERE a.object_id=$1 AND a.patient_id<>$1 AND a.op>='mpi.' AND a.op<'mpi/' AND a.person_id<>0 AND a.outcome='ok' AND " \
    AUDIT_OF_OBJECT " ORDER BY a.seq DESC LIMIT $2"

/* A system stands where a person would; `day` and act as for people. */
static void add_system(struct query *q, void *to)
{
    json_t *groups = to;
    char key[160], day[11];
    const char *kind = kind_of(query_text(q, "op"), "ok");
    int64_t first = query_int(q, "first_ms"), last = query_int(q, "last_ms");
    date_of_ms(first, PATIENT_ZONE_MIN, day);
    snprintf(key, sizeof key, "%s %lld system %s", day, (long long)query_int(q, "system_id"), kind);
    json_t *g = json_object_get(groups, key);
    if (!g && json_object_size(groups) < GROUPS_MAX) {
        g = json_pack("{s:o,s:o,s:s,s:s,s:n,s:I,s:I,s:i,s:b}", "person", ref(q, "system_id", "system_name"), "org", ref(q, "named_org", "org_name"), "kind", kind, "why", "system", "number",
                      "first_ms", (json_int_t)first, "last_ms", (json_int_t)last, "count", 0, "system", 1);
        json_object_set_new(groups, key, g);
    }
    if (!g)
        return;
    json_object_set_new(g, "count", json_integer(json_integer_value(json_object_get(g, "count")) + query_int(q, "n")));
    if (first < json_integer_value(json_object_get(g, "first_ms")))
        json_object_set_new(g, "first_ms", json_integer(first));
    if (last > json_integer_value(json_object_get(g, "last_ms")))
        json_object_set_new(g, "last_ms", json_integer(last));
}

static int newest_first(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "last_ms")), y = json_integer_value(json_object_get(*(json_t *const *)b, "last_ms"));
    return (x < y) - (x > y);
}

static json_t *in_order(struct op_ctx *ctx, json_t *groups)
{
    size_t n = 0;
    const char *key;
    json_t *g, *out = json_array(), *rows[GROUPS_MAX];
    json_object_foreach(groups, key, g) rows[n++] = g;
    qsort(rows, n, sizeof *rows, newest_first);
    for (size_t i = 0; i < n; i++) {
        uint64_t person = 0, org = 0;
        (void)!id_parse(json_string_value(json_object_get(json_object_get(rows[i], "person"), "id")), &person);
        if (json_string_value(json_object_get(json_object_get(rows[i], "org"), "id")))
            (void)!id_parse(json_string_value(json_object_get(json_object_get(rows[i], "org"), "id")), &org);
        json_object_set_new(rows[i], "roles", roles_of(ctx, person, org));
        json_array_append(out, rows[i]);
    }
    json_decref(groups);
    return out;
}

static int add_lines(struct op_ctx *ctx, const char *sql, uint64_t patient, const struct gathering *groups)
{
    struct query *q = tx_query(ctx->tx, sql, "ii", (int64_t)patient, (int64_t)LINES_MAX);
    while (query_next(q))
        add_line(q, groups);
    return query_end(q);
}

/* Patients of the FHIR store who are he: people's reads over FHIR are kept under their keys. */
static size_t fhir_keys(struct op_ctx *ctx, uint64_t patient, uint64_t out[FHIR_KEYS_MAX])
{
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT pkey FROM fhir_patient WHERE patient_id=$1 AND pkey<>$1 ORDER BY pkey LIMIT $2", "ii", (int64_t)patient, (int64_t)FHIR_KEYS_MAX);
    while (n < FHIR_KEYS_MAX && query_next(q))
        out[n++] = (uint64_t)query_int(q, "pkey");
    return query_end(q) ? 0 : n; /* the error sticks */
}

static int groups_of(struct op_ctx *ctx, uint64_t patient, json_t **out)
{
    struct gathering g = {.n = 0};
    uint64_t keys[FHIR_KEYS_MAX];
    int rc = sharing_members(ctx, patient, g.members, &g.n);
    if (rc)
        return rc;
    g.groups = json_object();
    for (size_t i = 0; i < g.n && rc == 0; i++) {
        uint64_t one = g.members[i].patient;
        size_t n_keys = fhir_keys(ctx, one, keys);
        rc = add_lines(ctx, OF_PATIENT, one, &g);
        rc = rc ? rc : add_lines(ctx, OF_OTHER, one, &g);
        rc = rc ? rc : system_access_each(ctx, one, add_system, g.groups);
        for (size_t k = 0; k < n_keys && rc == 0; k++) {
            rc = add_lines(ctx, OF_PATIENT, keys[k], &g);
            rc = rc ? rc : system_access_each(ctx, keys[k], add_system, g.groups);
        }
    }
    *out = in_order(ctx, g.groups);
    return rc;
}

/* ---- operations for staff ---- */

static json_t *brief(struct op_ctx *ctx, uint64_t patient)
{
    struct patient_row row;
    json_t *o = patient_load(ctx, patient, &row) ? NULL : patient_line_json(ctx, &row);
    patient_row_wipe(&row);
    if (!o)
        return json_null();
    static const char *const kept[] = {"id", "name", "sex", "age_text", "age_text_en", "id_no_masked", "org", "local_number"};
    json_t *less = json_object();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(less, kept[i], json_object_get(o, kept[i]));
    json_decref(o);
    return less;
}

static int find(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t ids[20];
    size_t n = patient_look_up(ctx, 0, arg_text(args, "q"), ids, 20);
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, brief(ctx, ids[i]));
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "found=%zu", n);
    *result = json_pack("{s:o}", "items", items);
    return tx_error(ctx->tx);
}

static int answer(struct op_ctx *ctx, uint64_t patient, json_t **result)
{
    json_t *items = NULL;
    ctx->audit.patient = patient;
    int rc = groups_of(ctx, patient, &items);
    if (rc)
        return rc;
    *result = json_pack("{s:o,s:o,s:I}", "patient", brief(ctx, patient), "items", items, "t_ms", (json_int_t)ctx->now_ms);
    return tx_error(ctx->tx);
}

static int of_patient(struct op_ctx *ctx, json_t *args, json_t **result)
{
    return answer(ctx, arg_id(args, "patient_id"), result);
}

/* For the patient who stands at the desk of the house that keeps his record. */
static int report(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id");
    int rc = patient_check_write(ctx, (struct patient_id){patient});
    return rc ? rc : answer(ctx, patient, result);
}

/* ---- the link ---- */

static int hash_of(const char *text, char out[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];
    crypto_sha256(text, strlen(text), digest);
    return hex_encode(digest, sizeof digest, out, 2 * SHA256_BYTES + 1) < 0 ? ERR_INTERNAL : 0;
}

static int secrets(char token[64], char code[8])
{
    uint8_t random[24];
    uint32_t number;
    crypto_random(random, sizeof random);
    crypto_random(&number, sizeof number);
    snprintf(code, 8, "%06u", number % 1000000);
    return base64url_encode(random, sizeof random, token, 64) < 0 ? ERR_INTERNAL : 0;
}

static int link_make(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id"), id = id_new();
    const char *origin = arg_text(args, "origin");
    char token[64], code[8], salted[96], token_hash[2 * SHA256_BYTES + 1], code_hash[2 * SHA256_BYTES + 1], url[320];
    int rc = patient_check_write(ctx, (struct patient_id){patient});
    if (rc == 0 && origin && !site_address_ok(origin))
        rc = fault_field(ctx->fault, "origin", "not_an_origin");
    rc = rc ? rc : secrets(token, code);
    if (rc)
        return rc;
    snprintf(salted, sizeof salted, "%s %s", token, code);
    rc = hash_of(token, token_hash);
    rc = rc ? rc : hash_of(salted, code_hash);
    int64_t until = ctx->now_ms + work_policy_int(ctx, "sharing.link_h") * 3600000;
    tx_exec(ctx->tx, "UPDATE access_link SET expires_ms=$1 WHERE patient_id=$2 AND expires_ms>$1", "ii", ctx->now_ms, (int64_t)patient); /* the newest alone opens */
    tx_exec(ctx->tx, "INSERT INTO access_link (id, token_hash, code_hash, patient_id, person_id, org_id, created_ms, expires_ms, wrong, opened) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,0,0)",
            "ittiiiii", (int64_t)id, token_hash, code_hash, (int64_t)patient, (int64_t)ctx->actor->person.v, (int64_t)ctx->actor->org.v, ctx->now_ms, until);
    ctx->audit.object = id;
    snprintf(url, sizeof url, "%s/who-saw#%s", origin ? origin : "", token);
    char *svg = qr_svg(url);
    *result = json_pack("{s:s,s:s,s:s?,s:I}", "url", url, "code", code, "qr_svg", svg, "expires_ms", (json_int_t)until);
    free(svg);
    return rc ? rc : tx_error(ctx->tx);
}

struct access_link {
    uint64_t id, patient;
    int64_t expires, wrong;
    char code_hash[2 * SHA256_BYTES + 1];
};

static int load_link(struct op_ctx *ctx, const char *token, struct access_link *l)
{
    char hash[2 * SHA256_BYTES + 1];
    memset(l, 0, sizeof *l);
    if (hash_of(token, hash))
        return ERR_INTERNAL;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM access_link WHERE token_hash=$1", "t", hash);
    if (query_next(q)) {
        *l = (struct access_link){(uint64_t)query_int(q, "id"), (uint64_t)query_int(q, "patient_id"), query_int(q, "expires_ms"), query_int(q, "wrong"), ""};
        snprintf(l->code_hash, sizeof l->code_hash, "%s", query_text(q, "code_hash"));
    }
    int rc = query_end(q);
    if (rc)
        return rc;
    if (!l->id || l->expires <= ctx->now_ms || l->wrong >= WRONG_MAX)
        return fault_set(ctx->fault, ERR_GONE, "link_over", "This link is no longer valid; ask the clinic for a new one.");
    return 0;
}

static int wrong_code(struct op_ctx *ctx, const struct access_link *l)
{
    tx_exec(ctx->tx, "UPDATE access_link SET wrong=wrong+1 WHERE id=$1", "i", (int64_t)l->id);
    ctx->commit_anyway = true;
    fault_field(ctx->fault, "code", "wrong_left:%d", (int)(WRONG_MAX - 1 - l->wrong));
    return fault_set(ctx->fault, ERR_DENIED, "wrong_code", "The code is not right.");
}

/* The family name alone: whoever looks over the shoulder learns no more. */
static json_t *masked_name(struct op_ctx *ctx, uint64_t patient)
{
    struct patient_row row;
    if (patient_load(ctx, patient, &row))
        return json_string("");
    const char *end = row.name;
    while (*end && (end == row.name || (*end & 0xc0) == 0x80))
        end++;
    json_t *name = json_sprintf("%.*s%s", (int)(end - row.name), row.name, *end ? "**" : "");
    patient_row_wipe(&row);
    return name;
}

static int link_open(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct access_link l;
    char salted[96], hash[2 * SHA256_BYTES + 1];
    const char *token = arg_text(args, "token");
    json_t *items = NULL;
    int rc = load_link(ctx, token, &l);
    if (rc)
        return rc;
    ctx->audit.patient = l.patient;
    ctx->audit.object = l.id;
    snprintf(salted, sizeof salted, "%s %s", token, arg_text(args, "code"));
    rc = hash_of(salted, hash);
    if (rc == 0 && !crypto_equal(hash, l.code_hash, sizeof hash - 1))
        return wrong_code(ctx, &l);
    rc = rc ? rc : groups_of(ctx, l.patient, &items);
    if (rc)
        return rc;
    tx_exec(ctx->tx, "UPDATE access_link SET opened=opened+1 WHERE id=$1", "i", (int64_t)l.id);
    *result = json_pack("{s:o,s:o,s:I,s:I}", "name", masked_name(ctx, l.patient), "items", items, "t_ms", (json_int_t)ctx->now_ms, "expires_ms", (json_int_t)l.expires);
    return tx_error(ctx->tx);
}

/* ---- the table ---- */

static const struct field find_args[] = {{"q", FIELD_TEXT, true, 1, 60, .help = "identity number, phone, local number, name, pinyin or initials"}, {0}};
static const struct field one_args[] = {{"patient_id", FIELD_ID, true}, {0}};
static const struct field link_args[] = {
    {"patient_id", FIELD_ID, true}, {"origin", FIELD_TEXT, .max = 220, .help = "the page's own origin, so that the code holds a whole address"}, {0}};
static const struct field open_args[] = {
    {"token", FIELD_TEXT, true, 16, 64, .help = "what stands after # in the link"}, {"code", FIELD_TEXT, true, 6, 6, .help = "the six digits the clinic gave"}, {0}};

const struct op access_ops[] = {
    {"access.find", OP_READ, OP_PHI, "audit.read", find_args, find, "Find a patient whose accesses are to be looked at"},
    {"access.of_patient", OP_READ, OP_PHI, "audit.read", one_args, of_patient, "Who looked at this patient, in groups"},
    {"access.report", OP_READ, OP_PHI, "patient.read", one_args, report, "Who saw my record: on paper for the patient at the desk"},
    {"access.link", OP_WRITE, OP_PHI, "patient.read", link_args, link_make, "Who saw my record: a link with a code for the patient"},
    {"access.open", OP_WRITE, OP_ANONYMOUS | OP_PHI, NULL, open_args, link_open, "Open that link with its code"},
    {0},
};
