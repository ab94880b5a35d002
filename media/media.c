#include "media/media.h"
#include "media/worker/figures.h"
#include "media/worker/worker.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define COMMANDS_MAX 8192

struct media {
    struct worker worker; /* one: all peers share one UDP port, and one core forwards what a hospital's rooms need */
    int stop;
    char fingerprint[112];
    size_t n_candidates;
    struct media_candidate candidates[MEDIA_CANDIDATES_MAX];
    bool started;
};

/* ---- the socket ---- */
static int bind_socket(struct media *m, const struct media_config *c, struct fault *f)
{
    struct sockaddr_storage sa = {0};
    socklen_t len;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&sa;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&sa;
    if (inet_pton(AF_INET, c->bind_address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(c->udp_port);
        len = sizeof *v4;
    } else if (inet_pton(AF_INET6, c->bind_address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(c->udp_port);
        len = sizeof *v6;
    } else {
        fault_field(f, "media.bind_address", "not_an_address");
        return fault_set(f, ERR_INVALID, "bind_address", "media: '%s' is no IP address", c->bind_address);
    }
    struct worker *w = &m->worker;
    int zero = 0, size = 4 << 20;
    w->family = sa.ss_family;
    w->socket = socket(w->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (w->socket >= 0 && w->family == AF_INET6) setsockopt(w->socket, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (w->socket < 0 || bind(w->socket, (struct sockaddr *)&sa, len))
        return fault_set(f, ERR_UNAVAILABLE, "udp_port", "media: UDP %s port %u: %s", c->bind_address, c->udp_port, strerror(errno));
    setsockopt(w->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(w->socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return 0;
}

/* ---- candidates ---- */
static void add_candidate(struct media *m, const char *address, uint16_t port)
{
    for (size_t i = 0; i < m->n_candidates; i++)
        if (strcmp(m->candidates[i].address, address) == 0) return;
    if (m->n_candidates == MEDIA_CANDIDATES_MAX) return;
    struct media_candidate *c = &m->candidates[m->n_candidates];
    snprintf(c->address, sizeof c->address, "%s", address);
    c->port = port;
    /* RFC 8445 5.1.2.1: type preference 126 (host), local preference falling, component 1. */
    c->priority = 126u << 24 | (uint32_t)(65535 - m->n_candidates) << 8 | 255;
    m->n_candidates++;
}

static void add_interfaces(struct media *m, uint16_t port, bool loopback)
{
    struct ifaddrs *list, *i;
    char text[INET6_ADDRSTRLEN];
    if (getifaddrs(&list)) return;
    for (i = list; i; i = i->ifa_next) {
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !(i->ifa_flags & IFF_LOOPBACK) != !loopback) continue;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)i->ifa_addr;
        if (i->ifa_addr->sa_family == AF_INET)
            inet_ntop(AF_INET, &((const struct sockaddr_in *)i->ifa_addr)->sin_addr, text, sizeof text);
        else if (i->ifa_addr->sa_family == AF_INET6 && m->worker.family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
            inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        else
            continue;
        add_candidate(m, text, port);
    }
    freeifaddrs(list);
}

static int gather(struct media *m, const struct media_config *c, struct fault *f)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    getsockname(m->worker.socket, (struct sockaddr *)&sa, &len);
    uint16_t port = ntohs(((struct sockaddr_in *)&sa)->sin_port); /* same offset in both families */
    char list[512];
    snprintf(list, sizeof list, "%s", c->announce ? c->announce : "");
    char *save = NULL;
    for (char *a = strtok_r(list, ", ", &save); a; a = strtok_r(NULL, ", ", &save)) {
        uint8_t bin[16];
        if (inet_pton(AF_INET, a, bin) != 1 && inet_pton(AF_INET6, a, bin) != 1) {
            fault_field(f, "media.announce", "not_an_address");
            return fault_set(f, ERR_INVALID, "announce", "media: '%s' is no IP address", a);
        }
        add_candidate(m, a, port);
    }
    bool any = strcmp(c->bind_address, "0.0.0.0") == 0 || strcmp(c->bind_address, "::") == 0;
    if (!m->n_candidates && !any) add_candidate(m, c->bind_address, port);
    if (!m->n_candidates) add_interfaces(m, port, false);
    if (!m->n_candidates) add_interfaces(m, port, true);
    return m->n_candidates ? 0 : fault_set(f, ERR_UNAVAILABLE, "no_address", "media: this machine has no address to announce");
}

/* ---- open, close, post ---- */
static void wake(void *ctx)
{
    struct worker *w = ctx;
    uint64_t one = 1;
    if (write(w->wake, &one, sizeof one) < 0 && errno != EAGAIN) log_error("media", "wake: %s", strerror(errno));
}

static void drop_command(void *message)
{
    free(message);
}

int media_open(struct media **out, const struct media_config *config, struct fault *f)
{
    figures_init();
    struct media *m = calloc(1, sizeof *m);
    if (!m) return fault_set(f, ERR_INTERNAL, "memory", "media: out of memory");
    struct worker *w = &m->worker;
    w->config = *config;
    w->config.bind_address = w->config.announce = w->config.record_dir = NULL; /* borrowed only for this call */
    w->stop = &m->stop;
    w->socket = w->epoll = -1;
    w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    enum dtls_engine engine = config->dtls == MEDIA_DTLS_MBEDTLS ? DTLS_ENGINE_MBEDTLS : DTLS_ENGINE_OPENSSL;
    int err = bind_socket(m, config, f);
    if (!err) err = gather(m, config, f);
    if (!err && (w->wake < 0 || mailbox_new(&w->mailbox, COMMANDS_MAX, wake, w) || dtls_identity_new(&w->identity, engine)))
        err = fault_set(f, ERR_INTERNAL, "start", "media: could not start");
    if (!err && config->record_dir && config->record_dir[0])
        err = recorder_open(&w->recorder, config->record_dir, config->on_event, config->on_event_ctx, f);
    if (!err) {
        snprintf(m->fingerprint, sizeof m->fingerprint, "sha-256 %s", dtls_identity_fingerprint(w->identity));
        err = worker_start(w) ? fault_set(f, ERR_INTERNAL, "thread", "media: could not start the worker") : 0;
        m->started = !err;
    }
    if (err) {
        media_close(m);
        return err;
    }
    *out = m;
    return 0;
}

void media_close(struct media *m)
{
    if (!m) return;
    struct worker *w = &m->worker;
    if (w->mailbox) mailbox_close(w->mailbox);
    if (m->started) worker_join(w);
    recorder_close(w->recorder); /* after the worker: it fed the recorder */
    if (w->mailbox) mailbox_free(w->mailbox, drop_command);
    dtls_identity_free(w->identity);
    if (w->socket >= 0) close(w->socket);
    if (w->epoll >= 0) close(w->epoll);
    if (w->wake >= 0) close(w->wake);
    ingress_close(&w->ingress);
    egress_close(&w->egress);
    free(m);
}

const char *media_fingerprint(const struct media *m)
{
    return m->fingerprint;
}

size_t media_candidates(const struct media *m, struct media_candidate out[MEDIA_CANDIDATES_MAX])
{
    memcpy(out, m->candidates, m->n_candidates * sizeof *out);
    return m->n_candidates;
}

static void random_text(char *out, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[32];
    crypto_random(bytes, n);
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet[bytes[i] & 63];
    out[n] = 0;
}

void media_ice_credentials(char ufrag[16], char password[32])
{
    static uint32_t counter; /* three characters of it make the ufrag unique in this process for 262144 peers in a row */
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t n = __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
    random_text(ufrag, 8);
    for (int i = 0; i < 3; i++, n >>= 6)
        ufrag[5 + i] = alphabet[n & 63];
    random_text(password, 24);
}

int media_post(struct media *m, const struct media_cmd *cmd)
{
    struct media_cmd *copy = malloc(sizeof *copy);
    if (!copy) return ERR_UNAVAILABLE;
    *copy = *cmd;
    int err = mailbox_put(m->worker.mailbox, copy);
    if (err) free(copy);
    return err;
}
