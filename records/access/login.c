/* Signing in: password, second factor, acting institution; and the answer "me". */
#include "records/access/login.h"
#include "records/access/password.h"
#include "records/access/session.h"
#include "records/access/tries.h"
#include "records/document/documents.h"
#include "records/parts.h"
#include "records/store/seal.h"
#include "records/work/policy.h"
#include "server/base/crypto.h"
#include "server/base/text.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOTP_BYTES 20
#define KEPT_PASSWORDS 3

struct login {
    uint64_t person;
    char name[64], password[128];
    int64_t totp_step;
    bool active, change, totp_on;
    uint8_t totp[64];
    size_t totp_len;
};

static int open_totp(struct op_ctx *ctx, struct query *q, struct login *l)
{
    char text[2 * sizeof l->totp + 1];
    size_t len;
    const void *sealed = query_blob(q, "totp_secret", &len);
    if (!sealed || len == 0)
        return 0;
    int rc = seal_open_text(records_parts(ctx->records)->totp_key, l->person, sealed, len, text, sizeof text);
    int n = rc < 0 ? rc : hex_decode(text, l->totp, sizeof l->totp);
    explicit_bzero(text, sizeof text);
    if (n < 0)
        return fault_set(ctx->fault, ERR_STORAGE, "totp_secret", "The second factor of this account cannot be opened.");
    l->totp_len = (size_t)n;
    return 0;
}

static int find(struct op_ctx *ctx, const char *where, const char *types, int64_t id, const char *login, struct login *l)
{
    char sql[400];
    memset(l, 0, sizeof *l);
    snprintf(sql, sizeof sql,
             "SELECT id, name, password, active, password_change, totp_on, totp_step, totp_secret "
             "FROM person WHERE %s=$1",
             where);
    struct query *q = login ? tx_query(ctx->tx, sql, types, login) : tx_query(ctx->tx, sql, types, id);
    int rc = 0;
    if (query_next(q)) {
        l->person = (uint64_t)query_int(q, "id");
        TEXT_COPY(l->name, query_text(q, "name"));
        TEXT_COPY(l->password, query_text(q, "password"));
        l->active = query_int(q, "active");
        l->change = query_int(q, "password_change");
        l->totp_on = query_int(q, "totp_on");
        l->totp_step = query_int(q, "totp_step");
        rc = open_totp(ctx, q, l);
    }
    int ended = query_end(q);
    return rc ? rc : ended;
}

static int find_self(struct op_ctx *ctx, struct login *l)
{
    int rc = find(ctx, "id", "i", (int64_t)ctx->actor->person.v, NULL, l);
    return rc || l->person ? rc : ERR_NOT_FOUND;
}

/* ---- stages: what is still asked of this session ---- */

static int64_t posts_of(struct op_ctx *ctx, uint64_t person, uint64_t *only)
{
    int64_t n = tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM post WHERE person_id=$1", "i", (int64_t)person);
    *only = (uint64_t)tx_int(ctx->tx, 0, "SELECT MIN(id) FROM post WHERE person_id=$1", "i", (int64_t)person);
    return n;
}

static const char *next_stage(const struct login *l, bool factor_given, bool post_chosen)
{
    if (l->totp_on && !factor_given)
        return "totp";
    if (l->change)
        return "password";
    return post_chosen ? "ready" : "post";
}

static int set_post(struct op_ctx *ctx, uint64_t session, uint64_t post)
{
    int64_t org = tx_int(ctx->tx, 0, "SELECT org_id FROM post WHERE id=$1", "i", (int64_t)post);
    int64_t dept = tx_int(ctx->tx, 0, "SELECT dept_id FROM post WHERE id=$1", "i", (int64_t)post);
    return tx_exec(ctx->tx, "UPDATE session SET post_id=$2, org_id=$3, dept_id=$4 WHERE id=$1", "iiii", (int64_t)session, (int64_t)post,
                   org, dept);
}

