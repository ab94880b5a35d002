/* What the store keeps of a patient, as entries of his timeline: the same kinds, with the same members, as what came by messages (records/exchange/entries.c).
 *
 * Read when it is asked for, along the key (patient, resource): nothing is kept twice, an amended resource is its newest version, a deleted one is gone.
 * First each resource becomes pieces by itself, while its rows are read; then, with all of them there, they are told what their codes are and where they are from, and
 * find each other: values their report, diagnoses their visit.
 */
#include "records/exchange/exchange.h"
#include "records/fhir/clean.h"
#include "records/fhir/own.h"
#include "records/patient/index.h"
#include "records/quality/quality.h"
#include "records/work/staff.h"
#include <stdio.h>
#include <uthash.h>

#define READ_MAX 8000 /* resources of one Patient, the newest */
#define HOMES_MAX 64
#define NUMBERS_MAX 4 /* of a report */
#define SOURCES_MAX 16
#define DOCUMENT_BYTES 16384
#define UP_MAX 4 /* a value in a panel in a report */

struct coded { /* a code as it came; texts live as long as the teller */
    char key[300];
    uint64_t source;
    const char *kind;
    struct clean_part as; /* what of it says which code it is */
    json_t *standard; /* what it is here: {system, code, name}; NULL = not asked for yet, or nothing */
    bool settled;
    UT_hash_handle hh;
};
struct piece { /* a line on its way */
    json_t *line;
    struct coded *code;      /* NULL: it has none */
    struct place *self;      /* what it is of */
    struct place *visit;     /* NULL: it does not say */
    const char *org;         /* code of the institution it names; NULL */
    uint64_t source, same;   /* same: the entry that a message brought of it */
    int64_t t_ms;
    const char *kind;
    const char *numbers[NUMBERS_MAX];
};
struct place { /* "Type/id", named by somebody or there */
    const char *name;
    struct piece *head;    /* the report or visit that it is */
    struct place *part_of; /* who names it as a part */
    json_t *codes;         /* of a visit: of its diagnoses */
    UT_hash_handle hh;
};
struct origin { /* what a source is called */
    char key[80];
    json_t *org, *name;
    size_t n_sources;
    uint64_t sources[SOURCES_MAX]; /* of messages of the institution */
    UT_hash_handle hh;
};

