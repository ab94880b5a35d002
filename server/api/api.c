/* From a request to an operation, and from its completion to the answer. */
#include "server/api/api.h"
#include "server/api/bytes.h"
#include "server/api/fhir.h"
#include "server/api/fhir_terms.h"
#include "server/api/figures.h"
#include "server/api/oversee.h"
#include "server/api/routes.h"
#include "server/base/log.h"
#include "server/session/guard.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_COOKIE "yl_device"
#define DEVICE_ATTRIBUTES "; Path=/api/v1; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict" /* 400 days, as long as browsers keep any (RFC 6265bis) */
#define SESSION_COOKIE "yl_session=%s; Path=/; HttpOnly; Secure; SameSite=Strict"

struct api {
    struct api_config config;
    struct api_bytes *bytes;
    char *openapi; /* the document, written once */
    struct figures figures;
    struct oversee *oversee;
    struct guard *guard; /* of passwords and codes that are not good: an account locks itself, but who tries one word at every account is told by his address */
};

struct pending { /* one operation on its way */
    struct api *api;
    struct net_request *request;
    const struct api_route *route; /* NULL: HEAD of an upload */
    bool head_upload;
    struct reply reply;
};

/* ---- answering ---- */

static void answer_offset(struct pending *p)
{
    char text[24];
    json_t *offset = json_object_get(p->reply.result, "offset");
    snprintf(text, sizeof text, "%lld", (long long)json_integer_value(offset));
    net_reply_header(p->request, "Upload-Offset", text);
    net_reply_header(p->request, "Cache-Control", "no-store");
    net_reply_empty(p->request, 200);
}

static void set_cookie(struct net_request *r, const char *session)
{
    char text[200];
    if (strcmp(session, "-") == 0)
        snprintf(text, sizeof text, SESSION_COOKIE "; Max-Age=0", "");
    else
        snprintf(text, sizeof text, SESSION_COOKIE, session);
    net_reply_header(r, "Set-Cookie", text);
}

static void set_device(struct net_request *r, const char *word)
{
    char text[200];
    snprintf(text, sizeof text, DEVICE_COOKIE "=%s" DEVICE_ATTRIBUTES, word);
    net_reply_header(r, "Set-Cookie", text);
}

/* The word this browser was given, "" = none. */
static void device_of(const struct net_request *r, char out[64])
{
    const char *at = net_request_header(r, "cookie");
    out[0] = 0;
    while (*at) {
        at += strspn(at, "; ");
        size_t n = strcspn(at, ";"), name = strlen(DEVICE_COOKIE "=");
        if (n > name && n - name < 64 && strncmp(at, DEVICE_COOKIE "=", name) == 0) snprintf(out, 64, "%.*s", (int)(n - name), at + name);
        at += n;
    }
}

static bool opens_bytes(const char *op)
{
    return strcmp(op, "document.open") == 0 || strcmp(op, "person.signature_open") == 0 || strcmp(op, "case.signature_open") == 0 || strcmp(op, "research.open") == 0;
}

/* A password, or the code of a link: what a stranger may guess at. */
static bool takes_guesses(const struct api *a, const char *name)
{
    const struct op *op = a->config.backend.find(name);
    return op && op->mode == OP_WRITE && op->flags & OP_ANONYMOUS;
}

static bool may_guess(const struct api *a, const struct net_request *r, const struct op *op, struct fault *f)
{
    return !takes_guesses(a, op->name) || guard_check(a->guard, net_request_address(r), clock_now_ms(&clock_system), f) == 0;
}

static void note_guess(const struct pending *p)
{
    int e = p->reply.error;
    if (p->route && (e == ERR_UNAUTHENTICATED || e == ERR_DENIED || e == ERR_LOCKED || e == ERR_GONE) && takes_guesses(p->api, p->route->op))
        guard_wrong(p->api->guard, net_request_address(p->request), clock_now_ms(&clock_system));
}

