/* rtc_client - a small WebRTC endpoint for tests and benches: ICE checks, DTLS client, SRTP, one UDP socket, no threads.
 * Uses media/transport's engines from the other side; the browser tests prove those against real browsers. */
#ifndef YL_TESTS_LIB_RTC_CLIENT_H
#define YL_TESTS_LIB_RTC_CLIENT_H

#include "media/rtp/bytes.h"
#include "media/rtp/rtcp.h"
#include "media/rtp/rtp.h"
#include "media/transport/ice.h"
#include "media/transport/srtp_box.h"
#include "server/base/clock.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct rtc_client {
    int fd;
    struct sockaddr_in server;
    struct sockaddr_in6 server6;
    char user[64], password[32];
    struct dtls *dtls;
    struct srtp_box *srtp;
    bool checked;
    bool passive; /* set before rtc_client_open: the server sends the ClientHello */
    bool ipv6;    /* likewise: it comes over IPv6 */
    int rtp_in, plis_in, nacks_in, reports_in;
    uint64_t remb_bps;
    int64_t came_us; /* when the packet at hand came to the socket (monotonic), by the kernel: a process that waits for a processor reads it later */
    void (*on_rtp)(void *ctx, const struct rtp *packet);
    void *ctx;
};

static inline void rtc_client_out(void *ctx, const uint8_t *d, size_t len)
{
    struct rtc_client *c = ctx;
    if (c->ipv6) (void)!sendto(c->fd, d, len, 0, (struct sockaddr *)&c->server6, sizeof c->server6);
    else (void)!sendto(c->fd, d, len, 0, (struct sockaddr *)&c->server, sizeof c->server);
}

static inline void rtc_client_rebind(struct rtc_client *c) /* the network moved: another local port */
{
    int fd = socket(c->ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), room = 2 << 20, on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room); /* what comes while a busy machine lets nobody read it */
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (c->fd > 0) close(c->fd);
    c->fd = fd;
}

static inline void rtc_client_check(struct rtc_client *c)
{
    uint8_t b[256], id[12];
    struct stun_builder s;
    int64_t t = clock_monotonic_us();
    memcpy(id, &t, 8);
    memcpy(id + 8, &c->fd, 4);
    stun_begin(&s, b, sizeof b, STUN_BINDING_REQUEST, id);
    stun_add(&s, STUN_USERNAME, c->user, strlen(c->user));
    stun_add_u32(&s, STUN_PRIORITY, 1862270975);
    stun_add(&s, STUN_USE_CANDIDATE, NULL, 0);
    stun_add_u64(&s, STUN_ICE_CONTROLLING, 1);
    rtc_client_out(c, b, stun_end(&s, c->password));
}

static inline int rtc_client_open(struct rtc_client *c, struct dtls_identity *id, uint16_t port, const struct ice_credentials *server,
                                  const char *server_fingerprint)
{
    bool passive = c->passive, ipv6 = c->ipv6;
    memset(c, 0, sizeof *c);
    c->passive = passive;
    c->ipv6 = ipv6;
    rtc_client_rebind(c);
    c->server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->server6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    snprintf(c->user, sizeof c->user, "%s:cccc", server->ufrag);
    snprintf(c->password, sizeof c->password, "%s", server->password);
    struct dtls_params p = {id, !passive, server_fingerprint, rtc_client_out, c};
    return dtls_new(&c->dtls, &p);
}

static inline void rtc_client_close(struct rtc_client *c)
{
    dtls_close(c->dtls);
    dtls_free(c->dtls);
    srtp_box_free(c->srtp);
    close(c->fd);
}

static inline void rtc_client_pli(void *ctx, uint32_t ssrc)
{
    ((struct rtc_client *)ctx)->plis_in++;
}
static inline void rtc_client_nack(void *ctx, uint32_t ssrc, uint16_t seq)
{
    ((struct rtc_client *)ctx)->nacks_in++;
}
static inline void rtc_client_remb(void *ctx, uint64_t bps)
{
    ((struct rtc_client *)ctx)->remb_bps = bps;
}
static inline void rtc_client_sr(void *ctx, const struct rtcp_sender_info *s)
{
    ((struct rtc_client *)ctx)->reports_in++;
}

