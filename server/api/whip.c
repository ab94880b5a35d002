#include "server/api/whip.h"
#include "server/base/clock.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX SDP_TEXT_MAX
#define PASS_BYTES 96 /* watch_private.h */

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

static bool query_value(const struct net_request *r, const char *wanted, char *out, size_t cap)
{
    char name[64];
    const char *at = net_request_query(r);
    while (net_query_next(&at, name, sizeof name, out, cap) > 0)
        if (strcmp(name, wanted) == 0) return true;
    return false;
}

/* `pass`: room for one that the query says. */
static const char *bearer(const struct whip *w, const struct net_request *r, char pass[PASS_BYTES], struct fault *f)
{
    bool by_cookie;
    if (w->seats.pass && query_value(r, "pass", pass, PASS_BYTES) && *pass) return pass;
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

/* RFC 9725 4.5 */
static void redirect(struct net_request *r, const char *address, const char *path)
{
    char url[DESK_URL_BYTES];
    snprintf(url, sizeof url, "%s%s", address, path);
    allow_origins(r);
    net_reply_header(r, "Location", url);
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_empty(r, 307);
}

static void posted(void *ctx, const struct fault *f, const struct desk_machine_made *m)
{
    struct posting *p = ctx;
    struct net_request *r = p->request;
    if (f && f->code == ERR_UNAUTHENTICATED) guard_wrong(p->whip->guard, net_request_address(r), clock_now_ms(&clock_system));
    const struct relay *relay = p->whip->relay;
    bool in_query = p->whip->seats.pass;
    free(p);
    if (f) {
        refuse(r, f);
        return;
    }
    if (m->elsewhere) {
        redirect(r, m->elsewhere, "");
        return;
    }
    char location[200 + PASS_BYTES], id[ID_TEXT_BYTES], pass[PASS_BYTES];
    const char *path = net_request_path(r);
    bool passed = in_query && query_value(r, "pass", pass, sizeof pass);
    id_format(m->resource, id);
    snprintf(location, sizeof location, "%.*s/%s%s%s", (int)(6 + strcspn(path + 6, "/")), path, id, passed ? "?pass=" : "", passed ? pass : "");
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
    char stay[8];
    bool stays = query_value(r, "stay", stay, sizeof stay); /* it was elsewhere, or wants the least delay */
    struct desk_machine m = {at->token, at->room, sdp, at->watch, stays ? NULL : w->seats.elsewhere, w->seats.elsewhere_ctx};
    w->seats.join(w->seats.ctx, &m, posted, p);
}

/* ---- afterwards ---- */

static void end(const struct whip *w, struct net_request *r, const struct desk_machine_at *at, struct fault *f)
{
    if (w->seats.end(w->seats.ctx, at, f)) {
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
    if (w->seats.restart(w->seats.ctx, at, frag, &ours, f) || w->seats.ice(w->seats.ctx, at, &ice, f)) {
        free(ours);
        refuse(r, f);
        return;
    }
    allow_origins(r);
    etag(r, ice.ours);
    net_reply_taken(r, 200, "application/trickle-ice-sdpfrag", ours, strlen(ours));
}

/* What is sent of a picture: nothing of the standard's, so it is JSON of our own. */
static void steer(const struct whip *w, struct net_request *r, const struct desk_machine_at *at, struct fault *f)
{
    size_t len;
    const char *body = net_request_body(r, &len), *mid;
    json_t *o = json_loadb(body ? body : "", body ? len : 0, JSON_REJECT_DUPLICATES, NULL), *layer = json_object_get(o, "layer"), *paused = json_object_get(o, "paused");
    struct watcher_wish wish = {.layer = layer ? (int)json_integer_value(layer) : -1, .paused = paused ? json_is_true(paused) : -1};
    wish.mid = mid = json_string_value(json_object_get(o, "mid"));
    if (!mid) fault_field(f, "mid", "required");
    else if (layer && (!json_is_integer(layer) || wish.layer < 0 || wish.layer >= MEDIA_RIDS_MAX)) fault_field(f, "layer", "out_of_range:0,%d", MEDIA_RIDS_MAX - 1);
    else if (paused && !json_is_boolean(paused)) fault_field(f, "paused", "not_boolean");
    else if (!w->seats.steer(w->seats.ctx, at, &wish, f)) {
        allow_origins(r);
        net_reply_empty(r, 204);
    }
    if (f->code) refuse(r, f);
    json_decref(o);
}

static void patch(const struct whip *w, struct net_request *r, const struct desk_machine_at *at, struct fault *f)
{
    struct desk_machine_ice ice;
    struct sdp_frag frag;
    size_t len;
    if (at->watch && is_type(net_request_header(r, "content-type"), "application/json")) {
        steer(w, r, at, f);
        return;
    }
    const char *body = body_of(r, "application/trickle-ice-sdpfrag", &len, f);
    if (!body) net_reply_header(r, "Accept-Patch", "application/trickle-ice-sdpfrag");
    if (!body || sdp_frag_parse(&frag, body, len, f) || w->seats.ice(w->seats.ctx, at, &ice, f) ||
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
    const struct whip *w = ctx;
    struct fault f = {0};
    char room[80], pass[PASS_BYTES];
    enum net_method method = net_request_method(r);
    struct desk_machine_at at = {.room = room, .watch = strncmp(net_request_path(r), "/whep/", 6) == 0};
    int rc = read_path(r, room, &at.resource, &f);
    if (!rc && method != NET_OPTIONS && (method == NET_POST) == (at.resource != 0))
        rc = fault_set(&f, ERR_METHOD, "", "This URL has no such method.");
    if (!rc && method != NET_OPTIONS && !(at.token = bearer(w, r, pass, &f))) rc = f.code;
    if (rc) refuse(r, &f);
    else if (w->seats.publish_at && !at.watch && method != NET_OPTIONS) redirect(r, w->seats.publish_at, net_request_path(r));
    else if (method == NET_OPTIONS) options(r, at.resource != 0);
    else if (method == NET_POST) post(w, r, &at, &f);
    else if (method == NET_DELETE) end(w, r, &at, &f);
    else patch(w, r, &at, &f);
}

/* ---- the rooms of this daemon ---- */

static void join_desk(void *ctx, const struct desk_machine *m, desk_machine_done done, void *done_ctx)
{
    desk_machine_join(ctx, m, done, done_ctx);
}

static int end_desk(void *ctx, const struct desk_machine_at *at, struct fault *f)
{
    return desk_machine_end(ctx, at, f);
}

static int ice_desk(void *ctx, const struct desk_machine_at *at, struct desk_machine_ice *out, struct fault *f)
{
    return desk_machine_ice(ctx, at, out, f);
}

static int restart_desk(void *ctx, const struct desk_machine_at *at, const struct sdp_frag *theirs, char **fragment, struct fault *f)
{
    return desk_machine_restart(ctx, at, theirs, fragment, f);
}

static int steer_desk(void *ctx, const struct desk_machine_at *at, const struct watcher_wish *wish, struct fault *f)
{
    return desk_machine_steer(ctx, at, wish, f);
}

struct whip_seats whip_seats_of_desk(struct desk *d)
{
    return (struct whip_seats){.ctx = d, .join = join_desk, .end = end_desk, .ice = ice_desk, .restart = restart_desk, .steer = steer_desk};
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
