#include "media/media.h"
#include "media/pipe/intake.h"
#include "media/worker/figures.h"
#include "media/worker/placement.h"
#include "media/worker/streams.h"
#include "media/worker/worker.h"
#include "server/base/clock.h"
#include "server/base/crypto.h"
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
    struct crew crew;
    struct placement placement;
    int stop;
    struct handshake *handshake;
    struct recorder *recorder;
    struct streams *streams;
    struct caster *caster;
    struct intake *intake; /* NULL: no child program here */
    char fingerprint[112];
    size_t n_candidates;
    struct media_candidate candidates[MEDIA_CANDIDATES_MAX];
};

/* ---- sockets ---- */
struct endpoint {
    struct sockaddr_storage address;
    socklen_t len;
};

static int parse_endpoint(struct endpoint *e, const struct media_config *c, struct fault *f)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&e->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->address;
    memset(e, 0, sizeof *e);
    if (inet_pton(AF_INET, c->bind_address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(c->udp_port);
        e->len = sizeof *v4;
    } else if (inet_pton(AF_INET6, c->bind_address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(c->udp_port);
        e->len = sizeof *v6;
    } else {
        fault_field(f, "media.bind_address", "not_an_address");
        return fault_set(f, ERR_INVALID, "bind_address", "media: '%s' is no IP address", c->bind_address);
    }
    return 0;
}

static int bind_one(struct endpoint *e, bool shared) /* the descriptor, or -1; a port of 0 becomes the one that was given */
{
    int zero = 0, one = 1, size = 4 << 20, family = e->address.ss_family;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&e->address, e->len)) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    e->len = sizeof e->address;
    getsockname(fd, (struct sockaddr *)&e->address, &e->len);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return fd;
}

/* One socket per worker on one port. The port is first taken alone, because a shared one could be another server's. */
static int bind_sockets(struct media *m, const struct media_config *c, struct fault *f)
{
    struct endpoint e;
    int err = parse_endpoint(&e, c, f);
    if (err) return err;
    int fd = bind_one(&e, false);
    bool shared = m->crew.n > 1;
    if (shared && fd >= 0) close(fd);
    for (unsigned i = 0; i < m->crew.n && fd >= 0; i++) {
        if (shared) fd = bind_one(&e, true);
        m->crew.workers[i].socket = fd;
        m->crew.workers[i].family = e.address.ss_family;
    }
    if (fd >= 0) return 0;
    return fault_set(f, ERR_UNAVAILABLE, "udp_port", "media: UDP %s port %u: %s", c->bind_address, c->udp_port, strerror(errno));
}

/* ---- candidates ---- */
static void add_candidate(struct media *m, const char *address, uint16_t port)
{
    for (size_t i = 0; i < m->n_candidates; i++)
        if (strcmp(m->candidates[i].address, address) == 0) return;
    if (m->n_candidates == MEDIA_CANDIDATES_MAX / 2) return; /* the other half is for TCP */
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
        else if (i->ifa_addr->sa_family == AF_INET6 && m->crew.workers[0].family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
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
    getsockname(m->crew.workers[0].socket, (struct sockaddr *)&sa, &len);
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

/* The same addresses over TCP, behind all of UDP: RFC 6544 4.2 (passive has direction preference 4). */
static void add_streams(struct media *m, uint16_t port)
{
    size_t n = m->n_candidates;
    for (size_t i = 0; i < n && m->n_candidates < MEDIA_CANDIDATES_MAX; i++) {
        struct media_candidate *c = &m->candidates[m->n_candidates++];
        *c = m->candidates[i];
        c->tcp = true;
        c->port = port;
        c->priority = 90u << 24 | (4u << 13 | (8191u - (uint32_t)i)) << 8 | 255;
    }
}

/* Where this machine itself reaches the workers. */
static int open_streams(struct media *m)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&sa;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&sa;
    if (getsockname(m->crew.workers[0].socket, (struct sockaddr *)&sa, &len)) return ERR_INTERNAL;
    if (sa.ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY)) v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (sa.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) v6->sin6_addr = in6addr_loopback;
    return streams_open(&m->streams, &sa);
}

void media_take_stream(struct media *m, int fd)
{
    if (m->streams) streams_take(m->streams, fd);
    else close(fd);
}

/* ---- open, close, post ---- */
static void wake(void *ctx)
{
    worker_wake(ctx);
}

