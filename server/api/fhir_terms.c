#include "server/api/fhir_terms.h"
#include "server/api/fhir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FHIR_JSON "application/fhir+json; charset=utf-8"
#define BODY_MAX (32u << 20) /* as of any resource (fhir.c) */

struct asked {
    const struct api_config *config;
    struct net_request *request;
    int status;          /* of the resource */
    char *text;          /* the resource; NULL = an error */
    struct fault *fault; /* the error, NULL without memory for it */
};

/* ---- answers ---- */

static void reply_text(struct net_request *r, int status, char *text)
{
    if (!text) abort();
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_plain(r); /* no page: what only browsers' pages need is left out */
    net_reply_taken(r, status, FHIR_JSON, text, strlen(text));
}

/* http://hl7.org/fhir/R4/valueset-issue-type.html */
static const char *issue_type(int code)
{
    switch (code) {
    case ERR_UNAUTHENTICATED: case ERR_SECOND_FACTOR: return "login";
    case ERR_DENIED: return "forbidden";
    case ERR_NOT_FOUND: return "not-found";
    case ERR_METHOD: return "not-supported";
    case ERR_RATE: return "throttled";
    case ERR_UNAVAILABLE: return "transient";
    case ERR_MALFORMED: case ERR_MEDIA_TYPE: return "structure";
    case ERR_INVALID: return "invalid";
    default: return "exception";
    }
}

