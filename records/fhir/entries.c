/* What the store keeps of a patient, as entries of his timeline: the same kinds, with the same members, as what came by messages (records/exchange/entries.c).
 *
 * Read when it is asked for, along the key (patient, resource): nothing is kept twice, an amended resource is its newest version, a deleted one is gone.
 * First each resource becomes lines by itself, while its rows are read; then, with all of them there, the lines find each other: values their report, diagnoses their
 * visit. What a line knows until then stands in members that begin with '_'.
 */
#include "records/exchange/exchange.h"
#include "records/fhir/clean.h"
#include "records/fhir/own.h"
#include "records/patient/index.h"
#include "records/quality/quality.h"
#include "records/work/staff.h"
#include <stdio.h>

#define READ_MAX 8000 /* resources of one Patient, the newest */
#define HOMES_MAX 64
#define NUMBERS_MAX 4 /* of a report */
#define SOURCES_MAX 16
#define UP_MAX 4 /* a value in a panel in a report */

struct teller {
    struct op_ctx *ctx;
    struct fhir_work w;
    uint64_t patient;
    struct clean_resource read;
    json_t *lines;     /* of all Patients */
    json_t *heads;     /* "Encounter/x" -> its line, borrowed by lines too */
    json_t *part_of;   /* "Observation/x" -> "DiagnosticReport/y" that names it as a result */
    json_t *codes;     /* "Encounter/x" -> codes of its diagnoses */
    json_t *standards; /* a code as it came -> what it is here */
    json_t *orgs, *sources; /* id -> its reference; id -> sources of messages */
    bool failed;
};

/* ---- small readers ---- */

static const struct r4_node *first(const struct r4_node *list)
{
    return list && list->kind == R4_ARRAY ? list->child : NULL;
}

/* The first of these places that has a text. A path ends at a CodeableConcept ('*' behind it) or a text. */
static struct r4_str text_at(const struct r4_node *r, const char *const paths[])
{
    char path[80];
    for (size_t i = 0; paths[i]; i++) {
        size_t n = strlen(paths[i]);
        bool concept = paths[i][n - 1] == '*';
        snprintf(path, sizeof path, "%.*s", (int)(n - concept), paths[i]);
        const struct r4_node *node = r4_at(r, path);
        struct r4_str s = r4_text(concept ? r4_get(node, "text") : node);
        if (!s.n && concept)
            s = r4_text(r4_at(node, "coding.0.display"));
        if (s.n)
            return s;
    }
    return (struct r4_str){NULL, 0};
}

static void put(json_t *line, const char *name, struct r4_str s)
{
    if (s.n)
        json_object_set_new(line, name, json_stringn(s.p, s.n));
}

static bool is_type(const struct fhir_row *row, const char *type)
{
    return strcmp(row->type->name, type) == 0;
}

/* ---- values ---- */

/* What a value says that is no quantity; a quantity is read by clean.h. */
static void put_value(const struct r4_node *o, const struct clean_entry *e, json_t *line)
{
    static const char *const words[] = {"valueCodeableConcept*", "valueString", "valueInteger", "valueDateTime", "valueTime", NULL};
    const struct r4_node *flag = r4_get(o, "valueBoolean"), *low = r4_at(o, "valueRange.low.value"), *high = r4_at(o, "valueRange.high.value"),
                         *over = r4_at(o, "valueRatio.numerator.value"), *under = r4_at(o, "valueRatio.denominator.value");
    struct r4_str s = text_at(o, words), a = r4_text(low ? low : over), b = r4_text(high ? high : under);
    if (r4_get(o, "valueQuantity")) {
        json_object_set_new(line, "value", json_string(e->value));
        json_object_set_new(line, "unit", json_string(e->unit));
    } else if (s.n)
        put(line, "value", s);
    else if (flag)
        json_object_set_new(line, "value", json_string(flag->kind == R4_TRUE ? "+" : "-"));
    else if (a.n || b.n)
        json_object_set_new(line, "value", json_sprintf("%.*s%s%.*s", (int)a.n, a.n ? a.p : "", low || high ? "-" : ":", (int)b.n, b.n ? b.p : ""));
}