static int make_crew(struct media *m, const struct media_config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = config->workers ? config->workers : cores > 0 ? (unsigned)cores : 1;
    m->crew.workers = calloc(n < WORKERS_MAX ? n : WORKERS_MAX, sizeof *m->crew.workers);
    if (!m->crew.workers) return ERR_INTERNAL;
    m->crew.n = n < WORKERS_MAX ? n : WORKERS_MAX;
    placement_init(&m->placement, m->crew.n);
    for (unsigned i = 0; i < m->crew.n; i++) {
        struct worker *w = &m->crew.workers[i];
        w->config = *config;
        w->config.bind_address = w->config.announce = w->config.record_dir = NULL; /* borrowed only for this call */
        w->index = i;
        w->crew = &m->crew;
        w->stop = &m->stop;
        w->socket = w->epoll = w->wake = -1;
    }
    for (struct worker *w = m->crew.workers; w < m->crew.workers + m->crew.n; w++) {
        w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (w->wake < 0 || mailbox_new(&w->mailbox, COMMANDS_MAX, wake, w)) return ERR_INTERNAL;
    }
    return 0;
}

static int start(struct media *m)
{
    snprintf(m->fingerprint, sizeof m->fingerprint, "sha-256 %s", handshake_fingerprint(m->handshake));
    for (unsigned i = 0; i < m->crew.n; i++) {
        m->crew.workers[i].handshake = m->handshake;
        m->crew.workers[i].recorder = m->recorder ? recorder_inlet(m->recorder, i) : NULL;
        m->crew.workers[i].caster = caster_inlet(m->caster, i);
    }
    int err = 0;
    for (unsigned i = 0; i < m->crew.n && !err; i++)
        err = worker_start(&m->crew.workers[i]);
    return err;
}

/* ---- devices ---- */
static void take_packets(void *ctx, struct room_id room, struct peer_id peer, struct share *packets)
{
    struct media_cmd c = {.type = MEDIA_PEER_INPUT, .room = room, .input = {peer, packets}};
    if (media_post(ctx, &c)) share_unref(packets); /* the worker is busy: lost, as on a network */
}

static int open_intake(struct media *m, const struct media_config *config)
{
    struct intake_config c = {.program = config->pipe_program, .on_packets = take_packets, .packets_ctx = m, .on_event = config->on_event, .event_ctx = config->on_event_ctx};
    return intake_open(&m->intake, &c);
}

static int open_track(struct media *m, const struct media_intake_params *p, enum media_kind kind)
{
    bool picture = kind == MEDIA_VIDEO;
    struct media_cmd c = {.type = MEDIA_TRACK_OPEN, .room = p->room};
    c.track_open = (struct media_track_params){.peer = p->peer, .track = picture ? p->picture : p->voice, .kind = kind, .n_payloads = 1}; /* a child that begins anew has another SSRC: learnt by its payload type */
    c.track_open.payloads[0] = picture ? (struct media_payload){MEDIA_H264, 96, 0, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}
                                       : (struct media_payload){MEDIA_OPUS, 111, 0, ""};
    snprintf(c.track_open.mid, sizeof c.track_open.mid, picture ? "1" : "0");
    return media_post(m, &c);
}

int media_intake_start(struct media *m, const struct media_intake_params *p)
{
    struct media_cmd c = {.type = MEDIA_PEER_OPEN, .room = p->room, .peer_open = {.peer = p->peer, .room = p->room, .inside = true}};
    if (!m->intake || media_post(m, &c)) return ERR_UNAVAILABLE;
    int rc = open_track(m, p, MEDIA_VIDEO);
    if (!rc) rc = open_track(m, p, MEDIA_AUDIO);
    if (!rc) rc = intake_start(m->intake, p);
    if (rc) media_intake_stop(m, p->room, p->peer);
    return rc;
}

void media_intake_stop(struct media *m, struct room_id room, struct peer_id peer)
{
    struct media_cmd c = {.type = MEDIA_PEER_CLOSE, .room = room, .peer = peer};
    if (m->intake) intake_stop(m->intake, peer);
    if (media_post(m, &c)) { /* its queue is full: it goes with the room */ }
}

