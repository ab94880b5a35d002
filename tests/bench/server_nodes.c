/* What an edge node costs: processor time of the origin and of the edge for a join, of both while a lecture of about 1.5 Mbit/s is watched at the edge over
 * WSS, memory of a viewer there. The figures go into server_nodes_plan.c and docs/decisions/0030.
 *
 * bench_server_nodes [VIEWERS=200] [SECONDS=8]. Processor time is the daemons' own (/proc), so the clients' on the same cores do not count. */
#include "tests/lib/site.h"
#include "tests/lib/lecturer.h"
#include <sys/resource.h>

#define SECRET "0123456789abcdef0123456789abcdef"

static uint16_t edge_port;
static pid_t edge;

static void edge_begin(void)
{
    char path[200];
    struct web w;
    edge_port = site_free_port(SOCK_STREAM);
    snprintf(path, sizeof path, "%s/edge.conf", site.dir);
    FILE *f = fopen(path, "w");
    fprintf(f, "listen.address = 127.0.0.1\nlisten.port = %u\ntls.certificate = certificate.pem\ntls.key = key.pem\ndata.dir = none\nweb.root = none\nlisten.connections = 20000\n"
               "listen.connections_per_address = 20000\nnode.role = edge\nnode.secret = " SECRET "\nnode.peer = https://localhost:%u\n"
               "node.peer_certificate = certificate.pem\nnode.address = https://127.0.0.1:%u\nnode.viewers = 10000\n"
               "media.address = 127.0.0.1\nmedia.port = %u\n", edge_port, site.port, edge_port, site_free_port(SOCK_DGRAM));
    fclose(f);
    edge = fork();
    if (edge == 0) {
        execl(YL_BUILD_DIR "/yiliand", "yiliand", "--config", path, (char *)NULL);
        _exit(127);
    }
    for (int status = 0; status != 200; usleep(50000)) {
        status = web_once(&w, edge_port, "GET", "/readyz", "", NULL);
        web_close(&w);
    }
}

static bool come(const char *token, char pass[120])
{
    struct web w;
    char first[120];
    const uint8_t *b;
    size_t len;
    pass[0] = 0;
    snprintf(first, sizeof first, "{\"token\":\"%s\"}", token);
    if (web_socket_at(&w, site.port, "/live/talk/ws", "") == 101 && !web_say(&w, first) && web_message(&w, 5000, &b, &len) == 1) {
        json_t *m = json_loadb((const char *)b, len, 0, NULL);
        const char *is = json_string_value(json_object_get(m, "pass"));
        if (is) snprintf(pass, 120, "%s", is);
        json_decref(m);
    }
    web_close(&w);
    return *pass;
}

static void watch(struct web *w, int n, int ms, uint64_t *bytes)
{
    const uint8_t *b;
    size_t len;
    struct pollfd fds[1000];
    for (int i = 0; i < n; i++)
        fds[i] = (struct pollfd){w[i].net.fd, POLLIN, 0};
    for (int64_t until = web_now_ms() + ms; web_now_ms() < until;) {
        poll(fds, (nfds_t)n, 20);
        for (int i = 0; i < n; i++)
            while ((fds[i].revents & POLLIN || w[i].len) && web_message(&w[i], 1, &b, &len))
                *bytes += len;
    }
}

int main(int argc, char **argv)
{
    static struct web viewers[1000];
    struct rlimit files = {20000, 20000};
    struct dtls_identity *identity;
    struct lecturer lecturer = {0};
    struct web last;
    char token[80], headers[300], pass[120], first[200];
    int n = argc > 1 ? atoi(argv[1]) : 200, seconds = argc > 2 ? atoi(argv[2]) : 8;
    if (n < 1 || n > 1000 || setrlimit(RLIMIT_NOFILE, &files)) return 2;
    site_start("listen.connections = 20000\nlisten.connections_per_address = 20000\nnode.secret = " SECRET "\n");
    edge_begin();
    snprintf(token, sizeof token, "%s", site_ctl("token --room talk --publish --watch --minutes 60"));
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/sdp\r\n", token);
    if (dtls_identity_new(&identity, DTLS_ENGINE_MBEDTLS)) return 1;
    if (web_once(&last, site.port, "POST", "/whip/talk", headers, lecturer_offer(identity)) != 201) return 1;
    if (!lecturer_begin(&lecturer, identity, last.body, 7000)) return 1;
    web_close(&last);
    usleep(1500000);

    double origin = process_cpu_s(site.daemon);
    usleep(5000000);
    double idle = (process_cpu_s(site.daemon) - origin) / 5; /* the lecture itself, watched by nobody */
    origin = process_cpu_s(site.daemon);
    int64_t began = web_now_ms();
    for (int i = 0; i < n; i++)
        if (!come(token, pass)) return 1;
    double took = (double)(web_now_ms() - began) / 1000;
    printf("join at the origin (TLS, token, audit, placement): %.2f ms of processor\n", (process_cpu_s(site.daemon) - origin - idle * took) * 1000 / n);

    double at_edge = process_cpu_s(edge);
    long rss = process_rss_kb(edge);
    snprintf(first, sizeof first, "{\"pass\":\"%s\",\"stay\":true}", pass);
    for (int i = 0; i < n; i++)
        if (web_socket_at(&viewers[i], edge_port, "/live/talk/ws", "") != 101 || web_say(&viewers[i], first)) return 1;
    printf("join at the edge (TLS, pass, first pieces): %.2f ms of processor\n", (process_cpu_s(edge) - at_edge) * 1000 / n);
    uint64_t bytes = 0;
    watch(viewers, n, 2000, &bytes);
    bytes = 0;
    at_edge = process_cpu_s(edge);
    origin = process_cpu_s(site.daemon);
    began = web_now_ms();
    watch(viewers, n, seconds * 1000, &bytes);
    took = (double)(web_now_ms() - began) / 1000;
    double mbit = (double)bytes * 8 / took / 1e6;
    at_edge = (process_cpu_s(edge) - at_edge) / took;
    printf("%d viewers, %.2f Mbit/s each: edge %.1f %% of a core = %.0f viewers of 1.5 Mbit/s a core, %ld KiB each; the origin %.1f %% of a core, %.1f %% when nobody watched\n", n,
           mbit / n, at_edge * 100, mbit / 1.5 / at_edge, (process_rss_kb(edge) - rss) / n, (process_cpu_s(site.daemon) - origin) / took * 100, idle * 100);
    for (int i = 0; i < n; i++)
        web_close(&viewers[i]);
    kill(edge, SIGTERM);
    waitpid(edge, NULL, 0);
    lecturer_end(&lecturer);
    return site_stop(NULL);
}
