/* Staff: their data, posts and roles, accounts. */
#include "records/access/login.h"
#include "records/access/password.h"
#include "records/access/session.h"
#include "records/access/tries.h"
#include "records/org/names.h"
#include "records/org/org.h"
#include "records/parts.h"
#include "records/patient/identity.h"
#include "records/store/seal.h"
#include "records/work/staff.h"
#include "server/base/crypto.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* "a,b" -> ["a","b"] */
static json_t *words_json(const char *text)
{
    json_t *list = json_array();
    for (const char *p = or_empty(text); *p;) {
        size_t n = strcspn(p, ",");
        if (n)
            json_array_append_new(list, json_stringn(p, n));
        p += n + (p[n] == ',');
    }
    return list;
}

/* NULL when the member is absent; malloc'd. */
static char *words_text(const json_t *args, const char *name)
{
    const json_t *list = json_object_get(args, name), *one;
    char *text = list ? calloc(1, 2000) : NULL;
    size_t i;
    json_array_foreach(list, i, one) if (text && strlen(text) + json_string_length(one) + 2 < 2000 && !strchr(json_string_value(one), ','))
    {
        if (*text)
            strcat(text, ",");
        strcat(text, json_string_value(one));
    }
    return text;
}

static json_t *person_json(struct op_ctx *ctx, struct query *q)
{
    uint64_t id = (uint64_t)query_int(q, "id");
    return json_pack("{s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:b,s:b,s:b,s:b,s:o}", "id", json_id(id), "login", query_text(q, "login"),
                     "name", query_text(q, "name"), "pinyin", query_text(q, "pinyin"), "title", query_text(q, "title"), "phone_masked",
                     query_text(q, "phone_masked"), "licence_no", query_text(q, "licence_no"), "licence_until",
                     query_text(q, "licence_until"), "practice_since", query_text(q, "practice_since"), "specialties",
                     words_json(query_text(q, "specialties")), "languages", words_json(query_text(q, "languages")), "active",
                     (int)query_int(q, "active"), "locked", tries_waiting(ctx, id), "totp_enrolled",
                     (int)query_int(q, "totp_on"), "has_signature", query_int(q, "signature_document") != 0, "posts",
                     login_posts(ctx->tx, id));
}

static int person_one(struct op_ctx *ctx, uint64_t id, json_t **result)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM person WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    if (found)
        *result = person_json(ctx, q);
    int rc = query_end(q);
    ctx->audit.object = id;
    return rc ? rc : found ? 0 : ERR_NOT_FOUND;
}

/* Latin letters without case: login names and pinyin are typed as they come. */
static bool in_text(const char *text, const char *part)
{
    return strcasestr(or_empty(text), part) != NULL;
}

static int person_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *word = or_empty(arg_text(args, "q")), *role = or_empty(arg_text(args, "role"));
    json_t *active = json_object_get(args, "active"), *items = json_array();
    int64_t limit = arg_int(args, "limit", 50), after = (int64_t)arg_id(args, "after"), last = 0;
    bool more = false;
    struct query *q = tx_query(ctx->tx,
                               "SELECT * FROM person p WHERE p.id>$1 AND ($2=0 OR EXISTS (SELECT 1 FROM post t WHERE t.person_id=p.id AND "
                               "(t.org_id=$2 OR t.dept_id=$2))) AND ($3='' OR EXISTS (SELECT 1 FROM post t JOIN post_role r ON r.post_id=t.id "
                               "WHERE t.person_id=p.id AND r.role=$3)) AND ($4<0 OR p.active=$4) ORDER BY p.id",
                               "iiti", after, (int64_t)arg_id(args, "org_id"), role,
                               active ? (int64_t)json_is_true(active) : (int64_t)-1);
    while (query_next(q)) {
        if (*word && !in_text(query_text(q, "name"), word) && !in_text(query_text(q, "login"), word) && !in_text(query_text(q, "pinyin"), word))
            continue;
        if ((int64_t)json_array_size(items) == limit) {
            more = true;
            break;
        }
        last = query_int(q, "id");
        json_array_append_new(items, person_json(ctx, q));
    }
    *result = json_pack("{s:o,s:o}", "items", items, "next", more ? json_id((uint64_t)last) : json_null());
    return query_end(q);
}

