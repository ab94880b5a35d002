/* Parameters in, Parameters and OperationOutcome out (R4 parameters.html, operationoutcome.html). */
#include "records/term/ts_store.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ISSUE_TYPES "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type"
#define MESSAGE_ID "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id"

const char *ts_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

const json_t *ts_extension(const json_t *of, const char *url)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(of, "extension"), i, one)
        if (strcmp(ts_member(one, "url"), url) == 0)
            return one;
    return NULL;
}

const json_t *ts_period(const json_t *resource)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(resource, "extension"), i, one)
        if (strcmp(ts_member(one, "url"), TS_PERIOD) == 0)
            return json_object_get(one, "valuePeriod");
    return NULL;
}

const json_t *ts_param(const json_t *in, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(in, "parameter"), i, one)
        if (strcmp(ts_member(one, "name"), name) == 0)
            return one;
    return NULL;
}

static const json_t *value_of(const json_t *parameter)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)parameter, key, value)
        if (strncmp(key, "value", 5) == 0)
            return value;
    return NULL;
}

const char *ts_value_text(const json_t *parameter)
{
    const char *text = json_string_value(value_of(parameter));
    return text ? text : "";
}

const char *ts_text(const json_t *in, const char *name)
{
    return ts_value_text(ts_param(in, name));
}

bool ts_flag(const json_t *in, const char *name, bool otherwise)
{
    const json_t *value = value_of(ts_param(in, name));
    if (json_is_boolean(value))
        return json_is_true(value);
    if (json_is_string(value))
        return strcmp(json_string_value(value), "true") == 0;
    return otherwise;
}

long ts_number(const json_t *in, const char *name, long otherwise)
{
    const json_t *value = value_of(ts_param(in, name));
    if (json_is_integer(value))
        return (long)json_integer_value(value);
    if (json_is_string(value) && *json_string_value(value))
        return atol(json_string_value(value));
    return otherwise;
}

const char *ts_canonical(const char *text, char *out, size_t cap)
{
    const char *bar = strchr(text, '|');
    snprintf(out, cap, "%.*s", bar ? (int)(bar - text) : (int)strlen(text), text);
    return bar ? bar + 1 : "";
}

json_t *ts_parameters(void)
{
    return json_pack("{s:s, s:[]}", "resourceType", "Parameters", "parameter");
}

void ts_put(json_t *parameters, const char *name, const char *type, json_t *value)
{
    json_array_append_new(json_object_get(parameters, "parameter"), json_pack("{s:s, s:o}", "name", name, type, value));
}

json_t *ts_outcome(void)
{
    return json_pack("{s:s, s:[]}", "resourceType", "OperationOutcome", "issue");
}

void ts_issue(json_t *outcome, const struct ts_issue *i)
{
    json_t *details = json_pack("{s:s}", "text", i->text);
    json_t *issue = json_pack("{s:s, s:s, s:o}", "severity", i->severity, "code", i->code, "details", details);
    if (i->kind)
        json_object_set_new(details, "coding", json_pack("[{s:s, s:s}]", "system", ISSUE_TYPES, "code", i->kind));
    if (i->message_id)
        json_object_set_new(issue, "extension", json_pack("[{s:s, s:s}]", "url", MESSAGE_ID, "valueString", i->message_id));
    if (i->expression && *i->expression) {
        json_object_set_new(issue, "location", json_pack("[s]", i->expression));
        json_object_set_new(issue, "expression", json_pack("[s]", i->expression));
    }
    json_array_append_new(json_object_get(outcome, "issue"), issue);
}

int ts_fail(json_t **out, int status, const char *code, const char *kind, const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    *out = ts_outcome();
    ts_issue(*out, &(struct ts_issue){.severity = "error", .code = code, .kind = kind, .text = text});
    return status;
}
