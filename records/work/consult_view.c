/* The case as one viewer may see it: the shape of docs/protocol/http.md. */
#include "records/patient/mask.h"
#include "records/patient/patient.h"
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/room.h"
#include "records/work/work_view.h"
#include "records/work/waiting.h"
#include <string.h>

#define P(x) CONSULT_BIT(P_##x)

static const char *const part_words[] = {"expert", "chair", "secretary", "member"};
static const char *const member_words[] = {"asked", "accepted", "signed", "declined", "declined", "replaced"};

json_t *work_label(const struct flow_label *l)
{
    return json_pack("{s:s,s:s}", "zh", l->zh, "en", l->en);
}

json_t *work_time(int64_t ms)
{
    return ms ? json_integer(ms) : json_null();
}

static json_t *text_json(const char *text)
{
    json_t *v = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return v ? v : json_null();
}

static json_t *holder_view(struct op_ctx *ctx, const char *party, uint64_t person, uint64_t org)
{
    if (!party || !*party)
        return json_null();
    json_t *who = staff_ref(ctx, (struct person_id){person}), *house = org_ref(ctx, (struct org_id){org});
    const char *name = json_string_value(
        json_object_get(json_is_object(who) ? who : house, "name")); /* a desk has its house's name */
    json_t *v = json_pack("{s:o,s:s,s:s,s:o}", "id", json_id(person), "name", name ? name : "", "role", party,
                          "org", house);
    json_decref(who);
    return v;
}

/* The members of a line from a row of `consult`; used by lists and by the whole case. */
json_t *consult_line(struct op_ctx *ctx, const struct consult_line_row *r)
{
    int state = flow_state_find(&consult_flow, r->state);
    json_t *applicant = staff_ref(ctx, (struct person_id){r->applicant});
    if (json_is_object(applicant))
        json_object_set_new(applicant, "org", org_ref(ctx, (struct org_id){r->home_org}));
    json_t *v =
        json_pack("{s:o,s:s,s:s,s:s,s:o,s:s,s:s,s:o}", "id", json_id(r->id), "number", r->number, "kind",
                  r->kind, "scope", r->scope, "template",
                  *r->template_ ? json_string(r->template_) : json_null(), "urgency", r->urgency, "state",
                  r->state, "state_label", work_label(&consult_flow.states[state < 0 ? 0 : state].label));
    json_object_set_new(v, "patient", patient_brief(ctx, (struct patient_id){r->patient}));
    json_object_set_new(v, "applicant", applicant);
    json_object_set_new(v, "target",
                        json_pack("{s:o,s:o}", "org", org_ref(ctx, (struct org_id){r->target_org}), "dept",
                                  org_ref(ctx, (struct org_id){r->target_dept})));
    json_object_set_new(v, "expert", staff_ref(ctx, (struct person_id){r->expert}));
    json_object_set_new(v, "holder", holder_view(ctx, r->holder_party, r->holder_person, r->holder_org));
    json_object_set_new(v, "due_ms", work_time(r->due_ms));
    json_object_set_new(v, "overdue", json_boolean(r->due_ms && !r->paused && r->due_ms <= ctx->now_ms));
    json_object_set_new(v, "paused", json_boolean(r->paused));
    json_object_set_new(v, "start_ms", work_time(r->start_ms));
    json_object_set_new(v, "created_ms", json_integer(r->created_ms));
    json_object_set_new(v, "changed_ms", json_integer(r->changed_ms));
    json_object_set_new(v, "version", json_integer(r->version));
    json_object_set_new(v, "unread_messages", json_integer(message_unread(ctx, r->id)));
    return v;
}

static json_t *team_view(struct op_ctx *ctx, const struct consult *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->n_team; i++) {
        const struct consult_member *m = &c->team[i];
        struct staff s = {0};
        int rc = staff_find(ctx, m->person, STAFF_EXPERT, &s);
        if (m->state == MEMBER_REPLACED)
            continue;
        json_array_append_new(list, json_pack("{s:o,s:s,s:o,s:s,s:s,s:o}", "person",
                                              staff_ref(ctx, m->person), "title", rc ? "" : s.title, "org",
                                              org_ref(ctx, rc ? c->target_org : s.org), "part",
                                              part_words[m->part], "state", member_words[m->state],
                                              "signed_ms", work_time(m->signed_ms)));
    }
    return list;
}

