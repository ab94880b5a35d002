/* The OpenAPI 3.1 document: written from the tables that run. */
#include "server/api/api.h"
#include "server/api/routes.h"
#include <string.h>

static json_t *parameter(const char *name, const char *in, bool required, json_t *schema)
{
    return json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", in, "required", required, "schema", schema);
}

static bool in_path(const char *path, const char *name)
{
    const char *at = strstr(path, name);
    size_t len = strlen(name);
    return at && at > path && at[-1] == '{' && at[len] == '}';
}

/* The schema's members that neither path nor query takes stay the body's. */
static void split(const struct api_route *route, json_t *schema, json_t *parameters, bool to_query)
{
    json_t *properties = json_object_get(schema, "properties"), *required = json_object_get(schema, "required");
    const char *name;
    json_t *property;
    void *next;
    json_object_foreach_safe(properties, next, name, property) {
        bool path = in_path(route->path, name), must = path;
        if (!path && !to_query) continue;
        for (size_t i = json_array_size(required); i-- > 0;)
            if (strcmp(json_string_value(json_array_get(required, i)), name) == 0) {
                must = true;
                json_array_remove(required, i);
            }
        json_array_append_new(parameters, parameter(name, path ? "path" : "query", must, json_incref(property)));
        json_object_del(properties, name);
    }
    if (required && json_array_size(required) == 0) json_object_del(schema, "required");
}

static json_t *header_parameters(const struct op *op)
{
    json_t *list = json_array();
    if (op->mode != OP_WRITE) return list;
    json_array_append_new(list, parameter("Idempotency-Key", "header", false,
                                          json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 8, "maxLength", 80)));
    if (!(op->flags & OP_ANONYMOUS))
        json_array_append_new(list, parameter("X-CSRF-Token", "header", false, json_pack("{s:s}", "type", "string")));
    return list;
}

static json_t *operation(const struct api_route *route, const struct op *op)
{
    json_t *schema = fields_schema(op->args), *parameters = header_parameters(op);
    bool body = route->method == NET_POST || route->method == NET_PUT || route->method == NET_PATCH;
    split(route, schema, parameters, !body);
    char tag[40];
    snprintf(tag, sizeof tag, "%.*s", (int)strcspn(op->name, "."), op->name);
    json_t *o = json_pack("{s:s, s:s, s:[s], s:{s:{s:s, s:{s:{s:{}}}}, s:{s:s}}}", "operationId", op->name, "summary",
                          op->summary ? op->summary : "", "tags", tag, "responses", "200", "description", "the operation's result",
                          "content", "application/json", "schema", "default", "$ref", "#/components/responses/fault");
    if (json_array_size(parameters)) json_object_set(o, "parameters", parameters);
    json_decref(parameters);
    if (op->right) json_object_set_new(o, "x-right", json_string(op->right));
    if (op->flags & OP_ANONYMOUS) json_object_set_new(o, "security", json_array());
    if (body && json_object_size(json_object_get(schema, "properties")))
        json_object_set_new(o, "requestBody", json_pack("{s:b, s:{s:{s:O}}}", "required", json_object_get(schema, "required") != NULL,
                                                        "content", "application/json", "schema", schema));
    json_decref(schema);
    return o;
}

static json_t *simple(const char *id, const char *summary, const char *parameter_name, const char *in)
{
    json_t *o = json_pack("{s:s, s:s, s:{s:{s:s}}}", "operationId", id, "summary", summary, "responses", "default", "$ref",
                          "#/components/responses/fault");
    if (parameter_name)
        json_object_set_new(o, "parameters", json_pack("[o]", parameter(parameter_name, in, true, json_pack("{s:s}", "type", "string"))));
    return o;
}

/* The few URLs that carry bytes instead of an operation's arguments. */
static void add_bytes(json_t *paths)
{
    json_t *upload = json_object_get(paths, "/api/v1/uploads/{upload_id}");
    if (!upload) {
        upload = json_object();
        json_object_set_new(paths, "/api/v1/uploads/{upload_id}", upload);
    }
    json_t *patch = simple("upload.append", "Add bytes at Upload-Offset", "upload_id", "path");
    json_array_append_new(json_object_get(patch, "parameters"),
                          parameter("Upload-Offset", "header", true, json_pack("{s:s, s:i}", "type", "integer", "minimum", 0)));
    json_object_set_new(patch, "requestBody", json_pack("{s:b, s:{s:{}}}", "required", 1, "content", "application/octet-stream"));
    json_object_set_new(upload, "patch", patch);
    json_object_set_new(upload, "head", simple("upload.offset", "How many bytes are held: header Upload-Offset", "upload_id", "path"));
    json_object_set_new(paths, "/api/v1/blobs/{handle}", json_pack("{s:o}", "get", simple("blob.read", "A document's bytes; Range and If-Range", "handle", "path")));
    json_object_set_new(paths, "/healthz", json_pack("{s:o}", "get", simple("healthz", "Alive", NULL, NULL)));
    json_object_set_new(paths, "/readyz", json_pack("{s:o}", "get", simple("readyz", "Database and media answer", NULL, NULL)));
    json_object_set_new(paths, "/metrics", json_pack("{s:o}", "get", simple("metrics", "Prometheus text; loopback or token", NULL, NULL)));
}

static json_t *components(void)
{
    json_t *fault = json_pack("{s:s, s:[s], s:{s:{s:s, s:[s,s,s,s], s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:{s:s, s:{s:{s:s}, s:{s:s}}}}}}}}",
                              "type", "object", "required", "error", "properties", "error", "type", "object", "required", "code", "reason",
                              "text", "fields", "properties", "code", "type", "string", "reason", "type", "string", "text", "type",
                              "string", "fields", "type", "array", "items", "type", "object", "properties", "path", "type", "string",
                              "reason", "type", "string");
    return json_pack("{s:{s:o}, s:{s:{s:s, s:{s:{s:{s:s}}}}}, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s}}}", "schemas", "fault", fault, "responses",
                     "fault", "description", "what was wrong", "content", "application/json", "schema", "$ref", "#/components/schemas/fault",
                     "securitySchemes", "session", "type", "apiKey", "in", "cookie", "name", "yl_session", "bearer", "type", "http",
                     "scheme", "bearer");
}

json_t *openapi_build(const struct op *(*find)(const char *name))
{
    static const char *const words[] = {[NET_GET] = "get", [NET_POST] = "post", [NET_PUT] = "put", [NET_PATCH] = "patch", [NET_DELETE] = "delete"};
    json_t *paths = json_object();
    for (const struct api_route *route = api_routes; route->path; route++) {
        const struct op *op = find(route->op);
        char path[160];
        if (!op) continue;
        snprintf(path, sizeof path, "/api/v1%s", route->path);
        json_t *item = json_object_get(paths, path);
        if (!item) {
            item = json_object();
            json_object_set_new(paths, path, item);
        }
        json_object_set_new(item, words[route->method], operation(route, op));
    }
    add_bytes(paths);
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:[]}, {s:[]}], s:o, s:o}", "openapi", "3.1.0", "info", "title", "Yilian", "version", "0.1.0",
                     "summary", "Telemedicine server", "security", "session", "bearer", "paths", paths, "components", components());
}
