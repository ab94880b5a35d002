#include "media/worker/worker.h"
#include "media/worker/figures.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TICK_US 10000

uint8_t *out_slot(struct worker *w)
{
    if (w->n_out == WORKER_BATCH) out_flush(w);
    return w->out[w->n_out].bytes;
}

void out_commit(struct worker *w, size_t len, const struct address *to)
{
    struct out_slot *s = &w->out[w->n_out];
    w->out_iov[w->n_out] = (struct iovec){s->bytes, len};
    w->out_headers[w->n_out].msg_hdr =
        (struct msghdr){.msg_name = &s->to, .msg_namelen = address_to_sockaddr(to, w->family, &s->to),
                        .msg_iov = &w->out_iov[w->n_out], .msg_iovlen = 1};
    w->n_out++;
}

void out_flush(struct worker *w)
{
    size_t at = 0;
    while (at < w->n_out) {
        int n = sendmmsg(w->socket, w->out_headers + at, (unsigned)(w->n_out - at), MSG_DONTWAIT);
        if (n > 0) {
            at += (size_t)n;
        } else if (errno != EINTR) { /* a full buffer or an unreachable peer costs this one packet, as a network would */
            metric_add(figures.send_drops, 1);
            at++;
        }
    }
    w->n_out = 0;
}

void peer_send(struct peer *peer, uint8_t *packet, size_t len, bool rtcp)
{
    struct worker *w = peer->worker;
    if (!peer->srtp || !peer->ice.has_selected || srtp_box_seal(peer->srtp, packet, &len, rtcp)) return;
    peer->down_bytes += len;
    metric_add(figures.packets_out, 1);
    metric_add(figures.bytes_out, (int64_t)len);
    out_commit(w, len, &peer->ice.selected);
}

void worker_event(struct worker *w, const struct media_event *event)
{
    if (w->config.on_event) w->config.on_event(w->config.on_event_ctx, event);
}

void peer_event(struct peer *peer, enum media_event_type type)
{
    struct media_event e = {.type = type, .room = peer->room->id, .peer = peer->id};
    worker_event(peer->worker, &e);
}

static void receive(struct worker *w)
{
    for (int round = 0; round < 8; round++) { /* bounded, so that timers and commands get their turn under flood */
        for (size_t i = 0; i < WORKER_BATCH; i++) {
            w->in_iov[i] = (struct iovec){w->in[i], DATAGRAM_MAX - SRTP_OVERHEAD};
            w->in_headers[i].msg_hdr = (struct msghdr){.msg_name = &w->in_from[i], .msg_namelen = sizeof w->in_from[i],
                                                       .msg_iov = &w->in_iov[i], .msg_iovlen = 1};
        }
        int n = recvmmsg(w->socket, w->in_headers, WORKER_BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) return;
        w->now_us = clock_monotonic_us();
        for (int i = 0; i < n; i++) {
            struct address from;
            address_from_sockaddr(&from, &w->in_from[i]);
            if (!(w->in_headers[i].msg_hdr.msg_flags & MSG_TRUNC))
                worker_datagram(w, w->in[i], w->in_headers[i].msg_len, &from);
        }
        out_flush(w);
        if (n < WORKER_BATCH) return;
    }
}

static void drain_commands(struct worker *w)
{
    uint64_t count;
    if (read(w->wake, &count, sizeof count) < 0 && errno != EAGAIN) return;
    struct media_cmd *cmd;
    while ((cmd = mailbox_take(w->mailbox))) {
        worker_command(w, cmd);
        explicit_bzero(cmd, sizeof *cmd);
        free(cmd);
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[4];
    while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE)) {
        w->now_us = clock_monotonic_us();
        int64_t wait = w->peers.used ? (w->tick_us + TICK_US - w->now_us) / 1000 : -1;
        int n = epoll_wait(w->epoll, events, 4, w->peers.used ? (wait < 0 ? 0 : (int)wait) : -1);
        w->now_us = clock_monotonic_us();
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == w->wake) drain_commands(w);
            else receive(w);
        }
        if (w->now_us - w->tick_us >= TICK_US) {
            w->tick_us = w->now_us;
            worker_tick(w);
        }
        out_flush(w);
    }
    drain_commands(w);
    worker_close_everything(w);
    out_flush(w);
    return NULL;
}

int worker_start(struct worker *w)
{
    w->out = calloc(WORKER_BATCH, sizeof *w->out);
    w->in = calloc(WORKER_BATCH, sizeof *w->in);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!w->out || !w->in || w->epoll < 0) return ERR_INTERNAL;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = w->socket};
    struct epoll_event k = {.events = EPOLLIN, .data.fd = w->wake};
    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->socket, &e) || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &k) ||
        pthread_create(&w->thread, NULL, run, w))
        return ERR_INTERNAL;
    pthread_setname_np(w->thread, "media");
    return 0;
}

void worker_join(struct worker *w)
{
    uint64_t one = 1;
    __atomic_store_n(w->stop, 1, __ATOMIC_RELEASE);
    if (write(w->wake, &one, sizeof one) < 0) log_warn("media", "cannot wake the worker");
    pthread_join(w->thread, NULL);
}