/* Of the latest request: the clocks are paused by nothing else. */
static json_t *pause_reason(struct op_ctx *ctx, const struct consult *c)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT code FROM consult_item WHERE case_id=$1 AND kind='need' "
                               "ORDER BY t_ms DESC, id DESC LIMIT 1",
                               "i", (int64_t)c->id.v);
    const char *code = query_next(q) ? query_text(q, "code") : NULL;
    return work_list_end(q, json_string(code ? code : "waiting_for_materials"));
}

static json_t *clock_view(struct op_ctx *ctx, const struct consult *c)
{
    const struct flow_run *r = flow_shown(&consult_flow, &c->flow);
    if (!r)
        return json_null();
    const struct flow_label *l = &consult_flow.clocks[r->clock].label;
    return json_pack("{s:s,s:o,s:I,s:I,s:b,s:o,s:i,s:I}", "id", l->word, "label", work_label(l), "started_ms",
                     (json_int_t)r->started_ms, "due_ms", (json_int_t)r->due_ms, "paused", r->paused_ms != 0,
                     "paused_reason", r->paused_ms ? pause_reason(ctx, c) : json_null(),
                     "level", (int)r->level, "left_ms", (json_int_t)r->left_ms);
}

static json_t *items_view(struct op_ctx *ctx, const struct consult *c)
{
    json_t *list = json_array();
    struct query *q =
        tx_query(ctx->tx,
                 "SELECT id, t_ms, person_id, items FROM consult_item WHERE case_id=$1 AND kind='return' "
                 "ORDER BY t_ms, id",
                 "i", (int64_t)c->id.v);
    while (query_next(q))
        json_array_append_new(
            list, json_pack("{s:I,s:o,s:o}", "t_ms", (json_int_t)query_int(q, "t_ms"), "by",
                            staff_ref(ctx, (struct person_id){(uint64_t)query_int(q, "person_id")}), "items",
                            text_json(query_sealed(q, "items", SEALED_ITEM_ITEMS, (uint64_t)query_int(q, "id"), c->id.v))));
    return work_list_end(q, list);
}

static json_t *needs_view(struct op_ctx *ctx, const struct consult *c)
{
    json_t *list = json_array();
    struct query *q = tx_query(
        ctx->tx, "SELECT id, items, done FROM consult_item WHERE case_id=$1 AND kind='need' ORDER BY t_ms, id",
        "i", (int64_t)c->id.v);
    while (query_next(q)) {
        json_t *items = text_json(query_sealed(q, "items", SEALED_ITEM_ITEMS, (uint64_t)query_int(q, "id"), c->id.v)),
               *item;
        size_t i;
        json_array_foreach (items, i, item)
            json_array_append_new(list,
                                  json_pack("{s:O,s:b}", "item", item, "done", (int)query_int(q, "done")));
        json_decref(items);
    }
    return work_list_end(q, list);
}

/* Who declined, fell out or cancelled, and why; the latest last. */
static json_t *refusals_view(struct op_ctx *ctx, const struct consult *c)
{
    json_t *list = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT id, t_ms, kind, person_id, items, code FROM consult_item WHERE case_id=$1 AND "
                               "kind IN ('decline','expert_decline','cancel') ORDER BY t_ms, id",
                               "i", (int64_t)c->id.v);
    while (query_next(q)) {
        json_t *why = text_json(query_sealed(q, "items", SEALED_ITEM_ITEMS, (uint64_t)query_int(q, "id"), c->id.v));
        const char *suggestion = json_string_value(json_object_get(why, "suggestion"));
        json_array_append_new(list, json_pack("{s:I,s:o,s:s,s:o,s:s?,s:s?,s:s?}", "t_ms", (json_int_t)query_int(q, "t_ms"), "by",
                                              staff_ref(ctx, (struct person_id){(uint64_t)query_int(q, "person_id")}), "event",
                                              query_text(q, "kind"), "label",
                                              work_label(&consult_flow.events[flow_event_find(&consult_flow, query_text(q, "kind"))].label), "code", query_text(q, "code"), "reason",
                                              json_string_value(json_object_get(why, "reason")), "suggestion", suggestion));
        json_decref(why);
    }
    return work_list_end(q, list);
}

