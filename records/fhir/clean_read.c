#include "records/fhir/clean.h"
#include "records/fhir/own.h"
#include "records/r4/search.h"
#include "records/term/ts.h"
#include <stdio.h>

#define DAY_MS 86400000LL
#define MINUTE_MS 60000LL
#define UCUM "http://unitsofmeasure.org"

/* ---- small readers ---- */

/* "" when there is none, or no memory: then it is not judged. */
static const char *copy(struct r4_doc *d, struct r4_str s)
{
    const char *text = s.p && s.n ? r4_doc_copy(d, s.p, s.n) : NULL;
    return text ? text : "";
}

static const char *text_of(struct r4_doc *d, const struct r4_node *node)
{
    return copy(d, r4_text(node));
}

static const struct r4_node *first(const struct r4_node *list)
{
    return list && list->kind == R4_ARRAY ? list->child : NULL;
}

/* The first member of a choice that is there: "effective" + DateTime. */
static const struct r4_node *choice(const struct r4_node *o, const char *stem, const char *const ends[])
{
    char name[60];
    for (size_t i = 0; ends[i]; i++) {
        snprintf(name, sizeof name, "%s%s", stem, ends[i]);
        const struct r4_node *node = r4_get(o, name);
        if (node)
            return node;
    }
    return NULL;
}

/* ---- codes ---- */

static bool standard(const struct r4_node *system)
{
    return r4_is(system, TS_ICD10_NHSA) || r4_is(system, "http://hl7.org/fhir/sid/icd-10") || r4_is(system, ITEMS_SYSTEM) || r4_is(system, TS_ICD9CM3_NHSA);
}

const char *clean_public_code(const struct clean_entry *e)
{
    static const char *const systems[] = {"http://www.whocc.no/atc", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://snomed.info/sct", "http://hl7.org/fhir/sid/cvx"};
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        if (strcmp(e->system, systems[i]) == 0)
            return e->code;
    return "";
}

static void take_codes(struct r4_doc *d, const struct r4_node *concept, struct clean_part *p)
{
    struct clean_entry *e = &p->data;
    for (const struct r4_node *one = first(r4_get(concept, "coding")); one; one = one->next) {
        const struct r4_node *system = r4_get(one, "system"), *code = r4_get(one, "code");
        if (!*e->code) {
            e->code = text_of(d, code);
            e->system = text_of(d, system);
            p->display = text_of(d, r4_get(one, "display"));
        }
        if (standard(system) && r4_text(code).n) {
            e->standard_code = text_of(d, code);
            e->standard_system = text_of(d, system);
            return;
        }
    }
}

/* ---- times ---- */

struct when {
    int64_t low, high; /* 0 = not said */
    bool minute;
};

static struct when take_time(const struct r4_node *node)
{
    struct when t = {0};
    struct r4_str s = r4_text(node);
    if (!s.n || !r4_date_interval(s.p, s.n, FHIR_ZONE_MIN, &t.low, &t.high))
        return (struct when){0};
    t.minute = s.n > 10;
    return t;
}

/* Of a date that is a month or a year: as late as it can be. */
static int64_t moment(const struct when *t, int64_t now_ms)
{
    if (t->high - t->low <= DAY_MS || t->low > now_ms)
        return t->low;
    return t->high - MINUTE_MS < now_ms ? t->high - MINUTE_MS : now_ms;
}

static const char *const begins[] = {"DateTime", "Instant", "Period", "", NULL};

static void take_times(const struct r4_node *resource, const char *const stems[], const char *end, int64_t now_ms, struct clean_part *p)
{
    struct when t = {0}, over = {0};
    for (size_t i = 0; stems[i] && !t.low; i++) {
        const struct r4_node *node = choice(resource, stems[i], begins);
        t = take_time(node && node->kind == R4_OBJECT ? r4_get(node, "start") : node);
        over = i == 0 && node && node->kind == R4_OBJECT ? take_time(r4_get(node, "end")) : over;
    }
    if (!over.low && end)
        over = take_time(choice(resource, end, begins));
    p->minute = t.minute;
    p->data.t_ms = moment(&t, now_ms);
    /* within one day or month nothing is before the other */
    p->data.end_ms = over.low && t.low && over.high > t.low && over.low < p->data.t_ms ? p->data.t_ms : over.low;
}

/* ---- values ---- */

static void take_quantity(struct r4_doc *d, const struct r4_node *q, struct clean_entry *e)
{
    struct r4_str comparator = r4_text(r4_get(q, "comparator")), value = r4_text(r4_get(q, "value"));
    char *text = r4_doc_alloc(d, comparator.n + value.n + 1);
    bool ucum = r4_is(r4_get(q, "system"), UCUM) && r4_text(r4_get(q, "code")).n;
    if (!text || !value.n)
        return;
    memcpy(text, comparator.p ? comparator.p : "", comparator.n);
    memcpy(text + comparator.n, value.p, value.n);
    text[comparator.n + value.n] = 0;
    e->value = text;
    e->unit = text_of(d, ucum ? r4_get(q, "code") : r4_get(q, "unit"));
    if (!*e->unit)
        e->unit = text_of(d, r4_get(q, "code"));
}

/* What is no quantity only has to be there. */
static void take_value(struct r4_doc *d, const struct r4_node *o, struct clean_entry *e)
{
    static const char *const kinds[] = {"Quantity", "CodeableConcept", "String", "Boolean", "Integer", "Range", "Ratio", "SampledData", "Time", "DateTime", "Period", NULL};
    const struct r4_node *value = choice(o, "value", kinds), *quantity = r4_get(o, "valueQuantity");
    if (quantity)
        take_quantity(d, quantity, e);
    else if (value) {
        const char *text = text_of(d, value);
        e->value = *text ? text : "-";
    }
    if (r4_get(o, "dataAbsentReason"))
        e->status = ""; /* it says why there is none */
}

/* ---- the types ---- */

struct judged {
    const char *type, *kind, *code;
    const char *times[4]; /* the first is what has a period */
    const char *end;
};
static const struct judged judged[] = {
    {"Observation", "observation", "code", {"effective", "issued"}, NULL},
    {"Condition", "diagnosis", "code", {"onset", "recordedDate"}, "abatement"},
    {"Encounter", "encounter", "class", {"period"}, NULL},
    {"DiagnosticReport", "report", "code", {"effective", "issued"}, NULL},
    {"Procedure", "procedure", "code", {"performed"}, NULL},
    {"MedicationRequest", "medication", "medicationCodeableConcept", {"authoredOn"}, NULL},
    {"MedicationStatement", "medication", "medicationCodeableConcept", {"effective", "dateAsserted"}, NULL},
    {"MedicationAdministration", "dispense", "medicationCodeableConcept", {"effective"}, NULL},
    {"MedicationDispense", "dispense", "medicationCodeableConcept", {"whenHandedOver", "whenPrepared"}, NULL},
    {"AllergyIntolerance", "allergy", "code", {"onset", "recordedDate"}, NULL},
    {"Immunization", "immunization", "vaccineCode", {"occurrence"}, NULL},
    {"ServiceRequest", "order", "code", {"authoredOn"}, NULL},
    {"DocumentReference", "document", "type", {"date"}, NULL},
};

static const struct judged *judged_of(const struct r4_node *type)
{
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++)
        if (r4_is(type, judged[i].type))
            return &judged[i];
    return NULL;
}

