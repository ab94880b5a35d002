/* Devices that speak RTSP, RTMP or SRT: the administrator enters them, a host fetches one into his room. The address is kept without its
 * password, which is sealed and never shown again; only the daemon is given both together, in memory (docs/security.md "Devices"). */
#include "records/parts.h"
#include "records/store/seal.h"
#include "records/work/room.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

#define PASSWORD_MAX 100
#define URL_BYTES 1400 /* every byte of name and password escaped */

/* ---- addresses ---- */
/* scheme://host[:port][/path][?query]: no name or password, nothing that a shell, a log or librtmp would read otherwise. NULL: no. */
static const char *host_of(const char *address, const char *kind)
{
    size_t n = strlen(kind);
    if (strncmp(address, kind, n) != 0) return NULL;
    const char *at = address + n;
    if (*at == 's' && strcmp(kind, "srt") != 0) at++; /* over TLS */
    if (strncmp(at, "://", 3) != 0) return NULL;
    at += 3;
    for (const char *p = at; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("@\"'\\<>`^{}|#", *p)) return NULL;
    return *at && !strchr("/?:", *at) ? at : NULL;
}

/* Hospitals' devices stand in private networks, so those are allowed; what only machines in clouds and no device answers at is not. */
static bool host_good(const char *host)
{
    static const char *const never[] = {"169.254.", "0.", "224.", "255.", "[fe80", "[ff", "[::]"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (strncmp(host, never[i], strlen(never[i])) == 0) return false;
    return true;
}

static void add(char out[URL_BYTES], const char *text, bool escape)
{
    size_t n = strlen(out);
    for (; *text && n + 4 < URL_BYTES; text++) { /* RFC 3986 2.3: unreserved bytes stand as they are */
        unsigned char c = (unsigned char)*text;
        bool plain = !escape || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._~", c);
        n += (size_t)snprintf(out + n, URL_BYTES - n, plain ? "%c" : "%%%02X", c);
    }
}

static void url_make(char out[URL_BYTES], const char *address, const char *user, const char *password)
{
    const char *host = strstr(address, "://") + 3;
    out[0] = 0;
    if (strncmp(address, "srt", 3) == 0) { /* its password is a passphrase in the query */
        add(out, address, false);
        if (*password) add(out, strchr(address, '?') ? "&passphrase=" : "?passphrase=", false), add(out, password, true);
        return;
    }
    snprintf(out, URL_BYTES, "%.*s", (int)(host - address), address);
    if (*user) {
        add(out, user, true);
        add(out, ":", false);
        add(out, password, true);
        add(out, "@", false);
    }
    add(out, host, false);
}

/* ---- the administrator ---- */
static json_t *device_json(struct op_ctx *ctx, struct query *q)
{
    return json_pack("{s:o,s:s?,s:s?,s:s?,s:s?,s:b,s:b,s:o}", "id", json_id((uint64_t)query_int(q, "id")), "name", query_text(q, "name"), "kind", query_text(q, "kind"), "address",
                     query_text(q, "address"), "user", query_text(q, "user_name"), "has_password", !query_null(q, "password_sealed"), "enabled", query_int(q, "enabled") != 0, "org",
                     json_pack("{s:o,s:s?}", "id", json_id((uint64_t)query_int(q, "org_id")), "name", query_text(q, "org_name")));
}

#define DEVICES "SELECT d.*, o.name AS org_name FROM device d LEFT JOIN org o ON o.id=d.org_id "

static int device_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, DEVICES "ORDER BY d.org_id, d.name, d.id", "");
    while (query_next(q))
        json_array_append_new(items, device_json(ctx, q));
    *result = json_pack("{s:o}", "items", items);
    return query_end(q);
}

static int one(struct op_ctx *ctx, uint64_t id, json_t **result)
{
    struct query *q = tx_query(ctx->tx, DEVICES "WHERE d.id=$1", "i", (int64_t)id);
    if (query_next(q)) *result = device_json(ctx, q);
    return query_end(q);
}

