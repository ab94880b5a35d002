/* load_peer - one WebRTC endpoint of the load generator: hundreds live in one thread. ICE with one host candidate, a
 * DTLS client, SRTP, received in batches; every packet is counted by its number, every n-th is opened and what stands in it is checked.
 *
 * What a publisher sends carries, from LOAD_NOTE on in its payload, when it was sent and which part of which frame it is. */
#ifndef YL_TESTS_LIB_LOAD_PEER_H
#define YL_TESTS_LIB_LOAD_PEER_H

#include "tests/lib/rtc_client.h"
#include <netinet/udp.h>
#include <stdlib.h>
#include <time.h>

#define LOAD_MAGIC 0x59694c6f
#define LOAD_NOTE 16
#define LOAD_BATCH 16
#define LOAD_STREAMS 128 /* of one peer; a power of two */

struct load_note { /* in each payload */
    int64_t sent_us;  /* real time */
    uint32_t magic;
    uint16_t publisher;
    uint8_t key, packets, index, pad[3];
};

struct load_stream {
    uint32_t ssrc;
    bool used;
    uint16_t highest;
    uint32_t first, ahead; /* numbers as they would be without wrapping */
    uint64_t seen;         /* bit i: `ahead` - i came */
    uint64_t got, twice;
};

/* As signaling made it known. */
struct load_remote {
    char ufrag[64], password[64], fingerprint[100];
    struct sockaddr_in at;
};

struct load_peer {
    int fd;
    uint16_t port;            /* ours */
    char ufrag[16], password[32];
    struct load_remote remote;
    struct rtc_client rtc;    /* no socket of its own */
    bool started, publishes;
    bool controlled;          /* the other side nominates, as a full agent that made the offer does */
    int room, index;
    int ready;                /* atomic: signaling is through (1) or failed (-1) */
    int64_t asked_us, answered_us, checked_us, connected_us, first_us, picture_us; /* monotonic; 0 = not yet */
    int64_t checked_last_us, report_us;
    struct load_stream *streams;
    size_t n_streams;
    uint64_t got, opened, wrong, plis_before;
    uint32_t key_ts;          /* of the keyframe that is being put together */
    uint32_t key_seen;
    bool every_packet;        /* open all */
};

static int64_t load_clock_offset_us; /* real time minus monotonic */

static inline int64_t load_real_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The socket, bound to `address` (dotted), with the kernel's time on what comes. */
static inline int load_socket(struct load_peer *p, const char *address, bool gro)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    socklen_t n = sizeof sa;
    int on = 1, size = 4 << 20;
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || inet_pton(AF_INET, address, &sa.sin_addr) != 1 || bind(p->fd, (struct sockaddr *)&sa, sizeof sa)) return -1;
    if (getsockname(p->fd, (struct sockaddr *)&sa, &n)) return -1;
    p->port = ntohs(sa.sin_port);
    setsockopt(p->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (gro) setsockopt(p->fd, IPPROTO_UDP, 104, &on, sizeof on); /* UDP_GRO: the kernel hands segments over in one */
    return 0;
}

/* After signaling, on the thread that runs the peers. */
static inline int load_start(struct load_peer *p, struct dtls_identity *id)
{
    struct rtc_client *c = &p->rtc;
    memset(c, 0, sizeof *c);
    c->fd = p->fd;
    c->server = p->remote.at;
    snprintf(c->user, sizeof c->user, "%.40s:%s", p->remote.ufrag, p->ufrag);
    snprintf(c->password, sizeof c->password, "%.31s", p->remote.password);
    struct dtls_params params = {id, true, p->remote.fingerprint, rtc_client_out, c};
    p->streams = calloc(LOAD_STREAMS, sizeof *p->streams);
    p->started = p->streams && dtls_new(&c->dtls, &params) == 0;
    return p->started ? 0 : -1;
}

static inline void load_close(struct load_peer *p)
{
    if (p->started) rtc_client_close(&p->rtc);
    else if (p->fd > 0) close(p->fd);
    free(p->streams);
    memset(p, 0, sizeof *p);
}

/* ---- what comes ---- */
static inline struct load_stream *load_stream_of(struct load_peer *p, uint32_t ssrc)
{
    size_t i = ssrc * 2654435761u >> 25 & (LOAD_STREAMS - 1);
    while (p->streams[i].used && p->streams[i].ssrc != ssrc)
        i = (i + 1) & (LOAD_STREAMS - 1);
    if (!p->streams[i].used && p->n_streams == LOAD_STREAMS - 1) return NULL;
    return &p->streams[i];
}

