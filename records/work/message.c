/* The chat of a case: only people of the case, read state, recall within minutes (the audit and the row keep
 * the text). */
#include "records/document/document.h"
#include "records/notify/notify.h"
#include "records/store/sealed.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

static int64_t read_up_to(struct op_ctx *ctx, uint64_t case_id)
{
    return tx_int(ctx->tx, 0, "SELECT up_to FROM consult_read WHERE case_id=$1 AND person_id=$2", "ii",
                  (int64_t)case_id, (int64_t)ctx->actor->person.v);
}

int64_t message_unread(struct op_ctx *ctx, uint64_t case_id)
{
    return tx_int(
        ctx->tx, 0,
        "SELECT COUNT(*) FROM consult_message WHERE case_id=$1 AND id>$2 AND person_id<>$3 AND recalled_ms=0",
        "iii", (int64_t)case_id, read_up_to(ctx, case_id), (int64_t)ctx->actor->person.v);
}

static json_t *readers(struct op_ctx *ctx, uint64_t case_id, uint64_t message, uint64_t author)
{
    uint64_t people[64];
    size_t n = 0;
    json_t *list = json_array();
    struct query *q = tx_query(
        ctx->tx, "SELECT person_id FROM consult_read WHERE case_id=$1 AND up_to>=$2 AND person_id<>$3", "iii",
        (int64_t)case_id, (int64_t)message, (int64_t)author);
    while (n < 64 && query_next(q))
        people[n++] = (uint64_t)query_int(q, "person_id");
    if (query_end(q))
        return list;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, staff_ref(ctx, (struct person_id){people[i]}));
    return list;
}

static json_t *message_view(struct op_ctx *ctx, struct query *q)
{
    uint64_t id = (uint64_t)query_int(q, "id"), author = (uint64_t)query_int(q, "person_id"),
             document = (uint64_t)query_int(q, "document_id");
    bool recalled = query_int(q, "recalled_ms") != 0;
    return json_pack(
        "{s:o,s:I,s:o,s:o,s:s?,s:o,s:b,s:o}", "id", json_id(id), "t_ms", (json_int_t)query_int(q, "t_ms"),
        "by", staff_ref(ctx, (struct person_id){author}), "org",
        org_ref(ctx, (struct org_id){(uint64_t)query_int(q, "org_id")}), "text",
        recalled ? "" : query_sealed(q, "text", SEALED_MESSAGE_TEXT, id, (uint64_t)query_int(q, "case_id")), "document",
        recalled || !document ? json_null() : document_object(ctx, (struct document_id){document}),
        "recalled", recalled, "read_by", readers(ctx, (uint64_t)query_int(q, "case_id"), id, author));
}

static int message_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    int64_t limit = arg_int(args, "limit", 100);
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    json_t *items = json_array();
    struct query *q = tx_query(
        ctx->tx,
        "SELECT id, case_id, t_ms, person_id, org_id, text, document_id, recalled_ms FROM consult_message "
        "WHERE case_id=$1 AND id>$2 ORDER BY id LIMIT $3",
        "iii", (int64_t)c.id.v, (int64_t)arg_id(args, "after"), limit);
    while (query_next(q))
        json_array_append_new(items, message_view(ctx, q));
    rc = query_end(q);
    size_t n = json_array_size(items);
    json_t *last = n == (size_t)limit ? json_object_get(json_array_get(items, n - 1), "id") : NULL;
    *result = json_pack("{s:o,s:O?}", "items", items, "next", last);
    if (!last)
        json_object_set_new(*result, "next", json_null());
    consult_clear(&c);
    return rc;
}

static int feed_message(struct op_ctx *ctx, const struct consult *c, uint64_t message)
{
    char case_id[ID_TEXT_BYTES], id[ID_TEXT_BYTES], payload[128];
    id_format(c->id.v, case_id);
    id_format(message, id);
    snprintf(payload, sizeof payload, "{\"case_id\":\"%s\",\"message_id\":\"%s\"}", case_id, id);
    return tx_feed(ctx->tx, "message", case_id, payload);
}

static bool on_case(struct op_ctx *ctx, const struct consult *c, struct person_id person)
{
    struct person_id people[STAFF_TOLD_MAX];
    static const enum consult_party parties[] = {P_APPLICANT, P_HOME,   P_DISPATCH,
                                                 P_TARGET,    P_EXPERT, P_SECRETARY};
    for (size_t p = 0; p < sizeof parties / sizeof *parties; p++) {
        size_t n = consult_people(ctx, c, parties[p], people, STAFF_TOLD_MAX);
        for (size_t i = 0; i < n; i++)
            if (people[i].v == person.v)
                return true;
    }
    return false;
}

/* Named people must be of the case: no group outside a case sees patient data. */
static int tell(struct op_ctx *ctx, json_t *args, const struct consult *c)
{
    struct notify_about about = {
        .case_id = c->id, .case_number = c->number, .urgent = json_is_true(json_object_get(args, "buzz"))};
    const char *notice = about.urgent ? "case.buzz" : "case.message";
    json_t *to = json_object_get(args, "to"), *item;
    size_t i;
    int rc = 0;
    if (about.urgent &&
        tx_int(
            ctx->tx, 0,
            "SELECT COUNT(*) FROM consult_message WHERE case_id=$1 AND person_id=$2 AND buzz=1 AND t_ms>$3",
            "iii", (int64_t)c->id.v, (int64_t)ctx->actor->person.v, ctx->now_ms - 10 * 60000) > 3)
        return fault_set(ctx->fault, ERR_RATE, "buzz", "three urgent calls in ten minutes are enough");
    json_array_foreach (to, i, item) {
        struct person_id person = {0};
        if (id_parse(json_string_value(item), &person.v) || !on_case(ctx, c, person))
            return fault_field(ctx->fault, "to", "not_on_the_case:%zu", i + 1);
        rc = rc ? rc : notify_person(ctx, person, notice, &about);
    }
    if (json_array_size(to))
        return rc;
    static const uint8_t all[] = {P_APPLICANT, P_EXPERT, P_SECRETARY};
    for (size_t p = 0; p < sizeof all; p++) {
        struct person_id people[32], others[32];
        size_t n = consult_people(ctx, c, all[p], people, 32), k = 0;
        for (size_t j = 0; j < n; j++)
            if (people[j].v != ctx->actor->person.v)
                others[k++] = people[j];
        rc = rc || !k ? rc : notify_people(ctx, others, k, notice, &about);
    }
    return rc;
}

