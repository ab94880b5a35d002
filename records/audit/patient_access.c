/* Who saw my record (patient_access.h). */
#include "records/audit/patient_access.h"
#include "records/audit/audit.h"
#include "records/audit/audit_scope.h"
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

#define PAGE_LINES 1000 /* of one record: a page goes back to the beginning of the day of that line */
#define FIND_MAX 20
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
    int64_t from_ms, before_ms; /* the page: whole days, so that no group is cut */
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
    if (!g) {
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
#define IS_OF_PATIENT "a.patient_id=$1 AND a.person_id<>0 AND a.outcome IN ('ok','denied')"
#define IS_OF_OTHER "a.object_id=$1 AND a.patient_id<>$1 AND a.op>='mpi.' AND a.op<'mpi/' AND a.person_id<>0 AND a.outcome='ok' AND " AUDIT_OF_OBJECT
#define PAGE " AND a.t_ms>=$2 AND a.t_ms<$3 ORDER BY a.seq DESC"
#define OF_PATIENT LINES "WHERE " IS_OF_PATIENT PAGE
#define OF_OTHER LINES "WHERE " IS_OF_OTHER PAGE

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
    if (!g) {
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
    json_t *g, *out = json_array(), **rows = calloc(json_object_size(groups) + 1, sizeof *rows);
    if (!rows)
        abort();
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
    free(rows);
    json_decref(groups);
    return out;
}

static int add_lines(struct op_ctx *ctx, const char *sql, uint64_t patient, const struct gathering *groups)
{
    struct query *q = tx_query(ctx->tx, sql, "iii", (int64_t)patient, groups->from_ms, groups->before_ms);
    while (query_next(q))
        add_line(q, groups);
    return query_end(q);
}

/* Seen by name in a list, not opened. One row a day for each who saw it; where he was shown of several records of his, once. */
static void add_shown_row(struct query *q, const struct gathering *of)
{
    char key[160];
    int64_t t = query_int(q, "t_ms");
    snprintf(key, sizeof key, "%lld %lld %lld listed", (long long)query_int(q, "day"), (long long)query_int(q, "person_id"), (long long)query_int(q, "org_id"));
    json_t *g = json_object_get(of->groups, key);
    if (!g) {
        g = json_pack("{s:o,s:o,s:s,s:s,s:n,s:I,s:I,s:i}", "person", ref(q, "person_id", "person_name"), "org", ref(q, "org_id", "org_name"), "kind", "listed", "why",
                      query_int(q, "org_id") == query_int(q, "kept_by") ? "own" : "list", "number", "first_ms", (json_int_t)t, "last_ms", (json_int_t)t, "count", 1);
        json_object_set_new(of->groups, key, g);
    } else if (t < json_integer_value(json_object_get(g, "first_ms"))) {
        json_object_set_new(g, "first_ms", json_integer(t));
        json_object_set_new(g, "last_ms", json_integer(t));
    }
}

static int add_shown(struct op_ctx *ctx, uint64_t patient, const struct gathering *of)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT s.day, s.person_id, s.org_id, s.t_ms, p.name AS person_name, o.name AS org_name, t.org_id AS kept_by FROM audit_shown s LEFT JOIN person p ON "
                               "p.id=s.person_id LEFT JOIN org o ON o.id=s.org_id LEFT JOIN patient t ON t.id=s.patient_id WHERE s.patient_id=$1 AND s.t_ms>=$2 AND s.t_ms<$3",
                               "iii", (int64_t)patient, of->from_ms, of->before_ms);
    while (query_next(q))
        add_shown_row(q, of);
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

/* ---- a page ---- */

static int64_t day_begins(int64_t t)
{
    return t - (t + AUDIT_ZONE_MS) % AUDIT_DAY_MS;
}