/* http://hl7.org/fhir/R4/valueset-observation-interpretation.html: the letters of HL7 table 0078. */
static void put_judgement(const struct r4_node *o, json_t *line)
{
    const struct r4_node *range = r4_item(r4_get(o, "referenceRange"), 0);
    struct r4_str text = r4_text(r4_get(range, "text")), low = r4_text(r4_at(range, "low.value")), high = r4_text(r4_at(range, "high.value"));
    put(line, "flag", r4_text(r4_at(o, "interpretation.0.coding.0.code")));
    if (text.n)
        put(line, "range", text);
    else if (low.n && high.n)
        json_object_set_new(line, "range", json_sprintf("%.*s-%.*s", (int)low.n, low.p, (int)high.n, high.p));
    else if (low.n || high.n)
        json_object_set_new(line, "range", json_sprintf("%s%.*s", low.n ? ">=" : "<=", (int)(low.n ? low.n : high.n), low.n ? low.p : high.p));
}

/* ---- lines ---- */

static json_t *add_line(struct teller *t, const struct fhir_row *row, uint64_t source, int64_t key)
{
    char id[60], hex[ID_TEXT_BYTES], from[ID_TEXT_BYTES];
    id_format((uint64_t)row->rid, hex);
    id_format(source, from);
    snprintf(id, sizeof id, key ? "%s.%02lld" : "%s", hex, (long long)key);
    json_t *line = json_pack("{s:s,s:n,s:n,s:s}", "id", id, "case_id", "document_id", "_from", from);
    json_object_set_new(line, "_self", json_sprintf("%s/%s", row->type->name, row->name));
    json_array_append_new(t->lines, line);
    return line;
}

static void put_coded(json_t *line, const struct clean_part *p)
{
    const struct clean_entry *e = &p->data;
    json_object_set_new(line, "kind", json_string(e->kind));
    json_object_set_new(line, "code", json_string(p->refers ? "" : e->code));
    json_object_set_new(line, "_code", json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "code", e->code, "system", e->system, "standard", e->standard_code, "standard_system",
                                                 e->standard_system, "display", p->display, "refers", (int)p->refers));
}

static const struct told { /* where each type says what a reader wants */
    const char *type, *title[7], *value[3], *who[5], *state;
} told[] = {
    {"Observation", {"code*"}, {NULL}, {"performer.0.display"}, "status"},
    {"Condition", {"code*"}, {"note.0.text"}, {"asserter.display", "recorder.display"}, "verificationStatus.coding.0.code"},
    {"Encounter", {"type.0*", "serviceType*", "reasonCode.0*", "serviceProvider.display", "class.display"}, {NULL}, {"participant.0.individual.display"}, "status"},
    {"DiagnosticReport", {"code*"}, {NULL}, {"resultsInterpreter.0.display", "performer.0.display"}, "status"},
    {"Procedure", {"code*"}, {"outcome*", "note.0.text"}, {"performer.0.actor.display", "recorder.display"}, "status"},
    {"MedicationRequest", {"medicationCodeableConcept*", "medicationReference.display"}, {"dosageInstruction.0.text"}, {"requester.display"}, "status"},
    {"MedicationStatement", {"medicationCodeableConcept*", "medicationReference.display"}, {"dosage.0.text"}, {"informationSource.display"}, "status"},
    {"MedicationAdministration", {"medicationCodeableConcept*", "medicationReference.display"}, {"dosage.text"}, {"performer.0.actor.display"}, "status"},
    {"MedicationDispense", {"medicationCodeableConcept*", "medicationReference.display"}, {"dosageInstruction.0.text"}, {"performer.0.actor.display"}, "status"},
    {"AllergyIntolerance", {"code*"}, {"reaction.0.manifestation.0*", "reaction.0.description"}, {"asserter.display", "recorder.display"}, "verificationStatus.coding.0.code"},
    {"Immunization", {"vaccineCode*"}, {"lotNumber"}, {"performer.0.actor.display"}, "status"},
    {"ServiceRequest", {"code*"}, {NULL}, {"requester.display"}, "status"},
    {"DocumentReference", {"description", "content.0.attachment.title", "type*"}, {NULL}, {"author.0.display", "custodian.display"}, "docStatus"},
    {"ImagingStudy", {"description", "procedureCode.0*", "series.0.description", "modality.0.display", "modality.0.code"}, {NULL}, {"interpreter.0.display"}, "status"},
};
#define TYPES                                                                                                                                  \
    "'Observation','Condition','Encounter','DiagnosticReport','Procedure','MedicationRequest','MedicationStatement','MedicationAdministration'," \
    "'MedicationDispense','AllergyIntolerance','Immunization','ServiceRequest','DocumentReference','ImagingStudy'"

