#include "media/worker/dial.h"
#include "media/worker/figures.h"
#include "media/worker/worker.h"
#include "server/base/crypto.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ASK_US 50000        /* until somebody answers (RFC 8445 14.2) */
#define CONSENT_US 2000000  /* from then on */
#define QUIET_US 5000000    /* nothing is heard: all addresses are tried again */
#define PRIORITY 1862270975 /* peer reflexive, as a check says it (RFC 8445 7.1.1) */

struct dial {
    struct dial *next; /* worker.dials */
    struct peer *peer;
    int fd;
    char user[300], password[260]; /* the other side's password signs both ways (RFC 8445 7.2.2) */
    uint64_t tie_breaker;
    uint8_t transaction[12]; /* its last four bytes count */
    uint32_t asked;
    int64_t asked_us;
    size_t n;
    struct address to[MEDIA_DIAL_MAX];
};

static bool read_address(const struct media_dial *at, struct address *out)
{
    memset(out, 0, sizeof *out);
    out->port = at->port;
    out->ipv6 = inet_pton(AF_INET6, at->ip, out->ip) == 1;
    return out->port && (out->ipv6 || inet_pton(AF_INET, at->ip, out->ip) == 1);
}

/* Bound as the worker's socket is, but for the port. */
static int open_socket(const struct worker *w)
{
    struct sockaddr_storage local;
    socklen_t len = sizeof local;
    int size = 4 << 20, zero = 0;
    int fd = getsockname(w->socket, (struct sockaddr *)&local, &len) ? -1 : socket(w->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (w->family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (w->family == AF_INET6) ((struct sockaddr_in6 *)&local)->sin6_port = 0;
    else ((struct sockaddr_in *)&local)->sin_port = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    ingress_prepare(fd);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (bind(fd, (struct sockaddr *)&local, len) == 0 && epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) == 0) return fd;
    close(fd);
    return -1;
}

int dial_open(struct peer *peer, const struct media_peer_params *p, struct handshake_peer *h)
{
    struct worker *w = peer->worker;
    struct dial *d = calloc(1, sizeof *d);
    if (!d) return ERR_UNAVAILABLE;
    for (size_t i = 0; i < p->n_dial && i < MEDIA_DIAL_MAX; i++)
        if (read_address(&p->dial[i], &d->to[d->n]) && (w->family == AF_INET6 || !d->to[d->n].ipv6)) d->n++;
    d->fd = d->n ? open_socket(w) : -1;
    h->socket = d->fd >= 0 ? dup(d->fd) : -1;
    if (h->socket < 0) {
        if (d->fd >= 0) close(d->fd);
        free(d);
        return ERR_UNAVAILABLE;
    }
    h->own_socket = h->client = true;
    snprintf(d->user, sizeof d->user, "%.259s:%.15s", p->remote_ufrag, p->local_ufrag);
    snprintf(d->password, sizeof d->password, "%s", p->remote_password);
    crypto_random(&d->tie_breaker, sizeof d->tie_breaker);
    crypto_random(d->transaction, sizeof d->transaction);
    d->peer = peer;
    d->next = w->dials;
    w->dials = peer->dial = d;
    return 0;
}

void dial_close(struct peer *peer)
{
    struct dial *d = peer->dial, **at = &peer->worker->dials;
    if (!d) return;
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    peer->dial = NULL;
    (void)epoll_ctl(peer->worker->epoll, EPOLL_CTL_DEL, d->fd, NULL); /* the handshakes' descriptor keeps the socket open for a while */
    close(d->fd);
    explicit_bzero(d, sizeof *d);
    free(d);
}

struct dial *dial_of(struct worker *w, int fd)
{
    struct dial *d = w->dials;
    while (d && d->fd != fd)
        d = d->next;
    return d;
}

size_t dial_sockets(const struct worker *w, int fds[], size_t cap)
{
    size_t n = 0;
    for (const struct dial *d = w->dials; d && n < cap; d = d->next)
        fds[n++] = d->fd;
    return n;
}

static void put(const struct dial *d, const uint8_t *bytes, size_t len, const struct address *to)
{
    struct sockaddr_storage sa;
    socklen_t n = address_to_sockaddr(to, d->peer->worker->family, &sa);
    if (sendto(d->fd, bytes, len, MSG_DONTWAIT, (struct sockaddr *)&sa, n) < 0) d->peer->worker->egress.drops++;
}

void dial_send(struct dial *d, const uint8_t *bytes, size_t len, size_t segment)
{
    for (size_t at = 0; at < len; at += segment)
        put(d, bytes + at, len - at < segment ? len - at : segment, &d->peer->ice.selected);
}

/* ---- checks ---- */
static void check(struct dial *d, const struct address *to)
{
    uint8_t b[600];
    struct stun_builder s;
    d->asked++;
    memcpy(d->transaction + 8, &d->asked, sizeof d->asked);
    stun_begin(&s, b, sizeof b, STUN_BINDING_REQUEST, d->transaction);
    stun_add(&s, STUN_USERNAME, d->user, strlen(d->user));
    stun_add_u32(&s, STUN_PRIORITY, PRIORITY);
    stun_add(&s, STUN_USE_CANDIDATE, NULL, 0);
    stun_add_u64(&s, STUN_ICE_CONTROLLING, d->tie_breaker);
    size_t len = stun_end(&s, d->password);
    if (len) put(d, b, len, to);
}

void dial_tick(struct worker *w)
{
    for (struct dial *d = w->dials; d; d = d->next) {
        const struct ice *ice = &d->peer->ice;
        bool found = ice->has_selected && w->now_us - ice->heard_us < QUIET_US;
        if (d->asked_us && w->now_us - d->asked_us < (found ? CONSENT_US : ASK_US * (d->asked < 40 ? 1 : 10))) continue;
        d->asked_us = w->now_us;
        if (found) check(d, &ice->selected);
        for (size_t i = 0; !found && i < d->n; i++)
            check(d, &d->to[i]);
    }
}

/* Ours is the answer to a check of ours, signed with their password, from where a check went. */
static void answered(struct dial *d, const uint8_t *data, size_t len, const struct address *from)
{
    struct stun_message m;
    bool asked = false;
    for (size_t i = 0; i < d->n; i++)
        asked = asked || address_equal(from, &d->to[i]);
    if (asked && stun_parse(data, len, &m) == 0 && m.type == STUN_BINDING_SUCCESS && memcmp(m.transaction, d->transaction, 8) == 0 &&
        stun_authentic(&m, d->password))
        peer_dialled(d->peer, from);
    else metric_add(figures.refused, 1);
}

void dial_datagram(void *dial, uint8_t *data, size_t len, const struct address *from)
{
    struct dial *d = dial;
    struct worker *w = d->peer->worker;
    w->came_us = w->now_us - w->ingress.waited_us;
    w->counted.packets_in++;
    w->counted.bytes_in += len;
    if (len < 2) return;
    if (data[0] < 4) answered(d, data, len, from);
    else if (address_equal(from, &d->peer->ice.selected)) peer_datagram(d->peer, data, len, from);
}