static int person_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    return person_one(ctx, arg_id(args, "person_id"), result);
}

static int set_phone(struct op_ctx *ctx, uint64_t id, const char *phone)
{
    uint8_t sealed[64 + SEAL_OVERHEAD];
    char masked[24] = "";
    if (!phone)
        return 0;
    int n = seal_text(records_parts(ctx->records)->patient_keys.seal, id, phone, sealed, sizeof sealed);
    if (n < 0)
        return n;
    if (*phone)
        phone_mask(phone, masked);
    return tx_exec(ctx->tx, "UPDATE person SET phone=$2, phone_masked=$3 WHERE id=$1", "ibt", (int64_t)id, sealed, (size_t)n, masked);
}

static int set_lists(struct op_ctx *ctx, uint64_t id, const json_t *args)
{
    char *specialties = words_text(args, "specialties"), *languages = words_text(args, "languages");
    int rc = tx_exec(ctx->tx, "UPDATE person SET specialties=COALESCE($2,specialties), languages=COALESCE($3,languages) WHERE id=$1", "itt",
                     (int64_t)id, specialties, languages);
    free(specialties);
    free(languages);
    return rc;
}

static int login_free(struct op_ctx *ctx, const char *login)
{
    for (const char *p = login; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-@", *p))
            return fault_field(ctx->fault, "login", "letters_digits");
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM person WHERE login=$1", "t", login) ? fault_field(ctx->fault, "login", "taken") : 0;
}

/* Who may not manage people makes an account that nobody can use yet: its first password comes from a reset by who may, so that
 * a technician never knows the password of a doctor. */
static int person_create(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = id_new();
    char password[PASSWORD_INITIAL_BYTES], hash[PASSWORD_HASH_BYTES], pinyin[NAMES_PINYIN];
    bool tell = actor_may(ctx->records, ctx->actor, "person.manage");
    int rc = login_free(ctx, arg_text(args, "login"));
    if (rc)
        return rc;
    names_pinyin(ctx->records, arg_text(args, "name"), pinyin);
    rc = password_initial(ctx, password, hash);
    if (rc)
        return rc;
    tx_exec(ctx->tx,
            "INSERT INTO person (id, login, name, pinyin, title, phone, phone_masked, licence_no, licence_until, practice_since, "
            "specialties, languages, active, signature_document, password, password_change, totp_secret, totp_on, totp_step, fails, "
            "lockouts, locked_until_ms, created_ms, created_by, version) VALUES "
            "($1,$2,$3,$4,$5,NULL,'',$6,$7,$8,'','',1,0,$9,1,NULL,0,0,0,0,0,$10,$11,1)",
            "itttttt" "ttii", (int64_t)id, arg_text(args, "login"), arg_text(args, "name"), pinyin, or_empty(arg_text(args, "title")),
            or_empty(arg_text(args, "licence_no")), or_empty(arg_text(args, "licence_until")), or_empty(arg_text(args, "practice_since")),
            hash, ctx->now_ms, (int64_t)ctx->actor->person.v);
    set_lists(ctx, id, args);
    rc = set_phone(ctx, id, arg_text(args, "phone"));
    rc = rc ? rc : person_one(ctx, id, result);
    if (rc == 0 && tell)
        json_object_set_new(*result, "initial_password", json_string(password));
    explicit_bzero(password, sizeof password);
    return rc;
}

/* Absent keeps the date, null clears it. */
static const char *date_or_none(const json_t *args, const char *name)
{
    const json_t *v = json_object_get(args, name);
    return v && json_is_null(v) ? "" : json_string_value(v);
}

static int person_update(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "person_id");
    const char *name = arg_text(args, "name");
    char pinyin[NAMES_PINYIN] = "";
    json_t *active = json_object_get(args, "active");
    if (id == ctx->actor->person.v && json_is_false(active))
        return fault_field(ctx->fault, "active", "own_account");
    if (name)
        names_pinyin(ctx->records, name, pinyin);
    tx_exec(ctx->tx,
            "UPDATE person SET name=COALESCE($2,name), pinyin=COALESCE($3,pinyin), title=COALESCE($4,title), "
            "licence_no=COALESCE($5,licence_no), licence_until=COALESCE($6,licence_until), practice_since=COALESCE($7,practice_since), "
            "active=CASE WHEN $8<0 THEN active ELSE $8 END, version=version+1 WHERE id=$1",
            "ittttt" "ti", (int64_t)id, name, name ? pinyin : NULL, arg_text(args, "title"), arg_text(args, "licence_no"),
            date_or_none(args, "licence_until"), date_or_none(args, "practice_since"), json_is_boolean(active) ? (int64_t)json_is_true(active) : (int64_t)-1);
    set_lists(ctx, id, args);
    if (json_is_false(active))
        session_end_all(ctx, id, 0);
    int rc = set_phone(ctx, id, arg_text(args, "phone"));
    return rc ? rc : person_one(ctx, id, result);
}

