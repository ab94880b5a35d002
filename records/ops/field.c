/* Argument schemas: checking a request by them, printing them as JSON Schema, and reading what was checked. */
#include "records/ops/op.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_DEFAULT 4000
#define ARRAY_MAX_DEFAULT 200
#define TIME_MAX_MS 7258118400000ll /* 2200-01-01 */
#define PATH_MAX_BYTES 96

static void check_object(const struct field *fields, const json_t *object, const char *path, struct fault *f);

static int64_t characters(const char *text)
{
    int64_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

/* ---- one value ---- */

static void check_text(const struct field *d, const json_t *v, const char *path, struct fault *f)
{
    int64_t max = d->max ? d->max : TEXT_MAX_DEFAULT, n;
    if (!json_is_string(v)) {
        fault_field(f, path, "wrong_type:text");
        return;
    }
    n = characters(json_string_value(v));
    if (n > max)
        fault_field(f, path, "too_long:%lld", (long long)max);
    else if (n < d->min)
        fault_field(f, path, n ? "too_short:%lld" : "required", (long long)d->min);
}

static void check_number(const struct field *d, const json_t *v, const char *path, struct fault *f)
{
    bool whole = d->type != FIELD_NUMBER, limited = d->min || d->max;
    if (whole ? !json_is_integer(v) : !json_is_number(v)) {
        fault_field(f, path, whole ? "wrong_type:integer" : "wrong_type:number");
        return;
    }
    double x = json_number_value(v);
    int64_t min = d->type == FIELD_TIME ? 0 : d->min, max = d->type == FIELD_TIME ? TIME_MAX_MS : d->max;
    if (d->type == FIELD_TIME)
        limited = true;
    if (limited && x < (double)min)
        fault_field(f, path, "too_small:%lld", (long long)min);
    else if (limited && x > (double)max)
        fault_field(f, path, "too_large:%lld", (long long)max);
}

static bool real_date(const char *t)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(t) != 10 || t[4] != '-' || t[7] != '-')
        return false;
    for (int i = 0; i < 10; i++)
        if (i != 4 && i != 7 && (t[i] < '0' || t[i] > '9'))
            return false;
    int y = atoi(t), m = atoi(t + 5), d = atoi(t + 8);
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return y >= 1800 && y < 2200 && m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] && (m != 2 || d != 29 || leap);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strchr(value, '|') ? 0 : strlen(value);
    for (const char *c = choices; len && c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (strncmp(c, value, len) == 0 && (c[len] == '|' || c[len] == 0))
            return true;
    return false;
}

static void check_word(const struct field *d, const json_t *v, const char *path, struct fault *f)
{
    const char *text = json_string_value(v);
    uint64_t id;
    if (!text)
        fault_field(f, path, "wrong_type:text");
    else if (d->type == FIELD_ID && id_parse(text, &id))
        fault_field(f, path, "not_an_id");
    else if (d->type == FIELD_DATE && !real_date(text))
        fault_field(f, path, "not_a_date");
    else if (d->type == FIELD_ENUM && !is_choice(d->choices, text))
        fault_field(f, path, "not_a_choice");
}

static void check_value(const struct field *d, const json_t *v, const char *path, struct fault *f);

static void check_array(const struct field *d, const json_t *v, const char *path, struct fault *f)
{
    size_t max = d->max ? (size_t)d->max : ARRAY_MAX_DEFAULT, n = json_array_size(v);
    if (!json_is_array(v))
        fault_field(f, path, "wrong_type:array");
    else if (n > max)
        fault_field(f, path, "too_many:%zu", max);
    else if (n < (size_t)d->min)
        fault_field(f, path, "too_few:%lld", (long long)d->min);
    else
        for (size_t i = 0; d->of && i < n && f->n_fields < FAULT_FIELDS_MAX; i++) {
            char inner[PATH_MAX_BYTES];
            snprintf(inner, sizeof inner, "%.80s[%u]", path, (unsigned)i);
            check_value(d->of, json_array_get(v, i), inner, f);
        }
}

static void check_value(const struct field *d, const json_t *v, const char *path, struct fault *f)
{
    switch (d->type) {
    case FIELD_TEXT:
        check_text(d, v, path, f);
        break;
    case FIELD_INT:
    case FIELD_NUMBER:
    case FIELD_TIME:
        check_number(d, v, path, f);
        break;
    case FIELD_BOOL:
        if (!json_is_boolean(v))
            fault_field(f, path, "wrong_type:boolean");
        break;
    case FIELD_ID:
    case FIELD_DATE:
    case FIELD_ENUM:
        check_word(d, v, path, f);
        break;
    case FIELD_OBJECT:
        if (!json_is_object(v))
            fault_field(f, path, "wrong_type:object");
        else if (d->of)
            check_object(d->of, v, path, f);
        break;
    case FIELD_ARRAY:
        check_array(d, v, path, f);
        break;
    case FIELD_ANY:
        break;
    }
}

/* ---- objects ---- */

