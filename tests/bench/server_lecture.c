/* How many viewers one core of the daemon serves over WSS: N viewers of one lecture of about 1.5 Mbit/s, each with TLS of its own, for some
 * seconds; CPU seconds of the daemon, late pieces, skips.
 *
 * bench_server_lecture [VIEWERS=500] [SECONDS=10]. The viewers are one epoll loop over OpenSSL, which takes about as much CPU as the server:
 * on two cores the generator can be the limit, and then the figure of CPU per viewer is the one that counts. */
#include "tests/lib/site.h"
#include "tests/lib/lecturer.h"
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <fcntl.h>

struct viewer {
    int fd;
    SSL *ssl;
    uint64_t bytes, pieces;
    uint8_t head[14];
    size_t head_len, left; /* of the frame that is being read */
    int opcode;
    bool over;
    int64_t first_ms, last_ms, longest_ms;
};
static struct viewer *viewers;
static size_t n_viewers;

static int64_t ms_now(void)
{
    return clock_monotonic_us() / 1000;
}

static bool write_all(SSL *ssl, const void *data, size_t len)
{
    return SSL_write(ssl, data, (int)len) == (int)len;
}

static bool join(struct viewer *v, SSL_CTX *ctx, const char *token)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(site.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[600], frame[200];
    v->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(v->fd, (struct sockaddr *)&to, sizeof to)) return false;
    v->ssl = SSL_new(ctx);
    SSL_set_fd(v->ssl, v->fd);
    if (SSL_connect(v->ssl) != 1) return false;
    int n = snprintf(text, sizeof text, "GET /live/talk/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    if (!write_all(v->ssl, text, (size_t)n)) return false;
    for (size_t at = 0; at < 4 || memcmp(text + at - 4, "\r\n\r\n", 4);) {
        if (at == sizeof text || SSL_read(v->ssl, text + at, 1) != 1) return false;
        at++;
    }
    n = snprintf(text, sizeof text, "{\"token\":\"%s\"}", token);
    memcpy(frame, (uint8_t[]){0x81, (uint8_t)(0x80 | n), 0, 0, 0, 0}, 6);
    memcpy(frame + 6, text, (size_t)n);
    return write_all(v->ssl, frame, (size_t)n + 6);
}

/* Only lengths are read: what is in the frames is the tests' affair. */
static void take(struct viewer *v, const uint8_t *p, size_t n)
{
    v->bytes += n;
    while (n) {
        if (v->left) {
            size_t k = n < v->left ? n : v->left;
            v->left -= k;
            p += k;
            n -= k;
            if (!v->left && v->opcode == 9) write_all(v->ssl, (const uint8_t[]){0x8a, 0x81, 0, 0, 0, 0, 'p'}, 7); /* what our pings carry */
            if (!v->left && v->opcode == 2) {
                int64_t now = ms_now();
                v->pieces++;
                if (v->first_ms && now - v->last_ms > v->longest_ms && now - v->first_ms > 3000) v->longest_ms = now - v->last_ms;
                if (!v->first_ms) v->first_ms = now;
                v->last_ms = now;
            }
            continue;
        }
        v->head[v->head_len++] = *p++;
        n--;
        size_t want = v->head_len < 2 ? 2 : (v->head[1] & 127) == 126 ? 4 : (v->head[1] & 127) == 127 ? 10 : 2;
        if (v->head_len < want) continue;
        v->opcode = v->head[0] & 15;
        v->left = v->head[1] & 127;
        if (want > 2) v->left = 0;
        for (size_t i = 2; i < want; i++)
            v->left = v->left << 8 | v->head[i];
        v->head_len = 0;
    }
}

static void serve(int ep, int ms)
{
    static uint8_t buffer[65536];
    struct epoll_event events[256];
    int n = epoll_wait(ep, events, 256, ms);
    for (int i = 0; i < n; i++) {
        struct viewer *v = events[i].data.ptr;
        int got = 0;
        while (!v->over && (got = SSL_read(v->ssl, buffer, sizeof buffer)) > 0)
            take(v, buffer, (size_t)got);
        if (SSL_get_error(v->ssl, got) != SSL_ERROR_WANT_READ && !v->over) {
            v->over = true;
            epoll_ctl(ep, EPOLL_CTL_DEL, v->fd, NULL);
        }
    }
}

