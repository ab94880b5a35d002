/* WHIP and WHEP requests with what they carry: paths, queries, tags, ICE fragments, and our own JSON about layers and pauses, against a desk that
 * only looks at what it was given. First line: method and target; then "content-type: x" and "if-match: x", an empty line, the body. '!' in front
 * of the first line: as an edge node answers. */
#include "server/api/whip.h"
#include "tests/lib/net_stand_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool acted;
static char theirs[260];

/* ---- the desk ---- */
static void text(const char *t, size_t max)
{
    if (!t || !*t || strlen(t) > max) abort();
}

static void at_session(const struct desk_machine_at *at)
{
    text(at->token, 4096); /* a header field, as net takes it */
    text(at->room, 79);
    if (!at->resource) abort();
}

void desk_machine_join(struct desk *d, const struct desk_machine *m, desk_machine_done done, void *ctx)
{
    struct desk_machine_made made = {.resource = 0xabcdef, .answer = "v=0\r\n", .ufrag = "ours1234"};
    struct fault f = {0};
    text(m->token, 4096);
    text(m->room, 79);
    if (!m->sdp) abort();
    acted = true;
    if (strcmp(m->token, "good") != 0) fault_set(&f, ERR_UNAUTHENTICATED, "token", "no");
    done(ctx, f.code ? &f : NULL, f.code ? NULL : &made);
}

int desk_machine_end(struct desk *d, const struct desk_machine_at *at, struct fault *f)
{
    at_session(at);
    return 0;
}

int desk_machine_ice(struct desk *d, const struct desk_machine_at *at, struct desk_machine_ice *out, struct fault *f)
{
    at_session(at);
    snprintf(out->ours, sizeof out->ours, "%s", "ours1234");
    snprintf(out->theirs, sizeof out->theirs, "%s", theirs);
    return 0;
}

int desk_machine_restart(struct desk *d, const struct desk_machine_at *at, const struct sdp_frag *frag, char **fragment, struct fault *f)
{
    at_session(at);
    text(frag->ufrag, 256);
    text(frag->password, 256);
    if (strcmp(frag->ufrag, theirs) == 0) abort(); /* that is no restart */
    acted = true;
    *fragment = sdp_frag_write(frag, "ours5678", "secretsecretsecretsecret", NULL, 0);
    return *fragment ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "no memory");
}

int desk_machine_steer(struct desk *d, const struct desk_machine_at *at, const struct watcher_wish *wish, struct fault *f)
{
    at_session(at);
    if (!at->watch || !wish->mid || wish->layer < -1 || wish->layer >= MEDIA_RIDS_MAX || wish->paused < -1 || wish->paused > 1) abort();
    acted = true;
    return 0;
}

/* ---- what is answered ---- */
static void answered(const struct net_request *r, int status, const void *body, size_t len)
{
    if (r->method == NET_POST && status == 201 && !acted) abort();
    if (r->method == NET_PATCH && acted && status != 204 && status != 200) abort();
    if (r->method == NET_PATCH && acted && strncasecmp(r->content_type, "application/json", 16) != 0 && !*r->if_match) abort(); /* a restart needs its tag */
}

static void sent(const struct net_ws *ws, const struct share *s, const char *t, size_t len) { abort(); }

static enum net_method method_of(const char *word, size_t len)
{
    static const enum net_method all[] = {NET_POST, NET_PATCH, NET_DELETE, NET_OPTIONS};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strlen(net_method_name(all[i])) == len && strncmp(net_method_name(all[i]), word, len) == 0) return all[i];
    return NET_PATCH;
}

const char *net_method_name(enum net_method m)
{
    return m == NET_POST ? "POST" : m == NET_DELETE ? "DELETE" : m == NET_OPTIONS ? "OPTIONS" : "PATCH";
}

/* Takes a line off; its end becomes '\0'. */
static char *line_of(char **at)
{
    char *line = *at;
    if (!line) return NULL;
    *at = strchr(line, '\n');
    if (*at) *(*at)++ = '\0';
    return line;
}

/* Headers as net.c hands them out: no control characters. */
static const char *value_of(char *line)
{
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    return line + strspn(line, " ");
}

static void run(char *first, char *rest, size_t rest_len)
{
    char *at = rest, *line, *target = first + strcspn(first, " ");
    struct net_request *r = stand_in_request(method_of(first, (size_t)(target - first)), target + (*target == ' '));
    r->credential = "good";
    while ((line = line_of(&at)) && *line) {
        if (strncasecmp(line, "content-type:", 13) == 0) r->content_type = value_of(line + 13);
        else if (strncasecmp(line, "if-match:", 9) == 0) r->if_match = value_of(line + 9);
        else if (strncasecmp(line, "token:", 6) == 0) r->credential = value_of(line + 6);
    }
    free(r->body);
    r->body_len = at ? rest_len - (size_t)(at - rest) : 0;
    r->body = stand_in_copy(at ? at : "", r->body_len);
    stand_in_ask(r);
    if (stand_in_waiting) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct relay relay = {.n = 1, .urls = {"turns:relay.example:5349?transport=tcp"}, .secret = "0123456789abcdef", .lifetime_ms = 60000};
    struct whip w = {.seats = whip_seats_of_desk(NULL), .relay = &relay};
    struct fault f = {0};
    char *all = stand_in_copy((const char *)data, size), *rest = all;
    if (*all == '!') w.seats.pass = true, w.seats.publish_at = "https://origin.example", rest++;
    acted = false;
    snprintf(theirs, sizeof theirs, "them");
    stand_in_n_routes = 0;
    if (guard_new(&w.guard) || whip_serve(NULL, &w, &f)) abort();
    char *first = line_of(&rest);
    if (rest) run(first, rest, size - (size_t)(rest - all));
    guard_free(w.guard);
    free(all);
    return 0;
}
