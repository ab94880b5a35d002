/* Writing notices in the caller's transaction, and the person's own list. */
#include "records/notify/delivery.h"
#include "records/notify/notify.h"
#include "server/base/log.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_MIN 480 /* the consortium's wall clock: China Standard Time, no daylight saving */
#define LIST_MAX 200

static bool number_ok(const char *n)
{
    if (!n)
        return true;
    size_t len = strlen(n);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)n[i]) && n[i] != '-')
            return false;
    return len <= 40;
}

/* A programmer's error must not become a leak: what is not on the tables is refused, and said where developers look. */
static const struct notify_template *checked(const char *template_id, const struct notify_about *about)
{
    const struct notify_template *t = notify_template_find(template_id);
    if (!t)
        log_error("notify", "unknown notice template");
    else if (about->act && !notify_act_known(about->act))
        log_error("notify", "unknown act in a notice of %s", t->id);
    else if (!number_ok(about->case_number))
        log_error("notify", "a notice of %s has a case number outside the alphabet", t->id);
    else
        return t;
    return NULL;
}

int64_t notify_unread(struct tx *tx, struct person_id person)
{
    return tx_int(tx, 0, "SELECT COUNT(*) AS n FROM notice WHERE person_id=$1 AND read_ms=0", "i", (int64_t)person.v);
}

static json_t *text_json(const struct notify_template *t, const struct notify_about *about)
{
    char zh[NOTIFY_TEXT_BYTES], en[NOTIFY_TEXT_BYTES];
    notify_text(t, about, "zh", ZONE_MIN, zh);
    notify_text(t, about, "en", ZONE_MIN, en);
    return json_pack("{s:s,s:s}", "zh", zh, "en", en);
}

/* The change feed's entry is what the server pushes; payloads are short by contract, so a long text is left to the list. */
static void push(struct tx *tx, struct person_id person, json_t *notice)
{
    char key[ID_TEXT_BYTES], payload[512];
    id_format(person.v, key);
    json_object_set_new(notice, "person_id", json_id(person.v));
    json_object_set_new(notice, "unread", json_integer(notify_unread(tx, person)));
    size_t n = json_dumpb(notice, payload, sizeof payload - 1, JSON_COMPACT);
    if (n >= sizeof payload) {
        json_object_del(notice, "text");
        n = json_dumpb(notice, payload, sizeof payload - 1, JSON_COMPACT);
    }
    payload[n < sizeof payload ? n : 0] = 0;
    tx_feed(tx, "notice", key, payload);
}

int notify_person(struct op_ctx *ctx, struct person_id person, const char *template_id, const struct notify_about *about)
{
    const struct notify_template *t = checked(template_id, about);
    uint64_t id = id_new();
    if (!t)
        return fault_set(ctx->fault, ERR_INTERNAL, "notice", "A notice could not be made.");
    if (person.v == 0)
        return 0;
    char *figure = notify_figure_pack(about->figure);
    tx_exec(ctx->tx,
            "INSERT INTO notice (id, person_id, template, task, act, case_id, case_number, due_ms, urgent, created_ms, read_ms, figure) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,0,$11)",
            "iitititiiit", (int64_t)id, (int64_t)person.v, t->id, (int64_t)t->task, about->act, (int64_t)about->case_id.v,
            about->case_number, about->due_ms, (int64_t)about->urgent, ctx->now_ms, figure);
    free(figure);
    delivery_queue(ctx, id, (struct delivery_kind){t->task, about->urgent});
    char page[NOTIFY_PAGE_BYTES];
    json_t *notice = json_pack("{s:o,s:I,s:o,s:o,s:s?,s:b}", "id", json_id(id), "t_ms", (json_int_t)ctx->now_ms, "text",
                               text_json(t, about), "case_id", json_id(about->case_id.v), "page", notify_page(t, about->case_id, page), "urgent", about->urgent);
    if (!notice)
        return fault_set(ctx->fault, ERR_INTERNAL, "", "Out of memory.");
    push(ctx->tx, person, notice);
    json_decref(notice);
    return tx_error(ctx->tx);
}

int notify_people(struct op_ctx *ctx, const struct person_id *people, size_t n, const char *template_id,
                  const struct notify_about *about)
{
    for (size_t i = 0; i < n; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = people[k].v == people[i].v;
        int rc = seen ? 0 : notify_person(ctx, people[i], template_id, about);
        if (rc)
            return rc;
    }
    return 0;
}

/* Tells the person's other windows how many are left. */
static void push_count(struct tx *tx, struct person_id person)
{
    json_t *o = json_object();
    push(tx, person, o);
    json_decref(o);
}

int notify_settle(struct op_ctx *ctx, struct person_id person, struct case_id case_id)
{
    tx_exec(ctx->tx, "UPDATE notice SET read_ms=$1 WHERE person_id=$2 AND case_id=$3 AND task=1 AND read_ms=0", "iii",
            ctx->now_ms, (int64_t)person.v, (int64_t)case_id.v);
    if (tx_changes(ctx->tx) > 0)
        push_count(ctx->tx, person);
    return tx_error(ctx->tx);
}

