/* Opening, the event loop, and the one door through which libwebsockets calls. */
#include "server/net/net_private.h"
#include "server/base/certificate.h"
#include "server/base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define POSTS_MAX 16384
#define POSTS_AT_ONCE 64
#define AHEAD_TIMES 16 /* in one round */
#define SWEEP_MS 15000
#define DEFER_S 5
#define LISTENER_MAX 1024 /* it was opened at start */

struct post {
    void (*fn)(void *arg);
    void *arg;
};

struct net_timer {
    lws_sorted_usec_list_t sul; /* first: libwebsockets gives it back */
    struct net *net;
    struct net_timer *next, **back;
    void (*fn)(void *arg);
    void *arg;
};

/* ---- posts ---- */

/* One poke stands for all that is posted until the loop looks. */
static void wake(void *ctx)
{
    struct net *n = ctx;
    if (atomic_exchange(&n->woken, true)) return;
    pthread_mutex_lock(&n->wake_lock);
    if (!n->shut && n->context) lws_cancel_service(n->context);
    pthread_mutex_unlock(&n->wake_lock);
}

int net_post(struct net *n, void (*fn)(void *arg), void *arg)
{
    struct post *p = malloc(sizeof *p);
    if (!p) return ERR_UNAVAILABLE;
    *p = (struct post){fn, arg};
    int rc = mailbox_put(n->posts, p);
    if (rc) free(p);
    return rc;
}

void net_post_wait(struct net *n, void (*fn)(void *arg), void *arg)
{
    struct timespec pause = {.tv_nsec = 1000000};
    while (net_post(n, fn, arg) != 0)
        nanosleep(&pause, NULL);
}

static void run_posts(struct net *n)
{
    void *some[POSTS_AT_ONCE];
    size_t taken;
    atomic_store(&n->woken, false); /* before looking: what is posted from here on pokes again */
    while ((taken = mailbox_take_some(n->posts, some, POSTS_AT_ONCE)) > 0)
        for (size_t i = 0; i < taken; i++) {
            struct post job = *(struct post *)some[i];
            free(some[i]);
            job.fn(job.arg);
        }
}

/* ---- timers ---- */

static void timer_unlink(struct net_timer *t)
{
    *t->back = t->next;
    if (t->next) t->next->back = t->back;
}

static void timer_fire(lws_sorted_usec_list_t *sul)
{
    struct net_timer *t = lws_container_of(sul, struct net_timer, sul);
    void (*fn)(void *arg) = t->fn;
    void *arg = t->arg;
    timer_unlink(t);
    free(t);
    fn(arg);
}

struct net_timer *net_timer_start(struct net *n, unsigned delay_ms, void (*fn)(void *arg), void *arg)
{
    struct net_timer *t = calloc(1, sizeof *t);
    if (!t) abort();
    t->net = n;
    t->fn = fn;
    t->arg = arg;
    t->back = &n->timers;
    t->next = n->timers;
    if (t->next) t->next->back = &t->next;
    n->timers = t;
    if (!n->shut) lws_sul_schedule(n->context, 0, &t->sul, timer_fire, (lws_usec_t)delay_ms * LWS_US_PER_MS);
    return t;
}

void net_timer_cancel(struct net_timer *t)
{
    if (!t) return;
    if (!t->net->shut) lws_sul_schedule(t->net->context, 0, &t->sul, NULL, LWS_SET_TIMER_USEC_CANCEL);
    timer_unlink(t);
    free(t);
}

/* After everything that poll() told of was looked at. Handlers first: the pool works while answers are written. */
static void end_round(struct net *n)
{
    int times = 0;
    run_posts(n);
    do {
        requests_dispatch(n);
        replies_write(n);
    } while (ahead_read(n) && ++times < AHEAD_TIMES);
    if (times == AHEAD_TIMES) lws_cancel_service(n->context); /* who sends without end goes on after all others */
}

static void sweep(void *arg)
{
    struct net *n = arg;
    peers_sweep(n);
    n->sweeper = net_timer_start(n, SWEEP_MS, sweep, n);
}

/* ---- connections between two requests ---- */

/* libwebsockets keeps its timeouts in one sorted list and walks along it for every request of every connection. So that it stays short,
 * those who wait for the next request stand in a line of our own: the longest silent first, all for the same time. */
