/* Cases of the house: what was asked for (ServiceRequest), how far it is and what was answered (Task), the signed report (DiagnosticReport), when
 * people meet (Appointment), what they wrote to each other (Communication). A case whose diagnoses are above what the one who asks may reach is shown without what is clinical in it,
 * and says so (meta.security MASKED). */
#include "records/fhir/own.h"
#include "records/patient/mask.h"
#include "records/term/ts.h"
#include "records/work/consultation.h"
#include <stdio.h>

struct matter { /* a case and what may be shown of it */
    json_t *says;
    uint64_t id, patient;
    bool clinical;
    int64_t t_ms, version;
};

static const char *said(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

static uint64_t id_in(const json_t *o, const char *name)
{
    uint64_t id;
    return id_parse(said(o, name), &id) ? 0 : id;
}

/* ---- one case ---- */

static bool open_case(struct own *o, uint64_t id, struct matter *m)
{
    memset(m, 0, sizeof *m);
    m->says = consultation_outline(&o->ctx, (struct case_id){id});
    fault_clear(&o->fault);
    if (!m->says)
        return false;
    json_t *codes = consultation_codes(&o->ctx, (struct case_id){id});
    int clearance = mask_clearance(&o->ctx, own_is_of(o, id_in(m->says, "home_org_id")) ? SHARE_OWN : SHARE_CASE);
    m->id = id;
    m->patient = id_in(m->says, "patient_id");
    m->clinical = mask_entry_level(&o->ctx, codes) <= clearance;
    m->t_ms = json_integer_value(json_object_get(m->says, "changed_ms"));
    m->version = json_integer_value(json_object_get(m->says, "version"));
    json_decref(codes);
    return true;
}

/* The resource as far as all four have it. */
static json_t *begin(const struct matter *m)
{
    json_t *resource = json_object();
    if (!m->clinical)
        json_object_set_new(resource, "meta", json_pack("{s:[{s:s,s:s}]}", "security", "system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code", "MASKED"));
    return resource;
}

static void end(struct matter *m, json_t *resource, struct own_made *out)
{
    out->shown = resource;
    out->patient = m->patient;
    out->t_ms = m->t_ms;
    out->number = m->version;
    json_decref(m->says);
}

static json_t *reference(const struct own_kind *k, uint64_t id)
{
    char name[FHIR_ID_BYTES];
    own_id(k, id, name);
    return json_pack("{s:o}", "reference", json_sprintf("%s/%s", k->type, name));
}

/* People of the house are known by name and number; JSON null for nobody. */
static json_t *practitioner(const json_t *staff)
{
    if (!json_is_object(staff))
        return json_null();
    return json_pack("{s:s,s:{s:s,s:s},s:s}", "type", "Practitioner", "identifier", "system", OWN_PERSON, "value", said(staff, "id"), "display", said(staff, "name"));
}

static void put(json_t *resource, const char *name, json_t *value)
{
    if (json_is_null(value) || (json_is_array(value) && !json_array_size(value)))
        json_decref(value);
    else
        json_object_set_new(resource, name, value);
}

/* The first member of a row that holds the word, or the last row's. */
struct word_of {
    const char *state, *request, *task, *appointment;
};
static const struct word_of words[] = {
    {"SUBMITTED", "active", "requested", "pending"},       {"RETURNED", "on-hold", "on-hold", "pending"},        {"APPROVED_HOME", "active", "received", "pending"},
    {"REDIRECTED", "active", "received", "pending"},       {"TRIAGED", "active", "received", "pending"},         {"NEED_MATERIAL", "on-hold", "on-hold", "pending"},
    {"DECLINED", "revoked", "rejected", "cancelled"},      {"ASSIGNED", "active", "received", "proposed"},       {"EXPERT_DECLINED", "active", "received", "pending"},
    {"ACCEPTED", "active", "accepted", "pending"},         {"SCHEDULED", "active", "accepted", "booked"},        {"WAITING", "active", "accepted", "booked"},
    {"EXPERT_NOSHOW", "active", "accepted", "noshow"},     {"IN_SESSION", "active", "in-progress", "arrived"},   {"INTERRUPTED", "active", "in-progress", "arrived"},
    {"OFFLINE_CONTINUE", "active", "in-progress", "fulfilled"}, {"IN_REVIEW", "active", "in-progress", "fulfilled"}, {"OPINION_DRAFT", "active", "in-progress", "fulfilled"},
    {"OPINION_SIGNED", "completed", "completed", "fulfilled"}, {"ACKNOWLEDGED", "completed", "completed", "fulfilled"}, {"EVALUATED", "completed", "completed", "fulfilled"},
    {"CLOSED", "completed", "completed", "fulfilled"},     {"CANCELLED", "revoked", "cancelled", "cancelled"},   {"EXPIRED", "revoked", "failed", "cancelled"},
    {"MERGED", "revoked", "cancelled", "cancelled"},       {"", "unknown", "requested", "pending"}};

static const struct word_of *words_of(const struct matter *m)
{
    const struct word_of *w = words;
    while (*w->state && strcmp(w->state, said(m->says, "state")))
        w++;
    return w;
}

static const char *priority_of(const struct matter *m)
{
    const char *urgency = said(m->says, "urgency");
    return strcmp(urgency, "emergency") == 0 ? "stat" : strcmp(urgency, "urgent") == 0 ? "urgent" : "routine";
}

static json_t *concept(const json_t *diagnosis)
{
    const char *code = said(diagnosis, "code"), *text = said(diagnosis, "text");
    json_t *c = json_object();
    if (*code)
        json_object_set_new(c, "coding", json_pack("[{s:s,s:s}]", "system", TS_ICD10_NHSA, "code", code));
    if (*text || !*code)
        json_object_set_new(c, "text", json_string(*text ? text : "?"));
    return c;
}

static json_t *identifier_of(const struct matter *m)
{
    return json_pack("[{s:s,s:s}]", "system", "urn:yilian:case", "value", said(m->says, "number"));
}

/* ---- ServiceRequest ---- */

static json_t *reasons(const struct matter *m)
{
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(m->says, "form"), "diagnoses"), i, one) json_array_append_new(list, concept(one));
    return list;
}

