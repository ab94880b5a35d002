#include "media/worker/ingress.h"
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#define WAITED_US_MAX 10000000 /* more is a clock that was set */

static int64_t to_us(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

int ingress_open(struct ingress *in, int socket)
{
    *in = (struct ingress){.socket = socket, .bytes = malloc((size_t)INGRESS_MESSAGES * INGRESS_STRIDE)};
    ingress_prepare(socket);
    homes_ask(socket);
    return in->bytes ? 0 : ERR_INTERNAL;
}

void ingress_prepare(int socket)
{
    int on = 1;
    (void)!setsockopt(socket, IPPROTO_UDP, UDP_GRO, &on, sizeof on); /* an older kernel hands them over one by one */
    (void)!setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

void ingress_close(struct ingress *in)
{
    free(in->bytes);
    in->bytes = NULL;
}

size_t ingress_read(struct ingress *in)
{
    return ingress_read_of(in, in->socket);
}

size_t ingress_read_of(struct ingress *in, int socket)
{
    for (size_t i = 0; i < INGRESS_MESSAGES; i++) {
        in->iov[i] = (struct iovec){in->bytes + i * INGRESS_STRIDE, INGRESS_BYTES};
        in->headers[i].msg_hdr = (struct msghdr){.msg_name = &in->from[i], .msg_namelen = sizeof in->from[i], .msg_iov = &in->iov[i],
                                                 .msg_iovlen = 1, .msg_control = in->control[i].room, .msg_controllen = sizeof in->control[i].room};
    }
    int n = recvmmsg(socket, in->headers, INGRESS_MESSAGES, MSG_DONTWAIT, NULL);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    in->read_us = to_us(&now);
    return n > 0 ? (size_t)n : 0;
}

/* The length of its segments, when and where it came, as far as the kernel said. */
static size_t read_control(struct ingress *in, struct msghdr *h, size_t len)
{
    size_t segment = len;
    in->waited_us = 0;
    in->home = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        struct timespec came;
        int n;
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&n, CMSG_DATA(c), sizeof n);
            if (n > 0) segment = (size_t)n;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&came, CMSG_DATA(c), sizeof came);
            in->waited_us = in->read_us - to_us(&came);
        } else {
            in->home |= homes_read(c);
        }
    }
    if (in->waited_us < 0 || in->waited_us > WAITED_US_MAX) in->waited_us = 0;
    return segment;
}

void ingress_each(struct ingress *in, size_t n, void (*take)(void *ctx, uint8_t *data, size_t len, const struct address *from), void *ctx)
{
    for (size_t i = 0; i < n; i++) {
        struct msghdr *h = &in->headers[i].msg_hdr;
        size_t len = in->headers[i].msg_len, segment = read_control(in, h, len);
        struct address from;
        if (h->msg_flags & MSG_TRUNC || segment > DATAGRAM_MAX) continue;
        address_from_sockaddr(&from, &in->from[i]);
        from.home = in->home;
        for (size_t at = 0; at < len; at += segment)
            take(ctx, in->iov[i].iov_base + at, len - at < segment ? len - at : segment, &from);
    }
}
