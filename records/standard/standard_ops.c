/* The operations, and whether the forms keep to the catalogue. */
#include "records/parts.h"
#include "records/patient/identity.h"
#include "records/quality/items.h"
#include "records/quality/quality.h"
#include "records/standard/standard.h"
#include "records/term/ts.h"
#include <stdlib.h>
#include <string.h>

/* ---- forms beside the catalogue ---- */

struct look {
    const struct elements *table;
    const char *day;
    json_t *fields; /* element -> array of fields */
    json_t *faults;
    int n, bound;
};

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

/* Which kinds of element a field of this type can hold. */
static const char *kinds_of(const char *type)
{
    static const struct { const char *type, *kinds; } all[] = {
        {"text", "S1 S3"}, {"textarea", "S1"}, {"questions", "S1"}, {"number", "N"}, {"time", "DT"}, {"date", "D"}, {"choice", "S2 S3"}, {"multi", "S2 S3"},
        {"bool", "L"}, {"consent", "L"}, {"diagnoses", "S3"}, {"list", "G"}, {"windows", "G"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].type, type) == 0)
            return all[i].kinds;
    return "";
}

static bool holds(const char *type, const char *format)
{
    size_t n = strcspn(format, " ");
    for (const char *at = kinds_of(type); *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == n && strncmp(at, format, n) == 0)
            return true;
    return false;
}

/* The form takes more characters than the element has. */
static bool too_long(const json_t *field, const char *format)
{
    const char *most = strstr(format, "..");
    json_int_t max = json_integer_value(json_object_get(field, "max"));
    return strncmp(format, "S1 ", 3) == 0 && most && max > atoi(most + 2);
}

static const char *fault_of(const struct look *l, const json_t *field)
{
    const char *id = text_of(field, "element");
    const struct element *e = elements_find(l->table, id, l->day);
    if (!*id)
        return "unbound";
    if (!e)
        return "unknown";
    return !holds(text_of(field, "type"), e->format) ? "differs" : too_long(field, e->format) ? "longer" : NULL;
}

static json_t *field_json(const char *form, const json_t *field)
{
    static const char *const kept[] = {"label", "unit", "choices"};
    json_t *o = json_pack("{s:s,s:s,s:s}", "form", form, "path", text_of(field, "path"), "type", text_of(field, "type"));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (json_object_get(field, kept[i]))
            json_object_set(o, kept[i], json_object_get(field, kept[i]));
    return o;
}

static void look_at_field(struct look *l, const char *form, const json_t *field)
{
    const char *fault = fault_of(l, field), *id = text_of(field, "element");
    json_t *list = json_object_get(l->fields, id);
    l->n++;
    l->bound += *id != 0;
    if (*id && !list)
        json_object_set_new(l->fields, id, list = json_array());
    if (list)
        json_array_append_new(list, field_json(form, field));
    if (!fault)
        return;
    json_t *o = field_json(form, field);
    json_object_set_new(o, "fault", json_string(fault));
    json_object_set_new(o, "element", json_string(id));
    json_array_append_new(l->faults, o);
}

static json_t *look_at_form(struct look *l, const char *id, const json_t *form)
{
    size_t i, k;
    json_t *section, *field;
    l->n = l->bound = 0;
    json_array_foreach(json_object_get(form, "sections"), i, section)
        json_array_foreach(json_object_get(section, "fields"), k, field)
            look_at_field(l, id, field);
    return json_pack("{s:s,s:I,s:i,s:i}", "id", id, "version", json_integer_value(json_object_get(form, "version")), "fields", l->n, "bound", l->bound);
}

/* ---- elements ---- */

static json_t *element_json(const struct look *l, const struct element *e)
{
    json_t *fields = json_object_get(l->fields, e->id);
    return json_pack("{s:s,s:i,s:s,s:s,s:b,s:{s:s,s:s},s:{s:s,s:s},s:s,s:s,s:s,s:s,s:o}", "id", e->id, "version", e->version, "from", e->from, "until", e->until,
                     "in_effect", elements_in_effect(l->table, e, l->day), "name", "zh", e->zh, "en", e->en, "definition", "zh", e->says_zh, "en", e->says_en,
                     "format", e->format, "domain", e->domain, "hl7", e->hl7, "fhir", e->fhir, "fields", fields ? json_incref(fields) : json_array());
}

static void look_for_unused(struct look *l, const struct element *e)
{
    if (elements_in_effect(l->table, e, l->day) && !*e->hl7 && !*e->fhir && !json_object_get(l->fields, e->id))
        json_array_append_new(l->faults, json_pack("{s:s,s:s,s:{s:s,s:s}}", "fault", "unused", "element", e->id, "label", "zh", e->zh, "en", e->en));
}