static json_t *questions(const struct matter *m)
{
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(m->says, "form"), "questions"), i, one) if (*said(one, "text"))
        json_array_append_new(list, json_pack("{s:s}", "text", said(one, "text")));
    return list;
}

static int make_request(struct own *o, uint64_t id, struct own_made *out)
{
    struct matter m;
    if (!open_case(o, id, &m))
        return 0;
    json_t *r = begin(&m), *performers = json_array(), *expert = practitioner(json_object_get(m.says, "expert")), *org = own_org(o, id_in(m.says, "target_org_id"));
    put(r, "identifier", identifier_of(&m));
    put(r, "status", json_string(words_of(&m)->request));
    put(r, "intent", json_string("order"));
    put(r, "category", json_pack("[{s:[{s:s,s:s,s:s}]}]", "coding", "system", "http://snomed.info/sct", "code", "11429006", "display", "Consultation"));
    put(r, "priority", json_string(priority_of(&m)));
    put(r, "code", json_pack("{s:[{s:s,s:s}],s:s}", "coding", "system", "urn:yilian:case-kind", "code", said(m.says, "kind"), "text",
                             strcmp(said(m.says, "kind"), "interactive") == 0 ? "交互式远程会诊" : "离线远程会诊"));
    put(r, "subject", own_patient_ref(o, m.patient));
    put(r, "authoredOn", own_instant(json_integer_value(json_object_get(m.says, "submitted_ms"))));
    put(r, "requester", practitioner(json_object_get(m.says, "applicant")));
    if (json_is_object(expert))
        json_array_append(performers, expert);
    if (json_is_object(org))
        json_array_append(performers, org);
    json_decref(expert);
    json_decref(org);
    put(r, "performer", performers);
    if (m.clinical) {
        put(r, "reasonCode", reasons(&m));
        put(r, "note", questions(&m));
    }
    end(&m, r, out);
    return 0;
}

/* ---- Task ---- */

static void add_output(json_t *list, const char *type, const char *member, json_t *value)
{
    json_array_append_new(list, json_pack("{s:{s:[{s:s,s:s}]},s:o}", "type", "coding", "system", "urn:yilian:opinion", "code", type, member, value));
}

static void add_texts(json_t *list, const char *type, const json_t *texts)
{
    json_t *one;
    size_t i;
    json_array_foreach(texts, i, one) if (*said(one, "text")) add_output(list, type, "valueString", json_string(said(one, "text")));
}