#define SOURCES 4 /* in which lines of one record stand */
/* $1 record, $2 before, $3 how many newer ones are passed over. The time of the line the page reaches to. */
static const char *const reaching[SOURCES] = {
    "SELECT a.t_ms FROM audit a WHERE " IS_OF_PATIENT " AND a.t_ms<$2 ORDER BY a.seq DESC LIMIT 1 OFFSET $3",
    "SELECT a.t_ms FROM audit a WHERE " IS_OF_OTHER " AND a.t_ms<$2 ORDER BY a.seq DESC LIMIT 1 OFFSET $3",
    "SELECT s.t_ms FROM audit_shown s WHERE s.patient_id=$1 AND s.t_ms<$2 ORDER BY s.day DESC LIMIT 1 OFFSET $3",
    "SELECT t.first_ms FROM audit_system t WHERE t.patient_id=$1 AND t.first_ms<$2 ORDER BY t.first_ms DESC LIMIT 1 OFFSET $3"};

struct records_of { /* of one person: his local records and his Patients of the FHIR store */
    uint64_t ids[SHARE_MAX * (1 + FHIR_KEYS_MAX)];
    bool local[SHARE_MAX * (1 + FHIR_KEYS_MAX)];
    size_t n;
};

static int64_t reach(struct op_ctx *ctx, const struct records_of *r, int64_t before, int64_t over, bool any)
{
    int64_t newest = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t s = 0; s < SOURCES; s++) {
            int64_t t = !r->local[i] && s == 1 ? 0 : tx_int(ctx->tx, 0, reaching[s], "iii", (int64_t)r->ids[i], before, over);
            newest = t > newest ? t : newest;
            if (any && newest)
                return newest;
        }
    return newest;
}

static void all_records(struct op_ctx *ctx, const struct gathering *g, struct records_of *r)
{
    uint64_t keys[FHIR_KEYS_MAX];
    r->n = 0;
    for (size_t i = 0; i < g->n; i++) {
        size_t n = fhir_keys(ctx, g->members[i].patient, keys);
        r->ids[r->n] = g->members[i].patient;
        r->local[r->n++] = true;
        for (size_t k = 0; k < n; k++) {
            r->ids[r->n] = keys[k];
            r->local[r->n++] = false;
        }
    }
}

/* The days before `before_ms` (0 = all), back to that of the PAGE_LINES-th line; *next is where the page before begins, 0 = there is none. */
static int groups_of(struct op_ctx *ctx, uint64_t patient, int64_t before_ms, json_t **out, int64_t *next)
{
    struct gathering g = {.n = 0, .before_ms = before_ms ? day_begins(before_ms) : INT64_MAX};
    struct records_of r;
    int rc = sharing_members(ctx, patient, g.members, &g.n);
    if (rc)
        return rc;
    all_records(ctx, &g, &r);
    int64_t last = reach(ctx, &r, g.before_ms, PAGE_LINES - 1, false);
    g.from_ms = last ? day_begins(last) : 0;
    *next = g.from_ms && reach(ctx, &r, g.from_ms, 0, true) ? g.from_ms : 0;
    g.groups = json_object();
    for (size_t i = 0; i < r.n && rc == 0; i++) {
        rc = add_lines(ctx, OF_PATIENT, r.ids[i], &g);
        rc = rc || !r.local[i] ? rc : add_lines(ctx, OF_OTHER, r.ids[i], &g);
        rc = rc ? rc : add_shown(ctx, r.ids[i], &g);
        rc = rc ? rc : system_access_each(ctx, r.ids[i], g.from_ms, g.before_ms, add_system, g.groups);
    }
    *out = in_order(ctx, g.groups);
    return rc ? rc : tx_error(ctx->tx);
}

static json_t *next_json(int64_t next)
{
    return next ? json_integer(next) : json_null();
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

/* Of any institution, or of those an auditor sees, one after the other. */
static size_t look_up(struct op_ctx *ctx, uint64_t scope, const char *typed, uint64_t ids[FIND_MAX + 1])
{
    size_t n = 0;
    if (!scope)
        return patient_look_up(ctx, 0, typed, ids, FIND_MAX + 1);
    for (int64_t org = 0; n <= FIND_MAX && (org = tx_int(ctx->tx, 0, "SELECT MIN(s.id) AS id FROM " AUDIT_BELOW("$1") " s WHERE s.id>$2", "ii", (int64_t)scope, org)) > 0;)
        n += patient_look_up(ctx, (uint64_t)org, typed, ids + n, FIND_MAX + 1 - n);
    return n;
}

static int find(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t ids[FIND_MAX + 1];
    size_t n = look_up(ctx, audit_scope(ctx), arg_text(args, "q"), ids);
    bool more = n > FIND_MAX;
    json_t *items = json_array();
    n -= more;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, brief(ctx, ids[i]));
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "found=%zu", n);
    *result = json_pack("{s:o,s:b}", "items", items, "truncated", more);
    return tx_error(ctx->tx);
}