static unsigned idle_limit_ms(const struct net *n)
{
    return n->config.idle_ms * 2;
}

static void close_idle(void *arg)
{
    struct net *n = arg;
    int64_t now = net_now_ms();
    n->idle_timer = NULL;
    while (n->idle && now - n->idle->idle_since_ms >= idle_limit_ms(n)) {
        struct conn *c = n->idle;
        conn_not_idle(c);
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_ASYNC);
    }
    if (n->idle) n->idle_timer = net_timer_start(n, (unsigned)(n->idle->idle_since_ms + idle_limit_ms(n) - now), close_idle, n);
}

void conn_idle(struct conn *c)
{
    struct net *n = c->net;
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0); /* libwebsockets' own for this */
    c->idle_since_ms = net_now_ms();
    c->idle_next = NULL;
    c->idle_back = n->idle ? n->idle_last : &n->idle;
    *c->idle_back = c;
    n->idle_last = &c->idle_next;
    if (!n->idle_timer) n->idle_timer = net_timer_start(n, idle_limit_ms(n), close_idle, n);
}

void conn_not_idle(struct conn *c)
{
    if (!c->idle_back) return;
    *c->idle_back = c->idle_next;
    if (c->idle_next) c->idle_next->idle_back = c->idle_back;
    else c->net->idle_last = c->idle_back;
    c->idle_back = NULL;
}

/* ---- connections ---- */

void net_address_of(int fd, char out[ADDRESS_BYTES])
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    out[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&sa, &len)) return;
    if (getnameinfo((struct sockaddr *)&sa, len, out, ADDRESS_BYTES, NULL, 0, NI_NUMERICHOST)) out[0] = '\0';
    if (strncmp(out, "::ffff:", 7) == 0) memmove(out, out + 7, strlen(out + 7) + 1);
}

/* One port for all: a firewall that lets only it through lets audio and video through too. TLS begins with 22 (RFC 8446 5.1). */
static bool is_stream(int fd)
{
    uint8_t first;
    return recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first == 0;
}

/* libwebsockets closes the descriptor it is refused: the other plane gets one of its own. */
static int hand_over(struct net *n, int fd)
{
    int own = n->config.on_stream ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own >= 0) n->config.on_stream(n->config.on_stream_ctx, own);
    return -1;
}

/* The kernel gives a connection to us only when its first bytes are there, so that they can be looked at; it also keeps those away who
 * connect and say nothing. libwebsockets tells nobody which descriptor its listener is: it is the one that listens on our port. */
static void defer_accept(const struct net *n)
{
    int last = (int)sysconf(_SC_OPEN_MAX) < LISTENER_MAX ? (int)sysconf(_SC_OPEN_MAX) : LISTENER_MAX;
    for (int fd = 0; fd < last; fd++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof sa, int_len = sizeof(int);
        int listens = 0, seconds = DEFER_S;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) || !listens || getsockname(fd, (struct sockaddr *)&sa, &len)) continue;
        if (ntohs(((struct sockaddr_in *)&sa)->sin_port) != n->config.port) continue; /* same place in both families */
        if (setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds)) log_warn("net", "listener: %s", strerror(errno));
    }
}

static int conn_filter(struct net *n, int fd)
{
    char address[ADDRESS_BYTES];
    net_address_of(fd, address);
    if (atomic_load(&n->stopping) || !peer_may_connect(n, address)) {
        metric_add(n->m_refused, 1);
        return -1;
    }
    return is_stream(fd) ? hand_over(n, fd) : 0;
}

static int conn_new(struct net *n, struct lws *wsi)
{
    char address[ADDRESS_BYTES];
    struct conn *c = calloc(1, sizeof *c);
    if (!c) return -1;
    net_address_of(lws_get_socket_fd(wsi), address);
    c->net = n;
    c->wsi = wsi;
    c->peer = peer_enter(n, address);
    lws_set_opaque_user_data(wsi, c);
    return 0;
}

static void conn_free(struct lws *wsi, struct conn *c)
{
    lws_set_opaque_user_data(wsi, NULL);
    if (!c) return;
    ahead_gone(c);
    reply_unready(c);
    conn_not_idle(c);
    request_gone(c);
    socket_gone(c);
    dial_gone(c);
    peer_leave(c->net, c->peer);
    free(c);
}

