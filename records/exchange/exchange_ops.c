/* What came and what became of it: messages, dead letters, days; and the table of operations. */
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/store/sealed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 100

/* ---- dead letters ---- */

static json_t *dead_json(struct query *q)
{
    return json_pack("{s:o,s:{s:o,s:s?},s:s?,s:s?,s:I,s:s?,s:s?,s:I,s:s?,s:o,s:I,s:b,s:s?,s:I}", "id", json_id((uint64_t)query_int(q, "id")), "source", "id",
                     json_id((uint64_t)query_int(q, "source_id")), "name", query_text(q, "source_name"), "control_id", query_text(q, "control_id"), "type",
                     query_text(q, "type"), "received_ms", (json_int_t)query_int(q, "received_ms"), "reason", query_text(q, "reason"), "location",
                     query_text(q, "location"), "code", (json_int_t)query_int(q, "code"), "state", query_text(q, "dead_state"), "done_ms",
                     query_int(q, "done_ms") ? json_integer(query_int(q, "done_ms")) : json_null(), "repeats", (json_int_t)query_int(q, "repeats"), "reused",
                     query_int(q, "reused") != 0, "file", query_text(q, "file_name"), "row", (json_int_t)query_int(q, "row_no"));
}
#define DEAD_COLUMNS \
    "SELECT m.*, d.state AS dead_state, d.done_ms, d.fixed_hash, d.note, s.name AS source_name, f.name AS file_name FROM exchange_dead d " \
    "JOIN exchange_message m ON m.id=d.message_id LEFT JOIN exchange_source s ON s.id=d.source_id LEFT JOIN exchange_file f ON f.id=m.file_id "

static int dead_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *state = arg_text(args, "state") ? arg_text(args, "state") : "open";
    int64_t limit = arg_int(args, "limit", 30), source = (int64_t)arg_id(args, "source_id"), before = (int64_t)arg_id(args, "before");
    uint64_t last = 0;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, DEAD_COLUMNS "WHERE d.state=$1 AND ($2=0 OR d.source_id=$2) AND d.message_id<$3 ORDER BY d.message_id DESC LIMIT $4", "tiii",
                               state, source, before ? before : INT64_MAX, limit);
    while (query_next(q)) {
        last = (uint64_t)query_int(q, "id");
        json_array_append_new(items, dead_json(q));
    }
    bool more = (int64_t)json_array_size(items) == limit;
    *result = json_pack("{s:o,s:o}", "items", items, "next", more ? json_id(last) : json_null());
    return query_end(q);
}

/* The text a person reads and corrects: segments on lines of their own. */
static char *shown(char *body)
{
    for (char *p = body; p && *p; p++)
        if (*p == '\r')
            *p = '\n';
    return body;
}

static int load_dead(struct op_ctx *ctx, uint64_t id, json_t **out, char hash[33], char fixed[33])
{
    *out = NULL;
    fixed[0] = 0;
    struct query *q = tx_query(ctx->tx, DEAD_COLUMNS "WHERE d.message_id=$1", "i", (int64_t)id);
    if (query_next(q)) {
        *out = dead_json(q);
        snprintf(hash, 33, "%s", query_text(q, "hash"));
        snprintf(fixed, 33, "%s", query_text(q, "fixed_hash") ? query_text(q, "fixed_hash") : "");
        json_object_set_new(*out, "note", json_string(query_null(q, "note") ? "" : query_sealed(q, "note", SEALED_EXCHANGE_NOTE, id, 0)));
    }
    int rc = query_end(q);
    return rc || *out ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such dead letter.");
}

/* As UTF-8, whatever it came in; a corrected text says so of itself. */
static json_t *body_json(struct op_ctx *ctx, const char *hash)
{
    struct hl7_message m;
    struct fault f = {0};
    char *body = exchange_body(ctx, hash);
    json_t *out = NULL;
    if (body && hl7_parse(&m, body, strlen(body), HL7_UTF8, &f) == 0 && m.charset != HL7_UTF8) {
        size_t cap = strlen(body) * 3 + 1;
        char *utf8 = malloc(cap);
        m.escape = 0; /* only the characters change */
        if (utf8)
            hl7_text(&m, (struct hl7_span){m.bytes, m.len}, utf8, cap);
        out = utf8 ? json_string(shown(utf8)) : NULL;
        free(utf8);
    }
    if (body)
        hl7_fini(&m);
    if (body && !out)
        out = json_string(shown(body));
    free(body);
    return out ? out : json_null();
}

