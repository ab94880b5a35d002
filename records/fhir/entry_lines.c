/* One resource as lines of a timeline (entries.h): the same kinds, with the same members, as what came by messages (records/exchange/entries.c). */
#include "records/fhir/attachment.h"
#include "records/fhir/entries.h"
#include <stdio.h>

#define DOCUMENT_BYTES 16384 /* of base64 */
#define ATTACHMENTS 8

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

void *teller_keep(struct teller *t, size_t n)
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
    if (p || !(p = teller_keep(t, sizeof *p)))
        return p;
    p->name = keep_text(t, name);
    HASH_ADD_KEYPTR(hh, t->places, p->name, name.n, p);
    return p;
}

static struct piece *add_piece(struct teller *t, const struct fhir_row *row, uint64_t source, int64_t key)
{
    char id[60], hex[ID_TEXT_BYTES], self[FHIR_ID_BYTES + 40];
    struct piece *p = teller_keep(t, sizeof *p);
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
    json_object_set_new_nocheck(p->line, "from", json_integer(-(json_int_t)source - 1)); /* below nought: no message (records/patient/doors.h) */
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
    if (c || !(c = teller_keep(t, sizeof *c)))
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

/* A short text that stands in the document is read here. */
static bool put_document(const struct r4_node *attachment, json_t *line)
{
    struct r4_str kind = r4_text(r4_get(attachment, "contentType")), data = r4_text(r4_get(attachment, "data"));
    uint8_t bytes[DOCUMENT_BYTES];
    if (kind.n < 10 || memcmp(kind.p, "text/plain", 10) != 0 || !data.n || data.n >= DOCUMENT_BYTES)
        return false;
    int n = base64_decode(data.p, data.n, bytes, sizeof bytes);
    json_t *value = n > 0 ? json_stringn((const char *)bytes, (size_t)n) : NULL; /* NULL: not UTF-8 */
    if (value)
        json_object_set_new(line, "value", value);
    return value;
}

static json_t *attachment_line(const struct fhir_row *row, const struct r4_node *a, size_t n)
{
    char pkey[ID_TEXT_BYTES], rid[ID_TEXT_BYTES], id[ATTACHMENT_ID_BYTES];
    struct r4_str data = r4_text(r4_get(a, "data")), size = r4_text(r4_get(a, "size")), url = r4_text(r4_get(a, "url"));
    json_t *o = json_object();
    id_format((uint64_t)row->pkey, pkey);
    id_format((uint64_t)row->rid, rid);
    snprintf(id, sizeof id, "%s-%s-%zu", pkey, rid, n);
    put_text(o, "id", id);
    put(o, "title", r4_text(r4_get(a, "title")));
    put(o, "content_type", r4_text(r4_get(a, "contentType")));
    if (data.n || size.n)
        json_object_set_new(o, "bytes", json_integer(data.n ? (json_int_t)(data.n / 4 * 3) : atoll(size.p)));
    if (!data.n && (url.n < 7 || !memmem(url.p, url.n, "Binary/", 7)))
        json_object_set_new(o, "elsewhere", json_true());
    return o;
}

/* What hangs on it, to be opened by its id (attachment.h). */
static void put_attachments(const struct fhir_row *row, const struct r4_node *list, json_t *line)
{
    json_t *all = NULL;
    size_t n = 0;
    for (const struct r4_node *one = first(list); one && n < ATTACHMENTS; one = one->next, n++) {
        const struct r4_node *within = r4_get(one, "attachment"), *a = within ? within : one;
        if (n == 0 && is_type(row, "DocumentReference") && put_document(a, line))
            continue;
        all = all ? all : json_array();
        json_array_append_new(all, attachment_line(row, a, n));
    }
    if (all)
        json_object_set_new(line, "attachments", all);
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
        put_attachments(row, r4_get(root, "content"), p->line);
    }
    if (is_type(row, "DiagnosticReport"))
        put_attachments(row, r4_get(root, "presentedForm"), p->line);
}

/* http://hl7.org/fhir/R4/imagingstudy.html#notes: identifier of system urn:dicom:uid, "urn:oid:" + Study Instance UID. */
static void put_study_uid(const struct r4_node *root, json_t *line)
{
    for (const struct r4_node *one = first(r4_get(root, "identifier")); one; one = one->next) {
        struct r4_str value = r4_text(r4_get(one, "value"));
        if (r4_is(r4_get(one, "system"), "urn:dicom:uid") && value.n > 8 && memcmp(value.p, "urn:oid:", 8) == 0) {
            put(line, "uid", (struct r4_str){value.p + 8, value.n - 8});
            return;
        }
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
    json_object_set_new(p->line, "pictures", json_integer(0)); /* the timeline counts those it has */
    set_time(p, low);
    put(p->line, "code", r4_text(r4_at(root, "modality.0.code")));
    put_study_uid(root, p->line);
    put(p->line, "title", text_at(root, told_of("ImagingStudy")->title));
    take_whole(t, p, row, root);
}

void teller_row(struct teller *t, const struct fhir_row *row, uint64_t source)
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