static int restage(struct op_ctx *ctx, uint64_t session, const struct login *l)
{
    bool factor = tx_int(ctx->tx, 0, "SELECT second_factor_ms FROM session WHERE id=$1", "i", (int64_t)session) > 0;
    bool post = tx_int(ctx->tx, 0, "SELECT post_id FROM session WHERE id=$1", "i", (int64_t)session) > 0;
    const char *stage = next_stage(l, factor, post);
    int rc = strcmp(stage, "ready") == 0 || strcmp(stage, "post") == 0 ? tries_know(ctx, l->person) : 0; /* has shown all that he has to show */
    return rc ? rc : tx_exec(ctx->tx, "UPDATE session SET stage=$2 WHERE id=$1", "it", (int64_t)session, stage);
}

/* ---- me ---- */

static json_t *roles_of_post(struct tx *tx, uint64_t post)
{
    json_t *roles = json_array();
    struct query *q = tx_query(tx, "SELECT role FROM post_role WHERE post_id=$1 ORDER BY role", "i", (int64_t)post);
    while (query_next(q))
        json_array_append_new(roles, json_string(query_text(q, "role")));
    return query_end(q) ? (json_decref(roles), json_array()) : roles;
}

static json_t *post_json(struct tx *tx, struct query *q)
{
    const char *dept = query_text(q, "dept_name");
    return json_pack("{s:o,s:{s:o,s:s,s:s?},s:o,s:o}", "id", json_id((uint64_t)query_int(q, "id")), "org", "id",
                     json_id((uint64_t)query_int(q, "org_id")), "name", query_text(q, "org_name"), "level", query_text(q, "level"), "dept",
                     dept ? json_pack("{s:o,s:s}", "id", json_id((uint64_t)query_int(q, "dept_id")), "name", dept) : json_null(), "roles",
                     roles_of_post(tx, (uint64_t)query_int(q, "id")));
}

json_t *login_posts(struct tx *tx, uint64_t person)
{
    json_t *posts = json_array();
    struct query *q = tx_query(tx,
                               "SELECT p.id, p.org_id, p.dept_id, o.name AS org_name, o.level, d.name AS dept_name FROM post p JOIN org o "
                               "ON o.id=p.org_id LEFT JOIN org d ON d.id=p.dept_id AND d.id<>p.org_id WHERE p.person_id=$1 ORDER BY p.id",
                               "i", (int64_t)person);
    while (query_next(q))
        json_array_append_new(posts, post_json(tx, q));
    return query_end(q) ? (json_decref(posts), json_array()) : posts;
}

static void add_rights(struct op_ctx *ctx, uint64_t roles, json_t *to)
{
    const struct access *a = records_parts(ctx->records)->access;
    const json_t *table = json_object_get(access_table(a), "roles");
    json_t *seen = json_object(), *role, *right;
    size_t i, j;
    json_array_foreach(table, i, role)
    {
        if (!(roles >> i & 1))
            continue;
        json_array_foreach(json_object_get(role, "rights"), j, right)
        {
            if (!json_object_get(seen, json_string_value(right)))
                json_array_append_new(to, json_string(json_string_value(right))); /* a copy: the table is every reader's */
            json_object_set_new(seen, json_string_value(right), json_true());
        }
    }
    json_decref(seen);
}

/* The parts that come from the session's row. */
static int add_session(struct op_ctx *ctx, uint64_t session, json_t *me)
{
    struct query *q = tx_query(ctx->tx, "SELECT stage, csrf, second_factor_ms, post_id, only_role FROM session WHERE id=$1", "i",
                               (int64_t)session);
    if (query_next(q)) {
        int64_t factor = query_int(q, "second_factor_ms");
        uint64_t post = (uint64_t)query_int(q, "post_id"), mine;
        const char *only = query_text(q, "only_role");
        json_t *one, *rights = json_array();
        size_t i;
        json_object_set_new(me, "stage", json_string(query_text(q, "stage")));
        json_object_set_new(me, "csrf", json_string(query_text(q, "csrf")));
        json_object_set_new(me, "second_factor_until_ms",
                            json_integer(factor ? factor + work_policy_int(ctx, "access.second_factor_min") * 60000 : 0));
        json_object_set_new(me, "roles", only ? json_pack("[s]", only) : post ? roles_of_post(ctx->tx, post) : json_array());
        add_rights(ctx, session_roles(ctx->tx, records_parts(ctx->records)->access, post, only), rights);
        json_object_set_new(me, "rights", rights);
        json_object_set_new(me, "post", json_null());
        json_array_foreach(json_object_get(me, "posts"), i, one) if (id_parse(json_string_value(json_object_get(one, "id")), &mine) == 0 &&
                                                                     mine == post) json_object_set(me, "post", one);
    }
    return query_end(q);
}