static void answer(struct pending *p)
{
    struct reply *reply = &p->reply;
    note_guess(p);
    if (reply->set_session[0]) set_cookie(p->request, reply->set_session);
    if (reply->set_device[0]) set_device(p->request, reply->set_device);
    if (reply->error) {
        if (!reply->fault.code) reply->fault.code = reply->error;
        net_reply_fault(p->request, &reply->fault);
        return;
    }
    if (p->head_upload) {
        answer_offset(p);
        return;
    }
    if (p->route && p->api->oversee && oversee_serves(p->route->op)) {
        oversee_answer(p->api->oversee, p->request, p->route->op, reply->result);
        return;
    }
    if (p->route && opens_bytes(p->route->op)) bytes_remember(p->api->bytes, p->request, reply->result);
    net_reply_header(p->request, "Cache-Control", "no-store");
    if (!reply->result) {
        net_reply_empty(p->request, 204);
        return;
    }
    char *text = json_dumps(reply->result, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text) abort();
    net_reply_taken(p->request, 200, "application/json", text, strlen(text));
}

static void completed_on_event_thread(void *arg)
{
    struct pending *p = arg;
    answer(p);
    json_decref(p->reply.result); /* stolen from the reply */
    free(p);
}

/* On a pool thread: what the reply owns moves over, nothing else is touched. */
static void completed(void *ctx, struct reply *reply)
{
    struct pending *p = ctx;
    reply_move(&p->reply, reply);
    net_post_wait(p->api->config.net, completed_on_event_thread, p);
}

/* ---- asking ---- */

static void submit(struct api *a, struct net_request *r, const struct api_route *route, const char *op, json_t *args)
{
    struct pending *p = calloc(1, sizeof *p);
    if (!p) abort();
    *p = (struct pending){.api = a, .request = r, .route = route, .head_upload = route == NULL};
    char device[64];
    struct call call = {.op = op, .args = args, .client_address = net_request_address(r)};
    const char *credential = net_request_credential(r, &call.by_cookie);
    const char *key = net_request_header(r, "idempotency-key"), *csrf = net_request_header(r, "x-csrf-token");
    call.credential = *credential ? credential : NULL;
    call.idempotency_key = *key ? key : NULL;
    call.csrf = *csrf ? csrf : NULL;
    call.user_agent = net_request_header(r, "user-agent");
    device_of(r, device);
    call.device = device;
    int rc = a->config.backend.submit(a->config.backend.ctx, &call, completed, p);
    if (rc == 0) return;
    struct fault f = {0};
    fault_set(&f, rc, "busy", "The server is busy; try again.");
    net_reply_fault(r, &f);
    free(p);
}

static int check_headers(struct net_request *r, size_t body_len, struct fault *f)
{
    const char *key = net_request_header(r, "idempotency-key"), *type = net_request_header(r, "content-type");
    size_t len = strlen(key);
    if (len && (len < 8 || len > 80)) return fault_set(f, ERR_MALFORMED, "bad_idempotency_key", "Idempotency-Key has 8 to 80 characters.");
    if (body_len && strncasecmp(type, "application/json", 16) != 0)
        return fault_set(f, ERR_MEDIA_TYPE, "not_json", "The body must be application/json.");
    return 0;
}

static int gather(struct net_request *r, const struct op *op, json_t *args, struct fault *f)
{
    size_t len;
    const char *body = net_request_body(r, &len);
    int rc = check_headers(r, len, f);
    rc = rc ? rc : args_from_query(args, net_request_query(r), op->args, f);
    return rc ? rc : args_from_body(args, body, len, f);
}

static void on_api(void *ctx, struct net_request *r)
{
    struct api *a = ctx;
    const char *path = net_request_path(r) + strlen("/api/v1");
    struct fault f = {0};
    bool other = false;
    json_t *args = json_object();
    enum net_method method = net_request_method(r);
    const struct api_route *route = route_match(method == NET_HEAD ? NET_GET : method, path, args, &other);
    const struct op *op = route ? a->config.backend.find(route->op) : NULL;
    if (!op)
        fault_set(&f, other ? ERR_METHOD : ERR_NOT_FOUND, other ? "" : "no_such_url", other ? "This URL has no such method." : "There is nothing at this URL.");
    else if (may_guess(a, r, op, &f) && gather(r, op, args, &f) == 0) {
        if (!a->oversee || !oversee_serves(op->name) || !oversee_again(a->oversee, r, op->name, args)) submit(a, r, route, op->name, args);
        json_decref(args);
        return;
    }
    json_decref(args);
    net_reply_fault(r, &f);
}