static int answer(struct op_ctx *ctx, uint64_t patient, const json_t *args, json_t **result)
{
    json_t *items = NULL;
    int64_t next = 0;
    ctx->audit.patient = patient;
    int rc = groups_of(ctx, patient, arg_int(args, "before_ms", 0), &items, &next);
    if (rc)
        return rc;
    *result = json_pack("{s:o,s:o,s:I,s:o}", "patient", brief(ctx, patient), "items", items, "t_ms", (json_int_t)ctx->now_ms, "next", next_json(next));
    return tx_error(ctx->tx);
}

static int of_patient(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id"), scope = audit_scope(ctx);
    ctx->audit.patient = patient;
    if (scope && !audit_scope_keeps(ctx, scope, patient))
        return fault_set(ctx->fault, ERR_DENIED, "not_your_patient", "Your institution does not keep this patient's record.");
    return answer(ctx, patient, args, result);
}

/* For the patient who stands at the desk of the house that keeps his record. */
static int report(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id");
    int rc = patient_check_write(ctx, (struct patient_id){patient});
    return rc ? rc : answer(ctx, patient, args, result);
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
    int64_t next = 0;
    int rc = load_link(ctx, token, &l);
    if (rc)
        return rc;
    ctx->audit.patient = l.patient;
    ctx->audit.object = l.id;
    snprintf(salted, sizeof salted, "%s %s", token, arg_text(args, "code"));
    rc = hash_of(salted, hash);
    if (rc == 0 && !crypto_equal(hash, l.code_hash, sizeof hash - 1))
        return wrong_code(ctx, &l);
    rc = rc ? rc : groups_of(ctx, l.patient, arg_int(args, "before_ms", 0), &items, &next);
    if (rc)
        return rc;
    tx_exec(ctx->tx, "UPDATE access_link SET opened=opened+1 WHERE id=$1", "i", (int64_t)l.id);
    *result = json_pack("{s:o,s:o,s:I,s:I,s:o}", "name", masked_name(ctx, l.patient), "items", items, "t_ms", (json_int_t)ctx->now_ms, "expires_ms", (json_int_t)l.expires, "next",
                        next_json(next));
    return tx_error(ctx->tx);
}

/* ---- the table ---- */

static const struct field find_args[] = {{"q", FIELD_TEXT, true, 1, 60, .help = "identity number, phone, local number, name, pinyin or initials"}, {0}};
#define BEFORE {"before_ms", FIELD_TIME, .help = "next of the page before: what is older"}
static const struct field one_args[] = {{"patient_id", FIELD_ID, true}, BEFORE, {0}};
static const struct field link_args[] = {
    {"patient_id", FIELD_ID, true}, {"origin", FIELD_TEXT, .max = 220, .help = "the page's own origin, so that the code holds a whole address"}, {0}};
static const struct field open_args[] = {
    {"token", FIELD_TEXT, true, 16, 64, .help = "what stands after # in the link"}, {"code", FIELD_TEXT, true, 6, 6, .help = "the six digits the clinic gave"}, BEFORE, {0}};

const struct op access_ops[] = {
    {"access.find", OP_READ, OP_PHI, "audit.read", find_args, find, "Find a patient whose accesses are to be looked at"},
    {"access.of_patient", OP_READ, OP_PHI, "audit.read", one_args, of_patient, "Who looked at this patient, in groups"},
    {"access.report", OP_READ, OP_PHI, "patient.read", one_args, report, "Who saw my record: on paper for the patient at the desk"},
    {"access.link", OP_WRITE, OP_PHI, "patient.read", link_args, link_make, "Who saw my record: a link with a code for the patient"},
    {"access.open", OP_WRITE, OP_ANONYMOUS | OP_PHI, NULL, open_args, link_open, "Open that link with its code"},
    {0},
};