static int me_json(struct op_ctx *ctx, uint64_t session, uint64_t person, json_t **result)
{
    json_t *me = json_object();
    struct query *q = tx_query(ctx->tx, "SELECT id, login, name, title, phone_masked, totp_on, signature_document FROM person WHERE id=$1", "i", (int64_t)person);
    if (query_next(q)) {
        json_object_set_new(me, "person",
                            json_pack("{s:o,s:s,s:s,s:s,s:s,s:b}", "id", json_id(person), "name", query_text(q, "name"), "login",
                                      query_text(q, "login"), "title", query_text(q, "title"), "phone_masked", query_text(q, "phone_masked"),
                                      "has_signature", query_int(q, "signature_document") != 0));
        json_object_set_new(me, "totp_enrolled", json_boolean(query_int(q, "totp_on")));
    }
    int rc = query_end(q);
    json_object_set_new(me, "posts", login_posts(ctx->tx, person));
    rc = rc ? rc : add_session(ctx, session, me);
    json_object_set_new(me, "idle_ms", json_integer(work_policy_int(ctx, "access.idle_min") * 60000));
    json_object_set_new(me, "unread", json_integer(tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM notice WHERE person_id=$1 AND read_ms=0", "i",
                                                          (int64_t)person)));
    json_object_set_new(me, "server_ms", json_integer(ctx->now_ms));
    json_object_set_new(me, "version", json_string("0.1.0"));
    rc = rc ? rc : tx_error(ctx->tx);
    if (rc)
        json_decref(me);
    else
        *result = me;
    return rc;
}

/* ---- password ---- */

/* A wrong password is counted although the call fails (tries.h). */
static int wrong(struct op_ctx *ctx, uint64_t who)
{
    int rc = tries_wrong(ctx, who, 1);
    return rc ? rc : fault_set(ctx->fault, ERR_UNAUTHENTICATED, "bad_credentials", "The login name or the password is not right.");
}

/* Somebody who does not exist costs as much time as somebody who does, so that names cannot be told by waiting. */
static bool password_right(struct op_ctx *ctx, const struct login *l, const char *password)
{
    return password_matches(ctx, l->person ? l->password : NULL, password) && l->active;
}

/* The hashes session_login will want. */
static void login_ahead(struct op_ctx *ctx, const json_t *args)
{
    struct login l;
    if (find(ctx, "login", "t", 0, arg_text(args, "login"), &l) == 0 && tries_check(ctx, tries_of(l.person, arg_text(args, "login"))) == 0)
        (void)!password_right(ctx, &l, arg_text(args, "password"));
}

static int session_login(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct login l;
    uint64_t session, post;
    int rc = find(ctx, "login", "t", 0, arg_text(args, "login"), &l);
    if (rc)
        return rc;
    ctx->audit.object = l.person;
    uint64_t who = tries_of(l.person, arg_text(args, "login"));
    rc = tries_check(ctx, who);
    if (rc)
        return rc;
    if (!password_right(ctx, &l, arg_text(args, "password")))
        return wrong(ctx, who);
    int64_t n = posts_of(ctx, l.person, &post);
    if (n == 0)
        return fault_set(ctx->fault, ERR_DENIED, "no_post", "This account has no post at any institution.");
    struct session_start start = {.person = l.person, .stage = "post",
                                  .until_ms = ctx->now_ms + work_policy_int(ctx, "access.session_hours") * 3600000};
    rc = tries_right(ctx, who);
    rc = rc ? rc : session_open(ctx, &start, &session);
    if (rc == 0 && n == 1)
        rc = set_post(ctx, session, post);
    rc = rc ? rc : restage(ctx, session, &l);
    return rc ? rc : me_json(ctx, session, l.person, result);
}