static int on_http(struct lws *wsi, struct conn *c, enum lws_callback_reasons reason, void *in, size_t len)
{
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP: return request_begin(c, in);
    case LWS_CALLBACK_HTTP_BODY: return request_body(c, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return request_body_end(c);
    case LWS_CALLBACK_HTTP_WRITEABLE: return reply_write(c);
    case LWS_CALLBACK_CLOSED_HTTP: request_gone(c); return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return strcmp(in, "websocket") == 0 ? 0 : -1;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return socket_filter(c->net, wsi);
    case LWS_CALLBACK_ESTABLISHED: return socket_open(c);
    case LWS_CALLBACK_RECEIVE: return socket_receive(c, in, len);
    case LWS_CALLBACK_RECEIVE_PONG: socket_heard(c); return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE: return socket_write(c);
    case LWS_CALLBACK_TIMER: return socket_tick(c);
    case LWS_CALLBACK_CLOSED: socket_gone(c); return 0;
    default: return 0;
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct net *n = lws_context_user(lws_get_context(wsi));
    struct conn *c;
    switch ((int)reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: run_posts(n); return 0;
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION: return conn_filter(n, (int)(intptr_t)in);
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED: return lws_get_opaque_user_data(wsi) ? 0 : conn_new(n, wsi); /* told of those that we dial too */
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
    case LWS_CALLBACK_PROTOCOL_INIT:
    case LWS_CALLBACK_PROTOCOL_DESTROY:
    case LWS_CALLBACK_GET_THREAD_ID: return 0;
    case LWS_CALLBACK_WSI_DESTROY: conn_free(wsi, lws_get_opaque_user_data(wsi)); return 0;
    default:
        c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
        if (c && c->dialled) return dial_event(wsi, c, reason, in, len);
        return c ? on_http(wsi, c, reason, in, len) : 0;
    }
}

const struct lws_protocols net_protocols[] = {{.name = "yilian", .callback = on_event, .rx_buffer_size = 65536}, {0}};

/* ---- opening ---- */

/* libwebsockets only says no; the person who starts the daemon needs to know why. */
int net_port_check(const char *address, uint16_t port_number, const char *option, struct fault *f)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[8];
    int one = 1;
    snprintf(port, sizeof port, "%u", port_number);
    if (getaddrinfo(address, port, &hints, &found))
        return fault_set(f, ERR_INVALID, "listen_address", "%.40s: %.60s is not an address.", option, address);
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int rc = bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 1) ? errno : 0;
    close(fd);
    freeaddrinfo(found);
    if (rc == 0) return 0;
    return fault_set(f, ERR_UNAVAILABLE, "port_taken", "%.40s: %s:%u cannot be opened: %s.", option, address, port_number,
                     rc == EADDRINUSE ? "another program is using it" : strerror(rc));
}

static void register_metrics(struct net *n)
{
    static const char *const classes[6] = {"class=\"other\"", "class=\"1xx\"", "class=\"2xx\"", "class=\"3xx\"", "class=\"4xx\"", "class=\"5xx\""};
    for (int i = 0; i < 6; i++)
        n->m_requests[i] = metric_counter("yilian_http_requests_total", "HTTP answers by status class", classes[i]);
    n->m_latency = metric_histogram("yilian_http_request_seconds", "From the header to the last byte handed over", NULL);
    n->m_connections = metric_gauge("yilian_net_connections", "Open TCP connections", NULL);
    n->m_sockets = metric_gauge("yilian_net_websockets", "Open WebSockets", NULL);
    n->m_refused = metric_counter("yilian_net_refused_total", "Connections and upgrades refused by a limit", NULL);
}

