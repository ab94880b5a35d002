#include "media/worker/streams.h"
#include "media/transport/address.h"
#include "media/transport/framing.h"
#include "media/worker/figures.h"
#include "media/worker/ingress.h"
#include "server/base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define QUEUE (64 << 10)     /* of one connection, towards the client: half a second at 1 Mbit/s */
#define UNSENT (16 << 10)    /* and this much more in the kernel */
#define IN_BYTES (2 * (FRAMING_BYTES + DATAGRAM_MAX))
#define SWEEP_MS 1000
#define ROUNDS 64            /* datagrams of one connection before the next gets its turn */

struct stream {
    struct end { /* what epoll knows */
        struct stream *stream;
        int fd;
    } tcp, udp;
    struct stream *next, **back;
    int64_t begun_ms, heard_ms;
    bool proved;   /* a worker answered */
    bool over;     /* freed after the events at hand */
    bool blocked;  /* EPOLLOUT is awaited */
    size_t n_in, n_out, sent;
    uint8_t in[IN_BYTES], out[QUEUE];
};

struct streams { /* the thread's own, but for the pipe's writing end */
    struct stream *all;
    unsigned n;
    int epoll;
    int door[2]; /* a pipe of descriptors; STOP ends the thread */
    bool started;
    struct sockaddr_storage workers;
    pthread_t thread;
};
#define STOP (-1)

/* ---- connections ---- */

static bool watch(struct streams *s, struct end *e, uint32_t events)
{
    struct epoll_event v = {.events = events, .data.ptr = e};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, e->fd, &v) == 0;
}

static int loopback_socket(const struct sockaddr_storage *workers)
{
    int fd = socket(workers->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = 1 << 20;
    socklen_t len = workers->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)workers, len)) {
        close(fd);
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* a keyframe comes at once */
    return fd;
}

/* By the port of a connection's datagram socket: what is behind it. Written by our thread, read by the workers. */
static _Atomic uint8_t families[65536];
static struct address near; /* where they are, before the workers run: like the workers' own */

static uint16_t own_port(int fd)
{
    struct sockaddr_storage own = {0};
    struct address a;
    socklen_t len = sizeof own;
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&own, &len)) return 0;
    address_from_sockaddr(&a, &own);
    return a.port;
}

static void note_family(const struct stream *t)
{
    struct sockaddr_storage far = {0};
    struct address a;
    socklen_t len = sizeof far;
    uint16_t port = own_port(t->udp.fd);
    if (!port || getpeername(t->tcp.fd, (struct sockaddr *)&far, &len)) return;
    address_from_sockaddr(&a, &far);
    families[port] = a.ipv6 ? STREAMS_IPV6 : STREAMS_IPV4;
}

enum streams_family streams_family(const struct address *a)
{
    return a->ipv6 == near.ipv6 && memcmp(a->ip, near.ip, sizeof a->ip) == 0 ? (enum streams_family)families[a->port] : STREAMS_NONE;
}

/* Closing alone does not end the watching: a child that is being started holds the same sockets for a moment. */
static void end_close(struct streams *s, struct end *e)
{
    if (e->fd < 0) return;
    (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, e->fd, NULL);
    close(e->fd);
}

static void stream_free(struct streams *s, struct stream *t)
{
    uint16_t port = own_port(t->udp.fd);
    if (port) families[port] = STREAMS_NONE;
    end_close(s, &t->udp);
    end_close(s, &t->tcp);
    free(t);
}

static bool enlist(struct streams *s, struct stream *t)
{
    if (s->n == STREAMS_MAX || t->udp.fd < 0 || !watch(s, &t->udp, EPOLLIN) || !watch(s, &t->tcp, EPOLLIN | EPOLLRDHUP)) return false;
    t->next = s->all;
    t->back = &s->all;
    if (t->next) t->next->back = &t->next;
    s->all = t;
    metric_set(figures.streams, ++s->n);
    return true;
}

static void delist(struct streams *s, struct stream *t)
{
    *t->back = t->next;
    if (t->next) t->next->back = t->back;
    metric_set(figures.streams, --s->n);
    stream_free(s, t);
}

static void begin(struct streams *s, int fd)
{
    struct stream *t = malloc(sizeof *t);
    int one = 1, unsent = UNSENT;
    if (!t) {
        close(fd);
        return;
    }
    memset(t, 0, offsetof(struct stream, in)); /* the buffers stay untouched until they are needed */
    t->tcp = (struct end){t, fd};
    t->udp = (struct end){t, loopback_socket(&s->workers)};
    t->begun_ms = t->heard_ms = clock_monotonic_us() / 1000;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    note_family(t);
    if (enlist(s, t)) return;
    metric_add(figures.refused, 1);
    stream_free(s, t);
}

void streams_take(struct streams *s, int fd)
{
    if (write(s->door[1], &fd, sizeof fd) == sizeof fd) return; /* atomic: shorter than PIPE_BUF */
    metric_add(figures.refused, 1);
    close(fd);
}

/* ---- client to worker ---- */

/* False: what came is nothing of ours. */
static bool pass_frames(struct stream *t)
{
    size_t at = 0, len, whole;
    while ((whole = framing_next(t->in + at, t->n_in - at, &len))) {
        const uint8_t *datagram = t->in + at + FRAMING_BYTES;
        if (len > DATAGRAM_MAX || (!t->proved && len && !framing_is_stun(datagram, len))) return false;
        if (len) (void)!send(t->udp.fd, datagram, len, MSG_DONTWAIT); /* a full worker loses it, as from a network */
        at += whole;
    }
    t->n_in -= at;
    memmove(t->in, t->in + at, t->n_in);
    return t->n_in < FRAMING_BYTES || (t->in[0] << 8 | t->in[1]) <= DATAGRAM_MAX; /* else it would never be whole */
}

