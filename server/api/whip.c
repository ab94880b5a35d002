#include "server/api/whip.h"
#include "server/base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX SDP_TEXT_MAX

static void allow_origins(struct net_request *r)
{
    net_reply_header(r, "Access-Control-Allow-Origin", "*");
    net_reply_header(r, "Access-Control-Expose-Headers", "Location, ETag, Link");
}

static void refuse(struct net_request *r, const struct fault *f)
{
    allow_origins(r);
    if (f->code == ERR_UNAUTHENTICATED) net_reply_header(r, "WWW-Authenticate", "Bearer");
    net_reply_fault(r, f);
}

/* "/whip/{room}" or "/whip/{room}/{resource}". *resource 0 = none. */
static int read_path(const struct net_request *r, char room[80], uint64_t *resource, struct fault *f)
{
    const char *at = net_request_path(r) + strlen("/whip/");
    size_t n = strcspn(at, "/");
    *resource = 0;
    if (!n || n >= 80) return fault_set(f, ERR_NOT_FOUND, "no_room", "There is no such room.");
    snprintf(room, 80, "%.*s", (int)n, at);
    if (at[n] == '/' && id_parse(at + n + 1, resource)) return fault_set(f, ERR_NOT_FOUND, "no_resource", "There is no such session.");
    return 0;
}

static const char *bearer(const struct net_request *r, struct fault *f)
{
    bool by_cookie;
    const char *token = net_request_credential(r, &by_cookie);
    if (*token && !by_cookie) return token;
    fault_set(f, ERR_UNAUTHENTICATED, "no_token", "Send Authorization: Bearer TOKEN.");
    return NULL;
}

static bool is_type(const char *given, const char *type)
{
    size_t n = strlen(type);
    return strncasecmp(given, type, n) == 0 && (!given[n] || given[n] == ';' || given[n] == ' ');
}

static const char *body_of(struct net_request *r, const char *type, size_t *len, struct fault *f)
{
    const char *body = net_request_body(r, len);
    if (!is_type(net_request_header(r, "content-type"), type)) {
        fault_set(f, ERR_MEDIA_TYPE, "content_type", "The body must be %s.", type);
        return NULL;
    }
    return body;
}

/* ---- POST ---- */

struct posting {
    const struct whip *whip;
    struct net_request *request;
};

static void etag(struct net_request *r, const char *ufrag)
{
    char tag[40];
    snprintf(tag, sizeof tag, "\"%s\"", ufrag);
    net_reply_header(r, "ETag", tag);
}

/* RFC 9725 4.6 */
static void ice_servers(struct net_request *r, const struct relay *relay, const char *who)
{
    struct relay_credential c;
    char link[400];
    for (size_t i = 0; i < relay->n; i++) {
        relay_credential(relay, who, clock_now_ms(&clock_system), &c);
        snprintf(link, sizeof link, "<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; credential-type=\"password\"", relay->urls[i], c.name,
                 c.password);
        net_reply_header(r, "Link", link);
    }
}

static void posted(void *ctx, const struct fault *f, const struct desk_machine_made *m)
{
    struct posting *p = ctx;
    struct net_request *r = p->request;
    if (f && f->code == ERR_UNAUTHENTICATED) guard_wrong(p->whip->guard, net_request_address(r), clock_now_ms(&clock_system));
    const struct relay *relay = p->whip->relay;
    free(p);
    if (f) {
        refuse(r, f);
        return;
    }
    char location[200], id[ID_TEXT_BYTES];
    const char *path = net_request_path(r);
    id_format(m->resource, id);
    snprintf(location, sizeof location, "%.*s/%s", (int)(6 + strcspn(path + 6, "/")), path, id);
    allow_origins(r);
    net_reply_header(r, "Location", location);
    etag(r, m->ufrag);
    ice_servers(r, relay, id);
    net_reply_bytes(r, 201, "application/sdp", m->answer, strlen(m->answer));
}

static void post(const struct whip *w, struct net_request *r, const struct desk_machine_at *at, struct fault *f)
{
    size_t len;
    const char *sdp = body_of(r, "application/sdp", &len, f);
    if (sdp && memchr(sdp, '\0', len)) fault_field(f, "sdp", "control_character");
    if (f->code || guard_check(w->guard, net_request_address(r), clock_now_ms(&clock_system), f)) {
        refuse(r, f);
        return;
    }
    struct posting *p = malloc(sizeof *p);
    if (!p) abort();
    *p = (struct posting){w, r};
    struct desk_machine m = {at->token, at->room, sdp, at->watch};
    desk_machine_join(w->desk, &m, posted, p);
}

