/* edges - an origin with edge nodes on this machine, all real daemons: their configurations, lives and figures. For tests of several nodes. */
#ifndef YL_TESTS_LIB_EDGES_H
#define YL_TESTS_LIB_EDGES_H

#include "tests/lib/fair_clock.h"
#include "tests/lib/site.h"
#include <sys/prctl.h>

#define SECRET "0123456789abcdef0123456789abcdef"

static struct web last;

static struct edge_node {
    uint16_t port;
    pid_t pid;
    char address[60];
} edges[2];

static inline int ask(uint16_t port, const char *path)
{
    web_close(&last);
    return web_once(&last, port, "GET", path, "", NULL);
}

static const char *edge_serves[2]; /* node.serves of those that edge_start begins; NULL: nobody */

static inline void edge_config(const char *name, uint16_t port, const char *secret, const char *authority, unsigned viewers)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s.conf", site.dir, name);
    FILE *f = fopen(path, "w");
    fprintf(f, "listen.address = 127.0.0.1\nlisten.port = %u\ntls.certificate = certificate.pem\ntls.key = key.pem\ndata.dir = none\nweb.root = none\n"
               "listen.connections_per_address = 1000\nnode.role = edge\nnode.secret = %s\nnode.peer = https://localhost:%u\n"
               "node.peer_certificate = %s\nnode.address = https://127.0.0.1:%u\nnode.viewers = %u\n"
               "media.address = 127.0.0.1\nmedia.port = %u\nmedia.workers = 2\nmedia.tcp = false\n",
            port, secret, site.port, authority, port, viewers, site_free_port(SOCK_DGRAM));
    for (int i = 0; i < 2; i++)
        if (edge_serves[i] && edges[i].port == port) fprintf(f, "node.serves = %s\n", edge_serves[i]);
    fclose(f);
}

static inline pid_t edge_run(const char *name)
{
    char path[200], log[200];
    snprintf(path, sizeof path, "%s/%s.conf", site.dir, name);
    snprintf(log, sizeof log, "%s/%s.log", site.dir, name);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it ends with the test, however that ends, and holds none of its outputs open */
        if (!freopen(log, "w", stderr) || dup2(2, 1) < 0) _exit(126);
        execl(YL_BUILD_DIR "/yiliand", "yiliand", "--config", path, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Until /readyz says that. */
static inline void until_ready(uint16_t port, const char *word)
{
    for (int64_t until = web_now_ms() + PATIENCE_MS; web_now_ms() < until; usleep(50000))
        if (ask(port, "/readyz") > 0 && strcmp(last.body, word) == 0) return;
    fail_msg("/readyz of port %u is not %s", port, word);
}

static inline bool log_has(const char *name, const char *words)
{
    char path[200], text[20000];
    snprintf(path, sizeof path, "%s/%s.log", site.dir, name);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    if (f) fclose(f);
    return strstr(text, words) != NULL;
}

static inline void edge_start(int i)
{
    char name[8];
    snprintf(name, sizeof name, "edge%d", i);
    if (!edges[i].port) edges[i].port = site_free_port(SOCK_STREAM);
    snprintf(edges[i].address, sizeof edges[i].address, "https://127.0.0.1:%u", edges[i].port);
    edge_config(name, edges[i].port, SECRET, "certificate.pem", 200);
    edges[i].pid = edge_run(name);
    until_ready(edges[i].port, "ready\n");
}

static inline void edge_stop(pid_t pid)
{
    int status;
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static inline int64_t figure(uint16_t port, const char *name)
{
    assert_int_equal(ask(port, "/metrics"), 200);
    char line[100];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(last.body, line);
    return at ? strtoll(at + strlen(line), NULL, 10) : -1;
}

/* A figure that grows, and when: a busy daemon answers late, the middle of the asking is nearest. */
struct figure_at {
    int64_t value, ms;
};

static inline struct figure_at figure_at(uint16_t port, const char *name)
{
    int64_t asked = web_now_ms(), value = figure(port, name);
    return (struct figure_at){value, (asked + web_now_ms()) / 2};
}

/* By how much a second it has grown since. */
static inline int64_t figure_rate(uint16_t port, const char *name, struct figure_at since)
{
    struct figure_at now = figure_at(port, name);
    return (now.value - since.value) * 1000 / (now.ms - since.ms);
}

static inline void until_figure(uint16_t port, const char *name, int64_t value)
{
    int64_t until = web_now_ms() + PATIENCE_MS, is = -1;
    while (web_now_ms() < until && (is = figure(port, name)) != value)
        usleep(50000);
    if (is != value) fail_msg("%s is %lld", name, (long long)is);
}
#endif