static inline void load_count(struct load_peer *p, uint32_t ssrc, uint16_t seq)
{
    struct load_stream *s = load_stream_of(p, ssrc);
    if (!s) return;
    if (!s->used) {
        *s = (struct load_stream){.ssrc = ssrc, .used = true, .highest = seq, .first = 0x10000u + seq, .ahead = 0x10000u + seq, .seen = 1, .got = 1};
        p->n_streams++;
        return;
    }
    int16_t d = (int16_t)(seq - s->highest);
    if (d > 0) {
        s->seen = d < 64 ? s->seen << d | 1 : 1;
        s->ahead += (uint32_t)d;
        s->highest = seq;
    } else if (d > -64) {
        if (s->seen >> -d & 1) {
            s->twice++;
            return;
        }
        s->seen |= 1ull << -d;
    }
    s->got++;
}

static inline void load_forget_counts(struct load_peer *p)
{
    for (size_t i = 0; i < LOAD_STREAMS; i++) {
        struct load_stream *s = &p->streams[i];
        s->first = s->ahead + 1;
        s->got = s->twice = 0;
    }
    p->got = p->opened = p->wrong = 0;
}

/* Packets that should have come since load_forget_counts, as far as the numbers tell. */
static inline uint64_t load_expected(const struct load_peer *p)
{
    uint64_t n = 0;
    for (size_t i = 0; i < LOAD_STREAMS; i++)
        if (p->streams[i].used) n += (uint32_t)(p->streams[i].ahead + 1 - p->streams[i].first);
    return n;
}

static inline void load_note_picture(struct load_peer *p, const struct rtp *r, const struct load_note *n, int64_t at_us)
{
    if (!n->key || p->picture_us || n->index >= 32) return;
    if (r->timestamp != p->key_ts) p->key_seen = 0;
    p->key_ts = r->timestamp;
    p->key_seen |= 1u << n->index;
    if (p->key_seen == (uint32_t)((1ull << n->packets) - 1)) p->picture_us = at_us - load_clock_offset_us;
}

/* An SRTP packet is opened and checked; its note into *n. False: not authentic, or not what was sent. */
static inline bool load_open(struct load_peer *p, uint8_t *b, size_t len, int64_t at_us, struct load_note *n)
{
    struct rtp r;
    p->opened++;
    if (srtp_box_open(p->rtc.srtp, b, &len, false) || rtp_parse(b, len, &r) || r.payload_len < LOAD_NOTE + sizeof *n) {
        p->wrong++;
        return false;
    }
    memcpy(n, r.payload + LOAD_NOTE, sizeof *n);
    if (n->magic != LOAD_MAGIC || r.payload[r.payload_len - 1] != 0x55) {
        p->wrong++;
        return false;
    }
    load_note_picture(p, &r, n, at_us);
    return true;
}

/* Ours, while the other side is controlling: it does not nominate. */
static inline void load_check(struct load_peer *p)
{
    uint8_t b[256], id[12];
    struct stun_builder s;
    int64_t t = clock_monotonic_us();
    memcpy(id, &t, 8);
    memcpy(id + 8, &p->fd, 4);
    stun_begin(&s, b, sizeof b, STUN_BINDING_REQUEST, id);
    stun_add(&s, STUN_USERNAME, p->rtc.user, strlen(p->rtc.user));
    stun_add_u32(&s, STUN_PRIORITY, 1862270975);
    stun_add_u64(&s, STUN_ICE_CONTROLLED, 1);
    rtc_client_out(&p->rtc, b, stun_end(&s, p->rtc.password));
}

/* A check of a full agent: answered; one that nominates begins the handshake. */
static inline void load_checked(struct load_peer *p, uint8_t *b, size_t len, const struct sockaddr_in *from)
{
    struct stun_message m;
    struct stun_builder s;
    struct sockaddr_storage sa = {0};
    struct address a;
    uint8_t reply[256];
    if (stun_parse(b, len, &m) || m.type != STUN_BINDING_REQUEST || !stun_authentic(&m, p->password)) return;
    memcpy(&sa, from, sizeof *from);
    address_from_sockaddr(&a, &sa);
    stun_begin(&s, reply, sizeof reply, STUN_BINDING_SUCCESS, m.transaction);
    stun_add_mapped(&s, &a);
    (void)!sendto(p->fd, reply, stun_end(&s, p->password), 0, (const struct sockaddr *)from, sizeof *from);
    if (!p->controlled || !m.use_candidate) return;
    p->rtc.server = *from;
    if (!p->rtc.checked) dtls_start(p->rtc.dtls, clock_monotonic_us());
    p->rtc.checked = true;
}