static int dead_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char hash[33], fixed[33];
    uint64_t id = arg_id(args, "message_id");
    int rc = load_dead(ctx, id, result, hash, fixed);
    if (rc)
        return rc;
    ctx->audit.object = id;
    json_object_set_new(*result, "text", body_json(ctx, hash));
    json_object_set_new(*result, "corrected", fixed[0] ? body_json(ctx, fixed) : json_null());
    json_object_set_new(*result, "actions", strcmp(json_string_value(json_object_get(*result, "state")), "open") == 0 ? json_pack("[ss]", "replay", "drop") : json_array());
    return tx_error(ctx->tx) ? tx_error(ctx->tx) : ctx->fault->code;
}

static int dead_replay(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *text = arg_text(args, "text");
    char *corrected = text ? strdup(text) : NULL;
    ctx->audit.object = arg_id(args, "message_id");
    for (char *p = corrected; p && *p; p++)
        if (*p == '\n')
            *p = '\r';
    int rc = exchange_replay(ctx, arg_id(args, "message_id"), corrected);
    free(corrected);
    if (rc == 0)
        *result = json_pack("{s:s}", "state", "stored");
    return rc;
}

static int dead_drop(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "message_id");
    tx_exec(ctx->tx, "UPDATE exchange_dead SET state='dropped', done_ms=$1, done_by=$2, note=$3 WHERE message_id=$4 AND state='open'", "iisi", ctx->now_ms,
            (int64_t)ctx->actor->person.v, SEALED(EXCHANGE_NOTE, id, 0, arg_text(args, "reason")), (int64_t)id);
    if (tx_changes(ctx->tx) == 0)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_dead", "Only an open dead letter is put aside.");
    ctx->audit.object = id;
    *result = json_pack("{s:s}", "state", "dropped");
    return tx_error(ctx->tx);
}

/* ---- days ---- */

#define DAYS_PAGE 400
#define DAY_BYTES 11

/* "2026-11-30 16 hex": the day and the source a page ended with. */
static int day_after(struct op_ctx *ctx, const json_t *args, char day[DAY_BYTES], uint64_t *source)
{
    const char *after = arg_text(args, "after");
    snprintf(day, DAY_BYTES, "9999-99-99");
    *source = 0;
    if (!after)
        return 0;
    if (strlen(after) != DAY_BYTES + 16 || after[10] != ' ' || id_parse(after + DAY_BYTES, source))
        return fault_field(ctx->fault, "after", "malformed");
    snprintf(day, DAY_BYTES, "%.10s", after);
    return 0;
}

static json_t *day_next(bool more, const json_t *items)
{
    const json_t *last = json_array_get(items, json_array_size(items) - 1);
    const char *source = json_string_value(json_object_get(json_object_get(last, "source"), "id")); /* null: of no registered source */
    return more ? json_sprintf("%s %s", json_string_value(json_object_get(last, "day")), source ? source : "0000000000000000") : json_null();
}