/* Signed by now: consultation_outline has no others. */
static json_t *answers(const struct matter *m)
{
    json_t *list = json_array(), *opinion, *one;
    size_t i, k;
    if (json_array_size(json_object_get(m->says, "opinions")))
        add_output(list, "report", "valueReference", reference(&own_report, m->id));
    json_array_foreach(json_object_get(m->says, "opinions"), i, opinion)
    {
        const json_t *body = json_object_get(opinion, "body");
        if (*said(body, "findings"))
            add_output(list, "findings", "valueString", json_string(said(body, "findings")));
        json_array_foreach(json_object_get(body, "diagnoses"), k, one) add_output(list, "diagnosis", "valueCodeableConcept", concept(one));
        add_texts(list, "answer", json_object_get(body, "answers"));
        add_texts(list, "recommendation", json_object_get(body, "recommendations"));
        json_t *advised = json_object_get(json_object_get(body, "transfer"), "advised");
        if (json_is_boolean(advised))
            add_output(list, "transfer-advised", "valueBoolean", json_incref(advised));
        if (json_is_object(json_object_get(opinion, "by"))) {
            add_output(list, "signed-by", "valueReference", practitioner(json_object_get(opinion, "by")));
            add_output(list, "signed-at", "valueInstant", own_instant(json_integer_value(json_object_get(opinion, "signed_ms"))));
        }
    }
    return list;
}

static int make_task(struct own *o, uint64_t id, struct own_made *out)
{
    struct matter m;
    if (!open_case(o, id, &m))
        return 0;
    json_t *r = begin(&m), *owner = practitioner(json_object_get(m.says, "expert")), *label = json_object_get(m.says, "state_label");
    if (json_is_null(owner))
        owner = own_org(o, id_in(m.says, "target_org_id"));
    put(r, "identifier", identifier_of(&m));
    put(r, "basedOn", json_pack("[o]", reference(&own_request, id)));
    put(r, "status", json_string(words_of(&m)->task));
    put(r, "businessStatus", json_pack("{s:[{s:s,s:s,s:s}],s:s}", "coding", "system", "urn:yilian:case-state", "code", said(m.says, "state"), "display", said(label, "en"), "text",
                                       said(label, "zh")));
    put(r, "intent", json_string("order"));
    put(r, "priority", json_string(priority_of(&m)));
    put(r, "focus", reference(&own_request, id));
    put(r, "for", own_patient_ref(o, m.patient));
    put(r, "authoredOn", own_instant(json_integer_value(json_object_get(m.says, "submitted_ms"))));
    put(r, "lastModified", own_instant(m.t_ms));
    put(r, "requester", practitioner(json_object_get(m.says, "applicant")));
    put(r, "owner", owner);
    if (m.clinical)
        put(r, "output", answers(&m));
    end(&m, r, out);
    return 0;
}

/* ---- DiagnosticReport ---- */

/* Whoever signed, each once. */
static json_t *signers(const json_t *opinions)
{
    json_t *list = json_array(), *one, *known;
    size_t i, k;
    json_array_foreach(opinions, i, one)
    {
        json_t *by = practitioner(json_object_get(one, "by"));
        bool there = json_is_null(by);
        json_array_foreach(list, k, known) there = there || json_equal(known, by);
        if (there)
            json_decref(by);
        else
            json_array_append_new(list, by);
    }
    return list;
}

/* The opinion that holds is the last one. */
static void put_conclusion(json_t *report, const json_t *opinion)
{
    const json_t *body = json_object_get(opinion, "body");
    json_t *codes = json_array(), *one;
    size_t i;
    if (*said(body, "findings"))
        put(report, "conclusion", json_string(said(body, "findings")));
    json_array_foreach(json_object_get(body, "diagnoses"), i, one) json_array_append_new(codes, concept(one));
    put(report, "conclusionCode", codes);
}