static bool in_error(const struct r4_node *r)
{
    return r4_is(r4_get(r, "status"), "entered-in-error") || r4_is(r4_at(r, "verificationStatus.coding.0.code"), "entered-in-error");
}

static struct clean_part *add_part(struct clean_resource *out, const char *kind, const char *status)
{
    struct clean_part *p = &out->parts[out->n++];
    *p = (struct clean_part){.display = "", .data = {.kind = kind, .code = "", .system = "", .standard_code = "", .standard_system = "", .value = "", .unit = "", .status = status, .sex = "", .birth_date = ""}};
    return p;
}

static void take_observation(struct r4_doc *d, const struct r4_node *r, struct clean_resource *out)
{
    const char *status = text_of(d, r4_get(r, "status"));
    struct clean_entry *whole = &out->parts[0].data;
    whole->status = status;
    take_value(d, r, whole);
    if (first(r4_get(r, "component")) || first(r4_get(r, "hasMember")))
        whole->status = ""; /* its parts are the result */
    for (const struct r4_node *c = first(r4_get(r, "component")); c && out->n < CLEAN_PARTS_MAX; c = c->next) {
        struct clean_part *p = add_part(out, "observation", status);
        p->key = (int64_t)out->n - 1;
        take_codes(d, r4_get(c, "code"), p);
        take_value(d, c, &p->data);
    }
}

static void take_entry(struct r4_doc *d, const struct judged *k, const struct r4_node *r, int64_t now_ms, struct clean_resource *out)
{
    bool problem = strcmp(k->type, "Condition") == 0 && r4_is(r4_at(r, "category.0.coding.0.code"), "problem-list-item");
    struct clean_part *p = add_part(out, problem ? "problem" : k->kind, "");
    take_codes(d, r4_get(r, k->code), p);
    if (!*p->data.code && strncmp(k->code, "medication", 10) == 0) { /* what it is stands in a resource of its own */
        p->data.code = text_of(d, r4_at(r, "medicationReference.reference"));
        p->refers = *p->data.code;
    }
    take_times(r, k->times, k->end, now_ms, p);
    if (strcmp(k->type, "Encounter") == 0) {
        p->data.visit_ms = p->data.end_ms ? p->data.t_ms : 0;
        p->data.leave_ms = p->data.end_ms;
        p->data.end_ms = 0;
    }
    if (strcmp(k->type, "Observation") == 0)
        take_observation(d, r, out);
}

/* ---- a patient ---- */

