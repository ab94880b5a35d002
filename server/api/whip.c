#include "server/api/whip.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX SDP_TEXT_MAX

static struct desk *the_desk(void *ctx)
{
    return ctx;
}

static void allow_origins(struct net_request *r)
{
    net_reply_header(r, "Access-Control-Allow-Origin", "*");
    net_reply_header(r, "Access-Control-Expose-Headers", "Location, ETag");
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

static const char *body_of(struct net_request *r, const char *type, struct fault *f)
{
    size_t len;
    const char *body = net_request_body(r, &len), *given = net_request_header(r, "content-type");
    if (strncasecmp(given, type, strlen(type)) != 0) {
        fault_set(f, ERR_MEDIA_TYPE, "content_type", "The body must be %s.", type);
        return NULL;
    }
    if (memchr(body, '\0', len)) {
        fault_field(f, "sdp", "zero_byte");
        return NULL;
    }
    return body;
}

/* ---- POST ---- */

struct posting {
    struct net_request *request;
};

static void etag(struct net_request *r, const char *ufrag)
{
    char tag[40];
    snprintf(tag, sizeof tag, "\"%s\"", ufrag);
    net_reply_header(r, "ETag", tag);
}

static void posted(void *ctx, const struct fault *f, const struct desk_machine_made *m)
{
    struct posting *p = ctx;
    struct net_request *r = p->request;
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
    net_reply_bytes(r, 201, "application/sdp", m->answer, strlen(m->answer));
}

static void post(struct desk *d, struct net_request *r, const char *room, struct fault *f)
{
    const char *token = bearer(r, f), *sdp = token ? body_of(r, "application/sdp", f) : NULL;
    if (!sdp) {
        refuse(r, f);
        return;
    }
    struct posting *p = malloc(sizeof *p);
    if (!p) abort();
    p->request = r;
    struct desk_machine m = {token, room, sdp, strncmp(net_request_path(r), "/whep/", 6) == 0};
    desk_machine_join(d, &m, posted, p);
}

/* ---- afterwards ---- */

static void end(struct desk *d, struct net_request *r, uint64_t resource, struct fault *f)
{
    const char *token = bearer(r, f);
    if (!token || desk_machine_end(d, token, resource, f)) {
        refuse(r, f);
        return;
    }
    allow_origins(r);
    net_reply_empty(r, 200);
}

static void patch(struct desk *d, struct net_request *r, uint64_t resource, struct fault *f)
{
    const char *token = bearer(r, f), *frag = token ? body_of(r, "application/trickle-ice-sdpfrag", f) : NULL;
    char *ours = NULL;
    if (!frag || desk_machine_patch(d, token, resource, frag, &ours, f)) {
        refuse(r, f);
        return;
    }
    allow_origins(r);
    if (!ours) {
        net_reply_empty(r, 204);
        return;
    }
    char ufrag[16] = "";
    const char *at = strstr(ours, "a=ice-ufrag:");
    if (at) snprintf(ufrag, sizeof ufrag, "%.*s", (int)strcspn(at + 12, "\r\n"), at + 12);
    etag(r, ufrag);
    net_reply_taken(r, 200, "application/trickle-ice-sdpfrag", ours, strlen(ours));
}

static void options(struct net_request *r)
{
    allow_origins(r);
    net_reply_header(r, "Access-Control-Allow-Methods", "POST, PATCH, DELETE, OPTIONS");
    net_reply_header(r, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
    net_reply_header(r, "Accept-Post", "application/sdp");
    net_reply_empty(r, 204);
}

static void on_request(void *ctx, struct net_request *r)
{
    struct fault f = {0};
    char room[80];
    uint64_t resource;
    enum net_method method = net_request_method(r);
    int rc = read_path(r, room, &resource, &f);
    if (!rc && method != NET_OPTIONS && (method == NET_POST) == (resource != 0))
        rc = fault_set(&f, ERR_METHOD, "", "This URL has no such method.");
    if (rc) refuse(r, &f);
    else if (method == NET_OPTIONS) options(r);
    else if (method == NET_POST) post(the_desk(ctx), r, room, &f);
    else if (method == NET_DELETE) end(the_desk(ctx), r, resource, &f);
    else patch(the_desk(ctx), r, resource, &f);
}

int whip_serve(struct net *n, struct desk *d, struct fault *f)
{
    static const char *const prefixes[] = {"/whip/", "/whep/"};
    for (size_t i = 0; i < 2; i++) {
        struct net_route route = {prefixes[i], NET_POST | NET_PATCH | NET_DELETE | NET_OPTIONS, on_request, d, BODY_MAX};
        if (net_route_add(n, &route)) return fault_set(f, ERR_INTERNAL, "whip", "The URL %s is taken.", prefixes[i]);
    }
    return 0;
}
