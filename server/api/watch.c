/* URLs of lectures and who may use them. */
#include "server/api/watch_private.h"
#include "server/base/clock.h"
#include "server/base/crypto.h"
#include "server/base/metrics.h"
#include "server/node/message.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000

int64_t watch_now_ms(void)
{
    return clock_now_ms(&clock_system);
}

const char *watch_path(const char *path, char word[WORD_BYTES])
{
    const char *at = path + strlen("/live/");
    size_t n = strcspn(at, "/");
    if (!n || n >= WORD_BYTES) return NULL;
    snprintf(word, WORD_BYTES, "%.*s", (int)n, at);
    return at + n;
}

/* Any page may play it: what counts is the token or the pass, never a cookie that a foreign page rides on. */
static void allow_origins(struct net_request *r)
{
    net_reply_header(r, "Access-Control-Allow-Origin", "*");
}

void watch_refuse(struct net_request *r, const struct fault *f)
{
    allow_origins(r);
    if (f->code == ERR_UNAUTHENTICATED) net_reply_header(r, "WWW-Authenticate", "Bearer");
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_fault(r, f);
}

/* ---- passes ---- */
/* Players cannot send headers, and a token in every URL would stand in every log: the master playlist's answer names the rest by a pass
 * that is good for this room until the token's or session's end. Nothing is kept of it. */
static void mac_of(const struct watch *w, const char *text, size_t len, char out[33])
{
    uint8_t mac[32];
    crypto_hmac_sha256(w->secret, sizeof w->secret, text, len, mac);
    if (hex_encode(mac, 16, out, 33) < 0) abort();
}

void watch_pass(const struct watch *w, uint64_t room, int64_t until_ms, char out[PASS_BYTES])
{
    char mac[33];
    int n = snprintf(out, PASS_BYTES, "%016" PRIx64 "-%" PRIx64, room, (uint64_t)until_ms);
    mac_of(w, out, (size_t)n, mac);
    snprintf(out + n, PASS_BYTES - (size_t)n, "-%s", mac);
}

int watch_pass_check(const struct watch *w, const char *pass, size_t len, struct desk_watch_made *made, struct fault *f)
{
    char text[PASS_BYTES], mac[33];
    uint64_t until = 0, *room = &made->room;
    int body = 0;
    if (len < PASS_BYTES) {
        snprintf(text, sizeof text, "%.*s", (int)len, pass);
        if (sscanf(text, "%16" SCNx64 "-%" SCNx64 "%n", room, &until, &body) == 2 && len == (size_t)body + 33 && text[body] == '-') {
            mac_of(w, text, (size_t)body, mac);
            made->until_ms = (int64_t)until;
            if (crypto_equal(mac, text + body + 1, 32) && made->until_ms > watch_now_ms()) return 0;
        }
    }
    return fault_set(f, ERR_UNAUTHENTICATED, "pass", "This address is over; begin again with index.m3u8.");
}

/* ---- nodes ---- */
struct programme *watch_programme(struct watch *w, uint64_t room)
{
    return w->config.edge ? edge_programme(w->config.edge, room) : desk_programme_wait(w->config.desk, room);
}

json_t *watch_nodes(struct watch *w, uint64_t room)
{
    const char *addresses[PLACEMENT_LIST_MAX];
    size_t n = w->config.origin ? origin_choose(w->config.origin, room, addresses) : 0;
    json_t *list = n ? json_array() : NULL;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(addresses[i]));
    return list;
}

bool watch_elsewhere(void *ctx, const struct desk_machine *m, uint64_t room, int64_t until_ms, char out[DESK_URL_BYTES])
{
    struct watch *w = ctx;
    const char *addresses[PLACEMENT_LIST_MAX];
    char pass[PASS_BYTES];
    if (!w->config.origin || !origin_choose(w->config.origin, room, addresses)) return false;
    watch_pass(w, room, until_ms, pass);
    snprintf(out, DESK_URL_BYTES, "%s/whep/%s?pass=%s", addresses[0], m->room, pass);
    return true;
}

static void not_here(struct watch *w, struct net_request *r)
{
    struct fault f = {0};
    fault_set(&f, ERR_NOT_FOUND, "edge_node", "This machine only passes lectures on; begin at %.150s.", edge_origin(w->config.edge));
    watch_refuse(r, &f);
}

/* ---- the playlist that one begins with ---- */
struct beginning {
    struct watch *watch;
    struct net_request *request;
    bool now; /* not the playlist: what is shown now */
};

static void begun(void *ctx, const struct fault *f, const struct desk_watch_made *made)
{
    struct beginning *b = ctx;
    struct watch *w = b->watch;
    struct net_request *r = b->request;
    char pass[PASS_BYTES];
    bool now = b->now;
    free(b);
    if (f) {
        if (f->code == ERR_UNAUTHENTICATED) guard_wrong(w->config.guard, net_request_address(r), watch_now_ms());
        watch_refuse(r, f);
        return;
    }
    watch_pass(w, made->room, made->until_ms, pass);
    allow_origins(r);
    if (now) push_now(w, r, made, pass);
    else hls_master(w, r, made, pass);
}

static bool query_token(const struct net_request *r, char out[128])
{
    char name[64];
    const char *at = net_request_query(r);
    while (net_query_next(&at, name, sizeof name, out, 128) > 0)
        if (strcmp(name, "token") == 0) return true;
    return false;
}