static int message_send(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    uint64_t id = id_new(), document = arg_id(args, "document_id");
    const char *text = arg_text(args, "text");
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    rc = consult_takes_part(ctx, parties);
    if (!rc && (!text || !text[strspn(text, " \t\r\n")]) && !document)
        rc = fault_field(ctx->fault, "text", "required");
    if (!rc && document &&
        tx_int(ctx->tx, 0, "SELECT case_id FROM document WHERE id=$1", "i", (int64_t)document) !=
            (int64_t)c.id.v)
        rc = fault_field(ctx->fault, "document_id", "not_of_this_case");
    rc = rc ? rc
            : tx_exec(ctx->tx,
                      "INSERT INTO consult_message (id, case_id, t_ms, person_id, org_id, text, document_id, "
                      "recalled_ms, buzz) "
                      "VALUES ($1,$2,$3,$4,$5,$6,$7,0,$8)",
                      "iiiiisii", (int64_t)id, (int64_t)c.id.v, ctx->now_ms, (int64_t)ctx->actor->person.v,
                      (int64_t)ctx->actor->org.v, SEALED(MESSAGE_TEXT, id, c.id.v, text ? text : ""), (int64_t)document,
                      (int64_t)json_is_true(json_object_get(args, "buzz")));
    rc = rc ? rc : tell(ctx, args, &c);
    rc = rc ? rc : feed_message(ctx, &c, id);
    if (!rc) {
        struct query *q = tx_query(ctx->tx,
                                   "SELECT id, case_id, t_ms, person_id, org_id, text, document_id, "
                                   "recalled_ms FROM consult_message "
                                   "WHERE id=$1",
                                   "i", (int64_t)id);
        *result = query_next(q) ? message_view(ctx, q) : NULL;
        rc = query_end(q);
    }
    consult_clear(&c);
    return rc;
}

static int message_recall(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    uint64_t id = arg_id(args, "message_id");
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    int64_t t =
        tx_int(ctx->tx, -1, "SELECT t_ms FROM consult_message WHERE id=$1 AND case_id=$2 AND person_id=$3",
               "iii", (int64_t)id, (int64_t)c.id.v, (int64_t)ctx->actor->person.v);
    if (t < 0)
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "message", "no such message of yours");
    else if (ctx->now_ms - t > work_policy_int(ctx, "consult.recall_min") * 60000)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "too_late",
                       "a message can only be recalled for a short time");
    rc = rc ? rc
            : tx_exec(ctx->tx, "UPDATE consult_message SET recalled_ms=$2 WHERE id=$1", "ii", (int64_t)id,
                      ctx->now_ms);
    rc = rc ? rc : feed_message(ctx, &c, id);
    if (!rc)
        *result = json_pack("{s:b}", "recalled", 1);
    consult_clear(&c);
    return rc;
}

static int message_read(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consult c;
    uint32_t parties;
    uint64_t up_to = arg_id(args, "up_to");
    int rc = consult_open(ctx, args, &c, &parties);
    if (rc)
        return rc;
    if (up_to > (uint64_t)read_up_to(ctx, c.id.v))
        rc = tx_upsert(ctx->tx, "consult_read", "case_id,person_id", "case_id,person_id,up_to,t_ms", "iiii",
                       (int64_t)c.id.v, (int64_t)ctx->actor->person.v, (int64_t)up_to, ctx->now_ms) ||
             feed_message(ctx, &c, up_to); /* its author sees that it was read */
    if (!rc)
        *result = json_pack("{s:I}", "unread", (json_int_t)message_unread(ctx, c.id.v));
    consult_clear(&c);
    return rc;
}

#define CASE_ID                                                                                              \
    {                                                                                                        \
        "case_id", FIELD_ID, true                                                                            \
    }
static const struct field to_of[] = {{"", FIELD_ID, true}};
static const struct field list_args[] = {
    CASE_ID, {"after", FIELD_ID}, {"limit", FIELD_INT, false, 1, 200}, {0}};
static const struct field send_args[] = {CASE_ID,
                                         {"text", FIELD_TEXT, false, 0, 4000},
                                         {"document_id", FIELD_ID},
                                         {"to", FIELD_ARRAY, false, 0, 20, .of = to_of},
                                         {"buzz", FIELD_BOOL},
                                         {0}};
static const struct field recall_args[] = {CASE_ID, {"message_id", FIELD_ID, true}, {0}};
static const struct field read_args[] = {CASE_ID, {"up_to", FIELD_ID, true}, {0}};
const struct op message_ops[] = {
    {"message.list", OP_READ, OP_PHI, "case.read", list_args, message_list, "chat of a case"},
    {"message.send", OP_WRITE, OP_PHI, "case.read", send_args, message_send, "write into the chat of a case"},
    {"message.recall", OP_WRITE, OP_PHI, "case.read", recall_args, message_recall, "take a message back"},
    {"message.read", OP_WRITE, OP_PHI | OP_NO_IDLE, "case.read", read_args, message_read,
     "mark messages as read"},
    {0}};