static int session_post(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct login l;
    uint64_t post = arg_id(args, "post_id");
    int rc = find_self(ctx, &l);
    if (rc)
        return rc;
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM post WHERE id=$1 AND person_id=$2", "ii", (int64_t)post, (int64_t)l.person))
        return fault_field(ctx->fault, "post_id", "not_yours");
    rc = set_post(ctx, ctx->actor->session, post);
    rc = rc ? rc : restage(ctx, ctx->actor->session, &l);
    rc = rc ? rc : session_end_tell(ctx, l.person); /* open lines: other roles hear of other things */
    return rc ? rc : me_json(ctx, ctx->actor->session, l.person, result);
}

static int session_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    (void)args;
    if (!ctx->actor->session)
        return fault_set(ctx->fault, ERR_UNAUTHENTICATED, "no_session", "Sign in first.");
    return me_json(ctx, ctx->actor->session, ctx->actor->person.v, result);
}

static int session_logout(struct op_ctx *ctx, json_t *args, json_t **result)
{
    (void)args;
    (void)result;
    documents_handles_end(records_parts(ctx->records)->documents, ctx->actor->session);
    snprintf(ctx->set_session, 80, "-");
    int rc = tx_exec(ctx->tx, "UPDATE session SET ended_ms=$2 WHERE id=$1", "ii", (int64_t)ctx->actor->session, ctx->now_ms);
    return rc ? rc : session_end_tell(ctx, ctx->actor->person.v);
}

int login_password_check(struct fault *f, const char *path, const char *password)
{
    bool kind[4] = {false};
    size_t n = 0;
    for (const char *p = password; *p; p++, n += (*p & 0xc0) != 0x80)
        kind[islower((unsigned char)*p) ? 0 : isupper((unsigned char)*p) ? 1 : isdigit((unsigned char)*p) ? 2 : 3] = true;
    if (n < 10)
        return fault_field(f, path, "too_short:10");
    return kind[0] + kind[1] + kind[2] + kind[3] >= 3 ? 0 : fault_field(f, path, "three_kinds");
}

static bool used_before(struct op_ctx *ctx, const struct login *l, const char *password)
{
    bool used = password_matches(ctx, l->password, password);
    struct query *q = tx_query(ctx->tx, "SELECT password FROM person_password WHERE person_id=$1 ORDER BY set_ms DESC LIMIT $2", "ii",
                               (int64_t)l->person, (int64_t)KEPT_PASSWORDS - 1);
    while (!used && query_next(q))
        used = password_matches(ctx, query_text(q, "password"), password);
    return query_end(q) == 0 && used;
}

/* The hashes session_password will want: the old one, those not to be used again, the new one's. */
static void password_ahead(struct op_ctx *ctx, const json_t *args)
{
    struct login l;
    char hash[PASSWORD_HASH_BYTES];
    const char *new = arg_text(args, "new");
    if (find_self(ctx, &l))
        return;
    (void)!password_right(ctx, &l, arg_text(args, "old"));
    (void)!used_before(ctx, &l, new);
    (void)!password_make(ctx, new, hash);
}

/* His own password once more, of who is signed in: a session that was left open is not he. Wrong ones count as at the door. */
static int check_own(struct op_ctx *ctx, const struct login *l, const char *path, const char *password)
{
    int rc = tries_check(ctx, l->person);
    if (rc || password_right(ctx, l, password))
        return rc;
    rc = tries_wrong(ctx, l->person, 1);
    return rc ? rc : fault_field(ctx->fault, path, "wrong");
}

static int session_password(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct login l;
    char hash[128];
    const char *new = arg_text(args, "new");
    int rc = find_self(ctx, &l);
    if (rc)
        return rc;
    rc = check_own(ctx, &l, "old", arg_text(args, "old"));
    if (rc)
        return rc;
    rc = login_password_check(ctx->fault, "new", new);
    if (rc == 0 && used_before(ctx, &l, new))
        rc = fault_field(ctx->fault, "new", "used_before");
    rc = rc ? rc : password_make(ctx, new, hash);
    if (rc)
        return rc;
    tx_exec(ctx->tx, "INSERT INTO person_password (person_id, set_ms, password) VALUES ($1,$2,$3)", "iit", (int64_t)l.person, ctx->now_ms,
            l.password);
    tx_exec(ctx->tx, "UPDATE person SET password=$2, password_change=0 WHERE id=$1", "it", (int64_t)l.person, hash);
    session_end_all(ctx, l.person, ctx->actor->session);
    l.change = false;
    rc = restage(ctx, ctx->actor->session, &l);
    return rc ? rc : me_json(ctx, ctx->actor->session, l.person, result);
}