static json_t *draft_body(struct op_ctx *ctx, const struct consult *c, struct person_id person)
{
    struct query *q = tx_query(ctx->tx, "SELECT body FROM consult_draft WHERE case_id=$1 AND person_id=$2",
                               "ii", (int64_t)c->id.v, (int64_t)person.v);
    json_t *body = query_next(q) ? text_json(query_sealed(q, "body", SEALED_DRAFT_BODY, c->id.v, person.v)) : NULL;
    return query_end(q) ? json_null() : body ? body : json_null();
}

/* Signed parts; the chair's and the members' (only once the whole is signed, or for those who sit on the
 * team). */
static json_t *opinion_view(struct op_ctx *ctx, const struct consult *c, uint32_t parties)
{
    if (!consult_sees_opinion(c, parties))
        return json_null();
    json_t *members = json_array(), *final = NULL;
    struct query *q =
        tx_query(ctx->tx,
                 "SELECT id, person_id, kind, version, body, signed_ms, sha256, licence_no, second_factor, signature_document "
                 "FROM consult_opinion WHERE case_id=$1 AND kind IN ('member','final') ORDER BY version",
                 "i", (int64_t)c->id.v);
    while (query_next(q)) {
        json_t *by = staff_ref(ctx, (struct person_id){(uint64_t)query_int(q, "person_id")});
        json_t *body = text_json(query_sealed(q, "body", SEALED_OPINION_BODY, (uint64_t)query_int(q, "id"), c->id.v));
        json_t *picture = json_id((uint64_t)query_int(q, "signature_document"));
        if (strcmp(query_text(q, "kind"), "member") == 0) {
            json_array_append_new(members, json_pack("{s:o,s:o,s:I,s:s,s:o}", "person", by, "body", body,
                                                     "signed_ms", (json_int_t)query_int(q, "signed_ms"),
                                                     "sha256", query_text(q, "sha256"), "picture_id", picture));
            continue;
        }
        json_decref(final);
        final = json_pack("{s:s,s:I,s:o,s:I,s:{s:o,s:s,s:s,s:b,s:o}}", "state", "signed", "version",
                          (json_int_t)query_int(q, "version"), "body", body, "signed_ms",
                          (json_int_t)query_int(q, "signed_ms"), "signature", "by", by, "sha256",
                          query_text(q, "sha256"), "licence_no", query_text(q, "licence_no"), "second_factor",
                          (int)query_int(q, "second_factor"), "picture_id", picture);
    }
    if (query_end(q) || !final) {
        json_decref(final); /* an error after a good row: the transaction answers with it */
        json_t *body = draft_body(ctx, c, ctx->actor->person);
        bool none = json_is_null(body) && !json_array_size(members);
        if (none) {
            json_decref(members);
            return json_null();
        }
        final = json_pack("{s:s,s:i,s:o,s:n,s:n}", "state", "draft", "version", 0, "body",
                          json_is_null(body) ? json_object() : body, "signed_ms", "signature");
    }
    json_object_set_new(final, "members", members);
    return final;
}

/* Spoken advice was heard by the requester already, so everybody on the case sees that line; addenda follow a
 * signed opinion. */
