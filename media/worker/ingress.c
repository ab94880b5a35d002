#include "media/worker/ingress.h"
#include <netinet/udp.h>
#include <stdlib.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

int ingress_open(struct ingress *in, int socket)
{
    *in = (struct ingress){.socket = socket, .bytes = malloc((size_t)INGRESS_MESSAGES * INGRESS_STRIDE)};
    ingress_prepare(socket);
    return in->bytes ? 0 : ERR_INTERNAL;
}

void ingress_prepare(int socket)
{
    int on = 1;
    (void)!setsockopt(socket, IPPROTO_UDP, UDP_GRO, &on, sizeof on); /* an older kernel hands them over one by one */
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
    return n > 0 ? (size_t)n : 0;
}

static size_t segment_of(struct msghdr *h, size_t len)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        int n;
        if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO) continue;
        memcpy(&n, CMSG_DATA(c), sizeof n);
        if (n > 0) return (size_t)n;
    }
    return len;
}

void ingress_each(struct ingress *in, size_t n, void (*take)(void *ctx, uint8_t *data, size_t len, const struct address *from), void *ctx)
{
    for (size_t i = 0; i < n; i++) {
        struct msghdr *h = &in->headers[i].msg_hdr;
        size_t len = in->headers[i].msg_len, segment = segment_of(h, len);
        struct address from;
        if (h->msg_flags & MSG_TRUNC || segment > DATAGRAM_MAX) continue;
        address_from_sockaddr(&from, &in->from[i]);
        for (size_t at = 0; at < len; at += segment)
            take(ctx, in->iov[i].iov_base + at, len - at < segment ? len - at : segment, &from);
    }
}