static int standard_elements(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct records_parts *p = records_parts(ctx->records);
    char day[11];
    const char *id;
    json_t *form, *forms = json_array(), *items = json_array();
    (void)args;
    date_of_ms(ctx->now_ms, 480, day);
    struct look l = {.table = p->elements, .day = day, .fields = json_object(), .faults = json_array()};
    json_object_foreach((json_t *)forms_all(p->work.forms), id, form)
        json_array_append_new(forms, look_at_form(&l, id, form));
    for (size_t i = 0; i < elements_count(p->elements); i++) {
        look_for_unused(&l, elements_at(p->elements, i));
        json_array_append_new(items, element_json(&l, elements_at(p->elements, i)));
    }
    json_decref(l.fields);
    *result = json_pack("{s:s,s:o,s:o,s:o}", "day", day, "items", items, "forms", forms, "faults", l.faults);
    return 0;
}

/* ---- master data ---- */

struct gap {
    const char *what, *sql; /* one parameter: today */
};
struct master {
    const char *id, *in_effect, *closed;
    struct gap gaps[2];
};

static const struct master masters[] = {
    {"institutions", "SELECT COUNT(*) FROM org WHERE kind='institution' AND active=1", "SELECT COUNT(*) FROM org WHERE kind='institution' AND active=0",
     {{"level", "SELECT COUNT(*) FROM org WHERE kind='institution' AND active=1 AND COALESCE(level,'')='' AND $1<>''"}}},
    {"departments", "SELECT COUNT(*) FROM org WHERE kind='department' AND active=1", "SELECT COUNT(*) FROM org WHERE kind='department' AND active=0",
     {{"specialty", "SELECT COUNT(*) FROM org WHERE kind='department' AND active=1 AND specialty='' AND $1<>''"}}},
    {"staff", "SELECT COUNT(*) FROM person WHERE active=1", "SELECT COUNT(*) FROM person WHERE active=0",
     {{"licence_over", "SELECT COUNT(*) FROM person WHERE active=1 AND licence_no<>'' AND licence_until<>'' AND licence_until<$1"},
      {"licence_open", "SELECT COUNT(*) FROM person WHERE active=1 AND licence_no<>'' AND licence_until='' AND $1<>''"}}},
    {"sources", "SELECT COUNT(*) FROM exchange_source WHERE enabled=1", "SELECT COUNT(*) FROM exchange_source WHERE enabled=0", {{0}}},
};

static json_t *master_json(struct op_ctx *ctx, const struct master *m, const char *day)
{
    json_t *gaps = json_array();
    for (size_t i = 0; i < 2 && m->gaps[i].what; i++) {
        int64_t n = tx_int(ctx->tx, 0, m->gaps[i].sql, "t", day);
        if (n)
            json_array_append_new(gaps, json_pack("{s:s,s:I}", "what", m->gaps[i].what, "n", (json_int_t)n));
    }
    return json_pack("{s:s,s:I,s:I,s:s,s:o}", "id", m->id, "in_effect", (json_int_t)tx_int(ctx->tx, 0, m->in_effect, ""), "closed",
                     (json_int_t)tx_int(ctx->tx, 0, m->closed, ""), "version", "", "gaps", gaps);
}

static int standard_master(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const struct items *items = quality_items(records_parts(ctx->records)->quality);
    char day[11];
    json_t *list = json_array();
    (void)args;
    date_of_ms(ctx->now_ms, 480, day);
    for (size_t i = 0; i < sizeof masters / sizeof *masters; i++)
        json_array_append_new(list, master_json(ctx, &masters[i], day));
    json_array_append_new(list, json_pack("{s:s,s:I,s:i,s:s,s:[]}", "id", "items", "in_effect", (json_int_t)items_count(items), "closed", 0, "version", items_version(items), "gaps"));
    *result = json_pack("{s:s,s:o}", "day", day, "items", list);
    return tx_error(ctx->tx);
}

/* ---- vocabularies ---- */

static int standard_vocabularies(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct records_parts *p = records_parts(ctx->records);
    const struct items *items = quality_items(p->quality);
    struct ts *ts;
    (void)args;
    int rc = terms_ts(p->terms, &ts, ctx->fault);
    if (rc)
        return rc;
    *result = ts_catalogue(ts);
    json_array_append_new(json_object_get(*result, "systems"), json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:s,s:s}", "id", "items", "url", ITEMS_SYSTEM, "version", items_version(items), "title",
                                                                        "检验与体征项目（LOINC 选用）", "codes", (json_int_t)items_count(items), "complete", 0, "from", "", "until", ""));
    return 0;
}

static const struct field no_args[] = {{0}};
const struct op standard_ops[] = {
    {"standard.elements", OP_READ, 0, "quality.read", no_args, standard_elements, "The catalogue of data elements, where each stands, and where our forms do not keep to it"},
    {"standard.master", OP_READ, 0, "quality.read", no_args, standard_master, "Master data: how many are in effect and closed, and what is missing in them"},
    {"standard.vocabularies", OP_READ, 0, "quality.read", no_args, standard_vocabularies, "Code systems, value sets and maps with editions and the days they are in force"},
    {0}};