/* ---- second factor ---- */

/* A code is good once (RFC 6238 5.2): its time step must be later than the last one taken. */
static int take_code(struct op_ctx *ctx, struct login *l, const char *code)
{
    int64_t step = crypto_totp_verify(l->totp, l->totp_len, code, ctx->now_ms);
    int rc = tries_check(ctx, l->person);
    if (rc)
        return rc;
    if (step < 0 || step <= l->totp_step) {
        rc = tries_wrong(ctx, l->person, TRIES_OF_CODE);
        return rc ? rc : fault_set(ctx->fault, ERR_UNAUTHENTICATED, "bad_code", "The code is not right, or was used already.");
    }
    tx_exec(ctx->tx, "UPDATE person SET totp_step=$2 WHERE id=$1", "ii", (int64_t)l->person, step);
    rc = tries_right(ctx, l->person);
    return rc ? rc : tx_exec(ctx->tx, "UPDATE session SET second_factor_ms=$2 WHERE id=$1", "ii", (int64_t)ctx->actor->session, ctx->now_ms);
}

static int session_totp(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct login l;
    int rc = find_self(ctx, &l);
    if (rc == 0 && !l.totp_on)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_enrolled", "No second factor is set up for this account.");
    rc = rc ? rc : take_code(ctx, &l, arg_text(args, "code"));
    rc = rc ? rc : restage(ctx, ctx->actor->session, &l);
    return rc ? rc : me_json(ctx, ctx->actor->session, l.person, result);
}

static void enrol_ahead(struct op_ctx *ctx, const json_t *args)
{
    struct login l;
    if (find_self(ctx, &l) == 0)
        (void)!password_right(ctx, &l, arg_text(args, "password"));
}

static int totp_enrol(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct login l;
    uint8_t secret[TOTP_BYTES], sealed[2 * TOTP_BYTES + SEAL_OVERHEAD];
    char text[64], hex[2 * TOTP_BYTES + 1], uri[200];
    int rc = find_self(ctx, &l);
    if (rc == 0 && l.totp_on)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "enrolled", "A second factor is set up already; an administrator can reset it.");
    rc = rc ? rc : check_own(ctx, &l, "password", arg_text(args, "password"));
    if (rc)
        return rc;
    crypto_random(secret, sizeof secret);
    if (base32_encode(secret, sizeof secret, text, sizeof text) < 0 || hex_encode(secret, sizeof secret, hex, sizeof hex) < 0)
        return ERR_INTERNAL;
    int n = seal_text(records_parts(ctx->records)->totp_key, l.person, hex, sealed, sizeof sealed);
    if (n < 0)
        return n;
    tx_exec(ctx->tx, "UPDATE person SET totp_secret=$2, totp_step=0 WHERE id=$1", "ib", (int64_t)l.person, sealed, (size_t)n);
    snprintf(uri, sizeof uri, "otpauth://totp/Yilian:%016llx?secret=%s&issuer=Yilian", (unsigned long long)l.person, text);
    char *svg = qr_svg(uri);
    *result = json_pack("{s:s,s:s,s:s?}", "secret", text, "uri", uri, "qr_svg", svg);
    free(svg);
    return tx_error(ctx->tx);
}

static int totp_confirm(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct login l;
    int rc = find_self(ctx, &l);
    if (rc == 0 && (l.totp_on || !l.totp_len))
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_enrolling", "Ask for a secret first.");
    rc = rc ? rc : take_code(ctx, &l, arg_text(args, "code"));
    if (rc)
        return rc;
    tx_exec(ctx->tx, "UPDATE person SET totp_on=1 WHERE id=$1", "i", (int64_t)l.person);
    l.totp_on = true;
    rc = restage(ctx, ctx->actor->session, &l);
    return rc ? rc : me_json(ctx, ctx->actor->session, l.person, result);
}

