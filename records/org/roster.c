/* The roster: who is on duty, second on call, or away. */
#include "records/org/org.h"
#include "records/work/staff.h"
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

#define SHIFTS_MAX 2000

static int roster_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT s.*, p.name FROM shift s JOIN person p ON p.id=s.person_id WHERE ($1=0 OR s.org_id=$1) AND "
                               "s.end_ms>$2 AND s.start_ms<$3 AND ($5=0 OR s.dept_id=$5) ORDER BY s.start_ms, s.id LIMIT $4",
                               "iiiii", (int64_t)arg_id(args, "org_id"), arg_int(args, "from_ms", ctx->now_ms - 86400000),
                               arg_int(args, "to_ms", ctx->now_ms + 31 * 86400000LL), (int64_t)SHIFTS_MAX, (int64_t)arg_id(args, "dept_id"));
    while (query_next(q))
        json_array_append_new(items, shift_json(q));
    *result = json_pack("{s:o,s:b}", "items", items, "truncated", json_array_size(items) == SHIFTS_MAX);
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

static int check_place(struct op_ctx *ctx, const struct shift *s)
{
    if (s->end <= s->start || s->end - s->start > 92 * 86400000LL)
        return fault_field(ctx->fault, "end_ms", "not_after_start");
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM post WHERE person_id=$1 AND org_id=$2", "ii", (int64_t)s->person, (int64_t)s->org))
        return fault_field(ctx->fault, "person_id", "not_of_this_institution");
    if (s->dept && !staff_is_department(ctx, (struct org_id){s->dept}, (struct org_id){s->org}))
        return fault_field(ctx->fault, "dept_id", "not_of_this_institution");
    /* the same file read twice must not double the roster */
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) FROM shift WHERE person_id=$1 AND org_id=$2 AND dept_id=$3 AND kind=$4 AND start_ms<$6 AND end_ms>$5",
                  "iiitii", (int64_t)s->person, (int64_t)s->org, (int64_t)s->dept, s->kind, s->start, s->end)
               ? fault_field(ctx->fault, "start_ms", "overlaps")
               : 0;
}

static int add(struct op_ctx *ctx, const struct shift *s, uint64_t *id)
{
    int rc = check_place(ctx, s);
    *id = id_new();
    return rc ? rc
              : tx_exec(ctx->tx, "INSERT INTO shift (id, org_id, dept_id, person_id, start_ms, end_ms, kind) VALUES ($1,$2,$3,$4,$5,$6,$7)",
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

/* ---- import: login,dept code,start,end,kind with times as 2026-11-24 08:00 (China time), also as spreadsheets rewrite them:
 * 2026/11/24 8:00; kinds in English or Chinese. Lines are counted as an editor counts them, empty ones too. ---- */

static int64_t china_time(const char *text)
{
    static const char *const forms[] = {"%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        if (end && (!*end || strcmp(end, ":00") == 0))
            return ((int64_t)timegm(&tm) - 8 * 3600) * 1000;
    }
    return 0;
}

static const char *kind_word(const char *text)
{
    static const char *const words[][2] = {{"duty", "duty"},   {"second", "second"}, {"leave", "leave"},
                                           {"值班", "duty"},   {"二线", "second"},   {"备班", "second"},
                                           {"请假", "leave"}, {"休假", "leave"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i][0]) == 0)
            return words[i][1];
    return NULL;
}

/* Cuts a line into cells without the blanks around them; returns how many there are. */
static size_t cells_of(char *line, char *cell[6])
{
    size_t n = 0;
    for (char *part; n < 6 && (part = strsep(&line, ","));) {
        part += strspn(part, " \t");
        for (size_t len = strlen(part); len && strchr(" \t\r", part[len - 1]); len--)
            part[len - 1] = 0;
        cell[n++] = part;
    }
    return n;
}

/* NULL, or why the line is no shift; the word may lie in `why`. */
static const char *import_line(struct op_ctx *ctx, char *line, struct fault *why)
{
    char *cell[6];
    uint64_t id;
    if (cells_of(line, cell) != 5)
        return "five_columns";
    struct shift s = {.start = china_time(cell[2]), .end = china_time(cell[3]), .kind = kind_word(cell[4])};
    s.person = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM person WHERE login=$1", "t", cell[0]);
    s.dept = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM org WHERE code=$1 AND kind='department'", "t", cell[1]);
    s.org = staff_institution(ctx, (struct org_id){s.dept}).v;
    if (!s.person)
        return "login_unknown";
    if (!s.dept)
        return "dept_unknown";
    if (!s.start || !s.end)
        return "time";
    if (!s.kind)
        return "kind";
    struct op_ctx quiet = *ctx;
    fault_clear(why);
    quiet.fault = why;
    if (check_right(&quiet, &s))
        return "scope";
    if (add(&quiet, &s, &id) == 0)
        return NULL;
    return why->n_fields ? why->fields[0].reason : "not_possible";
}

/* The header line of the template in either language, and the mark some editors put before UTF-8. */
static bool is_header(const char *line)
{
    return strncmp(line, "login", 5) == 0 || strncmp(line, "账号", strlen("账号")) == 0;
}

static int roster_import(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char *csv = strdup(arg_text(args, "csv")), *rest = csv, path[40];
    int64_t imported = 0, number = 0;
    struct fault why;
    bool whole = true;
    if (rest && strncmp(rest, "\xEF\xBB\xBF", 3) == 0)
        rest += 3;
    for (char *line; (line = strsep(&rest, "\n"));) {
        number++;
        if (line[strspn(line, " \t\r,")] == 0 || (number == 1 && is_header(line)))
            continue;
        const char *reason = import_line(ctx, line, &why);
        imported += !reason;
        whole = whole && !reason;
        snprintf(path, sizeof path, "csv line %lld", (long long)number);
        if (reason)
            fault_field(ctx->fault, path, "%s", reason);
    }
    free(csv);
    if (!whole)
        return fault_set(ctx->fault, ERR_INVALID, "roster_faults", "Nothing was imported: some lines are wrong.");
    if (!imported)
        return fault_field(ctx->fault, "csv", "required");
    *result = json_pack("{s:I,s:[]}", "imported", (json_int_t)imported, "faults");
    return tx_error(ctx->tx);
}

static const struct field list_args[] = {{"org_id", FIELD_ID}, {"dept_id", FIELD_ID}, {"from_ms", FIELD_TIME}, {"to_ms", FIELD_TIME}, {0}};
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