static int add_post(struct op_ctx *ctx, uint64_t person, const json_t *post, size_t n)
{
    uint64_t id = id_new(), org = arg_id(post, "org_id"), dept = arg_id(post, "dept_id");
    char path[64];
    const json_t *role;
    size_t i;
    snprintf(path, sizeof path, "posts[%zu].org_id", n);
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM org WHERE id=$1 AND kind='institution'", "i", (int64_t)org))
        return fault_field(ctx->fault, path, "not_found");
    snprintf(path, sizeof path, "posts[%zu].dept_id", n);
    if (dept && !staff_is_department(ctx, (struct org_id){dept}, (struct org_id){org}))
        return fault_field(ctx->fault, path, "not_of_this_institution");
    tx_exec(ctx->tx, "INSERT INTO post (id, person_id, org_id, dept_id) VALUES ($1,$2,$3,$4)", "iiii", (int64_t)id, (int64_t)person,
            (int64_t)org, (int64_t)dept);
    snprintf(path, sizeof path, "posts[%zu].roles", n);
    json_array_foreach(json_object_get(post, "roles"), i, role)
    {
        if (access_role(records_parts(ctx->records)->access, json_string_value(role)) < 0 || strcmp(json_string_value(role), "capture") == 0)
            return fault_field(ctx->fault, path, "unknown");
        tx_exec(ctx->tx, "INSERT INTO post_role (post_id, role) VALUES ($1,$2) ON CONFLICT DO NOTHING", "it", (int64_t)id,
                json_string_value(role));
    }
    return tx_error(ctx->tx);
}

/* Posts keep no history of their own: the audit has it. Sessions end, because the acting post may be gone. */
static int person_posts(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "person_id");
    json_t *post;
    size_t i;
    ctx->audit.object = id;
    if (id == ctx->actor->person.v)
        return fault_set(ctx->fault, ERR_DENIED, "own_roles", "Nobody changes his own posts and roles.");
    tx_exec(ctx->tx, "DELETE FROM post_role WHERE post_id IN (SELECT id FROM post WHERE person_id=$1)", "i", (int64_t)id);
    tx_exec(ctx->tx, "DELETE FROM post WHERE person_id=$1", "i", (int64_t)id);
    json_array_foreach(json_object_get(args, "posts"), i, post)
    {
        int rc = add_post(ctx, id, post, i);
        if (rc)
            return rc;
    }
    session_end_all(ctx, id, 0);
    return person_one(ctx, id, result);
}

/* password.h: what the two operations below will want. */
static void fresh_password(struct op_ctx *ctx, const json_t *args)
{
    char password[PASSWORD_INITIAL_BYTES], hash[PASSWORD_HASH_BYTES];
    const char *what = arg_text(args, "what");
    if (!what || strcmp(what, "password") == 0)
        (void)!password_initial(ctx, password, hash);
}

static int person_reset(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "person_id");
    const char *what = arg_text(args, "what");
    char password[PASSWORD_INITIAL_BYTES], hash[PASSWORD_HASH_BYTES];
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s", what);
    ctx->audit.object = id;
    if (id == ctx->actor->person.v)
        return fault_set(ctx->fault, ERR_DENIED, "own_account", "Nobody resets his own account; the settings change one's own password.");
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM person WHERE id=$1", "i", (int64_t)id))
        return ERR_NOT_FOUND;
    if (strcmp(what, "lock") == 0)
        return tries_forget(ctx, id, false);
    session_end_all(ctx, id, 0);
    if (strcmp(what, "totp") == 0)
        return tx_exec(ctx->tx, "UPDATE person SET totp_on=0, totp_secret=NULL, totp_step=0 WHERE id=$1", "i", (int64_t)id);
    int rc = tries_forget(ctx, id, true);
    rc = rc ? rc : password_initial(ctx, password, hash);
    if (rc)
        return rc;
    *result = json_pack("{s:s}", "initial_password", password);
    explicit_bzero(password, sizeof password);
    return tx_exec(ctx->tx, "UPDATE person SET password=$2, password_change=1 WHERE id=$1", "it", (int64_t)id, hash);
}