static const struct told *told_of(const char *type)
{
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (strcmp(told[i].type, type) == 0)
            return &told[i];
    return NULL;
}

static void put_visit(const struct r4_node *root, json_t *line)
{
    struct r4_str id;
    if (clean_resource_visit(root, &id))
        json_object_set_new(line, "_visit", json_sprintf("Encounter/%.*s", (int)id.n, id.p));
}

/* Numbers under which a message may have brought the same. */
static void put_numbers(const struct r4_node *root, json_t *line)
{
    json_t *list = json_array();
    for (const struct r4_node *one = first(r4_get(root, "identifier")); one && json_array_size(list) < NUMBERS_MAX; one = one->next) {
        struct r4_str value = r4_text(r4_get(one, "value"));
        if (value.n)
            json_array_append_new(list, json_stringn(value.p, value.n));
    }
    json_object_set_new(line, "_numbers", list);
}

/* `self` names these as its parts; whoever names it himself leads further up. */
static void take_parts(struct teller *t, const json_t *line, const struct r4_node *list)
{
    char name[FHIR_ID_BYTES + 40];
    for (const struct r4_node *one = first(list); one; one = one->next) {
        struct r4_str ref = r4_text(r4_get(one, "reference"));
        if (!ref.n || ref.n >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)ref.n, ref.p);
        json_object_set(t->part_of, name, json_object_get(line, "_self"));
    }
}

static void put_whole(struct teller *t, const struct fhir_row *row, const struct r4_node *root, json_t *line)
{
    static const char *const severe[][2] = {{"mild", "MI"}, {"moderate", "MO"}, {"severe", "SV"}};
    const struct told *k = told_of(row->type->name);
    char code[40];
    put(line, "title", text_at(root, k->title));
    put(line, "value", text_at(root, k->value));
    put(line, "who", text_at(root, k->who));
    put(line, "state", r4_text(r4_at(root, k->state)));
    put_visit(root, line);
    if (clean_restricted(root))
        json_object_set_new(line, "restricted", json_true());
    if (clean_resource_org(root, code))
        json_object_set_new(line, "_org", json_string(code));
    for (size_t i = 0; i < sizeof severe / sizeof *severe; i++)
        if (r4_is(r4_at(root, "reaction.0.severity"), severe[i][0]))
            json_object_set_new(line, "flag", json_string(severe[i][1]));
    if (is_type(row, "DiagnosticReport")) {
        put(line, "summary", r4_text(r4_get(root, "conclusion")));
        take_parts(t, line, r4_get(root, "result"));
        take_parts(t, line, r4_get(root, "imagingStudy"));
    }
    if (is_type(row, "DiagnosticReport") || is_type(row, "Encounter"))
        put_numbers(root, line);
}

/* An Observation of nothing but others is a report to its reader; one of components has a line for each. */
static void tell_observation(struct teller *t, const struct fhir_row *row, uint64_t source, const struct r4_node *root)
{
    const struct clean_resource *r = &t->read;
    const struct r4_node *members = r4_get(root, "hasMember"), *component = first(r4_get(root, "component"));
    struct r4_str category = r4_text(r4_at(root, "category.0.coding.0.code"));
    bool valued = *r->parts[0].data.value;
    for (size_t i = 0; i < r->n; i++) {
        const struct r4_node *o = i ? component : root;
        component = i && component ? component->next : component;
        if (i == 0 && !valued && r->n > 1)
            continue;
        json_t *line = add_line(t, row, source, r->parts[i].key);
        put_coded(line, &r->parts[i]);
        put_whole(t, row, root, line);
        json_object_set_new(line, "t_ms", json_integer(r->parts[0].data.t_ms ? r->parts[0].data.t_ms : row->t_ms));
        put(line, "category", category);
        if (i)
            json_object_del(line, "title");
        put(line, "title", text_at(o, (const char *const[]){"code*", NULL}));
        put_value(o, &r->parts[i].data, line);
        put_judgement(o, line);
        if (i == 0 && first(members) && !valued)
            json_object_set_new(line, "kind", json_string("report"));
        if (i == 0)
            take_parts(t, line, members);
    }
}

