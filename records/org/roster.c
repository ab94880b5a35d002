/* The roster: who is on duty, second on call, or away. */
#include "records/org/org.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *shift_json(struct query *q)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:s,s:I,s:I,s:s}", "id", json_id((uint64_t)query_int(q, "id")), "org_id",
                     json_id((uint64_t)query_int(q, "org_id")), "dept_id", json_id((uint64_t)query_int(q, "dept_id")), "person_id",
                     json_id((uint64_t)query_int(q, "person_id")), "person_name", query_text(q, "name"), "start_ms",
                     (json_int_t)query_int(q, "start_ms"), "end_ms", (json_int_t)query_int(q, "end_ms"), "kind", query_text(q, "kind"));
}

static int roster_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT s.*, p.name FROM shift s JOIN person p ON p.id=s.person_id WHERE ($1=0 OR s.org_id=$1) AND "
                               "s.end_ms>$2 AND s.start_ms<$3 ORDER BY s.start_ms, s.id LIMIT 2000",
                               "iii", (int64_t)arg_id(args, "org_id"), arg_int(args, "from_ms", ctx->now_ms - 86400000),
                               arg_int(args, "to_ms", ctx->now_ms + 31 * 86400000LL));
    while (query_next(q))
        json_array_append_new(items, shift_json(q));
    *result = json_pack("{s:o}", "items", items);
    return query_end(q);
}

struct shift {
    uint64_t org, dept, person;
    int64_t start, end;
    const char *kind;
};

/* An expert may say when he is away; everything else is the office's, in its own institution. */
static int check_right(struct op_ctx *ctx, const struct shift *s)
{
    bool own_leave = s->person == ctx->actor->person.v && strcmp(s->kind, "leave") == 0;
    bool office = tx_int(ctx->tx, 0,
                         "SELECT COUNT(*) FROM post t JOIN post_role r ON r.post_id=t.id WHERE t.person_id=$1 AND (t.org_id=$2 OR "
                         "r.role='consortium_admin') AND r.role IN ('dispatcher','medical_affairs','dept_head','consortium_admin')",
                         "ii", (int64_t)ctx->actor->person.v, (int64_t)s->org) > 0;
    return own_leave || office ? 0 : fault_set(ctx->fault, ERR_DENIED, "scope", "Only the office of this institution changes its roster.");
}

static int add(struct op_ctx *ctx, const struct shift *s, uint64_t *id)
{
    if (s->end <= s->start || s->end - s->start > 92 * 86400000LL)
        return fault_field(ctx->fault, "end_ms", "not_after_start");
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM post WHERE person_id=$1 AND org_id=$2", "ii", (int64_t)s->person, (int64_t)s->org))
        return fault_field(ctx->fault, "person_id", "not_of_this_institution");
    *id = id_new();
    return tx_exec(ctx->tx, "INSERT INTO shift (id, org_id, dept_id, person_id, start_ms, end_ms, kind) VALUES ($1,$2,$3,$4,$5,$6,$7)",
                   "iiiiiit", (int64_t)*id, (int64_t)s->org, (int64_t)s->dept, (int64_t)s->person, s->start, s->end, s->kind);
}

/* Calendars show leave: they hear of it as of a slot. */
static int feed(struct op_ctx *ctx, uint64_t person)
{
    char key[ID_TEXT_BYTES], payload[64];
    id_format(person, key);
    snprintf(payload, sizeof payload, "{\"person_id\":\"%s\"}", key);
    return tx_feed(ctx->tx, "slot", key, payload);
}

static int roster_create(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct shift s = {arg_id(args, "org_id"),       arg_id(args, "dept_id"),    arg_id(args, "person_id"),
                      arg_int(args, "start_ms", 0), arg_int(args, "end_ms", 0), arg_text(args, "kind")};
    uint64_t id;
    int rc = check_right(ctx, &s);
    rc = rc ? rc : add(ctx, &s, &id);
    rc = rc ? rc : feed(ctx, s.person);
    if (rc)
        return rc;
    ctx->audit.object = id;
    *result = json_pack("{s:o}", "id", json_id(id));
    return 0;
}