static void reply_outcome(struct net_request *r, const struct fault *f)
{
    char text[600];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", f->text[0] ? f->text : err_wire(f->code));
    for (size_t i = 0; i < f->n_fields && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %s: %s.", f->fields[i].path, f->fields[i].reason);
    json_t *outcome = json_pack("{s:s, s:[{s:s, s:s, s:{s:s}}]}", "resourceType", "OperationOutcome", "issue", "severity", "error", "code",
                                issue_type(f->code), "details", "text", text);
    if (f->code == ERR_UNAUTHENTICATED) net_reply_header(r, "WWW-Authenticate", "Bearer");
    reply_text(r, err_http(f->code), json_dumps(outcome, JSON_COMPACT));
    json_decref(outcome);
}

static void answer_on_event_thread(void *arg)
{
    struct asked *a = arg;
    struct fault none;
    fault_clear(&none);
    none.code = ERR_UNAVAILABLE;
    if (a->text)
        reply_text(a->request, a->status, a->text);
    else
        reply_outcome(a->request, a->fault ? a->fault : &none);
    free(a->fault);
    free(a);
}

/* On a pool thread: the resource is written out where it was made, and dies there. The answer of an operation came as text. */
static void answered(void *ctx, struct reply *reply)
{
    struct asked *a = ctx;
    a->status = (int)json_integer_value(json_object_get(reply->result, "status"));
    const char *text = json_string_value(json_object_get(reply->result, "text"));
    if (!reply->error) a->text = text ? strdup(text) : json_dumps(json_object_get(reply->result, "resource"), JSON_COMPACT);
    json_decref(reply->result);
    reply->result = NULL;
    if (reply->error && (a->fault = malloc(sizeof *a->fault))) {
        *a->fault = reply->fault;
        if (!a->fault->code) a->fault->code = reply->error;
    }
    net_post_wait(a->config->net, answer_on_event_thread, a);
}

/* ---- questions ---- */

/* "/fhir/CodeSystem/$lookup", "/fhir/CodeSystem/icd10-nhsa", "/fhir/ValueSet/x/$expand". */
static int read_path(const char *path, json_t *args, struct fault *f)
{
    const char *at = path + strlen("/fhir/");
    size_t n = strcspn(at, "/");
    json_object_set_new(args, "type", json_stringn(at, n));
    for (at += n; *at == '/'; at += n) {
        at++;
        n = strcspn(at, "/");
        bool operation = *at == '$';
        const char *name = operation ? "operation" : "id";
        if (!n || n > 64 || json_object_get(args, "operation") || (!operation && json_object_get(args, "id")))
            return fault_set(f, ERR_NOT_FOUND, "no_such_url", "There is nothing at this URL.");
        json_object_set_new(args, name, json_stringn(at + operation, n - operation));
    }
    return 0;
}

static int read_query(const char *query, json_t *list, struct fault *f)
{
    char name[64], value[2048];
    int more;
    while ((more = net_query_next(&query, name, sizeof name, value, sizeof value)) > 0) {
        json_t *one = json_pack("{s:s, s:s}", "name", name, "valueString", value);
        if (!one || json_array_append_new(list, one)) return fault_set(f, ERR_MALFORMED, "query_not_utf8", "The query is not UTF-8.");
    }
    return more < 0 ? fault_set(f, ERR_MALFORMED, "bad_query", "The query has a bad escape or a value that is too long.") : 0;
}

static int read_body(struct net_request *r, json_t *list, struct fault *f)
{
    size_t len;
    const char *body = net_request_body(r, &len), *type = net_request_header(r, "content-type");
    if (!len) return 0;
    if (strncasecmp(type, "application/fhir+json", 21) && strncasecmp(type, "application/json", 16))
        return fault_set(f, ERR_MEDIA_TYPE, "not_json", "The body must be application/fhir+json.");
    json_error_t error;
    json_t *object = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
    if (!object) return fault_set(f, ERR_MALFORMED, "bad_json", "The body is not JSON: line %d, column %d.", error.line, error.column);
    const char *resource = json_string_value(json_object_get(object, "resourceType"));
    int rc = resource && strcmp(resource, "Parameters") == 0 ? 0 : fault_set(f, ERR_MALFORMED, "not_parameters", "The body must be a Parameters resource.");
    if (!rc) json_array_extend(list, json_object_get(object, "parameter"));
    json_decref(object);
    return rc;
}

/* The languages the browser or client likes: behind all that the request and the value set say. */
static int read_languages(struct net_request *r, json_t *args)
{
    const char *languages = net_request_header(r, "accept-language");
    return *languages && strlen(languages) <= 200 ? json_object_set_new(args, "language", json_string(languages)) : 0;
}

/* Takes args on 0. */
static int submit(const struct api_config *c, struct net_request *r, json_t *args, struct fault *f)
{
    struct asked *a = calloc(1, sizeof *a);
    if (!a) abort();
    *a = (struct asked){.config = c, .request = r};
    struct call call = {.op = "term.fhir", .args = args, .args_given = true, .client_address = net_request_address(r)};
    const char *credential = net_request_credential(r, &call.by_cookie), *csrf = net_request_header(r, "x-csrf-token");
    call.credential = *credential ? credential : NULL;
    call.csrf = *csrf ? csrf : NULL;
    call.user_agent = net_request_header(r, "user-agent");
    int rc = c->backend.submit(c->backend.ctx, &call, answered, a);
    if (rc) {
        free(a);
        return fault_set(f, rc, "busy", "The server is busy; try again.");
    }
    return 0;
}

/* A machine client's token is the FHIR service's, which asks the same terminology under its scopes. */
static bool of_a_client(const struct net_request *r)
{
    bool by_cookie;
    return strncmp(net_request_credential(r, &by_cookie), "f1.", 3) == 0;
}

static void on_terms(void *ctx, struct net_request *r)
{
    if (of_a_client(r)) {
        fhir_answer(ctx, r);
        return;
    }
    struct fault f;
    fault_clear(&f);
    if (net_request_method(r) & ~(NET_GET | NET_HEAD | NET_POST)) {
        (void)!fault_set(&f, ERR_METHOD, "method", "People read and ask the terminology; machine clients write it.");
        net_reply_header(r, "Allow", "GET, HEAD, POST");
        reply_outcome(r, &f);
        return;
    }
    json_t *list = json_array(), *args = json_pack("{s:{s:o}, s:b}", "parameters", "parameter", list, "text", 1);
    int rc = read_path(net_request_path(r), args, &f);
    rc = rc ? rc : read_query(net_request_query(r), list, &f);
    rc = rc ? rc : read_body(r, list, &f);
    if (!rc && json_object_get(args, "operation") && read_languages(r, args)) rc = fault_set(&f, ERR_MALFORMED, "languages_not_utf8", "Accept-Language is not UTF-8.");
    rc = rc ? rc : submit(ctx, r, args, &f);
    if (!rc) return;
    json_decref(args);
    reply_outcome(r, &f);
}

int fhir_terms_serve(const struct api_config *config)
{
    static const char *const prefixes[] = {"/fhir/CodeSystem", "/fhir/CodeSystem/", "/fhir/ValueSet", "/fhir/ValueSet/", "/fhir/ConceptMap",
                                           "/fhir/ConceptMap/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct net_route route = {.prefix = prefixes[i], .methods = NET_GET | NET_HEAD | NET_POST | NET_PUT | NET_PATCH | NET_DELETE, .handler = on_terms, .ctx = (void *)config,
                                  .max_body = BODY_MAX};
        if (net_route_add(config->net, &route)) return ERR_CONFLICT;
    }
    return 0;
}