static void tell_plain(struct teller *t, const struct fhir_row *row, uint64_t source, const struct r4_node *root)
{
    const struct clean_part *p = &t->read.parts[0];
    json_t *line = add_line(t, row, source, 0);
    put_coded(line, p);
    put_whole(t, row, root, line);
    json_object_set_new(line, "t_ms", json_integer(p->data.t_ms ? p->data.t_ms : row->t_ms));
    if (is_type(row, "Encounter"))
        json_object_set_new(line, "code", json_string(clean_visit_class(root)));
    if (is_type(row, "DocumentReference"))
        put(line, "category", text_at(root, (const char *const[]){"category.0*", NULL}));
}

static void tell_pictures(struct teller *t, const struct fhir_row *row, uint64_t source, const struct r4_node *root)
{
    struct r4_str started = r4_text(r4_get(root, "started")), modality = r4_text(r4_at(root, "modality.0.code"));
    int64_t low = 0, high;
    if (r4_is(r4_get(root, "status"), "entered-in-error"))
        return;
    json_t *line = add_line(t, row, source, 0);
    if (!started.n || !r4_date_interval(started.p, started.n, FHIR_ZONE_MIN, &low, &high))
        low = row->t_ms;
    json_object_set_new(line, "kind", json_string("imaging"));
    json_object_set_new(line, "t_ms", json_integer(low));
    put(line, "code", modality);
    put_whole(t, row, root, line);
}

static void tell_row(struct teller *t, const struct fhir_row *row, uint64_t source)
{
    struct r4_doc *d = t->w.plan->scratch->rows;
    struct r4_node *root;
    r4_doc_reset(d);
    if (!row->body || r4_json_parse(d, row->body, row->body_len, &root, NULL) || clean_refuted(root))
        return;
    if (is_type(row, "ImagingStudy")) {
        tell_pictures(t, row, source, root);
        return;
    }
    clean_resource_read(d, root, t->ctx->now_ms, &t->read);
    if (!t->read.n)
        return; /* entered in error */
    if (is_type(row, "Observation"))
        tell_observation(t, row, source, root);
    else
        tell_plain(t, row, source, root);
}

/* ---- what a code is here ---- */

/* {code, system} of the standard; JSON null. Borrowed. */
static const json_t *standard_of(struct teller *t, uint64_t source, const char *kind, const json_t *code)
{
    char key[400];
    const char *raw = json_string_value(json_object_get(code, "code"));
    struct clean_part p = {.display = json_string_value(json_object_get(code, "display")), .refers = json_is_true(json_object_get(code, "refers"))};
    struct quality_standard said;
    p.data = (struct clean_entry){.kind = kind, .code = raw, .system = json_string_value(json_object_get(code, "system")), .standard_code = json_string_value(json_object_get(code, "standard")),
                                  .standard_system = json_string_value(json_object_get(code, "standard_system"))};
    snprintf(key, sizeof key, "%llx|%s|%.150s|%.64s|%.64s", (unsigned long long)source, kind, p.data.system, raw, p.data.standard_code);
    json_t *known = json_object_get(t->standards, key);
    if (known)
        return known;
    said.code[0] = 0;
    const char *standard = fhir_standard_of(t->ctx->tx, source, &p, &said);
    const char *system = standard == said.code ? said.system : standard == p.data.standard_code ? p.data.standard_system : p.data.system;
    json_object_set_new(t->standards, key, *standard ? quality_code_json(records_parts(t->ctx->records)->quality, system, standard) : json_null());
    return json_object_get(t->standards, key);
}

static bool of_illness(const char *kind)
{
    return strcmp(kind, "diagnosis") == 0 || strcmp(kind, "problem") == 0;
}

static void add_codes(json_t *line, const json_t *codes)
{
    json_t *held = json_object_get(line, "codes");
    if (!codes || codes == held)
        return;
    if (held)
        json_array_extend(held, (json_t *)codes);
    else
        json_object_set_new(line, "codes", json_copy((json_t *)codes));
}