static int days(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char day[DAY_BYTES];
    uint64_t source;
    json_t *items = json_array();
    const char *from = arg_text(args, "from") ? arg_text(args, "from") : "";
    int rc = day_after(ctx, args, day, &source);
    struct query *q = tx_query(ctx->tx,
                               "SELECT d.*, s.name AS source_name, (SELECT COUNT(*) FROM exchange_message m WHERE m.source_id=d.source_id AND m.day=d.day) AS messages "
                               "FROM exchange_day d LEFT JOIN exchange_source s ON s.id=d.source_id WHERE d.day>=$1 AND (d.day<$2 OR (d.day=$2 AND d.source_id>$3)) ORDER BY d.day DESC, d.source_id LIMIT $4",
                               "ttii", from, day, (int64_t)source, (int64_t)DAYS_PAGE + 1);
    while (query_next(q)) {
        int64_t received = query_int(q, "received"), stored = query_int(q, "stored"), dead = query_int(q, "dead");
        int64_t rest = received - stored - query_int(q, "refused") - dead - query_int(q, "repeated");
        json_array_append_new(items, json_pack("{s:s?,s:{s:o,s:s?},s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "day", query_text(q, "day"), "source", "id",
                                               json_id((uint64_t)query_int(q, "source_id")), "name", query_text(q, "source_name"), "received", (json_int_t)received,
                                               "stored", (json_int_t)stored, "refused", (json_int_t)query_int(q, "refused"), "dead", (json_int_t)dead, "repeated",
                                               (json_int_t)query_int(q, "repeated"), "messages", (json_int_t)query_int(q, "messages"), "agrees",
                                               rest == 0 && query_int(q, "messages") == stored + dead));
    }
    bool more = json_cut(items, DAYS_PAGE);
    *result = json_pack("{s:o,s:o}", "next", day_next(more, items), "items", items);
    int ended = query_end(q);
    return rc ? rc : ended;
}

/* ---- the table ---- */

static const struct field domain_fields[] = {
    {.name = "namespace_id", .type = FIELD_TEXT, .max = 60, .help = "assigning authority, CX.4.1"},
    {.name = "oid", .type = FIELD_TEXT, .max = 120, .help = "its object identifier, CX.4.2"},
    {0},
};
static const struct field domain_element[] = {{.name = "domain", .type = FIELD_OBJECT, .of = domain_fields}};
static const struct field source_args[] = {
    {.name = "source_id", .type = FIELD_ID, .required = true, .help = "source; a new id makes a new source"},
    {.name = "org_id", .type = FIELD_ID, .required = true, .help = "the institution it speaks for"},
    {.name = "name", .type = FIELD_TEXT, .required = true, .min = 1, .max = 60, .help = "what people call it"},
    {.name = "application", .type = FIELD_TEXT, .required = true, .min = 1, .max = 80, .help = "sending application, MSH-3.1"},
    {.name = "facility", .type = FIELD_TEXT, .max = 80, .help = "sending facility, MSH-4.1; empty = any"},
    {.name = "address", .type = FIELD_TEXT, .max = 46, .help = "the address it connects from; empty = any"},
    {.name = "certificate", .type = FIELD_TEXT, .max = 64, .help = "SHA-256 of its client certificate, hex; empty = none asked"},
    {.name = "map", .type = FIELD_TEXT, .max = 60, .help = "its table in config/exchange; default hl7v2"},
    {.name = "assume", .type = FIELD_ENUM, .choices = "none|missing|any", .help = "numbers without an authority, or with any, are in its first domain"},
    {.name = "accept_dead", .type = FIELD_BOOL, .help = "answer AA also to what became a dead letter"},
    {.name = "may_ask", .type = FIELD_BOOL, .help = "may ask for numbers and demographics (PIX, PDQ)"},
    {.name = "domains", .type = FIELD_ARRAY, .max = 20, .of = domain_element, .help = "identifier domains it assigns numbers in"},
    {.name = "kind", .type = FIELD_ENUM, .choices = "hl7|folder|database", .help = "it sends messages (default), leaves tables in a folder, or is asked for rows"},
    {.name = "folder", .type = FIELD_TEXT, .max = 40, .help = "its folder under exchange.drop_dir: letters, digits, - and _"},
    {.name = "dsn", .type = FIELD_TEXT, .max = 40, .help = "its data source in the file exchange.odbc_ini"},
    {.name = "view", .type = FIELD_TEXT, .max = 120, .help = "view or table that is read"},
    {.name = "mark_column", .type = FIELD_TEXT, .max = 64, .help = "column whose value only grows: a change time, a number"},
    {.name = "every_s", .type = FIELD_INT, .min = 10, .max = 86400, .help = "seconds between two pulls, default 300"},
    {.name = "notify", .type = FIELD_TEXT, .max = 200, .help = "mllp://host:port or mllps://host:port: told of changes of its patients' numbers (ITI-10); empty = not told"},
    {.name = "enabled", .type = FIELD_BOOL, .required = true, .help = "in use"},
    {0},
};
static const struct field domain_args[] = {
    {.name = "domain_id", .type = FIELD_ID, .required = true, .help = "domain; a new id makes a new one"},
    {.name = "namespace_id", .type = FIELD_TEXT, .required = true, .min = 1, .max = 60, .help = "assigning authority, CX.4.1"},
    {.name = "oid", .type = FIELD_TEXT, .max = 120, .help = "its object identifier, CX.4.2"},
    {0},
};
static const struct field dead_list_args[] = {
    {.name = "state", .type = FIELD_ENUM, .choices = "open|done|dropped", .help = "default open"},
    {.name = "source_id", .type = FIELD_ID, .help = "only of this source"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_MAX, .help = "default 30"},
    {.name = "before", .type = FIELD_ID, .help = "the `next` of the answer before"},
    {0},
};
static const struct field pull_args[] = {
    {.name = "source_id", .type = FIELD_ID, .required = true, .help = "source of kind database"},
    {.name = "from", .type = FIELD_TEXT, .max = 120, .help = "mark to begin at, empty = the whole history; absent = where it is"},
    {0},
};
static const struct field file_args[] = {
    {.name = "source_id", .type = FIELD_ID, .help = "only of this source"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_MAX, .help = "default 30"},
    {.name = "before", .type = FIELD_ID, .help = "the `next` of the answer before"},
    {0},
};
static const struct field message_args[] = {{.name = "message_id", .type = FIELD_ID, .required = true, .help = "message"}, {0}};
static const struct field replay_args[] = {
    {.name = "message_id", .type = FIELD_ID, .required = true, .help = "message"},
    {.name = "text", .type = FIELD_TEXT, .min = 8, .max = 200000, .help = "the corrected message; absent = as it came"},
    {0},
};
static const struct field drop_args[] = {
    {.name = "message_id", .type = FIELD_ID, .required = true, .help = "message"},
    {.name = "reason", .type = FIELD_TEXT, .required = true, .min = 2, .max = 200, .help = "why it is put aside"},
    {0},
};
static const struct field day_args[] = {{.name = "from", .type = FIELD_DATE, .help = "first day"}, {.name = "after", .type = FIELD_TEXT, .max = 27, .help = "the `next` of the answer before"}, {0}};
static const struct field no_args[] = {{0}};