static json_t *notes_view(struct op_ctx *ctx, const struct consult *c, const char *kind)
{
    json_t *list = json_array();
    struct query *q = tx_query(
        ctx->tx,
        "SELECT id, person_id, version, body, signed_ms, sha256 FROM consult_opinion WHERE case_id=$1 AND "
        "kind=$2 ORDER BY version",
        "it", (int64_t)c->id.v, kind);
    while (query_next(q)) {
        json_t *body = text_json(query_sealed(q, "body", SEALED_OPINION_BODY, (uint64_t)query_int(q, "id"), c->id.v));
        json_array_append_new(
            list, json_pack("{s:I,s:O?,s:o,s:I,s:s}", "version", (json_int_t)query_int(q, "version"), "text",
                            json_object_get(body, "text"), "by",
                            staff_ref(ctx, (struct person_id){(uint64_t)query_int(q, "person_id")}), "t_ms",
                            (json_int_t)query_int(q, "signed_ms"), "sha256", query_text(q, "sha256")));
        json_decref(body);
    }
    return work_list_end(q, list);
}

static json_t *evaluations_view(struct op_ctx *ctx, const struct consult *c)
{
    json_t *list = json_array();
    struct query *q = tx_query(
        ctx->tx,
        "SELECT side, person_id, scores, comment, t_ms FROM consult_evaluation WHERE case_id=$1 ORDER BY t_ms, side",
        "i", (int64_t)c->id.v);
    while (query_next(q))
        json_array_append_new(list,
                              json_pack("{s:s,s:o,s:s?,s:I}", "side", query_text(q, "side"), "scores",
                                        text_json(query_text(q, "scores")), "comment",
                                        query_sealed(q, "comment", SEALED_EVALUATION_COMMENT, c->id.v,
                                                     (uint64_t)query_int(q, "person_id")),
                                        "t_ms", (json_int_t)query_int(q, "t_ms")));
    return work_list_end(q, list);
}

static json_t *timeline_view(struct op_ctx *ctx, const struct consult *c)
{
    json_t *list = json_array();
    struct query *q = tx_query(
        ctx->tx,
        "SELECT id, t_ms, event, from_state, to_state, person_id, role, org_id, reason FROM consult_event "
        "WHERE case_id=$1 ORDER BY t_ms, id",
        "i", (int64_t)c->id.v);
    while (query_next(q)) {
        int e = flow_event_find(&consult_flow, query_text(q, "event"));
        static const struct flow_label others[] = {
            {"create", "新建", "Created"},
            {"overdue", "超时提醒", "Overdue"},
            {"edit", "修改申请", "Edited"},
            {"recording", "录像封存", "Recording sealed"},
            {"override", "紧急调阅", "Emergency access"},
            {"override_review", "紧急调阅复核", "Emergency access judged"}};
        const struct flow_label *l = e >= 0 ? &consult_flow.events[e].label : &others[0];
        for (size_t i = 0; e < 0 && i < sizeof others / sizeof *others; i++)
            if (strcmp(others[i].word, query_text(q, "event")) == 0)
                l = &others[i];
        json_array_append_new(
            list, json_pack("{s:I,s:s,s:s,s:s,s:o,s:s,s:o,s:s?,s:o}", "t_ms",
                            (json_int_t)query_int(q, "t_ms"), "event", query_text(q, "event"), "from",
                            query_text(q, "from_state"), "to", query_text(q, "to_state"), "by",
                            staff_ref(ctx, (struct person_id){(uint64_t)query_int(q, "person_id")}), "role",
                            query_text(q, "role"), "org",
                            org_ref(ctx, (struct org_id){(uint64_t)query_int(q, "org_id")}), "reason",
                            query_sealed(q, "reason", SEALED_EVENT_REASON, (uint64_t)query_int(q, "id"), c->id.v),
                            "label", work_label(l)));
    }
    return work_list_end(q, list);
}

static json_t *needs_list(const char *needs)
{
    json_t *list = json_array();
    for (const char *p = needs; *p; p += strcspn(p, ","), p += *p == ',')
        json_array_append_new(list, json_stringn(p, strcspn(p, ",")));
    return list;
}