static void settle_code(struct teller *t, json_t *line)
{
    const json_t *code = json_object_get(line, "_code");
    const char *kind = json_string_value(json_object_get(line, "kind")), *raw = json_string_value(json_object_get(code, "code"));
    const char *visit = json_string_value(json_object_get(line, "_visit"));
    uint64_t source;
    if (!code || id_parse(json_string_value(json_object_get(line, "_from")), &source))
        return;
    const json_t *standard = standard_of(t, source, kind, code);
    const char *better = json_string_value(json_object_get(standard, "code")), *name = json_string_value(json_object_get(standard, "name"));
    if (better && strcmp(better, raw) != 0)
        json_object_set(line, "standard", (json_t *)standard);
    if (!json_object_get(line, "title"))
        json_object_set_new(line, "title", json_string(name ? name : raw));
    if (!of_illness(kind))
        return;
    json_t *codes = json_pack("[s]", better ? better : raw), *held = visit ? json_object_get(t->codes, visit) : NULL;
    add_codes(line, codes);
    if (held)
        json_array_extend(held, codes);
    else if (visit)
        json_object_set(t->codes, visit, codes);
    json_decref(codes);
}

/* ---- where it is from ---- */

/* A client's institution; of a client of the whole consortium, and of what the system wrote, the one the resource names, else the one that keeps the record. */
static uint64_t org_of(struct teller *t, uint64_t source, const char *named, json_t **client)
{
    uint64_t org = 0;
    *client = NULL;
    struct query *q = tx_query(t->ctx->tx, "SELECT name, org_id FROM fhir_client WHERE id=$1", "i", (int64_t)source);
    if (source && query_next(q)) {
        org = (uint64_t)query_int(q, "org_id");
        *client = json_string(query_text(q, "name"));
    }
    if (query_end(q))
        return 0;
    if (!org && !*client && source) /* a person's institution */
        org = (uint64_t)tx_int(t->ctx->tx, 0, "SELECT id FROM org WHERE id=$1", "i", (int64_t)source);
    if (!org && named)
        org = (uint64_t)tx_int(t->ctx->tx, 0, "SELECT id FROM org WHERE code=$1", "t", named);
    return org ? org : (uint64_t)tx_int(t->ctx->tx, 0, "SELECT org_id FROM patient WHERE id=$1", "i", (int64_t)t->patient);
}

static void settle_origin(struct teller *t, json_t *line)
{
    char key[80];
    const char *from = json_string_value(json_object_get(line, "_from")), *named = json_string_value(json_object_get(line, "_org"));
    uint64_t source;
    if (id_parse(from, &source))
        return;
    snprintf(key, sizeof key, "%s|%s", from, named ? named : "");
    json_t *known = json_object_get(t->orgs, key), *client;
    if (!known) {
        struct org_id org = {org_of(t, source, named, &client)};
        known = json_pack("{s:o,s:o}", "org", org_ref(t->ctx, org), "source", client ? client : json_string("FHIR"));
        json_object_set_new(t->orgs, key, known);
    }
    json_object_update(line, known);
}

/* ---- which belong together ---- */

static json_t *head_of(struct teller *t, json_t *line)
{
    json_t *self = json_object_get(line, "_self"), *head = NULL;
    for (int up = 0; up < UP_MAX && self; up++) {
        self = json_object_get(t->part_of, json_string_value(self));
        json_t *above = self ? json_object_get(t->heads, json_string_value(self)) : NULL;
        head = above ? above : head;
    }
    const char *visit = json_string_value(json_object_get(line, "_visit")), *kind = json_string_value(json_object_get(line, "kind"));
    bool of_visit = strcmp(kind, "diagnosis") == 0 || strcmp(kind, "procedure") == 0;
    return !head && visit && of_visit ? json_object_get(t->heads, visit) : head;
}

/* Values that came without a report stand together when they are of one moment. */
static void settle_loose(json_t *line, json_t *moments)
{
    char key[160];
    const char *category = json_string_value(json_object_get(line, "category"));
    snprintf(key, sizeof key, "%lld|%.40s|%.40s", (long long)json_integer_value(json_object_get(line, "t_ms")), category ? category : "", json_string_value(json_object_get(line, "_from")));
    if (!json_object_get(moments, key))
        json_object_set(moments, key, json_object_get(line, "id"));
    json_object_set(line, "message_id", json_object_get(moments, key));
}