/* The opinion as a report; answers to the questions and recommendations are the Task's. http://hl7.org/fhir/R4/diagnosticreport.html */
static int make_report(struct own *o, uint64_t id, struct own_made *out)
{
    struct matter m;
    if (!open_case(o, id, &m))
        return 0;
    json_t *opinions = json_object_get(m.says, "opinions"), *last = json_array_get(opinions, json_array_size(opinions) - 1), *org = own_org(o, id_in(m.says, "target_org_id")), *one;
    int64_t signed_ms = json_integer_value(json_object_get(last, "signed_ms")), start_ms = json_integer_value(json_object_get(m.says, "start_ms"));
    size_t i, finals = 0;
    json_array_foreach(opinions, i, one) finals += strcmp(said(one, "kind"), "final") == 0;
    if (!finals) { /* nobody has signed for the case */
        json_decref(org);
        json_decref(m.says);
        return 0;
    }
    json_t *r = begin(&m);
    put(r, "identifier", identifier_of(&m));
    put(r, "basedOn", json_pack("[o]", reference(&own_request, id)));
    put(r, "status", json_string(finals > 1 ? "amended" : "final"));
    put(r, "category", json_pack("[{s:[{s:s,s:s}]}]", "coding", "system", "http://terminology.hl7.org/CodeSystem/v2-0074", "code", "OTH"));
    put(r, "code", json_pack("{s:[{s:s,s:s,s:s}],s:s}", "coding", "system", "http://loinc.org", "code", "11488-4", "display", "Consult note", "text", "会诊意见"));
    put(r, "subject", own_patient_ref(o, m.patient));
    put(r, "effectiveDateTime", own_instant(start_ms && start_ms < signed_ms ? start_ms : signed_ms));
    put(r, "issued", own_instant(signed_ms));
    put(r, "performer", json_is_null(org) ? org : json_pack("[o]", org));
    put(r, "resultsInterpreter", signers(opinions));
    if (m.clinical)
        put_conclusion(r, last);
    m.t_ms = signed_ms;
    m.version = (int64_t)json_array_size(opinions);
    end(&m, r, out);
    return 0;
}

/* ---- Appointment ---- */

static void add_participant(json_t *list, json_t *actor, const char *status)
{
    if (json_is_object(actor))
        json_array_append_new(list, json_pack("{s:O,s:s}", "actor", actor, "status", status));
    json_decref(actor);
}

static int make_appointment(struct own *o, uint64_t id, struct own_made *out)
{
    struct matter m;
    if (!open_case(o, id, &m))
        return 0;
    int64_t start = json_integer_value(json_object_get(m.says, "start_ms")), stop = json_integer_value(json_object_get(m.says, "end_ms"));
    if (!start) { /* nobody meets */
        json_decref(m.says);
        return 0;
    }
    json_t *r = begin(&m), *people = json_array();
    const char *status = words_of(&m)->appointment;
    put(r, "identifier", identifier_of(&m));
    put(r, "status", json_string(status));
    put(r, "priority", json_integer(strcmp(priority_of(&m), "stat") == 0 ? 1 : strcmp(priority_of(&m), "urgent") == 0 ? 3 : 5));
    put(r, "start", own_instant(start));
    put(r, "end", own_instant(stop));
    if (stop > start)
        put(r, "minutesDuration", json_integer((stop - start) / 60000));
    if (id_in(m.says, "slot_id"))
        put(r, "slot", json_pack("[o]", reference(&own_slot, id_in(m.says, "slot_id"))));
    put(r, "basedOn", json_pack("[o]", reference(&own_request, id)));
    add_participant(people, own_patient_ref(o, m.patient), "accepted");
    add_participant(people, practitioner(json_object_get(m.says, "applicant")), "accepted");
    add_participant(people, practitioner(json_object_get(m.says, "expert")), strcmp(status, "proposed") == 0 ? "needs-action" : "accepted");
    put(r, "participant", people);
    end(&m, r, out);
    return 0;
}

/* ---- Communication ---- */

static int make_message(struct own *o, uint64_t id, struct own_made *out)
{
    struct matter m;
    json_t *says = consultation_message(&o->ctx, id);
    uint64_t case_id = says ? id_in(says, "case_id") : 0;
    if (!says || !open_case(o, case_id, &m)) {
        json_decref(says);
        return 0;
    }
    bool recalled = json_is_true(json_object_get(says, "recalled"));
    int64_t sent = json_integer_value(json_object_get(says, "t_ms"));
    json_t *r = begin(&m);
    put(r, "basedOn", json_pack("[o]", reference(&own_request, case_id)));
    put(r, "status", json_string(recalled ? "entered-in-error" : "completed"));
    put(r, "subject", own_patient_ref(o, m.patient));
    put(r, "sent", own_instant(sent));
    put(r, "sender", practitioner(json_object_get(says, "by")));
    if (m.clinical && !recalled && *said(says, "text"))
        put(r, "payload", json_pack("[{s:s}]", "contentString", said(says, "text")));
    m.version = recalled ? 2 : 1;
    m.t_ms = recalled ? json_integer_value(json_object_get(says, "recalled_ms")) : sent;
    end(&m, r, out);
    json_decref(says);
    return 0;
}

/* ---- looking ---- */