static inline void load_datagram(struct load_peer *p, uint8_t *b, size_t len, const struct sockaddr_in *from)
{
    if (b[0] < 4) load_checked(p, b, len, from);
    if (b[0] >= 4 || !p->controlled) rtc_client_datagram(&p->rtc, b, len);
    if (p->rtc.checked && !p->checked_us) p->checked_us = clock_monotonic_us();
    if (p->rtc.srtp && !p->connected_us) p->connected_us = clock_monotonic_us();
}

struct load_sink { /* what is done with the time of each packet that was opened */
    unsigned every;
    void (*sample)(struct load_peer *p, const struct load_note *n, int64_t at_us);
};

static inline void load_media(struct load_peer *p, uint8_t *b, size_t len, int64_t at_us, const struct load_sink *sink)
{
    struct load_note n;
    load_count(p, get_u32(b + 8), get_u16(b + 2));
    bool open = p->every_packet || !p->picture_us || p->got % sink->every == 0;
    p->got++;
    if (!p->first_us) p->first_us = at_us - load_clock_offset_us;
    if (open && load_open(p, b, len, at_us, &n)) sink->sample(p, &n, at_us);
}

static inline int64_t load_stamp(struct msghdr *h, int *segment)
{
    struct timespec t = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) memcpy(&t, CMSG_DATA(c), sizeof t);
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == 104) memcpy(segment, CMSG_DATA(c), sizeof *segment);
    }
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline void load_message(struct load_peer *p, uint8_t *b, size_t len, struct msghdr *h, const struct load_sink *sink)
{
    int segment = 0;
    int64_t at_us = load_stamp(h, &segment);
    size_t step = segment > 0 ? (size_t)segment : len;
    for (size_t at = 0, n; at < len; at += n) {
        n = len - at < step ? len - at : step;
        if (n < 12 || b[at] < 128 || !p->rtc.srtp || rtp_is_rtcp(b + at, n)) load_datagram(p, b + at, n, h->msg_name);
        else load_media(p, b + at, n, at_us, sink);
    }
}

/* Takes all that waits on the socket; `buffer`: LOAD_BATCH pieces of `piece` bytes. */
static inline void load_receive(struct load_peer *p, uint8_t *buffer, size_t piece, const struct load_sink *sink)
{
    static struct iovec iov[LOAD_BATCH];
    static struct mmsghdr h[LOAD_BATCH];
    static struct sockaddr_in from[LOAD_BATCH];
    static char control[LOAD_BATCH][128];
    for (;;) {
        for (int i = 0; i < LOAD_BATCH; i++) {
            iov[i] = (struct iovec){buffer + (size_t)i * piece, piece};
            h[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i],
                                           .msg_name = &from[i], .msg_namelen = sizeof from[i]};
        }
        int n = recvmmsg(p->fd, h, LOAD_BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            load_message(p, iov[i].iov_base, h[i].msg_len, &h[i].msg_hdr, sink);
        if (n < LOAD_BATCH) return;
    }
}

/* ---- what goes ---- */
/* A report about each stream, once a second, as a browser's. */
static inline void load_report(struct load_peer *p)
{
    uint8_t b[1400];
    struct rtcp_builder w;
    struct rtcp_report r[31];
    size_t n = 0;
    for (size_t i = 0; i < LOAD_STREAMS && n < 31; i++)
        if (p->streams[i].used) r[n++] = (struct rtcp_report){.ssrc = p->streams[i].ssrc, .highest_seq = p->streams[i].ahead};
    rtcp_begin(&w, b, sizeof b - 64);
    if (rtcp_add_rr(&w, 1, r, n)) rtc_client_send(&p->rtc, b, w.len, true);
}

/* Timers: checks (or consent), the handshake, reports. */
static inline void load_tick(struct load_peer *p, int64_t now_us)
{
    struct rtc_client *c = &p->rtc;
    int64_t every = c->checked ? 4000000 : 50000;
    if (now_us - p->checked_last_us >= every) {
        p->checked_last_us = now_us;
        if (p->controlled) load_check(p);
        else rtc_client_check(c);
    }
    if (!c->srtp) dtls_tick(c->dtls, now_us);
    else if (!p->publishes && now_us - p->report_us >= 1000000) {
        p->report_us = now_us;
        load_report(p);
    }
}
#endif