struct teller {
    struct op_ctx *ctx;
    struct fhir_work w;
    uint64_t patient;
    struct clean_resource read;
    struct r4_doc *texts; /* borrowed; of all that follows */
    struct piece **pieces;
    size_t n, cap;
    struct place *places;   /* of one Patient */
    struct coded *codes;    /* of all, as the next */
    struct origin *origins;
    bool failed; /* no memory: nothing is told */
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

/* Texts of a resource are UTF-8: parsed. */
static void put(json_t *line, const char *name, struct r4_str s)
{
    if (s.n)
        json_object_set_new_nocheck(line, name, json_stringn_nocheck(s.p, s.n));
}

static void put_text(json_t *line, const char *name, const char *text)
{
    put(line, name, (struct r4_str){text, strlen(text)});
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
        struct r4_str unit = r4_text(r4_at(o, "valueQuantity.unit")); /* for people: "mmHg", not "mm[Hg]" */
        put_text(line, "value", e->value);
        put(line, "unit", unit.n ? unit : str(e->unit));
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

static void *keep(struct teller *t, size_t n)
{
    void *room = r4_doc_alloc(t->texts, n);
    if (room)
        memset(room, 0, n);
    else
        t->failed = true;
    return room;
}

static const char *keep_text(struct teller *t, struct r4_str s)
{
    char *copy = s.n ? r4_doc_copy(t->texts, s.p, s.n) : NULL;
    t->failed = t->failed || (s.n && !copy);
    return copy ? copy : "";
}

/* NULL: no memory, or no name. */
static struct place *place_of(struct teller *t, struct r4_str name)
{
    struct place *p = NULL;
    if (!name.n)
        return NULL;
    HASH_FIND(hh, t->places, name.p, name.n, p);
    if (p || !(p = keep(t, sizeof *p)))
        return p;
    p->name = keep_text(t, name);
    HASH_ADD_KEYPTR(hh, t->places, p->name, name.n, p);
    return p;
}

static struct piece *add_piece(struct teller *t, const struct fhir_row *row, uint64_t source, int64_t key)
{
    char id[60], hex[ID_TEXT_BYTES], self[FHIR_ID_BYTES + 40];
    struct piece *p = keep(t, sizeof *p);
    if (p && t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 256;
        struct piece **more = realloc(t->pieces, cap * sizeof *more);
        t->pieces = more ? more : t->pieces;
        t->cap = more ? cap : t->cap;
        p = more ? p : NULL;
    }
    if (!p) {
        t->failed = true;
        return NULL;
    }
    id_format((uint64_t)row->rid, hex);
    snprintf(id, sizeof id, key ? "%s.%02lld" : "%s", hex, (long long)key);
    int n = snprintf(self, sizeof self, "%s/%s", row->type->name, row->name);
    p->self = place_of(t, (struct r4_str){self, (size_t)n});
    p->source = source;
    p->line = json_object();
    put_text(p->line, "id", id);
    json_object_set_new_nocheck(p->line, "case_id", json_null());
    json_object_set_new_nocheck(p->line, "document_id", json_null());
    t->pieces[t->n++] = p;
    return p;
}

static void set_kind(struct piece *p, const char *kind)
{
    p->kind = kind;
    put_text(p->line, "kind", kind);
}

static void set_time(struct piece *p, int64_t t_ms)
{
    p->t_ms = t_ms;
    json_object_set_new_nocheck(p->line, "t_ms", json_integer(t_ms));
}

static struct coded *code_of(struct teller *t, uint64_t source, const struct clean_part *part)
{
    const struct clean_entry *e = &part->data;
    struct coded *c = NULL;
    char key[sizeof c->key];
    snprintf(key, sizeof key, "%llx|%s|%.120s|%.64s|%.64s|%d", (unsigned long long)source, e->kind, e->system, e->code, e->standard_code, (int)part->refers);
    HASH_FIND_STR(t->codes, key, c);
    if (c || !(c = keep(t, sizeof *c)))
        return c;
    memcpy(c->key, key, sizeof key);
    c->source = source;
    c->kind = e->kind;
    c->as.refers = part->refers;
    c->as.display = keep_text(t, str(part->display));
    c->as.data = (struct clean_entry){.kind = e->kind, .code = keep_text(t, str(e->code)), .system = keep_text(t, str(e->system)), .standard_code = keep_text(t, str(e->standard_code)),
                                      .standard_system = keep_text(t, str(e->standard_system))};
    HASH_ADD_STR(t->codes, key, c);
    return c;
}

static void set_code(struct teller *t, struct piece *p, const struct clean_part *part)
{
    set_kind(p, part->data.kind);
    json_object_set_new_nocheck(p->line, "code", json_string(part->refers ? "" : part->data.code));
    p->code = code_of(t, p->source, part);
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

static void take_visit(struct teller *t, struct piece *p, const struct r4_node *root)
{
    char name[FHIR_ID_BYTES + 12];
    struct r4_str id;
    if (clean_resource_visit(root, &id) && id.n < FHIR_ID_BYTES)
        p->visit = place_of(t, (struct r4_str){name, (size_t)snprintf(name, sizeof name, "Encounter/%.*s", (int)id.n, id.p)});
}

/* Numbers under which a message may have brought the same. */
static void take_numbers(struct teller *t, struct piece *p, const struct r4_node *root)
{
    size_t n = 0;
    for (const struct r4_node *one = first(r4_get(root, "identifier")); one && n < NUMBERS_MAX; one = one->next) {
        struct r4_str value = r4_text(r4_get(one, "value"));
        if (value.n)
            p->numbers[n++] = keep_text(t, value);
    }
}

/* These are its parts; who is a part himself leads further up. */
static void take_parts(struct teller *t, const struct piece *p, const struct r4_node *list)
{
    for (const struct r4_node *one = first(list); one; one = one->next) {
        struct place *part = place_of(t, r4_text(r4_get(one, "reference")));
        if (part && part != p->self)
            part->part_of = p->self;
    }
}

static void take_whole(struct teller *t, struct piece *p, const struct fhir_row *row, const struct r4_node *root)
{
    static const char *const severe[][2] = {{"mild", "MI"}, {"moderate", "MO"}, {"severe", "SV"}};
    const struct told *k = told_of(row->type->name);
    char code[40];
    put(p->line, "value", text_at(root, k->value));
    put(p->line, "who", text_at(root, k->who));
    put(p->line, "state", r4_text(r4_at(root, k->state)));
    take_visit(t, p, root);
    if (clean_restricted(root))
        json_object_set_new(p->line, "restricted", json_true());
    if (clean_resource_org(root, code))
        p->org = keep_text(t, str(code));
    for (size_t i = 0; i < sizeof severe / sizeof *severe; i++)
        if (r4_is(r4_at(root, "reaction.0.severity"), severe[i][0]))
            put_text(p->line, "flag", severe[i][1]);
    if (is_type(row, "DiagnosticReport")) {
        put(p->line, "summary", r4_text(r4_get(root, "conclusion")));
        take_parts(t, p, r4_get(root, "result"));
        take_parts(t, p, r4_get(root, "imagingStudy"));
    }
    if (is_type(row, "DiagnosticReport") || is_type(row, "Encounter"))
        take_numbers(t, p, root);
}

/* An Observation of nothing but others is a report to its reader; one of components has a line for each. */
static void tell_observation(struct teller *t, const struct fhir_row *row, uint64_t source, const struct r4_node *root)
{
    const struct clean_resource *r = &t->read;
    const struct r4_node *members = r4_get(root, "hasMember"), *component = first(r4_get(root, "component"));
    struct r4_str category = r4_text(r4_at(root, "category.0.coding.0.code"));
    bool valued = *r->parts[0].data.value, panel = first(members) && !valued;
    for (size_t i = 0; i < r->n; i++) {
        const struct r4_node *o = i ? component : root;
        component = i && component ? component->next : component;
        if (i == 0 && !valued && r->n > 1)
            continue;
        struct piece *p = add_piece(t, row, source, r->parts[i].key);
        if (!p)
            return;
        set_code(t, p, &r->parts[i]);
        take_whole(t, p, row, root);
        set_time(p, r->parts[0].data.t_ms ? r->parts[0].data.t_ms : row->t_ms);
        put(p->line, "category", category);
        put(p->line, "title", text_at(o, told_of("Observation")->title));
        put_value(o, &r->parts[i].data, p->line);
        put_judgement(o, p->line);
        if (i == 0 && panel)
            set_kind(p, "report");
        if (i == 0)
            take_parts(t, p, members);
    }
}

/* A document whose text stands in it (attachment.data, base64) is read here; others are only named. */
static void put_document(const struct r4_node *root, json_t *line)
{
    const struct r4_node *attachment = r4_at(root, "content.0.attachment");
    struct r4_str kind = r4_text(r4_get(attachment, "contentType")), data = r4_text(r4_get(attachment, "data"));
    bool plain = kind.n >= 10 && memcmp(kind.p, "text/plain", 10) == 0;
    char *text = plain && data.n && data.n < DOCUMENT_BYTES ? strndup(data.p, data.n) : NULL;
    if (!text)
        return;
    text[strcspn(text, "=")] = 0;
    for (char *c = text; *c; c++) /* its alphabet, the one decoder knows the other */
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    uint8_t bytes[DOCUMENT_BYTES];
    int n = base64url_decode(text, bytes, sizeof bytes);
    json_t *value = n > 0 ? json_stringn((const char *)bytes, (size_t)n) : NULL;
    if (value)
        json_object_set_new(line, "value", value);
    free(text);
}

static void tell_plain(struct teller *t, const struct fhir_row *row, uint64_t source, const struct r4_node *root)
{
    const struct clean_part *part = &t->read.parts[0];
    struct piece *p = add_piece(t, row, source, 0);
    if (!p)
        return;
    set_code(t, p, part);
    put(p->line, "title", text_at(root, told_of(row->type->name)->title));
    take_whole(t, p, row, root);
    set_time(p, part->data.t_ms ? part->data.t_ms : row->t_ms);
    if (is_type(row, "Encounter"))
        json_object_set_new(p->line, "code", json_string(clean_visit_class(root)));
    if (is_type(row, "DocumentReference")) {
        put(p->line, "category", text_at(root, (const char *const[]){"category.0*", NULL}));
        put_document(root, p->line);
    }
}

static void tell_pictures(struct teller *t, const struct fhir_row *row, uint64_t source, const struct r4_node *root)
{
    struct r4_str started = r4_text(r4_get(root, "started"));
    int64_t low = 0, high;
    struct piece *p = r4_is(r4_get(root, "status"), "entered-in-error") ? NULL : add_piece(t, row, source, 0);
    if (!p)
        return;
    if (!started.n || !r4_date_interval(started.p, started.n, FHIR_ZONE_MIN, &low, &high))
        low = row->t_ms;
    set_kind(p, "imaging");
    set_time(p, low);
    put(p->line, "code", r4_text(r4_at(root, "modality.0.code")));
    put(p->line, "title", text_at(root, told_of("ImagingStudy")->title));
    take_whole(t, p, row, root);
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

/* NULL: nothing. Borrowed. */
static json_t *standard_of(struct teller *t, struct coded *c)
{
    struct quality_standard said = {.code = ""};
    const struct clean_entry *e = &c->as.data;
    if (c->settled)
        return c->standard;
    c->settled = true;
    const char *code = fhir_standard_of(t->ctx->tx, c->source, &c->as, &said);
    const char *system = code == said.code ? said.system : code == e->standard_code ? e->standard_system : e->system;
    if (*code)
        c->standard = quality_code_json(records_parts(t->ctx->records)->quality, system, code);
    return c->standard;
}

static bool of_illness(const struct piece *p)
{
    return strcmp(p->kind, "diagnosis") == 0 || strcmp(p->kind, "problem") == 0;
}

static void add_codes(json_t *line, json_t *codes)
{
    json_t *held = json_object_get(line, "codes");
    if (codes && held)
        json_array_extend(held, codes);
    else if (codes)
        json_object_set_new(line, "codes", json_copy(codes));
}

static void settle_code(struct teller *t, struct piece *p)
{
    if (!p->code)
        return;
    const char *raw = p->code->as.data.code;
    json_t *standard = standard_of(t, p->code);
    const char *better = json_string_value(json_object_get(standard, "code")), *name = json_string_value(json_object_get(standard, "name"));
    if (better && strcmp(better, raw) != 0)
        json_object_set(p->line, "standard", standard);
    if (!json_object_get(p->line, "title"))
        put_text(p->line, "title", name ? name : *p->code->as.display ? p->code->as.display : raw);
    if (!of_illness(p))
        return;
    json_t *codes = json_pack("[s]", better ? better : raw);
    add_codes(p->line, codes);
    if (p->visit && p->visit->codes)
        json_array_extend(p->visit->codes, codes);
    else if (p->visit)
        p->visit->codes = json_incref(codes);
    json_decref(codes);
}

/* ---- where it is from ---- */

/* A client's institution; of a client of the whole consortium, and of what the system wrote, the one the resource names, else the one that keeps the record. */
static uint64_t org_of(struct teller *t, uint64_t source, const char *named, json_t **client)
{
    struct tx *tx = t->ctx->tx;
    uint64_t org = 0;
    *client = NULL;
    struct query *q = tx_query(tx, "SELECT name, org_id FROM fhir_client WHERE id=$1", "i", (int64_t)source);
    if (query_next(q)) {
        org = (uint64_t)query_int(q, "org_id");
        *client = json_string(query_text(q, "name"));
    }
    if (query_end(q))
        return 0;
    if (!*client && source) /* a person's institution */
        org = (uint64_t)tx_int(tx, 0, "SELECT id FROM org WHERE id=$1", "i", (int64_t)source);
    if (!org && named)
        org = (uint64_t)tx_int(tx, 0, "SELECT id FROM org WHERE code=$1", "t", named);
    return org ? org : (uint64_t)tx_int(tx, 0, "SELECT org_id FROM patient WHERE id=$1", "i", (int64_t)t->patient);
}

static struct origin *origin_of(struct teller *t, const struct piece *p)
{
    struct origin *o = NULL;
    char key[sizeof o->key];
    snprintf(key, sizeof key, "%llx|%.60s", (unsigned long long)p->source, p->org ? p->org : "");
    HASH_FIND_STR(t->origins, key, o);
    if (o || !(o = keep(t, sizeof *o)))
        return o;
    memcpy(o->key, key, sizeof key);
    struct org_id org = {org_of(t, p->source, p->org, &o->name)};
    o->org = org_ref(t->ctx, org);
    o->name = o->name ? o->name : json_string("FHIR");
    o->n_sources = exchange_sources_of(t->ctx, org.v, o->sources, SOURCES_MAX);
    HASH_ADD_STR(t->origins, key, o);
    return o;
}

/* A report or visit with a number under which the institution sent it by message, too: the message's stays. */
static void find_same(struct teller *t, struct piece *p, const struct origin *o)
{
    for (size_t i = 0; i < NUMBERS_MAX && p->numbers[i]; i++)
        for (size_t k = 0; k < o->n_sources && !p->same; k++)
            p->same = exchange_entry_called(t->ctx, o->sources[k], t->patient, p->kind, p->numbers[i]);
}

static void settle_origin(struct teller *t, struct piece *p)
{
    const struct origin *o = origin_of(t, p);
    if (!o)
        return;
    json_object_set(p->line, "org", o->org);
    json_object_set(p->line, "source", o->name);
    find_same(t, p, o);
}

/* ---- which belong together ---- */

static struct piece *head_of(const struct piece *p)
{
    const struct place *at = p->self ? p->self->part_of : NULL;
    struct piece *head = NULL;
    for (int up = 0; up < UP_MAX && at; up++, at = at->part_of)
        head = at->head ? at->head : head;
    bool of_visit = strcmp(p->kind, "diagnosis") == 0 || strcmp(p->kind, "procedure") == 0;
    return !head && p->visit && of_visit ? p->visit->head : head;
}

/* Values that came without a report stand together when they are of one moment. `before`: the one of the same Patient that was settled last. */
static bool of_one_moment(const struct piece *p, const struct piece *before)
{
    const char *a = json_string_value(json_object_get(p->line, "category")), *b = before ? json_string_value(json_object_get(before->line, "category")) : NULL;
    return before && p->t_ms == before->t_ms && p->source == before->source && strcmp(a ? a : "", b ? b : "") == 0;
}

static void settle_place(struct piece *p, const struct piece **loose)
{
    struct piece *head = head_of(p);
    json_t *codes = p->visit ? p->visit->codes : p->self ? p->self->codes : NULL;
    bool value = strcmp(p->kind, "observation") == 0;
    add_codes(p->line, codes);
    if (head) {
        json_object_set_new(p->line, "head_id", head->same ? json_id(head->same) : json_incref(json_object_get(head->line, "id")));
        json_object_set(p->line, "message_id", json_object_get(p->line, "head_id"));
        if (json_is_true(json_object_get(head->line, "restricted")))
            json_object_set_new(p->line, "restricted", json_true());
    } else if (value && of_one_moment(p, *loose))
        json_object_set(p->line, "message_id", json_object_get((*loose)->line, "message_id"));
    else
        json_object_set(p->line, "message_id", json_object_get(p->line, "id"));
    if (value && !head)
        *loose = p;
}

/* What came by message, and what its report says; diagnoses of such a visit stand under the message's. A panel of a report is the report. */
static bool told_already(const struct piece *p)
{
    const struct piece *head = head_of(p);
    bool report = strcmp(p->kind, "report") == 0;
    return p->same || (head && report) || (head && head->same && strcmp(p->kind, "observation") == 0);
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
    return rc ? rc : ended ? ended : t->failed ? ERR_UNAVAILABLE : 0;
}

/* A person of the index is called by his first record; who was taken out of another has a name of his own, and is then the first of his records. */
static uint64_t person_called(struct teller *t)
{
    return (uint64_t)tx_int(t->ctx->tx, 0,
                            "SELECT m.person_id FROM mpi_member m WHERE m.patient_id=$1 AND m.person_id<>$1 AND NOT EXISTS (SELECT 1 FROM patient p WHERE p.id=m.person_id) AND "
                            "NOT EXISTS (SELECT 1 FROM mpi_member o WHERE o.person_id=m.person_id AND o.patient_id<m.patient_id)",
                            "i", (int64_t)t->patient);
}

/* Patients who are he; and the person of the index that is called by him. */
static size_t patients_of(struct teller *t, int64_t out[HOMES_MAX])
{
    size_t n = 0;
    char name[FHIR_ID_BYTES], other[FHIR_ID_BYTES] = "";
    uint64_t person = person_called(t);
    own_id(&own_patient, t->patient, name);
    if (person)
        own_id(&own_patient, person, other);
    struct query *q = tx_query(t->ctx->tx,
                               "SELECT pkey FROM fhir_patient WHERE patient_id=$1 UNION SELECT pkey FROM fhir_name WHERE type='Patient' AND name IN ($2,$3) ORDER BY pkey LIMIT $4", "itti",
                               (int64_t)t->patient, name, other, (int64_t)HOMES_MAX);
    while (n < HOMES_MAX && query_next(q))
        out[n++] = query_int(q, "pkey");
    return query_end(q) ? 0 : n; /* the error sticks */
}

/* By time, so that those of one moment follow each other. */
static int by_moment(const void *a, const void *b)
{
    const struct piece *x = *(struct piece *const *)a, *y = *(struct piece *const *)b;
    if (x->t_ms != y->t_ms)
        return x->t_ms < y->t_ms ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    const char *c = json_string_value(json_object_get(x->line, "category")), *d = json_string_value(json_object_get(y->line, "category"));
    int of = strcmp(c ? c : "", d ? d : "");
    return of ? of : strcmp(json_string_value(json_object_get(x->line, "id")), json_string_value(json_object_get(y->line, "id")));
}

static void settle(struct teller *t)
{
    const struct piece *loose = NULL;
    for (size_t i = 0; i < t->n; i++) {
        struct piece *p = t->pieces[i];
        settle_origin(t, p);
        settle_code(t, p);
        if (p->self && (strcmp(p->kind, "report") == 0 || strcmp(p->kind, "encounter") == 0))
            p->self->head = p;
    }
    if (t->n)
        qsort(t->pieces, t->n, sizeof *t->pieces, by_moment);
    for (size_t i = 0; i < t->n; i++)
        settle_place(t->pieces[i], &loose);
}

/* Of a component the rule's key is its number without a nought before it. */
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
    char own[ID_TEXT_BYTES];
    id_format(t->ctx->actor->org.v, own);
    for (size_t i = 0; i < t->n; i++) {
        struct piece *p = t->pieces[i];
        const char *org = json_string_value(json_object_get(json_object_get(p->line, "org"), "id"));
        if (told_already(p) || (own_only && (!org || strcmp(org, own) != 0)))
            continue;
        if (json_object_size(right))
            put_right(p->line, right);
        json_array_append(items, p->line);
    }
}

static void forget_pieces(struct teller *t)
{
    struct place *p, *next;
    for (size_t i = 0; i < t->n; i++)
        json_decref(t->pieces[i]->line);
    t->n = 0;
    HASH_ITER(hh, t->places, p, next)
    {
        json_decref(p->codes);
        HASH_DEL(t->places, p);
    }
}

static int tell_patient(struct teller *t, int64_t pkey, json_t *items, bool own_only)
{
    int rc = each_row(t, pkey);
    json_t *right = rc || !t->n ? NULL : quality_put_right(t->ctx, (uint64_t)pkey);
    if (rc == 0) {
        settle(t);
        rc = t->failed ? ERR_UNAVAILABLE : tx_error(t->ctx->tx);
    }
    if (rc == 0)
        hand_over(t, items, right, own_only);
    json_decref(right);
    forget_pieces(t);
    return rc;
}

static void teller_fini(struct teller *t)
{
    struct coded *c, *next_code;
    struct origin *o, *next_origin;
    HASH_ITER(hh, t->codes, c, next_code)
    {
        json_decref(c->standard);
        HASH_DEL(t->codes, c);
    }
    HASH_ITER(hh, t->origins, o, next_origin)
    {
        json_decref(o->org);
        json_decref(o->name);
        HASH_DEL(t->origins, o);
    }
    free(t->pieces);
    free(t->w.answer.body);
    fhir_work_fini(&t->w);
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
        rc = fhir_plan_new(&t->w) ? 0 : fault_set(ctx->fault, ERR_UNAVAILABLE, "", "The FHIR service is not ready.");
        t->texts = rc ? NULL : t->w.plan->scratch->doc;
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = tell_patient(t, pkeys[i], items, own_only);
        teller_fini(t);
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
