#include "server/api/fhir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FHIR_BODY_MAX (32u << 20)

struct asked {
    struct asked *next; /* of those that are answered together */
    const struct api_config *config;
    struct net_request *request;
    struct records_fhir_answer answer;
};

static void http_date(int64_t ms, char out[40])
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
}

static void reply(struct net_request *r, struct records_fhir_answer *a)
{
    char date[40], seconds[12];
    if (a->etag[0]) net_reply_header(r, "ETag", a->etag);
    if (a->modified_ms) {
        http_date(a->modified_ms, date);
        net_reply_header(r, "Last-Modified", date);
    }
    if (a->location[0]) net_reply_header(r, a->status == 202 ? "Content-Location" : "Location", a->location);
    if (a->allow[0]) net_reply_header(r, "Allow", a->allow);
    if (a->status == 401) net_reply_header(r, "WWW-Authenticate", "Bearer");
    if (a->more_to_come) net_reply_header(r, "X-Progress", "in-progress");
    if (a->retry_s) {
        snprintf(seconds, sizeof seconds, "%d", a->retry_s);
        net_reply_header(r, "Retry-After", seconds);
    }
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_plain(r); /* no page: what only browsers' pages need is left out */
    if (a->body)
        net_reply_taken(r, a->status, a->content_type, a->body, a->len);
    else
        net_reply_empty(r, a->status);
    a->body = NULL;
}

static void answer_on_event_thread(void *arg)
{
    for (struct asked *a = arg, *next; a; a = next) {
        next = a->next;
        reply(a->request, &a->answer);
        free(a);
    }
}

/* On a pool thread: what the answer owns moves over, nothing else is touched. A group's answers go over at once: the event thread is woken
 * for all of them, not again and again while they come. */
static void answered(void *ctx, struct records_fhir_answer *answer)
{
    static _Thread_local struct asked *first, **last;
    struct asked *a = ctx;
    a->answer = *answer;
    a->next = NULL;
    answer->body = NULL;
    if (!first) last = &first;
    *last = a;
    last = &a->next;
    if (answer->another_follows) return;
    a = first;
    first = NULL;
    net_post_wait(a->config->net, answer_on_event_thread, a);
}

static void busy(struct net_request *r, int status, const char *issue, const char *text)
{
    struct records_fhir_answer a = {.status = status, .content_type = "application/fhir+json; charset=utf-8", .retry_s = status == 503 ? 1 : 0};
    char body[400];
    int n = snprintf(body, sizeof body, "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":\"%s\",\"details\":{\"text\":\"%s\"}}]}",
                     issue, text);
    a.body = strndup(body, (size_t)n);
    a.len = (size_t)n;
    reply(r, &a);
}

void fhir_answer(void *ctx, struct net_request *r)
{
    const struct api_config *c = ctx;
    struct asked *a = calloc(1, sizeof *a);
    if (!a) abort();
    *a = (struct asked){.config = c, .request = r};
    struct records_fhir q = {.method = net_method_name(net_request_method(r)),
                             .path = net_request_path(r) + strlen("/fhir"),
                             .query = net_request_query(r),
                             .accept = net_request_header(r, "accept"),
                             .content_type = net_request_header(r, "content-type"),
                             .prefer = net_request_header(r, "prefer"),
                             .if_match = net_request_header(r, "if-match"),
                             .if_none_match = net_request_header(r, "if-none-match"),
                             .if_none_exist = net_request_header(r, "if-none-exist"),
                             .if_modified_since = net_request_header(r, "if-modified-since"),
                             .languages = net_request_header(r, "accept-language"),
                             .csrf = net_request_header(r, "x-csrf-token"),
                             .client_address = net_request_address(r),
                             .host = net_request_header(r, "host")};
    q.credential = net_request_credential(r, &q.by_cookie);
    q.body = net_request_body(r, &q.len);
    if (c->backend.fhir && c->backend.fhir(c->backend.ctx, &q, answered, a) == 0) return;
    free(a);
    busy(r, c->backend.fhir ? 503 : 404, c->backend.fhir ? "transient" : "not-supported", c->backend.fhir ? "The server is busy; try again." : "There is nothing here.");
}

int fhir_serve(const struct api_config *config)
{
    static const char *const prefixes[] = {"/fhir", "/fhir/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct net_route route = {.prefix = prefixes[i], .methods = NET_GET | NET_HEAD | NET_POST | NET_PUT | NET_PATCH | NET_DELETE | NET_OPTIONS, .handler = fhir_answer,
                                  .ctx = (void *)config, .max_body = FHIR_BODY_MAX, .unmetered = true};
        if (net_route_add(config->net, &route)) return ERR_CONFLICT;
    }
    return 0;
}