static int open_lws(struct net *n, struct fault *f)
{
    const struct net_config *config = &n->config;
    struct lws_context_creation_info info = {
        .port = config->port,
        .protocols = net_protocols,
        .iface = strcmp(config->address, "0.0.0.0") == 0 || strcmp(config->address, "::") == 0 ? NULL : config->address,
        .vhost_name = "yilian",
        .user = n,
        .gid = -1,
        .uid = -1,
        .alpn = "http/1.1",
        .ssl_cert_filepath = config->certificate,
        .ssl_private_key_filepath = config->key,
        .ssl_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   (strchr(config->address, ':') ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
        .max_http_header_data = 8192,
        .max_http_header_pool = 1024,
        .pt_serv_buf_size = 16384,
        .keepalive_timeout = (int)(config->idle_ms / 1000) * 2,
        .timeout_secs = config->idle_ms / 1000,
        .timeout_secs_ah_idle = config->idle_ms / 1000,
        .ka_time = 60, .ka_probes = 3, .ka_interval = 10,
    };
    n->context = lws_create_context(&info);
    if (!n->context) return fault_set(f, ERR_INTERNAL, "net", "The network library could not be started.");
    n->vhost = lws_create_vhost(n->context, &info);
    if (!n->vhost)
        return fault_set(f, ERR_UNAVAILABLE, "listen", "The listener on %s port %u could not be opened.", config->address, config->port);
    defer_accept(n);
    return 0;
}

static void lws_line(int level, const char *line)
{
    char text[300];
    size_t len = strcspn(line, "\n");
    snprintf(text, sizeof text, "%.*s", (int)(len < 280 ? len : 280), line);
    log_write(level == LLL_ERR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "lws", "%s", text);
}

int net_open(struct net **out, const struct net_config *config, struct fault *f)
{
    struct net *n = calloc(1, sizeof *n);
    *out = NULL;
    if (!n) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    n->config = *config;
    pthread_mutex_init(&n->wake_lock, NULL);
    if (!n->config.origins) n->config.origins = "";
    register_metrics(n);
    lws_set_log_level(LLL_ERR, lws_line);
    int rc = certificate_check(config->certificate, config->key, f);
    rc = rc ? rc : net_port_check(config->address, config->port, "listen.port", f);
    rc = rc ? rc : assets_load(&n->assets, config->web_root ? config->web_root : "", f);
    rc = rc ? rc : mailbox_new(&n->posts, POSTS_MAX, wake, n);
    rc = rc ? rc : open_lws(n, f);
    if (rc) {
        net_shut(n);
        net_free(n);
        return rc;
    }
    n->sweeper = net_timer_start(n, SWEEP_MS, sweep, n);
    *out = n;
    return 0;
}

int net_route_add(struct net *n, const struct net_route *route)
{
    for (size_t i = 0; i < n->n_routes; i++)
        if (strcmp(n->routes[i].prefix, route->prefix) == 0) return ERR_CONFLICT;
    if (n->n_routes == ROUTES_MAX || !*route->prefix) return ERR_UNAVAILABLE;
    n->routes[n->n_routes] = *route;
    n->routes[n->n_routes].prefix = strdup(route->prefix);
    if (!n->routes[n->n_routes].prefix) abort();
    n->n_routes++;
    return 0;
}

int net_ws_serve(struct net *n, const char *path, const struct net_ws_events *events)
{
    if (n->n_ws == WS_PLACES_MAX) return ERR_CONFLICT;
    n->ws[n->n_ws++] = (struct ws_place){path, *events};
    return 0;
}

int net_certificate_anew(struct net *n)
{
    return lws_tls_cert_updated(n->context, n->config.certificate, n->config.key, NULL, 0, NULL, 0) ? ERR_INTERNAL : 0;
}

void net_run(struct net *n)
{
    while (!atomic_load(&n->stopping) && lws_service(n->context, 0) >= 0)
        end_round(n);
    end_round(n);
}

void net_stop(struct net *n)
{
    atomic_store(&n->stopping, true);
    wake(n);
}

void net_shut(struct net *n)
{
    if (n->shut) return;
    atomic_store(&n->stopping, true);
    for (struct net_timer *t = n->timers; t; t = t->next)
        lws_sul_schedule(n->context, 0, &t->sul, NULL, LWS_SET_TIMER_USEC_CANCEL);
    pthread_mutex_lock(&n->wake_lock);
    n->shut = true;
    pthread_mutex_unlock(&n->wake_lock);
    if (n->context) lws_context_destroy(n->context);
    n->context = NULL;
}

void net_free(struct net *n)
{
    if (!n) return;
    if (n->posts) run_posts(n);
    mailbox_free(n->posts, free);
    requests_spare_free(n);
    while (n->timers)
        net_timer_cancel(n->timers);
    for (size_t i = 0; i < n->n_routes; i++)
        free((char *)n->routes[i].prefix);
    dialers_free(n);
    assets_free(&n->assets);
    peers_free(n);
    pthread_mutex_destroy(&n->wake_lock);
    free(n);
}