static void from_client(struct stream *t)
{
    for (int i = 0; i < ROUNDS && !t->over; i++) {
        ssize_t n = recv(t->tcp.fd, t->in + t->n_in, sizeof t->in - t->n_in, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0) {
            t->over = true;
            return;
        }
        t->heard_ms = clock_monotonic_us() / 1000;
        t->n_in += (size_t)n;
        t->over = !pass_frames(t);
    }
}

/* ---- worker to client ---- */

static void await(struct streams *s, struct stream *t, bool blocked)
{
    struct epoll_event v = {.events = EPOLLIN | EPOLLRDHUP | (blocked ? (uint32_t)EPOLLOUT : 0), .data.ptr = &t->tcp};
    if (blocked == t->blocked) return;
    t->blocked = blocked;
    if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, t->tcp.fd, &v)) t->over = true;
}

static void flush(struct streams *s, struct stream *t)
{
    while (t->sent < t->n_out) {
        ssize_t n = send(t->tcp.fd, t->out + t->sent, t->n_out - t->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            if (errno != EAGAIN) t->over = true;
            break;
        }
        t->sent += (size_t)n;
    }
    if (t->sent == t->n_out) t->sent = t->n_out = 0;
    await(s, t, t->n_out > 0);
}

static void from_worker(struct streams *s, struct stream *t)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (sizeof t->out - t->n_out < FRAMING_BYTES + DATAGRAM_MAX && t->sent) { /* make room at the end */
            memmove(t->out, t->out + t->sent, t->n_out - t->sent);
            t->n_out -= t->sent;
            t->sent = 0;
        }
        bool full = sizeof t->out - t->n_out < FRAMING_BYTES + DATAGRAM_MAX;
        uint8_t dropped[DATAGRAM_MAX];
        ssize_t n = full ? recv(t->udp.fd, dropped, sizeof dropped, MSG_DONTWAIT)
                         : recv(t->udp.fd, t->out + t->n_out + FRAMING_BYTES, DATAGRAM_MAX, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break; /* nothing more, or the workers are gone */
        t->proved = true;
        if (full) {
            metric_add(figures.stream_drops, 1);
            continue;
        }
        framing_write(t->out + t->n_out, (size_t)n);
        t->n_out += FRAMING_BYTES + (size_t)n;
    }
    flush(s, t);
}

/* ---- the thread ---- */

static void sweep(struct streams *s)
{
    int64_t now = clock_monotonic_us() / 1000;
    for (struct stream *t = s->all, *next; t; t = next) {
        next = t->next;
        if (t->over || (!t->proved && now - t->begun_ms > STREAMS_PROVE_MS) || now - t->heard_ms > STREAMS_IDLE_MS) delist(s, t);
    }
}

/* False: it is time to end. */
static bool open_door(struct streams *s)
{
    for (int fd; read(s->door[0], &fd, sizeof fd) == sizeof fd;) {
        if (fd == STOP) return false;
        begin(s, fd);
    }
    return true;
}

static void handle(struct streams *s, struct end *e, uint32_t events)
{
    struct stream *t = e->stream;
    if (t->over) return;
    if (e == &t->udp) {
        from_worker(s, t);
        return;
    }
    if (events & (EPOLLERR | EPOLLHUP)) t->over = true;
    if (events & EPOLLOUT && !t->over) flush(s, t);
    if (events & (EPOLLIN | EPOLLRDHUP) && !t->over) from_client(t);
}

static void *run(void *arg)
{
    struct streams *s = arg;
    struct epoll_event events[64];
    int64_t swept_ms = 0;
    for (bool go = true; go;) {
        int n = epoll_wait(s->epoll, events, 64, s->all ? SWEEP_MS : -1);
        bool any_over = false;
        for (int i = 0; i < n; i++) {
            struct end *e = events[i].data.ptr;
            if (!e) continue; /* the door, last: what begins there has no events among these */
            handle(s, e, events[i].events);
            any_over = any_over || e->stream->over;
        }
        go = open_door(s);
        int64_t now = clock_monotonic_us() / 1000;
        if (any_over || now - swept_ms >= SWEEP_MS) {
            swept_ms = now;
            sweep(s);
        }
    }
    return NULL;
}

int streams_open(struct streams **out, const struct sockaddr_storage *workers)
{
    struct streams *s = calloc(1, sizeof *s);
    struct epoll_event door = {.events = EPOLLIN};
    *out = s;
    if (!s) return ERR_UNAVAILABLE;
    s->workers = *workers;
    address_from_sockaddr(&near, workers);
    s->door[0] = s->door[1] = -1;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0 || pipe2(s->door, O_CLOEXEC | O_NONBLOCK) || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->door[0], &door) ||
        pthread_create(&s->thread, NULL, run, s))
        return ERR_UNAVAILABLE;
    s->started = true;
    pthread_setname_np(s->thread, "media-tcp");
    return 0;
}

void streams_close(struct streams *s)
{
    static const int stop = STOP;
    int fd;
    if (!s) return;
    if (s->started) {
        (void)fcntl(s->door[1], F_SETFL, 0); /* this one waits for room */
        if (write(s->door[1], &stop, sizeof stop) == sizeof stop) pthread_join(s->thread, NULL);
        while (read(s->door[0], &fd, sizeof fd) == sizeof fd)
            if (fd != STOP) close(fd);
    }
    while (s->all)
        delist(s, s->all);
    for (int i = 0; i < 2; i++)
        if (s->door[i] >= 0) close(s->door[i]);
    if (s->epoll >= 0) close(s->epoll);
    free(s);
}