static const char *name_of(struct r4_doc *d, const struct r4_node *name)
{
    const char *text = text_of(d, r4_get(name, "text"));
    if (!*text)
        text = text_of(d, r4_get(name, "family"));
    return *text ? text : text_of(d, r4_item(r4_get(name, "given"), 0));
}

static void take_identity(struct r4_doc *d, const struct r4_node *list, struct clean_patient *p)
{
    for (const struct r4_node *one = first(list); one && !*p->id_no; one = one->next) {
        const struct r4_node *type = r4_at(one, "type.coding.0.code");
        bool card = r4_is(r4_get(one, "system"), OWN_ID_NO) || r4_is(type, "NNCHN");
        if (!card && !r4_is(type, "NI") && !r4_is(type, "PPN"))
            continue;
        p->id_no = text_of(d, r4_get(one, "value"));
        p->id_type = card ? "id_card" : "other";
    }
}

static void take_patient(struct r4_doc *d, const struct r4_node *r, struct clean_patient *p)
{
    const char *birth = text_of(d, r4_get(r, "birthDate"));
    size_t n = strlen(birth);
    *p = (struct clean_patient){name_of(d, r4_item(r4_get(r, "name"), 0)), text_of(d, r4_get(r, "gender")), birth, "none", "", "", false, n < 10};
    if (n == 4 || n == 7) { /* only a year or a month: for rules that judge the year */
        char day[20];
        int len = snprintf(day, sizeof day, "%s%s", birth, n == 4 ? "-01-01" : "-01");
        p->birth_date = copy(d, (struct r4_str){day, (size_t)len});
    }
    take_identity(d, r4_get(r, "identifier"), p);
    for (const struct r4_node *one = first(r4_get(r, "telecom")); one && !*p->phone; one = one->next)
        if (r4_is(r4_get(one, "system"), "phone") || r4_is(r4_get(one, "system"), "sms"))
            p->phone = text_of(d, r4_get(one, "value"));
}

void clean_resource_read(struct r4_doc *d, const struct r4_node *resource, int64_t now_ms, struct clean_resource *out)
{
    const struct r4_node *type = r4_get(resource, "resourceType");
    const struct judged *k = judged_of(type);
    out->n = 0;
    out->patient = r4_is(type, "Patient");
    if (out->patient)
        take_patient(d, resource, &out->himself);
    else if (k && !in_error(resource))
        take_entry(d, k, resource, now_ms, out);
}

/* ---- the visit ---- */

bool clean_resource_visit(const struct r4_node *resource, struct r4_str *id)
{
    static const struct r4_str before = R4_STR("Encounter/");
    struct r4_str s = r4_text(r4_at(resource, "encounter.reference"));
    const struct r4_node *context = r4_item(r4_at(resource, "context.encounter"), 0); /* of a DocumentReference */
    if (!s.n && context)
        s = r4_text(r4_get(context, "reference"));
    if (s.n <= before.n || memcmp(s.p, before.p, before.n) != 0)
        return false;
    *id = (struct r4_str){s.p + before.n, s.n - before.n};
    return true;
}

int64_t clean_visit_begun(const struct r4_node *encounter)
{
    return take_time(r4_at(encounter, "period.start")).low;
}

const char *clean_visit_class(const struct r4_node *encounter)
{
    static const char *const words[][2] = {{"AMB", "O"}, {"EMER", "E"}, {"IMP", "I"}, {"ACUTE", "I"}, {"NONAC", "I"}, {"OBSENC", "B"}, {"PRENC", "P"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (r4_is(r4_at(encounter, "class.code"), words[i][0]))
            return words[i][1];
    return "";
}

/* ---- what else it says of itself ---- */

bool clean_restricted(const struct r4_node *resource)
{
    for (const struct r4_node *one = first(r4_at(resource, "meta.security")); one; one = one->next)
        if (r4_is(r4_get(one, "code"), "R") || r4_is(r4_get(one, "code"), "V"))
            return true;
    return false;
}

bool clean_refuted(const struct r4_node *resource)
{
    return r4_is(r4_at(resource, "verificationStatus.coding.0.code"), "refuted");
}

/* ---- whose data it is ---- */

static bool org_code(const struct r4_node *reference, char out[40])
{
    const struct r4_node *id = r4_get(reference, "identifier");
    struct r4_str value = r4_text(r4_get(id, "value"));
    if (!r4_is(r4_get(id, "system"), OWN_ORG) || !value.n || value.n >= 40)
        return false;
    snprintf(out, 40, "%.*s", (int)value.n, value.p);
    return true;
}

bool clean_resource_org(const struct r4_node *resource, char out[40])
{
    static const char *const members[] = {"managingOrganization", "serviceProvider", "performer", "recorder", "requester", "organization"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct r4_node *node = r4_get(resource, members[i]), *one = first(node);
        if (org_code(node, out))
            return true;
        for (; one; one = one->next)
            if (org_code(one, out) || org_code(r4_get(one, "actor"), out) || org_code(r4_get(one, "onBehalfOf"), out))
                return true;
    }
    return false;
}