static const struct field *member(const struct field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

static void join(const char *path, const char *name, char out[PATH_MAX_BYTES])
{
    snprintf(out, PATH_MAX_BYTES, "%.60s%s%.32s", path, *path ? "." : "", name);
}

/* JSON null counts as absent: a page clears an optional member by it. */
static void check_object(const struct field *fields, const json_t *object, const char *path, struct fault *f)
{
    char inner[PATH_MAX_BYTES];
    const char *name;
    json_t *v;
    for (const struct field *d = fields; d->name; d++) {
        v = json_object_get(object, d->name);
        join(path, d->name, inner);
        if (v && !json_is_null(v))
            check_value(d, v, inner, f);
        else if (d->required)
            fault_field(f, inner, "required");
    }
    json_object_foreach ((json_t *)object, name, v)
        if (!member(fields, name)) {
            join(path, name, inner);
            fault_field(f, inner, "unknown");
        }
}

int fields_check(const struct field *fields, const json_t *args, struct fault *f)
{
    static const struct field none[] = {{0}};
    if (!json_is_object(args))
        return fault_set(f, ERR_MALFORMED, "", "The arguments are not an object.");
    size_t before = f->n_fields;
    check_object(fields ? fields : none, args, "", f);
    return f->n_fields > before ? fault_set(f, ERR_INVALID, "", "Some members are missing or wrong.") : 0;
}

/* ---- JSON Schema, draft 2020-12 ---- */

static json_t *value_schema(const struct field *d);

static json_t *object_schema(const struct field *fields)
{
    json_t *properties = json_object(), *required = json_array();
    for (const struct field *d = fields; d && d->name; d++) {
        json_object_set_new(properties, d->name, value_schema(d));
        if (d->required)
            json_array_append_new(required, json_string(d->name));
    }
    json_t *o = json_pack("{s:s,s:o,s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
    if (json_array_size(required))
        json_object_set(o, "required", required);
    json_decref(required);
    return o;
}

static json_t *enum_schema(const char *choices)
{
    json_t *words = json_array();
    while (choices) {
        const char *bar = strchr(choices, '|');
        json_array_append_new(words, json_stringn(choices, bar ? (size_t)(bar - choices) : strlen(choices)));
        choices = bar ? bar + 1 : NULL;
    }
    return json_pack("{s:s,s:o}", "type", "string", "enum", words);
}

static void limits(json_t *o, const char *low, const char *high, int64_t min, int64_t max)
{
    if (min)
        json_object_set_new(o, low, json_integer(min));
    if (max)
        json_object_set_new(o, high, json_integer(max));
}

static json_t *typed(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

static json_t *plain_schema(const struct field *d)
{
    json_t *o;
    switch (d->type) {
    case FIELD_TEXT:
        o = typed("string");
        limits(o, "minLength", "maxLength", d->min, d->max ? d->max : TEXT_MAX_DEFAULT);
        return o;
    case FIELD_INT:
    case FIELD_NUMBER:
        o = typed(d->type == FIELD_INT ? "integer" : "number");
        if (d->min || d->max) {
            json_object_set_new(o, "minimum", json_integer(d->min));
            json_object_set_new(o, "maximum", json_integer(d->max));
        }
        return o;
    case FIELD_TIME:
        return json_pack("{s:s,s:i,s:I}", "type", "integer", "minimum", 0, "maximum", (json_int_t)TIME_MAX_MS);
    case FIELD_BOOL:
        return typed("boolean");
    case FIELD_ID:
        return json_pack("{s:s,s:s}", "type", "string", "pattern", "^[0-9a-f]{16}$");
    case FIELD_DATE:
        return json_pack("{s:s,s:s}", "type", "string", "format", "date");
    default:
        return json_object();
    }
}

static json_t *value_schema(const struct field *d)
{
    json_t *o;
    if (d->type == FIELD_ENUM)
        o = enum_schema(d->choices);
    else if (d->type == FIELD_OBJECT)
        o = d->of ? object_schema(d->of) : typed("object");
    else if (d->type == FIELD_ARRAY) {
        o = typed("array");
        if (d->of)
            json_object_set_new(o, "items", value_schema(d->of));
        limits(o, "minItems", "maxItems", d->min, d->max ? d->max : ARRAY_MAX_DEFAULT);
    } else
        o = plain_schema(d);
    if (d->help)
        json_object_set_new(o, "description", json_string(d->help));
    return o;
}

json_t *fields_schema(const struct field *fields)
{
    return object_schema(fields);
}

/* ---- reading what was checked ---- */

const char *arg_text(const json_t *args, const char *name)
{
    return json_string_value(json_object_get(args, name));
}

int64_t arg_int(const json_t *args, const char *name, int64_t fallback)
{
    json_t *v = json_object_get(args, name);
    return json_is_integer(v) ? json_integer_value(v) : fallback;
}

uint64_t arg_id(const json_t *args, const char *name)
{
    const char *text = arg_text(args, name);
    uint64_t id = 0;
    return text && id_parse(text, &id) == 0 ? id : 0;
}

bool json_cut(json_t *items, size_t max)
{
    bool cut = json_array_size(items) > max;
    while (json_array_size(items) > max)
        json_array_remove(items, json_array_size(items) - 1);
    return cut;
}

json_t *json_id(uint64_t id)
{
    char text[ID_TEXT_BYTES];
    if (!id)
        return json_null();
    id_format(id, text);
    return json_string(text);
}