const struct op exchange_ops[] = {
    {"exchange.sources", OP_READ, 0, "exchange.read", no_args, exchange_source_list, "Systems that send messages, and today's counts"},
    {"exchange.source_set", OP_WRITE, 0, "exchange.manage", source_args, exchange_source_set, "Register or change a source"},
    {"exchange.domains", OP_READ, 0, "exchange.read", no_args, exchange_domain_list, "Identifier domains"},
    {"exchange.domain_set", OP_WRITE, 0, "exchange.manage", domain_args, exchange_domain_set, "Name an identifier domain"},
    {"exchange.days", OP_READ, 0, "exchange.read", day_args, days, "Messages by source and day: received and what became of them"},
    {"exchange.pull", OP_WRITE, 0, "exchange.manage", pull_args, exchange_pull_now, "Ask a hospital's database for rows now, or from the beginning"},
    {"exchange.files", OP_READ, 0, "exchange.read", file_args, exchange_file_list, "Files that sources left, and what became of their rows"},
    {"exchange.dead", OP_READ, 0, "exchange.read", dead_list_args, dead_list, "Messages that could not be used, with reason and place"},
    {"exchange.message", OP_READ, OP_PHI, "exchange.repair", message_args, dead_get, "Read one of them"},
    {"exchange.replay", OP_WRITE, OP_PHI, "exchange.repair", replay_args, dead_replay, "Use it once more, as it came or as corrected"},
    {"exchange.drop", OP_WRITE, 0, "exchange.repair", drop_args, dead_drop, "Put one aside, with a reason"},
    {0},
};
