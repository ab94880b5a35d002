/* Cases and their chat for other systems (consultation.h): whom they are open to, and what they say, without any page's wording. */
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/consultation.h"
#include "records/work/work_view.h"
#include <stdio.h>
#include <string.h>

/* A machine stands for an institution as a whole: it sees what left the house, never a draft; without an institution it is the consortium's. */
static bool machine_may_read(struct op_ctx *ctx, const struct consult *c)
{
    uint64_t org = ctx->actor->org.v;
    return !org || org == c->home_org.v || (org == c->target_org.v && c->reached_ms);
}

static bool open_to(struct op_ctx *ctx, const struct consult *c)
{
    if (!c->submitted_ms)
        return false;
    if (ctx->actor->person.v || ctx->actor->system)
        return consult_may_read(ctx, c, consult_parties(ctx, c));
    return machine_may_read(ctx, c);
}

/* After the list is read: one statement at a time. */
static json_t *with_names(struct op_ctx *ctx, json_t *opinions)
{
    json_t *one;
    size_t i;
    uint64_t person;
    json_array_foreach(opinions, i, one)
    {
        const char *id = json_string_value(json_object_get(one, "by"));
        if (id && id_parse(id, &person) == 0)
            json_object_set_new(one, "by", staff_ref(ctx, (struct person_id){person}));
    }
    return opinions;
}

static json_t *signed_opinions(struct op_ctx *ctx, const struct consult *c)
{
    json_t *list = json_array();
    if (!c->signed_ms)
        return list;
    struct query *q = tx_query(ctx->tx, "SELECT id, person_id, kind, body, signed_ms FROM consult_opinion WHERE case_id=$1 AND kind IN ('member','final') ORDER BY version",
                               "i", (int64_t)c->id.v);
    while (query_next(q)) {
        const char *text = query_sealed(q, "body", SEALED_OPINION_BODY, (uint64_t)query_int(q, "id"), c->id.v);
        json_t *body = text ? json_loads(text, 0, NULL) : NULL;
        json_array_append_new(list, json_pack("{s:o,s:s,s:I,s:o}", "by", json_id((uint64_t)query_int(q, "person_id")), "kind", query_text(q, "kind"), "signed_ms",
                                              (json_int_t)query_int(q, "signed_ms"), "body", body ? body : json_object()));
    }
    return with_names(ctx, work_list_end(q, list));
}

static json_t *outline(struct op_ctx *ctx, const struct consult *c)
{
    const struct flow_label *l = &consult_flow.states[c->flow.state].label;
    json_t *v = json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "number", c->number, "kind", c->kind, "scope", c->scope, "urgency", c->urgency, "state", l->word,
                          "state_label", work_label(l), "patient_id", json_id(c->patient.v), "home_org_id", json_id(c->home_org.v), "target_org_id",
                          json_id(c->reached_ms ? c->target_org.v : 0), "applicant", staff_ref(ctx, c->applicant));
    json_object_set_new(v, "expert", staff_ref(ctx, consult_lead(c)));
    json_object_set_new(v, "submitted_ms", json_integer(c->submitted_ms));
    json_object_set_new(v, "changed_ms", json_integer(c->changed_ms));
    json_object_set_new(v, "version", json_integer(c->version));
    json_object_set_new(v, "signed_ms", json_integer(c->signed_ms));
    json_object_set_new(v, "start_ms", json_integer(c->start_ms));
    json_object_set_new(v, "end_ms", json_integer(c->end_ms));
    json_object_set_new(v, "slot_id", json_id(c->slot));
    json_object_set(v, "form", c->form);
    json_object_set_new(v, "opinions", signed_opinions(ctx, c));
    return v;
}

json_t *consultation_outline(struct op_ctx *ctx, struct case_id id)
{
    struct consult c;
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM consult WHERE id=$1", "i", (int64_t)id.v) || consult_load(ctx, id, &c))
        return NULL;
    json_t *v = open_to(ctx, &c) ? outline(ctx, &c) : NULL;
    consult_clear(&c);
    return v;
}

json_t *consultation_message(struct op_ctx *ctx, uint64_t message)
{
    json_t *v = NULL;
    uint64_t author = 0;
    struct query *q = tx_query(ctx->tx, "SELECT id, case_id, t_ms, person_id, org_id, text, recalled_ms FROM consult_message WHERE id=$1", "i", (int64_t)message);
    if (query_next(q)) {
        bool recalled = query_int(q, "recalled_ms") != 0;
        uint64_t case_id = (uint64_t)query_int(q, "case_id");
        author = (uint64_t)query_int(q, "person_id");
        v = json_pack("{s:o,s:I,s:I,s:o,s:b,s:s}", "case_id", json_id(case_id), "t_ms", (json_int_t)query_int(q, "t_ms"), "recalled_ms",
                      (json_int_t)query_int(q, "recalled_ms"), "org_id", json_id((uint64_t)query_int(q, "org_id")), "recalled", recalled, "text",
                      recalled ? "" : query_sealed(q, "text", SEALED_MESSAGE_TEXT, message, case_id));
    }
    if (query_end(q) || !v) {
        json_decref(v);
        return NULL;
    }
    json_object_set_new(v, "by", staff_ref(ctx, (struct person_id){author}));
    return v;
}