/* A merge is offered where there is something to merge into. */
static json_t *allowed_view(const struct consult *c, uint32_t parties, uint32_t facts, bool duplicates)
{
    uint8_t events[E_COUNT + 1];
    enum flow_refusal why;
    json_t *list = json_array();
    size_t n = flow_allowed(&consult_flow, &c->flow, parties, facts, events, E_COUNT);
    if (duplicates && flow_find(&consult_flow, &c->flow, E_MERGE, parties, facts, &why))
        events[n++] = E_MERGE;
    for (size_t i = 0; i < n; i++) {
        const struct flow_event *e = &consult_flow.events[events[i]];
        const char *needs = events[i] == E_ASSIGN && strcmp(c->scope, "mdt") == 0 ? "team" : e->needs;
        json_array_append_new(list, json_pack("{s:s,s:o,s:s,s:o}", "event", e->label.word, "label",
                                              work_label(&e->label), "style", e->style, "needs",
                                              needs_list(needs)));
    }
    return list;
}

static json_t *booking_view(struct op_ctx *ctx, const struct consult *c)
{
    if (!c->start_ms)
        return json_null();
    return json_pack("{s:o,s:I,s:I,s:o}", "slot_id", json_id(c->slot), "start_ms", (json_int_t)c->start_ms,
                     "end_ms", (json_int_t)c->end_ms, "meeting_room", meeting_room_ref(ctx, c->meeting_room));
}

static json_t *room_view(struct op_ctx *ctx, const struct consult *c)
{
    if (strcmp(c->kind, "interactive") != 0 || !c->start_ms || c->flow.state == S_ASSIGNED)
        return json_null();
    return json_pack("{s:o,s:I,s:b}", "id", json_id(room_of_case(ctx->tx, c->id).v), "opens_ms",
                     (json_int_t)consult_room_opens(c), "open", c->room_open);
}

/* Other open requests of the same patient that this viewer may see: "track" instead of asking twice, and what
 * to merge. */
static json_t *duplicates_view(struct op_ctx *ctx, const struct consult *c)
{
    uint64_t ids[5];
    size_t n = 0;
    json_t *list = json_array();
    struct query *q =
        tx_query(ctx->tx,
                 "SELECT id FROM consult WHERE patient_id=$1 AND id<>$2 AND closed_ms=0 AND submitted_ms>0 "
                 "ORDER BY created_ms DESC LIMIT 5",
                 "ii", (int64_t)c->patient.v, (int64_t)c->id.v);
    while (n < 5 && query_next(q))
        ids[n++] = (uint64_t)query_int(q, "id");
    if (query_end(q))
        return list;
    for (size_t i = 0; i < n; i++) {
        struct consult o;
        if (consult_load(ctx, (struct case_id){ids[i]}, &o))
            return list;
        if (consult_may_read(ctx, &o, consult_parties(ctx, &o)))
            json_array_append_new(list,
                                  json_pack("{s:o,s:s,s:s,s:o}", "id", json_id(o.id.v), "number", o.number,
                                            "state", consult_flow.states[o.flow.state].label.word, "target",
                                            org_ref(ctx, o.target_org)));
        consult_clear(&o);
    }
    return list;
}

static void line_row(const struct consult *c, struct consult_line_row *r)
{
    const struct flow_run *shown = flow_shown(&consult_flow, &c->flow);
    uint8_t holder = consult_flow.states[c->flow.state].holder;
    *r = (struct consult_line_row){.id = c->id.v,
                                   .patient = c->patient.v,
                                   .applicant = c->applicant.v,
                                   .home_org = c->home_org.v,
                                   .target_org = c->target_org.v,
                                   .target_dept = c->target_dept.v,
                                   .expert = consult_lead(c).v,
                                   .holder_person = consult_holder_person(c, holder).v,
                                   .holder_org = holder == 255 ? 0 : consult_holder_org(c, holder).v,
                                   .number = c->number,
                                   .kind = c->kind,
                                   .scope = c->scope,
                                   .template_ = c->template_,
                                   .urgency = c->urgency,
                                   .state = consult_flow.states[c->flow.state].label.word,
                                   .holder_party = holder == 255 ? "" : consult_flow.parties[holder].word,
                                   .due_ms = shown ? shown->due_ms : 0,
                                   .paused = shown && shown->paused_ms,
                                   .start_ms = c->start_ms,
                                   .created_ms = c->created_ms,
                                   .changed_ms = c->changed_ms,
                                   .version = c->version};
}

