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
    json_object_set_new(paths, "/api/openapi.json", json_pack("{s:o}", "get", simple("openapi", "This document", NULL, NULL)));
    json_object_set_new(paths, "/api/signaling.schema.json", json_pack("{s:o}", "get", simple("signaling.schema", "Arguments of every verb of /ws", NULL, NULL)));
    json_object_set_new(paths, "/healthz", json_pack("{s:o}", "get", simple("healthz", "Alive", NULL, NULL)));
    json_object_set_new(paths, "/readyz", json_pack("{s:o}", "get", simple("readyz", "Database and media answer", NULL, NULL)));
    json_object_set_new(paths, "/metrics", json_pack("{s:o}", "get", simple("metrics", "Prometheus text; loopback or token", NULL, NULL)));
}

/* One method of a URL that is no operation: its statuses are all there are. */
static json_t *machine(const char *id, const char *summary, bool session, const char *content, const char *const statuses[][2])
{
    json_t *parameters = json_pack("[o]", parameter("room", "path", true, json_pack("{s:s}", "type", "string"))), *responses = json_object();
    if (session) json_array_append_new(parameters, parameter("session", "path", true, json_pack("{s:s}", "type", "string")));
    for (size_t i = 0; statuses[i][0]; i++) {
        json_t *response = json_pack("{s:s}", "description", statuses[i][1]);
        if (statuses[i][0][0] == '4' || statuses[i][0][0] == '5')
            json_object_set_new(response, "content", json_pack("{s:{s:{s:s}}}", "application/json", "schema", "$ref", "#/components/schemas/fault"));
        json_object_set_new(responses, statuses[i][0], response);
    }
    json_t *o = json_pack("{s:s, s:s, s:[s], s:[{s:[]}], s:o, s:o}", "operationId", id, "summary", summary, "tags", "machines", "security", "bearer",
                          "parameters", parameters, "responses", responses);
    if (content) json_object_set_new(o, "requestBody", json_pack("{s:b, s:{s:{s:{s:s}}}}", "required", 1, "content", content, "schema", "type", "string"));
    return o;
}

/* RFC 9725 and draft-ietf-wish-whep: whip.c. */
static void add_machines(json_t *paths)
{
    static const char *const post[][2] = {{"201", "application/sdp: the answer; Location and ETag of the session"},
                                          {"307", "another node has places; Location says where"}, {"401", "no token, unknown or over"},
                                          {"403", "a token of another room, or without this right"}, {"404", "no such room"}, {"410", "the room has ended"},
                                          {"413", "a description longer than 192 KiB"}, {"415", "not application/sdp"}, {"422", "field sdp:LINE says what is wrong"},
                                          {"429", "too many wrong tokens"}, {"503", "room full, or busy"}, {0}};
    static const char *const patch[][2] = {{"200", "application/trickle-ice-sdpfrag: ICE was restarted; new ETag"}, {"204", "candidates were taken note of"},
                                           {"401", "no token"}, {"404", "no such session with this token"}, {"412", "If-Match names another ICE session"},
                                           {"415", "not application/trickle-ice-sdpfrag"}, {"422", "field sdpfrag:LINE says what is wrong"},
                                           {"428", "If-Match is missing"}, {"503", "busy"}, {0}};
    static const char *const steer[][2] = {{"200", "application/trickle-ice-sdpfrag: ICE was restarted; new ETag"}, {"204", "candidates were taken note of, or the choice is made"},
                                           {"401", "no token"}, {"404", "no such session with this token"}, {"412", "If-Match names another ICE session"},
                                           {"415", "neither application/trickle-ice-sdpfrag nor application/json"}, {"422", "field sdpfrag:LINE, mid, layer or paused says what is wrong"},
                                           {"428", "If-Match is missing"}, {"503", "busy"}, {0}};
    static const char *const end[][2] = {{"200", "ended"}, {"401", "no token"}, {"404", "no such session with this token"}, {0}};
    static const char *const ask[][2] = {{"204", "CORS; Accept-Post or Accept-Patch"}, {0}};
    static const char *const kinds[][2] = {{"whip", "Publish into a room"}, {"whep", "Watch a room"}};
    for (size_t i = 0; i < 2; i++) {
        const char *k = kinds[i][0];
        char url[60], id[40];
        json_t *room = json_object(), *session = json_object();
#define ADD(item, method, ...) (snprintf(id, sizeof id, "%s." method "%s", k, item == session ? "_session" : ""), json_object_set_new(item, method, machine(id, __VA_ARGS__)))
        ADD(room, "post", kinds[i][1], false, "application/sdp", post);
        ADD(room, "options", "What may be asked, for pages of other origins", false, NULL, ask);
        if (i) ADD(session, "patch", "Candidates, or an ICE restart with If-Match: *; as application/json {mid,layer,paused}: what is sent of a picture", true, "application/trickle-ice-sdpfrag", steer);
        else ADD(session, "patch", "Candidates, or an ICE restart with If-Match: *", true, "application/trickle-ice-sdpfrag", patch);
        ADD(session, "delete", "End the session", true, NULL, end);
        ADD(session, "options", "What may be asked, for pages of other origins", true, NULL, ask);
#undef ADD
        json_array_append_new(json_object_get(json_object_get(session, "patch"), "parameters"),
                              parameter("If-Match", "header", true, json_pack("{s:s}", "type", "string")));
        snprintf(url, sizeof url, "/%s/{room}", k);
        json_object_set_new(paths, url, room);
        snprintf(url, sizeof url, "/%s/{room}/{session}", k);
        json_object_set_new(paths, url, session);
    }
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
    add_machines(paths);
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:[]}, {s:[]}], s:o, s:o}", "openapi", "3.1.0", "info", "title", "Yilian", "version", "0.1.0",
                     "summary", "Telemedicine server", "security", "session", "bearer", "paths", paths, "components", components());
}