static int roster_delete(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "shift_id");
    char kind[12] = "";
    struct shift s = {.kind = kind};
    (void)result;
    struct query *q = tx_query(ctx->tx, "SELECT org_id, person_id, kind FROM shift WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    if (found) {
        s.org = (uint64_t)query_int(q, "org_id");
        s.person = (uint64_t)query_int(q, "person_id");
        snprintf(kind, sizeof kind, "%s", query_text(q, "kind"));
    }
    int rc = query_end(q);
    rc = rc ? rc : found ? check_right(ctx, &s) : ERR_NOT_FOUND;
    ctx->audit.object = id;
    rc = rc ? rc : tx_exec(ctx->tx, "DELETE FROM shift WHERE id=$1", "i", (int64_t)id);
    return rc ? rc : feed(ctx, s.person);
}

/* ---- import: login,dept code,start,end,kind with times as 2026-11-24 08:00 (China time) ---- */

static int64_t china_time(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);
    return end && !*end ? ((int64_t)timegm(&tm) - 8 * 3600) * 1000 : 0;
}

static const char *import_line(struct op_ctx *ctx, char *line)
{
    char *cell[5] = {0}, *save = NULL;
    size_t n = 0;
    for (char *p = strtok_r(line, ",", &save); p && n < 5; p = strtok_r(NULL, ",", &save))
        cell[n++] = p;
    if (n != 5)
        return "five_columns";
    struct shift s = {.start = china_time(cell[2]), .end = china_time(cell[3]), .kind = cell[4]};
    s.person = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM person WHERE login=$1", "t", cell[0]);
    s.dept = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM org WHERE code=$1 AND kind='department'", "t", cell[1]);
    s.org = (uint64_t)tx_int(ctx->tx, 0, "SELECT parent_id FROM org WHERE id=$1", "i", (int64_t)s.dept);
    uint64_t id;
    if (!s.person)
        return "login_unknown";
    if (!s.dept)
        return "dept_unknown";
    if (!s.start || !s.end)
        return "time";
    if (strcmp(s.kind, "duty") && strcmp(s.kind, "second") && strcmp(s.kind, "leave"))
        return "kind";
    if (check_right(ctx, &s))
        return "scope";
    return add(ctx, &s, &id) ? "not_possible" : NULL;
}

static int roster_import(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char *csv = strdup(arg_text(args, "csv")), *save = NULL;
    json_t *faults = json_array();
    int64_t imported = 0, number = 0;
    for (char *line = csv ? strtok_r(csv, "\r\n", &save) : NULL; line; line = strtok_r(NULL, "\r\n", &save)) {
        number++;
        if (number == 1 && strncmp(line, "login", 5) == 0)
            continue;
        const char *reason = import_line(ctx, line);
        if (reason)
            json_array_append_new(faults, json_pack("{s:I,s:s}", "line", (json_int_t)number, "reason", reason));
        else
            imported++;
    }
    free(csv);
    for (size_t i = 0; i < json_array_size(faults); i++) {
        char path[40];
        snprintf(path, sizeof path, "csv line %lld", (long long)json_integer_value(json_object_get(json_array_get(faults, i), "line")));
        fault_field(ctx->fault, path, "%s", json_string_value(json_object_get(json_array_get(faults, i), "reason")));
    }
    bool whole = json_array_size(faults) == 0;
    if (whole)
        *result = json_pack("{s:I,s:O}", "imported", (json_int_t)imported, "faults", faults);
    json_decref(faults);
    return whole ? tx_error(ctx->tx) : fault_set(ctx->fault, ERR_INVALID, "roster_faults", "Nothing was imported: some lines are wrong.");
}

static const struct field list_args[] = {{"org_id", FIELD_ID}, {"from_ms", FIELD_TIME}, {"to_ms", FIELD_TIME}, {0}};
static const struct field create_args[] = {{"org_id", FIELD_ID, true},     {"dept_id", FIELD_ID},       {"person_id", FIELD_ID, true},
                                           {"start_ms", FIELD_TIME, true}, {"end_ms", FIELD_TIME, true}, {"kind", FIELD_ENUM, true, .choices = "duty|second|leave"},
                                           {0}};
static const struct field id_args[] = {{"shift_id", FIELD_ID, true}, {0}};
static const struct field import_args[] = {{"csv", FIELD_TEXT, true, 1, 200000}, {0}};

const struct op roster_ops[] = {
    {"roster.list", OP_READ, 0, "roster.read", list_args, roster_list, "Shifts and leave"},
    {"roster.create", OP_WRITE, 0, "roster.read", create_args, roster_create, "Add a shift, or one's own leave"},
    {"roster.delete", OP_WRITE, 0, "roster.read", id_args, roster_delete, "Take a shift away"},
    {"roster.import", OP_WRITE, 0, "roster.manage", import_args, roster_import, "Import a CSV file, all or nothing"},
    {0},
};