json_t *consult_case_line(struct op_ctx *ctx, const struct consult *c)
{
    struct consult_line_row row;
    line_row(c, &row);
    return consult_line(ctx, &row);
}

/* How to reach a patient is for those who treat him; who wrote the form gets it back as he wrote it, or he would save what was masked. */
static void add_form(struct op_ctx *ctx, const struct consult *c, uint32_t parties, json_t *v)
{
    enum share_basis basis = !(parties & ~P(ADMIN)) ? SHARE_EMERGENCY : ctx->actor->org.v == c->home_org.v ? SHARE_OWN : SHARE_CASE;
    json_t *masked = json_array();
    int clearance = parties & P(APPLICANT) ? 4 : mask_clearance(ctx, basis);
    json_object_set_new(v, "form", mask_form(ctx, c->form, clearance, masked));
    json_object_set_new(v, "masked", masked);
}

json_t *consult_view(struct op_ctx *ctx, struct consult *c, uint32_t parties)
{
    uint32_t facts = consult_facts(ctx, c, parties);
    json_t *v = consult_case_line(ctx, c);
    add_form(ctx, c, parties, v);
    json_object_set_new(v, "completeness", consult_completeness(ctx, c));
    json_object_set_new(v, "fit", consult_fit(ctx, c));
    json_object_set_new(v, "overrides", overrides_view(ctx, c, parties));
    json_object_set_new(v, "wanted_expert", staff_ref(ctx, c->wanted_expert));
    json_object_set_new(v, "duplicates", c->flow.state > S_NEED_MATERIAL ? json_array() : duplicates_view(ctx, c));
    json_object_set_new(
        v, "editable",
        json_boolean((parties & P(APPLICANT)) && (c->flow.state == S_DRAFT || c->flow.state == S_RETURNED)));
    json_object_set_new(v, "attachments", work_attachments(ctx, c->id));
    json_object_set_new(v, "team", team_view(ctx, c));
    json_object_set_new(v, "booking", booking_view(ctx, c));
    json_object_set_new(v, "room", room_view(ctx, c));
    json_object_set_new(v, "waiting", waiting_view(ctx, c, parties));
    json_object_set_new(v, "clock", clock_view(ctx, c));
    json_object_set_new(v, "returns", items_view(ctx, c));
    json_object_set_new(v, "needs", needs_view(ctx, c));
    json_object_set_new(v, "refusals", refusals_view(ctx, c));
    json_object_set_new(v, "opinion", opinion_view(ctx, c, parties));
    const json_t *opinion = json_object_get(v, "opinion");
    bool minutes = strcmp(c->scope, "mdt") == 0 && consult_sees_opinion(c, parties);
    json_object_set_new(v, "minutes", minutes ? minutes_view(ctx, c, opinion) : json_null());
    json_object_set_new(v, "verbal_notes", notes_view(ctx, c, "verbal"));
    json_object_set_new(v, "adoption", c->adoption ? text_json(c->adoption) : json_null());
    json_object_set_new(v, "evaluations", evaluations_view(ctx, c));
    json_object_set_new(v, "addenda", notes_view(ctx, c, "addendum"));
    json_object_set_new(v, "previous_case_id", json_id(c->previous.v));
    json_object_set_new(v, "merged_into", json_id(c->merged_into.v));
    json_object_set_new(v, "timeline", timeline_view(ctx, c));
    json_object_set_new(v, "allowed", allowed_view(c, parties, facts, json_array_size(json_object_get(v, "duplicates")) > 0));
    json_object_set_new(v, "recordings", work_recordings(ctx, c->id));
    return v;
}