/* ---- own sessions, the role table ---- */

#define SESSIONS_SHOWN 50

static int session_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    (void)args;
    struct query *q = tx_query(ctx->tx,
                               "SELECT id, device, address, created_ms, seen_ms FROM session WHERE person_id=$1 AND ended_ms=0 AND "
                               "until_ms>$2 ORDER BY seen_ms DESC, id DESC LIMIT $3",
                               "iii", (int64_t)ctx->actor->person.v, ctx->now_ms, (int64_t)SESSIONS_SHOWN + 1);
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:o,s:s,s:s,s:I,s:I,s:b}", "id", json_id((uint64_t)query_int(q, "id")), "device",
                                               query_text(q, "device"), "address", query_text(q, "address"), "created_ms",
                                               (json_int_t)query_int(q, "created_ms"), "seen_ms", (json_int_t)query_int(q, "seen_ms"),
                                               "current", (uint64_t)query_int(q, "id") == ctx->actor->session));
    *result = json_pack("{s:b,s:o}", "truncated", json_cut(items, SESSIONS_SHOWN), "items", items);
    return query_end(q);
}

static int session_end(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "session_id");
    (void)result;
    documents_handles_end(records_parts(ctx->records)->documents, id);
    tx_exec(ctx->tx, "UPDATE session SET ended_ms=$3 WHERE id=$1 AND person_id=$2 AND ended_ms=0", "iii", (int64_t)id,
            (int64_t)ctx->actor->person.v, ctx->now_ms);
    if (tx_error(ctx->tx))
        return tx_error(ctx->tx);
    return tx_changes(ctx->tx) ? session_end_tell(ctx, ctx->actor->person.v) : ERR_NOT_FOUND;
}

static int role_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    (void)args;
    *result = json_deep_copy(access_table(records_parts(ctx->records)->access));
    return *result ? 0 : ERR_UNAVAILABLE;
}

static const struct field login_args[] = {{"login", FIELD_TEXT, true, 1, 64}, {"password", FIELD_TEXT, true, 1, 200}, {0}};
static const struct field code_args[] = {{"code", FIELD_TEXT, true, 6, 6}, {0}};
static const struct field post_args[] = {{"post_id", FIELD_ID, true}, {0}};
static const struct field password_args[] = {{"old", FIELD_TEXT, true, 1, 200}, {"new", FIELD_TEXT, true, 1, 200}, {0}};
static const struct field enrol_args[] = {{"password", FIELD_TEXT, true, 1, 200, .help = "once more: it will sign for him"}, {0}};
static const struct field session_args[] = {{"session_id", FIELD_ID, true}, {0}};
static const struct field no_args[] = {{0}};

const struct op session_ops[] = {
    {"session.login", OP_WRITE, OP_ANONYMOUS, NULL, login_args, session_login, "Sign in with a password", login_ahead},
    {"session.totp", OP_WRITE, 0, "self", code_args, session_totp, "The second factor, at sign-in and again before signing"},
    {"session.post", OP_WRITE, 0, "self", post_args, session_post, "Choose the acting institution"},
    {"session.get", OP_READ, OP_ANONYMOUS | OP_NO_IDLE, NULL, no_args, session_get, "Who is signed in"},
    {"session.logout", OP_WRITE, 0, "self", no_args, session_logout, "Sign out"},
    {"session.password", OP_WRITE, 0, "self", password_args, session_password, "Change one's own password", password_ahead},
    {"session.totp_enrol", OP_WRITE, 0, "self", enrol_args, totp_enrol, "Begin to set up a second factor", enrol_ahead},
    {"session.totp_confirm", OP_WRITE, 0, "self", code_args, totp_confirm, "Turn the second factor on"},
    {"session.list", OP_READ, 0, "self", no_args, session_list, "One's own sessions"},
    {"session.end", OP_WRITE, 0, "self", session_args, session_end, "End one of one's own sessions"},
    {"role.list", OP_READ, 0, "self", no_args, role_list, "Roles and their rights"},
    {0},
};