int media_open(struct media **out, const struct media_config *config, struct fault *f)
{
    figures_init();
    struct media *m = calloc(1, sizeof *m);
    if (!m) return fault_set(f, ERR_INTERNAL, "memory", "media: out of memory");
    enum dtls_engine engine = config->dtls == MEDIA_DTLS_MBEDTLS ? DTLS_ENGINE_MBEDTLS : DTLS_ENGINE_OPENSSL;
    int err = make_crew(m, config) ? fault_set(f, ERR_INTERNAL, "start", "media: could not start") : 0;
    if (!err) err = bind_sockets(m, config, f);
    if (!err) err = gather(m, config, f);
    if (!err && config->record_dir && config->record_dir[0])
        err = recorder_open(&m->recorder, &(struct recorder_config){.dir = config->record_dir, .n_inlets = m->crew.n, .on_event = config->on_event,
                                                                    .ctx = config->on_event_ctx, .min_free_bytes = config->record_min_free_bytes}, f);
    if (!err && config->tcp_port) {
        add_streams(m, config->tcp_port);
        if (open_streams(m)) err = fault_set(f, ERR_INTERNAL, "streams", "media: could not start ICE over TCP");
    }
    if (!err && caster_open(&m->caster, config, m->crew.n))
        err = fault_set(f, ERR_INTERNAL, "thread", "media: could not start the packager");
    if (!err && (handshake_open(&m->handshake, engine) || start(m)))
        err = fault_set(f, ERR_INTERNAL, "thread", "media: could not start the workers");
    if (!err && config->pipe_program && *config->pipe_program && open_intake(m, config))
        err = fault_set(f, ERR_INTERNAL, "thread", "media: could not start the intake");
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
    struct worker *w, *end = m->crew.workers + m->crew.n;
    intake_close(m->intake); /* before the workers: it feeds them */
    streams_close(m->streams);
    __atomic_store_n(&m->stop, 1, __ATOMIC_RELEASE);
    for (w = m->crew.workers; w < end; w++)
        if (w->mailbox) mailbox_close(w->mailbox);
    for (w = m->crew.workers; w < end; w++)
        if (w->started) worker_wake(w);
    for (w = m->crew.workers; w < end; w++)
        worker_join(w);
    handshake_close(m->handshake); /* after the workers: they ask it to say goodbye, through their sockets */
    recorder_close(m->recorder);   /* after the workers too: they fed it */
    caster_close(m->caster);
    for (w = m->crew.workers; w < end; w++) {
        if (w->mailbox) mailbox_free(w->mailbox, message_drop);
        worker_fini(w);
        if (w->socket >= 0) close(w->socket);
        if (w->wake >= 0) close(w->wake);
    }
    free(m->crew.workers);
    placement_fini(&m->placement);
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

static unsigned owner_of(struct media *m, const struct media_cmd *cmd)
{
    uint32_t load[WORKERS_MAX];
    bool begins = cmd->type == MEDIA_PEER_OPEN || cmd->type == MEDIA_RECORD_START;
    for (unsigned i = 0; begins && i < m->crew.n; i++)
        load[i] = __atomic_load_n(&m->crew.workers[i].load, __ATOMIC_RELAXED);
    return placement_of(&m->placement, cmd->room, begins, load);
}

bool media_answers(struct media *m)
{
    bool all = true;
    for (unsigned i = 0; i < m->crew.n; i++)
        all &= worker_answers(&m->crew.workers[i], clock_monotonic_us());
    return all;
}

/* Every worker must know whose a user fragment is before the first check can come. */
static void announce(struct media *m, unsigned owner, const char *ufrag, bool forget)
{
    struct route r = {.key = table_hash(ufrag, strnlen(ufrag, 16)), .forget = forget, .owner = (uint8_t)owner};
    for (unsigned i = 0; i < m->crew.n; i++)
        if (i != owner) worker_route(&m->crew.workers[i], &r);
}

int media_post(struct media *m, const struct media_cmd *cmd)
{
    unsigned owner = owner_of(m, cmd);
    bool named = (cmd->type == MEDIA_PEER_OPEN && !cmd->peer_open.inside) || cmd->type == MEDIA_PEER_RESTART;
    if (named) announce(m, owner, cmd->peer_open.local_ufrag, false);
    int err = worker_post(&m->crew.workers[owner], cmd);
    if (err && named) announce(m, owner, cmd->peer_open.local_ufrag, true);
    if (!err && cmd->type == MEDIA_ROOM_CLOSE) placement_forget(&m->placement, cmd->room); /* what comes later begins anew, perhaps elsewhere */
    return err;
}
