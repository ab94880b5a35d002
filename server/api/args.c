/* Path, query and body become an operation's arguments. Pure; fuzzed. */
#include "server/api/routes.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 32

static json_t *typed(const struct field *field, const char *text)
{
    char *end;
    switch (field->type) {
    case FIELD_INT:
    case FIELD_TIME: {
        errno = 0;
        long long n = strtoll(text, &end, 10);
        return errno == 0 && end != text && *end == '\0' && *text != ' ' ? json_integer(n) : json_string(text);
    }
    case FIELD_NUMBER: {
        double d = strtod(text, &end);
        json_t *number = end != text && *end == '\0' ? json_real(d) : NULL; /* json_real refuses NaN and infinity */
        return number ? number : json_string(text);
    }
    case FIELD_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0) return json_true();
        if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0) return json_false();
        return json_string(text);
    case FIELD_ARRAY: {
        json_t *list = json_array();
        const struct field *of = field->of;
        while (*text) {
            char item[256];
            size_t len = strcspn(text, ",");
            snprintf(item, sizeof item, "%.*s", (int)(len < 255 ? len : 255), text);
            json_array_append_new(list, of ? typed(of, item) : json_string(item));
            text += len + (text[len] == ',');
        }
        return list;
    }
    default: return json_string(text);
    }
}

static const struct field *field_named(const struct field *fields, const char *name)
{
    for (; fields && fields->name; fields++)
        if (strcmp(fields->name, name) == 0) return fields;
    return NULL;
}

int args_from_query(json_t *args, const char *query, const struct field *fields, struct fault *f)
{
    char name[64], value[2048];
    int more;
    while ((more = net_query_next(&query, name, sizeof name, value, sizeof value)) > 0) {
        const struct field *field = field_named(fields, name);
        if (json_object_get(args, name)) return fault_field(f, name, "given_twice");
        if (!*value && field) continue; /* "?state=" asks for nothing */
        json_t *v = field ? typed(field, value) : json_string(value);
        if (!v || json_object_set_new(args, name, v)) return fault_set(f, ERR_MALFORMED, "query_not_utf8", "The query is not UTF-8.");
    }
    return more < 0 ? fault_set(f, ERR_MALFORMED, "bad_query", "The query has a bad escape or a value that is too long.") : 0;
}

/* jansson's own limit (2,048) is deeper than a stack of validators likes. */
static int too_deep(const char *body, size_t len)
{
    int depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < len; i++) {
        if (in_text) {
            if (body[i] == '\\') i++;
            else if (body[i] == '"') in_text = false;
        } else if (body[i] == '"') {
            in_text = true;
        } else if (body[i] == '{' || body[i] == '[') {
            if (++depth > NESTING_MAX) return 1;
        } else if (body[i] == '}' || body[i] == ']') {
            depth--;
        }
    }
    return 0;
}

int args_from_body(json_t *args, const char *body, size_t len, struct fault *f)
{
    json_error_t error;
    const char *key;
    json_t *value;
    if (len == 0) return 0;
    if (too_deep(body, len)) return fault_set(f, ERR_MALFORMED, "too_deep", "The JSON is nested more than %d deep.", NESTING_MAX);
    json_t *object = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return fault_set(f, ERR_MALFORMED, "bad_json", "The body is not JSON: line %d, column %d.", error.line, error.column);
    int rc = 0;
    if (!json_is_object(object)) rc = fault_set(f, ERR_MALFORMED, "not_an_object", "The body is not a JSON object.");
    json_object_foreach(object, key, value) {
        json_t *before = json_object_get(args, key);
        if (before && !json_equal(before, value)) rc = fault_field(f, key, "differs_from_url");
        if (!before && rc == 0) json_object_set(args, key, value);
    }
    json_decref(object);
    return rc;
}