static inline void rtc_client_datagram(struct rtc_client *c, uint8_t *b, size_t n)
{
    struct stun_message m;
    if (b[0] < 4) {
        if (stun_parse(b, n, &m) || m.type != STUN_BINDING_SUCCESS || !stun_authentic(&m, c->password)) return;
        if (!c->checked) dtls_start(c->dtls, clock_monotonic_us());
        c->checked = true;
    } else if (b[0] < 64) {
        dtls_input(c->dtls, b, n, clock_monotonic_us());
        struct dtls_keys k;
        dtls_keys(c->dtls, &k);
        if (dtls_state(c->dtls) == DTLS_CONNECTED && !c->srtp) (void)!srtp_box_new(&c->srtp, &k);
    } else if (c->srtp) {
        bool rtcp = rtp_is_rtcp(b, n);
        struct rtcp_handler h = {.sender = rtc_client_sr, .keyframe = rtc_client_pli, .nack = rtc_client_nack, .remb = rtc_client_remb, .ctx = c};
        struct rtp r;
        if (srtp_box_open(c->srtp, b, &n, rtcp)) return;
        if (rtcp) {
            (void)!rtcp_parse(b, n, &h);
        } else if (rtp_parse(b, n, &r) == 0) {
            c->rtp_in++;
            if (c->on_rtp) c->on_rtp(c->ctx, &r);
        }
    }
}

static inline ssize_t rtc_client_recv(struct rtc_client *c, uint8_t *b, size_t cap)
{
    union {
        struct cmsghdr head;
        uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec piece = {b, cap};
    struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT);
    const struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    c->came_us = clock_monotonic_us();
    if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) { /* by the clock of the day, which may be on its way to be put right: how long ago it was */
        struct timespec came, now;
        memcpy(&came, CMSG_DATA(h), sizeof came);
        clock_gettime(CLOCK_REALTIME, &now);
        c->came_us -= (now.tv_sec - came.tv_sec) * 1000000ll + (now.tv_nsec - came.tv_nsec) / 1000;
    }
    return n;
}

/* Takes what has come (waiting up to `ms` for the first), runs timers. */
static inline void rtc_client_poll(struct rtc_client *c, int ms)
{
    uint8_t b[2048];
    struct pollfd p = {c->fd, POLLIN, 0};
    poll(&p, 1, ms);
    for (ssize_t n; (n = rtc_client_recv(c, b, sizeof b)) > 0;)
        rtc_client_datagram(c, b, (size_t)n);
    dtls_tick(c->dtls, clock_monotonic_us());
}

static inline bool rtc_client_connect(struct rtc_client *c, int limit_ms)
{
    for (int64_t end = clock_monotonic_us() + limit_ms * 1000; clock_monotonic_us() < end && !c->srtp;) {
        if (!c->checked) rtc_client_check(c);
        rtc_client_poll(c, 20);
    }
    return c->srtp != NULL;
}

static inline void rtc_client_send(struct rtc_client *c, const uint8_t *packet, size_t len, bool rtcp)
{
    uint8_t b[2048];
    struct rtp r;
    if (!c->srtp) return;
    memcpy(b, packet, len);
    if (rtcp) {
        len = srtp_seal_rtcp(srtp_box_seal(c->srtp), b, len);
    } else {
        if (rtp_parse(packet, len, &r)) return;
        size_t head = (size_t)(r.payload - packet);
        struct srtp_piece body = {r.payload, len - head};
        len = srtp_seal_packet(srtp_box_seal(c->srtp), b, head, &body, 1);
    }
    rtc_client_out(c, b, len);
}

/* A VP8 packet that is a whole frame. */
static inline size_t rtc_client_vp8(uint8_t *b, uint16_t seq, uint32_t ssrc, bool key, size_t len)
{
    memset(b, 0x55, len);
    b[0] = 0x80;
    b[1] = 0x80 | 96;
    put_u16(b + 2, seq);
    put_u32(b + 4, seq * 3000u);
    put_u32(b + 8, ssrc);
    memcpy(b + 12, (uint8_t[]){0x10, key ? 0 : 1, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0}, 11);
    return len;
}
#endif