/* One's own, or anybody's for who manages people. Opinions signed before keep the picture they were signed with. */
static int person_signature(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "person_id"), document = arg_id(args, "document_id");
    if (id != ctx->actor->person.v && !actor_may(ctx->records, ctx->actor, "person.manage"))
        return fault_set(ctx->fault, ERR_DENIED, "not_yourself", "A signature is set by its owner.");
    if (!tx_int(ctx->tx, 0,
                "SELECT COUNT(*) FROM document WHERE id=$1 AND person_id=$2 AND category='signature' AND type IN ('png','jpeg')", "ii",
                (int64_t)document, (int64_t)id))
        return fault_field(ctx->fault, "document_id", "not_a_signature");
    tx_exec(ctx->tx, "UPDATE person SET signature_document=$2 WHERE id=$1", "ii", (int64_t)id, (int64_t)document);
    return person_one(ctx, id, result);
}

/* ---- experts ---- */

#define EXPERTS_MAX 200

static int64_t years_since(const char *date, int64_t now_ms)
{
    int year = atoi(or_empty(date));
    return year > 1900 ? (now_ms / 1000 - (int64_t)(year - 1970) * 31556952) / 31556952 : 0;
}

static json_t *free_time(int64_t ms)
{
    return ms ? json_integer(ms) : json_null();
}

static json_t *expert_json(struct op_ctx *ctx, struct query *q, int64_t from_ms, int64_t to_ms)
{
    int64_t id = query_int(q, "id");
    const char *dept = query_text(q, "dept_name");
    bool leave = tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM shift WHERE person_id=$1 AND kind='leave' AND start_ms<$3 AND end_ms>$2", "iii", id,
                        from_ms, to_ms) > 0;
    int64_t next = tx_int(ctx->tx, 0, "SELECT MIN(start_ms) FROM slot WHERE person_id=$1 AND state='published' AND start_ms>$2", "ii", id,
                          ctx->now_ms);
    int64_t load = tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM slot WHERE person_id=$1 AND state='booked' AND start_ms>=$2 AND start_ms<$2+86400000",
                          "ii", id, from_ms);
    return json_pack("{s:{s:o,s:s},s:{s:o,s:s},s:o,s:s,s:I,s:b,s:o,s:I,s:[]}", "person", "id", json_id((uint64_t)id), "name",
                     query_text(q, "name"), "org", "id", json_id((uint64_t)query_int(q, "org_id")), "name", query_text(q, "org_name"), "dept",
                     dept ? json_pack("{s:o,s:s}", "id", json_id((uint64_t)query_int(q, "dept_id")), "name", dept) : json_null(), "title",
                     query_text(q, "title"), "years", (json_int_t)years_since(query_text(q, "practice_since"), ctx->now_ms), "on_roster",
                     !leave, "next_free_ms", free_time(next), "load_today", (json_int_t)load, "substitutes");
}

static int expert_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *word = or_empty(arg_text(args, "q")), *title = or_empty(arg_text(args, "title"));
    int64_t from = arg_int(args, "start_ms", ctx->now_ms), to = arg_int(args, "end_ms", from + 3600000);
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT p.id, p.name, p.pinyin, p.title, p.practice_since, t.org_id, t.dept_id, o.name AS org_name, d.name AS "
                               "dept_name FROM post t JOIN post_role r ON r.post_id=t.id AND r.role='expert' JOIN person p ON p.id=t.person_id "
                               "JOIN org o ON o.id=t.org_id LEFT JOIN org d ON d.id=t.dept_id WHERE p.active=1 AND ($1=0 OR t.org_id=$1) AND "
                               "($2=0 OR t.dept_id=$2) AND ($3='' OR p.title=$3) ORDER BY t.org_id, t.dept_id, p.id",
                               "iit", (int64_t)arg_id(args, "org_id"), (int64_t)arg_id(args, "dept_id"), title);
    while (json_array_size(items) <= EXPERTS_MAX && query_next(q)) /* of those who fit: who stands behind the first of all is found by name */
        if (!*word || in_text(query_text(q, "name"), word) || in_text(query_text(q, "pinyin"), word))
            json_array_append_new(items, expert_json(ctx, q, from, to));
    *result = json_pack("{s:b,s:o,s:n}", "truncated", json_cut(items, EXPERTS_MAX), "items", items, "next");
    return query_end(q);
}