static void settle_place(struct teller *t, json_t *line, json_t *moments)
{
    json_t *head = head_of(t, line);
    const char *visit = json_string_value(json_object_get(line, "_visit"));
    add_codes(line, json_object_get(t->codes, visit ? visit : json_string_value(json_object_get(line, "_self"))));
    if (head) {
        json_t *instead = json_object_get(head, "_same"); /* it came by message */
        json_object_set(line, "head_id", instead ? instead : json_object_get(head, "id"));
        json_object_set(line, "message_id", json_object_get(line, "head_id"));
        if (json_is_true(json_object_get(head, "restricted")))
            json_object_set_new(line, "restricted", json_true());
    } else if (strcmp(json_string_value(json_object_get(line, "kind")), "observation") == 0)
        settle_loose(line, moments);
    else
        json_object_set(line, "message_id", json_object_get(line, "id"));
}

/* ---- what came by two doors ---- */

static const json_t *sources_of(struct teller *t, const char *org)
{
    uint64_t id, list[SOURCES_MAX];
    json_t *known = json_object_get(t->sources, org);
    if (known || id_parse(org, &id))
        return known;
    known = json_array();
    size_t n = exchange_sources_of(t->ctx, id, list, SOURCES_MAX);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(known, json_id(list[i]));
    json_object_set_new(t->sources, org, known);
    return known;
}

/* A report or visit with a number under which the institution sent it by message, too: the message's stays. */
static void settle_same(struct teller *t, json_t *line)
{
    const char *org = json_string_value(json_object_get(json_object_get(line, "org"), "id")), *kind = json_string_value(json_object_get(line, "kind"));
    const json_t *sources = org ? sources_of(t, org) : NULL;
    size_t i, k;
    json_t *number, *source;
    json_array_foreach(json_object_get(line, "_numbers"), i, number) json_array_foreach(sources, k, source)
    {
        uint64_t from, entry = 0;
        if (id_parse(json_string_value(source), &from) == 0)
            entry = exchange_entry_called(t->ctx, from, t->patient, kind, json_string_value(number));
        if (entry) {
            json_object_set_new(line, "_same", json_id(entry));
            return;
        }
    }
}

/* The visit or report itself, and what a report says; diagnoses of such a visit stand under the message's. */
static bool told_already(struct teller *t, json_t *line)
{
    json_t *head = head_of(t, line);
    const char *kind = json_string_value(json_object_get(line, "kind"));
    return json_object_get(line, "_same") || (head && json_object_get(head, "_same") && (strcmp(kind, "observation") == 0 || strcmp(kind, "report") == 0)) ||
           (head && strcmp(kind, "report") == 0); /* a panel of a report */
}

/* ---- all of it ---- */

static int each_row(struct teller *t, int64_t pkey)
{
    struct query *q = tx_query(t->ctx->tx,
                               "SELECT pkey, rid, vid, seq, born, t_ms, deleted, type, name, body, source_id FROM fhir_resource WHERE pkey=$1 AND deleted=0 AND type IN (" TYPES
                               ") ORDER BY rid DESC LIMIT $2",
                               "ii", pkey, (int64_t)READ_MAX);
    int rc = 0;
    while (rc == 0 && query_next(q)) {
        struct fhir_row row = {0};
        rc = row_take(&t->w, q, ROW_BODY, &row);
        if (rc == 0)
            tell_row(t, &row, (uint64_t)query_int(q, "source_id"));
        fhir_row_clear(&row);
    }
    int ended = query_end(q);
    return rc ? rc : ended;
}

static void add_named(struct teller *t, uint64_t person, int64_t out[HOMES_MAX], size_t *n)
{
    char name[FHIR_ID_BYTES];
    own_id(&own_patient, person, name);
    int64_t pkey = tx_int(t->ctx->tx, 0, "SELECT pkey FROM fhir_name WHERE type='Patient' AND name=$1", "t", name);
    if (pkey && *n < HOMES_MAX)
        out[(*n)++] = pkey;
}

/* Patients who are he; and the person of the index that is called by him. A person with a name of his own is the first of his records. */
static size_t patients_of(struct teller *t, int64_t out[HOMES_MAX])
{
    size_t n = 0;
    struct tx *tx = t->ctx->tx;
    int64_t he = (int64_t)t->patient, person = (int64_t)patient_index_person(t->ctx, t->patient);
    struct query *q = tx_query(tx, "SELECT pkey FROM fhir_patient WHERE patient_id=$1 ORDER BY pkey LIMIT $2", "ii", he, (int64_t)HOMES_MAX);
    while (n < HOMES_MAX && query_next(q))
        out[n++] = query_int(q, "pkey");
    if (query_end(q))
        return 0;
    add_named(t, t->patient, out, &n);
    if (person && person != he && !tx_int(tx, 0, "SELECT COUNT(*) AS n FROM patient WHERE id=$1", "i", person) &&
        tx_int(tx, 0, "SELECT MIN(patient_id) AS n FROM mpi_member WHERE person_id=$1", "i", person) == he)
        add_named(t, (uint64_t)person, out, &n);
    return n;
}