/* Absent: the one that is kept, as long as it goes to the same place; "" = none. */
static int set_password(struct op_ctx *ctx, uint64_t id, const char *password, bool moved)
{
    uint8_t sealed[PASSWORD_MAX * 4 + SEAL_OVERHEAD];
    if (!password && !moved) return 0;
    if (!password && tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM device WHERE id=$1 AND password_sealed IS NOT NULL", "i", (int64_t)id))
        return fault_field(ctx->fault, "password", "required"); /* else whoever may change addresses could have it sent to himself */
    if (!password || !*password) return tx_exec(ctx->tx, "UPDATE device SET password_sealed=NULL WHERE id=$1", "i", (int64_t)id);
    int len = seal_text(records_parts(ctx->records)->device_key, id, password, sealed, sizeof sealed);
    if (len < 0) return fault_set(ctx->fault, ERR_INTERNAL, "", "The password could not be stored.");
    return tx_exec(ctx->tx, "UPDATE device SET password_sealed=$1 WHERE id=$2", "bi", sealed, (size_t)len, (int64_t)id);
}

static int check_device(struct op_ctx *ctx, json_t *args)
{
    const char *host = host_of(arg_text(args, "address"), arg_text(args, "kind"));
    if (!host) fault_field(ctx->fault, "address", "not_such_an_address");
    else if (!host_good(host)) fault_field(ctx->fault, "address", "not_a_device");
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM org WHERE id=$1", "i", (int64_t)arg_id(args, "org_id"))) fault_field(ctx->fault, "org_id", "not_found");
    if (strcmp(arg_text(args, "kind"), "srt") == 0 && arg_text(args, "password") && *arg_text(args, "password") && strlen(arg_text(args, "password")) < 10)
        fault_field(ctx->fault, "password", "too_short"); /* libsrt takes 10 to 79 characters */
    return ctx->fault->code;
}

static int device_set(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "device_id");
    const char *user = arg_text(args, "user");
    int rc = check_device(ctx, args);
    if (rc) return rc;
    tx_upsert(ctx->tx, "device", NULL, "id,created_ms", "ii", (int64_t)id, ctx->now_ms);
    bool moved = tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM device WHERE id=$1 AND address=$2", "it", (int64_t)id, arg_text(args, "address")) == 0;
    tx_exec(ctx->tx, "UPDATE device SET org_id=$1, name=$2, kind=$3, address=$4, user_name=$5, enabled=$6, changed_ms=$7 WHERE id=$8", "itttti" "ii", (int64_t)arg_id(args, "org_id"),
            arg_text(args, "name"), arg_text(args, "kind"), arg_text(args, "address"), user ? user : "", (int64_t)json_is_true(json_object_get(args, "enabled")), ctx->now_ms, (int64_t)id);
    rc = set_password(ctx, id, arg_text(args, "password"), moved);
    ctx->audit.object = id;
    return rc ? rc : one(ctx, id, result);
}

static int device_remove(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "device_id");
    (void)result;
    int rc = tx_exec(ctx->tx, "DELETE FROM device WHERE id=$1", "i", (int64_t)id);
    ctx->audit.object = id;
    return rc || tx_changes(ctx->tx) ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "device", "There is no such device.");
}

/* ---- the room ---- */
static int device_here(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT id, name, kind FROM device WHERE org_id=$1 AND enabled=1 ORDER BY name, id", "i", (int64_t)ctx->actor->org.v);
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:o,s:s?,s:s?}", "id", json_id((uint64_t)query_int(q, "id")), "name", query_text(q, "name"), "kind", query_text(q, "kind")));
    *result = json_pack("{s:o}", "items", items);
    return query_end(q);
}

/* For the daemon alone: name and whole URL of a device of that person's institution. */
static int device_open(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "device_id");
    char password[PASSWORD_MAX * 4 + 1] = "", url[URL_BYTES];
    int bad = 0;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM device WHERE id=$1 AND org_id=$2 AND enabled=1", "ii", (int64_t)id, (int64_t)arg_id(args, "org_id"));
    if (query_next(q)) {
        size_t len = 0;
        const void *sealed = query_null(q, "password_sealed") ? NULL : query_blob(q, "password_sealed", &len);
        bad = sealed ? seal_open_text(records_parts(ctx->records)->device_key, id, sealed, len, password, sizeof password) : 0;
        url_make(url, query_text(q, "address"), query_text(q, "user_name"), password);
        *result = json_pack("{s:s?,s:s}", "name", query_text(q, "name"), "url", url);
    }
    int rc = query_end(q);
    explicit_bzero(password, sizeof password);
    explicit_bzero(url, sizeof url);
    ctx->audit.object = id;
    ctx->audit.person = arg_id(args, "person_id");
    ctx->audit.org = arg_id(args, "org_id");
    if (bad) return fault_set(ctx->fault, bad, "", "The device's password cannot be opened.");
    return rc || *result ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "device", "Your institution has no such device.");
}

static const struct field none[] = {{0}};
static const struct field one_args[] = {{"device_id", FIELD_ID, true, .help = "device"}, {0}};
static const struct field set_args[] = {{"device_id", FIELD_ID, true, .help = "device; a new id makes a new one"},
                                        {"org_id", FIELD_ID, true, .help = "whose hosts may fetch it"},
                                        {"name", FIELD_TEXT, true, 1, 40, .help = "what it is called in the room"},
                                        {"kind", FIELD_ENUM, true, .choices = "rtsp|rtmp|srt", .help = "what it speaks"},
                                        {"address", FIELD_TEXT, true, 8, 300, .help = "rtsp://, rtmp:// or srt://, without name and password"},
                                        {"user", FIELD_TEXT, false, 0, 60, .help = "its account; absent = none"},
                                        {"password", FIELD_TEXT, false, 0, PASSWORD_MAX, .help = "absent = keep, empty = none; a new address needs it again"},
                                        {"enabled", FIELD_BOOL, true, .help = "in use"},
                                        {0}};
static const struct field open_args[] = {{"device_id", FIELD_ID, true, .help = "device"},
                                         {"org_id", FIELD_ID, true, .help = "the host's institution"},
                                         {"person_id", FIELD_ID, .help = "the host"},
                                         {0}};
const struct op device_ops[] = {
    {"device.list", OP_READ, 0, "device.manage", none, device_list, "Devices that rooms can show; passwords are never shown"},
    {"device.set", OP_WRITE, 0, "device.manage", set_args, device_set, "Enter or change a device"},
    {"device.remove", OP_WRITE, 0, "device.manage", one_args, device_remove, "Take a device out"},
    {"device.here", OP_READ, 0, "room.join", none, device_here, "Devices of one's own institution that can be shown in a room"},
    {"device.open", OP_WRITE, OP_SYSTEM, NULL, open_args, device_open, "a host fetches a device into a room"},
    {0}};