static void on_uploads(void *ctx, struct net_request *r)
{
    struct api *a = ctx;
    const char *id = net_request_path(r) + strlen("/api/v1/uploads/");
    if (net_request_method(r) == NET_PATCH && !strchr(id, '/')) {
        bytes_append(a->bytes, r, id);
    } else if (net_request_method(r) == NET_HEAD && !strchr(id, '/')) {
        json_t *args = json_pack("{s:s}", "upload_id", id);
        submit(a, r, NULL, "upload.status", args);
        json_decref(args);
    } else {
        on_api(ctx, r);
    }
}

/* ---- health, the description ---- */

static void ready_reply(struct net_request *r, const char *word, bool ok)
{
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_bytes(r, ok ? 200 : 503, "text/plain", word, strlen(word));
}

static void ready_on_event_thread(void *arg)
{
    struct pending *p = arg;
    /* Any answer that came through policy and a transaction shows that the database answers. */
    int e = p->reply.error;
    bool ok = e != ERR_INTERNAL && e != ERR_UNAVAILABLE && e != ERR_STORAGE && e != ERR_TIMEOUT;
    ready_reply(p->request, ok ? "ready\n" : "database\n", ok);
    json_decref(p->reply.result); /* stolen from the reply */
    free(p);
}

static void ready_completed(void *ctx, struct reply *reply)
{
    struct pending *p = ctx;
    reply_move(&p->reply, reply);
    net_post_wait(p->api->config.net, ready_on_event_thread, p);
}

static void on_ready(void *ctx, struct net_request *r)
{
    struct api *a = ctx;
    const char *missing = a->config.missing ? a->config.missing(a->config.missing_ctx) : NULL;
    if (missing) {
        char line[32];
        snprintf(line, sizeof line, "%.30s\n", missing);
        ready_reply(r, line, false);
        return;
    }
    struct pending *p = calloc(1, sizeof *p);
    json_t *args = json_pack("{s:s}", "code", "readyz");
    struct call call = {.op = "case.verify", .args = args, .client_address = net_request_address(r), .user_agent = "readyz"};
    if (!p) abort();
    *p = (struct pending){.api = a, .request = r};
    if (a->config.backend.submit(a->config.backend.ctx, &call, ready_completed, p)) {
        free(p);
        ready_reply(r, "busy\n", false);
    }
    json_decref(args);
}

static void on_openapi(void *ctx, struct net_request *r)
{
    struct api *a = ctx;
    net_reply_bytes(r, 200, "application/json", a->openapi, strlen(a->openapi));
}

static void on_blob(void *ctx, struct net_request *r)
{
    struct api *a = ctx;
    bytes_read(a->bytes, r, net_request_path(r) + strlen("/api/v1/blobs/"));
}

static int add_routes(struct api *a)
{
    const unsigned get = NET_GET | NET_HEAD, all = get | NET_POST | NET_PUT | NET_PATCH | NET_DELETE;
    const struct net_route routes[] = {
        {"/api/v1/", all, on_api, a, 0},
        {"/api/v1/uploads/", all, on_uploads, a, 1 << 20},
        {"/api/v1/blobs/", get, on_blob, a, 0},
        {"/api/openapi.json", get, on_openapi, a, 0},
        {"/readyz", get, on_ready, a, 0},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (net_route_add(a->config.net, &routes[i])) return ERR_CONFLICT;
    a->figures = (struct figures){.metrics_token = a->config.metrics_token};
    return figures_serve(a->config.net, &a->figures) || fhir_terms_serve(&a->config) || fhir_serve(&a->config) ? ERR_CONFLICT : 0;
}

int api_new(struct api **out, const struct api_config *config, struct fault *f)
{
    struct api *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    a->config = *config;
    a->bytes = bytes_new(config);
    if (guard_new(&a->guard)) a->guard = NULL;
    json_t *document = openapi_build(config->backend.find);
    a->openapi = document ? json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(document);
    if (!a->bytes || !a->guard || !a->openapi || add_routes(a)) {
        api_free(a);
        return fault_set(f, ERR_INTERNAL, "api", "The API could not be set up.");
    }
    *out = a;
    return 0;
}

void api_oversee(struct api *a, struct oversee *o)
{
    a->oversee = o;
}

void api_free(struct api *a)
{
    if (!a) return;
    bytes_free(a->bytes);
    guard_free(a->guard);
    free(a->openapi);
    free(a);
}