#define REACH "c.submitted_ms>0 AND ($1=0 OR c.home_org_id=$1 OR (c.target_org_id=$1 AND c.reached_ms>0))"

size_t consultation_ids(struct op_ctx *ctx, const struct consultation_wish *wish, uint64_t *out, size_t cap)
{
    size_t n = 0;
    int64_t org = (int64_t)ctx->actor->org.v, limit = (int64_t)cap;
    struct query *q =
        wish->walk && wish->messages
            ? tx_query(ctx->tx, "SELECT m.id AS id FROM consult_message m JOIN consult c ON c.id=m.case_id WHERE " REACH " AND m.id>$2 ORDER BY m.id LIMIT $3", "iii", org,
                       (int64_t)wish->after, limit)
        : wish->walk ? tx_query(ctx->tx, "SELECT c.id AS id FROM consult c WHERE " REACH " AND c.id>$2 ORDER BY c.id LIMIT $3", "iii", org, (int64_t)wish->after, limit)
        : wish->number ? tx_query(ctx->tx, "SELECT id FROM consult WHERE number=$1", "t", wish->number)
        : wish->patient ? tx_query(ctx->tx, "SELECT id FROM consult WHERE patient_id=$1 ORDER BY created_ms DESC LIMIT $2", "ii", (int64_t)wish->patient, limit)
        : wish->messages_of ? tx_query(ctx->tx, "SELECT id FROM consult_message WHERE case_id=$1 ORDER BY id DESC LIMIT $2", "ii", (int64_t)wish->messages_of, limit)
        : wish->messages ? tx_query(ctx->tx, "SELECT m.id AS id FROM consult_message m JOIN consult c ON c.id=m.case_id WHERE " REACH " ORDER BY m.id DESC LIMIT $2",
                                    "ii", org, limit)
                         : tx_query(ctx->tx, "SELECT c.id AS id FROM consult c WHERE " REACH " ORDER BY c.id DESC LIMIT $2", "ii", org, limit);
    while (n < cap && query_next(q))
        out[n++] = (uint64_t)query_int(q, "id");
    return query_end(q) ? 0 : n; /* the error sticks */
}

size_t consultation_past(struct op_ctx *ctx, struct case_id id, int64_t *t_ms, size_t cap)
{
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT e.t_ms AS t_ms FROM consult_event e JOIN consult c ON c.id=e.case_id WHERE e.case_id=$1 AND e.t_ms>=c.submitted_ms ORDER BY e.t_ms, e.id LIMIT $2",
                               "ii", (int64_t)id.v, (int64_t)cap);
    while (n < cap && query_next(q))
        t_ms[n++] = query_int(q, "t_ms");
    return query_end(q) ? 0 : n; /* the error sticks */
}

/* ---- the experts' times ---- */

bool consultation_slot_find(struct op_ctx *ctx, uint64_t slot, struct consultation_slot *out)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT s.person_id, s.org_id, s.start_ms, s.end_ms, s.held_until_ms, s.state, p.name AS name FROM slot s LEFT JOIN person p ON "
                               "p.id=s.person_id WHERE s.id=$1",
                               "i", (int64_t)slot);
    bool found = query_next(q);
    if (found) {
        const char *name = query_text(q, "name");
        *out = (struct consultation_slot){.person = (uint64_t)query_int(q, "person_id"), .org = (uint64_t)query_int(q, "org_id"),
                                          .start_ms = query_int(q, "start_ms"), .end_ms = query_int(q, "end_ms"), .held_until_ms = query_int(q, "held_until_ms")};
        snprintf(out->state, sizeof out->state, "%s", query_text(q, "state"));
        snprintf(out->name, sizeof out->name, "%s", name ? name : "");
    }
    return query_end(q) == 0 && found;
}

size_t consultation_slots(struct op_ctx *ctx, const struct consultation_slot_wish *wish, uint64_t *out, size_t cap)
{
    size_t n = 0;
    int64_t limit = (int64_t)cap;
    struct query *q =
        wish->walk && wish->persons
            ? tx_query(ctx->tx, "SELECT person_id AS id FROM slot WHERE person_id>$1 GROUP BY person_id ORDER BY person_id LIMIT $2", "ii", (int64_t)wish->after, limit)
        : wish->walk ? tx_query(ctx->tx, "SELECT id FROM slot WHERE id>$1 ORDER BY id LIMIT $2", "ii", (int64_t)wish->after, limit)
        : wish->persons ? tx_query(ctx->tx, "SELECT person_id AS id FROM slot GROUP BY person_id ORDER BY person_id LIMIT $1", "i", limit)
        : wish->person ? tx_query(ctx->tx, "SELECT id FROM slot WHERE person_id=$1 ORDER BY start_ms DESC LIMIT $2", "ii", (int64_t)wish->person, limit)
        : wish->from_ms ? tx_query(ctx->tx, "SELECT id FROM slot WHERE start_ms>=$1 ORDER BY start_ms LIMIT $2", "ii", wish->from_ms, limit)
                        : tx_query(ctx->tx, "SELECT id FROM slot ORDER BY start_ms DESC LIMIT $1", "i", limit);
    while (n < cap && query_next(q))
        out[n++] = (uint64_t)query_int(q, "id");
    return query_end(q) ? 0 : n; /* the error sticks */
}