static void begin(struct watch *w, struct net_request *r, const char *word, bool now)
{
    struct fault f = {0};
    char token[128];
    bool by_cookie = false;
    struct desk_watch_ask ask = {.room = word, .credential = net_request_credential(r, &by_cookie)};
    ask.by_session = by_cookie;
    if (query_token(r, token)) {
        ask.credential = token;
        ask.by_session = false;
    }
    if (!*ask.credential) fault_set(&f, ERR_UNAUTHENTICATED, "no_token", "Send Authorization: Bearer TOKEN, or ?token=TOKEN.");
    if (f.code || guard_check(w->config.guard, net_request_address(r), watch_now_ms(), &f)) {
        watch_refuse(r, &f);
        return;
    }
    struct beginning *b = malloc(sizeof *b);
    if (!b) abort();
    *b = (struct beginning){w, r, now};
    desk_watch(w->config.desk, &ask, begun, b);
    explicit_bzero(token, sizeof token);
}

static void options(struct net_request *r)
{
    allow_origins(r);
    net_reply_header(r, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
    net_reply_header(r, "Access-Control-Allow-Headers", "Authorization, Range");
    net_reply_header(r, "Access-Control-Max-Age", "600");
    net_reply_empty(r, 204);
}

static void below(struct watch *w, struct net_request *r, const char *rest)
{
    struct fault f = {0};
    struct desk_watch_made made = {0};
    size_t n = strcspn(rest, "/");
    int rc = rest[n] ? guard_check(w->config.guard, net_request_address(r), watch_now_ms(), &f)
                     : fault_set(&f, ERR_NOT_FOUND, "no_such_url", "There is nothing at this URL.");
    if (!rc && (rc = watch_pass_check(w, rest, n, &made, &f))) guard_wrong(w->config.guard, net_request_address(r), watch_now_ms());
    if (rc) {
        watch_refuse(r, &f);
        return;
    }
    allow_origins(r);
    hls_below(w, r, made.room, rest + n + 1);
}

static void on_request(void *ctx, struct net_request *r)
{
    struct fault f = {0};
    char word[WORD_BYTES];
    const char *rest = watch_path(net_request_path(r), word);
    if (((struct watch *)ctx)->config.edge) {
        not_here(ctx, r);
    } else if (!rest) {
        fault_set(&f, ERR_NOT_FOUND, "no_room", "There is no such room.");
        watch_refuse(r, &f);
    } else if (net_request_method(r) == NET_OPTIONS) {
        options(r);
    } else if (!*rest || strcmp(rest, "/") == 0) {
        net_reply_page(r);
    } else if (strcmp(rest, "/index.m3u8") == 0) {
        begin(ctx, r, word, false);
    } else if (strcmp(rest, "/now") == 0) {
        begin(ctx, r, word, true);
    } else {
        below(ctx, r, rest + 1);
    }
}

/* ---- news and time ---- */
static void news(void *ctx, struct programme *p)
{
    struct watch *w = ctx;
    push_news(w, p);
    hls_news(w, p);
    if (w->config.origin) origin_news(w->config.origin, p);
}

static void gone(void *ctx, struct programme *p)
{
    struct watch *w = ctx;
    push_gone(w, p);
    hls_gone(w, p);
    if (w->config.origin) origin_gone(w->config.origin, p);
}

static bool watched(void *ctx, struct programme *p)
{
    return push_watched(ctx, p);
}

static unsigned viewers(void *ctx)
{
    return HASH_COUNT(((struct watch *)ctx)->viewers);
}

static void send_away(void *ctx)
{
    push_send_away(ctx);
}

static void tick(void *arg)
{
    struct watch *w = arg;
    push_tick(w, watch_now_ms());
    hls_tick(w, watch_now_ms());
    net_timer_start(w->config.net, TICK_MS, tick, w);
}

int watch_new(struct watch **out, const struct watch_config *config, struct fault *f)
{
    struct watch *w = *out = calloc(1, sizeof *w);
    if (!w) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    w->config = *config;
    if (config->node_secret && *config->node_secret) node_pass_key(config->node_secret, w->secret);
    else crypto_random(w->secret, sizeof w->secret);
    w->m_viewers = metric_gauge("yilian_live_viewers", "Viewers of lectures over WebSocket", NULL);
    w->m_skips = metric_counter("yilian_live_skips_total", "Viewers that fell behind and went on at a keyframe", NULL);
    w->m_pieces = metric_counter("yilian_live_pieces_total", "Pieces sent to viewers of lectures over WebSocket", NULL);
    struct net_route route = {"/live/", NET_GET | NET_HEAD | NET_OPTIONS, on_request, w, 0, true};
    if (net_route_add(config->net, &route) || push_serve(w)) return fault_set(f, ERR_INTERNAL, "live", "The URL /live/ is taken.");
    if (config->edge) edge_serve(config->edge, &(struct edge_events){w, news, gone, watched, viewers, send_away});
    else desk_watch_serve(config->desk, &(struct desk_watch_events){w, news, gone}, config->shelf);
    net_timer_start(config->net, TICK_MS, tick, w);
    return 0;
}

void watch_free(struct watch *w)
{
    if (!w) return;
    struct crowd *c, *next;
    HASH_ITER(hh, w->crowds, c, next)
    {
        HASH_DEL(w->crowds, c);
        free(c);
    }
    hls_free(w);
    free(w);
}
