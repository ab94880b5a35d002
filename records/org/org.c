/* The organisation tree. */
#include "records/org/org.h"
#include "records/access/login.h"
#include "records/org/names.h"
#include "records/parts.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *org_json(struct query *q)
{
    uint64_t parent = (uint64_t)query_int(q, "parent_id");
    return json_pack("{s:o,s:o,s:s,s:s?,s:s,s:s,s:s,s:s,s:s,s:b}", "id", json_id((uint64_t)query_int(q, "id")), "parent_id",
                     json_id(parent), "kind", query_text(q, "kind"), "level", query_text(q, "level"), "code", query_text(q, "code"),
                     "name", query_text(q, "name"), "pinyin", query_text(q, "pinyin"), "phone", query_text(q, "phone"), "specialty",
                     query_text(q, "specialty"), "active", (int)query_int(q, "active"));
}

static int org_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    (void)args;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM org ORDER BY parent_id, code", "");
    while (query_next(q))
        json_array_append_new(items, org_json(q));
    *result = json_pack("{s:o}", "items", items);
    return query_end(q);
}

static int one(struct op_ctx *ctx, uint64_t id, json_t **result)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM org WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    if (found)
        *result = org_json(q);
    int rc = query_end(q);
    return rc ? rc : found ? 0 : ERR_NOT_FOUND;
}

static int check_place(struct op_ctx *ctx, uint64_t parent, const char *kind, const char *level)
{
    bool department = strcmp(kind, "department") == 0;
    if (parent && !tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM org WHERE id=$1", "i", (int64_t)parent))
        return fault_field(ctx->fault, "parent_id", "not_found");
    if (department && !parent)
        return fault_field(ctx->fault, "parent_id", "required");
    return !department && !level ? fault_field(ctx->fault, "level", "required") : 0;
}

static int code_free(struct op_ctx *ctx, const char *code, uint64_t self)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM org WHERE code=$1 AND id<>$2", "ti", code, (int64_t)self)
               ? fault_field(ctx->fault, "code", "taken")
               : 0;
}

/* What is closed has nothing open below it, and nothing opens below what is closed. */
static int check_active(struct op_ctx *ctx, uint64_t id, bool active)
{
    if (!active)
        return tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM org WHERE parent_id=$1 AND active=1", "i", (int64_t)id)
                   ? fault_field(ctx->fault, "active", "has_active_parts")
                   : 0;
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM org o JOIN org p ON p.id=o.parent_id WHERE o.id=$1 AND p.active=0", "i", (int64_t)id)
               ? fault_field(ctx->fault, "active", "parent_inactive")
               : 0;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int org_create(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = id_new(), parent = arg_id(args, "parent_id");
    const char *kind = arg_text(args, "kind"), *level = arg_text(args, "level"), *name = arg_text(args, "name");
    char pinyin[NAMES_PINYIN];
    bool department = strcmp(kind, "department") == 0;
    int rc = check_place(ctx, parent, kind, level);
    rc = rc ? rc : code_free(ctx, arg_text(args, "code"), 0);
    if (rc)
        return rc;
    names_pinyin(ctx->records, name, pinyin);
    ctx->audit.object = id;
    tx_exec(ctx->tx,
            "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES "
            "($1,$2,$3,$4,$5,$6,$7,$8,$9,1)",
            "iittttttt", (int64_t)id, (int64_t)parent, kind, department ? NULL : level, arg_text(args, "code"), name, pinyin,
            or_empty(arg_text(args, "phone")), or_empty(arg_text(args, "specialty")));
    return one(ctx, id, result);
}

static int org_update(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "org_id");
    const char *code = arg_text(args, "code"), *name = arg_text(args, "name");
    char pinyin[NAMES_PINYIN] = "";
    json_t *active = json_object_get(args, "active");
    int rc = code ? code_free(ctx, code, id) : 0;
    rc = rc || !json_is_boolean(active) ? rc : check_active(ctx, id, json_is_true(active));
    if (rc)
        return rc;
    if (name)
        names_pinyin(ctx->records, name, pinyin);
    ctx->audit.object = id;
    tx_exec(ctx->tx,
            "UPDATE org SET code=COALESCE($2,code), name=COALESCE($3,name), pinyin=COALESCE($4,pinyin), phone=COALESCE($5,phone), "
            "specialty=COALESCE($6,specialty), level=COALESCE($7,level), active=CASE WHEN $8<0 THEN active ELSE $8 END WHERE id=$1",
            "itttttti", (int64_t)id, code, name, name ? pinyin : NULL, arg_text(args, "phone"), arg_text(args, "specialty"),
            arg_text(args, "level"), json_is_boolean(active) ? (int64_t)json_is_true(active) : (int64_t)-1);
    return one(ctx, id, result);
}

int org_bootstrap(struct tx *tx, const char *org_name, const char *login, const char *name, const char *password, int64_t now_ms,
                  struct fault *f)
{
    char hash[128];
    int64_t org = (int64_t)id_new(), person = (int64_t)id_new(), post = (int64_t)id_new();
    if (tx_int(tx, 0, "SELECT COUNT(*) FROM person", ""))
        return fault_set(f, ERR_CONFLICT, "not_empty", "There are people already; the first administrator exists.");
    int rc = login_password_check(f, "password", password);
    rc = rc ? rc : crypto_password_hash(password, hash);
    if (rc)
        return rc;
    tx_exec(tx,
            "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES "
            "($1,0,'institution','city','root',$2,'','','',1)",
            "it", org, org_name);
    tx_exec(tx,
            "INSERT INTO person (id, login, name, pinyin, title, phone, phone_masked, licence_no, licence_until, practice_since, "
            "specialties, languages, active, signature_document, password, password_change, totp_secret, totp_on, totp_step, fails, "
            "lockouts, locked_until_ms, created_ms, created_by, version) VALUES "
            "($1,$2,$3,'','',NULL,'','','','','','',1,0,$4,1,NULL,0,0,0,0,0,$5,0,1)",
            "itt" "ti", person, login, name, hash, now_ms);
    tx_exec(tx, "INSERT INTO post (id, person_id, org_id, dept_id) VALUES ($1,$2,$3,0)", "iii", post, person, org);
    return tx_exec(tx, "INSERT INTO post_role (post_id, role) VALUES ($1,'consortium_admin')", "i", post);
}

#define ORG_MEMBERS                                                                                                                        \
    {"phone", FIELD_TEXT, .max = 40}, {"specialty", FIELD_TEXT, .max = 80}, {"level", FIELD_ENUM, .choices = "city|county|township|village"}
static const struct field create_args[] = {{"parent_id", FIELD_ID},
                                           {"kind", FIELD_ENUM, true, .choices = "institution|department"},
                                           {"code", FIELD_TEXT, true, 1, 40},
                                           {"name", FIELD_TEXT, true, 1, 80},
                                           ORG_MEMBERS,
                                           {0}};
static const struct field update_args[] = {{"org_id", FIELD_ID, true},  {"code", FIELD_TEXT, .min = 1, .max = 40},
                                           {"name", FIELD_TEXT, .min = 1, .max = 80}, {"active", FIELD_BOOL}, ORG_MEMBERS, {0}};
static const struct field no_args[] = {{0}};

const struct op org_ops[] = {
    {"org.list", OP_READ, 0, "self", no_args, org_list, "The organisation tree"},
    {"org.create", OP_WRITE, 0, "org.manage", create_args, org_create, "Add an institution or a department"},
    {"org.update", OP_WRITE, 0, "org.manage", update_args, org_update, "Change an institution or a department"},
    {0},
};