/* ---- afterwards ---- */

static void end(const struct whip *w, struct net_request *r, const struct desk_machine_at *at, struct fault *f)
{
    if (desk_machine_end(w->desk, at, f)) {
        refuse(r, f);
        return;
    }
    allow_origins(r);
    net_reply_empty(r, 200);
}

/* RFC 9725 4.3.1, RFC 9110 13.1.1: strong comparison with one of a list, or "*". */
static int check_tag(const char *if_match, const char *ufrag, struct fault *f)
{
    char tag[40];
    size_t n = (size_t)snprintf(tag, sizeof tag, "\"%s\"", ufrag);
    if (!*if_match) return fault_set(f, ERR_PRECONDITION, "no_if_match", "Send If-Match with the ETag of the session, or * to restart ICE.");
    for (const char *at = if_match; *at; at += strspn(at, ", \t")) {
        size_t len = strcspn(at, ", \t");
        if ((len == 1 && *at == '*') || (len == n && memcmp(at, tag, n) == 0)) return 0;
        at += len;
    }
    return fault_set(f, ERR_PRECONDITION_FAILED, "other_ice_session", "The session has restarted ICE since; its ETag is another.");
}

static void restart(const struct whip *w, struct net_request *r, const struct desk_machine_at *at, const struct sdp_frag *frag, struct fault *f)
{
    struct desk_machine_ice ice;
    char *ours;
    if (desk_machine_restart(w->desk, at, frag, &ours, f) || desk_machine_ice(w->desk, at, &ice, f)) {
        free(ours);
        refuse(r, f);
        return;
    }
    allow_origins(r);
    etag(r, ice.ours);
    net_reply_taken(r, 200, "application/trickle-ice-sdpfrag", ours, strlen(ours));
}

static void patch(const struct whip *w, struct net_request *r, const struct desk_machine_at *at, struct fault *f)
{
    struct desk_machine_ice ice;
    struct sdp_frag frag;
    size_t len;
    const char *body = body_of(r, "application/trickle-ice-sdpfrag", &len, f);
    if (!body) net_reply_header(r, "Accept-Patch", "application/trickle-ice-sdpfrag");
    if (!body || sdp_frag_parse(&frag, body, len, f) || desk_machine_ice(w->desk, at, &ice, f) ||
        check_tag(net_request_header(r, "if-match"), ice.ours, f)) {
        refuse(r, f);
        return;
    }
    if (strcmp(ice.theirs, frag.ufrag) != 0) {
        restart(w, r, at, &frag, f);
        return;
    }
    allow_origins(r);
    net_reply_empty(r, 204);
}

static void options(struct net_request *r, bool session)
{
    allow_origins(r);
    net_reply_header(r, "Access-Control-Allow-Methods", session ? "PATCH, DELETE, OPTIONS" : "POST, OPTIONS");
    net_reply_header(r, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
    net_reply_header(r, "Access-Control-Max-Age", "600");
    if (session) net_reply_header(r, "Accept-Patch", "application/trickle-ice-sdpfrag");
    else net_reply_header(r, "Accept-Post", "application/sdp");
    net_reply_empty(r, 204);
}

static void on_request(void *ctx, struct net_request *r)
{
    struct fault f = {0};
    char room[80];
    enum net_method method = net_request_method(r);
    struct desk_machine_at at = {.room = room, .watch = strncmp(net_request_path(r), "/whep/", 6) == 0};
    int rc = read_path(r, room, &at.resource, &f);
    if (!rc && method != NET_OPTIONS && (method == NET_POST) == (at.resource != 0))
        rc = fault_set(&f, ERR_METHOD, "", "This URL has no such method.");
    if (!rc && method != NET_OPTIONS && !(at.token = bearer(r, &f))) rc = f.code;
    if (rc) refuse(r, &f);
    else if (method == NET_OPTIONS) options(r, at.resource != 0);
    else if (method == NET_POST) post(ctx, r, &at, &f);
    else if (method == NET_DELETE) end(ctx, r, &at, &f);
    else patch(ctx, r, &at, &f);
}

int whip_serve(struct net *n, const struct whip *w, struct fault *f)
{
    static const char *const prefixes[] = {"/whip/", "/whep/"};
    for (size_t i = 0; i < 2; i++) {
        struct net_route route = {prefixes[i], NET_POST | NET_PATCH | NET_DELETE | NET_OPTIONS, on_request, (void *)w, BODY_MAX};
        if (net_route_add(n, &route)) return fault_set(f, ERR_INTERNAL, "whip", "The URL %s is taken.", prefixes[i]);
    }
    return 0;
}