static void take(struct own *o, const struct consultation_wish *wish, struct own_ids *ids)
{
    uint64_t *found = calloc(OWN_LOOK + 1, sizeof *found);
    if (!found)
        abort();
    size_t n = consultation_ids(&o->ctx, wish, found, OWN_LOOK + 1);
    for (size_t i = 0; i < n; i++)
        own_ids_add(ids, found[i]);
    free(found);
}

static void by_number(struct own *o, const struct r4_term *t, struct own_ids *ids)
{
    char number[40];
    for (size_t i = 0; i < t->n_operands; i++) {
        struct r4_str code = t->operands[i].v.code;
        snprintf(number, sizeof number, "%.*s", code.p && code.n < sizeof number ? (int)code.n : 0, code.p ? code.p : "");
        take(o, &(struct consultation_wish){.number = number}, ids);
    }
}

/* false: nothing in the query leads to a case. */
static bool cases_named(struct own *o, const struct finder *f, struct own_ids *ids)
{
    static const char *const refers[] = {"based-on", "focus"};
    struct own_ids *patients;
    const struct r4_term *number = own_term(f, "identifier");
    if (number)
        return by_number(o, number, ids), true;
    for (size_t i = 0; i < sizeof refers / sizeof *refers; i++)
        if (own_referred(f, refers[i], &own_request, ids))
            return true;
    patients = calloc(1, sizeof *patients);
    if (!patients)
        abort();
    bool named = own_patients_named(o, f, patients);
    for (size_t i = 0; i < patients->n; i++)
        take(o, &(struct consultation_wish){.patient = patients->list[i]}, ids);
    free(patients);
    return named;
}

static int look(struct own *o, const struct finder *f, struct own_ids *ids)
{
    if (!cases_named(o, f, ids))
        take(o, &(struct consultation_wish){0}, ids);
    return 0;
}

static int look_messages(struct own *o, const struct finder *f, struct own_ids *ids)
{
    struct own_ids *cases = calloc(1, sizeof *cases);
    if (!cases)
        abort();
    if (!cases_named(o, f, cases))
        take(o, &(struct consultation_wish){.messages = true}, ids);
    for (size_t i = 0; i < cases->n; i++)
        take(o, &(struct consultation_wish){.messages_of = cases->list[i]}, ids);
    free(cases);
    return 0;
}

/* ---- one after the other, and when they changed ---- */

static size_t walk(struct own *o, uint64_t after, uint64_t *out, size_t cap)
{
    return consultation_ids(&o->ctx, &(struct consultation_wish){.walk = true, .after = after}, out, cap);
}

static size_t walk_messages(struct own *o, uint64_t after, uint64_t *out, size_t cap)
{
    return consultation_ids(&o->ctx, &(struct consultation_wish){.walk = true, .messages = true, .after = after}, out, cap);
}

static size_t past(struct own *o, uint64_t id, int64_t *t_ms, size_t cap)
{
    return consultation_past(&o->ctx, (struct case_id){id}, t_ms, cap);
}

static size_t past_of_report(struct own *o, uint64_t id, int64_t *t_ms, size_t cap)
{
    json_t *says = consultation_outline(&o->ctx, (struct case_id){id}), *one;
    size_t n = 0, i;
    fault_clear(&o->fault);
    json_array_foreach(json_object_get(says, "opinions"), i, one) if (n < cap && strcmp(said(one, "kind"), "final") == 0)
        t_ms[n++] = json_integer_value(json_object_get(one, "signed_ms"));
    json_decref(says);
    return n;
}

static size_t past_of_message(struct own *o, uint64_t id, int64_t *t_ms, size_t cap)
{
    json_t *says = consultation_message(&o->ctx, id);
    size_t n = says && cap > 1 ? 1 : 0;
    if (n) {
        t_ms[0] = json_integer_value(json_object_get(says, "t_ms"));
        t_ms[1] = json_integer_value(json_object_get(says, "recalled_ms"));
        n += t_ms[1] != 0;
    }
    json_decref(says);
    return n;
}

const struct own_kind own_request = {"ServiceRequest", "case-", look, make_request, walk, past}, own_task = {"Task", "task-", look, make_task, walk, past},
                      own_report = {"DiagnosticReport", "report-", look, make_report, walk, past_of_report},
                      own_appointment = {"Appointment", "appt-", look, make_appointment, walk, past},
                      own_message = {"Communication", "msg-", look_messages, make_message, walk_messages, past_of_message};
