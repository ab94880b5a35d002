#include "media/worker/egress.h"
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

int egress_open(struct egress *e, int socket, int family, bool segments)
{
    int off = 0;
    *e = (struct egress){.socket = socket, .family = family, .arena = malloc(EGRESS_BYTES)};
    e->segments = segments && setsockopt(socket, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof off) == 0; /* 0: none by default, but it is known */
    return e->arena ? 0 : ERR_INTERNAL;
}

void egress_close(struct egress *e)
{
    free(e->arena);
    e->arena = NULL;
}

uint8_t *egress_room(struct egress *e, size_t bytes)
{
    if (e->n == EGRESS_MESSAGES || EGRESS_BYTES - e->used < bytes) egress_flush(e);
    return e->arena + e->used;
}

static void say_segment(struct egress_message *m)
{
    struct cmsghdr *c = (struct cmsghdr *)(m->control.room + m->home);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof m->segment);
    memcpy(CMSG_DATA(c), &m->segment, sizeof m->segment);
}

void egress_put(struct egress *e, size_t bytes, size_t segment, const struct address *to)
{
    struct egress_message *m = &e->messages[e->n];
    struct msghdr *h = &e->headers[e->n].msg_hdr;
    m->bytes = (struct iovec){e->arena + e->used, bytes};
    m->segment = (uint16_t)segment;
    m->count = (bytes + segment - 1) / segment;
    *h = (struct msghdr){.msg_name = &m->to, .msg_namelen = address_to_sockaddr(to, e->family, &m->to), .msg_iov = &m->bytes, .msg_iovlen = 1};
    m->home = homes_write(to->home, e->family, &m->control.align);
    if (m->count > 1) say_segment(m);
    h->msg_controllen = m->home + (m->count > 1 ? CMSG_SPACE(sizeof m->segment) : 0);
    if (h->msg_controllen) h->msg_control = m->control.room;
    e->used += bytes;
    e->n++;
}

/* True when the first of them went. */
static bool send_singly(struct egress *e, const struct egress_message *m, const struct msghdr *run)
{
    struct iovec bytes = {m->bytes.iov_base, m->segment};
    struct msghdr h = *run;
    bool first = false;
    h.msg_iov = &bytes;
    h.msg_controllen = m->home;
    for (size_t left = m->bytes.iov_len, of = left; left; left -= bytes.iov_len, bytes.iov_base = (uint8_t *)bytes.iov_base + bytes.iov_len) {
        if (left < bytes.iov_len) bytes.iov_len = left;
        bool sent = sendmsg(e->socket, &h, MSG_DONTWAIT) >= 0;
        e->drops += !sent;
        e->sends++;
        if (left == of) first = sent;
    }
    return first;
}

/* The socket's buffer is full: a burst to a thousand receivers is faster than the card. It drains within milliseconds, and waiting is
 * cheaper than what losing costs; not for long, since others wait too. */
static bool drained(struct egress *e, int *patience_ms)
{
    struct pollfd p = {.fd = e->socket, .events = POLLOUT};
    if (errno != EAGAIN || *patience_ms <= 0) return false;
    return poll(&p, 1, (*patience_ms)--) > 0;
}

static void send_all(struct egress *e)
{
    int patience_ms = 4;
    size_t at = 0;
    while (at < e->n) {
        struct egress_message *m = &e->messages[at];
        if (m->count > 1 && !e->segments) {
            send_singly(e, m, &e->headers[at++].msg_hdr);
            continue;
        }
        int n = sendmmsg(e->socket, e->headers + at, (unsigned)(e->n - at), MSG_DONTWAIT);
        if (n > 0) {
            e->sends += (uint64_t)n;
            at += (size_t)n;
        } else if (errno == EINTR || drained(e, &patience_ms)) {
            continue;
        } else if (m->count > 1 && (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP)) {
            /* A device without checksum offload, for example: from now on one by one. Or our own address that it should leave from is gone. */
            e->segments = !send_singly(e, m, &e->headers[at++].msg_hdr);
        } else { /* a full buffer or an unreachable peer costs this one message, as a network would */
            e->drops += m->count;
            at++;
        }
    }
}

void egress_flush(struct egress *e)
{
    send_all(e);
    e->n = e->used = 0;
}