static int compare(const void *a, const void *b)
{
    const struct viewer *x = *(struct viewer *const *)a, *y = *(struct viewer *const *)b;
    return x->longest_ms < y->longest_ms ? -1 : x->longest_ms > y->longest_ms;
}

int main(int argc, char **argv)
{
    struct rlimit files = {60000, 60000};
    struct dtls_identity *identity;
    struct lecturer lecturer = {0};
    struct web last;
    char token[80], headers[300];
    n_viewers = argc > 1 ? (size_t)atoi(argv[1]) : 500;
    int seconds = argc > 2 ? atoi(argv[2]) : 10;
    if (setrlimit(RLIMIT_NOFILE, &files)) getrlimit(RLIMIT_NOFILE, &files);
    site_start("listen.connections = 20000\nlisten.connections_per_address = 20000\n");
    snprintf(token, sizeof token, "%s", site_ctl("token --room talk --publish --watch --minutes 60"));
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/sdp\r\n", token);
    if (dtls_identity_new(&identity, DTLS_ENGINE_MBEDTLS)) return 1;
    if (web_once(&last, site.port, "POST", "/whip/talk", headers, lecturer_offer(identity)) != 201) return 1;
    if (!lecturer_begin(&lecturer, identity, last.body, 7000)) return 1; /* 25 a second, keyframes of three times as much: 1.5 Mbit/s */
    web_close(&last);
    usleep(1500000);

    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    viewers = calloc(n_viewers, sizeof *viewers);
    int ep = epoll_create1(EPOLL_CLOEXEC);
    int64_t began = ms_now();
    long rss = site_rss_kb();
    for (size_t i = 0; i < n_viewers; i++) {
        if (!join(&viewers[i], ctx, token)) {
            fprintf(stderr, "viewer %zu could not join\n", i);
            return 1;
        }
        fcntl(viewers[i].fd, F_SETFL, O_NONBLOCK);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &viewers[i]};
        epoll_ctl(ep, EPOLL_CTL_ADD, viewers[i].fd, &e);
        serve(ep, 0);
    }
    printf("%zu viewers joined in %lld ms\n", n_viewers, (long long)(ms_now() - began));
    for (began = ms_now(); ms_now() - began < 3000;)
        serve(ep, 50);
    uint64_t bytes = 0, pieces = 0;
    for (size_t i = 0; i < n_viewers; i++) {
        bytes -= viewers[i].bytes;
        pieces -= viewers[i].pieces;
    }
    double server = process_cpu_s(site.daemon), own = (double)clock() / CLOCKS_PER_SEC;
    for (began = ms_now(); ms_now() - began < seconds * 1000;)
        serve(ep, 50);
    double wall = (double)(ms_now() - began) / 1000;
    server = process_cpu_s(site.daemon) - server;
    own = (double)clock() / CLOCKS_PER_SEC - own;
    size_t over = 0;
    struct viewer **sorted = calloc(n_viewers, sizeof *sorted);
    for (size_t i = 0; i < n_viewers; i++) {
        bytes += viewers[i].bytes;
        pieces += viewers[i].pieces;
        over += viewers[i].over;
        sorted[i] = &viewers[i];
    }
    qsort(sorted, n_viewers, sizeof *sorted, compare);
    printf("%.2f Mbit/s each, %.1f pieces/s each, %zu lost; server %.0f %% of a core, generator %.0f %%; %.0f viewers of 1.5 Mbit/s per core; "
           "longest wait for a piece p50 %lld p95 %lld ms; %ld KiB a viewer\n",
           (double)bytes * 8 / wall / 1e6 / (double)n_viewers, (double)pieces / wall / (double)n_viewers, over, server * 100 / wall, own * 100 / wall,
           (double)bytes * 8 / 1.5e6 / server, (long long)sorted[n_viewers / 2]->longest_ms, (long long)sorted[n_viewers * 95 / 100]->longest_ms,
           (site_rss_kb() - rss) / (long)n_viewers);
    lecturer_end(&lecturer);
    return site_stop(NULL);
}