static void settle(struct teller *t)
{
    json_t *line, *moments = json_object();
    size_t i;
    json_array_foreach(t->lines, i, line)
    {
        const char *kind = json_string_value(json_object_get(line, "kind"));
        settle_origin(t, line);
        settle_code(t, line);
        if (json_object_get(line, "_numbers"))
            settle_same(t, line);
        if (strcmp(kind, "report") == 0 || strcmp(kind, "encounter") == 0)
            json_object_set(t->heads, json_string_value(json_object_get(line, "_self")), line);
    }
    for (i = json_array_size(t->lines); i-- > 0;) /* the oldest names a moment */
        settle_place(t, json_array_get(t->lines, i), moments);
    json_decref(moments);
}

static void put_right(json_t *line, const json_t *right)
{
    char key[60], *dot;
    snprintf(key, sizeof key, "%s", json_string_value(json_object_get(line, "id")));
    if ((dot = strchr(key, '.')))
        snprintf(dot, (size_t)(key + sizeof key - dot), ".%d", atoi(dot + 1));
    json_t *better = json_object_get(right, key);
    if (better)
        json_object_set(line, "put_right", better);
}

static void hand_over(struct teller *t, json_t *items, const json_t *right, bool own_only)
{
    static const char *const inner[] = {"_from", "_self", "_code", "_visit", "_numbers", "_org", "_same"};
    char own[ID_TEXT_BYTES];
    json_t *line;
    size_t i;
    id_format(t->ctx->actor->org.v, own);
    json_array_foreach(t->lines, i, line)
    {
        const char *org = json_string_value(json_object_get(json_object_get(line, "org"), "id"));
        if (told_already(t, line) || (own_only && (!org || strcmp(org, own) != 0)))
            continue;
        put_right(line, right);
        json_array_append(items, line);
    }
    json_array_foreach(t->lines, i, line)
        for (size_t k = 0; k < sizeof inner / sizeof *inner; k++)
            json_object_del(line, inner[k]);
}

static int tell_patient(struct teller *t, int64_t pkey, json_t *items, bool own_only)
{
    json_t **const sets[] = {&t->heads, &t->part_of, &t->codes};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        *sets[i] = json_object();
    t->lines = json_array();
    int rc = each_row(t, pkey);
    json_t *right = rc || !json_array_size(t->lines) ? NULL : quality_put_right(t->ctx, (uint64_t)pkey);
    if (rc == 0) {
        settle(t);
        hand_over(t, items, right, own_only);
    }
    json_decref(right);
    json_decref(t->lines);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        json_decref(*sets[i]);
    return rc ? rc : tx_error(t->ctx->tx);
}

static int tell(struct op_ctx *ctx, uint64_t patient, json_t *items, bool own_only)
{
    int64_t pkeys[HOMES_MAX];
    struct teller *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_UNAVAILABLE;
    t->ctx = ctx;
    t->patient = patient;
    size_t n = patients_of(t, pkeys);
    int rc = tx_error(ctx->tx);
    if (n && rc == 0) {
        t->w = (struct fhir_work){.records = ctx->records, .fhir = records_parts(ctx->records)->fhir, .now_ms = ctx->now_ms, .q = {.host = ""}};
        t->standards = json_object();
        t->orgs = json_object();
        t->sources = json_object();
        rc = fhir_plan_new(&t->w) ? 0 : fault_set(ctx->fault, ERR_UNAVAILABLE, "", "The FHIR service is not ready.");
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = tell_patient(t, pkeys[i], items, own_only);
        json_decref(t->standards);
        json_decref(t->orgs);
        json_decref(t->sources);
        free(t->w.answer.body);
        fhir_work_fini(&t->w);
    }
    free(t);
    return rc;
}

int fhir_timeline(struct op_ctx *ctx, uint64_t patient, json_t *items)
{
    return tell(ctx, patient, items, false);
}

int fhir_timeline_own(struct op_ctx *ctx, uint64_t patient, json_t *items)
{
    return tell(ctx, patient, items, true);
}