static const struct field word_of[] = {{"", FIELD_TEXT, .min = 1, .max = 60}};
#define PERSON_MEMBERS                                                                                                                     \
    {"title", FIELD_TEXT, .max = 40}, {"phone", FIELD_TEXT, .max = 24}, {"licence_no", FIELD_TEXT, .max = 40},                            \
        {"licence_until", FIELD_DATE}, {"practice_since", FIELD_DATE}, {"specialties", FIELD_ARRAY, .max = 20, .of = word_of},            \
        {"languages", FIELD_ARRAY, .max = 20, .of = word_of}
static const struct field list_args[] = {{"q", FIELD_TEXT, .max = 60},
                                         {"org_id", FIELD_ID},
                                         {"role", FIELD_TEXT, .max = 24},
                                         {"active", FIELD_BOOL},
                                         {"limit", FIELD_INT, .min = 1, .max = 200},
                                         {"after", FIELD_ID},
                                         {0}};
static const struct field id_args[] = {{"person_id", FIELD_ID, true}, {0}};
static const struct field create_args[] = {{"login", FIELD_TEXT, true, 2, 64}, {"name", FIELD_TEXT, true, 1, 60}, PERSON_MEMBERS, {0}};
static const struct field update_args[] = {{"person_id", FIELD_ID, true}, {"name", FIELD_TEXT, .min = 1, .max = 60}, {"active", FIELD_BOOL}, PERSON_MEMBERS, {0}};
static const struct field role_of[] = {{"", FIELD_TEXT, .min = 1, .max = 24}};
static const struct field post_members[] = {{"org_id", FIELD_ID, true}, {"dept_id", FIELD_ID}, {"roles", FIELD_ARRAY, true, 1, 15, .of = role_of}, {0}};
static const struct field post_of[] = {{"", FIELD_OBJECT, .of = post_members}};
static const struct field posts_args[] = {{"person_id", FIELD_ID, true}, {"posts", FIELD_ARRAY, true, 0, 12, .of = post_of}, {0}};
static const struct field reset_args[] = {{"person_id", FIELD_ID, true}, {"what", FIELD_ENUM, true, .choices = "password|totp|lock"}, {0}};
static const struct field signature_args[] = {{"person_id", FIELD_ID, true}, {"document_id", FIELD_ID, true}, {0}};
static const struct field expert_args[] = {{"dept_id", FIELD_ID},        {"org_id", FIELD_ID},    {"title", FIELD_TEXT, .max = 40}, {"q", FIELD_TEXT, .max = 60},
                                           {"start_ms", FIELD_TIME}, {"end_ms", FIELD_TIME}, {0}};

const struct op person_ops[] = {
    {"person.list", OP_READ, 0, "person.read", list_args, person_list, "Staff"},
    {"person.get", OP_READ, 0, "person.read", id_args, person_get, "One member of staff"},
    {"person.create", OP_WRITE, 0, "person.create", create_args, person_create, "Add a member of staff; the initial password is shown once", fresh_password},
    {"person.update", OP_WRITE, 0, "person.manage", update_args, person_update, "Change a member of staff"},
    {"person.posts", OP_WRITE, 0, "person.manage", posts_args, person_posts, "Posts and roles of somebody else"},
    {"person.reset", OP_WRITE, 0, "person.manage", reset_args, person_reset, "A new password, no second factor, or unlock", fresh_password},
    {"person.signature", OP_WRITE, 0, "self", signature_args, person_signature, "The image of a signature"},
    {"expert.list", OP_READ, 0, "case.read", expert_args, expert_list, "Experts with their load and next free slot"},
    {0},
};