/* ---- operations ---- */

static json_t *notice_json(struct query *q)
{
    const struct notify_template *t = notify_template_find(query_text(q, "template"));
    struct notify_figure figure;
    int64_t read_ms = query_int(q, "read_ms");
    if (!t)
        return NULL; /* a template of a newer version after going back */
    json_t *borrowed = notify_figure_open(query_text(q, "figure"), &figure);
    struct notify_about about = {{(uint64_t)query_int(q, "case_id")}, query_text(q, "case_number"), query_text(q, "act"), query_int(q, "due_ms"), query_int(q, "urgent") != 0,
                                 borrowed ? &figure : NULL};
    char page[NOTIFY_PAGE_BYTES];
    json_t *out = json_pack("{s:o,s:I,s:o,s:o,s:s?,s:b,s:b,s:o}", "id", json_id((uint64_t)query_int(q, "id")), "t_ms",
                     (json_int_t)query_int(q, "created_ms"), "text", text_json(t, &about), "case_id",
                     json_id(about.case_id.v), "page", notify_page(t, about.case_id, page), "urgent", about.urgent, "task", t->task, "read_ms",
                     read_ms ? json_integer(read_ms) : json_null());
    json_decref(borrowed);
    return out;
}

static int notice_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct person_id me = ctx->actor->person;
    bool unread = json_is_true(json_object_get(args, "unread"));
    int64_t limit = arg_int(args, "limit", 50);
    uint64_t after = arg_id(args, "after"), last = 0;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT * FROM notice WHERE person_id=$1 AND ($2=0 OR read_ms=0) AND ($3=0 OR id<$3) "
                               "ORDER BY id DESC LIMIT $4",
                               "iiii", (int64_t)me.v, (int64_t)unread, (int64_t)after, limit);
    while (query_next(q)) {
        json_t *item = notice_json(q);
        last = (uint64_t)query_int(q, "id");
        if (item)
            json_array_append_new(items, item);
    }
    int rc = query_end(q);
    bool more = (int64_t)json_array_size(items) == limit;
    *result = json_pack("{s:o,s:I,s:o}", "items", items, "unread", (json_int_t)notify_unread(ctx->tx, me), "next",
                        more ? json_id(last) : json_null());
    return rc;
}

static int mark_read(struct op_ctx *ctx, uint64_t notice)
{
    int64_t me = (int64_t)ctx->actor->person.v;
    delivery_read(ctx->tx, ctx->actor->person, notice, ctx->now_ms);
    tx_exec(ctx->tx, "UPDATE notice SET read_ms=$1 WHERE person_id=$2 AND read_ms=0 AND ($3=0 OR id=$3)", "iii", ctx->now_ms,
            me, (int64_t)notice);
    if (tx_changes(ctx->tx) > 0)
        push_count(ctx->tx, ctx->actor->person);
    return tx_error(ctx->tx);
}

static int unread_json(struct op_ctx *ctx, json_t **result)
{
    *result = json_pack("{s:I}", "unread", (json_int_t)notify_unread(ctx->tx, ctx->actor->person));
    return tx_error(ctx->tx);
}

static int notice_read(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "notice_id");
    int64_t mine = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM notice WHERE id=$1 AND person_id=$2", "ii", (int64_t)id,
                          (int64_t)ctx->actor->person.v);
    if (!mine)
        return tx_error(ctx->tx) ? tx_error(ctx->tx) : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such notice.");
    int rc = mark_read(ctx, id);
    return rc ? rc : unread_json(ctx, result);
}

static int notice_read_all(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int rc = mark_read(ctx, 0);
    return rc ? rc : unread_json(ctx, result);
}

static const struct field list_args[] = {
    {.name = "unread", .type = FIELD_BOOL, .help = "only those not read yet"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_MAX, .help = "default 50"},
    {.name = "after", .type = FIELD_ID, .help = "the `next` of the answer before"},
    {0},
};
static const struct field one_args[] = {{.name = "notice_id", .type = FIELD_ID, .required = true, .help = "notice"}, {0}};
static const struct field no_args[] = {{0}};

const struct op notify_ops[] = {
    {"notice.list", OP_READ, OP_NO_IDLE, "self", list_args, notice_list, "Own notices, newest first"},
    {"notice.read", OP_WRITE, 0, "self", one_args, notice_read, "Mark a notice as read"},
    {"notice.read_all", OP_WRITE, 0, "self", no_args, notice_read_all, "Mark all own notices as read"},
    {"gateway.list", OP_READ, 0, "gateway.manage", no_args, gateway_list, "Delivery gateways; secrets are never shown"},
    {"gateway.set", OP_WRITE, 0, "gateway.manage", gateway_set_args, gateway_set, "Create or change a delivery gateway"},
    {"gateway.test", OP_WRITE, 0, "gateway.manage", gateway_test_args, gateway_test, "Queue a test message on a gateway"},
    {"delivery.list", OP_READ, 0, "gateway.manage", delivery_list_args, delivery_list, "Outgoing messages with tries and errors"},
    {0},
};
